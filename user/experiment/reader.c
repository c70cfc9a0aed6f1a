// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/reader.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"
#include "lib/units.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* --- findings --------------------------------------------------------------------------------- */

void reader__fault(struct reader *r, struct pos pos, const char *fmt, ...)
{
	struct finding *f;
	va_list ap;

	if (r->n_findings == FINDINGS_MAX) {
		r->n_dropped++;
		return;
	}
	f = &r->findings[r->n_findings];
	f->pos = pos;
	va_start(ap, fmt);
	if (vasprintf(&f->text, fmt, ap) < 0)
		f->text = NULL;
	va_end(ap);
	if (!f->text) {
		r->nomem = true;
		return;
	}
	/* one finding is one line, whatever the file put into it */
	for (char *p = f->text; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = '?';
	}
	r->n_findings++;
}

static int by_pos(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->pos.col < y->pos.col ? -1 : x->pos.col > y->pos.col;
}

/* Room for the line that counts the findings which did not fit. */
#define MORE_SIZE 40

int reader__finish(struct reader *r, struct error *err)
{
	struct error all = {.code = -EINVAL};
	size_t used = 0, shown = 0;

	qsort(r->findings, r->n_findings, sizeof(*r->findings), by_pos);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];
		size_t room = sizeof(all.msg) - MORE_SIZE - used;
		int n = snprintf(all.msg + used, room, "%s%s:%d:%d: %s", used ? "\n" : "", r->file,
				 f->pos.line, f->pos.col, f->text);

		/* whole lines only, but the first one in any case */
		if (n < 0 || ((size_t)n >= room && used)) {
			all.msg[used] = '\0';
			break;
		}
		used += (size_t)n < room ? (size_t)n : room - 1;
		shown++;
	}
	if (shown < r->n_findings + r->n_dropped)
		snprintf(all.msg + used, MORE_SIZE, "\n... and %zu more",
			 r->n_findings + r->n_dropped - shown);
	for (size_t i = 0; i < r->n_findings; i++)
		free(r->findings[i].text);
	if (!r->n_findings && !r->nomem)
		return 0;
	r->n_findings = 0;
	if (r->nomem)
		return err__set(err, -ENOMEM, "%s: out of memory", r->file);
	if (err)
		*err = all;
	return -EINVAL;
}

/* What fits a message, cut at a whole character. */
#define SHOWN_MAX 48

const char *reader__found(const struct yaml_node *n, char *buf)
{
	size_t len;

	if (n->kind != YAML_SCALAR) {
		snprintf(buf, FOUND_SIZE, n->kind == YAML_MAPPING ? "a mapping" : "a list");
	} else if (yaml__is_null(n)) {
		snprintf(buf, FOUND_SIZE, "nothing");
	} else {
		len = strlen(n->text);
		if (len > SHOWN_MAX)
			for (len = SHOWN_MAX; (n->text[len] & 0xc0) == 0x80; len--)
				;
		snprintf(buf, FOUND_SIZE, "`%.*s%s`", (int)len, n->text, n->text[len] ? "..." : "");
	}
	return buf;
}

const char *reader__hint(const struct reader *r, const char *word, const char *const *words,
			 size_t n, char *buf)
{
	const char *near = NULL;

	/* the search is the dear part of a finding: none for those that nobody will see */
	if (r->n_findings < FINDINGS_MAX)
		near = nearest__word(word, words, n);
	*buf = '\0';
	if (near)
		snprintf(buf, HINT_SIZE, "; did you mean `%s`?", near);
	return buf;
}

/* --- memory ----------------------------------------------------------------------------------- */

char *reader__strdup(struct reader *r, const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		r->nomem = true;
	return copy;
}

void *reader__grow(struct reader *r, void *v, size_t *n, size_t size)
{
	char *old, *grown;

	/* @v points to a pointer of any type */
	memcpy(&old, v, sizeof(old));
	/* room doubles at powers of two */
	if ((*n & (*n - 1)) == 0) {
		grown = realloc(old, (*n ? *n * 2 : 1) * size);
		if (!grown) {
			r->nomem = true;
			return NULL;
		}
		old = grown;
		memcpy(v, &old, sizeof(old));
	}
	old += *n * size;
	memset(old, 0, size);
	(*n)++;
	return old;
}

/* --- single values ---------------------------------------------------------------------------- */

bool reader__string(struct reader *r, const struct yaml_node *n, const char *what, char **ret)
{
	char found[FOUND_SIZE], *copy;

	if (n->kind != YAML_SCALAR || yaml__is_null(n) || !*n->text) {
		reader__fault(r, n->pos, "%s%s; expected %s",
			      n->kind == YAML_SCALAR && !yaml__is_null(n) ? "empty text" : "found ",
			      n->kind == YAML_SCALAR && !yaml__is_null(n) ? "" :
									    reader__found(n, found),
			      what);
		return false;
	}
	copy = reader__strdup(r, n->text);
	if (!copy)
		return false;
	free(*ret);
	*ret = copy;
	return true;
}

bool reader__bool(struct reader *r, const struct yaml_node *n, bool *ret)
{
	char found[FOUND_SIZE];

	if (n->kind == YAML_SCALAR && n->plain && !strcmp(n->text, "true")) {
		*ret = true;
		return true;
	}
	if (n->kind == YAML_SCALAR && n->plain && !strcmp(n->text, "false")) {
		*ret = false;
		return true;
	}
	reader__fault(r, n->pos, "%s is no truth value; expected true or false",
		      reader__found(n, found));
	return false;
}

bool reader__u64(struct reader *r, const struct yaml_node *n, uint64_t lo, uint64_t hi,
		 uint64_t *ret)
{
	char found[FOUND_SIZE];
	uint64_t x;
	char *end;

	errno = 0;
	if (n->kind == YAML_SCALAR && isdigit((unsigned char)*n->text)) {
		x = strtoull(n->text, &end, 10);
		if (!*end && !errno && x >= lo && x <= hi) {
			*ret = x;
			return true;
		}
		if (!*end) {
			reader__fault(r, n->pos, "%s is out of range; expected %llu to %llu",
				      reader__found(n, found), (unsigned long long)lo,
				      (unsigned long long)hi);
			return false;
		}
	}
	reader__fault(r, n->pos, "%s is no whole number; expected %llu to %llu",
		      reader__found(n, found), (unsigned long long)lo, (unsigned long long)hi);
	return false;
}

static bool in_range(struct reader *r, const struct yaml_node *n, int64_t ns, int64_t lo, int64_t hi)
{
	char found[FOUND_SIZE], a[32], b[32];

	if (ns >= lo && ns <= hi)
		return true;
	if (lo == 1 && ns < lo)
		reader__fault(r, n->pos, "%s is no time span; expected more than 0",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos, "%s is out of range; expected %s to %s",
			      reader__found(n, found), units__format_duration(lo, a, sizeof(a)),
			      units__format_duration(hi, b, sizeof(b)));
	return false;
}

/* Say why @n is no duration. */
static void bad_duration(struct reader *r, const struct yaml_node *n, int why, const char *expected)
{
	char found[FOUND_SIZE];

	if (why == -ERANGE)
		reader__fault(r, n->pos, "%s is too long; expected at most 292 years",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos, "%s is no duration; expected %s", reader__found(n, found),
			      n->kind == YAML_SCALAR && *n->text == '-' ?
				      "one that is not negative" :
				      expected);
}

bool reader__duration(struct reader *r, const struct yaml_node *n, int64_t lo, int64_t hi,
		      int64_t *ret)
{
	int64_t ns;
	int err = n->kind == YAML_SCALAR ? units__duration(n->text, &ns) : -EINVAL;

	if (err) {
		bad_duration(r, n, err, "a number with ns us ms s m h, as in 100ms");
		return false;
	}
	if (!in_range(r, n, ns, lo, hi))
		return false;
	*ret = ns;
	return true;
}

bool reader__duration_range(struct reader *r, const struct yaml_node *n, int64_t lo, int64_t hi,
			    int64_t *ret_lo, int64_t *ret_hi)
{
	int64_t from, to;
	int err = n->kind == YAML_SCALAR ? units__duration_range(n->text, &from, &to) : -EINVAL;

	if (err) {
		bad_duration(r, n, err, "one or two in ascending order, as in 0.5s..2s");
		return false;
	}
	if (!in_range(r, n, from, lo, hi) || !in_range(r, n, to, lo, hi))
		return false;
	*ret_lo = from;
	*ret_hi = to;
	return true;
}

static bool read_fraction(struct reader *r, const struct yaml_node *n, enum option_type type,
			  double *ret)
{
	char found[FOUND_SIZE];
	double x = 0;
	int err = n->kind == YAML_SCALAR ? units__probability(n->text, &x) : -EINVAL;
	bool ok = type == OPTION_FRACTION ? x < 1 : x > 0;

	if (!err && ok) {
		*ret = x;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(r, n->pos, "%s is no %s; expected one as in 1%% or 0.01",
			      reader__found(n, found),
			      type == OPTION_FRACTION ? "fraction" : "probability");
	else
		reader__fault(r, n->pos, "%s is out of range; expected %s", reader__found(n, found),
			      type == OPTION_FRACTION ? "0% up to, not including, 100%" :
							"more than 0% and at most 100%");
	return false;
}

static bool read_rate(struct reader *r, const struct yaml_node *n, int64_t hi, double *ret)
{
	char found[FOUND_SIZE];
	double x = 0;
	int err = n->kind == YAML_SCALAR ? units__rate(n->text, &x) : -EINVAL;

	if (!err && x <= (double)hi) {
		*ret = x;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(r, n->pos, "%s is no rate; expected a number with /s /m /h, as in 100/s",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos, "%s is out of range; expected more than 0 and at most %lld/s",
			      reader__found(n, found), (long long)hi);
	return false;
}

/* --- lists and mappings ------------------------------------------------------------------------ */

size_t reader__list(struct reader *r, const struct yaml_node *n, const char *what)
{
	if (n->kind != YAML_SEQUENCE && !yaml__is_null(n))
		return 1;
	if (n->kind != YAML_SEQUENCE || !n->n) {
		reader__fault(r, n->pos, "%s; expected %s",
			      n->kind == YAML_SEQUENCE ? "empty list" : "found nothing", what);
		return 0;
	}
	if (n->n > LIST_MAX) {
		reader__fault(r, n->pos, "a list of %zu; expected at most %d", n->n, LIST_MAX);
		return 0;
	}
	return n->n;
}

const struct yaml_node *reader__item(const struct yaml_node *n, size_t i)
{
	return n->kind == YAML_SEQUENCE ? n->items[i] : n;
}

static int by_text(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	int c = strcmp((*x)->text, (*y)->text);

	if (c)
		return c;
	if ((*x)->pos.line != (*y)->pos.line)
		return (*x)->pos.line < (*y)->pos.line ? -1 : 1;
	return (*x)->pos.col < (*y)->pos.col ? -1 : (*x)->pos.col > (*y)->pos.col;
}

/* Sorted, equal keys are neighbours: a mapping of thousands stays cheap. */
static bool unique_keys(struct reader *r, const struct yaml_node *n)
{
	_cleanup_free_ const struct yaml_node **keys = calloc(n->n / 2 + 1, sizeof(struct yaml_node *));
	bool ok = true;

	if (!keys) {
		r->nomem = true;
		return false;
	}
	for (size_t i = 0; i < n->n / 2; i++)
		keys[i] = n->items[2 * i];
	qsort(keys, n->n / 2, sizeof(*keys), by_text);
	for (size_t i = 1; i < n->n / 2; i++) {
		if (strcmp(keys[i]->text, keys[i - 1]->text))
			continue;
		reader__fault(r, keys[i]->pos, "duplicate key `%.64s`; the first is at %d:%d",
			      keys[i]->text, keys[i - 1]->pos.line, keys[i - 1]->pos.col);
		ok = false;
	}
	return ok;
}

size_t reader__pairs(struct reader *r, const struct yaml_node *n, const char *what)
{
	char found[FOUND_SIZE];

	if (n->kind != YAML_MAPPING) {
		reader__fault(r, n->pos, "found %s; expected %s", reader__found(n, found), what);
		return 0;
	}
	if (n->n / 2 > LIST_MAX) {
		reader__fault(r, n->pos, "a mapping of %zu; expected at most %d", n->n / 2, LIST_MAX);
		return 0;
	}
	for (size_t i = 0; i < n->n; i += 2) {
		if (n->items[i]->kind == YAML_SCALAR)
			continue;
		reader__fault(r, n->items[i]->pos, "%s as a key; expected text",
			      reader__found(n->items[i], found));
		return 0;
	}
	return unique_keys(r, n) ? n->n / 2 : 0;
}

bool reader__check_name(struct reader *r, struct pos pos, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len && len <= 63; i++) {
		if (isalnum((unsigned char)name[i]) || (i && strchr("-_.", name[i])))
			continue;
		len = SIZE_MAX;
	}
	if (len && len <= 63)
		return true;
	reader__fault(r, pos,
		      "`%.64s` is no name; expected letters, digits, `-`, `_`, `.`, at most 63",
		      name);
	return false;
}

/* --- tables ------------------------------------------------------------------------------------ */

/* The valid keys of a table as "a, b, c", for a key that is not in this version. */
static const char *key_list(const struct option *options, size_t n, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		if (options[i].type == OPTION_LATER)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 options[i].key);
	}
	return buf;
}

/* The nearest key that the mapping does not have already: `form` beside `for` is `from`. */
static void unknown_key(struct reader *r, const struct yaml_node *map, const struct yaml_node *key,
			const struct option *options, size_t n_options)
{
	const char *words[64];
	char hint[HINT_SIZE], list[256];
	size_t n = 0;

	for (size_t i = 0; i < n_options && n < ARRAY_SIZE(words); i++) {
		if (!yaml__get(map, options[i].key))
			words[n++] = options[i].key;
	}
	reader__hint(r, key->text, words, n, hint);
	if (*hint)
		reader__fault(r, key->pos, "unknown key `%.64s`%s", key->text, hint);
	else
		reader__fault(r, key->pos, "unknown key `%.64s`; expected %s", key->text,
			      key_list(options, n_options, list, sizeof(list)));
}

static const struct option *find_option(const struct option *options, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(options[i].key, key))
			return &options[i];
	}
	return NULL;
}

static void read_option(struct reader *r, const struct option *o, const struct yaml_node *value,
			void *obj)
{
	void *field = (char *)obj + o->offset;
	uint64_t x;

	switch (o->type) {
	case OPTION_STRING:
		reader__string(r, value, "text", field);
		break;
	case OPTION_BOOL:
		reader__bool(r, value, field);
		break;
	case OPTION_UINT:
		if (reader__u64(r, value, (uint64_t)o->lo, (uint64_t)o->hi, &x))
			*(unsigned int *)field = (unsigned int)x;
		break;
	case OPTION_PORT:
		if (reader__u64(r, value, 1, UINT16_MAX, &x))
			*(uint16_t *)field = (uint16_t)x;
		break;
	case OPTION_DURATION:
		reader__duration(r, value, o->lo, o->hi, field);
		break;
	case OPTION_PROBABILITY:
	case OPTION_FRACTION:
		read_fraction(r, value, o->type, field);
		break;
	case OPTION_RATE:
		read_rate(r, value, o->hi, field);
		break;
	case OPTION_CUSTOM:
		o->parse(r, value, obj);
		break;
	case OPTION_HANDLED:
	case OPTION_LATER:
		break;
	}
}

bool reader__map(struct reader *r, const struct yaml_node *n, const char *what,
		 const struct option *options, size_t n_options, void *obj)
{
	char found[FOUND_SIZE], list[256];

	if (n->kind != YAML_MAPPING) {
		reader__fault(r, n->pos, "found %s; expected %s: %s", reader__found(n, found), what,
			      key_list(options, n_options, list, sizeof(list)));
		return false;
	}
	if (n->n && !reader__pairs(r, n, what))
		return false;
	for (size_t i = 0; i < n->n; i += 2) {
		const struct option *o = find_option(options, n_options, n->items[i]->text);

		if (!o)
			unknown_key(r, n, n->items[i], options, n_options);
		else if (o->type == OPTION_LATER)
			reader__fault(r, n->items[i]->pos, "`%s` is not in this version; it has %s",
				      o->key,
				      o->instead ? o->instead :
						   key_list(options, n_options, list, sizeof(list)));
	}
	for (size_t i = 0; i < n_options; i++) {
		const struct yaml_node *value = yaml__get(n, options[i].key);

		if (value)
			read_option(r, &options[i], value, obj);
		else if (options[i].required)
			reader__fault(r, n->pos, "%s needs `%s`", what, options[i].key);
	}
	return true;
}
