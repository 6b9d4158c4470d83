/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads, forks and started programs, as the hooks tell them.  The fork
 * handlers run in the forking thread with the host's own handlers around
 * them; a vfork child shares our memory and is known by its pid.
 */
#include "agent/agent.h"

#include "agent/base/clock.h"
#include "agent/base/sys.h"
#include "agent/base/text.h"
#include "agent/config.h"
#include "agent/hot/allocations.h"
#include "agent/hot/host_mask.h"
#include "agent/hot/thread.h"
#include "agent/lifecycle.h"
#include "agent/native/native.h"

#include <pthread.h>

/* A signal frame with AVX-512 state is 3.4 KB, and a fault in a walk nests one. */
#define STACK_LEAST_BYTES (32u << 10)

struct fp_thread_start {
	struct fp_thread thread; /* the slot itself carries the start routine */
};

static bool modules_due;

void fp_agent_modules_later(void)
{
	modules_due = true;
}

static void settle_modules(void)
{
	if (fp_unlikely(modules_due))
		fp_agent_modules_changed();
}

struct fp_thread_start *fp_agent_thread_wrap(void *(*routine)(void *), void *arg, size_t stack_bytes)
{
	struct fp_thread *t;

	if (!fp_context_live() || !fp_context_is_own())
		return NULL;
	settle_modules();
	if (stack_bytes && stack_bytes < STACK_LEAST_BYTES) {
		fp_loss_count(&fp_context.segment, FP_LOSS_threads_not_armed);
		return NULL;
	}
	t = fp_thread_claim();
	if (!t)
		return NULL;
	t->routine = routine;
	t->argument = arg;
	t->tid = 0;
	t->host_blocks = fp_thread_self && fp_thread_self->host_blocks;
	t->stack_low = stack_bytes; /* until it runs */
	t->stack_high = 0;
	return (struct fp_thread_start *)t;
}

void fp_agent_thread_unwrap(struct fp_thread_start *start)
{
	fp_thread_release(&start->thread);
}

void *fp_agent_thread_run(void *start)
{
	struct fp_thread *t = start;
	void *(*routine)(void *) = t->routine;
	void *argument = t->argument;
	int saved_errno = errno;

	if (fp_context_live()) {
		t->stack_high = (uintptr_t)__builtin_frame_address(0);
		if (t->stack_low)
			t->stack_low = t->stack_high - t->stack_low;
		fp_thread_begin(t, 0);
		if (fp_thread_self) {
			fp_host_mask_begin(t);
			fp_agent_thread_key_set(t);
		}
	} else {
		fp_thread_release(t);
	}
	errno = saved_errno;
	return routine(argument);
}

void fp_agent_modules_changed(void)
{
	int saved_errno = errno;
	struct fp_thread *t = fp_thread_enter();

	if (t) {
		uint64_t begin_ns = fp_clock_thread_ns();

		modules_due = false;
		fp_lifecycle_list_modules(false);
		if (fp_context.python.state == FP_PYTHON_ABSENT && fp_python_find(&fp_context.python) == 0) {
			struct fp_capture_header *h = fp_context.segment.header;

			h->python_version_hex = fp_context.python.version_hex;
			h->python_state = fp_context.python.state;
			fp_text_copy(h->python_library, sizeof(h->python_library), fp_context.python.library_path);
			fp_lifecycle_start_memory();
		}
		fp_thread_record(t)->agent_ns += fp_clock_thread_ns() - begin_ns;
		fp_thread_leave(t);
	}
	errno = saved_errno;
}

void fp_agent_fork_prepare(void)
{
	if (fp_context_live() && fp_thread_self)
		fp_thread_self->inside++;
}

void fp_agent_fork_parent(void)
{
	if (!fp_context_live())
		return;
	fp_context.segment.header->forks++;
	if (fp_thread_self)
		fp_thread_self->inside--;
}

/* What the child inherits of its parent's capture, before the mapping is replaced. */
static void follow_parent(struct fp_thread *t)
{
	struct fp_capture_header *h = fp_context.segment.header;
	int parent_pid = h->pid;
	uint32_t parent_image = h->image, sequence = h->forks + 1;
	uint64_t begin_ns = fp_clock_thread_ns(), inherited = fp_memory_forked();

	fp_context.pid = fp_sys_pid();
	if (fp_lifecycle_open_capture(h, fp_run_dir_start_ticks()) < 0) {
		fp_loss_count(&fp_context.segment, FP_LOSS_forks_not_recorded);
		fp_context.state = FP_STATE_OFF;
		return;
	}
	h = fp_context.segment.header;
	h->forked = 1;
	h->parent_pid = parent_pid;
	h->parent_image = parent_image;
	h->fork_sequence = sequence;
	fp_lifecycle_list_modules(true);
	*fp_context.fork_word = 1;
	fp_thread_forked(t);
	fp_lifecycle_start_memory();
	h->mem.inherited_bytes = inherited;
	h->agent_fork_ns = fp_clock_thread_ns() - begin_ns;
}

void fp_agent_fork_child(void)
{
	struct fp_thread *t = fp_thread_self;
	int saved_errno = errno;

	if (fp_context.state != FP_STATE_LIVE)
		return;
	fp_run_dir.is_first = fp_run_dir.renders = false;
	fp_native_forked();
	if (fp_config.subprocesses)
		follow_parent(t);
	else
		fp_context.state = FP_STATE_OFF;
	errno = saved_errno;
}

void fp_agent_spawn(char *const envp[], int n)
{
	struct fp_capture_header *h = fp_context.segment.header;

	if (fp_context.state == FP_STATE_OFF || !*fp_context.fork_word)
		return;
	(void)__atomic_fetch_add(&h->spawns, (uint32_t)n, __ATOMIC_RELAXED);
	for (; envp && *envp; envp++) {
		const char *s = *envp;

		if (!fp_text_starts(s, "LD_PRELOAD="))
			continue;
		for (; *s; s++)
			if (fp_text_starts(s, "libfilperf_agent"))
				return;
	}
	(void)__atomic_fetch_add(&h->losses[FP_LOSS_children_without_agent], (uint64_t)(int64_t)n, __ATOMIC_RELAXED);
}
