// SPDX-License-Identifier: GPL-2.0-only
#include "agent/health.h"

#include "datapath/dataplane.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

void health__probe_bpf(struct health *h)
{
	const struct dp_plan empty = {.mode = DP_ATTACH_CLSACT};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct error err = {0};

	h->bpf[0] = 0;
	if (dataplane__open(&empty, &dp, &err) < 0)
		snprintf(h->bpf, sizeof(h->bpf), "%.255s",
			 err.msg[0] ? err.msg : strerror(-err.code));
}

static void live(const struct health *h, int64_t now_ns, struct http_page *ret)
{
	int64_t ago = now_ns - h->turned_ns;

	if (ago <= HEALTH_TURN_NS)
		http_page__words(ret, 200, "ok");
	else
		http_page__words(ret, 503, "the loop has not turned for %lld s",
				 (long long)(ago / NS_PER_S));
}

static void ready(const struct health *h, struct http_page *ret)
{
	if (h->bpf[0])
		http_page__words(ret, 503, "BPF programs cannot be loaded: %s", h->bpf);
	else if (h->waiting_for)
		http_page__words(ret, 503, "the API server has not told all %s yet",
				 h->waiting_for);
	else
		http_page__words(ret, 200, "ok");
}

void health__page(const struct health *h, const struct metrics *m, const char *path, int64_t now_ns,
		  struct http_page *ret)
{
	if (!strcmp(path, "/healthz")) {
		live(h, now_ns, ret);
	} else if (!strcmp(path, "/readyz")) {
		ready(h, ret);
	} else if (!strcmp(path, "/metrics") && m) {
		*ret = (struct http_page){.status = 200,
					  .type = "text/plain; version=0.0.4; charset=utf-8"};
		ret->body = metrics__text(m, &ret->len);
		if (!ret->body)
			http_page__words(ret, 503, "no memory");
	}
}
