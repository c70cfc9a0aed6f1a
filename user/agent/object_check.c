// SPDX-License-Identifier: GPL-2.0-only
/* object_check.c: what the parser of experiments leaves to those who know the paths of a summary. */
#include "agent/object_internal.h"

#include "analysis/analysis.h"
#include "lib/cleanup.h"

#include <string.h>

static int check(const char *text, const struct expect_names *names, struct error *err)
{
	int col = 1, r = expect__check(text, names, &col, err);

	return r ? err__prefix(err, "column %d", col) : 0;
}

static int check_all(const struct experiment *e, const struct expect_names *names,
		     struct error *err)
{
	for (size_t i = 0; i < e->n_expect; i++)
		if (check(e->expect[i].text, names, err))
			return err__prefix(err, "spec.expect[%zu]", i);
	for (size_t i = 0; i < e->n_guards; i++)
		if (check(e->guards[i].when, names, err))
			return err__prefix(err, "spec.guard[%zu].when", i);
	return 0;
}

int object__check_expressions(const struct experiment *e, struct error *err)
{
	_cleanup_free_ const char **faults = calloc(e->n_faults + 1, sizeof(*faults));
	_cleanup_free_ const char **resources = calloc(e->n_roles + 1, sizeof(*resources));
	_cleanup_free_ const char **workloads = calloc(e->n_workloads + 1, sizeof(*workloads));

	if (!faults || !resources || !workloads)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < e->n_faults; i++)
		faults[i] = e->faults[i].name;
	for (size_t i = 0; i < e->n_roles; i++)
		resources[i] = e->roles[i].resource;
	for (size_t i = 0; i < e->n_workloads; i++)
		workloads[i] = e->workloads[i].name;
	return check_all(e,
			 &(struct expect_names){.faults = faults,
						.n_faults = e->n_faults,
						.resources = resources,
						.n_resources = e->n_roles,
						.workloads = workloads,
						.n_workloads = e->n_workloads},
			 err);
}

/* Length of the UTF-8 letter at @s, 0: there is none. Overlong and surrogate forms are none. */
static size_t letter(const unsigned char *s)
{
	static const unsigned char lo[] = {
		[0xe0 - 0xc0] = 0xa0, [0xf0 - 0xc0] = 0x90, [0xf7 - 0xc0] = 0};
	unsigned char second = *s >= 0xc0 && *s <= 0xf7 ? lo[*s - 0xc0] : 0;
	size_t n = *s < 0x80   ? 1
		   : *s < 0xc2 ? 0
		   : *s < 0xe0 ? 2
		   : *s < 0xf0 ? 3
		   : *s < 0xf5 ? 4
			       : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n > 1 && (s[1] < second || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

void error__make_utf8(struct error *err)
{
	if (!err)
		return;
	for (unsigned char *s = (unsigned char *)err->msg; *s;) {
		size_t n = letter(s);

		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
}
