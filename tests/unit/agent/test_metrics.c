// SPDX-License-Identifier: GPL-2.0-only
/* Metrics: the text is what Prometheus' format 0.0.4 says, and counters never fall. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/metrics.h"
#include "lib/cleanup.h"

static int setup(void **state)
{
	*state = metrics__new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	metrics__free(*state);
	return 0;
}

/* ---- a strict reader of the format ---- */

#define NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

/* A label's value after its quote; returns what follows the closing one. */
static const char *read_value(const char *p, char *out)
{
	for (; *p != '"'; p++) {
		assert_true(*p && *p != '\n');
		if (*p == '\\') {
			p++;
			assert_non_null(strchr("\\\"n", *p));
			*out++ = *p == 'n' ? '\n' : *p;
		} else {
			*out++ = *p;
		}
	}
	*out = 0;
	return p + 1;
}

/* {a="x",b="y"}: each label once. Writes a=x|b=y|. */
static const char *read_labels(const char *p, char *out)
{
	char seen[512] = "|";

	*out = 0;
	if (*p != '{')
		return p;
	do {
		size_t n = strspn(++p, NAME);
		char word[64];

		assert_in_range(n, 1, 60);
		assert_false(*p >= '0' && *p <= '9');
		snprintf(word, sizeof(word), "|%.*s|", (int)n, p);
		assert_null(strstr(seen, word));
		strcat(seen, word + 1);
		assert_int_equal(strncmp(p + n, "=\"", 2), 0);
		out += sprintf(out, "%.*s=", (int)n, p);
		p = read_value(p + n + 2, out);
		out += strlen(out);
		out += sprintf(out, "|");
	} while (*p == ',');
	assert_int_equal(*p, '}');
	return p + 1;
}

/* The value of the series @want ("name a=x|b=y|"), NAN if it is not there. The whole text is checked. */
static double value_of(struct metrics *m, const char *want)
{
	size_t len = 0;
	_cleanup_free_ char *text = metrics__text(m, &len), *all = NULL;
	char family[128] = "", type[16] = "", told[8192] = " ";
	double found = NAN;
	size_t room = 0;
	FILE *seen = open_memstream(&all, &room);

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_int_equal(text[len - 1], '\n');
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[128], key[2048], help[256];
		const char *p = line;
		size_t n;
		char *end;
		double v;

		if (!strncmp(line, "# HELP ", 7)) {
			assert_int_equal(sscanf(line, "# HELP %127s %255[^\n]", family, help), 2);
			assert_int_equal(strspn(family, NAME), strlen(family));
			assert_null(strchr(help, '\\'));
			snprintf(name, sizeof(name), " %s ", family);
			assert_null(strstr(told, name)); /* each family once, in one piece */
			strcat(told, name + 1);
			type[0] = 0;
			continue;
		}
		if (line[0] == '#') {
			assert_int_equal(sscanf(line, "# TYPE %127s %15s", name, type), 2);
			assert_string_equal(name, family);
			assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge"));
			n = strlen(name);
			assert_int_equal(!strcmp(type, "counter"),
					 n > 6 && !strcmp(name + n - 6, "_total"));
			continue;
		}
		n = strlen(family);
		assert_true(type[0]);
		assert_int_equal(strncmp(p, family, n), 0);
		sprintf(key, "%s ", family);
		p = read_labels(p + n, key + n + 1);
		assert_int_equal(*p, ' ');
		v = strtod(p + 1, &end);
		assert_true(end > p + 1 && !*end);
		assert_true(strcmp(type, "counter") != 0 || v >= 0);
		fflush(seen);
		assert_true(!all || !strstr(all, line)); /* no series twice */
		fprintf(seen, "%.*s\n", (int)(p - line), line);
		if (!strcmp(key, want))
			found = v;
	}
	fclose(seen);
	return found;
}

/* ---- tests ---- */

static void test_format(void **state)
{
	struct metrics *m = *state;

	metrics__set(m, METRIC_BUILD_INFO, LABELS("0.1.0", "6.1"), 1);
	metrics__set(m, METRIC_CLOCK_OFFSET, NO_LABELS, -0.00025);
	metrics__set(m, METRIC_API_LAST_CONTACT, NO_LABELS, INFINITY);
	metrics__add(m, METRIC_API_REQUESTS, LABELS("200"), 1);
	metrics__add(m, METRIC_API_REQUESTS, LABELS("200"), 2);
	metrics__add(m, METRIC_API_REQUESTS, LABELS("0"), 1);
	metrics__add(m, METRIC_API_REQUESTS, LABELS("200"), -2); /* not a counter's way */
	assert_true(value_of(m, "chaos_build_info version=0.1.0|kernel=6.1|") == 1);
	assert_true(value_of(m, "chaos_clock_offset_seconds ") == -0.00025);
	assert_true(isinf(value_of(m, "chaos_api_last_contact_seconds ")));
	assert_true(value_of(m, "chaos_api_requests_total code=200|") == 3);
	assert_true(value_of(m, "chaos_api_requests_total code=0|") == 1);
	assert_true(value_of(m, "chaos_watch_restarts_total ") == 0);
	assert_true(isnan(value_of(m, "chaos_children ")));
	assert_true(value_of(m, "process_resident_memory_bytes ") > 1e6);
	assert_true(value_of(m, "process_start_time_seconds ") > 1.6e9);
	assert_true(value_of(m, "process_open_fds ") >= 3);
}

static void test_escapes(void **state)
{
	struct metrics *m = *state;

	metrics__set(m, METRIC_RUNS, LABELS("a\"b\\c\nd{},="), 7);
	assert_true(value_of(m, "chaos_runs phase=a\"b\\c\nd{},=|") == 7);
	metrics__set(m, METRIC_RUNS, NO_LABELS, 8);
	assert_true(value_of(m, "chaos_runs phase=|") == 8);
}

static void test_numbers(void **state)
{
	static const double values[] = {0,     1,     1e15, 9007199254740991.0,
					0.125, 1e300, -3,   12345678901.0};
	struct metrics *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		metrics__set(m, METRIC_CHILDREN, NO_LABELS, values[i]);
		assert_true(value_of(m, "chaos_children ") == values[i]);
	}
}

static void test_follow(void **state)
{
	static const double source[] = {5, 5, 9, 2, 3, 0, 1, NAN, -1, INFINITY};
	static const double want[] = {5, 5, 9, 11, 12, 12, 13, 13, 13, 13};
	struct metrics *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(source); i++) {
		metrics__follow(m, METRIC_EVENTS_DROPPED, NO_LABELS, source[i]);
		assert_true(value_of(m, "chaos_events_dropped_total ") == want[i]);
	}
}

static json_t *live(int dropped, bool active)
{
	return json_pack(
		"{s:[{s:s,s:b,s:f,s:{s:i,s:n},s:[{s:s,s:s,s:i,s:i},{s:s,s:s,s:i},{s:s,s:s,s:i}]}],"
		"s:[{s:s,s:b},{s:s,s:b}]}",
		"faults", "name", "cut", "active", active, "first_hit_at_s", 10.5, "hits",
		"dropped", 3 * dropped, "delayed", "edges", "from", "web", "to", "db", "dropped",
		dropped, "delayed", 0, "from", "db", "to", "web", "dropped", dropped, "from", "x",
		"to", "y", "dropped", dropped, "places", "place", "web", "here", 1, "place", "db",
		"here", 0);
}

static void test_run(void **state)
{
	json_t *obj = json_pack("{s:s,s:{s:s,s:s},s:{s:s}}", "kind", "Experiment", "metadata",
				"name", "e", "namespace", "shop", "status", "phase", "Running");
	static const char here[] =
		"chaos_fault_hits_total kind=Experiment|namespace=shop|run=e|fault=cut|"
		"effect=dropped|place=web|";
	static const char active[] =
		"chaos_fault_active kind=Experiment|namespace=shop|run=e|fault=cut|";
	struct metrics *m = *state;
	static const char lost[] =
		"chaos_recorder_lost_events_total kind=Experiment|namespace=shop|run=e|";
	json_t *a = live(4, true), *b = live(1, false);

	json_object_set_new(a, "lost_events", json_integer(2));
	json_object_set_new(b, "lost_events", json_integer(0));
	metrics__begin_runs(m);
	metrics__run(m, obj, "Running", a);
	metrics__run(m, obj, "Waiting", NULL);
	assert_true(value_of(m, lost) == 2);
	assert_true(value_of(m, "chaos_runs phase=Running|") == 2);
	assert_true(value_of(m, "chaos_runs phase=Failed|") == 0);
	assert_true(value_of(m, active) == 1);
	assert_true(value_of(m, here) == 8); /* both directions of one place */
	assert_true(
		value_of(m, "chaos_fault_hits_total kind=Experiment|namespace=shop|run=e|fault=cut|"
			    "effect=dropped|place=|") == 4);
	assert_true(isnan(value_of(m, "chaos_fault_hits_total kind=Experiment|namespace=shop|run=e|"
				      "fault=cut|effect=delayed|place=web|")));
	assert_true(value_of(m,
			     "chaos_fault_first_hit_seconds kind=Experiment|namespace=shop|run=e|"
			     "fault=cut|") == 10.5);

	/* the child is started again and counts from 0; then the object is deleted */
	metrics__begin_runs(m);
	metrics__run(m, obj, "Running", b);
	assert_true(value_of(m, here) == 10);
	assert_true(value_of(m, lost) == 2);
	assert_true(value_of(m, active) == 0);
	metrics__begin_runs(m);
	assert_true(isnan(value_of(m, active)));
	assert_true(value_of(m, here) == 10);
	assert_true(value_of(m, "chaos_runs phase=Running|") == 0);
	json_decref(a);
	json_decref(b);
	json_decref(obj);
}

static void test_bound(void **state)
{
	struct metrics *m = *state;
	char word[32];
	size_t len = 0;

	for (int i = 0; i < METRICS_SERIES_MAX + 10; i++) {
		snprintf(word, sizeof(word), "%d", i);
		metrics__add(m, METRIC_API_REQUESTS, LABELS(word), 1);
	}
	free(metrics__text(m, &len));
	assert_true(len < 1 << 20);
	metrics__clear(m, METRIC_API_REQUESTS);
	assert_true(value_of(m, "chaos_metrics_series_refused_total ") == 10);
}

/* An agent lives for months, and a Schedule makes runs of new names every minute. */
static void test_room(void **state)
{
	struct metrics *m = *state;
	char word[32], key[128];

	for (int i = 0; i < 3 * METRICS_SERIES_MAX; i++) {
		snprintf(word, sizeof(word), "run-%d", i);
		metrics__begin_runs(m);
		metrics__follow(m, METRIC_RECORDER_LOST_EVENTS, LABELS("NetworkChaos", "ns", "old"),
				i);
		metrics__follow(m, METRIC_RECORDER_LOST_EVENTS, LABELS("NetworkChaos", "ns", word),
				7);
	}
	assert_true(value_of(m, "chaos_metrics_series_refused_total ") == 0);
	/* who is still there has kept what it counted */
	snprintf(key, sizeof(key),
		 "chaos_recorder_lost_events_total kind=NetworkChaos|namespace=ns|run=%s|", word);
	assert_true(value_of(m, key) == 7);
	assert_true(value_of(m, "chaos_recorder_lost_events_total "
				"kind=NetworkChaos|namespace=ns|run=old|") ==
		    3 * METRICS_SERIES_MAX - 1);
}

static void test_hostile(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"faults\":{},\"places\":1}",
		"{\"faults\":[1,{\"name\":1,\"edges\":[1,{\"from\":1,\"dropped\":\"x\"}],\"hits\":["
		"]}]}",
		"{\"faults\":[{\"name\":\"f\",\"hits\":{\"dropped\":1},\"edges\":[{\"dropped\":-5},"
		"{\"dropped\":9223372036854775807},{\"dropped\":9223372036854775807}]}]}",
	};
	struct metrics *m = *state;
	json_t *odd = json_pack("{s:i,s:[],s:s}", "kind", 1, "metadata", "status", "x");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *l = json_loads(texts[i], 0, NULL);

		assert_non_null(l);
		metrics__run(m, odd, NULL, l);
		json_decref(l);
	}
	metrics__run(m, NULL, NULL, NULL);
	/* a label that is no UTF-8 makes no series, and no harm */
	metrics__set(m, METRIC_RUNS, LABELS("\xff"), 1);
	assert_true(value_of(m, "chaos_runs phase=Pending|") > 0);
	json_decref(odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_format, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
