// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/recorder.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

struct recorder {
	pthread_mutex_t lock;
	int fd;
	int64_t t0_ns;
	off_t end; /* of the last complete line */
	int failed;
	uint64_t events, lost;
};

int recorder__open(const char *dir, int64_t t0_ns, struct recorder **ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	struct recorder *r;

	if (asprintf(&path, "%s/events.jsonl", dir) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return err__set(err, -ENOMEM, "out of memory");
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (r->fd < 0) {
		int code = -errno;

		free(r);
		return err__set(err, code, "cannot make `%s`: %s", path, strerror(-code));
	}
	pthread_mutex_init(&r->lock, NULL);
	r->t0_ns = t0_ns;
	*ret = r;
	return 0;
}

void recorder__set_t0(struct recorder *r, int64_t t0_ns)
{
	pthread_mutex_lock(&r->lock);
	r->t0_ns = t0_ns;
	pthread_mutex_unlock(&r->lock);
}

int64_t recorder__t0(const struct recorder *r)
{
	return r->t0_ns;
}

/* One write(2) of one line; what a full disk leaves of it is cut off. */
static int append(struct recorder *r, const char *line, size_t len)
{
	ssize_t n;

	do {
		n = write(r->fd, line, len);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len) {
		r->end += n;
		return 0;
	}
	r->failed = n < 0 ? -errno : -ENOSPC;
	if (ftruncate(r->fd, r->end) < 0) {
		/* readers also ignore an incomplete last line */
	}
	return r->failed;
}

int recorder__event(struct recorder *r, const char *type, int64_t mono_ns, json_t *fields)
{
	_cleanup_free_ char *body = NULL;
	_cleanup_free_ char *line = NULL;
	int len, code;

	body = fields && json_object_size(fields) ? json_dumps(fields, JSON_COMPACT) : strdup("{}");
	json_decref(fields);
	pthread_mutex_lock(&r->lock);
	len = body ? asprintf(&line, "{\"t_ns\":%lld,\"type\":\"%s\"%s%s\n",
			      (long long)(mono_ns - r->t0_ns), type, body[1] == '}' ? "" : ",",
			      body + 1)
		   : -1;
	if (len < 0) {
		line = NULL;
		code = -ENOMEM;
	} else {
		code = r->failed ? r->failed : append(r, line, (size_t)len);
	}
	if (code)
		r->lost++;
	else
		r->events++;
	pthread_mutex_unlock(&r->lock);
	return code;
}

int recorder__failed(const struct recorder *r)
{
	return __atomic_load_n(&r->failed, __ATOMIC_RELAXED);
}

uint64_t recorder__events(const struct recorder *r)
{
	return __atomic_load_n(&r->events, __ATOMIC_RELAXED);
}

uint64_t recorder__lost(const struct recorder *r)
{
	return __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
}

void recorder__close(struct recorder *r)
{
	if (!r)
		return;
	fsync(r->fd);
	safe_close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
