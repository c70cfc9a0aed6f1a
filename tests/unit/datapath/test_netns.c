// SPDX-License-Identifier: GPL-2.0-only
/* test_netns.c: what can be asked of namespaces without root; the rest is in
 * tests/netns/datapath_scan.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/netns.h"
#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void refused(const char *name, int code, const char *words)
{
	struct error err = {0};

	assert_int_equal(netns__open(name, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, words))
		fail_msg("expected `%s` in: %s", words, err.msg);
	/* Words are for whoever asks. */
	assert_int_equal(netns__open(name, NULL), code);
}

static void names_that_are_none(void **state)
{
	char fifo[] = "/tmp/netns-test-XXXXXX";
	int fd = mkstemp(fifo);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	refused(fifo, -EINVAL, "is not a network namespace");
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused(fifo, -EINVAL, "is not a network namespace");
	unlink(fifo);
	refused("", -EINVAL, "needs a name");
	refused("no-such-namespace-here", -ENOENT, "no-such-namespace-here");
	refused("/no/such/path", -ENOENT, "/no/such/path");
	refused("/proc/self/ns/pid", -EINVAL, "is not a network namespace");
	/* Above pid_max. */
	refused("99999999", -ESRCH, "no process 99999999");
	refused("/etc/passwd", -EINVAL, "is not a network namespace");
}

static void own_namespace(void **state)
{
	_cleanup_close_ int self = netns__open_self(),
			    path = netns__open("/proc/self/ns/net", NULL), pid = -1,
			    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[16];

	(void)state;
	snprintf(text, sizeof(text), "%d", getpid());
	pid = netns__open(text, NULL);
	assert_true(self >= 0 && path >= 0 && pid >= 0 && null >= 0);
	assert_true(netns__same(self, path));
	assert_true(netns__same(self, pid));
	assert_false(netns__same(self, null));
	assert_false(netns__same(self, -1));
	assert_true(fcntl(self, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(path, F_GETFD) & FD_CLOEXEC);
}

static void leaving_nothing_is_nothing(void **state)
{
	int none = -1;

	(void)state;
	netns__leave(NULL);
	netns__leave(&none);
	assert_int_equal(none, -1);
	assert_true(netns__enter(-1, &none) < 0);
	assert_int_equal(none, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(own_namespace),
		cmocka_unit_test(leaving_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
