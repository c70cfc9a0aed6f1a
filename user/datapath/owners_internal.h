/* SPDX-License-Identifier: GPL-2.0-only */
/* owners_internal.h: the ways of owners.c. */
#ifndef CHAOS_OWNERS_INTERNAL_H
#define CHAOS_OWNERS_INTERNAL_H

#include "datapath/intern.h"
#include "datapath/owners.h"

/* What is in a hash map, read at once. */
struct owner_rows {
	void *keys, *values;
	uint32_t n;
};

/* Negative errno, @ret zeroed then. */
int owner_rows__read(int map_fd, struct owner_rows *ret);
void owner_rows__reset(struct owner_rows *rows);

/* Have in processes[], cgroups[] what owners__set() is given. What can be written is, whatever fails. */
int owner_rows__set_processes(int map_fd, const struct owner_process *v, size_t n,
			      uint64_t as_of_ns, struct error *err);
/* Rows of processes[] that have ended, and came before @before_ns, go. */
int owner_rows__forget_ended(int map_fd, uint64_t before_ns);
int owner_rows__set_cgroups(int map_fd, const struct owner_cgroup *v, size_t n, struct error *err);

/*
 * A look (number @number) at the sockets of the owners' processes, by taking each descriptor over for a moment.
 * @settled: what it remembers until the next one, empty at first. Needs CAP_SYS_PTRACE. A socket that no
 * owner's process holds any more is still its last holder's.
 */
int owner_files__look(const struct owner_maps *maps, struct intern *settled, uint32_t number,
		      struct error *err);

#endif
