// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a manifest of Chaos Mesh, or as the `spec` of one: findings with their place, or an experiment whose copy
 * in the run folder is the same and stays so.
 */
#include "experiment/schedule.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in fuzz_experiment.c. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

#define MUST(what)               \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

#define HEAD(kind) \
	"apiVersion: chaos-mesh.org/v1alpha1\nkind: " kind "\nmetadata: {name: x}\nspec: "

/* The first byte says before what the others stand. */
static const char *const heads[] = {"", HEAD("NetworkChaos"), HEAD("Schedule"), HEAD("Workflow")};

static void check(const struct experiment *e)
{
	struct experiment *again = NULL;
	struct error err = {0};

	MUST(!experiment__parse("g", e->resolved, strlen(e->resolved), 1, &again, &err));
	MUST(again->seed == e->seed && !strcmp(again->name, e->name));
	MUST(!strcmp(again->resolved, e->resolved));
	MUST(again->n_faults == e->n_faults && again->n_endpoints == e->n_endpoints);
	MUST(again->until_stopped == e->until_stopped && again->duration_ns == e->duration_ns);
	for (size_t i = 0; i < e->n_faults; i++) {
		struct windows w = {0};
		int r = schedule__windows(e, i, &w);

		MUST(!r || r == -E2BIG);
		MUST(e->faults[i].at_ns >= 0 && e->faults[i].at_ns < e->duration_ns);
		free(w.v);
	}
	experiment__free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *head = heads[size ? data[0] % 4 : 0];
	size_t n = strlen(head);
	struct experiment *e = NULL;
	struct error err = {0};
	char *text;
	int r;

	if (!size)
		return 0;
	text = malloc(n + size);
	MUST(text);
	memcpy(text, head, n);
	memcpy(text + n, data + 1, size - 1);
	r = experiment__parse("f", text, n + size - 1, 42, &e, &err);
	free(text);
	MUST(r == 0 || (r == -EINVAL && !e && err.code == r && *err.msg));
	if (!r)
		check(e);
	experiment__free(e);
	return 0;
}
