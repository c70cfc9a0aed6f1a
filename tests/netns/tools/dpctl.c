// SPDX-License-Identifier: GPL-2.0-only
/*
 * dpctl: a data plane by hand, for the scripts in tests/netns. It says `ready MECHANISM` once faults
 * are armed, then does what it reads: one command a line, each answered by lines that end with `.`:
 *
 *	hits			FAULT FROM TO matched dropped matched_bytes
 *	effects			FAULT FROM TO delayed reordered duplicated corrupted shaped overflowed reset rejected marked
 *	line			MECHANISM held overflowed no_line late_p50_us late_p99_us
 *	traffic NODE		rx_packets rx_bytes tx_packets tx_bytes rx_syn tx_syn dropped
 *	attached		NODE IFNAME
 *	processes NODE PID...	the member's processes are these now
 *	window START END	seconds from now; of all faults
 *	without N		from now on without capability number N
 *	disarm | arm | quit
 *
 * Churn is followed meanwhile. It ends, clean, with its input.
 */
#include "datapath/dataplane.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/privilege.h"

#include <arpa/inet.h>
#include <argp.h>
#include <poll.h>
#include <string.h>

struct ctl {
	struct dp_plan plan;
	double from_s, to_s;
	bool neighbour;
	int status;
};

static void die(const char *what, const struct error *err)
{
	fprintf(stderr, "dpctl: %s%s%s\n", what, err ? ": " : "", err ? err->msg : "");
	exit(2);
}

static void *more(void *v, size_t n, size_t size)
{
	v = realloc(v, (n + 1) * size);
	if (!v)
		die("out of memory", NULL);
	memset((char *)v + n * size, 0, size);
	return v;
}

static struct dp_prefix parse_prefix(const char *s)
{
	struct dp_prefix p = {.addr = {.w = {0, 0, htonl(0xffff), 0}}, .len = 128};
	char text[64], *slash;

	snprintf(text, sizeof(text), "%s", s);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = 0;
	if (inet_pton(AF_INET, text, &p.addr.w[3]) == 1)
		p.len = slash ? (uint8_t)(96 + atoi(slash)) : 128;
	else if (inet_pton(AF_INET6, text, &p.addr) == 1)
		p.len = slash ? (uint8_t)atoi(slash) : 128;
	else
		die(s, NULL);
	return p;
}

static void set_processes(struct dp_member *m, char *pids)
{
	char *save;

	m->n_processes = 0;
	for (char *p = strtok_r(pids, " ,", &save); p; p = strtok_r(NULL, " ,", &save)) {
		m->processes = more(m->processes, m->n_processes, sizeof(*m->processes));
		m->processes[m->n_processes++] = (struct dp_process){atoi(p), true};
	}
}

/* NAME=netns:NS | NAME=dev:NS:IF | NAME=cidr:PREFIX | NAME=sock:NS:PID[,PID...] */
static void add_member(struct ctl *c, char *arg)
{
	char *what = strchr(arg, '=');
	struct error err = {0};
	bool by_socket = false;
	struct dp_member *m;

	if (!what)
		die(arg, NULL);
	*what++ = 0;
	c->plan.members = more(c->plan.members, c->plan.n_members, sizeof(*m));
	m = &c->plan.members[c->plan.n_members++];
	m->name = strdup(arg);
	if (!strncmp(what, "cidr:", 5)) {
		m->prefixes = more(NULL, 0, sizeof(*m->prefixes));
		m->prefixes[m->n_prefixes++] = parse_prefix(what + 5);
		return;
	}
	if (!strncmp(what, "dev:", 4)) {
		what += 4;
		m->ifname = strchr(what, ':');
		if (!m->ifname)
			die(what, NULL);
		*m->ifname = 0;
		m->ifname = strdup(m->ifname + 1);
	} else if (!strncmp(what, "sock:", 5)) {
		char *pids;

		what += 5;
		pids = strchr(what, ':');
		if (!pids)
			die(what, NULL);
		*pids++ = 0;
		set_processes(m, pids);
		by_socket = c->plan.by_socket = true;
	} else if (!strncmp(what, "netns:", 6)) {
		what += 6;
	} else {
		die(what, NULL);
	}
	m->places = more(NULL, 0, sizeof(*m->places));
	m->places[0].netns_fd = netns__open(what, &err);
	if (m->places[0].netns_fd < 0)
		die(what, &err);
	m->places[0].by_socket = by_socket;
	m->n_places = 1;
}

/* NAME[+NAME...] or any, each with :PORT */
static struct dp_side parse_side(const struct ctl *c, char *s)
{
	struct dp_side side = {0};
	char *port = strchr(s, ':'), *save;

	if (port) {
		*port++ = 0;
		side.ports = more(NULL, 0, sizeof(*side.ports));
		side.ports[side.n_ports++] =
			(struct chaos_port_range){(uint16_t)atoi(port), (uint16_t)atoi(port)};
	}
	if (!strcmp(s, "any")) {
		side.any = true;
		return side;
	}
	for (char *name = strtok_r(s, "+", &save); name; name = strtok_r(NULL, "+", &save)) {
		size_t i = 0;

		while (i < c->plan.n_members && strcmp(c->plan.members[i].name, name) != 0)
			i++;
		if (i == c->plan.n_members)
			die(name, NULL);
		side.members = more(side.members, side.n_members, sizeof(*side.members));
		side.members[side.n_members++] = i;
	}
	return side;
}

static void add_edge(struct ctl *c, struct dp_fault *f, const char *from, const char *to)
{
	_cleanup_free_ char *a = strdup(from), *b = strdup(to);
	struct dp_edge *e;

	f->edges = more(f->edges, f->n_edges, sizeof(*f->edges));
	e = &f->edges[f->n_edges++];
	e->from = parse_side(c, a);
	e->to = parse_side(c, b);
}

static struct chaos_param still(double v)
{
	return (struct chaos_param){(__u64)v, (__u64)v};
}

static struct chaos_param probability(const char *s)
{
	return still(atof(s) * 4294967296.0);
}

/* FROM,TO[,PROBABILITY] */
static void add_fault(struct ctl *c, const char *name, char *arg, bool both)
{
	char *to = strchr(arg, ','), *p;
	struct dp_fault *f;

	if (!to)
		die(arg, NULL);
	*to++ = 0;
	p = strchr(to, ',');
	if (p)
		*p++ = 0;
	c->plan.faults = more(c->plan.faults, c->plan.n_faults, sizeof(*f));
	f = &c->plan.faults[c->plan.n_faults++];
	if (asprintf(&f->name, "%s%zu", name, c->plan.n_faults) < 0)
		die("out of memory", NULL);
	f->rule.seed = 42 + c->plan.n_faults;
	f->rule.actions = p ? CHAOS_ACT_LOSS : CHAOS_ACT_PARTITION;
	f->rule.loss.chance.p = probability(p ? p : "0");
	add_edge(c, f, arg, to);
	if (both)
		add_edge(c, f, to, arg);
}

/* KEY=VALUE of --fault; times in microseconds, sizes in bytes. */
static void set_effect(struct chaos_rule *r, const char *key, const char *v)
{
	static const struct {
		const char *name;
		enum chaos_action act;
		size_t offset;
	} chances[] = {
		{"loss", CHAOS_ACT_LOSS, offsetof(struct chaos_rule, loss.chance)},
		{"duplicate", CHAOS_ACT_DUPLICATE, offsetof(struct chaos_rule, duplicate)},
		{"corrupt", CHAOS_ACT_CORRUPT, offsetof(struct chaos_rule, corrupt)},
		{"ecn", CHAOS_ACT_ECN, offsetof(struct chaos_rule, ecn)},
		{"reset", CHAOS_ACT_RESET, offsetof(struct chaos_rule, reset)},
		{"reject", CHAOS_ACT_REJECT, offsetof(struct chaos_rule, reject)},
		{"reorder", CHAOS_ACT_DELAY, offsetof(struct chaos_rule, delay.overtake)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(chances); i++) {
		struct chaos_chance *c = (void *)((char *)r + chances[i].offset);

		if (strcmp(key, chances[i].name) != 0)
			continue;
		r->actions |= chances[i].act;
		c->p = probability(v);
		if (strchr(v, '/'))
			c->correlation = (__u64)(atof(strchr(v, '/') + 1) * 4294967296.0);
		if (!strcmp(key, "reorder"))
			r->delay.flags |= CHAOS_DELAY_REORDER;
		if (!strcmp(key, "reset"))
			r->effects |= CHAOS_RESET_SENDER | CHAOS_RESET_RECEIVER;
		if (!strcmp(key, "reject")) {
			r->icmp4_code = 3;
			r->icmp6_code = 4;
		}
		return;
	}
	if (!strcmp(key, "delay")) {
		r->actions |= CHAOS_ACT_DELAY;
		r->delay.latency_ns = still(atof(v) * 1e3);
	} else if (!strcmp(key, "jitter")) {
		r->delay.jitter_ns = still(atof(v) * 1e3);
	} else if (!strcmp(key, "normal")) {
		r->delay.table = CHAOS_TABLE_NORMAL;
		r->delay.table_len = CHAOS_TABLE_LEN;
	} else if (!strcmp(key, "gap")) {
		r->delay.gap = (__u32)atoi(v);
	} else if (!strcmp(key, "order")) {
		r->delay.flags |= CHAOS_DELAY_IN_ORDER;
	} else if (!strcmp(key, "rate")) {
		r->actions |= CHAOS_ACT_RATE;
		r->rate.bytes_per_s = still(atof(v));
	} else if (!strcmp(key, "queue")) {
		r->rate.queue_bytes = (__u64)atof(v);
	} else if (!strcmp(key, "mtu")) {
		r->actions |= CHAOS_ACT_MTU;
		r->mtu = still(atof(v));
	} else if (!strcmp(key, "icmp")) {
		r->effects |= CHAOS_MTU_ICMP;
	} else if (!strcmp(key, "silent")) {
		r->effects |= CHAOS_CORRUPT_SILENT;
	} else if (!strcmp(key, "every")) {
		r->actions |= CHAOS_ACT_LOSS;
		r->loss.every = (__u32)atoi(v);
	} else if (!strcmp(key, "nth")) {
		r->match.nth = (__u32)atoi(v);
	} else if (!strcmp(key, "proto")) {
		r->match.proto = (__u8)atoi(v);
	} else {
		die(key, NULL);
	}
}

/* FROM,TO,KEY[=VALUE]... */
static void add_effects(struct ctl *c, char *arg)
{
	char *save, *from = strtok_r(arg, ",", &save), *to = strtok_r(NULL, ",", &save), *key;
	struct dp_fault *f;

	if (!from || !to)
		die("--fault FROM,TO,KEY=VALUE...", NULL);
	c->plan.faults = more(c->plan.faults, c->plan.n_faults, sizeof(*f));
	f = &c->plan.faults[c->plan.n_faults++];
	if (asprintf(&f->name, "fault%zu", c->plan.n_faults) < 0)
		die("out of memory", NULL);
	f->rule.seed = 42 + c->plan.n_faults;
	while ((key = strtok_r(NULL, ",", &save))) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = 0;
		set_effect(&f->rule, key, value ? value : "0");
	}
	add_edge(c, f, from, to);
}

enum { KEY_FROM = 256, KEY_TO, KEY_NEIGHBOUR, KEY_MODE, KEY_TRAFFIC, KEY_HOLD };

static const struct argp_option options[] = {
	{"member", 'm', "NAME=netns:NS|NAME=dev:NS:IF|NAME=cidr:PREFIX|NAME=sock:NS:PID,...", 0, "a member", 0},
	{"cut", 'c', "A,B", 0, "cut both ways; a side is NAME[+NAME...][:PORT] or any", 0},
	{"oneway", 'o', "FROM,TO", 0, "cut one way", 0},
	{"loss", 'l', "FROM,TO,P", 0, "lose one way", 0},
	{"fault", 'f', "FROM,TO,KEY[=VALUE]...", 0, "other faults, one way", 0},
	{"hold", KEY_HOLD, "auto|fq|tap", 0, "what holds delayed packets", 0},
	{"start", KEY_FROM, "S", 0, "begin of the window, seconds after arming (0)", 0},
	{"end", KEY_TO, "S", 0, "end of the window (60)", 0},
	{"neighbour", KEY_NEIGHBOUR, NULL, 0, "ARP and ND too", 0},
	{"traffic", KEY_TRAFFIC, NULL, 0, "count traffic", 0},
	{"mode", KEY_MODE, "auto|tcx|clsact", 0, "mechanism", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ctl *c = state->input;

	switch (key) {
	case 'm':
		add_member(c, arg);
		return 0;
	case 'c':
		add_fault(c, "cut", arg, true);
		return 0;
	case 'o':
		add_fault(c, "oneway", arg, false);
		return 0;
	case 'l':
		add_fault(c, "loss", arg, false);
		return 0;
	case 'f':
		add_effects(c, arg);
		return 0;
	case KEY_HOLD:
		c->plan.hold = !strcmp(arg, "fq")    ? DP_HOLD_FQ
			       : !strcmp(arg, "tap") ? DP_HOLD_TAP
						     : DP_HOLD_AUTO;
		return 0;
	case KEY_FROM:
		c->from_s = atof(arg);
		return 0;
	case KEY_TO:
		c->to_s = atof(arg);
		return 0;
	case KEY_NEIGHBOUR:
		c->neighbour = true;
		return 0;
	case KEY_TRAFFIC:
		c->plan.count_traffic = true;
		return 0;
	case KEY_MODE:
		c->plan.mode = !strcmp(arg, "tcx")	? DP_ATTACH_TCX
			       : !strcmp(arg, "clsact") ? DP_ATTACH_CLSACT
							: DP_ATTACH_AUTO;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void windows(struct dataplane *dp, const struct ctl *c, double from_s, double to_s)
{
	for (size_t i = 0; i < c->plan.n_faults; i++)
		dataplane__set_window(dp, i, 0, (uint64_t)(from_s * 1e9), (uint64_t)(to_s * 1e9));
}

static void print_hits(struct dataplane *dp, const struct ctl *c)
{
	for (size_t i = 0; i < c->plan.n_faults; i++) {
		_cleanup_free_ struct dp_edge_hits *v = NULL;
		size_t n = 0;

		if (dataplane__hits(dp, i, &v, &n))
			die("hits", NULL);
		for (size_t k = 0; k < n; k++)
			printf("%s %s %s %llu %llu %llu\n", c->plan.faults[i].name, v[k].from,
			       v[k].to, v[k].counts.matched, v[k].counts.dropped,
			       v[k].counts.matched_bytes);
	}
}

static void print_effects(struct dataplane *dp, const struct ctl *c)
{
	for (size_t i = 0; i < c->plan.n_faults; i++) {
		_cleanup_free_ struct dp_edge_hits *v = NULL;
		size_t n = 0;

		if (dataplane__hits(dp, i, &v, &n))
			die("hits", NULL);
		for (size_t k = 0; k < n; k++) {
			const struct chaos_edge_counts *e = &v[k].counts;

			printf("%s %s %s %llu %llu %llu %llu %llu %llu %llu %llu %llu\n",
			       c->plan.faults[i].name, v[k].from, v[k].to, e->delayed, e->reordered,
			       e->duplicated, e->corrupted, e->shaped, e->overflowed, e->reset,
			       e->rejected, e->marked);
		}
	}
}

static void print_line(struct dataplane *dp)
{
	struct dp_line_stats s;

	if (dataplane__line_stats(dp, &s))
		printf("none\n");
	else
		printf("%s %llu %llu %llu %llu %llu\n", dataplane__hold_mechanism(dp),
		       (unsigned long long)s.held, (unsigned long long)s.overflowed,
		       (unsigned long long)s.no_line, (unsigned long long)s.late_p50_us,
		       (unsigned long long)s.late_p99_us);
}

static void print_traffic(struct dataplane *dp, const char *node)
{
	struct chaos_traffic t;
	int r = dataplane__traffic(dp, node, &t);

	if (r)
		printf("error %s\n", strerror(-r));
	else
		printf("%llu %llu %llu %llu %llu %llu %llu\n", t.rx_packets, t.rx_bytes,
		       t.tx_packets, t.tx_bytes, t.rx_syn, t.tx_syn, t.dropped);
}

static void processes(struct dataplane *dp, struct ctl *c, char *line)
{
	char *pids = strchr(line, ' ');
	struct error err = {0};
	size_t i = 0;

	if (pids)
		*pids++ = 0;
	while (i < c->plan.n_members && strcmp(c->plan.members[i].name, line) != 0)
		i++;
	if (i == c->plan.n_members) {
		printf("error unknown\n");
		return;
	}
	set_processes(&c->plan.members[i], pids ? pids : line + strlen(line));
	c->plan.as_of_ns = (uint64_t)clock__now();
	if (dataplane__resync(dp, true, &err) < 0 || err.msg[0])
		printf("error %s\n", err.msg);
}

static bool command(struct dataplane *dp, struct ctl *c, char *line, int64_t t0)
{
	const struct dp_attachment *v;
	double from_s, to_s, now_s = (double)((uint64_t)clock__now() - t0) / 1e9;
	size_t n;
	int cap;

	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "quit"))
		return false;
	if (!strcmp(line, "hits")) {
		print_hits(dp, c);
	} else if (!strcmp(line, "effects")) {
		print_effects(dp, c);
	} else if (!strcmp(line, "line")) {
		print_line(dp);
	} else if (!strncmp(line, "traffic ", 8)) {
		print_traffic(dp, line + 8);
	} else if (!strncmp(line, "processes ", 10)) {
		processes(dp, c, line + 10);
	} else if (!strcmp(line, "attached")) {
		n = dataplane__attachments(dp, &v);
		for (size_t i = 0; i < n; i++)
			printf("%s %s\n", v[i].node, v[i].ifname);
	} else if (sscanf(line, "window %lf %lf", &from_s, &to_s) == 2) {
		windows(dp, c, now_s + from_s, now_s + to_s);
	} else if (sscanf(line, "without %d", &cap) == 1) {
		if (privilege__limit(privilege__held() & ~CAP_BIT(cap)))
			die("without", NULL);
	} else if (!strcmp(line, "disarm")) {
		dataplane__disarm(dp);
	} else if (!strcmp(line, "arm")) {
		dataplane__arm(dp, t0);
	} else {
		printf("error unknown\n");
	}
	printf(".\n");
	return true;
}

static void follow(struct dataplane *dp)
{
	struct error err = {0};

	if (dataplane__resync(dp, false, &err) < 0 || err.msg[0])
		fprintf(stderr, "dpctl: resync: %s\n", err.msg);
}

static void serve(struct dataplane *dp, struct ctl *c, int64_t t0)
{
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN},
			      {.fd = dataplane__event_fd(dp), .events = POLLIN}};
	char line[256];

	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			return;
		if (p[1].revents)
			follow(dp);
		if (p[0].revents &&
		    (!fgets(line, sizeof(line), stdin) || !command(dp, c, line, t0)))
			return;
	}
}

static int features(void)
{
	_cleanup_free_ struct dp_feature *v = NULL;
	size_t n = 0;

	if (dataplane__features(&v, &n))
		return 1;
	for (size_t i = 0; i < n; i++)
		printf("%s %s %s\n", v[i].name, v[i].ok ? "yes" : "no", v[i].detail);
	return 0;
}

static int clear(void)
{
	struct error err = {0};
	unsigned int n = 0;

	if (dataplane__clear_stale(&n, &err) < 0)
		die("clear", &err);
	printf("%u\n", n);
	return 0;
}

static int scan(const char *name)
{
	struct netns_scan s;
	struct error err = {0};
	char text[64];
	_cleanup_close_ int fd = netns__open(name, &err);

	if (fd < 0)
		die(name, &err);
	if (netns__scan(fd, &s))
		die("scan", NULL);
	for (size_t i = 0; i < s.n_links; i++)
		printf("link %d %s kind=%s up=%d lo=%d master=%d lower=%d\n", s.links[i].ifindex,
		       s.links[i].name, s.links[i].kind, s.links[i].up, s.links[i].loopback,
		       s.links[i].master, s.links[i].lower);
	for (size_t i = 0; i < s.n_addrs; i++)
		printf("addr %d %s/%d\n", s.addrs[i].ifindex,
		       inet_ntop(s.addrs[i].family, s.addrs[i].addr, text, sizeof(text)),
		       s.addrs[i].prefixlen);
	printf("forwards %d\n", s.forwards);
	netns_scan__reset(&s);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "\nfeatures\nclear\nscan NETNS", "A data plane by hand.", NULL,
		NULL,	 NULL};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct ctl c = {.to_s = 60};
	struct error err = {0};
	int64_t t0;

	if (argc == 2 && !strcmp(argv[1], "features"))
		return features();
	if (argc == 2 && !strcmp(argv[1], "clear"))
		return clear();
	if (argc == 3 && !strcmp(argv[1], "scan"))
		return scan(argv[2]);
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	for (size_t i = 0; i < c.plan.n_faults && c.neighbour; i++)
		c.plan.faults[i].rule.match.flags |= CHAOS_MATCH_NEIGHBOUR;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (dataplane__open(&c.plan, &dp, &err))
		die("open", &err);
	t0 = clock__now();
	windows(dp, &c, c.from_s, c.to_s);
	dataplane__arm(dp, t0);
	printf("ready %s\n", dataplane__mechanism(dp));
	serve(dp, &c, t0);
	dataplane__close(TAKE_PTR(dp));
	for (size_t i = 0; i < c.plan.n_members; i++)
		safe_close(dp_member__netns(&c.plan.members[i]));
	dp_plan__reset(&c.plan);
	return 0;
}
