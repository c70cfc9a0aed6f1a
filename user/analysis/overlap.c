// SPDX-License-Identifier: GPL-2.0-only
/* overlap.c: where spans of different nodes intersect, by one sweep over their ends. */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

struct edge {
	int64_t t;
	int node, step; /* +1 begins, -1 ends */
};

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	int r = CMP(x->t, y->t);

	/* what ends at an instant ends before what begins at it */
	r = r ? r : CMP(x->step, y->step);
	return r ? r : CMP(x->node, y->node);
}

int overlap__sweep(const struct span *spans, size_t n, size_t n_nodes, struct history_window **ret,
		   size_t *ret_n)
{
	_cleanup_free_ struct edge *e = calloc(2 * n + 1, sizeof(*e));
	_cleanup_free_ size_t *depth = calloc(n_nodes + 1, sizeof(*depth));
	_cleanup_free_ struct history_window *w = calloc(n + 1, sizeof(*w));
	size_t m = 0, k = 0, active = 0;

	if (!e || !depth || !w)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (spans[i].from_ns >= spans[i].to_ns)
			continue;
		e[m++] = (struct edge){spans[i].from_ns, spans[i].node, 1};
		e[m++] = (struct edge){spans[i].to_ns, spans[i].node, -1};
	}
	qsort(e, m, sizeof(*e), by_time);
	for (size_t i = 0; i < m; i++) {
		size_t before = active;

		if (e[i].step > 0)
			active += !depth[e[i].node]++;
		else
			active -= !--depth[e[i].node];
		if (before < 2 && active >= 2) {
			if (k && w[k - 1].end_ns == e[i].t)
				k--; /* it goes on */
			else
				w[k].start_ns = e[i].t;
		} else if (before >= 2 && active < 2) {
			w[k].end_ns = e[i].t;
			k += w[k].end_ns > w[k].start_ns;
		}
	}
	*ret = TAKE_PTR(w);
	*ret_n = k;
	return 0;
}

int64_t overlap__measure(const struct history_window *w, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += w[i].end_ns - w[i].start_ns;
	return sum;
}
