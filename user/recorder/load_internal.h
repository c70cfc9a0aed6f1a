/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load_internal.h: internal to load*.c: what a store has to bring to be written and read. A store
 * object is one client's connection and belongs to one thread, which is inside the client's
 * namespace. It connects when it has to; the time that takes is the operation's.
 */
#ifndef CHAOS_RECORDER_LOAD_INTERNAL_H
#define CHAOS_RECORDER_LOAD_INTERNAL_H

#include "experiment/experiment.h"
#include "recorder/load.h"
#include "recorder/values.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
	OUTCOME_OK,
	OUTCOME_FAIL,	 /* it certainly did not happen */
	OUTCOME_UNKNOWN, /* it may have */
};
extern const char *const outcome_names[];

/* What a workload's clients work on, by the name of its check. */
enum object {
	OBJECT_SET,
	OBJECT_REGISTER, /* some keys, each written with values of its own */
	OBJECT_CAS,	 /* the same, changed by compare-and-set */
	OBJECT_COUNTER,
	OBJECT_QUEUE,
	OBJECT_LOCK, /* with a lease, and a fencing token for each hold */
	OBJECT_COUNT
};
extern const char *const object_names[OBJECT_COUNT];

enum action {
	ACTION_READ,	/* register, cas, counter */
	ACTION_WRITE,	/* register */
	ACTION_CAS,	/* expect -> value */
	ACTION_INC,	/* counter: by 1 */
	ACTION_PUSH,	/* queue */
	ACTION_POP,	/* queue */
	ACTION_ACQUIRE, /* lock: value is this hold's, and nobody else's */
	ACTION_RELEASE,
	ACTION_USE, /* the resource under the lock: value is the token */
};

#define NOTHING (-1) /* no value: a key that is not there, an empty queue */

struct request {
	enum action action;
	enum object object;
	unsigned int key;
	int64_t value, expect;
	int64_t lease_ns; /* ACTION_ACQUIRE */
	bool fenced;	  /* ACTION_USE: not with a token lower than one that was there */
};

struct answer {
	enum outcome outcome;
	bool found;    /* of a read that is OK */
	int64_t value; /* of ACTION_READ, INC and POP that are OK: what came back, or NOTHING */
	int64_t token; /* of ACTION_ACQUIRE that is OK; of ACTION_USE: which use it was, from 1 */
	bool refused;  /* of what failed: understood and answered with no; it is not tried again */
	char error[128];
};

/* A negative errno of an exchange: once a request has left, not hearing of it says nothing about
 * it. */
void answer__errno(struct answer *a, int r, bool sent);
/* An error that the server sent, of @len bytes. */
void answer__error(struct answer *a, enum outcome outcome, const char *text, size_t len);

/* Where a store is, and for whom; borrowed, valid as long as the load. */
struct store_spec {
	const char *ip;
	uint16_t port;
	const char *name; /* of the workload */
	enum object object;
	int client; /* -1: none of the clients */
	const struct workload_login *login;
	const struct custom_workload *custom; /* store_custom */
	/* Names of the lab for its templates; see load_place. */
	const char *(*lookup)(const char *name, void *arg);
	void *lookup_arg;
};

struct store_ops {
	const char *name;
	uint16_t port;	    /* default */
	bool runs_commands; /* others' programs; see inside.h */
	int64_t lease_ns;   /* of a lock; 0: LOAD_LEASE_NS */
	/* Load the library that it needs (once); NULL: none. */
	int (*load)(struct error *err);
	/* open() for what needs to know more; else NULL. */
	int (*open_for)(const struct store_spec *spec, void **ret_store);
	/* Prepare; touches no network. @name is the workload's. All return before @deadline_ns. */
	int (*open)(const char *ip, uint16_t port, const char *name, void **ret_store);
	void (*add)(void *store, int64_t value, int64_t deadline_ns, struct answer *ret);
	void (*read)(void *store, int64_t value, int64_t deadline_ns, struct answer *ret);
	/* The whole set, unsorted; members that are no values are left out. On failure @why is set.
	 */
	int (*list)(void *store, int64_t deadline_ns, struct values *ret, char *why,
		    size_t why_size);
	void (*close)(void *store);
	/* An operation on another object than a set. What was understood and refused, because the
	 * value was another or somebody else has the lock, is OUTCOME_FAIL. */
	void (*act)(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret);
	/* The values in a queue; NULL: no queues. */
	int (*list_queue)(void *store, int64_t deadline_ns, struct values *ret, char *why,
			  size_t why_size);
};

extern const struct store_ops store_redis, store_etcd, store_consul, store_custom, store_postgres,
	store_mysql, store_rabbitmq, store_zookeeper, store_redis_cluster, store_kafka, store_nats;

/* By the name of its system, or NULL. */
const struct store_ops *store__find(const char *system);
int store__open(const struct store_ops *ops, const struct store_spec *spec, void **ret_store);
/* What a custom system is set up by, in the namespace @netns_fd; up to half a minute. */
int custom__setup(const struct store_spec *spec, int netns_fd, struct error *err);

/* Pure parts, for tests: what an error means for an add. */
enum outcome redis__error_outcome(const char *text, size_t len);
enum outcome etcd__error_outcome(long status, const char *message);
/* Of an error by its severity and SQLSTATE as the server sent them; NULL: it was not the server's. */
enum outcome postgres__outcome(const char *severity, const char *state);
enum outcome mysql__outcome(unsigned int error); /* of the server's error number */
enum outcome zookeeper__outcome(int rc);	 /* of a completion's return code */
/* One step of a scan, [cursor, [member ...]]; the next cursor goes into @ret_cursor. 0, -EPROTO, -ENOMEM,
 * -EMSGSIZE. */
int redis__page(const redisReply *r, char *ret_cursor, size_t size, struct values *ret);
/* The answer with HTTP @status and another than 200: an error's text. */
void etcd__error(long status, const char *body, size_t len, struct answer *a);
/* Characters of a key as it is written, base64; and with a byte more behind it: the next key. */
#define ETCD_KEY_SIZE 512
int etcd__key_after(const char *last, char ret_key64[ETCD_KEY_SIZE]); /* 0 or -EPROTO */
/* One page of a range; @ret_last is its last key as it came (base64), "" if it has none. */
int etcd__page(const json_t *o, size_t prefix_len, struct values *ret, bool *ret_more,
	       char *ret_last, size_t last_size);
/* Of an answer of Consul that is no success: its HTTP status and text. */
enum outcome consul__outcome(long status, const char *text, size_t len);
struct consul_entry {
	bool there;
	int64_t value;
	uint64_t index; /* ModifyIndex; 0: not there */
};
/* The one entry of an answer, of @key. These return 0 or -EPROTO, consul__keys() also -ENOMEM. */
int consul__entry(const json_t *list, const char *key, struct consul_entry *ret);
int consul__keys(const json_t *list, const char *prefix, struct values *ret);
int consul__session(const json_t *o, char *ret, size_t size);
/* Of a transaction that has locked @key. */
int consul__lock_index(const json_t *o, const char *key, int64_t *ret);
/* Is operation @i of a workload under @seed a read? */
bool load__is_read(uint64_t seed, uint64_t i, double reads);
/* When operation @i is due after the start, at @rate a second, evenly. */
int64_t load__due_ns(uint64_t i, double rate_per_s);

#endif
