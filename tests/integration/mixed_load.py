#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of request at once, for a time: mixed_load.py HTTP_PORT DNS_PORT SECONDS

Threads that write and read keys, wait for changes, register services, run transactions, ask DNS
by UDP and TCP, hang up in the middle and send nonsense. It checks only that answers are answers;
what is looked for is what a sanitizer says about the agent meanwhile. Standard library only.
"""
import http.client
import json
import random
import socket
import struct
import sys
import threading
import time

http_port, dns_port, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
counts, failures, lock = {}, [], threading.Lock()


def note(what, problem=None):
    with lock:
        counts[what] = counts.get(what, 0) + 1
        if problem:
            failures.append("%s: %s" % (what, problem))


def loop(what, connects):
    """Runs a function(rng, connection) until the time is over."""
    def run(step):
        def body(seed):
            rng, connection = random.Random(seed), None
            while time.monotonic() < end:
                try:
                    if connects and connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", http_port, timeout=90)
                    note(what, step(rng, connection))
                except (OSError, http.client.HTTPException) as e:
                    if connection:
                        connection.close()
                    connection = None
                    if time.monotonic() < end:
                        note(what, repr(e))
        steps.append(body)
        return step
    return run


steps = []


def ask(connection, method, path, body=None, wanted=(200,)):
    connection.request(method, path, body=body if body is None or isinstance(body, bytes) else json.dumps(body))
    reply = connection.getresponse()
    reply.read()
    if reply.status not in wanted:
        return "%s %s: status %d" % (method, path, reply.status)
    return None


@loop("kv write", True)
def kv_write(rng, c):
    key = "mixed/%d" % rng.randrange(40)
    if rng.random() < 0.2:
        return ask(c, "DELETE", "/v1/kv/" + key)
    return ask(c, "PUT", "/v1/kv/%s?flags=%d" % (key, rng.getrandbits(64)), b"v" * rng.randrange(3000))


@loop("kv read", True)
def kv_read(rng, c):
    path = rng.choice(("mixed/%d" % rng.randrange(40), "mixed/?recurse", "mixed/?keys&separator=/",
                       "mixed/%d?raw" % rng.randrange(40), "mixed/%d?stale" % rng.randrange(40),
                       "mixed/%d?consistent" % rng.randrange(40)))
    return ask(c, "GET", "/v1/kv/" + path, wanted=(200, 404))


@loop("kv wait", True)
def kv_wait(rng, c):
    return ask(c, "GET", "/v1/kv/mixed/%d?index=%d&wait=1s" % (rng.randrange(40), rng.randrange(1 << 20)),
               wanted=(200, 404))


@loop("kv list wait", True)
def kv_list_wait(rng, c):
    return ask(c, "GET", "/v1/kv/mixed/?recurse&index=1000000&wait=%dms" % rng.randrange(1, 800), wanted=(200, 404))


@loop("transaction", True)
def transaction(rng, c):
    key = "mixed/%d" % rng.randrange(40)
    return ask(c, "PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": key, "Value": "dHhu"}},
                                     {"KV": {"Verb": "get", "Key": key}}])


@loop("register", True)
def register(rng, c):
    n = rng.randrange(8)
    if rng.random() < 0.3:
        return ask(c, "PUT", "/v1/catalog/deregister", {"Node": "mixed%d" % n})
    return ask(c, "PUT", "/v1/catalog/register", {
        "Node": "mixed%d" % n, "Address": "127.0.1.%d" % (n + 1),
        "Service": {"Service": "web", "ID": "web%d" % n, "Port": 80 + n, "Tags": ["a", "b%d" % n]},
        "Check": {"Name": "c", "CheckID": "c%d" % n, "ServiceID": "web%d" % n,
                  "Status": rng.choice(("passing", "critical"))}})


@loop("catalog read", True)
def catalog_read(rng, c):
    return ask(c, "GET", rng.choice((
        "/v1/catalog/services", "/v1/catalog/nodes", "/v1/catalog/service/web", "/v1/health/service/web?passing",
        "/v1/catalog/service/web?index=1000000&wait=300ms", "/v1/health/service/web?index=1000000&wait=300ms",
        "/v1/agent/self", "/v1/agent/members", "/v1/agent/metrics", "/v1/status/leader", "/v1/status/peers",
        "/v1/catalog/node/mixed1", "/v1/catalog/datacenters")))


@loop("hang up", False)
def hang_up(rng, _):
    with socket.create_connection(("127.0.0.1", http_port), timeout=90) as s:
        s.sendall(rng.choice((
            b"GET /v1/kv/mixed/1?index=1000000&wait=20s HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PUT /v1/kv/mixed/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf",
            b"GET /v1/kv/mixed/?recurse HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n",
            bytes(rng.getrandbits(8) for _ in range(200)))))
        time.sleep(rng.random() * 0.05)  # at whatever point of it
    time.sleep(0.02)  # one of many who hang up, not a flood of them


def question(rng):
    name = rng.choice(("web.service.consul", "b1.web.service.consul", "mixed1.node.consul", "nothing.service.consul",
                       "consul", "example.com", "WEB.SerVice.Consul"))
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    packet = struct.pack(">HHHHHH", rng.getrandbits(16), 0x0100, 1, 0, 0, 0) + labels
    return packet + struct.pack(">HH", rng.choice((1, 28, 33, 255, 6)), 1)


@loop("dns udp", False)
def dns_udp(rng, _):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(90)
        s.connect(("127.0.0.1", dns_port))
        s.send(bytes(rng.getrandbits(8) for _ in range(rng.randrange(60))))
        packet = question(rng)
        s.send(packet)
        while True:
            if s.recv(65536)[:2] == packet[:2]:
                return


@loop("dns tcp", False)
def dns_tcp(rng, _):
    with socket.create_connection(("127.0.0.1", dns_port), timeout=90) as s:
        for _ in range(3):
            packet = question(rng)
            s.sendall(struct.pack(">H", len(packet)) + packet)
            if len(s.recv(2)) != 2:
                return "closed"
            s.recv(65536)
    return None


threads = [threading.Thread(target=step, args=(n * 100 + copy,), daemon=True)
           for n, step in enumerate(steps) for copy in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(seconds + 120)
print(" ".join("%s: %d" % item for item in sorted(counts.items())))
idle = [what for what in ("kv write", "kv read", "dns udp") if not counts.get(what)]
if idle:
    failures.append("nothing was done: %s" % idle)
for failure in failures[:20]:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)
