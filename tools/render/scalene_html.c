/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: source with the columns beside each line.  Render stage; one file
 * without network.  Tables are HTML, so they are there without the script.
 */
#include "tools/model/memory_sums.h"
#include "tools/model/names.h"
#include "tools/render/scalene_head.h"
#include "tools/render/xml_out.h"

#include "assets.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define NEAR 3u            /* lines of code shown around one with figures */
#define FAR 60u            /* and hidden behind the button; the rest is left out */
#define MOST_BLANK_LINES 2000u
#define MOST_POINTS 2000u
#define MOST_OPEN_FILES 3u

struct page {
	const struct fp_profile *p;
	const struct fp_source_lines *s;
	FILE *out;
	bool memory, copies;
};

static const char *bytes(uint64_t n, char out[FP_BYTES_TEXT])
{
	return n ? fp_memory_bytes_text(n, out) : "";
}

static void put_share(const struct page *g, const char *class, uint64_t part, uint64_t whole)
{
	double value = whole ? 100.0 * (double)part / (double)whole : 0;

	if (value >= 0.05)
		fprintf(g->out, "<td class=\"%s\">%.1f</td>", class, value);
	else
		fprintf(g->out, "<td class=\"%s\"></td>", class);
}

static void put_bytes(const struct page *g, const char *class, uint64_t n)
{
	char text[FP_BYTES_TEXT];

	fprintf(g->out, "<td class=\"%s\">%s</td>", class, bytes(n, text));
}

static void put_sums(const struct page *g, const struct fp_source_sums *a)
{
	uint64_t all = g->s->all.python_ns + g->s->all.native_ns + g->s->all.system_ns;
	double elapsed_s = (double)g->p->wall_ns / 1e9;

	put_share(g, "python", a->python_ns, all);
	put_share(g, "native", a->native_ns, all);
	put_share(g, "system", a->system_ns, all);
	if (g->memory) {
		put_bytes(g, "memory", a->peak_bytes);
		put_bytes(g, "memory more", a->live_bytes);
		put_bytes(g, "memory more", a->alloc_bytes);
		if (a->n_allocs)
			fprintf(g->out, "<td class=\"memory more\">%" PRIu64 "</td>", a->n_allocs);
		else
			fputs("<td class=\"more\"></td>", g->out);
	}
	if (g->copies)
		put_bytes(g, "copy", elapsed_s > 0 ? (uint64_t)((double)a->copy_bytes / elapsed_s) : 0);
}

static void put_titles(const struct page *g, const char *first, const char *last)
{
	fprintf(g->out, "<tr><th>%s</th><th title=\"CPU in the interpreter, %% of the run\">py %%</th>"
		"<th title=\"CPU in native code\">nat %%</th><th class=\"system\" title=\"CPU in the kernel\">sys %%</th>", first);
	if (g->memory)
		fputs("<th title=\"held at the peak\">peak</th><th class=\"more\" title=\"held at the end\">held</th>"
		      "<th class=\"more\">allocated</th><th class=\"more\">count</th>", g->out);
	if (g->copies)
		fputs("<th class=\"copy\" title=\"copied per second of the run\">copy/s</th>", g->out);
	fprintf(g->out, "<th>%s</th></tr>\n", last);
}

static void put_row(const struct page *g, const struct fp_source_file *f, uint32_t number, const struct fp_source_line *l,
		    bool near)
{
	static const struct fp_source_sums nothing;

	fprintf(g->out, "<tr%s><td class=\"n\">%u</td>", l ? " class=\"measured\"" : near ? "" : " class=\"far\"", number);
	put_sums(g, l ? &l->sums : &nothing);
	fputs("<td>", g->out);
	if (number && number <= f->text.n_lines)
		fp_xml_text(g->out, f->text.lines[number - 1]);
	fputs("</td></tr>\n", g->out);
	if (l && l->sums.leak_likelihood > 0)
		fprintf(g->out, "<tr class=\"leak\"><td></td><td colspan=\"9\">leak: likelihood %.0f %%, %.2f MiB/s</td></tr>\n",
			100 * l->sums.leak_likelihood, l->sums.leak_bytes_s / 1048576.0);
}

/* Lines near one with figures, and the rest hidden behind the button. */
static void put_lines(const struct page *g, const struct fp_source_file *f)
{
	const struct fp_source_line *lines = &g->s->lines[f->first_line];
	uint32_t n = f->text.n_lines, at = 0, last = 0;
	bool in_gap = false, in_cut = false;

	fputs("<div class=\"wide\"><table>\n", g->out);
	put_titles(g, "line", "source");
	for (uint32_t i = 0; i < f->n_lines; i++)
		if (lines[i].line > n && lines[i].line <= n + MOST_BLANK_LINES)
			n = lines[i].line;
	if (f->n_lines && !lines[0].line)
		put_row(g, f, lines[at++].line, &lines[0], true);
	for (uint32_t number = 1; number <= n; number++) {
		bool has = at < f->n_lines && lines[at].line == number;
		uint32_t after = last ? number - last : UINT32_MAX;
		uint32_t before = at < f->n_lines ? lines[at].line - number : UINT32_MAX;
		uint32_t away = after < before ? after : before;
		bool near = away <= NEAR, cut = away > FAR;

		if (!near && !in_gap)
			fputs("<tr class=\"gap\"><td colspan=\"10\">…</td></tr>\n", g->out);
		if (cut && !in_cut)
			fputs("<tr class=\"far\"><td colspan=\"10\">… lines far from any figure</td></tr>\n", g->out);
		in_gap = !near;
		in_cut = cut;
		if (!cut)
			put_row(g, f, number, has ? &lines[at] : NULL, near);
		last = has ? number : last;
		at += has;
	}
	fputs("</table></div>\n", g->out);
}

static void put_functions(const struct page *g, const struct fp_source_file *f)
{
	fputs("<h2>Functions</h2><div class=\"wide\"><table>\n", g->out);
	put_titles(g, "line", "function");
	for (uint32_t i = f->first_function; i < f->first_function + f->n_functions; i++) {
		const struct fp_frame *frame = &g->p->frames[g->s->functions[i].frame];

		fprintf(g->out, "<tr><td class=\"n\">%u</td>", frame->first_line);
		put_sums(g, &g->s->functions[i].sums);
		fputs("<td>", g->out);
		fp_xml_text(g->out, frame->qualname);
		fputs("</td></tr>\n", g->out);
	}
	fputs("</table></div>\n", g->out);
}

static void put_file(const struct page *g, uint32_t index)
{
	const struct fp_source_file *f = &g->s->files[index];
	const struct fp_source_sums *a = &f->sums;
	char text[FP_BYTES_TEXT];

	fprintf(g->out, "<details%s data-cpu=\"%" PRIu64 "\" data-peak=\"%" PRIu64 "\" data-alloc=\"%" PRIu64
		"\" data-copy=\"%" PRIu64 "\" data-name=\"", index < MOST_OPEN_FILES ? " open" : "",
		a->python_ns + a->native_ns + a->system_ns, a->peak_bytes, a->alloc_bytes, a->copy_bytes);
	fp_xml_text(g->out, f->name);
	fputs("\"><summary>", g->out);
	fp_xml_text(g->out, fp_name_short_file(f->name, g->p->cwd));
	fprintf(g->out, " <i>%.1f %% of the CPU", 100 * fp_source_cpu_share(g->s, a));
	if (g->memory && a->peak_bytes)
		fprintf(g->out, ", %s at the peak", fp_memory_bytes_text(a->peak_bytes, text));
	fprintf(g->out, "%s</i></summary>\n", !f->text.n_lines ? "; the source cannot be read" :
		f->changed ? "; the source changed since" : "");
	put_lines(g, f);
	put_functions(g, f);
	fputs("</details>\n", g->out);
}

static void put_data(const struct page *g)
{
	size_t n = g->s->n_points, step = n / MOST_POINTS + 1;
	uint64_t wall = g->p->wall_ns ? g->p->wall_ns : 1;

	if (n && g->s->points[n - 1].when_ns > wall)
		wall = g->s->points[n - 1].when_ns;
	fprintf(g->out, "<script type=\"application/json\" id=\"data\">{\"wall\":%" PRIu64 ",\"peak\":%" PRIu64 ",\"points\":[",
		wall, g->s->peak_when_ns);
	for (size_t i = 0; i < n; i += step)
		fprintf(g->out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", g->s->points[i].when_ns,
			g->s->points[i].heap_bytes);
	fputs("]}</script>\n", g->out);
}

static void put_head(const struct page *g, const struct fp_render_options *o)
{
	char lines[FP_SCALENE_HEAD_LINES][FP_SCALENE_HEAD_BYTES];
	int n = fp_scalene_head(g->p, g->s, o, lines);

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>", g->out);
	fp_xml_text(g->out, lines[0]);
	fputs("</title>\n<style>\n", g->out);
	fwrite(fp_asset_scalene_css, 1, fp_asset_scalene_css_bytes, g->out);
	fputs("</style></head><body>\n<header><h1>", g->out);
	fp_xml_text(g->out, lines[0]);
	fputs("</h1>\n", g->out);
	for (int i = 1; i < n; i++) {
		fprintf(g->out, "<p%s>", strstr(lines[i], "is noise") ? " class=\"noise\"" : "");
		fp_xml_text(g->out, lines[i]);
		fputs("</p>\n", g->out);
	}
	fputs("</header>\n", g->out);
	if (g->s->n_points > 1)
		fputs("<svg id=\"timeline\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" "
		      "aria-label=\"the heap over time, the peak marked\"></svg>\n", g->out);
	fputs("<div class=\"bar\"><label>Files by <select id=\"order\"><option value=\"cpu\">CPU</option>", g->out);
	if (g->memory)
		fputs("<option value=\"peak\">peak</option><option value=\"alloc\">allocated</option>", g->out);
	if (g->copies)
		fputs("<option value=\"copy\">copies</option>", g->out);
	fputs("<option value=\"name\">name</option></select></label>"
	      "<input id=\"words\" type=\"search\" placeholder=\"Search\" aria-label=\"Search\">"
	      "<button id=\"all\" type=\"button\">All lines</button><span id=\"found\"></span></div>\n<main id=\"files\">\n",
	      g->out);
}

static int render(const struct fp_profile *p, const struct fp_render_options *o, FILE *out)
{
	struct page g = { .p = p, .out = out, .memory = fp_scalene_has_memory(p, o), .copies = fp_scalene_has_copies(p, o) };
	struct fp_source_lines *s;
	int err = fp_scalene_model(p, o, &s);

	if (err)
		return err;
	g.s = s;
	put_head(&g, o);
	for (uint32_t i = 0; i < s->n_files; i++)
		put_file(&g, i);
	fputs("</main>\n", out);
	if (!s->n_files)
		fputs("<p>No line of Python was seen: no CPU sample and no allocation in a file that is shown.</p>\n", out);
	put_data(&g);
	fputs("<script>\n", out);
	fwrite(fp_asset_scalene_js, 1, fp_asset_scalene_js_bytes, out);
	fputs("</script></body></html>\n", out);
	fp_scalene_model_drop(o, s);
	return ferror(out) ? -EIO : 0;
}

const struct fp_renderer fp_render_scalene_html = {
	.family = FP_FAMILY_SCALENE, .name = "html", .suffix = ".html", .what = "source with columns beside each line",
	.viewer = "any browser", .render = render,
};
