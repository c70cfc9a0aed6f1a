/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf_log.h: what libbpf says (why a program was refused, what the kernel lacks) is kept, not
 * printed, and becomes part of the error when the call fails.
 */
#ifndef CHAOS_BPF_LOG_H
#define CHAOS_BPF_LOG_H

/* From now on, forgetting what was kept. Every public function that calls libbpf begins with it. */
void bpf_log__begin(void);

/* The last lines, at most a few hundred bytes; "" if nothing was said. */
const char *bpf_log__tail(void);

#endif
