// SPDX-License-Identifier: GPL-2.0-only
/*
 * parse_include.c: `systems: FILE`, or a list with files in it. What they hold takes their place in
 * the tree before it is read, with the positions of its own file, so that all that reads or writes
 * the tree sees systems only. A file names no file, so there is no cycle.
 */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

struct include {
	struct reader *r;
	struct yaml *y;
	const struct experiment_source *source;
	struct yaml_node *out; /* the systems so far */
	size_t len;	       /* of all text so far */
};

static void put(struct include *in, struct yaml_node *item)
{
	if (yaml__add(in->out, item))
		in->r->nomem = true;
}

/* From the folder of the experiment; the experiment keeps it for messages. */
static const char *path_of(struct reader *r, const char *name)
{
	const char *slash = strrchr(r->file, '/');
	int dir = *name != '/' && slash ? (int)(slash + 1 - r->file) : 0;
	char **path = APPEND(r, r->e->system_files, r->e->n_system_files);

	if (path && asprintf(path, "%.*s%s", dir, r->file, name) < 0) {
		*path = NULL;
		r->nomem = true;
	}
	return path ? *path : NULL;
}

/* Its tree, or NULL after a finding. */
static struct yaml_node *read_tree(struct include *in, const struct yaml_node *name)
{
	struct reader *r = in->r;
	_cleanup_free_ char *text = NULL;
	struct yaml_node *root = NULL;
	struct error why = {0};
	struct pos pos = {0};
	const char *path;
	size_t len = 0;
	int err;

	if (r->e->n_system_files == EXPERIMENT_MAX_FILES) {
		reader__fault(r, name->pos, "more than %d files", EXPERIMENT_MAX_FILES);
		return NULL;
	}
	path = path_of(r, name->text);
	if (!path)
		return NULL;
	if (in->source->read(path, in->source->arg, &text, &len, &why)) {
		reader__fault(r, name->pos, "%s: %s; expected a file with a list of systems", path,
			      why.msg);
		return NULL;
	}
	in->len += len;
	if (in->len > EXPERIMENT_MAX_BYTES) {
		reader__fault(r, name->pos, "an experiment with its files of more than 1 MiB");
		return NULL;
	}
	err = yaml__parse_more(in->y, path, text, len, &root, &pos, &why);
	r->nomem |= err == -ENOMEM;
	if (err && err != -ENOMEM)
		reader__fault(r, pos, "%s%s", why.msg,
			      err == -ENODATA ? "; expected a list of systems" : "");
	return root;
}

static void include_file(struct include *in, const struct yaml_node *name)
{
	struct yaml_node *root = read_tree(in, name);
	char found[FOUND_SIZE];
	size_t n = root ? reader__list(in->r, root, "a list of systems") : 0;

	for (size_t i = 0; i < n; i++) {
		struct yaml_node *item = root->kind == YAML_SEQUENCE ? root->items[i] : root;

		if (item->kind == YAML_MAPPING)
			put(in, item);
		else
			reader__fault(
				in->r, item->pos,
				"found %s; expected a system: a file of systems names no file",
				reader__found(item, found));
	}
}

static bool is_file(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !yaml__is_null(n) && *n->text;
}

static bool names_files(const struct yaml_node *systems)
{
	bool any = is_file(systems);

	for (size_t i = 0; systems->kind == YAML_SEQUENCE && i < systems->n; i++)
		any |= is_file(systems->items[i]);
	return any;
}

void parse_include_systems(struct reader *r, struct yaml *y, size_t len,
			   const struct experiment_source *source)
{
	struct yaml_node *spec = yaml__get(y->root, "spec"), *old = yaml__get(spec, "systems");
	struct include in = {.r = r, .y = y, .source = source, .len = len};
	size_t n;

	if (!old || !names_files(old))
		return;
	n = reader__list(r, old, "a list of systems");
	if (n && !source) {
		reader__fault(r, old->pos,
			      "a file of systems; expected the systems: there is no "
			      "folder for it to be in");
		return;
	}
	in.out = yaml__new_sequence(y);
	if (!in.out) {
		r->nomem = true;
		return;
	}
	in.out->pos = old->pos;
	for (size_t i = 0; i < n && !r->nomem; i++) {
		struct yaml_node *item = old->kind == YAML_SEQUENCE ? old->items[i] : old;

		if (is_file(item))
			include_file(&in, item);
		else
			put(&in, item);
	}
	if (y->root->weight - old->weight + in.out->weight > YAML_WEIGHT_MAX)
		reader__fault(r, old->pos, "more than %d values with those of the files",
			      YAML_WEIGHT_MAX);
	else if (in.out->n)
		yaml__replace(spec, "systems", in.out);
}
