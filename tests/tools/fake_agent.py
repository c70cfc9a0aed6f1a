#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
fake_agent.py: what agents write into an object's status, for tests of who reads it; against fake_api.py.

  fake_agent.py URL COLLECTION EVENTS [--nodes n1,n2] [--refuse WORDS] [--run S] [--hold] [--no-record NODE] [--verdict V]
                [--broken NODE]

Waits for an object in COLLECTION (/apis/...), starts it, lets its nodes Run for S seconds (--hold: until it is to be
stopped), writes EVENTS (events.jsonl) as the record of each node into ConfigMaps as agents do, then Done, then a verdict.
Ends when the object is gone, or refused.
"""
import argparse, base64, gzip, io, json, sys, time, urllib.error, urllib.request


def call(method, path, body=None, kind="application/json"):
    data = json.dumps(body).encode() if body is not None else None
    rq = urllib.request.Request(a.url + path, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(rq, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as e:
        if e.code == 404:
            return None
        raise


def patch(path, status):
    call("PATCH", path + "/status", {"status": status}, "application/merge-patch+json")


def record(events):
    """A gzip member with the segment's name."""
    out = io.BytesIO()
    with gzip.GzipFile("segment-1", "wb", 6, out, 0) as f:
        f.write(events)
    return out.getvalue()


def upload(obj, ns, node, packed, broken):
    uid = obj["metadata"]["uid"]
    chunks = [packed[i:i + a.chunk] for i in range(0, len(packed), a.chunk)]
    for k, chunk in enumerate(chunks):
        name = "chaos-%.8s-%s-%02d" % (uid, node, k)
        call("POST", "/api/v1/namespaces/%s/configmaps" % ns, {
            "metadata": {"name": name, "labels": {"netchaos.dev/run": uid, "netchaos.dev/node": node},
                         "ownerReferences": [{"apiVersion": obj["apiVersion"], "kind": obj["kind"], "uid": uid,
                                              "name": obj["metadata"]["name"]}]},
            "binaryData": {"chunk": base64.b64encode(chunk[::-1] if broken else chunk).decode()}})
    return {"chunks": len(chunks), "bytes": len(packed)}


def main():
    nodes = a.nodes.split(",")
    while not (items := call("GET", a.collection)["items"]):
        time.sleep(0.05)
    obj = items[0]
    ns, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    path = a.collection if "/namespaces/" in a.collection else \
        a.collection.rsplit("/", 1)[0] + "/namespaces/%s/%s" % (ns, a.collection.rsplit("/", 1)[1])
    path += "/" + name
    if a.refuse:
        return patch(path, {"phase": "Refused", "message": a.refuse})
    start = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    pods = {n: {ns + "/web-" + n: {"place": "web/web-" + n, "phase": "Waiting"}} for n in nodes}
    patch(path, {"phase": "Pending", "startAt": start, "nodes": {n: {"phase": "Armed", "pods": pods[n]} for n in nodes}})
    for n in nodes:
        for p in pods[n].values():
            p.update(phase="Injected", mechanism="tcx", hits={"dropped": 12, "delayed": 3})
    patch(path, {"phase": "Running", "nodes": {n: {"phase": "Running", "mechanism": "tcx", "pods": pods[n]} for n in nodes}})
    stopped, end = False, time.monotonic() + a.run
    while a.hold or time.monotonic() < end:
        now = call("GET", path)
        if now is None:
            return None
        if (now["metadata"].get("annotations") or {}).get("netchaos.dev/stop") == "true":
            stopped = True
            break
        time.sleep(0.05)
    events = open(a.events, "rb").read()
    parts = {}
    for n in nodes:
        parts[n] = {"phase": "Done", "clock": {"offsetMs": 1.5, "epsilonMs": 2}}
        if n not in a.no_record.split(","):
            parts[n]["record"] = upload(obj, ns, n, record(events), n in a.broken.split(","))
    patch(path, {"phase": "Stopped" if stopped else "Finished", "nodes": parts})
    patch(path, {"verdict": a.verdict})
    while call("GET", path) is not None:
        time.sleep(0.05)
    return None


p = argparse.ArgumentParser(usage=__doc__)
p.add_argument("url")
p.add_argument("collection")
p.add_argument("events")
p.add_argument("--nodes", default="n1,n2")
p.add_argument("--refuse")
p.add_argument("--run", type=float, default=0.5)
p.add_argument("--hold", action="store_true")
p.add_argument("--no-record", default="")
p.add_argument("--broken", default="")
p.add_argument("--chunk", type=int, default=700 * 1024)
p.add_argument("--verdict", default="pass")
a = p.parse_args()
sys.exit(main())
