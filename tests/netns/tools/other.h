/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* other.h: what other.c asks of other.bpf.c, in its read-only data. */
#ifndef OTHER_H
#define OTHER_H

struct other_options {
	__u32 only;    /* count only UDP over IPv4 to this port; 0: all that comes */
	__u32 drop;    /* XDP drops these */
	__s32 verdict; /* of the tc programs */
};

#endif
