// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_consul.c: agent/self, where a server tells the state and the term of its own Raft. Where
 * access control keeps that from us, status/leader, which a server answers from its own Raft too:
 * it names an address, and whose it is tells the role, without a term.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <inttypes.h>
#include <string.h>

#define ANSWER_MAX (256 * 1024)

static int consul_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct http_probe *p;
	int r = http_probe__open(spec, "X-Consul-Token: ", ANSWER_MAX, &p, err);

	if (r)
		return r;
	snprintf(p->self, sizeof(p->self), "%s", spec->ip);
	*ret_state = p;
	return 0;
}

void consul__self(const char *body, size_t len, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(body, len);
	const json_t *stats = json_object_get(o, "Stats");
	const json_t *raft = json_object_get(stats, "raft");
	const char *state = json_string_value(json_object_get(raft, "state"));
	char leader[sizeof(s->leader)];
	uint64_t term = 0;

	if (!stats)
		return sample__error(s, "the answer is no agent's of Consul");
	if (!state)
		return sample__error(s, "the agent is no server: it has no Raft");
	if (!strcmp(state, "Leader"))
		s->role = PROBE_LEADER;
	else if (!strcmp(state, "Candidate"))
		s->role = PROBE_CANDIDATE;
	else if (!strcmp(state, "Follower"))
		s->role = PROBE_FOLLOWER;
	else if (!strcmp(state, "Shutdown"))
		s->role = PROBE_NONE;
	else
		return sample__error(s, "an unknown Raft state `%.32s`", state);
	s->claim = s->role == PROBE_LEADER;
	if (!http__u64(raft, "term", &term) && term && term <= INT64_MAX)
		s->epoch = (int64_t)term;
	if (answer__copy(json_object_get(json_object_get(stats, "consul"), "leader_addr"), leader,
			 sizeof(leader)))
		memcpy(s->leader, leader, sizeof(leader));
}

void consul__leader(const char *body, size_t len, const char *ip, struct sample *s)
{
	json_t *o = json_loadb(body, len, JSON_DECODE_ANY, NULL);
	bool bracketed;
	char leader[sizeof(s->leader)];
	bool ok = answer__copy(o, leader, sizeof(leader));
	size_t n = strlen(ip);

	json_decref(o);
	if (!ok)
		return sample__error(s, "the answer is no leader's address of Consul");
	bracketed = *leader == '[';
	memcpy(s->leader, leader, sizeof(leader));
	s->claim = !strncmp(leader + bracketed, ip, n) &&
		   leader[bracketed + n] == (bracketed ? ']' : ':');
	s->role = s->claim ? PROBE_LEADER : *leader ? PROBE_FOLLOWER : PROBE_CANDIDATE;
}

static void consul_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	long status = http_probe__get(p, "/v1/agent/self", deadline_ns, s);

	if (status == 403) {
		s->send_ns = clock__now();
		status = http_probe__get(p, "/v1/status/leader", deadline_ns, s);
		s->recv_ns = clock__now();
		if (status == 200)
			return consul__leader(p->http.body, p->http.len, p->self, s);
	}
	s->recv_ns = clock__now();
	if (!status)
		return;
	if (status != 200)
		return sample__error(s, "HTTP status %ld", status);
	consul__self(p->http.body, p->http.len, s);
}

const struct probe_ops probe_consul = {
	.name = "consul",
	.port = 8500,
	.open = consul_open,
	.ask = consul_ask,
	.close = http_probe__close,
};
