// SPDX-License-Identifier: GPL-2.0-only
/* The client's loop: what may be called from what it calls, and other descriptors beside it. */
#include "kube/kube.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const char list[] =
	"{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"metadata\":{\"name\":\"a\","
	"\"uid\":\"1\"}},{\"metadata\":{\"name\":\"b\",\"uid\":\"2\"}}]}";

/* One answer for whatever is asked, one connection after the other, until the socket is shut down. */
struct server {
	int fd;
	const char *body, *headers; /* headers: NULL, or whole lines */
	int status;		    /* 0: 200 */
	pthread_t thread;
};

static void *serve(void *arg)
{
	const struct server *s = arg;
	int c;

	while ((c = accept(s->fd, NULL, NULL)) >= 0) {
		char head[256], asked[8192];
		int n = snprintf(
			head, sizeof(head),
			"HTTP/1.1 %d OK\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
			s->status ? s->status : 200, strlen(s->body), s->headers ? s->headers : "");

		if (read(c, asked, sizeof(asked)) > 0 && write(c, head, (size_t)n) == n &&
		    write(c, s->body, strlen(s->body)) < 0)
			perror("write");
		close(c);
	}
	return NULL;
}

/* A client of it, or one of @name that goes through it. */
static struct kube *start_as(struct server *s, const char *body, const char *headers,
			     const char *name)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct kube_config c = {0};
	socklen_t len = sizeof(sin);
	struct error err = {0};
	struct kube *k = NULL;
	char url[64];

	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			     .body = body,
			     .headers = headers};
	assert_true(s->fd >= 0);
	assert_int_equal(0, bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)));
	assert_int_equal(0, getsockname(s->fd, (struct sockaddr *)&sin, &len));
	assert_int_equal(0, listen(s->fd, 16));
	assert_int_equal(0, pthread_create(&s->thread, NULL, serve, s));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(sin.sin_port));
	c.server = name ? (char *)name : url;
	c.proxy = name ? url : (char *)"";
	assert_int_equal(0, kube__open(&c, &k, &err));
	return k;
}

static struct kube *start(struct server *s, const char *body)
{
	return start_as(s, body, NULL, NULL);
}

static void stop(struct server *s, struct kube *k)
{
	kube__close(k);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

struct seen {
	struct kube *k;
	int done, other, max;
	struct kube_watch *watch;
	int puts, synced;
};

static int ask(struct seen *s, kube_done_fn *done, void *arg)
{
	struct kube_request rq = {.method = "GET", .path = "/x", .done = done, .arg = arg};

	return kube__request(s->k, &rq);
}

static void never(void *arg, const struct kube_answer *a)
{
	(void)a;
	fail_msg("called after it was cancelled: %p", arg);
}

/* Cancels itself, what else there is, and asks again. */
static void on_done(void *arg, const struct kube_answer *a)
{
	struct seen *s = arg;

	assert_int_equal(a->status, 200);
	s->done++;
	kube__cancel(s->k, s);
	kube__cancel(s->k, &s->other);
	if (s->done < s->max)
		assert_int_equal(0, ask(s, on_done, s));
}

static void test_cancel(void **state)
{
	struct server server;
	struct seen s = {.max = 3};

	(void)state;
	s.k = start(&server, "{}");
	assert_int_equal(0, ask(&s, on_done, &s));
	assert_int_equal(0, ask(&s, never, &s.max));
	kube__cancel(s.k, &s.max);
	while (s.done < s.max)
		assert_true(kube__wait(s.k, NULL, 0, 1000) >= 0);
	/* Under way, and not begun yet, when the client is closed. */
	assert_int_equal(0, ask(&s, never, &s.puts));
	kube__wait(s.k, NULL, 0, 0);
	kube__cancel(s.k, &s.puts);
	assert_int_equal(0, ask(&s, never, &s.puts));
	stop(&server, s.k);
}

static void on_event(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct seen *s = arg;

	(void)obj, (void)words;
	s->puts += ev == KUBE_PUT;
	s->synced += ev == KUBE_SYNCED;
	if (s->puts == s->max)
		kube_watch__end(s->watch);
}

/* Ended by the first of two objects: the second is not told, nor anything else. */
static void test_end(void **state)
{
	struct seen s = {.max = 1};
	struct kube_watch_spec spec = {.path = "/api/v1/things", .event = on_event, .arg = &s};
	struct server server;

	(void)state;
	s.k = start(&server, list);
	assert_int_equal(-EINVAL,
			 kube__watch(s.k,
				     &(struct kube_watch_spec){.path = "/a?b", .event = on_event},
				     &s.watch));
	assert_int_equal(0, kube__watch(s.k, &spec, &s.watch));
	while (!s.puts)
		assert_true(kube__wait(s.k, NULL, 0, 1000) >= 0);
	for (int i = 0; i < 3; i++)
		kube__wait(s.k, NULL, 0, 1);
	assert_int_equal(s.puts, 1);
	assert_int_equal(s.synced, 0);
	/* One that is not ended goes on to the end of the list. */
	s.max = 100;
	assert_int_equal(0, kube__watch(s.k, &spec, &s.watch));
	while (!s.synced)
		assert_true(kube__wait(s.k, NULL, 0, 1000) >= 0);
	assert_int_equal(s.puts, 3);
	assert_true(kube_watch__synced(s.watch));
	stop(&server, s.k);
}

/* A pipe that is readable, and one whose other end is closed: both wake at once and say what they are. */
static void test_fds(void **state)
{
	struct kube_config c = {.server = (char *)"http://127.0.0.1:1"};
	struct error err = {0};
	struct pollfd p[2];
	struct kube *k;
	int a[2], b[2];

	(void)state;
	assert_int_equal(0, kube__open(&c, &k, &err));
	assert_int_equal(0, pipe(a));
	assert_int_equal(0, pipe(b));
	p[0] = (struct pollfd){.fd = a[0], .events = POLLIN};
	p[1] = (struct pollfd){.fd = b[0], .events = POLLIN};
	assert_int_equal(0, kube__wait(k, p, 2, 1));
	assert_int_equal(1, write(a[1], "x", 1));
	assert_int_equal(1, kube__wait(k, p, 2, 60000));
	assert_int_equal(p[0].revents, POLLIN);
	assert_int_equal(p[1].revents, 0);
	close(b[1]);
	assert_int_equal(2, kube__wait(k, p, 2, 60000));
	assert_int_equal(p[1].revents, POLLHUP);
	kube__close(k);
	close(a[0]);
	close(a[1]);
	close(b[0]);
}

/* Whose time it is: the server's, not that of a proxy, nor of when somebody put the answer by. */
static void test_date(void **state)
{
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	static const struct {
		const char *headers, *name;
		bool known;
	} cases[] = {
		{DATE, NULL, true},
		{DATE "Age: 100\r\n", NULL, false},
		{"Age: 100\r\n" DATE, NULL, false},
		{DATE, "https://elsewhere.invalid", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kube_request rq = {.method = "GET", .path = "/x"};
		struct server server;
		struct kube_answer a;
		int64_t lo, hi;
		struct kube *k = start_as(&server, "{}", cases[i].headers, cases[i].name);
		int r = kube__call(k, &rq, &a, NULL);

		if ((r == 0) != !cases[i].name || kube__clock(k, &lo, &hi) != cases[i].known)
			fail_msg("%zu: %s", i, a.why);
		stop(&server, k);
	}
}

/* What a server says is printed on terminals: all of a message, the first line of what is none. */
static void test_words(void **state)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"{\"message\":\"no\\u001b[2J\\n\\tway \\u009b2J\\u00e9\\u007f\"}",
		 "HTTP 403: no[2J way 2J\303\251"},
		{"\nno\033[2J\tway \302\2332J\303\251\177\nat all",
		 "HTTP 403: no[2Jway 2J\303\251"},
	};
	struct kube_request rq = {.method = "GET", .path = "/x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server server;
		struct kube_answer a;
		struct kube *k = start(&server, cases[i].body);

		server.status = 403;
		assert_int_equal(-EACCES, kube__call(k, &rq, &a, NULL));
		assert_string_equal(a.why, cases[i].want);
		stop(&server, k);
	}
}

/* What does not come is left when there is something else to do. */
static void test_call_until(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), p[2];
	struct kube_request rq = {.method = "GET", .path = "/x"};
	struct kube_config c = {.proxy = (char *)""};
	socklen_t len = sizeof(sin);
	struct error err = {0};
	struct kube_answer a;
	struct kube *k;
	char url[64];

	(void)state;
	/* Listens, and answers nobody. */
	assert_int_equal(0, bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&sin, &len));
	assert_int_equal(0, listen(fd, 16));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(sin.sin_port));
	c.server = url;
	assert_int_equal(0, kube__open(&c, &k, &err));
	assert_int_equal(0, pipe(p));
	assert_int_equal(1, write(p[1], "x", 1));
	assert_int_equal(-EINTR, kube__call_until(k, &rq, p[0], &a, NULL));
	assert_int_equal(a.status, 0);
	kube__close(k);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void test_bad(void **state)
{
	struct kube_config c = {.server = (char *)"ftp://x"};
	struct kube_request rq = {.method = "GET", .path = "/x", .done = never};
	struct error err = {0};
	struct kube *k = NULL;
	int64_t lo, hi;

	(void)state;
	assert_int_equal(-EINVAL, kube__open(&c, &k, &err));
	assert_null(k);
	c.server = (char *)"http://127.0.0.1:1";
	assert_int_equal(0, kube__open(&c, &k, &err));
	assert_false(kube__clock(k, &lo, &hi));
	rq.path = "x";
	assert_int_equal(-EINVAL, kube__request(k, &rq));
	rq.path = "/x y";
	assert_int_equal(-EINVAL, kube__request(k, &rq));
	rq.path = "/x\r\nHost: y";
	assert_int_equal(-EINVAL, kube__request(k, &rq));
	rq.path = "/x";
	rq.method = "get";
	assert_int_equal(-EINVAL, kube__request(k, &rq));
	rq.method = "GET";
	rq.content_type = "a\r\nb: c";
	assert_int_equal(-EINVAL, kube__request(k, &rq));
	kube__close(k);
	kube__close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_end),
		cmocka_unit_test(test_fds),    cmocka_unit_test(test_date),
		cmocka_unit_test(test_words),  cmocka_unit_test(test_call_until),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
