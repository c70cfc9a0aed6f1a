/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h: what probes and loads share, and the small interfaces that a system implements. */
#ifndef CHAOS_RECORDER_INTERNAL_H
#define CHAOS_RECORDER_INTERNAL_H

#include "recorder/load.h"
#include "recorder/probe.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>

/* --- probes ------------------------------------------------------------------------------------- */

struct sample {
	const char *role; /* static string: leader follower candidate none error */
	bool claim;
	int64_t epoch;	  /* -1 = none */
	char leader[128]; /* whom it names, "" = nobody */
	char detail[128];
	char error[192];
};

/* One system's probe: opened in the probe's thread, inside the node's namespace. */
struct probe_ops {
	const char *system;
	uint16_t port; /* default */
	void *(*open)(const struct probe_config *cfg, int limit_ms);
	/* One exchange; fills *s. Errors are samples too. */
	void (*sample)(void *self, struct sample *s);
	void (*close)(void *self);
};

extern const struct probe_ops probe_redis_ops, probe_sentinel_ops, probe_etcd_ops, probe_vrrp_ops,
	probe_custom_ops;

void sample__error(struct sample *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- loads -------------------------------------------------------------------------------------- */

enum outcome { OUTCOME_OK, OUTCOME_FAIL, OUTCOME_UNKNOWN };

struct op_result {
	enum outcome outcome;
	bool found; /* reads */
	char error[128];
};

/* A growing set of values, as read back. */
struct values {
	int64_t *v;
	size_t n, size;
};

int values__add(struct values *vs, int64_t value);
/* Sort, and give runs [[first,last],...] of what is there (duplicates count once). */
json_t *values__runs(struct values *vs);

struct load_ops {
	const char *system;
	uint16_t port;
	/* Makes no connection yet; each operation connects if there is none. */
	void *(*open)(const struct load_config *cfg, const char *ip, int limit_ms);
	void (*add)(void *self, int64_t value, struct op_result *r);
	void (*read)(void *self, int64_t value, struct op_result *r);
	int (*list)(void *self, struct values *ret, char *error, size_t size);
	void (*close)(void *self);
};

extern const struct load_ops load_redis_ops, load_etcd_ops;

/* --- shared ------------------------------------------------------------------------------------- */

/* Connect within @limit_ms, which then bounds each command too. NULL with @error filled. */
redisContext *redis__connect(const char *ip, uint16_t port, int limit_ms, char *error, size_t size);

/* In the calling thread: enter the namespace @fd for good (no-op when it is already there). */
int thread__enter(int netns_fd);

#endif
