// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_postgres.c: PostgreSQL by libpq, which is loaded when it is needed.
 *
 * A statement goes by the extended protocol, where the server commits at the Sync message, after it has sent
 * CommandComplete: so it counts as done only when ReadyForQuery has come, which is when PQgetResult() has
 * nothing more to give and the connection stands. How durable a commit is (synchronous_commit) is the server's.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"
#include "recorder/sql.h"

#include <poll.h>
#include <string.h>

/* libpq-fe.h's, part of its ABI. */
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
enum { CONNECTION_OK = 0, CONNECTION_BAD = 1 };
enum { POLLING_FAILED = 0, POLLING_READING = 1, POLLING_WRITING = 2, POLLING_OK = 3 };
enum { PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2 };
enum { PG_DIAG_SEVERITY_NONLOCALIZED = 'V', PG_DIAG_SQLSTATE = 'C', PG_DIAG_PRIMARY = 'M' };

#define FUNCTIONS(X)                                                                               \
	X(PGconn *, PQconnectStartParams, (const char *const *, const char *const *, int))         \
	X(int, PQconnectPoll, (PGconn *))                                                          \
	X(int, PQstatus, (const PGconn *))                                                         \
	X(int, PQsocket, (const PGconn *))                                                         \
	X(void, PQfinish, (PGconn *))                                                              \
	X(char *, PQerrorMessage, (const PGconn *))                                                \
	X(int, PQsetnonblocking, (PGconn *, int))                                                  \
	X(int, PQsendQueryParams,                                                                  \
	  (PGconn *, const char *, int, const unsigned int *, const char *const *, const int *,    \
	   const int *, int))                                                                      \
	X(int, PQflush, (PGconn *))                                                                \
	X(int, PQconsumeInput, (PGconn *))                                                         \
	X(int, PQisBusy, (PGconn *))                                                               \
	X(PGresult *, PQgetResult, (PGconn *))                                                     \
	X(int, PQresultStatus, (const PGresult *))                                                 \
	X(char *, PQresultErrorField, (const PGresult *, int))                                     \
	X(char *, PQresultErrorMessage, (const PGresult *))                                        \
	X(char *, PQcmdTuples, (PGresult *))                                                       \
	X(int, PQntuples, (const PGresult *))                                                      \
	X(char *, PQgetvalue, (const PGresult *, int, int))                                        \
	X(int, PQgetlength, (const PGresult *, int, int))                                          \
	X(void *, PQsetNoticeProcessor, (PGconn *, void (*)(void *, const char *), void *))        \
	X(void, PQclear, (PGresult *))

static union {
	struct {
		FUNCTIONS(LIBRARY_MEMBER)
	} f;
	void *v[1];
} pq;
static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)};

static struct library library = {.soname = "libpq.so.5",
				 .package = "libpq5",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = pq.v,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

struct postgres {
	struct sql_conn sql;
	struct store_spec spec;
	PGconn *conn;
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

static int wait_for(const struct postgres *p, short events, int64_t deadline_ns)
{
	struct pollfd fd = {.fd = pq.f.PQsocket(p->conn), .events = events};
	int n;

	do {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);

		n = ppoll(&fd, 1, &ts, NULL);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n ? -errno : -ETIMEDOUT;
}

static void drop(struct postgres *p)
{
	if (p->conn)
		pq.f.PQfinish(p->conn);
	p->conn = NULL;
}

static void be_silent(void *arg, const char *message)
{
	(void)arg, (void)message;
}

/* The first line of libpq's words. */
static void say(struct answer *a, enum outcome outcome, const char *text)
{
	text = text && *text ? text : "the connection is lost";
	answer__error(a, outcome, text, strcspn(text, "\n"));
}

static bool connect_it(struct postgres *p, int64_t deadline_ns, struct answer *a)
{
	const struct workload_login *login = p->spec.login;
	const char *user = login->user ? login->user : "postgres";
	char port[8];
	const char *const keys[] = {"hostaddr", "port",		    "user",	  "password",
				    "dbname",	"application_name", "gssencmode", NULL};
	const char *const values[] = {p->spec.ip,
				      port,
				      user,
				      login->password,
				      login->database ? login->database : user,
				      "chaos",
				      "disable",
				      NULL};
	int state = POLLING_WRITING, r = 0;

	snprintf(port, sizeof(port), "%u", p->spec.port);
	p->conn = pq.f.PQconnectStartParams(keys, values, 0);
	if (!p->conn || pq.f.PQstatus(p->conn) == CONNECTION_BAD)
		state = POLLING_FAILED;
	while (!r && state != POLLING_OK && state != POLLING_FAILED) {
		r = wait_for(p, state == POLLING_READING ? POLLIN : POLLOUT, deadline_ns);
		state = r ? state : pq.f.PQconnectPoll(p->conn);
	}
	if (!r && state == POLLING_OK && !pq.f.PQsetnonblocking(p->conn, 1)) {
		pq.f.PQsetNoticeProcessor(p->conn, be_silent, NULL);
		return true;
	}
	/* No statement has left. */
	if (r)
		answer__errno(a, r, false);
	else
		say(a, OUTCOME_FAIL, p->conn ? pq.f.PQerrorMessage(p->conn) : "out of memory");
	drop(p);
	return false;
}

/* What the server has said since the last statement may be its farewell. */
static bool is_alive(struct postgres *p)
{
	if (!p->conn)
		return false;
	if (!wait_for(p, POLLIN, 0) && !pq.f.PQconsumeInput(p->conn))
		return false;
	return pq.f.PQstatus(p->conn) == CONNECTION_OK && wait_for(p, POLLIN, 0) == -ETIMEDOUT;
}

static int send_it(struct postgres *p, const char *text, int64_t deadline_ns)
{
	int r;

	if (!pq.f.PQsendQueryParams(p->conn, text, 0, NULL, NULL, NULL, NULL, 0))
		return -ECONNRESET;
	while ((r = pq.f.PQflush(p->conn)) == 1) {
		r = wait_for(p, POLLOUT, deadline_ns);
		if (r)
			return r;
	}
	return r ? -ECONNRESET : 0;
}

/* The next result, NULL after the last; -ETIMEDOUT, -ECONNRESET. */
static int next_result(struct postgres *p, int64_t deadline_ns, PGresult **ret)
{
	while (pq.f.PQisBusy(p->conn)) {
		int r = wait_for(p, POLLIN, deadline_ns);

		if (r)
			return r;
		/* What it has to say of a lost connection comes as a result. */
		if (!pq.f.PQconsumeInput(p->conn) && pq.f.PQisBusy(p->conn))
			return -ECONNRESET;
	}
	*ret = pq.f.PQgetResult(p->conn);
	return 0;
}

static void take_rows(const PGresult *res, struct sql_result *ret)
{
	int n = pq.f.PQntuples(res);

	for (int i = 0; i < n; i++) {
		int64_t v;

		if (!value__parse(pq.f.PQgetvalue(res, i, 0), (size_t)pq.f.PQgetlength(res, i, 0),
				  &v))
			continue;
		ret->has_value = true;
		ret->value = v;
		if (ret->all && values__add(ret->all, v))
			answer__errno(&ret->answer, -EMSGSIZE, true);
	}
}

static void take_result(struct postgres *p, PGresult *res, struct sql_result *ret)
{
	int status = pq.f.PQresultStatus(res);
	const char *state, *severity;

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		ret->changed = atoll(pq.f.PQcmdTuples(res));
		if (status == PGRES_TUPLES_OK)
			take_rows(res, ret);
		return;
	}
	state = pq.f.PQresultErrorField(res, PG_DIAG_SQLSTATE);
	severity = pq.f.PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	ret->no_table = state && !strcmp(state, "42P01");
	say(&ret->answer, postgres__outcome(severity, state),
	    state ? pq.f.PQresultErrorField(res, PG_DIAG_PRIMARY)
		  : pq.f.PQresultErrorMessage(res));
	if (!state)
		drop(p);
}

static void run(struct sql_conn *c, const char *text, enum sql_want want, int64_t deadline_ns,
		struct sql_result *ret)
{
	struct postgres *p = (struct postgres *)c;
	PGresult *res = NULL;
	int r;

	(void)want;
	if (!is_alive(p)) {
		drop(p);
		if (!connect_it(p, deadline_ns, &ret->answer))
			return;
	}
	r = send_it(p, text, deadline_ns);
	while (!r && p->conn) {
		r = next_result(p, deadline_ns, &res);
		if (r || !res)
			break;
		take_result(p, res, ret);
		pq.f.PQclear(res);
	}
	if (!p->conn)
		return;
	if (!r && pq.f.PQstatus(p->conn) == CONNECTION_OK)
		return;
	/* Some of it may have left. */
	answer__errno(&ret->answer, r ? r : -ECONNRESET, true);
	drop(p);
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	return library__load(&library, err);
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct postgres *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
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
