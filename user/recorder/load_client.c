// SPDX-License-Identifier: GPL-2.0-only
/* load_client.c: clients of stores, each a thread that waits for its answers. */
#include "lib/cleanup.h"
#include "recorder/load_state.h"

#include <string.h>

bool client__attempts(struct client *c, struct operation *op, int64_t free_ns,
		      void (*act)(struct client *c, struct operation *op, void *arg), void *arg)
{
	int64_t due = op->intended_ns > free_ns ? op->intended_ns : free_ns;

	for (;;) {
		act(c, op, arg);
		operation__done(c, op, due);
		if (!operation__again(c, op, &due))
			return true;
		if (halt__until(&c->place->halt, due))
			return false;
	}
}

static void act_on_set(struct client *c, struct operation *op, void *arg)
{
	struct load *l = c->load;
	int64_t now = clock__now(); /* a read begins after the acknowledgement it knows of */

	(void)arg;
	if (operation__is_late(c, op, now))
		return;
	op->invoke_ns = now;
	if (op->is_read)
		l->ops->read(c->store, op->value, now + l->timeout_ns, &op->answer);
	else
		l->ops->add(c->store, op->value, now + l->timeout_ns, &op->answer);
	op->return_ns = clock__now();
	if (!op->is_read && op->answer.outcome == OUTCOME_OK)
		l->last_acked = op->value;
}

static void set__perform(struct client *c, struct operation *op, int64_t free_ns)
{
	struct load *l = c->load;

	/* Before the first acknowledgement there is nothing to ask for. */
	if (load__is_read(l->seed, op->intent, l->reads))
		op->value = l->last_acked;
	op->is_read = op->value >= 0;
	op->verb = op->is_read ? "read" : "add";
	op->again = true;
	if (!op->is_read)
		op->value = client__value(c);
	client__attempts(c, op, free_ns, act_on_set, NULL);
}

static int client_open(void *arg, struct error *err)
{
	struct client *c = arg;
	struct load *l = c->load;
	struct store_spec spec = load__spec(l, c->place, c->index);
	int r = store__open(l->ops, &spec, &c->store);

	spec.ip = l->resource_ip;
	if (!r && l->resource_ip)
		r = store__open(l->ops, &spec, &c->resource);
	return r ? err__set(err, r, "%s", strerror(-r)) : 0;
}

static void client_run(void *arg)
{
	struct client *c = arg;
	struct load *l = c->load;

	for (;;) {
		int64_t now = clock__now(), due;
		struct operation op;
		uint64_t intent;

		if (now < l->pacing.start_ns)
			now = l->pacing.start_ns;
		due = pace__next(&c->pace, &l->pacing, (unsigned int)c->index, now, &intent);
		if (halt__until(&c->place->halt, due))
			return;
		operation__begin(c, &op, intent, due);
		if (l->object == OBJECT_SET)
			set__perform(c, &op, now);
		else
			object__perform(c, &op, now);
	}
}

int64_t client__value(struct client *c)
{
	if (!c->load->shared)
		return c->load->next_value++;
	return (int64_t)pacing__number(&c->load->pacing, c->values++, (unsigned int)c->index);
}

int clients__start_at(struct load *l, const struct place *p, struct error *err)
{
	for (unsigned int i = 0; i < l->n_clients; i++) {
		struct client *c = &l->clients[i];
		int r;

		if (c->place != p)
			continue;
		c->thread.runs_commands = l->ops->runs_commands;
		r = inside__start(&c->thread, c->place->netns_fd, client_open, client_run, c, err);

		if (r)
			return err__prefix(err, "client %u on %s", i, c->place->node), r;
	}
	return 0;
}

int clients__start(struct load *l, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < l->n_places && !r; i++)
		if (l->places[i].netns_fd >= 0)
			r = clients__start_at(l, &l->places[i], err);
	return r;
}

void clients__stop_at(struct load *l, const struct place *p)
{
	for (unsigned int i = 0; i < l->n_clients; i++) {
		struct client *c = &l->clients[i];

		if (c->place != p)
			continue;
		inside__join(&c->thread);
		if (c->store)
			l->ops->close(c->store);
		if (c->resource)
			l->ops->close(c->resource);
		c->store = c->resource = NULL;
	}
}
