// SPDX-License-Identifier: GPL-2.0-only
/* bins.c: what the programs counted in bins of time, taken out of memory that is shared with them. */
#include "datapath/dataplane_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/* 14 KiB of kernel memory each. */
	SUBJECTS_MIN = 128,
	SUBJECTS_PER_NODE = 16,
	SUBJECTS_GROWTH = 256,
	SUBJECTS_MAX = 1024,
};

uint32_t dataplane__subjects_max(const struct dataplane *dp)
{
	size_t n = SUBJECTS_MIN + SUBJECTS_PER_NODE * dp->now.n_nodes;

	if (dp->plan->growing)
		n += SUBJECTS_GROWTH;

	if (!dp->plan->traffic_bin_ns)
		return 1;
	return n < SUBJECTS_MAX ? (uint32_t)n : SUBJECTS_MAX;
}

static size_t pages(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

/* NULL: it cannot be mapped. */
static void *map(const struct dataplane *dp, enum dp_map which, size_t size)
{
	void *p = mmap(NULL, pages(size), PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[which], 0);

	return p == MAP_FAILED ? NULL : p;
}

int dataplane__open_bins(struct dataplane *dp, struct error *err)
{
	const uint32_t max = dataplane__subjects_max(dp);
	int r;

	if (!dp->plan->traffic_bin_ns)
		return 0;
	dp->recording = map(dp, DP_RECORDING, sizeof(*dp->recording));
	dp->subject_keys = map(dp, DP_SUBJECT_KEYS, max * sizeof(*dp->subject_keys));
	dp->bins = map(dp, DP_BINS, max * sizeof(*dp->bins));
	dp->services = map(dp, DP_SERVICES, sizeof(*dp->services));
	if (!dp->recording || !dp->subject_keys || !dp->bins || !dp->services)
		return dataplane__fail(err, -errno, "map the bins of traffic into memory");
	dp->recording->max = max;
	dp->recording->reserve = max / 4;
	dp->recording->n_subjects = CHAOS_SUBJECT_REST + 1;
	r = dataplane__open_tracing(dp, &dp->tracing, err);
	return r ?: dataplane__set_spaces(dp, err);
}

static void unmap(void *p, size_t size)
{
	if (p)
		munmap(p, pages(size));
}

void dataplane__close_bins(struct dataplane *dp)
{
	const uint32_t max = dp->recording ? dp->recording->max : 0;

	for (int i = 0; i < TRACING_PROGS; i++)
		safe_close(dp->tracing.link[i]);
	unmap(dp->bins, max * sizeof(*dp->bins));
	unmap(dp->subject_keys, max * sizeof(*dp->subject_keys));
	unmap(dp->services, sizeof(*dp->services));
	unmap(dp->recording, sizeof(*dp->recording));
}

/* --- namespaces ------------------------------------------------------------------------------- */

/* Whose everything in namespace @i is, CHAOS_NODE_OTHER if addresses tell, and whose drops there are. False: no hook
 * of ours is there. */
static bool space_of(const struct dataplane *dp, size_t i, struct chaos_space *ret)
{
	struct chaos_space s = {0};
	bool any = false, fixed = true;

	for (size_t k = 0; k < dp->now.n_hooks; k++) {
		const struct compiled_hook *h = &dp->now.hooks[k];

		if (h->netns != i)
			continue;
		if (any && h->hook.ident.node != s.shown)
			fixed = false;
		if (!(h->hook.flags & CHAOS_HOOK_FIXED))
			fixed = false;
		if (!any)
			s.shown = h->hook.ident.node;
		any = true;
	}
	s.node = fixed ? s.shown : CHAOS_NODE_OTHER;
	*ret = s;
	return any;
}

static bool has_space(const struct dataplane *dp, uint32_t inum)
{
	struct chaos_space s;

	for (size_t i = 0; i < dp->places.n; i++)
		if (dp->places.v[i].fd >= 0 && (uint32_t)dp->places.v[i].id.ino == inum &&
		    space_of(dp, i, &s))
			return true;
	return false;
}

int dataplane__set_spaces(struct dataplane *dp, struct error *err)
{
	const int fd = dp->map[DP_SPACES];
	struct chaos_space s;
	uint32_t inum, next;
	const void *from = NULL;
	int r = 0;

	if (!dp->tracing.tcp)
		return 0;
	for (size_t i = 0; i < dp->places.n && !r; i++) {
		if (dp->places.v[i].fd < 0 || !space_of(dp, i, &s))
			continue;
		inum = (uint32_t)dp->places.v[i].id.ino;
		r = bpf_map_update_elem(fd, &inum, &s, BPF_ANY);
	}
	/* What is deleted is no key to go on from: the one before it is. */
	while (!r && !bpf_map_get_next_key(fd, from, &next)) {
		if (!has_space(dp, next)) {
			r = bpf_map_delete_elem(fd, &next);
			continue;
		}
		inum = next;
		from = &inum;
	}
	return r ? dataplane__fail(err, r, "trace the connections of a namespace") : 0;
}

/* --- bins ------------------------------------------------------------------------------------- */

/* The sums of a bin, and zeroes in their place. False: it was all zeroes. */
static bool take(struct chaos_bin *from, struct chaos_bin *to)
{
	__u64 *const wide[] = {&from->bytes, &from->back_bytes, &from->connect_us,
			       &from->first_byte_us, &from->rtt_us};
	__u64 *const wide_to[] = {&to->bytes, &to->back_bytes, &to->connect_us, &to->first_byte_us,
				  &to->rtt_us};
	const size_t n = (sizeof(*from) - offsetof(struct chaos_bin, packets)) / sizeof(uint32_t);
	__u32 *narrow = &from->packets, *narrow_to = &to->packets;
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= narrow[i] != 0;
	if (!any)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		*wide_to[i] = __atomic_exchange_n(wide[i], 0, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n; i++)
		narrow_to[i] = __atomic_exchange_n(&narrow[i], 0, __ATOMIC_RELAXED);
	return true;
}

static const char *name_of(const struct dataplane *dp, uint32_t node)
{
	return dp->now.nodes[node < dp->now.n_nodes ? node : CHAOS_NODE_OTHER];
}

int dataplane__take_bins(struct dataplane *dp, uint64_t from, uint64_t to, dp_bins_fn *fn,
			 void *arg)
{
	struct chaos_bin v[CHAOS_BINS];
	uint32_t n;

	if (!dp->bins)
		return -ENOENT;
	if (to <= from)
		return 0;
	if (to - from > CHAOS_BINS)
		return -EINVAL;
	n = __atomic_load_n(&dp->recording->n_subjects, __ATOMIC_ACQUIRE);
	if (n > dp->recording->max)
		n = dp->recording->max;
	for (uint32_t i = 0; i < n; i++) {
		const struct chaos_subject *s = &dp->subject_keys[i];
		bool any = false;

		memset(v, 0, (size_t)(to - from) * sizeof(*v));
		for (uint64_t b = from; b < to; b++)
			any |= take(&dp->bins[i].bin[b % CHAOS_BINS], &v[b - from]);
		if (!any)
			continue;
		fn(&(struct dp_bins){.client = name_of(dp, s->client),
				     .server = name_of(dp, s->server),
				     .port = s->port,
				     .proto = s->proto,
				     .v = v,
				     .n = (size_t)(to - from)},
		   arg);
	}
	return 0;
}

uint64_t dataplane__bins_refused(const struct dataplane *dp)
{
	return dp->recording ? __atomic_load_n(&dp->recording->refused, __ATOMIC_RELAXED) : 0;
}

void dataplane__add_service(struct dataplane *dp, uint16_t port)
{
	if (dp->services)
		__atomic_store_n(&dp->services->tcp[port], 1, __ATOMIC_RELAXED);
}

const char *dataplane__bins_missing(const struct dataplane *dp)
{
	return *dp->tracing.missing ? dp->tracing.missing : NULL;
}
