// SPDX-License-Identifier: GPL-2.0-only
/* What every fault of a file becomes, in numbers and in words; and what is refused. */
#include "experiment/experiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000.0
#define S 1000000000LL

/* The fault stands on line 7, its parts from behind this column on. */
#define HEAD                                                                            \
	"apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nspec:\n  duration: 60s\n" \
	"  lab: {nodes: {n1: {}, n2: {}, n3: {}}}\n  faults:\n  - {at: 1s, from: n1, to: n2, "
#define COLUMN 31

static struct experiment *parse(const char *fault)
{
	char text[1024];
	struct experiment *e = NULL;
	struct error err = {0};

	snprintf(text, sizeof(text), HEAD "%s}\n", fault);
	if (experiment__parse("f.yaml", text, strlen(text), 1, &e, &err))
		fail_msg("%s\n%s", err.msg, fault);
	return e;
}

/* --- words ----------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *fault, *words;
} described[] = {
	{"loss: 1%", "loss 1%"},
	{"loss: {probability: 0.5%, correlation: 25%}", "loss 0.5% correlation 25%"},
	{"loss: {probability: 1%, burst: 5}", "loss 1% in bursts of 5"},
	{"loss: {probability: 80%, burst: 4}", "loss 80% in bursts of 4"},
	{"loss: {gemodel: {p: 1%, r: 20%}}", "loss gemodel p 1% r 20% h 0% k 100%"},
	{"loss: {p: 1%, r: 20%, h: 10%, k: 99.9%}", "loss gemodel p 1% r 20% h 10% k 99.9%"},
	{"loss: {state: {p13: 1%, p31: 30%}}", "loss state p13 1% p31 30% p32 0% p23 100% p14 0%"},
	{"loss: {state: {p13: 30%, p31: 30%, p32: 70%, p23: 20%, p14: 70%}}", "loss state p13 30% p31 30% p32 70% p23 20% p14 70%"},
	{"loss: {every: 10}", "loss of 1 in 10"},
	{"loss: {first: 3}", "loss of the first 3"},
	{"delay: 100ms", "delay 100ms"},
	{"delay: {latency: 100ms, jitter: 20ms}", "delay 100ms +-20ms uniform"},
	{"delay: {latency: 100ms, jitter: 20ms, correlation: 25%, distribution: normal}", "delay 100ms +-20ms normal correlation 25%"},
	{"delay: {latency: 100ms, jitter: 20ms, distribution: pareto, order: keep}", "delay 100ms +-20ms pareto in order"},
	{"delay: {latency: 0s, jitter: 20ms, distribution: paretonormal, order: free}", "delay 0s +-20ms paretonormal"},
	{"delay: {latency: 1s, jitter: 20ms, distribution: table, table: wifi.dist}", "delay 1s +-20ms table wifi.dist"},
	{"delay: {latency: 1s, jitter: 20ms, table: wifi.dist}", "delay 1s +-20ms table wifi.dist"},
	{"delay: 10ms, reorder: {probability: 25%, correlation: 50%, gap: 5}", "delay 10ms, reorder 25% correlation 50% gap 5"},
	{"reorder: 25%, delay: 10ms", "delay 10ms, reorder 25%"},
	{"duplicate: {probability: 1%, correlation: 10%}", "duplicate 1% correlation 10%"},
	{"duplicate: 0.01", "duplicate 1%"},
	{"corrupt: 0.1%", "corrupt 0.1%"},
	{"corrupt: {probability: 0.1%, kind: silent}, match: {proto: icmp}", "corrupt 0.1% silent; only icmp"},
	{"corrupt: {probability: 0.1%, kind: detected, correlation: 5%}", "corrupt 0.1% correlation 5%"},
	{"rate: 10mbit", "rate 10 Mbit/s queue 1s"},
	{"rate: {bandwidth: 1mbps, burst: 16kb, queue: 64kb}", "rate 8 Mbit/s burst 16 KiB queue 64 KiB"},
	{"rate: {bandwidth: 9600bit, queue: 50ms}", "rate 9.6 kbit/s queue 50ms"},
	{"reset: true", "reset 100% to both ends"},
	{"reset: {}", "reset 100% to both ends"},
	{"reset: 10%, match: {proto: tcp}", "reset 10% to both ends; only tcp"},
	{"reset: {ends: sender, probability: 5%}", "reset 5% to the sender"},
	{"reset: {ends: receiver}, match: {state: new}", "reset 100% to the receiver; only new tcp"},
	{"reject: true", "reject 100% with port unreachable"},
	{"reject: {with: prohibited, probability: 50%}", "reject 50% with prohibited"},
	{"reject: {with: net}", "reject 100% with net unreachable"},
	{"mtu: 1400", "mtu 1400 black hole"},
	{"mtu: {size: 68, icmp: true}", "mtu 68 with ICMP"},
	{"ecn: 10%", "ecn mark 10%"},
	{"ecn: true", "ecn mark 100%"},
	{"delay: 100ms, loss: 1%, rate: 10mbit, match: {proto: tcp, ports: 6379}", "loss 1%, delay 100ms, rate 10 Mbit/s queue 1s; only tcp port 6379"},
	{"loss: 1%, match: {length: 1000.., dscp: 46}", "loss 1%; only length 1000..65535 dscp 46"},
	{"loss: 1%, match: {length: ..100, dscp: af43}", "loss 1%; only length 0..100 dscp 38"},
	{"loss: 1%, match: {length: 512, dscp: EF}", "loss 1%; only length 512 dscp 46"},
	{"loss: 1%, match: {length: 100..200, dscp: cs0}", "loss 1%; only length 100..200 dscp 0"},
	{"loss: 1%, match: {length: 0..65535}", "loss 1%"},
	{"loss: 1%, match: {state: established, tcp_flags: '!syn,ack'}", "loss 1%; only established tcp flags !syn,ack"},
	{"loss: 1%, match: {nth: 10, first: 3, proto: 47}", "loss 1%; only protocol 47 1 in 10 the first 3"},
	{"loss: 1%, match: {sports: [1, 2-3], dports: 4, proto: udp}", "loss 1%; only udp source port 1,2-3 destination port 4"},
	{"loss: 0%..10%, ramp: 30s", "loss 0% to 10%; over 30s"},
	{"loss: {probability: 10%..1%, burst: 2..5}, for: 20s", "loss 10% to 1% in bursts of 2 to 5; over 20s"},
	{"loss: 1%..1%", "loss 1%"},
	{"delay: {latency: 10ms..1s, jitter: 1ms..5ms}, ramp: 2m, for: 5s", "delay 10ms to 1s +-1ms to 5ms uniform; over 2m"},
	{"rate: 10mbit..1mbit, ramp: 10s, match: {proto: udp}", "rate 10 Mbit/s to 1 Mbit/s queue 1s; over 10s; only udp"},
	{"mtu: 1500..500, ramp: 10s", "mtu 1500 to 500 black hole; over 10s"},
};

/* What is refused: the place counts from the first letter of the fault's own text. */
static const struct {
	const char *fault;
	int col;
	const char *words;
} refused[] = {
	{"loss: {}", 7, "0 models of loss; expected one of probability, gemodel (or p, r, h, k), state, every, first"},
	{"loss: {probability: 1%, every: 3}", 7, "2 models of loss; expected one of probability, gemodel (or p, r, h, k), state, every, first"},
	{"loss: {gemodel: {p: 1%, r: 1%}, k: 1}", 7, "2 models of loss; expected one of probability, gemodel (or p, r, h, k), state, every, first"},
	{"loss: [1%]", 7, "found a list; expected a loss: probability, correlation, burst, gemodel, p, r, h, k, state, every, first"},
	{"loss: ", 1, "found nothing; expected a loss: probability, correlation, burst, gemodel, p, r, h, k, state, every, first"},
	{"loss: true", 7, "`true` is no probability; expected one as in 1% or 0.01, or 1%..5% in a ramp"},
	{"loss: 1%..", 7, "`1%..` is no probability; expected one as in 1% or 0.01, or 1%..5% in a ramp"},
	{"loss: 1%..101%", 7, "`1%..101%` is out of range; expected more than 0% and at most 100%"},
	{"loss: 0%..0%", 7, "`0%..0%` is out of range; expected more than 0% and at most 100%"},
	{"loss: 200%, delay: 1s", 7, "`200%` is out of range; expected more than 0% and at most 100%"},
	{"loss: {probability: 1%, correlation: 100%}", 38, "`100%` is out of range; expected 0% up to, not including, 100%"},
	{"loss: {probability: 1%, correlation: 1%..2%}", 38, "`1%..2%` is no fraction; expected one as in 1% or 0.01"},
	{"loss: {probability: 1%, corelation: 1%}", 25, "unknown key `corelation`; did you mean `correlation`?"},
	{"loss: {probability: 1%, burst: 0.5}", 32, "`0.5` is out of range; expected 1 to 1000000"},
	{"loss: {probability: 1%, burst: 1}", 32, "bursts of one packet; expected more than 1, or no `burst`"},
	{"loss: {probability: 1%, burst: 5%}", 32, "`5%` is no number; expected one as in 5 or 2.5"},
	{"loss: {probability: 1%, burst: 5, correlation: 3%}", 32, "`burst` beside `correlation`: both say how losses follow each other; expected one of them"},
	{"loss: {probability: 81%, burst: 4}", 21, "81% cannot be lost in bursts of 4: one packet delivered between two of them leaves 80%; expected at most that, or longer bursts"},
	{"loss: {probability: 100%, burst: 4}", 21, "100% cannot be lost in bursts of 4: one packet delivered between two of them leaves 80%; expected at most that, or longer bursts"},
	{"loss: {every: 3, burst: 4}", 25, "`burst` without `probability`"},
	{"loss: {every: 0}", 15, "`0` is out of range; expected 1 to 4294967295"},
	{"loss: {first: 4294967296}", 15, "`4294967296` is out of range; expected 1 to 4294967295"},
	{"loss: {p: 1%}", 7, "a Gilbert-Elliott model needs `r`"},
	{"loss: {gemodel: {p: 1%}}", 17, "a Gilbert-Elliott model needs `r`"},
	{"loss: {gemodel: {p: 1%, r: 20%, k: 101%}}", 36, "`101%` is out of range; expected 0% to 100%"},
	{"loss: {gemodel: {p: 0%, r: 20%}}", 21, "`0%` is out of range; expected more than 0% and at most 100%"},
	{"loss: {p: 1%, r: 20%, h: 1}", 7, "a model that never loses a packet"},
	{"loss: {state: {p13: 1%}}", 15, "a model of four states needs `p31`"},
	{"loss: {state: {p13: 60%, p31: 10%, p14: 50%}}", 41, "p13 and p14 are 110% together; expected at most 100%: both lead out of one state"},
	{"loss: {state: {p13: 60%, p31: 10%..50%, p32: 55%}}, ramp: 1s", 46, "p31 and p32 are 105% together; expected at most 100%: both lead out of one state"},
	{"loss: {state: {p13: 0, p31: 10%}}", 7, "a model that never loses a packet"},
	{"delay: 100", 8, "`100` is no duration; expected a number with ns us ms s m h, as in 100ms, or 0ms..100ms in a ramp"},
	{"delay: {jitter: 1ms}", 8, "a delay needs `latency`"},
	{"delay: 0s", 8, "a delay of 0; expected a latency or a jitter above 0"},
	{"delay: 61s", 8, "`61s` is out of range; expected 0s to 1m"},
	{"delay: {latency: 1s, jitter: 15s}", 30, "latency 1s and 4 times jitter 15s are more than 1m, which is how long a packet is held at most"},
	{"delay: {latency: 1s..2s, jitter: 1ms..20s}, ramp: 1s", 34, "latency 2s and 4 times jitter 20s are more than 1m, which is how long a packet is held at most"},
	{"delay: {latency: 10ms, jitter: 20ms, order: keep}", 32, "jitter 20ms above latency 10ms with `order: keep`: a packet cannot leave before it came; expected at most the latency, or `order: free`"},
	{"delay: {latency: 10ms, order: kep}", 31, "`kep` is no order; expected free or keep; did you mean `keep`?"},
	{"delay: {latency: 10ms, correlation: 25%}", 37, "`correlation` of what? expected a `jitter` too"},
	{"delay: {latency: 10ms, distribution: normal}", 38, "`distribution` of what? expected a `jitter` too"},
	{"delay: {latency: 10ms, jitter: 1ms, distribution: nromal}", 51, "`nromal` is no distribution; expected uniform, normal, pareto, paretonormal or table; did you mean `normal`?"},
	{"delay: {latency: 10ms, jitter: 1ms, distribution: table}", 51, "distribution `table` needs `table`: a file in netem's .dist format"},
	{"delay: {latency: 10ms, jitter: 1ms, distribution: pareto, table: x}", 66, "`table` beside distribution `pareto`; expected distribution `table`"},
	{"delay: {latency: 10ms, jitter: 1ms, latencyy: 1}", 37, "unknown key `latencyy`; expected latency, jitter, correlation, distribution, table, order"},
	{"reorder: 25%", 10, "`reorder` without `delay`: those that are chosen overtake the delayed ones"},
	{"reorder: 25%, delay: {latency: 1s, order: keep}", 10, "`reorder` beside `order: keep`"},
	{"delay: 1s, reorder: {gap: 5}", 21, "a reordering needs `probability`"},
	{"delay: 1s, reorder: {probability: 5%, gap: 0}", 44, "`0` is out of range; expected 1 to 4294967295"},
	{"duplicate: {correlation: 1%}", 12, "a duplication needs `probability`"},
	{"corrupt: {probability: 1%, kind: silence}", 34, "`silence` is no kind of corruption; expected detected or silent; did you mean `silent`?"},
	{"rate: 0mbit", 7, "`0mbit` is out of range; expected more than 0 (a rate of 0 is a partition) and at most 1000 tbit"},
	{"rate: 10mbit..0bit", 7, "`10mbit..0bit` is out of range; expected more than 0 (a rate of 0 is a partition) and at most 1000 tbit"},
	{"rate: 2000tbit", 7, "`2000tbit` is out of range; expected more than 0 (a rate of 0 is a partition) and at most 1000 tbit"},
	{"rate: 10", 7, "`10` is no bandwidth; expected a number with bit kbit mbit gbit tbit (bits a second) or bps kbps mbps gbps tbps (bytes a second), as in 10mbit, or 10mbit..1mbit in a ramp"},
	{"rate: {bandwidth: 1mbit, burst: 1mbps}", 33, "`1mbps` is no size; expected bytes with b kb mb gb, as in 16kb"},
	{"rate: {bandwidth: 1mbit, burst: 0}", 33, "`0` is out of range; expected 1 B to 1024 GiB"},
	{"rate: {bandwidth: 1mbit, queue: fast}", 33, "`fast` is no queue; expected bytes, as in 64kb, or the time that the rate takes for them, as in 50ms"},
	{"rate: {bandwidth: 1mbit, queue: 2m}", 33, "`2m` is out of range; expected 1ns to 1m"},
	{"rate: {bandwidth: 1mbit, queue: 0s}", 33, "`0s` is no time span; expected more than 0"},
	{"rate: {bandwidth: 1mbit, queue: 100b}", 33, "`100b` is out of range; expected 1514 B to 1024 GiB"},
	{"rate: {burst: 16kb}", 7, "a rate needs `bandwidth`"},
	{"reset: false", 8, "`false` is no probability; expected one as in 1% or 0.01, or 1%..5% in a ramp"},
	{"reset: {ends: sendr}", 15, "`sendr` is no end of a connection; expected both, sender or receiver; did you mean `sender`?"},
	{"reset: true, match: {proto: udp}", 8, "`reset` of packets that are not TCP; expected proto tcp in `match`"},
	{"reset: true, reject: true", 22, "`reject` beside `reset`: a packet is answered once; expected one of them"},
	{"reject: {with: hosts}", 16, "`hosts` is no reason of a rejection; expected port, host, net or prohibited; did you mean `host`?"},
	{"mtu: 67", 6, "`67` is out of range; expected 68 to 65535"},
	{"mtu: 65536", 6, "`65536` is out of range; expected 68 to 65535"},
	{"mtu: large", 6, "`large` is no size; expected a number of bytes, as in 1400 or 16kb"},
	{"mtu: {size: 1400, icmp: 1}", 25, "`1` is no truth value; expected true or false"},
	{"ecn: {probability: 0%}", 20, "`0%` is out of range; expected more than 0% and at most 100%"},
	{"ecn: ", 1, "found nothing; expected an ECN mark: probability"},
	{"loss: 100%, delay: 1s", 20, "`delay` of what a loss of all packets leaves: nothing; expected a fault of its own"},
	{"loss: {every: 1}, ecn: 1%", 24, "`ecn` of what a loss of all packets leaves: nothing; expected a fault of its own"},
	{"loss: {p: 1, r: 1, k: 0}, mtu: 1400", 32, "`mtu` of what a loss of all packets leaves: nothing; expected a fault of its own"},
	{"loss: 1%, ramp: 3s", 17, "`ramp` of what? expected a parameter that moves, as latency: 0ms..100ms"},
	{"delay: 1ms..2ms", 8, "moves over which time? expected `ramp`, or `for`, which is the ramp where none is given"},
	{"delay: 1ms..2ms, ramp: 0s", 24, "`0s` is no time span; expected more than 0"},
	{"loss: 1%, match: {length: 200..100}", 27, "`200..100` is no length; expected bytes of the IP packet, 0 to 65535, as 512, 1000.., ..100 or 100..200"},
	{"loss: 1%, match: {length: ..}", 27, "`..` is no length; expected bytes of the IP packet, 0 to 65535, as 512, 1000.., ..100 or 100..200"},
	{"loss: 1%, match: {length: 65536}", 27, "`65536` is no length; expected bytes of the IP packet, 0 to 65535, as 512, 1000.., ..100 or 100..200"},
	{"loss: 1%, match: {dscp: 64}", 25, "`64` is no DSCP; expected 0 to 63, ef, af11 to af43 or cs0 to cs7"},
	{"loss: 1%, match: {dscp: af14}", 25, "`af14` is no DSCP; expected 0 to 63, ef, af11 to af43 or cs0 to cs7; did you mean `af11`?"},
	{"loss: 1%, match: {state: old}", 26, "`old` is no state of a connection; expected new or established"},
	{"loss: 1%, match: {state: new, proto: udp}", 26, "udp has no connections; expected proto tcp"},
	{"loss: 1%, match: {state: new, tcp_flags: '!syn'}", 42, "flags that no packet has in state new: that is `syn`"},
	{"loss: 1%, match: {state: established, tcp_flags: syn}", 50, "flags that no packet has in state established: that is `!syn`"},
	{"loss: 1%, match: {nth: 0}", 24, "`0` is out of range; expected 1 to 4294967295"},
	{"loss: 1%, match: {proto: 256}", 26, "`256` is no protocol; expected tcp, udp, sctp, icmp, icmpv6, vrrp or 1 to 255"},
};
/* clang-format on */

static void test_described(void **state)
{
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
		struct experiment *e;

		e = parse(described[i].fault);
		experiment__describe_fault(&e->faults[0], buf, sizeof(buf));
		if (strcmp(buf, described[i].words))
			fail_msg("%s\nis:       %s\nexpected: %s", described[i].fault, buf,
				 described[i].words);
		/* whatever the room, no byte past it */
		for (size_t size = 0; size < strlen(described[i].words); size++) {
			memset(buf, 'x', sizeof(buf));
			experiment__describe_fault(&e->faults[0], buf, size);
			assert_int_equal(buf[size], 'x');
			if (size)
				assert_int_equal(strncmp(buf, described[i].words, size - 1), 0);
		}
		experiment__free(e);
	}
}

static void test_refused(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char text[1024], expected[1024];
		struct experiment *e = NULL;
		struct error err = {0};
		int r;

		snprintf(text, sizeof(text), HEAD "%s}\n", refused[i].fault);
		snprintf(expected, sizeof(expected), "f.yaml:7:%d: %s", COLUMN + refused[i].col,
			 refused[i].words);
		r = experiment__parse("f.yaml", text, strlen(text), 1, &e, &err);
		if (r != -EINVAL || strcmp(err.msg, expected))
			wrong++, print_error("%s\nfound:    %s\nexpected: %s\n", refused[i].fault,
					     err.msg, expected);
		assert_null(e);
	}
	assert_int_equal(wrong, 0);
}

/* A partition stands alone. */
static void test_partition_alone(void **state)
{
	static const char *const parts[] = {
		"loss: 1%",  "delay: 1s",  "duplicate: 1%", "corrupt: 1%", "rate: 1mbit",
		"reset: {}", "reject: {}", "mtu: 1400",	    "ecn: 1%",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char text[1024], expected[256];
		struct experiment *e = NULL;
		struct error err = {0};

		snprintf(text, sizeof(text),
			 "apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nspec:\n"
			 "  duration: 60s\n  lab: {nodes: {n1: {}, n2: {}}}\n  faults:\n"
			 "  - {at: 1s, partition: {isolate: n1}, %s}\n",
			 parts[i]);
		snprintf(expected, sizeof(expected),
			 "`%.*s` of what a partition drops already; expected a fault of its own",
			 (int)strcspn(parts[i], ":"), parts[i]);
		assert_int_equal(experiment__parse("f", text, strlen(text), 1, &e, &err), -EINVAL);
		assert_non_null(strstr(err.msg, expected));
	}
}

/* --- numbers --------------------------------------------------------------------------------------- */

static void assert_moving(struct moving m, double from, double to)
{
	if (m.from < from * (1 - 1e-12) || m.from > from * (1 + 1e-12) || m.to < to * (1 - 1e-12) ||
	    m.to > to * (1 + 1e-12))
		fail_msg("%.17g..%.17g, expected %.17g..%.17g", m.from, m.to, from, to);
}

static void test_numbers(void **state)
{
	struct experiment *e =
		parse("loss: {p: 1%..2%, r: 0.2, h: 5%, k: 1}, "
		      "delay: {latency: 100ms..0.2s, jitter: 20ms, correlation: 25%, "
		      "table: a/b.dist}, reorder: {probability: 25%, gap: 5}, "
		      "rate: {bandwidth: 1kibps..8kbit, burst: 2kb}, "
		      "mtu: {size: 1kb, icmp: true}, for: 7s, direction: both");
	const struct fault *f = &e->faults[0];

	(void)state;
	assert_int_equal(f->parts,
			 FAULT_LOSS | FAULT_DELAY | FAULT_REORDER | FAULT_RATE | FAULT_MTU);
	assert_int_equal(f->ramp_ns, 7 * S);
	assert_int_equal(f->loss.model, LOSS_GEMODEL);
	assert_moving(f->loss.p, 0.01, 0.02);
	assert_moving(f->loss.r, 0.2, 0.2);
	assert_moving(f->loss.h, 0.05, 0.05);
	assert_moving(f->loss.k, 1, 1);
	assert_moving(f->delay.latency_ns, 100 * MS, 200 * MS);
	assert_moving(f->delay.jitter_ns, 20 * MS, 20 * MS);
	assert_float_equal(f->delay.correlation, 0.25, 0);
	assert_int_equal(f->delay.distribution, DISTRIBUTION_TABLE);
	assert_string_equal(f->delay.table_file, "a/b.dist");
	assert_false(f->delay.in_order);
	assert_moving(f->reorder.chance.p, 0.25, 0.25);
	assert_int_equal(f->reorder.gap, 5);
	assert_moving(f->rate.bytes_per_s, 1024, 1000);
	assert_int_equal(f->rate.burst_bytes, 2048);
	assert_int_equal(f->rate.queue_bytes, 0);
	assert_int_equal(f->rate.queue_ns, S);
	assert_moving(f->mtu.bytes, 1024, 1024);
	assert_true(f->mtu.icmp);
	assert_int_equal(f->match.length_lo, 0);
	assert_int_equal(f->match.length_hi, 65535);
	assert_int_equal(f->match.dscp, -1);
	assert_true(match__is_any(&f->match));
	experiment__free(e);
}

static void test_models(void **state)
{
	static const struct {
		const char *fault;
		enum loss_model model;
	} cases[] = {
		{"loss: 1%", LOSS_RANDOM},
		{"loss: {probability: 1%, burst: 3}", LOSS_BURST},
		{"loss: {gemodel: {p: 1%, r: 2%}}", LOSS_GEMODEL},
		{"loss: {state: {p13: 1%, p31: 2%}}", LOSS_STATE},
		{"loss: {every: 5}", LOSS_EVERY},
		{"loss: {first: 5}", LOSS_FIRST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct experiment *e = parse(cases[i].fault);

		assert_int_equal(e->faults[0].loss.model, cases[i].model);
		assert_int_equal(e->faults[0].ramp_ns, 0);
		experiment__free(e);
	}
}

/* A ramp is of one fault: it says nothing about the next one. */
static void test_ramp_of_the_next(void **state)
{
	struct experiment *e =
		parse("loss: 1%..2%, for: 5s}\n  - {at: 9s, from: n1, loss: 1%, for: 5s");

	(void)state;
	assert_int_equal(e->n_faults, 2);
	assert_int_equal(e->faults[0].ramp_ns, 5 * S);
	assert_int_equal(e->faults[1].ramp_ns, 0);
	experiment__free(e);
}

/* A fault inside what another one takes whole, in time and place, is a mistake; beside it, it is none. */
static void test_conflicts(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool conflict;
	} cases[] = {
		{"partition: {isolate: n1}", "from: n1, to: n2, delay: 1s", true},
		{"partition: {isolate: n1}", "from: n1, delay: 1s", true},
		{"partition: {isolate: n1}", "from: n2, to: n3, delay: 1s", false},
		{"partition: {isolate: {random: 1}}", "from: n1, delay: 1s", false},
		{"partition: {simplex: {from: n1, to: n2}}", "from: n1, to: n2, loss: 1%", true},
		{"partition: {simplex: {from: n1, to: n2}}",
		 "from: n1, to: n2, direction: both, loss: 1%", false},
		{"match: {proto: tcp}, partition: {isolate: n1}", "from: n1, delay: 1s", false},
		{"from: n1, loss: 100%", "from: n1, rate: 1mbit", true},
		{"from: n1, loss: 99%", "from: n1, rate: 1mbit", false},
		{"from: n1, reject: true", "from: n1, reset: true", true},
		{"from: n1, reject: 50%", "from: n1, reset: true", false},
		{"from: n1, loss: 100%", "from: n1, loss: 100%", false},
		{"from: n1, loss: 100%", "from: n1, every: 2s, rate: 1mbit", false},
		{"from: n1, loss: 100%, every: 40s", "from: n1, rate: 1mbit", false},
	};
	static const struct {
		const char *outer, *inner;
		bool inside;
	} times[] = {
		{"at: 10s, for: 10s", "at: 12s, for: 1s", true},
		{"at: 10s, for: 10s", "at: 10s, for: 10s", true},
		{"at: 10s, for: 10s", "at: 9s, for: 5s", false},
		{"at: 10s, for: 10s", "at: 12s, for: 9s", false},
		{"at: 10s, for: 10s", "at: 12s", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++) {
			bool every = strstr(cases[i].inner, "every"), bad;
			struct experiment *e = NULL;
			struct error err = {0};
			char text[1024];

			if (every && !strstr(times[j].inner, "for: 1s"))
				continue;
			snprintf(text, sizeof(text),
				 "apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nspec:\n"
				 "  duration: 60s\n  lab: {nodes: {n1: {}, n2: {}, n3: {}}}\n  "
				 "faults:\n"
				 "  - {name: a, %s, %s}\n  - {name: b, %s, %s}\n",
				 times[j].inner, cases[i].inner, times[j].outer, cases[i].outer);
			bad = experiment__parse("f", text, strlen(text), 1, &e, &err);
			if (bad != (cases[i].conflict && times[j].inside) ||
			    (bad && strcmp(err.msg, "f:7:5: `a` meets no packet: `b` on line 8 "
						    "takes all of them on the same edges, all that "
						    "time")))
				fail_msg("%s%s", text, err.msg);
			experiment__free(e);
		}
	}
}

static void test_part_names(void **state)
{
	(void)state;
	assert_string_equal(fault__part_name(0), "partition");
	assert_string_equal(fault__part_name(6), "rate");
	assert_string_equal(fault__part_name(10), "ecn");
	assert_null(fault__part_name(11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_described),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_partition_alone), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_models),		cmocka_unit_test(test_ramp_of_the_next),
		cmocka_unit_test(test_conflicts),	cmocka_unit_test(test_part_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
