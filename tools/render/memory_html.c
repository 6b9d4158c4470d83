/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interactive memory page: one file that needs no network.  Render stage.
 * All text of the program is in the compressed data, none in the markup.
 */
#include "tools/render/memory_html_data.h"
#include "tools/render/memory_text.h"
#include "tools/render/xml_out.h"

#include "assets.h"

#include <errno.h>

#define PAGE_BYTES 9900000u  /* what a page may have */
#define SHELL_BYTES 160000u  /* of these: markup, style, scripts */
#define RANGE_BYTES 1800000u /* at least, where there is a stream */

struct parts {
	struct fp_pack head, tree, range; /* compressed */
};

static int compress(struct fp_pack *plain, struct fp_pack *out)
{
	int err = fp_pack_deflate(plain, out);

	fp_pack_free(plain);
	return err;
}

static bool has_stream(const struct fp_profile *p)
{
	for (uint32_t i = 0; i < p->memory->n_processes; i++)
		if (p->headers[p->memory->processes[i].header].mem.stream)
			return true;
	return false;
}

/* The whole tree, or as much of it as fits. */
static int pack_tree(const struct fp_profile *p, size_t max_bytes, struct fp_page_tree **ret_tree,
		     struct fp_pack *out)
{
	struct fp_page_tree *t;
	uint32_t max_nodes = 0;

	for (;;) {
		struct fp_pack plain = {0};
		int err = fp_page_tree_make(p, max_nodes, &t);

		if (err)
			return err;
		fp_memory_data_tree(p, t, &plain);
		err = compress(&plain, out);
		if (!err && (out->n <= max_bytes || t->n_nodes < 64)) {
			*ret_tree = t;
			return 0;
		}
		max_nodes = (uint32_t)(0.97 * t->n_nodes * (double)max_bytes / (double)(out->n ? out->n : 1));
		max_nodes = max_nodes < 32 ? 32 : max_nodes;
		fp_pack_free(out);
		fp_page_tree_destroy(t);
		if (err)
			return err;
	}
}

static int make_parts(const struct fp_profile *p, const struct fp_render_options *o, struct parts *parts)
{
	size_t most = (PAGE_BYTES - SHELL_BYTES) / 4 * 3, used;
	struct fp_pack head = {0}, range = {0};
	struct fp_page_tree *t;
	int err = pack_tree(p, most - (has_stream(p) ? RANGE_BYTES : 0) / 4 * 3, &t, &parts->tree);

	if (err)
		return err;
	fp_memory_data_head(p, o, t, &head);
	err = compress(&head, &parts->head);
	used = parts->tree.n + parts->head.n;
	if (!err)
		fp_memory_data_range(p, t, most > used ? most - used : 1, &range);
	if (!err && (range.n || range.err))
		err = compress(&range, &parts->range);
	fp_page_tree_destroy(t);
	return err;
}

static void put_data(const char *name, const struct fp_pack *pack, FILE *out)
{
	if (!pack->n)
		return;
	fprintf(out, "<script type=\"application/octet-stream\" id=\"data-%s\">", name);
	fp_pack_base64(pack, out);
	fputs("</script>\n", out);
}

static void put_script(const unsigned char *bytes, size_t n_bytes, FILE *out)
{
	fputs("<script>\n", out);
	fwrite(bytes, 1, n_bytes, out);
	fputs("</script>\n", out);
}

static void put_page(const struct fp_profile *p, const struct fp_render_options *o, const struct parts *parts,
		     const char *start, FILE *out)
{
	const char *title = o->title && *o->title ? o->title : p->label && *p->label ? p->label : "filperf";

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "script-src 'unsafe-inline'; style-src 'unsafe-inline'\">\n<title>", out);
	fp_xml_text(out, title);
	fputs(": memory</title>\n<style>\n", out);
	fwrite(fp_asset_memory_css, 1, fp_asset_memory_css_bytes, out);
	fprintf(out, "</style></head>\n<body data-start=\"%s\">\n", start);
	fwrite(fp_asset_memory_html, 1, fp_asset_memory_html_bytes, out);
	put_data("head", &parts->head, out);
	put_data("tree", &parts->tree, out);
	put_data("range", &parts->range, out);
	put_script(fp_asset_memory_data_js, fp_asset_memory_data_js_bytes, out);
	put_script(fp_asset_memory_sums_js, fp_asset_memory_sums_js_bytes, out);
	put_script(fp_asset_memory_tree_js, fp_asset_memory_tree_js_bytes, out);
	put_script(fp_asset_memory_graph_js, fp_asset_memory_graph_js_bytes, out);
	put_script(fp_asset_memory_timeline_js, fp_asset_memory_timeline_js_bytes, out);
	put_script(fp_asset_memory_sites_js, fp_asset_memory_sites_js_bytes, out);
	put_script(fp_asset_memory_page_js, fp_asset_memory_page_js_bytes, out);
	put_script(fp_asset_memory_controls_js, fp_asset_memory_controls_js_bytes, out);
	fputs("</body></html>\n", out);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, const char *start, FILE *out)
{
	struct parts parts = {0};
	int err = fp_memory_text_check(p);

	if (!err)
		err = make_parts(p, o, &parts);
	if (!err)
		put_page(p, o, &parts, start, out);
	fp_pack_free(&parts.head);
	fp_pack_free(&parts.tree);
	fp_pack_free(&parts.range);
	return err ? err : ferror(out) ? -EIO : 0;
}

static int render_page(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	return render(p, o, "page", out);
}

static int render_graph(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	return render(p, o, "graph", out);
}

const struct fp_renderer fp_render_memory_html = {
	.family = FP_FAMILY_MEMRAY,
	.name = "html",
	.suffix = ".html",
	.what = "interactive page: flame graph, timeline, lines",
	.viewer = "any browser",
	.render = render_page,
};

const struct fp_renderer fp_render_memory_flamegraph = {
	.family = FP_FAMILY_MEMRAY,
	.name = "flamegraph",
	.suffix = "-flamegraph.html",
	.what = "the same, opened at the flame graph",
	.viewer = "any browser",
	.render = render_graph,
};
