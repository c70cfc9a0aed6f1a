// SPDX-License-Identifier: GPL-2.0-only
/* test_compile.c: what each part of a plan comes to. */
#include "world.h"

static void cut_is_at_the_receivers_ingress_only(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__edge(f, world__side(0), world__side(1));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.1", "10.0.0.2"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "10.0.0.2"), 0);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.0.2", "10.0.0.1"), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.3", "10.0.0.2"), 0);
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.1", "10.0.0.3"), 0);
}

static void who_is_elsewhere_is_cut_at_the_senders_egress(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);
	size_t far = world__cidr(w, "far", "192.0.2.0/24");

	world__edge(f, world__side(0), world__side(far));
	world__edge(f, world__side(far), world__side(0));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "192.0.2.7"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "192.0.2.7", "10.0.0.1"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "192.0.3.7"), 0);
	assert_int_equal(world__hits_at(w, 1, OUT, "10.0.0.2", "192.0.2.7"), 0);
}

/* As `--from netns:a --to netns:a` names it. */
static void a_namespace_may_be_two_members(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), from = world__member(w, "from", (ssize_t)ns, NULL);
	size_t to = world__member(w, "to", (ssize_t)ns, NULL);

	world__edge(world__fault(w, "loss", CHAOS_ACT_LOSS), world__side(from), world__side(to));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits(w, world__hook(w, ns, "lo"), IN, "127.0.0.1", "127.0.0.1", 0),
			 1);
}

static void anybody_is_everybody_but_the_other_side(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "isolate", CHAOS_ACT_PARTITION);

	world__cidr(w, "far", "192.0.2.0/24");
	world__edge(f, world__side(0), world__any());
	world__edge(f, world__any(), world__side(0));
	assert_int_equal(world__compile(w), 0);
	/* To nodes of ours at their ingress, to all others at a's egress. */
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.1", "10.0.0.2"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "10.0.0.2"), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "192.0.2.1"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "8.8.8.8"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "8.8.8.8", "10.0.0.1"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.0.3", "10.0.0.1"), 1);
	/* What others do among themselves is theirs, and so is what a says to itself. */
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.2", "10.0.0.3"), 0);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.0.1", "10.0.0.1"), 0);
	assert_null(world__hook(w, 0, "lo"));
}

static void a_group_is_one_class(void **state)
{
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "halves", CHAOS_ACT_PARTITION);
	char ip[32], name[16];

	/* 30 against 30, pair by pair, as a partition's edges come. */
	for (int i = 0; i < 60; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%d", i + 1);
		snprintf(name, sizeof(name), "n%d", i);
		world__here(w, name, ip);
	}
	for (size_t i = 0; i < 30; i++) {
		for (size_t j = 30; j < 60; j++) {
			world__edge(f, world__side(i), world__side(j));
			world__edge(f, world__side(j), world__side(i));
		}
	}
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_classes, 3); /* nobody, and the two halves */
	assert_int_equal(w->out.n_pairs, 2);
	assert_int_equal(w->out.n_rules, 1);
	assert_int_equal(w->out.n_nodes, 61);
	assert_int_equal(world__hits_at(w, 40, IN, "10.0.1.5", "10.0.1.41"), 1);
	assert_int_equal(world__hits_at(w, 4, IN, "10.0.1.6", "10.0.1.5"), 0);
}

static void everyone_from_everyone_needs_a_class_each(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			if (i != j)
				world__edge(f, world__side(i), world__side(j));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_classes, 4);
	assert_int_equal(w->out.n_pairs, 6);
}

static void prefixes_nest(void **state)
{
	struct world *w = world__three(state);
	size_t wide = world__cidr(w, "wide", "10.0.0.0/8"),
	       narrow = world__cidr(w, "narrow", "10.1.0.0/16"),
	       one = world__cidr(w, "one", "10.1.2.3");
	struct dp_fault *f = world__fault(w, "wide", CHAOS_ACT_LOSS);
	const struct compiled_hook *c;

	world__edge(f, world__side(2), world__side(wide));
	f = world__fault(w, "narrow", CHAOS_ACT_LOSS);
	world__edge(f, world__side(2), world__side(narrow));
	f = world__fault(w, "one", CHAOS_ACT_LOSS);
	world__edge(f, world__side(2), world__side(one));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_prefixes, 2);
	c = world__hook(w, 2, "eth0");
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(world__hits(w, c, OUT, "10.0.0.3", "10.1.2.3", i), 1);
		assert_int_equal(world__hits(w, c, OUT, "10.0.0.3", "10.1.2.4", i), i < 2);
		assert_int_equal(world__hits(w, c, OUT, "10.0.0.3", "10.2.2.4", i), i < 1);
		assert_int_equal(world__hits(w, c, OUT, "10.0.0.3", "11.2.2.4", i), 0);
		/* a is in the wide one too, and there the rule stands at its ingress. */
		assert_int_equal(world__hits(w, c, OUT, "10.0.0.3", "10.0.0.1", i), 0);
		assert_int_equal(
			world__hits(w, world__hook(w, 0, "eth0"), IN, "10.0.0.3", "10.0.0.1", i),
			i < 1);
	}
	/* The report names the most specific. */
	struct chaos_addr a = world__ip("10.1.2.3"), b = world__ip("10.1.9.9"),
			  own = world__ip("10.0.0.1");

	assert_string_equal(w->out.nodes[world__lookup(w, &a).node], "one");
	assert_string_equal(w->out.nodes[world__lookup(w, &b).node], "narrow");
	assert_string_equal(w->out.nodes[world__lookup(w, &own).node], "a");
}

static void everything_is_a_prefix_too(void **state)
{
	struct world *w = world__three(state);
	size_t v4 = world__cidr(w, "v4", "0.0.0.0/0"), all = world__cidr(w, "all", "::/0");
	struct dp_fault *f = world__fault(w, "v4", CHAOS_ACT_LOSS);

	world__edge(f, world__side(0), world__side(v4));
	f = world__fault(w, "all", CHAOS_ACT_LOSS);
	world__edge(f, world__side(0), world__side(all));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "1.2.3.4"), 1);
	assert_int_equal(world__hits(w, world__hook(w, 0, "eth0"), OUT, "10.0.0.1", "1.2.3.4", 1),
			 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.0.1", "2001:db8::1"), 0);
	assert_int_equal(
		world__hits(w, world__hook(w, 0, "eth0"), OUT, "10.0.0.1", "2001:db8::1", 1), 1);
}

static void both_families_of_a_node(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__ip_on(w, 0, 2, "fd00::1");
	world__ip_on(w, 1, 2, "fd00::2");
	world__ip_on(w, 1, 2, "fe80::2");
	world__edge(f, world__side(0), world__side(1));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "fd00::1", "fd00::2"), 1);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.1", "10.0.0.2"), 1);
	assert_true(world__hook(w, 1, "eth0")->hook.flags & CHAOS_HOOK_FIXED);
}

static void a_namespace_that_is_one_member_needs_no_look_up(void **state)
{
	struct world *w = world__three(state);
	size_t inside = world__cidr(w, "inside", "10.0.0.3");
	struct dp_fault *f = world__fault(w, "loss", CHAOS_ACT_LOSS);

	w->scans[1].forwards = true;
	world__ip_on(w, 2, 2, "10.0.0.33");
	world__edge(f, world__side(0), world__side(inside));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hook(w, 0, "eth0")->hook.flags, CHAOS_HOOK_FIXED);
	/* Forwards: not all that passes is its own. */
	assert_int_equal(world__hook(w, 1, "eth0")->hook.flags, CHAOS_HOOK_GROUP);
	/* One of its addresses is on a side that the other is not. */
	assert_int_equal(world__hook(w, 2, "eth0")->hook.flags, CHAOS_HOOK_GROUP);
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.1", "10.0.0.3"), 1);
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.1", "10.0.0.33"), 0);
}

static void a_router_leaves_the_packets_of_others_alone(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "loss", CHAOS_ACT_LOSS);

	/* c routes between a and b, and is on a side itself. */
	w->scans[2].forwards = true;
	world__edge(f, world__side(0), world__side(1));
	world__edge(f, world__side(0), world__side(2));
	world__edge(f, world__side(2), world__any());
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.1", "10.0.0.2"), 0);
	assert_int_equal(world__hits_at(w, 2, OUT, "10.0.0.1", "10.0.0.2"), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.1", "10.0.0.2"), 1);
	assert_int_equal(world__hits_at(w, 2, IN, "10.0.0.1", "10.0.0.3"), 1);
	assert_int_equal(world__hits_at(w, 2, OUT, "10.0.0.3", "8.8.8.8"), 1);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.3", "10.0.0.2"), 1);
}

static void traffic_is_counted_where_asked(void **state)
{
	struct world *w = world__three(state);

	w->plan.count_traffic = true;
	world__edge(world__fault(w, "self", CHAOS_ACT_LOSS), world__side(0), world__side(0));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_hooks, 4);
	assert_true(world__hook(w, 2, "eth0")->hook.flags & CHAOS_HOOK_TRAFFIC);
	assert_false(world__hook(w, 0, "lo")->hook.flags & CHAOS_HOOK_TRAFFIC);
}

static void devices_that_carry_the_traffic(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1");
	int br, bond, vrf, eth0 = 2;

	world__member(w, "n", (ssize_t)ns, NULL);
	br = world__link(w, ns, "br0", "bridge");
	world__link(w, ns, "port", "veth");
	w->scans[ns].links[3].master = br;
	world__link(w, ns, "eth0.5", "vlan");
	w->scans[ns].links[4].lower = eth0;
	bond = world__link(w, ns, "bond0", "bond");
	world__link(w, ns, "slave", "");
	w->scans[ns].links[6].master = bond;
	vrf = world__link(w, ns, "vrf0", "vrf");
	world__link(w, ns, "eth1", "veth");
	w->scans[ns].links[8].master = vrf;
	world__link(w, ns, "mv0", "macvlan");
	w->scans[ns].links[9].lower = eth0;
	world__link(w, ns, "mv1", "macvlan"); /* its lower device is in another namespace */
	world__link(w, ns, "down", "veth");
	w->scans[ns].links[11].up = false;
	assert_int_equal(world__compile(w), 0);
	assert_null(world__hook(w, ns, "lo"));
	assert_null(world__hook(w, ns, "port"));
	assert_null(world__hook(w, ns, "slave"));
	assert_null(world__hook(w, ns, "vrf0"));
	assert_null(world__hook(w, ns, "mv0"));
	assert_int_equal(world__hook(w, ns, "eth0")->hook.flags,
			 CHAOS_HOOK_FIXED | CHAOS_HOOK_SKIP_TAGGED);
	assert_int_equal(world__hook(w, ns, "eth0.5")->hook.flags, CHAOS_HOOK_FIXED);
	assert_non_null(world__hook(w, ns, "br0"));
	assert_non_null(world__hook(w, ns, "bond0"));
	assert_non_null(world__hook(w, ns, "eth1"));
	assert_non_null(world__hook(w, ns, "mv1"));
	assert_non_null(world__hook(w, ns, "down"));
	assert_int_equal(w->out.n_hooks, 7);
}

static void a_device_is_a_member(void **state)
{
	struct world *w = *state;
	size_t host = world__node(w, "192.168.0.1"), b = world__node(w, "192.168.0.2");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__ip_on(w, host, world__link(w, host, "eth1", ""), "172.16.0.1");
	w->scans[host].forwards = true;
	world__member(w, "uplink", (ssize_t)host, "eth0");
	world__member(w, "b", (ssize_t)b, NULL);
	world__edge(f, world__side(0), world__side(1));
	world__edge(f, world__side(1), world__side(0));
	assert_int_equal(world__compile(w), 0);
	assert_null(world__hook(w, host, "eth1"));
	assert_null(world__hook(w, host, "lo"));
	/* Whatever passes the device is the device's, forwarded or not. */
	assert_int_equal(world__hook(w, host, "eth0")->hook.flags, CHAOS_HOOK_FIXED);
	assert_int_equal(world__hits_at(w, host, IN, "192.168.0.2", "192.168.0.1"), 1);
	assert_int_equal(world__hits_at(w, b, IN, "192.168.0.1", "192.168.0.2"), 1);
	assert_int_equal(world__hits_at(w, b, IN, "172.16.0.1", "192.168.0.2"), 0);
}

static void loopback_only_for_both_ends_in_one_namespace(void **state)
{
	struct world *w = world__three(state);
	size_t wide = world__cidr(w, "wide", "10.0.0.0/8"), x = world__cidr(w, "x", "10.0.0.3"),
	       y = world__cidr(w, "y", "10.0.0.33");

	world__ip_on(w, 2, 2, "10.0.0.33");
	/* a with itself; b with what is around it; two addresses of c. */
	world__edge(world__fault(w, "self", CHAOS_ACT_PARTITION), world__side(0), world__side(0));
	world__edge(world__fault(w, "around", CHAOS_ACT_LOSS), world__side(1), world__side(wide));
	world__edge(world__fault(w, "two", CHAOS_ACT_LOSS), world__side(x), world__side(y));
	assert_int_equal(world__compile(w), 0);
	assert_null(world__hook(w, 1, "lo"));
	assert_int_equal(world__hits(w, world__hook(w, 0, "lo"), IN, "127.0.0.1", "127.0.0.1", 0),
			 1);
	assert_int_equal(world__hits(w, world__hook(w, 0, "lo"), OUT, "127.0.0.1", "127.0.0.1", 0),
			 0);
	assert_int_equal(world__hits(w, world__hook(w, 2, "lo"), IN, "10.0.0.3", "10.0.0.33", 2),
			 1);
	assert_int_equal(world__hits(w, world__hook(w, 2, "lo"), IN, "10.0.0.33", "10.0.0.3", 2),
			 0);
}

static void an_address_goes_to_the_one_who_got_it_last(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);
	struct chaos_addr vip = world__ip("10.0.0.100");

	world__edge(f, world__side(2), world__side(1));
	world__ip_on(w, 0, 2, "10.0.0.100");
	w->since[0][3] = 1;
	assert_int_equal(world__compile(w), 0);
	assert_string_equal(w->out.nodes[world__lookup(w, &vip).node], "a");
	w->again = true;
	world__ip_on(w, 1, 2, "10.0.0.100");
	w->since[1][3] = 2;
	assert_int_equal(world__compile(w), 0);
	assert_string_equal(w->out.nodes[world__lookup(w, &vip).node], "b");
	/* Both still are themselves, whoever has the address: two masters is what one wants to
	 * see. */
	assert_true(world__hook(w, 0, "eth0")->hook.flags & CHAOS_HOOK_FIXED);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.3", "10.0.0.100"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.0.3", "10.0.0.100"), 0);
	w->since[0][3] = 3;
	assert_int_equal(world__compile(w), 0);
	assert_string_equal(w->out.nodes[world__lookup(w, &vip).node], "a");
}

static void numbers_stay_when_compiled_again(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);
	struct chaos_addr a = world__ip("10.0.0.1"), b = world__ip("10.0.0.2");
	struct chaos_ident was_a, was_b;
	size_t far = world__cidr(w, "far", "10.0.0.128/25");

	world__edge(f, world__side(0), world__side(1));
	world__edge(f, world__side(far), world__side(1));
	assert_int_equal(world__compile(w), 0);
	was_a = world__lookup(w, &a);
	was_b = world__lookup(w, &b);
	w->again = true;
	/* A class that was not there before: c, from within far. */
	world__ip_on(w, 2, 2, "10.0.0.200");
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__lookup(w, &a).class_id, was_a.class_id);
	assert_int_equal(world__lookup(w, &b).class_id, was_b.class_id);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.200", "10.0.0.2"), 1);
	/* A namespace that has vanished is no contradiction. */
	netns_scan__reset(&w->scans[0]);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__lookup(w, &a).class_id, CHAOS_CLASS_OTHER);
}

static void sides_restrict_ports(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);
	struct dp_side to = world__side(1), from = world__side(1);
	struct pkt p = {.src = world__ip("10.0.0.1"),
			.dst = world__ip("10.0.0.2"),
			.sport = 40000,
			.dport = 6379,
			.ports = true,
			.proto = 6};
	unsigned int counts[8] = {0};

	world__side_port(&to, 6379, 6379);
	world__side_port(&from, 6379, 6379);
	world__edge(f, world__side(0), to);
	world__edge(f, from, world__side(0));
	assert_int_equal(world__compile(w), 0);
	world__meet(w, world__hook(w, 1, "eth0"), IN, &p, counts);
	assert_int_equal(counts[0], 1);
	p.dport = 6380;
	world__meet(w, world__hook(w, 1, "eth0"), IN, &p, counts);
	assert_int_equal(counts[0], 1);
	p = (struct pkt){.src = p.dst,
			 .dst = p.src,
			 .sport = 6379,
			 .dport = 40000,
			 .ports = true,
			 .proto = 6};
	world__meet(w, world__hook(w, 0, "eth0"), IN, &p, counts);
	assert_int_equal(counts[0], 2);
	p.sport = 40000;
	world__meet(w, world__hook(w, 0, "eth0"), IN, &p, counts);
	assert_int_equal(counts[0], 2);
	/* ICMP has no ports. */
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.0.1", "10.0.0.2"), 0);
}

static void a_packet_draws_once_for_a_fault(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "loss", CHAOS_ACT_LOSS);
	struct dp_side to = world__side(1), from = world__side(0);
	struct pkt p = {.src = world__ip("10.0.0.1"),
			.dst = world__ip("10.0.0.2"),
			.ports = true,
			.proto = 6};

	/* Two edges that cross: to port 80, and from ports 1000-2000. */
	world__side_port(&to, 80, 80);
	world__side_port(&from, 1000, 2000);
	world__edge(f, world__side(0), to);
	world__edge(f, from, world__side(1));
	assert_int_equal(world__compile(w), 0);
	for (int i = 0; i < 4; i++) {
		unsigned int counts[8] = {0};

		p.sport = i & 1 ? 1500 : 3000;
		p.dport = i & 2 ? 80 : 81;
		world__meet(w, world__hook(w, 1, "eth0"), IN, &p, counts);
		assert_int_equal(counts[0], i != 0);
	}
	/* Rules that share the work do not share the draws. */
	assert_int_equal(w->out.n_rules, 2);
	assert_true(w->out.rules[0].seed != w->out.rules[1].seed);
	/* And one edge that has all of it makes the others needless. */
	world__edge(f, world__side(0), world__side(1));
	compile_numbers__reset(&w->numbers);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_rules, 1);
	assert_int_equal(w->out.rules[0].seed, f->rule.seed);
}

static void rules_come_in_order_of_the_experiment(void **state)
{
	struct world *w = world__three(state);
	const struct compiled_pair *pair;

	for (int i = 0; i < CHAOS_RULES_PER_PAIR; i++)
		world__edge(world__fault(w, "loss", CHAOS_ACT_LOSS), world__side(0),
			    world__side(1));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_pairs, 1);
	pair = &w->out.pairs[0];
	assert_int_equal(pair->pair.n_rules, CHAOS_RULES_PER_PAIR);
	for (__u32 i = 0; i < pair->pair.n_rules; i++)
		assert_int_equal(w->out.rules[pair->pair.rule[i]].fault, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(cut_is_at_the_receivers_ingress_only),
		WORLD_TEST(who_is_elsewhere_is_cut_at_the_senders_egress),
		WORLD_TEST(a_namespace_may_be_two_members),
		WORLD_TEST(anybody_is_everybody_but_the_other_side),
		WORLD_TEST(a_group_is_one_class),
		WORLD_TEST(everyone_from_everyone_needs_a_class_each),
		WORLD_TEST(prefixes_nest),
		WORLD_TEST(everything_is_a_prefix_too),
		WORLD_TEST(both_families_of_a_node),
		WORLD_TEST(a_namespace_that_is_one_member_needs_no_look_up),
		WORLD_TEST(a_router_leaves_the_packets_of_others_alone),
		WORLD_TEST(traffic_is_counted_where_asked),
		WORLD_TEST(devices_that_carry_the_traffic),
		WORLD_TEST(a_device_is_a_member),
		WORLD_TEST(loopback_only_for_both_ends_in_one_namespace),
		WORLD_TEST(an_address_goes_to_the_one_who_got_it_last),
		WORLD_TEST(numbers_stay_when_compiled_again),
		WORLD_TEST(sides_restrict_ports),
		WORLD_TEST(a_packet_draws_once_for_a_fault),
		WORLD_TEST(rules_come_in_order_of_the_experiment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
