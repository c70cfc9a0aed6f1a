// SPDX-License-Identifier: GPL-2.0-only
/* load_mysql.c: MariaDB, a Galera cluster or MySQL, by libmariadb, which is loaded when it is needed. Each statement
 * commits by itself. */
#include "lib/cleanup.h"
#include "recorder/libmariadb.h"
#include "recorder/sock.h"
#include "recorder/sql.h"

#include <string.h>

enum { ER_NO_SUCH_TABLE = 1146 };

struct mysql {
	struct sql_conn sql;
	struct store_spec spec;
	const struct libmariadb *lib;
	MYSQL *conn; /* NULL = none */
};

enum outcome mysql__outcome(unsigned int error)
{
	/*
	 * Said before a statement was begun, or of one that was rolled back. What is not listed, such as 1180 (error
	 * during commit), 1317 (interrupted), 1927 (killed) or 1053 (shutdown), may have been committed.
	 */
	static const unsigned int before[] = {
		1020, /* the row has changed since the last read */
		1040, /* too many connections */
		1044, /* access denied */
		1045, /* access denied */
		1046, /* no database */
		1047, /* Galera: the node is not ready for application use */
		1049, /* unknown database */
		1054, /* unknown column */
		1062, /* duplicate key */
		1064, /* syntax */
		1129, /* the host is blocked */
		1130, /* the host may not connect */
		1142, /* command denied */
		1146, /* no such table */
		1203, /* too many connections of the user */
		1205, /* lock wait timeout */
		1213, /* deadlock; Galera: the certification failed */
		1226, /* the user has exceeded a resource */
		1290, /* --read-only */
		1792, /* a read-only transaction */
		1836, /* read-only mode */
	};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (before[i] == error)
			return OUTCOME_FAIL;
	return OUTCOME_UNKNOWN;
}

static void drop(struct mysql *m)
{
	if (m->conn)
		mariadb__close(m->lib, m->conn);
	m->conn = NULL;
}

static bool connect_it(struct mysql *m, int64_t deadline_ns, struct answer *a)
{
	const struct workload_login *login = m->spec.login;
	struct mariadb_login to = {.host = m->spec.ip,
				   .port = m->spec.port,
				   .user = login->user ? login->user : "root",
				   .password = login->password,
				   .database = login->database ? login->database : "test"};
	char why[sizeof(a->error)];
	int r = mariadb__connect(m->lib, &to, deadline_ns, &m->conn, why, sizeof(why));

	if (!r)
		return true;
	m->conn = NULL;
	/* No statement has left. */
	answer__errno(a, r, false);
	if (*why)
		answer__error(a, OUTCOME_FAIL, why, strlen(why));
	return false;
}

static void take_rows(struct mysql *m, MYSQL_RES *res, struct sql_result *ret)
{
	MYSQL_ROW row;

	while ((row = m->lib->fetch_row(res))) {
		int64_t v;

		if (!row[0] || !value__parse(row[0], strlen(row[0]), &v))
			continue;
		ret->has_value = true;
		ret->value = v;
		if (ret->all && values__add(ret->all, v))
			answer__errno(&ret->answer, -EMSGSIZE, true);
	}
	m->lib->free_result(res);
}

static void run(struct sql_conn *c, const char *text, int64_t deadline_ns, struct sql_result *ret)
{
	struct mysql *m = (struct mysql *)c;
	char why[sizeof(ret->answer.error)];
	MYSQL_RES *res = NULL;
	unsigned int error;
	int r;

	if (!m->conn || !sock__is_idle(m->lib->get_socket(m->conn))) {
		drop(m);
		if (!connect_it(m, deadline_ns, &ret->answer))
			return;
	}
	r = mariadb__query(m->lib, m->conn, text, deadline_ns, &res, why, sizeof(why));
	if (!r && res) {
		take_rows(m, res, ret);
	} else if (!r) {
		ret->changed = (int64_t)m->lib->affected_rows(m->conn);
	} else if (r == -EREMOTEIO) {
		error = m->lib->err_no(m->conn);
		ret->no_table = error == ER_NO_SUCH_TABLE;
		answer__error(&ret->answer, mysql__outcome(error), why, strlen(why));
		if (!ret->no_table)
			drop(m);
	} else {
		answer__errno(&ret->answer, r, true);
		drop(m);
	}
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	const struct libmariadb *lib;

	return libmariadb__load(&lib, err);
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct mysql *m = calloc(1, sizeof(*m));
	int r = m ? libmariadb__load(&m->lib, NULL) : -ENOMEM;

	if (r) {
		free(m);
		return r;
	}
	m->spec = *spec;
	m->sql = (struct sql_conn){.dialect = SQL_MYSQL, .spec = &m->spec, .run = run};
	*ret_store = m;
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

const struct store_ops store_mysql = {
	.name = "mysql",
	.port = 3306,
	.load = load,
	.open_for = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = store_act,
	.list_queue = store_list_queue,
};
