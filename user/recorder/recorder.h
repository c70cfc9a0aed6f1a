/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recorder.h: events.jsonl, the record that everything else is rendered from. Append-only, one write(2)
 * of one complete line per event, so that whatever was recorded before a crash is readable after it.
 * Thread-safe.
 *
 * Every event is an object that begins {"t_ns": run time, "type": ...}. Times are CLOCK_MONOTONIC nanoseconds since
 * run time 0 (they may be negative while the lab starts); a value that was not measured is null or absent.
 *
 * type "run", always first:
 *   version 1, name, description, run_id, seed, kernel, tool, duration_ns, start_realtime_ns,
 *   start_monotonic_ns (below 0: this machine came up after it), traffic_bin_ns, mechanism, nodes [name],
 *   faults [{name, parts ["partition"|"loss"], windows [[start_ns,end_ns]], edges [[from,to]] ("other" = anyone else),
 *            sides [[node]] (empty if no partition), mechanism}],
 *   resources [{resource, system, nodes, every_ns}],
 *   workloads [{name, system, check, nodes, clients, mode "open" | "closed", rate_per_s (open), arrival "even" | "poisson"
 *              (open), think_ns (closed: mean), reads, timeout_ns (of an attempt), retry {policy "none" | "immediate" | "fixed" |
 *              "exponential" | "full-jitter", delay_ns, base_ns, cap_ns, attempts (bound), budget (fraction; 0 = none)},
 *              connections "keep" | "new", target (endpoint or null: each its own)}],
 *   expect [text], exempt [text],
 *   places [{place, endpoint, here}]: the pods, containers ... that an endpoint is many of (name ENDPOINT/POD), or the
 *              endpoint itself where it is one place; here: this machine has it. What has a node below names a
 *              place or an endpoint. Absent in records of earlier versions: every endpoint is one place.
 *   Of one node of a cluster: node (its name), clock_offset_ns and clock_epsilon_ns (its CLOCK_REALTIME minus the reference
 *              is offset +- epsilon; absent or null: not known). Of all of them, merged (report/merge.h): cluster {nodes [{node,
 *              kernel, mechanism, run_id, clock_offset_ns, clock_epsilon_ns, segments [{from_ns, to_ns, status (null: it
 *              has no end)}]}], missing [{node, why}] (they took part, and their records did not come)}; then every other event has host (the node that recorded it), but what all tell alike
 *              (faults, phases, the end) and notes, whose texts begin with it.
 * "phase": phase "lab" | "baseline" | "fault" | "recovery" | "final" | "end"
 * "node": node, event "started" | "ready" | "exited" | "gone", command, status
 * "fault": fault (name), occurrence, event "armed" | "first_hit" | "cleared";
 *   cleared has hits {dropped, delayed, reordered, duplicated, corrupted, shaped, reset, rejected} (null = that fault part is not
 *   used) of the whole run so far and edges [{from, to, matched, matched_bytes, dropped, first_hit_ns, last_hit_ns}]
 *   (run time); t_ns of first_hit is the kernel's clock of the packet
 * "role": resource, node, send_ns, recv_ns (= t_ns), role "leader" | "follower" | "candidate" | "none" | "error",
 *   claim (bool: this node says that it leads), epoch (int or null), leader (string or null: whom it names:
 *   an address and port, a name, etcd's member id in hex), error (string, only for role "error"),
 *   detail (string, may be absent: Redis' replication id, the cluster's state and epoch, a lease's renewal ...)
 * "role_change": resource, node, from, to, epoch: as "role", written after the sample that shows it
 * "op", one attempt of an operation: workload, client, node, op "add" | "read" | "request" ..., value, intended_ns (of its
 *   first attempt), invoke_ns (null: never sent), return_ns (= t_ns), outcome "ok" | "fail" (it certainly did not happen; of a
 *   request: or it was answered with no) | "unknown" (it may have), error, intent (int: the operation, unique in the workload),
 *   attempt (int, 0 = first, then absent);
 *   a read has found (bool): whether the element `value` is there;
 *   use (of what a lock protects) has the token as value and, if ok, place (int from 1): which of all uses the server
 *   counted it as;
 *   a request may have key (int), status (int: of HTTP), conn (bool: a connection was made for it, or tried)
 * "load": workload, intents, attempts (that were sent), late (never sent), over_budget and exhausted (operations that the retry
 *   budget or the bound on attempts ended), and {n, p50, p90, p99, p999, max} of lateness_ns (how late we were to send attempts,
 *   counted from when they were due and their client was free), intended_ns and service_ns (of attempts that succeeded; from
 *   the operation's due time, from the sending); lateness_counts [bucket, count, ...] (lib/hist.h); after the clients are stopped
 * "final": workload, node, ok, values [[first,last], ...] (inclusive runs of integers), error; after the last fault is cleared and clients
 *   are stopped; attempt (int): the last attempt of each node counts
 * "traffic": node, bin_ns, rx_packets rx_bytes tx_packets tx_bytes rx_syn tx_syn rx_rst tx_rst dropped: of the
 *   bin that ended at t_ns
 * "bins": client, server (endpoint names or "other"), proto "tcp" | "udp" | number, port (0: none, or what found no
 *   row of its own), start_ns, bin_ns, n, and arrays of n integers, each absent when all of it is 0; bin i covers
 *   [start_ns + i * bin_ns, start_ns + (i + 1) * bin_ns) of run time:
 *   packets bytes (client to server) back_packets back_bytes: IP packets as on a wire, before our faults, counted where they
 *     are sent, or if that is not here where they arrive; link headers included
 *   syn (tuple and ISN not seen before) syn_again synack rst (of the client) back_rst fin back_fin
 *   retransmits back_retransmits (segments that TCP here sent again, SYN and SYN-ACK included)
 *   opened closed (at the server, or at the client if the server is not here) dropped (by our faults, both ways)
 *   connect_us with connect_n (first SYN to first SYN-ACK) first_byte_us with first_byte_n (first SYN to the server's first
 *     payload) rtt_us with rtt_n (smoothed RTT, of some packets): sums and counts, in the bin of their end, as near to the
 *     client as there is a hook
 * "listen": node, port, queue (connections waiting to be accepted), backlog, overflows, drops (TcpExtListenOverflows and
 *   ListenDrops of the namespace since the start of the run): sampled at 10 Hz, written when something of it has changed
 * "drops": node (null: not known), from_ns, reasons {NAME: packets}: what the kernel itself dropped since from_ns (skb:kfree_skb),
 *   NAME of enum skb_drop_reason in its BTF, without SKB_DROP_REASON_
 * "resets": node (that sent them; null: not known), from_ns, reasons {NAME: RSTs}: that the kernel's TCP sent since from_ns
 *   (tcp:tcp_send_reset, Linux 6.10), NAME of enum sk_rst_reason, without SK_RST_REASON_; those of our faults are not in it
 * "member": endpoint, event "joined" | "left", what (comm, namespace or address), pid (absent: no process): what an
 *   endpoint's selectors match, as it comes and goes; at most 64 at a time
 * "place": place, endpoint, event "joined" | "left", here, ip (absent: not known): a place came, with its name for the first
 *   time or in a new namespace, or went; probes and clients there follow. One that is named in no run event is
 *   told of before anything else is said of it
 * "vrrp_sender": resource, node (that saw it on its wire), event "appeared" | "stopped", vrid, family 4 | 6, mac,
 *   source (address), priority, interval_ns, from_ns, to_ns (= t_ns: its first and last advertisement), adverts
 * "garp": resource, node (that saw it), address, mac (that announces it: gratuitous ARP or unsolicited neighbour
 *   advertisement), was (mac before that, null: none yet), skipped (moves before this one, above 20 a second; may be absent)
 * "probe_gap": resource, node, from_ns, to_ns: no sample for longer than 5 intervals + 50 ms
 * "note": level "info" | "warning" | "error", text
 * "guard": expr, text: a guard fired and the run was aborted
 * "end", always last: status "complete" | "interrupted" | "failed" | "aborted", reason, restored (bool),
 *   recorder {events, lost_events, probe_gaps, late_bins (of the traffic's, taken so late that counts may be in another
 *   one), unnamed_flows (connections and packets that are summed under port 0 for want of room)}
 */
#ifndef CHAOS_RECORDER_H
#define CHAOS_RECORDER_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct recorder;

/* Create DIR/events.jsonl (must not exist). @t0_ns: CLOCK_MONOTONIC instant of run time 0. */
int recorder__open(const char *dir, int64_t t0_ns, struct recorder **ret, struct error *err);

/*
 * Run time 0 is known only when the lab is ready: until then it is the instant given to
 * recorder__open(), and what was written by then keeps the times that this gave it. An event is
 * converted by the t0 of the moment when it is written. So: open with an instant that is not
 * before the real one (a planned start), call this once, with the real one, when the lab is ready,
 * and start probes and workloads after it: their events hold several times (send_ns, intended_ns
 * ...) that belong together.
 */
void recorder__set_t0(struct recorder *r, int64_t t0_ns);
int64_t recorder__t0(const struct recorder *r);

/*
 * Write one event of @type at CLOCK_MONOTONIC @mono_ns with the members of @fields (reference
 * stolen, may be NULL). Returns 0, or a negative errno once the disk has failed: then the partial
 * line is cut off, the event counts as lost, and recorder__failed() tells why; the next event
 * tries again, so that a disk which has room again goes on with whole lines. Never blocks on
 * anything but the file. A caller that may meet RLIMIT_FSIZE ignores SIGXFSZ. Members are as the
 * caller made them: run time, by recorder__t0().
 */
int recorder__event(struct recorder *r, const char *type, int64_t mono_ns, json_t *fields);

int recorder__failed(const struct recorder *r); /* 0 or the first write's negative errno */
uint64_t recorder__events(const struct recorder *r);
uint64_t recorder__lost(const struct recorder *r);
void recorder__close(struct recorder *r); /* fsync, close, free; NULL is fine */

#endif
