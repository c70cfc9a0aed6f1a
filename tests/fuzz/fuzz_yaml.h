/* SPDX-License-Identifier: GPL-2.0-only */
/* fuzz_yaml.h: for the targets that read YAML, one source file each. */
#ifndef TEST_FUZZ_YAML_H
#define TEST_FUZZ_YAML_H

#include "experiment/experiment.h"
#include "fuzz.h"

/*
 * libfyaml 0.7.12 forgets a buffer of 4 KiB when a syntax error follows a quoted scalar with many escapes. What we
 * forget to free of libfyaml's, the unit tests find.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

/* The resolved copy of @e, parsed by @mode (may be NULL): it is valid, says the same, and resolves to itself. */
static inline struct experiment *fuzz__again(const struct experiment *e,
					     const struct experiment_mode *mode)
{
	struct experiment *again = NULL;
	struct error err = {0};

	MUST(!experiment__parse_as("g", e->resolved, strlen(e->resolved), 1, NULL, mode, &again,
				   &err));
	MUST(again->seed == e->seed && !strcmp(again->name, e->name));
	MUST(!strcmp(again->resolved, e->resolved));
	MUST(again->n_faults == e->n_faults && again->n_endpoints == e->n_endpoints);
	MUST(again->until_stopped == e->until_stopped && again->duration_ns == e->duration_ns);
	return again;
}

#endif
