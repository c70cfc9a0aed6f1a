// SPDX-License-Identifier: GPL-2.0-only
#include "run/members.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/nearest.h"
#include "run/exempt.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>

/* What a file comes to, before it takes the place of what was. */
struct reading {
	struct members *m;
	char where[64]; /* path in the file, of what is read now */
	struct member_pod *pods;
	size_t n_pods;
	struct chaos_addr *exempt;
	size_t n_exempt;
	struct error *err;
};

static void free_pods(struct member_pod *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].ips);
	free(v);
}

static void reading__reset(struct reading *r)
{
	free_pods(r->pods, r->n_pods);
	free(r->exempt);
}

static int wrong(const struct reading *r, const char *field, const char *expected)
{
	return err__set(r->err, -EINVAL, "%s: %s%s%s%sexpected %s", r->m->path, r->where,
			*r->where && *field ? "." : "", field, *r->where || *field ? ": " : "",
			expected);
}

/* The label of that name, made if it is a new one. */
static const char *label(struct members *m, const char *name)
{
	char **v;
	uint32_t id;

	if (intern__put(&m->label_ids, name, strlen(name), &id))
		return NULL;
	if (id < m->n_labels)
		return m->labels[id];
	v = realloc(m->labels, (m->n_labels + 1) * sizeof(*v));
	if (!v)
		return NULL;
	m->labels = v;
	v[m->n_labels] = strdup(name);
	return v[m->n_labels] ? v[m->n_labels++] : NULL;
}

static int read_addresses(const struct reading *r, const json_t *a, const char *field,
			  struct chaos_addr **ret, size_t *ret_n)
{
	_cleanup_free_ struct chaos_addr *v = calloc(json_array_size(a) + 1, sizeof(*v));
	const json_t *s;
	size_t i;

	if (!v)
		return err__set(r->err, -ENOMEM, "out of memory");
	if (a && !json_is_array(a))
		return wrong(r, field, "a list of addresses");
	json_array_foreach(a, i, s) {
		char words[128];

		if (json_is_string(s) && !addr__parse(json_string_value(s), &v[i]))
			continue;
		snprintf(words, sizeof(words), "an address, not `%.64s`",
			 json_is_string(s) ? json_string_value(s) : "that");
		return wrong(r, field, words);
	}
	*ret = TAKE_PTR(v);
	*ret_n = json_array_size(a);
	return 0;
}

static int read_pod(struct reading *r, const json_t *o, size_t endpoint, size_t selector)
{
	struct member_pod p = {.endpoint = endpoint,
			       .selector = selector,
			       .ns = json_string_value(json_object_get(o, "namespace")),
			       .name = json_string_value(json_object_get(o, "name")),
			       .uid = json_string_value(json_object_get(o, "uid"))};
	const char *place = json_string_value(json_object_get(o, "place"));
	const json_t *here = json_object_get(o, "here");
	struct member_pod *v;
	int rc;

	if (!place || !*place || strlen(place) > MEMBERS_PLACE_MAX)
		return wrong(r, "place", "a name");
	if (!p.uid || !*p.uid)
		return wrong(r, "uid", "the pod's UID");
	if (!p.ns || !p.name)
		return wrong(r, p.ns ? "name" : "namespace", "a string");
	if (!json_is_boolean(here))
		return wrong(r, "here", "true or false");
	p.here = json_is_true(here);
	p.place = label(r->m, place);
	if (!p.place)
		return err__set(r->err, -ENOMEM, "out of memory");
	rc = read_addresses(r, json_object_get(o, "ips"), "ips", &p.ips, &p.n_ips);
	v = rc ? NULL : realloc(r->pods, (r->n_pods + 1) * sizeof(*v));
	if (!v) {
		free(p.ips);
		return rc ? rc : err__set(r->err, -ENOMEM, "out of memory");
	}
	r->pods = v;
	v[r->n_pods++] = p;
	return 0;
}

static int find_endpoint(const struct reading *r, const char *name, size_t *ret)
{
	const struct experiment *e = r->m->e;
	_cleanup_free_ const char **names = calloc(e->n_endpoints + 1, sizeof(*names));
	const char *near;
	char words[256];

	if (!names)
		return err__set(r->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < e->n_endpoints; i++) {
		names[i] = e->endpoints[i].name;
		if (strcmp(names[i], name) != 0)
			continue;
		*ret = i;
		return 0;
	}
	near = nearest__word(name, names, e->n_endpoints);
	snprintf(words, sizeof(words), "an endpoint of the experiment, not `%.64s`%s%.64s%s", name,
		 near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
	return wrong(r, "endpoint", words);
}

static int read_endpoint(struct reading *r, const json_t *o, size_t at)
{
	const char *name = json_string_value(json_object_get(o, "endpoint"));
	const json_t *n = json_object_get(o, "selector"), *pods = json_object_get(o, "pods"), *pod;
	const struct endpoint *ep;
	size_t endpoint = 0, i;
	int rc;

	snprintf(r->where, sizeof(r->where), "endpoints[%zu]", at);
	if (!name)
		return wrong(r, "endpoint", "a name");
	rc = find_endpoint(r, name, &endpoint);
	if (rc)
		return rc;
	ep = &r->m->e->endpoints[endpoint];
	if (!json_is_integer(n) || json_integer_value(n) < 0 ||
	    (size_t)json_integer_value(n) >= ep->n_selectors)
		return wrong(r, "selector", "the number of one of its selectors, from 0 on");
	if (ep->selectors[json_integer_value(n)].kind != SELECTOR_PODS)
		return wrong(r, "selector", "the number of a `pods:` selector");
	if (!json_is_array(pods))
		return wrong(r, "pods", "a list");
	json_array_foreach(pods, i, pod) {
		snprintf(r->where, sizeof(r->where), "endpoints[%zu].pods[%zu]", at, i);
		rc = read_pod(r, pod, endpoint, (size_t)json_integer_value(n));
		if (rc)
			return rc;
	}
	return 0;
}

static int by_selector(const void *a, const void *b)
{
	const struct member_pod *x = a, *y = b;

	if (x->endpoint != y->endpoint)
		return x->endpoint < y->endpoint ? -1 : 1;
	if (x->selector != y->selector)
		return x->selector < y->selector ? -1 : 1;
	return strcmp(x->place, y->place) ?: strcmp(x->uid, y->uid);
}

static int read_root(struct reading *r, const json_t *root)
{
	const json_t *endpoints = json_object_get(root, "endpoints"), *o;
	size_t i;
	int rc = 0;

	if (!json_is_object(root))
		return wrong(r, "", "an object");
	if (!json_is_array(endpoints))
		return wrong(r, "endpoints", "a list");
	json_array_foreach(endpoints, i, o) {
		rc = read_endpoint(r, o, i);
		if (rc)
			return rc;
	}
	r->where[0] = 0;
	rc = read_addresses(r, json_object_get(root, "exempt"), "exempt", &r->exempt, &r->n_exempt);
	if (!rc && r->n_pods)
		qsort(r->pods, r->n_pods, sizeof(*r->pods), by_selector);
	return rc;
}

/* @root is taken over if it is right. */
static int take(struct members *m, json_t *root, struct error *err)
{
	_cleanup_(reading__reset) struct reading r = {.m = m, .err = err};
	int rc = read_root(&r, root);

	if (rc)
		return rc;
	free_pods(m->pods, m->n_pods);
	free(m->exempt);
	json_decref(m->root);
	m->root = json_incref(root);
	m->pods = TAKE_PTR(r.pods);
	m->n_pods = r.n_pods;
	m->exempt = TAKE_PTR(r.exempt);
	m->n_exempt = r.n_exempt;
	m->generation++;
	r.n_pods = 0;
	return 0;
}

static int load(struct members *m, struct error *err)
{
	_cleanup_close_ int fd = open(m->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	json_error_t je;
	json_t *root;
	int r;

	if (fd < 0 || fstat(fd, &m->read) < 0)
		return err__set(err, -errno, "cannot read `%s`: %s", m->path, strerror(errno));
	if (!S_ISREG(m->read.st_mode) || m->read.st_size > MEMBERS_FILE_MAX)
		return err__set(err, -EINVAL, "%s: expected a file of at most %d MiB", m->path,
				MEMBERS_FILE_MAX >> 20);
	root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &je);
	if (!root)
		return err__set(err, -EINVAL, "%s:%d:%d: %s", m->path, je.line, je.column, je.text);
	r = take(m, root, err);
	json_decref(root);
	return r;
}

/* The folder is watched: the file is another one after each change. */
static int watch(const struct members *m)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char dir[PATH_MAX];

	if (fd < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%.*s", (int)(m->name - m->path), m->path);
	if (inotify_add_watch(fd, *dir ? dir : ".", IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return safe_close(fd);
	return fd;
}

int members__open(const char *path, const struct experiment *e, struct members **ret,
		  struct error *err)
{
	struct members *m = calloc(1, sizeof(*m));
	char *slash;
	int r;

	if (m)
		*m = (struct members){.e = e, .path = strdup(path), .inotify = -1};
	if (!m || !m->path) {
		members__close(m);
		return err__set(err, -ENOMEM, "out of memory");
	}
	slash = strrchr(m->path, '/');
	m->name = slash ? slash + 1 : m->path;
	/* Watched first: what changes while it is read is read again. */
	m->inotify = watch(m);
	r = load(m, err);
	if (r) {
		members__close(m);
		return r;
	}
	*ret = m;
	return 0;
}

void members__close(struct members *m)
{
	if (!m)
		return;
	safe_close(m->inotify);
	free_pods(m->pods, m->n_pods);
	free(m->exempt);
	json_decref(m->root);
	for (size_t i = 0; i < m->n_labels; i++)
		free(m->labels[i]);
	free(m->labels);
	intern__reset(&m->label_ids);
	free(m->path);
	free(m);
}

int members__fd(const struct members *m)
{
	return m->inotify;
}

bool members__drain(struct members *m)
{
	union {
		struct inotify_event e;
		char room[4096];
	} buf;
	bool any = false;
	ssize_t n;

	while ((n = read(m->inotify, &buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buf.room + at);

			any |= (e->mask & IN_Q_OVERFLOW) || (e->len && !strcmp(e->name, m->name));
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	return any;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       timespec_ns(&a->st_mtim) == timespec_ns(&b->st_mtim);
}

int members__reload(struct members *m, struct error *err)
{
	struct stat st;
	int r;

	/* Gone for now: who puts it back tells. */
	if (stat(m->path, &st) < 0 || is_same(&st, &m->read))
		return 0;
	r = load(m, err);
	return r ? r : 1;
}

const struct member_pod *members__of(const struct members *m, size_t endpoint, size_t selector,
				     size_t *ret_n)
{
	const struct member_pod key = {
		.endpoint = endpoint, .selector = selector, .place = "", .uid = ""};
	size_t lo = 0, hi = m->n_pods, n = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_selector(&m->pods[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + n < m->n_pods && m->pods[lo + n].endpoint == endpoint &&
	       m->pods[lo + n].selector == selector)
		n++;
	*ret_n = n;
	return m->pods + lo;
}
