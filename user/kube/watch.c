// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch.c: list, then watch, and again from where it is after whatever happens to the connection.
 */
#include "kube/internal.h"
#include "kube/told.h"

#include "lib/cleanup.h"

#include <ctype.h>
#include <string.h>

#define PAGE_LIMIT_NS (60 * NS_PER_S)
#define ANSWER_LIMIT_NS (30 * NS_PER_S)
#define STREAM_S_MIN 240
#define STREAM_S_MAX 360
#define STREAM_MARGIN_S 15
#define SLOW_MIN_NS (5 * NS_PER_S)
#define SLOW_MAX_NS (10 * NS_PER_S)
#define USEFUL_NS (1 * NS_PER_S) /* a stream that lived so long was one */
#define USELESS_MAX 3		 /* streams in a row before contact counts as lost */
#define BAD_MAX 2		 /* streams with garbage in a row before the list is read again */

struct kube_watch {
	struct kube *k;
	struct kube_watch *next;
	char *path, *selectors; /* selectors: "&fieldSelector=..." */
	unsigned int page, timeout_s;
	kube_event_fn *event;
	void *arg;

	struct told told;
	uint64_t list_bytes;
	char *more;    /* `continue` of the next page */
	char *version; /* to watch from; NULL: list */

	struct transfer *t; /* what is under way */
	struct frame frame;
	int64_t due_ns;
	int64_t began_ns;	   /* of the stream: when it was accepted; 0: not yet */
	unsigned int events;	   /* in this stream */
	unsigned int useless, bad; /* streams in a row */
	int error_code;		   /* of an ERROR event; 0: none */
	struct backoff backoff;

	bool ended, synced, lost;
	char words[256];       /* of the last LOST */
	char error_words[200]; /* of an ERROR event */
};

/* --- telling -------------------------------------------------------------------------------------- */

static void tell(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct kube_watch *w = arg;

	if (!w->ended)
		w->event(w->arg, ev, obj, words);
}

static void tell_synced(struct kube_watch *w)
{
	w->lost = false;
	w->synced = true;
	*w->words = '\0';
	tell(w, KUBE_SYNCED, NULL, NULL);
}

/* The same words but for figures, such as how many milliseconds were waited. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		while (isdigit((unsigned char)*a))
			a++;
		while (isdigit((unsigned char)*b))
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

static void tell_lost(struct kube_watch *w, const char *words)
{
	if (w->lost && same_words(w->words, words))
		return;
	snprintf(w->words, sizeof(w->words), "%s", words);
	w->lost = true;
	w->synced = false;
	tell(w, KUBE_LOST, NULL, w->words);
}

/* --- when to go on -------------------------------------------------------------------------------- */

static void go_on(struct kube_watch *w, int64_t delay_ns)
{
	w->due_ns = clock__now() + delay_ns;
}

/* Forget the version: the next thing is a list from its beginning. */
static void list_anew(struct kube_watch *w)
{
	free(w->version);
	free(w->more);
	w->version = w->more = NULL;
	told__drop_list(&w->told);
}

static void failed(struct kube_watch *w, const struct transfer *t, const char *words)
{
	struct error err;
	int64_t delay = backoff__next(&w->backoff);

	if (t->status == 401)
		kube__credentials(w->k, true, &err);
	if (t->status == 401 || t->status == 403 || t->status == 404)
		delay = backoff__between(&w->backoff, SLOW_MIN_NS, SLOW_MAX_NS);
	if (t->retry_after_ns > delay)
		delay = t->retry_after_ns;
	go_on(w, delay);
	tell_lost(w, words);
}

/* --- the list ------------------------------------------------------------------------------------- */

static int on_item(void *arg, const char *text, size_t len)
{
	struct kube_watch *w = arg;
	int r = told__item(&w->told, text, len);

	return r ? r : w->ended ? -ECANCELED : 0;
}

static int took_page(struct transfer *t, const char *data, size_t n)
{
	struct kube_watch *w = t->owner;

	return frame__feed(&w->frame, data, n, on_item, w);
}

/* The page is whole: what comes now, another one or the stream. */
static int end_page(struct kube_watch *w)
{
	int r;

	free(w->more);
	w->more = NULL;
	r = told__end_page(&w->frame, &w->more, &w->version);
	if (r || w->more)
		return r;
	backoff__ease(&w->backoff);
	r = told__end_list(&w->told);
	if (!r && !w->ended)
		tell_synced(w);
	return r;
}

static void page_done(struct transfer *t, CURLcode code)
{
	struct kube_watch *w = t->owner;
	char words[200], line[256];
	json_t *body = NULL;
	bool had_more = w->more;
	int r = 0;

	w->t = NULL;
	transfer__words(t, code, &body, words, sizeof(words));
	json_decref(body);
	if (!*words && t->status == 200) {
		w->list_bytes += w->frame.bytes;
		r = end_page(w);
		if (!r)
			return go_on(w, 0);
		snprintf(words, sizeof(words), "%s",
			 r == -EPROTO ? "the answer is no list, or cut" : strerror(-r));
		/* The next page is lost; what this list has had until now may vanish before it is read again. */
		list_anew(w);
	}
	if (t->status == 410) {
		list_anew(w);
		/* The list outlived its snapshot: nothing is wrong with the contact. */
		if (had_more)
			return go_on(w, backoff__next(&w->backoff));
	}
	snprintf(line, sizeof(line), "list %s: %s", w->path, words);
	failed(w, t, line);
}

/* --- the stream ----------------------------------------------------------------------------------- */

static int on_event(void *arg, const char *text, size_t len)
{
	struct kube_watch *w = arg;
	struct told_event ev = {0};
	int r = told__event(&w->told, text, len, &ev);

	if (r)
		return r;
	if (ev.error) {
		w->error_code = ev.error;
		snprintf(w->error_words, sizeof(w->error_words), "%s", ev.words);
		return -ECANCELED;
	}
	if (ev.version) {
		free(w->version);
		w->version = ev.version;
	}
	w->events++;
	w->useless = w->bad = 0;
	if (w->lost && !w->ended)
		tell_synced(w);
	return w->ended ? -ECANCELED : 0;
}

static int took_events(struct transfer *t, const char *data, size_t n)
{
	struct kube_watch *w = t->owner;

	return frame__feed(&w->frame, data, n, on_event, w);
}

static void stream_begins(struct transfer *t)
{
	struct kube_watch *w = t->owner;

	if (t->status != 200)
		return;
	w->began_ns = clock__now();
	/* A server that takes and drops each stream is not back before it has said something. */
	if (w->lost && w->useless < USELESS_MAX && !w->bad)
		tell_synced(w);
}

static bool useful(const struct kube_watch *w)
{
	return w->events || (w->began_ns && clock__now() - w->began_ns >= USEFUL_NS);
}

/* A 200 has ended, by itself or not. */
static void stream_ended(struct kube_watch *w, const struct transfer *t, const char *line)
{
	if (useful(w)) {
		w->useless = 0;
		return go_on(w, 0);
	}
	if (++w->useless < USELESS_MAX)
		return go_on(w, backoff__next(&w->backoff));
	failed(w, t, line);
}

static void stream_done(struct transfer *t, CURLcode code)
{
	struct kube_watch *w = t->owner;
	char words[200], line[256];
	json_t *body = NULL;

	w->t = NULL;
	if (useful(w))
		backoff__reset(&w->backoff);
	transfer__words(t, code, &body, words, sizeof(words));
	json_decref(body);
	snprintf(line, sizeof(line), "watch %s: %s", w->path,
		 w->error_code ? w->error_words
		 : *words      ? words
			       : "the server ends each stream at once");
	if (t->status == 410 || w->error_code)
		list_anew(w);
	/* The version is older than what the server remembers: nothing is wrong with the contact. */
	if (t->status == 410 || w->error_code == 410)
		return go_on(w, backoff__next(&w->backoff));
	if (w->error_code)
		return failed(w, t, line);
	if (t->status == 200 && (!t->error || t->error == -ECANCELED))
		return stream_ended(w, t, line);
	if (t->status == 200 && (++w->bad >= BAD_MAX || t->error == -ENOMEM))
		list_anew(w);
	failed(w, t, line);
}

/* --- begin ---------------------------------------------------------------------------------------- */

/* "&name=value" behind @url; NULL without memory. @url is freed. */
static char *add_query(char *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0), *longer = NULL;

	if (url && escaped && asprintf(&longer, "%s&%s=%s", url, name, escaped) < 0)
		longer = NULL;
	curl_free(escaped);
	free(url);
	return longer;
}

static char *page_path(const struct kube_watch *w)
{
	char *url = NULL;

	if (w->page == ~0U) {
		if (asprintf(&url, "%s?%s", w->path, w->selectors) < 0)
			return NULL;
	} else if (asprintf(&url, "%s?limit=%u%s", w->path, w->page, w->selectors) < 0) {
		return NULL;
	}
	return w->more ? add_query(url, "continue", w->more) : url;
}

static char *stream_path(struct kube_watch *w, unsigned int timeout_s)
{
	char *url = NULL;

	if (asprintf(&url, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%u%s", w->path,
		     timeout_s, w->selectors) < 0)
		return NULL;
	return add_query(url, "resourceVersion", w->version);
}

static unsigned int stream_time(struct kube_watch *w)
{
	return w->timeout_s
		       ? w->timeout_s
		       : (unsigned int)backoff__between(&w->backoff, STREAM_S_MIN, STREAM_S_MAX);
}

static struct transfer *begin_page(struct kube_watch *w)
{
	struct transfer_call call = {
		.method = strdup("GET"), .path = page_path(w), .timeout_ns = PAGE_LIMIT_NS};
	struct transfer *t;

	if (!w->told.listed)
		w->list_bytes = 0;
	frame__reset(&w->frame);
	frame__init(&w->frame, FRAME_LIST, KUBE_ANSWER_MAX, KUBE_LIST_MAX - w->list_bytes);
	t = !told__begin_list(&w->told) && call.method && call.path ? transfer__new(w->k, &call)
								    : NULL;
	transfer_call__reset(&call);
	if (!t)
		return NULL;
	t->took = took_page;
	t->done = page_done;
	return t;
}

static struct transfer *begin_stream(struct kube_watch *w)
{
	unsigned int timeout_s = stream_time(w);
	struct transfer_call call = {
		.method = strdup("GET"),
		.path = stream_path(w, timeout_s),
		.timeout_ns = (int64_t)(timeout_s + STREAM_MARGIN_S) * NS_PER_S,
		.answer_ns = ANSWER_LIMIT_NS,
	};
	struct transfer *t;

	frame__reset(&w->frame);
	frame__init(&w->frame, FRAME_STREAM, KUBE_ANSWER_MAX, UINT64_MAX);
	w->events = 0;
	w->error_code = 0;
	w->began_ns = 0;
	t = call.method && call.path ? transfer__new(w->k, &call) : NULL;
	transfer_call__reset(&call);
	if (!t)
		return NULL;
	t->begins = stream_begins;
	t->took = took_events;
	t->done = stream_done;
	return t;
}

static void watch__free(struct kube_watch *w)
{
	list_anew(w);
	told__reset(&w->told);
	frame__reset(&w->frame);
	free(w->path);
	free(w->selectors);
	free(w);
}

void watches__begin(struct kube *k, int64_t now_ns)
{
	struct kube_watch **at = &k->watches, *w;

	while ((w = *at)) {
		if (w->ended) {
			*at = w->next;
			watch__free(w);
			continue;
		}
		if (!w->t && w->due_ns <= now_ns) {
			w->t = w->version ? begin_stream(w) : begin_page(w);
			if (w->t)
				w->t->owner = w;
			else
				go_on(w, BACKOFF_MAX_NS); /* without memory */
		}
		at = &w->next;
	}
}

int64_t watches__next(const struct kube *k, int64_t ns)
{
	for (const struct kube_watch *w = k->watches; w; w = w->next) {
		int64_t due = w->ended ? 0 : w->t ? ns : w->due_ns;

		ns = due < ns ? due : ns;
	}
	return ns;
}

void kube_watch__end(struct kube_watch *w)
{
	if (!w || w->ended)
		return;
	w->ended = true;
	transfer__forget(w->t);
	w->t = NULL;
}

void watches__free(struct kube *k)
{
	struct kube_watch *w, *next;

	for (w = k->watches; w; w = next) {
		next = w->next;
		kube_watch__end(w);
		watch__free(w);
	}
	k->watches = NULL;
}

bool kube_watch__synced(const struct kube_watch *w)
{
	return w->synced;
}

static char *make_selectors(const struct kube_watch_spec *s)
{
	char *q = strdup("");

	if (q && s->field_selector && *s->field_selector)
		q = add_query(q, "fieldSelector", s->field_selector);
	if (q && s->label_selector && *s->label_selector)
		q = add_query(q, "labelSelector", s->label_selector);
	return q;
}

int kube__watch(struct kube *k, const struct kube_watch_spec *s, struct kube_watch **ret)
{
	struct kube_watch *w;

	if (!path_is_fine(s->path) || strchr(s->path, '?') || !s->event)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->k = k;
	w->path = strdup(s->path);
	w->selectors = make_selectors(s);
	w->told = (struct told){.tell = tell, .arg = w};
	if (!w->path || !w->selectors) {
		watch__free(w);
		return -ENOMEM;
	}
	w->page = s->page ? s->page : KUBE_PAGE;
	w->timeout_s = s->timeout_s;
	w->event = s->event;
	w->arg = s->arg;
	w->backoff.rng = rng__fork(rng__next(&k->rng), 1);
	w->next = k->watches;
	k->watches = w;
	*ret = w;
	return 0;
}
