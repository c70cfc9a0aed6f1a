// SPDX-License-Identifier: GPL-2.0-only
#include "discover/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_MOUNTINFO = 16 * 1024 * 1024 };

const char *taking__intern(struct taking *t, const char *str)
{
	uint32_t i = table__get_str(&t->strings, str);
	const char **v;
	char *copy;

	if (i != TABLE_NONE)
		return t->string_v[i];
	v = array__grow(t->string_v, t->n_strings, sizeof(*v));
	if (!v)
		return NULL;
	t->string_v = v;
	copy = arena__str(t->s->arena, str);
	if (!copy || table__put_str(&t->strings, copy, (uint32_t)t->n_strings) < 0)
		return NULL;
	v[t->n_strings++] = copy;
	return copy;
}

uint32_t taking__container(struct taking *t, const char *id, enum discover_runtime runtime)
{
	struct discover_container *v;
	uint32_t i = table__get_str(&t->containers, id);

	if (i != TABLE_NONE)
		return i;
	v = array__grow(t->s->containers, t->s->n_containers, sizeof(*v));
	if (!v)
		return DISCOVER_NONE;
	t->s->containers = v;
	i = (uint32_t)t->s->n_containers;
	v[i] = (struct discover_container){.id = arena__str(t->s->arena, id),
					   .runtime = runtime,
					   .parent = DISCOVER_NONE,
					   .pod = DISCOVER_NONE};
	if (!v[i].id || table__put_str(&t->containers, v[i].id, i) < 0)
		return DISCOVER_NONE;
	t->s->n_containers++;
	return i;
}

uint32_t taking__pod(struct taking *t, const char *uid)
{
	struct discover_pod *v;
	uint32_t i = table__get_str(&t->pods, uid);

	if (i != TABLE_NONE)
		return i;
	v = array__grow(t->s->pods, t->s->n_pods, sizeof(*v));
	if (!v)
		return DISCOVER_NONE;
	t->s->pods = v;
	i = (uint32_t)t->s->n_pods;
	v[i] = (struct discover_pod){.uid = arena__str(t->s->arena, uid)};
	if (!v[i].uid || table__put_str(&t->pods, v[i].uid, i) < 0)
		return DISCOVER_NONE;
	t->s->n_pods++;
	return i;
}

/*
 * The id of the v2 cgroup @path: what a file handle of it holds, and since 5.5 its inode number too.
 * 0: gone, or outside of what is mounted.
 */
static uint64_t cgroup_id(const struct snapshot *s, const char *path)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + 2 * sizeof(uint64_t)];
	} u = {.h.handle_bytes = 2 * sizeof(uint64_t)};
	size_t base = s->cgroup_mount ? strlen(s->cgroup_base) : 0;
	_cleanup_free_ char *full = NULL;
	struct stat st;
	uint64_t id;
	int mount;

	if (!s->cgroup_mount || strncmp(path, s->cgroup_base, base) != 0 ||
	    asprintf(&full, "%s%s", s->cgroup_mount, path + base) < 0)
		return 0;
	if (name_to_handle_at(AT_FDCWD, full, &u.h, &mount, 0) == 0 &&
	    u.h.handle_bytes == sizeof(id)) {
		memcpy(&id, u.h.f_handle, sizeof(id));
		return id;
	}
	return stat(full, &st) == 0 ? st.st_ino : 0;
}

/* Units, containers and pods of a path; false: no memory. */
static bool classify(struct taking *t, const char *path, struct discover_cgroup *c)
{
	struct cgroup_facts f;
	uint32_t parent = DISCOVER_NONE;

	cgroup__facts(path, &f);
	c->unit = f.unit[0] ? taking__intern(t, f.unit) : NULL;
	c->pod = f.pod[0] ? taking__pod(t, f.pod) : DISCOVER_NONE;
	if ((f.unit[0] && !c->unit) || (f.pod[0] && c->pod == DISCOVER_NONE))
		return false;
	if (c->pod != DISCOVER_NONE)
		t->s->pods[c->pod].podman = f.podman_pod;
	for (size_t i = 0; i < f.n_containers; i++) {
		uint32_t k = taking__container(t, f.containers[i].id, f.containers[i].runtime);

		if (k == DISCOVER_NONE)
			return false;
		if (parent != DISCOVER_NONE && parent != k)
			t->s->containers[k].parent = parent;
		parent = k;
	}
	c->container = parent;
	if (parent != DISCOVER_NONE && c->pod != DISCOVER_NONE)
		t->s->containers[parent].pod = c->pod;
	return true;
}

uint32_t taking__cgroup(struct taking *t, const char *v2, const char *v1)
{
	struct discover_cgroup *v, c = {.container = DISCOVER_NONE, .pod = DISCOVER_NONE};
	_cleanup_free_ char *text = NULL;
	const char *key;
	uint32_t i;

	/* A path holds no newline: the kernel refuses such a name. */
	if (asprintf(&text, "%s\n%s", v2 ? v2 : "", v1 ? v1 : "") < 0) {
		text = NULL;
		return DISCOVER_NONE;
	}
	key = taking__intern(t, text);
	i = key ? table__get_str(&t->cgroups, key) : TABLE_NONE;
	if (!key || i != TABLE_NONE)
		return i;
	v = array__grow(t->s->cgroups, t->s->n_cgroups, sizeof(*v));
	if (!v)
		return DISCOVER_NONE;
	t->s->cgroups = v;
	c.path = v2 ? taking__intern(t, v2) : NULL;
	c.path_v1 = v1 ? taking__intern(t, v1) : NULL;
	c.id = v2 ? cgroup_id(t->s, v2) : 0;
	if ((v2 && !c.path) || (v1 && !c.path_v1))
		return DISCOVER_NONE;
	/* In a v2 tree that nobody uses everything is in the root, and v1 knows more. */
	if (!classify(t, v2 && (v2[1] || !v1) ? v2 : v1, &c))
		return DISCOVER_NONE;
	i = (uint32_t)t->s->n_cgroups;
	if (table__put_str(&t->cgroups, key, i) < 0)
		return DISCOVER_NONE;
	t->s->cgroups[i] = c;
	t->s->n_cgroups++;
	return i;
}

/* Names of users by /etc/passwd alone: a directory service would be asked over the network. */
static int read_users(struct taking *t)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct passwd pw, *found;
	char buf[4096];

	if (asprintf(&path, "%s/etc/passwd", t->s->root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	f = fopen(path, "re");
	while (f && fgetpwent_r(f, &pw, buf, sizeof(buf), &found) == 0) {
		const char *name = taking__intern(t, pw.pw_name);

		if (!name)
			return -ENOMEM;
		/* The first line of a uid is its name. */
		if (table__get(&t->users, pw.pw_uid) == TABLE_NONE &&
		    table__put(&t->users, pw.pw_uid, table__get_str(&t->strings, name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_mounts(struct taking *t)
{
	_cleanup_free_ char *buf = NULL;
	struct snapshot *s = t->s;
	struct stat st;
	size_t n;
	int r = read__file(t->proc, "self/mountinfo", MAX_MOUNTINFO, true, &buf, &n);

	if (fstatat(t->proc, "self/ns/net", &st, 0) == 0)
		t->nsfs = st.st_dev;
	if (r == -ENOMEM)
		return r;
	if (r) {
		skipped__count(&s->skipped, r);
		return 0;
	}
	r = mounts__parse(buf, s->arena, &t->mounts);
	if (r || !t->mounts.cgroup2)
		return r;
	s->cgroup_mount = arena__printf(s->arena, "%s%s", s->root, t->mounts.cgroup2);
	s->cgroup_base = t->mounts.cgroup2_base;
	return s->cgroup_mount ? 0 : -ENOMEM;
}

/* The name that `netns:` takes, for what is mounted in the usual place. */
static const char *name_of(const char *path)
{
	static const char *const places[] = {"/run/netns/", "/var/run/netns/"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t n = strlen(places[i]);

		if (strncmp(path, places[i], n) == 0 && path[n] && !strchr(path + n, '/'))
			return path + n;
	}
	return NULL;
}

/* Namespaces that are mounted: with or without a process. */
static int add_mounted(struct taking *t)
{
	struct snapshot *s = t->s;

	for (size_t m = 0; m < t->mounts.n_netns; m++) {
		const struct netns_mount *mount = &t->mounts.netns[m];
		uint32_t i = table__get(&t->netns, mount->id.ino);
		struct discover_netns *v;

		if (i == TABLE_NONE) {
			v = array__grow(s->netns, s->n_netns, sizeof(*v));
			if (!v)
				return -ENOMEM;
			s->netns = v;
			i = (uint32_t)s->n_netns;
			v[i] = (struct discover_netns){.id = mount->id};
			if (table__put(&t->netns, mount->id.ino, i) < 0)
				return -ENOMEM;
			s->n_netns++;
		}
		v = &s->netns[i];
		if (!v->name && (name_of(mount->path) || !v->path)) {
			v->path = mount->path;
			v->name = name_of(mount->path);
		}
	}
	return 0;
}

/* Something in /run/netns that is no namespace is left of one: unmounted, or never finished. */
static void count_unmounted(struct taking *t)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_closedir_ DIR *d = NULL;
	size_t files = 0, named = 0;

	if (asprintf(&path, "%s/run/netns", t->s->root) < 0) {
		path = NULL;
		return;
	}
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		files += e->d_name[0] != '.';
	for (size_t i = 0; i < t->s->n_netns; i++)
		named += t->s->netns[i].name != NULL;
	if (files > named)
		t->s->skipped.malformed += files - named;
}

static int netns_order(const void *a, const void *b)
{
	const struct discover_netns *x = a, *y = b;

	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	if (x->name)
		return strcmp(x->name, y->name);
	if (x->pid != y->pid)
		return (x->pid > y->pid) - (x->pid < y->pid);
	return (x->id.ino > y->id.ino) - (x->id.ino < y->id.ino);
}

/* Names first, then by process; the processes follow their namespaces. Those are by pid already. */
static int sort_netns(struct taking *t)
{
	_cleanup_free_ uint32_t *to = NULL;
	struct snapshot *s = t->s;
	struct stat st;

	if (!s->n_netns)
		return 0;
	for (int kernel = 0; kernel <= 1; kernel++)
		for (size_t i = 0; i < s->n_processes; i++) {
			const struct discover_process *p = &s->processes[i];

			if (p->netns != DISCOVER_NONE && p->kernel == kernel &&
			    !s->netns[p->netns].pid)
				s->netns[p->netns].pid = p->pid;
		}
	to = calloc(s->n_netns, sizeof(*to));
	if (!to)
		return -ENOMEM;
	qsort(s->netns, s->n_netns, sizeof(*s->netns), netns_order);
	for (uint32_t i = 0; i < s->n_netns; i++)
		to[table__get(&t->netns, s->netns[i].id.ino)] = i;
	for (size_t i = 0; i < s->n_processes; i++)
		if (s->processes[i].netns != DISCOVER_NONE)
			s->processes[i].netns = to[s->processes[i].netns];
	if (fstatat(t->proc, "self/ns/net", &st, 0) == 0)
		for (size_t i = 0; i < s->n_netns; i++)
			s->netns[i].self = s->netns[i].id.ino == st.st_ino;
	return 0;
}

static int take(struct taking *t)
{
	int r;

	if ((r = read_mounts(t)) || (r = read_users(t)) || (r = procfs__read(t)))
		return r;
	if ((r = add_mounted(t)))
		return r;
	count_unmounted(t);
	if ((r = sort_netns(t)))
		return r;
	return runtimes__describe(t);
}

int snapshot__take(const char *root, struct snapshot *ret, struct error *err)
{
	struct snapshot s = {.self = getpid(), .root = root, .arena = arena__new()};
	struct taking t = {.s = &s, .proc = -1};
	_cleanup_free_ char *path = NULL;
	int r = -ENOMEM;

	if (s.arena)
		s.root = arena__str(s.arena, root);
	if (s.arena && s.root && asprintf(&path, "%s/proc", root) >= 0) {
		t.proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = t.proc < 0 ? err__set(err, -errno, "%s: %s", path, strerror(errno)) : take(&t);
	}
	safe_close(t.proc);
	mounts__reset(&t.mounts);
	table__reset(&t.strings);
	table__reset(&t.users);
	table__reset(&t.cgroups);
	table__reset(&t.netns);
	table__reset(&t.containers);
	table__reset(&t.pods);
	free(t.string_v);
	if (r) {
		snapshot__reset(&s);
		return r == -ENOMEM ? err__set(err, r, "out of memory") : r;
	}
	*ret = s;
	return 0;
}

void snapshot__reset(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_netns; i++) {
		netns_scan__reset(&s->netns[i].scan);
		free(s->netns[i].sockets);
		free(s->netns[i].traffic);
	}
	free(s->processes);
	free(s->cgroups);
	free(s->containers);
	free(s->pods);
	free(s->netns);
	free(s->owners);
	arena__free(s->arena);
	*s = (struct snapshot){0};
}

const struct discover_process *snapshot__process(const struct snapshot *s, pid_t pid)
{
	size_t lo = 0, hi = s->n_processes;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->processes[mid].pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_processes && s->processes[lo].pid == pid ? &s->processes[lo] : NULL;
}

const char *discover_process__args(const struct discover_process *p, char *buf, size_t size)
{
	size_t n = p->argv_len < size - 1 ? p->argv_len : size - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = p->argv[i] ? p->argv[i] : ' ';
	buf[n] = 0;
	return buf;
}

const char *discover_runtime__name(enum discover_runtime runtime)
{
	static const char *const names[] = {
		[RUNTIME_UNKNOWN] = "container", [RUNTIME_PODMAN] = "podman",
		[RUNTIME_DOCKER] = "docker",	 [RUNTIME_CONTAINERD] = "containerd",
		[RUNTIME_CRIO] = "cri-o",
	};

	return names[runtime];
}
