/* SPDX-License-Identifier: GPL-2.0-only */
/* put.h: files that others read at any time. */
#ifndef CHAOS_PUT_H
#define CHAOS_PUT_H

#include <jansson.h>
#include <sys/types.h>

#define PUT_NEW ".new" /* behind the name of a file that is being written */

/* Make @j the file @name of @dir_fd at once: a reader has the old one or the new. Negative errno. */
int put__json(int dir_fd, const char *name, mode_t mode, const json_t *j);

#endif
