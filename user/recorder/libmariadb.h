/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libmariadb.h: the client library of MariaDB and MySQL, loaded when a file asks for them, so that
 * nobody else needs it; and one query at a time with an absolute deadline (CLOCK_MONOTONIC, ns), by
 * the library's calls that do not block.
 */
#ifndef CHAOS_RECORDER_LIBMARIADB_H
#define CHAOS_RECORDER_LIBMARIADB_H

#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct st_mysql MYSQL;
typedef struct st_mysql_res MYSQL_RES;
typedef char **MYSQL_ROW;

struct libmariadb {
	MYSQL *(*init)(MYSQL *m);
	int (*options)(MYSQL *m, int option, const void *arg);
	int (*connect_start)(MYSQL **ret, MYSQL *m, const char *host, const char *user,
			     const char *password, const char *db, unsigned int port,
			     const char *unix_socket, unsigned long flags);
	int (*connect_cont)(MYSQL **ret, MYSQL *m, int status);
	int (*query_start)(int *ret, MYSQL *m, const char *q, unsigned long len);
	int (*query_cont)(int *ret, MYSQL *m, int status);
	int (*store_result_start)(MYSQL_RES **ret, MYSQL *m);
	int (*store_result_cont)(MYSQL_RES **ret, MYSQL *m, int status);
	MYSQL_ROW (*fetch_row)(MYSQL_RES *res); /* of a stored result: does not block */
	unsigned int (*num_fields)(MYSQL_RES *res);
	void (*free_result)(MYSQL_RES *res);
	uint64_t (*affected_rows)(MYSQL *m);
	int (*get_socket)(MYSQL *m);
	unsigned int (*err_no)(MYSQL *m);
	const char *(*error)(MYSQL *m);
	void (*close)(MYSQL *m);
};

/* The library, loaded once for the process; the error names the package. Thread-safe. */
int libmariadb__load(const struct libmariadb **ret, struct error *err);

struct mariadb_login {
	const char *host; /* an address */
	uint16_t port;
	const char *user, *password, *database; /* each may be NULL */
};

/* A connection: 0, or a negative errno and the server's own words, if any, in @ret_why. */
int mariadb__connect(const struct libmariadb *lib, const struct mariadb_login *login,
		     int64_t deadline_ns, MYSQL **ret, char *ret_why, size_t size);
/*
 * Run @query: 0 with its stored result, NULL if it has none; -EREMOTEIO if the server refuses it,
 * in its words; else another negative errno. After any of them close() the connection.
 */
int mariadb__query(const struct libmariadb *lib, MYSQL *m, const char *query, int64_t deadline_ns,
		   MYSQL_RES **ret, char *ret_why, size_t size);
/* Also of a connection whose exchange was given up half way. */
void mariadb__close(const struct libmariadb *lib, MYSQL *m);

#endif
