// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/sql.h"
#include "lib/cleanup.h"

#include <inttypes.h>
#include <string.h>

static const char *const tables[][2] = {
	[SQL_POSTGRES] =
		{"CREATE TABLE IF NOT EXISTS chaos_data (workload varchar(200), k bigint, v "
		 "bigint, PRIMARY KEY (workload, k))",
		 "CREATE TABLE IF NOT EXISTS chaos_queue (id bigserial PRIMARY KEY, workload "
		 "varchar(200), v bigint)"},
	[SQL_MYSQL] =
		{"CREATE TABLE IF NOT EXISTS chaos_data (workload varchar(200), k bigint, v "
		 "bigint, PRIMARY KEY (workload, k)) ENGINE=InnoDB",
		 "CREATE TABLE IF NOT EXISTS chaos_queue (id bigint AUTO_INCREMENT PRIMARY KEY, "
		 "workload varchar(200), v bigint) ENGINE=InnoDB"},
};

/* Between quotes; names of workloads have letters, digits and - _ . : and nothing else gets in. */
static const char *quoted(const char *name, char *buf, size_t size)
{
	size_t n = 0;

	for (; *name && n + 1 < size && n < 200; name++)
		buf[n++] = *name == '\'' || *name == '\\' ? '_' : *name;
	buf[n] = '\0';
	return buf;
}

/* Put @value for @key, whatever is there. @to is the new value as SQL. */
static void upsert(int dialect, const char *name, int64_t key, int64_t value, const char *to,
		   char *ret)
{
	snprintf(ret, SQL_TEXT,
		 "INSERT INTO chaos_data (workload, k, v) VALUES ('%s', %" PRId64 ", %" PRId64
		 ") %s v = %s",
		 name, key, value,
		 dialect == SQL_POSTGRES ? "ON CONFLICT (workload, k) DO UPDATE SET"
					 : "ON DUPLICATE KEY UPDATE",
		 to);
}

static void create(int dialect, const char *name, int64_t key, int64_t value, char *ret)
{
	snprintf(ret, SQL_TEXT,
		 "INSERT %sINTO chaos_data (workload, k, v) VALUES ('%s', %" PRId64 ", %" PRId64
		 ")%s",
		 dialect == SQL_MYSQL ? "IGNORE " : "", name, key, value,
		 dialect == SQL_POSTGRES ? " ON CONFLICT DO NOTHING" : "");
}

static enum sql_want increment(int dialect, const char *name, char *ret)
{
	size_t len;

	if (dialect == SQL_POSTGRES) {
		upsert(dialect, name, 0, 1, "chaos_data.v + 1", ret);
		len = strlen(ret);
		snprintf(ret + len, SQL_TEXT - len, " RETURNING v");
		return SQL_VALUE;
	}
	upsert(dialect, name, 0, 1, "v + 1", ret);
	return SQL_DONE;
}

static int pop(int dialect, const char *name, char *ret)
{
	if (dialect == SQL_POSTGRES)
		snprintf(ret, SQL_TEXT,
			 "DELETE FROM chaos_queue WHERE id = (SELECT id FROM chaos_queue WHERE "
			 "workload = '%s' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING v",
			 name);
	else
		snprintf(ret, SQL_TEXT,
			 "DELETE FROM chaos_queue WHERE workload = '%s' ORDER BY id LIMIT 1 "
			 "RETURNING v",
			 name);
	return 0;
}

int sql__statement(int dialect, const char *workload, const struct request *rq, char *ret,
		   enum sql_want *ret_want)
{
	char buf[256];
	const char *name = quoted(workload, buf, sizeof(buf));
	char to[32];

	snprintf(to, sizeof(to), "%" PRId64, rq->value);
	*ret_want = SQL_DONE;
	switch (rq->action) {
	case ACTION_READ:
		*ret_want = SQL_VALUE;
		snprintf(ret, SQL_TEXT, "SELECT v FROM chaos_data WHERE workload = '%s' AND k = %u",
			 name, rq->key);
		return 0;
	case ACTION_WRITE:
		upsert(dialect, name, rq->key, rq->value, to, ret);
		return 0;
	case ACTION_CAS:
		*ret_want = SQL_CHANGED;
		if (rq->expect == NOTHING)
			create(dialect, name, rq->key, rq->value, ret);
		else
			snprintf(ret, SQL_TEXT,
				 "UPDATE chaos_data SET v = %" PRId64
				 " WHERE workload = '%s' AND k = %u AND v = %" PRId64,
				 rq->value, name, rq->key, rq->expect);
		return 0;
	case ACTION_INC:
		*ret_want = increment(dialect, name, ret);
		return 0;
	case ACTION_PUSH:
		snprintf(ret, SQL_TEXT,
			 "INSERT INTO chaos_queue (workload, v) VALUES ('%s', %" PRId64 ")", name,
			 rq->value);
		return 0;
	case ACTION_POP:
		*ret_want = SQL_VALUE;
		return pop(dialect, name, ret);
	case ACTION_ACQUIRE:
	case ACTION_USE: /* only in Redis */
	case ACTION_RELEASE:
		return -EINVAL;
	}
	return -EINVAL;
}

/* A table that is missing is made, and the statement, which was not done, is run again. */
static void run(struct sql_conn *c, const char *sql, int64_t deadline_ns, struct sql_result *ret)
{
	struct sql_result made;
	struct values *all = ret->all;

	c->run(c, sql, deadline_ns, ret);
	if (!ret->no_table)
		return;
	/* Two clients that make it at once may get in each other's way: by then it is there. */
	for (size_t i = 0; i < ARRAY_SIZE(tables[0]); i++) {
		made = (struct sql_result){0};
		c->run(c, tables[c->dialect][i], deadline_ns, &made);
	}
	*ret = (struct sql_result){.all = all};
	c->run(c, sql, deadline_ns, ret);
}

void sql__add(struct sql_conn *c, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct sql_result res = {0};
	char sql[SQL_TEXT], buf[256];

	/* It may be there already, by an attempt that nobody heard of. */
	create(c->dialect, quoted(c->spec->name, buf, sizeof(buf)), value, value, sql);
	run(c, sql, deadline_ns, &res);
	*ret = res.answer;
}

void sql__read(struct sql_conn *c, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct sql_result res = {0};
	char sql[SQL_TEXT], buf[256];

	snprintf(sql, sizeof(sql),
		 "SELECT v FROM chaos_data WHERE workload = '%s' AND k = %" PRId64,
		 quoted(c->spec->name, buf, sizeof(buf)), value);
	run(c, sql, deadline_ns, &res);
	*ret = res.answer;
	ret->found = res.has_value;
}

int sql__list(struct sql_conn *c, bool queue, int64_t deadline_ns, struct values *ret, char *why,
	      size_t why_size)
{
	struct sql_result res = {.all = ret};
	char sql[SQL_TEXT], buf[256];

	snprintf(sql, sizeof(sql), "SELECT v FROM chaos_%s WHERE workload = '%s'",
		 queue ? "queue" : "data", quoted(c->spec->name, buf, sizeof(buf)));
	c->run(c, sql, deadline_ns, &res);
	if (res.answer.outcome == OUTCOME_OK || res.no_table)
		return 0;
	snprintf(why, why_size, "%s", res.answer.error);
	return -EIO;
}

void sql__act(struct sql_conn *c, const struct request *rq, int64_t deadline_ns, struct answer *ret)
{
	static const char other[] = "the value was another one";
	struct sql_result res = {0};
	char sql[SQL_TEXT];
	enum sql_want want;

	ret->value = NOTHING;
	if (sql__statement((int)c->dialect, c->spec->name, rq, sql, &want))
		return answer__errno(ret, -EINVAL, false);
	run(c, sql, deadline_ns, &res);
	*ret = res.answer;
	ret->value = res.has_value ? res.value : NOTHING;
	if (ret->outcome == OUTCOME_OK && want == SQL_CHANGED && !res.changed) {
		answer__error(ret, OUTCOME_FAIL, other, strlen(other));
		ret->refused = true;
	}
}
