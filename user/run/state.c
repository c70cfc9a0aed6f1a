// SPDX-License-Identifier: GPL-2.0-only
#include "run/state.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NEW ".new" /* behind the name of a file that is being written */

enum { MAX_INFO = 1024 * 1024 };

struct state {
	char id[128];
	int lock_fd, socket_fd;
};

static void path_of(char *buf, size_t size, const char *id, const char *file)
{
	snprintf(buf, size, STATE_DIR "/%s%s%s", id, file ? "/" : "", file ? file : "");
}

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int state__forget(const char *id)
{
	static const char *const files[] = {"lock", "control", "info.json", STATE_SCOPE, STATE_LIVE,
					    STATE_SCOPE NEW, STATE_LIVE NEW};
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		path_of(path, sizeof(path), id, files[i]);
		unlink(path);
	}
	path_of(path, sizeof(path), id, NULL);
	if (rmdir(path) < 0 && errno != ENOENT)
		return -errno;
	rmdir(STATE_DIR); /* the last one turns out the light */
	return 0;
}

void state__remove(struct state *s)
{
	if (!s)
		return;
	safe_close(s->socket_fd);
	state__forget(s->id);
	safe_close(s->lock_fd);
	free(s);
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* A folder of our own under STATE_DIR: @id, or @id-2 ... when that is taken. */
static int make_folder(const char *id, char *ret, size_t size)
{
	char path[256];

	if (mkdir(STATE_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	for (unsigned int i = 1; i < 1000; i++) {
		if (i == 1)
			snprintf(ret, size, "%.100s", id);
		else
			snprintf(ret, size, "%.100s-%u", id, i);
		path_of(path, sizeof(path), ret, NULL);
		if (!mkdir(path, 0700))
			return 0;
		if (errno == ENOENT) { /* another run's end removed STATE_DIR */
			mkdir(STATE_DIR, 0700);
			i--;
		} else if (errno != EEXIST) {
			return -errno;
		}
	}
	return -EEXIST;
}

int state__create(const char *id, json_t *info, struct state **ret, struct error *err)
{
	struct state *s = calloc(1, sizeof(*s));
	char path[256];
	int r;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->lock_fd = s->socket_fd = -1;
	r = make_folder(id, s->id, sizeof(s->id));
	if (r) {
		free(s);
		return err__set(err, r, "cannot make a folder in " STATE_DIR ": %s", strerror(-r));
	}
	path_of(path, sizeof(path), s->id, "lock");
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	json_object_set_new(info, "id", json_string(s->id));
	path_of(path, sizeof(path), s->id, "info.json");
	if (!r && json_dump_file(info, path, JSON_COMPACT) < 0)
		r = -EIO;
	path_of(path, sizeof(path), s->id, "control");
	if (!r) {
		s->socket_fd = listen_at(path);
		r = s->socket_fd < 0 ? s->socket_fd : 0;
	}
	if (r) {
		state__remove(s);
		return err__set(err, r, "cannot register the run in " STATE_DIR ": %s", strerror(-r));
	}
	*ret = s;
	return 0;
}

int state__publish(struct state *s, const char *name, const json_t *j)
{
	char path[256], fresh[256];

	path_of(path, sizeof(path), s->id, name);
	snprintf(fresh, sizeof(fresh), "%.250s" NEW, path);
	if (json_dump_file(j, fresh, JSON_COMPACT) < 0)
		return -EIO;
	return rename(fresh, path) < 0 ? -errno : 0;
}

json_t *state__published(const char *id, const char *name)
{
	char path[512];

	path_of(path, sizeof(path), id, name);
	return json_load_file(path, 0, NULL);
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

static bool is_alive(const char *id)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	path_of(path, sizeof(path), id, "lock");
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

/* NULL: not there, not whole, or nothing that a run has written. */
static json_t *read_info(const char *id)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	struct stat st;

	path_of(path, sizeof(path), id, "info.json");
	/* O_NONBLOCK: a fifo of that name must not hang us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_INFO)
		return NULL;
	return json_loadfd(fd, 0, NULL);
}

pid_t state__pid(const json_t *info)
{
	json_int_t pid = json_integer_value(json_object_get(info, "pid"));

	return pid > 1 && pid <= INT_MAX ? (pid_t)pid : 0;
}

int state__list(struct state_entry **ret, size_t *ret_n)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir(STATE_DIR);
	struct state_entry *v = NULL, *grown;
	struct dirent *de;
	size_t n = 0;

	if (!d && errno != ENOENT)
		return -errno;
	while (d && (de = readdir(d))) {
		if (de->d_name[0] == '.' || strlen(de->d_name) >= sizeof(v->id))
			continue;
		grown = realloc(v, (n + 1) * sizeof(*v));
		if (!grown) {
			state__free_list(v, n);
			return -ENOMEM;
		}
		v = grown;
		memset(&v[n], 0, sizeof(*v));
		snprintf(v[n].id, sizeof(v[n].id), "%s", de->d_name);
		v[n].alive = is_alive(v[n].id);
		v[n].info = read_info(v[n].id);
		n++;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

void state__free_list(struct state_entry *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(v[i].info);
	free(v);
}

json_t *state__request(const char *id, const char *request, struct error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 3};
	_cleanup_free_ char *text = NULL;
	size_t len = 0, size = 1 << 20;
	json_error_t jerr;
	json_t *answer;
	ssize_t n;

	snprintf(sa.sun_path, sizeof(sa.sun_path), STATE_DIR "/%.80s/control", id);
	text = malloc(size);
	if (fd < 0 || !text || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err__set(err, -errno, "run `%s` does not answer: %s", id, strerror(errno));
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		err__set(err, -errno, "run `%s` does not answer: %s", id, strerror(errno));
	while (len < size && (n = recv(fd, text + len, size - len, 0)) > 0)
		len += (size_t)n;
	answer = json_loadb(text, len, 0, &jerr);
	if (!answer)
		err__set(err, -EPROTO, "run `%s` gave no answer within 3 s (is it stopped?)", id);
	return answer;
}

int state__wait_end(const char *id, long long limit_ns)
{
	long long end = clock__now() + limit_ns;

	while (is_alive(id)) {
		if (clock__now() > end)
			return -ETIME;
		poll(NULL, 0, 20);
	}
	return 0;
}
