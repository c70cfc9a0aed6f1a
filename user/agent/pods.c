// SPDX-License-Identifier: GPL-2.0-only
/* pods.c: what is kept of pods and nodes, and how they are found again. */
#include "agent/pods_internal.h"

#include "lib/cleanup.h"

#include <string.h>

#define NONE SIZE_MAX

struct pods *pods__new(void)
{
	return calloc(1, sizeof(struct pods));
}

static void drop_pod(struct pods *p, struct pod *pod)
{
	const uint32_t *labels = pod__labels(pod);

	p->bytes -= pod->size;
	texts__drop(&p->namespaces, pod->ns);
	texts__drop(&p->nodes_named, pod->node);
	for (size_t i = 0; i < pod->n_labels; i++)
		texts__drop(&p->labels, labels[i]);
	free(pod);
}

static void drop_node(struct pods *p, struct node *node)
{
	p->bytes -= node__size(node->n_labels);
	texts__drop(&p->nodes_named, node->name);
	for (size_t i = 0; i < node->n_labels; i++)
		texts__drop(&p->labels, node->labels[i]);
	free(node);
}

void pods__free(struct pods *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	for (size_t i = 0; i < p->n_nodes; i++)
		free(p->nodes[i]);
	free(p->v);
	free(p->nodes);
	free(p->by_uid);
	free(p->by_name);
	texts__reset(&p->namespaces);
	texts__reset(&p->nodes_named);
	texts__reset(&p->labels);
	free(p);
}

size_t pods__count(const struct pods *p)
{
	return p->n;
}

size_t pods__bytes(const struct pods *p)
{
	return sizeof(*p) + p->bytes + p->room * sizeof(struct pod *) +
	       p->n_slots * (sizeof(*p->by_uid) + sizeof(*p->by_name)) +
	       p->nodes_room * sizeof(struct node *) + texts__bytes(&p->namespaces) +
	       texts__bytes(&p->nodes_named) + texts__bytes(&p->labels);
}

/* --- finding ------------------------------------------------------------------------------------------ */

static uint64_t hash_uid(const char *uid)
{
	return texts__hash(uid, strlen(uid), 0);
}

static uint64_t hash_name(uint32_t ns, const char *name)
{
	return texts__hash(name, strlen(name), (uint64_t)ns << 32);
}

static uint64_t hash_of(const struct pods *p, const uint32_t *slots, size_t i)
{
	return slots == p->by_uid ? hash_uid(pod__uid(p->v[i]))
				  : hash_name(p->v[i]->ns, pod__name(p->v[i]));
}

/* The first free slot for @hash; there is one. */
static size_t free_slot(const uint32_t *slots, size_t n_slots, uint64_t hash)
{
	size_t i = hash & (n_slots - 1);

	while (slots[i])
		i = (i + 1) & (n_slots - 1);
	return i;
}

/* The slot of pod @i; it is in there. */
static size_t slot_of(const struct pods *p, const uint32_t *slots, size_t i)
{
	size_t at = hash_of(p, slots, i) & (p->n_slots - 1);

	while (slots[at] != i + 1)
		at = (at + 1) & (p->n_slots - 1);
	return at;
}

static size_t find_uid(const struct pods *p, const char *uid)
{
	size_t i = p->n_slots ? hash_uid(uid) & (p->n_slots - 1) : 0;

	for (; p->n_slots && p->by_uid[i]; i = (i + 1) & (p->n_slots - 1))
		if (!strcmp(pod__uid(p->v[p->by_uid[i] - 1]), uid))
			return p->by_uid[i] - 1;
	return NONE;
}

static size_t find_name(const struct pods *p, uint32_t ns, const char *name)
{
	size_t i = p->n_slots ? hash_name(ns, name) & (p->n_slots - 1) : 0;

	for (; p->n_slots && p->by_name[i]; i = (i + 1) & (p->n_slots - 1)) {
		const struct pod *pod = p->v[p->by_name[i] - 1];

		if (pod->ns == ns && !strcmp(pod__name(pod), name))
			return p->by_name[i] - 1;
	}
	return NONE;
}

/* Room for one more; at most half of the slots are taken. */
static int make_room(struct pods *p)
{
	size_t n_slots = p->n_slots ? p->n_slots * 2 : 64;
	uint32_t *by_uid, *by_name;
	struct pod **v;

	if (p->n == p->room) {
		v = realloc(p->v, (p->room ? p->room * 2 : 32) * sizeof(struct pod *));
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = p->room ? p->room * 2 : 32;
	}
	if (2 * (p->n + 1) <= p->n_slots)
		return 0;
	by_uid = calloc(n_slots, sizeof(*by_uid));
	by_name = calloc(n_slots, sizeof(*by_name));
	if (!by_uid || !by_name) {
		free(by_uid);
		free(by_name);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n; i++) {
		by_uid[free_slot(by_uid, n_slots, hash_uid(pod__uid(p->v[i])))] = (uint32_t)i + 1;
		by_name[free_slot(by_name, n_slots, hash_name(p->v[i]->ns, pod__name(p->v[i])))] =
			(uint32_t)i + 1;
	}
	free(p->by_uid);
	free(p->by_name);
	p->by_uid = by_uid;
	p->by_name = by_name;
	p->n_slots = n_slots;
	return 0;
}

/* Free the slot of pod @i and move up what stands behind it only because it was taken (Knuth, 6.4, algorithm R). */
static void empty_slot(const struct pods *p, uint32_t *slots, size_t i)
{
	size_t mask = p->n_slots - 1, at = slot_of(p, slots, i);

	for (size_t j = (at + 1) & mask; slots[j]; j = (j + 1) & mask) {
		size_t home = hash_of(p, slots, slots[j] - 1) & mask;

		if (((j - home) & mask) < ((j - at) & mask))
			continue;
		slots[at] = slots[j];
		at = j;
	}
	slots[at] = 0;
}

static void take_out(struct pods *p, size_t i)
{
	struct pod *pod = p->v[i];
	size_t last = p->n - 1;

	empty_slot(p, p->by_uid, i);
	empty_slot(p, p->by_name, i);
	if (i != last) {
		p->by_uid[slot_of(p, p->by_uid, last)] = (uint32_t)i + 1;
		p->by_name[slot_of(p, p->by_name, last)] = (uint32_t)i + 1;
		p->v[i] = p->v[last];
	}
	p->n--;
	drop_pod(p, pod);
}

/* There is room. */
static void put_in(struct pods *p, struct pod *pod)
{
	p->by_uid[free_slot(p->by_uid, p->n_slots, hash_uid(pod__uid(pod)))] = (uint32_t)p->n + 1;
	p->by_name[free_slot(p->by_name, p->n_slots, hash_name(pod->ns, pod__name(pod)))] =
		(uint32_t)p->n + 1;
	p->v[p->n++] = pod;
}

/* --- changes ------------------------------------------------------------------------------------------ */

int pods__put(struct pods *p, const json_t *json)
{
	struct pod *pod = NULL;
	size_t old;
	int r = pod__read(p, json, &pod);

	if (r)
		return r;
	p->bytes += pod->size;
	old = find_name(p, pod->ns, pod__name(pod));
	if (old != NONE && p->v[old]->size == pod->size && !memcmp(p->v[old], pod, pod->size)) {
		drop_pod(p, pod);
		return 0;
	}
	if (make_room(p)) {
		drop_pod(p, pod);
		return -ENOMEM;
	}
	if (old != NONE)
		take_out(p, old);
	old = find_uid(p, pod__uid(pod));
	if (old != NONE)
		take_out(p, old);
	put_in(p, pod);
	return 1;
}

int pods__remove(struct pods *p, const json_t *json)
{
	const json_t *meta = json_object_get(json, "metadata");
	const char *uid = json_string_value(json_object_get(meta, "uid"));
	const char *ns = json_string_value(json_object_get(meta, "namespace"));
	const char *name = json_string_value(json_object_get(meta, "name"));
	size_t i = NONE;

	if (!uid && (!ns || !name))
		return -EINVAL;
	if (uid)
		i = find_uid(p, uid);
	else if (texts__find(&p->namespaces, ns) != TEXTS_NONE)
		i = find_name(p, texts__find(&p->namespaces, ns), name);
	if (i == NONE)
		return 0;
	take_out(p, i);
	return 1;
}

/* Where node @name is among them, or would be; they are in the order of their names' numbers. */
static size_t node_place(const struct pods *p, uint32_t name)
{
	size_t lo = 0, hi = p->n_nodes;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->nodes[mid]->name < name)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct node *pods__find_node(const struct pods *p, uint32_t name)
{
	size_t at = node_place(p, name);

	return at < p->n_nodes && p->nodes[at]->name == name ? p->nodes[at] : NULL;
}

int pods__put_node(struct pods *p, const json_t *json)
{
	struct node *node = NULL, **v;
	size_t at;
	int r = node__read(p, json, &node);

	if (r)
		return r;
	p->bytes += node__size(node->n_labels);
	at = node_place(p, node->name);
	if (pods__find_node(p, node->name)) {
		struct node *old = p->nodes[at];
		size_t size = node__size(node->n_labels);
		bool same = old->n_labels == node->n_labels && !memcmp(old, node, size);

		p->nodes[at] = node;
		drop_node(p, old);
		return !same;
	}
	if (p->n_nodes == p->nodes_room) {
		v = realloc(p->nodes,
			    (p->nodes_room ? p->nodes_room * 2 : 16) * sizeof(struct node *));
		if (!v) {
			drop_node(p, node);
			return -ENOMEM;
		}
		p->nodes = v;
		p->nodes_room = p->nodes_room ? p->nodes_room * 2 : 16;
	}
	memmove(&p->nodes[at + 1], &p->nodes[at], (p->n_nodes - at) * sizeof(struct node *));
	p->nodes[at] = node;
	p->n_nodes++;
	return 1;
}

int pods__remove_node(struct pods *p, const json_t *json)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(json, "metadata"), "name"));
	uint32_t id = name ? texts__find(&p->nodes_named, name) : TEXTS_NONE;
	struct node *node;
	size_t at;

	if (!name)
		return -EINVAL;
	if (id == TEXTS_NONE || !pods__find_node(p, id))
		return 0;
	at = node_place(p, id);
	node = p->nodes[at];
	p->n_nodes--;
	memmove(&p->nodes[at], &p->nodes[at + 1], (p->n_nodes - at) * sizeof(struct node *));
	drop_node(p, node);
	return 1;
}

/* --- asking --------------------------------------------------------------------------------------------- */

const struct pod *pods__at(const struct pods *p, size_t i)
{
	return i < p->n ? p->v[i] : NULL;
}

const struct pod *pods__by_uid(const struct pods *p, const char *uid)
{
	size_t i = find_uid(p, uid);

	return i == NONE ? NULL : p->v[i];
}

const struct pod *pods__by_name(const struct pods *p, const char *ns, const char *name)
{
	uint32_t id = texts__find(&p->namespaces, ns);
	size_t i = id == TEXTS_NONE ? NONE : find_name(p, id, name);

	return i == NONE ? NULL : p->v[i];
}

bool pods__has_node(const struct pods *p, const char *name)
{
	uint32_t id = texts__find(&p->nodes_named, name);

	return id != TEXTS_NONE && pods__find_node(p, id);
}

static const char *nth(const struct texts *t, size_t i)
{
	size_t at = 0;

	for (; at < t->n; at++)
		if (texts__has(t, at) && !i--)
			return texts__get(t, (uint32_t)at);
	return NULL;
}

const char *pods__namespace(const struct pods *p, size_t i)
{
	return nth(&p->namespaces, i);
}

const char *pods__node(const struct pods *p, size_t i)
{
	return i < p->n_nodes ? texts__get(&p->nodes_named, p->nodes[i]->name) : NULL;
}
