// SPDX-License-Identifier: GPL-2.0-only
/* history_wire.c: events of what a node saw on its wire: VRRP senders, addresses that move. */
#include "analysis/history_reader.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

int line__vrrp_sender(struct reader *rd, const json_t *o)
{
	static const char *const events[] = {"appeared", "stopped"};
	struct history_sender *x = ADD(rd, senders);
	const char *source, *mac;
	char who[128];
	int r, event;

	if (!x)
		return -ENOMEM;
	r = line__name(rd, &rd->resources, o, "resource", &x->resource);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &x->node);
	r = r ? r : line__word(rd, o, "event", events, ARRAY_SIZE(events), &event);
	r = r ? r : line__string(rd, o, "source", REQUIRED, &source);
	r = r ? r : line__string(rd, o, "mac", REQUIRED, &mac);
	r = r ? r : line__int(rd, o, "vrid", REQUIRED, 0, 255, &x->vrid);
	r = r ? r : line__int(rd, o, "family", REQUIRED, 4, 6, &x->family);
	r = r ? r : line__int(rd, o, "interval_ns", REQUIRED, 0, HISTORY_T_MAX, &x->interval_ns);
	r = r ? r : line__time(rd, o, "from_ns", REQUIRED, &x->from_ns);
	r = r ? r : line__time(rd, o, "to_ns", REQUIRED, &x->to_ns);
	if (r)
		return r;
	if (x->to_ns < x->from_ns)
		return line__bad(rd, "`to_ns` is before `from_ns`");
	x->stopped = event == 1;
	snprintf(who, sizeof(who), "%.64s (%.32s)", source, mac);
	x->who = line__keep(rd, who);
	rd->h->n_senders += x->who != NULL;
	return x->who ? 0 : -ENOMEM;
}

int line__garp(struct reader *rd, const json_t *o)
{
	struct history_garp *x = ADD(rd, garps);
	int r;

	if (!x)
		return -ENOMEM;
	x->t_ns = rd->t_ns;
	r = line__name(rd, &rd->resources, o, "resource", &x->resource);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &x->node);
	r = r ? r : line__string(rd, o, "address", REQUIRED, &x->address);
	r = r ? r : line__string(rd, o, "mac", REQUIRED, &x->mac);
	r = r ? r : line__string(rd, o, "was", OPTIONAL, &x->was);
	rd->h->n_garps += !r;
	return r;
}
