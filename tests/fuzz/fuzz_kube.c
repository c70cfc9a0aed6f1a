// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as what the API server says: a stream of events, a page of a list, each in two pieces of which the first byte
 * says where; and as a kubeconfig and what its command writes.
 */
#include "kube/config.h"
#include "kube/exec.h"
#include "kube/told.h"
#include "fuzz_yaml.h"

#include <errno.h>

/* What was told and not taken back, counted. */
struct count {
	struct told told;
	size_t there;
};

static void on_tell(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct count *c = arg;
	const json_t *meta = json_object_get(obj, "metadata");

	MUST(!words && json_is_string(json_object_get(meta, "name")));
	MUST(ev == KUBE_PUT || ev == KUBE_GONE);
	MUST(ev != KUBE_GONE || c->there > 0 || !json_object_size(c->told.known));
}

static int on_event(void *arg, const char *text, size_t len)
{
	struct count *c = arg;
	struct told_event ev = {0};
	int r = told__event(&c->told, text, len, &ev);

	if (r)
		return r;
	MUST(!ev.error || (ev.error < 1000 && *ev.words && !ev.version));
	MUST(!ev.version || *ev.version);
	free(ev.version);
	c->there = json_object_size(c->told.known);
	return 0;
}

static int on_item(void *arg, const char *text, size_t len)
{
	struct count *c = arg;
	int r = told__item(&c->told, text, len);

	c->there = json_object_size(c->told.known);
	return r;
}

static int feed(struct frame *f, const uint8_t *data, size_t size, size_t cut, struct count *c)
{
	frame_fn *fn = f->kind == FRAME_LIST ? on_item : on_event;
	void *head = fuzz__bytes(data, cut), *tail = fuzz__bytes(data + cut, size - cut);
	int r = frame__feed(f, head, cut, fn, c);

	r = r ? r : frame__feed(f, tail, size - cut, fn, c);
	free(head);
	free(tail);
	return r;
}

/* The same whatever the pieces. */
static void try_server(const uint8_t *data, size_t size, enum frame_kind kind, size_t cut)
{
	int r[2];

	for (size_t i = 0; i < 2; i++) {
		struct count c = {.told = {.tell = on_tell, .arg = &c}};
		char *more = NULL, *version = NULL;
		struct frame f;

		frame__init(&f, kind, 4096, 65536);
		MUST(!told__begin_list(&c.told));
		r[i] = feed(&f, data, size, i ? cut : 0, &c);
		if (!r[i] && kind == FRAME_LIST) {
			r[i] = told__end_page(&f, &more, &version);
			MUST(r[i] || !more != !version);
			MUST(told__end_list(&c.told) == 0);
			MUST(json_object_size(c.told.known) == c.there);
		}
		free(more);
		free(version);
		told__reset(&c.told);
		frame__reset(&f);
	}
	MUST(r[0] == r[1]);
}

static void try_files(const uint8_t *data, size_t size)
{
	char *text = fuzz__bytes(data, size);
	struct kube_config c = {0}, copy = {0};
	struct error err = {0};
	int64_t until;
	int r = kube_config__parse("dir/config", text, size, NULL, &c, &err);

	MUST(r || (c.server && c.ns && c.context));
	MUST(!r || (*err.msg && !c.server));
	if (!r)
		MUST(!kube_config__copy(&c, &copy));
	kube_config__reset(&copy);
	r = kube_exec__parse(text, size, &c, &until, &err);
	MUST(r || c.token || (c.cert_data && c.key_data));
	kube_config__reset(&c);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	try_server(data + 1, size - 1, FRAME_STREAM, data[0] % size);
	try_server(data + 1, size - 1, FRAME_LIST, data[0] % size);
	try_files(data + 1, size - 1);
	return 0;
}
