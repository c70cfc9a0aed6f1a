// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_postgres.c: PostgreSQL by libpq, which is loaded when it is needed.
 *
 * A statement goes by the simple protocol and is a transaction of its own: the server commits before it says
 * CommandComplete. How durable a commit is (synchronous_commit) is the server's business.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"
#include "recorder/libpq.h"
#include "recorder/sock.h"
#include "recorder/sql.h"

#include <string.h>

struct postgres {
	struct sql_conn sql;
	struct store_spec spec;
	const struct libpq *pq;
	PGconn *conn; /* NULL = none */
};

/* --- pure ------------------------------------------------------------------------------------- */

enum outcome postgres__outcome(const char *severity, const char *state)
{
	/* Classes, or states, of errors after which the transaction may have been committed, or of which it is not
	 * certain: connection, statement completion unknown, shutdown, system, internal. */
	static const char *const doubtful[] = {"08", "40003", "57P01", "57P02", "58", "XX"};

	/* FATAL and PANIC end the session, whatever it was doing. */
	if (!severity || !state || strlen(state) != 5 || strcmp(severity, "ERROR") != 0)
		return OUTCOME_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(doubtful); i++)
		if (!strncmp(state, doubtful[i], strlen(doubtful[i])))
			return OUTCOME_UNKNOWN;
	/* Any other ERROR has rolled the statement's transaction back. */
	return OUTCOME_FAIL;
}

/* --- the connection ----------------------------------------------------------------------------- */

static void drop(struct postgres *p)
{
	if (p->conn)
		p->pq->finish(p->conn);
	p->conn = NULL;
}

static void be_silent(void *arg, const char *message)
{
	(void)arg, (void)message;
}

static bool connect_it(struct postgres *p, int64_t deadline_ns, struct answer *a)
{
	const struct workload_login *login = p->spec.login;
	struct pg_login to = {.host = p->spec.ip,
			      .port = p->spec.port,
			      .user = login->user,
			      .password = login->password,
			      .database = login->database};
	char why[sizeof(a->error)];
	int r = pg__connect(p->pq, &to, deadline_ns, &p->conn, why, sizeof(why));

	if (!r) {
		p->pq->set_notice_processor(p->conn, be_silent, NULL);
		return true;
	}
	p->conn = NULL;
	/* No statement has left. */
	answer__errno(a, r, false);
	if (*why)
		answer__error(a, OUTCOME_FAIL, why, strlen(why));
	return false;
}

/* What the server has said since the last statement may be its farewell. */
static bool is_alive(struct postgres *p)
{
	return p->conn && p->pq->status(p->conn) == PG_CONNECTION_OK &&
	       sock__is_idle(p->pq->socket(p->conn));
}

static void take_rows(struct postgres *p, const PGresult *res, struct sql_result *ret)
{
	int n = p->pq->ntuples(res);

	for (int i = 0; i < n; i++) {
		const char *text = p->pq->getvalue(res, i, 0);
		int64_t v;

		if (!value__parse(text, strlen(text), &v))
			continue;
		ret->has_value = true;
		ret->value = v;
		if (ret->all && values__add(ret->all, v))
			answer__errno(&ret->answer, -EMSGSIZE, true);
	}
}

static void take_result(struct postgres *p, PGresult *res, struct sql_result *ret)
{
	int status = p->pq->result_status(res);
	const char *state, *severity;

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		ret->changed = atoll(p->pq->cmd_tuples(res));
		if (status == PGRES_TUPLES_OK)
			take_rows(p, res, ret);
		return;
	}
	state = p->pq->result_error_field(res, PG_SQLSTATE);
	severity = p->pq->result_error_field(res, PG_SEVERITY);
	ret->no_table = state && !strcmp(state, "42P01");
	library__words(p->pq->result_error_message(res), ret->answer.error,
		       sizeof(ret->answer.error));
	ret->answer.outcome = postgres__outcome(severity, state);
	if (ret->answer.outcome == OUTCOME_UNKNOWN)
		drop(p);
}

static void run(struct sql_conn *c, const char *text, int64_t deadline_ns, struct sql_result *ret)
{
	struct postgres *p = (struct postgres *)c;
	PGresult *res = NULL;
	bool sent = false;
	int r;

	if (!is_alive(p)) {
		drop(p);
		if (!connect_it(p, deadline_ns, &ret->answer))
			return;
	}
	r = pg__query(p->pq, p->conn, text, deadline_ns, &res, &sent);
	if (r) {
		answer__errno(&ret->answer, r, sent);
		return drop(p);
	}
	take_result(p, res, ret);
	p->pq->clear(res);
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	const struct libpq *pq;

	return libpq__load(&pq, err);
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct postgres *p = calloc(1, sizeof(*p));
	int r = p ? libpq__load(&p->pq, NULL) : -ENOMEM;

	if (r) {
		free(p);
		return r;
	}
	p->spec = *spec;
	p->sql = (struct sql_conn){.dialect = SQL_POSTGRES, .spec = &p->spec, .run = run};
	*ret_store = p;
	return 0;
}

static void store_close(void *store)
{
	drop(store);
	free(store);
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	sql__add(store, value, deadline_ns, ret);
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	sql__read(store, value, deadline_ns, ret);
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	return sql__list(store, false, deadline_ns, ret, why, why_size);
}

static int store_list_queue(void *store, int64_t deadline_ns, struct values *ret, char *why,
			    size_t why_size)
{
	return sql__list(store, true, deadline_ns, ret, why, why_size);
}

static void store_act(void *store, const struct request *rq, int64_t deadline_ns,
		      struct answer *ret)
{
	sql__act(store, rq, deadline_ns, ret);
}

const struct store_ops store_postgres = {
	.name = "postgres",
	.port = 5432,
	.load = load,
	.open_for = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = store_act,
	.list_queue = store_list_queue,
};
