/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fault_partition.h: nothing gets through. */
#ifndef FAULT_PARTITION_H
#define FAULT_PARTITION_H

#include "fault.h"

static __always_inline bool fault__partition(struct fault *f)
{
	(void)f;
	return true;
}

#endif
