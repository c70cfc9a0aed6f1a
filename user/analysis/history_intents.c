// SPDX-License-Identifier: GPL-2.0-only
/*
 * history_intents.c: attempts and what they were for. A client that retries sends one intent
 * several times; each attempt is an event. Checkers and the accounting of writes must see the
 * intent: a value that was sent three times was wanted once, and if any attempt was acknowledged
 * the client was told that it is there. So the attempts of an intent become one operation:
 *
 *   invoked with its first attempt, returned with its last; due when the first was due;
 *   ok if any attempt is ok, else unknown if any is unknown, else fail;
 *   client, node, value and the rest as in the first attempt that has this outcome (fail: the
 *   last attempt, whose error is the one that the client was left with).
 *
 * An operation without an intent (records of earlier versions) was tried once.
 */
#include "analysis/history_reader.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

/* The number of a key that is a word; each word gets one of its own. */
static int key_number(struct reader *rd, const char *word, int *ret)
{
	struct history_names *keys = &rd->h->keys;
	const json_t *known;
	void *slot;

	if (!rd->keys.index)
		rd->keys.index = json_object();
	known = json_object_get(rd->keys.index, word);
	if (known) {
		*ret = (int)json_integer_value(known);
		return 0;
	}
	if (keys->n >= INT_MAX - HISTORY_KEY_MAX - 1)
		return line__bad(rd, "`key`: too many different ones");
	slot = line__add(&keys->v, keys->n, &rd->cap_keys, sizeof(*keys->v));
	if (!slot)
		return -ENOMEM;
	keys->v[keys->n] = line__keep(rd, word);
	if (!keys->v[keys->n])
		return -ENOMEM;
	*ret = HISTORY_KEY_MAX + 1 + (int)keys->n++;
	return json_object_set_new_nocheck(rd->keys.index, word, json_integer(*ret)) < 0 ? -ENOMEM
											 : 0;
}

static int key_of(struct reader *rd, const json_t *o, int *ret)
{
	const json_t *v = json_object_get(o, "key");
	int64_t key = 0;
	int r;

	if (json_is_string(v))
		return key_number(rd, json_string_value(v), ret);
	if (v && !json_is_integer(v) && !json_is_null(v))
		return line__bad(rd, "`key`: expected an integer or a string");
	r = line__int(rd, o, "key", OPTIONAL, 0, HISTORY_KEY_MAX, &key);
	*ret = key == HISTORY_NONE ? HISTORY_KEY_NONE : (int)key;
	return r;
}

int intents__attempt(struct reader *rd, const json_t *o, struct history_op *x)
{
	struct history_attempt *a = ADD(rd, attempts);
	int64_t attempt = 0, status = 0;
	int r;

	if (!a)
		return -ENOMEM;
	r = line__int(rd, o, "intent", OPTIONAL, -HISTORY_N_MAX, HISTORY_N_MAX, &x->intent);
	r = r ? r : line__int(rd, o, "attempt", OPTIONAL, 0, INT_MAX, &attempt);
	r = r ? r : line__int(rd, o, "status", OPTIONAL, 0, 999, &status);
	r = r ? r : line__bool(rd, o, "conn", OPTIONAL, &a->conn);
	r = r ? r : key_of(rd, o, &a->key);
	if (r)
		return r;
	x->key = a->key == HISTORY_KEY_NONE ? 0 : a->key;
	x->attempts = x->invoke_ns != HISTORY_NONE;
	x->service_ns = x->attempts ? x->return_ns - x->invoke_ns : HISTORY_NONE;
	a->intended_ns = x->intended_ns;
	a->invoke_ns = x->invoke_ns;
	a->return_ns = x->return_ns;
	a->intent = x->intent;
	a->workload = x->workload;
	a->client = x->client;
	a->node = x->node;
	a->attempt = attempt == HISTORY_NONE ? 0 : (int)attempt;
	a->status = status == HISTORY_NONE ? 0 : (int)status;
	a->outcome = x->outcome;
	rd->h->n_attempts += x->invoke_ns != HISTORY_NONE;
	return 0;
}

/* ---- one operation of each intent ---- */

/* Attempts of an intent together, in the order in which they ended. */
static int by_intent(const void *a, const void *b)
{
	const struct history_op *x = a, *y = b;
	int r = CMP(x->workload, y->workload);

	r = r ? r : CMP(x->intent, y->intent);
	r = r ? r : CMP(x->return_ns, y->return_ns);
	r = r ? r : CMP(x->invoke_ns, y->invoke_ns);
	r = r ? r : CMP(x->outcome, y->outcome);
	return r ? r : CMP(x->value, y->value);
}

static bool same_intent(const struct history_op *a, const struct history_op *b)
{
	return a->intent != HISTORY_NONE && a->intent == b->intent && a->workload == b->workload;
}

static int rank_of(enum op_outcome o)
{
	return o == OP_OK ? 2 : o == OP_UNKNOWN;
}

/* @v: n >= 1 attempts of one intent, in the order in which they ended. */
static struct history_op merged(const struct history_op *v, size_t n)
{
	const struct history_op *says = &v[0];
	struct history_op op;

	for (size_t i = 1; i < n; i++)
		if (rank_of(v[i].outcome) > rank_of(says->outcome) ||
		    (v[i].outcome == OP_FAIL && says->outcome == OP_FAIL))
			says = &v[i];
	op = *says;
	op.attempts = 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].intended_ns < op.intended_ns)
			op.intended_ns = v[i].intended_ns;
		if (v[i].invoke_ns != HISTORY_NONE &&
		    (op.invoke_ns == HISTORY_NONE || v[i].invoke_ns < op.invoke_ns))
			op.invoke_ns = v[i].invoke_ns;
		op.attempts += v[i].attempts;
	}
	op.return_ns = v[n - 1].return_ns;
	return op;
}

int intents__merge(struct history *h)
{
	size_t n = 0;
	bool retried = false;

	for (size_t i = 0; i < h->n_ops && !retried; i++)
		retried = h->ops[i].intent != HISTORY_NONE;
	if (!retried)
		return 0;
	qsort(h->ops, h->n_ops, sizeof(*h->ops), by_intent);
	for (size_t i = 0, next; i < h->n_ops; i = next) {
		for (next = i + 1; next < h->n_ops && same_intent(&h->ops[i], &h->ops[next]);)
			next++;
		h->ops[n++] = merged(&h->ops[i], next - i);
	}
	h->n_ops = n;
	return 0;
}
