// SPDX-License-Identifier: GPL-2.0-only
/* test_owner_sockets.c: whose socket is whose: those that are made, accepted and short-lived. */
#include "owner_rig.h"

#include <sys/socket.h>
#include <sys/wait.h>

enum { CONNECTIONS = 10000, CONNECTIONS_PER_SET = 500, CHILDREN = 200 };

static void test_created(void **state)
{
	static const int kinds[][2] = {{AF_INET, SOCK_STREAM},
				       {AF_INET, SOCK_DGRAM},
				       {AF_INET, SOCK_RAW},
				       {AF_INET6, SOCK_STREAM},
				       {AF_INET6, SOCK_DGRAM}};
	_rig_ struct rig rig = rig__open(0);
	struct chaos_socket s;
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		fd = socket(kinds[i][0], kinds[i][1] | SOCK_CLOEXEC,
			    kinds[i][1] == SOCK_RAW ? IPPROTO_ICMP : 0);
		assert_true(fd >= 0);
		assert_true(rig__socket(&rig, fd, &s));
		assert_int_equal(s.tgid, getpid());
		assert_int_equal(s.scan, 0);
		assert_int_equal(s.epoch, 0);
		close(fd);
	}
	fd = socket__make(AF_UNIX, SOCK_STREAM);
	assert_false(rig__socket(&rig, fd, &s));
	close(fd);
}

static bool makes_its_own(const struct rig *rig)
{
	/* As it is made by a child, it is not the parent's. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return rig__tgid(rig, fd) == getpid();
}

static void test_accepted(void **state)
{
	/* The listener, then who connects: IPv4, IPv6, and IPv4 to a socket of IPv6. */
	static const struct {
		int family, from_family;
		const char *at, *to;
	} ways[] = {{AF_INET, AF_INET, "127.0.0.1", "127.0.0.1"},
		    {AF_INET6, AF_INET6, "::1", "::1"},
		    {AF_INET6, AF_INET, "::", "127.0.0.1"},
		    {AF_INET6, AF_INET6, "::", "::ffff:127.0.0.1"}};
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process self = {.pid = getpid(), .owner = 4};

	(void)state;
	rig__set(&rig, &self, 1);
	in_child(makes_its_own, &rig);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint16_t port;
		int listener = socket__listen(ways[i].family, ways[i].at, &port);
		int client = socket__connect(ways[i].from_family, ways[i].to, port);
		int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		assert_true(accepted >= 0);
		assert_int_equal(rig__owner(&rig, listener), 4);
		assert_int_equal(rig__owner(&rig, client), 4);
		assert_int_equal(rig__owner(&rig, accepted), 4);
		assert_int_equal(rig__tgid(&rig, accepted), getpid());
		close(accepted);
		close(client);
		close(listener);
	}
}

/* One that another process made for us to accept from has that process for an owner, as has what is accepted. */
static void test_accepted_elsewhere(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	uint16_t port;
	int listener = socket__listen(AF_INET, "127.0.0.1", &port), client, accepted, status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		_exit(rig__tgid(&rig, accepted) == getppid() ? 0 : 1);
	}
	client = socket__connect(AF_INET, "127.0.0.1", port);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(client);
	close(listener);
}

static void short_connections(const struct rig *rig, uint16_t port, int listener)
{
	const struct owner_process self = {.pid = getpid(), .owner = 1, .heirs = 1};
	int nobodys = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		int client, accepted;

		if (i % CONNECTIONS_PER_SET == 0)
			rig__set(rig, &self, 1);
		client = socket__connect(AF_INET, "127.0.0.1", port);
		accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(accepted >= 0);
		nobodys += rig__owner(rig, client) != 1;
		nobodys += rig__owner(rig, accepted) != 1;
		socket__reset(client);
		close(accepted);
	}
	assert_int_equal(nobodys, 0);
}

static bool connects_at_once(const struct rig *rig)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return rig__owner(rig, fd) == 1;
}

static void test_short_lived(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	uint16_t port;
	int listener = socket__listen(AF_INET, "127.0.0.1", &port);

	(void)state;
	short_connections(&rig, port, listener);
	close(listener);
	for (int i = 0; i < CHILDREN; i++)
		in_child(connects_at_once, &rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_created),
		bpf_test(test_accepted),
		bpf_test(test_accepted_elsewhere),
		bpf_test(test_short_lived),
	};

	return rig__main("owner_sockets", tests, sizeof(tests) / sizeof(tests[0]));
}
