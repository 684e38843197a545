#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers and readers on the mounts of several servers.

    mount_hosts.py forward SECONDS MOUNT...   a writer on each mount, readers on each: every reader's
                                              view of each key only moves forward and ends current
    mount_hosts.py lag ROUNDS FROM TO         a write here is what the next open there shows: prints
                                              the median and the 99th percentile in milliseconds
"""
import errno
import mmap
import os
import sys
import threading
import time


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def forward(seconds, mounts):
    end = time.monotonic() + seconds
    last = {}
    wrong = []
    for i, m in enumerate(mounts):
        write("%s/kv/count%d" % (m, i), "0 " + "x" * 100)

    def writer(i):
        n = 0
        while time.monotonic() < end:
            n += 1
            write("%s/kv/count%d" % (mounts[i], i), "%d %s" % (n, "x" * (n % 5000)))
        last[i] = n

    def mapped_bytes(f):
        try:
            return mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:]
        except ValueError:  # empty to the process that is writing it
            return f.read()
        except OSError as e:
            if e.errno != errno.ENODEV:  # it is being written on this mount
                raise
            return f.read()

    def reader(m, mapped):
        try:
            read_on(m, mapped)
        except Exception as e:
            wrong.append("%s: %r" % (m, e))

    def read_on(m, mapped):
        seen = {}
        while time.monotonic() < end:
            for i in range(len(mounts)):
                path = "%s/kv/count%d" % (m, i)
                with open(path, "rb") as f:
                    data = mapped_bytes(f) if mapped else f.read()
                number, _, fill = data.partition(b" ")
                n = int(number)
                if n < seen.get(i, 0):
                    wrong.append("%s: %d after %d" % (path, n, seen[i]))
                if n and len(fill) != n % 5000:
                    wrong.append("%s: torn" % path)
                seen[i] = n

    def watch_times(m):
        """stat, too, only moves forward."""
        seen = {}
        try:
            while time.monotonic() < end:
                for i in range(len(mounts)):
                    path = "%s/kv/count%d" % (m, i)
                    at = os.stat(path).st_mtime_ns
                    if at < seen.get(i, 0):
                        wrong.append("%s: its time went back by %d ns" % (path, seen[i] - at))
                    seen[i] = at
        except OSError as e:
            wrong.append("%s: %r" % (m, e))

    def wait_for(path, n):
        for _ in range(6000):
            with open(path) as f:
                if int(f.read().split(" ")[0]) == n:
                    return
            time.sleep(0.01)
        wrong.append("%s does not become %d" % (path, n))

    threads = [threading.Thread(target=writer, args=(i,)) for i in range(len(mounts))]
    for k, m in enumerate(mounts):
        until = time.monotonic() + 60
        while not all(os.path.exists("%s/kv/count%d" % (m, i)) for i in range(len(mounts))):
            assert time.monotonic() < until, m
            time.sleep(0.01)
        threads.append(threading.Thread(target=reader, args=(m, False)))
        threads.append(threading.Thread(target=reader, args=(m, True)))
        threads.append(threading.Thread(target=watch_times, args=(m,)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for m in mounts:
        for i in range(len(mounts)):
            wait_for("%s/kv/count%d" % (m, i), last[i])
    print("%d writes" % sum(last.values()))
    if wrong:
        sys.exit("\n".join(wrong[:10]))


def lag(rounds, here, there):
    path = "/kv/lag"
    times = []
    write(here + path, "start")
    while not os.path.exists(there + path):
        pass
    for n in range(rounds):
        write(here + path, str(n))
        done = time.monotonic()
        while True:
            with open(there + path) as f:
                if f.read() == str(n):
                    break
        times.append((time.monotonic() - done) * 1000)
    times.sort()
    print("%.2f %.2f" % (times[len(times) // 2], times[len(times) * 99 // 100]))


if sys.argv[1] == "forward":
    forward(float(sys.argv[2]), sys.argv[3:])
else:
    lag(int(sys.argv[2]), sys.argv[3], sys.argv[4])
