// SPDX-License-Identifier: GPL-2.0-only
/* probe_etcd.c: the maintenance status, which a member answers from what it knows itself. */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/http.h"
#include "recorder/probe_internal.h"

#include <inttypes.h>
#include <string.h>

#define ANSWER_MAX (64 * 1024)
/* A member that waits for its disk answers late; one that has not by then is not up. */
#define LIMIT_NS (300 * NS_PER_MS)

struct etcd_probe {
	struct http http;
	char url[128];
};

static void etcd_close(void *state)
{
	struct etcd_probe *p = state;

	http__reset(&p->http);
	free(p);
}

static int etcd_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct etcd_probe *p = calloc(1, sizeof(*p));
	char base[96];

	if (!p || http__init(&p->http, ANSWER_MAX)) {
		free(p);
		return err__set(err, -ENOMEM, "out of memory");
	}
	http__base(base, sizeof(base), spec->ip, spec->port);
	snprintf(p->url, sizeof(p->url), "%s/v3/maintenance/status", base);
	*ret_state = p;
	return 0;
}

void etcd__status(const char *body, size_t len, struct sample *s)
{
	json_t *o = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *header = json_object_get(o, "header");
	uint64_t leader = 0, member = 0, term = 0;
	int r = header ? 0 : -EPROTO;

	r = r ? r : http__u64(header, "member_id", &member);
	r = r ? r : http__u64(o, "leader", &leader);
	r = r ? r : http__u64(o, "raftTerm", &term);
	json_decref(o);
	if (r || !member)
		return sample__error(s, "the answer is no status of an etcd member");
	s->epoch = term > 0 && term <= INT64_MAX ? (int64_t)term : -1;
	s->claim = leader == member;
	/* Without a leader a member campaigns, or is about to. */
	s->role = s->claim ? PROBE_LEADER : leader ? PROBE_FOLLOWER : PROBE_CANDIDATE;
	/* As etcdctl writes member ids. */
	if (leader)
		snprintf(s->leader, sizeof(s->leader), "%" PRIx64, leader);
}

static void etcd_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct etcd_probe *p = state;
	int64_t limit = s->send_ns + LIMIT_NS;
	int r = http__request(&p->http, p->url, "{}", deadline_ns < limit ? deadline_ns : limit);

	s->recv_ns = clock__now();
	if (r)
		return sample__errno(s, r);
	if (p->http.status == 404)
		return sample__error(s, "HTTP status 404: is its JSON gateway off? With a configuration file it "
					"needs enable-grpc-gateway: true");
	if (p->http.status != 200)
		return sample__error(s, "HTTP status %ld", p->http.status);
	etcd__status(p->http.body, p->http.len, s);
}

const struct probe_ops probe_etcd = {
	.name = "etcd",
	.port = 2379,
	.open = etcd_open,
	.ask = etcd_ask,
	.close = etcd_close,
};
