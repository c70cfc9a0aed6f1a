// SPDX-License-Identifier: GPL-2.0-only
/* Short selectors of `chaos inject` mean in the file that they become what they mean by themselves. */
#include "cli/inject.h"
#include "experiment/experiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The experiment with endpoint @o, which it takes. */
static int read_back(json_t *o, struct experiment **ret, struct error *err)
{
	json_t *doc =
		json_pack("{s:s,s:s,s:{s:s,s:{s:o},s:[{s:s,s:{s:s}}]}}", "apiVersion",
			  "netchaos.dev/v1alpha1", "kind", "Experiment", "spec", "duration", "1s",
			  "endpoints", "a", o, "faults", "at", "0s", "partition", "isolate", "a");
	char *text = inject__text(doc);
	int r = experiment__parse("inject", text, strlen(text), 1, ret, err);

	free(text);
	json_decref(doc);
	return r;
}

static void test_same_in_the_file(void **state)
{
	static const char *const cases[] = {
		"pid:12",
		"tree:12#80",
		"comm:my daemon",
		"comm:12",
		"comm:null",
		"comm:\"☃\": {\\}",
		"comm:a##b#53/udp",
		"exe:/usr/bin/etcd",
		"exe:etcd",
		"args:*--name 'n1'*",
		"user:106",
		"cgroup:/a b/c",
		"cgroup:/",
		"unit:web-*@\\x2d.service#22,80-90/tcp",
		"container:db",
		"container:web-0/app",
		"container:shop/web-0/app",
		"pod:web-0",
		"pod:shop/web-0",
		"pods:shop",
		"pods:shop/app=web,tier=,app.kubernetes.io/name=x",
		"pods:app=web",
		"netns:n1#/icmp",
		"netns:12",
		"netns:/proc/1/ns/net",
		"interface:eth0",
		"interface:n1/eth0#1-65535",
		"cidr:10.0.0.0/8",
		"cidr:::1#/47",
		"host:db.example.org#5432",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inject_side side = {.text = cases[i]};
		struct experiment *e = NULL;
		struct error err = {0};
		struct selector s;
		json_t *o;

		if (selector__parse_short(cases[i], &s, &err) ||
		    inject_side__json(&side, "--from", &o, &err) || read_back(o, &e, &err))
			fail_msg("%s: %s", cases[i], err.msg);
		if (selector__compare(&s, e->endpoints[0].selectors))
			fail_msg("%s: %s", cases[i], e->resolved);
		selector__reset(&s);
		experiment__free(e);
	}
}

static void test_excludes(void **state)
{
	struct inject_side side = {.text = "unit:nginx#80",
				   .excludes = {"user:root", "container:log", "netns:db"},
				   .n_excludes = 3};
	struct experiment *e = NULL;
	struct error err = {0};
	char words[128];
	json_t *o;

	(void)state;
	if (inject_side__json(&side, "--to", &o, &err) || read_back(o, &e, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(selector__describe(e->endpoints[0].selectors, words, sizeof(words)),
			    "unit:nginx but not user:root, container:log, netns:db, port 80");
	experiment__free(e);
}

static void test_refused(void **state)
{
	static const struct {
		struct inject_side side;
		const char *message;
	} cases[] = {
		{{.text = "pid:0"},
		 "--to: `0` is no process id; expected a number from 1 to 4194303"},
		{{.text = "comm:\xff"}, "--to takes UTF-8 text"},
		{{.text = "pods:a/b=\xff"}, "--to takes UTF-8 text"},
		{{.text = "netns:\xff#80"}, "--to takes UTF-8 text"},
		{{.text = "pid:1", .excludes = {"usr:x"}, .n_excludes = 1},
		 "--not: unknown selector `usr:`; did you mean `user:`?"},
		{{.text = "pid:1", .excludes = {"comm:a", "comm:b", "comm:a"}, .n_excludes = 3},
		 "--not comm:a stands twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		json_t *o;

		assert_int_equal(inject_side__json(&cases[i].side, "--to", &o, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_in_the_file),
		cmocka_unit_test(test_excludes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
