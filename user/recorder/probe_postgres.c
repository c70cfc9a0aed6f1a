// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_postgres.c: pg_is_in_recovery(), and the timeline as the epoch: of a primary that which it
 * writes to, of a standby that which it receives (none while it receives nothing, or the user may
 * not see it: pg_read_all_stats).
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"
#include "recorder/libpq.h"
#include "recorder/probe_internal.h"

#include <string.h>

/* The control file's timeline is that of the last checkpoint, which can be minutes behind a
 * promotion; the name of the segment that is written to is not. */
static const char query[] =
	"SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() "
	"THEN (SELECT received_tli::bigint FROM pg_stat_wal_receiver LIMIT 1) "
	"ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END, "
	"(SELECT sender_host || ':' || sender_port FROM pg_stat_wal_receiver LIMIT 1)";

struct postgres_probe {
	const struct libpq *pq;
	PGconn *conn; /* NULL = none */
	char *host, *user, *password, *database;
	uint16_t port;
};

static void postgres_close(void *state)
{
	struct postgres_probe *p = state;

	if (p->conn)
		p->pq->finish(p->conn);
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

static int postgres_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	static const struct probe_config none;
	const struct probe_config *c = spec->config ? spec->config : &none;
	struct postgres_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	p->port = spec->port;
	if (keep(spec->ip, &p->host) || keep(c->user, &p->user) ||
	    keep(c->password, &p->password) || keep(c->database, &p->database))
		return err__set(err, -ENOMEM, "out of memory");
	return libpq__load(&p->pq, err);
}

void postgres__row(const char *in_recovery, const char *timeline, const char *upstream,
		   struct sample *s)
{
	char *end;
	long long v;

	if (!in_recovery || (strcmp(in_recovery, "t") != 0 && strcmp(in_recovery, "f") != 0))
		return sample__error(s, "pg_is_in_recovery() is neither true nor false");
	s->claim = *in_recovery == 'f';
	s->role = s->claim ? PROBE_LEADER : PROBE_FOLLOWER;
	if (timeline && *timeline >= '0' && *timeline <= '9') {
		errno = 0;
		v = strtoll(timeline, &end, 10);
		if (!errno && !*end && v > 0 && v <= UINT32_MAX)
			s->epoch = v;
	}
	if (upstream && !s->claim && strlen(upstream) < sizeof(s->leader))
		strcpy(s->leader, upstream);
}

static const char *column(const struct libpq *pq, const PGresult *res, int i)
{
	return pq->getisnull(res, 0, i) ? NULL : pq->getvalue(res, 0, i);
}

static int get_ready(struct postgres_probe *p, int64_t deadline_ns, struct sample *s)
{
	struct pg_login login = {p->host, p->port, p->user, p->password, p->database};
	char why[128];
	int r;

	if (p->conn)
		return 0;
	r = pg__connect(p->pq, &login, deadline_ns, &p->conn, why, sizeof(why));
	if (r && *why)
		sample__error(s, "%s", why);
	else if (r)
		sample__errno(s, r);
	return r;
}

static void postgres_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct postgres_probe *p = state;
	const struct libpq *pq = p->pq;
	PGresult *res = NULL;
	char why[128];
	int r;

	if (get_ready(p, deadline_ns, s))
		return;
	s->send_ns = clock__now();
	r = pg__query(pq, p->conn, query, deadline_ns, &res, NULL);
	s->recv_ns = clock__now();
	if (r) {
		pq->finish(p->conn);
		p->conn = NULL;
		return sample__errno(s, r);
	}
	if (pq->result_status(res) == PGRES_TUPLES_OK && pq->ntuples(res) == 1 &&
	    pq->nfields(res) == 3) {
		postgres__row(column(pq, res, 0), column(pq, res, 1), column(pq, res, 2), s);
	} else {
		library__words(pq->result_error_message(res), why, sizeof(why));
		sample__error(s, "%s", *why ? why : "the answer is not one row of three columns");
	}
	pq->clear(res);
}

const struct probe_ops probe_postgres = {
	.name = "postgres",
	.port = 5432,
	.open = postgres_open,
	.ask = postgres_ask,
	.close = postgres_close,
};
