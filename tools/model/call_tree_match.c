/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which node of one call tree is which of another: by the names on the path,
 * as ids mean nothing across two profiles.  Model stage, ordinary program.
 */
#include "tools/model/call_tree.h"

#include "tools/model/names.h"
#include "tools/read/key_map.h"

#include <stdlib.h>
#include <string.h>

/* Roots: the pid differs from run to run, the command line need not. */
static uint64_t hash_label(const char *label)
{
	const char *quote = strncmp(label, "process ", 8) == 0 ? strchr(label, '"') : NULL;
	const char *name = strncmp(label, "thread (", 8) == 0 ? strstr(label, "): ") : NULL;
	const char *text = quote ? quote : name ? name : label;

	return fp_key_hash(7, text, strlen(text));
}

static uint64_t hash_frame(const struct fp_profile *p, const struct fp_frame *f, bool lines)
{
	const char *file = fp_name_short_file(f->file, p->cwd);
	uint64_t seed = lines ? f->line + 16ull : f->kind;

	return fp_key_hash(fp_key_hash(seed, f->qualname, strlen(f->qualname)), file, strlen(file));
}

/* A hash of the whole path for each node. */
static uint64_t *hash_paths(const struct fp_profile *p, const struct fp_call_tree *t, bool lines)
{
	uint64_t *paths = malloc((size_t)t->n_nodes * sizeof(*paths));

	for (uint32_t i = 0; paths && i < t->n_nodes; i++) {
		const struct fp_call_node *n = &t->nodes[i];
		uint64_t own = n->frame == FP_CALL_NONE ? hash_label(n->label) :
			       hash_frame(p, &p->frames[n->frame], lines);

		paths[i] = i ? fp_key_hash(paths[n->parent], &own, sizeof(own)) : 1;
	}
	return paths;
}

/* Siblings that differ in line only share what the base has, in proportion. */
static bool share_out(uint64_t *then, const struct fp_call_tree *tree, const uint64_t *paths,
		      const struct fp_key_map *by_path, const uint64_t *base_sums)
{
	uint64_t *sums = calloc(by_path->n_used + 1, sizeof(*sums));
	if (!sums)
		return false;
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		uint32_t at = fp_key_map_find(by_path, paths[i], NULL, NULL);
		if (at != FP_KEY_MISSING)
			sums[at] += tree->nodes[i].total_count;
	}
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		uint32_t at = fp_key_map_find(by_path, paths[i], NULL, NULL);

		then[i] = 0;
		if (at != FP_KEY_MISSING && sums[at])
			then[i] = (uint64_t)((unsigned __int128)base_sums[at] *
					     tree->nodes[i].total_count / sums[at]);
	}
	free(sums);
	return true;
}

static uint64_t *match(const struct fp_profile *p, const struct fp_call_tree *tree,
		       const struct fp_profile *base_p, const struct fp_call_tree *base, bool lines)
{
	uint64_t *paths = hash_paths(p, tree, lines), *base_paths = hash_paths(base_p, base, lines);
	uint64_t *then = malloc((size_t)tree->n_nodes * sizeof(*then));
	uint64_t *base_sums = calloc((size_t)base->n_nodes + 1, sizeof(*base_sums));
	struct fp_key_map by_path = { 0 };
	bool made = paths && base_paths && then && base_sums;

	for (uint32_t i = 0, n = 0; made && i < base->n_nodes; i++) {
		uint32_t at = fp_key_map_find(&by_path, base_paths[i], NULL, NULL);

		if (at == FP_KEY_MISSING) {
			at = n++;
			made = fp_key_map_add(&by_path, base_paths[i], at) == 0;
		}
		base_sums[at] += base->nodes[i].total_count;
	}
	made = made && share_out(then, tree, paths, &by_path, base_sums);
	if (!made) {
		free(then);
		then = NULL;
	}
	free(paths);
	free(base_paths);
	free(base_sums);
	fp_key_map_free(&by_path);
	return then;
}

/* Samples of the tree whose own node the base has too. */
static uint64_t matched_count(const struct fp_call_tree *tree, const uint64_t *then)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < tree->n_nodes; i++)
		sum += then[i] ? tree->nodes[i].self_count : 0;
	return sum;
}

uint64_t *fp_call_tree_match(const struct fp_profile *p, const struct fp_call_tree *tree,
			     const struct fp_profile *base_p, const struct fp_call_tree *base)
{
	uint64_t *then = match(p, tree, base_p, base, true);

	/* lines that moved because the source was edited match nothing: then by function */
	if (then && matched_count(tree, then) * 2 < tree->nodes[0].total_count) {
		free(then);
		then = match(p, tree, base_p, base, false);
	}
	return then;
}
