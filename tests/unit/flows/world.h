/* SPDX-License-Identifier: GPL-2.0-only */
/* world.h: a machine in memory: namespaces a, b and the host's, processes, and the sockets that a test adds. */
#ifndef TEST_FLOWS_WORLD_H
#define TEST_FLOWS_WORLD_H

#include "flows/internal.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { HOST, A, B, N_NETNS, WORLD_SOCKETS = 64 };
enum { INO_HOST = 100, INO_A = 101, INO_B = 102 };
enum { P_SHELL, P_CLIENT, P_SERVER, N_PROCESSES };
enum { WORLD_NOBODY = -1 };

struct world {
	struct snapshot s;
	struct discover_netns netns[N_NETNS];
	struct discover_process processes[N_PROCESSES];
	struct discover_socket sockets[N_NETNS][WORLD_SOCKETS];
	struct discover_traffic traffic[N_NETNS][WORLD_SOCKETS];
	struct discover_owner owners[N_NETNS * WORLD_SOCKETS];
	struct addr_info addrs[N_NETNS];
	struct link_info links[N_NETNS];
	struct flow_past *past;
	struct scopes scopes;
	struct flow_table t;
};

static inline void world__address(struct world *w, int netns, const char *addr)
{
	struct netns_scan *scan = &w->netns[netns].scan;

	w->addrs[netns] = (struct addr_info){.ifindex = 2, .family = AF_INET, .prefixlen = 24};
	assert_int_equal(inet_pton(AF_INET, addr, w->addrs[netns].addr), 1);
	w->links[netns] = (struct link_info){.ifindex = 2, .name = "eth0"};
	scan->addrs = &w->addrs[netns];
	scan->links = &w->links[netns];
	scan->n_addrs = scan->n_links = 1;
}

static inline void world__init(struct world *w)
{
	static const char *const comm[] = {"sh", "client", "server"};
	static const uint32_t lives[] = {HOST, A, B};

	memset(w, 0, sizeof(*w));
	for (int i = 0; i < N_NETNS; i++) {
		w->netns[i] = (struct discover_netns){
			.id = {.dev = 4, .ino = INO_HOST + (ino_t)i},
			.sockets = w->sockets[i],
			.traffic = w->traffic[i],
		};
	}
	w->netns[HOST].host = w->netns[HOST].self = true;
	w->netns[A].name = "a";
	w->netns[B].name = "b";
	world__address(w, HOST, "192.0.2.9");
	world__address(w, A, "10.0.0.1");
	world__address(w, B, "10.0.0.2");
	for (int i = 0; i < N_PROCESSES; i++) {
		w->processes[i] = (struct discover_process){
			.pid = 100 + i, .netns = lives[i], .cgroup = DISCOVER_NONE};
		snprintf(w->processes[i].comm, sizeof(w->processes[i].comm), "%s", comm[i]);
	}
	w->s = (struct snapshot){.netns = w->netns,
				 .n_netns = N_NETNS,
				 .processes = w->processes,
				 .n_processes = N_PROCESSES,
				 .owners = w->owners};
}

static inline void world__done(struct world *w)
{
	flow_table__reset(&w->t);
	flow_past__free(w->past);
	scopes__reset(&w->scopes);
}

static inline void world__text_addr(const char *s, uint8_t *family, uint8_t *addr, uint16_t *port)
{
	char text[64];
	char *colon;

	snprintf(text, sizeof(text), "%s", s);
	colon = strrchr(text, ':');
	*colon = 0;
	*port = (uint16_t)atoi(colon + 1);
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(*family, text, addr), 1);
}

/* A socket of @process (or nobody's) in @netns; @remote NULL: it listens. Returns its counters. */
static inline struct discover_traffic *world__socket(struct world *w, int netns, int process,
						     const char *local, const char *remote)
{
	static uint64_t cookie;
	struct discover_netns *n = &w->netns[netns];
	struct discover_socket *k = &w->sockets[netns][n->n_sockets];
	struct discover_traffic *t = &w->traffic[netns][n->n_sockets];

	memset(k, 0, sizeof(*k));
	world__text_addr(local, &k->family, k->local, &k->local_port);
	k->listening = !remote;
	if (remote)
		world__text_addr(remote, &k->family, k->remote, &k->remote_port);
	*t = (struct discover_traffic){.cookie = ++cookie,
				       .counted = remote,
				       .state = remote ? TCP_ESTABLISHED : TCP_LISTEN};
	if (process != WORLD_NOBODY)
		w->owners[w->s.n_owners++] = (struct discover_owner){
			(uint32_t)process, (uint32_t)netns, (uint32_t)n->n_sockets};
	n->n_sockets++;
	/* As discover's mark_accepted(). */
	for (size_t i = 0; i < n->n_sockets; i++)
		for (size_t j = 0; j < n->n_sockets; j++)
			if (!n->sockets[i].listening && n->sockets[j].listening &&
			    n->sockets[i].local_port == n->sockets[j].local_port)
				n->sockets[i].accepted = true;
	return t;
}

/* What stands in the world now is the past of what the test changes next. */
static inline void world__tick(struct world *w)
{
	flow_past__free(w->past);
	w->past = flow_past__of(&w->s);
	assert_non_null(w->past);
}

static inline struct flow_table *world__table(struct world *w, double seconds,
					      const struct flow_filter *filter)
{
	flow_table__reset(&w->t);
	assert_int_equal(flow_table__make(&w->s, w->past, seconds, &w->scopes, 1000, filter, &w->t),
			 0);
	return &w->t;
}

static inline int world__setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	world__init(w);
	*state = w;
	return 0;
}

static inline int world__teardown(void **state)
{
	world__done(*state);
	free(*state);
	return 0;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world__setup, world__teardown)

#endif
