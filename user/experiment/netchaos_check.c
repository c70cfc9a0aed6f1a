// SPDX-License-Identifier: GPL-2.0-only
/* netchaos_check.c: what of a NetworkChaos cannot be done, said by its fields. */
#include "experiment/netchaos.h"
#include "experiment/parse.h"
#include "lib/clock.h"

#include <string.h>

static void refuse(struct reader *r, const char *key, struct pos pos, const char *why)
{
	size_t path = reader__enter(r, key, 0);

	reader__fault(r, pos, "%s", why);
	reader__leave(r, path);
}

static void check_local(struct reader *r, const struct netchaos_peer *p)
{
	if (p->annotations.n)
		refuse(r, "annotationSelectors", p->annotations.pos,
		       "annotations of pods are known to the API server only; expected labels");
	if (p->node_labels.n)
		refuse(r, "nodeSelectors", p->node_labels.pos,
		       "labels of nodes are known to the API server only; expected `nodes`");
	if (p->nodes.n > 1)
		refuse(r, "nodes", p->nodes.pos, "this is one machine; expected one node");
}

static void check_system(struct reader *r, const struct netchaos_peer *p)
{
	if (p->set && !p->pods.n_namespaces && !p->pods.n_pods && r->ns &&
	    !strcmp(r->ns, PARSE_SYSTEM_NS))
		refuse(r, "namespaces", p->pos, PARSE_SYSTEM_WORDS);
}

static void check_peer(struct reader *r, const struct netchaos_peer *p, const char *key)
{
	size_t path = key ? reader__enter(r, key, 0) : strlen(r->path);
	size_t selector = reader__enter(r, "selector", 0);

	if (r->place != EXPERIMENT_HERE)
		check_system(r, p);
	else
		check_local(r, p);
	reader__leave(r, selector);
	reader__leave(r, path);
}

/* parse_delay.c has the same bound, with the reason. */
#define HORIZON_NS (60 * NS_PER_S)

static bool does_nothing(const struct network_chaos *c)
{
	return c->action < NETCHAOS_PARTITION && c->loss.percent <= 0 &&
	       c->duplicate.percent <= 0 && c->corrupt.percent <= 0 && !c->rate.set &&
	       !c->delay.latency_ns && !c->delay.jitter_ns;
}

static void check_correlation(struct reader *r, const char *key, const struct netchaos_chance *c)
{
	if (c->set && c->percent > 0 && c->percent < 100 && c->correlation >= 100)
		refuse(r, key, c->pos,
		       "correlation 100: all packets would fare as the first one; expected less");
}

void netchaos__check(struct reader *r, const struct network_chaos *c)
{
	check_peer(r, &c->source, NULL);
	check_peer(r, &c->target, "target");
	check_correlation(r, "loss", &c->loss);
	check_correlation(r, "duplicate", &c->duplicate);
	check_correlation(r, "corrupt", &c->corrupt);
	check_correlation(r, "delay.reorder", &c->delay.reorder);
	if (c->delay.reorder.percent > 0 && !c->delay.latency_ns && !c->delay.jitter_ns)
		refuse(r, "delay.reorder", c->delay.reorder.pos,
		       "a reordering with no delay: those that are chosen overtake the delayed "
		       "ones");
	if (c->delay.jitter_ns && c->delay.correlation >= 100)
		refuse(r, "delay", c->delay.pos,
		       "correlation 100: the jitter would never change; expected less");
	if (c->delay.latency_ns + 4 * c->delay.jitter_ns > HORIZON_NS)
		refuse(r, "delay", c->delay.pos,
		       "latency and 4 times jitter are more than 60s, which is how long a packet "
		       "is "
		       "held at most");
	if (does_nothing(c))
		reader__fault(r, c->pos,
			      "all its percentages and times are 0: it would do nothing");
}
