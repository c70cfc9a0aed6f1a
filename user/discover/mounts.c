// SPDX-License-Identifier: GPL-2.0-only
/* mounts.c: where the v2 cgroup hierarchy is, and which network namespaces are mounted. */
#include "discover/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* mountinfo writes blank, tab, newline and backslash as three octal digits. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static int add_netns(struct mounts *m, const char *dev, const char *root, char *point,
		     struct arena *arena)
{
	struct netns_mount *v, new = {0};
	unsigned int major, minor;
	unsigned long ino;
	char end;

	if (sscanf(root, "net:[%lu%c", &ino, &end) != 2 || end != ']' ||
	    sscanf(dev, "%u:%u", &major, &minor) != 2)
		return 0;
	new.id = (struct netns_id){.dev = makedev(major, minor), .ino = ino};
	new.path = arena__str(arena, point);
	v = array__grow(m->netns, m->n_netns, sizeof(*v));
	if (v)
		m->netns = v;
	if (!v || !new.path)
		return -ENOMEM;
	m->netns[m->n_netns++] = new;
	return 0;
}

/*
 * proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE SUPER. A line that is
 * not like that is left out.
 */
static int parse_line(char *line, struct arena *arena, struct mounts *m)
{
	char *field[5], *rest = line, *type;
	size_t n = 0;

	while (n < ARRAY_SIZE(field) && (field[n] = strsep(&rest, " ")))
		n++;
	type = n == ARRAY_SIZE(field) && rest ? strstr(rest, " - ") : NULL;
	if (!type)
		return 0;
	rest = type + 3;
	type = strsep(&rest, " ");
	unescape(field[3]);
	unescape(field[4]);
	if (strcmp(type, "nsfs") == 0)
		return add_netns(m, field[2], field[3], field[4], arena);
	/* The first that shows the whole tree; failing that, the first. */
	if (strcmp(type, "cgroup2") == 0 && (!m->cgroup2 || (*m->cgroup2_base && !field[3][1]))) {
		m->cgroup2 = arena__str(arena, field[4]);
		m->cgroup2_base = arena__str(arena, strcmp(field[3], "/") != 0 ? field[3] : "");
		return m->cgroup2 && m->cgroup2_base ? 0 : -ENOMEM;
	}
	return 0;
}

int mounts__parse(char *mountinfo, struct arena *arena, struct mounts *ret)
{
	struct mounts m = {0};
	char *line;

	while ((line = strsep(&mountinfo, "\n"))) {
		int r = parse_line(line, arena, &m);

		if (r) {
			mounts__reset(&m);
			return r;
		}
	}
	*ret = m;
	return 0;
}

void mounts__reset(struct mounts *m)
{
	free(m->netns);
	*m = (struct mounts){0};
}
