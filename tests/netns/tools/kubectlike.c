// SPDX-License-Identifier: GPL-2.0-only
/*
 * kubectlike: the API client by hand, for kube_api.sh.
 *
 *   kubectlike --kubeconfig FILE [--context C] VERB ...
 *     request METHOD PATH [BODY [CONTENT-TYPE]]   prints status, what is wrong, and the body
 *     watch [-v] [-p PAGE] [-t TIMEOUT_S] PATH [SELECTOR]
 *                                 prints an event a line until stdin ends; -v: objects too, else SYNCED and LOST with counts
 *     clock PATH N                asks N times, prints the bounds of our clock minus the server's in ms
 *   kubectlike config             prints what the kubeconfig says
 */
#include "kube/kube.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int say(const struct error *err)
{
	fprintf(stderr, "kubectlike: %s\n", err->msg);
	return 1;
}

static int verb_request(struct kube *k, char **argv, int argc)
{
	struct kube_request rq = {.method = argv[0], .path = argv[1]};
	json_t *body = argc > 2 ? json_loads(argv[2], 0, NULL) : NULL, *got = NULL;
	struct kube_answer a;
	int r;

	rq.body = body;
	rq.content_type = argc > 3 ? argv[3] : NULL;
	rq.timeout_ns = 5 * NS_PER_S;
	r = kube__call(k, &rq, &a, &got);
	printf("%d %s %s\n", a.status, r ? strerror(-r) : "ok", a.why);
	if (got)
		json_dumpf(got, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(got);
	json_decref(body);
	return 0;
}

struct seen {
	bool verbose;
	uint64_t puts, gones;
	int64_t began_ns;
};

static void on_event(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	static const char *const names[] = {"PUT", "GONE", "SYNCED", "LOST"};
	const json_t *meta = json_object_get(obj, "metadata");
	struct seen *s = arg;
	struct rusage use;

	s->puts += ev == KUBE_PUT;
	s->gones += ev == KUBE_GONE;
	if (obj && !s->verbose)
		return;
	printf("%s", names[ev]);
	if (obj)
		printf(" %s %s", json_string_value(json_object_get(meta, "name")),
		       json_string_value(json_object_get(meta, "uid")));
	if (words)
		printf(" %s", words);
	if (ev == KUBE_SYNCED) {
		getrusage(RUSAGE_SELF, &use);
		printf(" puts=%llu gones=%llu ms=%lld rss_kb=%ld", (unsigned long long)s->puts,
		       (unsigned long long)s->gones,
		       (long long)((clock__now() - s->began_ns) / NS_PER_MS), use.ru_maxrss);
	}
	printf("\n");
	fflush(stdout);
}

static int verb_watch(struct kube *k, char **argv, int argc)
{
	struct seen seen = {.began_ns = clock__now()};
	struct kube_watch_spec spec = {.event = on_event, .arg = &seen};
	struct kube_watch *w;
	int opt;

	optind = 0;
	while ((opt = getopt(argc, argv, "vp:t:")) != -1) {
		seen.verbose = seen.verbose || opt == 'v';
		if (opt == 'p')
			spec.page = (unsigned int)strtoul(optarg, NULL, 10);
		if (opt == 't')
			spec.timeout_s = (unsigned int)strtoul(optarg, NULL, 10);
	}
	spec.path = argv[optind];
	spec.label_selector = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (kube__watch(k, &spec, &w))
		return 1;
	for (;;) {
		struct pollfd p = {.fd = 0, .events = POLLIN};
		int r = kube__wait(k, &p, 1, 1000);

		if (r < 0)
			return 1;
		if (p.revents)
			break;
	}
	kube_watch__end(w);
	return 0;
}

static int verb_clock(struct kube *k, char **argv)
{
	struct kube_request rq = {.method = "GET", .path = argv[0]};
	int64_t lo = 0, hi = 0;
	struct kube_answer a;

	for (int i = atoi(argv[1]); i > 0; i--)
		kube__call(k, &rq, &a, NULL);
	if (!kube__clock(k, &lo, &hi))
		return 1;
	printf("%lld %lld\n", (long long)(lo / NS_PER_MS), (long long)(hi / NS_PER_MS));
	return 0;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *context = NULL;
	struct kube_config c = {0};
	struct error err = {0};
	struct kube *k = NULL;
	int i = 1, r = 2;

	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--kubeconfig"))
			file = argv[i + 1];
		else
			context = argv[i + 1];
	}
	if (i >= argc)
		return 2;
	if (kube_config__load(file, context, &c, &err))
		return say(&err);
	if (!strcmp(argv[i], "config")) {
		printf("%s %s %s\n", c.context, c.server, c.ns);
		kube_config__reset(&c);
		return 0;
	}
	if (kube__open(&c, &k, &err)) {
		kube_config__reset(&c);
		return say(&err);
	}
	kube_config__reset(&c);
	if (!strcmp(argv[i], "request") && argc - i > 2)
		r = verb_request(k, argv + i + 1, argc - i - 1);
	else if (!strcmp(argv[i], "watch") && argc - i > 1)
		r = verb_watch(k, argv + i, argc - i);
	else if (!strcmp(argv[i], "clock") && argc - i > 2)
		r = verb_clock(k, argv + i + 1);
	kube__close(k);
	return r;
}
