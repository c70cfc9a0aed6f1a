// SPDX-License-Identifier: GPL-2.0-only
/* drops.c: why the kernel dropped packets. Its numbers move from release to release; its BTF has their names. */
#include "datapath/dataplane_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <string.h>

#define PREFIX "SKB_DROP_REASON_"

static struct btf *vmlinux; /* read once; stays */
static const struct btf_type *reasons;

/* The kernel's enum; NULL if it has none. */
static const struct btf_type *reasons_of_kernel(void)
{
	int id;

	if (vmlinux)
		return reasons;
	vmlinux = btf__load_vmlinux_btf();
	if (!vmlinux)
		return NULL;
	id = btf__find_by_name_kind(vmlinux, "skb_drop_reason", BTF_KIND_ENUM);
	if (id > 0)
		reasons = btf__type_by_id(vmlinux, (uint32_t)id);
	return reasons;
}

static const char *reason_name(const struct btf_type *t, uint32_t reason)
{
	const struct btf_enum *e = t ? btf_enum(t) : NULL;

	for (uint32_t i = 0; t && i < btf_vlen(t); i++) {
		const char *name;

		if ((uint32_t)e[i].val != reason)
			continue;
		name = btf__name_by_offset(vmlinux, e[i].name_off);
		return !strncmp(name, PREFIX, strlen(PREFIX)) ? name + strlen(PREFIX) : name;
	}
	return NULL;
}

int dataplane__drops(struct dataplane *dp, struct dp_drop **ret, size_t *ret_n)
{
	const struct btf_type *t = reasons_of_kernel();
	_cleanup_free_ struct dp_drop *v = NULL;
	struct chaos_drop_key key, next;
	const void *from = NULL;
	size_t n = 0, cap = 0;

	if (!dp->tracing.drops || !t)
		return -ENOENT;
	/* Rows are only ever added. */
	while (!bpf_map_get_next_key(dp->map[DP_DROPS], from, &next)) {
		struct dp_drop d = {0};

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(dp->map[DP_DROPS], &key, &d.packets))
			continue;
		if (grow_vec(v, n, cap))
			return -ENOMEM;
		if (key.node && key.node < dp->now.n_nodes)
			d.node = dp->now.nodes[key.node];
		d.reason = reason_name(t, key.reason);
		d.code = key.reason;
		v[n++] = d;
	}
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}
