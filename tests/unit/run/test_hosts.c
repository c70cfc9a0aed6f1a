// SPDX-License-Identifier: GPL-2.0-only
/* test_hosts.c: names to addresses, by what /etc/hosts has everywhere and by addresses themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/exempt.h"
#include "run/hosts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static void an_address_is_itself(void **state)
{
	static const char *const names[] = {"192.0.2.7", "2001:db8::7"};
	struct error err = {0};
	struct hosts *h = NULL;

	(void)state;
	assert_int_equal(hosts__start(names, 2, &h, &err), 0);
	hosts__wait(h);
	for (size_t i = 0; i < 2; i++) {
		struct chaos_addr *v = NULL;
		char buf[64];
		size_t n = 0;

		assert_int_equal(hosts__get(h, i, &v, &n, &err), 0);
		assert_int_equal(n, 1);
		assert_string_equal(addr__format(v, buf, sizeof(buf)), names[i]);
		free(v);
	}
	hosts__stop(h);
}

static void localhost_is_here(void **state)
{
	static const char *const names[] = {"localhost"};
	struct error err = {0};
	struct chaos_addr *v = NULL;
	struct hosts *h = NULL;
	bool found = false;
	size_t n = 0;

	(void)state;
	assert_int_equal(hosts__start(names, 1, &h, &err), 0);
	hosts__wait(h);
	assert_int_equal(hosts__get(h, 0, &v, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		char buf[64];

		addr__format(&v[i], buf, sizeof(buf));
		found |= !strcmp(buf, "127.0.0.1") || !strcmp(buf, "::1");
	}
	assert_true(found);
	free(v);
	hosts__stop(h);
}

static void an_answer_is_news_once(void **state)
{
	static const char *const names[] = {"192.0.2.7"};
	struct error err = {0};
	struct hosts *h = NULL;
	struct pollfd p;

	(void)state;
	assert_int_equal(hosts__start(names, 1, &h, &err), 0);
	p = (struct pollfd){.fd = hosts__fd(h), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(hosts__drain(h));
	assert_false(hosts__drain(h));
	hosts__stop(h);
	hosts__stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_itself),
		cmocka_unit_test(localhost_is_here),
		cmocka_unit_test(an_answer_is_news_once),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
