// SPDX-License-Identifier: GPL-2.0-only
/*
 * search.c: objects for which nothing quicker is known (Wing and Gong 1993), as just-in-time
 * linearization (Lowe, "Testing for linearizability", 2017). The events are gone through in the
 * order of time, with the set of all configurations that what happened so far allows: the object's
 * state, and which of the open operations have taken effect. When an operation completes it has to
 * have taken effect: configurations in which it has not are led on by every order of open
 * operations that makes it. When none is left, there is no order: the operation that completed is
 * where it shows.
 *
 * Four things keep the set small and change no answer:
 *   - an open read of what the state is takes effect at once: it changes nothing
 *   - an operation without an answer that changes the object to what nobody ever saw never happened
 *   - one that did happen did so right before an operation that saw it
 *   - a release without an answer whose hold is over is as good as done
 */
#include "check/search.h"
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

#define NONE SEARCH_NONE
#define OUT_OF_BOUNDS 1 /* a result beside errnos */

struct search {
	enum checker c;
	const struct check_op *ops;
	size_t n;
	size_t open[SLOTS]; /* operations by slot, NONE: free */
	size_t n_slots;	    /* slots above are free */
	size_t *slot;	    /* by operation, NONE: not open */
	size_t *hold; /* by operation: of a release, the acquire; NEVER: there is none, NONE: several */
	struct config_set now, next, seen;
	uint64_t steps, max_steps, max_configs;
	const char *reason;
};

static void cleanup_search(struct search *s)
{
	free(s->slot);
	free(s->hold);
	config_set__reset(&s->now);
	config_set__reset(&s->next);
	config_set__reset(&s->seen);
}

static bool is_done(const struct config *c, size_t slot)
{
	return c->done[slot / 64] >> (slot % 64) & 1;
}

static void set_done(struct config *c, size_t slot)
{
	c->done[slot / 64] |= 1ULL << (slot % 64);
}

static void clear_done(struct config *c, size_t slot)
{
	c->done[slot / 64] &= ~(1ULL << (slot % 64));
}

/* ---- the objects ---- */

static bool apply(const struct search *s, int64_t *state, const struct check_op *o)
{
	int64_t v = o->value;

	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		return *state == (s->c == CHECKER_COUNTER && v == CHECK_NIL ? 0 : v);
	case CHECK_WRITE:
		*state = v;
		return true;
	case CHECK_CAS:
		if (*state != o->arg)
			return false;
		*state = v;
		return true;
	case CHECK_ADD:
		*state = (int64_t)((uint64_t)*state + (uint64_t)o->arg);
		return v == CHECK_NIL || o->complete_ns == T_INF || v == *state;
	case CHECK_ACQUIRE:
		if (*state != CHECK_NIL)
			return false;
		*state = v;
		return true;
	case CHECK_RELEASE:
		if (*state != v)
			return false;
		*state = CHECK_NIL;
		return true;
	case CHECK_EXPIRE:
		if (*state == v)
			*state = CHECK_NIL;
		return true;
	case CHECK_CONTAINS:
	case CHECK_PUSH:
	case CHECK_POP:
		break;
	}
	return false;
}

/* A release without an answer of a hold that is not, and will not come. */
static bool is_moot(const struct search *s, const struct config *c, size_t op)
{
	const struct check_op *o = &s->ops[op];
	size_t hold = s->hold[op];

	if (!search__ends_hold(o) || o->complete_ns != T_INF || c->state == o->value ||
	    hold == NONE)
		return false;
	if (hold == SEARCH_NEVER)
		return true;
	if (s->ops[hold].invoke_ns > o->invoke_ns)
		return false;
	return s->slot[hold] == NONE || is_done(c, s->slot[hold]);
}

/* True: a read took effect. */
static bool settle(const struct search *s, struct config *c)
{
	bool read = false;

	for (size_t i = 0; i < s->n_slots; i++) {
		size_t op = s->open[i];
		int64_t state = c->state;

		if (op == NONE || is_done(c, i))
			continue;
		if (s->ops[op].kind == CHECK_READ && apply(s, &state, &s->ops[op])) {
			set_done(c, i);
			read = true;
		} else if (is_moot(s, c, op)) {
			set_done(c, i);
		}
	}
	return read;
}

/* ---- events ---- */

static int put(struct search *s, struct config_set *to, const struct config *c)
{
	if (to->n >= s->max_configs) {
		s->reason = "bound reached: too many configurations to hold";
		return OUT_OF_BOUNDS;
	}
	return config_set__add(to, c);
}

static void swap(struct config_set *a, struct config_set *b)
{
	struct config_set old = *a;

	*a = *b;
	*b = old;
}

static void trim(struct search *s)
{
	while (s->n_slots && s->open[s->n_slots - 1] == NONE)
		s->n_slots--;
}

/* Operations without an answer that are done in all configurations need no slot. */
static int retire(struct search *s)
{
	uint64_t all[SLOT_WORDS];
	int r = 0;

	memset(all, 0xff, sizeof(all));
	for (size_t i = 0; i < s->now.n; i++)
		for (size_t w = 0; w < SLOT_WORDS; w++)
			all[w] &= s->now.v[i].done[w];
	for (size_t k = 0; k < s->n_slots; k++) {
		size_t op = s->open[k];
		uint64_t bit = 1ULL << (k % 64);

		if (op != NONE && s->ops[op].complete_ns == T_INF && all[k / 64] & bit) {
			s->slot[op] = NONE;
			s->open[k] = NONE;
		} else {
			all[k / 64] &= ~bit;
		}
	}
	trim(s);
	config_set__clear(&s->next);
	for (size_t i = 0; i < s->now.n && !r; i++) {
		struct config c = s->now.v[i];

		for (size_t w = 0; w < SLOT_WORDS; w++)
			c.done[w] &= ~all[w];
		r = put(s, &s->next, &c);
	}
	swap(&s->now, &s->next);
	return r;
}

static size_t free_slot(const struct search *s)
{
	size_t i = 0;

	while (i < s->n_slots && s->open[i] != NONE)
		i++;
	return i;
}

static int invoke(struct search *s, size_t op)
{
	size_t i = free_slot(s);
	int r = 0;

	if (i == SLOTS) {
		r = retire(s);
		if (r)
			return r;
		i = free_slot(s);
	}
	if (i == SLOTS) {
		s->reason = "bound reached: too many operations open at one time";
		return OUT_OF_BOUNDS;
	}
	s->open[i] = op;
	s->slot[op] = i;
	if (i == s->n_slots)
		s->n_slots++;
	config_set__clear(&s->next);
	for (size_t k = 0; k < s->now.n && !r; k++) {
		struct config c = s->now.v[k];

		settle(s, &c);
		r = put(s, &s->next, &c);
	}
	swap(&s->now, &s->next);
	return r;
}

static int put_led(struct search *s, struct config *c, size_t wanted)
{
	if (!is_done(c, wanted))
		return put(s, &s->seen, c);
	clear_done(c, wanted);
	return put(s, &s->next, c);
}

static bool spend_step(struct search *s)
{
	if (s->steps++ < s->max_steps)
		return true;
	s->reason = "bound reached: too many orders to try";
	return false;
}

/* Does it matter to @o that the state is @state? Reads are seen to by settle(). */
static bool needs_state(const struct check_op *o, int64_t state)
{
	return (o->kind == CHECK_CAS && o->arg == state) ||
	       (search__ends_hold(o) && o->value == state) ||
	       (o->kind == CHECK_ACQUIRE && state == CHECK_NIL);
}

/*
 * @c is what an operation without an answer has made. It need not have happened but for one that
 * saw it, and not before just then: so one of those comes next.
 */
static int follow(struct search *s, const struct config *c, size_t wanted)
{
	struct config seen = *c;
	int r = settle(s, &seen) ? put_led(s, &seen, wanted) : 0;

	for (size_t i = 0; i < s->n_slots && !r; i++) {
		struct config to = *c;

		if (s->open[i] == NONE || is_done(c, i) ||
		    !needs_state(&s->ops[s->open[i]], c->state))
			continue;
		if (!spend_step(s))
			return OUT_OF_BOUNDS;
		if (!apply(s, &to.state, &s->ops[s->open[i]]))
			continue;
		set_done(&to, i);
		settle(s, &to);
		r = put_led(s, &to, wanted);
	}
	return r;
}

/* Lead @c on by one open operation, every one that is possible. */
static int lead(struct search *s, struct config c, size_t wanted)
{
	int r = 0;

	for (size_t i = 0; i < s->n_slots && !r; i++) {
		struct config to = c;

		if (s->open[i] == NONE || is_done(&c, i))
			continue;
		if (!spend_step(s))
			return OUT_OF_BOUNDS;
		if (!apply(s, &to.state, &s->ops[s->open[i]]))
			continue;
		set_done(&to, i);
		if (s->ops[s->open[i]].complete_ns == T_INF && s->c != CHECKER_COUNTER) {
			r = follow(s, &to, wanted);
			continue;
		}
		settle(s, &to);
		r = put_led(s, &to, wanted);
	}
	return r;
}

static int complete(struct search *s, size_t op)
{
	size_t slot = s->slot[op];
	int r = 0;

	config_set__clear(&s->next);
	config_set__clear(&s->seen);
	for (size_t i = 0; i < s->now.n && !r; i++) {
		struct config c = s->now.v[i];

		if (!is_done(&c, slot)) {
			r = put(s, &s->seen, &c);
			continue;
		}
		clear_done(&c, slot);
		r = put(s, &s->next, &c);
	}
	for (size_t i = 0; i < s->seen.n && !r; i++)
		r = lead(s, s->seen.v[i], slot);
	s->open[slot] = NONE;
	s->slot[op] = NONE;
	trim(s);
	swap(&s->now, &s->next);
	return r;
}

/* ---- all of it ---- */

static void violation(struct search *s, size_t op, struct finding *ret)
{
	size_t *core = calloc(s->n + 1, sizeof(*core)), n = 0;

	for (size_t i = 0; core && i < s->n; i++)
		if (s->ops[i].invoke_ns <= s->ops[op].complete_ns)
			core[n++] = i;
	if (core)
		finding__add(ret, s->ops[op].complete_ns, core, n);
	ret->failed |= !core;
	free(core);
}

/* Operations invoked at the instant in which another completes come first: they may be before it. */
static int run(struct search *s, const size_t *in, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *out = calloc(n + 1, sizeof(*out));
	size_t a = 0, b = 0;
	int r = 0;

	if (!out)
		return -ENOMEM;
	memcpy(out, in, n * sizeof(*out));
	qsort_r(out, n, sizeof(*out), by_complete, (void *)s->ops);
	while (!r && b < n && s->ops[out[b]].complete_ns != T_INF) {
		size_t op = out[b];

		if (a < n && s->ops[in[a]].invoke_ns <= s->ops[op].complete_ns) {
			r = invoke(s, in[a++]);
			continue;
		}
		r = complete(s, op);
		b++;
		if (!r && !s->now.n) {
			violation(s, op, ret);
			return 0;
		}
	}
	return r;
}

int search__check(enum checker c, const struct check_op *ops, size_t n,
		  const struct check_limits *l, struct finding *ret)
{
	_cleanup_(cleanup_search) struct search s = {
		.c = c,
		.ops = ops,
		.n = n,
		.max_steps = l && l->steps ? l->steps : CHECK_STEPS,
		.max_configs = l && l->configs ? l->configs : CHECK_CONFIGS,
	};
	_cleanup_free_ size_t *in = calloc(n + 1, sizeof(*in));
	struct config start = {.state = c == CHECKER_COUNTER ? 0 : CHECK_NIL};
	size_t m = 0;
	int r;

	s.slot = calloc(n + 1, sizeof(*s.slot));
	s.hold = calloc(n + 1, sizeof(*s.hold));
	if (!in || !s.slot || !s.hold)
		return -ENOMEM;
	for (size_t i = 0; i < SLOTS; i++)
		s.open[i] = NONE;
	for (size_t i = 0; i < n; i++)
		s.slot[i] = NONE;
	r = search__leave_out(c, ops, n, in, &m);
	r = r ? r : search__find_holds(ops, n, s.hold);
	r = r ? r : put(&s, &s.now, &start);
	if (!r) {
		qsort_r(in, m, sizeof(*in), by_invoke, (void *)ops);
		r = run(&s, in, m, ret);
	}
	if (r != OUT_OF_BOUNDS)
		return r;
	ret->verdict = CHECK_OPEN;
	ret->reason = s.reason;
	return 0;
}
