// SPDX-License-Identifier: GPL-2.0-only
/* chaosmesh.c: manifests of Chaos Mesh as an experiment: NetworkChaos, Schedule, Workflow. */
#include "experiment/netchaos.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <inttypes.h>
#include <string.h>

#define GROUP "chaos-mesh.org/"
#define VERSION GROUP "v1alpha1"

/*
 * A schedule has no end; its run ends here if nobody stops it before: the longest that an experiment may be, and
 * no more occurrences than a schedule may have.
 */
#define ENDLESS_NS (30 * 24 * 3600 * NS_PER_S)
#define OCCURRENCES_MAX 100000

static void cleanup_chaos(struct network_chaos *c)
{
	network_chaos__reset(c);
}

bool chaosmesh__is(const struct yaml_node *root)
{
	const struct yaml_node *version = yaml__get(root, "apiVersion");
	const struct yaml_node *kind = yaml__get(root, "kind");

	if (version && version->kind == YAML_SCALAR &&
	    !strncmp(version->text, GROUP, strlen(GROUP)))
		return true;
	return kind && kind->kind == YAML_SCALAR && !strcmp(kind->text, "NetworkChaos");
}

/* --- Schedule --------------------------------------------------------------------------------------- */

struct schedule {
	const struct yaml_node *networkchaos;
	int64_t every_ns;
	bool allow; /* concurrencyPolicy */
};

static void schedule_when(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char every[] = "@every ";
	char found[FOUND_SIZE];
	int64_t ns = 0;

	if (n->kind == YAML_SCALAR && !strncmp(n->text, every, strlen(every)) &&
	    !units__go_duration(n->text + strlen(every), &ns) && ns >= NS_PER_S &&
	    ns <= ENDLESS_NS) {
		((struct schedule *)obj)->every_ns = ns / NS_PER_S * NS_PER_S;
		return;
	}
	reader__fault(r, n->pos,
		      "%s: a run has no calendar, times in it count from its start; expected "
		      "`@every` and "
		      "a time from 1s to 720h, as in \"@every 10m\"",
		      reader__found(n, found));
}

static void schedule_type(struct reader *r, const struct yaml_node *n, void *obj)
{
	char found[FOUND_SIZE];

	(void)obj;
	if (n->kind != YAML_SCALAR || strcmp(n->text, "NetworkChaos") != 0)
		reader__fault(r, n->pos,
			      "type %s is no fault of the network; expected NetworkChaos",
			      reader__found(n, found));
}

static void schedule_policy(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"Forbid", "Allow"};

	((struct schedule *)obj)->allow =
		reader__word(r, n, "concurrency policy", words, ARRAY_SIZE(words)) == 1;
}

/* How many objects stay behind: here none does. */
static void schedule_number(struct reader *r, const struct yaml_node *n, void *obj)
{
	uint64_t ignored;

	(void)obj;
	if (!yaml__is_null(n))
		reader__u64(r, n, 0, INT64_MAX, &ignored);
}

static void schedule_chaos(struct reader *r, const struct yaml_node *n, void *obj)
{
	(void)r;
	((struct schedule *)obj)->networkchaos = n;
}

static const struct option schedule_options[] = {
	OPTION("schedule", CUSTOM, .required = true, .parse = schedule_when),
	OPTION("type", CUSTOM, .required = true, .parse = schedule_type),
	OPTION("concurrencyPolicy", CUSTOM, .parse = schedule_policy),
	OPTION("historyLimit", CUSTOM, .parse = schedule_number),
	OPTION("startingDeadlineSeconds", CUSTOM, .parse = schedule_number),
	OPTION("networkChaos", CUSTOM, .required = true, .parse = schedule_chaos),
};

/* The first is due one period after the object was made, as with the cron library of Chaos Mesh. */
static void emit_schedule(struct emission *em, const struct yaml_node *n, const struct schedule *s,
			  const struct network_chaos *c)
{
	int64_t every = s->every_ns, end;

	if (!c->duration_ns) {
		reader__fault(em->r, s->networkchaos->pos,
			      "a scheduled fault needs its `duration`");
		return;
	}
	if (c->duration_ns > every && s->allow) {
		reader__fault(
			em->r, n->pos,
			"each lasts longer than the time to the next one, and concurrencyPolicy "
			"Allow would lay them over each other; expected Forbid");
		return;
	}
	/* Forbid: what is due while one is on is left out */
	every *= (c->duration_ns + every - 1) / every;
	end = every > ENDLESS_NS / OCCURRENCES_MAX ? ENDLESS_NS : every * (OCCURRENCES_MAX - 1);
	if (em->end_ns < end)
		em->end_ns = end;
	em->r->nomem |= netchaos__emit(em, c, s->every_ns, c->duration_ns, every) != 0;
}

static void read_schedule(struct reader *r, const struct yaml_node *n, struct network_chaos *c,
			  struct emission *em)
{
	struct schedule s = {0};
	size_t before = r->n_findings + r->n_dropped, path;

	if (!reader__map(r, n, "a Schedule", schedule_options, ARRAY_SIZE(schedule_options), &s) ||
	    !s.networkchaos)
		return;
	path = reader__enter(r, "networkChaos", 0);
	netchaos__read_spec(r, s.networkchaos, c);
	if (r->n_findings + r->n_dropped == before)
		netchaos__check(r, c);
	if (r->n_findings + r->n_dropped == before)
		emit_schedule(em, n, &s, c);
	reader__leave(r, path);
}

/* --- NetworkChaos ------------------------------------------------------------------------------------ */

static void read_chaos(struct reader *r, const struct yaml_node *n, struct network_chaos *c,
		       struct emission *em)
{
	size_t before = r->n_findings + r->n_dropped;

	netchaos__read_spec(r, n, c);
	if (r->n_findings + r->n_dropped == before)
		netchaos__check(r, c);
	if (r->n_findings + r->n_dropped != before)
		return;
	if (!c->duration_ns) {
		em->n_endless++;
		em->endless_pos = n->pos;
	} else if (em->end_ns < c->duration_ns) {
		em->end_ns = c->duration_ns;
	}
	r->nomem |= netchaos__emit(em, c, 0, c->duration_ns, 0) != 0;
}

/* --- documents --------------------------------------------------------------------------------------- */

/* What the documents say of the run. */
struct all {
	char *name, *seed, *max_endpoints;
	struct pos seed_pos;
	char first[128]; /* "NetworkChaos shop/web-delay" */
	int64_t run_ns;
	size_t n;
};

static const struct option object_options[] = {
	OPTION("apiVersion", HANDLED, .required = true),
	OPTION("kind", HANDLED, .required = true),
	OPTION("metadata", HANDLED, .required = true),
	OPTION("spec", HANDLED, .required = true),
	OPTION("status", HANDLED),
};

enum kind { KIND_CHAOS, KIND_SCHEDULE, KIND_WORKFLOW };
static const char *const kinds[] = {"NetworkChaos", "Schedule", "Workflow"};

/* -1 after a finding. */
static int kind_of(struct reader *r, const struct yaml_node *doc)
{
	const struct yaml_node *version = yaml__get(doc, "apiVersion"),
			       *kind = yaml__get(doc, "kind");
	char found[FOUND_SIZE], hint[HINT_SIZE] = "", none;

	if (!reader__map(r, doc, "an object", object_options, ARRAY_SIZE(object_options), &none))
		return -1;
	if (version && (version->kind != YAML_SCALAR || strcmp(version->text, VERSION) != 0)) {
		reader__fault(r, version->pos, "apiVersion %s; expected " VERSION,
			      reader__found(version, found));
		return -1;
	}
	for (size_t i = 0; kind && kind->kind == YAML_SCALAR && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind->text, kinds[i]))
			return (int)i;
	if (kind && kind->kind == YAML_SCALAR)
		reader__hint(r, kind->text, kinds, ARRAY_SIZE(kinds), hint);
	if (kind)
		reader__fault(r, kind->pos,
			      "kind %s is no fault of the network that is known here; expected "
			      "NetworkChaos, Schedule or Workflow%s",
			      reader__found(kind, found), hint);
	return -1;
}

static void read_metadata(struct reader *r, const struct yaml_node *doc, struct network_chaos *c)
{
	const struct yaml_node *n = yaml__get(doc, "metadata");
	size_t path = reader__enter(r, "metadata", 0);

	if (n)
		netchaos__read_metadata(r, n, c);
	reader__leave(r, path);
}

static void note(struct reader *r, struct all *all, const struct network_chaos *c, const char *kind)
{
	if (!all->n++)
		snprintf(all->first, sizeof(all->first), "%s %s/%s", kind,
			 c->ns ? c->ns : "default", c->name ? c->name : "");
	if (!all->name && c->name)
		all->name = reader__strdup(r, c->name);
	if (all->run_ns < c->run_ns)
		all->run_ns = c->run_ns;
	/* the least of several */
	if (c->max_endpoints &&
	    (!all->max_endpoints ||
	     strtoul(c->max_endpoints, NULL, 10) < strtoul(all->max_endpoints, NULL, 10))) {
		free(all->max_endpoints);
		all->max_endpoints = reader__strdup(r, c->max_endpoints);
	}
	if (!c->seed)
		return;
	if (all->seed && strcmp(all->seed, c->seed) != 0)
		reader__fault(r, c->seed_pos, "a second seed, %s; a run has one, %s", c->seed,
			      all->seed);
	free(all->seed);
	all->seed = reader__strdup(r, c->seed);
	all->seed_pos = c->seed_pos;
}

static void read_document(struct reader *r, const struct yaml_node *doc, struct emission *em,
			  struct all *all)
{
	_cleanup_(cleanup_chaos) struct network_chaos c = {0};
	const struct yaml_node *spec = yaml__get(doc, "spec");
	int kind = kind_of(r, doc);
	size_t path;

	if (kind < 0)
		return;
	read_metadata(r, doc, &c);
	note(r, all, &c, kinds[kind]);
	path = reader__enter(r, "spec", 0);
	if (spec && kind == KIND_CHAOS)
		read_chaos(r, spec, &c, em);
	else if (spec && kind == KIND_SCHEDULE)
		read_schedule(r, spec, &c, em);
	else if (spec)
		chaosmesh__workflow(r, spec, &c, em);
	reader__leave(r, path);
}

static int put_text(struct yaml *y, struct yaml_node *map, const char *key, const char *value,
		    struct pos pos)
{
	struct yaml_node *n = map && value ? yaml__new_scalar(y, value) : NULL;

	if (n)
		n->pos = pos;
	return map && n ? yaml__put(y, map, key, n) : -ENOMEM;
}

static struct yaml_node *build(struct emission *em, const struct all *all)
{
	struct yaml *y = em->y;
	const struct pos pos = y->root->pos;
	struct yaml_node *root = yaml__new_mapping(y), *meta = yaml__new_mapping(y);
	struct yaml_node *spec = yaml__new_mapping(y);
	const int64_t span = all->run_ns ? all->run_ns : em->end_ns;
	char duration[32], description[256], more[40] = "";
	int r = root && meta && spec ? 0 : -ENOMEM;

	if (r)
		return NULL;
	root->pos = meta->pos = spec->pos = pos;
	if (!span)
		snprintf(duration, sizeof(duration), "until-stopped");
	else if (span % NS_PER_S)
		snprintf(duration, sizeof(duration), "%" PRId64 "ns", span);
	else
		snprintf(duration, sizeof(duration), "%" PRId64 "s", (int64_t)(span / NS_PER_S));
	if (all->n > 1)
		snprintf(more, sizeof(more), " and %zu more", all->n - 1);
	snprintf(description, sizeof(description), "%s%s, of Chaos Mesh", all->first, more);
	r = put_text(y, root, "apiVersion", "netchaos.dev/v1alpha1", pos)
		    ?: put_text(y, root, "kind", "Experiment", pos)
		    ?: yaml__put(y, root, "metadata", meta)
		    ?: (all->name ? put_text(y, meta, "name", all->name, pos) : 0)
		    ?: put_text(y, meta, "description", description, pos)
		    ?: yaml__put(y, root, "spec", spec)
		    ?: (all->seed ? put_text(y, spec, "seed", all->seed, all->seed_pos) : 0)
		    ?: put_text(y, spec, "duration", duration, pos)
		    ?: (all->max_endpoints
				? put_text(y, spec, "maxEndpoints", all->max_endpoints, pos)
				: 0)
		    ?: yaml__put(y, spec, "endpoints", em->endpoints)
		    ?: yaml__put(y, spec, "faults", em->faults);
	return r ? NULL : root;
}

struct yaml_node *chaosmesh__translate(struct reader *r, struct yaml *y)
{
	struct emission em = {
		.r = r, .y = y, .endpoints = yaml__new_mapping(y), .faults = yaml__new_sequence(y)};
	struct yaml_node *root = NULL;
	struct all all = {0};

	r->nomem |= !em.endpoints || !em.faults;
	r->tells_path = !r->root; /* which tells it anyway */
	if (!r->nomem) {
		em.endpoints->pos = em.faults->pos = y->root->pos;
		if (!yaml__is_null(y->root))
			read_document(r, y->root, &em, &all);
	}
	for (size_t i = 0; i < y->n_more && !r->nomem; i++)
		if (!yaml__is_null(y->more[i]))
			read_document(r, y->more[i], &em, &all);
	r->tells_path = false;
	r->path[0] = '\0';
	/* one end is that of the run, which the leases of the others would have to know */
	if (em.n_endless && em.n_endless < em.n && !all.run_ns)
		reader__fault(
			r, em.endless_pos,
			"no `duration` beside others that end: how long is the run? expected a "
			"duration, or annotation netchaos.dev/duration");
	if (!r->nomem && !r->n_findings) {
		root = build(&em, &all);
		r->nomem |= !root;
	}
	free(all.name);
	free(all.seed);
	free(all.max_endpoints);
	return root;
}
