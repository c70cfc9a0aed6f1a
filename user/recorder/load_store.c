// SPDX-License-Identifier: GPL-2.0-only
/* load_store.c: which stores there are, and what they are opened with. */
#include "lib/cleanup.h"
#include "recorder/load_state.h"

#include <string.h>

static const struct store_ops *const all_ops[] = {
	&store_redis,	 &store_etcd,	   &store_consul,	 &store_postgres, &store_mysql,
	&store_rabbitmq, &store_zookeeper, &store_redis_cluster, &store_kafka,	  &store_nats,
};

const struct store_ops *store__find(const char *system)
{
	for (size_t i = 0; system && i < ARRAY_SIZE(all_ops); i++)
		if (!strcmp(all_ops[i]->name, system))
			return all_ops[i];
	return NULL;
}

int store__open(const struct store_ops *ops, const struct store_spec *spec, void **ret_store)
{
	return ops->open_for ? ops->open_for(spec, ret_store)
			     : ops->open(spec->ip, spec->port, spec->name, ret_store);
}

int load__check_system(const char *system, struct error *err)
{
	const struct store_ops *ops = store__find(system);

	return ops && ops->load ? ops->load(err) : 0;
}

struct store_spec load__spec(const struct load *l, const struct place *p, int client)
{
	static const struct workload_login no_login;

	return (struct store_spec){
		.ip = p->ip,
		.port = l->port,
		.name = l->stem,
		.object = l->object,
		.client = client,
		.login = l->login ? l->login : &no_login,
		.custom = l->custom,
		.lookup = p->lookup,
		.lookup_arg = p->lookup_arg,
	};
}
