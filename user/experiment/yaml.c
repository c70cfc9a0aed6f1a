// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/yaml.h"
#include "lib/cleanup.h"

#include <libfyaml.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bounds on hostile input: far above any experiment, far below the stack and memory. */
#define DEPTH_MAX 24
#define TEXT_PER_WEIGHT 32 /* bytes of text that weigh as much as a node */

struct anchor {
	char *name;
	struct yaml_node *node;
};

struct builder {
	struct yaml *y;
	struct fy_parser *fyp;
	struct pos pos; /* of the last event, then of the error */
	struct error *err;
	struct anchor *anchors;
	size_t n_anchors;
	size_t weight;
};

/* Length of the UTF-8 sequence at @s, 0 if there is none: overlong, surrogate, cut off. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t n = 1; n <= ARRAY_SIZE(forms) && n <= left; n++) {
		uint32_t c = s[0] & (unsigned char)~forms[n - 1].mask;

		if ((s[0] & forms[n - 1].mask) != forms[n - 1].lead)
			continue;
		for (size_t i = 1; i < n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		return c < forms[n - 1].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
	}
	return 0;
}

/* YAML 1.2 is Unicode text without control characters; libfyaml stops silently at some of what is not. */
static int check_text(const char *text, size_t len, struct pos *ret_pos, struct error *err)
{
	const unsigned char *s = (const unsigned char *)text;
	struct pos pos = {1, 1};
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		bool control = (s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r') ||
			       s[i] == 0x7f;

		step = utf8_len(s + i, len - i);
		if (control || !step) {
			*ret_pos = pos;
			return err__set(err, -EINVAL, "byte 0x%02x is no UTF-8 text", s[i]);
		}
		pos.col++;
		if (s[i] == '\n')
			pos = (struct pos){pos.line + 1, 1};
	}
	return 0;
}

static void cleanup_parser(struct fy_parser **fyp)
{
	if (*fyp)
		fy_parser_destroy(*fyp);
}

static void cleanup_diag(struct fy_diag **diag)
{
	if (*diag)
		fy_diag_destroy(*diag);
}

static void builder__reset(struct builder *b)
{
	for (size_t i = 0; i < b->n_anchors; i++)
		free(b->anchors[i].name);
	free(b->anchors);
}

static struct yaml_node *new_node(struct yaml *y, enum yaml_kind kind, struct pos pos)
{
	struct yaml_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->pos = pos;
	n->weight = 1;
	n->next = y->nodes;
	y->nodes = n;
	return n;
}

static int append(struct yaml_node *parent, struct yaml_node *child)
{
	/* room doubles at powers of two */
	if ((parent->n & (parent->n - 1)) == 0) {
		size_t room = parent->n ? parent->n * 2 : 1;
		struct yaml_node **v = realloc(parent->items, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		parent->items = v;
	}
	parent->items[parent->n++] = child;
	parent->weight += child->weight;
	return 0;
}

static int next_event(struct builder *b, struct fy_event **ret)
{
	struct fy_event *ev = fy_parser_parse(b->fyp);
	const struct fy_mark *mark;

	*ret = ev;
	if (!ev)
		return fy_parser_get_stream_error(b->fyp) ? -EBADMSG : 0;
	mark = fy_event_start_mark(ev);
	if (mark)
		b->pos = (struct pos){mark->line + 1, mark->column + 1};
	return 0;
}

/* Remember @node under the event's anchor, if it has one. */
static int remember_anchor(struct builder *b, struct fy_event *ev, struct yaml_node *node)
{
	struct fy_token *token = fy_event_get_anchor_token(ev);
	struct anchor *v;
	const char *name;
	size_t len = 0;

	if (!token)
		return 0;
	name = fy_token_get_text(token, &len);
	v = realloc(b->anchors, (b->n_anchors + 1) * sizeof(*v));
	if (!name || !v) {
		if (v)
			b->anchors = v;
		return -ENOMEM;
	}
	b->anchors = v;
	v[b->n_anchors] = (struct anchor){.name = strndup(name, len), .node = node};
	if (!v[b->n_anchors].name)
		return -ENOMEM;
	b->n_anchors++;
	return 0;
}

static int resolve_alias(struct builder *b, struct fy_event *ev, struct yaml_node **ret)
{
	_cleanup_free_ char *name = NULL;
	size_t len = 0;
	const char *text = fy_token_get_text(ev->alias.anchor, &len);

	if (text)
		name = strndup(text, len);
	if (!name)
		return -ENOMEM;
	for (size_t i = b->n_anchors; i-- > 0;) {
		if (strcmp(b->anchors[i].name, name))
			continue;
		*ret = b->anchors[i].node;
		return 0;
	}
	return err__set(b->err, -EINVAL, "alias `*%.64s` without an anchor `&%.64s` before it",
			name, name);
}

static int build_scalar(struct builder *b, struct fy_event *ev, struct yaml_node **ret)
{
	struct yaml_node *n = new_node(b->y, YAML_SCALAR, b->pos);
	struct fy_token *token = ev->scalar.value;
	enum fy_node_style style = fy_event_get_node_style(ev);
	const char *text = "";
	size_t len = 0;

	if (!n)
		return -ENOMEM;
	if (token)
		text = fy_token_get_text(token, &len);
	if (!text)
		return -ENOMEM;
	n->plain = !token || style == FYNS_PLAIN;
	n->literal = style == FYNS_LITERAL;
	/* libfyaml's mark stands behind the quote */
	if ((style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED) && n->pos.col > 1)
		n->pos.col--;
	for (size_t i = 0, step; i < len; i += step) {
		/* escapes can write what the file itself may not hold */
		step = utf8_len((const unsigned char *)text + i, len - i);
		if (!step || !text[i])
			return err__set(b->err, -EINVAL,
					"an escape gives a NUL byte or no Unicode");
	}
	n->text = strndup(text, len);
	if (!n->text)
		return -ENOMEM;
	n->weight += len / TEXT_PER_WEIGHT;
	*ret = n;
	return remember_anchor(b, ev, n);
}

static int build_node(struct builder *b, struct fy_event *ev, unsigned int depth,
		      struct yaml_node **ret);

/* Items up to @end; an anchor counts only once its node is whole, so that no cycle can arise. */
static int build_collection(struct builder *b, struct fy_event *ev, unsigned int depth,
			    struct yaml_node **ret)
{
	bool mapping = ev->type == FYET_MAPPING_START;
	enum fy_event_type end = mapping ? FYET_MAPPING_END : FYET_SEQUENCE_END;
	struct yaml_node *n = new_node(b->y, mapping ? YAML_MAPPING : YAML_SEQUENCE, b->pos);
	int r = 0;

	if (!n)
		return -ENOMEM;
	if (depth >= DEPTH_MAX)
		return err__set(b->err, -EINVAL, "nested deeper than %d levels", DEPTH_MAX);
	for (bool more = true; more && !r;) {
		struct yaml_node *child = NULL;
		struct fy_event *item;

		r = next_event(b, &item);
		if (r || !item)
			return r ? r : -EBADMSG;
		more = item->type != end;
		if (more)
			r = build_node(b, item, depth + 1, &child);
		if (more && !r)
			r = append(n, child);
		fy_parser_event_free(b->fyp, item);
	}
	*ret = n;
	return r ? r : remember_anchor(b, ev, n);
}

static int build_node(struct builder *b, struct fy_event *ev, unsigned int depth,
		      struct yaml_node **ret)
{
	int r;

	switch (ev->type) {
	case FYET_SCALAR:
		r = build_scalar(b, ev, ret);
		break;
	case FYET_ALIAS:
		r = resolve_alias(b, ev, ret);
		break;
	case FYET_MAPPING_START:
	case FYET_SEQUENCE_START:
		return build_collection(b, ev, depth, ret);
	default:
		return -EBADMSG;
	}
	if (r)
		return r;
	b->weight += (*ret)->weight;
	if (b->weight > YAML_WEIGHT_MAX)
		return err__set(b->err, -EINVAL, "more than %d values, aliases written out",
				YAML_WEIGHT_MAX);
	return 0;
}

/* The document that begins with @ev. */
static int build_document(struct builder *b, struct fy_event *ev)
{
	struct yaml_node *root = NULL, **v;
	int r = build_node(b, ev, 0, &root);

	if (r || !b->y->root) {
		b->y->root = r ? NULL : root;
		return r;
	}
	v = realloc(b->y->more, (b->y->n_more + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	b->y->more = v;
	v[b->y->n_more++] = root;
	return 0;
}

/* Anchors are a document's own. */
static int begin_document(struct builder *b)
{
	builder__reset(b);
	b->anchors = NULL;
	b->n_anchors = 0;
	return b->y->n_more + 1 < YAML_DOCUMENTS_MAX
		       ? 0
		       : err__set(b->err, -EINVAL, "more than %d documents", YAML_DOCUMENTS_MAX);
}

static int build_stream(struct builder *b)
{
	struct fy_event *ev;
	int r;

	while ((r = next_event(b, &ev)) == 0 && ev) {
		switch (ev->type) {
		case FYET_STREAM_START:
		case FYET_DOCUMENT_END:
		case FYET_STREAM_END:
			break;
		case FYET_DOCUMENT_START:
			r = begin_document(b);
			break;
		default:
			r = build_document(b, ev);
		}
		fy_parser_event_free(b->fyp, ev);
		if (r)
			return r;
	}
	return r;
}

/* What libfyaml has against the text, and where. */
static int syntax_error(struct builder *b, struct fy_diag *diag)
{
	void *iter = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iter);

	if (!e)
		return err__set(b->err, -EINVAL, "this is no YAML 1.2 or JSON");
	if (e->line > 0)
		b->pos = (struct pos){e->line, e->column > 0 ? e->column : 1};
	return err__set(b->err, -EINVAL, "this is no YAML 1.2 or JSON: %s", e->msg);
}

int yaml__parse(const char *text, size_t len, struct yaml *ret, struct pos *ret_pos,
		struct error *err)
{
	_cleanup_(cleanup_diag) struct fy_diag *diag = NULL;
	_cleanup_(cleanup_parser) struct fy_parser *fyp = NULL;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					    FYPCF_DISABLE_MMAP_OPT | FYPCF_JSON_NONE};
	struct fy_diag_cfg diag_cfg;
	struct yaml y = {0};
	struct builder b = {.y = &y, .pos = {1, 1}, .err = err};
	int r;

	r = check_text(text, len, ret_pos, err);
	if (r)
		return r;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = NULL;
	diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	fyp = fy_parser_create(&cfg);
	if (!fyp || fy_parser_set_string(fyp, text, len))
		return -ENOMEM;
	b.fyp = fyp;
	r = build_stream(&b);
	if (r == -EBADMSG)
		r = syntax_error(&b, diag);
	if (!r && !y.root)
		r = err__set(err, -ENODATA, "the file is empty");
	builder__reset(&b);
	if (r) {
		yaml__reset(&y);
		*ret_pos = b.pos;
		return r;
	}
	*ret = y;
	return 0;
}

int yaml__parse_more(struct yaml *y, const char *file, const char *text, size_t len,
		     struct yaml_node **ret_root, struct pos *ret_pos, struct error *err)
{
	struct yaml more = {0};
	struct yaml_node *last = NULL;
	int r = yaml__parse(text, len, &more, ret_pos, err);

	if (!r && more.n_more) {
		*ret_pos = more.more[0]->pos;
		yaml__reset(&more);
		r = err__set(err, -EINVAL, "a second document; expected one in a file");
	}
	ret_pos->file = file;
	if (r)
		return r;
	for (struct yaml_node *n = more.nodes; n; n = n->next) {
		n->pos.file = file;
		last = n;
	}
	last->next = y->nodes;
	y->nodes = more.nodes;
	*ret_root = more.root;
	return 0;
}

void yaml__reset(struct yaml *y)
{
	while (y->nodes) {
		struct yaml_node *n = y->nodes;

		y->nodes = n->next;
		free(n->text);
		free(n->items);
		free(n);
	}
	free(y->more);
	*y = (struct yaml){0};
}

struct yaml_node *yaml__get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		if (map->items[i]->kind == YAML_SCALAR && !strcmp(map->items[i]->text, key))
			return map->items[i + 1];
	}
	return NULL;
}

bool yaml__is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && n->plain &&
	       (!*n->text || !strcmp(n->text, "~") || !strcmp(n->text, "null") ||
		!strcmp(n->text, "Null") || !strcmp(n->text, "NULL"));
}

struct yaml_node *yaml__new_scalar(struct yaml *y, const char *text)
{
	struct yaml_node *n = new_node(y, YAML_SCALAR, (struct pos){0});

	if (!n)
		return NULL;
	n->plain = true;
	n->text = strdup(text);
	return n->text ? n : NULL;
}

struct yaml_node *yaml__new_mapping(struct yaml *y)
{
	return new_node(y, YAML_MAPPING, (struct pos){0});
}

struct yaml_node *yaml__new_sequence(struct yaml *y)
{
	return new_node(y, YAML_SEQUENCE, (struct pos){0});
}

struct yaml_node *yaml__new_text(struct yaml *y, const char *text)
{
	struct yaml_node *n = yaml__new_scalar(y, text);

	if (n)
		n->plain = false;
	return n;
}

int yaml__add(struct yaml_node *list, struct yaml_node *value)
{
	return value ? append(list, value) : -ENOMEM;
}

int yaml__put(struct yaml *y, struct yaml_node *map, const char *key, struct yaml_node *value)
{
	struct yaml_node *k = yaml__new_scalar(y, key);
	int r = k && value ? 0 : -ENOMEM;

	if (!r) {
		k->pos = value->pos;
		r = append(map, k) ?: append(map, value);
	}
	return r;
}

void yaml__replace(struct yaml_node *map, const char *key, struct yaml_node *value)
{
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		if (map->items[i]->kind != YAML_SCALAR || strcmp(map->items[i]->text, key) != 0)
			continue;
		map->weight = map->weight - map->items[i + 1]->weight + value->weight;
		map->items[i + 1] = value;
		return;
	}
}

int yaml__prepend(struct yaml *y, struct yaml_node *map, const char *key, struct yaml_node *value)
{
	struct yaml_node *k = yaml__new_scalar(y, key);
	int r;

	if (!k || !value)
		return -ENOMEM;
	r = append(map, k);
	if (!r)
		r = append(map, value);
	if (r)
		return r;
	memmove(map->items + 2, map->items, (map->n - 2) * sizeof(*map->items));
	map->items[0] = k;
	map->items[1] = value;
	return 0;
}
