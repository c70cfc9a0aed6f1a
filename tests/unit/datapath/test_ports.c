// SPDX-License-Identifier: GPL-2.0-only
/* test_ports.c: sets of ports and boxes, against a list of all ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/ports.h"
#include "lib/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has(const struct port_set *s, unsigned int port)
{
	for (__u32 i = 0; i < s->n; i++)
		if (port >= s->r[i].lo && port <= s->r[i].hi)
			return true;
	return !s->n;
}

static void ranges_are_put_in_order_and_together(void **state)
{
	const struct chaos_port_range v[] = {{80, 90}, {1, 5}, {91, 95},
					     {85, 88}, {6, 6}, {65535, 65535}};
	struct port_set s;

	(void)state;
	assert_int_equal(port_set__from(v, 6, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.r[0].lo, 1);
	assert_int_equal(s.r[0].hi, 6);
	assert_int_equal(s.r[1].lo, 80);
	assert_int_equal(s.r[1].hi, 95);
	assert_int_equal(s.r[2].lo, 65535);
	assert_int_equal(port_set__from(NULL, 0, &s), 0);
	assert_int_equal(s.n, 0);
}

static void bad_ranges(void **state)
{
	struct chaos_port_range v[2 * PORT_SET_MAX] = {{9, 8}};
	struct port_set s;

	(void)state;
	assert_int_equal(port_set__from(v, 1, &s), -EINVAL);
	for (__u16 i = 0; i < 2 * PORT_SET_MAX; i++)
		v[i] = (struct chaos_port_range){(__u16)(2 * i), (__u16)(2 * i)};
	assert_int_equal(port_set__from(v, 2 * PORT_SET_MAX, &s), -E2BIG);
}

static void intersections(void **state)
{
	const struct chaos_port_range a[] = {{10, 20}, {30, 40}}, b[] = {{15, 35}},
				      c[] = {{21, 29}};
	struct port_set sa, sb, sc, none, r;

	(void)state;
	port_set__from(a, 2, &sa);
	port_set__from(b, 1, &sb);
	port_set__from(c, 1, &sc);
	port_set__from(NULL, 0, &none);
	assert_int_equal(port_set__intersect(&sa, &sb, &r), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.r[0].lo, 15);
	assert_int_equal(r.r[0].hi, 20);
	assert_int_equal(r.r[1].lo, 30);
	assert_int_equal(r.r[1].hi, 35);
	assert_int_equal(port_set__intersect(&sa, &sc, &r), -ENOENT);
	assert_int_equal(port_set__intersect(&none, &sc, &r), 0);
	assert_memory_equal(&r, &sc, sizeof(r));
	assert_int_equal(port_set__intersect(&none, &none, &r), 0);
	assert_int_equal(r.n, 0);
}

static bool takes(const struct port_box *b, unsigned int sport, unsigned int dport)
{
	return has(&b->sport, sport) && has(&b->dport, dport);
}

static struct port_set some_set(struct rng *r)
{
	struct chaos_port_range v[3];
	struct port_set s;
	size_t n = rng__below(r, 4);

	for (size_t i = 0; i < n; i++) {
		v[i].lo = (__u16)rng__below(r, 16);
		v[i].hi = (__u16)(v[i].lo + rng__below(r, 6));
		if (!rng__below(r, 8))
			v[i] = (struct chaos_port_range){0, 65535};
	}
	assert_int_equal(port_set__from(v, n, &s), 0);
	return s;
}

static void disjoint_boxes_take_the_same_once(void **state)
{
	struct port_box *was = calloc(BOXES_MAX, sizeof(*was)),
			*now = calloc(BOXES_MAX, sizeof(*now));
	unsigned int cut = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 1500; seed++) {
		struct rng r = rng__fork(seed, 0);
		size_t n = 1 + rng__below(&r, 6);
		bool without = false, without_now = false;
		int m;

		for (size_t i = 0; i < n; i++) {
			was[i] = (struct port_box){some_set(&r), some_set(&r)};
			without |= port_box__all(&was[i]);
		}
		memcpy(now, was, n * sizeof(*was));
		m = port_boxes__disjoint(now, n);
		assert_true(m > 0);
		cut += (size_t)m > n;
		for (unsigned int s = 0; s < 26; s++) {
			for (unsigned int d = 0; d < 26; d++) {
				unsigned int before = 0, after = 0;

				for (size_t i = 0; i < n; i++)
					before |= takes(&was[i], s, d);
				for (int i = 0; i < m; i++)
					after += takes(&now[i], s, d);
				if (before != after)
					fail_msg("seed %u: %u -> %u taken %u times, meant %u",
						 (unsigned int)seed, s, d, after, before);
			}
		}
		/* And packets that have no ports. */
		for (int i = 0; i < m; i++)
			without_now |= port_box__all(&now[i]);
		assert_int_equal(without, without_now);
	}
	assert_true(cut > 10);
	free(was);
	free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_put_in_order_and_together),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(intersections),
		cmocka_unit_test(disjoint_boxes_take_the_same_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
