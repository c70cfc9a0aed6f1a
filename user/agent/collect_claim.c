// SPDX-License-Identifier: GPL-2.0-only
/* collect_claim.c: when it is time, and whose turn it is. */
#include "agent/collect_internal.h"

#include "agent/status.h"
#include "lib/clock.h"

#include <string.h>

static json_t *instant(const struct collector *c)
{
	char at[40];

	return json_string(instant__format(c->ops.realtime(c->arg), at, sizeof(at)));
}

static void claimed(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;
	struct collector *c = call->c;

	call->busy = false;
	if (collect__is_ok(a)) {
		collector__put(c, a->body);
		collector__become(c, FETCHING);
		c->renewed_ns = collector__now(c);
		return;
	}
	if (a->status == 404) {
		collector__become(c, DONE);
		return;
	}
	c->state = WAITING;
	/* Someone else has written: the watch will tell what. */
	if (a->status == 409)
		collector__later(c, NS_PER_S / 2);
	else
		collector__back_off(c);
}

static void renewed(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;

	/* If it did not succeed another may take over, and both come to the same. */
	(void)a;
	call->busy = false;
}

void collector__renew(struct collector *c)
{
	if (c->renew.busy || collector__now(c) < c->renewed_ns + COLLECT_RENEW_NS)
		return;
	c->renewed_ns = collector__now(c);
	collector__ask_object(c, &c->renew,
			      json_pack("{s:{s:{s:s,s:o}}}", "status", "collector", "node", c->node,
					"renewed", instant(c)),
			      renewed);
}

/* How many of those who could do it come before this node. */
static int64_t rank(const struct collector *c)
{
	const json_t *nodes = collector__status(c, "nodes"), *x;
	const char *name;
	int64_t n = 0;

	json_object_foreach((json_t *)nodes, name, x)
		n += strcmp(name, c->node) < 0;
	return json_object_get(nodes, c->node) && n < RANK_MAX ? n : RANK_MAX;
}

/* When this node may claim the work (CLOCK_MONOTONIC). */
static int64_t claim_at(struct collector *c)
{
	const json_t *claim = collector__status(c, "collector");
	const char *whose = json_string_value(json_object_get(claim, "node"));

	if (!c->go_since_ns)
		c->go_since_ns = collector__now(c);
	if (!whose || !strcmp(whose, c->node))
		return whose ? 0 : c->go_since_ns + rank(c) * RANK_S * NS_PER_S;
	/* Not by the other's clock: a claim that does not change for so long is dead. */
	if (!c->claim || !json_equal(c->claim, claim)) {
		json_decref(c->claim);
		c->claim = json_deep_copy(claim);
		c->claim_since_ns = collector__now(c);
	}
	return c->claim_since_ns + COLLECT_TAKEOVER_NS + rank(c) * RANK_S * NS_PER_S;
}

int64_t collector__wait(struct collector *c)
{
	int64_t at_ns = 0, real = c->ops.realtime(c->arg);
	const char *version = collect__meta(c->obj, "resourceVersion");

	collector__forget_parts(c);
	switch (collect__judge(c->obj, c->expected, c->end_ns, real, &at_ns, &c->have,
			       &c->missing)) {
	case COLLECT_OVER:
		collector__become(c, DONE);
		return INT64_MAX;
	case COLLECT_NOT_YET:
		c->go_since_ns = 0;
		return at_ns == INT64_MAX ? INT64_MAX : collector__now(c) + at_ns - real;
	case COLLECT_GO:
		break;
	}
	at_ns = claim_at(c);
	if (at_ns > collector__now(c) || !version)
		return at_ns;
	collector__become(c, CLAIMING);
	collector__ask_object(c, &c->main,
			      json_pack("{s:{s:s},s:{s:{s:s,s:o,s:o}}}", "metadata",
					"resourceVersion", version, "status", "collector", "node",
					c->node, "since", instant(c), "renewed", instant(c)),
			      claimed);
	if (!c->main.busy)
		c->state = WAITING;
	return INT64_MAX;
}
