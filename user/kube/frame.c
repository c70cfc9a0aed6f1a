// SPDX-License-Identifier: GPL-2.0-only
#include "kube/frame.h"
#include "kube/kube.h"

#include "lib/cleanup.h"

#include <string.h>

#define ROOM_MIN 4096

void frame__init(struct frame *f, enum frame_kind kind, size_t object_max, uint64_t bytes_max)
{
	*f = (struct frame){
		.kind = kind,
		.object.max = object_max,
		.rest.max = object_max,
		.bytes_max = bytes_max,
	};
}

void frame__reset(struct frame *f)
{
	free(f->object.text);
	free(f->rest.text);
	*f = (struct frame){0};
}

static int append(struct frame_text *t, const char *data, size_t n)
{
	if (n > t->max - t->len)
		return -EMSGSIZE;
	if (t->len + n > t->cap) {
		size_t cap = t->cap * 2 > t->len + n ? t->cap * 2 : t->len + n;
		char *text;

		cap = cap < ROOM_MIN ? ROOM_MIN : cap;
		text = realloc(t->text, cap);
		if (!text)
			return -ENOMEM;
		t->text = text;
		t->cap = cap;
	}
	memcpy(t->text + t->len, data, n);
	t->len += n;
	return 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* At which depth objects that are cut out begin. */
static bool begins_object(const struct frame *f)
{
	return f->kind == FRAME_STREAM ? f->depth == 0 : f->in_items && f->depth == 2;
}

/* A string of the rest begins or ends at @f->rest.len; is it the key "items"? */
static void note_string(struct frame *f, bool begins)
{
	static const char items[] = "\"items";
	const char *s;

	if (f->in_object || f->depth != 1 || f->kind != FRAME_LIST)
		return;
	if (begins) {
		f->string_from = f->rest.len;
		return;
	}
	s = f->rest.text + f->string_from;
	f->at_items =
		f->rest.len - f->string_from == strlen(items) && !memcmp(s, items, strlen(items));
}

static int open_bracket(struct frame *f, char c)
{
	if (!f->in_object && f->depth == 0 && (c != '{' || f->complete))
		return -EPROTO;
	if (!f->in_object && c == '{' && begins_object(f)) {
		f->in_object = true;
		f->base = f->depth;
		f->object.len = 0;
	}
	if (f->kind == FRAME_LIST && !f->in_object && f->depth == 1 && c == '[' && f->at_items)
		f->in_items = true;
	return ++f->depth > KUBE_DEPTH_MAX ? -EMSGSIZE : 0;
}

static int close_bracket(struct frame *f)
{
	if (!f->depth)
		return -EPROTO;
	f->depth--;
	if (f->in_items && f->depth == 1)
		f->in_items = f->at_items = false;
	if (f->kind == FRAME_LIST && !f->depth)
		f->complete = true;
	return 0;
}

/* What @c means, before it is kept. */
static int look(struct frame *f, char c)
{
	if (f->in_string) {
		if (!f->escaped && c == '"') {
			f->in_string = false;
			note_string(f, false);
		}
		f->escaped = !f->escaped && c == '\\';
		return 0;
	}
	if (c == '"') {
		f->in_string = true;
		note_string(f, true);
		return f->depth ? 0 : -EPROTO;
	}
	if (c == '{' || c == '[')
		return open_bracket(f, c);
	if (c == '}' || c == ']')
		return close_bracket(f);
	return f->depth || blank(c) ? 0 : -EPROTO;
}

/* Commas between objects that were cut out go with them. */
static bool belongs_to_rest(const struct frame *f, char c)
{
	return f->kind == FRAME_LIST && !(f->in_items && f->depth == 2 && (c == ',' || blank(c)));
}

static int feed_one(struct frame *f, char c, frame_fn *fn, void *arg)
{
	bool was_object = f->in_object;
	int r = look(f, c);

	if (r)
		return r;
	if (was_object || f->in_object) {
		r = append(&f->object, &c, 1);
		if (r || f->in_string || f->depth != f->base || (c != '}' && c != ']'))
			return r;
		f->in_object = false;
		return fn(arg, f->object.text, f->object.len);
	}
	return belongs_to_rest(f, c) ? append(&f->rest, &c, 1) : 0;
}

/* How many bytes of @data change nothing but the object's length: most of them. */
static size_t plain_run(const struct frame *f, const char *data, size_t n)
{
	size_t i = 0;

	if (!f->in_object || f->escaped)
		return 0;
	if (f->in_string) {
		while (i < n && data[i] != '"' && data[i] != '\\')
			i++;
	} else {
		while (i < n && data[i] != '"' && data[i] != '{' && data[i] != '[' &&
		       data[i] != '}' && data[i] != ']')
			i++;
	}
	return i;
}

int frame__feed(struct frame *f, const char *data, size_t n, frame_fn *fn, void *arg)
{
	f->bytes += n;
	if (f->bytes > f->bytes_max)
		return -EMSGSIZE;
	while (n) {
		size_t run = plain_run(f, data, n);
		int r = run ? append(&f->object, data, run) : feed_one(f, *data, fn, arg);

		if (r)
			return r;
		run = run ? run : 1;
		data += run;
		n -= run;
	}
	return 0;
}

bool frame__partial(const struct frame *f)
{
	return f->depth > 0;
}
