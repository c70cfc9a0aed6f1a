// SPDX-License-Identifier: GPL-2.0-only
/* parse_role.c: who is asked for its role, and how: `observe: roles:`. */
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* Options that only some systems have. */
enum {
	HAS_PORT = 1 << 0,
	HAS_MASTER_NAME = 1 << 1,
	HAS_VIP = 1 << 2,
	HAS_URL = 1 << 3, /* and the certificates that https trusts */
	HAS_TOKEN = 1 << 4,
	HAS_LOGIN = 1 << 5, /* user, password */
	HAS_DATABASE = 1 << 6,
	HAS_IDENTITY = 1 << 7,
	HAS_LEASE = 1 << 8,
	HAS_SLOT = 1 << 9,
};

#define LIST_SYSTEMS                                                                          \
	"redis, sentinel, redis-cluster, etcd, consul, zookeeper, kafka, patroni, postgres, " \
	"galera, rabbitmq, nats, vault, lease, vrrp"

const char *const role_systems[] = {
	"redis",    "sentinel", "redis-cluster", "etcd", "consul", "zookeeper", "kafka", "patroni",
	"postgres", "galera",	"rabbitmq",	 "nats", "vault",  "lease",	"vrrp",
};
const size_t n_role_systems = ARRAY_SIZE(role_systems);

static const unsigned int system_options[] = {
	HAS_PORT,						   /* redis */
	HAS_PORT | HAS_MASTER_NAME,				   /* sentinel */
	HAS_PORT | HAS_SLOT,					   /* redis-cluster */
	HAS_PORT,						   /* etcd */
	HAS_PORT | HAS_URL | HAS_TOKEN,				   /* consul */
	HAS_PORT,						   /* zookeeper */
	HAS_PORT | HAS_IDENTITY,				   /* kafka */
	HAS_PORT | HAS_URL | HAS_LOGIN,				   /* patroni */
	HAS_PORT | HAS_LOGIN | HAS_DATABASE,			   /* postgres */
	HAS_PORT | HAS_LOGIN | HAS_DATABASE,			   /* galera */
	HAS_PORT | HAS_URL | HAS_LOGIN,				   /* rabbitmq */
	HAS_PORT | HAS_URL,					   /* nats */
	HAS_PORT | HAS_URL,					   /* vault */
	HAS_PORT | HAS_URL | HAS_TOKEN | HAS_IDENTITY | HAS_LEASE, /* lease */
	HAS_VIP,						   /* vrrp */
};
_Static_assert(ARRAY_SIZE(system_options) == ARRAY_SIZE(role_systems), "one for each system");

static const struct {
	const char *key;
	unsigned int has;
} rare_options[] = {
	{"port", HAS_PORT},	    {"master_name", HAS_MASTER_NAME},
	{"vip", HAS_VIP},	    {"url", HAS_URL},
	{"ca_file", HAS_URL},	    {"token_file", HAS_TOKEN},
	{"user", HAS_LOGIN},	    {"password", HAS_LOGIN},
	{"database", HAS_DATABASE}, {"identity", HAS_IDENTITY},
	{"lease", HAS_LEASE},	    {"slot", HAS_SLOT},
};

static const struct custom_system *find_custom(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_systems; i++) {
		if (e->systems[i].name && !strcmp(e->systems[i].name, name))
			return &e->systems[i];
	}
	return NULL;
}

/* Index among the built-in systems, or -1. */
static int built_in(const char *name)
{
	for (size_t i = 0; i < n_role_systems; i++) {
		if (!strcmp(role_systems[i], name))
			return (int)i;
	}
	return -1;
}

bool parse_is_role_system(const char *name)
{
	return built_in(name) >= 0;
}

static void role_system(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;
	struct experiment *e = r->e;
	_cleanup_free_ const char **words = calloc(n_role_systems + e->n_systems, sizeof(*words));
	char hint[HINT_SIZE];

	if (!words) {
		r->nomem = true;
		return;
	}
	if (!reader__string(r, n, "a system: " LIST_SYSTEMS " or a name of `systems`",
			    &w->system) ||
	    built_in(w->system) >= 0)
		return;
	if (find_custom(e, w->system)) {
		if (!find_custom(e, w->system)->has_probe)
			reader__fault(r, n->pos,
				      "system `%s` says no roles; it has a workload only",
				      w->system);
		return;
	}
	for (size_t i = 0; i < n_role_systems; i++)
		words[i] = role_systems[i];
	for (size_t i = 0; i < e->n_systems; i++)
		words[n_role_systems + i] = e->systems[i].name ? e->systems[i].name : "";
	reader__hint(r, w->system, words, n_role_systems + e->n_systems, hint);
	reader__fault(r, n->pos, "unknown system `%.64s`%s", w->system,
		      *hint ? hint : "; expected " LIST_SYSTEMS " or a name of `systems`");
	free(w->system);
	w->system = NULL;
}

static void role_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	parse_enterables(r, n, &w->endpoints, &w->n_endpoints);
}

static void role_vip(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	if (reader__string(r, n, "an address", &w->vip) && !parse_is_address(w->vip))
		reader__fault(r, n->pos,
			      "`%.64s` is no address; expected one as 10.99.0.100, without length",
			      w->vip);
}

static void role_url(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	if (!reader__string(r, n, "a URL, as in https://${ip}:8200", &w->url) ||
	    !parse_template(r, n))
		return;
	if (strncmp(w->url, "http://", 7) && strncmp(w->url, "https://", 8))
		reader__fault(r, n->pos, "`%.64s` is no URL; expected one as https://${ip}:8200",
			      w->url);
}

static void role_identity(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	if (reader__string(r, n, "what the system calls the node, as in ${node}", &w->identity))
		parse_template(r, n);
}

static void role_lease(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;
	const char *slash;

	if (!reader__string(r, n, "a lease, as in kube-system/kube-scheduler", &w->lease))
		return;
	slash = strchr(w->lease, '/');
	if (!slash || slash == w->lease || !slash[1] || strchr(slash + 1, '/') ||
	    w->lease[strspn(w->lease, "abcdefghijklmnopqrstuvwxyz0123456789-./")] ||
	    strlen(w->lease) > 240)
		reader__fault(r, n->pos,
			      "`%.64s` is no lease; expected NAMESPACE/NAME, as in "
			      "kube-system/kube-scheduler",
			      w->lease);
}

static const struct option role_options[] = {
	FIELD("resource", STRING, role_watch, resource, .required = true),
	OPTION("system", CUSTOM, .required = true, .parse = role_system),
	OPTION("endpoints", CUSTOM, .required = true, .parse = role_endpoints),
	FIELD("port", PORT, role_watch, port),
	FIELD("master_name", STRING, role_watch, master_name),
	OPTION("vip", CUSTOM, .parse = role_vip),
	OPTION("url", CUSTOM, .parse = role_url),
	FIELD("ca_file", STRING, role_watch, ca_file),
	FIELD("token_file", STRING, role_watch, token_file),
	FIELD("user", STRING, role_watch, user),
	FIELD("password", STRING, role_watch, password),
	FIELD("database", STRING, role_watch, database),
	OPTION("identity", CUSTOM, .parse = role_identity),
	OPTION("lease", CUSTOM, .parse = role_lease),
	FIELD("slot", UINT, role_watch, slot, .lo = 0, .hi = 16383),
	FIELD("every", DURATION, role_watch, every_ns, .lo = NS_PER_MS, .hi = 60 * NS_PER_S),
};

/* The systems that have an option, as "redis, etcd". */
static void list_having(unsigned int has, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < n_role_systems && used < size; i++) {
		if (system_options[i] & has)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 role_systems[i]);
	}
}

static void check_role(struct reader *r, const struct yaml_node *n, struct role_watch *w)
{
	const struct custom_system *custom = find_custom(r->e, w->system);
	unsigned int has = custom && custom->kind == EXCHANGE_TCP ? HAS_PORT : 0;
	char list[192];
	int i = built_in(w->system);

	if (i >= 0)
		has = system_options[i];
	for (size_t k = 0; k < ARRAY_SIZE(rare_options); k++) {
		const struct yaml_node *option = yaml__get(n, rare_options[k].key);

		if (!option || has & rare_options[k].has)
			continue;
		if (rare_options[k].has == HAS_PORT) {
			reader__fault(r, option->pos, "system %s has no port", w->system);
			continue;
		}
		list_having(rare_options[k].has, list, sizeof(list));
		reader__fault(r, option->pos, "`%s` belongs to system %s, not to %s",
			      rare_options[k].key, list, w->system);
	}
	if (has & HAS_VIP && !yaml__get(n, "vip"))
		reader__fault(r, n->pos, "system vrrp needs `vip`, the address that moves");
	if (has & HAS_LEASE && !yaml__get(n, "lease"))
		reader__fault(r, n->pos, "system lease needs `lease`: NAMESPACE/NAME");
	if (has & HAS_URL && w->url && yaml__get(n, "port"))
		reader__fault(r, yaml__get(n, "port")->pos, "the port is in `url` already");
	if (has & HAS_MASTER_NAME && !w->master_name)
		w->master_name = reader__strdup(r, "mymaster");
}

static void parse_role(struct reader *r, const struct yaml_node *n, size_t index)
{
	struct role_watch *w = &r->e->roles[index];
	const struct yaml_node *name = yaml__get(n, "resource");

	w->pos = n->pos;
	w->every_ns = 20 * NS_PER_MS;
	if (!reader__map(r, n, "a role", role_options, ARRAY_SIZE(role_options), w))
		return;
	if (w->system)
		check_role(r, n, w);
	if (!w->resource || !reader__check_name(r, name->pos, w->resource))
		return;
	for (size_t i = 0; i < index; i++) {
		const struct role_watch *other = &r->e->roles[i];

		if (other->resource && !strcmp(other->resource, w->resource))
			reader__fault(r, name->pos,
				      "a second role of resource `%s`; the first is on line %d",
				      w->resource, other->pos.line);
	}
}

void parse_roles(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of roles");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		if (APPEND(r, e->roles, e->n_roles))
			parse_role(r, reader__item(n, i), i);
	}
}
