/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * owners.h: whose sockets are whose. Programs of ours (bpf/owner.bpf.c) note the creator of each socket as it
 * is made, give a child what its parent has at the moment of the fork, and forget processes as they end; a look
 * at all sockets of all processes finds those that were there before, and those that were passed on.
 *
 * The owner of a socket is the process that created it, or for an accepted one the owner of its listener; from
 * the next look on (every OWNERS_SCAN_NS, and after each change of owners__set()) it is the one with the least
 * pid among those that hold it and are some owner's, if there is one.
 */
#ifndef CHAOS_OWNERS_H
#define CHAOS_OWNERS_H

#include "datapath/chaos_abi_user.h"
#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { OWNERS_SCAN_NS = 500000000 };

/* One row of processes[]. */
struct owner_process {
	pid_t pid;
	uint32_t owner; /* 1 ... CHAOS_OWNERS_MAX */
	uint32_t heirs; /* 0: its children are nobody's until they are set */
};

struct owner_cgroup {
	uint64_t id;
	uint32_t owner;
};

/* The maps that the programs share with the hooks. */
struct owner_maps {
	int sockets, processes, cgroups, control;
	struct chaos_control *shared; /* control, in memory */
};

/* Descriptors of loaded programs, which owners takes over; -1: the kernel does not have that kind. */
struct owner_progs {
	int created; /* cgroup/sock_create */
	int fork;    /* tp_btf/sched_process_fork */
	int exit;    /* tp_btf/sched_process_exit */
	int scan; /* iter/task_file; -1 below Linux 5.11: then the sockets of processes[] by pidfd_getfd() */
};

struct owners;

/* Attach them. From here on every socket that is made on this machine has an owner noted. */
int owners__open(const struct owner_maps *maps, const struct owner_progs *progs,
		 struct owners **ret, struct error *err);
void owners__close(struct owners *o); /* detaches; NULL is fine */

/*
 * Make processes[] and cgroups[] hold these and no others, and look at all sockets. @as_of_ns: the
 * CLOCK_MONOTONIC instant that they are true of; what the kernel has seen being born after it stays.
 */
int owners__set(struct owners *o, const struct owner_process *processes, size_t n_processes,
		const struct owner_cgroup *cgroups, size_t n_cgroups, uint64_t as_of_ns,
		struct error *err);

/* Readable when a look is due: then call owners__scan(). */
int owners__event_fd(const struct owners *o);
int owners__scan(struct owners *o, struct error *err);

/* In words: how existing sockets are found. */
const char *owners__mechanism(const struct owners *o);

#endif
