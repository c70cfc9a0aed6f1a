// SPDX-License-Identifier: GPL-2.0-only
/* What selectors of a file look for: each kind, excludes, findings, and the copy that replays. */
#include "experiment/parse.h"
#include "lib/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                \
	"apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nmetadata: {name: t}\nspec:\n" \
	"  duration: 60s\n  lab: {nodes: {n1: {}, n2: {}}}\n  endpoints:\n    a: "
#define TAIL "\n  faults: [{at: 1s, partition: {isolate: n1}}]\n"
#define A 2 /* its index among the endpoints: the nodes stand first */

static struct experiment *parse(const char *selector, struct error *err)
{
	struct experiment *e = NULL;
	char *text;

	assert_true(asprintf(&text, "%s%s%s", HEAD, selector, TAIL) > 0);
	experiment__parse("f", text, strlen(text), 1, &e, err);
	free(text);
	return e;
}

/* @e's endpoint is @e's endpoint again when its resolved copy is read. */
static void check_replays(const struct experiment *e, const char *text)
{
	struct experiment *again = NULL;
	struct error err = {0};

	if (experiment__parse("g", e->resolved, strlen(e->resolved), 2, &again, &err))
		fail_msg("%s\n%s\n%s", text, e->resolved, err.msg);
	assert_string_equal(again->resolved, e->resolved);
	assert_int_equal(again->endpoints[A].n_selectors, e->endpoints[A].n_selectors);
	for (size_t i = 0; i < e->endpoints[A].n_selectors; i++)
		assert_int_equal(selector__compare(&again->endpoints[A].selectors[i],
						   &e->endpoints[A].selectors[i]),
				 0);
	experiment__free(again);
}

/* clang-format off */
static const struct {
	const char *text;
	enum selector_kind kind;
	const char *value, *words;
} good[] = {
	{"{process: etcd}", SELECTOR_PROCESS, "comm:etcd", "comm:etcd"},
	{"{process: '12'}", SELECTOR_PROCESS, "comm:12", "comm:12"},
	{"{process: {pid: 12}}", SELECTOR_PROCESS, "pid:12", "pid:12"},
	{"{process: {pid: 12, tree: true}, ports: 80}", SELECTOR_PROCESS, "tree:12", "tree:12, port 80"},
	{"{process: {comm: 'my daemon ☃', tree: true}}", SELECTOR_PROCESS, "comm:my daemon ☃ (and descendants)", "comm:my daemon ☃ (and descendants)"},
	{"{process: {args: '*--name n1*', user: postgres, exe: /usr/bin/etcd, comm: etcd, tree: false}}", SELECTOR_PROCESS, "comm:etcd exe:/usr/bin/etcd args:*--name n1* user:postgres", "comm:etcd exe:/usr/bin/etcd args:*--name n1* user:postgres"},
	{"{cgroup: /a/b/}", SELECTOR_CGROUP, "/a/b", "cgroup:/a/b"},
	{"{cgroup: {path: '/a b', subtree: true}}", SELECTOR_CGROUP, "/a b", "cgroup:/a b"},
	{"{cgroup: {path: /, subtree: false}, proto: udp}", SELECTOR_CGROUP, "/", "cgroup:/ (not below), udp"},
	{"{unit: 'web-*'}", SELECTOR_UNIT, "web-*", "unit:web-*"},
	{"{container: deadbeef}", SELECTOR_CONTAINER, "deadbeef", "container:deadbeef"},
	{"{container: {id: deadbeef}}", SELECTOR_CONTAINER, "deadbeef", "container:deadbeef (id)"},
	{"{container: {name: app, namespace: shop}}", SELECTOR_CONTAINER, "app", "container:shop/*/app"},
	{"{container: {name: app, pod: web-0, namespace: shop}}", SELECTOR_CONTAINER, "app", "container:shop/web-0/app"},
	{"{pods: {namespace: shop, name: web-0}}", SELECTOR_PODS, "shop/web-0", "pod:shop/web-0"},
	{"{pods: {namespace: shop, labels: {tier: '', app: web, x/y: 1}}}", SELECTOR_PODS, "shop/app=web,tier=,x/y=1", "pods:shop/app=web,tier=,x/y=1"},
	{"{pods: {node: worker-1}}", SELECTOR_PODS, "* (node worker-1)", "pods:* (node worker-1)"},
	{"{pods: {namespaces: [shop, b], device: eth0}, pick: {mode: fixed, value: 2}}", SELECTOR_PODS, "of b,shop on eth0 (fixed 2)", "pods:of b,shop on eth0 (fixed 2)"},
	{"{pods: {names: shop/web-0, hostNetwork: false}, pick: one}", SELECTOR_PODS, "shop/web-0 (one)", "pods:shop/web-0 (one)"},
	{"{pods: {labels: {a: b}, expressions: [{key: t, operator: NotIn, values: [y, x]}, {key: u, operator: Exists}]}, pick: all}", SELECTOR_PODS, "a=b t NotIn (x,y) u Exists", "pods:a=b t NotIn (x,y) u Exists"},
	{"{pods: {name: web, labels: {a: b}}}", SELECTOR_PODS, "web a=b", "pod:web a=b"},
	{"{netns: db, ports: [80, 90-99], proto: tcp}", SELECTOR_NETNS, "db", "netns:db, port 80,90-99 tcp"},
	{"{netns: 4711}", SELECTOR_NETNS, "4711", "netns:4711"},
	{"{netns: n1, proto: 47}", SELECTOR_NODE, "n1", "netns:n1, 47"},
	{"{interface: eth0}", SELECTOR_INTERFACE, "eth0", "interface:eth0"},
	{"{interface: eth0, netns: db}", SELECTOR_INTERFACE, "eth0", "interface:db/eth0"},
	{"{interface: eth0, netns: n1}", SELECTOR_INTERFACE, "eth0", "interface:n1/eth0"},
	{"{cidr: 10.0.0.0/8}", SELECTOR_CIDR, "10.0.0.0/8", "cidr:10.0.0.0/8"},
	{"{host: db.example.org, ports: 5432}", SELECTOR_HOST, "db.example.org", "host:db.example.org, port 5432"},
	{"{unit: nginx, not: {process: {user: root}}}", SELECTOR_UNIT, "nginx", "unit:nginx but not user:root"},
	{"{cidr: 10.0.0.0/8, not: [{cidr: 10.1.0.0/16}, {netns: db}, {interface: eth0, netns: db}]}", SELECTOR_CIDR, "10.0.0.0/8", "cidr:10.0.0.0/8 but not cidr:10.1.0.0/16, netns:db, interface:db/eth0"},
	{"{pods: {namespace: shop}, not: [{container: log}, {cgroup: /x}, {pods: {name: db}}], ports: 1}", SELECTOR_PODS, "shop", "pods:shop but not container:log, cgroup:/x, pod:db, port 1"},
};

static const struct {
	const char *text;
	int col;
	const char *message;
} bad[] = {
	{"{proces: etcd}", 9, "unknown key `proces`; did you mean `process`?"},
	{"{process: }", 9, "found nothing; expected a process: pid, comm, exe, args, user, tree"},
	{"{process: {}}", 18, "a process needs one of pid, comm, exe, args, user"},
	{"{process: {tree: true}}", 18, "a process needs one of pid, comm, exe, args, user"},
	{"{process: 12}", 18, "`12` is a number; expected {pid: 12}, or a name in quotes"},
	{"{process: ''}", 18, "empty text; expected the name of a process, as etcd"},
	{"{process: [a]}", 18, "found a list; expected a process: pid, comm, exe, args, user, tree"},
	{"{process: {pid: 0}}", 24, "`0` is no process id; expected a number from 1 to 4194303"},
	{"{process: {pid: -1}}", 24, "`-1` is no process id; expected a number from 1 to 4194303"},
	{"{process: {pid: [1]}}", 24, "found a list; expected a process id"},
	{"{process: {pid: 1, pid: 2}}", 27, "duplicate key `pid`; the first is at 8:19"},
	{"{process: {com: x}}", 19, "unknown key `com`; did you mean `comm`?"},
	{"{process: {user: ''}}", 25, "empty text; expected a user, by name or number"},
	{"{process: {args: ''}}", 25, "empty text; expected a glob over the arguments, as \"*--name n1*\""},
	{"{process: {comm: x, tree: yes}}", 34, "`yes` is no truth value; expected true or false"},
	{"{cgroup: a/b}", 17, "`a/b` is a relative path; expected `/a/b`, from the root of the cgroup tree"},
	{"{cgroup: {subtree: false}}", 17, "a cgroup needs `path`"},
	{"{unit: 'a[b]'}", 15, "`a[b]` is no glob of ours; expected `*` for any letters and `?` for one"},
	{"{unit: ''}", 15, "empty text; expected a unit or a glob, as nginx.service"},
	{"{container: {}}", 20, "a container needs its `name` or its `id`"},
	{"{container: {name: a, id: ab}}", 20, "`name` and `id` of one container; expected one of them"},
	{"{container: {id: xyz}}", 25, "`xyz` is no id of a container; expected 1 to 64 of 0-9 and a-f"},
	{"{pods: shop}", 15, "found `shop`; expected pods: namespace, name, labels, node, namespaces, names, expressions, hostNetwork, device, annotations, nodes, nodeLabels, phases, fields"},
	{"{pods: {hostNetwork: true, device: eth0}}", 15, "pods need one of namespace, name, labels, node, namespaces, names, expressions"},
	{"{pods: {names: web}}", 23, "`web` is no pod; expected NAMESPACE/NAME, as shop/web-0"},
	{"{pods: {names: []}}", 23, "empty list; expected pods as NAMESPACE/NAME"},
	{"{pods: {namespaces: [a/b]}}", 29, "`a/b` is no namespace of pods; expected its name, as shop"},
	{"{pods: {expressions: [{key: a, operator: in, values: [b]}]}}", 49, "`in` is no operator; expected In, NotIn, Exists or DoesNotExist"},
	{"{pods: {expressions: [{key: a, operator: In}]}}", 30, "In needs values; expected some, as [web, db]"},
	{"{pods: {expressions: [{key: a, operator: Exists, values: [b]}]}}", 65, "Exists takes no values; expected none, or In or NotIn"},
	{"{pods: {name: a}, pick: some}", 32, "`some` is no mode; expected all, one, fixed, fixed-percent or random-max-percent"},
	{"{pods: {name: a}, pick: fixed}", 32, "mode fixed needs `value`"},
	{"{pods: {name: a}, pick: {mode: one, value: 1}}", 51, "mode one takes no `value`"},
	{"{pods: {name: a}, pick: {mode: fixed-percent, value: 101}}", 61, "101 % of the pods; expected 1 to 100"},
	{"{unit: a, pick: one}", 24, "`pick` with `unit`; expected it with `pods`"},
	{"{pods: {name: a, annotations: {a: b}}}", 38, "annotations of pods are known to the API server only; expected `labels`"},
	{"{pods: {name: a, nodes: [n1, n2]}}", 32, "other nodes are known to the API server only; expected `node`"},
	{"{pods: {name: a, nodeLabels: {a: b}}}", 37, "labels of nodes are known to the API server only; expected `node`"},
	{"{pods: {name: a, phases: Running}}", 33, "phases of pods are known to the API server only; expected none: only what runs is seen"},
	{"{pods: {name: a, fields: {status.podIP: x}}}", 33, "fields of pods are known to the API server only; expected `name`, `namespace` or `node`"},
	{"{pods: {}}", 15, "pods need one of namespace, name, labels, node, namespaces, names, expressions"},
	{"{pods: {lables: {a: b}}}", 16, "unknown key `lables`; did you mean `labels`?"},
	{"{pods: {labels: {}}}", 24, "no labels; expected some, as {app: web}"},
	{"{pods: {labels: {app: }}}", 25, "found nothing; expected the value of label `app`"},
	{"{pods: {labels: {app: [web]}}}", 30, "found a list; expected the value of label `app`"},
	{"{pods: {labels: {'a b': c}}}", 25, "`a b=c` is no label; expected KEY=VALUE"},
	{"{pods: {namespace: a/b}}", 27, "`a/b` is no namespace of pods; expected its name, as shop"},
	{"{process: a, unit: b}", 8, "`process` and `unit` in one selector; expected one of them"},
	{"{unit: b, netns: a}", 8, "`netns` and `unit` in one selector; expected one of them"},
	{"{unit: b, proto: tpc}", 25, "`tpc` is no protocol; expected tcp, udp, sctp, icmp, icmpv6, vrrp or 1 to 255; did you mean `tcp`?"},
	{"{unit: b, proto: icmp, ports: 80}", 38, "icmp has no ports; expected proto tcp, udp or sctp"},
	{"{unit: b, not: }", 18, "found nothing; expected a selector or a list of them"},
	{"{unit: b, not: []}", 23, "empty list; expected a selector or a list of them"},
	{"{unit: b, not: x}", 23, "found `x`; expected a selector: netns, cidr, host, interface, process, cgroup, unit, container, pods, ports, proto, not, pick"},
	{"{unit: b, not: {}}", 23, "a selector needs one of netns, cidr, host, interface, process, cgroup, unit, container, pods"},
	{"{unit: b, not: {unit: c, ports: 80}}", 40, "`ports` inside `not`; expected a selector without it"},
	{"{unit: b, not: {unit: c, proto: tcp}}", 40, "`proto` inside `not`; expected a selector without it"},
	{"{unit: b, not: {unit: c, not: {unit: d}}}", 38, "`not` inside `not`; expected a selector without it"},
	{"{unit: b, not: {host: db}}", 23, "`host` inside `not`; expected what is looked for on this machine"},
	{"{unit: b, not: {netns: n1}}", 23, "`n1` is a lab node; `not` is for what is there before the run"},
	{"{unit: b, not: {interface: eth0, netns: n1}}", 23, "`n1` is a lab node; `not` is for what is there before the run"},
	{"{unit: b, not: {unit: b}}", 23, "`not` excludes all that the selector chooses"},
	{"{unit: b, not: [{unit: c}, {unit: d}, {unit: c}]}", 46, "the same selector as at 8:24"},
	{"{host: db, not: {unit: b}}", 24, "`not` with a host; expected it with what is looked for on this machine"},
	{"{netns: n1, not: {unit: b}}", 25, "`not` with a lab node; expected it with what is looked for on this machine"},
	{"[{unit: b}, {unit: c}, {unit: b}]", 31, "the same selector as at 8:9"},
	{"[{pods: {labels: {a: b, c: d}}}, {pods: {labels: {c: d, a: b}}}]", 41, "the same selector as at 8:9"},
};
/* clang-format on */

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct error err = {0};
		struct experiment *e = parse(good[i].text, &err);
		const struct selector *s = e ? e->endpoints[A].selectors : NULL;
		char words[256];

		if (!e)
			fail_msg("%s\n%s", good[i].text, err.msg);
		assert_int_equal(s->kind, good[i].kind);
		assert_string_equal(s->value, good[i].value);
		assert_string_equal(selector__describe(s, words, sizeof(words)), good[i].words);
		assert_int_equal(!s->target, s->kind == SELECTOR_HOST || s->kind == SELECTOR_NODE ||
						     (s->netns && !strcmp(s->netns, "n1")));
		check_replays(e, good[i].text);
		experiment__free(e);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};
		struct experiment *e = parse(bad[i].text, &err);
		char expected[512];

		snprintf(expected, sizeof(expected), "f:8:%d: %s", bad[i].col, bad[i].message);
		if (e || strcmp(err.msg, expected))
			fail_msg("%s\nfound:    %s\nexpected: %s", bad[i].text, err.msg, expected);
	}
}

/* Ports and protocols are part of what a selector is; the order of labels is not. */
static void test_union(void **state)
{
	struct error err = {0};
	struct experiment *e = parse("[{unit: b}, {unit: b, ports: 80}, {unit: b, ports: 81}, "
				     "{unit: b, proto: tcp}, {unit: b, not: {unit: c}}]",
				     &err);

	(void)state;
	if (!e)
		fail_msg("%s", err.msg);
	assert_int_equal(e->endpoints[A].n_selectors, 5);
	check_replays(e, "union");
	experiment__free(e);
}

/* --- any combination ---------------------------------------------------------------------------- */

static unsigned int draw(unsigned int n)
{
	static struct rng rng = {.state = 7};

	return (unsigned int)rng__below(&rng, n);
}

/* A selector as text and as what that must become. */
struct pair {
	FILE *f;
	struct target_selector *t;
};

static void quote(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (strchr("\"\\", *s))
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void put(struct pair *p, const char *before, const char *name, enum target_key key,
		const char *value)
{
	struct error err = {0};

	if (target_selector__set(p->t, key, value, &err))
		fail_msg("%s", err.msg);
	fprintf(p->f, "%s%s: ", before, name);
	quote(p->f, value);
}

static const char *any_name(void)
{
	static const char *const names[] = {
		"a",  "etcd", "my daemon", "☃ снег", "a: b", "{x}", "'q'", "\"q\"",
		"#1", "- x",  "null",	   "true",   "12",   "~",   "\\",  "a#80",
	};

	return names[draw(sizeof(names) / sizeof(names[0]))];
}

static void some_process(struct pair *p)
{
	static const struct {
		const char *name;
		enum target_key key;
	} keys[] = {
		{"comm", TARGET_KEY_COMM},
		{"args", TARGET_KEY_ARGS},
		{"exe", TARGET_KEY_EXE},
		{"user", TARGET_KEY_USER},
	};
	unsigned int mask = draw(15) + 1;
	char path[64];

	p->t->kind = TARGET_PROCESS;
	fprintf(p->f, "process: {");
	if (draw(4) == 0) {
		p->t->pid = (pid_t)draw(4194303) + 1;
		fprintf(p->f, "pid: %d, ", p->t->pid);
	}
	for (size_t i = 0; i < 4; i++) {
		const char *value = any_name();

		if (!(mask & 1U << i))
			continue;
		if (keys[i].key == TARGET_KEY_EXE) {
			snprintf(path, sizeof(path), "/opt/%s", value);
			value = path;
		} else if (keys[i].key == TARGET_KEY_USER) {
			value = draw(2) ? "postgres" : "106";
		}
		put(p, "", keys[i].name, keys[i].key, value);
		fputs(", ", p->f);
	}
	p->t->tree = draw(2);
	fprintf(p->f, "tree: %s}", p->t->tree ? "true" : "false");
}

static void some_container(struct pair *p)
{
	p->t->kind = TARGET_CONTAINER;
	if (draw(2))
		put(p, "container: {", "name", TARGET_KEY_CONTAINER, any_name());
	else
		put(p, "container: {", "id", TARGET_KEY_CONTAINER_ID, "deadbeef");
	if (draw(2))
		put(p, ", ", "pod", TARGET_KEY_CONTAINER_POD, any_name());
	if (draw(2))
		put(p, ", ", "namespace", TARGET_KEY_POD_NAMESPACE, any_name());
	fputc('}', p->f);
}

static void some_pods(struct pair *p)
{
	static const char *const labels[][2] = {{"z", "1"}, {"app", "a: b"}, {"x/y", ""}};
	unsigned int mask = draw(8);
	const char *before = "";

	p->t->kind = TARGET_PODS;
	put(p, "pods: {", "namespace", TARGET_KEY_POD_NAMESPACE, any_name());
	if (draw(2))
		put(p, ", ", "name", TARGET_KEY_POD, any_name());
	if (draw(2))
		put(p, ", ", "node", TARGET_KEY_POD_NODE, any_name());
	if (mask)
		fprintf(p->f, ", labels: {");
	for (size_t i = 0; i < 3; i++) {
		char label[32];

		if (!(mask & 1U << i))
			continue;
		snprintf(label, sizeof(label), "%s=%s", labels[i][0], labels[i][1]);
		assert_int_equal(target_selector__set(p->t, TARGET_KEY_POD_LABEL, label, NULL), 0);
		fprintf(p->f, "%s%s: \"%s\"", before, labels[i][0], labels[i][1]);
		before = ", ";
	}
	fputs(mask ? "}}" : "}", p->f);
}

static enum selector_kind some_target(struct pair *p)
{
	static const char *const networks[] = {"10.0.0.0/8", "::/0", "fd00::1/128", "1.2.3.4/32"};

	switch (draw(8)) {
	case 0:
		some_process(p);
		return SELECTOR_PROCESS;
	case 1:
		p->t->kind = TARGET_CGROUP;
		put(p, "cgroup: {", "path", TARGET_KEY_CGROUP, draw(2) ? "/a b/ c" : "/");
		p->t->exact = draw(2);
		fprintf(p->f, ", subtree: %s}", p->t->exact ? "false" : "true");
		return SELECTOR_CGROUP;
	case 2:
		p->t->kind = TARGET_UNIT;
		put(p, "", "unit", TARGET_KEY_UNIT, draw(2) ? "a@*.service" : "b\\x2dc");
		return SELECTOR_UNIT;
	case 3:
		some_container(p);
		return SELECTOR_CONTAINER;
	case 4:
		some_pods(p);
		return SELECTOR_PODS;
	case 5:
		p->t->kind = TARGET_NETNS;
		put(p, "", "netns", TARGET_KEY_NETNS, any_name());
		return SELECTOR_NETNS;
	case 6:
		p->t->kind = TARGET_CIDR;
		put(p, "", "cidr", TARGET_KEY_CIDR, networks[draw(4)]);
		return SELECTOR_CIDR;
	default:
		p->t->kind = TARGET_INTERFACE;
		put(p, "", "interface", TARGET_KEY_DEVICE, draw(2) ? "eth0" : "{☃}");
		if (draw(2))
			put(p, ", ", "netns", TARGET_KEY_DEVICE_NETNS, any_name());
		return SELECTOR_INTERFACE;
	}
}

static void some_excludes(FILE *f, struct selector *s)
{
	size_t n = draw(3);

	s->target->excludes = calloc(n + 1, sizeof(*s->target->excludes));
	assert_non_null(s->target->excludes);
	fputs(n ? ", not: [" : "", f);
	for (size_t i = 0; i < n; i++) {
		struct pair p = {f, &s->target->excludes[s->target->n_excludes++]};

		fputs(i ? ", {" : "{", f);
		some_target(&p);
		fputc('}', f);
	}
	fputs(n ? "]" : "", f);
}

static void some_selector(FILE *f, struct selector *s)
{
	static const uint8_t protos[] = {0, 6, 17, 132, 1, 58, 47};
	struct pair p = {f, calloc(1, sizeof(*s->target))};
	char proto[8];

	assert_non_null(p.t);
	s->target = p.t;
	fputc('{', f);
	s->kind = some_target(&p);
	assert_true(selector__fill(s));
	s->proto = protos[draw(sizeof(protos))];
	if (s->proto)
		fprintf(f, ", proto: %s", proto__format(s->proto, proto, sizeof(proto)));
	if (parse_proto_has_ports(s->proto) && draw(2)) {
		s->ports.v = calloc(2, sizeof(*s->ports.v));
		assert_non_null(s->ports.v);
		s->ports.n = 2;
		s->ports.v[0] = (struct port_range){80, 80};
		s->ports.v[1] = (struct port_range){8000, (uint16_t)(8000 + draw(100))};
		fprintf(f, ", ports: [80, 8000-%u]", s->ports.v[1].hi);
	}
	some_excludes(f, s);
	fputc('}', f);
}

/* Whether a finding is due: an exclude stands twice, or excludes everything. */
static bool is_contradictory(const struct selector *s)
{
	const struct target_selector *x = s->target->excludes;
	struct target_selector bare = *s->target;

	bare.n_excludes = 0;
	for (size_t i = 0; i < s->target->n_excludes; i++) {
		if (!target_selector__compare(&x[i], &bare) ||
		    (i && !target_selector__compare(&x[i], &x[i - 1])))
			return true;
	}
	return false;
}

static void test_any_combination(void **state)
{
	unsigned int refused = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct selector s = {0};
		struct experiment *e;
		struct error err = {0};
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		assert_non_null(f);
		some_selector(f, &s);
		fclose(f);
		e = parse(text, &err);
		if (is_contradictory(&s)) {
			assert_null(e);
			refused++;
		} else if (!e) {
			fail_msg("%s\n%s", text, err.msg);
		} else {
			if (selector__compare(&s, e->endpoints[A].selectors))
				fail_msg("read otherwise: %s\n%s", text, e->resolved);
			check_replays(e, text);
			experiment__free(e);
		}
		selector__reset(&s);
		free(text);
	}
	assert_true(refused < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_union),
		cmocka_unit_test(test_any_combination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
