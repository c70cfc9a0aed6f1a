// SPDX-License-Identifier: GPL-2.0-only
/* The words of `chaos inject` as parts of a fault, and errors in those words. */
#include "cli/inject.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Flags of the command lines below. */
static const struct {
	const char *name;
	int key;
	bool value;
} flags[] = {
	{"--jitter", KEY_JITTER, true},
	{"--correlation", KEY_CORRELATION, true},
	{"--distribution", KEY_DISTRIBUTION, true},
	{"--table", KEY_TABLE, true},
	{"--order", KEY_ORDER, true},
	{"--latency", KEY_LATENCY, true},
	{"--gap", KEY_GAP, true},
	{"--burst", KEY_BURST, true},
	{"--every", KEY_EVERY, true},
	{"--first-n", KEY_FIRST_N, true},
	{"--silent", KEY_SILENT, false},
	{"--queue", KEY_QUEUE, true},
	{"--ends", KEY_ENDS, true},
	{"--with", KEY_WITH, true},
	{"--icmp", KEY_ICMP, false},
};

static int feed_flag(struct inject_words *w, const char *name, char **save, struct error *err)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, name))
			continue;
		return inject_words__flag(w, flags[i].key,
					  flags[i].value ? strtok_r(NULL, " ", save) : NULL, err);
	}
	fail_msg("%s", name);
	return 0;
}

/* @line must outlive @w. */
static int feed(struct inject_words *w, char *line, struct error *err)
{
	char *save;
	int r = 0;

	assert_int_equal(inject_words__init(w), 0);
	for (char *word = strtok_r(line, " ", &save); word && !r; word = strtok_r(NULL, " ", &save))
		r = strncmp(word, "--", 2) ? inject_words__word(w, word, err)
					   : feed_flag(w, word, &save, err);
	return r ? r : inject_words__end(w, err);
}

/* clang-format off */
static const struct {
	const char *line, *parts;
} good[] = {
	{"partition", "{\"partition\":{}}"},
	{"loss 1%", "{\"loss\":{\"probability\":\"1%\"}}"},
	{"loss 1% 25%", "{\"loss\":{\"probability\":\"1%\",\"correlation\":\"25%\"}}"},
	{"loss random 1% 25%", "{\"loss\":{\"probability\":\"1%\",\"correlation\":\"25%\"}}"},
	{"loss 1% --burst 5", "{\"loss\":{\"probability\":\"1%\",\"burst\":\"5\"}}"},
	{"loss --every 10", "{\"loss\":{\"every\":\"10\"}}"},
	{"loss --first-n 3", "{\"loss\":{\"first\":\"3\"}}"},
	{"loss gemodel 1%", "{\"loss\":{\"gemodel\":{\"p\":\"1%\",\"r\":\"0.990000000000\"}}}"},
	{"loss gemodel 1% 20%", "{\"loss\":{\"gemodel\":{\"p\":\"1%\",\"r\":\"20%\"}}}"},
	{"loss gemodel 1% 20% 70% 0.1%", "{\"loss\":{\"gemodel\":{\"p\":\"1%\",\"r\":\"20%\",\"h\":\"0.300000000000\",\"k\":\"0.999000000000\"}}}"},
	{"loss gemodel 1% 20% 100%..50%", "{\"loss\":{\"gemodel\":{\"p\":\"1%\",\"r\":\"20%\",\"h\":\"0.000000000000..0.500000000000\"}}}"},
	{"loss gemodel 1% 20% 700%", "{\"loss\":{\"gemodel\":{\"p\":\"1%\",\"r\":\"20%\",\"h\":\"700%\"}}}"},
	{"loss state 1%", "{\"loss\":{\"state\":{\"p13\":\"1%\",\"p31\":\"0.990000000000\"}}}"},
	{"loss state 1% 2% 3% 4% 5%", "{\"loss\":{\"state\":{\"p13\":\"1%\",\"p31\":\"2%\",\"p32\":\"3%\",\"p23\":\"4%\",\"p14\":\"5%\"}}}"},
	{"loss state 1% delay 1s", "{\"loss\":{\"state\":{\"p13\":\"1%\",\"p31\":\"0.990000000000\"}},\"delay\":{\"latency\":\"1s\"}}"},
	{"delay 100ms 20ms 25% distribution normal", "{\"delay\":{\"latency\":\"100ms\",\"jitter\":\"20ms\",\"correlation\":\"25%\",\"distribution\":\"normal\"}}"},
	{"delay 100ms --jitter 20ms --correlation 25% --distribution table --table f --order keep", "{\"delay\":{\"latency\":\"100ms\",\"jitter\":\"20ms\",\"correlation\":\"25%\",\"distribution\":\"table\",\"table\":\"f\",\"order\":\"keep\"}}"},
	{"reorder 25% 50% gap 5 --latency 10ms", "{\"reorder\":{\"probability\":\"25%\",\"correlation\":\"50%\",\"gap\":\"5\"},\"delay\":{\"latency\":\"10ms\"}}"},
	{"delay 10ms reorder 25% --gap 5", "{\"delay\":{\"latency\":\"10ms\"},\"reorder\":{\"probability\":\"25%\",\"gap\":\"5\"}}"},
	{"reorder 25% --latency 10ms --jitter 1ms", "{\"reorder\":{\"probability\":\"25%\"},\"delay\":{\"latency\":\"10ms\",\"jitter\":\"1ms\"}}"},
	{"duplicate 1% 5% corrupt 2% --silent", "{\"duplicate\":{\"probability\":\"1%\",\"correlation\":\"5%\"},\"corrupt\":{\"probability\":\"2%\",\"kind\":\"silent\"}}"},
	{"rate 10mbit --burst 16kb --queue 50ms", "{\"rate\":{\"bandwidth\":\"10mbit\",\"burst\":\"16kb\",\"queue\":\"50ms\"}}"},
	{"reset --ends sender ecn 10% mtu 1400 --icmp", "{\"reset\":{\"ends\":\"sender\"},\"ecn\":{\"probability\":\"10%\"},\"mtu\":{\"size\":\"1400\",\"icmp\":true}}"},
	{"reject 50% --with net", "{\"reject\":{\"probability\":\"50%\",\"with\":\"net\"}}"},
	/* a flag goes with the fault before it that has one, else with the first one behind */
	{"loss 1% --burst 5 rate 1mbit --burst 16kb", "{\"loss\":{\"probability\":\"1%\",\"burst\":\"5\"},\"rate\":{\"bandwidth\":\"1mbit\",\"burst\":\"16kb\"}}"},
	{"loss 1% rate 1mbit --correlation 25%", "{\"loss\":{\"probability\":\"1%\",\"correlation\":\"25%\"},\"rate\":{\"bandwidth\":\"1mbit\"}}"},
	{"delay 1s 1ms loss 1% --correlation 25%", "{\"delay\":{\"latency\":\"1s\",\"jitter\":\"1ms\"},\"loss\":{\"probability\":\"1%\",\"correlation\":\"25%\"}}"},
	{"--jitter 5ms --queue 1s loss 1% delay 10ms rate 1mbit", "{\"loss\":{\"probability\":\"1%\"},\"delay\":{\"jitter\":\"5ms\",\"latency\":\"10ms\"},\"rate\":{\"queue\":\"1s\",\"bandwidth\":\"1mbit\"}}"},
};

static const struct {
	const char *line, *error;
} bad[] = {
	{"", "which fault? partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{"los 1%", "no fault `los`; did you mean `loss`?"},
	{"1%", "no fault `1%`; expected partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{"loss often", "no fault `often`; expected partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{"loss 1% dely 1s", "no fault `dely`; did you mean `delay`?"},
	{"loss 1% 2% 3%", "`3%` is one value too many; expected loss P [CORRELATION]"},
	{"loss state 1% 1% 1% 1% 1% 1%", "`1%` is one value too many; expected loss state P13 [P31 [P32 [P23 [P14]]]]"},
	{"partition 1%", "`1%` is one value too many; expected partition"},
	{"partition loss 1%", "a partition leaves nothing for another fault; expected it alone"},
	{"loss 1% loss 2%", "`loss` twice; expected it once"},
	{"delay 1s distribution", "`distribution` needs a value"},
	{"delay 1s distribution loss 1%", "`distribution` needs a value"},
	{"loss 1% distribution normal", "no fault `distribution`; expected partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{"loss 1% --jitter 5ms", "--jitter goes with delay"},
	{"delay 1s --burst 5", "--burst goes with loss or rate"},
	{"delay 1s 1ms --jitter 2ms", "--jitter: the jitter of `delay` is `1ms` already"},
	{"--jitter 2ms delay 1s 1ms", "delay: the jitter of `delay` is `2ms` already"},
	{"reorder 5% --latency 1ms delay 2ms", "delay: the latency of `delay` is `1ms` already"},
	{"loss \xff", "no fault `\xff`; expected partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{"loss 1\xff", "loss: `1\xff` is no UTF-8 text"},
};
/* clang-format on */

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *line = strdup(good[i].line), *parts;
		struct inject_words w;
		struct error err = {0};

		if (feed(&w, line, &err))
			fail_msg("%s: %s", good[i].line, err.msg);
		parts = json_dumps(w.parts, JSON_COMPACT);
		if (strcmp(parts, good[i].parts))
			fail_msg("%s\nis:       %s\nexpected: %s", good[i].line, parts,
				 good[i].parts);
		free(parts);
		free(line);
		inject_words__reset(&w);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *line = strdup(bad[i].line);
		struct inject_words w;
		struct error err = {0};

		if (feed(&w, line, &err) != -EINVAL || strcmp(err.msg, bad[i].error))
			fail_msg("%s\nfound:    %s\nexpected: %s", bad[i].line, err.msg,
				 bad[i].error);
		free(line);
		inject_words__reset(&w);
	}
}

static void test_many_early_flags(void **state)
{
	struct inject_words w;
	struct error err = {0};
	int r = 0;

	(void)state;
	assert_int_equal(inject_words__init(&w), 0);
	for (int i = 0; i < INJECT_FLAGS_MAX; i++)
		r = r ? r : inject_words__flag(&w, KEY_JITTER, "1ms", &err);
	assert_int_equal(r, 0);
	assert_int_equal(inject_words__flag(&w, KEY_JITTER, "1ms", &err), -EINVAL);
	inject_words__reset(&w);
}

/* The line of an error is that of a value, whose name on the command line is told. */
static void test_explain(void **state)
{
	static const struct {
		const char *message, *expected;
	} cases[] = {
		{"inject:5:15: `x` is wrong", "--jitter: `x` is wrong"},
		{"inject:4:11: a delay needs", "delay: a delay needs"},
		{"inject:9:4: `y` is no port", "--port: `y` is no port"},
		{"inject:16:9: no namespace", "--from: no namespace"},
		{"inject:12:3: none of ours", "none of ours"},
		{"inject:1:1: the whole", "the whole"},
		{"inject:999:1: past the end", "past the end"},
		{"inject:0:1: no line", "no line"},
		{"inject: no place", "inject: no place"},
		{"other:4:15: words", "other:4:15: words"},
		{"inject:5:15: one\ninject:16:9: two\nthree", "--jitter: one\n--from: two\nthree"},
		{"", ""},
	};
	static const char doc[] = "{\"faults\": [{\"delay\": {\"jitter\": \"x\"}, \"match\": "
				  "{\"ports\": [\"y\"]}, \"at\": \"0s\"}], "
				  "\"from\": {\"netns\": \"z\"}}";
	json_t *j = json_loads(doc, 0, NULL);
	json_t *labels = json_pack("{s:s,s:s,s:s,s:s}", "delay/jitter", "--jitter", "delay",
				   "delay", "match/ports", "--port", "from", "--from");
	char *text = inject__text(j);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {.code = -EINVAL};

		strcpy(err.msg, cases[i].message);
		inject__explain(text, labels, &err);
		if (strcmp(err.msg, cases[i].expected))
			fail_msg("%s\nfound:    %s\nexpected: %s\n%s", cases[i].message, err.msg,
				 cases[i].expected, text);
		assert_int_equal(err.code, -EINVAL);
	}
	free(text);
	json_decref(j);
	json_decref(labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_many_early_flags),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
