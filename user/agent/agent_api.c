// SPDX-License-Identifier: GPL-2.0-only
/* agent_api.c: the world, as runs, schedules, collectors and Events see it. */
#include "agent/agent_internal.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { EXEMPT_EVERY_S = 10 };

/* A request on its way, so that its answer is counted whoever asked. */
struct asked {
	struct asked *next;
	struct agent *a;
	kube_done_fn *done;
	void *arg;
};

static void unlink_asked(struct asked *x)
{
	struct asked **at = &x->a->asked;

	while (*at && *at != x)
		at = &(*at)->next;
	if (*at)
		*at = x->next;
}

static void answered(void *arg, const struct kube_answer *a)
{
	struct asked *x = arg, copy = *x;
	char code[12];

	unlink_asked(x);
	free(x);
	snprintf(code, sizeof(code), "%d", a->status);
	metrics__add(copy.a->metrics, METRIC_API_REQUESTS, LABELS(code), 1);
	if (a->status)
		copy.a->contact_ns = clock__now();
	copy.done(copy.arg, a);
}

static int do_request(void *arg, const struct kube_request *r)
{
	struct kube_request q = *r;
	struct agent *a = arg;
	struct asked *x = malloc(sizeof(*x));
	int rc;

	if (!x)
		return -ENOMEM;
	*x = (struct asked){.next = a->asked, .a = a, .done = r->done, .arg = r->arg};
	q.done = answered;
	q.arg = x;
	rc = kube__request(a->kube, &q);
	if (rc < 0)
		free(x);
	else
		a->asked = x;
	return rc;
}

static void do_cancel(void *arg, const void *who)
{
	struct agent *a = arg;

	for (struct asked **at = &a->asked; *at;) {
		struct asked *x = *at;

		if (x->arg != who) {
			at = &x->next;
			continue;
		}
		kube__cancel(a->kube, x);
		*at = x->next;
		free(x);
	}
}

void agent__forget_asked(struct agent *a)
{
	while (a->asked)
		do_cancel(a, a->asked->arg);
}

static int64_t get_now(void *arg)
{
	(void)arg;
	return clock__now();
}

static int64_t get_realtime(void *arg)
{
	(void)arg;
	return clock__realtime();
}

static bool get_clock(void *arg, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	return kube__clock(((struct agent *)arg)->kube, ret_lo_ns, ret_hi_ns);
}

static bool is_loopback(const struct addr_info *a)
{
	return a->family == AF_INET ? a->addr[0] == 127 : !memcmp(a->addr, &in6addr_loopback, 16);
}

static json_t *own_addresses(void)
{
	_cleanup_close_ int fd = netns__open_self();
	struct netns_scan scan = {0};
	json_t *list;

	if (fd < 0 || netns__scan(fd, &scan) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < scan.n_addrs; i++) {
		char text[INET6_ADDRSTRLEN];

		/* A pod's loopback is the pod's. */
		if (is_loopback(&scan.addrs[i]))
			continue;
		if (inet_ntop(scan.addrs[i].family, scan.addrs[i].addr, text, sizeof(text)))
			json_array_append_new(list, json_string(text));
	}
	netns_scan__reset(&scan);
	return list;
}

/* The kubelet's probes come from these: in the node's namespace, which is ours with hostNetwork. */
static json_t *get_exempt(void *arg)
{
	struct agent *a = arg;
	json_t *list;

	if (!a->exempt || clock__now() >= a->exempt_at_ns + EXEMPT_EVERY_S * NS_PER_S) {
		list = own_addresses();
		a->exempt_at_ns = clock__now();
		/* Better those of before than none, where the kubelet's probes would meet the faults. */
		if (list) {
			json_decref(a->exempt);
			a->exempt = list;
		}
	}
	return json_deep_copy(a->exempt);
}

static void tell(void *arg, const json_t *obj, bool warning, const char *reason, const char *words)
{
	const json_t *meta = json_object_get(obj, "metadata");
	const char *ns = json_string_value(json_object_get(meta, "namespace")),
		   *name = json_string_value(json_object_get(meta, "name")),
		   *kind = json_string_value(json_object_get(obj, "kind"));
	struct agent *a = arg;

	log__write(warning ? LOG_WARN : LOG_INFO, "%s %s/%s: %s: %s", kind ? kind : "?",
		   ns ? ns : "", name ? name : "?", reason, words ? words : "");
	events__tell(a->events, obj, warning, reason, words ? words : reason);
}

static const struct collect_ops collect_ops = {
	.request = do_request,
	.cancel = do_cancel,
	.now = get_now,
	.realtime = get_realtime,
};

const struct runs_ops agent_ops = {
	.collect = &collect_ops,
	.request = do_request,
	.cancel = do_cancel,
	.now = get_now,
	.realtime = get_realtime,
	.clock = get_clock,
	.exempt = get_exempt,
	.event = tell,
};
