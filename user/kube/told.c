// SPDX-License-Identifier: GPL-2.0-only
#include "kube/told.h"
#include "kube/json.h"

#include "lib/cleanup.h"

#include <string.h>

#define VERSION_MAX 256

void told__reset(struct told *t)
{
	json_decref(t->known);
	json_decref(t->listed);
	*t = (struct told){0};
}

/* "namespace/name"; NULL: no object of the API, or no memory. */
static char *key_of(const json_t *obj)
{
	const char *name = kube_json__string(obj, "metadata", "name");
	const char *ns = kube_json__string(obj, "metadata", "namespace");
	char *key = NULL;

	if (name && asprintf(&key, "%s/%s", ns ? ns : "", name) < 0)
		key = NULL;
	return key;
}

/* What is left to say of what nobody saw vanish. */
static int tell_gone(struct told *t, const char *key, json_t *uid)
{
	const char *slash = strchr(key, '/');
	json_t *meta = json_pack("{s:s}", "name", slash + 1), *obj;

	if (slash > key)
		json_object_set_new(meta, "namespace", json_stringn(key, (size_t)(slash - key)));
	if (json_is_string(uid))
		json_object_set(meta, "uid", uid);
	obj = json_pack("{s:o}", "metadata", meta);
	if (!obj)
		return -ENOMEM;
	t->tell(t->arg, KUBE_GONE, obj, NULL);
	json_decref(obj);
	return 0;
}

static int remember(json_t *o, const char *key, json_t *value)
{
	return json_object_set_new_nocheck(o, key, value) ? -ENOMEM : 0;
}

static int put(struct told *t, const json_t *obj)
{
	_cleanup_free_ char *key = key_of(obj);
	json_t *uid = json_object_get(json_object_get(obj, "metadata"), "uid");
	json_t *old;
	int r = 0;

	if (!key)
		return -EPROTO;
	uid = json_is_string(uid) ? uid : NULL;
	old = json_object_get(t->known, key);
	if (json_is_string(old) && uid && !json_equal(old, uid))
		r = tell_gone(t, key, old);
	/* A copy: the object must not stay in memory for its uid. */
	if (!r && (!old || !uid || !json_equal(old, uid)))
		r = remember(t->known, key, uid ? json_copy(uid) : json_null());
	if (!r && t->listed)
		r = remember(t->listed, key, json_true());
	if (!r)
		t->tell(t->arg, KUBE_PUT, obj, NULL);
	return r;
}

static int gone(struct told *t, const json_t *obj)
{
	_cleanup_free_ char *key = key_of(obj);

	if (!key)
		return -EPROTO;
	if (!json_object_del(t->known, key))
		t->tell(t->arg, KUBE_GONE, obj, NULL);
	return 0;
}

/* --- lists ---------------------------------------------------------------------------------------- */

int told__begin_list(struct told *t)
{
	t->known = t->known ? t->known : json_object();
	t->listed = t->listed ? t->listed : json_object();
	return t->known && t->listed ? 0 : -ENOMEM;
}

void told__drop_list(struct told *t)
{
	json_decref(t->listed);
	t->listed = NULL;
}

int told__item(struct told *t, const char *text, size_t len)
{
	json_t *obj = kube_json__load(text, len);
	int r = obj ? put(t, obj) : -EPROTO;

	json_decref(obj);
	return r;
}

int told__end_list(struct told *t)
{
	const char *key;
	json_t *uid;
	void *tmp;
	int r = 0;

	json_object_foreach_safe(t->known, tmp, key, uid)
	{
		_cleanup_free_ char *name = NULL;

		if (json_object_get(t->listed, key))
			continue;
		name = strdup(key);
		if (!name)
			return -ENOMEM;
		json_incref(uid);
		json_object_del(t->known, name);
		r = tell_gone(t, name, uid);
		json_decref(uid);
		if (r)
			return r;
	}
	told__drop_list(t);
	return 0;
}

static bool version_is_fine(const char *v)
{
	return v && *v && strlen(v) <= VERSION_MAX;
}

int told__end_page(const struct frame *page, char **ret_more, char **ret_version)
{
	json_t *o = page->complete ? kube_json__load(page->rest.text, page->rest.len) : NULL;
	const json_t *items = json_object_get(o, "items");
	const char *more = kube_json__string(o, "metadata", "continue");
	const char *version = kube_json__string(o, "metadata", "resourceVersion");
	char **ret = more && *more ? ret_more : ret_version;
	const char *text = more && *more ? more : version_is_fine(version) ? version : NULL;
	/* Objects have been cut out of it: what is left is none. */
	bool empty =
		items && (json_is_null(items) || (json_is_array(items) && !json_array_size(items)));
	char *copy = empty && text ? strdup(text) : NULL;
	int r = !empty || !text ? -EPROTO : !copy ? -ENOMEM : 0;

	json_decref(o);
	if (!r)
		*ret = copy;
	return r;
}

/* --- events --------------------------------------------------------------------------------------- */

static void take_error(const json_t *status, struct told_event *ret)
{
	json_int_t code = json_integer_value(json_object_get(status, "code"));
	const char *message = kube_json__string(status, "message", NULL);

	ret->error = code > 0 && code < 1000 ? (int)code : 500;
	snprintf(ret->words, sizeof(ret->words), "%s", message ? message : "an error");
}

static int take_event(struct told *t, const char *type, const json_t *obj, struct told_event *ret)
{
	const char *version = kube_json__string(obj, "metadata", "resourceVersion");
	int r = 0;

	if (!strcmp(type, "ERROR")) {
		take_error(obj, ret);
		return 0;
	}
	if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
		r = put(t, obj);
	else if (!strcmp(type, "DELETED"))
		r = gone(t, obj);
	else if (strcmp(type, "BOOKMARK") != 0)
		return 0; /* of a server that is newer than this */
	if (r)
		return r;
	if (!version_is_fine(version))
		return -EPROTO;
	ret->version = strdup(version);
	return ret->version ? 0 : -ENOMEM;
}

int told__event(struct told *t, const char *text, size_t len, struct told_event *ret)
{
	json_t *o = kube_json__load(text, len);
	const char *type = kube_json__string(o, "type", NULL);
	const json_t *obj = json_object_get(o, "object");
	struct told_event ev = {0};
	int r = type && json_is_object(obj) ? take_event(t, type, obj, &ev) : -EPROTO;

	json_decref(o);
	if (!r)
		*ret = ev;
	return r;
}
