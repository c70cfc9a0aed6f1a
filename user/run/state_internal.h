/* SPDX-License-Identifier: GPL-2.0-only */
/* state_internal.h: the folders of runs, opened without trust in those who own them. */
#ifndef CHAOS_STATE_INTERNAL_H
#define CHAOS_STATE_INTERNAL_H

#include "run/put.h"
#include "run/state.h"

#define STATE_LOCK "lock"
#define STATE_CONTROL "control"
#define STATE_INFO "info.json"
#define STATE_NEW PUT_NEW

/*
 * All of these return a descriptor or negative errno: -EPERM for what is not @uid's alone to write. Symbolic links,
 * and mounts below the folder, are not followed (-ELOOP, -EXDEV).
 */

/* The folder of @uid's runs. */
int state_dir__open(uid_t uid);
/* That of the caller; made if it is not there. */
int state_dir__make(void);
/* A run's folder in it. */
int state_dir__open_run(int dir, uid_t uid, const char *id);
/* A file in that, of the type @type (S_IFREG to read it, S_IFSOCK for an O_PATH descriptor). */
int state_dir__open_file(int run, uid_t uid, const char *name, mode_t type);
/* Remove the folder of @uid's runs if there are none. */
void state_dir__drop_empty(uid_t uid);

#endif
