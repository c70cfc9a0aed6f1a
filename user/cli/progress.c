// SPDX-License-Identifier: GPL-2.0-only
/*
 * progress.c: a run while it goes on. On a terminal a block of lines is redrawn in place below the
 * events; elsewhere events are lines, and a status line comes every five seconds.
 */
#include "cli/cli.h"

#include "lib/clock.h"
#include "lib/units.h"

#include <locale.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { BAR_CELLS = 36, PLAIN_EVERY_S = 5 };

struct progress {
	bool quiet, tty, colour, utf8;
	unsigned int drawn; /* lines of the block on the screen */
	unsigned int columns;
	int64_t plain_next_ns;
	char *out; /* one frame, written at once so that it does not flicker */
	size_t len, size;
};

struct progress *progress__new(bool quiet)
{
	struct progress *p = calloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	if (!p)
		return NULL;
	p->quiet = quiet;
	p->tty = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	p->colour = p->tty && !getenv("NO_COLOR");
	setlocale(LC_CTYPE, "");
	p->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	return p;
}

static void put(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct progress *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		size_t room = p->size - p->len;
		char *grown;

		va_start(ap, fmt);
		n = vsnprintf(p->out ? p->out + p->len : NULL, room, fmt, ap);
		va_end(ap);
		if (n < 0)
			return;
		if ((size_t)n < room)
			break;
		grown = realloc(p->out, p->size + (size_t)n + 1024);
		if (!grown)
			return;
		p->out = grown;
		p->size += (size_t)n + 1024;
	}
	p->len += (size_t)n;
}

static const char *style(const struct progress *p, const char *code)
{
	return p->colour ? code : "";
}

#define BOLD style(p, "\033[1m")
#define DIM style(p, "\033[2m")
#define RED style(p, "\033[1;31m")
#define GREEN style(p, "\033[32m")
#define YELLOW style(p, "\033[33m")
#define OFF style(p, "\033[0m")

static void end_line(struct progress *p)
{
	put(p, "\033[K\n");
	p->drawn++;
}

static void erase(struct progress *p)
{
	if (p->drawn)
		put(p, "\033[%uA\033[J", p->drawn);
	p->drawn = 0;
}

static void flush(struct progress *p)
{
	if (p->len) {
		fwrite(p->out, 1, p->len, stdout);
		fflush(stdout);
	}
	p->len = 0;
}

static void draw_bar(struct progress *p, const struct run_view *v)
{
	int64_t cells = v->duration_ns > 0 ? v->t_ns * BAR_CELLS / v->duration_ns : 0;

	for (int i = 0; i < BAR_CELLS; i++) {
		if (i < cells)
			put(p, "%s", p->utf8 ? "━" : "=");
		else
			put(p, "%s%s%s", DIM, p->utf8 ? "─" : "-", OFF);
	}
}

static void draw_head(struct progress *p, const struct run_view *v)
{
	bool fault = !strcmp(v->phase, "fault");

	put(p, "%s%s%s  %s%-8s%s  ", BOLD, v->name, OFF, fault ? RED : GREEN, v->phase, OFF);
	if (v->duration_ns > 0) {
		draw_bar(p, v);
		put(p, "  %.1f of %.0f s", (double)v->t_ns / NS_PER_S,
		    (double)v->duration_ns / NS_PER_S);
	} else {
		put(p, "%.1f s, until Ctrl-C", (double)v->t_ns / NS_PER_S);
	}
	end_line(p);
}

static void draw_fault(struct progress *p, const struct run_view *v, const struct view_fault *f)
{
	put(p, "  %-16.16s ", f->name);
	if (f->active && f->end_ns >= 0)
		put(p, "%sACTIVE%s %5.1f s left", RED, OFF,
		    (double)(f->end_ns - v->t_ns) / NS_PER_S);
	else if (f->active)
		put(p, "%sACTIVE%s             ", RED, OFF);
	else if (f->next_start_ns >= 0)
		put(p, "in %5.1f s          ", (double)(f->next_start_ns - v->t_ns) / NS_PER_S);
	else
		put(p, "%sover%s               ", DIM, OFF);
	put(p, "  %10llu matched, %s", (unsigned long long)f->matched, f->effects);
	end_line(p);
}

static void draw_node(struct progress *p, const struct view_node *n)
{
	put(p, "  %-12.12s", n->name);
	for (size_t i = 0; i < n->n_roles; i++) {
		const struct view_role *r = &n->roles[i];
		char text[48];

		if (r->epoch >= 0)
			snprintf(text, sizeof(text), "%s (%lld)", r->role, (long long)r->epoch);
		else
			snprintf(text, sizeof(text), "%s", r->role);
		put(p, " %.12s %s%-14s%s", r->resource,
		    r->claim			? BOLD
		    : !strcmp(r->role, "error") ? YELLOW
						: DIM,
		    text, OFF);
	}
	if (n->acks_per_s >= 0)
		put(p, "  %s%6.0f acks/s%s %s%6.0f failed/s%s", n->acks_per_s > 0 ? GREEN : DIM,
		    n->acks_per_s, OFF, n->fails_per_s > 0 ? YELLOW : DIM, n->fails_per_s, OFF);
	if (n->exited)
		put(p, "  %sa command has ended%s", RED, OFF);
	end_line(p);
}

static void draw_load(struct progress *p, const struct view_load *l)
{
	char p50[32], p99[32], service[32];

	put(p, "  %-12.12s", l->name);
	if (l->intended_p50_ns < 0)
		put(p, " %snothing succeeded in the last second%s", DIM, OFF);
	else
		put(p, " latency p50 %s p99 %s, of service p99 %s",
		    units__format_duration(l->intended_p50_ns, p50, sizeof(p50)),
		    units__format_duration(l->intended_p99_ns, p99, sizeof(p99)),
		    units__format_duration(l->service_p99_ns, service, sizeof(service)));
	end_line(p);
}

static void plain_status(struct progress *p, const struct run_view *v)
{
	put(p, "%+8.1fs  %s:", (double)v->t_ns / NS_PER_S, v->phase);
	for (size_t i = 0; i < v->n_nodes; i++) {
		const struct view_node *n = &v->nodes[i];

		for (size_t j = 0; j < n->n_roles; j++)
			if (n->roles[j].claim)
				put(p, " %s leads %s;", n->name, n->roles[j].resource);
		if (n->acks_per_s >= 0)
			put(p, " %s %.0f acks/s %.0f failed/s;", n->name, n->acks_per_s,
			    n->fails_per_s);
	}
	for (size_t i = 0; i < v->n_faults; i++)
		put(p, " %s %s%s", v->faults[i].name, v->faults[i].effects,
		    i + 1 < v->n_faults ? ";" : "");
	put(p, "\n");
}

static void on_tick(void *arg, const struct run_view *v)
{
	struct progress *p = arg;

	if (p->quiet)
		return;
	if (!p->tty) {
		if (v->t_ns < p->plain_next_ns)
			return;
		p->plain_next_ns = v->t_ns + PLAIN_EVERY_S * NS_PER_S;
		plain_status(p, v);
		flush(p);
		return;
	}
	erase(p);
	put(p, "\033[?7l"); /* a narrow terminal cuts lines instead of wrapping them */
	draw_head(p, v);
	for (size_t i = 0; i < v->n_faults; i++)
		draw_fault(p, v, &v->faults[i]);
	for (size_t i = 0; i < v->n_nodes; i++)
		draw_node(p, &v->nodes[i]);
	for (size_t i = 0; i < v->n_loads; i++)
		draw_load(p, &v->loads[i]);
	put(p, "\033[?7h");
	flush(p);
}

static void on_event(void *arg, int64_t t_ns, const char *text)
{
	struct progress *p = arg;

	if (p->quiet)
		return;
	if (p->tty)
		erase(p);
	put(p, "%s%+8.1fs%s  %s\n", DIM, (double)t_ns / NS_PER_S, OFF, text);
	flush(p);
}

void progress__attach(struct progress *p, struct run_ui *ui)
{
	if (p)
		*ui = (struct run_ui){.event = on_event, .tick = on_tick, .arg = p};
}

void progress__free(struct progress *p)
{
	if (!p)
		return;
	free(p->out);
	free(p);
}
