// SPDX-License-Identifier: GPL-2.0-only
/*
 * meter: measures what a network does to packets between two network namespaces. Output: JSON.
 *
 *   meter udp --to ADDRESS --port N [--send-netns NS] [--recv-netns NS] [--count N] [--interval 1ms] [--size BYTES]
 *             [--burst K] [--linger 500ms] [--kernel-stamps] [--dump FILE]
 *   meter tcp --to ADDRESS --port N [--send-netns NS] [--recv-netns NS] [--seconds N] [--congestion NAME]
 *   meter ks DUMP DUMP
 *   meter ks DUMP --normal MEAN SD | --uniform LOW HIGH       (times, as 20ms)
 *
 * NS is a path or a name of `ip netns`. udp: COUNT packets in bursts of K, a burst each interval; the delay is from
 * just before sendto() to the return of recvmsg(), by CLOCK_MONOTONIC, so a late wake-up of the receiver is
 * in it; --kernel-stamps takes SO_TIMESTAMPNS of the receiving kernel instead (CLOCK_REALTIME, converted by both
 * clocks' difference at that moment). A packet counts as lost if no copy of it, whole or corrupted, has come
 * by `linger` after the last. ks: Kolmogorov-Smirnov, see stats.h.
 */
#include "lib/units.h"
#include "tools/meter.h"
#include "tools/stats.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	OPT_SEND = 256,
	OPT_RECV,
	OPT_TO,
	OPT_PORT,
	OPT_COUNT,
	OPT_INTERVAL,
	OPT_SIZE,
	OPT_BURST,
	OPT_LINGER,
	OPT_STAMPS,
	OPT_DUMP,
	OPT_SECONDS,
	OPT_CONGESTION,
	OPT_NORMAL,
	OPT_UNIFORM,
	OPT_JSON,
};

struct arguments {
	struct udp_options udp;
	struct tcp_options tcp;
	stats_cdf cdf;
	double p1;
	char **files;
	int nfiles;
};

static const struct option options[] = {
	{"send-netns", required_argument, NULL, OPT_SEND},
	{"recv-netns", required_argument, NULL, OPT_RECV},
	{"to", required_argument, NULL, OPT_TO},
	{"port", required_argument, NULL, OPT_PORT},
	{"count", required_argument, NULL, OPT_COUNT},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"size", required_argument, NULL, OPT_SIZE},
	{"burst", required_argument, NULL, OPT_BURST},
	{"linger", required_argument, NULL, OPT_LINGER},
	{"kernel-stamps", no_argument, NULL, OPT_STAMPS},
	{"dump", required_argument, NULL, OPT_DUMP},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"congestion", required_argument, NULL, OPT_CONGESTION},
	{"normal", required_argument, NULL, OPT_NORMAL},
	{"uniform", required_argument, NULL, OPT_UNIFORM},
	{"json", no_argument, NULL, OPT_JSON},
	{0},
};

static int number(const char *text, uint32_t lo, uint32_t hi, uint32_t *ret, struct error *err)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || v < lo || v > hi)
		return err__set(err, -EINVAL, "`%s`: expected %u to %u", text, lo, hi);
	*ret = (uint32_t)v;
	return 0;
}

static int duration(const char *text, int64_t *ret, struct error *err)
{
	if (units__duration(text, ret) < 0)
		return err__set(err, -EINVAL, "`%s`: expected a time, as 1ms", text);
	return 0;
}

static int take(struct arguments *a, int key, const char *text, struct error *err)
{
	uint32_t v = 0;
	int64_t ns = 0;
	int r = 0;

	switch (key) {
	case OPT_SEND:
		a->udp.send.netns = a->tcp.send.netns = text;
		break;
	case OPT_RECV:
		a->udp.recv.netns = a->tcp.recv.netns = text;
		break;
	case OPT_TO:
		a->udp.to = a->tcp.to = text;
		break;
	case OPT_PORT:
		r = number(text, 1, UINT16_MAX, &v, err);
		a->udp.port = a->tcp.port = (uint16_t)v;
		break;
	case OPT_COUNT:
		r = number(text, 1, UDP_COUNT_MAX, &a->udp.count, err);
		break;
	case OPT_INTERVAL:
		r = duration(text, &a->udp.interval_ns, err);
		break;
	case OPT_SIZE:
		r = number(text, 1, UDP_SIZE_MAX, &a->udp.size, err);
		break;
	case OPT_BURST:
		r = number(text, 1, UDP_COUNT_MAX, &a->udp.burst, err);
		break;
	case OPT_LINGER:
		r = duration(text, &a->udp.linger_ns, err);
		break;
	case OPT_STAMPS:
		a->udp.kernel_stamps = true;
		break;
	case OPT_DUMP:
		a->udp.dump = text;
		break;
	case OPT_SECONDS:
		r = number(text, 1, 3600, &v, err);
		a->tcp.duration_ns = (int64_t)v * NS_PER_SEC;
		break;
	case OPT_CONGESTION:
		a->tcp.congestion = text;
		break;
	case OPT_NORMAL:
	case OPT_UNIFORM:
		r = duration(text, &ns, err);
		a->p1 = (double)ns;
		a->cdf = key == OPT_NORMAL ? stats__cdf_normal : stats__cdf_uniform;
		break;
	case OPT_JSON:
		break;
	default:
		return err__set(err, -EINVAL, "see the top of tests/tools/meter.c");
	}
	return r;
}

static int ks(const struct arguments *a, json_t **ret, struct error *err)
{
	_cleanup_free_ double *v = NULL, *w = NULL;
	size_t n = 0, m = 0;
	int64_t ns;
	double d, p;
	int r;

	if (a->nfiles != 2)
		return err__set(err, -EINVAL,
				a->cdf ? "expected one dump and two times" : "expected two dumps");
	r = dump__read(a->files[0], &v, &n, err);
	if (r < 0)
		return r;
	if (a->cdf) {
		r = duration(a->files[1], &ns, err);
		if (r < 0)
			return r;
		if (a->cdf == stats__cdf_uniform ? (double)ns <= a->p1 : ns <= 0)
			return err__set(err, -EINVAL, "a distribution has a width");
		d = stats__ks_one(v, n, a->cdf, a->p1, (double)ns, &p);
		*ret = json_pack("{sI sf sf}", "n", (json_int_t)n, "d", d, "p", p);
		return 0;
	}
	r = dump__read(a->files[1], &w, &m, err);
	if (r < 0)
		return r;
	d = stats__ks_two(v, n, w, m, &p);
	*ret = json_pack("{s[I,I] sf sf}", "n", (json_int_t)n, (json_int_t)m, "d", d, "p", p);
	return 0;
}

static int run(const char *verb, struct arguments *a, json_t **ret, struct error *err)
{
	if (!strcmp(verb, "ks"))
		return ks(a, ret, err);
	if (strcmp(verb, "udp") != 0 && strcmp(verb, "tcp") != 0)
		return err__set(err, -EINVAL, "expected udp, tcp or ks, not `%s`", verb);
	if (!a->udp.to || !a->udp.port)
		return err__set(err, -EINVAL, "--to and --port are needed");
	if (a->nfiles)
		return err__set(err, -EINVAL, "`%s` is one argument too many", a->files[0]);
	return *verb == 'u' ? meter__udp(&a->udp, ret, err) : meter__tcp(&a->tcp, ret, err);
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.udp = {.count = 1000,
			.size = 200,
			.burst = 1,
			.interval_ns = 1000000,
			.linger_ns = 500000000},
		.tcp = {.duration_ns = (int64_t)5 * NS_PER_SEC},
	};
	struct error err = {0};
	json_t *doc = NULL;
	int key, r;

	if (argc < 2) {
		fprintf(stderr, "meter: expected udp, tcp or ks\n");
		return 2;
	}
	while ((key = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1)
		if (take(&a, key, optarg, &err) < 0)
			goto bad;
	a.files = argv + 1 + optind;
	a.nfiles = argc - 1 - optind;
	r = run(argv[1], &a, &doc, &err);
	if (r < 0)
		goto bad;
	json_dumpf(doc, stdout, JSON_REAL_PRECISION(9) | JSON_COMPACT);
	putchar('\n');
	json_decref(doc);
	return fflush(stdout) ? 1 : 0;
bad:
	fprintf(stderr, "meter: %s\n", err.msg);
	return err.code == -EINVAL ? 2 : 1;
}
