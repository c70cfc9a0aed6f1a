#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""crd_check.py: whether the CRD of Experiments and the parser of experiment files agree. TAP.

 - each shipped experiment, and the quick start's, is accepted by the schema;
 - a key that nobody knows is refused wherever the schema is closed;
 - at each place the schema knows the keys that the parser names when it meets one that it does not ($CHAOS check);
 - what people get wrong is refused, and what they may write is not.
"""
import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ANY = "x-kubernetes-preserve-unknown-fields"
EITHER = "x-kubernetes-int-or-string"
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def is_of(kind, value):
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def bounds(schema, value, path):
    """What the API server looks at, for a value of a kind that it applies to."""
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: `{value}` does not match {schema['pattern']}"
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", 10**9):
            yield f"{path}: length of `{value}`"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{path}: {value} is out of range"
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
            yield f"{path}: {len(value)} items"
    elif isinstance(value, dict) and len(value) < schema.get("minProperties", 0):
        yield f"{path}: empty"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"


def check(schema, value, path):
    if value is None and schema.get("nullable"):
        return
    if "type" in schema and not is_of(schema["type"], value):
        yield f"{path}: no {schema['type']}"
        return
    if schema.get(EITHER) and not (is_of("integer", value) or is_of("string", value)):
        yield f"{path}: neither a number nor text"
        return
    yield from bounds(schema, value, path)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for key in schema.get("required", []):
            if key not in value:
                yield f"{path}: no {key}"
        for key, v in value.items():
            inner = known.get(key, schema.get("additionalProperties"))
            if inner is not None:
                yield from check(inner, v, f"{path}.{key}")
            elif not schema.get(ANY):
                yield f"{path}.{key}: unknown"
    elif isinstance(value, list) and "items" in schema:
        for i, v in enumerate(value):
            yield from check(schema["items"], v, f"{path}[{i}]")


def closed_maps(schema, value, way=()):
    """Where in @value a key that is unknown must be refused."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if "additionalProperties" not in schema and not schema.get(ANY):
            yield way
        for key, v in value.items():
            inner = known.get(key, schema.get("additionalProperties"))
            if inner is not None:
                yield from closed_maps(inner, v, way + (key,))
    elif isinstance(value, list) and "items" in schema:
        for i, v in enumerate(value):
            yield from closed_maps(schema["items"], v, way + (i,))


def keyed_maps(schema, way=()):
    """Each place of the schema that has keys, as a way of names and indices to it, and its keys."""
    if "properties" in schema:
        yield way, set(schema["properties"])
    for key, inner in schema.get("properties", {}).items():
        yield from keyed_maps(inner, way + (key,))
    for name, step in (("additionalProperties", "any"), ("items", 0)):
        if isinstance(schema.get(name), dict):
            yield from keyed_maps(schema[name], way + (step,))


# What the parser reads only beside another key.
BESIDE = {"pick": {"pods": {"name": "a"}}, "not": {"pods": {"name": "a"}}, "of": {"bridge": "a"}}
# What it lists but refuses there, in words of its own.
NOT_IN = {"not": {"ports", "proto", "not", "pick"}}


def keys_of_parser(chaos, way):
    """The keys that the parser expects there: it lists them when it finds another."""
    value = {"zzzzzz": 1}
    for step in reversed(way):
        value = [value] if step == 0 else {**BESIDE.get(step, {}), step: value}
    spec = {"endpoints": {"a": {"cidr": "10.0.0.0/8"}}, **value}
    text = json.dumps({"apiVersion": "netchaos.dev/v1alpha1", "kind": "Experiment", "metadata": {"name": "x"}, "spec": spec})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        said = subprocess.run([chaos, "check", f.name], capture_output=True, text=True, check=False).stderr
    found = re.search("unknown key `zzzzzz`; expected (.*)", said)
    return set(found.group(1).split(", ")) - NOT_IN.get(way[-1] if way else None, set()) if found else None


# path, value, whether the schema takes it
CASES = [
    (("faults", 0, "at"), "10s", True), (("faults", 0, "at"), 0, True), (("faults", 0, "at"), 10, False),
    (("faults", 0, "at"), "10", False), (("faults", 0, "at"), "1.5 h", True), (("faults", 0, "for"), "5q", False),
    (("faults", 0, "loss"), "5%", True), (("faults", 0, "loss"), 0.05, True), (("faults", 0, "loss"), 1.5, False),
    (("faults", 0, "loss"), "5%..10%", True), (("faults", 0, "loss"), "five", False),
    (("faults", 0, "loss"), {"probability": "5%", "burst": 3}, True),
    (("faults", 0, "loss"), {"gemodel": {"p": "1%", "r": "10%", "x": 1}}, False),
    (("faults", 0, "delay"), "100ms", True), (("faults", 0, "delay"), "0ms..100ms", True),
    (("faults", 0, "delay"), {"latency": "100ms", "jitter": 3}, False),
    (("faults", 0, "delay"), {"latency": "100ms", "distribution": "gauss"}, False),
    (("faults", 0, "rate"), "10mbit", True), (("faults", 0, "rate"), "10", False),
    (("faults", 0, "rate"), {"bandwidth": "1mbps", "burst": "16kb", "queue": "50ms"}, True),
    (("faults", 0, "mtu"), 1400, True), (("faults", 0, "mtu"), 20, False), (("faults", 0, "reset"), True, True),
    (("faults", 0, "direction"), "out", False), (("faults", 0, "from"), ["a", "b"], True),
    (("faults", 0, "from"), {"random": 2, "of": ["a", "b"]}, True), (("faults", 0, "from"), {"random": 0}, False),
    (("faults", 0, "from"), "no name", False), (("faults", 0, "match"), {"proto": "tcp", "ports": "80-90"}, True),
    (("faults", 0, "match"), {"proto": "tpc"}, False), (("faults", 0, "match"), {"ports": [80, "90-99"]}, True),
    (("faults", 0, "match"), {"ports": 70000}, False), (("faults", 0, "match"), {"tcp_flags": "syn,!ack"}, True),
    (("faults", 0, "partition"), {"halves": ["a", ["b", "c"]]}, True),
    (("faults", 0, "partition"), {"halves": ["a", "b", "c"]}, False), (("faults", 0, "form"), "12s", False),
    (("duration",), "until-stopped", True), (("duration",), "soon", False), (("seed",), 7, True),
    (("seed",), "9223372036854775807", True), (("seed",), "18446744073709551615", False), (("seed",), -1, False), (("expect",), "writes.lost == 0", False),
    (("endpoints", "a"), {"pods": {"labels": {"app": "web"}}, "pick": "one"}, True),
    (("endpoints", "a"), {"pods": {"labels": {"app": 3}}}, False),
    (("endpoints", "a"), [{"cidr": "10.0.0.0/8"}, {"host": "db.example.org", "ports": [80]}], True),
    (("endpoints", "a"), {"pods": {"expressions": [{"key": "x", "operator": "Is"}]}}, False),
    (("observe", "workloads", 0, "rate"), "50/s", True), (("observe", "workloads", 0, "check"), "sets", False),
]


def put(obj, way, value):
    obj = copy.deepcopy(obj)
    at = obj
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = value
    return obj


class Tap:
    n = bad = 0

    def result(self, name, wrong):
        self.n += 1
        self.bad += bool(wrong)
        print(f"{'not ' if wrong else ''}ok {self.n} - {name}")
        for line in wrong:
            print(f"# {line}")

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}")


def main():
    tap = Tap()
    with open(f"{root}/chaos/k8s/crd-experiment.yaml", encoding="utf-8") as f:
        crd = yaml.safe_load(f)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    files = sorted(glob.glob(f"{root}/chaos/experiments/*.yaml")) + [
        f for f in sorted(glob.glob(f"{root}/chaos/k8s/quickstart/*.yaml")) if "kind: Experiment" in open(f).read()]
    refused, silent = [], []
    for name in files:
        with open(name, encoding="utf-8") as f:
            spec = yaml.safe_load(f)["spec"]
        refused += [f"{os.path.basename(name)}: {w}" for w in check(schema, spec, "spec")]
        for way in closed_maps(schema, spec):
            if not list(check(schema, put(spec, way + ("nobodys",), 1), "spec")):
                silent.append(f"{os.path.basename(name)}: {way}")
    tap.result(f"{len(files)} experiments are accepted", refused)
    tap.result("an unknown key is refused", silent)
    chaos = os.environ.get("CHAOS", "")
    if os.access(chaos, os.X_OK):
        wrong, n = [], 0
        for way, keys in keyed_maps(schema):
            theirs = keys_of_parser(chaos, way)
            n += 1
            if theirs != keys:
                wrong.append(f"{way}: " + (f"only one of them knows {sorted(theirs ^ keys)}" if theirs else "the parser lists none"))
        tap.result(f"at {n} places the schema and the parser know the same keys", wrong)
    else:
        tap.skip("the schema and the parser know the same keys", "no $CHAOS")
    base = {"duration": "30s", "endpoints": {"a": {"pods": {"name": "a"}}}, "expect": ["writes.lost == 0"],
            "faults": [{"at": "1s", "from": "a"}],
            "observe": {"workloads": [{"name": "w", "system": "etcd", "check": "set", "endpoints": "a"}]}}
    wrong = []
    for way, value, good in [(("duration",), "30s", True)] + CASES:
        found = list(check(schema, put(base, way, value), "spec"))
        if good == bool(found):
            wrong.append(f"{way} = {value!r}: {found or 'accepted'}")
    tap.result(f"{len(CASES)} values, right and wrong", wrong)
    print(f"1..{tap.n}")
    return tap.bad != 0


sys.exit(main())
