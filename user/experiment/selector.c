// SPDX-License-Identifier: GPL-2.0-only
/* selector.c: selectors on the command line, in order, and in words. */
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <ctype.h>
#include <string.h>

/* What a message shows of a selector. */
#define WORDS_SIZE 256

void selector__reset(struct selector *s)
{
	if (s->target)
		target_selector__reset(s->target);
	free(s->target);
	free(s->value);
	free(s->path);
	free(s->netns);
	free(s->ports.v);
	*s = (struct selector){0};
}

static void cleanup_selector(struct selector *s)
{
	selector__reset(s);
}

/* Labels of letters, digits, `-` and `_` (in use though RFC 1123 has none), 253 in all. */
bool selector__is_host(const char *s)
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

bool selector__fill(struct selector *s)
{
	const struct target_selector *t = s->target;
	char words[WORDS_SIZE], *colon;
	const char *value = t->name;

	if (t->kind == TARGET_PROCESS || t->kind == TARGET_PODS || t->kind == TARGET_CIDR) {
		value = target_selector__describe(t, words, sizeof(words));
		/* "pods:shop/app=web" is its own kind's, "comm:etcd" is one of several */
		colon = strchr(words, ':');
		if (colon && t->kind != TARGET_PROCESS)
			value = colon + 1;
	}
	s->value = strdup(value);
	if (!s->value || !t->netns)
		return s->value;
	s->netns = strdup(t->netns);
	return s->netns;
}

/* --- on the command line ------------------------------------------------------------------------ */

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
		if (ret->n == PARSE_PORTS_MAX)
			return err__set(err, -EINVAL, "more than %d ports and ranges",
					PARSE_PORTS_MAX);
		v = realloc(ret->v, (ret->n + 1) * sizeof(*v));
		if (!v)
			return err__set(err, -ENOMEM, "out of memory");
		ret->v = v;
		v[ret->n++] = range;
	}
	return 0;
}

/* PORT[,PORT...][/PROTO] or /PROTO at @s, which is cut up. */
static int short_packets(char *s, struct selector *sel, struct error *err)
{
	char *slash = strchr(s, '/');

	if (slash && !parse_proto_name(slash + 1, &sel->proto))
		return err__set(err, -EINVAL, "`%.32s` is no protocol; expected " PARSE_PROTOS,
				slash + 1);
	if (slash == s)
		return 0;
	if (!parse_proto_has_ports(sel->proto))
		return err__set(err, -EINVAL, "%s has no ports; expected tcp, udp or sctp",
				slash + 1);
	if (slash)
		*slash = '\0';
	return short_ports(s, &sel->ports, err);
}

/* `##` in @s becomes `#`; cut @s at a `#` alone and return what is behind it, NULL for none. */
static char *cut_packets(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '#' && s[1] != '#') {
			*to = '\0';
			return s + 1;
		}
		s += *s == '#';
		*to++ = *s;
	}
	*to = '\0';
	return NULL;
}

/* Whether there is such a kind; if not, @err has the nearest. */
static bool is_kind(const char *word, struct error *err)
{
	const char *words[32], *near;
	size_t n = 0;

	for (; n < n_target_forms; n++)
		words[n] = target_forms[n];
	words[n++] = "host";
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	near = nearest__word(word, words, n);
	if (near)
		err__set(err, -EINVAL, "unknown selector `%.64s:`; did you mean `%s:`?", word,
			 near);
	else
		err__set(err, -EINVAL,
			 "unknown selector `%.64s:`; expected pid, tree, comm, exe, args, user, "
			 "cgroup, unit, container, pod, pods, netns, interface, cidr, host",
			 word);
	return false;
}

static int short_target(const char *s, struct selector *sel, struct error *err)
{
	static const enum selector_kind kinds[] = {
		[TARGET_PROCESS] = SELECTOR_PROCESS, [TARGET_CGROUP] = SELECTOR_CGROUP,
		[TARGET_UNIT] = SELECTOR_UNIT,	     [TARGET_CONTAINER] = SELECTOR_CONTAINER,
		[TARGET_PODS] = SELECTOR_PODS,	     [TARGET_NETNS] = SELECTOR_NETNS,
		[TARGET_CIDR] = SELECTOR_CIDR,	     [TARGET_INTERFACE] = SELECTOR_INTERFACE,
	};
	int r;

	sel->target = calloc(1, sizeof(*sel->target));
	if (!sel->target)
		return err__set(err, -ENOMEM, "out of memory");
	r = target_selector__parse(s, sel->target, err);
	if (r)
		return r;
	sel->kind = kinds[sel->target->kind];
	return selector__fill(sel) ? 0 : err__set(err, -ENOMEM, "out of memory");
}

static int short_host(const char *name, struct selector *sel, struct error *err)
{
	if (!selector__is_host(name))
		return err__set(err, -EINVAL,
				"`%.64s` is no host name; expected one as db.example.org", name);
	sel->kind = SELECTOR_HOST;
	sel->value = strdup(name);
	return sel->value ? 0 : err__set(err, -ENOMEM, "out of memory");
}

int selector__parse_short(const char *s, struct selector *ret, struct error *err)
{
	_cleanup_(cleanup_selector) struct selector sel = {0};
	_cleanup_free_ char *text = strdup(s), *kind = strndup(s, strcspn(s, ":"));
	char *packets;
	int r;

	if (!text || !kind)
		return err__set(err, -ENOMEM, "out of memory");
	if (!s[strlen(kind)])
		return err__set(err, -EINVAL,
				"`%.64s` is no selector; expected KIND:VALUE, as netns:n1", s);
	if (!is_kind(kind, err))
		return -EINVAL;
	packets = cut_packets(text);
	r = !strcmp(kind, "host") ? short_host(strchr(text, ':') + 1, &sel, err)
				  : short_target(text, &sel, err);
	if (!r && packets)
		r = short_packets(packets, &sel, err);
	if (r)
		return r;
	*ret = sel;
	sel = (struct selector){0};
	return 0;
}

/* --- order, words ------------------------------------------------------------------------------- */

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

static int compare_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : COMPARE(!!a, !!b);
}

static int compare_ports(const struct ports *a, const struct ports *b)
{
	int c = COMPARE(a->n, b->n);

	for (size_t i = 0; !c && i < a->n; i++)
		c = COMPARE(a->v[i].lo, b->v[i].lo) ?: COMPARE(a->v[i].hi, b->v[i].hi);
	return c;
}

int selector__compare(const struct selector *a, const struct selector *b)
{
	int c = COMPARE(a->kind, b->kind)
			?: compare_text(a->value, b->value)
			?: compare_text(a->netns, b->netns)
			?: COMPARE(a->proto, b->proto)
			?: compare_ports(&a->ports, &b->ports);

	if (c || !a->target || !b->target)
		return c ? c : COMPARE(!!a->target, !!b->target);
	return target_selector__compare(a->target, b->target);
}

const char *selector__describe(const struct selector *s, char *buf, size_t size)
{
	char proto[8];
	size_t n;

	if (!size)
		return buf;
	if (s->target)
		target_selector__describe(s->target, buf, size);
	else if (s->kind == SELECTOR_INTERFACE)
		snprintf(buf, size, "interface:%s/%s", s->netns, s->value);
	else
		snprintf(buf, size, "%s:%s", s->kind == SELECTOR_HOST ? "host" : "netns", s->value);
	/* up to 3 bytes of a character went with what was cut: nothing stands behind that */
	if (strlen(buf) + 4 >= size)
		return buf;
	for (size_t i = 0; i < s->ports.n; i++) {
		n = strlen(buf);
		snprintf(buf + n, size - n,
			 s->ports.v[i].lo == s->ports.v[i].hi ? "%s%u" : "%s%u-%u",
			 i ? "," : ", port ", s->ports.v[i].lo, s->ports.v[i].hi);
	}
	n = strlen(buf);
	if (s->proto)
		snprintf(buf + n, size - n, "%s%s", s->ports.n ? " " : ", ",
			 proto__format(s->proto, proto, sizeof(proto)));
	return buf;
}
