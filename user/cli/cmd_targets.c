// SPDX-License-Identifier: GPL-2.0-only
/* cmd_targets.c: the network namespaces of this machine, named or held by processes. */
#include "cli/cli.h"

#include "datapath/netns.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PROCESSES = 8 }; /* listed by name; the count is whole */

struct target {
	struct netns_id id;
	char name[256]; /* of /run/netns, or "" */
	int fd;
	pid_t pid; /* a process in it, 0 = none seen */
	char processes[MAX_PROCESSES][32];
	size_t n_processes;
	bool self;
};

struct target_list {
	struct target *v;
	size_t n;
};

struct targets_args {
	const char *selector;
	bool json;
};

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct targets_args *a = state->input;

	switch (key) {
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->selector)
			argp_error(state, "one SELECTOR at a time");
		a->selector = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The entry for the namespace @fd, made if it is new; takes the fd. NULL: not listed. */
static struct target *target_for(struct target_list *list, int fd)
{
	struct target *v;
	struct netns_id id;

	if (netns__id(fd, &id) < 0) {
		safe_close(fd);
		return NULL;
	}
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].id.ino == id.ino && list->v[i].id.dev == id.dev) {
			safe_close(fd);
			return &list->v[i];
		}
	v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (!v) {
		safe_close(fd);
		return NULL;
	}
	list->v = v;
	v[list->n] = (struct target){.id = id, .fd = fd};
	return &v[list->n++];
}

static void find_named(struct target_list *list)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir("/run/netns");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		struct target *t;
		int fd;

		if (de->d_name[0] == '.')
			continue;
		fd = netns__open(de->d_name, NULL);
		t = fd < 0 ? NULL : target_for(list, fd);
		if (t && !t->name[0])
			snprintf(t->name, sizeof(t->name), "%s", de->d_name);
	}
}

static void process_name(const char *pid, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[300];
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, buf, size - 1);
	if (n < 0)
		n = 0;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

static void find_by_process(struct target_list *list)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir("/proc");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		struct target *t;
		char path[300];
		int fd;

		if (de->d_name[0] < '1' || de->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", de->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		t = fd < 0 ? NULL : target_for(list, fd);
		if (!t)
			continue;
		if (!t->pid)
			t->pid = (pid_t)strtol(de->d_name, NULL, 10);
		if (t->n_processes < MAX_PROCESSES)
			process_name(de->d_name, t->processes[t->n_processes],
				     sizeof(t->processes[0]));
		t->n_processes++;
	}
}

static json_t *addresses_json(const struct netns_scan *scan, int ifindex)
{
	json_t *a = json_array();
	char buf[64], text[80];

	for (size_t i = 0; i < scan->n_addrs; i++) {
		const struct addr_info *addr = &scan->addrs[i];

		if (addr->ifindex != ifindex ||
		    !inet_ntop(addr->family, addr->addr, buf, sizeof(buf)))
			continue;
		snprintf(text, sizeof(text), "%s/%u", buf, addr->prefixlen);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

static json_t *target_json(const struct target *t)
{
	json_t *devices = json_array(), *processes = json_array();
	struct netns_scan scan = {0};
	char selector[300];

	if (netns__scan(t->fd, &scan) == 0)
		for (size_t i = 0; i < scan.n_links; i++) {
			const struct link_info *l = &scan.links[i];

			json_array_append_new(
				devices, json_pack("{s:s,s:s,s:b,s:o}", "name", l->name, "kind",
						   l->loopback ? "loopback" : l->kind, "up", l->up,
						   "addresses", addresses_json(&scan, l->ifindex)));
		}
	netns_scan__reset(&scan);
	for (size_t i = 0; i < t->n_processes && i < MAX_PROCESSES; i++)
		json_array_append_new(processes, json_string(t->processes[i]));
	if (t->name[0])
		snprintf(selector, sizeof(selector), "netns:%s", t->name);
	else
		snprintf(selector, sizeof(selector), "netns:%d", (int)t->pid);
	return json_pack("{s:s,s:b,s:I,s:I,s:o,s:o}", "selector", selector, "self", t->self, "inode",
			 (json_int_t)t->id.ino, "n_processes", (json_int_t)t->n_processes,
			 "processes", processes, "devices", devices);
}

static void print_target(const json_t *t)
{
	size_t i, j, n = (size_t)json_integer_value(json_object_get(t, "n_processes"));
	json_t *x, *addr;

	printf("%s%s\n", json_string_value(json_object_get(t, "selector")),
	       json_is_true(json_object_get(t, "self")) ? "  (chaos itself runs here)" : "");
	json_array_foreach(json_object_get(t, "devices"), i, x) {
		printf("  %-16s %-10s %s", json_string_value(json_object_get(x, "name")),
		       json_string_value(json_object_get(x, "kind")),
		       json_is_true(json_object_get(x, "up")) ? "up  " : "down");
		json_array_foreach(json_object_get(x, "addresses"), j, addr)
			printf(" %s", json_string_value(addr));
		printf("\n");
	}
	if (!n)
		return;
	printf("  %zu process%s:", n, n == 1 ? "" : "es");
	json_array_foreach(json_object_get(t, "processes"), i, x)
		printf(" %s", json_string_value(x));
	printf("%s\n", n > MAX_PROCESSES ? " ..." : "");
}

/* Only the namespace that @selector names; all others are dropped. */
static int filter(struct target_list *list, const char *text, struct error *err)
{
	struct selector s = {0};
	_cleanup_close_ int fd = -1;
	int r = selector__parse_short(text, &s, err);

	if (r)
		return r;
	if (s.kind != SELECTOR_NETNS && s.kind != SELECTOR_INTERFACE) {
		selector__reset(&s);
		return err__set(err, -EINVAL, "`%s` names addresses, which have no place here", text);
	}
	if (s.kind == SELECTOR_INTERFACE && !s.netns)
		fd = netns__open_self();
	else
		fd = netns__open(s.kind == SELECTOR_INTERFACE ? s.netns : s.value, err);
	selector__reset(&s);
	if (fd < 0)
		return fd;
	for (size_t i = 0; i < list->n; i++)
		if (!netns__same(list->v[i].fd, fd))
			list->v[i].fd = safe_close(list->v[i].fd);
	return 0;
}

int cmd_targets(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[SELECTOR]",
		"Lists what can be selected here: network namespaces, named or held by processes, with "
		"their devices and addresses.",
		NULL, NULL, NULL};
	_cleanup_close_ int self = netns__open_self();
	struct target_list list = {0};
	struct targets_args a = {0};
	struct error err = {0};
	json_t *out = json_array(), *t;
	int status = 0;
	size_t i;

	cli__parse(&argp, argc, argv, &a);
	find_named(&list);
	find_by_process(&list);
	if (a.selector && filter(&list, a.selector, &err) < 0)
		status = cli__fail(EXIT_USAGE, &err);
	for (i = 0; i < list.n && !status; i++) {
		if (list.v[i].fd < 0)
			continue;
		list.v[i].self = netns__same(list.v[i].fd, self);
		json_array_append_new(out, target_json(&list.v[i]));
	}
	if (a.json && !status)
		cli__print_json(out);
	else
		json_array_foreach(out, i, t)
			print_target(t);
	for (i = 0; i < list.n; i++)
		safe_close(list.v[i].fd);
	free(list.v);
	json_decref(out);
	return status;
}
