// SPDX-License-Identifier: GPL-2.0-only
/* state_list.c: runs as other processes see them. Root looks at other users' too, and believes nothing of it. */
#include "run/state_internal.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum {
	OTHERS_MAX = 16,      /* runs of one other user: nobody may keep root busy */
	INFO_MAX = 64 * 1024, /* bytes */
	ANSWER_MAX = 1 << 20,
	PUBLISHED_MAX = 32 << 20, /* the scope of a run with 100,000 members */
	ANSWER_NS = 3 * NS_PER_S,
	END_POLL_MS = 20,
};

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* As names are made here; those of others may hold anything, for a terminal too. */
static bool is_id(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n && !s[n] && s[0] != '.' && n < sizeof(((struct state_entry *)NULL)->id);
}

static int open_run(const struct state_entry *e)
{
	_cleanup_close_ int dir = state_dir__open(e->uid);

	return dir < 0 ? dir : state_dir__open_run(dir, e->uid, e->id);
}

static bool is_alive(const struct state_entry *e, int run)
{
	_cleanup_close_ int fd = state_dir__open_file(run, e->uid, STATE_LOCK, S_IFREG);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

/* At most @max bytes of a file that its owner may be writing; read() may give less than there is. */
static json_t *read_json(const struct state_entry *e, int run, const char *name, size_t max)
{
	_cleanup_close_ int fd = state_dir__open_file(run, e->uid, name, S_IFREG);
	_cleanup_free_ char *text = fd < 0 ? NULL : malloc(max);
	size_t len = 0;
	ssize_t n = 1;

	while (text && len < max && n > 0) {
		n = read(fd, text + len, max - len);
		len += n > 0 ? (size_t)n : 0;
	}
	return len ? json_loadb(text, len, 0, NULL) : NULL;
}

json_t *state__published(const struct state_entry *e, const char *name)
{
	_cleanup_close_ int run = open_run(e);

	return run < 0 ? NULL : read_json(e, run, name, PUBLISHED_MAX);
}

pid_t state__pid(const json_t *info)
{
	json_int_t pid = json_integer_value(json_object_get(info, "pid"));

	return pid > 1 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

struct list {
	struct state_entry *v;
	size_t n;
};

static int add(struct list *l, int dir, uid_t uid, const char *id)
{
	struct state_entry *e, *grown;
	_cleanup_close_ int run = state_dir__open_run(dir, uid, id);

	if (run < 0)
		return 0;
	grown = realloc(l->v, (l->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->v = grown;
	e = &l->v[l->n++];
	*e = (struct state_entry){.uid = uid};
	snprintf(e->id, sizeof(e->id), "%.127s", id); /* is_id() has measured it */
	e->alive = is_alive(e, run);
	e->info = read_json(e, run, STATE_INFO, INFO_MAX);
	return 0;
}

static int add_user(struct list *l, uid_t uid)
{
	size_t max = uid == geteuid() ? SIZE_MAX : OTHERS_MAX, first = l->n;
	_cleanup_(cleanup_closedir) DIR *d = NULL;
	int fd = state_dir__open(uid), r = 0;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		safe_close(fd);
		return -ENOMEM;
	}
	for (struct dirent *e; !r && l->n - first < max && (e = readdir(d));)
		if (is_id(e->d_name))
			r = add(l, dirfd(d), uid, e->d_name);
	return r;
}

/* What is not theirs, or nothing of ours, is passed over. */
static int add_others(struct list *l)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir(STATE_ABOVE_USERS);

	for (struct dirent *e; d && (e = readdir(d));) {
		unsigned long uid;
		char name[32];

		if (sscanf(e->d_name, STATE_NAME "-%10lu", &uid) != 1 || uid >= UINT32_MAX ||
		    uid == geteuid())
			continue;
		snprintf(name, sizeof(name), STATE_NAME "-%lu", uid);
		if (!strcmp(name, e->d_name) && add_user(l, (uid_t)uid) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct state_entry *x = a, *y = b;
	json_int_t at = json_integer_value(json_object_get(x->info, "started_realtime_ns"));
	json_int_t other = json_integer_value(json_object_get(y->info, "started_realtime_ns"));

	return at != other ? (at > other) - (at < other) : strcmp(x->id, y->id);
}

int state__list(struct state_entry **ret, size_t *ret_n)
{
	struct list l = {0};
	int r = add_user(&l, geteuid());

	if (!r && geteuid() == 0)
		r = add_others(&l);
	if (r) {
		state__free_list(l.v, l.n);
		return r;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), by_start);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

void state__free_list(struct state_entry *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(v[i].info);
	free(v);
}

/* --- to and from the run ------------------------------------------------------------------------ */

static void set_timeout(int fd, int64_t left_ns)
{
	struct timeval tv = {.tv_sec = left_ns / NS_PER_S,
			     .tv_usec = left_ns % NS_PER_S / 1000 + 1};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int connect_to(const struct state_entry *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int run = open_run(e), at = -1, fd = -1;

	if (run < 0)
		return run;
	at = state_dir__open_file(run, e->uid, STATE_CONTROL, S_IFSOCK);
	if (at < 0)
		return at;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d", at);
	set_timeout(fd, ANSWER_NS);
	return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : TAKE_FD(fd);
}

/* All that comes until the other end closes or @end; its length. */
static size_t receive(int fd, char *text, int64_t end)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < ANSWER_MAX && n > 0) {
		int64_t left = end - clock__now();

		if (left <= 0)
			break;
		set_timeout(fd, left);
		n = recv(fd, text + len, ANSWER_MAX - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	return len;
}

json_t *state__request(const struct state_entry *e, const char *request, struct error *err)
{
	int64_t end = clock__now() + ANSWER_NS;
	_cleanup_free_ char *text = malloc(ANSWER_MAX);
	_cleanup_close_ int fd = text ? connect_to(e) : -ENOMEM;
	json_t *answer = NULL;

	if (fd >= 0 && send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		int r = -errno;

		safe_close(fd);
		fd = r;
	}
	if (fd < 0) {
		err__set(err, fd, "run `%s` does not answer: %s", e->id, strerror(-fd));
		return NULL;
	}
	answer = json_loadb(text, receive(fd, text, end), 0, NULL);
	if (!answer)
		err__set(err, -EPROTO, "run `%s` gave no answer within 3 s (is it stopped?)",
			 e->id);
	return answer;
}

int state__wait_end(const struct state_entry *e, int64_t limit_ns)
{
	int64_t end = clock__now() + limit_ns;

	for (;;) {
		_cleanup_close_ int run = open_run(e);

		if (run < 0 || !is_alive(e, run))
			return 0;
		if (clock__now() > end)
			return -ETIME;
		poll(NULL, 0, END_POLL_MS);
	}
}

/* The user who may signal @pid as well as root may: its real user. */
static bool is_users(pid_t pid, uid_t uid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	unsigned int real;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Uid: %u", &real) == 1)
			return real == uid;
	return false;
}

int state__kill(const struct state_entry *e)
{
	pid_t pid = state__pid(e->info);
	_cleanup_close_ int fd = -1;

	if (!pid)
		return -ESRCH;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return -errno;
	/* Asked when the descriptor holds the process; should it have ended, the signal meets nobody. */
	if (!is_users(pid, e->uid))
		return -EPERM;
	return pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int state__forget(const struct state_entry *e)
{
	static const char *const files[] = {
		STATE_LOCK, STATE_CONTROL,	   STATE_INFO,		STATE_SCOPE,
		STATE_LIVE, STATE_SCOPE STATE_NEW, STATE_LIVE STATE_NEW};
	_cleanup_close_ int dir = state_dir__open(e->uid);
	_cleanup_close_ int run = dir < 0 ? -1 : state_dir__open_run(dir, e->uid, e->id);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	for (size_t i = 0; i < ARRAY_SIZE(files) && run >= 0; i++)
		unlinkat(run, files[i], 0);
	if (unlinkat(dir, e->id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	state_dir__drop_empty(e->uid); /* the last one turns out the light */
	return 0;
}
