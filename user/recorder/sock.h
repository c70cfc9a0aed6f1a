/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sock.h: TCP with an absolute deadline (CLOCK_MONOTONIC, ns) on every step, so that a peer that
 * hangs or drips cannot hold its caller longer than that. All fail with a negative errno,
 * -ETIMEDOUT at the deadline.
 */
#ifndef CHAOS_RECORDER_SOCK_H
#define CHAOS_RECORDER_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection to @ip (IPv4 or IPv6 address) from the calling thread's namespace: fd. */
int sock__connect(const char *ip, uint16_t port, int64_t deadline_ns);
/* Send all of it; @ret_sent (may be NULL) counts what was handed to the kernel, also on failure. */
int sock__send(int fd, const void *buf, size_t len, int64_t deadline_ns, size_t *ret_sent);
/* Up to @size bytes, as soon as there are any; 0 = the peer has closed. */
ssize_t sock__recv(int fd, void *buf, size_t size, int64_t deadline_ns);
/* Connected as far as is known, and nothing to read: fit for the next exchange. */
bool sock__is_idle(int fd);

#endif
