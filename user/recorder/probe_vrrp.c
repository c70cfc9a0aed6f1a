// SPDX-License-Identifier: GPL-2.0-only
/* probe_vrrp.c: who holds the virtual address: it is on a device of the namespace, or it is not. */
#include "recorder/internal.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

struct vip {
	int family;
	uint8_t addr[16];
};

static void *vrrp_open(const struct probe_config *cfg, int limit_ms)
{
	struct vip *v = calloc(1, sizeof(*v));

	(void)limit_ms;
	if (!v || !cfg->vip) {
		free(v);
		return NULL;
	}
	v->family = strchr(cfg->vip, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(v->family, cfg->vip, v->addr) != 1) {
		free(v);
		return NULL;
	}
	return v;
}

static bool is_vip(const struct vip *v, const struct sockaddr *sa)
{
	if (!sa || sa->sa_family != v->family)
		return false;
	if (v->family == AF_INET)
		return !memcmp(&((const struct sockaddr_in *)sa)->sin_addr, v->addr, 4);
	return !memcmp(&((const struct sockaddr_in6 *)sa)->sin6_addr, v->addr, 16);
}

static void vrrp_sample(void *self, struct sample *s)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0) {
		sample__error(s, "%s", strerror(errno));
		return;
	}
	for (const struct ifaddrs *i = list; i && !s->claim; i = i->ifa_next)
		s->claim = is_vip(self, i->ifa_addr);
	freeifaddrs(list);
	s->role = s->claim ? "leader" : "none";
}

const struct probe_ops probe_vrrp_ops = {
	.system = "vrrp",
	.open = vrrp_open,
	.sample = vrrp_sample,
	.close = free,
};
