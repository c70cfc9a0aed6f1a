// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as what container runtimes and the kubelet keep: each kind of file about a container of each
 * runtime, names of folders in /var/log/pods, arguments of a conmon. What was taken is then chosen from.
 */
#include "discover/internal.h"
#include "fuzz.h"

#include <jansson.h>

#define HEX(c) c c c c c c c c c c c c c c c c
#define ID(a, b, c, d) HEX(a) HEX(b) HEX(c) HEX(d)

static const char *const places[] = {
	"/machine.slice/libpod-" ID("a", "a", "a", "a") ".scope/container",
	"/machine.slice/machine-libpod_pod_" ID("e", "e", "e", "e") ".slice/libpod-" ID(
		"e", "e", "e", "f") ".scope",
	"/system.slice/docker-" ID("b", "b", "b", "b") ".scope",
	"/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice/cri-containerd-" ID(
		"c", "c", "c", "c") ".scope",
	"/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice/crio-" ID(
		"d", "d", "d", "d") ".scope",
	"/" ID("1", "2", "3", "4"),
};

struct machine {
	struct snapshot s;
	struct taking t;
	const char *bundles[8];
};

/* A process in each place. */
static void machine__make(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->s = (struct snapshot){.root = "", .arena = arena__new(), .self = 999};
	m->t = (struct taking){.s = &m->s, .proc = -1};
	m->s.processes = calloc(ARRAY_SIZE(places), sizeof(*m->s.processes));
	MUST(m->s.arena && m->s.processes);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct discover_process *p = &m->s.processes[m->s.n_processes++];

		*p = (struct discover_process){.pid = (pid_t)i + 1,
					       .user = "root",
					       .exe = "",
					       .argv = "",
					       .netns = DISCOVER_NONE};
		p->cgroup = taking__cgroup(&m->t, places[i], NULL);
		MUST(p->cgroup != DISCOVER_NONE);
	}
	MUST(m->s.n_containers == ARRAY_SIZE(places) && m->s.n_pods == 2);
}

static void machine__reset(struct machine *m)
{
	table__reset(&m->t.strings);
	table__reset(&m->t.cgroups);
	table__reset(&m->t.containers);
	table__reset(&m->t.pods);
	free(m->t.string_v);
	snapshot__reset(&m->s);
}

static void take_json(struct machine *m, const uint8_t *data, size_t size)
{
	json_t *j = json_loadb((const char *)data, size, 0, NULL);

	/* A pod more for each new uid: the array moves under those who hold a pointer into it. */
	for (uint32_t i = 0; i < m->s.n_containers; i++) {
		runtimes__take_config(&m->t, &m->s.containers[i], j);
		runtimes__take_docker(&m->t, &m->s.containers[i], j);
	}
	runtimes__take_podman(&m->t, j);
	runtimes__docker_root(&m->t, j);
	json_decref(j);
}

static void take_text(struct machine *m, const uint8_t *data, size_t size)
{
	struct discover_process conmon = {.argv_len = size};
	char *name = fuzz__string(data, size);

	conmon.argv = arena__bytes(m->s.arena, data, size);
	MUST(conmon.argv);
	runtimes__take_conmon(&m->t, &conmon, m->bundles);
	runtimes__take_log_folder(&m->t, name);
	m->s.pods[0].podman = true;
	runtimes__take_libpod(&m->t, (const char *)data, size);
	free(name);
}

static void check(const struct machine *m)
{
	for (size_t i = 0; i < m->s.n_containers; i++) {
		const struct discover_container *c = &m->s.containers[i];

		MUST(c->pod == DISCOVER_NONE || c->pod < m->s.n_pods);
		MUST(!c->name || *c->name);
		MUST(!m->bundles[i] || *m->bundles[i]);
	}
	for (size_t i = 0; i < m->s.n_pods; i++)
		for (size_t k = 1; k < m->s.pods[i].n_labels; k++)
			MUST(strcmp(m->s.pods[i].labels[k - 1], m->s.pods[i].labels[k]) <= 0);
}

static void choose(const struct machine *m, const char *selector)
{
	struct target_selector t = {0};
	struct discover_match match = {0};
	struct error err = {0};
	int r;

	MUST(target_selector__parse(selector, &t, &err) == 0);
	r = discover__match(&m->s, &t, &match, &err);
	MUST(r == 0 || *err.msg);
	discover_match__reset(&match);
	target_selector__reset(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;

	machine__make(&m);
	take_json(&m, data, size);
	take_text(&m, data, size);
	check(&m);
	choose(&m, "container:web");
	choose(&m, "container:aaaa");
	choose(&m, "pod:default/web");
	choose(&m, "pods:default/app=web,tier=front");
	machine__reset(&m);
	return 0;
}
