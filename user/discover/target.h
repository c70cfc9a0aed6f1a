/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h: what is looked for on a machine, as the user said it. Pure: of this room only target*.c
 * is needed for it, and nothing here has looked at the machine.
 */
#ifndef CHAOS_TARGET_H
#define CHAOS_TARGET_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum target_kind {
	TARGET_PROCESS,
	TARGET_CGROUP,
	TARGET_UNIT,
	TARGET_CONTAINER,
	TARGET_PODS,
	TARGET_NETNS,
	TARGET_CIDR,
	TARGET_INTERFACE,
};

/* A condition on one label. IN and NOT_IN have values; a pod without the label is not in any. */
enum target_operator { OPERATOR_IN, OPERATOR_NOT_IN, OPERATOR_EXISTS, OPERATOR_DOES_NOT_EXIST };
extern const char *const target_operators[4];

struct target_expression {
	char *key;
	enum target_operator op;
	char **values;
	size_t n_values;
};

/* How many of the pods that match are meant. Those stay: one that comes later is none of them. */
enum pick_mode {
	PICK_ALL, /* all, also those that come later */
	PICK_ONE,
	PICK_FIXED,	     /* value pods, or all if there are fewer */
	PICK_FIXED_PERCENT,  /* value % of them, rounded up */
	PICK_RANDOM_PERCENT, /* 1 to value %, drawn under the seed, rounded up */
};
extern const char *const pick_modes[5];

struct target_pick {
	enum pick_mode mode;
	unsigned int value;
};

/* What a field selector may name; phases of a pod. */
enum target_field { FIELD_NAME, FIELD_NAMESPACE, FIELD_NODE, FIELD_PHASE, FIELD_IP };
extern const char *const target_fields[5];
extern const char *const target_phases[5];

/* What is chosen. All strings are the selector's own; target_selector__reset() frees them. */
struct target_selector {
	enum target_kind kind;

	/* TARGET_PROCESS: all that is set must hold. */
	pid_t pid;  /* 0: any */
	char *comm; /* exact */
	char *exe;  /* path, exact; without a '/' the last component */
	char *args; /* glob over the arguments joined by blanks */
	char *user; /* name or number */
	bool tree;  /* and all their descendants */

	/* TARGET_CGROUP: a path, with all below it unless @exact. */
	bool exact;

	/* TARGET_CONTAINER: @name is the beginning of an id and no name. */
	bool by_id;

	/*
	 * TARGET_CGROUP: path. TARGET_UNIT: name, without a suffix a .service; may be a glob.
	 * TARGET_CONTAINER: name, else the beginning of an id. TARGET_NETNS: name, path or pid.
	 * TARGET_INTERFACE: device name. TARGET_PODS: pod name, or podman pod id; NULL: any.
	 */
	char *name;
	char *netns;	     /* TARGET_INTERFACE: name, path or pid; NULL: the one chaos runs in */
	char *pod_namespace; /* TARGET_PODS, TARGET_CONTAINER: of its pod; NULL: any */
	char *pod;	     /* TARGET_CONTAINER: name or podman id of its pod; NULL: any or none */
	char *node;	     /* TARGET_PODS: only on the machine of this name; NULL: any */
	char **labels;	     /* TARGET_PODS: "key=value", all must hold */
	size_t n_labels;

	/* TARGET_PODS: in one of these namespaces; one of these, as NAMESPACE/NAME. None: any. */
	char **namespaces;
	size_t n_namespaces;
	char **pods;
	size_t n_pods;
	struct target_expression *expressions; /* all must hold */
	size_t n_expressions;
	bool no_host_network; /* TARGET_PODS: not those in the machine's own network namespace */
	char *device;	      /* TARGET_PODS: only what passes this device of theirs; NULL: all */
	struct target_pick pick; /* TARGET_PODS */

	/*
	 * TARGET_PODS, known to the API server only: "key=value", all must hold; on one of the nodes, or on
	 * one that has all the labels; in one of the phases; "status.podIP=10.0.0.1", all must hold.
	 */
	char **annotations, **nodes, **node_labels, **phases, **fields;
	size_t n_annotations, n_nodes, n_node_labels, n_phases, n_fields;

	/* TARGET_CIDR; no bit of @addr is set past @prefixlen. */
	uint8_t family, addr[16], prefixlen;

	struct target_selector *excludes; /* what matches one of these is left out */
	size_t n_excludes;
};

/*
 * The short form: pid:N comm:NAME exe:PATH args:GLOB user:NAME tree:N cgroup:PATH unit:NAME
 * container:[[NS/]POD/]NAME pod:[NS/]NAME pods:NS pods:[NS/]KEY=VALUE[,...] netns:NAME
 * cidr:ADDRESS[/LENGTH] interface:[NETNS/]NAME. -EINVAL with words.
 */
int target_selector__parse(const char *text, struct target_selector *ret, struct error *err);
void target_selector__reset(struct target_selector *t);

/* The kinds of the short form, without colons. */
extern const char *const target_forms[];
extern const size_t n_target_forms;

/* What a selector can say of what it looks for. */
enum target_key {
	TARGET_KEY_PID,
	TARGET_KEY_COMM,
	TARGET_KEY_EXE,
	TARGET_KEY_ARGS,
	TARGET_KEY_USER,
	TARGET_KEY_CGROUP,
	TARGET_KEY_UNIT,
	TARGET_KEY_CONTAINER,
	TARGET_KEY_CONTAINER_ID,
	TARGET_KEY_CONTAINER_POD,
	TARGET_KEY_POD,
	TARGET_KEY_POD_NAMESPACE,
	TARGET_KEY_POD_NODE,
	TARGET_KEY_POD_LABEL,	   /* KEY=VALUE; one more at each call */
	TARGET_KEY_POD_NAMESPACES, /* one more at each call */
	TARGET_KEY_PODS,	   /* NAMESPACE/NAME; one more at each call */
	TARGET_KEY_POD_DEVICE,
	/* one more at each call: */
	TARGET_KEY_POD_ANNOTATION, /* KEY=VALUE */
	TARGET_KEY_POD_NODES,
	TARGET_KEY_POD_NODE_LABEL, /* KEY=VALUE */
	TARGET_KEY_POD_PHASE,
	TARGET_KEY_POD_FIELD, /* KEY=VALUE */
	TARGET_KEY_NETNS,
	TARGET_KEY_CIDR,
	TARGET_KEY_DEVICE,
	TARGET_KEY_DEVICE_NETNS,
	N_TARGET_KEYS,
};

/*
 * Check @value and set @key of @t, in place of what it was, to its canonical form. @t->kind stays.
 * -EINVAL with what was expected.
 */
int target_selector__set(struct target_selector *t, enum target_key key, const char *value,
			 struct error *err);

/* One more expression; @values are copied. -EINVAL with what was expected, -ENOMEM. */
int target_selector__add_expression(struct target_selector *t, const char *key,
				    enum target_operator op, const char *const *values,
				    size_t n_values, struct error *err);

/* Whether sorted "key=value" @labels meet @x. */
bool target_expression__holds(const struct target_expression *x, const char *const *labels,
			      size_t n_labels);

/*
 * How many of @n pods are meant, at most @n; and where a pod stands in the order in which they are: by a hash
 * of the seed, @salt and what the pod is called, so that all who see the same pods choose the same.
 */
size_t target_pick__count(const struct target_pick *p, size_t n, uint64_t seed, const char *salt);
uint64_t target_pick__rank(uint64_t seed, const char *salt, const char *pod);

/* A total order; 0: they choose the same by the same words. Excludes count in their order. */
int target_selector__compare(const struct target_selector *a, const struct target_selector *b);

/*
 * In words, by the short form: "comm:etcd user:postgres", "cgroup:/a (not below)", "cidr:10.0.0.0/8 but
 * not cidr:10.1.0.0/16". Writes @buf, cut at @size and at a whole character, and returns it.
 */
const char *target_selector__describe(const struct target_selector *t, char *buf, size_t size);

#endif
