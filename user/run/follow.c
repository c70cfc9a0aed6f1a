// SPDX-License-Identifier: GPL-2.0-only
#include "run/follow.h"

#include "run/hosts.h"
#include "run/internal.h"
#include "run/members.h"
#include "run/relevant.h"

#include <string.h>

enum {
	NEWS_EVENTS_MAX = 64, /* of one look, in the record */
	NEWS_WORDS_MAX = 4,   /* of one look and endpoint, for people */
};

struct follow {
	struct run *run;
	struct select *select;
	struct watch *watch; /* NULL: only names are followed */
	int64_t listen_ns;   /* CLOCK_MONOTONIC: events wait until then */
	int64_t free_ns;     /* no look before */
	int64_t every_ns;    /* of the next look in any case */
	bool wanted;	     /* something happened */
	bool warned;	     /* of looks that fail: once */
	bool pending;	     /* the data plane has yet to be told of a change */
};

int follow__open(struct run *run, struct follow **ret, struct error *err)
{
	struct select *sel = run->plan->select;
	struct follow *f;
	int r;

	*ret = NULL;
	if (!sel->follows)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err__set(err, -ENOMEM, "out of memory");
	*f = (struct follow){.run = run, .select = sel, .wanted = true};
	r = watch__open(&sel->snapshot, &f->watch);
	if (r) {
		free(f);
		return err__set(err, r, "cannot watch what comes and goes: %s", strerror(-r));
	}
	*ret = f;
	return 0;
}

void follow__close(struct follow *f)
{
	if (!f)
		return;
	watch__close(f->watch);
	free(f);
}

int follow__watch_fd(const struct follow *f)
{
	return f && clock__now() >= f->listen_ns ? watch__fd(f->watch) : -1;
}

int follow__hosts_fd(const struct follow *f)
{
	return f && f->select->hosts ? hosts__fd(f->select->hosts) : -1;
}

int follow__members_fd(const struct follow *f)
{
	return f && f->select->members ? members__fd(f->select->members) : -1;
}

int64_t follow__next(const struct follow *f)
{
	int64_t next, now;

	if (!f)
		return INT64_MAX;
	now = clock__now();
	next = f->every_ns;
	if (f->wanted && f->free_ns < next)
		next = f->free_ns;
	if (f->listen_ns > now && f->listen_ns < next)
		next = f->listen_ns;
	return next;
}

/* ---- news ---- */

struct teller {
	struct follow *f;
	size_t endpoint;
	size_t events; /* of this look */
	size_t joined, left;
	char words[2][256]; /* left, joined */
};

/*
 * How many bytes at @s are not to be printed: control characters of ASCII and of Latin-1, what turns the direction
 * of all text behind it, and where not all of it is @utf8 whatever is no ASCII.
 */
static size_t unprintable(const unsigned char *s, bool utf8)
{
	if (*s < 0x20 || *s == 0x7f || (*s >= 0x80 && !utf8))
		return 1;
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return 2;
	if (s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
			     (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)))
		return 3;
	return 0;
}

/* A process may call itself anything. */
static void make_printable(char *text)
{
	json_t *valid = json_string(text);
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t n = unprintable(s, valid != NULL);

		memset(s, '?', n);
		s += n ? n : 1;
	}
	json_decref(valid);
}

static void say_endpoint(struct teller *t)
{
	struct run *run = t->f->run;

	for (int joined = 0; joined <= 1; joined++) {
		size_t n = joined ? t->joined : t->left;
		char more[32] = "";

		if (!n)
			continue;
		if (n > NEWS_WORDS_MAX)
			snprintf(more, sizeof(more), " and %zu more", n - NEWS_WORDS_MAX);
		run__say(run, run__now(run), "%s: %s%s %s", run->e->endpoints[t->endpoint].name,
			 t->words[joined], more, joined ? "joined" : "left");
	}
	t->joined = t->left = 0;
	t->words[0][0] = t->words[1][0] = 0;
}

static void tell(void *arg, const struct select_news *news)
{
	struct teller *t = arg;
	struct run *run = t->f->run;
	char *words = t->words[news->joined];
	size_t *n = news->joined ? &t->joined : &t->left, len;
	char what[sizeof(news->what)];
	json_t *event;

	if (news->endpoint != t->endpoint)
		say_endpoint(t);
	t->endpoint = news->endpoint;
	snprintf(what, sizeof(what), "%s", news->what);
	make_printable(what);
	if ((*n)++ < NEWS_WORDS_MAX) {
		len = strlen(words);
		snprintf(words + len, sizeof(t->words[0]) - len,
			 news->pid ? "%s%.40s %d" : "%s%.40s", *n > 1 ? ", " : "", what, news->pid);
	}
	if (t->events++ >= NEWS_EVENTS_MAX)
		return;
	event = json_pack("{s:s,s:s,s:s}", "endpoint", run->e->endpoints[news->endpoint].name,
			  "event", news->joined ? "joined" : "left", "what", what);
	if (news->pid)
		json_object_set_new(event, "pid", json_integer(news->pid));
	run__record(run, "member", run__now(run), event);
}

/* ---- looking ---- */

static void warn_once(struct follow *f, const struct error *err)
{
	if (!f->warned)
		run__note(f->run, "warning", "cannot look for what comes and goes: %s", err->msg);
	f->warned = true;
}

/* One that is half-written or wrong is said once, and what was read before stands. False: it has not changed. */
static bool reload_members(struct follow *f)
{
	struct error err = {0};
	bool changed = false;

	if (select__reload(f->select, &changed, &err))
		run__note(f->run, "warning", "%s; the members before it stand", err.msg);
	return changed;
}

/* @anew: in what is there now, else in what was there at the last look. */
static int match_again(struct follow *f, bool anew, bool *ret_changed, struct error *err)
{
	struct teller t = {.f = f};
	struct snapshot s = {0};
	int r = 0;

	anew &= f->select->needs_snapshot;
	if (anew) {
		f->run->plan->dp.as_of_ns = (uint64_t)clock__now();
		r = snapshot__take(f->select->snapshot.root, &s, err);
	}
	if (!r)
		r = select__update(f->select, anew ? &s : NULL, tell, &t, ret_changed, err);
	say_endpoint(&t);
	if (t.events > NEWS_EVENTS_MAX)
		run__note(f->run, "info", "%zu more joined or left", t.events - NEWS_EVENTS_MAX);
	return r;
}

/* Namespaces that were left are the data plane's until it has left them too. */
static void tell_data_plane(struct follow *f)
{
	struct error err = {0};
	int r = dataplane__resync(f->run->dp, true, &err);

	if (r < 0 || err.msg[0])
		run__note(f->run, "warning", "%s", err.msg);
	publish__scope(f->run);
	f->pending = r < 0;
	if (!f->pending)
		select__settle(f->select);
}

/* Both the file and what names come to may have changed. */
static void exempt_node(struct follow *f)
{
	struct plan *p = f->run->plan;
	int r = exempt__node(&p->node_exempts, &p->dp, f->run->dp, f->select->members);

	if (r)
		run__note(f->run, "warning", "cannot exempt this node's addresses: %s",
			  strerror(-r));
}

/* Of this thread, in ns: what a look costs the others, however long it had to wait for a processor. */
static int64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return timespec_ns(&ts);
}

static int look(struct follow *f, struct error *err)
{
	int64_t began = cpu_time(), cost, rest, every = FOLLOW_EVERY_MS * NS_PER_MS;
	bool changed = false;
	int r;

	reload_members(f);
	r = match_again(f, true, &changed, err);
	if (!r)
		f->warned = false;
	else if (r != -EINVAL)
		warn_once(f, err);
	if (changed || run_places__are_new(f->run))
		observe__follow(f->run);
	if (changed || f->pending)
		tell_data_plane(f);
	if (f->select->members)
		exempt_node(f);
	cost = cpu_time() - began;
	if (cost * FOLLOW_EVERY_COSTS > every)
		every = cost * FOLLOW_EVERY_COSTS;
	rest = cost * FOLLOW_APART_COSTS;
	if (rest < FOLLOW_APART_MS * NS_PER_MS)
		rest = FOLLOW_APART_MS * NS_PER_MS;
	if (rest > FOLLOW_APART_MAX_MS * NS_PER_MS)
		rest = FOLLOW_APART_MAX_MS * NS_PER_MS;
	f->wanted = false;
	f->free_ns = clock__now() + rest;
	f->every_ns = clock__now() + every;
	return r == -EINVAL ? r : 0;
}

/*
 * What the members' file says is acted on at once: most of it are addresses, and pods that run before they are told of.
 * Only for one that was not seen yet is there a look at the machine.
 */
static int look_at_members(struct follow *f, struct error *err)
{
	bool changed = false;
	int r;

	if (!reload_members(f))
		return 0;
	r = match_again(f, false, &changed, err);
	if (changed)
		observe__follow(f->run);
	if (changed || f->pending)
		tell_data_plane(f);
	exempt_node(f);
	f->wanted |= f->select->n_missing > 0;
	if (r && r != -EINVAL)
		warn_once(f, err);
	return r == -EINVAL ? r : 0;
}

static void hear(struct follow *f, int64_t now)
{
	struct changes c = {0};
	struct error err = {0};
	int r = watch__read(f->watch, &c);

	f->listen_ns = now + FOLLOW_APART_MS * NS_PER_MS;
	if (r)
		err__set(&err, r, "%s", strerror(-r));
	if (r)
		warn_once(f, &err);
	else if (!f->wanted)
		f->wanted = relevant__changes(f->select, &c);
	changes__reset(&c);
}

int follow__tick(struct follow *f, struct error *err)
{
	int64_t now = clock__now();
	int r;

	if (!f)
		return 0;
	if (now >= f->listen_ns)
		hear(f, now);
	if (f->select->hosts && hosts__drain(f->select->hosts))
		f->wanted = true;
	if (f->select->members && members__drain(f->select->members)) {
		r = look_at_members(f, err);
		if (r)
			return r;
	}
	if ((f->wanted && now >= f->free_ns) || now >= f->every_ns)
		return look(f, err);
	return 0;
}
