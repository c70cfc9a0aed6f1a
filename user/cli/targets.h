/* SPDX-License-Identifier: GPL-2.0-only */
/* targets.h: between the files of `chaos targets`: what is listed, in which groups, as text or JSON. */
#ifndef CHAOS_CLI_TARGETS_H
#define CHAOS_CLI_TARGETS_H

#include "discover/discover.h"

#include <jansson.h>

/* Processes of one namespace that people know by one name: a pod's container, a unit, a cgroup. */
enum group_kind { GROUP_POD, GROUP_CONTAINER, GROUP_UNIT, GROUP_CGROUP, GROUP_NONE };

struct target_group {
	enum group_kind kind;
	uint32_t netns;
	uint32_t pod, container; /* DISCOVER_NONE: none */
	const char *name;	 /* of the unit or cgroup; NULL else */
	const uint32_t *processes;
	size_t n_processes;
};

/* Connections of a process with one remote end. */
struct target_peer {
	char remote[64]; /* address:port, without the port where that is the caller's */
	uint8_t proto;	 /* enum discover_proto */
	bool accepted;
	size_t n;
};

struct target_traffic {
	char **listens; /* "tcp:80", "udp:127.0.0.1:53", sorted, each once */
	size_t n_listens;
	struct target_peer *peers; /* by n, the most first */
	size_t n_peers;
};

struct target_view {
	const struct snapshot *s;
	bool *netns;	     /* listed at all */
	bool all;	     /* no list is cut short */
	uint32_t *processes; /* those listed, by namespace, group and pid */
	size_t n_processes;
	struct target_group *groups;
	size_t n_groups;
	size_t *kernel_threads; /* of each namespace, counted and not listed */
};

/* @m: what is listed; NULL for all that there is, but chaos itself. 0 or -ENOMEM. */
int target_view__make(const struct snapshot *s, const struct discover_match *m,
		      struct target_view *ret);
void target_view__reset(struct target_view *v);

/* The sockets of process @i, summed up. 0 or -ENOMEM. */
int target_traffic__of(const struct snapshot *s, uint32_t i, struct target_traffic *ret);
void target_traffic__reset(struct target_traffic *t);

/* The short form that chooses the group or namespace, into @buf; returns @buf. */
const char *target_group__selector(const struct snapshot *s, const struct target_group *g,
				   char *buf, size_t size);
const char *target_netns__selector(const struct discover_netns *n, char *buf, size_t size);

/*
 * @s as it can be printed: what would move the cursor or is no UTF-8 becomes \n or \xNN. With
 * @controls those stay, for JSON, which has its own escapes. Returns @buf.
 */
const char *target_text__clean(const char *s, bool controls, char *buf, size_t size);
size_t target_text__width(const char *s); /* columns, of clean text */
/* Clean text of at most @columns columns, at least 1, the last of them an ellipsis where it was cut. */
const char *target_text__fit(const char *s, size_t columns, bool utf8, char *buf, size_t size);

json_t *targets__json(const struct target_view *v);
/* @width: columns, 0 for no limit. */
void targets__print(const struct target_view *v, size_t width, bool colour);

#endif
