// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_nats.c: JetStream's metadata group by the monitoring port: /jsz says whom the server takes
 * for its leader, /varz once what the server is called. The term is in /raftz, from 2.11 on.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <string.h>

#define ANSWER_MAX (256 * 1024)

struct nats {
	bool no_raftz; /* an older server: not asked again */
	char *jsz;     /* the answer, kept while /raftz is asked */
};

static int nats_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct http_probe *p;
	int r = http_probe__open(spec, NULL, ANSWER_MAX, &p, err);

	if (r)
		return r;
	p->own = calloc(1, sizeof(struct nats));
	*ret_state = p;
	return p->own ? 0 : err__set(err, -ENOMEM, "out of memory");
}

static void nats_close(void *state)
{
	struct http_probe *p = state;
	struct nats *n = p->own;

	if (n)
		free(n->jsz);
	http_probe__close(p);
}

bool nats__self(const char *body, size_t len, char *buf, size_t size)
{
	_cleanup_json_ json_t *o = answer__json(body, len);

	return answer__copy(json_object_get(o, "server_name"), buf, size) && *buf;
}

/* The term of the group _meta_, whichever account it is listed under; -1 if there is none. */
static int64_t meta_term(const char *raftz)
{
	_cleanup_json_ json_t *o = raftz ? answer__json(raftz, strlen(raftz)) : NULL;
	const char *account;
	json_t *groups;

	json_object_foreach(o, account, groups) {
		const json_t *term = json_object_get(json_object_get(groups, "_meta_"), "term");

		if (json_is_integer(term) && json_integer_value(term) >= 0)
			return json_integer_value(term);
	}
	return -1;
}

void nats__meta(const char *jsz, const char *raftz, const char *self, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(jsz, strlen(jsz));
	const json_t *meta = json_object_get(o, "meta_cluster");
	char leader[128] = "";

	if (!json_is_object(o))
		return sample__error(s, "the answer is no JetStream status");
	if (!json_is_object(meta))
		return sample__error(s, "the server is in no JetStream cluster");
	if (json_object_get(meta, "leader") &&
	    !answer__copy(json_object_get(meta, "leader"), leader, sizeof(leader)))
		return sample__error(s, "the answer is no JetStream status");
	s->claim = *leader && !strcmp(leader, self);
	/* Without a leader a server campaigns, or is about to. */
	s->role = s->claim ? PROBE_LEADER : *leader ? PROBE_FOLLOWER : PROBE_CANDIDATE;
	s->epoch = meta_term(raftz);
	snprintf(s->leader, sizeof(s->leader), "%.71s", leader);
}

static bool ask_self(struct http_probe *p, int64_t deadline_ns, struct sample *s)
{
	long status = http_probe__get(p, "/varz", deadline_ns, s);

	if (!status)
		return false;
	if (status == 200 && nats__self(p->http.body, p->http.len, p->self, sizeof(p->self)))
		return true;
	sample__error(s, "no server's name in /varz (HTTP status %ld)", status);
	return false;
}

static void nats_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	struct nats *n = p->own;
	struct sample term = {0};
	const char *raftz = NULL;
	long status;

	if (!p->self[0] && !ask_self(p, deadline_ns, s))
		return;
	s->send_ns = clock__now();
	status = http_probe__get(p, "/jsz", deadline_ns, s);
	s->recv_ns = clock__now();
	/* Another server may answer there next. */
	if (status != 200)
		p->self[0] = '\0';
	if (!status)
		return;
	if (status != 200)
		return sample__error(s, "HTTP status %ld", status);
	free(n->jsz);
	n->jsz = strdup(p->http.body);
	if (!n->jsz)
		return sample__errno(s, -ENOMEM);
	if (!n->no_raftz) {
		status = http_probe__get(p, "/raftz?group=_meta_", deadline_ns, &term);
		n->no_raftz = status == 404;
		raftz = status == 200 ? p->http.body : NULL;
	}
	nats__meta(n->jsz, raftz, p->self, s);
}

const struct probe_ops probe_nats = {
	.name = "nats",
	.port = 8222,
	.open = nats_open,
	.ask = nats_ask,
	.close = nats_close,
};
