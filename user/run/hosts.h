/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hosts.h: what DNS names resolve to, asked again every 5 s. Each name has a thread of its own, since the
 * resolver of the C library may take as long as it likes; nobody ever waits for one longer than told.
 */
#ifndef CHAOS_HOSTS_H
#define CHAOS_HOSTS_H

#include "datapath/chaos_abi_user.h"
#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOSTS_EVERY_S = 5, HOSTS_FIRST_S = 5 };

struct hosts;

/* Begin to resolve @names, which are copied. 0, -ENOMEM or -EAGAIN (no thread), with words. */
int hosts__start(const char *const *names, size_t n, struct hosts **ret, struct error *err);

/* Until each has been answered for once, well or badly, but no longer than HOSTS_FIRST_S. */
void hosts__wait(struct hosts *h);

/* Readable when an answer has changed; hosts__drain() says so and makes it unreadable again. */
int hosts__fd(const struct hosts *h);
bool hosts__drain(struct hosts *h);

/*
 * The addresses of name @i, IPv4 mapped, sorted, each once; the caller frees *ret. -EAGAIN: no answer so
 * far, -ENOENT: it has none; both with words. An answer that cannot be had again for now stands.
 */
int hosts__get(struct hosts *h, size_t i, struct chaos_addr **ret, size_t *ret_n,
	       struct error *err);

/* Threads that hang in the resolver are left to end on their own. NULL is fine. */
void hosts__stop(struct hosts *h);

#endif
