// SPDX-License-Identifier: GPL-2.0-only
/*
 * chaosmesh_workflow.c: a Workflow as faults at their times. Each of its steps has a known length, so that the
 * whole course is known before it begins.
 */
#include "experiment/netchaos.h"
#include "lib/cleanup.h"

#include <string.h>

/* What a workflow may nest, and how many steps it may come to: a template may be a child of many. */
enum { DEPTH_MAX = 32, STEPS_MAX = 10000, CHAOS_MAX = 1000 };

enum step { STEP_SERIAL, STEP_PARALLEL, STEP_SUSPEND, STEP_CHAOS };
static const char *const step_names[] = {"Serial", "Parallel", "Suspend", "NetworkChaos"};

struct template
{
	char *name;
	int step;	     /* enum step; -1: a finding */
	int64_t deadline_ns; /* 0: none */
	const struct yaml_node *children, *chaos_node;
	struct network_chaos chaos;
	bool open; /* being walked */
	struct pos pos;
};

struct workflow {
	char *entry;
	struct template *v;
	size_t n;
	const struct yaml_node *list;

	struct emission *em;
	size_t steps, chaos;
};

/* --- templates -------------------------------------------------------------------------------------- */

/* What Chaos Mesh has beside them is named, so that nobody takes it for a slip of the pen. */
static void template_type(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const others[] = {
		"Task",
		"Schedule",
		"StatusCheck",
		"AWSChaos",
		"AzureChaos",
		"BlockChaos",
		"DNSChaos",
		"GCPChaos",
		"HTTPChaos",
		"IOChaos",
		"JVMChaos",
		"KernelChaos",
		"PodChaos",
		"StressChaos",
		"TimeChaos",
		"CloudStackVMChaos",
		"PhysicalMachineChaos",
	};

	for (size_t i = 0; n->kind == YAML_SCALAR && i < ARRAY_SIZE(others); i++) {
		if (strcmp(n->text, others[i]) != 0)
			continue;
		reader__fault(
			r, n->pos,
			"a template of type %s cannot be run here; expected Serial, Parallel, "
			"Suspend or NetworkChaos",
			others[i]);
		return;
	}
	((struct template *)obj)->step =
		reader__word(r, n, "type of a template", step_names, ARRAY_SIZE(step_names));
}

static void template_deadline(struct reader *r, const struct yaml_node *n, void *obj)
{
	netchaos__read_duration(r, n, &((struct template *)obj)->deadline_ns);
}

static void template_children(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct template *t = obj;
	char found[FOUND_SIZE];
	size_t count = reader__list(r, n, "names of templates");

	for (size_t i = 0; i < count; i++)
		if (reader__item(n, i)->kind != YAML_SCALAR) {
			reader__fault(r, reader__item(n, i)->pos,
				      "found %s; expected the name of a template",
				      reader__found(reader__item(n, i), found));
			return;
		}
	t->children = count ? n : NULL;
}

static void template_chaos(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct template *t = obj;
	size_t before = r->n_findings + r->n_dropped;

	t->chaos_node = n;
	netchaos__read_spec(r, n, &t->chaos);
	if (r->n_findings + r->n_dropped == before)
		netchaos__check(r, &t->chaos);
}

static const struct option template_options[] = {
	FIELD("name", STRING, template, name, .required = true),
	OPTION("templateType", CUSTOM, .required = true, .parse = template_type),
	OPTION("deadline", CUSTOM, .parse = template_deadline),
	OPTION("children", CUSTOM, .parse = template_children),
	OPTION("networkChaos", CUSTOM, .parse = template_chaos),
};

static void check_template(struct reader *r, const struct yaml_node *n, const struct template *t)
{
	bool chaos = t->step == STEP_CHAOS, suspend = t->step == STEP_SUSPEND;

	if (t->step < 0)
		return;
	if (chaos != !!t->chaos_node)
		reader__fault(r, n->pos,
			      chaos ? "a template of type %s needs `networkChaos`"
				    : "`networkChaos` in a template of type %s",
			      step_names[t->step]);
	if ((chaos || suspend) && t->children)
		reader__fault(r, t->children->pos, "`children` in a template of type %s",
			      step_names[t->step]);
	if (!chaos && !suspend && !t->children)
		reader__fault(r, n->pos, "a template of type %s needs `children`",
			      step_names[t->step]);
	if (!t->deadline_ns && (suspend || (chaos && t->chaos_node && !t->chaos.duration_ns)))
		reader__fault(r, n->pos, "how long? a template of type %s needs its `deadline`",
			      step_names[t->step]);
}

static void workflow_templates(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workflow *w = obj;
	size_t count = reader__list(r, n, "templates");

	w->list = n;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct template *t = APPEND(r, w->v, w->n);
		size_t path = reader__enter(r, NULL, i);

		if (!t)
			return;
		t->step = -1;
		t->pos = item->pos;
		if (reader__map(r, item, "a template", template_options,
				ARRAY_SIZE(template_options), t))
			check_template(r, item, t);
		reader__leave(r, path);
	}
}

static const struct option workflow_options[] = {
	FIELD("entry", STRING, workflow, entry, .required = true),
	OPTION("templates", CUSTOM, .required = true, .parse = workflow_templates),
};

/* --- their course ------------------------------------------------------------------------------------- */

/* NULL after a finding. */
static struct template *find(struct workflow *w, const char *name, struct pos pos)
{
	struct reader *r = w->em->r;
	_cleanup_free_ const char **words = NULL;
	char hint[HINT_SIZE];

	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->v[i].name, name))
			return &w->v[i];
	words = calloc(w->n + 1, sizeof(*words));
	for (size_t i = 0; words && i < w->n; i++)
		words[i] = w->v[i].name;
	reader__hint(r, name, words, words ? w->n : 0, hint);
	reader__fault(r, pos, "no template `%.64s`%s", name, hint);
	return NULL;
}

/* A fault ends with its duration, its step with its deadline. */
static int64_t walk_chaos(struct workflow *w, struct template *t, int64_t start, int64_t limit)
{
	int64_t span = t->chaos.duration_ns, step = t->deadline_ns;
	struct reader *r = w->em->r;

	if (!span || (step && step < span))
		span = step;
	if (!step)
		step = span;
	if (span > limit - start)
		span = limit - start;
	if (++w->chaos > CHAOS_MAX)
		reader__fault(r, t->pos, "more than %d faults", CHAOS_MAX);
	else if (netchaos__emit(w->em, &t->chaos, start, span, 0))
		r->nomem = true;
	return start + step;
}

/* Run time at which @t ends that begins at @start; what is over by @limit is cut there. */
static int64_t walk(struct workflow *w, struct template *t, int64_t start, int64_t limit,
		    unsigned int depth)
{
	struct reader *r = w->em->r;
	int64_t end = start;

	if (start >= limit || r->nomem || r->n_findings)
		return start;
	if (t->open || depth > DEPTH_MAX || ++w->steps > STEPS_MAX) {
		reader__fault(r, t->pos,
			      t->open ? "template `%.64s` is a child of itself"
				      : "template `%.64s` is nested too deep or comes too often",
			      t->name);
		return start;
	}
	if (t->deadline_ns && t->deadline_ns < limit - start)
		limit = start + t->deadline_ns;
	t->open = true;
	for (size_t i = 0;
	     t->children && i < (t->children->kind == YAML_SEQUENCE ? t->children->n : 1); i++) {
		const struct yaml_node *name = reader__item(t->children, i);
		struct template *child = find(w, name->text, name->pos);
		int64_t begin = t->step == STEP_SERIAL ? end : start;
		int64_t over = child ? walk(w, child, begin, limit, depth + 1) : start;

		end = over > end ? over : end;
	}
	if (t->step == STEP_CHAOS)
		end = walk_chaos(w, t, start, limit);
	else if (t->step == STEP_SUSPEND)
		end = start + t->deadline_ns;
	t->open = false;
	return end < limit ? end : limit;
}

static void run(struct reader *r, struct workflow *w, struct pos pos)
{
	struct template *entry;
	int64_t end;

	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(w->v[i].name, w->v[k].name)) {
				reader__fault(r, w->v[i].pos, "a second template `%.64s`",
					      w->v[i].name);
				return;
			}
	entry = find(w, w->entry, pos);
	if (!entry)
		return;
	end = walk(w, entry, 0, INT64_MAX / 4, 0);
	if (!r->n_findings && !w->chaos)
		reader__fault(r, entry->pos, "no step of it is a fault");
	if (w->em->end_ns < end)
		w->em->end_ns = end;
}

void chaosmesh__workflow(struct reader *r, const struct yaml_node *spec,
			 const struct network_chaos *meta, struct emission *em)
{
	struct workflow w = {.em = em};
	size_t before = r->n_findings + r->n_dropped;
	bool ok = reader__map(r, spec, "a Workflow", workflow_options, ARRAY_SIZE(workflow_options),
			      &w);

	/* pods without a namespace are those of the workflow's; faults are called as their templates */
	for (size_t i = 0; i < w.n && !r->nomem; i++) {
		w.v[i].chaos.ns = meta->ns ? reader__strdup(r, meta->ns) : NULL;
		w.v[i].chaos.name = w.v[i].name ? reader__strdup(r, w.v[i].name) : NULL;
	}
	if (ok && r->n_findings + r->n_dropped == before && !r->nomem)
		run(r, &w, yaml__get(spec, "entry")->pos);
	for (size_t i = 0; i < w.n; i++) {
		network_chaos__reset(&w.v[i].chaos);
		free(w.v[i].name);
	}
	free(w.v);
	free(w.entry);
}
