/* SPDX-License-Identifier: Apache-2.0 */
/* Lies in a directory of its own, named by one library's RUNPATH only. */
int hostile_hidden(void);

int hostile_hidden(void)
{
	return 44;
}
