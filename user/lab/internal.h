/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h: what the files of this room know of each other. */
#ifndef CHAOS_LAB_INTERNAL_H
#define CHAOS_LAB_INTERNAL_H

#include "datapath/netns.h"
#include "lab/lab.h"
#include "lab/spawn.h"

/* 10.99.0.1 ... 10.99.0.254 */
#define LAB_MAX_NODES 254

/* A command of `run`, expanded. */
struct command {
	char *text;  /* as a person would type it */
	char **argv; /* NULL-terminated, each string owned */
	char *log;
	pid_t pid, inner; /* for us, and in the lab's pid namespace; 0 = not started */
	bool running;
	bool unreported; /* exited, and lab__next_exit() has not said so */
	int status;	 /* of an exited one, as from waitpid */
};

struct node {
	const struct lab_node *spec;
	char ip[32], ip6[32];
	bool has_ip6; /* false where the kernel has no IPv6 */
	char *dir;
	bool made_dir;
	struct as_user as; /* of spec->user, once lab__find_users() has looked */
	int netns;
	struct netns_id id;
	struct command *commands; /* spec->n_run */
	char *ready_url;
	struct command ready; /* no argv = none */
};

struct lab {
	const struct experiment *e; /* borrowed */
	char *nodes_dir;
	bool made_nodes_dir;
	struct node *nodes; /* e->n_nodes */
	int bridge_netns;
	struct pidns pidns;
	bool lost; /* the init died, and everything with it */
	int epoll; /* the line to the init, and: */
	int event; /* an eventfd that is set while there is an unreported exit */
};

struct node *lab__node(const struct lab *lab, const char *name); /* NULL for no such node */

/* names.c: a lab of names only: addresses and folders, nothing made. */
int lab__name(const struct experiment *e, const char *run_dir, struct lab **ret, struct error *err);
void lab__free(struct lab *lab); /* memory only */

/* names.c: fill commands, ready_url, ready of every node; all templates of files are tried too. */
int lab__expand_all(struct lab *lab, struct error *err);

/* names.c: -ENOENT for a user that this machine does not know. */
int lab__find_users(struct lab *lab, struct error *err);

/* network.c: namespaces, bridge, addresses; on failure what is made stays in @lab. */
int lab__make_network(struct lab *lab, struct error *err);

/* files.c */
int lab__make_files(struct lab *lab, struct error *err);
/* Everything in the nodes' folders, or, with @keep, all but rendered files and logs (*.log). */
void lab__remove_files(struct lab *lab, bool keep);
/* The last @n lines of @path, each after "\n  ", into @buf: "" if there is nothing to read. */
const char *file__tail(const char *path, unsigned int n, char *buf, size_t size);

/* lab.c: run @s as @c. */
int lab__run(struct lab *lab, const struct spawn *s, struct command *c, struct error *err);
/* lab.c: note in the commands who has exited. */
void lab__collect(struct lab *lab);

#endif
