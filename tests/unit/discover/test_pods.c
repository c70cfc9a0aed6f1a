// SPDX-License-Identifier: GPL-2.0-only
/* test_pods.c: pods by lists, by expressions over labels, and how many of them. */
#include "fake.h"

#define UID_OF "-0000-0000-0000-000000000000"

static const char *const names[] = {"a", "b", "c", "d", "e"};

/* Pods shop/a to shop/e of CRI-O, c in another namespace, d in the machine's network, e without labels. */
static struct snapshot machine(struct fake *f)
{
	for (int i = 0; i < 5; i++) {
		char cgroup[256], config[512], path[256];

		snprintf(cgroup, sizeof(cgroup),
			 "0::/kubepods/burstable/pod%d%d%d%d%d%d%d%d" UID_OF "/crio-%064d\n", i, i,
			 i, i, i, i, i, i, i);
		fake__process(f, (struct fake_process){
					 .pid = 10 + i,
					 .ppid = 1,
					 .comm = "app",
					 .exe = "/app",
					 .netns = i == 3 ? 0 : 4026532001UL + (unsigned long)i,
					 .cgroup = cgroup});
		snprintf(path, sizeof(path),
			 "/run/containers/storage/overlay-containers/%064d/userdata/config.json",
			 i);
		snprintf(config, sizeof(config),
			 "{\"annotations\":{\"io.kubernetes.pod.name\":\"%s\","
			 "\"io.kubernetes.pod.namespace\":\"%s\","
			 "\"io.kubernetes.cri-o.ContainerType\":\"sandbox\"%s%s%s}}",
			 names[i], i == 2 ? "other" : "shop",
			 i == 4 ? ""
				: ",\"io.kubernetes.cri-o.Labels\":\"{\\\"app\\\":\\\"web\\\","
				  "\\\"n\\\":\\\"",
			 i == 4 ? "" : names[i], i == 4 ? "" : "\\\"}\"");
		fake__file(f, path, config);
	}
	fake__process(f, (struct fake_process){.pid = 1, .comm = "init", .exe = "/sbin/init"});
	fake__process(f, (struct fake_process){.pid = 2, .comm = "kthreadd", .kernel = true});
	return fake__take(f);
}

/* The names of what @t chooses, or how it fails. */
static const char *chosen(const struct snapshot *s, const struct target_selector *t,
			  const struct discover_only *only)
{
	static char text[64];
	struct discover_match m = {0};
	struct error err = {0};
	int r = discover__match_only(s, t, only, &m, &err);

	*text = '\0';
	if (r)
		return r == -ENOENT ? "none" : "error";
	for (size_t i = 0; i < m.n_processes; i++)
		strcat(text, names[s->processes[m.processes[i]].pid - 10]);
	discover_match__reset(&m);
	return text;
}

static void set(struct target_selector *t, enum target_key key, const char *value)
{
	struct error err = {0};

	if (target_selector__set(t, key, value, &err))
		fail_msg("%s", err.msg);
}

static void lists(void **state)
{
	struct snapshot s = machine(*state);
	struct target_selector t = {.kind = TARGET_PODS};
	struct error err = {0};

	assert_string_equal(chosen(&s, &t, NULL), "abcde");
	set(&t, TARGET_KEY_POD_NAMESPACES, "shop");
	assert_string_equal(chosen(&s, &t, NULL), "abde");
	set(&t, TARGET_KEY_POD_NAMESPACES, "other");
	assert_string_equal(chosen(&s, &t, NULL), "abcde");
	set(&t, TARGET_KEY_PODS, "shop/b");
	set(&t, TARGET_KEY_PODS, "other/c");
	set(&t, TARGET_KEY_PODS, "shop/b");
	assert_int_equal(t.n_pods, 2);
	assert_string_equal(chosen(&s, &t, NULL), "bc");
	assert_int_equal(discover__check_pods(&s, &t, &err), 0);
	set(&t, TARGET_KEY_PODS, "shop/c");
	assert_string_equal(chosen(&s, &t, NULL), "bc");
	assert_int_equal(discover__check_pods(&s, &t, &err), -ENOENT);
	assert_string_equal(err.msg, "no running pod `shop/c`");
	assert_int_equal(target_selector__set(&t, TARGET_KEY_PODS, "c", &err), -EINVAL);
	assert_int_equal(target_selector__set(&t, TARGET_KEY_PODS, "/c", &err), -EINVAL);
	assert_int_equal(target_selector__set(&t, TARGET_KEY_PODS, "a/b/c", &err), -EINVAL);
	target_selector__reset(&t);
	snapshot__reset(&s);
}

static void expressions(void **state)
{
	struct snapshot s = machine(*state);
	static const struct {
		const char *key;
		enum target_operator op;
		const char *values[3];
		const char *expected;
	} cases[] = {
		/* of e no label is known: nothing can be said of it */
		{"n", OPERATOR_IN, {"a", "c", "x"}, "ac"},
		{"n", OPERATOR_NOT_IN, {"a", "c"}, "bd"},
		{"n", OPERATOR_EXISTS, {NULL}, "abcd"},
		{"none", OPERATOR_DOES_NOT_EXIST, {NULL}, "abcd"},
		{"none", OPERATOR_NOT_IN, {"a"}, "abcd"},
		{"none", OPERATOR_IN, {"a"}, "none"},
		{"n", OPERATOR_DOES_NOT_EXIST, {NULL}, "none"},
		{"ap", OPERATOR_EXISTS, {NULL}, "none"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target_selector t = {.kind = TARGET_PODS};
		struct error err = {0};
		size_t n = 0;

		while (n < 3 && cases[i].values[n])
			n++;
		assert_int_equal(target_selector__add_expression(&t, cases[i].key, cases[i].op,
								 cases[i].values, n, &err),
				 0);
		assert_string_equal(chosen(&s, &t, NULL), cases[i].expected);
		target_selector__reset(&t);
	}
	snapshot__reset(&s);
}

static void bad_expressions(void **state)
{
	static const char *const values[] = {"a"};
	struct target_selector t = {.kind = TARGET_PODS};
	struct error err = {0};

	(void)state;
	assert_int_equal(target_selector__add_expression(&t, "k", OPERATOR_IN, NULL, 0, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "In needs values; expected some, as [web, db]");
	assert_int_equal(target_selector__add_expression(&t, "k", OPERATOR_EXISTS, values, 1, &err),
			 -EINVAL);
	assert_int_equal(target_selector__add_expression(&t, "", OPERATOR_IN, values, 1, &err),
			 -EINVAL);
	assert_int_equal(target_selector__add_expression(&t, "a b", OPERATOR_IN, values, 1, &err),
			 -EINVAL);
	assert_int_equal(t.n_expressions, 0);
	target_selector__reset(&t);
}

static void host_network(void **state)
{
	struct snapshot s = machine(*state);
	struct target_selector t = {.kind = TARGET_PODS, .no_host_network = true};
	struct error err = {0};

	assert_int_equal(discover__check_pods(&s, &t, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "pod `shop/d` is in the machine's own network"));
	assert_string_equal(chosen(&s, &t, NULL), "abce");
	set(&t, TARGET_KEY_POD_NAMESPACES, "other");
	assert_int_equal(discover__check_pods(&s, &t, &err), 0);
	target_selector__reset(&t);
	snapshot__reset(&s);
}

static void counts(void **state)
{
	static const struct {
		struct target_pick pick;
		size_t n, expected;
	} cases[] = {
		{{PICK_ALL, 0}, 7, 7},
		{{PICK_ONE, 0}, 7, 1},
		{{PICK_ONE, 0}, 0, 0},
		{{PICK_FIXED, 3}, 7, 3},
		{{PICK_FIXED, 8}, 7, 7},
		{{PICK_FIXED_PERCENT, 1}, 3, 1},
		{{PICK_FIXED_PERCENT, 33}, 3, 1},
		{{PICK_FIXED_PERCENT, 34}, 3, 2},
		{{PICK_FIXED_PERCENT, 50}, 3, 2},
		{{PICK_FIXED_PERCENT, 50}, 4, 2},
		{{PICK_FIXED_PERCENT, 100}, 3, 3},
		{{PICK_FIXED_PERCENT, 1}, 0, 0},
		{{PICK_RANDOM_PERCENT, 1}, 200, 2},
	};
	bool seen[11] = {false};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(target_pick__count(&cases[i].pick, cases[i].n, 1, "x"),
				 cases[i].expected);
	for (uint64_t seed = 0; seed < 500; seed++) {
		const struct target_pick p = {PICK_RANDOM_PERCENT, 40};

		seen[target_pick__count(&p, 10, seed, "x")] = true;
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(seen[i], i >= 1 && i <= 4);
}

static void picks(void **state)
{
	struct snapshot s = machine(*state);
	struct target_selector t = {.kind = TARGET_PODS, .pick = {PICK_ONE, 0}};
	unsigned int times[5] = {0};

	for (uint64_t seed = 0; seed < 500; seed++) {
		struct discover_only one = {0}, two = {0};
		const char *first;

		assert_int_equal(discover__pick(&s, &t, seed, "x", &one), 0);
		assert_int_equal(one.n_pods, 1);
		first = chosen(&s, &t, &one);
		assert_int_equal(strlen(first), 1);
		times[*first - 'a']++;
		/* more picked from the same pods have the fewer among them */
		t.pick = (struct target_pick){PICK_FIXED, 2};
		assert_int_equal(discover__pick(&s, &t, seed, "x", &two), 0);
		assert_int_equal(two.n_pods, 2);
		assert_string_equal(two.pods[0], one.pods[0]);
		t.pick = (struct target_pick){PICK_ONE, 0};
		discover_only__reset(&one);
		discover_only__reset(&two);
	}
	/* 500 draws of 1/5: standard deviation 9; six of them either way */
	for (int i = 0; i < 5; i++)
		assert_in_range(times[i], 46, 154);
	assert_true(target_pick__rank(1, "x", "shop/a") != target_pick__rank(1, "y", "shop/a"));
	assert_true(target_pick__rank(1, "x", "shop/a") != target_pick__rank(2, "x", "shop/a"));
	snapshot__reset(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(lists),
		fake_test(expressions),
		cmocka_unit_test(bad_expressions),
		fake_test(host_network),
		cmocka_unit_test(counts),
		fake_test(picks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
