// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

#define PORTS_MAX 64
#define KINDS_TEXT "netns, cidr, host, interface"

/* --- values ------------------------------------------------------------------------------------ */

bool parse_is_address(const char *s)
{
	struct in6_addr a;

	return inet_pton(AF_INET, s, &a) == 1 || inet_pton(AF_INET6, s, &a) == 1;
}

/* dev_valid_name() of the kernel, and no control characters. */
bool parse_is_ifname(const char *s)
{
	size_t len = strlen(s);

	if (!len || len >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++) {
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s) ||
		    iscntrl((unsigned char)*s))
			return false;
	}
	return true;
}

/* A name in /run/netns, a path, or a pid. */
static bool is_netns(const char *s)
{
	if (strlen(s) >= PATH_MAX || (*s != '/' && strchr(s, '/')) || !strcmp(s, ".") ||
	    !strcmp(s, ".."))
		return false;
	for (const char *p = s; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return false;
	}
	return *s != '\0';
}

/* Labels of letters, digits, `-` and `_` (in use though RFC 1123 has none), 253 in all. */
static bool is_host(const char *s)
{
	size_t len = strlen(s), label = 0;

	if (!len || len > 253)
		return false;
	for (; *s; s++) {
		if (*s == '.' && !label)
			return false;
		label = *s == '.' ? 0 : label + 1;
		if (label > 63 ||
		    (*s != '.' && *s != '_' && *s != '-' && !isalnum((unsigned char)*s)))
			return false;
	}
	return true;
}

/* Clear the bits of @addr (@size bytes) past the first @len; true if any was set. */
static bool mask_host_bits(uint8_t *addr, size_t size, unsigned int len)
{
	bool any = false;

	for (size_t i = 0; i < size; i++) {
		unsigned int keep = len > i * 8 ? len - (unsigned int)i * 8 : 0;
		uint8_t mask = keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);

		any |= (addr[i] & ~mask) != 0;
		addr[i] &= mask;
	}
	return any;
}

/* Canonical a.b.c.d/len of @s into @ret, or why not into @err. An address alone is its own network. */
static int canonical_cidr(const char *s, char **ret, struct error *err)
{
	char addr[INET6_ADDRSTRLEN], shown[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	uint8_t bytes[16];
	unsigned int bits, len;
	bool host_bits;
	char *end, *text;
	int family;

	if (n >= sizeof(addr))
		return err__set(err, -EINVAL, "`%.64s` is no network; expected one as 10.0.0.0/8",
				s);
	memcpy(addr, s, n);
	addr[n] = '\0';
	family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	bits = family == AF_INET6 ? 128 : 32;
	if (inet_pton(family, addr, bytes) != 1)
		return err__set(err, -EINVAL,
				"`%.64s` is no network; expected one as 10.0.0.0/8 or fd00::/8", s);
	len = bits;
	if (slash) {
		len = isdigit((unsigned char)slash[1]) && strlen(slash) <= 4
			      ? (unsigned int)strtoul(slash + 1, &end, 10)
			      : UINT_MAX;
		if (len > bits || *end)
			return err__set(err, -EINVAL,
					"`%.64s` has no prefix length; expected /0 to /%u", s,
					bits);
	}
	host_bits = mask_host_bits(bytes, bits / 8, len);
	inet_ntop(family, bytes, shown, sizeof(shown));
	if (host_bits)
		return err__set(err, -EINVAL,
				"`%.64s` has bits set past its prefix; the network is `%s/%u`", s,
				shown, len);
	if (asprintf(&text, "%s/%u", shown, len) < 0)
		return err__set(err, -ENOMEM, "out of memory");
	*ret = text;
	return 0;
}

/* Check the value of @kind and give it in its canonical form. */
static int check_value(enum selector_kind kind, const char *s, char **ret, struct error *err)
{
	char *copy;

	switch (kind) {
	case SELECTOR_CIDR:
		return canonical_cidr(s, ret, err);
	case SELECTOR_NODE:
	case SELECTOR_NETNS:
		if (!is_netns(s))
			return err__set(
				err, -EINVAL,
				"`%.64s` is no network namespace; expected a name, a path or a pid",
				s);
		break;
	case SELECTOR_HOST:
		if (!is_host(s))
			return err__set(err, -EINVAL,
					"`%.64s` is no host name; expected one as db.example.org",
					s);
		break;
	case SELECTOR_INTERFACE:
		if (!parse_is_ifname(s))
			return err__set(
				err, -EINVAL,
				"`%.64s` is no interface; expected one as eth0, at most 15 letters",
				s);
		break;
	case SELECTOR_PROCESS:
	case SELECTOR_CGROUP:
	case SELECTOR_UNIT:
	case SELECTOR_CONTAINER:
	case SELECTOR_PODS:
		break;
	}
	copy = strdup(s);
	if (!copy)
		return err__set(err, -ENOMEM, "out of memory");
	*ret = copy;
	return 0;
}

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

	if (count > PORTS_MAX) {
		reader__fault(r, n->pos, "%zu ports and ranges; expected at most %d", count,
			      PORTS_MAX);
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

/* --- in the file -------------------------------------------------------------------------------- */

static void selector_ports(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_ports(r, n, &((struct selector *)obj)->ports);
}

static const struct option selector_options[] = {
	OPTION("netns", HANDLED, .lo = SELECTOR_NETNS),
	OPTION("cidr", HANDLED, .lo = SELECTOR_CIDR),
	OPTION("host", HANDLED, .lo = SELECTOR_HOST),
	OPTION("interface", HANDLED, .lo = SELECTOR_INTERFACE),
	OPTION("ports", CUSTOM, .parse = selector_ports),
	OPTION("process", LATER, .instead = KINDS_TEXT),
	OPTION("cgroup", LATER, .instead = KINDS_TEXT),
	OPTION("unit", LATER, .instead = KINDS_TEXT),
	OPTION("container", LATER, .instead = KINDS_TEXT),
	OPTION("pods", LATER, .instead = KINDS_TEXT),
};

/* Kinds stand first in selector_options. */
#define N_KINDS 4

static bool is_node(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i].name && !strcmp(e->nodes[i].name, name))
			return true;
	}
	return false;
}

/* A value of a selector: text, checked and canonical. A number is fine: a pid, a name of digits. */
static bool selector_value(struct reader *r, const struct yaml_node *n, enum selector_kind kind,
			   const char *what, char **ret)
{
	_cleanup_free_ char *text = NULL;
	struct error err = {0};

	if (!reader__string(r, n, what, &text))
		return false;
	if (check_value(kind, text, ret, &err)) {
		reader__fault(r, n->pos, "%s", err.msg);
		return false;
	}
	return true;
}

static void parse_selector(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	const struct yaml_node *netns = yaml__get(n, "netns");
	const struct option *kind = NULL;
	size_t findings = r->n_findings;

	s->pos = n->pos;
	if (!reader__map(r, n, "a selector", selector_options, ARRAY_SIZE(selector_options), s))
		return;
	/* netns beside interface says where the interface is */
	for (size_t i = N_KINDS; i-- > 0;) {
		if (!yaml__get(n, selector_options[i].key))
			continue;
		if (kind && !(i == 0 && kind->lo == SELECTOR_INTERFACE))
			reader__fault(r, n->pos,
				      "`%s` and `%s` in one selector; expected one of them",
				      selector_options[i].key, kind->key);
		else if (!kind)
			kind = &selector_options[i];
	}
	if (!kind) {
		if (r->n_findings == findings)
			reader__fault(r, n->pos, "a selector needs one of " KINDS_TEXT);
		return;
	}
	s->kind = (enum selector_kind)kind->lo;
	if (!selector_value(r, yaml__get(n, kind->key), s->kind, "text", &s->value))
		return;
	if (s->kind == SELECTOR_INTERFACE && netns)
		selector_value(r, netns, SELECTOR_NETNS, "a network namespace", &s->netns);
	if (s->kind == SELECTOR_NETNS && is_node(r->e, s->value))
		s->kind = SELECTOR_NODE;
}

static bool endpoint_name(struct reader *r, const struct yaml_node *key)
{
	if (!reader__check_name(r, key->pos, key->text))
		return false;
	if (!strcmp(key->text, "all") || !strcmp(key->text, "other")) {
		reader__fault(r, key->pos, "`%s` is reserved; choose another name", key->text);
		return false;
	}
	if (experiment__endpoint(r->e, key->text)) {
		reader__fault(r, key->pos, "`%.64s` is a lab node; choose another name", key->text);
		return false;
	}
	return true;
}

void parse_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t n_pairs = reader__pairs(r, n, "endpoints by name");

	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		struct endpoint *ep;
		size_t count;

		if (!endpoint_name(r, key))
			continue;
		/* known from here on, even if its selectors are wrong: one finding for one mistake */
		ep = APPEND(r, e->endpoints, e->n_endpoints);
		if (!ep)
			return;
		ep->name = reader__strdup(r, key->text);
		ep->pos = key->pos;
		count = reader__list(r, value, "a selector or a list of them");
		for (size_t j = 0; j < count; j++) {
			struct selector *s = APPEND(r, ep->selectors, ep->n_selectors);

			if (!s)
				return;
			parse_selector(r, reader__item(value, j), s);
		}
	}
}

/* --- on the command line -------------------------------------------------------------------------- */

void selector__reset(struct selector *s)
{
	free(s->value);
	free(s->netns);
	free(s->ports.v);
	*s = (struct selector){0};
}

static void cleanup_selector(struct selector *s)
{
	selector__reset(s);
}

static const char *const short_kinds[] = {"netns", "cidr", "host", "interface"};
static const enum selector_kind short_values[] = {SELECTOR_NETNS, SELECTOR_CIDR, SELECTOR_HOST,
						  SELECTOR_INTERFACE};
static const char *const short_later[] = {"pid",  "comm",      "exe", "user", "cgroup",
					  "unit", "container", "pod", "pods"};

static int short_kind(const char *s, size_t len, enum selector_kind *ret, struct error *err)
{
	_cleanup_free_ char *word = strndup(s, len);
	const char *near;

	if (!word)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(short_kinds); i++) {
		if (strcmp(word, short_kinds[i]))
			continue;
		*ret = short_values[i];
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(short_later); i++) {
		if (!strcmp(word, short_later[i]))
			return err__set(err, -EINVAL,
					"`%s:` is not in this version; it has " KINDS_TEXT, word);
	}
	near = nearest__word(word, short_kinds, ARRAY_SIZE(short_kinds));
	if (near)
		return err__set(err, -EINVAL, "unknown selector `%.64s:`; did you mean `%s:`?",
				word, near);
	return err__set(err, -EINVAL, "unknown selector `%.64s:`; expected " KINDS_TEXT, word);
}

/* The comma-separated ports at @list, which is cut up. */
static int short_ports(char *list, struct ports *ret, struct error *err)
{
	char *save = NULL;

	if (!*list || *list == ',' || list[strlen(list) - 1] == ',' || strstr(list, ",,"))
		return err__set(err, -EINVAL,
				"`#%.64s`: a port is missing; expected `#6379,7000-7005`", list);
	for (char *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		struct port_range range, *v;

		if (!parse_port_range(p, &range))
			return err__set(
				err, -EINVAL,
				"`%.64s` is no port; expected 1 to 65535 or a range as 8000-8100",
				p);
		if (ret->n == PORTS_MAX)
			return err__set(err, -EINVAL, "more than %d ports and ranges", PORTS_MAX);
		v = realloc(ret->v, (ret->n + 1) * sizeof(*v));
		if (!v)
			return err__set(err, -ENOMEM, "out of memory");
		ret->v = v;
		v[ret->n++] = range;
	}
	return 0;
}

int selector__parse_short(const char *s, struct selector *ret, struct error *err)
{
	_cleanup_(cleanup_selector) struct selector sel = {0};
	_cleanup_free_ char *value = NULL;
	const char *colon = strchr(s, ':');
	char *hash, *slash;
	int r;

	if (!colon)
		return err__set(err, -EINVAL,
				"`%.64s` is no selector; expected KIND:VALUE, as netns:n1", s);
	r = short_kind(s, (size_t)(colon - s), &sel.kind, err);
	if (r)
		return r;
	value = strdup(colon + 1);
	if (!value)
		return err__set(err, -ENOMEM, "out of memory");
	hash = strrchr(value, '#');
	if (hash) {
		*hash = '\0';
		r = short_ports(hash + 1, &sel.ports, err);
		if (r)
			return r;
	}
	/* a namespace may be a path: the device is behind the last slash */
	slash = sel.kind == SELECTOR_INTERFACE ? strrchr(value, '/') : NULL;
	if (slash) {
		*slash = '\0';
		r = check_value(SELECTOR_NETNS, value, &sel.netns, err);
		if (r)
			return r;
	}
	r = check_value(sel.kind, slash ? slash + 1 : value, &sel.value, err);
	if (r)
		return r;
	*ret = sel;
	sel = (struct selector){0};
	return 0;
}
