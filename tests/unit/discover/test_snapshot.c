// SPDX-License-Identifier: GPL-2.0-only
/* test_snapshot.c: machines of files, whole and broken. */
#include "fake.h"

static void processes_are_read_as_they_are(void **state)
{
	struct fake *f = *state;
	struct snapshot s;
	const struct discover_process *p;
	char args[64];

	fake__process(f, (struct fake_process){.pid = 1,
					       .comm = "systemd",
					       .exe = "/lib/systemd/systemd",
					       .cgroup = "0::/init.scope\n"});
	fake__process(f, (struct fake_process){.pid = 2, .comm = "kthreadd", .kernel = true});
	fake__process(f, (struct fake_process){.pid = 30,
					       .ppid = 1,
					       .comm = "a) S (b\nc",
					       .exe = "/opt/my app/x (deleted)",
					       .uid = 106,
					       .argv = "x --port 1",
					       .netns = 4026532222UL});
	fake__process(
		f, (struct fake_process){.pid = 31, .ppid = 1, .comm = "日本語\xff", .uid = 4711});
	fake__file(f, "/proc/uptime", "1 1\n");
	s = fake__take(f);
	assert_int_equal(s.n_processes, 4);
	p = fake__find(&s, 30);
	assert_string_equal(p->comm, "a) S (b\nc");
	assert_int_equal(p->ppid, 1);
	assert_int_equal(p->start, 1030);
	assert_string_equal(p->exe, "/opt/my app/x");
	assert_string_equal(p->user, "redis");
	assert_string_equal(discover_process__args(p, args, sizeof(args)), "x --port 1");
	assert_string_equal(discover_process__args(p, args, 4), "x -");
	assert_int_equal(s.netns[p->netns].id.ino, 4026532222UL);
	assert_string_equal(fake__find(&s, 31)->comm, "日本語\xff");
	assert_string_equal(fake__find(&s, 31)->user, "4711");
	assert_true(fake__find(&s, 2)->kernel);
	assert_int_equal(s.n_netns, 2);
	/* the machine's own, by its first process that is none of the kernel's */
	assert_int_equal(s.netns[0].pid, 1);
	assert_true(s.netns[0].host);
	assert_int_equal(s.netns[0].n_processes, 3);
	assert_string_equal(fake__cgroup(&s, 1)->unit, "init.scope");
	assert_null(snapshot__process(&s, 3));
	snapshot__reset(&s);
}

static void what_makes_no_sense_is_counted(void **state)
{
	struct fake *f = *state;
	struct snapshot s;

	fake__process(f, (struct fake_process){.pid = 1, .comm = "init"});
	/* half gone, empty, garbage, a name without an end, numbers too large, a folder where a file is due */
	fake__file(f, "/proc/10/comm", "x\n");
	fake__process(f, (struct fake_process){.pid = 11, .comm = "x"});
	fake__file(f, "/proc/11/stat", "");
	fake__process(f, (struct fake_process){.pid = 12, .comm = "x"});
	fake__file(f, "/proc/12/stat", "12 (x S 1 2 3");
	fake__process(f, (struct fake_process){.pid = 13, .comm = "x"});
	fake__bytes(f, "/proc/13/stat", "\0\0\0\0\xff\xfe", 6);
	fake__process(f, (struct fake_process){.pid = 14, .comm = "x"});
	fake__file(f, "/proc/14/status", "Uid:\n");
	fake__file(f, "/proc/15/stat/x", "x");
	fake__file(f, "/proc/99999999999999999999/stat", "x");
	fake__file(f, "/proc/16", "no folder");
	/* these remain, without what cannot be read */
	fake__process(
		f, (struct fake_process){.pid = 20, .comm = "y", .cgroup = "garbage\n::\n0::\n"});
	fake__process(f, (struct fake_process){.pid = 21, .comm = "y"});
	assert_int_equal(unlink(fake__path(f, "/proc/21/ns/net")), 0);
	fake__link(f, "/proc/21/ns/net", "net:[12x]");
	/* ended: waits for its parent */
	fake__process(f, (struct fake_process){.pid = 22, .comm = "z"});
	fake__file(f, "/proc/22/stat", "22 (z) Z 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0");
	s = fake__take(f);
	assert_int_equal(s.n_processes, 3);
	assert_int_equal(fake__find(&s, 20)->cgroup, DISCOVER_NONE);
	assert_int_equal(fake__find(&s, 21)->netns, DISCOVER_NONE);
	assert_true(s.skipped.malformed >= 6);
	assert_true(s.skipped.gone >= 2);
	assert_int_equal(s.skipped.denied, 0);
	snapshot__reset(&s);
}

static void nothing_to_read_is_an_error_with_words(void **state)
{
	struct snapshot s = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(snapshot__take("/nonexistent", &s, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/proc"));
}

static void cgroups_of_a_hybrid_machine(void **state)
{
	struct fake *f = *state;
	const struct discover_cgroup *c;
	struct snapshot s;
	struct stat st;

	fake__file(f, "/sys/fs/cgroup/unified/system.slice/a.service/cgroup.procs", "");
	fake__process(f, (struct fake_process){
				 .pid = 5,
				 .comm = "a",
				 .cgroup = "9:name=systemd:/system.slice/b.service\n8:pids:/x\n"
					   "0::/system.slice/a.service\n"});
	fake__process(f, (struct fake_process){.pid = 6,
					       .comm = "b",
					       .cgroup = "9:name=systemd:/\n4:memory:/docker/" ID_A
							 "\n1:cpu:/\n0::/\n"});
	fake__process(f, (struct fake_process){
				 .pid = 7,
				 .comm = "c",
				 .cgroup = "4:memory:/deep/er/path/than/systemds\n"
					   "9:name=systemd:/system.slice/c.service (deleted)\n"});
	s = fake__take(f);
	assert_string_equal(s.cgroup_mount, fake__path(f, "/sys/fs/cgroup/unified"));
	c = fake__cgroup(&s, 5);
	assert_string_equal(c->path, "/system.slice/a.service");
	assert_string_equal(c->path_v1, "/system.slice/b.service");
	assert_string_equal(c->unit, "a.service");
	assert_int_equal(stat(fake__path(f, "/sys/fs/cgroup/unified/system.slice/a.service"), &st),
			 0);
	assert_int_not_equal(c->id, 0);
	/* nobody uses v2: v1 tells */
	c = fake__cgroup(&s, 6);
	assert_string_equal(c->path, "/");
	assert_string_equal(s.containers[c->container].id, ID_A);
	c = fake__cgroup(&s, 7);
	assert_null(c->path);
	assert_int_equal(c->id, 0);
	assert_string_equal(c->path_v1, "/system.slice/c.service");
	assert_string_equal(c->unit, "c.service");
	snapshot__reset(&s);
}

static void podman(void **state)
{
	struct fake *f = *state;
	const struct discover_container *c;
	const struct discover_cgroup *g;
	struct snapshot s;

	fake__process(f, (struct fake_process){.pid = 50,
					       .comm = "conmon",
					       .argv = "/usr/bin/conmon -c " ID_A
						       " -n web -b /srv/" ID_A " -x"});
	fake__process(f,
		      (struct fake_process){.pid = 51,
					    .ppid = 50,
					    .comm = "nginx",
					    .cgroup = "0::/machine.slice/libpod-" ID_A ".scope\n"});
	/* a pod, of which only the storage folder tells */
	fake__process(
		f, (struct fake_process){.pid = 60,
					 .comm = "catatonit",
					 .cgroup = "0::/libpod_parent/" ID_D "/libpod-" ID_B "\n"});
	fake__process(
		f, (struct fake_process){.pid = 61,
					 .comm = "sleep",
					 .cgroup = "0::/libpod_parent/" ID_D "/libpod-" ID_C "\n"});
	fake__file(f, "/var/lib/containers/storage/overlay-containers/containers.json",
		   "[{\"id\":\"" ID_B "\",\"names\":[\"dddddddddddd-infra\"]},"
		   "{\"id\":\"" ID_C "\",\"names\":[\"in pod\"],"
		   "\"metadata\":\"{\\\"image-name\\\":\\\"localhost/bb:latest\\\"}\"},"
		   "{\"id\":7},null,{\"names\":{}}]");
	fake__file(f,
		   "/var/lib/containers/storage/overlay-containers/" ID_B "/userdata/config.json",
		   "{\"hostname\":\"mypod\",\"annotations\":{}}");
	/* a database: pages with a text that was cut off, the text, and another pod's */
	fake__file(f, "/var/lib/containers/storage/libpod/bolt_state.db",
		   "\1\2{\"id\":\"" ID_D "\",\"name\":\"mypod\",\"labels\":{\"app\":\"old\1"
		   "config{\"id\":\"" ID_D "\",\"name\":\"mypod\",\"labels\":{\"tier\":\"a\",\"app\":"
		   "\"web\",\"io.kubernetes.pod.namespace\":\"shop\"}}\3{\"id\":\"" ID_A
		   "\",\"name\":\"x\",\"labels\":{\"app\":\"other\"}}");
	s = fake__take(f);
	g = fake__cgroup(&s, 51);
	c = &s.containers[g->container];
	assert_string_equal(c->name, "web");
	assert_int_equal(c->runtime, RUNTIME_PODMAN);
	assert_int_equal(g->pod, DISCOVER_NONE);
	g = fake__cgroup(&s, 61);
	c = &s.containers[g->container];
	assert_string_equal(c->name, "in pod");
	assert_string_equal(c->image, "localhost/bb:latest");
	assert_false(c->infra);
	assert_string_equal(s.pods[g->pod].name, "mypod");
	assert_string_equal(s.pods[g->pod].uid, ID_D);
	assert_true(s.pods[g->pod].podman);
	assert_true(s.pods[g->pod].labels_known);
	assert_int_equal(s.pods[g->pod].n_labels, 2);
	assert_string_equal(s.pods[g->pod].labels[0], "app=web");
	assert_string_equal(s.pods[g->pod].ns, "shop");
	assert_true(s.containers[fake__cgroup(&s, 60)->container].infra);
	snapshot__reset(&s);
}

static void docker(void **state)
{
	struct fake *f = *state;
	const struct discover_container *c;
	struct snapshot s;

	fake__process(f,
		      (struct fake_process){.pid = 70,
					    .comm = "x",
					    .cgroup = "0::/system.slice/docker-" ID_A ".scope\n"});
	fake__process(
		f, (struct fake_process){.pid = 71, .comm = "x", .cgroup = "0::/mine/" ID_B "\n"});
	fake__file(f, "/etc/docker/daemon.json", "{\"data-root\":\"/srv/docker\"}");
	fake__file(f, "/srv/docker/containers/" ID_A "/config.v2.json",
		   "{\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1\",\"Labels\":{}}}");
	fake__file(f, "/srv/docker/containers/" ID_B "/config.v2.json",
		   "{\"Name\":\"/own parent\"}");
	s = fake__take(f);
	c = &s.containers[fake__cgroup(&s, 70)->container];
	assert_string_equal(c->name, "web");
	assert_string_equal(c->image, "nginx:1");
	c = &s.containers[fake__cgroup(&s, 71)->container];
	assert_string_equal(c->name, "own parent");
	assert_int_equal(c->runtime, RUNTIME_DOCKER);
	snapshot__reset(&s);
}

static void kubernetes(void **state)
{
	struct fake *f = *state;
	const struct discover_pod *p;
	struct snapshot s;

	fake__process(f, (struct fake_process){
				 .pid = 80,
				 .comm = "pause",
				 .cgroup = "0::/kubepods.slice/kubepods-pod11111111_2222_3333_4444_"
					   "555555555555.slice/cri-containerd-" ID_A ".scope\n"});
	fake__process(f, (struct fake_process){
				 .pid = 81,
				 .comm = "app",
				 .cgroup = "0::/kubepods.slice/kubepods-pod11111111_2222_3333_4444_"
					   "555555555555.slice/cri-containerd-" ID_B ".scope\n"});
	fake__process(f, (struct fake_process){
				 .pid = 82,
				 .comm = "pause",
				 .cgroup = "0::/kubepods/burstable/pod"
					   "99999999-2222-3333-4444-555555555555/crio-" ID_C "\n"});
	fake__file(f, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID_A "/config.json",
		   "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","
		   "\"io.kubernetes.cri.sandbox-name\":\"web-0\"}}");
	fake__file(f, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID_B "/config.json",
		   "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\","
		   "\"io.kubernetes.cri.image-name\":\"shop:2\"}}");
	fake__file(f, "/var/log/pods/shop_web-0_" UID_1 "/app/0.log", "");
	fake__file(f, "/var/log/pods/nonsense", "");
	fake__file(f, "/var/log/pods/a_b", "");
	fake__file(
		f, "/run/containers/storage/overlay-containers/" ID_C "/userdata/config.json",
		"{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
		"\"io.kubernetes.pod.name\":\"db-0\",\"io.kubernetes.pod.namespace\":\"shop\","
		"\"io.kubernetes.cri-o.Labels\":\"{\\\"tier\\\":\\\"db\\\",\\\"app\\\":\\\"pg\\\","
		"\\\"io.kubernetes.pod.uid\\\":\\\"x\\\"}\"}}");
	s = fake__take(f);
	p = &s.pods[fake__cgroup(&s, 81)->pod];
	assert_string_equal(p->ns, "shop");
	assert_string_equal(p->name, "web-0");
	assert_string_equal(p->uid, UID_1);
	assert_false(p->labels_known);
	assert_string_equal(s.containers[fake__cgroup(&s, 81)->container].name, "app");
	assert_true(s.containers[fake__cgroup(&s, 80)->container].infra);
	p = &s.pods[fake__cgroup(&s, 82)->pod];
	assert_string_equal(p->name, "db-0");
	assert_int_equal(p->n_labels, 2);
	assert_string_equal(p->labels[0], "app=pg");
	assert_string_equal(p->labels[1], "tier=db");
	snapshot__reset(&s);
}

/* Every runtime's file cut off after each of its bytes: names may be missing, nothing else may happen. */
static void half_written_state(void **state)
{
	static const char text[] =
		"{\"Name\":\"/web\",\"annotations\":{\"io.kubernetes.cri.sandbox-uid\":\"" UID_1
		"\",\"io.kubernetes.pod.name\":{}},\"Config\":{\"Labels\":[1],\"Image\":2}}";
	struct fake *f = *state;

	fake__process(
		f, (struct fake_process){.pid = 90, .comm = "x", .cgroup = "0::/any/" ID_A "\n"});
	for (size_t n = 0; n <= strlen(text); n += 7) {
		struct snapshot s;

		fake__bytes(f, "/var/lib/docker/containers/" ID_A "/config.v2.json", text, n);
		fake__bytes(f,
			    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID_A
			    "/config.json",
			    text, n);
		fake__bytes(f, "/var/lib/containers/storage/overlay-containers/containers.json",
			    text, n);
		fake__bytes(f, "/etc/docker/daemon.json", text, n);
		s = fake__take(f);
		assert_int_equal(s.n_containers, 1);
		assert_string_equal(s.containers[0].id, ID_A);
		if (n < strlen(text))
			assert_true(s.skipped.malformed >= 3);
		snapshot__reset(&s);
	}
}

static void namespaces_by_name_path_and_process(void **state)
{
	struct fake *f = *state;
	struct snapshot s;

	fake__file(f, "/proc/self/mountinfo",
		   "1 2 0:4 net:[4026532001] /run/netns/blue rw - nsfs nsfs rw\n"
		   "1 2 0:4 net:[4026532001] /run/netns/blue rw - nsfs nsfs rw\n"
		   "1 2 0:4 net:[4026532002] /docker/netns/x rw - nsfs nsfs rw\n"
		   "1 2 0:4 net:[4026532003] /run/netns/a\\012b rw - nsfs nsfs rw\n");
	fake__file(f, "/run/netns/blue", "");
	fake__file(f, "/run/netns/left-behind", "");
	fake__file(f, "/run/netns/a\nb", "");
	fake__process(f, (struct fake_process){.pid = 5, .comm = "x", .netns = 4026532002UL});
	fake__process(f, (struct fake_process){.pid = 4, .comm = "x", .netns = 4026532009UL});
	s = fake__take(f);
	assert_int_equal(s.n_netns, 4);
	assert_string_equal(s.netns[0].name, "a\nb");
	assert_string_equal(s.netns[1].name, "blue");
	assert_int_equal(s.netns[1].n_processes, 0);
	assert_int_equal(s.netns[2].id.ino, 4026532009UL);
	assert_null(s.netns[3].name);
	assert_string_equal(s.netns[3].path, "/docker/netns/x");
	assert_int_equal(fake__find(&s, 5)->netns, 3);
	/* the file that is no mount */
	assert_int_equal(s.skipped.malformed, 1);
	snapshot__reset(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(processes_are_read_as_they_are),
		fake_test(what_makes_no_sense_is_counted),
		fake_test(nothing_to_read_is_an_error_with_words),
		fake_test(cgroups_of_a_hybrid_machine),
		fake_test(podman),
		fake_test(docker),
		fake_test(kubernetes),
		fake_test(half_written_state),
		fake_test(namespaces_by_name_path_and_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
