/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe_internal.h: internal to probe*.c: what a system has to bring to be probed. All of it runs
 * in the probe's own thread, inside the node's network namespace.
 */
#ifndef CHAOS_RECORDER_PROBE_INTERNAL_H
#define CHAOS_RECORDER_PROBE_INTERNAL_H

#include "lib/error.h"
#include "recorder/probe.h"

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_role {
	PROBE_NONE,
	PROBE_FOLLOWER,
	PROBE_CANDIDATE,
	PROBE_LEADER,
	PROBE_ERROR,
};
extern const char *const probe_role_names[];

struct sample {
	/* around the exchange itself, or around what failed */
	int64_t send_ns, recv_ns;
	enum probe_role role;
	bool claim;
	int64_t epoch;	 /* -1 = none */
	char leader[72]; /* "" = it names nobody; an IPv6 address and port fit */
	char detail[72]; /* "" = none; Redis: replication id */
	char error[160]; /* only for PROBE_ERROR */
};

/* @s becomes an error; returns nothing so that it reads as an end. */
void sample__error(struct sample *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the errno @r of an exchange means, for people. */
void sample__errno(struct sample *s, int r);

/* The caller's configuration, with strings of our own. */
struct probe_spec {
	char *ip, *master_name, *vip;
	uint16_t port;			    /* never 0 */
	const struct custom_system *custom; /* valid during open() only */
	const struct probe_config *config;  /* the rest of it; valid during open() only */
	int64_t every_ns;
	int64_t limit_ns; /* of one exchange */
};

struct probe_ops {
	const char *name;
	uint16_t port; /* default */
	/* @ret_state is freed by close(). */
	int (*open)(const struct probe_spec *spec, void **ret_state, struct error *err);
	/*
	 * One exchange that ends at @deadline_ns at the latest. @s is zeroed, but for send_ns (now)
	 * and epoch -1. recv_ns is set to now afterwards if it is still 0.
	 */
	void (*ask)(void *state, int64_t deadline_ns, struct sample *s);
	void (*close)(void *state);
};

extern const struct probe_ops probe_redis, probe_sentinel, probe_redis_cluster, probe_etcd,
	probe_consul, probe_zookeeper, probe_kafka, probe_patroni, probe_postgres, probe_galera,
	probe_rabbitmq, probe_nats, probe_vault, probe_lease, probe_vrrp, probe_custom;
/* The built-in ones, in the order of role_systems[] (experiment/parse.h). */
extern const struct probe_ops *const probe_all[];
extern const size_t n_probe_all;

/* Pure parts, for tests: an answer's meaning. */
struct redisReply;
void redis__role(const struct redisReply *reply, struct sample *s);
void sentinel__master(const struct redisReply *reply, struct sample *s);
void redis__replication_id(const struct redisReply *r, struct sample *s);
void etcd__status(const char *body, size_t len, struct sample *s);
/* CLUSTER INFO and CLUSTER NODES; who serves @slot leads. */
void redis_cluster__view(const struct redisReply *info, const struct redisReply *nodes,
			 unsigned int slot, struct sample *s);
void zookeeper__srvr(const char *answer, struct sample *s);
/* @has_lock: what GET /primary says. */
void patroni__status(const char *body, size_t len, bool has_lock, struct sample *s);
/* The columns of the query; NULL is SQL's. */
void postgres__row(const char *in_recovery, const char *timeline, const char *upstream,
		   struct sample *s);
/* The components that RabbitMQ's node @self sees: GET /api/nodes. */
void rabbitmq__nodes(const char *body, size_t len, const char *self, struct sample *s);
/* Copies the name of the node that answered GET /api/overview; false: none there. */
bool rabbitmq__self(const char *body, size_t len, char *buf, size_t size);
/* wsrep_ variables that say who is together with whom. */
struct galera_status {
	char cluster_status[24], ready[8], conf_id[24], local_index[16], state_uuid[40],
		state_comment[40];
	bool any;
};
void galera__variable(const char *name, const char *value, struct galera_status *g);
void galera__status(const struct galera_status *g, struct sample *s);
/* @jsz, @raftz: NULL = not there. @self: the server's name. */
void nats__meta(const char *jsz, const char *raftz, const char *self, struct sample *s);
bool nats__self(const char *body, size_t len, char *buf, size_t size);
void vault__leader(const char *body, size_t len, long health, struct sample *s);
void consul__self(const char *body, size_t len, struct sample *s);
/* GET /v1/status/leader, where agent/self is not for us; @ip: the node's. */
void consul__leader(const char *body, size_t len, const char *ip, struct sample *s);
/* A lease's object; whether it has expired is for lease__watch() to say. */
struct lease_view {
	char holder[128], renew[40];
	int64_t transitions, duration_ns; /* -1 = not said */
};
bool lease__parse(const char *body, size_t len, struct lease_view *v, struct sample *s);
struct lease_watch {
	char renew[40];
	int64_t seen_ns; /* when it was seen to be renewed; ours, as no clock of others is trusted */
};
void lease__judge(const struct lease_view *v, struct lease_watch *w, const char *identity,
		  int64_t now_ns, struct sample *s);

/* Kafka's wire protocol. Requests are built into @buf (of KAFKA_REQUEST_MAX) with their length. */
#define KAFKA_REQUEST_MAX 128
size_t kafka__ask_versions(uint8_t *buf, int32_t id);
size_t kafka__ask_quorum(uint8_t *buf, int32_t id);
/* Answers without their length. Is DescribeQuorum 0 among the versions? -EPROTO. */
int kafka__versions(const uint8_t *p, size_t len, int32_t id, bool *ret_has_quorum);
/* @identity: this node's id, or -1: then whoever answers as the leader is it. */
void kafka__quorum(const uint8_t *p, size_t len, int32_t id, int64_t identity, struct sample *s);

/* One message of a dump of addresses into a struct vrrp_address; for libmnl. */
struct vrrp_address {
	uint8_t family, addr[16];
	bool held;
};
struct nlmsghdr;
int vrrp__on_address(const struct nlmsghdr *h, void *data);

/* One string for the patterns, in place: no NUL within, no carriage returns. There is room for a NUL
 * behind @len bytes. Returns the new length. */
size_t custom__clean(char *answer, size_t len);
/* The first group (without one, the whole match) as a number; -1 if it is none, or does not fit. */
int64_t custom__epoch(const regex_t *pattern, const char *answer);

/* min(1 s, max(100 ms, 10 intervals)) */
int64_t probe__limit_ns(int64_t every_ns);

#endif
