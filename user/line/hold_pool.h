/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold_pool.h: memory for frames: blocks of one size, and a frame is a chain of them, known by its first.
 * A frame is read into blocks that lie ready and written from where it was read to, so it costs the
 * blocks that it fills and no copy, whatever its size.
 */
#ifndef CHAOS_LINE_HOLD_POOL_H
#define CHAOS_LINE_HOLD_POOL_H

#include "line/hold_frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	/* Bytes. A full Ethernet frame with all our headers fits in one. */
	HOLD_BLOCK = 2048,
	/* Blocks of the largest frame, and a byte more, which tells that a frame was cut. */
	HOLD_CHAIN_MAX = (HOLD_FRAME_MAX + 1 + HOLD_BLOCK - 1) / HOLD_BLOCK,
};

struct hold_chain {
	uint32_t next;	/* block; meaningless in the last one */
	uint32_t start; /* of the first block: where in it the frame begins, */
	uint32_t len;	/* and how long it is from there */
};

struct hold_pool {
	uint8_t *mem;
	struct hold_chain *chain; /* by block */
	uint32_t n;		  /* blocks that frames may take */
	uint32_t used;
	uint32_t fresh; /* blocks from here on have never been used */
	uint32_t free;	/* the block given back last, still warm: chained by next */
	/* Where the next frame is read to; beyond the @n. */
	uint32_t landing[HOLD_CHAIN_MAX];
};

static inline uint32_t hold_pool__blocks(size_t len)
{
	return (uint32_t)((len + HOLD_BLOCK - 1) / HOLD_BLOCK);
}

static inline uint8_t *hold_pool__at(const struct hold_pool *p, uint32_t block)
{
	return p->mem + (size_t)block * HOLD_BLOCK;
}

/* Items of frames are below this number. */
static inline uint32_t hold_pool__items(uint32_t n_blocks)
{
	return n_blocks + HOLD_CHAIN_MAX;
}

/* Bytes that hold_pool__init() needs. */
size_t hold_pool__size(uint32_t n_blocks);
/* @mem: aligned to 8 bytes, better to a page; memory that is never touched is fine, its content does not matter. */
void hold_pool__init(struct hold_pool *p, void *mem, uint32_t n_blocks);

/* Where the next frame is to be read to. */
void hold_pool__landing(const struct hold_pool *p, struct iovec iov[HOLD_CHAIN_MAX]);

/*
 * Keep what was read: @len > 0 bytes, which are a frame from @start on. Returns its first block;
 * HOLD_NONE: no room, what was read is forgotten. The landing has changed after it.
 */
uint32_t hold_pool__keep(struct hold_pool *p, size_t start, size_t len);
/* The frame of first block @item, to be written; returns how many parts. */
int hold_pool__frame(const struct hold_pool *p, uint32_t item, struct iovec iov[HOLD_CHAIN_MAX]);
void hold_pool__forget(struct hold_pool *p, uint32_t item);

#endif
