// SPDX-License-Identifier: GPL-2.0-only
/* test_merge.c: what several nodes recorded of a run is one record, and no count of it is lost or doubled. */
#include "lib/rng.h"
#include "unit/report/scene.h"

/* Hits are sums, the first hit is the first of all, edges are united, phases told once. */
static void faults_are_summed(void **state)
{
	static const char hit[] = "{\"t_ns\":%d" MS_JSON ",\"type\":\"fault\",\"fault\":\"cut\","
				  "\"occurrence\":0,\"event\":\"first_hit\"}";
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *sum = NULL;
	struct scene s;
	struct events e;

	(void)state;
	scene__open(&s);
	for (int i = 0; i < 2; i++) {
		run_of(&e, i ? "b" : "a", "");
		ev__phase(&e, i, "baseline");
		ev__phase(&e, 10000 + i, "fault");
		ev__armed(&e, "cut", 10000);
		ev__line(&e, hit, i ? 10100 : 10300);
		ev__phase(&e, 20000 + i, "recovery");
		ev__line(&e,
			 "{\"t_ns\":20000" MS_JSON ",\"type\":\"fault\",\"fault\":\"cut\","
			 "\"occurrence\":0,\"event\":\"cleared\",\"hits\":{\"dropped\":%d,"
			 "\"delayed\":null},"
			 "\"edges\":[{\"from\":\"n1\",\"to\":\"n2\",\"matched\":%d,\"dropped\":%d,"
			 "\"first_hit_ns\":%s,\"last_hit_ns\":%d}%s]}",
			 i ? 5 : 7, i ? 5 : 7, i ? 5 : 7, i ? "900" : "null", i ? 901 : 950,
			 i ? "" : ",{\"from\":\"n2\",\"to\":\"n1\",\"matched\":1}");
		ev__phase(&e, 30000, "end");
		ev__end(&e, 30000, "complete", i);
		scene__take(&s, &e);
	}
	h = scene__merge(&s);
	assert_int_equal(h->n_fault_events, 3);
	assert_int_equal(h->n_phases, 4);
	assert_string_equal(h->phases[3].phase, "end");
	assert_string_equal(h->end.status, "complete");
	assert_int_equal(h->end.lost_events, 1);
	sum = analysis__summary(h);
	assert_number(sum, "faults.0.hits.dropped", 12);
	assert_true(json_is_null(at(sum, "faults.0.hits.delayed")));
	assert_number(sum, "faults.0.first_hit_at_s", 10.1);
	assert_number(sum, "faults.0.armed_at_s", 10);
	assert_number(sum, "faults.0.cleared_at_s", 20);
	assert_int_equal(json_array_size(at(sum, "faults.0.edges")), 2);
	assert_number(sum, "faults.0.edges.0.dropped", 12);
	assert_int_equal(h->fault_events[2].edges[0].first_hit_ns, 900);
	assert_int_equal(h->fault_events[2].edges[0].last_hit_ns, 950);
	assert_null(note_with(h, "record ends"));
	scene__close(&s);
}

/* --- a record dealt to nodes ------------------------------------------------------------------ */

/* One line of the whole, and the node that has it. */
struct deal {
	struct events all, of[3];
};

static void deal__run(struct deal *d)
{
	static const char *const names[] = {"a", "b", "c"};

	run_of(&d->all, "all", "");
	for (int i = 0; i < 3; i++) {
		run_of(&d->of[i], names[i], "");
	}
}

#define DEAL(d, i, fn, ...)                   \
	do {                                  \
		fn(&(d)->all, __VA_ARGS__);   \
		fn(&(d)->of[i], __VA_ARGS__); \
	} while (0)

/* What n1 (at a) and n2 (at b) claim and are asked to write; c does nothing but take part. */
static void deal__life(struct deal *d)
{
	for (int i = 0; i < 3; i++) {
		ev__phase(&d->of[i], 0, "baseline");
		ev__phase(&d->of[i], 10000, "fault");
		ev__armed(&d->of[i], "cut", 10000);
		ev__phase(&d->of[i], 20000, "recovery");
		ev__cleared(&d->of[i], "cut", 20000, 10);
		ev__phase(&d->of[i], 30000, "final");
	}
	ev__phase(&d->all, 0, "baseline");
	ev__phase(&d->all, 10000, "fault");
	ev__armed(&d->all, "cut", 10000);
	ev__phase(&d->all, 20000, "recovery");
	ev__cleared(&d->all, "cut", 20000, 30);
	ev__phase(&d->all, 30000, "final");
	for (int t = 0; t < 30000; t += 20) {
		DEAL(d, 0, ev__role, "n1", t, t < 25000, 1);
		DEAL(d, 1, ev__role, "n2", t + 3, t >= 12000, 2);
	}
	for (int i = 0; i < 1400; i++) {
		int t = 20 + 20 * i;

		DEAL(d, i % 2, ev__add, i % 2 ? "n2" : "n1", i, t, t + 2, i % 7 ? "ok" : "unknown");
	}
	DEAL(d, 0, ev__final, "n1", 0, 30100, true, "[0,900]");
	DEAL(d, 1, ev__final, "n2", 0, 30100, true, "[0,900]");
	for (int i = 0; i < 3; i++)
		ev__end(&d->of[i], 30200, "complete", 0);
	ev__phase(&d->all, 30200, "end");
	ev__end(&d->all, 30200, "complete", 0);
}

/* What differs by design is taken out, the rest must be the same. */
static void same_numbers(const json_t *x, const json_t *y)
{
	static const char *const about[] = {"split_brain", "writes",   "reads",	  "availability",
					    "faults",	   "recovery", "latency", "status",
					    "duration_s",  "seed",     "kernel",  "verdict",
					    "checks"};

	for (size_t i = 0; i < ARRAY_SIZE(about); i++) {
		const json_t *p = at(x, about[i]), *q = at(y, about[i]);

		if (!json_equal((json_t *)p, (json_t *)q)) {
			_cleanup_free_ char *a = json_dumps(p, JSON_ENCODE_ANY);
			_cleanup_free_ char *b = json_dumps(q, JSON_ENCODE_ANY);

			fail_msg("%s differs:\n%s\n%s", about[i], a, b);
		}
	}
}

static void dealt_and_merged_is_the_same(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *x = NULL, *y = NULL, *lanes = NULL;
	struct scene s;
	struct deal d;

	(void)state;
	scene__open(&s);
	deal__run(&d);
	deal__life(&d);
	for (int i = 0; i < 3; i++)
		scene__take(&s, &d.of[i]);
	h = scene__merge(&s);
	x = analysis__summary(h);
	y = ev__summary(&d.all);
	same_numbers(x, y);
	assert_int_equal(h->n_hosts, 3);
	assert_word_at(x, "cluster.nodes.1.node", "b");
	assert_word_at(x, "cluster.nodes.1.status", "complete");
	assert_null_at(x, "cluster.clock_epsilon_ms"); /* nobody says */
	lanes = analysis__lanes(h, x);
	assert_word_at(lanes, "hosts.n1.0", "a");
	assert_word_at(lanes, "hosts.n2.0", "b");
	assert_int_equal(json_array_size(at(lanes, "hosts.n2")), 1);
	scene__close(&s);
}

/* Wherever a node's record is cut, the merged one is read, and says where it ends. */
static void cut_anywhere(void **state)
{
	struct rng rng = rng__fork(7, 0);
	struct deal d;

	(void)state;
	deal__run(&d);
	deal__life(&d);
	for (int i = 0; i < 3; i++)
		fclose(d.of[i].f);
	fclose(d.all.f);
	free(d.all.text);
	for (int k = 0; k < 10; k++) {
		size_t head = (size_t)(strchr(d.of[1].text, '\n') - d.of[1].text) + 1;
		size_t len = head + (size_t)rng__below(&rng, (uint32_t)(d.of[1].len - head));
		_cleanup_(cleanup_history) struct history *h = NULL;
		_cleanup_json_ json_t *sum = NULL;
		const char *note;
		struct scene s;

		if (d.of[1].text[len - 1] == '\n')
			len--; /* a whole last line without its newline is read */
		scene__open(&s);
		scene__bytes(&s, d.of[0].text, d.of[0].len);
		scene__bytes(&s, d.of[1].text, len);
		h = scene__merge(&s);
		sum = analysis__summary(h);
		assert_word_at(sum, "status", "failed");
		note = note_with(h, "b: its record ends at");
		assert_non_null(note);
		assert_true(json_integer_value(at(sum, "faults.0.hits.dropped")) <= 20);
		assert_true(json_integer_value(at(sum, "faults.0.hits.dropped")) >= 10);
		scene__close(&s);
	}
	for (int i = 0; i < 3; i++)
		free(d.of[i].text);
}

/* --- bins ------------------------------------------------------------------------------------- */

static void a_packet_between_nodes_is_counted_once(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	int64_t packets = 0, back = 0, opened = 0, dropped = 0;
	struct scene s;
	struct events e;

	(void)state;
	scene__open(&s);
	for (int i = 0; i < 2; i++) {
		run_of(&e, i ? "b" : "a",
		       i ? ",\"places\":[{\"place\":\"n2/x\",\"endpoint\":\"n2\",\"here\":true},"
			   "{\"place\":\"n1\",\"endpoint\":\"n1\",\"here\":false}]"
			 : ",\"places\":[{\"place\":\"n1\",\"endpoint\":\"n1\",\"here\":true},"
			   "{\"place\":\"n2/x\",\"endpoint\":\"n2\",\"here\":false}]");
		ev__line(&e,
			 "{\"t_ns\":1000,\"type\":\"bins\",\"client\":\"n1\",\"server\":\"n2/"
			 "x\",\"proto\":\"tcp\","
			 "\"port\":80,\"start_ns\":0,\"bin_ns\":100,\"n\":1,\"packets\":[7],"
			 "\"back_packets\":[5],\"opened\":[1],\"dropped\":[%d]}",
			 i ? 2 : 1);
		ev__end(&e, 30000, "complete", 0);
		scene__take(&s, &e);
	}
	h = scene__merge(&s);
	assert_int_equal(h->n_bins, 2);
	for (size_t i = 0; i < h->n_bins; i++) {
		packets += h->bins[i].counts[BINS_PACKETS] ? h->bins[i].counts[BINS_PACKETS][0] : 0;
		back += h->bins[i].counts[BINS_BACK_PACKETS]
				? h->bins[i].counts[BINS_BACK_PACKETS][0]
				: 0;
		opened += h->bins[i].counts[BINS_OPENED] ? h->bins[i].counts[BINS_OPENED][0] : 0;
		dropped += h->bins[i].counts[BINS_DROPPED] ? h->bins[i].counts[BINS_DROPPED][0] : 0;
	}
	assert_int_equal(packets, 7);
	assert_int_equal(back, 5);
	assert_int_equal(opened, 1);
	assert_int_equal(dropped, 3); /* each of its own */
	scene__close(&s);
}

/* --- places ----------------------------------------------------------------------------------- */

/* A pod is on the side of its endpoint; what it wrote and lost is that side's. It claims nothing while it is gone. */
static void pods_are_where_their_endpoint_is(void **state)
{
	static const char place[] = "{\"t_ns\":%d" MS_JSON ",\"type\":\"place\",\"place\":\"n1/x\","
				    "\"endpoint\":\"n1\",\"event\":\"%s\",\"here\":true}";
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *sum = NULL;
	struct scene s;
	struct events e;
	double may;

	(void)state;
	scene__open(&s);
	run_of(&e, "a",
	       ",\"places\":[{\"place\":\"n1/x\",\"endpoint\":\"n1\",\"here\":true},"
	       "{\"place\":\"n2\",\"endpoint\":\"n2\",\"here\":true}]");
	ev__armed(&e, "cut", 10000);
	ev__roles(&e, "n1/x", 0, 12000, 1, 1);
	ev__roles(&e, "n2", 0, 30000, 1, 2);
	ev__line(&e, place, 12000, "left");
	for (int i = 0; i < 10; i++)
		ev__add(&e, "n1/x", i, 11000 + i, 11001 + i, "ok");
	ev__line(&e, place, 15000, "joined");
	ev__roles(&e, "n1/x", 15000, 20000, 1, 1);
	ev__cleared(&e, "cut", 20000, 1);
	ev__phase(&e, 30000, "final");
	ev__final(&e, "n1/x", 0, 30100, true, "[0,6]");
	ev__final(&e, "n2", 0, 30100, true, "[0,6]");
	ev__end(&e, 30200, "complete", 0);
	scene__take(&s, &e);
	h = scene__merge(&s);
	sum = analysis__summary(h);
	assert_number(sum, "writes.lost", 3);
	assert_number(sum, "writes.lost_by_side.n1/x", 3);
	assert_word_at(sum, "availability.sides.0.side", "n1/x");
	assert_int_equal(json_array_size(at(sum, "availability.sides")), 2);
	may = json_number_value(at(sum, "split_brain.resources.0.may_overlap_s"));
	/* 12 s before it went, 5 s after; not the 3 s between */
	assert_true(may > 16.9 && may < 17.1);
	scene__close(&s);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void refuses(const char *a, const char *b, const char *words)
{
	struct scene s;

	scene__open(&s);
	scene__bytes(&s, a, strlen(a));
	if (b)
		scene__bytes(&s, b, strlen(b));
	assert_int_equal(record__merge((const char *const *)s.paths, s.n, s.out, &s.err), -EINVAL);
	if (!strstr(s.err.msg, words))
		fail_msg("`%s` has no `%s`", s.err.msg, words);
	assert_int_equal(access(s.out, F_OK), -1);
	scene__close(&s);
}

static void bad_records(void **state)
{
#define HEAD                                                                                       \
	"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"faults\":[{\"name\":\"f\"}]}" \
	"\n"
	static const char fault[] =
		HEAD "{\"t_ns\":1,\"type\":\"fault\",\"fault\":\"f\",\"occurrence\":%s}\n";

	(void)state;
	refuses("", NULL, "no event was recorded");
	refuses("{\"t_ns\":0,\"type\":\"phase\"}\n", NULL,
		":1: event `phase`: expected the run event first");
	refuses(HEAD "nonsense\n", NULL, ":2: column 8: not JSON");
	refuses(HEAD "[]\n", NULL, ":2: expected an event");
	refuses(HEAD "{\"t_ns\":\"x\",\"type\":\"note\"}\n", NULL, ":2: expected an event");
	refuses(HEAD "{\"t_ns\":9223372036854775807,\"type\":\"note\"}\n", NULL,
		":2: `t_ns`: out of range");
	/* more than 64 bits hold: what is left of it in them is a good time */
	refuses(HEAD "{\"t_ns\":9999999999999999999,\"type\":\"note\"}\n", NULL,
		":2: column 27: not JSON: too big integer");
	refuses(HEAD HEAD, NULL, ":2: event `run`: there can be only one");
	refuses(HEAD "{\"t_ns\":1,\"type\":\"end\"}\n{\"t_ns\":1,\"type\":\"note\"}\n", NULL,
		":3: event `note`: it comes after");
	refuses(HEAD, "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"y\"}\n",
		"is of run `");
	refuses("{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"cluster\":{}}\n", NULL,
		"several nodes already");
	refuses("{\"t_ns\":0,\"type\":\"run\",\"version\":2,\"name\":\"x\"}\n", NULL,
		"expected `version` 1");
	for (int i = 0; i < 4; i++) {
		static const char *const which[] = {"-1", "1000001", "\"0\"",
						    "0,\"event\":\"gone\""};
		char text[512];

		snprintf(text, sizeof(text), fault, which[i]);
		refuses(text, NULL, ":2: event `fault`: expected");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_summed),
		cmocka_unit_test(dealt_and_merged_is_the_same),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(a_packet_between_nodes_is_counted_once),
		cmocka_unit_test(pods_are_where_their_endpoint_is),
		cmocka_unit_test(bad_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
