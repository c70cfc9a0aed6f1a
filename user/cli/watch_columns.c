// SPDX-License-Identifier: GPL-2.0-only
/* watch_columns.c: the columns of both tables, and numbers in few characters. */
#include "cli/watch_columns.h"

#include "lib/cleanup.h"

const char *watch__count(double n, char *buf, size_t size)
{
	static const char units[] = " kMGTPE";
	size_t u = 0;

	while (n >= 999.5 && u + 2 < sizeof(units)) {
		n /= 1000;
		u++;
	}
	if (!u)
		snprintf(buf, size, n > 0 && n < 9.95 && n != (double)(int)n ? "%.1f" : "%.0f", n);
	else
		snprintf(buf, size, n < 9.95 ? "%.1f%c" : "%.0f%c", n, units[u]);
	return buf;
}

const char *watch__time(uint32_t us, char *buf, size_t size)
{
	double x = us;

	if (us < 1000)
		snprintf(buf, size, "%uus", us);
	else if (us < 999500)
		snprintf(buf, size, us < 9950 ? "%.1fms" : "%.0fms", x / 1e3);
	else
		snprintf(buf, size, "%.1fs", x / 1e6);
	return buf;
}

/* ---- connections ---- */

static const struct flow_row *row_at(const struct page *g, size_t i)
{
	return &g->v->t->rows[i];
}

static const char *arrow(const struct page *g, const struct flow_row *r, uint64_t bit)
{
	bool to = r->faults[FLOW_TO] & bit, back = r->faults[FLOW_BACK] & bit;

	if (g->p->utf8)
		return to && back ? "\u2194" : to ? "\u2192" : "\u2190";
	return to && back ? "<>" : to ? ">" : "<";
}

const char *watch_cell__fault(const struct page *g, size_t row, char *buf, size_t size)
{
	const struct flow_row *r = row_at(g, row);
	size_t n = 0;

	*buf = 0;
	for (size_t i = 0; i < g->v->t->n_active && n + 1 < size; i++) {
		uint64_t bit = 1ULL << i;

		if (!((r->faults[FLOW_TO] | r->faults[FLOW_BACK]) & bit))
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s%s", n ? "," : "", arrow(g, r, bit),
				      g->v->t->active[i].fault->name);
	}
	return buf;
}

static const char *cell_from(const struct page *g, size_t row, char *buf, size_t size)
{
	(void)buf, (void)size;
	return row_at(g, row)->from.name;
}

static const char *cell_to(const struct page *g, size_t row, char *buf, size_t size)
{
	(void)buf, (void)size;
	return row_at(g, row)->to.name;
}

static const char *cell_port(const struct page *g, size_t row, char *buf, size_t size)
{
	const struct flow_row *r = row_at(g, row);

	snprintf(buf, size, "%s:%u", r->proto == DISCOVER_TCP ? "tcp" : "udp", r->port);
	return buf;
}

static const char *cell_connections(const struct page *g, size_t row, char *buf, size_t size)
{
	const struct flow_row *r = row_at(g, row);

	if (r->connecting)
		snprintf(buf, size, "%u+%u", r->connections, r->connecting);
	else
		snprintf(buf, size, "%u", r->connections);
	return buf;
}

static const char *rate(const struct flow_row *r, double x, char *buf, size_t size)
{
	return r->counted ? watch__count(x, buf, size) : "-";
}

#define RATE_CELL(name, field)                                                            \
	static const char *name(const struct page *g, size_t row, char *buf, size_t size) \
	{                                                                                 \
		const struct flow_row *r = row_at(g, row);                                \
                                                                                          \
		return rate(r, r->done.field, buf, size);                                 \
	}
static const char *cell_new(const struct page *g, size_t row, char *buf, size_t size)
{
	return g->v->t->rated ? watch__count(row_at(g, row)->done.opened, buf, size) : "-";
}

RATE_CELL(cell_out, bytes[FLOW_TO])
RATE_CELL(cell_in, bytes[FLOW_BACK])
RATE_CELL(cell_segs_out, segs[FLOW_TO])
RATE_CELL(cell_segs_in, segs[FLOW_BACK])
RATE_CELL(cell_retrans, retrans)

static const char *cell_rtt(const struct page *g, size_t row, char *buf, size_t size)
{
	uint32_t us = row_at(g, row)->rtt_us;

	return us ? watch__time(us, buf, size) : "-";
}

static const char *cell_queue(const struct page *g, size_t row, char *buf, size_t size)
{
	return watch__count((double)row_at(g, row)->queued, buf, size);
}

const struct column watch_flow_columns[] = {
	{"FAULT", LEFT, 8, 32, 0, watch_cell__fault, true},
	{"FROM", LEFT, 14, 60, 0, cell_from, true},
	{"TO", LEFT, 14, 60, 0, cell_to, true},
	{"PORT", LEFT, 8, 9, 0, cell_port, false},
	{"CONN", RIGHT, 4, 11, 5, cell_connections, false},
	{"NEW/s", RIGHT, 5, 5, 4, cell_new, false},
	{"OUT B/s", RIGHT, 7, 7, 0, cell_out, false},
	{"IN B/s", RIGHT, 6, 6, 0, cell_in, false},
	{"OUT/s", RIGHT, 5, 5, 3, cell_segs_out, false},
	{"IN/s", RIGHT, 5, 5, 2, cell_segs_in, false},
	{"RETR/s", RIGHT, 6, 6, 7, cell_retrans, false},
	{"RTT", RIGHT, 5, 6, 6, cell_rtt, false},
	{"QUEUE", RIGHT, 5, 5, 1, cell_queue, false},
};

/* ---- devices ---- */

static const struct flow_device *device_at(const struct page *g, size_t i)
{
	return &g->v->t->devices[i];
}

static const char *cell_place(const struct page *g, size_t row, char *buf, size_t size)
{
	(void)buf, (void)size;
	return *device_at(g, row)->netns ? device_at(g, row)->netns : "-";
}

static const char *cell_device(const struct page *g, size_t row, char *buf, size_t size)
{
	(void)buf, (void)size;
	return device_at(g, row)->link->name;
}

#define DEVICE_CELL(name, field)                                                          \
	static const char *name(const struct page *g, size_t row, char *buf, size_t size) \
	{                                                                                 \
		const struct flow_device *d = device_at(g, row);                          \
                                                                                          \
		return d->known ? watch__count(d->field, buf, size) : "-";                \
	}
DEVICE_CELL(cell_tx_bytes, tx_bytes)
DEVICE_CELL(cell_rx_bytes, rx_bytes)
DEVICE_CELL(cell_tx_packets, tx_packets)
DEVICE_CELL(cell_rx_packets, rx_packets)
DEVICE_CELL(cell_drops, drops)

const struct column watch_device_columns[] = {
	{"NAMESPACE", LEFT, 10, 40, 0, cell_place, true},
	{"DEVICE", LEFT, 8, 15, 0, cell_device, true},
	{"OUT B/s", RIGHT, 7, 7, 0, cell_tx_bytes, false},
	{"IN B/s", RIGHT, 6, 6, 0, cell_rx_bytes, false},
	{"OUT/s", RIGHT, 5, 5, 0, cell_tx_packets, false},
	{"IN/s", RIGHT, 5, 5, 0, cell_rx_packets, false},
	{"DROP/s", RIGHT, 6, 6, 0, cell_drops, false},
};

const size_t watch_n_flow_columns = ARRAY_SIZE(watch_flow_columns);
const size_t watch_n_device_columns = ARRAY_SIZE(watch_device_columns);
