// SPDX-License-Identifier: GPL-2.0-only
/* load_final.c: the whole set as every place shows it, all places at once. */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/fields.h"
#include "recorder/load_state.h"

#include <string.h>

#define ATTEMPT_EVERY_NS (500 * NS_PER_MS)
/* Of one attempt: a set of a hundred thousand values is a hundred pages. */
#define ATTEMPT_LIMIT_NS (5 * NS_PER_S)
#define STOP_LOOK_NS (50 * NS_PER_MS)

struct reader {
	const struct load *load;
	const struct place *place;
	int64_t deadline_ns;
	struct inside thread;
	/* set by its thread */
	struct values values;
	int result;
	char why[160];
};

static void read_place(void *arg)
{
	struct reader *rd = arg;
	const struct load *l = rd->load;
	struct store_spec spec = load__spec(l, rd->place, -1);
	void *store = NULL;

	rd->result = store__open(l->ops, &spec, &store);
	if (rd->result) {
		snprintf(rd->why, sizeof(rd->why), "%s", strerror(-rd->result));
		return;
	}
	if (l->object == OBJECT_SET)
		rd->result =
			l->ops->list(store, rd->deadline_ns, &rd->values, rd->why, sizeof(rd->why));
	else
		rd->result = object__list(l, store, rd->deadline_ns, &rd->values, rd->why,
					  sizeof(rd->why));
	l->ops->close(store);
	values__sort(&rd->values);
	values__drop_below(&rd->values, l->base);
}

/* One look at every place; readers[] has one for each. */
static void read_all(const struct load *l, struct reader *readers, int64_t deadline_ns)
{
	for (size_t i = 0; i < l->n_places; i++) {
		struct reader *rd = &readers[i];
		struct error err = {0};
		int r;

		values__reset(&rd->values);
		*rd = (struct reader){
			.load = l, .place = &l->places[i], .deadline_ns = deadline_ns};
		rd->thread.runs_commands = l->ops->runs_commands;
		if (rd->place->netns_fd < 0) {
			rd->result = -ENOENT;
			snprintf(rd->why, sizeof(rd->why), "its pod or container is gone");
			continue;
		}
		r = inside__start(&rd->thread, rd->place->netns_fd, NULL, read_place, rd, &err);
		if (r) {
			rd->result = r;
			snprintf(rd->why, sizeof(rd->why), "%.150s", err.msg);
		}
	}
	for (size_t i = 0; i < l->n_places; i++)
		inside__join(&readers[i].thread);
}

static void free_readers(struct reader *readers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values__reset(&readers[i].values);
	free(readers);
}

static void record(const struct load *l, const struct reader *rd, int attempt)
{
	json_t *o;

	if (!l->recorder)
		return;
	o = json_object();
	fields__text(o, "workload", l->name);
	fields__text(o, "node", rd->place->node);
	fields__bool(o, "ok", rd->result == 0);
	if (rd->result == 0)
		json_object_set_new_nocheck(o, "values", values__runs(&rd->values));
	else
		fields__text(o, "error", rd->why);
	fields__int(o, "attempt", attempt);
	recorder__event(l->recorder, "final", clock__now(), o);
}

/* All that are ours to read. */
static bool all_agree(const struct reader *readers, size_t n)
{
	const struct reader *first = NULL;

	for (size_t i = 0; i < n; i++) {
		if (readers[i].place->elsewhere)
			continue;
		if (!first)
			first = &readers[i];
		if (readers[i].result || !values__equal(&readers[i].values, &first->values))
			return false;
	}
	return true;
}

/* Until @ns; true if the caller wants to stop. */
static bool pause_until(int64_t ns, const volatile int *stop)
{
	while (!(stop && *stop)) {
		int64_t now = clock__now();

		if (now >= ns)
			return false;
		clock__sleep_until(now + STOP_LOOK_NS < ns ? now + STOP_LOOK_NS : ns);
	}
	return true;
}

bool load__is_kept(const struct load *l)
{
	return l->ops && l->object != OBJECT_LOCK;
}

int load__final(struct load *l, int64_t limit_ns, const volatile int *stop)
{
	struct reader *readers;
	int64_t due = clock__now(), end = due + limit_ns;
	int r = -ETIMEDOUT;

	if (!l->ops)
		return 0; /* nothing is kept */
	readers = calloc(l->n_places, sizeof(*readers));
	if (!readers)
		return -ENOMEM;
	if (l->object == OBJECT_LOCK)
		r = 0; /* what it is in the end says nothing */
	for (int attempt = 1; r == -ETIMEDOUT; attempt++) {
		int64_t now = clock__now();

		read_all(l, readers, now + ATTEMPT_LIMIT_NS < end ? now + ATTEMPT_LIMIT_NS : end);
		for (size_t i = 0; i < l->n_places; i++)
			if (!l->places[i].elsewhere)
				record(l, &readers[i], attempt);
		if (all_agree(readers, l->n_places))
			r = 0;
		due = cadence__next(due, ATTEMPT_EVERY_NS, clock__now());
		if (r && due >= end)
			break;
		if (r && pause_until(due, stop))
			r = -EINTR;
	}
	free_readers(readers, l->n_places);
	return r;
}

void load__find_base(struct load *l)
{
	struct reader *readers = calloc(l->n_places, sizeof(*readers));
	int64_t limit = l->timeout_ns < NS_PER_S ? l->timeout_ns : NS_PER_S;

	if (!readers)
		return;
	read_all(l, readers, clock__now() + limit);
	/* Also what a reader got before it failed. */
	for (size_t i = 0; i < l->n_places; i++) {
		const struct values *v = &readers[i].values;

		if (v->n && v->v[v->n - 1] >= l->base)
			l->base = v->v[v->n - 1] + 1;
	}
	l->next_value = l->base;
	free_readers(readers, l->n_places);
}
