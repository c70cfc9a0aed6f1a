/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec.h: credentials from a command, as cloud providers' kubeconfigs have them (client.authentication.k8s.io,
 * ExecCredential). The command has a time limit, and our stderr to say what is wrong; its stdin is empty.
 */
#ifndef CHAOS_KUBE_EXEC_H
#define CHAOS_KUBE_EXEC_H

#include "kube/kube.h"
#include "lib/clock.h"

#define KUBE_EXEC_LIMIT_NS (60 * NS_PER_S)

/*
 * Run it, for at most @limit_ns, and put token, certificate and key into @c. @ret_expires_ns: CLOCK_REALTIME, INT64_MAX if it does not say.
 * Waits. -EINVAL with words; -ENOMEM.
 */
int kube_exec__run(struct kube_config *c, int64_t limit_ns, int64_t *ret_expires_ns,
		   struct error *err);

/* What the command wrote. Pure. */
int kube_exec__parse(const char *text, size_t len, struct kube_config *c, int64_t *ret_expires_ns,
		     struct error *err);

#endif
