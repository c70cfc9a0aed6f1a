// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/wire_watch.h"
#include "lib/clock.h"

#include <string.h>

/* A backup takes over after three intervals and a skew of at most one. */
static int64_t patience(const struct wire_sender *s)
{
	return s->what.interval_ns > 25 * NS_PER_MS ? 4 * s->what.interval_ns : 100 * NS_PER_MS;
}

static void drop_sender(struct wire_watch *w, size_t i)
{
	w->on_sender(w->arg, &w->senders[i], true);
	w->senders[i] = w->senders[--w->n_senders];
}

static bool same_sender(const struct wire_frame *a, const struct wire_frame *b)
{
	return a->family == b->family && a->vrid == b->vrid &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static void on_vrrp(struct wire_watch *w, const struct wire_frame *f, int64_t now_ns)
{
	size_t i = 0;

	while (i < w->n_senders && !same_sender(&w->senders[i].what, f))
		i++;
	if (!f->priority) {
		/* "I am no longer the master": not counted as one more */
		if (i < w->n_senders)
			drop_sender(w, i);
		return;
	}
	if (i == WIRE_SENDERS_MAX)
		return;
	w->senders[i].what = *f;
	w->senders[i].last_ns = now_ns;
	if (i < w->n_senders) {
		w->senders[i].adverts++;
		return;
	}
	w->n_senders++;
	w->senders[i].first_ns = now_ns;
	w->senders[i].adverts = 1;
	w->on_sender(w->arg, &w->senders[i], false);
}

static bool may_tell(struct wire_watch *w, int64_t now_ns)
{
	if (now_ns - w->second_ns >= NS_PER_S) {
		w->second_ns = now_ns;
		w->moves = 0;
	}
	if (w->moves == WIRE_MOVES_PER_S) {
		w->skipped++;
		return false;
	}
	w->moves++;
	return true;
}

static void on_announce(struct wire_watch *w, const struct wire_frame *f, int64_t now_ns)
{
	struct wire_move m = {.family = f->family};
	size_t i = 0;

	while (i < w->n_addresses && (w->addresses[i].family != f->family ||
				      memcmp(w->addresses[i].addr, f->addr, sizeof(f->addr)) != 0))
		i++;
	if (i == WIRE_ADDRESSES_MAX)
		return;
	m.is_first = i == w->n_addresses;
	if (!m.is_first && !memcmp(w->addresses[i].mac, f->mac, sizeof(f->mac)))
		return;
	memcpy(m.was, w->addresses[i].mac, sizeof(m.was));
	memcpy(m.mac, f->mac, sizeof(m.mac));
	memcpy(m.addr, f->addr, sizeof(m.addr));
	w->addresses[i].family = f->family;
	memcpy(w->addresses[i].addr, f->addr, sizeof(f->addr));
	memcpy(w->addresses[i].mac, f->mac, sizeof(f->mac));
	w->n_addresses += m.is_first;
	if (!may_tell(w, now_ns))
		return;
	m.skipped = w->skipped;
	w->skipped = 0;
	w->on_move(w->arg, &m, now_ns);
}

void wire_watch__frame(struct wire_watch *w, const struct wire_frame *f, int64_t now_ns)
{
	if (f->kind == WIRE_VRRP)
		on_vrrp(w, f, now_ns);
	else if (f->kind == WIRE_ANNOUNCE)
		on_announce(w, f, now_ns);
}

void wire_watch__tick(struct wire_watch *w, int64_t now_ns)
{
	for (size_t i = w->n_senders; i-- > 0;)
		if (now_ns - w->senders[i].last_ns > patience(&w->senders[i]))
			drop_sender(w, i);
}

void wire_watch__end(struct wire_watch *w)
{
	while (w->n_senders)
		drop_sender(w, w->n_senders - 1);
}
