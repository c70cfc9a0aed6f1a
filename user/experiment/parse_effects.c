// SPDX-License-Identifier: GPL-2.0-only
/* parse_effects.c: what else may happen to a packet. */
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

/* The least that IPv4 must carry (RFC 791), and the most that a packet's length field holds. */
#define MTU_MIN 68
#define MTU_MAX 65535
/* A smaller queue would drop each packet that does not leave at once. */
#define QUEUE_MIN_BYTES 1514
#define QUEUE_MAX_BYTES (1ULL << 40)
#define QUEUE_MAX_NS (60 * NS_PER_S)

/* --- duplicate, corrupt, ecn -------------------------------------------------------------------------- */

static const struct option duplicate_options[] = {
	FIELD("probability", PROBABILITY, duplicate, chance.p, .required = true),
	FIELD("correlation", FRACTION, duplicate, chance.correlation),
};

void parse_duplicate(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_DUPLICATE;
	f->duplicate.pos = n->pos;
	reader__short(r, n, "a duplication", duplicate_options, ARRAY_SIZE(duplicate_options),
		      &f->duplicate);
}

static void corrupt_kind(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"detected", "silent"};
	int i = reader__word(r, n, "kind of corruption", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct corrupt *)obj)->silent = i == 1;
}

static const struct option corrupt_options[] = {
	FIELD("probability", PROBABILITY, corrupt, chance.p, .required = true),
	FIELD("correlation", FRACTION, corrupt, chance.correlation),
	OPTION("kind", CUSTOM, .parse = corrupt_kind),
};

void parse_corrupt(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_CORRUPT;
	f->corrupt.pos = n->pos;
	reader__short(r, n, "a corruption", corrupt_options, ARRAY_SIZE(corrupt_options),
		      &f->corrupt);
}

/*
 * What happens to every packet unless a probability is given: `true` and `{}` stand for that, one value
 * for the probability. @options[0] is the probability, @p where it goes.
 */
static void parse_always(struct reader *r, const struct yaml_node *n, const char *what,
			 const struct option *options, size_t n_options, struct moving *p,
			 void *obj)
{
	*p = (struct moving){1, 1};
	if (n->kind == YAML_SCALAR && n->plain && !strcmp(n->text, "true"))
		return;
	reader__short(r, n, what, options, n_options, obj);
}

static const struct option ecn_options[] = {
	FIELD("probability", PROBABILITY, ecn, chance.p),
};

void parse_ecn(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_ECN;
	f->ecn.pos = n->pos;
	parse_always(r, n, "an ECN mark", ecn_options, ARRAY_SIZE(ecn_options), &f->ecn.chance.p,
		     &f->ecn);
}

/* --- reset, reject ------------------------------------------------------------------------------------ */

static void reset_ends(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"both", "sender", "receiver"};
	int i = reader__word(r, n, "end of a connection", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct reset *)obj)->ends = RESET_BOTH + (unsigned int)i;
}

static const struct option reset_options[] = {
	FIELD("probability", PROBABILITY, reset, chance.p),
	OPTION("ends", CUSTOM, .parse = reset_ends),
};

void parse_reset(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_RESET;
	f->reset.pos = n->pos;
	parse_always(r, n, "a reset", reset_options, ARRAY_SIZE(reset_options), &f->reset.chance.p,
		     &f->reset);
}

static void reject_with(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"port", "host", "net", "prohibited"};
	int i = reader__word(r, n, "reason of a rejection", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct reject *)obj)->kind = REJECT_PORT + (unsigned int)i;
}

static const struct option reject_options[] = {
	FIELD("probability", PROBABILITY, reject, chance.p),
	OPTION("with", CUSTOM, .parse = reject_with),
};

void parse_reject(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_REJECT;
	f->reject.pos = n->pos;
	parse_always(r, n, "a rejection", reject_options, ARRAY_SIZE(reject_options),
		     &f->reject.chance.p, &f->reject);
}

/* --- rate, mtu ---------------------------------------------------------------------------------------- */

static void rate_burst(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__size(r, n, 1, QUEUE_MAX_BYTES, &((struct rate_limit *)obj)->burst_bytes);
}

/* Bytes, or the time that the rate takes for them. */
static void rate_queue(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct rate_limit *rate = obj;
	char found[FOUND_SIZE];
	uint64_t bytes = 0;
	int64_t ns = 0;
	bool text = n->kind == YAML_SCALAR;

	if (text && units__duration(n->text, &ns) != -EINVAL) {
		if (reader__duration(r, n, 1, QUEUE_MAX_NS, &rate->queue_ns))
			rate->queue_bytes = 0;
		return;
	}
	if (text && units__size(n->text, &bytes) != -EINVAL) {
		if (reader__size(r, n, QUEUE_MIN_BYTES, QUEUE_MAX_BYTES, &rate->queue_bytes))
			rate->queue_ns = 0;
		return;
	}
	reader__fault(r, n->pos,
		      "%s is no queue; expected bytes, as in 64kb, or the time that the rate takes "
		      "for them, as in 50ms",
		      reader__found(n, found));
}

static const struct option rate_options[] = {
	FIELD("bandwidth", BANDWIDTH, rate_limit, bytes_per_s, .required = true),
	OPTION("burst", CUSTOM, .parse = rate_burst),
	OPTION("queue", CUSTOM, .parse = rate_queue),
};

void parse_rate(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_RATE;
	f->rate.pos = n->pos;
	f->rate.queue_ns = NS_PER_S;
	reader__short(r, n, "a rate", rate_options, ARRAY_SIZE(rate_options), &f->rate);
}

static const struct option mtu_options[] = {
	FIELD("size", SIZE, mtu, bytes, .required = true, .lo = MTU_MIN, .hi = MTU_MAX),
	FIELD("icmp", BOOL, mtu, icmp),
};

void parse_mtu(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_MTU;
	f->mtu.pos = n->pos;
	reader__short(r, n, "an mtu", mtu_options, ARRAY_SIZE(mtu_options), &f->mtu);
}
