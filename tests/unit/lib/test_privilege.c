// SPDX-License-Identifier: GPL-2.0-only
#include "lib/privilege.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What is given up stays given up: each case in a process of its own. Its exit status. */
static int in_child(int (*f)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int give_all_up(void)
{
	if (privilege__limit(0) || privilege__held())
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	/* Not to be had again. */
	return privilege__restore() || privilege__held() ? 3 : 0;
}

static int keep_one(void)
{
	const uint64_t had = privilege__held();

	if (privilege__limit(CAP_BIT(CAP_NET_ADMIN)))
		return 1;
	if (privilege__held() != (had & CAP_BIT(CAP_NET_ADMIN)))
		return 2;
	if (geteuid() == 0 && (had & CAP_BIT(CAP_SETPCAP)) &&
	    prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		return 3;
	return 0;
}

static int put_aside(void)
{
	const uint64_t had = privilege__held();

	if (privilege__put_aside(CAP_BIT(CAP_BPF)))
		return 1;
	if (privilege__held() != (had & CAP_BIT(CAP_BPF)))
		return 2;
	return privilege__restore() || privilege__held() != had ? 3 : 0;
}

static int limit_runner(void)
{
	const uint64_t had = privilege__held();

	if (privilege__limit_runner(0) || privilege__held())
		return 1;
	if (privilege__restore())
		return 2;
	/* Root's programs stay root's. */
	return privilege__held() == (geteuid() == 0 ? had : 0) ? 0 : 3;
}

static int begin(void)
{
	privilege__begin();
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == (geteuid() != 0) ? 0 : 1;
}

static void test_given_up(void **state)
{
	(void)state;
	assert_int_equal(in_child(give_all_up), 0);
	assert_int_equal(in_child(keep_one), 0);
	assert_int_equal(in_child(limit_runner), 0);
	assert_int_equal(in_child(begin), 0);
}

static void test_put_aside(void **state)
{
	(void)state;
	assert_int_equal(in_child(put_aside), 0);
}

static int memory(void)
{
	privilege__close_memory();
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 1;
	privilege__open_memory();
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(in_child(memory), 0);
}

static int stands_for(void)
{
	const uint64_t loads = CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON);
	const bool admin = privilege__held() & CAP_BIT(CAP_SYS_ADMIN);

	privilege__limit(CAP_BIT(CAP_SYS_ADMIN));
	return privilege__missing(loads | CAP_BIT(CAP_NET_ADMIN)) ==
			       (CAP_BIT(CAP_NET_ADMIN) | (admin ? 0 : loads))
		       ? 0
		       : 1;
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(in_child(stands_for), 0);
	assert_int_equal(privilege__missing(0), 0);
}

static void test_names(void **state)
{
	char buf[128], small[12];

	(void)state;
	assert_string_equal(privilege__names(0, buf, sizeof(buf)), "");
	assert_string_equal(
		privilege__names(CAP_BIT(CAP_BPF) | CAP_BIT(CAP_NET_ADMIN), buf, sizeof(buf)),
		"CAP_NET_ADMIN, CAP_BPF");
	assert_string_equal(privilege__names(CAP_BIT(63), buf, sizeof(buf)), "capability 63");
	assert_true(strlen(privilege__names(UINT64_MAX, small, sizeof(small))) < sizeof(small));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_up), cmocka_unit_test(test_put_aside),
		cmocka_unit_test(test_memory),	 cmocka_unit_test(test_missing),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
