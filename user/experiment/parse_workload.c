// SPDX-License-Identifier: GPL-2.0-only
/* parse_workload.c: how the clients of a workload go about it: pace, retries, HTTP. */
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

#define KEYS_MAX 1000000
#define ZIPF_MAX 10

const char *const retry_policies[RETRY_POLICIES] = {
	[RETRY_NONE] = "none",
	[RETRY_IMMEDIATE] = "immediate",
	[RETRY_FIXED] = "fixed",
	[RETRY_EXPONENTIAL] = "exponential",
	[RETRY_FULL_JITTER] = "full-jitter",
};

/* --- pace --------------------------------------------------------------------------------------- */

void workload__mode(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {[LOAD_OPEN] = "open", [LOAD_CLOSED] = "closed"};
	int i = reader__word(r, n, "mode", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct workload *)obj)->mode = (enum load_mode)i;
}

void workload__arrival(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"even", "poisson"};

	((struct workload *)obj)->poisson =
		reader__word(r, n, "arrival", words, ARRAY_SIZE(words)) == 1;
}

void workload__connections(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"keep", "new"};

	((struct workload *)obj)->connect_anew =
		reader__word(r, n, "kind of connections", words, ARRAY_SIZE(words)) == 1;
}

/* --- retries ------------------------------------------------------------------------------------- */

static void retry_policy(struct reader *r, const struct yaml_node *n, void *obj)
{
	int i = reader__word(r, n, "retry policy", retry_policies, RETRY_POLICIES);

	if (i >= 0)
		((struct retry *)obj)->policy = (enum retry_policy)i;
}

static const struct option retry_options[] = {
	OPTION("policy", CUSTOM, .required = true, .parse = retry_policy),
	FIELD("delay", DURATION, retry, delay_ns, .lo = 0, .hi = 3600 * NS_PER_S),
	FIELD("base", DURATION, retry, base_ns, .lo = NS_PER_US, .hi = 3600 * NS_PER_S),
	FIELD("cap", DURATION, retry, cap_ns, .lo = NS_PER_US, .hi = 3600 * NS_PER_S),
	FIELD("attempts", UINT, retry, attempts, .lo = 1, .hi = 1000000),
	FIELD("budget", FRACTION, retry, budget),
};

static void only_with(struct reader *r, const struct yaml_node *map, const char *key, bool is_so,
		      const char *of)
{
	const struct yaml_node *n = yaml__get(map, key);

	if (n && !is_so)
		reader__fault(r, n->pos, "`%s` belongs to %s", key, of);
}

void workload__retry(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct retry *t = &((struct workload *)obj)->retry;
	size_t before = r->n_findings + r->n_dropped;
	bool grows;

	if (!reader__short(r, n, "a retry policy", retry_options, ARRAY_SIZE(retry_options), t) ||
	    n->kind != YAML_MAPPING || r->n_findings + r->n_dropped != before)
		return;
	grows = t->policy == RETRY_EXPONENTIAL || t->policy == RETRY_FULL_JITTER;
	only_with(r, n, "delay", t->policy == RETRY_FIXED, "policy fixed");
	only_with(r, n, "base", grows, "policy exponential or full-jitter");
	only_with(r, n, "cap", grows, "policy exponential or full-jitter");
	only_with(r, n, "attempts", t->policy != RETRY_NONE, "a policy that retries");
	only_with(r, n, "budget", t->policy != RETRY_NONE, "a policy that retries");
	if (grows && t->cap_ns < t->base_ns)
		reader__fault(r, (yaml__get(n, "cap") ?: yaml__get(n, "base"))->pos,
			      "the cap is below the base");
}

/* --- HTTP ---------------------------------------------------------------------------------------- */

/* A template in which ${key} is another name. */
static bool keyed_template(struct reader *r, const struct yaml_node *n)
{
	static const char key[] = "${key}";
	_cleanup_free_ char *text = strdup(n->text);
	struct yaml_node without = *n;

	if (!text) {
		r->nomem = true;
		return false;
	}
	for (char *p = text; (p = strstr(p, key));)
		memmove(p, p + strlen(key), strlen(p + strlen(key)) + 1);
	without.text = text;
	return parse_template(r, &without);
}

void workload__url(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	if (!reader__string(r, n, "a URL, as in http://${server.ip}:8080/${key}", &w->http.url) ||
	    !keyed_template(r, n))
		return;
	if (strncmp(w->http.url, "http://", 7) && strncmp(w->http.url, "https://", 8))
		reader__fault(r, n->pos,
			      "`%.64s` is no URL; expected one as http://${server.ip}:8080/${key}",
			      w->http.url);
}

static bool is_token(const char *s)
{
	static const char marks[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */

	for (; *s; s++)
		if (!(*s >= '0' && *s <= '9') && !((*s | 32) >= 'a' && (*s | 32) <= 'z') &&
		    !strchr(marks, *s))
			return false;
	return true;
}

void workload__method(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	if (reader__string(r, n, "a method, as in GET", &w->http.method) &&
	    (!is_token(w->http.method) || strlen(w->http.method) > 32))
		reader__fault(r, n->pos, "`%.64s` is no method; expected one as GET or PUT",
			      w->http.method);
}

void workload__body(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	if (reader__string(r, n, "the text to send", &w->http.body))
		keyed_template(r, n);
}

void workload__headers(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct http_load *h = &((struct workload *)obj)->http;
	size_t n_pairs = reader__pairs(r, n, "names of headers with their values");

	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *name = n->items[2 * i], *value = n->items[2 * i + 1];
		struct http_header *x = APPEND(r, h->headers, h->n_headers);

		if (!x)
			return;
		x->name = reader__strdup(r, name->text);
		if (!*name->text || !is_token(name->text))
			reader__fault(r, name->pos, "`%.64s` is no name of a header", name->text);
		if (!reader__string(r, value, "the header's value", &x->value))
			continue;
		if (strpbrk(x->value, "\r\n"))
			reader__fault(r, value->pos, "a header's value is one line");
		else
			keyed_template(r, value);
	}
}

/* "200" or "200..299". */
void workload__status(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct http_load *h = &((struct workload *)obj)->http;
	unsigned int lo = 0, hi = 0;
	char found[FOUND_SIZE];
	int end = -1;

	if (n->kind == YAML_SCALAR) {
		if (sscanf(n->text, "%3u..%3u%n", &lo, &hi, &end) < 2 || end < 0) {
			end = -1;
			if (sscanf(n->text, "%3u%n", &lo, &end) == 1)
				hi = lo;
		}
	}
	if (end < 0 || n->text[end] || lo < 100 || hi > 599 || lo > hi) {
		reader__fault(r, n->pos,
			      "%s is no status; expected 100 to 599, as in 200 or 200..299",
			      reader__found(n, found));
		return;
	}
	h->status_lo = lo;
	h->status_hi = hi;
}

static void keys_zipf(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct http_load *h = obj;
	char found[FOUND_SIZE];
	double x = 0;

	if (n->kind != YAML_SCALAR || units__number(n->text, &x) || !(x > 0) || x > ZIPF_MAX) {
		reader__fault(r, n->pos, "%s is no exponent; expected more than 0 and at most %d",
			      reader__found(n, found), ZIPF_MAX);
		return;
	}
	h->zipf = x;
}

static const struct option keys_options[] = {
	FIELD("count", UINT, http_load, keys, .required = true, .lo = 1, .hi = KEYS_MAX),
	OPTION("zipf", CUSTOM, .parse = keys_zipf),
};

void workload__keys(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__short(r, n, "keys", keys_options, ARRAY_SIZE(keys_options),
		      &((struct workload *)obj)->http);
}

/* --- together ------------------------------------------------------------------------------------ */

void workload__check(struct reader *r, const struct yaml_node *n, struct workload *w)
{
	static const char *const of_http[] = {"url",	 "method",	  "body",
					      "headers", "expect_status", "keys"};
	bool http = w->system && !strcmp(w->system, "http");
	const struct yaml_node *check = yaml__get(n, "check");

	only_with(r, n, "rate", w->mode == LOAD_OPEN, "mode open; mode closed has `think`");
	only_with(r, n, "arrival", w->mode == LOAD_OPEN, "mode open; mode closed has `think`");
	only_with(r, n, "think", w->mode == LOAD_CLOSED, "mode closed; mode open has `rate`");
	for (size_t i = 0; w->system && i < ARRAY_SIZE(of_http); i++)
		only_with(r, n, of_http[i], http, "system http");
	only_with(r, n, "connections", http, "system http; the others keep theirs");
	only_with(r, n, "port", !http, "other systems; here it is part of `url`");
	only_with(r, n, "reads", !http, "other systems; here `method` says it");
	if (!w->system)
		return;
	if (http && !yaml__get(n, "url"))
		reader__fault(r, n->pos, "system http needs `url`");
	if (http && check && w->check && strcmp(w->check, "none") != 0)
		reader__fault(r, check->pos, "system http has only check none");
	else if (!http && !check)
		reader__fault(r, n->pos, "a workload needs `check`");
	else if (!http && w->check && !strcmp(w->check, "none"))
		reader__fault(r, check->pos, "check none belongs to system http");
	if (!w->check && !check)
		w->check = reader__strdup(r, "none");
}
