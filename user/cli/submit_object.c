// SPDX-License-Identifier: GPL-2.0-only
/* submit_object.c: from the file to the object. */
#include "cli/submit.h"

#include "agent/object.h"
#include "experiment/yaml.h"
#include "kube/config.h"
#include "lib/nearest.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define FILE_MAX (4 * 1024 * 1024)

static const struct kind {
	const char *group_version, *kind, *plural;
} kinds[] = {
	{"netchaos.dev/v1alpha1", "Experiment", "experiments"},
	{"chaos-mesh.org/v1alpha1", "NetworkChaos", "networkchaos"},
	{"chaos-mesh.org/v1alpha1", "Workflow", "workflows"},
};

/* --- YAML to JSON --------------------------------------------------------------------------------- */

static bool is_word(const char *s, const char *a, const char *b, const char *c)
{
	return !strcmp(s, a) || !strcmp(s, b) || !strcmp(s, c);
}

/* A decimal integer or a float, whole; NULL: it is neither. Other bases are left to be text. */
static json_t *number(const char *s)
{
	const char *digits = s + (*s == '-' || *s == '+');
	json_t *v = NULL;
	char *end;

	if (strspn(digits, "0123456789.eE+-") != strlen(digits) || !strpbrk(digits, "0123456789"))
		return NULL;
	errno = 0;
	if (strspn(digits, "0123456789") == strlen(digits)) {
		long long n = strtoll(s, &end, 10);

		v = errno || *end ? NULL : json_integer(n);
	} else {
		double d = strtod(s, &end);

		v = errno || *end || !isfinite(d) ? NULL : json_real(d);
	}
	return v;
}

static json_t *scalar(const struct yaml_node *n)
{
	json_t *v = NULL;

	if (yaml__is_null(n))
		return json_null();
	if (n->plain && is_word(n->text, "true", "True", "TRUE"))
		return json_true();
	if (n->plain && is_word(n->text, "false", "False", "FALSE"))
		return json_false();
	if (n->plain)
		v = number(n->text);
	return v ? v : json_string(n->text);
}

static json_t *sequence(const struct yaml_node *n)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < n->n; i++) {
		if (!json_array_append_new(a, submit__json(n->items[i])))
			continue;
		json_decref(a);
		return NULL;
	}
	return a;
}

/* Keys are text in JSON, whatever they look like. */
static json_t *mapping(const struct yaml_node *n)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i + 1 < n->n; i += 2) {
		if (n->items[i]->kind == YAML_SCALAR &&
		    !json_object_set_new(o, n->items[i]->text, submit__json(n->items[i + 1])))
			continue;
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *submit__json(const struct yaml_node *n)
{
	return n->kind == YAML_MAPPING	  ? mapping(n)
	       : n->kind == YAML_SEQUENCE ? sequence(n)
					  : scalar(n);
}

/* --- the object ----------------------------------------------------------------------------------- */

static const char *meta(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(json_object_get(obj, "metadata"), key));
}

static int find_kind(const char *file, struct submission *s, struct error *err)
{
	const char *version = json_string_value(json_object_get(s->obj, "apiVersion"));
	const char *kind = json_string_value(json_object_get(s->obj, "kind")), *near;
	const char *names[ARRAY_SIZE(kinds)];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		names[i] = kinds[i].kind;
		if (!kind || !version || strcmp(kind, kinds[i].kind) != 0 ||
		    strcmp(version, kinds[i].group_version) != 0)
			continue;
		s->group_version = kinds[i].group_version;
		s->kind = kinds[i].kind;
		s->plural = kinds[i].plural;
		return 0;
	}
	if (kind && !strcmp(kind, "Schedule"))
		return err__set(err, -EINVAL,
				"%s: kind: a Schedule has no end that could be waited for; "
				"kubectl apply -f it",
				file);
	near = kind ? nearest__word(kind, names, ARRAY_SIZE(names)) : NULL;
	return err__set(err, -EINVAL,
			"%s: expected an Experiment (netchaos.dev/v1alpha1), a NetworkChaos or a "
			"Workflow (chaos-mesh.org/v1alpha1), not kind `%s` of `%s`%s%s%s",
			file, kind ? kind : "", version ? version : "",
			near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static int choose_ns(const char *file, const char *ns, const char *default_ns, struct submission *s,
		     struct error *err)
{
	const char *own = meta(s->obj, "namespace");

	if (own && ns && strcmp(own, ns) != 0)
		return err__set(err, -EINVAL,
				"%s: metadata.namespace is `%s`, but --namespace says `%s`", file,
				own, ns);
	ns = own ? own : ns ? ns : default_ns;
	if (!*ns || strlen(ns) > 63 ||
	    strspn(ns, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(ns))
		return err__set(err, -EINVAL, "%s%s`%s` is no name of a namespace", own ? file : "",
				own ? ": metadata.namespace: " : "", ns);
	s->ns = strdup(ns);
	if (!s->ns)
		return err__set(err, -ENOMEM, "out of memory");
	json_object_set_new(json_object_get(s->obj, "metadata"), "namespace", json_string(ns));
	return 0;
}

static int choose_name(const char *file, struct submission *s, struct error *err)
{
	const char *name = meta(s->obj, "name");

	if (!name && !meta(s->obj, "generateName"))
		return err__set(err, -EINVAL, "%s: metadata.name is missing", file);
	if (!name)
		return 0;
	if (!*name || strlen(name) > 253 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(name))
		return err__set(err, -EINVAL,
				"%s: metadata.name `%s`: expected a-z, 0-9, `-` and `.` only", file,
				name);
	s->name = strdup(name);
	return s->name ? 0 : err__set(err, -ENOMEM, "out of memory");
}

/* The parser's findings, with their places in the file. */
static int judge_text(const char *file, const struct submission *s, struct error *err)
{
	const struct experiment_mode mode = {.place = EXPERIMENT_CLUSTER, .ns = s->ns};
	struct experiment *e = NULL;
	int r = experiment__parse_as(file, s->text, strlen(s->text), 0, NULL, &mode, &e, err);

	experiment__free(e);
	return r;
}

/* The agent's reading of it, with what the server would add: what it refuses is known before anything is asked. */
static int judge(const char *file, struct submission *s, struct error *err)
{
	json_t *copy = json_deep_copy(s->obj), *m = json_object_get(copy, "metadata");
	struct cluster_object o = {0};
	char line[1024];
	struct error why = {0};
	int r;

	if (!s->name)
		json_object_set(m, "name", json_object_get(m, "generateName"));
	json_object_set_new(m, "uid", json_string("00000000-0000-0000-0000-000000000000"));
	r = copy ? object__load(copy, &o, &why) : -ENOMEM;
	json_decref(copy);
	if (!r) {
		s->duration_ns = o.e->until_stopped ? 0 : o.e->duration_ns;
		cluster_object__reset(&o);
		return 0;
	}
	snprintf(line, sizeof(line), "%s", why.msg);
	err__set(err, r, "%s", "");
	for (char *save = NULL, *l = strtok_r(line, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		size_t len = strlen(err->msg);

		snprintf(err->msg + len, sizeof(err->msg) - len, "%s%s: %s", len ? "\n" : "", file,
			 l);
	}
	return r;
}

static int read_object(const char *file, struct submission *s, struct error *err)
{
	struct yaml y = {0};
	struct error why = {0};
	struct pos pos = {0};
	size_t len = 0;
	int r = file__read(file, FILE_MAX, &s->text, &len);

	if (r)
		return err__set(err, r, "%s: %s", file, strerror(-r));
	r = yaml__parse(s->text, len, &y, &pos, &why);
	if (r)
		return err__set(err, r, "%s:%d:%d: %s", file, pos.line, pos.col, why.msg);
	if (y.n_more)
		r = err__set(err, -EINVAL,
			     "%s:%d:%d: a second document; expected one object in a file", file,
			     y.more[0]->pos.line, y.more[0]->pos.col);
	else
		s->obj = submit__json(y.root);
	yaml__reset(&y);
	if (!r && !s->obj)
		r = err__set(err, -ENOMEM, "out of memory");
	if (!r && !json_is_object(json_object_get(s->obj, "metadata")))
		r = err__set(err, -EINVAL, "%s: expected an object with metadata", file);
	return r;
}

int submission__load(const char *file, const char *ns, const char *default_ns,
		     struct submission *ret, struct error *err)
{
	struct submission s = {0};
	int r = read_object(file, &s, err);

	r = r ? r : find_kind(file, &s, err);
	r = r ? r : choose_ns(file, ns, default_ns, &s, err);
	r = r ? r : choose_name(file, &s, err);
	r = r ? r : judge_text(file, &s, err);
	r = r ? r : judge(file, &s, err);
	if (r) {
		submission__reset(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void submission__reset(struct submission *s)
{
	json_decref(s->obj);
	free(s->text);
	free(s->ns);
	free(s->name);
	*s = (struct submission){0};
}
