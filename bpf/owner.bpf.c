// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * owner.bpf.c: whose socket is whose. The creator is noted as a socket is made, processes come and go with
 * their rows, and a look at all open files finds sockets that were there before or have changed hands. What
 * an owner is stands in user/datapath/owners.h.
 */
#include "vmlinux.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"
#include "lib/kernel.h"
#include "lib/maps.h"
#include "lib/uapi.h"

struct map_control control SEC(".maps");
struct map_sockets sockets SEC(".maps");
struct map_processes processes SEC(".maps");
struct map_cgroups cgroups SEC(".maps");

/* --- processes ---------------------------------------------------------------------------------------------- */

/* A process that nobody knows, in a cgroup of an owner: it has come there or begun there since user space last
 * looked. */
static __always_inline void process__from_cgroup(__u32 tgid)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	__u32 *owner = bpf_map_lookup_elem(&cgroups, &cgroup);
	struct chaos_process row = {};

	if (!owner)
		return;
	row.owner = *owner;
	row.heirs = *owner;
	row.born_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&processes, &tgid, &row, BPF_NOEXIST);
}

/* Before the child runs. */
SEC("tp_btf/sched_process_fork")
int owner_fork(__u64 *ctx)
{
	const struct task_struct *parent = (const void *)ctx[0], *child = (const void *)ctx[1];
	__u32 tgid = child->tgid, from = parent->tgid;
	struct chaos_process *of_parent, row = {};

	if (child->pid != child->tgid)
		return 0;
	of_parent = bpf_map_lookup_elem(&processes, &from);
	if (!of_parent || !of_parent->heirs) {
		/* User space may have known another process by this number, which is gone. */
		bpf_map_delete_elem(&processes, &tgid);
		return 0;
	}
	row.owner = of_parent->heirs;
	row.heirs = of_parent->heirs;
	row.born_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&processes, &tgid, &row, BPF_ANY);
	return 0;
}

static __always_inline void process__end(struct chaos_process *row)
{
	__u32 key = 0;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);

	row->heirs = CHAOS_PROCESS_ENDED;
	if (ctl)
		__sync_fetch_and_add(&ctl->n_ended, 1);
}

/* Of each thread; do_exit() has counted it out of signal->live by then, and the leader may go before others. */
SEC("tp_btf/sched_process_exit")
int owner_exit(__u64 *ctx)
{
	const struct task_struct *task = (const void *)ctx[0];
	__u32 tgid = task->tgid;

	struct chaos_process *row;

	if (task->signal->live.counter)
		return 0;
	row = bpf_map_lookup_elem(&processes, &tgid);
	if (!row)
		return 0;
	if (row->owner)
		process__end(row);
	else
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

/* --- sockets ------------------------------------------------------------------------------------------------ */

SEC("cgroup/sock_create")
int owner_created(void *ctx)
{
	struct chaos_socket new = {};

	new.tgid = bpf_get_current_pid_tgid() >> 32;
	if (!bpf_map_lookup_elem(&processes, &new.tgid))
		process__from_cgroup(new.tgid);
	bpf_sk_storage_get(&sockets, ctx, &new, BPF_SK_STORAGE_GET_F_CREATE);
	return 1;
}

static __always_inline __u32 process__owner(__u32 tgid)
{
	struct chaos_process *row = bpf_map_lookup_elem(&processes, &tgid);

	return row && row->heirs != CHAOS_PROCESS_ENDED ? row->owner : CHAOS_OWNER_NONE;
}

/* The hooks read while we write: they must not take the owner of one process for that of another. */
static __always_inline void socket__give(struct chaos_socket *s, __u32 tgid, __u32 owner,
					 __u32 epoch)
{
	*(volatile __u32 *)&s->epoch = 0;
	*(volatile __u32 *)&s->tgid = tgid;
	*(volatile __u32 *)&s->owner = owner;
	*(volatile __u64 *)&s->joined = 0;
	*(volatile __u32 *)&s->epoch = epoch;
}

/*
 * @tgid, which is @owner's, holds @s. A look comes in one or two passes. In the first (control.scan is even)
 * owners' processes settle who has the socket. A socket must not be nobody's for a moment in each look just
 * because a process that is no owner's holds it too and comes first, so those take none from an owner's
 * process in it. They ask for the second pass, where they take what was left unsettled.
 *
 * True: the second pass is needed.
 */
static __always_inline bool socket__held(struct chaos_socket *s, __u32 tgid, __u32 owner,
					 __u32 scan, __u32 epoch)
{
	__u32 look = scan & ~1U, had;
	bool settled = s->scan == look;

	if (s->tgid == tgid) {
		if (!settled)
			s->scan = look;
		/* So that the last packets of one that says nothing until its process ends, with its row, are
		 * still its owner's. And a hook may have read the former holder's row while the socket changed
		 * hands. */
		if (s->epoch != epoch || s->owner != owner)
			socket__give(s, tgid, owner, epoch);
		return false;
	}
	had = process__owner(s->tgid);
	if (settled ? had || !owner : had && !owner && scan == look)
		return !settled;
	socket__give(s, tgid, owner, epoch);
	s->scan = look;
	return false;
}

/* Processes come by ascending pid. What is written is read by owners__scan(). */
SEC("iter/task_file")
int owner_scan(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct chaos_socket new = {}, *s;
	struct chaos_control *ctl;
	__u32 key = 0, scan;
	struct socket *sock;
	struct sock *sk;
	__u8 again = 1;
	__u16 family;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	if (family != FAMILY_INET && family != FAMILY_INET6)
		return 0;
	ctl = bpf_map_lookup_elem(&control, &key);
	if (!ctl)
		return 0;
	scan = ctl->scan;
	new.epoch = *(volatile __u32 *)&ctl->owners_epoch;
	new.tgid = task->tgid;
	new.owner = process__owner(new.tgid);
	new.scan = scan & ~1U;
	s = bpf_sk_storage_get(&sockets, sk, &new, BPF_SK_STORAGE_GET_F_CREATE);
	if (s && socket__held(s, new.tgid, new.owner, scan, new.epoch))
		bpf_seq_write(ctx->meta->seq, &again, sizeof(again));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
