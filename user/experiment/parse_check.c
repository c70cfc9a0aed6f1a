// SPDX-License-Identifier: GPL-2.0-only
/* parse_check.c: parts of one fault that cannot be together, and what moves without knowing how long. */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <netinet/in.h>
#include <string.h>

/* In the order of the bits of enum fault_parts, which is that of application. */
static const char *const part_names[] = {
	"partition", "loss",  "delay",	"reorder", "duplicate", "corrupt",
	"rate",	     "reset", "reject", "mtu",	   "ecn",
};

const char *fault__part_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(part_names) ? part_names[bit] : NULL;
}

bool match__is_any(const struct match *m)
{
	return !m->proto && !m->tcp_mask && !m->ports.n && !m->sports.n && !m->dports.n &&
	       !m->length_lo && m->length_hi == UINT16_MAX && m->dscp < 0 &&
	       m->state == MATCH_ANY && m->nth <= 1 && !m->first;
}

/* Nothing is left for any other part. */
static void check_alone(struct reader *r, const struct yaml_node *n, const struct fault *f)
{
	const char *taken = NULL;
	size_t by = 0;

	if (f->parts & FAULT_PARTITION) {
		taken = "what a partition drops already";
	} else if (f->parts & FAULT_LOSS && loss__is_total(&f->loss)) {
		taken = "what a loss of all packets leaves: nothing";
		by = 1;
	}
	for (size_t i = 0; taken && i < ARRAY_SIZE(part_names); i++) {
		const struct yaml_node *part = yaml__get(n, part_names[i]);

		if (part && i != by)
			reader__fault(r, part->pos, "`%s` of %s; expected a fault of its own",
				      part_names[i], taken);
	}
}

/* Parts that were named, right or wrong: a wrong one is no second finding. */
static bool names_a_part(const struct yaml_node *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(part_names); i++) {
		if (yaml__get(n, part_names[i]))
			return true;
	}
	return false;
}

void parse_check_parts(struct reader *r, const struct yaml_node *n, const struct fault *f)
{
	const struct yaml_node *reorder = yaml__get(n, "reorder"), *reset = yaml__get(n, "reset");
	const struct yaml_node *reject = yaml__get(n, "reject");

	if (!names_a_part(n)) {
		reader__fault(r, n->pos,
			      "a fault needs a part: partition, loss, delay, reorder, duplicate, "
			      "corrupt, rate, reset, reject, mtu or ecn");
		return;
	}
	check_alone(r, n, f);
	if (reorder && !yaml__get(n, "delay"))
		reader__fault(r, reorder->pos,
			      "`reorder` without `delay`: those that are chosen overtake the "
			      "delayed ones");
	else if (reorder && f->delay.in_order)
		reader__fault(r, reorder->pos, "`reorder` beside `order: keep`");
	if (reset && reject)
		reader__fault(r, reject->pos,
			      "`reject` beside `reset`: a packet is answered once; expected one "
			      "of them");
	if (reset && f->match.proto && f->match.proto != IPPROTO_TCP)
		reader__fault(r, reset->pos,
			      "`reset` of packets that are not TCP; expected proto tcp in `match`");
	if (f->partition.l2 && !match__is_any(&f->match))
		reader__fault(r, yaml__get(n, "match")->pos,
			      "`match` beside `l2: true`, which cuts what has no ports: ARP");
}

void parse_check_ramp(struct reader *r, const struct yaml_node *n, struct fault *f)
{
	const struct yaml_node *ramp = yaml__get(n, "ramp");

	if (ramp && !r->moves)
		reader__fault(r, ramp->pos,
			      "`ramp` of what? expected a parameter that moves, as latency: "
			      "0ms..100ms");
	if (!r->moves || ramp)
		return;
	if (f->for_ns < 0)
		reader__fault(r, r->moves_at,
			      "moves over which time? expected `ramp`, or `for`, which is the "
			      "ramp where none is given");
	else
		f->ramp_ns = f->for_ns;
}
