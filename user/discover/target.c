// SPDX-License-Identifier: GPL-2.0-only
/* target.c: the short forms of the command line, and back to words. */
#include "discover/target_pods.h"

#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <arpa/inet.h>
#include <stdarg.h>
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

const char *const target_forms[] = {
	[FORM_PID] = "pid",	  [FORM_TREE] = "tree",		  [FORM_COMM] = "comm",
	[FORM_EXE] = "exe",	  [FORM_ARGS] = "args",		  [FORM_USER] = "user",
	[FORM_CGROUP] = "cgroup", [FORM_UNIT] = "unit",		  [FORM_CONTAINER] = "container",
	[FORM_POD] = "pod",	  [FORM_PODS] = "pods",		  [FORM_NETNS] = "netns",
	[FORM_CIDR] = "cidr",	  [FORM_INTERFACE] = "interface",
};
const size_t n_target_forms = ARRAY_SIZE(target_forms);

/* The forms that are one value of one key. */
static const struct {
	enum target_kind kind;
	enum target_key key;
} simple[N_FORMS] = {
	[FORM_PID] = {TARGET_PROCESS, TARGET_KEY_PID},
	[FORM_TREE] = {TARGET_PROCESS, TARGET_KEY_PID},
	[FORM_COMM] = {TARGET_PROCESS, TARGET_KEY_COMM},
	[FORM_EXE] = {TARGET_PROCESS, TARGET_KEY_EXE},
	[FORM_ARGS] = {TARGET_PROCESS, TARGET_KEY_ARGS},
	[FORM_USER] = {TARGET_PROCESS, TARGET_KEY_USER},
	[FORM_CGROUP] = {TARGET_CGROUP, TARGET_KEY_CGROUP},
	[FORM_UNIT] = {TARGET_UNIT, TARGET_KEY_UNIT},
	[FORM_CONTAINER] = {TARGET_CONTAINER, TARGET_KEY_CONTAINER},
	[FORM_POD] = {TARGET_PODS, TARGET_KEY_POD},
	[FORM_PODS] = {TARGET_PODS, TARGET_KEY_POD_LABEL},
	[FORM_NETNS] = {TARGET_NETNS, TARGET_KEY_NETNS},
	[FORM_CIDR] = {TARGET_CIDR, TARGET_KEY_CIDR},
	[FORM_INTERFACE] = {TARGET_INTERFACE, TARGET_KEY_DEVICE},
};

/* --- from text ---------------------------------------------------------------------------------- */

/* Set @key to what stands before @slash, and return what is behind it. */
static int split(struct target_selector *t, enum target_key key, char **text, char *slash,
		 struct error *err)
{
	char *before = *text;

	*slash = '\0';
	*text = slash + 1;
	return target_selector__set(t, key, before, err);
}

/* [[NAMESPACE/]POD/]NAME */
static int parse_container(char *value, struct target_selector *t, struct error *err)
{
	char *last = strrchr(value, '/'), *first = strchr(value, '/');
	int r = 0;

	if (first && first != last)
		r = split(t, TARGET_KEY_POD_NAMESPACE, &value, first, err);
	if (!r && last)
		r = split(t, TARGET_KEY_CONTAINER_POD, &value, last, err);
	return r ? r : target_selector__set(t, TARGET_KEY_CONTAINER, value, err);
}

/* KEY=VALUE[,KEY=VALUE...] */
static int parse_labels(char *value, struct target_selector *t, struct error *err)
{
	for (char *one; (one = strsep(&value, ",")) != NULL;) {
		int r = target_selector__set(t, TARGET_KEY_POD_LABEL, one, err);

		if (r)
			return r;
	}
	return 0;
}

/* NS/NAME, or NAME alone for podman's and where it says enough. */
static int parse_pod(char *value, bool one, struct target_selector *t, struct error *err)
{
	/* a label's key may have a slash: app.kubernetes.io/name=web */
	char *end = one ? value + strlen(value) : value + strcspn(value, "="), *slash;
	int r;

	slash = memchr(value, '/', (size_t)(end - value));
	if (slash == value || (slash && (!slash[1] || (one && strchr(slash + 1, '/')))))
		return err__set(err, -EINVAL,
				one ? "`%.64s`: NAMESPACE/NAME is expected"
				    : "`%.64s`: NAMESPACE/KEY=VALUE is expected",
				value);
	if (!one && !slash && !*end)
		return target_selector__set(t, TARGET_KEY_POD_NAMESPACE, value, err);
	if (slash) {
		r = split(t, TARGET_KEY_POD_NAMESPACE, &value, slash, err);
		if (r)
			return r;
	}
	return one ? target_selector__set(t, TARGET_KEY_POD, value, err)
		   : parse_labels(value, t, err);
}

/* [NETNS/]DEVICE: a namespace may be a path, the device is behind the last slash. */
static int parse_interface(char *value, struct target_selector *t, struct error *err)
{
	char *slash = strrchr(value, '/');
	int r = slash ? split(t, TARGET_KEY_DEVICE_NETNS, &value, slash, err) : 0;

	return r ? r : target_selector__set(t, TARGET_KEY_DEVICE, value, err);
}

/* @value is cut up. */
static int parse_value(enum form form, char *value, struct target_selector *t, struct error *err)
{
	t->kind = simple[form].kind;
	t->tree = form == FORM_TREE;
	switch (form) {
	case FORM_CONTAINER:
		return parse_container(value, t, err);
	case FORM_POD:
	case FORM_PODS:
		return parse_pod(value, form == FORM_POD, t, err);
	case FORM_INTERFACE:
		return parse_interface(value, t, err);
	default:
		return target_selector__set(t, simple[form].key, value, err);
	}
}

static int find_form(const char *word, enum form *ret, struct error *err)
{
	const char *near;

	for (size_t i = 0; i < N_FORMS; i++) {
		if (strcmp(target_forms[i], word))
			continue;
		*ret = (enum form)i;
		return 0;
	}
	near = nearest__word(word, target_forms, N_FORMS);
	if (near)
		return err__set(err, -EINVAL, "no selector `%.64s:`; did you mean `%s:`?", word,
				near);
	return err__set(err, -EINVAL, "no selector `%.64s:` for what lives on this machine", word);
}

int target_selector__parse(const char *text, struct target_selector *ret, struct error *err)
{
	_cleanup_(target_selector__reset) struct target_selector t = {0};
	_cleanup_free_ char *word = strdup(text);
	char *colon = word ? strchr(word, ':') : NULL;
	enum form form = FORM_PID;
	int r;

	if (!word)
		return err__set(err, -ENOMEM, "out of memory");
	if (!colon)
		return err__set(err, -EINVAL,
				"`%.64s` is no selector; expected KIND:VALUE, as comm:etcd", text);
	*colon = '\0';
	r = find_form(word, &form, err);
	if (r)
		return r;
	if (!colon[1])
		return err__set(err, -EINVAL, "`%s:` needs a value", word);
	r = parse_value(form, colon + 1, &t, err);
	if (r)
		return r;
	*ret = t;
	t = (struct target_selector){0};
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
	free(t->pod);
	free(t->node);
	for (size_t i = 0; i < t->n_labels; i++)
		free(t->labels[i]);
	free(t->labels);
	target_pods__reset(t);
	for (size_t i = 0; i < t->n_excludes; i++)
		target_selector__reset(&t->excludes[i]);
	free(t->excludes);
	*t = (struct target_selector){0};
}

/* --- order -------------------------------------------------------------------------------------- */

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

static int compare_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : COMPARE(!!a, !!b);
}

static int compare_labels(const struct target_selector *a, const struct target_selector *b)
{
	int c = COMPARE(a->n_labels, b->n_labels);

	for (size_t i = 0; !c && i < a->n_labels; i++)
		c = strcmp(a->labels[i], b->labels[i]);
	return c;
}

static int compare_excludes(const struct target_selector *a, const struct target_selector *b)
{
	int c = COMPARE(a->n_excludes, b->n_excludes);

	/* no deeper than one level: an exclude has none of its own */
	for (size_t i = 0; !c && i < a->n_excludes; i++)
		c = target_selector__compare(&a->excludes[i], &b->excludes[i]);
	return c;
}

int target_selector__compare(const struct target_selector *a, const struct target_selector *b)
{
	return COMPARE(a->kind, b->kind)
		       ?: COMPARE(a->pid, b->pid)
		       ?: COMPARE(a->tree, b->tree)
		       ?: COMPARE(a->exact, b->exact)
		       ?: COMPARE(a->by_id, b->by_id)
		       ?: compare_text(a->comm, b->comm)
		       ?: compare_text(a->exe, b->exe)
		       ?: compare_text(a->args, b->args)
		       ?: compare_text(a->user, b->user)
		       ?: compare_text(a->name, b->name)
		       ?: compare_text(a->netns, b->netns)
		       ?: compare_text(a->pod_namespace, b->pod_namespace)
		       ?: compare_text(a->pod, b->pod)
		       ?: compare_text(a->node, b->node)
		       ?: compare_labels(a, b)
		       ?: target_pods__compare(a, b)
		       ?: COMPARE(a->family, b->family)
		       ?: COMPARE(a->prefixlen, b->prefixlen)
		       ?: memcmp(a->addr, b->addr, sizeof(a->addr))
		       ?: compare_excludes(a, b);
}

/* --- to text ------------------------------------------------------------------------------------ */

/* What is written so far; what does not fit is cut. */
struct words {
	char *buf;
	size_t size, used;
};

static void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *fmt, ...)
{
	size_t room = w->size - w->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void say_process(struct words *w, const struct target_selector *t)
{
	const char *const texts[] = {t->comm, t->exe, t->args, t->user};
	static const char *const names[] = {"comm", "exe", "args", "user"};
	const char *before = "";

	if (t->pid) {
		say(w, "%s:%d", t->tree ? "tree" : "pid", t->pid);
		before = " ";
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!texts[i])
			continue;
		say(w, "%s%s:%s", before, names[i], texts[i]);
		before = " ";
	}
	if (t->tree && !t->pid)
		say(w, " (and descendants)");
}

static void say_pods(struct words *w, const struct target_selector *t)
{
	char more[256];

	say(w, t->name ? "pod:" : "pods:");
	if (t->pod_namespace)
		say(w, "%s%s", t->pod_namespace, t->name || t->n_labels ? "/" : "");
	if (t->name)
		say(w, "%s%s", t->name, t->n_labels ? " " : "");
	for (size_t i = 0; i < t->n_labels; i++)
		say(w, "%s%s", i ? "," : "", t->labels[i]);
	target_pods__describe(t, more, sizeof(more));
	if (!t->pod_namespace && !t->name && !t->n_labels && !*more)
		say(w, "*");
	say(w, "%s%s", *more && (t->pod_namespace || t->name || t->n_labels) ? " " : "", more);
	if (t->node)
		say(w, " (node %s)", t->node);
}

static void say_container(struct words *w, const struct target_selector *t)
{
	say(w, "container:");
	if (t->pod_namespace)
		say(w, "%s/%s", t->pod_namespace, t->pod ? "" : "*/");
	if (t->pod)
		say(w, "%s/", t->pod);
	say(w, t->by_id ? "%s (id)" : "%s", t->name);
}

static void say_one(struct words *w, const struct target_selector *t)
{
	char addr[INET6_ADDRSTRLEN] = "";

	switch (t->kind) {
	case TARGET_PROCESS:
		say_process(w, t);
		break;
	case TARGET_CGROUP:
		say(w, t->exact ? "cgroup:%s (not below)" : "cgroup:%s", t->name);
		break;
	case TARGET_UNIT:
		say(w, "unit:%s", t->name);
		break;
	case TARGET_CONTAINER:
		say_container(w, t);
		break;
	case TARGET_PODS:
		say_pods(w, t);
		break;
	case TARGET_NETNS:
		say(w, "netns:%s", t->name);
		break;
	case TARGET_CIDR:
		inet_ntop(t->family, t->addr, addr, sizeof(addr));
		say(w, "cidr:%s/%u", addr, t->prefixlen);
		break;
	case TARGET_INTERFACE:
		say(w, "interface:%s%s%s", t->netns ?: "", t->netns ? "/" : "", t->name);
		break;
	}
}

const char *target_selector__describe(const struct target_selector *t, char *buf, size_t size)
{
	struct words w = {.buf = buf, .size = size};

	if (!size)
		return buf;
	*buf = '\0';
	say_one(&w, t);
	for (size_t i = 0; i < t->n_excludes; i++) {
		say(&w, i ? ", " : " but not ");
		say_one(&w, &t->excludes[i]);
	}
	/* no half character where it was cut */
	if (w.used == size - 1) {
		while (w.used && ((unsigned char)buf[w.used - 1] & 0xc0) == 0x80)
			w.used--;
		if (w.used && (unsigned char)buf[w.used - 1] >= 0xc0)
			w.used--;
		buf[w.used] = '\0';
	}
	return buf;
}
