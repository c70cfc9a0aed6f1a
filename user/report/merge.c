// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge.c: two readings. The first finds what must be known before the first line can be written: names,
 * where each file ends and how, and how many nodes armed each occurrence of a fault. The second
 * merges.
 */
#include "report/merge_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/heap.h"

#include <string.h>

#define TIME_MOST 1000000000000000LL /* 12 days: of what others wrote */

static int no_memory(const struct merge *m)
{
	return err__set(m->err, -ENOMEM, "out of memory");
}

/* --- first reading: run events ---------------------------------------------------------------- */

static int64_t time_of(const json_t *run, const char *key)
{
	const json_t *v = json_object_get(run, key);

	return json_is_integer(v) ? json_integer_value(v) : RECORD_CLOCK_UNKNOWN;
}

/*
 * What is further off than history.h reads is clamped: of such a clock nothing is certain. The run
 * event is what others wrote, and so is their status.
 */
static void bound_clock(struct part *p)
{
	if (p->clock_epsilon_ns < 0)
		p->clock_epsilon_ns = RECORD_CLOCK_UNKNOWN;
	if (p->clock_epsilon_ns > TIME_MOST)
		p->clock_epsilon_ns = TIME_MOST;
	if (p->clock_offset_ns == RECORD_CLOCK_UNKNOWN ||
	    (p->clock_offset_ns >= -TIME_MOST && p->clock_offset_ns <= TIME_MOST))
		return;
	p->clock_offset_ns = p->clock_offset_ns < 0 ? -TIME_MOST : TIME_MOST;
	p->clock_epsilon_ns = TIME_MOST;
}

static int take_run(struct merge *m, struct part *p, const struct record_part *from)
{
	const char *said;

	if (strcmp(p->type, "run") != 0)
		return merge__bad(m, p, "event `%s`: expected the run event first", p->type);
	p->run = part__json(m, p);
	if (!p->run)
		return m->err->code;
	if (!json_is_string(json_object_get(p->run, "name")))
		return merge__bad(m, p, "event `run`: `name` is missing");
	if (json_object_get(p->run, "cluster"))
		return merge__bad(m, p, "this record is of several nodes already");
	if (json_integer_value(json_object_get(p->run, "version")) != 1)
		return merge__bad(m, p, "event `run`: expected `version` 1");
	said = json_string_value(json_object_get(p->run, "node"));
	p->node = strdup(from->node ? from->node : said ? said : "node");
	p->clock_offset_ns = from->clock_offset_ns != RECORD_CLOCK_UNKNOWN
				     ? from->clock_offset_ns
				     : time_of(p->run, "clock_offset_ns");
	p->clock_epsilon_ns = from->clock_epsilon_ns != RECORD_CLOCK_UNKNOWN
				      ? from->clock_epsilon_ns
				      : time_of(p->run, "clock_epsilon_ns");
	bound_clock(p);
	return p->node ? 0 : no_memory(m);
}

static int open_part(struct merge *m, struct part *p, const struct record_part *from)
{
	int r;

	p->file = from->file;
	p->key = INT64_MIN;
	p->f = fopen(from->file, "re");
	if (!p->f) {
		r = -errno;
		return err__set(m->err, r, "%s: %s", p->file, strerror(-r));
	}
	r = part__next(m, p);
	if (r <= 0)
		return r;
	return take_run(m, p, from);
}

static int make_host(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *s = json_string(p->node);
	_cleanup_free_ char *text = s ? json_dumps(s, JSON_ENCODE_ANY) : NULL;

	if (!s)
		return err__set(m->err, -EINVAL, "%s: a node's name is no UTF-8", p->file);
	if (!text || asprintf(&p->host, ",\"host\":%s", text) < 0) {
		p->host = NULL;
		return no_memory(m);
	}
	return 0;
}

static int make_faults(struct merge *m)
{
	const json_t *x;
	size_t k, n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += json_array_size(json_object_get(m->parts[i].run, "faults"));
	m->faults = calloc(n + 1, sizeof(*m->faults));
	m->index = json_object();
	if (!m->faults || !m->index)
		return no_memory(m);
	for (size_t i = 0; i < m->n; i++)
		json_array_foreach(json_object_get(m->parts[i].run, "faults"), k, x) {
			const char *name = json_string_value(json_object_get(x, "name"));

			if (!name || json_object_get(m->index, name))
				continue;
			json_object_set_new(m->index, name, json_integer((json_int_t)m->n_faults));
			m->faults[m->n_faults++].name = name;
		}
	for (size_t i = 0; i < m->n; i++) {
		struct part *p = &m->parts[i];

		p->open = calloc(m->n_faults + 1, sizeof(*p->open));
		p->cleared = calloc(m->n_faults + 1, sizeof(json_t *));
		if (!p->open || !p->cleared)
			return no_memory(m);
		for (k = 0; k < m->n_faults; k++)
			p->open[k] = -1;
	}
	return 0;
}

/* --- first reading: the rest ------------------------------------------------------------------ */

static int scan_place(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *o = part__json(m, p);
	const char *event = o ? json_string_value(json_object_get(o, "event")) : NULL;

	if (!o)
		return m->err->code;
	return event && !strcmp(event, "joined") ? bins__place(m, p, json_object_get(o, "place"))
						 : 0;
}

static int scan_line(struct merge *m, struct part *p)
{
	if (!p->events++ || p->t_ns < p->from_ns)
		p->from_ns = p->t_ns;
	if (p->t_ns > p->last_ns)
		p->last_ns = p->t_ns;
	if (p->end)
		return merge__bad(m, p, "event `%s`: it comes after the end event", p->type);
	if (!strcmp(p->type, "run"))
		return merge__bad(m, p, "event `run`: there can be only one");
	if (!strcmp(p->type, "fault"))
		return fault__scan(m, p);
	if (!strcmp(p->type, "place"))
		return scan_place(m, p);
	if (strcmp(p->type, "end") != 0)
		return 0;
	p->end = part__json(m, p);
	return p->end ? 0 : m->err->code;
}

/* When the process took part in the run, as far as that is a time. */
static int64_t joined(const json_t *run)
{
	int64_t t = json_integer_value(json_object_get(run, "joined_ns"));

	return t > 0 && t <= TIME_MOST ? t : 0;
}

static int scan(struct merge *m, struct part *p)
{
	const json_t *x;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(p->run, "places"), i, x)
		if (!r && json_is_true(json_object_get(x, "here")))
			r = bins__place(m, p, json_object_get(x, "place"));
	/* for one that was killed before it told anything */
	p->from_ns = p->last_ns = joined(p->run);
	while (!r && (r = part__next(m, p)) > 0)
		r = scan_line(m, p);
	fault__scan_end(m, p);
	p->events++; /* the run event */
	return r;
}

static int by_node(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int r = strcmp(x->node, y->node);

	if (r)
		return r;
	r = (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
	return r ? r : strcmp(x->file, y->file);
}

static bool is_first(const struct merge *m, size_t i)
{
	return !i || strcmp(m->parts[i - 1].node, m->parts[i].node) != 0;
}

static void number_nodes(struct merge *m)
{
	m->n_nodes = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct part *p = &m->parts[i];

		m->n_nodes += is_first(m, i);
		p->node_index = m->n_nodes - 1;
		p->segment = is_first(m, i) ? 0 : p[-1].segment + 1;
		p->last_segment = i + 1 == m->n || is_first(m, i + 1);
	}
}

/* Is the run of @p the run of the first? */
static int check_same(struct merge *m, const struct part *p)
{
	const char *a = json_string_value(json_object_get(m->parts[0].run, "name"));
	const char *b = json_string_value(json_object_get(p->run, "name"));

	if (!strcmp(a, b))
		return 0;
	return err__set(m->err, -EINVAL, "%s is of run `%.100s`, %s of run `%.100s`",
			m->parts[0].file, a, p->file, b);
}

static int read_first(struct merge *m)
{
	int r = 0;

	/* by name, to know of whose places the files speak */
	qsort(m->parts, m->n, sizeof(*m->parts), by_node);
	number_nodes(m);
	m->here = calloc(m->n_nodes + 1, sizeof(json_t *));
	m->anywhere = json_object();
	if (!m->here || !m->anywhere)
		return no_memory(m);
	for (size_t i = 0; i < m->n_nodes; i++) {
		m->here[i] = json_object();
		if (!m->here[i])
			return no_memory(m);
	}
	r = make_faults(m);
	for (size_t i = 0; i < m->n && !r; i++) {
		r = check_same(m, &m->parts[i]);
		r = r ? r : make_host(m, &m->parts[i]);
		r = r ? r : scan(m, &m->parts[i]);
	}
	/* the same nodes in the same order, their segments by time */
	qsort(m->parts, m->n, sizeof(*m->parts), by_node);
	number_nodes(m);
	return r;
}

/* --- second reading --------------------------------------------------------------------------- */

/* What a node has to say is read without its "host". */
static int tell_note(struct merge *m, struct part *p)
{
	_cleanup_(json_decrefp) json_t *o = part__json(m, p);
	const char *text = json_string_value(json_object_get(o, "text"));

	if (!o)
		return m->err->code;
	if (text)
		json_object_set_new(o, "text", json_sprintf("%s: %s", p->node, text));
	json_object_del(o, "t_ns");
	json_object_del(o, "type");
	return merge__emit(m, p->type, p->t_ns, json_incref(o));
}

static int tell_line(struct merge *m, struct part *p)
{
	if (!strcmp(p->type, "fault"))
		return fault__tell(m, p);
	if (!strcmp(p->type, "phase"))
		return phase__tell(m, p);
	if (!strcmp(p->type, "bins"))
		return bins__tell(m, p);
	if (!strcmp(p->type, "note") || !strcmp(p->type, "guard"))
		return tell_note(m, p);
	if (!strcmp(p->type, "run") || !strcmp(p->type, "end"))
		return 0;
	return part__copy(m, p);
}

static double seconds(int64_t ns)
{
	return (double)ns / NS_PER_S;
}

static int tell_end(struct merge *m, struct part *p)
{
	const char *status = json_string_value(json_object_get(p->end, "status"));
	const char *cut = p->cut ? ", in the middle of a line" : "";
	int r = fault__tell_end(m, p);

	if (r)
		return r;
	if (!p->last_segment)
		return merge__note(
			m, p->last_ns, "warning",
			"%s: its record ends at %.3f s%s%s%s, and goes on at %.3f s: in between it "
			"held no fault and saw nothing",
			p->node, seconds(p->last_ns), status ? " (" : "", status ? status : cut,
			status ? ")" : "", seconds(p[1].from_ns));
	if (p->end)
		return 0;
	return merge__note(m, p->last_ns, "warning",
			   "%s: its record ends at %.3f s without an end event%s: the process was "
			   "killed, or the "
			   "rest is missing; what it held and saw after that is not known",
			   p->node, seconds(p->last_ns), cut);
}

/* The next line of @p, if there is one, takes its turn. */
static int queue(struct merge *m, struct heap *h, struct part *p)
{
	int r = part__next(m, p);

	if (r > 0)
		heap__set(h, (size_t)(p - m->parts), p->key);
	else if (!r)
		r = tell_end(m, p);
	return r < 0 ? r : 0;
}

static void cleanup_heap(struct heap *h)
{
	heap__reset(h);
}

static int read_second(struct merge *m)
{
	_cleanup_(cleanup_heap) struct heap h = {0};
	size_t i;
	int r = 0;

	if (heap__init(&h, m->n) < 0)
		return no_memory(m);
	for (i = 0; i < m->n && !r; i++) {
		r = part__rewind(m, &m->parts[i]);
		r = r < 0 ? r : queue(m, &h, &m->parts[i]); /* what follows the run event */
	}
	while (!r && (i = heap__pop(&h, INT64_MAX)) != SIZE_MAX) {
		r = tell_line(m, &m->parts[i]);
		r = r ? r : queue(m, &h, &m->parts[i]);
	}
	return r;
}

static int write_all(struct merge *m, size_t left_out)
{
	int r = merge__run(m);

	if (!r && left_out)
		r = merge__note(m, 0, "warning",
				"%zu of the records hold no whole event and are left out",
				left_out);
	r = r ? r : read_second(m);
	return r ? r : merge__end(m);
}

/* Beside its name, then over it. */
static int write_out(struct merge *m, const char *out, size_t left_out)
{
	_cleanup_free_ char *tmp = NULL;
	int r;

	if (asprintf(&tmp, "%s.%d.tmp", out, (int)getpid()) < 0) {
		tmp = NULL;
		return no_memory(m);
	}
	m->out = fopen(tmp, "we");
	if (!m->out) {
		r = -errno;
		return err__set(m->err, r, "%s: %s", tmp, strerror(-r));
	}
	r = write_all(m, left_out);
	if (!r && (fflush(m->out) || fsync(fileno(m->out)) < 0))
		r = err__set(m->err, -errno, "%s: %s", tmp, strerror(errno));
	if (fclose(m->out) && !r)
		r = err__set(m->err, -errno, "%s: %s", tmp, strerror(errno));
	if (!r && rename(tmp, out) < 0)
		r = err__set(m->err, -errno, "%s: %s", out, strerror(errno));
	if (r)
		unlink(tmp);
	return r;
}

static void cleanup_merge(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		part__free(&m->parts[i], m->n_faults);
	for (size_t i = 0; m->here && i < m->n_nodes; i++)
		json_decref(m->here[i]);
	for (size_t i = 0; i < m->n_faults; i++)
		free(m->faults[i].v);
	free(m->faults);
	free(m->here);
	free(m->parts);
	json_decref(m->anywhere);
	json_decref(m->index);
}

int record__merge_parts(const struct record_part *parts, size_t n, const json_t *missing,
			const char *out, struct error *err)
{
	struct error unasked = {0};
	_cleanup_(cleanup_merge) struct merge m = {
		.missing = missing,
		.err = err ? err : &unasked,
	};
	int r = 0;

	m.parts = calloc(n + 1, sizeof(*m.parts));
	if (!m.parts)
		return no_memory(&m);
	for (size_t i = 0; i < n && !r; i++) {
		struct part *p = &m.parts[m.n++];

		r = open_part(&m, p, &parts[i]);
		if (r || p->run)
			continue;
		part__free(p, 0);
		*p = (struct part){0};
		m.n--;
	}
	if (r)
		return r;
	if (!m.n)
		return err__set(m.err, -EINVAL, "%s: no event was recorded",
				n ? parts[0].file : "no record");
	r = read_first(&m);
	return r ? r : write_out(&m, out, n - m.n);
}

int record__merge(const char *const *files, size_t n, const char *out, struct error *err)
{
	_cleanup_free_ struct record_part *parts = calloc(n + 1, sizeof(*parts));

	if (!parts)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		parts[i] = (struct record_part){files[i], NULL, RECORD_CLOCK_UNKNOWN,
						RECORD_CLOCK_UNKNOWN};
	return record__merge_parts(parts, n, NULL, out, err);
}
