/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "shared" of a Firefox profile: the tables that all threads refer to, and how
 * its empty parts are written.  Render stage; streams column by column.
 */
#ifndef FP_TOOLS_RENDER_FIREFOX_TABLES_H
#define FP_TOOLS_RENDER_FIREFOX_TABLES_H

#include "tools/render/json_out.h"
#include "tools/render/render.h"

/* Stack n of the table is node n + 1 of the profile.  0 or -ENOMEM. */
int fp_firefox_tables_put(struct fp_json_out *j, const struct fp_profile *p, const struct fp_render_options *o);

void fp_firefox_empty_list(struct fp_json_out *j, const char *key);
/* columns is NULL-ended. */
void fp_firefox_empty_table(struct fp_json_out *j, const char *key, const char *const *columns);

#endif
