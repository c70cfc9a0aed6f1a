/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spawn.h: a pid namespace that dies with us, and commands in it.
 *
 * Its pid 1 is a copy of ourselves that only reaps. The kernel kills it when the thread that made it
 * dies (PR_SET_PDEATHSIG), it ends by itself when our end of its socket closes, and with it the kernel
 * kills every process of the namespace, daemons included. Commands are our children, not its.
 */
#ifndef CHAOS_LAB_SPAWN_H
#define CHAOS_LAB_SPAWN_H

#include "lib/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pidns {
	pid_t init;
	int init_pidfd;
	int fd;	  /* the namespace */
	int home; /* the caller's own one, for the way back */
	int line; /* to the init: a byte is a request, the end of it is the end */
};

#define PIDNS_NONE ((struct pidns){.init_pidfd = -1, .fd = -1, .home = -1, .line = -1})

/* Must be called from the thread that lives longest. On failure *ret is PIDNS_NONE. */
int pidns__create(struct pidns *ret, struct error *err);

/* SIGTERM, and SIGCONT for what is stopped, to every process of the namespace. */
void pidns__terminate(const struct pidns *ns);

/*
 * When our own children in it have exited: wait until the daemons are gone too, at the latest until
 * the CLOCK_MONOTONIC instant @deadline_ns.
 */
void pidns__drain(const struct pidns *ns, int64_t deadline_ns);

/* SIGKILL to all that is left. The init can be reaped only when our own children in it have been. */
void pidns__kill(const struct pidns *ns);

/* Reap the init and close. PIDNS_NONE is fine; sets *ns to it. */
void pidns__close(struct pidns *ns);

struct spawn {
	char *const *argv; /* argv[0] is looked up in PATH */
	const char *dir;   /* working directory */
	const char *log;   /* stdout and stderr are appended to it */
	int log_flags;	   /* for open(2), besides O_APPEND: 0 or O_TRUNC */
	int netns;
};

/*
 * Run a command in @ns and in network namespace @s->netns, in a session of its own, with /proc showing
 * the processes of @ns, stdin from /dev/null, default signals and no other open file. When this
 * returns 0 the program is running; if it could not be executed, the errno and a message.
 */
int spawn__run(const struct pidns *ns, const struct spawn *s, pid_t *ret_pid, int *ret_pidfd,
	       struct error *err);

/* Wait for @fd until the CLOCK_MONOTONIC instant @deadline_ns; true if it is readable. */
bool wait_readable(int fd, int64_t deadline_ns);

int pidfd__open(pid_t pid); /* CLOEXEC; fd or negative errno */
int pidfd__kill(int pidfd, int sig);

#endif
