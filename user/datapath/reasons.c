// SPDX-License-Identifier: GPL-2.0-only
/*
 * reasons.c: why the kernel dropped packets and reset connections. Its numbers move from release to release; its BTF has
 * their names.
 */
#include "datapath/dataplane_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <string.h>

struct kind {
	const char *type;   /* the kernel's enum */
	const char *prefix; /* of its names */
	int map;	    /* DP_* */
};

static const struct kind kinds[] = {
	[DP_WHY_DROPPED] = {"skb_drop_reason", "SKB_DROP_REASON_", DP_DROPS},
	[DP_WHY_RESET] = {"sk_rst_reason", "SK_RST_REASON_", DP_RESETS},
};

/* Read once; stays. NULL: the kernel has none. */
static const struct btf *kernel(void)
{
	static struct btf *vmlinux;
	static bool read;

	if (!read)
		vmlinux = btf__load_vmlinux_btf();
	read = true;
	return vmlinux;
}

/* NULL: the kernel has no such enum. */
static const struct btf_type *reasons_of_kernel(enum dp_why why)
{
	static const struct btf_type *types[ARRAY_SIZE(kinds)];
	int id;

	if (!types[why] && kernel()) {
		id = btf__find_by_name_kind(kernel(), kinds[why].type, BTF_KIND_ENUM);
		if (id > 0)
			types[why] = btf__type_by_id(kernel(), (uint32_t)id);
	}
	return types[why];
}

static const char *reason_name(const struct btf_type *t, const char *prefix, uint32_t reason)
{
	const struct btf_enum *e = btf_enum(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *name;

		if ((uint32_t)e[i].val != reason)
			continue;
		name = btf__name_by_offset(kernel(), e[i].name_off);
		return !strncmp(name, prefix, strlen(prefix)) ? name + strlen(prefix) : name;
	}
	return NULL;
}

int dataplane__reasons(struct dataplane *dp, enum dp_why why, struct dp_reason **ret, size_t *ret_n)
{
	const bool told = why == DP_WHY_DROPPED ? dp->tracing.drops : dp->tracing.resets;
	const struct btf_type *t = told ? reasons_of_kernel(why) : NULL;
	_cleanup_free_ struct dp_reason *v = NULL;
	struct chaos_reason_key key, next;
	const void *from = NULL;
	size_t n = 0, cap = 0;

	if (!t)
		return -ENOENT;
	/* Rows are only ever added. */
	while (!bpf_map_get_next_key(dp->map[kinds[why].map], from, &next)) {
		struct dp_reason d = {0};

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(dp->map[kinds[why].map], &key, &d.packets))
			continue;
		if (grow_vec(v, n, cap))
			return -ENOMEM;
		if (key.node && key.node < dp->now.n_nodes)
			d.node = dp->now.nodes[key.node];
		d.reason = reason_name(t, kinds[why].prefix, key.reason);
		d.code = key.reason;
		v[n++] = d;
	}
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}
