// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes_groups.c: lanes that say themselves how they are drawn, so that what the page knows nothing
 * of can be shown too.
 *
 *   groups [{id, title, what (a sentence or two for who sees it first), rows [row]}]
 *   row {label, sub, kind "bars" | "log" | "gauge", bin_us, limit (of a gauge, or null),
 *        series [{name, look, place "up" | "down", values [integer or null], total}],
 *        points [{name, look, at [[us, count]]}]}
 *   kind bars: counts in bins, drawn as rates: those with place up stack, those with down hang
 *   below the line. log: microseconds on a logarithmic scale, null where nothing was measured.
 *   gauge: the highest level in each bin; its points are when the limit was met, without points
 *   a level above it is wrong. look: a name that the page has a colour for.
 *
 * A group without rows is left out. Of services, ports and reasons the busiest are drawn, each in a
 * row of its own.
 */
#include "analysis/lanes_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <stdlib.h>
#include <string.h>

int64_t *values__new(const struct lanes_axis *a)
{
	return calloc(a->n_bins, sizeof(int64_t));
}

static json_t *values__json(const int64_t *v, size_t n, int64_t *ret_total)
{
	json_t *out = json_array();
	int64_t total = 0;

	for (size_t i = 0; v && i < n; i++) {
		json_array_append_new(out, v[i] == HISTORY_NONE ? json_null() : json_integer(v[i]));
		total += v[i] == HISTORY_NONE ? 0 : v[i];
	}
	*ret_total = total;
	return out;
}

int64_t row__add(json_t *row, const struct lanes_axis *a, const char *name, const char *look,
		 const char *place, int64_t *v)
{
	int64_t total = 0;
	json_t *values = values__json(v, v ? a->n_bins : 0, &total);
	bool counted = !strcmp(json_string_value(json_object_get(row, "kind")), "bars");

	free(v);
	json_array_append_new(json_object_get(row, "series"),
			      json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", name, "look", look,
					"place", place, "values", values, "total",
					counted ? json_integer(total) : json_null()));
	return total;
}

json_t *row__new(const struct lanes_axis *a, const char *kind, const char *label, const char *sub)
{
	return json_pack("{s:s, s:s?, s:s, s:o, s:n, s:[], s:[]}", "label", label, "sub", sub,
			 "kind", kind, "bin_us", lanes__us(a->bin_ns), "limit", "series", "points");
}

json_t *group__new(const char *id, const char *title, const char *what)
{
	return json_pack("{s:s, s:s, s:s, s:[]}", "id", id, "title", title, "what", what, "rows");
}

void group__row(json_t *group, json_t *row, bool wanted)
{
	if (wanted)
		json_array_append(json_object_get(group, "rows"), row);
	json_decref(row);
}

void groups__add(json_t *out, json_t *group)
{
	if (json_array_size(json_object_get(group, "rows")))
		json_array_append(out, group);
	json_decref(group);
}

/* ---- attempts ---- */

static void attempts(const struct history *h, const struct lanes_axis *a, json_t *out)
{
	json_t *group = group__new(
		"attempts", "Attempts, by workload",
		"Each thing that a client wants once is an intent; it may take several attempts. "
		"What stands on the first attempts are retries: load that nobody asked for. "
		"Below the line: attempts that opened a connection of their own.");
	bool retried = false, made = false;

	for (size_t i = 0; i < h->n_attempts; i++) {
		retried |= h->attempts[i].attempt > 0;
		made |= h->attempts[i].conn;
	}
	for (size_t w = 0; (retried || made) && w < h->n_workloads; w++) {
		int64_t *first = values__new(a), *more = values__new(a), *conn = values__new(a);
		json_t *row = row__new(a, "bars", h->workloads[w].name, h->workloads[w].retry);
		int64_t n;

		for (size_t i = 0; first && more && conn && i < h->n_attempts; i++) {
			const struct history_attempt *t = &h->attempts[i];

			if (t->workload != (int)w)
				continue;
			(t->attempt ? more : first)[axis__bin(a, t->invoke_ns)]++;
			conn[axis__bin(a, t->invoke_ns)] += t->conn;
		}
		n = row__add(row, a, "first attempts", "intents", "up", first);
		row__add(row, a, "retries", "attempts", "up", more);
		row__add(row, a, "new connections", "syn", "down", conn);
		group__row(group, row, n > 0);
	}
	groups__add(out, group);
}

/* ---- services ---- */

/* A service's bins stand together in the history: [from, from + n). */
struct service {
	size_t from, n;
	int64_t packets;
};

static int service__compare(const void *x, const void *y)
{
	const struct service *a = x, *b = y;
	int r = -CMP(a->packets, b->packets);

	return r ? r : CMP(a->from, b->from);
}

static int service__in_order(const void *x, const void *y)
{
	return CMP(((const struct service *)x)->from, ((const struct service *)y)->from);
}

static bool same_service(const struct history_bins *a, const struct history_bins *b)
{
	return a->server == b->server && a->port == b->port && a->proto == b->proto;
}

static int64_t count_of(const struct history_bins *b, enum bins_count what)
{
	int64_t n = 0;

	for (size_t i = 0; b->counts[what] && i < b->n; i++)
		n += b->counts[what][i];
	return n;
}

/* The busiest services, in the order of the history. @ret is to be freed. */
static size_t services(const struct history *h, struct service **ret)
{
	struct service *v = calloc(h->n_bins + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < h->n_bins; i++) {
		if (!i || !same_service(&h->bins[i], &h->bins[i - 1]))
			v[n++].from = i;
		v[n - 1].n++;
		v[n - 1].packets += count_of(&h->bins[i], BINS_PACKETS) +
				    count_of(&h->bins[i], BINS_BACK_PACKETS);
	}
	if (n) {
		qsort(v, n, sizeof(*v), service__compare);
		n = n < LANES_ROWS_MAX ? n : LANES_ROWS_MAX;
		qsort(v, n, sizeof(*v), service__in_order);
	}
	*ret = v;
	return n;
}

static void service__label(const struct history *h, const struct service *s, char *buf, size_t size,
			   const char **ret_sub)
{
	const struct history_bins *b = &h->bins[s->from];
	static const char *const protos[] = {[1] = "icmp", [6] = "tcp", [17] = "udp"};

	*ret_sub = b->proto >= 0 && b->proto < (int)ARRAY_SIZE(protos) ? protos[b->proto] : NULL;
	if (b->port)
		snprintf(buf, size, "%s:%d", history__node(h, b->server), b->port);
	else if (b->proto == 6 || b->proto == 17)
		snprintf(buf, size, "%s, other ports", history__node(h, b->server));
	else if (*ret_sub)
		snprintf(buf, size, "%s", history__node(h, b->server));
	else
		snprintf(buf, size, "%s, protocol %d", history__node(h, b->server), b->proto);
}

/* Add count @what of the service to @v. */
static void service__sum(const struct history *h, const struct service *s,
			 const struct lanes_axis *a, enum bins_count what, int64_t *v)
{
	for (size_t i = s->from; v && i < s->from + s->n; i++) {
		const struct history_bins *b = &h->bins[i];

		for (size_t k = 0; b->counts[what] && k < b->n; k++) {
			/* its middle: recorded bins need not begin where drawn ones do */
			int64_t t = b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2;

			v[axis__bin(a, t)] += b->counts[what][k];
		}
	}
}

/* Counts @one and, unless it is BINS_COUNT, @two. */
static int64_t service__series(const struct history *h, const struct service *s,
			       const struct lanes_axis *a, json_t *row, const char *name,
			       const char *look, const char *place, enum bins_count one,
			       enum bins_count two)
{
	int64_t *v = values__new(a);

	service__sum(h, s, a, one, v);
	if (two != BINS_COUNT)
		service__sum(h, s, a, two, v);
	return row__add(row, a, name, look, place, v);
}

/* Of every service in turn: a row of @group, made by @fill, if that says that there is something. */
static void service__rows(const struct history *h, const struct lanes_axis *a,
			  const struct service *v, size_t n, const char *kind, json_t *group,
			  bool (*fill)(const struct history *h, const struct service *s,
				       const struct lanes_axis *a, json_t *row))
{
	for (size_t i = 0; i < n; i++) {
		const char *sub;
		char label[300];
		json_t *row;

		service__label(h, &v[i], label, sizeof(label), &sub);
		row = row__new(a, kind, label, sub);
		group__row(group, row, fill(h, &v[i], a, row));
	}
}

static bool connections(const struct history *h, const struct service *s,
			const struct lanes_axis *a, json_t *row)
{
	int64_t n = service__series(h, s, a, row, "new SYN", "syn", "up", BINS_SYN, BINS_COUNT);

	n += service__series(h, s, a, row, "SYN sent again", "again", "up", BINS_SYN_AGAIN,
			     BINS_COUNT);
	n += service__series(h, s, a, row, "RST", "rst", "down", BINS_RST, BINS_BACK_RST);
	return n > 0;
}

static bool resent(const struct history *h, const struct service *s, const struct lanes_axis *a,
		   json_t *row)
{
	int64_t n = service__series(h, s, a, row, "segments sent again", "resent", "up",
				    BINS_RETRANSMITS, BINS_BACK_RETRANSMITS);

	n += service__series(h, s, a, row, "dropped by our faults", "dropped", "down", BINS_DROPPED,
			     BINS_COUNT);
	return n > 0;
}

/* The mean of each bin, where something was measured. */
static bool mean(const struct history *h, const struct service *s, const struct lanes_axis *a,
		 json_t *row, const char *name, const char *look, enum bins_count us,
		 enum bins_count n)
{
	int64_t *v = values__new(a);
	_cleanup_free_ int64_t *counts = values__new(a);
	bool any = false;

	service__sum(h, s, a, us, v);
	service__sum(h, s, a, n, counts);
	for (size_t i = 0; v && counts && i < a->n_bins; i++) {
		any |= counts[i] > 0;
		v[i] = counts[i] ? v[i] / counts[i] : HISTORY_NONE;
	}
	if (any)
		row__add(row, a, name, look, "up", v);
	else
		free(v);
	return any;
}

static bool times(const struct history *h, const struct service *s, const struct lanes_axis *a,
		  json_t *row)
{
	bool any = mean(h, s, a, row, "first byte", "one", BINS_FIRST_BYTE_US, BINS_FIRST_BYTE_N);

	any |= mean(h, s, a, row, "connect", "two", BINS_CONNECT_US, BINS_CONNECT_N);
	any |= mean(h, s, a, row, "round trip", "three", BINS_RTT_US, BINS_RTT_N);
	return any;
}

static void service__groups(const struct history *h, const struct lanes_axis *axis, json_t *out)
{
	_cleanup_free_ struct service *v = NULL;
	size_t n = services(h, &v);
	struct lanes_axis a = *axis;
	json_t *group;

	if (n)
		axis__align(&a, h->bins[0].bin_ns);
	group = group__new(
		"connections", "Attempts to connect, by service",
		"SYN packets on the way to each service. New: a connection that was not "
		"asked for before. Sent again: nobody had answered. Below the line: RST, "
		"connections refused or torn down, by either end.");
	service__rows(h, &a, v, n, "bars", group, connections);
	groups__add(out, group);
	group = group__new(
		"resent", "Sent again and dropped, by service",
		"TCP segments that were sent a second time, by either end, because nobody "
		"confirmed them. Below the line: packets that the faults dropped.");
	service__rows(h, &a, v, n, "bars", group, resent);
	groups__add(out, group);
	group = group__new(
		"times", "What connections took, by service",
		"Means of each bin on a logarithmic scale: from the SYN to an established "
		"connection, from the request to the first byte of its answer, and the "
		"round trip that TCP measured.");
	service__rows(h, &a, v, n, "log", group, times);
	groups__add(out, group);
}

/* ---- accept queues ---- */

/* Samples [from, to) of one listening socket; a level lasts until the next sample. */
static void queue(const struct history *h, const struct lanes_axis *a, size_t from, size_t to,
		  json_t *group)
{
	struct lanes_points over = lanes_points__init(a);
	int64_t *v = values__new(a), limit = 0, level = 0, seen = HISTORY_NONE;
	size_t bin = 0;
	char label[300];
	json_t *row;

	for (size_t i = from; v && i < to; i++) {
		const struct history_listen *l = &h->listens[i];
		size_t at = axis__bin(a, l->t_ns);

		for (; bin < at; bin++)
			v[bin] = v[bin] > level ? v[bin] : level;
		level = l->queue;
		v[at] = v[at] > level ? v[at] : level;
		limit = l->backlog > limit ? l->backlog : limit;
		if (l->overflows != HISTORY_NONE && seen != HISTORY_NONE && l->overflows > seen)
			lanes_points__add(&over, l->t_ns, l->overflows - seen);
		seen = l->overflows != HISTORY_NONE ? l->overflows : seen;
	}
	for (; v && bin < a->n_bins; bin++)
		v[bin] = v[bin] > level ? v[bin] : level;
	snprintf(label, sizeof(label), "%s:%d", history__node(h, h->listens[from].node),
		 h->listens[from].port);
	row = row__new(a, "gauge", label, "accept queue");
	if (limit)
		json_object_set_new(row, "limit", json_integer(limit));
	row__add(row, a, "waiting", "gauge", "up", v);
	json_array_append_new(json_object_get(row, "points"),
			      json_pack("{s:s, s:s, s:o}", "name", "overflows", "look", "limit",
					"at", lanes_points__take(&over)));
	group__row(group, row, true);
}

static void queues(const struct history *h, const struct lanes_axis *a, json_t *out)
{
	json_t *group = group__new(
		"queues", "Accept queues",
		"Connections that the kernel has established and the server has not accepted yet. "
		"The dashed line is the room that there is; ticks below: the queue was full and "
		"connections were dropped (counted for the whole network namespace).");
	size_t rows = 0;

	for (size_t i = 0, next; i < h->n_listens; i = next) {
		for (next = i + 1; next < h->n_listens &&
				   h->listens[next].node == h->listens[i].node &&
				   h->listens[next].port == h->listens[i].port;)
			next++;
		if (rows++ < LANES_ROWS_MAX)
			queue(h, a, i, next, group);
	}
	groups__add(out, group);
}

/* ---- the kernel's own drops and resets ---- */

struct reason {
	const char *name; /* equal strings of a history are one string */
	int64_t packets;
};

static int reason__compare(const void *x, const void *y)
{
	const struct reason *a = x, *b = y;
	int r = -CMP(a->packets, b->packets);

	return r ? r : strcmp(a->name, b->name);
}

static size_t reasons__sum(const struct history_reason *of, size_t n_of, struct reason *v,
			   size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_of; i++) {
		size_t k = 0;

		while (k < n && v[k].name != of[i].reason)
			k++;
		if (k == max)
			continue;
		if (k == n)
			v[n++] = (struct reason){.name = of[i].reason};
		v[k].packets += of[i].packets;
	}
	qsort(v, n, sizeof(*v), reason__compare);
	return n;
}

/* Evenly over the bins of [from, to]; the sum stays what it is. */
static void spread(const struct lanes_axis *a, int64_t from_ns, int64_t to_ns, int64_t n,
		   int64_t *v)
{
	size_t first = axis__bin(a, from_ns == HISTORY_NONE ? to_ns : from_ns);
	size_t last = axis__bin(a, to_ns), bins;

	first = first <= last ? first : last;
	bins = last - first + 1;
	for (size_t i = 0; i < bins; i++)
		v[first + i] += n / (int64_t)bins + ((int64_t)i < n % (int64_t)bins);
}

static void reasons(const struct history_reason *of, size_t n_of, const struct lanes_axis *a,
		    json_t *group, json_t *out)
{
	struct reason v[4 * LANES_ROWS_MAX];
	size_t n = reasons__sum(of, n_of, v, ARRAY_SIZE(v));

	for (size_t r = 0; r < n && r < LANES_ROWS_MAX; r++) {
		json_t *row = row__new(a, "bars", v[r].name, NULL);
		int64_t *bins = values__new(a);

		for (size_t i = 0; bins && i < n_of; i++)
			if (of[i].reason == v[r].name)
				spread(a, of[i].from_ns, of[i].t_ns, of[i].packets, bins);
		group__row(group, row, row__add(row, a, "packets", "plain", "up", bins) > 0);
	}
	groups__add(out, group);
}

static void drops(const struct history *h, const struct lanes_axis *a, json_t *out)
{
	reasons(h->drops, h->n_drops, a,
		group__new(
			"drops", "Dropped by the kernel, by reason",
			"Packets that the kernel threw away by itself, under the kernel's own name "
			"for why; each count is spread over the time since the one before. What a "
			"fault of this run dropped, or took to the line that delays, may appear "
			"here once more, as TC_INGRESS or TC_EGRESS."),
		out);
}

static void resets(const struct history *h, const struct lanes_axis *a, json_t *out)
{
	reasons(h->resets, h->n_resets, a,
		group__new(
			"resets", "Connections reset, by reason",
			"RSTs that TCP sent here, under the kernel's own name for why; each count "
			"is spread over the time since the one before. NO_SOCKET: nobody "
			"listened, or the connection was gone. RSTs of a fault of this run are "
			"not among them."),
		out);
}

json_t *lanes__groups(const struct history *h, const struct lanes_axis *a)
{
	json_t *out = json_array();

	attempts(h, a, out);
	service__groups(h, a, out);
	queues(h, a, out);
	drops(h, a, out);
	resets(h, a, out);
	lanes__vrrp(h, a, out);
	return out;
}
