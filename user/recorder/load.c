// SPDX-License-Identifier: GPL-2.0-only
/* load.c: the clients of a workload: when they do what, and what is recorded of it. The final reads
 * are in load_final.c. */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "recorder/fields.h"
#include "recorder/load_state.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define CLIENTS_MAX 10000

const char *const object_names[OBJECT_COUNT] = {
	[OBJECT_SET] = "set",	      [OBJECT_REGISTER] = "register", [OBJECT_CAS] = "cas",
	[OBJECT_COUNTER] = "counter", [OBJECT_QUEUE] = "queue",	      [OBJECT_LOCK] = "lock",
};

const char *const outcome_names[] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_FAIL] = "fail",
	[OUTCOME_UNKNOWN] = "unknown",
};

/* --- pure parts ------------------------------------------------------------------------------- */

void answer__error(struct answer *a, enum outcome outcome, const char *text, size_t len)
{
	size_t n = len < sizeof(a->error) - 1 ? len : sizeof(a->error) - 1;

	a->outcome = outcome;
	memcpy(a->error, text, n);
	a->error[n] = '\0';
}

static const char *errno_text(int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return "no answer within the time limit";
	case -ECONNRESET:
		return "the server closed the connection";
	case -EPROTO:
		return "the answer is not in the system's protocol";
	case -EMSGSIZE:
		return "the answer is too long";
	default:
		return strerror(-r);
	}
}

void answer__errno(struct answer *a, int r, bool sent)
{
	const char *text = errno_text(r);

	answer__error(a, sent ? OUTCOME_UNKNOWN : OUTCOME_FAIL, text, strlen(text));
}

/*
 * Drawn, not counted: with every tenth operation a read and ten clients, all reads would be one
 * client's, and its side of a cut would be the only one whose staleness shows.
 */
bool load__is_read(uint64_t seed, uint64_t i, double reads)
{
	struct rng r = rng__fork(seed, i);

	return (double)(rng__next(&r) >> 11) * 0x1p-53 < reads;
}

int64_t load__due_ns(uint64_t i, double rate_per_s)
{
	return (int64_t)((double)i / rate_per_s * (double)NS_PER_S);
}

/* --- one operation ---------------------------------------------------------------------------- */

bool operation__is_late(struct operation *op, int64_t now, int64_t timeout_ns)
{
	static const char late[] = "not sent: the client was still waiting for earlier answers";

	if (now - op->intended_ns <= timeout_ns)
		return false;
	op->return_ns = now;
	answer__error(&op->answer, OUTCOME_FAIL, late, strlen(late));
	return true;
}

static void record(const struct client *c, const struct operation *op)
{
	struct recorder *r = c->load->recorder;
	int64_t t0;
	json_t *o;

	if (!r)
		return;
	t0 = recorder__t0(r);
	o = json_object();
	fields__text(o, "workload", c->load->name);
	fields__int(o, "client", c->index);
	fields__text(o, "node", c->place->node);
	fields__text(o, "op", op->verb);
	if (op->value == NOTHING)
		fields__null(o, "value");
	else
		fields__int(o, "value", op->value);
	if (op->more)
		json_object_update(o, op->more);
	fields__int(o, "intended_ns", op->intended_ns - t0);
	if (op->invoke_ns)
		fields__int(o, "invoke_ns", op->invoke_ns - t0);
	else
		fields__null(o, "invoke_ns");
	fields__int(o, "return_ns", op->return_ns - t0);
	fields__text(o, "outcome", outcome_names[op->answer.outcome]);
	if (op->is_read && op->answer.outcome == OUTCOME_OK)
		fields__bool(o, "found", op->answer.found);
	if (op->answer.outcome != OUTCOME_OK)
		fields__text(o, "error", op->answer.error);
	recorder__event(r, "op", op->return_ns, o);
}

static void count(struct place *p, const struct operation *op)
{
	if (op->is_read) {
		p->reads++;
		return;
	}
	p->attempted++;
	if (op->answer.outcome == OUTCOME_OK)
		p->acked++;
	else if (op->answer.outcome == OUTCOME_FAIL)
		p->failed++;
	else
		p->unknown++;
}

void operation__done(struct client *c, struct operation *op)
{
	count(c->place, op);
	record(c, op);
	json_decref(op->more);
	op->more = NULL;
}

static void perform(struct client *c, uint64_t i, int64_t due)
{
	struct load *l = c->load;
	struct operation op = {.intended_ns = due, .value = -1};
	int64_t now;

	/* Before the first acknowledgement there is nothing to ask for. */
	if (load__is_read(l->seed, i, l->reads))
		op.value = l->last_acked;
	op.is_read = op.value >= 0;
	op.verb = op.is_read ? "read" : "add";
	if (!op.is_read)
		op.value = l->next_value++;
	now = clock__now(); /* only now: the read begins after the acknowledgement it knows of */
	if (!operation__is_late(&op, now, l->timeout_ns)) {
		op.invoke_ns = now;
		if (op.is_read)
			l->ops->read(c->store, op.value, now + l->timeout_ns, &op.answer);
		else
			l->ops->add(c->store, op.value, now + l->timeout_ns, &op.answer);
		op.return_ns = clock__now();
	}
	if (!op.is_read && op.answer.outcome == OUTCOME_OK)
		l->last_acked = op.value;
	operation__done(c, &op);
}

/* --- a client's thread ------------------------------------------------------------------------ */

static int client_open(void *arg, struct error *err)
{
	struct client *c = arg;
	struct load *l = c->load;
	struct store_spec spec = load__spec(l, c->place, c->index);
	int r = store__open(l->ops, &spec, &c->store);

	return r ? err__set(err, r, "%s", strerror(-r)) : 0;
}

static void client_run(void *arg)
{
	struct client *c = arg;
	struct load *l = c->load;

	for (uint64_t i = (uint64_t)c->index;; i += l->n_clients) {
		int64_t due = l->start_ns + load__due_ns(i, l->rate_per_s);

		if (halt__until(&l->halt, due))
			return;
		if (l->object == OBJECT_SET)
			perform(c, i, due);
		else
			object__perform(c, i, due);
	}
}

/* --- its life --------------------------------------------------------------------------------- */

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
	if (!isfinite(cfg->rate_per_s) || cfg->rate_per_s <= 0 || !(cfg->reads >= 0) ||
	    cfg->reads >= 1 || cfg->timeout_ns < NS_PER_MS)
		return err__set(
			err, -EINVAL,
			"expected a rate above 0, reads in [0,1), a time limit of 1 ms or more");
	return 0;
}

static int copy_places(struct load *l, const struct load_config *cfg)
{
	l->places = calloc(cfg->n_places, sizeof(*l->places));
	l->clients = calloc(cfg->clients, sizeof(*l->clients));
	l->name = strdup(cfg->name);
	/* What an earlier run left would be what nobody wrote; a set begins above it instead. */
	if (l->object == OBJECT_SET)
		l->stem = strdup(cfg->name);
	else if (asprintf(&l->stem, "%s:%" PRIx64, cfg->name, (uint64_t)clock__now()) < 0)
		l->stem = NULL;
	if (!l->places || !l->clients || !l->name || !l->stem)
		return -ENOMEM;
	for (size_t i = 0; i < cfg->n_places; i++) {
		const struct load_place *from = &cfg->places[i];
		struct place *p = &l->places[l->n_places++];

		p->netns_fd = from->netns_fd;
		p->lookup = from->lookup;
		p->lookup_arg = from->lookup_arg;
		p->node = strdup(from->node ? from->node : "");
		p->ip = strdup(from->ip ? from->ip : "127.0.0.1");
		if (!p->node || !p->ip)
			return -ENOMEM;
	}
	return 0;
}

static int start_clients(struct load *l, unsigned int n, struct error *err)
{
	/* All of them are there before the first operation is due. */
	for (unsigned int i = 0; i < n; i++) {
		struct client *c = &l->clients[i];

		c->load = l;
		c->index = (int)i;
		c->place = &l->places[i % l->n_places];
		c->thread.runs_commands = l->ops->runs_commands;
		c->hold = NOTHING;
		for (size_t k = 0; k < LOAD_KEYS; k++)
			c->seen[k] = UNSEEN;
	}
	l->n_clients = n;
	l->start_ns = clock__now() + (int64_t)n * 100 * NS_PER_US;
	for (unsigned int i = 0; i < n; i++) {
		struct client *c = &l->clients[i];
		int r = inside__start(&c->thread, c->place->netns_fd, client_open, client_run, c,
				      err);

		if (r)
			return err__prefix(err, "client %u on %s", i, c->place->node), r;
	}
	return 0;
}

static int set_up(struct load *l, struct error *err)
{
	struct store_spec spec = load__spec(l, &l->places[0], -1);
	int r = l->ops->load ? l->ops->load(err) : 0;

	return r || !l->custom ? r : custom__setup(&spec, l->places[0].netns_fd, err);
}

int load__start(const struct load_config *cfg, struct recorder *r, struct load **ret,
		struct error *err)
{
	const struct store_ops *ops = cfg->custom ? &store_custom : store__find(cfg->system);
	enum object object = OBJECT_SET;
	struct load *l;
	int e;

	if (!ops)
		return err__set(err, -EINVAL, "workload %s: no such system to write to: `%s`",
				cfg->name ? cfg->name : "?", cfg->system ? cfg->system : "");
	e = check_config(cfg, err);
	if (!e)
		e = find_object(cfg->check, ops, &object, err);
	if (e)
		return err__prefix(err, "workload %s", cfg->name ? cfg->name : "?"), e;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	halt__init(&l->halt);
	l->recorder = r;
	l->ops = ops;
	l->login = cfg->login;
	l->custom = cfg->custom;
	l->object = object;
	l->port = cfg->port ? cfg->port : ops->port;
	l->seed = cfg->seed;
	l->reads = cfg->reads;
	l->rate_per_s = cfg->rate_per_s;
	l->timeout_ns = cfg->timeout_ns;
	l->last_acked = -1;
	e = copy_places(l, cfg);
	if (e) {
		err__set(err, e, "out of memory");
	} else {
		e = set_up(l, err);
		if (!e && object == OBJECT_SET)
			load__find_base(l);
		e = e ? e : start_clients(l, cfg->clients, err);
	}
	if (e) {
		err__prefix(err, "workload %s", cfg->name);
		load__free(l);
		return e;
	}
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

void load__stop(struct load *l)
{
	halt__set(&l->halt);
	for (unsigned int i = 0; i < l->n_clients; i++) {
		struct client *c = &l->clients[i];

		inside__join(&c->thread);
		if (c->store)
			l->ops->close(c->store);
		c->store = NULL;
	}
}

void load__free(struct load *l)
{
	if (!l)
		return;
	load__stop(l);
	for (size_t i = 0; i < l->n_places; i++) {
		free(l->places[i].node);
		free(l->places[i].ip);
	}
	halt__destroy(&l->halt);
	free(l->places);
	free(l->clients);
	free(l->name);
	free(l->stem);
	free(l);
}
