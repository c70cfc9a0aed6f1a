// SPDX-License-Identifier: GPL-2.0-only
#include "lib/base64.h"

#include <errno.h>
#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64__encode(char *dst, const void *src, size_t n)
{
	const uint8_t *s = src;
	char *d = dst;

	for (; n > 0; s += 3, d += 4) {
		size_t take = n < 3 ? n : 3;
		uint32_t v = (uint32_t)s[0] << 16;

		if (take > 1)
			v |= (uint32_t)s[1] << 8;
		if (take > 2)
			v |= s[2];
		d[0] = digits[v >> 18];
		d[1] = digits[v >> 12 & 63];
		d[2] = take > 1 ? digits[v >> 6 & 63] : '=';
		d[3] = take > 2 ? digits[v & 63] : '=';
		n -= take;
	}
	*d = '\0';
	return dst;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64__decode(void *dst, size_t size, const char *src, size_t len)
{
	size_t pad = 0, n = 0;
	uint8_t *d = dst;

	if (len % 4)
		return -EINVAL;
	while (pad < 2 && pad < len && src[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len; i += 4) {
		size_t bytes = i + 4 == len ? 3 - pad : 3;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int x = k <= bytes ? digit(src[i + k]) : 0;

			if (x < 0)
				return -EINVAL;
			v = v << 6 | (uint32_t)x;
		}
		if (n + bytes > size)
			return -EINVAL;
		for (size_t k = 0; k < bytes; k++)
			d[n++] = (uint8_t)(v >> (16 - 8 * k));
	}
	return (ssize_t)n;
}
