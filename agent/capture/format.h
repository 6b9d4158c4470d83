/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture: one sparse file per process image, mapped MAP_SHARED by the
 * agent while the program runs and read by tools/ at any moment, also after
 * a SIGKILL.  docs/capture-format.md explains the reasons.
 *
 * Shapes only: no code that allocates, no pointers, little endian, LP64.
 * Writer: the agent of the process named in the header (a fork child has a
 * file of its own).  Readers: anybody, concurrently; every count is written
 * after what it counts (release), so a reader that loads it first (acquire)
 * sees whole records.
 */
#ifndef FP_CAPTURE_FORMAT_H
#define FP_CAPTURE_FORMAT_H

#include <assert.h>
#include <stdint.h>

#define FP_CAPTURE_MAGIC "filperf\n" /* 8 bytes, no NUL */
#define FP_CAPTURE_VERSION 1u
#define FP_CAPTURE_SUFFIX ".fpc"

/* A region is a reserved, sparse range of the file that grows from its start. */
enum fp_region_id {
	FP_REGION_HEADER,     /* struct fp_capture_header */
	FP_REGION_THREADS,    /* struct fp_thread_record[] */
	FP_REGION_MODULES,    /* struct fp_module_record[] */
	FP_REGION_CODES,      /* struct fp_code_record[], id 0 unused */
	FP_REGION_CODE_HEADS, /* uint32_t[FP_CODE_HEADS], chains by hash */
	FP_REGION_TEXT,       /* struct fp_text, 8-aligned, offset 0 unused */
	FP_REGION_NODES,      /* struct fp_node[], id 0 = root */
	FP_REGION_NODE_HEADS, /* uint32_t[FP_NODE_HEADS] */
	FP_REGION_CPU,        /* struct fp_cpu_slot[], id 0 unused */
	FP_REGION_CPU_HEADS,  /* uint32_t[FP_CPU_HEADS] */
	FP_REGION_LOG,        /* struct fp_log_chunk[], FP_LOG_CHUNK_BYTES each */
	FP_REGION_MAX
};

#define FP_CODE_HEADS 1024u
#define FP_NODE_HEADS 4096u
#define FP_CPU_HEADS 1024u
#define FP_LOG_CHUNK_BYTES 4096u

struct fp_region {
	uint64_t offset_bytes;    /* in the file; page aligned */
	uint64_t reserved_bytes;  /* size of the sparse range */
	uint64_t used_bytes;      /* whole records published so far */
	uint64_t populated_bytes; /* backed by storage, may be touched */
};

/* How a process image ended, as far as its own agent could see. */
enum fp_end_reason {
	FP_END_NONE,     /* still running, or killed from outside */
	FP_END_EXIT,     /* exit(): destructor ran */
	FP_END_UNDERSCORE_EXIT, /* _exit, _Exit, quick_exit */
	FP_END_SIGNAL,   /* kill or raise to itself with a deadly disposition, abort */
	FP_END_EXEC,     /* replaced by exec; stays the same process */
};

enum fp_python_state {
	FP_PYTHON_ABSENT,      /* no CPython in this process */
	FP_PYTHON_FOUND,       /* layout known, not checked against live objects yet */
	FP_PYTHON_LIVE,        /* checked; Python stacks are recorded */
	FP_PYTHON_UNSUPPORTED, /* python_reason names why; native samples go on */
};

/* Everything that was lost, one counter each.  The list exists once:
 * the agent counts, the capture carries, every report prints. */
#define FP_LOSSES(X) \
	X(walk_torn, "samples whose Python stack could not be read whole (weight kept on [torn stack])") \
	X(walk_truncated, "samples deeper than the frame limit (outermost frames missing)") \
	X(no_python_layout, "samples in a CPython that filperf does not know (native part kept)") \
	X(nodes_full, "samples booked on [no room] because the stack table was full") \
	X(codes_full, "functions that could not be named because the code table was full") \
	X(text_full, "names or line tables that did not fit") \
	X(threads_full, "threads that were not recorded because the thread table was full") \
	X(threads_not_armed, "threads without a sampling timer (limit on pending signals, tiny stack)") \
	X(log_full, "samples left out of the timeline because of FIL_PERF_MAX_CAPTURE_MB or a full disk") \
	X(disk_full, "times that the capture could not grow: the disk is full") \
	X(capture_truncated, "times that another program cut the capture while it was written") \
	X(limit_fsize, "times that RLIMIT_FSIZE stopped the capture from growing") \
	X(forks_not_recorded, "fork children that got no capture of their own") \
	X(children_without_agent, "programs started without the agent in their environment") \
	X(modules_full, "loaded objects that could not be listed")
enum fp_loss_id {
#define X(name, text) FP_LOSS_##name,
	FP_LOSSES(X)
#undef X
	FP_LOSS_MAX
};

#define FP_CMDLINE_BYTES 1024
#define FP_PATH_BYTES 512
#define FP_LABEL_BYTES 96

/* How threads were sampled; settings as they were in force. */
struct fp_capture_settings {
	uint32_t rate_hz;        /* asked */
	uint32_t native;         /* FIL_PERF_SPY_NATIVE */
	uint32_t cpu_enabled;
	uint32_t max_capture_mb;
	uint64_t duration_ns;    /* 0: to the end */
};

struct fp_capture_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes;      /* sizeof this struct as the writer knew it */
	uint64_t file_bytes;        /* apparent size of the sparse file */
	struct fp_region regions[FP_REGION_MAX];

	/* identity */
	int32_t pid;
	int32_t ppid;
	uint64_t start_ticks;       /* /proc/PID/stat field 22 */
	uint32_t image;             /* 0, 1, …: how many times exec replaced this pid in the run */
	uint32_t forked;            /* 1: made by fork from parent_*, 0: by exec */
	int32_t parent_pid;         /* fork parent, if forked */
	uint32_t parent_image;
	uint32_t fork_sequence;     /* how many forks the parent had done */
	uint32_t is_first;          /* the run's first process */
	int64_t start_realtime_ns;
	int64_t start_monotonic_ns; /* zero of all times in this file */
	int64_t end_monotonic_ns;   /* 0: not ended */
	uint32_t end_reason;        /* enum fp_end_reason */
	int32_t end_status;         /* exit status or signal */
	int64_t heartbeat_monotonic_ns; /* of the newest sample */

	/* what it runs */
	char exe[FP_PATH_BYTES];
	char cwd[FP_PATH_BYTES];
	char label[FP_LABEL_BYTES];     /* FIL_PERF_RUN_LABEL or "" */
	uint32_t cmdline_bytes;         /* NUL-separated, may be cut */
	char cmdline[FP_CMDLINE_BYTES];

	/* CPython */
	uint32_t python_state;          /* enum fp_python_state */
	uint32_t python_version_hex;
	uint32_t python_free_threaded;
	uint32_t reserved0;
	char python_reason[160];        /* why unsupported */
	char python_library[FP_PATH_BYTES]; /* libpython, or the static executable */

	struct fp_capture_settings settings;

	/* the process at its end, or at the last sample: all nanoseconds */
	uint64_t cpu_user_ns;
	uint64_t cpu_system_ns;
	uint64_t agent_boot_ns;         /* CPU spent before main */
	uint64_t agent_fork_ns;         /* CPU spent in fork handlers */
	uint64_t agent_memory_bytes;    /* private memory of the agent */
	uint32_t forks;
	uint32_t execs;
	uint32_t spawns;
	uint32_t signal_number;         /* used for sampling */
	uint64_t stopped_monotonic_ns;  /* recording stopped by duration; 0: not */
	uint64_t log_stopped_ns;        /* timeline stopped, since start; 0: not */

	uint64_t losses[FP_LOSS_MAX];
	char notices[2048];             /* lines of text for the user, NUL-ended */
};

enum fp_thread_flag {
	FP_THREAD_MAIN = 1,
	FP_THREAD_ENDED = 2,
	FP_THREAD_ARMED = 4,
	FP_THREAD_ADOPTED = 8,   /* found at its first event, not at its start */
	FP_THREAD_PYTHON = 16,   /* was seen with a thread state */
};

/* One OS thread.  Written by that thread only (or by the process's end for it). */
struct fp_thread_record {
	int32_t tid;
	uint32_t flags;
	char name[16];             /* comm, refreshed at samples and at the end */
	int64_t start_ns;          /* since the capture's start */
	int64_t end_ns;            /* 0: not ended */
	uint64_t cpu_clock_ns;     /* the thread's CPU clock when last seen, agent's cost included */
	uint64_t cpu_begin_ns;     /* the clock when the recording of this thread began */
	uint64_t booked_ns;        /* sum of all weights booked on stacks */
	uint64_t rest_ns;          /* end of the clock that no sample covered; on FP_NODE_UNSAMPLED */
	uint64_t agent_ns;         /* spent in the agent; never in a weight */
	uint64_t samples;          /* signals that became a sample */
	uint64_t pending_samples;  /* of these: arrived inside a hook, booked at its end */
	uint64_t walk_ns_max;      /* longest handler */
	uint64_t switches_voluntary;
	uint64_t switches_involuntary;
	uint64_t reserved[2];
};

struct fp_module_record {
	uint64_t start;            /* lowest mapped address */
	uint64_t end;
	uint64_t bias;             /* dlpi_addr: pc - bias = ELF virtual address */
	uint32_t path_text;        /* offset into TEXT */
	uint32_t first_generation; /* valid from … */
	uint32_t last_generation;  /* … to; UINT32_MAX while loaded */
	uint8_t build_id_bytes;
	uint8_t build_id[20];
	uint8_t reserved[7];
};

/* How to read a line table. */
enum fp_line_table {
	FP_LINES_NONE,
	FP_LINES_LNOTAB,    /* <= 3.9 */
	FP_LINES_LINETABLE, /* 3.10 */
	FP_LINES_LOCATIONS, /* >= 3.11 */
};

struct fp_code_record {
	uint64_t address;          /* fingerprint: the five that follow */
	uint64_t name_address;
	uint64_t file_address;
	uint64_t lines_address;
	uint32_t first_line;
	uint32_t next;             /* hash chain, 0 = end */
	uint32_t name_text;        /* offsets into TEXT; 0 = none */
	uint32_t qualname_text;
	uint32_t file_text;
	uint32_t lines_text;
	uint32_t line_table;       /* enum fp_line_table */
	uint32_t code_flags;       /* co_flags */
};

struct fp_text {
	uint32_t n_bytes;
	char bytes[];              /* UTF-8 or a line table; not NUL-ended */
};

/* Frame keys.  kind in bits 62..63. */
#define FP_KEY_PYTHON 0ull /* bits 32..61 code id, bits 0..31 instruction offset in bytes + 1, 0 = unknown */
#define FP_KEY_NATIVE 1ull /* bits 0..47 pc, bits 48..61 module generation */
#define FP_KEY_MARK 2ull   /* bits 0..31 enum fp_mark */
#define FP_KEY_KIND(key) ((key) >> 62)
#define FP_KEY_MAKE_PYTHON(code, offset) \
	(((uint64_t)(code) << 32) | (uint32_t)((offset) + 1))
#define FP_KEY_MAKE_NATIVE(pc, generation) \
	((FP_KEY_NATIVE << 62) | ((uint64_t)((generation)&0x3fffu) << 48) | ((uint64_t)(pc)&0xffffffffffffull))
#define FP_KEY_MAKE_MARK(mark) ((FP_KEY_MARK << 62) | (uint64_t)(mark))
#define FP_KEY_CODE(key) ((uint32_t)(((key) >> 32) & 0x3fffffffu))
#define FP_KEY_OFFSET(key) ((int64_t)((key)&0xffffffffu) - 1)
#define FP_KEY_PC(key) ((key)&0xffffffffffffull)
#define FP_KEY_GENERATION(key) ((uint32_t)(((key) >> 48) & 0x3fffu))

/* Frames that are no function: name as printed. */
#define FP_MARKS(X) \
	X(unsampled, "[unsampled]", "CPU between a thread's last sample and its end") \
	X(torn, "[torn stack]", "the stack could not be read whole") \
	X(no_python_frame, "[no Python frame]", "the thread ran outside any Python function") \
	X(unknown_python, "[unsupported CPython]", "the interpreter's layout is not known") \
	X(truncated, "[deeper frames cut]", "the stack was deeper than the limit") \
	X(no_room, "[no room]", "the stack table was full") \
	X(native, "[native]", "native code, native stacks not recorded")
enum fp_mark {
#define X(name, text, why) FP_MARK_##name,
	FP_MARKS(X)
#undef X
	FP_MARK_MAX
};

/* A node of the prefix tree: a frame under its caller.  Ids never move. */
struct fp_node {
	uint64_t key;
	uint32_t parent;
	uint32_t next;             /* hash chain, 0 = end */
};

/* Where the interrupted pc was. */
enum fp_cpu_kind {
	FP_CPU_PYTHON,  /* the eval loop */
	FP_CPU_LIBRARY, /* elsewhere in libpython: builtins, the object system, GC */
	FP_CPU_NATIVE,  /* any other object */
	FP_CPU_SYSTEM,  /* in the kernel: the pc follows a syscall instruction */
	FP_CPU_KINDS
};

/* Exact sums per (thread, stack). */
struct fp_cpu_slot {
	uint32_t stack;            /* node id of the leaf */
	uint32_t thread;           /* index into THREADS */
	uint32_t next;             /* hash chain */
	uint32_t reserved;
	uint64_t samples;
	uint64_t ns[FP_CPU_KINDS];
	uint64_t gil_ns;           /* of the sum of ns[], how much held the GIL */
	uint64_t gil_samples;
};

/* The timeline: one entry per sample, in order within a thread. */
#define FP_SAMPLE_WHEN_BITS 48
enum fp_sample_flag {
	FP_SAMPLE_KIND_MASK = 3,   /* enum fp_cpu_kind */
	FP_SAMPLE_GIL = 4,
	FP_SAMPLE_PENDING = 8,     /* taken inside a hook */
	FP_SAMPLE_REST = 16,       /* the unsampled end of a thread's clock */
};
struct fp_sample {
	uint64_t when;             /* bits 0..47 microseconds since start, 48..63 enum fp_sample_flag */
	uint32_t stack;
	uint32_t weight_us;
};

#define FP_LOG_CHUNK_SAMPLES ((FP_LOG_CHUNK_BYTES - 16u) / sizeof(struct fp_sample))
struct fp_log_chunk {
	uint32_t thread;           /* index into THREADS */
	uint32_t n_samples;        /* published */
	uint32_t sequence;         /* 0, 1, … within the thread */
	uint32_t reserved;
	struct fp_sample samples[FP_LOG_CHUNK_SAMPLES];
};

static_assert(sizeof(struct fp_region) == 32, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_thread_record) == 136, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_module_record) == 64, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_code_record) == 64, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_node) == 16, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_cpu_slot) == 72, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_sample) == 16, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_log_chunk) == FP_LOG_CHUNK_BYTES, "bump FP_CAPTURE_VERSION");

#endif
