// SPDX-License-Identifier: GPL-2.0-only
/* follow.c: devices and addresses come and go; programs and tables follow. */
#include "datapath/dataplane_internal.h"

#include "datapath/bpf_log.h"
#include "lib/cleanup.h"

#include <poll.h>
#include <string.h>

int dataplane__compile(struct dataplane *dp, bool again, struct compiled *ret, struct error *err)
{
	_cleanup_free_ struct compile_netns *ns = calloc(dp->places.n + 1, sizeof(*ns));
	struct compile_input in = {
		.plan = dp->plan,
		.netns = ns,
		.n_netns = dp->places.n,
		.places = dp->places.standing,
		.n_places = dp->places.n_standing,
		.again = again,
	};

	if (!ns)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < dp->places.n; i++)
		ns[i] = (struct compile_netns){&dp->places.v[i].scan, dp->places.v[i].since};
	return compile(&in, &dp->numbers, ret, err);
}

/* One more line of what went wrong; the first code stays. */
static void collect(struct error *err, const struct error *more)
{
	size_t n = err ? strlen(err->msg) : 0;

	if (!err)
		return;
	if (!err->code)
		err->code = more->code;
	snprintf(err->msg + n, sizeof(err->msg) - n, "%s%s", n ? "\n" : "", more->msg);
}

static void forget(struct dataplane *dp, size_t i)
{
	dp->n_attached--;
	memmove(&dp->attached[i], &dp->attached[i + 1],
		(dp->n_attached - i) * sizeof(*dp->attached));
	memmove(&dp->shown[i], &dp->shown[i + 1], (dp->n_attached - i) * sizeof(*dp->shown));
}

static struct attached *find(struct dataplane *dp, const struct compiled_hook *h)
{
	for (size_t i = 0; i < dp->n_attached; i++)
		if (dp->attached[i].netns == h->netns && dp->attached[i].at.ifindex == h->ifindex)
			return &dp->attached[i];
	return NULL;
}

/* Places of one endpoint or selector may have names of their own: all that were ever here. */
int dataplane__note_here(struct dataplane *dp, struct error *err)
{
	const size_t n = dp->now.n_nodes;
	bool *v = n > dp->n_node_here ? realloc(dp->node_here, n * sizeof(*v)) : dp->node_here;

	if (!v)
		return err__set(err, -ENOMEM, "out of memory");
	if (n > dp->n_node_here) {
		memset(v + dp->n_node_here, 0, (n - dp->n_node_here) * sizeof(*v));
		dp->n_node_here = n;
	}
	dp->node_here = v;
	for (size_t i = 0; i < dp->places.n_standing; i++) {
		const struct compile_place *p = &dp->places.standing[i];
		const char *name = p->label ? p->label : dp->plan->members[p->member].name;
		uint32_t id;

		if (!intern__find(&dp->numbers.nodes, name, strlen(name), &id) &&
		    id + 1 < dp->n_node_here)
			v[id + 1] = true;
	}
	return 0;
}

/* Whom a hook serves. */
static const char *served(const struct dataplane *dp, const struct compiled_hook *h)
{
	if (h->hook.ident.node != CHAOS_NODE_OTHER)
		return dp->now.nodes[h->hook.ident.node];
	for (size_t i = 0; i < dp->places.n_standing; i++)
		if (dp->places.standing[i].netns == h->netns)
			return dp->plan->members[dp->places.standing[i].member].name;
	return "?";
}

static int attach_new(struct dataplane *dp, const struct compiled_hook *h, uint32_t instance,
		      struct error *err)
{
	struct attached a = {.netns = h->netns, .instance = instance};
	struct dp_attachment *show;
	int r;

	if (grow_vec(dp->attached, dp->n_attached, dp->cap_attached) ||
	    grow_vec(dp->shown, dp->n_attached, dp->cap_shown))
		return err__set(err, -ENOMEM, "out of memory");
	r = attach__open(dp->places.v[h->netns].fd, h->ifindex, h->ifname, &dp->instances[instance],
			 dp->tcx, &a.at, err);
	if (r)
		return r;
	show = &dp->shown[dp->n_attached];
	*show = (struct dp_attachment){.node = served(dp, h), .ifindex = h->ifindex};
	memcpy(show->ifname, h->ifname, sizeof(show->ifname));
	dp->attached[dp->n_attached++] = a;
	return 0;
}

static int have_hook(struct dataplane *dp, const struct compiled_hook *h, struct attached *a,
		     struct error *err)
{
	uint32_t instance;
	int r = dataplane__instance(dp, h, &instance, err);

	if (!r && dp->line) {
		r = dataplane__line_programs(dp, h->scope, err);
		if (!r)
			r = line__connect(dp->line, h, err);
	}
	if (r)
		return r;
	if (!a)
		return attach_new(dp, h, instance, err);
	if (a->instance == instance)
		return 0;
	r = attach__replace(dp->places.v[h->netns].fd, &a->at, &dp->instances[instance], err);
	if (r)
		return r;
	a->instance = instance;
	/* the place that it serves may have another name now, or another of its places is the first one */
	dp->shown[a - dp->attached].node = served(dp, h);
	return 0;
}

static bool device_exists(const struct dataplane *dp, size_t netns, int ifindex)
{
	const struct netns_scan *s = &dp->places.v[netns].scan;

	for (size_t i = 0; i < s->n_links; i++)
		if (s->links[i].ifindex == ifindex)
			return true;
	return false;
}

/* Take away what no hook of dp->now asks for; @wanted says which do. */
static void drop_unwanted(struct dataplane *dp, const bool *wanted, struct error *err)
{
	for (size_t i = dp->n_attached; i-- > 0;) {
		struct attached *a = &dp->attached[i];

		if (wanted[i])
			continue;
		if (!device_exists(dp, a->netns, a->at.ifindex)) {
			struct error gone = {0};

			snprintf(gone.msg, sizeof(gone.msg), "%s of `%s` is gone",
				 dp->shown[i].ifname, dp->shown[i].node);
			collect(err, &gone);
		}
		attach__close(dp->places.v[a->netns].fd, &a->at);
		forget(dp, i);
	}
}

int dataplane__attach_all(struct dataplane *dp, bool all, struct error *err)
{
	_cleanup_free_ bool *wanted = calloc(dp->n_attached + dp->now.n_hooks + 1, sizeof(*wanted));
	int first = 0;

	if (!wanted)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < dp->now.n_hooks; i++) {
		struct attached *a = dp->n_attached ? find(dp, &dp->now.hooks[i]) : NULL;
		size_t at = a ? (size_t)(a - dp->attached) : dp->n_attached;
		struct error one = {0};
		int r = have_hook(dp, &dp->now.hooks[i], a, &one);

		/* -ENODEV: it went between the scan and now, and its going will be reported. */
		if (at < dp->n_attached)
			wanted[at] = r != -ENODEV;
		if (!r || r == -ENODEV)
			continue;
		if (err)
			collect(err, &one);
		first = first ?: r;
		if (all)
			return first;
	}
	drop_unwanted(dp, wanted, err);
	return first;
}

void dataplane__detach_all(struct dataplane *dp)
{
	for (size_t i = 0; i < dp->n_attached; i++)
		attach__close(dp->places.v[dp->attached[i].netns].fd, &dp->attached[i].at);
	free(dp->attached);
	free(dp->shown);
	dp->n_attached = 0;
}

size_t dataplane__attachments(const struct dataplane *dp, const struct dp_attachment **ret)
{
	*ret = dp->shown;
	return dp->n_attached;
}

/*
 * Programs of hooks that are no more. Each place with a name of its own has its own, and these come by the hundred while
 * a plan grows. Otherwise they are kept: a device that comes back is under its faults without the time to load them.
 */
static void release_unused(struct dataplane *dp)
{
	_cleanup_free_ bool *used = calloc(dp->hooks_seen.n + 1, sizeof(*used));

	for (size_t i = 0; i < dp->n_attached && used; i++)
		used[dp->attached[i].instance] = true;
	for (size_t i = 0; i < dp->hooks_seen.n && used; i++)
		if (!used[i])
			instance__close(&dp->instances[i]);
}

/* The tables first: a device that comes under a program must be known to them. */
static int change_to(struct dataplane *dp, struct compiled *next, struct error *err)
{
	const struct table_fds fds = dataplane__table_fds(dp);
	struct error one = {0};
	int r = dataplane__need_pairs(dp, next, &one);

	if (!r)
		r = tables__update(&fds, &dp->now, next, &one);
	if (r) {
		collect(err, &one);
		return r;
	}
	compiled__reset(&dp->now);
	dp->now = *next;
	*next = (struct compiled){0};
	if (dataplane__note_here(dp, &one))
		collect(err, &one);
	one = (struct error){0};
	if (dp->owners && dataplane__set_owners(dp, &one))
		collect(err, &one);
	one = (struct error){0};
	if (dataplane__set_spaces(dp, &one))
		collect(err, &one);
	r = dataplane__attach_all(dp, false, err);
	if (dp->plan->growing)
		release_unused(dp);
	return r;
}

int dataplane__set_owners(struct dataplane *dp, struct error *err)
{
	const struct compiled *c = &dp->now;
	_cleanup_free_ struct owner_process *p = calloc(c->n_processes + 1, sizeof(*p));
	_cleanup_free_ struct owner_cgroup *g = calloc(c->n_cgroups + 1, sizeof(*g));

	if (!p || !g)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_processes; i++)
		p[i] = (struct owner_process){c->processes[i].pid, c->processes[i].owner,
					      c->processes[i].heirs};
	for (size_t i = 0; i < c->n_cgroups; i++)
		g[i] = (struct owner_cgroup){c->cgroups[i].id, c->cgroups[i].owner};
	return owners__set(dp->owners, p, c->n_processes, g, c->n_cgroups, dp->plan->as_of_ns, err);
}

/* Namespaces that members have come to and left; nothing of ours stays in those. */
static int move(struct dataplane *dp, struct error *err)
{
	int r = places__move(&dp->places, dp->plan, err);

	return r ?: dataplane__need_scopes(dp, err);
}

static void leave(struct dataplane *dp)
{
	for (size_t i = 0; i < dp->places.n; i++)
		if (dp->places.v[i].left && dp->line)
			line__leave(dp->line, i);
	places__leave(&dp->places);
}

/* Is a look at the sockets due? */
static int look_at_sockets(struct dataplane *dp, struct error *err)
{
	struct pollfd due = {.fd = dp->owners ? owners__event_fd(dp->owners) : -1,
			     .events = POLLIN};

	return poll(&due, 1, 0) > 0 ? owners__scan(dp->owners, err) : 0;
}

int dataplane__resync(struct dataplane *dp, bool changed, struct error *err)
{
	_cleanup_(cleanup_compiled) struct compiled next = {0};
	struct error one = {0};
	bool devices = false;
	int r = 0, r2;

	if (err)
		*err = (struct error){0};
	bpf_log__begin();
	if (changed)
		r = move(dp, &one);
	if (!r)
		r = places__rescan(&dp->places, dp->plan, &devices, &one);
	if (r || one.msg[0])
		collect(err, &one);
	one = (struct error){0};
	if (!changed && !devices) {
		r2 = look_at_sockets(dp, &one);
		if (r2)
			collect(err, &one);
		return r ?: r2;
	}
	r2 = dataplane__compile(dp, true, &next, &one);
	if (r2)
		collect(err, &one);
	else
		r2 = change_to(dp, &next, err);
	if (changed && !r2)
		leave(dp);
	return r ?: r2;
}
