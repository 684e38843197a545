#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no library would send: http_abuse.py CASE PORT. Exit status 0 when the agent did the right thing."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from peers import agents_connections  # noqa: E402

PORT = int(sys.argv[2])


def connect():
    s = socket.create_connection(("127.0.0.1", PORT), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def recv_all(s, seconds=5.0):
    """Everything until the other side closes, or it has been silent for so long."""
    out = b""
    s.settimeout(seconds)
    try:
        while True:
            d = s.recv(65536)
            if not d:
                return out, True
            out += d
    except socket.timeout:
        return out, False
    except ConnectionResetError:
        return out, True


def send(data, seconds=60.0, shut=False):
    s = connect()
    try:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass
    got = recv_all(s, seconds)
    s.close()
    return got


def alive():
    """It still answers what is asked properly."""
    got, _ = send(b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 "), got[:200]


def statuses(got):
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]


def refused(head, body=b""):
    """400, the connection ends, and what followed was not taken for a request."""
    smuggled = b"PUT /v1/kv/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    got, closed = send(head + b"\r\n" + body + smuggled)
    assert statuses(got) in ([400], []), got[:300]
    assert closed
    got, _ = send(b"GET /v1/kv/smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(got) == [404], got[:300]
    alive()


PUT = b"PUT /v1/kv/abuse HTTP/1.1\r\nHost: x\r\n"


def two_lengths():
    refused(PUT + b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd")
    refused(PUT + b"Content-Length: 3\r\nX: y\r\nContent-Length: 3\r\n", b"abc")


def length_and_chunked():
    refused(PUT + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n")
    refused(PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n")


def odd_codings():
    refused(PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n")
    for coding in (b"gzip, chunked", b"xchunked", b"identity", b"chunked, identity"):
        got, _ = send(PUT + b"Transfer-Encoding: " + coding + b"\r\nConnection: close\r\n\r\n0\r\n\r\n", 30)
        assert not statuses(got) or statuses(got)[0] >= 400, (coding, got[:200])
    alive()


def bad_lengths():
    for n in (b"-1", b"+3", b"0x3", b"3 3", b"99999999999999999999", b"", b"a"):
        got, _ = send(PUT + b"Content-Length: " + n + b"\r\nConnection: close\r\n\r\nabc", 30)
        assert not statuses(got) or statuses(got)[0] >= 400, (n, got[:200])
    alive()


def bad_chunks():
    for body in (b"FFFFFFFFFFFFFFFF\r\nabc", b"-1\r\nabc", b"g\r\n", b"3\r\nabcdef\r\n0\r\n\r\n",
                 b"3" * 5000 + b"\r\n", b"\r\n\r\n\r\n"):
        got, _ = send(PUT + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + body, 1)
        assert not statuses(got) or statuses(got)[0] >= 400, (body[:20], got[:200])
    alive()


def odd_lines():
    """Bare line feeds, control bytes, folded headers, spaces before colons: an answer or an end, no more."""
    for data in (b"GET /v1/kv/x HTTP/1.1\nHost: x\nConnection: close\n\n",
                 b"GET /v1/kv/\0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 b"GET /v1/kv/x HTTP/1.1\r\nHost: x\r\nX: a\0b\r\nConnection: close\r\n\r\n",
                 b"GET /v1/kv/x HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nConnection: close\r\n\r\n",
                 b"GET /v1/kv/x HTTP/1.1\r\nContent-Length : 3\r\nConnection: close\r\n\r\nabc",
                 b"GET /v1/kv/x HTTP/1.1\r\n: empty\r\nConnection: close\r\n\r\n",
                 b"GET  /v1/kv/x  HTTP/1.1\r\n\r\n", b"GET /v1/kv/x\r\n\r\n", b"\r\n\r\n\r\n", b"\0" * 1000,
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
                 b"GET * HTTP/1.1\r\nConnection: close\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
                 b"CONNECT a:1 HTTP/1.1\r\nConnection: close\r\n\r\n",
                 b"GET /v1/kv/%ff%00 HTTP/1.1\r\nConnection: close\r\n\r\n",
                 b"A" * 300 + b" /v1/kv/x HTTP/1.1\r\nConnection: close\r\n\r\n"):
        got, _ = send(data, 1, shut=True)
        assert not got or got.startswith(b"HTTP/1."), (data[:50], got[:200])
    alive()


def absolute_form():
    got, _ = send(b"GET http://consul:8500/v1/status/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(got) == [200], got[:200]


def large_heads():
    many = b"".join(b"X-%d: y\r\n" % i for i in range(150))
    got, _ = send(b"GET /v1/kv/x HTTP/1.1\r\n" + many + b"\r\n", 30)
    assert statuses(got) == [400], got[:200]
    for size in (100000, 500000):
        got, _ = send(b"GET /v1/kv/x HTTP/1.1\r\nX: " + b"y" * size + b"\r\nConnection: close\r\n\r\n", 30)
        assert not got or statuses(got)[0] in (400, 404, 431), got[:200]
    alive()


def long_targets():
    for size in (50000, 200000, 300000, 500000):
        for method, body in ((b"GET", b""), (b"PUT", b"x")):
            got, _ = send(method + b" /v1/kv/" + b"k" * size + b" HTTP/1.1\r\nContent-Length: %d\r\n"
                          b"Connection: close\r\n\r\n" % len(body) + body, 30)
            assert not got or statuses(got)[0] in (200, 400, 404, 413, 414), (size, got[:200])
    query = b"&".join(b"a%d=%%41" % i for i in range(20000))
    got, _ = send(b"GET /v1/kv/x?" + query + b" HTTP/1.1\r\nConnection: close\r\n\r\n", 30)
    assert statuses(got) == [404], got[:200]
    alive()


def slow_bodies():
    """Many that do not finish their body keep nobody else waiting, and end when they leave."""
    slow = []
    for _ in range(200):
        s = connect()
        s.sendall(PUT + b"Content-Length: 1000\r\n\r\nabc")
        slow.append(s)
    t0 = time.monotonic()
    for _ in range(20):
        alive()
    assert time.monotonic() - t0 < 60  # those 200 would keep them for ever
    for s in slow:
        s.close()
    got, _ = send(b"GET /v1/kv/abuse HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert statuses(got) == [404], got[:200]


def pipelining():
    """Answers come in the order of the questions."""
    ask = b"".join(b"PUT /v1/kv/p HTTP/1.1\r\nContent-Length: %d\r\n\r\n%d"
                   b"GET /v1/kv/p?raw HTTP/1.1\r\n\r\n" % (len(str(i)), i) for i in range(50))
    got, _ = send(ask + b"DELETE /v1/kv/p HTTP/1.1\r\nConnection: close\r\n\r\n", 60)
    assert statuses(got) == [200] * 101, statuses(got)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in got.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [x for i in range(50) for x in (b"true", b"%d" % i)] + [b"true"], bodies[:5]


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def h2_connect():
    s = connect()
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
    return s


def h2_head(path):
    return (literal(b":method", b"GET") + literal(b":path", path) + literal(b":scheme", b"http") +
            literal(b":authority", b"x"))


def h2_resets():
    """Streams opened and reset at once, answers and parked reads alike."""
    for path in (b"/v1/kv/x", b"/v1/kv/x?index=999999&wait=600s"):
        head = h2_head(path)
        s = h2_connect()
        try:
            for i in range(20000):
                stream = 2 * i + 1
                s.sendall(frame(1, 5, stream, head) + frame(3, 0, stream, struct.pack(">I", 8)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        alive()
        s.close()
    alive()


def h2_garbage():
    for junk in (frame(1, 5, 1, b"\xff" * 100), frame(1, 5, 2, h2_head(b"/")), frame(0, 0, 0, b"x" * 100),
                 frame(9, 4, 1, h2_head(b"/")), frame(8, 0, 0, b"\0\0\0\0"), frame(4, 0, 0, b"abc"),
                 frame(200, 0, 0, b"x"), b"\xff" * 1000, frame(1, 4, 1, h2_head(b"/") * 100), os.urandom(2000)):
        s = h2_connect()
        try:
            s.sendall(junk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        recv_all(s, 0.3)
        s.close()
    alive()


def parked_leave():
    """Parked clients that hang up are let go within 30 seconds, with what they cost."""
    def until(what):
        end = time.monotonic() + 60
        while not what():
            assert time.monotonic() < end, "%d connections, %d descriptors" % (agents_connections(PORT), fds())
            time.sleep(0.05)

    def fds():
        return len(os.listdir("/proc/%s/fd" % os.environ["AGENT_PID"]))
    until(lambda: agents_connections(PORT) == 0)  # those of the cases before
    before = fds()
    parked = []
    for _ in range(300):
        s = connect()
        s.sendall(b"GET /v1/kv/nobody?index=999999&wait=600s HTTP/1.1\r\n\r\n")
        parked.append(s)
    until(lambda: fds() >= before + 300)
    for s in parked:
        s.close()
    until(lambda: fds() <= before)


globals()[sys.argv[1]]()
