// SPDX-License-Identifier: GPL-2.0-only
/* Timers against a plain array of them. */
#include "lib/heap.h"
#include "lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#define OWNERS 50

static int64_t earliest(const int64_t *due)
{
	int64_t min = INT64_MAX;

	for (size_t i = 0; i < OWNERS; i++)
		min = due[i] < min ? due[i] : min;
	return min;
}

static void test_random(void **state)
{
	struct rng r = rng__fork(1, 1);
	int64_t due[OWNERS];
	struct heap h;

	(void)state;
	assert_int_equal(0, heap__init(&h, OWNERS));
	for (size_t i = 0; i < OWNERS; i++)
		due[i] = INT64_MAX;
	for (int step = 0; step < 20000; step++) {
		size_t owner = (size_t)rng__below(&r, OWNERS);
		int64_t at = (int64_t)rng__below(&r, 100), min = earliest(due);

		assert_int_equal(heap__next(&h), min);
		switch (rng__below(&r, 4)) {
		case 0:
			heap__clear(&h, owner);
			due[owner] = INT64_MAX;
			break;
		case 1:
			owner = heap__pop(&h, at);
			if (min > at) {
				assert_true(owner == SIZE_MAX);
				break;
			}
			assert_true(owner < OWNERS);
			assert_int_equal(due[owner], min);
			due[owner] = INT64_MAX;
			break;
		default:
			heap__set(&h, owner, at);
			due[owner] = at;
		}
	}
	heap__reset(&h);
}

/* All of them come, each once, in order. */
static void test_order(void **state)
{
	bool seen[OWNERS] = {false};
	struct heap h;

	(void)state;
	assert_int_equal(0, heap__init(&h, OWNERS));
	assert_int_equal(heap__next(&h), INT64_MAX);
	for (size_t i = 0; i < OWNERS; i++)
		heap__set(&h, i, (int64_t)(i * 37 % OWNERS));
	for (size_t i = 0; i < OWNERS; i++) {
		size_t owner;

		assert_true(heap__pop(&h, (int64_t)i - 1) == SIZE_MAX);
		owner = heap__pop(&h, (int64_t)i);
		assert_true(owner < OWNERS && !seen[owner]);
		assert_int_equal(owner * 37 % OWNERS, i);
		seen[owner] = true;
	}
	assert_int_equal(heap__next(&h), INT64_MAX);
	heap__reset(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
