// SPDX-License-Identifier: GPL-2.0-only
#include "agent/resolve_words.h"

#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <string.h>

const char *resolve__path(const struct endpoint *ep, const struct selector *s)
{
	return s->path && *s->path ? s->path : ep->name;
}

/* --- places ----------------------------------------------------------------------------------------------- */

/* The only namespace that @t can choose from; NULL: there may be several. */
static const char *only_namespace(const struct target_selector *t, size_t *ret_len)
{
	const char *ns = t->pod_namespace;

	if (!ns && t->n_namespaces == 1)
		ns = t->namespaces[0];
	if (ns) {
		*ret_len = strlen(ns);
		return ns;
	}
	for (size_t i = 0; i < t->n_pods; i++) {
		size_t len = strcspn(t->pods[i], "/");

		if (ns && (len != *ret_len || strncmp(ns, t->pods[i], len) != 0))
			return NULL;
		ns = t->pods[i];
		*ret_len = len;
	}
	return ns;
}

static bool names_one(const struct target_selector *t)
{
	size_t len;

	return t->n_pods == 1 || (t->name && only_namespace(t, &len));
}

static bool has_one_namespace(const struct endpoint *ep)
{
	const char *first = NULL;
	size_t first_len = 0;

	for (size_t i = 0; i < ep->n_selectors; i++) {
		size_t len = 0;
		const char *ns;

		if (ep->selectors[i].kind != SELECTOR_PODS)
			continue;
		ns = only_namespace(ep->selectors[i].target, &len);
		if (!ns || (first && (len != first_len || strncmp(ns, first, len) != 0)))
			return false;
		first = ns;
		first_len = len;
	}
	return true;
}

char *resolve__place(const struct endpoint *ep, const char *ns, const char *name)
{
	char *place;
	int r;

	if (ep->n_selectors == 1 && names_one(ep->selectors[0].target))
		r = asprintf(&place, "%s", ep->name);
	else if (has_one_namespace(ep))
		r = asprintf(&place, "%s/%s", ep->name, name);
	else
		r = asprintf(&place, "%s/%s.%s", ep->name, ns, name);
	return r < 0 ? NULL : place;
}

/* --- nothing matches ---------------------------------------------------------------------------------------- */

struct words {
	char buf[600];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *fmt, ...)
{
	size_t room = sizeof(w->buf) - w->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* Few names are listed, many are not. */
#define LISTED_MAX 8

static void say_near(struct words *w, const char *word, const char *const *known, size_t n)
{
	const char *near = nearest__word(word, known, n);

	if (near) {
		say(w, "; did you mean `%s`?", near);
		return;
	}
	for (size_t i = 0; n <= LISTED_MAX && i < n; i++)
		say(w, "%s%s", i ? ", " : "; expected ", known[i]);
}

/* What is known of one kind, for the nearest of them; no more than a message is worth. */
#define KNOWN_MAX 1000

/* False: there are pods in namespace @ns. */
static bool say_namespace(struct words *w, const struct pods *p, const char *ns)
{
	const char *known[KNOWN_MAX];
	size_t n = 0;

	while (n < KNOWN_MAX && (known[n] = pods__namespace(p, n)) != NULL)
		if (!strcmp(known[n++], ns))
			return false;
	say(w, "no pod is in namespace `%s`", ns);
	say_near(w, ns, known, n);
	return true;
}

static bool say_namespaces(struct words *w, const struct pods *p, const struct target_selector *t)
{
	if (t->pod_namespace)
		return say_namespace(w, p, t->pod_namespace);
	/* of several, the last words stand if none of them has pods */
	for (size_t i = 0; i < t->n_namespaces; i++) {
		w->used = 0;
		if (!say_namespace(w, p, t->namespaces[i]))
			return false;
	}
	return t->n_namespaces;
}

static bool say_nodes(struct words *w, const struct pods *p, const struct target_selector *t)
{
	const char *name = t->node ? t->node : t->n_nodes == 1 ? t->nodes[0] : NULL;
	const char *known[KNOWN_MAX];
	size_t n = 0;

	if (!name || pods__has_node(p, name) || !pods__node(p, 0))
		return false;
	while (n < KNOWN_MAX && (known[n] = pods__node(p, n)) != NULL)
		n++;
	say(w, "there is no node `%s`", name);
	say_near(w, name, known, n);
	return true;
}

/* @t without all but namespaces: the pods among which it looks. */
static struct target_selector anywhere(const struct target_selector *t)
{
	return (struct target_selector){.kind = TARGET_PODS,
					.pod_namespace = t->pod_namespace,
					.namespaces = t->namespaces,
					.n_namespaces = t->n_namespaces};
}

static bool say_name(struct words *w, const struct pods *p, const struct target_selector *t)
{
	const char *slash = t->n_pods == 1 ? strchr(t->pods[0], '/') : NULL;
	const char *name = t->name ? t->name : slash ? slash + 1 : NULL;
	struct target_selector all = anywhere(t);
	const char *known[KNOWN_MAX];
	const struct pod *pod;
	size_t n = 0;

	if (!name)
		return false;
	for (size_t i = 0; (pod = pods__at(p, i)) != NULL && n < KNOWN_MAX; i++) {
		struct pod_facts f = pod__facts(p, pod);

		if (!pod__matches(p, pod, &all) ||
		    (slash && strncmp(f.ns, t->pods[0], (size_t)(slash - t->pods[0])) != 0))
			continue;
		if (!strcmp(f.name, name)) {
			say(w, "pod `%s/%s` is %s and has %s", f.ns, f.name, target_phases[f.phase],
			    f.n_ips ? "an address: something else does not match" : "no address");
			return true;
		}
		known[n++] = f.name;
	}
	say(w, "no pod is called `%s`", name);
	say_near(w, name, known, n);
	return true;
}

/* Values that label @key has among pods of @all, some of them. */
static void say_values(struct words *w, const struct pods *p, const struct target_selector *all,
		       const char *key, size_t len)
{
	const char *seen[8];
	const struct pod *pod;
	size_t n = 0;

	for (size_t i = 0; (pod = pods__at(p, i)) != NULL && n < ARRAY_SIZE(seen); i++) {
		const char *label;

		for (size_t k = 0;
		     pod__matches(p, pod, all) && (label = pod__label(p, pod, k)) != NULL; k++) {
			bool new = !strncmp(label, key, len) && label[len] == '=';

			/* equal labels are one text */
			for (size_t x = 0; x < n; x++)
				new = new &&seen[x] != label;
			if (new &&n < ARRAY_SIZE(seen))
				seen[n++] = label;
		}
	}
	if (!n)
		say(w, "; none has a label `%.*s`", (int)len, key);
	else
		say(w, "; there, `%.*s` is ", (int)len, key);
	for (size_t i = 0; i < n; i++)
		say(w, "%s%s", i ? ", " : "", seen[i] + len + 1);
	if (n == ARRAY_SIZE(seen))
		say(w, " ...");
}

/* The first label that no pod has, of those among which the selector looks. */
static bool say_label(struct words *w, const struct pods *p, const struct target_selector *t)
{
	struct target_selector all = anywhere(t);

	for (size_t i = 0; i < t->n_labels; i++) {
		struct target_selector one = all;
		const struct pod *pod;
		size_t n = 0, met = 0;

		one.labels = &t->labels[i];
		one.n_labels = 1;
		for (size_t k = 0; (pod = pods__at(p, k)) != NULL; k++) {
			n += pod__matches(p, pod, &all);
			met += pod__matches(p, pod, &one);
		}
		if (met)
			continue;
		say(w, "of %zu pods in its namespaces none has %s", n, t->labels[i]);
		say_values(w, p, &all, t->labels[i], strcspn(t->labels[i], "="));
		return true;
	}
	return false;
}

static void say_rest(struct words *w, const struct pods *p, const struct target_selector *t)
{
	const struct pod *pod;
	size_t n = 0, idle = 0;

	for (size_t i = 0; (pod = pods__at(p, i)) != NULL; i++) {
		bool matches = pod__matches(p, pod, t);

		n += matches;
		idle += matches && !pod__lives(pod);
	}
	if (idle)
		say(w, "%zu match, but none of them has an address and still runs", n);
	else if (n)
		say(w, "`not` leaves none of the %zu that match", n);
	else
		say(w, "each of its conditions is met by a pod, but no pod meets all");
}

int resolve__nothing(const struct pods *p, const struct endpoint *ep, const struct selector *s,
		     struct error *err)
{
	struct words w = {.buf = ""};
	char what[256];

	target_selector__describe(s->target, what, sizeof(what));
	if (!say_namespaces(&w, p, s->target) && !say_nodes(&w, p, s->target) &&
	    !say_name(&w, p, s->target) && !say_label(&w, p, s->target)) {
		w.used = 0;
		say_rest(&w, p, s->target);
	}
	return err__set(err, -ENOENT, "%s: nothing matches %s: %s", resolve__path(ep, s), what,
			w.buf);
}
