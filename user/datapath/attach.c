// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/attach.h"

#include "datapath/bpf_log.h"
#include "datapath/chaos_abi_user.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <limits.h>
#include <string.h>

/* linux/bpf.h of Linux 6.6; the headers that we build with may be older. */
enum {
	ATTACH_TCX_INGRESS = 46,
	ATTACH_TCX_EGRESS = 47,
	ATTACH_F_BEFORE = 1 << 3, /* without a relative: before all */
	ATTACH_F_AFTER = 1 << 4,  /* behind all */
	ATTACH_MAX = 64,	  /* programs at one device and direction (BPF_MPROG_MAX) */
};

static int link_create(int prog_fd, int ifindex, int direction, __u32 where)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = where);

	return bpf_link_create(prog_fd, ifindex,
			       (enum bpf_attach_type)(direction == CHAOS_INGRESS
							      ? ATTACH_TCX_INGRESS
							      : ATTACH_TCX_EGRESS),
			       &opts);
}

bool attach__has_tcx(int prog_fd)
{
	/* A kernel that knows tcx looks for the device; one that does not refuses the type. */
	int fd = link_create(prog_fd, INT_MAX, CHAOS_INGRESS, ATTACH_F_BEFORE);

	safe_close(fd);
	return fd >= 0 || fd == -ENODEV;
}

static int open_tcx(struct attach *a, const char *ifname, const struct attach_progs *progs,
		    struct error *err)
{
	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++) {
		int fd;

		if (progs->fd[d] < 0)
			continue;
		fd = link_create(progs->fd[d], a->ifindex, d, ATTACH_F_BEFORE);
		if (fd < 0)
			return err__set(err, fd, "%s: cannot attach by tcx: %s", ifname,
					strerror(-fd));
		a->link_fd[d] = fd;
	}
	return 0;
}

/* The qdisc is ours if the mark of another run's says so. */
static void inherit(struct attach *a)
{
	if (a->place[CHAOS_INGRESS].handle & TC_HANDLE_MADE)
		a->made = true;
}

static int open_clsact(struct attach *a, const char *ifname, const struct attach_progs *progs,
		       struct error *err)
{
	int r = tc__need_clsact(a->ifindex, ifname, &a->made, err);

	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS && !r; d++) {
		if (progs->fd[d] < 0)
			continue;
		r = tc__attach(a->ifindex, d, progs->fd[d], a->made, &a->place[d]);
		if (r)
			return err__set(err, r, "%s: cannot add a filter: %s%s%s", ifname,
					strerror(-r), *bpf_log__tail() ? ": " : "",
					bpf_log__tail());
	}
	if (!r)
		inherit(a);
	return r;
}

/* In the device's namespace already. */
static void detach(struct attach *a)
{
	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++) {
		a->link_fd[d] = safe_close(a->link_fd[d]);
		if (!a->tcx && a->place[d].handle)
			tc__detach(a->ifindex, d, &a->place[d]);
	}
	if (a->made)
		tc__drop_empty_clsact(a->ifindex);
	a->made = false;
}

int attach__open(int netns_fd, int ifindex, const char *ifname, const struct attach_progs *progs,
		 bool tcx, struct attach *ret, struct error *err)
{
	struct attach a = {.tcx = tcx, .ifindex = ifindex, .link_fd = {-1, -1}};
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(netns_fd, &old);

	if (r)
		return err__set(err, r, "cannot enter the namespace of %s: %s", ifname,
				strerror(-r));
	r = tcx ? open_tcx(&a, ifname, progs, err) : open_clsact(&a, ifname, progs, err);
	if (r) {
		detach(&a);
		return r;
	}
	*ret = a;
	return 0;
}

static int open_last(struct attach *a, const char *ifname, int prog_fd, struct error *err)
{
	int r;

	if (a->tcx) {
		r = link_create(prog_fd, a->ifindex, CHAOS_INGRESS, ATTACH_F_AFTER);
		if (r >= 0)
			a->link_fd[CHAOS_INGRESS] = r;
	} else {
		r = tc__need_clsact(a->ifindex, ifname, &a->made, err);
		if (r)
			return r;
		r = tc__attach_last(a->ifindex, CHAOS_INGRESS, prog_fd, a->made,
				    &a->place[CHAOS_INGRESS]);
		inherit(a);
	}
	return r < 0 ? err__set(err, r, "%s: cannot attach behind the others: %s", ifname,
				strerror(-r))
		     : 0;
}

int attach__open_last(int netns_fd, int ifindex, const char *ifname, int prog_fd, bool tcx,
		      struct attach *ret, struct error *err)
{
	struct attach a = {.tcx = tcx, .ifindex = ifindex, .link_fd = {-1, -1}};
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(netns_fd, &old);

	if (r)
		return err__set(err, r, "cannot enter the namespace of %s: %s", ifname,
				strerror(-r));
	r = open_last(&a, ifname, prog_fd, err);
	if (r) {
		detach(&a);
		return r;
	}
	*ret = a;
	return 0;
}

static bool is_of_chaos(__u32 prog_id)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);

	/* One that has just gone is nobody's. */
	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
	       !strncmp(info.name, "chaos_", strlen("chaos_"));
}

static bool others_by_tcx(int ifindex)
{
	__u32 ids[ATTACH_MAX], n = ARRAY_SIZE(ids);
	__u32 flags = 0;

	if (bpf_prog_query(ifindex, (enum bpf_attach_type)ATTACH_TCX_INGRESS, 0, &flags, ids, &n))
		return false;
	for (__u32 i = 0; i < n; i++)
		if (!is_of_chaos(ids[i]))
			return true;
	return false;
}

bool attach__has_others(int netns_fd, int ifindex, bool tcx)
{
	_cleanup_(netns__leave) int old = -1;
	struct tc_filters f = {0};
	bool others = false;

	if (netns__enter(netns_fd, &old))
		return false;
	if (tcx)
		return others_by_tcx(ifindex);
	if (tc__filters(ifindex, CHAOS_INGRESS, &f))
		return false;
	/* A row without a handle is the head of a priority's list. */
	for (size_t i = 0; i < f.n; i++)
		others |= f.v[i].handle && !tc_filter__handle_is_ours(f.v[i].handle);
	tc_filters__reset(&f);
	return others;
}

int attach__replace(int netns_fd, struct attach *a, const struct attach_progs *progs,
		    struct error *err)
{
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(netns_fd, &old);

	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS && !r; d++) {
		if (a->tcx)
			r = bpf_link_update(a->link_fd[d], progs->fd[d], NULL);
		else
			r = tc__replace(a->ifindex, d, progs->fd[d], &a->place[d]);
	}
	return r ? err__set(err, r, "cannot change the programs at a device: %s", strerror(-r)) : 0;
}

void attach__close(int netns_fd, struct attach *a)
{
	_cleanup_(netns__leave) int old = -1;

	/* Links need no namespace to go away. */
	if (a->tcx || netns__enter(netns_fd, &old) == 0)
		detach(a);
}
