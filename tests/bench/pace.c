// SPDX-License-Identifier: GPL-2.0-only
/*
 * pace ADDRESS PORT RATE SECONDS: UDP datagrams of 64 bytes at RATE a second, in bursts of a millisecond; prints how
 * many, and the seconds that it took.
 */
#include "lib/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BURST_MAX = 1024, PAYLOAD = 64 };

int main(int argc, char **argv)
{
	static struct mmsghdr messages[BURST_MAX];
	static char payload[PAYLOAD];
	struct iovec part = {payload, PAYLOAD};
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t sent = 0, want;
	int64_t start, rate, end;

	if (argc != 5 || fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	rate = atoll(argv[3]);
	end = atoll(argv[4]) * NS_PER_S;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return 1;
	for (size_t i = 0; i < BURST_MAX; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
	start = clock__now();
	for (;;) {
		struct timespec pause = {.tv_nsec = NS_PER_MS};
		int64_t now = clock__now() - start;

		if (now >= end)
			break;
		want = (uint64_t)((double)now * (double)rate / NS_PER_S);
		while (sent < want) {
			uint64_t n = want - sent < BURST_MAX ? want - sent : BURST_MAX;
			int r = sendmmsg(fd, messages, (unsigned int)n, 0);

			/* Nobody is there, said by ICMP. */
			if (r > 0)
				sent += (uint64_t)r;
		}
		nanosleep(&pause, NULL);
	}
	printf("%llu %.3f\n", (unsigned long long)sent, (double)(clock__now() - start) / NS_PER_S);
	return 0;
}
