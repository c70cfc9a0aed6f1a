/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * discover.h: who lives on this machine: processes with their cgroups, systemd units, containers,
 * pods and network namespaces, and the sockets that tie them to addresses. All of it is read from
 * /proc, netlink and the runtimes' own files; no daemon is asked and nothing is changed.
 *
 * A snapshot is a moment's view of something that never holds still. What vanishes while it is read,
 * may not be read or makes no sense is left out and counted, never an error.
 */
#ifndef CHAOS_DISCOVER_H
#define CHAOS_DISCOVER_H

#include "datapath/netns.h"
#include "discover/target.h"
#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In place of an index: there is none, or it could not be read. */
#define DISCOVER_NONE UINT32_MAX

/* TASK_COMM_LEN for processes; a kernel worker's comm is longer. Any byte but NUL may be in it. */
#define DISCOVER_COMM 64

struct discover_process {
	pid_t pid;
	pid_t ppid;
	uint64_t start; /* clock ticks since boot: with the pid, who it is */
	uid_t uid;	/* effective, as this namespace sees it */
	bool kernel;	/* a kernel thread: no sockets of its own choosing */
	char comm[DISCOVER_COMM];
	const char *user; /* from /etc/passwd, else the number */
	const char *exe;  /* path without " (deleted)", or "" */
	const char *argv; /* NUL between arguments, the first 16 KiB; never NULL */
	size_t argv_len;
	uint32_t netns;	 /* of snapshot.netns, or DISCOVER_NONE */
	uint32_t cgroup; /* of snapshot.cgroups, or DISCOVER_NONE */
};

/* One place in the cgroup trees that at least one process is in. */
struct discover_cgroup {
	const char *path; /* v2, from the root that we see; NULL: this kernel or mount has none */
	const char *path_v1; /* of the v1 hierarchies: systemd's, else the longest; NULL: none */
	uint64_t id;	  /* of the v2 cgroup, as bpf_get_current_cgroup_id() has it; 0: unknown */
	const char *unit; /* innermost systemd unit, a slice only where nothing else is; or NULL */
	uint32_t container; /* innermost, of snapshot.containers */
	uint32_t pod;	    /* of snapshot.pods */
};

enum discover_runtime {
	RUNTIME_UNKNOWN, /* a cgroup like a container's, of no runtime that we know */
	RUNTIME_PODMAN,
	RUNTIME_DOCKER,
	RUNTIME_CONTAINERD,
	RUNTIME_CRIO,
};
const char *discover_runtime__name(enum discover_runtime runtime);

struct discover_container {
	const char *id;
	const char *name;  /* or NULL: the runtime's state does not tell */
	const char *image; /* or NULL */
	enum discover_runtime runtime;
	bool infra;	 /* holds its pod's namespaces, does nothing else */
	uint32_t parent; /* the container that it runs in, or DISCOVER_NONE */
	uint32_t pod;
};

struct discover_pod {
	const char *uid; /* Kubernetes' UID, or podman's pod id */
	const char *ns;	 /* Kubernetes namespace; NULL: unknown, or a podman pod */
	const char *name;
	bool podman;
	/* "key=value", sorted. Without an API server only CRI-O, Docker and podman keep them on the node. */
	const char **labels;
	size_t n_labels;
	bool labels_known;
};

enum discover_proto { DISCOVER_TCP, DISCOVER_UDP };

struct discover_socket {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t proto;	/* enum discover_proto */
	bool listening; /* a listener, or a UDP socket without a peer */
	bool accepted;	/* has a peer, and its port is one that its namespace listens on */
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;
	uint32_t inode; /* 0: no process has it open */
};

/* What a socket has done so far. Of TCP all of it, of UDP the queues and drops: nothing else is counted. */
struct discover_traffic {
	uint64_t cookie;     /* who the socket is: unlike inodes and ports never used again */
	uint8_t state;	     /* TCP_ESTABLISHED and so on */
	bool counted;	     /* of TCP: the fields to @rtt_us are known */
	uint64_t bytes_sent; /* acknowledged by the other end */
	uint64_t bytes_received;
	uint32_t segs_out, segs_in, retrans; /* they wrap around */
	uint32_t rtt_us;		     /* smoothed; 0: no sample yet */
	uint32_t rqueue, wqueue;	     /* bytes */
	uint32_t drops;
};

struct discover_netns {
	struct netns_id id;
	const char *name; /* of /run/netns, or NULL */
	const char *path; /* where it is mounted, or NULL */
	pid_t pid; /* its process with the least pid, a kernel thread only if need be; 0: none */
	uint32_t n_processes;
	bool host; /* the kernel's own threads are in it: the machine's first */
	bool self; /* chaos runs in it */

	/* After snapshot__load_network(). */
	bool loaded;
	struct netns_scan scan;
	struct discover_socket *sockets;
	struct discover_traffic *traffic; /* of each; after snapshot__load_traffic() */
	size_t n_sockets;
	bool sockets_truncated; /* more than were kept */
};

/* Process @process has socket @socket of namespace @netns open; sorted by process. */
struct discover_owner {
	uint32_t process;
	uint32_t netns;
	uint32_t socket;
};

struct discover_skipped {
	size_t gone;	  /* ended while being read */
	size_t denied;	  /* part of it may not be read by us */
	size_t malformed; /* makes no sense: half-written, cut off, too long */
};

struct arena;

struct snapshot {
	struct discover_process *processes; /* by pid, ascending */
	size_t n_processes;
	struct discover_cgroup *cgroups;
	size_t n_cgroups;
	struct discover_container *containers;
	size_t n_containers;
	struct discover_pod *pods;
	size_t n_pods;
	struct discover_netns *netns; /* named ones first, then by oldest process */
	size_t n_netns;
	struct discover_owner *owners;
	size_t n_owners;

	const char *root;
	const char *cgroup_mount; /* the v2 hierarchy, with the root before it; NULL: not mounted */
	const char *cgroup_base;  /* the part of it that is mounted, "" if all */
	pid_t self;
	struct discover_skipped skipped;
	struct arena *arena; /* of all strings */
};

/*
 * See what runs here. @root is put before every path, "" for this machine; tests give trees of their
 * own. 0, -ENOMEM, or why /proc cannot be read.
 */
int snapshot__take(const char *root, struct snapshot *ret, struct error *err);

/*
 * Devices, addresses and sockets of every namespace, and who owns the sockets. What may not be
 * entered stays without `loaded`. The calling thread changes namespace for a moment.
 */
int snapshot__load_network(struct snapshot *s);

/* The same, and what each socket has done; also those that nobody has open, TIME_WAIT among them. */
int snapshot__load_traffic(struct snapshot *s);

/* Devices and addresses only: what matching by address or device needs, without /proc/PID/fd. */
int snapshot__load_links(struct snapshot *s);

void snapshot__reset(struct snapshot *s);

/* NULL: no such process. */
const struct discover_process *snapshot__process(const struct snapshot *s, pid_t pid);

/* The arguments with blanks between them into @buf, cut to it; returns @buf. */
const char *discover_process__args(const struct discover_process *p, char *buf, size_t size);

/* Indices into a snapshot, ascending, each once. */
struct discover_match {
	uint32_t *processes;
	size_t n_processes;
	uint32_t *netns;
	size_t n_netns;
	uint32_t *cgroups;
	size_t n_cgroups;
	/* No process outside the match shares a v2 cgroup with one in it: cgroup ids alone tell. */
	bool cgroups_exact;
	size_t n_self; /* processes of chaos's own that were left out */
};

/*
 * What @t chooses in @s. -ESRCH, -ENOENT: nothing, with the nearest that there is; -EINVAL: a thread's
 * id, chaos itself, an ambiguous id; -ENOMEM. TARGET_CIDR and TARGET_INTERFACE want loaded links.
 */
int discover__match(const struct snapshot *s, const struct target_selector *t,
		    struct discover_match *ret, struct error *err);
void discover_match__reset(struct discover_match *m);

/* Pods that were picked from more, as NAMESPACE/NAME. */
struct discover_only {
	char **pods;
	size_t n_pods;
};
void discover_only__reset(struct discover_only *o);

/* The same, but of pods only those of @only; NULL: all. */
int discover__match_only(const struct snapshot *s, const struct target_selector *t,
			 const struct discover_only *only, struct discover_match *ret,
			 struct error *err);

/* Those of @s that @t->pick means. @salt: two that pick from the same pods pick apart. 0, -ENOMEM. */
int discover__pick(const struct snapshot *s, const struct target_selector *t, uint64_t seed,
		   const char *salt, struct discover_only *ret);

/*
 * What must be true of pods when a run begins: those that are listed run (-ENOENT), none is in the machine's
 * own network where @t forbids it (-EINVAL). Later such a pod is left out.
 */
int discover__check_pods(const struct snapshot *s, const struct target_selector *t,
			 struct error *err);

/* NAMESPACE/NAME; a podman pod's namespace is `default`. NULL: no memory. */
char *discover_pod__path(const struct discover_pod *p);

/* ---- what changes -------------------------------------------------------------------------------- */

enum watch_source {
	WATCH_PROCESSES = 1 << 0, /* proc connector: fork, exec, exit, uid, comm */
	WATCH_CGROUPS = 1 << 1,	  /* inotify: cgroups made, removed, moved into */
	WATCH_MOUNTS = 1 << 2,	  /* poll of mountinfo: namespaces named and unnamed */
};

struct watch;

enum change_kind { CHANGE_STARTED, CHANGE_EXEC, CHANGE_ENDED, CHANGE_RENAMED };

struct change {
	enum change_kind kind;
	pid_t pid;  /* process */
	pid_t ppid; /* CHANGE_STARTED: its parent at that moment */
};

struct changes {
	struct change *processes; /* in their order */
	size_t n_processes;
	bool cgroups; /* a cgroup came, went, or got a process */
	bool netns;   /* a mount came or went: namespaces may have */
	bool all;     /* events were lost or cannot be had: look at everything */
};

/*
 * Watch this machine. Whatever the kernel refuses is replaced by a look at everything each 250 ms
 * (changes.all); @s says where cgroups are. Fails only without memory or descriptors.
 */
int watch__open(const struct snapshot *s, struct watch **ret);
unsigned int watch__sources(const struct watch *w);    /* enum watch_source that are events here */
int watch__fd(const struct watch *w);		       /* readable: watch__read() has something */
int watch__read(struct watch *w, struct changes *ret); /* never blocks; 0 or -ENOMEM */
void changes__reset(struct changes *c);
void watch__close(struct watch *w);

#endif
