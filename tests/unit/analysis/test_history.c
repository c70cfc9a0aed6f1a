// SPDX-License-Identifier: GPL-2.0-only
/* test_history.c: what is an event and what is not. */
#include "unit/analysis/events.h"

#include <errno.h>
#include <sys/stat.h>

static int read_text(const char *text, size_t len, struct history **ret, struct error *err)
{
	_cleanup_fclose_ FILE *f = fmemopen((void *)text, len, "r");

	assert_non_null(f);
	return history__read(f, "e.jsonl", ret, err);
}

/* The run event, then @line: it must be refused, saying @what, at line 2. */
static void refused(const char *line, const char *what)
{
	struct events e;
	struct history *h = NULL;
	struct error err = {0};
	int r;

	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__line(&e, "%s", line);
	fclose(e.f);
	r = read_text(e.text, e.len, &h, &err);
	if (r != -EINVAL || strncmp(err.msg, "e.jsonl:2: ", 11) != 0 || !strstr(err.msg, what))
		fail_msg("%s\nfor %s\ngot %d: %s", what, line, r, err.msg);
	assert_null(h);
	free(e.text);
}

static void reads_everything(void **state)
{
	struct events e;
	struct history_window w;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__phase(&e, -500, "lab");
	ev__line(&e, "{\"t_ns\":-5,\"type\":\"node\",\"node\":\"n3\",\"event\":\"ready\"}");
	ev__role(&e, "n2", 40, 1, 7);
	ev__role(&e, "n1", 60, -1, -1);
	ev__role(&e, "n1", 40, 0, -1);
	ev__line(&e, "{\"t_ns\":1,\"type\":\"role_change\",\"resource\":\"db\",\"node\":\"n1\","
		     "\"from\":null,"
		     "\"to\":\"leader\",\"epoch\":null}");
	ev__add(&e, "n1", 5, 30, 90, "ok");
	ev__read(&e, "n2", 5, 10, 20, "ok", true);
	ev__line(&e, "{\"t_ns\":100,\"type\":\"traffic\",\"node\":\"n1\",\"bin_ns\":100,\"rx_"
		     "packets\":1,"
		     "\"rx_bytes\":2,\"tx_packets\":3,\"tx_bytes\":4,\"rx_syn\":5,\"tx_syn\":6,"
		     "\"rx_rst\":7,"
		     "\"tx_rst\":8,\"dropped\":9}");
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 12);
	ev__line(&e, "{\"t_ns\":3,\"type\":\"probe_gap\",\"resource\":\"db\",\"node\":\"n1\","
		     "\"from_ns\":1,"
		     "\"to_ns\":3}");
	ev__line(&e, "{\"t_ns\":3,\"type\":\"note\",\"level\":\"warning\",\"text\":\"w\"}");
	ev__line(&e, "{\"t_ns\":4,\"type\":\"guard\",\"expr\":\"x > 1\",\"text\":\"fired\"}");
	ev__final(&e, "n1", 1, 31000, true, "[5,6],[1,2],[3,3],[9,9],[8,8]");
	ev__end(&e, 31500, "complete", 0);

	_cleanup_(cleanup_history) struct history *h = ev__history(&e);

	assert_int_equal(h->nodes.n, 3);
	assert_int_equal(json_integer_value(h->seed), 42);
	assert_int_equal(h->n_roles, 3);
	/* by node, then time */
	assert_int_equal(h->roles[0].node, 0);
	assert_int_equal(h->roles[0].send_ns, 40 * NS_PER_MS);
	assert_int_equal(h->roles[0].epoch, HISTORY_NONE);
	assert_int_equal(h->roles[1].role, ROLE_ERROR);
	assert_int_equal(h->roles[2].epoch, 7);
	assert_true(h->roles[2].claim);
	assert_int_equal(h->n_ops, 2);
	assert_int_equal(h->ops[0].kind, OP_READ);
	assert_int_equal(h->ops[1].value, 5);
	assert_int_equal(h->traffic[0].dropped, 9);
	/* [1,2] [3,3] [5,6] [8,8] [9,9] */
	assert_int_equal(h->finals[0].n_runs, 3);
	assert_int_equal(h->finals[0].runs[0].last, 3);
	assert_int_equal(h->finals[0].runs[2].first, 8);
	assert_int_equal(h->finals[0].runs[2].last, 9);
	assert_true(history__window(h, 0, 0, &w));
	assert_int_equal(w.start_ns, 10 * NS_PER_S);
	assert_int_equal(w.end_ns, 20 * NS_PER_S);
	assert_false(history__window(h, 0, 1, &w));
	assert_false(history__window(h, 9, 0, &w));
	assert_int_equal(h->fault_events[1].hits[HIT_DROPPED], 12);
	assert_int_equal(h->fault_events[1].hits[HIT_DELAYED], HISTORY_NONE);
	assert_int_equal(h->fault_events[1].hits[HIT_SHAPED], HISTORY_NONE);
	assert_int_equal(h->gaps[0].to_ns, 3);
	assert_int_equal(h->n_notes, 2);
	assert_string_equal(h->notes[1].level, "error");
	assert_string_equal(h->end.status, "complete");
	assert_int_equal(h->last_ns, 31500 * NS_PER_MS);
	assert_int_equal(h->n_events, 17);
	assert_string_equal(history__node(h, HISTORY_OTHER), "other");
	assert_string_equal(history__node(h, 2), "n3");
}

static void a_run_may_have_begun_before_its_machine(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.more = ",\"start_monotonic_ns\":-3599449427398"});
	h = ev__history(&e);
	assert_int_equal(h->start_monotonic_ns, -3599449427398);
}

static void a_last_line_cut_short_is_a_note(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__add(&e, "n1", 1, 10, 20, "ok");
	ev__armed(&e, "cut", 10000);
	fprintf(e.f, "{\"t_ns\":5,\"type\":\"op\",\"workl");
	h = ev__history(&e);
	assert_int_equal(h->n_ops, 1);
	assert_int_equal(h->n_notes, 1);
	assert_string_equal(h->notes[0].level, "warning");
	assert_false(h->end.present);
	assert_string_equal(h->end.status, "crashed");
	/* armed and never cleared: to the end of the record */
	assert_true(h->faults[0].standing);
	assert_int_equal(h->faults[0].happened[0].end_ns, h->last_ns);
}

static void every_cut_of_a_record_reads_or_says_why(void **state)
{
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__role(&e, "n1", 40, 1, 7);
	ev__final(&e, "n1", 1, 31000, true, "[5,6]");
	ev__end(&e, 31500, "complete", 0);
	fclose(e.f);
	for (size_t n = 1; n <= e.len; n++) {
		struct history *h = NULL;
		struct error err = {0};
		int r = read_text(e.text, n, &h, &err);

		assert_int_equal(r == 0, h != NULL);
		assert_true(r == 0 || (r == -EINVAL && *err.msg));
		if (h)
			json_decref(analysis__summary(h));
		history__free(h);
	}
	free(e.text);
}

static void foreign_lines(void **state)
{
	(void)state;
	refused("", "not JSON");
	refused("hello", "not JSON");
	refused("[1,2]", "expected a JSON object");
	refused("{}", "`type` is missing");
	refused("{\"type\":7}", "`type` is missing");
	refused("{\"type\":\"op\"}", "`t_ns` is missing");
	refused("{\"t_ns\":1,\"t_ns\":2,\"type\":\"op\"}", "not JSON"); /* duplicate member */
	refused("{\"t_ns\":1,\"type\":\"nonsense\"}", "no such event");
	refused("{\"t_ns\":1.5,\"type\":\"phase\",\"phase\":\"lab\"}", "expected an integer");
	refused("{\"t_ns\":2000000000000000000,\"type\":\"phase\",\"phase\":\"lab\"}",
		"out of range");
	refused("{\"t_ns\":99999999999999999999999,\"type\":\"phase\"}", "not JSON");
	refused("{\"t_ns\":1,\"type\":\"phase\",\"phase\":{}}", "expected a string");
	refused("{\"t_ns\":1,\"type\":\"node\",\"node\":\"n9\",\"event\":\"ready\"}",
		"node `n9` is not in");
	refused("{\"t_ns\":1,\"type\":\"node\",\"node\":[],\"event\":\"ready\"}",
		"expected the name of a node");
}

#define ROLE(rest) "{\"t_ns\":1,\"type\":\"role\",\"resource\":\"db\",\"node\":\"n1\"," rest "}"
#define OP(rest) \
	"{\"t_ns\":1,\"type\":\"op\",\"workload\":\"set\",\"client\":0,\"node\":\"n1\"," rest "}"
#define FINAL(rest) \
	"{\"t_ns\":1,\"type\":\"final\",\"workload\":\"set\",\"node\":\"n1\",\"ok\":true," rest "}"

static void members_out_of_range(void **state)
{
	(void)state;
	refused(ROLE("\"send_ns\":1,\"recv_ns\":2,\"role\":\"king\""), "unknown value `king`");
	refused(ROLE("\"send_ns\":3,\"recv_ns\":2,\"role\":\"leader\""), "before `send_ns`");
	refused(ROLE("\"send_ns\":1,\"recv_ns\":2,\"role\":\"leader\",\"claim\":1"),
		"true or false");
	refused(ROLE("\"send_ns\":1,\"recv_ns\":2,\"role\":\"leader\",\"epoch\":\"x\""),
		"expected an integer");
	refused(OP("\"op\":\"add\",\"outcome\":\"ok\",\"value\":\"x\",\"intended_ns\":1"),
		"expected an integer");
	refused(OP("\"op\":\"add\",\"outcome\":\"ok\",\"value\":9000000000000000000,\"intended_"
		   "ns\":1"),
		"out of range");
	refused(OP("\"op\":\"add\",\"outcome\":\"ok\",\"value\":1,\"intended_ns\":1,\"invoke_ns\":"
		   "9,"
		   "\"return_ns\":8"),
		"before it was invoked");
	refused(OP("\"op\":\"add\",\"outcome\":\"ok\",\"value\":1,\"intended_ns\":1,\"invoke_ns\":"
		   "null,"
		   "\"return_ns\":8"),
		"without having been sent");
	refused(FINAL("\"values\":[[2,1]]"), "expected [first, last]");
	refused(FINAL("\"values\":[[1]]"), "expected [first, last]");
	refused(FINAL("\"values\":[[1,4000000000000000000]]"), "expected [first, last]");
	refused(FINAL("\"values\":null"), "`values` is missing");
	refused("{\"t_ns\":1,\"type\":\"traffic\",\"node\":\"n1\",\"bin_ns\":100,\"rx_packets\":-"
		"1}",
		"out of range");
	refused("{\"t_ns\":1,\"type\":\"fault\",\"fault\":\"cut\",\"occurrence\":0,\"event\":"
		"\"cleared\","
		"\"hits\":7}",
		"expected an object");
	refused("{\"t_ns\":1,\"type\":\"fault\",\"fault\":\"cut\",\"occurrence\":0,\"event\":"
		"\"cleared\","
		"\"edges\":[{\"from\":\"n1\",\"to\":\"n2\"},{\"from\":\"nx\"}]}",
		"node `nx`");
	refused("{\"t_ns\":1,\"type\":\"probe_gap\",\"resource\":\"db\",\"node\":\"n1\",\"from_"
		"ns\":5,\"to_ns\":4}",
		"before `from_ns`");
	refused("{\"t_ns\":1,\"type\":\"end\",\"status\":\"complete\",\"recorder\":[]}",
		"expected an object");
}

static void the_run_event_stands_first_and_alone(void **state)
{
	static const char *const bad[] = {
		"{\"t_ns\":1,\"type\":\"phase\",\"phase\":\"lab\"}\n",
		"\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":2,\"name\":\"x\"}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":-1,"
		"\"traffic_bin_ns\":1}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":0}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"nodes\":[\"a\",\"a\"]}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"nodes\":[\"a\"],\"faults\":[{\"name\":\"f\",\"sides\":[[\"b\"]]}]}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"faults\":[{\"name\":\"f\",\"windows\":[[5,4]]}]}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"resources\":[7]}\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"resources\":[{\"resource\":\"r\",\"system\":\"s\",\"nodes\":[],\"every_ns\":0}]}"
		"\n",
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1,"
		"\"workloads\":[{\"name\":\"w\",\"system\":\"s\",\"check\":\"set\",\"nodes\":[],"
		"\"rate_per_s\":-4}]}\n",
		"{\"t_ns\":0,\"type\":\"ru",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct history *h = NULL;
		struct error err = {0};

		if (read_text(bad[i], strlen(bad[i]), &h, &err) != -EINVAL || !*err.msg)
			fail_msg("%s was taken", bad[i]);
	}
	refused("{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		"\"traffic_bin_ns\":1}",
		"only one");
}

static void nothing_after_the_end(void **state)
{
	struct events e;
	struct history *h = NULL;
	struct error err = {0};

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__end(&e, 31500, "complete", 0);
	ev__phase(&e, 1, "lab");
	fclose(e.f);
	assert_int_equal(read_text(e.text, e.len, &h, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "e.jsonl:3:"));
	free(e.text);
}

static void loads_from_a_folder(void **state)
{
	char dir[] = "/tmp/chaos-history.XXXXXX", path[64];
	struct events e;
	struct history *h = NULL;
	struct error err = {0};
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/events.jsonl", dir);
	assert_int_equal(history__load(dir, &h, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(history__load(dir, &h, &err), -EISDIR);
	assert_int_equal(rmdir(path), 0);

	ev__open(&e);
	ev__run(&e, (struct run){0});
	fclose(e.f);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(e.text, 1, e.len, f), e.len);
	fclose(f);
	free(e.text);
	assert_int_equal(history__load(dir, &h, &err), 0);
	assert_string_equal(h->name, "test");
	history__free(h);
	history__free(NULL);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_everything),
		cmocka_unit_test(a_run_may_have_begun_before_its_machine),
		cmocka_unit_test(a_last_line_cut_short_is_a_note),
		cmocka_unit_test(every_cut_of_a_record_reads_or_says_why),
		cmocka_unit_test(foreign_lines),
		cmocka_unit_test(members_out_of_range),
		cmocka_unit_test(the_run_event_stands_first_and_alone),
		cmocka_unit_test(nothing_after_the_end),
		cmocka_unit_test(loads_from_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
