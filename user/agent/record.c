// SPDX-License-Identifier: GPL-2.0-only
/* record.c: segments into one gzip stream on disk, and that into chunks. */
#include "agent/record.h"

#include "agent/job.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define GZIP (MAX_WBITS + 16)
#define PIECE ((size_t)128 * 1024)
#define PACKED_MAX ((uint64_t)RECORD_CHUNK_BYTES * RECORD_CHUNKS_MAX)

bool record__name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n >= 1 && n <= NAME_MAX - 2 && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       n;
}

/* ---- names of objects ---- */

/* FNV-1a: only to keep two long names apart. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619U;
	return h;
}

/* @name, which must begin and end with a letter or digit, in at most @max bytes. */
static void shorten(const char *name, size_t max, char *buf, size_t size)
{
	if (strlen(name) <= max)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%.*s-%08x", (int)(max - 9), name, hash(name));
}

const char *record__map_name(const char *uid, const char *node, unsigned int k, char *buf,
			     size_t size)
{
	char part[RECORD_NAME_MAX];

	shorten(node, 253 - sizeof("chaos-01234567--00") + 1, part, sizeof(part));
	snprintf(buf, size, "chaos-%.8s-%s-%02u", uid, part, k);
	return buf;
}

const char *record__label(const char *node, char *buf, size_t size)
{
	shorten(node, 63, buf, size);
	return buf;
}

/* ---- segments on disk ---- */

static int is_segment(const struct dirent *d)
{
	return record__name_ok(d->d_name);
}

struct segments {
	struct dirent **v;
	int n;
};

static void segments__reset(struct segments *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

/* The segment's events, or -1 with errno: -ENOENT for what is none. */
static int segment__open(int base_fd, const char *name, uint64_t *ret_size)
{
	char path[NAME_MAX + sizeof("/events.jsonl")];
	_cleanup_close_ int fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "%s/events.jsonl", name);
	fd = openat(base_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return -ENOENT;
	*ret_size = (uint64_t)st.st_size;
	return TAKE_FD(fd);
}

/* ---- packing ---- */

struct packer {
	const char *base;
	int base_fd, out_fd;
	struct record_size size;
	uint8_t in[PIECE], out[PIECE];
};

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return -errno;
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* Of all events as they lie on the disk. */
static uint64_t events_bytes(int base_fd, const struct segments *s)
{
	uint64_t sum = 0, one = 0;

	for (int i = 0; i < s->n; i++) {
		_cleanup_close_ int fd = segment__open(base_fd, s->v[i]->d_name, &one);

		sum += fd >= 0 ? one : 0;
	}
	return sum;
}

static int too_big(const struct packer *p, const struct segments *s, uint64_t most, const char *how,
		   struct error *err)
{
	char have[32], may[32];

	return err__set(
		err, -EFBIG,
		"the record is too big for the API server: %s of events, more than %s%s; it stays "
		"on the node, in %s",
		units__format_size(events_bytes(p->base_fd, s), have, sizeof(have)),
		units__format_size(most, may, sizeof(may)), how, p->base);
}

/* All that deflate has to give for what is in @z. */
static int drain(struct packer *p, z_stream *z, int flush)
{
	do {
		int r;

		z->next_out = p->out;
		z->avail_out = sizeof(p->out);
		r = deflate(z, flush);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return -EIO;
		p->size.bytes += sizeof(p->out) - z->avail_out;
		if (p->size.bytes > PACKED_MAX)
			return -EFBIG;
		r = write_all(p->out_fd, p->out, sizeof(p->out) - z->avail_out);
		if (r)
			return r;
	} while (!z->avail_out);
	return 0;
}

static int pack_stream(struct packer *p, int fd, z_stream *z)
{
	for (;;) {
		ssize_t n = read(fd, p->in, sizeof(p->in));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p->size.events_bytes += (uint64_t)n;
		z->next_in = p->in;
		z->avail_in = (uInt)n;
		r = drain(p, z, n ? Z_NO_FLUSH : Z_FINISH);
		if (r || !n)
			return r;
	}
}

static int pack_segment(struct packer *p, int fd, char *name)
{
	gz_header head = {.name = (Bytef *)name, .os = 3 /* Unix */};
	z_stream z = {0};
	int r;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	deflateSetHeader(&z, &head);
	r = pack_stream(p, fd, &z);
	deflateEnd(&z);
	p->size.segments += !r;
	return r;
}

static int pack_all(struct packer *p, const struct segments *s, struct error *err)
{
	if (events_bytes(p->base_fd, s) > RECORD_BYTES_MAX)
		return too_big(p, s, RECORD_BYTES_MAX, "", err);
	for (int i = 0; i < s->n; i++) {
		char *name = s->v[i]->d_name;
		uint64_t bytes;
		_cleanup_close_ int fd = segment__open(p->base_fd, name, &bytes);
		int r = fd;

		if (fd == -ENOENT)
			continue;
		if (p->size.segments == RECORD_SEGMENTS_MAX)
			return err__set(err, -EFBIG, "%s: more than %u segments", p->base,
					RECORD_SEGMENTS_MAX);
		if (fd >= 0)
			r = pack_segment(p, fd, name);
		if (r == -EFBIG)
			return too_big(p, s, PACKED_MAX, " when packed", err);
		if (r < 0)
			return err__set(err, r, "%s/%s/events.jsonl: cannot be packed: %s", p->base,
					name, strerror(-r));
	}
	if (!p->size.segments)
		return err__set(err, -ENOENT, "%s: no events were recorded", p->base);
	p->size.chunks =
		(unsigned int)((p->size.bytes + RECORD_CHUNK_BYTES - 1) / RECORD_CHUNK_BYTES);
	return 0;
}

int record__pack(const char *base, const char *out, struct record_size *ret, struct error *err)
{
	_cleanup_free_ struct packer *p = calloc(1, sizeof(*p));
	_cleanup_close_ int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), out_fd = -1;
	_cleanup_(segments__reset) struct segments s = {0};
	int r;

	if (!p)
		return err__set(err, -ENOMEM, "%s: no memory", base);
	if (base_fd < 0 || (s.n = scandirat(base_fd, ".", &s.v, is_segment, versionsort)) < 0) {
		s.n = 0;
		return err__set(err, -errno, "%s: cannot be read: %s", base, strerror(errno));
	}
	unlink(out);
	out_fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out_fd < 0)
		return err__set(err, -errno, "%s: cannot be made: %s", out, strerror(errno));
	*p = (struct packer){.base = base, .base_fd = base_fd, .out_fd = out_fd};
	r = pack_all(p, &s, err);
	if (r) {
		unlink(out);
		return r;
	}
	*ret = p->size;
	return 0;
}

/* ---- packing beside a loop ---- */

struct pack_job {
	const char *base, *out;
};

static json_t *pack_job(void *arg)
{
	const struct pack_job *j = arg;
	struct record_size size = {0};
	struct error err = {0};
	int r = record__pack(j->base, j->out, &size, &err);

	if (r < 0)
		return json_pack("{s:i,s:s}", "code", r, "error", err.msg);
	return json_pack("{s:i,s:I,s:I,s:i,s:i}", "code", 0, "bytes", (json_int_t)size.bytes,
			 "events_bytes", (json_int_t)size.events_bytes, "chunks", (int)size.chunks,
			 "segments", (int)size.segments);
}

/* Of what cannot be looked at record__pack() will say why. */
static bool is_small(const char *base)
{
	_cleanup_close_ int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(segments__reset) struct segments s = {0};

	if (base_fd < 0 || (s.n = scandirat(base_fd, ".", &s.v, is_segment, versionsort)) < 0) {
		s.n = 0;
		return true;
	}
	return events_bytes(base_fd, &s) <= RECORD_AT_ONCE;
}

int record__pack_begin(const char *base, const char *out, struct job **ret_job,
		       struct record_size *ret, struct error *err)
{
	struct pack_job j = {base, out};
	int r;

	if (is_small(base)) {
		r = record__pack(base, out, ret, err);
		return r ? r : 1;
	}
	r = job__start(pack_job, &j, ret_job);
	return r ? err__set(err, r, "%s: cannot be packed: %s", base, strerror(-r)) : 0;
}

int record__pack_poll(struct job *job, struct record_size *ret, struct error *err)
{
	json_t *o = NULL;
	int r = job__poll(job, &o), code = (int)json_integer_value(json_object_get(o, "code"));
	const char *words = json_string_value(json_object_get(o, "error"));

	if (r < 0) {
		err__set(err, r, "the process that packs the record was killed");
	} else if (code) {
		r = err__set(err, code, "%s", words ? words : "the record cannot be packed");
	} else if (r) {
		*ret = (struct record_size){
			.bytes = (uint64_t)json_integer_value(json_object_get(o, "bytes")),
			.events_bytes =
				(uint64_t)json_integer_value(json_object_get(o, "events_bytes")),
			.chunks = (unsigned int)json_integer_value(json_object_get(o, "chunks")),
			.segments =
				(unsigned int)json_integer_value(json_object_get(o, "segments")),
		};
	}
	json_decref(o);
	return r;
}

/* ---- chunks ---- */

int record__chunk(const char *file, unsigned int k, char **ret, struct error *err)
{
	_cleanup_free_ uint8_t *raw = malloc(RECORD_CHUNK_BYTES);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t at = (off_t)k * RECORD_CHUNK_BYTES;
	char *text = NULL;
	size_t n = 0;

	if (!raw)
		return err__set(err, -ENOMEM, "%s: no memory", file);
	while (fd >= 0 && n < RECORD_CHUNK_BYTES) {
		ssize_t r = pread(fd, raw + n, RECORD_CHUNK_BYTES - n, at + (off_t)n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err__set(err, -errno, "%s: cannot be read: %s", file,
					strerror(errno));
		if (!r)
			break;
		n += (size_t)r;
	}
	if (fd < 0)
		return err__set(err, -errno, "%s: cannot be opened: %s", file, strerror(errno));
	if (!n)
		return err__set(err, -ENODATA, "%s: has no chunk %u", file, k);
	text = malloc(BASE64_SIZE(n));
	if (!text)
		return err__set(err, -ENOMEM, "%s: no memory", file);
	*ret = base64__encode(text, raw, n);
	return 0;
}
