// SPDX-License-Identifier: GPL-2.0-only
#include "run/hosts.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

struct host {
	char *name;
	struct chaos_addr *v;
	size_t n;
	bool answered;
	int code; /* of getaddrinfo() when there never was an answer, or the name is gone */
};

/* Shared by the threads and whoever started them; the last one frees it. */
struct hosts {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int users;
	bool stop;
	int fd;
	struct host *v;
	size_t n;
};

struct job {
	struct hosts *h;
	size_t i;
};

static void free_hosts(struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].name);
		free(h->v[i].v);
	}
	free(h->v);
	safe_close(h->fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* With the lock held, which this lets go of. */
static void let_go(struct hosts *h)
{
	bool last = --h->users == 0;

	pthread_mutex_unlock(&h->lock);
	if (last)
		free_hosts(h);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct chaos_addr));
}

/* The addresses of @list, sorted and each once; NULL: no memory. */
static struct chaos_addr *addresses(const struct addrinfo *list, size_t *ret_n)
{
	struct chaos_addr *v;
	size_t n = 0, k = 0;

	for (const struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	v = calloc(n + 1, sizeof(*v));
	if (!v)
		return NULL;
	n = 0;
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		struct chaos_addr addr = {.w = {0, 0, htonl(0xffff), 0}};

		if (a->ai_family == AF_INET)
			memcpy(&addr.w[3], &((struct sockaddr_in *)a->ai_addr)->sin_addr, 4);
		else if (a->ai_family == AF_INET6)
			memcpy(&addr, &((struct sockaddr_in6 *)a->ai_addr)->sin6_addr, 16);
		else
			continue;
		v[n++] = addr;
	}
	qsort(v, n, sizeof(*v), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (!k || memcmp(&v[k - 1], &v[i], sizeof(*v)) != 0)
			v[k++] = v[i];
	*ret_n = k;
	return v;
}

/* A name that is no more has no addresses; one that cannot be asked for keeps those it had. */
static bool is_gone(int code)
{
	return code == EAI_NONAME || code == EAI_NODATA;
}

static void take_answer(struct hosts *h, struct host *host, int code, const struct addrinfo *list)
{
	size_t n = 0;
	struct chaos_addr *v = code ? NULL : addresses(list, &n);
	bool first = !host->answered;

	host->answered = true;
	if (!code && !v)
		return;
	if (code && !is_gone(code) && host->n)
		return;
	host->code = code;
	if (!first && n == host->n && (!n || !memcmp(v, host->v, n * sizeof(*v)))) {
		free(v);
		return;
	}
	free(host->v);
	host->v = v;
	host->n = n;
	eventfd_write(h->fd, 1);
}

static void *resolve(void *arg)
{
	struct job *job = arg;
	struct hosts *h = job->h;
	struct host *host = &h->v[job->i];

	free(job);
	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
		struct timespec next;
		int code;

		pthread_mutex_unlock(&h->lock);
		code = getaddrinfo(host->name, NULL, &hints, &list);
		pthread_mutex_lock(&h->lock);
		take_answer(h, host, code, list);
		if (list)
			freeaddrinfo(list);
		pthread_cond_broadcast(&h->changed);
		next = ns_timespec(clock__now() + HOSTS_EVERY_S * NS_PER_S);
		while (!h->stop &&
		       pthread_cond_timedwait(&h->changed, &h->lock, &next) != ETIMEDOUT)
			;
	}
	let_go(h);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct hosts *h, size_t i)
{
	struct job *job = malloc(sizeof(*job));
	sigset_t all, old;
	pthread_t thread;
	int r;

	if (!job)
		return -ENOMEM;
	*job = (struct job){h, i};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&h->lock);
	r = pthread_create(&thread, NULL, resolve, job);
	if (!r) {
		pthread_detach(thread);
		h->users++;
	}
	pthread_mutex_unlock(&h->lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		free(job);
	return -r;
}

int hosts__start(const char *const *names, size_t n, struct hosts **ret, struct error *err)
{
	struct hosts *h = calloc(1, sizeof(*h));
	pthread_condattr_t attr;
	int r = 0;

	if (!h)
		return err__set(err, -ENOMEM, "out of memory");
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, &attr);
	pthread_condattr_destroy(&attr);
	h->users = 1;
	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->v = calloc(n + 1, sizeof(*h->v));
	if (h->fd < 0 || !h->v)
		r = h->v ? -errno : -ENOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		h->v[i].name = strdup(names[i]);
		h->n++;
		r = h->v[i].name ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < n && !r; i++)
		r = start_thread(h, i);
	if (r) {
		hosts__stop(h);
		return err__set(err, r, "cannot resolve host names: %s", strerror(-r));
	}
	*ret = h;
	return 0;
}

void hosts__wait(struct hosts *h)
{
	struct timespec end = ns_timespec(clock__now() + HOSTS_FIRST_S * NS_PER_S);
	bool late = false;
	size_t i = 0;

	pthread_mutex_lock(&h->lock);
	while (i < h->n && !late) {
		if (h->v[i].answered)
			i++;
		else
			late = pthread_cond_timedwait(&h->changed, &h->lock, &end) == ETIMEDOUT;
	}
	pthread_mutex_unlock(&h->lock);
}

int hosts__fd(const struct hosts *h)
{
	return h->fd;
}

bool hosts__drain(struct hosts *h)
{
	eventfd_t n;

	return eventfd_read(h->fd, &n) == 0;
}

static int copy_answer(const struct host *host, struct chaos_addr **ret, size_t *ret_n,
		       struct error *err)
{
	struct chaos_addr *v;

	if (!host->answered)
		return err__set(err, -EAGAIN, "host `%s` did not resolve within %d s", host->name,
				HOSTS_FIRST_S);
	if (!host->n)
		return err__set(err, -ENOENT, "host `%s` does not resolve: %s", host->name,
				host->code ? gai_strerror(host->code) : "it has no address");
	v = calloc(host->n, sizeof(*v));
	if (!v)
		return err__set(err, -ENOMEM, "out of memory");
	memcpy(v, host->v, host->n * sizeof(*v));
	*ret = v;
	*ret_n = host->n;
	return 0;
}

int hosts__get(struct hosts *h, size_t i, struct chaos_addr **ret, size_t *ret_n, struct error *err)
{
	int r;

	pthread_mutex_lock(&h->lock);
	r = copy_answer(&h->v[i], ret, ret_n, err);
	pthread_mutex_unlock(&h->lock);
	return r;
}

void hosts__stop(struct hosts *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_broadcast(&h->changed);
	let_go(h);
}
