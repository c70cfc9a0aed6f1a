// SPDX-License-Identifier: GPL-2.0-only
/* reader_value.c: what faults are described with: parameters that may move, sizes, words. */
#include "experiment/reader.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#include <string.h>

/* --- parameters that may move ------------------------------------------------------------------ */

static int one_value(const char *s, enum option_type type, double *ret)
{
	uint64_t bytes = 0;
	int64_t ns = 0;
	int err;

	switch (type) {
	case OPTION_PROBABILITY:
	case OPTION_SHARE:
		return units__probability(s, ret);
	case OPTION_SPAN:
		err = units__duration(s, &ns);
		*ret = (double)ns;
		return err;
	case OPTION_BANDWIDTH:
		return units__bandwidth(s, ret);
	case OPTION_SIZE:
		err = units__size(s, &bytes);
		*ret = (double)bytes;
		return err;
	default:
		return units__number(s, ret);
	}
}

/* @s, or both sides of its "..". */
static int scan_moving(const char *s, enum option_type type, struct moving *ret)
{
	const char *dots = strstr(s, "..");
	_cleanup_free_ char *first = NULL;
	struct moving m = {0};
	int err;

	if (!dots) {
		err = one_value(s, type, &m.from);
		if (!err)
			*ret = (struct moving){m.from, m.from};
		return err;
	}
	first = strndup(s, (size_t)(dots - s));
	if (!first)
		return -ENOMEM;
	err = one_value(first, type, &m.from) ?: one_value(dots + 2, type, &m.to);
	if (!err)
		*ret = m;
	return err;
}

/* Bytes a second; beyond any device, and far from where doubles stop counting bytes. */
#define BANDWIDTH_MAX (1000e12 / 8)

/* Whether both ends are in the option's bounds. */
static bool fits(const struct moving *m, const struct option *o)
{
	double lo = m->from < m->to ? m->from : m->to, hi = m->from < m->to ? m->to : m->from;

	switch (o->type) {
	case OPTION_PROBABILITY:
		return hi > 0;
	case OPTION_SHARE:
		return true;
	case OPTION_BANDWIDTH:
		return hi <= BANDWIDTH_MAX;
	default:
		return lo >= (double)o->lo && hi <= (double)o->hi;
	}
}

static void no_such_value(struct reader *r, const struct yaml_node *n, enum option_type type)
{
	static const struct {
		enum option_type type;
		const char *name, *example;
	} kinds[] = {
		{OPTION_PROBABILITY, "probability", "one as in 1% or 0.01, or 1%..5% in a ramp"},
		{OPTION_SHARE, "probability", "one as in 1% or 0.01, or 1%..5% in a ramp"},
		{OPTION_SPAN, "duration",
		 "a number with ns us ms s m h, as in 100ms, or 0ms..100ms in a ramp"},
		{OPTION_BANDWIDTH, "bandwidth",
		 "a number with bit kbit mbit gbit tbit (bits a second) or bps kbps mbps gbps tbps "
		 "(bytes a second), as in 10mbit, or 10mbit..1mbit in a ramp"},
		{OPTION_SIZE, "size", "a number of bytes, as in 1400 or 16kb"},
		{OPTION_NUMBER, "number", "one as in 5 or 2.5"},
	};
	char found[FOUND_SIZE];
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(kinds) && kinds[i].type != type)
		i++;
	reader__fault(r, n->pos, "%s is no %s; expected %s", reader__found(n, found), kinds[i].name,
		      kinds[i].example);
}

static void out_of_range(struct reader *r, const struct yaml_node *n, const struct option *o)
{
	char found[FOUND_SIZE], a[32], b[32];

	reader__found(n, found);
	switch (o->type) {
	case OPTION_PROBABILITY:
		reader__fault(r, n->pos,
			      "%s is out of range; expected more than 0%% and at most 100%%",
			      found);
		break;
	case OPTION_SHARE:
		reader__fault(r, n->pos, "%s is out of range; expected 0%% to 100%%", found);
		break;
	case OPTION_SPAN:
		reader__fault(r, n->pos, "%s is out of range; expected %s to %s", found,
			      units__format_duration(o->lo, a, sizeof(a)),
			      units__format_duration(o->hi, b, sizeof(b)));
		break;
	case OPTION_BANDWIDTH:
		reader__fault(r, n->pos,
			      "%s is out of range; expected more than 0 (a rate of 0 is a "
			      "partition) and at most 1000 tbit",
			      found);
		break;
	default:
		reader__fault(r, n->pos, "%s is out of range; expected %lld to %lld", found,
			      (long long)o->lo, (long long)o->hi);
	}
}

bool reader__moving(struct reader *r, const struct yaml_node *n, const struct option *o,
		    struct moving *ret)
{
	struct moving m = {0};
	int err = n->kind == YAML_SCALAR ? scan_moving(n->text, o->type, &m) : -EINVAL;

	if (err == -ENOMEM) {
		r->nomem = true;
		return false;
	}
	if (err == -EINVAL) {
		no_such_value(r, n, o->type);
		return false;
	}
	if (err || !fits(&m, o)) {
		out_of_range(r, n, o);
		return false;
	}
	if (m.from != m.to && !r->moves) {
		r->moves = true;
		r->moves_at = n->pos;
	}
	*ret = m;
	return true;
}

/* --- single values ------------------------------------------------------------------------------ */

bool reader__size(struct reader *r, const struct yaml_node *n, uint64_t lo, uint64_t hi,
		  uint64_t *ret)
{
	char found[FOUND_SIZE], a[32], b[32];
	uint64_t x = 0;
	int err = n->kind == YAML_SCALAR ? units__size(n->text, &x) : -EINVAL;

	if (!err && x >= lo && x <= hi) {
		*ret = x;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(r, n->pos,
			      "%s is no size; expected bytes with b kb mb gb, as in 16kb",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos, "%s is out of range; expected %s to %s",
			      reader__found(n, found), units__format_size(lo, a, sizeof(a)),
			      units__format_size(hi, b, sizeof(b)));
	return false;
}

int reader__word(struct reader *r, const struct yaml_node *n, const char *what,
		 const char *const *words, size_t n_words)
{
	char found[FOUND_SIZE], hint[HINT_SIZE] = "", list[160];
	size_t used = 0;

	for (size_t i = 0; n->kind == YAML_SCALAR && i < n_words; i++) {
		if (!strcmp(n->text, words[i]))
			return (int)i;
	}
	*list = '\0';
	for (size_t i = 0; i < n_words && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 !i		   ? ""
					 : i + 1 < n_words ? ", "
							   : " or ",
					 words[i]);
	if (n->kind == YAML_SCALAR)
		reader__hint(r, n->text, words, n_words, hint);
	reader__fault(r, n->pos, "%s is no %s; expected %s%s", reader__found(n, found), what, list,
		      hint);
	return -1;
}
