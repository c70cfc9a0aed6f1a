// SPDX-License-Identifier: GPL-2.0-only
/* The pure parts of stores: what errors and answers mean, statements, redirections. */
#include "lib/cleanup.h"
#include "recorder/load_kafka.h"
#include "recorder/load_nats.h"
#include "recorder/load_redis.h"
#include "recorder/rules.h"
#include "recorder/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct error err;

/* --- errors ----------------------------------------------------------------------------------- */

static void test_postgres(void **state)
{
	static const struct {
		const char *severity, *state;
		enum outcome outcome;
	} cases[] = {
		{"ERROR", "23505", OUTCOME_FAIL},    /* unique violation */
		{"ERROR", "25006", OUTCOME_FAIL},    /* read-only transaction: a replica */
		{"ERROR", "40001", OUTCOME_FAIL},    /* serialization failure */
		{"ERROR", "40P01", OUTCOME_FAIL},    /* deadlock */
		{"ERROR", "57014", OUTCOME_FAIL},    /* cancelled */
		{"ERROR", "53100", OUTCOME_FAIL},    /* disk full */
		{"ERROR", "40003", OUTCOME_UNKNOWN}, /* statement completion unknown */
		{"ERROR", "08007", OUTCOME_UNKNOWN}, /* transaction resolution unknown */
		{"ERROR", "58030", OUTCOME_UNKNOWN}, /* I/O error */
		{"ERROR", "XX000", OUTCOME_UNKNOWN}, /* internal error */
		{"FATAL", "57P01", OUTCOME_UNKNOWN}, /* administrator's shutdown, in the middle */
		{"FATAL", "23505", OUTCOME_UNKNOWN}, {"PANIC", "53100", OUTCOME_UNKNOWN},
		{"ERROR", "2350", OUTCOME_UNKNOWN},  {NULL, "23505", OUTCOME_UNKNOWN},
		{"ERROR", NULL, OUTCOME_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(postgres__outcome(cases[i].severity, cases[i].state),
				 cases[i].outcome);
}

static void test_mysql(void **state)
{
	(void)state;
	assert_int_equal(mysql__outcome(1047), OUTCOME_FAIL); /* Galera: not ready */
	assert_int_equal(mysql__outcome(1213), OUTCOME_FAIL);
	assert_int_equal(mysql__outcome(1290), OUTCOME_FAIL);
	assert_int_equal(mysql__outcome(1180), OUTCOME_UNKNOWN); /* during commit */
	assert_int_equal(mysql__outcome(1317), OUTCOME_UNKNOWN);
	assert_int_equal(mysql__outcome(1927), OUTCOME_UNKNOWN);
	assert_int_equal(mysql__outcome(0), OUTCOME_UNKNOWN);
}

static void test_zookeeper(void **state)
{
	(void)state;
	assert_int_equal(zookeeper__outcome(0), OUTCOME_OK);
	assert_int_equal(zookeeper__outcome(-101), OUTCOME_FAIL);  /* no node */
	assert_int_equal(zookeeper__outcome(-103), OUTCOME_FAIL);  /* bad version */
	assert_int_equal(zookeeper__outcome(-119), OUTCOME_FAIL);  /* read-only server */
	assert_int_equal(zookeeper__outcome(-4), OUTCOME_UNKNOWN); /* connection loss */
	assert_int_equal(zookeeper__outcome(-7), OUTCOME_UNKNOWN);
	assert_int_equal(zookeeper__outcome(-112), OUTCOME_UNKNOWN); /* session expired */
	assert_int_equal(zookeeper__outcome(-116), OUTCOME_UNKNOWN); /* closing */
	assert_int_equal(zookeeper__outcome(-100), OUTCOME_UNKNOWN);
}

static void test_kafka(void **state)
{
	/* A delivery report's status, as librdkafka has it. */
	enum { NOT_PERSISTED, POSSIBLY, PERSISTED };
	static const int refused[] = {2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 43, 44, 76, 87};
	/* Of these librdkafka says of most that the message is not persisted; a leader gives them after it has
	 * appended, too: unknown, unknown topic, not leader, storage; timed out, not enough after append. */
	static const int doubtful[] = {-1, 3, 5, 6, 7, 20, 56, 9999};

	(void)state;
	assert_int_equal(kafka__outcome(0, PERSISTED, 1), OUTCOME_OK);
	assert_int_equal(kafka__outcome(0, PERSISTED, 2), OUTCOME_OK);
	assert_int_equal(kafka__outcome(0, POSSIBLY, 1), OUTCOME_UNKNOWN); /* acks=0 */
	assert_int_equal(kafka__outcome(0, NOT_PERSISTED, 0), OUTCOME_UNKNOWN);
	assert_int_equal(kafka__outcome(-152, NOT_PERSISTED, 0),
			 OUTCOME_FAIL); /* purged in queue */
	assert_int_equal(kafka__outcome(-192, NOT_PERSISTED, 0),
			 OUTCOME_FAIL); /* timed out in queue */
	/* sent to one that was not the leader, in the queue again for the next one */
	assert_int_equal(kafka__outcome(-152, NOT_PERSISTED, 1), OUTCOME_UNKNOWN);
	assert_int_equal(kafka__outcome(-192, NOT_PERSISTED, 3), OUTCOME_UNKNOWN);
	assert_int_equal(kafka__outcome(-151, POSSIBLY, 1), OUTCOME_UNKNOWN); /* purged in flight */
	assert_int_equal(kafka__outcome(-195, POSSIBLY, 1), OUTCOME_UNKNOWN); /* transport */
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_int_equal(kafka__outcome(refused[i], NOT_PERSISTED, 1), OUTCOME_FAIL);
		assert_int_equal(kafka__outcome(refused[i], POSSIBLY, 1), OUTCOME_UNKNOWN);
		/* the second time; the first may have been done */
		assert_int_equal(kafka__outcome(refused[i], NOT_PERSISTED, 2), OUTCOME_UNKNOWN);
	}
	for (size_t i = 0; i < ARRAY_SIZE(doubtful); i++)
		assert_int_equal(kafka__outcome(doubtful[i], NOT_PERSISTED, 1), OUTCOME_UNKNOWN);
}

static void test_kafka_topic(void **state)
{
	char name[300], topic[300], small[10];

	(void)state;
	kafka__topic("set:2a/\xc3\xa9 x_y-z.1", topic, sizeof(topic));
	assert_string_equal(topic, "chaos-set-2a----x_y-z.1");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	kafka__topic(name, topic, sizeof(topic));
	assert_int_equal(strlen(topic), 249); /* Kafka takes no more */
	kafka__topic(name, small, sizeof(small));
	assert_string_equal(small, "chaos-nnn");
	assert_int_equal(kafka__replicas(-1), 1);
	assert_int_equal(kafka__replicas(0), 1);
	assert_int_equal(kafka__replicas(1), 1);
	assert_int_equal(kafka__replicas(2), 2);
	assert_int_equal(kafka__replicas(3), 3);
	assert_int_equal(kafka__replicas(100), 3);
}

static enum outcome consul(long status, const char *text)
{
	return consul__outcome(status, text, strlen(text));
}

static void test_consul_errors(void **state)
{
	static const long refused[] = {400, 403, 404, 405, 409, 413, 429};
	static const char *const open[] = {
		"",
		"leader",
		"rpc error making call: leadership lost while committing log",
		"rpc error making call: EOF",
		"rpc error getting client: failed to get conn: dial tcp 10.99.0.1:8300: i/o "
		"timeout",
		"No cluster leader yet",
		"XNo cluster leader",
		"raft is already shutdown",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(consul(refused[i], "leadership lost"), OUTCOME_FAIL);
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_int_equal(consul(500, open[i]), OUTCOME_UNKNOWN);
	assert_int_equal(consul(500, "No cluster leader"), OUTCOME_FAIL);
	assert_int_equal(consul(500, "No cluster leader\n"), OUTCOME_FAIL);
	assert_int_equal(consul(500, "rpc error making call: No cluster leader"), OUTCOME_FAIL);
	assert_int_equal(consul(200, "No cluster leader"), OUTCOME_UNKNOWN);
	assert_int_equal(consul(408, ""), OUTCOME_UNKNOWN); /* a proxy's */
	assert_int_equal(consul(502, ""), OUTCOME_UNKNOWN);
	assert_int_equal(consul(0, ""), OUTCOME_UNKNOWN);
}

static int entry_of(const char *text, struct consul_entry *e)
{
	json_t *o = json_loads(text, 0, NULL);
	int r = consul__entry(o, "chaos/w/3", e);

	json_decref(o);
	return r;
}

static void test_consul_entry(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"[7]",
		"[{\"Key\":\"chaos/w/4\",\"Value\":\"NDE=\",\"ModifyIndex\":9}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"NDE=\"}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"NDE=\",\"ModifyIndex\":-9}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":null,\"ModifyIndex\":9}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"\",\"ModifyIndex\":9}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"eA==\",\"ModifyIndex\":9}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"NDE\",\"ModifyIndex\":9}]",
		"[{\"Key\":\"chaos/w/3\",\"ModifyIndex\":9,"
		"\"Value\":\"NDEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw\"}]",
		"[{\"Key\":\"chaos/w/3\",\"Value\":\"NDE=\",\"ModifyIndex\":9},{}]",
	};
	struct consul_entry e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(-EPROTO, entry_of(bad[i], &e));
	assert_false(e.there);
	assert_int_equal(0, entry_of("[{\"LockIndex\":0,\"Key\":\"chaos/w/3\",\"Flags\":0,"
				     "\"Value\":\"NDE=\",\"CreateIndex\":5,\"ModifyIndex\":9}]",
				     &e));
	assert_true(e.there && e.value == 41 && e.index == 9);
}

static void test_consul_keys(void **state)
{
	static const char *const bad[] = {"{}", "[7]", "[\"chaos/w\"]", "[\"chaos/v/3\"]"};
	json_t *o = json_loads("[\"chaos/w/0\",\"chaos/w/12\",\"chaos/w/\",\"chaos/w/x\","
			       "\"chaos/w/5/6\",\"chaos/w/007\"]",
			       0, NULL);
	struct values v = {0};

	(void)state;
	assert_int_equal(0, consul__keys(o, "chaos/w/", &v));
	assert_int_equal(v.n, 2);
	assert_int_equal(v.v[1], 12);
	json_decref(o);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		o = json_loads(bad[i], 0, NULL);
		assert_int_equal(-EPROTO, consul__keys(o, "chaos/w/", &v));
		json_decref(o);
	}
	assert_int_equal(v.n, 2);
	values__reset(&v);
}

static int token_of(const char *text, int64_t *token)
{
	json_t *o = json_loads(text, 0, NULL);
	int r = consul__lock_index(o, "chaos/w/0", token);

	json_decref(o);
	return r;
}

static int session_of(const char *text, char *id, size_t size)
{
	json_t *o = json_loads(text, 0, NULL);
	int r = consul__session(o, id, size);

	json_decref(o);
	return r;
}

static void test_consul_locks(void **state)
{
	char id[40] = "";
	int64_t token = -1;

	(void)state;
	assert_int_equal(
		0, session_of("{\"ID\":\"adf4238a-882b-9ddc-4a9d-5b6758e4159e\"}", id, sizeof(id)));
	assert_string_equal(id, "adf4238a-882b-9ddc-4a9d-5b6758e4159e");
	assert_int_equal(-EPROTO, session_of("{\"ID\":\"\"}", id, sizeof(id)));
	assert_int_equal(-EPROTO, session_of("{\"ID\":7}", id, sizeof(id)));
	/* no way into a path */
	assert_int_equal(-EPROTO, session_of("{\"ID\":\"a/../b\"}", id, sizeof(id)));
	assert_int_equal(-EPROTO, session_of("{\"ID\":\"abcdef\"}", id, 6));
	assert_int_equal(0, token_of("{\"Results\":[{\"KV\":{\"LockIndex\":3,"
				     "\"Key\":\"chaos/w/0\",\"Value\":null}}],\"Errors\":null}",
				     &token));
	assert_int_equal(token, 3);
	assert_int_equal(-EPROTO, token_of("{\"Results\":[{\"KV\":{\"LockIndex\":0,"
					   "\"Key\":\"chaos/w/0\"}}]}",
					   &token));
	assert_int_equal(-EPROTO, token_of("{\"Results\":[{\"KV\":{\"LockIndex\":3,"
					   "\"Key\":\"chaos/w/1\"}}]}",
					   &token));
	assert_int_equal(-EPROTO, token_of("{\"Results\":null}", &token));
	assert_int_equal(token, 3);
}

static void test_nats_outcomes(void **state)
{
	(void)state;
	assert_int_equal(nats__outcome(10071), OUTCOME_FAIL);	 /* wrong last sequence */
	assert_int_equal(nats__outcome(10054), OUTCOME_FAIL);	 /* message too large */
	assert_int_equal(nats__outcome(10076), OUTCOME_FAIL);	 /* JetStream not enabled */
	assert_int_equal(nats__outcome(10077), OUTCOME_UNKNOWN); /* storing it failed */
	assert_int_equal(nats__outcome(10023), OUTCOME_UNKNOWN); /* resources */
	assert_int_equal(nats__outcome(10008), OUTCOME_UNKNOWN); /* temporarily unavailable */
	assert_int_equal(nats__outcome(0), OUTCOME_UNKNOWN);
}

static void test_nats_acknowledgements(void **state)
{
	static const struct {
		const char *body;
		int result;
		enum outcome outcome;
	} cases[] = {
		{"{\"stream\":\"s\", \"seq\":7}", 0, OUTCOME_OK},
		{"{\"stream\":\"s\", \"domain\":\"d\", \"seq\":1}", 0, OUTCOME_OK},
		{"{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last "
		 "sequence: 3\"},"
		 "\"stream\":\"s\",\"seq\":0}",
		 10071, OUTCOME_FAIL},
		{"{\"error\":{\"code\":503,\"err_code\":10077},\"stream\":\"s\",\"seq\":7}", 10077,
		 OUTCOME_UNKNOWN},
		{"{\"error\":{\"code\":503},\"stream\":\"s\",\"seq\":7}", -1, OUTCOME_UNKNOWN},
		{"{\"error\":null,\"stream\":\"s\",\"seq\":7}", -1, OUTCOME_UNKNOWN},
		{"{\"error\":{\"err_code\":99999999999},\"stream\":\"s\",\"seq\":7}", -1,
		 OUTCOME_UNKNOWN},
		{"{\"stream\":\"another\", \"seq\":7}", -1, OUTCOME_UNKNOWN},
		{"{\"stream\":\"s\", \"seq\":0}", -1, OUTCOME_UNKNOWN},
		{"{\"stream\":\"s\", \"seq\":\"7\"}", -1, OUTCOME_UNKNOWN},
		{"{\"stream\":\"s\", \"seq\":7", -1, OUTCOME_UNKNOWN},
		{"{}", -1, OUTCOME_UNKNOWN},
		{"[]", -1, OUTCOME_UNKNOWN},
		{"+OK", -1, OUTCOME_UNKNOWN},
		{"", -1, OUTCOME_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct answer a = {.outcome = OUTCOME_OK};

		assert_int_equal(nats__acknowledged(cases[i].body, strlen(cases[i].body), "s", &a),
				 cases[i].result);
		assert_int_equal(a.outcome, cases[i].outcome);
	}
}

static json_t *parsed(const char *body)
{
	json_t *o = nats__json(body, strlen(body));

	assert_non_null(o);
	return o;
}

static void test_nats_messages(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"message\":{\"seq\":1}}",
		"{\"message\":{\"seq\":1,\"data\":7}}",
		"{\"message\":{\"seq\":1,\"data\":\"!\"}}",
		"{\"message\":{\"seq\":0,\"data\":\"NDI=\"}}",
		"{\"message\":{\"data\":\"NDI=\"}}",
		"{\"message\":{\"seq\":1,\"data\":\"LTE=\"}}", /* -1 */
		"{\"message\":{\"seq\":1,\"data\":"
		"\"NDI0MjQyNDI0MjQyNDI0MjQyNDI0MjQyNDI0MjQyNDI0MjQyNDI0Mg==\"}}",
	};
	_cleanup_json_ json_t *good =
		parsed("{\"message\":{\"subject\":\"s.1\",\"seq\":9,\"data\":\"NDI=\"}}");
	uint64_t sequence = 0;
	int64_t value = 0;

	(void)state;
	assert_int_equal(nats__message(good, &value, &sequence), 0);
	assert_int_equal(value, 42);
	assert_int_equal(sequence, 9);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_json_ json_t *o = parsed(bad[i]);

		assert_int_equal(nats__message(o, &value, &sequence), -EPROTO);
	}
}

static void test_nats_pages(void **state)
{
	_cleanup_json_ json_t *page = parsed(
		"{\"total\":100003,\"offset\":0,\"state\":{\"subjects\":{\"s.7\":1,\"s.8\":2,"
		"\"s.x\":1,\"t.9\":1,\"s\":1,\"s.\":1,\"s.1.2\":1}}}");
	_cleanup_json_ json_t *empty = parsed("{\"total\":0,\"state\":{\"messages\":0}}");
	_cleanup_json_ json_t *odd = parsed("{\"total\":0}");
	struct values v = {0};
	int64_t n, total;

	(void)state;
	assert_int_equal(nats__page(page, "s", &v, &n, &total), 0);
	assert_int_equal(n, 7);
	assert_int_equal(total, 100003);
	values__sort(&v);
	assert_int_equal(v.n, 2);
	assert_int_equal(v.v[0], 7);
	assert_int_equal(v.v[1], 8);
	assert_int_equal(nats__page(empty, "s", &v, &n, &total), 0);
	assert_int_equal(n, 0);
	assert_int_equal(v.n, 2);
	assert_int_equal(nats__page(odd, "s", &v, &n, &total), -EPROTO);
	values__reset(&v);
}

static void test_nats_names(void **state)
{
	char name[NATS_STREAM_SIZE], longest[400];

	(void)state;
	nats__stream_name(OBJECT_QUEUE, "a.b:c>*d e", name);
	assert_string_equal(name, "chaos-queue-a_b_c__d_e");
	nats__stream_name(OBJECT_SET, "jobs-1_2", name);
	assert_string_equal(name, "chaos-set-jobs-1_2");
	memset(longest, '.', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	nats__stream_name(OBJECT_SET, longest, name);
	assert_int_equal(strlen(name), NATS_STREAM_SIZE - 1);
}

static void test_redirections(void **state)
{
	static const char *const bad[] = {"MOVED",
					  "MOVED ",
					  "MOVED 1",
					  "MOVED 1 10.0.0.1",
					  "MOVED 1 10.0.0.1:",
					  "MOVED 1 10.0.0.1:0",
					  "MOVED 1 10.0.0.1:65536",
					  "MOVED 1 10.0.0.1:6379x",
					  "ASK",
					  "ERR MOVED 1 10.0.0.1:6379"};
	char ip[REDIS_IP_SIZE], longest[256];
	uint16_t port = 0;
	bool ask = true;

	(void)state;
	assert_true(redis__redirection("MOVED 3999 10.99.0.2:6381", 25, ip, &port, &ask));
	assert_string_equal(ip, "10.99.0.2");
	assert_int_equal(port, 6381);
	assert_false(ask);
	assert_true(redis__redirection("ASK 3999 fd99::2:6381", 21, ip, &port, &ask));
	assert_string_equal(ip, "fd99::2");
	assert_true(ask);
	assert_true(redis__redirection("MOVED 3999 :6381", 16, ip, &port, &ask));
	assert_string_equal(ip, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(redis__redirection(bad[i], strlen(bad[i]), ip, &port, &ask));
	snprintf(longest, sizeof(longest), "MOVED 1 %0200d:1", 7);
	assert_false(redis__redirection(longest, strlen(longest), ip, &port, &ask));
}

/* --- SQL -------------------------------------------------------------------------------------- */

static void test_statements(void **state)
{
	struct request rq = {.action = ACTION_CAS, .key = 3, .value = 7, .expect = 5};
	char sql[SQL_TEXT];
	enum sql_want want;

	(void)state;
	assert_int_equal(0, sql__statement(SQL_POSTGRES, "w:1", &rq, sql, &want));
	assert_int_equal(want, SQL_CHANGED);
	assert_string_equal(
		sql, "UPDATE chaos_data SET v = 7 WHERE workload = 'w:1' AND k = 3 AND v = 5");
	rq.expect = NOTHING;
	assert_int_equal(0, sql__statement(SQL_MYSQL, "w", &rq, sql, &want));
	assert_int_equal(want, SQL_CHANGED);
	assert_string_equal(sql,
			    "INSERT IGNORE INTO chaos_data (workload, k, v) VALUES ('w', 3, 7)");
	/* a name is no way into the statement */
	assert_int_equal(0, sql__statement(SQL_MYSQL, "x'; DROP\\", &rq, sql, &want));
	assert_non_null(strstr(sql, "('x_; DROP_', 3, 7)"));
	rq.action = ACTION_ACQUIRE;
	assert_int_equal(-EINVAL, sql__statement(SQL_POSTGRES, "w", &rq, sql, &want));
}

/* --- patterns --------------------------------------------------------------------------------- */

static struct rules make(char *unknown, char *fail, char *none, char *ok, char *value)
{
	char *patterns[CUSTOM_PATTERNS] = {[CUSTOM_UNKNOWN] = unknown,
					   [CUSTOM_FAIL] = fail,
					   [CUSTOM_NONE] = none,
					   [CUSTOM_OK] = ok,
					   [CUSTOM_VALUE] = value};
	struct rules ru;

	assert_int_equal(0, rules__init(&ru, patterns, &err));
	return ru;
}

#define P(s) ((char *)(s))
#define TEXT(s) s, sizeof(s) - 1

static void test_first_line_decides(void **state)
{
	struct rules ru = make(P("^lost"), P("^ERROR"), P("^none$"), P("^value ([0-9]+)$"), NULL);
	struct reading rd = {0};

	(void)state;
	rules__line(&ru, TEXT("hello value 3"), &rd);
	assert_false(rd.decided);
	assert_string_equal(rd.line, "hello value 3");
	rules__line(&ru, TEXT("value 41\r"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_OK && rd.has_value);
	assert_int_equal(rd.value, 41);
	rd = (struct reading){0};
	rules__line(&ru, TEXT("ERROR: value 41"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_FAIL && !rd.has_value);
	assert_string_equal(rd.line, "ERROR: value 41");
	rd = (struct reading){0};
	rules__line(&ru, TEXT("none"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_NONE);
	/* too big to be ours */
	rd = (struct reading){0};
	rules__line(&ru, TEXT("value 99999999999999999999"), &rd);
	assert_true(rd.decided && rd.bad_value && !rd.has_value);
	rules__reset(&ru);
}

static void test_worst_word_counts(void **state)
{
	struct rules ru = make(P("timeout"), P("refused"), NULL, P("^HTTP 200$"), NULL);
	struct reading rd = {0};

	(void)state;
	rules__text(&ru, TEXT("HTTP 200\n{\"error\":\n\"refused\"}\n"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_FAIL);
	rd = (struct reading){0};
	rules__text(&ru, TEXT("HTTP 200\nrefused after a timeout"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_UNKNOWN);
	rd = (struct reading){0};
	rules__text(&ru, TEXT("HTTP 200\n{}"), &rd);
	assert_true(rd.decided && rd.by == CUSTOM_OK);
	rd = (struct reading){0};
	rules__text(&ru, TEXT("HTTP 500\n\n"), &rd);
	assert_false(rd.decided);
	rules__text(&ru, "", 0, &rd);
	assert_false(rd.decided);
	rules__reset(&ru);
}

/* All values of a line that is longer than what is looked at at once; none of them is cut. */
static void test_values_of_a_long_line(void **state)
{
	struct rules ru = make(NULL, NULL, NULL, P("^\\["), P("([0-9]+)"));
	struct values v = {0};
	struct reading rd = {.all = &v};
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 5000; i++)
		fprintf(f, "%s%d", i ? "," : "[", 100000 + i);
	fputs("]\n", f);
	fclose(f);
	rules__text(&ru, text, len, &rd);
	assert_true(rd.decided && rd.by == CUSTOM_OK);
	values__sort(&v);
	assert_int_equal(v.n, 5000);
	assert_int_equal(v.v[0], 100000);
	assert_int_equal(v.v[4999], 104999);
	values__reset(&v);
	free(text);
	rules__reset(&ru);
}

/* Bytes that are no text, empty matches, a pattern that is none. */
static void test_hostile(void **state)
{
	struct rules ru = make(NULL, P("x*"), NULL, NULL, P("(y*)"));
	char *patterns[CUSTOM_PATTERNS] = {[CUSTOM_OK] = P("(")};
	struct values v = {0};
	struct reading rd = {.all = &v};
	char junk[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 31 + i / 256);
	junk[sizeof(junk) - 1] = '\0';
	rules__text(&ru, junk, sizeof(junk), &rd);
	assert_int_equal(v.n, 0);
	rules__line(&ru, junk, sizeof(junk), &rd);
	values__reset(&v);
	rules__reset(&ru);
	assert_int_equal(-EINVAL, rules__init(&ru, patterns, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres),
		cmocka_unit_test(test_mysql),
		cmocka_unit_test(test_zookeeper),
		cmocka_unit_test(test_kafka),
		cmocka_unit_test(test_kafka_topic),
		cmocka_unit_test(test_consul_errors),
		cmocka_unit_test(test_consul_entry),
		cmocka_unit_test(test_consul_keys),
		cmocka_unit_test(test_consul_locks),
		cmocka_unit_test(test_nats_outcomes),
		cmocka_unit_test(test_nats_acknowledgements),
		cmocka_unit_test(test_nats_messages),
		cmocka_unit_test(test_nats_pages),
		cmocka_unit_test(test_nats_names),
		cmocka_unit_test(test_redirections),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_first_line_decides),
		cmocka_unit_test(test_worst_word_counts),
		cmocka_unit_test(test_values_of_a_long_line),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
