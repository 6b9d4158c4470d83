/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling thread's PyThreadState: attached (holds the GIL) or bound (in C
 * code that released it).  fp_python_thread_state runs in signal handlers and
 * in hooks, also inside malloc: it loads words and calls pthread_getspecific.
 */
#include "agent/python/thread_state.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#define STATIC_TLS_BYTES (256u * 1024)
#define KEY_SEARCH_BYTES 8192u

static inline uintptr_t load(uintptr_t addr)
{
	return __atomic_load_n((const uintptr_t *)addr, __ATOMIC_RELAXED);
}

/* glibc: where the thread control block keeps the dtv. */
static inline uintptr_t thread_dtv(void)
{
#if defined(__x86_64__)
	return load(fp_thread_pointer() + 8);
#else
	return load(fp_thread_pointer());
#endif
}

uintptr_t fp_tls_address(const struct fp_tls_place *place)
{
	uintptr_t dtv, block;

	if (place->offset != INTPTR_MIN)
		return fp_thread_pointer() + (uintptr_t)place->offset;
	if (!place->module)
		return 0;
	dtv = thread_dtv();
	if (!dtv || load(dtv - 16) < place->module)
		return 0;
	block = load(dtv + place->module * 16);
	if (!block || block == UINTPTR_MAX)
		return 0;
	return block + place->index;
}

void fp_tls_place_in_module(uint64_t module, uint64_t index, uintptr_t block, struct fp_tls_place *ret_place)
{
	uintptr_t tp = fp_thread_pointer();
	uintptr_t addr = block + index;

	ret_place->module = module;
	ret_place->index = index;
	ret_place->offset = INTPTR_MIN;
	/* Static blocks lie beside the thread pointer in every thread. */
	if (block && block != UINTPTR_MAX && addr + STATIC_TLS_BYTES > tp && addr < tp + STATIC_TLS_BYTES)
		ret_place->offset = (intptr_t)(addr - tp);
}

#if defined(__x86_64__)

static int32_t displacement(const unsigned char *p)
{
	int32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static void place_static(struct fp_tls_place *ret_place, intptr_t offset)
{
	ret_place->offset = offset;
	ret_place->module = 0;
	ret_place->index = 0;
}

static void place_from_index(uintptr_t tls_index, struct fp_tls_place *ret_place)
{
	struct fp_tls_place dynamic = { INTPTR_MIN, load(tls_index), 0 };

	fp_tls_place_in_module(load(tls_index), load(tls_index + 8), fp_tls_address(&dynamic), ret_place);
}

static intptr_t call_tls_descriptor(uintptr_t descriptor)
{
	intptr_t offset;

	__asm__ volatile("call *(%%rax)" : "=a"(offset) : "a"(descriptor) : "memory", "cc");
	return offset;
}

/* The bytes of an instruction without its operands. */
static bool is_code(const unsigned char *p, const char *bytes, size_t n)
{
	return !memcmp(p, bytes, n);
}
#define IS_CODE(p, bytes) is_code(p, bytes, sizeof(bytes) - 1)

static const unsigned char *skip_prologue(const unsigned char *p)
{
	if (IS_CODE(p, "\xf3\x0f\x1e\xfa")) /* endbr64 */
		p += 4;
	if (IS_CODE(p, "\x55\x48\x89\xe5")) /* push %rbp; mov %rsp, %rbp */
		p += 4;
	if (IS_CODE(p, "\x48\x83\xec\x08")) /* sub $8, %rsp */
		p += 4;
	return p;
}

/* mov %fs:offset, %rax; or mov %fs:0, %rax and the offset in what follows */
static int decode_thread_pointer(const unsigned char *p, struct fp_tls_place *ret_place)
{
	int32_t disp = displacement(p + 5);

	if (disp)
		place_static(ret_place, disp);
	else if (IS_CODE(p + 9, "\x48\x03\x05")) /* add offset@GOT(%rip), %rax */
		place_static(ret_place, (intptr_t)load((uintptr_t)(p + 16 + displacement(p + 12))));
	else if (IS_CODE(p + 9, "\x48\x8d\x80")) /* lea offset(%rax), %rax */
		place_static(ret_place, displacement(p + 12));
	else
		return -ENOTSUP;
	return 0;
}

int fp_tls_decode(uintptr_t function, struct fp_tls_place *ret_place)
{
	const unsigned char *p = skip_prologue((const unsigned char *)function);
	intptr_t offset;

	if (IS_CODE(p, "\x64\x48\x8b\x04\x25"))
		return decode_thread_pointer(p, ret_place);
	/* data16 lea tls_index(%rip), %rdi; then a call of __tls_get_addr */
	if (IS_CODE(p, "\x66\x48\x8d\x3d") && p[8] == 0x66) {
		place_from_index((uintptr_t)(p + 8 + displacement(p + 4)), ret_place);
		return 0;
	}
	/* mov offset@GOT(%rip), %rax; mov %fs:(%rax), %rax */
	if (IS_CODE(p, "\x48\x8b\x05") && IS_CODE(p + 7, "\x64\x48\x8b\x00")) {
		place_static(ret_place, (intptr_t)load((uintptr_t)(p + 7 + displacement(p + 3))));
		return 0;
	}
	/* lea descriptor(%rip), %rax; call *(%rax) */
	if (IS_CODE(p, "\x48\x8d\x05") && IS_CODE(p + 7, "\xff\x10")) {
		offset = call_tls_descriptor((uintptr_t)(p + 7 + displacement(p + 3)));
		if (offset < -(intptr_t)STATIC_TLS_BYTES || offset > 0)
			return -ENOTSUP;
		place_static(ret_place, offset);
		return 0;
	}
	return -ENOTSUP;
}

uintptr_t fp_key_decode(uintptr_t function, uintptr_t runtime)
{
	const unsigned char *p = skip_prologue((const unsigned char *)function);
	uintptr_t base = 0, found = 0;
	unsigned i;

	/* cmpl $0, key(%rip): the flag before the key */
	if (p[0] == 0x83 && p[1] == 0x3d && !p[6]) {
		found = (uintptr_t)(p + 7 + displacement(p + 2));
	} else if (p[0] == 0x48 && p[1] == 0x8b && p[2] == 0x05) {
		/* mov _PyRuntime@GOT(%rip), %rax … lea offset(%rax), %reg */
		base = load((uintptr_t)(p + 7 + displacement(p + 3)));
		for (i = 7; i < 24 && base == runtime; i++) {
			if (p[i] != 0x48 || p[i + 1] != 0x8d || (p[i + 2] & 0xc7) != 0x80)
				continue;
			found = base + (uintptr_t)displacement(p + i + 3);
			break;
		}
	}
	if (found < runtime || found - runtime >= 65536 || found % sizeof(int))
		return 0;
	return found + sizeof(int);
}

#else

int fp_tls_decode(uintptr_t function, struct fp_tls_place *ret_place)
{
	/* The symbol table is the other way, see runtime_find.c. */
	(void)function;
	(void)ret_place;
	return -ENOTSUP;
}

uintptr_t fp_key_decode(uintptr_t function, uintptr_t runtime)
{
	(void)function;
	(void)runtime;
	return 0;
}

#endif

/* The thread state bound to this thread whether it holds the GIL or not. */
static uintptr_t bound_state(const struct fp_python *py)
{
	const struct fp_py_private *p = fp_py_private(py);
	const int *key = (const int *)py->gil_key;
	uintptr_t addr;

	if (key) {
		/* Py_tss_t is { int is_initialized; pthread_key_t key; } */
		if (!__atomic_load_n(key - 1, __ATOMIC_RELAXED))
			return 0;
		return (uintptr_t)pthread_getspecific((pthread_key_t)*key);
	}
	addr = fp_tls_address(&p->bound);
	return addr ? load(addr) : 0;
}

static uintptr_t state_before_312(const struct fp_python *py, bool *ret_holds_gil)
{
	const struct fp_py_private *p = fp_py_private(py);
	uintptr_t holder = load(py->runtime + p->layout.rt_tstate_current);
	uintptr_t bound = bound_state(py);
	uintptr_t thread = 0;

	*ret_holds_gil = holder && holder == bound;
	if (*ret_holds_gil || !holder || !p->own)
		return bound;
	/* A sub-interpreter's thread state is not the bound one. */
	if (p->own->read(p->own, holder + p->layout.ts_thread_id, &thread, sizeof(thread)))
		return bound;
	if (thread != fp_thread_pointer())
		return bound;
	*ret_holds_gil = true;
	return holder;
}

uintptr_t fp_python_thread_state(const struct fp_python *py, bool *ret_holds_gil)
{
	uintptr_t addr, attached;

	*ret_holds_gil = false;
	if (!py->runtime || !py->layout)
		return 0;
	if (py->layout->rt_tstate_current != FP_OFF_NONE)
		return state_before_312(py, ret_holds_gil);
	addr = fp_tls_address(&fp_py_private(py)->attached);
	attached = addr ? load(addr) : 0;
	if (attached) {
		*ret_holds_gil = true;
		return attached;
	}
	return bound_state(py);
}

static bool is_bound_key(const struct fp_reader *r, uintptr_t key_address, uintptr_t tstate)
{
	uint32_t pair[2];

	if (r->read(r, key_address - sizeof(uint32_t), pair, sizeof(pair)))
		return false;
	return pair[0] == 1 && pair[1] < PTHREAD_KEYS_MAX && (uintptr_t)pthread_getspecific(pair[1]) == tstate;
}

void fp_thread_state_check_key(struct fp_python *py, const struct fp_reader *r, uintptr_t tstate)
{
	uintptr_t found = 0, at;

	if (py->layout->rt_key != FP_OFF_NONE || fp_py_private(py)->bound.offset != INTPTR_MIN ||
	    fp_py_private(py)->bound.module)
		return;
	if (py->gil_key && is_bound_key(r, py->gil_key, tstate))
		return;
	for (at = py->runtime + sizeof(int); at < py->runtime + KEY_SEARCH_BYTES; at += sizeof(int)) {
		if (!is_bound_key(r, at, tstate))
			continue;
		if (found) {
			found = 0; /* two candidates: not measured */
			break;
		}
		found = at;
	}
	__atomic_store_n(&py->gil_key, found, __ATOMIC_RELEASE);
}
