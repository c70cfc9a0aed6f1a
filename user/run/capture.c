// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture.c: capture.pcapng of a run: the packets at the hooks of the chosen endpoints, each with
 * what was decided of it as its comment. Drained in the loop of the run; what a stall of that loop
 * lets overflow is counted and said.
 */
#include "run/internal.h"

#include "datapath/capture.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "recorder/pcapng.h"

#include <stdio.h>
#include <string.h>

#define COMMENT 400

/* An interface of the file. */
struct seen {
	uint32_t netns, ifindex, number;
	bool raw, chosen;
};

struct capture {
	struct run *run;
	struct dp_capture *ring;
	struct pcapng *file;
	int64_t realtime_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	struct seen *seen;
	size_t n_seen;
	bool failed;
};

static bool is_chosen(const struct capture_options *o, const char *node)
{
	for (size_t i = 0; i < o->n_endpoints; i++)
		if (node && !strcmp(o->endpoints[i], node))
			return true;
	return !o->n_endpoints;
}

static struct seen *interface_of(struct capture *c, const struct chaos_captured *x,
				 const char *node, const char *ifname)
{
	const struct capture_options *o = &c->run->e->capture;
	struct seen s = {x->netns, x->ifindex, 0, x->raw, is_chosen(o, node)}, *v;
	char name[160];

	for (size_t i = 0; i < c->n_seen; i++)
		if (c->seen[i].netns == x->netns && c->seen[i].ifindex == x->ifindex &&
		    c->seen[i].raw == s.raw)
			return &c->seen[i];
	v = reallocarray(c->seen, c->n_seen + 1, sizeof(*v));
	if (!v)
		return NULL;
	c->seen = v;
	if (node)
		snprintf(name, sizeof(name), "%s/%s", node, ifname);
	else
		snprintf(name, sizeof(name), "ifindex %u", x->ifindex);
	if (s.chosen && pcapng__interface(c->file, name, s.raw ? PCAPNG_RAW : PCAPNG_ETHERNET,
					  o->snaplen, &s.number))
		return NULL;
	v[c->n_seen] = s;
	return &v[c->n_seen++];
}

__attribute__((format(printf, 3, 4))) static void say(char *buf, size_t *n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf + *n, COMMENT - *n, fmt, ap);
	va_end(ap);
	if (len > 0)
		*n += (size_t)len < COMMENT - *n ? (size_t)len : COMMENT - *n - 1;
}

/* "fault cut: dropped"; "" if nothing was done. */
static void comment(const struct run *run, const struct chaos_captured *x, char *buf)
{
	static const struct {
		enum chaos_captured_flags flag;
		const char *words;
	} table[] = {
		{CHAOS_CAPTURED_DROPPED, "dropped"},
		{CHAOS_CAPTURED_RESET, "reset by RST"},
		{CHAOS_CAPTURED_REJECTED, "rejected by ICMP"},
		{CHAOS_CAPTURED_DUPLICATED, "duplicated"},
		{CHAOS_CAPTURED_COPY, "this is the duplicate"},
		{CHAOS_CAPTURED_CORRUPTED, "corrupted"},
		{CHAOS_CAPTURED_MARKED, "marked CE"},
	};
	size_t n = 0, named = 0, done = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < run->e->n_faults && i < 64; i++)
		if (x->faults >> i & 1)
			say(buf, &n, "%s%s", named++ ? ", " : "fault ", run->e->faults[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (x->flags & table[i].flag)
			say(buf, &n, "%s%s", done++ ? ", " : named ? ": " : "", table[i].words);
	if (x->flags & CHAOS_CAPTURED_DELAYED)
		say(buf, &n, "%sdelayed by %.3f ms",
		    done++  ? ", "
		    : named ? ": "
			    : "",
		    (double)x->delay_ns / NS_PER_MS);
	if (*buf && x->segs > 1)
		say(buf, &n, " (%u wire packets)", x->segs);
}

static int take(void *arg, const struct chaos_captured *x, const char *node, const char *ifname)
{
	struct capture *c = arg;
	const struct seen *s = c->failed ? NULL : interface_of(c, x, node, ifname);
	char words[COMMENT];
	struct pcapng_packet p = {
		.realtime_ns = (int64_t)x->ts_ns + c->realtime_ns,
		.wire_len = x->wire_len,
		.len = x->len,
		.data = x->data,
		.inbound = x->direction == CHAOS_INGRESS,
	};

	if (!s || !s->chosen)
		return 0;
	comment(c->run, x, words);
	p.interface = s->number;
	p.comment = *words ? words : NULL;
	c->failed = pcapng__packet(c->file, &p) < 0;
	return 0; /* the ring is emptied whatever becomes of the file */
}

static void free_capture(struct capture *c)
{
	dp_capture__close(c->ring);
	free(c->seen);
	free(c);
}

int capture__open(struct run *run, struct error *err)
{
	_cleanup_free_ char *path = NULL, *words = NULL;
	struct capture *c;
	int r;

	if (!run->plan->dp.capture_snaplen || !run->dir)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c || asprintf(&path, "%s/capture.pcapng", run->dir) < 0 ||
	    asprintf(&words, "%s, run %s; comments say what the faults did to a packet",
		     run->e->name, run->id) < 0) {
		free(c);
		return err__set(err, -ENOMEM, "out of memory");
	}
	c->run = run;
	c->realtime_ns = clock__realtime() - clock__now();
	r = dp_capture__open(run->dp, take, c, &c->ring, err);
	r = r ? r
	      : pcapng__open(path, (uint64_t)run->e->capture.max.from, "chaos", words, &c->file,
			     err);
	if (r) {
		free_capture(c);
		return r;
	}
	run->capture = c;
	return 0;
}

void capture__drain(struct run *run)
{
	if (run->capture)
		dp_capture__drain(run->capture->ring);
}

void capture__close(struct run *run)
{
	struct capture *c = run->capture;
	struct pcapng_counts n;
	uint64_t lost;
	int r;

	if (!c)
		return;
	run->capture = NULL;
	dp_capture__drain(c->ring);
	lost = dp_capture__lost(c->ring);
	n = pcapng__counts(c->file);
	r = pcapng__close(c->file, lost, clock__realtime());
	if (r)
		run__note(run, "error", "capture.pcapng ends early: %s", strerror(-r));
	if (n.no_room)
		run__note(
			run, "warning",
			"capture.pcapng is full: %llu packets are written, %llu after them are not",
			(unsigned long long)n.packets, (unsigned long long)n.no_room);
	if (lost)
		run__note(run, "warning",
			  "%llu packets are missing in capture.pcapng: they came too fast",
			  (unsigned long long)lost);
	free_capture(c);
}
