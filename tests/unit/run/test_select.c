// SPDX-License-Identifier: GPL-2.0-only
/* test_select.c: from selectors to members, and what of them changes as a made-up machine does. */
#include "../discover/fake.h"

#include "lib/cleanup.h"
#include "run/relevant.h"
#include "run/select.h"

#include <sys/mman.h>
#include <unistd.h>

enum { HOST = 0, APP = 1, POD = 2 }; /* namespaces, by their numbers below */

#define NETNS(n) (4026532000UL + (n))
#define CGROUP_A "0::/machine.slice/libpod-" ID_A ".scope\n"
#define CGROUP_B "0::/machine.slice/libpod-" ID_B ".scope\n"

static void process(const struct fake *f, pid_t pid, pid_t ppid, const char *comm,
		    const char *cgroup, unsigned long netns)
{
	char exe[64];

	snprintf(exe, sizeof(exe), "/bin/%s", comm);
	fake__process(f, (struct fake_process){.pid = pid,
					       .ppid = ppid,
					       .comm = comm,
					       .exe = exe,
					       .argv = comm,
					       .cgroup = cgroup,
					       .netns = netns});
}

static void end_process(const struct fake *f, pid_t pid)
{
	nftw(fake__path(f, "/proc/%d", pid), fake__remove, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * The machine's namespace has init, a kernel thread, nginx with two workers, and us with our shell; container
 * A has one of its own; containers B and C share another one.
 */
static void machine(const struct fake *f)
{
	process(f, 1, 0, "init", "0::/init.scope\n", NETNS(HOST));
	fake__process(f,
		      (struct fake_process){
			      .pid = 2, .comm = "kthreadd", .kernel = true, .netns = NETNS(HOST)});
	process(f, 10, 1, "nginx", "0::/system.slice/nginx.service\n", NETNS(HOST));
	process(f, 11, 10, "nginx", "0::/system.slice/nginx.service\n", NETNS(HOST));
	process(f, 20, 1, "redis", CGROUP_A, NETNS(APP));
	process(f, 21, 20, "sh", CGROUP_A, NETNS(APP));
	process(f, 30, 1, "etcd", CGROUP_B, NETNS(POD));
	process(f, 31, 1, "side", "0::/machine.slice/libpod-" ID_C ".scope\n", NETNS(POD));
	process(f, 900, 1, "bash", "0::/user.slice\n", NETNS(HOST));
	process(f, getpid(), 900, "chaos", "0::/user.slice\n", NETNS(HOST));
	fake__link(f, "/proc/self/ns/net", "net:[4026532000]");
}

static int open_nothing(const struct snapshot *s, uint32_t netns)
{
	(void)s;
	(void)netns;
	return memfd_create("netns", MFD_CLOEXEC);
}

static int open_gone(const struct snapshot *s, uint32_t netns)
{
	(void)s;
	(void)netns;
	return -ENOENT;
}

/* An experiment of one endpoint, chosen by @text, without what @not chooses. */
struct one {
	struct experiment e;
	struct endpoint ep;
	struct selector s;
	struct target_selector t, not ;
	struct dp_plan dp;
	struct select *sel;
	struct error err;
	char news[1024];
};

static int one__open(struct one *o, const struct fake *f, const char *text, const char * not,
		     bool allow_host)
{
	static const enum selector_kind kinds[] = {
		[TARGET_PROCESS] = SELECTOR_PROCESS, [TARGET_CGROUP] = SELECTOR_CGROUP,
		[TARGET_UNIT] = SELECTOR_UNIT,	     [TARGET_CONTAINER] = SELECTOR_CONTAINER,
		[TARGET_PODS] = SELECTOR_PODS,	     [TARGET_NETNS] = SELECTOR_NETNS,
		[TARGET_CIDR] = SELECTOR_CIDR,	     [TARGET_INTERFACE] = SELECTOR_INTERFACE,
	};
	struct select_options opts = {.allow_host = allow_host, .root = f->root};

	opts.open_netns = o->sel || !o->news[0] ? open_nothing : open_gone;
	assert_int_equal(target_selector__parse(text, &o->t, &o->err), 0);
	if (not ) {
		assert_int_equal(target_selector__parse(not, &o->not, &o->err), 0);
		o->t.excludes = &o->not ;
		o->t.n_excludes = 1;
	}
	o->s = (struct selector){.kind = kinds[o->t.kind],
				 .value = (char *)(uintptr_t)text,
				 .target = &o->t,
				 .pos = {3, 5}};
	o->ep = (struct endpoint){
		.name = (char *)(uintptr_t) "web", .selectors = &o->s, .n_selectors = 1};
	o->e.file = (char *)(uintptr_t) "x.yaml";
	o->e.endpoints = &o->ep;
	o->e.n_endpoints = 1;
	return select__open(&o->e, NULL, &opts, &o->dp, &o->sel, &o->err);
}

static void one__close(struct one *o)
{
	select__close(o->sel);
	dp_plan__reset(&o->dp);
	o->t.excludes = NULL;
	o->t.n_excludes = 0;
	target_selector__reset(&o->t);
	target_selector__reset(&o->not );
	*o = (struct one){0};
}

/* "whole:1 sockets:2 | 10 11 +" : places with the last digit of their namespace, processes, heirs, cgroups. */
static const char *shown(const struct one *o)
{
	static char text[512];
	const struct dp_member *m = &o->dp.members[0];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < m->n_places; i++) {
		unsigned long ino = 0;

		for (size_t k = 0; k < o->sel->n_netns; k++)
			if (o->sel->netns[k].fd == m->places[i].netns_fd)
				ino = o->sel->netns[k].id.ino;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s:%lu ",
				      m->places[i].by_socket ? "sockets" : "whole", ino % 10);
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, "|");
	for (size_t i = 0; i < m->n_processes; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %d%s", m->processes[i].pid,
				      m->processes[i].heirs ? "+" : "");
	if (m->n_cgroups)
		snprintf(text + n, sizeof(text) - n, " cgroups:%zu", m->n_cgroups);
	return text;
}

static void becomes(const struct fake *f, const char *text, const char * not, const char *expected)
{
	struct one o = {0};

	if (one__open(&o, f, text, not, false) < 0)
		fail_msg("%s: %s", text, o.err.msg);
	if (strcmp(shown(&o), expected) != 0)
		fail_msg("%s: %s, expected %s", text, shown(&o), expected);
	one__close(&o);
}

static void refused(const struct fake *f, const char *text, const char * not, const char *words)
{
	struct one o = {0};
	int r = one__open(&o, f, text, not, false);

	if (r != -EINVAL || !strstr(o.err.msg, words) ||
	    strncmp(o.err.msg, "x.yaml:3:5: ", 12) != 0)
		fail_msg("%s: %d, %s", text, r, o.err.msg);
	one__close(&o);
}

static void places_of_each_kind(void **state)
{
	const struct fake *f = *state;

	machine(f);
	becomes(f, "comm:nginx", NULL, "sockets:0 | 10+ 11+");
	becomes(f, "pid:10", NULL, "sockets:0 | 10");
	becomes(f, "tree:10", NULL, "sockets:0 | 10+ 11+");
	/* even where nobody else is */
	becomes(f, "comm:redis", NULL, "sockets:1 | 20+");
	becomes(f, "unit:nginx", NULL, "sockets:0 | 10+ 11+");
	becomes(f, "container:" ID_A, NULL, "whole:1 |");
	becomes(f, "container:" ID_B, NULL, "sockets:2 | 30+");
	becomes(f, "cgroup:/machine.slice", NULL, "whole:1 whole:2 |");
	/* the rest of it */
	becomes(f, "cgroup:/machine.slice", "comm:side", "whole:1 sockets:2 | 30+");
	becomes(f, "container:" ID_A, "comm:sh", "sockets:1 | 20+");
}

static void networks(void **state)
{
	struct one o = {0};

	machine(*state);
	assert_int_equal(one__open(&o, *state, "cidr:10.0.0.0/30", "cidr:10.0.0.2", false), 0);
	assert_int_equal(o.dp.members[0].n_prefixes, 2);
	assert_int_equal(o.dp.members[0].n_places, 0);
	assert_false(o.sel->follows);
	one__close(&o);
	refused(*state, "cidr:10.0.0.0/30", "cidr:10.0.0.0/8", "`not` leaves nothing");
	refused(*state, "cidr:10.0.0.0/30", "comm:nginx", "only other addresses");
}

static void what_is_refused(void **state)
{
	const struct fake *f = *state;

	machine(f);
	refused(f, "comm:ngin", NULL, "did you mean `nginx`?");
	refused(f, "pid:4000000", NULL, "no process 4000000");
	refused(f, "comm:chaos", NULL, "chaos itself");
	refused(f, "comm:bash", NULL, "what chaos itself was started by");
	refused(f, "cgroup:/user.slice", NULL, "what chaos itself was started by and chaos");
	refused(f, "comm:kthreadd", NULL, "kernel threads only");
	refused(f, "container:nosuch", NULL, "no running container");
}

static void our_own_shell_when_asked_for(void **state)
{
	struct one o = {0};

	machine(*state);
	assert_int_equal(one__open(&o, *state, "comm:bash", NULL, true), 0);
	assert_string_equal(shown(&o), "sockets:0 | 900+");
	one__close(&o);
}

static void a_pause_container_is_nobody(void **state)
{
	const struct fake *f = *state;

	machine(f);
	process(f, 40, 1, "pause", "0::/machine.slice/libpod-" ID_D ".scope\n", NETNS(APP));
	fake__file(f,
		   "/var/lib/containers/storage/overlay-containers/" ID_D "/userdata/config.json",
		   "{\"annotations\":{\"io.podman.annotations.infra\":\"true\"}}");
	becomes(f, "container:" ID_A, NULL, "sockets:1 | 20+ 21+");
}

/* ---- as it comes and goes ---- */

static void take_news(void *arg, const struct select_news *news)
{
	struct one *o = arg;
	size_t n = strlen(o->news);

	snprintf(o->news + n, sizeof(o->news) - n, "%s%s %s %d", n ? ", " : "",
		 news->joined ? "joined" : "left", news->what, news->pid);
}

/* What is news at the next look. */
static const char *news(struct one *o, const struct fake *f)
{
	struct snapshot s = fake__take(f);
	bool changed = false;

	o->news[0] = 0;
	assert_int_equal(select__update(o->sel, &s, take_news, o, &changed, &o->err), 0);
	if (!changed)
		assert_string_equal(o->news, "");
	select__settle(o->sel);
	return o->news;
}

static void a_server_restarts(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "comm:nginx", NULL, false), 0);
	assert_string_equal(news(&o, f), "");
	end_process(f, 11);
	assert_string_equal(news(&o, f), "left nginx 11");
	end_process(f, 10);
	assert_string_equal(news(&o, f), "left nginx 10");
	assert_string_equal(shown(&o), "|");
	assert_int_equal(o.sel->n_netns, 0);
	process(f, 12, 1, "nginx", NULL, NETNS(HOST));
	process(f, 22, 20, "nginx", CGROUP_A, NETNS(APP));
	assert_string_equal(news(&o, f), "joined nginx 12, joined nginx 22");
	assert_string_equal(shown(&o), "sockets:0 sockets:1 | 12+ 22+");
	one__close(&o);
}

static void a_pid_that_is_given_again(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "comm:nginx", NULL, false), 0);
	fake__file(f, "/proc/11/stat",
		   "11 (nginx) S 10 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77777 0 0");
	assert_string_equal(news(&o, f), "left nginx 11, joined nginx 11");
	one__close(&o);
}

static void who_shares_a_namespace_changes_what_it_is(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "container:" ID_B, NULL, false), 0);
	assert_string_equal(shown(&o), "sockets:2 | 30+");
	end_process(f, 31);
	assert_string_equal(news(&o, f), "joined all of network namespace 4026532002 0");
	assert_string_equal(shown(&o), "whole:2 |");
	process(f, 32, 1, "ping", NULL, NETNS(POD));
	assert_string_equal(news(&o, f), "left all of network namespace 4026532002 0");
	/* a new namespace of it */
	process(f, 33, 30, "etcd", CGROUP_B, NETNS(3));
	assert_string_equal(news(&o, f), "joined all of network namespace 4026532003 0");
	assert_string_equal(shown(&o), "sockets:2 whole:3 | 30+");
	one__close(&o);
}

/* What chaos itself runs in a container does not make it shared. */
static void our_own_visitors(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "container:" ID_A, NULL, false), 0);
	process(f, getpid() + 1, getpid(), "redis-cli", "0::/user.slice\n", NETNS(APP));
	assert_string_equal(news(&o, f), "");
	assert_string_equal(shown(&o), "whole:1 |");
	one__close(&o);
}

static void more_than_is_allowed(void **state)
{
	const struct fake *f = *state;
	struct snapshot s;
	struct one o = {0};
	bool changed;

	machine(f);
	o.e.max_endpoints = 1;
	process(f, 14, 1, "nginx", NULL, NETNS(HOST));
	assert_int_equal(one__open(&o, f, "comm:nginx", NULL, false), -EINVAL);
	assert_non_null(strstr(o.err.msg, "match 2 things and maxEndpoints allows 1"));
	one__close(&o);

	o.e.max_endpoints = 2;
	assert_int_equal(one__open(&o, f, "comm:nginx", NULL, false), 0);
	/* a worker is not one more */
	process(f, 12, 10, "nginx", NULL, NETNS(HOST));
	assert_string_equal(news(&o, f), "joined nginx 12");
	process(f, 15, 1, "nginx", NULL, NETNS(HOST));
	s = fake__take(f);
	assert_int_equal(select__update(o.sel, &s, NULL, NULL, &changed, &o.err), -EINVAL);
	assert_string_equal(shown(&o), "sockets:0 | 10+ 11+ 12+ 14+");
	one__close(&o);
}

static void a_namespace_that_ends_meanwhile(void **state)
{
	struct one o = {.news = "gone"};

	machine(*state);
	assert_int_equal(one__open(&o, *state, "container:" ID_A, NULL, false), 0);
	assert_string_equal(shown(&o), "|");
	one__close(&o);
}

/* ---- which events are worth a look ---- */

static bool matters(const struct one *o, enum change_kind kind, pid_t pid, pid_t ppid)
{
	struct change c = {.kind = kind, .pid = pid, .ppid = ppid};

	return relevant__changes(o->sel, &(struct changes){.processes = &c, .n_processes = 1});
}

static void events_of_processes(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "comm:nginx", NULL, false), 0);
	process(f, 12, 10, "nginx", NULL, NETNS(HOST));
	process(f, 13, 10, "logger", NULL, NETNS(HOST));
	assert_false(matters(&o, CHANGE_STARTED, 12, 10)); /* the kernel's business */
	assert_true(matters(&o, CHANGE_EXEC, 12, 0));
	assert_false(matters(&o, CHANGE_EXEC, 13, 0));
	assert_false(matters(&o, CHANGE_EXEC, 11, 0)); /* what it was */
	assert_true(matters(&o, CHANGE_ENDED, 11, 0));
	assert_false(matters(&o, CHANGE_ENDED, 1, 0));
	assert_false(matters(&o, CHANGE_EXEC, 99999, 0));
	fake__file(f, "/proc/11/comm", "other\n");
	assert_true(matters(&o, CHANGE_RENAMED, 11, 0));
	assert_false(relevant__changes(o.sel, &(struct changes){.cgroups = true, .netns = true}));
	assert_true(relevant__changes(o.sel, &(struct changes){.all = true}));
	one__close(&o);
}

static void events_of_containers(void **state)
{
	const struct fake *f = *state;
	struct one o = {0};

	machine(f);
	assert_int_equal(one__open(&o, f, "container:" ID_A, NULL, false), 0);
	process(f, 22, 20, "sh", CGROUP_A, NETNS(APP));
	process(f, 23, 1, "exec", CGROUP_A, NETNS(APP));
	process(f, 24, 20, "unshare", CGROUP_A, NETNS(5));
	assert_false(matters(&o, CHANGE_STARTED, 22, 20));
	assert_false(matters(&o, CHANGE_EXEC, 22, 0));
	assert_true(matters(&o, CHANGE_STARTED, 23, 1)); /* born into another cgroup */
	assert_true(matters(&o, CHANGE_EXEC, 23, 0));
	assert_true(matters(&o, CHANGE_EXEC, 24, 0));
	assert_true(relevant__changes(o.sel, &(struct changes){.cgroups = true}));
	assert_false(relevant__changes(o.sel, &(struct changes){0}));
	one__close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(places_of_each_kind),
		fake_test(networks),
		fake_test(what_is_refused),
		fake_test(our_own_shell_when_asked_for),
		fake_test(a_pause_container_is_nobody),
		fake_test(a_server_restarts),
		fake_test(a_pid_that_is_given_again),
		fake_test(who_shares_a_namespace_changes_what_it_is),
		fake_test(our_own_visitors),
		fake_test(more_than_is_allowed),
		fake_test(a_namespace_that_ends_meanwhile),
		fake_test(events_of_processes),
		fake_test(events_of_containers),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
