// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge_part.c: one file, line by line. The recorder writes {"t_ns":N,"type":"WORD", first and
 * without blanks: such a line is not parsed further. Any other is, and written anew in that form.
 */
#include "report/merge_internal.h"
#include "lib/cleanup.h"

#include <stdarg.h>
#include <string.h>

#define T_MAX 1000000000000000000LL /* as analysis/history.h: 31 years */

int merge__bad(const struct merge *m, const struct part *p, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err__set(m->err, -EINVAL, "%s:%zu: %s", p->file, p->line_no, what);
}

static bool skip(const char **s, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(end - *s) < n || memcmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

/* The head as the recorder writes it, into @p; false: it is another. */
static bool parse_head(struct part *p)
{
	const char *s = p->line, *end = s + p->len, *word;
	bool minus;
	int64_t t = 0;
	size_t n;

	if (p->len < 2 || end[-1] != '}' || !skip(&s, end, "{\"t_ns\":"))
		return false;
	minus = skip(&s, end, "-");
	if (s == end || *s < '0' || *s > '9')
		return false;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (t > (T_MAX - (*s - '0')) / 10)
			return false;
		t = 10 * t + (*s - '0');
	}
	if (!skip(&s, end, ",\"type\":\""))
		return false;
	for (word = s; s < end && ((*s >= 'a' && *s <= 'z') || *s == '_');)
		s++;
	n = (size_t)(s - word);
	if (!n || n > TYPE_MAX || !skip(&s, end, "\"") || (*s != ',' && s != end - 1))
		return false;
	memcpy(p->type, word, n);
	p->type[n] = '\0';
	p->t_ns = minus ? -t : t;
	p->body = (size_t)(s - p->line);
	return true;
}

/* The text of @o begins with its t_ns and type. */
static int rewrite(struct merge *m, struct part *p, json_t *o)
{
	const json_t *t = json_object_get(o, "t_ns"), *type = json_object_get(o, "type");
	_cleanup_free_ char *text = NULL;
	const char *word;
	char *line = NULL;
	int n;

	if (!json_is_object(o) || !json_is_integer(t) || !json_is_string(type))
		return merge__bad(m, p, "expected an event with `t_ns` and `type`");
	word = json_string_value(type);
	if (strspn(word, "abcdefghijklmnopqrstuvwxyz_") != strlen(word) || strlen(word) > TYPE_MAX)
		return merge__bad(m, p, "no such event: `%.40s`", word);
	n = asprintf(&line, "{\"t_ns\":%lld,\"type\":\"%s\"", (long long)json_integer_value(t),
		     word);
	if (n < 0)
		return -ENOMEM;
	json_object_del(o, "t_ns");
	json_object_del(o, "type");
	text = json_dumps(o, JSON_COMPACT);
	free(p->line);
	p->line = NULL;
	p->size = 0;
	if (text && json_object_size(o))
		text[0] = ',';
	else if (text)
		memmove(text, text + 1, 2);
	if (text)
		n = asprintf(&p->line, "%s%s", line, text);
	free(line);
	if (!text || n < 0) {
		p->line = NULL;
		return -ENOMEM;
	}
	p->len = (size_t)n;
	p->size = p->len + 1;
	return parse_head(p) ? 0 : merge__bad(m, p, "`t_ns`: out of range");
}

/* A line that is not as the recorder writes them, or has no newline. 1, 0: it was cut short, or an error. */
static int look_closer(struct merge *m, struct part *p, bool whole)
{
	json_error_t je;
	json_t *o = json_loadb(p->line, p->len, JSON_REJECT_DUPLICATES, &je);
	int r;

	if (!o && !whole) {
		p->cut = true;
		return 0;
	}
	if (!o)
		return merge__bad(m, p, "column %d: not JSON: %.100s", je.column, je.text);
	r = parse_head(p) ? 0 : rewrite(m, p, o);
	json_decref(o);
	return r ? r : 1;
}

int part__next(struct merge *m, struct part *p)
{
	ssize_t n;
	bool whole;
	int r = 1;

	errno = 0;
	n = getline(&p->line, &p->size, p->f);
	if (n <= 0) {
		p->at_end = true;
		if (!feof(p->f))
			return err__set(m->err, errno ? -errno : -EIO, "%s: %s", p->file,
					strerror(errno ? errno : EIO));
		return 0;
	}
	p->line_no++;
	whole = p->line[n - 1] == '\n';
	p->len = (size_t)n - whole;
	if (!whole || !parse_head(p))
		r = look_closer(m, p, whole);
	p->at_end = r <= 0;
	if (r > 0 && p->t_ns > p->key)
		p->key = p->t_ns;
	return r;
}

int part__rewind(struct merge *m, struct part *p)
{
	rewind(p->f);
	p->line_no = 0;
	p->key = INT64_MIN;
	p->at_end = false;
	return part__next(m, p);
}

json_t *part__json(struct merge *m, struct part *p)
{
	json_error_t je;
	json_t *o = json_loadb(p->line, p->len, JSON_REJECT_DUPLICATES, &je);

	if (!o)
		merge__bad(m, p, "column %d: not JSON: %.100s", je.column, je.text);
	return o;
}

void part__free(struct part *p, size_t n_faults)
{
	if (p->f)
		fclose(p->f);
	for (size_t i = 0; p->cleared && i < n_faults; i++)
		json_decref(p->cleared[i]);
	free(p->cleared);
	free(p->open);
	json_decref(p->run);
	json_decref(p->end);
	free(p->line);
	free(p->node);
	free(p->host);
}

static int written(const struct merge *m, bool ok)
{
	int e = errno ? errno : EIO;

	return ok ? 0
		  : err__set(m->err, -e, "the merged record cannot be written: %s", strerror(e));
}

int part__copy(struct merge *m, const struct part *p)
{
	errno = 0;
	return written(m, fwrite(p->line, 1, p->body, m->out) == p->body &&
				  fputs(p->host, m->out) >= 0 &&
				  fwrite(p->line + p->body, 1, p->len - p->body, m->out) ==
					  p->len - p->body &&
				  fputc('\n', m->out) != EOF);
}

int merge__emit(struct merge *m, const char *type, int64_t t_ns, json_t *fields)
{
	_cleanup_free_ char *text = fields ? json_dumps(fields, JSON_COMPACT) : NULL;
	bool any = json_object_size(fields) > 0;

	json_decref(fields);
	if (!text)
		return err__set(m->err, -ENOMEM, "out of memory");
	errno = 0;
	return written(m, fprintf(m->out, "{\"t_ns\":%lld,\"type\":\"%s\"%s%s\n", (long long)t_ns,
				  type, any ? "," : "", text + 1) > 0);
}

int merge__note(struct merge *m, int64_t t_ns, const char *level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* cut in the middle of a character it is no string */
	for (size_t n = strlen(text); n == sizeof(text) - 1 && n && (text[n - 1] & 0x80);)
		text[--n] = '\0';
	return merge__emit(m, "note", t_ns, json_pack("{s:s,s:s}", "level", level, "text", text));
}
