// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/pcapng.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum block {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_APPLICATION = 4, /* shb_userappl */
	OPTION_NAME = 2,	/* if_name */
	OPTION_RESOLUTION = 9,	/* if_tsresol */
	OPTION_FLAGS = 2,	/* epb_flags */
	OPTION_RECEIVED = 4,	/* isb_ifrecv */
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define NANOSECONDS 9 /* 10^-9 s */
/* Statistics of all interfaces find room behind the last packet. */
#define STATISTICS_MAX 1024
#define OPTION_LEN_MAX 4096

struct interface {
	uint64_t packets;
};

struct pcapng {
	FILE *f;
	uint64_t bytes, max_bytes;
	struct pcapng_counts counts;
	struct interface *interfaces;
	size_t n_interfaces;
	int failed;
	char *block; /* the one being made */
	size_t len, size;
};

/* ---- one block ---- */

static void put(struct pcapng *p, const void *data, size_t n)
{
	static const char zero[4];
	size_t pad = -n & 3;

	if (p->failed || !n)
		return;
	if (p->len + n + pad > p->size) {
		size_t size = 2 * (p->len + n + pad);
		char *v = realloc(p->block, size);

		if (!v) {
			p->failed = -ENOMEM;
			return;
		}
		p->block = v;
		p->size = size;
	}
	memcpy(p->block + p->len, data, n);
	memcpy(p->block + p->len + n, zero, pad);
	p->len += n + pad;
}

static void put_u16(struct pcapng *p, uint16_t a, uint16_t b)
{
	uint16_t v[2] = {a, b};

	put(p, v, sizeof(v));
}

static void put_u32(struct pcapng *p, uint32_t v)
{
	put(p, &v, sizeof(v));
}

static void put_option(struct pcapng *p, enum option code, const void *data, size_t n)
{
	put_u16(p, (uint16_t)code, (uint16_t)n);
	put(p, data, n);
}

static void put_text(struct pcapng *p, enum option code, const char *s)
{
	size_t n = strlen(s);

	put_option(p, code, s, n < OPTION_LEN_MAX ? n : OPTION_LEN_MAX);
}

static void begin(struct pcapng *p, enum block type)
{
	p->len = 0;
	put_u32(p, type);
	put_u32(p, 0); /* length, when it is known */
}

/* 0; 1: longer than @room; or the error. */
static int end(struct pcapng *p, uint64_t room)
{
	uint32_t len = (uint32_t)p->len + 4;

	put_u32(p, len);
	if (p->failed)
		return p->failed;
	memcpy(p->block + 4, &len, sizeof(len));
	if (p->bytes + len > room)
		return 1;
	if (fwrite(p->block, len, 1, p->f) != 1) {
		p->failed = errno ? -errno : -EIO;
		return p->failed;
	}
	p->bytes += len;
	return 0;
}

/* ---- the file ---- */

static void pcapng__free(struct pcapng *p)
{
	if (!p)
		return;
	if (p->f)
		fclose(p->f);
	free(p->interfaces);
	free(p->block);
	free(p);
}

int pcapng__open(const char *path, uint64_t max_bytes, const char *application, const char *comment,
		 struct pcapng **ret, struct error *err)
{
	struct pcapng *p = calloc(1, sizeof(*p));
	uint64_t unknown = UINT64_MAX; /* length of the section */
	int r;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->max_bytes = max_bytes;
	p->f = fopen(path, "wxe");
	if (!p->f) {
		r = -errno;
		pcapng__free(p);
		return err__set(err, r, "%s: %s", path, strerror(-r));
	}
	begin(p, BLOCK_SECTION);
	put_u32(p, BYTE_ORDER_MAGIC);
	put_u16(p, 1, 0); /* version */
	put(p, &unknown, sizeof(unknown));
	put_text(p, OPTION_APPLICATION, application);
	put_text(p, OPTION_COMMENT, comment);
	put_option(p, OPTION_END, NULL, 0);
	r = end(p, max_bytes);
	if (r) {
		pcapng__free(p);
		return err__set(err, r < 0 ? r : -EFBIG, "%s: cannot be written", path);
	}
	*ret = p;
	return 0;
}

int pcapng__interface(struct pcapng *p, const char *name, uint16_t link_type, uint32_t snaplen,
		      uint32_t *ret)
{
	struct interface *v = reallocarray(p->interfaces, p->n_interfaces + 1, sizeof(*v));
	uint8_t resolution = NANOSECONDS;
	int r;

	if (!v)
		return -ENOMEM;
	p->interfaces = v;
	v[p->n_interfaces] = (struct interface){0};
	begin(p, BLOCK_INTERFACE);
	put_u16(p, link_type, 0);
	put_u32(p, snaplen);
	put_text(p, OPTION_NAME, name);
	put_option(p, OPTION_RESOLUTION, &resolution, sizeof(resolution));
	put_option(p, OPTION_END, NULL, 0);
	/* it stands even where its first packet finds no more room */
	r = end(p, UINT64_MAX);
	if (!r)
		*ret = (uint32_t)p->n_interfaces++;
	return r;
}

int pcapng__packet(struct pcapng *p, const struct pcapng_packet *x)
{
	uint64_t t = (uint64_t)x->realtime_ns;
	int r;

	if (p->failed)
		return p->failed;
	begin(p, BLOCK_PACKET);
	put_u32(p, x->interface);
	put_u32(p, (uint32_t)(t >> 32));
	put_u32(p, (uint32_t)t);
	put_u32(p, x->len);
	put_u32(p, x->wire_len);
	put(p, x->data, x->len);
	put_option(p, OPTION_FLAGS, &(uint32_t){x->inbound ? 1 : 2}, sizeof(uint32_t));
	if (x->comment)
		put_text(p, OPTION_COMMENT, x->comment);
	put_option(p, OPTION_END, NULL, 0);
	r = end(p, p->max_bytes > STATISTICS_MAX ? p->max_bytes - STATISTICS_MAX : 0);
	p->counts.packets += !r;
	p->counts.no_room += r == 1;
	if (!r && x->interface < p->n_interfaces)
		p->interfaces[x->interface].packets++;
	return r;
}

struct pcapng_counts pcapng__counts(const struct pcapng *p)
{
	return p->counts;
}

static void statistics(struct pcapng *p, uint64_t lost, int64_t realtime_ns)
{
	char words[160];

	snprintf(words, sizeof(words),
		 "packets of the whole capture: %llu written, %llu without room in the file, %llu "
		 "lost",
		 (unsigned long long)p->counts.packets, (unsigned long long)p->counts.no_room,
		 (unsigned long long)lost);
	for (uint32_t i = 0; i < p->n_interfaces && !p->failed; i++) {
		begin(p, BLOCK_STATISTICS);
		put_u32(p, i);
		put_u32(p, (uint32_t)((uint64_t)realtime_ns >> 32));
		put_u32(p, (uint32_t)realtime_ns);
		put_option(p, OPTION_RECEIVED, &p->interfaces[i].packets, sizeof(uint64_t));
		if (!i)
			put_text(p, OPTION_COMMENT, words);
		put_option(p, OPTION_END, NULL, 0);
		end(p, p->max_bytes);
	}
}

int pcapng__close(struct pcapng *p, uint64_t lost, int64_t realtime_ns)
{
	int r;

	if (!p)
		return 0;
	statistics(p, lost, realtime_ns);
	r = p->failed;
	if (fclose(p->f) && !r)
		r = -errno;
	p->f = NULL;
	pcapng__free(p);
	return r;
}
