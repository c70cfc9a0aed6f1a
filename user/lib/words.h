/* SPDX-License-Identifier: GPL-2.0-only */
/* words.h: a command line into words, as a shell splits them, without a shell's expansions. */
#ifndef CHAOS_WORDS_H
#define CHAOS_WORDS_H

/*
 * Split @line at blanks. 'single' quotes keep everything; in "double" quotes a backslash keeps its
 * meaning before \ " $ and `; outside of quotes a backslash takes the next character as it is. $ and * mean
 * themselves. @ret is a NULL-terminated vector in one allocation: free(*ret). Returns the number
 * of words, which may be 0, or -EINVAL for an open quote or a backslash at the end, -ENOMEM.
 */
int words__split(const char *line, char ***ret);

#endif
