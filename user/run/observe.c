// SPDX-License-Identifier: GPL-2.0-only
/* observe.c: probes and traffic counters of a run: started, sampled, stopped. */
#include "run/observe_internal.h"

#include <string.h>

const struct place *observe__first_place(const struct run *run, const char *name,
					 const struct pos *pos, struct error *err)
{
	const struct place *p = run_places__of(run, name, NULL);

	for (const struct place *q = p; q; q = run_places__of(run, name, q))
		if (q->netns_fd >= 0 || *q->ip)
			return q;
	if (p)
		err__set(err, -EINVAL,
			 "%s:%d:%d: `%s` has no network namespace here to observe from",
			 run->e->file, pos->line, pos->col, name);
	else
		err__set(err, -EINVAL, "%s:%d:%d: `%s` is no place here to observe from",
			 run->e->file, pos->line, pos->col, name);
	return NULL;
}

bool observe__may_be_absent(const struct run *run, const char *endpoint)
{
	for (size_t i = 0; i < run->e->n_endpoints; i++)
		if (!strcmp(run->e->endpoints[i].name, endpoint))
			return run->many[i];
	return false;
}

static const char *lookup_place(const char *name, void *arg)
{
	const struct place *p = arg;

	if (!strcmp(name, "ip"))
		return p->ip;
	return !strcmp(name, "node") ? p->name : NULL;
}

char *observe__expand(const struct run *run, const struct place *p, const char *template,
		      struct error *err)
{
	if (run->lab && p->node)
		return lab__expand(run->lab, p->node, template, err);
	return experiment__expand(template, lookup_place, (void *)p, err);
}

static int expand_custom(struct run *run, const struct custom_system *sys, const struct place *p,
			 struct custom_system *ret, struct error *err)
{
	free(ret->command);
	free(ret->url);
	free(ret->send);
	*ret = *sys;
	ret->command = ret->url = ret->send = NULL;
	if (sys->command && !(ret->command = observe__expand(run, p, sys->command, err)))
		return -EINVAL;
	if (sys->url && !(ret->url = observe__expand(run, p, sys->url, err)))
		return -EINVAL;
	if (sys->send && !(ret->send = strdup(sys->send)))
		return -ENOMEM;
	return 0;
}

/* ---- probes ---- */

static int start_probe(struct run *run, struct run_probe *rp, struct error *err)
{
	const struct role_watch *w = rp->watch;
	const struct place *p = rp->place;
	_cleanup_free_ char *url = NULL, *identity = NULL;
	struct probe_config cfg;
	int r;

	if ((w->url && !(url = observe__expand(run, p, w->url, err))) ||
	    (w->identity && !(identity = observe__expand(run, p, w->identity, err))))
		return -EINVAL;
	cfg = (struct probe_config){
		.resource = w->resource,
		.system = w->system,
		.node = p->name,
		.netns_fd = p->netns_fd,
		.ip = p->ip,
		.port = w->port,
		.master_name = w->master_name,
		.vip = w->vip,
		.every_ns = w->every_ns,
		.url = url,
		.ca_file = w->ca_file,
		.token_file = w->token_file,
		.user = w->user,
		.password = w->password,
		.database = w->database,
		.identity = identity,
		.lease = w->lease,
		.slot = w->slot,
	};
	for (size_t i = 0; i < run->e->n_systems; i++) {
		if (strcmp(run->e->systems[i].name, w->system) != 0)
			continue;
		r = expand_custom(run, &run->e->systems[i], p, &rp->custom, err);
		if (r)
			return r;
		cfg.custom = &rp->custom;
	}
	r = probe__start(&cfg, run->rec, &rp->probe, err);
	rp->generation = p->generation;
	return r;
}

static struct run_probe *probe_of(const struct run *run, const struct role_watch *w,
				  const struct place *p)
{
	for (size_t i = 0; i < run->n_probes; i++)
		if (run->probes[i]->watch == w && run->probes[i]->place == p)
			return run->probes[i];
	return NULL;
}

/* One for each place of what @w watches, also for those that have come since. */
static int add_probes(struct run *run, const struct role_watch *w, const char *endpoint)
{
	for (struct place *p = run_places__of(run, endpoint, NULL); p;
	     p = run_places__of(run, endpoint, p)) {
		struct run_probe *rp, **v;

		if (probe_of(run, w, p))
			continue;
		rp = calloc(1, sizeof(*rp));
		v = reallocarray(run->probes, run->n_probes + 1, sizeof(struct run_probe *));
		if (v)
			run->probes = v;
		if (!rp || !v) {
			free(rp);
			return -ENOMEM;
		}
		rp->watch = w;
		rp->place = p;
		v[run->n_probes++] = rp;
	}
	return 0;
}

static int add_all_probes(struct run *run)
{
	const struct experiment *e = run->e;
	int r = 0;

	for (size_t i = 0; i < e->n_roles && !r; i++)
		for (size_t j = 0; j < e->roles[i].n_endpoints && !r; j++)
			r = add_probes(run, &e->roles[i], e->roles[i].endpoints[j]);
	return r;
}

static void end_leaving(struct run_probe *rp)
{
	struct probe_state st;

	if (!rp->leaving)
		return;
	probe__state(rp->leaving, &st);
	rp->gaps += st.gaps;
	probe__join(rp->leaving);
	rp->leaving = NULL;
}

/* A probe goes with its namespace, and the next one comes with the next. */
static int follow_probe(struct run *run, struct run_probe *rp, struct error *err)
{
	const struct place *p = rp->place;
	int r;

	if (rp->probe && (p->netns_fd < 0 || p->generation != rp->generation)) {
		probe__signal_stop(rp->probe);
		end_leaving(rp); /* one more before it has ended long ago */
		rp->leaving = rp->probe;
		rp->probe = NULL;
	}
	if (rp->probe || p->netns_fd < 0 || (rp->failed && p->generation == rp->generation))
		return 0;
	end_leaving(rp);
	r = start_probe(run, rp, err);
	rp->generation = p->generation;
	rp->failed = r < 0;
	return r;
}

int observe__start_probes(struct run *run, struct error *err)
{
	const struct experiment *e = run->e;
	int r = 0;

	for (size_t i = 0; i < e->n_roles && !r; i++)
		for (size_t j = 0; j < e->roles[i].n_endpoints && !r; j++)
			if (!observe__may_be_absent(run, e->roles[i].endpoints[j]) &&
			    !observe__first_place(run, e->roles[i].endpoints[j], &e->roles[i].pos,
						  err))
				return -EINVAL;
	if (add_all_probes(run))
		return err__set(err, -ENOMEM, "out of memory");
	run->probing = true;
	for (size_t i = 0; i < run->n_probes && !r; i++)
		r = follow_probe(run, run->probes[i], err);
	return r;
}

static void follow_probes(struct run *run)
{
	if (add_all_probes(run))
		run__note(run, "warning", "no memory for a probe of what has come");
	for (size_t i = 0; i < run->n_probes; i++) {
		struct error err = {0};

		if (follow_probe(run, run->probes[i], &err))
			run__note(run, "warning", "%s: no probe at %s: %s",
				  run->probes[i]->watch->resource, run->probes[i]->place->name,
				  err.msg);
	}
}

void observe__follow(struct run *run)
{
	if (!run_places__follow(run))
		return;
	traffic__follow(run);
	if (run->probing)
		follow_probes(run);
	loads__follow(run);
}

void observe__stop_probes(struct run *run)
{
	run->probing = false;
	for (size_t i = 0; i < run->n_probes; i++)
		if (run->probes[i]->probe)
			probe__signal_stop(run->probes[i]->probe);
	for (size_t i = 0; i < run->n_probes; i++) {
		probe__join(run->probes[i]->probe);
		run->probes[i]->probe = NULL;
		end_leaving(run->probes[i]);
	}
}

void observe__free(struct run *run)
{
	loads__free(run);
	for (size_t i = 0; i < run->n_probes; i++) {
		free(run->probes[i]->custom.command);
		free(run->probes[i]->custom.url);
		free(run->probes[i]->custom.send);
		free(run->probes[i]);
	}
	free(run->probes);
	run_places__free(run);
}

uint64_t observe__gaps(const struct run *run)
{
	struct probe_state st;
	uint64_t n = 0;

	for (size_t i = 0; i < run->n_probes; i++) {
		const struct run_probe *rp = run->probes[i];
		struct probe *const both[] = {rp->probe, rp->leaving};

		n += rp->gaps;
		for (size_t k = 0; k < ARRAY_SIZE(both); k++) {
			if (!both[k])
				continue;
			probe__state(both[k], &st);
			n += st.gaps;
		}
	}
	return n;
}

static void sample_rates(struct run *run)
{
	unsigned int slot = run->rate_pos = (run->rate_pos + 1) % RATE_SLOTS;
	struct load_counts c;

	for (size_t i = 0; i < run->n_places; i++)
		run->places[i]->rate.acked[slot] = run->places[i]->rate.failed[slot] = 0;
	for (size_t i = 0; i < run->n_loads; i++)
		for (size_t j = 0; run->loads[i].load && j < run->loads[i].n_places; j++) {
			struct rate *rate = &((struct place *)run->loads[i].place[j])->rate;

			load__counts(run->loads[i].load, j, &c);
			rate->acked[slot] += c.acked;
			rate->failed[slot] += c.failed + c.unknown;
		}
}

static void watch_claims(struct run *run, int64_t now)
{
	struct probe_state st;
	char epoch[32];

	for (size_t i = 0; i < run->n_probes; i++) {
		struct run_probe *rp = run->probes[i];

		if (!rp->probe)
			continue;
		probe__state(rp->probe, &st);
		if (st.claim == rp->claimed)
			continue;
		rp->claimed = st.claim;
		epoch[0] = 0;
		if (st.epoch >= 0)
			snprintf(epoch, sizeof(epoch), ", epoch %lld", (long long)st.epoch);
		run__say(run, now, "%s: %s %s to lead%s", rp->watch->resource, rp->place->name,
			 st.claim ? "claims" : "no longer claims", st.claim ? epoch : "");
	}
}

void observe__tick(struct run *run, int64_t now)
{
	sample_rates(run);
	watch_claims(run, now);
}

#define DELTA(f) (json_int_t)(t.f - last->f)

/* bin_ns is the bin's true width: a late wake-up makes it longer, not the rate higher. */
static void record_traffic(struct run *run, const char *name, struct chaos_traffic *last,
			   int64_t bin_end)
{
	struct chaos_traffic t;

	if (dataplane__traffic(run->dp, name, &t) < 0)
		return;
	run__record(run, "traffic", bin_end,
		    json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "node", name,
			      "bin_ns", (json_int_t)(bin_end - run->last_bin_ns), "rx_packets",
			      DELTA(rx_packets), "rx_bytes", DELTA(rx_bytes), "tx_packets",
			      DELTA(tx_packets), "tx_bytes", DELTA(tx_bytes), "rx_syn",
			      DELTA(rx_syn), "tx_syn", DELTA(tx_syn), "rx_rst", DELTA(rx_rst),
			      "tx_rst", DELTA(tx_rst), "dropped", DELTA(dropped)));
	*last = t;
}

void observe__traffic(struct run *run, int64_t now)
{
	if (now < run->next_bin_ns)
		return;
	for (size_t i = 0; i < run->e->n_endpoints; i++)
		record_traffic(run, run->e->endpoints[i].name, &run->traffic[i], now);
	/* those that the data plane has a name of their own for */
	for (size_t i = 0; i < run->n_places && run->plan->select->members; i++)
		if (strcmp(run->places[i]->name,
			   run->e->endpoints[run->places[i]->endpoint].name) != 0 &&
		    run->places[i]->netns_fd >= 0)
			record_traffic(run, run->places[i]->name, &run->places[i]->traffic, now);
	run->last_bin_ns = now;
	while (run->next_bin_ns <= now)
		run->next_bin_ns += run->e->traffic_bin_ns;
}
