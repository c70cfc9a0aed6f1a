// SPDX-License-Identifier: GPL-2.0-only
/* fuzz_history.c: any bytes as events.jsonl: refused with words, or rendered whole. */
#include "analysis/analysis.h"
#include "analysis/history.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct history *h = NULL;
	struct error err = {0};
	json_t *s, *lanes;
	FILE *f;
	int r;

	if (!size)
		return 0;
	f = fmemopen((void *)data, size, "r");
	if (!f)
		abort();
	r = history__read(f, "events.jsonl", &h, &err);
	fclose(f);
	if (r) {
		if (!err.msg[0] || h)
			abort();
		return 0;
	}
	s = analysis__summary(h);
	if (!s || !json_is_array(json_object_get(s, "findings")) ||
	    json_array_size(json_object_get(s, "expectations")) != h->expect.n)
		abort();
	lanes = analysis__lanes(h, s);
	json_decref(lanes);
	free(analysis__junit(h, s));
	free(analysis__series_csv(h));
	json_decref(s);
	history__free(h);
	return 0;
}
