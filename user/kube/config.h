/* SPDX-License-Identifier: GPL-2.0-only */
/* config.h: what kube_config__load() is made of. */
#ifndef CHAOS_KUBE_CONFIG_H
#define CHAOS_KUBE_CONFIG_H

#include "kube/kube.h"

/*
 * The text of a kubeconfig, as kube_config__load() reads it; @path names it in words and is where relative
 * paths begin. Pure.
 */
int kube_config__parse(const char *path, const char *text, size_t len, const char *context,
		       struct kube_config *ret, struct error *err);

int kube_config__copy(const struct kube_config *c, struct kube_config *ret);
void kube_exec__free(struct kube_exec *x);

/* Forget a secret, then free it. NULL is fine. */
void secret__free(char *s);

/* A whole file, or what comes out of a pipe, of at most @max bytes, terminated; -EFBIG, -ENOENT and the like. */
int file__read(const char *path, size_t max, char **ret, size_t *ret_len);

#endif
