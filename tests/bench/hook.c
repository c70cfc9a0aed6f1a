// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook PROGRAM NETNS DEVICE: attaches a program of driver.bpf.c the way the data plane does, to both
 * directions; says `ready` and stays until its input ends.
 */
#include "datapath/attach.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"

#include <bpf/libbpf.h>
#include <string.h>

#include "driver.skel.h"

static void cleanup_driver(struct driver_bpf **s)
{
	driver_bpf__destroy(*s);
}

static int device_in(int netns, const char *device)
{
	_cleanup_(netns__leave) int old = -1;

	return netns__enter(netns, &old) ? 0 : (int)if_nametoindex(device);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "hook: %s: %s\n", what, why);
	return 1;
}

int main(int argc, char **argv)
{
	_cleanup_(cleanup_driver) struct driver_bpf *s = driver_bpf__open_and_load();
	struct error err = {0};
	_cleanup_close_ int netns = argc == 4 ? netns__open(argv[2], &err) : -1;
	struct bpf_program *prog;
	struct attach at;
	int ifindex, fd;

	if (netns < 0)
		return fail("PROGRAM NETNS DEVICE", err.msg);
	prog = s ? bpf_object__find_program_by_name(s->obj, argv[1]) : NULL;
	ifindex = device_in(netns, argv[3]);
	if (!prog || !ifindex)
		return fail(prog ? argv[3] : argv[1], "there is none");
	fd = bpf_program__fd(prog);
	if (attach__open(netns, ifindex, argv[3], &(struct attach_progs){{fd, fd}},
			 attach__has_tcx(fd), &at, &err))
		return fail("attach", err.msg);
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	attach__close(netns, &at);
	return 0;
}
