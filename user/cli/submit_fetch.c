// SPDX-License-Identifier: GPL-2.0-only
/* submit_fetch.c: the nodes' records into a run folder. */
#include "cli/submit.h"

/* The collector's way from records to a report is ours too. */
#include "agent/collect.h"
#include "agent/record.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int make_parents(const char *path)
{
	char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s", path);
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(buf, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

int submit__folder(const char *out, const char *name, char **ret, struct error *err)
{
	char path[PATH_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	if (out)
		snprintf(path, sizeof(path), "%s", out);
	else
		snprintf(path, sizeof(path), "chaos-runs/%.100s-%s", name, stamp);
	r = make_parents(path);
	if (!r && mkdir(path, 0755) < 0)
		r = -errno;
	if (r == -EEXIST)
		return err__set(err, -EINVAL,
				"run folder `%s` exists already; a record is never written over: "
				"choose another with --out, or move it away",
				path);
	*ret = r ? NULL : realpath(path, NULL);
	if (*ret)
		return 0;
	r = r ? r : -errno;
	return err__set(err, r, "cannot make the run folder `%s`: %s", path, strerror(-r));
}

#define TRIES 5
#define AGAIN_NS (1 * NS_PER_S)

struct fetching {
	struct kube *k;
	const char *ns, *uid, *dir;
	int wake_fd;
	bool unread; /* something may be there that could not be had */
};

/* -EINTR: @f->wake_fd was readable first. */
static int pause_for(const struct fetching *f, int64_t ns)
{
	struct pollfd p = {.fd = f->wake_fd, .events = POLLIN};
	int64_t end = clock__now() + ns, left;
	int r = 0;

	while (!r && (left = end - clock__now()) > 0)
		r = kube__wait(f->k, &p, 1, (int)(left / NS_PER_MS) + 1);
	return r > 0 ? -EINTR : r;
}

/* What the server did not answer, or could not just now, is asked for again. */
static int get(const struct fetching *f, const struct kube_request *rq, struct kube_answer *a,
	       json_t **ret_map)
{
	int r = 0;

	for (int i = 0; i < TRIES; i++) {
		r = i ? pause_for(f, AGAIN_NS) : 0;
		r = r ? r : kube__call_until(f->k, rq, f->wake_fd, a, ret_map);
		if (!r || r == -EINTR || (a->status >= 300 && a->status < 500 && a->status != 429))
			break;
	}
	return r;
}

/* Chunk @i of the record of @node. */
static int fetch_chunk(struct fetching *f, const char *node, unsigned int i,
		       struct record_unpack *u, struct error *err)
{
	char name[RECORD_NAME_MAX], path[512];
	struct kube_request rq = {.method = "GET", .path = path, .timeout_ns = 120 * NS_PER_S};
	const json_t *chunk;
	struct kube_answer a;
	json_t *map = NULL;
	int r;

	record__map_name(f->uid, node, i, name, sizeof(name));
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/configmaps/%s", f->ns, name);
	r = get(f, &rq, &a, &map);
	f->unread = f->unread || (r && r != -ENOENT);
	if (r)
		return err__set(err, r, "the record of node %s, chunk %u: %s", node, i, a.why);
	chunk = json_object_get(json_object_get(map, "binaryData"), "chunk");
	if (json_is_string(chunk))
		r = record_unpack__chunk(u, json_string_value(chunk), json_string_length(chunk),
					 err);
	else
		r = err__set(err, -EBADMSG, "the record of node %s, chunk %u: it holds none", node,
			     i);
	json_decref(map);
	return r;
}

static int fetch_node(struct fetching *f, const json_t *have, struct error *err)
{
	const char *node = json_string_value(json_object_get(have, "node"));
	json_int_t n = json_integer_value(json_object_get(have, "chunks"));
	struct record_unpack *u = NULL;
	int r = record_unpack__open(f->dir, node, RECORD_BYTES_MAX, &u, err);

	for (unsigned int i = 0; !r && i < n; i++)
		r = fetch_chunk(f, node, i, u, err);
	if (!r)
		r = record_unpack__end(u, NULL, err);
	record_unpack__free(u);
	return r;
}

/* Whom the status names and what it has of each, as the collector judges it. */
static int judge(const json_t *obj, json_t **ret_have, json_t **ret_missing)
{
	json_t *copy = json_deep_copy(obj);
	int64_t at;

	if (!copy)
		return -ENOMEM;
	json_object_del(json_object_get(copy, "status"), "verdict");
	collect__judge(copy, NULL, 0, INT64_MAX, &at, ret_have, ret_missing);
	json_decref(copy);
	return *ret_have && *ret_missing ? 0 : -ENOMEM;
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wxe");
	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f) ? -EIO : 0;
}

static int render(const char *dir, const json_t *have, const json_t *missing, json_t **ret_summary,
		  struct error *err)
{
	struct collect_render rd = {
		.dir = dir, .node = "chaos run", .have = have, .missing = missing};
	json_t *o = collect__render(&rd);
	const char *why = json_string_value(json_object_get(o, "error"));
	char path[PATH_MAX];
	int r = 0;

	snprintf(path, sizeof(path), "%s/summary.json", dir);
	if (why || !o)
		r = err__set(err, -EIO, "%s", why ? why : "out of memory");
	else if (!(*ret_summary = json_load_file(path, 0, NULL)))
		r = err__set(err, -EIO, "%s cannot be read", path);
	json_decref(o);
	return r;
}

int submit__fetch(struct kube *k, const struct submission *s, const json_t *obj, const char *dir,
		  int wake_fd, json_t **ret_summary, bool *ret_unread, struct error *err)
{
	const char *uid =
		json_string_value(json_object_get(json_object_get(obj, "metadata"), "uid"));
	struct fetching f = {
		.k = k, .ns = s->ns, .uid = uid ? uid : "", .dir = dir, .wake_fd = wake_fd};
	json_t *have = NULL, *missing = NULL;
	int r = judge(obj, &have, &missing);

	if (!r)
		r = write_file(dir, "experiment.yaml", s->text);
	if (r)
		err__set(err, r, "%s: %s", dir, strerror(-r));
	else if (!json_array_size(have))
		r = err__set(err, -ENOENT, "no node has a record of it");
	for (size_t i = 0; !r && i < json_array_size(have);) {
		const json_t *x = json_array_get(have, i);
		struct error why = {0};

		r = fetch_node(&f, x, &why);
		if (r == -EINTR)
			err__set(err, r, "interrupted while its record was fetched");
		i += !r;
		if (!r || r == -EINTR)
			continue;
		r = 0;
		fprintf(stderr, "chaos: %s\n", why.msg);
		json_array_append_new(missing,
				      json_pack("{s:O,s:o}", "node", json_object_get(x, "node"),
						"why", collect__words(256, "", why.msg)));
		json_array_remove(have, i);
	}
	if (!r && !json_array_size(have))
		r = err__set(err, -EIO, "no node's record of it can be read");
	if (!r)
		r = render(dir, have, missing, ret_summary, err);
	*ret_unread = f.unread;
	json_decref(have);
	json_decref(missing);
	return r;
}
