// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs attached, on skbs as the kernel makes them and a test run does not: tags that were taken
 * out of the frame, no link header, headers in fragments, packets from sockets.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct device {
	int fd;
	int ifindex;
	char name[IFNAMSIZ];
};

static void device__close(struct device *d)
{
	close(d->fd);
}

#define _device_ __attribute__((cleanup(device__close)))

static void device__open(struct device *d, int flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(flags | IFF_NO_PI)};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	d->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_int_not_equal(d->fd, -1);
	assert_int_equal(ioctl(d->fd, TUNSETIFF, &ifr), 0);
	snprintf(d->name, sizeof(d->name), "%s", ifr.ifr_name);
	d->ifindex = (int)if_nametoindex(d->name);
	ifr.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &ifr), 0);
	close(s);
}

static void attach(struct bench *b, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .prog_fd = bpf_program__fd(b->skel->progs.chaos_ingress));
	LIBBPF_OPTS(bpf_tc_opts, out, .prog_fd = bpf_program__fd(b->skel->progs.chaos_egress));

	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	hook.attach_point = BPF_TC_INGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &in), 0);
	hook.attach_point = BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &out), 0);
}

static void open_cut(struct bench *b, const struct device *d, const struct chaos_match *m)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_PARTITION, .match = *m};

	bench__open_usual(b);
	bench__cut(b, m);
	bench__rule_on(b, CLASS_A, CLASS_B, CHAOS_EGRESS, &rule);
	attach(b, d->ifindex);
}

static uint64_t dropped(struct bench *b)
{
	return bench__edge(b, 0, NODE_A, NODE_B).dropped;
}

/* Reception is done when write() returns, except by NAPI, which may leave it to ksoftirqd. */
static void assert_received_and_dropped(struct bench *b, uint64_t want)
{
	for (uint64_t limit = now_ns() + 5000000000ULL; dropped(b) < want && now_ns() < limit;)
		poll(NULL, 0, 1);
	assert_int_equal(dropped(b), want);
}

static void receive(const struct device *d, const struct frame *f)
{
	assert_int_equal(write(d->fd, f->data, f->len), f->len);
}

static const struct chaos_match PORT_80 = {.n_dport = 1, .dport = {{80, 80}}};

static void tagged(struct frame *f, unsigned int tags, uint16_t vid)
{
	frame__eth(f, tags ? ETH_P_8021Q : ETH_P_IP);
	for (unsigned int i = 1; i <= tags; i++)
		frame__vlan(f, vid, i < tags ? ETH_P_8021Q : ETH_P_IP);
	frame__ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0, 0);
	frame__udp(f, 9, 80);
}

/* At ingress the first tag is out of the frame, the second is in it. */
static void test_vlan_at_ingress(void **state)
{
	_device_ struct device d;
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	device__open(&d, IFF_TAP);
	open_cut(&b, &d, &PORT_80);
	for (unsigned int tags = 0; tags <= 3; tags++) {
		tagged(&f, tags, 5);
		receive(&d, &f);
		assert_received_and_dropped(&b, tags + 1);
	}
	tagged(&f, 4, 5);
	receive(&d, &f);
	assert_int_equal(dropped(&b), 4);
	assert_int_equal(bench__stats(&b).unparsed, 1);
}

static void test_vlan_skipped_at_ingress(void **state)
{
	struct chaos_hook hook = {.flags = CHAOS_HOOK_SKIP_TAGGED};
	struct chaos_rule rule = {.actions = CHAOS_ACT_PARTITION};
	_device_ struct device d;
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	device__open(&d, IFF_TAP);
	bench__open(&b, &hook);
	bench__ident(&b, "10.0.0.1", CLASS_A, NODE_A);
	bench__ident(&b, "10.0.0.2", CLASS_B, NODE_B);
	bench__rule_on(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &rule);
	bench__window(&b, 0, 0, 0, FOREVER);
	bench__arm(&b, 1);
	attach(&b, d.ifindex);
	for (unsigned int tags = 1; tags <= 2; tags++) {
		tagged(&f, tags, 5);
		receive(&d, &f);
		assert_int_equal(dropped(&b), tags - 1);
		tagged(&f, tags, 0); /* only a priority */
		receive(&d, &f);
		assert_received_and_dropped(&b, tags);
	}
}

static void test_no_link_header(void **state)
{
	_device_ struct device d;
	_bench_ struct bench b;
	struct frame f, bare = {.len = 0};

	(void)state;
	device__open(&d, IFF_TUN);
	open_cut(&b, &d, &PORT_80);
	f = udp_frame("10.0.0.1", 9, "10.0.0.2", 80);
	frame__bytes(&bare, f.data + ETH_HLEN, f.len - ETH_HLEN);
	receive(&d, &bare);
	assert_received_and_dropped(&b, 1);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched_bytes, bare.len);
	f = udp_frame("2001:db8::1", 9, "2001:db8::2", 80);
	bare.len = 0;
	frame__bytes(&bare, f.data + ETH_HLEN, f.len - ETH_HLEN);
	receive(&d, &bare);
	assert_received_and_dropped(&b, 2);
}

/* Shorter than the link header is not let in by the device. */
static void test_truncated(void **state)
{
	struct frame whole[] = {udp_frame("10.0.0.1", 9, "10.0.0.2", 80),
				udp_frame("2001:db8::1", 9, "2001:db8::2", 80)};
	uint64_t drops = 0, n = 0;
	_device_ struct device d;
	_bench_ struct bench b;

	(void)state;
	device__open(&d, IFF_TAP);
	open_cut(&b, &d, &PORT_80);
	for (size_t i = 0; i < 2; i++)
		for (struct frame f = {.len = ETH_HLEN}; f.len <= whole[i].len; f.len++) {
			size_t needed = whole[i].len - 4; /* without length and checksum */

			memcpy(f.data, whole[i].data, f.len);
			receive(&d, &f);
			n++;
			drops += f.len >= needed;
			assert_received_and_dropped(&b, drops);
		}
	assert_true(bench__stats(&b).packets >= n);
	assert_true(bench__stats(&b).unparsed >= n - drops);
}

/* Some drivers leave all but the link header in the skb's fragments. */
static void test_headers_in_fragments(void **state)
{
	struct chaos_match m = {.flags = CHAOS_MATCH_NEIGHBOUR};
	struct frame frames[4] = {{.len = 0}};
	_device_ struct device d;
	_bench_ struct bench b;

	(void)state;
	device__open(&d, IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS);
	open_cut(&b, &d, &m);
	frame__eth(&frames[0], ETH_P_ARP);
	frame__arp(&frames[0], 1, "10.0.0.1", "10.0.0.2");
	frames[1] = udp_frame("10.0.0.1", 9, "10.0.0.2", 80);
	frames[2] = udp_frame("2001:db8::1", 9, "2001:db8::2", 80);
	frame__eth(&frames[3], ETH_P_IPV6);
	frame__ipv6(&frames[3], "2001:db8::1", "2001:db8::2", IPPROTO_HOPOPTS);
	frame__ext(&frames[3], IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, 8);
	frame__ext(&frames[3], IPPROTO_DSTOPTS, IPPROTO_SCTP, 64);
	frame__sctp(&frames[3], 9, 80);
	for (size_t i = 0; i < 4; i++) {
		struct iovec iov[2] = {
			{frames[i].data, ETH_HLEN},
			{frames[i].data + ETH_HLEN, frames[i].len - ETH_HLEN},
		};

		assert_int_equal(writev(d.fd, iov, 2), frames[i].len);
		assert_received_and_dropped(&b, i + 1);
	}
	/* An ARP that ends too early: what is pulled is not there. */
	frames[0].len -= 1;
	assert_int_equal(
		writev(d.fd,
		       (struct iovec[2]){{frames[0].data, ETH_HLEN},
					 {frames[0].data + ETH_HLEN, frames[0].len - ETH_HLEN}},
		       2),
		frames[0].len);
	for (uint64_t limit = now_ns() + 5000000000ULL;
	     !bench__stats(&b).unparsed && now_ns() < limit;)
		poll(NULL, 0, 1);
	assert_int_equal(dropped(&b), 4);
}

/* Frames of the device's reader that are ours (the host sends neighbour discovery of its own). */
static unsigned int frames_out(const struct device *d, uint16_t dport)
{
	uint8_t data[FRAME_MAX];
	unsigned int n = 0;
	ssize_t len;

	while ((len = read(d->fd, data, sizeof(data))) > 0)
		n += len >= 8 && data[len - 6] == dport >> 8 && data[len - 5] == (dport & 255) &&
		     data[len - 7] == 9;
	return n;
}

/* A dropped packet was sent for all that its sender is told. */
static void send_packet(int s, int ifindex, uint16_t proto, const uint8_t *data, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
		.sll_protocol = htons(proto),
		.sll_halen = 6,
	};

	assert_int_equal(sendto(s, data, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
}

/* From a packet socket tags are in the frame, and the network header is before or behind them. */
static void test_egress(void **state)
{
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint64_t drops = 0;
	_device_ struct device d;
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	assert_int_not_equal(s, -1);
	device__open(&d, IFF_TAP);
	open_cut(&b, &d, &PORT_80);
	for (unsigned int tags = 0; tags <= 2; tags++)
		for (int named = 0; named < 2; named++) {
			uint16_t proto = tags ? ETH_P_8021Q : ETH_P_IP;

			tagged(&f, tags, 5);
			send_packet(s, d.ifindex, named ? proto : 0, f.data, f.len);
			assert_int_equal(dropped(&b), ++drops);
			f.data[f.len - 5] = 81;
			send_packet(s, d.ifindex, named ? proto : 0, f.data, f.len);
			assert_int_equal(dropped(&b), drops);
			assert_int_equal(frames_out(&d, 80), 0);
			/* The reader gets what passed, its tag where it was. */
			send_packet(s, d.ifindex, named ? proto : 0, f.data, f.len);
			assert_int_equal(frames_out(&d, 81), 1);
		}
	close(s);
}

static void test_egress_without_link_header(void **state)
{
	int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct frame f = udp_frame("10.0.0.1", 9, "10.0.0.2", 80);
	_device_ struct device d;
	_bench_ struct bench b;

	(void)state;
	assert_int_not_equal(s, -1);
	device__open(&d, IFF_TUN);
	open_cut(&b, &d, &PORT_80);
	send_packet(s, d.ifindex, ETH_P_IP, f.data + ETH_HLEN, f.len - ETH_HLEN);
	assert_int_equal(dropped(&b), 1);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched_bytes, f.len - ETH_HLEN);
	assert_int_equal(frames_out(&d, 80), 0);
	close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_vlan_at_ingress),
		bpf_test(test_vlan_skipped_at_ingress),
		bpf_test(test_no_link_header),
		bpf_test(test_truncated),
		bpf_test(test_headers_in_fragments),
		bpf_test(test_egress),
		bpf_test(test_egress_without_link_header),
	};

	return harness__main("devices", tests, sizeof(tests) / sizeof(tests[0]));
}
