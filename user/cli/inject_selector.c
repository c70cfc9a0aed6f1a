// SPDX-License-Identifier: GPL-2.0-only
/* inject_selector.c: the short selectors of a command line as the file has them. */
#include "cli/inject.h"
#include "experiment/experiment.h"
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

/* NULL: no memory, or a text is no UTF-8; @o is freed then, and @value in any case taken over. */
static json_t *with(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) == 0)
		return o;
	json_decref(o);
	return NULL;
}

/* Without @text, @o as it is. */
static json_t *with_text(json_t *o, const char *key, const char *text)
{
	return text ? with(o, key, json_string(text)) : o;
}

static json_t *process_json(const struct target_selector *t)
{
	json_t *o = json_object();

	if (t->pid)
		o = with(o, "pid", json_integer(t->pid));
	o = with_text(o, "comm", t->comm);
	o = with_text(o, "exe", t->exe);
	o = with_text(o, "args", t->args);
	o = with_text(o, "user", t->user);
	return t->tree ? with(o, "tree", json_true()) : o;
}

static json_t *container_json(const struct target_selector *t)
{
	json_t *o = with_text(json_object(), t->by_id ? "id" : "name", t->name);

	o = with_text(o, "pod", t->pod);
	return with_text(o, "namespace", t->pod_namespace);
}

static json_t *labels_json(const struct target_selector *t)
{
	json_t *o = json_object();

	for (size_t i = 0; i < t->n_labels && o; i++) {
		_cleanup_free_ char *key = strdup(t->labels[i]);
		char *value = key ? strchr(key, '=') : NULL;

		if (!value) {
			json_decref(o);
			return NULL;
		}
		*value++ = '\0';
		o = with(o, key, json_string(value));
	}
	return o;
}

static json_t *pods_json(const struct target_selector *t)
{
	json_t *o = with_text(json_object(), "namespace", t->pod_namespace);

	o = with_text(o, "name", t->name);
	o = with_text(o, "node", t->node);
	return t->n_labels ? with(o, "labels", labels_json(t)) : o;
}

static json_t *cgroup_json(const struct target_selector *t)
{
	json_t *o = with_text(json_object(), "path", t->name);

	return t->exact ? with(o, "subtree", json_false()) : o;
}

static json_t *kind_json(const struct selector *s)
{
	switch (s->kind) {
	case SELECTOR_PROCESS:
		return with(json_object(), "process", process_json(s->target));
	case SELECTOR_CGROUP:
		return with(json_object(), "cgroup", cgroup_json(s->target));
	case SELECTOR_CONTAINER:
		return with(json_object(), "container", container_json(s->target));
	case SELECTOR_PODS:
		return with(json_object(), "pods", pods_json(s->target));
	case SELECTOR_UNIT:
		return with_text(json_object(), "unit", s->value);
	case SELECTOR_CIDR:
		return with_text(json_object(), "cidr", s->value);
	case SELECTOR_HOST:
		return with_text(json_object(), "host", s->value);
	case SELECTOR_INTERFACE:
		return with_text(with_text(json_object(), "interface", s->value), "netns",
				 s->netns);
	case SELECTOR_NODE:
	case SELECTOR_NETNS:
		break;
	}
	return with_text(json_object(), "netns", s->value);
}

json_t *inject__selector_json(const struct selector *s)
{
	char text[16];
	json_t *o = kind_json(s), *ports = s->ports.n ? json_array() : NULL;

	for (size_t i = 0; i < s->ports.n; i++) {
		snprintf(text, sizeof(text), "%u-%u", s->ports.v[i].lo, s->ports.v[i].hi);
		json_array_append_new(ports, json_string(text));
	}
	if (ports)
		o = with(o, "ports", ports);
	return s->proto ? with_text(o, "proto", proto__format(s->proto, text, sizeof(text))) : o;
}

static int short_json(const char *text, const char *flag, json_t **ret, struct error *err)
{
	struct selector s = {0};
	json_t *o;
	int r = selector__parse_short(text, &s, err);

	if (r)
		return err__prefix(err, "%s", flag);
	o = inject__selector_json(&s);
	selector__reset(&s);
	if (!o)
		return err__set(err, -EINVAL, "%s takes UTF-8 text", flag);
	*ret = o;
	return 0;
}

/* The excludes of @side as a list. */
static int excludes_json(const struct inject_side *side, json_t *list, struct error *err)
{
	for (size_t i = 0; i < side->n_excludes; i++) {
		json_t *o = NULL;
		int r = short_json(side->excludes[i], "--not", &o, err);

		if (r)
			return r;
		for (size_t k = 0; k < i; k++) {
			if (!json_equal(json_array_get(list, k), o))
				continue;
			json_decref(o);
			return err__set(err, -EINVAL, "--not %.64s stands twice",
					side->excludes[i]);
		}
		json_array_append_new(list, o);
	}
	return 0;
}

int inject_side__json(const struct inject_side *side, const char *flag, json_t **ret,
		      struct error *err)
{
	json_t *o = NULL, *list;
	int r = short_json(side->text, flag, &o, err);

	if (r)
		return r;
	if (side->n_excludes) {
		list = json_array();
		r = excludes_json(side, list, err);
		json_object_set_new(o, "not", list);
	}
	if (r) {
		json_decref(o);
		return r;
	}
	*ret = o;
	return 0;
}
