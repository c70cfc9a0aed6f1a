// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same seed and traffic give the same decisions, of every fault, bit for bit; another seed gives others;
 * what passes on other edges, and when, changes nothing.
 */
#include "model.h"

enum { PACKETS = 300, MS = 1000000 };

/* What was decided for one packet. */
struct fate {
	bool lost, changed;
	int64_t delay_ns;
	struct frame out;
};

static struct fate fates[3][PACKETS];
static struct model_tables tables;

static const struct {
	const char *name;
	struct chaos_rule rule;
} FAULTS[] = {
	{"loss", {.actions = CHAOS_ACT_LOSS, .loss = {.chance = {{1u << 31, 1u << 31}}}}},
	{"correlated loss",
	 {.actions = CHAOS_ACT_LOSS, .loss = {.chance = {{1u << 31, 1u << 31}, 1u << 30}}}},
	{"chain",
	 {.actions = CHAOS_ACT_LOSS,
	  .loss = {.n_states = 2,
		   .move = {{{1u << 30, 1u << 30}, {1ULL << 32, 1ULL << 32}},
			    {{1u << 31, 1u << 31}, {1ULL << 32, 1ULL << 32}}},
		   .lost = {{0, 0}, {1u << 31, 1u << 31}}}}},
	{"duplicate", {.actions = CHAOS_ACT_DUPLICATE, .duplicate = {{1u << 31, 1u << 31}}}},
	{"corrupt", {.actions = CHAOS_ACT_CORRUPT, .corrupt = {{1u << 31, 1u << 31}}}},
	{"silent",
	 {.actions = CHAOS_ACT_CORRUPT,
	  .effects = CHAOS_CORRUPT_SILENT,
	  .corrupt = {{1u << 31, 1u << 31}}}},
	{"ecn", {.actions = CHAOS_ACT_ECN, .ecn = {{1u << 31, 1u << 31}}}},
	{"reset",
	 {.actions = CHAOS_ACT_RESET,
	  .effects = CHAOS_RESET_SENDER,
	  .reset = {{1u << 31, 1u << 31}}}},
	{"reject", {.actions = CHAOS_ACT_REJECT, .reject = {{1u << 31, 1u << 31}}}},
	{"uniform jitter",
	 {.actions = CHAOS_ACT_DELAY,
	  .delay = {.latency_ns = {50 * MS, 50 * MS}, .jitter_ns = {9 * MS, 9 * MS}}}},
	{"correlated normal jitter",
	 {.actions = CHAOS_ACT_DELAY,
	  .delay = {.latency_ns = {50 * MS, 50 * MS},
		    .jitter_ns = {9 * MS, 9 * MS},
		    .table_len = CHAOS_TABLE_LEN,
		    .correlation = 39322,
		    .innovation = 52429}}},
	{"reorder",
	 {.actions = CHAOS_ACT_DELAY,
	  .delay = {.latency_ns = {50 * MS, 50 * MS},
		    .flags = CHAOS_DELAY_REORDER,
		    .gap = 2,
		    .overtake = {{1u << 31, 1u << 31}}}}},
};
enum { N_FAULTS = sizeof(FAULTS) / sizeof(FAULTS[0]) };

static struct frame packet(const char *src)
{
	struct frame f = tcp_frame(src, 1000, "10.0.0.2", 80, TCP_ACK);

	f.data[f.l3 + 1] = 2; /* ECT(0) */
	frame__payload(&f, 40);
	frame__finish(&f);
	return f;
}

static struct fate decide(struct bench *b, const struct frame *f)
{
	struct fate fate;
	struct decided d = model__decide(b, f, &fate.delay_ns);

	fate.lost = d.lost;
	fate.out = d.out;
	fate.changed = d.out.len != f->len || memcmp(d.out.data, f->data, f->len);
	return fate;
}

/* Packets from a to b under the rule; with @others, packets of another edge of it in between, of which
 * there are now more, now less. */
static void run(const struct chaos_rule *rule, uint64_t seed, bool others, struct fate *ret,
		struct fate *ret_others)
{
	struct frame f = packet("10.0.0.1"), other = packet("10.0.0.3");
	struct chaos_rule r = *rule;
	struct chaos_pair pair = {.n_rules = 1};
	size_t n = 0;
	_bench_ struct bench b;

	r.seed = seed;
	bench__open_usual(&b);
	/* The next bench has the same tables. */
	if (!tables.phi[0])
		model__load(&b, &tables);
	pair.rule[0] = bench__fault(&b, &r);
	bench__pair(&b, CLASS_C, CLASS_B, b.port, &pair);
	for (size_t i = 0; i < PACKETS; i++) {
		ret[i] = decide(&b, &f);
		for (size_t k = 0; others && k < i % 4 && n < PACKETS; k++, n++)
			ret_others[n] = decide(&b, &other);
	}
}

/* Of how many packets the decisions agree; @bits: and all that came out. */
static size_t equal(const struct fate *a, const struct fate *b, bool bits)
{
	size_t n = 0;

	for (size_t i = 0; i < PACKETS; i++)
		n += a[i].lost == b[i].lost && a[i].delay_ns == b[i].delay_ns &&
		     a[i].changed == b[i].changed &&
		     (!bits || (a[i].out.len == b[i].out.len &&
				!memcmp(a[i].out.data, b[i].out.data, a[i].out.len)));
	return n;
}

/* Of independent decisions half agree, or 58 % (the chain), of delays none: 3/4 is 6 standard errors away. A
 * duplicate leaves beside its packet: test_duplicates(). */
static void assert_others(const struct chaos_rule *r, const struct fate *a, const struct fate *b)
{
	if (r->actions != CHAOS_ACT_DUPLICATE)
		assert_true(equal(a, b, false) < PACKETS * 3 / 4);
}

static void test_same_seed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FAULTS; i++) {
		print_message("# %s\n", FAULTS[i].name);
		run(&FAULTS[i].rule, 42, false, fates[0], NULL);
		run(&FAULTS[i].rule, 42, false, fates[1], NULL);
		assert_int_equal(equal(fates[0], fates[1], true), PACKETS);
		run(&FAULTS[i].rule, 43, false, fates[2], NULL);
		assert_others(&FAULTS[i].rule, fates[0], fates[2]);
	}
}

static void test_other_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FAULTS; i++) {
		print_message("# %s\n", FAULTS[i].name);
		run(&FAULTS[i].rule, 42, false, fates[0], NULL);
		run(&FAULTS[i].rule, 42, true, fates[1], fates[2]);
		assert_int_equal(equal(fates[0], fates[1], true), PACKETS);
		/* And the other edge has draws of its own. */
		assert_others(&FAULTS[i].rule, fates[0], fates[2]);
	}
}

/* Duplicates come out beside the packet: whose they are is seen by the counter. */
static void test_duplicates(void **state)
{
	struct chaos_rule r = FAULTS[3].rule;
	struct frame f = packet("10.0.0.1");
	bool copied[2][PACKETS];

	(void)state;
	assert_int_equal(r.actions, CHAOS_ACT_DUPLICATE);
	for (int i = 0; i < 2; i++) {
		uint64_t before = 0;
		_bench_ struct bench b;

		r.seed = 7;
		bench__open_usual(&b);
		bench__fault(&b, &r);
		for (size_t k = 0; k < PACKETS; k++) {
			uint64_t after;

			bench__decide(&b, &f);
			after = bench__edge(&b, 0, NODE_A, NODE_B).duplicated;
			copied[i][k] = after != before;
			before = after;
			assert_int_equal(copied[i][k],
					 model__draw(7, k, DRAW_DUPLICATE) < 1u << 31);
		}
	}
	assert_memory_equal(copied[0], copied[1], sizeof(copied[0]));
}

/* Faults of one rule do not share their draws: what one does says nothing of the other. */
static void test_purposes_are_independent(void **state)
{
	struct chaos_rule r = {.actions = CHAOS_ACT_CORRUPT | CHAOS_ACT_ECN | CHAOS_ACT_DELAY,
			       .seed = 11,
			       .corrupt = chance_of(0.5),
			       .ecn = chance_of(0.5),
			       .effects = CHAOS_CORRUPT_SILENT};
	struct frame f = packet("10.0.0.1");
	double both = 0, ahead = 0;
	enum { MANY = 4000 };
	_bench_ struct bench b;

	(void)state;
	r.delay.latency_ns = still(MS);
	r.delay.flags = CHAOS_DELAY_REORDER;
	r.delay.overtake = chance_of(0.5);
	bench__open_usual(&b);
	bench__fault(&b, &r);
	for (int i = 0; i < MANY; i++) {
		struct fate fate = decide(&b, &f);
		bool marked = (fate.out.data[f.l3 + 1] & 3) == 3,
		     corrupt = !!memcmp(fate.out.data + f.l4, f.data + f.l4, f.len - f.l4);

		both += marked && corrupt;
		ahead += marked && !fate.delay_ns;
	}
	assert_share("marked and corrupted", both, 0.25, MANY);
	assert_share("marked and ahead", ahead, 0.25, MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_same_seed),
		bpf_test(test_other_edges),
		bpf_test(test_duplicates),
		bpf_test(test_purposes_are_independent),
	};

	return harness__main("reproducible", tests, sizeof(tests) / sizeof(tests[0]));
}
