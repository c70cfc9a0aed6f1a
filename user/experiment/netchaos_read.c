// SPDX-License-Identifier: GPL-2.0-only
/*
 * netchaos_read.c: the fields of a NetworkChaos, as api/v1alpha1/networkchaos_types.go of Chaos Mesh 2.x has
 * them, with what its webhooks ask of their values.
 */
#include "experiment/netchaos.h"
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

#define DURATION_MAX_NS (30 * 24 * 3600 * NS_PER_S)

const char *const netchaos_actions[NETCHAOS_ACTIONS] = {
	"netem", "delay", "loss", "duplicate", "corrupt", "partition", "bandwidth",
};

/* --- values --------------------------------------------------------------------------------------- */

static bool is_text(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !yaml__is_null(n);
}

static bool read_go_duration(struct reader *r, const struct yaml_node *n, int64_t lo, int64_t *ret)
{
	char found[FOUND_SIZE];
	int64_t ns = 0;
	int err = is_text(n) ? units__go_duration(n->text, &ns) : -EINVAL;

	if (!err && ns >= lo && ns <= DURATION_MAX_NS) {
		*ret = ns;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(
			r, n->pos,
			"%s is no duration; expected numbers with ns us ms s m h, as in 100ms "
			"or 1m30s",
			reader__found(n, found));
	else
		reader__fault(r, n->pos, "%s is out of range; expected %s and at most 720h",
			      reader__found(n, found), lo ? "more than 0" : "0 or more");
	return false;
}

bool netchaos__read_duration(struct reader *r, const struct yaml_node *n, int64_t *ret)
{
	return read_go_duration(r, n, 1, ret);
}

/* "25" and "0.5": percent, without a sign for it. */
static void read_percent(struct reader *r, const struct yaml_node *n, double *ret)
{
	char found[FOUND_SIZE];
	double x = 0;
	int err = is_text(n) ? units__number(n->text, &x) : -EINVAL;

	if (!err && x <= 100) {
		*ret = x;
		return;
	}
	if (!err || err == -ERANGE)
		reader__fault(r, n->pos, "%s is out of range; expected 0 to 100",
			      reader__found(n, found));
	else
		reader__fault(
			r, n->pos,
			"%s is no percentage; expected a number from 0 to 100, without %%, as "
			"in \"25\"",
			reader__found(n, found));
}

/* --- delay ---------------------------------------------------------------------------------------- */

static void delay_latency(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_go_duration(r, n, 0, &((struct netchaos_delay *)obj)->latency_ns);
}

static void delay_jitter(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_go_duration(r, n, 0, &((struct netchaos_delay *)obj)->jitter_ns);
}

static void delay_correlation(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_percent(r, n, &((struct netchaos_delay *)obj)->correlation);
}

static void reorder_percent(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_percent(r, n, &((struct netchaos_delay *)obj)->reorder.percent);
}

static void reorder_correlation(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_percent(r, n, &((struct netchaos_delay *)obj)->reorder.correlation);
}

static const struct option reorder_options[] = {
	OPTION("reorder", CUSTOM, .required = true, .parse = reorder_percent),
	OPTION("correlation", CUSTOM, .parse = reorder_correlation),
	FIELD("gap", UINT, netchaos_delay, gap, .lo = 0, .hi = UINT32_MAX),
};

static void delay_reorder(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_delay *d = obj;

	d->reorder.set = true;
	d->reorder.pos = n->pos;
	reader__map(r, n, "a reordering", reorder_options, ARRAY_SIZE(reorder_options), d);
}

static const struct option delay_options[] = {
	OPTION("latency", CUSTOM, .required = true, .parse = delay_latency),
	OPTION("jitter", CUSTOM, .parse = delay_jitter),
	OPTION("correlation", CUSTOM, .parse = delay_correlation),
	OPTION("reorder", CUSTOM, .parse = delay_reorder),
};

static void spec_delay(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_delay *d = &((struct network_chaos *)obj)->delay;

	d->set = true;
	d->pos = n->pos;
	reader__map(r, n, "a delay", delay_options, ARRAY_SIZE(delay_options), d);
}

/* --- loss, duplicate, corrupt ----------------------------------------------------------------------- */

static void chance_percent(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_percent(r, n, &((struct netchaos_chance *)obj)->percent);
}

static void chance_correlation(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_percent(r, n, &((struct netchaos_chance *)obj)->correlation);
}

/* The first is called as the part is. */
static void read_chance(struct reader *r, const struct yaml_node *n, const char *key,
			const char *what, struct netchaos_chance *c)
{
	const struct option options[] = {
		OPTION(key, CUSTOM, .required = true, .parse = chance_percent),
		OPTION("correlation", CUSTOM, .parse = chance_correlation),
	};

	c->set = true;
	c->pos = n->pos;
	reader__map(r, n, what, options, ARRAY_SIZE(options), c);
}

static void spec_loss(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_chance(r, n, "loss", "a loss", &((struct network_chaos *)obj)->loss);
}

static void spec_duplicate(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_chance(r, n, "duplicate", "a duplication", &((struct network_chaos *)obj)->duplicate);
}

static void spec_corrupt(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_chance(r, n, "corrupt", "a corruption", &((struct network_chaos *)obj)->corrupt);
}

/* --- rate, bandwidth -------------------------------------------------------------------------------- */

static void rate_rate(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_rate *rate = obj;
	char found[FOUND_SIZE];
	double x;

	if (is_text(n) && !units__bandwidth(n->text, &x)) {
		free(rate->rate);
		rate->rate = reader__strdup(r, n->text);
		return;
	}
	reader__fault(
		r, n->pos,
		"%s is no rate; expected a number above 0 with bps kbps mbps gbps tbps (bytes a "
		"second) or bit kbit mbit gbit (bits a second), as in 1mbps",
		reader__found(n, found));
}

static const struct option rate_options[] = {
	OPTION("rate", CUSTOM, .required = true, .parse = rate_rate),
};

static void spec_rate(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_rate *rate = &((struct network_chaos *)obj)->rate;

	rate->set = true;
	rate->pos = n->pos;
	reader__map(r, n, "a rate", rate_options, ARRAY_SIZE(rate_options), rate);
}

/* tbf's second bucket; 0 is none. */
static void no_peak(struct reader *r, const struct yaml_node *n, void *obj)
{
	(void)obj;
	if (!is_text(n) || strcmp(n->text, "0") != 0)
		reader__fault(
			r, n->pos,
			"a second bucket for peaks is not in this version; `rate` and `buffer` say "
			"what may pass");
}

static const struct option bandwidth_options[] = {
	OPTION("rate", CUSTOM, .required = true, .parse = rate_rate),
	FIELD("limit", UINT, netchaos_rate, limit, .required = true, .lo = 1, .hi = UINT32_MAX),
	FIELD("buffer", UINT, netchaos_rate, buffer, .required = true, .lo = 1, .hi = UINT32_MAX),
	OPTION("peakrate", CUSTOM, .parse = no_peak),
	OPTION("minburst", CUSTOM, .parse = no_peak),
};

static void spec_bandwidth(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_rate *rate = &((struct network_chaos *)obj)->bandwidth;

	rate->set = true;
	rate->pos = n->pos;
	reader__map(r, n, "a bandwidth", bandwidth_options, ARRAY_SIZE(bandwidth_options), rate);
}

/* --- who -------------------------------------------------------------------------------------------- */

static void spec_action(struct reader *r, const struct yaml_node *n, void *obj)
{
	int i = reader__word(r, n, "action", netchaos_actions, NETCHAOS_ACTIONS);

	if (i >= 0)
		((struct network_chaos *)obj)->action = (enum netchaos_action)i;
}

static void peer_selector(struct reader *r, const struct yaml_node *n, void *obj)
{
	netchaos__read_selector(r, n, obj);
}

static void peer_mode(struct reader *r, const struct yaml_node *n, void *obj)
{
	int i = reader__word(r, n, "mode", pick_modes, ARRAY_SIZE(pick_modes));

	if (i >= 0)
		((struct netchaos_peer *)obj)->pods.pick.mode = (enum pick_mode)i;
}

/* Behind the mode, which says what it is. */
static void peer_value(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct target_pick *pick = &((struct netchaos_peer *)obj)->pods.pick;
	bool percent = pick->mode >= PICK_FIXED_PERCENT;
	uint64_t value = 0;

	if (n->kind == YAML_SCALAR && (yaml__is_null(n) || !*n->text))
		return;
	if (pick->mode < PICK_FIXED) {
		reader__fault(r, n->pos, "mode %s takes no value", pick_modes[pick->mode]);
		return;
	}
	if (reader__u64(r, n, 1, percent ? 100 : 1000000, &value))
		pick->value = (unsigned int)value;
}

static const struct option peer_options[] = {
	OPTION("selector", CUSTOM, .required = true, .parse = peer_selector),
	OPTION("mode", CUSTOM, .required = true, .parse = peer_mode),
	OPTION("value", CUSTOM, .parse = peer_value),
};

static void check_value(struct reader *r, const struct yaml_node *n, const struct netchaos_peer *p)
{
	const struct yaml_node *value = yaml__get(n, "value");
	bool given =
		value && !(value->kind == YAML_SCALAR && (yaml__is_null(value) || !*value->text));

	if (p->pods.pick.mode >= PICK_FIXED && !given)
		reader__fault(r, value ? value->pos : n->pos, "mode %s needs `value`",
			      pick_modes[p->pods.pick.mode]);
}

static void spec_target(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_peer *p = &((struct network_chaos *)obj)->target;

	p->set = true;
	p->pos = n->pos;
	if (reader__map(r, n, "a target", peer_options, ARRAY_SIZE(peer_options), p))
		check_value(r, n, p);
}

static void spec_selector(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_peer *p = &((struct network_chaos *)obj)->source;

	p->set = true;
	p->pos = n->pos;
	peer_selector(r, n, p);
}

static void spec_mode(struct reader *r, const struct yaml_node *n, void *obj)
{
	peer_mode(r, n, &((struct network_chaos *)obj)->source);
}

static void spec_value(struct reader *r, const struct yaml_node *n, void *obj)
{
	peer_value(r, n, &((struct network_chaos *)obj)->source);
}

static void spec_direction(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"to", "from", "both"};
	int i;

	if (n->kind == YAML_SCALAR && !*n->text)
		return;
	i = reader__word(r, n, "direction", words, ARRAY_SIZE(words));
	if (i >= 0)
		((struct network_chaos *)obj)->direction = DIRECTION_TO + (unsigned int)i;
}

static void spec_externals(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct network_chaos *c = obj;
	size_t count = n->kind == YAML_SEQUENCE && !n->n ? 0 : reader__list(r, n, "addresses");

	for (size_t i = 0; i < count; i++) {
		struct netchaos_external *x = APPEND(r, c->externals, c->n_externals);
		size_t path = reader__enter(r, NULL, i);

		if (x)
			netchaos__read_external(r, reader__item(n, i), x);
		reader__leave(r, path);
	}
}

static void read_device(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	if (n->kind != YAML_SCALAR || *n->text)
		parse_target_key(r, n, TARGET_KEY_POD_DEVICE, t);
}

static void spec_device(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_device(r, n, &((struct network_chaos *)obj)->source.pods);
}

static void spec_target_device(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_device(r, n, &((struct network_chaos *)obj)->target.pods);
}

static void spec_duration(struct reader *r, const struct yaml_node *n, void *obj)
{
	netchaos__read_duration(r, n, &((struct network_chaos *)obj)->duration_ns);
}

static void spec_behavior(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"drop", "reject"};
	int i = reader__word(r, n, "behavior of a partition", words, ARRAY_SIZE(words));

	((struct network_chaos *)obj)->reject = i == 1;
}

static void spec_remote(struct reader *r, const struct yaml_node *n, void *obj)
{
	(void)obj;
	if (n->kind != YAML_SCALAR || *n->text)
		reader__fault(r, n->pos,
			      "another cluster cannot be reached from here; apply it there");
}

/* --- spec ------------------------------------------------------------------------------------------- */

/* Order matters: `value` knows `mode`. */
static const struct option spec_options[] = {
	OPTION("action", CUSTOM, .required = true, .parse = spec_action),
	OPTION("selector", CUSTOM, .required = true, .parse = spec_selector),
	OPTION("mode", CUSTOM, .required = true, .parse = spec_mode),
	OPTION("value", CUSTOM, .parse = spec_value),
	OPTION("target", CUSTOM, .parse = spec_target),
	OPTION("direction", CUSTOM, .parse = spec_direction),
	OPTION("externalTargets", CUSTOM, .parse = spec_externals),
	OPTION("device", CUSTOM, .parse = spec_device),
	OPTION("targetDevice", CUSTOM, .parse = spec_target_device),
	OPTION("duration", CUSTOM, .parse = spec_duration),
	OPTION("partitionBehavior", CUSTOM, .parse = spec_behavior),
	OPTION("delay", CUSTOM, .parse = spec_delay),
	OPTION("loss", CUSTOM, .parse = spec_loss),
	OPTION("duplicate", CUSTOM, .parse = spec_duplicate),
	OPTION("corrupt", CUSTOM, .parse = spec_corrupt),
	OPTION("rate", CUSTOM, .parse = spec_rate),
	OPTION("bandwidth", CUSTOM, .parse = spec_bandwidth),
	OPTION("remoteCluster", CUSTOM, .parse = spec_remote),
};

/* Say of @key of @n that it does not belong to the action. */
static void refuse_part(struct reader *r, const struct yaml_node *n, const char *key,
			const struct network_chaos *c)
{
	const struct yaml_node *part = yaml__get(n, key);
	size_t path = reader__enter(r, key, 0);

	if (part)
		reader__fault(r, part->pos, "`%s` with action %s, which has none", key,
			      netchaos_actions[c->action]);
	reader__leave(r, path);
}

/* The parts that an action must have, and may. */
static void check_parts(struct reader *r, const struct yaml_node *n, const struct network_chaos *c)
{
	static const char *const netem[] = {"delay", "loss", "duplicate", "corrupt", "rate"};
	const char *own = netchaos_actions[c->action];
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(netem); i++) {
		any |= yaml__get(n, netem[i]) != NULL;
		if (c->action >= NETCHAOS_PARTITION)
			refuse_part(r, n, netem[i], c);
	}
	if (c->action != NETCHAOS_BANDWIDTH)
		refuse_part(r, n, "bandwidth", c);
	if (c->action != NETCHAOS_PARTITION)
		refuse_part(r, n, "partitionBehavior", c);
	if (c->action == NETCHAOS_NETEM && !any)
		reader__fault(r, n->pos,
			      "action netem needs one of delay, loss, duplicate, corrupt, rate");
	else if (c->action != NETCHAOS_NETEM && c->action != NETCHAOS_PARTITION &&
		 !yaml__get(n, own))
		reader__fault(r, n->pos, "action %s needs `%s`", own, own);
	if (c->target.pods.device && !c->target.set) {
		const struct yaml_node *device = yaml__get(n, "targetDevice");

		reader__fault(r, device->pos, "`targetDevice` without `target`");
	}
}

void netchaos__read_spec(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct network_chaos *c = obj;
	size_t before = r->n_findings + r->n_dropped;

	c->pos = n->pos;
	if (!reader__map(r, n, "a NetworkChaos", spec_options, ARRAY_SIZE(spec_options), c))
		return;
	/* relations between values only where the values are right */
	if (r->n_findings + r->n_dropped != before)
		return;
	check_value(r, n, &c->source);
	check_parts(r, n, c);
}

/* --- metadata ---------------------------------------------------------------------------------------- */

static void read_annotations(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct network_chaos *c = obj;
	size_t count = yaml__is_null(n) ? 0 : reader__pairs(r, n, "annotations");

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		size_t path = reader__enter(r, key->text, 0);
		uint64_t number;

		if (!strcmp(key->text, "netchaos.dev/seed") &&
		    reader__u64(r, value, 0, EXPERIMENT_SEED_MAX, &number)) {
			free(c->seed);
			c->seed = reader__strdup(r, value->text);
			c->seed_pos = value->pos;
		} else if (!strcmp(key->text, "netchaos.dev/duration")) {
			netchaos__read_duration(r, value, &c->run_ns);
		} else if (!strcmp(key->text, "netchaos.dev/max-endpoints") &&
			   reader__u64(r, value, 1, 1000000, &number)) {
			free(c->max_endpoints);
			c->max_endpoints = reader__strdup(r, value->text);
		} else if (!strcmp(key->text, "experiment.chaos-mesh.org/pause") &&
			   r->place == EXPERIMENT_HERE && value->kind == YAML_SCALAR &&
			   !strcmp(value->text, "true")) {
			reader__fault(r, value->pos, "it is paused: there is nothing to run");
		}
		reader__leave(r, path);
	}
}

/* ObjectMeta of Kubernetes: what is not used here is the API server's. */
static const struct option metadata_options[] = {
	FIELD("name", STRING, network_chaos, name),
	FIELD("namespace", STRING, network_chaos, ns),
	OPTION("annotations", CUSTOM, .parse = read_annotations),
	OPTION("labels", HANDLED),
	OPTION("generateName", HANDLED),
	OPTION("uid", HANDLED),
	OPTION("resourceVersion", HANDLED),
	OPTION("generation", HANDLED),
	OPTION("creationTimestamp", HANDLED),
	OPTION("deletionTimestamp", HANDLED),
	OPTION("deletionGracePeriodSeconds", HANDLED),
	OPTION("ownerReferences", HANDLED),
	OPTION("finalizers", HANDLED),
	OPTION("managedFields", HANDLED),
	OPTION("selfLink", HANDLED),
};

void netchaos__read_metadata(struct reader *r, const struct yaml_node *n, void *obj)
{
	const struct yaml_node *name = yaml__get(n, "name");
	struct network_chaos *c = obj;

	if (reader__map(r, n, "metadata", metadata_options, ARRAY_SIZE(metadata_options), c) &&
	    name && c->name)
		reader__check_name(r, name->pos, c->name);
}

/* --- memory ------------------------------------------------------------------------------------------ */

static void free_texts(struct netchaos_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
}

static void free_peer(struct netchaos_peer *p)
{
	target_selector__reset(&p->pods);
	free_texts(&p->nodes);
	free_texts(&p->annotations);
	free_texts(&p->node_labels);
	free_texts(&p->fields);
	free_texts(&p->phases);
}

void network_chaos__reset(struct network_chaos *c)
{
	for (size_t i = 0; i < c->n_externals; i++) {
		free(c->externals[i].addr);
		free(c->externals[i].host);
	}
	free(c->externals);
	free_peer(&c->source);
	free_peer(&c->target);
	free(c->rate.rate);
	free(c->bandwidth.rate);
	free(c->name);
	free(c->ns);
	free(c->seed);
	free(c->max_endpoints);
	*c = (struct network_chaos){0};
}
