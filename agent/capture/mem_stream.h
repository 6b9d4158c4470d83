/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of allocations: bytes of MEM_STREAM, in the order in which the
 * ledger booked the events.  Written by agent/ledger/mem_stream.c, read by
 * tools/read/memory_events.c.  The region's used_bytes ends at a whole record.
 *
 * V: LEB128.  Z: V of a zigzag.  A record begins with a tag byte:
 *
 *   01s.kkkk  ALLOC: Z(address / 8 - last address / 8); s = 0: V(cell), s = 1:
 *             the cell of the ALLOC before.  kkkk: for small size classes
 *             16 x class - size; for large ones, and for cell 1 (what found no
 *             room), V(size) follows.
 *   10......  FREE: Z(address / 8 - last address / 8)
 *   00000001  TIME: V(ms since start) V(rss bytes)
 *   00000010  UNMAP: V(address / 8) V(size): a range of mappings ends
 *   00000011  THREAD: V(index into THREADS) of the FREEs and UNMAPs that follow
 *
 * "Last address" is that of the ALLOC or FREE before, 0 at the start; an ALLOC
 * also sets the thread to its cell's.  A realloc is FREE, then ALLOC.  In a
 * sampled capture the cells with FP_MEM_CELL_SAMPLED have only their samples
 * here.  Mappings are ALLOCs of an MMAP or BRK cell and end by UNMAP; carriers
 * and file mappings are left out.
 */
#ifndef FP_CAPTURE_MEM_STREAM_H
#define FP_CAPTURE_MEM_STREAM_H

#define FP_STREAM_TIME 0x01u
#define FP_STREAM_UNMAP 0x02u
#define FP_STREAM_THREAD 0x03u
#define FP_STREAM_ALLOC 0x40u
#define FP_STREAM_SAME_CELL 0x20u /* with ALLOC */
#define FP_STREAM_SLACK 0x0fu     /* with ALLOC */
#define FP_STREAM_FREE 0x80u
#define FP_STREAM_RECORD_BYTES 32u /* at the most */

#endif
