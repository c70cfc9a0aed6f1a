// SPDX-License-Identifier: GPL-2.0-only
/* Events of what the kernel counted, and the text that its counters of full queues are in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/bins.h"
#include "recorder/listen.h"

static char *text_of(json_t *o)
{
	char *s = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	assert_non_null(s);
	return s;
}

static void test_event(void **state)
{
	const struct chaos_bin v[] = {
		{.packets = 1, .bytes = 1ULL << 40},
		{.rtt_us = 5, .rtt_n = 2},
		{.packets = UINT32_MAX, .connect_us = 7, .connect_n = 1},
	};
	const struct dp_bins b = {
		.client = "a", .server = "other", .port = 80, .proto = 6, .v = v, .n = 3};
	char *s = text_of(bins__event(&b, 500, 10));

	(void)state;
	assert_string_equal(s,
			    "{\"client\":\"a\",\"server\":\"other\",\"proto\":\"tcp\",\"port\":80,"
			    "\"start_ns\":500,\"bin_ns\":10,\"n\":3,\"packets\":[1,0,4294967295],"
			    "\"bytes\":[1099511627776,0,0],\"connect_us\":[0,0,7],"
			    "\"connect_n\":[0,0,1],\"rtt_us\":[0,5,0],\"rtt_n\":[0,2,0]}");
	free(s);
}

/* Every member of the struct has its array. */
static void test_all_columns(void **state)
{
	struct chaos_bin v;
	const struct dp_bins b = {.client = "a", .server = "b", .proto = 17, .v = &v, .n = 1};
	json_t *o, *a;
	const char *key;
	size_t arrays = 0;

	(void)state;
	memset(&v, 1, sizeof(v));
	o = bins__event(&b, 0, 1);
	assert_string_equal(json_string_value(json_object_get(o, "proto")), "udp");
	json_object_foreach(o, key, a)
		arrays += json_is_array(a);
	/* All but the pad. */
	assert_int_equal(arrays, 5 + 17);
	json_decref(o);
}

static void test_proto_number(void **state)
{
	const struct chaos_bin v = {.packets = 1};
	const struct dp_bins b = {.client = "a", .server = "b", .proto = 112, .v = &v, .n = 1};
	json_t *o = bins__event(&b, -10, 1);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(o, "proto")), 112);
	assert_int_equal(json_integer_value(json_object_get(o, "start_ns")), -10);
	json_decref(o);
}

static void test_reasons(void **state)
{
	const struct dp_reason was[] = {
		{.node = "a", .reason = "NO_SOCKET", .code = 3, .packets = 5},
		{.node = "b", .reason = "NO_SOCKET", .code = 3, .packets = 1}};
	const struct dp_reason now[] = {{.node = "b", .reason = "NO_SOCKET", .code = 3, .packets = 1},
				      {.node = "a", .reason = "NO_SOCKET", .code = 3, .packets = 7},
				      {.node = NULL, .code = 0x30001, .packets = 2},
				      {.node = "a", .reason = "TCP_CSUM", .code = 4, .packets = 1}};
	char *s = text_of(reasons__events(was, 2, now, 4, 100));

	(void)state;
	assert_string_equal(
		s, "[{\"node\":\"a\",\"from_ns\":100,\"reasons\":{\"NO_SOCKET\":2,\"TCP_CSUM\":1}},"
		   "{\"node\":null,\"from_ns\":100,\"reasons\":{\"0x30001\":2}}]");
	free(s);
	s = text_of(reasons__events(now, 4, now, 4, 100));
	assert_string_equal(s, "[]");
	free(s);
}

static void test_netstat(void **state)
{
	static const char text[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops Last\n"
				   "TcpExt: 1 22 18446744073709551615 4\n"
				   "IpExt: InNoRoutes ListenOverflows\n"
				   "IpExt: 9 10\n";
	uint64_t v = 99;

	(void)state;
	assert_int_equal(netstat__find(text, "ListenOverflows", &v), 0);
	assert_int_equal(v, 22);
	assert_int_equal(netstat__find(text, "ListenDrops", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(netstat__find(text, "Last", &v), 0);
	assert_int_equal(v, 4);
	assert_int_equal(netstat__find(text, "Listen", &v), -ENOENT);
	assert_int_equal(netstat__find(text, "InNoRoutes", &v), -ENOENT);
}

/* Text that is cut short, or is something else. */
static void test_bad_netstat(void **state)
{
	static const char *const texts[] = {"",
					    "TcpExt:",
					    "TcpExt: ListenDrops",
					    "TcpExt: ListenDrops\n",
					    "TcpExt: ListenDrops\nTcpExt:",
					    "TcpExt: A ListenDrops\nTcpExt: 1",
					    "TcpExt: A ListenDrops\nTcpExt: 1 \n7",
					    "TcpExt: ListenDrops\nTcpExt: x\n",
					    "TcpExt: ListenDrops\nTcpExt: 1x\n"};
	uint64_t v = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(netstat__find(texts[i], "ListenDrops", &v), -ENOENT);
	assert_int_equal(v, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),	     cmocka_unit_test(test_all_columns),
		cmocka_unit_test(test_proto_number), cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_netstat),	     cmocka_unit_test(test_bad_netstat),
	};

	return cmocka_run_group_tests_name("bins", tests, NULL, NULL);
}
