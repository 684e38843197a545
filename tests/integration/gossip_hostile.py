#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rubbish for an agent's gossip port: gossip_hostile.py VECTORS IP PORT VICTIM...

Truncated, mutated and random packets, other pools' sealed ones, bombs of compression, nesting and
counts, huge datagrams, what members really sent a moment ago, stale claims about the members VICTIM again and again; the same over TCP,
and streams that begin and do not end. Prints what it sent. Standard library only.
"""
import json
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from peers import unread  # noqa: E402

vectors, ip, port, victims = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
rng = random.Random(7)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent = 0


def send(data):
    global sent
    try:
        udp.sendto(data, (ip, port))
        sent += 1
        if sent % 20 == 0:  # the socket's buffer shall not drop what is to be looked at
            end = time.monotonic() + 60
            while unread(port) > 20000 and time.monotonic() < end:
                time.sleep(0.002)
    except OSError:
        pass


def raw(b):
    n = len(b)
    return (bytes([0xa0 + n]) if n < 32 else b"\xda" + struct.pack(">H", n) if n < 65536
            else b"\xdb" + struct.pack(">I", n)) + b


def lzw(data):
    """Codes of nine bits with a clear before each table grows: valid, and not small; or, of one
    byte only, the growing runs that make a bomb."""
    out, bits, n, width, hi, limit = bytearray(), 0, 0, 9, 257, 512

    def emit(code):
        nonlocal bits, n
        bits |= code << n
        n += width
        while n >= 8:
            out.append(bits & 255)
            bits >>= 8
            n -= 8
    emit(256)
    left, run, first = len(data), 1, True
    while left > 0:
        length = min(run, left)
        emit(data[0] if length == 1 else 256 + length)
        left -= length
        run += 1
        hi += 1
        if hi == limit:
            width += 1
            limit *= 2
        if hi == 4095:
            emit(256)
            hi, width, limit, run = 257, 9, 512, 1
    emit(257)
    if n:
        out.append(bits & 255)
    return bytes(out)


def compress(plain):
    return b"\x09\x82\xa4Algo\x00\xa3Buf" + raw(lzw(plain))


def claim(kind, node, incarnation, who):
    return bytes([kind]) + b"\x83\xa4From" + raw(who) + b"\xabIncarnation\xce" + struct.pack(
        ">I", incarnation) + b"\xa4Node" + raw(node)


def compound(parts):
    return bytes([7, len(parts)]) + b"".join(struct.pack(">H", len(p)) for p in parts) + b"".join(parts)


def overheard(seconds):
    """What members send to that port, in clear or sealed; nothing where we may not listen."""
    found = []
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind(("lo", 0))
    except (OSError, AttributeError):
        return found
    tap.settimeout(0.2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            frame = tap.recv(65536)
        except socket.timeout:
            continue
        head = 14 + (frame[14] & 15) * 4  # Ethernet, then IPv4 with its options
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and len(frame) > head + 8:
            if struct.unpack(">H", frame[head + 2:head + 4])[0] == port:
                found.append(frame[head + 8:])
    tap.close()
    return found


replayed = overheard(3)
for _ in range(20):
    for data in replayed:
        send(data)
recorded, streams = [], []
for name in ("library", "captured", "negative", "dialect"):
    with open(os.path.join(vectors, name + ".jsonl")) as f:
        for line in f:
            v = json.loads(line)
            data = bytes.fromhex(v["hex"])
            if v["transport"] == "tcp":
                streams.append(data)
            elif v["transport"] == "udp" and ("key" in v or name in ("negative", "dialect")):
                recorded.append(data)  # those of other pools that would be understood would join us

for data in recorded:
    send(data)
    for _ in range(3):
        send(data[:rng.randrange(len(data) + 1)])
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 8)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        # not an alive that could be believed
        send(bytes(changed) if changed[0] != 4 else b"\x04" + bytes(changed[5:]))
for _ in range(1000):
    send(bytes(rng.randrange(256) for _ in range(rng.randrange(200))))
for size in (0, 1, 2, 1400, 9000, 65000):
    send(b"\x08" * size)
    send(bytes([rng.randrange(256)]) * size)

bomb = compress(b"\x08" * (1 << 20))
for _ in range(50):
    send(bomb)
    send(compress(b"\x07" + b"\xff" * 4000))
nest = b"\x00\x81\xa1x" + b"\x91" * 30000
send(nest)
send(compress(nest))
crowd = compound([b"\x08"] * 255)
for _ in range(20):
    send(compound([crowd] * 70))
for kind in (0, 3, 5, 8, 11):
    send(bytes([kind]) + b"\xdf\xff\xff\xff\xff")
    send(bytes([kind]) + b"\x81\xa4Node\xdb\xff\xff\xff\xff")
for node in victims:
    for _ in range(100):
        send(claim(5, node.encode(), 0, b"nobody"))
        send(claim(3, node.encode(), 0, b"nobody"))
    send(claim(3, node.encode(), 1, b"nobody"))  # this one it must answer
for _ in range(100):
    send(claim(5, os.urandom(200), 4294967295, b"nobody"))

opened = []
for data in streams + [os.urandom(500) for _ in range(20)] + [
        b"\x0a\x7f\xff\xff\xff", b"\x0a\x00\x00\x10\x00" + os.urandom(4096), b"\x08\x81\xaaUserMsgLen\xce\x7f\xff\xff\xff",
        compress(b"\x06" * (1 << 20)), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"]:
    for n in (len(data), len(data) // 2):
        changed = bytearray(data[:n])
        if changed and changed[0] in (6, 9):
            changed = changed[:-40]  # whole ones would be merged
        try:
            s = socket.create_connection((ip, port), timeout=60)
            s.sendall(bytes(changed))
            s.settimeout(0.02)
            try:
                s.recv(4096)
            except (socket.timeout, ConnectionError):
                pass
            if len(opened) < 60:
                opened.append(s)
            else:
                s.close()
        except OSError:
            pass
for s in opened:
    s.close()
print("packets", sent, "of them replayed", 20 * len(replayed))
