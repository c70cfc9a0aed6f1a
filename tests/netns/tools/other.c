// SPDX-License-Identifier: GPL-2.0-only
/*
 * other: somebody else's programs at a device: `other NETNS IFNAME tcx|clsact|xdp OBJECT [OPTION...]`. Says
 * `ready`, then answers every line with `INGRESS EGRESS`, the packets that they have seen. They
 * stay until the input ends; clsact filters stay after it, as others' do.
 *
 *   first      tcx: before all that are there, not behind
 *   pref=N     clsact: the filters' priority, 1 unless told
 *   next       they leave the verdict to those behind them
 *   only=PORT  count only UDP to this port
 *   drop=PORT  xdp: drop it
 */
#include "datapath/netns.h"
#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "other.h"

struct wish {
	struct other_options prog;
	bool first;
	__u32 pref;
};

static int take_option(struct wish *w, const char *s)
{
	if (!strcmp(s, "first"))
		w->first = true;
	else if (!strcmp(s, "next"))
		w->prog.verdict = -1;
	else if (sscanf(s, "pref=%u", &w->pref) != 1 && sscanf(s, "only=%u", &w->prog.only) != 1 &&
		 sscanf(s, "drop=%u", &w->prog.drop) != 1)
		return -EINVAL;
	return 0;
}

static int attach_tcx(int ingress, int egress, int ifindex, bool first)
{
	/* BPF_F_BEFORE, of Linux 6.6 */
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = first ? 1 << 3 : 0);
	int a = bpf_link_create(ingress, ifindex, (enum bpf_attach_type)46, &opts);
	int b = bpf_link_create(egress, ifindex, (enum bpf_attach_type)47, &opts);

	return a < 0 ? a : b < 0 ? b : 0;
}

static int attach_clsact(int ingress, int egress, int ifindex, __u32 pref)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .prog_fd = ingress, .handle = 1, .priority = pref);
	LIBBPF_OPTS(bpf_tc_opts, out, .prog_fd = egress, .handle = 1, .priority = pref);
	int r = bpf_tc_hook_create(&hook);

	if (r && r != -EEXIST)
		return r;
	r = bpf_tc_attach(&hook, &in);
	hook.attach_point = BPF_TC_EGRESS;
	return r ?: bpf_tc_attach(&hook, &out);
}

static int attach(const char *how, struct bpf_object *o, int ifindex, const struct wish *w)
{
	int ingress = bpf_program__fd(bpf_object__find_program_by_name(o, "other_ingress"));
	int egress = bpf_program__fd(bpf_object__find_program_by_name(o, "other_egress"));
	int xdp = bpf_program__fd(bpf_object__find_program_by_name(o, "other_xdp"));

	if (!strcmp(how, "tcx"))
		return attach_tcx(ingress, egress, ifindex, w->first);
	if (!strcmp(how, "clsact"))
		return attach_clsact(ingress, egress, ifindex, w->pref);
	return bpf_xdp_attach(ifindex, xdp, XDP_FLAGS_SKB_MODE, NULL);
}

static struct bpf_object *load(const char *path, const struct wish *w)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_map *m = o ? bpf_object__find_map_by_name(o, ".rodata") : NULL;

	if (m && !bpf_map__set_initial_value(m, &w->prog, sizeof(w->prog)) && !bpf_object__load(o))
		return o;
	bpf_object__close(o);
	return NULL;
}

int main(int argc, char **argv)
{
	struct wish wish = {.pref = 1};
	struct error err = {0};
	struct bpf_object *o;
	int netns, old = -1, map, r;
	char line[64];

	if (argc < 5)
		return 2;
	for (int i = 5; i < argc; i++)
		if (take_option(&wish, argv[i]))
			return 2;
	netns = netns__open(argv[1], &err);
	if (netns < 0 || netns__enter(netns, &old)) {
		fprintf(stderr, "other: %s\n", err.msg);
		return 2;
	}
	o = load(argv[4], &wish);
	if (!o)
		return 2;
	r = attach(argv[3], o, (int)if_nametoindex(argv[2]), &wish);
	if (r) {
		fprintf(stderr, "other: %s: %s\n", argv[3], strerror(-r));
		return 2;
	}
	map = bpf_object__find_map_fd_by_name(o, "seen");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		__u64 n[2] = {0};

		for (__u32 i = 0; i < 2; i++)
			bpf_map_lookup_elem(map, &i, &n[i]);
		printf("%llu %llu\n", n[0], n[1]);
	}
	bpf_object__close(o);
	netns__leave(&old);
	safe_close(netns);
	return 0;
}
