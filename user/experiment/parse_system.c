// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

/*
 * glibc's regcomp() writes intervals out: a{1000}{1000} is a million states. So the product of a pattern's
 * upper bounds and its length are bounded.
 */
#define PATTERN_MAX 512
#define REPEAT_MAX 256

static bool repeats_too_much(const char *s)
{
	unsigned long product = 1;

	for (; *s; s++) {
		unsigned long hi = 0, n = 1;

		if (*s != '{' || !isdigit((unsigned char)s[1]))
			continue;
		/* the larger of {n}, {n,}, {n,m} */
		for (const char *p = s + 1; isdigit((unsigned char)*p) || *p == ','; p++) {
			hi = *p == ',' ? 0 : hi * 10 + (unsigned long)(*p - '0');
			if (hi > REPEAT_MAX)
				return true;
			n = hi > n ? hi : n;
		}
		product *= n;
		if (product > REPEAT_MAX)
			return true;
	}
	return false;
}

/* A POSIX extended pattern with at least @groups groups. */
static bool read_pattern(struct reader *r, const struct yaml_node *n, size_t groups, char **ret)
{
	char why[128];
	regex_t re;
	int err;

	if (!reader__string(r, n, "a pattern, a POSIX extended regular expression", ret))
		return false;
	if (strlen(*ret) > PATTERN_MAX || repeats_too_much(*ret)) {
		reader__fault(r, n->pos,
			      "pattern too big; expected at most %d letters and %d repeats",
			      PATTERN_MAX, REPEAT_MAX);
		return false;
	}
	err = regcomp(&re, *ret, REG_EXTENDED);
	if (err) {
		regerror(err, &re, why, sizeof(why));
		reader__fault(r, n->pos, "`%.64s` is no pattern: %s", *ret, why);
		return false;
	}
	groups = re.re_nsub < groups ? groups : 0;
	regfree(&re);
	if (groups)
		reader__fault(r, n->pos,
			      "`%.64s` has no group; expected (...) around the epoch's number",
			      *ret);
	return !groups;
}

static void system_leader(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pattern(r, n, 0, &((struct custom_system *)obj)->leader_re);
}

static void system_candidate(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pattern(r, n, 0, &((struct custom_system *)obj)->candidate_re);
}

static void system_follower(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pattern(r, n, 0, &((struct custom_system *)obj)->follower_re);
}

static void system_epoch(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pattern(r, n, 1, &((struct custom_system *)obj)->epoch_re);
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, tolower((unsigned char)c));

	return c && p ? (int)(p - digits) : -1;
}

/* Resolve \n \r \t \\ \" \xHH in place; false for another escape or a NUL. */
static bool unescape(char *s)
{
	static const char names[] = "nrt\\\"", values[] = "\n\r\t\\\"";
	char *out = s;

	for (; *s; s++) {
		const char *name;

		if (*s != '\\') {
			*out++ = *s;
			continue;
		}
		s++;
		name = *s ? strchr(names, *s) : NULL;
		if (name) {
			*out++ = values[name - names];
		} else if (*s == 'x' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			*out = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
			if (!*out++)
				return false;
			s += 2;
		} else {
			return false;
		}
	}
	*out = '\0';
	return true;
}

static void tcp_send(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;

	if (!reader__string(r, n, "the text to send", &s->send))
		return;
	parse_template(r, n);
	if (!unescape(s->send))
		reader__fault(r, n->pos,
			      "bad escape; expected \\n \\r \\t \\\\ \\\" or \\xHH, not \\x00");
}

static const struct option tcp_options[] = {
	FIELD("port", PORT, custom_system, port, .required = true),
	OPTION("send", CUSTOM, .parse = tcp_send),
};

static void system_tcp(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;

	s->kind = EXCHANGE_TCP;
	reader__map(r, n, "a TCP exchange", tcp_options, ARRAY_SIZE(tcp_options), s);
}

static void system_command(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;

	s->kind = EXCHANGE_COMMAND;
	if (reader__string(r, n, "a command line", &s->command))
		parse_template(r, n);
}

static void system_http(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;

	s->kind = EXCHANGE_HTTP;
	if (!reader__string(r, n, "a URL, as in http://${ip}:8080/status", &s->url) ||
	    !parse_template(r, n))
		return;
	if (strncmp(s->url, "http://", 7) && strncmp(s->url, "https://", 8))
		reader__fault(r, n->pos,
			      "`%.64s` is no URL; expected one as http://${ip}:8080/status",
			      s->url);
}

static const struct option system_options[] = {
	FIELD("name", STRING, custom_system, name, .required = true),
	OPTION("command", CUSTOM, .parse = system_command),
	OPTION("http", CUSTOM, .parse = system_http),
	OPTION("tcp", CUSTOM, .parse = system_tcp),
	OPTION("leader", CUSTOM, .required = true, .parse = system_leader),
	OPTION("candidate", CUSTOM, .parse = system_candidate),
	OPTION("follower", CUSTOM, .parse = system_follower),
	OPTION("epoch", CUSTOM, .parse = system_epoch),
};

static void check_name(struct reader *r, const struct yaml_node *n, size_t index)
{
	const char *name = r->e->systems[index].name;
	struct pos pos = yaml__get(n, "name")->pos;

	if (!reader__check_name(r, pos, name))
		return;
	for (size_t i = 0; i < n_role_systems; i++) {
		if (!strcmp(role_systems[i], name))
			reader__fault(r, pos, "`%s` is a built-in system; choose another name",
				      name);
	}
	for (size_t i = 0; i < index; i++) {
		const struct custom_system *other = &r->e->systems[i];

		if (other->name && !strcmp(other->name, name))
			reader__fault(r, pos,
				      "a second system called `%s`; the first is on line %d", name,
				      other->pos.line);
	}
}

void parse_systems(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of systems");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct custom_system *s = APPEND(r, e->systems, e->n_systems);
		int kinds = (yaml__get(item, "command") != NULL) +
			    (yaml__get(item, "http") != NULL) + (yaml__get(item, "tcp") != NULL);

		if (!s)
			return;
		s->pos = item->pos;
		if (!reader__map(r, item, "a system", system_options, ARRAY_SIZE(system_options),
				 s))
			continue;
		if (kinds != 1)
			reader__fault(r, item->pos,
				      "%d kinds of exchange; expected one of command, http, tcp",
				      kinds);
		if (s->name)
			check_name(r, item, i);
	}
}
