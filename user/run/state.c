// SPDX-License-Identifier: GPL-2.0-only
/* state.c: a run's own entry among them. */
#include "run/state_internal.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { SAME_NAME_MAX = 1000 };

struct state {
	char id[128];
	int dir_fd, run_fd, lock_fd, socket_fd;
};

void state__remove(struct state *s)
{
	struct state_entry e = {.uid = geteuid()};

	if (!s)
		return;
	safe_close(s->socket_fd);
	if (s->run_fd >= 0) {
		memcpy(e.id, s->id, sizeof(e.id));
		state__forget(&e);
	}
	safe_close(s->lock_fd);
	safe_close(s->run_fd);
	safe_close(s->dir_fd);
	free(s);
}

/* By way of the descriptor: its own path may be too long for a socket's. */
static int listen_in(int run_fd)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" STATE_CONTROL, run_fd);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* A folder of our own: @id, or @id-2 ... when that is taken. */
static int make_folder(struct state *s, const char *id)
{
	for (unsigned int i = 1; i < SAME_NAME_MAX; i++) {
		if (i == 1)
			snprintf(s->id, sizeof(s->id), "%.100s", id);
		else
			snprintf(s->id, sizeof(s->id), "%.100s-%u", id, i);
		safe_close(s->dir_fd);
		s->dir_fd = state_dir__make();
		if (s->dir_fd < 0)
			return s->dir_fd;
		if (!mkdirat(s->dir_fd, s->id, 0700)) {
			s->run_fd = state_dir__open_run(s->dir_fd, geteuid(), s->id);
			return s->run_fd < 0 ? s->run_fd : 0;
		}
		if (errno == ENOENT) /* another run's end removed the folder above */
			i--;
		else if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int take_lock(struct state *s)
{
	s->lock_fd = openat(s->run_fd, STATE_LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int write_info(const struct state *s, const json_t *info)
{
	_cleanup_close_ int fd =
		openat(s->run_fd, STATE_INFO, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	return json_dumpfd(info, fd, JSON_COMPACT) < 0 ? -EIO : 0;
}

static int fill(struct state *s, json_t *info)
{
	int r = take_lock(s);

	json_object_set_new(info, "id", json_string(s->id));
	if (!r)
		r = write_info(s, info);
	if (r)
		return r;
	s->socket_fd = listen_in(s->run_fd);
	return s->socket_fd < 0 ? s->socket_fd : 0;
}

int state__create(const char *id, json_t *info, struct state **ret, struct error *err)
{
	struct state *s = malloc(sizeof(*s));
	char dir[64];
	int r;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	*s = (struct state){.dir_fd = -1, .run_fd = -1, .lock_fd = -1, .socket_fd = -1};
	state__dir(geteuid(), dir, sizeof(dir));
	r = make_folder(s, id);
	if (!r)
		r = fill(s, info);
	if (r) {
		state__remove(s);
		if (r == -EPERM || r == -ELOOP || r == -EXDEV || r == -ENOTDIR)
			return err__set(
				err, r,
				"cannot register the run: %s is not a folder that this user "
				"alone may write to; remove it",
				dir);
		return err__set(err, r, "cannot register the run in %s: %s", dir, strerror(-r));
	}
	*ret = s;
	return 0;
}

int state__publish(struct state *s, const char *name, const json_t *j)
{
	return put__json(s->run_fd, name, 0600, j);
}

const char *state__id(const struct state *s)
{
	return s->id;
}

int state__fd(const struct state *s)
{
	return s->socket_fd;
}

void state__serve(struct state *s, const json_t *status, bool *ret_stop)
{
	_cleanup_close_ int fd = accept4(s->socket_fd, NULL, NULL, SOCK_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct timeval limit = {.tv_usec = 100000};
	char request[32] = "";
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	n = recv(fd, request, sizeof(request) - 1, 0);
	if (n <= 0)
		return;
	if (!strncmp(request, "stop", 4))
		*ret_stop = true;
	text = json_dumps(status, JSON_COMPACT);
	if (text)
		send(fd, text, strlen(text), MSG_NOSIGNAL);
}
