// SPDX-License-Identifier: GPL-2.0-only
/* parse_custom.c: `systems: - workload:`, what clients do to a system that the user describes. */
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/words.h"

#include <regex.h>
#include <string.h>

#define OPERATION_NAMES "value, expect, key, client, workload, id, lease_ms"

/* --- templates and patterns ----------------------------------------------------------------------- */

/* A number, so that a pattern that has it is compiled as it will be. */
static const char *known_name(const char *name, void *arg)
{
	static const char *const own[] = {"value", "expect",   "key",	  "client",
					  "id",	   "lease_ms", "workload"};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(name, own[i]))
			return "1";
	return parse_known_name(name, arg) ? "1" : NULL;
}

/* The template @n with something in it, or NULL after a finding. */
static char *read_template(struct reader *r, const struct yaml_node *n)
{
	struct error err = {0};
	char *text = experiment__expand(n->text, known_name, r->e, &err);

	if (!text)
		reader__fault(r, n->pos,
			      "%s; expected " OPERATION_NAMES
			      ", or ip, ip6, node, dir, NODE.ip, NODE.ip6 of the lab",
			      err.msg);
	return text;
}

static bool read_text(struct reader *r, const struct yaml_node *n, const char *what, char **ret)
{
	_cleanup_free_ char *text = NULL;

	if (!reader__string(r, n, what, ret))
		return false;
	text = read_template(r, n);
	return text != NULL;
}

static void read_send(struct reader *r, const struct yaml_node *n, char **ret)
{
	_cleanup_free_ char *text = NULL;

	if (!reader__string(r, n, "the text to send", ret))
		return;
	text = read_template(r, n);
	if (text && !custom__unescape(text))
		reader__fault(r, n->pos,
			      "bad escape; expected \\n \\r \\t \\\\ \\\" or \\xHH, not \\x00");
}

static void read_pattern(struct reader *r, const struct yaml_node *n, size_t groups,
			 const char *around, char **ret)
{
	_cleanup_free_ char *text = NULL;

	if (!reader__string(r, n, "a pattern, a POSIX extended regular expression", ret))
		return;
	/* `$` alone is the end of a line. */
	text = strstr(n->text, "${") ? read_template(r, n) : strdup(n->text);
	if (text)
		parse_check_pattern(r, n->pos, text, groups, around);
}

static void read_command(struct reader *r, const struct yaml_node *n, bool sh, char **ret)
{
	_cleanup_free_ char **words = NULL;

	if (read_text(r, n, "a command line", ret) && !sh && words__split(*ret, &words) <= 0)
		reader__fault(r, n->pos, "`%.64s`: an empty command, or a quote that is not closed",
			      *ret);
}

static bool read_sh(struct reader *r, const struct yaml_node *n)
{
	const struct yaml_node *sh = yaml__get(n, "sh");
	bool value = false;

	if (sh)
		reader__bool(r, sh, &value);
	return value;
}

/* --- one exchange --------------------------------------------------------------------------------- */

static void exchange_method(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
	struct custom_exchange *x = obj;
	int i = reader__word(r, n, "method", methods, ARRAY_SIZE(methods));

	if (i >= 0)
		x->method = reader__strdup(r, methods[i]);
}

static void exchange_url(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_exchange *x = obj;

	if (!read_text(r, n, "a URL, as in http://${ip}:8080/kv/${key}", &x->text))
		return;
	if (strncmp(x->text, "http://", 7) && strncmp(x->text, "https://", 8))
		reader__fault(r, n->pos,
			      "`%.64s` is no URL; expected one as http://${ip}:8080/kv/${key}",
			      x->text);
}

static void exchange_body(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_text(r, n, "the body", &((struct custom_exchange *)obj)->body);
}

static void exchange_headers(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_exchange *x = obj;
	size_t n_pairs = reader__pairs(r, n, "headers by name");

	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		_cleanup_free_ char *text = NULL;
		char **line;

		if (!read_text(r, value, "a header's value", &text))
			continue;
		if (strpbrk(key->text, "\r\n: ") || strpbrk(text, "\r\n")) {
			reader__fault(r, key->pos, "`%.64s` is no header; expected Name: value",
				      key->text);
			continue;
		}
		line = APPEND(r, x->headers, x->n_headers);
		if (line && asprintf(line, "%s: %s", key->text, text) < 0)
			*line = NULL;
	}
}

static const struct option http_options[] = {
	OPTION("url", CUSTOM, .required = true, .parse = exchange_url),
	OPTION("method", CUSTOM, .parse = exchange_method),
	OPTION("headers", CUSTOM, .parse = exchange_headers),
	OPTION("body", CUSTOM, .parse = exchange_body),
};

static void exchange_http(struct reader *r, const struct yaml_node *n, void *obj)
{
	((struct custom_exchange *)obj)->via = VIA_HTTP;
	reader__short(r, n, "an HTTP exchange", http_options, ARRAY_SIZE(http_options), obj);
}

static void exchange_send(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_exchange *x = obj;

	x->via = VIA_SEND;
	read_send(r, n, &x->text);
}

static const struct option exchange_options[] = {
	OPTION("command", HANDLED),
	OPTION("sh", HANDLED),
	OPTION("http", CUSTOM, .parse = exchange_http),
	OPTION("send", CUSTOM, .parse = exchange_send),
	OPTION("ok", HANDLED),
	OPTION("fail", HANDLED),
	OPTION("unknown", HANDLED),
	OPTION("none", HANDLED),
	OPTION("value", HANDLED),
};

/* --- checks and what each of them does ------------------------------------------------------------ */

enum wants { WANTS_NOTHING, WANTS_VALUE, WANTS_ALL };

struct action_spec {
	const char *check, *action;
	enum wants wants;
	bool optional;
	const char *around;
};

static const struct action_spec actions[] = {
	{"set", "add", WANTS_NOTHING, false, NULL},
	{"set", "read", WANTS_NOTHING, false, NULL},
	{"set", "list", WANTS_ALL, false, "a value"},
	{"register", "read", WANTS_VALUE, false, "the value"},
	{"register", "write", WANTS_NOTHING, false, NULL},
	{"cas", "read", WANTS_VALUE, false, "the value"},
	{"cas", "cas", WANTS_NOTHING, false, NULL},
	{"cas", "create", WANTS_NOTHING, true, NULL},
	{"counter", "read", WANTS_VALUE, false, "the count"},
	{"counter", "inc", WANTS_NOTHING, false, NULL},
	{"queue", "push", WANTS_NOTHING, false, NULL},
	{"queue", "pop", WANTS_VALUE, false, "the value"},
	{"queue", "list", WANTS_ALL, false, "a value"},
	{"lock", "acquire", WANTS_VALUE, false, "the fencing token"},
	{"lock", "release", WANTS_NOTHING, false, NULL},
};

static void read_patterns(struct reader *r, const struct yaml_node *n, const struct action_spec *a,
			  struct custom_exchange *x)
{
	bool value = yaml__get(n, "value") != NULL;

	for (size_t i = 0; i < CUSTOM_PATTERNS; i++) {
		const struct yaml_node *p = yaml__get(n, custom_pattern_names[i]);
		size_t groups =
			i == CUSTOM_VALUE || (i == CUSTOM_OK && a->wants == WANTS_VALUE && !value);

		if (p)
			read_pattern(r, p, groups, a->around ? a->around : "the value",
				     &x->patterns[i]);
	}
	if (a->wants != WANTS_NOTHING && !value &&
	    (a->wants == WANTS_ALL || !x->patterns[CUSTOM_OK]))
		reader__fault(r, n->pos, "%s of %s needs `value`, a pattern with (...) around %s",
			      a->action, a->check, a->around);
	/* Without it nothing would say that an answer is complete. */
	if (x->via == VIA_SEND && !x->patterns[CUSTOM_OK])
		reader__fault(r, n->pos, "%s of %s needs `ok`, a line that says that it is done",
			      a->action, a->check);
}

static void parse_exchange(struct reader *r, const struct yaml_node *n, const struct action_spec *a,
			   struct custom_workload *w)
{
	struct custom_exchange *x = APPEND(r, w->exchanges, w->n_exchanges);
	const struct yaml_node *command = yaml__get(n, "command");
	int kinds =
		(command != NULL) + (yaml__get(n, "http") != NULL) + (yaml__get(n, "send") != NULL);

	if (!x)
		return;
	x->pos = n->pos;
	x->check = a->check;
	x->action = a->action;
	if (!reader__map(r, n, "an operation", exchange_options, ARRAY_SIZE(exchange_options), x))
		return;
	x->sh = read_sh(r, n);
	if (command)
		read_command(r, command, x->sh, &x->text);
	if (kinds != 1)
		reader__fault(r, n->pos,
			      "%d kinds of exchange; expected one of command, http, send", kinds);
	read_patterns(r, n, a, x);
	if (yaml__get(n, "send") && !w->session && !w->port)
		reader__fault(r, yaml__get(n, "send")->pos,
			      "`send` to nothing; expected `session` or `tcp` in the workload");
}

static void parse_check(struct reader *r, const struct yaml_node *n, const char *check,
			struct custom_workload *w)
{
	struct option options[ARRAY_SIZE(actions)] = {0};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].check, check))
			options[count++] = (struct option){.key = actions[i].action,
							   .type = OPTION_HANDLED,
							   .required = !actions[i].optional};
	if (!reader__map(r, n, "the operations of a check", options, count, w))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const struct yaml_node *value = yaml__get(n, actions[i].action);

		if (value && !strcmp(actions[i].check, check))
			parse_exchange(r, value, &actions[i], w);
	}
}

/* --- the workload --------------------------------------------------------------------------------- */

/* setup: COMMAND, or {command: COMMAND, sh: true} */
static void workload_setup(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const struct option options[] = {
		OPTION("command", HANDLED, .required = true),
		OPTION("sh", HANDLED),
	};
	struct custom_workload *w = obj;
	const struct yaml_node *command = n;

	if (n->kind == YAML_MAPPING) {
		reader__map(r, n, "a set-up", options, ARRAY_SIZE(options), w);
		w->setup_sh = read_sh(r, n);
		command = yaml__get(n, "command");
	}
	if (command)
		read_command(r, command, w->setup_sh, &w->setup);
}

static void read_hello(struct reader *r, const struct yaml_node *n, struct custom_workload *w)
{
	const struct yaml_node *hello = yaml__get(n, "send"), *ready = yaml__get(n, "ready");

	if (hello)
		read_send(r, hello, &w->hello);
	if (ready)
		read_pattern(r, ready, 0, "", &w->ready);
}

static void workload_session(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const struct option options[] = {
		OPTION("command", HANDLED, .required = true),
		OPTION("sh", HANDLED),
		OPTION("send", HANDLED),
		OPTION("ready", HANDLED),
	};
	struct custom_workload *w = obj;
	const struct yaml_node *command = n;

	if (n->kind == YAML_MAPPING) {
		reader__map(r, n, "a session", options, ARRAY_SIZE(options), w);
		w->session_sh = read_sh(r, n);
		read_hello(r, n, w);
		command = yaml__get(n, "command");
	}
	if (command)
		read_command(r, command, w->session_sh, &w->session);
}

/* tcp: PORT, or {port: PORT, send: TEXT, ready: PATTERN} */
static void workload_tcp(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const struct option options[] = {
		FIELD("port", PORT, custom_workload, port, .required = true),
		OPTION("send", HANDLED),
		OPTION("ready", HANDLED),
	};
	struct custom_workload *w = obj;

	reader__short(r, n, "a TCP connection", options, ARRAY_SIZE(options), obj);
	/* One finding is enough: there is a connection to send to. */
	if (!w->port)
		w->port = 1;
	if (n->kind == YAML_MAPPING)
		read_hello(r, n, obj);
}

static const char *const checks[] = {"set", "register", "cas", "counter", "queue", "lock"};

static const struct option workload_options[] = {
	OPTION("setup", CUSTOM, .parse = workload_setup),
	OPTION("session", CUSTOM, .parse = workload_session),
	OPTION("tcp", CUSTOM, .parse = workload_tcp),
	OPTION("set", HANDLED),
	OPTION("register", HANDLED),
	OPTION("cas", HANDLED),
	OPTION("counter", HANDLED),
	OPTION("queue", HANDLED),
	OPTION("lock", HANDLED),
};

void parse_custom_workload(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct custom_system *s = obj;
	struct custom_workload *w = calloc(1, sizeof(*w));
	size_t found = 0;

	s->workload = w;
	if (!w) {
		r->nomem = true;
		return;
	}
	w->pos = n->pos;
	if (!reader__map(r, n, "a workload of a system", workload_options,
			 ARRAY_SIZE(workload_options), w))
		return;
	if (w->session && w->port)
		reader__fault(r, n->pos, "session and tcp; expected one of them");
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct yaml_node *check = yaml__get(n, checks[i]);

		if (!check)
			continue;
		found++;
		parse_check(r, check, checks[i], w);
	}
	if (!found)
		reader__fault(r, n->pos,
			      "a workload without operations; expected one of set, register, cas, "
			      "counter, queue, lock");
}
