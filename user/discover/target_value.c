// SPDX-License-Identifier: GPL-2.0-only
/* target_value.c: what a selector's values may be. */
#include "discover/target.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* linux/threads.h: PID_MAX_LIMIT of 64-bit kernels; no pid reaches it. */
#define PID_LIMIT (4 * 1024 * 1024)
/* TASK_COMM_LEN without the NUL. */
#define COMM_MAX 15
/* What a snapshot keeps of a process's arguments. */
#define ARGS_MAX (16 * 1024)
/* UNIT_NAME_MAX of systemd, with the NUL. */
#define UNIT_MAX 256
/* A DNS subdomain, which names of Kubernetes are; podman and Docker have no limit that anyone meets. */
#define NAME_MAX_LEN 253

/* --- text --------------------------------------------------------------------------------------- */

/* Bytes of @s that a message shows, cut at a whole character. */
#define SHOWN_MAX 48

static int shown(const char *s)
{
	size_t n = strlen(s);

	if (n > SHOWN_MAX)
		for (n = SHOWN_MAX; n && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	return (int)n;
}

static int no_such(const char *value, const char *what, const char *expected, struct error *err)
{
	return err__set(err, -EINVAL, "`%.*s` is no %s; expected %s", shown(value), value, what,
			expected);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return true;
	return false;
}

static bool is_number(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

/* --- processes ---------------------------------------------------------------------------------- */

static int check_comm(const char *s, struct error *err)
{
	int n = COMM_MAX;

	if (!*s)
		return no_such(s, "name of a process", "one as etcd", err);
	if (strlen(s) <= COMM_MAX)
		return 0;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return err__set(err, -EINVAL,
			"`%.*s` is longer than the %d bytes that the kernel keeps of a name; "
			"expected `%.*s`, or the program by exe",
			shown(s), s, COMM_MAX, n, s);
}

/* @s has a component that is `.`, `..` or, but at the end, nothing. */
static bool has_odd_component(const char *s)
{
	for (const char *p = s; *p;) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/");
		if ((!n && *p) || (n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)))
			return true;
		p += n;
	}
	return false;
}

static int check_exe(const char *s, struct error *err)
{
	size_t len = strlen(s);

	if (!len || len >= PATH_MAX || s[len - 1] == '/' || (*s != '/' && strchr(s, '/')) ||
	    has_odd_component(s))
		return no_such(s, "program", "an absolute path, or a name without `/`", err);
	return 0;
}

static int check_args(const char *s, struct error *err)
{
	if (!*s || strlen(s) > ARGS_MAX)
		return err__set(err, -EINVAL,
				"%s glob; expected one over the arguments, as *--name n1*",
				*s ? "too long a" : "an empty");
	return 0;
}

static int check_user(const char *s, struct error *err)
{
	bool ok = *s && *s != '-' && strlen(s) <= NAME_MAX_LEN && !has_control(s) &&
		  !strpbrk(s, ":/ ");
	uint64_t uid;

	/* 2^32-1 stands for no user at all */
	if (ok && strspn(s, "0123456789") == strlen(s))
		ok = is_number(s, UINT32_MAX - 1, &uid);
	return ok ? 0 : no_such(s, "user", "a name or a number, as postgres or 106", err);
}

/* --- cgroups, units, containers, pods ----------------------------------------------------------- */

static int check_cgroup(const char *s, struct error *err)
{
	if (*s && *s != '/')
		return err__set(err, -EINVAL,
				"`%.*s` is a relative path; expected `/%.*s`, from the root of the "
				"cgroup tree",
				shown(s), s, shown(s), s);
	if (!*s || strlen(s) >= PATH_MAX || has_odd_component(s) || has_control(s))
		return no_such(s, "cgroup", "a path as /system.slice/nginx.service", err);
	return 0;
}

static int check_unit(const char *s, struct error *err)
{
	if (strpbrk(s, "[]{}"))
		return no_such(s, "glob of ours", "`*` for any letters and `?` for one", err);
	if (!*s || strlen(s) >= UNIT_MAX || strchr(s, '/') || has_control(s))
		return no_such(s, "unit", "a name or a glob, as nginx.service or web-*", err);
	return 0;
}

static bool is_object_name(const char *s)
{
	return *s && strlen(s) <= NAME_MAX_LEN && !strchr(s, '/') && !has_control(s) &&
	       !isspace((unsigned char)*s);
}

static int check_container(const char *s, struct error *err)
{
	return is_object_name(s) ? 0
				 : no_such(s, "container", "a name or the beginning of an id", err);
}

static int check_container_id(const char *s, struct error *err)
{
	size_t len = strlen(s);

	if (len && len <= 64 && strspn(s, "0123456789abcdef") == len)
		return 0;
	return no_such(s, "id of a container", "1 to 64 of 0-9 and a-f", err);
}

static int check_pod(const char *s, struct error *err)
{
	return is_object_name(s) ? 0 : no_such(s, "pod", "its name, as web-0", err);
}

static int check_namespace(const char *s, struct error *err)
{
	return is_object_name(s) ? 0 : no_such(s, "namespace of pods", "its name, as shop", err);
}

static int check_node(const char *s, struct error *err)
{
	return is_object_name(s) ? 0 : no_such(s, "node", "its name", err);
}

/* One more of @n at @labels, in order; a key has one value, of at most @max bytes with it. */
static int add_pair(char ***labels, size_t *n, const char *s, const char *what, size_t max,
		    struct error *err)
{
	const char *eq = strchr(s, '=');
	_cleanup_free_ char *copy = NULL;
	size_t key = eq ? (size_t)(eq - s) : 0, at = 0;
	char **v;

	if (!key || strlen(s) > max || has_control(s) || strcspn(s, " ") < key)
		return no_such(s, what, "KEY=VALUE", err);
	for (size_t i = 0; i < *n; i++) {
		if (!strncmp((*labels)[i], s, key + 1))
			return err__set(err, -EINVAL,
					"%s `%.*s` has two values; expected one, since all "
					"must hold",
					what, (int)key, s);
	}
	copy = strdup(s);
	v = realloc(*labels, (*n + 1) * sizeof(*v));
	if (v)
		*labels = v;
	if (!v || !copy)
		return err__set(err, -ENOMEM, "out of memory");
	while (at < *n && strcmp(v[at], s) < 0)
		at++;
	memmove(&v[at + 1], &v[at], (*n - at) * sizeof(*v));
	v[at] = TAKE_PTR(copy);
	(*n)++;
	return 0;
}

#define LABEL_MAX (4 * NAME_MAX_LEN)

static int add_label(struct target_selector *t, const char *s, struct error *err)
{
	return add_pair(&t->labels, &t->n_labels, s, "label", LABEL_MAX, err);
}

static int add_node_label(struct target_selector *t, const char *s, struct error *err)
{
	return add_pair(&t->node_labels, &t->n_node_labels, s, "label", LABEL_MAX, err);
}

/* TotalAnnotationSizeLimitB of Kubernetes. */
static int add_annotation(struct target_selector *t, const char *s, struct error *err)
{
	return add_pair(&t->annotations, &t->n_annotations, s, "annotation", 256 * 1024, err);
}

static int check_pod_path(const char *s, struct error *err)
{
	const char *slash = strchr(s, '/');
	_cleanup_free_ char *ns = slash ? strndup(s, (size_t)(slash - s)) : NULL;

	if (slash && !ns)
		return err__set(err, -ENOMEM, "out of memory");
	if (ns && is_object_name(ns) && is_object_name(slash + 1))
		return 0;
	return no_such(s, "pod", "NAMESPACE/NAME, as shop/web-0", err);
}

/* One more of @v, sorted; one that is there already is there once. */
static int add_text(char ***v, size_t *n, const char *s, struct error *err)
{
	char **grown = realloc(*v, (*n + 1) * sizeof(*grown)), *copy = strdup(s);
	size_t at = 0;

	if (grown)
		*v = grown;
	if (!grown || !copy) {
		free(copy);
		return err__set(err, -ENOMEM, "out of memory");
	}
	while (at < *n && strcmp(grown[at], s) < 0)
		at++;
	if (at < *n && !strcmp(grown[at], s)) {
		free(copy);
		return 0;
	}
	memmove(&grown[at + 1], &grown[at], (*n - at) * sizeof(*grown));
	grown[at] = copy;
	(*n)++;
	return 0;
}

static int add_namespace(struct target_selector *t, const char *s, struct error *err)
{
	return check_namespace(s, err) ?: add_text(&t->namespaces, &t->n_namespaces, s, err);
}

static int add_pod(struct target_selector *t, const char *s, struct error *err)
{
	return check_pod_path(s, err) ?: add_text(&t->pods, &t->n_pods, s, err);
}

static int add_node(struct target_selector *t, const char *s, struct error *err)
{
	return check_node(s, err) ?: add_text(&t->nodes, &t->n_nodes, s, err);
}

static int check_phase(const char *s, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(target_phases); i++)
		if (!strcmp(s, target_phases[i]))
			return 0;
	return no_such(s, "phase of a pod", "Pending, Running, Succeeded, Failed or Unknown", err);
}

static int add_phase(struct target_selector *t, const char *s, struct error *err)
{
	return check_phase(s, err) ?: add_text(&t->phases, &t->n_phases, s, err);
}

static int check_ip(const char *s, struct error *err)
{
	uint8_t addr[16];

	if (inet_pton(AF_INET, s, addr) == 1 || inet_pton(AF_INET6, s, addr) == 1)
		return 0;
	return no_such(s, "address of a pod", "one as 10.1.0.7", err);
}

static int add_field(struct target_selector *t, const char *s, struct error *err)
{
	static int (*const checks[])(const char *s, struct error *err) = {
		[FIELD_NAME] = check_pod,  [FIELD_NAMESPACE] = check_namespace,
		[FIELD_NODE] = check_node, [FIELD_PHASE] = check_phase,
		[FIELD_IP] = check_ip,
	};
	size_t key = strcspn(s, "=");

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (s[key] && strlen(target_fields[i]) == key && !strncmp(s, target_fields[i], key))
			return checks[i](s + key + 1, err)
				       ?: add_pair(&t->fields, &t->n_fields, s, "field", LABEL_MAX,
						   err);
	return no_such(s, "field of pods that is known here",
		       "metadata.name, metadata.namespace, spec.nodeName, status.phase or "
		       "status.podIP",
		       err);
}

int target_selector__add_expression(struct target_selector *t, const char *key,
				    enum target_operator op, const char *const *values,
				    size_t n_values, struct error *err)
{
	struct target_expression x = {.op = op}, *v;
	bool listed = op == OPERATOR_IN || op == OPERATOR_NOT_IN;
	int r = 0;

	if (!*key || strlen(key) > 2 * NAME_MAX_LEN || has_control(key) || strpbrk(key, " ="))
		return no_such(key, "key of a label", "one as app or app.kubernetes.io/name", err);
	if (listed != (n_values > 0))
		return err__set(err, -EINVAL,
				listed ? "%s needs values; expected some, as [web, db]"
				       : "%s takes no values; expected none, or In or NotIn",
				target_operators[op]);
	v = realloc(t->expressions, (t->n_expressions + 1) * sizeof(*v));
	if (v)
		t->expressions = v;
	x.key = strdup(key);
	if (!v || !x.key)
		r = -ENOMEM;
	for (size_t i = 0; i < n_values && !r; i++)
		r = add_text(&x.values, &x.n_values, values[i], err);
	if (!r) {
		v[t->n_expressions++] = x;
		return 0;
	}
	for (size_t i = 0; i < x.n_values; i++)
		free(x.values[i]);
	free(x.values);
	free(x.key);
	return err__set(err, r, "out of memory");
}

/* --- networks ----------------------------------------------------------------------------------- */

static int check_netns(const char *s, struct error *err)
{
	if (!*s || strlen(s) >= PATH_MAX || (*s != '/' && strchr(s, '/')) || !strcmp(s, ".") ||
	    !strcmp(s, "..") || has_control(s))
		return no_such(s, "network namespace", "a name, a path or a pid", err);
	return 0;
}

/* dev_valid_name() of the kernel, and no control characters. */
static int check_device(const char *s, struct error *err)
{
	bool ok = *s && strlen(s) < IFNAMSIZ && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;

	for (const char *p = s; ok && *p; p++)
		ok = *p != '/' && *p != ':' && !isspace((unsigned char)*p) &&
		     !iscntrl((unsigned char)*p);
	return ok ? 0 : no_such(s, "interface", "one as eth0, at most 15 letters", err);
}

/* Clear the bits of @addr (@size bytes) past the first @len; true if any was set. */
static bool mask_host_bits(uint8_t *addr, size_t size, unsigned int len)
{
	bool any = false;

	for (size_t i = 0; i < size; i++) {
		unsigned int keep = len > i * 8 ? len - (unsigned int)i * 8 : 0;
		uint8_t mask = keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);

		any |= (addr[i] & ~mask) != 0;
		addr[i] &= mask;
	}
	return any;
}

/* An address alone is its own network. */
static int set_cidr(struct target_selector *t, const char *s, struct error *err)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	uint8_t addr[16] = {0};
	unsigned int bits;
	uint64_t len;
	int family;

	if (n >= sizeof(text))
		return no_such(s, "network", "one as 10.0.0.0/8 or fd00::/8", err);
	memcpy(text, s, n);
	text[n] = '\0';
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	bits = family == AF_INET6 ? 128 : 32;
	if (inet_pton(family, text, addr) != 1)
		return no_such(s, "network", "one as 10.0.0.0/8 or fd00::/8", err);
	len = bits;
	if (slash && !is_number(slash + 1, bits, &len))
		return err__set(err, -EINVAL, "`%.*s` has no prefix length; expected /0 to /%u",
				shown(s), s, bits);
	if (mask_host_bits(addr, bits / 8, (unsigned int)len))
		return err__set(err, -EINVAL,
				"`%.*s` has bits set past its prefix; the network is `%s/%u`",
				shown(s), s, inet_ntop(family, addr, text, sizeof(text)),
				(unsigned int)len);
	t->family = (uint8_t)family;
	t->prefixlen = (uint8_t)len;
	memcpy(t->addr, addr, sizeof(addr));
	return 0;
}

/* --- keys --------------------------------------------------------------------------------------- */

static int set_pid(struct target_selector *t, const char *s, struct error *err)
{
	uint64_t pid;

	if (!is_number(s, PID_LIMIT - 1, &pid) || !pid)
		return no_such(s, "process id", "a number from 1 to 4194303", err);
	t->pid = (pid_t)pid;
	return 0;
}

#define TEXT(check, field)                                           \
	{                                                            \
		check, NULL, offsetof(struct target_selector, field) \
	}

/* A key is text that is checked and kept, or has a setter of its own. */
static const struct {
	int (*check)(const char *s, struct error *err);
	int (*set)(struct target_selector *t, const char *s, struct error *err);
	size_t offset;
} keys[N_TARGET_KEYS] = {
	[TARGET_KEY_PID] = {NULL, set_pid, 0},
	[TARGET_KEY_COMM] = TEXT(check_comm, comm),
	[TARGET_KEY_EXE] = TEXT(check_exe, exe),
	[TARGET_KEY_ARGS] = TEXT(check_args, args),
	[TARGET_KEY_USER] = TEXT(check_user, user),
	[TARGET_KEY_CGROUP] = TEXT(check_cgroup, name),
	[TARGET_KEY_UNIT] = TEXT(check_unit, name),
	[TARGET_KEY_CONTAINER] = TEXT(check_container, name),
	[TARGET_KEY_CONTAINER_ID] = TEXT(check_container_id, name),
	[TARGET_KEY_CONTAINER_POD] = TEXT(check_pod, pod),
	[TARGET_KEY_POD] = TEXT(check_pod, name),
	[TARGET_KEY_POD_NAMESPACE] = TEXT(check_namespace, pod_namespace),
	[TARGET_KEY_POD_NODE] = TEXT(check_node, node),
	[TARGET_KEY_POD_LABEL] = {NULL, add_label, 0},
	[TARGET_KEY_POD_NAMESPACES] = {NULL, add_namespace, 0},
	[TARGET_KEY_PODS] = {NULL, add_pod, 0},
	[TARGET_KEY_POD_DEVICE] = TEXT(check_device, device),
	[TARGET_KEY_POD_ANNOTATION] = {NULL, add_annotation, 0},
	[TARGET_KEY_POD_NODES] = {NULL, add_node, 0},
	[TARGET_KEY_POD_NODE_LABEL] = {NULL, add_node_label, 0},
	[TARGET_KEY_POD_PHASE] = {NULL, add_phase, 0},
	[TARGET_KEY_POD_FIELD] = {NULL, add_field, 0},
	[TARGET_KEY_NETNS] = TEXT(check_netns, name),
	[TARGET_KEY_CIDR] = {NULL, set_cidr, 0},
	[TARGET_KEY_DEVICE] = TEXT(check_device, name),
	[TARGET_KEY_DEVICE_NETNS] = TEXT(check_netns, netns),
};

int target_selector__set(struct target_selector *t, enum target_key key, const char *value,
			 struct error *err)
{
	char **field = (char **)((char *)t + keys[key].offset), *copy;
	int r;

	if (keys[key].set)
		return keys[key].set(t, value, err);
	r = keys[key].check(value, err);
	if (r)
		return r;
	copy = strdup(value);
	if (!copy)
		return err__set(err, -ENOMEM, "out of memory");
	/* `/a/` is `/a` */
	if (key == TARGET_KEY_CGROUP && copy[1] && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	free(*field);
	*field = copy;
	if (key == TARGET_KEY_CONTAINER_ID)
		t->by_id = true;
	return 0;
}
