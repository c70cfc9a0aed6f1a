// SPDX-License-Identifier: GPL-2.0-only
/* table.c: from sockets to rows: one for all connections from one party to one port of another. */
#include "flows/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* Rows for people; what a flood of addresses adds goes into one more. */
enum { MAX_ROWS = 4096 };

struct making {
	const struct snapshot *s;
	const struct flow_past *past;
	double seconds;
	struct peers *peers;
	struct names names;
	struct table rows; /* by key */
	const struct flow_filter *filter;
	bool *process, *netns; /* that the filter chose; NULL: no filter */
	struct flow_table *t;
};

/* A connection in the making: one socket, or both where both are here. */
struct flow {
	struct flow_socket caller, callee; /* either may be DISCOVER_NONE, not both */
	struct flow_end end[2];		   /* FLOW_TO: the caller's, FLOW_BACK: the callee's */
	struct flow_party party[2];
	uint8_t proto;
};

static const struct discover_socket *socket_of(const struct making *m, struct flow_socket k)
{
	return &m->s->netns[k.netns].sockets[k.socket];
}

static const struct discover_traffic *traffic_of(const struct making *m, struct flow_socket k)
{
	return &m->s->netns[k.netns].traffic[k.socket];
}

/* ---- the two ends ---- */

static struct flow_end end_of(const struct making *m, const struct discover_socket *k, bool remote,
			      uint32_t netns)
{
	return (struct flow_end){
		.netns = netns == DISCOVER_NONE ? NULL : &m->s->netns[netns],
		.addr = flow_addr__from(k->family, remote ? k->remote : k->local),
		.port = remote ? k->remote_port : k->local_port,
	};
}

static const char *name_end(struct making *m, const struct flow_end *e, uint32_t netns,
			    uint32_t process)
{
	char text[64];
	const char *place;

	if (process != DISCOVER_NONE)
		return names__process(&m->names, process);
	flow_addr__text(&e->addr, text, sizeof(text));
	place = names__netns(&m->names, netns);
	if (!place)
		return NULL;
	return *place ? arena__printf(m->t->arena, "%s/%s", place, text)
		      : arena__str(m->t->arena, text);
}

static int set_party(struct making *m, struct flow *f, int which, struct flow_socket here)
{
	struct flow_socket other = which == FLOW_TO ? f->callee : f->caller;
	struct flow_party *p = &f->party[which];
	struct flow_end *e = &f->end[which];

	p->netns = here.netns;
	if (here.netns != DISCOVER_NONE) {
		*e = end_of(m, socket_of(m, here), false, here.netns);
	} else {
		*e = end_of(m, socket_of(m, other), true, DISCOVER_NONE);
		p->netns = peers__netns(m->peers, other.netns, &e->addr);
		if (p->netns != DISCOVER_NONE)
			e->netns = &m->s->netns[p->netns];
	}
	p->process = peers__owner(m->peers, here);
	/* Not accepted yet, or nothing has answered at all: who would. */
	if (p->process == DISCOVER_NONE && p->netns != DISCOVER_NONE && which == FLOW_BACK)
		p->process = peers__owner(
			m->peers, peers__listener(m->peers, p->netns, f->proto, &e->addr, e->port));
	if (p->process != DISCOVER_NONE)
		e->pid = m->s->processes[p->process].pid;
	p->addr = e->addr;
	p->name = name_end(m, e, p->netns, p->process);
	return p->name ? 0 : -ENOMEM;
}

/* Of two connected sockets the one that did not accept calls; if none did, the higher port. */
static bool calls(const struct discover_socket *a, const struct discover_socket *b)
{
	if (a->accepted != b->accepted)
		return b->accepted;
	return a->local_port > b->local_port;
}

/* false: this connection is seen from its other end. */
static bool take_ends(struct making *m, struct flow_socket k, struct flow *f)
{
	const struct flow_socket none = {DISCOVER_NONE, DISCOVER_NONE};
	const struct discover_socket *here = socket_of(m, k);
	struct flow_socket mirror = peers__mirror(m->peers, k);

	*f = (struct flow){.caller = k, .callee = mirror, .proto = here->proto};
	if (mirror.netns != DISCOVER_NONE) {
		const struct discover_socket *there = socket_of(m, mirror);
		bool even =
			here->accepted == there->accepted && here->local_port == there->local_port;

		/* Of two that cannot be told apart the first in the snapshot. */
		if (even)
			return k.netns != mirror.netns ? k.netns < mirror.netns
						       : k.socket < mirror.socket;
		return calls(here, there);
	}
	if (here->accepted)
		*f = (struct flow){.caller = none, .callee = k, .proto = here->proto};
	return true;
}

/* ---- what is wanted ---- */

static bool in_range(const struct flow_filter *w, const struct chaos_addr *a)
{
	struct chaos_addr prefix = flow_addr__from(w->t->family, w->t->addr);
	unsigned int len = w->t->prefixlen + (w->t->family == AF_INET ? 96u : 0u);

	return flow_addr__in(a, &prefix, (uint8_t)len);
}

static bool wanted(const struct making *m, const struct flow *f)
{
	if (!m->process)
		return true;
	for (int i = FLOW_TO; i <= FLOW_BACK; i++) {
		const struct flow_party *p = &f->party[i];

		if (m->filter->t->kind == TARGET_CIDR) {
			if (in_range(m->filter, &p->addr))
				return true;
		} else if (p->process != DISCOVER_NONE
				   ? m->process[p->process]
				   : p->netns != DISCOVER_NONE && m->netns[p->netns]) {
			return true;
		}
	}
	return false;
}

/* ---- rows ---- */

static struct flow_row *new_row(struct making *m, const struct flow *f, uint16_t port)
{
	struct flow_table *t = m->t;
	struct flow_row *v = array__grow(t->rows, t->n_rows, sizeof(*v));

	if (!v)
		return NULL;
	t->rows = v;
	v += t->n_rows++;
	*v = (struct flow_row){
		.from = f->party[FLOW_TO],
		.to = f->party[FLOW_BACK],
		.proto = f->proto,
		.port = port,
	};
	return v;
}

/* The last row, for those that get none of their own. */
static struct flow_row *others(struct making *m, const struct flow *f)
{
	struct flow_table *t = m->t;
	struct flow_row *r;

	t->n_folded++;
	if (t->n_rows > MAX_ROWS)
		return &t->rows[MAX_ROWS];
	r = new_row(m, f, 0);
	if (r) {
		r->from = (struct flow_party){"(others)", DISCOVER_NONE, DISCOVER_NONE, {{0}}};
		r->to = r->from;
	}
	return r;
}

static struct flow_row *row_of(struct making *m, const struct flow *f)
{
	uint16_t port = f->end[FLOW_BACK].port;
	_cleanup_free_ char *key = NULL;
	const char *kept;
	uint32_t i;

	/* Names hold no newline that could be taken for one of these: the lengths tell. */
	if (asprintf(&key, "%zu\n%s\n%s\n%u\n%u", strlen(f->party[FLOW_TO].name),
		     f->party[FLOW_TO].name, f->party[FLOW_BACK].name, port, f->proto) < 0) {
		key = NULL;
		return NULL;
	}
	i = table__get_str(&m->rows, key);
	if (i != TABLE_NONE)
		return &m->t->rows[i];
	if (m->t->n_rows >= MAX_ROWS)
		return others(m, f);
	kept = arena__str(m->t->arena, key);
	if (!kept || table__put_str(&m->rows, kept, (uint32_t)m->t->n_rows) < 0)
		return NULL;
	return new_row(m, f, port);
}

static void add_end(struct making *m, struct flow_row *r, struct flow_socket k, int which,
		    bool both)
{
	const struct discover_traffic *t = traffic_of(m, k);
	struct flow_delta d = flow_past__delta(m->past, t);
	/* What this end sends goes FLOW_TO for the caller. */
	int sent = which, received = !which;

	r->queued += (uint64_t)t->rqueue + t->wqueue;
	r->done.drops += d.drops;
	if (d.fresh && (which == FLOW_TO || !both))
		r->done.opened++;
	if (t->rtt_us > r->rtt_us)
		r->rtt_us = t->rtt_us;
	if (!d.known)
		return;
	r->counted = true;
	r->done.retrans += d.retrans;
	r->done.bytes[sent] += (double)d.bytes_sent;
	/* Where both ends are here each tells what it has sent. */
	if (!both)
		r->done.bytes[received] += (double)d.bytes_received;
	r->done.segs[sent] += d.segs_out;
	if (!both)
		r->done.segs[received] += d.segs_in;
}

static void mark_faults(struct making *m, struct flow_row *r, const struct flow *f)
{
	uint8_t proto = f->proto == DISCOVER_TCP ? IPPROTO_TCP : IPPROTO_UDP;

	for (size_t i = 0; i < m->t->n_active; i++) {
		const struct flow_active *a = &m->t->active[i];

		for (int d = FLOW_TO; d <= FLOW_BACK; d++)
			if (!(r->faults[d] & 1ULL << i) &&
			    scope_fault__meets(a->run, a->fault, proto, &f->end[d], &f->end[!d]))
				r->faults[d] |= 1ULL << i;
	}
}

static int add_flow(struct making *m, struct flow_socket k)
{
	const struct discover_traffic *t = traffic_of(m, k);
	struct flow_row *r;
	struct flow f;
	bool both;

	if (!take_ends(m, k, &f))
		return 0;
	if (set_party(m, &f, FLOW_TO, f.caller) < 0 || set_party(m, &f, FLOW_BACK, f.callee) < 0)
		return -ENOMEM;
	if (!wanted(m, &f))
		return 0;
	/* What is over is of interest only while there is more of it. */
	if (f.proto == DISCOVER_TCP && t->state == TCP_TIME_WAIT &&
	    !flow_past__delta(m->past, t).fresh)
		return 0;
	r = row_of(m, &f);
	if (!r)
		return -ENOMEM;
	both = f.caller.netns != DISCOVER_NONE && f.callee.netns != DISCOVER_NONE;
	if (f.proto == DISCOVER_TCP && t->state == TCP_SYN_SENT)
		r->connecting++;
	else if (f.proto != DISCOVER_TCP || t->state != TCP_TIME_WAIT)
		r->connections++;
	if (f.caller.netns != DISCOVER_NONE)
		add_end(m, r, f.caller, FLOW_TO, both);
	if (f.callee.netns != DISCOVER_NONE)
		add_end(m, r, f.callee, FLOW_BACK, both);
	mark_faults(m, r, &f);
	if (f.proto != DISCOVER_TCP || t->state != TCP_TIME_WAIT)
		m->t->n_connections++;
	return 0;
}

static int add_all(struct making *m)
{
	for (uint32_t i = 0; i < m->s->n_netns; i++) {
		const struct discover_netns *n = &m->s->netns[i];

		m->t->n_sockets += n->n_sockets;
		for (uint32_t j = 0; n->traffic && j < n->n_sockets; j++)
			if (!n->sockets[j].listening && add_flow(m, (struct flow_socket){i, j}) < 0)
				return -ENOMEM;
	}
	return 0;
}

static void divide(struct flow_table *t, double seconds)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct flow_done *d = &t->rows[i].done;

		for (int k = FLOW_TO; k <= FLOW_BACK; k++) {
			d->bytes[k] /= seconds;
			d->segs[k] /= seconds;
		}
		d->retrans /= seconds;
		d->opened /= seconds;
		d->drops /= seconds;
	}
}

static void take_active(struct flow_table *t, struct scopes *scopes, int64_t now_ns)
{
	for (size_t i = 0; scopes && i < scopes->n_runs; i++) {
		struct scope_run *r = &scopes->runs[i];

		for (size_t k = 0; r->alive && k < r->n_faults; k++)
			if (t->n_active < FLOW_MAX_ACTIVE &&
			    scope_fault__active(&r->faults[k], now_ns))
				t->active[t->n_active++] = (struct flow_active){r, &r->faults[k]};
	}
}

static int take_filter(struct making *m)
{
	const struct discover_match *d = m->filter->m;

	m->process = calloc(m->s->n_processes + 1, sizeof(*m->process));
	m->netns = calloc(m->s->n_netns + 1, sizeof(*m->netns));
	if (!m->process || !m->netns)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_processes; i++)
		m->process[d->processes[i]] = true;
	/* A namespace counts as a whole only where it was chosen as a whole. */
	for (size_t i = 0; i < d->n_netns; i++)
		m->netns[d->netns[i]] = m->filter->t->kind >= TARGET_NETNS;
	return 0;
}

static void making__reset(struct making *m)
{
	peers__free(m->peers);
	names__reset(&m->names);
	table__reset(&m->rows);
	free(m->process);
	free(m->netns);
}

int flow_table__make(const struct snapshot *s, const struct flow_past *past, double seconds,
		     struct scopes *scopes, int64_t now_ns, const struct flow_filter *filter,
		     struct flow_table *ret)
{
	_cleanup_(flow_table__reset) struct flow_table t = {.arena = arena__new()};
	_cleanup_(making__reset) struct making m = {
		.s = s, .past = past, .seconds = seconds, .filter = filter, .t = &t};

	m.peers = peers__of(s);
	if (!t.arena || !m.peers || names__init(&m.names, s, scopes, t.arena) < 0)
		return -ENOMEM;
	if (filter && take_filter(&m) < 0)
		return -ENOMEM;
	take_active(&t, scopes, now_ns);
	if (add_all(&m) < 0 || flow_table__devices(&t, s, past, seconds, &m.names, m.netns) < 0)
		return -ENOMEM;
	t.rated = past && seconds > 0;
	if (t.rated)
		divide(&t, seconds);
	*ret = t;
	t = (struct flow_table){0};
	return 0;
}

void flow_table__reset(struct flow_table *t)
{
	free(t->rows);
	free(t->devices);
	arena__free(t->arena);
	*t = (struct flow_table){0};
}
