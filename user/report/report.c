// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.c: the files that people read. Each is written beside its name, synced and renamed over
 * it: a full disk or a kill leaves the old file or the new one, never half of one.
 *
 * report.html is one file: head, data, scripts. Names in the data come from users and servers, so
 * the data stands in a script element of type application/json, pure ASCII, with every character
 * that HTML could take notice of as an escape.
 */
#include "report/report.h"

#include "analysis/analysis.h"
#include "lib/cleanup.h"

#include "page_code.h"
#include "page_head.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct bytes {
	const void *p;
	size_t n;
};

static int write_all(int fd, const struct bytes *b)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t r = write(fd, (const char *)b->p + done, b->n - done);

		if (r < 0 && errno != EINTR)
			return -errno;
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

static int write_synced(int dirfd, const char *tmp, const struct bytes *parts, size_t n)
{
	_cleanup_close_ int fd =
		openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n && !r; i++)
		r = write_all(fd, &parts[i]);
	if (!r && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* Replace @name in the folder by @parts, one after the other. */
static int file__replace(int dirfd, const char *dir, const char *name, const struct bytes *parts,
			 size_t n, struct error *err)
{
	char tmp[64];
	int r;

	snprintf(tmp, sizeof(tmp), ".%s.%d.tmp", name, (int)getpid());
	r = write_synced(dirfd, tmp, parts, n);
	if (!r && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (!r)
		return 0;
	unlinkat(dirfd, tmp, 0);
	return err__set(err, r, "%s/%s: cannot be written: %s", dir, name, strerror(-r));
}

static int text__replace(int dirfd, const char *dir, const char *name, const char *text,
			 struct error *err)
{
	struct bytes part = {text, text ? strlen(text) : 0};

	if (!text)
		return err__set(err, -ENOMEM, "%s/%s: no memory", dir, name);
	return file__replace(dirfd, dir, name, &part, 1, err);
}

/*
 * @json as text that may stand in a script element: '<' '>' and '&' occur only within JSON strings,
 * where \u003c is the same character; everything beyond ASCII is escaped already. NULL without
 * memory.
 */
static char *json__for_html(const json_t *json)
{
	_cleanup_free_ char *s = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	size_t special = 0;
	char *out, *o;

	if (!s)
		return NULL;
	for (const char *p = s; *p; p++)
		special += *p == '<' || *p == '>' || *p == '&';
	o = out = malloc(strlen(s) + 5 * special + 1);
	if (!out)
		return NULL;
	for (const char *p = s; *p; p++) {
		if (*p == '<' || *p == '>' || *p == '&')
			o += sprintf(o, "\\u%04x", (unsigned int)*p);
		else
			*o++ = *p;
	}
	*o = '\0';
	return out;
}

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

static int html__write(int dirfd, const char *dir, const struct history *h, json_t *summary,
		       struct error *err)
{
	static const char open[] = "<script id=\"data\" type=\"application/json\">";
	static const char close[] = "</script>\n";
	_cleanup_(cleanup_json) json_t *data =
		json_pack("{s:O, s:o}", "summary", summary, "lanes", analysis__lanes(h, summary));
	_cleanup_free_ char *text = data ? json__for_html(data) : NULL;

	if (!text)
		return err__set(err, -ENOMEM, "%s/report.html: no memory", dir);
	struct bytes parts[] = {
		{page_head, page_head_len}, {open, sizeof(open) - 1},	{text, strlen(text)},
		{close, sizeof(close) - 1}, {page_code, page_code_len},
	};

	return file__replace(dirfd, dir, "report.html", parts, ARRAY_SIZE(parts), err);
}

static int all__write(int dirfd, const char *dir, const struct history *h, json_t *summary,
		      struct error *err)
{
	_cleanup_free_ char *json = json_dumps(summary, JSON_INDENT(2) | JSON_REAL_PRECISION(15)),
			    *csv = NULL, *junit = NULL;
	struct bytes parts[] = {{json, json ? strlen(json) : 0}, {"\n", 1}};
	int r;

	if (!json)
		return err__set(err, -ENOMEM, "%s/summary.json: no memory", dir);
	r = file__replace(dirfd, dir, "summary.json", parts, ARRAY_SIZE(parts), err);
	if (r)
		return r;
	csv = analysis__series_csv(h);
	r = text__replace(dirfd, dir, "series.csv", csv, err);
	if (r)
		return r;
	junit = analysis__junit(h, summary);
	r = text__replace(dirfd, dir, "junit.xml", junit, err);
	return r ? r : html__write(dirfd, dir, h, summary, err);
}

int report__summary(const char *dir, json_t **ret_summary, struct error *err)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	json_t *summary;
	int r;

	r = history__load(dir, &h, err);
	if (r)
		return r;
	summary = analysis__summary(h);
	if (!summary)
		return err__set(err, -ENOMEM, "%s: no memory for the summary", dir);
	*ret_summary = summary;
	return 0;
}

int report__render(const char *dir, json_t **ret_summary, struct error *err)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_(cleanup_json) json_t *summary = NULL;
	_cleanup_close_ int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	r = history__load(dir, &h, err);
	if (r)
		return r;
	if (dirfd < 0)
		return err__set(err, -EIO, "%s: cannot be opened", dir);
	summary = analysis__summary(h);
	if (!summary)
		return err__set(err, -ENOMEM, "%s: no memory for the summary", dir);
	r = all__write(dirfd, dir, h, summary, err);
	if (r)
		return r;
	fsync(dirfd); /* the names; the files themselves are safe */
	if (ret_summary)
		*ret_summary = TAKE_PTR(summary);
	return 0;
}
