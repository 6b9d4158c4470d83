/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text into XML.  Names reach renderers as valid UTF-8 without control
 * characters, so only markup needs escaping.
 */
#ifndef FP_TOOLS_RENDER_XML_OUT_H
#define FP_TOOLS_RENDER_XML_OUT_H

#include <stdint.h>
#include <stdio.h>

void fp_xml_text(FILE *out, const char *text);

/* 1234567 as "1,234,567" into out (at least 28 bytes). */
const char *fp_xml_thousands(uint64_t n, char *out);

#endif
