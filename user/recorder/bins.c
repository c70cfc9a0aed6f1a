// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/bins.h"
#include "lib/cleanup.h"

#include <netinet/in.h>
#include <string.h>

/* A member of struct chaos_bin and of the event. */
struct column {
	const char *name;
	size_t offset;
	bool wide; /* 64 bits */
};

#define WIDE(f)                                         \
	{                                               \
#f, offsetof(struct chaos_bin, f), true \
	}
#define NARROW(f)                                        \
	{                                                \
#f, offsetof(struct chaos_bin, f), false \
	}

static const struct column columns[] = {
	NARROW(packets),
	WIDE(bytes),
	NARROW(back_packets),
	WIDE(back_bytes),
	NARROW(syn),
	NARROW(syn_again),
	NARROW(synack),
	NARROW(rst),
	NARROW(back_rst),
	NARROW(fin),
	NARROW(back_fin),
	NARROW(retransmits),
	NARROW(back_retransmits),
	NARROW(opened),
	NARROW(closed),
	NARROW(dropped),
	WIDE(connect_us),
	NARROW(connect_n),
	WIDE(first_byte_us),
	NARROW(first_byte_n),
	WIDE(rtt_us),
	NARROW(rtt_n),
};

static uint64_t value(const struct chaos_bin *b, const struct column *c)
{
	const char *at = (const char *)b + c->offset;
	uint64_t wide;
	uint32_t narrow;

	if (c->wide) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static json_t *array(const struct dp_bins *b, const struct column *c)
{
	json_t *a;
	bool any = false;

	for (size_t i = 0; i < b->n; i++)
		any |= value(&b->v[i], c) != 0;
	if (!any)
		return NULL;
	a = json_array();
	for (size_t i = 0; i < b->n; i++)
		json_array_append_new(a, json_integer((json_int_t)value(&b->v[i], c)));
	return a;
}

static json_t *proto(uint8_t number)
{
	switch (number) {
	case IPPROTO_TCP:
		return json_string("tcp");
	case IPPROTO_UDP:
		return json_string("udp");
	default:
		return json_integer(number);
	}
}

json_t *bins__event(const struct dp_bins *b, int64_t start_ns, int64_t bin_ns)
{
	json_t *o = json_pack("{s:s,s:s,s:o,s:i,s:I,s:I,s:I}", "client", b->client, "server",
			      b->server, "proto", proto(b->proto), "port", (int)b->port, "start_ns",
			      (json_int_t)start_ns, "bin_ns", (json_int_t)bin_ns, "n",
			      (json_int_t)b->n);

	for (size_t i = 0; o && i < ARRAY_SIZE(columns); i++) {
		json_t *a = array(b, &columns[i]);

		if (a)
			json_object_set_new(o, columns[i].name, a);
	}
	return o;
}

/* --- reasons ---------------------------------------------------------------------------------- */

static bool same_node(const struct dp_reason *a, const struct dp_reason *b)
{
	return a->node == b->node || (a->node && b->node && !strcmp(a->node, b->node));
}

static uint64_t packets_of(const struct dp_reason *v, size_t n, const struct dp_reason *of)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].code == of->code && same_node(&v[i], of))
			return v[i].packets;
	return 0;
}

json_t *reasons__events(const struct dp_reason *was, size_t n_was, const struct dp_reason *now,
		      size_t n_now, int64_t from_ns)
{
	json_t *events = json_array();

	for (size_t i = 0; i < n_now; i++) {
		uint64_t more = now[i].packets - packets_of(was, n_was, &now[i]);
		json_t *event = NULL, *e;
		char code[16];
		size_t k;

		if (!more)
			continue;
		json_array_foreach(events, k, e) {
			const char *name = json_string_value(json_object_get(e, "node"));

			if (same_node(&now[i], &(struct dp_reason){.node = name}))
				event = e;
		}
		if (!event) {
			event = json_pack("{s:s?,s:I,s:{}}", "node", now[i].node, "from_ns",
					  (json_int_t)from_ns, "reasons");
			json_array_append_new(events, event);
		}
		snprintf(code, sizeof(code), "0x%x", now[i].code);
		json_object_set_new(json_object_get(event, "reasons"),
				    now[i].reason ? now[i].reason : code,
				    json_integer((json_int_t)more));
	}
	return events;
}
