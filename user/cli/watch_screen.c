// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch_screen.c: the terminal by plain ANSI: the other screen, no cursor, keys as they are pressed.
 * Signals are read as events, so that nothing is interrupted half-way; only those of a crash are
 * caught, to give the terminal back first.
 */
#include "cli/watch.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

/* The other screen, no cursor, no wrapping at the right edge; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static struct {
	int signals;
	sigset_t old_mask;
	bool open, full, keys;
	struct termios saved;
	unsigned char in[64];
	size_t n_in;
} screen = {.signals = -1};

/* Also from a signal handler: only calls that may be made there. */
static void leave(void)
{
	if (!screen.full)
		return;
	if (write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1) < 0) {
		/* gone: nothing to give back */
	}
	if (screen.keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.saved);
}

static int enter(void)
{
	if (!screen.full)
		return 0;
	if (screen.keys) {
		struct termios t = screen.saved;

		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
	}
	return write(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1) < 0 ? -errno : 0;
}

static void on_crash(int sig)
{
	leave();
	raise(sig); /* SA_RESETHAND: this one is the last */
}

int watch_screen__open(bool full)
{
	static const int events[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
	static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct sigaction sa = {.sa_handler = on_crash,
			       .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (full || (events[i] != SIGTSTP && events[i] != SIGWINCH))
			sigaddset(&mask, events[i]);
	sigprocmask(SIG_BLOCK, &mask, &screen.old_mask);
	screen.open = true;
	screen.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen.signals < 0)
		return -errno;
	if (!full)
		return 0;
	/* What reads no keys, or stands in the background, is not to be stopped for trying. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &sa, NULL);
	screen.keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen.saved) == 0;
	screen.full = true;
	atexit(watch_screen__close);
	return enter();
}

void watch_screen__close(void)
{
	if (!screen.open)
		return;
	leave();
	screen.full = screen.open = false;
	screen.signals = safe_close(screen.signals);
	sigprocmask(SIG_SETMASK, &screen.old_mask, NULL);
}

void watch_screen__size(size_t *ret_width, size_t *ret_height)
{
	struct winsize ws = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	/* A terminal that does not know its size has the usual one. */
	*ret_width = ws.ws_col ? ws.ws_col : 80;
	*ret_height = ws.ws_row ? ws.ws_row : 24;
}

static int write_all(const char *s, size_t n)
{
	while (n) {
		ssize_t k = write(STDOUT_FILENO, s, n);

		if (k < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (k < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, 1000);
		if (k > 0) {
			s += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

int watch_screen__show(const char *text)
{
	_cleanup_free_ char *frame = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&frame, &size);
	size_t n;

	if (!f)
		return -errno;
	/* Line over line, in one go: nothing flickers. Cleared before and not behind its text: at the
	 * right edge the cursor stands on the last character. */
	fputs("\033[H", f);
	for (; *text; text += n) {
		n = strcspn(text, "\n");
		fprintf(f, "\033[2K%.*s", (int)n, text);
		if (text[n]) {
			fputs("\r\n", f);
			n++;
		}
	}
	fputs("\033[J", f);
	if (fclose(f))
		return -ENOMEM;
	return write_all(frame, size);
}

/* ---- what happens ---- */

static void suspend(void)
{
	leave();
	kill(getpid(), SIGSTOP);
	enter();
}

/* WATCH_TIME: there were none. */
static enum watch_event take_signals(void)
{
	enum watch_event event = WATCH_TIME;
	struct signalfd_siginfo si;

	while (read(screen.signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGTSTP)
			suspend();
		else if (si.ssi_signo != SIGWINCH)
			return WATCH_QUIT;
		event = WATCH_SIZE;
	}
	return event;
}

/* The key at the beginning of what was typed, and its bytes; 0: more belong to it, or none. */
static int decode_key(const unsigned char *s, size_t n, size_t *ret_len)
{
	static const struct {
		const char *bytes;
		int key;
	} keys[] = {
		{"\033[A", KEY_UP},	    {"\033[B", KEY_DOWN},  {"\033[5~", KEY_PAGE_UP},
		{"\033[6~", KEY_PAGE_DOWN}, {"\033[H", KEY_HOME},  {"\033[F", KEY_END},
		{"\033OA", KEY_UP},	    {"\033OB", KEY_DOWN},  {"\033OH", KEY_HOME},
		{"\033OF", KEY_END},	    {"\033[1~", KEY_HOME}, {"\033[4~", KEY_END},
	};
	size_t i = 2;

	*ret_len = 1;
	if (s[0] != 033 || n < 3 || (s[1] != '[' && s[1] != 'O'))
		return s[0];
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		size_t len = strlen(keys[k].bytes);

		if (n >= len && !memcmp(s, keys[k].bytes, len)) {
			*ret_len = len;
			return keys[k].key;
		}
	}
	/* Another one, which means nothing here: up to its final byte. */
	while (i < n && s[i] < 0x40)
		i++;
	*ret_len = i < n ? i + 1 : n;
	return 033;
}

static int next_key(void)
{
	size_t len;
	int key;

	if (!screen.n_in)
		return 0;
	key = decode_key(screen.in, screen.n_in, &len);
	screen.n_in -= len;
	memmove(screen.in, screen.in + len, screen.n_in);
	return key;
}

static void read_keys(void)
{
	ssize_t n = read(STDIN_FILENO, screen.in + screen.n_in, sizeof(screen.in) - screen.n_in);

	if (n > 0)
		screen.n_in += (size_t)n;
	else if (n == 0 || errno != EINTR)
		screen.keys = false; /* hung up: there will be no more */
}

enum watch_event watch_screen__wait(int64_t until_ns, int *ret_key)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = screen.signals, .events = POLLIN},
			{.fd = screen.keys ? STDIN_FILENO : -1, .events = POLLIN},
		};
		int64_t left = until_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		enum watch_event event;

		*ret_key = next_key();
		if (*ret_key)
			return WATCH_KEY;
		if (ppoll(fds, ARRAY_SIZE(fds), &ts, NULL) < 0 && errno != EINTR)
			return WATCH_QUIT;
		event = fds[0].revents ? take_signals() : WATCH_TIME;
		if (event != WATCH_TIME)
			return event;
		if (fds[1].revents)
			read_keys();
		if (!screen.n_in && clock__now() >= until_ns)
			return WATCH_TIME;
	}
}
