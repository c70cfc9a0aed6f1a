// SPDX-License-Identifier: GPL-2.0-only
#include "lane.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

enum { PORT = 9 };

void lane__die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(1);
}

static int sink(const char *netns)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct error err = {0};
	_cleanup_close_ int ns = netns__open(netns, &err);
	int home = -1, fd, one = 1;

	if (ns < 0 || netns__enter(ns, &home))
		lane__die(netns, err.msg);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Several rows may go to one namespace. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		lane__die("a socket to send to", strerror(errno));
	netns__leave(&home);
	return fd;
}

void lane__open(struct lane *lane, char *arg)
{
	const char *field[5];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		field[i] = strsep(&arg, "|");
		if (!field[i])
			lane__die("a row is", "GROUP|ROW|NETNS|DEVICE|ADDRESSES");
	}
	*lane = (struct lane){
		.group = field[0],
		.row = field[1],
		.netns = field[2],
		.device = field[3],
		.n = (uint32_t)strtoul(field[4], NULL, 10),
		.sink_fd = sink(field[2]),
	};
	if (!lane->n)
		lane__die("no number of addresses", field[4]);
}

struct lane_frame lane__frame(void)
{
	return (struct lane_frame){
		.eth = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_UDP,
		       .tot_len = htons(LANE_IP_LEN),
		       .daddr = htonl(0xc6120001)}, /* 198.18.0.1 */
		.udp = {.source = htons(1000),
			.dest = htons(PORT),
			.len = htons(sizeof(struct udphdr) + LANE_PAYLOAD)},
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

void lane__next(struct lane *lane, struct lane_frame *frame)
{
	frame->ip.saddr = htonl(LANE_FIRST + (uint32_t)(lane->turn++ * LANE_STRIDE % lane->n));
	frame->ip.check = 0;
	frame->ip.check = checksum(&frame->ip);
}
