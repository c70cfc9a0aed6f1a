// SPDX-License-Identifier: GPL-2.0-only
#include "lib/dist.h"

#include "lib/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_MAX ((double)INT16_MAX / DIST_UNIT)
#define VALUE_MIN ((double)INT16_MIN / DIST_UNIT)

enum {
	PHI_LEN_MAX = 65536,
	PHI_SHIFT = 4,	  /* 65536 values of z to DIST_COPULA_LEN entries */
	INDEX_SHIFT = 20, /* 2^32 values of u to DIST_COPULA_LEN entries */
	Z_MAX = INT16_MAX,
	WEIGHT_BITS = 16,
};
_Static_assert(DIST_COPULA_LEN << PHI_SHIFT == 65536, "z to the Phi table");
_Static_assert((1ULL << 32) >> INDEX_SHIFT == DIST_COPULA_LEN, "u to the normal table");

/* P(Z <= z). erfc() keeps its relative precision in the lower tail, 1 - Phi(-z) does not. */
static double phi(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

/*
 * Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.2.23: absolute error below
 * 4.5e-4. @p <= 0.5.
 */
static double normal_quantile_rough(double p)
{
	double t = sqrt(-2 * log(p));
	double above = 2.515517 + t * (0.802853 + t * 0.010328);
	double below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));

	return above / below - t;
}

double dist__normal_quantile(double p)
{
	double z, step;

	if (p > 0.5)
		return -dist__normal_quantile(1 - p);
	z = normal_quantile_rough(p);
	/* Halley: the error e becomes (z^2 / 12 + 1/6) e^3, 1.4e-10 of 4.5e-4 at z = -4. */
	step = (phi(z) - p) * sqrt(2 * M_PI) * exp(0.5 * z * z);
	return z - step / (1 + 0.5 * z * step);
}

static double limited(double x)
{
	return fmin(fmax(x, VALUE_MIN), VALUE_MAX);
}

/* The quantile at (i + 0.5) / n; the upper half mirrored, so that the table is symmetric to the unit. */
static double normal_at(size_t i, size_t n)
{
	if (i >= n - i)
		return -normal_at(n - 1 - i, n);
	return dist__normal_quantile(((double)i + 0.5) / (double)n);
}

static double pareto_at(size_t i, size_t n)
{
	double above = ((double)(n - i) - 0.5) / (double)n;

	return limited((1 / cbrt(above) - 1.5) * 4 / 3);
}

static double quantile_at(enum dist_kind kind, size_t i, size_t n)
{
	switch (kind) {
	case DIST_NORMAL:
		return normal_at(i, n);
	case DIST_PARETO:
		return pareto_at(i, n);
	case DIST_PARETONORMAL:
		return 0.75 * pareto_at(i, n) + 0.25 * normal_at(i, n);
	}
	return NAN;
}

int dist__make(enum dist_kind kind, int16_t *table, size_t n)
{
	if (n < DIST_LEN_MIN || n > DIST_LEN_MAX || (unsigned int)kind > DIST_PARETONORMAL)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		table[i] = (int16_t)lrint(limited(quantile_at(kind, i, n)) * DIST_UNIT);
	return 0;
}

int dist__phi(uint32_t *table, size_t n)
{
	if (n < DIST_LEN_MIN || n > PHI_LEN_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		table[i] = (uint32_t)ldexp(phi(((double)i + 0.5) * 8 / (double)n - 4), 32);
	return 0;
}

/* --- .dist files ------------------------------------------------------------------------------- */

struct scan {
	const char *name;
	const char *p, *end;
	struct pos pos; /* of *p */
	struct error *err;
};

/* Of the word at s->p, in @buf: whole, or its beginning; bytes that a terminal might obey are named. */
static const char *scan__found(const struct scan *s, size_t len, char *buf, size_t size)
{
	size_t shown = 0;

	while (shown < len && shown < 24 && isgraph((unsigned char)s->p[shown]))
		shown++;
	if (!shown)
		snprintf(buf, size, "byte 0x%02x", (unsigned char)*s->p);
	else
		snprintf(buf, size, "`%.*s`%s", (int)shown, s->p, shown < len ? "..." : "");
	return buf;
}

static void scan__advance(struct scan *s)
{
	if (*s->p++ == '\n') {
		s->pos.line++;
		s->pos.col = 1;
	} else {
		s->pos.col++;
	}
}

/* To the next word, over white space and comments; false at the end. */
static bool scan__next(struct scan *s)
{
	bool comment = false;

	while (s->p < s->end) {
		if (*s->p == '\n')
			comment = false;
		else if (*s->p == '#')
			comment = true;
		else if (!comment && !isspace((unsigned char)*s->p))
			return true;
		scan__advance(s);
	}
	return false;
}

static int scan__fault(const struct scan *s, int code, size_t len)
{
	char found[48];

	return err__set(s->err, code,
			"%.512s:%d:%d: found %s; expected a whole number from %d to %d", s->name,
			s->pos.line, s->pos.col, scan__found(s, len, found, sizeof(found)),
			INT16_MIN, INT16_MAX);
}

static int scan__number(struct scan *s, int16_t *ret)
{
	size_t len = 0, sign = *s->p == '-' || *s->p == '+';
	size_t left = (size_t)(s->end - s->p);
	int32_t value = 0;

	while (len < left && !isspace((unsigned char)s->p[len]) && s->p[len] != '#')
		len++;
	if (len == sign)
		return scan__fault(s, -EINVAL, len);
	for (size_t i = sign; i < len; i++) {
		if (!isdigit((unsigned char)s->p[i]))
			return scan__fault(s, -EINVAL, len);
		/* Out of range stays so. */
		if (value <= -INT16_MIN)
			value = value * 10 + (s->p[i] - '0');
	}
	if (*s->p == '-')
		value = -value;
	if (value < INT16_MIN || value > INT16_MAX)
		return scan__fault(s, -ERANGE, len);
	*ret = (int16_t)value;
	s->p += len;
	s->pos.col += (int)len;
	return 0;
}

static int compare(const void *a, const void *b)
{
	int16_t x = *(const int16_t *)a, y = *(const int16_t *)b;

	return (x > y) - (x < y);
}

int dist__parse(const char *name, const char *text, size_t len, int16_t **ret, size_t *ret_n,
		struct error *err)
{
	struct scan s = {.name = name, .p = text, .end = text + len, .pos = {1, 1}, .err = err};
	_cleanup_free_ int16_t *table = calloc(DIST_LEN_MAX, sizeof(*table));
	size_t n = 0;

	if (!table)
		return err__set(err, -ENOMEM, "%.512s: out of memory", name);
	while (scan__next(&s)) {
		int r;

		if (n == DIST_LEN_MAX)
			return err__set(
				err, -ERANGE,
				"%.512s:%d:%d: more than %d numbers; expected at most that many",
				name, s.pos.line, s.pos.col, DIST_LEN_MAX);
		r = scan__number(&s, &table[n]);
		if (r)
			return r;
		n++;
	}
	if (!n)
		return err__set(err, -EINVAL,
				"%.512s:%d:%d: found no number; expected 1 to %d of them", name,
				s.pos.line, s.pos.col, DIST_LEN_MAX);
	qsort(table, n, sizeof(*table), compare);
	*ret = TAKE_PTR(table);
	*ret_n = n;
	return 0;
}

/* All of @fd, at most @size bytes. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

int dist__load(const char *path, int16_t **ret, size_t *ret_n, struct error *err)
{
	/* A FIFO without a writer must not hold us up. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err__set(err, -errno, "%.512s: %s; expected a distribution table", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err__set(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
				"%.512s: found a %s; expected a file, a distribution table", path,
				S_ISDIR(st.st_mode) ? "directory" : "device, pipe or socket");
	/* One byte more than may be, so that a file which grows or has no size is seen to be too large. */
	text = malloc(DIST_FILE_MAX + 1);
	if (!text)
		return err__set(err, -ENOMEM, "%.512s: out of memory", path);
	len = read_all(fd, text, DIST_FILE_MAX + 1);
	if (len < 0)
		return err__set(err, (int)len, "%.512s: %s", path, strerror((int)-len));
	if (len > DIST_FILE_MAX)
		return err__set(err, -EFBIG,
				"%.512s: found more than %d bytes; expected at most that many",
				path, DIST_FILE_MAX);
	return dist__parse(path, text, (size_t)len, ret, ret_n, err);
}

/* --- the draw ---------------------------------------------------------------------------------- */

int dist__weights(double rho, uint32_t *ret_correlation, uint32_t *ret_innovation)
{
	double one = 1 << WEIGHT_BITS, c;

	if (!(rho >= 0 && rho < 1))
		return -EINVAL;
	c = fmin(rint(rho * one), one - 1);
	*ret_correlation = (uint32_t)c;
	*ret_innovation = (uint32_t)lrint(sqrt(one * one - c * c));
	return 0;
}

uint32_t dist__correlate(struct dist_copula *c, uint32_t u)
{
	int64_t z, innovation;

	if (!c->correlation)
		return u;
	z = innovation = c->normal[u >> INDEX_SHIFT];
	/* The first is correlated with nothing. To the nearest: rounding down would add up to a bias. */
	if (c->known)
		z = (c->z * (int64_t)c->correlation + innovation * c->innovation +
		     (1 << (WEIGHT_BITS - 1))) >>
		    WEIGHT_BITS;
	if (z > Z_MAX)
		z = Z_MAX;
	if (z < -Z_MAX)
		z = -Z_MAX;
	c->known = true;
	c->z = (int32_t)z;
	return c->phi[(uint32_t)(z + Z_MAX + 1) >> PHI_SHIFT];
}

int64_t dist__delay(const int16_t *table, size_t n, int64_t mu_ns, int64_t sigma_ns, uint32_t u)
{
	int64_t ns;

	if (table)
		ns = mu_ns + ((sigma_ns * table[((uint64_t)u * n) >> 32]) >> 13);
	else
		ns = mu_ns - sigma_ns + ((2 * sigma_ns * (int64_t)(u >> 8)) >> 24);
	return ns > 0 ? ns : 0;
}
_Static_assert(DIST_UNIT == 1 << 13, "the shift of dist__delay()");
