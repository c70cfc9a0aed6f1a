// SPDX-License-Identifier: GPL-2.0-only
/* parse_ports.c: ports and protocols, of selectors and of what a fault matches. */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

/* Not in netinet/in.h: RFC 5798 (also CARP). */
#define PROTO_VRRP 112

/* --- ports -------------------------------------------------------------------------------------- */

bool parse_port_range(const char *s, struct port_range *ret)
{
	unsigned long lo, hi;
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	lo = hi = strtoul(s, &end, 10);
	if (*end == '-') {
		if (!isdigit((unsigned char)end[1]))
			return false;
		hi = strtoul(end + 1, &end, 10);
	}
	if (*end || !lo || lo > hi || hi > UINT16_MAX)
		return false;
	*ret = (struct port_range){(uint16_t)lo, (uint16_t)hi};
	return true;
}

void parse_ports(struct reader *r, const struct yaml_node *n, struct ports *ret)
{
	size_t count = reader__list(r, n, "a port, a range or a list of these");
	char found[FOUND_SIZE];

	if (count > PARSE_PORTS_MAX) {
		reader__fault(r, n->pos, "%zu ports and ranges; expected at most %d", count,
			      PARSE_PORTS_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct port_range range, *new;

		if (item->kind != YAML_SCALAR || !parse_port_range(item->text, &range)) {
			reader__fault(r, item->pos,
				      "%s is no port; expected 1 to 65535 or a range as 8000-8100",
				      reader__found(item, found));
			continue;
		}
		new = APPEND(r, ret->v, ret->n);
		if (new)
			*new = range;
	}
}

/* --- protocols ---------------------------------------------------------------------------------- */

static const char *const proto_names[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", "vrrp"};
static const uint8_t proto_values[] = {IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_SCTP,
				       IPPROTO_ICMP, IPPROTO_ICMPV6, PROTO_VRRP};

bool parse_proto_name(const char *s, uint8_t *ret)
{
	unsigned long number;

	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++) {
		if (strcmp(s, proto_names[i]))
			continue;
		*ret = proto_values[i];
		return true;
	}
	if (!*s || strlen(s) > 3 || strspn(s, "0123456789") != strlen(s))
		return false;
	number = strtoul(s, NULL, 10);
	if (!number || number > UINT8_MAX)
		return false;
	*ret = (uint8_t)number;
	return true;
}

void parse_proto(struct reader *r, const struct yaml_node *n, uint8_t *ret)
{
	char found[FOUND_SIZE], hint[HINT_SIZE] = "";

	if (n->kind == YAML_SCALAR && parse_proto_name(n->text, ret))
		return;
	if (n->kind == YAML_SCALAR)
		reader__hint(r, n->text, proto_names, ARRAY_SIZE(proto_names), hint);
	reader__fault(r, n->pos, "%s is no protocol; expected " PARSE_PROTOS "%s",
		      reader__found(n, found), hint);
}

bool parse_proto_has_ports(uint8_t proto)
{
	return !proto || proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

const char *proto__format(uint8_t proto, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++) {
		if (proto_values[i] != proto)
			continue;
		snprintf(buf, size, "%s", proto_names[i]);
		return buf;
	}
	snprintf(buf, size, "%u", proto);
	return buf;
}
