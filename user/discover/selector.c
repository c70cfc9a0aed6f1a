// SPDX-License-Identifier: GPL-2.0-only
/* selector.c: the short forms of the command line. */
#include "discover/internal.h"

#include "lib/nearest.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

enum form {
	FORM_PID,
	FORM_TREE,
	FORM_COMM,
	FORM_EXE,
	FORM_ARGS,
	FORM_USER,
	FORM_CGROUP,
	FORM_UNIT,
	FORM_CONTAINER,
	FORM_POD,
	FORM_PODS,
	FORM_NETNS,
	FORM_CIDR,
	FORM_INTERFACE,
	N_FORMS,
};

static const char *const form_names[N_FORMS] = {
	[FORM_PID] = "pid",	  [FORM_TREE] = "tree",		  [FORM_COMM] = "comm",
	[FORM_EXE] = "exe",	  [FORM_ARGS] = "args",		  [FORM_USER] = "user",
	[FORM_CGROUP] = "cgroup", [FORM_UNIT] = "unit",		  [FORM_CONTAINER] = "container",
	[FORM_POD] = "pod",	  [FORM_PODS] = "pods",		  [FORM_NETNS] = "netns",
	[FORM_CIDR] = "cidr",	  [FORM_INTERFACE] = "interface",
};

static int out_of_memory(struct error *err)
{
	return err__set(err, -ENOMEM, "out of memory");
}

static int copy(char **to, const char *value, struct error *err)
{
	*to = strdup(value);
	return *to ? 0 : out_of_memory(err);
}

static int parse_pid(const char *value, struct target_selector *t, struct error *err)
{
	uint64_t pid;

	if (!read__number(value, INT_MAX, &pid) || !pid)
		return err__set(err, -EINVAL, "`%s` is no process id: a number from 1 is expected",
				value);
	t->pid = (pid_t)pid;
	return 0;
}

static int parse_cidr(const char *value, struct target_selector *t, struct error *err)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(value, '/');
	size_t n = slash ? (size_t)(slash - value) : strlen(value);
	uint64_t bits;
	unsigned int all;

	if (n >= sizeof(address))
		return err__set(err, -EINVAL, "`%s` is no address", value);
	memcpy(address, value, n);
	address[n] = 0;
	t->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	all = t->family == AF_INET6 ? 128 : 32;
	if (inet_pton(t->family, address, t->addr) != 1)
		return err__set(err, -EINVAL, "`%s` is no address", address);
	bits = all;
	if (slash && !read__number(slash + 1, all, &bits))
		return err__set(err, -EINVAL, "`%s`: a prefix length from 0 to %u is expected",
				value, all);
	t->prefixlen = (uint8_t)bits;
	return 0;
}

/* KEY=VALUE[,KEY=VALUE...] */
static int parse_labels(const char *value, struct target_selector *t, struct error *err)
{
	_cleanup_free_ char *text = strdup(value);
	char *rest = text, *one;

	if (!text)
		return out_of_memory(err);
	while ((one = strsep(&rest, ","))) {
		char **v, *eq = strchr(one, '=');

		if (!eq || eq == one)
			return err__set(err, -EINVAL, "`%s` is no label: KEY=VALUE is expected",
					one);
		v = array__grow(t->labels, t->n_labels, sizeof(*v));
		if (!v)
			return out_of_memory(err);
		t->labels = v;
		v[t->n_labels] = strdup(one);
		if (!v[t->n_labels])
			return out_of_memory(err);
		t->n_labels++;
	}
	return 0;
}

/* NS/NAME, or NAME alone for podman's and where it says enough. */
static int parse_pod(const char *value, bool one, struct target_selector *t, struct error *err)
{
	const char *slash = strchr(value, '/');

	if (slash == value || (slash && (!slash[1] || strchr(slash + 1, '/'))))
		return err__set(err, -EINVAL,
				one ? "`%s`: NAMESPACE/NAME is expected"
				    : "`%s`: NAMESPACE/KEY=VALUE is expected",
				value);
	if (slash) {
		t->pod_namespace = strndup(value, (size_t)(slash - value));
		if (!t->pod_namespace)
			return out_of_memory(err);
		value = slash + 1;
	}
	if (one)
		return copy(&t->name, value, err);
	if (slash || strchr(value, '='))
		return parse_labels(value, t, err);
	return copy(&t->pod_namespace, value, err);
}

/* [NETNS/]DEVICE: a namespace may be a path, the device is behind the last slash. */
static int parse_interface(const char *value, struct target_selector *t, struct error *err)
{
	const char *slash = strrchr(value, '/');

	if (slash == value || (slash && !slash[1]))
		return err__set(err, -EINVAL, "`%s`: [NETNS/]DEVICE is expected", value);
	if (slash) {
		t->netns = strndup(value, (size_t)(slash - value));
		if (!t->netns)
			return out_of_memory(err);
		value = slash + 1;
	}
	return copy(&t->name, value, err);
}

static int parse_value(enum form form, const char *value, struct target_selector *t,
		       struct error *err)
{
	static const enum target_kind kinds[N_FORMS] = {
		[FORM_CGROUP] = TARGET_CGROUP,	     [FORM_UNIT] = TARGET_UNIT,
		[FORM_CONTAINER] = TARGET_CONTAINER, [FORM_POD] = TARGET_PODS,
		[FORM_PODS] = TARGET_PODS,	     [FORM_NETNS] = TARGET_NETNS,
		[FORM_CIDR] = TARGET_CIDR,	     [FORM_INTERFACE] = TARGET_INTERFACE,
	};

	t->kind = kinds[form]; /* the rest are of TARGET_PROCESS, which is 0 */
	switch (form) {
	case FORM_TREE:
		t->tree = true;
		return parse_pid(value, t, err);
	case FORM_PID:
		return parse_pid(value, t, err);
	case FORM_COMM:
		return copy(&t->comm, value, err);
	case FORM_EXE:
		return copy(&t->exe, value, err);
	case FORM_ARGS:
		return copy(&t->args, value, err);
	case FORM_USER:
		return copy(&t->user, value, err);
	case FORM_POD:
	case FORM_PODS:
		return parse_pod(value, form == FORM_POD, t, err);
	case FORM_CIDR:
		return parse_cidr(value, t, err);
	case FORM_INTERFACE:
		return parse_interface(value, t, err);
	default:
		return copy(&t->name, value, err);
	}
}

int target_selector__parse(const char *text, struct target_selector *ret, struct error *err)
{
	struct target_selector t = {0};
	const char *colon = strchr(text, ':'), *near;
	_cleanup_free_ char *word = NULL;
	int form = 0, r;

	if (!colon)
		return err__set(err, -EINVAL,
				"`%s`: a selector is KIND:VALUE, as in comm:redis-server", text);
	word = strndup(text, (size_t)(colon - text));
	if (!word)
		return out_of_memory(err);
	while (form < N_FORMS && strcmp(form_names[form], word) != 0)
		form++;
	if (form == N_FORMS) {
		near = nearest__word(word, form_names, N_FORMS);
		if (near)
			return err__set(err, -EINVAL, "no selector `%s:`; did you mean `%s:`?",
					word, near);
		return err__set(err, -EINVAL, "no selector `%s:` for what lives on this machine",
				word);
	}
	if (!colon[1])
		return err__set(err, -EINVAL, "`%s:` needs a value", word);
	r = parse_value((enum form)form, colon + 1, &t, err);
	if (r) {
		target_selector__reset(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void target_selector__reset(struct target_selector *t)
{
	free(t->comm);
	free(t->exe);
	free(t->args);
	free(t->user);
	free(t->name);
	free(t->netns);
	free(t->pod_namespace);
	for (size_t i = 0; i < t->n_labels; i++)
		free(t->labels[i]);
	free(t->labels);
	for (size_t i = 0; i < t->n_excludes; i++)
		target_selector__reset(&t->excludes[i]);
	free(t->excludes);
	*t = (struct target_selector){0};
}
