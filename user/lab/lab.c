// SPDX-License-Identifier: GPL-2.0-only
/* lab.c: a lab's life: made, started, watched, taken down. */
#include "lab/internal.h"
#include "lab/procs.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

/* What a server has to end by itself after SIGTERM. */
#define GRACE_NS (1 * NS_PER_S)
/* What the kernel has to end it after SIGKILL. */
#define KILL_NS (5 * NS_PER_S)

static void take_down(struct lab *lab, bool keep_files);

static int make(struct lab *lab, struct error *err)
{
	int r = lab__expand_all(lab, err);

	if (!r)
		r = lab__make_files(lab, err);
	if (!r)
		r = lab__make_network(lab, err);
	if (!r)
		r = pidns__create(&lab->pidns, err);
	if (r)
		return r;
	lab->epoll = epoll_create1(EPOLL_CLOEXEC);
	return lab->epoll < 0 ? err__set(err, -errno, "epoll: %s", strerror(errno)) : 0;
}

int lab__create(const struct experiment *e, const char *run_dir, struct lab **ret,
		struct error *err)
{
	struct lab *lab;
	int r = lab__name(e, run_dir, &lab, err);

	if (r)
		return r;
	r = make(lab, err);
	if (r)
		take_down(lab, false);
	else
		*ret = lab;
	return r;
}

static int start_command(struct lab *lab, struct node *n, struct command *c, struct error *err)
{
	struct spawn s = {.argv = c->argv, .dir = n->dir, .log = c->log, .netns = n->netns};
	struct epoll_event ev = {.events = EPOLLIN};
	struct error why = {0};
	int r = spawn__run(&lab->pidns, &s, &c->pid, &c->pidfd, &why);

	if (r)
		return err__set(err, r, "%s: %s", n->spec->name, why.msg);
	ev.data.u64 = (uint64_t)(n - lab->nodes) << 32 | (uint64_t)(c - n->commands);
	if (epoll_ctl(lab->epoll, EPOLL_CTL_ADD, c->pidfd, &ev))
		return err__set(err, -errno, "epoll: %s", strerror(errno));
	return 0;
}

int lab__start(struct lab *lab, struct error *err)
{
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		struct node *n = &lab->nodes[i];

		for (size_t k = 0; k < n->spec->n_run; k++) {
			int r = start_command(lab, n, &n->commands[k], err);

			if (r)
				return r;
		}
	}
	return 0;
}

int lab__netns(const struct lab *lab, const char *node)
{
	const struct node *n = lab__node(lab, node);

	return n ? n->netns : -ENOENT;
}

int lab__event_fd(const struct lab *lab)
{
	return lab->epoll;
}

bool command__exited(const struct command *c, int *ret_status)
{
	siginfo_t info = {0};

	if (c->pidfd < 0)
		return false;
	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return false;
	*ret_status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
	return true;
}

/* Reap @c, which has exited or is about to. */
static int command__reap(struct lab *lab, struct command *c)
{
	int status = 0;
	pid_t r;

	/* Closing is not enough: a child that is about to execute may have a copy of the pidfd. */
	epoll_ctl(lab->epoll, EPOLL_CTL_DEL, c->pidfd, NULL);
	do {
		r = waitpid(c->pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	c->pidfd = safe_close(c->pidfd);
	return status;
}

int lab__next_exit(struct lab *lab, struct lab_exit *ret)
{
	struct epoll_event ev;
	struct command *c;
	struct node *n;

	if (epoll_wait(lab->epoll, &ev, 1, 0) != 1)
		return 0;
	n = &lab->nodes[ev.data.u64 >> 32];
	c = &n->commands[ev.data.u64 & UINT32_MAX];
	*ret = (struct lab_exit){.node = n->spec->name, .command = c->text, .pid = c->pid};
	ret->status = command__reap(lab, c);
	return 1;
}

int lab__kill(struct lab *lab, const char *node, int sig)
{
	const struct node *n = lab__node(lab, node);
	int r = n ? procs__kill(lab->pidns.fd, &n->id, sig) : -ENOENT;

	return r < 0 ? r : 0;
}

/* Reap what ends before @deadline_ns; false if not all has. */
static bool reap_until(struct lab *lab, int64_t deadline_ns)
{
	struct lab_exit x;

	for (;;) {
		bool running = false;

		while (lab__next_exit(lab, &x) == 1)
			;
		for (size_t i = 0; i < lab->e->n_nodes; i++)
			for (size_t k = 0; k < lab->nodes[i].spec->n_run; k++)
				running = running || lab->nodes[i].commands[k].pidfd >= 0;
		if (!running)
			return true;
		if (!wait_readable(lab->epoll, deadline_ns))
			return false;
	}
}

static void end_processes(struct lab *lab)
{
	int64_t deadline = clock__now() + GRACE_NS;

	if (lab->epoll >= 0) {
		pidns__terminate(&lab->pidns);
		if (reap_until(lab, deadline))
			pidns__drain(&lab->pidns, deadline);
		pidns__kill(&lab->pidns);
		reap_until(lab, clock__now() + KILL_NS);
	}
	pidns__kill(&lab->pidns);
	pidns__close(&lab->pidns);
}

static void take_down(struct lab *lab, bool keep_files)
{
	end_processes(lab);
	safe_close(lab->epoll);
	safe_close(lab->bridge_netns);
	for (size_t i = 0; i < lab->e->n_nodes; i++)
		safe_close(lab->nodes[i].netns);
	lab__remove_files(lab, keep_files);
	lab__free(lab);
}

void lab__destroy(struct lab *lab)
{
	if (lab)
		take_down(lab, true);
}
