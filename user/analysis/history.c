// SPDX-License-Identifier: GPL-2.0-only
/*
 * history.c: events.jsonl into arrays, in order. A crash of the recorder or a full disk may cut
 * the last line short: that line is left out, with a note. Anything else that is no event is an
 * error: numbers that rest on half a record would look like numbers that rest on all of it.
 */
#include "analysis/analysis.h"
#include "analysis/history_reader.h"
#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void history__free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_faults; i++) {
		struct history_fault *f = &h->faults[i];

		for (size_t s = 0; s < f->n_sides; s++)
			free(f->sides[s].v);
		free(f->sides);
		free(f->parts.v);
		free(f->windows);
		free(f->edges);
		free(f->happened);
	}
	for (size_t i = 0; i < h->n_resources; i++)
		free(h->resources[i].nodes.v);
	for (size_t i = 0; i < h->n_workloads; i++)
		free(h->workloads[i].nodes.v);
	for (size_t i = 0; i < h->n_finals; i++)
		free(h->finals[i].runs);
	for (size_t i = 0; i < h->n_fault_events; i++)
		free(h->fault_events[i].edges);
	for (size_t i = 0; i < h->n_bins; i++)
		for (size_t k = 0; k < BINS_COUNT; k++)
			free(h->bins[i].counts[k]);
	for (size_t i = 0; i < h->n_hosts; i++)
		free(h->hosts[i].segments);
	free(h->hosts);
	free(h->missing);
	free(h->places);
	free(h->presence);
	free(h->endpoint_of);
	free(h->has_places);
	free(h->bins);
	free(h->listens);
	free(h->drops);
	free(h->resets);
	free(h->attempts);
	free(h->keys.v);
	free(h->faults);
	free(h->resources);
	free(h->workloads);
	free(h->nodes.v);
	free(h->expect.v);
	free(h->exempt.v);
	free(h->roles);
	free(h->ops);
	free(h->finals);
	free(h->traffic);
	free(h->fault_events);
	free(h->gaps);
	free(h->senders);
	free(h->garps);
	free(h->lateness);
	free(h->phases);
	free(h->node_events);
	free(h->notes);
	json_decref(h->seed);
	json_decref(h->strings);
	free(h);
}

const char *history__node(const struct history *h, int node)
{
	return node >= 0 && (size_t)node < h->nodes.n ? h->nodes.v[node] : "other";
}

bool history__window(const struct history *h, size_t f, size_t i, struct history_window *ret)
{
	if (f >= h->n_faults || i >= h->faults[f].n_happened)
		return false;
	*ret = h->faults[f].happened[i];
	return true;
}

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int cmp_role(const void *a, const void *b)
{
	const struct history_role *x = a, *y = b;
	int r = CMP(x->resource, y->resource);

	r = r ? r : CMP(x->node, y->node);
	r = r ? r : CMP(x->send_ns, y->send_ns);
	r = r ? r : CMP(x->recv_ns, y->recv_ns);
	r = r ? r : CMP(x->claim, y->claim);
	return r ? r : CMP(x->epoch, y->epoch);
}

static int cmp_op(const void *a, const void *b)
{
	const struct history_op *x = a, *y = b;
	int r = CMP(x->return_ns, y->return_ns);

	r = r ? r : CMP(x->invoke_ns, y->invoke_ns);
	r = r ? r : CMP(x->client, y->client);
	return r ? r : CMP(x->value, y->value);
}

static int cmp_attempt(const void *a, const void *b)
{
	const struct history_attempt *x = a, *y = b;
	int r = CMP(x->invoke_ns, y->invoke_ns);

	r = r ? r : CMP(x->workload, y->workload);
	r = r ? r : CMP(x->client, y->client);
	return r ? r : CMP(x->intent, y->intent);
}

static int cmp_bins(const void *a, const void *b)
{
	const struct history_bins *x = a, *y = b;
	int r = CMP(x->server, y->server);

	r = r ? r : CMP(x->port, y->port);
	r = r ? r : CMP(x->proto, y->proto);
	r = r ? r : CMP(x->start_ns, y->start_ns);
	return r ? r : CMP(x->client, y->client);
}

static int cmp_listen(const void *a, const void *b)
{
	const struct history_listen *x = a, *y = b;
	int r = CMP(x->node, y->node);

	r = r ? r : CMP(x->port, y->port);
	return r ? r : CMP(x->t_ns, y->t_ns);
}

static int cmp_traffic(const void *a, const void *b)
{
	const struct history_traffic *x = a, *y = b;
	int r = CMP(x->node, y->node);

	r = r ? r : CMP(x->t_ns, y->t_ns);
	return r ? r : CMP(x->bin_ns, y->bin_ns);
}

/* Equal times keep a fault's life in order: armed, hit, cleared, and only then armed again. */
static int cmp_fault_event(const void *a, const void *b)
{
	const struct history_fault_event *x = a, *y = b;
	int r = CMP(x->t_ns, y->t_ns);

	r = r ? r : CMP(x->fault, y->fault);
	r = r ? r : CMP(x->occurrence, y->occurrence);
	return r ? r : CMP(x->event, y->event);
}

static int cmp_gap(const void *a, const void *b)
{
	const struct history_gap *x = a, *y = b;
	int r = CMP(x->from_ns, y->from_ns);

	r = r ? r : CMP(x->to_ns, y->to_ns);
	r = r ? r : CMP(x->resource, y->resource);
	return r ? r : CMP(x->node, y->node);
}

/*
 * t_ns first in these three: one comparison serves them. Strings differ by address, so equal
 * times stay as sorted.
 */
static int cmp_t(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return CMP(x, y);
}
_Static_assert(offsetof(struct history_phase, t_ns) == 0, "cmp_t");
_Static_assert(offsetof(struct history_node_event, t_ns) == 0, "cmp_t");
_Static_assert(offsetof(struct history_note, t_ns) == 0, "cmp_t");

static void order(void *v, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	/* Almost always it is in order already, and then equal elements stay as they are. */
	for (size_t i = 1; i < n; i++)
		if (cmp((char *)v + (i - 1) * size, (char *)v + i * size) > 0) {
			qsort(v, n, size, cmp);
			return;
		}
}

static void order_all(struct history *h)
{
	order(h->roles, h->n_roles, sizeof(*h->roles), cmp_role);
	order(h->ops, h->n_ops, sizeof(*h->ops), cmp_op);
	order(h->attempts, h->n_attempts, sizeof(*h->attempts), cmp_attempt);
	order(h->bins, h->n_bins, sizeof(*h->bins), cmp_bins);
	order(h->listens, h->n_listens, sizeof(*h->listens), cmp_listen);
	order(h->traffic, h->n_traffic, sizeof(*h->traffic), cmp_traffic);
	order(h->fault_events, h->n_fault_events, sizeof(*h->fault_events), cmp_fault_event);
	order(h->gaps, h->n_gaps, sizeof(*h->gaps), cmp_gap);
	order(h->phases, h->n_phases, sizeof(*h->phases), cmp_t);
	order(h->node_events, h->n_node_events, sizeof(*h->node_events), cmp_t);
	order(h->notes, h->n_notes, sizeof(*h->notes), cmp_t);
}

/* When each fault was in force, from its armed and cleared events. */
static int happened(struct history *h)
{
	_cleanup_free_ size_t *cap = calloc(h->n_faults + 1, sizeof(*cap));
	_cleanup_free_ bool *open = calloc(h->n_faults + 1, sizeof(*open));

	if (!cap || !open)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_fault_events; i++) {
		const struct history_fault_event *e = &h->fault_events[i];
		struct history_fault *f = &h->faults[e->fault];

		if (e->event == FAULT_CLEARED && open[e->fault]) {
			f->happened[f->n_happened - 1].end_ns = e->t_ns;
			open[e->fault] = false;
		}
		if (e->event != FAULT_ARMED || open[e->fault])
			continue;
		if (!line__add(&f->happened, f->n_happened, &cap[e->fault], sizeof(*f->happened)))
			return -ENOMEM;
		f->happened[f->n_happened++] = (struct history_window){
			e->t_ns, e->t_ns > h->last_ns ? e->t_ns : h->last_ns};
		open[e->fault] = true;
	}
	for (size_t i = 0; i < h->n_faults; i++)
		h->faults[i].standing = open[i];
	return 0;
}

static int read_event(struct reader *rd, const json_t *o)
{
	const char *type;
	int r;

	rd->type = NULL;
	if (!json_is_object(o))
		return line__bad(rd, "expected a JSON object");
	type = json_string_value(json_object_get(o, "type"));
	if (!type)
		return line__bad(rd, "expected an event: `type` is missing");
	rd->type = type;
	r = line__time(rd, o, "t_ns", REQUIRED, &rd->t_ns);
	if (r)
		return r;
	if (!strcmp(type, "run") != !rd->has_run)
		return line__bad(rd, rd->has_run ? "there can be only one"
						 : "expected the run event first");
	if (rd->h->end.present)
		return line__bad(rd, "it comes after the end event");
	r = rd->has_run ? line__event(rd, o) : line__run(rd, o);
	if (r)
		return r;
	rd->has_run = true;
	rd->h->n_events++;
	if (rd->t_ns > rd->h->last_ns)
		rd->h->last_ns = rd->t_ns;
	return 0;
}

static int cut_short(struct reader *rd)
{
	struct history_note *n =
		line__add(&rd->h->notes, rd->h->n_notes, &rd->cap_notes, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->t_ns = rd->h->last_ns;
	n->level = "warning";
	n->text = "the last line of the record was cut short and is left out";
	rd->h->n_notes++;
	return 0;
}

static int read_line(struct reader *rd, const char *line, size_t len)
{
	json_error_t je;
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	int r;

	rd->type = NULL;
	if (!o && (!len || line[len - 1] != '\n'))
		return cut_short(rd);
	if (!o)
		return line__bad(rd, "column %d: not JSON: %.200s", je.column, je.text);
	r = read_event(rd, o);
	rd->type = NULL; /* it pointed into @o */
	json_decref(o);
	return r;
}

static int read_all(struct reader *rd, FILE *f)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r;

	for (errno = 0; (n = getline(&line, &size, f)) > 0; errno = 0) {
		rd->line++;
		r = read_line(rd, line, (size_t)n);
		if (r)
			return r == -ENOMEM ? err__set(rd->err, r, "%s: out of memory", rd->name)
					    : r;
	}
	if (!feof(f)) {
		r = errno ? -errno : -EIO;
		return err__set(rd->err, r, "%s: %s", rd->name, strerror(-r));
	}
	if (!rd->has_run)
		return err__set(rd->err, -EINVAL, "%s: no event was recorded", rd->name);
	return 0;
}

static void cleanup_reader(struct reader *rd)
{
	json_decref(rd->nodes.index);
	json_decref(rd->faults.index);
	json_decref(rd->resources.index);
	json_decref(rd->workloads.index);
	json_decref(rd->keys.index);
	json_decref(rd->hosts.index);
}

int history__read(FILE *f, const char *name, struct history **ret, struct error *err)
{
	_cleanup_(cleanup_history) struct history *h = calloc(1, sizeof(*h));
	_cleanup_(cleanup_reader) struct reader rd = {
		.name = name,
		.h = h,
		.err = err,
		.nodes.what = "node",
		.faults.what = "fault",
		.resources.what = "resource",
		.workloads.what = "workload",
		.hosts.what = "host",
	};
	int r;

	if (!h)
		return err__set(err, -ENOMEM, "%s: out of memory", name);
	h->strings = json_object();
	h->last_ns = -HISTORY_T_MAX;
	h->end = (struct history_end){
		.status = "crashed",
		.events = HISTORY_NONE,
		.lost_events = HISTORY_NONE,
		.probe_gaps = HISTORY_NONE,
		.late_bins = HISTORY_NONE,
		.unnamed_flows = HISTORY_NONE,
	};
	if (!h->strings)
		return err__set(err, -ENOMEM, "%s: out of memory", name);
	r = read_all(&rd, f);
	if (r)
		return r;
	r = intents__merge(h);
	r = r ? r : places__finish(h);
	if (r)
		return err__set(err, r, "%s: out of memory", name);
	order_all(h);
	r = happened(h);
	if (r)
		return err__set(err, r, "%s: out of memory", name);
	*ret = TAKE_PTR(h);
	return 0;
}

/* What is it then? */
static int no_record(const char *dir, struct error *err)
{
	_cleanup_free_ char *summary = NULL;
	struct stat st;

	if (stat(dir, &st) < 0)
		return err__set(err, -ENOENT, "%s: %s; expected the folder of a run", dir,
				strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err__set(
			err, -ENOTDIR,
			"%s: a file; expected the folder of a run, which holds events.jsonl", dir);
	if (asprintf(&summary, "%s/summary.json", dir) < 0) {
		summary = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	return err__set(
		err, -ENOENT, "%s/events.jsonl: no such file; expected the folder of a run%s", dir,
		stat(summary, &st) == 0 ? ": summary.json alone cannot be analysed again" : "");
}

int history__load(const char *dir, struct history **ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *f = NULL;

	if (asprintf(&path, "%s/events.jsonl", dir) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	f = fopen(path, "re");
	if (!f && (errno == ENOENT || errno == ENOTDIR))
		return no_record(dir, err);
	if (!f) {
		int r = -errno;

		return err__set(err, r, "%s: %s", path, strerror(-r));
	}
	return history__read(f, path, ret, err);
}
