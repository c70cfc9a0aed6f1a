// SPDX-License-Identifier: GPL-2.0-only
#include "lib/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000LL
#define UNTOUCHED -12345

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* < 0: the error */
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"0.0", 0},
		{"10ns", 10},
		{"250us", 250000},
		{"100ms", S / 10},
		{"1s", S},
		{"2m", 120 * S},
		{"1h", 3600 * S},
		{"1.5s", 3 * S / 2},
		{"0.5ms", 500000},
		{"0.1s", S / 10},
		{"1.5h", 5400 * S},
		{"  1s\t", S},
		{"00001s", S},
		{"0.0000000014s", 1},
		{"0.0000000015s", 2},
		{"0.00000000000000000000000000000000000000001s", 0},
		{"0.999999999999999999999999999999s", S},
		{"9223372036854775807ns", INT64_MAX},
		{"9223372036854775808ns", -ERANGE},
		{"9223372036s", 9223372036 * S},
		{"9223372037s", -ERANGE},
		{"2562047h", 2562047 * (3600 * S)},
		{"2562048h", -ERANGE},
		{"18446744073709551616s", -ERANGE},
		{"99999999999999999999999999999999999999999999s", -ERANGE},
		{"", -EINVAL},
		{" ", -EINVAL},
		{"s", -EINVAL},
		{"10", -EINVAL},
		{"0.5", -EINVAL},
		{"99999999999999999999999999999999", -EINVAL},
		{"-1s", -EINVAL},
		{"+1s", -EINVAL},
		{"1 s", -EINVAL},
		{"1sec", -EINVAL},
		{"1S", -EINVAL},
		{"1m30s", -EINVAL},
		{"1..2s", -EINVAL},
		{"1.s", -EINVAL},
		{".5s", -EINVAL},
		{"1e3s", -EINVAL},
		{"0x10s", -EINVAL},
		{"1d", -EINVAL},
		{"1s..2s", -EINVAL},
		{"nans", -EINVAL},
		{"infs", -EINVAL},
		{"1\xc2\xb5s", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = UNTOUCHED, expected = cases[i].ns < 0 ? UNTOUCHED : cases[i].ns;
		int r = units__duration(cases[i].text, &ns);

		if (r != (cases[i].ns < 0 ? (int)cases[i].ns : 0) || ns != expected)
			fail_msg("`%s`: %d, %lld", cases[i].text, r, (long long)ns);
	}
}

static void test_go_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* negative: errno */
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"0.5ms", 500000},
		{"1h2m3.5s", 3723500000000},
		{"+10ms", 10000000},
		{"1\xc2\xb5s", 1000},
		{"1\xce\xbcs", 1000},
		{"250us1ns", 250001},
		{"1m1m", 120000000000},
		{"-0s", 0},
		{"", -EINVAL},
		{"+", -EINVAL},
		{"10", -EINVAL},
		{"10 ms", -EINVAL},
		{" 10ms", -EINVAL},
		{"10ms ", -EINVAL},
		{"1h 2m", -EINVAL},
		{"ms", -EINVAL},
		{"1d", -EINVAL},
		{"1s2", -EINVAL},
		{"--1s", -EINVAL},
		{"1e3s", -EINVAL},
		{"-1s", -ERANGE},
		{"9999999h", -ERANGE},
		{"2562047h2562047h", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = UNTOUCHED, expected = cases[i].ns < 0 ? UNTOUCHED : cases[i].ns;
		int r = units__go_duration(cases[i].text, &ns);

		if (r != (cases[i].ns < 0 ? (int)cases[i].ns : 0) || ns != expected)
			fail_msg("`%s`: %d, %lld", cases[i].text, r, (long long)ns);
	}
}

static void test_duration_range(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t lo, hi;
	} cases[] = {
		{"0.5s..2s", 0, S / 2, 2 * S},
		{"1s", 0, S, S},
		{" 1s .. 2s ", 0, S, 2 * S},
		{"0..1s", 0, 0, S},
		{"1s..1s", 0, S, S},
		{"2s..1s", -EINVAL, 0, 0},
		{"1s..", -EINVAL, 0, 0},
		{"..1s", -EINVAL, 0, 0},
		{"1s...2s", -EINVAL, 0, 0},
		{"1..2s", -EINVAL, 0, 0},
		{"1s..2", -EINVAL, 0, 0},
		{"1s..2s..3s", -EINVAL, 0, 0},
		{"1s.2s", -EINVAL, 0, 0},
		{"1s..9999999h", -ERANGE, 0, 0},
		{"9999999h..1s", -ERANGE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t lo = UNTOUCHED, hi = UNTOUCHED;
		int r = units__duration_range(cases[i].text, &lo, &hi);

		if (r != cases[i].r || lo != (r ? UNTOUCHED : cases[i].lo) ||
		    hi != (r ? UNTOUCHED : cases[i].hi))
			fail_msg("`%s`: %d, %lld..%lld", cases[i].text, r, (long long)lo,
				 (long long)hi);
	}
}

static void test_probability(void **state)
{
	static const struct {
		const char *text;
		int r;
		double p;
	} cases[] = {
		{"1%", 0, 0.01},
		{"0.5%", 0, 0.005},
		{"0.01", 0, 0.01},
		{"0", 0, 0},
		{"1", 0, 1},
		{"100%", 0, 1},
		{"0%", 0, 0},
		{" 25% ", 0, 0.25},
		{"33.3333%", 0, 0.333333},
		{"100.1%", -ERANGE, 0},
		{"1.01", -ERANGE, 0},
		{"50", -ERANGE, 0},
		{"99999999999999999999999%", -ERANGE, 0},
		{"-1%", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"%", -EINVAL, 0},
		{"1 %", -EINVAL, 0},
		{"1%%", -EINVAL, 0},
		{"1/2", -EINVAL, 0},
		{"nan", -EINVAL, 0},
		{"1e-2", -EINVAL, 0},
		{"99999999999999999999999x", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double p = UNTOUCHED;
		int r = units__probability(cases[i].text, &p);
		double d = p - (r ? UNTOUCHED : cases[i].p);

		if (r != cases[i].r || d > 1e-12 || d < -1e-12)
			fail_msg("`%s`: %d, %g", cases[i].text, r, p);
	}
}

static void test_rate(void **state)
{
	static const struct {
		const char *text;
		int r;
		double per_s;
	} cases[] = {
		{"100/s", 0, 100},
		{"6/m", 0, 0.1},
		{"1/h", 0, 1.0 / 3600},
		{"100", 0, 100},
		{"0.5/s", 0, 0.5},
		{" 1/s ", 0, 1},
		{"0/s", -ERANGE, 0},
		{"0", -ERANGE, 0},
		{"-1/s", -EINVAL, 0},
		{"/s", -EINVAL, 0},
		{"1/", -EINVAL, 0},
		{"1/d", -EINVAL, 0},
		{"1/ms", -EINVAL, 0},
		{"1 /s", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"1/s/s", -EINVAL, 0},
		{"99999999999999999999999/s", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double x = UNTOUCHED;
		int r = units__rate(cases[i].text, &x);
		double d = x - (r ? UNTOUCHED : cases[i].per_s);

		if (r != cases[i].r || d > 1e-12 || d < -1e-12)
			fail_msg("`%s`: %d, %g", cases[i].text, r, x);
	}
}

static void test_bandwidth(void **state)
{
	static const struct {
		const char *text;
		int r;
		double bytes_per_s;
		const char *words;
	} cases[] = {
		{"10mbit", 0, 1250000, "10 Mbit/s"},
		{"10Mbit", 0, 1250000, "10 Mbit/s"},
		{" 1.5gbit ", 0, 187500000, "1.5 Gbit/s"},
		{"8bit", 0, 1, "8 bit/s"},
		{"9600bit", 0, 1200, "9.6 kbit/s"},
		{"1tbit", 0, 125e9, "1 Tbit/s"},
		{"12345tbit", 0, 12345 * 125e9, "12345 Tbit/s"},
		{"1kibit", 0, 128, "1.024 kbit/s"},
		{"800kbps", 0, 800000, "6.4 Mbit/s"},
		{"1mbps", 0, 1000000, "8 Mbit/s"},
		{"1MiBps", 0, 1048576, "8.389 Mbit/s"},
		{"1bps", 0, 1, "8 bit/s"},
		{"999.99mbit", 0, 124998750, "1 Gbit/s"},
		{"10", -EINVAL, 0, NULL},
		{"10mb", -EINVAL, 0, NULL},
		{"10 mbit", -EINVAL, 0, NULL},
		{"10mbit/s", -EINVAL, 0, NULL},
		{"-1mbit", -EINVAL, 0, NULL},
		{"mbit", -EINVAL, 0, NULL},
		{"1m", -EINVAL, 0, NULL},
		{"1mbit x", -EINVAL, 0, NULL},
		{"", -EINVAL, 0, NULL},
		{"0mbit", -ERANGE, 0, NULL},
		{"99999999999999999999mbit", -ERANGE, 0, NULL},
	};
	char buf[40];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double x = UNTOUCHED;
		int r = units__bandwidth(cases[i].text, &x);
		double d = x / (r ? UNTOUCHED : cases[i].bytes_per_s) - 1;

		if (r != cases[i].r || d > 1e-12 || d < -1e-12)
			fail_msg("`%s`: %d, %g", cases[i].text, r, x);
		if (!r)
			assert_string_equal(units__format_bandwidth(x, buf, sizeof(buf)),
					    cases[i].words);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes; /* < 0: the error */
		const char *words;
	} cases[] = {
		{"0", 0, "0 B"},
		{"1500", 1500, "1500 B"},
		{"1500b", 1500, "1500 B"},
		{"16kb", 16384, "16 KiB"},
		{"16KiB", 16384, "16 KiB"},
		{"1.5kb", 1536, "1536 B"},
		{"64kbit", 8192, "8 KiB"},
		{"1mb", 1048576, "1 MiB"},
		{"1mbit", 131072, "128 KiB"},
		{"1gb", 1073741824, "1 GiB"},
		{"12345", 12345, "12.06 KiB"},
		{"0.4b", 0, "0 B"},
		{"0.5b", 1, "1 B"},
		{"100000gb", 107374182400000, "100000 GiB"},
		{"9007199254740992", -ERANGE, NULL},
		{"99999999999999999999", -ERANGE, NULL},
		{"", -EINVAL, NULL},
		{"1k", -EINVAL, NULL},
		{"1mbps", -EINVAL, NULL},
		{"1 kb", -EINVAL, NULL},
		{"-1", -EINVAL, NULL},
		{"1kb1", -EINVAL, NULL},
	};
	char buf[40];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t x = 4711;
		int r = units__size(cases[i].text, &x);

		if ((cases[i].bytes < 0 ? r != cases[i].bytes : r != 0) ||
		    x != (r ? 4711 : (uint64_t)cases[i].bytes))
			fail_msg("`%s`: %d, %llu", cases[i].text, r, (unsigned long long)x);
		if (!r)
			assert_string_equal(units__format_size(x, buf, sizeof(buf)),
					    cases[i].words);
	}
}

static void test_number(void **state)
{
	double x = UNTOUCHED;

	(void)state;
	assert_int_equal(units__number("2.5", &x), 0);
	assert_float_equal(x, 2.5, 1e-12);
	assert_int_equal(units__number("5%", &x), -EINVAL);
	assert_int_equal(units__number("", &x), -EINVAL);
	assert_int_equal(units__number("1e3", &x), -EINVAL);
	assert_int_equal(units__number("99999999999999999999", &x), -ERANGE);
	assert_float_equal(x, 2.5, 1e-12);
}

static void test_format(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0s"},
		{1, "1ns"},
		{999, "999ns"},
		{1000, "1us"},
		{20000000, "20ms"},
		{1500000000, "1.5s"},
		{999960000, "1s"},
		{999940000, "999.9ms"},
		{999960, "1ms"},
		{1234567, "1.235ms"},
		{59 * S, "59s"},
		{60 * S, "1m"},
		{90 * S, "90s"},
		{599 * S, "599s"},
		{600 * S, "10m"},
		{630 * S, "10.5m"},
		{3600 * S, "1h"},
		{5400 * S, "90m"},
		{-S / 2, "-500ms"},
		{36 * 3600 * S, "36h"},
		{INT64_MAX, "2562048h"},
		{INT64_MIN, "-2562048h"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(units__format_duration(cases[i].ns, buf, sizeof(buf)),
				    cases[i].text);
	units__format_duration(1500000000, buf, 3);
	assert_string_equal(buf, "1.");
}

/* What is written reads back within the four digits, over all magnitudes. */
static void test_format_reads_back(void **state)
{
	(void)state;
	for (int64_t ns = 1; ns < INT64_MAX / 7; ns = ns * 7 / 3 + 1) {
		char buf[32];
		int64_t back;
		double ratio;

		units__format_duration(ns, buf, sizeof(buf));
		assert_int_equal(units__duration(buf, &back), 0);
		ratio = (double)back / (double)ns;
		if (ratio < 0.9994 || ratio > 1.0006)
			fail_msg("%lld -> %s -> %lld", (long long)ns, buf, (long long)back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_go_duration),
		cmocka_unit_test(test_duration_range),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_bandwidth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
