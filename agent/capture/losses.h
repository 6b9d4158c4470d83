/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be lost, shared by the agent and tools/ as format.h is: the order is
 * that of the counters in a capture's header.
 */
#ifndef FP_AGENT_CAPTURE_LOSSES_H
#define FP_AGENT_CAPTURE_LOSSES_H

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
	X(modules_full, "loaded objects that could not be listed") \
	X(mem_cells_full, "allocations booked on [no room] because the table of allocation sites was full") \
	X(mem_blocks_full, "allocations whose end cannot be seen because the table of live blocks was full") \
	X(mem_frees_missed, "blocks whose end was not seen (their address was given out again)") \
	X(mem_nested, "allocations and frees not recorded because a signal handler had interrupted a hook, or left it by a jump") \
	X(mem_stream_stopped, "times that the allocation stream stopped because of FIL_PERF_MAX_CAPTURE_MB or a full disk") \
	X(mem_ranges_full, "mappings that were not recorded because the table of mappings was full") \
	X(mem_allocator_replaced, "times that somebody replaced Python's allocators under us (installed again)") \
	X(copies_full, "copies booked on no line because the table of copies was full") \
	X(recording_filtered, "processes whose recording stopped early because they filter their system calls (seccomp)")
enum fp_loss_id {
#define X(name, text) FP_LOSS_##name,
	FP_LOSSES(X)
#undef X
	FP_LOSS_MAX
};

#endif
