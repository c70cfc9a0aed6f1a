// SPDX-License-Identifier: GPL-2.0-only
/* privileges.c: which capabilities a run needs, and which of them to its end. The man page has the same list. */
#include "run/internal.h"

#include "lib/privilege.h"

#include <string.h>

/* Does it go into namespaces other than the caller's? The line, which all but a partition needs, is one. */
static bool enters_others(const struct experiment *e)
{
	if (e->has_lab)
		return true;
	for (size_t i = 0; i < e->n_faults; i++)
		if (e->faults[i].parts & ~(unsigned int)FAULT_PARTITION)
			return true;
	for (size_t i = 0; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++) {
			const struct selector *s = &e->endpoints[i].selectors[k];
			bool own = s->kind == SELECTOR_INTERFACE && !s->netns;

			if (!own && s->kind != SELECTOR_CIDR && s->kind != SELECTOR_HOST)
				return true;
		}
	return false;
}

static bool is_pid(const char *s)
{
	return s && *s && strspn(s, "0123456789") == strlen(s);
}

/*
 * Other kinds than these, and namespaces by the pid of a process in them, are looked up in /proc, where other users'
 * processes are, and again as those come and go.
 */
static bool selects_processes(const struct experiment *e)
{
	for (size_t i = 0; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++)
			switch (e->endpoints[i].selectors[k].kind) {
			case SELECTOR_NODE:
			case SELECTOR_CIDR:
			case SELECTOR_HOST:
				break;
			case SELECTOR_NETNS:
				if (is_pid(e->endpoints[i].selectors[k].value))
					return true;
				break;
			case SELECTOR_INTERFACE:
				if (is_pid(e->endpoints[i].selectors[k].netns))
					return true;
				break;
			default:
				return true;
			}
	return false;
}

/* To load programs takes CAP_BPF and CAP_PERFMON, for either of which the kernel takes CAP_SYS_ADMIN too. */
uint64_t run__privileges(const struct experiment *e)
{
	if (enters_others(e))
		return CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_SYS_ADMIN);
	return CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON);
}

/* Who sends VRRP is seen by a packet socket. */
static bool watches_wire(const struct experiment *e)
{
	for (size_t i = 0; i < e->n_roles; i++)
		if (!strcmp(e->roles[i].system, "vrrp"))
			return true;
	return false;
}

/*
 * What comes later is devices (programs for a hook that there was none of yet, links, veth pairs), the namespaces
 * that they are in, and the end.
 */
int privileges__give_up(const struct run *run, struct error *err)
{
	uint64_t keep = run__privileges(run->e);
	int r;

	/* Of a caller who has it instead of CAP_BPF or CAP_PERFMON. */
	if (keep & ~privilege__held())
		keep |= CAP_BIT(CAP_SYS_ADMIN);
	if (selects_processes(run->e))
		keep |= CAP_BIT(CAP_SYS_PTRACE);
	if (watches_wire(run->e))
		keep |= CAP_BIT(CAP_NET_RAW);
	/* Root's run folder may be where only this lets root write. */
	if (run->dir && geteuid() == 0)
		keep |= CAP_BIT(CAP_DAC_OVERRIDE);
	r = run->opts->last ? privilege__limit(keep) : privilege__put_aside(keep);
	return r ? err__set(err, r, "cannot give up privileges: %s", strerror(-r)) : 0;
}
