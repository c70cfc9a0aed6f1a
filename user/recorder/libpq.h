/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libpq.h: PostgreSQL's client library, loaded when a file asks for PostgreSQL, so that nobody else
 * needs it; and one query at a time with an absolute deadline (CLOCK_MONOTONIC, ns) on every step.
 */
#ifndef CHAOS_RECORDER_LIBPQ_H
#define CHAOS_RECORDER_LIBPQ_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

/* What we use of libpq-fe.h, by its own names; the interface of libpq.so.5 does not change. */
enum { PGRES_POLLING_FAILED, PGRES_POLLING_READING, PGRES_POLLING_WRITING, PGRES_POLLING_OK };
enum { PG_CONNECTION_OK = 0, PG_CONNECTION_BAD = 1 };
enum { PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2 };
enum { PG_SQLSTATE = 'C', PG_SEVERITY = 'V' }; /* PG_DIAG_SQLSTATE, ..._SEVERITY_NONLOCALIZED */

struct libpq {
	PGconn *(*connect_start)(const char *const *keywords, const char *const *values,
				 int expand_dbname);
	int (*connect_poll)(PGconn *conn);
	int (*status)(const PGconn *conn);
	int (*socket)(const PGconn *conn);
	char *(*error_message)(const PGconn *conn);
	void (*finish)(PGconn *conn);
	int (*set_nonblocking)(PGconn *conn, int on);
	int (*send_query)(PGconn *conn, const char *query);
	int (*flush)(PGconn *conn);
	int (*consume_input)(PGconn *conn);
	int (*is_busy)(PGconn *conn);
	PGresult *(*get_result)(PGconn *conn);
	int (*result_status)(const PGresult *res);
	char *(*result_error_field)(const PGresult *res, int field);
	char *(*result_error_message)(const PGresult *res);
	int (*ntuples)(const PGresult *res);
	int (*nfields)(const PGresult *res);
	char *(*getvalue)(const PGresult *res, int row, int column);
	int (*getisnull)(const PGresult *res, int row, int column);
	char *(*cmd_tuples)(PGresult *res);
	void (*clear)(PGresult *res);
	/* Where warnings go; without it, to stderr. */
	void *(*set_notice_processor)(PGconn *conn, void (*to)(void *arg, const char *message),
				      void *arg);
};

/* The library, loaded once for the process; the error names the package. Thread-safe. */
int libpq__load(const struct libpq **ret, struct error *err);

struct pg_login {
	const char *host; /* an address */
	uint16_t port;
	const char *user, *password, *database; /* NULL = postgres, none, postgres */
};

/*
 * A connection: 0, or a negative errno; then @ret_why (of @size bytes) has the server's own words,
 * if it had any, in one line.
 */
int pg__connect(const struct libpq *pq, const struct pg_login *login, int64_t deadline_ns,
		PGconn **ret, char *ret_why, size_t size);
/*
 * Run @query, one statement or several: the last one's result, to be clear()ed, whatever its status.
 * After a negative errno the connection is of no more use: finish() it. @ret_sent (may be NULL):
 * some of it has left.
 */
int pg__query(const struct libpq *pq, PGconn *conn, const char *query, int64_t deadline_ns,
	      PGresult **ret, bool *ret_sent);

#endif
