/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What importing costs, per top package.  Model stage, ordinary program.
 */
#include "tools/model/import_bill.h"

#include "tools/model/names.h"
#include "tools/read/key_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by the import system: the nearest Python frame above is importlib's.
 * The program's own <module> (python -m x, a script) is no import. */
static bool is_import(const struct fp_profile *p, uint32_t node)
{
	for (node = p->nodes[node].parent; node; node = p->nodes[node].parent) {
		const struct fp_frame *f = &p->frames[p->nodes[node].frame];

		if (f->kind == FP_FRAME_PYTHON)
			return strstr(f->file, "importlib") != NULL;
	}
	return false;
}

/* The row a stack is charged to: inherited from the parent, else of its own
 * frame when that is the <module> of a package. */
static int row_of_node(struct fp_import_bill *b, size_t *room, const struct fp_profile *p,
		       uint32_t node, uint32_t *ret_row)
{
	const struct fp_frame *f = &p->frames[p->nodes[node].frame];
	char package[64];

	*ret_row = UINT32_MAX;
	if (f->kind != FP_FRAME_PYTHON || strcmp(f->name, "<module>") != 0 || !is_import(p, node))
		return 0;
	fp_name_package(f->file, package, sizeof(package));
	if (!package[0])
		return 0;
	for (uint32_t i = 0; i < b->n_rows; i++)
		if (strcmp(b->rows[i].package, package) == 0) {
			*ret_row = i;
			return 0;
		}
	if (fp_grow(&b->rows, room, b->n_rows, sizeof(*b->rows)))
		return -ENOMEM;
	memset(&b->rows[b->n_rows], 0, sizeof(*b->rows));
	memcpy(b->rows[b->n_rows].package, package, sizeof(package));
	*ret_row = b->n_rows++;
	return 0;
}

/* The package that the program is of: filare for a script called filare.  What
 * it imports is worth a row; the program itself is not news. */
static void own_package(const struct fp_profile *p, char *out, size_t n_bytes)
{
	size_t n;

	out[0] = 0;
	for (uint32_t i = 0; i < p->n_processes && !out[0]; i++)
		if (p->processes[i].is_python && p->processes[i].is_first)
			snprintf(out, n_bytes, "%s", p->processes[i].title);
	n = strlen(out);
	if (n > 3 && strcmp(out + n - 3, ".py") == 0)
		out[n - 3] = 0;
}

static int assign_rows(struct fp_import_bill *b, const struct fp_profile *p, uint32_t *row_of)
{
	char own[64];
	size_t room = 0;
	int err = 0;

	own_package(p, own, sizeof(own));
	row_of[0] = UINT32_MAX;
	for (uint32_t i = 1; !err && i < p->n_nodes; i++) {
		uint32_t inherited = row_of[p->nodes[i].parent];

		row_of[i] = inherited;
		if (inherited != UINT32_MAX && strcmp(b->rows[inherited].package, own) != 0)
			continue;
		err = row_of_node(b, &room, p, i, &row_of[i]);
		if (row_of[i] == UINT32_MAX)
			row_of[i] = inherited;
	}
	return err;
}

static int largest_first(const void *a, const void *b)
{
	const struct fp_import_row *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return strcmp(x->package, y->package);
}

static void charge(const struct fp_profile *p, const uint32_t *row_of, struct fp_import_bill *b)
{
	for (size_t i = 0; i < p->n_cells; i++) {
		const struct fp_profile_cell *c = &p->cells[i];
		uint64_t ns = fp_profile_cell_ns(c);

		b->all_ns += ns;
		if (row_of[c->stack] == UINT32_MAX)
			continue;
		b->rows[row_of[c->stack]].ns += ns;
		b->rows[row_of[c->stack]].samples += c->samples;
		b->import_ns += ns;
	}
}

int fp_import_bill_make(const struct fp_profile *p, struct fp_import_bill **ret_bill)
{
	struct fp_import_bill *b = calloc(1, sizeof(*b));
	uint32_t *row_of = malloc((size_t)p->n_nodes * sizeof(*row_of));
	int err = b && row_of ? assign_rows(b, p, row_of) : -ENOMEM;

	if (!err) {
		charge(p, row_of, b);
		if (b->n_rows)
			qsort(b->rows, b->n_rows, sizeof(*b->rows), largest_first);
		while (b->n_rows && !b->rows[b->n_rows - 1].ns)
			b->n_rows--;
		*ret_bill = b;
	} else {
		fp_import_bill_destroy(b);
	}
	free(row_of);
	return err;
}

void fp_import_bill_destroy(struct fp_import_bill *b)
{
	if (!b)
		return;
	free(b->rows);
	free(b);
}
