// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_lease.c: a Kubernetes Lease, as the API server has it. The node whose identity is the
 * holder's leads, until nobody has renewed the lease for its duration: measured from when we saw
 * it renewed, as client-go does, since renewTime is of the holder's clock. What the holder itself
 * believes can differ: a Lease promises no fencing. The epoch is leaseTransitions.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <string.h>

#define ANSWER_MAX (64 * 1024)

struct lease {
	struct lease_watch watch;
	char path[320], identity[128];
};

static int copy_text(char *buf, size_t size, const char *s)
{
	return (size_t)snprintf(buf, size, "%s", s) < size ? 0 : -ENAMETOOLONG;
}

static int lease_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	const struct probe_config *c = spec->config;
	const char *slash = c->lease ? strchr(c->lease, '/') : NULL;
	struct http_probe *p;
	struct lease *l;
	int r;

	if (!slash || slash == c->lease || !slash[1] || strlen(c->lease) > 240)
		return err__set(err, -EINVAL, "a lease is NAMESPACE/NAME");
	r = http_probe__open(spec, "Authorization: Bearer ", ANSWER_MAX, &p, err);
	if (r)
		return r;
	*ret_state = p;
	p->own = l = calloc(1, sizeof(*l));
	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	snprintf(l->path, sizeof(l->path), "/apis/coordination.k8s.io/v1/namespaces/%.*s/leases/%s",
		 (int)(slash - c->lease), c->lease, slash + 1);
	r = copy_text(l->identity, sizeof(l->identity), c->identity ? c->identity : c->node);
	return r ? err__set(err, r, "an identity is shorter than 128 letters") : 0;
}

bool lease__parse(const char *body, size_t len, struct lease_view *v, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(body, len);
	const json_t *spec = json_object_get(o, "spec");
	const json_t *transitions = json_object_get(spec, "leaseTransitions");
	const json_t *seconds = json_object_get(spec, "leaseDurationSeconds");
	const char *kind = json_string_value(json_object_get(o, "kind"));

	*v = (struct lease_view){.transitions = -1, .duration_ns = -1};
	if (!kind || strcmp(kind, "Lease") != 0) {
		sample__error(s, "the answer is no Lease");
		return false;
	}
	/* What a lease that nobody took yet has not stays empty. */
	answer__copy(json_object_get(spec, "holderIdentity"), v->holder, sizeof(v->holder));
	answer__copy(json_object_get(spec, "renewTime"), v->renew, sizeof(v->renew));
	if (json_is_integer(transitions) && json_integer_value(transitions) >= 0)
		v->transitions = json_integer_value(transitions);
	if (json_is_integer(seconds) && json_integer_value(seconds) > 0 &&
	    json_integer_value(seconds) <= INT32_MAX)
		v->duration_ns = json_integer_value(seconds) * NS_PER_S;
	return true;
}

/* A holder may be NAME_UUID, so that a process that starts again is another one. */
static bool is_holder(const char *holder, const char *identity)
{
	size_t n = strlen(identity);

	return n && !strncmp(holder, identity, n) && (!holder[n] || holder[n] == '_');
}

void lease__judge(const struct lease_view *v, struct lease_watch *w, const char *identity,
		  int64_t now_ns, struct sample *s)
{
	bool expired;

	if (!w->seen_ns || strcmp(v->renew, w->renew) != 0) {
		memcpy(w->renew, v->renew, sizeof(w->renew));
		w->seen_ns = now_ns;
	}
	expired = v->duration_ns > 0 && now_ns - w->seen_ns > v->duration_ns;
	s->epoch = v->transitions;
	snprintf(s->leader, sizeof(s->leader), "%.71s", v->holder);
	snprintf(s->detail, sizeof(s->detail), "%s%s", expired ? "expired, renewed " : "renewed ",
		 *v->renew ? v->renew : "never");
	s->claim = is_holder(v->holder, identity) && !expired;
	s->role = s->claim ? PROBE_LEADER : *v->holder && !expired ? PROBE_FOLLOWER : PROBE_NONE;
}

static void lease_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	struct lease *l = p->own;
	struct lease_view v;
	long status = http_probe__get(p, l->path, deadline_ns, s);

	s->recv_ns = clock__now();
	if (!status)
		return;
	if (status == 401 || status == 403)
		return sample__error(s, "the API server refuses (HTTP status %ld)", status);
	if (status == 404)
		return sample__error(s, "there is no such Lease");
	if (status != 200)
		return sample__error(s, "HTTP status %ld", status);
	if (lease__parse(p->http.body, p->http.len, &v, s))
		lease__judge(&v, &l->watch, l->identity, s->recv_ns, s);
}

const struct probe_ops probe_lease = {
	.name = "lease",
	.port = 8001, /* kubectl proxy */
	.open = lease_open,
	.ask = lease_ask,
	.close = http_probe__close,
};
