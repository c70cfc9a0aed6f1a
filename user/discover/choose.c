// SPDX-License-Identifier: GPL-2.0-only
/* choose.c: what the kinds of selectors share. */
#include "discover/choose.h"

#include "lib/nearest.h"

#include <string.h>

/* -ENOENT for @what `@value`, with the nearest of @words (@n of them, borrowed). */
static int none(const char *what, const char *value, const char *const *words, size_t n,
		struct error *err)
{
	const char *near = nearest__word(value, words, n);

	if (near)
		return err__set(err, -ENOENT, "no %s `%s`; did you mean `%s`?", what, value, near);
	return err__set(err, -ENOENT, "no %s `%s`; `chaos targets` lists what there is", what,
			value);
}

/* By a list of names that @name gives for each of @n things, NULL for those that have none. */
int choose__none_of(const struct snapshot *s, const char *what, const char *value, size_t n,
		    const char *(*name)(const struct snapshot *s, size_t i), struct error *err)
{
	_cleanup_free_ const char **words = calloc(n + 1, sizeof(*words));
	_cleanup_(table__reset) struct table seen = {0};
	size_t k = 0;

	for (size_t i = 0; words && i < n; i++) {
		const char *w = name(s, i);

		if (!w || table__get_str(&seen, w) != TABLE_NONE)
			continue;
		if (table__put_str(&seen, w, 1) < 0)
			break;
		words[k++] = w;
	}
	return none(what, value, words, k, err);
}

/* A pid that is none of ours: gone, or a thread of another process. */
int choose__no_process(const struct snapshot *s, pid_t pid, struct error *err)
{
	_cleanup_free_ char *path = NULL, *status = NULL;
	const struct discover_process *p;
	size_t n;
	int tgid;

	if (asprintf(&path, "%s/proc/%d/status", s->root, pid) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	if (read__file(-1, path, 4096, true, &status, &n) < 0 ||
	    procfs__parse_tgid(status, &tgid) < 0)
		return err__set(err, -ESRCH, "no process %d", pid);
	if (tgid == pid)
		return err__set(err, -ESRCH, "process %d has ended or has just begun", pid);
	p = snapshot__process(s, tgid);
	return err__set(err, -EINVAL,
			"%d is a thread of process %d%s%s%s; processes are chosen whole: pid:%d",
			pid, tgid, p ? " (" : "", p ? p->comm : "", p ? ")" : "", tgid);
}

/* The flag of every process whose parent has it, to any depth; @s->processes are in no such order. */
int choose__descendants(const struct snapshot *s, bool *process)
{
	_cleanup_free_ uint32_t *path = calloc(s->n_processes + 1, sizeof(*path));
	_cleanup_free_ bool *known = calloc(s->n_processes + 1, sizeof(*known));

	if (!path || !known)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];
		bool in = false;
		size_t n = 0;

		/* Up to one whose answer is known, then that answer back down: each is asked once. */
		while (p) {
			uint32_t k = (uint32_t)(p - s->processes);

			if (process[k] || known[k]) {
				in = process[k];
				break;
			}
			known[k] = true; /* also ends a circle, which only a lying /proc has */
			path[n++] = k;
			p = p->ppid ? snapshot__process(s, p->ppid) : NULL;
		}
		while (n)
			process[path[--n]] = in;
	}
	return 0;
}

/* All processes of the cgroups whose flag is set; false: none. */
bool choose__of_cgroups(const struct snapshot *s, const bool *cgroup, struct chosen *c)
{
	bool any = false;

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];

		c->process[i] = p->cgroup != DISCOVER_NONE && cgroup[p->cgroup];
		any |= c->process[i];
	}
	return any;
}
