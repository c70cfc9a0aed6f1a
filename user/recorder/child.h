/* SPDX-License-Identifier: GPL-2.0-only */
/* child.h: a shell command and what it prints, bounded in time and size. */
#ifndef CHAOS_RECORDER_CHILD_H
#define CHAOS_RECORDER_CHILD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Run @command by /bin/sh -c in the calling thread's namespaces, in a process group of its own,
 * which is killed once the shell has ended, at @deadline_ns, or when the calling thread dies. The
 * first @size - 1 bytes of stdout go to @buf, terminated; what follows is read and thrown away. 0
 * with the wait status, -ETIMEDOUT or another negative errno.
 */
int child__run(const char *command, int64_t deadline_ns, char *buf, size_t size, size_t *ret_len,
	       int *ret_status);

#endif
