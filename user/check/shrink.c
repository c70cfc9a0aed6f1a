// SPDX-License-Identifier: GPL-2.0-only
/*
 * shrink.c: the operations that show a violation, less and less of them: delta debugging (Zeller
 * and Hildebrandt 2002), with the checker itself as the judge of each relaxed history.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

/* Operations looked at in all, over all tries. */
#define WORK_MAX 20000000ULL
/* Steps of the search in one try, and for each of its operations. */
#define SEARCH_STEPS 100000
#define SEARCH_STEPS_EACH 20

struct shrink {
	struct relax relax;
	struct check_limits limits;
	uint64_t work;
	size_t *kept, *trial;
	size_t n;
	bool spent;  /* no more tries */
	bool unsure; /* a try was not decided, since the pieces are single operations */
};

static void cleanup_shrink(struct shrink *s)
{
	relax__reset(&s->relax);
	free(s->kept);
	free(s->trial);
}

/* Is it a violation if only @kept is known? 1, 0, or -ENOMEM. */
static int still(struct shrink *s, const size_t *kept, size_t n_kept)
{
	_cleanup_(cleanup_finding) struct finding f = {0};
	struct check_limits l = s->limits;
	size_t n;
	int r;

	if (s->work > WORK_MAX) {
		s->spent = true;
		return 0;
	}
	n = relax__make(&s->relax, kept, n_kept);
	/* Even a small one has sorts and tables made for it; counters look at all operations. */
	s->work += n + 50 + (s->relax.c == CHECKER_COUNTER ? s->relax.n : 0);
	l.steps = SEARCH_STEPS + SEARCH_STEPS_EACH * n;
	if (s->limits.steps && s->limits.steps < l.steps)
		l.steps = s->limits.steps;
	r = key__check(s->relax.c, s->relax.out, n, &l, &f);
	if (r)
		return r;
	if (f.verdict == CHECK_OPEN)
		s->unsure = true;
	return f.count > 0;
}

/* Without the @len operations from @at on. */
static int without(struct shrink *s, size_t at, size_t len)
{
	size_t n = 0;
	int r;

	for (size_t i = 0; i < s->n; i++)
		if (i < at || i >= at + len)
			s->trial[n++] = s->kept[i];
	r = still(s, s->trial, n);
	if (r != 1)
		return r;
	memcpy(s->kept, s->trial, n * sizeof(*s->kept));
	s->n = n;
	return 1;
}

/*
 * Pieces of half, a quarter ... and at last of one operation, which are gone through again until
 * none of them can be left out. The last ones are tried first: of two operations that show the
 * same, the earlier one stays, which is the write rather than a read of it.
 */
static int reduce(struct shrink *s)
{
	size_t len = (s->n + 1) / 2;
	bool less = true;

	while (s->n && !s->spent && (len > 1 || less)) {
		less = s->unsure = false;
		for (size_t end = s->n; end > 0 && !s->spent;) {
			size_t piece = len < end ? len : end;
			int r = without(s, end - piece, piece);

			if (r < 0)
				return r;
			less |= r == 1;
			end -= piece;
		}
		less |= len > 1;
		len = len > 1 ? (len + 1) / 2 : 1;
	}
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return CMP(*x, *y);
}

int shrink__core(enum checker c, const struct check_op *ops, size_t n, const struct check_limits *l,
		 struct finding *f, bool *ret_whole)
{
	_cleanup_(cleanup_shrink) struct shrink s = {0};
	int r = relax__init(&s.relax, c, ops, n);

	s.limits = *l;
	s.kept = calloc(n + 1, sizeof(*s.kept));
	s.trial = calloc(n + 1, sizeof(*s.trial));
	if (r || !s.kept || !s.trial)
		return -ENOMEM;
	qsort(f->core, f->n_core, sizeof(*f->core), by_index);
	/* A checker may have named one for two reasons. */
	for (size_t i = 0; i < f->n_core; i++)
		if (!s.n || s.kept[s.n - 1] != f->core[i])
			s.kept[s.n++] = f->core[i];
	r = still(&s, s.kept, s.n);
	if (r == 0) {
		/* What explains it was left out: all operations, then. */
		s.n = n;
		for (size_t i = 0; i < n; i++)
			s.kept[i] = i;
		r = still(&s, s.kept, s.n);
	}
	if (r < 0)
		return r;
	if (r == 1)
		r = reduce(&s);
	else
		s.spent = true;
	if (r)
		return r;
	free(f->core);
	f->core = TAKE_PTR(s.kept);
	f->n_core = s.n;
	*ret_whole = !s.spent && !s.unsure;
	return 0;
}
