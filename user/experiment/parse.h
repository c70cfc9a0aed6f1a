/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.h: the sections of an experiment file, inside this room only. Each reads one value of `spec`
 * into the experiment (@obj) in the order in which experiment.c calls them: what a later one refers to
 * by name is then known.
 */
#ifndef CHAOS_PARSE_H
#define CHAOS_PARSE_H

#include "experiment/reader.h"

void parse_lab(struct reader *r, const struct yaml_node *n, void *obj);
void parse_endpoints(struct reader *r, const struct yaml_node *n, void *obj);
void parse_systems(struct reader *r, const struct yaml_node *n, void *obj);
/* Put the systems of files into the tree, where `systems` of @spec names them; @len: of the text so far. */
void parse_include_systems(struct reader *r, struct yaml *y, size_t len,
			   const struct experiment_source *source);
void parse_faults(struct reader *r, const struct yaml_node *n, void *obj);
void parse_observe(struct reader *r, const struct yaml_node *n, void *obj);
void parse_roles(struct reader *r, const struct yaml_node *n, void *obj);
void parse_guards(struct reader *r, const struct yaml_node *n, void *obj);
void parse_expect(struct reader *r, const struct yaml_node *n, void *obj);

/* ports: 6379, "8000-8100" or a list of these. */
void parse_ports(struct reader *r, const struct yaml_node *n, struct ports *ret);
/* One port or a range as 8000-8100; false for a bad one. */
bool parse_port_range(const char *s, struct port_range *ret);
#define PARSE_PORTS_MAX 64

/* proto: a name or a number. */
#define PARSE_PROTOS "tcp, udp, sctp, icmp, icmpv6, vrrp or 1 to 255"
void parse_proto(struct reader *r, const struct yaml_node *n, uint8_t *ret);
bool parse_proto_name(const char *s, uint8_t *ret);
/* Whether its packets have ports, or may; 0 is any protocol. */
bool parse_proto_has_ports(uint8_t proto);

/* What a selector of @kind (no node, no host) looks for, into @t; false after a finding. */
bool parse_target(struct reader *r, const struct yaml_node *n, enum selector_kind kind,
		  struct target_selector *t);
/* One value of it. */
bool parse_target_key(struct reader *r, const struct yaml_node *n, enum target_key key,
		      struct target_selector *t);

/* A mapping whose HANDLED options are keys of target.h (.lo); false after a finding. */
bool parse_target_keys(struct reader *r, const struct yaml_node *n, const char *what,
		       const struct option *options, size_t n_options, struct target_selector *t);
bool parse_pods(struct reader *r, const struct yaml_node *n, struct target_selector *t);
/* {key: value, ...} of @what, as @example, each to @to of @t. */
void parse_pod_pairs(struct reader *r, const struct yaml_node *n, enum target_key to,
		     const char *what, const char *example, struct target_selector *t);
void parse_pod_labels(struct reader *r, const struct yaml_node *n, void *obj);
void parse_pod_expressions(struct reader *r, const struct yaml_node *n, void *obj);
/* How many of the pods: {mode: fixed, value: 2}, or `one`. */
void parse_pick(struct reader *r, const struct yaml_node *n, struct target_selector *t);

/*
 * What is different in a cluster (parse_cluster.c): pods without a namespace are those of the object's own, put
 * into the tree; and what an agent cannot do or must not let a user of the API do is a finding.
 */
#define PARSE_SYSTEM_NS "kube-system"
#define PARSE_SYSTEM_WORDS                                                                       \
	"the cluster's own pods are chosen only by naming the namespace; expected `namespaces: " \
	"[kube-system]`"
void parse_cluster_namespaces(struct reader *r, struct yaml *y);
void parse_cluster_check(struct reader *r, const struct yaml *y,
			 const struct experiment_mode *mode);

/* A DNS name. */
bool selector__is_host(const char *s);
/* Set @s->value and @s->netns by what @s->target is; false without memory. */
bool selector__fill(struct selector *s);

/* The partition of a fault (@obj is a struct fault). */
void parse_partition(struct reader *r, const struct yaml_node *n, void *obj);
/* What a fault's packets must be like (@obj is a struct fault). */
void parse_match(struct reader *r, const struct yaml_node *n, void *obj);

/* Other parts of a fault (@obj is a struct fault); each sets its bit of fault.parts. */
void parse_loss(struct reader *r, const struct yaml_node *n, void *obj);
void parse_delay(struct reader *r, const struct yaml_node *n, void *obj);
void parse_reorder(struct reader *r, const struct yaml_node *n, void *obj);
void parse_duplicate(struct reader *r, const struct yaml_node *n, void *obj);
void parse_corrupt(struct reader *r, const struct yaml_node *n, void *obj);
void parse_rate(struct reader *r, const struct yaml_node *n, void *obj);
void parse_reset(struct reader *r, const struct yaml_node *n, void *obj);
void parse_reject(struct reader *r, const struct yaml_node *n, void *obj);
void parse_mtu(struct reader *r, const struct yaml_node *n, void *obj);
void parse_ecn(struct reader *r, const struct yaml_node *n, void *obj);

/* Whether it leaves no packet. */
bool loss__is_total(const struct loss *l);
/* Parts of fault @n that cannot be together. */
void parse_check_parts(struct reader *r, const struct yaml_node *n, const struct fault *f);
/* The ramp of what moves in fault @n: its default, or a finding. */
void parse_check_ramp(struct reader *r, const struct yaml_node *n, struct fault *f);

/* Faults of the list @faults that can meet no packet because of another one; all were read without a finding. */
void parse_check_conflicts(struct reader *r, const struct yaml_node *faults);

/*
 * A set: a name, a list of names, or {random: N, of: [...]}. Names are checked against the endpoints;
 * with @exclusive those of an earlier exclusive set of this fault are refused, and never drawn.
 */
void parse_set(struct reader *r, const struct yaml_node *n, bool exclusive, struct name_set *ret);
/* The endpoints that a set means when it names none: the lab's nodes, without a lab all. */
size_t parse_universe(const struct experiment *e);
/* Add endpoint @i to @set. */
bool parse_set_add(struct reader *r, struct name_set *set, size_t i);
/* Index of the endpoint called by @n, or SIZE_MAX after a finding. */
size_t parse_endpoint_name(struct reader *r, const struct yaml_node *n);

/*
 * Check the ${...} of a template: ip, ip6, node, dir, and NODE.ip, NODE.ip6 of the lab. Templates of a node
 * are checked when all nodes are known.
 */
bool parse_template(struct reader *r, const struct yaml_node *n);

/* "" if a template of the lab may have ${@name}, else NULL; @arg is the experiment. */
const char *parse_known_name(const char *name, void *arg);

/* Whether @text is a pattern, with at least @groups groups, the first "around" @around; or a finding. */
bool parse_check_pattern(struct reader *r, struct pos pos, const char *text, size_t groups,
			 const char *around);
/* The workload of a custom system (@obj is a struct custom_system). */
void parse_custom_workload(struct reader *r, const struct yaml_node *n, void *obj);
bool parse_is_role_system(const char *name);
bool parse_is_load_system(const char *name);
/* Options of a workload (@obj is a struct workload), and what they must be together. */
void workload__mode(struct reader *r, const struct yaml_node *n, void *obj);
void workload__arrival(struct reader *r, const struct yaml_node *n, void *obj);
void workload__retry(struct reader *r, const struct yaml_node *n, void *obj);
void workload__connections(struct reader *r, const struct yaml_node *n, void *obj);
void workload__url(struct reader *r, const struct yaml_node *n, void *obj);
void workload__method(struct reader *r, const struct yaml_node *n, void *obj);
void workload__body(struct reader *r, const struct yaml_node *n, void *obj);
void workload__headers(struct reader *r, const struct yaml_node *n, void *obj);
void workload__status(struct reader *r, const struct yaml_node *n, void *obj);
void workload__keys(struct reader *r, const struct yaml_node *n, void *obj);
void workload__check(struct reader *r, const struct yaml_node *n, struct workload *w);

/* An address without length, IPv4 or IPv6. */
bool parse_is_address(const char *s);

/* Endpoints that a probe or a client can be in: names, each once. */
void parse_enterables(struct reader *r, const struct yaml_node *n, char ***names, size_t *n_names);

/* The built-in systems of roles, in the order in which they are documented. */
extern const char *const role_systems[];
extern const size_t n_role_systems;

#endif
