// SPDX-License-Identifier: GPL-2.0-only
/* Probes and stores against servers that are dead, slow, hostile, or right. */
#include "fake.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_internal.h"
#include "recorder/probe_internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT_NS (30 * NS_PER_MS)
/* A time limit is kept up to the scheduling of a small machine. */
#define LATE_NS (400 * NS_PER_MS)

struct behaviour {
	const char *name;
	void (*serve)(struct fake *f, int fd);
	const char *answer;
	size_t len;
	bool no_ack; /* for a store: whatever it says, an add is not acknowledged */
};

#define TEXT(s) s, sizeof(s) - 1

/* MariaDB's greeting, protocol 10, with its native passwords. */
#define GREETING            \
	"\x53\0\0\0\x0a"    \
	"10.11.6-MariaDB\0" \
	"\1\0\0\0"          \
	"abcdefgh\0"        \
	"\xfe\xf7\x08\2\0"  \
	"\xff\x81\x15"      \
	"\0\0\0\0\0\0"      \
	"\x1d\0\0\0"        \
	"abcdefghijkl\0"    \
	"mysql_native_password\0"
#define OK_PACKET "\x07\0\0\2\0\0\0\2\0\0\0"
/* AuthenticationOk and ReadyForQuery. */
#define PG_READY "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I"

/* Lets its client in, then the answer to each query. */
static void mariadb(struct fake *f, int fd)
{
	send(fd, TEXT(GREETING), MSG_NOSIGNAL);
	if (fake__request(f, fd) > 0)
		send(fd, TEXT(OK_PACKET), MSG_NOSIGNAL);
	fake__answer(f, fd);
}

/* Without encryption. */
static void postgres(struct fake *f, int fd)
{
	if (fake__request(f, fd) > 0)
		send(fd, "N", 1, MSG_NOSIGNAL);
	if (fake__request(f, fd) > 0)
		send(fd, TEXT(PG_READY), MSG_NOSIGNAL);
	fake__answer(f, fd);
}

static const struct behaviour bad[] = {
	{"closes", fake__close, TEXT(""), true},
	{"silent", fake__silent, TEXT(""), true},
	{"hangs up", fake__hang_up, TEXT(""), true},
	{"garbage", fake__answer, TEXT("\0\xff\x80 garbage \r\n\r\n"), true},
	{"half an answer", fake__answer_once, TEXT("*3\r\n$6\r\nmas"), true},
	{"half HTTP", fake__answer_once, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
	 true},
	{"wrong HTTP", fake__answer_once, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
	 true},
	{"drips RESP", fake__drip, TEXT("$1000000\r\nx"), true},
	{"drips digits", fake__drip, TEXT("1"), true},
	{"floods a line", fake__flood,
	 TEXT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), true},
	{"floods arrays", fake__flood, TEXT("*65536\r\n"), true},
	{"huge array", fake__answer, TEXT("*2147483647\r\n"), true},
	{"huge bulk", fake__answer, TEXT("$536870912\r\nx"), true},
	{"negative bulk", fake__answer, TEXT("$-5\r\n"), true},
	{"deep arrays", fake__answer,
	 TEXT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), true},
	{"integer overflow", fake__answer, TEXT(":99999999999999999999999\r\n"), true},
	{"an error", fake__answer, TEXT("-ERR no\r\n"), true},
	{"is MariaDB, and lies about lengths", mariadb, TEXT("\1\0\0\1\xfc\xff\xff\xff\0\0\2\3xyz"),
	 true},
	{"is MariaDB, and has no such thing", mariadb, TEXT(OK_PACKET), true},
	{"is PostgreSQL, and lies about lengths", postgres,
	 TEXT("T\0\0\0\x0c\x7f\xff"
	      "a\0\0\0\0\1D\xff\xff\xff\xff\0\3"),
	 true},
	{"is PostgreSQL, without rows", postgres, TEXT("C\0\0\0\x0dSELECT 0\0Z\0\0\0\5I"), true},
};

static struct error err;

/* --- probes ----------------------------------------------------------------------------------- */

static void *open_probe(const struct probe_ops *ops, uint16_t port)
{
	static const struct probe_config config = {.node = "n1", .lease = "ns/name"};
	struct probe_spec spec = {.config = &config,
				  .ip = (char *)"127.0.0.1",
				  .port = port,
				  .master_name = (char *)"mymaster",
				  .every_ns = 20 * NS_PER_MS,
				  .limit_ns = LIMIT_NS};
	void *p = NULL;

	assert_int_equal(0, ops->open(&spec, &p, &err));
	return p;
}

static struct sample ask(const struct probe_ops *ops, void *p)
{
	int64_t start = clock__now();
	struct sample s = {.send_ns = start, .epoch = -1};

	ops->ask(p, start + LIMIT_NS, &s);
	assert_true(clock__now() - start < LIMIT_NS + LATE_NS);
	return s;
}

static void test_probes_bad(void **state)
{
	static const struct probe_ops *const all[] = {
		&probe_redis,	 &probe_sentinel,  &probe_redis_cluster, &probe_etcd,
		&probe_consul,	 &probe_zookeeper, &probe_kafka,	 &probe_patroni,
		&probe_rabbitmq, &probe_nats,	   &probe_vault,	 &probe_lease,
		&probe_postgres, &probe_galera,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct behaviour *b = &bad[i];
		struct fake f = {.serve = b->serve, .answer = b->answer, .answer_len = b->len};

		assert_int_equal(0, fake__start(&f));
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			void *p = open_probe(all[k], f.port);
			struct sample s = ask(all[k], p);

			if (s.role != PROBE_ERROR || s.claim || s.epoch != -1 || !s.error[0])
				fail_msg("%s, a server that %s: role %d", all[k]->name, b->name,
					 s.role);
			all[k]->close(p);
		}
		fake__end(&f);
	}
}

/* Answers ROLE with f->answer and INFO with the replication section. */
static void redis(struct fake *f, int fd)
{
	static const char info[] =
		"$58\r\nmaster_replid:0123456789abcdef0123456789abcdef01234567\r\n\r\n\r\n";
	char buf[512];
	ssize_t n;

	while ((n = fake__read(f, fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = '\0';
		if (strstr(buf, "ROLE"))
			send(fd, f->answer, f->answer_len, MSG_NOSIGNAL);
		if (strstr(buf, "INFO"))
			send(fd, TEXT(info), MSG_NOSIGNAL);
	}
}

static void test_probe_dead_then_back(void **state)
{
	struct fake f = {.serve = redis, .answer = TEXT("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")};
	struct sample s;
	void *p;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	p = open_probe(&probe_redis, f.port);
	for (int i = 0; i < 3; i++) {
		s = ask(&probe_redis, p);
		assert_int_equal(PROBE_LEADER, s.role);
		assert_string_equal(s.detail, "0123456789abcdef0123456789abcdef01234567");
	}
	assert_int_equal(1, f.accepted); /* the connection is kept */
	fake__end(&f);
	s = ask(&probe_redis, p);
	assert_int_equal(PROBE_ERROR, s.role);
	assert_non_null(strstr(s.error, "refused"));
	/* the same port again */
	assert_int_equal(0, fake__start(&f));
	s = ask(&probe_redis, p);
	assert_int_equal(PROBE_LEADER, s.role);
	assert_int_equal(2, f.accepted);
	fake__end(&f);
	probe_redis.close(p);
}

/* --- stores ----------------------------------------------------------------------------------- */

static void test_stores_bad(void **state)
{
	static const struct store_ops *const all[] = {&store_redis, &store_etcd, &store_consul};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct behaviour *b = &bad[i];
		struct fake f = {.serve = b->serve, .answer = b->answer, .answer_len = b->len};

		assert_int_equal(0, fake__start(&f));
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			struct answer a = {0}, r = {0};
			struct values v = {0};
			char why[64] = "";
			void *s = NULL;
			int64_t start = clock__now();

			assert_int_equal(0, all[k]->open("127.0.0.1", f.port, "set", &s));
			all[k]->add(s, 7, start + LIMIT_NS, &a);
			all[k]->read(s, 7, clock__now() + LIMIT_NS, &r);
			if (a.outcome == OUTCOME_OK || !a.error[0] || r.outcome == OUTCOME_OK)
				fail_msg("%s, a server that %s: outcomes %d %d", all[k]->name,
					 b->name, a.outcome, r.outcome);
			if (all[k]->list(s, clock__now() + LIMIT_NS, &v, why, sizeof(why)) == 0)
				fail_msg("%s lists from a server that %s", all[k]->name, b->name);
			assert_true(why[0]);
			assert_true(clock__now() - start < 3 * LIMIT_NS + LATE_NS);
			values__reset(&v);
			all[k]->close(s);
		}
		fake__end(&f);
	}
}

static enum outcome add_to(const struct store_ops *ops, void (*serve)(struct fake *, int),
			   const char *answer, size_t len)
{
	struct fake f = {.serve = serve, .answer = answer, .answer_len = len};
	struct answer a = {0};
	void *s = NULL;

	assert_int_equal(0, fake__start(&f));
	assert_int_equal(0, ops->open("127.0.0.1", f.port, "set", &s));
	ops->add(s, 7, clock__now() + LIMIT_NS, &a);
	ops->close(s);
	fake__end(&f);
	return a.outcome;
}

#define HTTP(status, len, body)                                                              \
	TEXT("HTTP/1.1 " status "\r\nContent-Type: application/json\r\nContent-Length: " len \
	     "\r\n\r\n" body)

static void test_outcomes(void **state)
{
	(void)state;
	/* it was sent, nobody knows */
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_redis, fake__silent, NULL, 0));
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_redis, fake__hang_up, NULL, 0));
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_etcd, fake__silent, NULL, 0));
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_etcd, fake__hang_up, NULL, 0));
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_consul, fake__silent, NULL, 0));
	assert_int_equal(OUTCOME_UNKNOWN, add_to(&store_consul, fake__hang_up, NULL, 0));
	/* the server says that it was not done */
	assert_int_equal(OUTCOME_FAIL, add_to(&store_redis, fake__answer, TEXT("-READONLY x\r\n")));
	assert_int_equal(OUTCOME_FAIL,
			 add_to(&store_redis, fake__answer, TEXT("-NOREPLICAS x\r\n")));
	assert_int_equal(OUTCOME_FAIL, add_to(&store_etcd, fake__answer,
					      HTTP("503 Service Unavailable", "33",
						   "{\"error\":\"etcdserver: no leader\"}")));
	assert_int_equal(OUTCOME_UNKNOWN,
			 add_to(&store_etcd, fake__answer,
				HTTP("503 Service Unavailable", "43",
				     "{\"message\":\"etcdserver: request timed out\"}")));
	assert_int_equal(OUTCOME_FAIL,
			 add_to(&store_consul, fake__answer,
				HTTP("500 Internal Server Error", "17", "No cluster leader")));
	assert_int_equal(OUTCOME_FAIL,
			 add_to(&store_consul, fake__answer, HTTP("200 OK", "5", "false")));
	/* an acknowledgement */
	assert_int_equal(OUTCOME_OK, add_to(&store_redis, fake__answer, TEXT(":1\r\n")));
	assert_int_equal(OUTCOME_OK, add_to(&store_etcd, fake__answer,
					    HTTP("200 OK", "13", "{\"header\":{}}")));
	/* not one: some other server's 200 */
	assert_int_equal(OUTCOME_UNKNOWN,
			 add_to(&store_etcd, fake__answer, HTTP("200 OK", "2", "{}")));
	assert_int_equal(OUTCOME_OK,
			 add_to(&store_consul, fake__answer, HTTP("200 OK", "5", "true\n")));
	assert_int_equal(OUTCOME_UNKNOWN,
			 add_to(&store_consul, fake__answer, HTTP("200 OK", "2", "{}")));
}

/* The first request is answered; the second, on the same connection, is read, and the connection ends; another
 * connection would have it answered again. */
static void lose_the_second(struct fake *f, int fd)
{
	if (fake__request(f, fd) <= 0)
		return;
	send(fd, f->answer, f->answer_len, MSG_NOSIGNAL);
	fake__request(f, fd);
}

static void is_not_sent_twice(const struct store_ops *ops, const char *body)
{
	struct fake f = {.serve = lose_the_second};
	struct answer a = {0}, b = {0}, c = {0};
	char text[128];
	void *s = NULL;

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	f.answer = text;
	f.answer_len = strlen(f.answer);
	assert_int_equal(0, fake__start(&f));
	assert_int_equal(0, ops->open("127.0.0.1", f.port, "set", &s));
	ops->add(s, 1, clock__now() + NS_PER_S, &a);
	assert_int_equal(a.outcome, OUTCOME_OK);
	ops->add(s, 2, clock__now() + NS_PER_S, &b);
	assert_int_equal(b.outcome, OUTCOME_UNKNOWN);
	assert_non_null(strstr(b.error, "closed the connection"));
	ops->add(s, 3, clock__now() + NS_PER_S, &c);
	assert_int_equal(c.outcome, OUTCOME_OK);
	ops->close(s);
	fake__end(&f);
}

static void test_not_sent_twice(void **state)
{
	(void)state;
	is_not_sent_twice(&store_consul, "true");
	is_not_sent_twice(&store_etcd, "{\"header\":{\"revision\":\"2\"}}");
}

/* The header that the first answer has is not the second's. */
static void forget_the_index(struct fake *f, int fd)
{
	if (fake__request(f, fd) > 0)
		send(fd, f->answer, f->answer_len, MSG_NOSIGNAL);
	if (fake__request(f, fd) > 0)
		send(fd, TEXT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), MSG_NOSIGNAL);
}

static void test_consul_header(void **state)
{
	struct fake f = {.serve = forget_the_index};
	struct answer a = {0}, b = {0};
	void *s = NULL;

	(void)state;
	f.answer = "HTTP/1.1 404 Not Found\r\nx-consul-index: 1\r\nContent-Length: 0\r\n\r\n";
	f.answer_len = strlen(f.answer);
	assert_int_equal(0, fake__start(&f));
	assert_int_equal(0, store_consul.open("127.0.0.1", f.port, "set", &s));
	store_consul.read(s, 7, clock__now() + NS_PER_S, &a);
	assert_int_equal(a.outcome, OUTCOME_OK);
	store_consul.read(s, 7, clock__now() + NS_PER_S, &b);
	assert_int_equal(b.outcome, OUTCOME_FAIL);
	assert_int_equal(f.accepted, 1);
	store_consul.close(s);
	fake__end(&f);
}

/* A name that is no part of a path. */
static void test_consul_name(void **state)
{
	char longest[300];
	void *s = NULL;

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(-EINVAL, store_consul.open("127.0.0.1", 1, "a?cas=1", &s));
	assert_int_equal(-EINVAL, store_consul.open("127.0.0.1", 1, "a b", &s));
	assert_int_equal(-EINVAL, store_consul.open("127.0.0.1", 1, "a,b", &s));
	assert_int_equal(-ENAMETOOLONG, store_consul.open("127.0.0.1", 1, longest, &s));
	longest[256] = '\0';
	assert_int_equal(0, store_consul.open("127.0.0.1", 1, longest, &s));
	store_consul.close(s);
}

/* A key that is not there is a 404 of the store, not one of any server. */
static void test_consul_absent(void **state)
{
	static const struct {
		const char *answer;
		enum outcome outcome;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nX-Consul-Index: 1\r\nContent-Length: 0\r\n\r\n",
		 OUTCOME_OK},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", OUTCOME_FAIL},
		{"HTTP/1.1 200 OK\r\nX-Consul-Index: 1\r\nContent-Length: 2\r\n\r\n[]",
		 OUTCOME_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake f = {.serve = fake__answer,
				 .answer = cases[i].answer,
				 .answer_len = strlen(cases[i].answer)};
		struct answer a = {0};
		void *s = NULL;

		assert_int_equal(0, fake__start(&f));
		assert_int_equal(0, store_consul.open("127.0.0.1", f.port, "set", &s));
		store_consul.read(s, 7, clock__now() + NS_PER_S, &a);
		assert_int_equal(a.outcome, cases[i].outcome);
		assert_false(a.found);
		store_consul.close(s);
		fake__end(&f);
	}
}

static void test_refused(void **state)
{
	static const struct store_ops *const all[] = {&store_redis, &store_etcd, &store_consul};
	struct fake f = {.serve = fake__close};

	(void)state;
	assert_int_equal(0, fake__start(&f));
	fake__end(&f); /* now nobody listens on its port */
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		struct answer a = {0};
		void *s = NULL;

		assert_int_equal(0, all[k]->open("127.0.0.1", f.port, "set", &s));
		all[k]->add(s, 1, clock__now() + NS_PER_S, &a);
		assert_int_equal(a.outcome, OUTCOME_FAIL);
		assert_non_null(strstr(a.error, "refused"));
		all[k]->close(s);
	}
}

/* A connection that the server has closed since is seen before anything is sent on it. */
static void answer_then_close(struct fake *f, int fd)
{
	if (fake__request(f, fd) > 0)
		send(fd, f->answer, f->answer_len, MSG_NOSIGNAL);
}

static void test_closed_between(void **state)
{
	static const struct {
		const struct store_ops *ops;
		const char *answer;
		size_t len;
	} cases[] = {{&store_redis, TEXT(":1\r\n")},
		     {&store_etcd, HTTP("200 OK", "13", "{\"header\":{}}")},
		     {&store_consul, HTTP("200 OK", "4", "true")}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct fake f = {.serve = answer_then_close,
				 .answer = cases[k].answer,
				 .answer_len = cases[k].len};
		void *s = NULL;

		assert_int_equal(0, fake__start(&f));
		assert_int_equal(0, cases[k].ops->open("127.0.0.1", f.port, "set", &s));
		for (int i = 0; i < 5; i++) {
			struct answer a = {0};

			cases[k].ops->add(s, i, clock__now() + NS_PER_S, &a);
			assert_string_equal(a.error, "");
			assert_int_equal(a.outcome, OUTCOME_OK);
			while (f.closed <= i)
				usleep(100);
		}
		cases[k].ops->close(s);
		fake__end(&f);
	}
}

/* A late answer to one command is not taken for that of the next. */
static void late_answer(struct fake *f, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	if (fake__request(f, fd) <= 0)
		return;
	if (f->accepted > 1) {
		send(fd, TEXT(":0\r\n"), MSG_NOSIGNAL);
		fake__request(f, fd);
		return;
	}
	poll(&p, 1, 2 * LIMIT_NS / NS_PER_MS);
	send(fd, TEXT(":1\r\n"), MSG_NOSIGNAL);
}

static void test_late_answer(void **state)
{
	struct fake f = {.serve = late_answer};
	struct answer a = {0}, b = {0};
	void *s = NULL;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	assert_int_equal(0, store_redis.open("127.0.0.1", f.port, "set", &s));
	store_redis.read(s, 1, clock__now() + LIMIT_NS, &a);
	assert_int_equal(a.outcome, OUTCOME_UNKNOWN);
	store_redis.read(s, 2, clock__now() + NS_PER_S, &b);
	assert_int_equal(b.outcome, OUTCOME_OK);
	assert_false(b.found);
	store_redis.close(s);
	fake__end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes_bad),    cmocka_unit_test(test_probe_dead_then_back),
		cmocka_unit_test(test_stores_bad),    cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_closed_between),
		cmocka_unit_test(test_late_answer),   cmocka_unit_test(test_not_sent_twice),
		cmocka_unit_test(test_consul_absent), cmocka_unit_test(test_consul_header),
		cmocka_unit_test(test_consul_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
