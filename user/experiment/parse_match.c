// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* A whole number up to @max, and nothing behind it. */
static bool scan_uint(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t x = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
		x = x * 10 + (uint64_t)(*s - '0');
		if (x > max)
			return false;
	}
	*ret = (uint32_t)x;
	return true;
}

static void match_proto(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_proto(r, n, &((struct match *)obj)->proto);
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

/* "512", "1000..", "..100", "100..200": bytes of the IP packet. */
static void match_length(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct match *m = obj;
	_cleanup_free_ char *text = n->kind == YAML_SCALAR ? strdup(n->text) : NULL;
	char *dots = text ? strstr(text, "..") : NULL, *hi = text, found[FOUND_SIZE];
	uint32_t lo_value = 0, hi_value = UINT16_MAX;
	bool ok = text && *text && strcmp(text, "..");

	if (dots) {
		*dots = '\0';
		hi = dots + 2;
	}
	if (ok && *text)
		ok = scan_uint(text, UINT16_MAX, &lo_value);
	if (ok && *hi)
		ok = scan_uint(hi, UINT16_MAX, &hi_value);
	if (ok && lo_value <= hi_value) {
		m->length_lo = lo_value;
		m->length_hi = hi_value;
		return;
	}
	reader__fault(
		r, n->pos,
		"%s is no length; expected bytes of the IP packet, 0 to 65535, as 512, 1000.., "
		"..100 or 100..200",
		reader__found(n, found));
}

/* RFC 2474, 2597, 3246 */
static const char *const dscp_names[] = {
	"cs0",	"cs1",	"cs2",	"cs3",	"cs4",	"cs5",	"cs6",	"cs7",	"af11", "af12", "af13",
	"af21", "af22", "af23", "af31", "af32", "af33", "af41", "af42", "af43", "ef",
};
static const uint8_t dscp_values[] = {
	0, 8, 16, 24, 32, 40, 48, 56, 10, 12, 14, 18, 20, 22, 26, 28, 30, 34, 36, 38, 46,
};

static void match_dscp(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct match *m = obj;
	char found[FOUND_SIZE], hint[HINT_SIZE] = "";
	uint32_t number;

	for (size_t i = 0; n->kind == YAML_SCALAR && i < ARRAY_SIZE(dscp_names); i++) {
		if (!strcasecmp(n->text, dscp_names[i])) {
			m->dscp = dscp_values[i];
			return;
		}
	}
	if (n->kind == YAML_SCALAR && scan_uint(n->text, 63, &number)) {
		m->dscp = (int)number;
		return;
	}
	if (n->kind == YAML_SCALAR)
		reader__hint(r, n->text, dscp_names, ARRAY_SIZE(dscp_names), hint);
	reader__fault(r, n->pos,
		      "%s is no DSCP; expected 0 to 63, ef, af11 to af43 or cs0 to cs7%s",
		      reader__found(n, found), hint);
}

static void match_state(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"new", "established"};
	int i = reader__word(r, n, "state of a connection", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct match *)obj)->state = MATCH_NEW + (unsigned int)i;
}

static const struct option match_options[] = {
	OPTION("proto", CUSTOM, .parse = match_proto),
	OPTION("ports", CUSTOM, .parse = match_ports),
	OPTION("sports", CUSTOM, .parse = match_sports),
	OPTION("dports", CUSTOM, .parse = match_dports),
	OPTION("tcp_flags", CUSTOM, .parse = match_flags),
	OPTION("length", CUSTOM, .parse = match_length),
	OPTION("dscp", CUSTOM, .parse = match_dscp),
	OPTION("state", CUSTOM, .parse = match_state),
	FIELD("nth", UINT, match, nth, .lo = 1, .hi = UINT32_MAX),
	FIELD("first", UINT, match, first, .lo = 1, .hi = UINT32_MAX),
};

/* Flags and states are TCP's, and must not exclude each other. */
static void check_tcp(struct reader *r, const struct yaml_node *n, struct match *m)
{
	const struct yaml_node *flags = yaml__get(n, "tcp_flags"), *state = yaml__get(n, "state");
	bool syn = m->tcp_flags & TCP_SYN;

	if (!m->tcp_mask && m->state == MATCH_ANY)
		return;
	if (m->proto && m->proto != IPPROTO_TCP)
		reader__fault(r, m->tcp_mask ? flags->pos : state->pos,
			      "%s has no %s; expected proto tcp", yaml__get(n, "proto")->text,
			      m->tcp_mask ? "TCP flags" : "connections");
	if (m->state != MATCH_ANY && m->tcp_mask & TCP_SYN && syn != (m->state == MATCH_NEW))
		reader__fault(r, flags->pos, "flags that no packet has in state %s: that is `%s`",
			      state->text, m->state == MATCH_NEW ? "syn" : "!syn");
	m->proto = IPPROTO_TCP;
}

void parse_match(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct match *m = &((struct fault *)obj)->match;
	static const char *const keys[] = {"ports", "sports", "dports"};

	if (!reader__map(r, n, "a match", match_options, ARRAY_SIZE(match_options), m))
		return;
	for (size_t i = 0; !parse_proto_has_ports(m->proto) && i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *ports = yaml__get(n, keys[i]);

		if (ports)
			reader__fault(r, ports->pos,
				      "%s has no ports; expected proto tcp, udp or sctp",
				      yaml__get(n, "proto")->text);
	}
	check_tcp(r, n, m);
}
