// SPDX-License-Identifier: GPL-2.0-only
#include "lib/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

ssize_t netlink__receive(struct mnl_socket *nl, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = buf, .iov_len = size};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &iov,
				   .msg_iovlen = 1};
		ssize_t n = recvmsg(mnl_socket_get_fd(nl), &m, 0);

		if (n < 0)
			return -errno;
		if (m.msg_namelen != sizeof(from) || from.nl_pid)
			continue;
		return m.msg_flags & MSG_TRUNC ? -ENOSPC : n;
	}
}

/* Attributes are looked for up to the aligned end of a message. */
static bool all_whole(const char *buf, size_t len)
{
	while (len) {
		struct nlmsghdr h;
		size_t size;

		if (len < sizeof(h))
			return false;
		memcpy(&h, buf, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return false;
		size = NLMSG_ALIGN(h.nlmsg_len); /* 32 bits: right for what a buffer can hold */
		if (size > len)
			return false;
		buf += size;
		len -= size;
	}
	return true;
}

int netlink__run(const void *buf, size_t len, unsigned int seq, unsigned int port, mnl_cb_t cb,
		 void *data)
{
	if (!all_whole(buf, len)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	return mnl_cb_run(buf, len, seq, port, cb, data);
}
