// SPDX-License-Identifier: GPL-2.0-only
#include "kube/skew.h"

#include "lib/clock.h"

/* Quartz of servers is within 100 ppm, and so is what NTP slews by in the main. */
#define DRIFT_PPM 100

static int64_t drift(const struct skew *s, int64_t now_ns)
{
	int64_t age = now_ns > s->at_ns ? now_ns - s->at_ns : 0;

	return age / 1000000 * DRIFT_PPM;
}

bool skew__get(const struct skew *s, int64_t now_ns, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	if (!s->any)
		return false;
	*ret_lo_ns = s->lo_ns - drift(s, now_ns);
	*ret_hi_ns = s->hi_ns + drift(s, now_ns);
	return true;
}

void skew__add(struct skew *s, int64_t sent_ns, int64_t got_ns, int64_t date_s)
{
	int64_t lo, hi, old_lo, old_hi;

	/* A date outside of 1970 ... 2200 would overflow, an answer before its question is none. */
	if (got_ns < sent_ns || date_s < 0 || date_s > 230LL * 366 * 86400)
		return;
	/* It was read at an instant in [date, date + 1 s), which on our clock was in [sent, got]. */
	lo = sent_ns - (date_s + 1) * NS_PER_S;
	hi = got_ns - date_s * NS_PER_S;
	if (skew__get(s, got_ns, &old_lo, &old_hi) && old_lo <= hi && lo <= old_hi) {
		lo = lo > old_lo ? lo : old_lo;
		hi = hi < old_hi ? hi : old_hi;
	}
	*s = (struct skew){.any = true, .lo_ns = lo, .hi_ns = hi, .at_ns = got_ns};
}
