// SPDX-License-Identifier: GPL-2.0-only
/*
 * holdctl: the delay line (user/line/hold.h) on a TAP of its own, and the packet path played by a packet
 * socket: frames with struct chaos_held in front go in, tagged frames come back. In the caller's network
 * namespace; one line of output with what was found.
 *
 *	holdctl order N MS SPREAD_MS	N frames due in MS and up to SPREAD_MS more, many of them at once:
 *					`back B disorder D early E p50_us p99_us max_us`
 *	holdctl steady N GAP_US MS	a frame every GAP_US, delayed by MS: the same line
 *	holdctl tag PROTO TCI		`tci TCI proto PROTO tci TCI payload same|differs`
 *	holdctl flush N			N frames due in an hour: `before B after A took ok|late again C`
 *	holdctl limit packets|bytes	twice as many as it may hold:
 *					`held H overflowed O back B bytes ok|beyond`
 *	holdctl hostile N		`answered TAKEN malformed M others O alive`
 *	holdctl stay			says `PID IFINDEX`, and lives until its input ends
 *	holdctl path OBJ DEVICE MS	the same, and what leaves DEVICE is delayed by MS (hold_path.bpf.o);
 *					answers each line of input with
 *					`taken T released R held H lost L late_max_us M`
 *	holdctl lose			kills the process: `exit_fd readable flush ERRNO device gone`
 */
#include "datapath/chaos_abi_user.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "line/hold.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define DEVICE "hold0"

enum {
	QUEUE = 10000,
	PORT = 0x2abc,
	ETHERTYPE_TEST = 0x88b5, /* IEEE 802: for local experiments */
	RCVBUF = 64 << 20,
	WAIT_MS = 5000,
	CLOCK_ERROR_NS = 20000, /* of a time in one clock told in the other */
};

struct world {
	struct hold *line;
	int tap; /* our own reference, -1 when closed */
	int ifindex;
	int sock;
};

struct frame {
	struct virtio_net_hdr v;
	struct chaos_held held;
	uint8_t eth[3100];
} __attribute__((packed));

struct back {
	struct virtio_net_hdr v;
	uint8_t eth[1 << 17];
	size_t len; /* of eth */
	bool tagged;
	uint16_t tci, tpid;
	int64_t at_ns;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "holdctl: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_socket(int ifindex)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)), one = 1;
	int size = RCVBUF;

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("packet socket");
	return fd;
}

static struct world open_world(uint64_t packets, uint64_t bytes)
{
	const struct hold_limits limits = {.packets = packets, .bytes = bytes};
	struct world w = {.sock = -1};
	struct error err = {0};

	w.tap = hold__open_tap(DEVICE, QUEUE, &w.ifindex, &err);
	if (w.tap < 0 || hold__start(w.tap, &limits, &w.line, &err)) {
		fprintf(stderr, "holdctl: %s\n", err.msg);
		exit(2);
	}
	w.tap = safe_close(w.tap);
	w.sock = open_socket(w.ifindex);
	return w;
}

static void close_world(struct world *w)
{
	hold__stop(w->line);
	safe_close(w->sock);
}

static const uint8_t ethernet[ETH_HLEN] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ETHERTYPE_TEST >> 8, ETHERTYPE_TEST & 0xff};

static struct frame *new_frame(uint64_t due_ns)
{
	struct frame *f = calloc(1, sizeof(*f));

	if (!f)
		die("memory");
	f->held = (struct chaos_held){.due_ns = due_ns, .port = PORT};
	memcpy(f->eth, ethernet, sizeof(ethernet));
	return f;
}

/* The kernel must be told the protocol: our header stands where it would look for it. */
static void send_bytes(struct world *w, const void *bytes, size_t len, uint16_t ethertype)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ethertype),
				 .sll_ifindex = w->ifindex,
				 .sll_halen = ETH_ALEN};

	if (sendto(w->sock, bytes, len, 0, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die("send");
}

static void send_frame(struct world *w, const struct frame *f, size_t eth_len)
{
	send_bytes(w, f, offsetof(struct frame, eth) + eth_len,
		   (uint16_t)(f->eth[12] << 8 | f->eth[13]));
}

/* A frame with a number. */
static void send_small(struct world *w, uint64_t due_ns, uint32_t number)
{
	struct {
		struct virtio_net_hdr v;
		struct chaos_held held;
		uint8_t eth[ETH_ZLEN];
	} __attribute__((packed)) f = {.held = {.due_ns = due_ns, .port = PORT}};

	memcpy(f.eth, ethernet, sizeof(ethernet));
	memcpy(f.eth + ETH_HLEN, &number, sizeof(number));
	send_bytes(w, &f, sizeof(f), ETHERTYPE_TEST);
}

static uint32_t number_of(const struct back *b)
{
	uint32_t number;

	memcpy(&number, b->eth + 14, sizeof(number));
	return number;
}

/* CLOCK_REALTIME less CLOCK_MONOTONIC: of a few looks the one that was interrupted least. */
static int64_t real_offset_ns(void)
{
	static int64_t offset, best = INT64_MAX;

	for (int i = 0; i < 3; i++) {
		int64_t before = clock__now(), real = clock__realtime(), after = clock__now();

		if (after - before > best)
			continue;
		best = after - before;
		offset = real - (before + after) / 2;
	}
	return offset;
}

/* When the kernel had it, not when we came to read it. */
static void take_aux(struct msghdr *m, struct back *b)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;
		struct timespec at;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&at, CMSG_DATA(c), sizeof(at));
			b->at_ns = timespec_ns(&at) - real_offset_ns();
		}
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		b->tagged = aux.tp_status & TP_STATUS_VLAN_VALID;
		b->tci = aux.tp_vlan_tci;
		b->tpid = aux.tp_vlan_tpid;
	}
}

/* The next frame that comes back, within @ms. */
static bool receive(struct world *w, struct back *b, int ms)
{
	struct pollfd p = {.fd = w->sock, .events = POLLIN};
	char aux[256] __attribute__((aligned(8)));
	struct iovec iov[] = {{&b->v, sizeof(b->v)}, {b->eth, sizeof(b->eth)}};
	struct msghdr m = {
		.msg_iov = iov, .msg_iovlen = 2, .msg_control = aux, .msg_controllen = sizeof(aux)};
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = recvmsg(w->sock, &m, 0);
	b->at_ns = clock__now();
	if (n < (ssize_t)sizeof(b->v) + ETH_HLEN)
		die("receive");
	b->len = (size_t)n - sizeof(b->v);
	b->tagged = false;
	take_aux(&m, b);
	return true;
}

static struct back *new_back(void)
{
	struct back *b = malloc(sizeof(*b));

	if (!b)
		die("memory");
	return b;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Send @n frames, the first due in @ms, in steps of a millisecond, so that many are equal. False: the
 * first was due before the last was sent. */
static bool send_spread(struct world *w, uint32_t n, int64_t ms, int64_t spread_ms, int64_t *due)
{
	int64_t base = clock__now() + ms * NS_PER_MS;
	struct rng rng = {.state = 7};

	for (uint32_t i = 0; i < n; i++) {
		due[i] = base + (int64_t)rng__below(&rng, (uint64_t)spread_ms + 1) * NS_PER_MS;
		send_small(w, (uint64_t)due[i], i);
	}
	return clock__now() < base;
}

/* What came back, against the due times @due. */
struct found {
	uint32_t back, disorder, early;
	int64_t *late;
};

static void check_back(struct found *f, const struct back *b, const int64_t *due, uint32_t n,
		       uint32_t *last)
{
	uint32_t i = number_of(b);

	if (i >= n || !b->tagged || b->tci != PORT)
		die("a frame that was not sent");
	if (*last != UINT32_MAX && (due[i] < due[*last] || (due[i] == due[*last] && i < *last)))
		f->disorder++;
	f->early += b->at_ns < due[i] - CLOCK_ERROR_NS;
	f->late[f->back++] = b->at_ns - due[i];
	*last = i;
}

static void say_found(struct found *f)
{
	uint32_t n = f->back;

	qsort(f->late, n, sizeof(*f->late), by_value);
	printf("back %u disorder %u early %u late_us p50 %lld p99 %lld max %lld\n", n, f->disorder,
	       f->early, (long long)f->late[n / 2] / 1000,
	       (long long)f->late[n * 99ULL / 100] / 1000,
	       (long long)f->late[n ? n - 1 : 0] / 1000);
	free(f->late);
}

static struct found new_found(uint32_t n)
{
	struct found f = {.late = calloc(n + 1, sizeof(*f.late))};

	if (!f.late)
		die("memory");
	return f;
}

static int cmd_order(uint32_t n, int64_t ms, int64_t spread_ms)
{
	struct world w = open_world(n, (uint64_t)n * 4096);
	_cleanup_free_ int64_t *due = calloc(n + 1, sizeof(*due));
	_cleanup_free_ struct back *b = new_back();
	struct found f = new_found(n);
	uint32_t last = UINT32_MAX;

	/* A busy machine gets more time for it. */
	for (; !send_spread(&w, n, ms, spread_ms, due) && ms < WAIT_MS; ms *= 2)
		for (uint32_t i = 0; i < n; i++)
			receive(&w, b, WAIT_MS);
	while (f.back < n && receive(&w, b, 2 * WAIT_MS))
		check_back(&f, b, due, n, &last);
	say_found(&f);
	close_world(&w);
	return 0;
}

static int cmd_steady(uint32_t n, int64_t gap_us, int64_t ms)
{
	struct world w = open_world(n, (uint64_t)n * 4096);
	_cleanup_free_ int64_t *due = calloc(n + 1, sizeof(*due));
	_cleanup_free_ struct back *b = new_back();
	struct found f = new_found(n);
	uint32_t last = UINT32_MAX;
	int64_t begin = clock__now();

	for (uint32_t i = 0; i < n; i++) {
		int64_t at = begin + i * gap_us * NS_PER_US;

		while (clock__now() < at)
			if (receive(&w, b, 0))
				check_back(&f, b, due, n, &last);
		due[i] = clock__now() + ms * NS_PER_MS;
		send_small(&w, (uint64_t)due[i], i);
	}
	while (f.back < n && receive(&w, b, WAIT_MS))
		check_back(&f, b, due, n, &last);
	say_found(&f);
	close_world(&w);
	return 0;
}

static int cmd_tag(uint16_t proto, uint16_t tci)
{
	_cleanup_free_ struct frame *f = new_frame((uint64_t)clock__now() + NS_PER_MS);
	_cleanup_free_ struct back *b = new_back();
	struct world w = open_world(10, 1 << 20);

	f->held.vlan_proto = proto;
	f->held.vlan_tci = tci;
	for (int i = 0; i < 1500; i++)
		f->eth[14 + i] = (uint8_t)i;
	send_frame(&w, f, 1514);
	if (!receive(&w, b, WAIT_MS))
		die("nothing came back");
	printf("tci %x proto %x tci %x payload %s\n", b->tagged ? b->tci : 0,
	       b->eth[12] << 8 | b->eth[13], b->eth[14] << 8 | b->eth[15],
	       b->len == 1518 && !memcmp(b->eth, f->eth, 12) &&
			       !memcmp(b->eth + 16, f->eth + 12, 1502)
		       ? "same"
		       : "differs");
	close_world(&w);
	return 0;
}

/* --- the whole line --------------------------------------------------------------------------- */

static uint64_t read_stat(const uint64_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

/* Until the process has taken @n frames in all. */
static void await_taken(struct world *w, uint64_t n)
{
	int64_t end = clock__now() + WAIT_MS * NS_PER_MS;

	while (read_stat(&hold__stats(w->line)->taken) < n && clock__now() < end)
		poll(NULL, 0, 1);
}

static uint32_t receive_all(struct world *w, struct back *b, int ms)
{
	uint32_t n = 0;

	while (receive(w, b, ms))
		n++;
	return n;
}

static int cmd_flush(uint32_t n)
{
	struct world w = open_world(n, (uint64_t)n * 4096);
	_cleanup_free_ struct back *b = new_back();
	uint64_t hour = (uint64_t)clock__now() + 3000 * (uint64_t)NS_PER_S;
	uint32_t before, after = 0, again;
	int r;

	for (uint32_t i = 0; i < n; i++)
		send_small(&w, hour - i, i);
	before = receive_all(&w, b, 0);
	r = hold__flush(w.line, WAIT_MS * NS_PER_MS);
	/* What was written is there when the flush returns: first in, last due. */
	while (receive(&w, b, 0) && number_of(b) == n - 1 - after)
		after++;
	send_small(&w, (uint64_t)clock__now() + NS_PER_MS, 0);
	again = receive(&w, b, WAIT_MS);
	printf("before %u after %u took %s again %u\n", before, after, r ? "late" : "ok", again);
	close_world(&w);
	return 0;
}

static int cmd_limit(bool packets)
{
	enum { N = 200, BYTES = 1 << 20 };
	struct world w = open_world(packets ? N : N * 10, packets ? BYTES : N * 2048);
	_cleanup_free_ struct back *b = new_back();
	uint64_t later = (uint64_t)clock__now() + 3000 * (uint64_t)NS_PER_S, held, over;
	bool beyond;

	for (uint32_t i = 0; i < 2 * N; i++)
		send_small(&w, later, i);
	await_taken(&w, 2 * N);
	hold__flush(w.line,
		    0); /* whether it answers in time or not, it has had its turn after it */
	held = read_stat(&hold__stats(w.line)->held);
	beyond = read_stat(&hold__stats(w.line)->held_bytes) > BYTES;
	hold__flush(w.line, WAIT_MS * NS_PER_MS);
	over = read_stat(&hold__stats(w.line)->overflowed);
	printf("held %s overflowed %llu back %u bytes %s\n", held <= N ? "ok" : "beyond",
	       (unsigned long long)over, receive_all(&w, b, 50), beyond ? "beyond" : "ok");
	close_world(&w);
	return 0;
}

/* Noise of all lengths, past the virtio header that the packet socket checks. */
static int cmd_hostile(uint32_t n)
{
	struct world w = open_world(n, (uint64_t)n * 4096);
	const struct hold_stats *s = hold__stats(w.line);
	_cleanup_free_ struct frame *f = new_frame(0);
	_cleanup_free_ struct back *b = new_back();
	struct rng rng = {.state = 9};
	uint64_t sent = 0, taken, bad, accounted;

	for (uint32_t i = 0; i < n; i++) {
		size_t len = 14 + rng__below(&rng, i % 10 ? 60 : 3000);
		uint8_t *noise = (uint8_t *)&f->held;

		for (size_t j = 0; j < len; j++)
			noise[j] = (uint8_t)(rng__next(&rng) % 3 ? 0 : rng__next(&rng));
		f->v = (struct virtio_net_hdr){0};
		if (len > 20 && i % 3 == 0) {
			f->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			f->v.csum_start = (uint16_t)rng__below(&rng, len - 2);
		}
		sent += send(w.sock, f, sizeof(f->v) + len, MSG_DONTWAIT) > 0;
	}
	await_taken(&w, sent);
	hold__flush(w.line, WAIT_MS * NS_PER_MS);
	bad = read_stat(&s->malformed);
	taken = read_stat(&s->taken);
	accounted =
		bad + read_stat(&s->released) + read_stat(&s->failed) + read_stat(&s->overflowed);
	receive_all(&w, b, 20);
	send_small(&w, (uint64_t)clock__now() + NS_PER_MS, 0);
	printf("sent %llu taken %llu malformed %llu lost %lld again %d\n", (unsigned long long)sent,
	       (unsigned long long)taken, (unsigned long long)bad, (long long)(taken - accounted),
	       receive(&w, b, WAIT_MS));
	close_world(&w);
	return 0;
}

static int cmd_stay(void)
{
	struct world w = open_world(1000, 1 << 20);
	char c;

	printf("%d %d\n", hold__pid(w.line), w.ifindex);
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	close_world(&w);
	return 0;
}

struct path_config {
	uint64_t delay_ns;
	uint32_t tap, device;
};

static void attach(const struct bpf_object *obj, const char *prog, int ifindex,
		   enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	int r = bpf_tc_hook_create(&hook);

	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(obj, prog));
	if ((r && r != -EEXIST) || bpf_tc_attach(&hook, &opts))
		die("attach");
}

static int cmd_path(const char *file, const char *device, int64_t ms)
{
	struct world w = open_world(200000, 256 << 20);
	struct path_config config = {.delay_ns = (uint64_t)(ms * NS_PER_MS),
				     .tap = (uint32_t)w.ifindex,
				     .device = if_nametoindex(device)};
	const struct hold_stats *s = hold__stats(w.line);
	struct bpf_object *obj = bpf_object__open_file(file, NULL);
	struct bpf_map *rodata = obj ? bpf_object__find_map_by_name(obj, ".rodata") : NULL;
	char line[16];

	w.sock = safe_close(w.sock);
	if (!rodata || bpf_map__set_initial_value(rodata, &config, sizeof(config)) ||
	    bpf_object__load(obj))
		die(file);
	attach(obj, "hold_back", w.ifindex, BPF_TC_INGRESS);
	attach(obj, "hold_out", (int)config.device, BPF_TC_EGRESS);
	printf("%d %d\n", hold__pid(w.line), w.ifindex);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("taken %llu released %llu held %llu lost %llu late_max_us %llu\n",
		       (unsigned long long)read_stat(&s->taken),
		       (unsigned long long)read_stat(&s->released),
		       (unsigned long long)read_stat(&s->held),
		       (unsigned long long)(read_stat(&s->overflowed) + read_stat(&s->malformed) +
					    read_stat(&s->failed)),
		       (unsigned long long)read_stat(&s->late_max_ns) / 1000);
		fflush(stdout);
	}
	bpf_object__close(obj);
	close_world(&w);
	return 0;
}

static int cmd_lose(void)
{
	struct world w = open_world(1000, 1 << 20);
	struct pollfd p = {.fd = hold__exit_fd(w.line), .events = POLLIN};
	bool before = poll(&p, 1, 0), after;
	int64_t end;
	int r;

	kill(hold__pid(w.line), SIGKILL);
	after = poll(&p, 1, WAIT_MS);
	r = hold__flush(w.line, WAIT_MS * NS_PER_MS);
	/* The last reference to the device is put some time after the exit is seen. */
	end = clock__now() + WAIT_MS * NS_PER_MS;
	while (if_nametoindex(DEVICE) && clock__now() < end)
		poll(NULL, 0, 1);
	printf("exit_fd %d %d flush %s device %s\n", before, after, strerrorname_np(-r),
	       if_nametoindex(DEVICE) ? "there" : "gone");
	close_world(&w);
	return 0;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

#define ARG(i, base) (argc > (i) ? strtoul(argv[i], NULL, base) : 0)
	if (!strcmp(cmd, "order"))
		return cmd_order((uint32_t)ARG(2, 10), (int64_t)ARG(3, 10), (int64_t)ARG(4, 10));
	if (!strcmp(cmd, "steady"))
		return cmd_steady((uint32_t)ARG(2, 10), (int64_t)ARG(3, 10), (int64_t)ARG(4, 10));
	if (!strcmp(cmd, "tag"))
		return cmd_tag((uint16_t)ARG(2, 16), (uint16_t)ARG(3, 16));
	if (!strcmp(cmd, "flush"))
		return cmd_flush((uint32_t)ARG(2, 10));
	if (!strcmp(cmd, "limit"))
		return cmd_limit(argc > 2 && !strcmp(argv[2], "packets"));
	if (!strcmp(cmd, "hostile"))
		return cmd_hostile((uint32_t)ARG(2, 10));
	if (!strcmp(cmd, "stay"))
		return cmd_stay();
	if (!strcmp(cmd, "path") && argc == 5)
		return cmd_path(argv[2], argv[3], (int64_t)ARG(4, 10));
	if (!strcmp(cmd, "lose"))
		return cmd_lose();
	fprintf(stderr, "holdctl: see the comment on top of tests/netns/tools/holdctl.c\n");
	return 2;
}
