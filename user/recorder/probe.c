// SPDX-License-Identifier: GPL-2.0-only
/* probe.c: the cadence of a probe, what it records, and its life. What it asks is in probe_*.c. */
#include "recorder/probe.h"
#include "lib/cleanup.h"
#include "experiment/experiment.h"
#include "lib/clock.h"
#include "recorder/fields.h"
#include "recorder/inside.h"
#include "recorder/probe_internal.h"
#include "recorder/wire.h"

#include <string.h>

#define EVERY_MIN_NS NS_PER_MS
#define EVERY_MAX_NS (60 * NS_PER_S)

const struct probe_ops *const probe_all[] = {
	&probe_redis,	  &probe_sentinel, &probe_redis_cluster, &probe_etcd,	  &probe_consul,
	&probe_zookeeper, &probe_kafka,	   &probe_patroni,	 &probe_postgres, &probe_galera,
	&probe_rabbitmq,  &probe_nats,	   &probe_vault,	 &probe_lease,	  &probe_vrrp,
};
const size_t n_probe_all = ARRAY_SIZE(probe_all);

const char *const probe_role_names[] = {
	[PROBE_NONE] = "none",	   [PROBE_FOLLOWER] = "follower", [PROBE_CANDIDATE] = "candidate",
	[PROBE_LEADER] = "leader", [PROBE_ERROR] = "error",
};

struct probe {
	struct recorder *recorder;
	const struct probe_ops *ops;
	void *ops_state;
	struct probe_spec spec;
	char *resource, *node;

	struct inside thread;
	struct halt halt;
	struct wire *wire; /* vrrp: watches who sends; NULL = not */

	/* of the probe's own thread */
	enum probe_role last_role;
	int64_t last_recv_ns; /* 0 = no sample yet */

	pthread_mutex_t lock; /* guards state */
	struct probe_state state;
};

void sample__error(struct sample *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	s->role = PROBE_ERROR;
	s->claim = false;
	s->epoch = -1;
	s->leader[0] = s->detail[0] = '\0';
}

void sample__errno(struct sample *s, int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return sample__error(s, "no answer within the time limit");
	case -ECONNRESET:
		return sample__error(s, "the server closed the connection");
	case -EPROTO:
		return sample__error(s, "the answer is not in the system's protocol");
	case -EKEYREJECTED:
		return sample__error(s, "the server's certificate is not trusted");
	case -EMSGSIZE:
		return sample__error(s, "the answer is too long");
	default:
		return sample__error(s, "%s", strerror(-r));
	}
}

int64_t probe__limit_ns(int64_t every_ns)
{
	int64_t limit = 10 * every_ns;

	if (limit < 100 * NS_PER_MS)
		return 100 * NS_PER_MS;
	return limit < NS_PER_S ? limit : NS_PER_S;
}

/* --- what is recorded ------------------------------------------------------------------------- */

static json_t *event_head(const struct probe *p)
{
	json_t *o = json_object();

	fields__text(o, "resource", p->resource);
	fields__text(o, "node", p->node);
	return o;
}

static void set_epoch(json_t *o, int64_t epoch)
{
	if (epoch >= 0)
		fields__int(o, "epoch", epoch);
	else
		fields__null(o, "epoch");
}

static void record_sample(const struct probe *p, const struct sample *s)
{
	int64_t t0 = recorder__t0(p->recorder);
	json_t *o = event_head(p);

	fields__int(o, "send_ns", s->send_ns - t0);
	fields__int(o, "recv_ns", s->recv_ns - t0);
	fields__text(o, "role", probe_role_names[s->role]);
	fields__bool(o, "claim", s->claim);
	set_epoch(o, s->epoch);
	fields__text(o, "leader", s->leader[0] ? s->leader : NULL);
	if (s->detail[0])
		fields__text(o, "detail", s->detail);
	if (s->role == PROBE_ERROR)
		fields__text(o, "error", s->error);
	recorder__event(p->recorder, "role", s->recv_ns, o);
}

static void record_change(const struct probe *p, const struct sample *s)
{
	json_t *o = event_head(p);

	fields__text(o, "from", probe_role_names[p->last_role]);
	fields__text(o, "to", probe_role_names[s->role]);
	set_epoch(o, s->epoch);
	recorder__event(p->recorder, "role_change", s->recv_ns, o);
}

/* A gap is time in which nobody asked: an exchange that hangs is a sample, with its own send_ns and
 * recv_ns. */
static bool is_gap(const struct probe *p, const struct sample *s)
{
	return p->last_recv_ns &&
	       s->send_ns - p->last_recv_ns > 5 * p->spec.every_ns + 50 * NS_PER_MS;
}

static void record_gap(const struct probe *p, const struct sample *s)
{
	int64_t t0 = recorder__t0(p->recorder);
	json_t *o = event_head(p);

	fields__int(o, "from_ns", p->last_recv_ns - t0);
	fields__int(o, "to_ns", s->send_ns - t0);
	recorder__event(p->recorder, "probe_gap", s->send_ns, o);
}

static void record(struct probe *p, const struct sample *s)
{
	bool gap = is_gap(p, s);

	if (p->recorder) {
		if (gap)
			record_gap(p, s);
		record_sample(p, s);
		if (p->last_recv_ns && s->role != p->last_role)
			record_change(p, s);
	}
	p->last_role = s->role;
	p->last_recv_ns = s->recv_ns;

	pthread_mutex_lock(&p->lock);
	snprintf(p->state.role, sizeof(p->state.role), "%s", probe_role_names[s->role]);
	p->state.claim = s->claim;
	p->state.epoch = s->epoch;
	p->state.samples++;
	p->state.errors += s->role == PROBE_ERROR;
	p->state.gaps += gap;
	pthread_mutex_unlock(&p->lock);
}

/* --- its thread ------------------------------------------------------------------------------- */

static int thread_open(void *arg, struct error *err)
{
	struct probe *p = arg;

	return p->ops->open(&p->spec, &p->ops_state, err);
}

static void thread_run(void *arg)
{
	struct probe *p = arg;
	int64_t due = clock__now();

	while (!halt__until(&p->halt, due)) {
		struct sample s = {.send_ns = clock__now(), .epoch = -1};

		p->ops->ask(p->ops_state, s.send_ns + p->spec.limit_ns, &s);
		if (!s.recv_ns)
			s.recv_ns = clock__now();
		record(p, &s);
		due = cadence__next(due, p->spec.every_ns, clock__now());
	}
}

/* --- its life --------------------------------------------------------------------------------- */

static const struct probe_ops *find_ops(const struct probe_config *cfg)
{
	if (cfg->custom)
		return &probe_custom;
	for (size_t i = 0; i < n_probe_all; i++)
		if (cfg->system && !strcmp(probe_all[i]->name, cfg->system))
			return probe_all[i];
	return NULL;
}

static void destroy(struct probe *p)
{
	if (p->ops_state)
		p->ops->close(p->ops_state);
	halt__destroy(&p->halt);
	pthread_mutex_destroy(&p->lock);
	free(p->resource);
	free(p->node);
	free(p->spec.ip);
	free(p->spec.master_name);
	free(p->spec.vip);
	free(p);
}

static char *copy(const char *s, const char *otherwise)
{
	return strdup(s ? s : otherwise);
}

static int prepare(struct probe *p, const struct probe_config *cfg)
{
	p->resource = copy(cfg->resource, "");
	p->node = copy(cfg->node, "");
	p->spec = (struct probe_spec){
		.ip = copy(cfg->ip, "127.0.0.1"),
		.master_name = copy(cfg->master_name, "mymaster"),
		.vip = copy(cfg->vip, ""),
		.port = cfg->port ? cfg->port : p->ops->port,
		.custom = cfg->custom,
		.config = cfg,
		.every_ns = cfg->every_ns,
		.limit_ns = probe__limit_ns(cfg->every_ns),
	};
	return p->resource && p->node && p->spec.ip && p->spec.master_name && p->spec.vip ? 0
											  : -ENOMEM;
}

/* What can be seen besides asking. It is worth having, not worth failing for. */
static void watch_wire(struct probe *p, int netns_fd)
{
	struct error why = {0};
	json_t *o;

	if (p->ops != &probe_vrrp || !p->recorder ||
	    !wire__start(p->resource, p->node, netns_fd, p->recorder, &p->wire, &why))
		return;
	err__prefix(&why, "VRRP and ARP are not watched on %s", p->node);
	o = json_object();
	fields__text(o, "level", "warning");
	fields__text(o, "text", why.msg);
	recorder__event(p->recorder, "note", clock__now(), o);
}

int probe__start(const struct probe_config *cfg, struct recorder *r, struct probe **ret,
		 struct error *err)
{
	const struct probe_ops *ops = find_ops(cfg);
	struct probe *p;
	int e;

	if (!ops)
		return err__set(err, -EINVAL, "no such system to probe: `%s`",
				cfg->system ? cfg->system : "");
	if (cfg->every_ns < EVERY_MIN_NS || cfg->every_ns > EVERY_MAX_NS)
		return err__set(err, -EINVAL, "a probe's interval is 1 ms to 60 s");
	p = calloc(1, sizeof(*p));
	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->recorder = r;
	p->ops = ops;
	p->state.epoch = -1;
	halt__init(&p->halt);
	pthread_mutex_init(&p->lock, NULL);
	e = prepare(p, cfg);
	p->thread.runs_commands = cfg->custom && cfg->custom->kind == EXCHANGE_COMMAND;
	if (e)
		err__set(err, e, "out of memory");
	else
		e = inside__start(&p->thread, cfg->netns_fd, thread_open, thread_run, p, err);
	if (e) {
		err__prefix(err, "probe of %s on %s", p->resource ? p->resource : "?",
			    p->node ? p->node : "?");
		destroy(p);
		return e;
	}
	watch_wire(p, cfg->netns_fd);
	*ret = p;
	return 0;
}

void probe__state(struct probe *p, struct probe_state *ret)
{
	pthread_mutex_lock(&p->lock);
	*ret = p->state;
	pthread_mutex_unlock(&p->lock);
}

void probe__signal_stop(struct probe *p)
{
	halt__set(&p->halt);
	if (p->wire)
		wire__signal_stop(p->wire);
}

void probe__join(struct probe *p)
{
	if (!p)
		return;
	halt__set(&p->halt);
	wire__join(p->wire);
	inside__join(&p->thread);
	destroy(p);
}
