/* SPDX-License-Identifier: GPL-2.0-only */
/* scene.h: a folder with the records of several nodes, and what they come to. */
#ifndef CHAOS_TESTS_SCENE_H
#define CHAOS_TESTS_SCENE_H

#include "report/merge.h"
#include "unit/analysis/events.h"

#include <sys/stat.h>

#define FILES_MAX 8

struct scene {
	char dir[64];
	char *paths[FILES_MAX];
	size_t n;
	char *out;
	struct error err;
};

static inline void scene__open(struct scene *s)
{
	*s = (struct scene){0};
	snprintf(s->dir, sizeof(s->dir), "/tmp/test_merge.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_true(asprintf(&s->out, "%s/events.jsonl", s->dir) > 0);
}

static inline void scene__close(struct scene *s)
{
	for (size_t i = 0; i < s->n; i++) {
		unlink(s->paths[i]);
		free(s->paths[i]);
	}
	unlink(s->out);
	free(s->out);
	assert_int_equal(rmdir(s->dir), 0); /* nothing else was left there */
}

/* The first @len bytes of what was written become a file of its own. */
static inline void scene__bytes(struct scene *s, const char *text, size_t len)
{
	_cleanup_fclose_ FILE *f = NULL;

	assert_true(s->n < FILES_MAX);
	assert_true(asprintf(&s->paths[s->n], "%s/%zu.jsonl", s->dir, s->n) > 0);
	f = fopen(s->paths[s->n], "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	s->n++;
}

/* What was written becomes a file, and ends. */
static inline void scene__take(struct scene *s, struct events *e)
{
	fclose(e->f);
	scene__bytes(s, e->text, e->len);
	free(e->text);
}

static inline struct history *scene__merge(struct scene *s)
{
	struct history *h = NULL;

	if (record__merge((const char *const *)s->paths, s->n, s->out, &s->err))
		fail_msg("%s", s->err.msg);
	if (history__load(s->dir, &h, &s->err))
		fail_msg("%s", s->err.msg);
	return h;
}

/* The record of @node begins. @more: members of its run event, with a comma before the first. */
static inline void run_of(struct events *e, const char *node, const char *more)
{
	ev__open(e);
	ev__line(e,
		 "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"test\",\"seed\":42,"
		 "\"node\":\"%s\","
		 "\"kernel\":\"6.18\",\"duration_ns\":30000" MS_JSON
		 ",\"traffic_bin_ns\":100" MS_JSON
		 ",\"mechanism\":\"tcx\",\"nodes\":[\"n1\",\"n2\",\"n3\"],\"faults\":[" CUT
		 "],\"resources\":[" ROLES "],\"workloads\":[" CLIENTS "],\"expect\":[]%s}",
		 node, more);
}

static inline const char *note_with(const struct history *h, const char *word)
{
	for (size_t i = 0; i < h->n_notes; i++)
		if (strstr(h->notes[i].text, word))
			return h->notes[i].text;
	return NULL;
}

#endif
