#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
fake_api.py: a Kubernetes API server of one file, for tests: any collection of objects with list in pages, watch with
bookmarks, optimistic concurrency and merge patches, and everything that can be wrong with an answer.

  fake_api.py [--port P] [--ready FILE] [--pods N] [--nodes N] [--rule RULE]... [--token T] [--log FILE]

It listens on 127.0.0.1 (--host) and writes its URL into --ready once it does; --tls FILE: by TLS, with this key and
certificate, and --clients CA: only for those whose certificate this one has signed. No discovery, validation or admission: what is POSTed is kept, gets metadata.uid, resourceVersion, generation and creationTimestamp, and is told to
watches. Any resource exists: /api/v1/..., /apis/GROUP/VERSION/..., [namespaces/NS/]RESOURCE[/NAME[/status]]. --missing
PATH: that collection is a 404 (a CRD that is not installed). `ownerReferences` by uid are followed by DELETE.

A RULE is WHICH=ACTION[,ACTION]. WHICH: list, watch, or METHOD, then maybe a `:` and a part of the path with the query,
then maybe #N (only the Nth such request), #N- (from the Nth on) or #N-M. The first rule that fits counts. ACTIONs:
  status:CODE[:SECONDS]  a Status with this code (and Retry-After)    latency:SECONDS  before anything is said
  cut:BYTES              close after so many bytes of the body        reset            close before an answer, with RST
  garbage                200 with HTML                                wrong            200 with JSON of other types
  wrong-list             200 with what is nearly a list
  huge:BYTES             200 with a body of so many bytes of JSON     silent           never answer
  slow:BYTES             so many bytes of the body a second           split            each byte in a piece of its own
  event:CODE             a watch: an ERROR event with this code       end              a watch: ends at once
  junk                   a watch: a line that is no JSON              redirect:URL     302
  stale:SECONDS          the Date header is off by so many seconds
A running server is changed by POST /fake/rules (JSON list of rules; replaces all), /fake/compact (versions until now are
forgotten: 410), /fake/drop (ends all watches, hard); GET /fake/log: the requests so far, a line each.
"""
import argparse, base64, http.server, json, os, re, socket, socketserver, ssl, struct, sys, threading, time, uuid
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

LOG_KEPT = 100000  # events that a watch can begin behind


class Store:
    def __init__(self):
        self.lock = threading.Condition()
        self.version = 1000
        self.collections = {}  # (prefix, resource) -> {(ns, name): JSON text}
        self.events = []  # (version, collection, type, text, text before or None)
        self.compacted = 0
        self.epoch = 0  # counts /fake/drop

    def put(self, where, ns, name, obj, kind, before=None):
        """lock is held"""
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        text = json.dumps(obj, separators=(",", ":"))
        self.collections.setdefault(where, {})[(ns, name)] = text
        self.tell(where, kind, text, before)

    def tell(self, where, kind, text, before):
        self.events.append((self.version, where, kind, text, before))
        if len(self.events) > LOG_KEPT:
            self.compacted = self.events[LOG_KEPT // 2][0]
            del self.events[: LOG_KEPT // 2]
        self.lock.notify_all()

    def delete(self, where, key):
        """lock is held"""
        text = self.collections[where].pop(key)
        obj = json.loads(text)
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.tell(where, "DELETED", json.dumps(obj), text)
        uid = obj["metadata"].get("uid")
        for other, objects in self.collections.items():
            for k in [k for k, t in objects.items() if uid in t and any(
                    o.get("uid") == uid for o in json.loads(t)["metadata"].get("ownerReferences", []))]:
                self.delete(other, k)
        return obj


def pod(i, nodes):
    """A pod as large as they are: some 3 KB, half of it managedFields."""
    name = "web-%06d" % i
    owned = {"f:metadata": {"f:labels": {"f:" + k: {} for k in ("app", "tier", "pod-template-hash")}},
             "f:spec": {"f:containers": {'k:{"name":"c%d"}' % c: {
                 "f:" + f: {} for f in ("image", "imagePullPolicy", "name", "resources", "terminationMessagePath",
                                        "terminationMessagePolicy", "env", "ports", "livenessProbe", "readinessProbe")}
                 for c in range(2)}, "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}}}
    container = {"image": "registry.example/shop/web:1.2.3", "imagePullPolicy": "IfNotPresent", "resources": {
        "limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "env": [{"name": "VARIABLE_%d" % e, "value": "value of it"} for e in range(4)]}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": str(uuid.UUID(int=i + 1)),
                     "labels": {"app": "web" if i % 2 else "db", "tier": "t%d" % (i % 5), "pod-template-hash": "5d8f7c"},
                     "creationTimestamp": "2026-01-01T00:00:00Z",
                     "managedFields": [{"manager": m, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                                        "fieldsV1": owned} for m in ("kube-controller-manager",)]},
        "spec": {"nodeName": "n%d" % (i % nodes + 1), "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                 "containers": [dict(container, name="c%d" % c) for c in range(2)]},
        "status": {"phase": "Running", "hostIP": "10.0.0.%d" % (i % nodes + 1),
                   "podIP": "10.%d.%d.%d" % (64 + i // 62500, i // 250 % 250, i % 250 + 1),
                   "podIPs": [{"ip": "10.%d.%d.%d" % (64 + i // 62500, i // 250 % 250, i % 250 + 1)}],
                   "containerStatuses": [{"name": "c%d" % c, "ready": True, "restartCount": 0,
                                          "containerID": "containerd://%064x" % (i * 2 + c)} for c in range(2)]}}


class Rule:
    def __init__(self, text):
        m = re.fullmatch(r"(\w+)(?::([^#=]*))?(?:#(\d+)(-(\d*))?)?=([a-z].*)", text)
        if not m:
            raise ValueError("no rule: %s" % text)
        self.which, self.part = m[1], m[2] or ""
        self.first = int(m[3]) if m[3] else 1
        self.last = self.first if m[3] and not m[4] else int(m[5]) if m[5] else 1 << 60
        self.actions = [a.split(":", 1) for a in m[6].split(",")]
        self.seen = 0

    def fits(self, kind, method, path):
        if self.which not in (kind, method, "any") or self.part not in path:
            return False
        self.seen += 1
        return self.first <= self.seen <= self.last


def selects(query, text, obj=None):
    fields, labels = query.get("fieldSelector", [""])[0], query.get("labelSelector", [""])[0]
    if not fields and not labels:
        return True
    obj = obj or json.loads(text)
    have = obj["metadata"].get("labels") or {}
    for term in filter(None, fields.split(",")):
        key, _, value = term.replace("==", "=").partition("=")
        found = obj
        for part in key.rstrip("!").split("."):
            found = (found or {}).get(part)
        if ((found or "") == value) == key.endswith("!"):
            return False
    for term in filter(None, re.split(r",(?![^(]*\))", labels)):
        m = re.fullmatch(r"\s*(!?)([^=! ]+)\s*(?:(==?|!=)\s*(\S*)|(in|notin)\s*\(([^)]*)\))?\s*", term)
        if not m:
            return False
        value = have.get(m[2])
        if m[5]:
            ok = (value in [v.strip() for v in m[6].split(",")]) == (m[5] == "in")
        elif m[3]:
            ok = (value == m[4]) == (m[3] != "!=")
        else:
            ok = (value is None) == bool(m[1])
        if not ok:
            return False
    return True


def merge(target, patch):
    """RFC 7386"""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for k, v in patch.items():
        if v is None:
            target.pop(k, None)
        else:
            target[k] = merge(target.get(k), v)
    return target


class Refused(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message


REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
           422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def status(code, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": REASONS.get(code, "Unknown"), "code": code}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    offset = 0.0

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(time.time() + self.server.clock + self.offset, usegmt=True)

    # --- what is wrong with an answer

    def act(self, kind):
        self.cut = self.slow = None
        self.split = False
        self.event = None
        self.offset = 0.0
        with self.server.lock:
            rule = next((r for r in self.server.rules if r.fits(kind, self.command, self.path)), None)
        for action in rule.actions if rule else []:
            name, arg = action[0], action[1] if len(action) > 1 else ""
            if name == "latency":
                time.sleep(float(arg))
            elif name == "cut":
                self.cut = int(arg)
            elif name == "slow":
                self.slow = int(arg)
            elif name == "split":
                self.split = True
            elif name == "stale":
                self.offset = float(arg)
            elif name in ("event", "end", "junk"):
                self.event = (name, arg)
            elif name == "silent":
                self.server.ending.wait()
                return self.gone()
            elif name == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return self.gone()
            elif name == "status":
                code, _, after = arg.partition(":")
                self.answer(int(code), status(int(code), "the rule says %s" % code), after)
                return False
            elif name == "redirect":
                self.send_response(302)
                self.send_header("Location", arg)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return False
            else:
                wrong = {"kind": 7, "metadata": [], "items": {"a": [1, None]}, "type": [], "object": "x"}
                bodies = {"garbage": "<html><body>Bad gateway</body></html>\n", "wrong": json.dumps(wrong),
                          "wrong-list": '{"kind":"Status","items":[]}',
                          "huge": '{"kind":"' + "x" * int(arg or 0) + '"}' if name == "huge" else ""}
                if name not in bodies:
                    raise ValueError("no action: %s" % name)
                self.raw(200, bodies[name].encode())
                return False
        return True

    def gone(self):
        self.close_connection = True
        # The connection ends here, whoever else has a hand on it.
        if not self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.dropped = True
        return False

    def write(self, data):
        if self.cut is not None:
            data, self.cut = data[: self.cut], self.cut - len(data)
        if self.split or self.slow:
            for b in data:
                self.wfile.write(bytes((b,)))
                self.wfile.flush()
                if self.slow:
                    time.sleep(1 / self.slow)
        else:
            self.wfile.write(data)
            self.wfile.flush()
        if self.cut is not None and self.cut <= 0:
            self.gone()
            raise ConnectionAbortedError

    def raw(self, code, body, after=""):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.write(body)

    def answer(self, code, obj, after=""):
        self.raw(code, json.dumps(obj, separators=(",", ":")).encode() if not isinstance(obj, bytes) else obj, after)

    # --- the API

    def locate(self, path):
        parts = path.strip("/").split("/")
        n = 2 if parts[0] == "api" else 3
        if parts[0] not in ("api", "apis") or len(parts) <= n:
            raise Refused(404, "the server could not find the requested resource")
        prefix, rest = "/" + "/".join(parts[:n]), parts[n:]
        ns = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            ns, rest = rest[1], rest[2:]
        resource, name, sub = (rest + ["", ""])[:3]
        if any(m in (prefix + "/" + resource, resource) for m in self.server.missing):
            raise Refused(404, "the server could not find the requested resource")
        return (prefix, resource), ns, name, sub

    def body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise Refused(400, "the body is no JSON")

    def serve(self):
        self.dropped = False
        self.cut = self.slow = None
        self.split = False
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        watch = query.get("watch", ["0"])[0] in ("1", "true")
        body = None
        self.server.note("%s %s" % (self.command, self.path))
        try:
            body = self.body()
            if url.path.startswith("/fake/"):
                return self.fake(url.path[6:], body)
            token = self.server.token and open(self.server.token).read().strip()
            if token and self.headers.get("Authorization") != "Bearer " + token:
                raise Refused(401, "Unauthorized")
            where, ns, name, sub = self.locate(url.path)
            kind = "watch" if watch else "list" if self.command == "GET" and not name else self.command
            if not self.act(kind):
                return None
            if watch:
                return self.watch(where, ns, name, query)
            if kind == "list":
                return self.list(where, ns, query)
            with self.server.store.lock:
                code, obj = getattr(self, "do_one_" + self.command.lower())(where, ns, name, sub, body, query)
            return self.answer(code, obj)
        except Refused as e:
            return self.answer(e.code, status(e.code, e.message))
        except (ConnectionError, TimeoutError, ValueError) as e:
            if isinstance(e, ValueError) and not self.wfile.closed:
                raise
            self.close_connection = True
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def fake(self, what, body):
        store = self.server.store
        if what == "rules":
            rules = [Rule(r) for r in body or []]
            with self.server.lock:
                self.server.rules = rules
        elif what == "compact":
            with store.lock:
                store.compacted = store.version
                store.events.clear()
        elif what == "drop":
            with store.lock:
                store.epoch += 1
                store.lock.notify_all()
        elif what == "log":
            with self.server.lock:
                return self.raw(200, ("\n".join(self.server.requests) + "\n").encode())
        else:
            raise Refused(404, "no /fake/" + what)
        return self.answer(200, {})

    def known(self, where, ns, name):
        text = self.server.store.collections.get(where, {}).get((ns, name))
        if text is None:
            raise Refused(404, '%s "%s" not found' % (where[1], name))
        return text

    def do_one_get(self, where, ns, name, sub, body, query):
        return 200, self.known(where, ns, name).encode()

    def do_one_post(self, where, ns, name, sub, body, query):
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
            raise Refused(422, "metadata is missing")
        meta = body["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + "%05x" % (self.server.store.version % (1 << 20))
        name = meta.get("name")
        if not name:
            raise Refused(422, "metadata.name: Required value")
        if (ns, name) in self.server.store.collections.get(where, {}):
            raise Refused(409, '%s "%s" already exists' % (where[1], name))
        meta.update(uid=meta.get("uid") or str(uuid.uuid4()), generation=1,
                    creationTimestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        if ns:
            meta["namespace"] = ns
        self.server.store.put(where, ns, name, body, "ADDED")
        return 201, body

    def change(self, where, ns, name, sub, old_text, new):
        old = json.loads(old_text)
        given = new.get("metadata", {}).get("resourceVersion")
        if given and given != old["metadata"]["resourceVersion"]:
            raise Refused(409, "the object has been modified; please apply your changes to the latest version")
        if sub == "status":
            new = dict(old, status=new.get("status"))
        elif old.get("status") is not None and where[0] != "/api/v1":
            new = dict(new, status=old["status"])
        new["metadata"] = dict(new.get("metadata", {}), name=name, uid=old["metadata"].get("uid"),
                               generation=old["metadata"].get("generation", 1) + (new.get("spec") != old.get("spec")))
        if ns:
            new["metadata"]["namespace"] = ns
        self.server.store.put(where, ns, name, new, "MODIFIED", old_text)
        return 200, new

    def do_one_put(self, where, ns, name, sub, body, query):
        return self.change(where, ns, name, sub, self.known(where, ns, name), body)

    def do_one_patch(self, where, ns, name, sub, body, query):
        if self.headers.get("Content-Type") != "application/merge-patch+json":
            raise Refused(415, "only application/merge-patch+json")
        text = self.known(where, ns, name)
        return self.change(where, ns, name, sub, text, merge(json.loads(text), body))

    def do_one_delete(self, where, ns, name, sub, body, query):
        self.known(where, ns, name)
        return 200, self.server.store.delete(where, (ns, name))

    def list(self, where, ns, query):
        store, start = self.server.store, ""
        limit = int(query.get("limit", ["0"])[0])
        with store.lock:
            version = store.version
            if "continue" in query:
                token = json.loads(base64.b64decode(query["continue"][0]))
                version, start = token["rv"], token["start"]
                if version < store.compacted:
                    raise Refused(410, "The provided continue parameter is too old")
            items = sorted((k, t) for k, t in store.collections.get(where, {}).items() if not ns or k[0] == ns)
        items = [(k, t) for k, t in items if "/".join(k) > start and selects(query, t)]
        meta = {"resourceVersion": str(version)}
        if limit and len(items) > limit:
            items = items[:limit]
            token = {"rv": version, "start": "/".join(items[-1][0])}
            meta["continue"] = base64.b64encode(json.dumps(token).encode()).decode()
        head = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": meta})
        self.raw(200, (head[:-1] + ',"items":[' + ",".join(t for _, t in items) + "]}\n").encode())

    def watch(self, where, ns, name, query):
        store = self.server.store
        since = int(query.get("resourceVersion", ["0"])[0] or 0)
        end = time.monotonic() + float(query.get("timeoutSeconds", ["300"])[0])
        self.close_connection = True  # the stream ends with it
        if since < store.compacted:
            raise Refused(410, "too old resource version: %d (%d)" % (since, store.compacted))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.event:
            what, arg = self.event
            if what == "event":
                self.event_out("ERROR", json.dumps(status(int(arg), "the rule says %s" % arg)))
            elif what == "junk":
                self.write(b"{]junk\n")
            if what != "junk":
                return
        seen, epoch = since, store.epoch
        while time.monotonic() < end and not self.server.ending.is_set():
            with store.lock:
                new = [e for e in self.after(store, seen) if e[1] == where]
                told = store.version
                if not new and store.epoch == epoch:
                    store.lock.wait(min(self.server.bookmark, max(0, end - time.monotonic())))
                    new = [e for e in self.after(store, seen) if e[1] == where]
                    told = store.version
                dropped = store.epoch != epoch
            if dropped:
                self.gone()
                return
            for _, _, kind, text, before in new:
                self.pass_on(kind, text, before, ns, name, query)
            seen = told
            if not new and query.get("allowWatchBookmarks"):
                self.event_out("BOOKMARK", json.dumps({"metadata": {"resourceVersion": str(told)}}))

    @staticmethod
    def after(store, seen):
        i = len(store.events)
        while i and store.events[i - 1][0] > seen:
            i -= 1
        return store.events[i:]

    def pass_on(self, kind, text, before, ns, name, query):
        obj = json.loads(text)
        if (ns and obj["metadata"].get("namespace") != ns) or (name and obj["metadata"]["name"] != name):
            return
        now = kind != "DELETED" and selects(query, text, obj)
        was = before is not None and selects(query, before)
        if now or was:
            self.event_out("ADDED" if not was else "MODIFIED" if now else "DELETED", text)

    def event_out(self, kind, text):
        self.write(('{"type":"%s","object":%s}\n' % (kind, text)).encode())


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ValueError, OSError)):
            super().handle_error(request, client_address)

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except OSError:
            pass

    def note(self, line):
        with self.lock:
            self.requests.append(line)
        if self.log:
            self.log.write("%.3f %s\n" % (time.time(), line))
            self.log.flush()


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--ready", help="the URL is written into this file")
    p.add_argument("--pods", type=int, default=0, help="so many in the namespace shop")
    p.add_argument("--nodes", type=int, default=3)
    p.add_argument("--rule", action="append", default=[])
    p.add_argument("--missing", action="append", default=[], help="PREFIX/RESOURCE or RESOURCE")
    p.add_argument("--token", help="file with the bearer token that is asked for, read at each request")
    p.add_argument("--clock", type=float, default=0, help="seconds by which its Date is ahead")
    p.add_argument("--bookmark", type=float, default=1, help="seconds of silence before one")
    p.add_argument("--tls", help="PEM file: key and certificate")
    p.add_argument("--clients", help="PEM file: who signs clients' certificates")
    p.add_argument("--log", help="file: time and request, a line each")
    a = p.parse_args()
    server = Server((a.host, a.port), Handler)
    server.lock, server.ending, server.store = threading.Lock(), threading.Event(), Store()
    server.rules, server.requests = [Rule(r) for r in a.rule], []
    server.missing, server.token, server.clock, server.bookmark = a.missing, a.token, a.clock, a.bookmark
    server.log = open(a.log, "a") if a.log else None
    if a.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(a.tls)
        if a.clients:
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(a.clients)
        # The handshake is the connection's thread's.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with server.store.lock:
        for i in range(a.nodes):
            n = "n%d" % (i + 1)
            server.store.put(("/api/v1", "nodes"), "", n, {"metadata": {"name": n, "uid": str(uuid.uuid4()), "labels": {
                "kubernetes.io/hostname": n}}, "status": {"addresses": [
                    {"type": "InternalIP", "address": "10.0.0.%d" % (i + 1)}]}}, "ADDED")
        for i in range(a.pods):
            o = pod(i, a.nodes)
            server.store.put(("/api/v1", "pods"), "shop", o["metadata"]["name"], o, "ADDED")
    url = "http%s://%s:%d" % ("s" if a.tls else "", a.host, server.server_address[1])
    if a.ready:
        with open(a.ready + ".tmp", "w") as f:
            f.write(url + "\n")
        os.rename(a.ready + ".tmp", a.ready)
    else:
        print(url, flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    server.ending.set()


if __name__ == "__main__":
    main()
