// SPDX-License-Identifier: GPL-2.0-only
/* Clients of described systems: programs and servers that answer, lie, hang, end. */
#include "fake.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_internal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Long enough for a shell on a busy machine; what hangs hangs for this. */
#define LIMIT_NS (10 * NS_PER_S)
#define SHORT_NS (60 * NS_PER_MS)

#define P(s) ((char *)(s))

struct world {
	struct custom_workload w;
	struct custom_exchange x[4];
	struct store_spec spec;
	void *store;
};

static const struct workload_login no_login;

/* A register whose operations are @x. */
static void open_world(struct world *o)
{
	o->w.exchanges = o->x;
	o->w.n_exchanges = ARRAY_SIZE(o->x);
	for (size_t i = 0; i < ARRAY_SIZE(o->x); i++)
		if (!o->x[i].check)
			o->x[i].check = o->x[i].action = "";
	o->spec.ip = "127.0.0.1";
	o->spec.name = "w";
	o->spec.object = OBJECT_REGISTER;
	o->spec.client = 7;
	o->spec.login = &no_login;
	o->spec.custom = &o->w;
	assert_int_equal(0, store__open(&store_custom, &o->spec, &o->store));
}

static void close_world(struct world *o)
{
	store_custom.close(o->store);
}

static struct answer act(struct world *o, enum action action, int64_t value, int64_t limit_ns)
{
	struct request rq = {.action = action,
			     .object = OBJECT_REGISTER,
			     .key = 3,
			     .value = value,
			     .expect = NOTHING};
	struct answer a = {0};

	store_custom.act(o->store, &rq, clock__now() + limit_ns, &a);
	return a;
}

/* One command as a write. */
static struct answer command(const char *line, const char *ok, const char *fail, int64_t limit_ns)
{
	struct world o = {.x = {{.check = "register",
				 .action = "write",
				 .via = VIA_COMMAND,
				 .text = P(line),
				 .sh = true,
				 .patterns = {[CUSTOM_OK] = P(ok), [CUSTOM_FAIL] = P(fail)}}}};
	struct answer a;

	open_world(&o);
	a = act(&o, ACTION_WRITE, 5, limit_ns);
	close_world(&o);
	return a;
}

static void test_commands(void **state)
{
	struct answer a;

	(void)state;
	assert_int_equal(OUTCOME_OK, command("true", NULL, NULL, LIMIT_NS).outcome);
	assert_int_equal(OUTCOME_OK, command("echo ${key}=${value} by ${client} of ${workload}",
					     "^3=5 by 7 of w$", NULL, LIMIT_NS)
					     .outcome);
	/* what it did before it failed nobody knows */
	a = command("echo partly; exit 3", NULL, NULL, LIMIT_NS);
	assert_int_equal(OUTCOME_UNKNOWN, a.outcome);
	assert_string_equal(a.error, "exit status 3: partly");
	assert_int_equal(OUTCOME_UNKNOWN,
			 command("echo done; exit 1", "done", NULL, LIMIT_NS).outcome);
	assert_int_equal(OUTCOME_UNKNOWN, command("echo what", "done", NULL, LIMIT_NS).outcome);
	assert_int_equal(OUTCOME_UNKNOWN, command("kill -9 $$$$", NULL, NULL, LIMIT_NS).outcome);
	/* stderr counts, and a word of failure is one whatever the exit status */
	a = command("echo read-only >&2; exit 1", "done", "^read-only", LIMIT_NS);
	assert_int_equal(OUTCOME_FAIL, a.outcome);
	assert_string_equal(a.error, "read-only");
	a = command("sleep 100", NULL, NULL, SHORT_NS);
	assert_int_equal(OUTCOME_UNKNOWN, a.outcome);
	assert_string_equal(a.error, "no answer within the time limit");
	/* a template that is wrong sends nothing */
	assert_int_equal(OUTCOME_FAIL, command("echo ${nobody}", NULL, NULL, LIMIT_NS).outcome);
}

static void test_no_such_program(void **state)
{
	struct world o = {.x = {{.check = "register",
				 .action = "write",
				 .via = VIA_COMMAND,
				 .text = P("/nonexistent/program ${value}")}}};

	(void)state;
	open_world(&o);
	assert_int_equal(OUTCOME_FAIL, act(&o, ACTION_WRITE, 5, LIMIT_NS).outcome);
	close_world(&o);
}

/* Answers a line for each; "sleep" and "exit" are what it does instead. */
static const char script[] =
	"echo hello; while read -r verb value; do case $$verb in "
	"set) v=$$value; echo stored $$value;; get) echo value $$v;; none) echo nothing;; "
	"exit) exit;; hang) sleep 100;; esac; done";

static struct world session(const char *write)
{
	return (struct world){.w = {.session = P(script), .session_sh = true, .ready = P("^hello")},
			      .x = {{.check = "register",
				     .action = "write",
				     .via = VIA_SEND,
				     .text = P(write),
				     .patterns = {[CUSTOM_OK] = P("^stored ${value}$")}},
				    {.check = "register",
				     .action = "read",
				     .via = VIA_SEND,
				     .text = P("get\\n"),
				     .patterns = {[CUSTOM_OK] = P("^value ?([0-9]*)$"),
						  [CUSTOM_NONE] = P("^nothing")}}}};
}

static void test_session(void **state)
{
	struct world o = session("set ${value}\\n");
	struct answer a;

	(void)state;
	open_world(&o);
	assert_int_equal(NOTHING, act(&o, ACTION_READ, NOTHING, LIMIT_NS).value);
	assert_int_equal(OUTCOME_OK, act(&o, ACTION_WRITE, 41, LIMIT_NS).outcome);
	/* the same program: it knows */
	a = act(&o, ACTION_READ, NOTHING, LIMIT_NS);
	assert_int_equal(OUTCOME_OK, a.outcome);
	assert_int_equal(41, a.value);
	close_world(&o);
}

static void test_session_that_hangs(void **state)
{
	struct world o = session("hang ${value}\\n");
	struct answer a;

	(void)state;
	open_world(&o);
	assert_int_equal(OUTCOME_OK, act(&o, ACTION_READ, NOTHING, LIMIT_NS).outcome);
	a = act(&o, ACTION_WRITE, 5, SHORT_NS);
	assert_int_equal(OUTCOME_UNKNOWN, a.outcome);
	assert_string_equal(a.error, "no answer within the time limit");
	/* begun anew */
	a = act(&o, ACTION_READ, NOTHING, LIMIT_NS);
	assert_int_equal(OUTCOME_OK, a.outcome);
	assert_int_equal(NOTHING, a.value);
	close_world(&o);
}

static void test_session_that_ends(void **state)
{
	struct world o = session("exit\\n");
	struct answer a;

	(void)state;
	open_world(&o);
	assert_int_equal(OUTCOME_UNKNOWN, act(&o, ACTION_WRITE, 5, LIMIT_NS).outcome);
	assert_int_equal(OUTCOME_OK, act(&o, ACTION_READ, NOTHING, LIMIT_NS).outcome);
	close_world(&o);
	/* before it was ready: nothing was sent */
	o = session("set ${value}\\n");
	o.w.session = P("echo no server; exit 1");
	open_world(&o);
	a = act(&o, ACTION_WRITE, 5, LIMIT_NS);
	assert_int_equal(OUTCOME_FAIL, a.outcome);
	assert_string_equal(a.error, "no server");
	close_world(&o);
	o.w.session = P("sleep 100");
	open_world(&o);
	assert_int_equal(OUTCOME_FAIL, act(&o, ACTION_WRITE, 5, SHORT_NS).outcome);
	close_world(&o);
}

static struct answer by_tcp(struct fake *f, int64_t limit_ns)
{
	struct world o = {
		.w = {.port = f->port},
		.x = {{.check = "register",
		       .action = "write",
		       .via = VIA_SEND,
		       .text = P("set ${value}\\r\\n"),
		       .patterns = {[CUSTOM_OK] = P("^\\+OK"), [CUSTOM_FAIL] = P("^-READONLY")}}}};
	struct answer a;

	open_world(&o);
	a = act(&o, ACTION_WRITE, 5, limit_ns);
	close_world(&o);
	return a;
}

static void test_tcp(void **state)
{
	static const struct {
		void (*serve)(struct fake *f, int fd);
		const char *answer;
		enum outcome outcome;
	} cases[] = {
		{fake__answer, "+OK\r\n", OUTCOME_OK},
		{fake__answer, "-READONLY no\r\n", OUTCOME_FAIL},
		{fake__answer, "+OK", OUTCOME_UNKNOWN}, /* not a whole line */
		{fake__answer, "-ERR what\r\n", OUTCOME_UNKNOWN},
		{fake__silent, "", OUTCOME_UNKNOWN},
		{fake__hang_up, "", OUTCOME_UNKNOWN},
		{fake__flood, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		 OUTCOME_UNKNOWN},
		{fake__flood, "\n\n\n\n\n\n\n\n\n", OUTCOME_UNKNOWN},
	};
	struct fake nobody = {.port = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake f = {.serve = cases[i].serve,
				 .answer = cases[i].answer,
				 .answer_len = strlen(cases[i].answer)};
		struct answer a;

		assert_int_equal(0, fake__start(&f));
		a = by_tcp(&f, cases[i].outcome == OUTCOME_UNKNOWN ? SHORT_NS : LIMIT_NS);
		fake__end(&f);
		if (a.outcome != cases[i].outcome)
			fail_msg("case %zu: outcome %d, %s", i, a.outcome, a.error);
	}
	assert_int_equal(OUTCOME_FAIL, by_tcp(&nobody, LIMIT_NS).outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),	  cmocka_unit_test(test_no_such_program),
		cmocka_unit_test(test_session),		  cmocka_unit_test(test_session_that_hangs),
		cmocka_unit_test(test_session_that_ends), cmocka_unit_test(test_tcp),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
