/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe.h: asks each node who leads, from inside the node's own network namespace over its own
 * loopback or address, a path that no fault between nodes touches. One thread per (resource, node);
 * it lives in that namespace and blocks there with time limits of its own. A probe never outlives
 * its stop by more than its time limit (at most 1 s).
 */
#ifndef CHAOS_PROBE_H
#define CHAOS_PROBE_H

#include "recorder/recorder.h"

#include <stdint.h>

struct custom_system; /* experiment/experiment.h */

struct probe_config {
	const char *resource, *system, *node;
	int netns_fd;			    /* borrowed for the life of the probe */
	const char *ip;			    /* the node's address: host part of the exchange */
	uint16_t port;			    /* 0 = the system's default */
	const char *master_name;	    /* sentinel */
	const char *vip;		    /* vrrp */
	const struct custom_system *custom; /* its templates are already expanded for this node */
	int64_t every_ns;

	/* How to get at it, as far as the system asks for it; NULL = its default, or nothing. */
	const char *url;	/* http://HOST:PORT in place of @ip and @port */
	const char *ca_file;	/* certificates that https trusts */
	const char *token_file; /* a bearer's (Kubernetes) or an ACL (Consul) token */
	const char *user, *password, *database;
	const char *identity; /* what the system calls this node; lease, kafka */
	const char *lease;    /* NAMESPACE/NAME */
	unsigned int slot;    /* redis-cluster: who serves this one leads */
};

/* What the last sample said, for live display. */
struct probe_state {
	char role[16]; /* "" before the first sample */
	bool claim;
	int64_t epoch; /* -1 = none */
	uint64_t samples, errors, gaps;
};

struct probe;
/* @r may be NULL: then the state is all there is. */
int probe__start(const struct probe_config *cfg, struct recorder *r, struct probe **ret,
		 struct error *err);
void probe__state(struct probe *p, struct probe_state *ret);
void probe__signal_stop(struct probe *p); /* returns at once; then join */
void probe__join(struct probe *p);	  /* waits, frees; NULL is fine */

#endif
