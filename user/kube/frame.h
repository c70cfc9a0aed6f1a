/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h: a stream of bytes, which come in pieces of any size, cut into JSON objects, so that no more than one is in
 * memory. Only strings and brackets are looked at: what is cut out still has to be parsed. Pure.
 */
#ifndef CHAOS_KUBE_FRAME_H
#define CHAOS_KUBE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_kind {
	FRAME_STREAM, /* one object after the other, white space between them: a watch */
	FRAME_LIST, /* one object; those in its array "items" are cut out, the rest is the frame's `rest` */
};

struct frame_text {
	char *text; /* not terminated */
	size_t len, cap, max;
};

struct frame {
	enum frame_kind kind;
	unsigned int depth;
	unsigned int base; /* depth of the object that is being cut out, when in_object */
	bool in_object, in_string, escaped;
	bool in_items;	    /* directly in the array "items" or deeper */
	bool at_items;	    /* the last string at depth 1 was "items" */
	bool complete;	    /* FRAME_LIST: its last } has come */
	size_t string_from; /* in rest: where the last string at depth 1 began */
	struct frame_text object, rest;
	uint64_t bytes, bytes_max;
};

/* @object_max bounds one object and the rest of a list, @bytes_max the whole stream; bytes. */
void frame__init(struct frame *f, enum frame_kind kind, size_t object_max, uint64_t bytes_max);
void frame__reset(struct frame *f);

/* @text is not terminated. What is not 0 ends the feeding. */
typedef int frame_fn(void *arg, const char *text, size_t len);

/*
 * Go on with @n bytes and call @fn for each object that they complete. -EPROTO: this can be no JSON as expected;
 * -EMSGSIZE: beyond the bounds; -ENOMEM; or what @fn returned. The frame is of no more use then.
 */
int frame__feed(struct frame *f, const char *data, size_t n, frame_fn *fn, void *arg);

/* Something has begun that has not ended. */
bool frame__partial(const struct frame *f);

#endif
