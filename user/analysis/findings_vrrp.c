// SPDX-License-Identifier: GPL-2.0-only
/*
 * findings_vrrp.c: what was seen on the wire, in sentences: two senders of one virtual router at
 * once, and an address that moves between MAC addresses.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* The number of @who among the first @n of @names; adds it if it is new. */
static size_t index_of(const char **names, size_t *n, const char *who)
{
	size_t i = 0;

	while (i < *n && strcmp(names[i], who) != 0)
		i++;
	if (i == *n)
		names[(*n)++] = who;
	return i;
}

static bool same_router(const struct history_sender *a, const struct history_sender *b)
{
	return a->resource == b->resource && a->vrid == b->vrid && a->family == b->family;
}

/* A later event of the same spell tells more. */
static bool told_again(const struct history *h, size_t i)
{
	const struct history_sender *a = &h->senders[i];

	for (size_t j = i + 1; !a->stopped && j < h->n_senders; j++) {
		const struct history_sender *b = &h->senders[j];

		if (b->stopped && b->node == a->node && b->from_ns == a->from_ns &&
		    same_router(a, b) && !strcmp(a->who, b->who))
			return true;
	}
	return false;
}

/*
 * A router that is relieved hears the new one within an interval and is silent from then on: what
 * is no longer than that is a handover.
 */
static void two_senders(const struct history *h, size_t first, json_t *out)
{
	const struct history_sender *router = &h->senders[first];
	_cleanup_free_ struct span *spans = calloc(h->n_senders, sizeof(*spans));
	_cleanup_free_ const char **names = calloc(h->n_senders, sizeof(*names));
	_cleanup_free_ struct history_window *w = NULL;
	int64_t sum = 0, longest_interval = 0, from = 0;
	size_t n = 0, n_names = 0, n_w = 0;
	struct text t = {0};

	for (size_t i = first; spans && names && i < h->n_senders; i++) {
		const struct history_sender *s = &h->senders[i];

		if (!same_router(router, s) || told_again(h, i))
			continue;
		spans[n++] = (struct span){(int)index_of(names, &n_names, s->who), s->from_ns,
					   s->stopped ? s->to_ns : h->last_ns};
		if (s->interval_ns > longest_interval)
			longest_interval = s->interval_ns;
	}
	if (n_names < 2 || overlap__sweep(spans, n, n_names, &w, &n_w) < 0)
		return;
	for (size_t i = 0; i < n_w; i++) {
		if (w[i].end_ns - w[i].start_ns <= longest_interval)
			continue;
		from = sum ? from : w[i].start_ns;
		sum += w[i].end_ns - w[i].start_ns;
	}
	if (!sum)
		return;
	text__add(&t, "Two senders of VRRP router %lld (%s) were on the wire at once for ",
		  (long long)router->vrid, h->resources[router->resource].name);
	text__seconds(&t, sum);
	text__add(&t, ", from ");
	text__at(&t, from);
	text__add(&t, " on: %s and %s", names[0], names[1]);
	if (n_names > 2)
		text__add(&t, ", %zu senders in all", n_names);
	findings__say(out, &t);
}

/* Moves of one address as one node saw them, from the event @first on. */
static void flaps(const struct history *h, size_t first, json_t *out)
{
	const struct history_garp *a = &h->garps[first];
	int64_t moves = 0, last = 0;
	bool back = false;
	struct text t = {0};

	for (size_t i = first; i < h->n_garps; i++) {
		const struct history_garp *g = &h->garps[i];

		if (g->resource != a->resource || g->node != a->node ||
		    strcmp(g->address, a->address) != 0 || !g->was)
			continue;
		moves++;
		last = g->t_ns;
		for (size_t j = first; j < i && !back; j++)
			back = h->garps[j].node == a->node && h->garps[j].resource == a->resource &&
			       !strcmp(h->garps[j].address, a->address) &&
			       (!strcmp(h->garps[j].mac, g->mac) ||
				(h->garps[j].was && !strcmp(h->garps[j].was, g->mac)));
	}
	if (!moves)
		return;
	text__add(&t, "The address %s was announced from another MAC address ", a->address);
	text__several(&t, moves, "time", "times");
	text__add(&t, " (seen by %s, the last time at ", history__node(h, a->node));
	text__at(&t, last);
	text__add(&t, back ? "), also from one that had lost it" : "), and never back");
	findings__say(out, &t);
}

/* Is there an earlier event of the same router, or of the same address? One finding for each. */
static bool is_first_sender(const struct history *h, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same_router(&h->senders[j], &h->senders[i]))
			return false;
	return true;
}

static bool is_first_garp(const struct history *h, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(h->garps[j].address, h->garps[i].address))
			return false;
	return true;
}

/* Everything here is quadratic in events, of which a long run of a broken network has many. */
#define EVENTS_MAX 2000

void findings__wire(const struct analysis *a, json_t *out)
{
	const struct history *h = a->h;

	for (size_t i = 0; h->n_senders <= EVENTS_MAX && i < h->n_senders; i++)
		if (is_first_sender(h, i))
			two_senders(h, i, out);
	for (size_t i = 0; h->n_garps <= EVENTS_MAX && i < h->n_garps; i++)
		if (is_first_garp(h, i))
			flaps(h, i, out);
}
