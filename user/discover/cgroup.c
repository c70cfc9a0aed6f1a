// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup.c: what a path of the cgroup tree tells about who lives there. The names are the runtimes'
 * own habits: systemd.unit(5); podman and CRI-O libpod-ID.scope, crio-ID.scope (with cgroupfs without
 * the suffix); Docker docker-ID.scope or /docker/ID; containerd's CRI cri-containerd-ID.scope; the
 * kubelet kubepods-CLASS-podUID.slice (UID with _) or kubepods/CLASS/podUID.
 */
#include "discover/internal.h"

#include <stdio.h>
#include <string.h>

enum { HEX_ID = 64, COMPONENT = 256 };

struct part {
	const char *s;
	size_t n;
};

static bool is(const struct part *p, const char *word)
{
	return p->n == strlen(word) && memcmp(p->s, word, p->n) == 0;
}

static bool begins(const struct part *p, const char *prefix)
{
	size_t n = strlen(prefix);

	return p->n >= n && memcmp(p->s, prefix, n) == 0;
}

static bool ends(const struct part *p, const char *suffix)
{
	size_t n = strlen(suffix);

	return p->n > n && memcmp(p->s + p->n - n, suffix, n) == 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static size_t hex_digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_hex(s[i]))
		i++;
	return i;
}

bool cgroup__is_hex_id(const char *s, size_t n)
{
	return n == HEX_ID && hex_digits(s, n) == n;
}

/* 8-4-4-4-12 hexadecimal digits; or 32 without dashes, as the kubelet has for static pods. */
static bool is_uid(const char *s, size_t n)
{
	if (n == 32)
		return hex_digits(s, n) == n;
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' && s[i] != '_' : !is_hex(s[i]))
			return false;
	}
	return true;
}

/* systemd puts '_' before a name that the kernel or it would take for something else. */
static struct part plain(struct part p)
{
	if (p.n && p.s[0] == '_')
		return (struct part){p.s + 1, p.n - 1};
	return p;
}

static bool is_unit(const struct part *p)
{
	static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (ends(p, suffixes[i]))
			return true;
	return false;
}

static void set_unit(struct cgroup_facts *f, const struct part *p)
{
	if (is_unit(p) ||
	    (ends(p, ".slice") && !is(p, "-.slice") && (!f->unit[0] || strstr(f->unit, ".slice"))))
		snprintf(f->unit, sizeof(f->unit), "%.*s", (int)p->n, p->s);
}

static void set_pod(struct cgroup_facts *f, const char *s, size_t n, bool podman)
{
	for (size_t i = 0; i < n; i++)
		f->pod[i] = s[i] == '_' ? '-' : s[i];
	f->pod[n] = 0;
	f->podman_pod = podman;
}

static bool find_pod(struct cgroup_facts *f, const struct part *p, const struct part *before)
{
	static const char podman[] = "libpod_pod_", kube[] = "-pod";
	const char *at;

	at = memmem(p->s, p->n, podman, strlen(podman));
	if (at && ends(p, ".slice")) {
		const char *id = at + strlen(podman);

		if (!cgroup__is_hex_id(id, (size_t)(p->s + p->n - id) - strlen(".slice")))
			return false;
		set_pod(f, id, HEX_ID, true);
		return true;
	}
	if (ends(p, ".slice") && memmem(p->s, p->n, "kubepods", 8) &&
	    (at = memmem(p->s, p->n, kube, strlen(kube)))) {
		const char *id = at + strlen(kube);
		size_t n = (size_t)(p->s + p->n - id) - strlen(".slice");

		if (!is_uid(id, n))
			return false;
		set_pod(f, id, n, false);
		return true;
	}
	/* "..": a pod beside ours, seen from a container with a view of the cgroups of its own. */
	if (begins(p, "pod") && is_uid(p->s + 3, p->n - 3) &&
	    (is(before, "kubepods") || is(before, "burstable") || is(before, "besteffort") ||
	     is(before, ".."))) {
		set_pod(f, p->s + 3, p->n - 3, false);
		return true;
	}
	return false;
}

static void add_container(struct cgroup_facts *f, const char *id, enum discover_runtime runtime)
{
	size_t n = f->n_containers;

	/* libpod-ID.scope/container and the like: once. Deeper nesting: the innermost counts. */
	if (n && memcmp(f->containers[n - 1].id, id, HEX_ID) == 0)
		return;
	if (n == FACTS_CONTAINERS)
		n--;
	memcpy(f->containers[n].id, id, HEX_ID);
	f->containers[n].id[HEX_ID] = 0;
	f->containers[n].runtime = runtime;
	f->n_containers = n + 1;
}

static bool find_container(struct cgroup_facts *f, const struct part *p, const struct part *before)
{
	static const struct {
		const char *prefix;
		enum discover_runtime runtime;
	} table[] = {
		{"libpod-payload-", RUNTIME_PODMAN}, {"libpod-", RUNTIME_PODMAN},
		{"docker-", RUNTIME_DOCKER},	     {"cri-containerd-", RUNTIME_CONTAINERD},
		{"nerdctl-", RUNTIME_CONTAINERD},    {"crio-", RUNTIME_CRIO},
	};
	static const char glued[] =
		":cri-containerd:"; /* systemd's form read as a path by cgroupfs */
	struct part base = *p;
	const char *at;

	if (ends(p, ".scope"))
		base.n -= strlen(".scope");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t n = strlen(table[i].prefix);

		if (!begins(&base, table[i].prefix) || !cgroup__is_hex_id(base.s + n, base.n - n))
			continue;
		add_container(f, base.s + n, table[i].runtime);
		return true;
	}
	at = memmem(p->s, p->n, glued, strlen(glued));
	if (at &&
	    cgroup__is_hex_id(at + strlen(glued), (size_t)(p->s + p->n - at) - strlen(glued))) {
		add_container(f, at + strlen(glued), RUNTIME_CONTAINERD);
		return true;
	}
	if (!cgroup__is_hex_id(p->s, p->n))
		return false;
	add_container(f, p->s, is(before, "docker") ? RUNTIME_DOCKER : RUNTIME_UNKNOWN);
	return true;
}

void cgroup__facts(const char *path, struct cgroup_facts *ret)
{
	struct part before = {"", 0};
	struct cgroup_facts f = {0};
	bool bare = false; /* the component before was an id and nothing else */

	while (*path) {
		struct part p;

		path += strspn(path, "/");
		p = (struct part){path, strcspn(path, "/")};
		path += p.n;
		p = plain(p);
		if (!p.n || p.n >= COMPONENT)
			continue;
		set_unit(&f, &p);
		/* An id above libpod-ID, its conmon included, is podman's pod under cgroupfs. */
		if (bare && f.containers[f.n_containers - 1].runtime == RUNTIME_UNKNOWN &&
		    (begins(&p, "libpod-") || is(&p, "conmon"))) {
			set_pod(&f, before.s, HEX_ID, true);
			f.n_containers--;
		}
		bare = false;
		if (!find_pod(&f, &p, &before) && find_container(&f, &p, &before))
			bare = p.n == HEX_ID;
		before = p;
		/* What stands over a container lives in the pod's cgroup, and is no part of it. */
		if (is(&p, "conmon") || begins(&p, "libpod-conmon-") ||
		    begins(&p, "crio-conmon-")) {
			f.pod[0] = 0;
			f.podman_pod = false;
		}
	}
	*ret = f;
}

const char *cgroup__unescape(const char *s, size_t n, char *buf, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < n && to + 1 < size; i++) {
		unsigned int c;

		if (n - i >= 4 && s[i] == '\\' && s[i + 1] == 'x' &&
		    hex_digits(s + i + 2, 2) == 2 && sscanf(s + i + 2, "%2x", &c) == 1 && c) {
			buf[to++] = (char)c;
			i += 3;
		} else {
			buf[to++] = s[i];
		}
	}
	buf[to] = 0;
	return buf;
}

bool cgroup__is_unit(const char *component, size_t n, const char *name)
{
	struct part p = plain((struct part){component, n});
	char literal[COMPONENT], people[COMPONENT];

	if (!p.n || p.n >= sizeof(literal) || !(is_unit(&p) || ends(&p, ".slice")))
		return false;
	snprintf(literal, sizeof(literal), "%.*s", (int)p.n, p.s);
	if (strcmp(literal, name) == 0 || glob__matches(name, literal))
		return true;
	cgroup__unescape(p.s, p.n, people, sizeof(people));
	return strcmp(people, name) == 0 || glob__matches(name, people);
}
