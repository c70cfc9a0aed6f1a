// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_history [OPERATIONS [KEYS]]: how long each checker takes for a history of that many operations
 * (1,000,000) that 8 clients did to some keys (16) of an object that works, and for the same with one
 * wrong answer at its end, which includes shrinking it to its witness; and the memory it takes, all
 * of the process and an operation, as the kernel counts it. Each in a process of its own.
 */
#include "check/check.h"
#include "lib/clock.h"
#include "lib/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CLIENTS 8
#define KEYS_MAX 1000

struct object {
	int64_t value, head, tail, *items;
};

/* What the object answers @o. */
static void answer(enum checker c, struct object *x, struct check_op *o, int64_t i)
{
	switch (c) {
	case CHECKER_REGISTER:
	case CHECKER_CAS:
		o->kind = i % 2 ? CHECK_READ : c == CHECKER_CAS ? CHECK_CAS : CHECK_WRITE;
		o->arg = x->value;
		x->value = o->kind == CHECK_READ ? x->value : i;
		o->value = x->value;
		break;
	case CHECKER_LOCK:
		o->kind = x->value == CHECK_NIL ? CHECK_ACQUIRE : CHECK_RELEASE;
		o->value = x->value == CHECK_NIL ? i : x->value;
		x->value = x->value == CHECK_NIL ? i : CHECK_NIL;
		break;
	case CHECKER_COUNTER:
		o->kind = i % 4 ? CHECK_ADD : CHECK_READ;
		o->arg = 1;
		x->value = x->value == CHECK_NIL ? 0 : x->value;
		x->value += o->kind == CHECK_ADD;
		o->value = i % 3 && o->kind == CHECK_ADD ? CHECK_NIL : x->value;
		break;
	case CHECKER_QUEUE:
	case CHECKER_FIFO:
		o->kind = x->tail - x->head < 50 && (i % 2 || x->head == x->tail) ? CHECK_PUSH
										  : CHECK_POP;
		o->value = o->kind == CHECK_PUSH ? i : x->items[x->head++];
		if (o->kind == CHECK_PUSH)
			x->items[x->tail++] = i;
		break;
	case CHECKER_SET:
		o->kind = i % 2 ? CHECK_ADD : CHECK_CONTAINS;
		o->value = i;
		break;
	case CHECKER_TOKEN:
	case CHECKER_FENCE:
		o->kind = c == CHECKER_TOKEN ? CHECK_ACQUIRE : CHECK_WRITE;
		o->value = i + 1;
		break;
	case CHECKER_AGREE:
	case CHECKER_COUNT:
		o->kind = CHECK_READ;
		o->value = 7;
		break;
	}
}

/* Clients take turns; each has its operation open while the others do theirs. */
static struct check_op *make(enum checker c, size_t n, size_t keys)
{
	struct check_op *ops = calloc(n + 1, sizeof(*ops));
	static struct object x[KEYS_MAX];
	struct rng r = rng__fork(1, c);

	for (size_t k = 0; k < keys; k++) {
		x[k] = (struct object){.value = CHECK_NIL, .items = calloc(n + 1, 8)};
		if (!ops || !x[k].items)
			exit(1);
	}
	for (size_t i = 0; i < n; i++) {
		struct check_op *o = &ops[i];
		int64_t at = (int64_t)i * 10;

		o->process = (int32_t)(i % CLIENTS);
		o->key = (uint32_t)rng__below(&r, keys);
		o->invoke_ns = at - (int64_t)rng__below(&r, 5 * CLIENTS);
		o->complete_ns = at + (int64_t)rng__below(&r, 5 * CLIENTS);
		answer(c, &x[o->key], o, (int64_t)i);
	}
	for (size_t k = 0; k < keys; k++)
		free(x[k].items);
	return ops;
}

/* Long after all, an answer of the beginning once more. */
static void plant(enum checker c, struct check_op *ops, size_t n)
{
	static const enum check_kind kinds[CHECKER_COUNT] = {
		[CHECKER_LOCK] = CHECK_RELEASE,	 [CHECKER_QUEUE] = CHECK_POP,
		[CHECKER_FIFO] = CHECK_POP,	 [CHECKER_SET] = CHECK_ADD,
		[CHECKER_TOKEN] = CHECK_ACQUIRE, [CHECKER_FENCE] = CHECK_WRITE,
	};
	struct check_op *o = &ops[n];
	size_t i = 0;

	while (ops[i].kind != kinds[c] || ops[i].value == CHECK_NIL)
		i++;
	*o = ops[i];
	o->invoke_ns = o->complete_ns = (int64_t)n * 10 + 1000;
	if (c == CHECKER_SET)
		o->kind = CHECK_CONTAINS; /* arg is 0: it was not there */
	if (c == CHECKER_AGREE)
		o->value++;
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void measure(enum checker c, size_t n, size_t keys, bool wrong)
{
	struct check_op *ops = make(c, n, keys);
	struct check_result res = {0};
	long before;
	int64_t t0;

	if (wrong)
		plant(c, ops, n++);
	before = peak_kib();
	t0 = clock__now();
	if (check__history(c, ops, n, NULL, NULL, &res, NULL))
		exit(1);
	printf("%-9s %-10s %8.2f s %8ld MiB %6ld B/op  %-8s %zu\n", checker__name(c),
	       wrong ? "one wrong" : "right", (double)(clock__now() - t0) / NS_PER_S,
	       peak_kib() / 1024, (peak_kib() - before) * 1024 / (long)n,
	       check_verdict__name(res.verdict), res.n_witness);
	fflush(stdout);
	check_result__free(&res);
	free(ops);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	size_t keys = argc > 2 ? strtoul(argv[2], NULL, 10) : 16;

	if (!n || !keys || keys > KEYS_MAX)
		return 2;
	printf("%zu operations, %zu bytes each, on %zu keys\n", n, sizeof(struct check_op), keys);
	printf("%-9s %-10s %10s %12s %11s  %-8s %s\n", "checker", "history", "time", "peak", "more",
	       "verdict", "witness");
	fflush(stdout);
	for (int i = 0; i < 2 * CHECKER_COUNT; i++) {
		pid_t child = fork();
		int status;

		if (!child) {
			measure((enum checker)(i / 2), n, keys, i % 2);
			exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status)
			return 1;
	}
	return 0;
}
