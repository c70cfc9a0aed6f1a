/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load_loop.h: internal to load*.c: many clients in one thread, which is inside the namespace of
 * their place: an epoll loop with timers. What they talk is a wire: it begins attempts, which end by
 * loop__answered(), at once or later.
 */
#ifndef CHAOS_RECORDER_LOAD_LOOP_H
#define CHAOS_RECORDER_LOAD_LOOP_H

#include "lib/heap.h"
#include "recorder/load_state.h"

struct loop;

/* A client of a loop. */
struct loop_client {
	struct client *c;
	struct operation op;
	int64_t due_ns, free_ns;
	enum { LOOP_IDLE, LOOP_WAITING, LOOP_IN_FLIGHT } state;
	int64_t key;
	long status;	/* of the answer; 0: none */
	bool connected; /* a connection was made for this attempt, or tried */
	void *wire;	/* the wire's own */
};

struct wire_ops {
	const char *name;
	const char *verb; /* of its operations */
	/* In the loop's thread, once, before the first attempt and after the last. */
	int (*open)(struct loop *lp);
	void (*close)(struct loop *lp);
	/* Begin an attempt. loop__answered() may be called before it returns. */
	void (*begin)(struct loop *lp, struct loop_client *lc);
	/* Its time is over: end it, without loop__answered(); false: nothing of it can have been sent. */
	bool (*abort)(struct loop *lp, struct loop_client *lc);
	/* Of a descriptor that was given to epoll with @data. */
	void (*ready)(struct loop *lp, uint64_t data, uint32_t events);
	void (*timer)(struct loop *lp); /* its own timer is due; may be NULL */
};

struct loop {
	struct load *load;
	struct place *place;
	const struct wire_ops *ops;
	struct inside thread;
	int epoll_fd;
	int stop_fd; /* readable when it is to stop */
	struct loop_client *clients;
	size_t n;
	size_t in_flight;
	struct heap timers; /* of clients; the last owner is the wire */
	void *wire;	    /* the wire's own */
};

extern const struct wire_ops wire_http;

/* Data of the loop's own descriptors; a wire's never has it. */
#define LOOP_STOP UINT64_MAX

int loops__start(struct load *l, const struct wire_ops *ops, struct error *err);
int loops__start_at(struct load *l, size_t place, const struct wire_ops *ops, struct error *err);
/* After the place's halt was set: wake it up; wait for what is in flight, at most a time limit. */
void loops__signal_stop(struct load *l, size_t place);
void loops__stop_at(struct load *l, size_t place);
/* The attempt in flight has ended: @lc->op.answer is set. */
void loop__answered(struct loop *lp, struct loop_client *lc);
/* The wire's own timer; INT64_MAX: none. */
void loop__set_timer(struct loop *lp, int64_t due_ns);

#endif
