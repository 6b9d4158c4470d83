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

#include "agent/capture/losses.h"

#include <assert.h>
#include <stdint.h>

#define FP_CAPTURE_MAGIC "filperf\n" /* 8 bytes, no NUL */
#define FP_CAPTURE_VERSION 4u
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
	FP_REGION_CPU,        /* struct fp_cpu_slot[], id 0 unused */
	FP_REGION_CPU_HEADS,  /* uint32_t[FP_CPU_HEADS] */
	FP_REGION_LOG,        /* struct fp_log_chunk[], FP_LOG_CHUNK_BYTES each */
	FP_REGION_MEM_CELLS,  /* struct fp_mem_cell[], id 0 unused, id 1 = what found no room */
	FP_REGION_MEM_POINTS, /* struct fp_mem_point[] */
	FP_REGION_MEM_STREAM, /* bytes, capture/mem_stream.h */
	FP_REGION_COPIES,     /* struct fp_copy_slot[], id 0 unused */
	FP_REGION_COPY_HEADS, /* uint32_t[FP_COPY_HEADS] */
	FP_REGION_MAX
};

#define FP_CODE_HEADS 1024u
#define FP_CPU_HEADS 1024u
#define FP_COPY_HEADS 512u
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

enum fp_mem_mode {
	FP_MEM_OFF,     /* no memory recorded (switched off, or no CPython in the process) */
	FP_MEM_SAMPLED, /* Python's domains by Poisson sampling, the system's allocators exact */
	FP_MEM_EXACT,
};

/* One instant.  Blocks inside carriers are counted as blocks, never twice:
 * heap_bytes + (carrier_bytes - python_small_bytes) is what was asked for, less
 * what carriers only reserve. */
struct fp_mem_balance {
	int64_t when_ns;            /* since the capture's start; 0: never taken */
	uint64_t heap_bytes;        /* live blocks of all allocators, anonymous maps and brk of the program */
	uint64_t python_bytes;      /* of these: MEM and OBJ domains */
	uint64_t python_small_bytes; /* of these: blocks that lie in carriers (<= 512 bytes; free-threaded: all) */
	uint64_t map_bytes;         /* of heap_bytes: anonymous mappings and brk */
	uint64_t carrier_bytes;     /* pymalloc arenas, mimalloc segments as far as resident: not in heap_bytes */
	uint64_t file_map_bytes;    /* file mappings by the program's own calls: not in heap_bytes */
	uint64_t rss_anon_bytes, rss_file_bytes, rss_shmem_bytes; /* /proc/self/status, agent included */
	uint64_t agent_anon_bytes;  /* resident private memory of filperf */
	uint64_t agent_capture_bytes; /* its capture: in rss_file_bytes or rss_shmem_bytes */
	uint64_t stack_bytes;       /* VmStk */
};

struct fp_mem_header {
	uint32_t mode;              /* enum fp_mem_mode */
	uint32_t native;            /* FIL_PERF_MEMRAY_NATIVE */
	uint32_t stream;            /* 1: MEM_STREAM was recorded */
	uint32_t copies;            /* 1: COPIES and the threads' copy counters were recorded */
	uint64_t sample_bytes;      /* mean distance of samples */
	uint64_t copy_sample_bytes;
	uint32_t temporary_threshold;
	uint32_t python_allocator;  /* memray's numbers: 1 pymalloc 2 pymalloc_debug 3 malloc 4 other 5 mimalloc 6 mimalloc_debug */
	uint32_t peak_id;           /* the last falling edge's number, see struct fp_mem_cell */
	uint32_t n_checkpoints;     /* for growth, capture/format.h struct fp_mem_cell */
	uint64_t heap_bytes;        /* now, as in fp_mem_balance */
	uint64_t peak_bytes;        /* largest heap_bytes */
	int64_t peak_when_ns;       /* within a tick */
	int64_t frozen_ns;          /* since start: the interpreter's end began, nothing counts after it; 0: not yet */
	uint64_t n_unknown_frees;   /* of blocks from before the hooks, or inherited by fork */
	uint64_t inherited_bytes;   /* fork child: heap_bytes of the parent at the fork */
	uint64_t stream_stopped_ns; /* since start; 0: not */
	uint64_t python_eval_pc;    /* an address in _PyEval_EvalFrameDefault; 0 unknown */
	uint64_t vm_hwm_bytes;      /* at the end or at the last tick */
	struct fp_mem_balance at_peak, at_end;
	uint64_t peak_untouched_bytes; /* at_peak: of map_bytes, pages that are not resident, as far as was looked */
	uint64_t end_untouched_bytes;  /* at_end */
	uint64_t reserved[6];
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
	struct fp_mem_header mem;
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
	uint64_t copy_calls;       /* exact, memcpy and its family */
	uint64_t copy_bytes;
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
	uint32_t reserved;
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

/* Who gave the memory.  Memray's numbers where it has one. */
enum fp_allocator {
	FP_ALLOCATOR_NONE = 0,
	FP_ALLOCATOR_PYTHON_MALLOC = 2, /* MEM and OBJ domains */
	FP_ALLOCATOR_PYTHON_CALLOC = 3,
	FP_ALLOCATOR_PYTHON_REALLOC = 4,
	FP_ALLOCATOR_MALLOC = 6,
	FP_ALLOCATOR_REALLOC = 7,
	FP_ALLOCATOR_CALLOC = 8,
	FP_ALLOCATOR_POSIX_MEMALIGN = 9,
	FP_ALLOCATOR_ALIGNED_ALLOC = 10,
	FP_ALLOCATOR_MEMALIGN = 11,
	FP_ALLOCATOR_VALLOC = 12,
	FP_ALLOCATOR_PVALLOC = 13,
	FP_ALLOCATOR_MMAP = 14,         /* anonymous */
	FP_ALLOCATOR_BRK = 16,          /* from here on Memray has none */
	FP_ALLOCATOR_FILE_MAP = 17,     /* not in heap_bytes */
	FP_ALLOCATOR_CARRIER = 18,      /* not in heap_bytes */
	FP_ALLOCATOR_MAX = 19
};

/* Sizes in a cell: class c <= FP_SIZE_SMALL holds 16 (c - 1) + 1 … 16 c bytes
 * (0: nothing asked for); above, four classes an octave. */
#define FP_SIZE_SMALL 32u /* classes of 16 bytes: up to 512 */
static inline uint32_t fp_size_class(uint64_t n_bytes)
{
	uint32_t log;

	if (n_bytes <= 16u * FP_SIZE_SMALL)
		return (uint32_t)((n_bytes + 15) / 16);
	log = 63u - (uint32_t)__builtin_clzll(n_bytes - 1);
	return FP_SIZE_SMALL + 1 + (log - 9) * 4 + (uint32_t)(((n_bytes - 1) >> (log - 2)) & 3);
}
/* Largest size of a class. */
static inline uint64_t fp_size_class_max(uint32_t size_class)
{
	uint32_t k = size_class - FP_SIZE_SMALL - 1;

	if (size_class <= FP_SIZE_SMALL)
		return 16ull * size_class;
	return (4ull + k % 4 + 1) << (k / 4 + 7);
}

enum fp_mem_cell_flag {
	FP_MEM_CELL_SAMPLED = 1, /* n_… are in 1/FP_MEM_SAMPLED_UNIT, bytes are estimates */
};
#define FP_MEM_SAMPLED_UNIT 256u

/* Exact (or, by flag, estimated) sums per (thread, stack, allocator, size
 * class).  live = allocs - frees.  Written under the GIL or the ledger's lock.
 *
 * Peak: with peak_id >= the header's (by int32_t difference) n_peak and
 * peak_bytes are the live sums at the process's peak; with an older one the cell
 * has not changed since the peak, so its live sums are those at the peak.  When
 * the live sums of all heap cells make more than peak_bytes of the header, the
 * peak is now, and all live sums are those at the peak.
 *
 * Growth: at its first event after each checkpoint a cell compares its live
 * bytes with those at the checkpoint before; ups and downs count the changes.
 * Checkpoints are thinned as the run gets longer: 2,200 of them are a year. */
struct fp_mem_cell {
	/* first cache line: every event */
	uint64_t n_allocs, alloc_bytes;
	uint64_t n_frees, freed_bytes;
	uint64_t birth_sum_ms;     /* over live blocks: ms since start at which each was made (SAMPLED: weighted, in n units) */
	uint32_t peak_id;
	uint8_t allocator;         /* enum fp_allocator */
	uint8_t flags;
	uint16_t size_class;
	uint64_t temporary_bytes;
	uint32_t n_temporary;      /* same units as n_allocs; stops at UINT32_MAX */
	uint32_t stack;            /* node id of the leaf */
	/* second */
	uint64_t n_peak, peak_bytes;
	uint64_t lived_byte_ms;    /* over blocks that ended: bytes by the time that they lived */
	uint32_t thread;           /* index into THREADS, the one that allocated */
	uint16_t checkpoint;       /* low bits of the number of the last one seen */
	uint16_t last_up;          /* … of the one that counted as an up last */
	uint16_t ups, downs;
	uint32_t first_ms;         /* first allocation, since start */
	float peak_variance, alloc_variance; /* SAMPLED: of the estimates in bytes squared */
	uint64_t checkpoint_bytes; /* live bytes when last compared */
	double live_variance;
};

/* The timeline of the process; ticks of at least 10 ms, longer in long runs. */
struct fp_mem_point {
	uint64_t when_ns;          /* since start */
	uint64_t rss_bytes;
	uint64_t heap_bytes;
	uint64_t python_bytes;
	uint64_t carrier_bytes;
	uint64_t cpu_ns;           /* of the process */
};

enum fp_copy_kind {
	FP_COPY_PYTHON,            /* called from libpython */
	FP_COPY_NATIVE,            /* from any other object */
	FP_COPY_KINDS
};

/* Estimated bytes copied per (thread, stack), by Poisson sampling. */
struct fp_copy_slot {
	uint32_t stack, thread;
	uint32_t next;             /* hash chain */
	uint32_t n_samples;
	uint64_t bytes[FP_COPY_KINDS];
	uint64_t calls[FP_COPY_KINDS]; /* estimated, in 1/256 */
	double variance;           /* of the sum of bytes */
};

static_assert(sizeof(struct fp_mem_cell) == 128, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_mem_point) == 48, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_copy_slot) == 56, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_region) == 32, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_thread_record) == 152, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_module_record) == 64, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_code_record) == 64, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_node) == 16, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_cpu_slot) == 72, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_sample) == 16, "bump FP_CAPTURE_VERSION");
static_assert(sizeof(struct fp_log_chunk) == FP_LOG_CHUNK_BYTES, "bump FP_CAPTURE_VERSION");

#endif
