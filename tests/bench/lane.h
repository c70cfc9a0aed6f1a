/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lane.h: what blast and inject have in common: rows 'GROUP|ROW|NETNS|DEVICE|ADDRESSES' and where their
 * packets go: UDP to port 9 of 198.18.0.1 in NETNS, from 10.0.0.0 on, so many ADDRESSES in turn.
 */
#ifndef LANE_H
#define LANE_H

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>

enum {
	LANE_PAYLOAD = 18, /* fills the least Ethernet frame */
	LANE_IP_LEN = sizeof(struct iphdr) + sizeof(struct udphdr) + LANE_PAYLOAD,
	LANE_LEN = ETH_HLEN + LANE_IP_LEN,
	LANE_FIRST = 10 << 24,
	/* Coprime to 2 and 5, so to every power of ten: visits all, not in the order of memory. */
	LANE_STRIDE = 40503,
};

struct lane {
	const char *group, *row, *netns, *device;
	uint32_t n; /* addresses */
	int sink_fd;
	uint64_t turn;
};

struct lane_frame {
	uint8_t pad[2]; /* aligns what follows the link header */
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[LANE_PAYLOAD];
};

_Noreturn void lane__die(const char *what, const char *why);
/* Takes @arg apart, and opens the socket that its packets end in: it has no room for them. */
void lane__open(struct lane *lane, char *arg);
struct lane_frame lane__frame(void);
/* The next source address, and the checksum. */
void lane__next(struct lane *lane, struct lane_frame *frame);

#endif
