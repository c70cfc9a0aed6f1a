/* SPDX-License-Identifier: GPL-2.0-only */
/* cluster.h: objects as the API server tells them, from few words. */
#ifndef TESTS_CLUSTER_H
#define TESTS_CLUSTER_H

#include "agent/object.h"
#include "agent/pods.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

__attribute__((format(printf, 1, 2))) static json_t *json(const char *fmt, ...)
{
	json_error_t why;
	char text[4096];
	json_t *j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j = json_loads(text, JSON_DECODE_ANY, &why);
	if (!j)
		fail_msg("%s at %d: %s", why.text, why.position, text);
	return j;
}

/* Pod "NS/NAME", whose UID is uid-NAME, on @node, with labels (as of JSON, without braces) and an address. */
static inline json_t *make_pod(const char *path, const char *node, const char *labels,
			       const char *ip)
{
	const char *name = strchr(path, '/') + 1;

	return json(
		"{\"metadata\": {\"namespace\": \"%.*s\", \"name\": \"%s\", \"uid\": \"uid-%s\","
		"\"labels\": {%s}}, \"spec\": {\"nodeName\": \"%s\"}, \"status\": {\"phase\": "
		"\"Running\","
		"\"podIP\": \"%s\", \"podIPs\": [{\"ip\": \"%s\"}]}}",
		(int)(name - 1 - path), path, name, name, labels, node, ip, ip);
}

static inline int put(struct pods *p, json_t *pod)
{
	int r = pods__put(p, pod);

	json_decref(pod);
	return r;
}

#endif
