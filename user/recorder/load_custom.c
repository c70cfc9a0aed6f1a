// SPDX-License-Identifier: GPL-2.0-only
/* load_custom.c: a system that the user describes: by a command for each operation, a program or a connection that is
 * kept (load_custom_stream.c), or HTTP. */
#include "recorder/load_custom.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/words.h"
#include "recorder/inside.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

/* What a command prints or a server answers, of one operation. */
#define ANSWER_MAX (4U << 20)
#define SETUP_LIMIT_NS (30 * NS_PER_S)

static const char *const verbs[] = {
	[ACTION_READ] = "read",	      [ACTION_WRITE] = "write",	    [ACTION_CAS] = "cas",
	[ACTION_INC] = "inc",	      [ACTION_PUSH] = "push",	    [ACTION_POP] = "pop",
	[ACTION_ACQUIRE] = "acquire", [ACTION_RELEASE] = "release",
};

/* --- texts ------------------------------------------------------------------------------------ */

static const char *look_up(const char *name, void *arg)
{
	struct custom_store *s = arg;
	const struct {
		const char *name, *text;
	} own[] = {{"value", s->value},	      {"expect", s->expect}, {"key", s->key},
		   {"client", s->client},     {"id", s->id},	     {"lease_ms", s->lease_ms},
		   {"workload", s->spec.name}};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(own[i].name, name))
			return own[i].text;
	if (s->spec.lookup)
		return s->spec.lookup(name, s->spec.lookup_arg);
	return strcmp(name, "ip") ? NULL : s->spec.ip;
}

char *custom__expand(struct custom_store *s, const char *template, struct answer *a)
{
	struct error err = {0};
	char *text = experiment__expand(template, look_up, s, &err);

	if (!text)
		answer__error(a, OUTCOME_FAIL, err.msg, strlen(err.msg));
	return text;
}

void custom__free_argv(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

char **custom__argv(struct custom_store *s, const char *command, bool sh, struct answer *a)
{
	_cleanup_free_ char **words = NULL;
	int n = sh ? 3 : words__split(command, &words);
	char **argv = n > 0 ? calloc((size_t)n + 1, sizeof(*argv)) : NULL;

	if (!argv) {
		answer__errno(a, n > 0 ? -ENOMEM : -EINVAL, false);
		return NULL;
	}
	/* Split first: a blank in a value is no end of a word. */
	for (int i = 0; i < n; i++) {
		argv[i] = sh && i < 2 ? strdup(i ? "-c" : "/bin/sh")
				      : custom__expand(s, sh ? command : words[i], a);
		if (!argv[i]) {
			custom__free_argv(argv);
			return NULL;
		}
	}
	return argv;
}

/* --- exchanges -------------------------------------------------------------------------------- */

bool custom__judge(const struct reading *rd, struct answer *a)
{
	static const char huge[] = "more values than a workload has";

	if (rd->error) {
		answer__error(a, OUTCOME_UNKNOWN, huge, strlen(huge));
		return true;
	}
	if (!rd->decided)
		return false;
	if (rd->by == CUSTOM_OK || rd->by == CUSTOM_NONE)
		a->outcome = OUTCOME_OK;
	else
		answer__error(a, rd->by == CUSTOM_FAIL ? OUTCOME_FAIL : OUTCOME_UNKNOWN, rd->line,
			      strlen(rd->line));
	return true;
}

static bool make_room(struct custom_store *s, size_t want)
{
	char *buf = s->cap >= want ? s->buf : realloc(s->buf, want);

	if (!buf)
		return false;
	s->buf = buf;
	s->cap = s->cap >= want ? s->cap : want;
	return true;
}

static void say_status(int status, const struct reading *rd, struct answer *a)
{
	a->outcome = OUTCOME_UNKNOWN;
	if (WIFSIGNALED(status))
		snprintf(a->error, sizeof(a->error), "the command ended by signal %d",
			 WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(a->error, sizeof(a->error), "exit status %d: %.90s", WEXITSTATUS(status),
			 rd->line);
	else
		snprintf(a->error, sizeof(a->error), "its answer fits no pattern: %.80s", rd->line);
}

static void by_command(struct custom_store *s, const struct custom_exchange *x,
		       const struct rules *ru, int64_t deadline_ns, struct reading *rd,
		       struct answer *a)
{
	char **argv = custom__argv(s, x->text, x->sh, a);
	struct program p = PROGRAM_NONE;
	int r, status;

	if (!argv)
		return;
	r = make_room(s, ANSWER_MAX) ? program__start(argv, false, &p) : -ENOMEM;
	custom__free_argv(argv);
	if (r)
		return answer__errno(a, r, false);
	r = program__collect(&p, deadline_ns, s->buf, s->cap, &s->len);
	status = program__end(&p);
	if (r)
		return answer__errno(a, r, true);
	rules__text(ru, s->buf, s->len, rd);
	/* What says ok and fails has done nobody knows what. */
	if (status && rd->decided && rd->by >= CUSTOM_NONE && !rd->error)
		return say_status(status, rd, a);
	if (custom__judge(rd, a))
		return;
	if (!status && !ru->has[CUSTOM_OK])
		a->outcome = OUTCOME_OK;
	else
		say_status(status, rd, a);
}

static struct curl_slist *make_headers(struct custom_store *s, const struct custom_exchange *x,
				       struct answer *a)
{
	/* No "Expect: 100-continue", which would wait for an answer before the body. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list && i < x->n_headers; i++) {
		_cleanup_free_ char *line = custom__expand(s, x->headers[i], a);

		if (!line || !curl_slist_append(list, line)) {
			curl_slist_free_all(list);
			return NULL;
		}
	}
	return list;
}

/* "HTTP STATUS" in a line of its own, and the body. */
static bool take_body(struct custom_store *s)
{
	int n;

	if (!make_room(s, s->http.len + 33))
		return false;
	n = snprintf(s->buf, 32, "HTTP %ld\n", s->http.status);
	memcpy(s->buf + n, s->http.body, s->http.len);
	s->len = (size_t)n + s->http.len;
	s->buf[s->len] = '\0';
	return true;
}

static void by_http(struct custom_store *s, const struct custom_exchange *x, const struct rules *ru,
		    int64_t deadline_ns, struct reading *rd, struct answer *a)
{
	_cleanup_free_ char *url = custom__expand(s, x->text, a);
	_cleanup_free_ char *body = url && x->body ? custom__expand(s, x->body, a) : NULL;
	struct http_request rq = {.url = url, .method = x->method, .body = body};
	int r;

	if (!url || (x->body && !body))
		return;
	rq.headers = make_headers(s, x, a);
	if (!rq.headers)
		return answer__errno(a, -ENOMEM, false);
	r = s->has_http ? 0 : http__init(&s->http, ANSWER_MAX);
	s->has_http = s->has_http || !r;
	s->http.once = true; /* nobody knows what it does when it comes twice */
	if (!r)
		r = http__send(&s->http, &rq, deadline_ns);
	curl_slist_free_all(rq.headers);
	if (!r && (s->http.cut || !take_body(s)))
		r = -EMSGSIZE;
	if (r)
		return answer__errno(a, r, s->has_http && s->http.sent);
	rules__text(ru, s->buf, s->len, rd);
	if (custom__judge(rd, a))
		return;
	if (!ru->has[CUSTOM_OK] && s->http.status / 100 == 2) {
		a->outcome = OUTCOME_OK;
		return;
	}
	a->outcome = OUTCOME_UNKNOWN;
	snprintf(a->error, sizeof(a->error), "HTTP %ld: %.90s", s->http.status, rd->line);
}

static int make_rules(struct custom_store *s, const struct custom_exchange *x, struct rules *ru,
		      struct answer *a)
{
	char *patterns[CUSTOM_PATTERNS] = {0};
	char *own[CUSTOM_PATTERNS] = {0};
	struct error err = {0};
	int r = 0;

	for (size_t i = 0; !r && i < CUSTOM_PATTERNS; i++) {
		patterns[i] = x->patterns[i];
		if (!patterns[i] || !strstr(patterns[i], "${"))
			continue;
		patterns[i] = own[i] = custom__expand(s, x->patterns[i], a);
		r = own[i] ? 0 : -EINVAL;
	}
	if (!r) {
		r = rules__init(ru, patterns, &err);
		if (r)
			answer__error(a, OUTCOME_FAIL, err.msg, strlen(err.msg));
	}
	for (size_t i = 0; i < CUSTOM_PATTERNS; i++)
		free(own[i]);
	return r;
}

void custom__exchange(struct custom_store *s, const struct custom_exchange *x, int64_t deadline_ns,
		      struct reading *rd, struct answer *a)
{
	_cleanup_free_ char *text = NULL;
	struct rules ru;

	if (make_rules(s, x, &ru, a))
		return;
	if (x->via == VIA_COMMAND) {
		by_command(s, x, &ru, deadline_ns, rd, a);
	} else if (x->via == VIA_HTTP) {
		by_http(s, x, &ru, deadline_ns, rd, a);
	} else {
		text = custom__expand(s, x->text, a);
		if (text && custom__unescape(text))
			custom__stream(s, text, &ru, deadline_ns, rd, a);
	}
	rules__reset(&ru);
}

/* --- the store -------------------------------------------------------------------------------- */

static void custom_close(void *store)
{
	struct custom_store *s = store;

	custom__drop_stream(s);
	if (s->has_http)
		http__reset(&s->http);
	free(s->buf);
	free(s);
}

static int custom_open(const struct store_spec *spec, void **ret_store)
{
	struct custom_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->spec = *spec;
	s->session = PROGRAM_NONE;
	s->fd = -1;
	snprintf(s->client, sizeof(s->client), "%d", spec->client < 0 ? 0 : spec->client);
	*ret_store = s;
	return 0;
}

static void number(char *buf, size_t size, int64_t v)
{
	*buf = '\0';
	if (v != NOTHING)
		snprintf(buf, size, "%" PRId64, v);
}

/* The names of the templates for this operation, and what does it; NULL with @a set if nothing does. */
static const struct custom_exchange *prepare(struct custom_store *s, const struct request *rq,
					     const char *verb, struct answer *a)
{
	static _Atomic uint64_t ids;
	const char *check = object_names[s->spec.object];
	const struct custom_exchange *x = NULL;

	number(s->value, sizeof(s->value), rq->value);
	number(s->expect, sizeof(s->expect), rq->expect);
	number(s->key, sizeof(s->key), rq->key);
	number(s->lease_ms, sizeof(s->lease_ms), rq->lease_ns / NS_PER_MS);
	snprintf(s->id, sizeof(s->id), "%s-%" PRIu64, s->client, atomic_fetch_add(&ids, 1));
	if (!strcmp(verb, "cas") && rq->expect == NOTHING)
		x = custom__find(s->spec.custom, check, "create");
	x = x ? x : custom__find(s->spec.custom, check, verb);
	if (!x) {
		a->outcome = OUTCOME_FAIL;
		snprintf(a->error, sizeof(a->error), "the system has no %s of %s", verb, check);
	}
	return x;
}

/* Whether its patterns have a place for a value. */
static bool tells_value(const struct custom_exchange *x)
{
	return x->patterns[CUSTOM_VALUE] ||
	       (x->patterns[CUSTOM_OK] && strchr(x->patterns[CUSTOM_OK], '('));
}

static void odd(struct answer *a, const char *what, const struct reading *rd)
{
	a->outcome = OUTCOME_UNKNOWN;
	snprintf(a->error, sizeof(a->error), "%s: %.80s", what, rd->line);
}

static void custom_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct request rq = {.value = value, .expect = NOTHING};
	const struct custom_exchange *x = prepare(store, &rq, "add", ret);
	struct reading rd = {0};

	if (!x)
		return;
	custom__exchange(store, x, deadline_ns, &rd, ret);
	if (ret->outcome == OUTCOME_OK && rd.decided && rd.by == CUSTOM_NONE)
		answer__error(ret, OUTCOME_FAIL, rd.line, strlen(rd.line));
}

static void custom_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct request rq = {.value = value, .expect = NOTHING};
	const struct custom_exchange *x = prepare(store, &rq, "read", ret);
	struct reading rd = {0};

	if (!x)
		return;
	custom__exchange(store, x, deadline_ns, &rd, ret);
	ret->found = !(rd.decided && rd.by == CUSTOM_NONE) &&
		     (!tells_value(x) || (rd.has_value && rd.value == value));
}

static void custom_act(void *store, const struct request *rq, int64_t deadline_ns,
		       struct answer *ret)
{
	const struct custom_exchange *x = prepare(store, rq, verbs[rq->action], ret);
	bool reads = rq->action == ACTION_READ || rq->action == ACTION_POP;
	struct reading rd = {0};
	bool none;

	ret->value = NOTHING;
	if (!x)
		return;
	custom__exchange(store, x, deadline_ns, &rd, ret);
	if (ret->outcome != OUTCOME_OK)
		return;
	none = rd.decided && rd.by == CUSTOM_NONE;
	if (none && !reads) {
		ret->refused = true;
		return answer__error(ret, OUTCOME_FAIL, rd.line, strlen(rd.line));
	}
	if (!none && tells_value(x) && rd.bad_value && !rd.has_value)
		return odd(ret, "its value is no number", &rd);
	if (!none && rd.has_value)
		ret->value = ret->token = rd.value;
	if (rq->action == ACTION_ACQUIRE && !rd.has_value)
		odd(ret, "no fencing token", &rd);
}

static int list(void *store, int64_t deadline_ns, struct values *ret, char *why, size_t why_size)
{
	struct request rq = {.value = NOTHING, .expect = NOTHING};
	struct answer a = {0};
	const struct custom_exchange *x = prepare(store, &rq, "list", &a);
	struct reading rd = {.all = ret};

	if (x)
		custom__exchange(store, x, deadline_ns, &rd, &a);
	if (a.outcome == OUTCOME_OK)
		return 0;
	snprintf(why, why_size, "%s", a.error);
	return -EIO;
}

const struct store_ops store_custom = {
	.name = "custom",
	.runs_commands = true,
	.open_for = custom_open,
	.add = custom_add,
	.read = custom_read,
	.list = list,
	.close = custom_close,
	.act = custom_act,
	.list_queue = list,
};

/* --- set-up ----------------------------------------------------------------------------------- */

struct setup {
	struct custom_store *store;
	struct answer answer;
};

static void run_setup(void *arg)
{
	struct setup *su = arg;
	const struct custom_workload *w = su->store->spec.custom;
	struct custom_exchange x = {.via = VIA_COMMAND, .text = w->setup, .sh = w->setup_sh};
	struct reading rd = {0};

	custom__exchange(su->store, &x, clock__now() + SETUP_LIMIT_NS, &rd, &su->answer);
}

int custom__setup(const struct store_spec *spec, int netns_fd, struct error *err)
{
	struct inside thread = {.runs_commands = true};
	struct setup su = {0};
	void *store;
	int r;

	if (!spec->custom->setup)
		return 0;
	r = custom_open(spec, &store);
	if (r)
		return err__set(err, r, "out of memory");
	su.store = store;
	r = inside__start(&thread, netns_fd, NULL, run_setup, &su, err);
	inside__join(&thread);
	custom_close(store);
	if (!r && su.answer.outcome != OUTCOME_OK)
		r = err__set(err, -EIO, "setup: %s", su.answer.error);
	return r;
}
