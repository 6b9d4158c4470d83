/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic files, compact copies of captures.  Ordinary program. */
#include "tools/cli/store.h"

#include "agent/capture/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fp_store_make_dir(const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0777) < 0 && errno != EEXIST) {
			int err = errno;

			/* a parent that may not be written but is there is fine */
			if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
				return -err;
		}
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* Cuts the last name off, and the slashes before it. */
static size_t cut_name(char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 0 && path[n - 1] == '/')
		n--;
	path[n] = 0;
	return n;
}

size_t fp_store_there(const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return n;
	memcpy(part, path, n + 1);
	while (n > 0 && stat(part, &st) < 0)
		n = cut_name(part);
	return n;
}

void fp_store_unmake_dir(const char *path, size_t n_there)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return;
	memcpy(part, path, n + 1);
	while (n > n_there && rmdir(part) == 0)
		n = cut_name(part);
}

int fp_store_begin(const char *path, struct fp_store_file *f)
{
	const char *slash = strrchr(path, '/');
	int n_dir = slash ? (int)(slash - path + 1) : 0;
	int fd;

	memset(f, 0, sizeof(*f));
	if ((size_t)snprintf(f->path, sizeof(f->path), "%s", path) >= sizeof(f->path) ||
	    (size_t)snprintf(f->temporary, sizeof(f->temporary), "%.*s.%s.%d", n_dir, path, path + n_dir, getpid()) >=
		    sizeof(f->temporary))
		return -ENAMETOOLONG;
	(void)unlink(f->temporary);
	fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -errno;
	f->stream = fdopen(fd, "w");
	if (f->stream) {
		/* only its writer knows it: no lock around each character */
		(void)__fsetlocking(f->stream, FSETLOCKING_BYCALLER);
		return 0;
	}
	close(fd);
	(void)unlink(f->temporary);
	return -ENOMEM;
}

int fp_store_commit(struct fp_store_file *f)
{
	bool failed = ferror(f->stream) != 0;
	int err = failed ? (errno ? errno : EIO) : 0;

	errno = 0;
	if (fclose(f->stream) != 0 && !err)
		err = errno ? errno : EIO;
	f->stream = NULL;
	if (!err && rename(f->temporary, f->path) < 0)
		err = errno;
	if (err)
		(void)unlink(f->temporary);
	return -err;
}

void fp_store_abandon(struct fp_store_file *f)
{
	if (f->stream)
		fclose(f->stream);
	f->stream = NULL;
	(void)unlink(f->temporary);
}

static int write_all(int fd, const void *bytes, size_t n, uint64_t offset)
{
	const char *b = bytes;

	while (n > 0) {
		ssize_t w = pwrite(fd, b, n, (off_t)offset);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -ENOSPC;
		b += w;
		offset += (uint64_t)w;
		n -= (size_t)w;
	}
	return 0;
}

/* Up to n bytes; what the source lacks is left out. */
static int copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t n, uint64_t *ret_copied)
{
	static char buffer[1 << 18];
	uint64_t done = 0;
	int r = 0;

	while (done < n && r == 0) {
		size_t want = n - done < sizeof(buffer) ? (size_t)(n - done) : sizeof(buffer);
		ssize_t got = pread(from, buffer, want, (off_t)(from_offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		r = write_all(to, buffer, (size_t)got, to_offset + done);
		done += (uint64_t)got;
	}
	*ret_copied = done;
	return r;
}

/* What points is copied before what it points to: a live writer appends, so a
 * table whose size is read later holds all that was pointed at.  The hash
 * heads serve the writer only. */
static const enum fp_region_id copy_order[] = {
	FP_REGION_LOG,	      FP_REGION_MEM_STREAM, FP_REGION_MEM_CELLS, FP_REGION_COPIES, FP_REGION_CPU, FP_REGION_NODES,
	FP_REGION_MEM_POINTS, FP_REGION_THREADS,    FP_REGION_CODES,	 FP_REGION_MODULES, FP_REGION_TEXT,
};

static uint64_t round_up(uint64_t n)
{
	return (n + 63) & ~63ull;
}

static int copy_regions(int from, int to, uint64_t file_bytes)
{
	struct fp_capture_header h, now;
	struct fp_mem_header mem = {0};
	struct fp_region placed[FP_REGION_MAX];
	uint64_t at = round_up(sizeof(h));

	if (pread(from, &h, sizeof(h), 0) != sizeof(h))
		return -EIO;
	memset(placed, 0, sizeof(placed));
	placed[FP_REGION_HEADER] = (struct fp_region){0, at, sizeof(h), at};
	for (unsigned int i = 0; i < sizeof(copy_order) / sizeof(copy_order[0]); i++) {
		struct fp_region region, *p = &placed[copy_order[i]];
		uint64_t n, copied = 0;
		int r;

		if (pread(from, &region, sizeof(region),
			  (off_t)(offsetof(struct fp_capture_header, regions) + copy_order[i] * sizeof(region))) !=
		    sizeof(region))
			return -EIO;
		n = region.used_bytes < region.reserved_bytes ? region.used_bytes : region.reserved_bytes;
		if (region.offset_bytes > file_bytes)
			n = 0;
		else if (n > file_bytes - region.offset_bytes)
			n = file_bytes - region.offset_bytes;
		r = copy_range(from, region.offset_bytes, to, at, n, &copied);
		if (r)
			return r;
		/* a source that is cut must stay visibly cut */
		*p = (struct fp_region){at, region.used_bytes, region.used_bytes, copied};
		at = round_up(at + copied);
		/* says which of these cells stand as at the peak */
		if (copy_order[i] == FP_REGION_MEM_CELLS &&
		    pread(from, &mem, sizeof(mem), offsetof(struct fp_capture_header, mem)) != sizeof(mem))
			return -EIO;
	}
	if (pread(from, &now, sizeof(now), 0) != sizeof(now))
		return -EIO;
	now.mem = mem;
	memcpy(now.regions, placed, sizeof(placed));
	now.file_bytes = at;
	if (ftruncate(to, (off_t)at) < 0)
		return -errno;
	return write_all(to, &now, sizeof(now), 0);
}

static bool can_compact(int fd, uint64_t *ret_file_bytes)
{
	struct fp_capture_header h;
	struct stat st;

	if (fstat(fd, &st) < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return false;
	*ret_file_bytes = (uint64_t)st.st_size;
	/* of another build, larger header: its tail is unknown to us; a file cut
	 * within its tables is kept byte by byte */
	if (memcmp(h.magic, FP_CAPTURE_MAGIC, sizeof(h.magic)) != 0 || h.version != FP_CAPTURE_VERSION ||
	    h.header_bytes != sizeof(h))
		return false;
	for (int i = 0; i < FP_REGION_MAX; i++)
		if (h.regions[i].used_bytes > (uint64_t)st.st_size ||
		    h.regions[i].offset_bytes > (uint64_t)st.st_size - h.regions[i].used_bytes)
			return false;
	return true;
}

static int copy_sparse(int from, int to)
{
	off_t at = 0, end = lseek(from, 0, SEEK_END);
	uint64_t copied;
	int r = 0;

	if (end < 0 || ftruncate(to, end) < 0)
		return -errno;
	while (at < end && r == 0) {
		off_t data = lseek(from, at, SEEK_DATA);
		off_t hole = data < 0 ? end : lseek(from, data, SEEK_HOLE);

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		if (hole < 0)
			hole = end;
		r = copy_range(from, (uint64_t)data, to, (uint64_t)data, (uint64_t)(hole - data), &copied);
		at = hole;
	}
	return r;
}

static int copy(const char *from, const char *to, bool compact)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int out, r;
	uint64_t file_bytes;

	if (in < 0)
		return -errno;
	out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (out < 0) {
		r = -errno;
		close(in);
		return r;
	}
	r = compact && can_compact(in, &file_bytes) ? copy_regions(in, out, file_bytes) : copy_sparse(in, out);
	if (close(out) < 0 && r == 0)
		r = -errno;
	close(in);
	if (r)
		(void)unlink(to);
	return r;
}

int fp_store_copy_capture(const char *from, const char *to)
{
	return copy(from, to, true);
}

int fp_store_copy_file(const char *from, const char *to)
{
	return copy(from, to, false);
}

int fp_store_remove_dir(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0 && errno == EISDIR) {
			char below[PATH_MAX];

			if ((size_t)snprintf(below, sizeof(below), "%s/%s", path, e->d_name) < sizeof(below))
				(void)fp_store_remove_dir(below);
		}
	}
	closedir(d);
	return rmdir(path) < 0 ? -errno : 0;
}

int fp_store_replace_dir(const char *made, const char *path)
{
	char old[PATH_MAX];

	if (rename(made, path) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
		return -errno;
	if ((size_t)snprintf(old, sizeof(old), "%s.old-%d", path, getpid()) >= sizeof(old))
		return -ENAMETOOLONG;
	if (rename(path, old) < 0)
		return -errno;
	if (rename(made, path) < 0) {
		int err = errno;

		(void)rename(old, path);
		return -err;
	}
	return fp_store_remove_dir(old);
}
