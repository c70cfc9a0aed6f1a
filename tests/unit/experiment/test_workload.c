// SPDX-License-Identifier: GPL-2.0-only
/* Workloads: what their options become, and what stands where there are none. Errors are in test_errors.c. */
#include "experiment/experiment.h"
#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN                                       \
	"apiVersion: netchaos.dev/v1alpha1\n"       \
	"kind: Experiment\n"                        \
	"metadata: {name: t}\n"                     \
	"spec:\n"                                   \
	"  duration: 60s\n"                         \
	"  lab: {nodes: {n1: {}, n2: {}, s: {}}}\n" \
	"  observe:\n"                              \
	"    workloads:\n"

static struct experiment *parse(const char *text)
{
	struct experiment *e = NULL;
	struct error err = {0};

	if (experiment__parse("f.yaml", text, strlen(text), 1, &e, &err))
		fail_msg("%s", err.msg);
	return e;
}

static void test_defaults(void **state)
{
	struct experiment *e =
		parse(BEGIN "    - {name: w, system: http, url: 'http://${ip}', endpoints: "
			    "[n1, n2]}\n");
	const struct workload *w = &e->workloads[0];

	(void)state;
	assert_string_equal(w->check, "none");
	assert_int_equal(w->mode, LOAD_OPEN);
	assert_true(w->rate_per_s == 100 && !w->poisson);
	assert_int_equal(w->timeout_ns, NS_PER_S);
	assert_int_equal(w->clients, 2);
	assert_int_equal(w->retry.policy, RETRY_NONE);
	assert_false(w->connect_anew);
	assert_null(w->target);
	assert_null(w->http.method);
	assert_null(w->http.body);
	assert_int_equal(w->http.status_lo, 200);
	assert_int_equal(w->http.status_hi, 299);
	assert_int_equal(w->http.keys, 1);
	assert_true(w->http.zipf == 0);
	experiment__free(e);
}

static void test_http(void **state)
{
	struct experiment *e =
		parse(BEGIN "    - name: w\n"
			    "      system: http\n"
			    "      url: http://${s.ip}:8080/item/${key}?twice=${key}\n"
			    "      method: PUT\n"
			    "      body: 'v=${key}'\n"
			    "      headers: {X-From: '${node}', X-Key: '${key}'}\n"
			    "      expect_status: 200..404\n"
			    "      keys: {count: 5000, zipf: 0.99}\n"
			    "      endpoints: [n1, n2]\n"
			    "      target: s\n"
			    "      clients: 600\n"
			    "      mode: closed\n"
			    "      think: 5.4s\n"
			    "      timeout: 1500ms\n"
			    "      connections: new\n");
	const struct workload *w = &e->workloads[0];

	(void)state;
	assert_int_equal(w->mode, LOAD_CLOSED);
	assert_int_equal(w->think_ns, 5400 * NS_PER_MS);
	assert_int_equal(w->clients, 600);
	assert_string_equal(w->target, "s");
	assert_true(w->connect_anew);
	assert_string_equal(w->http.url, "http://${s.ip}:8080/item/${key}?twice=${key}");
	assert_string_equal(w->http.method, "PUT");
	assert_string_equal(w->http.body, "v=${key}");
	assert_int_equal(w->http.n_headers, 2);
	assert_string_equal(w->http.headers[1].name, "X-Key");
	assert_string_equal(w->http.headers[1].value, "${key}");
	assert_int_equal(w->http.status_hi, 404);
	assert_int_equal(w->http.keys, 5000);
	assert_true(w->http.zipf == 0.99);
	experiment__free(e);
}

static void test_retry(void **state)
{
	struct experiment *e = parse(
		BEGIN
		"    - {name: a, system: redis, check: set, endpoints: n1, retry: immediate}\n"
		"    - {name: b, system: redis, check: set, endpoints: n1, retry: {policy: fixed, "
		"delay: 2s, attempts: 50}}\n"
		"    - {name: c, system: etcd, check: cas, endpoints: n1, retry: {policy: "
		"full-jitter, base: 50ms, cap: 5s, budget: 10%}}\n"
		"    - {name: d, system: redis, check: set, endpoints: n1, retry: exponential, "
		"mode: closed, think: 0}\n"
		"    - {name: e, system: redis, check: set, endpoints: n1, retry: {policy: none}, "
		"arrival: poisson, rate: 5000/s}\n");
	const struct workload *w = e->workloads;

	(void)state;
	assert_int_equal(w[0].retry.policy, RETRY_IMMEDIATE);
	assert_int_equal(w[0].retry.attempts, 10);
	assert_true(w[0].retry.budget == 0);
	assert_int_equal(w[1].retry.policy, RETRY_FIXED);
	assert_int_equal(w[1].retry.delay_ns, 2 * NS_PER_S);
	assert_int_equal(w[1].retry.attempts, 50);
	assert_int_equal(w[2].retry.policy, RETRY_FULL_JITTER);
	assert_int_equal(w[2].retry.base_ns, 50 * NS_PER_MS);
	assert_int_equal(w[2].retry.cap_ns, 5 * NS_PER_S);
	assert_true(w[2].retry.budget == 0.1);
	assert_int_equal(w[3].retry.policy, RETRY_EXPONENTIAL);
	assert_int_equal(w[3].retry.base_ns, 100 * NS_PER_MS);
	assert_int_equal(w[3].retry.cap_ns, 10 * NS_PER_S);
	assert_int_equal(w[3].think_ns, 0);
	assert_int_equal(w[4].retry.policy, RETRY_NONE);
	assert_true(w[4].poisson && w[4].rate_per_s == 5000);
	experiment__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_retry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
