// SPDX-License-Identifier: GPL-2.0-only
/*
 * herd_stampede.c: does a cache let more than one fetch of a key through to its origin?
 *
 * A cache is a node that is the server of one service (downstream) and the client of another
 * (upstream). What is open upstream at once: opened less closed, from the service's bins, the cache
 * as the client. If the clients downstream name their keys, the proof is by counting (Dirichlet):
 * more fetches open at once than there are different keys asked for means that one key has two
 * fetches. Without keys it is a spike: what is open at once is 5 times what is usual, and in the
 * second around that 5 times as many are opened, for what the clients send, as in the rest of the
 * run: the clients did not ask that much more, the cache passed more of it on. What they send is
 * bytes, since a connection that is kept has many requests; connections, if no bytes are recorded.
 *
 * A node that passes on most of what it is asked already before the fault is no cache of that
 * service: it is that service's client.
 *
 * A connection that is kept open without a fetch counts as one: what was open before at least is
 * taken off, and fetches are only what ends again, as a pool of connections does not. Of several
 * services that show it, the one with most fetches is told.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FETCHES_MIN 3
#define SPIKE 5
#define BINS_MAX 1000000

struct flow {
	int64_t *opened, *closed, *bytes;
	size_t n;
	int64_t width_ns;
};

static void flow__free(struct flow *f)
{
	free(f->opened);
	free(f->closed);
	free(f->bytes);
}

static void add(const struct history_bins *b, enum bins_count c, struct flow *f, int64_t *to)
{
	for (size_t k = 0; b->counts[c] && k < b->n; k++) {
		int64_t t = b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2;

		if (t >= 0 && (size_t)(t / f->width_ns) < f->n)
			to[t / f->width_ns] += b->counts[c][k];
	}
}

static bool is_of(const struct history_bins *b, const struct history_bins *like, int client)
{
	return b->server == like->server && b->port == like->port && b->proto == like->proto &&
	       (client < HISTORY_OTHER || b->client == client);
}

/* Of service @like, of @client only unless that is below HISTORY_OTHER. */
static int flow__make(const struct history *h, const struct timing *t,
		      const struct history_bins *like, int client, struct flow *f)
{
	f->width_ns = like->bin_ns;
	if (t->end_ns / f->width_ns >= BINS_MAX)
		f->width_ns = t->end_ns / BINS_MAX + 1;
	f->n = (size_t)(t->end_ns / f->width_ns) + 1;
	f->opened = calloc(f->n, sizeof(*f->opened));
	f->closed = calloc(f->n, sizeof(*f->closed));
	f->bytes = calloc(f->n, sizeof(*f->bytes));
	if (!f->opened || !f->closed || !f->bytes)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_bins; i++) {
		const struct history_bins *b = &h->bins[i];

		if (!is_of(b, like, client))
			continue;
		add(b, BINS_OPENED, f, f->opened);
		add(b, BINS_CLOSED, f, f->closed);
		add(b, BINS_BYTES, f, f->bytes);
	}
	return 0;
}

/* Packets to service @like in @w, of @client only unless that is below HISTORY_OTHER. */
static double packets(const struct history *h, const struct history_bins *like, int client,
		      struct history_window w)
{
	double n = 0;

	for (size_t i = 0; i < h->n_bins; i++) {
		const struct history_bins *b = &h->bins[i];

		if (!b->counts[BINS_PACKETS] || !is_of(b, like, client))
			continue;
		for (size_t k = 0; k < b->n; k++) {
			int64_t t = b->start_ns + (int64_t)k * b->bin_ns;

			if (t >= w.start_ns && t < w.end_ns)
				n += (double)b->counts[BINS_PACKETS][k];
		}
	}
	return n;
}

/* A packet up for less than two down. */
static bool passes_all_on(const struct history *h, const struct herd *x,
			  const struct history_bins *up, const struct history_bins *down)
{
	double asked = packets(h, down, HISTORY_OTHER - 1, x->baseline);

	return asked > 0 && 2 * packets(h, up, up->client, x->baseline) > asked;
}

struct crest {
	int64_t open;  /* most at once */
	int64_t usual; /* median of what is open in a bin */
	int64_t least; /* before the crest */
	size_t bin;
};

static int by_int(const void *a, const void *b)
{
	return CMP(*(const int64_t *)a, *(const int64_t *)b);
}

static int crest__make(const struct flow *f, struct crest *ret)
{
	_cleanup_free_ int64_t *open = calloc(f->n + 1, sizeof(*open));
	struct crest c = {0};
	int64_t now = 0, lowest = 0;

	if (!open)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		/* what opens and closes within a bin was open in it too */
		open[i] = now + f->opened[i];
		now = open[i] - f->closed[i];
		/* more ended than began: those were there before the record */
		lowest = now < lowest ? now : lowest;
		if (open[i] > c.open) {
			c.open = open[i];
			c.bin = i;
		}
	}
	c.open -= lowest;
	c.least = c.open;
	for (size_t i = 0; i < c.bin; i++)
		c.least = open[i] - lowest < c.least ? open[i] - lowest : c.least;
	qsort(open, f->n, sizeof(*open), by_int);
	c.usual = open[f->n / 2] - lowest;
	*ret = c;
	return 0;
}

/*
 * Different keys asked for at any time in [@from, @to); -1: not all name one. @server: only by
 * workloads that ask there or do not say where.
 */
static int64_t keys_asked(const struct history *h, int server, int64_t from, int64_t to)
{
	_cleanup_free_ int64_t *keys = calloc(h->n_attempts + 1, sizeof(*keys));
	size_t n = 0;
	int64_t different = 0;

	for (size_t i = 0; keys && i < h->n_attempts; i++) {
		const struct history_attempt *a = &h->attempts[i];
		const char *target = h->workloads[a->workload].target;

		if (a->invoke_ns >= to || a->return_ns < from ||
		    (target && strcmp(target, history__node(h, server)) != 0))
			continue;
		if (a->key == HISTORY_KEY_NONE)
			return -1;
		keys[n++] = a->key;
	}
	if (!keys || !n)
		return -1;
	qsort(keys, n, sizeof(*keys), by_int);
	for (size_t i = 0; i < n; i++)
		different += !i || keys[i] != keys[i - 1];
	return different;
}

static int64_t sum(const int64_t *v, size_t from, size_t to, size_t n)
{
	int64_t x = 0;

	for (size_t i = from; i < to && i < n; i++)
		x += v[i];
	return x;
}

/* Of one flow, inside and outside of @from to @to. */
static void split(const int64_t *v, size_t n, size_t from, size_t to, double *ret_in,
		  double *ret_out)
{
	*ret_in = (double)sum(v, from, to, n);
	*ret_out = (double)sum(v, 0, n, n) - *ret_in;
}

/*
 * How many times as many fetches for what the clients send in the second around the crest as in
 * the rest; -1: there is nothing to compare with.
 */
static double passed_on(const struct flow *up, const struct flow *down, size_t bin)
{
	size_t second = (size_t)(NS_PER_S / up->width_ns) + 1;
	size_t from = bin > second / 2 ? bin - second / 2 : 0;
	double up_in, up_out, down_in, down_out;

	split(up->opened, up->n, from, from + second, &up_in, &up_out);
	split(down->bytes, down->n, from, from + second, &down_in, &down_out);
	if (down_in + down_out <= 0)
		split(down->opened, down->n, from, from + second, &down_in, &down_out);
	if (down_in <= 0 || down_out <= 0 || up_out <= 0)
		return -1;
	return up_in / down_in / (up_out / down_out);
}

struct stampede {
	int64_t fetches;
	struct text words;
};

static void stampede__free(struct stampede *s)
{
	free(s->words.v);
}

static void tell(const struct history *h, int cache, const char *origin, const struct crest *c,
		 int64_t at, int64_t keys, double times, struct text *words)
{
	text__add(words, "%s had %lld connections to %s open at once at ", history__node(h, cache),
		  (long long)c->open, origin);
	text__at(words, at);
	if (keys > 0)
		text__add(words, ", while its clients asked for %lld %s", (long long)keys,
			  keys == 1 ? "key" : "different keys");
	else if (c->usual > 0)
		text__add(words, ", %lld as a rule", (long long)c->usual);
	else
		text__add(words, ", none as a rule");
	if (times >= SPIKE)
		text__add(words,
			  "; in that second it fetched %.0f times as often, for what its clients "
			  "sent, as in the rest of the run",
			  times);
}

static int judge(const struct history *h, const struct timing *t, const struct herd_metric *down,
		 const struct history_bins *edge, const char *up_name, struct stampede *best)
{
	_cleanup_(flow__free) struct flow up = {0}, in = {0};
	const struct history_bins *service = &h->bins[down->first_bins];
	struct crest c;
	double times;
	int64_t keys, fetches, at;
	int r = flow__make(h, t, edge, edge->client, &up);

	r = r ? r : flow__make(h, t, service, HISTORY_OTHER - 1, &in);
	r = r ? r : crest__make(&up, &c);
	if (r)
		return r;
	fetches = c.open - c.least;
	if (fetches < FETCHES_MIN || fetches <= best->fetches ||
	    2 * sum(up.closed, c.bin, up.n, up.n) < fetches)
		return 0;
	at = (int64_t)c.bin * up.width_ns;
	keys = keys_asked(h, edge->client, at, at + up.width_ns);
	times = passed_on(&up, &in, c.bin);
	if (keys > 0 ? fetches < 2 * keys
		     : c.open < SPIKE * (c.usual ? c.usual : 1) || (times >= 0 && times < SPIKE))
		return 0;
	stampede__free(best);
	*best = (struct stampede){.fetches = fetches};
	tell(h, edge->client, up_name, &c, at, keys, times, &best->words);
	return 0;
}

/* From the service @up of node @client; looks for what that node serves itself. */
static int from_cache(const struct history *h, const struct timing *t, const struct herd *x,
		      const struct herd_metric *up, const struct history_bins *edge,
		      struct stampede *best)
{
	for (size_t d = 0; d < x->n; d++) {
		const struct herd_metric *down = &x->v[d];
		int r;

		if (down == up || !down->service || !down->connects ||
		    h->bins[down->first_bins].server != edge->client ||
		    passes_all_on(h, x, edge, &h->bins[down->first_bins]))
			continue;
		r = judge(h, t, down, edge, up->service, best);
		if (r)
			return r;
	}
	return 0;
}

int herd__stampede(const struct history *h, const struct timing *t, const struct herd *x,
		   struct text *ret)
{
	_cleanup_(stampede__free) struct stampede best = {0};

	for (size_t u = 0; u < x->n; u++) {
		const struct herd_metric *up = &x->v[u];
		_cleanup_free_ bool *seen = calloc(h->nodes.n + 1, sizeof(*seen));

		if (!seen)
			return -ENOMEM;
		for (int i = up->first_bins; up->service && up->connects && i < up->last_bins;
		     i++) {
			const struct history_bins *edge = &h->bins[i];
			int r;

			if (edge->client < 0 || seen[edge->client])
				continue;
			seen[edge->client] = true;
			r = from_cache(h, t, x, up, edge, &best);
			if (r)
				return r;
		}
	}
	*ret = best.words;
	best.words = (struct text){0};
	return 0;
}
