// SPDX-License-Identifier: GPL-2.0-only
#include "cli/compare.h"

#include "analysis/compare.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST 80

struct side {
	struct history *h[COMPARE_RUNS_MAX];
	json_t *summary[COMPARE_RUNS_MAX];
	size_t n;
};

static void cleanup_side(struct side *s)
{
	for (size_t i = 0; i < COMPARE_RUNS_MAX; i++) {
		history__free(s->h[i]);
		json_decref(s->summary[i]);
	}
}

/* @dirs: parted by commas. */
static int side__load(const char *dirs, struct side *s, struct error *err)
{
	_cleanup_free_ char *copy = strdup(dirs);
	char *save = NULL;

	if (!copy)
		return err__set(err, -ENOMEM, "no memory");
	for (char *dir = strtok_r(copy, ",", &save); dir; dir = strtok_r(NULL, ",", &save)) {
		int r;

		if (s->n == COMPARE_RUNS_MAX)
			return err__set(err, -E2BIG, "%s: more than %d runs on a side", dir,
					COMPARE_RUNS_MAX);
		r = history__load(dir, &s->h[s->n], err);
		if (r)
			return r;
		s->summary[s->n] = analysis__summary(s->h[s->n]);
		if (!s->summary[s->n])
			return err__set(err, -ENOMEM, "%s: no memory for the summary", dir);
		s->n++;
	}
	return s->n ? 0 : err__set(err, -EINVAL, "no run folder in `%s`", dirs);
}

static unsigned int columns(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return 160; /* no terminal: with all reasons */
	return ws.ws_col < WIDTH_LEAST ? WIDTH_LEAST : ws.ws_col;
}

int compare__verb(const char *before, const char *after, bool json)
{
	_cleanup_(cleanup_side) struct side a = {0}, b = {0};
	struct compare_side x, y;
	struct error err = {0};
	json_t *c;
	bool worse;

	if (side__load(before, &a, &err) < 0 || side__load(after, &b, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	x = (struct compare_side){(const struct history *const *)a.h,
				  (const json_t *const *)a.summary, a.n};
	y = (struct compare_side){(const struct history *const *)b.h,
				  (const json_t *const *)b.summary, b.n};
	c = compare__runs(&x, &y);
	if (!c) {
		err__set(&err, -ENOMEM, "no memory to compare");
		return cli__fail(EXIT_RUNTIME, &err);
	}
	if (json)
		cli__print_json(c);
	else if (!cli_quiet)
		compare__print(c, columns(), cli__colour());
	worse = json_integer_value(json_object_get(c, "regressions")) > 0;
	json_decref(c);
	return worse ? EXIT_EXPECTATION : EXIT_HOLDS;
}
