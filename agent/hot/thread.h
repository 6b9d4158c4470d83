/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One struct fp_thread per live OS thread: the permission to record.
 *
 * fp_thread_enter() gives it, unless the thread is already inside the agent;
 * a CPU sample that arrives between enter and leave is booked by leave, on
 * the stack it finds there.  Slots are never freed, only used again.
 * Owner: the thread itself, but for claim (its parent) and the process's end.
 */
#ifndef FP_HOT_THREAD_H
#define FP_HOT_THREAD_H

#include "agent/agent.h"
#include "agent/hot/context.h"
#include "agent/ledger/cpu_ledger.h"
#include "agent/ledger/mem_ledger.h"

/* A frame of the last walk, by depth from the root. */
struct fp_memo {
	uintptr_t frame, code;
	int32_t offset;
	uint32_t code_id;
	uint32_t node;
};

#define FP_NATIVE_CAP 256u

/* Working memory of walks; mapped at a thread's first sample, kept with the slot. */
struct fp_scratch {
	size_t n_bytes;      /* mapped */
	uint32_t frames_cap;
	uint32_t n_memo;     /* Python frames remembered */
	uint32_t n_pcs;      /* of the last native stack */
	struct fp_py_frame *frames;
	struct fp_memo *memo;
	uint64_t *keys;      /* merged stack, leaf first; frames_cap + FP_NATIVE_CAP */
	void *native;        /* fp_native_thread_bytes() */
	uintptr_t pcs[FP_NATIVE_CAP];
};

struct fp_hook_memory; /* python_stack.h */

/* What the allocation hooks keep of a thread. */
struct fp_thread_memory {
	int64_t held;            /* of fp_thread_countdown while allocations are counted */
	uint32_t counted;        /* allocations of Python's still to count; 0 mostly (domains_sampled.c) */
	uint32_t carrier_depth;  /* inside an allocator of Python's: what it asks of others carries its blocks */
	uint32_t layout_due;     /* events until the layout is looked at again */
	bool drawn;              /* the countdown was drawn */
	uint32_t python_events;  /* that came through Python's allocators */
	uint32_t end_due;        /* frees until the thread looks whether the interpreter ends */
	uint32_t checks;         /* python_domains.c: are we still in our place? */
	uint64_t checked;
	int64_t difference;      /* of the system's heap_bytes, not yet added: mem_shards.h */
	struct fp_mem_recent recent;
};

struct fp_thread {
	uint32_t slot_state;  /* 0 free, 1 used */
	uint32_t record;      /* index into THREADS */
	int tid;
	/* 0: not in the agent.  Else the stack address of the enter (jumps.c tells by it whether what
	 * entered was left), or small where that is not to be asked, and who holds it shut adds 1 each. */
	volatile uintptr_t inside;
	volatile uint32_t pending_samples;
	bool armed;
	bool host_blocks;     /* the host believes that our signal is blocked here */
	int real_mask_pid;    /* of the vfork child in which the kernel's mask is the host's */
	int timer_id;
	uint64_t booked_until_ns; /* thread clock */
	uint64_t handler_ns;  /* moving average */
	uint64_t random;
	struct fp_log_cursor log;
	struct fp_scratch *scratch;
	struct fp_hook_memory *hook;
	struct fp_thread_memory memory;
	uintptr_t stack_low, stack_high; /* 0 unknown; low may be a little beyond the end */
	uint32_t exit_rounds;
	uint32_t names_due;   /* samples until the comm is read again */
	const struct fp_copy_meter *copies; /* the thread's own, copies.h */
	void *(*routine)(void *);
	void *argument;
} FP_MEM_LINE; /* each is written by its own thread */

extern __thread struct fp_thread *fp_thread_self __attribute__((tls_model("initial-exec")));
/* Bytes of Python's blocks until the next is met by sampling; below 0: the
 * allocation takes the slow way.  0 in a thread that is not known. */
extern __thread int64_t fp_thread_countdown __attribute__((tls_model("initial-exec")));

/* A slot for a thread to be: NULL when there is none left (counted). */
struct fp_thread *fp_thread_claim(void);
void fp_thread_release(struct fp_thread *t);

/* In the new thread itself: its record, its clock, its timer.  flags: enum
 * fp_thread_flag.  Keeps errno. */
void fp_thread_begin(struct fp_thread *t, uint32_t flags);
/* Books what is left of the clock, deletes the timer, frees the slot. */
void fp_thread_end(struct fp_thread *t);

/* The calling thread, adopted if it was unknown; NULL when nothing may be
 * recorded (agent off, nested, unseen fork). */
struct fp_thread *fp_thread_enter(void);
void fp_thread_leave(struct fp_thread *t);

/* Every live thread's rest is booked from outside: the end of the process. */
void fp_thread_end_all(void);
/* fork child: only the calling thread is left; it gets a new record. */
void fp_thread_forked(struct fp_thread *t);

/* Walks the slots; stop when visit returns false. */
void fp_thread_each(void (*visit)(struct fp_thread *t, void *ctx), void *ctx);

/* Resident bytes of the slots and of all working memory; a few system calls. */
uint64_t fp_thread_memory_bytes(void);

static inline struct fp_thread_record *fp_thread_record(const struct fp_thread *t)
{
	return (struct fp_thread_record *)fp_segment_at(&fp_context.segment, FP_REGION_THREADS) + t->record;
}

#endif
