// SPDX-License-Identifier: GPL-2.0-only
/* names.c: who is who in a lab: addresses, folders, and ${...} in what the user wrote. */
#include "lab/internal.h"
#include "lib/words.h"

#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static bool is_file_name(const char *s)
{
	return *s && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int name_node(struct lab *lab, size_t i, struct error *err)
{
	const struct lab_node *spec = &lab->e->nodes[i];
	struct node *n = &lab->nodes[i];

	n->spec = spec;
	if (!is_file_name(spec->name))
		return err__set(err, -EINVAL, "`%s` cannot be a node's name", spec->name);
	snprintf(n->ip, sizeof(n->ip), "10.99.0.%zu", i + 1);
	/* The same digits in both: fd99::12 is the node at 10.99.0.12, though it reads 0x12. */
	snprintf(n->ip6, sizeof(n->ip6), "fd99::%zu", i + 1);
	n->has_ip6 = !access("/proc/net/if_inet6", F_OK);
	if (asprintf(&n->dir, "%s/%s", lab->nodes_dir, spec->name) < 0) {
		n->dir = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	n->commands = calloc(spec->n_run + 1, sizeof(*n->commands));
	if (!n->commands)
		return err__set(err, -ENOMEM, "out of memory");
	return 0;
}

static int name_nodes(struct lab *lab, const char *run_dir, struct error *err)
{
	int r = 0;

	lab->nodes = calloc(lab->e->n_nodes + 1, sizeof(*lab->nodes));
	if (!lab->nodes)
		return err__set(err, -ENOMEM, "out of memory");
	if (asprintf(&lab->nodes_dir, "%s/nodes", run_dir) < 0) {
		lab->nodes_dir = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; !r && i < lab->e->n_nodes; i++) {
		lab->nodes[i] = (struct node){.netns = -1};
		r = name_node(lab, i, err);
	}
	return r;
}

int lab__name(const struct experiment *e, const char *run_dir, struct lab **ret, struct error *err)
{
	struct lab *lab;
	int r;

	if (e->n_nodes > LAB_MAX_NODES)
		return err__set(err, -E2BIG, "the lab has %zu nodes, at most %d are possible",
				e->n_nodes, LAB_MAX_NODES);
	lab = calloc(1, sizeof(*lab));
	if (!lab)
		return err__set(err, -ENOMEM, "out of memory");
	*lab = (struct lab){
		.e = e, .bridge_netns = -1, .pidns = PIDNS_NONE, .epoll = -1, .event = -1};
	r = name_nodes(lab, run_dir, err);
	if (r) {
		lab__free(lab);
		return r;
	}
	*ret = lab;
	return 0;
}

static void command__reset(struct command *c)
{
	free(c->text);
	for (char **w = c->argv; w && *w; w++)
		free(*w);
	free(c->argv);
	free(c->log);
	*c = (struct command){0};
}

void lab__free(struct lab *lab)
{
	if (!lab)
		return;
	for (size_t i = 0; lab->nodes && i < lab->e->n_nodes && lab->nodes[i].spec; i++) {
		struct node *n = &lab->nodes[i];

		for (size_t k = 0; n->commands && k < n->spec->n_run; k++)
			command__reset(&n->commands[k]);
		command__reset(&n->ready);
		free(n->commands);
		free(n->ready_url);
		free(n->dir);
	}
	free(lab->nodes);
	free(lab->nodes_dir);
	free(lab);
}

struct node *lab__node(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->e->n_nodes; i++)
		if (!strcmp(lab->nodes[i].spec->name, name))
			return &lab->nodes[i];
	return NULL;
}

const char *lab__ip(const struct lab *lab, const char *node)
{
	const struct node *n = lab__node(lab, node);

	return n ? n->ip : NULL;
}

const char *lab__ip6(const struct lab *lab, const char *node)
{
	const struct node *n = lab__node(lab, node);

	return n && n->has_ip6 ? n->ip6 : NULL;
}

/* --- ${...} ----------------------------------------------------------------------------------- */

struct lookup {
	const struct lab *lab;
	const struct node *node;
	char unknown[128]; /* the first name that was not found */
};

static const char *find(const struct lookup *l, const char *name)
{
	const char *dot = strrchr(name, '.');

	if (!strcmp(name, "node"))
		return l->node->spec->name;
	if (!strcmp(name, "dir"))
		return l->node->dir;
	if (!strcmp(name, "ip"))
		return l->node->ip;
	if (!strcmp(name, "ip6"))
		return l->node->has_ip6 ? l->node->ip6 : NULL;
	for (size_t i = 0; dot && i < l->lab->e->n_nodes; i++) {
		const struct node *n = &l->lab->nodes[i];
		size_t len = strlen(n->spec->name);

		if (len != (size_t)(dot - name) || memcmp(n->spec->name, name, len) != 0)
			continue;
		if (!strcmp(dot, ".ip"))
			return n->ip;
		return !strcmp(dot, ".ip6") && n->has_ip6 ? n->ip6 : NULL;
	}
	return NULL;
}

static const char *look_up(const char *name, void *arg)
{
	struct lookup *l = arg;
	const char *value = find(l, name);

	if (!value && !*l->unknown)
		snprintf(l->unknown, sizeof(l->unknown), "%s", name);
	return value;
}

/* The name that was probably meant, into @buf; "" if none is near. */
static const char *nearest_name(const struct lab *lab, const char *name, char *buf, size_t size)
{
	static const char *const own[] = {"ip", "ip6", "node", "dir"};
	size_t n = 0, max = ARRAY_SIZE(own) + 2 * lab->e->n_nodes;
	const char **words = calloc(max, sizeof(*words)), *near = NULL;
	char(*pairs)[128] = calloc(max, sizeof(*pairs));

	*buf = '\0';
	if (words && pairs) {
		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			words[n++] = own[i];
		for (size_t i = 0; i < 2 * lab->e->n_nodes; i++) {
			snprintf(pairs[i], sizeof(pairs[i]), "%s.%s", lab->nodes[i / 2].spec->name,
				 i % 2 ? "ip6" : "ip");
			words[n++] = pairs[i];
		}
		near = nearest__word(name, words, n);
	}
	if (near)
		snprintf(buf, size, "; did you mean `${%s}`?", near);
	free(words);
	free(pairs);
	return buf;
}

static bool wants_ip6(const char *name)
{
	size_t len = strlen(name);

	return len >= 3 && !strcmp(name + len - 3, "ip6");
}

char *lab__expand(const struct lab *lab, const char *node, const char *template, struct error *err)
{
	struct lookup l = {.lab = lab, .node = lab__node(lab, node)};
	char near[256];
	char *s;

	if (!l.node) {
		err__set(err, -ENOENT, "no node `%s` in the lab", node);
		return NULL;
	}
	s = experiment__expand(template, look_up, &l, err);
	if (!s && *l.unknown && wants_ip6(l.unknown) && !l.node->has_ip6)
		err__set(err, -EAFNOSUPPORT, "`${%s}`: this kernel has no IPv6", l.unknown);
	else if (!s && *l.unknown)
		err__set(err, -EINVAL,
			 "unknown `${%s}`: expected ${ip} ${ip6} ${node} ${dir}, or ${NODE.ip} or "
			 "${NODE.ip6} of a node%s",
			 l.unknown, nearest_name(lab, l.unknown, near, sizeof(near)));
	return s;
}

const char *lab__lookup(const struct lab *lab, const char *node, const char *name)
{
	struct lookup l = {.lab = lab, .node = lab__node(lab, node)};

	return l.node ? find(&l, name) : NULL;
}

/* Split first, expand then: a blank in ${dir} is no end of a word. */
static int split_command(const struct lab *lab, const char *node, const char *line,
			 struct command *c, struct error *err)
{
	_cleanup_free_ char **words = NULL;
	int n = words__split(line, &words);

	if (n == -EINVAL || n == 0) {
		err__set(err, -EINVAL,
			 n ? "`%s`: a quote is not closed, or a backslash ends it"
			   : "`%s`: an empty command",
			 line);
		return -EINVAL;
	}
	c->argv = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*c->argv));
	if (!c->argv) {
		err__set(err, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++) {
		c->argv[i] = lab__expand(lab, node, words[i], err);
		if (!c->argv[i])
			return -EINVAL;
	}
	return 0;
}

static int shell_command(struct command *c, struct error *err)
{
	c->argv = calloc(4, sizeof(*c->argv));
	if (c->argv) {
		c->argv[0] = strdup("/bin/sh");
		c->argv[1] = strdup("-c");
		c->argv[2] = strdup(c->text);
	}
	if (!c->argv || !c->argv[0] || !c->argv[1] || !c->argv[2]) {
		err__set(err, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

static int expand_command(const struct lab *lab, const struct node *n, const char *line,
			  struct command *c, struct error *err)
{
	c->text = lab__expand(lab, n->spec->name, line, err);
	if (!c->text)
		return -EINVAL;
	if (n->spec->sh)
		return shell_command(c, err);
	return split_command(lab, n->spec->name, line, c, err);
}

static const char *program_of(const struct command *c)
{
	const char *slash = strrchr(c->argv[0], '/');

	return slash && slash[1] ? slash + 1 : c->argv[0];
}

/* PROGRAM.log; the second command of the same program has PROGRAM-2.log. */
static int name_log(struct node *n, size_t k, struct error *err)
{
	struct command *c = &n->commands[k];
	unsigned int same = 1;
	int r;

	for (size_t i = 0; i < k; i++)
		same += !strcmp(program_of(&n->commands[i]), program_of(c));
	if (same == 1)
		r = asprintf(&c->log, "%s/%s.log", n->dir, program_of(c));
	else
		r = asprintf(&c->log, "%s/%s-%u.log", n->dir, program_of(c), same);
	if (r < 0) {
		c->log = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int expand_ready(const struct lab *lab, struct node *n, struct error *err)
{
	const struct ready *ready = &n->spec->ready;
	int r;

	if (ready->kind == READY_HTTP) {
		n->ready_url = lab__expand(lab, n->spec->name, ready->url, err);
		return n->ready_url ? 0 : -EINVAL;
	}
	if (ready->kind != READY_COMMAND)
		return 0;
	r = expand_command(lab, n, ready->command, &n->ready, err);
	if (!r && asprintf(&n->ready.log, "%s/ready.log", n->dir) < 0) {
		n->ready.log = NULL;
		r = err__set(err, -ENOMEM, "out of memory");
	}
	return r;
}

static int expand_node(struct lab *lab, struct node *n, struct error *err)
{
	struct error why = {0};
	int r = 0;

	for (size_t k = 0; !r && k < n->spec->n_files; k++) {
		_cleanup_free_ char *text =
			lab__expand(lab, n->spec->name, n->spec->files[k].template, &why);

		if (!text)
			return err__set(err, -EINVAL, "%s: file %s: %s", n->spec->name,
					n->spec->files[k].name, why.msg);
	}
	for (size_t k = 0; !r && k < n->spec->n_run; k++) {
		r = expand_command(lab, n, n->spec->run[k], &n->commands[k], &why);
		if (!r)
			r = name_log(n, k, &why);
		if (r)
			return err__set(err, r, "%s: run: %s", n->spec->name, why.msg);
	}
	r = expand_ready(lab, n, &why);
	return r ? err__set(err, r, "%s: ready: %s", n->spec->name, why.msg) : 0;
}

static int find_user(struct node *n, struct error *err)
{
	struct passwd pw, *found;
	char buf[4096];
	int r = getpwnam_r(n->spec->user, &pw, buf, sizeof(buf), &found);

	if (r)
		return err__set(err, -r, "%s: user `%s`: %s", n->spec->name, n->spec->user,
				strerror(r));
	if (!found)
		return err__set(err, -ENOENT, "%s: no user `%s` on this machine", n->spec->name,
				n->spec->user);
	n->as = (struct as_user){.set = true, .uid = pw.pw_uid, .gid = pw.pw_gid};
	return 0;
}

int lab__find_users(struct lab *lab, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < lab->e->n_nodes; i++)
		if (lab->nodes[i].spec->user)
			r = find_user(&lab->nodes[i], err);
	return r;
}

int lab__expand_all(struct lab *lab, struct error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < lab->e->n_nodes; i++)
		r = expand_node(lab, &lab->nodes[i], err);
	return r;
}
