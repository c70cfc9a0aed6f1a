// SPDX-License-Identifier: GPL-2.0-only
/* An experiment for a cluster: as a file, findings have their place; as an object, the path of the field. */
#include "experiment/experiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
	"apiVersion: netchaos.dev/v1alpha1\n"
	"kind: Experiment\n"
	"spec:\n"
	"  duration: 30s\n"
	"  allowHost: true\n"
	"  endpoints:\n"
	"    web: {pods: {labels: {app: web}}}\n"
	"    db: [{pods: {namespace: db, annotations: {team: a}}}, {cidr: 10.0.0.0/8}]\n"
	"  observe:\n"
	"    roles: [{resource: r, system: etcd, endpoints: web}]\n";

static int parse(const struct experiment_mode *mode, struct experiment **ret, struct error *err)
{
	return experiment__parse_as("f", text, strlen(text), 7, NULL, mode, ret, err);
}

static void test_places(void **state)
{
	struct experiment_mode mode = {.place = EXPERIMENT_CLUSTER, .ns = "shop"};
	struct experiment *e = NULL, *child = NULL;
	struct error err = {0};

	(void)state;
	/* nobody on this machine knows annotations */
	assert_int_equal(parse(NULL, &e, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "f:8:46: annotations of pods are known to the API server only; "
			    "expected `labels`");
	assert_int_equal(parse(&mode, &e, &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"f:5:14: faults on a node's own network may cut it off; this agent does not "
		"permit it");
	mode.paths = true;
	assert_int_equal(parse(&mode, &e, &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"spec.allowHost: faults on a node's own network may cut it off; this agent "
		"does not permit it");
	mode.allow_host = true;
	assert_int_equal(parse(&mode, &e, &err), 0);
	assert_string_equal(e->endpoints[0].selectors[0].value, "shop/app=web");
	assert_string_equal(e->endpoints[0].selectors[0].path, "spec.endpoints.web");
	assert_string_equal(e->endpoints[1].selectors[1].path, "spec.endpoints.db[1]");
	/* its copy is what a node is given */
	mode = (struct experiment_mode){.place = EXPERIMENT_MEMBERS};
	assert_int_equal(experiment__parse_as("g", e->resolved, strlen(e->resolved), 1, NULL, &mode,
					      &child, &err),
			 0);
	assert_int_equal(child->seed, 7);
	assert_string_equal(child->endpoints[0].selectors[0].value, "shop/app=web");
	assert_null(child->endpoints[0].selectors[0].path);
	experiment__free(child);
	experiment__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
