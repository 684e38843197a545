#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that wait outside libh2o: http_away.py CASE HTTP_PORT UNIX_SOCKET

Exit status 0 when the case holds. Standard library only.
"""
import json
import os
import socket
import sys
import threading
import time

case, port, unix = sys.argv[1], int(sys.argv[2]), sys.argv[3]


class Client:
    def __init__(self, is_unix=False):
        if is_unix:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(unix)
        else:
            self.s = socket.create_connection(("127.0.0.1", port))
        self.s.settimeout(20)
        self.left = b""

    def send(self, *lines, version="1.1"):
        self.s.sendall(("%s HTTP/%s\r\n%s\r\n" % (lines[0], version, "".join(l + "\r\n" for l in lines[1:]))).encode())

    def more(self):
        got = self.s.recv(65536)
        assert got, "the connection was closed"
        self.left += got

    def reply(self):
        while b"\r\n\r\n" not in self.left:
            self.more()
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            headers[name] = value
        size = int(headers["Content-Length"])
        while len(self.left) < size:
            self.more()
        body, self.left = self.left[:size], self.left[size:]
        return int(lines[0].split()[1]), headers, body

    def ask(self, *lines):
        self.send(*lines)
        return self.reply()

    def is_closed(self):
        return self.s.recv(1) == b""


def put(key, value=b"x"):
    c = Client()
    c.s.sendall(b"PUT /v1/kv/%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (key.encode(), len(value)) + value)
    status, _, body = c.reply()
    assert (status, body.strip()) == (200, b"true"), (status, body)


def index_of(key):
    return Client().ask("GET /v1/kv/" + key)[1]["X-Consul-Index"]


def away(name="away"):
    for g in json.loads(Client().ask("GET /v1/agent/metrics")[2])["Gauges"]:
        if g["Name"] == "consul.http." + name:
            return g["Value"]
    raise AssertionError("no such gauge")


def wait_away(n, seconds=60, name="away"):
    end = time.monotonic() + seconds
    while away(name) != n:
        assert time.monotonic() < end, "%s %s, expected %s" % (away(name), name, n)
        time.sleep(0.02)


def keeps(is_unix):
    """The connection goes on after the answer, and may wait again."""
    put("keeps")
    c = Client(is_unix)
    for i in range(20):
        c.send("GET /v1/kv/keeps?raw&wait=60s&index=" + index_of("keeps"), "Host: x")
        wait_away(1)
        put("keeps", b"value %d" % i)
        status, headers, body = c.reply()
        assert status == 200 and body == b"value %d" % i and headers["Connection"] == "keep-alive"
        assert c.ask("GET /v1/kv/keeps?raw")[2] == body
    wait_away(0)


def same_head():
    """The answer after a wait has the headers of an answer at once."""
    put("head")
    c = Client()
    now = c.ask("GET /v1/kv/head?pretty")
    then = c.ask("GET /v1/kv/head?pretty&wait=300ms&index=" + now[1]["X-Consul-Index"])
    assert list(now[1]) == list(then[1]), (now, then)
    assert now[2] == then[2] and b"\n    " in then[2]


def pipelined():
    """Later requests, whole and in pieces, are answered behind the one that waits."""
    put("pipe")
    c = Client()
    c.s.sendall(b"GET /v1/kv/pipe?raw&wait=60s&index=%s HTTP/1.1\r\n\r\nGET /v1/kv/pipe?raw&second HTTP/1.1\r\n\r\nGET /v1/st"
                % index_of("pipe").encode())
    wait_away(1)
    c.s.sendall(b"atus/leader HTTP/1.1\r\nHo")
    time.sleep(0.05)  # so that the piece may come alone; nothing depends on it
    put("pipe", b"new")
    assert c.reply()[2] == b"new" and c.reply()[2] == b"new"
    c.s.sendall(b"st: x\r\n\r\n")
    assert c.reply()[2].startswith(b'"127.0.0.1:')


def large():
    """Replies that are sent in place, compressed ones, and heads that are too large to take out."""
    put("large/1", b"y" * 100000)
    index = index_of("large/1")
    c, gzip, head = Client(), Client(), Client()
    c.send("GET /v1/kv/large/?recurse&wait=60s&index=" + index)
    gzip.send("GET /v1/kv/large/?recurse&wait=60s&index=" + index, "Accept-Encoding: gzip")
    head.send("GET /v1/kv/large/1?raw&wait=60s&index=" + index, "X-Long: " + "z" * 4000)
    wait_away(2)
    put("large/2")
    assert len(c.reply()[2]) > 100000
    assert gzip.reply()[1]["Content-Encoding"] == "gzip"
    put("large/1", b"short")
    assert head.reply()[2] == b"short"
    assert c.ask("GET /v1/kv/large/1?raw")[2] == b"short"


def idle():
    """Connections that ask nothing are not libh2o's: before the first request, and between two."""
    put("idle")
    clients = [Client(i % 2 == 0) for i in range(40)]
    wait_away(40, name="idle")
    for c in clients[30:]:
        c.s.close()
    wait_away(30, 3, name="idle")
    for round in range(2):
        for c in clients[:10]:  # in pieces
            c.s.sendall(b"GET /v1/kv/i")
        for c in clients[10:20]:
            assert c.ask("GET /v1/kv/idle?raw")[2] == b"x"
        for c in clients[:10]:
            c.s.sendall(b"dle?raw HTTP/1.1\r\n\r\n")
            assert c.reply()[2] == b"x"
        wait_away(30, 25, name="idle")
    h2 = Client()
    wait_away(31, name="idle")
    h2.s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    assert h2.s.recv(9)[3] == 4  # SETTINGS
    wait_away(30, name="idle")


def old():
    """HTTP/1.0 and "Connection: close" are closed behind the answer; a missing key waits too."""
    index = index_of("old/none")
    a, b = Client(), Client()
    a.send("GET /v1/kv/old/none?wait=60s&index=" + index, version="1.0")
    b.send("GET /v1/kv/old/none?wait=60s&index=" + index, "Connection: close")
    wait_away(2)
    put("old/none")
    for c in (a, b):
        assert c.reply()[0] == 200 and c.is_closed()


def hang_up():
    """Closed, reset and half-closed clients are forgotten at once."""
    put("gone")
    index = index_of("gone")
    clients = [Client(i % 2 == 0) for i in range(60)]
    for c in clients:
        c.send("GET /v1/kv/gone?wait=60s&index=" + index)
    wait_away(60)
    for i, c in enumerate(clients):
        if i % 3 == 0:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if i % 3 == 1:
            c.s.shutdown(socket.SHUT_WR)
        else:
            c.s.close()
    wait_away(0, 3)


def consistent():
    """A consistent read waits outside as well, and comes back by way of the core."""
    put("consistent")
    c, lost = Client(), Client()
    for x in (c, lost):
        x.send("GET /v1/kv/consistent?raw&consistent&wait=60s&index=" + index_of("consistent"))
    wait_away(2)
    lost.s.close()
    wait_away(1)
    put("consistent", b"new")
    assert c.reply()[2] == b"new"


def crowd():
    """Many at once, with writers beside them: each gets its value."""
    errors = []

    def client(n):
        try:
            key = "crowd/%d" % (n % 50)
            c = Client(n % 2 == 0)
            for _ in range(10):
                _, headers, _ = c.ask("GET /v1/kv/" + key)
                status, headers, _ = c.ask("GET /v1/kv/%s?wait=200ms&index=%s" % (key, headers["X-Consul-Index"]))
                assert status in (200, 404)
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(200)]
    for t in threads:
        t.start()
    for n in range(300):
        put("crowd/%d" % (n % 50), b"%d" % n)
    for t in threads:
        t.join()
    assert not errors, errors[:3]
    wait_away(0)


def stop():
    """Reload keeps them waiting, the agent's end answers them."""
    index = index_of("stop")
    clients = [Client(i % 2 == 0) for i in range(20)]
    for c in clients:
        c.send("GET /v1/kv/stop?wait=60s&index=" + index)
    wait_away(20)
    os.kill(int(os.environ["AGENT_PID"]), 1)
    time.sleep(0.3)  # a time in which nobody may be answered
    assert away() == 20
    os.kill(int(os.environ["AGENT_PID"]), 15)
    for c in clients:
        assert c.reply()[0] >= 400 and c.is_closed()


CASES = {"keeps": lambda: keeps(False), "keeps_unix": lambda: keeps(True), "same_head": same_head, "pipelined": pipelined, "idle": idle,
         "large": large, "old": old, "hang_up": hang_up, "consistent": consistent, "crowd": crowd, "stop": stop}
CASES[case]()
