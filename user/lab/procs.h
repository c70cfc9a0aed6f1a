/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * procs.h: the processes of a lab, daemons included. A process belongs to a node when it is in the
 * lab's pid namespace and in the node's network namespace: nobody else's tool that looks into a node is
 * taken for one of its servers.
 */
#ifndef CHAOS_LAB_PROCS_H
#define CHAOS_LAB_PROCS_H

#include "datapath/netns.h"

/*
 * Call @fn for each living process in the pid namespace @pidns, but not for its init, with a pidfd (borrowed; it is
 * that process, even if the pid is used again) and its network namespace. 0 or negative errno of /proc.
 */
int procs__each(int pidns,
		void (*fn)(pid_t pid, int pidfd, const struct netns_id *netns, void *arg),
		void *arg);

/*
 * Send @sig to each process of the network namespace @netns. SIGKILL and SIGSTOP get what is forked
 * meanwhile too. The number of processes that got it, or negative errno.
 */
int procs__kill(int pidns, const struct netns_id *netns, int sig);

#endif
