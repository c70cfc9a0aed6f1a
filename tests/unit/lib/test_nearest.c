// SPDX-License-Identifier: GPL-2.0-only
#include "lib/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NEAREST(word, ...)                                        \
	nearest__word((word), (const char *const[]){__VA_ARGS__}, \
		      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_edits(void **state)
{
	(void)state;
	assert_string_equal(NEAREST("faults", "faults", "fault"), "faults");
	assert_string_equal(NEAREST("fautls", "lab", "faults"), "faults"); /* swap: 1 */
	assert_string_equal(NEAREST("form", "at", "from"), "from");	   /* swap */
	assert_string_equal(NEAREST("isolat", "isolate"), "isolate");	   /* insert */
	assert_string_equal(NEAREST("isolates", "isolate"), "isolate");	   /* delete */
	assert_string_equal(NEAREST("isoXate", "isolate"), "isolate");	   /* substitute */
	assert_string_equal(NEAREST("apiversion", "apiVersion"),
			    "apiVersion"); /* case is a letter */
}

static void test_threshold(void **state)
{
	(void)state;
	assert_non_null(NEAREST("abc", "abX"));	      /* 1 of 3 */
	assert_null(NEAREST("ab", "aX"));	      /* 1 of 2 */
	assert_null(NEAREST("abcdef", "abcXYZ"));     /* 3 of 6 */
	assert_non_null(NEAREST("abcdef", "abcdXY")); /* 2 of 6 */
	assert_null(NEAREST("abc", "abcde"));	      /* 2 of 5 */
	assert_non_null(NEAREST("abcd", "abcdef"));   /* 2 of 6 */
	/* no letter is edited twice: ca -> abc is 3, not 2 as with free transpositions */
	assert_null(NEAREST("ca", "abc"));
}

static void test_choice(void **state)
{
	(void)state;
	assert_string_equal(NEAREST("from", "form", "frim"), "form"); /* tie: the first */
	assert_string_equal(NEAREST("froom", "frim", "from"), "from");
	assert_null(nearest__word("x", NULL, 0));
	assert_null(NEAREST("", "a"));
	assert_string_equal(NEAREST("", ""), "");
}

static void test_long(void **state)
{
	char word[200], near[65];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[199] = '\0';
	assert_null(NEAREST(word, word)); /* longer than a word */
	word[64] = '\0';
	memcpy(near, word, sizeof(near));
	near[10] = 'b';
	assert_string_equal(NEAREST(word, near), near);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
