/* SPDX-License-Identifier: GPL-2.0-only */
/* watch.h: between the files of `chaos watch`: what is shown, as a page of text or as JSON. */
#ifndef CHAOS_CLI_WATCH_H
#define CHAOS_CLI_WATCH_H

#include "flows/flows.h"

#include <stdio.h>
#include <time.h>

struct watch_view {
	const struct snapshot *s;
	const struct scopes *scopes;
	struct flow_table *t;
	int64_t now_ns; /* CLOCK_MONOTONIC, of the newest snapshot */
	struct timespec wall;
	double seconds;	      /* between the last two snapshots; 0: there is only one */
	double cost_s;	      /* of taking the newest */
	const char *selector; /* NULL: everything */
	const char *note;     /* a line for people, or NULL */
	int64_t every_ns;
	enum flow_order order;
	bool reverse, paused, devices;
	size_t top; /* first row that is shown; watch_page__print() keeps it within the table */
};

struct watch_page {
	size_t width, height; /* 0: no limit */
	bool colour, utf8;
	bool keys; /* say at the bottom which there are */
};

/* Returns how many rows there was room for. */
size_t watch_page__print(const struct watch_page *p, struct watch_view *v, FILE *out);

/* One object. */
json_t *watch__json(const struct watch_view *v);

/* Short forms: "987" "1.2k" "34M"; "340us" "1.2ms" "2.5s". Each returns @buf. */
const char *watch__count(double n, char *buf, size_t size);
const char *watch__time(uint32_t us, char *buf, size_t size);

/* ---- watch_screen.c: the terminal, signals, the clock ---- */

enum watch_event { WATCH_TIME, WATCH_SIZE, WATCH_QUIT, WATCH_KEY };

/* Keys that are no character. */
enum { KEY_UP = 256, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END };

/*
 * Take over signals and, with @full, the terminal, which has its old face again after
 * watch_screen__close() and however else the process ends, but by SIGKILL. 0 or negative errno.
 */
int watch_screen__open(bool full);
void watch_screen__close(void);
void watch_screen__size(size_t *ret_width, size_t *ret_height);
/* Show @text, a page of lines, in place of the one before. Negative errno: the terminal is gone. */
int watch_screen__show(const char *text);
/* Until the CLOCK_MONOTONIC instant @until_ns, or something else happens. */
enum watch_event watch_screen__wait(int64_t until_ns, int *ret_key);

#endif
