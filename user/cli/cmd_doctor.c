// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "datapath/dataplane.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != KEY_JSON)
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

/* Servers that the shipped experiments and probes know, and their Debian packages. */
static const struct {
	const char *program, *package, *what;
} programs[] = {
	{"redis-server", "redis-server", "redis experiments"},
	{"redis-sentinel", "redis-sentinel", "redis experiments"},
	{"etcd", "etcd-server", "etcd experiments"},
	{"keepalived", "keepalived", "keepalived experiment"},
};

static bool in_path(const char *program)
{
	_cleanup_free_ char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/sbin:/usr/bin");
	char full[512];

	for (char *save, *dir = path ? strtok_r(path, ":", &save) : NULL; dir;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(full, sizeof(full), "%s/%s", dir, program);
		if (!access(full, X_OK))
			return true;
	}
	return false;
}

static bool has(const struct dp_feature *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return v[i].ok;
	return false;
}

static const char *mechanism(const struct dp_feature *v, size_t n)
{
	if (has(v, n, "tcx"))
		return "BPF by tcx links, which end with their process";
	return has(v, n, "clsact") ? "BPF by clsact filters, whose rules expire by themselves"
				   : NULL;
}

/* How each kind of fault acts here. */
static const struct {
	const char *fault;
	enum { AT_HOOK, ON_LINE, HELD } how;
} faults[] = {
	{"partition", AT_HOOK}, {"loss", ON_LINE},   {"duplicate", ON_LINE}, {"corrupt", ON_LINE},
	{"reset", ON_LINE},	{"reject", ON_LINE}, {"mtu", ON_LINE},	     {"ecn", ON_LINE},
	{"delay", HELD},	{"reorder", HELD},   {"rate", HELD},
};

/* NULL: not possible here, and @ret_need says what is missing. */
static const char *how_acts(const struct dp_feature *v, size_t n, size_t fault,
			    const char **ret_need)
{
	const char *hook = mechanism(v, n);

	*ret_need = "BPF at tc (Linux 5.10, CONFIG_NET_CLS_ACT, CONFIG_BPF_SYSCALL) and the "
		    "privileges above";
	if (!hook || faults[fault].how == AT_HOOK)
		return hook;
	if (!has(v, n, "line"))
		return NULL;
	if (faults[fault].how == ON_LINE)
		return "BPF on a veth line, for each wire packet";
	if (has(v, n, "fq"))
		return "BPF on a veth line, held by fq until its time (EDT)";
	*ret_need = "the fq qdisc (modprobe sch_fq) or TAP devices (modprobe tun)";
	return has(v, n, "tap") ? "BPF on a veth line, held by a process behind a TAP" : NULL;
}

static json_t *faults_json(const struct dp_feature *v, size_t n)
{
	json_t *o = json_object();
	const char *need;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const char *how = how_acts(v, n, i, &need);

		json_object_set_new(o, faults[i].fault, how ? json_string(how) : json_null());
	}
	return o;
}

static json_t *as_json(const struct dp_feature *v, size_t n, const char *kernel)
{
	json_t *features = json_array(), *progs = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(features, json_pack("{s:s,s:b,s:s}", "name", v[i].name, "ok",
							  v[i].ok, "detail", v[i].detail));
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		json_array_append_new(progs,
				      json_pack("{s:s,s:b,s:s}", "program", programs[i].program,
						"found", in_path(programs[i].program), "package",
						programs[i].package));
	return json_pack("{s:s,s:o,s:o,s:o,s:o}", "kernel", kernel, "privileges",
			 cli__privileges_json(), "features", features, "faults", faults_json(v, n),
			 "programs", progs);
}

static void print(const struct dp_feature *v, size_t n, const char *kernel)
{
	const char *need;

	cli__print_privileges();
	printf("kernel %s\n", kernel);
	for (size_t i = 0; i < n; i++)
		printf("  %-12s %-8s %s\n", v[i].name, v[i].ok ? "yes" : "MISSING", v[i].detail);
	printf("faults\n");
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const char *how = how_acts(v, n, i, &need);

		printf("  %-12s %s%s\n", faults[i].fault, how ? how : "not possible here; needs ",
		       how ? "" : need);
	}
	printf("programs\n");
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		bool found = in_path(programs[i].program);

		printf("  %-16s %-8s for the %s", programs[i].program, found ? "yes" : "MISSING",
		       programs[i].what);
		if (!found)
			printf(": apt-get install %s", programs[i].package);
		printf("\n");
	}
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"",
		"Probes what this kernel can do by doing it in a scratch namespace, and says which "
		"mechanism each fault would use; and which capabilities are there, and what each "
		"missing one takes away. Exit status 0 when faults are possible.",
		NULL,
		NULL,
		NULL};
	struct dp_feature *v = NULL;
	struct utsname u = {0};
	bool json = false, able;
	char kernel[200];
	size_t n = 0;
	int r;

	cli__parse(&argp, argc, argv, &json);
	r = dataplane__features(&v, &n);
	if (r < 0) {
		fprintf(stderr, "chaos: cannot probe: %s\n", strerror(-r));
		return EXIT_RUNTIME;
	}
	uname(&u);
	snprintf(kernel, sizeof(kernel), "%.90s %.90s", u.release, u.machine);
	if (json) {
		json_t *j = as_json(v, n, kernel);

		cli__print_json(j);
		json_decref(j);
	} else {
		print(v, n, kernel);
	}
	able = mechanism(v, n) && has(v, n, "bpf") && has(v, n, "netns");
	free(v);
	return able ? 0 : EXIT_EXPECTATION;
}
