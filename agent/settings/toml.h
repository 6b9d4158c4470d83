/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded TOML reader that hands out the values below one table and skips
 * everything else.  Pure over a memory buffer: no allocation, any context.
 */
#ifndef FP_SETTINGS_TOML_H
#define FP_SETTINGS_TOML_H

#include <stddef.h>

struct fp_toml_item {
	const char *key;     /* dotted, below the prefix: "spy.rate" */
	const char *value;   /* as text; an array's parts joined by commas */
	unsigned int line;   /* of the key, 1-based */
};

struct fp_toml_error {
	unsigned int line;
	const char *what;
};

/* prefix: dotted and with a dot at the end ("tool.filperf.").  Calls take()
 * for each leaf value below it, in order.  0, or -EINVAL and *ret_error when
 * the text is no TOML (what was before that line has been taken). */
int fp_toml_read(const char *text, size_t n_bytes, const char *prefix,
		 void (*take)(void *ctx, const struct fp_toml_item *item), void *ctx,
		 struct fp_toml_error *ret_error);

#endif
