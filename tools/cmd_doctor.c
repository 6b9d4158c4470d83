/* SPDX-License-Identifier: Apache-2.0 */
/* filperf doctor: what this machine allows, and the remedy for what it does not. */
#include "tools/cli/commands.h"
#include "tools/cli/doctor.h"
#include "tools/cli/message.h"

static const struct fp_flag *const flags[] = {NULL};

static int doctor(struct fp_cli *cli)
{
	bool ok = fp_doctor_kernel();

	ok = fp_doctor_places(&cli->settings) && ok;
	(void)fp_doctor_pythons();
	for (int i = 0; i < cli->n_operands; i++)
		ok = fp_doctor_program(cli->operands[i]) && ok;
	return ok ? 0 : FP_STATUS_FAILED;
}

const struct fp_command fp_command_doctor = {
	.name = "doctor",
	.operands = "[PROGRAM...]",
	.summary = "say what this machine allows, and the remedy for what it does not",
	.text = "Checks timers, limits, perf_event and ptrace (which filperf does not need), the agent, the run directory "
		"and the output directory, and lists the Pythons found. Programs named are looked into: static, musl, "
		"32-bit and set-user-ID ones cannot take the agent. Ends with 1 when a run here would not work.",
	.examples = "filperf doctor /usr/bin/dot ./tool\talso whether these can be profiled\n",
	.flags = flags,
	.scopes = FP_SCOPE_REPORT,
	.run = doctor,
};
