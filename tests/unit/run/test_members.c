// SPDX-License-Identifier: GPL-2.0-only
/* test_members.c: pods that a file names, on a made-up machine, and files that are not as they should be. */
#include "../discover/fake.h"

#include "lib/cleanup.h"
#include "run/exempt.h"
#include "run/members.h"
#include "run/select.h"

#include <sys/mman.h>
#include <unistd.h>

#define NETNS(n) (4026532000UL + (n))
#define UID_(n) "11111111-2222-3333-4444-00000000000" #n
#define CGROUP_1 "0::/ck-1-n1/kubepods/besteffort/pod" UID_(1)
#define CGROUP_2                                                                             \
	"0::/ck-1-n1/kubepods.slice/kubepods-pod11111111_2222_3333_4444_000000000002.slice/" \
	"cri-containerd-" ID_B ".scope\n"

static void process(const struct fake *f, pid_t pid, pid_t ppid, const char *cgroup,
		    unsigned long netns)
{
	fake__process(f, (struct fake_process){.pid = pid,
					       .ppid = ppid,
					       .comm = "x",
					       .exe = "/bin/x",
					       .argv = "x",
					       .cgroup = cgroup,
					       .netns = netns});
}

/* Pod 1 has two containers and a namespace that one of them made; pod 2 one; pod 3 is in the machine's own. */
static void machine(const struct fake *f)
{
	process(f, 1, 0, "0::/init.scope\n", NETNS(0));
	fake__process(f, (struct fake_process){
				 .pid = 2, .comm = "kthreadd", .kernel = true, .netns = NETNS(0)});
	process(f, 20, 1, CGROUP_1 "/" ID_A "\n", NETNS(1));
	process(f, 21, 1, CGROUP_1 "/" ID_C "\n", NETNS(1));
	process(f, 22, 21, CGROUP_1 "/" ID_C "\n", NETNS(9));
	process(f, 30, 1, CGROUP_2, NETNS(2));
	process(f, 40, 1, "0::/kubepods/pod" UID_(3) "/" ID_D "\n", NETNS(0));
	process(f, getpid(), 1, "0::/user.slice\n", NETNS(0));
	fake__link(f, "/proc/self/ns/net", "net:[4026532000]");
}

static int open_nothing(const struct snapshot *s, uint32_t netns)
{
	(void)s;
	(void)netns;
	return memfd_create("netns", MFD_CLOEXEC);
}

/* Endpoint web of two pods: selectors, and gate, which is an address. */
struct one {
	struct experiment e;
	struct endpoint ep[2];
	struct selector web[2], gate;
	struct target_selector t;
	struct dp_plan dp;
	struct select *sel;
	struct error err;
	char path[4200], news[1024];
};

static void write_members(const struct one *o, const char *text)
{
	char fresh[sizeof(o->path) + 8];
	FILE *f;

	snprintf(fresh, sizeof(fresh), "%s.new", o->path);
	f = fopen(fresh, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fresh, o->path), 0);
}

static int one__open(struct one *o, const struct fake *f, const char *text)
{
	struct select_options opts = {
		.root = f->root, .open_netns = open_nothing, .members = o->path};

	for (int i = 0; i < 2; i++)
		o->web[i] = (struct selector){.kind = SELECTOR_PODS, .target = &o->t};
	o->gate = (struct selector){.kind = SELECTOR_CIDR,
				    .value = (char *)(uintptr_t) "10.9.0.0/24"};
	o->ep[0] = (struct endpoint){
		.name = (char *)(uintptr_t) "web", .selectors = o->web, .n_selectors = 2};
	o->ep[1] = (struct endpoint){
		.name = (char *)(uintptr_t) "gate", .selectors = &o->gate, .n_selectors = 1};
	o->t = (struct target_selector){.kind = TARGET_PODS};
	o->e.file = (char *)(uintptr_t) "x.yaml";
	o->e.endpoints = o->ep;
	o->e.n_endpoints = 2;
	snprintf(o->path, sizeof(o->path), "%s", fake__path(f, "/members.json"));
	write_members(o, text);
	return select__open(&o->e, NULL, &opts, &o->dp, &o->sel, &o->err);
}

static void one__close(struct one *o)
{
	select__close(o->sel);
	free(o->dp.exempts);
	o->dp.exempts = NULL;
	o->dp.n_exempts = 0;
	dp_plan__reset(&o->dp);
	*o = (struct one){0};
}

/* "1=web/a 10.0.0.2=web/b": namespaces by their last digit, addresses. */
static const char *shown(const struct one *o, size_t member)
{
	static char text[1024];
	const struct dp_member *m = &o->dp.members[member];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < m->n_places; i++) {
		unsigned long ino = 0;

		for (size_t k = 0; k < o->sel->n_netns; k++)
			if (o->sel->netns[k].fd == m->places[i].netns_fd)
				ino = o->sel->netns[k].id.ino;
		assert_false(m->places[i].by_socket);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%lu=%s", n ? " " : "",
				      ino % 10, m->places[i].label);
	}
	for (size_t i = 0; i < m->n_prefixes; i++) {
		char ip[46];

		assert_true(m->prefixes[i].elsewhere);
		assert_int_equal(m->prefixes[i].len, 128);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", n ? " " : "",
				      addr__format(&m->prefixes[i].addr, ip, sizeof(ip)),
				      m->prefixes[i].label);
	}
	return text;
}

#define POD(n, place, here, ips)                                                          \
	"{\"place\":\"" place "\",\"namespace\":\"shop\",\"name\":\"p\",\"uid\":\"" UID_( \
		n) "\",\"node\":\"n\",\"ips\":[" ips "],\"here\":" here "}"
#define OF(selector, pods) "{\"endpoint\":\"web\",\"selector\":" selector ",\"pods\":[" pods "]}"
#define FILE_OF(list) "{\"node\":\"n1\",\"endpoints\":[" list "]}"

static void here_and_elsewhere(void **state)
{
	struct one o = {0};

	machine(*state);
	assert_int_equal(
		one__open(&o, *state,
			  FILE_OF(OF("1", POD(2, "web/c", "true", "\"10.0.0.2\"")) "," OF(
				  "0", POD(4, "web/b", "false", "\"fd66::5\",\"10.0.1.5\"") "," POD(
					       1, "web/a", "true", "\"10.0.0.1\"")))),
		0);
	/* not what a container of it made for itself; what is here needs no addresses */
	assert_string_equal(shown(&o, 0), "1=web/a 10.0.1.5=web/b fd66::5=web/b");
	assert_string_equal(shown(&o, 1), "2=web/c");
	assert_true(o.sel->follows);
	assert_true(o.dp.growing);
	assert_false(o.dp.by_socket);
	one__close(&o);
}

static void nobody_and_the_machines_own(void **state)
{
	struct one o = {0};

	machine(*state);
	assert_int_equal(one__open(&o, *state, FILE_OF("")), 0);
	assert_string_equal(shown(&o, 0), "");
	one__close(&o);
	assert_int_equal(one__open(&o, *state, FILE_OF(OF("0", POD(3, "web/h", "true", "")))), 0);
	assert_string_equal(shown(&o, 0), "");
	one__close(&o);
}

static void take_news(void *arg, const struct select_news *news)
{
	struct one *o = arg;
	size_t n = strlen(o->news);

	snprintf(o->news + n, sizeof(o->news) - n, "%s%s %s", n ? ", " : "",
		 news->joined ? "joined" : "left", news->what);
}

/* What is news by the file @text, in what was seen of the machine before. */
static const char *news(struct one *o, const char *text)
{
	bool changed = false;

	write_members(o, text);
	o->news[0] = 0;
	assert_true(members__drain(o->sel->members));
	assert_int_equal(select__reload(o->sel, &changed, &o->err), 0);
	assert_true(changed);
	assert_int_equal(select__update(o->sel, NULL, take_news, o, &changed, &o->err), 0);
	assert_int_equal(changed, o->news[0] != 0);
	return o->news;
}

static void followed(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};
	struct snapshot s = {0};
	const char *label;
	bool changed;

	machine(f);
	assert_int_equal(one__open(&o, f, FILE_OF(OF("0", POD(1, "web/a", "true", "")))), 0);
	label = o.dp.members[0].places[0].label;
	assert_string_equal(news(&o, FILE_OF(OF("0", POD(1, "web/a", "true", "")))), "");
	assert_string_equal(news(&o, FILE_OF(OF("0", POD(1, "web/a", "true",
							 "") "," POD(2, "web/b", "true", "")))),
			    "joined web/b");
	assert_int_equal(o.sel->n_missing, 0);
	/* from here to elsewhere under its name, and back */
	assert_string_equal(
		news(&o, FILE_OF(OF("0", POD(5, "web/a", "false",
					     "\"10.0.1.1\"") "," POD(2, "web/b", "true", "")))),
		"left web/a, joined web/a at 10.0.1.1");
	assert_ptr_equal(o.dp.members[0].prefixes[0].label, label);
	assert_string_equal(
		news(&o, FILE_OF(OF("0", POD(5, "web/a", "false",
					     "\"10.0.1.2\"") "," POD(2, "web/b", "true", "")))),
		"left web/a at 10.0.1.1, joined web/a at 10.0.1.2");
	assert_string_equal(news(&o, FILE_OF(OF("0", POD(1, "web/a", "true",
							 "") "," POD(2, "web/b", "true", "")))),
			    "left web/a at 10.0.1.2, joined web/a");
	/* told of before it was seen */
	assert_string_equal(news(&o, FILE_OF(OF("0", POD(6, "web/d", "true", "")))),
			    "left web/a, left web/b");
	assert_int_equal(o.sel->n_missing, 1);
	process(f, 60, 1, "0::/ck-1-n1/kubepods/pod" UID_(6) "/" ID_D "\n", NETNS(6));
	assert_int_equal(snapshot__take(f->root, &s, &o.err), 0);
	o.news[0] = 0;
	assert_int_equal(select__update(o.sel, &s, take_news, &o, &changed, &o.err), 0);
	assert_string_equal(o.news, "joined web/d");
	one__close(&o);
}

static void a_bad_file_changes_nothing(void **state)
{
	static const char good[] = FILE_OF(OF("0", POD(1, "web/a", "true", "")));
	struct one o = {0};
	bool changed = false;

	machine(*state);
	assert_int_equal(one__open(&o, *state, good), 0);
	write_members(&o, "{\"node\":\"n1\",\"endpoi");
	assert_int_equal(select__reload(o.sel, &changed, &o.err), -EINVAL);
	assert_non_null(strstr(o.err.msg, "members.json:1:"));
	/* said once */
	assert_int_equal(select__reload(o.sel, &changed, &o.err), 0);
	assert_false(changed);
	assert_int_equal(select__update(o.sel, NULL, NULL, NULL, &changed, &o.err), 0);
	assert_false(changed);
	assert_string_equal(shown(&o, 0), "1=web/a");
	assert_int_equal(unlink(o.path), 0);
	assert_int_equal(select__reload(o.sel, &changed, &o.err), 0);
	assert_false(changed);
	assert_string_equal(news(&o, FILE_OF("")), "left web/a");
	one__close(&o);
}

static void wrong_ones(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"", ":1:"},
		{"[]", "expected an object"},
		{"{}", "endpoints: expected a list"},
		{"{\"endpoints\":{}}", "endpoints: expected a list"},
		{FILE_OF("7"), "endpoints[0].endpoint: expected a name"},
		{FILE_OF("{\"endpoint\":\"wep\",\"selector\":0,\"pods\":[]}"),
		 "not `wep`; did you mean `web`?"},
		{FILE_OF(OF("2", "")), "endpoints[0].selector: expected the number"},
		{FILE_OF(OF("-1", "")), "endpoints[0].selector: expected the number"},
		{FILE_OF(OF("\"0\"", "")), "endpoints[0].selector: expected the number"},
		{FILE_OF("{\"endpoint\":\"gate\",\"selector\":0,\"pods\":[]}"),
		 "a `pods:` selector"},
		{FILE_OF("{\"endpoint\":\"web\",\"selector\":0,\"pods\":1}"),
		 "endpoints[0].pods: expected a list"},
		{FILE_OF(OF("0", "{}")), "endpoints[0].pods[0].place: expected a name"},
		{FILE_OF(OF("0", POD(1, "", "true", ""))), "pods[0].place: expected a name"},
		{FILE_OF(OF("0", POD(1, "a", "1", ""))), "pods[0].here: expected true or false"},
		{FILE_OF(OF("0", POD(1, "a", "true", "") "," POD(1, "a", "true", "\"10.0.0\""))),
		 "pods[1].ips: expected an address, not `10.0.0`"},
		{FILE_OF(OF("0", POD(1, "a", "true", "{}"))), "pods[0].ips: expected an address"},
		{"{\"endpoints\":[],\"exempt\":\"10.0.0.1\"}", "exempt: expected a list"},
		{"{\"endpoints\":[],\"exempt\":[\"x\"]}", "exempt: expected an address, not `x`"},
		{"{\"endpoints\":[],\"endpoints\":[]}", "duplicate"},
	};

	machine(*state);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct one o = {0};
		int r = one__open(&o, *state, rows[i].text);

		if (r != -EINVAL || !strstr(o.err.msg, rows[i].words))
			fail_msg("%s: %d, %s", rows[i].text, r, o.err.msg);
		one__close(&o);
	}
}

static void the_bound_counts_pods(void **state)
{
	struct one o = {0};

	machine(*state);
	o.e.max_endpoints = 2;
	assert_int_equal(
		one__open(&o, *state,
			  FILE_OF(OF("0", POD(4, "web/b", "false", "\"fd66::5\",\"10.0.1.5\"")))),
		0);
	write_members(&o,
		      FILE_OF(OF("0", POD(4, "web/b", "false", "\"fd66::5\",\"10.0.1.5\"") "," POD(
					      5, "web/c", "false", "\"10.0.1.6\""))));
	{
		bool changed;

		assert_int_equal(select__reload(o.sel, &changed, &o.err), 0);
		assert_int_equal(select__update(o.sel, NULL, NULL, NULL, &changed, &o.err),
				 -EINVAL);
	}
	assert_non_null(strstr(o.err.msg, "match 3 things and maxEndpoints allows 2"));
	one__close(&o);
}

static bool is_exempt(const struct dp_plan *p, const char *ip, uint8_t proto)
{
	struct chaos_addr a;

	assert_int_equal(addr__parse(ip, &a), 0);
	for (size_t i = 0; i < p->n_exempts; i++)
		if (!memcmp(&p->exempts[i].addr, &a, sizeof(a)) && p->exempts[i].proto == proto &&
		    !p->exempts[i].port)
			return true;
	return false;
}

/* The node's own are left alone but where the experiment names them; a pod's address elsewhere names nothing. */
static void exempt_addresses(void **state)
{
	struct node_exempts now = {0};
	struct one o = {0};
	bool changed;

	machine(*state);
	assert_int_equal(
		one__open(&o, *state,
			  "{\"exempt\":[\"10.8.0.1\",\"10.9.0.7\",\"fd66::1\"],\"endpoints\":[" OF(
				  "0", POD(4, "web/b", "false", "\"10.8.0.1\"")) "]}"),
		0);
	assert_int_equal(exempt__node(&now, &o.dp, NULL, o.sel->members), 0);
	assert_int_equal(now.n, 2);
	assert_true(is_exempt(&o.dp, "10.8.0.1", 6));
	assert_true(is_exempt(&o.dp, "10.8.0.1", 0));
	assert_true(is_exempt(&o.dp, "fd66::1", 58));
	assert_false(is_exempt(&o.dp, "10.9.0.7", 6));
	write_members(&o, "{\"exempt\":[\"10.8.0.2\",\"fd66::1\"],\"endpoints\":[]}");
	assert_int_equal(select__reload(o.sel, &changed, &o.err), 0);
	assert_int_equal(exempt__node(&now, &o.dp, NULL, o.sel->members), 0);
	assert_false(is_exempt(&o.dp, "10.8.0.1", 6));
	assert_true(is_exempt(&o.dp, "10.8.0.2", 17));
	assert_true(is_exempt(&o.dp, "fd66::1", 58));
	free(now.v);
	one__close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(here_and_elsewhere), fake_test(nobody_and_the_machines_own),
		fake_test(followed),	       fake_test(a_bad_file_changes_nothing),
		fake_test(wrong_ones),	       fake_test(the_bound_counts_pods),
		fake_test(exempt_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
