#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
make_events.py: writes the events.jsonl of a run that never was, with the timing that was measured on real ones
(EFFECTS.md section 4, rows 1 and 3). For tests and for looking at the report; the same arguments give the same bytes.

  make_events.py redis DIR              dual masters from 2.5 s after the cut to 10 s after the heal
  make_events.py etcd DIR --nodes 5     a leader is isolated, nothing is lost
  make_events.py redis DIR --rate 1700  about 100,000 operations in 60 s
"""
import argparse
import json
import os
import random
import sys

S = 1_000_000_000
MS = 1_000_000

# What a user might call things, to see that the page treats names as text.
HOSTILE = ['</script><script>document.title="owned"</script>', 'a"b\'c\\d', 'line\u2028sep\u2029 <!--',
           '<img src=x onerror=window.owned=1>', '&lt;amp&amp;', 'r\u00e9seau-\u6771\u4eac']


class Run:
    def __init__(self, args):
        self.a = args
        self.rng = random.Random(args.seed)
        self.events = []
        names = ['n%d' % (i + 1) for i in range(args.nodes)]
        if args.hostile:
            names = (HOSTILE + names)[:max(args.nodes, 3)]
        self.nodes = names
        self.cut, self.heal = 10 * S, (25 if args.kind == 'redis' else 22) * S
        self.end = args.duration * S
        self.acked = {}     # value -> node that acknowledged it
        self.lost = set()
        self.never = set()  # unknown operations that did not happen

    def put(self, typ, t, **fields):
        self.events.append((t, len(self.events), {'t_ns': t, 'type': typ, **fields}))

    def jitter(self, mean_ns):
        return int(mean_ns * (0.6 + self.rng.expovariate(2.5)))

    def head(self):
        a, nodes = self.a, self.nodes
        rest = nodes[1:]
        name = HOSTILE[0] if a.hostile else {'redis': 'redis-sentinel-split-brain',
                                             'etcd': 'etcd-leader-isolated'}[a.kind]
        desc = {
            'redis': 'Isolates the Redis master from its replicas and from the Sentinels for 15 s. Sentinel elects a new '
                     'master on the other side while clients beside the old one keep writing to it. When the network is '
                     'back the old master becomes a replica and throws those writes away. min-replicas-to-write 1 '
                     'bounds the loss; a quorum system removes it.',
            'etcd': 'Isolates the etcd leader from its peers for 12 s. A Raft leader without a quorum cannot commit, so nothing '
                    'that was acknowledged may be lost.',
        }[a.kind]
        edges = [[nodes[0], n] for n in rest] + [[n, nodes[0]] for n in rest]
        self.edges = edges
        faults = [dict(name='cut', parts=['partition'], windows=[[self.cut, self.heal]], edges=edges,
                       sides=[[nodes[0]], rest], mechanism='clsact')]
        if a.faults > 1:
            faults.append(dict(name='slow-link', parts=['loss'], windows=self.flaps(), edges=[[nodes[1], nodes[2]]],
                               sides=[], mechanism='clsact'))
        res = []
        if not a.no_roles:
            res = [dict(resource=a.kind, system=a.kind, nodes=nodes, every_ns=20 * MS)]
        wl = []
        if not a.no_workload:
            wl = [dict(name='set', system=a.kind, check='set', nodes=nodes, clients=len(nodes), rate_per_s=a.rate,
                       reads=0.1, timeout_ns=S)]
        expect = {'redis': ['split_brain.level <= L1', 'writes.lost == 0', 'recovery.time <= 5s'],
                  'etcd': ['split_brain.level <= L1', 'writes.lost == 0']}[a.kind]
        self.faults = faults
        self.put('run', -4 * S, version=1, name=name, description=desc, run_id='9f2c', seed=a.seed,
                 kernel='6.18.4 x86_64', tool='chaos 0.1.0', duration_ns=self.end,
                 start_realtime_ns=1795246800 * S, start_monotonic_ns=2555 * S, traffic_bin_ns=100 * MS,
                 mechanism='clsact', nodes=nodes, faults=faults, resources=res, workloads=wl, expect=expect, exempt=[])

    def flaps(self):
        out, t = [], 30 * S
        while t + 3 * S < self.end - 5 * S and len(out) < 8:
            out.append([t, t + 1500 * MS])
            t += 3 * S
        return out

    def phases(self):
        self.put('phase', -4 * S, phase='lab')
        for i, n in enumerate(self.nodes):
            self.put('node', -3 * S + i * 40 * MS, node=n, event='started', command=self.a.kind + '-server', status=None)
            self.put('node', -1 * S + i * 40 * MS, node=n, event='ready', command=None, status=None)
        self.put('phase', 0, phase='baseline')
        self.put('phase', self.cut, phase='fault')
        self.put('phase', self.heal, phase='recovery')
        self.put('phase', self.end, phase='final')
        self.put('phase', self.end + 450 * MS, phase='end')

    # --- who leads: (node, from, to, role, epoch, whom it names) ------------------------------------

    def roles_of(self, node):
        a, nodes, c, h = self.a, self.nodes, self.cut, self.heal
        old, new = nodes[0], nodes[1]
        inf = 1 << 62
        if a.kind == 'redis':
            if node == old:
                return [(h + 10 * S, 'leader', None, None), (inf, 'follower', None, new)]
            if node == new:
                return [(c + 2500 * MS, 'follower', None, old), (inf, 'leader', None, None)]
            return [(c + 3100 * MS, 'follower', None, old), (inf, 'follower', None, new)]
        if node == old:
            return [(c + 1900 * MS, 'leader', 2, old), (h + 1000 * MS, 'candidate', 12, None),
                    (h + 3900 * MS, 'candidate', 13, None), (inf, 'follower', 13, new)]
        if node == new:
            return [(c + 1100 * MS, 'follower', 2, old), (c + 1400 * MS, 'candidate', 3, None),
                    (h + 1000 * MS, 'leader', 3, new), (h + 3900 * MS, 'candidate', 13, None), (inf, 'leader', 13, new)]
        return [(c + 1400 * MS, 'follower', 2, old), (h + 1000 * MS, 'follower', 3, new),
                (h + 3900 * MS, 'follower', 13, None), (inf, 'follower', 13, new)]

    def roles(self):
        for node in self.nodes:
            plan, i, t, last = self.roles_of(node), 0, -500 * MS + self.rng.randrange(20 * MS), None
            while t < self.end + 300 * MS:
                while t >= plan[i][0]:
                    i += 1
                _, role, epoch, leader = plan[i]
                recv = t + self.jitter(250_000)
                error = None
                # the old master is slow to answer while it is demoted
                if self.a.kind == 'redis' and node == self.nodes[0] and 0 <= t - (self.heal + 10 * S) < 260 * MS:
                    role, leader, error = 'error', None, 'Connection reset by peer'
                f = dict(resource=self.a.kind, node=node)
                claim = role == 'leader'
                ev = dict(f, send_ns=t, recv_ns=recv, role=role, claim=claim, epoch=epoch, leader=leader)
                if error:
                    ev['error'] = error
                self.put('role', recv, **ev)
                if last and last != role:
                    self.put('role_change', recv, **f, **{'from': last, 'to': role}, epoch=epoch)
                last = role
                t += 20 * MS
                if self.a.gap and node == self.nodes[0] and self.cut + 3 * S < t < self.cut + 3 * S + 25 * MS:
                    self.put('probe_gap', t + 4 * S, resource=self.a.kind, node=node, from_ns=t, to_ns=t + 4 * S)
                    t += 4 * S

    # --- operations ---------------------------------------------------------------------------------

    def master_for(self, i, t):
        """The server that clients at node i talk to, and what it does with a write."""
        c, h, old = self.cut, self.heal, i == 0
        if self.a.kind == 'redis':
            if t < c:
                return 'ok'
            if old:
                return 'lost' if t < h + 10 * S else ('fail' if t < h + 10 * S + 300 * MS else 'ok')
            return 'unknown' if t < c + 2500 * MS else 'ok'
        if t < c:
            return 'ok'
        if old:
            return 'unknown' if t < h + 3900 * MS else 'ok'
        if t < c + 2000 * MS or h + 1000 * MS <= t < h + 3900 * MS:
            return 'unknown'
        return 'ok'

    def ops(self):
        n = int(self.a.rate * self.end / S)
        value, last_acked = 0, None
        for k in range(n):
            i = k % len(self.nodes)
            node, t = self.nodes[i], int(k * S / self.a.rate)
            what = self.master_for(i, t)
            late = self.rng.randrange(60_000)
            base = dict(workload='set', client=i, node=node, intended_ns=t, invoke_ns=t + late)
            lat = self.jitter((350_000 if self.a.kind == 'redis' else 1_900_000) * (1.5 if self.cut < t < self.heal else 1))
            read = self.rng.random() < 0.1 and last_acked is not None
            if read:
                ok = what in ('ok', 'lost')
                stale = what == 'lost' and last_acked in self.acked and self.acked[last_acked] != self.nodes[0]
                self.put('op', t + late + (lat if ok else S), **base, op='read', value=last_acked,
                         outcome='ok' if ok else 'fail', error=None if ok else 'timeout', **({'found': not stale} if ok else {}))
                continue
            v, value = value, value + 1
            out, err = 'ok', None
            if what == 'unknown':
                out, err, lat = 'unknown', 'timeout', S - late
                self.never.add(v)
            elif what == 'fail':
                out, err = 'fail', 'READONLY You can\'t write against a read only replica.'
            else:
                self.acked[v] = node
                last_acked = v
                if what == 'lost':
                    self.lost.add(v)
            self.put('op', t + late + lat, **base, op='add', value=v, outcome=out, error=err)

    def final(self):
        vals = sorted(set(self.acked) - self.lost)
        runs = []
        for v in vals:
            if runs and runs[-1][1] == v - 1:
                runs[-1][1] = v
            else:
                runs.append([v, v])
        for i, n in enumerate(self.nodes):
            self.put('final', self.end + (120 + 20 * i) * MS, workload='set', node=n, ok=True, values=runs, error=None, attempt=1)

    # --- traffic ------------------------------------------------------------------------------------

    def traffic(self):
        nb = self.end // (100 * MS)
        share = {i: [0] * (nb + 12) for i in range(len(self.nodes))}
        for _, _, e in self.events:
            if e['type'] == 'op' and 0 <= e['invoke_ns'] < self.end:
                share[self.nodes.index(e['node'])][e['invoke_ns'] // (100 * MS)] += 1
        dropped_total = {}
        for b in range(nb):
            t, in_cut = (b + 1) * 100 * MS, self.cut < (b + 1) * 100 * MS <= self.heal
            for i, n in enumerate(self.nodes):
                ops = share[i][b]
                rx = 4 + self.rng.randrange(4) + 2 * ops
                tx = 4 + self.rng.randrange(4) + 2 * ops
                drop, syn, rst = 0, 0, 0
                if in_cut:
                    drop = (6 + self.rng.randrange(6)) if i == 0 else (2 + self.rng.randrange(3))
                    syn = self.rng.randrange(3)
                elif self.heal < t < self.heal + 600 * MS:
                    syn, rst, rx = 14, 4, rx + 30
                self.put('traffic', t, node=n, bin_ns=100 * MS, rx_packets=rx, rx_bytes=rx * 96, tx_packets=tx,
                         tx_bytes=tx * 110, rx_syn=syn // 2, tx_syn=syn, rx_rst=rst, tx_rst=0, dropped=drop)
                dropped_total[n] = dropped_total.get(n, 0) + drop
        return dropped_total

    def fault_events(self, dropped):
        for f in self.faults:
            hits = dict.fromkeys(['dropped', 'delayed', 'reordered', 'duplicated', 'corrupted', 'shaped', 'reset', 'rejected'])
            for k, (t0, t1) in enumerate(f['windows']):
                self.put('fault', t0, fault=f['name'], occurrence=k, event='armed')
                if not self.a.nohit:
                    self.put('fault', t0 + 3 * MS, fault=f['name'], occurrence=k, event='first_hit')
                edges, total = [], 0
                for j, (x, y) in enumerate(f['edges']):
                    m = 0 if self.a.nohit else 160 + 37 * j
                    total += m
                    edges.append({'from': x, 'to': y, 'matched': m, 'matched_bytes': m * 88, 'dropped': m,
                                  'first_hit_ns': t0 + (3 + j) * MS if m else None, 'last_hit_ns': t1 - (12 + j) * MS if m else None})
                hits['dropped'] = total
                self.put('fault', t1, fault=f['name'], occurrence=k, event='cleared', hits=dict(hits), edges=edges)

    def build(self):
        a = self.a
        self.head()
        self.phases()
        if not a.no_roles:
            self.roles()
        if not a.no_workload:
            self.ops()
            if not a.no_final:
                self.final()
        self.fault_events(self.traffic())
        if a.hostile:
            self.put('note', 5 * S, level='warning', text=' '.join(HOSTILE))
        self.put('note', self.heal, level='info', text='the network is restored')
        self.events.sort(key=lambda e: (e[2]['type'] != 'run', e[0], e[1]))
        gaps = sum(e['type'] == 'probe_gap' for _, _, e in self.events)
        out = [e for _, _, e in self.events]
        out.append(dict(t_ns=self.end + 500 * MS, type='end', status='complete', reason=None, restored=True,
                        recorder=dict(events=len(out) + 1, lost_events=0, probe_gaps=gaps)))
        if a.cluster:
            self.merged(out)
        return out

    # As report/merge.h leaves it: the second machine's agent was killed and started again.
    def merged(self, out):
        hosts, hole = ['worker-a', 'worker-b', 'worker-c'], (18 * S, 19 * S)
        on = {n: hosts[i % len(hosts)] for i, n in enumerate(self.nodes)}
        for e in out:
            if 'node' in e:
                e['host'] = on[e['node']]
        out[:] = [e for e in out if e.get('host') != hosts[1] or not hole[0] < e['t_ns'] < hole[1]]
        ends = [[(0, self.end, 'complete')], [(0, hole[0], None), (hole[1], self.end, 'complete')], [(0, self.end, 'complete')]]
        out[0]['cluster'] = dict(
            nodes=[dict(node=h, kernel='6.18.4 x86_64', mechanism='tcx', run_id='9f2c', clock_offset_ns=0,
                        clock_epsilon_ns=(2 + 20 * i) * MS,
                        segments=[dict(from_ns=f, to_ns=t, status=s) for f, t, s in ends[i]])
                   for i, h in enumerate(hosts)],
            missing=[dict(node='worker-d', why='it has not told its end')])
        out[-1].update(status='failed', reason='no record came from node worker-d (it has not told its end)')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('kind', choices=['redis', 'etcd'])
    p.add_argument('dir')
    p.add_argument('--nodes', type=int, default=3)
    p.add_argument('--rate', type=float, default=100)
    p.add_argument('--duration', type=int, default=60)
    p.add_argument('--seed', type=int, default=42)
    p.add_argument('--faults', type=int, default=1, help='2: also a flapping lossy link')
    p.add_argument('--no-roles', action='store_true')
    p.add_argument('--no-workload', action='store_true')
    p.add_argument('--no-final', action='store_true', help='no final read: the verdict is unknown')
    p.add_argument('--nohit', action='store_true', help='the fault hits no packet')
    p.add_argument('--gap', action='store_true', help='the probe of the old leader is silent for 4 s')
    p.add_argument('--cluster', action='store_true', help='as merged of three machines, with a fourth missing')
    p.add_argument('--hostile', action='store_true', help='names that try to break out of the page')
    a = p.parse_args()
    if a.nodes < 3:
        p.error('--nodes must be at least 3')
    os.makedirs(a.dir, exist_ok=True)
    with open(os.path.join(a.dir, 'events.jsonl'), 'w', encoding='utf-8') as f:
        for e in Run(a).build():
            f.write(json.dumps(e, ensure_ascii=False, separators=(',', ':')) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
