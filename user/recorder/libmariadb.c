// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/libmariadb.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* mysql.h: what a non-blocking call waits for, and the option that allows such calls. */
enum { WAIT_READ = 1, WAIT_WRITE = 2, WAIT_EXCEPT = 4, WAIT_TIMEOUT = 8 };
enum { MYSQL_OPT_NONBLOCK = 6000 };

static struct libmariadb loaded;
/* In the order of its members. */
static const char *const names[] = {
	"mysql_init",
	"mysql_options",
	"mysql_real_connect_start",
	"mysql_real_connect_cont",
	"mysql_real_query_start",
	"mysql_real_query_cont",
	"mysql_store_result_start",
	"mysql_store_result_cont",
	"mysql_fetch_row",
	"mysql_num_fields",
	"mysql_free_result",
	"mysql_affected_rows",
	"mysql_get_socket",
	"mysql_errno",
	"mysql_error",
	"mysql_close",
};
_Static_assert(sizeof(loaded) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "libmariadb.so.3",
				 .package = "libmariadb3",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&loaded,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

int libmariadb__load(const struct libmariadb **ret, struct error *err)
{
	int r = library__load(&library, err);

	if (!r)
		*ret = &loaded;
	return r;
}

/* What of @want has come, in @ret. */
static int wait_for(const struct libmariadb *lib, MYSQL *m, int want, int64_t deadline_ns, int *ret)
{
	struct pollfd p = {.fd = lib->get_socket(m)};

	p.events = (short)((want & WAIT_READ ? POLLIN : 0) | (want & WAIT_WRITE ? POLLOUT : 0) |
			   (want & WAIT_EXCEPT ? POLLPRI : 0));
	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = left > 0 ? ppoll(&p, 1, &ts, NULL) : 0;

		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		*ret = (p.revents & POLLIN ? WAIT_READ : 0) |
		       (p.revents & POLLOUT ? WAIT_WRITE : 0) |
		       (p.revents & POLLPRI ? WAIT_EXCEPT : 0);
		/* an error or the end shows itself in the next read or write */
		if (!*ret)
			*ret = want & (WAIT_READ | WAIT_WRITE);
		return 0;
	}
}

/*
 * close() sends a good-bye and would wait for room to send it, and for what a given-up exchange
 * still expects: not on a socket that is shut.
 */
void mariadb__close(const struct libmariadb *lib, MYSQL *m)
{
	int fd = lib->get_socket(m);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	lib->close(m);
}

int mariadb__connect(const struct libmariadb *lib, const struct mariadb_login *login,
		     int64_t deadline_ns, MYSQL **ret, char *ret_why, size_t size)
{
	MYSQL *m = lib->init(NULL), *done = NULL;
	int want, got, r = 0;

	*ret_why = '\0';
	if (!m)
		return -ENOMEM;
	lib->options(m, MYSQL_OPT_NONBLOCK, NULL);
	want = lib->connect_start(&done, m, login->host, login->user, login->password,
				  login->database, login->port, NULL, 0);
	while (!r && want) {
		r = wait_for(lib, m, want, deadline_ns, &got);
		if (!r)
			want = lib->connect_cont(&done, m, got);
	}
	if (!r && done) {
		*ret = m;
		return 0;
	}
	if (!r)
		library__words(lib->error(m), ret_why, size);
	mariadb__close(lib, m);
	return r ? r : -ECONNREFUSED;
}

int mariadb__query(const struct libmariadb *lib, MYSQL *m, const char *query, int64_t deadline_ns,
		   MYSQL_RES **ret, char *ret_why, size_t size)
{
	MYSQL_RES *res = NULL;
	int failed = 0, want, got = 0, r = 0;

	*ret_why = '\0';
	want = lib->query_start(&failed, m, query, strlen(query));
	while (!r && want) {
		r = wait_for(lib, m, want, deadline_ns, &got);
		if (!r)
			want = lib->query_cont(&failed, m, got);
	}
	if (!r && !failed) {
		want = lib->store_result_start(&res, m);
		while (!r && want) {
			r = wait_for(lib, m, want, deadline_ns, &got);
			if (!r)
				want = lib->store_result_cont(&res, m, got);
		}
	}
	if (r)
		return r;
	if (failed || (!res && lib->err_no(m))) {
		library__words(lib->error(m), ret_why, size);
		/* from 2000 to 2999: the library's own, of a connection that broke */
		return lib->err_no(m) >= 2000 && lib->err_no(m) < 3000 ? -ECONNRESET : -EREMOTEIO;
	}
	*ret = res;
	return 0;
}
