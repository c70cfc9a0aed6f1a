// SPDX-License-Identifier: GPL-2.0-only
/* privileges.c: which capability is for what. */
#include "cli/cli.h"

#include "lib/privilege.h"

#include <stdio.h>
#include <string.h>

static const struct {
	int cap;
	const char *without;
} caps[] = {
	{CAP_NET_ADMIN, "no faults: BPF programs cannot be loaded and attached, nor devices made"},
	{CAP_SYS_ADMIN, "only partitions, and only of this network namespace: no other can be "
			"entered, and none made "
			"for a line (all other faults) or a lab"},
	{CAP_BPF, "no faults: BPF programs cannot be loaded"},
	{CAP_PERFMON, "no faults: the verifier takes BPF programs only in a stricter form"},
	{CAP_SYS_PTRACE, "processes of other users cannot be selected, netns:PID neither; clear "
			 "cannot tell whether a "
			 "filter is still in use"},
	{CAP_DAC_READ_SEARCH,
	 "containers and pods that only root may read of are not known by name"},
	{CAP_SYS_NICE,
	 "delays held behind a TAP (where there is no fq) are late when the machine is busy"},
	{CAP_SYS_RESOURCE,
	 "before Linux 5.11, no faults unless the limit on locked memory (ulimit -l) has room for "
	 "BPF maps; later nothing"},
};

#define CAPS_OWN (CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON))
#define CAPS_RUN (CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_SYS_ADMIN))
#define CAPS_SEE (CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_DAC_READ_SEARCH))
#define CAPS_TIME (CAP_BIT(CAP_SYS_NICE))

/* As the doctor lists them. */
static const struct {
	const char *command;
	uint64_t needed, useful;
} commands[] = {
	{"run, inject", CAPS_RUN, CAPS_SEE | CAPS_TIME},
	{"inject partition on interface:DEV", CAPS_OWN, 0},
	{"check, targets", 0, CAP_BIT(CAP_SYS_ADMIN) | CAPS_SEE},
	{"status, stop, report", 0, 0},
	{"clear", CAPS_CLEAR, 0},
};

int cli__need_privileges(uint64_t needed)
{
	uint64_t missing = privilege__missing(needed);
	char names[256];

	if (!missing)
		return 0;
	fprintf(stderr,
		"chaos: missing privileges: %s\n"
		"chaos: run it as root, or as a user with them (`man chaos`, PRIVILEGES)\n",
		privilege__names(missing, names, sizeof(names)));
	return EXIT_USAGE;
}

static void print_command(size_t i)
{
	uint64_t missing = privilege__missing(commands[i].needed);
	uint64_t less = privilege__missing(commands[i].useful);
	char names[256];

	printf("  %-34s %-4s", commands[i].command, missing ? "no" : "yes");
	if (missing)
		printf(" needs %s", privilege__names(missing, names, sizeof(names)));
	else if (less)
		printf(" without %s", privilege__names(less, names, sizeof(names)));
	printf("\n");
}

void cli__print_privileges(void)
{
	char name[64];

	printf("privileges of user %u\n", (unsigned int)geteuid());
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		bool has = !privilege__missing(CAP_BIT(caps[i].cap));

		printf("  %-20s %s%s\n", privilege__names(CAP_BIT(caps[i].cap), name, sizeof(name)),
		       has ? "yes" : "MISSING  ", has ? "" : caps[i].without);
	}
	printf("commands\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		print_command(i);
}

static json_t *names_json(uint64_t set)
{
	json_t *a = json_array();
	char name[64];

	for (int i = 0; i < 64; i++)
		if (set & CAP_BIT(i))
			json_array_append_new(
				a, json_string(privilege__names(CAP_BIT(i), name, sizeof(name))));
	return a;
}

json_t *cli__privileges_json(void)
{
	json_t *list = json_array(), *able = json_array();
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		uint64_t cap = CAP_BIT(caps[i].cap);

		json_array_append_new(list, json_pack("{s:s,s:b,s:s}", "name",
						      privilege__names(cap, name, sizeof(name)),
						      "held", !privilege__missing(cap), "without",
						      caps[i].without));
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		json_array_append_new(
			able,
			json_pack("{s:s,s:o,s:o}", "command", commands[i].command, "missing",
				  names_json(privilege__missing(commands[i].needed)), "without",
				  names_json(privilege__missing(commands[i].useful))));
	return json_pack("{s:i,s:o,s:o}", "user", (int)geteuid(), "capabilities", list, "commands",
			 able);
}
