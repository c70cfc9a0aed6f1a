// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/inside.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/privilege.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* A sleeping thread wakes at most this late by choice of the kernel; the default is 50 us. */
#define TIMER_SLACK_NS 1000

struct start {
	int netns_fd;
	int (*open)(void *arg, struct error *err);
	void (*run)(void *arg);
	void *arg;
	struct error *err;
	bool runs_commands;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	int result;
};

/* setns(2) asks for CAP_SYS_ADMIN even where it changes nothing. */
static bool already_inside(int netns_fd)
{
	struct stat want, own;

	return !fstat(netns_fd, &want) && !stat("/proc/thread-self/ns/net", &own) &&
	       want.st_dev == own.st_dev && want.st_ino == own.st_ino;
}

static int enter(struct start *s)
{
	if (already_inside(s->netns_fd))
		return 0;
	if (setns(s->netns_fd, CLONE_NEWNET) < 0)
		return err__set(s->err, -errno, "entering the network namespace: %s",
				strerror(errno));
	return 0;
}

/* What it talks to sends it what it likes. */
static int give_up_privileges(const struct start *s)
{
	int r = s->runs_commands ? privilege__limit_runner(CAP_BIT(CAP_KILL)) : privilege__limit(0);

	return r ? err__set(s->err, r, "giving up privileges: %s", strerror(-r)) : 0;
}

static void *thread(void *arg)
{
	struct start *s = arg;
	void (*run)(void *) = s->run;
	void *run_arg = s->arg;
	int r;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	r = enter(s);
	if (!r && s->open)
		r = s->open(run_arg, s->err);
	if (!r)
		r = give_up_privileges(s);
	pthread_mutex_lock(&s->lock);
	s->done = true;
	s->result = r;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
	/* From here on @s belongs to nobody. */
	if (!r)
		run(run_arg);
	return NULL;
}

int inside__start(struct inside *t, int netns_fd, int (*open)(void *arg, struct error *err),
		  void (*run)(void *arg), void *arg, struct error *err)
{
	struct start s = {
		.netns_fd = netns_fd,
		.open = open,
		.run = run,
		.arg = arg,
		.err = err,
		.runs_commands = t->runs_commands,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&t->thread, NULL, thread, &s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return err__set(err, -r, "starting a thread: %s", strerror(r));
	t->running = true;
	pthread_mutex_lock(&s.lock);
	while (!s.done)
		pthread_cond_wait(&s.cond, &s.lock);
	pthread_mutex_unlock(&s.lock);
	if (s.result)
		inside__join(t);
	return s.result;
}

void inside__join(struct inside *t)
{
	if (t->running)
		pthread_join(t->thread, NULL);
	t->running = false;
}

void halt__init(struct halt *h)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->cond, &a);
	pthread_condattr_destroy(&a);
	h->set = false;
}

void halt__destroy(struct halt *h)
{
	pthread_cond_destroy(&h->cond);
	pthread_mutex_destroy(&h->lock);
}

void halt__set(struct halt *h)
{
	pthread_mutex_lock(&h->lock);
	h->set = true;
	pthread_cond_broadcast(&h->cond);
	pthread_mutex_unlock(&h->lock);
}

bool halt__is_set(struct halt *h)
{
	return halt__until(h, 0);
}

bool halt__until(struct halt *h, int64_t ns)
{
	struct timespec ts = ns_timespec(ns);
	bool set;

	pthread_mutex_lock(&h->lock);
	while (!h->set && ns > 0 && !pthread_cond_timedwait(&h->cond, &h->lock, &ts))
		;
	set = h->set;
	pthread_mutex_unlock(&h->lock);
	return set;
}
