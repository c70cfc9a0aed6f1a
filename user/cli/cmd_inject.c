// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_inject.c: faults from flags, on one edge. The flags become an experiment file, so that they mean exactly
 * what the same words mean there.
 */
#include "cli/cli.h"
#include "cli/inject.h"

#include "lib/units.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct inject_args {
	struct run_options opts;
	struct inject_words words;
	struct inject_side from, to, isolate;
	struct inject_side *side; /* the last of these that was given: --not narrows it */
	const char *direction, *duration;
	json_t *match; /* as in the file */
	json_t *extra; /* other keys of the fault: ramp */
	char *text;    /* the experiment */
	uint64_t seed;
	bool l2, json;
};

/* clang-format off */
static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Whose packets:", 1},
	{"from", KEY_FROM, "SELECTOR", 0, "who sends; absent: anyone", 1},
	{"to", KEY_TO, "SELECTOR", 0, "who receives; absent: anyone", 1},
	{"isolate", KEY_ISOLATE, "SELECTOR", 0, "partition: cut it from everyone", 1},
	{"not", KEY_NOT, "SELECTOR", 0, "but for those, of the selector before it", 1},
	{"direction", KEY_DIRECTION, "to|from|both", 0, "which way (default: a partition both, others to)", 1},
	{NULL, 0, NULL, 0, "Which packets:", 2},
	{"proto", KEY_PROTO, "NAME", 0, "only tcp, udp, icmp, sctp, vrrp ... or a number", 2},
	{"port", KEY_PORT, "P[,P...]", 0, "only these ports, on either side; A-B is a range", 2},
	{"sport", KEY_SPORT, "P[,P...]", 0, "only from these ports", 2},
	{"dport", KEY_DPORT, "P[,P...]", 0, "only to these ports", 2},
	{"tcp-flags", KEY_TCP_FLAGS, "FLAG[,FLAG...]", 0, "only TCP with these: syn,!ack", 2},
	{"state", KEY_STATE, "new|established", 0, "only TCP with SYN, or without", 2},
	{"length", KEY_LENGTH, "N|A..B", 0, "only IP packets of so many bytes: 1000.., ..100", 2},
	{"dscp", KEY_DSCP, "N|NAME", 0, "only this DSCP: 46, ef, af41, cs6", 2},
	{"nth", KEY_NTH, "N", 0, "each Nth of those", 2},
	{"first", KEY_FIRST, "N", 0, "the first N of those", 2},
	{NULL, 0, NULL, 0, "Of single faults:", 3},
	{"correlation", KEY_CORRELATION, "P", 0, "loss, delay, reorder, duplicate, corrupt: with the packet before", 3},
	{"burst", KEY_BURST, "N|BYTES", 0, "loss: in bursts of N on average; rate: may pass at once", 3},
	{"every", KEY_EVERY, "N", 0, "loss: each Nth packet", 3},
	{"first-n", KEY_FIRST_N, "N", 0, "loss: the first N packets", 3},
	{"latency", KEY_LATENCY, "TIME", 0, "delay, reorder: of those that do not overtake", 3},
	{"jitter", KEY_JITTER, "TIME", 0, "delay: spread around the latency", 3},
	{"distribution", KEY_DISTRIBUTION, "NAME", 0, "delay: uniform (default), normal, pareto, paretonormal", 3},
	{"table", KEY_TABLE, "FILE", 0, "delay: a distribution in netem's .dist format", 3},
	{"order", KEY_ORDER, "keep|free", 0, "delay: jitter may reorder packets (free, the default) or not", 3},
	{"gap", KEY_GAP, "N", 0, "reorder: at most each Nth", 3},
	{"silent", KEY_SILENT, NULL, 0, "corrupt: mend the checksum, so that applications see it", 3},
	{"queue", KEY_QUEUE, "BYTES|TIME", 0, "rate: what may wait (default 1s)", 3},
	{"ends", KEY_ENDS, "both|sender|receiver", 0, "reset: who gets the RST", 3},
	{"with", KEY_WITH, "port|host|net|prohibited", 0, "reject: unreachable what", 3},
	{"icmp", KEY_ICMP, NULL, 0, "mtu: say so by ICMP; without it, a black hole", 3},
	{"l2", KEY_L2, NULL, 0, "partition: ARP and neighbour discovery too, as a pulled cable", 3},
	{NULL, 0, NULL, 0, "The run:", 4},
	{"for", KEY_FOR, "TIME", 0, "how long, as 30s; absent: until Ctrl-C", 4},
	{"ramp", KEY_RAMP, "TIME", 0, "how long values take from A to B, where they are written A..B (default: --for)", 4},
	{"seed", KEY_SEED, "N", 0, "seed of the decisions", 4},
	{"attach", KEY_ATTACH, "MODE", 0, "auto (default), tcx or clsact", 4},
	{"hold", KEY_HOLD, "MODE", 0, "what holds delayed packets: auto (default), fq or tap", 4},
	{"allow-host", KEY_ALLOW_HOST, NULL, 0, "the caller's own network namespace may be a target", 4},
	{"out", 'o', "DIR", 0, "also record into this run folder", 4},
	{"json", KEY_JSON, NULL, 0, "print what was hit as JSON", 4},
	{0},
};
/* clang-format on */

/* --- the command line ------------------------------------------------------------------------------ */

/* Flags that are a key of the file's `match`. */
static const struct {
	int key;
	const char *flag, *path;
	bool list; /* split at commas */
} match_flags[] = {
	{KEY_PROTO, "--proto", "match/proto", false},
	{KEY_PORT, "--port", "match/ports", true},
	{KEY_SPORT, "--sport", "match/sports", true},
	{KEY_DPORT, "--dport", "match/dports", true},
	{KEY_TCP_FLAGS, "--tcp-flags", "match/tcp_flags", true},
	{KEY_LENGTH, "--length", "match/length", false},
	{KEY_DSCP, "--dscp", "match/dscp", false},
	{KEY_STATE, "--state", "match/state", false},
	{KEY_NTH, "--nth", "match/nth", false},
	{KEY_FIRST, "--first", "match/first", false},
};

static json_t *text_or_exit(struct argp_state *state, const char *flag, const char *text)
{
	json_t *s = json_string(text);

	if (!s)
		argp_error(state, "%s takes UTF-8 text", flag);
	return s;
}

/* True if @key is one of match_flags. A list given twice is one list. */
static bool match_flag(struct argp_state *state, struct inject_args *a, int key, char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(match_flags); i++) {
		const char *name = strchr(match_flags[i].path, '/') + 1,
			   *flag = match_flags[i].flag;
		json_t *list;

		if (match_flags[i].key != key)
			continue;
		json_object_set_new(a->words.labels, match_flags[i].path, json_string(flag));
		if (!match_flags[i].list) {
			if (json_object_get(a->match, name))
				argp_error(state, "%s stands twice", flag);
			json_object_set_new(a->match, name, text_or_exit(state, flag, arg));
			return true;
		}
		list = json_object_get(a->match, name);
		if (!list) {
			json_object_set_new(a->match, name, json_array());
			list = json_object_get(a->match, name);
		}
		for (char *word; (word = strsep(&arg, ",")) != NULL;)
			json_array_append_new(list, text_or_exit(state, flag, word));
		return true;
	}
	return false;
}

static void check_end(struct argp_state *state, struct inject_args *a)
{
	bool partition = json_object_get(a->words.parts, "partition") != NULL;
	struct error err = {0};
	int64_t ns;

	if (inject_words__end(&a->words, &err))
		argp_error(state, "%s", err.msg);
	if (a->isolate.text && (!partition || a->from.text || a->to.text))
		argp_error(state, "--isolate goes with a partition, and without --from and --to");
	if (!a->isolate.text && !a->from.text && !a->to.text)
		argp_error(state, "whose packets? Give --from, --to%s",
			   partition ? " or --isolate" : "");
	if (a->l2 && !partition)
		argp_error(state, "--l2 goes with a partition");
	if (a->duration && (units__duration(a->duration, &ns) < 0 || ns <= 0))
		argp_error(state, "--for takes a time above 0 with its unit, as in 30s, not `%s`",
			   a->duration);
	if (a->direction && strcmp(a->direction, "to") && strcmp(a->direction, "from") &&
	    strcmp(a->direction, "both"))
		argp_error(state, "--direction is to, from or both, not `%s`", a->direction);
}

static void set_side(struct argp_state *state, struct inject_args *a, struct inject_side *side,
		     const char *flag, const char *text)
{
	if (side->text)
		argp_error(state, "%s stands twice; a union of selectors needs a file", flag);
	side->text = text;
	a->side = side;
}

static void add_exclude(struct argp_state *state, struct inject_args *a, const char *text)
{
	if (!a->side)
		argp_error(state,
			   "--not stands behind the --from, --to or --isolate that it narrows");
	else if (a->side->n_excludes == INJECT_NOT_MAX)
		argp_error(state, "--not more than %d times", INJECT_NOT_MAX);
	else
		a->side->excludes[a->side->n_excludes++] = text;
}

/* Flags of the run, and of who is meant. */
static error_t parse_run(int key, char *arg, struct argp_state *state, struct inject_args *a)
{

	switch (key) {
	case KEY_FROM:
		set_side(state, a, &a->from, "--from", arg);
		return 0;
	case KEY_TO:
		set_side(state, a, &a->to, "--to", arg);
		return 0;
	case KEY_ISOLATE:
		set_side(state, a, &a->isolate, "--isolate", arg);
		return 0;
	case KEY_NOT:
		add_exclude(state, a, arg);
		return 0;
	case KEY_DIRECTION:
		a->direction = arg;
		return 0;
	case KEY_L2:
		a->l2 = true;
		return 0;
	case KEY_FOR:
		a->duration = arg;
		return 0;
	case KEY_RAMP:
		json_object_set_new(a->extra, "ramp", text_or_exit(state, "--ramp", arg));
		return 0;
	case KEY_SEED:
		a->seed = cli__seed(state, arg);
		return 0;
	case KEY_ATTACH:
		a->opts.mode = cli__attach_mode(state, arg);
		return 0;
	case KEY_HOLD:
		a->opts.hold = cli__hold_mode(state, arg);
		return 0;
	case KEY_ALLOW_HOST:
		a->opts.allow_host = true;
		return 0;
	case 'o':
		a->opts.out = arg;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inject_args *a = state->input;
	struct error err = {0};

	if (key == ARGP_KEY_ARG) {
		if (inject_words__word(&a->words, arg, &err))
			argp_error(state, "%s", err.msg);
		return 0;
	}
	if (key == ARGP_KEY_END) {
		check_end(state, a);
		return 0;
	}
	if (key >= KEY_JITTER && key <= KEY_ICMP) {
		if (inject_words__flag(&a->words, key, arg, &err))
			argp_error(state, "%s", err.msg);
		return 0;
	}
	if (match_flag(state, a, key, arg))
		return 0;
	return parse_run(key, arg, state, a);
}

/* --- the experiment -------------------------------------------------------------------------------- */

static int add_endpoint(json_t *endpoints, const char *name, const struct inject_side *side,
			const char *flag, struct error *err)
{
	json_t *s = NULL;
	int r;

	if (!side->text)
		return 0;
	r = inject_side__json(side, flag, &s, err);
	return r ? r : json_object_set_new(endpoints, name, s);
}

static json_t *partition_json(const struct inject_args *a)
{
	const char *direction = a->direction ? a->direction : "both";
	json_t *p;

	if (a->isolate.text)
		p = json_pack("{s:s}", "isolate", "isolated");
	else if (!a->from.text || !a->to.text)
		p = json_pack("{s:s}", "isolate", a->from.text ? "from" : "to");
	else if (!strcmp(direction, "both"))
		p = json_pack("{s:[[s],[s]]}", "halves", "from", "to");
	else if (!strcmp(direction, "to"))
		p = json_pack("{s:{s:s,s:s}}", "simplex", "from", "from", "to", "to");
	else
		p = json_pack("{s:{s:s,s:s}}", "simplex", "from", "to", "to", "from");
	if (a->l2)
		json_object_set_new(p, "l2", json_true());
	return p;
}

/* "delay-loss"; names of faults and runs have 63 letters at most. */
static void name_of(const struct inject_args *a, char *buf, size_t size)
{
	const char *part;
	json_t *values;
	size_t used = 0;

	json_object_foreach(a->words.parts, part, values) {
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "-" : "",
						 part);
	}
}

static json_t *fault_json(const struct inject_args *a, const char *name)
{
	json_t *f = json_pack("{s:s,s:s,s:s*}", "name", name, "at", "0s", "for", a->duration);

	json_object_update(f, a->extra);
	if (json_object_get(a->words.parts, "partition")) {
		json_object_set_new(f, "partition", partition_json(a));
	} else {
		json_object_update(f, a->words.parts);
		if (a->from.text)
			json_object_set_new(f, "from", json_string("from"));
		if (a->to.text)
			json_object_set_new(f, "to", json_string("to"));
		if (a->direction)
			json_object_set_new(f, "direction", json_string(a->direction));
	}
	if (json_object_size(a->match))
		json_object_set(f, "match", a->match);
	return f;
}

/* What the command line calls what is no fault's. */
static void label_rest(struct inject_args *a)
{
	static const char *const labels[][2] = {
		{"isolated", "--isolate"},
		{"from", "--from"},
		{"to", "--to"},
		{"direction", "--direction"},
		{"ramp", "--ramp"},
		{"for", "--for"},
		{"duration", "--for"},
		{"partition", "partition"},
		{"seed", "--seed"},
		{"not", "--not"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		json_object_set_new(a->words.labels, labels[i][0], json_string(labels[i][1]));
}

static int make_experiment(struct inject_args *a, struct experiment **ret, struct error *err)
{
	json_t *endpoints = json_object(), *doc;
	char fault[64], name[80];
	int r;

	label_rest(a);
	r = add_endpoint(endpoints, "isolated", &a->isolate, "--isolate", err);
	if (!r)
		r = add_endpoint(endpoints, "from", &a->from, "--from", err);
	if (!r)
		r = add_endpoint(endpoints, "to", &a->to, "--to", err);
	if (r) {
		json_decref(endpoints);
		return r;
	}
	name_of(a, fault, sizeof(fault));
	snprintf(name, sizeof(name), "inject-%.56s", fault);
	/* Without --for the fault lives by leases; the month is only an upper bound. */
	doc = json_pack("{s:s,s:s,s:{s:s},s:{s:I,s:s,s:o,s:[o]}}", "apiVersion",
			"netchaos.dev/v1alpha1", "kind", "Experiment", "metadata", "name", name,
			"spec", "seed", (json_int_t)a->seed, "duration",
			a->duration ? a->duration : "720h", "endpoints", endpoints, "faults",
			fault_json(a, fault));
	a->text = doc ? inject__text(doc) : NULL;
	json_decref(doc);
	if (!a->text)
		return err__set(err, -ENOMEM, "out of memory");
	return experiment__parse("inject", a->text, strlen(a->text), a->seed, ret, err);
}

/* --- the run --------------------------------------------------------------------------------------- */

/* "12 matched, 3 dropped": what is not zero, from @o or from the hits in it. */
static void print_counts(const json_t *o)
{
	static const char *const keys[] = {
		"dropped", "delayed", "reordered", "duplicated", "corrupted",
		"shaped",  "reset",   "rejected",  "marked",	 "overflowed",
	};
	const json_t *hits = json_object_get(o, "hits");

	printf("%lld matched", (long long)json_integer_value(json_object_get(o, "matched")));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_int_t n = json_integer_value(json_object_get(hits ? hits : o, keys[i]));

		if (n)
			printf(", %lld %s", (long long)n, keys[i]);
	}
	printf("\n");
}

static void print_hits(const json_t *faults)
{
	json_t *f, *e;
	size_t i, j;

	json_array_foreach(faults, i, f) {
		printf("%s: packets: ", json_string_value(json_object_get(f, "name")));
		print_counts(f);
		json_array_foreach(json_object_get(f, "edges"), j, e) {
			printf("  %s -> %s: ", json_string_value(json_object_get(e, "from")),
			       json_string_value(json_object_get(e, "to")));
			print_counts(e);
		}
	}
}

static int inject(struct inject_args *a, const struct experiment *e)
{
	struct run_result res = {0};
	struct error err = {0};
	struct progress *progress = progress__new(cli_quiet || a->json);
	int status;

	a->opts.no_folder = !a->opts.out;
	a->opts.lease = !a->duration;
	a->opts.last = true;
	progress__attach(progress, &a->opts.ui);
	status = run__execute(e, &a->opts, &res, &err);
	progress__free(progress);
	if (err.msg[0]) {
		inject__explain(a->text, a->words.labels, &err);
		cli__fail(status, &err);
	}
	if (a->json && res.faults)
		cli__print_json(res.faults);
	else if (res.faults && !cli_quiet)
		print_hits(res.faults);
	/* Ctrl-C is how a fault without --for is meant to end. */
	if (status == EXIT_INTERRUPTED && a->opts.lease)
		status = EXIT_HOLDS;
	if (status == EXIT_EXPECTATION) /* it expects nothing */
		status = EXIT_HOLDS;
	run_result__reset(&res);
	return status;
}

int cmd_inject(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"partition\nFAULT [FAULT...]",
		"Faults on one edge now, until --for is over, Ctrl-C or `chaos stop`."
		"\vFAULT is one of\n"
		"  loss P [CORRELATION] | --every N | --first-n N\n"
		"  loss gemodel P [R [1-H [1-K]]] | loss state P13 [P31 [P32 [P23 [P14]]]]\n"
		"  delay TIME [JITTER [CORRELATION]]\n"
		"  reorder P [CORRELATION] (beside a delay, or with --latency)\n"
		"  duplicate P [CORRELATION] | corrupt P [CORRELATION]\n"
		"  rate BANDWIDTH | mtu BYTES\n"
		"  reset [P] | reject [P] | ecn [P]\n"
		"P is a probability: 1% or 0.01. Most values may move: `loss 0%..10% --ramp "
		"30s`.\n\n"
		"SELECTOR is one of\n"
		"  pid:N tree:N comm:NAME exe:PATH args:GLOB user:NAME\n"
		"  cgroup:PATH unit:NAME container:[[NS/]POD/]NAME\n"
		"  pod:NS/NAME pods:NS/KEY=VALUE[,...] netns:NAME interface:[NETNS/]NAME\n"
		"  cidr:10.0.0.0/8 host:NAME\n"
		"each with optional #PORT[,PORT...][/PROTO], and ## for a # of its own. `chaos "
		"targets` lists what there is.\n\n"
		"Without --for the fault is leased: should chaos be stopped or killed, it ends "
		"within 5 s.",
		NULL,
		NULL,
		NULL};
	_cleanup_(cleanup_experiment) struct experiment *e = NULL;
	struct inject_args a = {
		.match = json_object(), .extra = json_object(), .seed = cli__draw_seed()};
	struct error err = {0};
	int status = 0;

	if (inject_words__init(&a.words) || !a.match || !a.extra)
		return EXIT_RUNTIME;
	argp_err_exit_status = EXIT_USAGE;
	/* in order: a flag belongs to the fault before it */
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	cli__catch_signals(&a.opts);
	if (make_experiment(&a, &e, &err) < 0 ||
	    (status = cli__need_privileges(run__privileges(e))) != 0 ||
	    cli__precheck(e, a.opts.allow_host, &err)) {
		if (a.text)
			inject__explain(a.text, a.words.labels, &err);
		status = status ?: cli__fail(EXIT_USAGE, &err);
	}
	if (!status)
		status = inject(&a, e);
	inject_words__reset(&a.words);
	json_decref(a.match);
	json_decref(a.extra);
	free(a.text);
	return status;
}
