/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cron.h: the times of a Schedule, in UTC, with the meaning that they have for CronJobs and for Chaos Mesh. Pure.
 */
#ifndef CHAOS_AGENT_CRON_H
#define CHAOS_AGENT_CRON_H

#include "lib/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cron {
	int64_t every_s; /* `@every`: so long after the last time; 0: by the fields below */
	/* bit n: at n; days and months from 1, Sunday is 0 */
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	/* `*` in the field: the other one of the two alone says which days. With neither, one of them must hold. */
	bool any_day, any_weekday;
};

/*
 * "MINUTE HOUR DAY MONTH WEEKDAY" with lists, ranges, steps and names (jan, mon); @hourly, @daily, @midnight,
 * @weekly, @monthly, @yearly, @annually; "@every 1h30m". Before it may stand TZ=UTC or CRON_TZ=UTC; other zones
 * are refused. -EINVAL with the place in the text and what was expected.
 */
int cron__parse(const char *text, struct cron *ret, struct error *err);

/* The first time after @after_s, both seconds since 1970; -1: never, as on 30 February. */
int64_t cron__next(const struct cron *c, int64_t after_s);

#endif
