// SPDX-License-Identifier: GPL-2.0-only
/*
 * owners [-r ROUNDS]: what it costs a machine to know whose socket is whose: to make a socket and a process, and a
 * look at all sockets. CPU time of this thread, in which the programs run too.
 */
#include "datapath/owners.h"
#include "lib/cleanup.h"

#include "owner.skel.h"
#include "sample.h"

#include <argp.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { SOCKETS = 10000, MADE = 20000, FORKED = 200, LOOKS = 10 };

static unsigned int rounds = 15;

struct rig {
	struct owner_bpf *skel;
	struct owner_maps maps;
	struct owners *o;
};

static void die(const char *what)
{
	fprintf(stderr, "owners: %s\n", what);
	exit(1);
}

static void rig__load(struct rig *rig)
{
	rig->skel = owner_bpf__open_and_load();
	if (!rig->skel) {
		/* A kernel that cannot look at files. */
		rig->skel = owner_bpf__open();
		if (!rig->skel)
			die("cannot open the programs");
		bpf_program__set_autoload(rig->skel->progs.owner_scan, false);
		if (owner_bpf__load(rig->skel))
			die("cannot load the programs");
	}
	rig->maps = (struct owner_maps){
		.sockets = bpf_map__fd(rig->skel->maps.sockets),
		.processes = bpf_map__fd(rig->skel->maps.processes),
		.cgroups = bpf_map__fd(rig->skel->maps.cgroups),
		.control = bpf_map__fd(rig->skel->maps.control),
	};
	rig->maps.shared = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
				MAP_SHARED, rig->maps.control, 0);
	if (rig->maps.shared == MAP_FAILED)
		die("cannot map the controls into memory");
}

static bool rig__can_scan(const struct rig *rig)
{
	return bpf_program__fd(rig->skel->progs.owner_scan) >= 0;
}

static int copy(const struct bpf_program *p)
{
	int fd = bpf_program__fd(p);

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void rig__attach(struct rig *rig, bool by_kernel)
{
	const struct owner_progs progs = {.created = copy(rig->skel->progs.owner_created),
					  .fork = copy(rig->skel->progs.owner_fork),
					  .exit = copy(rig->skel->progs.owner_exit),
					  .scan = by_kernel ? copy(rig->skel->progs.owner_scan)
							    : -1};
	const struct owner_process self = {.pid = getpid(), .owner = 1, .heirs = 1};
	struct error err = {0};

	if (owners__open(&rig->maps, &progs, &rig->o, &err) ||
	    owners__set(rig->o, &self, 1, NULL, 0, UINT64_MAX, &err))
		die(err.msg);
}

static void rig__detach(struct rig *rig)
{
	owners__close(rig->o);
	rig->o = NULL;
}

/* --- what is measured ----------------------------------------------------------------------------------------- */

static double make_sockets(void)
{
	int64_t start = sample__cpu_ns();

	for (int i = 0; i < MADE; i++)
		close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	return (double)(sample__cpu_ns() - start) / MADE;
}

/* Of the parent: fork() and wait(). */
static double make_processes(void)
{
	int64_t start = sample__cpu_ns();

	for (int i = 0; i < FORKED; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			die("cannot make a process");
	}
	return (double)(sample__cpu_ns() - start) / FORKED / 1e3;
}

static double look(const struct rig *rig)
{
	int64_t start = sample__cpu_ns();
	struct error err = {0};

	for (int i = 0; i < LOOKS; i++)
		if (owners__scan(rig->o, &err))
			die(err.msg);
	return (double)(sample__cpu_ns() - start) / LOOKS / 1e6;
}

static void hold(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if ((fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
			die("cannot hold so many sockets: raise the limit of open files");
}

static void let_go(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void measure(struct rig *rig, unsigned int round)
{
	static int fds[SOCKETS];

	sample__print("owner-make", "bare", round, make_sockets());
	sample__print("owner-fork", "bare", round, make_processes());
	rig__attach(rig, true);
	sample__print("owner-make", "chaos: its owner is noted", round, make_sockets());
	sample__print("owner-fork", "chaos: it inherits its owner", round, make_processes());
	if (rig__can_scan(rig)) {
		sample__print("owner-scan", "by BPF, no more sockets", round, look(rig));
		hold(fds, SOCKETS);
		sample__print("owner-scan", "by BPF, 10000 sockets more", round, look(rig));
		let_go(fds, SOCKETS);
	}
	rig__detach(rig);
	hold(fds, SOCKETS);
	rig__attach(rig, false);
	sample__print("owner-scan", "by pidfd_getfd(), 10000 sockets", round, look(rig));
	rig__detach(rig);
	let_go(fds, SOCKETS);
	fflush(stdout);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	if (key != 'r')
		return ARGP_ERR_UNKNOWN;
	rounds = (unsigned int)atoi(arg);
	return 0;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {0}};
	const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct rlimit l = {0};
	struct rig rig = {0};

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur < SOCKETS + 64 && l.rlim_max >= SOCKETS + 64)
		l.rlim_cur = SOCKETS + 64;
	setrlimit(RLIMIT_NOFILE, &l);
	rig__load(&rig);
	for (unsigned int round = 1; round <= rounds; round++)
		measure(&rig, round);
	munmap(rig.maps.shared, (size_t)sysconf(_SC_PAGESIZE));
	owner_bpf__destroy(rig.skel);
	return 0;
}
