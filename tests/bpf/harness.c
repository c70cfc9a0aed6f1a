// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <time.h>

enum { BENCHES_MAX = 8 };

/* A failed assertion leaves a test without its cleanup: the teardown frees these. */
static struct chaos_bpf *open_skels[BENCHES_MAX];
static int tap_fd = -1;
static int tap_ifindex;

int harness__setup(void **state)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tap_fd < 0 || ioctl(tap_fd, TUNSETIFF, &ifr))
		return -1;
	tap_ifindex = (int)if_nametoindex(ifr.ifr_name);
	return tap_ifindex > LOOPBACK ? 0 : -1;
}

int harness__teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < BENCHES_MAX; i++)
		chaos_bpf__destroy(open_skels[i]);
	return close(tap_fd);
}

int harness__ifindex(void)
{
	return tap_ifindex;
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void skel__note(struct chaos_bpf *old, struct chaos_bpf *new)
{
	for (size_t i = 0; i < BENCHES_MAX; i++)
		if (open_skels[i] == old) {
			open_skels[i] = new;
			return;
		}
	fail_msg("more than %d benches", BENCHES_MAX);
}

static void open_skel(struct bench *b, const struct chaos_hook *hook)
{
	libbpf_set_print(print_nothing);
	*b = (struct bench){.ifindex = tap_ifindex, .skel = chaos_bpf__open()};
	assert_non_null(b->skel);
	skel__note(NULL, b->skel);
	if (hook)
		memcpy((void *)(uintptr_t)&b->skel->rodata->hook, hook, sizeof(*hook));
}

void bench__open(struct bench *b, const struct chaos_hook *hook)
{
	open_skel(b, hook);
	assert_int_equal(chaos_bpf__load(b->skel), 0);
}

void bench__open_for(struct bench *b, const struct chaos_hook *hook, uint32_t room)
{
	open_skel(b, hook);
	struct bpf_map *maps[] = {b->skel->maps.rules,	  b->skel->maps.rule_state,
				  b->skel->maps.pairs,	  b->skel->maps.idents,
				  b->skel->maps.prefixes, b->skel->maps.edges};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		assert_int_equal(bpf_map__set_max_entries(maps[i], room), 0);
	assert_int_equal(chaos_bpf__load(b->skel), 0);
}

int bench__prog_fd(const struct bench *b, enum chaos_direction dir)
{
	return bpf_program__fd(dir == CHAOS_INGRESS ? b->skel->progs.chaos_ingress
						    : b->skel->progs.chaos_egress);
}

void bench__close(struct bench *b)
{
	skel__note(b->skel, NULL);
	chaos_bpf__destroy(b->skel);
	b->skel = NULL;
}

void bench__open_usual(struct bench *b)
{
	bench__open(b, NULL);
	bench__ident(b, "10.0.0.1", CLASS_A, NODE_A);
	bench__ident(b, "2001:db8::1", CLASS_A, NODE_A);
	bench__ident(b, "10.0.0.2", CLASS_B, NODE_B);
	bench__ident(b, "2001:db8::2", CLASS_B, NODE_B);
	bench__ident(b, "10.0.0.3", CLASS_C, NODE_C);
	bench__ident(b, "2001:db8::3", CLASS_C, NODE_C);
	bench__window(b, 0, 0, 0, FOREVER);
	bench__arm(b, 1);
}

struct chaos_addr addr_of(const char *text)
{
	struct chaos_addr a = {.w = {0, 0, htonl(0xffff), 0}};

	if (strchr(text, ':'))
		assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	else
		assert_int_equal(inet_pton(AF_INET, text, &a.w[3]), 1);
	return a;
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

void bench__ident(struct bench *b, const char *addr, uint32_t class_id, uint32_t node)
{
	struct chaos_addr key = addr_of(addr);
	struct chaos_ident value = {.class_id = class_id, .node = node};

	put(b->skel->maps.idents, &key, &value);
}

void bench__prefix(struct bench *b, const char *addr, uint32_t len, uint32_t class_id,
		   uint32_t node)
{
	struct chaos_prefix key = {.prefixlen = strchr(addr, ':') ? len : 96 + len,
				   .addr = addr_of(addr)};
	struct chaos_ident value = {.class_id = class_id, .node = node};

	put(b->skel->maps.prefixes, &key, &value);
}

void bench__window(struct bench *b, uint32_t fault, unsigned int slot, uint64_t start, uint64_t end)
{
	struct chaos_windows w;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.windows), &fault, &w), 0);
	w.slot[slot] = (struct chaos_window){.start_ns = start, .end_ns = end};
	put(b->skel->maps.windows, &fault, &w);
}

static struct chaos_control bench__control(struct bench *b)
{
	struct chaos_control c;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.control), &key, &c), 0);
	return c;
}

void bench__exempt(struct bench *b, const char *addr, uint16_t port, uint8_t proto)
{
	struct chaos_exempt_key key = {.addr = addr_of(addr), .port = port, .proto = proto};
	struct chaos_control c = bench__control(b);
	uint32_t zero = 0;
	uint8_t one = 1;

	put(b->skel->maps.exempt, &key, &one);
	c.n_exempt++;
	put(b->skel->maps.control, &zero, &c);
}

void bench__arm(struct bench *b, uint64_t t0_ns)
{
	struct chaos_control c = bench__control(b);
	uint32_t zero = 0;

	c.t0_ns = t0_ns;
	put(b->skel->maps.control, &zero, &c);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint32_t bench__rule(struct bench *b, const struct chaos_rule *rule)
{
	put(b->skel->maps.rules, &b->n_rules, rule);
	return b->n_rules++;
}

void bench__pair(struct bench *b, uint32_t src, uint32_t dst, enum chaos_direction dir,
		 const struct chaos_pair *pair)
{
	struct chaos_pair_key key = {.src_class = src, .dst_class = dst, .direction = dir};

	put(b->skel->maps.pairs, &key, pair);
}

uint32_t bench__rule_on(struct bench *b, uint32_t src, uint32_t dst, enum chaos_direction dir,
			const struct chaos_rule *rule)
{
	struct chaos_pair pair = {.n_rules = 1, .rule = {bench__rule(b, rule)}};

	bench__pair(b, src, dst, dir, &pair);
	return pair.rule[0];
}

void bench__cut(struct bench *b, const struct chaos_match *match)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_PARTITION};

	if (match)
		rule.match = *match;
	bench__rule_on(b, CLASS_A, CLASS_B, CHAOS_INGRESS, &rule);
}

static int test_run(struct bench *b, enum chaos_direction dir, const struct frame *f, int repeat,
		    int *ret_verdict)
{
	struct __sk_buff ctx = {
		.ifindex = (uint32_t)b->ifindex,
		.gso_segs = b->gso_segs,
		.gso_size = b->gso_size,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);

	int r = bpf_prog_test_run_opts(bench__prog_fd(b, dir), &opts);

	if (!r)
		*ret_verdict = (int)opts.retval;
	return r;
}

int bench__run_times(struct bench *b, enum chaos_direction dir, const struct frame *f, int repeat)
{
	int verdict;

	assert_int_equal(test_run(b, dir, f, repeat, &verdict), 0);
	return verdict;
}

bool bench__try(struct bench *b, enum chaos_direction dir, const struct frame *f, int *ret)
{
	int r = test_run(b, dir, f, 1, ret);

	assert_true(!r || r == -EINVAL);
	return !r;
}

int bench__run(struct bench *b, enum chaos_direction dir, const struct frame *f)
{
	return bench__run_times(b, dir, f, 1);
}

bool bench__drops(struct bench *b, enum chaos_direction dir, const struct frame *f)
{
	int verdict = bench__run(b, dir, f);

	assert_true(verdict == PASSED || verdict == (dir == CHAOS_INGRESS ? SHOT : REDIRECTED));
	return verdict != PASSED;
}

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
	struct chaos_edge_counts *each = calloc((size_t)cpus, sizeof(*each)), sum = {.matched = 0};

	assert_non_null(each);
	if (!bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.edges), &key, each)) {
		for (int i = 0; i < cpus; i++) {
			sum.matched += each[i].matched;
			sum.matched_bytes += each[i].matched_bytes;
			sum.dropped += each[i].dropped;
			if (each[i].first_hit_ns &&
			    (!sum.first_hit_ns || each[i].first_hit_ns < sum.first_hit_ns))
				sum.first_hit_ns = each[i].first_hit_ns;
			if (each[i].last_hit_ns > sum.last_hit_ns)
				sum.last_hit_ns = each[i].last_hit_ns;
		}
	}
	free(each);
	return sum;
}

int harness__main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	if (geteuid()) {
		printf("1..0 # SKIP %s needs root\n", name);
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, n, harness__setup, harness__teardown);
}
