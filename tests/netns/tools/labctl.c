// SPDX-License-Identifier: GPL-2.0-only
/*
 * labctl: a lab by hand, for tests. Options build the nodes, each after its -n:
 *
 *   labctl -d RUN_DIR -n NAME [-f FILE=TEXT] [-r COMMAND] [-s] [-U USER] [-t PORT|-u URL|-c COMMAND]
 *          [-w READY_MS] [-p PROGRAM=PACKAGE] [-k COPIES] [-n NAME ...]
 *
 * -s: commands by a shell; -k: this node COPIES times, as NAME1, NAME2 ... Prints one line per event:
 *
 *   pid PID                    init PID
 *   created MS                 netns NODE PATH
 *   bridge PATH
 *   started MS                 ready NODE MS
 *   up MS                      exit NODE STATUS PID COMMAND
 *   killed NODE RESULT         expanded TEXT
 *   destroyed MS               error CODE MESSAGE...
 *
 * and takes lines from stdin: `kill NODE SIGNAL`, `expand NODE TEXT`, `quit`; the end of input is `quit`.
 * Exit status 0, or 1 after an error.
 */
#include "lab/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

static volatile int stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double ms_since(int64_t start)
{
	return (double)(clock__now() - start) / NS_PER_MS;
}

static void die(const char *what)
{
	fprintf(stderr, "labctl: %s\n", what);
	exit(2);
}

static void *grow(void *v, size_t n, size_t size)
{
	char *p = realloc(v, (n + 1) * size);

	if (!p)
		die("out of memory");
	memset(p + n * size, 0, size);
	return p;
}

/* "NAME=REST": the two strings. */
static void split_pair(const char *arg, char **ret_name, char **ret_rest)
{
	const char *eq = strchr(arg, '=');

	if (!eq)
		die("expected NAME=TEXT");
	*ret_name = strndup(arg, (size_t)(eq - arg));
	*ret_rest = strdup(eq + 1);
}

/* The copies share everything but their names. */
static void copy_node(struct experiment *e, unsigned int copies)
{
	struct lab_node first = e->nodes[e->n_nodes - 1];

	for (unsigned int i = 1; i <= copies; i++) {
		if (i > 1)
			e->nodes = grow(e->nodes, e->n_nodes++, sizeof(*e->nodes));
		e->nodes[e->n_nodes - 1] = first;
		if (asprintf(&e->nodes[e->n_nodes - 1].name, "%s%u", first.name, i) < 0)
			die("out of memory");
	}
}

static const char *parse(struct experiment *e, int argc, char **argv)
{
	struct lab_node *n = NULL;
	const char *dir = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "+d:n:f:r:sU:t:u:c:w:p:k:")) != -1) {
		if (opt == 'd') {
			dir = optarg;
			continue;
		}
		if (opt == 'n') {
			e->nodes = grow(e->nodes, e->n_nodes, sizeof(*e->nodes));
			n = &e->nodes[e->n_nodes++];
			n->name = strdup(optarg);
			continue;
		}
		if (!n)
			die("-n NAME first");
		switch (opt) {
		case 'f':
			n->files = grow(n->files, n->n_files, sizeof(*n->files));
			split_pair(optarg, &n->files[n->n_files].name,
				   &n->files[n->n_files].template);
			n->n_files++;
			break;
		case 'r':
			n->run = grow(n->run, n->n_run, sizeof(*n->run));
			n->run[n->n_run++] = strdup(optarg);
			break;
		case 's':
			n->sh = true;
			break;
		case 'U':
			n->user = strdup(optarg);
			break;
		case 't':
			n->ready.kind = READY_TCP;
			n->ready.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'u':
			n->ready.kind = READY_HTTP;
			n->ready.url = strdup(optarg);
			break;
		case 'c':
			n->ready.kind = READY_COMMAND;
			n->ready.command = strdup(optarg);
			break;
		case 'w':
			n->ready.within_ns = strtoll(optarg, NULL, 10) * NS_PER_MS;
			break;
		case 'p':
			n->needs = grow(n->needs, n->n_needs, sizeof(*n->needs));
			split_pair(optarg, &n->needs[n->n_needs].program,
				   &n->needs[n->n_needs].package);
			n->n_needs++;
			break;
		case 'k':
			copy_node(e, (unsigned int)strtoul(optarg, NULL, 10));
			n = &e->nodes[e->n_nodes - 1];
			break;
		default:
			die("unknown option");
		}
	}
	if (!dir)
		die("-d RUN_DIR is missing");
	return dir;
}

static void on_ready(const char *node, void *arg)
{
	printf("ready %s %.1f\n", node, ms_since(*(int64_t *)arg));
}

static int bring_up(const struct experiment *e, const char *dir, struct lab **ret,
		    struct error *err)
{
	int64_t start = clock__now();
	struct lab *lab;
	int r;

	r = lab__check(e, err);
	if (!r)
		r = lab__create(e, dir, &lab, err);
	if (r)
		return r;
	*ret = lab;
	printf("created %.1f\n", ms_since(start));
	printf("init %d\n", lab->pidns.init);
	for (size_t i = 0; i < e->n_nodes; i++)
		printf("netns %s /proc/%d/fd/%d\n", e->nodes[i].name, getpid(),
		       lab__netns(lab, e->nodes[i].name));
	printf("bridge /proc/%d/fd/%d\n", getpid(), lab->bridge_netns);
	start = clock__now();
	r = lab__start(lab, err);
	if (r)
		return r;
	printf("started %.1f\n", ms_since(start));
	r = lab__wait_ready(lab, &stop, on_ready, &start, err);
	if (r)
		return r;
	printf("up %.1f\n", ms_since(start));
	return 0;
}

/* One line of input; false to end. */
static bool obey(struct lab *lab, char *line)
{
	const char *verb = strtok(line, " \n"), *node, *rest;
	struct error err = {0};
	char *s;

	if (!verb || !strcmp(verb, "quit"))
		return false;
	node = strtok(NULL, " \n");
	rest = strtok(NULL, "\n");
	if (!node || !rest)
		die("expected: VERB NODE TEXT");
	if (!strcmp(verb, "kill"))
		printf("killed %s %d\n", node, lab__kill(lab, node, (int)strtol(rest, NULL, 10)));
	if (!strcmp(verb, "expand")) {
		s = lab__expand(lab, node, rest, &err);
		printf("expanded %s\n", s ? s : err.msg);
		free(s);
	}
	return true;
}

static void live(struct lab *lab)
{
	struct pollfd p[] = {{.fd = 0, .events = POLLIN},
			     {.fd = lab__event_fd(lab), .events = POLLIN}};
	struct lab_exit x;
	char line[512];

	while (!stop) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		while (lab__next_exit(lab, &x) == 1)
			printf("exit %s %d %d %s\n", x.node, x.status, x.pid, x.command);
		if (p[0].revents && (!fgets(line, sizeof(line), stdin) || !obey(lab, line)))
			return;
	}
}

int main(int argc, char **argv)
{
	struct experiment e = {.name = (char *)"labctl", .has_lab = true};
	struct lab *lab = NULL;
	struct error err = {0};
	int64_t start;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what has not been read */
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	printf("pid %d\n", getpid());
	r = bring_up(&e, parse(&e, argc, argv), &lab, &err);
	if (r)
		printf("error %d %s\n", r, err.msg);
	else
		live(lab);
	start = clock__now();
	lab__destroy(lab);
	printf("destroyed %.1f\n", ms_since(start));
	fflush(stdout);
	/* The nodes are the program's to its end. */
	_exit(r ? 1 : 0);
}
