// SPDX-License-Identifier: GPL-2.0-only
/* test_match.c: what selectors choose. */
#include "fake.h"

#include "lib/clock.h"

/* 1 init; 10 nginx with children 11 and 12, 12 with 13; 20 redis; 30 and 31 in a container of a pod. */
static struct snapshot machine(struct fake *f)
{
	fake__process(f, (struct fake_process){.pid = 1,
					       .comm = "init",
					       .exe = "/sbin/init",
					       .cgroup = "0::/init.scope\n"});
	fake__process(f, (struct fake_process){.pid = 10,
					       .ppid = 1,
					       .comm = "nginx",
					       .exe = "/usr/sbin/nginx",
					       .argv = "nginx -g daemon off;",
					       .cgroup = "0::/system.slice/nginx.service\n"});
	fake__process(f, (struct fake_process){.pid = 11,
					       .ppid = 10,
					       .comm = "nginx",
					       .exe = "/usr/sbin/nginx",
					       .argv = "nginx: worker",
					       .cgroup = "0::/system.slice/nginx.service\n"});
	fake__process(f, (struct fake_process){.pid = 12,
					       .ppid = 10,
					       .comm = "lua",
					       .exe = "/usr/bin/lua",
					       .cgroup = "0::/system.slice/nginx.service/sub\n"});
	fake__process(f, (struct fake_process){.pid = 13,
					       .ppid = 12,
					       .comm = "sh",
					       .exe = "/bin/sh",
					       .cgroup = "0::/system.slice/my\\x2dapp.service\n"});
	fake__process(f, (struct fake_process){.pid = 20,
					       .ppid = 1,
					       .comm = "redis-server",
					       .uid = 106,
					       .exe = "/usr/bin/redis-server",
					       .argv = "redis-server *:6379",
					       .cgroup = "0::/system.slice/nginx.service\n",
					       .netns = 4026532001UL});
	fake__process(f, (struct fake_process){.pid = 30,
					       .ppid = 1,
					       .comm = "etcd",
					       .exe = "/etcd",
					       .netns = 4026532002UL,
					       .cgroup = "0::/kubepods/burstable/pod" UID_1
							 "/crio-" ID_A "\n"});
	fake__process(f, (struct fake_process){.pid = 31,
					       .ppid = 30,
					       .comm = "sh",
					       .exe = "/bin/sh",
					       .netns = 4026532002UL,
					       .cgroup = "0::/kubepods/burstable/pod" UID_1
							 "/crio-" ID_A "\n"});
	fake__process(f, (struct fake_process){.pid = 32,
					       .ppid = 1,
					       .comm = "kata",
					       .exe = "/x",
					       .netns = 4026532003UL,
					       .cgroup = "0::/docker/ab" ID_B "\n"});
	fake__file(f, "/proc/33/status", "Name:\tw\nTgid:\t10\nUid:\t0\t0\t0\t0\n");
	fake__file(f, "/proc/self/mountinfo",
		   "1 2 0:4 net:[4026532001] /run/netns/blue rw - nsfs nsfs rw\n");
	fake__file(f, "/var/log/pods/shop_web-0_" UID_1 "/x", "");
	fake__file(f, "/run/containers/storage/overlay-containers/" ID_A "/userdata/config.json",
		   "{\"annotations\":{\"io.kubernetes.container.name\":\"etcd\"}}");
	return fake__take(f);
}

static int match(const struct snapshot *s, const char *text, struct discover_match *m,
		 struct error *err)
{
	struct target_selector t = {0};
	int r = target_selector__parse(text, &t, err);

	if (!r)
		r = discover__match(s, &t, m, err);
	target_selector__reset(&t);
	return r;
}

/* @pids: "10 11", ascending. */
static void chooses(const struct snapshot *s, const char *text, const char *pids)
{
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	char found[256] = "";
	struct error err = {0};

	if (match(s, text, &m, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	for (size_t i = 0, n = 0; i < m.n_processes; i++)
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%s%d", i ? " " : "",
				      s->processes[m.processes[i]].pid);
	if (strcmp(found, pids) != 0)
		fail_msg("%s: %s, expected %s", text, found, pids);
}

static void refuses(const struct snapshot *s, const char *text, int code, const char *words)
{
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	struct error err = {0};
	int r = match(s, text, &m, &err);

	if (r != code || !strstr(err.msg, words))
		fail_msg("%s: %d, %s", text, r, err.msg);
}

static void each_short_form(void **state)
{
	struct snapshot s = machine(*state);

	chooses(&s, "pid:12", "12");
	chooses(&s, "tree:10", "10 11 12 13");
	chooses(&s, "tree:1", "1 10 11 12 13 20 30 31 32");
	chooses(&s, "comm:nginx", "10 11");
	chooses(&s, "exe:/usr/sbin/nginx", "10 11");
	chooses(&s, "exe:sh", "13 31");
	chooses(&s, "args:*:6379", "20");
	chooses(&s, "args:nginx*", "10 11");
	chooses(&s, "user:redis", "20");
	chooses(&s, "user:106", "20");
	chooses(&s, "cgroup:/system.slice/nginx.service", "10 11 12 20");
	chooses(&s, "cgroup:/system.slice/", "10 11 12 13 20");
	chooses(&s, "cgroup:/", "1 10 11 12 13 20 30 31 32");
	chooses(&s, "unit:nginx", "10 11 12 20");
	chooses(&s, "unit:my-app.service", "13");
	chooses(&s, "unit:system.slice", "10 11 12 13 20");
	chooses(&s, "container:aaaa", "30 31");
	chooses(&s, "container:etcd", "30 31");
	chooses(&s, "container:web-0/etcd", "30 31");
	chooses(&s, "container:shop/web-0/aaaa", "30 31");
	chooses(&s, "pod:shop/web-0", "30 31");
	chooses(&s, "pod:web-0", "30 31");
	chooses(&s, "pod:" UID_1, "30 31");
	chooses(&s, "pods:shop", "30 31");
	chooses(&s, "netns:blue", "20");
	chooses(&s, "netns:/run/netns/blue", "20");
	chooses(&s, "netns:31", "30 31");
	snapshot__reset(&s);
}

static void what_is_not_there(void **state)
{
	struct snapshot s = machine(*state);

	refuses(&s, "pid:777", -ESRCH, "no process 777");
	refuses(&s, "pid:33", -EINVAL, "33 is a thread of process 10 (nginx)");
	refuses(&s, "netns:33", -EINVAL, "thread of process 10");
	refuses(&s, "pid:0", -EINVAL, "number from 1");
	refuses(&s, "pid:-1", -EINVAL, "number from 1");
	refuses(&s, "pid:99999999999", -EINVAL, "number from 1");
	refuses(&s, "comm:ngnix", -ENOENT, "did you mean `nginx`?");
	refuses(&s, "user:rediss", -ENOENT, "did you mean `redis`?");
	refuses(&s, "unit:ngin", -ENOENT, "did you mean `nginx.service`?");
	refuses(&s, "container:ectd", -ENOENT, "did you mean `etcd`?");
	refuses(&s, "container:web-1/etcd", -ENOENT, "no running container");
	refuses(&s, "container:db/web-0/etcd", -ENOENT, "no running container");
	refuses(&s, "pod:shop/web-1", -ENOENT, "did you mean `web-0`?");
	refuses(&s, "netns:blu", -ENOENT, "did you mean `blue`?");
	refuses(&s, "cgroup:/system.slice/nginx", -ENOENT, "no process in cgroup");
	refuses(&s, "pods:shop/app=web", -ENOENT, "no label is kept on this node");
	refuses(&s, "args:*nothing*", -ENOENT, "no process with arguments like");
	refuses(&s, "cidr:10.0.0.0/8", -ENOENT, "no namespace");
	refuses(&s, "podd:x", -EINVAL, "did you mean `pod");
	refuses(&s, "nginx", -EINVAL, "KIND:VALUE");
	refuses(&s, "comm:", -EINVAL, "needs a value");
	refuses(&s, "cidr:10.0.0.0/33", -EINVAL, "/0 to /32");
	refuses(&s, "cidr:ten", -EINVAL, "no network");
	refuses(&s, "pod:a/b/c", -EINVAL, "NAMESPACE/NAME");
	refuses(&s, "pods:a/b", -EINVAL, "no label");
	refuses(&s, "interface:/eth0", -EINVAL, "no network namespace");
	snapshot__reset(&s);
}

static void ambiguous_ids(void **state)
{
	struct fake *f = *state;
	struct snapshot s;

	fake__process(
		f, (struct fake_process){.pid = 5, .comm = "x", .cgroup = "0::/docker/" ID_A "\n"});
	fake__process(f, (struct fake_process){
				 .pid = 6,
				 .comm = "y",
				 .cgroup = "0::/docker/aaaabbbbaaaabbbbaaaabbbbaaaabbbb"
					   "aaaabbbbaaaabbbbaaaabbbbaaaabbbb/docker/" ID_C "\n"});
	s = fake__take(f);
	refuses(&s, "container:aaaa", -EINVAL, "2 containers");
	chooses(&s, "container:aaaaa", "5");
	/* what runs in a container's container runs in both */
	chooses(&s, "container:aaaab", "6");
	chooses(&s, "container:ccc", "6");
	snapshot__reset(&s);
}

static void not_takes_away(void **state)
{
	struct snapshot s = machine(*state);
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	char lua[] = "lua", nobody[] = "nobody", nginx[] = "nginx", root[] = "/";
	struct target_selector out[2] = {{.comm = lua}, {.comm = nobody}};
	struct target_selector t = {
		.kind = TARGET_UNIT, .name = nginx, .excludes = out, .n_excludes = 2};
	struct error err = {0};

	assert_int_equal(discover__match(&s, &t, &m, &err), 0);
	assert_int_equal(m.n_processes, 3);
	assert_int_equal(m.n_netns, 2);
	out[1] = (struct target_selector){.kind = TARGET_CGROUP, .name = root};
	discover_match__reset(&m);
	assert_int_equal(discover__match(&s, &t, &m, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "excludes"));
	snapshot__reset(&s);
}

/* What only files can say. */
static void ids_and_nodes(void **state)
{
	struct fake *f = *state;
	struct snapshot s = machine(f);
	char etcd[] = "etcd", id[] = "aaaa", here[] = "Worker-1", there[] = "worker-2";
	const struct {
		struct target_selector t;
		int r;
		const char *words;
	} cases[] = {
		{{.kind = TARGET_CONTAINER, .name = id, .by_id = true}, 0, ""},
		{{.kind = TARGET_CONTAINER, .name = etcd, .by_id = true}, -ENOENT, "no running"},
		{{.kind = TARGET_PODS, .node = here}, 0, ""},
		{{.kind = TARGET_PODS, .node = there},
		 -ENOENT,
		 "this machine is node `worker-1`, not `worker-2`"},
	};

	fake__file(f, "/proc/sys/kernel/hostname", "worker-1\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(discover_match__reset) struct discover_match m = {0};
		struct error err = {0};

		if (discover__match(&s, &cases[i].t, &m, &err) != cases[i].r ||
		    !strstr(err.msg, cases[i].words))
			fail_msg("%zu: %s", i, err.msg);
	}
	snapshot__reset(&s);
}

static void cgroups_of_a_match(void **state)
{
	struct fake *f = *state;
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	struct error err = {0};
	struct snapshot s;

	fake__file(f, "/sys/fs/cgroup/unified/a/x", "");
	fake__file(f, "/sys/fs/cgroup/unified/b/x", "");
	fake__process(f, (struct fake_process){.pid = 5, .comm = "one", .cgroup = "0::/a\n"});
	fake__process(f, (struct fake_process){.pid = 6, .comm = "two", .cgroup = "0::/a\n"});
	fake__process(f, (struct fake_process){.pid = 7, .comm = "two", .cgroup = "0::/b\n"});
	s = fake__take(f);
	assert_int_equal(match(&s, "cgroup:/a", &m, &err), 0);
	assert_int_equal(m.n_cgroups, 1);
	assert_true(m.cgroups_exact);
	discover_match__reset(&m);
	/* 5 is in the same cgroup and is not meant */
	assert_int_equal(match(&s, "comm:two", &m, &err), 0);
	assert_int_equal(m.n_cgroups, 2);
	assert_false(m.cgroups_exact);
	snapshot__reset(&s);
}

static void chaos_is_never_its_own_target(void **state)
{
	struct fake *f = *state;
	char args[64];
	struct snapshot s;

	fake__process(f, (struct fake_process){.pid = 5, .comm = "chaos", .exe = "/bin/chaos"});
	fake__process(f, (struct fake_process){
				 .pid = 6, .ppid = 5, .comm = "chaos", .exe = "/bin/chaos"});
	fake__process(f, (struct fake_process){
				 .pid = 7, .ppid = 6, .comm = "redis", .exe = "/bin/redis"});
	fake__process(f, (struct fake_process){.pid = 8, .comm = "chaos", .exe = "/bin/chaos"});
	s = fake__take(f);
	s.self = 5;
	refuses(&s, "pid:5", -EINVAL, "chaos itself");
	refuses(&s, "pid:6", -EINVAL, "chaos itself");
	chooses(&s, "user:root", "7 8"); /* a server of a lab may be, and so may another chaos */
	s.self = 8;
	snprintf(args, sizeof(args), "netns:%d", 8);
	chooses(&s, args, "5 6 7");
	snapshot__reset(&s);
}

/* A lying /proc: its own parents. */
static void circles_end(void **state)
{
	struct fake *f = *state;
	struct snapshot s;

	fake__process(f, (struct fake_process){.pid = 5, .ppid = 6, .comm = "a"});
	fake__process(f, (struct fake_process){.pid = 6, .ppid = 5, .comm = "b"});
	fake__process(f, (struct fake_process){.pid = 7, .ppid = 7, .comm = "c"});
	s = fake__take(f);
	chooses(&s, "tree:5", "5 6");
	chooses(&s, "tree:7", "7");
	snapshot__reset(&s);
}

static void thousands_of_processes(void **state)
{
	enum { N = 100000 };
	struct snapshot s = {.root = "/nonexistent", .n_processes = N};
	_cleanup_free_ struct discover_process *v = calloc(N, sizeof(*v));
	struct discover_cgroup g = {
		.path = "/", .container = DISCOVER_NONE, .pod = DISCOVER_NONE, .id = 1};
	struct discover_netns n = {.n_processes = N};
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	struct target_selector t = {.pid = 1, .tree = true};
	struct error err = {0};
	int64_t start = clock__now();

	(void)state;
	/* one long line of descent, the worst that there is */
	for (int i = 0; i < N; i++)
		v[i] = (struct discover_process){.pid = i + 1,
						 .ppid = i,
						 .comm = "x",
						 .exe = "",
						 .argv = "",
						 .user = "root"};
	s.processes = v;
	s.cgroups = &g;
	s.n_cgroups = 1;
	s.netns = &n;
	s.n_netns = 1;
	assert_int_equal(discover__match(&s, &t, &m, &err), 0);
	assert_int_equal(m.n_processes, N);
	assert_true(m.cgroups_exact);
	/* quadratic would be minutes */
	assert_true(clock__now() - start < 2 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(each_short_form),
		fake_test(what_is_not_there),
		fake_test(ambiguous_ids),
		fake_test(not_takes_away),
		fake_test(cgroups_of_a_match),
		fake_test(chaos_is_never_its_own_target),
		fake_test(ids_and_nodes),
		fake_test(circles_end),
		cmocka_unit_test(thousands_of_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
