/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup_root.h: the root of the v2 cgroup hierarchy, which all processes are below. */
#ifndef CHAOS_CGROUP_ROOT_H
#define CHAOS_CGROUP_ROOT_H

#include "lib/error.h"

/*
 * An fd (CLOEXEC) of its folder, for bpf_link_create(), wherever it is mounted; if nowhere, or only from some cgroup
 * down, it is mounted for nobody else to see and goes with the fd. Negative errno with @err.
 */
int cgroup_root__open(struct error *err);

#endif
