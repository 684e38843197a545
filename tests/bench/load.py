#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server with a large catalog, and thousands who wait: load.py HTTP_PORT PID [SCALE]

Registers 2,000 services of 5 instances, each with a check, on 500 nodes; writes 100,000 keys; parks 5,000
reads of services and 5,000 of keys, each on its own connection. Then services and keys change one after the
other, and all answers are timed from before the write was sent. SCALE (default 1) multiplies all counts.
Prints one figure a line. Standard library only.
"""
import base64
import http.client
import json
import os
import resource
import select
import socket
import sys
import time

port, pid = int(sys.argv[1]), sys.argv[2]
scale = float(sys.argv[3]) if len(sys.argv) > 3 else 1
SERVICES, NODES, KEYS, READS = (max(1, int(n * scale)) for n in (2000, 500, 100000, 10000))
INSTANCES = 5
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
READS = min(READS, hard - 200)
control = http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def ask(method, path, body=None):
    control.request(method, path, body)
    reply = control.getresponse()
    text = reply.read()
    assert reply.status == 200, (method, path, reply.status, text[:200])
    return reply, text


def mib():
    with open("/proc/%s/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1048576


def cpu():
    with open("/proc/%s/stat" % pid) as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


def instance(service, i, status):
    node = (service * INSTANCES + i) % NODES
    return {"Node": "node%d" % node, "Address": "10.1.%d.%d" % (node // 250, node % 250 + 1),
            "Service": {"ID": "s%d-%d" % (service, i), "Service": "s%d" % service, "Tags": ["v1"], "Port": 8000 + i},
            "Check": {"CheckID": "c%d-%d" % (service, i), "Name": "alive", "Status": status,
                      "ServiceID": "s%d-%d" % (service, i), "Output": "HTTP GET http://10.1.0.1/health: 200 OK"}}


empty = mib()
print("empty: %.1f MiB resident" % empty)
began, used = time.monotonic(), cpu()
for s in range(SERVICES):
    for i in range(INSTANCES):
        ask("PUT", "/v1/catalog/register", json.dumps(instance(s, i, "passing")))
seconds, full = time.monotonic() - began, mib()
print("%d instances with checks: %.0f/s by one client, %.0f us of CPU and %.2f KiB each" % (
    SERVICES * INSTANCES, SERVICES * INSTANCES / seconds, (cpu() - used) / SERVICES / INSTANCES * 1e6,
    (full - empty) * 1024 / SERVICES / INSTANCES))
began, used = time.monotonic(), cpu()
value = base64.b64encode(b"v" * 100).decode()
for first in range(0, KEYS, 64):
    ask("PUT", "/v1/txn", json.dumps([{"KV": {"Verb": "set", "Key": "load/%d/%d" % (k // 1000, k), "Value": value}}
                                      for k in range(first, min(first + 64, KEYS))]))
keys_full = mib()
print("%d keys of 100 octets: %.0f/s in transactions of 64, %.1f us of CPU and %.2f KiB each" % (
    KEYS, KEYS / (time.monotonic() - began), (cpu() - used) / KEYS * 1e6, (keys_full - full) * 1024 / KEYS))

index = int(ask("GET", "/v1/kv/load/0/0")[0].getheader("X-Consul-Index"))
indexes, poller, clients, sockets, paths = {}, select.epoll(), {}, [], []
for n in range(READS):
    paths.append("/v1/health/service/s%d?passing" % (n // 2 % SERVICES) if n % 2 == 0 else
                 "/v1/kv/load/%d/%d" % (n % KEYS // 1000, n % KEYS))


def park(s, n):
    path = paths[n]
    if path not in indexes:
        indexes[path] = int(ask("GET", path)[0].getheader("X-Consul-Index"))
    s.sendall(b"GET %s%sindex=%d&wait=600s HTTP/1.1\r\nHost: load\r\n\r\n" % (
        path.encode(), b"&" if "?" in path else b"?", indexes[path]))


def parked():
    for gauge in json.loads(ask("GET", "/v1/agent/metrics")[1])["Gauges"]:
        if gauge["Name"] == "consul.reads.parked":
            return int(gauge["Value"])
    return -1


def take(s):
    """One whole answer; its index."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536)
    head, body = got.split(b"\r\n\r\n", 1)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += s.recv(65536)
    return int(fields[b"x-consul-index"])


by_path = {}
for n in range(READS):
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    park(s, n)
    clients[s.fileno()] = n
    sockets.append(s)
    by_path.setdefault(paths[n], []).append(n)
    poller.register(s.fileno(), select.EPOLLIN)
end = time.monotonic() + 60
while parked() < READS and time.monotonic() < end:
    time.sleep(0.1)
time.sleep(6)  # what a crowd leaves behind is given back after seconds
print("%d of %d reads wait: %.2f KiB each; all together %.1f MiB resident" % (
    parked(), READS, (mib() - keys_full) * 1024 / READS, mib()))
used, began = cpu(), time.monotonic()
time.sleep(5)
print("CPU while all wait and nothing changes: %.2f %%" % ((cpu() - used) / (time.monotonic() - began) * 100))

# One change after the other: of a service's check, and of a key. Who asked about it must answer, nobody else.
latencies = {"service": [], "key": []}
wrong, missing, changes, used, began = 0, 0, max(50, int(1000 * scale)), cpu(), time.monotonic()
for change in range(changes):
    if change % 2 == 0:
        service, kind = change // 2 % min(SERVICES, READS // 2), "service"
        concerned = "/v1/health/service/s%d?passing" % service
        status = "critical" if change // 2 // SERVICES % 2 == 0 else "passing"
        what = ("PUT", "/v1/catalog/register", json.dumps(instance(service, change % INSTANCES, status)))
    else:
        k, kind = (change * 7) % READS // 2 * 2 + 1, "key"
        k = k if k < READS else 1
        concerned = paths[k]
        what = ("PUT", concerned, "changed %d" % change)
    waiting = set(by_path.get(concerned, []))
    sent = time.monotonic()
    ask(*what)
    end = sent + 5
    answered = []
    while waiting and time.monotonic() < end:
        for fd, _ in poller.poll(1):
            now = time.monotonic()
            n = clients[fd]
            indexes[paths[n]] = take(sockets[n])
            if n not in waiting:
                wrong += 1
            else:
                latencies[kind].append(now - sent)
                waiting.discard(n)
            answered.append(n)
    missing += len(waiting)
    for n in answered:
        park(sockets[n], n)
seconds = time.monotonic() - began
for kind, seen in latencies.items():
    print("%s changes: %d answers, p50 %.2f ms, p99 %.2f ms, longest %.1f ms after the write was sent" % (
        kind, len(seen), at(seen, .5), at(seen, .99), at(seen, 1)))
print("%d changes, %d answers missing, %d to reads of something else; %.0f us of CPU for a change and its answers" % (
    changes, missing, wrong, (cpu() - used) / changes * 1e6))
sys.exit(1 if missing or wrong else 0)
