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

extern const struct probe_ops probe_redis, probe_sentinel, probe_etcd, probe_vrrp, probe_custom;

/* Pure parts, for tests: an answer's meaning. */
struct redisReply;
void redis__role(const struct redisReply *reply, struct sample *s);
void sentinel__master(const struct redisReply *reply, struct sample *s);
void redis__replication_id(const struct redisReply *r, struct sample *s);
void etcd__status(const char *body, size_t len, struct sample *s);

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
