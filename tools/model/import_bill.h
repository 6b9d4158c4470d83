/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The import bill: CPU spent below the <module> frames of packages, each
 * stack charged to its outermost <module> frame of a package; of those below the
 * program's own package, to the package that it imports.
 */
#ifndef FP_TOOLS_MODEL_IMPORT_BILL_H
#define FP_TOOLS_MODEL_IMPORT_BILL_H

#include "tools/read/profile.h"

struct fp_import_row {
	char package[64];       /* first path component after site-packages or
				 * dist-packages; "stdlib" */
	uint64_t ns, samples;
};

struct fp_import_bill {
	struct fp_import_row *rows; /* largest first */
	uint32_t n_rows;
	uint64_t import_ns;     /* sum of the rows */
	uint64_t all_ns;        /* of the profile */
};

int fp_import_bill_make(const struct fp_profile *p, struct fp_import_bill **ret_bill);
void fp_import_bill_destroy(struct fp_import_bill *b);

#endif
