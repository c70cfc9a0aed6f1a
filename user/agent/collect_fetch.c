// SPDX-License-Identifier: GPL-2.0-only
/* collect_fetch.c: the nodes' records, chunk by chunk. */
#include "agent/collect_internal.h"

#include "agent/child.h"
#include "lib/cleanup.h"

#include <string.h>
#include <sys/stat.h>

static const char *current_node(const struct collector *c)
{
	return json_string_value(json_object_get(json_array_get(c->have, c->at), "node"));
}

/* The current node's record is no good: the others go on without it. */
static void leave_out(struct collector *c, const char *why)
{
	json_array_append_new(c->missing,
			      json_pack("{s:s,s:o}", "node", current_node(c), "why",
					collect__words(256, "its record cannot be read: ", why)));
	json_array_remove(c->have, c->at);
	record_unpack__free(TAKE_PTR(c->unpack));
	c->chunk = 0;
	c->failures = 0;
}

static void take_chunk(struct collector *c, const json_t *map, struct error *err)
{
	const json_t *chunk = json_object_get(json_object_get(map, "binaryData"), "chunk"),
		     *labels = json_object_get(json_object_get(map, "metadata"), "labels");
	const char *run = json_string_value(json_object_get(labels, RECORD_LABEL_RUN));
	char mine[RECORD_NAME_MAX];

	if (!run || strcmp(run, record__label(c->uid, mine, sizeof(mine))) != 0)
		err__set(err, -EBADMSG, "chunk %u is of another run", c->chunk);
	else if (!json_is_string(chunk))
		err__set(err, -EBADMSG, "chunk %u holds none", c->chunk);
	else
		record_unpack__chunk(c->unpack, json_string_value(chunk), json_string_length(chunk),
				     err);
}

static void fetched(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;
	struct collector *c = call->c;
	const json_t *chunks = json_object_get(json_array_get(c->have, c->at), "chunks");
	struct error err = {0};

	call->busy = false;
	if (!collect__is_ok(a)) {
		if (a->status == 404 || (collect__is_refused(a) && c->failures >= REFUSALS_MAX))
			leave_out(c, a->why[0] ? a->why : "it is not there");
		else
			collector__back_off(c);
		return;
	}
	c->failures = 0;
	take_chunk(c, a->body, &err);
	if (!err.code && ++c->chunk == json_integer_value(chunks)) {
		if (record_unpack__end(c->unpack, NULL, &err) == 0) {
			record_unpack__free(TAKE_PTR(c->unpack));
			c->at++;
			c->chunk = 0;
		}
	}
	if (err.code)
		leave_out(c, err.msg);
}

static int make_dir(const struct collector *c)
{
	run_folder__remove(c->dir);
	return mkdir(c->dir, 0755) < 0 ? -errno : 0;
}

void collector__fetch(struct collector *c)
{
	char name[RECORD_NAME_MAX];
	struct error err = {0};

	if (c->at == 0 && c->chunk == 0 && !c->unpack) {
		int r = make_dir(c);

		if (r) {
			collector__say_unknown(c, strerror(-r));
			return;
		}
	}
	if (c->at >= json_array_size(c->have)) {
		if (c->at)
			collector__become(c, RENDERING);
		else
			collector__say_unknown(c, "no node has a record of it");
		return;
	}
	if (!c->unpack &&
	    record_unpack__open(c->dir, current_node(c), RECORD_BYTES_MAX, &c->unpack, &err) < 0) {
		leave_out(c, err.msg);
		return;
	}
	record__map_name(c->uid, current_node(c), c->chunk, name, sizeof(name));
	collector__ask_map(c, "GET", name, NULL, fetched);
}
