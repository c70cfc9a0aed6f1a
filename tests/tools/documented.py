#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""documented.py: servers that answer as the documentation of Vault, Consul, Kafka and Kubernetes says, for role probes of
systems that Debian does not package. One process is all nodes of one system, an address each:

    documented.py vault|consul|kafka|lease STATE ADDRESS...

STATE is a JSON file that is read for every question: who leads, in which epoch. What the probes send is checked: a request
that the real server would refuse is refused. Sources:
  https://developer.hashicorp.com/vault/api-docs/system/leader and .../system/health
  https://developer.hashicorp.com/consul/api-docs/agent#read-configuration and .../status
  https://kafka.apache.org/protocol (ApiVersions 0, DescribeQuorum 0 with request header 2, response header 1)
  https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1
"""
import http.server
import json
import socketserver
import struct
import sys
import threading
import time


def state():
    with open(sys.argv[2], encoding="utf-8") as f:
        return json.load(f)


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, body = self.server.answer(self.server.node, self.path, state())
        text = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True


# ---- Vault: `leader` is the number of the active node, 0 none; `sealed` and `acting` lists of numbers ----

def vault(node, path, s):
    if path == "/v1/sys/health":
        sealed, active = node in s.get("sealed", []), node == s["leader"] or node in s.get("acting", [])
        body = {"initialized": True, "sealed": sealed, "standby": not active, "performance_standby": False,
                "replication_performance_mode": "disabled", "replication_dr_mode": "disabled",
                "server_time_utc": int(time.time()), "version": "1.15.4", "cluster_name": "vault-cluster-1"}
        return 503 if sealed else 200 if active else 429, body
    if path == "/v1/sys/leader":
        leader = f"127.0.0.{s['leader']}" if s["leader"] else ""
        return 200, {"ha_enabled": True, "is_self": node == s["leader"], "active_time": "0001-01-01T00:00:00Z",
                     "leader_address": leader and f"http://{leader}:8200",
                     "leader_cluster_address": leader and f"https://{leader}:8201",
                     "performance_standby": False, "performance_standby_last_remote_wal": 0}
    return 404, {"errors": []}


# ---- Consul: `leader`, `term`; `denied`: numbers of nodes whose access control hides agent/self ----

def consul(node, path, s):
    leader = f"127.0.0.{10 + s['leader']}:8300" if s["leader"] else ""
    if path == "/v1/status/leader":
        return 200, leader
    if path == "/v1/agent/self":
        if node in s.get("denied", []):
            return 403, b"Permission denied: token with AccessorID '00000000-0000-0000-0000-000000000002' lacks permission"
        raft = "Leader" if node == s["leader"] else "Follower" if s["leader"] else "Candidate"
        return 200, {"Config": {"Datacenter": "dc1", "NodeName": f"c{node}", "Server": True, "Version": "1.17.1"},
                     "Stats": {"consul": {"bootstrap": "false", "known_datacenters": "1", "leader": str(raft == "Leader").lower(),
                                          "leader_addr": leader, "server": "true"},
                               "raft": {"applied_index": "97", "state": raft, "term": str(s["term"]), "num_peers": "2"}}}
    return 404, {}


# ---- Kubernetes: `holder`, `transitions`, `renew` (false: nobody renews it) ----

def lease(_node, path, s):
    if path != "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/controller":
        return 404, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404}
    if s.get("renew", True):
        now = time.time()
        lease.renewed = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
    return 200, {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
                 "metadata": {"name": "controller", "namespace": "kube-system", "resourceVersion": "4711"},
                 "spec": {"holderIdentity": s["holder"], "leaseDurationSeconds": 2, "acquireTime": lease.renewed,
                          "renewTime": lease.renewed, "leaseTransitions": s["transitions"]}}


lease.renewed = "2026-01-01T00:00:00.000000Z"


# ---- Kafka: `leader`, `epoch`; port 9093 a controller's listener, 9092 a broker's, which passes the question on ----

class Kafka(socketserver.BaseRequestHandler):
    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.request.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def handle(self):
        try:
            while True:
                (size,) = struct.unpack(">i", self.exactly(4))
                answer = self.answer(self.exactly(size))
                self.request.sendall(struct.pack(">i", len(answer)) + answer)
        except (EOFError, OSError):
            pass

    def answer(self, request):
        """A request that cannot be read ends the connection, as Kafka does it."""
        key, version, number, name = struct.unpack(">hhih", request[:10])
        rest = request[10 + name:]
        if (key, version) == (18, 0) and not rest:
            return struct.pack(">ihi", number, 0, 2) + struct.pack(">hhhhhh", 18, 0, 3, 55, 0, 1)
        # Tags of the header; one topic, its name; one partition, 0; tags of partition, topic, request.
        topic = b"\x13__cluster_metadata"
        if (key, version) != (55, 0) or rest != b"\0\2" + topic + b"\2\0\0\0\0\0\0\0":
            print("refused:", request, flush=True)
            raise EOFError
        s, node, port = state(), self.server.node, self.server.server_address[1]
        leads = node == s["leader"] or (port == 9092 and s["leader"])
        head = struct.pack(">ib", number, 0)
        if not leads and node == 3:
            return head + struct.pack(">hbb", 6, 1, 0)  # NOT_LEADER_OR_FOLLOWER of the whole answer
        error, leader, epoch = (0, s["leader"], s["epoch"]) if leads else (6, -1, -1)
        replicas = [struct.pack(">iqb", n, 1000 - n, 0) for n in (1, 2, 3)] if leads else []
        partition = struct.pack(">ihiiq", 0, error, leader, epoch, 1000 if leads else -1) + \
            bytes([len(replicas) + 1]) + b"".join(replicas) + b"\1\0"
        return head + struct.pack(">h", 0) + b"\2" + topic + b"\2" + partition + b"\0\0"


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def main():
    system, addresses = sys.argv[1], sys.argv[3:]
    for node, address in enumerate(addresses, 1):
        for port in {"vault": [8200], "consul": [8500], "lease": [8001], "kafka": [9092, 9093]}[system]:
            server = (TcpServer if system == "kafka" else HttpServer)((address, port), Kafka if system == "kafka" else Http)
            server.node, server.answer = node, {"vault": vault, "consul": consul, "lease": lease}.get(system)
            threading.Thread(target=server.serve_forever).start()


main()
