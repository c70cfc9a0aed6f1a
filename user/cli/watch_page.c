// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch_page.c: a page of the table: as many columns as there is room for, the most telling first, and
 * what room is left goes to the names.
 */
#include "cli/watch_columns.h"

#include "cli/targets.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

enum { CELL = 256, MAX_COLUMNS = 16, STALE_S = 5 };

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define INVERSE "\033[7m"

/* ---- layout ---- */

struct layout {
	const struct column *v[MAX_COLUMNS];
	size_t width[MAX_COLUMNS];
	size_t n;
};

static const char *clean_cell(const struct page *g, const struct column *c, size_t row, char *buf)
{
	char raw[CELL];

	/* What is cleaned is longer at most by what is cut off then. */
	return target_text__clean(c->cell(g, row, raw, sizeof(raw)), false, buf, 4 * CELL);
}

static size_t total(const struct layout *l)
{
	size_t n = l->n ? l->n - 1 : 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->width[i];
	return n;
}

static void drop_column(struct layout *l)
{
	size_t which = l->n;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->rank && (which == l->n || l->v[i]->rank < l->v[which]->rank))
			which = i;
	if (which == l->n)
		return;
	l->n--;
	memmove(l->v + which, l->v + which + 1, (l->n - which) * sizeof(*l->v));
	memmove(l->width + which, l->width + which + 1, (l->n - which) * sizeof(*l->width));
}

/* What the rows of the page would like, within the bounds of the column. */
static size_t natural(const struct page *g, const struct column *c, size_t from, size_t to)
{
	size_t w = strlen(c->head);
	char buf[4 * CELL];

	for (size_t i = from; i < to; i++) {
		size_t n = target_text__width(clean_cell(g, c, i, buf));

		w = n > w ? n : w;
	}
	w = w < c->least ? c->least : w;
	return w > c->most && g->p->width ? c->most : w;
}

/* Narrower than the page was made for: the names give way, the longest first. */
static void squeeze(struct layout *l, size_t width)
{
	enum { LEAST = 3 };

	while (total(l) > width) {
		size_t which = 0;

		for (size_t i = 0; i < l->n; i++)
			if (l->v[i]->names &&
			    (!l->v[which]->names || l->width[i] > l->width[which]))
				which = i;
		if (!l->v[which]->names || l->width[which] <= LEAST)
			return;
		l->width[which]--;
	}
}

static void lay_out(const struct page *g, const struct column *columns, size_t n, size_t from,
		    size_t to, struct layout *l)
{
	size_t want[MAX_COLUMNS], room;

	*l = (struct layout){0};
	for (size_t i = 0; i < n; i++) {
		/* Without a fault there is nothing to say of any. */
		if (columns[i].cell == watch_cell__fault && !g->v->t->n_active)
			continue;
		l->v[l->n] = &columns[i];
		l->width[l->n++] =
			columns[i].names ? columns[i].least : natural(g, &columns[i], from, to);
	}
	while (g->p->width && total(l) > g->p->width) {
		size_t before = l->n;

		drop_column(l);
		if (l->n == before)
			break;
	}
	if (g->p->width)
		squeeze(l, g->p->width);
	for (size_t i = 0; i < l->n; i++)
		want[i] = natural(g, l->v[i], from, to);
	room = g->p->width ? g->p->width : SIZE_MAX;
	/* One column each in turn, so that no name starves beside a long one. */
	for (bool grew = true; grew;) {
		grew = false;
		for (size_t i = 0; i < l->n && total(l) < room; i++)
			if (l->width[i] < want[i]) {
				l->width[i]++;
				grew = true;
			}
	}
}

static const char *style(const struct page *g, const char *code)
{
	return g->p->colour ? code : "";
}

static void spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct page *g, const char *s, size_t width, enum align align,
		       bool last)
{
	char buf[4 * CELL];
	size_t w;

	target_text__fit(s, width, g->p->utf8, buf, sizeof(buf));
	w = target_text__width(buf);
	if (align == RIGHT && w < width)
		spaces(g->out, width - w);
	fputs(buf, g->out);
	if (align == LEFT && w < width && !last)
		spaces(g->out, width - w);
}

static void print_head(struct page *g, const struct layout *l)
{
	size_t used = total(l);

	fputs(style(g, INVERSE), g->out);
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			fputc(' ', g->out);
		print_cell(g, l->v[i]->head, l->width[i], l->v[i]->align, i + 1 == l->n);
	}
	if (g->p->colour && g->p->width > used)
		spaces(g->out, g->p->width - used);
	fprintf(g->out, "%s\n", style(g, "\033[0m"));
	g->lines++;
}

static void print_row(struct page *g, const struct layout *l, size_t row, const char *code)
{
	for (size_t i = 0; i < l->n; i++) {
		char buf[4 * CELL];
		const char *s = clean_cell(g, l->v[i], row, buf);
		bool fault = l->v[i]->cell == watch_cell__fault && *s;

		if (i)
			fputc(' ', g->out);
		fputs(style(g, fault ? RED : code), g->out);
		print_cell(g, s, l->width[i], l->v[i]->align, i + 1 == l->n);
		if (fault || *code)
			fputs(style(g, "\033[0m"), g->out);
	}
	fputc('\n', g->out);
	g->lines++;
}

/* ---- above the table ---- */

/* A line that is cut at the width; @text is clean. */
static void line(struct page *g, const char *code, const char *text)
{
	char buf[4 * CELL];

	fputs(style(g, code), g->out);
	fputs(target_text__fit(text, g->p->width ? g->p->width : sizeof(buf), g->p->utf8, buf,
			       sizeof(buf)),
	      g->out);
	if (*code)
		fputs(style(g, "\033[0m"), g->out);
	fputc('\n', g->out);
	g->lines++;
}

static void print_title(struct page *g)
{
	const struct watch_view *v = g->v;
	char buf[4 * CELL], every[32], at[32], clean[CELL];
	struct tm tm;

	localtime_r(&v->wall.tv_sec, &tm);
	strftime(at, sizeof(at), "%H:%M:%S", &tm);
	snprintf(buf, sizeof(buf), "%s  every %s  %zu flow%s, %zu connection%s  by %s%s%s%s%s", at,
		 units__format_duration(v->every_ns, every, sizeof(every)), v->t->n_rows,
		 v->t->n_rows == 1 ? "" : "s", v->t->n_connections,
		 v->t->n_connections == 1 ? "" : "s", flow_orders[v->order],
		 v->reverse ? ", the least first" : "", v->paused ? "  PAUSED" : "",
		 v->selector ? "  " : "",
		 v->selector ? target_text__clean(v->selector, false, clean, sizeof(clean)) : "");
	line(g, BOLD, buf);
	if (v->note) {
		target_text__clean(v->note, false, buf, sizeof(buf));
		line(g, RED, buf);
	}
}

static const char *hits_text(const struct scope_fault *f, char *buf, size_t size)
{
	size_t n = 0;

	snprintf(buf, size, "no packet hit");
	for (size_t i = 0; i < FLOW_HITS && n + 1 < size; i++) {
		char all[16], per[16];

		if (!f->hits[i])
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s %s", n ? ", " : "", flow_hits[i],
				      watch__count((double)f->hits[i], all, sizeof(all)));
		if (f->per_s[i] >= 0 && n + 1 < size)
			n += (size_t)snprintf(buf + n, size - n, " (%s/s)",
					      watch__count(f->per_s[i], per, sizeof(per)));
	}
	return buf;
}

static void print_fault(struct page *g, const struct scope_fault *f)
{
	bool active = scope_fault__active(f, g->v->now_ns);
	char raw[4 * CELL], buf[4 * CELL], hits[2 * CELL];

	hits_text(f, hits, sizeof(hits));
	snprintf(raw, sizeof(raw), "  %s %s  %s  [%s]", f->name, active ? "ACTIVE" : "off", hits,
		 f->does ? f->does : "");
	line(g, active ? RED : DIM, target_text__clean(raw, false, buf, sizeof(buf)));
}

static void print_runs(struct page *g)
{
	const struct scopes *s = g->v->scopes;
	size_t limit = g->p->height ? g->lines + g->p->height / 3 : SIZE_MAX;

	for (size_t i = 0; i < s->n_runs; i++) {
		const struct scope_run *r = &s->runs[i];
		char raw[CELL], buf[4 * CELL];

		if (!r->alive)
			continue;
		if (g->lines + 1 >= limit)
			return line(g, DIM, "  ...");
		if (!r->at_ns)
			snprintf(raw, sizeof(raw), "run %s  is starting", r->id);
		else if (g->v->now_ns - r->at_ns > STALE_S * NS_PER_S)
			snprintf(raw, sizeof(raw),
				 "run %s  does not answer; its faults end by their own deadlines",
				 r->id);
		else
			snprintf(raw, sizeof(raw), "run %s  %s  %.0f s", r->id,
				 r->phase ? r->phase : "", r->t_s);
		line(g, BOLD, target_text__clean(raw, false, buf, sizeof(buf)));
		for (size_t k = 0; r->at_ns && k < r->n_faults; k++) {
			if (g->lines + 1 >= limit && k + 1 < r->n_faults)
				return line(g, DIM, "  ...");
			print_fault(g, &r->faults[k]);
		}
	}
}

/* ---- the page ---- */

static void print_rows(struct page *g, const struct column *columns, size_t n_columns, size_t n,
		       size_t room)
{
	size_t from = g->v->top, to;
	struct layout l;

	if (room > n)
		room = n;
	if (from > n - room)
		from = n - room;
	to = from + room;
	g->v->top = from;
	lay_out(g, columns, n_columns, from, to, &l);
	print_head(g, &l);
	for (size_t i = from; i < to; i++) {
		const struct flow_row *r = g->v->devices ? NULL : &g->v->t->rows[i];
		bool idle = r && r->counted && !r->connecting &&
			    !(r->done.bytes[0] + r->done.bytes[1] + r->done.retrans > 0);

		print_row(g, &l, i, idle ? DIM : "");
	}
}

static void print_keys(struct page *g, size_t n, size_t room)
{
	char buf[CELL], shown[64] = "";

	if (n > room)
		snprintf(shown, sizeof(shown), "%zu-%zu of %zu  ", g->v->top + 1, g->v->top + room,
			 n);
	snprintf(buf, sizeof(buf),
		 "%sq quit  sort: f r p t l c n a  i invert  d devices  space pause  arrows scroll",
		 shown);
	target_text__fit(buf, g->p->width, g->p->utf8, buf, sizeof(buf));
	fprintf(g->out, "%s%s%s", style(g, DIM), buf, style(g, "\033[0m"));
}

size_t watch_page__print(const struct watch_page *p, struct watch_view *v, FILE *out)
{
	struct page g = {.p = p, .v = v, .out = out};
	size_t n = v->devices ? v->t->n_devices : v->t->n_rows, room = SIZE_MAX, used;

	print_title(&g);
	print_runs(&g);
	if (p->height) {
		used = g.lines + 1 + p->keys;
		room = p->height > used ? p->height - used : 1;
	}
	if (v->devices)
		print_rows(&g, watch_device_columns, watch_n_device_columns, n, room);
	else
		print_rows(&g, watch_flow_columns, watch_n_flow_columns, n, room);
	if (p->keys) {
		for (; g.lines + 1 < p->height; g.lines++)
			fputc('\n', out);
		print_keys(&g, n, room);
	}
	return room;
}
