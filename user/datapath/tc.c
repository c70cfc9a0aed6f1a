// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/tc.h"

#include "datapath/bpf_log.h"
#include "datapath/chaos_abi_user.h"
#include "lib/cleanup.h"
#include "lib/netlink.h"

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static void cleanup_mnl(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

static enum bpf_tc_attach_point attach_point(int direction)
{
	return direction == CHAOS_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

/* Ask for a dump with @tcm and hand every message to @cb. */
static int dump(uint16_t type, const struct tcmsg *tcm, mnl_cb_t cb, void *data)
{
	_cleanup_(cleanup_mnl) struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	_cleanup_free_ char *buf = malloc(32768);
	struct nlmsghdr *h;
	int r;

	if (!buf)
		return -ENOMEM;
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof(*tcm)), tcm, sizeof(*tcm));
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = netlink__receive(nl, buf, 32768);

		if (n < 0)
			return (int)n;
		r = netlink__run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), cb, data);
	} while (r > 0);
	return r < 0 ? -errno : 0;
}

static int on_bpf_option(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) == TCA_BPF_ID && mnl_attr_get_payload_len(a) >= 4)
		((struct tc_filter *)data)->prog_id = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

int tc_filters__on_message(const struct nlmsghdr *h, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(h);
	struct tc_filters *list = data;
	const struct nlattr *a, *options = NULL;
	struct tc_filter f = {0};

	if (h->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(h) < sizeof(*tcm))
		return MNL_CB_OK;
	f.prio = TC_H_MAJ(tcm->tcm_info) >> 16;
	f.proto = ntohs((uint16_t)TC_H_MIN(tcm->tcm_info));
	f.handle = tcm->tcm_handle;
	mnl_attr_for_each(a, h, sizeof(*tcm))
	{
		if (mnl_attr_get_type(a) == TCA_KIND)
			snprintf(f.kind, sizeof(f.kind), "%.*s", (int)mnl_attr_get_payload_len(a),
				 mnl_attr_get_str(a));
		else if (mnl_attr_get_type(a) == TCA_CHAIN && mnl_attr_get_payload_len(a) >= 4)
			f.chain = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == TCA_OPTIONS)
			options = a;
	}
	if (options && !strcmp(f.kind, "bpf"))
		mnl_attr_parse_nested(options, on_bpf_option, &f);
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct tc_filter *v = realloc(list->v, cap * sizeof(*v));

		if (!v) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = f;
	return MNL_CB_OK;
}

void tc_filters__reset(struct tc_filters *f)
{
	free(f->v);
	*f = (struct tc_filters){0};
}

int tc__filters(int ifindex, int direction, struct tc_filters *ret)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction == CHAOS_INGRESS ? TC_H_MIN_INGRESS
										: TC_H_MIN_EGRESS),
	};
	struct tc_filters list = {0};
	int r = dump(RTM_GETTFILTER, &tcm, tc_filters__on_message, &list);

	/* No clsact there, or no such device any more. */
	if (r == -EINVAL || r == -ENOENT || r == -ENODEV) {
		tc_filters__reset(&list);
		r = 0;
	}
	if (r) {
		tc_filters__reset(&list);
		return r;
	}
	*ret = list;
	return 0;
}

int tc_clsacts__on_message(const struct nlmsghdr *h, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(h);
	struct tc_clsacts *list = data;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWQDISC || mnl_nlmsg_get_payload_len(h) < sizeof(*tcm) ||
	    tcm->tcm_parent != TC_H_CLSACT)
		return MNL_CB_OK;
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct tc_clsact *v = realloc(list->v, cap * sizeof(*v));

		if (!v) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n] = (struct tc_clsact){.ifindex = tcm->tcm_ifindex};
	mnl_attr_for_each(a, h, sizeof(*tcm)) if (mnl_attr_get_type(a) == TCA_KIND) list->v[list->n]
		.clsact = !strncmp(mnl_attr_get_str(a), "clsact", mnl_attr_get_payload_len(a));
	list->n++;
	return MNL_CB_OK;
}

int tc__clsacts(struct tc_clsact **ret, size_t *ret_n)
{
	struct tcmsg tcm = {.tcm_family = AF_UNSPEC};
	struct tc_clsacts list = {0};
	int r = dump(RTM_GETQDISC, &tcm, tc_clsacts__on_message, &list);

	if (r) {
		free(list.v);
		return r;
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

static int existing_kind(int ifindex, bool *ret_clsact)
{
	_cleanup_free_ struct tc_clsact *v = NULL;
	size_t n = 0;
	int r = tc__clsacts(&v, &n);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (v[i].ifindex == ifindex) {
			*ret_clsact = v[i].clsact;
			return 0;
		}
	}
	return -ENOENT;
}

int tc__need_clsact(int ifindex, const char *ifname, bool *ret_made, struct error *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool clsact = false;
	int r = bpf_tc_hook_create(&hook);

	if (r == 0) {
		*ret_made = true;
		return 0;
	}
	if (r == -EEXIST) {
		r = existing_kind(ifindex, &clsact);
		if (r)
			return err__set(err, r, "%s: cannot list its qdiscs: %s", ifname,
					strerror(-r));
		if (!clsact)
			return err__set(
				err, -EBUSY,
				"%s has an `ingress` qdisc of somebody else, which has no egress "
				"side; tcx (Linux 6.6) does not need one",
				ifname);
		*ret_made = false;
		return 0;
	}
	if (r == -ENOENT)
		return err__set(err, -EOPNOTSUPP,
				"this kernel has no clsact qdisc (CONFIG_NET_SCH_INGRESS, module "
				"sch_ingress)");
	return err__set(err, r, "%s: cannot add a clsact qdisc: %s", ifname, strerror(-r));
}

static bool handle_taken(const struct tc_filters *f, uint32_t handle)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].handle == handle)
			return true;
	return false;
}

/* One of ours stands here and brought the qdisc. */
static bool marked_made(const struct tc_filters *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].prog_id && tc_filter__handle_is_ours(f->v[i].handle) &&
		    (f->v[i].handle & TC_HANDLE_MADE))
			return true;
	return false;
}

/*
 * Where to stand so that we come first. A filter ahead of us that lets a packet pass for good would
 * hide it from us; one behind us is run as before, since our programs never decide for those they
 * leave alone. Number 1 cannot be undercut, but cls_bpf puts a new program of one priority before
 * those that it has, if the priority is of its kind and for all protocols.
 */
static uint32_t choose_prio(const struct tc_filters *f)
{
	uint32_t least = UINT32_MAX, free_prio;
	bool share = true;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].chain == 0 && f->v[i].prio < least && f->v[i].prio != TC_PRIO_LAST)
			least = f->v[i].prio;
	if (least == UINT32_MAX)
		return 10;
	if (least > 1)
		return least - 1;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].chain == 0 && f->v[i].prio == 1 &&
		    (strcmp(f->v[i].kind, "bpf") != 0 || f->v[i].proto != ETH_P_ALL))
			share = false;
	if (share)
		return 1;
	for (free_prio = 2; free_prio < UINT16_MAX; free_prio++) {
		bool taken = false;

		for (size_t i = 0; i < f->n && !taken; i++)
			taken = f->v[i].chain == 0 && f->v[i].prio == free_prio;
		if (!taken)
			break;
	}
	return free_prio;
}

/* @prio 0: before all. */
static int attach_at(int ifindex, int direction, int prog_fd, bool made, uint32_t prio,
		     struct tc_place *ret)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(direction));
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	struct tc_filters f = {0};
	int r = tc__filters(ifindex, direction, &f);

	if (r)
		return r;
	made = made || marked_made(&f);
	opts.priority = prio ? prio : choose_prio(&f);
	r = -ENOSPC;
	for (uint32_t i = 0; i < TC_HANDLE_SLOTS; i++) {
		opts.handle = TC_HANDLE_BASE + 2 * i + (made ? TC_HANDLE_MADE : 0);
		if (handle_taken(&f, opts.handle))
			continue;
		r = bpf_tc_attach(&hook, &opts);
		/* Another one came first: the next handle. */
		if (r != -EEXIST)
			break;
		opts.prog_id = 0;
	}
	tc_filters__reset(&f);
	if (r)
		return r;
	*ret = (struct tc_place){
		.prio = opts.priority, .handle = opts.handle, .prog_id = opts.prog_id};
	return 0;
}

int tc__attach(int ifindex, int direction, int prog_fd, bool made, struct tc_place *ret)
{
	return attach_at(ifindex, direction, prog_fd, made, 0, ret);
}

int tc__attach_last(int ifindex, int direction, int prog_fd, bool made, struct tc_place *ret)
{
	return attach_at(ifindex, direction, prog_fd, made, TC_PRIO_LAST, ret);
}

int tc__replace(int ifindex, int direction, int prog_fd, struct tc_place *place)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(direction));
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = place->handle,
		    .priority = place->prio, .flags = BPF_TC_F_REPLACE);
	int r = bpf_tc_attach(&hook, &opts);

	if (r == 0)
		place->prog_id = opts.prog_id;
	return r;
}

int tc__detach(int ifindex, int direction, const struct tc_place *place)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = attach_point(direction));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = place->handle, .priority = place->prio);
	int r = bpf_tc_query(&hook, &opts);

	if (r == 0 && opts.prog_id == place->prog_id) {
		opts = (struct bpf_tc_opts){
			.sz = sizeof(opts), .handle = place->handle, .priority = place->prio};
		r = bpf_tc_detach(&hook, &opts);
	}
	return r == -ENOENT || r == -ENODEV || r == -EINVAL ? 0 : r;
}

int tc__drop_empty_clsact(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct tc_filters f = {0};
	bool clsact = false;
	size_t n = 0;
	int r;

	/* "ingress" is never ours. */
	if (existing_kind(ifindex, &clsact) || !clsact)
		return 0;
	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++) {
		r = tc__filters(ifindex, d, &f);
		if (r)
			return r;
		n += f.n;
		tc_filters__reset(&f);
	}
	if (n)
		return 0;
	r = bpf_tc_hook_destroy(&hook);
	return r == -ENOENT || r == -ENODEV || r == -EINVAL ? 0 : r;
}
