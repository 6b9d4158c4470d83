/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies a capture out of its file.  Reader stage, ordinary program.  The
 * file is never mapped (another program may cut it while we read: SIGBUS) and
 * nothing of it is believed: sizes are clamped to what could be read, ids to
 * the tables they point into.
 */
#include "tools/read/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No table of an honest capture comes near: ids are 32 bits, logs are bounded
 * by FIL_PERF_MAX_CAPTURE_MB. */
#define TABLE_BYTES_MAX (2ull << 30)
#define HEADER_BYTES_MIN offsetof(struct fp_capture_header, start_realtime_ns)

__attribute__((format(printf, 4, 5)))
static int refuse(int err, char *error, size_t error_bytes, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error, error_bytes, format, ap);
	va_end(ap);
	return err;
}

size_t fp_capture_read_at(int fd, void *dst, size_t n_bytes, uint64_t offset_bytes)
{
	size_t done = 0;

	if (offset_bytes > INT64_MAX - n_bytes)
		return 0;
	while (done < n_bytes) {
		ssize_t got = pread(fd, (char *)dst + done, n_bytes - done,
				    (off_t)(offset_bytes + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/* Negative or absurd times would overflow in differences. */
static void bound_time(int64_t *time_ns)
{
	if (*time_ns < 0 || *time_ns > (int64_t)1 << 62)
		*time_ns = 0;
}

static void make_sane(struct fp_capture_header *h)
{
	bound_time(&h->start_monotonic_ns);
	bound_time(&h->end_monotonic_ns);
	bound_time(&h->heartbeat_monotonic_ns);
	bound_time(&h->start_realtime_ns);
	h->exe[sizeof(h->exe) - 1] = 0;
	h->cwd[sizeof(h->cwd) - 1] = 0;
	h->label[sizeof(h->label) - 1] = 0;
	h->python_reason[sizeof(h->python_reason) - 1] = 0;
	h->python_library[sizeof(h->python_library) - 1] = 0;
	h->notices[sizeof(h->notices) - 1] = 0;
	if (h->cmdline_bytes > sizeof(h->cmdline))
		h->cmdline_bytes = sizeof(h->cmdline);
	fp_capture_memory_bound(&h->mem);
}

static int read_header(const char *path, struct fp_capture *c, char *error, size_t error_bytes)
{
	struct fp_capture_header *h = &c->header;
	size_t got;

	memset(h, 0, sizeof(*h));
	got = fp_capture_read_at(c->fd, h, sizeof(*h), 0);
	if (got < sizeof(h->magic) || memcmp(h->magic, FP_CAPTURE_MAGIC, sizeof(h->magic)) != 0)
		return refuse(-EBADMSG, error, error_bytes,
			      "%s is no filperf capture (it does not start with \"filperf\"): "
			      "give a .filperf directory, a " FP_CAPTURE_SUFFIX " file or a report",
			      path);
	if (got < HEADER_BYTES_MIN)
		return refuse(-EBADMSG, error, error_bytes,
			      "%s is cut within its header (%zu bytes): nothing can be read from it",
			      path, got);
	if (h->version != FP_CAPTURE_VERSION)
		return refuse(-EPROTONOSUPPORT, error, error_bytes,
			      "%s is of capture version %u and this filperf reads version %u: "
			      "use the filperf that recorded it", path, h->version,
			      FP_CAPTURE_VERSION);
	if (h->header_bytes < HEADER_BYTES_MIN)
		return refuse(-EBADMSG, error, error_bytes,
			      "%s names a header of %u bytes, less than any version has: "
			      "the file is damaged", path, h->header_bytes);
	if (h->header_bytes < sizeof(*h)) /* an older writer of this version knew less */
		memset((char *)h + h->header_bytes, 0, sizeof(*h) - h->header_bytes);
	if (got < sizeof(*h) && got < h->header_bytes)
		c->cut = true;
	make_sane(h);
	return 0;
}

int fp_capture_region_copy(struct fp_capture *c, enum fp_region_id id, size_t item_bytes,
			   void *ret_items, uint64_t *ret_n)
{
	struct fp_region *r = &c->header.regions[id];
	uint64_t n_bytes = r->used_bytes < r->reserved_bytes ? r->used_bytes : r->reserved_bytes;
	struct stat st;
	void *items = NULL;

	*ret_n = 0;
	memcpy(ret_items, &items, sizeof(items));
	if (fstat(c->fd, &st) < 0 || r->offset_bytes >= (uint64_t)st.st_size) {
		c->cut = c->cut || n_bytes;
		return 0;
	}
	if (n_bytes > (uint64_t)st.st_size - r->offset_bytes) {
		n_bytes = (uint64_t)st.st_size - r->offset_bytes;
		c->cut = true;
	}
	if (n_bytes > TABLE_BYTES_MAX) {
		n_bytes = TABLE_BYTES_MAX;
		c->cut = true;
	}
	n_bytes -= n_bytes % item_bytes;
	if (!n_bytes)
		return 0;
	items = malloc(n_bytes);
	if (!items)
		return -ENOMEM;
	size_t got = fp_capture_read_at(c->fd, items, n_bytes, r->offset_bytes);
	c->cut = c->cut || got < n_bytes;
	*ret_n = got / item_bytes;
	memcpy(ret_items, &items, sizeof(items));
	return 0;
}

static int copy_table(struct fp_capture *c, enum fp_region_id id, size_t item_bytes,
		      void *ret_items, uint32_t *ret_n)
{
	uint64_t n;
	int err = fp_capture_region_copy(c, id, item_bytes, ret_items, &n);

	*ret_n = (uint32_t)n; /* TABLE_BYTES_MAX over the smallest item fits */
	return err;
}

void fp_capture_regions_refresh(struct fp_capture *c, enum fp_region_id first,
				enum fp_region_id last)
{
	struct fp_region later[FP_REGION_MAX];

	if (fp_capture_read_at(c->fd, later, sizeof(later),
			       offsetof(struct fp_capture_header, regions)) != sizeof(later))
		return;
	for (int id = first; id <= (int)last; id++)
		c->header.regions[id] = later[id];
}

/* What points must be copied before what it points to: a live writer only
 * appends, so tables whose size is read later hold all that was pointed at. */
static int copy_tables(struct fp_capture *c, bool want_memory)
{
	int err = want_memory ? fp_capture_memory_copy(c) : 0;

	if (!err)
		err = copy_table(c, FP_REGION_CPU, sizeof(*c->cells), &c->cells, &c->n_cells);
	fp_capture_regions_refresh(c, FP_REGION_NODES, FP_REGION_NODES);
	if (!err)
		err = copy_table(c, FP_REGION_NODES, sizeof(*c->nodes), &c->nodes, &c->n_nodes);
	fp_capture_regions_refresh(c, FP_REGION_THREADS, FP_REGION_TEXT);
	if (!err)
		err = copy_table(c, FP_REGION_THREADS, sizeof(*c->threads), &c->threads,
				 &c->n_threads);
	if (!err)
		err = copy_table(c, FP_REGION_CODES, sizeof(*c->codes), &c->codes, &c->n_codes);
	if (!err)
		err = copy_table(c, FP_REGION_MODULES, sizeof(*c->modules), &c->modules,
				 &c->n_modules);
	if (!err)
		err = fp_capture_region_copy(c, FP_REGION_TEXT, 1, &c->text, &c->text_bytes);
	return err;
}

#define NS_MAX FP_CAPTURE_SUM_MAX

static void check_tables(struct fp_capture *c)
{
	uint32_t kept = 0;

	for (uint32_t i = 1; i < c->n_nodes; i++)
		if (c->nodes[i].parent >= i) {
			c->nodes[i].parent = 0;
			c->n_damaged++;
		}
	for (uint32_t i = 1; i < c->n_cells; i++) {
		struct fp_cpu_slot *s = &c->cells[i];
		bool sane = s->stack < c->n_nodes && s->thread < c->n_threads &&
			    s->gil_ns <= NS_MAX * FP_CPU_KINDS && s->samples <= NS_MAX &&
			    s->gil_samples <= s->samples + 1;

		for (int k = 0; k < FP_CPU_KINDS; k++)
			sane = sane && s->ns[k] <= NS_MAX;
		if (sane)
			c->cells[kept++] = *s;
		else
			c->n_damaged++;
	}
	c->n_cells = kept;
}

static void find_log(struct fp_capture *c)
{
	const struct fp_region *r = &c->header.regions[FP_REGION_LOG];
	struct stat st;
	uint64_t n = r->used_bytes < r->reserved_bytes ? r->used_bytes : r->reserved_bytes;

	if (fstat(c->fd, &st) < 0 || r->offset_bytes >= (uint64_t)st.st_size)
		return;
	if (n > (uint64_t)st.st_size - r->offset_bytes)
		n = (uint64_t)st.st_size - r->offset_bytes;
	if (n > TABLE_BYTES_MAX)
		n = TABLE_BYTES_MAX;
	c->log_offset_bytes = r->offset_bytes;
	c->n_chunks = (uint32_t)(n / FP_LOG_CHUNK_BYTES);
}

/* The process with this pid is the one that wrote the capture, and lives. */
static bool is_alive(const struct fp_capture_header *h)
{
	char path[64], line[1024];
	unsigned long long start = 0;
	char state = 0;
	FILE *f;

	if (h->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", h->pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	size_t n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	const char *after = strrchr(line, ')'); /* the name may hold brackets and spaces */
	if (!after || sscanf(after + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
			     " %*d %*d %*d %*d %*d %*d %llu", &state, &start) != 2)
		return false;
	return state != 'Z' && state != 'X' && start == h->start_ticks;
}

/* A regular file, opened; the header checked. */
static int open_checked(const char *path, struct fp_capture *c, char *error, size_t error_bytes)
{
	struct stat st;
	int err;

	memset(c, 0, sizeof(*c));
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0) {
		err = -errno;
		return refuse(err, error, error_bytes, "cannot open %s: %s", path, strerror(-err));
	}
	if (!S_ISREG(st.st_mode))
		return refuse(-EINVAL, error, error_bytes, "%s is not a regular file", path);
	return read_header(path, c, error, error_bytes);
}

int fp_capture_header_read(const char *path, struct fp_capture_header *ret_header, char *error,
			   size_t error_bytes)
{
	struct fp_capture c;
	int err = open_checked(path, &c, error, error_bytes);

	if (!err)
		*ret_header = c.header;
	fp_capture_close(&c);
	return err;
}

int fp_capture_open(const char *path, bool want_memory, struct fp_capture *ret_c, char *error,
		    size_t error_bytes)
{
	struct fp_capture c;
	int err = open_checked(path, &c, error, error_bytes);

	memset(ret_c, 0, sizeof(*ret_c));
	ret_c->fd = -1;
	if (!err) {
		err = copy_tables(&c, want_memory);
		if (err)
			refuse(err, error, error_bytes, "not enough memory to read %s", path);
	}
	if (err) {
		fp_capture_close(&c);
		return err;
	}
	check_tables(&c);
	fp_capture_memory_check(&c);
	find_log(&c);
	if (c.header.end_reason == FP_END_NONE) {
		c.cut = true;
		c.running = is_alive(&c.header);
	}
	*ret_c = c;
	return 0;
}

void fp_capture_close(struct fp_capture *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->threads);
	free(c->modules);
	free(c->codes);
	free(c->nodes);
	free(c->cells);
	free(c->text);
	free(c->mem_cells);
	free(c->mem_points);
	free(c->copies);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

void fp_capture_drop_tables(struct fp_capture *c)
{
	free(c->nodes);
	free(c->cells);
	free(c->mem_cells);
	free(c->mem_points);
	free(c->copies);
	c->nodes = NULL;
	c->cells = NULL;
	c->mem_cells = NULL;
	c->mem_points = NULL;
	c->copies = NULL;
}

const char *fp_capture_text(const struct fp_capture *c, uint32_t offset, uint32_t *ret_bytes)
{
	uint32_t n;

	*ret_bytes = 0;
	if (!offset || (uint64_t)offset + sizeof(n) > c->text_bytes)
		return NULL;
	memcpy(&n, c->text + offset, sizeof(n));
	if (n > c->text_bytes - offset - sizeof(n))
		return NULL;
	*ret_bytes = n;
	return c->text + offset + sizeof(n);
}
