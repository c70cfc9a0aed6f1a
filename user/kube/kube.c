// SPDX-License-Identifier: GPL-2.0-only
/* kube.c: the client's life and its loop. */
#include "kube/exec.h"
#include "kube/internal.h"

#include "lib/cleanup.h"

#include <string.h>
#include <sys/random.h>

#define LONGEST_MS 3600000
#define EXEC_EARLY_NS (30 * NS_PER_S) /* before their end credentials are made anew */
#define EXEC_EVERY_NS (10 * NS_PER_S)

int kube__credentials(struct kube *k, bool again, struct error *err)
{
	int64_t now = clock__now();
	bool over = clock__realtime() > k->exec_until_ns - EXEC_EARLY_NS;

	if (!k->config.exec || !(over || again))
		return 0;
	/* Whoever asks too often gets what there is. */
	if (now < k->exec_next_ns)
		return 0;
	k->exec_next_ns = now + EXEC_EVERY_NS;
	return kube_exec__run(&k->config, KUBE_EXEC_LIMIT_NS, &k->exec_until_ns, err);
}

/*
 * tls-server-name: libcurl verifies the name in the URL, so that is what the URL has, and who it is connected to is said
 * beside it.
 */
static int rename_server(struct kube *k, CURLU *u)
{
	_cleanup_free_ char *to = NULL;
	char *host = NULL, *port = NULL;
	int r = -EINVAL;

	if (!curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	    !curl_url_set(u, CURLUPART_HOST, k->config.tls_name, 0)) {
		r = asprintf(&to, "%s:%s:%s:%s", k->config.tls_name, port, host, port) < 0 ||
				    asprintf(&k->host, "Host: %s:%s", host, port) < 0
			    ? -ENOMEM
			    : 0;
	}
	if (!r && !(k->connect_to = curl_slist_append(NULL, to)))
		r = -ENOMEM;
	curl_free(host);
	curl_free(port);
	return r;
}

static int set_base(struct kube *k, struct error *err)
{
	CURLU *u = curl_url();
	char *url = NULL;
	size_t len;
	int r = !u ? -ENOMEM : curl_url_set(u, CURLUPART_URL, k->config.server, 0) ? -EINVAL : 0;

	if (!r && k->config.tls_name && !strncmp(k->config.server, "https://", 8))
		r = rename_server(k, u);
	if (!r)
		r = curl_url_get(u, CURLUPART_URL, &url, 0) ? -ENOMEM : 0;
	if (!r && !(k->base = strdup(url)))
		r = -ENOMEM;
	/* libcurl ends an URL that has no path with one. */
	for (len = k->base ? strlen(k->base) : 0; len && k->base[len - 1] == '/'; len--)
		k->base[len - 1] = '\0';
	curl_free(url);
	curl_url_cleanup(u);
	return r ? err__set(err, r, "`%s` is no URL of a server", k->config.server) : 0;
}

int kube__open(const struct kube_config *c, struct kube **ret, struct error *err)
{
	struct kube *k;
	int r;

	if (!c->server ||
	    (strncmp(c->server, "https://", 8) != 0 && strncmp(c->server, "http://", 7) != 0))
		return err__set(err, -EINVAL, "`%s` is no http(s) URL of a server",
				c->server ? c->server : "");
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err__set(err, -ENOMEM, "libcurl does not start");
	k = calloc(1, sizeof(*k));
	if (!k || getrandom(&k->rng.state, sizeof(k->rng.state), GRND_NONBLOCK) < 0)
		r = k ? -errno : -ENOMEM;
	else
		r = kube_config__copy(c, &k->config);
	if (!r && !(k->multi = curl_multi_init()))
		r = -ENOMEM;
	if (r)
		err__set(err, r, "%s", strerror(-r));
	else
		r = set_base(k, err) ?: kube__credentials(k, false, err);
	if (r) {
		kube__close(k);
		return r;
	}
	*ret = k;
	return 0;
}

void kube__close(struct kube *k)
{
	if (!k)
		return;
	watches__free(k);
	requests__free(k);
	transfers__begin(k, 0);
	curl_multi_cleanup(k->multi);
	kube_config__reset(&k->config);
	curl_slist_free_all(k->connect_to);
	free(k->base);
	free(k->host);
	free(k);
	curl_global_cleanup();
}

static void begin(struct kube *k)
{
	int64_t now = clock__now();

	watches__begin(k, now);
	transfers__begin(k, now);
}

/* Until the next thing that is due here; libcurl knows of its own. */
static int time_limit(const struct kube *k, int timeout_ms)
{
	int64_t now = clock__now(), end, due;

	timeout_ms = timeout_ms < 0 || timeout_ms > LONGEST_MS ? LONGEST_MS : timeout_ms;
	end = now + timeout_ms * NS_PER_MS;
	due = transfers__next(k, watches__next(k, end));
	return due <= now ? 0 : (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
}

static int wait_for(struct kube *k, struct pollfd *fds, size_t n_fds, int timeout_ms)
{
	_cleanup_free_ struct curl_waitfd *extra = n_fds ? calloc(n_fds, sizeof(*extra)) : NULL;

	if (n_fds && !extra)
		return -ENOMEM;
	for (size_t i = 0; i < n_fds; i++) {
		extra[i].fd = fds[i].fd;
		extra[i].events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
					  (fds[i].events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
					  (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
	}
	return curl_multi_poll(k->multi, extra, (unsigned int)n_fds, time_limit(k, timeout_ms),
			       NULL)
		       ? -EIO
		       : 0;
}

int kube__wait(struct kube *k, struct pollfd *fds, size_t n_fds, int timeout_ms)
{
	int running = 0, r;

	begin(k);
	r = wait_for(k, fds, n_fds, timeout_ms);
	if (r)
		return r;
	k->inside = true;
	r = curl_multi_perform(k->multi, &running) ? -EIO : 0;
	k->inside = false;
	transfers__reap(k);
	begin(k);
	if (r || !n_fds)
		return r;
	/* libcurl does not tell of POLLHUP and POLLERR. */
	r = poll(fds, n_fds, 0);
	return r < 0 ? errno == EINTR ? 0 : -errno : r;
}

bool kube__clock(const struct kube *k, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	int64_t now = clock__now(), real = clock__realtime(), lo, hi;

	if (!skew__get(&k->skew, now, &lo, &hi))
		return false;
	*ret_lo_ns = lo + (real - now);
	*ret_hi_ns = hi + (real - now);
	return true;
}
