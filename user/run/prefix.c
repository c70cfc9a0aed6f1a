// SPDX-License-Identifier: GPL-2.0-only
#include "run/prefix.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

void prefixes__reset(struct prefixes *p)
{
	free(p->v);
	*p = (struct prefixes){0};
}

int prefixes__add(struct prefixes *p, const struct dp_prefix *x)
{
	struct dp_prefix *v = realloc(p->v, (p->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	p->v = v;
	v[p->n++] = *x;
	return 0;
}

/* Bit @i, from the first of the address. */
static void set_bit(struct chaos_addr *a, unsigned int i, bool on)
{
	uint32_t bit = htonl(1U << (31 - i % 32));

	a->w[i / 32] = on ? a->w[i / 32] | bit : a->w[i / 32] & ~bit;
}

static bool get_bit(const struct chaos_addr *a, unsigned int i)
{
	return a->w[i / 32] & htonl(1U << (31 - i % 32));
}

struct dp_prefix prefix__make(int family, const uint8_t *addr, unsigned int len)
{
	struct dp_prefix p = {.addr = {.w = {0, 0, htonl(0xffff), 0}}};

	if (family == AF_INET) {
		memcpy(&p.addr.w[3], addr, 4);
		len += 96;
	} else {
		memcpy(&p.addr, addr, 16);
	}
	p.len = (uint8_t)(len < 128 ? len : 128);
	for (unsigned int i = p.len; i < 128; i++)
		set_bit(&p.addr, i, false);
	return p;
}

bool prefix__contains(const struct dp_prefix *outer, const struct dp_prefix *inner)
{
	if (outer->len > inner->len)
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int keep = outer->len > 32 * i ? outer->len - 32 * i : 0;
		uint32_t mask = keep >= 32 ? UINT32_MAX : keep ? htonl(~0U << (32 - keep)) : 0;

		if ((outer->addr.w[i] ^ inner->addr.w[i]) & mask)
			return false;
	}
	return true;
}

/* The halves beside the way from @outer down to @x, which lies in it and is smaller. */
static int add_rest(struct prefixes *to, const struct dp_prefix *outer, const struct dp_prefix *x)
{
	for (unsigned int len = outer->len; len < x->len; len++) {
		struct dp_prefix half = {.addr = x->addr, .len = (uint8_t)(len + 1)};
		int r;

		set_bit(&half.addr, len, !get_bit(&x->addr, len));
		for (unsigned int i = len + 1; i < 128; i++)
			set_bit(&half.addr, i, false);
		r = prefixes__add(to, &half);
		if (r)
			return r;
	}
	return 0;
}

int prefixes__subtract(struct prefixes *p, const struct dp_prefix *x)
{
	_cleanup_(prefixes__reset) struct prefixes left = {0};
	int r = 0;

	for (size_t i = 0; i < p->n && !r; i++) {
		const struct dp_prefix *q = &p->v[i];

		if (prefix__contains(x, q))
			continue;
		r = prefix__contains(q, x) ? add_rest(&left, q, x) : prefixes__add(&left, q);
	}
	if (r)
		return r;
	prefixes__reset(p);
	*p = left;
	left = (struct prefixes){0};
	return 0;
}
