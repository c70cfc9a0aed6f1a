// SPDX-License-Identifier: GPL-2.0-only
/* counters.c: what the programs counted, summed over CPUs. */
#include "datapath/dataplane_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

static void add_edge(struct chaos_edge_counts *sum, const struct chaos_edge_counts *c)
{
	sum->matched += c->matched;
	sum->matched_bytes += c->matched_bytes;
	sum->dropped += c->dropped;
	sum->delayed += c->delayed;
	sum->reordered += c->reordered;
	sum->duplicated += c->duplicated;
	sum->corrupted += c->corrupted;
	sum->shaped += c->shaped;
	sum->overflowed += c->overflowed;
	sum->reset += c->reset;
	sum->rejected += c->rejected;
	sum->marked += c->marked;
	if (c->first_hit_ns && (!sum->first_hit_ns || c->first_hit_ns < sum->first_hit_ns))
		sum->first_hit_ns = c->first_hit_ns;
	if (c->last_hit_ns > sum->last_hit_ns)
		sum->last_hit_ns = c->last_hit_ns;
}

/* The values of all CPUs for @key, in memory that the caller frees; NULL with @ret_r set on
 * failure. */
static void *per_cpu(int fd, const void *key, size_t size, int *ret_n_cpus, int *ret_r)
{
	int n = libbpf_num_possible_cpus();
	void *v;

	if (n < 1) {
		*ret_r = n < 0 ? n : -EINVAL;
		return NULL;
	}
	v = calloc((size_t)n, size);
	*ret_r = v ? bpf_map_lookup_elem(fd, key, v) : -ENOMEM;
	if (*ret_r) {
		free(v);
		return NULL;
	}
	*ret_n_cpus = n;
	return v;
}

/* Call @cb for each edge of @fault. */
static int for_each_edge(const struct dataplane *dp, size_t fault,
			 int (*cb)(const struct chaos_edge_key *, const struct chaos_edge_counts *,
				   void *),
			 void *data)
{
	struct chaos_edge_key key, next;
	const void *from = NULL;
	int r;

	/* The programs only ever add rows, so walking by key misses and repeats none. */
	while ((r = bpf_map_get_next_key(dp->map[DP_EDGES], from, &next)) == 0) {
		_cleanup_free_ struct chaos_edge_counts *v = NULL;
		struct chaos_edge_counts sum = {0};
		int n = 0;

		key = next;
		from = &key;
		if (key.fault != fault)
			continue;
		v = per_cpu(dp->map[DP_EDGES], &key, sizeof(*v), &n, &r);
		if (!v)
			return r;
		for (int i = 0; i < n; i++)
			add_edge(&sum, &v[i]);
		r = cb(&key, &sum, data);
		if (r)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

struct hits {
	const struct dataplane *dp;
	struct dp_edge_hits *v;
	size_t n, cap;
};

static const char *node_name(const struct dataplane *dp, uint32_t node)
{
	return dp->now.nodes[node < dp->now.n_nodes ? node : CHAOS_NODE_OTHER];
}

static int add_hits(const struct chaos_edge_key *key, const struct chaos_edge_counts *c, void *data)
{
	struct hits *h = data;

	if (grow_vec(h->v, h->n, h->cap))
		return -ENOMEM;
	h->v[h->n++] = (struct dp_edge_hits){
		.from = node_name(h->dp, key->src_node),
		.to = node_name(h->dp, key->dst_node),
		.counts = *c,
	};
	return 0;
}

int dataplane__hits(struct dataplane *dp, size_t fault, struct dp_edge_hits **ret, size_t *ret_n)
{
	struct hits h = {.dp = dp};
	int r = for_each_edge(dp, fault, add_hits, &h);

	if (r) {
		free(h.v);
		return r;
	}
	*ret = h.v;
	*ret_n = h.n;
	return 0;
}

static int add_total(const struct chaos_edge_key *key, const struct chaos_edge_counts *c,
		     void *data)
{
	(void)key;
	add_edge(data, c);
	return 0;
}

int dataplane__total(struct dataplane *dp, size_t fault, struct chaos_edge_counts *ret)
{
	struct chaos_edge_counts sum = {0};
	int r = for_each_edge(dp, fault, add_total, &sum);

	if (!r)
		*ret = sum;
	return r;
}

int dataplane__traffic(struct dataplane *dp, const char *node, struct chaos_traffic *ret)
{
	_cleanup_free_ struct chaos_traffic *v = NULL;
	struct chaos_traffic sum = {0};
	uint32_t id;
	int n = 0, r = 0;

	if (!dp->plan->count_traffic || intern__find(&dp->numbers.nodes, node, strlen(node), &id) ||
	    ++id >= dp->n_node_here || !dp->node_here[id])
		return -ENOENT;
	v = per_cpu(dp->map[DP_TRAFFIC], &id, sizeof(*v), &n, &r);
	if (!v)
		return r;
	for (int i = 0; i < n; i++) {
		sum.rx_packets += v[i].rx_packets;
		sum.rx_bytes += v[i].rx_bytes;
		sum.tx_packets += v[i].tx_packets;
		sum.tx_bytes += v[i].tx_bytes;
		sum.rx_syn += v[i].rx_syn;
		sum.tx_syn += v[i].tx_syn;
		sum.rx_rst += v[i].rx_rst;
		sum.tx_rst += v[i].tx_rst;
		sum.dropped += v[i].dropped;
	}
	*ret = sum;
	return 0;
}

int dataplane__stats(struct dataplane *dp, struct chaos_stats *ret)
{
	_cleanup_free_ struct chaos_stats *v = NULL;
	struct chaos_stats sum = {0};
	__u32 key = 0;
	int n = 0, r = 0;

	v = per_cpu(dp->map[DP_STATS], &key, sizeof(*v), &n, &r);
	if (!v)
		return r;
	for (int i = 0; i < n; i++) {
		sum.packets += v[i].packets;
		sum.unparsed += v[i].unparsed;
		sum.exempted += v[i].exempted;
		sum.edge_overflow += v[i].edge_overflow;
		sum.no_line += v[i].no_line;
		sum.stray += v[i].stray;
	}
	*ret = sum;
	return 0;
}
