/* SPDX-License-Identifier: GPL-2.0-only */
/* chaos_abi_user.h: the ABI header with the types it needs in user space. */
#ifndef CHAOS_ABI_USER_H
#define CHAOS_ABI_USER_H

#include <linux/types.h>

#include "../../bpf/chaos_abi.h"

#endif
