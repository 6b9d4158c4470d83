/* SPDX-License-Identifier: Apache-2.0 */
/* See segment.h.  Any context but where it says otherwise. */
#include "agent/base/segment.h"

#include "agent/base/sys.h"
#include "agent/base/text.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Reserved sizes when nothing limits us; sparse, so only what is used costs. */
static const uint64_t region_bytes[FP_REGION_MAX] = {
	[FP_REGION_HEADER] = 16u << 10,
	[FP_REGION_THREADS] = (uint64_t)65536 * sizeof(struct fp_thread_record),
	[FP_REGION_MODULES] = 1u << 20,
	[FP_REGION_CODES] = 16u << 20,
	[FP_REGION_CODE_HEADS] = FP_CODE_HEADS * 4u,
	[FP_REGION_TEXT] = 128u << 20,
	[FP_REGION_NODES] = 128u << 20,
	[FP_REGION_CPU] = 64u << 20,
	[FP_REGION_CPU_HEADS] = FP_CPU_HEADS * 4u,
	[FP_REGION_LOG] = 0, /* FIL_PERF_MAX_CAPTURE_MB */
	[FP_REGION_MEM_CELLS] = 512u << 20,
	[FP_REGION_MEM_POINTS] = 4u << 20,
	[FP_REGION_MEM_STREAM] = 0, /* FIL_PERF_MAX_CAPTURE_MB */
	[FP_REGION_COPIES] = 16u << 20,
	[FP_REGION_COPY_HEADS] = FP_COPY_HEADS * 4u,
};
static_assert(sizeof(struct fp_capture_header) <= 16u << 10, "the header outgrew its region");

static bool is_fixed(enum fp_region_id id)
{
	return id == FP_REGION_HEADER || id == FP_REGION_CODE_HEADS || id == FP_REGION_CPU_HEADS ||
	       id == FP_REGION_COPY_HEADS;
}

/* What the limits leave for one capture: an eighth of the address space, the
 * file size limit itself. */
static uint64_t room_bytes(void)
{
	struct rlimit limit;
	uint64_t room = UINT64_MAX;

	if (fp_sys_limit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		room = limit.rlim_cur / 8;
	if (fp_sys_limit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < room)
		room = limit.rlim_cur;
	return room;
}

static int lay_out(struct fp_region *regions, uint32_t max_capture_mb, uint64_t *ret_bytes)
{
	uint64_t room = room_bytes();

	for (unsigned halvings = 0; halvings < 24; halvings++) {
		uint64_t at = 0;

		for (int i = 0; i < FP_REGION_MAX; i++) {
			bool asked = i == FP_REGION_LOG || i == FP_REGION_MEM_STREAM;
			uint64_t n = asked ? (uint64_t)max_capture_mb << 20 : region_bytes[i];

			if (!is_fixed(i))
				n >>= halvings;
			n = fp_round_up(n < FP_PAGE_BYTES ? FP_PAGE_BYTES : n, FP_PAGE_BYTES);
			regions[i] = (struct fp_region){.offset_bytes = at, .reserved_bytes = n};
			at += n;
		}
		if (at <= room) {
			*ret_bytes = at;
			return 0;
		}
	}
	return -EFBIG;
}

int fp_segment_create(struct fp_segment *s, const char *path, uint32_t max_capture_mb, void *at)
{
	struct fp_region regions[FP_REGION_MAX];
	uint64_t n_bytes = 0;
	int error = lay_out(regions, max_capture_mb, &n_bytes);
	struct fp_capture_header *header;
	int fd;

	if (error < 0)
		return error;
	if (at && s->n_bytes != n_bytes) {
		fp_sys_unmap(at, s->n_bytes);
		at = NULL;
	}
	fd = fp_sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	error = (int)fp_sys_call(SYS_ftruncate, fd, n_bytes);
	header = error < 0 ? NULL :
		 fp_sys_map(at, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
	fp_sys_close(fd);
	/* Without this a first touch reads ahead: 15 ms of folio zeroing for the
	 * 100 KB of a fresh capture on ext4 (6.18); with it 0.14 ms. */
	if (header)
		(void)fp_sys_call(SYS_madvise, header, n_bytes, MADV_RANDOM);
	if (header)
		error = (int)fp_sys_call(SYS_madvise, header, sizeof(*header), MADV_POPULATE_WRITE);
	if (header && error == -EINVAL) /* before 5.14: the growing code falls back too */
		error = 0;
	if (!header || error < 0) {
		(void)fp_sys_call(SYS_unlinkat, AT_FDCWD, path, 0);
		if (header && !at)
			fp_sys_unmap(header, n_bytes);
		return error == -EFAULT ? -ENOSPC : error < 0 ? error : -ENOMEM;
	}
	(void)fp_sys_call(SYS_madvise, header, n_bytes, MADV_DONTDUMP);
	for (int i = 0; i < FP_REGION_MAX; i++)
		header->regions[i] = regions[i];
	header->regions[FP_REGION_HEADER].used_bytes = sizeof(*header);
	header->regions[FP_REGION_HEADER].populated_bytes = fp_round_up(sizeof(*header), FP_PAGE_BYTES);
	header->version = FP_CAPTURE_VERSION;
	header->header_bytes = sizeof(*header);
	header->file_bytes = n_bytes;
	fp_text_copy(s->path, sizeof(s->path), path);
	s->n_bytes = n_bytes;
	s->broken = false;
	for (int i = 0; i < 8; i++)
		header->magic[i] = FP_CAPTURE_MAGIC[i];
	__atomic_store_n(&s->header, header, __ATOMIC_RELEASE);
	return 0;
}

/* Kernels before 5.14: a descriptor for the length of one fallocate. */
static int allocate_by_path(struct fp_segment *s, uint64_t offset, uint64_t n_bytes)
{
	int fd = fp_sys_open(s->path, O_RDWR | O_NOFOLLOW, 0);
	int error;

	if (fd < 0)
		return fd;
	error = (int)fp_sys_call(SYS_fallocate, fd, 0, offset, n_bytes);
	fp_sys_close(fd);
	return error;
}

int fp_segment_populate(struct fp_segment *s, enum fp_region_id region, uint64_t n_bytes)
{
	struct fp_region *r = &s->header->regions[region];
	uint64_t have = __atomic_load_n(&r->populated_bytes, __ATOMIC_ACQUIRE);
	uint64_t want, step;
	int error;

	if (fp_likely(n_bytes <= have))
		return 0;
	if (n_bytes > r->reserved_bytes)
		return -EFBIG;
	step = have / 2 < (1u << 20) ? have / 2 : 1u << 20;
	want = fp_round_up(n_bytes > have + step ? n_bytes : have + step, FP_PAGE_BYTES);
	if (want > r->reserved_bytes)
		want = r->reserved_bytes;
	error = (int)fp_sys_call(SYS_madvise, (char *)s->header + r->offset_bytes + have, want - have,
				 MADV_POPULATE_WRITE);
	if (error == -EINVAL)
		error = allocate_by_path(s, r->offset_bytes + have, want - have);
	if (error < 0) {
		fp_loss_count(s, FP_LOSS_disk_full);
		return -ENOSPC;
	}
	while (have < want && !__atomic_compare_exchange_n(&r->populated_bytes, &have, want, false, __ATOMIC_RELEASE,
							   __ATOMIC_ACQUIRE))
		;
	return 0;
}

uint64_t fp_segment_claim(struct fp_segment *s, enum fp_region_id region, uint64_t n_bytes)
{
	struct fp_region *r = &s->header->regions[region];
	uint64_t at = __atomic_load_n(&r->used_bytes, __ATOMIC_RELAXED);

	do {
		if (fp_segment_populate(s, region, at + n_bytes) < 0)
			return UINT64_MAX;
	} while (!__atomic_compare_exchange_n(&r->used_bytes, &at, at + n_bytes, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return at;
}
