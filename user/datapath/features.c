// SPDX-License-Identifier: GPL-2.0-only
/* features.c: what this kernel can do, found out by doing it between two scratch namespaces. */
#include "datapath/dataplane_internal.h"

#include "datapath/bpf_log.h"
#include "datapath/scratch.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Time for a packet to cross a veth pair, address resolution included, on a busy machine. */
#define CROSSING_NS (1 * NS_PER_S)
#define POLL_MS 5
#define PROBE_DELAY_NS (5 * NS_PER_MS)

struct features {
	struct dp_feature *v;
	size_t n;
};

static void add(struct features *f, const char *name, bool ok, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct features *f, const char *name, bool ok, const char *fmt, ...)
{
	struct dp_feature *v = realloc(f->v, (f->n + 1) * sizeof(*v));
	va_list args;

	if (!v)
		return;
	f->v = v;
	v = &f->v[f->n++];
	*v = (struct dp_feature){.ok = ok};
	snprintf(v->name, sizeof(v->name), "%s", name);
	va_start(args, fmt);
	vsnprintf(v->detail, sizeof(v->detail), fmt, args);
	va_end(args);
	/* One line each. */
	for (char *p = v->detail; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

/* A plan with nothing in it has all maps and one instance of the programs. */
static void probe_bpf(struct features *f)
{
	const struct dp_plan empty = {.mode = DP_ATTACH_CLSACT};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct error err = {0};
	int r = dataplane__open(&empty, &dp, &err);

	if (r)
		add(f, "bpf", false, "%s", err.msg);
	else
		add(f, "bpf", true,
		    "the hooks' programs pass the verifier; maps can be mapped into memory");
}

static void probe_btf(struct features *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		add(f, "btf", true, "/sys/kernel/btf/vmlinux");
	else
		add(f, "btf", false,
		    "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF); not needed for "
		    "faults on packets");
}

/* What the kernel's TCP says of connections goes into the bins of traffic. */
static void probe_tracing(struct features *f)
{
	const struct dp_plan plan = {
		.mode = DP_ATTACH_CLSACT, .count_traffic = true, .traffic_bin_ns = NS_PER_S};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct error err = {0};
	const char *missing;

	if (dataplane__open(&plan, &dp, &err)) {
		add(f, "tracing", false, "%s", err.msg);
		return;
	}
	missing = dataplane__bins_missing(dp);
	add(f, "tracing", dp->tracing.tcp, "%s%s",
	    missing ?: "connections, retransmissions and the kernel's drops are recorded",
	    dp->tracing.resets ? ", and why it resets connections"
	    : dp->tracing.tcp  ? "; why it resets connections is not (Linux 6.10)"
			       : "");
}

struct crossing {
	int tx, rx;
	struct sockaddr_in to;
};

static void crossing__close(struct crossing *c)
{
	safe_close(c->tx);
	safe_close(c->rx);
}

/* Send and wait until it arrives (1) or the fault has taken it (0); -ETIMEDOUT if neither. */
static int cross(const struct crossing *c, struct dataplane *dp)
{
	int64_t end = clock__now() + CROSSING_NS;
	struct chaos_edge_counts before = {0}, now = {0};
	char byte = 0;
	int r = dataplane__total(dp, 0, &before);

	if (r)
		return r;
	if (sendto(c->tx, &byte, 1, 0, (const struct sockaddr *)&c->to, sizeof(c->to)) < 0)
		return -errno;
	while (clock__now() < end) {
		struct pollfd p = {.fd = c->rx, .events = POLLIN};

		if (poll(&p, 1, POLL_MS) > 0 && recv(c->rx, &byte, 1, 0) == 1)
			return 1;
		r = dataplane__total(dp, 0, &now);
		if (r)
			return r;
		if (now.dropped > before.dropped)
			return 0;
	}
	return -ETIMEDOUT;
}

/* A packet passes, does not while the cut is on, and passes again after. */
static int cut_and_heal(struct dataplane *dp, const struct crossing *c, struct error *err)
{
	static const int expected[3] = {1, 0, 1};

	for (int step = 0; step < 3; step++) {
		int r;

		if (step == 1) {
			dataplane__set_window(dp, 0, 0, 0, UINT64_MAX);
			dataplane__arm(dp, 1);
		} else {
			dataplane__disarm(dp);
		}
		r = cross(c, dp);
		if (r < 0)
			return err__set(err, r, "attached, but a packet came to nothing: %s",
					strerror(-r));
		if (r != expected[step])
			return err__set(err, -EIO, "attached, but a packet %s the %s",
					r ? "passed" : "did not pass",
					step == 1 ? "cut" : "healed link");
	}
	return 0;
}

/* A packet is held for as long as asked: PROBE_DELAY_NS and what the machine adds. */
static int hold_one(struct dataplane *dp, const struct crossing *c, int64_t *ret_ns,
		    struct error *err)
{
	int64_t before;
	int r;

	/* The first one waits for the address to be resolved. */
	r = cross(c, dp);
	if (r == 1) {
		dataplane__set_window(dp, 0, 0, 0, UINT64_MAX);
		dataplane__arm(dp, 1);
		before = clock__now();
		r = cross(c, dp);
		*ret_ns = clock__now() - before;
	}
	if (r != 1)
		return err__set(err, r < 0 ? r : -EIO, "a packet that was to be delayed was lost");
	if (*ret_ns < PROBE_DELAY_NS)
		return err__set(err, -EIO, "a packet to be delayed by %lld us came after %lld us",
				(long long)PROBE_DELAY_NS / 1000, (long long)*ret_ns / 1000);
	return 0;
}

struct probe {
	struct chaos_rule rule;
	enum dp_attach_mode mode;
	enum dp_hold_mode hold;
	int64_t took_ns; /* of a delay */
};

/* One fault between the two namespaces: a packet passes, meets it, and passes again. */
static int try_fault(const struct scratch *s, struct probe *p, struct error *err)
{
	char a[] = "a", b[] = "b", name[] = "probe";
	struct dp_place at_a = {.netns_fd = s->netns[0]}, at_b = {.netns_fd = s->netns[1]};
	struct dp_member members[2] = {{.name = a, .places = &at_a, .n_places = 1},
				       {.name = b, .places = &at_b, .n_places = 1}};
	size_t zero = 0, one = 1;
	struct dp_edge edge = {.from = {.members = &zero, .n_members = 1},
			       .to = {.members = &one, .n_members = 1}};
	struct dp_fault fault = {.name = name, .rule = p->rule, .edges = &edge, .n_edges = 1};
	const struct dp_plan plan = {.members = members,
				     .n_members = 2,
				     .faults = &fault,
				     .n_faults = 1,
				     .mode = p->mode,
				     .hold = p->hold};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	_cleanup_(crossing__close) struct crossing c = {
		.tx = scratch__socket(s, 0),
		.rx = scratch__socket(s, 1),
		.to = {.sin_family = AF_INET,
		       .sin_port = htons(SCRATCH_PORT),
		       .sin_addr = s->addr[1]},
	};
	int r;

	if (c.tx < 0 || c.rx < 0)
		return err__set(err, c.tx < 0 ? c.tx : c.rx, "cannot open a socket: %s",
				strerror(c.tx < 0 ? -c.tx : -c.rx));
	r = dataplane__open(&plan, &dp, err);
	if (r)
		return r;
	return p->rule.actions & CHAOS_ACT_DELAY ? hold_one(dp, &c, &p->took_ns, err)
						 : cut_and_heal(dp, &c, err);
}

static void probe_mode(struct features *f, const struct scratch *s, const char *name,
		       enum dp_attach_mode mode)
{
	struct probe p = {.rule = {.actions = CHAOS_ACT_PARTITION}, .mode = mode};
	struct error err = {0};

	if (try_fault(s, &p, &err))
		add(f, name, false, "%s", err.msg);
	else
		add(f, name, true, "attached; a packet passed, was cut, and passed after");
}

static void probe_line(struct features *f, const struct scratch *s)
{
	struct probe p = {.rule = {.actions = CHAOS_ACT_LOSS,
				   .loss = {.chance = {.p = {1ULL << 32, 1ULL << 32}}}}};
	struct error err = {0};

	if (try_fault(s, &p, &err))
		add(f, "line", false, "%s", err.msg);
	else
		add(f, "line", true, "a packet took the detour, was lost there, and passed after");
}

static void probe_hold(struct features *f, const struct scratch *s, const char *name,
		       enum dp_hold_mode hold, const char *need)
{
	struct probe p = {.rule = {.actions = CHAOS_ACT_DELAY,
				   .delay = {.latency_ns = {PROBE_DELAY_NS, PROBE_DELAY_NS}}},
			  .hold = hold};
	struct error err = {0};

	if (try_fault(s, &p, &err))
		add(f, name, false, "%s; %s", err.msg, need);
	else
		add(f, name, true, "a packet was held %.2f ms for 5 ms", (double)p.took_ns / 1e6);
}

static void probe_qdisc(struct features *f, const struct scratch *s, const char *kind)
{
	int r = scratch__try_qdisc(s, kind);

	if (r)
		add(f, kind, false, "cannot add it: %s (CONFIG_NET_SCH_%s); nothing here needs it",
		    strerror(-r), !strcmp(kind, "fq") ? "FQ" : "NETEM");
	else
		add(f, kind, true, "added to a scratch device");
}

static void no_scratch(struct features *f, const char *step, const struct error *err)
{
	static const char *const need[] = {"netns", "veth", "tcx", "clsact",
					   "line",  "fq",   "tap", "netem"};
	bool after = false;

	for (size_t i = 0; i < ARRAY_SIZE(need); i++) {
		if (!strcmp(need[i], step)) {
			add(f, need[i], false, "%s%s", err->msg,
			    err->code != -EPERM	     ? ""
			    : !strcmp(step, "netns") ? " (needs CAP_SYS_ADMIN)"
						     : " (needs CAP_NET_ADMIN)");
			after = true;
		} else if (!after) {
			add(f, need[i], true, "made");
		} else {
			add(f, need[i], false, "not probed: no %s", step);
		}
	}
}

int dataplane__features(struct dp_feature **ret, size_t *ret_n)
{
	struct features f = {0};
	struct error err = {0};
	struct scratch s;
	const char *step;

	bpf_log__begin();
	probe_bpf(&f);
	probe_btf(&f);
	probe_tracing(&f);
	if (scratch__open(&s, &step, &err)) {
		no_scratch(&f, step, &err);
	} else {
		add(&f, "netns", true, "two made, entered and left");
		add(&f, "veth", true, "a pair between them, with addresses");
		probe_mode(&f, &s, "tcx", DP_ATTACH_TCX);
		probe_mode(&f, &s, "clsact", DP_ATTACH_CLSACT);
		probe_line(&f, &s);
		probe_hold(&f, &s, "fq", DP_HOLD_FQ,
			   "delays and rates use a process behind a TAP instead; modprobe sch_fq "
			   "(CONFIG_NET_SCH_FQ) is faster");
		probe_hold(&f, &s, "tap", DP_HOLD_TAP,
			   "only needed without fq; modprobe tun (CONFIG_TUN)");
		probe_qdisc(&f, &s, "netem");
		scratch__close(&s);
	}
	if (!f.v)
		return -ENOMEM;
	*ret = f.v;
	*ret_n = f.n;
	return 0;
}
