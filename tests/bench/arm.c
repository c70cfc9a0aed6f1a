// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm [OPTION...] NETNS...: a data plane with one fault, from endpoints to the namespaces. It says
 * `ready` and stays until its input ends; with --time it opens and closes as often as asked for, and prints
 * how many ms each stage took.
 *
 * Stages are told apart by wrapping functions of the data plane at link time (bench.mk), so that the
 * code measured is the code that is used.
 */
#include "datapath/compile.h"
#include "datapath/dataplane.h"
#include "datapath/dataplane_internal.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "sample.h"

#include <argp.h>
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <string.h>

enum stage { OTHER, COMPILE, LOAD, TABLES, ATTACH, FLIP, N_STAGES };
static const char *const stage_names[] = {"scan and the rest", "compile", "load",
					  "write the maps",    "attach",  "flip (one store)"};

static struct {
	enum stage now;
	int64_t since;
	int64_t ns[N_STAGES];
} watch;

static enum stage watch__switch(enum stage to)
{
	int64_t now = clock__now();
	enum stage from = watch.now;

	watch.ns[from] += now - watch.since;
	watch.since = now;
	watch.now = to;
	return from;
}

#define WRAP(which, function, params, args)               \
	int __real_##function params;                     \
	int __wrap_##function params;                     \
	int __wrap_##function params                      \
	{                                                 \
		enum stage before = watch__switch(which); \
		int r = __real_##function args;           \
                                                          \
		watch__switch(before);                    \
		return r;                                 \
	}

WRAP(COMPILE, compile,
     (const struct compile_input *in, struct compile_numbers *numbers, struct compiled *ret,
      struct error *err),
     (in, numbers, ret, err))
WRAP(LOAD, bpf_object__open_skeleton,
     (struct bpf_object_skeleton * s, const struct bpf_object_open_opts *opts), (s, opts))
WRAP(LOAD, bpf_object__load_skeleton, (struct bpf_object_skeleton * s), (s))
WRAP(TABLES, tables__update,
     (const struct table_fds *fds, const struct compiled *was, const struct compiled *now,
      struct error *err),
     (fds, was, now, err))
WRAP(ATTACH, dataplane__attach_all, (struct dataplane * dp, bool all, struct error *err),
     (dp, all, err))

struct arm {
	struct dp_plan plan;
	uint32_t n, first; /* endpoints, by address */
	bool each, idle;
	uint32_t actions;
	unsigned int rounds; /* 0: stay */
	const char *group;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "arm: %s: %s\n", what, why);
	exit(1);
}

static void *zeroes(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("memory", strerror(errno));
	return p;
}

static void plan__endpoints(struct arm *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct dp_member *m = &a->plan.members[a->plan.n_members++];

		if (asprintf(&m->name, "endpoint-%u", i) < 0)
			die("memory", strerror(errno));
		m->prefixes = zeroes(1, sizeof(*m->prefixes));
		m->n_prefixes = 1;
		m->prefixes[0] = (struct dp_prefix){
			.addr = {.w = {0, 0, htonl(0xffff), htonl(a->first + i)}}, .len = 128};
	}
}

static void plan__namespaces(struct arm *a, char **names, size_t n)
{
	struct error err = {0};

	for (size_t i = 0; i < n; i++) {
		struct dp_member *m = &a->plan.members[a->plan.n_members++];

		m->name = strdup(names[i]);
		m->places = zeroes(1, sizeof(*m->places));
		m->n_places = 1;
		m->places[0].netns_fd = netns__open(names[i], &err);
		if (m->places[0].netns_fd < 0)
			die(names[i], err.msg);
	}
}

static struct dp_side side(size_t first, size_t n)
{
	struct dp_side s = {.members = zeroes(n, sizeof(*s.members)), .n_members = n};

	for (size_t i = 0; i < n; i++)
		s.members[i] = first + i;
	return s;
}

static void plan__fault(struct arm *a, size_t n_netns)
{
	struct dp_fault *f = zeroes(1, sizeof(*f));
	uint32_t in_edge = a->each ? 1 : a->n;

	a->plan.faults = f;
	a->plan.n_faults = 1;
	f->name = strdup("fault");
	f->rule.actions = a->actions;
	f->rule.seed = 1;
	f->edges = zeroes(a->n, sizeof(*f->edges));
	for (uint32_t i = 0; i < a->n; i += in_edge)
		f->edges[f->n_edges++] =
			(struct dp_edge){.from = side(i, in_edge), .to = side(a->n, n_netns)};
}

static void arm(const struct arm *a, struct dataplane *dp)
{
	dataplane__set_window(dp, 0, 0, 0, UINT64_MAX);
	if (!a->idle)
		dataplane__arm(dp, clock__now());
}

static void stay(const struct arm *a)
{
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct error err = {0};

	if (dataplane__open(&a->plan, &dp, &err))
		die("open", err.msg);
	arm(a, dp);
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static void measure(const struct arm *a)
{
	for (unsigned int round = 1; round <= a->rounds; round++) {
		_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
		struct error err = {0};
		int64_t all = 0;

		memset(&watch, 0, sizeof(watch));
		watch.since = clock__now();
		if (dataplane__open(&a->plan, &dp, &err))
			die("open", err.msg);
		dataplane__set_window(dp, 0, 0, 0, UINT64_MAX);
		watch__switch(FLIP);
		dataplane__arm(dp, clock__now());
		watch__switch(OTHER);
		for (size_t i = 0; i < N_STAGES; i++)
			all += watch.ns[i];
		sample__print(a->group, "chaos: open and arm", round, (double)all / 1e6);
		for (size_t i = 0; i < N_STAGES; i++) {
			char name[64];

			snprintf(name, sizeof(name), "  of it: %s", stage_names[i]);
			sample__print(a->group, name, round, (double)watch.ns[i] / 1e6);
		}
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arm *a = state->input;

	switch (key) {
	case 'n':
		a->n = (uint32_t)strtoul(text, NULL, 10);
		return 0;
	case 'f':
		if (inet_pton(AF_INET, text, &a->first) != 1)
			argp_error(state, "no IPv4 address: %s", text);
		a->first = ntohl(a->first);
		return 0;
	case 'e':
		a->each = true;
		return 0;
	case 'i':
		a->idle = true;
		return 0;
	case 'k':
		a->actions = CHAOS_ACT_LOSS;
		return 0;
	case 'c':
		a->plan.count_traffic = true;
		return 0;
	case 't':
		a->rounds = (unsigned int)atoi(text);
		return 0;
	case 'g':
		a->group = text;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {
		{"endpoints", 'n', "N", 0, "so many addresses (1)", 0},
		{"first", 'f', "ADDRESS", 0, "from here on (10.0.0.0)", 0},
		{"each", 'e', NULL, 0, "a rule for each, not one for all", 0},
		{"idle", 'i', NULL, 0, "do not arm", 0},
		{"keep", 'k', NULL, 0, "a loss of 0 %, not a partition", 0},
		{"count", 'c', NULL, 0, "count traffic", 0},
		{"time", 't', "ROUNDS", 0, "measure, then end", 0},
		{"group", 'g', "NAME", 0, "of the samples", 0},
		{0}};
	const struct argp argp = {options, parse, "NETNS...", NULL, NULL, NULL, NULL};
	struct arm a = {.n = 1, .first = 10 << 24, .actions = CHAOS_ACT_PARTITION, .group = "arm"};
	size_t n_netns;
	int first;

	argp_parse(&argp, argc, argv, 0, &first, &a);
	n_netns = (size_t)(argc - first);
	a.plan.members = zeroes(a.n + n_netns, sizeof(*a.plan.members));
	plan__endpoints(&a);
	plan__namespaces(&a, argv + first, n_netns);
	plan__fault(&a, n_netns);
	if (a.rounds)
		measure(&a);
	else
		stay(&a);
	for (size_t i = 0; i < n_netns; i++)
		close(dp_member__netns(&a.plan.members[a.n + i]));
	dp_plan__reset(&a.plan);
	return 0;
}
