// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"
#include "cli/submit.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

struct run_args {
	struct run_options opts;
	const char **files;
	size_t n_files;
	bool json, seed_set, capture;
	uint64_t seed;
	pid_t parent; /* 0: whoever it is, it may end */
	struct submit_options submit;
	bool cluster; /* submit it */
};

static const struct argp_option options[] = {
	{"out", 'o', "DIR", 0, "run folder (default chaos-runs/NAME-TIMESTAMP)", 0},
	{"seed", KEY_SEED, "N", 0, "seed, where the file has none", 0},
	{"attach", KEY_ATTACH, "MODE", 0, "auto (default), tcx or clsact", 0},
	{"hold", KEY_HOLD, "MODE", 0, "what holds delayed packets: auto (default), fq or tap", 0},
	{"allow-host", KEY_ALLOW_HOST, NULL, 0,
	 "the caller's own network namespace may be a target", 0},
	{"capture", KEY_CAPTURE, NULL, 0,
	 "write capture.pcapng, packets with the faults' decisions as comments", 0},
	{"json", KEY_JSON, NULL, 0, "print summary.json instead of progress", 0},
	{"kubeconfig", KEY_KUBECONFIG, "FILE", 0, "run it in this cluster, by its agents", 1},
	{"context", KEY_CONTEXT, "NAME", 0, "of the kubeconfig (default its current one)", 1},
	{"namespace", KEY_NAMESPACE, "NAME", 0, "where the file has none", 1},
	{"replace", KEY_REPLACE, NULL, 0, "delete an object of the same name first", 1},
	{"keep", KEY_KEEP, NULL, 0, "leave the object in the cluster at the end", 1},
	/* What `chaos agent` starts its runs with. */
	{"start-at", KEY_START_AT, "NS", OPTION_HIDDEN, "run time 0, ns of CLOCK_REALTIME", 0},
	{"members", KEY_MEMBERS, "FILE", OPTION_HIDDEN, "whom pods: selectors mean", 0},
	{"live", KEY_LIVE, "FILE", OPTION_HIDDEN, "say there how things stand", 0},
	{"node", KEY_NODE, "NAME", OPTION_HIDDEN, "of the cluster, for the record", 0},
	{"no-report", KEY_NO_REPORT, NULL, OPTION_HIDDEN, "record only", 0},
	{"with-parent", KEY_WITH_PARENT, "PID", OPTION_HIDDEN, "end when it does", 0},
	{0},
};

static int64_t positive(struct argp_state *state, const char *option, const char *arg)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(arg, &end, 10);
	if (errno || *end || end == arg || n <= 0)
		argp_error(state, "%s takes a positive number, not `%s`", option, arg);
	return n;
}

/* False: @key is none of those for a cluster. */
static bool parse_cluster(int key, char *arg, struct run_args *a)
{
	struct submit_options *o = &a->submit;

	switch (key) {
	case KEY_KUBECONFIG:
		o->kubeconfig = arg;
		break;
	case KEY_CONTEXT:
		o->context = arg;
		break;
	case KEY_NAMESPACE:
		o->ns = arg;
		break;
	case KEY_REPLACE:
		o->replace = true;
		break;
	case KEY_KEEP:
		o->keep = true;
		break;
	default:
		return false;
	}
	a->cluster = true;
	return true;
}

/* In the cluster, one after the other. */
static int submit_all(struct run_args *a)
{
	int worst = 0;

	a->submit.out = a->opts.out;
	a->submit.json = a->json;
	a->submit.stop = a->opts.stop;
	a->submit.wake_fd = a->opts.wake_fd;
	for (size_t i = 0; i < a->n_files && worst < EXIT_USAGE; i++) {
		int status = submit__verb(a->files[i], &a->submit);

		worst = status > worst ? status : worst;
	}
	return worst;
}

/* False: @key is none of those that the agent gives. */
static bool parse_child(int key, char *arg, struct argp_state *state)
{
	struct run_args *a = state->input;

	switch (key) {
	case KEY_START_AT:
		a->opts.start_realtime_ns = positive(state, "--start-at", arg);
		return true;
	case KEY_MEMBERS:
		a->opts.members = arg;
		return true;
	case KEY_LIVE:
		a->opts.live = arg;
		return true;
	case KEY_NODE:
		a->opts.node = arg;
		return true;
	case KEY_NO_REPORT:
		a->opts.no_report = true;
		return true;
	case KEY_WITH_PARENT:
		a->parent = (pid_t)positive(state, "--with-parent", arg);
		return true;
	default:
		return false;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *a = state->input;

	if (parse_child(key, arg, state) || parse_cluster(key, arg, a))
		return 0;
	switch (key) {
	case 'o':
		a->opts.out = arg;
		return 0;
	case KEY_SEED:
		a->seed = cli__seed(state, arg);
		a->seed_set = true;
		return 0;
	case KEY_ATTACH:
		a->opts.mode = cli__attach_mode(state, arg);
		return 0;
	case KEY_HOLD:
		a->opts.hold = cli__hold_mode(state, arg);
		return 0;
	case KEY_ALLOW_HOST:
		a->opts.allow_host = true;
		return 0;
	case KEY_CAPTURE:
		a->capture = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		a->files = (const char **)(state->argv + state->next);
		a->n_files = (size_t)(state->argc - state->next);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which experiment? Give a FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void say_over(const struct experiment *e, int64_t ns)
{
	if (!cli_quiet)
		printf("%s was over %.1f s ago: nothing is done\n", e->name, (double)ns / NS_PER_S);
}

/*
 * Who started us ends, whichever way: so do we, in order. It may have ended already, before the kernel was asked to
 * tell; false.
 */
static bool stay_with(pid_t parent)
{
	return !parent || (!prctl(PR_SET_PDEATHSIG, SIGTERM) && getppid() == parent);
}

static int run_one(const struct experiment *e, const struct run_args *a, bool last)
{
	struct run_options opts = a->opts;
	struct run_result res = {0};
	struct error err = {0};
	struct progress *progress = progress__new(cli_quiet || a->json);
	int status;

	opts.last = last;
	opts.lease = e->until_stopped;
	progress__attach(progress, &opts.ui);
	status = run__execute(e, &opts, &res, &err);
	progress__free(progress);
	if (err.msg[0])
		cli__fail(status, &err);
	if (res.over_ns)
		say_over(e, res.over_ns);
	if (a->json && res.summary)
		cli__print_json(res.summary);
	else if (!cli_quiet && res.summary)
		cli__print_summary(res.summary, res.dir);
	/* Ctrl-C is how such a run is meant to end. */
	if (status == EXIT_INTERRUPTED && e->until_stopped)
		status = EXIT_HOLDS;
	if (status == EXIT_RUNTIME || status == EXIT_INTERRUPTED)
		fprintf(stderr, "chaos: %s; the network is as it was before\n",
			status == EXIT_INTERRUPTED ? "interrupted"
			: res.unwritten		   ? "the report is not complete"
						   : "ended before its time");
	run_result__reset(&res);
	return status;
}

/* All files are parsed and checked before the first one runs. */
static int load_all(const struct run_args *a, struct experiment **list)
{
	/* told who its pods are, it may choose them by what is known of them elsewhere */
	const struct experiment_mode mode = {.place = a->opts.members ? EXPERIMENT_MEMBERS
								      : EXPERIMENT_HERE};
	int status = 0;

	for (size_t i = 0; i < a->n_files; i++) {
		struct error err = {0};

		if (experiment__load_as(a->files[i], a->seed_set ? a->seed : cli__draw_seed(),
					&mode, &list[i], &err) < 0)
			status = cli__fail(EXIT_USAGE, &err);
		else if (a->seed_set && !list[i]->seed_drawn)
			log_warn("%s has a seed of its own, %llu; --seed is not used", a->files[i],
				 (unsigned long long)list[i]->seed);
	}
	for (size_t i = 0; i < a->n_files && !status; i++)
		list[i]->capture.on |= a->capture;
	for (size_t i = 0; i < a->n_files && !status; i++)
		status = cli__need_privileges(run__privileges(list[i]));
	for (size_t i = 0; i < a->n_files && !status; i++) {
		struct run_options opts = a->opts;
		struct error err = {0};
		int64_t over;

		opts.lease = list[i]->until_stopped;
		if (run__is_over(list[i], &opts, &over))
			continue;
		if (cli__precheck_told(list[i], opts.allow_host, opts.members, &err))
			status = cli__fail(EXIT_USAGE, &err);
	}
	return status;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"FILE...",
		"Runs experiments, one after the other, and records what they did."
		"\vThe run folder holds experiment.yaml (run it again to replay), events.jsonl, "
		"series.csv, summary.json, report.html, junit.xml and chaos.log.",
		NULL,
		NULL,
		NULL};
	_cleanup_free_ struct experiment **list = NULL;
	struct run_args a = {0};
	int status, worst = 0;

	cli__parse(&argp, argc, argv, &a);
	if (a.opts.out && a.n_files > 1) {
		fprintf(stderr, "chaos: --out names one run folder, but there are %zu files\n",
			a.n_files);
		return EXIT_USAGE;
	}
	list = calloc(a.n_files, sizeof(*list));
	if (!list)
		return EXIT_RUNTIME;
	cli__catch_signals(&a.opts);
	if (a.cluster)
		return submit_all(&a);
	if (!stay_with(a.parent)) {
		fprintf(stderr, "chaos: who started this has ended\n");
		return EXIT_INTERRUPTED;
	}
	worst = load_all(&a, list);
	for (size_t i = 0; i < a.n_files && worst < EXIT_USAGE; i++) {
		status = run_one(list[i], &a, i + 1 == a.n_files);
		if (status > worst)
			worst = status;
	}
	for (size_t i = 0; i < a.n_files; i++)
		experiment__free(list[i]);
	return worst;
}
