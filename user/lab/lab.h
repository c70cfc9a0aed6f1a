/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab.h: real servers in network namespaces of our own. Nothing of it has a name on the host: the
 * namespaces, the bridge (in a namespace of its own) and the veth pairs are held by file descriptors
 * and processes, and the processes live in a pid namespace whose init dies with the controller. So a
 * killed controller leaves nothing behind: the kernel takes the lab down.
 *
 * Each node has eth0 on the bridge with 10.99.0.N/24 and fd99::N/64 (N counts from 1), lo up, and ${dir} in the run
 * folder.
 */
#ifndef CHAOS_LAB_H
#define CHAOS_LAB_H

#include "experiment/experiment.h"
#include "lib/error.h"

#include <sys/types.h>

struct lab;

/* All programs in `needs` and the first words of `run` must be found in PATH: else -ENOENT with, for each missing one, the
 * Debian package to install. Touches nothing. */
int lab__check(const struct experiment *e, struct error *err);

/*
 * Make namespaces, bridge, addresses; render files. No command runs yet. @run_dir is absolute and
 * exists; node files go to @run_dir/nodes/NAME. Must be called from the thread that lives longest
 * (PR_SET_PDEATHSIG). On failure nothing is left.
 */
int lab__create(const struct experiment *e, const char *run_dir, struct lab **ret,
		struct error *err);

/* Start every node's commands; stdout and stderr go to @run_dir/nodes/NAME/PROGRAM.log. */
int lab__start(struct lab *lab, struct error *err);

/*
 * Wait until every node is ready by its probe, or fail with the node, the probe, the time limit and the last
 * lines of its log. A command that exits before that fails at once. @stop (may be NULL) is polled: nonzero
 * ends the wait with -EINTR. @on_ready is told of each node.
 */
int lab__wait_ready(struct lab *lab, const volatile int *stop,
		    void (*on_ready)(const char *node, void *arg), void *arg, struct error *err);

/* The node's network namespace, borrowed fd; -ENOENT for no such node. */
int lab__netns(const struct lab *lab, const char *node);
/* Its IPv4 or IPv6 address as text, or NULL. */
const char *lab__ip(const struct lab *lab, const char *node);
const char *lab__ip6(const struct lab *lab, const char *node);

/*
 * A command that exited since the last call: 1 and *ret filled, 0 if none. Call when event_fd is readable.
 */
struct lab_exit {
	const char *node, *command;
	pid_t pid;
	int status; /* as from waitpid */
};
int lab__event_fd(const struct lab *lab);
int lab__next_exit(struct lab *lab, struct lab_exit *ret);

/* Signal node's processes (SIGKILL, SIGSTOP ...); -ENOENT for no such node. */
int lab__kill(struct lab *lab, const char *node, int sig);

/*
 * Expand ${...} for @node: ip ip6 node dir, NAME.ip NAME.ip6 of any node. NULL with @err on an unknown name. Caller frees.
 */
char *lab__expand(const struct lab *lab, const char *node, const char *template, struct error *err);

/* One of these names for @node, or NULL; it lives as long as the lab. */
const char *lab__lookup(const struct lab *lab, const char *node, const char *name);

/* Kill everything, remove everything but logs and rendered files. NULL is fine. */
void lab__destroy(struct lab *lab);
static inline void cleanup_lab(struct lab **lab)
{
	lab__destroy(*lab);
}

#endif
