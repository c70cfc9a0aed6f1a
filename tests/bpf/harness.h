/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * harness.h: the programs loaded, maps filled by hand, packets run through them (BPF_PROG_TEST_RUN) on
 * a device in a network namespace of the test's own, which goes with the process.
 *
 * Every helper fails the test when it cannot do what its name says.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "datapath/chaos_abi_user.h"
#include "chaos.skel.h"
#include "line.skel.h"
#include "frame.h"

enum {
	LOOPBACK = 1,
	/* What the programs return, and what a drop is in either direction. */
	PASSED = -1,
	SHOT = 2,
	REDIRECTED = 7,
};

/* Nodes and classes of the usual cast: class N + 100 is node N. */
enum { NODE_A = 1, NODE_B = 2, NODE_C = 3, CLASS_A = 101, CLASS_B = 102, CLASS_C = 103 };

static const uint64_t FOREVER = UINT64_MAX;
/* Of a probability and of a correlation. */
static const uint64_t ALWAYS = 1ULL << 32;

struct bench {
	struct chaos_bpf *skel;
	struct line_bpf *line; /* the same maps */
	uint32_t n_rules;      /* made so far */
	uint32_t gso_segs;     /* of packets to come; 0 = no GSO */
	uint32_t gso_size;
	int ifindex; /* where packets pass; an Ethernet device unless set to LOOPBACK */
	enum chaos_direction port; /* which hook packets on the line have left */
};

/* cmocka group setup: into a network namespace of our own with a device. */
int harness__setup(void **state);
int harness__teardown(void **state);
int harness__ifindex(void);

/* Of benches opened from now on: traffic is recorded in bins; 0 = not. */
extern uint64_t harness__bin_ns;

/* Load. @hook: NULL for one that knows nobody. Packets on the line have left this hook, at egress. */
void bench__open(struct bench *b, const struct chaos_hook *hook);
/* With room for @room rules, pairs, addresses, prefixes and edges. */
void bench__open_for(struct bench *b, const struct chaos_hook *hook, uint32_t room);
int bench__prog_fd(const struct bench *b, enum chaos_direction dir);
void bench__close(struct bench *b);
/*
 * The usual: a 10.0.0.1 and 2001:db8::1, b 10.0.0.2 and 2001:db8::2, c 10.0.0.3 and 2001:db8::3, looked up by
 * address; window 0 on for ever; armed.
 */
void bench__open_usual(struct bench *b);
#define _bench_ __attribute__((cleanup(bench__close)))

struct chaos_addr addr_of(const char *text);
void bench__ident(struct bench *b, const char *addr, uint32_t class_id, uint32_t node);
void bench__prefix(struct bench *b, const char *addr, uint32_t len, uint32_t class_id,
		   uint32_t node);
void bench__window(struct bench *b, uint32_t fault, unsigned int slot, uint64_t start,
		   uint64_t end);
void bench__exempt(struct bench *b, const char *addr, uint16_t port, uint8_t proto);
void bench__arm(struct bench *b, uint64_t t0_ns);
uint64_t now_ns(void);

/* Adds a rule, returns its index. */
uint32_t bench__rule(struct bench *b, const struct chaos_rule *rule);
void bench__pair(struct bench *b, uint32_t src, uint32_t dst, enum chaos_direction dir,
		 const struct chaos_pair *pair);
/* A rule alone on its pair. */
uint32_t bench__rule_on(struct bench *b, uint32_t src, uint32_t dst, enum chaos_direction dir,
			const struct chaos_rule *rule);
/* A partition of fault 0 with @match (NULL: of all) from a to b at ingress. */
void bench__cut(struct bench *b, const struct chaos_match *match);

/* What the program returns, as an int; -errno is a failed test. @repeat: so many times. */
int bench__run_times(struct bench *b, enum chaos_direction dir, const struct frame *f, int repeat);
int bench__run(struct bench *b, enum chaos_direction dir, const struct frame *f);
/* False if this kernel's test run refuses the packet (newer ones: shorter than its IP header). */
bool bench__try(struct bench *b, enum chaos_direction dir, const struct frame *f, int *ret);
bool bench__drops(struct bench *b, enum chaos_direction dir, const struct frame *f);

/* --- on the line ------------------------------------------------------------------------------ */

/* Packets on the line have left the hook in @dir. */
void bench__port(struct bench *b, enum chaos_direction dir);
/* What line_decide makes of a packet. */
struct decided {
	bool lost;	 /* dropped, and no answer in its place */
	uint64_t due_ns; /* 0: at once */
	struct frame out;
};
/* @pace_ns: the delivery time that its sender gave; 0 = none. */
struct decided bench__decide_at(struct bench *b, const struct frame *f, uint64_t pace_ns);
struct decided bench__decide(struct bench *b, const struct frame *f);
bool bench__lost(struct bench *b, const struct frame *f);
/* The same packet so many times, without looking at what comes out. */
void bench__decide_times(struct bench *b, const struct frame *f, int repeat);
/* A rule alone on the pair from @src to @dst at the port's hook. */
uint32_t bench__line_rule(struct bench *b, uint32_t src, uint32_t dst,
			  const struct chaos_rule *rule);
/* From a to b. */
uint32_t bench__fault(struct bench *b, const struct chaos_rule *rule);
/* Several on the pair from a to b, in this order. */
void bench__faults(struct bench *b, const struct chaos_rule *rules, uint32_t n);

/*
 * line_turn and line_decide attached to the device: a frame that is written to it as a wire would passes
 * both, as skbs that the kernel has made, and can be read again. The host's own frames (neighbour
 * discovery) are off.
 */
void harness__attach_line(struct bench *b);
/* @gso_size: of TCP or UDP segments that the device is to make of it; 0 = none. */
void harness__send(const struct frame *f, uint16_t gso_size);
/* The next frame that left the device; false: there is none. */
bool harness__receive(struct frame *ret);

/* --- statistics ------------------------------------------------------------------------------- */

/*
 * @n trials of which @hits hit, within 4 standard errors of probability @p (a check fails by chance once
 * in 16,000; seeds are fixed, so it does not).
 */
void assert_share(const char *what, double hits, double p, double n);
/* @got within 4 standard errors of @want. */
void assert_near(const char *what, double got, double want, double standard_error);
double autocorrelation(const bool *x, size_t n, size_t lag);
static inline struct chaos_param still(double v)
{
	return (struct chaos_param){(uint64_t)v, (uint64_t)v};
}
static inline struct chaos_chance chance_of(double p)
{
	return (struct chaos_chance){.p = still(p * 0x1p32)};
}

struct chaos_stats bench__stats(struct bench *b);
struct chaos_traffic bench__traffic(struct bench *b, uint32_t node);
/* Zeroes if nothing was counted. */
struct chaos_edge_counts bench__edge(struct bench *b, uint32_t fault, uint32_t src, uint32_t dst);

#define bpf_test(t) cmocka_unit_test(t)
int harness__main(const char *name, const struct CMUnitTest *tests, size_t n);

#endif
