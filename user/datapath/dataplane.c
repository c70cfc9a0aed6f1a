// SPDX-License-Identifier: GPL-2.0-only
/* dataplane.c: the one module that includes the skeletons. */
#include "datapath/dataplane_internal.h"

#include "datapath/bpf_log.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/dist.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "chaos.skel.h"
#include "line.skel.h"

/* Room beyond what a plan needs at first, for addresses that appear and classes that they are
 * of. */
#define SPARE(n) ((n) + (n) / 2 + 256)
/* Rows of counters: one for each fault and pair of nodes that meet it. */
#define EDGES_MAX 65536
/* How long a closing run waits for what is still delayed. */
#define LINE_DRAIN_NS (10 * NS_PER_S)

static void cleanup_skel(struct chaos_bpf **s)
{
	chaos_bpf__destroy(*s);
}

static int fail_bpf(struct error *err, int r, const char *what)
{
	const char *said = bpf_log__tail();

	if (r == -EPERM || r == -EACCES)
		return err__set(err, r,
				"may not %s: run as root, or with CAP_BPF and CAP_NET_ADMIN (and "
				"CAP_SYS_ADMIN to enter namespaces)%s%s",
				what, *said ? "\n" : "", said);
	return err__set(err, r, "cannot %s: %s; `chaos doctor` says what this kernel lacks%s%s",
			what, strerror(-r), *said ? "\n" : "", said);
}

/* --- maps and programs ------------------------------------------------------------------------ */

/* Each object has some of them. */
static const char *const map_names[DP_N_MAPS] = {
	[DP_CONTROL] = "control",   [DP_WINDOWS] = "windows", [DP_RULES] = "rules",
	[DP_LINKS] = "links",	    [DP_TABLES] = "tables",   [DP_DEVICES] = "devices",
	[DP_PORTS] = "ports",	    [DP_PAIRS] = "pairs",     [DP_IDENTS] = "idents",
	[DP_PREFIXES] = "prefixes", [DP_EXEMPT] = "exempt",   [DP_EDGES] = "edges",
	[DP_TRAFFIC] = "traffic",   [DP_STATS] = "stats",     [DP_PASSAGES] = "passages",
};

static uint32_t at_least_1(size_t n)
{
	return n ? (uint32_t)n : 1;
}

static size_t own_tables(const struct dp_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_faults; i++)
		if (plan->faults[i].table)
			n += plan->faults[i].rule.delay.table_len;
	return n;
}

/* Pairs of nodes that a fault's edges join, at most. */
static size_t joined(const struct dp_fault *f, size_t n_nodes)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_edges && n < EDGES_MAX; i++) {
		const struct dp_side *a = &f->edges[i].from, *b = &f->edges[i].to;

		n += (a->any ? n_nodes : a->n_members) * (b->any ? n_nodes : b->n_members);
	}
	return n;
}

/* Rows of counters (edges), and of state (links): one of each for a fault's rule and pair of nodes. */
static size_t rows_needed(const struct dataplane *dp, bool of_links)
{
	const struct compiled *c = &dp->now;
	size_t n = 0;

	for (size_t i = 0; i < dp->plan->n_faults && n < EDGES_MAX; i++) {
		size_t rules = !of_links;

		for (size_t k = 0; k < c->n_rules && of_links; k++)
			rules += c->rules[k].fault == i;
		n += rules * joined(&dp->plan->faults[i], c->n_nodes);
	}
	return n < EDGES_MAX ? at_least_1(SPARE(n) - 128) : EDGES_MAX;
}

static int size_map(const struct dataplane *dp, enum dp_map which, struct bpf_map *map)
{
	const struct compiled *c = &dp->now;
	const size_t sizes[DP_N_MAPS] = {
		[DP_WINDOWS] = at_least_1(dp->plan->n_faults),
		[DP_RULES] = SPARE(c->n_rules),
		[DP_LINKS] = rows_needed(dp, true),
		[DP_TABLES] = CHAOS_TABLES_OWN + own_tables(dp->plan),
		[DP_DEVICES] = SPARE(c->n_hooks),
		[DP_PORTS] = CHAOS_LINE_PORT + 1,
		[DP_PAIRS] = SPARE(c->n_pairs),
		[DP_IDENTS] = SPARE(c->n_idents),
		[DP_PREFIXES] = at_least_1(c->n_prefixes),
		[DP_EXEMPT] = SPARE(dp->plan->n_exempts),
		[DP_EDGES] = rows_needed(dp, false),
		[DP_TRAFFIC] = c->n_nodes,
	};

	return sizes[which] ? bpf_map__set_max_entries(map, (__u32)sizes[which]) : 0;
}

static int keep_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

/*
 * Before an object is loaded: the maps that there are already are shared, so one store is seen at every
 * device of every namespace; the others are made in the plan's size.
 */
static int share_maps(const struct dataplane *dp, struct bpf_object *obj, uint32_t scope)
{
	int r = 0;

	for (int i = 0; i < DP_N_MAPS && !r; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, map_names[i]);

		if (!map)
			continue;
		if (dp->map[i] < 0)
			r = size_map(dp, (enum dp_map)i, map);
		else
			r = bpf_map__reuse_fd(map, i == DP_PAIRS ? dp->pairs[scope] : dp->map[i]);
	}
	return r;
}

/* After: those that were new stay, whatever becomes of the object. */
static int keep_maps(struct dataplane *dp, struct bpf_object *obj)
{
	for (int i = 0; i < DP_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, map_names[i]);

		if (!map || dp->map[i] >= 0)
			continue;
		dp->map[i] = keep_fd(bpf_map__fd(map));
		if (dp->map[i] < 0)
			return dp->map[i];
	}
	return 0;
}

/* An instance of the hooks' programs that has @key's hook as its constant. */
static int load(struct dataplane *dp, const struct instance_key *key, struct attach_progs *ret,
		struct error *err)
{
	_cleanup_(cleanup_skel) struct chaos_bpf *s = chaos_bpf__open();
	struct attach_progs progs;
	int r;

	if (!s)
		return fail_bpf(err, -errno, "open the programs");
	s->rodata->hook = key->hook;
	s->rodata->have_prefixes = dp->now.n_prefixes > 0;
	s->rodata->have_set_tstamp = dp->have_set_tstamp;
	r = share_maps(dp, s->obj, key->scope);
	if (!r)
		r = chaos_bpf__load(s);
	if (r)
		return fail_bpf(err, r, "load the programs");
	r = keep_maps(dp, s->obj);
	if (r)
		return err__set(err, r, "cannot keep the maps: %s", strerror(-r));
	progs.fd[CHAOS_INGRESS] = keep_fd(bpf_program__fd(s->progs.chaos_ingress));
	progs.fd[CHAOS_EGRESS] = keep_fd(bpf_program__fd(s->progs.chaos_egress));
	if (progs.fd[CHAOS_INGRESS] < 0 || progs.fd[CHAOS_EGRESS] < 0) {
		safe_close(progs.fd[CHAOS_INGRESS]);
		safe_close(progs.fd[CHAOS_EGRESS]);
		return err__set(err, -EMFILE, "cannot keep the programs: too many open files");
	}
	*ret = progs;
	return 0;
}

static void cleanup_line_skel(struct line_bpf **s)
{
	line_bpf__destroy(*s);
}

static int write_table(int fd, __u32 at, const int16_t *v, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		__u32 key = at + (__u32)i;
		__s32 value = v[i];

		r = bpf_map_update_elem(fd, &key, &value, BPF_ANY);
	}
	return r;
}

/* The distributions of delays; they do not change while the run lasts. */
static int write_tables(const struct dataplane *dp)
{
	static const struct {
		enum dist_kind kind;
		__u32 at;
	} built_in[] = {{DIST_NORMAL, CHAOS_TABLE_NORMAL},
			{DIST_PARETO, CHAOS_TABLE_PARETO},
			{DIST_PARETONORMAL, CHAOS_TABLE_PARETONORMAL}};
	int16_t table[CHAOS_TABLE_LEN];
	uint32_t phi[CHAOS_TABLE_LEN];
	__u32 own = CHAOS_TABLES_OWN;
	int fd = dp->map[DP_TABLES], r = dist__phi(phi, CHAOS_TABLE_LEN);

	for (__u32 i = 0; i < CHAOS_TABLE_LEN && !r; i++) {
		__u32 key = CHAOS_TABLE_PHI + i;

		r = bpf_map_update_elem(fd, &key, &phi[i], BPF_ANY);
	}
	for (size_t i = 0; i < ARRAY_SIZE(built_in) && !r; i++) {
		r = dist__make(built_in[i].kind, table, CHAOS_TABLE_LEN);
		if (!r)
			r = write_table(fd, built_in[i].at, table, CHAOS_TABLE_LEN);
	}
	for (size_t i = 0; i < dp->plan->n_faults && !r; i++) {
		const struct dp_fault *f = &dp->plan->faults[i];

		if (!f->table)
			continue;
		r = write_table(fd, own, f->table, f->rule.delay.table_len);
		own += f->rule.delay.table_len;
	}
	return r;
}

int dataplane__line_programs(struct dataplane *dp, uint32_t scope, struct error *err)
{
	_cleanup_(cleanup_line_skel) struct line_bpf *s = NULL;
	struct line_progs *p = &dp->line_progs[scope];
	bool first = dp->map[DP_TABLES] < 0;
	int r;

	if (p->decide >= 0)
		return 0;
	s = line_bpf__open();
	if (!s)
		return fail_bpf(err, -errno, "open the line's programs");
	s->rodata->have_prefixes = dp->now.n_prefixes > 0;
	r = share_maps(dp, s->obj, scope);
	if (!r)
		r = line_bpf__load(s);
	if (r)
		return fail_bpf(err, r, "load the line's programs");
	r = keep_maps(dp, s->obj);
	if (!r && first)
		r = write_tables(dp);
	if (r)
		return err__set(err, r, "cannot keep the line's maps: %s", strerror(-r));
	*p = (struct line_progs){
		.turn = keep_fd(bpf_program__fd(s->progs.line_turn)),
		.decide = keep_fd(bpf_program__fd(s->progs.line_decide)),
		.to_hook = keep_fd(bpf_program__fd(s->progs.line_return)),
		.back = keep_fd(bpf_program__fd(s->progs.line_back)),
	};
	if (p->turn < 0 || p->decide < 0 || p->to_hook < 0 || p->back < 0)
		return err__set(err, -EMFILE, "cannot keep the programs: too many open files");
	return 0;
}

int dataplane__need_pairs(struct dataplane *dp, const struct compiled *c, struct error *err)
{
	_cleanup_free_ size_t *n = calloc(dp->n_pairs, sizeof(*n));

	if (!n)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_hooks; i++)
		n[c->hooks[i].scope] |= 1;
	for (size_t i = 0; i < c->n_pairs; i++)
		n[c->pairs[i].scope]++;
	for (size_t i = 1; i < dp->n_pairs; i++) {
		if (!n[i] || dp->pairs[i] >= 0)
			continue;
		dp->pairs[i] =
			bpf_map_create(BPF_MAP_TYPE_HASH, "pairs", sizeof(struct chaos_pair_key),
				       sizeof(struct chaos_pair), (uint32_t)SPARE(n[i]), NULL);
		if (dp->pairs[i] < 0)
			return fail_bpf(err, dp->pairs[i], "make a table of rules");
	}
	return 0;
}

int dataplane__instance(struct dataplane *dp, const struct compiled_hook *hook, uint32_t *ret,
			struct error *err)
{
	const struct instance_key key = {.hook = hook->hook, .scope = hook->scope};
	size_t had = dp->hooks_seen.n;
	int r;

	if (intern__put(&dp->hooks_seen, &key, sizeof(key), ret))
		return err__set(err, -ENOMEM, "out of memory");
	if (*ret < had && dp->instances[*ret].fd[CHAOS_INGRESS] >= 0)
		return 0;
	if (*ret == had) {
		if (grow_vec(dp->instances, had, dp->cap_instances))
			return err__set(err, -ENOMEM, "out of memory");
		dp->instances[*ret] = (struct attach_progs){{-1, -1}};
	}
	r = load(dp, &key, &dp->instances[*ret], err);
	return r;
}

static int map_memory(struct dataplane *dp, struct error *err)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t windows = at_least_1(dp->plan->n_faults) * sizeof(struct chaos_windows);
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[DP_CONTROL], 0);
	if (p == MAP_FAILED)
		return fail_bpf(err, -errno, "map the controls into memory");
	dp->control = p;
	dp->windows_size = (windows + page - 1) / page * page;
	p = mmap(NULL, dp->windows_size, PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[DP_WINDOWS],
		 0);
	if (p == MAP_FAILED)
		return fail_bpf(err, -errno, "map the windows into memory");
	dp->windows = p;
	return 0;
}

/* --- open and close --------------------------------------------------------------------------- */

/* Five files for a namespace with one device: programs, links, monitor. */
static void raise_file_limit(size_t n_netns)
{
	struct rlimit l;

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
	dp->pairs = calloc(dp->places.n + 1, sizeof(*dp->pairs));
	if (!dp->pairs)
		return err__set(err, -ENOMEM, "out of memory");
	dp->n_pairs = dp->places.n + 1;
	dp->line_progs = calloc(dp->n_pairs, sizeof(*dp->line_progs));
	if (!dp->line_progs)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < dp->n_pairs; i++) {
		dp->pairs[i] = -1;
		dp->line_progs[i] = (struct line_progs){-1, -1, -1, -1};
	}
	r = dataplane__instance(dp, h, &id, err);
	if (r)
		return r;
	dp->pairs[0] = dp->map[DP_PAIRS];
	return choose_mode(dp, &dp->instances[id], err);
}

/* Numbered as compile() does it: in order of the members. */
static int name_nodes(struct dataplane *dp, struct error *err)
{
	dp->node_here = calloc(dp->plan->n_members + 1, sizeof(*dp->node_here));
	if (!dp->node_here)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < dp->plan->n_members; i++) {
		const char *name = dp->plan->members[i].name;
		uint32_t id;

		if (intern__put(&dp->node_names, name, strlen(name), &id))
			return err__set(err, -ENOMEM, "out of memory");
		dp->node_here[id] |= dp->places.of_member[i] >= 0;
	}
	return 0;
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

static int start(struct dataplane *dp, struct error *err)
{
	int r = places__open(dp->plan, &dp->places, err);

	if (!r)
		r = name_nodes(dp, err);
	if (!r)
		r = dataplane__compile(dp, false, &dp->now, err);
	if (r)
		return r;
	raise_file_limit(dp->places.n);
	r = first_instance(dp, err);
	if (!r)
		r = map_memory(dp, err);
	if (!r)
		r = first_tables(dp, err);
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
	line__close(dp->line);
	for (size_t i = 0; i < dp->n_pairs && dp->line_progs; i++) {
		safe_close(dp->line_progs[i].turn);
		safe_close(dp->line_progs[i].decide);
		safe_close(dp->line_progs[i].to_hook);
		safe_close(dp->line_progs[i].back);
	}
	free(dp->line_progs);
	for (size_t i = 0; i < dp->hooks_seen.n && dp->instances; i++)
		for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++)
			safe_close(dp->instances[i].fd[d]);
	for (int i = 0; i < DP_N_MAPS; i++)
		safe_close(dp->map[i]);
	/* The first is one of the maps above. */
	for (size_t i = 1; i < dp->n_pairs; i++)
		safe_close(dp->pairs[i]);
	free(dp->pairs);
	free(dp->instances);
	free(dp->node_here);
	intern__reset(&dp->hooks_seen);
	intern__reset(&dp->node_names);
	compiled__reset(&dp->now);
	compile_numbers__reset(&dp->numbers);
	places__close(&dp->places);
	free(dp);
}

/* --- switches --------------------------------------------------------------------------------- */

void dataplane__arm(struct dataplane *dp, uint64_t t0_ns)
{
	/* Whatever was written to the windows is seen before it. */
	__atomic_store_n(&dp->control->t0_ns, t0_ns, __ATOMIC_RELEASE);
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
