/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies before main: in an IFUNC resolver, while objects are being relocated,
 * and in a constructor and a destructor.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

void *__memcpy_chk(void *to, const void *from, size_t n_bytes, size_t to_bytes);

unsigned hostile_early_sums[4];
int hostile_chosen(void);

static char room[5000];

static unsigned sum_of(size_t n)
{
	unsigned sum = 5381;

	for (size_t i = 0; i < n; i++)
		sum = sum * 33 + (unsigned char)room[i];
	return sum;
}

/* Each function once, with sizes that the compiler does not know. */
static unsigned copy_each_way(volatile size_t n)
{
	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (char)(i * 17);
	memcpy(room + 2500, room, n);
	memmove(room + 100, room, n);
	memmove(room, room + 150, n);
	*(char *)mempcpy(room + 3000, room + 7, n) = 99;
	__memcpy_chk(room + 1, room + 4000, n / 2, sizeof(room) - 1);
	return sum_of(sizeof(room));
}

static int one(void)
{
	return 1;
}

static int two(void)
{
	return 2;
}

__attribute__((used)) static int (*choose(void))(void)
{
	return copy_each_way(900) % 2 ? one : two;
}

/* Static: the resolver runs when this library is relocated, before libraries
 * that were loaded earlier, as preloaded ones are. */
static int chosen(void) __attribute__((ifunc("choose")));

int hostile_chosen(void)
{
	return chosen();
}

__attribute__((constructor)) static void begin(void)
{
	for (int i = 0; i < 4; i++)
		hostile_early_sums[i] = copy_each_way((size_t)i * 300 + 1);
}

__attribute__((destructor)) static void end(void)
{
	char line[] = "left ?\n";

	line[5] = (char)('0' + copy_each_way(834) % 10);
	if (write(1, line, sizeof(line) - 1) < 0)
		_exit(97);
}
