// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/dataplane.h"

#include <stdlib.h>

static void side__reset(struct dp_side *s)
{
	free(s->members);
	free(s->ports);
}

int dp_member__netns(const struct dp_member *m)
{
	for (size_t i = 0; i < m->n_places; i++)
		if (!m->places[i].by_socket)
			return m->places[i].netns_fd;
	return -1;
}

void dp_plan__reset(struct dp_plan *p)
{
	for (size_t i = 0; i < p->n_members; i++) {
		free(p->members[i].name);
		free(p->members[i].ifname);
		free(p->members[i].prefixes);
		free(p->members[i].places);
		free(p->members[i].processes);
		free(p->members[i].cgroups);
	}
	for (size_t i = 0; i < p->n_faults; i++) {
		struct dp_fault *f = &p->faults[i];

		for (size_t j = 0; j < f->n_edges; j++) {
			side__reset(&f->edges[j].from);
			side__reset(&f->edges[j].to);
		}
		free(f->edges);
		free(f->table);
		free(f->name);
	}
	free(p->members);
	free(p->faults);
	free(p->exempts);
	*p = (struct dp_plan){0};
}
