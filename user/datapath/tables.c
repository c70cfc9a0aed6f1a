// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/tables.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <string.h>

/* Rows of one compiled table: they begin with a sort key, each once, of which the map's key is a
 * part. */
struct rows {
	const char *v;
	size_t n, row_size, sort_size, key_off, key_size, value_off, value_size;
	const int *fds; /* the maps; by the scope that the row begins with if @scoped, else one */
	bool scoped;
};

#define ROWS(array, count, key, value, maps, has_scope)                    \
	((struct rows){.v = (const char *)(array),                         \
		       .n = (count),                                       \
		       .row_size = sizeof(*(array)),                       \
		       .sort_size = offsetof(__typeof__(*(array)), value), \
		       .key_off = offsetof(__typeof__(*(array)), key),     \
		       .key_size = sizeof((array)->key),                   \
		       .value_off = offsetof(__typeof__(*(array)), value), \
		       .value_size = sizeof((array)->value),               \
		       .fds = (maps),                                      \
		       .scoped = (has_scope)})

static struct rows rows_of_idents(const struct compiled *c, const struct table_fds *fds)
{
	return ROWS(c->idents, c->n_idents, addr, ident, &fds->idents, false);
}

static struct rows rows_of_prefixes(const struct compiled *c, const struct table_fds *fds)
{
	return ROWS(c->prefixes, c->n_prefixes, key, ident, &fds->prefixes, false);
}

static struct rows rows_of_pairs(const struct compiled *c, const struct table_fds *fds)
{
	return ROWS(c->pairs, c->n_pairs, key, pair, fds->pairs, true);
}

static struct rows rows_of_joins(const struct compiled *c, const struct table_fds *fds)
{
	return ROWS(c->joins, c->n_joins, key, ident, &fds->joins, false);
}

static int fd_of(const struct rows *r, const char *row)
{
	uint32_t scope = 0;

	if (r->scoped)
		memcpy(&scope, row, sizeof(scope));
	return r->fds[scope];
}

/* Entries to write, gathered for one system call. */
struct batch {
	int fd;
	char *keys, *values;
	__u32 n;
};

static int flush(struct batch *b, const struct rows *r)
{
	__u32 done = b->n;
	int ret;

	if (!b->n)
		return 0;
	/* Linux 5.6; for tries later. */
	ret = bpf_map_update_batch(b->fd, b->keys, b->values, &done, NULL);
	if (ret == -EINVAL || ret == -ENOTSUP || ret == -524 /* ENOTSUPP */) {
		ret = 0;
		for (__u32 i = 0; i < b->n && !ret; i++)
			ret = bpf_map_update_elem(b->fd, b->keys + i * r->key_size,
						  b->values + i * r->value_size, BPF_ANY);
	}
	b->n = 0;
	return ret;
}

/* Where @was and @now are at: keys are compared as bytes, and both are sorted so. */
static int compare(const struct rows *a, size_t i, const struct rows *b, size_t j)
{
	if (i == a->n || j == b->n)
		return (i == a->n) - (j == b->n);
	return memcmp(a->v + i * a->row_size, b->v + j * b->row_size, a->sort_size);
}

/* Write what is new or different. */
static int write_rows(const struct rows *was, const struct rows *now)
{
	_cleanup_free_ char *keys = malloc((now->n + 1) * now->key_size);
	_cleanup_free_ char *values = malloc((now->n + 1) * now->value_size);
	struct batch b = {.fd = -1, .keys = keys, .values = values};
	int r;

	if (!keys || !values)
		return -ENOMEM;
	for (size_t i = 0, j = 0; j < now->n; j++) {
		const char *row = now->v + j * now->row_size;
		int order;

		while ((order = compare(was, i, now, j)) < 0)
			i++;
		if (order == 0 && !memcmp(was->v + i * was->row_size + was->value_off,
					  row + now->value_off, now->value_size))
			continue;
		if (fd_of(now, row) != b.fd) {
			r = flush(&b, now);
			if (r)
				return r;
			b.fd = fd_of(now, row);
		}
		memcpy(keys + b.n * now->key_size, row + now->key_off, now->key_size);
		memcpy(values + b.n * now->value_size, row + now->value_off, now->value_size);
		b.n++;
	}
	return flush(&b, now);
}

/* Remove what is in @was alone. */
static int drop_rows(const struct rows *was, const struct rows *now)
{
	for (size_t i = 0, j = 0; i < was->n; i++) {
		const char *row = was->v + i * was->row_size;
		int order, r;

		while ((order = compare(was, i, now, j)) > 0)
			j++;
		if (order == 0)
			continue;
		r = bpf_map_delete_elem(fd_of(was, row), row + was->key_off);
		if (r && r != -ENOENT)
			return r;
	}
	return 0;
}

static int write_rules(int fd, const struct compiled *was, const struct compiled *now)
{
	/* Numbers keep their meaning: only new ones. */
	for (size_t i = was->n_rules; i < now->n_rules; i++) {
		__u32 key = (__u32)i;
		int r = bpf_map_update_elem(fd, &key, &now->rules[i], BPF_ANY);

		if (r)
			return r;
	}
	return 0;
}

static int failed(struct error *err, int r, const char *what)
{
	if (r == -E2BIG || r == -ENOSPC)
		return err__set(
			err, r,
			"no room for more %s in this run: too much has changed since it began",
			what);
	return err__set(err, r, "cannot write the %s to the kernel: %s", what, strerror(-r));
}

int tables__update(const struct table_fds *fds, const struct compiled *was,
		   const struct compiled *now, struct error *err)
{
	struct rows pairs[2] = {rows_of_pairs(was, fds), rows_of_pairs(now, fds)};
	struct rows prefixes[2] = {rows_of_prefixes(was, fds), rows_of_prefixes(now, fds)};
	struct rows joins[2] = {rows_of_joins(was, fds), rows_of_joins(now, fds)};
	struct rows idents[2] = {rows_of_idents(was, fds), rows_of_idents(now, fds)};
	int r = write_rules(fds->rules, was, now);

	if (!r)
		r = write_rows(&pairs[0], &pairs[1]);
	if (r)
		return failed(err, r, "rules");
	/* Before an address has a new class, owners are known at it. */
	r = write_rows(&joins[0], &joins[1]);
	if (r)
		return failed(err, r, "owners");
	r = write_rows(&prefixes[0], &prefixes[1]);
	if (!r)
		r = write_rows(&idents[0], &idents[1]);
	if (!r)
		r = drop_rows(&idents[0], &idents[1]);
	if (!r)
		r = drop_rows(&prefixes[0], &prefixes[1]);
	if (r)
		return failed(err, r, "addresses");
	r = drop_rows(&joins[0], &joins[1]);
	if (r)
		return failed(err, r, "owners");
	r = drop_rows(&pairs[0], &pairs[1]);
	return r ? failed(err, r, "rules") : 0;
}
