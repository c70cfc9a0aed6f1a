// SPDX-License-Identifier: GPL-2.0-only
/* needs.c: are the programs of a lab installed? */
#include "lab/internal.h"
#include "lib/words.h"

#include "lib/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct missing {
	const struct experiment *e;
	struct {
		char *program;
		char *nodes; /* "n1, n2" */
	} * v;
	size_t n;
};

static void cleanup_missing(struct missing *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].program);
		free(m->v[i].nodes);
	}
	free(m->v);
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* As execvp() looks for it. */
static bool is_installed(const char *program)
{
	const char *path = getenv("PATH"), *end;

	if (strchr(program, '/'))
		return is_program(program);
	for (path = path ? path : "/bin:/usr/bin"; *path; path = *end ? end + 1 : end) {
		char full[4096];

		end = strchrnul(path, ':');
		snprintf(full, sizeof(full), "%.*s%s%s", (int)(end - path), path,
			 end > path ? "/" : "", program);
		if (is_program(full))
			return true;
	}
	return false;
}

static int note_missing(struct missing *m, const char *node, const char *program)
{
	void *grown;
	char *nodes;

	for (size_t i = 0; i < m->n; i++) {
		const char *known = m->v[i].nodes, *last = strrchr(known, ' ');

		if (strcmp(m->v[i].program, program) != 0)
			continue;
		/* A node comes with all its programs at once, so it can only be the last. */
		if (!strcmp(last ? last + 1 : known, node))
			return 0;
		if (asprintf(&nodes, "%s, %s", known, node) < 0)
			return -ENOMEM;
		free(m->v[i].nodes);
		m->v[i].nodes = nodes;
		return 0;
	}
	grown = realloc(m->v, (m->n + 1) * sizeof(*m->v));
	if (!grown)
		return -ENOMEM;
	m->v = grown;
	m->v[m->n].program = strdup(program);
	m->v[m->n].nodes = strdup(node);
	m->n++;
	return m->v[m->n - 1].program && m->v[m->n - 1].nodes ? 0 : -ENOMEM;
}

static int check_program(struct missing *m, const char *node, const char *program)
{
	return is_installed(program) ? 0 : note_missing(m, node, program);
}

/* The first word of @line, if it says already which program it is. */
static int check_command(struct missing *m, const struct lab_node *n, const char *line)
{
	_cleanup_free_ char **words = NULL;

	if (n->sh || words__split(line, &words) <= 0 || strchr(words[0], '$'))
		return 0;
	/* Relative to the node's folder, which is not there yet. */
	if (words[0][0] != '/' && strchr(words[0], '/'))
		return 0;
	return check_program(m, n->name, words[0]);
}

static int check_node(struct missing *m, const struct lab_node *n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n->n_needs; i++)
		r = check_program(m, n->name, n->needs[i].program);
	for (size_t i = 0; !r && i < n->n_run; i++)
		r = check_command(m, n, n->run[i]);
	if (!r && n->ready.kind == READY_COMMAND)
		r = check_command(m, n, n->ready.command);
	return r;
}

/* Any node may have said it. */
static const char *package_of(const struct experiment *e, const char *program)
{
	for (size_t i = 0; i < e->n_nodes; i++)
		for (size_t k = 0; k < e->nodes[i].n_needs; k++)
			if (!strcmp(e->nodes[i].needs[k].program, program))
				return e->nodes[i].needs[k].package;
	return NULL;
}

static int say_missing(const struct missing *m, struct error *err)
{
	char text[sizeof(err->msg)] = "";
	size_t len = 0;

	for (size_t i = 0; i < m->n && len < sizeof(text); i++) {
		const char *package = package_of(m->e, m->v[i].program);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s: %s is not %s%s",
					i ? "\n" : "", m->v[i].nodes, m->v[i].program,
					package ? "installed: apt-get install " : "in PATH",
					package ? package : "");
	}
	return err__set(err, -ENOENT, "%s", text);
}

int lab__check(const struct experiment *e, struct error *err)
{
	_cleanup_(cleanup_missing) struct missing m = {.e = e};
	struct lab *lab = NULL;
	int r;

	/* Names and quotes first: what is wrong with them no package mends. */
	r = lab__name(e, "", &lab, err);
	if (!r)
		r = lab__expand_all(lab, err);
	for (size_t i = 0; !r && i < e->n_nodes; i++) {
		r = check_node(&m, &e->nodes[i]);
		if (r)
			err__set(err, r, "out of memory");
	}
	if (!r && m.n)
		r = say_missing(&m, err);
	/* Last: it is a package that brings them. */
	if (!r)
		r = lab__find_users(lab, err);
	lab__free(lab);
	return r;
}
