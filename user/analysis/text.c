// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Room for @n bytes more and the terminator. */
static bool room(struct text *t, size_t n)
{
	size_t want = t->n + n + 1;
	char *v;

	if (t->failed)
		return false;
	if (want <= t->size)
		return true;
	want = want < 64 ? 64 : want + want / 2;
	v = realloc(t->v, want);
	if (!v) {
		t->failed = true;
		return false;
	}
	t->v = v;
	t->size = want;
	return true;
}

void text__put(struct text *t, const char *s, size_t n)
{
	if (!room(t, n))
		return;
	memcpy(t->v + t->n, s, n);
	t->n += n;
	t->v[t->n] = '\0';
}

void text__add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !room(t, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(t->v + t->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

void text__count(struct text *t, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n < 0 ? -(uint64_t)n : (uint64_t)n);

	if (n < 0)
		text__put(t, "-", 1);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text__put(t, ",", 1);
		text__put(t, digits + i, 1);
	}
}

void text__seconds(struct text *t, int64_t ns)
{
	double s = (double)ns / NS_PER_S;

	/* 22.4 s, 0.48 s, 7 ms */
	if (ns < 100 * NS_PER_MS && ns > -100 * NS_PER_MS && ns)
		text__add(t, "%.3g ms", s * 1000);
	else
		text__add(t, s < 1 && s > -1 && ns ? "%.2f s" : "%.1f s", s);
}

void text__at(struct text *t, int64_t ns)
{
	text__add(t, "%+.1f s", (double)ns / NS_PER_S);
}

struct text_rate text__rate(double per_s)
{
	struct text_rate r = {""};
	struct text t = {0};

	if (fabs(per_s) >= 1000 && fabs(per_s) < 1e15) {
		text__count(&t, llround(per_s));
		snprintf(r.v, sizeof(r.v), "%s", t.v ? t.v : "");
		free(t.v);
	} else {
		snprintf(r.v, sizeof(r.v), "%.3g", per_s);
	}
	return r;
}

void text__several(struct text *t, int64_t n, const char *one, const char *many)
{
	text__count(t, n);
	text__add(t, " %s", n == 1 ? one : many);
}

char *text__take(struct text *t)
{
	if (room(t, 0) && !t->n)
		t->v[0] = '\0';
	if (t->failed) {
		free(t->v);
		t->v = NULL;
	}
	return TAKE_PTR(t->v);
}

json_t *json_seconds(int64_t ns)
{
	return ns == HISTORY_NONE ? json_null() : json_real((double)ns / NS_PER_S);
}

json_t *json_count(int64_t n)
{
	return n == HISTORY_NONE ? json_null() : json_integer(n);
}

json_t *json_rate(double x)
{
	return isfinite(x) && x >= 0 ? json_real(x) : json_null();
}

json_t *json_words(const char *s)
{
	_cleanup_free_ char *plain = NULL;
	json_t *o;

	if (!s)
		return json_null();
	o = json_string(s);
	if (!o)
		plain = strdup(s);
	/* A message that was cut short may end within a character. */
	for (char *p = plain; p && *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return o ? o : json_string(plain ? plain : "?");
}
