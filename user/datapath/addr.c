// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/compile_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_v4(const struct chaos_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

bool dp_addr__is_loopback(const struct chaos_addr *a)
{
	if (is_v4(a))
		return ntohl(a->w[3]) >> 24 == 127;
	return !a->w[0] && !a->w[1] && !a->w[2] && a->w[3] == htonl(1);
}

struct chaos_addr dp_addr__from(uint8_t family, const uint8_t *bytes)
{
	struct chaos_addr a = {.w = {0, 0, htonl(0xffff), 0}};

	if (family == AF_INET)
		memcpy(&a.w[3], bytes, 4);
	else
		memcpy(&a, bytes, 16);
	return a;
}

const char *dp_addr__text(const struct chaos_addr *a, uint8_t len, char *buf, size_t size)
{
	bool v4 = is_v4(a) && len >= 96;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : a, text, sizeof(text));
	if (len == 128)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "%s/%d", text, v4 ? len - 96 : len);
	return buf;
}
