// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_rabbitmq.c: the management plugin's /api/nodes, as one node sees the cluster.
 *
 * `partitions` is filled only when the nodes meet again and find that each went on alone; while they
 * are apart, all that a node shows is that it no longer counts the others as running (after
 * net_ticktime, 60 s by default, or at once when a connection ends). So a claim is made of that:
 * of the nodes that a node takes for running, the one whose name sorts first leads. Each component
 * has just one such node; two at once are a partition, seen while it lasts. A node that pauses
 * itself (pause_minority) closes its listeners, and is an error here. There is no epoch.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <string.h>

#define ANSWER_MAX (256 * 1024)

/* guest may log in over loopback only; a probe is inside of the node. */
static int rabbitmq_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct probe_config config = *spec->config;
	struct probe_spec own = *spec;

	own.config = &config;
	if (!config.user) {
		config.user = config.password = "guest";
		if (strncmp(spec->ip, "127.", 4) != 0)
			own.ip = (char *)"127.0.0.1";
	}
	return http_probe__open(&own, NULL, ANSWER_MAX, (struct http_probe **)ret_state, err);
}

bool rabbitmq__self(const char *body, size_t len, char *buf, size_t size)
{
	_cleanup_json_ json_t *o = answer__json(body, len);

	return answer__copy(json_object_get(o, "node"), buf, size) && *buf;
}

static void add_partition(struct sample *s, const json_t *partitions)
{
	size_t n = json_array_size(partitions);
	const char *first = json_string_value(json_array_get(partitions, 0));

	if (n)
		snprintf(s->detail, sizeof(s->detail), "partitions: %.48s%s", first ? first : "?",
			 n > 1 ? " ..." : "");
}

void rabbitmq__nodes(const char *body, size_t len, const char *self, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(body, len);
	char first[128] = "", name[128];
	bool running = false;
	json_t *node;
	size_t i;

	if (!json_is_array(o))
		return sample__error(s, "the answer is no list of RabbitMQ's nodes");
	json_array_foreach(o, i, node) {
		bool own;

		if (!answer__copy(json_object_get(node, "name"), name, sizeof(name)))
			return sample__error(s, "the answer is no list of RabbitMQ's nodes");
		own = !strcmp(name, self);
		if (own)
			add_partition(s, json_object_get(node, "partitions"));
		if (!json_is_true(json_object_get(node, "running")))
			continue;
		running |= own;
		if (!*first || strcmp(name, first) < 0)
			memcpy(first, name, sizeof(first));
	}
	snprintf(s->leader, sizeof(s->leader), "%.71s", first);
	s->claim = running && !strcmp(first, self);
	s->role = s->claim ? PROBE_LEADER : running ? PROBE_FOLLOWER : PROBE_NONE;
}

static void rabbitmq_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	long status = 200;

	if (!p->self[0]) {
		status = http_probe__get(p, "/api/overview?columns=node", deadline_ns, s);
		if (status == 200 &&
		    !rabbitmq__self(p->http.body, p->http.len, p->self, sizeof(p->self)))
			return sample__error(s, "no node's name in /api/overview");
		s->send_ns = clock__now();
	}
	if (status == 200)
		status = http_probe__get(p, "/api/nodes?columns=name,running,partitions",
					 deadline_ns, s);
	s->recv_ns = clock__now();
	if (!status)
		return;
	if (status == 401)
		return sample__error(s, "the user or the password is refused");
	if (status != 200)
		return sample__error(s, "HTTP status %ld", status);
	rabbitmq__nodes(p->http.body, p->http.len, p->self, s);
}

const struct probe_ops probe_rabbitmq = {
	.name = "rabbitmq",
	.port = 15672,
	.open = rabbitmq_open,
	.ask = rabbitmq_ask,
	.close = http_probe__close,
};
