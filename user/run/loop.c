// SPDX-License-Identifier: GPL-2.0-only
/* loop.c: what a run waits for, and what it does about it. */
#include "run/internal.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>

enum {
	TICK_MS = 100,
	RESYNC_SETTLE_MS = 20, /* changes of devices and addresses come in bursts */
};

static void update_phase(struct run *run)
{
	if (timeline__any_active(run))
		run__set_phase(run, "fault");
	else if ((timeline__all_done(run) && run->e->n_faults) || !strcmp(run->phase, "fault") ||
		 (!*run->phase && timeline__any_skipped(run)))
		run__set_phase(run, "recovery");
	else if (!*run->phase)
		run__set_phase(run, "baseline");
}

static void handle_exits(struct run *run)
{
	struct lab_exit x;
	char how[64];

	while (lab__next_exit(run->lab, &x) == 1) {
		if (WIFSIGNALED(x.status))
			snprintf(how, sizeof(how), "killed by %s", strsignal(WTERMSIG(x.status)));
		else
			snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(x.status));
		run__record(run, "node", run__now(run),
			    json_pack("{s:s,s:s,s:s,s:s}", "node", x.node, "event", "exited",
				      "command", x.command, "status", how));
		run__say(run, run__now(run), "%s: `%s` ended: %s", x.node, x.command, how);
		for (size_t i = 0; i < run->n_places; i++)
			if (!strcmp(run->places[i]->name, x.node))
				run->places[i]->exited = true;
	}
}

static void handle_churn(struct run *run)
{
	struct error err = {0};

	poll(NULL, 0, RESYNC_SETTLE_MS);
	if (dataplane__resync(run->dp, false, &err) < 0 || err.msg[0])
		run__note(run, "warning", "%s", err.msg);
	if (run_places__are_new(run))
		observe__follow(run);
}

static void handle_request(struct run *run)
{
	_cleanup_(json_decrefp) json_t *status = NULL;

	view__update(run, run__now(run));
	status = run_view__json(&run->view);
	state__serve(run->state, status, &run->stop_asked);
}

/* Why the run must end now, or NULL. */
static const char *must_end(struct run *run)
{
	if (*run->opts->stop) {
		snprintf(run->end_reason, sizeof(run->end_reason), "%s",
			 strsignal(*run->opts->stop));
		return "interrupted";
	}
	if (run->stop_asked) {
		snprintf(run->end_reason, sizeof(run->end_reason), "chaos stop");
		return "interrupted";
	}
	if (run->rec && recorder__failed(run->rec)) {
		snprintf(run->end_reason, sizeof(run->end_reason), "cannot record into `%s`: %s",
			 run->dir, strerror(-recorder__failed(run->rec)));
		return "failed";
	}
	if (run->line_failed) {
		snprintf(run->end_reason, sizeof(run->end_reason),
			 "the process that holds delayed packets has died");
		return "failed";
	}
	return NULL;
}

/* Until @next or to what there is to follow. */
static int timeout_ms(const struct run *run, int64_t now, int64_t next)
{
	int64_t follow = run->follow ? follow__next(run->follow) - run->t0_ns : INT64_MAX;

	if (follow < next)
		next = follow;
	return next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
}

static int64_t next_change(const struct run *run, int64_t now, int64_t next_tick)
{
	int64_t next = timeline__next(run, now);

	if (next_tick < next)
		next = next_tick;
	if (run->next_bin_ns < next)
		next = run->next_bin_ns;
	return next;
}

static void wait_for_something(struct run *run, int ms)
{
	struct pollfd fds[] = {
		{.fd = run->opts->wake_fd, .events = POLLIN},
		{.fd = run->state ? state__fd(run->state) : -1, .events = POLLIN},
		{.fd = dataplane__event_fd(run->dp), .events = POLLIN},
		{.fd = run->lab ? lab__event_fd(run->lab) : -1, .events = POLLIN},
		{.fd = dataplane__failed_fd(run->dp), .events = POLLIN},
		/* only to wake up: follow__tick() sees for itself */
		{.fd = follow__watch_fd(run->follow), .events = POLLIN},
		{.fd = follow__hosts_fd(run->follow), .events = POLLIN},
		{.fd = follow__members_fd(run->follow), .events = POLLIN},
	};

	if (poll(fds, ARRAY_SIZE(fds), ms) <= 0)
		return;
	if (fds[1].revents)
		handle_request(run);
	if (fds[2].revents)
		handle_churn(run);
	if (fds[3].revents)
		handle_exits(run);
	run->line_failed |= fds[4].revents != 0;
}

/* False if more is selected now than the experiment allows: then the run is over. */
static bool keep_following(struct run *run)
{
	struct error err = {0};

	if (!follow__tick(run->follow, &err))
		return true;
	run__note(run, "error", "%s", err.msg);
	snprintf(run->end_reason, sizeof(run->end_reason), "%.500s", err.msg);
	return false;
}

/* What there is to say ten times a second. */
static void tick(struct run *run, int64_t now)
{
	observe__tick(run, now);
	traffic__tick(run, now);
	view__update(run, now);
	publish__live(run, now);
	live__tick(run, now);
	if (run->opts->ui.tick)
		run->opts->ui.tick(run->opts->ui.arg, &run->view);
}

bool loop__wait_start(struct run *run)
{
	int64_t now;

	run->phase = PHASE_ARMED;
	while ((now = run__now(run)) < 0) {
		int64_t next = now + TICK_MS * NS_PER_MS;

		run->end_status = must_end(run);
		if (!run->end_status && !keep_following(run))
			run->end_status = "aborted";
		if (run->end_status)
			return false;
		timeline__renew(run, now);
		view__update(run, now);
		live__tick(run, now);
		wait_for_something(run, timeout_ms(run, now, next < 0 ? next : 0));
	}
	run->phase = "";
	return true;
}

void loop__run(struct run *run)
{
	int64_t now = run__now(run), next_tick = 0;

	run->next_bin_ns = run->e->traffic_bin_ns;
	if (run->joined_ns) {
		run->last_bin_ns = now;
		run->next_bin_ns *= now / run->e->traffic_bin_ns + 1;
	}
	for (;;) {
		run->end_status = must_end(run);
		if (run->end_status)
			return;
		if (!run->opts->lease && now >= run->e->duration_ns)
			break;
		if (!keep_following(run)) {
			run->end_status = "aborted";
			return;
		}
		timeline__tick(run, now);
		update_phase(run);
		live__tick(run, now);
		capture__drain(run);
		if (run->dir)
			observe__traffic(run, now);
		else
			run->next_bin_ns = INT64_MAX;
		if (now >= next_tick) {
			tick(run, now);
			next_tick = now + TICK_MS * NS_PER_MS;
			if (guard__tick(run, now)) {
				run->end_status = "aborted";
				return;
			}
		}
		wait_for_something(run, timeout_ms(run, now, next_change(run, now, next_tick)));
		now = run__now(run);
	}
	run->end_status = "complete";
}
