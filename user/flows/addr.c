// SPDX-License-Identifier: GPL-2.0-only
#include "flows/internal.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_v4(const struct chaos_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

struct chaos_addr flow_addr__from(uint8_t family, const uint8_t *bytes)
{
	struct chaos_addr a = {.w = {0, 0, htonl(0xffff), 0}};

	if (family == AF_INET)
		memcpy(&a.w[3], bytes, 4);
	else
		memcpy(&a, bytes, sizeof(a));
	return a;
}

bool flow_addr__is_loopback(const struct chaos_addr *a)
{
	if (is_v4(a))
		return ntohl(a->w[3]) >> 24 == 127;
	return !a->w[0] && !a->w[1] && !a->w[2] && a->w[3] == htonl(1);
}

bool flow_addr__in(const struct chaos_addr *a, const struct chaos_addr *prefix, uint8_t length)
{
	for (unsigned int i = 0; i < 4 && length > 32 * i; i++) {
		unsigned int bits = length - 32 * i;
		uint32_t mask = bits >= 32 ? UINT32_MAX : htonl(~(UINT32_MAX >> bits));

		if ((a->w[i] ^ prefix->w[i]) & mask)
			return false;
	}
	return true;
}

const char *flow_addr__text(const struct chaos_addr *a, char *buf, size_t size)
{
	bool v4 = is_v4(a);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : a, buf,
		       (socklen_t)size))
		*buf = 0;
	return buf;
}
