// SPDX-License-Identifier: GPL-2.0-only
/*
 * unpack.c: chunks back into files. They come from the API server, where anyone who may write
 * ConfigMaps may have put them: names, sizes, order and the stream itself are looked at as they come.
 */
#include "agent/record.h"

#include "lib/cleanup.h"
#include "lib/units.h"
#include "lib/base64.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

struct record_unpack {
	char *path; /* DIR/NODE */
	int dir_fd;
	z_stream z;
	bool inflating; /* z is to be ended */
	bool within;	/* a member has begun and not ended */
	gz_header head;
	char name[NAME_MAX + 1];
	int fd; /* of the segment */
	char **done;
	struct record_size size;
	uint64_t most;
	bool complete;
	uint8_t raw[RECORD_CHUNK_BYTES], out[(size_t)128 * 1024];
};

int record_unpack__open(const char *dir, const char *node, uint64_t most,
			struct record_unpack **ret, struct error *err)
{
	struct record_unpack *u;
	int r = 0;

	if (!record__name_ok(node))
		return err__set(err, -EINVAL,
				"`%.64s` cannot be a node's name: letters, digits, `.`, `-`", node);
	u = calloc(1, sizeof(*u));
	if (!u)
		return err__set(err, -ENOMEM, "no memory for the record of %s", node);
	u->fd = u->dir_fd = -1;
	u->most = most;
	u->done = calloc(RECORD_SEGMENTS_MAX, sizeof(*u->done));
	u->inflating = inflateInit2(&u->z, MAX_WBITS + 16) == Z_OK;
	if (!u->done || !u->inflating || asprintf(&u->path, "%s/%s", dir, node) < 0) {
		record_unpack__free(u);
		return err__set(err, -ENOMEM, "no memory for the record of %s", node);
	}
	if (mkdir(u->path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (!r) {
		u->dir_fd = open(u->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = u->dir_fd < 0 ? -errno : 0;
	}
	if (r) {
		err__set(err, r, "%s: cannot be made: %s", u->path, strerror(-r));
		record_unpack__free(u);
		return r;
	}
	*ret = u;
	return 0;
}

static int broken(const struct record_unpack *u, struct error *err, const char *why)
{
	return err__set(err, -EBADMSG, "%s: chunk %u of the record: %s", u->path, u->size.chunks,
			why);
}

static int segment__begin(struct record_unpack *u, struct error *err)
{
	char path[NAME_MAX + sizeof("/events.jsonl")];
	_cleanup_free_ char *name = NULL;

	if (!u->head.name || !memchr(u->name, 0, sizeof(u->name)) || !record__name_ok(u->name))
		return broken(u, err, "a segment without a name that a folder may have");
	if (u->size.segments == RECORD_SEGMENTS_MAX)
		return broken(u, err, "too many segments");
	name = strdup(u->name);
	if (!name)
		return err__set(err, -ENOMEM, "%s: no memory", u->path);
	snprintf(path, sizeof(path), "%s/events.jsonl", name);
	if (mkdirat(u->dir_fd, name, 0755) < 0 && errno != EEXIST)
		return err__set(err, -errno, "%s/%s: cannot be made: %s", u->path, name,
				strerror(errno));
	u->fd = openat(u->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (u->fd < 0)
		return err__set(err, -errno, "%s/%s: cannot be made: %s", u->path, path,
				strerror(errno));
	u->done[u->size.segments++] = TAKE_PTR(name);
	return 0;
}

static int segment__write(struct record_unpack *u, size_t n, struct error *err)
{
	const uint8_t *p = u->out;
	char most[32];

	u->size.events_bytes += n;
	if (u->size.events_bytes > u->most)
		return err__set(err, -EFBIG, "%s: the record holds more than %s", u->path,
				units__format_size(u->most, most, sizeof(most)));
	while (n) {
		ssize_t w = write(u->fd, p, n);

		if (w < 0 && errno != EINTR)
			return err__set(err, -errno, "%s/%s: cannot be written: %s", u->path,
					u->name, strerror(errno));
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* A new member begins: what its header says is known once inflate() has passed it. */
static void member__begin(struct record_unpack *u)
{
	inflateReset(&u->z);
	memset(u->name, 0, sizeof(u->name));
	u->head = (gz_header){.name = (Bytef *)u->name, .name_max = sizeof(u->name)};
	inflateGetHeader(&u->z, &u->head);
	u->within = true;
}

static int member__end(struct record_unpack *u, struct error *err)
{
	int fd = TAKE_FD(u->fd);

	u->within = false;
	if (close(fd) < 0)
		return err__set(err, -errno, "%s/%s: cannot be written: %s", u->path, u->name,
				strerror(errno));
	return 0;
}

/* One call of inflate() and what came of it. */
static int step(struct record_unpack *u, struct error *err)
{
	int z, r = 0;

	u->z.next_out = u->out;
	u->z.avail_out = sizeof(u->out);
	z = inflate(&u->z, Z_NO_FLUSH);
	if (z == Z_MEM_ERROR)
		return err__set(err, -ENOMEM, "%s: no memory", u->path);
	if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
		return broken(u, err, u->z.msg ? u->z.msg : "no gzip stream");
	if (u->fd < 0 && u->head.done == 1)
		r = segment__begin(u, err);
	if (!r && u->z.avail_out < sizeof(u->out))
		r = segment__write(u, sizeof(u->out) - u->z.avail_out, err);
	return !r && z == Z_STREAM_END ? member__end(u, err) : r;
}

static int feed(struct record_unpack *u, size_t n, struct error *err)
{
	int r = 0;

	u->z.next_in = u->raw;
	u->z.avail_in = (uInt)n;
	/* a full output may leave more of it inside, with all input taken */
	while (!r && (u->z.avail_in || (u->within && !u->z.avail_out))) {
		if (!u->within)
			member__begin(u);
		r = step(u, err);
	}
	return r;
}

int record_unpack__chunk(struct record_unpack *u, const char *base64, size_t len, struct error *err)
{
	ssize_t n;
	int r;

	if (u->size.chunks == RECORD_CHUNKS_MAX)
		return broken(u, err, "there are more than may be");
	n = base64__decode(u->raw, sizeof(u->raw), base64, len);
	if (n < 0)
		return broken(u, err, "it is not base64, or too long");
	if (!n)
		return broken(u, err, "it is empty");
	u->size.bytes += (uint64_t)n;
	r = feed(u, (size_t)n, err);
	u->size.chunks++;
	return r;
}

int record_unpack__end(struct record_unpack *u, struct record_size *ret, struct error *err)
{
	if (u->within || !u->size.segments)
		return err__set(err, -EBADMSG, "%s: the record is cut after %u chunks", u->path,
				u->size.chunks);
	u->complete = true;
	if (ret)
		*ret = u->size;
	return 0;
}

static void take_back(struct record_unpack *u)
{
	char path[NAME_MAX + sizeof("/events.jsonl")];

	for (unsigned int i = 0; i < u->size.segments; i++) {
		snprintf(path, sizeof(path), "%s/events.jsonl", u->done[i]);
		unlinkat(u->dir_fd, path, 0);
		unlinkat(u->dir_fd, u->done[i], AT_REMOVEDIR);
	}
	if (u->path)
		rmdir(u->path);
}

void record_unpack__free(struct record_unpack *u)
{
	if (!u)
		return;
	safe_close(u->fd);
	if (!u->complete)
		take_back(u);
	for (unsigned int i = 0; i < u->size.segments; i++)
		free(u->done[i]);
	if (u->inflating)
		inflateEnd(&u->z);
	safe_close(u->dir_fd);
	free(u->done);
	free(u->path);
	free(u);
}

static void cleanup_unpack(struct record_unpack **u)
{
	record_unpack__free(*u);
}

int record__unpack(const json_t *chunks, const char *dir, const char *node, struct error *err)
{
	_cleanup_(cleanup_unpack) struct record_unpack *u = NULL;
	const json_t *x;
	size_t i;
	int r;

	if (!json_is_array(chunks) || !json_array_size(chunks))
		return err__set(err, -EINVAL, "the record of %.64s has no chunks", node);
	r = record_unpack__open(dir, node, RECORD_BYTES_MAX, &u, err);
	if (r)
		return r;
	json_array_foreach(chunks, i, x) {
		if (!json_is_string(x))
			return broken(u, err, "it is no string");
		r = record_unpack__chunk(u, json_string_value(x), json_string_length(x), err);
		if (r)
			return r;
	}
	return record_unpack__end(u, NULL, err);
}
