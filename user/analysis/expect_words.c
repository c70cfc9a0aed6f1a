// SPDX-License-Identifier: GPL-2.0-only
/*
 * expect_words.c: the words of an expectation that are no path and no value: its window, and the
 * names that the experiment gave.
 */
#include "analysis/analysis.h"
#include "analysis/expect_schema.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the window ---- */

int parts__window(struct parts *p, struct expect *e, struct error *err)
{
	static const char *const words[] = {"baseline", "fault", "recovery"};
	static const enum expect_window windows[] = {WINDOW_BASELINE, WINDOW_FAULT,
						     WINDOW_RECOVERY};
	size_t len = strcspn(p->window, " \t");
	const char *name = p->window + len + strspn(p->window + len, " \t"), *near, *why;
	char word[20];

	if (!p->window_col)
		return 0;
	snprintf(word, sizeof(word), "%.*s", len < sizeof(word) ? (int)len : 0, p->window);
	for (size_t i = 0; i < ARRAY_SIZE(words) && !e->window; i++)
		if (!strcmp(word, words[i]))
			e->window = windows[i];
	near = nearest__word(word, words, ARRAY_SIZE(words));
	if (!e->window && near)
		return parts__bad(p, p->window_col, err,
				  "unknown window `%.60s`; did you mean `%s`?", p->window, near);
	if (!e->window)
		return parts__bad(
			p, p->window_col, err,
			"unknown window `%.60s`; expected baseline, fault, fault NAME or recovery",
			p->window);
	if (*name && e->window != WINDOW_FAULT)
		return parts__bad(p, p->window_col + (int)(name - p->window), err,
				  "`%.60s` behind `%s`; expected an operator", name, word);
	if (*name) {
		e->window = WINDOW_NAMED;
		e->fault = strdup(name);
		if (!e->fault)
			return err__set(err, -ENOMEM, "out of memory");
	}
	why = expect_schema__no_window(e->schema, e->window);
	if (why)
		return parts__bad(p, p->window_col, err, "`%.60s` has no value `in %.60s`: %s",
				  p->path, p->window, why);
	return 0;
}

/* ---- the names ---- */

static int known(struct parts *p, int col, const char *what, const char *name,
		 const char *const *names, size_t n, struct error *err)
{
	const char *near;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return 0;
	near = nearest__word(name, names, n);
	if (near)
		return parts__bad(p, col, err, "no %s `%.60s`; did you mean `%.60s`?", what, name,
				  near);
	if (n)
		return parts__bad(p, col, err,
				  "no %s `%.60s`; expected one of %zu, such as `%.60s`", what, name,
				  n, names[0]);
	return parts__bad(p, col, err, "no %s `%.60s`: there are none", what, name);
}

/* A check is named as its workload, or as that with a suffix. */
static int known_check(struct parts *p, int col, const char *name, const struct expect_names *x,
		       struct error *err)
{
	for (size_t i = 0; i < x->n_workloads; i++) {
		size_t n = strlen(x->workloads[i]);

		if (!strncmp(name, x->workloads[i], n) &&
		    (!strcmp(name + n, "-tokens") || !strcmp(name + n, "-fence") ||
		     !strcmp(name + n, "-final")))
			return 0;
	}
	return known(p, col, "workload", name, x->workloads, x->n_workloads, err);
}

int parts__names(struct parts *p, const struct expect *e, const struct expect_names *x,
		 struct error *err)
{
	const char *index = e->index[0];
	int col = index ? p->path_col + (int)(index - e->text) : 0, r = 0;

	if (e->fault)
		r = known(p, p->window_col + (int)strlen(p->window) - (int)strlen(e->fault),
			  "fault", e->fault, x->faults, x->n_faults, err);
	if (!r && index && *index >= '0' && *index <= '9')
		return 0; /* a position, as far as is known here */
	if (!r && index && expect__is_about(e, "faults"))
		r = known(p, col, "fault", index, x->faults, x->n_faults, err);
	if (!r && index && expect__is_about(e, "checks"))
		r = known_check(p, col, index, x, err);
	index = e->index[1];
	if (!r && index && (*index < '0' || *index > '9') && expect__is_about(e, "split_brain"))
		r = known(p, p->path_col + (int)(index - e->text), "resource", index, x->resources,
			  x->n_resources, err);
	return r;
}
