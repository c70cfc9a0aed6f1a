/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* uapi.h: constants of linux/bpf.h that are in anonymous enums, which no BTF type of ours brings. */
#ifndef UAPI_H
#define UAPI_H

enum {
	BPF_F_RECOMPUTE_CSUM = 1 << 0,	  /* bpf_skb_store_bytes() */
	BPF_F_INGRESS = 1 << 0,		  /* bpf_redirect() */
	BPF_F_MARK_MANGLED_0 = 1 << 5,	  /* bpf_l4_csum_replace() */
	BPF_CSUM_LEVEL_RESET = 3,	  /* bpf_csum_level() */
	BPF_ADJ_ROOM_MAC = 1,		  /* bpf_skb_adjust_room() */
	BPF_SKB_TSTAMP_DELIVERY_MONO = 1, /* bpf_skb_set_tstamp() */
	BPF_SK_STORAGE_GET_F_CREATE = 1 << 0, /* bpf_sk_storage_get() */
};

enum {
	PROTO_ICMPV6 = 58, /* IPPROTO_ICMPV6 is of linux/in6.h */
	/* AF_INET, AF_INET6 */
	FAMILY_INET = 2,
	FAMILY_INET6 = 10,
};

#endif
