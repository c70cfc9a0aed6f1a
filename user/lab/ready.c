// SPDX-License-Identifier: GPL-2.0-only
/* ready.c: wait for all nodes at once, in one loop. */
#include "lab/attempt.h"
#include "lab/procs.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define EVERY_NS (20 * NS_PER_MS)
#define DEFAULT_LIMIT_NS (10 * NS_PER_S)
/* How often /proc is searched for the daemons of commands that have ended well. */
#define SCAN_EVERY_NS (200 * NS_PER_MS)

struct waiter {
	struct attempt attempt;
	struct node *node;
	bool ready;
	bool alive; /* by the last scan of /proc */
	int64_t deadline_ns, next_ns;
};

struct wait {
	struct lab *lab;
	struct waiter *v; /* one a node */
	size_t n;
	size_t n_ready;
	CURLM *multi;
	struct curl_waitfd *fds; /* n of them, and the line to the init */
	int64_t next_scan_ns;
};

static void cleanup_wait(struct wait *w)
{
	for (size_t i = 0; w->v && i < w->n; i++)
		attempt__abort(&w->v[i].attempt);
	curl_multi_cleanup(w->multi);
	free(w->v);
	free(w->fds);
}

static int wait__init(struct wait *w, struct lab *lab)
{
	int64_t now = clock__now();

	*w = (struct wait){.lab = lab, .n = lab->e->n_nodes, .multi = curl_multi_init()};
	w->v = calloc(w->n + 1, sizeof(*w->v));
	w->fds = calloc(w->n + 1, sizeof(*w->fds));
	if (!w->multi || !w->v || !w->fds)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		struct node *n = &lab->nodes[i];
		int64_t within = n->spec->ready.within_ns;

		w->v[i] = (struct waiter){.node = n, .next_ns = now};
		w->v[i].deadline_ns = now + (within > 0 ? within : DEFAULT_LIMIT_NS);
		attempt__init(&w->v[i].attempt, lab, n, w->multi);
	}
	return 0;
}

/* --- commands that have ended ------------------------------------------------------------------ */

static const char *say_status(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "ended with exit status %d", WEXITSTATUS(status));
	return buf;
}

static int say_ended(const struct node *n, const struct command *c, int status, struct error *err)
{
	char how[96], tail[640];

	say_status(status, how, sizeof(how));
	file__tail(c->log, 5, tail, sizeof(tail));
	return err__set(err, -ECHILD, "%s: `%.160s` %s before the node was ready; %s %s%s%s",
			n->spec->name, c->text, how, *tail ? "see" : "nothing in", c->log,
			*tail ? ":" : "", tail);
}

/*
 * A command that failed is an error at once. One that ended well may have done its work or have left a
 * daemon: @ret_idle is the last such one if no other command of the node runs.
 */
static int check_commands(const struct node *n, const struct command **ret_idle, struct error *err)
{
	const struct command *ended = NULL;
	bool running = false;

	for (size_t k = 0; k < n->spec->n_run; k++) {
		const struct command *c = &n->commands[k];

		running = running || c->running;
		if (c->running || !c->pid)
			continue;
		if (!WIFEXITED(c->status) || WEXITSTATUS(c->status))
			return say_ended(n, c, c->status, err);
		ended = c;
	}
	*ret_idle = running ? NULL : ended;
	return 0;
}

static void see_alive(pid_t pid, int pidfd, const struct netns_id *netns, void *arg)
{
	struct wait *w = arg;

	(void)pidfd;
	/* Its readiness command is a process of the node, but no server. */
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].node->ready.running && w->v[i].node->ready.pid == pid)
			return;
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].node->id.ino == netns->ino && w->v[i].node->id.dev == netns->dev)
			w->v[i].alive = true;
}

/* Look at the commands of all nodes that are not ready. */
static int check_all_commands(struct wait *w, struct error *err)
{
	int64_t now = clock__now();
	bool scanned = false;

	for (size_t i = 0; i < w->n; i++) {
		const struct command *idle = NULL;
		int r;

		if (w->v[i].ready)
			continue;
		r = check_commands(w->v[i].node, &idle, err);
		if (r)
			return r;
		/* Who asks for nothing may be done, too. */
		if (w->v[i].node->spec->ready.kind == READY_NONE)
			continue;
		if (!idle || (!scanned && now < w->next_scan_ns))
			continue;
		if (!scanned) {
			for (size_t k = 0; k < w->n; k++)
				w->v[k].alive = false;
			scanned = !procs__each(w->lab->pidns.fd, see_alive, w);
			w->next_scan_ns = now + SCAN_EVERY_NS;
		}
		if (scanned && !w->v[i].alive)
			return say_ended(w->v[i].node, idle, 0, err);
	}
	return 0;
}

/* --- nodes ------------------------------------------------------------------------------------- */

static int say_late(const struct waiter *w, struct error *err)
{
	const struct ready *ready = &w->node->spec->ready;
	const struct command *c = w->node->spec->n_run ? &w->node->commands[0] : NULL;
	char limit[32], what[300], tail[500] = "";

	if (ready->kind == READY_TCP)
		snprintf(what, sizeof(what), "TCP port %u", ready->port);
	else if (ready->kind == READY_HTTP)
		snprintf(what, sizeof(what), "%s", w->node->ready_url);
	else
		snprintf(what, sizeof(what), "`%s`", w->node->ready.text);
	units__format_duration(ready->within_ns > 0 ? ready->within_ns : DEFAULT_LIMIT_NS, limit,
			       sizeof(limit));
	if (ready->kind == READY_COMMAND)
		file__tail(w->node->ready.log, 5, tail, sizeof(tail));
	if (!*tail && c)
		file__tail(c->log, 5, tail, sizeof(tail));
	else
		c = &w->node->ready;
	return err__set(err, -ETIMEDOUT, "%s: not ready within %s: %s: %s%s%s%s%s",
			w->node->spec->name, limit, what, w->attempt.why, *tail ? "; see " : "",
			*tail ? c->log : "", *tail ? ":" : "", tail);
}

/* One step for one node: 1 if it has become ready, 0, or negative errno. */
static int step(struct waiter *w, struct error *err)
{
	int64_t now = clock__now();
	struct error why = {0};
	int r;

	if (!w->attempt.running && now >= w->next_ns && now < w->deadline_ns) {
		r = attempt__start(&w->attempt, &why);
		if (r)
			return err__set(err, r, "%s: ready: %s", w->node->spec->name, why.msg);
	}
	if (w->attempt.running) {
		enum attempt_result result = attempt__look(&w->attempt);

		if (result == ATTEMPT_YES)
			return 1;
		if (result == ATTEMPT_NO)
			w->next_ns = clock__now() + EVERY_NS;
	}
	return now >= w->deadline_ns ? say_late(w, err) : 0;
}

static int step_all(struct wait *w, void (*on_ready)(const char *node, void *arg), void *arg,
		    struct error *err)
{
	for (size_t i = 0; i < w->n; i++) {
		int r;

		if (w->v[i].ready)
			continue;
		r = step(&w->v[i], err);
		if (r < 0)
			return r;
		if (!r)
			continue;
		w->v[i].ready = true;
		w->n_ready++;
		if (on_ready)
			on_ready(w->v[i].node->spec->name, arg);
	}
	return 0;
}

/* Until something of an attempt happens, but no longer than to the next one. */
static void wait__sleep(struct wait *w)
{
	const CURLMsg *msg;
	unsigned int n = 0;
	struct attempt *a;
	int left;

	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].ready && w->v[i].attempt.fd >= 0)
			w->fds[n++] = (struct curl_waitfd){.fd = w->v[i].attempt.fd,
							   .events = CURL_WAIT_POLLOUT};
	if (!w->lab->lost)
		w->fds[n++] =
			(struct curl_waitfd){.fd = w->lab->pidns.line, .events = CURL_WAIT_POLLIN};
	curl_multi_poll(w->multi, w->fds, n, (int)(EVERY_NS / NS_PER_MS), NULL);
	curl_multi_perform(w->multi, &left);
	while ((msg = curl_multi_info_read(w->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		if (!curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&a))
			attempt__http_done(a, msg->data.result);
	}
}

int lab__wait_ready(struct lab *lab, const volatile int *stop,
		    void (*on_ready)(const char *node, void *arg), void *arg, struct error *err)
{
	_cleanup_(cleanup_wait) struct wait w = {0};
	const struct command *idle;
	int r = wait__init(&w, lab);

	if (r)
		return err__set(err, r, "out of memory");
	for (;;) {
		lab__collect(lab);
		r = check_all_commands(&w, err);
		if (!r)
			r = step_all(&w, on_ready, arg, err);
		if (r || w.n_ready == w.n)
			break;
		wait__sleep(&w);
		if (stop && *stop)
			return err__set(err, -EINTR, "interrupted while the lab started");
	}
	/* One whose port answered may have been answered for by another process, and have failed. */
	lab__collect(lab);
	for (size_t i = 0; !r && i < w.n; i++)
		r = check_commands(w.v[i].node, &idle, err);
	return r;
}
