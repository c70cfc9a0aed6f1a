// SPDX-License-Identifier: GPL-2.0-only
/* fuzz_expect.c: any text as an expectation: refused with a column, or evaluated. */
#include "analysis/expect.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *summary;
	char *text = strndup((const char *)data, size);
	struct expect *e = NULL;
	struct error err = {0};
	const json_t *v;

	if (!summary)
		summary = json_loads(
			"{\"split_brain\":{\"level\":\"L3\",\"resources\":[{\"resource\":\"r\","
			"\"must_overlap_s\":1.5}]},\"writes\":{\"lost\":7,\"lost_window_s\":[1,2],"
			"\"lost_by_side\":{\"n1\":7}},\"status\":\"complete\"}",
			0, NULL);
	if (!text || !summary)
		abort();
	if (expect__parse(text, &e, &err) == 0) {
		v = expect__value(e, summary, &err);
		if (v)
			expect__holds(e, v);
		else if (!err.msg[0])
			abort();
	} else if (!strstr(err.msg, "column ")) {
		abort();
	}
	expect__free(e);
	free(text);
	return 0;
}
