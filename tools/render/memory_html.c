/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interactive page of memory: data as compressed columns, one script, no
 * network.  Render stage.  What the page does with it is in
 * tools/assets/memory_*.js.
 */
#include "tools/model/memory_balance.h"
#include "tools/render/json_out.h"
#include "tools/render/memory_html_data.h"
#include "tools/render/memory_text.h"

#include "assets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 1200000u
#define POINTS_MAX 1500u

static void put_text(struct fp_json_out *j, const char *key, const char *text)
{
	fp_json_key(j, key);
	fp_json_string(j, text);
}

static void put_number(struct fp_json_out *j, const char *key, uint64_t value)
{
	fp_json_key(j, key);
	fp_json_uint(j, value);
}

static void put_points(struct fp_json_out *j, const struct fp_memory *m, const struct fp_memory_process *q)
{
	size_t every = q->n_points / POINTS_MAX + 1;

	fp_json_key(j, "points");
	fp_json_open(j, '[');
	for (size_t i = 0; i < q->n_points; i += every) {
		const struct fp_mem_point *at = &m->points[q->first_point + i];

		fp_json_uint(j, at->when_ns / 1000000);
		fp_json_uint(j, at->rss_bytes);
		fp_json_uint(j, at->heap_bytes);
	}
	fp_json_close(j, ']');
}

static void put_process(struct fp_json_out *j, const struct fp_profile *p, uint32_t i)
{
	const struct fp_memory_process *q = &p->memory->processes[i];
	const struct fp_mem_header *h = &p->headers[q->header].mem;
	struct fp_balance balance;

	fp_json_open(j, '{');
	put_text(j, "title", p->processes[q->process].title);
	fp_json_key(j, "pid");
	fp_json_int(j, p->processes[q->process].pid);
	put_number(j, "peak", h->peak_bytes > h->heap_bytes ? h->peak_bytes : h->heap_bytes);
	put_number(j, "peak_ms", (uint64_t)(h->peak_when_ns > 0 ? h->peak_when_ns : 0) / 1000000);
	put_number(j, "hwm", h->vm_hwm_bytes);
	fp_json_key(j, "balance");
	fp_json_open(j, '{');
	for (int k = 0; fp_balance_make(h, &balance) && k < FP_BALANCE_ITEMS; k++) {
		fp_json_key(j, balance.items[k].name);
		fp_json_int(j, balance.items[k].n_bytes);
	}
	fp_json_close(j, '}');
	put_points(j, p->memory, q);
	fp_json_close(j, '}');
}

static int put_head(const struct fp_profile *p, const struct fp_render_options *o, const struct fp_page_tree *t,
		    FILE *out)
{
	struct fp_json_out j;
	char *lines = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&lines, &n_bytes);
	int err = memory ? fp_json_begin(&j, out, false) : -ENOMEM;

	if (memory && p->memory)
		fp_memory_text_head(p, "memory", memory);
	if (memory && fclose(memory))
		err = -ENOMEM;
	if (err) {
		free(lines);
		return err;
	}
	fp_json_open(&j, '{');
	put_text(&j, "label", o->title ? o->title : p->label ? p->label : "");
	put_text(&j, "command", p->command ? p->command : "");
	put_text(&j, "lines", lines ? lines : "");
	free(lines);
	put_number(&j, "folded", t->n_folded);
	fp_json_key(&j, "processes");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; p->memory && i < p->memory->n_processes; i++)
		put_process(&j, p, i);
	fp_json_close(&j, ']');
	fp_json_key(&j, "threads");
	fp_json_open(&j, '[');
	for (uint32_t i = 0; i < p->n_threads; i++) {
		uint32_t process = UINT32_MAX;

		for (uint32_t k = 0; p->memory && k < p->memory->n_processes; k++)
			if (p->memory->processes[k].process == p->threads[i].process)
				process = k;
		fp_json_open(&j, '{');
		put_text(&j, "name", p->threads[i].name);
		fp_json_key(&j, "process");
		fp_json_int(&j, process == UINT32_MAX ? -1 : (int64_t)process);
		fp_json_close(&j, '}');
	}
	fp_json_close(&j, ']');
	fp_json_close(&j, '}');
	return fp_json_end(&j);
}

/* JSON inside a script element: "<" must not begin a tag there. */
static int put_head_escaped(const struct fp_profile *p, const struct fp_render_options *o,
			    const struct fp_page_tree *t, FILE *out)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&text, &n_bytes);
	int err;

	if (!memory)
		return -ENOMEM;
	err = put_head(p, o, t, memory);
	if (fclose(memory) && !err)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < n_bytes; i++)
		if (text[i] == '<')
			fputs("\\u003c", out);
		else
			putc(text[i], out);
	free(text);
	return err;
}

static int put_packed(const char *id, struct fp_pack *raw, FILE *out)
{
	struct fp_pack packed = {0};
	int err = fp_pack_deflate(raw, &packed);

	if (!err) {
		fprintf(out, "<script type=\"application/octet-stream\" id=\"%s\">", id);
		fp_pack_base64(&packed, out);
		fputs("</script>\n", out);
	}
	fp_pack_free(&packed);
	fp_pack_free(raw);
	return err;
}

static void put_asset(const char *open, const unsigned char *bytes, size_t n_bytes, const char *close, FILE *out)
{
	fputs(open, out);
	fwrite(bytes, 1, n_bytes, out);
	fputs(close, out);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct fp_pack raw = {0};
	struct fp_page_tree *t;
	int err = fp_page_tree_make(p, NODES_MAX, &t);

	if (err)
		return err;
	fputs("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
	      "content=\"width=device-width,initial-scale=1\"><title>filperf: memory</title>\n", out);
	put_asset("<style>", fp_asset_memory_css, fp_asset_memory_css_bytes, "</style></head><body>\n", out);
	put_asset("", fp_asset_memory_html, fp_asset_memory_html_bytes, "", out);
	fputs("<script type=\"application/json\" id=\"head\">", out);
	err = put_head_escaped(p, o, t, out);
	fputs("</script>\n", out);
	fp_memory_data_tree(p, t, &raw);
	if (!err)
		err = raw.err ? raw.err : put_packed("tree", &raw, out);
	raw = (struct fp_pack){0};
	fp_memory_data_range(p, t, &raw);
	if (!err)
		err = raw.err ? raw.err : put_packed("spans", &raw, out);
	put_asset("<script>", fp_asset_memory_data_js, fp_asset_memory_data_js_bytes, "</script>\n", out);
	put_asset("<script>", fp_asset_memory_page_js, fp_asset_memory_page_js_bytes, "</script>\n", out);
	fputs("</body></html>\n", out);
	fp_page_tree_destroy(t);
	return err ? err : ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_memory_html = {
	.family = FP_FAMILY_MEMRAY,
	.name = "html",
	.suffix = ".html",
	.what = "interactive page: flame graph, timeline, table of sites",
	.viewer = "any browser, offline",
	.render = render,
};

const struct fp_renderer fp_render_memory_flamegraph = {
	.family = FP_FAMILY_MEMRAY,
	.name = "flamegraph",
	.suffix = "-flamegraph.html",
	.what = "the same page, for scripts that ask for Memray's flamegraph",
	.viewer = "any browser, offline",
	.render = render,
};
