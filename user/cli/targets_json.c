// SPDX-License-Identifier: GPL-2.0-only
/* targets_json.c: the same for programs: nothing cut short. */
#include "cli/targets.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

enum { MAX_TEXT = 64 * 1024 };

/* JSON is UTF-8; names of the kernel are bytes. NULL becomes null. */
static json_t *text(const char *s)
{
	_cleanup_free_ char *buf = NULL;
	size_t size;

	if (!s)
		return json_null();
	size = 4 * strlen(s) + 17;
	buf = malloc(size < MAX_TEXT ? size : MAX_TEXT);
	return buf ? json_string(
			     target_text__clean(s, true, buf, size < MAX_TEXT ? size : MAX_TEXT))
		   : json_null();
}

static json_t *argv_json(const struct discover_process *p)
{
	json_t *a = json_array();

	for (size_t at = 0; at < p->argv_len; at += strlen(p->argv + at) + 1)
		json_array_append_new(a, text(p->argv + at));
	return a;
}

static json_t *peers_json(const struct target_traffic *t)
{
	json_t *a = json_array();

	for (size_t i = 0; i < t->n_peers; i++)
		json_array_append_new(
			a,
			json_pack("{s:s,s:s,s:b,s:I}", "remote", t->peers[i].remote, "protocol",
				  t->peers[i].proto == DISCOVER_TCP ? "tcp" : "udp", "accepted",
				  t->peers[i].accepted, "connections", (json_int_t)t->peers[i].n));
	return a;
}

static json_t *process_json(const struct snapshot *s, uint32_t i)
{
	_cleanup_(target_traffic__reset) struct target_traffic t = {0};
	const struct discover_process *p = &s->processes[i];
	const struct discover_cgroup *c =
		p->cgroup == DISCOVER_NONE ? NULL : &s->cgroups[p->cgroup];
	json_t *listens = json_array(), *j;

	if (target_traffic__of(s, i, &t) == 0)
		for (size_t k = 0; k < t.n_listens; k++)
			json_array_append_new(listens, json_string(t.listens[k]));
	j = json_pack("{s:i,s:i,s:o,s:o,s:o,s:o,s:I}", "pid", p->pid, "ppid", p->ppid, "comm",
		      text(p->comm), "exe", text(*p->exe ? p->exe : NULL), "args", argv_json(p),
		      "user", text(p->user), "start_ticks", (json_int_t)p->start);
	json_object_set_new(j, "cgroup", text(c ? c->path : NULL));
	json_object_set_new(j, "cgroup_v1", text(c ? c->path_v1 : NULL));
	json_object_set_new(j, "cgroup_id",
			    c && c->id ? json_integer((json_int_t)c->id) : json_null());
	json_object_set_new(j, "unit", text(c ? c->unit : NULL));
	json_object_set_new(j, "listens", listens);
	json_object_set_new(j, "peers", peers_json(&t));
	return j;
}

static json_t *container_json(const struct snapshot *s, uint32_t i)
{
	const struct discover_container *c = i == DISCOVER_NONE ? NULL : &s->containers[i];

	if (!c)
		return json_null();
	return json_pack("{s:s,s:o,s:o,s:s,s:b}", "id", c->id, "name", text(c->name), "image",
			 text(c->image), "runtime", discover_runtime__name(c->runtime), "infra",
			 c->infra);
}

static json_t *pod_json(const struct snapshot *s, uint32_t i)
{
	const struct discover_pod *p = i == DISCOVER_NONE ? NULL : &s->pods[i];
	json_t *labels;

	if (!p)
		return json_null();
	labels = p->labels_known ? json_array() : json_null();
	for (size_t k = 0; k < p->n_labels; k++)
		json_array_append_new(labels, text(p->labels[k]));
	return json_pack("{s:s,s:o,s:o,s:b,s:o}", "uid", p->uid, "namespace", text(p->ns), "name",
			 text(p->name), "podman", p->podman, "labels", labels);
}

static json_t *group_json(const struct snapshot *s, const struct target_group *g)
{
	json_t *processes = json_array();
	char selector[512];

	target_group__selector(s, g, selector, sizeof(selector));
	for (size_t i = 0; i < g->n_processes; i++)
		json_array_append_new(processes, process_json(s, g->processes[i]));
	return json_pack("{s:o,s:o,s:o,s:o}", "selector", text(*selector ? selector : NULL), "pod",
			 pod_json(s, g->pod), "container", container_json(s, g->container),
			 "processes", processes);
}

static json_t *addresses_json(const struct netns_scan *scan, int ifindex)
{
	json_t *a = json_array();
	char buf[64], line[80];

	for (size_t i = 0; i < scan->n_addrs; i++) {
		const struct addr_info *addr = &scan->addrs[i];

		if (addr->ifindex != ifindex ||
		    !inet_ntop(addr->family, addr->addr, buf, sizeof(buf)))
			continue;
		snprintf(line, sizeof(line), "%s/%u", buf, addr->prefixlen);
		json_array_append_new(a, json_string(line));
	}
	return a;
}

static json_t *devices_json(const struct discover_netns *n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n->scan.n_links; i++) {
		const struct link_info *l = &n->scan.links[i];

		json_array_append_new(a,
				      json_pack("{s:o,s:s,s:b,s:o}", "name", text(l->name), "kind",
						l->loopback ? "loopback" : l->kind, "up", l->up,
						"addresses", addresses_json(&n->scan, l->ifindex)));
	}
	return a;
}

static json_t *netns_json(const struct target_view *v, uint32_t i)
{
	const struct discover_netns *n = &v->s->netns[i];
	json_t *groups = json_array(), *j;
	char selector[4200];

	for (size_t g = 0; g < v->n_groups; g++)
		if (v->groups[g].netns == i)
			json_array_append_new(groups, group_json(v->s, &v->groups[g]));
	j = json_pack("{s:o,s:o,s:o,s:I,s:b,s:b,s:I,s:b,s:I,s:b}", "selector",
		      text(target_netns__selector(n, selector, sizeof(selector))), "name",
		      text(n->name), "path", text(n->path), "inode", (json_int_t)n->id.ino, "self",
		      n->self, "host", n->host, "n_processes", (json_int_t)n->n_processes,
		      "entered", n->loaded, "kernel_threads", (json_int_t)v->kernel_threads[i],
		      "sockets_truncated", n->sockets_truncated);
	json_object_set_new(j, "devices", devices_json(n));
	json_object_set_new(j, "groups", groups);
	return j;
}

json_t *targets__json(const struct target_view *v)
{
	const struct discover_skipped *k = &v->s->skipped;
	json_t *list = json_array(), *unknown = json_array();

	for (uint32_t i = 0; i < v->s->n_netns; i++)
		if (v->netns[i])
			json_array_append_new(list, netns_json(v, i));
	for (size_t g = 0; g < v->n_groups; g++)
		if (v->groups[g].netns == DISCOVER_NONE)
			json_array_append_new(unknown, group_json(v->s, &v->groups[g]));
	return json_pack("{s:o,s:o,s:{s:I,s:I,s:I}}", "namespaces", list, "namespace_unknown",
			 unknown, "skipped", "gone", (json_int_t)k->gone, "denied",
			 (json_int_t)k->denied, "malformed", (json_int_t)k->malformed);
}
