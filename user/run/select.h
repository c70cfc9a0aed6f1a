/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * select.h: from the selectors of an experiment to members of the data plane. Each selector of each endpoint
 * has a member of its own, from the beginning and at the same place, even while it matches nothing; a
 * lab node's is shared by all selectors that name it.
 *
 * A member is all of a namespace, or the sockets of processes in it. It is all of it where nothing else is in it:
 * a container's namespace, behind whatever network. It is sockets for processes chosen by what they are, in the
 * machine's own namespace, and where others share the namespace: the other containers of a pod, what `not:`
 * leaves out.
 */
#ifndef CHAOS_SELECT_H
#define CHAOS_SELECT_H

#include "datapath/dataplane.h"
#include "discover/discover.h"
#include "experiment/experiment.h"
#include "lab/lab.h"
#include "lib/error.h"

/* ---- select_policy.c: what a match means; pure ---- */

struct picked_place {
	uint32_t netns; /* of the snapshot */
	bool by_socket;
};

struct picked {
	struct picked_place *places;
	size_t n_places;
	uint32_t *processes; /* of the snapshot, in places that are by_socket; no kernel threads */
	size_t n_processes;
	bool heirs;	   /* of all processes */
	uint64_t *cgroups; /* v2 ids, ascending, each once */
	size_t n_cgroups;
};

/*
 * What @m, matched by @t, is to the data plane. The namespace that chaos runs in is a place as a whole only with
 * @allow_host and without excludes, for which -EPERM is the answer otherwise. 0, -EPERM, -ENOMEM.
 */
int select__pick(const struct snapshot *s, const struct target_selector *t,
		 const struct discover_match *m, bool allow_host, struct picked *ret);
void picked__reset(struct picked *p);

/* All that @m has are processes that chaos was started by: a shell, sudo, sshd. */
bool select__only_ancestors(const struct snapshot *s, const struct discover_match *m);

/* Whether finding what @t chooses takes the devices and addresses of namespaces. */
bool select__needs_links(const struct target_selector *t);

/* ---- select.c: kept true ---- */

/* One selector and what it came to. */
struct selected {
	size_t endpoint, selector;   /* indices into the experiment */
	size_t member;		     /* index into the plan's */
	bool alias;		     /* of a lab node that an earlier one names */
	struct discover_match match; /* in select.snapshot */
	ssize_t host;		     /* index of the DNS name, or -1 */
	bool picked;		     /* of the pods that match, only those of: */
	struct discover_only only;
};

struct select_netns {
	struct netns_id id;
	int fd;
};

struct hosts;
struct members;

struct select {
	const struct experiment *e; /* borrowed, like the lab and the plan */
	const struct lab *lab;
	struct dp_plan *dp;
	bool allow_host;
	bool host_is_target; /* some member is all of the namespace that chaos runs in */
	bool needs_snapshot, needs_links;
	bool follows; /* something here may come and go */
	struct snapshot snapshot;
	struct selected *v;
	size_t n;
	struct select_netns *netns;
	size_t n_netns;
	struct hosts *hosts;
	struct members *members; /* NULL: pods are what is found here */
	size_t n_missing;	 /* of its pods that are here, those that were not found */
	int (*open_netns)(const struct snapshot *s, uint32_t netns);
};

/* What joined an endpoint or left it. */
struct select_news {
	size_t endpoint;
	bool joined;
	pid_t pid;	/* of the process; 0: it is none */
	char what[128]; /* comm, namespace or address; bytes of others' choosing */
};

typedef void select_news_fn(void *arg, const struct select_news *news);

struct select_options {
	bool allow_host;
	const char *members; /* file that says who the pods are (members.h); NULL: none does */
	/* For tests, which have no namespaces: where / is, and how one is opened, as fd or negative errno. */
	const char *root;
	int (*open_netns)(const struct snapshot *s, uint32_t netns);
};

/*
 * Make @dp's members and find what they match now. Touches nothing: it opens namespaces and looks names up, for at most
 * HOSTS_FIRST_S. Without @lab its nodes have no place, as for `chaos check`. -EINVAL with file:line:col for a selector
 * that matches nothing, chaos itself, or more than maxEndpoints allows.
 */
int select__open(const struct experiment *e, const struct lab *lab,
		 const struct select_options *opts, struct dp_plan *dp, struct select **ret,
		 struct error *err);

/*
 * Match again, in @s, which is taken over, or without one in that of the last time. What changed is told to
 * @tell. Whole namespaces, processes (with what they have forked) and addresses count for maxEndpoints.
 * @ret_changed: then dataplane__resync(), then select__settle(). -EINVAL with words: more than
 * maxEndpoints matches now; others: it could not be looked. On failure the members are as they were.
 */
int select__update(struct select *sel, struct snapshot *s, select_news_fn *tell, void *arg,
		   bool *ret_changed, struct error *err);

/*
 * Read the members' file again, where there is one and it has changed: then select__update() is due. Negative errno with
 * words: it cannot be used.
 */
int select__reload(struct select *sel, bool *ret_changed, struct error *err);

/* Close the namespaces that no member is in any more. */
void select__settle(struct select *sel);

void select__close(struct select *sel);

#endif
