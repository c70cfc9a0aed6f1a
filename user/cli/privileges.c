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
	{CAP_BPF, "no faults: BPF programs cannot be loaded, nor their maps made"},
	{CAP_NET_ADMIN, "no faults: BPF programs cannot be attached to devices, nor devices made"},
	{CAP_SYS_ADMIN, "no faults: network namespaces cannot be entered, nor those of a line or a lab made"},
	{CAP_SYS_PTRACE, "processes of other users cannot be selected, also as netns:PID; clear cannot tell whose "
			 "a filter is"},
	{CAP_PERFMON, "the same faults; the kernel guards the programs against speculation, which costs time for each "
		      "packet"},
	{CAP_SYS_NICE, "delays held behind a TAP, where there is no fq, are late when the machine is busy"},
	{CAP_SYS_RESOURCE, "before Linux 5.11 BPF maps are limited by `ulimit -l`; later nothing"},
	{CAP_DAC_READ_SEARCH, "containers and pods whose runtime keeps its state for root alone are not known by name"},
};

#define CAPS_RUN (CAP_BIT(CAP_BPF) | CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_SYS_ADMIN))
#define CAPS_SEE (CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_DAC_READ_SEARCH))
#define CAPS_FAST (CAP_BIT(CAP_PERFMON) | CAP_BIT(CAP_SYS_NICE) | CAP_BIT(CAP_SYS_RESOURCE))

static const struct {
	const char *verb;
	uint64_t needed, useful;
} verbs[] = {
	{"run", CAPS_RUN, CAPS_SEE | CAPS_FAST},
	{"inject", CAPS_RUN, CAPS_SEE | CAPS_FAST},
	{"check", 0, CAP_BIT(CAP_SYS_ADMIN) | CAPS_SEE},
	{"targets", 0, CAP_BIT(CAP_SYS_ADMIN) | CAPS_SEE},
	{"status", 0, 0},
	{"stop", 0, 0},
	{"clear", CAPS_RUN | CAP_BIT(CAP_SYS_PTRACE), 0},
	{"report", 0, 0},
};

int cli__need_privileges(const char *verb)
{
	uint64_t missing = 0;
	char names[256];

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].verb, verb))
			missing = verbs[i].needed & ~privilege__held();
	if (!missing)
		return 0;
	fprintf(stderr,
		"chaos: missing privileges: %s\n"
		"chaos: run it as root, or as a user with them (`man chaos`, PRIVILEGES)\n",
		privilege__names(missing, names, sizeof(names)));
	return EXIT_USAGE;
}

/* "yes", "yes, without CAP_X" (what is only useful), "no, needs CAP_Y". */
static void print_verb(size_t i, uint64_t held)
{
	uint64_t missing = verbs[i].needed & ~held, less = verbs[i].useful & ~held;
	char names[256];

	if (missing)
		printf("  %-12s no       needs %s\n", verbs[i].verb,
		       privilege__names(missing, names, sizeof(names)));
	else if (less)
		printf("  %-12s yes      without %s\n", verbs[i].verb,
		       privilege__names(less, names, sizeof(names)));
	else
		printf("  %-12s yes\n", verbs[i].verb);
}

void cli__print_privileges(void)
{
	uint64_t held = privilege__held();
	char name[64];

	printf("privileges of user %u\n", (unsigned int)geteuid());
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		bool has = held & CAP_BIT(caps[i].cap);

		printf("  %-20s %-8s%s%s\n",
		       privilege__names(CAP_BIT(caps[i].cap), name, sizeof(name)),
		       has ? "yes" : "MISSING", has ? "" : " ", has ? "" : caps[i].without);
	}
	printf("commands\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		print_verb(i, held);
}

static json_t *names_json(uint64_t set)
{
	json_t *a = json_array();
	char name[64];

	for (int i = 0; i < 64; i++)
		if (set & CAP_BIT(i))
			json_array_append_new(a, json_string(privilege__names(CAP_BIT(i), name,
									      sizeof(name))));
	return a;
}

json_t *cli__privileges_json(void)
{
	json_t *list = json_array(), *able = json_object();
	uint64_t held = privilege__held();
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		json_array_append_new(
			list,
			json_pack("{s:s,s:b,s:s}", "name",
				  privilege__names(CAP_BIT(caps[i].cap), name, sizeof(name)),
				  "held", (held & CAP_BIT(caps[i].cap)) != 0, "without",
				  caps[i].without));
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		json_object_set_new(able, verbs[i].verb,
				    json_pack("{s:o,s:o}", "missing",
					      names_json(verbs[i].needed & ~held), "without",
					      names_json(verbs[i].useful & ~held)));
	return json_pack("{s:i,s:o,s:o}", "user", (int)geteuid(), "capabilities", list, "commands",
			 able);
}
