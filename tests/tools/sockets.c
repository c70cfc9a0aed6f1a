// SPDX-License-Identifier: GPL-2.0-only
#include "tools/meter.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { RCVBUF = 64 << 20 };

static int netns__open(const char *name, struct error *err)
{
	char path[512];
	int fd;

	if (!name)
		name = "/proc/thread-self/ns/net";
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err__set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
}

static int netns__enter(int fd, struct error *err)
{
	return setns(fd, CLONE_NEWNET)
		       ? err__set(err, -errno, "entering a network namespace: %s", strerror(errno))
		       : 0;
}

static int address(struct sockets *s, const char *to, uint16_t port, struct error *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->addr;

	if (inet_pton(AF_INET, to, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		s->addr_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, to, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		s->addr_len = sizeof(*v6);
	} else {
		return err__set(err, -EINVAL, "`%s` is no IPv4 or IPv6 address", to);
	}
	return 0;
}

static int receiver(struct sockets *s, int type, struct error *err)
{
	const int one = 1, size = RCVBUF;

	s->recv = socket(s->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->recv < 0)
		return err__set(err, -errno, "socket: %s", strerror(errno));
	setsockopt(s->recv, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* The first only as root; without it losses by a full buffer show as rcvbuf_errors. TCP sizes its own. */
	if (type == SOCK_DGRAM) {
		if (setsockopt(s->recv, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
			setsockopt(s->recv, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(s->recv, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	}
	if (bind(s->recv, (struct sockaddr *)&s->addr, s->addr_len) ||
	    (type == SOCK_STREAM && listen(s->recv, 1)))
		return err__set(err, -errno, "listening on port of the receiver: %s",
				strerror(errno));
	s->snmp = open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC);
	s->snmp6 = open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int sender(struct sockets *s, int type, struct error *err)
{
	s->send = socket(s->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return s->send < 0 ? err__set(err, -errno, "socket: %s", strerror(errno)) : 0;
}

int sockets__open(struct sockets *s, const struct end *send, const struct end *recv, const char *to,
		  uint16_t port, int type, struct error *err)
{
	_cleanup_close_ int home = -1, from = -1, at = -1;
	struct error ignored;
	int r;

	*s = (struct sockets){.send = -1, .recv = -1, .snmp = -1, .snmp6 = -1};
	r = address(s, to, port, err);
	if (r < 0)
		return r;
	home = netns__open(NULL, err);
	if (home < 0)
		return home;
	from = netns__open(send->netns, err);
	if (from < 0)
		return from;
	at = netns__open(recv->netns, err);
	if (at < 0)
		return at;
	/* A socket stays in the namespace that it was made in. */
	r = netns__enter(at, err);
	if (!r)
		r = receiver(s, type, err);
	if (!r)
		r = netns__enter(from, err);
	if (!r)
		r = sender(s, type, err);
	netns__enter(home, &ignored);
	if (r < 0)
		sockets__close(s);
	return r;
}

void sockets__close(struct sockets *s)
{
	s->send = safe_close(s->send);
	s->recv = safe_close(s->recv);
	s->snmp = safe_close(s->snmp);
	s->snmp6 = safe_close(s->snmp6);
}

static bool read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (fd >= 0 && n + 1 < size && (r = pread(fd, buf + n, size - 1 - n, (off_t)n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	return n > 0;
}

/* snmp: a line of names, then one of values, each behind "Udp: ". */
static uint64_t count_of(const char *text, const char *table, const char *name)
{
	const char *names = strstr(text, table), *values, *p, *q;
	char word[64];
	uint64_t v;
	int n, m;

	if (!names || !(values = strstr(names + 1, table)))
		return 0;
	p = names + strlen(table);
	q = values + strlen(table);
	while (p < values && sscanf(p, "%63s%n", word, &n) == 1 &&
	       sscanf(q, "%lu%n", &v, &m) == 1) {
		if (!strcmp(word, name))
			return v;
		p += n;
		q += m;
	}
	return 0;
}

/* snmp6: a name and a value a line. */
static uint64_t count6_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

void sockets__counts(const struct sockets *s, struct kernel_counts *ret)
{
	char buf[16384];

	*ret = (struct kernel_counts){0};
	if (read_all(s->snmp, buf, sizeof(buf))) {
		ret->rcvbuf_errors += count_of(buf, "\nUdp: ", "RcvbufErrors");
		ret->in_csum_errors += count_of(buf, "\nUdp: ", "InCsumErrors");
		ret->in_errors += count_of(buf, "\nUdp: ", "InErrors");
		ret->in_hdr_errors += count_of(buf, "Ip: ", "InHdrErrors");
		ret->in_addr_errors += count_of(buf, "Ip: ", "InAddrErrors");
	}
	if (read_all(s->snmp6, buf, sizeof(buf))) {
		ret->rcvbuf_errors += count6_of(buf, "Udp6RcvbufErrors");
		ret->in_csum_errors += count6_of(buf, "Udp6InCsumErrors");
		ret->in_errors += count6_of(buf, "Udp6InErrors");
		ret->in_hdr_errors += count6_of(buf, "Ip6InHdrErrors");
		ret->in_addr_errors += count6_of(buf, "Ip6InAddrErrors");
	}
}
