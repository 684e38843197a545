#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GETs notice of a snapshot that is being saved: snapshot.py DISCO MEGABYTES

32 clients, each with a connection of its own, ask for a small key every 20 ms; how long each answer took is counted from
when it was due, so that one that waits is not counted once only. Memory is the agent's, its peak since just before."""
import http.client
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

DISCO, MEGABYTES = sys.argv[1], int(sys.argv[2])
CLIENTS, EVERY = 32, 0.02


def request(connection, path, method="GET", body=None):
    connection.request(method, path, body)
    reply = connection.getresponse()
    return reply.status, reply.read()


def start(base, port):
    agent = subprocess.Popen(
        [DISCO, "agent", "-server", "-bootstrap", "-bind", "127.0.0.1", "-data-dir", base, "-log-level", "ERR",
         "-http-port", str(port), "-dns-port", "-1", "-server-port", str(port + 1), "-serf-lan-port", str(port + 2),
         "-serf-wan-port", str(port + 3)], stdout=subprocess.DEVNULL)
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
            if b":" in request(connection, "/v1/status/leader")[1]:
                return agent, connection
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("the agent did not start")


def client(port, end, took):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.connect()
    due = time.perf_counter() + random.random() * EVERY
    while not end.is_set():
        time.sleep(max(0.0, due - time.perf_counter()))
        request(connection, "/v1/kv/small?stale")
        took.append(time.perf_counter() - due)
        due += EVERY


def measure(what, port, job):
    end, took = threading.Event(), []
    threads = [threading.Thread(target=client, args=(port, end, took)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    took.clear()
    begin = time.time()
    job()
    seconds = time.time() - begin
    end.set()
    for thread in threads:
        thread.join()
    took.sort()
    print("%-5s %5.2f s: %d GETs, p50 %.2f ms, p99 %.2f ms, longest %.1f ms" % (
        what, seconds, len(took), took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3, took[-1] * 1e3), flush=True)


def peak(agent):
    with open("/proc/%d/status" % agent.pid, encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("VmHWM")) // 1024


def main():
    rng = random.Random(1)
    words = [bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(8)) for _ in range(2000)]
    with tempfile.TemporaryDirectory() as base:
        port = 24000 + os.getpid() % 800 * 4
        agent, connection = start(base, port)
        for i in range(MEGABYTES * 10):
            value = b" ".join(rng.choices(words, k=11500))[:102400]
            assert request(connection, "/v1/kv/big/%06d" % i, "PUT", value)[0] == 200
        request(connection, "/v1/kv/small", "PUT", b"x")
        target = os.path.join(base, "saved")
        measure("idle", port, lambda: time.sleep(4))
        with open("/proc/%d/clear_refs" % agent.pid, "w", encoding="ascii") as f:
            f.write("5")
        before = peak(agent)
        measure("save", port, lambda: subprocess.check_call(
            ["curl", "-sf", "-o", target, "http://127.0.0.1:%d/v1/snapshot" % port]))
        print("archive %d MiB; memory %d MiB before, %d MiB at most" % (os.path.getsize(target) >> 20, before, peak(agent)))
        agent.terminate()
        agent.wait()


main()
