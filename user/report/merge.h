/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge.h: the records (events.jsonl) of several nodes of a cluster that took part in one run, and of
 * each node's segments (it was started again), into one that is read as one run. All of them count
 * run time from the same instant, each by its node's own clock.
 *
 *   - Lines go by time, those of one file in its order, byte for byte but for "host": the node.
 *   - One run event: names are united, and `cluster` says what each node was (recorder/recorder.h).
 *   - Faults and phases are told once: armed by the first node, hit at the first hit of all, cleared
 *     by the last, with hits and edges summed. What a node that was killed had armed ended with it.
 *   - "bins" that two nodes counted of one packet are counted where it was sent, or else received.
 *   - One end event, complete if the last segment of every node is, and none is missing.
 *
 * A segment without an end (its agent was killed), with its last line cut or not, ends at its last
 * whole event; this and gaps between segments are said in notes. Memory does not grow with the
 * files, which are read twice; it holds a line of each, and 40 bytes for each occurrence of a fault.
 */
#ifndef CHAOS_REPORT_MERGE_H
#define CHAOS_REPORT_MERGE_H

#include "lib/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_CLOCK_UNKNOWN INT64_MIN

/* A file, and what is known of its node beside what its run event says: that goes before. */
struct record_part {
	const char *file;
	const char *node; /* NULL: as the file says */
	/* The node's CLOCK_REALTIME minus the reference clock: offset +- epsilon; or RECORD_CLOCK_UNKNOWN. */
	int64_t clock_offset_ns, clock_epsilon_ns;
};

/*
 * Write what @parts come to into @out, which is replaced when it is whole. A file without a whole run
 * event is left out, with a note. @missing (an array of {node, why}; may be NULL): the nodes that took
 * part and of which there is no record. -EINVAL: no file has one, they are not of one run, one is merged
 * already, or a line is no event; or the errno of a file.
 */
int record__merge_parts(const struct record_part *parts, size_t n, const json_t *missing,
			const char *out, struct error *err);

/* As above; nodes and their clocks as the files say. */
int record__merge(const char *const *files, size_t n, const char *out, struct error *err);

#endif
