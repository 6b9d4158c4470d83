/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copies of a thread: exact counts in its own memory (struct fp_copy_meter
 * of agent.h), put into its record whenever it is looked at, and one copy out of
 * about FP_COPY_SAMPLE_BYTES bytes booked on its stack.
 */
#ifndef FP_HOT_COPIES_H
#define FP_HOT_COPIES_H

#include "agent/hot/thread.h"

/* Mean distance of samples.  One took 3 us ten Python frames deep and 6 us at
 * fifty; copying this much from the second level cache takes 160 us. */
#define FP_COPY_SAMPLE_BYTES (4u << 20)

/* The calling thread: its counts go with t from now on; and into its record. */
void fp_copies_begin(struct fp_thread *t);
void fp_copies_settle(struct fp_thread *t);
/* The process's end: all threads, from outside. */
void fp_copies_settle_all(void);
/* fork child: what the parent's thread copied is not the child's. */
void fp_copies_forked(void);

#endif
