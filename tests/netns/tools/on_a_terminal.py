#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""on_a_terminal.py END COMMAND...: run COMMAND on a terminal of 24 lines, change its size to 10, end it by
END (a key to press, or a signal), and print what became of it:

  first FRAME LINES, resized FRAME LINES, exit STATUS, restored|changed (settings), left|stays (the other screen)
"""
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios

LIMIT_S = 30


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def own(fd):
    os.setsid()
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def read_until(fd, seen, done):
    """Append what comes to seen until done(seen)."""
    while not done(seen):
        if not select.select([fd], [], [], LIMIT_S)[0]:
            sys.exit("nothing came in %d s; so far: %r" % (LIMIT_S, bytes(seen[-500:])))
        seen += os.read(fd, 65536)


def frame(seen):
    """Lines of the newest whole frame, None if there is none: each begins at home and ends by clearing below."""
    end = seen.rfind(b"\033[J")
    begin = seen.rfind(b"\033[H", 0, end)
    return seen[begin:end].count(b"\r\n") + 1 if 0 <= begin < end else None


def main():
    end, command = sys.argv[1], sys.argv[2:]
    master, slave = os.openpty()
    resize(master, 24, 80)
    before = termios.tcgetattr(slave)
    env = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env,
                             preexec_fn=lambda: own(slave))
    seen = bytearray()
    read_until(master, seen, frame)
    print("first", frame(seen))
    during = termios.tcgetattr(slave)
    if during[3] & (termios.ECHO | termios.ICANON):
        print("keys are not read as they are pressed")
    resize(master, 10, 80)
    read_until(master, seen, lambda s: frame(s) == 10)
    print("resized", frame(seen))
    if len(end) == 1:
        os.write(master, end.encode())
    else:
        child.send_signal(getattr(signal, end))
    read_until(master, seen, lambda s: b"\033[?1049l" in s or child.poll() is not None)
    print("exit", child.wait(LIMIT_S))
    while select.select([master], [], [], 0)[0]:
        seen += os.read(master, 65536)
    print("restored" if termios.tcgetattr(slave) == before else "changed")
    left = seen.rfind(b"\033[?1049l") > seen.rfind(b"\033[?1049h") >= 0 and b"\033[?25h" in seen
    print("left" if left else "stays")


main()
