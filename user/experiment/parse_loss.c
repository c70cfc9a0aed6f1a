// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

/* Longer bursts are an outage: a partition with `flap` says that better. */
#define BURST_MAX 1000000

/* --- models with options of their own ------------------------------------------------------------ */

/* h and k have defaults, so that p and r alone are Gilbert's model. */
static const struct option gemodel_options[] = {
	FIELD("p", PROBABILITY, loss, p, .required = true),
	FIELD("r", PROBABILITY, loss, r, .required = true),
	FIELD("h", SHARE, loss, h),
	FIELD("k", SHARE, loss, k),
};

static void loss_gemodel(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__map(r, n, "a Gilbert-Elliott model", gemodel_options, ARRAY_SIZE(gemodel_options),
		    obj);
}

static const struct option state_options[] = {
	FIELD("p13", SHARE, loss, p13, .required = true),
	FIELD("p31", SHARE, loss, p31, .required = true),
	FIELD("p32", SHARE, loss, p32),
	FIELD("p23", SHARE, loss, p23),
	FIELD("p14", SHARE, loss, p14),
};

static void loss_state(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__map(r, n, "a model of four states", state_options, ARRAY_SIZE(state_options), obj);
}

static const struct option loss_options[] = {
	FIELD("probability", PROBABILITY, loss, chance.p),
	FIELD("correlation", FRACTION, loss, chance.correlation),
	FIELD("burst", NUMBER, loss, burst, .lo = 1, .hi = BURST_MAX),
	OPTION("gemodel", CUSTOM, .parse = loss_gemodel),
	FIELD("p", PROBABILITY, loss, p),
	FIELD("r", PROBABILITY, loss, r),
	FIELD("h", SHARE, loss, h),
	FIELD("k", SHARE, loss, k),
	OPTION("state", CUSTOM, .parse = loss_state),
	FIELD("every", UINT, loss, every, .lo = 1, .hi = UINT32_MAX),
	FIELD("first", UINT, loss, first, .lo = 1, .hi = UINT32_MAX),
};

/* --- which model ---------------------------------------------------------------------------------- */

/* Exactly one, and only what belongs to it; @n is a mapping. */
static void choose_model(struct reader *r, const struct yaml_node *n, struct loss *l)
{
	static const struct {
		const char *key;
		enum loss_model model;
	} keys[] = {
		{"probability", LOSS_RANDOM}, {"gemodel", LOSS_GEMODEL}, {"state", LOSS_STATE},
		{"every", LOSS_EVERY},	      {"first", LOSS_FIRST},
	};
	static const char *const flat[] = {"p", "r", "h", "k"};
	static const char *const of_random[] = {"correlation", "burst"};
	const struct yaml_node *burst = yaml__get(n, "burst");
	unsigned int models = 0;
	bool is_flat = false;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!yaml__get(n, keys[i].key))
			continue;
		l->model = keys[i].model;
		models++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(flat); i++)
		is_flat |= !!yaml__get(n, flat[i]);
	if (is_flat) {
		l->model = LOSS_GEMODEL;
		models++;
	}
	if (models != 1) {
		reader__fault(r, n->pos,
			      "%u models of loss; expected one of probability, gemodel (or p, r, "
			      "h, k), state, every, first",
			      models);
		return;
	}
	for (size_t i = 0; is_flat && i < 2; i++) {
		if (!yaml__get(n, flat[i]))
			reader__fault(r, n->pos, "a Gilbert-Elliott model needs `%s`", flat[i]);
	}
	for (size_t i = 0; l->model != LOSS_RANDOM && i < ARRAY_SIZE(of_random); i++) {
		const struct yaml_node *extra = yaml__get(n, of_random[i]);

		if (extra)
			reader__fault(r, extra->pos, "`%s` without `probability`", of_random[i]);
	}
	if (l->model != LOSS_RANDOM || !burst)
		return;
	l->model = LOSS_BURST;
	if (yaml__get(n, "correlation"))
		reader__fault(r, burst->pos,
			      "`burst` beside `correlation`: both say how losses follow each "
			      "other; expected one of them");
}

/* --- values that cannot be together ---------------------------------------------------------------- */

/*
 * A burst of b packets on average ends with 1/b. To lose p of all, one begins after a delivered packet
 * with p / (b (1 - p)), which is a probability only up to 1.
 */
static void check_burst(struct reader *r, const struct yaml_node *n, const struct loss *l)
{
	const struct yaml_node *p = yaml__get(n, "probability"), *burst = yaml__get(n, "burst");
	const double ps[] = {l->chance.p.from, l->chance.p.to};
	const double bs[] = {l->burst.from, l->burst.to};

	for (size_t i = 0; i < 2; i++) {
		if (bs[i] <= 1) {
			reader__fault(r, burst->pos,
				      "bursts of one packet; expected more than 1, or no `burst`");
			return;
		}
		if (ps[i] > bs[i] / (1 + bs[i])) {
			reader__fault(r, p->pos,
				      "%.4g%% cannot be lost in bursts of %.4g: one packet "
				      "delivered between two of them leaves %.4g%%; expected at "
				      "most that, or longer bursts",
				      100 * ps[i], bs[i], 100 * bs[i] / (1 + bs[i]));
			return;
		}
	}
}

/* @a and @b lead out of one state. */
static void check_sum(struct reader *r, const struct yaml_node *state, const char *a,
		      struct moving va, const char *b, struct moving vb)
{
	const struct yaml_node *at = yaml__get(state, b) ?: yaml__get(state, a);
	double from = va.from + vb.from, to = va.to + vb.to;
	double sum = from > to ? from : to;

	/* 30% and 70% as binary fractions may be a little more than 1 */
	if (sum > 1 + 1e-9)
		reader__fault(r, at->pos,
			      "%s and %s are %.4g%% together; expected at most 100%%: both lead "
			      "out of one state",
			      a, b, 100 * sum);
}

static bool stands_at(struct moving m, double x)
{
	return m.from == x && m.to == x;
}

static void check_model(struct reader *r, const struct yaml_node *n, const struct loss *l)
{
	const struct yaml_node *state = yaml__get(n, "state");

	if (l->model == LOSS_BURST)
		check_burst(r, n, l);
	if (l->model == LOSS_STATE) {
		check_sum(r, state, "p13", l->p13, "p14", l->p14);
		check_sum(r, state, "p31", l->p31, "p32", l->p32);
	}
	if ((l->model == LOSS_STATE && stands_at(l->p13, 0) && stands_at(l->p14, 0)) ||
	    (l->model == LOSS_GEMODEL && stands_at(l->h, 1) && stands_at(l->k, 1)))
		reader__fault(r, n->pos, "a model that never loses a packet");
}

void parse_loss(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;
	size_t findings = r->n_findings + r->n_dropped;

	f->parts |= FAULT_LOSS;
	f->loss.pos = n->pos;
	f->loss.k = f->loss.p23 = (struct moving){1, 1};
	if (!reader__short(r, n, "a loss", loss_options, ARRAY_SIZE(loss_options), &f->loss) ||
	    n->kind != YAML_MAPPING || r->n_findings + r->n_dropped != findings)
		return;
	choose_model(r, n, &f->loss);
	if (r->n_findings + r->n_dropped == findings)
		check_model(r, n, &f->loss);
}

bool loss__is_total(const struct loss *l)
{
	switch (l->model) {
	case LOSS_RANDOM:
		return stands_at(l->chance.p, 1);
	case LOSS_GEMODEL:
		return stands_at(l->h, 0) && stands_at(l->k, 0);
	case LOSS_EVERY:
		return l->every == 1;
	default:
		return false;
	}
}
