// SPDX-License-Identifier: GPL-2.0-only
/* observe.c: probes, clients and traffic counters of a run: started, sampled, stopped. */
#include "run/internal.h"

#include "datapath/netns.h"
#include "run/exempt.h"
#include "run/members.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { FINAL_LIMIT_S = 10 }; /* how long replicas may take to agree before they count as diverged */

/* The first global address of the namespace, IPv4 before IPv6. */
static void first_address(int netns_fd, char *buf, size_t size)
{
	struct netns_scan scan = {0};

	snprintf(buf, size, "127.0.0.1");
	if (netns__scan(netns_fd, &scan) < 0)
		return;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < scan.n_addrs; i++) {
			const struct addr_info *a = &scan.addrs[i];
			bool lo = a->family == AF_INET ? a->addr[0] == 127 : !a->addr[0];
			bool link_local = a->family == AF_INET6 && a->addr[0] == 0xfe;

			if (a->family != (pass ? AF_INET6 : AF_INET) || lo || link_local)
				continue;
			inet_ntop(a->family, a->addr, buf, (socklen_t)size);
			netns_scan__reset(&scan);
			return;
		}
	netns_scan__reset(&scan);
}

/*
 * Where the probes of a member live, a descriptor of its own: they stay there whatever the member does. The
 * namespace that it is all of, else the first that it has sockets in. -1: none.
 */
static int home_of(const struct dp_member *m)
{
	int fd = dp_member__netns(m);

	if (fd < 0 && m->n_places)
		fd = m->places[0].netns_fd;
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Of the pods of an endpoint that are elsewhere, the first address. */
static void told_address(const struct members *m, size_t endpoint, char *buf, size_t size)
{
	for (size_t i = 0; m && i < m->n_pods; i++)
		if (m->pods[i].endpoint == endpoint && m->pods[i].n_ips) {
			addr__format(&m->pods[i].ips[0], buf, size);
			return;
		}
}

int observe__home(const struct run *run, size_t endpoint, char *ip, size_t size)
{
	for (size_t i = 0; i < run->plan->select->n; i++) {
		const struct selected *x = &run->plan->select->v[i];
		int fd = x->endpoint == endpoint ? home_of(&run->plan->dp.members[x->member]) : -1;

		if (fd < 0)
			continue;
		first_address(fd, ip, size);
		return fd;
	}
	return -1;
}

int observe__places(struct run *run, struct error *err)
{
	const struct experiment *e = run->e;

	run->places = calloc(e->n_endpoints + 1, sizeof(*run->places));
	run->rates = calloc(e->n_endpoints + 1, sizeof(*run->rates));
	run->traffic = calloc(e->n_endpoints + 1, sizeof(*run->traffic));
	if (!run->places || !run->rates || !run->traffic)
		return err__set(err, -ENOMEM, "out of memory");
	run->n_traffic = e->n_endpoints;
	for (size_t i = 0; i < e->n_endpoints; i++) {
		struct place *p = &run->places[i];
		const char *ip = run->lab ? lab__ip(run->lab, e->endpoints[i].name) : NULL;

		p->name = run->traffic[i].name = e->endpoints[i].name;
		p->netns_fd = observe__home(run, i, p->ip, sizeof(p->ip));
		if (ip)
			snprintf(p->ip, sizeof(p->ip), "%s", ip);
		else if (p->netns_fd < 0)
			told_address(run->plan->select->members, i, p->ip, sizeof(p->ip));
	}
	return 0;
}

ssize_t observe__place(const struct run *run, const char *name, const struct pos *pos,
		       struct error *err)
{
	for (size_t i = 0; i < run->e->n_endpoints; i++) {
		if (strcmp(run->places[i].name, name) != 0)
			continue;
		if (run->places[i].netns_fd >= 0)
			return (ssize_t)i;
		if (run->plan->select->members)
			return -ENOENT;
		return err__set(err, -EINVAL,
				"%s:%d:%d: `%s` has no network namespace here to observe from",
				run->e->file, pos->line, pos->col, name);
	}
	return err__set(err, -EINVAL, "%s:%d:%d: no endpoint `%s`", run->e->file, pos->line,
			pos->col, name);
}

static const char *lookup_place(const char *name, void *arg)
{
	const struct place *p = arg;

	if (!strcmp(name, "ip"))
		return p->ip;
	return !strcmp(name, "node") ? p->name : NULL;
}

static const char *lookup_load(const char *name, void *arg)
{
	const struct run_load_place *p = arg;
	const char *value = p->lab ? lab__lookup(p->lab, p->place->name, name) : NULL;

	return value ? value : lookup_place(name, (void *)p->place);
}

static const struct custom_workload *find_custom(const struct run *run, const char *system)
{
	for (size_t i = 0; i < run->e->n_systems; i++)
		if (!strcmp(run->e->systems[i].name, system))
			return run->e->systems[i].workload;
	return NULL;
}

char *observe__expand(const struct run *run, const struct place *p, const char *template,
		      struct error *err)
{
	if (run->lab && lab__ip(run->lab, p->name))
		return lab__expand(run->lab, p->name, template, err);
	return experiment__expand(template, lookup_place, (void *)p, err);
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

/* It need not be here to be talked to. */
static ssize_t server_of(const struct run *run, const char *name, const struct pos *pos,
			 struct error *err)
{
	for (size_t i = 0; i < run->e->n_endpoints; i++)
		if (!strcmp(run->places[i].name, name) && *run->places[i].ip)
			return (ssize_t)i;
	return observe__place(run, name, pos, err);
}

static int start_load(struct run *run, const struct workload *w, struct error *err)
{
	struct run_load *rl = &run->loads[run->n_loads];
	struct load_config cfg;
	ssize_t target = -1, resource = -1;
	unsigned int clients = 0;
	size_t n = 0;
	int r;

	rl->workload = w;
	rl->places = calloc(w->n_endpoints + 1, sizeof(*rl->places));
	rl->place = calloc(w->n_endpoints + 1, sizeof(*rl->place));
	rl->names = calloc(w->n_endpoints + 1, sizeof(*rl->names));
	run->n_loads++;
	if (!rl->places || !rl->place || !rl->names)
		return err__set(err, -ENOMEM, "out of memory");
	if (w->target) {
		target = server_of(run, w->target, &w->pos, err);
		if (target < 0)
			return (int)target;
	}
	if (w->resource) {
		resource = server_of(run, w->resource, &w->pos, err);
		if (resource < 0)
			return (int)resource;
	}
	for (size_t i = 0; i < w->n_endpoints; i++) {
		ssize_t place = observe__place(run, w->endpoints[i], &w->pos, err);
		const struct place *server;

		/* Client k is at endpoint k mod n: on its node, if that is another one. */
		if (place == -ENOENT)
			continue;
		if (place < 0)
			return (int)place;
		clients += w->clients / (unsigned int)w->n_endpoints +
			   (i < w->clients % w->n_endpoints);
		server = &run->places[target < 0 ? place : target];
		rl->place[n] = (size_t)place;
		rl->places[n] = (struct load_place){
			.node = run->places[place].name,
			.netns_fd = run->places[place].netns_fd,
			.ip = server->ip,
			.lookup = lookup_load,
			.lookup_arg = &rl->names[n],
		};
		rl->names[n] = (struct run_load_place){run->lab, server};
		rl->n_places = n + 1;
		r = w->http.url ? expand_http(run, &w->http, server, &rl->places[n], err) : 0;
		if (r)
			return r;
		n++;
	}
	if (!clients)
		return 0;
	cfg = (struct load_config){
		.name = w->name,
		.system = w->system,
		.check = w->check,
		.login = &w->login,
		.custom = find_custom(run, w->system),
		.places = rl->places,
		.n_places = n,
		.resource_ip = resource < 0 ? NULL : run->places[resource].ip,
		.fenced = w->fenced,
		.port = w->port,
		.clients = clients,
		.mode = w->mode,
		.rate_per_s = w->rate_per_s * clients / w->clients,
		.poisson = w->poisson,
		.think_ns = w->think_ns,
		.reads = w->reads,
		.timeout_ns = w->timeout_ns,
		.retry = w->retry,
		.connect_anew = w->connect_anew,
		.http = &w->http,
		.seed = run->e->seed,
	};
	r = load__start(&cfg, run->rec, &rl->load, err);
	return r;
}

int observe__start_loads(struct run *run, struct error *err)
{
	int r = 0;

	run->loads = calloc(run->e->n_workloads + 1, sizeof(*run->loads));
	if (!run->loads)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !r && i < run->e->n_workloads; i++)
		r = start_load(run, &run->e->workloads[i], err);
	return r;
}

void observe__stop_loads(struct run *run)
{
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

void observe__free(struct run *run)
{
	for (size_t i = 0; i < run->n_loads; i++) {
		const struct workload *w = run->loads[i].workload;

		load__free(run->loads[i].load);
		for (size_t j = 0; run->loads[i].places && j < run->loads[i].n_places; j++)
			free_load_place(&run->loads[i].places[j], w->http.n_headers);
		free(run->loads[i].places);
		free(run->loads[i].place);
		free(run->loads[i].names);
	}
	for (size_t i = 0; run->probes && i < run->n_probes + 1; i++) {
		free(run->probes[i].custom.command);
		free(run->probes[i].custom.url);
		free(run->probes[i].custom.send);
		safe_close(run->probes[i].at.netns_fd);
	}
	for (size_t i = 0; run->places && i < run->e->n_endpoints; i++)
		safe_close(run->places[i].netns_fd);
	free(run->loads);
	free(run->probes);
	free(run->places);
	free(run->rates);
	free(run->traffic);
}

uint64_t observe__gaps(const struct run *run)
{
	struct probe_state st;
	uint64_t n = run->ended_gaps;

	for (size_t i = 0; i < run->n_probes; i++) {
		if (!run->probes[i].probe)
			continue;
		probe__state(run->probes[i].probe, &st);
		n += st.gaps;
	}
	return n;
}

static void sample_rates(struct run *run)
{
	unsigned int slot = run->rate_pos = (run->rate_pos + 1) % RATE_SLOTS;
	struct load_counts c;

	for (size_t i = 0; i < run->e->n_endpoints; i++)
		run->rates[i].acked[slot] = run->rates[i].failed[slot] = 0;
	for (size_t i = 0; i < run->n_loads; i++)
		for (size_t j = 0; run->loads[i].load && j < run->loads[i].n_places; j++) {
			struct rate *rate = &run->rates[run->loads[i].place[j]];

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
		struct run_probe *rp = &run->probes[i];

		probe__state(rp->probe, &st);
		if (st.claim == rp->claimed)
			continue;
		rp->claimed = st.claim;
		epoch[0] = 0;
		if (st.epoch >= 0)
			snprintf(epoch, sizeof(epoch), ", epoch %lld", (long long)st.epoch);
		run__say(run, now, "%s: %s %s to lead%s", rp->watch->resource,
			 run->places[rp->place].name, st.claim ? "claims" : "no longer claims",
			 st.claim ? epoch : "");
	}
}

void observe__tick(struct run *run, int64_t now)
{
	sample_rates(run);
	watch_claims(run, now);
}

/* Once for each name; without memory for it, it is not counted. */
static void add_row(struct run *run, const char *name)
{
	struct traffic_row *v;

	for (size_t i = 0; i < run->n_traffic; i++)
		if (!strcmp(run->traffic[i].name, name))
			return;
	v = realloc(run->traffic, (run->n_traffic + 1) * sizeof(*v));
	if (!v)
		return;
	run->traffic = v;
	v[run->n_traffic++] = (struct traffic_row){.name = name};
}

#define DELTA(f) (json_int_t)(t.f - last->f)

/* bin_ns is the bin's true width: a late wake-up makes it longer, not the rate higher. */
static void record_traffic(struct run *run, struct traffic_row *row, int64_t bin_end)
{
	struct chaos_traffic t, *last = &row->last;

	if (dataplane__traffic(run->dp, row->name, &t) < 0)
		return;
	run__record(run, "traffic", bin_end,
		    json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "node", row->name,
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
	for (size_t i = 0; i < run->plan->dp.n_members && run->plan->select->members; i++)
		for (size_t k = 0; k < run->plan->dp.members[i].n_places; k++)
			if (run->plan->dp.members[i].places[k].label)
				add_row(run, run->plan->dp.members[i].places[k].label);
	for (size_t i = 0; i < run->n_traffic; i++)
		record_traffic(run, &run->traffic[i], now);
	run->last_bin_ns = now;
	while (run->next_bin_ns <= now)
		run->next_bin_ns += run->e->traffic_bin_ns;
}
