// SPDX-License-Identifier: GPL-2.0-only
/* controller.c: the life of a run. */
#include "run/internal.h"

#include "lib/log.h"
#include "lib/privilege.h"
#include "report/report.h"

#include <stdarg.h>
#include <string.h>

/* Before the record is begun, events wait here; chaos.log has them at once. */
static void record_early(struct run *run, const char *type, json_t *fields)
{
	json_array_append_new(run->early,
			      json_pack("[I,s,o]", (json_int_t)clock__now(), type, fields));
}

void run__record(struct run *run, const char *type, int64_t t_ns, json_t *fields)
{
	if (run->rec)
		recorder__event(run->rec, type, run->t0_ns + t_ns, fields);
	else if (run->dir)
		record_early(run, type, fields);
	else
		json_decref(fields);
}

static void say(struct run *run, int64_t t_ns, const char *text)
{
	log_debug("%+.3fs %s", (double)t_ns / NS_PER_S, text);
	if (run->opts->ui.event)
		run->opts->ui.event(run->opts->ui.arg, t_ns, text);
}

void run__say(struct run *run, int64_t t_ns, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(run, t_ns, text);
}

void run__note(struct run *run, const char *level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run__record(run, "note", run__now(run),
		    json_pack("{s:s,s:s}", "level", level, "text", text));
	live__note(run->live, level, text);
	say(run, run__now(run), text);
}

static int open_recorder(struct run *run, struct error *err)
{
	size_t i;
	json_t *ev;
	int r;

	if (!run->dir || run->rec)
		return 0;
	r = recorder__open(run->dir, run->t0_ns, &run->rec, err);
	if (r)
		return r;
	r = recorder__event(run->rec, "run", run->t0_ns, meta__run_event(run));
	json_array_foreach(run->early, i, ev)
		recorder__event(run->rec, json_string_value(json_array_get(ev, 1)),
				json_integer_value(json_array_get(ev, 0)),
				json_incref(json_array_get(ev, 2)));
	if (r)
		return err__set(err, r, "cannot record into `%s`: %s", run->dir, strerror(-r));
	return 0;
}

static void on_ready(const char *node, void *arg)
{
	struct run *run = arg;

	record_early(run, "node", json_pack("{s:s,s:s}", "node", node, "event", "ready"));
	run__say(run, 0, "%s: ready", node);
}

static int start_lab(struct run *run, struct error *err)
{
	int r;

	if (!run->lab)
		return 0;
	record_early(run, "phase", json_pack("{s:s}", "phase", "lab"));
	for (size_t i = 0; i < run->e->n_nodes; i++)
		record_early(
			run, "node",
			json_pack("{s:s,s:s}", "node", run->e->nodes[i].name, "event", "started"));
	r = lab__start(run->lab, err);
	if (!r)
		r = lab__wait_ready(run->lab, run->opts->stop, on_ready, run, err);
	return r;
}

void run__set_phase(struct run *run, const char *phase)
{
	if (!strcmp(run->phase, phase))
		return;
	run->phase = phase;
	run__record(run, "phase", run__now(run), json_pack("{s:s}", "phase", phase));
}

/* Loss or passage that no fault asked for must not go unsaid. */
static void check_line(struct run *run)
{
	struct dp_line_stats s;

	if (dataplane__line_stats(run->dp, &s))
		return;
	if (s.overflowed)
		run__note(run, "warning",
			  "the delay line was full: %llu packets were lost that no fault asked for",
			  (unsigned long long)s.overflowed);
	if (s.no_line)
		run__note(run, "warning", "%llu packets passed without their fault: no delay line",
			  (unsigned long long)s.no_line);
}

/* Faults end here, by one store; what needs the network comes after. */
static void lift(struct run *run)
{
	int64_t now;

	dataplane__disarm(run->dp);
	now = run__now(run);
	timeline__tick(run, now);
	timeline__end(run,
		      now < run->e->duration_ns || run->opts->lease ? now : run->e->duration_ns);
	check_line(run);
	traffic__end(run, run__now(run));
}

static void keep_fault_counts(const struct run *run, struct run_result *ret)
{
	ret->faults = json_array();
	for (size_t i = 0; i < run->e->n_faults; i++)
		json_array_append_new(
			ret->faults,
			json_pack("{s:s,s:I,s:I,s:o,s:o}", "name", run->e->faults[i].name,
				  "matched", (json_int_t)run->faults[i].total.matched, "dropped",
				  (json_int_t)run->faults[i].total.dropped, "hits",
				  timeline__hits(run, i), "edges", timeline__edges(run, i)));
}

/*
 * Programmed for an instant that is given. In the future: the kernel flips by itself then, and we wait for it;
 * false if the run ends before it begins. In the past: the run goes on from where it should be.
 */
static bool meet_start(struct run *run)
{
	int64_t now = run__now(run);

	if (now > 0)
		run->joined_ns = now;
	timeline__prime(run, now);
	dataplane__arm(run->dp, run->t0_ns);
	if (run->joined_ns) {
		traffic__join(run, now);
		run__say(run, now, "joined %.3f s after the start", (double)now / NS_PER_S);
	} else if (!loop__wait_start(run)) {
		/* what there is to record is of now */
		run->t0_ns = clock__now();
		run->start_realtime_ns = 0;
		return false;
	}
	return true;
}

static int run_to_end(struct run *run, struct run_result *ret, struct error *err)
{
	bool given = run->opts->start_realtime_ns;
	int r;

	privilege__close_memory();
	if (view__init(run))
		return err__set(err, -ENOMEM, "out of memory");
	if (given && !meet_start(run))
		return 0;
	r = open_recorder(run, err);
	if (!r)
		r = observe__start_probes(run, err);
	if (!r)
		r = privileges__give_up(run, err);
	if (!r && !given) {
		timeline__prime(run, run__now(run));
		dataplane__arm(run->dp, run->t0_ns);
	}
	if (!r)
		r = observe__start_loads(run, err);
	if (r) {
		dataplane__disarm(run->dp);
		return r;
	}
	loop__run(run);
	lift(run);
	keep_fault_counts(run, ret);
	observe__stop_loads(run);
	run__set_phase(run, "final"); /* what comes now is not part of the experiment's time */
	live__tick(run, run__now(run));
	if (!strcmp(run->end_status, "complete") && observe__has_final(run)) {
		run__say(run, run__now(run), "reading back what the servers hold");
		observe__final(run);
	}
	return 0;
}

static int prepare(struct run *run, struct error *err)
{
	struct plan_options po = {.allow_host = run->opts->allow_host,
				  .mode = run->opts->mode,
				  .hold = run->opts->hold,
				  .members = run->opts->members};
	json_t *info;
	int r;

	r = folder__create(run, err);
	if (r)
		return r;
	info = json_pack("{s:s,s:i,s:s*,s:s,s:I,s:s*}", "name", run->e->name, "pid", (int)getpid(),
			 "dir", run->dir, "file", run->e->file, "started_realtime_ns",
			 (json_int_t)clock__realtime(), "node", run->opts->node);
	r = state__create(run->id, info, &run->state, err);
	json_decref(info);
	if (!r && run->e->has_lab)
		r = lab__create(run->e, run->dir, &run->lab, err);
	if (!r)
		r = plan__make(run->e, run->lab, &po, &run->plan, err);
	if (!r && timeline__init(run))
		r = err__set(err, -ENOMEM, "out of memory");
	if (!r)
		r = run_places__open(run, err);
	if (!r && run->dir)
		run->plan->dp.traffic_bin_ns = (uint64_t)run->e->traffic_bin_ns;
	/* Attached before the first server starts; nothing is faulted until it is armed. */
	if (!r)
		r = dataplane__open(&run->plan->dp, &run->dp, err);
	if (!r && run->dir)
		r = traffic__open(run, err);
	if (!r)
		r = follow__open(run, &run->follow, err);
	if (!r)
		r = capture__open(run, err);
	if (!r)
		publish__scope(run);
	return r;
}

/* Take everything down; the data plane first. */
static void teardown(struct run *run)
{
	if (run->dp)
		dataplane__disarm(run->dp);
	observe__stop_loads(run);
	observe__stop_probes(run);
	follow__close(run->follow);
	run->follow = NULL;
	capture__close(run);
	dataplane__close(run->dp);
	run->dp = NULL;
	lab__destroy(run->lab);
	run->lab = NULL;
}

static void finish_record(struct run *run, uint64_t gaps)
{
	struct error err = {0};
	json_t *rec;

	/* A run that failed early is recorded too, if there is a folder to do it in. */
	if (open_recorder(run, &err) < 0 || !run->rec)
		return;
	run->phase = "end";
	run__record(run, "phase", run__now(run), json_pack("{s:s}", "phase", "end"));
	rec = json_pack("{s:I,s:I,s:I,s:I,s:I}", "events", (json_int_t)recorder__events(run->rec),
			"lost_events", (json_int_t)recorder__lost(run->rec), "probe_gaps",
			(json_int_t)gaps, "late_bins", (json_int_t)traffic__late(run),
			"unnamed_flows", (json_int_t)traffic__refused(run));
	run__record(run, "end", run__now(run),
		    json_pack("{s:s,s:s,s:b,s:o}", "status", run->end_status, "reason",
			      run->end_reason, "restored", true, "recorder", rec));
	recorder__close(run->rec);
	run->rec = NULL;
}

static void run__free(struct run *run)
{
	teardown(run);
	recorder__close(run->rec);
	view__free(run);
	traffic__free(run);
	observe__free(run);
	plan__free(run->plan);
	free(run->faults);
	state__remove(run->state);
	json_decref(run->early);
	live__close(run->live);
	log__set_file(-1);
	safe_close(run->log_fd);
	free(run->dir);
}

static int exit_status(const struct run *run, const struct run_result *res)
{
	if (res->unwritten) /* whoever asks for the verdict must not be told that all is well */
		return EXIT_RUNTIME;
	if (!strcmp(run->end_status, "interrupted"))
		return EXIT_INTERRUPTED;
	if (strcmp(run->end_status, "complete") != 0)
		return EXIT_RUNTIME;
	if (!res->summary)
		return EXIT_HOLDS;
	return summary__verdict(res->summary) == VERDICT_PASS ? EXIT_HOLDS : EXIT_EXPECTATION;
}

/* The report of a run that has ended. Where it cannot be written, what it would say is said all the same. */
static void render(struct run *run, struct run_result *ret, struct error *err)
{
	struct error why = {0}, unread = {0};

	if (!run->dir)
		return;
	if (!run->opts->no_report && report__render(run->dir, &ret->summary, &why) < 0) {
		ret->unwritten = true;
		report__summary(run->dir, &ret->summary, &unread);
		if (err->msg[0]) /* the run has ended by something worse */
			log_warn("no report: %s", why.msg);
		else
			err__set(err, why.code, "no report: %s", why.msg);
	}
	ret->dir = TAKE_PTR(run->dir);
}

/* The first line of @msg: a reason stands within sentences; what a server's log said last does not. */
static void set_reason(struct run *run, const char *msg)
{
	size_t n = strcspn(msg, "\n");

	n -= msg[n] && n && msg[n - 1] == ':';
	snprintf(run->end_reason, sizeof(run->end_reason), "%.*s", n < 500 ? (int)n : 500, msg);
}

/* Why it ended, where nothing in the loop said so. */
static void note_failure(struct run *run, int r, struct error *err)
{
	if (r) {
		bool stopped = *run->opts->stop && (r == -EINTR || r == -ECANCELED);

		run->end_status = stopped ? "interrupted" : "failed";
		set_reason(run, err->msg);
	} else if (!strcmp(run->end_status, "failed") || !strcmp(run->end_status, "aborted")) {
		err__set(err, -EIO, "%s", run->end_reason);
	}
}

int run__execute(const struct experiment *e, const struct run_options *opts, struct run_result *ret,
		 struct error *err)
{
	_cleanup_(run__free) struct run run = {
		.e = e, .opts = opts, .log_fd = -1, .phase = "", .early = json_array()};
	bool usage = false;
	uint64_t gaps = 0;
	int r;

	/* Once: a step of CLOCK_REALTIME moves no run that has its start. */
	run.start_realtime_ns = opts->start_realtime_ns;
	run.t0_ns = start__instant(opts->start_realtime_ns);
	r = live__open(opts, &run.live, err);
	if (!r && run__is_over(e, opts, &ret->over_ns)) {
		live__end(&run, "complete", "it was over before it could begin here");
		return EXIT_HOLDS;
	}
	if (!r)
		r = prepare(&run, err);
	usage = r == -EINVAL && !run.dp; /* nothing was attached, nothing ran */
	if (!r)
		r = start_lab(&run, err);
	/* Run time 0: the record and the kernel's windows count from here. */
	if (!opts->start_realtime_ns)
		run.t0_ns = clock__now();
	if (!r)
		r = run_to_end(&run, ret, err);
	note_failure(&run, r, err);
	gaps = observe__gaps(&run);
	teardown(&run);
	if (usage)
		folder__remove(&run);
	else
		finish_record(&run, gaps);
	live__end(&run, run.end_status, run.end_reason);
	render(&run, ret, err);
	ret->status = usage ? EXIT_USAGE : exit_status(&run, ret);
	if (!opts->last)
		privilege__restore();
	privilege__open_memory();
	return ret->status;
}

void run_result__reset(struct run_result *r)
{
	free(r->dir);
	json_decref(r->summary);
	json_decref(r->faults);
	*r = (struct run_result){0};
}
