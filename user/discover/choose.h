/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * choose.h: what one selector chooses, by kind. Each fills a struct chosen, or returns -ENOENT, -ESRCH
 * or -EINVAL with words, or -ENOMEM without.
 */
#ifndef CHAOS_DISCOVER_CHOOSE_H
#define CHAOS_DISCOVER_CHOOSE_H

#include "discover/internal.h"

/* A flag for each process; and for each namespace, where no process need be. */
struct chosen {
	bool *process, *netns;
	const struct discover_only *only; /* of pods; NULL: all that match */
};

typedef int choose_fn(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		      struct error *err);

choose_fn choose__processes, choose__cgroup, choose__unit, choose__container, choose__pods,
	choose__netns, choose__cidr, choose__interface;

/* The flag of every process whose parent has it, to any depth. 0 or -ENOMEM. */
int choose__descendants(const struct snapshot *s, bool *process);

/* All processes of the cgroups whose flag is set; false: none. */
bool choose__of_cgroups(const struct snapshot *s, const bool *cgroup, struct chosen *c);

/* -ESRCH, or -EINVAL where @pid is a thread's: why there is no such process. */
int choose__no_process(const struct snapshot *s, pid_t pid, struct error *err);

/*
 * -ENOENT: no @what `@value`; with the nearest of the names that @name gives for each of @n things, NULL
 * for one that has none.
 */
int choose__none_of(const struct snapshot *s, const char *what, const char *value, size_t n,
		    const char *(*name)(const struct snapshot *s, size_t i), struct error *err);

#endif
