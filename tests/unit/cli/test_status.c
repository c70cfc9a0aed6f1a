// SPDX-License-Identifier: GPL-2.0-only
/* `chaos status` about runs that say too little, too much, or the wrong thing. */
#include "cli/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is printed of a run called @id with these texts; NULL: none. */
static const char *printed(const char *id, bool alive, const char *info, const char *status)
{
	static char text[4096];
	struct state_entry s = {.alive = alive, .info = info ? json_loads(info, 0, NULL) : NULL};
	json_t *j = status ? json_loads(status, 0, NULL) : NULL;
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_non_null(f);
	snprintf(s.id, sizeof(s.id), "%s", id);
	status__print(f, &s, j);
	fclose(f);
	json_decref(s.info);
	json_decref(j);
	return text;
}

static void test_usual(void **state)
{
	(void)state;
	assert_string_equal(
		printed("r", true, "{\"pid\":4321}",
			"{\"phase\":\"run\",\"t_s\":1.25,\"duration_s\":60.0,\"faults\":[{\"name\":"
			"\"cut\",\"active\":true,\"matched\":17,\"effects\":\"17 dropped\"}]}"),
		"r  pid 4321  run  1.2 s of 60 s\n"
		"  cut                  ACTIVE   17 matched, 17 dropped\n");
	assert_string_equal(printed("r", true, "{\"pid\":4321}", NULL),
			    "r  pid 4321  does not answer (stopped?); its faults end by their own "
			    "deadlines\n");
	assert_string_equal(printed("r", false, NULL, NULL),
			    "r  crashed; its faults have ended, by clsact within five seconds; "
			    "`chaos clear --crashed` removes the rest\n");
}

static void test_strange(void **state)
{
	(void)state;
	assert_string_equal(printed("r", true, NULL, "{}"), "r  pid 0  ?  0.0 s\n");
	assert_string_equal(printed("r", true, "[]", "{\"phase\":7,\"faults\":[{},3]}"),
			    "r  pid 0  ?  0.0 s\n"
			    "  ?                    off      0 matched, ?\n"
			    "  ?                    off      0 matched, ?\n");
	assert_string_equal(printed("a\033[2Jb", true, "{}", "{\"phase\":\"\\u001b[31m\\u202e\"}"),
			    "a\\x1b[2Jb  pid 0  \\x1b[31m\\xe2\\x80\\xae  0.0 s\n");
}

/* What is killed is a run, never what a number too large is taken for. */
static void test_pid(void **state)
{
	static const struct {
		const char *info;
		pid_t pid;
	} table[] = {
		{"{\"pid\":4321}", 4321},
		{"{\"pid\":2}", 2},
		{"{\"pid\":2147483647}", 2147483647},
		{"{\"pid\":1}", 0},
		{"{\"pid\":0}", 0},
		{"{\"pid\":-1}", 0},
		{"{\"pid\":2147483648}", 0},
		{"{\"pid\":4294967298}", 0},
		{"{\"pid\":\"5\"}", 0},
		{"{\"pid\":5.0}", 0},
		{"{}", 0},
		{"[5]", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *j = json_loads(table[i].info, 0, NULL);

		assert_int_equal(state__pid(j), table[i].pid);
		json_decref(j);
	}
	assert_int_equal(state__pid(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_strange),
		cmocka_unit_test(test_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
