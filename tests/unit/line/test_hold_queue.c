// SPDX-License-Identifier: GPL-2.0-only
/* The order in which frames leave, against a sorted list; the memory that they take. */
#include "lib/cleanup.h"
#include "lib/rng.h"
#include "line/hold_pool.h"
#include "line/hold_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 512 };

/* The reference: what is in the queue, in order of coming. */
struct reference {
	uint64_t due_ns[ITEMS];
	uint32_t item[ITEMS];
	size_t n;
};

static void ref_push(struct reference *r, uint32_t item, uint64_t due_ns)
{
	r->item[r->n] = item;
	r->due_ns[r->n++] = due_ns;
}

static uint32_t ref_pop(struct reference *r)
{
	size_t least = 0;
	uint32_t item;

	for (size_t i = 1; i < r->n; i++)
		if (r->due_ns[i] < r->due_ns[least])
			least = i;
	item = r->item[least];
	r->n--;
	memmove(&r->item[least], &r->item[least + 1], (r->n - least) * sizeof(r->item[0]));
	memmove(&r->due_ns[least], &r->due_ns[least + 1], (r->n - least) * sizeof(r->due_ns[0]));
	return item;
}

struct fixture {
	struct hold_queue q;
	struct reference ref;
	struct rng rng;
	void *mem;
	uint32_t free[ITEMS]; /* items that are not in the queue */
	size_t n_free;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = malloc(hold_queue__size(ITEMS));
	memset(f->mem, 0xa5, hold_queue__size(ITEMS));
	hold_queue__init(&f->q, f->mem, ITEMS);
	for (uint32_t i = 0; i < ITEMS; i++)
		f->free[f->n_free++] = i;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->mem);
	free(f);
	return 0;
}

static void push(struct fixture *f, uint64_t due_ns)
{
	uint32_t item = f->free[--f->n_free];

	hold_queue__push(&f->q, item, due_ns);
	ref_push(&f->ref, item, due_ns);
}

static void pop(struct fixture *f)
{
	uint64_t due_ns = hold_queue__due(&f->q), least = UINT64_MAX;
	uint32_t item = hold_queue__pop(&f->q);

	for (size_t i = 0; i < f->ref.n; i++)
		if (f->ref.due_ns[i] < least)
			least = f->ref.due_ns[i];
	assert_int_equal(due_ns, least);
	assert_int_equal(item, ref_pop(&f->ref));
	assert_int_equal(f->q.n, f->ref.n);
	f->free[f->n_free++] = item;
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold_queue__due(&f->q), UINT64_MAX);
	assert_int_equal(hold_queue__pop(&f->q), HOLD_NONE);
	push(f, 7);
	pop(f);
	assert_int_equal(hold_queue__due(&f->q), UINT64_MAX);
	assert_int_equal(hold_queue__pop(&f->q), HOLD_NONE);
}

static void test_in_order_needs_no_heap(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < ITEMS; i++) {
		push(f, i / 3);
		assert_int_equal(f->q.n_heap, 0);
	}
	while (f->ref.n)
		pop(f);
}

static void test_equal_in_order_of_coming(void **state)
{
	struct fixture *f = *state;

	/* 20 last, so that the 10s are split between heap and list. */
	push(f, 10);
	push(f, 20);
	for (int i = 0; i < 50; i++)
		push(f, i % 2 ? 10 : 20);
	while (f->ref.n)
		pop(f);
}

static void test_backwards(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = ITEMS; i > 0; i--)
		push(f, i);
	while (f->ref.n)
		pop(f);
}

/* Due times of @spread around a clock that goes on: 0 is a constant delay, 4000 is a mess. */
static void test_random(void **state)
{
	static const uint32_t spreads[] = {1, 3, 40, 4000};
	struct fixture *f = *state;

	f->rng.state = 3;
	for (size_t s = 0; s < ARRAY_SIZE(spreads); s++) {
		uint64_t now = 0;

		for (int i = 0; i < 20000; i++) {
			/* Phases of filling up and of emptying. */
			bool more = rng__next(&f->rng) % 8 < (i / 1000 % 2 ? 3 : 5);

			now += rng__next(&f->rng) % 3;
			if (more && f->n_free)
				push(f, now + rng__next(&f->rng) % spreads[s]);
			else if (f->ref.n)
				pop(f);
		}
		while (f->ref.n)
			pop(f);
	}
}

/* --- memory ----------------------------------------------------------------------------------- */

enum { BLOCKS = 100 };

/* A frame of @len bytes of @fill is read, as readv() would. */
static void land(struct hold_pool *p, size_t len, uint8_t fill)
{
	struct iovec iov[HOLD_CHAIN_MAX];

	hold_pool__landing(p, iov);
	for (int i = 0; i < HOLD_CHAIN_MAX && len; i++) {
		size_t part = len < iov[i].iov_len ? len : iov[i].iov_len;

		memset(iov[i].iov_base, fill, part);
		len -= part;
	}
	assert_int_equal(len, 0);
}

static void check_frame(const struct hold_pool *p, uint32_t item, size_t len, uint8_t fill)
{
	struct iovec iov[HOLD_CHAIN_MAX];
	int n = hold_pool__frame(p, item, iov);
	size_t total = 0;

	for (int i = 0; i < n; i++) {
		const uint8_t *bytes = iov[i].iov_base;

		total += iov[i].iov_len;
		for (size_t j = 0; j < iov[i].iov_len; j++)
			assert_int_equal(bytes[j], fill);
	}
	assert_int_equal(total, len);
}

static void test_pool_limit(void **state)
{
	void *mem = malloc(hold_pool__size(BLOCKS));
	uint32_t item[BLOCKS];
	struct hold_pool p;

	(void)state;
	hold_pool__init(&p, mem, BLOCKS);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		land(&p, 60, (uint8_t)i);
		item[i] = hold_pool__keep(&p, 12, 60);
		assert_int_not_equal(item[i], HOLD_NONE);
		assert_true(item[i] < hold_pool__items(BLOCKS));
	}
	land(&p, 60, 0xff);
	assert_int_equal(hold_pool__keep(&p, 12, 60), HOLD_NONE);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		check_frame(&p, item[i], 60 - 12, (uint8_t)i);
		hold_pool__forget(&p, item[i]);
	}
	assert_int_equal(p.used, 0);
	/* A large frame costs what it fills. */
	land(&p, HOLD_FRAME_MAX, 7);
	item[0] = hold_pool__keep(&p, 8, HOLD_FRAME_MAX);
	assert_int_equal(p.used, hold_pool__blocks(HOLD_FRAME_MAX));
	check_frame(&p, item[0], HOLD_FRAME_MAX - 8, 7);
	hold_pool__forget(&p, item[0]);
	free(mem);
}

struct kept {
	uint32_t item;
	size_t len;
	uint8_t fill;
};

/* Frames of all sizes come and go; no one's bytes are another's, and none is lost. */
static void test_pool_random(void **state)
{
	static const size_t sizes[] = {40, 1540, 2048, 2049, 9000, 40000, HOLD_FRAME_MAX};
	void *mem = malloc(hold_pool__size(BLOCKS));
	struct kept kept[BLOCKS];
	size_t n = 0, used = 0, refused = 0;
	struct hold_pool p;
	struct rng rng;

	(void)state;
	rng.state = 5;
	hold_pool__init(&p, mem, BLOCKS);
	for (int i = 0; i < 3000; i++) {
		size_t len = sizes[rng__next(&rng) % ARRAY_SIZE(sizes)];
		struct kept k = {.len = len, .fill = (uint8_t)i};

		if (n && rng__next(&rng) % 2) {
			size_t which = rng__next(&rng) % n;

			check_frame(&p, kept[which].item, kept[which].len - 8, kept[which].fill);
			hold_pool__forget(&p, kept[which].item);
			used -= hold_pool__blocks(kept[which].len);
			kept[which] = kept[--n];
			continue;
		}
		land(&p, len, k.fill);
		k.item = hold_pool__keep(&p, 8, len);
		if (k.item == HOLD_NONE) {
			assert_true(used + hold_pool__blocks(len) > BLOCKS);
			refused++;
			continue;
		}
		used += hold_pool__blocks(len);
		kept[n++] = k;
		assert_int_equal(p.used, used);
		assert_true(p.fresh <= hold_pool__items(BLOCKS));
	}
	assert_true(refused > 0);
	free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_order_needs_no_heap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equal_in_order_of_coming, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_backwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
		cmocka_unit_test(test_pool_limit),
		cmocka_unit_test(test_pool_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
