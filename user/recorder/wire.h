/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h: watches the wire from inside of a node for who sends VRRP advertisements, and for whom
 * announces an address (gratuitous ARP, unsolicited neighbour advertisements). A packet socket sees
 * what arrives before a fault drops it at ingress, and what leaves. One thread; it asks nobody.
 */
#ifndef CHAOS_RECORDER_WIRE_H
#define CHAOS_RECORDER_WIRE_H

#include "recorder/recorder.h"

struct wire;

/* @netns_fd is borrowed until this returns. Needs CAP_NET_RAW there. */
int wire__start(const char *resource, const char *node, int netns_fd, struct recorder *r,
		struct wire **ret, struct error *err);
void wire__signal_stop(struct wire *w);
void wire__join(struct wire *w); /* NULL is fine; at most 0.2 s */

#endif
