/* SPDX-License-Identifier: Apache-2.0 */
/* A library that is looked for, loaded and dropped. */
int hostile_answer(void);

int hostile_answer(void)
{
	return 42;
}
