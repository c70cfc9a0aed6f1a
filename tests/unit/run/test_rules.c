// SPDX-License-Identifier: GPL-2.0-only
/* test_rules.c: each fault of an experiment as the rule that the packet path evaluates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/chain.h"
#include "lib/dist.h"
#include "run/rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t ONE = 1ULL << 32;

/* As the parser leaves it where nothing was said. */
static struct fault fault_of(unsigned int parts)
{
	struct fault f = {.parts = parts};

	f.name = (char *)(uintptr_t) "f";
	f.match.length_hi = UINT16_MAX;
	f.match.dscp = -1;
	return f;
}

static struct moving still(double v)
{
	return (struct moving){v, v};
}

static struct dp_fault made(const struct fault *f)
{
	struct dp_fault d = {.name = NULL};
	struct error err = {0};

	if (rules__make(f, 42, "dir/e.yaml", &d, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(d.rule.seed, 42);
	return d;
}

static void assert_param(struct chaos_param p, uint64_t from, uint64_t to)
{
	assert_int_equal(p.from, from);
	assert_int_equal(p.to, to);
}

static void refused(const struct fault *f, const char *file, const char *words)
{
	struct dp_fault d = {.name = NULL};
	struct error err = {0};

	assert_true(rules__make(f, 42, file, &d, &err) < 0);
	if (!strstr(err.msg, words))
		fail_msg("expected `%s` in: %s", words, err.msg);
	free(d.table);
}

/* --- what has a probability ------------------------------------------------------------------- */

static void a_chance_is_in_32_bits(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);
	struct dp_fault d;

	(void)state;
	f.loss.chance = (struct chance){.p = {0, 1}, .correlation = 0.25};
	d = made(&f);
	assert_int_equal(d.rule.actions, CHAOS_ACT_LOSS);
	assert_param(d.rule.loss.chance.p, 0, ONE);
	assert_int_equal(d.rule.loss.chance.correlation, ONE / 4);
	assert_int_equal(d.rule.loss.n_states | d.rule.loss.every | d.rule.loss.first, 0);
	f.loss.chance.p = still(0.01);
	/* The nearest, within 2^-33. */
	assert_param(made(&f).rule.loss.chance.p, 42949673, 42949673);
}

static void each_has_its_own(void **state)
{
	struct fault f = fault_of(FAULT_DUPLICATE | FAULT_CORRUPT | FAULT_ECN);
	struct chaos_rule r;

	(void)state;
	f.duplicate.chance.p = still(0.5);
	f.corrupt.chance.p = (struct moving){0.25, 0.125};
	f.ecn.chance = (struct chance){.p = still(1), .correlation = 0.5};
	r = made(&f).rule;
	assert_int_equal(r.actions, CHAOS_ACT_DUPLICATE | CHAOS_ACT_CORRUPT | CHAOS_ACT_ECN);
	assert_param(r.duplicate.p, ONE / 2, ONE / 2);
	assert_param(r.corrupt.p, ONE / 4, ONE / 8);
	assert_param(r.ecn.p, ONE, ONE);
	assert_int_equal(r.ecn.correlation, ONE / 2);
	assert_int_equal(r.effects, 0);
	f.corrupt.silent = true;
	assert_int_equal(made(&f).rule.effects, CHAOS_CORRUPT_SILENT);
}

/* --- loss ------------------------------------------------------------------------------------- */

static void counted_losses(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);

	(void)state;
	f.loss.model = LOSS_EVERY;
	f.loss.every = 7;
	assert_int_equal(made(&f).rule.loss.every, 7);
	assert_int_equal(made(&f).rule.loss.first, 0);
	f.loss.model = LOSS_FIRST;
	f.loss.first = 3;
	assert_int_equal(made(&f).rule.loss.every, 0);
	assert_int_equal(made(&f).rule.loss.first, 3);
}

/* The rule's chain is @from at the start of the ramp and @to at its end. */
static void assert_chain(const struct fault *f, const struct loss_chain *from,
			 const struct loss_chain *to)
{
	uint64_t move[2][CHAIN_STATES][CHAIN_STATES - 1], lost[2][CHAIN_STATES];
	struct chaos_loss l = made(f).rule.loss;

	chain__thresholds(from, move[0], lost[0]);
	chain__thresholds(to, move[1], lost[1]);
	assert_int_equal(l.n_states, from->n);
	for (size_t s = 0; s < CHAIN_STATES; s++) {
		assert_param(l.lost[s], lost[0][s], lost[1][s]);
		for (size_t j = 0; j < CHAIN_STATES - 1; j++)
			assert_param(l.move[s][j], move[0][s][j], move[1][s][j]);
	}
}

static void chains(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);
	struct loss_chain from, to;
	struct error err = {0};

	(void)state;
	f.loss.model = LOSS_BURST;
	f.loss.chance.p = (struct moving){0.1, 0.2};
	f.loss.burst = (struct moving){3, 5};
	assert_int_equal(chain__burst(0.1, 3, &from, &err), 0);
	assert_int_equal(chain__burst(0.2, 5, &to, &err), 0);
	assert_chain(&f, &from, &to);

	f.loss.model = LOSS_GEMODEL;
	f.loss.p = (struct moving){0.01, 0.02};
	f.loss.r = still(0.1);
	f.loss.h = still(0.3);
	f.loss.k = still(0.99);
	assert_int_equal(chain__gemodel(0.01, 0.1, 0.3, 0.99, &from, &err), 0);
	assert_int_equal(chain__gemodel(0.02, 0.1, 0.3, 0.99, &to, &err), 0);
	assert_chain(&f, &from, &to);

	f.loss.model = LOSS_STATE;
	f.loss.p13 = still(0.05);
	f.loss.p31 = still(0.4);
	f.loss.p32 = (struct moving){0.2, 0.1};
	f.loss.p23 = still(0.3);
	f.loss.p14 = still(0.02);
	assert_int_equal(
		chain__four_states(&(struct four_states){0.05, 0.4, 0.2, 0.3, 0.02}, &from, &err),
		0);
	assert_int_equal(
		chain__four_states(&(struct four_states){0.05, 0.4, 0.1, 0.3, 0.02}, &to, &err), 0);
	assert_chain(&f, &from, &to);
}

/* A model that cannot be, at either end of the ramp, is refused with its place. */
static void a_chain_that_cannot_be(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);

	(void)state;
	f.loss.pos = (struct pos){12, 7};
	f.loss.model = LOSS_BURST;
	f.loss.chance.p = still(0.9);
	f.loss.burst = still(2); /* 90 % needs bursts of 9 at least */
	refused(&f, "dir/e.yaml", "dir/e.yaml:12:7");
	f.loss.burst = (struct moving){10, 2};
	refused(&f, "dir/e.yaml", "dir/e.yaml:12:7");
	f.loss.burst = still(10);
	made(&f);
}

/* --- delay ------------------------------------------------------------------------------------ */

static void delays(void **state)
{
	static const struct {
		enum distribution kind;
		uint32_t table, len;
	} cases[] = {{DISTRIBUTION_UNIFORM, 0, 0},
		     {DISTRIBUTION_NORMAL, CHAOS_TABLE_NORMAL, CHAOS_TABLE_LEN},
		     {DISTRIBUTION_PARETO, CHAOS_TABLE_PARETO, CHAOS_TABLE_LEN},
		     {DISTRIBUTION_PARETONORMAL, CHAOS_TABLE_PARETONORMAL, CHAOS_TABLE_LEN}};
	struct fault f = fault_of(FAULT_DELAY);
	uint32_t correlation, innovation;
	struct chaos_delay d;

	(void)state;
	f.delay.latency_ns = (struct moving){1e6, 2e9};
	f.delay.jitter_ns = still(3e5);
	for (size_t i = 0; i < 4; i++) {
		f.delay.distribution = cases[i].kind;
		d = made(&f).rule.delay;
		assert_param(d.latency_ns, 1000000, 2000000000);
		assert_param(d.jitter_ns, 300000, 300000);
		assert_int_equal(d.table, cases[i].table);
		assert_int_equal(d.table_len, cases[i].len);
		assert_int_equal(d.correlation, 0);
		assert_int_equal(d.flags, 0);
	}
	assert_int_equal(dist__weights(0.6, &correlation, &innovation), 0);
	f.delay.correlation = 0.6;
	f.delay.in_order = true;
	d = made(&f).rule.delay;
	assert_int_equal(d.correlation, correlation);
	assert_int_equal(d.innovation, innovation);
	assert_int_equal(d.flags, CHAOS_DELAY_IN_ORDER);
}

static void reorder(void **state)
{
	struct fault f = fault_of(FAULT_DELAY | FAULT_REORDER);
	struct chaos_rule r;

	(void)state;
	f.delay.latency_ns = still(1e6);
	f.reorder.chance = (struct chance){.p = still(0.25), .correlation = 0.5};
	f.reorder.gap = 5;
	r = made(&f).rule;
	assert_int_equal(r.actions, CHAOS_ACT_DELAY);
	assert_int_equal(r.delay.flags, CHAOS_DELAY_REORDER);
	assert_int_equal(r.delay.gap, 5);
	assert_param(r.delay.overtake.p, ONE / 4, ONE / 4);
	assert_int_equal(r.delay.overtake.correlation, ONE / 2);
}

static void a_correlation_of_one_is_refused(void **state)
{
	struct fault f = fault_of(FAULT_DELAY);

	(void)state;
	f.delay.pos = (struct pos){3, 4};
	f.delay.correlation = 1;
	refused(&f, "e.yaml", "e.yaml:3:4: a correlation is from 0 to below 100%");
}

struct folder {
	char path[64], table[96], experiment[96];
};

static void folder__make(struct folder *f, const char *text)
{
	FILE *file;

	snprintf(f->path, sizeof(f->path), "/tmp/chaos-rules-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(f->table, sizeof(f->table), "%s/own.dist", f->path);
	snprintf(f->experiment, sizeof(f->experiment), "%s/e.yaml", f->path);
	file = fopen(f->table, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void folder__remove(struct folder *f)
{
	unlink(f->table);
	rmdir(f->path);
}

#define _folder_ __attribute__((cleanup(folder__remove)))

static struct fault table_fault(const char *table)
{
	struct fault f = fault_of(FAULT_DELAY);

	f.delay.pos = (struct pos){9, 5};
	f.delay.jitter_ns = still(1e6);
	f.delay.distribution = DISTRIBUTION_TABLE;
	f.delay.table_file = (char *)(uintptr_t)table;
	return f;
}

/* Beside the experiment, or where an absolute path says. */
static void a_table_of_its_own(void **state)
{
	struct fault f = table_fault("own.dist");
	_folder_ struct folder dir;
	struct error err = {0};

	(void)state;
	folder__make(&dir, "# three\n100 -5 20000\n");
	for (int absolute = 0; absolute < 2; absolute++) {
		struct dp_fault d = {.name = NULL};
		const char *file = absolute ? "elsewhere/e.yaml" : dir.experiment;

		if (absolute)
			f.delay.table_file = dir.table;
		if (rules__make(&f, 1, file, &d, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(d.rule.delay.table_len, 3);
		assert_non_null(d.table);
		assert_int_equal(d.table[0], -5);
		assert_int_equal(d.table[1], 100);
		assert_int_equal(d.table[2], 20000);
		free(d.table);
	}
}

/* An experiment in the current folder has a name without one. */
static void a_table_here(void **state)
{
	struct fault f = table_fault("own.dist");
	struct dp_fault d = {.name = NULL};
	_folder_ struct folder dir;
	char old[4096];
	int r;

	(void)state;
	folder__make(&dir, "1 2\n");
	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(chdir(dir.path), 0);
	r = rules__make(&f, 1, "e.yaml", &d, NULL);
	assert_int_equal(chdir(old), 0);
	assert_int_equal(r, 0);
	assert_int_equal(d.rule.delay.table_len, 2);
	free(d.table);
}

static void a_bad_table_says_where(void **state)
{
	struct fault f = table_fault("own.dist");
	_folder_ struct folder dir;
	char words[256];

	(void)state;
	folder__make(&dir, "1 2\n3 four\n");
	snprintf(words, sizeof(words), "%s:9:5", dir.experiment);
	refused(&f, dir.experiment, words);
	snprintf(words, sizeof(words), "%s:2:3", dir.table);
	refused(&f, dir.experiment, words);
	f.delay.table_file = (char *)(uintptr_t) "none.dist";
	refused(&f, dir.experiment, "none.dist");
}

/* --- the others ------------------------------------------------------------------------------- */

static void rate(void **state)
{
	struct fault f = fault_of(FAULT_RATE);
	struct chaos_rate r;

	(void)state;
	f.rate = (struct rate_limit){.bytes_per_s = {125000, 1e9},
				     .burst_bytes = 3000,
				     .queue_bytes = 64000,
				     .queue_ns = 100000000};
	r = made(&f).rule.rate;
	assert_param(r.bytes_per_s, 125000, 1000000000);
	assert_int_equal(r.burst_bytes, 3000);
	assert_int_equal(r.queue_bytes, 64000);
	assert_int_equal(r.queue_ns, 100000000);
	assert_int_equal(made(&f).rule.actions, CHAOS_ACT_RATE);
}

static void reset(void **state)
{
	static const uint32_t effects[] = {[RESET_BOTH] = CHAOS_RESET_SENDER | CHAOS_RESET_RECEIVER,
					   [RESET_SENDER] = CHAOS_RESET_SENDER,
					   [RESET_RECEIVER] = CHAOS_RESET_RECEIVER};
	struct fault f = fault_of(FAULT_RESET);

	(void)state;
	f.reset.chance.p = still(1);
	for (enum reset_ends ends = RESET_BOTH; ends <= RESET_RECEIVER; ends++) {
		f.reset.ends = ends;
		assert_int_equal(made(&f).rule.effects, effects[ends]);
		assert_param(made(&f).rule.reset.p, ONE, ONE);
	}
}

/* RFC 792, RFC 1812 5.2.7.1; RFC 4443 3.1. */
static void reject(void **state)
{
	static const struct {
		enum reject_kind kind;
		uint8_t icmp4, icmp6;
	} cases[] = {{REJECT_NET, 0, 0},
		     {REJECT_HOST, 1, 3},
		     {REJECT_PORT, 3, 4},
		     {REJECT_PROHIBITED, 13, 1}};
	struct fault f = fault_of(FAULT_REJECT);

	(void)state;
	f.reject.chance.p = still(0.5);
	for (size_t i = 0; i < 4; i++) {
		struct chaos_rule r;

		f.reject.kind = cases[i].kind;
		r = made(&f).rule;
		assert_int_equal(r.actions, CHAOS_ACT_REJECT);
		assert_int_equal(r.icmp4_code, cases[i].icmp4);
		assert_int_equal(r.icmp6_code, cases[i].icmp6);
		assert_param(r.reject.p, ONE / 2, ONE / 2);
	}
}

static void mtu(void **state)
{
	struct fault f = fault_of(FAULT_MTU);

	(void)state;
	f.mtu.bytes = (struct moving){1500, 1280};
	assert_param(made(&f).rule.mtu, 1500, 1280);
	assert_int_equal(made(&f).rule.effects, 0);
	f.mtu.icmp = true;
	assert_int_equal(made(&f).rule.effects, CHAOS_MTU_ICMP);
}

/* 65,536 steps, of a length above 0: the packet path divides by it. */
static void ramps(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);

	(void)state;
	assert_int_equal(made(&f).rule.ramp_step_ns, 0);
	f.ramp_ns = 1;
	assert_int_equal(made(&f).rule.ramp_step_ns, 1);
	f.ramp_ns = 10000000000;
	assert_in_range(made(&f).rule.ramp_step_ns, 10000000000 / 65536, 10000000000 / 65536 + 1);
}

/* --- match ------------------------------------------------------------------------------------ */

static void match_all(void **state)
{
	struct chaos_match none = {.proto = 0}, m;
	struct fault f = fault_of(FAULT_LOSS);

	(void)state;
	m = made(&f).rule.match;
	assert_memory_equal(&m, &none, sizeof(none));
}

static void matches(void **state)
{
	struct port_range ranges[] = {{1, 2}, {80, 80}, {1000, 2000}};
	struct fault f = fault_of(FAULT_LOSS);
	struct chaos_match m;

	(void)state;
	f.match.proto = IPPROTO_TCP;
	f.match.tcp_mask = TCP_SYN | TCP_ACK;
	f.match.tcp_flags = TCP_SYN;
	f.match.ports = (struct ports){ranges, 3};
	f.match.sports = (struct ports){ranges + 1, 1};
	f.match.dports = (struct ports){ranges + 1, 2};
	f.match.length_lo = 100;
	f.match.length_hi = 1500;
	f.match.dscp = 46;
	f.match.nth = 4;
	f.match.first = 10;
	m = made(&f).rule.match;
	assert_int_equal(m.proto, IPPROTO_TCP);
	assert_int_equal(m.tcp_mask, TCP_SYN | TCP_ACK);
	assert_int_equal(m.tcp_flags, TCP_SYN);
	assert_int_equal(m.n_port, 3);
	assert_int_equal(m.n_sport, 1);
	assert_int_equal(m.n_dport, 2);
	assert_int_equal(m.port[2].lo, 1000);
	assert_int_equal(m.port[2].hi, 2000);
	assert_int_equal(m.sport[0].lo, 80);
	assert_int_equal(m.dport[1].hi, 2000);
	assert_int_equal(m.flags, CHAOS_MATCH_LENGTH | CHAOS_MATCH_DSCP);
	assert_int_equal(m.length_lo, 100);
	assert_int_equal(m.length_hi, 1500);
	assert_int_equal(m.dscp, 46);
	assert_int_equal(m.nth, 4);
	assert_int_equal(m.first, 10);
	/* Either end of the range makes it one; dscp 0 is a value. */
	f.match.length_lo = 0;
	f.match.dscp = 0;
	assert_int_equal(made(&f).rule.match.flags, CHAOS_MATCH_LENGTH | CHAOS_MATCH_DSCP);
	f.match.length_hi = UINT16_MAX;
	f.match.dscp = -1;
	assert_int_equal(made(&f).rule.match.flags, 0);
	f.match.length_lo = 1;
	assert_int_equal(made(&f).rule.match.flags, CHAOS_MATCH_LENGTH);
}

static void too_many_ports(void **state)
{
	struct port_range ranges[CHAOS_PORTS_PER_MATCH + 1] = {{1, 1}};
	struct fault f = fault_of(FAULT_LOSS);

	(void)state;
	f.pos = (struct pos){5, 6};
	f.match.dports = (struct ports){ranges, CHAOS_PORTS_PER_MATCH};
	assert_int_equal(made(&f).rule.match.n_dport, CHAOS_PORTS_PER_MATCH);
	f.match.dports.n++;
	refused(&f, "e.yaml", "e.yaml:5:6: at most 8 port ranges");
}

/* New: with SYN; established: without. What the user says of SYN goes first. */
static void connections(void **state)
{
	struct fault f = fault_of(FAULT_LOSS);
	struct chaos_match m;

	(void)state;
	f.match.state = MATCH_NEW;
	m = made(&f).rule.match;
	assert_int_equal(m.proto, IPPROTO_TCP);
	assert_int_equal(m.tcp_mask, TCP_SYN);
	assert_int_equal(m.tcp_flags, TCP_SYN);
	f.match.state = MATCH_ESTABLISHED;
	f.match.tcp_mask = TCP_PSH;
	f.match.tcp_flags = TCP_PSH;
	m = made(&f).rule.match;
	assert_int_equal(m.tcp_mask, TCP_SYN | TCP_PSH);
	assert_int_equal(m.tcp_flags, TCP_PSH);
}

/* --- partition -------------------------------------------------------------------------------- */

/* At the hook, unless only the line can tell its packets: there it is a loss of all. */
static void partitions(void **state)
{
	struct fault f = fault_of(FAULT_PARTITION);
	struct chaos_rule r;

	(void)state;
	f.match.proto = IPPROTO_TCP;
	f.match.dscp = 46;
	r = made(&f).rule;
	assert_int_equal(r.actions, CHAOS_ACT_PARTITION);
	assert_int_equal(r.match.flags, CHAOS_MATCH_DSCP);
	f.partition.l2 = true;
	assert_int_equal(made(&f).rule.match.flags, CHAOS_MATCH_DSCP | CHAOS_MATCH_NEIGHBOUR);
	for (int i = 0; i < 4; i++) {
		f = fault_of(FAULT_PARTITION);
		f.match.nth = i == 0 ? 3 : 0;
		f.match.first = i == 1 ? 3 : 0;
		f.match.length_lo = i == 2 ? 3 : 0;
		f.match.length_hi = i == 3 ? 3 : UINT16_MAX;
		r = made(&f).rule;
		assert_int_equal(r.actions, CHAOS_ACT_LOSS);
		assert_param(r.loss.chance.p, ONE, ONE);
		assert_int_equal(r.loss.n_states | r.loss.every | r.loss.first, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chance_is_in_32_bits),
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(counted_losses),
		cmocka_unit_test(chains),
		cmocka_unit_test(a_chain_that_cannot_be),
		cmocka_unit_test(delays),
		cmocka_unit_test(reorder),
		cmocka_unit_test(a_correlation_of_one_is_refused),
		cmocka_unit_test(a_table_of_its_own),
		cmocka_unit_test(a_table_here),
		cmocka_unit_test(a_bad_table_says_where),
		cmocka_unit_test(rate),
		cmocka_unit_test(reset),
		cmocka_unit_test(reject),
		cmocka_unit_test(mtu),
		cmocka_unit_test(ramps),
		cmocka_unit_test(match_all),
		cmocka_unit_test(matches),
		cmocka_unit_test(too_many_ports),
		cmocka_unit_test(connections),
		cmocka_unit_test(partitions),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
