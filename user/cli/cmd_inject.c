// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_inject.c: one fault from flags. The flags become an experiment file, so that they mean exactly
 * what the same words mean there.
 */
#include "cli/cli.h"

#include "lib/nearest.h"
#include "lib/units.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct inject_args {
	struct run_options opts;
	const char *fault, *value, *from, *to, *isolate, *direction, *proto, *duration;
	json_t *ports;
	uint64_t seed;
	bool l2, json;
};

static const char *const kinds_of_fault[] = {"partition", "loss"};

static const struct argp_option options[] = {
	{"from", KEY_FROM, "SELECTOR", 0, "who sends; absent: anyone", 0},
	{"to", KEY_TO, "SELECTOR", 0, "who receives; absent: anyone", 0},
	{"isolate", KEY_ISOLATE, "SELECTOR", 0, "partition: cut it from everyone", 0},
	{"direction", KEY_DIRECTION, "to|from|both", 0,
	 "which way (default: a partition both, others to)", 0},
	{"port", KEY_PORT, "P[,P...]", 0, "only these ports, on either side; A-B is a range", 0},
	{"proto", KEY_PROTO, "NAME", 0, "only tcp, udp, icmp, sctp, vrrp ...", 0},
	{"l2", KEY_L2, NULL, 0, "partition: ARP and neighbour discovery too, as a pulled cable", 0},
	{"for", KEY_FOR, "TIME", 0, "how long, as 30s; absent: until Ctrl-C", 0},
	{"seed", KEY_SEED, "N", 0, "seed of the decisions", 0},
	{"attach", KEY_ATTACH, "MODE", 0, "auto (default), tcx or clsact", 0},
	{"allow-host", KEY_ALLOW_HOST, NULL, 0, "the caller's own network namespace may be a target", 0},
	{"out", 'o', "DIR", 0, "also record into this run folder", 0},
	{"json", KEY_JSON, NULL, 0, "print what was hit as JSON", 0},
	{0},
};

static void add_ports(struct argp_state *state, struct inject_args *a, char *list)
{
	for (char *save, *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *end;
		unsigned long port = strtoul(p, &end, 10);

		if (end == p || port < 1 || port > 65535)
			argp_error(state, "`%s` is no port; expected 1 to 65535 or a range A-B", p);
		json_array_append_new(a->ports,
				      *end ? json_string(p) : json_integer((json_int_t)port));
	}
}

static void positional(struct argp_state *state, struct inject_args *a, const char *arg)
{
	const char *near;

	if (a->fault) {
		if (a->value)
			argp_error(state, "`%s` is one argument too many", arg);
		a->value = arg;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds_of_fault); i++)
		if (!strcmp(arg, kinds_of_fault[i]))
			a->fault = kinds_of_fault[i];
	if (a->fault)
		return;
	near = nearest__word(arg, kinds_of_fault, ARRAY_SIZE(kinds_of_fault));
	argp_error(state, "no fault `%s`%s%s%s; this version has partition and loss", arg,
		   near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static void check_end(struct argp_state *state, const struct inject_args *a)
{
	bool partition = a->fault && !strcmp(a->fault, "partition");
	int64_t ns;
	double p;

	if (!a->fault)
		argp_error(state, "which fault? partition or loss");
	if (!partition && (!a->value || units__probability(a->value, &p) < 0 || p <= 0))
		argp_error(state, "loss takes a probability above 0 and up to 100%%, as in `loss 1%%`");
	if (partition && a->value)
		argp_error(state, "`%s` is one argument too many", a->value);
	if (a->isolate && (!partition || a->from || a->to))
		argp_error(state, "--isolate goes with a partition, and without --from and --to");
	if (!a->isolate && !a->from && !a->to)
		argp_error(state, "whose packets? Give --from, --to%s", partition ? " or --isolate" : "");
	if (a->l2 && !partition)
		argp_error(state, "--l2 goes with a partition");
	if (a->duration && (units__duration(a->duration, &ns) < 0 || ns <= 0))
		argp_error(state, "--for takes a time above 0 with its unit, as in 30s, not `%s`",
			   a->duration);
	if (a->direction && strcmp(a->direction, "to") && strcmp(a->direction, "from") &&
	    strcmp(a->direction, "both"))
		argp_error(state, "--direction is to, from or both, not `%s`", a->direction);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inject_args *a = state->input;
	char *end;

	switch (key) {
	case KEY_FROM:
		a->from = arg;
		return 0;
	case KEY_TO:
		a->to = arg;
		return 0;
	case KEY_ISOLATE:
		a->isolate = arg;
		return 0;
	case KEY_DIRECTION:
		a->direction = arg;
		return 0;
	case KEY_PORT:
		add_ports(state, a, arg);
		return 0;
	case KEY_PROTO:
		a->proto = arg;
		return 0;
	case KEY_L2:
		a->l2 = true;
		return 0;
	case KEY_FOR:
		a->duration = arg;
		return 0;
	case KEY_SEED:
		errno = 0;
		a->seed = strtoull(arg, &end, 0);
		if (errno || *end || end == arg || *arg == '-')
			argp_error(state, "--seed takes a number from 0 to 2^64-1, not `%s`", arg);
		return 0;
	case KEY_ATTACH:
		a->opts.mode = cli__attach_mode(state, arg);
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
	case ARGP_KEY_ARG:
		positional(state, a, arg);
		return 0;
	case ARGP_KEY_END:
		check_end(state, a);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A short selector as the file has it; NULL with @err set. */
static json_t *selector_json(const char *text, struct error *err)
{
	static const char *const kinds[] = {
		[SELECTOR_NODE] = "netns", [SELECTOR_NETNS] = "netns",
		[SELECTOR_CIDR] = "cidr",  [SELECTOR_HOST] = "host",
		[SELECTOR_INTERFACE] = "interface",
	};
	struct selector s = {0};
	json_t *o, *ports;
	char range[16];

	if (selector__parse_short(text, &s, err) < 0)
		return NULL;
	o = json_pack("{s:s,s:s*}", kinds[s.kind], s.value, "netns",
		      s.kind == SELECTOR_INTERFACE ? s.netns : NULL);
	if (s.ports.n) {
		ports = json_array();
		for (size_t i = 0; i < s.ports.n; i++) {
			snprintf(range, sizeof(range), "%u-%u", s.ports.v[i].lo, s.ports.v[i].hi);
			json_array_append_new(ports, json_string(range));
		}
		json_object_set_new(o, "ports", ports);
	}
	selector__reset(&s);
	return o;
}

static int add_endpoint(json_t *endpoints, const char *name, const char *text, struct error *err)
{
	json_t *s;

	if (!text)
		return 0;
	s = selector_json(text, err);
	if (!s)
		return -EINVAL;
	return json_object_set_new(endpoints, name, s);
}

static json_t *partition_json(const struct inject_args *a)
{
	const char *direction = a->direction ? a->direction : "both";
	json_t *p;

	if (a->isolate)
		p = json_pack("{s:s}", "isolate", "isolated");
	else if (!a->from || !a->to)
		p = json_pack("{s:s}", "isolate", a->from ? "from" : "to");
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

static json_t *fault_json(const struct inject_args *a)
{
	json_t *f = json_pack("{s:s,s:s}", "name", a->fault, "at", "0s");
	json_t *match = json_object();

	if (!strcmp(a->fault, "partition")) {
		json_object_set_new(f, "partition", partition_json(a));
	} else {
		json_object_set_new(f, "loss", json_pack("{s:s}", "probability", a->value));
		if (a->from)
			json_object_set_new(f, "from", json_string("from"));
		if (a->to)
			json_object_set_new(f, "to", json_string("to"));
		if (a->direction)
			json_object_set_new(f, "direction", json_string(a->direction));
	}
	if (a->proto)
		json_object_set_new(match, "proto", json_string(a->proto));
	if (json_array_size(a->ports))
		json_object_set(match, "ports", a->ports);
	if (json_object_size(match))
		json_object_set(f, "match", match);
	json_decref(match);
	return f;
}

static int make_experiment(const struct inject_args *a, struct experiment **ret, struct error *err)
{
	json_t *endpoints = json_object(), *doc;
	_cleanup_free_ char *text = NULL;
	char name[64];
	int r;

	r = add_endpoint(endpoints, "isolated", a->isolate, err);
	if (!r)
		r = add_endpoint(endpoints, "from", a->from, err);
	if (!r)
		r = add_endpoint(endpoints, "to", a->to, err);
	if (r) {
		json_decref(endpoints);
		return r;
	}
	snprintf(name, sizeof(name), "inject-%s", a->fault);
	/* Without --for the fault lives by leases; the month is only an upper bound. */
	doc = json_pack("{s:s,s:s,s:{s:s},s:{s:I,s:s,s:o,s:[o]}}", "apiVersion",
			"netchaos.dev/v1alpha1", "kind", "Experiment", "metadata", "name", name,
			"spec", "seed", (json_int_t)a->seed, "duration",
			a->duration ? a->duration : "720h", "endpoints", endpoints, "faults",
			fault_json(a));
	text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	json_decref(doc);
	if (!text)
		return err__set(err, -ENOMEM, "out of memory");
	return experiment__parse("inject", text, strlen(text), a->seed, ret, err);
}

static void print_hits(const json_t *faults)
{
	json_t *f, *e;
	size_t i, j;

	json_array_foreach(faults, i, f) {
		printf("%s: %lld packets matched, %lld dropped\n",
		       json_string_value(json_object_get(f, "name")),
		       (long long)json_integer_value(json_object_get(f, "matched")),
		       (long long)json_integer_value(json_object_get(f, "dropped")));
		json_array_foreach(json_object_get(f, "edges"), j, e)
			printf("  %s -> %s: %lld matched, %lld dropped\n",
			       json_string_value(json_object_get(e, "from")),
			       json_string_value(json_object_get(e, "to")),
			       (long long)json_integer_value(json_object_get(e, "matched")),
			       (long long)json_integer_value(json_object_get(e, "dropped")));
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
	progress__attach(progress, &a->opts.ui);
	status = run__execute(e, &a->opts, &res, &err);
	progress__free(progress);
	if (err.msg[0])
		cli__fail(status, &err);
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
		options, parse, "partition\nloss P%",
		"One fault now, until --for is over, Ctrl-C or `chaos stop`."
		"\vSelectors: netns:NAME, cidr:10.0.0.0/8, host:NAME, interface:DEV or "
		"interface:NETNS/DEV, each with optional #PORT. Without --for the fault is leased: should "
		"chaos be stopped or killed, it ends within 5 s.",
		NULL, NULL, NULL};
	_cleanup_(cleanup_experiment) struct experiment *e = NULL;
	struct inject_args a = {.ports = json_array(), .seed = cli__draw_seed()};
	struct error err = {0};
	int status;

	cli__parse(&argp, argc, argv, &a);
	cli__catch_signals(&a.opts);
	if (make_experiment(&a, &e, &err) < 0)
		status = cli__fail(EXIT_USAGE, &err);
	else
		status = cli__need_privileges();
	if (!status && cli__precheck(e, a.opts.allow_host, &err))
		status = cli__fail(EXIT_USAGE, &err);
	if (!status)
		status = inject(&a, e);
	json_decref(a.ports);
	return status;
}
