// SPDX-License-Identifier: GPL-2.0-only
/* cli.c: what several verbs share. */
#include "cli/cli.h"

#include "lab/lab.h"
#include "lib/log.h"
#include "recorder/load.h"
#include "run/plan.h"
#include "run/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

bool cli_quiet;

static volatile int stop_signal;
static int wake_fd = -1;

void cli__parse(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(argp, argc, argv, 0, NULL, input);
}

int cli__fail(int status, const struct error *err)
{
	const char *line = err->msg;

	while (*line) {
		size_t n = strcspn(line, "\n");

		fprintf(stderr, "chaos: %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	return status;
}

enum dp_hold_mode cli__hold_mode(struct argp_state *state, const char *arg)
{
	static const char *const words[] = {
		[DP_HOLD_AUTO] = "auto", [DP_HOLD_FQ] = "fq", [DP_HOLD_TAP] = "tap"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(arg, words[i]))
			return (enum dp_hold_mode)i;
	argp_error(state, "--hold is auto, fq or tap, not `%s`", arg);
	return DP_HOLD_AUTO;
}

enum dp_attach_mode cli__attach_mode(struct argp_state *state, const char *arg)
{
	if (!strcmp(arg, "auto"))
		return DP_ATTACH_AUTO;
	if (!strcmp(arg, "tcx"))
		return DP_ATTACH_TCX;
	if (!strcmp(arg, "clsact"))
		return DP_ATTACH_CLSACT;
	argp_error(state, "--attach is auto, tcx or clsact, not `%s`", arg);
	return DP_ATTACH_AUTO;
}

int cli__list_runs(struct state_entry **ret, size_t *ret_n)
{
	char dir[64];
	int r = state__list(ret, ret_n);

	if (!r)
		return 0;
	fprintf(stderr, "chaos: cannot read %s: %s\n", state__dir(geteuid(), dir, sizeof(dir)),
		strerror(-r));
	return EXIT_RUNTIME;
}

bool cli__colour(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && !getenv("NO_COLOR");
}

void cli__print_json(const json_t *j)
{
	/* 0.2, not 0.20000000000000001 */
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	fflush(stdout); /* before what stderr has to say about it */
}

uint64_t cli__seed(struct argp_state *state, const char *arg)
{
	uint64_t seed;
	char *end;

	errno = 0;
	seed = strtoull(arg, &end, 0);
	if (errno || *end || end == arg || *arg == '-' || seed > EXPERIMENT_SEED_MAX)
		argp_error(state, "--seed takes a number from 0 to 2^63-1, not `%s`", arg);
	return seed;
}

uint64_t cli__draw_seed(void)
{
	uint32_t seed = 0;

	/* 32 bits are enough to tell runs apart and short enough to type. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint32_t)getpid();
	return seed;
}

static void on_signal(int sig)
{
	uint64_t one = 1;
	int saved = errno;

	stop_signal = sig;
	if (write(wake_fd, &one, sizeof(one)) < 0) {
		/* the poll of the run also ends by its time limit */
	}
	errno = saved;
}

void cli__catch_signals(struct run_options *opts)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};

	if (wake_fd < 0)
		wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	opts->stop = &stop_signal;
	opts->wake_fd = wake_fd;
}

struct names {
	const char **v;
	size_t n;
};

static void cleanup_names(struct names *x)
{
	free(x->v);
}

static int names__add(struct names *x, const char *name)
{
	const char **v = reallocarray(x->v, x->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	x->v = v;
	v[x->n++] = name;
	return 0;
}

/* A scalar's place is where it begins, with its quote: its text begins behind that. */
static int check_expression(const struct experiment *e, const char *text, struct pos pos,
			    bool quoted, const struct expect_names *names, struct error *err)
{
	int col = 1;

	if (expect__check(text, names, &col, err) == 0)
		return 0;
	return err__prefix(err, "%s:%d:%d", e->file, pos.line, pos.col + col - 1 + quoted);
}

/* Expectations and guards: every path, unit, window and name, before anything is touched. */
static int check_expressions(const struct experiment *e, struct error *err)
{
	_cleanup_(cleanup_names) struct names faults = {0}, resources = {0}, workloads = {0};
	struct expect_names names;
	int r = 0;

	for (size_t i = 0; i < e->n_faults && !r; i++)
		r = names__add(&faults, e->faults[i].name);
	for (size_t i = 0; i < e->n_roles && !r; i++)
		r = names__add(&resources, e->roles[i].resource);
	for (size_t i = 0; i < e->n_workloads && !r; i++)
		r = names__add(&workloads, e->workloads[i].name);
	if (r)
		return err__set(err, r, "no memory");
	names = (struct expect_names){
		.faults = faults.v,
		.n_faults = faults.n,
		.resources = resources.v,
		.n_resources = resources.n,
		.workloads = workloads.v,
		.n_workloads = workloads.n,
	};
	for (size_t i = 0; i < e->n_expect && !r; i++)
		r = check_expression(e, e->expect[i].text, e->expect[i].pos, e->expect[i].quoted,
				     &names, err);
	for (size_t i = 0; i < e->n_guards && !r; i++) {
		const struct guard *g = &e->guards[i];

		r = check_expression(e, g->when, g->pos, g->quoted, &names, err);
		if (!r && expect__only_final(g->when))
			fprintf(stderr,
				"chaos: %s:%d:%d: warning: the final reads tell this number when the "
				"run is over: as a guard it ends nothing\n",
				e->file, g->pos.line, g->pos.col + g->quoted);
	}
	return r;
}

int cli__precheck(const struct experiment *e, bool allow_host, struct error *err)
{
	return cli__precheck_told(e, allow_host, NULL, err);
}

int cli__precheck_told(const struct experiment *e, bool allow_host, const char *members,
		       struct error *err)
{
	struct plan_options po = {.allow_host = allow_host, .members = members};
	_cleanup_(cleanup_plan) struct plan *plan = NULL;

	if (check_expressions(e, err) < 0)
		return EXIT_USAGE;
	if (e->has_lab && lab__check(e, err) < 0)
		return err__prefix(err, "%s", e->file), EXIT_USAGE;
	for (size_t i = 0; i < e->n_workloads; i++)
		if (load__check_system(e->workloads[i].system, err) < 0)
			return err__prefix(err, "%s:%d:%d: workload %s", e->file,
					   e->workloads[i].pos.line, e->workloads[i].pos.col,
					   e->workloads[i].name),
			       EXIT_USAGE;
	if (plan__make(e, NULL, &po, &plan, err) < 0)
		return EXIT_USAGE;
	return 0;
}
