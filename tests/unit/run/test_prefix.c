// SPDX-License-Identifier: GPL-2.0-only
/* test_prefix.c: what is left of a network without others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "run/exempt.h"
#include "run/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct dp_prefix parse(const char *text)
{
	char buf[64], *slash;
	uint8_t bytes[16];
	int family;

	snprintf(buf, sizeof(buf), "%s", text);
	slash = strchr(buf, '/');
	assert_non_null(slash);
	*slash = 0;
	family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(family, buf, bytes), 1);
	return prefix__make(family, bytes, (unsigned int)atoi(slash + 1));
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct chaos_addr));
}

/* @expected: "10.0.0.0/9 ..." in order of addresses, "" for nothing. */
static void leaves(const char *from, const char *const *without, const char *expected)
{
	struct prefixes p = {0};
	struct dp_prefix x = parse(from);
	char found[4096] = "";
	size_t n = 0;

	assert_int_equal(prefixes__add(&p, &x), 0);
	for (; *without; without++) {
		x = parse(*without);
		assert_int_equal(prefixes__subtract(&p, &x), 0);
	}
	if (p.n)
		qsort(p.v, p.n, sizeof(*p.v), by_address);
	for (size_t i = 0; i < p.n; i++) {
		char buf[64];
		bool v4;

		addr__format(&p.v[i].addr, buf, sizeof(buf));
		v4 = !strchr(buf, ':');
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%s/%d", i ? " " : "", buf,
				      p.v[i].len - (v4 ? 96 : 0));
	}
	assert_string_equal(found, expected);
	prefixes__reset(&p);
}

#define WITHOUT(...) ((const char *const[]){__VA_ARGS__, NULL})

static void halves_remain(void **state)
{
	(void)state;
	leaves("10.0.0.0/8", WITHOUT("10.128.0.0/9"), "10.0.0.0/9");
	leaves("10.0.0.0/8", WITHOUT("10.64.0.0/10"), "10.0.0.0/10 10.128.0.0/9");
	leaves("10.0.0.0/30", WITHOUT("10.0.0.2/32"), "10.0.0.0/31 10.0.0.3/32");
	leaves("fd00::/126", WITHOUT("fd00::1/128"), "fd00::/128 fd00::2/127");
}

static void one_after_another(void **state)
{
	(void)state;
	leaves("10.0.0.0/30", WITHOUT("10.0.0.2/32", "10.0.0.0/32"), "10.0.0.1/32 10.0.0.3/32");
	leaves("10.0.0.0/30", WITHOUT("10.0.0.2/31", "10.0.0.0/32", "10.0.0.1/32"), "");
}

static void all_or_nothing(void **state)
{
	(void)state;
	leaves("10.0.0.0/8", WITHOUT("10.0.0.0/8"), "");
	leaves("10.1.0.0/16", WITHOUT("10.0.0.0/8"), "");
	leaves("10.1.0.0/16", WITHOUT("10.2.0.0/16"), "10.1.0.0/16");
	leaves("10.1.0.0/16", WITHOUT("fd00::/8"), "10.1.0.0/16");
	/* not the IPv4 networks that look like it */
	leaves("a00::/8", WITHOUT("10.0.0.0/8"), "a00::/8");
}

/* Every address of a small network is in what is left, or in what was taken out, never in both. */
static void exactly(void **state)
{
	struct prefixes p = {0};
	struct dp_prefix all = parse("192.0.2.0/24"), a = parse("192.0.2.37/32"),
			 b = parse("192.0.2.128/26");

	(void)state;
	prefixes__add(&p, &all);
	prefixes__subtract(&p, &a);
	prefixes__subtract(&p, &b);
	for (unsigned int i = 0; i < 256; i++) {
		const uint8_t bytes[4] = {192, 0, 2, (uint8_t)i};
		struct dp_prefix one = prefix__make(AF_INET, bytes, 32);
		unsigned int n = 0;

		for (size_t k = 0; k < p.n; k++)
			n += prefix__contains(&p.v[k], &one);
		assert_int_equal(n, i == 37 || (i >= 128 && i < 192) ? 0 : 1);
	}
	prefixes__reset(&p);
}

static void bits_past_the_length_do_not_count(void **state)
{
	struct dp_prefix a = parse("10.1.2.3/8"), b = parse("10.0.0.0/8");

	(void)state;
	assert_int_equal(a.len, 104);
	assert_memory_equal(&a.addr, &b.addr, sizeof(a.addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_remain),
		cmocka_unit_test(one_after_another),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(exactly),
		cmocka_unit_test(bits_past_the_length_do_not_count),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
