/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fault_partition.h: nothing gets through. The one fault that is decided at the hook itself. */
#ifndef FAULT_PARTITION_H
#define FAULT_PARTITION_H

#include "fault.h"

static __always_inline bool fault__partition(void)
{
	return true;
}

#endif
