// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * line.bpf.c: the programs on the line, a veth pair between a namespace with hooks ("near") and the
 * line's own namespace ("far"):
 *
 *	hook -> near ==> far  line_turn -> far's egress  line_decide -> held -> far ==> near  line_return -> hook
 *
 * near cuts GSO packets into wire packets if the plan needs it (gso_max_segs 1). What is delayed is held
 * by fq on far, which reads the time from skb->tstamp; without fq by a process behind a TAP in the
 * far namespace (user/line/hold.h), from which it comes back through line_back. tc_index says of which
 * hook a packet is; it is the one field that survives all of that and that nobody else uses. The hash has
 * the owners of its sockets (lib/owner.h) on the way to line_decide.
 */
#include "vmlinux.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"
#include "lib/maps.h"
#include "lib/answer.h"
#include "lib/change.h"
#include "lib/count.h"
#include "lib/identity.h"
#include "lib/owner.h"
#include "lib/parse.h"
#include "lib/record_dropped.h"
#include "lib/rule_line.h"
#include "lib/uapi.h"
#include "lib/verdict.h"

struct map_control control SEC(".maps");
struct map_windows windows SEC(".maps");
struct map_rules rules SEC(".maps");
struct map_links links SEC(".maps");
struct map_tables tables SEC(".maps");
struct map_ports ports SEC(".maps");
struct map_pairs pairs SEC(".maps");
struct map_idents idents SEC(".maps");
struct map_prefixes prefixes SEC(".maps");
struct map_exempt exempt SEC(".maps");
struct map_edges edges SEC(".maps");
struct map_traffic traffic SEC(".maps");
struct map_stats stats SEC(".maps");
struct map_passages passages SEC(".maps");
struct map_joins joins SEC(".maps");
struct map_subjects subjects SEC(".maps");
struct map_bins bins SEC(".maps");
struct map_services services SEC(".maps");
struct map_captured captured SEC(".maps");
struct map_captures captures SEC(".maps");

const volatile __u32 have_prefixes = 1;
const volatile __u32 have_owners = 1;
const volatile __u32 capture_snaplen = 0;
const volatile __u64 traffic_bin_ns = 0;

enum {
	/* A time that the hook, TCP's pacing or SO_TXTIME gave is where a delay counts from, within
	 * this of now; what is further off is another clock's. */
	STAMP_MAX_NS = 1000000000,
	PRIORITY_BEST_EFFORT = 0,
	TO_HOST = 0, /* skb->pkt_type: PACKET_HOST */
};

static __always_inline struct chaos_port *port__get(__u32 tag)
{
	__u32 key = tag & CHAOS_LINE_PORT;
	struct chaos_port *port = bpf_map_lookup_elem(&ports, &key);
	struct chaos_stats *totals;

	if (port && port->line)
		return port;
	totals = stats__get();
	if (totals)
		totals->stray++;
	return NULL;
}

/* --- deciding --------------------------------------------------------------------------------- */

/* True if the packet is to be dropped. @which: its passage. */
static __always_inline bool line__rules(struct __sk_buff *skb, struct passage *p,
					const struct chaos_port *port, __u64 t0_ns, __u32 which)
{
	struct chaos_traffic *node;
	__u64 now_ns = bpf_ktime_get_ns(), stamp_ns = skb->tstamp;

	p->flow.direction = port->direction;
	p->out.due_ns = now_ns;
	if (stamp_ns + STAMP_MAX_NS > now_ns && stamp_ns < now_ns + STAMP_MAX_NS)
		p->out.due_ns = stamp_ns;
	if (packet__parse(skb, &p->pkt))
		return false;
	p->flow.segs = skb->gso_segs ? skb->gso_segs : 1;
	p->flow.bytes = packet__wire_bytes(skb, &p->pkt, p->flow.segs);
	flow__identify(&port->hook, port->loopback, &p->pkt, &p->flow);
	if (have_owners)
		flow__unpack_owners(skb, &p->flow);
	if (!rules__on_line(&p->flow, now_ns, t0_ns, which))
		return false;
	node = traffic__get(&port->hook, port->loopback);
	if (node)
		node->dropped += p->flow.segs;
	if (traffic_bin_ns)
		record__dropped(which, t0_ns);
	return true;
}

/* --- doing ------------------------------------------------------------------------------------ */

/* A copy that is decided anew, as a packet of its own. */
static __always_inline void line__copy(struct __sk_buff *skb, __u32 tag)
{
	skb->tc_index = tag | CHAOS_LINE_COPY;
	bpf_clone_redirect(skb, skb->ifindex, 0);
	skb->tc_index = tag;
}

/* Send what the packet has become back to its sender. */
static __always_inline int line__answer(struct __sk_buff *skb, __u32 tag)
{
	skb->tc_index = (tag ^ 1) | CHAOS_LINE_RELEASED;
	return VERDICT_PASS;
}

static __always_inline int line__reset(struct __sk_buff *skb, struct passage *p, __u32 tag)
{
	__u32 flags = p->out.flags;
	struct tcphdr seg;

	if (bpf_skb_load_bytes(skb, packet__link_len(&p->pkt) + p->pkt.l4, &seg, sizeof(seg)) ||
	    answer__shorten(skb, &p->pkt))
		return verdict__drop(CHAOS_EGRESS);
	if ((flags & OUTCOME_RESET_RECEIVER) && !answer__reset(skb, &p->pkt, &seg, false)) {
		if (!(flags & OUTCOME_RESET_SENDER))
			return VERDICT_PASS;
		skb->tc_index = tag | CHAOS_LINE_RELEASED;
		bpf_clone_redirect(skb, skb->ifindex, 0);
	}
	if ((flags & OUTCOME_RESET_SENDER) && !answer__reset(skb, &p->pkt, &seg, true) &&
	    !answer__swap_macs(skb))
		return line__answer(skb, tag);
	return verdict__drop(CHAOS_EGRESS);
}

/* What is done to a packet that is not delivered. */
static __always_inline int line__dropped(struct __sk_buff *skb, struct passage *p, __u32 tag)
{
	__u32 flags = p->out.flags;

	if (flags & (OUTCOME_RESET_SENDER | OUTCOME_RESET_RECEIVER))
		return line__reset(skb, p, tag);
	if ((flags & (OUTCOME_UNREACHABLE | OUTCOME_TOO_BIG)) && !answer__icmp(skb, p))
		return line__answer(skb, tag);
	return verdict__drop(CHAOS_EGRESS);
}

/* To the process behind the TAP. */
static __always_inline int line__to_tap(struct __sk_buff *skb, __u32 tap, __u32 tag, __u64 due_ns)
{
	struct chaos_held held = {.due_ns = due_ns, .port = tag & CHAOS_LINE_PORT};

	if (skb->vlan_present) {
		held.vlan_proto = bpf_ntohs(skb->vlan_proto);
		held.vlan_tci = skb->vlan_tci;
		if (bpf_skb_vlan_pop(skb))
			return verdict__drop(CHAOS_EGRESS);
	}
	if (bpf_skb_change_head(skb, sizeof(held), 0) ||
	    bpf_skb_store_bytes(skb, 0, &held, sizeof(held), 0))
		return verdict__drop(CHAOS_EGRESS);
	return bpf_redirect(tap, 0);
}

static __always_inline int line__deliver(struct __sk_buff *skb, const struct chaos_control *ctl,
					 __u32 tag, __u64 due_ns)
{
	__u32 tap = ctl->tap_ifindex;

	if (due_ns <= bpf_ktime_get_ns()) {
		skb->tstamp = 0;
		return VERDICT_PASS;
	}
	if (tap)
		return line__to_tap(skb, tap, tag, due_ns);
	/* Each packet is a flow of its own to fq: no packet waits for another one's time, and
	 * flow_limit does not count. (sch_fq.c: packets without socket go by hash.) */
	bpf_set_hash(skb, bpf_get_prandom_u32());
	skb->priority = PRIORITY_BEST_EFFORT;
	skb->tstamp = due_ns;
	return VERDICT_PASS;
}

/* far's egress */
SEC("tc")
int line_decide(struct __sk_buff *skb)
{
	__u32 tag = skb->tc_index, key = 0, which = tag & CHAOS_LINE_COPY ? 1 : 0, flags;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);
	struct chaos_port *port = port__get(tag);
	struct passage *p;
	__u64 t0_ns, due_ns, now_ns;
	bool drop;

	if (!ctl || !port)
		return verdict__drop(CHAOS_EGRESS);
	t0_ns = *(volatile __u64 *)&ctl->t0_ns;
	if ((tag & CHAOS_LINE_RELEASED) || !t0_ns) {
		skb->tstamp = 0;
		return VERDICT_PASS;
	}
	p = passage__get(which);
	if (!p)
		return VERDICT_PASS;
	__builtin_memset(p, 0, offsetof(struct passage, quote));
	drop = line__rules(skb, p, port, t0_ns, which);
	flags = p->out.flags;
	due_ns = p->out.due_ns;
	if (flags & OUTCOME_COPY)
		line__copy(skb, tag);
	if (!drop && (flags & OUTCOME_CORRUPT))
		change__corrupt(skb, &p->pkt, p->out.draw, flags & OUTCOME_SILENT);
	if (!drop && (flags & OUTCOME_ECN))
		change__mark(skb, &p->pkt);
	if (capture_snaplen) {
		now_ns = bpf_ktime_get_ns();
		capture__packet(skb, p, port->hook.netns, port->ifindex,
				capture__flags(&p->out, drop, due_ns > now_ns, which),
				due_ns > now_ns ? due_ns - now_ns : 0);
	}
	if (drop)
		return line__dropped(skb, p, tag);
	return line__deliver(skb, ctl, tag, due_ns);
}

/* --- the ways --------------------------------------------------------------------------------- */

/* far's ingress: through far's egress, where the queue is. */
SEC("tc")
int line_turn(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, 0);
}

/*
 * What came from the loopback device has lost its route on the way. IPv4 takes no packet from a local address on
 * lo without one, but on near, where user space has allowed it (accept_local, route_localnet); IPv6 takes it on lo.
 */
static __always_inline int line__receive(struct __sk_buff *skb)
{
	skb->tc_index = 0;
	bpf_skb_change_type(skb, TO_HOST);
	return VERDICT_PASS;
}

/* near's ingress: back to the hook. */
SEC("tc")
int line_return(struct __sk_buff *skb)
{
	struct chaos_port *port;
	__u32 direction;

	if (skb->tc_index == CHAOS_LINE_ROUTELESS)
		return line__receive(skb);
	port = port__get(skb->tc_index);
	if (!port)
		return VERDICT_SHOT;
	/* No time of ours may reach a receiver's SO_TIMESTAMP, nor fq's hash a flow hash. */
	skb->tstamp = 0;
	bpf_set_hash_invalid(skb);
	if (port->loopback == CHAOS_LOOPBACK_DIRECT && skb->protocol == bpf_htons(ETHERTYPE_IPV4))
		return line__receive(skb);
	skb->tc_index = CHAOS_LINE_BACK | (skb->ifindex & CHAOS_LINE_PORT);
	direction = port->loopback ? CHAOS_INGRESS : port->direction;
	return bpf_redirect(port->ifindex, direction == CHAOS_INGRESS ? BPF_F_INGRESS : 0);
}

/* The TAP's ingress: its tag says of which hook the packet is. */
SEC("tc")
int line_back(struct __sk_buff *skb)
{
	__u32 tag = skb->vlan_tci & CHAOS_LINE_PORT;
	struct chaos_port *port;

	if (!skb->vlan_present)
		return VERDICT_SHOT;
	port = port__get(tag);
	if (!port || bpf_skb_vlan_pop(skb))
		return VERDICT_SHOT;
	skb->tc_index = tag | CHAOS_LINE_RELEASED;
	return bpf_redirect(port->line, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
