// SPDX-License-Identifier: GPL-2.0-only
#include "agent/http.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { PER_ADDRESS_MAX = 16, MEMORY_BYTES = 16384, SILENCE_S = 15 };

struct http_server {
	struct MHD_Daemon *daemon;
	http_page_fn *page;
	void *arg;
	int epoll_fd;
	uint16_t port;
};

/* ---- one request ---- */

void http_page__words(struct http_page *p, int status, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	free(TAKE_PTR(p->body));
	*p = (struct http_page){.status = status, .type = "text/plain; charset=utf-8"};
	if (n < 0) {
		s = NULL;
		return;
	}
	n = asprintf(&p->body, "%s\n", s);
	p->body = n < 0 ? NULL : p->body;
	p->len = n < 0 ? 0 : (size_t)n;
}

static enum MHD_Result answer(struct MHD_Connection *c, struct http_page *p)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(p->len, TAKE_PTR(p->body), MHD_RESPMEM_MUST_FREE);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, p->type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (p->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	done = MHD_queue_response(c, (unsigned int)p->status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *path,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	static int seen;
	struct http_server *s = arg;
	struct http_page p = {0};

	(void)version;
	(void)upload;
	/* The first call comes with the headers; what is sent after them is read and thrown away. */
	if (!*state) {
		*state = &seen;
		if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
			return MHD_YES;
		http_page__words(&p, MHD_HTTP_METHOD_NOT_ALLOWED, "read only: GET or HEAD");
		return answer(c, &p);
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	s->page(s->arg, path, &p);
	if (!p.status)
		http_page__words(&p, MHD_HTTP_NOT_FOUND,
				 "nothing here; there are /metrics, /healthz and /readyz");
	return answer(c, &p);
}

/* ---- listening ---- */

static int bad_where(const char *where, struct error *err)
{
	return err__set(
		err, -EINVAL,
		"`%s`: expected ADDRESS:PORT, [IPv6 ADDRESS]:PORT or :PORT, as 127.0.0.1:9797",
		where);
}

/* @host: "" is all addresses. */
static int fill(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	if (!*host || inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
		return 0;
	return -EINVAL;
}

static int parse(const char *where, struct sockaddr_storage *ret)
{
	const char *colon = strrchr(where, ':');
	char host[INET6_ADDRSTRLEN + 2] = "", *end;
	unsigned long port;
	size_t n;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	n = (size_t)(colon - where);
	if (*end || port > UINT16_MAX || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, where, n);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = 0;
		return strchr(host, ':') ? fill(host, (uint16_t)port, ret) : -EINVAL;
	}
	return strchr(host, ':') ? -EINVAL : fill(host, (uint16_t)port, ret);
}

int http_server__check(const char *where, struct error *err)
{
	struct sockaddr_storage a;

	return parse(where, &a) < 0 ? bad_where(where, err) : 0;
}

/* A bound socket. Without IPv6 in the kernel all addresses are those of IPv4. */
static int bind_to(struct sockaddr_storage *a, bool any)
{
	_cleanup_close_ int fd =
		socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, zero = 0;

	if (fd < 0 && errno == EAFNOSUPPORT && any && a->ss_family == AF_INET6) {
		fill("0.0.0.0", ntohs(((struct sockaddr_in6 *)a)->sin6_port), a);
		return bind_to(a, false);
	}
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &zero : &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)a,
		 a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					  : sizeof(struct sockaddr_in)) < 0 ||
	    listen(fd, HTTP_CONNECTIONS_MAX) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {0}; /* IPv4 has its port in the same place */
	socklen_t len = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &len) < 0 ? 0 : ntohs(a.sin6_port);
}

static int start(struct http_server *s, int fd)
{
	const union MHD_DaemonInfo *info;

	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, s, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTP_CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)PER_ADDRESS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SILENCE_S, MHD_OPTION_END);
	info = s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return -EIO;
	s->epoll_fd = info->epoll_fd;
	return 0;
}

int http_server__open(const char *where, http_page_fn *page, void *arg, struct http_server **ret,
		      struct error *err)
{
	struct sockaddr_storage a;
	struct http_server *s;
	int fd, r;

	if (parse(where, &a) < 0)
		return bad_where(where, err);
	fd = bind_to(&a, *where == ':');
	if (fd < 0)
		return err__set(err, fd, "%s: cannot listen: %s", where, strerror(-fd));
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return err__set(err, -ENOMEM, "%s: no memory", where);
	}
	*s = (struct http_server){.page = page, .arg = arg, .epoll_fd = -1, .port = port_of(fd)};
	r = start(s, fd);
	if (r) {
		if (!s->daemon)
			close(fd); /* else it is the daemon's */
		http_server__close(s);
		return err__set(err, r, "%s: the HTTP server does not start", where);
	}
	*ret = s;
	return 0;
}

void http_server__close(struct http_server *s)
{
	if (!s)
		return;
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	free(s);
}

int http_server__fd(const struct http_server *s)
{
	return s ? s->epoll_fd : -1;
}

int64_t http_server__step(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	MHD_run(s->daemon);
	if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
		return INT64_MAX;
	return clock__now() + (int64_t)ms * NS_PER_MS;
}

uint16_t http_server__port(const struct http_server *s)
{
	return s->port;
}
