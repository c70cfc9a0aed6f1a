// SPDX-License-Identifier: GPL-2.0-only
/*
 * runtimes.c: what the runtimes keep on disk about the containers and pods that processes are in. The
 * files are theirs: they change while we read, and any of them may be missing, cut off or another
 * version's. What cannot be read leaves a container with its id alone.
 *
 * podman, CRI-O  conmon's own arguments (-c ID -n NAME -b BUNDLE), whatever the storage folder
 * podman         /var/lib/containers/storage/overlay-containers/containers.json
 *                STORAGE/libpod/bolt_state.db: pods' labels (podman 3 and 4)
 * CRI-O          BUNDLE/config.json: annotations with pod, labels
 * Docker         /var/lib/docker/containers/ID/config.v2.json
 * containerd     /run/containerd/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json: annotations
 * kubelet        /var/log/pods/NAMESPACE_NAME_UID/
 */
#include "discover/internal.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

enum { MAX_CONFIG = 4 * 1024 * 1024, MAX_LIST = 64 * 1024 * 1024, MAX_POD = 256 * 1024 };

static inline void cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

/* The JSON of a file of the machine, NULL: there is none. One that cannot be parsed is counted. */
static json_t *load(struct taking *t, size_t max, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static json_t *load(struct taking *t, size_t max, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL, *full = NULL, *text = NULL;
	json_t *j = NULL;
	va_list ap;
	size_t n;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (r < 0) {
		path = NULL;
		return NULL;
	}
	if (asprintf(&full, "%s%s", t->s->root, path) < 0) {
		full = NULL;
		return NULL;
	}
	r = read__file(AT_FDCWD, full, max, false, &text, &n);
	if (!r)
		j = json_loadb(text, n, 0, NULL);
	if (r && r != -ENOENT && r != -ENOTDIR)
		skipped__count(&t->s->skipped, r);
	else if (!r && !j)
		t->s->skipped.malformed++;
	return j;
}

/* The first of the NULL-ended @keys that @object has as a string that is not empty; NULL: none. */
static const char *first_of(const json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *s = json_string_value(json_object_get(object, *keys));

		if (s && *s)
			return s;
	}
	return NULL;
}

static void set(struct taking *t, const char **to, const char *value)
{
	if (value && *value && !*to)
		*to = taking__intern(t, value);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of @labels that the pod's author wrote; the runtimes add their own below io.kubernetes. */
static void set_labels(struct taking *t, struct discover_pod *pod, json_t *labels)
{
	const char **v, *key;
	json_t *value;
	size_t n = 0;

	if (pod->labels_known || !json_is_object(labels))
		return;
	v = arena__alloc(t->s->arena, (json_object_size(labels) + 1) * sizeof(*v));
	if (!v)
		return;
	json_object_foreach(labels, key, value) {
		if (!json_is_string(value) || strncmp(key, "io.kubernetes.", 14) == 0 ||
		    strncmp(key, "annotation.", 11) == 0)
			continue;
		v[n] = arena__printf(t->s->arena, "%s=%s", key, json_string_value(value));
		n += v[n] != NULL;
	}
	qsort(v, n, sizeof(*v), by_text);
	pod->labels = v;
	pod->n_labels = n;
	pod->labels_known = true;
}

/* Names that Kubernetes' runtimes write beside a container: annotations, or labels with Docker. */
static void set_kubernetes(struct taking *t, struct discover_container *c, const json_t *a)
{
	static const char *const name[] = {"io.kubernetes.cri.container-name",
					   "io.kubernetes.container.name", NULL};
	static const char *const pod_uid[] = {"io.kubernetes.cri.sandbox-uid",
					      "io.kubernetes.pod.uid", NULL};
	static const char *const pod_name[] = {"io.kubernetes.cri.sandbox-name",
					       "io.kubernetes.pod.name", NULL};
	static const char *const pod_ns[] = {"io.kubernetes.cri.sandbox-namespace",
					     "io.kubernetes.pod.namespace", NULL};
	static const char *const type[] = {"io.kubernetes.cri.container-type",
					   "io.kubernetes.cri-o.ContainerType",
					   "io.kubernetes.docker.type", NULL};
	static const char *const image[] = {"io.kubernetes.cri.image-name",
					    "io.kubernetes.cri-o.ImageName", NULL};
	static const char *const nerdctl[] = {"nerdctl/name", NULL};
	const char *uid = first_of(a, pod_uid), *kind = first_of(a, type);
	const char *labels = json_string_value(json_object_get(a, "io.kubernetes.cri-o.Labels"));
	struct discover_pod *pod;

	if (kind && (!strcmp(kind, "sandbox") || !strcmp(kind, "podsandbox")))
		c->infra = true;
	set(t, &c->image, first_of(a, image));
	set(t, &c->name, c->infra ? NULL : first_of(a, name));
	set(t, &c->name, first_of(a, nerdctl));
	if (uid && c->pod == DISCOVER_NONE)
		c->pod = taking__pod(t, uid);
	pod = c->pod == DISCOVER_NONE ? NULL : &t->s->pods[c->pod];
	if (!pod || pod->podman)
		return;
	set(t, &pod->ns, first_of(a, pod_ns));
	set(t, &pod->name, first_of(a, pod_name));
	if (labels && c->infra) {
		_cleanup_json_ json_t *l = json_loads(labels, 0, NULL);

		set_labels(t, pod, l);
	}
}

void runtimes__take_config(struct taking *t, struct discover_container *c, json_t *j)
{
	struct discover_pod *pod;

	set_kubernetes(t, c, json_object_get(j, "annotations"));
	pod = c->pod == DISCOVER_NONE ? NULL : &t->s->pods[c->pod];
	/* podman calls a pod's infra container after its id, and gives it the pod's name as the host's. */
	if (pod && pod->podman && c->name && strlen(c->name) > 6 &&
	    strcmp(c->name + strlen(c->name) - 6, "-infra") == 0 &&
	    strncmp(c->name, pod->uid, strlen(c->name) - 6) == 0) {
		c->infra = true;
		set(t, &pod->name, json_string_value(json_object_get(j, "hostname")));
	}
}

/* An OCI bundle's config.json; false: there is none there. */
static bool read_bundle(struct taking *t, struct discover_container *c, const char *bundle)
{
	_cleanup_json_ json_t *j = load(t, MAX_CONFIG, "%s/config.json", bundle);

	if (j)
		runtimes__take_config(t, c, j);
	return j != NULL;
}

void runtimes__take_docker(struct taking *t, struct discover_container *c, json_t *j)
{
	const json_t *config = json_object_get(j, "Config");
	json_t *labels = json_object_get(config, "Labels");
	const char *name = json_string_value(json_object_get(j, "Name"));

	set_kubernetes(t, c, labels);
	set(t, &c->name, name && *name == '/' ? name + 1 : name);
	set(t, &c->image, json_string_value(json_object_get(config, "Image")));
	/* The pause container has the pod's labels, the others have none of them. */
	if (c->infra && c->pod != DISCOVER_NONE)
		set_labels(t, &t->s->pods[c->pod], labels);
	if (c->runtime == RUNTIME_UNKNOWN)
		c->runtime = RUNTIME_DOCKER;
}

static bool read_docker(struct taking *t, struct discover_container *c, const char *data_root)
{
	_cleanup_json_ json_t *j =
		load(t, MAX_CONFIG, "%s/containers/%s/config.v2.json", data_root, c->id);

	if (j)
		runtimes__take_docker(t, c, j);
	return j != NULL;
}

/* k3s and microk8s have a containerd of their own. */
static bool read_containerd(struct taking *t, struct discover_container *c)
{
	static const char *const places[] = {"/run/containerd", "/run/k3s/containerd",
					     "/var/snap/microk8s/common/run/containerd"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = NULL, *bundle = NULL;
		_cleanup_closedir_ DIR *d = NULL;
		struct dirent *e;

		if (asprintf(&path, "%s%s/io.containerd.runtime.v2.task", t->s->root, places[i]) <
		    0) {
			path = NULL;
			return false;
		}
		d = opendir(path);
		while (d && (e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			free(bundle);
			if (asprintf(&bundle, "%s/io.containerd.runtime.v2.task/%s/%s", places[i],
				     e->d_name, c->id) < 0) {
				bundle = NULL;
				return false;
			}
			if (read_bundle(t, c, bundle)) {
				if (c->runtime == RUNTIME_UNKNOWN)
					c->runtime = RUNTIME_CONTAINERD;
				return true;
			}
		}
	}
	return false;
}

/* The value behind the argument @option of @p; NULL: none. */
static const char *option_of(const struct discover_process *p, const char *option)
{
	const char *end = p->argv + p->argv_len;

	for (const char *a = p->argv; a < end; a += strlen(a) + 1)
		if (strcmp(a, option) == 0 && a + strlen(a) + 1 < end)
			return a + strlen(a) + 1;
	return NULL;
}

void runtimes__take_conmon(struct taking *t, const struct discover_process *p, const char **bundles)
{
	const char *id = option_of(p, "-c");
	uint32_t k = id ? table__get_str(&t->containers, id) : TABLE_NONE;

	if (k == TABLE_NONE)
		return;
	/* CRI-O's is k8s_CONTAINER_POD_..., which its annotations say better. */
	if (t->s->containers[k].runtime == RUNTIME_PODMAN)
		set(t, &t->s->containers[k].name, option_of(p, "-n"));
	set(t, &bundles[k], option_of(p, "-b"));
}

/* What stands over each container of podman and CRI-O, with all that is needed to find its files. */
static void read_conmons(struct taking *t, const char **bundles)
{
	for (size_t i = 0; i < t->s->n_processes; i++)
		if (strcmp(t->s->processes[i].comm, "conmon") == 0)
			runtimes__take_conmon(t, &t->s->processes[i], bundles);
}

void runtimes__take_podman(struct taking *t, json_t *list)
{
	json_t *x;
	size_t i;

	json_array_foreach(list, i, x) {
		const char *id = json_string_value(json_object_get(x, "id"));
		const char *metadata = json_string_value(json_object_get(x, "metadata"));
		_cleanup_json_ json_t *m = metadata ? json_loads(metadata, 0, NULL) : NULL;
		uint32_t k = id ? table__get_str(&t->containers, id) : TABLE_NONE;
		struct discover_container *c = k == TABLE_NONE ? NULL : &t->s->containers[k];

		if (!c || c->runtime == RUNTIME_CRIO)
			continue;
		set(t, &c->name, json_string_value(json_array_get(json_object_get(x, "names"), 0)));
		set(t, &c->image, json_string_value(json_object_get(m, "image-name")));
		if (c->runtime == RUNTIME_UNKNOWN)
			c->runtime = RUNTIME_PODMAN;
	}
}

static void read_podman_list(struct taking *t)
{
	_cleanup_json_ json_t *list =
		load(t, MAX_LIST, "/var/lib/containers/storage/overlay-containers/containers.json");

	runtimes__take_podman(t, list);
}

/*
 * A pod's configuration stands in podman's database as one JSON text, which no later version of the pod changes:
 * it is found by how it begins. What podman writes meanwhile may move it; NULL then.
 */
static json_t *find_pod_config(const char *db, size_t len, const char *uid)
{
	const char *at = db, *end = db + len;
	char begin[128];
	int n = snprintf(begin, sizeof(begin), "{\"id\":\"%s\",\"name\":\"", uid);

	if (n < 0 || (size_t)n >= sizeof(begin))
		return NULL;
	/* a hostile file may have many beginnings and no end */
	for (int tries = 0; tries < 16; tries++) {
		json_t *j;

		at = memmem(at, (size_t)(end - at), begin, (size_t)n);
		if (!at)
			break;
		j = json_loadb(at, (size_t)(end - at) < MAX_POD ? (size_t)(end - at) : MAX_POD,
			       JSON_DISABLE_EOF_CHECK, NULL);

		if (json_is_object(j))
			return j;
		json_decref(j);
		at += n;
	}
	return NULL;
}

bool runtimes__take_libpod(struct taking *t, const char *db, size_t len)
{
	bool all = true;

	for (size_t i = 0; i < t->s->n_pods; i++) {
		struct discover_pod *pod = &t->s->pods[i];
		_cleanup_json_ json_t *j = NULL;
		json_t *labels;

		if (!pod->podman || pod->labels_known)
			continue;
		j = find_pod_config(db, len, pod->uid);
		labels = json_object_get(j, "labels");
		/* for those who want a namespace in podman's pods, which have none */
		set(t, &pod->ns,
		    json_string_value(json_object_get(labels, "io.kubernetes.pod.namespace")));
		if (labels)
			set_labels(t, pod, labels);
		pod->labels_known |= j != NULL;
		all &= j != NULL;
	}
	return all;
}

/* @bundle is STORAGE/overlay-containers/ID/userdata, or NULL for the place of root's containers. */
static void read_libpod(struct taking *t, const char *bundle)
{
	static const char usual[] = "/var/lib/containers/storage";
	size_t n = bundle ? strlen(bundle) : strlen(usual);
	bool all = false;

	for (int parts = 0; bundle && parts < 3; parts++) {
		while (n && bundle[n - 1] != '/')
			n--;
		n -= n > 0;
	}
	for (int tries = 0; tries < 3 && !all; tries++) {
		_cleanup_free_ char *path = NULL, *db = NULL;
		size_t len;

		if (asprintf(&path, "%s%.*s/libpod/bolt_state.db", t->s->root, (int)n,
			     bundle ? bundle : usual) < 0) {
			path = NULL;
			return;
		}
		if (read__file(AT_FDCWD, path, MAX_LIST, false, &db, &len) < 0)
			return;
		all = runtimes__take_libpod(t, db, len);
	}
}

static bool same_storage(const char *a, const char *b)
{
	const char *end_a = a ? strstr(a, "-containers/") : NULL;
	const char *end_b = b ? strstr(b, "-containers/") : NULL;

	return end_a && end_b && end_a - a == end_b - b && !memcmp(a, b, (size_t)(end_a - a));
}

/* Labels of podman's pods: from the storage of each container, which mostly is the same. */
static void read_pod_labels(struct taking *t, const char *const *bundles)
{
	const char *last = NULL;
	bool any = false;

	for (size_t i = 0; i < t->s->n_pods; i++)
		any |= t->s->pods[i].podman;
	for (size_t k = 0; k < t->s->n_containers && any; k++) {
		uint32_t pod = t->s->containers[k].pod;

		if (pod == DISCOVER_NONE || !t->s->pods[pod].podman ||
		    t->s->pods[pod].labels_known ||
		    (last && same_storage(last, bundles[k])))
			continue;
		read_libpod(t, bundles[k]);
		last = bundles[k];
	}
}

/* NAMESPACE_NAME_UID: no part may hold '_'. */
void runtimes__take_log_folder(struct taking *t, char *folder)
{
	char *rest = folder, *ns = strsep(&rest, "_"), *name = strsep(&rest, "_");
	uint32_t k = rest ? table__get_str(&t->pods, rest) : TABLE_NONE;

	if (k == TABLE_NONE)
		return;
	set(t, &t->s->pods[k].ns, ns);
	set(t, &t->s->pods[k].name, name);
}

static void read_kubelet(struct taking *t)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_closedir_ DIR *d = NULL;

	if (asprintf(&path, "%s/var/log/pods", t->s->root) < 0) {
		path = NULL;
		return;
	}
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		runtimes__take_log_folder(t, e->d_name);
}

const char *runtimes__docker_root(struct taking *t, const json_t *daemon)
{
	const char *root = json_string_value(json_object_get(daemon, "data-root"));

	return root && *root == '/' ? taking__intern(t, root) : NULL;
}

static const char *docker_root(struct taking *t)
{
	_cleanup_json_ json_t *j = load(t, MAX_CONFIG, "/etc/docker/daemon.json");
	const char *root = runtimes__docker_root(t, j);

	return root ? root : "/var/lib/docker";
}

static void describe(struct taking *t, uint32_t k, const char *bundle, const char *docker)
{
	static const char *const bundles[] = {"/run/containers/storage/overlay-containers",
					      "/var/lib/containers/storage/overlay-containers"};
	struct discover_container *c = &t->s->containers[k];

	if (bundle && read_bundle(t, c, bundle))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		_cleanup_free_ char *path = NULL;

		if (c->runtime == RUNTIME_DOCKER || c->runtime == RUNTIME_CONTAINERD)
			break;
		if (asprintf(&path, "%s/%s/userdata", bundles[i], c->id) < 0) {
			path = NULL;
			return;
		}
		if (read_bundle(t, c, path))
			return;
	}
	if (c->runtime == RUNTIME_DOCKER || c->runtime == RUNTIME_UNKNOWN)
		if (read_docker(t, c, docker))
			return;
	if (c->runtime == RUNTIME_CONTAINERD || c->runtime == RUNTIME_UNKNOWN)
		read_containerd(t, c);
}

/* A container's pod is also that of the cgroups that only the container tells about. */
static void spread_pods(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_cgroups; i++) {
		struct discover_cgroup *c = &s->cgroups[i];

		if (c->pod == DISCOVER_NONE && c->container != DISCOVER_NONE)
			c->pod = s->containers[c->container].pod;
	}
}

int runtimes__describe(struct taking *t)
{
	_cleanup_free_ const char **bundles = NULL;
	const char *docker;

	read_kubelet(t);
	if (!t->s->n_containers)
		return 0;
	bundles = calloc(t->s->n_containers, sizeof(*bundles));
	if (!bundles)
		return -ENOMEM;
	read_conmons(t, bundles);
	read_podman_list(t);
	docker = docker_root(t);
	for (uint32_t k = 0; k < t->s->n_containers; k++)
		describe(t, k, bundles[k], docker);
	read_pod_labels(t, bundles);
	/* Names of pods that only annotations told of. */
	read_kubelet(t);
	spread_pods(t->s);
	return 0;
}
