// SPDX-License-Identifier: GPL-2.0-only
/*
 * blast [-r ROUNDS] [-p PACKETS] [-t MS] 'GROUP|ROW|NETNS|DEVICE|ADDRESSES'...: ns per UDP packet over
 * veth. DEVICE is here, its peer in NETNS has 198.18.0.1 and its packets end in a socket whose buffer
 * is full. They come from 10.0.0.0 on, from so many ADDRESSES in turn.
 *
 * A packet socket sends; veth gives the packet to the backlog of the same CPU, and the softirq at the
 * end of each send runs the receiver's side. So one core does all of it in turn, nothing waits and
 * nothing is lost on the way: time divided by packets is the cost of a packet. Rows take turns, one slice
 * each in a round: PACKETS, or MS if that is less.
 */
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "sample.h"

#include <argp.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 64,
	STRIDE = 40503, /* as in driver.bpf.c */
	FIRST = 10 << 24,
	PORT = 9,
	PAYLOAD = 18, /* fills the least Ethernet frame */
	IP_LEN = sizeof(struct iphdr) + sizeof(struct udphdr) + PAYLOAD,
	FIELDS = 5,
	WARM_UP = 5000,
};

struct frame {
	uint8_t pad[2]; /* aligns what follows the link header */
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD];
};

struct row {
	char *group, *name;
	int packet_fd, sink_fd;
	uint32_t n; /* addresses */
	uint64_t turn;
};

static unsigned int rounds = 15;
static uint64_t packets = 200000;
static int64_t slice_ns = 300 * NS_PER_MS;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "blast: %s: %s\n", what, why);
	exit(1);
}

/* Its buffer has no room. Several rows may go to one namespace. */
static int sink(const char *netns)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct error err = {0};
	_cleanup_close_ int ns = netns__open(netns, &err);
	int home = -1, fd, one = 1;

	if (ns < 0 || netns__enter(ns, &home))
		die(netns, err.msg);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		die("a socket to send to", strerror(errno));
	netns__leave(&home);
	return fd;
}

static int packet_socket(const char *device)
{
	const struct sockaddr_ll at = {.sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || !at.sll_ifindex || bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		die(device, strerror(errno));
	return fd;
}

static struct row row__open(char *arg)
{
	char *field[FIELDS];

	for (size_t i = 0; i < FIELDS; i++) {
		field[i] = strsep(&arg, "|");
		if (!field[i])
			die("a row has five fields", "GROUP|ROW|NETNS|DEVICE|ADDRESSES");
	}
	return (struct row){
		.group = field[0],
		.name = field[1],
		.sink_fd = sink(field[2]),
		.packet_fd = packet_socket(field[3]),
		.n = (uint32_t)strtoul(field[4], NULL, 10),
	};
}

static uint16_t checksum(const struct iphdr *ip)
{
	const uint16_t *half = (const uint16_t *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / 2; i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static const struct frame usual = {
	.eth = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, 0},
	.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
};

static void send_batch(struct row *row, struct frame *frames, struct mmsghdr *messages)
{
	int sent;

	for (size_t i = 0; i < BATCH; i++) {
		struct iphdr *ip = &frames[i].ip;
		uint32_t which = (uint32_t)(row->turn++ * STRIDE % row->n);

		ip->saddr = htonl(FIRST + which);
		ip->check = 0;
		ip->check = checksum(ip);
	}
	sent = sendmmsg(row->packet_fd, messages, BATCH, 0);
	if (sent != BATCH)
		die(row->name, sent < 0 ? strerror(errno) : "not all were sent");
}

/* ns per packet */
static double slice(struct row *row, struct frame *frames, struct mmsghdr *messages)
{
	int64_t start, now;
	uint64_t n = 0;

	for (size_t i = 0; i < WARM_UP / BATCH; i++)
		send_batch(row, frames, messages);
	start = now = clock__now();
	while (n < packets && now - start < slice_ns) {
		send_batch(row, frames, messages);
		n += BATCH;
		now = clock__now();
	}
	return (double)(now - start) / (double)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 'p':
		packets = strtoull(arg, NULL, 10);
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
					      {"time", 't', "MS", 0, "of a slice, at most", 0},
					      {0}};
	const struct argp argp = {options, parse, "ROW...", NULL, NULL, NULL, NULL};
	static struct mmsghdr messages[BATCH];
	static struct frame frames[BATCH];
	static struct iovec parts[BATCH];
	_cleanup_free_ struct row *rows = NULL;
	cpu_set_t last;
	int first, n_rows;

	argp_parse(&argp, argc, argv, 0, &first, NULL);
	n_rows = argc - first;
	rows = calloc((size_t)n_rows + 1, sizeof(*rows));
	CPU_ZERO(&last);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	if (!rows || sched_setaffinity(0, sizeof(last), &last))
		die("set-up", strerror(errno));
	for (int i = 0; i < n_rows; i++)
		rows[i] = row__open(argv[first + i]);
	for (size_t i = 0; i < BATCH; i++) {
		frames[i] = usual;
		frames[i].eth.h_proto = htons(ETH_P_IP);
		frames[i].ip.tot_len = htons(IP_LEN);
		frames[i].ip.daddr = htonl(0xc6120001); /* 198.18.0.1 */
		frames[i].udp = (struct udphdr){.source = htons(1000), .dest = htons(PORT)};
		frames[i].udp.len = htons(sizeof(struct udphdr) + PAYLOAD);
		parts[i] = (struct iovec){&frames[i].eth, ETH_HLEN + IP_LEN};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	for (unsigned int round = 0; round <= rounds; round++)
		for (int i = 0; i < n_rows; i++) {
			double ns = slice(&rows[i], frames, messages);

			if (round)
				sample__print(rows[i].group, rows[i].name, round, ns);
		}
	for (int i = 0; i < n_rows; i++) {
		close(rows[i].packet_fd);
		close(rows[i].sink_fd);
	}
	return 0;
}
