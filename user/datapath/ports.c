// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/ports.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_lo(const void *a, const void *b)
{
	const struct chaos_port_range *x = a, *y = b;

	return x->lo != y->lo ? (x->lo > y->lo) - (x->lo < y->lo)
			      : (x->hi > y->hi) - (x->hi < y->hi);
}

/* @r is sorted by lo; append it to @s, merging what touches. */
static int append(struct port_set *s, struct chaos_port_range r)
{
	struct chaos_port_range *last = s->n ? &s->r[s->n - 1] : NULL;

	if (last && r.lo <= (__u32)last->hi + 1) {
		if (r.hi > last->hi)
			last->hi = r.hi;
		return 0;
	}
	if (s->n == PORT_SET_MAX)
		return -E2BIG;
	s->r[s->n++] = r;
	return 0;
}

int port_set__from(const struct chaos_port_range *ranges, size_t n, struct port_set *ret)
{
	_cleanup_free_ struct chaos_port_range *v = NULL;
	struct port_set s = {0};
	int r = 0;

	if (!n) {
		*ret = s;
		return 0;
	}
	v = malloc(n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v, ranges, n * sizeof(*v));
	qsort(v, n, sizeof(*v), by_lo);
	for (size_t i = 0; i < n && !r; i++)
		r = v[i].lo > v[i].hi ? -EINVAL : append(&s, v[i]);
	if (!r)
		*ret = s;
	return r;
}

int port_set__intersect(const struct port_set *a, const struct port_set *b, struct port_set *ret)
{
	struct port_set s = {0};

	if (!a->n || !b->n) {
		*ret = a->n ? *a : *b;
		return 0;
	}
	for (__u32 i = 0, j = 0; i < a->n && j < b->n;) {
		__u16 lo = a->r[i].lo > b->r[j].lo ? a->r[i].lo : b->r[j].lo;
		__u16 hi = a->r[i].hi < b->r[j].hi ? a->r[i].hi : b->r[j].hi;

		if (lo <= hi && append(&s, (struct chaos_port_range){lo, hi}))
			return -E2BIG;
		if (a->r[i].hi < b->r[j].hi)
			i++;
		else
			j++;
	}
	if (!s.n)
		return -ENOENT;
	*ret = s;
	return 0;
}

/* The ranges of @s; no constraint is every port. */
static struct port_set spelled_out(const struct port_set *s)
{
	return s->n ? *s : (struct port_set){.n = 1, .r = {{0, 65535}}};
}

/* a without b. -ENOENT when nothing is left. */
static int subtract(const struct port_set *a, const struct port_set *b, struct port_set *ret)
{
	struct port_set from = spelled_out(a), cut = spelled_out(b), s = {0};

	for (__u32 i = 0; i < from.n; i++) {
		__u32 lo = from.r[i].lo, hi = from.r[i].hi;

		for (__u32 j = 0; j < cut.n && lo <= hi; j++) {
			if (cut.r[j].hi < lo || cut.r[j].lo > hi)
				continue;
			if (cut.r[j].lo > lo &&
			    append(&s,
				   (struct chaos_port_range){(__u16)lo, (__u16)(cut.r[j].lo - 1)}))
				return -E2BIG;
			lo = (__u32)cut.r[j].hi + 1;
		}
		if (lo <= hi && append(&s, (struct chaos_port_range){(__u16)lo, (__u16)hi}))
			return -E2BIG;
	}
	if (!s.n)
		return -ENOENT;
	*ret = s;
	return 0;
}

static bool set_contains(const struct port_set *a, const struct port_set *b)
{
	struct port_set rest;

	return !a->n || subtract(b, a, &rest) == -ENOENT;
}

bool port_box__contains(const struct port_box *a, const struct port_box *b)
{
	/* Without any constraint on it, b takes packets that have no ports; only its like does. */
	if (port_box__all(a) || port_box__all(b))
		return port_box__all(a);
	return set_contains(&a->sport, &b->sport) && set_contains(&a->dport, &b->dport);
}

static int unite(const struct port_set *a, const struct port_set *b, struct port_set *ret)
{
	struct chaos_port_range v[2 * PORT_SET_MAX];

	memcpy(v, a->r, a->n * sizeof(*v));
	memcpy(v + a->n, b->r, b->n * sizeof(*v));
	return port_set__from(v, a->n + b->n, ret);
}

/* Two boxes that agree in one dimension are one. */
static bool merge(struct port_box *a, const struct port_box *b)
{
	struct port_set u;

	if (!memcmp(&a->sport, &b->sport, sizeof(a->sport)) && a->dport.n && b->dport.n &&
	    !unite(&a->dport, &b->dport, &u) && u.n <= CHAOS_PORTS_PER_MATCH) {
		a->dport = u;
		return true;
	}
	if (!memcmp(&a->dport, &b->dport, sizeof(a->dport)) && a->sport.n && b->sport.n &&
	    !unite(&a->sport, &b->sport, &u) && u.n <= CHAOS_PORTS_PER_MATCH) {
		a->sport = u;
		return true;
	}
	return false;
}

/* Fewer boxes that take the same packets: none inside another, none that can be one with
 * another. */
static size_t simplify(struct port_box *boxes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			if (i == j || (!port_box__contains(&boxes[i], &boxes[j]) &&
				       !merge(&boxes[i], &boxes[j])))
				continue;
			memmove(&boxes[j], &boxes[j + 1], (n - j - 1) * sizeof(*boxes));
			n--;
			/* Box i, where it is now, may have grown: look at all again. */
			i = (size_t)-1;
			break;
		}
	}
	return n;
}

/*
 * Append what of @p is not in @d: the source ports that d has not, with all destination ports; and
 * those that it has, with the destination ports that it has not.
 */
static int cut(const struct port_box *p, const struct port_box *d, struct port_box *out, size_t *n)
{
	struct port_set s = spelled_out(&p->sport), t = spelled_out(&d->sport);
	struct port_box piece = *p;
	int r;

	r = subtract(&p->sport, &d->sport, &piece.sport);
	if (r == 0) {
		if (*n == BOXES_MAX)
			return -E2BIG;
		out[(*n)++] = piece;
	} else if (r != -ENOENT) {
		return r;
	}
	piece = *p;
	r = port_set__intersect(&s, &t, &piece.sport);
	if (!r)
		r = subtract(&p->dport, &d->dport, &piece.dport);
	if (r == -ENOENT)
		return 0;
	if (r)
		return r;
	if (*n == BOXES_MAX)
		return -E2BIG;
	out[(*n)++] = piece;
	return 0;
}

/* Every port is no constraint, where the other set asks for ports anyway. */
static void normalize(struct port_box *b)
{
	struct port_set all = {.n = 1, .r = {{0, 65535}}};

	if (b->dport.n && !memcmp(&b->sport, &all, sizeof(all)))
		b->sport = (struct port_set){0};
	else if (b->sport.n && !memcmp(&b->dport, &all, sizeof(all)))
		b->dport = (struct port_set){0};
}

int port_boxes__disjoint(struct port_box *boxes, size_t n)
{
	_cleanup_free_ struct port_box *done = NULL, *now = NULL, *next = NULL;
	size_t n_done = 0;

	for (size_t i = 0; i < n; i++)
		normalize(&boxes[i]);
	n = simplify(boxes, n);
	if (n < 2)
		return (int)n;
	done = calloc(BOXES_MAX, sizeof(*done));
	now = calloc(BOXES_MAX, sizeof(*now));
	next = calloc(BOXES_MAX, sizeof(*next));
	if (!done || !now || !next)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t n_now = 1;

		now[0] = boxes[i];
		for (size_t d = 0; d < n_done; d++) {
			struct port_box *swap = now;
			size_t n_next = 0;

			for (size_t k = 0; k < n_now; k++)
				if (cut(&now[k], &done[d], next, &n_next))
					return -E2BIG;
			now = next;
			next = swap;
			n_now = n_next;
		}
		for (size_t k = 0; k < n_now; k++) {
			if (n_done == BOXES_MAX)
				return -E2BIG;
			done[n_done++] = now[k];
		}
	}
	for (size_t i = 0; i < n_done; i++) {
		normalize(&done[i]);
		if (done[i].sport.n > CHAOS_PORTS_PER_MATCH ||
		    done[i].dport.n > CHAOS_PORTS_PER_MATCH)
			return -E2BIG;
	}
	memcpy(boxes, done, n_done * sizeof(*boxes));
	return (int)n_done;
}
