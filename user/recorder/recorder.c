// SPDX-License-Identifier: GPL-2.0-only
/*
 * recorder.c: lines are put together outside of the lock; inside it there is one write(2) and the
 * bookkeeping that lets a failed write be undone.
 */
#include "recorder/recorder.h"
#include "lib/cleanup.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_STACK 2048 /* samples and operations are about 250 bytes long */
#define LINE_HEAD 128	/* {"t_ns":...,"type":"..." */

struct recorder {
	int fd;
	_Atomic int64_t t0_ns;
	_Atomic uint64_t events, lost;
	_Atomic int failed; /* the first negative errno */

	pthread_mutex_t lock; /* guards what follows, and the file */
	off_t end;	      /* of the last complete line */
	bool torn;	      /* there is something behind `end` that could not be cut off yet */
};

int recorder__open(const char *dir, int64_t t0_ns, struct recorder **ret, struct error *err)
{
	_cleanup_free_ struct recorder *r = calloc(1, sizeof(*r));
	_cleanup_free_ char *path = NULL;

	if (!r || asprintf(&path, "%s/events.jsonl", dir) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (r->fd < 0)
		return err__set(err, -errno, "%s: %s", path, strerror(errno));
	r->t0_ns = t0_ns;
	pthread_mutex_init(&r->lock, NULL);
	*ret = TAKE_PTR(r);
	return 0;
}

void recorder__set_t0(struct recorder *r, int64_t t0_ns)
{
	r->t0_ns = t0_ns;
}

int64_t recorder__t0(const struct recorder *r)
{
	return r->t0_ns;
}

/* All of it or a negative errno. A short write says that the next one will fail, and that one says
 * why. */
static int write_all(int fd, const char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int append(struct recorder *r, const char *line, size_t len)
{
	int e;

	/* Half a line must not become the beginning of the next one. */
	if (r->torn && ftruncate(r->fd, r->end) < 0)
		return -errno;
	r->torn = false;
	e = write_all(r->fd, line, len);
	if (e)
		r->torn = ftruncate(r->fd, r->end) < 0;
	else
		r->end += (off_t)len;
	return e;
}

static int lose(struct recorder *r, int e)
{
	int none = 0;

	r->lost++;
	atomic_compare_exchange_strong(&r->failed, &none, e);
	return e;
}

/*
 * The line in @buf of @size bytes; returns its length, newline included, which may be more than
 * @size: then the text is not all there. 0: the fields cannot be written as JSON.
 */
static size_t format(char *buf, size_t size, const char *type, int64_t t_ns, const json_t *fields)
{
	int n = snprintf(buf, size, "{\"t_ns\":%lld,\"type\":\"%s\"", (long long)t_ns, type);
	size_t head = (size_t)n, body = 1;

	if (json_object_size(fields) == 0) {
		if (head + 2 <= size)
			buf[head] = '}';
	} else {
		/* The object's own brace becomes the comma. */
		body = json_dumpb(fields, buf + head, size - head, JSON_COMPACT);
		if (!body)
			return 0;
		buf[head] = ',';
	}
	if (head + body + 1 <= size)
		buf[head + body] = '\n';
	return head + body + 1;
}

int recorder__event(struct recorder *r, const char *type, int64_t mono_ns, json_t *fields)
{
	_cleanup_free_ char *heap = NULL;
	char stack[LINE_STACK], *line = stack;
	int64_t t_ns = mono_ns - r->t0_ns;
	size_t len = 0;
	int e = -EINVAL;

	if (strlen(type) < LINE_HEAD / 2)
		len = format(stack, sizeof(stack), type, t_ns, fields);
	if (len > sizeof(stack)) {
		line = heap = malloc(len);
		e = -ENOMEM;
		len = heap ? format(heap, len, type, t_ns, fields) : 0;
	}
	json_decref(fields);
	if (!len)
		return lose(r, e);
	pthread_mutex_lock(&r->lock);
	e = append(r, line, len);
	pthread_mutex_unlock(&r->lock);
	if (e)
		return lose(r, e);
	r->events++;
	return 0;
}

int recorder__failed(const struct recorder *r)
{
	return r->failed;
}

uint64_t recorder__events(const struct recorder *r)
{
	return r->events;
}

uint64_t recorder__lost(const struct recorder *r)
{
	return r->lost;
}

void recorder__close(struct recorder *r)
{
	if (!r)
		return;
	if (r->torn && ftruncate(r->fd, r->end) < 0)
		lose(r, -errno); /* the reader leaves out a last line that is cut short */
	fsync(r->fd);
	safe_close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
