// SPDX-License-Identifier: GPL-2.0-only
/*
 * network.c: devices, addresses and sockets of the namespaces, and whose the sockets are. Sockets
 * come from the kernel's own list (sock_diag); who has one open only /proc/PID/fd tells.
 */
#include "discover/internal.h"

#include "lib/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Kept of a namespace: 24 MB; a list for people ends long before. */
enum { MAX_SOCKETS = 512 * 1024 };

/* TIME_WAIT and half-open ones are nobody's. */
#define STATES                                                                     \
	((1u << TCP_ESTABLISHED) | (1u << TCP_SYN_SENT) | (1u << TCP_CLOSE_WAIT) | \
	 (1u << TCP_FIN_WAIT1) | (1u << TCP_FIN_WAIT2) | (1u << TCP_LAST_ACK) |    \
	 (1u << TCP_CLOSING) | (1u << TCP_LISTEN) | (1u << TCP_CLOSE))

/* The namespace at @path, if it is still @n: pids and paths are used again. Negative errno. */
static int open_path(const struct discover_netns *n, const char *path)
{
	_cleanup_close_ int fd = netns__open(path, NULL);
	struct netns_id id = {0};
	int r;

	if (fd < 0)
		return fd;
	r = netns__id(fd, &id);
	if (r)
		return r;
	return id.ino == n->id.ino ? TAKE_FD(fd) : -ESRCH;
}

/* By where it is mounted, else by the first of its processes that is still there. */
static int open_netns(const struct snapshot *s, const struct discover_netns *n)
{
	_cleanup_free_ char *path = NULL;
	int r = -ESRCH;

	if (n->path) {
		if (asprintf(&path, "%s%s", s->root, n->path) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = open_path(n, path);
	}
	for (size_t i = 0; i < s->n_processes && (r == -ESRCH || r == -ENOENT); i++) {
		const struct discover_process *p = &s->processes[i];

		if (p->netns != n - s->netns)
			continue;
		free(path);
		if (asprintf(&path, "%s/proc/%d/ns/net", s->root, p->pid) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = open_path(n, path);
	}
	return r;
}

/* Beside the socket that is about to be added. */
static int take_traffic(const struct nlmsghdr *h, struct discover_netns *n)
{
	struct discover_traffic *t = array__grow(n->traffic, n->n_sockets, sizeof(*t));

	if (!t)
		return -ENOMEM;
	n->traffic = t;
	traffic__read(h, &t[n->n_sockets]);
	return 0;
}

int listing__take(const struct nlmsghdr *h, void *data)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	struct listing *l = data;
	struct discover_netns *n = l->netns;
	struct discover_socket *v;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    (m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return MNL_CB_OK;
	/* Nobody's: it waits to be accepted, or was closed and has something to do yet. */
	if (!m->idiag_inode && !l->traffic)
		return MNL_CB_OK;
	/* A TCP socket that neither listens nor has a peer does nothing. */
	if (l->proto == DISCOVER_TCP && m->idiag_state == TCP_CLOSE)
		return MNL_CB_OK;
	if (n->n_sockets == MAX_SOCKETS) {
		n->sockets_truncated = true;
		return MNL_CB_OK;
	}
	v = array__grow(n->sockets, n->n_sockets, sizeof(*v));
	if (v)
		n->sockets = v;
	if (!v || (l->traffic && take_traffic(h, n) < 0)) {
		l->error = -ENOMEM;
		return MNL_CB_ERROR;
	}
	v = &v[n->n_sockets++];
	*v = (struct discover_socket){
		.family = m->idiag_family,
		.proto = (uint8_t)l->proto,
		.listening = m->idiag_state == TCP_LISTEN || m->idiag_state == TCP_CLOSE,
		.local_port = ntohs(m->id.idiag_sport),
		.remote_port = ntohs(m->id.idiag_dport),
		.inode = m->idiag_inode,
	};
	memcpy(v->local, m->id.idiag_src, sizeof(v->local));
	memcpy(v->remote, m->id.idiag_dst, sizeof(v->remote));
	return MNL_CB_OK;
}

/* All sockets of one protocol and family. A kernel without that family's module has none of them. */
static int list_sockets(struct mnl_socket *nl, struct discover_netns *n, int family,
			enum discover_proto proto, bool traffic)
{
	char buf[32 * 1024];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *q;
	struct listing l = {.netns = n, .proto = proto, .traffic = traffic};
	ssize_t len;

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	q = mnl_nlmsg_put_extra_header(h, sizeof(*q));
	q->sdiag_family = (uint8_t)family;
	q->sdiag_protocol = proto == DISCOVER_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	q->idiag_states = STATES | (traffic ? 1u << TCP_TIME_WAIT : 0);
	if (traffic)
		q->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1) |
			       (proto == DISCOVER_TCP ? 1 << (INET_DIAG_INFO - 1) : 0);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	while ((len = netlink__receive(nl, buf, sizeof(buf))) > 0) {
		int r = netlink__run(buf, (size_t)len, 1, mnl_socket_get_portid(nl), listing__take,
				     &l);

		if (r == MNL_CB_STOP)
			return 0;
		if (r == MNL_CB_ERROR && l.error)
			return l.error;
		/* The list changed while it was read: what there is will do. */
		if (r == MNL_CB_ERROR)
			return errno == ENOENT || errno == EINTR ? 0 : -errno;
	}
	return (int)len;
}

/*
 * What the namespace that we are in has of each: to list what there is none of costs the kernel a walk
 * through all buckets of all namespaces.
 */
struct in_use {
	bool any[2][2]; /* IPv4 or IPv6, enum discover_proto */
};

/* The number behind @word in the line that begins with @line; true also where there is none. */
static bool has_any(const char *text, const char *line, const char *word)
{
	const char *at = strstr(text, line);
	const char *end = at ? strchrnul(at, '\n') : NULL;

	at = at ? strstr(at, word) : NULL;
	return !at || at > end || strtoul(at + strlen(word), NULL, 10) > 0;
}

static struct in_use count_sockets(void)
{
	struct in_use u = {{{true, true}, {true, true}}};
	_cleanup_free_ char *v4 = NULL, *v6 = NULL;
	bool waits;
	size_t n;

	if (read__file(-1, "/proc/thread-self/net/sockstat", 4096, true, &v4, &n) < 0)
		return u;
	waits = has_any(v4, "TCP:", " tw ");
	u.any[0][DISCOVER_TCP] = waits || has_any(v4, "TCP:", " inuse ");
	u.any[0][DISCOVER_UDP] = has_any(v4, "UDP:", " inuse ");
	if (read__file(-1, "/proc/thread-self/net/sockstat6", 4096, true, &v6, &n) < 0)
		return u;
	u.any[1][DISCOVER_TCP] = waits || has_any(v6, "TCP6:", " inuse ");
	u.any[1][DISCOVER_UDP] = has_any(v6, "UDP6:", " inuse ");
	return u;
}

static int list_all(struct discover_netns *n, bool traffic)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct in_use in_use = count_sockets();
	int first = 0;

	for (size_t f = 0; f < ARRAY_SIZE(families); f++)
		for (int proto = DISCOVER_TCP; proto <= DISCOVER_UDP; proto++) {
			struct mnl_socket *nl;
			int r;

			if (!in_use.any[f][proto])
				continue;
			/* One each: an answer that was given up must not meet the next question. */
			nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
			if (!nl)
				return -errno;
			r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0
				    ? -errno
				    : list_sockets(nl, n, families[f], (enum discover_proto)proto,
						   traffic);
			mnl_socket_close(nl);
			if (r == -ENOMEM)
				return r;
			if (r && !first)
				first = r;
		}
	return first;
}

/* Which end called: a port that somebody here listens on is not one that a caller gets. */
static int mark_accepted(struct discover_netns *n)
{
	enum { PORTS = 65536 };
	_cleanup_free_ bool *listening = calloc(2, PORTS);

	if (!listening)
		return -ENOMEM;
	for (size_t i = 0; i < n->n_sockets; i++)
		if (n->sockets[i].listening)
			listening[PORTS * n->sockets[i].proto + n->sockets[i].local_port] = true;
	for (size_t i = 0; i < n->n_sockets; i++) {
		struct discover_socket *k = &n->sockets[i];

		k->accepted = !k->listening && listening[PORTS * k->proto + k->local_port];
	}
	return 0;
}

enum what { LINKS, SOCKETS, TRAFFIC };

static int load_netns(struct snapshot *s, struct discover_netns *n, enum what what)
{
	_cleanup_close_ int fd = open_netns(s, n);
	int old = -1, r = fd;

	if (r >= 0 && !n->loaded) {
		r = netns__scan(fd, &n->scan);
		n->loaded = r == 0;
	}
	if (r >= 0 && what != LINKS && !n->n_sockets) {
		r = netns__enter(fd, &old);
		if (!r)
			r = list_all(n, what == TRAFFIC);
		netns__leave(&old);
		if (mark_accepted(n) < 0)
			r = -ENOMEM;
	}
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		skipped__count(&s->skipped, r);
	return 0;
}

/* Where a socket of an inode is: inodes are unique across namespaces. */
struct place {
	uint32_t netns, socket;
};

static int add_owner(struct snapshot *s, uint32_t process, struct place place)
{
	struct discover_owner *v = array__grow(s->owners, s->n_owners, sizeof(*v));

	if (!v)
		return -ENOMEM;
	s->owners = v;
	v[s->n_owners++] = (struct discover_owner){
		.process = process, .netns = place.netns, .socket = place.socket};
	return 0;
}

/* The sockets among the files that process @i has open; one that it has twice counts once. */
static int find_sockets(struct snapshot *s, uint32_t i, const struct table *inodes,
			const struct place *places, uint32_t *last_owner)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *e;

	if (asprintf(&path, "%s/proc/%d/fd", s->root, s->processes[i].pid) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	d = opendir(path);
	if (!d) {
		skipped__count(&s->skipped, -errno);
		return 0;
	}
	while ((e = readdir(d))) {
		unsigned long inode;
		char buf[64], end;
		uint32_t k;

		if (e->d_name[0] == '.' || read__link(dirfd(d), e->d_name, buf, sizeof(buf)) < 0 ||
		    sscanf(buf, "socket:[%lu%c", &inode, &end) != 2 || end != ']')
			continue;
		k = table__get(inodes, inode);
		if (k == TABLE_NONE || last_owner[k] == i)
			continue;
		last_owner[k] = i;
		if (add_owner(s, i, places[k]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int find_owners(struct snapshot *s)
{
	_cleanup_(table__reset) struct table inodes = {0};
	_cleanup_free_ uint32_t *last_owner = NULL;
	_cleanup_free_ struct place *places = NULL;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < s->n_netns; i++)
		n += s->netns[i].n_sockets;
	if (!n)
		return 0;
	places = calloc(n, sizeof(*places));
	last_owner = malloc(n * sizeof(*last_owner));
	if (!places || !last_owner)
		return -ENOMEM;
	memset(last_owner, 0xff, n * sizeof(*last_owner));
	for (uint32_t i = 0; i < s->n_netns; i++)
		for (uint32_t j = 0; j < s->netns[i].n_sockets; j++, k++) {
			places[k] = (struct place){i, j};
			if (s->netns[i].sockets[j].inode &&
			    table__put(&inodes, s->netns[i].sockets[j].inode, (uint32_t)k) < 0)
				return -ENOMEM;
		}
	for (uint32_t i = 0; i < s->n_processes; i++)
		if (!s->processes[i].kernel && find_sockets(s, i, &inodes, places, last_owner) < 0)
			return -ENOMEM;
	return 0;
}

static int load_all(struct snapshot *s, enum what what)
{
	for (size_t i = 0; i < s->n_netns; i++) {
		int r = load_netns(s, &s->netns[i], what);

		if (r)
			return r;
	}
	return what == LINKS ? 0 : find_owners(s);
}

int snapshot__load_links(struct snapshot *s)
{
	return load_all(s, LINKS);
}

int snapshot__load_network(struct snapshot *s)
{
	s->n_owners = 0;
	return load_all(s, SOCKETS);
}

int snapshot__load_traffic(struct snapshot *s)
{
	s->n_owners = 0;
	return load_all(s, TRAFFIC);
}
