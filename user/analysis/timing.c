// SPDX-License-Identifier: GPL-2.0-only
/* timing.c: when the faults were in force, as recorded, and which nodes they kept together. */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The timeline ends where the final reads begin, else where the run ends, else where the record
 * ends.
 */
static int64_t timeline_end(const struct history *h)
{
	static const char *const phases[] = {"final", "end"};

	for (size_t k = 0; k < ARRAY_SIZE(phases); k++)
		for (size_t i = 0; i < h->n_phases; i++)
			if (!strcmp(h->phases[i].phase, phases[k]))
				return h->phases[i].t_ns > 0 ? h->phases[i].t_ns : 0;
	return h->last_ns > 0 ? h->last_ns : 0;
}

static int by_start(const void *a, const void *b)
{
	const struct history_window *x = a, *y = b;

	return CMP(x->start_ns, y->start_ns);
}

/* Windows of the cut, merged. */
static int cut(const struct history *h, struct timing *t)
{
	bool healed = true;
	size_t n = 0, m = 0;

	for (size_t i = 0; i < h->n_faults; i++)
		t->partitioned |= h->faults[i].partition && h->faults[i].n_happened;
	for (size_t i = 0; i < h->n_faults; i++)
		n += h->faults[i].n_happened;
	t->cut = calloc(n + 1, sizeof(*t->cut));
	if (!t->cut)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < h->n_faults; i++) {
		const struct history_fault *f = &h->faults[i];

		if (!f->n_happened || (t->partitioned && !f->partition))
			continue;
		memcpy(t->cut + n, f->happened, f->n_happened * sizeof(*t->cut));
		n += f->n_happened;
		healed &= !f->standing;
	}
	qsort(t->cut, n, sizeof(*t->cut), by_start);
	for (size_t i = 0; i < n; i++) {
		if (m && t->cut[i].start_ns <= t->cut[m - 1].end_ns) {
			if (t->cut[i].end_ns > t->cut[m - 1].end_ns)
				t->cut[m - 1].end_ns = t->cut[i].end_ns;
		} else {
			t->cut[m++] = t->cut[i];
		}
	}
	t->n_cut = m;
	t->cut_ns = m ? t->cut[0].start_ns : HISTORY_NONE;
	t->heal_ns = m && healed ? t->cut[m - 1].end_ns : HISTORY_NONE;
	return 0;
}

static void any_fault(const struct history *h, struct timing *t)
{
	bool all = true;

	t->first_fault_ns = t->last_clear_ns = HISTORY_NONE;
	for (size_t i = 0; i < h->n_faults; i++) {
		const struct history_fault *f = &h->faults[i];
		size_t n = f->n_happened;

		if (!n)
			continue;
		if (t->first_fault_ns == HISTORY_NONE ||
		    f->happened[0].start_ns < t->first_fault_ns)
			t->first_fault_ns = f->happened[0].start_ns;
		if (f->happened[n - 1].end_ns > t->last_clear_ns)
			t->last_clear_ns = f->happened[n - 1].end_ns;
		all &= !f->standing;
	}
	if (!all)
		t->last_clear_ns = HISTORY_NONE;
}

struct place {
	int side, part, node;
};

static int by_side(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = CMP(x->side, y->side);

	r = r ? r : CMP(x->part, y->part);
	return r ? r : CMP(x->node, y->node);
}

/* Split the sides so far by the sides of @f; a node on none of them is on a side with its like. */
static void refine(const struct history *h, struct timing *t, struct place *p, size_t n,
		   const struct history_fault *f)
{
	int side = -1;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct place){.side = t->side_of[i], .part = -1, .node = (int)i};
	for (size_t s = 0; s < f->n_sides; s++)
		for (size_t i = 0; i < f->sides[s].n; i++)
			p[f->sides[s].v[i]].part = (int)s;
	/* a pod is where its endpoint is */
	for (size_t i = 0; i < n; i++)
		if (p[i].part < 0)
			p[i].part = p[h->endpoint_of[i]].part;
	qsort(p, n, sizeof(*p), by_side);
	for (size_t i = 0; i < n; i++) {
		if (!i || p[i].side != p[i - 1].side || p[i].part != p[i - 1].part)
			side++;
		t->side_of[p[i].node] = side;
	}
}

/* Number the sides by their first node, and name them. */
static int name_sides(const struct history *h, struct timing *t, bool parted)
{
	size_t n = h->nodes.n;
	_cleanup_free_ int *number = malloc((n + 1) * sizeof(*number));

	t->side_names = calloc(n + 1, sizeof(*t->side_names));
	t->side_size = calloc(n + 1, sizeof(*t->side_size));
	if (!number || !t->side_names || !t->side_size)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		number[i] = -1;
	for (size_t i = 0; i < n; i++) {
		int *as = &number[t->side_of[i]];

		if (*as < 0)
			*as = (int)t->n_sides++;
		t->side_of[i] = *as;
		/* an endpoint of many is counted and named by them */
		t->side_size[*as] += !h->has_places[i];
	}
	_cleanup_free_ struct text *names = calloc(t->n_sides + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct text *name = &names[t->side_of[i]];

		if (!h->has_places[i] || !parted)
			text__add(name, "%s%s", name->n ? "," : "", h->nodes.v[i]);
	}
	for (size_t s = 0; s < t->n_sides; s++)
		t->side_names[s] = text__take(&names[s]);
	for (size_t s = 0; s < t->n_sides; s++)
		if (!t->side_names[s])
			return -ENOMEM;
	return 0;
}

static int sides(const struct history *h, struct timing *t)
{
	size_t n = h->nodes.n;
	_cleanup_free_ struct place *p = calloc(n + 1, sizeof(*p));
	bool parted = false;

	t->side_of = calloc(n + 1, sizeof(*t->side_of));
	if (!p || !t->side_of)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_faults; i++) {
		const struct history_fault *f = &h->faults[i];

		/* a ring of majorities is a partition without sides */
		if (!f->partition || !f->n_happened || !f->n_sides)
			continue;
		refine(h, t, p, n, f);
		parted = true;
	}
	for (size_t i = 0; i < n && !parted; i++)
		t->side_of[i] = (int)i;
	return name_sides(h, t, parted);
}

int timing__make(const struct history *h, struct timing *ret)
{
	int r;

	ret->end_ns = timeline_end(h);
	any_fault(h, ret);
	r = cut(h, ret);
	return r ? r : sides(h, ret);
}

void timing__free(struct timing *t)
{
	for (size_t i = 0; t->side_names && i < t->n_sides; i++)
		free(t->side_names[i]);
	free(t->side_names);
	free(t->side_size);
	free(t->side_of);
	free(t->cut);
}
