// SPDX-License-Identifier: GPL-2.0-only
/* check_members.c: what each selector of an endpoint matches, where its packets are seen, and how. */
#include "cli/check.h"

#include "cli/targets.h"
#include "datapath/line.h"
#include "datapath/netns.h"
#include "run/exempt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 8 };

/* ---- as JSON ---- */

/* Text of others' choosing, which JSON takes only as UTF-8. */
static json_t *text_json(const char *s)
{
	char buf[512];

	return json_string(target_text__clean(s, true, buf, sizeof(buf)));
}

static bool has_text(const json_t *list, const char *text)
{
	json_t *x;
	size_t i;

	json_array_foreach(list, i, x)
		if (!strcmp(json_string_value(x), text))
			return true;
	return false;
}

/* Devices of a place that would get our programs; lo only where sockets on it are told
 * apart. Each name once. */
static void add_devices(const struct dp_member *m, const struct dp_place *p,
			const struct netns_scan *scan, json_t *to)
{
	for (size_t i = 0; i < scan->n_links; i++) {
		const struct link_info *l = &scan->links[i];

		if (l->master || (l->loopback && !p->by_socket) ||
		    (m->ifname && strcmp(m->ifname, l->name) != 0) || line__is_device(l->name) ||
		    has_text(to, l->name))
			continue;
		json_array_append_new(to, json_string(l->name));
	}
}

/* Its own addresses, where all of them are the member's. */
static void add_addresses(const struct dp_member *m, const struct netns_scan *scan, json_t *to)
{
	char buf[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < scan->n_addrs; i++) {
		bool on = !m->ifname;

		for (size_t k = 0; k < scan->n_links && !on; k++)
			on = scan->links[k].ifindex == scan->addrs[i].ifindex &&
			     !strcmp(scan->links[k].name, m->ifname);
		if (on && inet_ntop(scan->addrs[i].family, scan->addrs[i].addr, buf, sizeof(buf)))
			json_array_append_new(to, json_string(buf));
	}
}

static void add_prefixes(const struct dp_member *m, json_t *to)
{
	for (size_t i = 0; i < m->n_prefixes; i++) {
		const struct dp_prefix *p = &m->prefixes[i];
		char buf[INET6_ADDRSTRLEN], text[80];

		addr__format(&p->addr, buf, sizeof(buf));
		snprintf(text, sizeof(text), "%s/%d", buf, strchr(buf, ':') ? p->len : p->len - 96);
		json_array_append_new(to, json_string(text));
	}
}

static const struct discover_netns *known(const struct select *sel, int fd)
{
	struct netns_id id;

	if (netns__id(fd, &id) < 0)
		return NULL;
	for (size_t i = 0; i < sel->snapshot.n_netns; i++)
		if (sel->snapshot.netns[i].id.ino == id.ino)
			return &sel->snapshot.netns[i];
	return NULL;
}

static json_t *place_json(const struct select *sel, const struct dp_place *p)
{
	const struct discover_netns *n = known(sel, p->netns_fd);
	struct netns_id id = {0};
	json_t *o;

	netns__id(p->netns_fd, &id);
	o = json_pack("{s:I,s:b}", "id", (json_int_t)id.ino, "whole", !p->by_socket);
	if (n && n->name)
		json_object_set_new(o, "name", text_json(n->name));
	if (n)
		json_object_set_new(o, "host", json_boolean(n->host));
	return o;
}

static json_t *processes_json(const struct select *sel, const struct selected *x)
{
	const struct snapshot *s = &sel->snapshot;
	json_t *a = json_array();

	for (size_t i = 0; i < x->match.n_processes; i++) {
		const struct discover_process *p = &s->processes[x->match.processes[i]];

		if (!p->kernel)
			json_array_append_new(a, json_pack("{s:i,s:o}", "pid", (int)p->pid, "comm",
							   text_json(p->comm)));
	}
	return a;
}

static bool has_container(const struct select *sel, const struct selected *x, uint32_t k)
{
	for (size_t i = 0; i < x->match.n_cgroups; i++)
		if (sel->snapshot.cgroups[x->match.cgroups[i]].container == k)
			return true;
	return false;
}

static json_t *containers_json(const struct select *sel, const struct selected *x)
{
	const struct snapshot *s = &sel->snapshot;
	json_t *a = json_array();

	for (uint32_t k = 0; k < s->n_containers; k++) {
		const struct discover_container *c = &s->containers[k];
		json_t *o;

		if (!has_container(sel, x, k))
			continue;
		o = json_pack("{s:o,s:s}", "id", text_json(c->id), "runtime",
			      discover_runtime__name(c->runtime));
		if (c->name)
			json_object_set_new(o, "name", text_json(c->name));
		if (c->pod != DISCOVER_NONE && s->pods[c->pod].name)
			json_object_set_new(o, "pod", text_json(s->pods[c->pod].name));
		json_array_append_new(a, o);
	}
	return a;
}

/* Where its packets are looked for, and by what they are known to be its own. */
static void describe_place(const struct selector *s, const struct dp_member *m, json_t *o)
{
	bool whole = dp_member__netns(m) >= 0, sockets = m->n_processes > 0;
	const char *where, *mechanism;

	if (s->kind == SELECTOR_NODE) {
		where = "a node of the lab, made by the run";
		mechanism = "all packets of its network namespace";
	} else if (s->kind == SELECTOR_INTERFACE) {
		where = whole ? "a network namespace here" : "a node of the lab, made by the run";
		mechanism = "packets that pass the device";
	} else if (whole && sockets) {
		where = "network namespaces and sockets of processes here";
		mechanism = "all packets of the namespaces that are whole, of the others those of "
			    "the processes' sockets";
	} else if (whole) {
		where = m->n_places > 1 ? "network namespaces here" : "a network namespace here";
		mechanism = "all packets of the namespace";
	} else if (sockets) {
		where = "sockets of processes here";
		mechanism = m->n_cgroups ? "packets of the processes' sockets; what starts in "
					   "their cgroups belongs to them at once"
			    : m->processes[0].heirs
				    ? "packets of the processes' sockets; what they fork "
				      "belongs to them at once"
				    : "packets of the process's sockets";
	} else {
		where = "addresses";
		mechanism = "packets to and from them, where they pass an endpoint that is here";
	}
	json_object_set_new(o, "where", json_string(where));
	json_object_set_new(o, "mechanism", json_string(mechanism));
}

static json_t *member_json(const struct plan *p, const struct selected *x)
{
	const struct selector *s = &p->e->endpoints[x->endpoint].selectors[x->selector];
	const struct dp_member *m = &p->dp.members[x->member];
	json_t *devices = json_array(), *addresses = json_array(), *namespaces = json_array();
	json_t *o = json_pack("{s:o}", "match", text_json(s->value));

	describe_place(s, m, o);
	add_prefixes(m, addresses);
	if (s->kind == SELECTOR_NODE)
		json_array_append_new(devices, json_string("eth0"));
	for (size_t i = 0; i < m->n_places; i++) {
		struct netns_scan scan = {0};

		json_array_append_new(namespaces, place_json(p->select, &m->places[i]));
		if (netns__scan(m->places[i].netns_fd, &scan) < 0)
			continue;
		add_devices(m, &m->places[i], &scan, devices);
		if (!m->places[i].by_socket)
			add_addresses(m, &scan, addresses);
		netns_scan__reset(&scan);
	}
	json_object_set_new(o, "processes", processes_json(p->select, x));
	json_object_set_new(o, "containers", containers_json(p->select, x));
	json_object_set_new(o, "namespaces", namespaces);
	json_object_set_new(o, "devices", devices);
	json_object_set_new(o, "addresses", addresses);
	if (x->match.n_self)
		json_object_set_new(o, "left_out_of_chaos_itself",
				    json_integer((json_int_t)x->match.n_self));
	return o;
}

json_t *check_members__json(const struct plan *p, size_t i)
{
	json_t *members = json_array();

	for (size_t j = 0; j < p->select->n; j++)
		if (p->select->v[j].endpoint == i)
			json_array_append_new(members, member_json(p, &p->select->v[j]));
	return json_pack("{s:s,s:o}", "endpoint", p->e->endpoints[i].name, "members", members);
}

/* ---- as text ---- */

static void print_text(const char *s)
{
	char buf[512];

	printf("%s", target_text__clean(s, false, buf, sizeof(buf)));
}

static void print_item(const json_t *x)
{
	const json_t *name = json_object_get(x, "name"), *id = json_object_get(x, "id");
	const json_t *comm = json_object_get(x, "comm"), *pod = json_object_get(x, "pod");

	if (json_is_string(x)) {
		print_text(json_string_value(x));
	} else if (comm) {
		printf("%lld ", (long long)json_integer_value(json_object_get(x, "pid")));
		print_text(json_string_value(comm));
	} else if (json_is_integer(id)) {
		printf("%lld", (long long)json_integer_value(id));
		if (name)
			printf(" "), print_text(json_string_value(name));
		printf("%s%s", json_is_true(json_object_get(x, "host")) ? " (the machine's)" : "",
		       json_is_true(json_object_get(x, "whole")) ? "" : ", in part");
	} else {
		if (pod)
			print_text(json_string_value(pod)), printf("/");
		if (name)
			print_text(json_string_value(name));
		else
			printf("%.12s", json_string_value(id));
		printf(" (%s)", json_string_value(json_object_get(x, "runtime")));
	}
}

static void print_list(const char *head, const json_t *list)
{
	size_t n = json_array_size(list);

	if (!n)
		return;
	printf("      %s:", head);
	for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
		printf("%s ", i ? "," : "");
		print_item(json_array_get(list, i));
	}
	if (n > SHOWN_MAX)
		printf(" and %zu more, %zu in all", n - SHOWN_MAX, n);
	printf("\n");
}

static void print_member(const json_t *m)
{
	static const char *const lists[] = {"processes", "containers", "namespaces", "devices",
					    "addresses"};
	json_int_t own = json_integer_value(json_object_get(m, "left_out_of_chaos_itself"));

	printf("    ");
	print_text(json_string_value(json_object_get(m, "match")));
	printf(": %s\n", json_string_value(json_object_get(m, "where")));
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		print_list(lists[i], json_object_get(m, lists[i]));
	if (own)
		printf("      left out: %lld of chaos itself\n", (long long)own);
	printf("      by: %s\n", json_string_value(json_object_get(m, "mechanism")));
}

void check_members__print(const json_t *endpoints)
{
	json_t *ep, *m;
	size_t i, j;

	json_array_foreach(endpoints, i, ep) {
		printf("  %s\n", json_string_value(json_object_get(ep, "endpoint")));
		json_array_foreach(json_object_get(ep, "members"), j, m)
			print_member(m);
	}
}
