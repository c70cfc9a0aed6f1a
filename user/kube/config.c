// SPDX-License-Identifier: GPL-2.0-only
/* config.c: what is the same for every kind of configuration, and that of a pod. */
#include "kube/config.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define NAMESPACE_MAX 256
#define PIPE_LIMIT_MS 30000 /* for the next bytes */

void secret__free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void free_strings(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		secret__free(v[i]);
	free(v);
}

void kube_exec__free(struct kube_exec *x)
{
	if (!x)
		return;
	free(x->api_version);
	free(x->command);
	free(x->hint);
	free_strings(x->args);
	free_strings(x->env);
	free(x);
}

void kube_config__reset(struct kube_config *c)
{
	char *const plain[] = {c->server,    c->ns,	  c->context,	 c->file,     c->ca_file,
			       c->cert_file, c->key_file, c->token_file, c->tls_name, c->user};
	char *const secret[] = {c->ca_data, c->cert_data, c->key_data,
				c->token,   c->password,  c->proxy};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		free(plain[i]);
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		secret__free(secret[i]);
	kube_exec__free(c->exec);
	*c = (struct kube_config){0};
}

static int copy(char **dst, const char *src)
{
	*dst = src ? strdup(src) : NULL;
	return src && !*dst ? -ENOMEM : 0;
}

static int copy_strings(char ***dst, char *const *src)
{
	size_t n = 0;

	while (src && src[n])
		n++;
	*dst = src ? calloc(n + 1, sizeof(**dst)) : NULL;
	if (src && !*dst)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (copy(&(*dst)[i], src[i]))
			return -ENOMEM;
	}
	return 0;
}

static int copy_exec(struct kube_exec **dst, const struct kube_exec *src)
{
	struct kube_exec *x = calloc(1, sizeof(*x));

	*dst = x;
	if (!x)
		return -ENOMEM;
	x->cluster = src->cluster;
	return copy(&x->api_version, src->api_version) ?: copy(&x->command, src->command)
		?: copy(&x->hint, src->hint) ?: copy_strings(&x->args, src->args)
		?: copy_strings(&x->env, src->env);
}

int kube_config__copy(const struct kube_config *c, struct kube_config *ret)
{
	struct kube_config n = {.insecure = c->insecure};
	const struct {
		char **dst;
		const char *src;
	} strings[] = {
		{&n.server, c->server},	      {&n.ns, c->ns},
		{&n.context, c->context},     {&n.file, c->file},
		{&n.ca_file, c->ca_file},     {&n.cert_file, c->cert_file},
		{&n.key_file, c->key_file},   {&n.ca_data, c->ca_data},
		{&n.cert_data, c->cert_data}, {&n.key_data, c->key_data},
		{&n.token, c->token},	      {&n.token_file, c->token_file},
		{&n.user, c->user},	      {&n.password, c->password},
		{&n.tls_name, c->tls_name},   {&n.proxy, c->proxy},
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(strings); i++)
		r = copy(strings[i].dst, strings[i].src);
	if (!r && c->exec)
		r = copy_exec(&n.exec, c->exec);
	if (r) {
		kube_config__reset(&n);
		return r;
	}
	*ret = n;
	return 0;
}

int file__read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	_cleanup_free_ char *text = NULL;
	size_t len = 0, cap = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		if (len + 1 >= cap) {
			char *more = realloc(text, cap = cap ? cap * 2 : 4096);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		/* A pipe, as shells make for <(...), whose writer takes its time. */
		if (n < 0 && errno == EAGAIN && poll(&p, 1, PIPE_LIMIT_MS) == 1)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (!n)
			break;
	}
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

/* "https://HOST:PORT" of the service that each pod is told. */
static int service_url(char **ret, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host && strchr(host, ':');

	if (!host || !*host || !port || !*port)
		return err__set(err, -ENOENT,
				"this is no pod of a cluster: KUBERNETES_SERVICE_HOST and "
				"KUBERNETES_SERVICE_PORT are not set; name a --kubeconfig");
	if (strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 ||
	    strpbrk(host, "/?#@ \t\r\n"))
		return err__set(err, -EINVAL,
				"KUBERNETES_SERVICE_HOST `%s` and KUBERNETES_SERVICE_PORT `%s` are "
				"no address and port",
				host, port);
	if (asprintf(ret, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Its path, or NULL and errno where it cannot be read. */
static int account_file(const char *root, const char *name, char **ret)
{
	if (asprintf(ret, "%s/%s", root, name) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	if (!access(*ret, R_OK))
		return 0;
	free(*ret);
	*ret = NULL;
	return 0;
}

static int account_namespace(const char *root, char **ret)
{
	_cleanup_free_ char *path = NULL;
	char *text = NULL;
	size_t len;
	int r = account_file(root, "namespace", &path);

	if (!r && (!path || file__read(path, NAMESPACE_MAX, &text, &len)))
		text = strdup("default");
	if (r || !text)
		return -ENOMEM;
	text[strcspn(text, " \t\r\n")] = '\0';
	*ret = text;
	return 0;
}

int kube_config__in_cluster(const char *root, struct kube_config *ret, struct error *err)
{
	struct kube_config c = {0};
	int r;

	root = root ? root : SERVICE_ACCOUNT;
	r = service_url(&c.server, err);
	if (!r)
		r = account_file(root, "token", &c.token_file);
	if (!r && !c.token_file)
		r = err__set(err, -ENOENT, "%s/token: %s; has the pod a service account?", root,
			     strerror(errno));
	if (!r)
		r = account_file(root, "ca.crt", &c.ca_file) ?: account_namespace(root, &c.ns)
			?: copy(&c.proxy, "");
	if (r == -ENOMEM)
		err__set(err, r, "out of memory");
	if (r) {
		kube_config__reset(&c);
		return r;
	}
	*ret = c;
	return 0;
}
