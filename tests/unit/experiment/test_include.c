// SPDX-License-Identifier: GPL-2.0-only
/* `systems: FILE`: files that are right, that are not there, and that are no systems. */
#include "experiment/experiment.h"
#include "lib/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                  \
	"apiVersion: netchaos.dev/v1alpha1\n" \
	"kind: Experiment\n"                  \
	"spec:\n"                             \
	"  duration: 1s\n"                    \
	"  lab: {nodes: {a: {}, b: {}}}\n"    \
	"  faults: [{at: 1ms, for: 1ms, partition: {isolate: a}}]\n"

/* Stands for a folder of files. */
static const struct {
	const char *path, *text;
} files[] = {
	{"dir/two.yaml", "- {name: one, command: x, leader: y}\n"
			 "- name: two\n"
			 "  http: \"http://${ip}:1/\"\n"
			 "  leader: '^l$'\n"
			 "  epoch: 'e(.)'\n"},
	{"dir/sub/single.yaml", "{name: three, command: x, leader: y}\n"},
	{"/abs.yaml", "- {name: four, command: x, leader: y}\n"},
	{"dir/bad.yaml", "# a comment\n- {name: five, comand: x, leader: y}\n"},
	{"dir/syntax.yaml", "- {name: [}\n"},
	{"dir/empty.yaml", "# nothing\n"},
	{"dir/documents.yaml", "- {name: five, command: x, leader: y}\n---\n[]\n"},
	{"dir/scalar.yaml", "two.yaml\n"},
	{"dir/cycle.yaml", "- cycle.yaml\n- {name: five, command: x, leader: y}\n"},
	{"dir/again.yaml",
	 "- {name: ok, command: x, leader: y}\n\n- {name: one, command: x, leader: y}\n"},
};

static int n_read;

static int read_file(const char *path, void *arg, char **ret_text, size_t *ret_len,
		     struct error *err)
{
	assert_ptr_equal(arg, files);
	n_read++;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(path, files[i].path) != 0)
			continue;
		*ret_text = strdup(files[i].text);
		*ret_len = strlen(files[i].text);
		return 0;
	}
	if (!strcmp(path, "dir/big.yaml")) {
		*ret_text = calloc(1, EXPERIMENT_MAX_BYTES);
		*ret_len = EXPERIMENT_MAX_BYTES;
		return 0;
	}
	return err__set(err, -ENOENT, "No such file or directory");
}

static int parse(const char *systems, struct experiment **e, struct error *err)
{
	static const struct experiment_source source = {.read = read_file, .arg = (void *)files};
	_cleanup_free_ char *text = NULL;

	n_read = 0;
	assert_true(asprintf(&text, "%s  systems: %s\n", HEAD, systems) > 0);
	return experiment__parse_with("dir/f.yaml", text, strlen(text), 1, &source, e, err);
}

static void test_files(void **state)
{
	static const struct {
		const char *systems, *names;
	} cases[] = {
		{"two.yaml", "one two "},
		{"[two.yaml]", "one two "},
		{"sub/single.yaml", "three "},
		{"[/abs.yaml, {name: own, command: x, leader: y}, sub/single.yaml, two.yaml]",
		 "four own three one two "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cleanup_experiment) struct experiment *e = NULL, *again = NULL;
		struct error err = {0};
		char names[64] = "";

		if (parse(cases[i].systems, &e, &err))
			fail_msg("%s:\n%s", cases[i].systems, err.msg);
		for (size_t k = 0; k < e->n_systems; k++)
			strcat(strcat(names, e->systems[k].name), " ");
		assert_string_equal(cases[i].names, names);
		/* What the run folder keeps needs no file. */
		if (experiment__parse("g", e->resolved, strlen(e->resolved), 1, &again, &err))
			fail_msg("%s\n%s", err.msg, e->resolved);
		assert_int_equal(e->n_systems, again->n_systems);
		assert_string_equal(e->resolved, again->resolved);
		for (size_t k = 0; k < e->n_systems; k++)
			assert_string_equal(e->systems[k].leader_re, again->systems[k].leader_re);
	}
}

static void test_findings(void **state)
{
	static const struct {
		const char *systems, *expected;
	} cases[] = {
		{"none.yaml", "dir/f.yaml:7:12: dir/none.yaml: No such file or directory; expected "
			      "a file with a list of systems"},
		{"[two.yaml, none.yaml]", "dir/f.yaml:7:23: dir/none.yaml: No such file or "
					  "directory; expected a file with a list of systems"},
		{"bad.yaml",
		 "dir/bad.yaml:2:3: 0 kinds of exchange; expected one of command, http, tcp\n"
		 "dir/bad.yaml:2:16: unknown key `comand`; did you mean `command`?"},
		{"documents.yaml",
		 "dir/documents.yaml:3:1: a second document; expected one in a file"},
		{"empty.yaml", "dir/empty.yaml:2:1: the file is empty; expected a list of systems"},
		{"scalar.yaml", "dir/scalar.yaml:1:1: found `two.yaml`; expected a system: a file "
				"of systems names no file"},
		{"cycle.yaml", "dir/cycle.yaml:1:3: found `cycle.yaml`; expected a system: a file "
			       "of systems names no file"},
		{"[two.yaml, again.yaml]", "dir/again.yaml:3:10: a second system called `one`; the "
					   "first is on line 1 of dir/two.yaml"},
		{"[two.yaml, two.yaml]", "dir/two.yaml:1:10: a second system called `one`; the "
					 "first is on line 1 of dir/two.yaml\n"
					 "dir/two.yaml:2:9: a second system called `two`; the "
					 "first is on line 2 of dir/two.yaml"},
		{"big.yaml", "dir/f.yaml:7:12: an experiment with its files of more than 1 MiB"},
		{"[]", "dir/f.yaml:7:12: empty list; expected a list of systems"},
		{"['']",
		 "dir/f.yaml:7:13: found ``; expected a system: name, command, http, tcp, leader, "
		 "candidate, follower, epoch, workload"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct experiment *e = NULL;
		struct error err = {0};
		int r = parse(cases[i].systems, &e, &err);

		if (r != -EINVAL || strcmp(err.msg, cases[i].expected) != 0)
			fail_msg("%s gave %d:\n%s\nexpected:\n%s", cases[i].systems, r, err.msg,
				 cases[i].expected);
	}
}

static void test_syntax(void **state)
{
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(-EINVAL, parse("syntax.yaml", &e, &err));
	assert_int_equal(0, strncmp(err.msg, "dir/syntax.yaml:1:", 18));
	assert_non_null(strstr(err.msg, "this is no YAML"));
}

static void test_too_many(void **state)
{
	char list[1024] = "[";
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(list, "none, ");
	assert_int_equal(-EINVAL, parse(strcat(list, "none]"), &e, &err));
	assert_int_equal(EXPERIMENT_MAX_FILES, n_read);
}

/* A text without a folder names no file. */
static void test_no_source(void **state)
{
	static const char text[] = HEAD "  systems: two.yaml\n";
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(-EINVAL, experiment__parse("f", text, strlen(text), 1, &e, &err));
	assert_string_equal(err.msg, "f:7:12: a file of systems; expected the systems: there is no "
				     "folder for it to be in");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	  cmocka_unit_test(test_findings),
		cmocka_unit_test(test_syntax),	  cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
