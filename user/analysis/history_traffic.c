// SPDX-License-Identifier: GPL-2.0-only
/* history_traffic.c: what the kernel counted of each client and service: bins, listen, drops, resets. */
#include "analysis/history_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const history_bins_names[BINS_COUNT] = {
	"packets",
	"bytes",
	"back_packets",
	"back_bytes",
	"syn",
	"syn_again",
	"synack",
	"rst",
	"back_rst",
	"fin",
	"back_fin",
	"retransmits",
	"back_retransmits",
	"opened",
	"closed",
	"dropped",
	"connect_us",
	"connect_n",
	"first_byte_us",
	"first_byte_n",
	"rtt_us",
	"rtt_n",
};

static int proto(struct reader *rd, const json_t *o, int *ret)
{
	const json_t *v = json_object_get(o, "proto");
	const char *s = json_string_value(v);
	int64_t number = 0;
	int r;

	if (s) {
		if (strcmp(s, "tcp") && strcmp(s, "udp"))
			return line__bad(rd, "`proto`: unknown value `%.60s`", s);
		*ret = *s == 't' ? 6 : 17;
		return 0;
	}
	r = line__int(rd, o, "proto", REQUIRED, 0, 255, &number);
	*ret = (int)number;
	return r;
}

/* Integers from 0, as many as there are bins; absent: all 0. */
static int counts(struct reader *rd, const json_t *o, const char *key, size_t n, int64_t **ret)
{
	const json_t *a = NULL, *x;
	int r = line__array(rd, o, key, OPTIONAL, &a);
	size_t i;

	if (r || !a)
		return r;
	if (json_array_size(a) != n)
		return line__bad(rd, "`%s`: expected %zu integers, found %zu", key, n,
				 json_array_size(a));
	*ret = calloc(n, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	json_array_foreach(a, i, x) {
		json_int_t v = json_integer_value(x);

		if (!json_is_integer(x) || v < 0 || v > HISTORY_BIN_MAX)
			return line__bad(rd, "`%s`[%zu]: expected an integer from 0 to %lld", key,
					 i, HISTORY_BIN_MAX);
		(*ret)[i] = v;
	}
	return 0;
}

int line__bins(struct reader *rd, const json_t *o)
{
	struct history_bins *b = ADD(rd, bins);
	int64_t port = 0, n = 0;
	int r;

	if (!b)
		return -ENOMEM;
	r = line__end(rd, json_object_get(o, "client"), &b->client);
	r = r ? r : line__end(rd, json_object_get(o, "server"), &b->server);
	r = r ? r : proto(rd, o, &b->proto);
	r = r ? r : line__int(rd, o, "port", OPTIONAL, 0, 65535, &port);
	r = r ? r : line__time(rd, o, "start_ns", REQUIRED, &b->start_ns);
	r = r ? r : line__int(rd, o, "bin_ns", REQUIRED, 1, HISTORY_T_MAX, &b->bin_ns);
	r = r ? r : line__int(rd, o, "n", REQUIRED, 1, HISTORY_BINS_MAX, &n);
	if (!r && b->bin_ns > (HISTORY_T_MAX - (b->start_ns > 0 ? b->start_ns : 0)) / n)
		r = line__bad(rd, "the bins end later than any run");
	if (r)
		return r;
	b->port = port == HISTORY_NONE ? 0 : (int)port;
	b->n = (size_t)n;
	rd->h->n_bins++; /* before it is whole: what it owns by then is freed */
	for (size_t i = 0; !r && i < BINS_COUNT; i++)
		r = counts(rd, o, history_bins_names[i], b->n, &b->counts[i]);
	return r;
}

int line__listen(struct reader *rd, const json_t *o)
{
	struct history_listen *l = ADD(rd, listens);
	int64_t port = 0;
	int r;

	if (!l)
		return -ENOMEM;
	l->t_ns = rd->t_ns;
	r = line__name(rd, &rd->nodes, o, "node", &l->node);
	r = r ? r : line__int(rd, o, "port", REQUIRED, 0, 65535, &port);
	r = r ? r : line__count(rd, o, "queue", REQUIRED, &l->queue);
	r = r ? r : line__count(rd, o, "backlog", OPTIONAL, &l->backlog);
	r = r ? r : line__count(rd, o, "overflows", OPTIONAL, &l->overflows);
	r = r ? r : line__count(rd, o, "drops", OPTIONAL, &l->drops);
	l->port = (int)port;
	rd->h->n_listens += !r;
	return r;
}

struct reasons {
	struct history_reason **v;
	size_t *n, *cap;
};

static int reason(struct reader *rd, const json_t *reasons, const char *name,
		  const struct history_reason *like, const struct reasons *to)
{
	struct history_reason *d = line__add(to->v, *to->n, to->cap, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	*d = *like;
	d->reason = line__keep(rd, name);
	if (!d->reason)
		return -ENOMEM;
	r = line__count(rd, reasons, name, REQUIRED, &d->packets);
	*to->n += !r;
	return r;
}

static int line__reasons(struct reader *rd, const json_t *o, const struct reasons *to)
{
	json_t *reasons = json_object_get(o, "reasons"), *v;
	struct history_reason like = {.t_ns = rd->t_ns, .node = HISTORY_OTHER};
	const json_t *node = json_object_get(o, "node");
	const char *name;
	int r = line__time(rd, o, "from_ns", OPTIONAL, &like.from_ns);

	if (!r && node && !json_is_null(node))
		r = line__end(rd, node, &like.node);
	if (!r && !json_is_object(reasons))
		r = line__bad(rd, "`reasons`: expected an object");
	if (r)
		return r;
	json_object_foreach(reasons, name, v) {
		r = reason(rd, reasons, name, &like, to);
		if (r)
			return r;
	}
	return 0;
}

int line__drops(struct reader *rd, const json_t *o)
{
	return line__reasons(rd, o,
			     &(struct reasons){&rd->h->drops, &rd->h->n_drops, &rd->cap_drops});
}

int line__resets(struct reader *rd, const json_t *o)
{
	return line__reasons(rd, o,
			     &(struct reasons){&rd->h->resets, &rd->h->n_resets, &rd->cap_resets});
}
