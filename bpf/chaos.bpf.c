// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * chaos.bpf.c: the programs at a device, one for each direction, and their maps. A packet goes through
 * lib/ in a straight line: parse, identity, traffic count, rules, verdict.
 */
#include "vmlinux.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"
#include "lib/maps.h"
#include "lib/count.h"
#include "lib/identity.h"
#include "lib/owner.h"
#include "lib/parse.h"
#include "lib/record.h"
#include "lib/record_dropped.h"
#include "lib/rule_hook.h"
#include "lib/uapi.h"
#include "lib/verdict.h"

struct map_control control SEC(".maps");
struct map_windows windows SEC(".maps");
struct map_rules rules SEC(".maps");
struct map_devices devices SEC(".maps");
struct map_pairs pairs SEC(".maps");
struct map_idents idents SEC(".maps");
struct map_prefixes prefixes SEC(".maps");
struct map_exempt exempt SEC(".maps");
struct map_edges edges SEC(".maps");
struct map_traffic traffic SEC(".maps");
struct map_stats stats SEC(".maps");
struct map_passages passages SEC(".maps");
struct map_sockets sockets SEC(".maps");
struct map_processes processes SEC(".maps");
struct map_joins joins SEC(".maps");
struct map_subjects subjects SEC(".maps");
struct map_bins bins SEC(".maps");
struct map_services services SEC(".maps");
struct map_subject_keys subject_keys SEC(".maps");
struct map_recording recording SEC(".maps");
struct map_subjects_lock subjects_lock SEC(".maps");
struct map_conns conns SEC(".maps");
struct map_captured captured SEC(".maps");
struct map_captures captures SEC(".maps");

const volatile struct chaos_hook hook = {};
const volatile __u32 have_prefixes = 1;
const volatile __u32 have_owners = 1;
const volatile __u64 traffic_bin_ns = 0;
const volatile __u32 capture_snaplen = 0;
/* bpf_skb_set_tstamp() is of Linux 5.18; without it the code that calls it is no code to the verifier. */
const volatile __u32 have_set_tstamp = 0;

/* An enum rule_result: RULE_NONE, RULE_DROP, RULE_LINE. */
static __always_inline int packet__handle(struct __sk_buff *skb, struct packet *pkt,
					  struct flow *flow, const struct chaos_control *ctl,
					  __u64 t0_ns)
{
	bool loopback = skb->ifindex == LOOPBACK_IFINDEX;
	struct chaos_traffic *node = traffic__get(&hook, loopback);
	bool parsed = !packet__parse(skb, pkt);
	struct chaos_stats *totals;
	int result;

	if ((pkt->flags & PACKET_TAGGED) && (hook.flags & CHAOS_HOOK_SKIP_TAGGED))
		return RULE_NONE;
	flow->segs = skb->gso_segs ? skb->gso_segs : 1;
	flow->bytes = packet__wire_bytes(skb, pkt, flow->segs);
	if (node)
		traffic__count(node, pkt, flow);
	if (!t0_ns)
		return RULE_NONE;

	totals = stats__get();
	if (totals) {
		totals->packets++;
		totals->unparsed += !parsed;
	}
	if (!parsed)
		return RULE_NONE;
	flow__identify(&hook, loopback, pkt, flow);
	if (have_owners)
		flow__own(skb, &hook, pkt, flow, ctl->owners_epoch);
	if (traffic_bin_ns)
		record__packet(skb, t0_ns);
	result = rules__at_hook(flow, ctl, t0_ns);
	if (result != RULE_DROP)
		return result;
	if (node)
		node->dropped += flow->segs;
	if (traffic_bin_ns)
		record__dropped(0, t0_ns);
	return result;
}

static __always_inline struct chaos_device *device__get(const struct __sk_buff *skb)
{
	struct chaos_device_key key = {.netns = hook.netns, .ifindex = skb->ifindex};

	return bpf_map_lookup_elem(&devices, &key);
}

/*
 * Has the packet been here? From our line it comes back to this hook, past all that stand before it: to each
 * of these, another run's, it is one that they have had already. Those behind it have not.
 */
static __always_inline bool hook__had(struct __sk_buff *skb)
{
	__u32 tag = skb->tc_index;
	struct chaos_device *device;

	if ((tag & CHAOS_LINE_BACK) != CHAOS_LINE_BACK)
		return false;
	device = device__get(skb);
	if (device && (tag & CHAOS_LINE_PORT) == (device->line & CHAOS_LINE_PORT))
		skb->tc_index = skb->ifindex == LOOPBACK_IFINDEX &&
						skb->protocol == bpf_htons(ETHERTYPE_IPV4)
					? CHAOS_LINE_ROUTELESS
					: 0;
	return true;
}

/*
 * Onto the line. A clone goes: it has no socket, so TCP sees its packet as sent and not as waiting in its
 * device's queue. Without a line (its device has just gone) the packet passes.
 */
static __always_inline int hook__detour(struct __sk_buff *skb, const struct flow *flow)
{
	__u32 direction = flow->direction;
	struct chaos_device *device = device__get(skb);
	__u64 now_ns = have_set_tstamp ? bpf_ktime_get_ns() : 0;
	__u32 had = skb->tc_index;
	struct chaos_stats *totals;

	if (device) {
		/* Delays count from here, not from where they are decided; a time in the future is TCP's
		 * own pacing. */
		if (have_set_tstamp && skb->tstamp < now_ns)
			bpf_skb_set_tstamp(skb, now_ns, BPF_SKB_TSTAMP_DELIVERY_MONO);
		skb->tc_index = device->port + direction;
		if (have_owners)
			flow__pack_owners(skb, flow);
		if (bpf_clone_redirect(skb, device->line, 0) >= 0)
			return verdict__drop(direction);
		skb->tc_index = had;
		if (have_owners)
			bpf_set_hash_invalid(skb);
	}
	totals = stats__get();
	if (totals)
		totals->no_line++;
	return VERDICT_PASS;
}

static __always_inline int hook__run(struct __sk_buff *skb, __u32 direction)
{
	__u32 key = 0;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);
	struct passage *p;
	__u64 t0_ns;
	int result;

	if (!ctl)
		return VERDICT_PASS;
	if (hook__had(skb))
		return VERDICT_PASS;
	/* Read once: user space may clear it at any time. */
	t0_ns = *(volatile __u64 *)&ctl->t0_ns;
	if (!t0_ns && !(hook.flags & CHAOS_HOOK_TRAFFIC))
		return VERDICT_PASS;
	p = passage__get(0);
	if (!p)
		return VERDICT_PASS;
	__builtin_memset(p, 0, offsetof(struct passage, out));
	p->flow.direction = direction;
	result = packet__handle(skb, &p->pkt, &p->flow, ctl, t0_ns);
	/* what goes on a detour is captured where that decides */
	if (result != RULE_LINE)
		capture__packet(skb, p, hook.netns, skb->ifindex,
				result == RULE_DROP ? CHAOS_CAPTURED_DROPPED : 0, 0);
	switch (result) {
	case RULE_DROP:
		return verdict__drop(direction);
	case RULE_LINE:
		return hook__detour(skb, &p->flow);
	default:
		return VERDICT_PASS;
	}
}

SEC("tc")
int chaos_ingress(struct __sk_buff *skb)
{
	return hook__run(skb, CHAOS_INGRESS);
}

SEC("tc")
int chaos_egress(struct __sk_buff *skb)
{
	return hook__run(skb, CHAOS_EGRESS);
}

/* lo's ingress, behind all hooks. Where our line has gone another run's program may follow. */
SEC("tc")
int chaos_last(struct __sk_buff *skb)
{
	struct chaos_device *device;

	if (skb->tc_index != CHAOS_LINE_ROUTELESS)
		return VERDICT_PASS;
	device = device__get(skb);
	if (!device || bpf_clone_redirect(skb, device->line, BPF_F_INGRESS) < 0)
		return VERDICT_PASS;
	return VERDICT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
