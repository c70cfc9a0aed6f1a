// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold_pool.h"

#include "line/hold_queue.h"

static size_t round_up(size_t bytes)
{
	return (bytes + 4095) & ~(size_t)4095;
}

static size_t chain_size(uint32_t n_blocks)
{
	return round_up(hold_pool__items(n_blocks) * sizeof(struct hold_chain));
}

size_t hold_pool__size(uint32_t n_blocks)
{
	return chain_size(n_blocks) + (size_t)hold_pool__items(n_blocks) * HOLD_BLOCK;
}

static uint32_t take(struct hold_pool *p)
{
	uint32_t block = p->free;

	if (block == HOLD_NONE)
		return p->fresh++;
	p->free = p->chain[block].next;
	return block;
}

static void give(struct hold_pool *p, uint32_t block)
{
	p->chain[block].next = p->free;
	p->free = block;
}

void hold_pool__init(struct hold_pool *p, void *mem, uint32_t n_blocks)
{
	*p = (struct hold_pool){
		.chain = mem,
		.mem = (uint8_t *)mem + chain_size(n_blocks),
		.n = n_blocks,
		.free = HOLD_NONE,
	};
	for (int i = 0; i < HOLD_CHAIN_MAX; i++)
		p->landing[i] = take(p);
}

void hold_pool__landing(const struct hold_pool *p, struct iovec iov[HOLD_CHAIN_MAX])
{
	for (int i = 0; i < HOLD_CHAIN_MAX; i++)
		iov[i] = (struct iovec){hold_pool__at(p, p->landing[i]), HOLD_BLOCK};
}

uint32_t hold_pool__keep(struct hold_pool *p, size_t start, size_t len)
{
	uint32_t blocks = hold_pool__blocks(len), first = p->landing[0];

	if (blocks > p->n - p->used)
		return HOLD_NONE;
	p->used += blocks;
	for (uint32_t i = 0; i < blocks; i++) {
		if (i + 1 < blocks)
			p->chain[p->landing[i]].next = p->landing[i + 1];
		else
			p->chain[p->landing[i]].next = HOLD_NONE;
	}
	for (uint32_t i = 0; i < blocks; i++)
		p->landing[i] = take(p);
	p->chain[first].start = (uint32_t)start;
	p->chain[first].len = (uint32_t)(len - start);
	return first;
}

int hold_pool__frame(const struct hold_pool *p, uint32_t item, struct iovec iov[HOLD_CHAIN_MAX])
{
	size_t start = p->chain[item].start, left = p->chain[item].len;
	int n = 0;

	for (; left; item = p->chain[item].next, start = 0) {
		size_t len = HOLD_BLOCK - start < left ? HOLD_BLOCK - start : left;

		iov[n++] = (struct iovec){hold_pool__at(p, item) + start, len};
		left -= len;
	}
	return n;
}

void hold_pool__forget(struct hold_pool *p, uint32_t item)
{
	uint32_t left = hold_pool__blocks((size_t)p->chain[item].start + p->chain[item].len);

	p->used -= left;
	for (; left; left--) {
		uint32_t next = p->chain[item].next;

		give(p, item);
		item = next;
	}
}
