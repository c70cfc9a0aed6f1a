// SPDX-License-Identifier: GPL-2.0-only
/* runs.c: all runs, and the order in which one is looked at. */
#include "agent/runs_internal.h"

#include "agent/coordinate.h"
#include "agent/resolve.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <dirent.h>
#include <string.h>

const struct run_kind_info run_kinds[] = {
	[RUN_EXPERIMENT] = {"Experiment", "netchaos.dev/v1alpha1", "experiments"},
	[RUN_NETWORKCHAOS] = {"NetworkChaos", "chaos-mesh.org/v1alpha1", "networkchaos"},
	[RUN_WORKFLOW] = {"Workflow", "chaos-mesh.org/v1alpha1", "workflows"},
};

int runs__new(const struct runs_config *c, struct runs **ret)
{
	struct runs *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->c = *c;
	*ret = r;
	return 0;
}

static void unload(struct run *r)
{
	if (r->loaded)
		cluster_object__reset(&r->o);
	r->loaded = false;
}

static void run__free(struct run *r)
{
	struct send *const sends[] = {&r->start, &r->node, &r->whole, &r->chunk, &r->stop};

	for (size_t i = 0; i < ARRAY_SIZE(sends); i++)
		r->runs->c.ops->cancel(r->runs->c.arg, sends[i]);
	child__free(r->child);
	job__free(r->packing);
	collector__free(r->collector);
	unload(r);
	json_decref(r->obj);
	json_decref(r->collector_saw);
	json_decref(r->pods_told);
	json_decref(r->members);
	json_decref(r->live);
	free(r->uid);
	free(r->ns);
	free(r->name);
	free(r->path);
	free(r->refused);
	free(r->pending);
	free(r->folder);
	free(r->message);
	free(r);
}

void runs__free(struct runs *r)
{
	if (!r)
		return;
	while (r->first) {
		struct run *x = r->first;

		r->first = x->next;
		run__free(x);
	}
	free(r->trouble);
	free(r);
}

static const char *meta(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(json_object_get(obj, "metadata"), key));
}

static struct run *find(const struct runs *r, const char *uid)
{
	for (struct run *x = r->first; x; x = x->next)
		if (!strcmp(x->uid, uid))
			return x;
	return NULL;
}

/* A folder that an agent before this one made. */
static void find_folder(struct run *r)
{
	_cleanup_free_ char *path = run_folder__path(r->runs->c.dir, r->uid);

	if (path && access(path, F_OK) == 0)
		r->folder = TAKE_PTR(path);
}

static struct run *add(struct runs *runs, enum run_kind kind, const json_t *obj)
{
	const char *uid = meta(obj, "uid"), *ns = meta(obj, "namespace"), *name = meta(obj, "name");
	const struct run_kind_info *k = &run_kinds[kind];
	struct run *r;

	/* It names a folder, too. */
	if (!uid || !ns || !name || !record__name_ok(uid))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->runs = runs;
	r->kind = kind;
	r->uid = strdup(uid);
	r->ns = strdup(ns);
	r->name = strdup(name);
	if (!r->uid || !r->ns || !r->name ||
	    asprintf(&r->path, "/apis/%s/namespaces/%s/%s/%s", k->group_version, ns, k->plural,
		     name) < 0) {
		r->path = NULL;
		run__free(r);
		return NULL;
	}
	r->start = (struct send){.run = r, .what = "the start"};
	r->node = (struct send){.run = r, .what = "this node's status"};
	r->whole = (struct send){.run = r, .what = "the status"};
	r->chunk = (struct send){.run = r, .what = "the record"};
	r->stop = (struct send){.run = r, .what = "the stop"};
	r->generation = -1;
	find_folder(r);
	r->next = runs->first;
	runs->first = r;
	return r;
}

void runs__put(struct runs *runs, enum run_kind kind, const json_t *obj)
{
	const char *uid = meta(obj, "uid");
	struct run *r = uid ? find(runs, uid) : NULL;

	if (!r)
		r = add(runs, kind, obj);
	if (r)
		run__take(r, obj);
}

void runs__gone(struct runs *runs, const json_t *obj)
{
	const char *uid = meta(obj, "uid");
	struct run *r = uid ? find(runs, uid) : NULL;

	if (r)
		r->gone = r->dirty = true;
}

static bool is_of(const char *folder, enum run_kind kind)
{
	json_t *obj = run_folder__read_json(folder, "object.json");
	const char *is = json_string_value(json_object_get(obj, "kind"));
	bool same = is && !strcmp(is, run_kinds[kind].kind);

	json_decref(obj);
	return same;
}

void runs__synced(struct runs *runs, enum run_kind kind)
{
	DIR *d = opendir(runs->c.dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = NULL;

		/* Not ours: no UID that Kubernetes gives. */
		if (strlen(e->d_name) != 36 || !record__name_ok(e->d_name) || find(runs, e->d_name))
			continue;
		path = run_folder__path(runs->c.dir, e->d_name);
		if (!path || !is_of(path, kind))
			continue;
		log_info("%s: its object is gone", path);
		child__end_left_over(path, true);
		run_folder__remove(path);
	}
	if (d)
		closedir(d);
}

void runs__set_pods(struct runs *runs, const struct pods *p)
{
	runs->pods = p;
	runs->pods_version++;
	for (struct run *r = runs->first; r; r = r->next)
		r->dirty |= r->loaded;
}

/* --- one run --------------------------------------------------------------------------------------- */

static bool set(char **text, const char *words)
{
	if (!words == !*text && (!words || !strcmp(words, *text)))
		return false;
	free(*text);
	*text = words ? strdup(words) : NULL;
	return true;
}

void runs__set_trouble(struct runs *runs, const char *words)
{
	if (!set(&runs->trouble, words))
		return;
	for (struct run *r = runs->first; r; r = r->next)
		r->dirty |= r->loaded;
}

/*
 * Nothing is to be done for it here any more: all that this node owed has been said, or it never took part.
 */
static bool settled(const struct run *r)
{
	const json_t *status = json_object_get(r->obj, "status"),
		     *own = json_object_get(json_object_get(status, "nodes"), r->runs->c.node);
	const char *phase = json_string_value(json_object_get(own, "phase"));

	if (r->child || !status__is_final(json_string_value(json_object_get(status, "phase"))))
		return false;
	if (r->segments || r->folder || own)
		return phase && r->looked && r->over && !r->node.busy &&
		       (!strcmp(phase, "Done") || !strcmp(phase, "Failed"));
	return true;
}

static void apply_times(struct run *r)
{
	r->start_at_ns = coordinate__start_at(r->obj);
	if (!r->start_at_ns)
		r->end_ns = 0;
	else if (r->loaded) /* else it is settled, and the report may still wait for the end */
		r->end_ns = r->o.e->until_stopped ? 0 : r->start_at_ns + r->o.e->duration_ns;
	if (!coordinate__stop(r->obj))
		r->stop_seen_ns = 0;
	else if (!r->stop_seen_ns)
		r->stop_seen_ns = run__realtime(r);
}

static json_int_t generation_of(const json_t *obj)
{
	return json_integer_value(json_object_get(json_object_get(obj, "metadata"), "generation"));
}

/* The generation whose spec a run that has begun goes by; 0: not said. */
static json_int_t observed_of(const json_t *obj)
{
	return json_integer_value(
		json_object_get(json_object_get(obj, "status"), "observedGeneration"));
}

/* Once a run has a start its spec stands: a new one is said to be late, and not read. */
static void check_change(struct run *r)
{
	json_int_t observed = observed_of(r->obj);

	if (r->change_told || !observed || generation_of(r->obj) == observed)
		return;
	r->change_told = true;
	run__event(r, true, "SpecNotRead", "spec is not read again after the start");
}

/*
 * The object to load: of a run that has begun the one that it began with. NULL: that is not known any more, so
 * that this node, which had no part in it, has none.
 */
static json_t *spec_of(struct run *r)
{
	json_int_t observed = observed_of(r->obj);
	json_t *old;

	if (!coordinate__start_at(r->obj) || !observed || observed == generation_of(r->obj))
		return json_incref(r->obj);
	old = r->folder ? run_folder__read_json(r->folder, "object.json") : NULL;
	if (old && generation_of(old) == observed)
		return old;
	json_decref(old);
	return NULL;
}

static void load(struct run *r)
{
	json_int_t observed = coordinate__start_at(r->obj) ? observed_of(r->obj) : 0;
	struct error err = {0};
	json_t *spec;

	if (observed && r->loaded && (r->generation == observed || r->segments)) {
		set(&r->refused, NULL);
		check_change(r);
		return;
	}
	spec = spec_of(r);
	if (spec && r->generation == generation_of(spec) && (r->loaded || r->refused)) {
		json_decref(spec);
		return;
	}
	unload(r);
	set(&r->refused, NULL);
	if (!spec)
		return;
	r->generation = generation_of(spec);
	r->pods_seen = 0;
	if (object__load(spec, &r->o, &err) == 0)
		r->loaded = true;
	else
		set(&r->refused, err.msg);
	json_decref(spec);
}

/* It has no start yet: whether it can have one. */
static void prepare(struct run *r)
{
	struct resolution res = {0};
	struct error err = {0};
	int rc;

	if (coordinate__stop(r->obj) || coordinate__paused(r->obj))
		return;
	if (!r->runs->pods) {
		set(&r->pending, r->runs->trouble);
		return;
	}
	rc = resolve__pods(r->runs->pods, &r->o, r->runs->c.node, NULL, &res, &err);
	set(&r->pending, rc == -ENOENT ? err.msg : NULL);
	if (rc == -EINVAL)
		set(&r->refused, err.msg);
	if (rc < 0)
		return;
	r->n_here = res.n_here;
	run__send_start(r, res.picked);
	json_decref(res.members);
	json_decref(res.picked);
}

static void run__step(struct run *r)
{
	r->dirty = false;
	r->due_ns = INT64_MAX;
	if (coordinate__start_at(r->obj))
		run__look(r);
	if (settled(r))
		unload(r); /* thousands of them may lie about */
	else
		load(r);
	apply_times(r);
	if (r->loaded && !r->start_at_ns && !r->refused)
		prepare(r);
	if (r->loaded && r->start_at_ns) {
		run__follow(r);
		run__send_record(r);
		run__send_node(r);
	}
	run__send_whole(r);
	run__collect(r);
}

/* Its object is gone: so are its faults, then its folder. True: it can be forgotten. */
static bool leave(struct run *r)
{
	r->dirty = false;
	r->due_ns = INT64_MAX;
	if (!run__end_child(r) || !run__end_left_over(r))
		return false;
	/* They write into it. */
	job__free(TAKE_PTR(r->packing));
	collector__free(TAKE_PTR(r->collector));
	if (r->folder)
		run_folder__remove(r->folder);
	return true;
}

/* The end of a child is seen by asking: that costs one system call each. */
static bool child_ended(const struct run *r)
{
	int status;

	return r->child && child__ended(r->child, &status);
}

int64_t runs__step(struct runs *runs)
{
	int64_t now = runs->c.ops->now(runs->c.arg), next = INT64_MAX;

	for (struct run **at = &runs->first; *at;) {
		struct run *r = *at;

		if (r->dirty || r->due_ns <= now || child_ended(r) || r->packing || r->collector) {
			if (r->gone && leave(r)) {
				*at = r->next;
				run__free(r);
				continue;
			}
			if (!r->gone)
				run__step(r);
		}
		/* What answers or Events made dirty meanwhile is seen to at once. */
		if (r->dirty)
			next = now;
		if (r->due_ns < next)
			next = r->due_ns;
		at = &r->next;
	}
	return next;
}

/* --- the whole -------------------------------------------------------------------------------------- */

size_t runs__fds(const struct runs *runs, struct pollfd *fds)
{
	size_t n = 0;

	for (const struct run *r = runs->first; r && n < RUNS_FDS_MAX - 1; r = r->next) {
		/* A record is packed when the child has gone: at most two of the three are there. */
		int own[] = {r->child ? child__fd(r->child) : -1, job__fd(r->packing),
			     collector__fd(r->collector)};

		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			if (own[i] >= 0)
				fds[n++] = (struct pollfd){.fd = own[i], .events = POLLIN};
	}
	return n;
}

bool runs__end(struct runs *runs, bool now)
{
	bool none = true;

	runs->ending = true;
	for (struct run *r = runs->first; r; r = r->next) {
		if (r->child && now)
			child__end(r->child, true);
		if (!run__end_child(r))
			none = false;
		/* What works beside the loop is not waited for: the next agent does it. */
		job__free(TAKE_PTR(r->packing));
		collector__free(TAKE_PTR(r->collector));
	}
	return none;
}

struct runs_count runs__count(const struct runs *runs)
{
	struct runs_count c = {0};

	for (const struct run *r = runs->first; r; r = r->next) {
		const char *phase = json_string_value(
			json_object_get(json_object_get(r->obj, "status"), "phase"));

		c.objects++;
		c.children += r->child != NULL;
		c.refused += r->refused != NULL;
		c.failed += r->failed;
		c.active += r->start_at_ns && !status__is_final(phase) && !r->refused;
		c.owed += (!r->start_at_ns && r->start.failures) || r->node.failures ||
			  r->whole.failures || r->chunk.failures || r->record == RECORD_PACKED;
	}
	return c;
}

void runs__each(const struct runs *runs, runs_each_fn *fn, void *arg)
{
	for (const struct run *r = runs->first; r; r = r->next)
		if (!r->gone)
			fn(arg, r->obj, run__concerned(r) ? node_phases[run__node_phase(r)] : NULL,
			   r->live);
}

/* --- what pods they ask for ------------------------------------------------------------------------- */

/* The only namespace of @t; "": there is more than one. */
static const char *namespace_of(const struct target_selector *t)
{
	const char *ns = t->pod_namespace	? t->pod_namespace
			 : t->n_namespaces == 1 ? t->namespaces[0]
						: NULL;

	for (size_t i = 0; i < t->n_pods; i++) {
		const char *slash = strchr(t->pods[i], '/');
		size_t n = slash ? (size_t)(slash - t->pods[i]) : 0;

		/* With both, one of both must hold or each, as the form has it: then all are asked for. */
		if (!ns || !n || strlen(ns) != n || strncmp(ns, t->pods[i], n) != 0)
			return "";
	}
	return ns ? ns : "";
}

static void add_want(struct runs_want *w, const struct target_selector *t)
{
	const char *ns = namespace_of(t);

	w->nodes |= t->n_node_labels > 0;
	if (!w->pods)
		snprintf(w->ns, sizeof(w->ns), "%s", ns);
	else if (strcmp(w->ns, ns) != 0)
		w->ns[0] = '\0';
	w->pods = true;
}

static void run__want(const struct run *r, struct runs_want *w)
{
	const struct experiment *e = r->o.e;

	if (!r->loaded || r->refused || r->over || r->gone)
		return;
	for (size_t i = 0; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++) {
			const struct selector *s = &e->endpoints[i].selectors[k];

			if (s->kind == SELECTOR_PODS && s->target)
				add_want(w, s->target);
		}
}

struct runs_want runs__want(const struct runs *runs)
{
	struct runs_want w = {0};

	for (const struct run *r = runs->first; r; r = r->next)
		run__want(r, &w);
	return w;
}
