// SPDX-License-Identifier: GPL-2.0-only
/* test_compare.c: what is called a regression, and how often chance alone is. */
#include "unit/analysis/events.h"

#include "analysis/compare.h"
#include "lib/rng.h"

#include <math.h>

static void p_is(double expected, const double *a, size_t n, const double *b, size_t m)
{
	double p = compare__rank_test(a, n, b, m);

	if (fabs(p - expected) > 1e-12)
		fail_msg("p is %.6f, expected %.6f", p, expected);
}

static void rank_test(void **state)
{
	(void)state;
	/* all of one below all of the other: 2 of the ways to deal */
	p_is(2.0 / 70, (double[]){1, 2, 3, 4}, 4, (double[]){5, 6, 7, 8}, 4);
	p_is(2.0 / 70, (double[]){5, 6, 7, 8}, 4, (double[]){1, 2, 3, 4}, 4);
	p_is(2.0 / 20, (double[]){1, 2, 3}, 3, (double[]){4, 5, 6}, 3);
	p_is(1, (double[]){1, 1, 1, 1}, 4, (double[]){1, 1, 1, 1}, 4);
	p_is(1, (double[]){1, 4}, 2, (double[]){2, 3}, 2);
	/* U = 1 of 4 and 4: (1 + 1) * 2 of 70 (Mann and Whitney's table: 0.029 one-sided) */
	p_is(4.0 / 70, (double[]){1, 2, 3, 5}, 4, (double[]){4, 6, 7, 8}, 4);
	/* ties: the ranks are 1.5 1.5 | 3.5 3.5; of the 6 ways one is as low, one as high */
	p_is(2.0 / 6, (double[]){1, 1}, 2, (double[]){2, 2}, 2);
}

/* ---- whole runs ---- */

/* Writes each 10 ms apart, that take @ms; @lost of them are not there in the end. */
static struct history *a_run(int ms, int lost)
{
	char all[40];
	struct events e;

	ev__open(&e);
	ev__run(&e, (struct run){.resources = ""});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	for (int i = 0; i < 900; i++)
		ev__add(&e, "n1", i, i * 33, i * 33 + ms + i % 7, "ok");
	ev__phase(&e, 30000, "final");
	snprintf(all, sizeof(all), "[%d,899]", lost);
	ev__final(&e, "n1", 1, 30100, true, all);
	ev__final(&e, "n2", 1, 30100, true, all);
	ev__end(&e, 31000, "complete", 0);
	return ev__history(&e);
}

struct runs {
	struct history *h[COMPARE_RUNS_MAX];
	json_t *s[COMPARE_RUNS_MAX];
	size_t n;
};

static void add(struct runs *r, int ms, int lost)
{
	r->h[r->n] = a_run(ms, lost);
	r->s[r->n] = analysis__summary(r->h[r->n]);
	r->n++;
}

static void cleanup_runs(struct runs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		history__free(r->h[i]);
		json_decref(r->s[i]);
	}
}

static json_t *compare(const struct runs *a, const struct runs *b)
{
	struct compare_side x = {(const struct history *const *)a->h, (const json_t *const *)a->s,
				 a->n},
			    y = {(const struct history *const *)b->h, (const json_t *const *)b->s,
				 b->n};
	json_t *c = compare__runs(&x, &y);

	assert_non_null(c);
	return c;
}

static const json_t *number(const json_t *c, const char *path)
{
	const json_t *x;
	size_t i;

	json_array_foreach(at(c, "numbers"), i, x)
		if (!strcmp(json_string_value(json_object_get(x, "path")), path))
			return x;
	fail_msg("no %s", path);
	return NULL;
}

static void called(const json_t *c, const char *path, const char *call, const char *reason)
{
	const json_t *x = number(c, path);
	const char *why = json_string_value(json_object_get(x, "reason"));

	if (strcmp(json_string_value(json_object_get(x, "call")), call) != 0 ||
	    (reason && (!why || !strstr(why, reason)))) {
		_cleanup_free_ char *s = json_dumps(x, 0);

		fail_msg("%s: %s", path, s);
	}
}

static void one_run_each(void **state)
{
	_cleanup_(cleanup_runs) struct runs a = {0}, b = {0}, slow = {0};
	_cleanup_json_ json_t *same = NULL, *worse = NULL, *back = NULL;

	(void)state;
	add(&a, 5, 0);
	add(&b, 5, 40);
	add(&slow, 25, 0);
	same = compare(&a, &b);
	called(same, "latency.intended_ms.p99", "equal", NULL);
	called(same, "writes.lost", "unknown", "one run each says nothing of noise");
	/* the lost ones are of the baseline: no good was done by acknowledging them */
	called(same, "recovery.goodput_baseline_per_s", "regression", NULL);
	assert_number(same, "regressions", 1);
	worse = compare(&a, &slow);
	called(worse, "latency.intended_ms.p50", "regression", NULL);
	called(worse, "latency.service_ms.p99", "regression", NULL);
	called(worse, "writes.acked", "equal", NULL);
	back = compare(&slow, &a);
	called(back, "latency.intended_ms.p50", "improvement", NULL);
}

static void several_runs(void **state)
{
	_cleanup_(cleanup_runs) struct runs a = {0}, b = {0}, few = {0};
	_cleanup_json_ json_t *c = NULL, *d = NULL;

	(void)state;
	for (int i = 0; i < 4; i++) {
		add(&a, 5 + i % 2, i);
		add(&b, 5 + i % 2, 40 + i);
	}
	for (int i = 0; i < 3; i++)
		add(&few, 25, 40 + i);
	c = compare(&a, &b);
	called(c, "writes.lost", "regression", NULL);
	called(c, "latency.intended_ms.p50", "noise", NULL);
	called(c, "writes.acked", "equal", NULL);
	called(c, "recovery.time_s", "equal", NULL);
	d = compare(&few, &few);
	called(d, "writes.lost", "unknown", "3 and 3 runs cannot tell: p is 0.1 at the least");
}

/* ---- chance ---- */

static json_t *summary_of(double x)
{
	return json_pack("{s:{s:f}}", "recovery", "time_s", x);
}

/* Runs of which nothing differs but by chance: how many of 2000 comparisons call something? */
static void chance_alone_is_seldom_called(void **state)
{
	_cleanup_(cleanup_runs) struct runs run = {0};
	struct rng rng = {.state = 7};
	int calls = 0;

	(void)state;
	add(&run, 5, 0);
	for (int k = 0; k < 2000; k++) {
		const struct history *h[4] = {run.h[0], run.h[0], run.h[0], run.h[0]};
		json_t *s[8], *c;

		for (int i = 0; i < 8; i++) {
			/* a sum of twelve uniform numbers is near enough to normal */
			double x = 0;

			for (int j = 0; j < 12; j++)
				x += (double)rng__below(&rng, 1000000) / 1e6;
			s[i] = summary_of(x);
		}
		c = compare__runs(&(struct compare_side){h, (const json_t *const *)s, 4},
				  &(struct compare_side){h, (const json_t *const *)(s + 4), 4});
		calls += strcmp(json_string_value(
					json_object_get(number(c, "recovery.time_s"), "call")),
				"noise") != 0;
		json_decref(c);
		for (int i = 0; i < 8; i++)
			json_decref(s[i]);
	}
	print_message("%d of 2000 called\n", calls);
	/* about 1 %; the test alone would call 2.9 % */
	assert_true(calls <= 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rank_test),
		cmocka_unit_test(one_run_each),
		cmocka_unit_test(several_runs),
		cmocka_unit_test(chance_alone_is_seldom_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
