// SPDX-License-Identifier: GPL-2.0-only
/* test_split.c: claims from samples, overlaps against brute force, and every level planted. */
#include "unit/analysis/events.h"

#include "lib/rng.h"

#define MS(x) ((x)*NS_PER_MS)

static void start(struct events *e)
{
	ev__open(e);
	ev__run(e, (struct run){0});
}

static void a_claim_between_its_samples(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;
	const struct claim *c;

	(void)state;
	start(&e);
	ev__role(&e, "n1", 0, 0, -1);
	ev__role(&e, "n1", 20, 1, 5);
	ev__role(&e, "n1", 40, -1, -1); /* an error says nothing */
	ev__role(&e, "n1", 60, 1, -1);	/* nor does a missing epoch */
	ev__role(&e, "n1", 80, 1, 5);
	ev__role(&e, "n1", 100, 0, -1);
	ev__role(&e, "n1", 120, 1, 6); /* once */
	ev__role(&e, "n1", 140, 1, 7);
	ev__role(&e, "n1", 160, 1, 7);
	make(&e, &m);
	assert_int_equal(m.a.claims[0].n, 3);
	c = m.a.claims[0].v;
	assert_int_equal(c[0].inner.start_ns, MS(21));
	assert_int_equal(c[0].inner.end_ns, MS(80));
	assert_int_equal(c[0].outer.start_ns, MS(0));
	assert_int_equal(c[0].outer.end_ns, MS(101));
	assert_int_equal(c[0].epoch, 5);
	assert_int_equal(c[0].end, CLAIM_DENIED);
	/* one sample: nothing is certain */
	assert_int_equal(c[1].inner.start_ns, MS(121));
	assert_int_equal(c[1].inner.end_ns, MS(120));
	assert_int_equal(c[1].outer.start_ns, MS(100));
	assert_int_equal(c[1].outer.end_ns, MS(141));
	assert_int_equal(c[1].end, CLAIM_EPOCH);
	/* the next epoch may have begun with the last sample of the one before */
	assert_int_equal(c[2].outer.start_ns, MS(120));
	assert_int_equal(c[2].outer.end_ns, MS(161));
	assert_int_equal(c[2].end, CLAIM_RECORD);
}

/* 20 ms between samples: a probe gap is 150 ms. */
static void errors_for_longer_than_a_gap_split_a_claim(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;
	const struct claim *c;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 100, 1, 5);
	ev__roles(&e, "n1", 100, 200, -1, -1);
	ev__roles(&e, "n1", 200, 300, 1, 5); /* 80 .. 201: no gap */
	ev__roles(&e, "n1", 300, 500, -1, -1);
	ev__roles(&e, "n1", 500, 600, 1, 5); /* 280 .. 501: a gap */
	ev__roles(&e, "n2", 0, 600, 0, -1);
	ev__phase(&e, 600, "final");
	make(&e, &m);
	c = m.a.claims[0].v;
	assert_int_equal(m.a.claims[0].n, 2);
	assert_int_equal(c[0].inner.end_ns, MS(280));
	assert_int_equal(c[0].outer.end_ns, MS(501));
	assert_int_equal(c[0].end, CLAIM_UNSEEN);
	assert_int_equal(c[1].inner.start_ns, MS(501));
	assert_int_equal(c[1].outer.start_ns, MS(280));
	assert_int_equal(m.a.claims[0].n_unseen, 1);
	assert_int_equal(m.a.claims[0].unseen[0].from_ns, MS(280));
	assert_int_equal(m.a.claims[0].unseen[0].to_ns, MS(501));
}

static void a_node_that_never_answers_is_unseen_throughout(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 1000, -1, -1);
	ev__phase(&e, 1000, "final");
	make(&e, &m);
	assert_int_equal(m.a.claims[0].n_unseen, 2);
	assert_false(m.a.claims[0].sampled);
	assert_int_equal(m.a.claims[0].unseen[0].to_ns, MS(1000));
	assert_int_equal(m.a.split.level, -1);
}

static void must_and_may(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;
	const struct split_resource *s;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 500, 1, 5);
	ev__roles(&e, "n1", 500, 1000, 0, 6);
	ev__roles(&e, "n2", 0, 300, 0, 5);
	ev__roles(&e, "n2", 300, 1000, 1, 6);
	ev__phase(&e, 1000, "final");
	make(&e, &m);
	s = &m.a.split.v[0];
	/* n1: certain to 480, possible to 501; n2: certain from 301, possible from 280 */
	assert_int_equal(s->must_ns, MS(480 - 301));
	assert_int_equal(s->may_ns, MS(501 - 280));
	assert_int_equal(s->level, 1);
	assert_int_equal(s->same_epoch, 0);
	assert_int_equal(s->outlived_ns, HISTORY_NONE);
	assert_int_equal(s->n_nodes, 2);
}

static void a_clean_failover_is_l0(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 500, 1, 5);
	ev__roles(&e, "n1", 500, 1000, 0, 6);
	ev__roles(&e, "n2", 10, 500, 0, 5);
	ev__roles(&e, "n2", 510, 1000, 1, 6);
	ev__phase(&e, 1000, "final");
	make(&e, &m);
	assert_int_equal(m.a.split.level, 0);
	assert_int_equal(m.a.split.v[0].must_ns, 0);
	assert_true(m.a.split.v[0].may_ns > 0);
}

static void two_leaders_in_one_epoch(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;
	_cleanup_json_ json_t *j = NULL;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 500, 1, 5);
	ev__roles(&e, "n2", 0, 300, 0, 5);
	ev__roles(&e, "n2", 300, 500, 1, 5);
	ev__phase(&e, 500, "final");
	make(&e, &m);
	assert_int_equal(m.a.split.v[0].same_epoch, 1);
	j = summary__split(&m.a, &m.a.split);
	assert_true(json_is_true(at(j, "resources.0.same_epoch")));
}

static void one_epoch_handed_over_is_not_shared(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 500, 1, 5);
	ev__roles(&e, "n1", 500, 1500, 0, 5);
	ev__roles(&e, "n2", 0, 1000, 0, 5);
	ev__roles(&e, "n2", 1000, 1500, 1, 5);
	make(&e, &m);
	assert_int_equal(m.a.split.v[0].same_epoch, 0);
}

static void no_epochs_no_same_epoch(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 500, 1, -1);
	ev__roles(&e, "n2", 0, 500, 1, -1);
	make(&e, &m);
	assert_int_equal(m.a.split.v[0].same_epoch, -1);
}

static void a_sentinel_never_claims(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;
	_cleanup_json_ json_t *j = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e,
		(struct run){
			.resources =
				"{\"resource\":\"db\",\"system\":\"sentinel\",\"nodes\":[\"n1\","
				"\"n2\"],\"every_ns\":20000000}"});
	ev__roles(&e, "n1", 0, 500, 1, 1);
	ev__roles(&e, "n2", 0, 500, 1, 1);
	make(&e, &m);
	assert_int_equal(m.a.split.level, -1);
	j = summary__split(&m.a, &m.a.split);
	assert_int_equal(json_array_size(at(j, "resources")), 1);
	assert_int_equal(json_array_size(at(j, "resources.0.claims")), 0);
	assert_null_at(j, "resources.0.must_overlap_s");
	assert_null_at(j, "level");
}

/* Both claim from 12 s to 18 s, n1 on one side, n2 and n3 on the other. Cut 10 .. 20 s. */
static void both_claim(struct events *e, int64_t until_ms)
{
	start(e);
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
	ev__roles(e, "n1", 0, until_ms, 1, 1);
	ev__roles(e, "n1", until_ms, 30000, 0, 2);
	ev__roles(e, "n2", 0, 12000, 0, 1);
	ev__roles(e, "n2", 12000, 30000, 1, 2);
}

static int level(struct events *e)
{
	_cleanup_made_ struct made m;

	ev__phase(e, 30000, "final");
	ev__end(e, 31000, "complete", 0);
	make(e, &m);
	return m.a.split.level;
}

static void every_level(void **state)
{
	struct events e;

	(void)state;
	/* L1: only the majority serves */
	both_claim(&e, 18000);
	ev__add(&e, "n1", 1, 9000, 9010, "ok");
	ev__add(&e, "n1", 2, 13000, 14000, "unknown");
	ev__add(&e, "n3", 3, 13000, 13010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[1,3]");
	ev__final(&e, "n2", 1, 30100, true, "[1,3]");
	assert_int_equal(level(&e), 1);

	/* L1: the other side acknowledged before the overlap, and began before it */
	both_claim(&e, 18000);
	ev__add(&e, "n1", 1, 11000, 11010, "ok");
	ev__add(&e, "n1", 2, 11990, 12500, "ok");
	ev__add(&e, "n3", 3, 13000, 13010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[1,3]");
	ev__final(&e, "n2", 1, 30100, true, "[1,3]");
	assert_int_equal(level(&e), 1);

	/* L1: nor what went on when it was over */
	both_claim(&e, 18000);
	ev__add(&e, "n1", 2, 17900, 18500, "ok");
	ev__add(&e, "n3", 3, 13000, 13010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[1,3]");
	ev__final(&e, "n2", 1, 30100, true, "[1,3]");
	assert_int_equal(level(&e), 1);

	/* L2: a stale read on the old side */
	both_claim(&e, 18000);
	ev__add(&e, "n2", 1, 13000, 13010, "ok");
	ev__read(&e, "n1", 1, 14000, 14010, "ok", false);
	ev__final(&e, "n1", 1, 30100, true, "[1,1]");
	ev__final(&e, "n2", 1, 30100, true, "[1,1]");
	assert_int_equal(level(&e), 2);

	/* the same read after the overlap is stale, and no L2 */
	both_claim(&e, 18000);
	ev__add(&e, "n2", 1, 13000, 13010, "ok");
	ev__read(&e, "n1", 1, 19000, 19010, "ok", false);
	ev__final(&e, "n1", 1, 30100, true, "[1,1]");
	ev__final(&e, "n2", 1, 30100, true, "[1,1]");
	assert_int_equal(level(&e), 1);

	/* L3: both accept; n3's client is served by the claimant on its side */
	both_claim(&e, 18000);
	ev__add(&e, "n1", 1, 13000, 13010, "ok");
	ev__add(&e, "n3", 2, 14000, 14010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[1,2]");
	ev__final(&e, "n2", 1, 30100, true, "[1,2]");
	assert_int_equal(level(&e), 3);

	/* L4: lost */
	both_claim(&e, 18000);
	ev__add(&e, "n1", 1, 13000, 13010, "ok");
	ev__add(&e, "n3", 2, 14000, 14010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[2,2]");
	ev__final(&e, "n2", 1, 30100, true, "[2,2]");
	assert_int_equal(level(&e), 4);

	/* L4: diverged */
	both_claim(&e, 18000);
	ev__add(&e, "n3", 2, 14000, 14010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "[1,2]");
	ev__final(&e, "n2", 1, 30100, true, "[2,2]");
	assert_int_equal(level(&e), 4);

	/* lost without an overlap is no split brain */
	both_claim(&e, 11000);
	ev__add(&e, "n3", 2, 14000, 14010, "ok");
	ev__final(&e, "n1", 1, 30100, true, "");
	ev__final(&e, "n2", 1, 30100, true, "");
	assert_int_equal(level(&e), 0);

	/* L5: more than a second after the heal; not one second */
	both_claim(&e, 21100);
	assert_int_equal(level(&e), 5);
	both_claim(&e, 21000);
	assert_int_equal(level(&e), 1);
}

static void it_outlives_the_last_heal(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	both_claim(&e, 23000);
	ev__phase(&e, 30000, "final");
	make(&e, &m);
	/* the last positive sample was sent at 22.98 s */
	assert_int_equal(m.a.split.v[0].outlived_ns, MS(2980));
	assert_int_equal(m.a.split.v[0].must_ns, MS(22980 - 12001));
}

static void unwatched_time_may_hide_the_worst(void **state)
{
	struct events e;
	_cleanup_made_ struct made m;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 0, 12000, 0, 1);
	ev__roles(&e, "n1", 16000, 30000, 0, 1);
	ev__roles(&e, "n2", 0, 30000, 1, 1);
	ev__phase(&e, 30000, "final");
	make(&e, &m);
	assert_int_equal(m.a.split.level, 0);
	assert_int_equal(m.a.worst.level, 1);
	assert_int_equal(m.a.worst.v[0].must_ns, MS(16001 - 11980));
	assert_int_equal(m.a.worst.v[0].same_epoch, 1);
}

/* ---- the sweep against counting every instant ---- */

static void sweep_as_brute_force(void **state)
{
	enum { T = 60, NODES = 4 };
	struct rng r = {.state = 1};

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t n = rng__below(&r, 12), n_w = 0;
		struct span v[12];
		bool on[NODES][T] = {{false}};
		_cleanup_free_ struct history_window *w = NULL;
		int64_t expected = 0;
		bool both[T + 1] = {false};

		for (size_t i = 0; i < n; i++) {
			v[i] = (struct span){(int)rng__below(&r, NODES), (int64_t)rng__below(&r, T),
					     (int64_t)rng__below(&r, T)};
			for (int64_t t = v[i].from_ns; t < v[i].to_ns; t++)
				on[v[i].node][t] = true;
		}
		for (int t = 0; t < T; t++) {
			both[t] = on[0][t] + on[1][t] + on[2][t] + on[3][t] >= 2;
			expected += both[t];
		}
		assert_int_equal(overlap__sweep(v, n, NODES, &w, &n_w), 0);
		assert_int_equal(overlap__measure(w, n_w), expected);
		for (size_t i = 0; i < n_w; i++) {
			assert_true(w[i].start_ns < w[i].end_ns);
			assert_true(!i || w[i - 1].end_ns < w[i].start_ns);
			for (int64_t t = w[i].start_ns; t < w[i].end_ns; t++)
				assert_true(both[t]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_between_its_samples),
		cmocka_unit_test(errors_for_longer_than_a_gap_split_a_claim),
		cmocka_unit_test(a_node_that_never_answers_is_unseen_throughout),
		cmocka_unit_test(must_and_may),
		cmocka_unit_test(a_clean_failover_is_l0),
		cmocka_unit_test(two_leaders_in_one_epoch),
		cmocka_unit_test(one_epoch_handed_over_is_not_shared),
		cmocka_unit_test(no_epochs_no_same_epoch),
		cmocka_unit_test(a_sentinel_never_claims),
		cmocka_unit_test(every_level),
		cmocka_unit_test(it_outlives_the_last_heal),
		cmocka_unit_test(unwatched_time_may_hide_the_worst),
		cmocka_unit_test(sweep_as_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
