// SPDX-License-Identifier: GPL-2.0-only
#include "lib/privilege.h"

#include "lib/cleanup.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

enum { WORDS = 2 }; /* of 32 bits each, in version 3 of the interface */

struct sets {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct v[WORDS];
};

static int get(struct sets *s)
{
	*s = (struct sets){.head = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return syscall(SYS_capget, &s->head, s->v) < 0 ? -errno : 0;
}

static int set(struct sets *s)
{
	return syscall(SYS_capset, &s->head, s->v) < 0 ? -errno : 0;
}

uint64_t privilege__held(void)
{
	struct sets s;

	if (get(&s))
		return UINT64_MAX;
	return s.v[0].effective | (uint64_t)s.v[1].effective << 32;
}

uint64_t privilege__missing(uint64_t needed)
{
	uint64_t held = privilege__held();

	if (held & CAP_BIT(CAP_SYS_ADMIN))
		held |= CAP_BIT(CAP_BPF) | CAP_BIT(CAP_PERFMON);
	return needed & ~held;
}

char *privilege__names(uint64_t caps, char *buf, size_t size)
{
	static const char *const names[64] = {
		[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
		[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
		[CAP_KILL] = "CAP_KILL",
		[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
		[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
		[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
		[CAP_SYS_NICE] = "CAP_SYS_NICE",
		[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
		[CAP_PERFMON] = "CAP_PERFMON",
		[CAP_BPF] = "CAP_BPF",
	};
	size_t n = 0;

	buf[0] = 0;
	for (int i = 0; i < 64 && n < size; i++) {
		if (!(caps & CAP_BIT(i)))
			continue;
		if (names[i])
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", names[i]);
		else
			n += (size_t)snprintf(buf + n, size - n, "%scapability %d", n ? ", " : "",
					      i);
	}
	return buf;
}

void privilege__begin(void)
{
	struct sets s;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!get(&s)) {
		for (int i = 0; i < WORDS; i++)
			s.v[i].inheritable = 0;
		set(&s);
	}
	if (geteuid() == 0)
		return;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Capabilities from the file closed it; then our own children's namespaces could not be opened. */
	privilege__open_memory();
}

static int give_up(uint64_t keep)
{
	struct sets s;
	int r = get(&s);

	if (r)
		return r;
	for (int i = 0; i < WORDS; i++) {
		s.v[i].permitted &= (uint32_t)(keep >> (32 * i));
		s.v[i].effective = s.v[i].permitted;
		s.v[i].inheritable = 0;
	}
	return set(&s);
}

int privilege__limit(uint64_t keep)
{
	/* It takes CAP_SETPCAP, which only root can be expected to have; no_new_privs does the same for all others. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep & CAP_BIT(cap)))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return give_up(keep);
}

int privilege__limit_runner(uint64_t keep)
{
	return geteuid() == 0 ? privilege__put_aside(keep) : privilege__limit(keep);
}

int privilege__put_aside(uint64_t keep)
{
	struct sets s;
	int r = get(&s);

	if (r)
		return r;
	for (int i = 0; i < WORDS; i++)
		s.v[i].effective = s.v[i].permitted & (uint32_t)(keep >> (32 * i));
	return set(&s);
}

int privilege__restore(void)
{
	return privilege__put_aside(UINT64_MAX);
}

void privilege__close_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void privilege__open_memory(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
