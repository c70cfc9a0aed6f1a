// SPDX-License-Identifier: GPL-2.0-only
/* devices.c: what passes the devices: all protocols, and what no socket here knows of. */
#include "flows/internal.h"

#include <string.h>

static double per_s(uint64_t was, uint64_t now, double seconds)
{
	return now > was ? (double)(now - was) / seconds : 0;
}

static struct flow_device measure(const struct link_info *l, const struct link_stats *was,
				  double seconds)
{
	const struct link_stats *now = &l->stats;
	struct flow_device d = {.link = l, .known = was && seconds > 0};

	if (!d.known)
		return d;
	d.rx_bytes = per_s(was->rx_bytes, now->rx_bytes, seconds);
	d.tx_bytes = per_s(was->tx_bytes, now->tx_bytes, seconds);
	d.rx_packets = per_s(was->rx_packets, now->rx_packets, seconds);
	d.tx_packets = per_s(was->tx_packets, now->tx_packets, seconds);
	d.drops = per_s(was->rx_dropped + was->tx_dropped, now->rx_dropped + now->tx_dropped,
			seconds);
	return d;
}

static int by_traffic(const void *a, const void *b)
{
	const struct flow_device *x = a, *y = b;
	double dx = x->rx_bytes + x->tx_bytes, dy = y->rx_bytes + y->tx_bytes;

	if (dx != dy)
		return dx < dy ? 1 : -1;
	return strcmp(x->netns, y->netns) ?: x->link->ifindex - y->link->ifindex;
}

int flow_table__devices(struct flow_table *t, const struct snapshot *s,
			const struct flow_past *past, double seconds, struct names *names,
			const bool *netns)
{
	for (uint32_t i = 0; i < s->n_netns; i++) {
		const struct discover_netns *n = &s->netns[i];
		const char *name = names__netns(names, i);

		if (!name)
			return -ENOMEM;
		for (size_t k = 0; k < n->scan.n_links; k++) {
			const struct link_info *l = &n->scan.links[k];
			struct flow_device *v;

			if (l->loopback || (netns && !netns[i]))
				continue;
			v = array__grow(t->devices, t->n_devices, sizeof(*v));
			if (!v)
				return -ENOMEM;
			t->devices = v;
			v += t->n_devices++;
			*v = measure(l, flow_past__link(past, n, l), seconds);
			v->netns = name;
		}
	}
	if (t->n_devices)
		qsort(t->devices, t->n_devices, sizeof(*t->devices), by_traffic);
	return 0;
}
