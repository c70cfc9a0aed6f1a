// SPDX-License-Identifier: GPL-2.0-only
/*
 * recctl: probes and one workload by hand, for recorder_*.sh.
 *
 *   recctl -d DIR [-n NETNS] [-e EVERY_MS] [-p SYSTEM,NODE,IP,PORT[,MASTER or VIP or KEY=VALUE...]]...
 *          [-w SYSTEM,PORT,IP[,IP]... [-k CHECK] [-q QUEUE_TYPE] [-c CLIENTS] [-r RATE] [-R READS] [-t TIMEOUT_MS] [-f FINAL_MS]]
 *   recctl -d DIR -b EVENTS     what the recording of an operation costs
 *
 * Says "up", then obeys stdin: "now" ("now RUN_TIME_NS"); "final" stops the workload and reads all places ("final
 * RESULT"); "quit" or the end of stdin ends it ("cpu_ns N": of the whole process).
 */
#include "experiment/experiment.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/fields.h"
#include "recorder/load.h"
#include "recorder/probe.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#define PROBES_MAX 16
#define PLACES_MAX 8

struct options {
	const char *dir, *netns;
	char *probes[PROBES_MAX];
	size_t n_probes;
	char *workload;
	int64_t every_ns, final_ns;
	struct load_config load;
	long bench;
};

static struct workload_login login;

static int parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){
		.netns = "/proc/self/ns/net",
		.every_ns = 20 * NS_PER_MS,
		.final_ns = 10 * NS_PER_S,
		.load = {.name = "set",
			 .check = "set",
			 .login = &login,
			 .clients = 1,
			 .rate_per_s = 100,
			 .timeout_ns = NS_PER_S,
			 .seed = 42},
	};
	while ((c = getopt(argc, argv, "d:n:e:p:w:k:q:c:r:R:t:f:b:")) != -1) {
		if (c == 'd')
			o->dir = optarg;
		else if (c == 'n')
			o->netns = optarg;
		else if (c == 'e')
			o->every_ns = atol(optarg) * NS_PER_MS;
		else if (c == 'p' && o->n_probes < PROBES_MAX)
			o->probes[o->n_probes++] = optarg;
		else if (c == 'w')
			o->workload = optarg;
		else if (c == 'k')
			o->load.check = optarg;
		else if (c == 'q')
			login.queue_type = optarg;
		else if (c == 'c')
			o->load.clients = (unsigned int)atoi(optarg);
		else if (c == 'r')
			o->load.rate_per_s = atof(optarg);
		else if (c == 'R')
			o->load.reads = atof(optarg);
		else if (c == 't')
			o->load.timeout_ns = atol(optarg) * NS_PER_MS;
		else if (c == 'f')
			o->final_ns = atol(optarg) * NS_PER_MS;
		else if (c == 'b')
			o->bench = atol(optarg);
		else
			return -1;
	}
	return o->dir ? 0 : -1;
}

static const char *word(char **rest)
{
	const char *w = strsep(rest, ",");

	return w ? w : "";
}

/* user=, password=, url=, lease=, identity=, slot= */
static void options(char *text, struct probe_config *cfg)
{
	while (text) {
		char *value = strsep(&text, ",");
		const char *key = strsep(&value, "=");

		if (!strcmp(key, "user"))
			cfg->user = value;
		else if (!strcmp(key, "password"))
			cfg->password = value;
		else if (!strcmp(key, "url"))
			cfg->url = value;
		else if (!strcmp(key, "lease"))
			cfg->lease = value;
		else if (!strcmp(key, "identity"))
			cfg->identity = value;
		else if (!strcmp(key, "slot") && value)
			cfg->slot = (unsigned int)atoi(value);
	}
}

static int start_probe(char *text, const struct options *o, int netns, struct recorder *r,
		       struct probe **ret, struct error *err)
{
	struct probe_config cfg = {.resource = "res", .netns_fd = netns, .every_ns = o->every_ns};

	cfg.system = word(&text);
	cfg.node = word(&text);
	cfg.ip = word(&text);
	cfg.port = (uint16_t)atoi(word(&text));
	if (text && strchr(text, '='))
		options(text, &cfg);
	else
		cfg.master_name = cfg.vip = text;
	return probe__start(&cfg, r, ret, err);
}

static int start_load(char *text, const struct options *o, int netns, struct recorder *r,
		      struct load **ret, struct error *err)
{
	static struct load_place places[PLACES_MAX];
	static char names[PLACES_MAX][8];
	struct load_config cfg = o->load;

	cfg.system = word(&text);
	cfg.port = (uint16_t)atoi(word(&text));
	cfg.places = places;
	while (text && cfg.n_places < PLACES_MAX) {
		snprintf(names[cfg.n_places], sizeof(names[0]), "n%zu", cfg.n_places + 1);
		places[cfg.n_places] = (struct load_place){
			.node = names[cfg.n_places], .netns_fd = netns, .ip = word(&text)};
		cfg.n_places++;
	}
	return load__start(&cfg, r, ret, err);
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return timespec_ns(&ts);
}

static void bench(struct recorder *r, long n)
{
	int64_t start = cpu_ns(), wall = clock__now();

	for (long i = 0; i < n; i++) {
		json_t *o = json_object();

		fields__text(o, "workload", "set");
		fields__int(o, "client", 1);
		fields__text(o, "node", "n1");
		fields__text(o, "op", "add");
		fields__int(o, "value", i);
		fields__int(o, "intended_ns", i * 1000000);
		fields__int(o, "invoke_ns", i * 1000000 + 12345);
		fields__int(o, "return_ns", i * 1000000 + 234567);
		fields__text(o, "outcome", "ok");
		recorder__event(r, "op", i * 1000000, o);
	}
	printf("cpu_ns_per_event %ld\n", (long)((cpu_ns() - start) / n));
	printf("wall_ns_per_event %ld\n", (long)((clock__now() - wall) / n));
}

static void obey(struct load *load, const struct recorder *r, const struct options *o)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n") != 0) {
		if (!strcmp(line, "now\n"))
			printf("now %lld\n", (long long)(clock__now() - recorder__t0(r)));
		if (!strcmp(line, "final\n") && load) {
			load__stop(load);
			printf("final %d\n", load__final(load, o->final_ns, NULL));
		}
	}
}

int main(int argc, char **argv)
{
	_cleanup_close_ int netns = -1;
	struct probe *probes[PROBES_MAX] = {0};
	struct recorder *r = NULL;
	struct load *load = NULL;
	struct error err = {0};
	struct options o;
	int e;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (parse(argc, argv, &o) < 0)
		return 2;
	netns = open(o.netns, O_RDONLY | O_CLOEXEC);
	e = recorder__open(o.dir, clock__now(), &r, &err);
	if (!e && o.bench)
		bench(r, o.bench);
	for (size_t i = 0; !e && i < o.n_probes; i++)
		e = start_probe(o.probes[i], &o, netns, r, &probes[i], &err);
	if (!e && o.workload)
		e = start_load(o.workload, &o, netns, r, &load, &err);
	if (e)
		printf("error %d %s\n", e, err.msg);
	else if (!o.bench) {
		printf("up\n");
		obey(load, r, &o);
	}
	load__free(load);
	for (size_t i = 0; i < o.n_probes; i++)
		if (probes[i])
			probe__signal_stop(probes[i]);
	for (size_t i = 0; i < o.n_probes; i++)
		probe__join(probes[i]);
	if (r)
		printf("events %lu lost %lu\n", recorder__events(r), recorder__lost(r));
	recorder__close(r);
	printf("cpu_ns %lld\n", (long long)cpu_ns());
	return e != 0;
}
