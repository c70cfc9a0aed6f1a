// SPDX-License-Identifier: GPL-2.0-only
/* The parts that do no I/O: encodings, sets, cadence, and what an answer means. */
#include "lib/clock.h"
#include "lib/base64.h"
#include "recorder/http.h"
#include "recorder/inside.h"
#include "recorder/load_internal.h"
#include "recorder/probe_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_base64(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Z===", "====", "Zg=a", "Zm 9", "Zm9v\n", "-___"};
	char buf[64], all[256], text[BASE64_SIZE(256)], back[256];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *plain = pairs[i][0], *coded = pairs[i][1];

		assert_string_equal(coded, base64__encode(buf, plain, strlen(plain)));
		assert_int_equal(strlen(plain),
				 base64__decode(buf, sizeof(buf), coded, strlen(coded)));
		assert_memory_equal(buf, plain, strlen(plain));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-EINVAL, base64__decode(buf, sizeof(buf), bad[i], strlen(bad[i])));
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	base64__encode(text, all, sizeof(all));
	assert_int_equal(sizeof(all), base64__decode(back, sizeof(back), text, strlen(text)));
	assert_memory_equal(all, back, sizeof(all));
	assert_int_equal(-EINVAL, base64__decode(back, 255, text, strlen(text)));
}

static void check_runs(const int64_t *v, size_t n, const char *want)
{
	struct values s = {0};
	json_t *runs;
	char *text;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(0, values__add(&s, v[i]));
	values__sort(&s);
	runs = values__runs(&s);
	text = json_dumps(runs, JSON_COMPACT);
	assert_string_equal(text, want);
	free(text);
	json_decref(runs);
	values__reset(&s);
}

static void test_values(void **state)
{
	static const int64_t some[] = {9, 3, 1, 2, 3, 7, 8, 20, 1}, one[] = {5};
	struct values a = {0}, b = {0};

	(void)state;
	check_runs(NULL, 0, "[]");
	check_runs(one, 1, "[[5,5]]");
	check_runs(some, 9, "[[1,3],[7,9],[20,20]]");
	for (int i = 0; i < 5000; i++) {
		values__add(&a, i);
		values__add(&b, 4999 - i);
	}
	values__sort(&a);
	values__sort(&b);
	assert_true(values__equal(&a, &b));
	values__drop_below(&a, 4990);
	assert_int_equal(a.n, 10);
	assert_int_equal(a.v[0], 4990);
	assert_false(values__equal(&a, &b));
	values__drop_below(&a, 100000);
	assert_int_equal(a.n, 0);
	values__reset(&a);
	values__reset(&b);
}

static void test_value_parse(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  "01",
					  " 1",
					  "1 ",
					  "1a",
					  "1000000000000001",
					  "99999999999999999999999999"};
	int64_t v = -7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value__parse(bad[i], strlen(bad[i]), &v));
	assert_int_equal(v, -7);
	assert_true(value__parse("0", 1, &v));
	assert_int_equal(v, 0);
	assert_true(value__parse("1000000000000000", 16, &v));
	assert_int_equal(v, 1000000000000000LL);
	assert_true(value__parse("123456", 3, &v));
	assert_int_equal(v, 123);
}

static void test_cadence(void **state)
{
	int64_t due = 1000;

	(void)state;
	/* in time: the next one is one interval on, however long the sample took */
	assert_int_equal(1020, cadence__next(1000, 20, 1000));
	assert_int_equal(1020, cadence__next(1000, 20, 1013));
	assert_int_equal(1020, cadence__next(1000, 20, 1020));
	/* late: on the grid, not in the past, no burst */
	assert_int_equal(1040, cadence__next(1000, 20, 1021));
	assert_int_equal(1040, cadence__next(1000, 20, 1040));
	assert_int_equal(2000, cadence__next(1000, 20, 1999));
	for (int i = 0; i < 1000; i++)
		due = cadence__next(due, 7, due + i % 30);
	assert_int_equal((due - 1000) % 7, 0);

	assert_int_equal(100 * NS_PER_MS, probe__limit_ns(NS_PER_MS));
	assert_int_equal(200 * NS_PER_MS, probe__limit_ns(20 * NS_PER_MS));
	assert_int_equal(NS_PER_S, probe__limit_ns(60 * NS_PER_S));
}

static void test_schedule(void **state)
{
	unsigned int reads = 0, by_client[10] = {0}, same = 0;

	(void)state;
	assert_int_equal(0, load__due_ns(0, 100));
	assert_int_equal(10 * NS_PER_MS, load__due_ns(1, 100));
	assert_int_equal(NS_PER_S * 3600, load__due_ns(360000, 100));
	for (unsigned int i = 0; i < 10000; i++) {
		bool r = load__is_read(42, i, 0.1);

		assert_int_equal(r, load__is_read(42, i, 0.1));
		assert_false(load__is_read(42, i, 0));
		same += r == load__is_read(43, i, 0.1);
		reads += r;
		by_client[i % 10] += r;
	}
	/* 1000 expected, sigma 30; 100 of each client, sigma 9.5: five of them */
	assert_in_range(reads, 850, 1150);
	for (int i = 0; i < 10; i++)
		assert_in_range(by_client[i], 52, 148);
	assert_true(same < 10000); /* the seed matters */
}

/* --- answers ---------------------------------------------------------------------------------- */

static redisReply *parse(const char *resp)
{
	redisReader *r = redisReaderCreate();
	void *reply = NULL;

	assert_int_equal(REDIS_OK, redisReaderFeed(r, resp, strlen(resp)));
	assert_int_equal(REDIS_OK, redisReaderGetReply(r, &reply));
	assert_non_null(reply);
	redisReaderFree(r);
	return reply;
}

static struct sample sample_of(const char *resp,
			       void (*f)(const struct redisReply *, struct sample *))
{
	struct sample s = {.epoch = -1};
	redisReply *reply = parse(resp);

	f(reply, &s);
	freeReplyObject(reply);
	return s;
}

static void test_redis_role(void **state)
{
	static const char *const bad[] = {
		"+OK\r\n",
		":1\r\n",
		"$-1\r\n",
		"*0\r\n",
		"*-1\r\n",
		"*1\r\n:3\r\n",
		"*1\r\n$5\r\nother\r\n",
		"*1\r\n*1\r\n$6\r\nmaster\r\n",
		"*1\r\n$-1\r\n",
		"-LOADING Redis is loading the dataset in memory\r\n",
	};
	struct sample s;

	(void)state;
	s = sample_of("*3\r\n$6\r\nmaster\r\n:123\r\n*0\r\n", redis__role);
	assert_int_equal(s.role, PROBE_LEADER);
	assert_true(s.claim);
	assert_int_equal(s.epoch, -1);
	s = sample_of("*5\r\n$5\r\nslave\r\n$9\r\n10.99.0.1\r\n:6379\r\n$9\r\nconnected\r\n:5\r\n",
		      redis__role);
	assert_int_equal(s.role, PROBE_FOLLOWER);
	assert_false(s.claim);
	assert_string_equal(s.leader, "10.99.0.1:6379");
	/* a follower still, but whom it names cannot be read */
	s = sample_of("*3\r\n$5\r\nslave\r\n:7\r\n:99999999\r\n", redis__role);
	assert_int_equal(s.role, PROBE_FOLLOWER);
	assert_string_equal(s.leader, "");
	s = sample_of("*1\r\n$5\r\nslave\r\n", redis__role);
	assert_int_equal(s.role, PROBE_FOLLOWER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = sample_of(bad[i], redis__role);
		assert_int_equal(s.role, PROBE_ERROR);
		assert_false(s.claim);
		assert_true(s.error[0]);
	}
}

static void test_sentinel_master(void **state)
{
	static const char *const bad[] = {
		"-ERR No such master with that name\r\n",
		"*1\r\n$2\r\nip\r\n",
		"*0\r\n",
		":1\r\n",
		"*4\r\n$2\r\nip\r\n$1\r\n1\r\n$4\r\nport\r\n$6\r\n999999\r\n",
		"*4\r\n$2\r\nip\r\n*0\r\n$4\r\nport\r\n$1\r\n1\r\n",
		"*4\r\n*0\r\n*0\r\n$-1\r\n$-1\r\n",
	};
	struct sample s;

	(void)state;
	s = sample_of("*6\r\n$2\r\nip\r\n$9\r\n10.99.0.2\r\n$4\r\nport\r\n$4\r\n6379\r\n"
		      "$12\r\nconfig-epoch\r\n$1\r\n7\r\n",
		      sentinel__master);
	assert_int_equal(s.role, PROBE_NONE);
	assert_false(s.claim);
	assert_string_equal(s.leader, "10.99.0.2:6379");
	assert_int_equal(s.epoch, 7);
	s = sample_of("*6\r\n$2\r\nip\r\n$1\r\nx\r\n$4\r\nport\r\n$1\r\n1\r\n"
		      "$12\r\nconfig-epoch\r\n$20\r\n99999999999999999999\r\n",
		      sentinel__master);
	assert_int_equal(s.role, PROBE_NONE);
	assert_int_equal(s.epoch, -1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(PROBE_ERROR, sample_of(bad[i], sentinel__master).role);
}

static struct sample status_of(const char *body)
{
	struct sample s = {.epoch = -1};

	etcd__status(body, strlen(body), &s);
	return s;
}

static void test_etcd_status(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"header\":3}",
		"{\"header\":{\"member_id\":\"x\"}}",
		"{\"header\":{\"member_id\":\"-1\"}}",
		"{\"header\":{\"member_id\":1.5}}",
		"{\"header\":{\"member_id\":\"99999999999999999999\"}}",
		"{\"header\":{\"member_id\":\"5\"},\"leader\":[]}",
		"{\"header\":{\"member_id\":\"5\"},\"leader\":\"5\"",
		"{\"header\":{}}",
	};
	struct sample s;

	(void)state;
	s = status_of("{\"header\":{\"cluster_id\":\"1\",\"member_id\":\"9372538179322589801\"},"
		      "\"leader\":\"9372538179322589801\",\"raftTerm\":\"2\"}");
	assert_int_equal(s.role, PROBE_LEADER);
	assert_true(s.claim);
	assert_int_equal(s.epoch, 2);
	assert_string_equal(s.leader, "8211f1d0f64f3269");
	s = status_of("{\"header\":{\"member_id\":5},\"leader\":6,\"raftTerm\":3}");
	assert_int_equal(s.role, PROBE_FOLLOWER);
	assert_false(s.claim);
	assert_int_equal(s.epoch, 3);
	/* no leader: the field is absent, or 0 */
	s = status_of("{\"header\":{\"member_id\":\"5\"},\"raftTerm\":\"18446744073709551615\"}");
	assert_int_equal(s.role, PROBE_CANDIDATE);
	assert_int_equal(s.epoch, -1);
	assert_string_equal(s.leader, "");
	s = status_of("{\"header\":{\"member_id\":\"5\"},\"leader\":\"0\"}");
	assert_int_equal(s.role, PROBE_CANDIDATE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(PROBE_ERROR, status_of(bad[i]).role);
}

static void test_redis_outcome(void **state)
{
	static const char *const fail[] = {
		"READONLY You can't write against a read only replica.",
		"NOREPLICAS Not enough good replicas to write.",
		"LOADING Redis is loading the dataset in memory",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"OOM command not allowed when used memory > 'maxmemory'.",
		"ERR unknown command 'SADD'",
		"READONLY",
	};
	static const char *const unknown[] = {"", "ERR", "ERR something else", "READONLYX",
					      "UNBLOCKED x"};

	(void)state;
	for (size_t i = 0; i < sizeof(fail) / sizeof(fail[0]); i++)
		assert_int_equal(OUTCOME_FAIL, redis__error_outcome(fail[i], strlen(fail[i])));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(OUTCOME_UNKNOWN,
				 redis__error_outcome(unknown[i], strlen(unknown[i])));
}

static void test_etcd_outcome(void **state)
{
	(void)state;
	assert_int_equal(OUTCOME_FAIL, etcd__error_outcome(503, "etcdserver: no leader"));
	assert_int_equal(OUTCOME_FAIL, etcd__error_outcome(429, "etcdserver: too many requests"));
	assert_int_equal(OUTCOME_FAIL, etcd__error_outcome(404, "Not Found"));
	assert_int_equal(OUTCOME_UNKNOWN,
			 etcd__error_outcome(503, "etcdserver: request timed out"));
	assert_int_equal(OUTCOME_UNKNOWN, etcd__error_outcome(503, "etcdserver: leader changed"));
	assert_int_equal(
		OUTCOME_UNKNOWN,
		etcd__error_outcome(
			503,
			"etcdserver: request timed out, possibly due to previous leader failure"));
	assert_int_equal(OUTCOME_UNKNOWN, etcd__error_outcome(500, ""));
}

static void test_errno_outcome(void **state)
{
	struct answer a = {0};

	(void)state;
	answer__errno(&a, -ECONNREFUSED, false);
	assert_int_equal(a.outcome, OUTCOME_FAIL);
	answer__errno(&a, -ETIMEDOUT, false);
	assert_int_equal(a.outcome, OUTCOME_FAIL);
	answer__errno(&a, -ETIMEDOUT, true);
	assert_int_equal(a.outcome, OUTCOME_UNKNOWN);
	answer__errno(&a, -ECONNREFUSED, true);
	assert_int_equal(a.outcome, OUTCOME_UNKNOWN);
	assert_true(a.error[0]);
}

static int page(const char *body, struct values *v, bool *more, char *last, size_t size)
{
	json_t *o = json_loads(body, 0, NULL);
	int r = etcd__page(o, strlen("chaos/set/"), v, more, last, size);

	json_decref(o);
	return r;
}

static void test_etcd_page(void **state)
{
	struct values v = {0};
	char last[64] = "";
	bool more = false;

	(void)state;
	/* chaos/set/0, chaos/set/12, chaos/set/x */
	assert_int_equal(0, page("{\"header\":{},\"kvs\":[{\"key\":\"Y2hhb3Mvc2V0LzA=\"},"
				 "{\"key\":\"Y2hhb3Mvc2V0LzEy\"},{\"key\":\"Y2hhb3Mvc2V0L3g=\"}],"
				 "\"more\":true,\"count\":\"9\"}",
				 &v, &more, last, sizeof(last)));
	assert_int_equal(v.n, 2);
	assert_int_equal(v.v[0], 0);
	assert_int_equal(v.v[1], 12);
	assert_true(more);
	assert_string_equal(last, "Y2hhb3Mvc2V0L3g=");
	assert_int_equal(0, page("{\"header\":{}}", &v, &more, last, sizeof(last)));
	assert_false(more);
	assert_string_equal(last, "");
	assert_int_equal(-EPROTO, page("{\"kvs\":{}}", &v, &more, last, sizeof(last)));
	assert_int_equal(-EPROTO, page("{\"kvs\":[3]}", &v, &more, last, sizeof(last)));
	assert_int_equal(-EPROTO, page("{\"kvs\":[{\"key\":7}]}", &v, &more, last, sizeof(last)));
	assert_int_equal(-EPROTO,
			 page("{\"kvs\":[{\"key\":\"****\"}]}", &v, &more, last, sizeof(last)));
	assert_int_equal(-EPROTO,
			 page("{\"kvs\":[{\"key\":\"Zm8=\"}]}", &v, &more, last, sizeof(last)));
	assert_int_equal(-EPROTO,
			 page("{\"kvs\":[{\"key\":\"Y2hhb3Mvc2V0LzA=\"}]}", &v, &more, last, 8));
	values__reset(&v);
}

static void test_http_base(void **state)
{
	char buf[64];

	(void)state;
	http__base(buf, sizeof(buf), "10.99.0.1", 2379);
	assert_string_equal(buf, "http://10.99.0.1:2379");
	http__base(buf, sizeof(buf), "fd99::1", 1);
	assert_string_equal(buf, "http://[fd99::1]:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),		cmocka_unit_test(test_values),
		cmocka_unit_test(test_value_parse),	cmocka_unit_test(test_cadence),
		cmocka_unit_test(test_schedule),	cmocka_unit_test(test_redis_role),
		cmocka_unit_test(test_sentinel_master), cmocka_unit_test(test_etcd_status),
		cmocka_unit_test(test_redis_outcome),	cmocka_unit_test(test_etcd_outcome),
		cmocka_unit_test(test_errno_outcome),	cmocka_unit_test(test_etcd_page),
		cmocka_unit_test(test_http_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
