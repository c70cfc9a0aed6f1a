// SPDX-License-Identifier: GPL-2.0-only
/* Any string as a quantity, a short selector, a word and a template. */
#include "experiment/experiment.h"
#include "lib/nearest.h"
#include "lib/units.h"
#include "fuzz.h"

#include <errno.h>

static void try_units(const char *s)
{
	int64_t ns, back, lo, hi;
	double x;
	uint64_t bytes;
	char buf[40];

	if (!units__duration(s, &ns)) {
		MUST(ns >= 0);
		units__format_duration(ns, buf, sizeof(buf));
		/* rounding up may leave the type */
		MUST(!units__duration(buf, &back) || ns > INT64_MAX / 2);
	}
	if (!units__duration_range(s, &lo, &hi))
		MUST(lo >= 0 && lo <= hi);
	if (!units__probability(s, &x))
		MUST(x >= 0 && x <= 1);
	if (!units__rate(s, &x))
		MUST(x > 0);
	if (!units__bandwidth(s, &x)) {
		MUST(x > 0);
		units__format_bandwidth(x, buf, sizeof(buf));
	}
	if (!units__size(s, &bytes)) {
		MUST(bytes < 1ULL << 53);
		units__format_size(bytes, buf, sizeof(buf));
	}
	if (!units__number(s, &x))
		MUST(x >= 0);
}

static void try_selector(const char *s)
{
	struct selector sel;
	struct error err = {0};
	char words[248];
	int r = selector__parse_short(s, &sel, &err);

	MUST(!r || (r == -EINVAL && *err.msg));
	if (r)
		return;
	MUST(sel.value && *sel.value);
	MUST(!sel.target == (sel.kind == SELECTOR_HOST) && !selector__compare(&sel, &sel));
	for (size_t n = 0; n <= sizeof(words); n += n < 8 ? 1 : 120)
		MUST(!n || strlen(selector__describe(&sel, words, n)) < n);
	for (size_t i = 0; i < sel.ports.n; i++)
		MUST(sel.ports.v[i].lo && sel.ports.v[i].lo <= sel.ports.v[i].hi);
	selector__reset(&sel);
}

static const char *lookup(const char *name, void *arg)
{
	(void)arg;
	return strlen(name) < 3 ? name : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {"from", "to", "faults", "majorities_ring", ""};
	char *s = malloc(size + 1), *expanded;
	struct error err = {0};

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	try_units(s);
	try_selector(s);
	nearest__word(s, words, sizeof(words) / sizeof(words[0]));
	expanded = experiment__expand(s, lookup, NULL, &err);
	MUST(expanded || *err.msg);
	free(expanded);
	free(s);
	return 0;
}
