// SPDX-License-Identifier: GPL-2.0-only
/* Frames, and what a sequence of them says. */
#include "lib/clock.h"
#include "recorder/wire_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define ETH(type) "\x01\x00\x5e\x00\x00\x12\x02\x00\x00\x00\x00\x01" type
#define IP4 "\x45\xc0\x00\x28\x00\x01\x00\x00\xff\x70\x00\x00\x0a\x63\x00\x01\xe0\x00\x00\x12"
#define IP6(proto)                       \
	"\x60\x00\x00\x00\x00\x20" proto \
	"\xff\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x12"
/* router 51, priority 200, every second */
#define VRRP2 "\x21\x33\xc8\x01\x00\x01\x00\x00\xc0\x00\x02\x64\0\0\0\0\0\0\0\0"
#define VRRP3 "\x31\x33\xc8\x01\x00\x64\x00\x00"
#define ARP                                                                                    \
	"\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x02\xc0\x00\x02\x64\0\0\0\0\0\0" \
	"\xc0\x00\x02\x64"
#define NA                                                                             \
	"\x88\x00\x00\x00\x20\x00\x00\x00\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\x01\x00" \
	"\x02\x01\x02\x00\x00\x00\x00\x03"

static struct wire_frame parse(const char *frame, size_t len)
{
	uint8_t *copy = malloc(len); /* of this size, so that a byte too far is seen */
	struct wire_frame f = {0};

	memcpy(copy, frame, len);
	wire__parse(copy, len, &f);
	free(copy);
	return f;
}
#define PARSE(s) parse(s, sizeof(s) - 1)

static void test_frames(void **state)
{
	struct wire_frame f = PARSE(ETH("\x08\x00") IP4 VRRP2);

	(void)state;
	assert_int_equal(f.kind, WIRE_VRRP);
	assert_int_equal(f.family, AF_INET);
	assert_memory_equal(f.addr, "\x0a\x63\x00\x01", 4);
	assert_memory_equal(f.mac, "\x02\x00\x00\x00\x00\x01", 6);
	assert_int_equal(f.version, 2);
	assert_int_equal(f.vrid, 51);
	assert_int_equal(f.priority, 200);
	assert_int_equal(f.interval_ns, NS_PER_S);
	f = PARSE(ETH("\x81\x00\x00\x07\x08\x00") IP4 VRRP3);
	assert_int_equal(f.kind, WIRE_VRRP);
	assert_int_equal(f.interval_ns, NS_PER_S);
	f = PARSE(ETH("\x86\xdd") IP6("\x70") VRRP3);
	assert_int_equal(f.kind, WIRE_VRRP);
	assert_int_equal(f.family, AF_INET6);
	f = PARSE(ETH("\x08\x06") ARP);
	assert_int_equal(f.kind, WIRE_ANNOUNCE);
	assert_memory_equal(f.mac, "\x02\x00\x00\x00\x00\x02", 6);
	assert_memory_equal(f.addr, "\xc0\x00\x02\x64", 4);
	f = PARSE(ETH("\x86\xdd") IP6("\x3a") NA);
	assert_int_equal(f.kind, WIRE_ANNOUNCE);
	assert_memory_equal(f.mac, "\x02\x00\x00\x00\x00\x03", 6);
}

static void test_other_frames(void **state)
{
	static const char vrrp[] = ETH("\x08\x00") IP4 VRRP2, arp[] = ETH("\x08\x06") ARP;
	static const char na[] = ETH("\x86\xdd") IP6("\x3a") NA;
	char copy[sizeof(na)];

	(void)state;
	for (size_t i = 1; i < 14 + 20 + 8; i++)
		assert_int_equal(parse(vrrp, i).kind, WIRE_OTHER);
	for (size_t i = 1; i < sizeof(arp) - 1; i++)
		assert_int_equal(parse(arp, i).kind, WIRE_OTHER);
	for (size_t i = 1; i < 14 + 40 + 24; i++)
		assert_int_equal(parse(na, i).kind, WIRE_OTHER);
	/* asked for: no announcement */
	memcpy(copy, na, sizeof(na));
	copy[14 + 40 + 4] = 0x60;
	assert_int_equal(parse(copy, sizeof(na) - 1).kind, WIRE_OTHER);
	/* about another's address */
	memcpy(copy, arp, sizeof(arp));
	copy[14 + 27] = 1;
	assert_int_equal(parse(copy, sizeof(arp) - 1).kind, WIRE_OTHER);
}

struct told {
	unsigned int appeared, stopped, moves;
	struct wire_sender last;
	struct wire_move move;
};

static void on_sender(void *arg, const struct wire_sender *s, bool stopped)
{
	struct told *t = arg;

	t->appeared += !stopped;
	t->stopped += stopped;
	t->last = *s;
}

static void on_move(void *arg, const struct wire_move *m, int64_t now_ns)
{
	struct told *t = arg;

	(void)now_ns;
	t->moves++;
	t->move = *m;
}

static void test_senders(void **state)
{
	struct told t = {0};
	struct wire_watch *w = calloc(1, sizeof(*w));
	struct wire_frame a = PARSE(ETH("\x08\x00") IP4 VRRP2), b = a;

	(void)state;
	*w = (struct wire_watch){.on_sender = on_sender, .on_move = on_move, .arg = &t};
	b.mac[5] = 9;
	for (int i = 0; i < 5; i++)
		wire_watch__frame(w, &a, i * NS_PER_S);
	assert_int_equal(t.appeared, 1);
	wire_watch__frame(w, &b, 5 * NS_PER_S);
	assert_int_equal(t.appeared, 2);
	wire_watch__tick(w, 8 * NS_PER_S);
	assert_int_equal(t.stopped, 0);
	wire_watch__tick(w, 8 * NS_PER_S + 1);
	assert_int_equal(t.stopped, 1);
	assert_int_equal(t.last.adverts, 5);
	assert_int_equal(t.last.last_ns, 4 * NS_PER_S);
	/* Read late, after others of another sender: what waits in the queue is no silence. */
	wire_watch__frame(w, &a, 8 * NS_PER_S + 1);
	assert_int_equal(t.appeared, 3);
	wire_watch__frame(w, &b, 20 * NS_PER_S);
	wire_watch__frame(w, &a, 20 * NS_PER_S);
	wire_watch__tick(w, 20 * NS_PER_S);
	assert_int_equal(t.appeared, 3);
	assert_int_equal(t.stopped, 1);
	/* resigns */
	b.priority = 0;
	wire_watch__frame(w, &b, 20 * NS_PER_S + 2);
	assert_int_equal(t.stopped, 2);
	/* more than there is room for */
	b.priority = 1;
	for (int i = 0; i < 300; i++) {
		b.mac[4] = (uint8_t)(i >> 8);
		b.mac[5] = (uint8_t)i;
		wire_watch__frame(w, &b, 21 * NS_PER_S);
	}
	assert_int_equal(t.appeared, 2 + WIRE_SENDERS_MAX);
	wire_watch__end(w);
	assert_int_equal(t.stopped, t.appeared);
	free(w);
}

static void test_moves(void **state)
{
	struct told t = {0};
	struct wire_watch *w = calloc(1, sizeof(*w));
	struct wire_frame f = PARSE(ETH("\x08\x06") ARP);

	(void)state;
	*w = (struct wire_watch){.on_sender = on_sender, .on_move = on_move, .arg = &t};
	wire_watch__frame(w, &f, NS_PER_S);
	assert_int_equal(t.moves, 1);
	assert_true(t.move.is_first);
	wire_watch__frame(w, &f, NS_PER_S);
	assert_int_equal(t.moves, 1);
	/* back and forth, faster than is told */
	for (int i = 0; i < 1000; i++) {
		f.mac[5] = (uint8_t)(i & 1);
		wire_watch__frame(w, &f, NS_PER_S + i);
	}
	assert_int_equal(t.moves, WIRE_MOVES_PER_S);
	f.mac[5] = 7;
	wire_watch__frame(w, &f, 3 * NS_PER_S);
	assert_int_equal(t.move.skipped, 1001 - WIRE_MOVES_PER_S);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_other_frames),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
