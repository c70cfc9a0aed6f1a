// SPDX-License-Identifier: GPL-2.0-only
/*
 * targets_tree.c: the tree for people: namespace, what lives in it, its processes with their ports
 * and peers. It fits the terminal; what does not fit a line goes on below it in the same column.
 */
#include "cli/targets.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <langinfo.h>
#include <stdarg.h>
#include <string.h>

enum {
	MAX_ROWS = 6,  /* processes of a group, unless all are asked for */
	MAX_PEERS = 4, /* of a process */
	MAX_LISTENS = 8,
	COL_PID = 7,
	COL_COMM = 16,
	COL_USER = 10,
	TRAFFIC_AT = 3 + COL_PID + 2 + COL_COMM + 1 + COL_USER + 1,
};

struct printer {
	size_t width; /* 0: no end */
	bool colour, utf8;
	size_t at;	  /* column */
	size_t hang;	  /* where a line goes on */
	const char *rail; /* drawn at the left of such a line */
	bool fresh;	  /* nothing since the indent: no blank wanted, no break either */
};

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define CYAN "\033[36m"
#define GREEN "\033[32m"

static const char *rail(const struct printer *p, bool last)
{
	return last ? "   " : p->utf8 ? "\u2502  " : "|  ";
}

static const char *branch(const struct printer *p, bool last)
{
	if (p->utf8)
		return last ? "\u2514\u2500 " : "\u251c\u2500 ";
	return last ? "`- " : "|- ";
}

static void put(struct printer *p, const char *style, const char *s)
{
	if (p->colour && style)
		printf("%s%s\033[0m", style, s);
	else
		printf("%s", s);
	p->at += target_text__width(s);
}

static void end_line(struct printer *p)
{
	printf("\n");
	p->at = 0;
}

static void pad(struct printer *p, size_t column)
{
	while (p->at < column)
		put(p, NULL, " ");
}

/* One word, behind a blank, or on the next line if there is no room for it. */
static void word(struct printer *p, const char *style, const char *s)
{
	if (!p->fresh && p->width && p->at + 1 + target_text__width(s) > p->width) {
		end_line(p);
		put(p, NULL, p->rail);
		pad(p, p->hang);
		p->fresh = true;
	}
	if (!p->fresh)
		put(p, NULL, " ");
	p->fresh = false;
	put(p, style, s);
}

static void wordf(struct printer *p, const char *style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void wordf(struct printer *p, const char *style, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	word(p, style, buf);
}

/* ---- a process ---- */

static void print_peers(struct printer *p, const struct target_traffic *t, bool all)
{
	const char *in = p->utf8 ? "\u2190" : "<-", *out = p->utf8 ? "\u2192" : "->";
	const char *times = p->utf8 ? "\u00d7" : "x";
	size_t left = 0;

	for (size_t i = 0; i < t->n_peers; i++) {
		const struct target_peer *peer = &t->peers[i];
		const char *udp = peer->proto == DISCOVER_UDP ? "udp:" : "";

		if (i >= MAX_PEERS && !all)
			left += peer->n;
		else if (peer->n > 1)
			wordf(p, NULL, "%s %s%s %s%zu", peer->accepted ? in : out, udp,
			      peer->remote, times, peer->n);
		else
			wordf(p, NULL, "%s %s%s", peer->accepted ? in : out, udp, peer->remote);
	}
	if (left)
		wordf(p, DIM, "+%zu", left);
}

static void print_process(struct printer *p, const struct target_view *v, uint32_t i)
{
	_cleanup_(target_traffic__reset) struct target_traffic t = {0};
	const struct discover_process *x = &v->s->processes[i];
	char buf[512];

	put(p, NULL, p->rail);
	snprintf(buf, sizeof(buf), "%*d", COL_PID, x->pid);
	put(p, DIM, buf);
	pad(p, 3 + COL_PID + 2);
	put(p, NULL, target_text__fit(x->comm, COL_COMM, p->utf8, buf, sizeof(buf)));
	pad(p, 3 + COL_PID + 2 + COL_COMM + 1);
	put(p, DIM, target_text__fit(x->user, COL_USER, p->utf8, buf, sizeof(buf)));
	if (target_traffic__of(v->s, i, &t) == 0 && (t.n_listens || t.n_peers)) {
		pad(p, TRAFFIC_AT);
		p->hang = TRAFFIC_AT;
		p->fresh = true;
		for (size_t k = 0; k < t.n_listens && (k < MAX_LISTENS || v->all); k++)
			word(p, GREEN, t.listens[k]);
		if (t.n_listens > MAX_LISTENS && !v->all)
			wordf(p, DIM, "+%zu", t.n_listens - MAX_LISTENS);
		print_peers(p, &t, v->all);
	}
	end_line(p);
}

/* ---- a group ---- */

static bool has_sockets(const struct snapshot *s, uint32_t i)
{
	size_t lo = 0, hi = s->n_owners;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->owners[mid].process < i)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_owners && s->owners[lo].process == i;
}

static void print_heading(struct printer *p, const struct snapshot *s, const struct target_group *g)
{
	const struct discover_container *c =
		g->container == DISCOVER_NONE ? NULL : &s->containers[g->container];
	char selector[512], clean[2048];

	target_group__selector(s, g, selector, sizeof(selector));
	p->fresh = true;
	p->hang = 5;
	if (g->kind == GROUP_NONE) {
		word(p, DIM, "in no unit or container");
		return;
	}
	word(p, CYAN, target_text__clean(selector, false, clean, sizeof(clean)));
	if (g->kind == GROUP_POD && c) {
		target_text__clean(c->name ? c->name : "", false, clean, sizeof(clean));
		if (*clean)
			wordf(p, CYAN, "container:%s", clean);
		else
			wordf(p, CYAN, "container:%.12s", c->id);
	}
	if (c)
		word(p, DIM, discover_runtime__name(c->runtime));
	if (c && c->infra)
		word(p, DIM, "(holds the pod's namespaces)");
	if (c && c->image)
		word(p, DIM, target_text__clean(c->image, false, clean, sizeof(clean)));
}

/* Those with sockets come first where not all find room. */
static void print_group(struct printer *p, const struct target_view *v,
			const struct target_group *g, bool last)
{
	bool cut = !v->all && g->n_processes > MAX_ROWS;
	size_t shown = 0;

	put(p, NULL, branch(p, last));
	p->rail = rail(p, last);
	print_heading(p, v->s, g);
	end_line(p);
	for (int quiet = 0; quiet <= cut; quiet++)
		for (size_t i = 0; i < g->n_processes; i++) {
			uint32_t k = g->processes[i];

			if (cut && (shown >= MAX_ROWS || has_sockets(v->s, k) == (bool)quiet))
				continue;
			print_process(p, v, k);
			shown++;
		}
	if (cut) {
		put(p, NULL, p->rail);
		pad(p, 3 + COL_PID + 2);
		p->fresh = true;
		wordf(p, DIM, "and %zu more", g->n_processes - shown);
		end_line(p);
	}
}

/* ---- a namespace ---- */

static void print_device(struct printer *p, const struct netns_scan *scan,
			 const struct link_info *l, bool last)
{
	enum { NAME = 16, KIND = 9 };
	char buf[96], text[INET6_ADDRSTRLEN];

	p->rail = rail(p, last);
	put(p, NULL, p->rail);
	put(p, l->up ? NULL : DIM, target_text__fit(l->name, NAME, p->utf8, buf, sizeof(buf)));
	pad(p, 3 + NAME + 1);
	put(p, DIM, l->loopback ? "loopback" : target_text__fit(l->kind, KIND, p->utf8, buf, sizeof(buf)));
	pad(p, 3 + NAME + 1 + KIND + 1);
	p->hang = 3 + NAME + 1 + KIND + 1;
	p->fresh = true;
	if (!l->up)
		word(p, DIM, "down");
	for (size_t i = 0; i < scan->n_addrs; i++) {
		const struct addr_info *a = &scan->addrs[i];

		if (a->ifindex == l->ifindex && inet_ntop(a->family, a->addr, text, sizeof(text)))
			wordf(p, NULL, "%s/%u", text, a->prefixlen);
	}
	end_line(p);
}

static void print_title(struct printer *p, const struct discover_netns *n)
{
	char selector[4200], clean[4200];

	p->rail = "";
	p->hang = 3;
	p->fresh = true;
	target_netns__selector(n, selector, sizeof(selector));
	word(p, BOLD, target_text__clean(selector, false, clean, sizeof(clean)));
	if (n->path && !n->name && n->pid)
		word(p, DIM, target_text__clean(n->path, false, clean, sizeof(clean)));
	if (n->host)
		word(p, DIM, "(the machine's own)");
	if (n->self)
		word(p, DIM, "(chaos runs here)");
	if (!n->n_processes)
		word(p, DIM, "(no process)");
	if (!n->loaded)
		word(p, DIM, "(may not be entered)");
	end_line(p);
}

static void print_netns(struct printer *p, const struct target_view *v, uint32_t i, size_t *g)
{
	const struct discover_netns *n = &v->s->netns[i];
	size_t end = *g, threads = v->kernel_threads[i];

	while (end < v->n_groups && v->groups[end].netns == i)
		end++;
	print_title(p, n);
	for (size_t k = 0; k < n->scan.n_links; k++)
		print_device(p, &n->scan, &n->scan.links[k], end == *g && !threads);
	for (; *g < end; (*g)++)
		print_group(p, v, &v->groups[*g], *g + 1 == end && !threads);
	if (threads) {
		put(p, NULL, branch(p, true));
		p->fresh = true;
		wordf(p, DIM, "%zu kernel thread%s", threads, threads == 1 ? "" : "s");
		end_line(p);
	}
}

static void print_unknown(struct printer *p, const struct target_view *v)
{
	size_t first = v->n_groups;

	while (first && v->groups[first - 1].netns == DISCOVER_NONE)
		first--;
	if (first == v->n_groups)
		return;
	end_line(p);
	put(p, BOLD, "Of namespaces that may not be read");
	end_line(p);
	for (size_t g = first; g < v->n_groups; g++)
		print_group(p, v, &v->groups[g], g + 1 == v->n_groups);
}

void targets__print(const struct target_view *v, size_t width, bool colour)
{
	struct printer p = {
		.width = width,
		.colour = colour,
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.rail = "",
	};
	const struct discover_skipped *k = &v->s->skipped;
	bool first = true;
	size_t g = 0;

	for (uint32_t i = 0; i < v->s->n_netns; i++) {
		if (!v->netns[i])
			continue;
		if (!first)
			end_line(&p);
		first = false;
		while (g < v->n_groups && v->groups[g].netns < i)
			g++;
		print_netns(&p, v, i, &g);
	}
	print_unknown(&p, v);
	if (k->denied) {
		p.rail = "";
		p.hang = 0;
		p.fresh = true;
		end_line(&p);
		wordf(&p, DIM, "%zu of /proc's files may not be read by this caller", k->denied);
		end_line(&p);
	}
}
