// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters that move: each at 0, 1/4, 1/2 and the end of the ramp, up and down. The run is as old as
 * the machine, and the ramp as long as puts it at that place; what moves in the meantime bounds the
 * error, beside 4 standard errors of a share.
 */
#include "model.h"

#include <math.h>

enum { MS = 1000000, TRIES = 3000 };

static const double PLACES[] = {0, 0.25, 0.5, 1};
static struct model_tables tables;

/* t0 is 1 ns. */
static double ramp_at(const struct chaos_rule *r, uint64_t clock_ns)
{
	double done = r->ramp_step_ns ? floor((double)(clock_ns - 1) / (double)r->ramp_step_ns) : 0;

	return fmin(done, 65536) / 65536;
}

static void set_place(struct chaos_rule *r, double place)
{
	r->ramp_step_ns = place == 0 ? UINT64_MAX
				     : (uint64_t)((double)now_ns() / (65536 * place)) + (place < 1);
	if (place == 1)
		r->ramp_step_ns /= 2; /* and it stays there */
}

static double value_at(const struct chaos_param *p, double progress)
{
	return (double)p->from + ((double)p->to - (double)p->from) * progress;
}

static void open_rule(struct bench *b, const struct chaos_rule *rule)
{
	bench__open_usual(b);
	bench__fault(b, rule);
}

static struct frame packet(size_t length)
{
	struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK);

	f.data[f.l3 + 1] = 2; /* ECT(0) */
	frame__payload(&f, length - (f.len - f.l3));
	frame__finish(&f);
	return f;
}

/* @got is what the parameter was between two instants, give or take @error. */
static void assert_between(const struct chaos_rule *r, const struct chaos_param *p, double got,
			   uint64_t before, double scale, double error)
{
	double a = value_at(p, ramp_at(r, before)) * scale,
	       z = value_at(p, ramp_at(r, now_ns())) * scale;

	if (got < fmin(a, z) - error || got > fmax(a, z) + error)
		fail_msg("%g is not in %g ... %g +- %g", got, a, z, error);
}

static void test_latency(void **state)
{
	struct frame f = packet(100);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct chaos_rule r = {.actions = CHAOS_ACT_DELAY};
		struct chaos_param up = {10 * MS, 1000 * MS}, down = {1000 * MS, 10 * MS};
		_bench_ struct bench b;
		uint64_t before;
		int64_t got;

		r.delay.latency_ns = i & 1 ? up : down;
		set_place(&r, PLACES[i / 2]);
		open_rule(&b, &r);
		before = now_ns();
		got = model__delay(&b, &f);
		assert_between(&r, &r.delay.latency_ns, (double)got, before, 1, 1);
	}
}

static void test_jitter(void **state)
{
	struct frame f = packet(100);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct chaos_rule r = {.actions = CHAOS_ACT_DELAY, .seed = 9};
		_bench_ struct bench b;

		r.delay.latency_ns = still(1000 * MS);
		r.delay.jitter_ns = (struct chaos_param){0, 50 * MS};
		r.delay.table_len = CHAOS_TABLE_LEN;
		bench__open_usual(&b);
		model__load(&b, &tables);
		set_place(&r, PLACES[i]);
		bench__fault(&b, &r);
		for (uint64_t k = 0; k < 100; k++) {
			uint32_t u = model__draw(r.seed, k, DRAW_DELAY);
			double scale = tables.normal[u >> 20] / 8192.0;
			uint64_t before = now_ns();
			int64_t got = model__delay(&b, &f) - 1000 * (int64_t)MS;

			assert_between(&r, &r.delay.jitter_ns, (double)got, before, scale,
				       2 + fabs(scale));
		}
	}
}

static void test_rate(void **state)
{
	struct frame f = packet(986);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct chaos_rule r = {.actions = CHAOS_ACT_RATE};
		struct chaos_param up = {100000, 1000000}, down = {1000000, 100000};
		_bench_ struct bench b;
		uint64_t before;
		int64_t got;

		r.rate.bytes_per_s = i & 1 ? up : down;
		set_place(&r, PLACES[i / 2]);
		open_rule(&b, &r);
		before = now_ns();
		got = model__delay(&b, &f);
		/* The parameter is the speed, the reciprocal of a packet's time. */
		assert_between(&r, &r.rate.bytes_per_s, 1000e9 / (double)got, before, 1, 1);
	}
}

static void test_mtu(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct chaos_rule r = {.actions = CHAOS_ACT_MTU, .mtu = {1500, 500}};
		size_t longest = 0;
		_bench_ struct bench b;
		uint64_t before;

		set_place(&r, PLACES[i]);
		open_rule(&b, &r);
		before = now_ns();
		for (size_t length = 400; length <= 1600; length += 4) {
			struct frame f = packet(length);

			if (!bench__lost(&b, &f))
				longest = length;
		}
		assert_between(&r, &r.mtu, (double)longest, before, 1, 4);
	}
}

/* Everything that happens with a probability. */
static void test_probabilities(void **state)
{
	static const struct {
		enum chaos_action action;
		size_t p;     /* offset of the struct chaos_param in the rule */
		size_t count; /* of the counter in struct chaos_edge_counts */
	} cases[] = {
#define CASE(action, param, counter) \
	{action, offsetof(struct chaos_rule, param), offsetof(struct chaos_edge_counts, counter)}
		CASE(CHAOS_ACT_DUPLICATE, duplicate.p, duplicated),
		CASE(CHAOS_ACT_RESET, reset.p, reset),
		CASE(CHAOS_ACT_REJECT, reject.p, rejected),
		CASE(CHAOS_ACT_LOSS, loss.chance.p, dropped),
		CASE(CHAOS_ACT_CORRUPT, corrupt.p, corrupted),
		CASE(CHAOS_ACT_ECN, ecn.p, marked),
		CASE(CHAOS_ACT_DELAY, delay.overtake.p, reordered),
#undef CASE
	};
	struct frame f = packet(100);

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		for (size_t i = 0; i < 4; i++) {
			struct chaos_rule r = {.actions = cases[c].action, .seed = 77 + c};
			struct chaos_param *p = (void *)((char *)&r + cases[c].p);
			struct chaos_edge_counts counts;
			_bench_ struct bench b;
			uint64_t before, n;
			double share;

			*p = (struct chaos_param){ALWAYS / 10, ALWAYS * 9 / 10};
			r.delay.latency_ns = still(MS);
			r.delay.flags = CHAOS_DELAY_REORDER;
			set_place(&r, PLACES[i]);
			open_rule(&b, &r);
			before = now_ns();
			for (int k = 0; k < TRIES; k++)
				bench__lost(&b, &f);
			counts = bench__edge(&b, 0, NODE_A, NODE_B);
			memcpy(&n, (char *)&counts + cases[c].count, sizeof(n));
			share = (double)n / TRIES;
			assert_between(&r, p, share, before, 0x1p-32,
				       4 * sqrt(share * (1 - share) / TRIES));
		}
}

/* A chain's moves and losses: from one that never leaves its lossless state to one that always is in
 * the other. */
static void test_chain(void **state)
{
	struct frame f = packet(100);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct chaos_rule r = {.actions = CHAOS_ACT_LOSS, .seed = 5};
		struct chaos_loss *l = &r.loss;
		double lost = 0, share;
		_bench_ struct bench b;
		uint64_t before;

		l->n_states = 2;
		/* To state 0 with 1 ... 0, from either; in state 1 half is lost. */
		for (size_t s = 0; s < 2; s++)
			for (size_t j = 0; j < CHAOS_LOSS_STATES - 1; j++)
				l->move[s][j] = j ? still(0x1p32) : (struct chaos_param){ALWAYS, 0};
		l->lost[1] = still(0x1p31);
		set_place(&r, PLACES[i]);
		open_rule(&b, &r);
		before = now_ns();
		for (int k = 0; k < TRIES; k++)
			lost += bench__lost(&b, &f);
		share = 1 - 2 * lost / TRIES;
		assert_between(&r, &l->move[0][0], share, before, 0x1p-32,
			       4 * 2 * sqrt(lost / TRIES * (1 - lost / TRIES) / TRIES));
	}
}

/* Time counts from the start of the window, and a new window starts anew. */
static void test_of_each_window(void **state)
{
	struct chaos_rule r = {.actions = CHAOS_ACT_DELAY};
	struct frame f = packet(100);
	uint64_t start;
	_bench_ struct bench b;

	(void)state;
	r.delay.latency_ns = (struct chaos_param){0, 65536000};
	r.ramp_step_ns = 100000; /* 6.5 s in all: a microsecond more latency for 100 of time */
	open_rule(&b, &r);
	for (unsigned int i = 0; i < 2; i++) {
		int64_t got;

		start = now_ns() - 1; /* run time, t0 being 1 */
		bench__window(&b, 0, i, start, FOREVER);
		bench__window(&b, 0, i ^ 1, 0, 0);
		got = model__delay(&b, &f);
		assert_true(got <= (int64_t)(now_ns() - start) / 100);
		while (now_ns() - start < 20 * MS)
			;
		got = model__delay(&b, &f);
		assert_true(got >= 199000);
		assert_true(got <= (int64_t)(now_ns() - start) / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_latency),	       bpf_test(test_jitter),
		bpf_test(test_rate),	       bpf_test(test_mtu),
		bpf_test(test_probabilities),  bpf_test(test_chain),
		bpf_test(test_of_each_window),
	};

	return harness__main("ramp", tests, sizeof(tests) / sizeof(tests[0]));
}
