/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.h: messages for the person at the terminal (stderr) and, once a run folder exists, for
 * chaos.log in it. Verbs and the run controller log; modules return errors instead.
 */
#ifndef CHAOS_LOG_H
#define CHAOS_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Most verbose level that reaches stderr; default LOG_WARN. Everything reaches the log file. */
void log__set_level(enum log_level level);

/* Also append to the file at @fd (borrowed; -1 ends it). Writes to it never fail the caller. */
void log__set_file(int fd);

void log__write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log__write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log__write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log__write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log__write(LOG_DEBUG, __VA_ARGS__)

#endif
