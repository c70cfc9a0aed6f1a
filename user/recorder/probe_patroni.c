// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_patroni.c: GET /primary is 200 only while this member holds the leader lock; GET /patroni
 * tells the role, the timeline and when it last saw its configuration store. PostgreSQL itself may
 * differ: system postgres asks it.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <inttypes.h>
#include <string.h>

#define ANSWER_MAX (64 * 1024)

static int patroni_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	return http_probe__open(spec, NULL, ANSWER_MAX, (struct http_probe **)ret_state, err);
}

void patroni__status(const char *body, size_t len, bool has_lock, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(body, len);
	const char *role = json_string_value(json_object_get(o, "role"));
	const json_t *timeline = json_object_get(o, "timeline");
	const json_t *seen = json_object_get(o, "dcs_last_seen");

	if (!json_object_get(o, "patroni") || !role)
		return sample__error(s, "the answer is no member's of Patroni");
	s->claim = has_lock;
	if (has_lock)
		s->role = PROBE_LEADER;
	else if (!strcmp(role, "master") || !strcmp(role, "primary"))
		s->role = PROBE_CANDIDATE; /* PostgreSQL is primary, and Patroni has not the lock */
	else if (!strcmp(role, "replica") || !strcmp(role, "standby_leader"))
		s->role = PROBE_FOLLOWER;
	else
		s->role = PROBE_NONE; /* uninitialized, stopped */
	if (json_is_integer(timeline) && json_integer_value(timeline) > 0)
		s->epoch = json_integer_value(timeline);
	if (json_is_integer(seen))
		snprintf(s->detail, sizeof(s->detail), "dcs_last_seen %" JSON_INTEGER_FORMAT,
			 json_integer_value(seen));
}

static void patroni_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	long lock = http_probe__get(p, "/primary", deadline_ns, s), status;

	if (!lock)
		return;
	/* 503 to who is not the primary */
	if (lock != 200 && lock != 503)
		return sample__error(s, "HTTP status %ld", lock);
	s->recv_ns = clock__now();
	status = http_probe__get(p, "/patroni", deadline_ns, s);
	if (!status)
		return;
	if (status != 200 && status != 503)
		return sample__error(s, "HTTP status %ld", status);
	patroni__status(p->http.body, p->http.len, lock == 200, s);
}

const struct probe_ops probe_patroni = {
	.name = "patroni",
	.port = 8008,
	.open = patroni_open,
	.ask = patroni_ask,
	.close = http_probe__close,
};
