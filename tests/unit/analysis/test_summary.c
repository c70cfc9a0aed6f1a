// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_summary.c: sides, availability, traffic, findings, series.csv and junit.xml.
 */
#include "unit/analysis/events.h"

static void names_and_units(void **state)
{
	static const char *const paths[] = {
		"verdict",
		"seed",
		"kernel",
		"duration_s",
		"expectations",
		"findings",
		"faults.0.name",
		"faults.0.armed_at_s",
		"faults.0.first_hit_at_s",
		"faults.0.cleared_at_s",
		"faults.0.mechanism",
		"faults.0.hits.dropped",
		"faults.0.hits.delayed",
		"faults.0.hits.reordered",
		"faults.0.hits.duplicated",
		"faults.0.hits.corrupted",
		"faults.0.hits.shaped",
		"faults.0.hits.reset",
		"faults.0.hits.rejected",
		"faults.0.edges.0.from",
		"faults.0.edges.0.to",
		"faults.0.edges.0.matched",
		"faults.0.edges.0.dropped",
		"split_brain.level",
		"split_brain.resources.0.resource",
		"split_brain.resources.0.claims.0.node",
		"split_brain.resources.0.claims.0.epoch",
		"split_brain.resources.0.claims.0.from_s",
		"split_brain.resources.0.claims.0.to_s",
		"split_brain.resources.0.must_overlap_s",
		"split_brain.resources.0.may_overlap_s",
		"split_brain.resources.0.same_epoch",
		"split_brain.resources.0.outlived_heal_s",
		"writes.attempted",
		"writes.acked",
		"writes.failed",
		"writes.unknown",
		"writes.final",
		"writes.lost",
		"writes.recovered",
		"writes.unexpected",
		"writes.lost_window_s",
		"writes.lost_by_side",
		"reads.ok",
		"reads.stale",
		"reads.max_staleness_s",
		"availability.sides.0.side",
		"availability.sides.0.longest_gap_s",
		"availability.t_stepdown_s",
		"availability.t_elect_s",
		"availability.heal_tail_s",
		"herd.kind",
		"herd.metrics.0.metric",
		"herd.metrics.0.baseline_per_s",
		"herd.metrics.0.peak_per_s",
		"herd.metrics.0.pbr",
		"herd.metrics.0.fano",
		"herd.metrics.0.synchrony_period_s",
		"herd.metrics.0.synchrony_r",
		"herd.metrics.0.amplification",
		"herd.metastable",
		"recovery.time_s",
		"recovery.goodput_baseline_per_s",
		"recovery.goodput_after_per_s",
		"latency.intended_ms.p50",
		"latency.intended_ms.p90",
		"latency.intended_ms.p99",
		"latency.intended_ms.p999",
		"latency.intended_ms.max",
		"latency.service_ms.p50",
		"latency.service_ms.max",
		"recorder.events",
		"recorder.lost_events",
		"recorder.probe_gaps",
	};
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__role(&e, "n1", 20, 1, 3);
	ev__role(&e, "n1", 40, 1, 3);
	ev__add(&e, "n1", 1, 10, 20, "ok");
	ev__line(&e,
		 "{\"t_ns\":100000000,\"type\":\"traffic\",\"node\":\"n1\",\"bin_ns\":100000000,"
		 "\"rx_packets\":1,\"rx_bytes\":2,\"tx_packets\":3,\"tx_bytes\":4,\"rx_syn\":5,"
		 "\"tx_syn\":6,"
		 "\"rx_rst\":7,\"tx_rst\":8,\"dropped\":9}");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		at(s, paths[i]);
	assert_number(s, "seed", 42);
	assert_number(s, "duration_s", 30);
	assert_number(s, "faults.0.armed_at_s", 10);
	assert_number(s, "faults.0.cleared_at_s", 20);
	assert_number(s, "faults.0.hits.dropped", 5);
	assert_null_at(s, "faults.0.hits.delayed");
	assert_null_at(s, "faults.0.first_hit_at_s");
	assert_number(s, "split_brain.resources.0.claims.0.from_s", 0.021);
	assert_number(s, "split_brain.resources.0.claims.0.to_s", 0.040);
	assert_number(s, "split_brain.resources.0.claims.0.epoch", 3);
	assert_word_at(s, "status", "crashed");
}

static void gaps_by_side(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	/* n1: silent from 1 s to 4 s (no cut), and from 9 s to 21.5 s */
	ev__add(&e, "n1", 1, 990, 1000, "ok");
	ev__add(&e, "n1", 2, 3990, 4000, "ok");
	ev__add(&e, "n1", 3, 8990, 9000, "ok");
	ev__add(&e, "n1", 4, 12000, 13000, "unknown");
	ev__add(&e, "n1", 5, 21400, 21500, "ok");
	/* the other side has clients at two nodes, and its gap is between those */
	ev__add(&e, "n2", 6, 9900, 9990, "ok");
	ev__add(&e, "n3", 7, 12400, 12490, "ok");
	ev__add(&e, "n2", 8, 19900, 19910, "ok");
	ev__add(&e, "n2", 9, 20200, 20300, "ok");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_word_at(s, "availability.sides.0.side", "n1");
	assert_number(s, "availability.sides.0.longest_gap_s", 12.5);
	assert_word_at(s, "availability.sides.1.side", "n2,n3");
	/* 20.3 s to the end overlaps no cut; 12.49 to 19.91 does */
	assert_number(s, "availability.sides.1.longest_gap_s", 7.42);
	/* the slower side is back 1.5 s after the heal */
	assert_number(s, "availability.first_ack_everywhere_s", 1.5);
	assert_number(s, "availability.heal_tail_s", 1.5);
	assert_null_at(s, "availability.t_stepdown_s");
}

static void a_longer_gap_before_the_cut_is_not_its_work(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__add(&e, "n1", 1, 100, 100, "ok");
	for (int i = 9; i < 30; i += 3)
		ev__add(&e, "n1", i, i * 1000, i * 1000, "ok");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_number(s, "availability.sides.0.longest_gap_s", 3);
}

static void an_earlier_leader_is_not_the_next_one(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__roles(&e, "n1", 0, 3000, 0, 1);
	ev__roles(&e, "n1", 3000, 12000, 1, 2);
	ev__roles(&e, "n1", 12000, 30000, 0, 3);
	ev__roles(&e, "n2", 0, 2000, 1, 1);
	ev__roles(&e, "n2", 2000, 13000, 0, 2);
	ev__role(&e, "n2", 13000, 1, 3);
	ev__role(&e, "n2", 13020, 0, 3);
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_number(s, "availability.t_elect_s", 3.001);
	assert_number(s, "availability.t_stepdown_s", 2.001);
	/* seen once: a claim of no certain length */
	assert_number(s, "split_brain.resources.0.claims.2.from_s", 13);
	assert_number(s, "split_brain.resources.0.claims.2.to_s", 13);
	assert_number(s, "split_brain.resources.0.claims.2.may_to_s", 13.021);
}

static void a_side_without_any_ack(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__add(&e, "n2", 6, 9900, 9990, "ok");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	/* it had no answer before the cut either: counted from the cut on */
	assert_number(s, "availability.sides.0.longest_gap_s", 20);
	/* from the last acknowledgement to the end, which is not the run's fault */
	assert_number(s, "availability.sides.1.longest_gap_s", 30 - 9.99);
}

static void who_steps_down_and_who_takes_over(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__roles(&e, "n1", 0, 24000, 1, 2);
	ev__roles(&e, "n1", 24000, 30000, 0, 3);
	ev__roles(&e, "n2", 0, 12600, 0, 2);
	ev__roles(&e, "n2", 12600, 30000, 1, 3);
	ev__phase(&e, 30000, "final");
	ev__end(&e, 30000, "complete", 0);
	s = ev__summary(&e);
	assert_number(s, "availability.t_stepdown_s",
		      14.001); /* the negative sample is back at 24.001 */
	assert_number(s, "availability.t_elect_s", 2.601);
	assert_number(s, "availability.old_claim_end_after_heal_s", 4.001);
	assert_number(s, "availability.heal_tail_s", 4.001);
	assert_true(ev__says(s, "n2 took over db 2.6 s after the cut; n1 stopped claiming it 4.0 s "
				"after the heal."));
	assert_true(ev__says(s, "Split brain (L5): n1 and n2 both claimed db for 11.4 s (certain), "
				"11.4 s (possible); "
				"it outlived the heal by 4.0 s."));
}

static void an_old_leader_seen_again_has_not_stepped_down(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__roles(&e, "n1", 0, 11000, 1, 2);
	ev__roles(&e, "n1", 11000, 12000, -1, -1);
	ev__roles(&e, "n1", 12000, 14000, 1, 2);
	ev__roles(&e, "n1", 14000, 30000, 0, 2);
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_number(s, "availability.t_stepdown_s", 4.001);
	assert_null_at(s, "availability.t_elect_s");
}

static void nobody_leads(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__roles(&e, "n1", 0, 30000, 0, 2);
	ev__roles(&e, "n2", 0, 21000, 1, 2);
	ev__roles(&e, "n2", 21000, 23900, 0, 2);
	ev__roles(&e, "n2", 23900, 30000, 1, 13);
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_true(ev__says(s, "Nobody led db from 1.0 s to 3.9 s after the heal."));
	assert_true(ev__says(s, "No split brain: at no time did two nodes certainly claim db."));
}

static void syn_bins(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	for (int i = 1; i <= 300; i++)
		for (int n = 1; n <= 2; n++) {
			/* 10/s each before the cut; then 0 and 4 by turns, and 30 in one bin */
			int syn = i <= 100 ? 1 : i == 205 ? 30 : i % 2 ? 0 : 4;

			ev__line(&e,
				 "{\"t_ns\":%d00000000,\"type\":\"traffic\",\"node\":\"n%d\",\"bin_"
				 "ns\":100000000,"
				 "\"rx_packets\":0,\"rx_bytes\":0,\"tx_packets\":0,\"tx_bytes\":0,"
				 "\"rx_syn\":99,"
				 "\"tx_syn\":%d,\"rx_rst\":0,\"tx_rst\":0,\"dropped\":0}",
				 i, n, syn);
		}
	s = ev__summary(&e);
	assert_number(s, "herd.metrics.0.baseline_per_s", 20);
	assert_number(s, "herd.metrics.0.peak_per_s", 600);
	assert_number(s, "herd.metrics.0.pbr", 30);
	/* 50 bins from the heal on: 24 of 0, 25 of 8, one of 60: mean 5.2, mean square 104 */
	assert_number(s, "herd.metrics.0.fano", (104 - 5.2 * 5.2) / 5.2);
	/* in the cut 8 and 0 by turns, 2 before it */
	assert_number(s, "herd.metrics.0.amplification", 2);
}

/*
 * Nothing tells two holders of an address apart; the newcomer yields when it hears the other
 * again.
 */
static void a_rival_that_yields(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	ev__roles(&e, "n1", 0, 30000, 1, -1);
	ev__roles(&e, "n2", 0, 13000, 0, -1);
	ev__roles(&e, "n2", 13000, 20400, 1, -1);
	ev__roles(&e, "n2", 20400, 30000, 0, -1);
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_null_at(s, "availability.t_stepdown_s");
	assert_number(s, "availability.t_elect_s", 3.001);
	assert_true(ev__says(s,
			     "n2 took over db 3.0 s after the cut and gave it up 0.40 s after the "
			     "heal; n1 claimed it "
			     "throughout."));
}

static void clients_in_words(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL;

	(void)state;
	ev__cut(&e);
	ev__add(&e, "n1", 1, 9000, 9000, "ok");
	ev__add(&e, "n1", 2, 21000, 21000, "ok");
	ev__add(&e, "n2", 3, 9500, 9500, "ok");
	ev__add(&e, "n2", 4, 12500, 12500, "ok");
	ev__add(&e, "n2", 5, 20500, 20500, "unknown");
	ev__phase(&e, 21000, "final");
	ev__final(&e, "n1", 1, 21000, true, "[1,5]");
	s = ev__summary(&e);
	assert_true(ev__says(s,
			     "Clients at n1 went without an acknowledgement for 12.0 s, those at "
			     "n2,n3 for 8.5 s."));
	assert_true(ev__says(s, "No acknowledged write was lost: all 4 are in the final reads."));
	assert_true(ev__says(s, "1 write took effect though its client never heard so."));

	ev__cut(&e);
	ev__add(&e, "n2", 3, 9500, 9500, "ok");
	ev__phase(&e, 21000, "final");
	t = ev__summary(&e);
	assert_true(ev__says(
		t, "Clients at n1 never had an acknowledgement, those at n2,n3 went without an "
		   "acknowledgement for 11.5 s."));
	assert_true(
		ev__says(t, "Whether any of 1 acknowledged write was lost is unknown: there was no "
			    "final read."));
}

static void minority_acks(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL;

	(void)state;
	ev__cut(&e);
	ev__add(&e, "n1", 1, 9990, 10010, "ok"); /* begun before the cut */
	ev__add(&e, "n2", 2, 15000, 15010, "ok");
	s = ev__summary(&e);
	assert_true(ev__says(s, "No minority acknowledged a write during the cut."));

	ev__cut(&e);
	ev__add(&e, "n1", 1, 15000, 15010, "ok");
	t = ev__summary(&e);
	assert_true(ev__says(t, "n1, a minority, acknowledged 1 write during the cut."));
}

/* Two partitions: nodes are on one side if no partition parts them. */
static void sides_of_two_partitions(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e,
		(struct run){
			.faults = CUT
			",{\"name\":\"two\",\"parts\":[\"partition\"],\"windows\":[[22000000000,"
			"24000000000]],\"edges\":[],\"sides\":[[\"n1\",\"n2\"],[\"n3\"]]}",
			.workloads = "{\"name\":\"set\",\"system\":\"etcd\",\"check\":\"set\","
				     "\"nodes\":[\"n1\","
				     "\"n2\",\"n3\"]}"});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	ev__armed(&e, "two", 22000);
	ev__cleared(&e, "two", 24000, 5);
	ev__add(&e, "n3", 1, 10, 20, "ok");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_int_equal(json_array_size(at(s, "availability.sides")), 3);
	assert_word_at(s, "availability.sides.2.side", "n3");
}

static void without_a_partition_every_node_is_a_side(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e,
		(struct run){
			.faults =
				"{\"name\":\"loss\",\"parts\":[\"loss\"],\"windows\":[[10000000000,"
				"20000000000]],\"edges\":[[\"n1\",\"other\"]],\"sides\":[]}"});
	ev__armed(&e, "loss", 10000);
	ev__cleared(&e, "loss", 20000, 5);
	ev__add(&e, "n1", 1, 9000, 9000, "ok");
	ev__add(&e, "n1", 2, 12000, 12000, "ok");
	ev__add(&e, "n1", 3, 25000, 25000, "ok");
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_word_at(s, "availability.sides.0.side", "n1");
	assert_number(s, "availability.sides.0.longest_gap_s", 13);
	assert_word_at(s, "availability.sides.1.side", "n2");
	assert_null_at(s, "split_brain.resources.0.outlived_heal_s");
	assert_word_at(s, "faults.0.edges.0.from", "n1");
}

static void a_crashed_run(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__armed(&e, "cut", 10000);
	ev__add(&e, "n1", 1, 12000, 12300, "ok");
	s = ev__summary(&e);
	assert_word_at(s, "status", "crashed");
	assert_word_at(s, "verdict", "unknown");
	assert_number(s, "duration_s", 12.3);
	assert_null_at(s, "faults.0.cleared_at_s");
	assert_null_at(s, "faults.0.edges.0.matched");
	assert_null_at(s, "split_brain.resources.0.outlived_heal_s");
	assert_null_at(s, "availability.heal_tail_s");
	assert_string_equal(json_string_value(json_array_get(json_object_get(s, "findings"), 0)),
			    "The run crashed: the record ends at +12.3 s.");
}

static void series(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_free_ char *csv = NULL;

	(void)state;
	ev__cut(&e);
	ev__line(&e,
		 "{\"t_ns\":200000000,\"type\":\"traffic\",\"node\":\"n2\",\"bin_ns\":100000000,"
		 "\"rx_packets\":1,\"rx_bytes\":2,\"tx_packets\":3,\"tx_bytes\":4,\"rx_syn\":5,"
		 "\"tx_syn\":6,"
		 "\"rx_rst\":7,\"tx_rst\":8,\"dropped\":9}");
	ev__add(&e, "n2", 1, 50, 150, "ok");
	ev__add(&e, "n2", 2, 50, 200, "fail");
	ev__add(&e, "n2", 3, 50, 201, "unknown");
	ev__read(&e, "n1", 3, 50, 160, "ok", true);
	ev__read(&e, "n1", 3, -50, -10, "fail", true);
	h = ev__history(&e);
	csv = analysis__series_csv(h);
	assert_string_equal(csv, "t_s,node,rx_packets,rx_bytes,tx_packets,tx_bytes,rx_syn,tx_syn,"
				 "rx_rst,tx_rst,dropped,"
				 "adds_acked,adds_failed,adds_unknown,reads_ok,reads_failed\r\n"
				 "-0.1,n1,0,0,0,0,0,0,0,0,0,0,0,0,0,1\r\n"
				 "0.1,n1,0,0,0,0,0,0,0,0,0,0,0,0,1,0\r\n"
				 "0.1,n2,1,2,3,4,5,6,7,8,9,1,1,0,0,0\r\n"
				 "0.2,n2,0,0,0,0,0,0,0,0,0,0,0,1,0,0\r\n");
}

static void junit(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_free_ char *xml = NULL;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e,
		(struct run){
			.expect = "\"writes.acked >= 1\",\"writes.lost == 0\",\"writes.acked < 1\","
				  "\"bad <&\\\"'\\u0001\\uffff> path\""});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	ev__add(&e, "n1", 1, 12000, 12300, "ok");
	ev__phase(&e, 30000, "final");
	ev__end(&e, 30000, "complete", 0);
	h = ev__history(&e);
	s = analysis__summary(h);
	xml = analysis__junit(h, s);
	assert_non_null(strstr(
		xml, "tests=\"4\" failures=\"1\" errors=\"2\" skipped=\"0\" time=\"30.000\""));
	assert_non_null(strstr(xml, "name=\"writes.acked &gt;= 1\" time=\"0\">"));
	assert_non_null(strstr(xml, "<failure message=\"found 1\" type=\"expectation\">"));
	assert_non_null(strstr(
		xml, "<error message=\"unknown: there was no final read\" type=\"unknown\">"));
	assert_non_null(strstr(xml, "name=\"bad &lt;&amp;&quot;'&gt; path\""));
	assert_null(strchr(xml, '\x01'));
}

static void junit_without_expectations(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_free_ char *xml = NULL;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = "", .resources = ""});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 0);
	ev__end(&e, 30000, "complete", 0);
	h = ev__history(&e);
	s = analysis__summary(h);
	xml = analysis__junit(h, s);
	assert_non_null(strstr(xml, "tests=\"1\" failures=\"0\" errors=\"1\""));
	assert_non_null(strstr(xml, "unknown: fault `cut` hit no packet"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_units),
		cmocka_unit_test(gaps_by_side),
		cmocka_unit_test(a_longer_gap_before_the_cut_is_not_its_work),
		cmocka_unit_test(an_earlier_leader_is_not_the_next_one),
		cmocka_unit_test(a_side_without_any_ack),
		cmocka_unit_test(who_steps_down_and_who_takes_over),
		cmocka_unit_test(an_old_leader_seen_again_has_not_stepped_down),
		cmocka_unit_test(nobody_leads),
		cmocka_unit_test(syn_bins),
		cmocka_unit_test(a_rival_that_yields),
		cmocka_unit_test(clients_in_words),
		cmocka_unit_test(minority_acks),
		cmocka_unit_test(sides_of_two_partitions),
		cmocka_unit_test(without_a_partition_every_node_is_a_side),
		cmocka_unit_test(a_crashed_run),
		cmocka_unit_test(series),
		cmocka_unit_test(junit),
		cmocka_unit_test(junit_without_expectations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
