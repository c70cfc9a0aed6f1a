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
	if (f->text && r->path[0]) {
		_cleanup_free_ char *words = f->text;

		if (asprintf(&f->text, "%s: %s", r->path, words) < 0)
			f->text = NULL;
	}
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

size_t reader__enter(struct reader *r, const char *key, size_t index)
{
	size_t n = strlen(r->path);

	if (r->tells_path && key)
		snprintf(r->path + n, sizeof(r->path) - n, "%s%.64s", n ? "." : "", key);
	else if (r->tells_path)
		snprintf(r->path + n, sizeof(r->path) - n, "[%zu]", index);
	return n;
}

void reader__leave(struct reader *r, size_t path)
{
	r->path[path] = '\0';
}

static int by_pos(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->pos.file != y->pos.file)
		return !x->pos.file ? -1 : !y->pos.file ? 1 : strcmp(x->pos.file, y->pos.file);
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->pos.col < y->pos.col ? -1 : x->pos.col > y->pos.col;
}

/* Whether @a stands before @b in a text, or at the same place. */
static bool is_before(struct pos a, struct pos b)
{
	return a.line < b.line || (a.line == b.line && a.col <= b.col);
}

const char *reader__path_to(const struct yaml_node *root, struct pos pos, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	/* what is below a node stands behind it, and before the next one */
	while (root->kind != YAML_SCALAR && used < size &&
	       (root->pos.line != pos.line || root->pos.col != pos.col)) {
		size_t step = root->kind == YAML_MAPPING ? 2 : 1, at = SIZE_MAX;

		for (size_t i = 0; i < root->n; i += step)
			if (is_before(root->items[i]->pos, pos) &&
			    (at == SIZE_MAX ||
			     is_before(root->items[at]->pos, root->items[i]->pos)))
				at = i;
		if (at == SIZE_MAX)
			break;
		if (step == 1)
			used += (size_t)snprintf(buf + used, size - used, "[%zu]", at);
		else if (root->items[at]->kind == YAML_SCALAR)
			used += (size_t)snprintf(buf + used, size - used, "%s%.64s",
						 used ? "." : "", root->items[at]->text);
		root = root->items[at + step - 1];
	}
	return buf;
}

/* "file:line:col" of a finding, or the path to it. */
static const char *place_of(const struct reader *r, const struct finding *f, char *buf, size_t size)
{
	if (r->root) {
		reader__path_to(r->root, f->pos, buf, size);
		for (char *p = buf; *p; p++)
			if (iscntrl((unsigned char)*p))
				*p = '?';
	} else {
		snprintf(buf, size, "%s:%d:%d", f->pos.file ? f->pos.file : r->file, f->pos.line,
			 f->pos.col);
	}
	return buf;
}

/* Room for the line that counts the findings which did not fit. */
#define MORE_SIZE 40
#define PLACE_SIZE 1024

int reader__finish(struct reader *r, struct error *err)
{
	struct error all = {.code = -EINVAL};
	size_t used = 0, shown = 0;

	qsort(r->findings, r->n_findings, sizeof(*r->findings), by_pos);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];
		size_t room = sizeof(all.msg) - MORE_SIZE - used;
		char place[PLACE_SIZE];
		int n;

		place_of(r, f, place, sizeof(place));
		n = snprintf(all.msg + used, room, "%s%s%s%s", used ? "\n" : "", place,
			     *place ? ": " : "", f->text);

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
			      n->kind == YAML_SCALAR && !yaml__is_null(n) ? ""
									  : reader__found(n, found),
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

static bool in_range(struct reader *r, const struct yaml_node *n, int64_t ns, int64_t lo,
		     int64_t hi)
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
			      n->kind == YAML_SCALAR && *n->text == '-' ? "one that is not negative"
									: expected);
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

bool reader__fraction(struct reader *r, const struct yaml_node *n, double *ret)
{
	char found[FOUND_SIZE];
	double x = 0;
	int err = n->kind == YAML_SCALAR ? units__probability(n->text, &x) : -EINVAL;

	if (!err && x < 1) {
		*ret = x;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(r, n->pos, "%s is no fraction; expected one as in 1%% or 0.01",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos,
			      "%s is out of range; expected 0%% up to, not including, 100%%",
			      reader__found(n, found));
	return false;
}

bool reader__rate(struct reader *r, const struct yaml_node *n, int64_t hi, double *ret)
{
	char found[FOUND_SIZE];
	double x = 0;
	int err = n->kind == YAML_SCALAR ? units__rate(n->text, &x) : -EINVAL;

	if (!err && x <= (double)hi) {
		*ret = x;
		return true;
	}
	if (err == -EINVAL)
		reader__fault(r, n->pos,
			      "%s is no rate; expected a number with /s /m /h, as in 100/s",
			      reader__found(n, found));
	else
		reader__fault(r, n->pos,
			      "%s is out of range; expected more than 0 and at most %lld/s",
			      reader__found(n, found), (long long)hi);
	return false;
}
