// SPDX-License-Identifier: GPL-2.0-only
/* cmd_watch.c: a table of who talks to whom that is made again every second. */
#include "cli/cli.h"
#include "cli/watch.h"

#include "lib/clock.h"
#include "lib/nearest.h"
#include "lib/units.h"
#include "run/state.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>

/* Below this a sample of a busy machine would hardly be over before the next. */
#define LEAST_NS (100 * NS_PER_MS)

struct watch_args {
	char *selector;
	int64_t every_ns;
	bool json, once, devices;
	enum flow_order order;
};

static const struct argp_option options[] = {
	{"every", KEY_INTERVAL, "TIME", 0, "how often, 100ms at least (1s)", 0},
	{"once", KEY_ONCE, NULL, 0, "one table, over one such time, as text", 0},
	{"json", KEY_JSON, NULL, 0, "one JSON object each time, on a line of its own", 0},
	{"sort", KEY_SORT, "ORDER", 0,
	 "fault (the default: what is under one first, then by rate), rate, packets, retransmits, "
	 "rtt, connections, new or name",
	 0},
	{"devices", KEY_DEVICES, NULL, 0, "devices instead of connections", 0},
	{"netns", KEY_NETNS, "NAME", 0, "the same as the selector netns:NAME", 0},
	{0},
};

static void set_order(struct argp_state *state, struct watch_args *a, const char *arg)
{
	const char *near = nearest__word(arg, flow_orders, FLOW_N_ORDERS);

	for (int i = 0; i < FLOW_N_ORDERS; i++)
		if (!strcmp(flow_orders[i], arg)) {
			a->order = (enum flow_order)i;
			return;
		}
	argp_error(state, "no order `%s`%s%s%s", arg, near ? "; did you mean `" : "", near ?: "",
		   near ? "`?" : "");
}

static void set_selector(struct argp_state *state, struct watch_args *a, const char *kind,
			 const char *arg)
{
	if (a->selector)
		argp_error(state, "one SELECTOR at a time");
	if (asprintf(&a->selector, "%s%s", kind, arg) < 0)
		argp_failure(state, EXIT_RUNTIME, ENOMEM, "SELECTOR");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watch_args *a = state->input;

	switch (key) {
	case KEY_INTERVAL:
		if (units__duration(arg, &a->every_ns) || a->every_ns < LEAST_NS)
			argp_error(state, "--every is a time of 100ms or more, not `%s`", arg);
		return 0;
	case KEY_ONCE:
		a->once = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_DEVICES:
		a->devices = true;
		return 0;
	case KEY_SORT:
		set_order(state, a, arg);
		return 0;
	case KEY_NETNS:
		set_selector(state, a, "netns:", arg);
		return 0;
	case ARGP_KEY_ARG:
		set_selector(state, a, "", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- samples ---- */

struct watching {
	const struct watch_args *a;
	struct target_selector t;
	struct snapshot s;
	struct discover_match m;
	struct flow_past *past;
	struct flow_table table;
	struct scopes scopes;
	struct watch_view view;
	struct watch_page page;
	struct error note; /* why nothing matches now */
	size_t room;	   /* rows on the page */
	bool full;	   /* on the whole terminal */
	bool refused;	   /* the selector matches nothing, from the beginning */
};

static void watching__reset(struct watching *w)
{
	flow_table__reset(&w->table);
	discover_match__reset(&w->m);
	snapshot__reset(&w->s);
	flow_past__free(w->past);
	scopes__reset(&w->scopes);
	target_selector__reset(&w->t);
}

static int read_runs(struct scopes *scopes)
{
	struct state_entry *list = NULL;
	size_t n = 0;

	scopes__begin(scopes);
	/* Without a right to look there are no runs to be seen, but still connections. */
	state__list(&list, &n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(json_decrefp) json_t *scope = NULL, *live = NULL;
		struct scope_run *r = list[i].alive ? scopes__run(scopes, list[i].id) : NULL;

		if (!r)
			continue;
		r->alive = true;
		if (!r->known)
			scope = state__published(&list[i], STATE_SCOPE);
		if (scope)
			scope_run__scope(r, scope);
		live = state__published(&list[i], STATE_LIVE);
		if (live && r->known)
			scope_run__live(r, live);
	}
	state__free_list(list, n);
	scopes__end(scopes);
	return 0;
}

/* Look at everything again; what was seen before becomes what it is compared with. */
static int take_sample(struct watching *w, struct error *err)
{
	int64_t start = clock__now(), was = w->view.now_ns;
	struct flow_past *past = was ? flow_past__of(&w->s) : NULL;
	int r;

	if (was && !past)
		return err__set(err, -ENOMEM, "out of memory");
	flow_past__free(w->past);
	w->past = past;
	flow_table__reset(&w->table);
	snapshot__reset(&w->s);
	r = snapshot__take("", &w->s, err);
	if (r)
		return r;
	if (snapshot__load_traffic(&w->s) < 0)
		return err__set(err, -ENOMEM, "out of memory");
	w->view.now_ns = clock__now();
	clock_gettime(CLOCK_REALTIME, &w->view.wall);
	w->view.seconds = was ? (double)(w->view.now_ns - was) / NS_PER_S : 0;
	w->view.cost_s = (double)(w->view.now_ns - start) / NS_PER_S;
	return read_runs(&w->scopes);
}

static int make_table(struct watching *w, struct error *err)
{
	struct flow_filter filter = {.t = &w->t, .m = &w->m};
	int r;

	flow_table__reset(&w->table);
	discover_match__reset(&w->m);
	w->note.msg[0] = 0;
	if (w->a->selector) {
		r = discover__match(&w->s, &w->t, &w->m, &w->note);
		/* What matches nothing now may match something in a moment, but not at first. */
		if (r == -ENOMEM || (r && !w->view.s)) {
			*err = w->note;
			w->refused = true;
			return r;
		}
	}
	r = flow_table__make(&w->s, w->past, w->view.seconds, &w->scopes, w->view.now_ns,
			     w->a->selector ? &filter : NULL, &w->table);
	if (r)
		return err__set(err, r, "out of memory");
	w->view.s = &w->s;
	w->view.scopes = &w->scopes;
	w->view.t = &w->table;
	w->view.note = w->note.msg[0] ? w->note.msg : NULL;
	return 0;
}

/* ---- what is shown ---- */

static int show_screen(struct watching *w)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -errno;
	watch_screen__size(&w->page.width, &w->page.height);
	w->room = watch_page__print(&w->page, &w->view, f);
	if (fclose(f))
		return -ENOMEM;
	return watch_screen__show(text);
}

static int show(struct watching *w)
{
	flow_table__sort(&w->table, w->view.order, w->view.reverse);
	if (w->full)
		return show_screen(w);
	if (w->a->json) {
		json_t *j = watch__json(&w->view);

		if (!j)
			return -ENOMEM;
		json_dumpf(j, stdout, JSON_COMPACT);
		json_decref(j);
		putchar('\n');
	} else {
		watch_page__print(&w->page, &w->view, stdout);
		if (!w->a->once)
			putchar('\n');
	}
	return fflush(stdout) ? -errno : 0;
}

/* ---- keys ---- */

static void scroll(struct watching *w, int key)
{
	size_t *top = &w->view.top, step = key == KEY_UP || key == KEY_DOWN ? 1 : w->room;

	switch (key) {
	case KEY_UP:
	case KEY_PAGE_UP:
		*top = *top > step ? *top - step : 0;
		break;
	case KEY_DOWN:
	case KEY_PAGE_DOWN:
		*top += step; /* the page keeps it within the table */
		break;
	case KEY_HOME:
		*top = 0;
		break;
	default:
		*top = SIZE_MAX / 2;
		break;
	}
}

/* false: the end. */
static bool press(struct watching *w, int key)
{
	static const char sort_keys[] = "frptlcna"; /* enum flow_order */
	const char *at;

	if (key >= KEY_UP) {
		scroll(w, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'k':
		scroll(w, KEY_UP);
		break;
	case 'j':
		scroll(w, KEY_DOWN);
		break;
	case 'i':
		w->view.reverse = !w->view.reverse;
		break;
	case 'd':
		w->view.devices = !w->view.devices;
		w->view.top = 0;
		break;
	case ' ':
		w->view.paused = !w->view.paused;
		break;
	default:
		at = key < 128 ? strchr(sort_keys, key) : NULL;
		if (at) {
			w->view.order = (enum flow_order)(at - sort_keys);
			w->view.top = 0;
		}
		break;
	}
	return true;
}

/* ---- the loop ---- */

/* Until the next sample is due; false: the end. */
static bool wait_next(struct watching *w, int64_t next_ns)
{
	for (;;) {
		int key;

		switch (watch_screen__wait(next_ns, &key)) {
		case WATCH_TIME:
			if (!w->view.paused)
				return true;
			next_ns = clock__now() + w->a->every_ns;
			continue;
		case WATCH_QUIT:
			return false;
		case WATCH_KEY:
			if (!press(w, key))
				return false;
			break;
		case WATCH_SIZE:
			break;
		}
		if (w->full && show(w) < 0)
			return false;
	}
}

static int watch(struct watching *w, struct error *err)
{
	int64_t next = clock__now();

	for (bool first = true;; first = false) {
		int r = take_sample(w, err);

		if (!r)
			r = make_table(w, err);
		if (r)
			return r;
		/* One sample alone has no rates: only a screen shows it, until there are two. */
		if (!first || w->full) {
			r = show(w);
			if (r)
				return err__set(err, r, "cannot write: %s", strerror(-r));
			if (w->a->once)
				return 0;
		}
		next += w->a->every_ns;
		/* Behind time: no sample is made up for. */
		if (next < clock__now())
			next = clock__now() + w->a->every_ns;
		if (!wait_next(w, next))
			return 0;
	}
}

static bool is_screen(const struct watch_args *a)
{
	const char *term = getenv("TERM");

	return !a->json && !a->once && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

int cmd_watch(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[SELECTOR]",
		"Shows who talks to whom, how fast, under which fault, and what the faults of all "
		"runs have hit. On a terminal: q quits, f r p t l c n a sort, d shows devices.\v"
		"SELECTOR keeps what has an end there: pid:N tree:N comm:NAME exe:PATH args:GLOB "
		"user:NAME cgroup:PATH unit:NAME container:NAME pod:NS/NAME pods:NS/KEY=VALUE "
		"netns:NAME cidr:ADDRESS/LENGTH interface:[NETNS/]NAME.",
		NULL,
		NULL,
		NULL};
	struct watch_args a = {.every_ns = NS_PER_S};
	_cleanup_(watching__reset) struct watching w = {.a = &a};
	_cleanup_free_ char *selector = NULL;
	struct error err = {0};
	int r;

	setlocale(LC_CTYPE, "");
	cli__parse(&argp, argc, argv, &a);
	selector = a.selector;
	if (selector && target_selector__parse(selector, &w.t, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	w.full = is_screen(&a);
	w.view = (struct watch_view){.selector = selector,
				     .every_ns = a.every_ns,
				     .order = a.order,
				     .devices = a.devices};
	w.page = (struct watch_page){.colour = w.full && !getenv("NO_COLOR"),
				     .utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
				     .keys = w.full};
	r = watch_screen__open(w.full);
	if (r)
		err__set(&err, r, "cannot use the terminal: %s", strerror(-r));
	else
		r = watch(&w, &err);
	watch_screen__close();
	if (!r || r == -EPIPE || (w.full && r == -EIO))
		return 0;
	return cli__fail(w.refused ? EXIT_USAGE : EXIT_RUNTIME, &err);
}
