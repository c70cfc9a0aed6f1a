// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/tables.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <string.h>

/* Rows of one compiled table: sorted by key, each key once. */
struct rows {
	const char *v;
	size_t n, row_size, key_size, value_off, value_size;
};

#define ROWS(array, count, key, value)                                                             \
	((struct rows){.v = (const char *)(array),                                                 \
		       .n = (count),                                                               \
		       .row_size = sizeof(*(array)),                                               \
		       .key_size = sizeof((array)->key),                                           \
		       .value_off = offsetof(__typeof__(*(array)), value),                         \
		       .value_size = sizeof((array)->value)})

static struct rows rows_of_idents(const struct compiled *c)
{
	return ROWS(c->idents, c->n_idents, addr, ident);
}

static struct rows rows_of_prefixes(const struct compiled *c)
{
	return ROWS(c->prefixes, c->n_prefixes, key, ident);
}

static struct rows rows_of_pairs(const struct compiled *c)
{
	return ROWS(c->pairs, c->n_pairs, key, pair);
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
	return memcmp(a->v + i * a->row_size, b->v + j * b->row_size, a->key_size);
}

/* Write what is new or different. */
static int write_rows(int fd, const struct rows *was, const struct rows *now)
{
	_cleanup_free_ char *keys = malloc((now->n + 1) * now->key_size);
	_cleanup_free_ char *values = malloc((now->n + 1) * now->value_size);
	struct batch b = {.fd = fd, .keys = keys, .values = values};

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
		memcpy(keys + b.n * now->key_size, row, now->key_size);
		memcpy(values + b.n * now->value_size, row + now->value_off, now->value_size);
		b.n++;
	}
	return flush(&b, now);
}

/* Remove what is in @was alone. */
static int drop_rows(int fd, const struct rows *was, const struct rows *now)
{
	for (size_t i = 0, j = 0; i < was->n; i++) {
		int order;

		while ((order = compare(was, i, now, j)) > 0)
			j++;
		if (order == 0)
			continue;
		order = bpf_map_delete_elem(fd, was->v + i * was->row_size);
		if (order && order != -ENOENT)
			return order;
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
		return err__set(err, r, "no room for more %s in this run: too much has changed since it began",
				what);
	return err__set(err, r, "cannot write the %s to the kernel: %s", what, strerror(-r));
}

int tables__update(const struct table_fds *fds, const struct compiled *was, const struct compiled *now,
		   struct error *err)
{
	struct rows pairs[2] = {rows_of_pairs(was), rows_of_pairs(now)};
	struct rows prefixes[2] = {rows_of_prefixes(was), rows_of_prefixes(now)};
	struct rows idents[2] = {rows_of_idents(was), rows_of_idents(now)};
	int r = write_rules(fds->rules, was, now);

	if (!r)
		r = write_rows(fds->pairs, &pairs[0], &pairs[1]);
	if (r)
		return failed(err, r, "rules");
	r = write_rows(fds->prefixes, &prefixes[0], &prefixes[1]);
	if (!r)
		r = write_rows(fds->idents, &idents[0], &idents[1]);
	if (!r)
		r = drop_rows(fds->idents, &idents[0], &idents[1]);
	if (!r)
		r = drop_rows(fds->prefixes, &prefixes[0], &prefixes[1]);
	if (r)
		return failed(err, r, "addresses");
	r = drop_rows(fds->pairs, &pairs[0], &pairs[1]);
	return r ? failed(err, r, "rules") : 0;
}
