// SPDX-License-Identifier: GPL-2.0-only
/* Sockets become rows: once each, by name, with what they did since the snapshot before. */
#include "unit/flows/world.h"

static void both_ends_are_one_row(void **state)
{
	struct world *w = *state;
	struct discover_traffic *c, *s;
	struct flow_table *t;

	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	s = world__socket(w, B, P_SERVER, "10.0.0.2:80", "10.0.0.1:4000");
	c = world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80");
	world__tick(w);
	c->bytes_sent += 1000;
	c->bytes_received += 400;
	s->bytes_sent += 500; /* 100 of them are on their way */
	s->bytes_received += 1000;
	c->segs_out += 10;
	s->segs_out += 6;
	c->retrans += 1;
	s->retrans += 3;
	c->rtt_us = 200;
	s->rtt_us = 300;
	t = world__table(w, 2.0, NULL);
	assert_int_equal(t->n_rows, 1);
	assert_string_equal(t->rows[0].from.name, "a/client");
	assert_string_equal(t->rows[0].to.name, "b/server");
	assert_int_equal(t->rows[0].port, 80);
	assert_int_equal(t->rows[0].connections, 1);
	assert_true(t->rows[0].counted);
	assert_float_equal(t->rows[0].done.bytes[FLOW_TO], 500, 0);
	assert_float_equal(t->rows[0].done.bytes[FLOW_BACK], 250, 0);
	assert_float_equal(t->rows[0].done.segs[FLOW_TO], 5, 0);
	assert_float_equal(t->rows[0].done.segs[FLOW_BACK], 3, 0);
	assert_float_equal(t->rows[0].done.retrans, 2, 0);
	assert_float_equal(t->rows[0].done.opened, 0, 0);
	assert_int_equal(t->rows[0].rtt_us, 300);
}

static void who_calls_from_afar_is_an_address(void **state)
{
	struct world *w = *state;
	struct discover_traffic *s;
	struct flow_table *t;

	world__socket(w, HOST, P_SHELL, ":::22", NULL);
	/* As a socket of both families has it. */
	s = world__socket(w, HOST, P_SHELL, "::ffff:192.0.2.9:22", "::ffff:198.51.100.7:5000");
	world__tick(w);
	s->bytes_sent = 30;
	s->bytes_received = 70;
	t = world__table(w, 1.0, NULL);
	assert_int_equal(t->n_rows, 1);
	assert_string_equal(t->rows[0].from.name, "198.51.100.7");
	assert_string_equal(t->rows[0].to.name, "sh");
	assert_int_equal(t->rows[0].port, 22);
	assert_float_equal(t->rows[0].done.bytes[FLOW_TO], 70, 0);
	assert_float_equal(t->rows[0].done.bytes[FLOW_BACK], 30, 0);
}

/* A SYN without an answer: nobody has accepted, but it is known who would. */
static void the_listener_stands_for_the_peer(void **state)
{
	struct world *w = *state;
	struct flow_table *t;

	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	world__socket(w, A, P_CLIENT, "10.0.0.1:4001", "10.0.0.2:80")->state = TCP_SYN_SENT;
	world__socket(w, A, P_CLIENT, "10.0.0.1:4002", "10.0.0.2:81")->state = TCP_SYN_SENT;
	t = world__table(w, 0, NULL);
	flow_table__sort(t, FLOW_BY_NAME, false);
	assert_int_equal(t->n_rows, 2);
	assert_string_equal(t->rows[0].to.name, "b/10.0.0.2");
	assert_string_equal(t->rows[1].to.name, "b/server");
	assert_int_equal(t->rows[1].connections, 0);
	assert_int_equal(t->rows[1].connecting, 1);
	assert_false(t->rows[1].counted);
	assert_false(t->rated);
}

static void loopback_is_each_namespaces_own(void **state)
{
	struct world *w = *state;
	struct flow_table *t;

	world__socket(w, B, P_SERVER, "127.0.0.1:80", NULL);
	world__socket(w, B, P_SERVER, "127.0.0.1:80", "127.0.0.1:4000");
	world__socket(w, A, P_CLIENT, "127.0.0.1:4000", "127.0.0.1:80");
	t = world__table(w, 0, NULL);
	flow_table__sort(t, FLOW_BY_NAME, false);
	assert_int_equal(t->n_rows, 2);
	assert_string_equal(t->rows[0].from.name, "a/client");
	assert_string_equal(t->rows[0].to.name, "a/127.0.0.1");
	assert_string_equal(t->rows[1].from.name, "b/127.0.0.1");
	assert_string_equal(t->rows[1].to.name, "b/server");
}

/* An address that two namespaces have names neither of them. */
static void repeated_addresses_name_nobody(void **state)
{
	struct world *w = *state;

	world__address(w, HOST, "10.0.0.2");
	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80");
	assert_string_equal(world__table(w, 0, NULL)->rows[0].to.name, "10.0.0.2");
}

static void sockets_come_and_go(void **state)
{
	struct world *w = *state;
	struct discover_traffic *t;
	struct flow_table *table;

	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80")->bytes_sent = 1 << 20;
	world__tick(w);
	/* The one is gone, and its place taken by others: one still there, one already over. */
	w->netns[A].n_sockets = 0;
	w->s.n_owners = 1;
	t = world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80");
	t->bytes_sent = 600;
	t = world__socket(w, A, P_CLIENT, "10.0.0.1:4001", "10.0.0.2:80");
	t->state = TCP_TIME_WAIT;
	t->counted = false;
	table = world__table(w, 2.0, NULL);
	assert_int_equal(table->n_rows, 1);
	assert_int_equal(table->rows[0].connections, 1);
	assert_int_equal(table->n_connections, 1);
	assert_float_equal(table->rows[0].done.opened, 1, 0);
	assert_float_equal(table->rows[0].done.bytes[FLOW_TO], 300, 0);
	/* What was over before is nothing now. */
	world__tick(w);
	table = world__table(w, 1.0, NULL);
	assert_float_equal(table->rows[0].done.opened, 0, 0);
	w->netns[A].sockets[0] = w->netns[A].sockets[1];
	w->netns[A].traffic[0] = w->netns[A].traffic[1];
	w->netns[A].n_sockets = 1;
	assert_int_equal(world__table(w, 1.0, NULL)->n_rows, 0);
}

static void counters_that_go_backwards_do_nothing(void **state)
{
	struct world *w = *state;
	struct discover_traffic *t;
	struct flow_delta d;

	t = world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80");
	t->bytes_sent = 1000;
	t->segs_out = UINT32_MAX - 1;
	t->segs_in = 500;
	t->retrans = 7;
	world__tick(w);
	t->bytes_sent = 900;
	t->segs_out = 3; /* around: 5 more */
	t->segs_in = 400;
	t->retrans = 7;
	d = flow_past__delta(w->past, t);
	assert_true(d.known);
	assert_false(d.fresh);
	assert_int_equal(d.bytes_sent, 0);
	assert_int_equal(d.segs_out, 5);
	assert_int_equal(d.segs_in, 0);
	assert_int_equal(d.retrans, 0);
	assert_false(flow_past__delta(NULL, t).known);
	assert_false(flow_past__delta(NULL, t).fresh);
}

static void devices_have_rates(void **state)
{
	struct world *w = *state;
	struct flow_table *t;

	world__tick(w);
	w->links[A].stats = (struct link_stats){.rx_bytes = 100, .tx_bytes = 4000, .tx_packets = 8};
	w->links[B].stats.rx_dropped = 6;
	w->links[HOST].loopback = true;
	t = world__table(w, 2.0, NULL);
	assert_int_equal(t->n_devices, 2);
	assert_string_equal(t->devices[0].netns, "a");
	assert_float_equal(t->devices[0].tx_bytes, 2000, 0);
	assert_float_equal(t->devices[0].tx_packets, 4, 0);
	assert_float_equal(t->devices[1].drops, 3, 0);
	/* A device that was not there before. */
	w->links[A].ifindex = 3;
	t = world__table(w, 2.0, NULL);
	assert_false(t->devices[0].known && t->devices[1].known);
}

static void fill(struct world *w)
{
	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	world__socket(w, B, P_SERVER, "0.0.0.0:90", NULL);
	world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "10.0.0.2:80")->rtt_us = 10;
	world__socket(w, A, P_CLIENT, "10.0.0.1:4001", "10.0.0.2:90")->rtt_us = 30;
	world__socket(w, A, P_CLIENT, "10.0.0.1:4002", "10.0.0.2:90");
	world__socket(w, HOST, P_SHELL, "192.0.2.9:4003", "10.0.0.2:80")->rtt_us = 20;
	world__tick(w);
	w->traffic[A][0].bytes_sent = 100;
	w->traffic[A][1].retrans = 5;
	w->traffic[HOST][0].bytes_received = 900;
	w->traffic[HOST][0].segs_in = 9;
}

static const struct flow_row *first(struct world *w, enum flow_order order, bool reverse)
{
	flow_table__sort(&w->t, order, reverse);
	return &w->t.rows[0];
}

static void rows_are_sorted(void **state)
{
	struct world *w = *state;

	fill(w);
	world__table(w, 1.0, NULL);
	assert_int_equal(w->t.n_rows, 3);
	assert_string_equal(first(w, FLOW_BY_RATE, false)->from.name, "sh");
	assert_int_equal(first(w, FLOW_BY_RATE, true)->port, 90);
	assert_string_equal(first(w, FLOW_BY_SEGMENTS, false)->from.name, "sh");
	assert_int_equal(first(w, FLOW_BY_RETRANS, false)->port, 90);
	assert_int_equal(first(w, FLOW_BY_RTT, false)->port, 90);
	assert_int_equal(first(w, FLOW_BY_CONNECTIONS, false)->port, 90);
	assert_string_equal(first(w, FLOW_BY_NAME, false)->from.name, "a/client");
	assert_int_equal(w->t.rows[0].port, 80);
	assert_string_equal(first(w, FLOW_BY_NAME, true)->from.name, "sh");
	/* No fault: by rate. With one, what is under it comes first however slow. */
	assert_string_equal(first(w, FLOW_BY_FAULT, false)->from.name, "sh");
	for (size_t i = 0; i < 3; i++)
		w->t.rows[i].faults[FLOW_BACK] = w->t.rows[i].port == 90;
	assert_int_equal(first(w, FLOW_BY_FAULT, false)->port, 90);
	assert_string_equal(w->t.rows[1].from.name, "sh");
}

static void only_what_was_chosen(void **state)
{
	struct world *w = *state;
	uint32_t client[] = {P_CLIENT}, netns[] = {A};
	struct discover_match m = {
		.processes = client, .n_processes = 1, .netns = netns, .n_netns = 1};
	struct target_selector t = {.kind = TARGET_PROCESS};
	struct flow_filter f = {&t, &m};

	fill(w);
	assert_int_equal(world__table(w, 1.0, &f)->n_rows, 2);
	client[0] = P_SERVER;
	assert_int_equal(world__table(w, 1.0, &f)->n_rows, 3);
	t = (struct target_selector){
		.kind = TARGET_CIDR, .family = AF_INET, .addr = {192, 0, 2, 0}, .prefixlen = 24};
	world__table(w, 1.0, &f);
	assert_int_equal(w->t.n_rows, 1);
	assert_string_equal(w->t.rows[0].from.name, "sh");
}

/* A flood of addresses fills the table, and no more than that. */
static void rows_are_bounded(void **state)
{
	enum { MANY = 10000 };
	struct world *w = *state;
	struct discover_netns *n = &w->netns[A];

	n->sockets = calloc(MANY, sizeof(*n->sockets));
	n->traffic = calloc(MANY, sizeof(*n->traffic));
	n->n_sockets = MANY;
	for (unsigned int i = 0; i < MANY; i++) {
		n->sockets[i] = (struct discover_socket){
			.family = AF_INET,
			.local = {10, 0, 0, 1},
			.remote = {20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
			.local_port = 4000,
			.remote_port = 80,
		};
		n->traffic[i].cookie = 1u << 20 | i;
	}
	world__table(w, 0, NULL);
	assert_true(w->t.n_rows < MANY / 2);
	assert_int_equal(w->t.n_connections, MANY);
	assert_int_equal(w->t.n_folded, MANY - w->t.n_rows + 1);
	assert_int_equal(w->t.rows[w->t.n_rows - 1].connections, w->t.n_folded);
	free(n->sockets);
	free(n->traffic);
}

static void pods_and_containers_name_a_place(void **state)
{
	struct world *w = *state;
	struct discover_pod pod = {.uid = "u", .ns = "shop", .name = "web-1"};
	struct discover_container k[] = {
		{.id = "0123456789abcdef", .name = "db", .pod = DISCOVER_NONE},
		{.id = "fedcba9876543210", .pod = DISCOVER_NONE},
	};
	struct discover_cgroup c[] = {
		{.container = DISCOVER_NONE, .pod = 0},
		{.container = 0, .pod = DISCOVER_NONE},
		{.container = 1, .pod = DISCOVER_NONE},
	};
	const char *const names[] = {"shop/web-1/client", "db/client", "fedcba987654/client"};

	w->s.pods = &pod;
	w->s.n_pods = 1;
	w->s.containers = k;
	w->s.n_containers = 2;
	w->s.cgroups = c;
	w->s.n_cgroups = 3;
	world__socket(w, A, P_CLIENT, "10.0.0.1:4000", "198.51.100.1:80");
	for (uint32_t i = 0; i < 3; i++) {
		w->processes[P_CLIENT].cgroup = i;
		assert_string_equal(world__table(w, 0, NULL)->rows[0].from.name, names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(both_ends_are_one_row),
		WORLD_TEST(who_calls_from_afar_is_an_address),
		WORLD_TEST(the_listener_stands_for_the_peer),
		WORLD_TEST(loopback_is_each_namespaces_own),
		WORLD_TEST(repeated_addresses_name_nobody),
		WORLD_TEST(sockets_come_and_go),
		WORLD_TEST(counters_that_go_backwards_do_nothing),
		WORLD_TEST(devices_have_rates),
		WORLD_TEST(rows_are_sorted),
		WORLD_TEST(only_what_was_chosen),
		WORLD_TEST(rows_are_bounded),
		WORLD_TEST(pods_and_containers_name_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
