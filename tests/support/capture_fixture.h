/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh capture in a private directory, for tests of the agent's tables. */
#ifndef FP_TESTS_CAPTURE_FIXTURE_H
#define FP_TESTS_CAPTURE_FIXTURE_H

#include "agent/base/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline int fixture_open(struct fp_segment *s, unsigned max_mb)
{
	char path[] = "/tmp/fp-test-XXXXXX";
	int fd = mkstemp(path), error;

	if (fd < 0)
		return -1;
	close(fd);
	unlink(path);
	memset(s, 0, sizeof(*s));
	error = fp_segment_create(s, path, max_mb, NULL);
	return error;
}

static inline void fixture_close(struct fp_segment *s)
{
	unlink(s->path);
	munmap(s->header, s->n_bytes);
}

#endif
