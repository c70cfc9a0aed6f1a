// SPDX-License-Identifier: GPL-2.0-only
/*
 * epochs.c: epochs that cannot be right: a node that claims with a lower one than it had claimed
 * with before, or with one that is out of all proportion. No protocol does either, so the probe or
 * the server lies; then nothing about one epoch is concluded from this node's claims.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <string.h>

/* A term goes up by one for each election. What counts time (a timestamp as an epoch) grows by less than
 * that factor, too, as it is large from the start. */
static bool is_absurd(int64_t before, int64_t now)
{
	return now < 0 || (before < INT64_MAX / 1000 - 1000 && now > (before + 1000) * 1000);
}

bool epochs__doubtful(const struct history *h, size_t resource, int node, struct epoch_doubt *ret)
{
	int64_t before = HISTORY_NONE;

	for (size_t i = 0; i < h->n_roles; i++) {
		const struct history_role *s = &h->roles[i];

		if (s->resource != (int)resource || s->node != node || !s->claim ||
		    s->epoch == HISTORY_NONE)
			continue;
		if (s->epoch < 0 || (before != HISTORY_NONE &&
				     (s->epoch < before || is_absurd(before, s->epoch)))) {
			*ret = (struct epoch_doubt){s->recv_ns, before, s->epoch};
			return true;
		}
		before = s->epoch;
	}
	return false;
}

void findings__epochs(const struct analysis *a, size_t r, json_t *out)
{
	const struct history_resource *res = &a->h->resources[r];

	for (size_t i = 0; i < res->nodes.n; i++) {
		struct epoch_doubt d;
		struct text t = {0};

		if (!epochs__doubtful(a->h, r, res->nodes.v[i], &d))
			continue;
		text__add(&t, "The epochs of %s at %s cannot be right: ", res->name,
			  history__node(a->h, res->nodes.v[i]));
		if (d.before == HISTORY_NONE)
			text__add(&t, "it claimed in epoch %lld", (long long)d.now);
		else
			text__add(&t, "it claimed in epoch %lld and then in %lld",
				  (long long)d.before, (long long)d.now);
		text__add(&t, " at ");
		text__at(&t, d.t_ns);
		text__add(&t, "; they are left out of what is said of one epoch");
		findings__say(out, &t);
	}
}
