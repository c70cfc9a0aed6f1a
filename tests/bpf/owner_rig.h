/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * owner_rig.h: the programs that keep sockets' owners, loaded and attached as owners.c does it, what is in their maps, and
 * processes and sockets for them. Every helper fails the test when it cannot do what its name says, but for those that
 * return a bool, which are for children too: these must not assert.
 */
#ifndef OWNER_RIG_H
#define OWNER_RIG_H

#include "harness.h"

#include "datapath/owners.h"
#include "lib/cleanup.h"
#include "owner.skel.h"

struct rig {
	struct owner_bpf *skel;
	struct chaos_control *control;
	struct owners *o;
};

extern bool kernel_has_scan; /* known when a rig was opened */

/* Not by the kernel's files but by pidfd_getfd(), as on kernels that have no other way. */
enum { BY_FILES = 1 };

struct rig rig__open(int how);
void rig__close(struct rig *rig);
#define _rig_ __attribute__((cleanup(rig__close)))

void rig__set_at(const struct rig *rig, const struct owner_process *p, size_t n, uint64_t as_of_ns);
void rig__set(const struct rig *rig, const struct owner_process *p, size_t n);
void rig__scan(const struct rig *rig);
/* False: there is no such row. */
bool rig__process(const struct rig *rig, pid_t pid, struct chaos_process *ret);
bool rig__socket(const struct rig *rig, int fd, struct chaos_socket *ret);
/* What a hook makes of it. */
uint32_t rig__owner(const struct rig *rig, int fd);
pid_t rig__tgid(const struct rig *rig, int fd);

/* The group of @tests in a network namespace with its loopback up. */
int rig__main(const char *name, const struct CMUnitTest *tests, size_t n);

/* A child that does as it is told through a socket until that closes. */
struct child {
	pid_t pid;
	int to;
};

struct child child__start(void);
/* It has @fd from then on. */
void child__give(const struct child *child, int fd);
/* Nothing of what it was given any more. */
void child__let_go(const struct child *child);
void child__end(const struct child *child);
/* Its next word, which it gives when it has done as it was told. */
void child__hear(const struct child *child);

/* What @f says in a child of our own: a failure there is one here. */
void in_child(bool (*f)(const struct rig *rig), const struct rig *rig);

int socket__make(int family, int type);
int socket__listen(int family, const char *text, uint16_t *ret_port);
int socket__connect(int family, const char *text, uint16_t port);
/* Close it without TIME_WAIT, which would use up the ports. */
void socket__reset(int fd);

#endif
