// SPDX-License-Identifier: GPL-2.0-only
/* collect_render.c: from the nodes' records to what goes into the ConfigMap; in a process of its own. */
#include "agent/collect_internal.h"

#include "agent/child.h"
#include "agent/record.h"
#include "analysis/analysis.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/units.h"
#include "report/merge.h"
#include "report/report.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static json_t *failed(const struct error *err)
{
	return json_pack("{s:s}", "error", err->msg[0] ? err->msg : "out of memory");
}

/* ---- merging ---- */

struct parts {
	struct record_part *v;
	size_t n;
};

static void parts__reset(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free((char *)p->v[i].file);
	free(p->v);
}

static int parts__add(struct parts *p, const char *dir, const char *segment, const json_t *have)
{
	const json_t *offset = json_object_get(have, "offset_ns"),
		     *epsilon = json_object_get(have, "epsilon_ns");
	const char *node = json_string_value(json_object_get(have, "node"));
	bool known = json_is_integer(offset) && json_is_integer(epsilon);
	struct record_part *v = reallocarray(p->v, p->n + 1, sizeof(*v));
	char *file = NULL;

	if (!v)
		return -ENOMEM;
	p->v = v;
	if (asprintf(&file, "%s/%s/%s/events.jsonl", dir, node, segment) < 0)
		return -ENOMEM;
	v[p->n++] = (struct record_part){
		.file = file,
		.node = node,
		.clock_offset_ns = known ? json_integer_value(offset) : RECORD_CLOCK_UNKNOWN,
		.clock_epsilon_ns = known ? json_integer_value(epsilon) : RECORD_CLOCK_UNKNOWN,
	};
	return 0;
}

static int is_segment(const struct dirent *d)
{
	return record__name_ok(d->d_name);
}

static int parts__of_node(struct parts *p, const char *dir, const json_t *have)
{
	struct dirent **v = NULL;
	char path[PATH_MAX];
	int n, r = 0;

	snprintf(path, sizeof(path), "%s/%s", dir,
		 json_string_value(json_object_get(have, "node")));
	n = scandir(path, &v, is_segment, versionsort);
	for (int i = 0; i < n; i++) {
		r = r ? r : parts__add(p, dir, v[i]->d_name, have);
		free(v[i]);
	}
	free(v);
	return n < 0 ? -errno : r;
}

static int merge(const struct collect_render *rd, const char *out, struct error *err)
{
	_cleanup_(parts__reset) struct parts parts = {0};
	const json_t *x;
	char path[PATH_MAX];
	size_t i;
	int r = 0;

	json_array_foreach(rd->have, i, x) {
		r = parts__of_node(&parts, rd->dir, x);
		if (r)
			return err__set(err, r, "%s: %s", rd->dir, strerror(-r));
	}
	/* what is missing is in the record itself, so that summary, JUnit and report say the same */
	r = record__merge_parts(parts.v, parts.n, rd->missing, out, err);
	json_array_foreach(rd->have, i, x) {
		snprintf(path, sizeof(path), "%s/%s", rd->dir,
			 json_string_value(json_object_get(x, "node")));
		run_folder__remove(path);
	}
	return r;
}

/* ---- files into values ---- */

struct values {
	json_t *data, *binary;
	char left[512]; /* what did not fit */
	size_t bytes;
};

/* At most COLLECT_MAP_BYTES; -EFBIG: it has more. */
static int read_plain(int fd, uint8_t *out, size_t *ret_n)
{
	size_t done = 0;

	for (;;) {
		ssize_t n = read(fd, out + done, COLLECT_MAP_BYTES + 1 - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
		if (done > COLLECT_MAP_BYTES)
			return -EFBIG;
		if (!n)
			break;
	}
	*ret_n = done;
	return 0;
}

/* The same, as a gzip stream. */
static int read_packed(int fd, uint8_t *out, size_t *ret_n)
{
	_cleanup_free_ uint8_t *in = malloc(65536);
	z_stream z = {.next_out = out, .avail_out = COLLECT_MAP_BYTES};
	int state = Z_OK;
	ssize_t n;

	if (!in || deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		n = read(fd, in, 65536);
		z.next_in = in;
		z.avail_in = n > 0 ? (uInt)n : 0;
		if (n >= 0)
			state = deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
	} while (n > 0 && state == Z_OK && z.avail_out);
	*ret_n = COLLECT_MAP_BYTES - z.avail_out;
	deflateEnd(&z);
	return state == Z_STREAM_END ? 0 : n < 0 ? -EIO : -EFBIG;
}

static void value__add(struct values *v, const struct collect_render *rd, const char *name,
		       bool packed)
{
	_cleanup_free_ uint8_t *bytes = malloc(COLLECT_MAP_BYTES + 1);
	_cleanup_free_ char *base64 = NULL;
	char file[PATH_MAX], key[64], size[32];
	size_t n = 0, used = strlen(v->left);
	struct stat st = {0};
	int r;

	snprintf(file, sizeof(file), "%s/%s", rd->dir, name);
	snprintf(key, sizeof(key), "%s%s", name, packed ? ".gz" : "");
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);

	r = fd < 0 || !bytes || fstat(fd, &st) < 0 ? -EIO
	    : packed				   ? read_packed(fd, bytes, &n)
						   : read_plain(fd, bytes, &n);
	if (r || v->bytes + n > COLLECT_MAP_BYTES) {
		snprintf(v->left + used, sizeof(v->left) - used,
			 "%s%s (%s) does not fit into the ConfigMap: it is on node %s in %s",
			 used ? "; " : "", name,
			 units__format_size((uint64_t)st.st_size, size, sizeof(size)), rd->node,
			 rd->dir);
		return;
	}
	v->bytes += n;
	if (!packed) {
		json_object_set_new(v->data, key, json_stringn((const char *)bytes, n));
		return;
	}
	base64 = malloc(BASE64_SIZE(n));
	if (base64)
		json_object_set_new(v->binary, key, json_string(base64__encode(base64, bytes, n)));
}

/* summary.json, with what only the collector knows. */
static int tell_cluster(const struct collect_render *rd, json_t *summary)
{
	json_t *cluster = json_object_get(summary, "cluster");
	char file[PATH_MAX];

	if (!json_is_object(cluster)) {
		cluster = json_object();
		json_object_set_new(summary, "cluster", cluster);
	}
	json_object_set_new(cluster, "collector", json_string(rd->node));
	snprintf(file, sizeof(file), "%s/summary.json", rd->dir);
	return json_dump_file(summary, file, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
}

static json_t *result(const struct collect_render *rd, const json_t *summary)
{
	struct values v = {.data = json_object(), .binary = json_object()};
	json_t *brief = collect__short(summary);

	value__add(&v, rd, "summary.json", false);
	value__add(&v, rd, "junit.xml", false);
	value__add(&v, rd, "report.html", true);
	if (json_array_size(rd->missing))
		json_object_set(brief, "missing", (json_t *)rd->missing);
	if (v.left[0])
		json_object_set_new(brief, "left_out", json_string(v.left));
	return json_pack("{s:s,s:o,s:o,s:o}", "verdict", verdict__name(summary__verdict(summary)),
			 "summary", brief, "data", v.data, "binary", v.binary);
}

json_t *collect__render(void *render)
{
	const struct collect_render *rd = render;
	struct error err = {0};
	json_t *summary = NULL, *o;
	char merged[PATH_MAX];

	snprintf(merged, sizeof(merged), "%s/events.jsonl", rd->dir);
	if (merge(rd, merged, &err) < 0 || report__render(rd->dir, &summary, &err) < 0)
		return failed(&err);
	if (tell_cluster(rd, summary) < 0)
		err__set(&err, -EIO, "%s/summary.json: cannot be written", rd->dir);
	o = err.code ? failed(&err) : result(rd, summary);
	json_decref(summary);
	return o;
}
