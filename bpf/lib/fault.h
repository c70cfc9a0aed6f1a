/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault.h: what every fault gets. A fault is a function in a file of its own,
 *
 *	static __always_inline bool fault__NAME(struct fault *f);
 *
 * that says whether it drops the packet, and a line in rule__apply().
 */
#ifndef FAULT_H
#define FAULT_H

#include "packet.h"

struct fault {
	struct __sk_buff *skb;
	const struct packet *pkt;
	const struct flow *flow;
	const struct chaos_rule *rule;
	__u32 rule_id;
};

#endif
