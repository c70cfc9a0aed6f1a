/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * meter.h: what meter's verbs share. Each sends and receives in one process, so that one clock
 * (CLOCK_MONOTONIC) times both ends; the ends may be in different network namespaces.
 */
#ifndef CHAOS_TESTS_METER_H
#define CHAOS_TESTS_METER_H

#include "lib/cleanup.h"
#include "lib/error.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum {
	NS_PER_SEC = 1000000000,
	UDP_COUNT_MAX = 10000000,
	/* An IPv4 datagram's most: 65,535 less IP's and UDP's headers. */
	UDP_SIZE_MAX = 65507,
};

struct end {
	const char *netns; /* a path, a name of `ip netns`, or NULL: the caller's */
};

struct udp_options {
	struct end send, recv;
	const char *to, *dump;
	uint16_t port;
	uint32_t count, size, burst;
	int64_t interval_ns, linger_ns;
	bool kernel_stamps;
};

struct tcp_options {
	struct end send, recv;
	const char *to, *congestion;
	uint16_t port;
	int64_t duration_ns;
};

/* What became of one packet that was sent. */
struct packet {
	int64_t delay_ns;  /* of the first copy */
	int64_t stamp_ns;  /* the same by the kernel's stamp; INT64_MIN: had none */
	uint32_t arrival;  /* place in the order of first arrivals, from 1; 0: none arrived */
	uint8_t copies;	   /* whole ones, up to 255 */
	uint8_t corrupted; /* copies whose checksum is wrong, up to 255 */
	bool unsent;	   /* the kernel refused it: no word about the network */
};

/* What the kernel of the receiving namespace threw away meanwhile, from /proc/net/snmp and snmp6. */
struct kernel_counts {
	uint64_t rcvbuf_errors, in_csum_errors, in_errors, in_hdr_errors, in_addr_errors;
};

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

struct sockets {
	int send, recv;	 /* recv of TCP listens */
	int snmp, snmp6; /* open in the receiving namespace; -1: none */
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* Sockets of @type (SOCK_DGRAM, SOCK_STREAM) at both ends, each made in its namespace; the receiver's is bound to @to
 * and @port, the sender's not yet connected. The calling thread ends in the namespace that it came from. */
int sockets__open(struct sockets *s, const struct end *send, const struct end *recv, const char *to,
		  uint16_t port, int type, struct error *err);

void sockets__close(struct sockets *s);

void sockets__counts(const struct sockets *s, struct kernel_counts *ret);

/* JSON of the measurement in *ret; @opts->dump is written. */
int meter__udp(const struct udp_options *opts, json_t **ret, struct error *err);
int meter__tcp(const struct tcp_options *opts, json_t **ret, struct error *err);

/* The words of meter__udp, from what is known of each packet. */
json_t *report__udp(const struct udp_options *opts, const struct packet *packets, uint32_t n);

/* One line a packet: its number, its delay in ns or `lost`, and its place in the order of arrivals. */
int dump__write(const char *path, const struct packet *packets, uint32_t n, struct error *err);

/* The delays of a dump, sorted; *ret is the caller's to free. */
int dump__read(const char *path, double **ret, size_t *ret_n, struct error *err);

#endif
