// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/load_loop.h"
#include "lib/cleanup.h"
#include "recorder/fields.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define EVENTS 64

void loop__set_timer(struct loop *lp, int64_t due_ns)
{
	if (due_ns == INT64_MAX)
		heap__clear(&lp->timers, lp->n);
	else
		heap__set(&lp->timers, lp->n, due_ns);
}

static size_t index_of(const struct loop *lp, const struct loop_client *lc)
{
	return (size_t)(lc - lp->clients);
}

static void wait_until(struct loop *lp, struct loop_client *lc, int64_t due_ns)
{
	lc->state = LOOP_WAITING;
	lc->due_ns = due_ns;
	heap__set(&lp->timers, index_of(lp, lc), due_ns);
}

/* Its next operation. */
static void plan(struct loop *lp, struct loop_client *lc, int64_t now)
{
	const struct pacing *how = &lp->load->pacing;
	struct client *c = lc->c;
	uint64_t intent;
	int64_t due;

	lc->state = LOOP_IDLE;
	if (halt__is_set(&lp->place->halt))
		return;
	if (now < how->start_ns)
		now = how->start_ns;
	due = pace__next(&c->pace, how, (unsigned int)c->index, now, &intent);
	operation__begin(c, &lc->op, intent, due);
	lc->op.verb = lp->ops->verb;
	lc->op.again = true;
	lc->key = keyspace__draw(&lp->load->keys, &c->rng);
	wait_until(lp, lc, due > now ? due : now);
	lc->due_ns = due > now ? due : now;
}

static void done(struct loop *lp, struct loop_client *lc)
{
	struct operation *op = &lc->op;
	int64_t due;

	op->more = json_object();
	if (lp->load->keys.n > 1)
		fields__int(op->more, "key", lc->key);
	if (lc->status)
		fields__int(op->more, "status", lc->status);
	if (op->invoke_ns)
		fields__bool(op->more, "conn", lc->connected);
	operation__done(lc->c, op, lc->due_ns);
	if (halt__is_set(&lp->place->halt))
		lc->state = LOOP_IDLE;
	else if (operation__again(lc->c, op, &due))
		wait_until(lp, lc, due);
	else
		plan(lp, lc, op->return_ns);
}

void loop__answered(struct loop *lp, struct loop_client *lc)
{
	lc->op.return_ns = clock__now();
	lp->in_flight--;
	done(lp, lc);
}

static void begin(struct loop *lp, struct loop_client *lc)
{
	int64_t now = clock__now();

	lc->status = 0;
	lc->connected = false;
	if (operation__is_late(lc->c, &lc->op, now)) {
		done(lp, lc);
		return;
	}
	lc->op.invoke_ns = now;
	lc->state = LOOP_IN_FLIGHT;
	lp->in_flight++;
	heap__set(&lp->timers, index_of(lp, lc), now + lp->load->timeout_ns);
	lp->ops->begin(lp, lc);
}

static void on_timer(struct loop *lp, size_t owner)
{
	struct loop_client *lc = &lp->clients[owner];

	if (owner == lp->n) {
		lp->ops->timer(lp);
	} else if (lc->state == LOOP_WAITING) {
		if (!halt__is_set(&lp->place->halt))
			begin(lp, lc);
	} else if (lc->state == LOOP_IN_FLIGHT) {
		answer__errno(&lc->op.answer, -ETIMEDOUT, lp->ops->abort(lp, lc));
		loop__answered(lp, lc);
	}
}

/* Sleep until something is there or due. */
static void pause_loop(struct loop *lp)
{
	struct pollfd p = {.fd = lp->epoll_fd, .events = POLLIN};
	int64_t next = heap__next(&lp->timers), left = next - clock__now();
	struct timespec ts = ns_timespec(left > 0 ? left : 0);

	ppoll(&p, 1, next == INT64_MAX ? NULL : &ts, NULL);
}

/*
 * Answers before timers: one that is here in time is no time-out, even if we are late to look. Timers
 * that come due while those are served wait for the next turn, so neither starves the other.
 */
static void turn(struct loop *lp)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(lp->epoll_fd, ev, EVENTS, 0);
	int64_t now;
	size_t owner;

	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 != LOOP_STOP)
			lp->ops->ready(lp, ev[i].data.u64, ev[i].events);
	now = clock__now();
	for (size_t i = 0; i <= lp->n; i++) {
		owner = heap__pop(&lp->timers, now);
		if (owner == SIZE_MAX)
			break;
		on_timer(lp, owner);
	}
}

static int loop_open(void *arg, struct error *err)
{
	struct loop *lp = arg;
	int r = lp->ops->open(lp);

	return r ? err__set(err, r, "%s", strerror(-r)) : 0;
}

static void loop_run(void *arg)
{
	struct loop *lp = arg;
	int64_t now = clock__now();

	for (size_t i = 0; i < lp->n; i++)
		plan(lp, &lp->clients[i], now);
	while (!halt__is_set(&lp->place->halt) || lp->in_flight) {
		turn(lp);
		pause_loop(lp);
	}
	lp->ops->close(lp);
}

/* --- their life ------------------------------------------------------------------------------- */

static struct loop *loop_new(struct load *l, size_t place, const struct wire_ops *ops)
{
	struct loop *lp = calloc(1, sizeof(*lp));
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = LOOP_STOP};

	if (!lp)
		return NULL;
	lp->load = l;
	lp->place = &l->places[place];
	lp->ops = ops;
	lp->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	lp->stop_fd = eventfd(0, EFD_CLOEXEC);
	for (size_t i = place; i < l->n_clients; i += l->n_places)
		lp->n++;
	lp->clients = calloc(lp->n + 1, sizeof(*lp->clients));
	if (!lp->clients || lp->epoll_fd < 0 || lp->stop_fd < 0 ||
	    heap__init(&lp->timers, lp->n + 1) ||
	    epoll_ctl(lp->epoll_fd, EPOLL_CTL_ADD, lp->stop_fd, &ev) < 0) {
		heap__reset(&lp->timers);
		free(lp->clients);
		safe_close(lp->epoll_fd);
		safe_close(lp->stop_fd);
		free(lp);
		return NULL;
	}
	for (size_t i = 0; i < lp->n; i++)
		lp->clients[i].c = &l->clients[place + i * l->n_places];
	return lp;
}

int loops__start_at(struct load *l, size_t place, const struct wire_ops *ops, struct error *err)
{
	struct loop *lp = loop_new(l, place, ops);
	int r;

	if (!lp)
		return err__set(err, -ENOMEM, "out of memory");
	l->loops[place] = lp;
	r = inside__start(&lp->thread, lp->place->netns_fd, loop_open, loop_run, lp, err);
	if (r)
		return err__prefix(err, "clients on %s", lp->place->node), r;
	return 0;
}

int loops__start(struct load *l, const struct wire_ops *ops, struct error *err)
{
	int r = 0;

	l->loops = calloc(l->n_places, sizeof(*l->loops));
	if (!l->loops)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < l->n_places && !r; i++)
		if (l->places[i].netns_fd >= 0)
			r = loops__start_at(l, i, ops, err);
	return r;
}

void loops__signal_stop(struct load *l, size_t place)
{
	if (l->loops && l->loops[place])
		eventfd_write(l->loops[place]->stop_fd, 1);
}

void loops__stop_at(struct load *l, size_t place)
{
	struct loop *lp = l->loops ? l->loops[place] : NULL;

	if (!lp)
		return;
	inside__join(&lp->thread);
	heap__reset(&lp->timers);
	free(lp->clients);
	safe_close(lp->epoll_fd);
	safe_close(lp->stop_fd);
	free(lp);
	l->loops[place] = NULL;
}
