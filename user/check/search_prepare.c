// SPDX-License-Identifier: GPL-2.0-only
/* search_prepare.c: before a search: what may be left out, and what belongs together. */
#include "check/search.h"
#include "lib/cleanup.h"

#include <errno.h>

static bool is_watched(const struct check_op *o)
{
	return o->kind == CHECK_READ || o->kind == CHECK_CAS ||
	       (o->kind == CHECK_RELEASE && o->complete_ns != T_INF);
}

static bool is_acquire(const struct check_op *o)
{
	return o->kind == CHECK_ACQUIRE;
}

static int64_t watched(const struct check_op *o)
{
	return o->kind == CHECK_CAS ? o->arg : o->value;
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return CMP(*x, *y);
}

static bool changes(const struct check_op *o)
{
	return o->kind == CHECK_WRITE || o->kind == CHECK_CAS || o->kind == CHECK_ACQUIRE;
}

int search__leave_out(enum checker c, const struct check_op *ops, size_t n, size_t *ret,
		      size_t *ret_n)
{
	_cleanup_free_ int64_t *seen = calloc(n + 1, sizeof(*seen));
	size_t n_seen = 0, m = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_watched(&ops[i]))
			seen[n_seen++] = watched(&ops[i]);
	qsort(seen, n_seen, sizeof(*seen), by_number);
	for (size_t i = 0; i < n; i++) {
		const struct check_op *o = &ops[i];

		if (c != CHECKER_COUNTER && changes(o) && o->complete_ns == T_INF &&
		    !bsearch(&o->value, seen, n_seen, sizeof(*seen), by_number))
			continue;
		ret[m++] = i;
	}
	*ret_n = m;
	return 0;
}

int search__find_holds(const struct check_op *ops, size_t n_ops, size_t *ret)
{
	_cleanup_free_ size_t *acquires = NULL;
	size_t n;

	acquires = sorted(ops, n_ops, is_acquire, by_value, &n);
	if (!acquires)
		return -ENOMEM;
	for (size_t i = 0; i < n_ops; i++) {
		size_t lo = 0, hi = n;

		ret[i] = SEARCH_NONE;
		if (!search__ends_hold(&ops[i]))
			continue;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (ops[acquires[mid]].value < ops[i].value)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo == n || ops[acquires[lo]].value != ops[i].value)
			ret[i] = SEARCH_NEVER;
		else if (lo + 1 == n || ops[acquires[lo + 1]].value != ops[i].value)
			ret[i] = acquires[lo];
	}
	return 0;
}
