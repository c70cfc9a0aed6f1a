#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""kafkalike.py PORT BROKERS [ERROR]: so much of Kafka's protocol that a client makes a topic and adds to it.

Brokers 127.0.0.1, 127.0.0.2, ... (all of them this one) without topics, which keep no messages. Prints what they are
asked: "create NAME partitions P replicas R CONFIG=VALUE...", answered with ERROR (0) the first time, and "produce
NAME acks A" of the first message. A topic that is refused with 36 (it exists) is there from then on.
"""
import asyncio
import struct
import sys

PRODUCE, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 3, 18, 19
VERSIONS = {PRODUCE: (0, 3), 1: (0, 4), METADATA: (0, 4), API_VERSIONS: (0, 0), CREATE_TOPICS: (0, 2)}
NO_TOPIC, UNSUPPORTED_VERSION, EXISTS = 3, 35, 36

port, brokers = int(sys.argv[1]), int(sys.argv[2])
first_error = int(sys.argv[3]) if len(sys.argv) > 3 else 0
topics, said = set(), set()


class Request:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.number("h")
        self.at += max(n, 0)
        return None if n < 0 else self.data[self.at - n:self.at].decode()

    def list(self, item):
        return [item() for _ in range(max(self.number("i"), 0))]


def number(form, *values):
    return struct.pack(">" + form, *values)


def text(s):
    return number("h", -1) if s is None else number("h", len(s)) + s.encode()


def array(items):
    return number("i", len(items)) + b"".join(items)


def say(line):
    if line not in said:
        said.add(line)
        print(line, flush=True)


def api_versions(r, version):
    error = UNSUPPORTED_VERSION if version > 0 else 0
    return number("h", error) + array([number("hhh", k, *v) for k, v in VERSIONS.items()])


def metadata(r, version):
    def topic(name):
        there = name in topics
        ids = array([number("i", i + 1) for i in range(brokers)])
        partition = number("hii", 0, 0, 1) + ids + ids
        return number("h", 0 if there else NO_TOPIC) + text(name) + b"\0" + array([partition] if there else [])

    nodes = [number("i", i + 1) + text(f"127.0.0.{i + 1}") + number("i", port) + text(None) for i in range(brokers)]
    return number("i", 0) + array(nodes) + text(None) + number("i", 1) + array([topic(t) for t in r.list(r.text)])


def create(r, version):
    global first_error

    def topic():
        name, partitions, replicas = r.text(), r.number("i"), r.number("h")
        r.list(lambda: (r.number("i"), r.list(lambda: r.number("i"))))
        config = r.list(lambda: f" {r.text()}={r.text()}")
        say(f"create {name} partitions {partitions} replicas {replicas}{''.join(config)}")
        return name

    answers = []
    for name in r.list(topic):
        if first_error in (0, EXISTS):
            topics.add(name)
        answers.append(text(name) + number("h", first_error) + text(None))
        first_error = 0
    return number("i", 0) + array(answers)


def produce(r, version):
    r.text()
    acks = r.number("h")
    r.number("i")

    def topic():
        name = r.text()

        def partition():
            index, size = r.number("i"), r.number("i")
            r.at += size
            return number("ihqq", index, 0 if name in topics else NO_TOPIC, 0, -1)

        say(f"produce {name} acks {acks}")
        return text(name) + array(r.list(partition))

    return array(r.list(topic)) + number("i", 0)


ANSWERS = {API_VERSIONS: api_versions, METADATA: metadata, CREATE_TOPICS: create, PRODUCE: produce}


async def serve(reader, writer):
    try:
        while True:
            size, = struct.unpack(">i", await reader.readexactly(4))
            r = Request(await reader.readexactly(size))
            key, version, correlation = r.number("h"), r.number("h"), r.number("i")
            r.text()
            answer = number("i", correlation) + ANSWERS[key](r, version)
            writer.write(number("i", len(answer)) + answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", port)
    print("up", flush=True)
    await server.serve_forever()


asyncio.run(main())
