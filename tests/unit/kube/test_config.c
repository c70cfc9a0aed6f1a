// SPDX-License-Identifier: GPL-2.0-only
/* Where the server is and who we are: a kubeconfig, a pod's service account, a command's credentials. */
#include "kube/config.h"
#include "kube/exec.h"

#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, const char *context, struct kube_config *c, struct error *err)
{
	return kube_config__parse("/etc/k/config", text, strlen(text), context, c, err);
}

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
	struct kube_config c = {0}, copy = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(0, parse(whole, NULL, &c, &err));
	assert_string_equal(c.context, "dev");
	assert_string_equal(c.file, "/etc/k/config");
	assert_string_equal(c.server, "https://10.0.0.1:6443");
	assert_string_equal(c.ns, "default");
	assert_string_equal(c.ca_file, "/etc/k/ca.pem");
	assert_string_equal(c.tls_name, "kubernetes");
	assert_string_equal(c.token_file, "/etc/k/secrets/token");
	assert_string_equal(c.cert_file, "/abs/crt");
	assert_string_equal(c.key_file, "/etc/k/key");
	assert_null(c.proxy);
	assert_null(c.exec);
	assert_false(c.insecure);
	kube_config__reset(&c);

	assert_int_equal(0, parse(whole, "prod", &c, &err));
	assert_int_equal(0, kube_config__copy(&c, &copy));
	kube_config__reset(&c);
	kube_config__reset(&c);
	assert_string_equal(copy.server, "https://two.example");
	assert_string_equal(copy.ns, "shop");
	assert_string_equal(copy.ca_data, "-----");
	assert_string_equal(copy.cert_data, "cert");
	assert_string_equal(copy.key_data, "key");
	assert_string_equal(copy.user, "bob");
	assert_string_equal(copy.password, "hunter2");
	assert_string_equal(copy.proxy, "socks5://p:1");
	assert_true(copy.insecure);
	assert_string_equal(copy.exec->command, "/etc/k/./login");
	assert_string_equal(copy.exec->args[1], "token");
	assert_null(copy.exec->args[2]);
	assert_string_equal(copy.exec->env[0], "A=b");
	assert_string_equal(copy.exec->env[1], "C=");
	assert_string_equal(copy.exec->hint, "get it there");
	assert_true(copy.exec->cluster);
	kube_config__reset(&copy);
}

/* JSON is YAML, as some tools write it. */
static void test_json(void **state)
{
	static const char text[] = "{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\","
				   "\"context\":{\"cluster\":\"c\","
				   "\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{"
				   "\"server\":\"http://x\"}}],"
				   "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}]}";
	struct kube_config c = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(0, parse(text, NULL, &c, &err));
	assert_string_equal(c.token, "t");
	kube_config__reset(&c);
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
		{CLUSTER "users: [{name: u, user: {exec: {command: x, args: {}}}}]", NULL,
		 "args: expected a list"},
		{CLUSTER "users: [{name: u, user: {exec: {command: x, env: [a]}}}]", NULL,
		 "env: expected {name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kube_config c = {.server = (char *)"untouched"};
		struct error err = {0};

		assert_int_equal(-EINVAL, parse(bad[i].text, bad[i].context, &c, &err));
		assert_string_equal(c.server, "untouched");
		if (!strstr(err.msg, bad[i].want))
			fail_msg("%zu: expected %s in: %s", i, bad[i].want, err.msg);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_in_cluster(void **state)
{
	char dir[] = "/tmp/chaos-kube-XXXXXX", path[64];
	struct kube_config c = {0};
	struct error err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(-ENOENT, kube_config__in_cluster(dir, &c, &err));
	assert_non_null(strstr(err.msg, "KUBERNETES_SERVICE_HOST"));
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	assert_int_equal(-ENOENT, kube_config__in_cluster(dir, &c, &err));
	assert_non_null(strstr(err.msg, "/token: "));

	write_file(dir, "token", "secret\n");
	assert_int_equal(0, kube_config__in_cluster(dir, &c, &err));
	assert_string_equal(c.server, "https://[fd00::1]:443");
	assert_string_equal(c.ns, "default");
	assert_null(c.ca_file);
	kube_config__reset(&c);

	write_file(dir, "ca.crt", "x");
	write_file(dir, "namespace", "shop\n");
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	assert_int_equal(0, kube_config__in_cluster(dir, &c, &err));
	assert_string_equal(c.server, "https://10.96.0.1:443");
	assert_string_equal(c.ns, "shop");
	assert_string_equal(c.proxy, "");
	snprintf(path, sizeof(path), "%s/ca.crt", dir);
	assert_string_equal(c.ca_file, path);
	kube_config__reset(&c);

	setenv("KUBERNETES_SERVICE_PORT", "44x", 1);
	assert_int_equal(-EINVAL, kube_config__in_cluster(dir, &c, &err));
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {"token", "ca.crt", "namespace"};

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void test_found(void **state)
{
	char dir[] = "/tmp/chaos-kube-XXXXXX", path[64], list[160];
	struct kube_config c = {0};
	struct error err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "config", whole);
	snprintf(path, sizeof(path), "%s/config", dir);
	snprintf(list, sizeof(list), "/nonexistent/one:%s:/nonexistent/two", path);
	setenv("KUBECONFIG", list, 1);
	assert_int_equal(0, kube_config__load(NULL, NULL, &c, &err));
	assert_string_equal(c.file, path);
	kube_config__reset(&c);
	setenv("KUBECONFIG", "/nonexistent/one", 1);
	assert_int_equal(-ENOENT, kube_config__load(NULL, NULL, &c, &err));
	assert_non_null(strstr(err.msg, "/nonexistent/one: No such file"));
	unsetenv("KUBECONFIG");
	setenv("HOME", "/nonexistent", 1);
	assert_int_equal(-ENOENT, kube_config__load(NULL, NULL, &c, &err));
	assert_non_null(strstr(err.msg, "/nonexistent/.kube/config: No such file"));
	unlink(path);
	rmdir(dir);
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
	struct kube_config c = {.token = strdup("old")};
	struct error err = {0};
	int64_t until = 0;

	(void)state;
	assert_int_equal(0, kube_exec__parse(good, strlen(good), &c, &until, &err));
	assert_string_equal(c.token, "new");
	assert_int_equal(until / NS_PER_S, 1767323045);
	assert_int_equal(0, kube_exec__parse(never, strlen(never), &c, &until, &err));
	assert_true(until == INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-EINVAL,
				 kube_exec__parse(bad[i], strlen(bad[i]), &c, &until, &err));
	assert_string_equal(c.token, "new");
	kube_config__reset(&c);
}

static char **vector(const char *a, const char *b)
{
	char **v = calloc(3, sizeof(*v));

	assert_non_null(v);
	v[0] = strdup(a);
	v[1] = b ? strdup(b) : NULL;
	return v;
}

/* A command is run with what the file says, and is told what is wanted. */
static void test_command(void **state)
{
	static const char script[] =
		"test -n \"$A\" || exit 7; printf "
		"'{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' "
		"\"$A$(echo \"$KUBERNETES_EXEC_INFO\" | tr -d '\"{}')\"";
	struct kube_config c = {.server = strdup("https://x")};
	struct error err = {0};
	int64_t until = 0;

	(void)state;
	c.exec = calloc(1, sizeof(*c.exec));
	assert_non_null(c.exec);
	c.exec->api_version = strdup("client.authentication.k8s.io/v1");
	c.exec->command = strdup("sh");
	c.exec->hint = strdup("install it");
	c.exec->args = vector("-c", script);
	assert_int_equal(-EINVAL, kube_exec__run(&c, &until, &err));
	assert_string_equal(err.msg, "exec: sh failed (exit status 7); install it");
	c.exec->env = vector("A=value:", NULL);
	assert_int_equal(0, kube_exec__run(&c, &until, &err));
	assert_string_equal(c.token,
			    "value:apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,"
			    "spec:interactive:false");
	assert_true(until == INT64_MAX);
	free(c.exec->command);
	c.exec->command = strdup("/nonexistent/login");
	assert_int_equal(-EINVAL, kube_exec__run(&c, &until, &err));
	assert_string_equal(err.msg,
			    "exec: /nonexistent/login: No such file or directory; install it");
	kube_config__reset(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	cmocka_unit_test(test_json),
		cmocka_unit_test(test_wrong),	cmocka_unit_test(test_in_cluster),
		cmocka_unit_test(test_found),	cmocka_unit_test(test_credential),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
