// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams that are not what they say, and datagrams of others. */
#include "lib/netlink.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int count(const struct nlmsghdr *h, void *data)
{
	(void)h;
	++*(int *)data;
	return MNL_CB_OK;
}

/* Two messages; the second says that it is @len long. */
static int run_with(uint32_t len, size_t total, int *ret_n)
{
	char buf[2 * sizeof(struct nlmsghdr) + 8] __attribute__((aligned(4))) = "";
	struct nlmsghdr first = {.nlmsg_len = sizeof(first), .nlmsg_type = NLMSG_MIN_TYPE};
	struct nlmsghdr second = {.nlmsg_len = len, .nlmsg_type = NLMSG_MIN_TYPE};

	memcpy(buf, &first, sizeof(first));
	memcpy(buf + sizeof(first), &second, sizeof(second));
	*ret_n = 0;
	return netlink__run(buf, total, 0, 0, count, ret_n);
}

static void test_lengths(void **state)
{
	const size_t two = 2 * sizeof(struct nlmsghdr);
	static const uint32_t bad[] = {
		0,	    15, 24, INT32_MAX, (uint32_t)INT32_MAX + 1, 0x80000010, UINT32_MAX - 3,
		UINT32_MAX,
	};
	int n;

	(void)state;
	assert_int_equal(run_with(16, two, &n), MNL_CB_OK);
	assert_int_equal(n, 2);
	assert_int_equal(run_with(23, two + 8, &n), MNL_CB_OK);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		assert_int_equal(run_with(bad[i], two, &n), MNL_CB_ERROR);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(n, 0);
	}
	/* Attributes are looked for up to where the next message would begin. */
	assert_int_equal(run_with(17, two + 1, &n), MNL_CB_ERROR);
	assert_int_equal(run_with(16, two - 1, &n), MNL_CB_ERROR);
}

static void test_only_the_kernel_is_heard(void **state)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_USERSOCK), *other;
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	struct timeval limit = {.tv_usec = 50000};
	char buf[64] __attribute__((aligned(4)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	(void)state;
	other = mnl_socket_open(NETLINK_USERSOCK);
	assert_non_null(nl);
	assert_non_null(other);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	assert_int_equal(mnl_socket_bind(other, 0, MNL_SOCKET_AUTOPID), 0);
	to.nl_pid = mnl_socket_get_portid(nl);
	/* It does arrive. */
	assert_int_equal(sendto(mnl_socket_get_fd(other), h, h->nlmsg_len, 0,
				(struct sockaddr *)&to, sizeof(to)),
			 (int)h->nlmsg_len);
	assert_int_equal(recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT),
			 sizeof(*h));
	assert_int_equal(
		setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)),
		0);
	assert_int_equal(netlink__receive(nl, buf, sizeof(buf)), -EAGAIN);
	mnl_socket_close(nl);
	mnl_socket_close(other);
}

/* An answer of the kernel's, in a buffer of its size and in a smaller one. */
static void test_answers(void **state)
{
	char buf[256] __attribute__((aligned(4)));

	(void)state;
	for (int small = 0; small <= 1; small++) {
		struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
		struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

		assert_non_null(nl);
		assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
		h->nlmsg_type = NLMSG_MIN_TYPE - 1; /* of no family: acknowledged, not done */
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		assert_int_equal(mnl_socket_sendto(nl, h, h->nlmsg_len), h->nlmsg_len);
		if (small)
			assert_int_equal(netlink__receive(nl, buf, 8), -ENOSPC);
		else
			assert_true(netlink__receive(nl, buf, sizeof(buf)) >=
				    (ssize_t)sizeof(struct nlmsghdr));
		mnl_socket_close(nl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_only_the_kernel_is_heard),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
