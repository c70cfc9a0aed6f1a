// SPDX-License-Identifier: GPL-2.0-only
/* line.c: the line's namespace, devices, programs and queues. */
#include "datapath/line.h"

#include "datapath/dataplane_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "lib/rtnl.h"
#include "line/hold.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
	/* Packets that a queue of the line holds: 1 Gbit/s of the smallest ones for a second, or
	 * 10 Gbit/s of full ones for more than one. fq allots no memory for them beforehand. */
	LINE_PACKETS_MAX = 2000000,
	/* Room for frames in the process behind the TAP. */
	LINE_BYTES_MAX = 1 << 30,
	/* The TAP's own queue: what comes while the process has no turn, 512 MiB of the largest
	 * GSO packets at worst. */
	LINE_TAP_QUEUE = 8192,
	LINE_DRAIN_POLL_MS = 2,
	LINE_NAME_DIGITS = 8,
	PACKET_BYTES_MAX = 65536,
};

/* A namespace with hooks, and the veth pair between it and the line's. */
struct line_pair {
	bool made;
	int near, far; /* ifindexes, in either namespace */
	struct attach near_at, far_at;
	struct attach last_at; /* on loopback */
};

struct line {
	struct dataplane *dp;
	struct line_needs needs;
	int netns; /* the line's own */
	char name[IFNAMSIZ];
	bool tap;
	int tap_ifindex;
	struct attach tap_at;
	struct hold *hold;
	struct line_pair *pairs; /* by number of the namespace (dp->places) */
	size_t n_pairs;
	struct intern ports; /* struct chaos_device_key -> number */
};

/* --- what it is for --------------------------------------------------------------------------- */

static bool is_set(const struct chaos_param *p)
{
	return p->from || p->to;
}

static uint64_t larger(const struct chaos_param *p)
{
	return p->from > p->to ? p->from : p->to;
}

/* Upper bounds: four standard deviations of jitter (a table of one's own may have more), the queue and
 * the largest packet behind it. */
static uint64_t held_at_most(const struct chaos_rule *r)
{
	uint64_t ns = 0;

	if (r->actions & CHAOS_ACT_DELAY)
		ns += larger(&r->delay.latency_ns) + 4 * larger(&r->delay.jitter_ns);
	if (r->actions & CHAOS_ACT_RATE) {
		uint64_t slowest = r->rate.bytes_per_s.from < r->rate.bytes_per_s.to
					   ? r->rate.bytes_per_s.from
					   : r->rate.bytes_per_s.to;

		ns += r->rate.queue_ns;
		if (slowest)
			ns += (r->rate.queue_bytes + PACKET_BYTES_MAX) * NS_PER_S / slowest;
	}
	return ns < LINE_LONGEST_NS ? ns : LINE_LONGEST_NS;
}

struct line_needs line__needs(const struct dp_plan *plan)
{
	/* A constant delay is the same for a GSO packet and for each of its wire packets. */
	const uint32_t whole = CHAOS_ACT_PARTITION | CHAOS_ACT_DELAY;
	const uint32_t rewrites =
		CHAOS_ACT_CORRUPT | CHAOS_ACT_RESET | CHAOS_ACT_REJECT | CHAOS_ACT_MTU;
	struct line_needs n = {0};

	for (size_t i = 0; i < plan->n_faults; i++) {
		const struct chaos_rule *r = &plan->faults[i].rule;
		uint64_t held = held_at_most(r);

		if (!(r->actions & ~CHAOS_ACT_PARTITION))
			continue;
		n.any = true;
		n.wire |= (r->actions & ~whole) || is_set(&r->delay.jitter_ns) ||
			  (r->delay.flags & CHAOS_DELAY_REORDER) || r->match.nth ||
			  r->match.first || (r->match.flags & CHAOS_MATCH_LENGTH);
		n.checksums |= !!(r->actions & rewrites);
		n.held |= !!(r->actions & (CHAOS_ACT_DELAY | CHAOS_ACT_RATE));
		n.longest_ns = n.longest_ns + held < LINE_LONGEST_NS ? n.longest_ns + held
								     : LINE_LONGEST_NS;
	}
	return n;
}

/* --- its namespace ---------------------------------------------------------------------------- */

static int make_netns(struct error *err)
{
	_cleanup_(netns__leave) int old = netns__open_self();
	int fd, r;

	if (old < 0)
		return err__set(err, old, "cannot open this network namespace: %s", strerror(-old));
	if (unshare(CLONE_NEWNET) < 0) {
		r = -errno;
		old = safe_close(old);
		return err__set(err, r, "cannot make the line's network namespace: %s",
				strerror(-r));
	}
	fd = netns__open_self();
	return fd < 0 ? err__set(err, fd, "cannot open the line's network namespace: %s",
				 strerror(-fd))
		      : fd;
}

/* Does fq come to this kernel? Found out on the loopback device of the line's own namespace. */
static int try_fq(int netns)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int r = netns__enter(netns, &old);

	if (!r)
		r = rtnl__open(&rt);
	return r ?: rtnl__add_fq(&rt, 1, 1, NS_PER_S);
}

static int choose_hold(struct line *l, struct error *err)
{
	enum dp_hold_mode mode = l->dp->plan->hold;
	int r = mode == DP_HOLD_TAP ? -ENOENT : try_fq(l->netns);

	if (r && mode == DP_HOLD_FQ)
		return err__set(err, r, "this kernel has no fq qdisc (CONFIG_NET_SCH_FQ): %s",
				strerror(-r));
	l->tap = r;
	return 0;
}

static int start_tap(struct line *l, struct error *err)
{
	const struct hold_limits limits = {.packets = LINE_PACKETS_MAX, .bytes = LINE_BYTES_MAX};
	const struct attach_progs progs = {.fd = {l->dp->line_progs[0].back, -1}};
	_cleanup_(netns__leave) int old = -1;
	_cleanup_close_ int tap = -1;
	int r = netns__enter(l->netns, &old);

	if (r)
		return err__set(err, r, "cannot enter the line's network namespace: %s",
				strerror(-r));
	tap = hold__open_tap("hold", LINE_TAP_QUEUE, &l->tap_ifindex, err);
	if (tap < 0)
		return tap;
	r = attach__open(l->netns, l->tap_ifindex, "the delay line", &progs, l->dp->tcx, &l->tap_at,
			 err);
	if (!r)
		r = hold__start(tap, &limits, &l->hold, err);
	if (!r)
		__atomic_store_n(&l->dp->control->tap_ifindex, (__u32)l->tap_ifindex,
				 __ATOMIC_RELEASE);
	return r;
}

int line__need_pairs(struct line *l, struct error *err)
{
	size_t want = l->dp->places.n;
	struct line_pair *v;

	if (want <= l->n_pairs)
		return 0;
	v = realloc(l->pairs, want * sizeof(*v));
	if (!v)
		return err__set(err, -ENOMEM, "out of memory");
	memset(v + l->n_pairs, 0, (want - l->n_pairs) * sizeof(*v));
	l->pairs = v;
	l->n_pairs = want;
	return 0;
}

int line__open(struct dataplane *dp, const struct line_needs *needs, struct line **ret,
	       struct error *err)
{
	struct line *l = calloc(1, sizeof(*l));
	uint32_t tag;
	int r = 0;

	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	l->dp = dp;
	l->needs = *needs;
	l->netns = -1;
	r = line__need_pairs(l, err);
	/* Two runs may meet in a namespace. */
	if (!r && getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
		r = err__set(err, -errno, "getrandom: %s", strerror(errno));
	if (!r) {
		snprintf(l->name, sizeof(l->name), LINE_PREFIX "%0*x", LINE_NAME_DIGITS, tag);
		l->netns = make_netns(err);
		r = l->netns < 0 ? l->netns : 0;
		if (!r && l->needs.held)
			r = choose_hold(l, err);
	}
	if (!r && l->tap)
		r = start_tap(l, err);
	if (r) {
		line__close(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* --- a namespace's way onto it ---------------------------------------------------------------- */

/* Checksums are computed by the device's driver or, without this, by whoever is next. */
static int checksums_here(const char *name)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq req = {.ifr_data = (void *)&off};

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &req) < 0 ? -errno : 0;
}

static int make_near(struct line *l, struct line_pair *p, const char *far_name, struct error *err)
{
	const struct rtnl_veth_end near = {.name = l->name, .gso_max_segs = l->needs.wire ? 1 : 0};
	const struct rtnl_veth_end far = {.name = far_name};
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int r = rtnl__open(&rt);

	if (!r)
		r = rtnl__add_line(&rt, &near, &far, l->netns);
	if (!r) {
		p->made = true;
		p->near = rtnl__ifindex(&rt, l->name);
		r = p->near < 0 ? p->near : rtnl__up_silent(&rt, p->near);
	}
	if (!r && l->needs.checksums)
		r = checksums_here(l->name);
	return r ? err__set(err, r, "cannot make the veth pair of the line: %s", strerror(-r)) : 0;
}

static int write_conf(const char *path, const char *value)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* Is a reverse-path filter on for all devices? It would not let local addresses in by ours. */
static bool filters_paths(void)
{
	_cleanup_close_ int fd =
		open("/proc/sys/net/ipv4/conf/all/rp_filter", O_RDONLY | O_CLOEXEC);
	char c = '0';

	return fd >= 0 && read(fd, &c, 1) == 1 && c != '0';
}

/* The way back of what came from lo (line_return): settings of our own device, which go with it. In
 * the device's namespace. */
static int admit_local(const struct line *l, const struct compiled_hook *h, struct error *err)
{
	static const char *const settings[] = {"accept_local", "route_localnet"};
	char path[96];
	int r = 0;

	if (filters_paths())
		return err__set(err, -EOPNOTSUPP,
				"%s: only partitions are possible on loopback while "
				"net.ipv4.conf.all.rp_filter is not 0",
				h->ifname);
	for (size_t i = 0; i < ARRAY_SIZE(settings) && !r; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", l->name, settings[i]);
		r = write_conf(path, "1");
	}
	return r ? err__set(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int connect_loopback(struct line *l, const struct compiled_hook *h, struct error *err)
{
	struct attach *last = &l->pairs[h->netns].last_at;
	int netns = l->dp->places.v[h->netns].fd;
	_cleanup_(netns__leave) int old = -1;
	uint32_t instance;
	int r = netns__enter(netns, &old);

	if (r)
		return err__set(err, r, "cannot enter the namespace of %s: %s", h->ifname,
				strerror(-r));
	r = admit_local(l, h, err);
	netns__leave(&old);
	if (r || last->ifindex)
		return r;
	r = dataplane__instance(l->dp, h, &instance, err);
	return r
		       ?: attach__open_last(netns, h->ifindex, h->ifname,
					    l->dp->instances[instance].last, l->dp->tcx, last, err);
}

/* Behind a program of somebody else that passes packets for good, there would be no end of the hooks. */
static __u32 loopback_way(const struct line *l, const struct compiled_hook *h)
{
	if (!h->loopback)
		return CHAOS_LOOPBACK_NOT;
	return attach__has_others(l->dp->places.v[h->netns].fd, h->ifindex, l->dp->tcx)
		       ? CHAOS_LOOPBACK_DIRECT
		       : CHAOS_LOOPBACK_HOOKS;
}

static int64_t horizon(const struct line *l)
{
	const int64_t least = 10 * NS_PER_S, longest = (int64_t)l->needs.longest_ns;

	return longest * 2 > least ? longest * 2 : least;
}

static int make_far(struct line *l, struct line_pair *p, const char *far_name, struct error *err)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int r = netns__enter(l->netns, &old);

	if (!r)
		r = rtnl__open(&rt);
	if (!r) {
		p->far = rtnl__ifindex(&rt, far_name);
		r = p->far < 0 ? p->far : rtnl__up_silent(&rt, p->far);
	}
	if (!r && l->needs.held && !l->tap)
		r = rtnl__add_fq(&rt, p->far, LINE_PACKETS_MAX, horizon(l));
	return r ? err__set(err, r, "cannot set up the far end of the line: %s", strerror(-r)) : 0;
}

static int make_pair(struct line *l, const struct compiled_hook *h, struct error *err)
{
	const struct dataplane *dp = l->dp;
	struct line_pair *p = &l->pairs[h->netns];
	const struct line_progs *progs = &dp->line_progs[h->scope];
	const struct attach_progs near = {.fd = {progs->to_hook, -1}};
	const struct attach_progs far = {.fd = {progs->turn, progs->decide}};
	int netns = dp->places.v[h->netns].fd, r;
	_cleanup_(netns__leave) int old = -1;
	char far_name[IFNAMSIZ];

	snprintf(far_name, sizeof(far_name), "far%zu", h->netns);
	r = netns__enter(netns, &old);
	if (r)
		return err__set(err, r, "cannot enter the namespace of %s: %s", h->ifname,
				strerror(-r));
	r = make_near(l, p, far_name, err);
	netns__leave(&old);
	if (!r)
		r = make_far(l, p, far_name, err);
	/* The way back stands before anything can go in. */
	if (!r)
		r = attach__open(netns, p->near, l->name, &near, dp->tcx, &p->near_at, err);
	if (!r)
		r = attach__open(l->netns, p->far, far_name, &far, dp->tcx, &p->far_at, err);
	return r;
}

static int write_port(struct line *l, const struct compiled_hook *h, struct error *err)
{
	const struct chaos_device_key key = {.netns = (__u32)h->netns,
					     .ifindex = (__u32)h->ifindex};
	const struct line_pair *pair = &l->pairs[h->netns];
	struct chaos_device device = {.line = (__u32)pair->near};
	uint32_t number;
	int r = 0;

	if (intern__put(&l->ports, &key, sizeof(key), &number))
		return err__set(err, -ENOMEM, "out of memory");
	/* Port 0 is nobody's: what somebody else sends into our device. */
	device.port = 2 * (number + 1);
	if (device.port > CHAOS_LINE_PORT - 1)
		return err__set(err, -E2BIG, "more than %d devices on one line",
				CHAOS_LINE_PORT / 2 - 1);
	for (__u32 d = CHAOS_INGRESS; d <= CHAOS_EGRESS && !r; d++) {
		const __u32 at = device.port + d;
		const struct chaos_port port = {
			.hook = h->hook,
			.ifindex = (__u32)h->ifindex,
			.direction = d,
			.line = (__u32)pair->far,
			.loopback = loopback_way(l, h),
		};

		r = bpf_map_update_elem(l->dp->map[DP_PORTS], &at, &port, BPF_ANY);
	}
	if (!r)
		r = bpf_map_update_elem(l->dp->map[DP_DEVICES], &key, &device, BPF_ANY);
	return r ? err__set(err, r, "cannot connect %s to the line: %s", h->ifname, strerror(-r))
		 : 0;
}

int line__connect(struct line *l, const struct compiled_hook *h, struct error *err)
{
	int r = l->pairs[h->netns].made ? 0 : make_pair(l, h, err);

	if (!r && h->loopback)
		r = connect_loopback(l, h, err);
	return r ?: write_port(l, h, err);
}

/* --- its state -------------------------------------------------------------------------------- */

/* What waits in the line's namespace, and what was dropped there for lack of room. */
static int far_state(struct line *l, struct rtnl_queues *ret)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int r = netns__enter(l->netns, &old);
	uint64_t dropped = 0;

	if (!r)
		r = rtnl__open(&rt);
	if (!r)
		r = rtnl__queues(&rt, ret);
	for (size_t i = 0; i < l->n_pairs && !r; i++) {
		if (l->pairs[i].far <= 0)
			continue;
		r = rtnl__tx_dropped(&rt, l->pairs[i].far, &dropped);
		ret->drops += dropped;
	}
	if (!r && l->tap_ifindex > 0) {
		r = rtnl__tx_dropped(&rt, l->tap_ifindex, &dropped);
		ret->drops += dropped;
	}
	return r;
}

/* What did not get from @netns onto the line; a namespace that is gone has nothing to say. */
static uint64_t near_dropped(struct line *l, size_t netns)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	uint64_t dropped = 0;

	if (l->pairs[netns].near > 0 && !netns__enter(l->dp->places.v[netns].fd, &old) &&
	    !rtnl__open(&rt))
		rtnl__tx_dropped(&rt, l->pairs[netns].near, &dropped);
	return dropped;
}

/* The upper end of the bucket in which the share @q of the releases lies. */
static uint64_t late_quantile(const struct hold_stats *s, double q)
{
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->late_us_log2); i++)
		total += s->late_us_log2[i];
	for (size_t i = 0; i < ARRAY_SIZE(s->late_us_log2) && total; i++) {
		seen += s->late_us_log2[i];
		if ((double)seen >= q * (double)total)
			return 2ULL << i;
	}
	return 0;
}

int line__stats(struct line *l, struct dp_line_stats *ret)
{
	struct rtnl_queues q = {0};
	struct dp_line_stats s;
	int r = far_state(l, &q);

	if (r)
		return r;
	s = (struct dp_line_stats){.held = q.packets, .overflowed = q.drops};
	for (size_t i = 0; i < l->n_pairs; i++)
		s.overflowed += near_dropped(l, i);
	if (l->hold) {
		const struct hold_stats *h = hold__stats(l->hold);

		s.held += h->held;
		s.overflowed += h->overflowed + h->failed;
		s.late_p50_us = late_quantile(h, 0.5);
		s.late_p99_us = late_quantile(h, 0.99);
	}
	*ret = s;
	return 0;
}

void line__drain(struct line *l, int64_t limit_ns)
{
	int64_t longest = (int64_t)l->needs.longest_ns + 100 * NS_PER_MS;
	int64_t end = clock__now() + (longest < limit_ns ? longest : limit_ns);
	struct dp_line_stats s;

	/* A process can let go at once; a qdisc cannot. */
	if (l->hold)
		hold__flush(l->hold, limit_ns);
	while (!line__stats(l, &s) && s.held && clock__now() < end)
		poll(NULL, 0, LINE_DRAIN_POLL_MS);
	/* What has left the queue crosses one device more. */
	poll(NULL, 0, LINE_DRAIN_POLL_MS);
}

bool line__cuts(const struct line *l)
{
	return l->needs.wire;
}

const char *line__mechanism(const struct line *l)
{
	if (!l->needs.held)
		return NULL;
	return l->tap ? "tap" : "fq";
}

int line__failed_fd(const struct line *l)
{
	return l->hold ? hold__exit_fd(l->hold) : -1;
}

/* The near ends go with the far ones, and these with their namespace, which only we hold. They are
 * removed all the same: a namespace dies some milliseconds after its last holder. */
static void remove_near(const struct line *l, size_t netns)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};

	if (!netns__enter(l->dp->places.v[netns].fd, &old) && !rtnl__open(&rt))
		rtnl__delete_link(&rt, l->pairs[netns].near);
}

void line__leave(struct line *l, size_t netns)
{
	struct line_pair *p;

	if (netns >= l->n_pairs || !l->pairs[netns].made)
		return;
	p = &l->pairs[netns];
	if (p->last_at.ifindex)
		attach__close(l->dp->places.v[netns].fd, &p->last_at);
	if (p->far_at.ifindex)
		attach__close(l->netns, &p->far_at);
	if (p->near_at.ifindex)
		attach__close(l->dp->places.v[netns].fd, &p->near_at);
	if (p->near > 0)
		remove_near(l, netns);
	*p = (struct line_pair){0};
}

void line__close(struct line *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_pairs; i++)
		line__leave(l, i);
	if (l->tap_at.ifindex)
		attach__close(l->netns, &l->tap_at);
	hold__stop(l->hold);
	safe_close(l->netns);
	intern__reset(&l->ports);
	free(l->pairs);
	free(l);
}
