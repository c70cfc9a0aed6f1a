// SPDX-License-Identifier: GPL-2.0-only
/*
 * cost [-r ROUNDS] [-n RUNS] [GROUP]: ns per packet in the programs alone (BPF_PROG_TEST_RUN), by what is in the
 * maps and what the packets are. Rows take turns, one slice each in a round. Each run goes through
 * driver.bpf.c, which writes a source address into the packet; the row `empty` is that alone.
 */
#include "harness.h"

#include <argp.h>
#include <arpa/inet.h>

#include "driver.skel.h"
#include "sample.h"

enum { ROWS_MAX = 16, BASE = 10 << 24 /* 10.0.0.0 */, UNKNOWN = 11 << 24, BIN_NS = 10000000 };

static unsigned int rounds = 15;
static int runs = 200000;
static const char *only; /* this group, NULL = all */
static struct driver_bpf *driver;
static const uint32_t counts[] = {1, 100, 10000, 100000};
enum { N_COUNTS = sizeof(counts) / sizeof(counts[0]) };

struct row {
	char name[64];
	int prog_fd;
	uint32_t first, n; /* source addresses of the packets */
};

struct group {
	const char *name;
	struct row rows[ROWS_MAX];
	size_t n_rows;
};

/* How a bench knows the addresses from BASE on. */
struct fill {
	uint32_t n;
	bool by_prefix; /* as /32 in the trie */
	bool one_class; /* a group, with one rule for all; else a class and a rule each */
	bool no_rule;
	uint32_t actions;
};

static void address(char text[16], uint32_t addr)
{
	struct in_addr a = {htonl(addr)};

	assert_non_null(inet_ntop(AF_INET, &a, text, 16));
}

static void fill(struct bench *b, const struct fill *f, const struct chaos_hook *hook)
{
	struct chaos_rule rule = {.actions = f->actions};
	char text[16];

	bench__open_for(b, hook, f->n + 1);
	address(text, BASE - 1);
	bench__ident(b, text, CLASS_B, NODE_B);
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t class_id = f->one_class ? 1000 : 1000 + i, node = class_id;

		address(text, BASE + i);
		if (f->by_prefix)
			bench__prefix(b, text, 32, class_id, node);
		else
			bench__ident(b, text, class_id, node);
		rule.seed = i;
		if (!f->no_rule && (!i || !f->one_class))
			bench__rule_on(b, class_id, CLASS_B, CHAOS_INGRESS, &rule);
	}
	bench__window(b, 0, 0, 0, FOREVER);
	bench__arm(b, 1);
}

static void group__add(struct group *g, const char *name, int prog_fd, uint32_t first, uint32_t n)
{
	assert_true(g->n_rows < ROWS_MAX);
	struct row *r = &g->rows[g->n_rows++];

	*r = (struct row){.prog_fd = prog_fd, .first = first, .n = n};
	snprintf(r->name, sizeof(r->name), "%s", name);
}

static void group__bench(struct group *g, const char *name, const struct bench *b, uint32_t first,
			 uint32_t n)
{
	group__add(g, name, bench__prog_fd(b, CHAOS_INGRESS), first, n);
}

static double measure(const struct row *row)
{
	struct frame f = udp_frame("10.0.0.1", 1000, "9.255.255.255", 2000);
	struct __sk_buff ctx = {.ifindex = (uint32_t)harness__ifindex()};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.data, .data_size_in = (uint32_t)f.len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = runs);
	uint32_t key = 0;
	int64_t start;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(driver->maps.target), &key, &row->prog_fd, BPF_ANY),
		0);
	driver->bss->first = row->first;
	driver->data->n = row->n;
	start = sample__cpu_ns();
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(driver->progs.drive), &opts), 0);
	return (double)(sample__cpu_ns() - start) / runs;
}

static void group__measure(const struct group *g)
{
	for (unsigned int round = 0; round <= rounds; round++)
		for (size_t i = 0; i < g->n_rows; i++) {
			double ns = measure(&g->rows[i]);

			/* The first round makes the counters of edges. */
			if (round)
				sample__print(g->name, g->rows[i].name, round, ns);
		}
	fflush(stdout);
}

/* ctx of the programs' own namespace: whatever arrives is for b. */
static const struct chaos_hook at_b = {.ident = {CLASS_B, NODE_B}, .flags = CHAOS_HOOK_FIXED};

static struct group group__begin(const char *name)
{
	struct group g = {.name = name};

	group__add(&g, "empty", bpf_program__fd(driver->progs.nothing), BASE, 1);
	return g;
}

static bool wanted(const char *group)
{
	return !only || !strcmp(only, group);
}

static void begin_recording(struct bench *b)
{
	const struct chaos_recording rec = {.n_subjects = 1, .max = 64};
	uint32_t key = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(b->skel->maps.recording), &key, &rec, BPF_ANY), 0);
}

static void passing(void)
{
	const struct chaos_hook counting = {.ident = at_b.ident,
					    .flags = CHAOS_HOOK_FIXED | CHAOS_HOOK_TRAFFIC};
	const struct fill few = {.n = 1, .actions = CHAOS_ACT_PARTITION};
	const struct fill known = {.n = 1, .no_rule = true};
	const struct fill many = {.n = 100000, .no_rule = true};
	struct group g = group__begin("run-pass");
	struct bench idle, idle_counting, one, all, one_counting, by_address, recording, sent_here;

	if (!wanted(g.name))
		return;
	fill(&idle, &few, &at_b);
	bench__arm(&idle, 0);
	fill(&idle_counting, &few, &counting);
	bench__arm(&idle_counting, 0);
	fill(&one, &few, &at_b);
	fill(&one_counting, &few, &counting);
	fill(&by_address, &few, NULL);
	harness__bin_ns = BIN_NS;
	fill(&recording, &few, &counting);
	fill(&sent_here, &known, &counting);
	harness__bin_ns = 0;
	begin_recording(&recording);
	begin_recording(&sent_here);
	bench__ident(&sent_here, "10.0.0.0", CLASS_C, NODE_C | CHAOS_NODE_HERE);
	fill(&all, &many, &at_b);
	group__bench(&g, "idle", &idle, BASE, 1);
	group__bench(&g, "idle, counting traffic", &idle_counting, BASE, 1);
	group__bench(&g, "armed, sender unknown", &one, UNKNOWN, 1);
	group__bench(&g, "armed, unknown, counting", &one_counting, UNKNOWN, 1);
	group__bench(&g, "armed, unknown, recorded", &recording, UNKNOWN, 1);
	group__bench(&g, "armed, recorded by its sender", &sent_here, BASE, 1);
	group__bench(&g, "armed, both by address", &by_address, UNKNOWN, 1);
	group__bench(&g, "armed, no rule, 1 of 100000", &all, BASE, 1);
	group__bench(&g, "armed, no rule, all 100000", &all, BASE, 100000);
	group__measure(&g);
	bench__close(&idle);
	bench__close(&idle_counting);
	bench__close(&one);
	bench__close(&one_counting);
	bench__close(&by_address);
	bench__close(&recording);
	bench__close(&sent_here);
	bench__close(&all);
}

/* The same packet, then packets from all, with each number of @f in the maps. */
static void by_count(const char *name, struct fill f)
{
	struct group g = group__begin(name);
	struct bench b[N_COUNTS];
	char row[64];

	if (!wanted(name))
		return;
	for (size_t i = 0; i < N_COUNTS; i++) {
		f.n = counts[i];
		fill(&b[i], &f, &at_b);
		snprintf(row, sizeof(row), "%u, from one", f.n);
		group__bench(&g, row, &b[i], BASE + f.n / 2, 1);
		if (f.n == 1)
			continue;
		snprintf(row, sizeof(row), "%u, from all", f.n);
		group__bench(&g, row, &b[i], BASE, f.n);
	}
	group__measure(&g);
	for (size_t i = 0; i < N_COUNTS; i++)
		bench__close(&b[i]);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 'n':
		runs = atoi(arg);
		return 0;
	case ARGP_KEY_ARG:
		only = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {"runs", 'n', "N", 0, "packets in a slice", 0},
					      {0}};
	const struct argp argp = {options, parse, "[GROUP]", NULL, NULL, NULL, NULL};

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	assert_int_equal(harness__setup(NULL), 0);
	driver = driver_bpf__open_and_load();
	assert_non_null(driver);
	passing();
	by_count("run-keep", (struct fill){.actions = 0});
	by_count("run-drop", (struct fill){.actions = CHAOS_ACT_PARTITION});
	by_count("run-drop-group",
		 (struct fill){.actions = CHAOS_ACT_PARTITION, .one_class = true});
	by_count("run-drop-prefix", (struct fill){.actions = CHAOS_ACT_PARTITION,
						  .one_class = true,
						  .by_prefix = true});
	driver_bpf__destroy(driver);
	return harness__teardown(NULL);
}
