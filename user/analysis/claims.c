// SPDX-License-Identifier: GPL-2.0-only
/*
 * claims.c: claims from samples (EFFECTS.md, section 1). A sample is true at some instant in
 * [send, recv], so a claim certainly holds from the recv of its first positive sample to the send
 * of its last one, and possibly from the send of the negative sample before to the recv of the
 * negative one after. Times are of the clock of the probe's host: see split.c for claims of several.
 *
 * A sample in another epoch ends a claim and begins another; the boundary lies between the two
 * samples. A sample that failed says nothing. Where no valid sample is at hand for longer than a
 * probe gap (5 intervals and 50 ms, as the recorder has it) the node is unseen: no claim is
 * certain there, and any is possible. A pod that was gone claimed nothing meanwhile.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

static int64_t gap_limit(const struct history_resource *r)
{
	return 5 * r->every_ns + 50 * NS_PER_MS;
}

static bool same_epoch(int64_t a, int64_t b)
{
	return a == HISTORY_NONE || b == HISTORY_NONE || a == b;
}

/* Growing arrays of one resource. */
struct builder {
	const struct history *h;
	struct claims *c;
	size_t cap_claims, cap_unseen;
};

static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	v = reallocarray(v, *cap ? *cap * 2 : 16, size);
	if (v)
		*cap = *cap ? *cap * 2 : 16;
	return v;
}

static int add_unseen_part(struct builder *b, int node, int64_t from, int64_t to)
{
	struct unseen *v = grow(b->c->unseen, b->c->n_unseen, &b->cap_unseen, sizeof(*v));

	if (!v)
		return -ENOMEM;
	b->c->unseen = v;
	v[b->c->n_unseen++] = (struct unseen){node, from, to};
	return 0;
}

/* The part of [@from, @to) that is one. */
static int add_part(struct builder *b, int node, int64_t from, int64_t to)
{
	return from < to ? add_unseen_part(b, node, from, to) : 0;
}

static const struct history_presence *presence_of(const struct history *h, int node, size_t *ret_n)
{
	size_t first = 0, n = 0;

	while (first < h->n_presence && h->presence[first].node < node)
		first++;
	while (first + n < h->n_presence && h->presence[first + n].node == node)
		n++;
	*ret_n = n;
	return n ? h->presence + first : NULL;
}

/*
 * [@from, @to) but for the times in which a pod of this name was nowhere. One that moves may join
 * there before it has left here, by two clocks: it is gone when its latest host says so.
 */
static int add_unseen(struct builder *b, int node, int64_t from, int64_t to)
{
	size_t n;
	const struct history_presence *p = presence_of(b->h, node, &n);
	bool there = !n || !p->joined;
	int host = HISTORY_NO_HOST, r = 0;

	for (; n && !r; n--, p++) {
		if (p->joined) {
			if (!there && p->t_ns > from)
				from = p->t_ns;
			there = true;
			host = p->host;
		} else if (there && (host == HISTORY_NO_HOST || host == p->host)) {
			r = add_part(b, node, from, p->t_ns < to ? p->t_ns : to);
			there = false;
		}
	}
	return r || !there ? r : add_part(b, node, from, to);
}

/* When the pod that claimed last at @t was gone, if it was before @before. */
static int64_t gone_by(const struct history *h, int node, int64_t t, int64_t before)
{
	size_t n;
	const struct history_presence *p = presence_of(h, node, &n);

	for (; n; n--, p++)
		if (!p->joined && p->t_ns >= t && p->t_ns < before)
			return p->t_ns;
	return before;
}

/* A claim that @s begins; it is possible since @since. */
static int open_claim(struct builder *b, const struct history_role *s, int64_t since)
{
	struct claim *v = grow(b->c->v, b->c->n, &b->cap_claims, sizeof(*v));

	if (!v)
		return -ENOMEM;
	b->c->v = v;
	v[b->c->n++] = (struct claim){
		.node = s->node,
		.host = s->host,
		.epoch = s->epoch,
		.inner = {s->recv_ns, s->send_ns},
		.outer = {since, s->recv_ns},
		.end = CLAIM_RECORD,
	};
	return 0;
}

/* By when a claim has ended: by the sample behind it, which may be of another clock. */
static int64_t until(const struct history *h, const struct claim *c, const struct history_role *s)
{
	int64_t error = c->host == s->host ? 0 : history__clock_error(h, s->host);

	return gone_by(h, c->node, c->inner.end_ns, s->recv_ns + error);
}

static void close_claim(struct claim *c, int64_t at, enum claim_end why)
{
	c->outer.end_ns = at;
	c->end = why;
}

/* When what @s claims may have begun: after the sample before, which may be of another clock. */
static int64_t since(const struct history *h, const struct history_role *last,
		     const struct history_role *s, const struct history_role *first)
{
	const struct history_presence *p;
	int64_t t = first->send_ns;
	size_t n;

	if (last)
		t = last->send_ns -
		    (last->host == s->host ? 0 : history__clock_error(h, last->host));
	/* a pod that has come in between is another one */
	p = presence_of(h, s->node, &n);
	for (; n && last; n--, p++)
		if (p->joined && p->host == s->host && p->t_ns > t && p->t_ns <= s->send_ns)
			t = p->t_ns;
	return t;
}

/*
 * The samples of one node, in order. @t: the node should have been sampled from run time 0 to the
 * end of the timeline.
 */
static int scan(struct builder *b, const struct history_role *s, size_t n, int64_t limit,
		const struct timing *t)
{
	const struct history_role *last = NULL; /* valid one */
	struct claim *open = NULL;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		bool unseen;

		if (s[i].role == ROLE_ERROR)
			continue;
		b->c->sampled = true;
		unseen = last ? s[i].recv_ns - last->send_ns > limit : s[i].recv_ns > limit;
		if (unseen)
			r = add_unseen(b, s[i].node, last ? last->send_ns : 0, s[i].recv_ns);
		/* another host: another pod, by another clock */
		unseen |= last && last->host != s[i].host;
		if (open && s[i].claim && !unseen && same_epoch(open->epoch, s[i].epoch)) {
			open->inner.end_ns = s[i].send_ns;
			if (open->epoch == HISTORY_NONE)
				open->epoch = s[i].epoch;
		} else {
			if (open)
				close_claim(open, until(b->h, open, &s[i]),
					    !s[i].claim				  ? CLAIM_DENIED
					    : same_epoch(open->epoch, s[i].epoch) ? CLAIM_UNSEEN
										  : CLAIM_EPOCH);
			if (!r && s[i].claim)
				r = open_claim(b, &s[i], since(b->h, last, &s[i], &s[0]));
			open = !r && s[i].claim ? &b->c->v[b->c->n - 1] : NULL;
		}
		last = &s[i];
	}
	if (open)
		close_claim(open, s[n - 1].recv_ns, CLAIM_RECORD);
	if (!r && last && t->end_ns - last->send_ns > limit)
		r = add_unseen(b, last->node, last->send_ns, t->end_ns);
	return r;
}

/* The nodes of a resource that no sample speaks of. */
static int add_silent(struct builder *b, const struct history_resource *r, const bool *spoken,
		      const struct timing *t)
{
	int e = 0;

	for (size_t i = 0; i < r->nodes.n && !e; i++)
		if (!spoken[r->nodes.v[i]] && t->end_ns > 0)
			e = add_unseen(b, r->nodes.v[i], 0, t->end_ns);
	return e;
}

static int one_resource(const struct history *h, size_t resource, size_t *at,
			const struct timing *t, struct claims *ret)
{
	const struct history_resource *r = &h->resources[resource];
	_cleanup_free_ bool *spoken = calloc(h->nodes.n + 1, sizeof(*spoken));
	struct builder b = {.h = h, .c = ret};
	int e = 0;

	if (!spoken)
		return -ENOMEM;
	ret->leads = strcmp(r->system, "sentinel") != 0;
	while (!e && *at < h->n_roles && h->roles[*at].resource == (int)resource) {
		const struct history_role *s = &h->roles[*at];
		size_t n = 1, valid = 0;

		while (*at + n < h->n_roles && s[n].resource == s->resource && s[n].node == s->node)
			n++;
		for (size_t i = 0; i < n; i++)
			valid += s[i].role != ROLE_ERROR;
		spoken[s->node] = valid > 0;
		if (ret->leads)
			e = scan(&b, s, n, gap_limit(r), t);
		else
			ret->sampled |= valid > 0;
		*at += n;
	}
	return e || !ret->leads ? e : add_silent(&b, r, spoken, t);
}

int claims__make(const struct history *h, const struct timing *t, struct claims **ret)
{
	size_t at = 0;
	int e = 0;

	*ret = calloc(h->n_resources + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_resources && !e; i++)
		e = one_resource(h, i, &at, t, &(*ret)[i]);
	return e;
}

void claims__free(struct claims *c, size_t n)
{
	for (size_t i = 0; c && i < n; i++) {
		free(c[i].v);
		free(c[i].unseen);
	}
	free(c);
}
