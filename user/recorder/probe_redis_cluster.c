// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_redis_cluster.c: CLUSTER INFO and CLUSTER NODES in one flight, as one node sees the
 * cluster. Every shard has a master, so the question is who serves one slot (0 unless the file
 * names another): the master that has it, and takes the cluster for working. A master that was cut
 * off from the majority refuses once it knows (cluster_state:fail): no claim. The epoch is the
 * configuration epoch of the slot's owner.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/probe_internal.h"
#include "recorder/resp.h"

#include <inttypes.h>
#include <string.h>

/* A line of CLUSTER NODES is about 120 bytes, with slots in pieces more; 1000 nodes. */
#define ANSWER_MAX (1024 * 1024)
#define SLOTS 16384

struct cluster_probe {
	struct resp conn;
	char *ip;
	unsigned int slot;
};

static void cluster_close(void *state)
{
	struct cluster_probe *p = state;

	resp__reset(&p->conn);
	free(p->ip);
	free(p);
}

static int cluster_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct cluster_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->ip = strdup(spec->ip);
	p->slot = spec->config ? spec->config->slot : 0;
	resp__init(&p->conn, p->ip, spec->port, ANSWER_MAX);
	*ret_state = p;
	return p->ip ? 0 : err__set(err, -ENOMEM, "out of memory");
}

/* A number behind "KEY:" in CLUSTER INFO; -1 if there is none. */
static int64_t info_number(const char *info, const char *key)
{
	const char *at = strstr(info, key);
	char *end;
	long long v;

	if (!at)
		return -1;
	at += strlen(key);
	if (*at < '0' || *at > '9')
		return -1;
	errno = 0;
	v = strtoll(at, &end, 10);
	return errno || (*end != '\r' && *end != '\n') ? -1 : v;
}

enum {
	NODE_ID,
	NODE_ADDRESS,
	NODE_FLAGS,
	NODE_MASTER,
	NODE_PING,
	NODE_PONG,
	NODE_EPOCH,
	NODE_LINK
};

struct node_line {
	char *word[NODE_LINK + 1];
	char *slots; /* the rest */
};

/* Cut a line into its words, in place. */
static bool split_line(char *line, struct node_line *ret)
{
	for (int i = 0; i <= NODE_LINK; i++) {
		ret->word[i] = strsep(&line, " ");
		if (!ret->word[i] || !*ret->word[i])
			return false;
	}
	ret->slots = line;
	return true;
}

static bool has_flag(const char *flags, const char *flag)
{
	size_t n = strlen(flag);

	for (const char *at = flags; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, flag, n) && (!at[n] || at[n] == ','))
			return true;
	}
	return false;
}

/* "0-5460 7000 [93-<-ID]": the last is a slot on the move, and still its owner's. */
static bool serves(char *slots, unsigned int slot)
{
	char *item;

	while ((item = strsep(&slots, " "))) {
		unsigned int lo, hi;
		char rest;
		int n;

		if (*item < '0' || *item > '9')
			continue;
		n = sscanf(item, "%5u-%5u%c", &lo, &hi, &rest);
		if ((n == 1 && lo == slot) || (n == 2 && lo <= slot && slot <= hi && hi < SLOTS))
			return true;
	}
	return false;
}

/* "10.0.0.1:6379@16379,hostname" without what clients do not use. */
static void set_leader(struct sample *s, const char *address)
{
	snprintf(s->leader, sizeof(s->leader), "%.*s", (int)strcspn(address, "@,"), address);
}

static int64_t epoch_of(const char *text)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	return errno || *end || v < 0 ? -1 : v;
}

struct view {
	bool myself, owner_known, owner_is_myself, master;
};

/* One line of CLUSTER NODES. False: it is none. */
static bool look_at(char *text, unsigned int slot, struct view *v, struct sample *s)
{
	struct node_line l;
	bool myself;

	if (!split_line(text, &l))
		return false;
	myself = has_flag(l.word[NODE_FLAGS], "myself");
	v->myself |= myself;
	if (myself)
		v->master = has_flag(l.word[NODE_FLAGS], "master");
	if (!has_flag(l.word[NODE_FLAGS], "master") || !serves(l.slots, slot))
		return true;
	v->owner_known = true;
	v->owner_is_myself = myself;
	s->epoch = epoch_of(l.word[NODE_EPOCH]);
	set_leader(s, l.word[NODE_ADDRESS]);
	return true;
}

void redis_cluster__view(const redisReply *info, const redisReply *nodes, unsigned int slot,
			 struct sample *s)
{
	_cleanup_free_ char *text = NULL;
	struct view v = {0};
	char *rest, *line;
	bool ok;

	if (info && info->type == REDIS_REPLY_ERROR)
		return sample__error(s, "%.128s", info->str);
	if (!reply__is_text(info) || !reply__is_text(nodes) || !strstr(info->str, "cluster_state:"))
		return sample__error(s, "the answer is none to CLUSTER INFO and CLUSTER NODES");
	ok = strstr(info->str, "cluster_state:ok");
	text = rest = strndup(nodes->str, nodes->len);
	if (!text)
		return sample__errno(s, -ENOMEM);
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (*line && !look_at(line, slot, &v, s))
			return sample__error(s, "a line of CLUSTER NODES is not as it should be");
	}
	if (!v.myself)
		return sample__error(s, "CLUSTER NODES does not speak of the node itself");
	s->claim = v.owner_is_myself && ok;
	s->role = s->claim ? PROBE_LEADER : v.owner_is_myself ? PROBE_CANDIDATE : PROBE_FOLLOWER;
	if (!v.owner_known)
		s->role = PROBE_NONE;
	snprintf(s->detail, sizeof(s->detail), "cluster_state:%s current_epoch:%" PRId64,
		 ok ? "ok" : "fail", info_number(info->str, "cluster_current_epoch:"));
}

static void cluster_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	static const char *info[] = {"CLUSTER", "INFO"}, *nodes[] = {"CLUSTER", "NODES"};
	struct cluster_probe *p = state;
	_cleanup_reply_ redisReply *info_is = NULL, *nodes_are = NULL;
	int r = resp__open(&p->conn, deadline_ns);

	if (r)
		return sample__errno(s, r);
	s->send_ns = clock__now();
	r = resp__send(&p->conn, 2, info, deadline_ns, NULL);
	r = r ? r : resp__send(&p->conn, 2, nodes, deadline_ns, NULL);
	r = r ? r : resp__receive(&p->conn, deadline_ns, &info_is);
	r = r ? r : resp__receive(&p->conn, deadline_ns, &nodes_are);
	s->recv_ns = clock__now();
	if (r)
		return sample__errno(s, r);
	redis_cluster__view(info_is, nodes_are, p->slot, s);
}

const struct probe_ops probe_redis_cluster = {
	.name = "redis-cluster",
	.port = 6379,
	.open = cluster_open,
	.ask = cluster_ask,
	.close = cluster_close,
};
