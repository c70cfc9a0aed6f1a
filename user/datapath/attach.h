/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.h: the two programs at one device, before everybody else's, by a tcx link (which dies with
 * us) or by clsact filters. All of it happens in the device's namespace, from which the thread
 * comes back.
 */
#ifndef CHAOS_ATTACH_H
#define CHAOS_ATTACH_H

#include "datapath/tc.h"
#include "lib/error.h"

#include <stdbool.h>

/* Programs by enum chaos_direction; -1: none in that direction. */
struct attach_progs {
	int fd[2];
	int last; /* for loopback, behind all hooks (chaos_last) */
};

struct attach {
	bool tcx;
	int ifindex;
	int link_fd[2];		  /* tcx */
	struct tc_place place[2]; /* clsact */
	bool made;		  /* clsact: the qdisc is ours */
};

/* Does this kernel attach by tcx? Touches no device. @prog_fd is any program of ours. */
bool attach__has_tcx(int prog_fd);

/* -ENODEV when the device is gone. */
int attach__open(int netns_fd, int ifindex, const char *ifname, const struct attach_progs *progs,
		 bool tcx, struct attach *ret, struct error *err);
/* chaos_last at ingress, behind all others. */
int attach__open_last(int netns_fd, int ifindex, const char *ifname, int prog_fd, bool tcx,
		      struct attach *ret, struct error *err);
/* Are there programs of somebody else at ingress, among which ours are attached? */
bool attach__has_others(int netns_fd, int ifindex, bool tcx);
/* Put other programs in their places; each changes in one step. */
int attach__replace(int netns_fd, struct attach *a, const struct attach_progs *progs,
		    struct error *err);
/* A device or namespace that is gone is fine. */
void attach__close(int netns_fd, struct attach *a);

#endif
