// SPDX-License-Identifier: GPL-2.0-only
/* A stream cut into objects, whatever the pieces in which it comes; and the bounds of JSON from outside. */
#include "kube/frame.h"
#include "kube/json.h"
#include "kube/kube.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was cut out, each followed by a newline. */
struct got {
	char text[4096];
	size_t len;
};

static int on_object(void *arg, const char *text, size_t len)
{
	struct got *g = arg;

	assert_true(g->len + len + 2 < sizeof(g->text));
	memcpy(g->text + g->len, text, len);
	g->len += len;
	g->text[g->len++] = '\n';
	g->text[g->len] = '\0';
	return 0;
}

/* In pieces of a block each, so that ASan sees what is read beyond. */
static int feed(struct frame *f, const char *text, size_t n, struct got *g)
{
	char *piece = malloc(n ? n : 1);
	int r;

	assert_non_null(piece);
	memcpy(piece, text, n);
	r = frame__feed(f, piece, n, on_object, g);
	free(piece);
	return r;
}

/* In two pieces at every place, and in bytes. */
static void check(enum frame_kind kind, const char *text, const char *want, const char *rest)
{
	size_t len = strlen(text);

	for (size_t cut = 0; cut <= len + 1; cut++) {
		struct got g = {.text = ""};
		struct frame f;

		frame__init(&f, kind, 1000, 10000);
		if (cut <= len) {
			assert_int_equal(0, feed(&f, text, cut, &g));
			assert_int_equal(0, feed(&f, text + cut, len - cut, &g));
		}
		for (size_t i = 0; cut > len && i < len; i++)
			assert_int_equal(0, feed(&f, text + i, 1, &g));
		assert_string_equal(g.text, want);
		assert_false(frame__partial(&f));
		if (rest) {
			assert_true(f.complete);
			assert_int_equal(f.rest.len, strlen(rest));
			assert_memory_equal(f.rest.text, rest, f.rest.len);
		}
		frame__reset(&f);
	}
}

static void test_stream(void **state)
{
	(void)state;
	check(FRAME_STREAM, "", "", NULL);
	check(FRAME_STREAM, " \r\n\t", "", NULL);
	check(FRAME_STREAM, "{\"a\":1}\n{\"b\":[{}]}", "{\"a\":1}\n{\"b\":[{}]}\n", NULL);
	check(FRAME_STREAM, "{\"a\":\"}{\\\"\\\\\"}{}", "{\"a\":\"}{\\\"\\\\\"}\n{}\n", NULL);
	check(FRAME_STREAM, "{\n \"a\" : { }\n}\n\n{}", "{\n \"a\" : { }\n}\n{}\n", NULL);
}

static void test_list(void **state)
{
	(void)state;
	check(FRAME_LIST,
	      "{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"x\"},\"items\":[{\"a\":[{}]},\n "
	      "{\"b\":\"],{\"}]}\n",
	      "{\"a\":[{}]}\n{\"b\":\"],{\"}\n",
	      "{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"x\"},\"items\":[]}\n");
	check(FRAME_LIST, "{\"items\": [{\"items\":[{}]}], \"metadata\":{}}", "{\"items\":[{}]}\n",
	      "{\"items\": [], \"metadata\":{}}");
	check(FRAME_LIST, "{\"items\":null}", "", "{\"items\":null}");
	check(FRAME_LIST, "{\"items\":[]}", "", "{\"items\":[]}");
	/* Not the items: in a deeper object, or as a value. */
	check(FRAME_LIST, "{\"a\":{\"items\":[{}]},\"b\":\"items\",\"c\":[{}]}", "",
	      "{\"a\":{\"items\":[{}]},\"b\":\"items\",\"c\":[{}]}");
	/* What is no object in it stays, and is found there. */
	check(FRAME_LIST, "{\"items\":[1,{\"a\":2}]}", "{\"a\":2}\n", "{\"items\":[1]}");
	check(FRAME_LIST, "{\"items\":[[{}]]}", "", "{\"items\":[[{}]]}");
}

static void refuses(enum frame_kind kind, int want, const char *text, size_t max)
{
	struct got g = {.text = ""};
	struct frame f;
	int r = 0;

	frame__init(&f, kind, max, max * 4);
	for (size_t i = 0; !r && text[i]; i++)
		r = feed(&f, text + i, 1, &g);
	assert_int_equal(r, want);
	frame__reset(&f);
}

static void test_refused(void **state)
{
	char deep[KUBE_DEPTH_MAX + 3];

	(void)state;
	refuses(FRAME_STREAM, -EPROTO, "<html>", 100);
	refuses(FRAME_STREAM, -EPROTO, "{}]", 100);
	refuses(FRAME_STREAM, -EPROTO, "[{}]", 100);
	refuses(FRAME_STREAM, -EPROTO, "\"a\"", 100);
	refuses(FRAME_STREAM, -EPROTO, "{} 7", 100);
	refuses(FRAME_LIST, -EPROTO, "{}{}", 100);
	refuses(FRAME_LIST, -EPROTO, "{\"items\":[]}]", 100);
	/* One object, the rest of a list, all together. */
	refuses(FRAME_STREAM, 0, "{\"a\":\"345678901\"}", 17);
	refuses(FRAME_STREAM, -EMSGSIZE, "{\"a\":\"3456789012\"}", 17);
	refuses(FRAME_LIST, -EMSGSIZE, "{\"abcdefgh\":\"345678901\"}", 17);
	refuses(FRAME_STREAM, -EMSGSIZE, "{}{}{}{}{}{}{}{}{}{}", 4);
	memset(deep, '[', sizeof(deep) - 1);
	deep[0] = '{';
	deep[sizeof(deep) - 1] = '\0';
	refuses(FRAME_STREAM, -EMSGSIZE, deep, 1000);
}

static int stop(void *arg, const char *text, size_t len)
{
	(void)text, (void)len;
	++*(int *)arg;
	return -ECANCELED;
}

static void test_stop(void **state)
{
	struct frame f;
	int n = 0;

	(void)state;
	frame__init(&f, FRAME_STREAM, 100, 100);
	assert_int_equal(-ECANCELED, frame__feed(&f, "{}{}", 4, stop, &n));
	assert_int_equal(n, 1);
	frame__reset(&f);
}

static json_t *nested(size_t depth)
{
	char text[2 * KUBE_DEPTH_MAX + 16];

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return kube_json__load(text, 2 * depth);
}

static void test_json(void **state)
{
	static const char names[] = "{\"m\":{\"n\":\"v\",\"k\":7},\"s\":\"a\\u0000b\"}";
	size_t n = 3 * KUBE_VALUES_MAX;
	char *many = malloc(n + 1);
	json_t *o;

	(void)state;
	o = nested(KUBE_DEPTH_MAX);
	assert_non_null(o);
	json_decref(o);
	assert_null(nested(KUBE_DEPTH_MAX + 1));
	assert_null(kube_json__load("", 0));
	assert_null(kube_json__load("{\"a\":1", 6));
	assert_null(kube_json__load("{\"a\":1,\"a\":2}", 13));
	assert_null(kube_json__load("{\"\xff\":1}", 7));
	/* Of one byte each. */
	assert_non_null(many);
	many[0] = '[';
	for (size_t i = 1; i + 1 < n; i += 2) {
		many[i] = '1';
		many[i + 1] = ',';
	}
	many[n - 1] = ']';
	assert_null(kube_json__load(many, n));
	free(many);
	o = kube_json__load(names, sizeof(names) - 1);
	assert_non_null(o);
	assert_string_equal("v", kube_json__string(o, "m", "n"));
	assert_string_equal("a", kube_json__string(o, "s", NULL));
	assert_null(kube_json__string(o, "m", "k"));
	assert_null(kube_json__string(o, "s", "n"));
	assert_null(kube_json__string(NULL, "m", "n"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),	cmocka_unit_test(test_list),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_stop),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
