// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/listen.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum {
	PORTS_MAX = 4096,    /* that are remembered of one namespace */
	NETSTAT_MAX = 16384, /* 5 KiB on Linux 6.18 */
};

struct port {
	uint16_t port;
	uint32_t queue, backlog;
	uint32_t was_queue, was_backlog;
	uint64_t was_overflows, was_drops;
	bool told;
};

struct space {
	const char *node;
	struct netns_id id;
	struct mnl_socket *nl;
	int netstat;
	uint64_t overflows, drops; /* when we came */
	struct port *ports;
	size_t n, cap;
	unsigned int seq;
};

struct listens {
	struct space *v;
	size_t n, next;
};

struct listens *listens__new(void)
{
	return calloc(1, sizeof(struct listens));
}

static void space__reset(struct space *s)
{
	if (s->nl)
		mnl_socket_close(s->nl);
	safe_close(s->netstat);
	free(s->ports);
}

void listens__free(struct listens *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		space__reset(&l->v[i]);
	free(l->v);
	free(l);
}

/* --- overflows -------------------------------------------------------------------------------- */

/* The @i-th word of a line (from 0) and its length; NULL: the line has none. */
static const char *word(const char *line, size_t i, size_t *ret_len)
{
	for (;; i--) {
		line += strspn(line, " ");
		*ret_len = strcspn(line, " \n");
		if (!*ret_len)
			return NULL;
		if (!i)
			return line;
		line += *ret_len;
	}
}

int netstat__find(const char *text, const char *name, uint64_t *ret)
{
	const char *head = strstr(text, "TcpExt:");
	const char *values = head ? strstr(head + 1, "\nTcpExt:") : NULL, *w;
	size_t len;

	if (!values)
		return -ENOENT;
	for (size_t i = 1; (w = word(head, i, &len)) != NULL; i++) {
		uint64_t value;
		char *end;

		if (len != strlen(name) || memcmp(w, name, len) != 0)
			continue;
		w = word(values + 1, i, &len);
		if (!w)
			return -ENOENT;
		value = strtoull(w, &end, 10);
		if (end != w + len)
			return -ENOENT;
		*ret = value;
		return 0;
	}
	return -ENOENT;
}

static void read_overflows(const struct space *s, uint64_t *ret_overflows, uint64_t *ret_drops)
{
	char text[NETSTAT_MAX];
	ssize_t n = pread(s->netstat, text, sizeof(text) - 1, 0);

	if (n < 0)
		n = 0;
	text[n] = 0;
	if (netstat__find(text, "ListenOverflows", ret_overflows))
		*ret_overflows = s->overflows;
	if (netstat__find(text, "ListenDrops", ret_drops))
		*ret_drops = s->drops;
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct port *port_of(struct space *s, uint16_t port)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ports[i].port == port)
			return &s->ports[i];
	if (s->n == PORTS_MAX)
		return NULL;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		struct port *v = realloc(s->ports, cap * sizeof(*v));

		if (!v)
			return NULL;
		s->ports = v;
		s->cap = cap;
	}
	s->ports[s->n] = (struct port){.port = port};
	return &s->ports[s->n++];
}

static int on_listener(const struct nlmsghdr *h, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	struct port *p;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*m) || m->idiag_state != TCP_LISTEN)
		return MNL_CB_OK;
	p = port_of(arg, ntohs(m->id.idiag_sport));
	if (p) {
		p->queue += m->idiag_rqueue;
		p->backlog += m->idiag_wqueue;
	}
	return MNL_CB_OK;
}

static int dump(struct space *s, int family)
{
	char buf[32 * 1024];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *q;
	ssize_t len;

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++s->seq;
	q = mnl_nlmsg_put_extra_header(h, sizeof(*q));
	q->sdiag_family = (uint8_t)family;
	q->sdiag_protocol = IPPROTO_TCP;
	q->idiag_states = 1u << TCP_LISTEN;
	if (mnl_socket_sendto(s->nl, h, h->nlmsg_len) < 0)
		return -errno;
	while ((len = netlink__receive(s->nl, buf, sizeof(buf))) > 0) {
		int r = netlink__run(buf, (size_t)len, s->seq, mnl_socket_get_portid(s->nl),
				     on_listener, s);

		if (r == MNL_CB_STOP)
			return 0;
		/* -ENOENT: no sockets of that family can be. */
		if (r == MNL_CB_ERROR)
			return errno == ENOENT || errno == EINTR ? 0 : -errno;
	}
	return (int)len;
}

static void tell(const struct space *s, struct port *p, uint64_t overflows, uint64_t drops,
		 listens_fn *fn, void *arg)
{
	if (p->told && p->queue == p->was_queue && p->backlog == p->was_backlog &&
	    overflows == p->was_overflows && drops == p->was_drops)
		return;
	p->told = true;
	p->was_queue = p->queue;
	p->was_backlog = p->backlog;
	p->was_overflows = overflows;
	p->was_drops = drops;
	fn(&(struct listen_sample){.node = s->node,
				   .port = p->port,
				   .queue = p->queue,
				   .backlog = p->backlog,
				   .overflows = overflows,
				   .drops = drops},
	   arg);
}

static void sample(struct space *s, listens_fn *fn, void *arg)
{
	uint64_t overflows = 0, drops = 0;

	for (size_t i = 0; i < s->n; i++)
		s->ports[i].queue = s->ports[i].backlog = 0;
	if (dump(s, AF_INET) || dump(s, AF_INET6))
		return;
	read_overflows(s, &overflows, &drops);
	for (size_t i = 0; i < s->n; i++)
		tell(s, &s->ports[i], overflows - s->overflows, drops - s->drops, fn, arg);
}

void listens__sample(struct listens *l, listens_fn *fn, void *arg)
{
	for (size_t i = 0; i < l->n && i < LISTENS_PER_SAMPLE; i++) {
		sample(&l->v[l->next], fn, arg);
		l->next = (l->next + 1) % l->n;
	}
}

/* --- namespaces ------------------------------------------------------------------------------- */

/* In the namespace. Both sockets stay its. */
static int open_here(struct space *s)
{
	s->netstat = open("/proc/thread-self/net/netstat", O_RDONLY | O_CLOEXEC);
	if (s->netstat < 0)
		return -errno;
	s->nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!s->nl || mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	read_overflows(s, &s->overflows, &s->drops);
	return 0;
}

int listens__add(struct listens *l, const char *node, int netns_fd, struct error *err)
{
	struct space s = {.node = node, .netstat = -1};
	_cleanup_(netns__leave) int old = -1;
	int r = netns__id(netns_fd, &s.id);

	for (size_t i = 0; i < l->n && !r; i++)
		if (l->v[i].id.ino == s.id.ino && l->v[i].id.dev == s.id.dev)
			return 0;
	if (!r) {
		struct space *v = realloc(l->v, (l->n + 1) * sizeof(*v));

		if (v)
			l->v = v;
		r = v ? 0 : -ENOMEM;
	}
	if (!r)
		r = netns__enter(netns_fd, &old);
	if (!r)
		r = open_here(&s);
	if (r) {
		space__reset(&s);
		return err__set(err, r, "cannot look at the listening sockets of `%s`: %s", node,
				strerror(-r));
	}
	l->v[l->n++] = s;
	return 0;
}
