// SPDX-License-Identifier: GPL-2.0-only
/* load_op.c: one operation of a workload: its attempts, and what is counted and recorded of each. */
#include "lib/cleanup.h"
#include "recorder/fields.h"
#include "recorder/load_state.h"

#include <string.h>

const char *const outcome_names[] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_FAIL] = "fail",
	[OUTCOME_UNKNOWN] = "unknown",
};

void answer__error(struct answer *a, enum outcome outcome, const char *text, size_t len)
{
	size_t n = len < sizeof(a->error) - 1 ? len : sizeof(a->error) - 1;

	a->outcome = outcome;
	memcpy(a->error, text, n);
	a->error[n] = '\0';
}

static const char *errno_text(int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return "no answer within the time limit";
	case -ECONNRESET:
		return "the server closed the connection";
	case -EPROTO:
		return "the answer is not in the system's protocol";
	case -EMSGSIZE:
		return "the answer is too long";
	default:
		return strerror(-r);
	}
}

void answer__errno(struct answer *a, int r, bool sent)
{
	const char *text = errno_text(r);

	answer__error(a, sent ? OUTCOME_UNKNOWN : OUTCOME_FAIL, text, strlen(text));
}

bool operation__is_late(const struct client *c, struct operation *op, int64_t now)
{
	static const char late[] = "not sent: the client was still waiting for earlier answers";
	static const char gone[] = "not sent: the client's pod or container was gone";
	const struct load *l = c->load;
	const char *why = op->intended_ns < c->place->back_ns ? gone : late;

	/* a closed client waits for nothing but its own thinking */
	if (l->pacing.mode == LOAD_CLOSED || op->attempt || now - op->intended_ns <= l->timeout_ns)
		return false;
	op->return_ns = now;
	answer__error(&op->answer, OUTCOME_FAIL, why, strlen(why));
	return true;
}

static void record(const struct client *c, const struct operation *op)
{
	struct recorder *r = c->load->recorder;
	int64_t t0;
	json_t *o;

	if (!r)
		return;
	t0 = recorder__t0(r);
	o = json_object();
	fields__text(o, "workload", c->load->name);
	fields__int(o, "client", c->index);
	fields__text(o, "node", c->place->node);
	fields__text(o, "op", op->verb);
	fields__int(o, "intent", (int64_t)op->intent);
	if (op->attempt)
		fields__int(o, "attempt", op->attempt);
	if (op->value == NOTHING)
		fields__null(o, "value");
	else
		fields__int(o, "value", op->value);
	if (op->more)
		json_object_update(o, op->more);
	fields__int(o, "intended_ns", op->intended_ns - t0);
	if (op->invoke_ns)
		fields__int(o, "invoke_ns", op->invoke_ns - t0);
	else
		fields__null(o, "invoke_ns");
	fields__int(o, "return_ns", op->return_ns - t0);
	fields__text(o, "outcome", outcome_names[op->answer.outcome]);
	if (op->is_read && op->answer.outcome == OUTCOME_OK)
		fields__bool(o, "found", op->answer.found);
	if (op->answer.outcome != OUTCOME_OK)
		fields__text(o, "error", op->answer.error);
	recorder__event(r, "op", op->return_ns, o);
}

static void count(struct place *p, const struct operation *op)
{
	if (op->is_read) {
		p->reads++;
		return;
	}
	p->attempted++;
	if (op->answer.outcome == OUTCOME_OK)
		p->acked++;
	else if (op->answer.outcome == OUTCOME_FAIL)
		p->failed++;
	else
		p->unknown++;
}

/* For the live display. */
static void measure_recent(struct load_stats *s, const struct operation *op)
{
	int64_t second = op->return_ns / NS_PER_S;
	struct load_second *now = &s->recent[second & 1];

	if (now->second != second) {
		memset(now, 0, sizeof(*now));
		now->second = second;
	}
	hist__add(&now->intended, op->return_ns - op->intended_ns);
	hist__add(&now->service, op->return_ns - op->invoke_ns);
}

static void measure(struct load *l, const struct operation *op, int64_t due_ns)
{
	struct load_stats *s = l->stats;

	pthread_mutex_lock(&l->stats_lock);
	s->intents += op->attempt == 0;
	if (op->invoke_ns) {
		s->attempts++;
		hist__add(&s->lateness, op->invoke_ns - due_ns);
	} else {
		s->late++;
	}
	if (op->answer.outcome == OUTCOME_OK) {
		hist__add(&s->intended, op->return_ns - op->intended_ns);
		hist__add(&s->service, op->return_ns - op->invoke_ns);
		measure_recent(s, op);
	}
	pthread_mutex_unlock(&l->stats_lock);
}

void operation__done(struct client *c, struct operation *op, int64_t due_ns)
{
	count(c->place, op);
	measure(c->load, op, due_ns);
	record(c, op);
	json_decref(op->more);
	op->more = NULL;
}

void operation__begin(struct client *c, struct operation *op, uint64_t intent, int64_t intended_ns)
{
	*op = (struct operation){.intent = intent, .intended_ns = intended_ns, .value = NOTHING};
	if (c->load->retry.budget > 0)
		budget__deposit(&c->load->budget, c->load->retry.budget);
}

static void count_refusal(struct load *l, uint64_t *counter)
{
	pthread_mutex_lock(&l->stats_lock);
	(*counter)++;
	pthread_mutex_unlock(&l->stats_lock);
}

bool operation__again(struct client *c, struct operation *op, int64_t *ret_due_ns)
{
	struct load *l = c->load;
	const struct answer *a = &op->answer;

	if (l->retry.policy == RETRY_NONE || a->outcome == OUTCOME_OK || a->refused ||
	    !op->invoke_ns || (a->outcome == OUTCOME_UNKNOWN && !op->again))
		return false;
	if (op->attempt + 1 >= l->retry.attempts) {
		count_refusal(l, &l->stats->exhausted);
		return false;
	}
	if (!budget__take(&l->budget, l->retry.budget)) {
		count_refusal(l, &l->stats->over_budget);
		return false;
	}
	*ret_due_ns = op->return_ns + retry__delay_ns(&l->retry, op->attempt, &c->rng);
	op->attempt++;
	op->invoke_ns = 0;
	op->answer = (struct answer){.outcome = OUTCOME_OK};
	return true;
}
