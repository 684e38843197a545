#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells an agent of many members at once: gossip_members.py IP PORT PID COUNT

One exchange of state over TCP, as a Consul agent makes them, then the growth of the agent's own
memory is looked at, before it finds that none of them answers. Standard library only.
"""
import socket
import struct
import sys
import time
import uuid

ip, port, pid, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


def raw(b):
    return (bytes([0xa0 + len(b)]) if len(b) < 32 else b"\xda" + struct.pack(">H", len(b))) + b


def number(v):
    return bytes([v]) if v < 128 else b"\xce" + struct.pack(">I", v)


def table(pairs):
    return bytes([0x80 + len(pairs)]) + b"".join(raw(k) + v for k, v in pairs)


def node(i):
    tags = [(b"acls", raw(b"0")), (b"build", raw(b"1.9.8:a1b2c3d4")), (b"dc", raw(b"dc1")),
            (b"id", raw(str(uuid.uuid4()).encode())), (b"role", raw(b"node")), (b"segment", raw(b"")),
            (b"vsn", raw(b"2")), (b"vsn_max", raw(b"3")), (b"vsn_min", raw(b"2"))]
    addr = bytes([127, 77, i >> 8 & 255, i & 255])
    return table([(b"Addr", raw(addr)), (b"Incarnation", number(1)), (b"Meta", raw(b"\xff" + table(tags))),
                  (b"Name", raw(b"node-%05d.example" % i)), (b"Port", number(8301)),
                  (b"State", number(0)), (b"Vsn", raw(b"\x01\x05\x02\x02\x05\x04"))])


def own_memory():
    with open("/proc/%s/status" % pid) as f:
        return [int(l.split()[1]) * 1024 for l in f if l.startswith("RssAnon")][0]


message = b"\x06" + table([(b"Join", b"\xc2"), (b"Nodes", number(count)), (b"UserStateLen", number(0))])
message += b"".join(node(i) for i in range(count))
before = own_memory()
begin = time.monotonic()
s = socket.create_connection((ip, port))
s.sendall(message)
s.settimeout(20)
answer = s.recv(65536)
while answer and s.recv(65536):
    pass
took = time.monotonic() - begin
time.sleep(1)
print("gossip members told: %d in %d ms, %d bytes of own memory each (message: %d bytes each)" %
      (count, took * 1000, (own_memory() - before) / count, len(message) / count))
