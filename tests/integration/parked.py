#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of reads that wait for a change: parked.py HTTP_PORT PID COUNT {one-by-one|together} SECONDS

How the clients come: each asks before the next connects, or all have connected before the first asks.

Prints, one a line: "parked N", "bytes_each N" (resident memory of the agent per parked read),
"away N" (of them outside libh2o), "woken N" (answered after one key was written), "others N"
(answered too, though they had asked about other keys), "gone SECONDS" (after all hung up, until the agent had closed their sockets),
"left_each N" (memory not given back by then, or SECONDS later), "back SECONDS". Standard library only.
"""
import http.client
import json
import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from peers import agents_connections  # noqa: E402

port, pid, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def resident():
    with open("/proc/%s/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sockets():
    return agents_connections(port)


def until(what, seconds=120):
    end = time.monotonic() + seconds
    while True:
        if what():
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.1)


def put(key):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    c.request("PUT", "/v1/kv/" + key, body=b"x")
    reply = c.getresponse()
    reply.read()
    c.close()
    return int(reply.status)


def get(path):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    c.request("GET", path)
    reply = c.getresponse()
    reply.read()
    c.close()
    return reply.headers


def away():
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    c.request("GET", "/v1/agent/metrics")
    gauges = json.loads(c.getresponse().read())["Gauges"]
    c.close()
    return next(g["Value"] for g in gauges if g["Name"] == "consul.http.away")


def answered(poller, wanted):
    """All that are answered until so many are, and for a second more: no others shall be."""
    found, end = set(), time.monotonic() + 120
    while time.monotonic() < end:
        if len(found) >= wanted:
            end, wanted = time.monotonic() + 1, float("inf")
        for fd, _ in poller.poll(0.1):
            found.add(fd)
            poller.unregister(fd)
    return found


assert put("parked/0") == 200
index = int(get("/v1/kv/none")["X-Consul-Index"])
until(lambda: sockets() == 0)  # the agent has closed those, and that of who waited for it
base = resident()
clients = []


def ask(n):
    clients[n].sendall(b"GET /v1/kv/parked/%d?index=%d&wait=300s HTTP/1.1\r\nHost: parked\r\n\r\n" % (n % 1000, index))


together = sys.argv[4] == "together"
for n in range(count):
    clients.append(socket.create_connection(("127.0.0.1", port), timeout=120))
    if not together:
        ask(n)
if together:
    for n in range(count):
        ask(n)
until(lambda: away() == count)
# The kernel's list is not of one moment: what it said once is enough.
print("parked", count if until(lambda: sockets() == count) else sockets())
print("bytes_each", (resident() - base) // count)
print("away", away())

poller = select.epoll()
by_fd = {}
for n, s in enumerate(clients):
    poller.register(s.fileno(), select.EPOLLIN)
    by_fd[s.fileno()] = n
assert put("parked/7") == 200
woken = answered(poller, count // 1000)
print("woken", sum(1 for fd in woken if by_fd[fd] % 1000 == 7))
print("others", sum(1 for fd in woken if by_fd[fd] % 1000 != 7))

start = time.monotonic()
for s in clients:
    s.close()
until(lambda: sockets() == 0)
print("gone %.1f" % (time.monotonic() - start))
patience = float(sys.argv[5])
while resident() - base > 512 * count and time.monotonic() - start < patience:
    time.sleep(0.2)
print("left_each", max(0, resident() - base) // count)
print("back %.1f" % (time.monotonic() - start))
