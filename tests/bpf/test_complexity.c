// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs cost the verifier, against complexity.baseline: a change that multiplies it shows here
 * before it shows as a program that an older kernel refuses. Read from the verifier's log, since
 * bpf_prog_info has it only from Linux 5.16 on.
 */
#include "harness.h"
#include "owner.skel.h"
#include "traffic.skel.h"

enum { LOG_STATS = 4, LOG_SIZE = 1 << 16, PROGRAMS_MAX = 8, BIN_NS = 10000000, SNAPLEN = 256 };

static unsigned int baseline_of(const char *program)
{
	FILE *f = fopen("tests/bpf/complexity.baseline", "re");
	unsigned int insns = 0, n;
	char line[256], name[64];

	if (!f)
		fail_msg("tests/bpf/complexity.baseline: run from the top of the tree");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %u", name, &n) == 2 && !strcmp(name, program))
			insns = n;
	fclose(f);
	return insns;
}

static unsigned int processed(const char *log)
{
	/* With global functions 5.x to 7.x give the sum in the last such line. */
	const char *at = strstr(log, "processed "), *next;
	unsigned int insns = 0;

	while (at && (next = strstr(at + 1, "\nprocessed ")))
		at = next + 1;
	if (!at || sscanf(at, "processed %u insns", &insns) != 1)
		fail_msg("no statistics in the verifier's log: %.200s", log);
	return insns;
}

/* The programs of @obj ask for the verifier's statistics. Returns how many there are. */
static size_t ask(struct bpf_object *obj, char *logs[PROGRAMS_MAX])
{
	struct bpf_program *prog;
	size_t n = 0;

	bpf_object__for_each_program(prog, obj)
	{
		assert_true(n < PROGRAMS_MAX);
		logs[n] = calloc(1, LOG_SIZE);
		assert_non_null(logs[n]);
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, logs[n++], LOG_SIZE);
	}
	return n;
}

static void compare(struct bpf_object *obj, char *logs[PROGRAMS_MAX])
{
	struct bpf_program *prog;
	size_t n = 0;

	bpf_object__for_each_program(prog, obj)
	{
		if (!bpf_program__autoload(prog)) {
			free(logs[n++]);
			continue;
		}
		unsigned int base = baseline_of(bpf_program__name(prog)), now = processed(logs[n]);

		free(logs[n++]);
		print_message("# %s: %u verified instructions, baseline %u\n",
			      bpf_program__name(prog), now, base);
		if (!base)
			fail_msg("complexity.baseline has no %s", bpf_program__name(prog));
		if (now > base + base * 4 / 10)
			fail_msg("%s: %u verified instructions, baseline %u",
				 bpf_program__name(prog), now, base);
	}
}

/* What the verifier said last of each program that it did not take. */
static void must_load(int r, struct bpf_object *obj, char *logs[PROGRAMS_MAX])
{
	struct bpf_program *prog;
	size_t n = 0;

	if (!r)
		return;
	bpf_object__for_each_program(prog, obj)
	{
		size_t len = strlen(logs[n]);

		print_message("# %s: %s\n", bpf_program__name(prog),
			      logs[n] + (len > 1500 ? len - 1500 : 0));
		n++;
	}
	fail_msg("the programs do not load: %s", strerror(-r));
}

static void test_hooks(void **state)
{
	struct chaos_bpf *skel = chaos_bpf__open();
	char *logs[PROGRAMS_MAX];

	(void)state;
	assert_non_null(skel);
	/* As where processes are told apart, traffic recorded and packets captured: that is the longest way. */
	skel->rodata->hook.flags = CHAOS_HOOK_OWNERS;
	skel->rodata->traffic_bin_ns = BIN_NS;
	skel->rodata->capture_snaplen = SNAPLEN;
	assert_int_equal(ask(skel->obj, logs), 3);
	must_load(chaos_bpf__load(skel), skel->obj, logs);
	compare(skel->obj, logs);
	chaos_bpf__destroy(skel);
}

static void test_line(void **state)
{
	struct line_bpf *line = line_bpf__open();
	char *logs[PROGRAMS_MAX];

	(void)state;
	assert_non_null(line);
	line->rodata->traffic_bin_ns = BIN_NS;
	line->rodata->capture_snaplen = SNAPLEN;
	assert_int_equal(ask(line->obj, logs), 4);
	must_load(line_bpf__load(line), line->obj, logs);
	compare(line->obj, logs);
	line_bpf__destroy(line);
}

static int load_owner(bool scan, char *logs[PROGRAMS_MAX], struct owner_bpf **ret)
{
	struct owner_bpf *owner = owner_bpf__open();
	int r;

	assert_non_null(owner);
	assert_int_equal(ask(owner->obj, logs), 4);
	bpf_program__set_autoload(owner->progs.owner_scan, scan);
	r = owner_bpf__load(owner);
	*ret = owner;
	return r;
}

/* Linux 5.10 cannot have owner_scan: it is then left out. */
static void test_owner(void **state)
{
	struct owner_bpf *owner;
	char *logs[PROGRAMS_MAX];

	(void)state;
	if (load_owner(true, logs, &owner)) {
		for (size_t i = 0; i < 4; i++)
			free(logs[i]);
		owner_bpf__destroy(owner);
		assert_int_equal(load_owner(false, logs, &owner), 0);
	}
	compare(owner->obj, logs);
	owner_bpf__destroy(owner);
}

static int load_traffic(bool drops, bool resets, char *logs[PROGRAMS_MAX], struct traffic_bpf **ret)
{
	struct traffic_bpf *t = traffic_bpf__open();

	assert_non_null(t);
	assert_int_equal(ask(t->obj, logs), 5);
	bpf_program__set_autoload(t->progs.traffic_drop, drops);
	bpf_program__set_autoload(t->progs.traffic_reset, resets);
	*ret = t;
	return traffic_bpf__load(t);
}

/* Before Linux 5.17 there is no reason for a drop, before 6.10 none for a reset. */
static void test_traffic(void **state)
{
	struct traffic_bpf *t;
	char *logs[PROGRAMS_MAX];
	int r = -1;

	(void)state;
	for (int without = 0; r && without < 3; without++) {
		r = load_traffic(without < 2, without < 1, logs, &t);
		for (size_t i = 0; r && i < 5; i++)
			free(logs[i]);
		if (r)
			traffic_bpf__destroy(t);
	}
	assert_int_equal(r, 0);
	compare(t->obj, logs);
	traffic_bpf__destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_hooks),
		bpf_test(test_line),
		bpf_test(test_owner),
		bpf_test(test_traffic),
	};

	return harness__main("complexity", tests, sizeof(tests) / sizeof(tests[0]));
}
