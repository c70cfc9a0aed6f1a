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
		const char *value, *netns, *words;
	} cases[] = {
		{"netns:n1", SELECTOR_NETNS, "n1", NULL, "netns:n1"},
		{"netns:/proc/1/ns/net", SELECTOR_NETNS, "/proc/1/ns/net", NULL,
		 "netns:/proc/1/ns/net"},
		{"netns:4711#80", SELECTOR_NETNS, "4711", NULL, "netns:4711, port 80"},
		{"cidr:10.0.0.0/8#80,443,8000-8100", SELECTOR_CIDR, "10.0.0.0/8", NULL,
		 "cidr:10.0.0.0/8, port 80,443,8000-8100"},
		{"cidr:fd00:0::/16", SELECTOR_CIDR, "fd00::/16", NULL, "cidr:fd00::/16"},
		{"cidr:::1", SELECTOR_CIDR, "::1/128", NULL, "cidr:::1/128"},
		{"cidr:0.0.0.0/0", SELECTOR_CIDR, "0.0.0.0/0", NULL, "cidr:0.0.0.0/0"},
		{"host:db.example.org.", SELECTOR_HOST, "db.example.org.", NULL,
		 "host:db.example.org."},
		{"host:db#5432/tcp", SELECTOR_HOST, "db", NULL, "host:db, port 5432 tcp"},
		{"interface:eth0", SELECTOR_INTERFACE, "eth0", NULL, "interface:eth0"},
		{"interface:n1/eth0#1-65535", SELECTOR_INTERFACE, "eth0", "n1",
		 "interface:n1/eth0, port 1-65535"},
		{"interface:/run/netns/n1/eth0", SELECTOR_INTERFACE, "eth0", "/run/netns/n1",
		 "interface:/run/netns/n1/eth0"},
		{"pid:12", SELECTOR_PROCESS, "pid:12", NULL, "pid:12"},
		{"tree:12#/udp", SELECTOR_PROCESS, "tree:12", NULL, "tree:12, udp"},
		{"comm:my daemon", SELECTOR_PROCESS, "comm:my daemon", NULL, "comm:my daemon"},
		{"comm:сервер#53/udp", SELECTOR_PROCESS, "comm:сервер", NULL,
		 "comm:сервер, port 53 udp"},
		{"comm:a##b##", SELECTOR_PROCESS, "comm:a#b#", NULL, "comm:a#b#"},
		{"comm:a##80#90", SELECTOR_PROCESS, "comm:a#80", NULL, "comm:a#80, port 90"},
		{"comm:a:b", SELECTOR_PROCESS, "comm:a:b", NULL, "comm:a:b"},
		{"comm:fifteen-bytes-x", SELECTOR_PROCESS, "comm:fifteen-bytes-x", NULL,
		 "comm:fifteen-bytes-x"},
		{"exe:/usr/bin/etcd", SELECTOR_PROCESS, "exe:/usr/bin/etcd", NULL,
		 "exe:/usr/bin/etcd"},
		{"exe:etcd", SELECTOR_PROCESS, "exe:etcd", NULL, "exe:etcd"},
		{"args:*--name n[1]*", SELECTOR_PROCESS, "args:*--name n[1]*", NULL,
		 "args:*--name n[1]*"},
		{"user:106", SELECTOR_PROCESS, "user:106", NULL, "user:106"},
		{"cgroup:/", SELECTOR_CGROUP, "/", NULL, "cgroup:/"},
		{"cgroup:/a b/c\\x2dd.slice/", SELECTOR_CGROUP, "/a b/c\\x2dd.slice", NULL,
		 "cgroup:/a b/c\\x2dd.slice"},
		{"unit:web-*", SELECTOR_UNIT, "web-*", NULL, "unit:web-*"},
		{"unit:getty@tty1.service#22", SELECTOR_UNIT, "getty@tty1.service", NULL,
		 "unit:getty@tty1.service, port 22"},
		{"container:db", SELECTOR_CONTAINER, "db", NULL, "container:db"},
		{"container:web-0/app", SELECTOR_CONTAINER, "app", NULL, "container:web-0/app"},
		{"container:shop/web-0/app", SELECTOR_CONTAINER, "app", NULL,
		 "container:shop/web-0/app"},
		{"pod:shop/web-0", SELECTOR_PODS, "shop/web-0", NULL, "pod:shop/web-0"},
		{"pod:mypod#80", SELECTOR_PODS, "mypod", NULL, "pod:mypod, port 80"},
		{"pods:shop", SELECTOR_PODS, "shop", NULL, "pods:shop"},
		{"pods:shop/tier=,app=web", SELECTOR_PODS, "shop/app=web,tier=", NULL,
		 "pods:shop/app=web,tier="},
		{"pods:shop/app.kubernetes.io/name=web", SELECTOR_PODS,
		 "shop/app.kubernetes.io/name=web", NULL, "pods:shop/app.kubernetes.io/name=web"},
		{"pods:app=a/b", SELECTOR_PODS, "app=a/b", NULL, "pods:app=a/b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector s;
		struct error err = {0};
		char words[128];

		if (selector__parse_short(cases[i].text, &s, &err))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(s.kind, cases[i].kind);
		assert_string_equal(selector__describe(&s, words, sizeof(words)), cases[i].words);
		/* with the container's pod left out */
		assert_string_equal(s.value, cases[i].value);
		assert_int_equal(!s.target, s.kind == SELECTOR_HOST);
		if (cases[i].netns)
			assert_string_equal(s.netns, cases[i].netns);
		else
			assert_null(s.netns);
		selector__reset(&s);
		assert_null(s.value);
		assert_null(s.target);
		assert_int_equal(s.ports.n, 0);
	}
}

#define KINDS                                                                           \
	"pid, tree, comm, exe, args, user, cgroup, unit, container, pod, pods, netns, " \
	"interface, cidr, host"
#define PORT "expected 1 to 65535 or a range as 8000-8100"
#define NETNS "is no network namespace; expected a name, a path or a pid"
#define PROTOS "expected tcp, udp, sctp, icmp, icmpv6, vrrp or 1 to 255"

static void test_bad(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"n1", "`n1` is no selector; expected KIND:VALUE, as netns:n1"},
		{"", "`` is no selector; expected KIND:VALUE, as netns:n1"},
		{"nets:n1", "unknown selector `nets:`; did you mean `netns:`?"},
		{"hosts:n1", "unknown selector `hosts:`; did you mean `host:`?"},
		{"process:etcd", "unknown selector `process:`; expected " KINDS},
		{":n1", "unknown selector `:`; expected " KINDS},
		{"netns:", "`netns:` needs a value"},
		{"netns:#80", "`netns:` needs a value"},
		{"netns:a/b", "`a/b` " NETNS},
		{"netns:n1#", "`#`: a port is missing; expected `#6379,7000-7005`"},
		{"netns:n1#1,,2", "`#1,,2`: a port is missing; expected `#6379,7000-7005`"},
		{"netns:n1#0", "`0` is no port; " PORT},
		{"netns:n1#65536", "`65536` is no port; " PORT},
		{"netns:n1#99999999999999999999", "`99999999999999999999` is no port; " PORT},
		{"netns:n1#5-", "`5-` is no port; " PORT},
		{"netns:n1#5#6", "`5#6` is no port; " PORT},
		{"netns:n1#80/tpc", "`tpc` is no protocol; " PROTOS},
		{"netns:n1#80/", "`` is no protocol; " PROTOS},
		{"netns:n1#/256", "`256` is no protocol; " PROTOS},
		{"netns:n1#80/icmp", "icmp has no ports; expected tcp, udp or sctp"},
		{"cidr:10.0.0.1/8",
		 "`10.0.0.1/8` has bits set past its prefix; the network is `10.0.0.0/8`"},
		{"cidr:fd00::1/127/1", "`fd00::1/127/1` has no prefix length; expected /0 to /128"},
		{"cidr:10.0.0.0/-1", "`10.0.0.0/-1` has no prefix length; expected /0 to /32"},
		{"cidr:ten", "`ten` is no network; expected one as 10.0.0.0/8 or fd00::/8"},
		{"host:a b", "`a b` is no host name; expected one as db.example.org"},
		{"interface:ab/", "`` is no interface; expected one as eth0, at most 15 letters"},
		{"interface:/eth0", "`` " NETNS},
		{"pid:0", "`0` is no process id; expected a number from 1 to 4194303"},
		{"pid:-1", "`-1` is no process id; expected a number from 1 to 4194303"},
		{"tree:4194304", "`4194304` is no process id; expected a number from 1 to 4194303"},
		{"pid:1x", "`1x` is no process id; expected a number from 1 to 4194303"},
		{"comm:postgres-exporter",
		 "`postgres-exporter` is longer than the 15 bytes that the kernel keeps of a name; "
		 "expected `postgres-export`, or the program by exe"},
		{"comm:серверсервер",
		 "`серверсервер` is longer than the 15 bytes that the kernel keeps of a name; "
		 "expected `серверс`, or the program by exe"},
		{"exe:bin/etcd",
		 "`bin/etcd` is no program; expected an absolute path, or a name without `/`"},
		{"exe:/usr/../etcd",
		 "`/usr/../etcd` is no program; expected an absolute path, or a name without `/`"},
		{"user:a b", "`a b` is no user; expected a name or a number, as postgres or 106"},
		{"user:-1", "`-1` is no user; expected a name or a number, as postgres or 106"},
		{"user:4294967295",
		 "`4294967295` is no user; expected a name or a number, as postgres or 106"},
		{"cgroup:system.slice",
		 "`system.slice` is a relative path; expected `/system.slice`, from the root of "
		 "the cgroup tree"},
		{"cgroup:/a/../b",
		 "`/a/../b` is no cgroup; expected a path as /system.slice/nginx.service"},
		{"cgroup:/a//b",
		 "`/a//b` is no cgroup; expected a path as /system.slice/nginx.service"},
		{"unit:web[12]",
		 "`web[12]` is no glob of ours; expected `*` for any letters and `?` for one"},
		{"unit:a/b",
		 "`a/b` is no unit; expected a name or a glob, as nginx.service or web-*"},
		{"container:a/b/c/d", "`b/c` is no pod; expected its name, as web-0"},
		{"container:a/", "`` is no container; expected a name or the beginning of an id"},
		{"container:/a", "`` is no pod; expected its name, as web-0"},
		{"pod:a/b/c", "`a/b/c`: NAMESPACE/NAME is expected"},
		{"pods:a/b", "`b` is no label; expected KEY=VALUE"},
		{"pods:a/=b", "`=b` is no label; expected KEY=VALUE"},
		{"pods:a/b=c,", "`` is no label; expected KEY=VALUE"},
		{"pods:/b=c", "`/b=c`: NAMESPACE/KEY=VALUE is expected"},
		{"pods:a/b=c,b=d", "label `b` has two values; expected one, since all must hold"},
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

/* Cut at a whole character, wherever it is cut. */
static void test_words_are_cut(void **state)
{
	struct selector s;
	struct error err = {0};
	char whole[64], part[64];

	(void)state;
	assert_int_equal(selector__parse_short("comm:сервер#80,443/tcp", &s, &err), 0);
	selector__describe(&s, whole, sizeof(whole));
	for (size_t size = 1; size < sizeof(part); size++) {
		selector__describe(&s, part, size);
		assert_true(strlen(part) < size);
		assert_memory_equal(part, whole, strlen(part));
		assert_true(!part[0] || (part[strlen(part) - 1] & 0xc0) != 0xc0);
	}
	selector__reset(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_words_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
