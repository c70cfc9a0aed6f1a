// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_vault.c: sys/leader, where a node says whether it is the active one, and sys/health, whose
 * status says whether it acts as one: 200 active, 429 standby, 472 and 473 replicas, 501 not
 * initialized, 503 sealed. Neither needs a token. Vault has no epoch that it tells without one.
 */
#include "lib/clock.h"
#include "recorder/probe_http.h"

#include <string.h>

#define ANSWER_MAX (64 * 1024)

static int vault_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	return http_probe__open(spec, "X-Vault-Token: ", ANSWER_MAX,
				(struct http_probe **)ret_state, err);
}

void vault__leader(const char *body, size_t len, long health, struct sample *s)
{
	_cleanup_json_ json_t *o = answer__json(body, len);
	const json_t *self = json_object_get(o, "is_self");
	const json_t *ha = json_object_get(o, "ha_enabled");
	char leader[sizeof(s->leader)];

	if (!json_is_boolean(self) || !json_is_boolean(ha))
		return sample__error(s, "the answer is no leader status of Vault");
	if (answer__copy(json_object_get(o, "leader_address"), leader, sizeof(leader)))
		memcpy(s->leader, leader, sizeof(leader));
	/* A server without high availability is alone, and does not speak of itself. */
	s->claim = (json_is_true(self) || json_is_false(ha)) && health == 200;
	if (s->claim)
		s->role = PROBE_LEADER;
	else if (json_is_true(self))
		s->role = PROBE_CANDIDATE; /* holds the lock, and is not active yet, or no more */
	else
		s->role = health == 429 || health == 472 || health == 473 ? PROBE_FOLLOWER
									  : PROBE_NONE;
}

static void vault_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct http_probe *p = state;
	long health = http_probe__get(p, "/v1/sys/health", deadline_ns, s), status;

	if (!health)
		return;
	if (health == 501)
		return sample__error(s, "Vault is not initialized");
	if (health == 503)
		return sample__error(s, "Vault is sealed");
	status = http_probe__get(p, "/v1/sys/leader", deadline_ns, s);
	s->recv_ns = clock__now();
	if (!status)
		return;
	if (status != 200)
		return sample__error(s, "HTTP status %ld", status);
	vault__leader(p->http.body, p->http.len, health, s);
}

const struct probe_ops probe_vault = {
	.name = "vault",
	.port = 8200,
	.open = vault_open,
	.ask = vault_ask,
	.close = http_probe__close,
};
