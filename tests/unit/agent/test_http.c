// SPDX-License-Identifier: GPL-2.0-only
/* The agent's HTTP server, in the loop of this test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/http.h"
#include "agent/metrics.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static struct world {
	struct http_server *s;
	struct metrics *m;
	unsigned int pages;
} w;

static void page(void *arg, const char *path, struct http_page *ret)
{
	struct world *x = arg;

	x->pages++;
	if (!strcmp(path, "/metrics")) {
		*ret = (struct http_page){.status = 200, .type = "text/plain; version=0.0.4"};
		ret->body = metrics__text(x->m, &ret->len);
	} else if (!strcmp(path, "/healthz")) {
		http_page__words(ret, 200, "ok");
	} else if (!strcmp(path, "/readyz")) {
		http_page__words(ret, 503, "%s", "not yet");
	}
}

static int setup(void **state)
{
	struct error err;

	(void)state;
	w = (struct world){0};
	w.m = metrics__new();
	return http_server__open("127.0.0.1:0", page, &w, &w.s, &err);
}

static int teardown(void **state)
{
	(void)state;
	http_server__close(w.s);
	metrics__free(w.m);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(http_server__port(w.s)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* All that comes for @request until the server closes; the server runs meanwhile. */
static char *ask_bytes(const void *request, size_t len)
{
	_cleanup_close_ int fd = dial();
	static char buf[1 << 16];
	int64_t due = INT64_MAX;
	size_t n = 0;

	assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), len);
	for (;;) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN},
				     {.fd = http_server__fd(w.s), .events = POLLIN}};
		int64_t left = due == INT64_MAX ? INT64_MAX : (due - clock__now()) / NS_PER_MS;
		ssize_t r;

		r = poll(p, 2, left < 0 ? 0 : left < 30000 ? (int)left : 30000);
		assert_true(r > 0 || due < INT64_MAX);
		due = http_server__step(w.s);
		if (!p[0].revents)
			continue;
		r = recv(fd, buf + n, sizeof(buf) - 1 - n, 0);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	buf[n] = 0;
	return buf;
}

static char *ask(const char *method, const char *path)
{
	char request[256];

	snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		 method, path);
	return ask_bytes(request, strlen(request));
}

static void assert_answer(const char *got, const char *status, const char *words)
{
	assert_int_equal(strncmp(got, "HTTP/1.1 ", 9), 0);
	assert_int_equal(strncmp(got + 9, status, strlen(status)), 0);
	assert_non_null(strstr(got, words));
}

static void test_pages(void **state)
{
	const char *got;

	(void)state;
	metrics__set(w.m, METRIC_CHILDREN, NO_LABELS, 3);
	got = ask("GET", "/metrics?x=y");
	assert_answer(got, "200", "\nchaos_children 3\n");
	assert_non_null(strstr(got, "Content-Type: text/plain; version=0.0.4"));
	assert_answer(ask("GET", "/healthz"), "200", "\r\n\r\nok\n");
	assert_answer(ask("GET", "/readyz"), "503", "\r\n\r\nnot yet\n");
	assert_answer(ask("GET", "/"), "404", "there are /metrics");
	got = ask("HEAD", "/healthz");
	assert_answer(got, "200", "Content-Length: 3\r\n");
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	assert_int_equal(w.pages, 5);
	assert_answer(ask("POST", "/metrics"), "405", "Allow: GET, HEAD");
	assert_answer(ask("DELETE", "/"), "405", "read only");
	assert_int_equal(w.pages, 5);
}

/* Send that, without an end, and go away. */
static void poke(const void *bytes, size_t len)
{
	_cleanup_close_ int fd = dial();

	http_server__step(w.s);
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	for (int i = 0; i < 3; i++)
		http_server__step(w.s);
}

static void test_hostile(void **state)
{
	static const char *const texts[] = {
		"",
		"GET",
		"GET / HTTP/9.9\r\n\r\n",
		"\r\n\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nA\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"PUT /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	_cleanup_free_ char *big = malloc(100000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		poke(texts[i], strlen(texts[i]));
	memset(big, 'a', 100000);
	memcpy(big, "GET /", 5);
	poke(big, 60000);
	assert_answer(ask("GET", "/healthz"), "200", "ok");
}

/* Who holds many connections open keeps no others of the same address out for ever, and takes no more than the bound. */
static void test_many(void **state)
{
	int fds[HTTP_CONNECTIONS_MAX + 20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		http_server__step(w.s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	http_server__step(w.s);
	assert_answer(ask("GET", "/healthz"), "200", "ok");
}

static void test_where(void **state)
{
	static const char *const bad[] = {
		"",	    "x",     "127.0.0.1", "127.0.0.1:",		  "127.0.0.1:x",
		"1.2.3:80", "::1:9", "[::1]",	  "[1.2.3.4]:9",	  "localhost:80",
		":65536",   ":-1",   ":9 ",	  ":99999999999999999999"};
	struct http_server *s;
	struct error err = {0};
	char taken[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(http_server__open(bad[i], page, &w, &s, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "expected ADDRESS:PORT"));
	}
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_server__port(w.s));
	assert_int_equal(http_server__open(taken, page, &w, &s, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "cannot listen"));
	assert_int_equal(http_server__open(":0", page, &w, &s, &err), 0);
	assert_true(http_server__port(s) > 0);
	http_server__close(s);
	http_server__close(NULL);
	assert_int_equal(http_server__fd(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_where, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
