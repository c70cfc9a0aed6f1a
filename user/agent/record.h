/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.h: what a node has recorded of a run, as it travels through the API server.
 *
 * A node's record is its segments' events.jsonl (one segment for each time that the agent started
 * the run's child): one gzip member a segment, its FNAME the segment's name, one after the other.
 * So segments stay apart, `gunzip` alone reads it, and each has a checksum. It is cut into chunks,
 * each the binaryData of one ConfigMap. Neither direction holds more than a chunk in memory.
 */
#ifndef CHAOS_AGENT_RECORD_H
#define CHAOS_AGENT_RECORD_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A ConfigMap holds 1 MiB at most, and its JSON, base64 with it, must pass etcd's 1.5 MiB. */
#define RECORD_CHUNK_BYTES (700U * 1024)
#define RECORD_CHUNKS_MAX 64U
#define RECORD_SEGMENTS_MAX 256U
/* Of one node's events, unpacked: what a hostile record can write at most. */
#define RECORD_BYTES_MAX (2ULL << 30)

struct record_size {
	uint64_t bytes;	       /* packed */
	uint64_t events_bytes; /* of all segments' events.jsonl */
	unsigned int chunks, segments;
};

/* May @name be a folder's: of letters, digits, `.`, `_`, `-`; no dot first; 1 to 253 bytes. */
bool record__name_ok(const char *name);

/*
 * The node's record from BASE/SEGMENT/events.jsonl, segments in the order of their names (numbers
 * by value), to the file @out, which is replaced. Empty files are left out. -ENOENT: no events at
 * all; -EFBIG: more than RECORD_CHUNKS_MAX chunks, with the size and where the files are; then
 * @out is not there.
 */
int record__pack(const char *base, const char *out, struct record_size *ret, struct error *err);

/*
 * The same for a loop that goes on: 1 it is done, 0 a process works on it (job.h: poll job__fd(), then ask
 * record__pack_poll(), which says the same), or a negative errno with words. More than RECORD_AT_ONCE bytes of events
 * are a process' work.
 */
#define RECORD_AT_ONCE (4ULL << 20)
struct job;
int record__pack_begin(const char *base, const char *out, struct job **ret_job,
		       struct record_size *ret, struct error *err);
int record__pack_poll(struct job *job, struct record_size *ret, struct error *err);

/* Chunk @k of the packed @file in base64 (the caller frees it). -ENODATA: it has not as many. */
int record__chunk(const char *file, unsigned int k, char **ret, struct error *err);

/*
 * The way back: chunks in their order, written to DIR/NODE/SEGMENT/events.jsonl. Whatever they hold,
 * at most @most bytes of events are written, to new files below DIR/NODE only. -EINVAL: @node is no
 * name; -EBADMSG: the record is broken, cut, or in the wrong order; -EFBIG; -EEXIST.
 */
struct record_unpack;
int record_unpack__open(const char *dir, const char *node, uint64_t most,
			struct record_unpack **ret, struct error *err);
int record_unpack__chunk(struct record_unpack *u, const char *base64, size_t len,
			 struct error *err);
/* Nothing may be missing at the end. Then, what was written stays. */
int record_unpack__end(struct record_unpack *u, struct record_size *ret, struct error *err);
/* Takes away what was written unless it came to its end. */
void record_unpack__free(struct record_unpack *u);

/* All of that in one, up to RECORD_BYTES_MAX: @chunks is an array of base64 strings in order. */
int record__unpack(const json_t *chunks, const char *dir, const char *node, struct error *err);

/*
 * Names of the objects. A ConfigMap's name has 253 bytes at most and a label's value 63: what is
 * longer is cut and ends in a hash. @size: RECORD_NAME_MAX is enough for each.
 */
#define RECORD_NAME_MAX 254
#define RECORD_LABEL_RUN "netchaos.dev/run"
#define RECORD_LABEL_NODE "netchaos.dev/node"
const char *record__map_name(const char *uid, const char *node, unsigned int k, char *buf,
			     size_t size);
const char *record__label(const char *node, char *buf, size_t size);

#endif
