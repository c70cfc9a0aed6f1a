// SPDX-License-Identifier: GPL-2.0-only
/* lab.c: a lab's life: made, started, watched, taken down. */
#include "lab/internal.h"
#include "lab/procs.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* What a server has to end by itself after SIGTERM. */
#define GRACE_NS (1 * NS_PER_S)
static void take_down(struct lab *lab, bool keep_files);

static int watch(struct lab *lab, struct error *err)
{
	struct epoll_event ev = {.events = EPOLLIN};

	lab->epoll = epoll_create1(EPOLL_CLOEXEC);
	lab->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lab->epoll < 0 || lab->event < 0 ||
	    epoll_ctl(lab->epoll, EPOLL_CTL_ADD, lab->pidns.line, &ev) ||
	    epoll_ctl(lab->epoll, EPOLL_CTL_ADD, lab->event, &ev))
		return err__set(err, -errno, "epoll: %s", strerror(errno));
	return 0;
}

static int make(struct lab *lab, struct error *err)
{
	int r = lab__expand_all(lab, err);

	if (!r)
		r = lab__find_users(lab, err);
	if (!r)
		r = lab__make_files(lab, err);
	if (!r)
		r = lab__make_network(lab, err);
	if (!r)
		r = pidns__create(&lab->pidns, err);
	return r ? r : watch(lab, err);
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

int lab__run(struct lab *lab, const struct spawn *s, struct command *c, struct error *err)
{
	int r;

	lab__collect(lab);
	r = spawn__run(&lab->pidns, s, &c->pid, &c->inner, err);
	c->running = !r;
	return r;
}

static int start_command(struct lab *lab, struct node *n, struct command *c, struct error *err)
{
	struct spawn s = {
		.argv = c->argv, .dir = n->dir, .log = c->log, .netns = n->netns, .as = n->as};
	struct error why = {0};
	int r = lab__run(lab, &s, c, &why);

	return r ? err__set(err, r, "%s: %s", n->spec->name, why.msg) : 0;
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

static void note_exit(struct lab *lab, struct command *c, int status)
{
	uint64_t one = 1;

	c->running = false;
	c->status = status;
	c->unreported = true;
	(void)!write(lab->event, &one, sizeof(one));
}

/* What is none of our commands was a daemon. */
static void note_inner_exit(struct lab *lab, const struct pidns_exit *x)
{
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		struct node *n = &lab->nodes[i];

		for (size_t k = 0; k < n->spec->n_run; k++)
			if (n->commands[k].running && n->commands[k].inner == x->inner)
				note_exit(lab, &n->commands[k], x->status);
		if (n->ready.running && n->ready.inner == x->inner) {
			n->ready.running = false;
			n->ready.status = x->status;
		}
	}
}

/* Somebody killed the init; the kernel has killed the rest. */
static void note_loss(struct lab *lab)
{
	lab->lost = true;
	epoll_ctl(lab->epoll, EPOLL_CTL_DEL, lab->pidns.line, NULL);
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		struct node *n = &lab->nodes[i];

		for (size_t k = 0; k < n->spec->n_run; k++)
			if (n->commands[k].running)
				note_exit(lab, &n->commands[k], SIGKILL);
		n->ready.running = false;
		n->ready.status = SIGKILL;
	}
}

void lab__collect(struct lab *lab)
{
	struct pidns_exit x;
	int r = 0;

	while (!lab->lost && (r = pidns__next_exit(&lab->pidns, &x)) > 0)
		note_inner_exit(lab, &x);
	if (r < 0)
		note_loss(lab);
}

int lab__next_exit(struct lab *lab, struct lab_exit *ret)
{
	uint64_t n_exits;

	lab__collect(lab);
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		const struct node *n = &lab->nodes[i];

		for (size_t k = 0; k < n->spec->n_run; k++) {
			struct command *c = &n->commands[k];

			if (!c->unreported)
				continue;
			c->unreported = false;
			*ret = (struct lab_exit){.node = n->spec->name,
						 .command = c->text,
						 .pid = c->pid,
						 .status = c->status};
			return 1;
		}
	}
	(void)!read(lab->event, &n_exits, sizeof(n_exits));
	return 0;
}

int lab__kill(struct lab *lab, const char *node, int sig)
{
	const struct node *n = lab__node(lab, node);
	int r = n ? procs__kill(lab->pidns.fd, &n->id, sig) : -ENOENT;

	return r < 0 ? r : 0;
}

static void take_down(struct lab *lab, bool keep_files)
{
	if (lab->pidns.init > 0) {
		pidns__terminate(&lab->pidns);
		wait_readable(lab->pidns.init_pidfd, clock__now() + GRACE_NS);
	}
	pidns__close(&lab->pidns);
	safe_close(lab->epoll);
	safe_close(lab->event);
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
