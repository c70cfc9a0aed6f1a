// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/compile_internal.h"

#include "lib/cleanup.h"

#include <string.h>

void compile_numbers__reset(struct compile_numbers *n)
{
	intern__reset(&n->classes);
	intern__reset(&n->rules);
	intern__reset(&n->owners);
	intern__reset(&n->nodes);
	free(n->node_names);
	n->node_names = NULL;
	n->n_node_names = n->cap_node_names = 0;
}

void compiled__reset(struct compiled *c)
{
	free(c->idents);
	free(c->prefixes);
	free(c->joins);
	free(c->processes);
	free(c->cgroups);
	free(c->pairs);
	free(c->rules);
	free(c->hooks);
	free(c->nodes);
	*c = (struct compiled){0};
}

static void compiler__reset(struct compiler *c)
{
	intern__reset(&c->sets);
	intern__reset(&c->boxes);
	intern__reset(&c->sigs);
	csr__reset(&c->member_sets);
	csr__reset(&c->netns_places);
	free(c->member_node);
	free(c->place_node);
	free(c->member_netns);
	free(c->by_socket);
	free(c->edges);
	free(c->member_sig);
	free(c->member_here);
	free(c->own);
	free(c->entries);
	free(c->classes);
	free(c->lo_needed);
}

/*
 * The class of a device is one even while no address is on it: packets that are told by their hook
 * alone have it (multicast, DHCP). It must exist before the rules are made.
 */
static int device_classes(struct compiler *c)
{
	for (size_t i = 0; i < c->in->n_netns; i++) {
		const struct netns_scan *s = c->in->netns[i].scan;

		for (size_t j = 0; j < s->n_links; j++) {
			uint32_t sig, class_id, node;
			size_t member;
			int r = compiler__device_sig(c, i, &s->links[j], &sig, &member, &node);

			if (r == -ENOENT)
				continue;
			if (!r)
				r = compiler__class(c, sig, compiler__home(c, i), node, &class_id);
			if (r)
				return err__set(c->err, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int copy_node_names(struct compiler *c)
{
	const size_t size = c->num->n_node_names * sizeof(*c->out->nodes);

	c->out->nodes = malloc(size);
	if (!c->out->nodes)
		return err__set(c->err, -ENOMEM, "out of memory");
	memcpy(c->out->nodes, c->num->node_names, size);
	c->out->n_nodes = c->num->n_node_names;
	return 0;
}

int compile(const struct compile_input *in, struct compile_numbers *numbers, struct compiled *ret,
	    struct error *err)
{
	_cleanup_(cleanup_compiled) struct compiled out = {0};
	struct compiler c = {.in = in, .plan = in->plan, .num = numbers, .out = &out, .err = err};
	int r = compiler__sides(&c);

	if (!r)
		r = compiler__idents(&c);
	if (!r)
		r = device_classes(&c);
	if (!r)
		r = compiler__owners(&c);
	if (!r)
		r = compiler__pairs(&c);
	if (!r)
		r = compiler__hooks(&c);
	if (!r)
		r = copy_node_names(&c);
	compiler__reset(&c);
	if (r)
		return r;
	out.n_classes = numbers->classes.n;
	*ret = out;
	out = (struct compiled){0};
	return 0;
}
