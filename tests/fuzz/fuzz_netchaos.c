// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a manifest of Chaos Mesh, or as the `spec` of one: findings with their place, or an experiment whose copy
 * in the run folder is the same and stays so.
 */
#include "experiment/schedule.h"
#include "fuzz_yaml.h"

#include <errno.h>

#define HEAD(kind) \
	"apiVersion: chaos-mesh.org/v1alpha1\nkind: " kind "\nmetadata: {name: x}\nspec: "

/* The first byte says before what the others stand. */
static const char *const heads[] = {"", HEAD("NetworkChaos"), HEAD("Schedule"), HEAD("Workflow")};

static void check(const struct experiment *e)
{
	struct experiment *again = fuzz__again(e, NULL);

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
