/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * members.h: whom the pods: selectors of an experiment mean, told by somebody who knows all of the cluster: a file that
 * is put in place of the one before whenever that changes.
 *
 *	{"node": "n1", "exempt": ["10.66.1.1"],
 *	 "endpoints": [{"endpoint": "web", "selector": 0,
 *	                "pods": [{"place": "web/web-1", "namespace": "shop", "name": "web-1", "uid": "...", "node": "n1",
 *	                          "ips": ["10.66.1.5", "fd66::5"], "here": true}]}]}
 *
 * A pod that is here is all of its network namespace, found by its UID; any other is its addresses, and what goes to
 * these is guarded where it is.
 */
#ifndef CHAOS_MEMBERS_H
#define CHAOS_MEMBERS_H

#include "datapath/dataplane.h"
#include "datapath/intern.h"
#include "experiment/experiment.h"
#include "lib/error.h"

#include <jansson.h>
#include <sys/stat.h>

struct member_pod {
	size_t endpoint, selector; /* indices into the experiment */
	const char *place;	   /* of the members' labels: the same pointer for the same name */
	const char *ns, *name, *uid; /* of members.root */
	bool here;
	struct chaos_addr *ips;
	size_t n_ips;
};

struct members {
	const struct experiment *e; /* borrowed */
	char *path, *name;	    /* the last component of it */
	int inotify;		    /* -1: not had, then it is looked at whenever all is */
	struct stat read;	    /* the file as it was when it was read last */
	uint64_t generation;	    /* of what is in it */

	json_t *root;
	struct member_pod *pods; /* in order of endpoint and selector */
	size_t n_pods;
	struct chaos_addr *exempt; /* of the node itself */
	size_t n_exempt;

	struct intern label_ids;
	char **labels; /* never freed before the members: others borrow them */
	size_t n_labels;
};

/* A place has the names of an endpoint (63), a namespace (63) and a pod (253), and what is between them. */
enum { MEMBERS_FILE_MAX = 64 << 20, MEMBERS_PLACE_MAX = 384 };

/* Read @path, which must be there and be right. -EINVAL with the place of what is not. */
int members__open(const char *path, const struct experiment *e, struct members **ret,
		  struct error *err);
void members__close(struct members *m); /* NULL is fine */

/* Readable when the file may have changed; -1. */
int members__fd(const struct members *m);
/* Take word of changes; true if there was any about the file. */
bool members__drain(struct members *m);

/*
 * Read it again if it is not the file that was read last. 1: it has changed; 0; negative errno with words: it cannot be
 * used, the last good one stands, and this one will not be complained of again.
 */
int members__reload(struct members *m, struct error *err);

/* The pods of selector @selector of endpoint @endpoint. */
const struct member_pod *members__of(const struct members *m, size_t endpoint, size_t selector,
				     size_t *ret_n);

#endif
