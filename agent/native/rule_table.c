/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rule_table.h.  Any thread, any context, a signal handler that
 * interrupted this very code too: nobody waits for anybody.
 */
#include "agent/native/rule_table.h"

#define SLOTS (1u << 14)
#define PROBES 4u

/* A slot is written once per tag: the tag says for which address and epoch
 * the rule is, and is BUSY, which is no address of a program, while it changes. */
struct rule_slot {
	uint64_t tag;
	struct fp_rule rule;
};
#define TAG_BUSY UINT64_MAX
#define TAG_EPOCH_BITS 16u
#define TAG_EPOCH_MASK ((1u << TAG_EPOCH_BITS) - 1)

static struct rule_slot slots[SLOTS];

/* A rule is loaded and stored as one word. */
_Static_assert(sizeof(struct fp_rule) == 8, "a rule is one word");

static uint64_t tag_of(uint32_t epoch, uintptr_t pc)
{
	return ((uint64_t)pc << TAG_EPOCH_BITS) | (epoch & TAG_EPOCH_MASK);
}

static struct rule_slot *slot_of(uintptr_t pc, unsigned probe)
{
	return &slots[((pc * 0x9e3779b97f4a7c15ull >> 40) + probe) & (SLOTS - 1)];
}

bool fp_rule_recall(uint32_t epoch, uintptr_t pc, struct fp_rule *ret_rule)
{
	uint64_t tag = tag_of(epoch, pc);

	for (unsigned i = 0; i < PROBES; i++) {
		struct rule_slot *s = slot_of(pc, i);
		struct fp_rule rule;

		if (__atomic_load_n(&s->tag, __ATOMIC_ACQUIRE) != tag)
			continue;
		__atomic_load(&s->rule, &rule, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&s->tag, __ATOMIC_RELAXED) != tag)
			continue;
		*ret_rule = rule;
		return true;
	}
	return false;
}

void fp_rule_keep(uint32_t epoch, uintptr_t pc, struct fp_rule rule)
{
	uint64_t tag = tag_of(epoch, pc), old;
	struct rule_slot *s = slot_of(pc, 0);

	/* An empty slot, or one of an older map; else the first. */
	for (unsigned i = 0; i < PROBES; i++) {
		struct rule_slot *candidate = slot_of(pc, i);

		old = __atomic_load_n(&candidate->tag, __ATOMIC_RELAXED);
		if (old == tag)
			return;
		if (old == TAG_BUSY)
			continue;
		if (!old || (old ^ tag) & TAG_EPOCH_MASK) {
			s = candidate;
			break;
		}
	}
	old = __atomic_load_n(&s->tag, __ATOMIC_RELAXED);
	if (old == TAG_BUSY ||
	    !__atomic_compare_exchange_n(&s->tag, &old, TAG_BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	__atomic_store(&s->rule, &rule, __ATOMIC_RELEASE);
	__atomic_store_n(&s->tag, tag, __ATOMIC_RELEASE);
}
