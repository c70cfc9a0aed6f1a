// SPDX-License-Identifier: GPL-2.0-only
/* A page of `chaos watch`: fits the terminal, whatever the names; numbers in few characters. */
#include "cli/targets.h"
#include "cli/watch.h"
#include "lib/cleanup.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct scene {
	struct snapshot s;
	struct scopes scopes;
	struct flow_table t;
	struct flow_row rows[100];
	struct flow_device devices[2];
	struct link_info link;
	struct scope_run run;
	struct scope_fault fault;
	struct watch_view v;
	struct watch_page p;
	char *text;
	size_t room;
};

static int setup(void **state)
{
	struct scene *c = calloc(1, sizeof(*c));

	if (!c || !setlocale(LC_CTYPE, "C.UTF-8"))
		return -1;
	c->t.rows = c->rows;
	c->t.rated = true;
	c->v = (struct watch_view){.s = &c->s,
				   .scopes = &c->scopes,
				   .t = &c->t,
				   .now_ns = 1000,
				   .seconds = 1,
				   .every_ns = 1000000000};
	c->p = (struct watch_page){.width = 80, .height = 24, .utf8 = true, .keys = true};
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct scene *c = *state;

	free(c->text);
	free(c);
	return 0;
}

static struct flow_row *add_row(struct scene *c, const char *from, const char *to)
{
	struct flow_row *r = &c->rows[c->t.n_rows++];

	*r = (struct flow_row){
		.from = {.name = from, .process = DISCOVER_NONE, .netns = DISCOVER_NONE},
		.to = {.name = to, .process = DISCOVER_NONE, .netns = DISCOVER_NONE},
		.port = 6379,
		.connections = 3,
		.counted = true,
	};
	return r;
}

static void add_fault(struct scene *c, const char *name)
{
	static char id[] = "run-1", phase[] = "fault", does[] = "delay 100ms";

	c->fault = (struct scope_fault){
		.name = (char *)name, .does = does, .active = true, .until_ns = 2000};
	c->fault.hits[0] = 12345;
	c->fault.per_s[0] = 17;
	c->run = (struct scope_run){.id = id,
				    .phase = phase,
				    .alive = true,
				    .known = true,
				    .at_ns = 900,
				    .t_s = 3,
				    .faults = &c->fault,
				    .n_faults = 1};
	c->scopes = (struct scopes){&c->run, 1};
	c->t.active[0] = (struct flow_active){&c->run, &c->fault};
	c->t.n_active = 1;
}

static const char *print(struct scene *c)
{
	size_t size = 0;
	FILE *f;

	free(c->text);
	c->text = NULL;
	f = open_memstream(&c->text, &size);
	assert_non_null(f);
	c->room = watch_page__print(&c->p, &c->v, f);
	assert_int_equal(fclose(f), 0);
	return c->text;
}

/* Every line fits; returns how many there are. */
static size_t lines(const struct scene *c, size_t width)
{
	const char *s = c->text;
	size_t n = 0;

	while (*s) {
		size_t len = strcspn(s, "\n");
		char line[4096];

		assert_true(len < sizeof(line));
		memcpy(line, s, len);
		line[len] = 0;
		if (target_text__width(line) > width)
			fail_msg("%zu columns: %s", target_text__width(line), line);
		n++;
		s += len + (s[len] == '\n');
	}
	return n;
}

static void it_fits_any_terminal(void **state)
{
	static const size_t widths[] = {60, 79, 80, 81, 100, 132, 200, 400};
	struct scene *c = *state;

	for (int i = 0; i < 40; i++) {
		add_row(c, "namespace-of-some-length/redis-server",
			"shop/web-5d9c7b6f4-x2x7p/nginx")
			->rtt_us = 1234567;
		c->rows[i].done = (struct flow_done){{123456789, 4567}, {98765, 1}, 12345, 678, 0};
		c->rows[i].faults[FLOW_TO] = i & 1;
	}
	add_fault(c, "a-fault-with-a-long-name");
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		for (size_t h = 8; h < 60; h += 17) {
			c->p.width = widths[i];
			c->p.height = h;
			print(c);
			assert_int_equal(lines(c, widths[i]), h);
		}
	/* Wide enough, nothing is cut. */
	assert_null(strstr(c->text, "…"));
	assert_non_null(strstr(c->text, "namespace-of-some-length/redis-server"));
	c->p.width = c->p.height = 10; /* smaller than is of use: only no harm */
	print(c);
}

static void what_tells_most_stays(void **state)
{
	struct scene *c = *state;

	add_row(c, "a-namespace/client-with-a-name", "b-namespace/server-with-a-name");
	c->p.width = 200;
	assert_non_null(strstr(print(c), "QUEUE"));
	assert_null(strstr(c->text, "FAULT"));
	c->p.width = 80;
	print(c);
	assert_null(strstr(c->text, "QUEUE"));
	assert_non_null(strstr(c->text, "OUT B/s"));
	assert_non_null(strstr(c->text, "RTT"));
	assert_non_null(strstr(c->text, "tcp:6379"));
}

static void names_cannot_move_the_cursor(void **state)
{
	struct scene *c = *state;

	add_row(c, "a/\033[2Jx\ny\t\x07\xff",
		"\xc2\x9b"
		"31m/\xe2\x80\xae"
		"evil");
	add_row(c, "日本語/プロセス", "e\xcc\x81t\xc3\xa9/ok");
	add_fault(c, "\033]0;title\a");
	c->v.selector = "comm:\033[5m";
	c->v.note = "no process `\033c`";
	print(c);
	lines(c, 80);
	for (const char *s = c->text; *s; s++)
		assert_true((unsigned char)*s >= 0x20 || *s == '\n');
	assert_null(strstr(c->text, "\xc2\x9b"));
	assert_null(strstr(c->text, "\xe2\x80\xae"));
	assert_non_null(strstr(c->text, "日本語"));
	c->p.width = 400;
	assert_non_null(strstr(print(c), "a/\\x1b[2Jx\\ny\\t\\x07\\xff"));
}

static void it_scrolls_to_the_end_and_no_further(void **state)
{
	static char names[100][8];
	struct scene *c = *state;

	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "row%d", i);
		add_row(c, names[i], "x");
	}
	print(c);
	assert_non_null(strstr(c->text, "row0 "));
	assert_int_equal(c->room, 21); /* 24 but title, head and keys */
	assert_non_null(strstr(c->text, "1-21 of 100"));
	c->v.top = 1000;
	print(c);
	assert_int_equal(c->v.top, 79);
	assert_non_null(strstr(c->text, "row99 "));
	assert_null(strstr(c->text, "row78 "));
	/* The table has become shorter meanwhile. */
	c->t.n_rows = 5;
	print(c);
	assert_int_equal(c->v.top, 0);
	assert_non_null(strstr(c->text, "row0 "));
	c->t.n_rows = 0;
	print(c);
}

static void faults_and_hits_are_said(void **state)
{
	struct scene *c = *state;

	add_row(c, "a", "b")->faults[FLOW_TO] = 1;
	add_row(c, "a", "c")->faults[FLOW_BACK] = 1;
	add_row(c, "a", "d")->faults[FLOW_TO] = 1;
	c->rows[2].faults[FLOW_BACK] = 1;
	add_row(c, "a", "e");
	add_fault(c, "slow");
	print(c);
	assert_non_null(strstr(c->text, "run run-1  fault  3 s"));
	assert_non_null(strstr(c->text, "slow ACTIVE  dropped 12k (17/s)  [delay 100ms]"));
	assert_non_null(strstr(c->text, "→slow"));
	assert_non_null(strstr(c->text, "←slow"));
	assert_non_null(strstr(c->text, "↔slow"));
	c->p.utf8 = false;
	assert_non_null(strstr(print(c), "<>slow"));
	/* A run that has stopped telling. */
	c->v.now_ns += 6000000000;
	assert_non_null(strstr(print(c), "does not answer"));
}

static void devices_have_a_page(void **state)
{
	struct scene *c = *state;

	snprintf(c->link.name, sizeof(c->link.name), "eth0");
	c->devices[0] = (struct flow_device){"a", &c->link, true, 1500, 2e6, 3, 4, 5};
	c->devices[1] = (struct flow_device){.netns = "", .link = &c->link};
	c->t.devices = c->devices;
	c->t.n_devices = 2;
	c->v.devices = true;
	print(c);
	lines(c, 80);
	assert_non_null(strstr(c->text, "DEVICE"));
	assert_non_null(strstr(c->text, "2.0M"));
	assert_non_null(strstr(c->text, "1.5k"));
}

static void numbers_are_short(void **state)
{
	static const struct {
		double n;
		const char *text;
	} counts[] = {
		{0, "0"},
		{0.5, "0.5"},
		{7, "7"},
		{9.9, "9.9"},
		{987, "987"},
		{999.4, "999"},
		{999.6, "1.0k"},
		{1234, "1.2k"},
		{9949, "9.9k"},
		{34567, "35k"},
		{999600, "1.0M"},
		{2.5e9, "2.5G"},
		{1e30, "1000000000000E"},
	};
	static const struct {
		uint32_t us;
		const char *text;
	} times[] = {{0, "0us"},	{340, "340us"},	   {1234, "1.2ms"},  {9949, "9.9ms"},
		     {120000, "120ms"}, {999499, "999ms"}, {2500000, "2.5s"}};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		assert_string_equal(watch__count(counts[i].n, buf, sizeof(buf)), counts[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_string_equal(watch__time(times[i].us, buf, sizeof(buf)), times[i].text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_fits_any_terminal),	     TEST(what_tells_most_stays),
		TEST(names_cannot_move_the_cursor),  TEST(it_scrolls_to_the_end_and_no_further),
		TEST(faults_and_hits_are_said),	     TEST(devices_have_a_page),
		cmocka_unit_test(numbers_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
