/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * told.h: what a watch makes of the server's JSON, whoever brings it: which objects were told, so that each that vanishes is
 * taken back once. Pure.
 */
#ifndef CHAOS_KUBE_TOLD_H
#define CHAOS_KUBE_TOLD_H

#include "kube/frame.h"
#include "kube/kube.h"

struct told {
	json_t *known;	/* "namespace/name" of what was told and not taken back: uid, or null */
	json_t *listed; /* of the list that is being read: true; NULL: none is */
	void (*tell)(void *arg, enum kube_event ev, const json_t *obj, const char *words);
	void *arg;
};

void told__reset(struct told *t);

/* 0, -ENOMEM. A list that was begun is gone on with. */
int told__begin_list(struct told *t);
/* An object of the list: told. -EPROTO: it is none; -ENOMEM. */
int told__item(struct told *t, const char *text, size_t len);
/* It is complete: what it lacks is told as gone. */
int told__end_list(struct told *t);
void told__drop_list(struct told *t);

/*
 * A page has been read: the `continue` of the next one or, of the last one, the list's resourceVersion; to be freed.
 * -EPROTO: it is not complete, or no list.
 */
int told__end_page(const struct frame *page, char **ret_more, char **ret_version);

struct told_event {
	int error;	 /* code of an ERROR event; 0: another event, and told */
	char words[200]; /* of the error */
	char *version;	 /* to go on from, to be freed; NULL: an event that we do not know */
};

/* An event of the stream. -EPROTO: it is none; -ENOMEM. */
int told__event(struct told *t, const char *text, size_t len, struct told_event *ret);

#endif
