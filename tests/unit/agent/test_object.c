// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the API: what they become, what is refused and by which path, and that the child reads the same. */
#include "cluster.h"

static void cleanup_object(struct cluster_object *o)
{
	cluster_object__reset(o);
}

#define OBJECT __attribute__((cleanup(cleanup_object))) struct cluster_object

#define META "\"metadata\": {\"name\": \"cut\", \"namespace\": \"shop\", \"uid\": \"4711-x\"}"
#define EXPERIMENT(spec)                                                              \
	"{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", " META \
	", \"spec\": {" spec "}}"
#define CHAOS(spec)                                                                            \
	"{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"NetworkChaos\", " META ", " \
	"\"spec\": {\"mode\": \"all\", \"action\": \"partition\", " spec "}}"
#define WEB "\"web\": {\"pods\": {\"labels\": {\"app\": \"web\"}}}"
/* One endpoint, one fault; @rest begins with a comma. */
#define ONE(endpoints, rest) \
	EXPERIMENT("\"duration\": \"30s\", \"endpoints\": {" endpoints "}" rest)

static void same_selectors(const struct experiment *a, const struct experiment *b)
{
	assert_int_equal(a->n_endpoints, b->n_endpoints);
	for (size_t i = 0; i < a->n_endpoints; i++) {
		assert_string_equal(a->endpoints[i].name, b->endpoints[i].name);
		assert_int_equal(a->endpoints[i].n_selectors, b->endpoints[i].n_selectors);
		for (size_t k = 0; k < a->endpoints[i].n_selectors; k++)
			assert_int_equal(selector__compare(&a->endpoints[i].selectors[k],
							   &b->endpoints[i].selectors[k]),
					 0);
	}
}

static struct cluster_object load(const char *text)
{
	const struct experiment_mode members = {.place = EXPERIMENT_MEMBERS};
	json_t *j = json("%s", text);
	struct experiment *again = NULL;
	struct cluster_object o = {0};
	struct error err = {0};

	if (object__load(j, &o, &err))
		fail_msg("%s\n%s", err.msg, text);
	json_decref(j);
	/* what the child is given is the same again: names, indexes of selectors, seed, faults */
	if (experiment__parse_as("f", o.e->resolved, strlen(o.e->resolved), 1, NULL, &members,
				 &again, &err))
		fail_msg("%s\n%s", err.msg, o.e->resolved);
	same_selectors(o.e, again);
	assert_int_equal(again->seed, o.e->seed);
	assert_int_equal(again->n_faults, o.e->n_faults);
	assert_int_equal(again->duration_ns, o.e->duration_ns);
	assert_string_equal(again->resolved, o.e->resolved);
	experiment__free(again);
	return o;
}

static const char *describe(const struct experiment *e, size_t endpoint, size_t selector)
{
	static char words[300];

	return selector__describe(&e->endpoints[endpoint].selectors[selector], words,
				  sizeof(words));
}

static void test_experiment(void **state)
{
	OBJECT o = load(
		"{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\","
		"\"metadata\": {\"name\": \"cut\", \"namespace\": \"shop\", \"uid\": \"4711-x\", "
		"\"generation\": 3,"
		"\"annotations\": {\"netchaos.dev/pause\": \"true\", \"netchaos.dev/stop\": "
		"\"yes\","
		"\"netchaos.dev/node-traffic\": \"fault\", \"netchaos.dev/description\": \"why\","
		"\"kubectl.kubernetes.io/last\": \"{\\n\\u0001}\"},"
		"\"managedFields\": [{\"f:x\": {\".\": {}}}]},"
		"\"spec\": {\"duration\": \"30s\", \"maxEndpoints\": 5, \"endpoints\": {"
		"\"web\": [{\"pods\": {\"labels\": {\"app\": \"web\"}}, \"pick\": \"one\"},"
		"{\"pods\": {\"namespace\": \"other\", \"name\": \"x\"}, \"not\": {\"pods\": "
		"{\"labels\": {\"a\": \"b\"}}}}],"
		"\"net\": {\"cidr\": \"10.0.0.0/8\"}, \"db\": {\"host\": \"db.example.org\"}},"
		"\"faults\": [{\"name\": \"slow\", \"at\": \"5s\", \"from\": \"web\", \"delay\": "
		"{\"latency\": \"10ms\"},"
		"\"loss\": {\"probability\": 0.00001}, \"for\": null}],"
		"\"expect\": [\"writes.lost == 0\"]},"
		"\"status\": {\"observedGeneration\": 2, \"startAt\": "
		"\"2026-01-31T12:00:00.250000Z\","
		"\"picked\": {\"web/0\": [\"shop/web-1\"]}}}");
	OBJECT twin = load(ONE(WEB, ""));

	(void)state;
	assert_string_equal(o.kind, "Experiment");
	assert_int_equal(o.type, OBJECT_EXPERIMENT);
	assert_string_equal(o.ns, "shop");
	assert_string_equal(o.name, "cut");
	assert_string_equal(o.uid, "4711-x");
	assert_true(o.paused && !o.stop && o.node_traffic && !o.deleting);
	assert_int_equal(o.generation, 3);
	assert_int_equal(o.observed_generation, 2);
	assert_int_equal(o.start_at_ns, 1769860800250000000LL);
	assert_int_equal(json_array_size(json_object_get(o.picked, "web/0")), 1);
	assert_string_equal(o.e->description, "why");
	assert_int_equal(o.e->max_endpoints, 5);
	assert_true(o.e->faults[0].loss.chance.p.from > 0.99e-5 &&
		    o.e->faults[0].loss.chance.p.from < 1.01e-5);
	/* keys in their order: db, net, web */
	assert_string_equal(describe(o.e, 2, 0), "pods:shop/app=web (one)");
	assert_string_equal(describe(o.e, 2, 1), "pod:other/x but not pods:shop/a=b");
	assert_string_equal(o.e->endpoints[2].selectors[0].path, "spec.endpoints.web[0]");
	assert_string_equal(o.e->endpoints[0].selectors[0].path, "spec.endpoints.db");
	/* the seed is the object's own, and a short one */
	assert_int_equal(o.e->seed, twin.e->seed);
	assert_true(o.e->seed && o.e->seed <= UINT32_MAX);
	assert_null(twin.picked);
	assert_int_equal(twin.start_at_ns, 0);
}

static void test_mesh(void **state)
{
	OBJECT o = load(
		"{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"NetworkChaos\","
		"\"metadata\": {\"name\": \"cut\", \"namespace\": \"shop\", \"uid\": \"1\","
		"\"annotations\": {\"experiment.chaos-mesh.org/pause\": \"true\", "
		"\"netchaos.dev/seed\": \"42\","
		"\"netchaos.dev/max-endpoints\": \"7\"}},"
		"\"spec\": {\"action\": \"delay\", \"mode\": \"fixed\", \"value\": \"2\", "
		"\"duration\": \"1m\","
		"\"selector\": {\"annotationSelectors\": {\"team\": \"a\"}, \"nodes\": [\"n1\", "
		"\"n2\"],"
		"\"nodeSelectors\": {\"zone\": \"a\"}, \"podPhaseSelectors\": [\"Running\", "
		"\"Pending\"],"
		"\"fieldSelectors\": {\"status.podIP\": \"10.1.0.5\", \"spec.nodeName\": \"n1\"}},"
		"\"target\": {\"mode\": \"all\", \"selector\": {\"namespaces\": [\"db\"]}},"
		"\"externalTargets\": [\"10.9.0.0/16\"], \"delay\": {\"latency\": \"10ms\"}}}");
	OBJECT endless = load(CHAOS("\"selector\": {\"pods\": {\"db\": [\"db-0\"]}}"));
	OBJECT flow = load(
		"{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"Workflow\", " META ","
		"\"spec\": {\"entry\": \"e\", \"templates\": [{\"name\": \"e\", \"templateType\": "
		"\"Serial\","
		"\"deadline\": \"1m\", \"children\": [\"a\"]}, {\"name\": \"a\", \"templateType\": "
		"\"NetworkChaos\","
		"\"deadline\": \"10s\", \"networkChaos\": {\"action\": \"partition\", \"mode\": "
		"\"one\","
		"\"selector\": {\"labelSelectors\": {\"app\": \"web\"}}}}]}}");

	(void)state;
	assert_true(o.paused);
	assert_int_equal(o.e->seed, 42);
	assert_int_equal(o.e->max_endpoints, 7);
	assert_string_equal(
		describe(o.e, 0, 0),
		"pods:of shop annotated team=a on nodes n1,n2 or labelled zone=a in phase "
		"Pending,Running with spec.nodeName=n1,status.podIP=10.1.0.5 (fixed 2)");
	assert_string_equal(o.e->endpoints[0].selectors[0].path, "spec.selector");
	assert_string_equal(describe(o.e, 1, 0), "pods:of db");
	assert_string_equal(o.e->endpoints[1].selectors[0].path, "spec.target");
	assert_string_equal(describe(o.e, 2, 0), "cidr:10.9.0.0/16");
	assert_string_equal(o.e->endpoints[2].selectors[0].path, "spec.externalTargets[0]");
	assert_true(endless.e->until_stopped);
	assert_string_equal(describe(endless.e, 0, 0), "pods:db/db-0");
	assert_int_equal(flow.type, OBJECT_WORKFLOW);
	assert_string_equal(flow.e->endpoints[0].selectors[0].path,
			    "spec.templates[1].networkChaos.selector");
}

/* --- refused ---------------------------------------------------------------------------------------------- */

/* Of all, not only of the first: they change together. */
static int n_wrong;

static void refused(const char *text, const char *message)
{
	json_t *j = json("%s", text);
	struct cluster_object o = {.generation = 77};
	struct error err = {0};
	int r = object__load(j, &o, &err);
	json_t *utf8 = json_string(err.msg);

	n_wrong += r != -EINVAL || strcmp(err.msg, message) != 0;
	if (r != -EINVAL || strcmp(err.msg, message) != 0)
		print_error("%d\n%s\ninstead of\n%s\n%s\n\n", r, err.msg, message, text);
	assert_non_null(utf8);
	assert_int_equal(o.generation, 77);
	json_decref(utf8);
	json_decref(j);
}

#define KIND(what)                 \
	"spec.endpoints.x: `" what \
	"` is of one machine, and a cluster has many; expected pods, cidr or host"
#define COMMAND                                                                                   \
	"a program would run as root on the nodes, and who may create this object need not have " \
	"that "                                                                                   \
	"right; expected an exchange by http or tcp"
#define A_FILE \
	"a file of the node, which who may create this object need not have the right to read"

static void test_refused(void **state)
{
	(void)state;
	refused("[]", "kind: `nothing` of `nothing`; expected Experiment of netchaos.dev/v1alpha1, "
		      "NetworkChaos or "
		      "Workflow of chaos-mesh.org/v1alpha1");
	refused("{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"Schedule\"}",
		"kind: `Schedule` of `chaos-mesh.org/v1alpha1`; expected Experiment of "
		"netchaos.dev/v1alpha1, "
		"NetworkChaos or Workflow of chaos-mesh.org/v1alpha1");
	refused("{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", "
		"\"metadata\": {\"name\": 1, "
		"\"namespace\": \"a\"}}",
		"metadata.name: missing, or no text that could be one");
	refused("{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", " META "}",
		"an experiment needs `spec`");
	refused("{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", " META
		", \"spec\": {}, \"status\": {\"startAt\": \"soon\"}}",
		"status.startAt: no instant; expected one as 2026-01-31T12:00:00.000000Z");
	refused(EXPERIMENT("\"duration\": 5"),
		"spec.duration: `5` is no duration; expected a number with ns us ms s "
		"m h, as in 100ms");
	refused(ONE(WEB,
		    ", \"faults\": [{\"at\": \"1s\", \"from\": \"web\", \"los\": {}},"
		    "{\"at\": \"1s\", \"from\": \"wep\", \"loss\": {\"probability\": \"200%\"}}]"),
		"spec.faults[0]: a fault needs a part: partition, loss, delay, reorder, duplicate, "
		"corrupt, rate, reset, "
		"reject, mtu or ecn\n"
		"spec.faults[0].los: unknown key `los`; did you mean `loss`?\n"
		"spec.faults[1].from: unknown endpoint `wep`; did you mean `web`?\n"
		"spec.faults[1].loss.probability: `200%` is out of range; expected more than 0% and "
		"at most 100%");
	refused(ONE("\"x\": {\"netns\": \"n\"}", ""), KIND("netns"));
	refused(ONE("\"x\": {\"process\": \"etcd\"}", ""), KIND("process"));
	refused(ONE("\"x\": {\"cgroup\": \"/a\"}", ""), KIND("cgroup"));
	refused(ONE("\"x\": {\"unit\": \"a\"}", ""), KIND("unit"));
	refused(ONE("\"x\": {\"container\": \"a\"}", ""), KIND("container"));
	refused(ONE("\"x\": {\"interface\": \"eth0\"}", ""), KIND("interface"));
	refused(ONE("\"x\": {\"pods\": {\"labels\": {\"a\": \"b\"}}, \"not\": {\"cidr\": "
		    "\"10.0.0.0/8\"}}",
		    ""),
		"spec.endpoints.x: `not` of another kind; in a cluster pods are left out of pods, "
		"and networks out of "
		"networks");
	refused(ONE("\"x\": [{\"pods\": {\"name\": \"a\"}}, {\"pods\": {\"name\": \"a\"}}]", ""),
		"spec.endpoints.x[1]: the same selector as spec.endpoints.x[0]");
	refused(ONE("\"x\": {\"pods\": {\"phases\": [\"Failed\"]}}", ""),
		"spec.endpoints.x.pods.phases: pods that have ended have no network to disturb; "
		"expected Running");
	refused(ONE("\"x\": {\"pods\": {\"fields\": {\"status.ip\": \"10.1.0.5\"}}}", ""),
		"spec.endpoints.x.pods.fields.status.ip: `status.ip=10.1.0.5` is no field of pods "
		"that is known here; "
		"expected metadata.name, metadata.namespace, spec.nodeName, status.phase or "
		"status.podIP");
	refused(ONE(WEB, ", \"lab\": {\"nodes\": {\"n1\": {}}}"),
		"spec.lab: a lab is made on one machine; here the pods are there already: expected "
		"endpoints");
	refused(ONE(WEB, ", \"allowHost\": true"), "spec.allowHost: faults on a node's own network "
						   "may cut it off; this agent does not permit it");
	refused(ONE(WEB, ", \"observe\": {\"capture\": {}}"),
		"spec.observe.capture: captured packets would stay on the nodes; expected none, or "
		"run chaos there");
	refused(ONE(WEB, ", \"systems\": [{\"name\": \"s\", \"command\": \"cat /etc/shadow\", "
			 "\"leader\": \"x\"}]"),
		"spec.systems[0]: " COMMAND);
	refused(ONE(WEB, ", \"systems\": \"/etc/passwd\""),
		"spec.systems: a file of systems; expected the systems: there is no folder for it "
		"to be in");
	refused(ONE(WEB, ", \"observe\": {\"roles\": [{\"resource\": \"r\", \"system\": \"vault\", "
			 "\"endpoints\": "
			 "[\"web\"], \"url\": \"https://h:1\", \"ca_file\": \"/etc/x\"}]}"),
		"spec.observe.roles[0].ca_file: " A_FILE);
	refused(ONE(WEB,
		    ", \"faults\": [{\"at\": \"1s\", \"from\": \"web\", \"delay\": {\"latency\": "
		    "\"1s\", "
		    "\"jitter\": \"1ms\", \"distribution\": \"table\", \"table\": \"/etc/x\"}}]"),
		"spec.faults[0].delay.table: " A_FILE);
	refused(ONE(WEB, ", \"expect\": [\"writes.lost == 0\", \"writes.los == 0\"]"),
		"spec.expect[1]: column 1: unknown path `writes.los`; did you mean `writes.lost`?");
	assert_int_equal(n_wrong, 0);
}

static void test_refused_mesh(void **state)
{
	(void)state;
	refused(CHAOS("\"selector\": {\"nodes\": \"n1\", \"labelSelector\": {}}"),
		"spec.selector.labelSelector: unknown key `labelSelector`; did you mean "
		"`labelSelectors`?");
	refused(CHAOS("\"selector\": {\"fieldSelectors\": {\"spec.serviceAccountName\": \"x\"}}"),
		"spec.selector.fieldSelectors: `spec.serviceAccountName=x` is no field of pods "
		"that is known here; "
		"expected metadata.name, metadata.namespace, spec.nodeName, status.phase or "
		"status.podIP");
	refused(CHAOS("\"selector\": {}, \"delay\": {\"latency\": \"101\"}, \"loss\": {\"loss\": "
		      "\"200\"}"),
		"spec.delay.latency: `101` is no duration; expected numbers with ns us ms s m h, "
		"as in 100ms or "
		"1m30s\n"
		"spec.loss.loss: `200` is out of range; expected 0 to 100");
	refused(CHAOS("\"selector\": {}, \"remoteCluster\": \"x\""),
		"spec.remoteCluster: another cluster cannot be reached from here; apply it there");
	refused(CHAOS("\"selector\": {\"podPhaseSelectors\": [\"Succeeded\"]}"),
		"spec.selector.podPhaseSelectors: pods that have ended have no network to disturb; "
		"expected Running");
	refused("{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"NetworkChaos\", " META
		", \"spec\": {\"action\": \"delay\", \"mode\": \"all\", \"selector\": {}, "
		"\"delay\": {\"latency\": "
		"\"50s\", \"jitter\": \"30s\"}}}",
		"spec.delay: latency and 4 times jitter are more than 60s, which is how long a "
		"packet is held at most");
	assert_int_equal(n_wrong, 0);
}

/* The cluster's own pods are nobody's default. */
static void test_system(void **state)
{
	static const char words[] =
		"the cluster's own pods are chosen only by naming the namespace; expected ";
	char message[300];

#define SYSTEM "\"metadata\": {\"name\": \"x\", \"namespace\": \"kube-system\", \"uid\": \"1\"}"
#define SYSTEM_CHAOS(selector)                                                                   \
	"{\"apiVersion\": \"chaos-mesh.org/v1alpha1\", \"kind\": \"NetworkChaos\", " SYSTEM ", " \
	"\"spec\": {\"mode\": \"all\", \"action\": \"partition\", \"selector\": {" selector "}}}"
#define SYSTEM_ONE(pods)                                                                     \
	"{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", " SYSTEM ", " \
	"\"spec\": {\"duration\": \"1s\", \"endpoints\": {\"x\": {\"pods\": {" pods "}}}}}"
	struct cluster_object o[] = {
		load(SYSTEM_CHAOS("\"namespaces\": [\"kube-system\"]")),
		load(SYSTEM_CHAOS("\"pods\": {\"kube-system\": [\"a\"]}")),
		load(SYSTEM_ONE("\"namespace\": \"kube-system\"")),
	};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		cluster_object__reset(&o[i]);
	snprintf(message, sizeof(message), "spec.selector: %s`namespaces: [kube-system]`", words);
	refused(SYSTEM_CHAOS("\"labelSelectors\": {\"a\": \"b\"}"), message);
	snprintf(message, sizeof(message), "spec.endpoints.x.pods: %s`namespace: kube-system`",
		 words);
	refused(SYSTEM_ONE("\"labels\": {\"a\": \"b\"}"), message);
	assert_int_equal(n_wrong, 0);
}

/* Texts that no people write: deep, cut letters, huge. */
static void test_hostile(void **state)
{
	static const char *const heads[] = {"netchaos.dev/v1alpha1", "chaos-mesh.org/v1alpha1"};
	struct cluster_object o = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *j =
			json("{\"apiVersion\": \"%s\", \"kind\": \"%s\", " META ", \"spec\": {}}",
			     heads[i], i ? "NetworkChaos" : "Experiment");
		json_t *deep = json_array(), *many = json_object(), *text;
		char letters[400];

		for (int k = 0; k < 100; k++) {
			json_t *outer = json_array();

			json_array_append_new(outer, deep);
			deep = outer;
		}
		json_object_set_new(json_object_get(j, "spec"), "selector", deep);
		assert_int_equal(object__load(j, &o, &err), -EINVAL);
		assert_string_equal(err.msg, "spec: nested deeper than 32 levels");
		/* long words of three bytes a letter, which messages cut somewhere */
		for (size_t k = 0; k + 3 < sizeof(letters); k += 3)
			memcpy(letters + k, "\xe2\x82\xac", 4);
		json_object_clear(json_object_get(j, "spec"));
		for (int k = 0; k < 30; k++) {
			json_object_set_new(many, letters + 3 * k, json_string(letters));
			json_object_set_new(json_object_get(j, "spec"), letters + 3 * k,
					    json_string(letters));
		}
		json_object_set_new(json_object_get(j, "spec"), "endpoints", many);
		assert_int_equal(object__load(j, &o, &err), -EINVAL);
		text = json_string(err.msg);
		assert_non_null(text);
		json_decref(text);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_experiment), cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_refused_mesh),
		cmocka_unit_test(test_system),	   cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
