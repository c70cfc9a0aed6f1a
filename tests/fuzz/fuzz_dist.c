// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a .dist file. */
#include "lib/dist.h"
#include "fuzz.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	int16_t *t = NULL;
	size_t n = 0;
	int r = dist__parse("f", (const char *)data, size, &t, &n, &err);

	if (r) {
		MUST(!t && !n && (r == -EINVAL || r == -ERANGE) && !strncmp(err.msg, "f:", 2));
		/* What it shows of the file is printable. */
		for (const char *c = err.msg; *c; c++)
			MUST(*c >= ' ' && *c <= '~');
		return 0;
	}
	MUST(n >= 1 && n <= DIST_LEN_MAX && n <= (size + 1) / 2);
	for (size_t i = 1; i < n; i++)
		MUST(t[i - 1] <= t[i]);
	MUST(dist__delay(t, n, 1LL << 40, 1LL << 38, UINT32_MAX) >= 0);
	free(t);
	return 0;
}
