#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person at a terminal: runs COMMAND on one, and for each pair types KEYS when TEXT is on the screen.

    typed.py COMMAND TEXT KEYS [TEXT KEYS]...      KEYS may hold \\xHH; exits as the command does
"""
import os
import pty
import re
import select
import sys
import time

argv = sys.argv[2:]
steps = [(a.encode(), b.encode().decode("unicode_escape").encode("latin-1")) for a, b in zip(argv[::2], argv[1::2])]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("sh", ["sh", "-c", "exec " + sys.argv[1]])
screen, end = b"", time.time() + 100
while time.time() < end:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        got = os.read(fd, 65536)
    except OSError:  # the other side is closed
        break
    if not got:
        break
    screen += re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", got)
    while steps and steps[0][0] in screen:
        screen = b""
        os.write(fd, steps.pop(0)[1])
else:
    os.kill(pid, 9)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if not steps else "never saw %r" % steps[0][0])
