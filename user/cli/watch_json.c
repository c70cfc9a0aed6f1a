// SPDX-License-Identifier: GPL-2.0-only
/* watch_json.c: the table for programs: one object an interval. What is not known is null. */
#include "cli/watch.h"

#include "cli/targets.h"
#include "lib/cleanup.h"

static json_t *text(const char *s)
{
	char buf[4096];

	return s ? json_string(target_text__clean(s, true, buf, sizeof(buf))) : json_null();
}

static json_t *number(bool known, double x)
{
	return known ? json_real(x) : json_null();
}

static json_t *party_json(const struct watch_view *v, const struct flow_party *p)
{
	json_t *o = json_object();
	char addr[64];

	json_object_set_new(o, "name", text(p->name));
	json_object_set_new(o, "address", text(flow_addr__text(&p->addr, addr, sizeof(addr))));
	if (p->netns != DISCOVER_NONE) {
		const struct discover_netns *n = &v->s->netns[p->netns];

		json_object_set_new(o, "netns", json_integer((json_int_t)n->id.ino));
		json_object_set_new(o, "netns_name", text(n->name));
	}
	if (p->process != DISCOVER_NONE) {
		const struct discover_process *x = &v->s->processes[p->process];
		const struct discover_cgroup *c =
			x->cgroup == DISCOVER_NONE ? NULL : &v->s->cgroups[x->cgroup];

		json_object_set_new(o, "pid", json_integer(x->pid));
		json_object_set_new(o, "comm", text(x->comm));
		json_object_set_new(o, "unit", text(c ? c->unit : NULL));
		if (c && c->container != DISCOVER_NONE)
			json_object_set_new(o, "container",
					    text(v->s->containers[c->container].name
							 ?: v->s->containers[c->container].id));
		if (c && c->pod != DISCOVER_NONE)
			json_object_set_new(o, "pod", text(v->s->pods[c->pod].name));
	}
	return o;
}

static json_t *faults_json(const struct flow_table *t, const struct flow_row *r)
{
	static const char *const words[] = {NULL, "to", "from", "both"};
	json_t *a = json_array();

	for (size_t i = 0; i < t->n_active; i++) {
		unsigned int d = (r->faults[FLOW_TO] >> i & 1) | (r->faults[FLOW_BACK] >> i & 1)
									 << 1;

		if (d)
			json_array_append_new(a, json_pack("{s:o,s:o,s:s}", "run",
							   text(t->active[i].run->id), "name",
							   text(t->active[i].fault->name),
							   "direction", words[d]));
	}
	return a;
}

static json_t *row_json(const struct watch_view *v, const struct flow_row *r)
{
	const struct flow_done *d = &r->done;
	json_t *o = json_pack("{s:o,s:o,s:s,s:i,s:i,s:i}", "from", party_json(v, &r->from), "to",
			      party_json(v, &r->to), "proto",
			      r->proto == DISCOVER_TCP ? "tcp" : "udp", "port", r->port,
			      "connections", (int)r->connections, "connecting", (int)r->connecting);

	json_object_set_new(o, "out_bytes_per_s", number(r->counted, d->bytes[FLOW_TO]));
	json_object_set_new(o, "in_bytes_per_s", number(r->counted, d->bytes[FLOW_BACK]));
	json_object_set_new(o, "out_segments_per_s", number(r->counted, d->segs[FLOW_TO]));
	json_object_set_new(o, "in_segments_per_s", number(r->counted, d->segs[FLOW_BACK]));
	json_object_set_new(o, "retransmits_per_s", number(r->counted, d->retrans));
	json_object_set_new(o, "new_per_s", number(v->t->rated, d->opened));
	json_object_set_new(o, "rtt_ms", number(r->rtt_us, r->rtt_us / 1e3));
	json_object_set_new(o, "queued_bytes", json_integer((json_int_t)r->queued));
	json_object_set_new(o, "faults", faults_json(v->t, r));
	return o;
}

static json_t *fault_json(const struct watch_view *v, const struct scope_fault *f)
{
	json_t *hits = json_object(), *per_s = json_object();

	for (size_t i = 0; i < FLOW_HITS; i++) {
		json_object_set_new(hits, flow_hits[i], json_integer((json_int_t)f->hits[i]));
		json_object_set_new(per_s, flow_hits[i], number(f->per_s[i] >= 0, f->per_s[i]));
	}
	return json_pack("{s:o,s:o,s:b,s:o,s:o}", "name", text(f->name), "does", text(f->does),
			 "active", scope_fault__active(f, v->now_ns), "hits", hits, "hits_per_s",
			 per_s);
}

static json_t *run_json(const struct watch_view *v, const struct scope_run *r)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < r->n_faults; i++)
		json_array_append_new(faults, fault_json(v, &r->faults[i]));
	return json_pack("{s:o,s:o,s:f,s:o,s:o}", "id", text(r->id), "phase", text(r->phase), "t_s",
			 r->t_s, "age_s", number(r->at_ns, (double)(v->now_ns - r->at_ns) / 1e9),
			 "faults", faults);
}

static json_t *device_json(const struct flow_device *d)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "netns", text(d->netns), "name",
			 text(d->link->name), "in_bytes_per_s", number(d->known, d->rx_bytes),
			 "out_bytes_per_s", number(d->known, d->tx_bytes), "in_packets_per_s",
			 number(d->known, d->rx_packets), "out_packets_per_s",
			 number(d->known, d->tx_packets), "drops_per_s",
			 number(d->known, d->drops));
}

json_t *watch__json(const struct watch_view *v)
{
	json_t *runs = json_array(), *flows = json_array(), *devices = json_array();

	for (size_t i = 0; i < v->scopes->n_runs; i++)
		if (v->scopes->runs[i].alive)
			json_array_append_new(runs, run_json(v, &v->scopes->runs[i]));
	for (size_t i = 0; i < v->t->n_rows; i++)
		json_array_append_new(flows, row_json(v, &v->t->rows[i]));
	for (size_t i = 0; i < v->t->n_devices; i++)
		json_array_append_new(devices, device_json(&v->t->devices[i]));
	return json_pack("{s:f,s:o,s:f,s:I,s:I,s:o,s:o,s:o}", "realtime_s",
			 (double)v->wall.tv_sec + (double)v->wall.tv_nsec / 1e9, "interval_s",
			 number(v->seconds > 0, v->seconds), "sample_s", v->cost_s, "sockets",
			 (json_int_t)v->t->n_sockets, "connections",
			 (json_int_t)v->t->n_connections, "runs", runs, "flows", flows, "devices",
			 devices);
}
