// SPDX-License-Identifier: GPL-2.0-only
/* dataplane.c: opened, armed, switched and closed. */
#include "datapath/dataplane_internal.h"

#include "datapath/bpf_log.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* How long a closing run waits for what is still delayed. */
#define LINE_DRAIN_NS (10 * NS_PER_S)

static int map_memory(struct dataplane *dp, struct error *err)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t windows = at_least_1(dp->plan->n_faults) * sizeof(struct chaos_windows);
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[DP_CONTROL], 0);
	if (p == MAP_FAILED)
		return dataplane__fail(err, -errno, "map the controls into memory");
	dp->control = p;
	dp->windows_size = (windows + page - 1) / page * page;
	p = mmap(NULL, dp->windows_size, PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[DP_WINDOWS],
		 0);
	if (p == MAP_FAILED)
		return dataplane__fail(err, -errno, "map the windows into memory");
	dp->windows = p;
	return 0;
}

/* --- open and close --------------------------------------------------------------------------- */

/* Five files for a namespace with one device: programs, links, monitor. */
static void raise_file_limit(size_t n_netns, bool growing)
{
	struct rlimit l;

	n_netns += growing ? 1024 : 0;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= 512 + 16 * n_netns)
		return;
	l.rlim_cur = l.rlim_max;
	/* Without it a large run says that files ran out, where it does. */
	setrlimit(RLIMIT_NOFILE, &l);
}

static int first_tables(struct dataplane *dp, struct error *err)
{
	const struct table_fds fds = dataplane__table_fds(dp);
	const struct compiled nothing = {0};
	int r = dataplane__need_pairs(dp, &dp->now, err);

	if (!r)
		r = tables__update(&fds, &nothing, &dp->now, err);

	for (size_t i = 0; i < dp->plan->n_exempts && !r; i++) {
		r = dataplane__exempt(dp, &dp->plan->exempts[i], true);
		if (r)
			err__set(err, r, "cannot keep %s open: %s", dp->plan->exempts[i].what,
				 strerror(-r));
	}
	return r;
}

static int choose_mode(struct dataplane *dp, const struct attach_progs *any, struct error *err)
{
	bool has = dp->plan->mode != DP_ATTACH_CLSACT && attach__has_tcx(any->fd[CHAOS_INGRESS]);

	if (dp->plan->mode == DP_ATTACH_TCX && !has)
		return err__set(
			err, -EOPNOTSUPP,
			"this kernel does not attach by tcx (Linux 6.6); clsact does the same");
	dp->tcx = has;
	return 0;
}

/* An instance that makes the maps: of the first hook that shares the table of pairs, or one that
 * will never be attached. */
static int first_instance(struct dataplane *dp, struct error *err)
{
	const struct compiled_hook none = {0};
	const struct compiled_hook *h = &none;
	uint32_t id;
	int r;

	for (size_t i = dp->now.n_hooks; i-- > 0;)
		if (!dp->now.hooks[i].scope)
			h = &dp->now.hooks[i];
	r = dataplane__need_scopes(dp, err);
	if (!r)
		r = dataplane__instance(dp, h, &id, err);
	if (r)
		return r;
	dp->pairs[0] = dp->map[DP_PAIRS];
	return choose_mode(dp, &dp->instances[id], err);
}

static int open_line(struct dataplane *dp, struct error *err)
{
	struct line_needs needs = line__needs(dp->plan);
	int r;

	if (!needs.any)
		return 0;
	r = dataplane__line_programs(dp, 0, err);
	return r ?: line__open(dp, &needs, &dp->line, err);
}

/* Before anything is attached: what passes a hook should have an owner from the first packet on. */
static int open_owners(struct dataplane *dp, struct error *err)
{
	struct owner_maps maps;
	struct epoll_event ev = {.events = EPOLLIN};
	struct owner_progs progs;
	int r;

	if (!dp->plan->by_socket)
		return 0;
	r = dataplane__owner_programs(dp, &progs, err);
	/* Of which some are new with them. */
	maps = (struct owner_maps){
		.sockets = dp->map[DP_SOCKETS],
		.processes = dp->map[DP_PROCESSES],
		.cgroups = dp->map[DP_CGROUPS],
		.control = dp->map[DP_CONTROL],
		.shared = dp->control,
	};
	if (!r)
		r = owners__open(&maps, &progs, &dp->owners, err);
	if (!r &&
	    epoll_ctl(dp->places.epoll_fd, EPOLL_CTL_ADD, owners__event_fd(dp->owners), &ev) < 0)
		r = err__set(err, -errno, "epoll: %s", strerror(errno));
	return r ?: dataplane__set_owners(dp, err);
}

static int start(struct dataplane *dp, struct error *err)
{
	int r = places__open(dp->plan, &dp->places, err);

	if (!r)
		r = dataplane__compile(dp, false, &dp->now, err);
	if (!r)
		r = dataplane__note_here(dp, err);
	if (r)
		return r;
	raise_file_limit(dp->places.n, dp->plan->growing);
	r = first_instance(dp, err);
	if (!r)
		r = map_memory(dp, err);
	if (!r)
		r = first_tables(dp, err);
	if (!r)
		r = dataplane__open_bins(dp, err);
	if (!r)
		r = open_owners(dp, err);
	if (!r)
		r = open_line(dp, err);
	return r ?: dataplane__attach_all(dp, true, err);
}

int dataplane__open(const struct dp_plan *plan, struct dataplane **ret, struct error *err)
{
	_cleanup_(cleanup_dataplane) struct dataplane *dp = calloc(1, sizeof(*dp));
	int r;

	if (!dp)
		return err__set(err, -ENOMEM, "out of memory");
	dp->plan = plan;
	dp->places.epoll_fd = -1;
	for (int i = 0; i < DP_N_MAPS; i++)
		dp->map[i] = -1;
	for (int i = 0; i < TRACING_PROGS; i++)
		dp->tracing.link[i] = -1;
	bpf_log__begin();
	dp->have_set_tstamp =
		line__needs(plan).any &&
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_skb_set_tstamp, NULL) > 0;
	r = start(dp, err);
	if (r)
		return r;
	*ret = TAKE_PTR(dp);
	return 0;
}

void dataplane__close(struct dataplane *dp)
{
	if (!dp)
		return;
	bpf_log__begin();
	if (dp->control) {
		dataplane__disarm(dp);
		/* What was delayed arrives; the hooks must stand until it has passed them. */
		if (dp->line)
			line__drain(dp->line, LINE_DRAIN_NS);
		munmap(dp->control, (size_t)sysconf(_SC_PAGESIZE));
	}
	if (dp->windows)
		munmap(dp->windows, dp->windows_size);
	dataplane__detach_all(dp);
	dataplane__close_bins(dp);
	owners__close(dp->owners);
	line__close(dp->line);
	for (size_t i = 0; i < dp->n_pairs && dp->line_progs; i++) {
		safe_close(dp->line_progs[i].turn);
		safe_close(dp->line_progs[i].decide);
		safe_close(dp->line_progs[i].to_hook);
		safe_close(dp->line_progs[i].back);
	}
	free(dp->line_progs);
	for (size_t i = 0; i < dp->hooks_seen.n && dp->instances; i++)
		instance__close(&dp->instances[i]);
	for (int i = 0; i < DP_N_MAPS; i++)
		safe_close(dp->map[i]);
	/* The first is one of the maps above. */
	for (size_t i = 1; i < dp->n_pairs; i++)
		safe_close(dp->pairs[i]);
	free(dp->pairs);
	free(dp->instances);
	free(dp->node_here);
	intern__reset(&dp->hooks_seen);
	compiled__reset(&dp->now);
	compile_numbers__reset(&dp->numbers);
	places__close(&dp->places);
	free(dp);
}

/* --- switches --------------------------------------------------------------------------------- */

void dataplane__arm(struct dataplane *dp, int64_t t0_ns)
{
	/* 0 is off: the instant at which the machine came up is a nanosecond later. */
	uint64_t t0 = t0_ns ? (uint64_t)t0_ns : 1;

	/* Whatever was written to the windows is seen before it. */
	__atomic_store_n(&dp->control->t0_ns, t0, __ATOMIC_RELEASE);
}

void dataplane__disarm(struct dataplane *dp)
{
	__atomic_store_n(&dp->control->t0_ns, 0, __ATOMIC_RELEASE);
}

void dataplane__set_window(struct dataplane *dp, size_t fault, unsigned int slot, uint64_t start_ns,
			   uint64_t end_ns)
{
	struct chaos_window *w = &dp->windows[fault].slot[slot];

	/* A reader that sees the new start must not see the old end: each store is seen before
	 * the next. */
	__atomic_store_n(&w->end_ns, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&w->start_ns, start_ns, __ATOMIC_RELEASE);
	__atomic_store_n(&w->end_ns, end_ns, __ATOMIC_RELEASE);
}

void dataplane__move_end(struct dataplane *dp, size_t fault, unsigned int slot, uint64_t end_ns)
{
	__atomic_store_n(&dp->windows[fault].slot[slot].end_ns, end_ns, __ATOMIC_RELEASE);
}

int dataplane__exempt(struct dataplane *dp, const struct dp_exempt *x, bool add)
{
	struct chaos_exempt_key key = {.addr = x->addr, .port = x->port, .proto = x->proto};
	__u8 one = 1;
	int r;

	/* The count makes programs look; it is up before there is anything, and down after. */
	if (add)
		__atomic_add_fetch(&dp->control->n_exempt, 1, __ATOMIC_RELEASE);
	r = add ? bpf_map_update_elem(dp->map[DP_EXEMPT], &key, &one, BPF_NOEXIST)
		: bpf_map_delete_elem(dp->map[DP_EXEMPT], &key);
	if (add ? r < 0 : r == 0)
		__atomic_sub_fetch(&dp->control->n_exempt, 1, __ATOMIC_RELEASE);
	return r == -EEXIST || (!add && r == -ENOENT) ? 0 : r;
}

const char *dataplane__mechanism(const struct dataplane *dp)
{
	return dp->tcx ? "tcx" : "clsact";
}

bool dataplane__outlives_us(const struct dataplane *dp)
{
	return !dp->tcx;
}

void dataplane__fault_mechanism(const struct dataplane *dp, size_t fault, char *buf, size_t size)
{
	uint32_t actions = dp->plan->faults[fault].rule.actions;
	bool held = actions & (CHAOS_ACT_DELAY | CHAOS_ACT_RATE);

	if (!dp->line || !(actions & ~CHAOS_ACT_PARTITION))
		snprintf(buf, size, "%s, BPF drop", dataplane__mechanism(dp));
	else
		snprintf(buf, size, "%s, BPF on a veth line%s%s", dataplane__mechanism(dp),
			 line__cuts(dp->line) ? ", per wire packet" : "",
			 !held					    ? ""
			 : !strcmp(line__mechanism(dp->line), "fq") ? ", EDT with fq"
								    : ", held behind a TAP");
}

const char *dataplane__hold_mechanism(const struct dataplane *dp)
{
	return dp->line ? line__mechanism(dp->line) : NULL;
}

int dataplane__line_stats(struct dataplane *dp, struct dp_line_stats *ret)
{
	struct chaos_stats stats;
	struct dp_line_stats s;
	int r = dp->line ? line__stats(dp->line, &s) : -ENOENT;

	if (!r)
		r = dataplane__stats(dp, &stats);
	if (r)
		return r;
	s.no_line = stats.no_line;
	*ret = s;
	return 0;
}

int dataplane__failed_fd(const struct dataplane *dp)
{
	return dp->line ? line__failed_fd(dp->line) : -1;
}

int dataplane__event_fd(const struct dataplane *dp)
{
	return dp->places.epoll_fd;
}
