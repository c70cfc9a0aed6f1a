// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/internal.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <poll.h>

enum { GAP_INTERVALS = 5, GAP_EXTRA_MS = 50, LIMIT_MIN_MS = 100, LIMIT_MAX_MS = 1000 };

const char *const probe_systems[] = {"redis", "sentinel", "etcd", "vrrp"};
const size_t n_probe_systems = ARRAY_SIZE(probe_systems);

static const struct probe_ops *const all_ops[] = {&probe_redis_ops, &probe_sentinel_ops,
						  &probe_etcd_ops, &probe_vrrp_ops};

struct probe {
	struct probe_config cfg; /* strings owned */
	const struct probe_ops *ops;
	struct recorder *rec;
	pthread_t thread;
	bool started;
	int stop_fd;  /* eventfd: readable = stop */
	int ready_fd; /* eventfd: the thread is in its namespace, or failed to get there */
	int ready_status;
	pthread_mutex_t lock;
	struct probe_state state;
};

void sample__error(struct sample *s, const char *fmt, ...)
{
	va_list ap;

	s->role = "error";
	s->claim = false;
	s->epoch = -1;
	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
}

int thread__enter(int netns_fd)
{
	_cleanup_close_ int self = netns__open_self();
	int old = -1, r;

	if (self >= 0 && netns__same(self, netns_fd))
		return 0;
	r = netns__enter(netns_fd, &old);
	safe_close(old); /* this thread never goes back */
	return r;
}

static json_t *string_or_null(const char *s)
{
	/* Servers may answer any bytes; JSON takes only UTF-8. */
	json_t *j = *s ? json_string(s) : NULL;

	return j ? j : json_null();
}

static void record_sample(struct probe *p, const struct sample *s, int64_t send, int64_t recv)
{
	int64_t t0 = recorder__t0(p->rec);
	json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:s,s:b,s:o,s:o}", "resource", p->cfg.resource, "node",
			      p->cfg.node, "send_ns", (json_int_t)(send - t0), "recv_ns",
			      (json_int_t)(recv - t0), "role", s->role, "claim", s->claim, "epoch",
			      s->epoch < 0 ? json_null() : json_integer(s->epoch), "leader",
			      string_or_null(s->leader));

	if (s->error[0])
		json_object_set_new(o, "error", string_or_null(s->error));
	if (s->detail[0])
		json_object_set_new(o, "detail", string_or_null(s->detail));
	recorder__event(p->rec, "role", recv, o);
}

static void record_change(struct probe *p, const char *from, const struct sample *s, int64_t recv)
{
	recorder__event(p->rec, "role_change", recv,
			json_pack("{s:s,s:s,s:s,s:s,s:o}", "resource", p->cfg.resource, "node",
				  p->cfg.node, "from", from, "to", s->role, "epoch",
				  s->epoch < 0 ? json_null() : json_integer(s->epoch)));
}

static void record_gap(struct probe *p, int64_t from, int64_t to)
{
	int64_t t0 = recorder__t0(p->rec);

	recorder__event(p->rec, "probe_gap", to,
			json_pack("{s:s,s:s,s:I,s:I}", "resource", p->cfg.resource, "node",
				  p->cfg.node, "from_ns", (json_int_t)(from - t0), "to_ns",
				  (json_int_t)(to - t0)));
}

static void take(struct probe *p, void *self, int64_t *last)
{
	struct sample s = {.role = "none", .epoch = -1};
	char before[sizeof(p->state.role)];
	int64_t send = clock__now(), recv, prev_epoch;
	bool gap;

	p->ops->sample(self, &s);
	recv = clock__now();
	gap = *last && recv - *last > GAP_INTERVALS * p->cfg.every_ns + GAP_EXTRA_MS * NS_PER_MS;

	pthread_mutex_lock(&p->lock);
	memcpy(before, p->state.role, sizeof(before));
	prev_epoch = p->state.epoch;
	snprintf(p->state.role, sizeof(p->state.role), "%s", s.role);
	p->state.claim = s.claim;
	p->state.epoch = s.epoch;
	p->state.samples++;
	p->state.errors += !strcmp(s.role, "error");
	p->state.gaps += gap;
	pthread_mutex_unlock(&p->lock);

	if (p->rec) {
		if (gap)
			record_gap(p, *last, recv);
		record_sample(p, &s, send, recv);
		if (strcmp(before, s.role) != 0 || prev_epoch != s.epoch)
			record_change(p, before, &s, recv);
	}
	*last = recv;
}

/* Sleep until @when or until asked to stop; true = stop. */
static bool wait_stop(const struct probe *p, int64_t when)
{
	struct pollfd pfd = {.fd = p->stop_fd, .events = POLLIN};
	int64_t left = when - clock__now();
	struct timespec ts = ns_timespec(left > 0 ? left : 0);

	return ppoll(&pfd, 1, &ts, NULL) > 0;
}

static int limit_ms(const struct probe *p)
{
	int64_t ms = 10 * p->cfg.every_ns / NS_PER_MS;

	if (ms < LIMIT_MIN_MS)
		return LIMIT_MIN_MS;
	return ms > LIMIT_MAX_MS ? LIMIT_MAX_MS : (int)ms;
}

static void *run(void *arg)
{
	struct probe *p = arg;
	uint64_t one = 1;
	int64_t next, last = 0, now;
	void *self = NULL;

	p->ready_status = thread__enter(p->cfg.netns_fd);
	if (!p->ready_status) {
		self = p->ops->open(&p->cfg, limit_ms(p));
		if (!self)
			p->ready_status = -ENOMEM;
	}
	if (write(p->ready_fd, &one, sizeof(one)) < 0 || !self)
		return NULL;
	next = clock__now();
	do {
		take(p, self, &last);
		/* Keep to the grid: a late probe skips, it does not catch up. */
		now = clock__now();
		next += p->cfg.every_ns;
		if (next < now)
			next += (now - next + p->cfg.every_ns - 1) / p->cfg.every_ns *
				p->cfg.every_ns;
	} while (!wait_stop(p, next));
	p->ops->close(self);
	return NULL;
}

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void probe__free(struct probe *p)
{
	free((char *)p->cfg.resource);
	free((char *)p->cfg.system);
	free((char *)p->cfg.node);
	free((char *)p->cfg.ip);
	free((char *)p->cfg.master_name);
	free((char *)p->cfg.vip);
	safe_close(p->stop_fd);
	safe_close(p->ready_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int probe__start(const struct probe_config *cfg, struct recorder *r, struct probe **ret,
		 struct error *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	uint64_t one;
	int code;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->cfg = *cfg;
	p->cfg.resource = strdup(cfg->resource);
	p->cfg.system = strdup(cfg->system);
	p->cfg.node = strdup(cfg->node);
	p->cfg.ip = strdup(cfg->ip);
	p->cfg.master_name = dup_or_null(cfg->master_name);
	p->cfg.vip = dup_or_null(cfg->vip);
	p->rec = r;
	p->ops = cfg->custom ? &probe_custom_ops : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(all_ops) && !p->ops; i++)
		if (!strcmp(all_ops[i]->system, cfg->system))
			p->ops = all_ops[i];
	pthread_mutex_init(&p->lock, NULL);
	p->state.epoch = -1;
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	p->ready_fd = eventfd(0, EFD_CLOEXEC);
	if (!p->ops) {
		probe__free(p);
		return err__set(err, -EINVAL, "no probe for the system `%s`", cfg->system);
	}
	if (!p->cfg.port)
		p->cfg.port = p->ops->port;
	if (p->stop_fd < 0 || p->ready_fd < 0 || !p->cfg.resource || !p->cfg.system ||
	    !p->cfg.node || !p->cfg.ip || (code = pthread_create(&p->thread, NULL, run, p))) {
		probe__free(p);
		return err__set(err, -EAGAIN, "cannot start the probe of `%s`", cfg->node);
	}
	p->started = true;
	if (read(p->ready_fd, &one, sizeof(one)) < 0 || p->ready_status) {
		code = p->ready_status ? p->ready_status : -EIO;
		probe__join(p);
		return err__set(err, code, "cannot enter the network namespace of `%s`: %s", cfg->node,
				strerror(-code));
	}
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
	uint64_t one = 1;

	if (p && write(p->stop_fd, &one, sizeof(one)) < 0) {
		/* an eventfd takes 2^64-2 of these */
	}
}

void probe__join(struct probe *p)
{
	if (!p)
		return;
	probe__signal_stop(p);
	if (p->started)
		pthread_join(p->thread, NULL);
	probe__free(p);
}
