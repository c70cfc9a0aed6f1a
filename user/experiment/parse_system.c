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

bool parse_check_pattern(struct reader *r, struct pos pos, const char *text, size_t groups,
			 const char *around)
{
	char why[128];
	regex_t re;
	int err;

	if (strlen(text) > PATTERN_MAX || repeats_too_much(text)) {
		reader__fault(r, pos, "pattern too big; expected at most %d letters and %d repeats",
			      PATTERN_MAX, REPEAT_MAX);
		return false;
	}
	err = regcomp(&re, text, REG_EXTENDED);
	if (err) {
		regerror(err, &re, why, sizeof(why));
		reader__fault(r, pos, "`%.64s` is no pattern: %s", text, why);
		return false;
	}
	groups = re.re_nsub < groups ? groups : 0;
	regfree(&re);
	if (groups)
		reader__fault(r, pos, "`%.64s` has no group; expected (...) around %s", text,
			      around);
	return !groups;
}

/* A POSIX extended pattern with at least @groups groups. */
static bool read_pattern(struct reader *r, const struct yaml_node *n, size_t groups, char **ret)
{
	return reader__string(r, n, "a pattern, a POSIX extended regular expression", ret) &&
	       parse_check_pattern(r, n->pos, *ret, groups, "the epoch's number");
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

static void tcp_send(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;

	if (!reader__string(r, n, "the text to send", &s->send))
		return;
	parse_template(r, n);
	if (!custom__unescape(s->send))
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
	OPTION("leader", CUSTOM, .parse = system_leader),
	OPTION("candidate", CUSTOM, .parse = system_candidate),
	OPTION("follower", CUSTOM, .parse = system_follower),
	OPTION("epoch", CUSTOM, .parse = system_epoch),
	OPTION("workload", CUSTOM, .parse = parse_custom_workload),
};

static void check_name(struct reader *r, const struct yaml_node *n, size_t index)
{
	const char *name = r->e->systems[index].name;
	struct pos pos = yaml__get(n, "name")->pos;

	if (!reader__check_name(r, pos, name))
		return;
	if (parse_is_role_system(name) || parse_is_load_system(name))
		reader__fault(r, pos, "`%s` is a built-in system; choose another name", name);
	for (size_t i = 0; i < index; i++) {
		const struct custom_system *other = &r->e->systems[i];

		if (other->name && !strcmp(other->name, name))
			reader__fault(r, pos,
				      "a second system called `%s`; the first is on line %d%s%s",
				      name, other->pos.line, other->pos.file ? " of " : "",
				      other->pos.file ? other->pos.file : "");
	}
}

void parse_systems(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of systems");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct custom_system *s;
		int kinds = (yaml__get(item, "command") != NULL) +
			    (yaml__get(item, "http") != NULL) + (yaml__get(item, "tcp") != NULL);

		/* A file that could not be had, which is a finding already. */
		if (item->kind == YAML_SCALAR && !yaml__is_null(item) && *item->text)
			continue;
		s = APPEND(r, e->systems, e->n_systems);
		if (!s)
			return;
		s->pos = item->pos;
		if (!reader__map(r, item, "a system", system_options, ARRAY_SIZE(system_options),
				 s))
			continue;
		s->has_probe = kinds || yaml__get(item, "leader") || yaml__get(item, "epoch");
		if (kinds != 1 && (s->has_probe || !s->workload))
			reader__fault(r, item->pos,
				      "%d kinds of exchange; expected one of command, http, tcp%s",
				      kinds, s->has_probe ? "" : ", or a workload");
		if (s->has_probe && !yaml__get(item, "leader"))
			reader__fault(r, item->pos, "a system needs `leader`");
		if (s->name)
			check_name(r, item, i);
	}
}
