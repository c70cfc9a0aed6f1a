// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject [-r ROUNDS] [-p PACKETS] [-t MS] ROW...: ns per UDP packet that a device receives; rows as in
 * lane.h, DEVICE is in NETNS.
 *
 * An XDP program runs on live frames (BPF_PROG_TEST_RUN, Linux 5.18) and passes them to the stack as if
 * the device's driver had, so there is no sender whose cost hides that of the hooks. Rows take turns, one
 * slice each in a round: PACKETS, or fewer where MS would not do for them.
 */
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "lane.h"
#include "sample.h"

#include <argp.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include "driver.skel.h"

enum { WARM_UP = 1024, TEST_XDP_LIVE_FRAMES = 1 << 1 };

struct row {
	struct lane lane;
	int netns;
	uint32_t ifindex;
	int packets; /* in a slice */
};

static unsigned int rounds = 15;
static int packets = 200000;
static int64_t slice_ns = 300 * NS_PER_MS;
static struct driver_bpf *driver;

/* ns per packet */
static double inject(struct row *row, int n)
{
	struct lane_frame frame = lane__frame();
	struct xdp_md ctx = {.data_end = LANE_LEN, .ingress_ifindex = row->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &frame.eth, .data_size_in = LANE_LEN,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = n,
		    .flags = TEST_XDP_LIVE_FRAMES);
	_cleanup_(netns__leave) int home = -1;
	int64_t start;
	int r;

	if (netns__enter(row->netns, &home))
		lane__die(row->lane.netns, strerror(errno));
	driver->data->n = row->lane.n;
	start = sample__cpu_ns();
	r = bpf_prog_test_run_opts(bpf_program__fd(driver->progs.inject), &opts);
	if (r)
		lane__die(row->lane.row, strerror(-r));
	return (double)(sample__cpu_ns() - start) / n;
}

static void row__open(struct row *row, char *arg)
{
	struct error err = {0};
	_cleanup_(netns__leave) int home = -1;
	double ns;

	lane__open(&row->lane, arg);
	row->netns = netns__open(row->lane.netns, &err);
	if (row->netns < 0 || netns__enter(row->netns, &home))
		lane__die(row->lane.netns, err.msg);
	row->ifindex = if_nametoindex(row->lane.device);
	if (!row->ifindex)
		lane__die(row->lane.device, strerror(errno));
	netns__leave(&home);
	ns = inject(row, WARM_UP);
	row->packets = packets * ns > (double)slice_ns ? (int)((double)slice_ns / ns) : packets;
}

static void driver__start(void)
{
	struct lane_frame frame = lane__frame();

	driver = driver_bpf__open_and_load();
	if (!driver)
		lane__die("driver.bpf.c", strerror(errno));
	driver->bss->first = LANE_FIRST;
	/* Of all but the source, which the program adds. */
	for (size_t i = 0; i < sizeof(frame.ip) / 2; i++)
		driver->bss->ip_sum += ((const uint16_t *)&frame.ip)[i];
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 'p':
		packets = atoi(arg);
		return 0;
	case 't':
		slice_ns = atoi(arg) * NS_PER_MS;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {"packets", 'p', "N", 0, "in a slice", 0},
					      {"time", 't', "MS", 0, "of a slice, about", 0},
					      {0}};
	const struct argp argp = {options, parse, "ROW...", NULL, NULL, NULL, NULL};
	_cleanup_free_ struct row *rows = NULL;
	cpu_set_t last;
	int first, n_rows;

	argp_parse(&argp, argc, argv, 0, &first, NULL);
	n_rows = argc - first;
	rows = calloc((size_t)n_rows + 1, sizeof(*rows));
	CPU_ZERO(&last);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	if (!rows || sched_setaffinity(0, sizeof(last), &last))
		lane__die("set-up", strerror(errno));
	driver__start();
	for (int i = 0; i < n_rows; i++)
		row__open(&rows[i], argv[first + i]);
	for (unsigned int round = 1; round <= rounds; round++)
		for (int i = 0; i < n_rows; i++) {
			inject(&rows[i], WARM_UP);
			sample__print(rows[i].lane.group, rows[i].lane.row, round,
				      inject(&rows[i], rows[i].packets));
		}
	driver_bpf__destroy(driver);
	return 0;
}
