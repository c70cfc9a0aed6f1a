// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as each of the files of /proc that are read: stat, status, cgroup, mountinfo. */
#include "discover/internal.h"
#include "fuzz.h"

static void try_process(const char *text)
{
	struct discover_process p = {0};
	pid_t tgid = -1;
	uid_t uid;
	int r = procfs__parse_stat(text, &p);

	MUST(!r || r == -EBADMSG || r == -ESRCH);
	r = procfs__parse_uid(text, &uid);
	MUST(!r || r == -EBADMSG);
	r = procfs__parse_tgid(text, &tgid);
	MUST(!r || r == -EBADMSG);
}

static void check_facts(const char *path)
{
	struct cgroup_facts f;

	cgroup__facts(path, &f);
	MUST(f.n_containers <= FACTS_CONTAINERS && strlen(f.unit) < sizeof(f.unit));
	for (size_t i = 0; i < f.n_containers; i++)
		MUST(cgroup__is_hex_id(f.containers[i].id, strlen(f.containers[i].id)));
	MUST(strlen(f.pod) < sizeof(f.pod) && (!f.podman_pod || strlen(f.pod) == 64));
}

static void try_cgroup(const uint8_t *data, size_t size)
{
	char *text = fuzz__string(data, size);
	const char *v2 = NULL, *v1 = NULL;
	int r = procfs__parse_cgroup(text, &v2, &v1);

	MUST(r == 0 || (r == -EBADMSG && !v2 && !v1));
	MUST(r || v2 || v1);
	if (v2)
		check_facts(v2);
	if (v1)
		check_facts(v1);
	free(text);
}

static void try_mountinfo(const uint8_t *data, size_t size)
{
	char *text = fuzz__string(data, size);
	struct arena *arena = arena__new();
	struct mounts m = {0};

	MUST(arena && mounts__parse(text, arena, &m) == 0);
	MUST(!m.cgroup2 == !m.cgroup2_base);
	for (size_t i = 0; i < m.n_netns; i++)
		MUST(m.netns[i].path);
	mounts__reset(&m);
	arena__free(arena);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz__string(data, size);

	try_process(text);
	free(text);
	try_cgroup(data, size);
	try_mountinfo(data, size);
	return 0;
}
