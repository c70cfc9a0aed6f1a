// SPDX-License-Identifier: GPL-2.0-only
/* harness_counts.c: what the programs have counted, and how near is near enough. */
#include "harness.h"

#include <math.h>

/* --- from the maps ---------------------------------------------------------------------------- */

/* Sums of 64-bit counters over the CPUs; false if the map has no such key. */
static bool sum_cpus(struct bpf_map *map, const void *key, uint64_t *sum, size_t n)
{
	size_t n_values = n * (size_t)libbpf_num_possible_cpus();
	uint64_t *values = calloc(n_values, sizeof(*values));
	bool found;

	assert_non_null(values);
	memset(sum, 0, n * sizeof(*sum));
	found = !bpf_map_lookup_elem(bpf_map__fd(map), key, values);
	for (size_t i = 0; i < n_values; i++)
		sum[i % n] += values[i];
	free(values);
	return found;
}

struct chaos_stats bench__stats(struct bench *b)
{
	struct chaos_stats s;
	uint32_t key = 0;

	assert_true(sum_cpus(b->skel->maps.stats, &key, (uint64_t *)&s, sizeof(s) / 8));
	return s;
}

struct chaos_traffic bench__traffic(struct bench *b, uint32_t node)
{
	struct chaos_traffic t;

	assert_true(sum_cpus(b->skel->maps.traffic, &node, (uint64_t *)&t, sizeof(t) / 8));
	return t;
}

struct chaos_edge_counts bench__edge(struct bench *b, uint32_t fault, uint32_t src, uint32_t dst)
{
	struct chaos_edge_key key = {.fault = fault, .src_node = src, .dst_node = dst};
	int cpus = libbpf_num_possible_cpus();
	struct chaos_edge_counts *each = calloc((size_t)cpus, sizeof(*each)), sum;
	uint64_t first = 0, last = 0;

	assert_non_null(each);
	sum_cpus(b->skel->maps.edges, &key, (uint64_t *)&sum, sizeof(sum) / 8);
	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.edges), &key, each);
	for (int i = 0; i < cpus; i++) {
		if (each[i].first_hit_ns && (!first || each[i].first_hit_ns < first))
			first = each[i].first_hit_ns;
		if (each[i].last_hit_ns > last)
			last = each[i].last_hit_ns;
	}
	sum.first_hit_ns = first;
	sum.last_hit_ns = last;
	free(each);
	return sum;
}

/* --- statistics ------------------------------------------------------------------------------- */

void assert_near(const char *what, double got, double want, double standard_error)
{
	if (!(fabs(got - want) <= 4 * standard_error))
		fail_msg("%s: %.9g, not %.9g +- 4 * %.3g", what, got, want, standard_error);
}

void assert_share(const char *what, double hits, double p, double n)
{
	assert_near(what, hits / n, p, sqrt(p * (1 - p) / n));
}

double autocorrelation(const bool *x, size_t n, size_t lag)
{
	double mean = 0, cov = 0;

	for (size_t i = 0; i < n; i++)
		mean += x[i];
	mean /= (double)n;
	for (size_t i = 0; i + lag < n; i++)
		cov += ((double)x[i] - mean) * ((double)x[i + lag] - mean);
	return cov / (double)(n - lag) / (mean * (1 - mean));
}
