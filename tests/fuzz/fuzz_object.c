// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any JSON as an object of the API and as a pod: refused in words that are UTF-8, or an experiment that the child reads the
 * same, and whose pods can be asked for. Lines after the first are pods and nodes.
 */
#include "agent/resolve.h"
#include "fuzz_yaml.h"

#include <errno.h>

static void check_words(const struct error *err)
{
	json_t *j = json_string(err->msg);

	MUST(*err->msg && j);
	json_decref(j);
}

static void check_child(const struct experiment *e)
{
	const struct experiment_mode members = {.place = EXPERIMENT_MEMBERS};
	struct experiment *again = fuzz__again(e, &members);

	MUST(!e->has_lab);
	for (size_t i = 0; i < e->n_endpoints; i++) {
		const struct endpoint *ep = &e->endpoints[i];

		MUST(ep->n_selectors == again->endpoints[i].n_selectors);
		for (size_t k = 0; k < ep->n_selectors; k++) {
			MUST(ep->selectors[k].path);
			MUST(ep->selectors[k].kind == SELECTOR_PODS ||
			     ep->selectors[k].kind == SELECTOR_CIDR ||
			     ep->selectors[k].kind == SELECTOR_HOST);
			MUST(!selector__compare(&ep->selectors[k],
						&again->endpoints[i].selectors[k]));
		}
	}
	experiment__free(again);
}

static void check_pods(const struct pods *p, const struct cluster_object *o)
{
	struct resolution r = {0}, again = {0};
	struct error err = {0};
	int e = resolve__pods(p, o, "n1", NULL, &r, &err);

	MUST(!e || e == -ENOENT || e == -EINVAL);
	if (e)
		MUST(*err.msg);
	else
		MUST(r.n_here <= r.n_all && r.n_all <= pods__count(p));
	/* what was picked is what is meant from then on */
	if (!e) {
		MUST(!resolve__pods(p, o, "n1", r.picked, &again, &err));
		MUST(json_equal(again.picked, r.picked) && json_equal(again.members, r.members));
	} else {
		(void)resolve__pods(p, o, "n1", o->picked, &again, &err);
	}
	resolution__reset(&r);
	resolution__reset(&again);
}

/* Lines from @at on, each a pod or a node; then all away again. */
static struct pods *read_pods(const uint8_t *at, const uint8_t *end)
{
	struct pods *p = pods__new();

	MUST(p);
	while (at < end) {
		const uint8_t *nl = memchr(at, '\n', (size_t)(end - at));
		json_t *j;
		int r;

		nl = nl ? nl : end;
		j = json_loadb((const char *)at, (size_t)(nl - at), 0, NULL);
		r = pods__put(p, j);
		MUST(r == 0 || r == 1 || r == -EINVAL);
		if (r >= 0)
			MUST(pods__put(p, j) == 0);
		r = pods__put_node(p, j);
		MUST(r == 0 || r == 1 || r == -EINVAL);
		if (j && json_object_get(j, "gone"))
			(void)pods__remove(p, j);
		json_decref(j);
		at = nl + 1;
	}
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	size_t len = nl ? (size_t)(nl - data) : size;
	json_t *j = json_loadb((const char *)data, len, 0, NULL);
	struct cluster_object o = {0};
	struct error err = {0};
	int r = object__load(j, &o, &err);

	MUST(r == 0 || r == -EINVAL);
	if (r) {
		MUST(!o.e && err.code == r);
		check_words(&err);
	} else {
		struct pods *p = nl ? read_pods(nl + 1, data + size) : pods__new();

		check_child(o.e);
		check_pods(p, &o);
		pods__free(p);
	}
	cluster_object__reset(&o);
	json_decref(j);
	return 0;
}
