// SPDX-License-Identifier: GPL-2.0-only
/*
 * series.c: series.csv: one row for each node and bin of the traffic record in which anything
 * happened, with the packets that the node's devices counted and the operations of clients there
 * that returned in it. Where the record has bins of clients and services, more columns follow, empty in
 * those rows: client, server, proto, port and what was counted of them; and then rows that have only these, one for each
 * bin in which anything was, service by service.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

enum column {
	RX_PACKETS,
	RX_BYTES,
	TX_PACKETS,
	TX_BYTES,
	RX_SYN,
	TX_SYN,
	RX_RST,
	TX_RST,
	DROPPED,
	ADD_OK,
	ADD_FAIL,
	ADD_UNKNOWN,
	READ_OK,
	READ_FAIL,
	COLUMNS
};

static const char head[] =
	"t_s,node,rx_packets,rx_bytes,tx_packets,tx_bytes,rx_syn,tx_syn,rx_rst,tx_rst,"
	"dropped,adds_acked,adds_failed,adds_unknown,reads_ok,reads_failed";

/* What a row adds up: a bin of the record, or an operation. */
struct item {
	int64_t bin;
	int node;
	enum column column;		       /* of the operation */
	const struct history_traffic *traffic; /* or NULL */
};

static int by_bin(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = CMP(x->bin, y->bin);

	return r ? r : CMP(x->node, y->node);
}

/* The bin that @t_ns lies in, (k bin, (k + 1) bin]: the record of a bin is made at its end. */
static int64_t bin_of(const struct history *h, int64_t t_ns)
{
	int64_t b = h->traffic_bin_ns, t = t_ns - 1;

	return t >= 0 ? t / b : -((-t + b - 1) / b);
}

static struct item *items(const struct history *h, size_t *ret_n)
{
	struct item *v = calloc(h->n_traffic + h->n_ops + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < h->n_traffic; i++)
		v[n++] = (struct item){.bin = bin_of(h, h->traffic[i].t_ns),
				       .node = h->traffic[i].node,
				       .traffic = &h->traffic[i]};
	for (size_t i = 0; v && i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		enum column c = o->outcome == OP_OK ? READ_OK : READ_FAIL;

		if (o->kind != OP_READ)
			c = o->outcome == OP_OK	    ? ADD_OK
			    : o->outcome == OP_FAIL ? ADD_FAIL
						    : ADD_UNKNOWN;
		v[n++] =
			(struct item){.bin = bin_of(h, o->return_ns), .node = o->node, .column = c};
	}
	*ret_n = n;
	return v;
}

static void add(int64_t *sums, const struct item *x)
{
	const struct history_traffic *y = x->traffic;

	if (!y) {
		sums[x->column]++;
		return;
	}
	sums[RX_PACKETS] += y->rx_packets;
	sums[RX_BYTES] += y->rx_bytes;
	sums[TX_PACKETS] += y->tx_packets;
	sums[TX_BYTES] += y->tx_bytes;
	sums[RX_SYN] += y->rx_syn;
	sums[TX_SYN] += y->tx_syn;
	sums[RX_RST] += y->rx_rst;
	sums[TX_RST] += y->tx_rst;
	sums[DROPPED] += y->dropped;
}

/* RFC 4180: quoted if need be. */
static void field(struct text *t, const char *s)
{
	if (!s[strcspn(s, ",\"\r\n")]) {
		text__put(t, s, strlen(s));
		return;
	}
	text__put(t, "\"", 1);
	for (; *s; s++)
		text__put(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
	text__put(t, "\"", 1);
}

/* ---- clients and services ---- */

enum { WHO_COLUMNS = 4 }; /* client, server, proto, port */

static void commas(struct text *t, size_t n)
{
	while (n--)
		text__put(t, ",", 1);
}

static void service_head(struct text *t)
{
	text__add(t, ",client,server,proto,port");
	for (size_t c = 0; c < BINS_COUNT; c++)
		/* The rows of nodes have a column of that name. */
		text__add(t, ",%s%s", c == BINS_DROPPED ? "service_" : "", history_bins_names[c]);
}

static bool any_in(const struct history_bins *b, size_t i)
{
	for (size_t c = 0; c < BINS_COUNT; c++)
		if (b->counts[c] && b->counts[c][i])
			return true;
	return false;
}

static void service_row(struct text *t, const struct history *h, const struct history_bins *b,
			size_t i)
{
	text__add(t, "%.9g,", ((double)b->start_ns + (double)i * (double)b->bin_ns) / NS_PER_S);
	commas(t, COLUMNS + 1);
	field(t, history__node(h, b->client));
	text__put(t, ",", 1);
	field(t, history__node(h, b->server));
	text__add(t, ",%d,%d", b->proto, b->port);
	for (size_t c = 0; c < BINS_COUNT; c++)
		text__add(t, ",%lld", b->counts[c] ? (long long)b->counts[c][i] : 0LL);
	text__put(t, "\r\n", 2);
}

char *analysis__series_csv(const struct history *h)
{
	size_t n = 0;
	_cleanup_free_ struct item *v = items(h, &n);
	struct text t = {0};

	if (!v)
		return NULL;
	qsort(v, n, sizeof(*v), by_bin);
	text__put(&t, head, sizeof(head) - 1);
	if (h->n_bins)
		service_head(&t);
	text__put(&t, "\r\n", 2);
	for (size_t i = 0, next; i < n; i = next) {
		int64_t sums[COLUMNS] = {0};

		for (next = i; next < n && by_bin(&v[i], &v[next]) == 0; next++)
			add(sums, &v[next]);
		text__add(&t, "%.9g,", (double)v[i].bin * (double)h->traffic_bin_ns / NS_PER_S);
		field(&t, history__node(h, v[i].node));
		for (size_t c = 0; c < COLUMNS; c++)
			text__add(&t, ",%lld", (long long)sums[c]);
		if (h->n_bins)
			commas(&t, WHO_COLUMNS + BINS_COUNT);
		text__put(&t, "\r\n", 2);
	}
	for (size_t i = 0; i < h->n_bins; i++)
		for (size_t k = 0; k < h->bins[i].n; k++)
			if (any_in(&h->bins[i], k))
				service_row(&t, h, &h->bins[i], k);
	return text__take(&t);
}
