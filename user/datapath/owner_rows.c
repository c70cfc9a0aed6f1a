// SPDX-License-Identifier: GPL-2.0-only
/* owner_rows.c: processes[] and cgroups[], which the kernel's side writes too, made what user space knows. */
#include "datapath/owners_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

void owner_rows__reset(struct owner_rows *rows)
{
	free(rows->keys);
	free(rows->values);
	*rows = (struct owner_rows){0};
}

/* -errno, or how many there is room for. */
static int64_t map_room(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &len);

	return r ? r : (int64_t)info.max_entries;
}

/* A walk from key to key would begin again whenever the key it stands on goes. */
int owner_rows__read(int map_fd, struct owner_rows *ret)
{
	_cleanup_(owner_rows__reset) struct owner_rows rows = {0};
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), room, batch = 0, n;
	void *from = NULL;
	int r = bpf_obj_get_info_by_fd(map_fd, &info, &len);

	*ret = rows;
	if (r)
		return r;
	/* Those that are added behind the walk, after others that are deleted before it. */
	room = info.max_entries + info.max_entries / 8 + 64;
	rows.keys = calloc(room, info.key_size);
	rows.values = calloc(room, info.value_size);
	if (!rows.keys || !rows.values)
		return -ENOMEM;
	do {
		n = room - rows.n;
		r = bpf_map_lookup_batch(
			map_fd, from, &batch, (char *)rows.keys + (size_t)rows.n * info.key_size,
			(char *)rows.values + (size_t)rows.n * info.value_size, &n, NULL);
		if (!r || r == -ENOENT)
			rows.n += n;
		from = &batch;
	} while (!r && rows.n < room);
	if (r && r != -ENOENT)
		return r;
	*ret = rows;
	rows = (struct owner_rows){0};
	return 0;
}

/* Keeps the first failure. */
static void note(int *r, int failed)
{
	if (!*r)
		*r = failed;
}

/* --- processes -------------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct owner_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool is_owner(uint32_t owner)
{
	return owner != CHAOS_OWNER_NONE && owner <= CHAOS_OWNERS_MAX;
}

static int check_processes(const struct owner_process *v, size_t n, int64_t room, struct error *err)
{
	if (room < 0)
		return err__set(err, (int)room, "cannot look at the table of processes: %s",
				strerror((int)-room));
	if (n > (uint64_t)room)
		return err__set(err, -E2BIG,
				"%zu processes are selected; no more than %lld can be told apart: "
				"select fewer, or their addresses",
				n, (long long)room);
	for (size_t i = 0; i < n; i++) {
		if (v[i].pid <= 0 || !is_owner(v[i].owner) || v[i].heirs > CHAOS_OWNERS_MAX)
			return err__set(err, -EINVAL, "process %d cannot have owner %u, heirs %u",
					v[i].pid, v[i].owner, v[i].heirs);
		if (i && v[i - 1].pid == v[i].pid)
			return err__set(err, -EINVAL, "process %d has two owners", v[i].pid);
	}
	return 0;
}

static int put_process(int fd, const struct owner_process *p, uint64_t flags)
{
	struct chaos_process row = {.owner = p->owner, .heirs = p->heirs};
	uint32_t key = (uint32_t)p->pid;

	return bpf_map_update_elem(fd, &key, &row, flags);
}

/* Not of an owner's any more. A row with owner 0 says so to its sockets; those of a process that is gone keep
 * their owner, and for that its row must not be there. */
static int leave_process(int fd, const struct owner_process *p, uint32_t had)
{
	uint32_t key = (uint32_t)p->pid;

	if (kill(p->pid, 0) < 0 && errno == ESRCH)
		return bpf_map_delete_elem(fd, &key);
	return had == CHAOS_OWNER_NONE ? 0 : put_process(fd, p, BPF_EXIST);
}

/* What is there already: delete, change, mark in @there. */
static int change_processes(int fd, const struct owner_rows *rows, const struct owner_process *v,
			    size_t n, uint64_t as_of_ns, bool *there)
{
	const struct chaos_process *row = rows->values;
	const uint32_t *key = rows->keys;
	int r = 0, failed;

	for (uint32_t i = 0; i < rows->n; i++, row++, key++) {
		const struct owner_process want = {.pid = (pid_t)*key}, *p;

		p = n ? bsearch(&want, v, n, sizeof(*v), by_pid) : NULL;
		if (p)
			there[p - v] = true;
		/* Another process of that number than user space has seen, or one it has not seen. */
		if (row->born_ns > as_of_ns || row->heirs == CHAOS_PROCESS_ENDED)
			continue;
		if (!p)
			failed = leave_process(fd, &want, row->owner);
		else if (row->owner != p->owner || row->heirs != p->heirs)
			failed = put_process(fd, p, BPF_EXIST);
		else
			continue;
		/* It has just ended. */
		if (failed != -ENOENT)
			note(&r, failed);
	}
	return r;
}

int owner_rows__forget_ended(int map_fd, uint64_t before_ns)
{
	_cleanup_(owner_rows__reset) struct owner_rows rows = {0};
	const struct chaos_process *row;
	const uint32_t *key;
	int r = owner_rows__read(map_fd, &rows);

	row = rows.values;
	key = rows.keys;
	for (uint32_t i = 0; i < rows.n; i++, row++, key++) {
		/* Also those of nobody whose end was missed. */
		bool ended = row->heirs == CHAOS_PROCESS_ENDED ||
			     (!row->owner && kill((pid_t)*key, 0) < 0 && errno == ESRCH);
		int failed = ended && row->born_ns < before_ns ? bpf_map_delete_elem(map_fd, key) : 0;

		if (failed != -ENOENT)
			note(&r, failed);
	}
	return r;
}

int owner_rows__set_processes(int map_fd, const struct owner_process *v, size_t n,
			      uint64_t as_of_ns, struct error *err)
{
	_cleanup_(owner_rows__reset) struct owner_rows rows = {0};
	_cleanup_free_ struct owner_process *sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_free_ bool *there = calloc(n + 1, sizeof(*there));
	int64_t room = map_room(map_fd);
	int r;

	if (!sorted || !there)
		return err__set(err, -ENOMEM, "out of memory");
	if (n)
		memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), by_pid);
	r = check_processes(sorted, n, room, err);
	if (r)
		return r;
	r = owner_rows__read(map_fd, &rows);
	if (r)
		return err__set(err, r, "cannot read the table of processes: %s", strerror(-r));
	r = change_processes(map_fd, &rows, sorted, n, as_of_ns, there);
	for (size_t i = 0; i < n; i++) {
		int failed = there[i] ? 0 : put_process(map_fd, &sorted[i], BPF_NOEXIST);

		/* It has just begun, so it is not what user space has seen. */
		if (failed != -EEXIST)
			note(&r, failed);
	}
	if (r == -E2BIG)
		return err__set(err, r,
				"%zu processes are selected, and others have begun since: no more "
				"than %lld can be told apart",
				n, (long long)room);
	return r ? err__set(err, r, "cannot write the table of processes: %s", strerror(-r)) : 0;
}

/* --- cgroups ---------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct owner_cgroup *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int check_cgroups(const struct owner_cgroup *v, size_t n, int64_t room, struct error *err)
{
	if (room < 0)
		return err__set(err, (int)room, "cannot look at the table of cgroups: %s",
				strerror((int)-room));
	if (n > (uint64_t)room)
		return err__set(err, -E2BIG,
				"%zu cgroups are selected; no more than %lld can be told apart", n,
				(long long)room);
	for (size_t i = 0; i < n; i++)
		if (!is_owner(v[i].owner) || (i && v[i - 1].id == v[i].id))
			return err__set(err, -EINVAL, "cgroup %llu cannot have owner %u",
					(unsigned long long)v[i].id, v[i].owner);
	return 0;
}

/* Nobody else writes there. */
int owner_rows__set_cgroups(int map_fd, const struct owner_cgroup *v, size_t n, struct error *err)
{
	_cleanup_(owner_rows__reset) struct owner_rows rows = {0};
	_cleanup_free_ struct owner_cgroup *sorted = calloc(n + 1, sizeof(*sorted));
	const uint64_t *key;
	int r;

	if (!sorted)
		return err__set(err, -ENOMEM, "out of memory");
	if (n)
		memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), by_id);
	r = check_cgroups(sorted, n, map_room(map_fd), err);
	if (r)
		return r;
	r = owner_rows__read(map_fd, &rows);
	key = rows.keys;
	for (uint32_t i = 0; i < rows.n; i++) {
		const struct owner_cgroup want = {.id = key[i]};

		if (!n || !bsearch(&want, sorted, n, sizeof(*sorted), by_id))
			note(&r, bpf_map_delete_elem(map_fd, &key[i]));
	}
	for (size_t i = 0; i < n; i++)
		note(&r, bpf_map_update_elem(map_fd, &sorted[i].id, &sorted[i].owner, BPF_ANY));
	return r ? err__set(err, r, "cannot write the table of cgroups: %s", strerror(-r)) : 0;
}
