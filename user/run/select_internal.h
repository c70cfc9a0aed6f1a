/* SPDX-License-Identifier: GPL-2.0-only */
/* select_internal.h: between select.c and select_find.c. */
#ifndef CHAOS_SELECT_INTERNAL_H
#define CHAOS_SELECT_INTERNAL_H

#include "run/members.h"
#include "run/select.h"

/* What a selector matches at one moment: a member without its names. */
struct fresh {
	struct dp_member m;
	struct discover_match match;
};

const struct selector *selected__selector(const struct select *sel, const struct selected *x);

/* Its pods are told by the members' file. */
bool selected__is_told(const struct select *sel, const struct selected *x);

/* What the file's pods of @x come to in @s. */
int members__find(struct select *sel, const struct selected *x, const struct snapshot *s,
		  struct dp_member *ret, struct error *err);
/* Tell how @now differs from @was; false: not at all. */
bool members__compare(const struct dp_member *was, const struct dp_member *now, size_t endpoint,
		      select_news_fn *tell, void *arg);

/* Whether it takes a look at the processes of the machine, not just at names. */
bool selector__wants_snapshot(const struct selector *s);

/*
 * What @x matches in @s. At the @start a selector that matches nothing is -EINVAL with words; later it has gone,
 * and may come back. -ENOMEM, -EMFILE, -EACCES...: it could not be looked.
 */
int fresh__find(struct select *sel, const struct selected *x, const struct snapshot *s, bool start,
		struct fresh *ret, struct error *err);

/* Free all but the names. */
void fresh__empty(struct dp_member *m);

/* Tell how @now, of @s, differs from what @x is; false: not at all. */
bool fresh__compare(const struct select *sel, const struct selected *x, const struct snapshot *s,
		    const struct fresh *now, select_news_fn *tell, void *arg);

/* Take over @fd; returns the one that stands for its namespace. */
int select__keep_fd(struct select *sel, int fd);
int select__netns_fd(struct select *sel, const struct snapshot *s, uint32_t netns);

#endif
