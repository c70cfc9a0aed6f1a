/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tc.h: what stands in the clsact hooks of the current namespace, and our filters there.
 *
 * A filter outlives its owner, so it says in its own handle what a stranger must know to remove it:
 * that it is one of ours, and whether the clsact qdisc came with it. Whoever adds one to a device
 * where such a filter stands already inherits the mark, so that the last one to leave takes the
 * qdisc along.
 */
#ifndef CHAOS_DATAPATH_TC_H
#define CHAOS_DATAPATH_TC_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TC_HANDLE_BASE = 0x0c4a0500, /* handles of ours: base + 2 * n + made, n < 64 */
	TC_HANDLE_SLOTS = 64,
	TC_HANDLE_MADE = 1, /* the clsact qdisc is ours */
	TC_PRIO_LAST = 65535,
};

struct tc_filter {
	uint32_t prio;
	uint16_t proto; /* host byte order */
	uint32_t handle;
	uint32_t chain;
	char kind[16];
	uint32_t prog_id; /* of kind "bpf", else 0 */
};

struct tc_filters {
	struct tc_filter *v;
	size_t n, cap;
};

static inline bool tc_filter__handle_is_ours(uint32_t handle)
{
	return handle >= TC_HANDLE_BASE && handle < TC_HANDLE_BASE + 2 * TC_HANDLE_SLOTS;
}

/* A filter that we added. */
struct tc_place {
	uint32_t prio, handle;
	uint32_t prog_id;
};

/* Filters of one direction (enum chaos_direction); an empty list where there is no clsact. */
int tc__filters(int ifindex, int direction, struct tc_filters *ret);
void tc_filters__reset(struct tc_filters *f);

/* Devices that have a qdisc at the clsact place. Caller frees *ret. */
struct tc_clsact {
	int ifindex;
	bool clsact; /* else "ingress", which has no egress side */
};
int tc__clsacts(struct tc_clsact **ret, size_t *ret_n);

/*
 * One message of a dump into a struct tc_filters, tc_clsacts; for libmnl. It need not be the kernel's:
 * see netns_scan__on_link().
 */
struct tc_clsacts {
	struct tc_clsact *v;
	size_t n, cap;
};
struct nlmsghdr;
int tc_filters__on_message(const struct nlmsghdr *h, void *data);
int tc_clsacts__on_message(const struct nlmsghdr *h, void *data);

/* Have a clsact qdisc on the device. @ret_made: it was not there. */
int tc__need_clsact(int ifindex, const char *ifname, bool *ret_made, struct error *err);

/* Add @prog_fd before all filters that are there, disturbing none. */
int tc__attach(int ifindex, int direction, int prog_fd, bool made, struct tc_place *ret);
/* Add it behind them, but for one of another run. */
int tc__attach_last(int ifindex, int direction, int prog_fd, bool made, struct tc_place *ret);
/* Put another program in its place, in one step. */
int tc__replace(int ifindex, int direction, int prog_fd, struct tc_place *place);
/* Remove it if it is still ours. A device that is gone is fine. */
int tc__detach(int ifindex, int direction, const struct tc_place *place);
/* Remove the clsact qdisc if no filter is left in it. */
int tc__drop_empty_clsact(int ifindex);

#endif
