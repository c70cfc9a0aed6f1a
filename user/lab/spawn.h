/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spawn.h: a pid namespace that dies with us, and commands in it.
 *
 * Its pid 1 is a copy of ourselves that only reaps and says who has exited. The kernel kills it when the
 * thread that made it dies (PR_SET_PDEATHSIG), it ends by itself when our end of its socket closes, and
 * with it the kernel kills every process of the namespace, daemons included. Commands are its children,
 * not ours: so the kernel can reap them with it, also where the host's pid 1 reaps nobody (a container's).
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
	int line; /* to and from the init; the end of it is the end */
};

#define PIDNS_NONE ((struct pidns){.init_pidfd = -1, .fd = -1, .line = -1})

/* Must be called from the thread that lives longest. On failure *ret is PIDNS_NONE. */
int pidns__create(struct pidns *ret, struct error *err);

/* SIGTERM, and SIGCONT for what is stopped, to every process of the namespace; the init ends after the last. */
void pidns__terminate(const struct pidns *ns);

/* SIGKILL to the process group that @inner leads. */
void pidns__kill_group(const struct pidns *ns, pid_t inner);

/* SIGKILL to all, reap the init, close. PIDNS_NONE is fine; sets *ns to it. */
void pidns__close(struct pidns *ns);

/* A child of the init that exited: @inner is its pid in the namespace, @status as from waitpid. */
struct pidns_exit {
	pid_t inner;
	int status;
};

/*
 * 1 and *ret filled, 0 if there is none, -EPIPE when the init is dead, and everything with it. Does not block; @line
 * becomes readable.
 */
int pidns__next_exit(const struct pidns *ns, struct pidns_exit *ret);

/* Whom to be; all zero: who we are. */
struct as_user {
	bool set;
	uid_t uid;
	gid_t gid;
};

struct spawn {
	char *const *argv; /* argv[0] is looked up in PATH */
	const char *dir;   /* working directory */
	const char *log;   /* stdout and stderr are appended to it */
	int log_flags;	   /* for open(2), besides O_APPEND: 0 or O_TRUNC */
	int netns;
	/* Its one group is @as.gid, and HOME is @dir. */
	struct as_user as;
};

/*
 * Run a command in @ns and in network namespace @s->netns, in a session of its own, with /proc showing
 * the processes of @ns, stdin from /dev/null, default signals and no other open file. When this
 * returns 0 the program is running, and *ret_pid is its pid for us, *ret_inner in @ns; if it could not be
 * executed, the errno and a message. Read the exits first: an init that cannot say them starts nothing.
 */
int spawn__run(const struct pidns *ns, const struct spawn *s, pid_t *ret_pid, pid_t *ret_inner,
	       struct error *err);

/* Wait for @fd until the CLOCK_MONOTONIC instant @deadline_ns; true if it is readable. */
bool wait_readable(int fd, int64_t deadline_ns);

int pidfd__open(pid_t pid); /* CLOEXEC; fd or negative errno */
int pidfd__kill(int pidfd, int sig);

#endif
