// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_galera.c: SHOW STATUS LIKE 'wsrep_%'. Every node of a Primary component takes writes, so
 * what must be one is the component: the node that it lists first (wsrep_local_index 0) leads for
 * it. Two at once are two Primary components. The epoch is the component's wsrep_cluster_conf_id,
 * which counts its changes of membership.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/libmariadb.h"
#include "recorder/probe_internal.h"

#include <string.h>

struct galera_probe {
	const struct libmariadb *lib;
	MYSQL *conn; /* NULL = none */
	char *host, *user, *password, *database;
	uint16_t port;
};

static void galera_close(void *state)
{
	struct galera_probe *p = state;

	if (p->conn)
		mariadb__close(p->lib, p->conn);
	free(p->host);
	free(p->user);
	free(p->password);
	free(p->database);
	free(p);
}

static int keep(const char *s, char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static int galera_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	static const struct probe_config none;
	const struct probe_config *c = spec->config ? spec->config : &none;
	struct galera_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	p->port = spec->port;
	if (keep(spec->ip, &p->host) || keep(c->user ? c->user : "root", &p->user) ||
	    keep(c->password, &p->password) || keep(c->database, &p->database))
		return err__set(err, -ENOMEM, "out of memory");
	return libmariadb__load(&p->lib, err);
}

void galera__variable(const char *name, const char *value, struct galera_status *g)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} vars[] = {
		{"wsrep_cluster_status", g->cluster_status, sizeof(g->cluster_status)},
		{"wsrep_ready", g->ready, sizeof(g->ready)},
		{"wsrep_cluster_conf_id", g->conf_id, sizeof(g->conf_id)},
		{"wsrep_local_index", g->local_index, sizeof(g->local_index)},
		{"wsrep_cluster_state_uuid", g->state_uuid, sizeof(g->state_uuid)},
		{"wsrep_local_state_comment", g->state_comment, sizeof(g->state_comment)},
	};

	for (size_t i = 0; name && value && i < ARRAY_SIZE(vars); i++) {
		if (strcmp(name, vars[i].name) != 0)
			continue;
		snprintf(vars[i].to, vars[i].size, "%s", value);
		g->any = true;
	}
}

/* 18446744073709551615 outside of a Primary component: no number of one. */
static int64_t number(const char *s)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	return errno || end == s || *end || v < 0 ? -1 : v;
}

void galera__status(const struct galera_status *g, struct sample *s)
{
	if (!g->any || !*g->cluster_status)
		return sample__error(s, "the server has no wsrep_ status: it is no Galera node");
	/* in the component and not in step with it yet, or in none */
	if ((!strcmp(g->cluster_status, "Primary") && strcmp(g->ready, "ON") != 0) ||
	    !strcmp(g->cluster_status, "Disconnected")) {
		s->role = PROBE_NONE;
	} else if (!strcmp(g->cluster_status, "Primary")) {
		s->claim = number(g->local_index) == 0;
		s->role = s->claim ? PROBE_LEADER : PROBE_FOLLOWER;
		s->epoch = number(g->conf_id);
	} else if (!strcasecmp(g->cluster_status, "non-Primary")) {
		s->role = PROBE_CANDIDATE; /* without a majority: refuses to work */
	} else {
		return sample__error(s, "an unknown wsrep_cluster_status `%s`", g->cluster_status);
	}
	snprintf(s->detail, sizeof(s->detail), "%.36s %.30s", g->state_uuid, g->state_comment);
}

static int get_ready(struct galera_probe *p, int64_t deadline_ns, struct sample *s)
{
	struct mariadb_login login = {p->host, p->port, p->user, p->password, p->database};
	char why[128];
	int r;

	if (p->conn)
		return 0;
	r = mariadb__connect(p->lib, &login, deadline_ns, &p->conn, why, sizeof(why));
	if (r && *why)
		sample__error(s, "%s", why);
	else if (r)
		sample__errno(s, r);
	return r;
}

static void galera_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct galera_probe *p = state;
	struct galera_status g = {0};
	MYSQL_RES *res = NULL;
	MYSQL_ROW row;
	char why[128];
	int r;

	if (get_ready(p, deadline_ns, s))
		return;
	s->send_ns = clock__now();
	r = mariadb__query(p->lib, p->conn, "SHOW STATUS LIKE 'wsrep\\_%'", deadline_ns, &res, why,
			   sizeof(why));
	s->recv_ns = clock__now();
	if (r) {
		mariadb__close(p->lib, p->conn);
		p->conn = NULL;
		if (*why)
			return sample__error(s, "%s", why);
		return sample__errno(s, r);
	}
	while (res && p->lib->num_fields(res) >= 2 && (row = p->lib->fetch_row(res)))
		galera__variable(row[0], row[1], &g);
	if (res)
		p->lib->free_result(res);
	galera__status(&g, s);
}

const struct probe_ops probe_galera = {
	.name = "galera",
	.port = 3306,
	.open = galera_open,
	.ask = galera_ask,
	.close = galera_close,
};
