/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flame graph, root on top, with inferno's DOM so that what reads py-spy's
 * graphs reads ours.  Render stage; streams.  Frames under 0.1 % are left out
 * of the drawing, not of the sums.
 */
#include "tools/model/call_tree.h"
#include "tools/model/names.h"
#include "tools/render/palette.h"
#include "tools/render/render.h"
#include "tools/render/summary_line.h"
#include "tools/render/xml_out.h"

#include "assets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_WIDTH 1200
#define PAD_X 10
#define PAD_TOP 68
#define PAD_BOTTOM 30
#define FRAME_HEIGHT 16
#define CHARACTER_WIDTH (12 * 0.61)
#define SMALLEST_SHARE 0.001

struct graph {
	const struct fp_profile *p;
	const struct fp_render_options *o;
	const struct fp_call_tree *t;
	uint64_t *base;       /* per node, counts in the base; NULL: no diff */
	uint64_t base_all;
	uint64_t largest_change;
	uint64_t total;       /* at least 1 */
	FILE *out;
};

static bool is_drawn(const struct graph *g, uint32_t node)
{
	return !node || (double)g->t->nodes[node].total_count >= SMALLEST_SHARE * (double)g->total;
}

/* Calls draw for each drawn node in preorder, with its depth and where it
 * starts; returns the deepest depth. */
static uint32_t walk(const struct graph *g, void (*draw)(const struct graph *g, uint32_t node,
							 uint32_t depth, uint64_t start))
{
	const struct fp_call_node *nodes = g->t->nodes;
	uint32_t node = 0, depth = 0, deepest = 0;
	uint64_t start = 0; /* of node */

	for (;;) {
		if (is_drawn(g, node)) {
			if (draw)
				draw(g, node, depth, start);
			deepest = depth > deepest ? depth : deepest;
			if (nodes[node].first_child != FP_CALL_NONE) {
				node = nodes[node].first_child;
				depth++;
				continue;
			}
		}
		start += nodes[node].total_count;
		while (node && nodes[node].next_sibling == FP_CALL_NONE) {
			node = nodes[node].parent;
			start += nodes[node].self_count; /* own samples lie right of the children */
			depth--;
		}
		if (!node)
			return deepest;
		node = nodes[node].next_sibling;
	}
}

static void put_title(const struct graph *g, uint32_t node, const char *name)
{
	const struct fp_call_node *n = &g->t->nodes[node];
	char count[32];

	fp_xml_text(g->out, name);
	fprintf(g->out, " (%s sample%s, ", fp_xml_thousands(n->total_count, count),
		n->total_count == 1 ? "" : "s");
	if (node)
		fprintf(g->out, "%.2f%%", 100.0 * (double)n->total_count / (double)g->total);
	else
		fputs("100%", g->out);
	if (g->base)
		fprintf(g->out, "; %+.2f%%", 100.0 * ((double)n->total_count - (double)g->base[node]) /
			(double)(g->base_all ? g->base_all : 1));
	if (n->total_gil_ns)
		fprintf(g->out, ", GIL %.0f%%", 100.0 * (double)n->total_gil_ns / (double)n->total_ns);
	fputs(")", g->out);
}

/* As many whole characters as fit; the rest becomes "..". */
static void put_fitting(const struct graph *g, const char *name, double share)
{
	double room = share * (IMAGE_WIDTH - 2 * PAD_X) / CHARACTER_WIDTH;
	size_t n_characters = 0, at = 0, cut = 0;
	char text[1024];

	for (; name[at] && n_characters + 1 <= (size_t)room && at + 8 < sizeof(text); n_characters++) {
		if (n_characters + 2 <= (size_t)room)
			cut = at;
		do
			at++;
		while ((name[at] & 0xc0) == 0x80);
	}
	if (n_characters < 3 && name[at])
		return;
	if (!name[at]) {
		fp_xml_text(g->out, name);
		return;
	}
	memcpy(text, name, cut);
	memcpy(text + cut, "..", 3);
	fp_xml_text(g->out, text);
}

static void draw_frame(const struct graph *g, uint32_t node, uint32_t depth, uint64_t start)
{
	const struct fp_call_node *n = &g->t->nodes[node];
	const struct fp_frame *f = n->frame == FP_CALL_NONE ? NULL : &g->p->frames[n->frame];
	double total = (double)g->total, x = 100.0 * (double)start / total;
	double share = node ? (double)n->total_count / total : 1.0;
	unsigned y = PAD_TOP + depth * FRAME_HEIGHT;
	char text[8192];
	struct fp_colour c = fp_colour_of_frame(f);

	if (f)
		fp_name_frame(g->p, f, g->o->lines, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", n->label);
	if (g->base && node)
		c = fp_colour_of_change((int64_t)n->total_count - (int64_t)g->base[node],
					g->largest_change);
	fputs("<g><title>", g->out);
	put_title(g, node, text);
	fprintf(g->out, "</title><rect x=\"%.4f%%\" y=\"%u\" width=\"%.4f%%\" height=\"%d\" "
		"fill=\"rgb(%u,%u,%u)\" fg:x=\"%" PRIu64 "\" fg:w=\"%" PRIu64 "\"/>"
		"<text x=\"%.4f%%\" y=\"%.2f\">", x, y, 100.0 * share, FRAME_HEIGHT - 1, c.r, c.g,
		c.b, start, n->total_count, x + 100.0 * 3 / (IMAGE_WIDTH - 2 * PAD_X), y + 10.5);
	put_fitting(g, text, share);
	fputs("</text></g>\n", g->out);
}

static void put_head(const struct graph *g, unsigned height)
{
	fprintf(g->out, "<?xml version=\"1.0\" standalone=\"no\"?>\n"
		"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" "
		"\"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n"
		"<svg version=\"1.1\" width=\"%d\" height=\"%u\" onload=\"init(evt)\" "
		"viewBox=\"0 0 %d %u\" xmlns=\"http://www.w3.org/2000/svg\" "
		"xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
		"xmlns:fg=\"http://github.com/jonhoo/inferno\">\n"
		"<!-- Flame graph by filperf. Frames are sampled CPU time; open in a browser. -->\n"
		"<defs><linearGradient id=\"background\" y1=\"0\" y2=\"1\" x1=\"0\" x2=\"0\">"
		"<stop class=\"from\" offset=\"5%%\"/><stop class=\"to\" offset=\"95%%\"/>"
		"</linearGradient></defs>\n<style type=\"text/css\"><![CDATA[\n",
		IMAGE_WIDTH, height, IMAGE_WIDTH, height);
	fwrite(fp_asset_flamegraph_css, 1, fp_asset_flamegraph_css_bytes, g->out);
	fprintf(g->out, "]]></style>\n<script type=\"text/ecmascript\"><![CDATA[\n"
		"var nametype = 'Function:';\nvar fontsize = 12;\nvar fontwidth = 0.61;\n"
		"var xpad = %d;\nvar inverted = true;\nvar searchcolor = '#e600e6';\n"
		"var fluiddrawing = true;\nvar truncate_text_right = true;\n", PAD_X);
	fwrite(fp_asset_flamegraph_js, 1, fp_asset_flamegraph_js_bytes, g->out);
	fputs("]]></script>\n<rect id=\"back\" x=\"0\" y=\"0\" width=\"100%\" height=\"100%\" "
	      "fill=\"url(#background)\"/>\n", g->out);
}

static void put_heading(const struct graph *g, unsigned height)
{
	const char *title = g->o->title;
	char line[1024];

	if (!title || !*title)
		title = g->p->command[0] ? g->p->command : g->p->label[0] ? g->p->label : "filperf";
	fputs("<text id=\"title\" x=\"50.0000%\" y=\"24.00\">", g->out);
	fp_xml_text(g->out, title);
	fputs("</text>\n<text id=\"subtitle\" x=\"50.0000%\" y=\"42.00\">", g->out);
	fp_summary_line(g->p, g->base ? g->o->base : NULL, line, sizeof(line));
	fp_xml_text(g->out, line);
	fprintf(g->out, "</text>\n<text id=\"details\" x=\"%d\" y=\"60.00\"> </text>\n"
		"<text id=\"unzoom\" class=\"hide\" x=\"%d\" y=\"24.00\">Reset Zoom</text>\n"
		"<text id=\"search\" x=\"%d\" y=\"24.00\">Search</text>\n"
		"<text id=\"matched\" x=\"%d\" y=\"%u.00\"> </text>\n", PAD_X, PAD_X,
		IMAGE_WIDTH - PAD_X, IMAGE_WIDTH - PAD_X, height - 10);
}

/* Says why a graph is empty, below the one frame that there is. */
static void put_reason(const struct graph *g)
{
	char lines[4][256];
	int n = fp_summary_why_empty(g->p, lines, 4);

	for (int i = 0; i < n; i++) {
		fprintf(g->out, "<text class=\"why\" x=\"%d\" y=\"%d\">", PAD_X,
			PAD_TOP + FRAME_HEIGHT + 24 + i * 18);
		fp_xml_text(g->out, lines[i]);
		fputs("</text>\n", g->out);
	}
}

static int compare_with_base(struct graph *g)
{
	struct fp_call_tree_options tree_options = { .threads = g->o->threads,
						     .process_roots = g->o->process_roots,
						     .lines = g->o->lines };
	struct fp_call_tree *base;
	int err = fp_call_tree_make(g->o->base, &tree_options, &base);

	if (err)
		return err;
	g->base = fp_call_tree_match(g->p, g->t, g->o->base, base);
	g->base_all = base->nodes[0].total_count;
	fp_call_tree_destroy(base);
	if (!g->base)
		return -ENOMEM;
	for (uint32_t i = 1; i < g->t->n_nodes; i++) {
		uint64_t now = g->t->nodes[i].total_count, then = g->base[i];
		uint64_t change = now > then ? now - then : then - now;

		if (change > g->largest_change)
			g->largest_change = change;
	}
	return 0;
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct graph g = { .p = p, .o = o, .out = out };
	struct fp_call_tree_options tree_options = { .threads = o->threads, .lines = o->lines,
						     .process_roots = o->process_roots };
	struct fp_call_tree *t;
	int err = fp_call_tree_make(p, &tree_options, &t);

	if (err)
		return err;
	g.t = t;
	g.total = t->nodes[0].total_count ? t->nodes[0].total_count : 1;
	if (o->base)
		err = compare_with_base(&g);
	if (!err) {
		bool empty = !t->nodes[0].total_count;
		unsigned height = PAD_TOP + (walk(&g, NULL) + 1) * FRAME_HEIGHT + PAD_BOTTOM +
				  (empty ? 96 : 0);

		put_head(&g, height);
		put_heading(&g, height);
		fprintf(out, "<svg id=\"frames\" x=\"%d\" width=\"%d\" total_samples=\"%" PRIu64
			"\">\n", PAD_X, IMAGE_WIDTH - 2 * PAD_X, t->nodes[0].total_count);
		walk(&g, draw_frame);
		fputs("</svg>\n", out);
		if (empty)
			put_reason(&g);
		fputs("</svg>\n", out);
	}
	free(g.base);
	fp_call_tree_destroy(t);
	return err ? err : ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_svg = {
	.name = "svg", .suffix = ".svg", .what = "flame graph", .viewer = "any browser",
	.can_diff = true, .render = render,
};
