// SPDX-License-Identifier: GPL-2.0-only
/* owners.c: until the owner programs are merged. */
#include "datapath/dataplane_internal.h"
#include <errno.h>
#pragma GCC diagnostic ignored "-Wunused-parameter"

int dataplane__owner_programs(struct dataplane *dp, struct owner_progs *ret, struct error *err)
{
	return err__set(err, -EOPNOTSUPP, "processes cannot be told apart yet");
}
int owners__open(const struct owner_maps *maps, const struct owner_progs *progs,
		 struct owners **ret, struct error *err)
{
	return -EOPNOTSUPP;
}
void owners__close(struct owners *o)
{
}
int owners__set(struct owners *o, const struct owner_process *processes, size_t n_processes,
		const struct owner_cgroup *cgroups, size_t n_cgroups, uint64_t as_of_ns,
		struct error *err)
{
	return -EOPNOTSUPP;
}
int owners__event_fd(const struct owners *o)
{
	return -1;
}
int owners__scan(struct owners *o, struct error *err)
{
	return -EOPNOTSUPP;
}
const char *owners__mechanism(const struct owners *o)
{
	return "";
}
