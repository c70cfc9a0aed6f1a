// SPDX-License-Identifier: GPL-2.0-only
#include "run/exempt.h"

#include "lib/cleanup.h"
#include "run/members.h"
#include "run/prefix.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

int addr__parse(const char *text, struct chaos_addr *ret)
{
	struct chaos_addr a = {.w = {0, 0, htonl(0xffff), 0}};

	if (inet_pton(AF_INET, text, &a.w[3]) != 1 && inet_pton(AF_INET6, text, &a) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *addr__format(const struct chaos_addr *a, char *buf, size_t size)
{
	if (!a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff))
		return inet_ntop(AF_INET, &a->w[3], buf, (socklen_t)size);
	return inet_ntop(AF_INET6, a, buf, (socklen_t)size);
}

static bool named_by_plan(const struct dp_plan *plan, const struct chaos_addr *addr)
{
	for (size_t i = 0; i < plan->n_members; i++)
		for (size_t j = 0; j < plan->members[i].n_prefixes; j++) {
			const struct dp_prefix *p = &plan->members[i].prefixes[j];

			if (p->len == 128 && !memcmp(&p->addr, addr, sizeof(*addr)))
				return true;
		}
	return false;
}

static int append(struct dp_plan *plan, const struct dp_exempt *x)
{
	struct dp_exempt *v;

	for (size_t i = 0; i < plan->n_exempts; i++) {
		const struct dp_exempt *old = &plan->exempts[i];

		if (old->port == x->port && old->proto == x->proto &&
		    !memcmp(&old->addr, &x->addr, sizeof(x->addr)))
			return 0;
	}
	v = realloc(plan->exempts, (plan->n_exempts + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	plan->exempts = v;
	v[plan->n_exempts++] = *x;
	return 0;
}

/* Keep @addr's @port open, and the neighbour discovery without which a cut with l2 would close it. */
static int add(struct dp_plan *plan, const char *addr, unsigned int port, uint8_t proto,
	       const char *what)
{
	struct dp_exempt x = {.port = (uint16_t)port, .proto = proto};
	int r;

	if (port > 65535 || addr__parse(addr, &x.addr) || named_by_plan(plan, &x.addr))
		return 0; /* what the experiment names is meant */
	snprintf(x.what, sizeof(x.what), "%s %.46s", what, addr);
	r = append(plan, &x);
	if (r)
		return r;
	x.port = 0;
	x.proto = 0; /* ARP and IPv6 neighbour discovery, see chaos_abi.h */
	snprintf(x.what, sizeof(x.what), "neighbour discovery of %.40s", addr);
	return append(plan, &x);
}

/* The value of @name in the environment of process @pid, as the kernel shows it. */
static bool process_env(pid_t pid, const char *name, char *value, size_t size)
{
	_cleanup_free_ char *buf = malloc(128 * 1024);
	_cleanup_close_ int fd = -1;
	size_t len = strlen(name);
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buf)
		return false;
	n = read(fd, buf, 128 * 1024 - 1);
	if (n <= 0)
		return false;
	buf[n] = 0;
	for (char *p = buf; p < buf + n; p += strlen(p) + 1)
		if (!strncmp(p, name, len) && p[len] == '=') {
			snprintf(value, size, "%s", p + len + 1);
			return true;
		}
	return false;
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	int ppid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "PPid: %d", &ppid) == 1)
			break;
	return ppid;
}

/* sudo drops SSH_CONNECTION, so look at the ancestors too. */
static bool ssh_connection(char *value, size_t size)
{
	const char *own = getenv("SSH_CONNECTION");

	if (own) {
		snprintf(value, size, "%s", own);
		return true;
	}
	for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid))
		if (process_env(pid, "SSH_CONNECTION", value, size))
			return true;
	return false;
}

static int add_ssh(struct dp_plan *plan)
{
	char value[256], client[64];
	unsigned int port;

	if (!ssh_connection(value, sizeof(value)) || sscanf(value, "%63s %u", client, &port) != 2)
		return 0;
	return add(plan, client, port, IPPROTO_TCP, "ssh session from");
}

static int add_name_servers(struct dp_plan *plan)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/resolv.conf", "re");
	char line[512], server[64];
	int r;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "nameserver %63s", server) != 1)
			continue;
		r = add(plan, server, 53, IPPROTO_UDP, "name server");
		if (!r)
			r = add(plan, server, 53, IPPROTO_TCP, "name server");
		if (r)
			return r;
	}
	return 0;
}

int exempt__find(struct dp_plan *plan, bool host)
{
	const char *api = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	int r = add_ssh(plan);

	if (r || !host)
		return r;
	r = add_name_servers(plan);
	if (!r && api)
		r = add(plan, api, port ? (unsigned int)strtoul(port, NULL, 10) : 443, IPPROTO_TCP,
			"kubernetes api server");
	return r;
}

/* ---- the node's own addresses ---- */

/* All that a kubelet speaks, and what finds the way: the kernel knows no exemption from every protocol. */
static const uint8_t node_protocols[] = {IPPROTO_TCP,	 IPPROTO_UDP,  IPPROTO_ICMP,
					 IPPROTO_ICMPV6, IPPROTO_SCTP, 0 /* neighbours */};

static bool covered(const struct dp_plan *plan, const struct chaos_addr *addr)
{
	const struct dp_prefix x = {.addr = *addr, .len = 128};

	for (size_t i = 0; i < plan->n_members; i++)
		for (size_t j = 0; j < plan->members[i].n_prefixes; j++) {
			const struct dp_prefix *p = &plan->members[i].prefixes[j];

			if (!p->elsewhere && prefix__contains(p, &x))
				return true;
		}
	return false;
}

static bool has(const struct chaos_addr *v, size_t n, const struct chaos_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(&v[i], a, sizeof(*a)))
			return true;
	return false;
}

static void forget(struct dp_plan *plan, const struct dp_exempt *x)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_exempts; i++) {
		const struct dp_exempt *o = &plan->exempts[i];

		if (o->port != x->port || o->proto != x->proto ||
		    memcmp(&o->addr, &x->addr, sizeof(o->addr)) != 0)
			plan->exempts[n++] = *o;
	}
	plan->n_exempts = n;
}

static int change(struct dp_plan *plan, struct dataplane *dp, const struct chaos_addr *addr,
		  bool add)
{
	char text[INET6_ADDRSTRLEN];
	int r = 0;

	addr__format(addr, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(node_protocols) && !r; i++) {
		struct dp_exempt x = {.addr = *addr, .proto = node_protocols[i]};

		snprintf(x.what, sizeof(x.what), "this node, %s", text);
		if (add)
			r = append(plan, &x);
		else
			forget(plan, &x);
		if (!r && dp)
			r = dataplane__exempt(dp, &x, add);
	}
	return r;
}

int exempt__node(struct node_exempts *was, struct dp_plan *plan, struct dataplane *dp,
		 const struct members *m)
{
	_cleanup_free_ struct chaos_addr *v = calloc(m->n_exempt + 1, sizeof(*v));
	size_t n = 0;
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < m->n_exempt && !r; i++)
		if (!covered(plan, &m->exempt[i]) && !has(v, n, &m->exempt[i]))
			v[n++] = m->exempt[i];
	for (size_t i = 0; i < n && !r; i++)
		if (!has(was->v, was->n, &v[i]))
			r = change(plan, dp, &v[i], true);
	for (size_t i = 0; i < was->n && !r; i++)
		if (!has(v, n, &was->v[i]))
			r = change(plan, dp, &was->v[i], false);
	if (r)
		return r;
	free(was->v);
	was->v = TAKE_PTR(v);
	was->n = n;
	return 0;
}
