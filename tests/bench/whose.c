// SPDX-License-Identifier: GPL-2.0-only
/*
 * whose [-r ROUNDS] [-p PACKETS] 'GROUP|ROW|HOW|SOCKETS|FROM NETNS|TO NETNS|ADDRESS'...: ns per UDP packet and per
 * byte that goes there and back by TCP (groups GROUP-udp and GROUP-tcp), from a process in FROM to itself in TO.
 * A row's data plane is armed with a fault that does not concern that traffic, and selects HOW:
 *
 *	none	no data plane
 *	netns	both namespaces
 *	other	by its sockets another process, which holds SOCKETS of them in FROM
 *	own	by their sockets that one and the process that is measured; the peer is no target
 *
 * One thread does both ends, so nothing waits for anybody to wake up: each packet has gone all its way when the
 * call that sends it returns. Rows take turns, one slice each in a round.
 */
#include "datapath/dataplane.h"
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "sample.h"

#include <argp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	WARM_UP = 1024,
	CLOCK_TRIES = 1000,
	CLOCK_SLICE = 64, /* short enough to be undisturbed at times */
	FILES_SPARE = 256,
	MEMBERS = 3, /* FROM, TO, and who is elsewhere */
	/* Two processes a row; both ends of a pipe each way. */
	TO_CHILD = 1,
	FROM_CHILD = 0,
};

/* A process at work: it answers each byte with one. */
struct child {
	pid_t pid;
	int in, out;
};

struct slice {
	double udp_ns, tcp_ns;
};

struct row {
	const char *group, *name, *how, *from, *to, *address;
	unsigned int n_sockets;
	struct child holder, talker;
	struct dp_plan plan;
	struct dataplane *dp;
};

struct ends {
	int udp, udp_far, tcp, tcp_far;
};

struct by {
	clockid_t clock;
	bool unknown;
};

static struct by *by; /* of all processes */
static unsigned int rounds = 15;
static unsigned int packets = 5000;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "whose: %s: %s\n", what, why);
	exit(1);
}

static void *zeroes(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("memory", strerror(errno));
	return p;
}

static int namespace(const char *name)
{
	struct error err = {0};
	int fd = netns__open(name, &err);

	if (fd < 0)
		die(name, err.msg);
	return fd;
}

static int socket_in(const char *name, int type)
{
	_cleanup_close_ int ns = namespace(name);
	int home = -1, fd, one = 1;

	if (netns__enter(ns, &home))
		die(name, "cannot go there");
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	netns__leave(&home);
	if (fd < 0)
		die("a socket", strerror(errno));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* --- the process that is measured ------------------------------------------------------------------- */

/* A connected pair; *ret_far is its end in @row->to. */
static int connected(const struct row *row, int type, int *ret_far)
{
	struct sockaddr_in at = {.sin_family = AF_INET}, from;
	socklen_t len = sizeof(at), from_len = sizeof(from);
	int near = socket_in(row->from, type), far = socket_in(row->to, type), listener;

	if (inet_pton(AF_INET, row->address, &at.sin_addr) != 1 ||
	    bind(far, (struct sockaddr *)&at, len) || getsockname(far, (void *)&at, &len) ||
	    (type == SOCK_STREAM && listen(far, 1)) || connect(near, (struct sockaddr *)&at, len))
		die(row->address, strerror(errno));
	if (type == SOCK_STREAM) {
		listener = far;
		far = accept(listener, NULL, NULL);
		close(listener);
	} else if (getsockname(near, (void *)&from, &from_len) ||
		   connect(far, (struct sockaddr *)&from, from_len)) {
		die("connect", strerror(errno));
	}
	if (far < 0)
		die("accept", strerror(errno));
	*ret_far = far;
	return near;
}

static void byte(int from, int to)
{
	char c = 0;

	if (send(from, &c, 1, 0) != 1 || recv(to, &c, 1, 0) != 1)
		die("a packet", strerror(errno));
}

static void datagrams(const struct ends *e, unsigned int n)
{
	while (n--)
		byte(e->udp, e->udp_far);
}

static void trips(const struct ends *e, unsigned int n)
{
	while (n--) {
		byte(e->tcp, e->tcp_far);
		byte(e->tcp_far, e->tcp);
	}
}

static double timed(void (*work)(const struct ends *e, unsigned int n), const struct ends *e)
{
	int64_t start;

	work(e, WARM_UP);
	start = sample__clock(by->clock);
	work(e, packets);
	return (double)(sample__clock(by->clock) - start) / packets;
}

/* Of this thread, where that has the softirqs on its back in it: see blast.c. One for all rows, so that they compare. */
static void choose_clock(const struct ends *e)
{
	for (int i = 0; i < CLOCK_TRIES && by->unknown; i++) {
		int64_t wall = sample__clock(CLOCK_MONOTONIC), cpu = sample__cpu_ns();

		datagrams(e, CLOCK_SLICE);
		cpu = sample__cpu_ns() - cpu;
		wall = sample__clock(CLOCK_MONOTONIC) - wall;
		if (cpu > wall * 9 / 10)
			*by = (struct by){.clock = CLOCK_THREAD_CPUTIME_ID};
	}
	by->unknown = false;
}

static void talk(const struct row *row, int in, int out)
{
	struct ends e;
	struct slice s;
	cpu_set_t last;
	char go;

	CPU_ZERO(&last);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	if (sched_setaffinity(0, sizeof(last), &last))
		die("affinity", strerror(errno));
	e.udp = connected(row, SOCK_DGRAM, &e.udp_far);
	e.tcp = connected(row, SOCK_STREAM, &e.tcp_far);
	choose_clock(&e);
	for (memset(&s, 0, sizeof(s));; s.tcp_ns = timed(trips, &e)) {
		if (write(out, &s, sizeof(s)) != sizeof(s) || read(in, &go, 1) != 1)
			return;
		s.udp_ns = timed(datagrams, &e);
	}
}

/* --- the process that holds sockets ------------------------------------------------------------------ */

/* Each at a port of its own, so that the kernel's table has them as well. */
static void hold(const struct row *row, int in, int out)
{
	_cleanup_close_ int ns = namespace(row->from);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int home = -1;
	char go = 0;

	if (netns__enter(ns, &home))
		die(row->from, "cannot go there");
	for (unsigned int i = 0; i < row->n_sockets; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
			die("a socket to hold", strerror(errno));
	}
	netns__leave(&home);
	while (write(out, &go, 1) == 1 && read(in, &go, 1) == 1)
		;
}

/* --- rows --------------------------------------------------------------------------------------------- */

static struct child child__start(const struct row *row,
				 void (*work)(const struct row *row, int in, int out))
{
	struct child c = {0};
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipes", strerror(errno));
	c.pid = fork();
	if (c.pid < 0)
		die("fork", strerror(errno));
	if (!c.pid) {
		/* Those that came later hold the pipes of those before: an end of input may not come. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[TO_CHILD]);
		close(from[FROM_CHILD]);
		work(row, to[0], from[1]);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	c.in = to[TO_CHILD];
	c.out = from[FROM_CHILD];
	return c;
}

static void child__end(struct child *c)
{
	close(c->in);
	close(c->out);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

static void answer(const struct child *c, void *ret, size_t size)
{
	if (read(c->out, ret, size) != (ssize_t)size)
		die("a process", "has ended");
}

static struct dp_side one(size_t member)
{
	struct dp_side s = {.members = zeroes(1, sizeof(*s.members)), .n_members = 1};

	s.members[0] = member;
	return s;
}

static void row__member(struct row *row, const char *name, const char *netns, bool by_socket)
{
	struct dp_member *m = &row->plan.members[row->plan.n_members++];

	m->name = strdup(name);
	m->places = zeroes(1, sizeof(*m->places));
	m->n_places = 1;
	m->places[0].netns_fd = namespace(netns);
	m->places[0].by_socket = by_socket;
	if (!by_socket)
		return;
	m->processes = zeroes(2, sizeof(*m->processes));
	m->processes[m->n_processes++] = (struct dp_process){row->holder.pid, true};
	if (!strcmp(row->how, "own"))
		m->processes[m->n_processes++] = (struct dp_process){row->talker.pid, true};
}

static void row__arm(struct row *row)
{
	bool by_socket = strcmp(row->how, "netns") != 0, two = strcmp(row->from, row->to) != 0;
	struct dp_fault *f = zeroes(1, sizeof(*f));
	struct error err = {0};
	struct dp_member *m;

	row->plan.by_socket = by_socket;
	row->plan.members = zeroes(MEMBERS, sizeof(*row->plan.members));
	row__member(row, "from", row->from, by_socket);
	if (two)
		row__member(row, "to", row->to, by_socket);
	m = &row->plan.members[row->plan.n_members++];
	m->name = strdup("elsewhere");
	m->prefixes = zeroes(1, sizeof(*m->prefixes));
	m->n_prefixes = 1;
	m->prefixes[0] = (struct dp_prefix){.addr = {.w = {0, 0, htonl(0xffff), htonl(11U << 24)}},
					    .len = 104};
	row->plan.faults = f;
	row->plan.n_faults = 1;
	f->name = strdup("fault");
	f->rule.actions = CHAOS_ACT_PARTITION;
	f->edges = zeroes(2, sizeof(*f->edges));
	for (size_t i = 0; i < (two ? 2 : 1); i++)
		f->edges[f->n_edges++] =
			(struct dp_edge){.from = one(i), .to = one(row->plan.n_members - 1)};
	if (dataplane__open(&row->plan, &row->dp, &err))
		die(row->name, err.msg);
	dataplane__set_window(row->dp, 0, 0, 0, UINT64_MAX);
	dataplane__arm(row->dp, clock__now());
}

static void row__open(struct row *row, char *arg)
{
	const char *field[7];
	struct slice s;
	char ready;

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		field[i] = strsep(&arg, "|");
		if (!field[i])
			die("a row is", "GROUP|ROW|HOW|SOCKETS|FROM NETNS|TO NETNS|ADDRESS");
	}
	*row = (struct row){.group = field[0],
			    .name = field[1],
			    .how = field[2],
			    .n_sockets = (unsigned int)strtoul(field[3], NULL, 10),
			    .from = field[4],
			    .to = field[5],
			    .address = field[6]};
	row->holder = child__start(row, hold);
	row->talker = child__start(row, talk);
	answer(&row->holder, &ready, 1);
	answer(&row->talker, &s, sizeof(s));
	if (strcmp(row->how, "none") != 0)
		row__arm(row);
}

static void row__measure(struct row *row, unsigned int round)
{
	char group[64], go = 0;
	struct slice s;

	if (write(row->talker.in, &go, 1) != 1)
		die("a process", strerror(errno));
	answer(&row->talker, &s, sizeof(s));
	snprintf(group, sizeof(group), "%s-udp", row->group);
	sample__print(group, row->name, round, s.udp_ns);
	snprintf(group, sizeof(group), "%s-tcp", row->group);
	sample__print(group, row->name, round, s.tcp_ns);
}

static void row__close(struct row *row)
{
	dataplane__close(row->dp);
	for (size_t i = 0; i < row->plan.n_members; i++)
		if (row->plan.members[i].n_places)
			close(row->plan.members[i].places[0].netns_fd);
	dp_plan__reset(&row->plan);
	child__end(&row->talker);
	child__end(&row->holder);
}

/* For what a row holds; each of its processes has a table of its own. */
static void raise_files(unsigned int n)
{
	struct rlimit l = {0};

	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur >= n)
		return;
	l.rlim_cur = n;
	if (l.rlim_max < n)
		l.rlim_max = n;
	if (setrlimit(RLIMIT_NOFILE, &l))
		die("cannot raise the limit of open files", strerror(errno));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 'p':
		packets = (unsigned int)atoi(arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {"packets", 'p', "N", 0, "in a slice", 0},
					      {0}};
	const struct argp argp = {options, parse, "ROW...", NULL, NULL, NULL, NULL};
	_cleanup_free_ struct row *rows = NULL;
	int first, n_rows;

	argp_parse(&argp, argc, argv, 0, &first, NULL);
	n_rows = argc - first;
	rows = zeroes((size_t)n_rows + 1, sizeof(*rows));
	by = mmap(NULL, sizeof(*by), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (by == MAP_FAILED)
		die("memory", strerror(errno));
	*by = (struct by){.clock = CLOCK_MONOTONIC, .unknown = true};
	raise_files(10000 + FILES_SPARE);
	for (int i = 0; i < n_rows; i++)
		row__open(&rows[i], argv[first + i]);
	for (unsigned int round = 1; round <= rounds; round++)
		for (int i = 0; i < n_rows; i++)
			row__measure(&rows[i], round);
	for (int i = 0; i < n_rows; i++)
		row__close(&rows[i]);
	return fflush(stdout) ? 1 : 0;
}
