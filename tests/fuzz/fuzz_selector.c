// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any string as a short selector of processes, as a glob, as part of a cgroup path, as a name to print.
 */
#include "cli/targets.h"
#include "discover/internal.h"
#include "fuzz.h"

static void try_selector(const char *s)
{
	struct target_selector t = {0};
	struct error err = {0};
	int r = target_selector__parse(s, &t, &err);

	if (r) {
		MUST(r == -EINVAL && *err.msg && !t.name && !t.labels);
		return;
	}
	MUST(t.kind == TARGET_CIDR || t.pid || t.comm || t.exe || t.args || t.user || t.name ||
	     t.pod_namespace || t.n_labels);
	MUST(t.kind != TARGET_CIDR || t.prefixlen <= (t.family == 10 ? 128 : 32));
	for (size_t i = 0; i < t.n_labels; i++)
		MUST(strchr(t.labels[i], '=') > t.labels[i]);
	target_selector__reset(&t);
}

static void try_glob(const char *s)
{
	const char *line = strchr(s, '\n');
	char *glob = line ? strndup(s, (size_t)(line - s)) : NULL;

	MUST(glob__matches("*", s));
	if (!line)
		return;
	MUST(glob);
	glob__matches(glob, line + 1);
	if (!strpbrk(glob, "*?"))
		MUST(glob__matches(glob, line + 1) == !strcmp(glob, line + 1));
	cgroup__is_unit(glob, strlen(glob), line + 1);
	free(glob);
}

static void try_text(const char *s)
{
	size_t size = 4 * strlen(s) + 17, n;
	char *clean = malloc(size), small[24];

	MUST(clean);
	target_text__clean(s, false, clean, size);
	for (const char *c = clean; *c; c++)
		MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
	n = strlen(clean);
	MUST(target_text__width(clean) <= 2 * n);
	target_text__clean(s, true, clean, size);
	target_text__clean(s, false, small, sizeof(small));
	cgroup__unescape(s, strlen(s), small, sizeof(small));
	free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz__string(data, size);

	try_selector(s);
	try_glob(s);
	try_text(s);
	free(s);
	return 0;
}
