// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge_bins.c: a packet between places of two nodes is seen by both: the sender's node counts it
 * where it is sent, the receiver's, to which the sender is elsewhere, where it arrives. Of two nodes'
 * bins the one that is nearer counts. Drops are counted by whoever drops, and never twice.
 */
#include "report/merge_internal.h"

#include <errno.h>
#include <string.h>

int bins__place(struct merge *m, const struct part *p, const json_t *place)
{
	json_t *here = m->here[p->node_index];

	if (!json_is_string(place))
		return 0;
	if (json_object_set_new(here, json_string_value(place), json_true()) < 0 ||
	    json_object_set_new(m->anywhere, json_string_value(place), json_true()) < 0)
		return err__set(m->err, -ENOMEM, "out of memory");
	return 0;
}

/* Who counts what @place sends, if not @p. */
static bool others_count(const struct merge *m, const struct part *p, const json_t *o,
			 const char *end)
{
	const char *place = json_string_value(json_object_get(o, end));

	return place && !json_object_get(m->here[p->node_index], place) &&
	       json_object_get(m->anywhere, place);
}

int bins__tell(struct merge *m, struct part *p)
{
	static const char *const of_client[] = {
		"packets",	"bytes",       "syn",	     "syn_again", "rst",
		"fin",		"retransmits", "connect_us", "connect_n", "first_byte_us",
		"first_byte_n", "rtt_us",      "rtt_n",	     NULL,
	};
	static const char *const of_server[] = {
		"back_packets",	    "back_bytes", "synack", "back_rst", "back_fin",
		"back_retransmits", "opened",	  "closed", NULL,
	};
	json_t *o;
	bool client, server;

	if (m->n_nodes < 2 || !json_object_size(m->anywhere))
		return part__copy(m, p);
	o = part__json(m, p);
	if (!o)
		return m->err->code;
	client = others_count(m, p, o, "client");
	server = others_count(m, p, o, "server");
	if (!client && !server) {
		json_decref(o);
		return part__copy(m, p);
	}
	for (size_t i = 0; client && of_client[i]; i++)
		json_object_del(o, of_client[i]);
	for (size_t i = 0; server && of_server[i]; i++)
		json_object_del(o, of_server[i]);
	json_object_del(o, "t_ns");
	json_object_del(o, "type");
	json_object_set_new(o, "host", json_string(p->node));
	return merge__emit(m, "bins", p->t_ns, o);
}
