// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/schedule.h"
#include "lib/rng.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOWS_MAX 100000
/* Random sets of fault i are drawn from fork i; its flaps must not repeat those numbers. */
#define FLAP_PURPOSE (1ULL << 32)

static int add_window(struct windows *w, int64_t start, int64_t end)
{
	if (w->n == WINDOWS_MAX)
		return -E2BIG;
	/* room doubles at powers of two */
	if ((w->n & (w->n - 1)) == 0) {
		struct window *v = realloc(w->v, (w->n ? w->n * 2 : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		w->v = v;
	}
	w->v[w->n++] = (struct window){start, end};
	return 0;
}

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t draw(struct rng *rng, int64_t lo, int64_t hi)
{
	return lo + (int64_t)rng__below(rng, (uint64_t)(hi - lo) + 1);
}

static int flap_windows(const struct experiment *e, size_t fault, int64_t end, struct windows *w)
{
	const struct fault *f = &e->faults[fault];
	struct rng rng = rng__fork(e->seed, FLAP_PURPOSE + fault);
	int64_t t = f->at_ns;
	int r = 0;

	while (!r && t < end && (!f->times || w->n < f->times)) {
		int64_t down = draw(&rng, f->flap.down_lo_ns, f->flap.down_hi_ns);

		r = add_window(w, t, min(t + down, end));
		t += down + draw(&rng, f->flap.up_lo_ns, f->flap.up_hi_ns);
	}
	return r;
}

static int fixed_windows(const struct fault *f, int64_t end, struct windows *w)
{
	unsigned int times = f->every_ns ? f->times : 1;
	int64_t t = f->at_ns;
	int r = 0;

	while (!r && t < end && (!times || w->n < times)) {
		r = add_window(w, t, f->for_ns < 0 ? end : min(t + f->for_ns, end));
		t += f->every_ns;
	}
	return r;
}

int schedule__windows(const struct experiment *e, size_t fault, struct windows *ret)
{
	const struct fault *f = &e->faults[fault];
	struct windows w = {0};
	int64_t end = e->duration_ns;
	int r;

	if (f->flap.set)
		r = flap_windows(e, fault, f->for_ns < 0 ? end : min(f->at_ns + f->for_ns, end),
				 &w);
	else
		r = fixed_windows(f, end, &w);
	if (r) {
		free(w.v);
		return r;
	}
	*ret = w;
	return 0;
}
