#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""documented_consul.py: the KV store and the sessions of one Consul server that is its own leader, as its documentation
says they answer, for a workload on a system that Debian does not package:

    documented_consul.py LOG STATE ADDRESS

What is acknowledged is in LOG, with fsync, and is there again when the server is started again with it; sessions have
their whole TTL then, as they have from a new leader. STATE is a JSON file that is read for every request:
    {"leader": false}       there is none: nothing is done
    {"error": TEXT}         writes of keys are done, and answered with status 500 and this
    {"silent": true}        writes of keys are done, then the connection ends without an answer
    {"forgets": true}       writes of keys are acknowledged and not in LOG: what a test has to find
On stdout: what a workload must not ask for. Sources:
  https://developer.hashicorp.com/consul/api-docs/kv, .../session, .../txn, .../features/consistency
"""
import base64
import http.server
import json
import os
import re
import sys
import threading
import time
import urllib.parse
import uuid


class Refused(Exception):
    """A status and its text."""


class Store:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.keys, self.sessions, self.ends, self.index = {}, {}, {}, 1
        self.log = open(path, "a+b")
        self.log.seek(0)
        whole = 0
        for line in self.log:
            if not line.endswith(b"\n"):
                break  # it was never acknowledged
            whole += len(line)
            self.apply(json.loads(line))
        self.log.truncate(whole)

    def apply(self, entry):
        self.index = entry["index"]
        if "key" in entry:
            self.keys[entry["key"]] = entry["to"]
        elif entry["to"]:
            self.sessions[entry["session"]] = entry["to"]
            self.ends[entry["session"]] = time.monotonic() + entry["to"]["ttl"]
        else:
            del self.sessions[entry["session"]], self.ends[entry["session"]]
            for key in self.keys.values():
                if key.get("Session") == entry["session"]:
                    del key["Session"]

    def commit(self, entry, keep=True):
        entry["index"] = self.index + 1
        if keep:
            self.log.write(json.dumps(entry).encode() + b"\n")
            self.log.flush()
            os.fsync(self.log.fileno())
        self.apply(json.loads(json.dumps(entry)))

    def expire(self):
        for session in [s for s, end in self.ends.items() if end <= time.monotonic()]:
            self.commit({"session": session, "to": None})

    def put(self, key, value, keep, **changes):
        old = self.keys.get(key, {})
        new = {"LockIndex": 0, "Key": key, "Flags": 0, "CreateIndex": self.index + 1, **old, **changes,
               "Value": base64.b64encode(value).decode() or None, "ModifyIndex": self.index + 1}
        if changes.get("Session", 0) is None:
            del new["Session"]
        self.commit({"key": key, "to": new}, keep)
        return new

    def acquire(self, key, value, session, keep):
        """The entry, None if another has it."""
        if session not in self.sessions:
            raise Refused(500, f"rpc error making call: invalid session {json.dumps(session)}")
        old = self.keys.get(key, {})
        if old.get("Session") not in (None, session):
            return None
        more = 0 if old.get("Session") == session else 1
        return self.put(key, value, keep, Session=session, LockIndex=old.get("LockIndex", 0) + more)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.handle_with(self.get)

    def do_PUT(self):
        self.handle_with(self.put)

    def handle_with(self, what):
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(sys.argv[2], encoding="utf-8") as f:
            state = json.load(f)
        try:
            if not state.get("leader", True):
                raise Refused(500, "No cluster leader")
            with store.lock:
                store.expire()
                answer = what(url.path, query, body, not state.get("forgets"))
            done = self.command == "PUT" and url.path.startswith("/v1/kv/") and answer is True
            if done and state.get("silent"):
                self.close_connection = True
                return
            if done and "error" in state:
                raise Refused(500, state["error"])
            if answer is None:
                self.say(404, b"")
            else:
                self.say(200, json.dumps(answer).encode())
        except Refused as e:
            self.say(e.args[0], e.args[1].encode() if isinstance(e.args[1], str) else json.dumps(e.args[1]).encode())

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if self.command == "GET" and status in (200, 404):
            self.send_header("X-Consul-Index", str(store.index))
            self.send_header("X-Consul-KnownLeader", "true")
            self.send_header("X-Consul-LastContact", "0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def key(self, path):
        key = urllib.parse.unquote(path[len("/v1/kv/"):])
        if not path.startswith("/v1/kv/") or not re.fullmatch(r"[A-Za-z0-9,_./-]+", key) or key.startswith("/"):
            raise Refused(400, f"Invalid key {key}")
        return key

    def get(self, path, query, _body, _keep):
        key = self.key(path)
        if "consistent" not in query or "stale" in query:
            print("not consistent:", self.path, flush=True)
        if "keys" in query:
            return sorted(k for k in store.keys if k.startswith(key)) or None
        return [store.keys[key]] if key in store.keys else None

    def put(self, path, query, body, keep):
        if path == "/v1/session/create":
            return self.create(json.loads(body or b"{}"))
        if path.startswith("/v1/session/destroy/"):
            session = path.rsplit("/", 1)[1]
            if session in store.sessions:
                store.commit({"session": session, "to": None})
            return True
        if path == "/v1/txn":
            return self.transact(json.loads(body), keep)
        key = self.key(path)
        if len({"cas", "acquire", "release"} & query.keys()) > 1:
            raise Refused(400, "Conflicting flags")
        if "cas" in query and store.keys.get(key, {}).get("ModifyIndex", 0) != int(query["cas"]):
            return False
        if "acquire" in query:
            return store.acquire(key, body, query["acquire"], keep) is not None
        if "release" in query:
            if store.keys.get(key, {}).get("Session") != query["release"]:
                return False
            store.put(key, body, keep, Session=None)
            return True
        store.put(key, body, keep)
        return True

    def create(self, o):
        ttl = re.fullmatch(r"(\d+)s", o.get("TTL", ""))
        if not ttl or not 10 <= int(ttl[1]) <= 86400:
            raise Refused(500, f"Invalid Session TTL '{o.get('TTL')}', must be between [10s=24h0m0s]")
        # Here nobody has it back before its delay is over, unless that is next to nothing.
        if o.get("LockDelay", "15s") != "1ms" or o.get("Behavior", "release") != "release":
            print("a session that is not as short as it can be:", o, flush=True)
        session = str(uuid.uuid4())
        store.commit({"session": session, "to": {"ttl": int(ttl[1])}})
        return {"ID": session}

    def transact(self, operations, keep):
        """One KV operation, `lock`: more is not asked for."""
        (operation,) = operations
        kv = operation["KV"]
        if kv["Verb"] != "lock":
            raise Refused(400, f"unknown operation {kv['Verb']}")
        entry = store.acquire(kv["Key"], base64.b64decode(kv["Value"] or ""), kv["Session"], keep)
        if not entry:
            why = f"failed to lock key {json.dumps(kv['Key'])}, lock is already held"
            raise Refused(409, {"Results": None, "Errors": [{"OpIndex": 0, "What": why}]})
        return {"Results": [{"KV": {**entry, "Value": None}}], "Errors": None}

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


store = Store(sys.argv[1])
Server((sys.argv[3], 8500), Handler).serve_forever()
