/* SPDX-License-Identifier: Apache-2.0 */
/* See code_table.h.  Any context. */
#include "agent/ledger/code_table.h"

#include "agent/base/hash.h"

int fp_code_table_init(struct fp_segment *s)
{
	/* Id and offset 0 mean none; their pages are populated with the first record's. */
	s->header->regions[FP_REGION_CODES].used_bytes = sizeof(struct fp_code_record);
	s->header->regions[FP_REGION_TEXT].used_bytes = 8;
	return 0;
}

static void *claim_text(void *ctx, size_t n_bytes)
{
	struct fp_segment *s = ctx;
	uint64_t at = n_bytes > (1u << 24) ? UINT64_MAX :
		      fp_segment_claim(s, FP_REGION_TEXT, fp_round_up(sizeof(struct fp_text) + n_bytes, 8));
	struct fp_text *text;

	if (at == UINT64_MAX || at > UINT32_MAX) {
		fp_loss_count(s, FP_LOSS_text_full);
		return NULL;
	}
	text = (struct fp_text *)((char *)fp_segment_at(s, FP_REGION_TEXT) + at);
	text->n_bytes = (uint32_t)n_bytes;
	return text->bytes;
}

static uint32_t text_offset(const struct fp_segment *s, const char *bytes)
{
	if (!bytes)
		return 0;
	return (uint32_t)(bytes - offsetof(struct fp_text, bytes) - (const char *)fp_segment_at(s, FP_REGION_TEXT));
}

uint32_t fp_text_store(struct fp_segment *s, const char *bytes, uint32_t n_bytes)
{
	char *room = claim_text(s, n_bytes);

	if (!room)
		return 0;
	for (uint32_t i = 0; i < n_bytes; i++)
		room[i] = bytes[i];
	return text_offset(s, room);
}

static uint32_t find_in_chain(const struct fp_code_record *codes, uint32_t id, const struct fp_code_key *key)
{
	for (; id; id = codes[id].next)
		if (codes[id].address == key->address && codes[id].name_address == key->name &&
		    codes[id].file_address == key->file && codes[id].lines_address == key->lines &&
		    codes[id].first_line == key->first_line)
			return id;
	return 0;
}

uint32_t fp_code_intern(struct fp_segment *s, const struct fp_python *py, const struct fp_reader *r, uintptr_t code)
{
	struct fp_code_record *codes = fp_segment_at(s, FP_REGION_CODES);
	uint32_t *heads = fp_segment_at(s, FP_REGION_CODE_HEADS);
	struct fp_code_text text = {0};
	struct fp_code_key key;
	uint32_t *head, first, id;
	uint64_t at;

	if (fp_python_code_key(py, r, code, &key) < 0 ||
	    fp_segment_populate(s, FP_REGION_CODE_HEADS, FP_CODE_HEADS * sizeof(*heads)) < 0)
		return 0;
	head = &heads[fp_hash_mix(key.address >> 4, key.first_line) % FP_CODE_HEADS];
	first = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	id = find_in_chain(codes, first, &key);
	if (id)
		return id;
	at = fp_segment_claim(s, FP_REGION_CODES, sizeof(*codes));
	if (at == UINT64_MAX) {
		fp_loss_count(s, FP_LOSS_codes_full);
		return 0;
	}
	id = (uint32_t)(at / sizeof(*codes));
	(void)fp_python_code_copy(py, r, &key, claim_text, s, &text);
	codes[id].name_address = key.name;
	codes[id].file_address = key.file;
	codes[id].lines_address = key.lines;
	codes[id].first_line = key.first_line;
	codes[id].name_text = text_offset(s, text.name);
	codes[id].qualname_text = text_offset(s, text.qualname);
	codes[id].file_text = text_offset(s, text.file);
	codes[id].lines_text = text_offset(s, text.lines);
	codes[id].line_table = text.line_table;
	codes[id].code_flags = text.code_flags;
	__atomic_store_n(&codes[id].address, key.address, __ATOMIC_RELEASE);
	do
		codes[id].next = first;
	while (!__atomic_compare_exchange_n(head, &first, id, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return id;
}
