/* SPDX-License-Identifier: Apache-2.0 */
/* Looks into program files and finds them.  Ordinary program. */
#include "tools/cli/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *fp_program_obstacle(enum fp_program_kind kind)
{
	switch (kind) {
	case FP_PROGRAM_STATIC:
		return "it is linked statically, so nothing can be preloaded; use a dynamically linked build";
	case FP_PROGRAM_32_BIT:
		return "it is a 32-bit program and the agent is 64-bit; use a 64-bit build";
	case FP_PROGRAM_FOREIGN:
		return "it is a program of another machine type";
	case FP_PROGRAM_MUSL:
		return "it uses musl and the agent needs glibc; use a glibc build (Debian, not Alpine)";
	case FP_PROGRAM_SETUID:
		return "it changes user or carries capabilities, so the loader ignores LD_PRELOAD; "
		       "run filperf as that user on a copy without them";
	default:
		return NULL;
	}
}

static enum fp_program_kind elf_kind(int fd, const Elf64_Ehdr *h, char *interpreter, size_t n_bytes)
{
	bool dynamic = false;

	interpreter[0] = 0;
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return FP_PROGRAM_32_BIT;
#if defined(__x86_64__)
	if (h->e_machine != EM_X86_64)
		return FP_PROGRAM_FOREIGN;
#elif defined(__aarch64__)
	if (h->e_machine != EM_AARCH64)
		return FP_PROGRAM_FOREIGN;
#endif
	for (int i = 0; i < h->e_phnum && i < 256; i++) {
		Elf64_Phdr p;

		if (pread(fd, &p, sizeof(p), (off_t)(h->e_phoff + (uint64_t)i * sizeof(p))) != sizeof(p))
			break;
		if (p.p_type == PT_DYNAMIC)
			dynamic = true;
		if (p.p_type == PT_INTERP && p.p_filesz > 1 && p.p_filesz < n_bytes &&
		    pread(fd, interpreter, p.p_filesz, (off_t)p.p_offset) == (ssize_t)p.p_filesz)
			interpreter[p.p_filesz] = 0;
	}
	if (!interpreter[0]) /* the loader itself is dynamic without one */
		return dynamic && strstr(interpreter, "ld-linux") ? FP_PROGRAM_DYNAMIC : FP_PROGRAM_STATIC;
	return strstr(interpreter, "ld-musl") ? FP_PROGRAM_MUSL : FP_PROGRAM_DYNAMIC;
}

int fp_program_inspect(const char *path, struct fp_program *ret_program)
{
	struct fp_program p = {.kind = FP_PROGRAM_OTHER};
	struct stat st;
	union {
		Elf64_Ehdr elf;
		char text[512];
	} head;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	memset(&head, 0, sizeof(head));
	n = pread(fd, &head, sizeof(head) - 1, 0);
	if (n > 2 && memcmp(head.text, "#!", 2) == 0) {
		char *s = head.text + 2;

		p.kind = FP_PROGRAM_SCRIPT;
		s[strcspn(s, "\r\n")] = 0;
		s += strspn(s, " \t");
		snprintf(p.interpreter, sizeof(p.interpreter), "%s", s);
	} else if (n >= (ssize_t)sizeof(head.elf) && memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
		p.kind = elf_kind(fd, &head.elf, p.interpreter, sizeof(p.interpreter));
		/* root's own set-user-ID programs change nothing for root */
		if (p.kind == FP_PROGRAM_DYNAMIC && fstat(fd, &st) == 0 &&
		    (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
		     ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getegid()) ||
		     (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)))
			p.kind = FP_PROGRAM_SETUID;
	}
	close(fd);
	*ret_program = p;
	return 0;
}

int fp_program_inspect_deep(const char *path, struct fp_program *ret_program, char *final, size_t n_bytes)
{
	char at[PATH_MAX];

	snprintf(at, sizeof(at), "%s", path);
	for (int depth = 0; depth < 5; depth++) {
		char *word, *rest;
		int r = fp_program_inspect(at, ret_program);

		if (r)
			return r;
		snprintf(final, n_bytes, "%s", at);
		if (ret_program->kind != FP_PROGRAM_SCRIPT)
			return 0;
		word = strtok_r(ret_program->interpreter, " \t", &rest);
		if (!word)
			return 0;
		snprintf(at, sizeof(at), "%s", word);
		if (strcmp(word, "/usr/bin/env") == 0 || strcmp(word, "/bin/env") == 0) {
			do
				word = strtok_r(NULL, " \t", &rest);
			while (word && (word[0] == '-' || strchr(word, '=')));
			if (!word || fp_program_find(word, at, sizeof(at)) < 0)
				return 0;
		}
	}
	return 0;
}

static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (S_ISDIR(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

int fp_program_find(const char *name, char *path, size_t n_bytes)
{
	const char *dirs = getenv("PATH");
	int result = -ENOENT;

	if (!name[0])
		return -ENOENT;
	if (strchr(name, '/')) {
		snprintf(path, n_bytes, "%s", name);
		return check(path);
	}
	if (!dirs)
		dirs = "/bin:/usr/bin"; /* as execvp does */
	for (;;) {
		size_t n = strcspn(dirs, ":");
		int r;

		snprintf(path, n_bytes, "%.*s%s%s", (int)n, dirs, n ? "/" : "./", name);
		r = check(path);
		if (r == 0)
			return 0;
		if (r == -EACCES)
			result = r;
		if (!dirs[n])
			return result;
		dirs += n + 1;
	}
}

int fp_agent_find(char *path, size_t n_bytes, char *tried, size_t tried_bytes)
{
	static const char *const places[] = {"libfilperf_agent.so", FP_RELATIVE_AGENT};
	char self[PATH_MAX], resolved[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	self[n] = 0;
	slash = strrchr(self, '/');
	slash[1] = 0;
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(path, n_bytes, "%s%s", self, places[i]);
		if (access(path, R_OK) == 0 && realpath(path, resolved)) {
			snprintf(path, n_bytes, "%s", resolved);
			return 0;
		}
	}
	snprintf(tried, tried_bytes, "%s%s and %s%s", self, places[0], self, places[1]);
	return -ENOENT;
}
