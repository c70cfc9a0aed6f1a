// SPDX-License-Identifier: GPL-2.0-only
#include "flows/internal.h"

#include <string.h>

const char *const flow_orders[FLOW_N_ORDERS + 1] = {
	"fault", "rate", "packets", "retransmits", "rtt", "connections", "new", "name", NULL};

static double sum(const double v[2])
{
	return v[0] + v[1];
}

/* Positive: @a comes first. */
static int more(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare(const struct flow_row *a, const struct flow_row *b, enum flow_order order)
{
	switch (order) {
	case FLOW_BY_FAULT:
		return more((a->faults[0] | a->faults[1]) != 0, (b->faults[0] | b->faults[1]) != 0)
			       ?: compare(a, b, FLOW_BY_RATE);
	case FLOW_BY_RATE:
		return more(sum(a->done.bytes), sum(b->done.bytes));
	case FLOW_BY_SEGMENTS:
		return more(sum(a->done.segs), sum(b->done.segs));
	case FLOW_BY_RETRANS:
		return more(a->done.retrans, b->done.retrans);
	case FLOW_BY_RTT:
		return more(a->rtt_us, b->rtt_us);
	case FLOW_BY_CONNECTIONS:
		return more(a->connections + (double)a->connecting,
			    b->connections + (double)b->connecting);
	case FLOW_BY_NEW:
		return more(a->done.opened, b->done.opened);
	case FLOW_BY_NAME:
	case FLOW_N_ORDERS:
		break;
	}
	return 0;
}

static int by_name(const struct flow_row *a, const struct flow_row *b)
{
	return strcmp(a->from.name, b->from.name)
		?: strcmp(a->to.name, b->to.name) ?: a->port - b->port ?: a->proto - b->proto;
}

struct sorting {
	enum flow_order order;
	bool reverse;
};

static int by_order(const void *a, const void *b, void *data)
{
	const struct sorting *s = data;
	int r = compare(b, a, s->order) ?: s->order == FLOW_BY_NAME ? by_name(a, b) : 0;

	return (s->reverse ? -r : r) ?: by_name(a, b);
}

void flow_table__sort(struct flow_table *t, enum flow_order order, bool reverse)
{
	struct sorting s = {order, reverse};

	if (t->n_rows)
		qsort_r(t->rows, t->n_rows, sizeof(*t->rows), by_order, &s);
}
