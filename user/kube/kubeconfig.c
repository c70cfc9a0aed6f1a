// SPDX-License-Identifier: GPL-2.0-only
/* kubeconfig.c: the file that kubectl reads too. */
#include "experiment/yaml.h"
#include "kube/config.h"

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <stdarg.h>
#include <string.h>

#define FILE_MAX (16 * 1024 * 1024)
#define NAMES_MAX 64 /* looked at for the nearest one */

struct reading {
	const char *path;
	struct yaml yaml;
	struct kube_config c;
	struct error *err;
};

static int wrong(struct reading *rd, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int wrong(struct reading *rd, const struct yaml_node *at, const char *fmt, ...)
{
	struct pos pos = at ? at->pos : (struct pos){1, 1, NULL};
	char words[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return err__set(rd->err, -EINVAL, "%s:%d:%d: %s", rd->path, pos.line, pos.col, words);
}

static int no_memory(struct reading *rd)
{
	return err__set(rd->err, -ENOMEM, "out of memory");
}

/* --- values --------------------------------------------------------------------------------------- */

/* The text of @key, a copy; NULL where it is absent, null or empty, which is the same to kubectl. */
static int get_text(struct reading *rd, const struct yaml_node *map, const char *key, char **ret)
{
	const struct yaml_node *n = yaml__get(map, key);

	if (!n || yaml__is_null(n))
		return 0;
	if (n->kind != YAML_SCALAR)
		return wrong(rd, n, "%s: expected text", key);
	if (!*n->text)
		return 0;
	*ret = strdup(n->text);
	return *ret ? 0 : no_memory(rd);
}

static int get_bool(struct reading *rd, const struct yaml_node *map, const char *key, bool *ret)
{
	const struct yaml_node *n = yaml__get(map, key);

	if (!n || yaml__is_null(n))
		return 0;
	if (n->kind != YAML_SCALAR || !n->plain ||
	    (strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0))
		return wrong(rd, n, "%s: expected true or false", key);
	*ret = n->text[0] == 't';
	return 0;
}

/* A file's path, which begins in the folder of the kubeconfig. */
static int get_path(struct reading *rd, const struct yaml_node *map, const char *key, char **ret)
{
	const char *slash = strrchr(rd->path, '/');
	_cleanup_free_ char *text = NULL;
	int r = get_text(rd, map, key, &text);

	if (r || !text)
		return r;
	if (*text == '/' || !slash)
		*ret = TAKE_PTR(text);
	else if (asprintf(ret, "%.*s/%s", (int)(slash - rd->path), rd->path, text) < 0)
		*ret = NULL;
	return *ret ? 0 : no_memory(rd);
}

/* PEM in base64, perhaps folded over lines. */
static int get_data(struct reading *rd, const struct yaml_node *map, const char *key, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	ssize_t len;
	int r = get_text(rd, map, key, &text);

	if (r || !text)
		return r;
	for (size_t i = 0; text[i]; i++) {
		if (!strchr(" \t\r\n", text[i]))
			text[n++] = text[i];
	}
	*ret = calloc(1, n + 1);
	if (!*ret)
		return no_memory(rd);
	len = base64__decode(*ret, n, text, n);
	explicit_bzero(text, n);
	if (len <= 0 || strlen(*ret) != (size_t)len)
		return wrong(rd, yaml__get(map, key), "%s: expected PEM in base64", key);
	return 0;
}

/* --- named things --------------------------------------------------------------------------------- */

/* The mapping @inner of the entry of @list (contexts, clusters, users) that is called @name. */
static int find_named(struct reading *rd, const char *list, const char *inner, const char *name,
		      const struct yaml_node *at, const struct yaml_node **ret)
{
	const struct yaml_node *all = yaml__get(rd->yaml.root, list);
	const char *names[NAMES_MAX];
	const char *near;
	size_t n = 0;

	if (all && !yaml__is_null(all) && all->kind != YAML_SEQUENCE)
		return wrong(rd, all, "%s: expected a list", list);
	for (size_t i = 0; all && all->kind == YAML_SEQUENCE && i < all->n; i++) {
		const struct yaml_node *id = yaml__get(all->items[i], "name");
		const struct yaml_node *value = yaml__get(all->items[i], inner);

		if (!id || id->kind != YAML_SCALAR)
			return wrong(rd, all->items[i], "%s: expected {name: ..., %s: {...}}", list,
				     inner);
		if (n < NAMES_MAX)
			names[n++] = id->text;
		if (strcmp(id->text, name) != 0)
			continue;
		if (value && !yaml__is_null(value) && value->kind != YAML_MAPPING)
			return wrong(rd, value, "%s: expected a mapping", inner);
		*ret = value ? value : all->items[i];
		return 0;
	}
	near = nearest__word(name, names, n);
	return wrong(rd, at ? at : all, "no %s `%s`%s%s%s", inner, name,
		     near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static int read_cluster(struct reading *rd, const struct yaml_node *map)
{
	struct kube_config *c = &rd->c;
	size_t len;
	int r = get_text(rd, map, "server", &c->server) ?: get_text(rd, map, "tls-server-name", &c->tls_name)
		?: get_text(rd, map, "proxy-url", &c->proxy) ?: get_path(rd, map, "certificate-authority", &c->ca_file)
		?: get_data(rd, map, "certificate-authority-data", &c->ca_data)
		?: get_bool(rd, map, "insecure-skip-tls-verify", &c->insecure);

	if (r)
		return r;
	if (!c->server)
		return wrong(rd, map, "the cluster has no `server`");
	if (strncmp(c->server, "https://", 8) != 0 && strncmp(c->server, "http://", 7) != 0)
		return wrong(rd, yaml__get(map, "server"),
			     "server: expected a URL that begins with https:// or http://");
	for (len = strlen(c->server); c->server[len - 1] == '/'; len--)
		c->server[len - 1] = '\0';
	return 0;
}

/* --- users ---------------------------------------------------------------------------------------- */

static int read_args(struct reading *rd, const struct yaml_node *list, struct kube_exec *x)
{
	if (!list || yaml__is_null(list))
		return 0;
	if (list->kind != YAML_SEQUENCE)
		return wrong(rd, list, "args: expected a list");
	x->args = calloc(list->n + 1, sizeof(*x->args));
	if (!x->args)
		return no_memory(rd);
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i]->kind != YAML_SCALAR)
			return wrong(rd, list->items[i], "args: expected text");
		x->args[i] = strdup(list->items[i]->text);
		if (!x->args[i])
			return no_memory(rd);
	}
	return 0;
}

static int read_env(struct reading *rd, const struct yaml_node *list, struct kube_exec *x)
{
	if (!list || yaml__is_null(list))
		return 0;
	if (list->kind != YAML_SEQUENCE)
		return wrong(rd, list, "env: expected a list");
	x->env = calloc(list->n + 1, sizeof(*x->env));
	if (!x->env)
		return no_memory(rd);
	for (size_t i = 0; i < list->n; i++) {
		const struct yaml_node *name = yaml__get(list->items[i], "name");
		const struct yaml_node *value = yaml__get(list->items[i], "value");

		if (!name || name->kind != YAML_SCALAR || strchr(name->text, '=') ||
		    (value && value->kind != YAML_SCALAR))
			return wrong(rd, list->items[i], "env: expected {name: ..., value: ...}");
		if (asprintf(&x->env[i], "%s=%s", name->text, value ? value->text : "") < 0) {
			x->env[i] = NULL;
			return no_memory(rd);
		}
	}
	return 0;
}

static int read_exec(struct reading *rd, const struct yaml_node *map)
{
	struct kube_exec *x = calloc(1, sizeof(*x));
	_cleanup_free_ char *path = NULL;
	int r;

	rd->c.exec = x;
	if (!x)
		return no_memory(rd);
	r = get_text(rd, map, "apiVersion", &x->api_version) ?: get_text(rd, map, "command", &x->command)
		?: get_text(rd, map, "installHint", &x->hint) ?: get_bool(rd, map, "provideClusterInfo", &x->cluster)
		?: read_args(rd, yaml__get(map, "args"), x) ?: read_env(rd, yaml__get(map, "env"), x);
	if (r)
		return r;
	if (!x->command)
		return wrong(rd, map, "exec: expected a `command`");
	if (!x->api_version || strncmp(x->api_version, "client.authentication.k8s.io/", 29) != 0)
		return wrong(rd, map, "exec: expected apiVersion client.authentication.k8s.io/...");
	/* A path with a / in it begins in our folder, a bare name is looked for in $PATH. */
	if (strchr(x->command, '/')) {
		r = get_path(rd, map, "command", &path);
		if (r)
			return r;
		free(x->command);
		x->command = TAKE_PTR(path);
	}
	return 0;
}

static int read_user(struct reading *rd, const struct yaml_node *map)
{
	static const char *const refused[] = {"auth-provider", "as", "as-uid", "as-groups",
					      "as-user-extra"};
	const struct yaml_node *exec = yaml__get(map, "exec");
	struct kube_config *c = &rd->c;
	int r;

	/* To leave these out would be to come as somebody else. */
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct yaml_node *n = yaml__get(map, refused[i]);

		if (n && !yaml__is_null(n))
			return wrong(rd, n,
				     "%s is not supported; expected a certificate, a token, "
				     "a password or exec",
				     refused[i]);
	}
	r = get_path(rd, map, "client-certificate", &c->cert_file) ?: get_path(rd, map, "client-key", &c->key_file)
		?: get_data(rd, map, "client-certificate-data", &c->cert_data)
		?: get_data(rd, map, "client-key-data", &c->key_data) ?: get_text(rd, map, "token", &c->token)
		?: get_path(rd, map, "tokenFile", &c->token_file) ?: get_text(rd, map, "username", &c->user)
		?: get_text(rd, map, "password", &c->password);
	if (!r && (c->cert_file || c->cert_data) && !c->key_file && !c->key_data)
		r = wrong(rd, map, "the user has a client-certificate but no client-key");
	if (!r && exec && !yaml__is_null(exec))
		r = exec->kind == YAML_MAPPING ? read_exec(rd, exec)
					       : wrong(rd, exec, "exec: expected a mapping");
	return r;
}

/* --- the file ------------------------------------------------------------------------------------- */

static int read_root(struct reading *rd, const char *context)
{
	const struct yaml_node *root = rd->yaml.root, *map = NULL, *part = NULL;
	const struct yaml_node *current = context ? NULL : yaml__get(root, "current-context");
	_cleanup_free_ char *cluster = NULL;
	_cleanup_free_ char *user = NULL;
	int r;

	if (root->kind != YAML_MAPPING)
		return wrong(rd, root, "expected a mapping: this is no kubeconfig");
	if (current && (current->kind != YAML_SCALAR || yaml__is_null(current)))
		current = NULL;
	context = context ? context : current ? current->text : "";
	if (!*context)
		return wrong(rd, root, "it has no current-context; name one with --context");
	rd->c.context = strdup(context);
	rd->c.file = strdup(rd->path);
	if (!rd->c.context || !rd->c.file)
		return no_memory(rd);
	r = find_named(rd, "contexts", "context", context, current, &map) ?: get_text(rd, map, "cluster", &cluster)
		?: get_text(rd, map, "user", &user) ?: get_text(rd, map, "namespace", &rd->c.ns);
	if (r)
		return r;
	if (!cluster)
		return wrong(rd, map, "the context `%s` has no `cluster`", context);
	r = find_named(rd, "clusters", "cluster", cluster, yaml__get(map, "cluster"), &part)
		    ?: read_cluster(rd, part);
	if (!r && user)
		r = find_named(rd, "users", "user", user, yaml__get(map, "user"), &part)
			    ?: read_user(rd, part);
	if (!r && !rd->c.ns && !(rd->c.ns = strdup("default")))
		r = no_memory(rd);
	return r;
}

int kube_config__parse(const char *path, const char *text, size_t len, const char *context,
		       struct kube_config *ret, struct error *err)
{
	struct reading rd = {.path = path, .err = err};
	struct pos pos = {0};
	struct error why = {0};
	int r = yaml__parse(text, len, &rd.yaml, &pos, &why);

	if (r == -ENOMEM)
		return no_memory(&rd);
	if (r)
		return err__set(err, -EINVAL, "%s:%d:%d: %s", path, pos.line, pos.col, why.msg);
	r = read_root(&rd, context);
	yaml__reset(&rd.yaml);
	if (r) {
		kube_config__reset(&rd.c);
		return r;
	}
	*ret = rd.c;
	return 0;
}

/* Which file: the first of $KUBECONFIG that is there, or the usual one. */
static int find_file(char **ret, struct error *err)
{
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");

	while (list && *list) {
		size_t len = strcspn(list, ":");
		char *path = strndup(list, len);

		if (!path)
			return err__set(err, -ENOMEM, "out of memory");
		list += len + (list[len] == ':');
		if (*path && (!*list || !access(path, R_OK))) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	if (!home || !*home)
		return err__set(err, -ENOENT, "no kubeconfig: neither KUBECONFIG nor HOME is set");
	if (asprintf(ret, "%s/.kube/config", home) < 0) {
		*ret = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int kube_config__load(const char *path, const char *context, struct kube_config *ret,
		      struct error *err)
{
	_cleanup_free_ char *found = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = path ? 0 : find_file(&found, err);

	if (r)
		return r;
	path = path ? path : found;
	r = file__read(path, FILE_MAX, &text, &len);
	if (r)
		return err__set(err,
				r == -ENOMEM   ? r
				: r == -ENOENT ? r
					       : -EINVAL,
				"%s: %s", path, strerror(-r));
	r = kube_config__parse(path, text, len, context, ret, err);
	explicit_bzero(text, len);
	return r;
}
