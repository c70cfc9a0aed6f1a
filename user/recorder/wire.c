// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/wire.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/fields.h"
#include "recorder/inside.h"
#include "recorder/wire_watch.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAME_MAX = 256 }; /* all that is looked at, options and tags included */
enum { LOOK_MS = 100 };

struct wire {
	struct recorder *recorder;
	char *resource, *node;
	struct inside thread;
	struct halt halt;
	int fd;
	struct wire_watch watch;
};

/* --- what is recorded ------------------------------------------------------------------------- */

static json_t *event_head(const struct wire *w, int family, const uint8_t *addr, const char *key,
			  const uint8_t *mac)
{
	json_t *o = json_object();
	char text[INET6_ADDRSTRLEN], hex[18];

	inet_ntop(family, addr, text, sizeof(text));
	snprintf(hex, sizeof(hex), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	fields__text(o, "resource", w->resource);
	fields__text(o, "node", w->node);
	fields__text(o, key, text);
	fields__text(o, "mac", hex);
	return o;
}

static void on_sender(void *arg, const struct wire_sender *s, bool stopped)
{
	const struct wire *w = arg;
	const struct wire_frame *f = &s->what;
	json_t *o = event_head(w, f->family, f->addr, "source", f->mac);
	int64_t t0 = recorder__t0(w->recorder);

	fields__text(o, "event", stopped ? "stopped" : "appeared");
	fields__int(o, "vrid", f->vrid);
	fields__int(o, "family", f->family == AF_INET ? 4 : 6);
	fields__int(o, "priority", f->priority);
	fields__int(o, "interval_ns", f->interval_ns);
	fields__int(o, "from_ns", s->first_ns - t0);
	fields__int(o, "to_ns", s->last_ns - t0);
	fields__int(o, "adverts", (int64_t)s->adverts);
	recorder__event(w->recorder, "vrrp_sender", s->last_ns, o);
}

static void on_move(void *arg, const struct wire_move *m, int64_t now_ns)
{
	const struct wire *w = arg;
	json_t *o = event_head(w, m->family, m->addr, "address", m->mac);
	char hex[18];

	snprintf(hex, sizeof(hex), "%02x:%02x:%02x:%02x:%02x:%02x", m->was[0], m->was[1], m->was[2],
		 m->was[3], m->was[4], m->was[5]);
	fields__text(o, "was", m->is_first ? NULL : hex);
	if (m->skipped)
		fields__int(o, "skipped", (int64_t)m->skipped);
	recorder__event(w->recorder, "garp", now_ns, o);
}

/* --- its thread ------------------------------------------------------------------------------- */

/*
 * VRRP, ARP, and neighbour advertisements. The kernel has put a VLAN's tag aside already. The rest
 * of the traffic is left out in the kernel.
 */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 112, 6, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 112, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

static int thread_open(void *arg, struct error *err)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct wire *w = arg;
	int r;

	/* Protocol 0: nothing arrives before the filter is there. */
	w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = w->fd < 0 ? -errno : attach_filter(w->fd);
	if (!r && bind(w->fd, (struct sockaddr *)&all, sizeof(all)) < 0)
		r = -errno;
	return r ? err__set(err, r, "a packet socket: %s", strerror(-r)) : 0;
}

static void receive(struct wire *w)
{
	uint8_t buf[FRAME_MAX];
	struct sockaddr_ll from = {0};
	struct wire_frame f;

	/* bounded, so that a flood does not keep it from its end */
	for (int i = 0; i < 256; i++) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(w->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &size);

		if (n < 0)
			return;
		if (from.sll_hatype == ARPHRD_ETHER && wire__parse(buf, (size_t)n, &f))
			wire_watch__frame(&w->watch, &f, clock__now());
	}
}

static void thread_run(void *arg)
{
	struct wire *w = arg;

	while (!halt__is_set(&w->halt)) {
		struct pollfd p = {.fd = w->fd, .events = POLLIN};

		/* An error is told once (an interface that goes down); reading it clears it. */
		if (poll(&p, 1, LOOK_MS) > 0)
			receive(w);
		wire_watch__tick(&w->watch, clock__now());
	}
	wire_watch__end(&w->watch);
}

/* --- its life --------------------------------------------------------------------------------- */

static void destroy(struct wire *w)
{
	safe_close(w->fd);
	halt__destroy(&w->halt);
	free(w->resource);
	free(w->node);
	free(w);
}

int wire__start(const char *resource, const char *node, int netns_fd, struct recorder *r,
		struct wire **ret, struct error *err)
{
	struct wire *w = calloc(1, sizeof(*w));
	int e = 0;

	if (!w)
		return err__set(err, -ENOMEM, "out of memory");
	w->fd = -1;
	w->recorder = r;
	w->watch.on_sender = on_sender;
	w->watch.on_move = on_move;
	w->watch.arg = w;
	halt__init(&w->halt);
	w->resource = strdup(resource);
	w->node = strdup(node);
	if (!w->resource || !w->node)
		e = err__set(err, -ENOMEM, "out of memory");
	else
		e = inside__start(&w->thread, netns_fd, thread_open, thread_run, w, err);
	if (e) {
		destroy(w);
		return e;
	}
	*ret = w;
	return 0;
}

void wire__signal_stop(struct wire *w)
{
	halt__set(&w->halt);
}

void wire__join(struct wire *w)
{
	if (!w)
		return;
	halt__set(&w->halt);
	inside__join(&w->thread);
	destroy(w);
}
