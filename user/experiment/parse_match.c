// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <netinet/in.h>
#include <string.h>

/* Not in netinet/in.h: RFC 5798 (also CARP). */
#define PROTO_VRRP 112

static const char *const proto_names[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", "vrrp"};
static const uint8_t proto_values[] = {IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_SCTP,
				       IPPROTO_ICMP, IPPROTO_ICMPV6, PROTO_VRRP};

static void match_proto(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct match *m = obj;
	char found[FOUND_SIZE], hint[HINT_SIZE] = "";

	for (size_t i = 0; n->kind == YAML_SCALAR && i < ARRAY_SIZE(proto_names); i++) {
		if (!strcmp(n->text, proto_names[i])) {
			m->proto = proto_values[i];
			return;
		}
	}
	if (n->kind == YAML_SCALAR)
		reader__hint(r, n->text, proto_names, ARRAY_SIZE(proto_names), hint);
	reader__fault(r, n->pos,
		      "%s is no protocol; expected tcp, udp, sctp, icmp, icmpv6 or vrrp%s",
		      reader__found(n, found), hint);
}

static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
static const uint8_t flag_bits[] = {TCP_FIN, TCP_SYN, TCP_RST, TCP_PSH, TCP_ACK, TCP_URG};

/* One flag, "syn" or "!ack"; @word is trimmed. */
static void match_flag(struct reader *r, struct pos pos, const char *word, struct match *m)
{
	bool clear = *word == '!';
	char hint[HINT_SIZE];

	word += clear;
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (strcmp(word, flag_names[i]))
			continue;
		if (m->tcp_mask & flag_bits[i])
			reader__fault(r, pos, "`%s` stands twice among the flags", word);
		m->tcp_mask |= flag_bits[i];
		if (!clear)
			m->tcp_flags |= flag_bits[i];
		return;
	}
	reader__hint(r, word, flag_names, ARRAY_SIZE(flag_names), hint);
	reader__fault(r, pos,
		      "`%.32s` is no TCP flag; expected fin syn rst psh ack urg, `!` for clear%s",
		      word, hint);
}

static void match_flags(struct reader *r, const struct yaml_node *n, void *obj)
{
	size_t count = reader__list(r, n, "TCP flags");
	char found[FOUND_SIZE];

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader__item(n, i);
		_cleanup_free_ char *text = item->kind == YAML_SCALAR ? strdup(item->text) : NULL;
		char *rest = text, *word;

		if (!text) {
			reader__fault(r, item->pos, "found %s; expected TCP flags, as in syn,!ack",
				      reader__found(item, found));
			continue;
		}
		while ((word = strsep(&rest, ",")) != NULL) {
			word += strspn(word, " ");
			word[strcspn(word, " ")] = '\0';
			match_flag(r, item->pos, word, obj);
		}
	}
}

static void match_ports(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_ports(r, n, &((struct match *)obj)->ports);
}

static void match_sports(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_ports(r, n, &((struct match *)obj)->sports);
}

static void match_dports(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_ports(r, n, &((struct match *)obj)->dports);
}

static const struct option match_options[] = {
	OPTION("proto", CUSTOM, .parse = match_proto),
	OPTION("ports", CUSTOM, .parse = match_ports),
	OPTION("sports", CUSTOM, .parse = match_sports),
	OPTION("dports", CUSTOM, .parse = match_dports),
	OPTION("tcp_flags", CUSTOM, .parse = match_flags),
	OPTION("length", LATER),
	OPTION("dscp", LATER),
};

static bool has_ports(uint8_t proto)
{
	return !proto || proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

void parse_match(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct match *m = &((struct fault *)obj)->match;
	static const char *const keys[] = {"ports", "sports", "dports"};

	if (!reader__map(r, n, "a match", match_options, ARRAY_SIZE(match_options), m))
		return;
	for (size_t i = 0; !has_ports(m->proto) && i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *ports = yaml__get(n, keys[i]);

		if (ports)
			reader__fault(r, ports->pos,
				      "%s has no ports; expected proto tcp, udp or sctp",
				      yaml__get(n, "proto")->text);
	}
	if (!m->tcp_mask)
		return;
	if (m->proto && m->proto != IPPROTO_TCP)
		reader__fault(r, yaml__get(n, "tcp_flags")->pos,
			      "%s has no TCP flags; expected proto tcp",
			      yaml__get(n, "proto")->text);
	m->proto = IPPROTO_TCP;
}
