/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot and end of the agent.  Boot: in the constructor, one thread, loader
 * calls allowed, the host's heap never.  End: in the destructor or in a hook
 * of _exit and the like, any thread, once; other threads may still run and
 * are told by the state.  docs/architecture.md has the order and its reasons.
 */
#include "agent/lifecycle.h"

#include "agent/agent.h"
#include "agent/base/clock.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/config.h"
#include "agent/hot/allocations.h"
#include "agent/hot/copies.h"
#include "agent/hot/faults.h"
#include "agent/hot/host_mask.h"
#include "agent/hot/sampler.h"
#include "agent/hot/thread.h"
#include "agent/ledger/code_table.h"
#include "agent/ledger/copy_ledger.h"
#include "agent/ledger/node_table.h"
#include "agent/native/native.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* Touched pages of the object itself (text, data, relocations), from smaps. */
#define OBJECT_TOUCHED_BYTES (160u << 10)

struct fp_run_dir fp_run_dir;
static uint64_t boot_begin_ns;
static pthread_key_t thread_key;

static void tell_user(const char *line)
{
	if (fp_run_dir.is_first && line[0])
		(void)fp_sys_write(2, line, fp_text_length(line));
}

static void copy_proc_text(const char *path, char *buffer, size_t n_bytes)
{
	long n = fp_sys_call(SYS_readlinkat, AT_FDCWD, path, buffer, n_bytes - 1);

	buffer[n < 0 ? 0 : n] = 0;
}

static void fill_header(struct fp_capture_header *h, uint64_t start_ticks, uint32_t image)
{
	long n;

	h->pid = fp_context.pid;
	h->ppid = (int)fp_sys_call(SYS_getppid);
	h->start_ticks = start_ticks;
	h->image = image;
	h->is_first = fp_run_dir.is_first;
	h->start_realtime_ns = fp_clock_realtime_ns();
	h->start_monotonic_ns = h->heartbeat_monotonic_ns = fp_clock_monotonic_ns();
	h->signal_number = (uint32_t)fp_context.signal_number;
	copy_proc_text("/proc/self/exe", h->exe, sizeof(h->exe));
	if (fp_sys_call(SYS_getcwd, h->cwd, sizeof(h->cwd)) < 0)
		h->cwd[0] = 0;
	n = fp_sys_read_file("/proc/self/cmdline", h->cmdline, sizeof(h->cmdline));
	h->cmdline_bytes = n < 0 ? 0 : (uint32_t)n;
	fp_text_copy(h->label, sizeof(h->label), fp_config.label);
	fp_text_copy(h->notices, sizeof(h->notices), fp_config.notices);
	h->settings = (struct fp_capture_settings){
		.rate_hz = fp_config.rate_hz,
		.native = fp_config.native,
		.cpu_enabled = fp_config.sampling,
		.max_capture_mb = fp_config.max_capture_mb,
		.duration_ns = fp_config.duration_ns,
	};
}

static void publish_python(void)
{
	struct fp_capture_header *h = fp_context.segment.header;
	const struct fp_python *py = &fp_context.python;

	h->python_version_hex = py->version_hex;
	h->python_free_threaded = py->free_threaded;
	fp_text_copy(h->python_reason, sizeof(h->python_reason), py->reason);
	fp_text_copy(h->python_library, sizeof(h->python_library), py->library_path);
	__atomic_store_n(&h->python_state, py->state, __ATOMIC_RELEASE);
}

int fp_lifecycle_open_capture(void *at, uint64_t start_ticks)
{
	struct fp_segment *s = &fp_context.segment;
	char path[FP_PATH_BYTES];
	int error = -EEXIST;
	uint32_t image = 0;

	for (; error == -EEXIST && image < 10000; image++) {
		fp_run_dir_capture_path(&fp_run_dir, fp_context.pid, start_ticks, image, path, sizeof(path));
		error = fp_segment_create(s, path, fp_config.max_capture_mb, at);
	}
	if (error < 0)
		return error;
	fill_header(s->header, start_ticks, image - 1);
	publish_python();
	if ((error = fp_node_table_init(s)) < 0 || (error = fp_code_table_init(s)) < 0 ||
	    (error = fp_cpu_ledger_init(s)) < 0 ||
	    (fp_config.copies && (error = fp_copy_ledger_init(s, FP_COPY_SAMPLE_BYTES)) < 0))
		return error;
	return 0;
}

static void list_module(void *ctx, const struct fp_module *m, bool added, uint32_t generation)
{
	struct fp_segment *s = &fp_context.segment;
	struct fp_module_record *records = fp_segment_at(s, FP_REGION_MODULES);
	uint64_t used = s->header->regions[FP_REGION_MODULES].used_bytes / sizeof(*records), at;

	(void)ctx;
	if (!added) {
		for (uint64_t i = 0; i < used; i++)
			if (records[i].start == m->start && records[i].last_generation == UINT32_MAX)
				records[i].last_generation = generation - 1;
		return;
	}
	at = fp_segment_claim(s, FP_REGION_MODULES, sizeof(*records));
	if (at == UINT64_MAX) {
		fp_loss_count(s, FP_LOSS_modules_full);
		return;
	}
	records += at / sizeof(*records);
	records->bias = m->bias;
	records->first_generation = generation;
	records->last_generation = UINT32_MAX;
	records->path_text = fp_text_store(s, m->path, (uint32_t)fp_text_length(m->path));
	records->build_id_bytes = m->build_id_bytes;
	for (unsigned i = 0; i < m->build_id_bytes; i++)
		records->build_id[i] = m->build_id[i];
	records->start = m->start;
	__atomic_store_n(&records->end, m->end, __ATOMIC_RELEASE);
}

void fp_lifecycle_list_modules(bool all)
{
	if (all)
		fp_native_each(list_module, NULL);
	else
		(void)fp_native_refresh(list_module, NULL);
}

static void on_thread_exit(void *value)
{
	struct fp_thread *t = value;

	/* Last of all destructors: what the others burn is this thread's too. */
	if (++t->exit_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		(void)pthread_setspecific(thread_key, t);
		return;
	}
	if (t == fp_thread_self)
		fp_thread_end(t);
}

static uint32_t timers_cap(void)
{
	struct rlimit limit;

	if (fp_sys_limit(RLIMIT_SIGPENDING, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT32_MAX;
	return (uint32_t)(limit.rlim_cur / 2);
}

static uint32_t frames_cap(void)
{
	struct rlimit limit;
	bool limited = fp_sys_limit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;

	return limited ? 1024 : 16384;
}

static int map_fork_word(void)
{
	uint32_t *page = fp_sys_map(NULL, FP_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!page)
		return -ENOMEM;
	(void)fp_sys_call(SYS_madvise, page, FP_PAGE_BYTES, MADV_WIPEONFORK);
	*page = 1;
	fp_context.fork_word = page;
	return 0;
}

/* Of the main thread: it grows down to its limit, and ld.so keeps the address
 * at which the program's first instruction found it. */
static void find_main_stack(struct fp_thread *t)
{
	extern void *__libc_stack_end;
	struct rlimit limit;
	uintptr_t end = (uintptr_t)__libc_stack_end;

	if (fp_sys_limit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur > 64u << 20)
		limit.rlim_cur = 64u << 20;
	t->stack_high = end;
	t->stack_low = end - limit.rlim_cur;
}

static int open_run(uint64_t start_ticks)
{
	char error[512];
	int r;

	fp_context.pid = fp_sys_pid();
	r = fp_run_dir_open(environ, fp_context.pid, start_ticks, &fp_run_dir, error, sizeof(error));
	if (r < 0)
		(void)fp_sys_write(2, error, fp_text_length(error));
	return r;
}

/* Only where there is a CPython: other programs get CPU and the envelope. */
void fp_lifecycle_start_memory(void)
{
	const struct fp_python *py = &fp_context.python;

	if (fp_config.mem_mode == FP_MEM_OFF || (py->state != FP_PYTHON_FOUND && py->state != FP_PYTHON_LIVE))
		return;
	fp_memory_start(fp_config.mem_mode, fp_config.mem_native, fp_config.mem_stream, fp_config.sample_bytes,
			fp_config.temporary_threshold);
	if (!fp_context.segment.header->forked)
		fp_domains_install(fp_config.mem_mode == FP_MEM_EXACT);
}

void fp_agent_boot(void)
{
	struct fp_thread *t;
	uint64_t start_ticks = fp_run_dir_start_ticks();
	int error;

	boot_begin_ns = fp_clock_thread_ns();
	fp_config_read(environ);
	if (!fp_config.enabled || open_run(start_ticks) < 0)
		goto out;
	if (fp_run_dir.created)
		fp_config_read_pyproject();
	else if (!fp_run_dir.is_first)
		fp_config_read_run(fp_run_dir.path, environ);
	if (!fp_config.enabled || (!fp_config.subprocesses && !fp_run_dir.is_first))
		goto out;
	tell_user(fp_config.notices);
	if (map_fork_word() < 0)
		goto out;
	fp_context.interval_ns = 1000000000ull / fp_config.rate_hz;
	fp_context.duration_ns = fp_config.duration_ns;
	fp_context.native = fp_config.native;
	fp_context.sampling = fp_config.sampling;
	fp_context.frames_cap = frames_cap();
	fp_context.timers_cap = timers_cap();
	fp_context.temporary_threshold = fp_config.temporary_threshold;
	fp_faults_install(fp_context.sampling);
	(void)fp_python_find(&fp_context.python);
	error = fp_lifecycle_open_capture(NULL, start_ticks);
	if (error < 0) {
		tell_user(error == -ENOSPC ? "filperf: no room for the capture: the disk is full; nothing is recorded\n" :
			  error == -EFBIG  ? "filperf: RLIMIT_FSIZE or RLIMIT_AS leaves no room for the capture; raise it with ulimit; nothing is recorded\n" :
					     "filperf: the capture cannot be made in the run directory; nothing is recorded\n");
		goto out;
	}
	if (fp_run_dir.created) {
		fp_config_write_run(fp_run_dir.path);
		fp_run_dir_export(&fp_run_dir);
	}
	fp_lifecycle_list_modules(false);
	(void)pthread_key_create(&thread_key, on_thread_exit);
	(void)pthread_atfork(fp_agent_fork_prepare, fp_agent_fork_parent, fp_agent_fork_child);
	__atomic_store_n(&fp_context.state, FP_STATE_LIVE, __ATOMIC_RELEASE);
	t = fp_thread_claim();
	if (t) {
		find_main_stack(t);
		t->host_blocks = fp_host_mask_adopt();
		fp_thread_begin(t, FP_THREAD_MAIN);
	}
	fp_lifecycle_start_memory();
	fp_context.segment.header->agent_boot_ns = fp_clock_thread_ns() - boot_begin_ns;
out:
	fp_config_done();
}

void fp_agent_thread_key_set(struct fp_thread *t)
{
	(void)pthread_setspecific(thread_key, t);
}

static void close_header(int reason, int status)
{
	struct fp_capture_header *h = fp_context.segment.header;
	struct rusage usage;

	if (fp_sys_call(SYS_getrusage, RUSAGE_SELF, &usage) == 0) {
		h->cpu_user_ns = (uint64_t)usage.ru_utime.tv_sec * 1000000000 + (uint64_t)usage.ru_utime.tv_usec * 1000;
		h->cpu_system_ns = (uint64_t)usage.ru_stime.tv_sec * 1000000000 + (uint64_t)usage.ru_stime.tv_usec * 1000;
	}
	h->agent_memory_bytes = fp_thread_memory_bytes() + fp_node_table_bytes() + OBJECT_TOUCHED_BYTES;
	for (int i = 0; i < FP_REGION_MAX; i++)
		h->agent_memory_bytes += h->regions[i].populated_bytes;
	h->end_status = status;
	h->end_reason = (uint32_t)reason;
	__atomic_store_n(&h->end_monotonic_ns, fp_clock_monotonic_ns(), __ATOMIC_RELEASE);
}

static bool stop_recording(int reason, int status)
{
	uint32_t live = FP_STATE_LIVE;
	struct fp_thread *t = fp_thread_self;

	if (t)
		t->inside++;
	if (!__atomic_compare_exchange_n(&fp_context.state, &live, FP_STATE_ENDED, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		if (t)
			t->inside--;
		return false;
	}
	if (reason == FP_END_EXEC)
		fp_memory_pause(true);
	else
		fp_memory_freeze();
	if (!fp_context.segment.header->stopped_monotonic_ns)
		fp_thread_end_all();
	fp_copies_settle_all();
	close_header(reason, status);
	if (t)
		t->inside--;
	return true;
}

void fp_agent_end(int reason, int status)
{
	int saved_errno = errno;

	/* The state first: past a seccomp filter even getpid may be deadly. */
	if (fp_context_live() && fp_context_is_own() && stop_recording(reason, status) && fp_run_dir.renders && fp_config.render)
		fp_render_spawn(&fp_run_dir);
	errno = saved_errno;
}

void fp_agent_exit(void)
{
	fp_agent_end(FP_END_EXIT, 0);
}

void fp_agent_filtered(void)
{
	static const char notice[] = "filperf: the program filtered its system calls (seccomp): nothing was recorded after that\n";
	int saved_errno = errno;

	if (fp_context_live() && fp_context_is_own()) {
		char *notices = fp_context.segment.header->notices;
		struct fp_writer w = {notices, sizeof(fp_context.segment.header->notices), fp_text_length(notices), false};

		fp_writer_text(&w, notice);
		fp_loss_count(&fp_context.segment, FP_LOSS_recording_filtered);
		fp_sampler_stop();
		(void)stop_recording(FP_END_NONE, 0);
	}
	errno = saved_errno;
}

void fp_agent_exec_begin(void)
{
	/* The mask is the task's own, in a vfork child too. */
	fp_agent_mask_show();
	if (!fp_context_is_own())
		return;
	fp_context.segment.header->execs++;
	(void)stop_recording(FP_END_EXEC, 0);
}

void fp_agent_exec_failed(void)
{
	struct fp_capture_header *h = fp_context.segment.header;

	fp_agent_mask_hide();
	if (!fp_context_is_own() || h->end_reason != FP_END_EXEC)
		return;
	h->end_reason = FP_END_NONE;
	h->end_monotonic_ns = 0;
	__atomic_store_n(&fp_context.state, FP_STATE_LIVE, __ATOMIC_RELEASE);
	fp_memory_pause(false);
}
