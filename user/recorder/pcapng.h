/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng.h: a capture file with comments (draft-ietf-opsawg-pcapng: section header, interface
 * description, enhanced packet and interface statistics blocks; in this machine's byte order). Bounded: what would make
 * it longer than it may be is left out and counted.
 */
#ifndef CHAOS_PCAPNG_H
#define CHAOS_PCAPNG_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PCAPNG_ETHERNET = 1, PCAPNG_RAW = 101 }; /* link types */

struct pcapng;

/* Create @path. @comment: of the whole file. @max_bytes: of the file, at least 4096. */
int pcapng__open(const char *path, uint64_t max_bytes, const char *application, const char *comment,
		 struct pcapng **ret, struct error *err);

/* The number of a new interface in @ret. */
int pcapng__interface(struct pcapng *p, const char *name, uint16_t link_type, uint32_t snaplen,
		      uint32_t *ret);

struct pcapng_packet {
	uint32_t interface;
	int64_t realtime_ns;
	uint32_t wire_len, len;
	const void *data;
	bool inbound;
	const char *comment; /* or NULL */
};

/* 0; 1: no room, counted; negative errno: the disk failed, and nothing more is written. */
int pcapng__packet(struct pcapng *p, const struct pcapng_packet *x);

struct pcapng_counts {
	uint64_t packets, no_room;
};
struct pcapng_counts pcapng__counts(const struct pcapng *p);

/*
 * Statistics, then close. @lost: packets that the kernel had no room for, said of each interface's section as
 * a comment. 0 or the first error.
 */
int pcapng__close(struct pcapng *p, uint64_t lost, int64_t realtime_ns);

#endif
