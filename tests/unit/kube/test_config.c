// SPDX-License-Identifier: GPL-2.0-only
/* Where the server is and who we are: a kubeconfig, a pod's service account, a command's credentials. */
#include "kube/config.h"
#include "kube/exec.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What each test begins with and leaves behind: nothing. */
struct fixture {
	char dir[32], path[64]; /* an empty folder, and the last file in it */
	struct kube_config c;
	struct error err;
	int64_t until;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/chaos-kube-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"token", "ca.crt", "namespace", "config"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, names[i]);
		unlink(f->path);
	}
	rmdir(f->dir);
	kube_config__reset(&f->c);
	free(f);
	return 0;
}

/* Into an empty f->c, as all below. */
static int parse(struct fixture *f, const char *text, const char *context)
{
	kube_config__reset(&f->c);
	return kube_config__parse("/etc/k/config", text, strlen(text), context, &f->c, &f->err);
}

static int in_cluster(struct fixture *f)
{
	kube_config__reset(&f->c);
	return kube_config__in_cluster(f->dir, &f->c, &f->err);
}

static int load(struct fixture *f, const char *path)
{
	kube_config__reset(&f->c);
	return kube_config__load(path, NULL, &f->c, &f->err);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	FILE *file;

	snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	file = fopen(f->path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define assert_words(err, want)                                          \
	do {                                                             \
		if (!strstr((err).msg, want))                            \
			fail_msg("expected %s in: %s", want, (err).msg); \
	} while (0)

static const char whole[] =
	"apiVersion: v1\n"
	"kind: Config\n"
	"current-context: dev\n"
	"preferences: {}\n"
	"contexts:\n"
	"- {name: dev, context: {cluster: one, user: alice}}\n"
	"- {name: prod, context: {cluster: two, user: bob, namespace: shop}}\n"
	"- {name: broken, context: {cluster: three}}\n"
	"clusters:\n"
	"- name: one\n"
	"  cluster:\n"
	"    server: https://10.0.0.1:6443/\n"
	"    certificate-authority: ca.pem\n"
	"    tls-server-name: kubernetes\n"
	"- name: two\n"
	"  cluster:\n"
	"    server: https://two.example//\n"
	"    certificate-authority-data: |\n"
	"      LS0t\n"
	"      LS0=\n"
	"    insecure-skip-tls-verify: true\n"
	"    proxy-url: socks5://p:1\n"
	"users:\n"
	"- name: alice\n"
	"  user: {tokenFile: secrets/token, client-certificate: /abs/crt, client-key: key}\n"
	"- name: bob\n"
	"  user:\n"
	"    username: bob\n"
	"    password: hunter2\n"
	"    client-certificate-data: Y2VydA==\n"
	"    client-key-data: a2V5\n"
	"    exec:\n"
	"      apiVersion: client.authentication.k8s.io/v1\n"
	"      command: ./login\n"
	"      args: [get, token]\n"
	"      env: [{name: A, value: b}, {name: C, value: ''}]\n"
	"      installHint: get it there\n"
	"      provideClusterInfo: true\n";

static void test_whole(void **state)
{
	struct fixture *f = *state;
	struct kube_config *c = &f->c, copy = {0};

	assert_int_equal(0, parse(f, whole, NULL));
	assert_string_equal(c->context, "dev");
	assert_string_equal(c->file, "/etc/k/config");
	assert_string_equal(c->server, "https://10.0.0.1:6443");
	assert_string_equal(c->ns, "default");
	assert_string_equal(c->ca_file, "/etc/k/ca.pem");
	assert_string_equal(c->tls_name, "kubernetes");
	assert_string_equal(c->token_file, "/etc/k/secrets/token");
	assert_string_equal(c->cert_file, "/abs/crt");
	assert_string_equal(c->key_file, "/etc/k/key");
	assert_null(c->proxy);
	assert_null(c->exec);
	assert_false(c->insecure);

	/* A copy lives on its own. */
	assert_int_equal(0, parse(f, whole, "prod"));
	assert_int_equal(0, kube_config__copy(c, &copy));
	kube_config__reset(c);
	kube_config__reset(c);
	*c = copy;
	assert_string_equal(c->server, "https://two.example");
	assert_string_equal(c->ns, "shop");
	assert_string_equal(c->ca_data, "-----");
	assert_string_equal(c->cert_data, "cert");
	assert_string_equal(c->key_data, "key");
	assert_string_equal(c->user, "bob");
	assert_string_equal(c->password, "hunter2");
	assert_string_equal(c->proxy, "socks5://p:1");
	assert_true(c->insecure);
	assert_string_equal(c->exec->command, "/etc/k/./login");
	assert_string_equal(c->exec->args[1], "token");
	assert_null(c->exec->args[2]);
	assert_string_equal(c->exec->env[0], "A=b");
	assert_string_equal(c->exec->env[1], "C=");
	assert_string_equal(c->exec->hint, "get it there");
	assert_true(c->exec->cluster);
}

/* JSON is YAML, as some tools write it. */
static void test_json(void **state)
{
	static const char text[] = "{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\","
				   "\"context\":{\"cluster\":\"c\","
				   "\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{"
				   "\"server\":\"http://x\"}}],"
				   "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}]}";
	struct fixture *f = *state;

	assert_int_equal(0, parse(f, text, NULL));
	assert_string_equal(f->c.token, "t");
}

static void test_wrong(void **state)
{
#define HEAD "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
#define CLUSTER HEAD "clusters: [{name: c, cluster: {server: 'https://x'}}]\n"
	static const struct {
		const char *text, *context, *want;
	} bad[] = {
		{"", NULL, "/etc/k/config:1:1: the file is empty"},
		{"[]", NULL, "/etc/k/config:1:1: expected a mapping: this is no kubeconfig"},
		{"a: [", NULL, "/etc/k/config:2:1: this is no YAML"},
		{"a: 1", NULL, "it has no current-context; name one with --context"},
		{"current-context: ''", NULL, "it has no current-context"},
		{"current-context: a", NULL, "/etc/k/config:1:18: no context `a`"},
		{whole, "prd", "/etc/k/config:6:1: no context `prd`; did you mean `prod`?"},
		{whole, "broken", "/etc/k/config:8:37: no cluster `three`"},
		{"current-context: a\ncontexts: 7", NULL, "2:11: contexts: expected a list"},
		{"current-context: a\ncontexts: [7]", NULL, "2:12: contexts: expected {name: ..."},
		{"current-context: a\ncontexts: [{name: a, context: []}]", NULL,
		 "context: expected a mapping"},
		{"current-context: a\ncontexts: [{name: a, context: {}}]", NULL,
		 "has no `cluster`"},
		{HEAD "clusters: [{name: c, cluster: {}}]", NULL,
		 "3:31: the cluster has no `server`"},
		{HEAD "clusters: [{name: c, cluster: {server: []}}]", NULL,
		 "server: expected text"},
		{HEAD "clusters: [{name: c, cluster: {server: 'ftp://x'}}]", NULL,
		 "3:40: server: expected a URL"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://x', "
		      "insecure-skip-tls-verify: maybe}}]",
		 NULL, "insecure-skip-tls-verify: expected true or false"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://x', "
		      "certificate-authority-data: '?'}}]",
		 NULL, "3:81: certificate-authority-data: expected PEM in base64"},
		{CLUSTER "users: []", NULL, "/etc/k/config:2:50: no user `u`"},
		{CLUSTER "users: [{name: u, user: {auth-provider: {name: gcp}}}]", NULL,
		 "auth-provider is not supported"},
		{CLUSTER "users: [{name: u, user: {as: root}}]", NULL, "4:30: as is not supported"},
		{CLUSTER "users: [{name: u, user: {client-certificate: x}}]", NULL,
		 "no client-key"},
		{CLUSTER
		 "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1}}}]",
		 NULL, "expected a `command`"},
		{CLUSTER "users: [{name: u, user: {exec: {command: x, apiVersion: v1}}}]", NULL,
		 "expected apiVersion client.authentication.k8s.io/"},
		{CLUSTER "users: [{name: u, user: {exec: login}}]", NULL,
		 "exec: expected a mapping"},
		{CLUSTER "users: [{name: u, user: {exec: {command: x, args: {}}}}]", NULL,
		 "args: expected a list"},
		{CLUSTER "users: [{name: u, user: {exec: {command: x, env: [a]}}}]", NULL,
		 "env: expected {name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kube_config c = {.server = (char *)"untouched"};
		struct error err = {0};

		assert_int_equal(-EINVAL,
				 kube_config__parse("/etc/k/config", bad[i].text,
						    strlen(bad[i].text), bad[i].context, &c, &err));
		assert_string_equal(c.server, "untouched");
		assert_words(err, bad[i].want);
	}
}

static void test_in_cluster(void **state)
{
	struct fixture *f = *state;

	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(-ENOENT, in_cluster(f));
	assert_words(f->err, "KUBERNETES_SERVICE_HOST");
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	assert_int_equal(-ENOENT, in_cluster(f));
	assert_words(f->err, "/token: No such file");

	write_file(f, "token", "secret\n");
	assert_int_equal(0, in_cluster(f));
	assert_string_equal(f->c.server, "https://[fd00::1]:443");
	assert_string_equal(f->c.ns, "default");
	assert_null(f->c.ca_file);

	write_file(f, "namespace", "shop\n");
	write_file(f, "ca.crt", "x");
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	assert_int_equal(0, in_cluster(f));
	assert_string_equal(f->c.server, "https://10.96.0.1:443");
	assert_string_equal(f->c.ns, "shop");
	assert_string_equal(f->c.proxy, "");
	assert_string_equal(f->c.ca_file, f->path);

	setenv("KUBERNETES_SERVICE_PORT", "44x", 1);
	assert_int_equal(-EINVAL, in_cluster(f));
}

static void test_found(void **state)
{
	struct fixture *f = *state;
	char list[160];

	write_file(f, "config", whole);
	snprintf(list, sizeof(list), "/nonexistent/one:%s:/nonexistent/two", f->path);
	setenv("KUBECONFIG", list, 1);
	assert_int_equal(0, load(f, NULL));
	assert_string_equal(f->c.file, f->path);
	setenv("KUBECONFIG", "/nonexistent/one", 1);
	assert_int_equal(-ENOENT, load(f, NULL));
	assert_words(f->err, "/nonexistent/one: No such file");
	unsetenv("KUBECONFIG");
	setenv("HOME", "/nonexistent", 1);
	assert_int_equal(-ENOENT, load(f, NULL));
	assert_words(f->err, "/nonexistent/.kube/config: No such file");
}

/* What a shell's <(...) gives: a pipe whose writer has not begun when it is opened. */
static void test_pipe(void **state)
{
	struct fixture *f = *state;
	FILE *p = popen("sleep 0.2; cat /dev/fd/3 3<<'END'\n"
			"{current-context: a, contexts: [{name: a, context: {cluster: c}}],\n"
			"clusters: [{name: c, cluster: {server: 'https://x'}}]}\nEND\n",
			"r");
	char path[32];

	assert_non_null(p);
	snprintf(path, sizeof(path), "/dev/fd/%d", fileno(p));
	assert_int_equal(0, load(f, path));
	assert_string_equal(f->c.server, "https://x");
	assert_int_equal(0, pclose(p));
}

static void test_credential(void **state)
{
	static const char good[] = "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"new\","
				   "\"expirationTimestamp\":\"2026-01-02T03:04:05Z\"}}";
	static const char never[] = "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"new\","
				    "\"expirationTimestamp\":\"4271-01-02T03:04:05Z\"}}";
	static const char *const bad[] = {
		"", "no token here", "{\"kind\":\"Token\",\"status\":{\"token\":\"x\"}}",
		"{\"kind\":\"ExecCredential\"}",
		"{\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"x\"}}"};
	struct fixture *f = *state;

	f->c.token = strdup("old");
	assert_int_equal(0, kube_exec__parse(good, strlen(good), &f->c, &f->until, &f->err));
	assert_string_equal(f->c.token, "new");
	assert_int_equal(f->until / NS_PER_S, 1767323045);
	assert_int_equal(0, kube_exec__parse(never, strlen(never), &f->c, &f->until, &f->err));
	assert_true(f->until == INT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(-EINVAL, kube_exec__parse(bad[i], strlen(bad[i]), &f->c, &f->until,
							   &f->err));
	assert_string_equal(f->c.token, "new");
}

static char **vector(const char *a, const char *b)
{
	char **v = calloc(3, sizeof(*v));

	assert_non_null(v);
	v[0] = strdup(a);
	v[1] = b ? strdup(b) : NULL;
	return v;
}

/* `sh -c @script` for credentials of https://x. */
static void use_command(struct fixture *f, const char *script)
{
	kube_config__reset(&f->c);
	f->c.server = strdup("https://x");
	f->c.exec = calloc(1, sizeof(*f->c.exec));
	assert_non_null(f->c.exec);
	f->c.exec->api_version = strdup("client.authentication.k8s.io/v1");
	f->c.exec->command = strdup("sh");
	f->c.exec->hint = strdup("install it");
	f->c.exec->args = vector("-c", script);
}

/* A command is run with what the file says, and is told what is wanted. */
static void test_command(void **state)
{
	static const char script[] =
		"test -n \"$A\" || exit 7; printf "
		"'{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' "
		"\"$A$(echo \"$KUBERNETES_EXEC_INFO\" | tr -d '\"{}')\"";
	struct fixture *f = *state;

	use_command(f, script);
	assert_int_equal(-EINVAL, kube_exec__run(&f->c, KUBE_EXEC_LIMIT_NS, &f->until, &f->err));
	assert_string_equal(f->err.msg, "exec: sh failed (exit status 7); install it");
	f->c.exec->env = vector("A=value:", NULL);
	assert_int_equal(0, kube_exec__run(&f->c, KUBE_EXEC_LIMIT_NS, &f->until, &f->err));
	assert_string_equal(f->c.token,
			    "value:apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,"
			    "spec:interactive:false");
	assert_true(f->until == INT64_MAX);
	free(f->c.exec->command);
	f->c.exec->command = strdup("/nonexistent/login");
	assert_int_equal(-EINVAL, kube_exec__run(&f->c, KUBE_EXEC_LIMIT_NS, &f->until, &f->err));
	assert_string_equal(f->err.msg,
			    "exec: /nonexistent/login: No such file or directory; install it");
}

/* One that says nothing, and one that has said all and does not end. */
static void test_command_hangs(void **state)
{
	static const char *const scripts[] = {
		"exec sleep 60",
		"echo '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"x\"}}'; exec >&-; exec "
		"sleep 60"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		int64_t began = clock__now();

		use_command(f, scripts[i]);
		assert_int_equal(-EINVAL, kube_exec__run(&f->c, NS_PER_S / 5, &f->until, &f->err));
		assert_string_equal(f->err.msg, "exec: sh: Connection timed out");
		assert_null(f->c.token);
		assert_true(clock__now() - began < 30 * NS_PER_S);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),      TEST(test_json),	   TEST(test_wrong),
		TEST(test_in_cluster), TEST(test_found),   TEST(test_pipe),
		TEST(test_credential), TEST(test_command), TEST(test_command_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
