// SPDX-License-Identifier: GPL-2.0-only
/*
 * findings_vrrp.c: what was seen on the wire, in sentences: two senders of one virtual router at
 * once, and an address that moves between MAC addresses.
 */
#include "analysis/vrrp.h"
#include "lib/cleanup.h"

static void two_senders(const struct history *h, const struct vrrp_router *r, json_t *out)
{
	struct text t = {0};

	if (!r->n_both)
		return;
	text__add(&t, "Two senders of VRRP router %lld (%s) were on the wire at once for ",
		  (long long)r->vrid, h->resources[r->resource].name);
	text__seconds(&t, r->both_ns);
	text__add(&t, ", from ");
	text__at(&t, r->both[0].start_ns);
	text__add(&t, " on: %s and %s", r->names[0], r->names[1]);
	if (r->n_names > 2)
		text__add(&t, ", %zu senders in all", r->n_names);
	findings__say(out, &t);
}

static void flaps(const struct history *h, const struct vrrp_address *a, json_t *out)
{
	struct text t = {0};

	if (!a->moves)
		return;
	text__add(&t, "The address %s was announced from another MAC address ", a->address);
	text__several(&t, (int64_t)a->moves, "time", "times");
	text__add(&t, " (seen by %s, the last time at ", history__node(h, a->node));
	text__at(&t, a->at[a->moves - 1]);
	text__add(&t, a->back ? "), also from one that had lost it" : "), and never back");
	findings__say(out, &t);
}

void findings__wire(const struct analysis *a, json_t *out)
{
	_cleanup_(vrrp__reset) struct vrrp v = {0};

	if (vrrp__find(a->h, &v) < 0)
		return;
	for (size_t i = 0; i < v.n_routers; i++)
		two_senders(a->h, &v.routers[i], out);
	for (size_t i = 0; i < v.n_addresses; i++)
		flaps(a->h, &v.addresses[i], out);
}
