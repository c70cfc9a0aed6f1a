// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "agent/agent.h"
#include "agent/http.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct agent_args {
	struct agent_options opts;
	const char *kubeconfig, *context;
};

static const struct argp_option options[] = {
	{"node", KEY_NODE, "NAME", 0, "this node's name (default $NODE_NAME, else the host's name)",
	 0},
	{"dir", KEY_DIR, "DIR", 0, "folder of the runs on this node (default /var/lib/chaos)", 0},
	{"lead", KEY_LEAD, "TIME", 0, "from deciding a start to the start (default 2s)", 0},
	{"listen", KEY_LISTEN, "ADDR:PORT", 0,
	 "metrics and health by HTTP (default :9797; none: off)", 0},
	{"namespace", KEY_NAMESPACE, "NS", 0, "only objects and pods of this namespace", 0},
	{"no-chaosmesh", KEY_NO_CHAOSMESH, NULL, 0,
	 "only Experiments, nothing of Chaos Mesh's kinds", 0},
	{"kubeconfig", KEY_KUBECONFIG, "FILE", 0, "outside of a cluster: how to reach it", 0},
	{"context", KEY_CONTEXT, "NAME", 0, "a context of the kubeconfig", 0},
	{0},
};

/* A node's name is a DNS subdomain; it becomes a key of the status and a part of names. */
static bool is_node_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-");

	return n > 0 && n <= 253 && !s[n] && s[0] != '.' && s[0] != '-';
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct agent_args *a = state->input;

	switch (key) {
	case KEY_NODE:
		a->opts.node = arg;
		return 0;
	case KEY_DIR:
		a->opts.dir = arg;
		return 0;
	case KEY_LEAD:
		if (units__duration(arg, &a->opts.lead_ns) < 0 || a->opts.lead_ns > 3600 * NS_PER_S)
			argp_error(state,
				   "--lead is a time up to 1h, such as 500ms or 2s, not `%s`", arg);
		return 0;
	case KEY_LISTEN:
		a->opts.listen = strcmp(arg, "none") != 0 ? arg : NULL;
		return 0;
	case KEY_NAMESPACE:
		a->opts.ns = arg;
		return 0;
	case KEY_NO_CHAOSMESH:
		a->opts.no_chaosmesh = true;
		return 0;
	case KEY_KUBECONFIG:
		a->kubeconfig = arg;
		return 0;
	case KEY_CONTEXT:
		a->context = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "`%s`: the agent takes options only", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* In a cluster as its pod, else, or when asked to, by a kubeconfig. */
static int find_cluster(struct agent_args *a, struct error *err)
{
	int r = -ENOENT;

	if (!a->kubeconfig && !a->context)
		r = kube_config__in_cluster(NULL, &a->opts.kube, err);
	if (r == -ENOENT)
		r = kube_config__load(a->kubeconfig, a->context, &a->opts.kube, err);
	return r;
}

int cmd_agent(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"",
		"Runs on each node of a Kubernetes cluster: watches Experiments, and NetworkChaos, "
		"Schedules "
		"and Workflows of Chaos Mesh, and does this node's part of each."
		"\vAs a user: kubectl apply -k chaos/k8s, then kubectl apply -f EXPERIMENT. See "
		"KUBERNETES "
		"in chaos(1).",
		NULL,
		NULL,
		NULL};
	struct agent_args a = {
		.opts = {.dir = "/var/lib/chaos", .listen = ":9797", .lead_ns = 2 * NS_PER_S}};
	struct run_options signals = {0};
	char host[HOST_NAME_MAX + 1] = "";
	struct error err = {0};
	int r;

	a.opts.node = getenv("NODE_NAME");
	a.opts.pod = getenv("POD_NAME");
	cli__parse(&argp, argc, argv, &a);
	if (!a.opts.node || !*a.opts.node) {
		gethostname(host, sizeof(host) - 1);
		a.opts.node = host;
	}
	if (!is_node_name(a.opts.node)) {
		fprintf(stderr,
			"chaos: `%s` is no name of a node; give --node NAME, as in `kubectl get "
			"nodes`\n",
			a.opts.node);
		return EXIT_USAGE;
	}
	if (a.opts.listen && http_server__check(a.opts.listen, &err) < 0) {
		err__prefix(&err, "--listen");
		return cli__fail(EXIT_USAGE, &err);
	}
	if (find_cluster(&a, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	cli__catch_signals(&signals);
	a.opts.stop = signals.stop;
	a.opts.wake_fd = signals.wake_fd;
	r = agent__run(&a.opts, &err);
	kube_config__reset(&a.opts.kube);
	return r < 0 ? cli__fail(EXIT_RUNTIME, &err) : 0;
}
