// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge_fault.c: faults and phases, which every node tells of, told once. A node's hits count from
 * the start of its segment; what all of them counted is the sum of each file's latest.
 */
#include "report/merge_internal.h"
#include "lib/cleanup.h"

#include <string.h>

#define OCCURRENCE_MAX 1000000 /* as analysis/history_run.c has windows */

static int64_t sum(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

/* The occurrence that @o speaks of, and which fault's. */
static struct occurrence *find(struct merge *m, struct part *p, const json_t *o, size_t *ret_fault,
			       size_t *ret_i)
{
	const char *name = json_string_value(json_object_get(o, "fault"));
	const json_t *index = name ? json_object_get(m->index, name) : NULL;
	const json_t *which = json_object_get(o, "occurrence");
	json_int_t i = json_integer_value(which);
	struct merged_fault *f;

	if (!index || !json_is_integer(which) || i < 0 || i >= OCCURRENCE_MAX) {
		merge__bad(m, p,
			   "event `fault`: expected a fault of the run event and its occurrence");
		return NULL;
	}
	*ret_fault = (size_t)json_integer_value(index);
	*ret_i = (size_t)i;
	f = &m->faults[*ret_fault];
	if (*ret_i >= f->n) {
		struct occurrence *v = reallocarray(f->v, 2 * *ret_i + 1, sizeof(*v));

		if (!v) {
			err__set(m->err, -ENOMEM, "out of memory");
			return NULL;
		}
		f->v = v;
		for (; f->n < 2 * *ret_i + 1; f->n++)
			v[f->n] = (struct occurrence){INT64_MAX, INT64_MAX, INT64_MIN,
						      0,	 false,	    false};
	}
	return &f->v[*ret_i];
}

enum what { ARMED, FIRST_HIT, CLEARED, ELSE };

static enum what what_of(const json_t *o)
{
	const char *event = json_string_value(json_object_get(o, "event"));

	if (!event)
		return ELSE;
	return !strcmp(event, "armed")	     ? ARMED
	       : !strcmp(event, "first_hit") ? FIRST_HIT
	       : !strcmp(event, "cleared")   ? CLEARED
					     : ELSE;
}

int fault__scan(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *o = part__json(m, p);
	struct occurrence *x;
	size_t fault = 0, i = 0;

	x = o ? find(m, p, o, &fault, &i) : NULL;
	if (!x)
		return m->err->code;
	switch (what_of(o)) {
	case ARMED:
		x->armed_ns = p->t_ns < x->armed_ns ? p->t_ns : x->armed_ns;
		if (p->open[fault] != (int64_t)i)
			x->pending++;
		p->open[fault] = (int64_t)i;
		return 0;
	case FIRST_HIT:
		x->hit_ns = p->t_ns < x->hit_ns ? p->t_ns : x->hit_ns;
		return 0;
	case CLEARED:
		if (p->open[fault] != (int64_t)i)
			x->pending++;
		x->cleared_ns = p->t_ns > x->cleared_ns ? p->t_ns : x->cleared_ns;
		p->open[fault] = -1;
		return 0;
	case ELSE:
		break;
	}
	return merge__bad(m, p, "event `fault`: expected armed, first_hit or cleared");
}

void fault__scan_end(struct merge *m, struct part *p)
{
	for (size_t i = 0; i < m->n_faults; i++) {
		struct occurrence *x = p->open[i] < 0 ? NULL : &m->faults[i].v[p->open[i]];

		/* its links went with the process: the fault ended no earlier than its last word */
		if (x && p->last_ns > x->cleared_ns)
			x->cleared_ns = p->last_ns;
		p->open[i] = -1;
	}
}

/* --- sums ------------------------------------------------------------------------------------- */

static void add_member(json_t *sums, const char *key, const json_t *v)
{
	const json_t *have = json_object_get(sums, key);

	if (json_is_integer(v))
		json_object_set_new(
			sums, key,
			json_integer(sum(json_integer_value(have), json_integer_value(v))));
	else if (!have)
		json_object_set_new(sums, key, json_null());
}

static void add_time(json_t *edge, const char *key, const json_t *v, bool latest)
{
	const json_t *have = json_object_get(edge, key);

	if (!json_is_integer(v))
		return;
	if (!json_is_integer(have) || latest == (json_integer_value(v) > json_integer_value(have)))
		json_object_set(edge, key, (json_t *)v);
}

static void add_edge(json_t *edges, json_t *index, const json_t *e)
{
	const char *from = json_string_value(json_object_get(e, "from"));
	const char *to = json_string_value(json_object_get(e, "to")), *key;
	_cleanup_free_ char *name = NULL;
	json_t *have, *v;

	/* the length keeps "a", "b c" and "a b", "c" apart */
	if (!from || !to || asprintf(&name, "%zu %s %s", strlen(from), from, to) < 0) {
		name = NULL;
		return;
	}
	have = json_object_get(index, name);
	if (!have) {
		have = json_pack("{s:s,s:s,s:n,s:n}", "from", from, "to", to, "first_hit_ns",
				 "last_hit_ns");
		json_object_set(index, name, have);
		json_array_append_new(edges, have);
	}
	json_object_foreach((json_t *)e, key, v)
		if (!strcmp(key, "first_hit_ns") || !strcmp(key, "last_hit_ns"))
			add_time(have, key, v, *key == 'l');
		else if (strcmp(key, "from") != 0 && strcmp(key, "to") != 0)
			add_member(have, key, v);
}

static void add_cleared(json_t *hits, json_t *edges, json_t *index, const json_t *cleared)
{
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach(json_object_get(cleared, "hits"), key, v)
		add_member(hits, key, v);
	json_array_foreach(json_object_get(cleared, "edges"), i, v)
		add_edge(edges, index, v);
}

/* --- told once -------------------------------------------------------------------------------- */

static json_t *event(const struct merge *m, size_t fault, size_t i, const char *word)
{
	return json_pack("{s:s,s:I,s:s}", "fault", m->faults[fault].name, "occurrence",
			 (json_int_t)i, "event", word);
}

static int tell_cleared(struct merge *m, size_t fault, size_t i)
{
	_cleanup_(json_decrefp) json_t *index = json_object();
	json_t *o = event(m, fault, i, "cleared"), *hits = json_object(), *edges = json_array();

	for (size_t k = 0; k < m->n; k++)
		if (m->parts[k].cleared && m->parts[k].cleared[fault])
			add_cleared(hits, edges, index, m->parts[k].cleared[fault]);
	json_object_set_new(o, "hits", hits);
	json_object_set_new(o, "edges", edges);
	return merge__emit(m, "fault", m->faults[fault].v[i].cleared_ns, o);
}

static int one_less(struct merge *m, size_t fault, size_t i)
{
	struct occurrence *x = &m->faults[fault].v[i];

	if (x->pending)
		x->pending--;
	return x->pending ? 0 : tell_cleared(m, fault, i);
}

int fault__tell(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *o = part__json(m, p);
	struct occurrence *x;
	size_t fault = 0, i = 0;

	x = o ? find(m, p, o, &fault, &i) : NULL;
	if (!x)
		return m->err->code;
	switch (what_of(o)) {
	case ARMED:
		p->open[fault] = (int64_t)i;
		if (x->armed_told)
			return 0;
		x->armed_told = true;
		return merge__emit(m, "fault", x->armed_ns, event(m, fault, i, "armed"));
	case FIRST_HIT:
		if (x->hit_told)
			return 0;
		x->hit_told = true;
		return merge__emit(m, "fault", x->hit_ns, event(m, fault, i, "first_hit"));
	case CLEARED:
		p->open[fault] = -1;
		json_decref(p->cleared[fault]);
		p->cleared[fault] = TAKE_PTR(o);
		return one_less(m, fault, i);
	case ELSE:
		break;
	}
	return 0;
}

int fault__tell_end(struct merge *m, struct part *p)
{
	int r = 0;

	for (size_t i = 0; i < m->n_faults && !r; i++) {
		if (p->open[i] >= 0)
			r = one_less(m, i, (size_t)p->open[i]);
		p->open[i] = -1;
	}
	return r;
}

/* --- phases ----------------------------------------------------------------------------------- */

/*
 * The nodes go through the same phases, some a little later than others, and one that joins in the
 * middle begins in the phase that it finds. A phase is told by the first node that gets there: each
 * node's count of its phases, set right when it joins, says whether it is ahead or behind.
 */
int phase__tell(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *o = part__json(m, p);
	const char *phase = o ? json_string_value(json_object_get(o, "phase")) : NULL;

	if (!o)
		return m->err->code;
	if (!phase || strlen(phase) >= sizeof(m->phase))
		return merge__bad(m, p, "event `phase`: expected its name");
	if (!strcmp(phase, "end"))
		return 0; /* it is the end of all that counts */
	if (p->phases)
		p->phases++;
	else
		p->phases = m->phases + !!strcmp(phase, m->phase);
	if (p->phases <= m->phases || !strcmp(phase, m->phase))
		return 0;
	m->phases = p->phases;
	snprintf(m->phase, sizeof(m->phase), "%s", phase);
	return merge__emit(m, "phase", p->t_ns, json_pack("{s:s}", "phase", phase));
}
