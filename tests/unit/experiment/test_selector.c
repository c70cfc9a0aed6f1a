// SPDX-License-Identifier: GPL-2.0-only
/* The command line's short selectors. */
#include "experiment/experiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text;
		enum selector_kind kind;
		const char *value, *netns;
		size_t n_ports;
	} cases[] = {
		{"netns:n1", SELECTOR_NETNS, "n1", NULL, 0},
		{"netns:/proc/1/ns/net", SELECTOR_NETNS, "/proc/1/ns/net", NULL, 0},
		{"netns:4711#80", SELECTOR_NETNS, "4711", NULL, 1},
		{"cidr:10.0.0.0/8#80,443,8000-8100", SELECTOR_CIDR, "10.0.0.0/8", NULL, 3},
		{"cidr:fd00:0::/16", SELECTOR_CIDR, "fd00::/16", NULL, 0},
		{"cidr:::1", SELECTOR_CIDR, "::1/128", NULL, 0},
		{"cidr:0.0.0.0/0", SELECTOR_CIDR, "0.0.0.0/0", NULL, 0},
		{"host:db.example.org.", SELECTOR_HOST, "db.example.org.", NULL, 0},
		{"interface:eth0", SELECTOR_INTERFACE, "eth0", NULL, 0},
		{"interface:n1/eth0#1-65535", SELECTOR_INTERFACE, "eth0", "n1", 1},
		{"interface:/run/netns/n1/eth0", SELECTOR_INTERFACE, "eth0", "/run/netns/n1", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector s;
		struct error err = {0};

		if (selector__parse_short(cases[i].text, &s, &err))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(s.kind, cases[i].kind);
		assert_string_equal(s.value, cases[i].value);
		assert_int_equal(s.ports.n, cases[i].n_ports);
		if (cases[i].netns)
			assert_string_equal(s.netns, cases[i].netns);
		else
			assert_null(s.netns);
		selector__reset(&s);
		assert_null(s.value);
		assert_int_equal(s.ports.n, 0);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"n1", "`n1` is no selector; expected KIND:VALUE, as netns:n1"},
		{"", "`` is no selector; expected KIND:VALUE, as netns:n1"},
		{"nets:n1", "unknown selector `nets:`; did you mean `netns:`?"},
		{":n1", "unknown selector `:`; expected netns, cidr, host, interface"},
		{"pods:shop/app=web",
		 "`pods:` is not in this version; it has netns, cidr, host, interface"},
		{"pid:1", "`pid:` is not in this version; it has netns, cidr, host, interface"},
		{"netns:", "`` is no network namespace; expected a name, a path or a pid"},
		{"netns:a/b", "`a/b` is no network namespace; expected a name, a path or a pid"},
		{"netns:n1#", "`#`: a port is missing; expected `#6379,7000-7005`"},
		{"netns:n1#1,,2", "`#1,,2`: a port is missing; expected `#6379,7000-7005`"},
		{"netns:n1#0", "`0` is no port; expected 1 to 65535 or a range as 8000-8100"},
		{"netns:n1#65536",
		 "`65536` is no port; expected 1 to 65535 or a range as 8000-8100"},
		{"netns:n1#99999999999999999999",
		 "`99999999999999999999` is no port; expected 1 to 65535 or a range as 8000-8100"},
		{"netns:n1#5-", "`5-` is no port; expected 1 to 65535 or a range as 8000-8100"},
		{"cidr:10.0.0.1/8",
		 "`10.0.0.1/8` has bits set past its prefix; the network is `10.0.0.0/8`"},
		{"cidr:fd00::1/127/1", "`fd00::1/127/1` has no prefix length; expected /0 to /128"},
		{"cidr:10.0.0.0/-1", "`10.0.0.0/-1` has no prefix length; expected /0 to /32"},
		{"cidr:", "`` is no network; expected one as 10.0.0.0/8 or fd00::/8"},
		{"host:a b", "`a b` is no host name; expected one as db.example.org"},
		{"interface:ab/", "`` is no interface; expected one as eth0, at most 15 letters"},
		{"interface:/eth0", "`` is no network namespace; expected a name, a path or a pid"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector s = {.value = NULL};
		struct error err = {0};

		assert_int_equal(selector__parse_short(cases[i].text, &s, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].expected);
		assert_null(s.value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
