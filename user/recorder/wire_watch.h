/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_watch.h: internal to wire*.c: what a sequence of frames says: who sends, from when to when,
 * and which addresses move. No clock and no I/O of its own; bounded, whatever comes.
 */
#ifndef CHAOS_RECORDER_WIRE_WATCH_H
#define CHAOS_RECORDER_WIRE_WATCH_H

#include "recorder/wire_frame.h"

#define WIRE_SENDERS_MAX 64
#define WIRE_ADDRESSES_MAX 256
#define WIRE_MOVES_PER_S 20

struct wire_sender {
	struct wire_frame what; /* of its last advertisement */
	int64_t first_ns, last_ns;
	uint64_t adverts;
};

struct wire_move {
	int family;
	uint8_t addr[16], mac[6], was[6];
	bool is_first;	  /* `was` says nothing */
	uint64_t skipped; /* moves before this one that were too many to tell */
};

struct wire_watch {
	struct wire_sender senders[WIRE_SENDERS_MAX];
	size_t n_senders;
	struct {
		int family;
		uint8_t addr[16], mac[6];
	} addresses[WIRE_ADDRESSES_MAX];
	size_t n_addresses;
	int64_t second_ns; /* in which `moves` were told */
	unsigned int moves;
	uint64_t skipped;

	void (*on_sender)(void *arg, const struct wire_sender *s, bool stopped);
	void (*on_move)(void *arg, const struct wire_move *m, int64_t now_ns);
	void *arg;
};

void wire_watch__frame(struct wire_watch *w, const struct wire_frame *f, int64_t now_ns);
/* Senders that have been silent for longer than a backup would wait have stopped. */
void wire_watch__tick(struct wire_watch *w, int64_t now_ns);
/* All have, for us. */
void wire_watch__end(struct wire_watch *w);

#endif
