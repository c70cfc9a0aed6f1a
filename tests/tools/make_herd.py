#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
make_herd.py: writes the events.jsonl of a reconnect flood that never was, with every kind of event that a report draws:
attempts of intents, bins of services, accept queues, the kernel's drops. For tests and for looking at the report; the
same arguments give the same bytes.

  make_herd.py DIR                  clients that all retry every 3 s are cut off from a server for 15 s
  make_herd.py DIR --rate 1700      about 100,000 intents in 60 s
"""
import argparse
import json
import os
import random

S = 1_000_000_000
MS = 1_000_000
CUT, HEAL, PERIOD = 10 * S, 25 * S, 3 * S


class Herd:
    def __init__(self, args):
        self.a = args
        self.rng = random.Random(args.seed)
        self.events = []
        self.clients = [f'c{i + 1}' for i in range(args.clients)]
        self.server = args.server
        self.end = args.duration * S
        self.n_bins = self.end // (10 * MS)
        self.bins = {c: {} for c in self.clients}
        self.arrived = [0] * (self.n_bins + 1)

    def put(self, typ, t, **fields):
        self.events.append((t, len(self.events), {'t_ns': t, 'type': typ, **fields}))

    def count(self, client, what, t, n=1):
        i = t // (10 * MS)
        if 0 <= i < self.n_bins:
            self.bins[client].setdefault(what, [0] * self.n_bins)[i] += n

    def head(self):
        nodes = self.clients + [self.server, 'db']
        edges = [[c, self.server] for c in self.clients] + [[self.server, c] for c in self.clients]
        self.put('run', -2 * S, version=1, name='reconnect-flood',
                 description='Cuts clients that retry every 3 s, without jitter, off their server for 15 s. When the network is back they come together.',
                 run_id='a11c', seed=self.a.seed, kernel='6.18.4 x86_64', tool='chaos 0.1.0', duration_ns=self.end,
                 start_realtime_ns=1795246800 * S, start_monotonic_ns=2555 * S, traffic_bin_ns=100 * MS, mechanism='clsact',
                 nodes=nodes, faults=[dict(name='cut', parts=['partition'], windows=[[CUT, HEAL]], edges=edges,
                                           sides=[self.clients, [self.server, 'db']], mechanism='clsact')],
                 resources=[], workloads=[dict(name='calls', system='http', check='none', nodes=self.clients, clients=10 * self.a.clients,
                                               rate_per_s=self.a.rate, reads=0, timeout_ns=S, mode='open', connections='new', target=self.server,
                                               retry=dict(policy='fixed', delay_ns=PERIOD, attempts=9))],
                 expect=['herd.metrics.syn.pbr <= 3'] if self.a.expect else [], exempt=[])
        for t, phase in ((-2 * S, 'lab'), (0, 'baseline'), (CUT, 'fault'), (HEAL, 'recovery'), (self.end, 'end')):
            self.put('phase', t, phase=phase)
        self.put('fault', CUT, fault='cut', occurrence=0, event='armed')
        self.put('fault', CUT + 2 * MS, fault='cut', occurrence=0, event='first_hit')
        hits = dict.fromkeys(['dropped', 'delayed', 'reordered', 'duplicated', 'corrupted', 'shaped', 'reset', 'rejected'])
        hits['dropped'] = 0
        self.fault_end = dict(fault='cut', occurrence=0, event='cleared', hits=hits, edges=[
            {'from': f, 'to': t, 'matched': 40, 'matched_bytes': 2400, 'dropped': 40, 'first_hit_ns': CUT + 2 * MS, 'last_hit_ns': HEAL - 40 * MS}
            for f, t in edges])

    def attempt(self, client, k, intent, number, due, t):
        """One attempt at @t: True if the intent is settled."""
        cut, late = CUT <= t < HEAL, self.rng.randrange(80_000)
        self.count(client, 'syn', t)
        self.count(client, 'packets', t, 2 if cut else 7)
        op = dict(workload='calls', client=k, node=client, op='request', key=intent % 20, intent=intent, attempt=number, conn=True,
                  intended_ns=due, invoke_ns=t + late)
        if cut:
            for again in (S, ):
                self.count(client, 'syn_again', t + again)
                self.count(client, 'retransmits', t + again)
            self.count(client, 'dropped', t, 2)
            self.fault_end['hits']['dropped'] += 2
            self.put('op', t + S, **op, outcome='unknown', error='timeout after 1s')
            return False
        self.arrived[min(self.n_bins, t // (10 * MS))] += 1
        busy = self.arrived[min(self.n_bins, t // (10 * MS))]
        took = int(2 * MS * (0.5 + self.rng.expovariate(2)) + busy * 120_000)
        for what, us in (('connect', 180 + 9 * busy), ('first_byte', took // 1000), ('rtt', 150 + self.rng.randrange(60))):
            self.count(client, what + '_us', t, us)
            self.count(client, what + '_n', t)
        for what, n in (('back_packets', 6), ('opened', 1), ('closed', 1), ('synack', 1)):
            self.count(client, what, t, n)
        if busy > 90:
            self.count(client, 'back_rst', t)
            self.put('op', t + took, **op, outcome='fail', error='Connection reset by peer')
            return False
        self.put('op', t + took, **op, outcome='ok', status=200, error=None)
        return True

    def operations(self):
        for intent in range(int(self.a.rate * self.end / S)):
            k = intent % (10 * len(self.clients))
            due = t = int(intent * S / self.a.rate)
            for number in range(9):
                if t >= self.end or self.attempt(self.clients[k % len(self.clients)], k, intent, number, due, t):
                    break
                # the timer of all of them runs by the same clock
                t = (t // PERIOD + 1) * PERIOD + self.rng.randrange(50 * MS)

    def kernel(self):
        for c in self.clients:
            for at in range(0, self.n_bins, 100):
                n = min(100, self.n_bins - at)
                part = {k: v[at:at + n] for k, v in self.bins[c].items() if any(v[at:at + n])}
                if part:
                    self.put('bins', (at + n) * 10 * MS, client=c, server=self.server, proto='tcp', port=8080, start_ns=at * 10 * MS,
                             bin_ns=10 * MS, n=n, **part)
        overflows, was = 0, None
        for i in range(0, self.n_bins, 10):
            busy = max(self.arrived[i:i + 10])
            queue = min(65, busy // 2)
            overflows += max(0, busy // 2 - 64)
            if (queue, overflows) != was:
                self.put('listen', i * 10 * MS, node=self.server, port=8080, queue=queue, backlog=64, overflows=overflows, drops=overflows)
            was = (queue, overflows)
            if i % 100 == 0 and busy > 60:
                self.put('drops', (i + 100) * 10 * MS, node=self.server, from_ns=i * 10 * MS, reasons={'TCP_OVERFLOW': busy, 'NO_SOCKET': 2})
        for b in range(self.end // (100 * MS)):
            for n in self.clients + [self.server]:
                p = 4 + self.rng.randrange(4) + sum(self.arrived[b * 10:b * 10 + 10]) * (5 if n == self.server else 1)
                self.put('traffic', (b + 1) * 100 * MS, node=n, bin_ns=100 * MS, rx_packets=p, rx_bytes=90 * p, tx_packets=p, tx_bytes=90 * p,
                         rx_syn=0, tx_syn=0, rx_rst=0, tx_rst=0, dropped=0)

    def build(self):
        self.head()
        self.operations()
        self.kernel()
        self.put('fault', HEAL, **self.fault_end)
        self.put('note', HEAL, level='info', text='the network is restored')
        self.events.sort(key=lambda e: (e[2]['type'] != 'run', e[0], e[1]))
        out = [e for _, _, e in self.events]
        last = max(self.end, out[-1]['t_ns'])
        out.append(dict(t_ns=last + 500 * MS, type='end', status='complete', reason=None, restored=True,
                        recorder=dict(events=len(out) + 1, lost_events=0, probe_gaps=0)))
        return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('dir')
    p.add_argument('--clients', type=int, default=4)
    p.add_argument('--server', default='api')
    p.add_argument('--rate', type=float, default=120)
    p.add_argument('--duration', type=int, default=60)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--expect', action='store_true', help='with an expectation')
    a = p.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    with open(os.path.join(a.dir, 'events.jsonl'), 'w', encoding='utf-8') as f:
        for e in Herd(a).build():
            f.write(json.dumps(e, ensure_ascii=False, separators=(',', ':')) + '\n')


if __name__ == '__main__':
    main()
