/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * init.h: the lab's init, pid 1 of its pid namespace, and what is said to it over its line (a
 * SOCK_SEQPACKET pair, one message each). It answers with a struct pidns_exit for each child that it reaps.
 */
#ifndef CHAOS_LAB_INIT_H
#define CHAOS_LAB_INIT_H

#include "lab/spawn.h"

#include <stdint.h>
#include <sys/types.h>

enum init_verb {
	INIT_START,	 /* a command; with INIT_FDS by SCM_RIGHTS */
	INIT_KILL_GROUP, /* SIGKILL to a process group */
	INIT_TERMINATE,	 /* SIGTERM to all; end when no child is left */
};

enum init_fd { INIT_FD_NETNS, INIT_FD_LOG, INIT_FD_BIRTH, INIT_FDS };

/* Bounds of one command: a whole configuration fits, and it is one message. */
#define INIT_TEXT_MAX 65536
#define INIT_WORDS_MAX 1024

struct init_request {
	enum init_verb verb;
	pid_t group;	   /* INIT_KILL_GROUP */
	struct as_user as; /* INIT_START */
	uint32_t n_words;  /* INIT_START, without the folder */
	char text[];	   /* INIT_START: the folder and the words, each with its NUL */
};

/*
 * What a command says over INIT_FD_BIRTH, which closes when its program begins: that it is there, and then
 * what it could not do, if anything. The kernel adds its pid as the receiver sees it (SCM_CREDENTIALS).
 */
enum birth_step {
	BIRTH_THERE,
	BIRTH_FORK,
	BIRTH_NETNS,
	BIRTH_USER,
	BIRTH_DIR,
	BIRTH_FILES,
	BIRTH_EXEC
};

struct birth {
	enum birth_step step;
	int code;    /* errno */
	pid_t inner; /* its pid in the namespace */
};

/*
 * Be the init. Called in a new process that is a copy of its caller, with all signals blocked; of what
 * it has copied it uses nothing, but for the environment, since other threads may have been at it.
 */
_Noreturn void init__main(int line);

#endif
