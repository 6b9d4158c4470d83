/* SPDX-License-Identifier: Apache-2.0 */
/* See summary_memory.h.  Ordinary program, one thread. */
#include "tools/cli/summary_memory.h"

#include "tools/model/memory_balance.h"
#include "tools/model/memory_leaks.h"
#include "tools/model/memory_sites.h"
#include "tools/render/memory_text.h"

#include <string.h>

static bool has_memory(const struct fp_profile *p)
{
	return p->memory && p->memory->n_processes;
}

/* Memray refuses these on samples. */
static bool wants_hint(const struct fp_profile *p, const struct fp_report_files *files)
{
	return p->memory->mode == FP_MEM_SAMPLED && strstr(files->files, "-memray.bin") != NULL;
}

unsigned int fp_summary_memory_lines(const struct fp_profile *p, const struct fp_report_files *files)
{
	return !has_memory(p) ? 0 : wants_hint(p, files) ? 2 : 1;
}

static void put_largest(const struct fp_profile *p, uint32_t process, FILE *out)
{
	struct fp_memory_choice choice = {FP_VIEW_PEAK, process};
	char size[FP_SUM_TEXT], place[160];
	struct fp_memory_sites *sites;

	if (fp_memory_sites_own(p, &choice, FP_IDS_LINE, &sites))
		return;
	for (uint32_t i = 0; i < sites->n_rows; i++) {
		/* what Python itself needs is no news */
		if (p->frames[sites->rows[i].frame].kind == FP_FRAME_MARK || !sites->rows[i].own.bytes)
			continue;
		fprintf(out, "; most: %s %s", fp_memory_place_text(p, sites->rows[i].frame, true, place, sizeof(place)),
			fp_memory_sum_text(&sites->rows[i].own, size));
		break;
	}
	fp_memory_sites_destroy(sites);
}

void fp_summary_memory_put(const struct fp_profile *p, const struct fp_report_files *files, FILE *out)
{
	char peak[FP_BYTES_TEXT], hwm[FP_BYTES_TEXT], count[FP_COUNT_TEXT];
	const struct fp_mem_header *h;
	struct fp_memory_totals t;
	struct fp_balance b;

	if (!has_memory(p))
		return;
	fp_memory_totals_make(p, &t);
	h = &p->headers[p->memory->processes[t.peak_process].header].mem;
	fprintf(out, "memory: peak %s after %.2f s", fp_memory_bytes_text(t.peak_bytes, peak),
		(double)t.peak_when_ns / 1e9);
	if (p->memory->n_processes > 1)
		fprintf(out, " in pid %d", p->processes[p->memory->processes[t.peak_process].process].pid);
	if (fp_balance_make(h, &b))
		fprintf(out, ", %.1f %% of VmHWM %s explained", 100 * b.explained,
			fp_memory_bytes_text(b.vm_hwm_bytes, hwm));
	fprintf(out, "; %s allocations", fp_memory_count_text(t.all.n, count));
	put_largest(p, t.peak_process, out);
	fputs(p->memory->mode == FP_MEM_EXACT ? "; exact\n" : "; sampled, +- is 95 %\n", out);
	if (wants_hint(p, files))
		fputs("memory: of memray, stats, --temporary-allocations and --temporal want FIL_PERF_MEMRAY_EXACT=1\n", out);
}

bool fp_summary_memory_leak(const struct fp_profile *p, const struct fp_leaks *leaks, char *out, size_t out_bytes)
{
	char size[FP_SUM_TEXT], place[160];
	struct fp_leaks *made = NULL;
	const struct fp_leak *first;
	bool any;

	if (!has_memory(p) || (!leaks && fp_leaks_make(p, UINT32_MAX, &made)))
		return false;
	leaks = leaks ? leaks : made;
	any = leaks->n_leaks != 0;
	first = leaks->rows;
	if (any)
		snprintf(out, out_bytes, "%s holds %s and grows to the end",
			 fp_memory_place_text(p, first->frame, true, place, sizeof(place)),
			 fp_memory_sum_text(&first->facts.live, size));
	fp_leaks_destroy(made);
	return any;
}
