// SPDX-License-Identifier: GPL-2.0-only
/* pods_read.c: from the JSON of the API server; what is not of the shape that it must have is refused whole. */
#include "agent/pods_internal.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>

/* Far above what Kubernetes lets through: names of 253 bytes, UIDs of 36, annotations of 256 KiB in all. */
enum { NAME_MAX_LEN = 512, UID_MAX_LEN = 128, IPS_MAX = 16, PAIRS_MAX = 16384 };

/* Of @parent, NULL where it is missing or null; *@bad where it is of another type. */
static const json_t *get(const json_t *parent, const char *key, json_type type, bool *bad)
{
	const json_t *v = json_object_get(parent, key);

	if (!v || json_is_null(v))
		return NULL;
	if (json_typeof(v) == type)
		return v;
	*bad = true;
	return NULL;
}

static const char *get_text(const json_t *parent, const char *key, size_t max, bool *bad)
{
	const char *s = json_string_value(get(parent, key, JSON_STRING, bad));

	*bad |= s && strlen(s) > max;
	return s;
}

static bool is_true(const json_t *parent, const char *key, bool *bad)
{
	const json_t *v = json_object_get(parent, key);

	*bad |= v && !json_is_boolean(v) && !json_is_null(v);
	return json_is_true(v);
}

/* What is read of a pod before its size is known. */
struct parts {
	const json_t *labels, *annotations;
	const char *ns, *name, *uid, *node;
	struct pod_ip ips[IPS_MAX];
	size_t n_ips;
	uint8_t phase;
	bool host_network, deleting;
};

static bool read_ip(const char *s, struct pod_ip *ret)
{
	struct pod_ip ip = {.family = strchr(s, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(ip.family, s, ip.addr) != 1)
		return false;
	*ret = ip;
	return true;
}

static void read_ips(const json_t *status, struct parts *ret, bool *bad)
{
	const json_t *list = get(status, "podIPs", JSON_ARRAY, bad), *item;
	const char *one = get_text(status, "podIP", 64, bad);
	size_t i;

	*bad |= list && json_array_size(list) > IPS_MAX;
	json_array_foreach(list, i, item) {
		const char *ip = get_text(item, "ip", 64, bad);

		if (!*bad && ip && *ip)
			*bad |= !read_ip(ip, &ret->ips[ret->n_ips++]);
	}
	if (!*bad && !ret->n_ips && one && *one)
		*bad |= !read_ip(one, &ret->ips[ret->n_ips++]);
}

static void read_phase(const json_t *status, struct parts *ret, bool *bad)
{
	const char *phase = get_text(status, "phase", 32, bad);

	ret->phase = phase && *phase ? POD_UNKNOWN : POD_PENDING;
	for (size_t i = 0; phase && i < ARRAY_SIZE(target_phases); i++)
		if (!strcmp(phase, target_phases[i]))
			ret->phase = (uint8_t)i;
}

/* Texts by key; NULL is none. */
static const json_t *get_pairs(const json_t *meta, const char *key, bool *bad)
{
	json_t *pairs = json_object_get(meta, key), *value;
	const char *k;

	if (!get(meta, key, JSON_OBJECT, bad))
		return NULL;
	*bad |= json_object_size(pairs) > PAIRS_MAX;
	json_object_foreach(pairs, k, value)
		*bad |= !*k || !json_is_string(value);
	return pairs;
}

static int read_parts(const json_t *json, struct parts *ret)
{
	bool bad = !json_is_object(json);
	const json_t *meta = get(json, "metadata", JSON_OBJECT, &bad);
	const json_t *spec = get(json, "spec", JSON_OBJECT, &bad);
	const json_t *status = get(json, "status", JSON_OBJECT, &bad);

	*ret = (struct parts){
		.labels = get_pairs(meta, "labels", &bad),
		.annotations = get_pairs(meta, "annotations", &bad),
		.ns = get_text(meta, "namespace", NAME_MAX_LEN, &bad),
		.name = get_text(meta, "name", NAME_MAX_LEN, &bad),
		.uid = get_text(meta, "uid", UID_MAX_LEN, &bad),
		.node = get_text(spec, "nodeName", NAME_MAX_LEN, &bad),
		.host_network = is_true(spec, "hostNetwork", &bad),
		.deleting = get_text(meta, "deletionTimestamp", 64, &bad) != NULL,
	};
	read_ips(status, ret, &bad);
	read_phase(status, ret, &bad);
	if (bad || !ret->ns || !*ret->ns || !ret->name || !*ret->name || !ret->uid || !*ret->uid)
		return -EINVAL;
	return 0;
}

/* "key=value", which the caller frees. */
static char *pair(const char *key, const json_t *value, size_t *ret_len)
{
	char *s;
	int n = asprintf(&s, "%s=%s", key, json_string_value(value));

	*ret_len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? NULL : s;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Numbers of the labels of @pairs, which may be NULL, to @ret, sorted. On failure none is taken. */
static int take_labels(struct texts *t, const json_t *pairs, uint32_t *ret)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)pairs, key, value) {
		size_t len;
		_cleanup_free_ char *s = pair(key, value, &len);

		ret[n] = s ? texts__take(t, s, len) : TEXTS_NONE;
		if (ret[n] == TEXTS_NONE) {
			while (n--)
				texts__drop(t, ret[n]);
			return -ENOMEM;
		}
		n++;
	}
	qsort(ret, n, sizeof(*ret), by_number);
	return 0;
}

static int hash_annotations(const json_t *pairs, uint64_t *ret)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)pairs, key, value) {
		size_t len;
		_cleanup_free_ char *s = pair(key, value, &len);

		if (!s)
			return -ENOMEM;
		ret[n++] = texts__hash(s, len, 0);
	}
	qsort(ret, n, sizeof(*ret), by_hash);
	return 0;
}

static size_t count(const json_t *pairs)
{
	return pairs ? json_object_size(pairs) : 0;
}

static struct pod *new_pod(const struct parts *x)
{
	const size_t name = strlen(x->name) + 1, uid = strlen(x->uid) + 1;
	const size_t size = sizeof(struct pod) + count(x->annotations) * sizeof(uint64_t) +
			    count(x->labels) * sizeof(uint32_t) + x->n_ips * sizeof(*x->ips) +
			    name + uid;
	struct pod *pod = calloc(1, size);

	if (!pod)
		return NULL;
	pod->size = (uint32_t)size;
	pod->n_labels = (uint16_t)count(x->labels);
	pod->n_annotations = (uint16_t)count(x->annotations);
	pod->name_len = (uint16_t)(name - 1);
	pod->n_ips = (uint8_t)x->n_ips;
	pod->phase = x->phase;
	pod->host_network = x->host_network;
	pod->deleting = x->deleting;
	memcpy((void *)pod__ips(pod), x->ips, x->n_ips * sizeof(*x->ips));
	memcpy((void *)pod__name(pod), x->name, name);
	memcpy((void *)pod__uid(pod), x->uid, uid);
	return pod;
}

int pod__read(struct pods *p, const json_t *json, struct pod **ret)
{
	_cleanup_free_ struct pod *pod = NULL;
	struct parts x;
	int r = read_parts(json, &x);

	if (r)
		return r;
	pod = new_pod(&x);
	if (!pod || hash_annotations(x.annotations, pod->annotations))
		return -ENOMEM;
	pod->ns = texts__take(&p->namespaces, x.ns, strlen(x.ns));
	/* no node yet is TEXTS_NONE, too */
	pod->node = x.node && *x.node ? texts__take(&p->nodes_named, x.node, strlen(x.node))
				      : TEXTS_NONE;
	if (pod->ns == TEXTS_NONE || (x.node && *x.node && pod->node == TEXTS_NONE))
		r = -ENOMEM;
	if (!r)
		r = take_labels(&p->labels, x.labels, (uint32_t *)pod__labels(pod));
	if (r) {
		texts__drop(&p->namespaces, pod->ns);
		texts__drop(&p->nodes_named, pod->node);
		return r;
	}
	*ret = TAKE_PTR(pod);
	return 0;
}

int node__read(struct pods *p, const json_t *json, struct node **ret)
{
	bool bad = !json_is_object(json);
	const json_t *meta = get(json, "metadata", JSON_OBJECT, &bad);
	const json_t *labels = get_pairs(meta, "labels", &bad);
	const char *name = get_text(meta, "name", NAME_MAX_LEN, &bad);
	_cleanup_free_ struct node *node = NULL;

	if (bad || !name || !*name)
		return -EINVAL;
	node = calloc(1, node__size(count(labels)));
	if (!node)
		return -ENOMEM;
	node->n_labels = (uint32_t)count(labels);
	node->name = texts__take(&p->nodes_named, name, strlen(name));
	if (node->name == TEXTS_NONE || take_labels(&p->labels, labels, node->labels)) {
		texts__drop(&p->nodes_named, node->name);
		return -ENOMEM;
	}
	*ret = TAKE_PTR(node);
	return 0;
}
