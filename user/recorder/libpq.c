// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/libpq.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libpq.so.5"
#define PACKAGE "libpq5"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct libpq loaded;
static bool is_loaded;

static int load(struct error *err)
{
	const struct {
		const char *name;
		void *to;
	} symbols[] = {
		{"PQconnectStartParams", &loaded.connect_start},
		{"PQconnectPoll", &loaded.connect_poll},
		{"PQstatus", &loaded.status},
		{"PQsocket", &loaded.socket},
		{"PQerrorMessage", &loaded.error_message},
		{"PQfinish", &loaded.finish},
		{"PQsetnonblocking", &loaded.set_nonblocking},
		{"PQsendQuery", &loaded.send_query},
		{"PQflush", &loaded.flush},
		{"PQconsumeInput", &loaded.consume_input},
		{"PQisBusy", &loaded.is_busy},
		{"PQgetResult", &loaded.get_result},
		{"PQresultStatus", &loaded.result_status},
		{"PQresultErrorField", &loaded.result_error_field},
		{"PQresultErrorMessage", &loaded.result_error_message},
		{"PQntuples", &loaded.ntuples},
		{"PQnfields", &loaded.nfields},
		{"PQgetvalue", &loaded.getvalue},
		{"PQgetisnull", &loaded.getisnull},
		{"PQcmdTuples", &loaded.cmd_tuples},
		{"PQclear", &loaded.clear},
		{"PQsetNoticeProcessor", &loaded.set_notice_processor},
	};
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return err__set(err, -ENOENT,
				"PostgreSQL's client library is missing: install " PACKAGE " (%s)",
				dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *f = dlsym(lib, symbols[i].name);

		if (!f) {
			dlclose(lib);
			return err__set(err, -ENOENT, LIBRARY " has no %s", symbols[i].name);
		}
		memcpy(symbols[i].to, &f, sizeof(f));
	}
	return 0;
}

int libpq__load(const struct libpq **ret, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&lock);
	if (!is_loaded)
		r = load(err);
	is_loaded |= !r;
	pthread_mutex_unlock(&lock);
	if (!r)
		*ret = &loaded;
	return r;
}

void pg__words(const char *message, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)strcspn(message, "\r\n"), message);
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
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
		pg__words(pq->error_message(conn), ret_why, size);
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
