// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/resp.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/sock.h"

#include <string.h>

/* Elements of an answer, nested ones included: 8 MiB of pointers. */
#define ELEMENTS_MAX (1U << 20)

#if HIREDIS_MAJOR >= 1
typedef size_t elements_t;
#else
typedef int elements_t;
#endif

/* hiredis allocates an array by the number in its header: eight bytes on the wire may ask for
 * gigabytes. */
static void *bounded_array(const redisReadTask *task, elements_t n)
{
	struct resp *c = task->privdata;
	redisReply *r;

	if ((size_t)n > c->elements_left)
		return NULL;
	c->elements_left -= (size_t)n;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->type = REDIS_REPLY_ARRAY;
	r->elements = (size_t)n;
	if (n > 0) {
		r->element = calloc((size_t)n, sizeof(*r->element));
		if (!r->element) {
			free(r);
			return NULL;
		}
	}
	if (task->parent) {
		redisReply *parent = task->parent->obj;

		parent->element[task->idx] = r;
	}
	return r;
}

void resp__init(struct resp *c, const char *ip, uint16_t port, size_t max_bytes)
{
	*c = (struct resp){.ip = ip, .port = port, .max_bytes = max_bytes, .fd = -1};
}

void resp__reset(struct resp *c)
{
	c->fd = safe_close(c->fd);
	if (c->reader)
		redisReaderFree(c->reader);
	c->reader = NULL;
}

int resp__begin(struct resp *c)
{
	redisReader *r = redisReaderCreate();

	if (!r)
		return -ENOMEM;
	c->fn = *r->fn;
	c->fn.createArray = bounded_array;
	r->fn = &c->fn;
	r->privdata = c;
	c->reader = r;
	c->elements_left = ELEMENTS_MAX;
	return 0;
}

int resp__next(struct resp *c, redisReply **ret)
{
	void *reply = NULL;

	if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
		return c->reader->err == REDIS_ERR_OOM ? -EMSGSIZE : -EPROTO;
	if (!reply)
		return -EAGAIN;
	*ret = reply;
	return 0;
}

int resp__open(struct resp *c, int64_t deadline_ns)
{
	int fd, r;

	/* Bytes that nobody asked for would be taken for the answer to the next command. */
	if (c->reader && c->reader->pos == c->reader->len && sock__is_idle(c->fd))
		return 0;
	resp__reset(c);
	fd = sock__connect(c->ip, c->port, deadline_ns);
	if (fd < 0)
		return fd;
	r = resp__begin(c);
	if (r) {
		safe_close(fd);
		return r;
	}
	c->fd = fd;
	return 0;
}

int resp__send(struct resp *c, int argc, const char **argv, int64_t deadline_ns, bool *ret_sent)
{
	char *text = NULL;
	size_t sent = 0;
	int r, len = redisFormatCommandArgv(&text, argc, argv, NULL);

	if (ret_sent)
		*ret_sent = false;
	if (len < 0)
		return -ENOMEM;
	r = sock__send(c->fd, text, (size_t)len, deadline_ns, &sent);
	redisFreeCommand(text);
	if (ret_sent)
		*ret_sent = sent > 0;
	if (r)
		resp__reset(c);
	return r;
}

static int receive(struct resp *c, int64_t deadline_ns, redisReply **ret)
{
	size_t total = 0;
	char buf[16384];

	c->elements_left = ELEMENTS_MAX;
	for (;;) {
		int r = resp__next(c, ret);
		ssize_t n;

		if (r != -EAGAIN)
			return r;
		if (total >= c->max_bytes)
			return -EMSGSIZE;
		n = sock__recv(c->fd, buf, sizeof(buf), deadline_ns);
		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		total += (size_t)n;
		if (redisReaderFeed(c->reader, buf, (size_t)n) != REDIS_OK)
			return -ENOMEM;
	}
}

int resp__receive(struct resp *c, int64_t deadline_ns, redisReply **ret)
{
	int r = receive(c, deadline_ns, ret);

	if (r)
		resp__reset(c);
	return r;
}
