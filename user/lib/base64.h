/* SPDX-License-Identifier: GPL-2.0-only */
/* base64.h: RFC 4648 section 4, as JSON carries bytes (gateways of gRPC, Kubernetes). */
#ifndef CHAOS_BASE64_H
#define CHAOS_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters that @n bytes become, the terminator included. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* @dst has BASE64_SIZE(n) bytes. Returns @dst. */
char *base64__encode(char *dst, const void *src, size_t n);

/* Padded text of @len characters; returns the number of bytes, or -EINVAL (also if they are more
 * than @size). */
ssize_t base64__decode(void *dst, size_t size, const char *src, size_t len);

#endif
