// SPDX-License-Identifier: GPL-2.0-only
/* load.c: the programs and their maps; the one module that includes the skeletons. */
#include "datapath/dataplane_internal.h"

#include "datapath/bpf_log.h"
#include "lib/cleanup.h"
#include "lib/dist.h"
#include "lib/privilege.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "chaos.skel.h"
#include "line.skel.h"
#include "owner.skel.h"
#include "traffic.skel.h"

/* Room beyond what a plan needs at first, for addresses that appear and classes that they are
 * of. */
#define SPARE(n) ((n) + (n) / 2 + 256)
/* Places that may come to a plan that grows, each with a name and two or three addresses; what does not fit is said
 * or, of counters, counted as overflow. */
#define GROWTH 1024
/* Others that one of them is on edges with, on average. */
#define GROWTH_PEERS 8
/* Rows of counters: one for each fault and pair of nodes that meet it. */
#define EDGES_MAX 65536
#define LOAD_TRIES 4
/* Bytes of the ring of captured packets: drained every 50 ms or so. A power of two. */
#define CAPTURE_RING (16U << 20)

int dataplane__fail(struct error *err, int r, const char *what)
{
	const uint64_t missing = privilege__missing(CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_BPF) |
						    CAP_BIT(CAP_PERFMON));
	const char *said = bpf_log__tail();
	char names[128];

	/* The verifier says EACCES. */
	if ((r == -EPERM || r == -EACCES) && missing)
		return err__set(err, r, "may not %s: missing privileges: %s%s%s", what,
				privilege__names(missing, names, sizeof(names)), *said ? "\n" : "",
				said);
	if (r == -EPERM)
		return err__set(err, r,
				"may not %s: %s; before Linux 5.11 the limit on locked memory must "
				"have room for BPF maps: raise it (ulimit -l), or add "
				"CAP_SYS_RESOURCE%s%s",
				what, strerror(-r), *said ? "\n" : "", said);
	return err__set(err, r, "cannot %s: %s; `chaos doctor` says what this kernel lacks%s%s",
			what, strerror(-r), *said ? "\n" : "", said);
}

static void cleanup_skel(struct chaos_bpf **s)
{
	chaos_bpf__destroy(*s);
}

/* Each object has some of them. */
static const char *const map_names[DP_N_MAPS] = {
	[DP_CONTROL] = "control",
	[DP_WINDOWS] = "windows",
	[DP_RULES] = "rules",
	[DP_LINKS] = "links",
	[DP_TABLES] = "tables",
	[DP_DEVICES] = "devices",
	[DP_PORTS] = "ports",
	[DP_PAIRS] = "pairs",
	[DP_IDENTS] = "idents",
	[DP_PREFIXES] = "prefixes",
	[DP_EXEMPT] = "exempt",
	[DP_EDGES] = "edges",
	[DP_TRAFFIC] = "traffic",
	[DP_STATS] = "stats",
	[DP_PASSAGES] = "passages",
	[DP_SOCKETS] = "sockets",
	[DP_PROCESSES] = "processes",
	[DP_CGROUPS] = "cgroups",
	[DP_JOINS] = "joins",
	[DP_SUBJECTS] = "subjects",
	[DP_SUBJECT_KEYS] = "subject_keys",
	[DP_BINS] = "bins",
	[DP_RECORDING] = "recording",
	[DP_SUBJECTS_LOCK] = "subjects_lock",
	[DP_SERVICES] = "services",
	[DP_CONNS] = "conns",
	[DP_SPACES] = "spaces",
	[DP_DROPS] = "drops",
	[DP_RESETS] = "resets",
	[DP_CAPTURED] = "captured",
	[DP_CAPTURES] = "captures",
};

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
		/* Where nobody is here yet there are no rules yet. */
		if (!rules && dp->plan->growing)
			rules = 1;
		n += rules * joined(&dp->plan->faults[i], c->n_nodes);
		if (dp->plan->growing)
			n += rules * GROWTH_PEERS * GROWTH;
	}
	return n < EDGES_MAX ? SPARE(n) : EDGES_MAX;
}

static int size_map(const struct dataplane *dp, enum dp_map which, struct bpf_map *map)
{
	const struct compiled *c = &dp->now;
	const size_t more = dp->plan->growing ? GROWTH : 0;
	const size_t sizes[DP_N_MAPS] = {
		[DP_WINDOWS] = at_least_1(dp->plan->n_faults),
		[DP_RULES] = SPARE(c->n_rules),
		[DP_LINKS] = rows_needed(dp, true),
		[DP_TABLES] = CHAOS_TABLES_OWN + own_tables(dp->plan),
		[DP_DEVICES] = SPARE(c->n_hooks) + more,
		[DP_PORTS] = CHAOS_LINE_PORT + 1,
		[DP_PAIRS] = SPARE(c->n_pairs),
		[DP_IDENTS] = SPARE(c->n_idents) + 4 * more,
		[DP_PREFIXES] = at_least_1(c->n_prefixes),
		[DP_JOINS] = dp->plan->by_socket ? SPARE(4 * c->n_joins) : 1,
		[DP_EXEMPT] = SPARE(dp->plan->n_exempts),
		[DP_EDGES] = rows_needed(dp, false),
		[DP_TRAFFIC] = c->n_nodes + more,
		[DP_SUBJECTS] = dataplane__subjects_max(dp),
		[DP_SUBJECT_KEYS] = dataplane__subjects_max(dp),
		[DP_BINS] = dataplane__subjects_max(dp),
		[DP_CONNS] = dp->plan->traffic_bin_ns ? CHAOS_CONNS_MAX : 1,
		[DP_SPACES] = SPARE(dp->places.n) + more,
		[DP_CAPTURED] = dp->plan->capture_snaplen ? CAPTURE_RING : 0,
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
		return dataplane__fail(err, -errno, "open the programs");
	s->rodata->hook = key->hook;
	s->rodata->have_prefixes = dp->now.n_prefixes > 0;
	s->rodata->have_owners = dp->plan->by_socket;
	s->rodata->have_set_tstamp = dp->have_set_tstamp;
	s->rodata->traffic_bin_ns = dp->plan->traffic_bin_ns;
	s->rodata->capture_snaplen = dp->plan->capture_snaplen;
	r = share_maps(dp, s->obj, key->scope);
	if (!r)
		r = chaos_bpf__load(s);
	if (r)
		return dataplane__fail(err, r, "load the programs");
	r = keep_maps(dp, s->obj);
	if (r)
		return err__set(err, r, "cannot keep the maps: %s", strerror(-r));
	progs.fd[CHAOS_INGRESS] = keep_fd(bpf_program__fd(s->progs.chaos_ingress));
	progs.fd[CHAOS_EGRESS] = keep_fd(bpf_program__fd(s->progs.chaos_egress));
	progs.last = keep_fd(bpf_program__fd(s->progs.chaos_last));
	if (progs.fd[CHAOS_INGRESS] < 0 || progs.fd[CHAOS_EGRESS] < 0 || progs.last < 0) {
		safe_close(progs.fd[CHAOS_INGRESS]);
		safe_close(progs.fd[CHAOS_EGRESS]);
		safe_close(progs.last);
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
		return dataplane__fail(err, -errno, "open the line's programs");
	s->rodata->have_prefixes = dp->now.n_prefixes > 0;
	s->rodata->have_owners = dp->plan->by_socket;
	s->rodata->traffic_bin_ns = dp->plan->traffic_bin_ns;
	s->rodata->capture_snaplen = dp->plan->capture_snaplen;
	r = share_maps(dp, s->obj, scope);
	if (!r)
		r = line_bpf__load(s);
	if (r)
		return dataplane__fail(err, r, "load the line's programs");
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

int dataplane__need_scopes(struct dataplane *dp, struct error *err)
{
	size_t want = dp->places.n + 1;
	struct line_progs *progs;
	int *pairs;

	if (want <= dp->n_pairs)
		return 0;
	pairs = realloc(dp->pairs, want * sizeof(*pairs));
	if (pairs)
		dp->pairs = pairs;
	progs = realloc(dp->line_progs, want * sizeof(*progs));
	if (progs)
		dp->line_progs = progs;
	if (!pairs || !progs)
		return err__set(err, -ENOMEM, "out of memory");
	for (; dp->n_pairs < want; dp->n_pairs++) {
		dp->pairs[dp->n_pairs] = -1;
		dp->line_progs[dp->n_pairs] = (struct line_progs){-1, -1, -1, -1};
	}
	return dp->line ? line__need_pairs(dp->line, err) : 0;
}

static void cleanup_owner_skel(struct owner_bpf **s)
{
	owner_bpf__destroy(*s);
}

/* Fds of those programs of @s that were loaded. */
static int keep_owner_programs(const struct owner_bpf *s, struct owner_progs *ret)
{
	const struct bpf_program *const from[] = {s->progs.owner_created, s->progs.owner_fork,
						  s->progs.owner_exit, s->progs.owner_scan};
	struct owner_progs p = {-1, -1, -1, -1};
	int *const to[] = {&p.created, &p.fork, &p.exit, &p.scan};

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		if (bpf_program__fd(from[i]) < 0)
			continue;
		*to[i] = keep_fd(bpf_program__fd(from[i]));
		if (*to[i] >= 0)
			continue;
		for (size_t k = 0; k < i; k++)
			safe_close(*to[k]);
		return -EMFILE;
	}
	*ret = p;
	return 0;
}

int dataplane__owner_programs(struct dataplane *dp, struct owner_progs *ret, struct error *err)
{
	/* What a kernel may lack: bpf_sock_from_file() (Linux 5.11), and tracing, for want of BTF or of
	 * CONFIG_BPF_EVENTS. */
	static const struct {
		bool scan, trace;
	} tries[] = {{true, true}, {false, true}, {false, false}};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		_cleanup_(cleanup_owner_skel) struct owner_bpf *s = owner_bpf__open();

		if (!s)
			return dataplane__fail(err, -errno, "open the programs of sockets' owners");
		bpf_program__set_autoload(s->progs.owner_scan, tries[i].scan);
		bpf_program__set_autoload(s->progs.owner_fork, tries[i].trace);
		bpf_program__set_autoload(s->progs.owner_exit, tries[i].trace);
		r = share_maps(dp, s->obj, 0);
		if (!r)
			r = owner_bpf__load(s);
		/* What we may not do now is no property of the kernel. */
		if (r == -EPERM)
			break;
		if (r)
			continue;
		r = keep_maps(dp, s->obj);
		if (!r)
			r = keep_owner_programs(s, ret);
		return r ? err__set(err, r, "cannot keep the programs of sockets' owners: %s",
				    strerror(-r))
			 : 0;
	}
	return dataplane__fail(err, r, "load the programs of sockets' owners");
}

static void cleanup_traffic_skel(struct traffic_bpf **s)
{
	traffic_bpf__destroy(*s);
}

/* What was loaded, attached. */
static int attach_tracing(const struct traffic_bpf *s, struct tracing *ret)
{
	const struct bpf_program *const progs[TRACING_PROGS] = {
		s->progs.traffic_state, s->progs.traffic_retransmit, s->progs.traffic_synack,
		s->progs.traffic_drop, s->progs.traffic_reset};

	for (int i = 0; i < TRACING_PROGS; i++) {
		if (bpf_program__fd(progs[i]) < 0)
			continue;
		ret->link[i] = bpf_raw_tracepoint_open(NULL, bpf_program__fd(progs[i]));
		if (ret->link[i] < 0)
			return ret->link[i];
	}
	return 0;
}

static void close_links(struct tracing *t)
{
	for (int i = 0; i < TRACING_PROGS; i++)
		t->link[i] = safe_close(t->link[i]);
}

int dataplane__open_tracing(struct dataplane *dp, struct tracing *ret, struct error *err)
{
	/* Reasons of drops are of Linux 5.17, those of resets of 6.10. */
	static const struct {
		bool drops, resets;
	} tries[] = {{true, true}, {true, false}, {false, false}};
	int r = 0;

	*ret = (struct tracing){.link = {-1, -1, -1, -1, -1}};
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		_cleanup_(cleanup_traffic_skel) struct traffic_bpf *s = traffic_bpf__open();

		if (!s)
			return dataplane__fail(err, -errno, "open the programs that trace TCP");
		s->rodata->have_prefixes = dp->now.n_prefixes > 0;
		s->rodata->traffic_bin_ns = dp->plan->traffic_bin_ns;
		bpf_program__set_autoload(s->progs.traffic_drop, tries[i].drops);
		bpf_program__set_autoload(s->progs.traffic_reset, tries[i].resets);
		r = share_maps(dp, s->obj, 0);
		if (!r)
			r = traffic_bpf__load(s);
		if (!r)
			r = keep_maps(dp, s->obj);
		if (!r)
			r = attach_tracing(s, ret);
		if (r) {
			close_links(ret);
			continue;
		}
		ret->tcp = true;
		ret->drops = tries[i].drops;
		ret->resets = tries[i].resets;
		if (!ret->drops)
			snprintf(ret->missing, sizeof(ret->missing),
				 "this kernel does not say why it drops packets (Linux 5.17)");
		return 0;
	}
	snprintf(ret->missing, sizeof(ret->missing),
		 "retransmissions, connections opened and closed and the kernel's drops are not "
		 "recorded: "
		 "it lets no BPF program trace its TCP: %s",
		 strerror(-r));
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
			return dataplane__fail(err, dp->pairs[i], "make a table of rules");
	}
	return 0;
}

/*
 * The verifier gives up with -EAGAIN when a signal is pending (kernel/bpf/verifier.c, do_check()): on a machine that is
 * busy, one that is signalled often enough would never load anything, libbpf's five tries notwithstanding.
 */
static int load_undisturbed(struct dataplane *dp, const struct instance_key *key,
			    struct attach_progs *ret, struct error *err)
{
	sigset_t all, had;
	int r, tries = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &had);
	do
		r = load(dp, key, ret, err);
	while (r == -EAGAIN && ++tries < LOAD_TRIES);
	pthread_sigmask(SIG_SETMASK, &had, NULL);
	return r;
}

void instance__close(struct attach_progs *p)
{
	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++)
		safe_close(p->fd[d]);
	safe_close(p->last);
	*p = (struct attach_progs){{-1, -1}, -1};
}

int dataplane__instance(struct dataplane *dp, const struct compiled_hook *hook, uint32_t *ret,
			struct error *err)
{
	const struct instance_key key = {.hook = hook->hook, .scope = hook->scope};
	size_t had = dp->hooks_seen.n;

	if (intern__put(&dp->hooks_seen, &key, sizeof(key), ret))
		return err__set(err, -ENOMEM, "out of memory");
	if (*ret < had && dp->instances[*ret].fd[CHAOS_INGRESS] >= 0)
		return 0;
	if (*ret == had) {
		if (grow_vec(dp->instances, had, dp->cap_instances))
			return err__set(err, -ENOMEM, "out of memory");
		dp->instances[*ret] = (struct attach_progs){{-1, -1}, -1};
	}
	return load_undisturbed(dp, &key, &dp->instances[*ret], err);
}
