// SPDX-License-Identifier: GPL-2.0-only
/* lanes_vrrp.c: what was on the wire: how many sent as one virtual router, and addresses that moved. */
#include "analysis/lanes_internal.h"
#include "analysis/vrrp.h"
#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* The bins that [from, to] touches have the level @level at least. */
static void raise(const struct lanes_axis *a, int64_t *v, int64_t from_ns, int64_t to_ns,
		  int64_t level)
{
	for (size_t i = axis__bin(a, from_ns); i <= axis__bin(a, to_ns); i++)
		v[i] = v[i] > level ? v[i] : level;
}

/* A handover is no two at once: the level is that of the spells told apart by vrrp.c. */
static void senders(const struct history *h, const struct lanes_axis *a,
		    const struct vrrp_router *r, json_t *group)
{
	int64_t *v = values__new(a);
	char label[256];
	json_t *row;

	for (size_t i = 0; v && i < r->n_spans; i++)
		raise(a, v, r->spans[i].from_ns, r->spans[i].to_ns, 1);
	for (size_t i = 0; v && i < r->n_both; i++)
		raise(a, v, r->both[i].start_ns, r->both[i].end_ns, 2);
	row = row__new(a, "gauge", vrrp__name(h, r, label, sizeof(label)), "VRRP senders");
	json_object_set_new(row, "limit", json_integer(1));
	row__add(row, a, "senders", "gauge", "up", v);
	group__row(group, row, true);
}

static void moves(const struct lanes_axis *a, const struct vrrp_address *x, json_t *group)
{
	int64_t *v = values__new(a);
	json_t *row = row__new(a, "bars", x->address, "gratuitous ARP");

	for (size_t i = 0; v && i < x->moves; i++)
		v[axis__bin(a, x->at[i])]++;
	row__add(row, a, "moves to another MAC", "again", "up", v);
	group__row(group, row, x->moves > 0);
}

void lanes__vrrp(const struct history *h, const struct lanes_axis *a, json_t *out)
{
	_cleanup_(vrrp__reset) struct vrrp v = {0};
	json_t *group;

	if (vrrp__find(h, &v) < 0)
		return;
	group = group__new(
		"wire", "Virtual routers on the wire",
		"Who sent VRRP advertisements, as the nodes saw it: 1 is right, 2 means two or "
		"more at once, for longer than a handover takes. Bars: the address was announced "
		"from another MAC address than before.");
	for (size_t i = 0; i < v.n_routers && i < LANES_ROWS_MAX; i++)
		senders(h, a, &v.routers[i], group);
	for (size_t i = 0; i < v.n_addresses && i < LANES_ROWS_MAX; i++)
		moves(a, &v.addresses[i], group);
	groups__add(out, group);
}
