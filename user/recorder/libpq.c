// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/libpq.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"

#include <poll.h>
#include <string.h>

static struct libpq loaded;
/* In the order of its members. */
static const char *const names[] = {
	"PQconnectStartParams",
	"PQconnectPoll",
	"PQstatus",
	"PQsocket",
	"PQerrorMessage",
	"PQfinish",
	"PQsetnonblocking",
	"PQsendQuery",
	"PQflush",
	"PQconsumeInput",
	"PQisBusy",
	"PQgetResult",
	"PQresultStatus",
	"PQresultErrorField",
	"PQresultErrorMessage",
	"PQntuples",
	"PQnfields",
	"PQgetvalue",
	"PQgetisnull",
	"PQcmdTuples",
	"PQclear",
	"PQsetNoticeProcessor",
};
_Static_assert(sizeof(loaded) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "libpq.so.5",
				 .package = "libpq5",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&loaded,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

int libpq__load(const struct libpq **ret, struct error *err)
{
	int r = library__load(&library, err);

	if (!r)
		*ret = &loaded;
	return r;
}

static int wait_for(const struct libpq *pq, const PGconn *conn, short events, int64_t deadline_ns)
{
	struct pollfd p = {.fd = pq->socket(conn), .events = events};

	if (p.fd < 0)
		return -ECONNRESET;
	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = ppoll(&p, 1, &ts, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int pg__connect(const struct libpq *pq, const struct pg_login *login, int64_t deadline_ns,
		PGconn **ret, char *ret_why, size_t size)
{
	/* No files of the user's, and no encryption that a probe would have to negotiate first. */
	static const char *const keywords[] = {
		"hostaddr",	    "port",    "user",	     "password", "dbname", "sslmode",
		"application_name", "options", "gssencmode", NULL};
	char port[8];
	const char *values[] = {login->host,
				port,
				login->user ? login->user : "postgres",
				login->password,
				login->database ? login->database : "postgres",
				"prefer",
				"chaos",
				NULL,
				"disable",
				NULL};
	PGconn *conn;
	int r = 0, state = PGRES_POLLING_WRITING;

	*ret_why = '\0';
	snprintf(port, sizeof(port), "%u", login->port);
	conn = pq->connect_start(keywords, values, 0);
	if (!conn)
		return -ENOMEM;
	if (pq->status(conn) == PG_CONNECTION_BAD)
		state = PGRES_POLLING_FAILED;
	while (!r && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
		r = wait_for(pq, conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			     deadline_ns);
		if (!r)
			state = pq->connect_poll(conn);
	}
	if (!r && state == PGRES_POLLING_OK && !pq->set_nonblocking(conn, 1)) {
		*ret = conn;
		return 0;
	}
	if (!r)
		library__words(pq->error_message(conn), ret_why, size);
	pq->finish(conn);
	return r ? r : -ECONNREFUSED;
}

/* Until the query has left and an answer can be taken without waiting. */
static int pump(const struct libpq *pq, PGconn *conn, int64_t deadline_ns)
{
	for (;;) {
		int unsent = pq->flush(conn), r;

		if (unsent < 0)
			return -ECONNRESET;
		if (!unsent && !pq->is_busy(conn))
			return 0;
		r = wait_for(pq, conn, unsent ? POLLIN | POLLOUT : POLLIN, deadline_ns);
		if (r)
			return r;
		if (!pq->consume_input(conn))
			return -ECONNRESET;
		/* The deadline holds for a server that never pauses too. */
		if (clock__now() > deadline_ns)
			return -ETIMEDOUT;
	}
}

int pg__query(const struct libpq *pq, PGconn *conn, const char *query, int64_t deadline_ns,
	      PGresult **ret, bool *ret_sent)
{
	PGresult *last = NULL, *next;
	int r;

	if (ret_sent)
		*ret_sent = false;
	if (!pq->send_query(conn, query))
		return -ECONNRESET;
	if (ret_sent)
		*ret_sent = true;
	for (;;) {
		r = pump(pq, conn, deadline_ns);
		if (r)
			break;
		next = pq->get_result(conn);
		if (!next)
			break;
		pq->clear(last);
		last = next;
	}
	if (!r && last && pq->status(conn) == PG_CONNECTION_OK) {
		*ret = last;
		return 0;
	}
	pq->clear(last);
	return r ? r : -ECONNRESET;
}
