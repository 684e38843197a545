#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mount_flush.py FILE URL: threads share one open file; what a close has acknowledged is there.

Each thread writes its own eight bytes and closes a duplicate of the descriptor. When that close
returns without an error, the bytes must be in the value that HTTP gives, whoever else's close was
waiting for a commit at the same time.
"""
import os
import sys
import threading
import urllib.request

THREADS = 4
ROUNDS = 60


def main():
    path, url = sys.argv[1:3]
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    os.pwrite(fd, b"-" * 8 * THREADS, 0)
    lost = []

    def work(mine):
        for i in range(ROUNDS):
            word = b"%08d" % i
            os.pwrite(fd, word, mine * 8)
            os.close(os.dup(fd))
            with urllib.request.urlopen(url + "?raw", timeout=30) as answer:
                got = answer.read()[mine * 8:mine * 8 + 8]
            if got != word:
                lost.append((mine, word, got))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    os.close(fd)
    print("%d closes, %d acknowledged too early" % (THREADS * ROUNDS, len(lost)), lost[:3])
    return 1 if lost else 0


sys.exit(main())
