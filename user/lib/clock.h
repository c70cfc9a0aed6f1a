/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h: CLOCK_MONOTONIC in nanoseconds, the clock of bpf_ktime_get_ns() too, so that user space
 * and the BPF programs speak of the same instants. It stops during suspend.
 */
#ifndef CHAOS_CLOCK_H
#define CHAOS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

static inline int64_t timespec_ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * NS_PER_S + ts->tv_nsec;
}

static inline struct timespec ns_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static inline int64_t clock__now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return timespec_ns(&ts);
}

static inline int64_t clock__realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return timespec_ns(&ts);
}

/* Sleep until the absolute CLOCK_MONOTONIC instant @ns; interrupted sleeps are resumed. */
static inline void clock__sleep_until(int64_t ns)
{
	struct timespec ts = ns_timespec(ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
		;
}

#endif
