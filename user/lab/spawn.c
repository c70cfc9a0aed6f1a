// SPDX-License-Identifier: GPL-2.0-only
#include "lab/init.h"
#include "lab/spawn.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static const char *const step_names[] = {
	[BIRTH_FORK] = "cannot fork",
	[BIRTH_NETNS] = "cannot enter its network namespace",
	[BIRTH_USER] = "cannot become its user",
	[BIRTH_DIR] = "cannot enter its folder",
	[BIRTH_FILES] = "cannot open its files",
	[BIRTH_EXEC] = "cannot execute",
};

/* A request to start @s, on the heap. */
static int make_request(const struct spawn *s, struct init_request **ret, size_t *ret_len)
{
	size_t len = strlen(s->dir) + 1;
	struct init_request *req;
	uint32_t n = 0;
	char *to;

	for (; s->argv[n]; n++)
		len += strlen(s->argv[n]) + 1;
	if (n > INIT_WORDS_MAX || len >= INIT_TEXT_MAX)
		return -E2BIG;
	req = calloc(1, sizeof(*req) + len);
	if (!req)
		return -ENOMEM;
	*req = (struct init_request){.verb = INIT_START, .n_words = n, .as = s->as};
	to = stpcpy(req->text, s->dir) + 1;
	for (n = 0; s->argv[n]; n++)
		to = stpcpy(to, s->argv[n]) + 1;
	*ret = req;
	*ret_len = sizeof(*req) + len;
	return 0;
}

static int send_request(int line, struct init_request *req, size_t len, const int fds[INIT_FDS])
{
	char control[CMSG_SPACE(INIT_FDS * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {.iov_base = req, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(INIT_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, INIT_FDS * sizeof(int));
	do {
		n = sendmsg(line, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The next message and the sender's pid as we see it; false at the end. */
static bool hear(int fd, struct birth *ret, pid_t *ret_pid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(8)));
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	const struct cmsghdr *c;
	struct ucred cred;
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	c = n == sizeof(*ret) ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	*ret_pid = cred.pid;
	return true;
}

/* Wait for the program to begin. 0, or what kept it from it. */
static int hear_birth(int fd, const char *program, pid_t *ret_pid, pid_t *ret_inner,
		      struct error *err)
{
	struct birth born = {0}, bad;
	pid_t pid = 0, other;

	if (!hear(fd, &born, &pid))
		return err__set(err, -ESRCH, "%s: died before it began", program);
	if (born.step == BIRTH_THERE && !hear(fd, &bad, &other)) {
		*ret_pid = pid;
		*ret_inner = born.inner;
		return 0;
	}
	if (born.step != BIRTH_THERE)
		bad = born;
	return err__set(err, -bad.code, "%s: %s: %s", program, step_names[bad.step],
			strerror(bad.code));
}

/* Ask the init to start @s; @ret_birth is where the command will speak. */
static int request_start(const struct pidns *ns, const struct spawn *s, int *ret_birth,
			 struct error *err)
{
	_cleanup_close_ int log = -1, theirs = -1, ours = -1;
	_cleanup_free_ struct init_request *req = NULL;
	int pair[2], r, on = 1;
	size_t len;

	r = make_request(s, &req, &len);
	if (r)
		return err__set(err, r, "%s: %s", s->argv[0], strerror(-r));
	/* The folder may be another user's, who must not have root write elsewhere. */
	log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | s->log_flags,
		   0644);
	if (log < 0)
		return err__set(err, -errno, "%s: %s", s->log, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err__set(err, -errno, "socketpair: %s", strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	/* Before anything is sent: the kernel notes the sender then. */
	if (setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return err__set(err, -errno, "socketpair: %s", strerror(errno));
	r = send_request(ns->line, req, len, (const int[INIT_FDS]){s->netns, log, theirs});
	if (r)
		return err__set(err, r, "%s: the lab's init is dead", s->argv[0]);
	*ret_birth = TAKE_FD(ours);
	return 0;
}

int spawn__run(const struct pidns *ns, const struct spawn *s, pid_t *ret_pid, pid_t *ret_inner,
	       struct error *err)
{
	_cleanup_close_ int birth = -1;
	int r = request_start(ns, s, &birth, err);

	return r ? r : hear_birth(birth, s->argv[0], ret_pid, ret_inner, err);
}
