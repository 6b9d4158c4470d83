/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions for native stacks of captures that never ran: only their
 * addresses and names matter.  Compiled twice, with INNER as the name of one.
 */
int _PyEval_EvalFrameDefault(int a); /* as Memray knows the eval loop by */
int eval_outer(int a);
int INNER(int a);

__attribute__((noinline)) int eval_outer(int a)
{
	return a * 3 + 1;
}

__attribute__((noinline)) int _PyEval_EvalFrameDefault(int a)
{
	return a * 5 + 2;
}

__attribute__((noinline)) int INNER(int a)
{
	return a * 7 + 3;
}
