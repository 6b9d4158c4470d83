/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that allocate and free their own blocks and each other's, called from
 * thread_blocks_program.py.  Each block says who made it, so what each thread made and what
 * of it lives is known; one line "thread TID ALLOCS BYTES LIVE LIVE_BYTES HELD_BYTES" for
 * each, HELD at the moment when all hold the most.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define THREADS 16
#define RING 32
#define LARGE 100
#define LARGE_BYTES 20000
#define LEFT 7

struct block {
	uint64_t owner, n_bytes; /* 16 bytes are the least that is asked for */
};

struct count {
	uint64_t n, n_bytes;
};

static struct thread {
	pthread_t id;
	long tid;
	uint64_t random, rounds;
	struct count made, ended[THREADS]; /* ended: blocks of each that this thread freed */
	uint64_t held_bytes;
	struct block *ring[RING], *large[LARGE], *left[LEFT];
	struct block *mailbox;             /* from the thread before */
} __attribute__((aligned(64))) threads[THREADS];
static pthread_barrier_t barrier;

EXPORT void thread_blocks(uint64_t rounds);

static uint64_t next(struct thread *t)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random >> 11;
}

static uint64_t own_index(const struct thread *t)
{
	return (uint64_t)(t - threads);
}

static struct block *made(struct thread *t, struct block *b, uint64_t n_bytes)
{
	if (!b)
		abort();
	*b = (struct block){own_index(t), n_bytes};
	t->made.n++;
	t->made.n_bytes += n_bytes;
	return b;
}

static void ends(struct thread *t, const struct block *b)
{
	t->ended[b->owner].n++;
	t->ended[b->owner].n_bytes += b->n_bytes;
}

static struct block *make(struct thread *t, uint64_t n_bytes)
{
	return made(t, next(t) % 4 ? malloc(n_bytes) : calloc(1, n_bytes), n_bytes);
}

static void end(struct thread *t, struct block *b)
{
	if (!b)
		return;
	ends(t, b);
	free(b);
}

static struct block *resize(struct thread *t, struct block *b, uint64_t n_bytes)
{
	ends(t, b);
	return made(t, realloc(b, n_bytes), n_bytes);
}

static void churn(struct thread *t)
{
	struct thread *after = &threads[(own_index(t) + 1) % THREADS];

	for (uint64_t i = 0; i < t->rounds; i++) {
		struct block **slot = &t->ring[next(t) % RING];
		uint64_t n_bytes = 16 + (next(t) % 64 ? next(t) % 500 : next(t) % 40000);

		if (*slot && next(t) % 8 == 0) {
			*slot = resize(t, *slot, n_bytes);
			continue;
		}
		if (*slot && next(t) % 4 == 0)
			end(t, __atomic_exchange_n(&after->mailbox, *slot, __ATOMIC_ACQ_REL));
		else
			end(t, *slot);
		end(t, __atomic_exchange_n(&t->mailbox, NULL, __ATOMIC_ACQ_REL));
		*slot = make(t, n_bytes);
	}
}

/* Of the blocks that t made: nobody allocates or frees meanwhile. */
static struct count live_of(const struct thread *t)
{
	struct count live = t->made;

	for (int i = 0; i < THREADS; i++) {
		live.n -= threads[i].ended[own_index(t)].n;
		live.n_bytes -= threads[i].ended[own_index(t)].n_bytes;
	}
	return live;
}

static void *run(void *argument)
{
	struct thread *t = argument, *after = &threads[(own_index(t) + 1) % THREADS];

	t->tid = syscall(SYS_gettid);
	t->random = 88172645463325252ull + own_index(t);
	(void)pthread_barrier_wait(&barrier);
	churn(t);
	for (int i = 0; i < LARGE; i++)
		t->large[i] = make(t, LARGE_BYTES);
	(void)pthread_barrier_wait(&barrier);
	t->held_bytes = live_of(t).n_bytes;
	(void)pthread_barrier_wait(&barrier);
	for (int i = 0; i < LARGE; i++)
		end(t, after->large[i]);
	for (int i = 0; i < LEFT; i++)
		t->left[i] = make(t, 100 + own_index(t));
	(void)pthread_barrier_wait(&barrier);
	churn(t);
	return NULL;
}

void thread_blocks(uint64_t rounds)
{
	(void)pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		threads[i].rounds = rounds;
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]))
			abort();
	}
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i].id, NULL);
	for (int i = 0; i < THREADS; i++) {
		struct count live = live_of(&threads[i]);

		printf("thread %ld %llu %llu %llu %llu %llu\n", threads[i].tid, (unsigned long long)threads[i].made.n,
		       (unsigned long long)threads[i].made.n_bytes, (unsigned long long)live.n,
		       (unsigned long long)live.n_bytes, (unsigned long long)threads[i].held_bytes);
	}
	(void)fflush(stdout);
}
