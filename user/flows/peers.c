// SPDX-License-Identifier: GPL-2.0-only
/*
 * peers.c: whose the other end of a socket is. Addresses repeat across namespaces: what two of them
 * have is told apart by the namespace that asks, or not named at all.
 */
#include "flows/internal.h"

#include <arpa/inet.h>
#include <string.h>

enum { SEVERAL = TABLE_NONE - 1 };

struct peers {
	const struct snapshot *s;
	uint32_t *first;	    /* of each namespace: number of its first socket */
	uint32_t *owner;	    /* of each socket */
	struct flow_socket *socket; /* of each number */
	size_t n;
	struct table connected, listening; /* to a number */
	struct table addresses;		   /* to a namespace, or SEVERAL */
};

/* What a table is asked for; no padding. */
struct key {
	struct chaos_addr a, b;
	uint32_t netns; /* + 1 where the address says nothing outside its namespace, else 0 */
	uint16_t a_port, b_port;
	uint32_t proto;
};
_Static_assert(sizeof(struct key) == 44, "hashed as bytes");

/* 64 bits, unequal for unequal keys but for a chance that nobody lives to see. */
static uint64_t hash(const struct key *k)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a, a word at a time, mixed */
	uint32_t w[sizeof(*k) / 4];

	memcpy(w, k, sizeof(w));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h;
}

static struct key key_of(const struct discover_socket *k, uint32_t netns, bool mirrored)
{
	struct chaos_addr local = flow_addr__from(k->family, k->local);
	struct chaos_addr remote = flow_addr__from(k->family, k->remote);

	return (struct key){
		.a = mirrored ? remote : local,
		.b = mirrored ? local : remote,
		.a_port = mirrored ? k->remote_port : k->local_port,
		.b_port = mirrored ? k->local_port : k->remote_port,
		.netns = flow_addr__is_loopback(&local) ? netns + 1 : 0,
		.proto = k->proto,
	};
}

static uint64_t listener_hash(uint32_t netns, uint8_t proto, const struct chaos_addr *addr,
			      uint16_t port)
{
	struct key k = {.a = *addr, .a_port = port, .netns = netns + 1, .proto = proto};

	return hash(&k);
}

static int put_socket(struct peers *p, uint32_t netns, uint32_t socket)
{
	const struct discover_socket *k = &p->s->netns[netns].sockets[socket];
	uint32_t number = p->first[netns] + socket;
	struct key key;

	p->socket[number] = (struct flow_socket){netns, socket};
	p->owner[number] = DISCOVER_NONE;
	if (k->listening) {
		struct chaos_addr local = flow_addr__from(k->family, k->local);

		return table__put(&p->listening,
				  listener_hash(netns, k->proto, &local, k->local_port), number);
	}
	key = key_of(k, netns, false);
	return table__put(&p->connected, hash(&key), number);
}

static int put_addresses(struct peers *p, uint32_t netns)
{
	const struct netns_scan *scan = &p->s->netns[netns].scan;

	for (size_t i = 0; i < scan->n_addrs; i++) {
		struct key k = {.a = flow_addr__from(scan->addrs[i].family, scan->addrs[i].addr)};
		uint32_t has;

		if (flow_addr__is_loopback(&k.a))
			continue;
		has = table__get(&p->addresses, hash(&k));
		if (table__put(&p->addresses, hash(&k),
			       has == TABLE_NONE || has == netns ? netns : SEVERAL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill(struct peers *p)
{
	const struct snapshot *s = p->s;

	for (uint32_t i = 0; i < s->n_netns; i++) {
		for (uint32_t j = 0; j < s->netns[i].n_sockets; j++)
			if (put_socket(p, i, j) < 0)
				return -ENOMEM;
		if (put_addresses(p, i) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < s->n_owners; i++) {
		uint32_t number = p->first[s->owners[i].netns] + s->owners[i].socket;

		if (p->owner[number] == DISCOVER_NONE)
			p->owner[number] = s->owners[i].process;
	}
	return 0;
}

struct peers *peers__of(const struct snapshot *s)
{
	_cleanup_(cleanup_peers) struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->s = s;
	p->first = calloc(s->n_netns + 1, sizeof(*p->first));
	for (size_t i = 0; p->first && i < s->n_netns; i++) {
		p->first[i] = (uint32_t)p->n;
		p->n += s->netns[i].n_sockets;
	}
	p->owner = calloc(p->n + 1, sizeof(*p->owner));
	p->socket = calloc(p->n + 1, sizeof(*p->socket));
	if (!p->first || !p->owner || !p->socket || fill(p) < 0)
		return NULL;
	return TAKE_PTR(p);
}

void peers__free(struct peers *p)
{
	if (!p)
		return;
	table__reset(&p->connected);
	table__reset(&p->listening);
	table__reset(&p->addresses);
	free(p->first);
	free(p->owner);
	free(p->socket);
	free(p);
}

uint32_t peers__owner(const struct peers *p, struct flow_socket k)
{
	return k.netns == DISCOVER_NONE ? DISCOVER_NONE : p->owner[p->first[k.netns] + k.socket];
}

static struct flow_socket at(const struct peers *p, uint32_t number)
{
	return number == TABLE_NONE ? (struct flow_socket){DISCOVER_NONE, DISCOVER_NONE}
				    : p->socket[number];
}

struct flow_socket peers__mirror(const struct peers *p, struct flow_socket k)
{
	struct key key = key_of(&p->s->netns[k.netns].sockets[k.socket], k.netns, true);
	uint32_t number = table__get(&p->connected, hash(&key));

	/* A socket that is connected with itself has no other end. */
	return at(p, number == p->first[k.netns] + k.socket ? TABLE_NONE : number);
}

uint32_t peers__netns(const struct peers *p, uint32_t from, const struct chaos_addr *addr)
{
	struct key k = {.a = *addr};
	uint32_t has;

	if (flow_addr__is_loopback(addr))
		return from;
	has = table__get(&p->addresses, hash(&k));
	if (has != SEVERAL)
		return has;
	/* Its own, if it is one of them. */
	for (size_t i = 0; i < p->s->netns[from].scan.n_addrs; i++) {
		const struct addr_info *a = &p->s->netns[from].scan.addrs[i];
		struct chaos_addr own = flow_addr__from(a->family, a->addr);

		if (flow_addr__same(&own, addr))
			return from;
	}
	return DISCOVER_NONE;
}

struct flow_socket peers__listener(const struct peers *p, uint32_t netns, uint8_t proto,
				   const struct chaos_addr *addr, uint16_t port)
{
	const struct chaos_addr any[] = {*addr, {.w = {0, 0, htonl(0xffff), 0}}, {.w = {0}}};

	for (size_t i = 0; i < ARRAY_SIZE(any); i++) {
		uint32_t n = table__get(&p->listening, listener_hash(netns, proto, &any[i], port));

		if (n != TABLE_NONE)
			return at(p, n);
	}
	return at(p, TABLE_NONE);
}
