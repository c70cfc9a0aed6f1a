// SPDX-License-Identifier: GPL-2.0-only
/* test_cgroup.c: what paths of the cgroup tree tell. */
#include "fake.h"

#define UID_ "11111111_2222_3333_4444_555555555555"
#define STATIC_UID "0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *unit, *container, *pod;
	enum discover_runtime runtime;
	bool podman_pod;
	size_t n; /* containers */
} cases[] = {
	{"/", "", "", "", 0, false, 0},
	{"", "", "", "", 0, false, 0},
	{"/init.scope", "init.scope", "", "", 0, false, 0},
	{"/system.slice/ssh.service", "ssh.service", "", "", 0, false, 0},
	{"/system.slice", "system.slice", "", "", 0, false, 0},
	{"/user.slice/user-0.slice/user@0.service/app.slice/app-x.service", "app-x.service", "", "",
	 0, false, 0},
	{"/system.slice/system-my\\x2dapp.slice/my\\x2dapp@1.service/worker",
	 "my\\x2dapp@1.service", "", "", 0, false, 0},
	{"/machine.slice/libpod-" ID_A ".scope/container", "libpod-" ID_A ".scope", ID_A, "",
	 RUNTIME_PODMAN, false, 1},
	{"/machine.slice/libpod-" ID_A ".scope/libpod-payload-" ID_A, "libpod-" ID_A ".scope", ID_A,
	 "", RUNTIME_PODMAN, false, 1},
	{"/machine.slice/libpod-conmon-" ID_A ".scope", "libpod-conmon-" ID_A ".scope", "", "", 0,
	 false, 0},
	{"/machine.slice/machine-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope",
	 "libpod-" ID_A ".scope", ID_A, ID_B, RUNTIME_PODMAN, true, 1},
	{"/libpod_parent/libpod-" ID_A, "", ID_A, "", RUNTIME_PODMAN, false, 1},
	{"/libpod_parent/" ID_B "/libpod-" ID_A, "", ID_A, ID_B, RUNTIME_PODMAN, true, 1},
	{"/libpod_parent/" ID_B "/conmon", "", "", "", 0, false, 0},
	{"/system.slice/docker-" ID_A ".scope", "docker-" ID_A ".scope", ID_A, "", RUNTIME_DOCKER,
	 false, 1},
	{"/docker/" ID_A, "", ID_A, "", RUNTIME_DOCKER, false, 1},
	{"/custom/" ID_A, "", ID_A, "", RUNTIME_UNKNOWN, false, 1},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" ID_A ".scope",
	 "cri-containerd-" ID_A ".scope", ID_A, UID_1, RUNTIME_CONTAINERD, false, 1},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID_A ".scope", "crio-" ID_A ".scope",
	 ID_A, UID_1, RUNTIME_CRIO, false, 1},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID_A ".scope",
	 "crio-conmon-" ID_A ".scope", "", "", 0, false, 0},
	{"/kubepods/burstable/pod" UID_1 "/" ID_A, "", ID_A, UID_1, RUNTIME_UNKNOWN, false, 1},
	{"/kubepods/pod" STATIC_UID "/crio-" ID_A, "", ID_A, STATIC_UID, RUNTIME_CRIO, false, 1},
	/* kind: a node is a Docker container, its pods are below it */
	{"/docker/" ID_B "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	 ".slice/cri-containerd-" ID_A ".scope",
	 "cri-containerd-" ID_A ".scope", ID_A, UID_1, RUNTIME_CONTAINERD, false, 2},
	/* below a root of the kubelet's own */
	{"/ck-123-n1/kubepods/besteffort/pod" UID_1 "/" ID_A, "", ID_A, UID_1, RUNTIME_UNKNOWN,
	 false, 1},
	{"/ck-123-n1/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	 ".slice/cri-containerd-" ID_A ".scope",
	 "cri-containerd-" ID_A ".scope", ID_A, UID_1, RUNTIME_CONTAINERD, false, 1},
	{"/ck-123-n1/kubepods/burstable/pod" UID_1 "/crio-" ID_A, "", ID_A, UID_1, RUNTIME_CRIO,
	 false, 1},
	/* from the cgroup namespace of another pod's container */
	{"/../../pod" UID_1 "/" ID_A, "", ID_A, UID_1, RUNTIME_UNKNOWN, false, 1},
	{"/../../../burstable/pod" UID_1 "/" ID_A, "", ID_A, UID_1, RUNTIME_UNKNOWN, false, 1},
	/* an id of podman's in a container of Docker's makes that no pod */
	{"/docker/" ID_B "/libpod-" ID_A, "", ID_A, "", RUNTIME_PODMAN, false, 2},
	{"/system.slice/k3s.service/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID_A,
	 "k3s.service", ID_A, "", RUNTIME_CONTAINERD, false, 1},
	/* nearly, and nothing */
	{"/docker/aaaa", "", "", "", 0, false, 0},
	{"/docker/" ID_A "a", "", "", "", 0, false, 0},
	{"/kubepods/burstable/pod-not-a-uid/x", "", "", "", 0, false, 0},
	{"/kubepods.slice/kubepods-pod.slice", "kubepods-pod.slice", "", "", 0, false, 0},
	{"/x/pod" UID_1, "", "", "", 0, false, 0},
	{"/libpod_pod_.slice", "libpod_pod_.slice", "", "", 0, false, 0},
	{"/.slice/.service/.scope", "", "", "", 0, false, 0},
	{"////", "", "", "", 0, false, 0},
};

static void paths_tell_who_lives_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup_facts f;
		const char *id;

		cgroup__facts(cases[i].path, &f);
		id = f.n_containers ? f.containers[f.n_containers - 1].id : "";
		if (strcmp(f.unit, cases[i].unit) != 0 || strcmp(id, cases[i].container) != 0 ||
		    strcmp(f.pod, cases[i].pod) != 0 || f.podman_pod != cases[i].podman_pod ||
		    f.n_containers != cases[i].n ||
		    (f.n_containers &&
		     f.containers[f.n_containers - 1].runtime != cases[i].runtime))
			fail_msg("%s: unit %s, %zu containers, %s, pod %s", cases[i].path, f.unit,
				 f.n_containers, id, f.pod);
	}
}

static void nesting_without_end_keeps_the_innermost(void **state)
{
	char path[16 * 1024] = "";
	struct cgroup_facts f;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/docker/%064x", i + 1);
	cgroup__facts(path, &f);
	assert_int_equal(f.n_containers, FACTS_CONTAINERS);
	assert_memory_equal(f.containers[FACTS_CONTAINERS - 1].id + 62, "64", 2);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	cgroup__facts(path, &f);
	assert_int_equal(f.n_containers, 0);
}

static bool unit(const char *component, const char *name)
{
	return cgroup__is_unit(component, strlen(component), name);
}

static void units_are_known_by_both_spellings(void **state)
{
	(void)state;
	assert_true(unit("ssh.service", "ssh.service"));
	assert_false(unit("ssh.service", "sshd.service"));
	assert_false(unit("ssh", "ssh"));
	assert_true(unit("my\\x2dapp.service", "my\\x2dapp.service"));
	assert_true(unit("my\\x2dapp.service", "my-app.service"));
	assert_true(unit("redis@6379.service", "redis@*.service"));
	assert_true(unit("_cgroup.service", "cgroup.service"));
	assert_true(unit("user.slice", "user.slice"));
	assert_false(unit("\\x2.service", "-.service"));
	assert_false(unit("a\\x00b.service", "a"));
}

static void globs(void **state)
{
	char text[16001], glob[] = "*a*a*a*a*a*a*a*a*a*a*a*a*b";

	(void)state;
	assert_true(glob__matches("", ""));
	assert_true(glob__matches("*", ""));
	assert_false(glob__matches("?", ""));
	assert_true(glob__matches("a*c", "abcabc"));
	assert_false(glob__matches("a*c", "abcab"));
	assert_true(glob__matches("*--port 63??*", "redis-server --port 6379 --x"));
	assert_true(glob__matches("[a]", "[a]"));
	assert_false(glob__matches("[a]", "a"));
	/* A process cannot hold us up by what it calls itself. */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_false(glob__matches(glob, text));
}

static void mounts_are_found_in_mountinfo(void **state)
{
	_cleanup_(mounts__reset) struct mounts m = {0};
	struct arena *a = arena__new();
	char text[] = "1 2 0:4 net:[4026532001] /run/netns/a\\040b rw shared:7 - nsfs nsfs rw\n"
		      "1 2 0:4 mnt:[4026532002] /run/x rw - nsfs nsfs rw\n"
		      "1 2 0:4 net:[bad] /run/y rw - nsfs nsfs rw\n"
		      "1 2 0:4 net:[4026532003\n"
		      "\n"
		      "- - -\n"
		      "1 2 0:38 /part /mnt/part rw - cgroup2 cgroup2 rw\n"
		      "1 2 0:38 / /mnt/whole\\134 rw - cgroup2 cgroup2 rw\n"
		      "1 2 0:38 / /mnt/second rw - cgroup2 cgroup2 rw\n"
		      "1 2 0:4 net:[4026532004] /docker/netns/f rw - nsfs nsfs rw";

	(void)state;
	assert_int_equal(mounts__parse(text, a, &m), 0);
	assert_int_equal(m.n_netns, 2);
	assert_string_equal(m.netns[0].path, "/run/netns/a b");
	assert_int_equal(m.netns[0].id.ino, 4026532001UL);
	assert_string_equal(m.netns[1].path, "/docker/netns/f");
	assert_string_equal(m.cgroup2, "/mnt/whole\\");
	assert_string_equal(m.cgroup2_base, "");
	arena__free(a);
}

static void tables_hold_what_is_put_in(void **state)
{
	enum { N = 20000 };
	_cleanup_(table__reset) struct table t = {0}, names = {0};
	char(*name)[16] = calloc(N, sizeof(*name));

	(void)state;
	assert_int_equal(table__get(&t, 1), TABLE_NONE);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(table__put(&t, (uint64_t)i << 32, i), 0);
		snprintf(name[i], sizeof(name[i]), "n%u", i);
		assert_int_equal(table__put_str(&names, name[i], i), 0);
	}
	assert_int_equal(table__put(&t, 0, 7), 0);
	assert_int_equal(t.n, N);
	assert_int_equal(table__get(&t, 0), 7);
	assert_int_equal(table__get(&t, 1), TABLE_NONE);
	for (uint32_t i = 1; i < N; i++) {
		assert_int_equal(table__get(&t, (uint64_t)i << 32), i);
		assert_int_equal(table__get_str(&names, name[i]), i);
	}
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_tell_who_lives_there),
		cmocka_unit_test(nesting_without_end_keeps_the_innermost),
		cmocka_unit_test(units_are_known_by_both_spellings),
		cmocka_unit_test(globs),
		cmocka_unit_test(mounts_are_found_in_mountinfo),
		cmocka_unit_test(tables_hold_what_is_put_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
