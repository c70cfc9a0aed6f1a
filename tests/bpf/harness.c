// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum { BENCHES_MAX = 8 };

uint64_t harness__bin_ns;

/*
 * Loading the line costs half a second, so its programs and the maps stay for the next bench of the process; each
 * bench loads the hooks' programs, whose constants differ. (A failed assertion leaves a test without
 * its cleanup: the teardown frees these.)
 */
static struct place {
	struct line_bpf *line;
	struct chaos_bpf *skel; /* NULL: free */
} places[BENCHES_MAX];
static struct chaos_bpf *attached; /* whose line is at the device */
static int tap_fd = -1;
static int tap_ifindex;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* A kernel without IPv6 has nothing to say either. */
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

int harness__setup(void **state)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int s;

	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tap_fd < 0 || ioctl(tap_fd, TUNSETIFF, &ifr))
		return -1;
	tap_ifindex = (int)if_nametoindex(ifr.ifr_name);
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_flags = IFF_UP;
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) || close(s))
		return -1;
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
	return tap_ifindex > LOOPBACK ? 0 : -1;
}

int harness__teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < BENCHES_MAX; i++) {
		chaos_bpf__destroy(places[i].skel);
		line_bpf__destroy(places[i].line);
	}
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

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void map__forget(const struct bpf_map *map)
{
	uint8_t *zeroes = calloc((size_t)libbpf_num_possible_cpus(), bpf_map__value_size(map) + 8);
	int fd = bpf_map__fd(map);
	uint8_t key[64];

	assert_non_null(zeroes);
	assert_true(bpf_map__key_size(map) <= sizeof(key));
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
			assert_int_equal(bpf_map_update_elem(fd, &i, zeroes, BPF_ANY), 0);
		break;
	default:
		while (!bpf_map_get_next_key(fd, NULL, key))
			assert_int_equal(bpf_map_delete_elem(fd, key), 0);
	}
	free(zeroes);
}

static struct place *place__take(void)
{
	struct place *p = places;
	struct bpf_map *map;

	while (p < places + BENCHES_MAX && p->skel)
		p++;
	if (p == places + BENCHES_MAX)
		fail_msg("more than %d benches", BENCHES_MAX);
	if (!p->line) {
		p->line = line_bpf__open();
		assert_non_null(p->line);
		p->line->rodata->traffic_bin_ns = harness__bin_ns;
		assert_int_equal(line_bpf__load(p->line), 0);
	} else {
		bpf_object__for_each_map(map, p->line->obj)
			/* No test changes built-in tables; rules are found by pairs. */
			if (!bpf_map__is_internal(map) && map != p->line->maps.rules &&
			    map != p->line->maps.tables && map != p->line->maps.passages)
				map__forget(map);
	}
	return p;
}

static void share_maps(const struct line_bpf *line, struct chaos_bpf *skel)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *shared =
			bpf_object__find_map_by_name(line->obj, bpf_map__name(map));

		if (shared && !bpf_map__is_internal(map))
			assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(shared)), 0);
	}
}

void bench__open(struct bench *b, const struct chaos_hook *hook)
{
	struct chaos_port port = {.line = 1, .ifindex = (uint32_t)tap_ifindex};
	struct place *place;
	uint32_t key = 0;

	libbpf_set_print(print_nothing);
	place = place__take();
	place->skel = chaos_bpf__open();
	assert_non_null(place->skel);
	place->skel->rodata->traffic_bin_ns = harness__bin_ns;
	if (hook)
		memcpy((void *)(uintptr_t)&place->skel->rodata->hook, hook, sizeof(*hook));
	share_maps(place->line, place->skel);
	assert_int_equal(chaos_bpf__load(place->skel), 0);
	*b = (struct bench){.ifindex = tap_ifindex, .skel = place->skel, .line = place->line};
	if (hook)
		port.hook = *hook;
	put(b->line->maps.ports, &key, &port);
	bench__port(b, CHAOS_EGRESS);
}

void bench__port(struct bench *b, enum chaos_direction dir)
{
	int fd = bpf_map__fd(b->line->maps.ports);
	struct chaos_port port;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &port), 0);
	port.direction = dir;
	put(b->line->maps.ports, &key, &port);
	b->port = dir;
}

static void detach_line(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = tap_ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (attached)
		bpf_tc_hook_destroy(&hook);
	attached = NULL;
}

void bench__open_for(struct bench *b, const struct chaos_hook *hook, uint32_t room)
{
	struct place *place;

	libbpf_set_print(print_nothing);
	place = place__take();
	place->skel = chaos_bpf__open();
	assert_non_null(place->skel);
	place->skel->rodata->traffic_bin_ns = harness__bin_ns;
	if (hook)
		memcpy((void *)(uintptr_t)&place->skel->rodata->hook, hook, sizeof(*hook));
	struct bpf_map *maps[] = {place->skel->maps.rules, place->skel->maps.pairs,
				  place->skel->maps.idents, place->skel->maps.prefixes,
				  place->skel->maps.edges};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		assert_int_equal(bpf_map__set_max_entries(maps[i], room), 0);
	assert_int_equal(chaos_bpf__load(place->skel), 0);
	*b = (struct bench){.ifindex = tap_ifindex, .skel = place->skel};
}

int bench__prog_fd(const struct bench *b, enum chaos_direction dir)
{
	return bpf_program__fd(dir == CHAOS_INGRESS ? b->skel->progs.chaos_ingress
						    : b->skel->progs.chaos_egress);
}

void bench__close(struct bench *b)
{
	if (b->skel && attached == b->skel)
		detach_line();
	for (size_t i = 0; i < BENCHES_MAX; i++)
		if (b->skel && places[i].skel == b->skel)
			places[i].skel = NULL;
	chaos_bpf__destroy(b->skel);
	b->skel = NULL;
	b->line = NULL;
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

/* @out, @ret_ctx: may be NULL. */
static int run_prog(struct bench *b, const struct bpf_program *prog, const struct frame *f,
		    int repeat, uint64_t tstamp, struct frame *out, struct __sk_buff *ret_ctx,
		    int *ret_verdict)
{
	struct __sk_buff ctx = {
		.ifindex = (uint32_t)b->ifindex,
		.gso_segs = b->gso_segs,
		.gso_size = b->gso_size,
		.tstamp = tstamp,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);

	if (out) {
		opts.data_out = out->data;
		opts.data_size_out = sizeof(out->data);
	}
	if (ret_ctx) {
		opts.ctx_out = ret_ctx;
		opts.ctx_size_out = sizeof(*ret_ctx);
	}

	int r = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	if (r)
		return r;
	*ret_verdict = (int)opts.retval;
	if (out)
		out->len = opts.data_size_out;
	return 0;
}

static int test_run(struct bench *b, enum chaos_direction dir, const struct frame *f, int repeat,
		    int *ret_verdict)
{
	const struct bpf_program *prog =
		dir == CHAOS_INGRESS ? b->skel->progs.chaos_ingress : b->skel->progs.chaos_egress;

	return run_prog(b, prog, f, repeat, 0, NULL, NULL, ret_verdict);
}

struct decided bench__decide_at(struct bench *b, const struct frame *f, uint64_t pace_ns)
{
	struct decided d = {.out = {.len = 0}};
	struct __sk_buff ctx;
	int verdict;

	assert_int_equal(
		run_prog(b, b->line->progs.line_decide, f, 1, pace_ns, &d.out, &ctx, &verdict), 0);
	assert_true(verdict == PASSED || verdict == REDIRECTED);
	d.lost = verdict == REDIRECTED;
	d.due_ns = d.lost ? 0 : ctx.tstamp;
	return d;
}

struct decided bench__decide(struct bench *b, const struct frame *f)
{
	return bench__decide_at(b, f, 0);
}

bool bench__lost(struct bench *b, const struct frame *f)
{
	int verdict;

	assert_int_equal(run_prog(b, b->line->progs.line_decide, f, 1, 0, NULL, NULL, &verdict), 0);
	return verdict == REDIRECTED;
}

void bench__decide_times(struct bench *b, const struct frame *f, int repeat)
{
	int verdict;

	assert_int_equal(
		run_prog(b, b->line->progs.line_decide, f, repeat, 0, NULL, NULL, &verdict), 0);
}

uint32_t bench__line_rule(struct bench *b, uint32_t src, uint32_t dst,
			  const struct chaos_rule *rule)
{
	return bench__rule_on(b, src, dst, b->port, rule);
}

uint32_t bench__fault(struct bench *b, const struct chaos_rule *rule)
{
	return bench__line_rule(b, CLASS_A, CLASS_B, rule);
}

void bench__faults(struct bench *b, const struct chaos_rule *rules, uint32_t n)
{
	struct chaos_pair pair = {.n_rules = n};

	for (uint32_t i = 0; i < n; i++) {
		pair.rule[i] = bench__rule(b, &rules[i]);
		bench__window(b, rules[i].fault, 0, 0, FOREVER);
	}
	bench__pair(b, CLASS_A, CLASS_B, b->port, &pair);
}

/* --- the device ------------------------------------------------------------------------------- */

void harness__attach_line(struct bench *b)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = tap_ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .prog_fd = bpf_program__fd(b->line->progs.line_turn));
	LIBBPF_OPTS(bpf_tc_opts, out, .prog_fd = bpf_program__fd(b->line->progs.line_decide));
	struct frame left;

	/* What an earlier test may have left there when it failed. */
	detach_line();
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	hook.attach_point = BPF_TC_INGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &in), 0);
	hook.attach_point = BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &out), 0);
	attached = b->skel;
	while (harness__receive(&left))
		;
}

void harness__send(const struct frame *f, uint16_t gso_size)
{
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	struct iovec iov[2] = {{&vnet, 10}, {(void *)(uintptr_t)f->data, f->len}};

	if (gso_size) {
		vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		vnet.gso_type = f->data[f->l3] >> 4 == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
							 : VIRTIO_NET_HDR_GSO_TCPV6;
		vnet.gso_size = gso_size;
		vnet.hdr_len = (uint16_t)(f->l4 + (f->data[f->l4 + 12] >> 4) * 4);
		vnet.csum_start = (uint16_t)f->l4;
		vnet.csum_offset = 16;
	}
	assert_int_equal(writev(tap_fd, iov, 2), f->len + 10);
}

bool harness__receive(struct frame *ret)
{
	struct virtio_net_hdr vnet;
	struct iovec iov[2] = {{&vnet, 10}, {ret->data, sizeof(ret->data)}};
	ssize_t n = readv(tap_fd, iov, 2);

	assert_true(n > 10 || (n < 0 && errno == EAGAIN));
	ret->len = n > 10 ? (size_t)n - 10 : 0;
	return n > 10;
}

/* --- at the hooks ----------------------------------------------------------------------------- */

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

int harness__main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	if (geteuid()) {
		printf("1..0 # SKIP %s needs root\n", name);
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, n, harness__setup, harness__teardown);
}
