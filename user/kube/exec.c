// SPDX-License-Identifier: GPL-2.0-only
#include "kube/exec.h"
#include "kube/config.h"
#include "kube/json.h"

#include "lib/base64.h"
#include "lib/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ANSWER_MAX (1024 * 1024)

/* What the command is told of what is wanted: KUBERNETES_EXEC_INFO. */
static char *exec_info(const struct kube_config *c)
{
	json_t *spec = json_pack("{s:b}", "interactive", 0), *info;
	_cleanup_free_ char *body = NULL;
	char *text = NULL;

	if (c->exec->cluster) {
		_cleanup_free_ char *ca =
			c->ca_data ? malloc(BASE64_SIZE(strlen(c->ca_data))) : NULL;

		if (ca)
			base64__encode(ca, c->ca_data, strlen(c->ca_data));
		json_object_set_new(spec, "cluster",
				    json_pack("{s:s, s:s*, s:s*, s:b}", "server", c->server,
					      "tls-server-name", c->tls_name,
					      "certificate-authority-data", ca,
					      "insecure-skip-tls-verify", c->insecure));
	}
	info = json_pack("{s:s, s:s, s:o}", "apiVersion", c->exec->api_version, "kind",
			 "ExecCredential", "spec", spec);
	body = info ? json_dumps(info, JSON_COMPACT) : NULL;
	if (body && asprintf(&text, "KUBERNETES_EXEC_INFO=%s", body) < 0)
		text = NULL;
	json_decref(info);
	return text;
}

static bool overridden(const char *entry, char *const *env)
{
	size_t len = strcspn(entry, "=") + 1;

	if (!strncmp(entry, "KUBERNETES_EXEC_INFO=", 21))
		return true;
	for (size_t i = 0; env && env[i]; i++) {
		if (!strncmp(env[i], entry, len))
			return true;
	}
	return false;
}

/* Ours, theirs, and @info; the vector is to be freed, its strings are not. */
static char **make_env(const struct kube_exec *x, char *info)
{
	size_t n = 0, k = 0;
	char **env;

	while (environ[n])
		n++;
	while (x->env && x->env[k])
		k++;
	env = calloc(n + k + 2, sizeof(*env));
	if (!env)
		return NULL;
	n = 0;
	for (size_t i = 0; environ[i]; i++) {
		if (!overridden(environ[i], x->env))
			env[n++] = environ[i];
	}
	for (size_t i = 0; i < k; i++)
		env[n++] = x->env[i];
	env[n] = info;
	return env;
}

static int start(const struct kube_exec *x, char **env, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	size_t n = 0;
	char **argv;
	int r;

	while (x->args && x->args[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	argv[0] = x->command;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = x->args[i];
	sigemptyset(&none);
	sigfillset(&usual);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(ret_pid, x->command, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(argv);
	return -r;
}

static bool wait_readable(int fd, int64_t end_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = (end_ns - clock__now()) / NS_PER_MS;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) > 0)
			return true;
	}
}

/* All that it writes, until it closes its end. */
static int collect(int fd, int64_t end_ns, char *text, size_t size, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		if (!wait_readable(fd, end_ns))
			return -ETIMEDOUT;
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	}
	*ret_len = len;
	return 0;
}

/*
 * Its end: by itself until @end_ns (0: now), else made: -ETIMEDOUT. It may have closed its stdout long before. Where there
 * are no pidfds it is trusted to end then.
 */
static int reap(pid_t pid, int64_t end_ns, int *ret_status)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool late = fd < 0 ? !end_ns : !wait_readable(fd, end_ns);

	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return late ? -ETIMEDOUT : 0;
}

static int run(const struct kube_exec *x, char **env, int64_t end_ns, char *text, size_t size,
	       size_t *ret_len, struct error *err)
{
	_cleanup_close_ int in = -1;
	_cleanup_close_ int out = -1;
	int fds[2], r, ended, status = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err__set(err, -errno, "a pipe: %s", strerror(errno));
	in = fds[0];
	out = fds[1];
	r = start(x, env, out, &pid);
	if (r)
		return err__set(err, -EINVAL, "exec: %s: %s%s%s", x->command, strerror(-r),
				x->hint ? "; " : "", x->hint ? x->hint : "");
	out = safe_close(out);
	r = collect(in, end_ns, text, size, ret_len);
	ended = reap(pid, r ? 0 : end_ns, &status);
	r = r ? r : ended;
	if (r)
		return err__set(err, -EINVAL, "exec: %s: %s", x->command, strerror(-r));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err__set(err, -EINVAL, "exec: %s failed (%s %d)%s%s", x->command,
				WIFEXITED(status) ? "exit status" : "signal",
				WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
				x->hint ? "; " : "", x->hint ? x->hint : "");
	return 0;
}

/* RFC 3339 in UTC, which is what they write. */
static int64_t parse_time(const char *s)
{
	struct tm tm = {0};
	const char *end = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t t = end ? (int64_t)timegm(&tm) : INT64_MAX;

	/* Whoever says year 4000 means never. */
	return t < 0 ? 0 : t > INT64_MAX / NS_PER_S ? INT64_MAX : t * NS_PER_S;
}

static int replace(char **dst, const char *src)
{
	char *s = src ? strdup(src) : NULL;

	if (!src)
		return 0;
	if (!s)
		return -ENOMEM;
	secret__free(*dst);
	*dst = s;
	return 0;
}

int kube_exec__parse(const char *text, size_t len, struct kube_config *c, int64_t *ret_expires_ns,
		     struct error *err)
{
	json_t *o = kube_json__load(text, len);
	const json_t *status = json_object_get(o, "status");
	const char *kind = kube_json__string(o, "kind", NULL);
	const char *token = kube_json__string(status, "token", NULL);
	const char *cert = kube_json__string(status, "clientCertificateData", NULL);
	const char *key = kube_json__string(status, "clientKeyData", NULL);
	int r = 0;

	if (!kind || strcmp(kind, "ExecCredential") != 0)
		r = err__set(err, -EINVAL, "exec: expected an ExecCredential in JSON");
	else if (!token && !(cert && key))
		r = err__set(err, -EINVAL,
			     "exec: the ExecCredential has neither a token nor a certificate with "
			     "its key");
	else if (replace(&c->token, token) || replace(&c->cert_data, cert) ||
		 replace(&c->key_data, key))
		r = err__set(err, -ENOMEM, "out of memory");
	if (!r)
		*ret_expires_ns =
			parse_time(kube_json__string(status, "expirationTimestamp", NULL));
	json_decref(o);
	return r;
}

int kube_exec__run(struct kube_config *c, int64_t limit_ns, int64_t *ret_expires_ns,
		   struct error *err)
{
	_cleanup_free_ char *info = exec_info(c);
	_cleanup_free_ char **env = info ? make_env(c->exec, info) : NULL;
	_cleanup_free_ char *text = malloc(ANSWER_MAX);
	size_t len = 0;
	int r;

	if (!env || !text)
		return err__set(err, -ENOMEM, "out of memory");
	r = run(c->exec, env, clock__now() + limit_ns, text, ANSWER_MAX, &len, err);
	if (!r)
		r = kube_exec__parse(text, len, c, ret_expires_ns, err);
	explicit_bzero(text, len);
	return r;
}
