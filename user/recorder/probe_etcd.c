// SPDX-License-Identifier: GPL-2.0-only
/* probe_etcd.c: a member's own view, by the JSON gateway of its maintenance API (3.4 and later). */
#include "recorder/http.h"
#include "recorder/internal.h"

#include "lib/cleanup.h"

#include <inttypes.h>
#include <string.h>

enum { ETCD_MAX_ANSWER = 64 << 10 };

struct etcd_probe {
	struct http *http;
	char url[128];
	int limit_ms;
};

static void etcd_close(void *self)
{
	struct etcd_probe *p = self;

	http__free(p->http);
	free(p);
}

static void *etcd_open(const struct probe_config *cfg, int limit_ms)
{
	struct etcd_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->limit_ms = limit_ms;
	p->http = http__new(ETCD_MAX_ANSWER);
	snprintf(p->url, sizeof(p->url), strchr(cfg->ip, ':') ? "http://[%s]:%u%s" : "http://%s:%u%s",
		 cfg->ip, cfg->port, "/v3/maintenance/status");
	if (!p->http) {
		etcd_close(p);
		return NULL;
	}
	return p;
}

/* The gateway gives 64-bit numbers as strings and leaves zeros out. */
static uint64_t number(const json_t *j)
{
	if (json_is_string(j))
		return strtoull(json_string_value(j), NULL, 10);
	return json_is_integer(j) ? (uint64_t)json_integer_value(j) : 0;
}

static void etcd_sample(void *self, struct sample *s)
{
	struct etcd_probe *p = self;
	struct http_answer a;
	uint64_t leader, member, term;
	json_t *j;

	if (http__do(p->http, p->url, "{}", p->limit_ms, &a) < 0) {
		sample__error(s, "%s", a.error);
		return;
	}
	j = a.status == 200 ? json_loadb(a.body, a.len, 0, NULL) : NULL;
	member = number(json_object_get(json_object_get(j, "header"), "member_id"));
	leader = number(json_object_get(j, "leader"));
	term = number(json_object_get(j, "raftTerm"));
	json_decref(j);
	if (!member) {
		sample__error(s, "status %ld, and no member_id in the answer", a.status);
		return;
	}
	s->epoch = term <= INT64_MAX ? (int64_t)term : -1;
	s->claim = leader == member;
	s->role = s->claim ? "leader" : leader ? "follower" : "candidate";
	if (leader)
		snprintf(s->leader, sizeof(s->leader), "%" PRIx64, leader);
}

const struct probe_ops probe_etcd_ops = {
	.system = "etcd",
	.port = 2379,
	.open = etcd_open,
	.sample = etcd_sample,
	.close = etcd_close,
};
