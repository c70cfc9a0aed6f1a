// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/internal.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/rng.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

enum { FINAL_EVERY_MS = 500 };

const char *const load_systems[] = {"redis", "etcd"};
const size_t n_load_systems = ARRAY_SIZE(load_systems);

static const struct load_ops *const all_ops[] = {&load_redis_ops, &load_etcd_ops};

struct client {
	struct load *load;
	unsigned int id;
	size_t place;
	pthread_t thread;
	bool running;
	struct load_counts counts; /* under load->lock */
};

struct load {
	struct load_config cfg; /* strings and places owned */
	const struct load_ops *ops;
	struct recorder *rec;
	int limit_ms;
	int64_t start_ns;
	int stop_fd; /* eventfd: readable = no new operations */
	pthread_mutex_t lock;
	int64_t next_value; /* under lock, as is last_acked */
	int64_t last_acked; /* value acknowledged last, -1 = none */
	struct client *clients;
	bool stopped;
};

struct operation {
	bool read;
	int64_t value, intended, invoke, ret;
	struct op_result result;
};

static const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {"ok", "fail", "unknown"};

	return names[o];
}

static void record(const struct client *c, const struct operation *op)
{
	const struct load *l = c->load;
	int64_t t0;
	json_t *o;

	if (!l->rec)
		return;
	t0 = recorder__t0(l->rec);
	o = json_pack("{s:s,s:i,s:s,s:s,s:I,s:I,s:o,s:I,s:s}", "workload", l->cfg.name, "client",
		      (int)c->id, "node", l->cfg.places[c->place].node, "op",
		      op->read ? "read" : "add", "value", (json_int_t)op->value, "intended_ns",
		      (json_int_t)(op->intended - t0), "invoke_ns",
		      op->invoke ? json_integer(op->invoke - t0) : json_null(), "return_ns",
		      (json_int_t)(op->ret - t0), "outcome", outcome_name(op->result.outcome));
	if (op->read && op->result.outcome == OUTCOME_OK)
		json_object_set_new(o, "found", json_boolean(op->result.found));
	if (op->result.error[0]) {
		json_t *text = json_string(op->result.error); /* NULL if it is no UTF-8 */

		json_object_set_new(o, "error", text ? text : json_string("unreadable"));
	}
	recorder__event(l->rec, "op", op->ret, o);
}

/* The schedule decides what is a read, so that it is the same in every run of the seed. */
static bool is_read(const struct load *l, uint64_t i)
{
	struct rng r = rng__fork(l->cfg.seed, i + 1);

	return (double)(rng__next(&r) >> 11) * 0x1.0p-53 < l->cfg.reads;
}

/* What to do: a read asks for the value acknowledged last by now, by any client. */
static void choose(struct load *l, uint64_t i, struct operation *op)
{
	pthread_mutex_lock(&l->lock);
	op->read = is_read(l, i) && l->last_acked >= 0;
	op->value = op->read ? l->last_acked : l->next_value++;
	pthread_mutex_unlock(&l->lock);
}

static void account(struct client *c, const struct operation *op)
{
	struct load *l = c->load;

	pthread_mutex_lock(&l->lock);
	if (op->read) {
		c->counts.reads++;
	} else {
		c->counts.attempted++;
		c->counts.acked += op->result.outcome == OUTCOME_OK;
		c->counts.failed += op->result.outcome == OUTCOME_FAIL;
		c->counts.unknown += op->result.outcome == OUTCOME_UNKNOWN;
		if (op->result.outcome == OUTCOME_OK)
			l->last_acked = op->value;
	}
	pthread_mutex_unlock(&l->lock);
}

static void operate(struct client *c, void *self, uint64_t i, int64_t intended)
{
	struct load *l = c->load;
	struct operation op = {.intended = intended};

	choose(l, i, &op);
	if (clock__now() - intended > l->cfg.timeout_ns) {
		op.result.outcome = OUTCOME_FAIL;
		snprintf(op.result.error, sizeof(op.result.error), "not sent: the client was busy");
		op.ret = clock__now();
	} else {
		op.invoke = clock__now();
		if (op.read)
			l->ops->read(self, op.value, &op.result);
		else
			l->ops->add(self, op.value, &op.result);
		op.ret = clock__now();
	}
	account(c, &op);
	record(c, &op);
}

/* Until @when; true = stop now. */
static bool wait_stop(const struct load *l, int64_t when)
{
	struct pollfd p = {.fd = l->stop_fd, .events = POLLIN};
	int64_t left = when - clock__now();
	struct timespec ts = ns_timespec(left > 0 ? left : 0);

	return ppoll(&p, 1, &ts, NULL) > 0;
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	struct load *l = c->load;
	void *self;

	if (thread__enter(l->cfg.places[c->place].netns_fd) < 0)
		return NULL;
	self = l->ops->open(&l->cfg, l->cfg.places[c->place].ip, l->limit_ms);
	if (!self)
		return NULL;
	for (uint64_t i = c->id;; i += l->cfg.clients) {
		int64_t intended = l->start_ns + (int64_t)((double)i / l->cfg.rate_per_s * 1e9);

		if (wait_stop(l, intended))
			break;
		operate(c, self, i, intended);
	}
	l->ops->close(self);
	return NULL;
}

static int copy_config(struct load *l, const struct load_config *cfg)
{
	struct load_place *places = calloc(cfg->n_places, sizeof(*places));

	l->cfg = *cfg;
	l->cfg.name = strdup(cfg->name);
	l->cfg.system = strdup(cfg->system);
	l->cfg.check = strdup(cfg->check);
	l->cfg.places = places;
	for (size_t i = 0; places && i < cfg->n_places; i++) {
		places[i].node = strdup(cfg->places[i].node);
		places[i].ip = strdup(cfg->places[i].ip);
		places[i].netns_fd = cfg->places[i].netns_fd;
		if (!places[i].node || !places[i].ip)
			return -ENOMEM;
	}
	return places && l->cfg.name && l->cfg.system && l->cfg.check ? 0 : -ENOMEM;
}

int load__start(const struct load_config *cfg, struct recorder *r, struct load **ret,
		struct error *err)
{
	struct load *l;

	if (!cfg->n_places || !cfg->clients || cfg->rate_per_s <= 0)
		return err__set(err, -EINVAL, "workload `%s` has no clients", cfg->name);
	l = calloc(1, sizeof(*l));
	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&l->lock, NULL);
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	l->rec = r;
	l->last_acked = -1;
	for (size_t i = 0; i < ARRAY_SIZE(all_ops); i++)
		if (!strcmp(all_ops[i]->system, cfg->system))
			l->ops = all_ops[i];
	l->clients = calloc(cfg->clients, sizeof(*l->clients));
	if (copy_config(l, cfg) < 0 || !l->clients || l->stop_fd < 0 || !l->ops) {
		load__free(l);
		return err__set(err, -EINVAL, "cannot start the workload `%s` on `%s`", cfg->name,
				cfg->system);
	}
	if (!l->cfg.port)
		l->cfg.port = l->ops->port;
	l->limit_ms = (int)(cfg->timeout_ns / NS_PER_MS);
	if (l->limit_ms < 1)
		l->limit_ms = 1;
	l->start_ns = clock__now();
	for (unsigned int i = 0; i < cfg->clients; i++) {
		struct client *c = &l->clients[i];

		*c = (struct client){.load = l, .id = i, .place = i % cfg->n_places};
		if (pthread_create(&c->thread, NULL, run_client, c)) {
			load__free(l);
			return err__set(err, -EAGAIN, "cannot start client %u of `%s`", i, cfg->name);
		}
		c->running = true;
	}
	*ret = l;
	return 0;
}

void load__counts(struct load *l, size_t place, struct load_counts *ret)
{
	*ret = (struct load_counts){0};
	pthread_mutex_lock(&l->lock);
	for (unsigned int i = 0; i < l->cfg.clients; i++) {
		const struct load_counts *c = &l->clients[i].counts;

		if (l->clients[i].place != place)
			continue;
		ret->attempted += c->attempted;
		ret->acked += c->acked;
		ret->failed += c->failed;
		ret->unknown += c->unknown;
		ret->reads += c->reads;
	}
	pthread_mutex_unlock(&l->lock);
}

void load__stop(struct load *l)
{
	uint64_t one = 1;

	if (l->stopped)
		return;
	l->stopped = true;
	if (write(l->stop_fd, &one, sizeof(one)) < 0) {
		/* an eventfd takes 2^64-2 of these */
	}
	for (unsigned int i = 0; l->clients && i < l->cfg.clients; i++)
		if (l->clients[i].running)
			pthread_join(l->clients[i].thread, NULL);
}

/* --- the final reads ------------------------------------------------------------------------------ */

struct final_read {
	struct load *load;
	size_t place;
	struct values values;
	json_t *runs; /* NULL = not read */
	char error[128];
};

static void *run_final(void *arg)
{
	struct final_read *f = arg;
	struct load *l = f->load;
	void *self;
	int r;

	f->values.n = 0;
	f->error[0] = 0;
	r = thread__enter(l->cfg.places[f->place].netns_fd);
	self = r ? NULL : l->ops->open(&l->cfg, l->cfg.places[f->place].ip, l->limit_ms);
	if (!self) {
		snprintf(f->error, sizeof(f->error), "cannot enter the namespace of the node");
		return NULL;
	}
	if (!l->ops->list(self, &f->values, f->error, sizeof(f->error)))
		f->runs = values__runs(&f->values);
	l->ops->close(self);
	return NULL;
}

/* Read every place once, side by side; true if all could be read and hold the same. */
static bool final_attempt(struct load *l, struct final_read *f, int attempt)
{
	pthread_t threads[64];
	size_t n = l->cfg.n_places;
	bool equal = true;

	for (size_t first = 0; first < n; first += ARRAY_SIZE(threads)) {
		size_t m = n - first < ARRAY_SIZE(threads) ? n - first : ARRAY_SIZE(threads);
		bool started[ARRAY_SIZE(threads)];

		for (size_t i = 0; i < m; i++)
			started[i] = !pthread_create(&threads[i], NULL, run_final, &f[first + i]);
		for (size_t i = 0; i < m; i++)
			if (started[i])
				pthread_join(threads[i], NULL);
	}
	for (size_t i = 0; i < n; i++) {
		json_t *error = f[i].error[0] ? json_string(f[i].error) : json_null();

		equal = equal && f[i].runs && json_equal(f[i].runs, f[0].runs);
		recorder__event(l->rec, "final", clock__now(),
				json_pack("{s:s,s:s,s:b,s:i,s:O?,s:o}", "workload", l->cfg.name, "node",
					  l->cfg.places[i].node, "ok", f[i].runs != NULL, "attempt",
					  attempt, "values", f[i].runs, "error",
					  error ? error : json_string("unreadable")));
	}
	for (size_t i = 0; i < n; i++) {
		json_decref(f[i].runs);
		f[i].runs = NULL;
	}
	return equal;
}

int load__final(struct load *l, int64_t limit_ns, const volatile int *stop)
{
	struct final_read *f = calloc(l->cfg.n_places, sizeof(*f));
	int64_t end = clock__now() + limit_ns;
	bool equal = false;

	if (!f || !l->rec) {
		free(f);
		return f ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < l->cfg.n_places; i++)
		f[i] = (struct final_read){.load = l, .place = i};
	for (int attempt = 0; !equal && !(stop && *stop); attempt++) {
		int64_t next = clock__now() + FINAL_EVERY_MS * NS_PER_MS;

		equal = final_attempt(l, f, attempt);
		if (!equal && next >= end)
			break;
		if (!equal)
			clock__sleep_until(next);
	}
	for (size_t i = 0; i < l->cfg.n_places; i++)
		free(f[i].values.v);
	free(f);
	return 0;
}

void load__free(struct load *l)
{
	if (!l)
		return;
	load__stop(l);
	for (size_t i = 0; l->cfg.places && i < l->cfg.n_places; i++) {
		free((char *)l->cfg.places[i].node);
		free((char *)l->cfg.places[i].ip);
	}
	free((void *)l->cfg.places);
	free((char *)l->cfg.name);
	free((char *)l->cfg.system);
	free((char *)l->cfg.check);
	free(l->clients);
	safe_close(l->stop_fd);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
