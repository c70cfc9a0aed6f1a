// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/words.h"
#include "lib/cleanup.h"
#include "lib/rng.h"

/* The words of @line, each followed by '|'; NULL if it cannot be split. */
static const char *joined(const char *line)
{
	static char buf[1024];
	_cleanup_free_ char **words = NULL;
	int n = words__split(line, &words), i;
	char *to = buf;

	if (n < 0) {
		assert_int_equal(n, -EINVAL);
		assert_null(words);
		return NULL;
	}
	*to = '\0';
	for (i = 0; words[i]; i++)
		to = stpcpy(stpcpy(to, words[i]), "|");
	assert_int_equal(i, n);
	return buf;
}

static void test_blanks(void **state)
{
	(void)state;
	assert_string_equal(joined(""), "");
	assert_string_equal(joined(" \t\r\n "), "");
	assert_string_equal(joined("a"), "a|");
	assert_string_equal(joined("  redis-server   /x/y.conf --port\n6379 "),
			    "redis-server|/x/y.conf|--port|6379|");
}

static void test_quotes(void **state)
{
	(void)state;
	assert_string_equal(joined("a 'b c' d"), "a|b c|d|");
	assert_string_equal(joined("a \"b  c\" d"), "a|b  c|d|");
	assert_string_equal(joined("x'y z'w\"q r\"s"), "xy zwq rs|");
	assert_string_equal(joined("'' \"\" ''"), "|||");
	assert_string_equal(joined("'\"' \"'\""), "\"|'|");
}

static void test_backslashes(void **state)
{
	(void)state;
	assert_string_equal(joined("a\\ b \\'c \\\\"), "a b|'c|\\|");
	assert_string_equal(joined("'a\\b'"), "a\\b|");
	assert_string_equal(joined("\"a\\\"b\\\\c\\$d\\`e\\nf\""), "a\"b\\c$d`e\\nf|");
}

static void test_no_expansion(void **state)
{
	(void)state;
	assert_string_equal(joined("$HOME ${dir}/* ~ `id` $(id) a;b&c|d>e # f"),
			    "$HOME|${dir}/*|~|`id`|$(id)|a;b&c|d>e|#|f|");
}

static void test_unfinished(void **state)
{
	(void)state;
	assert_null(joined("a 'b"));
	assert_null(joined("a \"b"));
	assert_null(joined("a \\"));
	assert_null(joined("\"a\\\""));
	assert_null(joined("'"));
}

/* Any text either splits or fails; the sanitizers see what it writes. */
static void test_any_text(void **state)
{
	static const char letters[] = "ab \t'\"\\$";
	struct rng rng = {.state = 1};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		_cleanup_free_ char **words = NULL;
		size_t len = rng__below(&rng, 24), in = 0;
		/* On the heap and of the exact length: a read behind it is seen. */
		_cleanup_free_ char *line = malloc(len + 1);
		int n;

		for (size_t k = 0; k < len; k++)
			line[k] = letters[rng__below(&rng, sizeof(letters) - 1)];
		line[len] = '\0';
		n = words__split(line, &words);
		assert_true(n >= 0 || n == -EINVAL);
		for (int k = 0; k < n; k++)
			in += strlen(words[k]);
		assert_true(in <= len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blanks),	    cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_backslashes), cmocka_unit_test(test_no_expansion),
		cmocka_unit_test(test_unfinished),  cmocka_unit_test(test_any_text),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
