// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/nearest.h"
#include "lib/privilege.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb {
	const char *name, *args, *what;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{"run", "FILE...", "run experiments: live progress, a run folder with the record and report", cmd_run},
	{"inject", "FAULT...", "one fault now, from flags, until --for is over or Ctrl-C", cmd_inject},
	{"check", "FILE...", "parse and resolve; say what would be touched; touch nothing", cmd_check},
	{"targets", "[SELECTOR]", "list what can be selected here", cmd_targets},
	{"watch", "[SELECTOR]", "who talks to whom, how fast, under which fault: a live table", cmd_watch},
	{"status", "", "what is active", cmd_status},
	{"stop", "[RUN]", "end a run", cmd_stop},
	{"clear", "", "end every run and remove every trace, also of crashed ones", cmd_clear},
	{"report", "DIR", "render the reports again from the recorded events", cmd_report},
	{"doctor", "", "what this kernel can do, and what to install if something is missing", cmd_doctor},
	{"agent", "", "on each node of a Kubernetes cluster: does what the objects there ask for", cmd_agent},
};

static void print_help(FILE *f)
{
	fprintf(f, "Usage: chaos [-v|-q] COMMAND [ARGUMENT...]\n"
		   "Cuts and disturbs traffic between chosen hosts by eBPF, and records what that did.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		char head[40];

		snprintf(head, sizeof(head), "%s %s", verbs[i].name, verbs[i].args);
		fprintf(f, "  %-18s %s\n", head, verbs[i].what);
	}
	fprintf(f, "\n  -v, --verbose      say more (twice: debugging)\n"
		   "  -q, --quiet        only errors\n"
		   "      --version      print the version\n\n"
		   "`chaos COMMAND --help` tells more about one command; chaos(1) has it all.\n"
		   "Exit status: 0 all expectations hold; 1 one failed or is unknown; 2 wrong usage or\n"
		   "experiment file, nothing touched; 3 failed at run time, network restored;\n"
		   "130 interrupted, network restored.\n");
}

static int unknown_verb(const char *name)
{
	const char *names[ARRAY_SIZE(verbs)];
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		names[i] = verbs[i].name;
	near = nearest__word(name, names, ARRAY_SIZE(verbs));
	fprintf(stderr, "chaos: no %s `%s`", name[0] == '-' ? "option" : "command", name);
	if (near)
		fprintf(stderr, "; did you mean `%s`?", near);
	fprintf(stderr, "\nTry `chaos --help`.\n");
	return EXIT_USAGE;
}

/* What is opened first gets the least number that is free: it must not be that of a closed stdout or stderr. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	safe_close(fd);
}

/* What was printed but not written, to a full disk for example, was not said. */
static int flush_stdout(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (!errno && write(STDOUT_FILENO, "\n", 1) == 1) /* why it was is forgotten: ask again */
		errno = EIO;
	if (errno == EPIPE) /* whoever read it has had enough */
		return status;
	fprintf(stderr, "chaos: cannot write to the standard output: %s\n", strerror(errno));
	return status == EXIT_HOLDS ? EXIT_RUNTIME : status;
}

int main(int argc, char **argv)
{
	int verbose = 0, i, status = -1;

	open_standard_streams();
	privilege__begin();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-v") || !strcmp(argv[i], "--verbose")) {
			verbose++;
		} else if (!strcmp(argv[i], "-q") || !strcmp(argv[i], "--quiet")) {
			cli_quiet = true;
		} else if (!strcmp(argv[i], "--version") || !strcmp(argv[i], "-V")) {
			printf("chaos %s\n", CHAOS_VERSION);
			return flush_stdout(0);
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help(stdout);
			return flush_stdout(0);
		} else {
			return unknown_verb(argv[i]);
		}
	}
	if (cli_quiet)
		log__set_level(LOG_ERROR);
	else if (verbose)
		log__set_level(verbose > 1 ? LOG_DEBUG : LOG_INFO);
	if (i == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	for (size_t v = 0; v < ARRAY_SIZE(verbs) && status < 0; v++) {
		char name[64];

		if (strcmp(argv[i], verbs[v].name) != 0)
			continue;
		snprintf(name, sizeof(name), "chaos %s", verbs[v].name);
		argv[i] = name;
		status = verbs[v].run(argc - i, argv + i);
	}
	if (status < 0)
		status = unknown_verb(argv[i]);
	curl_global_cleanup();
	return flush_stdout(status);
}
