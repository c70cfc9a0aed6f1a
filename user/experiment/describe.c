// SPDX-License-Identifier: GPL-2.0-only
/* describe.c: a fault in words. */
#include "experiment/experiment.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* What is written so far; what does not fit is cut. */
struct words {
	char *buf;
	size_t size, used;
	bool moves;
};

static void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->used + 1 >= w->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->used, w->size - w->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n < w->size - w->used ? (size_t)n : w->size - w->used - 1;
}

/* --- values --------------------------------------------------------------------------------------- */

static const char *percent(double x, char *buf, size_t size)
{
	snprintf(buf, size, "%.4g%%", 100 * x);
	return buf;
}

static const char *duration(double ns, char *buf, size_t size)
{
	return units__format_duration((int64_t)ns, buf, size);
}

static const char *number(double x, char *buf, size_t size)
{
	snprintf(buf, size, "%.4g", x);
	return buf;
}

/* @m with @format's unit, behind @before; a moving one as "1% to 5%". */
static void say_moving(struct words *w, const char *before, struct moving m,
		       const char *(*format)(double x, char *buf, size_t size))
{
	char a[40], b[40];

	say(w, "%s%s", before, format(m.from, a, sizeof(a)));
	if (m.from != m.to) {
		say(w, " to %s", format(m.to, b, sizeof(b)));
		w->moves = true;
	}
}

static void say_correlation(struct words *w, double correlation)
{
	if (correlation > 0)
		say(w, " correlation %.4g%%", 100 * correlation);
}

static void say_chance(struct words *w, const char *name, const struct chance *c)
{
	say_moving(w, name, c->p, percent);
	say_correlation(w, c->correlation);
}

/* --- parts ---------------------------------------------------------------------------------------- */

static void say_set(struct words *w, const struct name_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		say(w, "%s%s", i ? "," : "", set->names[i]);
}

static void say_partition(struct words *w, const struct fault *f)
{
	static const char *const kinds[] = {
		[PARTITION_ISOLATE] = "isolates ",
		[PARTITION_HALVES] = "parts ",
		[PARTITION_GROUPS] = "parts ",
		[PARTITION_BRIDGE] = "bridge ",
		[PARTITION_MAJORITIES_RING] = "majorities ring of ",
		[PARTITION_SIMPLEX] = "one way ",
	};
	const struct partition *p = &f->partition;

	say(w, "partition: %s", kinds[p->kind]);
	for (size_t i = 0; i < p->n_groups; i++) {
		if (i)
			say(w, "%s",
			    p->kind == PARTITION_SIMPLEX	    ? " -> "
			    : p->kind == PARTITION_BRIDGE && i == 1 ? " between "
			    : p->kind == PARTITION_MAJORITIES_RING  ? ","
								    : " | ");
		say_set(w, &p->groups[i]);
	}
	if (p->l2)
		say(w, ", ARP and neighbour discovery too");
}

static void say_loss(struct words *w, const struct fault *f)
{
	const struct loss *l = &f->loss;

	switch (l->model) {
	case LOSS_RANDOM:
		say_chance(w, "loss ", &l->chance);
		break;
	case LOSS_BURST:
		say_moving(w, "loss ", l->chance.p, percent);
		say_moving(w, " in bursts of ", l->burst, number);
		break;
	case LOSS_GEMODEL:
		say_moving(w, "loss gemodel p ", l->p, percent);
		say_moving(w, " r ", l->r, percent);
		say_moving(w, " h ", l->h, percent);
		say_moving(w, " k ", l->k, percent);
		break;
	case LOSS_STATE:
		say_moving(w, "loss state p13 ", l->p13, percent);
		say_moving(w, " p31 ", l->p31, percent);
		say_moving(w, " p32 ", l->p32, percent);
		say_moving(w, " p23 ", l->p23, percent);
		say_moving(w, " p14 ", l->p14, percent);
		break;
	case LOSS_EVERY:
		say(w, "loss of 1 in %u", l->every);
		break;
	case LOSS_FIRST:
		say(w, "loss of the first %u", l->first);
		break;
	}
}

static void say_delay(struct words *w, const struct fault *f)
{
	static const char *const names[] = {"uniform", "normal", "pareto", "paretonormal", "table"};
	const struct delay *d = &f->delay;

	say_moving(w, "delay ", d->latency_ns, duration);
	if (d->jitter_ns.from > 0 || d->jitter_ns.to > 0) {
		say_moving(w, " +-", d->jitter_ns, duration);
		say(w, " %s", names[d->distribution]);
		if (d->table_file)
			say(w, " %.80s", d->table_file);
		say_correlation(w, d->correlation);
	}
	if (d->in_order)
		say(w, " in order");
}

static void say_reorder(struct words *w, const struct fault *f)
{
	say_chance(w, "reorder ", &f->reorder.chance);
	if (f->reorder.gap > 1)
		say(w, " gap %u", f->reorder.gap);
}

static void say_duplicate(struct words *w, const struct fault *f)
{
	say_chance(w, "duplicate ", &f->duplicate.chance);
}

static void say_corrupt(struct words *w, const struct fault *f)
{
	say_chance(w, "corrupt ", &f->corrupt.chance);
	if (f->corrupt.silent)
		say(w, " silent");
}

static void say_rate(struct words *w, const struct fault *f)
{
	const struct rate_limit *r = &f->rate;
	char buf[40];

	say_moving(w, "rate ", r->bytes_per_s, units__format_bandwidth);
	if (r->burst_bytes)
		say(w, " burst %s", units__format_size(r->burst_bytes, buf, sizeof(buf)));
	say(w, " queue %s",
	    r->queue_bytes ? units__format_size(r->queue_bytes, buf, sizeof(buf))
			   : units__format_duration(r->queue_ns, buf, sizeof(buf)));
}

static void say_reset(struct words *w, const struct fault *f)
{
	static const char *const ends[] = {"both ends", "the sender", "the receiver"};

	say_chance(w, "reset ", &f->reset.chance);
	say(w, " to %s", ends[f->reset.ends]);
}

static void say_reject(struct words *w, const struct fault *f)
{
	static const char *const kinds[] = {"port unreachable", "host unreachable",
					    "net unreachable", "prohibited"};

	say_chance(w, "reject ", &f->reject.chance);
	say(w, " with %s", kinds[f->reject.kind]);
}

static void say_mtu(struct words *w, const struct fault *f)
{
	say_moving(w, "mtu ", f->mtu.bytes, number);
	say(w, f->mtu.icmp ? " with ICMP" : " black hole");
}

static void say_ecn(struct words *w, const struct fault *f)
{
	say_chance(w, "ecn mark ", &f->ecn.chance);
}

/* --- match ---------------------------------------------------------------------------------------- */

static void say_ports(struct words *w, const char *name, const struct ports *p)
{
	for (size_t i = 0; i < p->n; i++) {
		say(w, i ? "," : " %s ", name);
		say(w, p->v[i].lo == p->v[i].hi ? "%u" : "%u-%u", p->v[i].lo, p->v[i].hi);
	}
}

static void say_flags(struct words *w, const struct match *m)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
	const char *before = " flags ";

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(m->tcp_mask & (1U << i)))
			continue;
		say(w, "%s%s%s", before, m->tcp_flags & (1U << i) ? "" : "!", names[i]);
		before = ",";
	}
}

static void say_match(struct words *w, const struct match *m)
{
	char proto[8];

	if (match__is_any(m))
		return;
	say(w, "; only");
	if (m->state != MATCH_ANY)
		say(w, m->state == MATCH_NEW ? " new" : " established");
	if (m->proto) {
		proto__format(m->proto, proto, sizeof(proto));
		say(w, isdigit((unsigned char)*proto) ? " protocol %s" : " %s", proto);
	}
	say_ports(w, "port", &m->ports);
	say_ports(w, "source port", &m->sports);
	say_ports(w, "destination port", &m->dports);
	say_flags(w, m);
	if (m->length_lo == m->length_hi)
		say(w, " length %u", m->length_lo);
	else if (m->length_lo || m->length_hi != UINT16_MAX)
		say(w, " length %u..%u", m->length_lo, m->length_hi);
	if (m->dscp >= 0)
		say(w, " dscp %d", m->dscp);
	if (m->nth > 1)
		say(w, " 1 in %u", m->nth);
	if (m->first)
		say(w, " the first %u", m->first);
}

const char *experiment__describe_fault(const struct fault *f, char *buf, size_t size)
{
	/* in the order of the bits */
	static void (*const say_part[])(struct words * w, const struct fault *f) = {
		say_partition, say_loss,  say_delay,  say_reorder, say_duplicate, say_corrupt,
		say_rate,      say_reset, say_reject, say_mtu,	   say_ecn,
	};
	struct words w = {.buf = buf, .size = size};
	char ramp[32];

	if (!size)
		return buf;
	*buf = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(say_part); i++) {
		if (!(f->parts & (1U << i)))
			continue;
		if (w.used)
			say(&w, ", ");
		say_part[i](&w, f);
	}
	if (w.moves)
		say(&w, "; over %s", units__format_duration(f->ramp_ns, ramp, sizeof(ramp)));
	say_match(&w, &f->match);
	return buf;
}
