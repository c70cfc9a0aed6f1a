// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/experiment.h"
#include "lib/cleanup.h"

#include <string.h>

char *experiment__expand(const char *template, const char *(*lookup)(const char *name, void *arg),
			 void *arg, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int failed = 0;

	if (!f) {
		err__set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	for (const char *s = template; *s && !failed;) {
		_cleanup_free_ char *name = NULL;
		const char *end, *value;

		if (s[0] != '$' || (s[1] != '$' && s[1] != '{')) {
			fputc(*s++, f);
			continue;
		}
		if (s[1] == '$') {
			fputc('$', f);
			s += 2;
			continue;
		}
		end = strchr(s, '}');
		if (!end) {
			failed = err__set(err, -EINVAL,
					  "`%.24s`: `${` without `}`; `$$` gives a `$`", s);
			break;
		}
		name = strndup(s + 2, (size_t)(end - s - 2));
		value = name ? lookup(name, arg) : NULL;
		if (!name)
			failed = err__set(err, -ENOMEM, "out of memory");
		else if (!value)
			failed = err__set(err, -EINVAL, "unknown `${%.64s}`; `$${` gives a `${`",
					  name);
		else
			fputs(value, f);
		s = end + 1;
	}
	if (fclose(f) && !failed)
		failed = err__set(err, -ENOMEM, "out of memory");
	return failed ? NULL : TAKE_PTR(text);
}
