#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""peer.py PORT: a process with sockets. It echoes TCP and UDP on PORT, by IPv4 and IPv6 (one socket, so an IPv4
peer is v4-mapped; `--v4 PORT`: an IPv4 socket), and does what it reads, a line each, answered by one line:

    tcp ADDR PORT     a new connection, a word there and back: ok | refused | timeout
    udp ADDR PORT     a datagram there and back
    hold ADDR PORT    a new connection that stays
    use               a word on that one
    fork COMMAND...   the command in a child
    pass PATH ADDR PORT   a new connection, made here and handed over to who listens on the Unix socket PATH
    take PATH         wait for one there, which is then the one of `use`
    eofs              how many connections that came in have been closed from the other side
    trips KIND ADDR PORT N   N round trips, tcp or udp, each TRIP_S after the one before has begun if it is back:
                      how many are lost, their median and 99th percentile in µs, TCP's retransmissions
    flood ADDR PORT N N datagrams, one each TRIP_S at most; nobody waits for an answer
    ms ADDR PORT      a new connection's time to connect, in milliseconds
"""
import array
import os
import selectors
import socket
import sys
import time

WAIT = 0.7
TRIP_S = 0.0005
TCPI_TOTAL_RETRANS = 100  # its offset in struct tcp_info (linux/tcp.h)
sel = selectors.DefaultSelector()
held = None
closed = 0


def listen(port, v4):
    family, addr = (socket.AF_INET, "0.0.0.0") if v4 else (socket.AF_INET6, "::")
    tcp = socket.socket(family, socket.SOCK_STREAM)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    for s in (tcp, udp):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not v4:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind((addr, port))
    tcp.listen(1024)
    sel.register(tcp, selectors.EVENT_READ, accept)
    sel.register(udp, selectors.EVENT_READ, echo_datagram)


def accept(s):
    c, _ = s.accept()
    sel.register(c, selectors.EVENT_READ, echo)


def echo(c):
    global closed
    try:
        data = c.recv(65536)
        if data:
            c.sendall(data)
            return
    except OSError:
        pass
    closed += 1
    sel.unregister(c)
    c.close()


def echo_datagram(s):
    data, who = s.recvfrom(65536)
    try:
        s.sendto(data, who)
    except OSError:
        pass


def connect(addr, port, kind=socket.SOCK_STREAM):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, kind)
    s.settimeout(WAIT)
    s.connect((addr, int(port)))
    return s


def exchange(s):
    s.send(b"word")
    return "ok" if s.recv(16) == b"word" else "closed"


def outcome(f, *args):
    try:
        return f(*args)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except (TimeoutError, socket.timeout):
        return "timeout"
    except OSError as e:
        return "error %s" % e.strerror


def tcp(addr, port):
    with connect(addr, port) as s:
        return exchange(s)


def udp(addr, port):
    with connect(addr, port, socket.SOCK_DGRAM) as s:
        return exchange(s)


def hold(addr, port):
    global held
    held = connect(addr, port)
    return exchange(held)


def use():
    return exchange(held)


def fork(*words):
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(w, do(words).encode())
        os._exit(0)
    os.close(w)
    text = os.read(r, 4096).decode()
    os.close(r)
    os.waitpid(pid, 0)
    return text


def hand_over(path, addr, port):
    c = connect(addr, port)
    with socket.socket(socket.AF_UNIX) as u:
        u.settimeout(5)
        u.connect(path)
        u.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
    c.close()
    return "ok"


def take(path):
    global held
    with socket.socket(socket.AF_UNIX) as u:
        u.bind(path)
        u.listen(1)
        u.settimeout(5)
        c, _ = u.accept()
        _, anc, _, _ = c.recvmsg(1, socket.CMSG_SPACE(4))
        fd = array.array("i")
        fd.frombytes(anc[0][2])
        held = socket.socket(fileno=fd[0])
        held.settimeout(WAIT)
    return "ok"


def eofs():
    return str(closed)


def one_trip(s, i):
    """Its time in µs; None: it is lost. What comes late is not taken for this one's."""
    word = b"%08d" % i
    t = time.monotonic()
    try:
        s.send(word)
        while s.recv(16) != word:
            pass
    except (TimeoutError, socket.timeout):
        return None
    return 1e6 * (time.monotonic() - t)


def trips(kind, addr, port, n):
    took = []
    retransmitted = 0
    with connect(addr, port, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        for i in range(int(n)):
            began = time.monotonic()
            took.append(one_trip(s, i))
            time.sleep(max(0.0, began + TRIP_S - time.monotonic()))
        if kind == "tcp":
            info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            retransmitted = int.from_bytes(info[TCPI_TOTAL_RETRANS:TCPI_TOTAL_RETRANS + 4], sys.byteorder)
    back = sorted(t for t in took if t is not None)
    if not back:
        return "%s - - %d" % (n, retransmitted)
    return "%d %d %d %d" % (len(took) - len(back), back[len(back) // 2], back[len(back) * 99 // 100], retransmitted)


def flood(addr, port, n):
    with connect(addr, port, socket.SOCK_DGRAM) as s:
        for _ in range(int(n)):
            s.send(b"word")
            time.sleep(TRIP_S)
    return "ok"


def ms(addr, port):
    t = time.monotonic()
    with connect(addr, port):
        return "%.1f" % (1000 * (time.monotonic() - t))


def do(words):
    table = {"tcp": tcp, "udp": udp, "hold": hold, "use": use, "fork": fork, "pass": hand_over,
             "take": take, "ms": ms, "trips": trips,
             "flood": flood, "eofs": eofs}
    return outcome(table[words[0]], *words[1:])


def command(_):
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    print(do(line.split()), flush=True)


def main():
    v4 = sys.argv[1] == "--v4"
    listen(int(sys.argv[-1]), v4)
    sel.register(sys.stdin, selectors.EVENT_READ, command)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            key.data(key.fileobj)


main()
