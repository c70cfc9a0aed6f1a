// SPDX-License-Identifier: GPL-2.0-only
/*
 * checks_final.c: final reads come after all operations, and are operations too: of a register, cas
 * or counter each node's last one is a read of all keys; what a queue has then is popped, and then
 * found empty; of a set each value is found or not. A value that nobody wrote to a register is left
 * out: which key it was of is not recorded.
 */
#include "analysis/checks.h"
#include "lib/cleanup.h"

#include <errno.h>

/* At @node, or of all nodes if it is -1; right after the last operation. */
static struct check_op final_op(const struct checks *c, int node, enum check_kind kind,
				int64_t value)
{
	return (struct check_op){
		.invoke_ns = c->after_ns,
		.complete_ns = c->after_ns,
		.value = value,
		.process = FINAL_OF(node),
		.kind = kind,
		.outcome = CHECK_OK,
	};
}

int checks__final_set(struct checks *c, const struct claims *claims, bool *ret_known)
{
	_cleanup_free_ struct history_run *runs = NULL;
	size_t n = 0, k = 0, n_ops = c->n;
	int r = writes__final(c->h, c->workload, claims, &runs, &n, ret_known);

	if (r || !*ret_known)
		return r;
	for (size_t i = 0; i < n; i++)
		for (int64_t v = runs[i].first; v <= runs[i].last && k < c->h->n_ops; v++, k++) {
			struct check_op op = final_op(c, -1, CHECK_CONTAINS, v);

			op.arg = 1;
			checks__add(c, -1, op);
		}
	for (size_t i = 0; i < n_ops; i++) {
		size_t lo = 0, hi = n;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (runs[mid].last < c->ops[i].value)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo == n || runs[lo].first > c->ops[i].value) {
			struct check_op op = final_op(c, -1, CHECK_CONTAINS, c->ops[i].value);

			op.invoke_ns = op.complete_ns = c->after_ns + 1;
			checks__add(c, -1, op);
		}
	}
	return 0;
}

int checks__final_queue(struct checks *c, const struct claims *claims, bool *ret_known)
{
	_cleanup_free_ struct history_run *runs = NULL;
	struct check_op empty;
	size_t n = 0, k = 0;
	int r = writes__final(c->h, c->workload, claims, &runs, &n, ret_known);

	if (r || !*ret_known)
		return r;
	c->after_ns++;
	for (size_t i = 0; i < n; i++)
		for (int64_t v = runs[i].first; v <= runs[i].last && k < c->h->n_ops; v++, k++)
			checks__add(c, -1, final_op(c, -1, CHECK_POP, v));
	empty = final_op(c, -1, CHECK_POP, CHECK_NIL);
	empty.invoke_ns = empty.complete_ns = c->after_ns + 1;
	checks__add(c, -1, empty);
	return 0;
}

/* Which key each value was written to: values are the workload's own, each written once. */
struct home {
	int64_t value;
	uint32_t key;
	size_t index; /* of the key, among those that were written */
};

static int by_home(const void *a, const void *b)
{
	const struct home *x = a, *y = b;

	return CMP(x->value, y->value);
}

static int by_home_key(const void *a, const void *b)
{
	const struct home *x = a, *y = b;

	return CMP(x->key, y->key);
}

struct homes {
	struct home *v; /* by value */
	uint32_t *keys;
	int64_t *held; /* by index of the key: what a node has */
	size_t n, n_keys;
};

static void cleanup_homes(struct homes *h)
{
	free(h->v);
	free(h->keys);
	free(h->held);
}

static int find_homes(const struct checks *c, struct homes *h)
{
	h->v = calloc(c->n + 1, sizeof(*h->v));
	h->keys = calloc(c->n + 1, sizeof(*h->keys));
	h->held = calloc(c->n + 1, sizeof(*h->held));
	if (!h->v || !h->keys || !h->held)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++)
		if (c->ops[i].kind != CHECK_READ)
			h->v[h->n++] = (struct home){c->ops[i].value, c->ops[i].key, 0};
	qsort(h->v, h->n, sizeof(*h->v), by_home_key);
	for (size_t i = 0; i < h->n; i++) {
		if (!i || h->v[i].key != h->v[i - 1].key)
			h->keys[h->n_keys++] = h->v[i].key;
		h->v[i].index = h->n_keys - 1;
	}
	qsort(h->v, h->n, sizeof(*h->v), by_home);
	return 0;
}

static void read_keys(struct checks *c, const struct history_final *f, struct homes *h)
{
	size_t left = h->n; /* values that nobody wrote may be as many as a hostile file says */

	for (size_t k = 0; k < h->n_keys; k++)
		h->held[k] = CHECK_NIL;
	for (size_t i = 0; i < f->n_runs && left; i++)
		for (int64_t v = f->runs[i].first; v <= f->runs[i].last && left; v++, left--) {
			struct home key = {.value = v};
			const struct home *at = bsearch(&key, h->v, h->n, sizeof(key), by_home);

			if (at)
				h->held[at->index] = v;
		}
	for (size_t k = 0; k < h->n_keys; k++) {
		struct check_op op = final_op(c, f->node, CHECK_READ, h->held[k]);

		op.key = h->keys[k];
		checks__add(c, -1, op);
	}
}

int checks__final_keys(struct checks *c)
{
	_cleanup_free_ const struct history_final **last = writes__last_finals(c->h, c->workload);
	_cleanup_(cleanup_homes) struct homes homes = {0};

	if (!last || c->failed || find_homes(c, &homes))
		return -ENOMEM;
	c->after_ns++;
	for (size_t i = 0; i < c->h->nodes.n; i++)
		if (last[i] && last[i]->ok)
			read_keys(c, last[i], &homes);
	return 0;
}

int checks__final_count(struct checks *c)
{
	_cleanup_free_ const struct history_final **last = writes__last_finals(c->h, c->workload);

	if (!last)
		return -ENOMEM;
	c->after_ns++;
	for (size_t i = 0; i < c->h->nodes.n; i++)
		if (last[i] && last[i]->ok && last[i]->n_runs == 1)
			checks__add(c, -1, final_op(c, (int)i, CHECK_READ, last[i]->runs[0].first));
	return 0;
}
