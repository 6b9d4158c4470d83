/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks like a CPython of a version that nobody knows yet: the names that an
 * interpreter exports, and some CPU in a function of its own.
 */
#include <stdint.h>
#include <time.h>

const char *Py_GetVersion(void);
void _PyEval_EvalFrameDefault(void);
void future_work(void);

unsigned long Py_Version = 0x036300f0;
char _PyRuntime[4096], PyCode_Type[512], PyUnicode_Type[512], PyBytes_Type[512], PyFrame_Type[512];
char _Py_NoneStruct[64];
static volatile uint64_t sink;

const char *Py_GetVersion(void)
{
	return "3.99.0 (main)";
}

__attribute__((noinline)) void future_work(void)
{
	while (clock() < CLOCKS_PER_SEC / 5)
		for (unsigned i = 0; i < 100000; i++)
			sink += i;
}

__attribute__((noinline)) void _PyEval_EvalFrameDefault(void)
{
	future_work();
	sink++;
}

int main(void)
{
	_PyEval_EvalFrameDefault();
	return 5;
}
