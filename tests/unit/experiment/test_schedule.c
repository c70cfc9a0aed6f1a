// SPDX-License-Identifier: GPL-2.0-only
/* Windows, edges and sides of every form of fault. */
#include "experiment/schedule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000LL
#define S 1000000000LL
#define NODES_MAX 40

/* An experiment of @nodes nodes n0, n1 ..., 60 s long, with one fault. */
static struct experiment *make_more(int nodes, const char *endpoints, const char *fault,
				    uint64_t seed)
{
	char text[8192] = "apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nspec:\n"
			  "  duration: 60s\n  lab:\n    nodes:\n";
	struct experiment *e = NULL;
	struct error err = {0};

	for (int i = 0; i < nodes; i++)
		sprintf(text + strlen(text), "      n%d: {}\n", i);
	sprintf(text + strlen(text), "%s  faults:\n  - %s\n", endpoints, fault);
	if (experiment__parse("t", text, strlen(text), seed, &e, &err))
		fail_msg("%s\n%s", err.msg, text);
	return e;
}

static struct experiment *make(int nodes, const char *fault)
{
	return make_more(nodes, "", fault, 42);
}

/* --- windows --------------------------------------------------------------------------------------- */

/* "10-25 30-35" in milliseconds. */
static void check_windows(const char *fault, const char *expected)
{
	struct experiment *e = make(3, fault);
	struct windows w = {0};
	char got[1024] = "";

	assert_int_equal(schedule__windows(e, 0, &w), 0);
	for (size_t i = 0; i < w.n; i++)
		sprintf(got + strlen(got), "%s%lld-%lld", i ? " " : "",
			(long long)(w.v[i].start_ns / MS), (long long)(w.v[i].end_ns / MS));
	assert_string_equal(got, expected);
	free(w.v);
	experiment__free(e);
}

static void test_windows(void **state)
{
	(void)state;
	check_windows("{at: 10s, for: 15s, partition: {isolate: n1}}", "10000-25000");
	check_windows("{at: 0s, for: 60s, partition: {isolate: n1}}", "0-60000");
	check_windows("{at: 10s, partition: {isolate: n1}}", "10000-60000");
	check_windows("{at: 30s, for: 5s, every: 8s, partition: {isolate: n1}}",
		      "30000-35000 38000-43000 46000-51000 54000-59000");
	/* the last one is cut off at the run's end */
	check_windows("{at: 40s, for: 5s, every: 9s, partition: {isolate: n1}}",
		      "40000-45000 49000-54000 58000-60000");
	/* one that would begin at the end does not */
	check_windows("{at: 40s, for: 5s, every: 10s, partition: {isolate: n1}}",
		      "40000-45000 50000-55000");
	check_windows("{at: 1s, for: 1s, every: 2s, times: 3, partition: {isolate: n1}}",
		      "1000-2000 3000-4000 5000-6000");
	check_windows("{at: 57s, for: 1s, every: 1s, partition: {isolate: n1}}",
		      "57000-58000 58000-59000 59000-60000");
	/* fixed ranges flap like a clock; `for` bounds the whole */
	check_windows("{at: 10s, for: 5s, flap: {down: 1s, up: 1s}, partition: {isolate: n1}}",
		      "10000-11000 12000-13000 14000-15000");
	check_windows("{at: 10s, flap: {down: 4s, up: 1s}, times: 2, partition: {isolate: n1}}",
		      "10000-14000 15000-19000");
	check_windows("{at: 50s, flap: {down: 8s, up: 1s}, partition: {isolate: n1}}",
		      "50000-58000 59000-60000");
}

static void test_many_windows(void **state)
{
	struct experiment *e =
		make(3, "{at: 0s, for: 300us, every: 600us, partition: {isolate: n1}}");
	struct windows w = {0};

	(void)state;
	assert_int_equal(schedule__windows(e, 0, &w), 0);
	assert_int_equal(w.n, 100000);
	assert_int_equal(w.v[99999].end_ns, 99999LL * 600000 + 300000);
	free(w.v);
	/* one more than the bound */
	w = (struct windows){0};
	e->duration_ns += 1;
	assert_int_equal(schedule__windows(e, 0, &w), -E2BIG);
	assert_null(w.v);
	experiment__free(e);
}

/* Draws stay in their ranges, cover them, repeat under the seed and differ under another. */
static void test_flap(void **state)
{
	static const char fault[] =
		"{at: 1s, flap: {down: 0.5s..2s, up: 100ms..300ms}, partition: {isolate: n1}}";
	int64_t shortest = INT64_MAX, longest = 0;
	bool differs = false;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct experiment *a = make_more(3, "", fault, seed);
		struct experiment *b = make_more(3, "", fault, seed);
		struct experiment *c = make_more(3, "", fault, seed + 1000);
		struct windows wa = {0}, wb = {0}, wc = {0};

		assert_int_equal(schedule__windows(a, 0, &wa), 0);
		assert_int_equal(schedule__windows(b, 0, &wb), 0);
		assert_int_equal(schedule__windows(c, 0, &wc), 0);
		assert_int_equal(wa.n, wb.n);
		assert_memory_equal(wa.v, wb.v, wa.n * sizeof(*wa.v));
		differs |= wa.n != wc.n || memcmp(wa.v, wc.v, wa.n * sizeof(*wa.v));
		assert_int_equal(wa.v[0].start_ns, S);
		for (size_t i = 0; i < wa.n; i++) {
			int64_t down = wa.v[i].end_ns - wa.v[i].start_ns;

			assert_true(wa.v[i].end_ns <= 60 * S);
			if (i + 1 == wa.n)
				break;
			assert_in_range(down, S / 2, 2 * S);
			assert_in_range(wa.v[i + 1].start_ns - wa.v[i].end_ns, 100 * MS, 300 * MS);
			shortest = down < shortest ? down : shortest;
			longest = down > longest ? down : longest;
		}
		free(wa.v);
		free(wb.v);
		free(wc.v);
		experiment__free(a);
		experiment__free(b);
		experiment__free(c);
	}
	assert_true(differs);
	/* some 2,000 draws reach the outer 5 % of the range */
	assert_true(shortest < 575 * MS && longest > 1925 * MS);
}

/* --- edges ----------------------------------------------------------------------------------------- */

static const char *edge_name(const struct experiment *e, size_t i)
{
	return i == EDGE_ANY ? "*" : e->endpoints[i].name;
}

static void check_more(const char *endpoints, const char *fault, const char *expected,
		       const char *sides)
{
	struct experiment *e = make_more(4, endpoints, fault, 42);
	struct edges edges = {0};
	char got[1024] = "", got_sides[256] = "";
	int side[16], n;

	assert_int_equal(schedule__edges(e, 0, &edges), 0);
	for (size_t i = 0; i < edges.n; i++)
		sprintf(got + strlen(got), "%s%s>%s", i ? " " : "", edge_name(e, edges.v[i].from),
			edge_name(e, edges.v[i].to));
	assert_string_equal(got, expected);
	assert_int_equal(edges.together, strstr(fault, "isolate") != NULL);
	n = schedule__sides(e, 0, side);
	sprintf(got_sides, "%d:", n);
	for (size_t i = 0; i < e->n_endpoints; i++)
		sprintf(got_sides + strlen(got_sides), " %d", side[i]);
	assert_string_equal(got_sides, sides);
	free(edges.v);
	experiment__free(e);
}

static void check_edges(const char *fault, const char *expected, const char *sides)
{
	check_more("", fault, expected, sides);
}

static void test_edges(void **state)
{
	(void)state;
	check_edges("{at: 1s, from: n0, to: n1, loss: {probability: 1%}}", "n0>n1",
		    "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: n0, to: n1, direction: to, loss: {probability: 1%}}", "n0>n1",
		    "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: n0, to: n1, direction: from, loss: {probability: 1%}}", "n1>n0",
		    "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: n0, to: n1, direction: both, loss: {probability: 1%}}",
		    "n0>n1 n1>n0", "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: n2, loss: {probability: 1%}}", "n2>*", "0: -1 -1 -1 -1");
	check_edges("{at: 1s, to: n2, loss: {probability: 1%}}", "*>n2", "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: n2, direction: both, loss: {probability: 1%}}", "n2>* *>n2",
		    "0: -1 -1 -1 -1");
	/* all pairs, none with itself, none twice */
	check_edges(
		"{at: 1s, from: [n1, n0], to: [n0, n1], direction: both, loss: {probability: 1%}}",
		"n0>n1 n1>n0", "0: -1 -1 -1 -1");
	check_edges("{at: 1s, from: [n0, n1], to: [n2, n3], loss: {probability: 1%}}",
		    "n0>n2 n0>n3 n1>n2 n1>n3", "0: -1 -1 -1 -1");
}

static void test_partitions(void **state)
{
	(void)state;
	check_edges("{at: 1s, partition: {isolate: n1}}", "n1>* *>n1", "2: 1 0 1 1");
	check_edges("{at: 1s, partition: {isolate: [n1, n3]}}", "n1>* n3>* *>n1 *>n3",
		    "2: 1 0 1 0");
	check_edges("{at: 1s, partition: {halves: [n0, [n2, n3]]}}", "n0>n2 n0>n3 n2>n0 n3>n0",
		    "2: 0 -1 1 1");
	check_edges("{at: 1s, partition: {groups: [n0, n1, [n3]]}}",
		    "n0>n1 n0>n3 n1>n0 n1>n3 n3>n0 n3>n1", "3: 0 1 -1 2");
	check_edges("{at: 1s, partition: {simplex: {from: [n0, n1], to: n2}}}", "n0>n2 n1>n2",
		    "2: 0 0 1 -1");
	/* everyone else in two halves, the smaller one first */
	check_edges("{at: 1s, partition: {bridge: n1}}", "n0>n2 n0>n3 n2>n0 n3>n0", "2: 0 -1 1 1");
	check_edges("{at: 1s, partition: {bridge: n1, of: [n3, n0]}}", "n0>n3 n3>n0",
		    "2: 1 -1 -1 0");
	/* a square: each sees its two neighbours */
	check_edges("{at: 1s, partition: {majorities_ring: all}}", "n0>n2 n1>n3 n2>n0 n3>n1",
		    "4: 0 1 2 3");
	check_edges("{at: 1s, partition: {majorities_ring: [n0, n2, n1, n3]}}",
		    "n0>n1 n1>n0 n2>n3 n3>n2", "4: 0 2 1 3");
}

/* Endpoints that are made of nodes are on the side of their nodes. */
static void test_sides_of_names(void **state)
{
	(void)state;
	check_more("  endpoints: {old: {netns: n1}, mix: [{netns: n1}, {netns: n2}], net: {cidr: "
		   "10.0.0.0/8}}\n",
		   "{at: 1s, partition: {isolate: old}}", "old>* *>old", "2: 1 0 1 1 0 1 1");
	check_more("  endpoints: {old: {netns: n1}, mix: [{netns: n1}, {netns: n2}], net: {cidr: "
		   "10.0.0.0/8}}\n",
		   "{at: 1s, partition: {halves: [[n1, n2], n3]}}", "n1>n3 n2>n3 n3>n1 n3>n2",
		   "2: -1 0 0 1 0 0 -1");
	check_more("  endpoints: {old: {netns: n1}, mix: [{netns: n1}, {netns: n2}], net: {cidr: "
		   "10.0.0.0/8}}\n",
		   "{at: 1s, partition: {halves: [n1, n2]}}", "n1>n2 n2>n1",
		   "2: -1 0 1 -1 0 -1 -1");
}

/*
 * Jepsen's majorities-ring: every node sees a majority, itself included, and no two the same one. More:
 * the relation is symmetric and no node sees more than a majority needs, but the one that arithmetic forces
 * when neither the number of nodes nor that of a majority's others is even.
 */
static void test_ring(void **state)
{
	static bool sees[NODES_MAX][NODES_MAX];

	(void)state;
	for (size_t n = 3; n <= NODES_MAX; n++) {
		struct experiment *e = make((int)n, "{at: 1s, partition: {majorities_ring: all}}");
		struct edges edges = {0};
		size_t majority = n / 2 + 1, larger = 0;

		assert_int_equal(schedule__edges(e, 0, &edges), 0);
		memset(sees, true, sizeof(sees));
		for (size_t i = 0; i < edges.n; i++)
			sees[edges.v[i].from][edges.v[i].to] = false;
		for (size_t i = 0; i < n; i++) {
			size_t seen = 0;

			for (size_t j = 0; j < n; j++) {
				seen += sees[i][j];
				assert_int_equal(sees[i][j], sees[j][i]);
			}
			assert_true(sees[i][i]);
			assert_in_range(seen, majority, majority + 1);
			larger += seen > majority;
			for (size_t j = 0; j < i; j++)
				assert_memory_not_equal(sees[i], sees[j], n * sizeof(bool));
		}
		assert_int_equal(larger, n % 2 && (n / 2) % 2);
		free(edges.v);
		experiment__free(e);
	}
}

/* A partition of many endpoints has no edge twice and misses none. */
static void test_size(void **state)
{
	struct experiment *e =
		make(40, "{at: 1s, partition: {halves: [{random: 20}, {random: 20}]}}");
	struct edges edges = {0};
	int side[40];

	(void)state;
	assert_int_equal(schedule__edges(e, 0, &edges), 0);
	assert_int_equal(edges.n, 2 * 20 * 20);
	assert_int_equal(schedule__sides(e, 0, side), 2);
	for (size_t i = 0; i < edges.n; i++)
		assert_int_equal(side[edges.v[i].from] + side[edges.v[i].to], 1);
	free(edges.v);
	experiment__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),	   cmocka_unit_test(test_many_windows),
		cmocka_unit_test(test_flap),	   cmocka_unit_test(test_edges),
		cmocka_unit_test(test_partitions), cmocka_unit_test(test_sides_of_names),
		cmocka_unit_test(test_ring),	   cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
