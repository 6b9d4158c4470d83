/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run directory: names, making it, and the settings file in it.  Boot of
 * the agent and tools; raw system calls, no allocation, any context.
 */
#include "agent/settings/run_dir.h"

#include "agent/base/sys.h"
#include "agent/base/text.h"

#include <sys/stat.h>

static int finish(const struct fp_writer *w)
{
	return w->cut ? -ENAMETOOLONG : 0;
}

int fp_run_base(char *const envp[], uid_t uid, char *path, size_t n_bytes)
{
	struct fp_writer w = fp_writer_over(path, n_bytes);
	const char *dir = fp_environment_get(envp, "XDG_RUNTIME_DIR");

	/* relative paths would mean another place after chdir */
	if (!dir || dir[0] != '/')
		dir = fp_environment_get(envp, "TMPDIR");
	if (!dir || dir[0] != '/')
		dir = "/tmp";
	fp_writer_text(&w, dir);
	fp_writer_text(&w, "/filperf-");
	fp_writer_number(&w, uid);
	return finish(&w);
}

int fp_run_base_make(const char *base, uid_t uid)
{
	struct stat st;
	int r = (int)fp_sys_call(SYS_mkdirat, AT_FDCWD, base, 0700);

	if (r < 0 && r != -EEXIST)
		return r;
	r = (int)fp_sys_call(SYS_newfstatat, AT_FDCWD, base, &st, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return r;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid != uid)
		return -EPERM;
	return st.st_mode & 077 ? -EACCES : 0;
}

int fp_run_path(const char *base, const struct fp_run_name *name, char *path, size_t n_bytes)
{
	struct fp_writer w = fp_writer_over(path, n_bytes);

	fp_writer_text(&w, base);
	fp_writer_char(&w, '/');
	fp_writer_number(&w, (uint64_t)name->pid);
	fp_writer_char(&w, '-');
	fp_writer_number(&w, name->start_ticks);
	fp_writer_char(&w, '-');
	fp_writer_char(&w, name->how);
	return finish(&w);
}

int fp_run_make(const char *path)
{
	return (int)fp_sys_call(SYS_mkdirat, AT_FDCWD, path, 0700);
}

int fp_run_name_parse(const char *path, struct fp_run_name *ret_name)
{
	const char *s = path;
	struct fp_run_name name;

	for (const char *c = path; *c; c++)
		if (*c == '/' && c[1] && c[1] != '/')
			s = c + 1;
	if (*s < '1' || *s > '9')
		return -EINVAL;
	name.pid = (pid_t)fp_text_number(&s);
	if (*s++ != '-' || *s < '0' || *s > '9')
		return -EINVAL;
	name.start_ticks = fp_text_number(&s);
	if (*s++ != '-' || (*s != FP_RUN_LAUNCHED && *s != FP_RUN_PRELOADED))
		return -EINVAL;
	name.how = *s++;
	while (*s == '/')
		s++;
	if (*s)
		return -EINVAL;
	*ret_name = name;
	return 0;
}

int fp_run_start_ticks(pid_t pid, uint64_t *ret_ticks, char *ret_state)
{
	char path[40], text[1024];
	struct fp_writer w = fp_writer_over(path, sizeof(path));
	const char *s = text, *behind = NULL;
	long n;

	fp_writer_text(&w, "/proc/");
	if (pid)
		fp_writer_number(&w, (uint64_t)pid);
	else
		fp_writer_text(&w, "self");
	fp_writer_text(&w, "/stat");
	n = fp_sys_read_file(path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	/* the name in brackets may hold anything, brackets too */
	for (; *s; s++)
		if (*s == ')')
			behind = s + 1;
	if (!behind || behind[0] != ' ')
		return -EINVAL;
	s = behind;
	for (int field = 3; field < 22; field++) {
		s++;
		while (*s && *s != ' ')
			s++;
	}
	if (*s++ != ' ' || *s < '0' || *s > '9')
		return -EINVAL;
	*ret_ticks = fp_text_number(&s);
	if (ret_state)
		*ret_state = behind[1];
	return 0;
}

static void put_line(struct fp_writer *w, const char *name, const char *value)
{
	static const char hex[] = "0123456789abcdef";

	fp_writer_text(w, name);
	fp_writer_char(w, '=');
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c >= ' ' && c != 127 && c != '\\') {
			fp_writer_char(w, *value);
			continue;
		}
		fp_writer_text(w, "\\x");
		fp_writer_char(w, hex[c >> 4]);
		fp_writer_char(w, hex[c & 15]);
	}
	fp_writer_char(w, '\n');
}

static void put_number(struct fp_writer *w, const char *name, uint64_t n)
{
	char digits[24];
	struct fp_writer d = fp_writer_over(digits, sizeof(digits));

	fp_writer_number(&d, n);
	put_line(w, name, digits);
}

long fp_run_settings_format(const struct fp_settings *s, const struct fp_run_facts *facts, char *text,
			    size_t n_bytes)
{
	struct fp_writer w = fp_writer_over(text, n_bytes);
	const char *output = s->of[FP_OPTION_output_dir].text;
	size_t at = 0;

	for (int id = 0; id < FP_OPTION_MAX; id++) {
		char name[FP_SPELLED_BYTES];

		fp_option_spell((enum fp_option_id)id, FP_SPELL_ENVIRONMENT, name);
		put_line(&w, name, s->of[id].text);
	}
	put_line(&w, "CWD", facts->cwd);
	{
		char path[FP_SETTING_TEXT_BYTES + FP_RUN_PATH_BYTES];
		struct fp_writer p = fp_writer_over(path, sizeof(path));

		if (output[0] != '/') {
			fp_writer_text(&p, facts->cwd);
			fp_writer_char(&p, '/');
		}
		fp_writer_text(&p, output);
		if (p.cut)
			return -ENOSPC;
		put_line(&w, "OUTPUT_DIR", path);
	}
	put_number(&w, "STARTED", (uint64_t)facts->started_s);
	put_number(&w, "LAUNCHER", (uint64_t)facts->launcher);
	/* a command that does not fit is cut between arguments */
	while (at < facts->cmdline_bytes) {
		size_t n = fp_text_length(facts->cmdline + at);

		if (n * 4 + 8 < n_bytes - w.used)
			put_line(&w, "ARG", facts->cmdline + at);
		at += n + 1;
	}
	return w.cut ? -ENOSPC : (long)w.used;
}

int fp_run_settings_write(const char *run_dir, const char *text, size_t n_bytes)
{
	char path[FP_RUN_PATH_BYTES];
	struct fp_writer w = fp_writer_over(path, sizeof(path));
	long n = 0;
	int fd;

	fp_writer_text(&w, run_dir);
	fp_writer_text(&w, "/" FP_RUN_SETTINGS_FILE);
	if (w.cut)
		return -ENAMETOOLONG;
	fd = fp_sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	while (n_bytes > 0 && (n = fp_sys_write(fd, text, n_bytes)) > 0) {
		text += n;
		n_bytes -= (size_t)n;
	}
	fp_sys_close(fd);
	return n_bytes == 0 ? 0 : n < 0 ? (int)n : -ENOSPC;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void fp_run_settings_lines(char *text, void (*take)(void *ctx, const char *name, const char *value), void *ctx)
{
	while (*text) {
		char *name = text, *value = NULL, *out;

		while (*text && *text != '\n') {
			if (*text == '=' && !value) {
				*text = 0;
				value = text + 1;
			}
			text++;
		}
		if (*text)
			*text++ = 0;
		if (!value)
			continue;
		out = value;
		for (const char *in = value; *in; in++) {
			if (in[0] == '\\' && in[1] == 'x' && hex_digit(in[2]) >= 0 && hex_digit(in[3]) >= 0) {
				*out++ = (char)(hex_digit(in[2]) << 4 | hex_digit(in[3]));
				in += 3;
			} else {
				*out++ = *in;
			}
		}
		*out = 0;
		take(ctx, name, value);
	}
}

static void take_setting(void *ctx, const char *name, const char *value)
{
	enum fp_option_id id = fp_option_find(FP_SPELL_ENVIRONMENT, name);

	if (id != FP_OPTION_MAX)
		(void)fp_settings_set(ctx, id, FP_FROM_ENVIRONMENT, name, value, NULL);
}

void fp_run_settings_take(struct fp_settings *s, char *text)
{
	fp_run_settings_lines(text, take_setting, s);
}
