// SPDX-License-Identifier: GPL-2.0-only
/* cmd_targets.c: what can be selected on this machine, and by which words. */
#include "cli/cli.h"
#include "cli/targets.h"

#include <locale.h>
#include <stdio.h>
#include <sys/ioctl.h>

struct targets_args {
	const char *selector;
	bool json, all;
};

static const struct argp_option options[] = {
	{"all", KEY_ALL, NULL, 0, "every process, port and peer, however many", 0},
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct targets_args *a = state->input;

	switch (key) {
	case KEY_ALL:
		a->all = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->selector)
			argp_error(state, "one SELECTOR at a time");
		a->selector = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Of the terminal, 0 where there is none: what another program reads is not to be broken. */
static size_t columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return 0;
	return ws.ws_col < 60 ? 60 : ws.ws_col;
}

static int show(const struct snapshot *s, const struct discover_match *m,
		const struct targets_args *a)
{
	_cleanup_(target_view__reset) struct target_view v = {0};

	if (target_view__make(s, m, &v) < 0)
		return -ENOMEM;
	v.all = a->all || m;
	if (a->json) {
		json_t *j = targets__json(&v);

		cli__print_json(j);
		json_decref(j);
	} else {
		targets__print(&v, columns(), cli__colour());
	}
	return 0;
}

int cmd_targets(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[SELECTOR]",
		"Lists what can be selected here: network namespaces with their devices and "
		"addresses; in "
		"them pods, containers, systemd units and cgroups; in those the processes, the "
		"ports "
		"that they listen on and whom they are connected with.\vSELECTOR is one of "
		"pid:N tree:N comm:NAME exe:PATH args:GLOB user:NAME cgroup:PATH unit:NAME "
		"container:NAME pod:NS/NAME pods:NS/KEY=VALUE netns:NAME cidr:ADDRESS/LENGTH "
		"interface:[NETNS/]NAME.",
		NULL,
		NULL,
		NULL};
	_cleanup_(target_selector__reset) struct target_selector t = {0};
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	_cleanup_(snapshot__reset) struct snapshot s = {0};
	struct targets_args a = {0};
	struct error err = {0};
	int r = 0;

	/* Only how wide a character is: numbers stay as programs read them. */
	setlocale(LC_CTYPE, "");
	cli__parse(&argp, argc, argv, &a);
	if (a.selector && target_selector__parse(a.selector, &t, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	r = snapshot__take("", &s, &err);
	if (!r && snapshot__load_network(&s) < 0)
		r = err__set(&err, -ENOMEM, "out of memory");
	if (r)
		return cli__fail(EXIT_RUNTIME, &err);
	if (a.selector && discover__match(&s, &t, &m, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	if (show(&s, a.selector ? &m : NULL, &a) < 0)
		return cli__fail(EXIT_RUNTIME,
				 &(struct error){.code = -ENOMEM, .msg = "out of memory"});
	return 0;
}
