// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/experiment.h"

#include <stdlib.h>

static void free_strings(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static void free_node(struct lab_node *node)
{
	for (size_t i = 0; i < node->n_files; i++) {
		free(node->files[i].name);
		free(node->files[i].template);
	}
	for (size_t i = 0; i < node->n_needs; i++) {
		free(node->needs[i].program);
		free(node->needs[i].package);
	}
	free(node->files);
	free(node->needs);
	free_strings(node->run, node->n_run);
	free(node->user);
	free(node->ready.url);
	free(node->ready.command);
	free(node->name);
}

static void free_endpoint(struct endpoint *ep)
{
	for (size_t i = 0; i < ep->n_selectors; i++)
		selector__reset(&ep->selectors[i]);
	free(ep->selectors);
	free(ep->name);
}

static void free_fault(struct fault *f)
{
	for (size_t i = 0; i < f->partition.n_groups; i++)
		free_strings(f->partition.groups[i].names, f->partition.groups[i].n);
	free(f->partition.groups);
	free_strings(f->from.names, f->from.n);
	free_strings(f->to.names, f->to.n);
	free(f->delay.table_file);
	free(f->match.ports.v);
	free(f->match.sports.v);
	free(f->match.dports.v);
	free(f->name);
}

static void free_observation(struct experiment *e)
{
	for (size_t i = 0; i < e->n_systems; i++) {
		struct custom_system *s = &e->systems[i];

		free(s->name);
		free(s->command);
		free(s->url);
		free(s->send);
		free(s->leader_re);
		free(s->epoch_re);
		custom__free(s->workload);
		free(s->candidate_re);
		free(s->follower_re);
	}
	for (size_t i = 0; i < e->n_roles; i++) {
		struct role_watch *w = &e->roles[i];

		free(w->resource);
		free(w->system);
		free_strings(w->endpoints, w->n_endpoints);
		free(w->master_name);
		free(w->vip);
		free(w->url);
		free(w->ca_file);
		free(w->token_file);
		free(w->user);
		free(w->password);
		free(w->database);
		free(w->identity);
		free(w->lease);
	}
	for (size_t i = 0; i < e->n_workloads; i++) {
		struct workload *w = &e->workloads[i];

		free(w->name);
		free(w->system);
		free(w->check);
		free(w->login.user);
		free(w->login.password);
		free(w->login.database);
		free(w->login.queue_type);
		free(w->resource);
		free(w->target);
		free_strings(w->endpoints, w->n_endpoints);
		free(w->http.url);
		free(w->http.method);
		free(w->http.body);
		for (size_t j = 0; j < w->http.n_headers; j++) {
			free(w->http.headers[j].name);
			free(w->http.headers[j].value);
		}
		free(w->http.headers);
	}
	for (size_t i = 0; i < e->n_expect; i++)
		free(e->expect[i].text);
	for (size_t i = 0; i < e->n_guards; i++)
		free(e->guards[i].when);
	free_strings(e->capture.endpoints, e->capture.n_endpoints);
	free(e->systems);
	free(e->roles);
	free(e->workloads);
	free(e->expect);
	free(e->guards);
}

void experiment__free(struct experiment *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_nodes; i++)
		free_node(&e->nodes[i]);
	for (size_t i = 0; i < e->n_endpoints; i++)
		free_endpoint(&e->endpoints[i]);
	for (size_t i = 0; i < e->n_faults; i++)
		free_fault(&e->faults[i]);
	free_observation(e);
	free(e->nodes);
	free(e->endpoints);
	free(e->faults);
	free(e->name);
	free(e->description);
	free(e->file);
	free(e->resolved);
	free(e);
}
