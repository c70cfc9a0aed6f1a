// SPDX-License-Identifier: GPL-2.0-only
/* load.c: a workload from its description to its end. What its clients do is in load_client.c (stores)
 * and load_loop.c, the final reads in load_final.c. */
#include "lib/cleanup.h"
#include "recorder/fields.h"
#include "recorder/load_loop.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define CLIENTS_MAX 10000

/* Purpose of a client's random numbers, beside those of load_objects.c and load_plan.c. */
#define PURPOSE_CLIENT (1ULL << 43)

static const struct wire_ops *const all_wires[] = {&wire_http};

const char *const object_names[OBJECT_COUNT] = {
	[OBJECT_SET] = "set",	      [OBJECT_REGISTER] = "register", [OBJECT_CAS] = "cas",
	[OBJECT_COUNTER] = "counter", [OBJECT_QUEUE] = "queue",	      [OBJECT_LOCK] = "lock",
};

/* --- pure parts ------------------------------------------------------------------------------- */

/*
 * Drawn, not counted: with every tenth operation a read and ten clients, all reads would be one
 * client's, and its side of a cut would be the only one whose staleness shows.
 */
bool load__is_read(uint64_t seed, uint64_t i, double reads)
{
	struct rng r = rng__fork(seed, i);

	return draw__unit(&r) < reads;
}

/* --- its life --------------------------------------------------------------------------------- */

static const struct wire_ops *find_wire(const char *system)
{
	for (size_t i = 0; system && i < ARRAY_SIZE(all_wires); i++)
		if (!strcmp(all_wires[i]->name, system))
			return all_wires[i];
	return NULL;
}

static int find_object(const char *check, const struct store_ops *ops, enum object *ret,
		       struct error *err)
{
	for (size_t i = 0; i < OBJECT_COUNT; i++)
		if (!strcmp(check ? check : "set", object_names[i]))
			*ret = (enum object)i;
	if (check && strcmp(check, object_names[*ret]) != 0)
		return err__set(err, -EINVAL, "no such check: `%s`", check);
	if (*ret == OBJECT_QUEUE && !ops->list_queue)
		return err__set(err, -EINVAL, "%s has no queues", ops->name);
	return 0;
}

static int check_config(const struct load_config *cfg, struct error *err)
{
	if (!cfg->name || strlen(cfg->name) > NAME_MAX)
		return err__set(err, -EINVAL, "expected a name of at most %d bytes", NAME_MAX);
	if (!cfg->n_places || !cfg->clients || cfg->clients > CLIENTS_MAX)
		return err__set(err, -EINVAL, "expected endpoints, and 1 to %d clients",
				CLIENTS_MAX);
	if ((cfg->mode == LOAD_OPEN && (!isfinite(cfg->rate_per_s) || cfg->rate_per_s <= 0)) ||
	    !(cfg->reads >= 0) || cfg->reads >= 1 || cfg->timeout_ns < NS_PER_MS)
		return err__set(
			err, -EINVAL,
			"expected a rate above 0, reads in [0,1), a time limit of 1 ms or more");
	if (cfg->think_ns < 0 || (find_wire(cfg->system) && !cfg->http))
		return err__set(err, -EINVAL, "expected a time to think, and what to ask for");
	return 0;
}

static int copy_places(struct load *l, const struct load_config *cfg)
{
	l->places = calloc(cfg->n_places, sizeof(*l->places));
	l->clients = calloc(cfg->clients, sizeof(*l->clients));
	l->name = strdup(cfg->name);
	/* What an earlier run left would be what nobody wrote; a set begins above it instead. */
	if (cfg->shared) {
		/* nothing that a process finds can be told from what the others have written by then */
		if (asprintf(&l->stem, "%s:%" PRIx64, cfg->name, cfg->shared) < 0)
			l->stem = NULL;
	} else if (l->object == OBJECT_SET)
		l->stem = strdup(cfg->name);
	else if (asprintf(&l->stem, "%s:%" PRIx64, cfg->name, (uint64_t)clock__now()) < 0)
		l->stem = NULL;
	if (!l->places || !l->clients || !l->name || !l->stem)
		return -ENOMEM;
	for (size_t i = 0; i < cfg->n_places; i++) {
		const struct load_place *from = &cfg->places[i];
		struct place *p = &l->places[l->n_places++];

		halt__init(&p->halt);
		p->netns_fd = from->netns_fd;
		p->elsewhere = from->elsewhere;
		p->lookup = from->lookup;
		p->lookup_arg = from->lookup_arg;
		p->node = strdup(from->node ? from->node : "");
		p->ip = strdup(from->ip ? from->ip : "127.0.0.1");
		p->url = from->url ? strdup(from->url) : NULL;
		p->body = from->body ? strdup(from->body) : NULL;
		p->headers = from->headers;
		if (!p->node || !p->ip || (from->url && !p->url) || (from->body && !p->body))
			return -ENOMEM;
	}
	return 0;
}

/* All of them are there before the first operation is due. */
static void make_clients(struct load *l, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct client *c = &l->clients[i];

		c->load = l;
		c->index = (int)i;
		c->place = &l->places[i % l->n_places];
		c->rng = rng__fork(l->seed, PURPOSE_CLIENT + i);
		pace__init(&c->pace, l->seed, i);
		c->hold = NOTHING;
		for (size_t k = 0; k < LOAD_KEYS; k++)
			c->seen[k] = UNSEEN;
	}
	l->n_clients = n;
	l->pacing.clients = n;
	l->pacing.start_ns = clock__now() + (int64_t)n * 100 * NS_PER_US;
}

/*
 * A client's numbers begin at a place that the process's name gives, one of 65,536, each a million operations
 * from the next: in values up to VALUE_MAX that leaves room for 10,000 clients. Two processes meet there only
 * where they have the same client too.
 */
#define MEMBER_SHIFT 20

static uint64_t member_number(const struct load_config *cfg)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (const char *s = cfg->member ? cfg->member : ""; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	for (int i = 0; i < 64; i += 8)
		h = (h ^ (uint64_t)(cfg->joined_ns >> i & 0xff)) * 0x100000001b3ULL;
	return (h ^ h >> 16 ^ h >> 32 ^ h >> 48) & 0xffff;
}

static void configure(struct load *l, const struct load_config *cfg)
{
	l->port = cfg->port;
	l->seed = cfg->seed;
	l->reads = cfg->reads;
	l->pacing = (struct pacing){
		.mode = cfg->mode,
		.rate_per_s = cfg->rate_per_s,
		.poisson = cfg->poisson,
		.think_ns = cfg->think_ns,
	};
	l->retry = cfg->retry;
	l->timeout_ns = cfg->timeout_ns;
	l->login = cfg->login;
	l->fenced = cfg->fenced;
	l->custom = cfg->custom;
	l->connect_anew = cfg->connect_anew;
	l->http = cfg->http;
	l->last_acked = -1;
	l->shared = cfg->shared != 0;
	if (l->shared)
		l->pacing.first = member_number(cfg) << MEMBER_SHIFT;
	pthread_mutex_init(&l->stats_lock, NULL);
}

static int set_up(struct load *l, struct error *err)
{
	const struct place *p = l->places;
	int r = l->ops->load ? l->ops->load(err) : 0;
	struct store_spec spec;

	while (p < l->places + l->n_places - 1 && p->netns_fd < 0)
		p++;
	spec = load__spec(l, p, -1);
	return r || !l->custom || p->netns_fd < 0 ? r : custom__setup(&spec, p->netns_fd, err);
}

static int start(struct load *l, const struct load_config *cfg, struct error *err)
{
	int r = copy_places(l, cfg);

	l->resource_ip = cfg->resource_ip ? strdup(cfg->resource_ip) : NULL;
	if (cfg->resource_ip && !l->resource_ip)
		r = -ENOMEM;
	l->stats = calloc(1, sizeof(*l->stats));
	if (!r && l->http)
		r = keyspace__init(&l->keys, l->http->keys, l->http->zipf);
	if (r || !l->stats)
		return err__set(err, -ENOMEM, "out of memory");
	if (!l->ops) {
		make_clients(l, cfg->clients);
		l->wire = find_wire(cfg->system);
		return loops__start(l, l->wire, err);
	}
	if (!l->port)
		l->port = l->ops->port;
	r = set_up(l, err);
	if (r)
		return r;
	if (l->object == OBJECT_SET && !l->shared)
		load__find_base(l);
	make_clients(l, cfg->clients);
	return clients__start(l, err);
}

int load__start(const struct load_config *cfg, struct recorder *r, struct load **ret,
		struct error *err)
{
	const struct store_ops *ops = cfg->custom ? &store_custom : store__find(cfg->system);
	enum object object = OBJECT_SET;
	struct load *l;
	int e;

	if (!ops && !find_wire(cfg->system))
		return err__set(err, -EINVAL, "workload %s: no such system to write to: `%s`",
				cfg->name ? cfg->name : "?", cfg->system ? cfg->system : "");
	e = check_config(cfg, err);
	if (!e && ops)
		e = find_object(cfg->check, ops, &object, err);
	if (e)
		return err__prefix(err, "workload %s", cfg->name ? cfg->name : "?"), e;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	l->recorder = r;
	l->ops = ops;
	l->object = object;
	configure(l, cfg);
	e = start(l, cfg, err);
	if (e) {
		err__prefix(err, "workload %s", cfg->name);
		load__free(l);
		return e;
	}
	l->started = true;
	*ret = l;
	return 0;
}

void load__counts(struct load *l, size_t place, struct load_counts *ret)
{
	const struct place *p;

	*ret = (struct load_counts){0};
	if (place >= l->n_places)
		return;
	p = &l->places[place];
	ret->acked = p->acked;
	ret->failed = p->failed;
	ret->unknown = p->unknown;
	ret->attempted = p->attempted;
	ret->reads = p->reads;
}

void load__latency(struct load *l, struct load_latency *ret)
{
	int64_t last = clock__now() / NS_PER_S - 1;
	const struct load_second *s = &l->stats->recent[last & 1];

	*ret = (struct load_latency){-1, -1, -1, -1};
	pthread_mutex_lock(&l->stats_lock);
	if (s->second == last) {
		ret->intended_p50_ns = hist__quantile(&s->intended, 0.5);
		ret->intended_p99_ns = hist__quantile(&s->intended, 0.99);
		ret->service_p50_ns = hist__quantile(&s->service, 0.5);
		ret->service_p99_ns = hist__quantile(&s->service, 0.99);
	}
	pthread_mutex_unlock(&l->stats_lock);
}

static void put_quantiles(json_t *o, const char *key, const struct hist *h)
{
	json_t *q = json_object();

	fields__int(q, "n", (int64_t)h->n);
	if (h->n) {
		fields__int(q, "p50", hist__quantile(h, 0.5));
		fields__int(q, "p90", hist__quantile(h, 0.9));
		fields__int(q, "p99", hist__quantile(h, 0.99));
		fields__int(q, "p999", hist__quantile(h, 0.999));
		fields__int(q, "max", h->max);
	}
	json_object_set_new_nocheck(o, key, q);
}

/* Buckets that are not empty, each with its count. */
static json_t *counts_of(const struct hist *h)
{
	json_t *a = json_array();

	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		if (!h->counts[i])
			continue;
		json_array_append_new(a, json_integer((json_int_t)i));
		json_array_append_new(a, json_integer((json_int_t)h->counts[i]));
	}
	return a;
}

static void record_stats(struct load *l)
{
	const struct load_stats *s = l->stats;
	json_t *o;

	if (!l->recorder || l->recorded)
		return;
	l->recorded = true;
	o = json_object();
	fields__text(o, "workload", l->name);
	fields__int(o, "intents", (int64_t)s->intents);
	fields__int(o, "attempts", (int64_t)s->attempts);
	fields__int(o, "late", (int64_t)s->late);
	fields__int(o, "over_budget", (int64_t)s->over_budget);
	fields__int(o, "exhausted", (int64_t)s->exhausted);
	put_quantiles(o, "lateness_ns", &s->lateness);
	json_object_set_new_nocheck(o, "lateness_counts", counts_of(&s->lateness));
	put_quantiles(o, "intended_ns", &s->intended);
	put_quantiles(o, "service_ns", &s->service);
	recorder__event(l->recorder, "load", clock__now(), o);
}

static void tell_to_stop(struct load *l, size_t place)
{
	halt__set(&l->places[place].halt);
	loops__signal_stop(l, place);
}

void load__leave(struct load *l, size_t place, bool elsewhere)
{
	tell_to_stop(l, place);
	l->places[place].netns_fd = -1; /* it may be closed from now on */
	l->places[place].elsewhere = elsewhere;
}

void load__settle(struct load *l, size_t place)
{
	loops__stop_at(l, place);
	if (l->ops)
		clients__stop_at(l, &l->places[place]);
}

static int set_text(char **to, const char *from)
{
	char *s = from ? strdup(from) : NULL;

	if (from && !s)
		return -ENOMEM;
	free(*to);
	*to = s;
	return 0;
}

static void skip_past(struct load *l, const struct place *p, int64_t now)
{
	for (unsigned int i = 0; i < l->n_clients; i++)
		if (l->clients[i].place == p)
			pace__skip(&l->clients[i].pace, &l->pacing, i, now);
}

int load__return(struct load *l, size_t place, const struct load_place *from,
		 const char *resource_ip, struct error *err)
{
	struct place *p = &l->places[place];
	int r = 0;

	load__settle(l, place);
	if (set_text(&p->ip, from->ip ? from->ip : "127.0.0.1") || set_text(&p->url, from->url) ||
	    set_text(&p->body, from->body) ||
	    (resource_ip && l->resource_ip && set_text(&l->resource_ip, resource_ip)))
		return err__set(err, -ENOMEM, "out of memory");
	p->headers = from->headers;
	p->lookup = from->lookup;
	p->lookup_arg = from->lookup_arg;
	p->netns_fd = from->netns_fd;
	p->back_ns = clock__now();
	if (p->elsewhere)
		skip_past(l, p, p->back_ns);
	p->elsewhere = false;
	halt__destroy(&p->halt);
	halt__init(&p->halt);
	r = l->ops ? clients__start_at(l, p, err) : loops__start_at(l, place, l->wire, err);
	return r;
}

void load__stop(struct load *l)
{
	for (size_t i = 0; i < l->n_places; i++)
		tell_to_stop(l, i);
	for (size_t i = 0; i < l->n_places; i++)
		load__settle(l, i);
	if (l->started)
		record_stats(l);
}

void load__free(struct load *l)
{
	if (!l)
		return;
	load__stop(l);
	for (size_t i = 0; i < l->n_places; i++) {
		halt__destroy(&l->places[i].halt);
		free(l->places[i].node);
		free(l->places[i].ip);
		free(l->places[i].url);
		free(l->places[i].body);
	}
	pthread_mutex_destroy(&l->stats_lock);
	keyspace__reset(&l->keys);
	free(l->resource_ip);
	free(l->loops);
	free(l->stats);
	free(l->places);
	free(l->clients);
	free(l->name);
	free(l->stem);
	free(l);
}
