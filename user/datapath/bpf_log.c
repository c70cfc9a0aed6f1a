// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/bpf_log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

/* A verifier log can be long; its end says what was wrong. */
static _Thread_local char kept[16384];
static _Thread_local size_t used;
static _Thread_local char tail[512];

static int keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[4096];
	size_t n;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0;
	len = vsnprintf(line, sizeof(line), fmt, args);
	if (len <= 0)
		return 0;
	n = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
	if (used + n >= sizeof(kept)) {
		size_t drop = used + n + 1 - sizeof(kept);

		memmove(kept, kept + drop, used - drop);
		used -= drop;
	}
	memcpy(kept + used, line, n);
	used += n;
	kept[used] = 0;
	return 0;
}

void bpf_log__begin(void)
{
	libbpf_set_print(keep);
	used = 0;
	kept[0] = 0;
}

const char *bpf_log__tail(void)
{
	size_t from = used >= sizeof(tail) ? used - sizeof(tail) + 1 : 0;
	size_t n;

	snprintf(tail, sizeof(tail), "%s", kept + from);
	n = strlen(tail);
	while (n && tail[n - 1] == '\n')
		tail[--n] = 0;
	return tail;
}
