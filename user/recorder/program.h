/* SPDX-License-Identifier: GPL-2.0-only */
/* program.h: a program with pipes to its stdin and from its stdout and stderr. */
#ifndef CHAOS_RECORDER_PROGRAM_H
#define CHAOS_RECORDER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
	pid_t pid; /* 0 = none; leader of a process group of its own */
	int pidfd;
	int in;	 /* to it; -1 = it reads /dev/null */
	int out; /* from it, non-blocking */
};

#define PROGRAM_NONE ((struct program){.pidfd = -1, .in = -1, .out = -1})

/*
 * Run @argv (looked up in PATH) in the calling thread's namespaces; it is killed when that thread dies. 0,
 * or why it could not be executed: then nothing of it is left.
 */
int program__start(char *const *argv, bool with_stdin, struct program *ret);
/* SIGKILL to what is left of its group; its wait status. @p is PROGRAM_NONE then; that is fine too: 0. */
int program__end(struct program *p);

/* What it prints until it has ended, up to @size - 1 bytes, terminated; the rest is thrown away. 0, or -ETIMEDOUT: it
 * goes on. */
int program__collect(const struct program *p, int64_t deadline_ns, char *buf, size_t size,
		     size_t *ret_len);

/* Write all of it; @ret_sent: how much has gone. -EPIPE if nobody reads it. */
int program__write(const struct program *p, const char *text, size_t len, int64_t deadline_ns,
		   size_t *ret_sent);
/* Some of what it has printed, as soon as there is any: bytes, 0 at its end, -ETIMEDOUT. */
ssize_t program__read(const struct program *p, char *buf, size_t size, int64_t deadline_ns);

#endif
