// SPDX-License-Identifier: GPL-2.0-only
/* observe_probes.c: who asks the nodes who leads, from where each of them is. */
#include "run/internal.h"

#include "datapath/netns.h"
#include "run/members.h"

#include <fcntl.h>
#include <string.h>

static int expand_custom(struct run *run, const struct custom_system *sys, const struct place *p,
			 struct custom_system *ret, struct error *err)
{
	*ret = *sys;
	ret->command = ret->url = ret->send = NULL;
	if (sys->command && !(ret->command = observe__expand(run, p, sys->command, err)))
		return -EINVAL;
	if (sys->url && !(ret->url = observe__expand(run, p, sys->url, err)))
		return -EINVAL;
	if (sys->send && !(ret->send = strdup(sys->send)))
		return -ENOMEM;
	return 0;
}

/* In @rp, which is empty but for where it is to be. */
static int start_probe(struct run *run, struct run_probe *rp, struct error *err)
{
	const struct role_watch *w = rp->watch;
	const struct place *at = &rp->at;
	_cleanup_free_ char *url = NULL, *identity = NULL;
	struct probe_config cfg;

	if ((w->url && !(url = observe__expand(run, at, w->url, err))) ||
	    (w->identity && !(identity = observe__expand(run, at, w->identity, err))))
		return -EINVAL;
	cfg = (struct probe_config){
		.resource = w->resource,
		.system = w->system,
		.node = at->name,
		.netns_fd = at->netns_fd,
		.ip = at->ip,
		.port = w->port,
		.master_name = w->master_name,
		.vip = w->vip,
		.every_ns = w->every_ns,
		.url = url,
		.ca_file = w->ca_file,
		.token_file = w->token_file,
		.user = w->user,
		.password = w->password,
		.database = w->database,
		.identity = identity,
		.lease = w->lease,
		.slot = w->slot,
	};
	for (size_t i = 0; i < run->e->n_systems; i++) {
		if (strcmp(run->e->systems[i].name, w->system) != 0)
			continue;
		if (expand_custom(run, &run->e->systems[i], at, &rp->custom, err))
			return err->code ? err->code : -ENOMEM;
		cfg.custom = &rp->custom;
	}
	return probe__start(&cfg, run->rec, &rp->probe, err);
}

/* At endpoint @node. -ENOENT: that is another node's to ask. */
static int add_probe(struct run *run, const struct role_watch *w, const char *node,
		     struct error *err)
{
	struct run_probe *rp = &run->probes[run->n_probes];
	ssize_t place = observe__place(run, node, &w->pos, err);
	int r;

	if (place < 0)
		return (int)place;
	rp->watch = w;
	rp->place = (size_t)place;
	rp->at = run->places[place];
	rp->at.netns_fd = fcntl(rp->at.netns_fd, F_DUPFD_CLOEXEC, 3);
	run->n_probes++;
	r = rp->at.netns_fd < 0 ? -errno : 0;
	return r ? err__set(err, r, "cannot keep a namespace: %s", strerror(-r))
		 : start_probe(run, rp, err);
}

int observe__start_probes(struct run *run, struct error *err)
{
	const struct experiment *e = run->e;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < e->n_roles; i++)
		n += e->roles[i].n_endpoints;
	run->probes = calloc(n + 1, sizeof(*run->probes));
	if (!run->probes)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < e->n_roles; i++)
		for (size_t j = 0; j < e->roles[i].n_endpoints; j++) {
			r = add_probe(run, &e->roles[i], e->roles[i].endpoints[j], err);
			if (r && r != -ENOENT)
				return r;
		}
	return 0;
}

void observe__stop_probes(struct run *run)
{
	for (size_t i = 0; i < run->n_probes; i++)
		if (run->probes[i].probe)
			probe__signal_stop(run->probes[i].probe);
	for (size_t i = 0; i < run->n_probes; i++) {
		probe__join(run->probes[i].probe);
		run->probes[i].probe = NULL;
	}
}

/* ---- pods that are replaced ---- */

static struct run_probe *find_probe(struct run *run, const struct role_watch *w, size_t place)
{
	for (size_t i = 0; i < run->n_probes; i++)
		if (run->probes[i].watch == w && run->probes[i].place == place)
			return &run->probes[i];
	return NULL;
}

static void end_probe(struct run *run, struct run_probe *rp)
{
	struct probe_state st;

	if (rp->probe) {
		probe__signal_stop(rp->probe);
		probe__state(rp->probe, &st);
		run->ended_gaps += st.gaps;
		probe__join(rp->probe);
	}
	rp->probe = NULL;
	free(TAKE_PTR(rp->custom.command));
	free(TAKE_PTR(rp->custom.url));
	free(TAKE_PTR(rp->custom.send));
	rp->at.netns_fd = safe_close(rp->at.netns_fd);
}

/* The one for @w at endpoint @i has to be in namespace @fd, which is taken over. */
static void move_probe(struct run *run, const struct role_watch *w, size_t i, int fd,
		       const char *ip)
{
	struct run_probe *rp = find_probe(run, w, i);
	struct error err = {0};

	if (rp && rp->at.netns_fd >= 0 && netns__same(rp->at.netns_fd, fd)) {
		safe_close(fd);
		return;
	}
	if (rp)
		end_probe(run, rp);
	else
		rp = &run->probes[run->n_probes++];
	rp->watch = w;
	rp->place = i;
	rp->at = (struct place){.name = run->places[i].name, .netns_fd = fd};
	snprintf(rp->at.ip, sizeof(rp->at.ip), "%s", ip);
	if (start_probe(run, rp, &err))
		run__note(run, "warning", "%s: not asked who leads `%s`: %s", rp->at.name,
			  w->resource, err.msg);
}

void observe__follow(struct run *run)
{
	const struct experiment *e = run->e;

	if (!run->plan->select->members || !run->probes || !run->rec)
		return;
	for (size_t i = 0; i < e->n_roles; i++)
		for (size_t j = 0; j < e->roles[i].n_endpoints; j++) {
			const struct endpoint *ep =
				experiment__endpoint(e, e->roles[i].endpoints[j]);
			char ip[sizeof(run->places->ip)] = "";
			int fd =
				ep ? observe__home(run, (size_t)(ep - e->endpoints), ip, sizeof(ip))
				   : -1;

			/* Gone, or on its way: who asks it hears that nobody answers. */
			if (fd >= 0)
				move_probe(run, &e->roles[i], (size_t)(ep - e->endpoints), fd, ip);
		}
}
