/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h: between the files of this room. */
#ifndef CHAOS_DISCOVER_INTERNAL_H
#define CHAOS_DISCOVER_INTERNAL_H

#include "discover/discover.h"
#include "discover/table.h"
#include "lib/cleanup.h"

#include <dirent.h>

/* ---- read.c: files that may vanish, never end, or be anything at all ---- */

/*
 * The file @path below @dirfd, at most @max bytes, with a NUL behind them that @ret_len does not count.
 * -EFBIG: longer than that, and @cut is false.
 */
int read__file(int dirfd, const char *path, size_t max, bool cut, char **ret, size_t *ret_len);
/* What the link @path points to, into @buf; its length or negative errno. */
ssize_t read__link(int dirfd, const char *path, char *buf, size_t size);
/* A number in decimal and nothing else, at most @max. */
bool read__number(const char *s, uint64_t max, uint64_t *ret);
/* Count @r, the negative errno of a read. */
void skipped__count(struct discover_skipped *s, int r);

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* ---- mounts.c ---- */

/* A network namespace that is mounted somewhere, by /proc/self/mountinfo. */
struct netns_mount {
	struct netns_id id;
	const char *path; /* in the arena of the snapshot */
};

struct mounts {
	const char *cgroup2;	  /* mount point of the v2 hierarchy, NULL: none */
	const char *cgroup2_base; /* the part of the hierarchy that is mounted there; "" for all */
	struct netns_mount *netns;
	size_t n_netns;
};

int mounts__parse(char *mountinfo, struct arena *arena, struct mounts *ret);
void mounts__reset(struct mounts *m);

/* ---- glob.c ---- */

/*
 * The whole of @text is like @glob, where * stands for any bytes, none included, and ? for one. No
 * classes and no escapes: unit names and arguments are full of [ and \\. Time is the product of the
 * lengths at worst, so that what a process calls itself cannot hold us up.
 */
bool glob__matches(const char *glob, const char *text);

/* ---- cgroup.c: what a path of the cgroup tree tells; pure ---- */

enum { FACTS_CONTAINERS = 4, FACTS_ID = 65 };

struct cgroup_facts {
	char unit[256]; /* "" none */
	struct {
		char id[FACTS_ID];
		enum discover_runtime runtime;
	} containers[FACTS_CONTAINERS]; /* from the outside in */
	size_t n_containers;
	char pod[FACTS_ID]; /* "" none */
	bool podman_pod;
};

void cgroup__facts(const char *path, struct cgroup_facts *ret);
/* @component of a path is the unit @name, a name or a glob with its suffix. */
bool cgroup__is_unit(const char *component, size_t n, const char *name);
/* Take systemd's \xNN apart into @buf; returns @buf. */
const char *cgroup__unescape(const char *s, size_t n, char *buf, size_t size);
bool cgroup__is_hex_id(const char *s, size_t n); /* 64 hexadecimal digits */

/* ---- procfs.c ---- */

/* While a snapshot is being taken. */
struct taking {
	struct snapshot *s;
	int proc; /* directory */
	struct table strings, users, cgroups, netns, containers, pods;
	const char **string_v;
	size_t n_strings;
	dev_t nsfs;
	struct mounts mounts;
};

int procfs__read(struct taking *t);

/*
 * What the files of a process say; pure. All take the whole text and return 0 or -EBADMSG.
 */
/* Also -ESRCH: a zombie. Sets ppid, kernel, start. */
int procfs__parse_stat(const char *stat, struct discover_process *p);
int procfs__parse_uid(const char *status, uid_t *ret);	/* the effective one */
int procfs__parse_tgid(const char *status, pid_t *ret); /* the process that a thread is of */
/* In place. Paths begin with '/'; one of the two may be NULL. */
int procfs__parse_cgroup(char *text, const char **ret_v2, const char **ret_v1);

/* @str in the arena, the same pointer for the same string; NULL: no memory. */
const char *taking__intern(struct taking *t, const char *str);
/* The entry of a container or pod, made if it is new; DISCOVER_NONE: no memory. */
uint32_t taking__container(struct taking *t, const char *id, enum discover_runtime runtime);
uint32_t taking__pod(struct taking *t, const char *uid);
/* The entry of the pair of paths in /proc/PID/cgroup; either may be NULL. */
uint32_t taking__cgroup(struct taking *t, const char *v2, const char *v1);

/* ---- traffic.c ---- */

struct nlmsghdr;

/* From an answer of sock_diag that holds a struct inet_diag_msg. */
void traffic__read(const struct nlmsghdr *h, struct discover_traffic *ret);

/* ---- runtimes.c: names and labels, from what the runtimes keep ---- */

int runtimes__describe(struct taking *t);

/* What their files say; pure. A NULL or any other JSON tells nothing. */
struct json_t;
void runtimes__take_config(struct taking *t, struct discover_container *c, struct json_t *j);
void runtimes__take_docker(struct taking *t, struct discover_container *c, struct json_t *j);
void runtimes__take_podman(struct taking *t, struct json_t *list);
/* podman's database, as bytes; false: some pod of podman's is not in it. */
bool runtimes__take_libpod(struct taking *t, const char *db, size_t len);
/* The folder of /var/log/pods, in place. */
void runtimes__take_log_folder(struct taking *t, char *folder);
/* @p is a conmon: the name and, into @bundles by container, the place of its files. */
void runtimes__take_conmon(struct taking *t, const struct discover_process *p,
			   const char **bundles);
/* The folder of Docker's state, as its daemon.json has it; NULL: not said. */
const char *runtimes__docker_root(struct taking *t, const struct json_t *daemon);

/* ---- network.c, watch.c: messages of the kernel's, or of whoever may send to our port ---- */

struct nlmsghdr;

/* Of a dump of sock_diag. */
struct listing {
	struct discover_netns *netns;
	enum discover_proto proto;
	bool traffic; /* counters too */
	int error;
};
int listing__take(const struct nlmsghdr *h, void *data); /* for libmnl */

/* A datagram of the proc connector. 0 or -ENOMEM. */
int changes__take(struct changes *c, const void *datagram, size_t len);

#endif
