// SPDX-License-Identifier: GPL-2.0-only
/* meter_report.c: from what became of each packet to figures, and to a file and back. */
#include "tools/meter.h"
#include "tools/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BURST_BINS = 64 };

static void *array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* json_real() refuses what JSON has no words for. */
static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* @us in the order of sending. */
static json_t *delay_words(double *us, size_t n)
{
	static const struct {
		const char *name;
		double p;
	} quantiles[] = {
		{"min", 0},   {"p1", 0.01},  {"p10", 0.1}, {"p50", 0.5},
		{"p90", 0.9}, {"p99", 0.99}, {"max", 1},
	};
	json_t *o = json_object();

	if (!n)
		return o;
	json_object_set_new(o, "mean", number(stats__mean(us, n)));
	json_object_set_new(o, "sd", number(stats__sd(us, n)));
	json_object_set_new(o, "autocorrelation", number(stats__autocorrelation(us, n)));
	stats__sort(us, n);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		json_object_set_new(o, quantiles[i].name,
				    number(stats__quantile(us, n, quantiles[i].p)));
	return o;
}

static json_t *loss_words(const bool *lost, size_t n)
{
	size_t bins[BURST_BINS], bursts, total = 0;
	_cleanup_free_ double *v = array(n, sizeof(*v));
	json_t *histogram = json_array();
	double mean;

	for (size_t i = 0; i < n; i++) {
		v[i] = lost[i];
		total += lost[i];
	}
	bursts = stats__bursts(lost, n, bins, BURST_BINS, &mean);
	for (size_t i = 0; i < BURST_BINS; i++)
		if (bins[i])
			json_array_append_new(histogram, json_pack("[I, I]", (json_int_t)(i + 1),
								   (json_int_t)bins[i]));
	return json_pack("{sI sf sI sf sf so}", "packets", (json_int_t)total, "ratio",
			 n ? (double)total / (double)n : 0, "bursts", (json_int_t)bursts,
			 "burst_mean", mean, "autocorrelation", stats__autocorrelation(v, n),
			 "burst_histogram", histogram);
}

static json_t *reorder_words(const struct packet *packets, uint32_t n, uint32_t received)
{
	_cleanup_free_ uint64_t *order = array(received, sizeof(*order));
	size_t extent, late;

	for (uint32_t i = 0; i < n; i++)
		if (packets[i].arrival)
			order[packets[i].arrival - 1] = i;
	late = stats__reordered(order, received, &extent);
	return json_pack("{sI sf sI}", "packets", (json_int_t)late, "ratio",
			 received ? (double)late / received : 0, "extent_max", (json_int_t)extent);
}

/*
 * A stamp of the kernel lies between sending and receiving. One beyond either is none of the kernel's clock: a
 * departure time that was written into the packet and that nobody took out again.
 */
static json_t *stamp_words(const struct packet *packets, uint32_t n, bool used)
{
	json_int_t have = 0, future = 0, past = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!packets[i].arrival || packets[i].stamp_ns == INT64_MIN)
			continue;
		have++;
		/* Two clocks are read one after the other: a microsecond is theirs. */
		past += packets[i].stamp_ns < -1000;
		future += !used && packets[i].stamp_ns > packets[i].delay_ns + 1000;
	}
	return json_pack("{sI sI sI}", "packets", have, "before_sending", past, "after_receiving",
			 future);
}

json_t *report__udp(const struct udp_options *opts, const struct packet *packets, uint32_t n)
{
	_cleanup_free_ bool *lost = array(n, sizeof(*lost));
	_cleanup_free_ double *us = array(n, sizeof(*us));
	json_int_t duplicates = 0, corrupted = 0;
	uint32_t sent = 0, received = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct packet *p = &packets[i];

		if (p->unsent)
			continue;
		corrupted += p->corrupted;
		/* One copy in three of a packet may be corrupted: it has arrived all the same. */
		if (p->copies + p->corrupted > 1)
			duplicates += p->copies + p->corrupted - 1;
		lost[sent++] = !p->copies && !p->corrupted;
		if (p->arrival)
			us[received++] = (double)p->delay_ns / 1000;
	}
	return json_pack("{sI sI sI so sI sf so sI sf so so ss}", "sent", (json_int_t)sent,
			 "unsent", (json_int_t)(n - sent), "received", (json_int_t)received, "lost",
			 loss_words(lost, sent), "duplicates", duplicates, "duplicate_ratio",
			 sent ? (double)duplicates / sent : 0, "reordered",
			 reorder_words(packets, n, received), "corrupted", corrupted,
			 "corrupted_ratio", sent ? (double)corrupted / sent : 0, "delay_us",
			 delay_words(us, received), "stamps",
			 stamp_words(packets, n, opts->kernel_stamps), "clock",
			 opts->kernel_stamps ? "kernel receive stamp, from CLOCK_REALTIME"
					     : "CLOCK_MONOTONIC when recvmsg() returns");
}

int dump__write(const char *path, const struct packet *packets, uint32_t n, struct error *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	if (!f)
		return err__set(err, -errno, "%s: %s", path, strerror(errno));
	for (uint32_t i = 0; i < n; i++) {
		if (packets[i].unsent)
			continue;
		if (packets[i].arrival)
			fprintf(f, "%u %ld %u\n", i, packets[i].delay_ns, packets[i].arrival);
		else
			fprintf(f, "%u %s 0\n", i, packets[i].corrupted ? "corrupted" : "lost");
	}
	if (fflush(f) || ferror(f))
		return err__set(err, -EIO, "%s: write failed", path);
	return 0;
}

int dump__read(const char *path, double **ret, size_t *ret_n, struct error *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ double *v = NULL;
	size_t n = 0, room = 0;
	char line[128], *end, *delay;

	if (!f)
		return err__set(err, -errno, "%s: %s", path, strerror(errno));
	for (size_t at = 1; fgets(line, sizeof(line), f); at++) {
		strtoul(line, &delay, 10);
		if (delay == line || *delay != ' ')
			return err__set(err, -EINVAL, "%s:%zu: no packet's number", path, at);
		delay++;
		if (*delay == 'l' || *delay == 'c')
			continue;
		if (n == room) {
			double *more = realloc(v, (room = room ? 2 * room : 4096) * sizeof(*v));

			if (!more)
				return err__set(err, -ENOMEM, "out of memory");
			v = more;
		}
		v[n++] = (double)strtoll(delay, &end, 10);
		if (end == delay)
			return err__set(err, -EINVAL, "%s:%zu: no delay", path, at);
	}
	if (!n)
		return err__set(err, -EINVAL, "%s: no delays", path);
	stats__sort(v, n);
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}
