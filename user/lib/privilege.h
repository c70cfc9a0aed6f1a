/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privilege.h: the capabilities of the calling thread; the kernel keeps them for each thread by itself. By the
 * system calls, without a library: what gives them up runs in copies of a threaded process too.
 */
#ifndef CHAOS_PRIVILEGE_H
#define CHAOS_PRIVILEGE_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAP_BIT(cap) (1ULL << (cap))

/* The effective ones, as a set of CAP_BIT(); all of them if the kernel does not say. */
uint64_t privilege__held(void);

/* Of @needed, those that are not held. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as it does for the kernel. */
uint64_t privilege__missing(uint64_t needed);

/* "CAP_BPF, CAP_NET_ADMIN": those of @caps that this program knows, and the others as numbers. Writes @buf, returns
 * it. */
char *privilege__names(uint64_t caps, char *buf, size_t size);

/*
 * For a program's first thread, first of all: what it has is its own, and not for the programs that it executes.
 * Without root these have no other way to privileges either (no_new_privs); with root they are root's.
 */
void privilege__begin(void);

/*
 * For the rest of this thread and of what it makes: no capability but those of @keep that it has, none to be had by
 * executing something (bounding set and no_new_privs). Async-signal-safe. 0 or negative errno.
 */
int privilege__limit(uint64_t keep);

/*
 * For a thread that executes others' commands, and itself needs no more than @keep. Without root the same as
 * privilege__limit(). With root the rest is only put aside: what it executes is root's, as ever, and were it to gain
 * by that, the kernel would take its PR_SET_PDEATHSIG away. Async-signal-safe.
 */
int privilege__limit_runner(uint64_t keep);

/* Put aside what is not in @keep, to be had again by privilege__restore(). 0 or negative errno. */
int privilege__put_aside(uint64_t keep);
int privilege__restore(void);

/*
 * Whoever may trace one thread of a process writes the memory of all. While some threads have fewer capabilities
 * than others nobody may (PR_SET_DUMPABLE), since a process of the same user could come by them through the weakest.
 */
void privilege__close_memory(void);
void privilege__open_memory(void);

#endif
