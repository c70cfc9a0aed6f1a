// SPDX-License-Identifier: GPL-2.0-only
/*
 * blast [-r ROUNDS] [-p PACKETS] ROW...: ns per UDP packet from a packet socket over veth; rows as in
 * lane.h, DEVICE is here and its peer in NETNS.
 *
 * veth gives the packet to the backlog of the same CPU, and the softirq at the end of each send runs
 * the receiver's side. So one core does all of it in turn, nothing waits and nothing is lost on the
 * way: time divided by packets is what a packet costs. Rows take turns, one slice each in a round.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "lane.h"
#include "sample.h"

#include <argp.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, WARM_UP = 1024, CLOCK_TRIES = 50 };

struct row {
	struct lane lane;
	int packet_fd;
};

static unsigned int rounds = 15;
static uint64_t packets = 50000;

static clockid_t by = CLOCK_MONOTONIC;

static struct lane_frame frames[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static int packet_socket(const char *device)
{
	const struct sockaddr_ll at = {.sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || !at.sll_ifindex || bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		lane__die(device, strerror(errno));
	return fd;
}

static void send_batches(struct row *row, uint64_t n)
{
	for (uint64_t sent = 0; sent < n; sent += BATCH) {
		int r;

		for (size_t i = 0; i < BATCH; i++)
			lane__next(&row->lane, &frames[i]);
		r = sendmmsg(row->packet_fd, messages, BATCH, 0);
		if (r != BATCH)
			lane__die(row->lane.row, r < 0 ? strerror(errno) : "not all were sent");
	}
}

/* ns per packet */
static double slice(struct row *row)
{
	int64_t start;

	send_batches(row, WARM_UP);
	start = sample__clock(by);
	send_batches(row, packets);
	return (double)(sample__clock(by) - start) / (double)packets;
}

/*
 * By the time of this thread, if that has the softirqs on its back in it: not on kernels that account
 * them apart (CONFIG_IRQ_TIME_ACCOUNTING). Undisturbed, both clocks go alike.
 */
static void choose_clock(struct row *row)
{
	for (size_t i = 0; i < CLOCK_TRIES && by == CLOCK_MONOTONIC; i++) {
		int64_t wall = sample__clock(CLOCK_MONOTONIC), cpu = sample__cpu_ns();

		send_batches(row, WARM_UP);
		cpu = sample__cpu_ns() - cpu;
		wall = sample__clock(CLOCK_MONOTONIC) - wall;
		if (cpu > wall * 9 / 10)
			by = CLOCK_THREAD_CPUTIME_ID;
	}
}

static void make_messages(void)
{
	for (size_t i = 0; i < BATCH; i++) {
		frames[i] = lane__frame();
		parts[i] = (struct iovec){&frames[i].eth, LANE_LEN};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 'p':
		packets = strtoull(arg, NULL, 10) / BATCH * BATCH;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {"packets", 'p', "N", 0, "in a slice", 0},
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
	for (int i = 0; i < n_rows; i++) {
		lane__open(&rows[i].lane, argv[first + i]);
		rows[i].packet_fd = packet_socket(rows[i].lane.device);
	}
	make_messages();
	if (n_rows)
		choose_clock(&rows[0]);
	for (unsigned int round = 1; round <= rounds; round++)
		for (int i = 0; i < n_rows; i++)
			sample__print(rows[i].lane.group, rows[i].lane.row, round, slice(&rows[i]));
	return 0;
}
