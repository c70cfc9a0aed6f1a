// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/capture.h"

#include "datapath/dataplane_internal.h"
#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

struct dp_capture {
	struct dataplane *dp;
	struct ring_buffer *ring;
	dp_packet_fn fn;
	void *arg;
};

static int take(void *arg, void *data, size_t size)
{
	const struct chaos_captured *x = data;
	struct dp_capture *c = arg;
	const char *node = NULL, *ifname = NULL;

	if (size < offsetof(struct chaos_captured, data) ||
	    size - offsetof(struct chaos_captured, data) < x->len)
		return 0;
	for (size_t i = 0; i < c->dp->n_attached && !node; i++)
		if (c->dp->attached[i].netns == x->netns &&
		    c->dp->shown[i].ifindex == (int)x->ifindex) {
			node = c->dp->shown[i].node;
			ifname = c->dp->shown[i].ifname;
		}
	return c->fn(c->arg, x, node, ifname);
}

int dp_capture__open(struct dataplane *dp, dp_packet_fn fn, void *arg, struct dp_capture **ret,
		     struct error *err)
{
	struct dp_capture *c;

	if (!dp->plan->capture_snaplen || dp->map[DP_CAPTURED] < 0)
		return err__set(err, -ENODATA, "nothing is captured");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err__set(err, -ENOMEM, "out of memory");
	*c = (struct dp_capture){.dp = dp, .fn = fn, .arg = arg};
	c->ring = ring_buffer__new(dp->map[DP_CAPTURED], take, c, NULL);
	if (!c->ring) {
		int r = -errno;

		free(c);
		return dataplane__fail(err, r, "open the ring of captured packets");
	}
	*ret = c;
	return 0;
}

int dp_capture__drain(struct dp_capture *c)
{
	return ring_buffer__consume(c->ring);
}

uint64_t dp_capture__lost(const struct dp_capture *c)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct chaos_capture *v = n > 0 ? calloc((size_t)n, sizeof(*v)) : NULL;
	uint64_t lost = 0;
	__u32 key = 0;

	if (!v || bpf_map_lookup_elem(c->dp->map[DP_CAPTURES], &key, v))
		return 0;
	for (int i = 0; i < n; i++)
		lost += v[i].lost;
	return lost;
}

void dp_capture__close(struct dp_capture *c)
{
	if (!c)
		return;
	ring_buffer__free(c->ring);
	free(c);
}
