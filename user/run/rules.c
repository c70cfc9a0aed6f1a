// SPDX-License-Identifier: GPL-2.0-only
#include "run/rules.h"

#include "lib/chain.h"
#include "lib/cleanup.h"
#include "lib/dist.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define at(file, s) (file), (s)->pos.line, (s)->pos.col

static struct chaos_param probability(const struct moving *m)
{
	return (struct chaos_param){(__u64)llround(m->from * 0x1p32),
				    (__u64)llround(m->to * 0x1p32)};
}

static struct chaos_param whole(const struct moving *m)
{
	return (struct chaos_param){(__u64)llround(m->from), (__u64)llround(m->to)};
}

static struct chaos_chance chance(const struct chance *c)
{
	return (struct chaos_chance){.p = probability(&c->p),
				     .correlation = (__u64)llround(c->correlation * 0x1p32)};
}

/* --- loss ------------------------------------------------------------------------------------- */

/* The chain of the model with its parameters at one end of the ramp. */
static int chain_at(const struct loss *l, bool end, struct loss_chain *ret, struct error *err)
{
#define v(field) (end ? l->field.to : l->field.from)
	switch (l->model) {
	case LOSS_BURST:
		return chain__burst(v(chance.p), v(burst), ret, err);
	case LOSS_GEMODEL:
		return chain__gemodel(v(p), v(r), v(h), v(k), ret, err);
	case LOSS_STATE: {
		const struct four_states p = {
			.p13 = v(p13), .p31 = v(p31), .p32 = v(p32), .p23 = v(p23), .p14 = v(p14)};

		return chain__four_states(&p, ret, err);
	}
	default:
		return -EINVAL;
	}
#undef v
}

static int make_chain(const struct loss *l, struct chaos_loss *ret, struct error *err)
{
	uint64_t move[2][CHAIN_STATES][CHAIN_STATES - 1], lost[2][CHAIN_STATES];
	struct loss_chain c;

	_Static_assert((int)CHAIN_STATES == (int)CHAOS_LOSS_STATES, "the same chain");
	for (int end = 0; end < 2; end++) {
		int r = chain_at(l, end, &c, err);

		if (r)
			return r;
		chain__thresholds(&c, move[end], lost[end]);
	}
	ret->n_states = c.n;
	for (size_t s = 0; s < CHAIN_STATES; s++) {
		for (size_t j = 0; j < CHAIN_STATES - 1; j++)
			ret->move[s][j] = (struct chaos_param){move[0][s][j], move[1][s][j]};
		ret->lost[s] = (struct chaos_param){lost[0][s], lost[1][s]};
	}
	return 0;
}

static int make_loss(const struct fault *f, const char *file, struct chaos_loss *ret,
		     struct error *err)
{
	const struct loss *l = &f->loss;

	switch (l->model) {
	case LOSS_RANDOM:
		ret->chance = chance(&l->chance);
		return 0;
	case LOSS_EVERY:
		ret->every = l->every;
		return 0;
	case LOSS_FIRST:
		ret->first = l->first;
		return 0;
	default:
		return make_chain(l, ret, err)
			       ? err__prefix(err, "%s:%d:%d", at(file, l)) ?: -EINVAL
			       : 0;
	}
}

/* --- delay ------------------------------------------------------------------------------------ */

char *rules__table_path(const char *file, const char *table)
{
	const char *slash = strrchr(file, '/');
	char *path;

	if (*table == '/' || !slash)
		return strdup(table);
	return asprintf(&path, "%.*s%s", (int)(slash - file + 1), file, table) < 0 ? NULL : path;
}

static int load_table(const struct fault *f, const char *file, struct dp_fault *ret,
		      struct error *err)
{
	_cleanup_free_ char *path = rules__table_path(file, f->delay.table_file);
	size_t n;
	int r;

	if (!path)
		return err__set(err, -ENOMEM, "out of memory");
	r = dist__load(path, &ret->table, &n, err);
	if (r)
		return err__prefix(err, "%s:%d:%d", at(file, &f->delay)) ?: r;
	ret->rule.delay.table_len = (__u32)n;
	return 0;
}

static int make_delay(const struct fault *f, const char *file, struct dp_fault *ret,
		      struct error *err)
{
	const struct delay *d = &f->delay;
	struct chaos_delay *rd = &ret->rule.delay;

	rd->latency_ns = whole(&d->latency_ns);
	rd->jitter_ns = whole(&d->jitter_ns);
	if (dist__weights(d->correlation, &rd->correlation, &rd->innovation))
		return err__set(err, -EINVAL, "%s:%d:%d: a correlation is from 0 to below 100%%",
				at(file, d));
	if (!d->correlation)
		rd->correlation = 0;
	if (d->in_order)
		rd->flags |= CHAOS_DELAY_IN_ORDER;
	if (f->parts & FAULT_REORDER) {
		rd->flags |= CHAOS_DELAY_REORDER;
		rd->overtake = chance(&f->reorder.chance);
		rd->gap = f->reorder.gap;
	}
	switch (d->distribution) {
	case DISTRIBUTION_UNIFORM:
		return 0;
	case DISTRIBUTION_NORMAL:
		rd->table = CHAOS_TABLE_NORMAL;
		break;
	case DISTRIBUTION_PARETO:
		rd->table = CHAOS_TABLE_PARETO;
		break;
	case DISTRIBUTION_PARETONORMAL:
		rd->table = CHAOS_TABLE_PARETONORMAL;
		break;
	case DISTRIBUTION_TABLE:
		return load_table(f, file, ret, err);
	}
	rd->table_len = CHAOS_TABLE_LEN;
	return 0;
}

/* --- the others ------------------------------------------------------------------------------- */

static void make_rate(const struct rate_limit *r, struct chaos_rate *ret)
{
	ret->bytes_per_s = whole(&r->bytes_per_s);
	ret->burst_bytes = r->burst_bytes;
	ret->queue_bytes = r->queue_bytes;
	ret->queue_ns = (__u64)r->queue_ns;
}

static void make_reset(const struct reset *r, struct chaos_rule *ret)
{
	ret->reset = chance(&r->chance);
	if (r->ends != RESET_RECEIVER)
		ret->effects |= CHAOS_RESET_SENDER;
	if (r->ends != RESET_SENDER)
		ret->effects |= CHAOS_RESET_RECEIVER;
}

static void make_reject(const struct reject *r, struct chaos_rule *ret)
{
	/* RFC 792 and RFC 1812 5.2.7.1; RFC 4443 3.1. */
	static const __u8 codes[][2] = {
		[REJECT_PORT] = {3, 4},
		[REJECT_HOST] = {1, 3},
		[REJECT_NET] = {0, 0},
		[REJECT_PROHIBITED] = {13, 1},
	};

	ret->reject = chance(&r->chance);
	ret->icmp4_code = codes[r->kind][0];
	ret->icmp6_code = codes[r->kind][1];
}

static void fill_ports(struct chaos_port_range *dst, __u8 *ret_n, const struct ports *ports)
{
	for (size_t i = 0; i < ports->n && i < CHAOS_PORTS_PER_MATCH; i++, (*ret_n)++)
		dst[i] = (struct chaos_port_range){ports->v[i].lo, ports->v[i].hi};
}

static int make_match(const struct fault *f, const char *file, struct chaos_match *ret,
		      struct error *err)
{
	const struct match *m = &f->match;

	if (m->ports.n > CHAOS_PORTS_PER_MATCH || m->sports.n > CHAOS_PORTS_PER_MATCH ||
	    m->dports.n > CHAOS_PORTS_PER_MATCH)
		return err__set(err, -EINVAL, "%s:%d:%d: at most %d port ranges in one match",
				at(file, f), CHAOS_PORTS_PER_MATCH);
	ret->proto = m->proto;
	ret->tcp_mask = m->tcp_mask;
	ret->tcp_flags = m->tcp_flags;
	/* A packet of an established connection has no SYN, one of a new connection has. */
	if (m->state != MATCH_ANY && !(ret->tcp_mask & TCP_SYN)) {
		ret->proto = IPPROTO_TCP;
		ret->tcp_mask |= TCP_SYN;
		if (m->state == MATCH_NEW)
			ret->tcp_flags |= TCP_SYN;
	}
	if (m->length_lo || m->length_hi < UINT16_MAX) {
		ret->flags |= CHAOS_MATCH_LENGTH;
		ret->length_lo = (__u16)m->length_lo;
		ret->length_hi = (__u16)m->length_hi;
	}
	if (m->dscp >= 0) {
		ret->flags |= CHAOS_MATCH_DSCP;
		ret->dscp = (__u8)m->dscp;
	}
	ret->nth = m->nth;
	ret->first = m->first;
	fill_ports(ret->port, &ret->n_port, &m->ports);
	fill_ports(ret->sport, &ret->n_sport, &m->sports);
	fill_ports(ret->dport, &ret->n_dport, &m->dports);
	return 0;
}

/* A partition of wire packets that only the line can tell apart is a loss of all of them. */
static void make_partition(const struct fault *f, struct chaos_rule *ret)
{
	const struct chaos_match *m = &ret->match;

	if (f->partition.l2)
		ret->match.flags |= CHAOS_MATCH_NEIGHBOUR;
	if (!(m->flags & CHAOS_MATCH_LENGTH) && !m->nth && !m->first) {
		ret->actions |= CHAOS_ACT_PARTITION;
		return;
	}
	ret->actions |= CHAOS_ACT_LOSS;
	ret->loss.chance.p = (struct chaos_param){1ULL << 32, 1ULL << 32};
}

int rules__make(const struct fault *f, uint64_t seed, const char *file, struct dp_fault *ret,
		struct error *err)
{
	static const struct {
		enum fault_parts part;
		enum chaos_action action;
	} actions[] = {
		{FAULT_LOSS, CHAOS_ACT_LOSS},	    {FAULT_DELAY, CHAOS_ACT_DELAY},
		{FAULT_RATE, CHAOS_ACT_RATE},	    {FAULT_DUPLICATE, CHAOS_ACT_DUPLICATE},
		{FAULT_RESET, CHAOS_ACT_RESET},	    {FAULT_REJECT, CHAOS_ACT_REJECT},
		{FAULT_MTU, CHAOS_ACT_MTU},	    {FAULT_ECN, CHAOS_ACT_ECN},
		{FAULT_CORRUPT, CHAOS_ACT_CORRUPT},
	};
	struct chaos_rule *rule = &ret->rule;
	int r = make_match(f, file, &rule->match, err);

	rule->seed = seed;
	/* The packet path divides the time by it; a ramp of under 65,536 ns has no steps. */
	rule->ramp_step_ns = f->ramp_ns ? (__u64)f->ramp_ns / 65536 + 1 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (f->parts & actions[i].part)
			rule->actions |= actions[i].action;
	if (f->parts & FAULT_PARTITION)
		make_partition(f, rule);
	if (!r && (f->parts & FAULT_LOSS))
		r = make_loss(f, file, &rule->loss, err);
	if (!r && (f->parts & FAULT_DELAY))
		r = make_delay(f, file, ret, err);
	if (f->parts & FAULT_RATE)
		make_rate(&f->rate, &rule->rate);
	if (f->parts & FAULT_RESET)
		make_reset(&f->reset, rule);
	if (f->parts & FAULT_REJECT)
		make_reject(&f->reject, rule);
	rule->duplicate = chance(&f->duplicate.chance);
	rule->ecn = chance(&f->ecn.chance);
	rule->corrupt = chance(&f->corrupt.chance);
	rule->mtu = whole(&f->mtu.bytes);
	if (f->corrupt.silent)
		rule->effects |= CHAOS_CORRUPT_SILENT;
	if (f->mtu.icmp)
		rule->effects |= CHAOS_MTU_ICMP;
	return r;
}
