// SPDX-License-Identifier: GPL-2.0-only
/* observe_loads.c: a run's clients: started where their places are, moved with them, stopped; and what they wrote read back. */
#include "run/observe_internal.h"

#include <string.h>

enum { FINAL_LIMIT_S = 10 }; /* how long replicas may take to agree before they count as diverged */

static const char *lookup_load(const char *name, void *arg)
{
	const struct run_load_place *p = arg;
	const char *value =
		p->lab && p->place->node ? lab__lookup(p->lab, p->place->node, name) : NULL;

	if (value)
		return value;
	if (!strcmp(name, "ip"))
		return p->ip;
	return !strcmp(name, "node") ? p->place->name : NULL;
}

static const struct custom_workload *find_custom(const struct run *run, const char *system)
{
	for (size_t i = 0; i < run->e->n_systems; i++)
		if (!strcmp(run->e->systems[i].name, system))
			return run->e->systems[i].workload;
	return NULL;
}

static void free_load_place(struct load_place *p, size_t n_headers)
{
	free((char *)p->url);
	free((char *)p->body);
	for (size_t i = 0; p->headers && i < n_headers; i++)
		free(p->headers[i].value);
	free((void *)p->headers);
}

/* A template in which ${key} stays what it is; the clients put in what they draw. */
static char *expand_keyed(const struct run *run, const struct place *p, const char *template,
			  struct error *err)
{
	static const char key[] = "${key}";
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool failed = !f;

	while (!failed) {
		const char *mark = strstr(template, key);
		_cleanup_free_ char *part =
			mark ? strndup(template, (size_t)(mark - template)) : strdup(template);
		_cleanup_free_ char *done = part ? observe__expand(run, p, part, err) : NULL;

		failed = !done || fputs(done, f) < 0 || (mark && fputs(key, f) < 0);
		if (!mark)
			break;
		template = mark + strlen(key);
	}
	if (f && fclose(f))
		failed = true;
	if (failed && !err->msg[0])
		err__set(err, -ENOMEM, "out of memory");
	if (failed)
		free(text);
	return failed ? NULL : text;
}

/* What clients at @lp ask the server at @server for. */
static int expand_http(const struct run *run, const struct http_load *h, const struct place *server,
		       struct load_place *lp, struct error *err)
{
	struct http_header *headers = calloc(h->n_headers + 1, sizeof(*headers));

	lp->headers = headers;
	lp->url = expand_keyed(run, server, h->url, err);
	if (h->body)
		lp->body = expand_keyed(run, server, h->body, err);
	for (size_t i = 0; headers && i < h->n_headers; i++) {
		headers[i].name = h->headers[i].name;
		headers[i].value = expand_keyed(run, server, h->headers[i].value, err);
		if (!headers[i].value)
			return -EINVAL;
	}
	return !headers || !lp->url || (h->body && !lp->body) ? -EINVAL : 0;
}

/* What the clients at place @i are to know of it, and of whom they ask. Replaces what they knew. */
static int describe_place(const struct run *run, struct run_load *rl, size_t i, struct error *err)
{
	const struct place *p = rl->place[i], *server = rl->target ?: p;
	const struct http_load *h = &rl->workload->http;

	free_load_place(&rl->places[i], h->n_headers);
	rl->names[i] = (struct run_load_place){.lab = run->lab, .place = server};
	snprintf(rl->names[i].ip, sizeof(rl->names[i].ip), "%s", server->ip);
	rl->places[i] = (struct load_place){
		.node = p->name,
		.netns_fd = p->netns_fd,
		.elsewhere = p->elsewhere,
		.ip = server->ip,
		.lookup = lookup_load,
		.lookup_arg = &rl->names[i],
	};
	rl->generation[i] = p->generation;
	rl->away[i] = p->netns_fd < 0;
	return h->url ? expand_http(run, h, server, &rl->places[i], err) : 0;
}

/* The places of all its endpoints, in their order. */
static int list_places(struct run *run, struct run_load *rl, struct error *err)
{
	const struct workload *w = rl->workload;
	size_t n = 0;

	rl->places = calloc(run->n_places * w->n_endpoints + 1, sizeof(*rl->places));
	rl->place = calloc(run->n_places * w->n_endpoints + 1, sizeof(struct place *));
	rl->names = calloc(run->n_places * w->n_endpoints + 1, sizeof(*rl->names));
	rl->generation = calloc(run->n_places * w->n_endpoints + 1, sizeof(*rl->generation));
	rl->away = calloc(run->n_places * w->n_endpoints + 1, sizeof(*rl->away));
	if (!rl->places || !rl->place || !rl->names || !rl->generation || !rl->away)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < w->n_endpoints; i++) {
		const char *name = w->endpoints[i];

		if (!observe__may_be_absent(run, name) &&
		    !observe__first_place(run, name, &w->pos, err))
			return -EINVAL;
		for (struct place *p = run_places__of(run, name, NULL); p;
		     p = run_places__of(run, name, p))
			rl->place[n++] = p;
	}
	rl->n_places = n;
	return 0;
}

static void know_servers(struct run_load *rl)
{
	snprintf(rl->target_ip, sizeof(rl->target_ip), "%s", rl->target ? rl->target->ip : "");
	snprintf(rl->resource_ip, sizeof(rl->resource_ip), "%s",
		 rl->resource ? rl->resource->ip : "");
}

/*
 * The server that the clients ask: @name's first place, NULL without a name. -ENXIO: it has none now, as pods may;
 * -EINVAL with *err: it never will.
 */
static int find_server(const struct run *run, const struct workload *w, const char *name,
		       const struct place **ret, struct error *err)
{
	*ret = NULL;
	if (!name)
		return 0;
	if (observe__may_be_absent(run, name) && !run_places__of(run, name, NULL))
		return -ENXIO;
	*ret = observe__first_place(run, name, &w->pos, err);
	return *ret ? 0 : -EINVAL;
}

/* It stands in the record, and the run goes on without it. */
static int without_load(struct run *run, struct run_load *rl, const char *why)
{
	rl->n_places = 0;
	run__note(run, "warning", "workload %s: %s, so there are none", rl->workload->name, why);
	return 0;
}

static int start_load(struct run *run, const struct workload *w, struct error *err)
{
	struct run_load *rl = &run->loads[run->n_loads];
	struct load_config cfg;
	int r;

	rl->workload = w;
	run->n_loads++;
	r = list_places(run, rl, err);
	if (r)
		return r;
	if (!rl->n_places)
		return without_load(run, rl, "there is no pod for its clients to be in");
	r = find_server(run, w, w->target, &rl->target, err);
	r = r ? r : find_server(run, w, w->resource, &rl->resource, err);
	if (r == -ENXIO)
		return without_load(run, rl, "there is no pod for its clients to ask");
	for (size_t i = 0; i < rl->n_places && !r; i++)
		r = describe_place(run, rl, i, err);
	if (r)
		return r;
	know_servers(rl);
	cfg = (struct load_config){
		.name = w->name,
		.system = w->system,
		.check = w->check,
		.login = &w->login,
		.custom = find_custom(run, w->system),
		.places = rl->places,
		.n_places = rl->n_places,
		.resource_ip = rl->resource ? rl->resource_ip : NULL,
		.fenced = w->fenced,
		.port = w->port,
		.clients = w->clients,
		.mode = w->mode,
		.rate_per_s = w->rate_per_s,
		.poisson = w->poisson,
		.think_ns = w->think_ns,
		.reads = w->reads,
		.timeout_ns = w->timeout_ns,
		.retry = w->retry,
		.connect_anew = w->connect_anew,
		.http = &w->http,
		.seed = run->e->seed,
	};
	if (run->opts->start_realtime_ns && run->opts->node) {
		cfg.shared = (uint64_t)run->opts->start_realtime_ns;
		cfg.member = run->opts->node;
		cfg.joined_ns = run->joined_ns;
	}
	return load__start(&cfg, run->rec, &rl->load, err);
}

static void go_away(struct run *run, struct run_load *rl, size_t i)
{
	rl->away[i] = true;
	run__note(run, "info",
		  "workload %s: clients at %s wait for it to come back; what is due meanwhile is "
		  "not sent",
		  rl->workload->name, rl->place[i]->name);
}

static void come_back(struct run *run, struct run_load *rl, size_t i)
{
	struct error err = {0};
	int r;

	load__settle(rl->load, i);
	r = describe_place(run, rl, i, &err);
	r = r ? r
	      : load__return(rl->load, i, &rl->places[i], rl->resource ? rl->resource_ip : NULL,
			     &err);
	if (r)
		run__note(run, "warning", "workload %s: no clients at %s: %s", rl->workload->name,
			  rl->place[i]->name, err.msg);
}

static void follow_load(struct run *run, struct run_load *rl)
{
	bool moved =
		(rl->target && *rl->target->ip && strcmp(rl->target_ip, rl->target->ip) != 0) ||
		(rl->resource && *rl->resource->ip &&
		 strcmp(rl->resource_ip, rl->resource->ip) != 0);

	for (size_t i = 0; i < rl->n_places; i++) {
		const struct place *p = rl->place[i];
		bool gone = p->netns_fd < 0, other = p->generation != rl->generation[i];

		if (!rl->away[i] && (gone || other || moved))
			load__leave(rl->load, i, p->elsewhere);
		if (gone && !rl->away[i])
			go_away(run, rl, i);
	}
	if (moved)
		know_servers(rl);
	for (size_t i = 0; i < rl->n_places; i++) {
		const struct place *p = rl->place[i];

		if (p->netns_fd >= 0 &&
		    (rl->away[i] || moved || p->generation != rl->generation[i]))
			come_back(run, rl, i);
	}
}

void loads__follow(struct run *run)
{
	for (size_t i = 0; i < run->n_loads && run->loading; i++)
		if (run->loads[i].load)
			follow_load(run, &run->loads[i]);
}

int observe__start_loads(struct run *run, struct error *err)
{
	int r = 0;

	run->loads = calloc(run->e->n_workloads + 1, sizeof(*run->loads));
	if (!run->loads)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !r && i < run->e->n_workloads; i++)
		r = start_load(run, &run->e->workloads[i], err);
	run->loading = !r;
	return r;
}

void observe__stop_loads(struct run *run)
{
	run->loading = false;
	for (size_t i = 0; i < run->n_loads; i++)
		if (run->loads[i].load)
			load__stop(run->loads[i].load);
}

bool observe__has_final(const struct run *run)
{
	for (size_t i = 0; i < run->n_loads; i++)
		if (run->loads[i].load && load__is_kept(run->loads[i].load))
			return true;
	return false;
}

void observe__final(struct run *run)
{
	for (size_t i = 0; i < run->n_loads; i++)
		if (run->loads[i].load)
			load__final(run->loads[i].load, FINAL_LIMIT_S * NS_PER_S, run->opts->stop);
}

void loads__free(struct run *run)
{
	for (size_t i = 0; i < run->n_loads; i++) {
		struct run_load *rl = &run->loads[i];

		load__free(rl->load);
		for (size_t j = 0; rl->places && j < rl->n_places; j++)
			free_load_place(&rl->places[j], rl->workload->http.n_headers);
		free(rl->places);
		free(rl->place);
		free(rl->names);
		free(rl->generation);
		free(rl->away);
	}
	free(run->loads);
}
