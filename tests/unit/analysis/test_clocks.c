// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_clocks.c: what is certain of several hosts, each by its own clock, is true by the clock that none of them
 * has; and what one host saw by its own clock stays certain.
 */
#include "unit/analysis/events.h"

#include "lib/rng.h"

enum { T = 1200, NODES = 3, HOSTS = 2, OPS = 60, ERROR_MAX = 120 };

/* Of one round, in true milliseconds. */
struct truth {
	int skew[HOSTS], epsilon[HOSTS], host_of[NODES];
	int epoch[NODES][T]; /* that it claims; -1: none */
	int overlap, shared, on_one_host;
	bool two[T]; /* or more claim */
	bool acked_by[NODES];
};

static int below(struct rng *r, int n)
{
	return (int)rng__below(r, (uint64_t)n);
}

static void imagine(struct truth *w, struct rng *r)
{
	bool rude = below(r, 2);

	*w = (struct truth){0};
	for (int i = 0; i < HOSTS; i++) {
		w->epsilon[i] = 1 + below(r, ERROR_MAX);
		w->skew[i] = below(r, 2 * w->epsilon[i] + 1) - w->epsilon[i];
	}
	for (int n = 0; n < NODES; n++)
		w->host_of[n] = below(r, HOSTS);
	memset(w->epoch, -1, sizeof(w->epoch));
	/* one after the other; now and then the next does not wait */
	for (int t = 0; t < T;) {
		int node = below(r, NODES), epoch = 1 + below(r, 2),
		    n = 30 + below(r, below(r, 2) ? 20 : 400);

		for (int i = t; i < T && i < t + n; i++)
			w->epoch[node][i] = epoch;
		t += !rude || below(r, 4) ? n + below(r, 20) : below(r, n);
	}
	for (int t = 0; t < T; t++)
		for (int a = 0; a < NODES; a++)
			for (int b = a + 1; b < NODES; b++) {
				if (w->epoch[a][t] < 0 || w->epoch[b][t] < 0)
					continue;
				w->overlap += !w->two[t];
				w->two[t] = true;
				w->shared += w->epoch[a][t] == w->epoch[b][t];
				w->on_one_host += w->host_of[a] == w->host_of[b];
			}
}

static const char *const host_names[] = {"a", "b"};

/* Sent and answered at once, at @t of the clock of @host. @epoch -1: it follows. */
static void sample(struct events *e, int host, int node, int t, int epoch)
{
	ev__line(e,
		 "{\"t_ns\":%d" MS_JSON ",\"type\":\"role\",\"resource\":\"db\",\"node\":\"n%d\","
		 "\"host\":\"%s\",\"send_ns\":%d" MS_JSON ",\"recv_ns\":%d" MS_JSON
		 ",\"role\":\"%s\",\"claim\":%s,\"epoch\":%d,\"leader\":null}",
		 t, node + 1, host_names[host], t, t, epoch < 0 ? "follower" : "leader",
		 epoch < 0 ? "false" : "true", epoch < 0 ? 0 : epoch);
}

static void acked(struct events *e, int host, int node, int value, int from, int to)
{
	ev__line(e,
		 "{\"t_ns\":%d" MS_JSON ",\"type\":\"op\",\"workload\":\"set\",\"client\":0,"
		 "\"node\":\"n%d\",\"host\":\"%s\",\"op\":\"add\",\"value\":%d,"
		 "\"intended_ns\":%d" MS_JSON ",\"invoke_ns\":%d" MS_JSON
		 ",\"return_ns\":%d" MS_JSON ",\"outcome\":\"ok\",\"error\":null}",
		 to, node + 1, host_names[host], value, from, from, to);
}

static void begin(struct events *e, const int epsilon_ms[HOSTS])
{
	char cluster[256];

	snprintf(cluster, sizeof(cluster),
		 ",\"cluster\":{\"nodes\":[{\"node\":\"a\",\"clock_epsilon_ns\":%d" MS_JSON
		 "},{\"node\":\"b\",\"clock_epsilon_ns\":%d" MS_JSON "}]}",
		 epsilon_ms[0], epsilon_ms[1]);
	ev__open(e);
	ev__run(e, (struct run){.more = cluster});
}

/* Writes that are acknowledged, by clients of either host. */
static void writes(struct events *e, struct truth *w, struct rng *r)
{
	for (int i = 0; i < OPS; i++) {
		int node = below(r, NODES), host = below(r, HOSTS), skew = 1000 + w->skew[host];
		int from = below(r, T - 20), to = from + 2 + below(r, 16);
		bool within = true;

		for (int t = from; t <= to; t++)
			within &= w->two[t] && w->epoch[node][t] >= 0;
		w->acked_by[node] |= within;
		acked(e, host, node, i, from + skew, to + skew);
	}
}

static void write_down(struct events *e, struct truth *w, struct rng *r)
{
	begin(e, w->epsilon);
	for (int n = 0; n < NODES; n++)
		for (int t = 3 * n; t < T; t += 20)
			sample(e, w->host_of[n], n, t + 1000 + w->skew[w->host_of[n]],
			       w->epoch[n][t]);
	writes(e, w, r);
}

static void check(const struct truth *w, const struct split_resource *s, int round)
{
	int acked = 0;

	for (int n = 0; n < NODES; n++)
		acked += w->acked_by[n];
	if (s->same_epoch == 1 && !w->shared)
		fail_msg("round %d: two in one epoch, and there were none", round);
	if (s->must_ns && !w->overlap)
		fail_msg("round %d: %.0f ms of two leaders, and there were none", round,
			 (double)s->must_ns / NS_PER_MS);
	if (s->level >= 3 && acked < 2)
		fail_msg("round %d: two sides acknowledged, and %d did", round, acked);
	/* before the first sample and after the last nothing is known */
	if (s->may_ns < (int64_t)(w->overlap - 60) * NS_PER_MS)
		fail_msg("round %d: at most %.0f ms, and there were %d", round,
			 (double)s->may_ns / NS_PER_MS, w->overlap);
	if (!s->must_ns && w->on_one_host > 500)
		fail_msg("round %d: one host saw %d ms of two leaders", round, w->on_one_host);
}

static void what_is_certain_is_true(void **state)
{
	struct rng r = rng__fork(3, 0);
	int found = 0, shared = 0, served = 0;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct truth w;
		struct events e;
		_cleanup_made_ struct made m;

		imagine(&w, &r);
		write_down(&e, &w, &r);
		make(&e, &m);
		check(&w, &m.a.split.v[0], round);
		found += m.a.split.v[0].must_ns > 0;
		shared += m.a.split.v[0].same_epoch == 1;
		served += m.a.split.level >= 3;
	}
	/* it looked at something */
	assert_true(found > 100 && shared > 10 && served > 10);
}

/* Both are watched from a, by its own clock; what b served meanwhile is, beyond the errors of both. */
static void served_by_another_host(void **state)
{
	static const int epsilon[HOSTS] = {100, 100};

	(void)state;
	for (int sure = 0; sure < 2; sure++) {
		struct events e;
		_cleanup_made_ struct made m;

		begin(&e, epsilon);
		for (int t = 20; t < 5000; t += 20)
			for (int n = 0; n < 2; n++)
				sample(&e, 0, n, t, t >= 2000 && t < 4000 ? n + 1 : -1);
		acked(&e, 1, 0, 1, 3000, 3010);
		acked(&e, 1, 1, 2, sure ? 2200 : 2190, 2210);
		make(&e, &m);
		assert_int_equal(m.a.split.v[0].must_ns, 1980 * NS_PER_MS);
		assert_int_equal(m.a.split.level, sure ? 3 : 1);
	}
}

/* One that moved is asked by another clock: its claim may have lasted until the latest that may have been. */
static void a_claim_ends_at_another_host(void **state)
{
	static const int epsilon[HOSTS] = {100, 100};
	struct events e;
	_cleanup_made_ struct made m;
	const struct claim *c;

	(void)state;
	begin(&e, epsilon);
	sample(&e, 0, 0, 980, -1);
	sample(&e, 0, 0, 1000, 1);
	sample(&e, 0, 0, 1020, 1);
	sample(&e, 1, 0, 1040, -1);
	sample(&e, 1, 0, 1060, 1);
	make(&e, &m);
	assert_int_equal(m.a.claims[0].n, 2);
	c = m.a.claims[0].v;
	/* the other half of what both may be off is split.c's, as it is of the claim's own clock */
	assert_int_equal(c[0].outer.start_ns, 980 * NS_PER_MS);
	assert_int_equal(c[0].outer.end_ns, (1040 + 100) * NS_PER_MS);
	assert_int_equal(c[1].outer.start_ns, 1040 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_certain_is_true),
		cmocka_unit_test(served_by_another_host),
		cmocka_unit_test(a_claim_ends_at_another_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
