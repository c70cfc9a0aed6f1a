// SPDX-License-Identifier: GPL-2.0-only
#include "lib/log.h"

#include "lib/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level max_level = LOG_WARN;
static int file_fd = -1;

void log__set_level(enum log_level level)
{
	max_level = level;
}

void log__set_file(int fd)
{
	pthread_mutex_lock(&lock);
	file_fd = fd;
	pthread_mutex_unlock(&lock);
}

void log__write(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char text[2048], line[2176];
	int saved = errno, n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	pthread_mutex_lock(&lock);
	if (level <= max_level)
		fprintf(stderr, "chaos: %s%s%s\n", level == LOG_INFO ? "" : names[level],
			level == LOG_INFO ? "" : ": ", text);
	if (file_fd >= 0) {
		n = snprintf(line, sizeof(line), "%.6f %s: %s\n",
			     (double)clock__realtime() / NS_PER_S, names[level], text);
		if (write(file_fd, line, (size_t)n) < 0)
			file_fd = -1; /* a full disk must not stop the run's clean-up */
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}
