// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree as YAML. Not by libfyaml: 0.7.12's emitter writes a block sequence whose first item is a
 * mapping as half a flow sequence, which does not parse.
 */
#include "experiment/yaml.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define INDENT 2
#define LINE_MAX_COL 96

/* Decode the UTF-8 at @s, which yaml__parse() has checked; returns its length. */
static size_t decode(const char *s, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3f);
	*ret = c;
	return n;
}

/* Not printable (YAML 1.2, c-printable), or a line break to a YAML 1.1 reader. */
static bool needs_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       c == 0xfffe || c == 0xffff;
}

static void emit_quoted(FILE *f, const char *s)
{
	uint32_t c;

	fputc('"', f);
	for (size_t n; *s; s += n) {
		n = decode(s, &c);
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (needs_escape(c))
			fprintf(f, "\\u%04x", c);
		else
			fwrite(s, 1, n, f);
	}
	fputc('"', f);
}

/* Safe without quotes in every context, block, flow and key. */
static bool is_simple(const char *s)
{
	if (!isalnum((unsigned char)*s) && !strchr("/._~", *s) &&
	    !(strchr("-+", *s) && isalnum((unsigned char)s[1])))
		return false;
	for (const char *p = s; *p; p++) {
		char next = p[1];

		if (isalnum((unsigned char)*p) || strchr("/._~+-%=@", *p))
			continue;
		if ((*p == ':' || *p == ' ') && (isalnum((unsigned char)next) || next == '/'))
			continue;
		return false;
	}
	return true;
}

static void emit_scalar(FILE *f, const struct yaml_node *n)
{
	/* plain stays plain: in quotes, `42` would be a string to whoever reads the copy */
	if (n->plain && yaml__is_null(n))
		fputs("null", f);
	else if (n->plain && *n->text && is_simple(n->text))
		fputs(n->text, f);
	else
		emit_quoted(f, n->text);
}

/* Text that a block scalar gives back byte for byte. */
static bool is_block_text(const struct yaml_node *n)
{
	uint32_t c;
	size_t len;

	if (n->kind != YAML_SCALAR || !n->literal || strchr(" \t\n", *n->text))
		return false;
	for (const char *s = n->text; *s; s += len) {
		len = decode(s, &c);
		if (c != '\n' && c != '\t' && needs_escape(c))
			return false;
	}
	return true;
}

static void emit_block_text(FILE *f, const struct yaml_node *n, unsigned int indent)
{
	size_t len = strlen(n->text);
	bool newline = n->text[len - 1] == '\n';
	const char *chomp = !newline ? "-" : len > 1 && n->text[len - 2] == '\n' ? "+" : "";
	const char *line = n->text;

	fprintf(f, "|%s\n", chomp);
	while (*line) {
		size_t n_line = strcspn(line, "\n");

		if (n_line)
			fprintf(f, "%*s%.*s", (int)indent, "", (int)n_line, line);
		fputc('\n', f);
		line += n_line + (line[n_line] == '\n');
	}
}

static void emit_flow(FILE *f, const struct yaml_node *n)
{
	bool mapping = n->kind == YAML_MAPPING;

	if (n->kind == YAML_SCALAR) {
		emit_scalar(f, n);
		return;
	}
	fputc(mapping ? '{' : '[', f);
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			fputs(mapping && i % 2 ? ": " : ", ", f);
		emit_flow(f, n->items[i]);
	}
	fputc(mapping ? '}' : ']', f);
}

/* Columns of @n in flow form, or more than @room when it does not fit. */
static size_t flow_width(const struct yaml_node *n, size_t room)
{
	size_t w = 2;

	if (n->kind == YAML_SCALAR && is_block_text(n))
		return room + 1;
	if (n->kind == YAML_SCALAR)
		return 2 + strlen(yaml__is_null(n) ? "null" : n->text);
	for (size_t i = 0; i < n->n && w <= room; i++)
		w += 2 + flow_width(n->items[i], room - w);
	return w;
}

static bool in_one_line(const struct yaml_node *n, unsigned int indent)
{
	size_t room = indent < LINE_MAX_COL / 2 ? LINE_MAX_COL - indent : LINE_MAX_COL / 2;

	return n->kind == YAML_SCALAR ? !is_block_text(n) : !n->n || flow_width(n, room) <= room;
}

static void emit_block(FILE *f, const struct yaml_node *n, unsigned int indent, bool here);

/* What follows `key:` or `-`: on the same line, or as a block of its own further in. */
static void emit_value(FILE *f, const struct yaml_node *n, unsigned int indent, bool item)
{
	if (in_one_line(n, indent + INDENT)) {
		fputc(' ', f);
		emit_flow(f, n);
		fputc('\n', f);
	} else if (n->kind == YAML_SCALAR) {
		fputc(' ', f);
		emit_block_text(f, n, indent + INDENT);
	} else {
		fputc(item ? ' ' : '\n', f);
		emit_block(f, n, indent + INDENT, item);
	}
}

/* @here: the first line continues one that already stands at @indent. */
static void emit_block(FILE *f, const struct yaml_node *n, unsigned int indent, bool here)
{
	bool mapping = n->kind == YAML_MAPPING;

	for (size_t i = 0; i < n->n; i += mapping ? 2 : 1) {
		if (i || !here)
			fprintf(f, "%*s", (int)indent, "");
		if (mapping) {
			emit_flow(f, n->items[i]);
			fputc(':', f);
			emit_value(f, n->items[i + 1], indent, false);
		} else {
			fputc('-', f);
			emit_value(f, n->items[i], indent, true);
		}
	}
}

char *yaml__emit(const struct yaml_node *root)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int failed;

	if (!f)
		return NULL;
	if (root->kind == YAML_SCALAR || !root->n) {
		emit_flow(f, root);
		fputc('\n', f);
	} else {
		emit_block(f, root, 0, false);
	}
	failed = ferror(f);
	if (fclose(f) || failed)
		return NULL;
	return TAKE_PTR(text);
}
