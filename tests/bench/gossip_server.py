#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pool costs a server: gossip_server.py IP PORT PID COUNT SECONDS [HTTP]

COUNT members that are this program: one socket, all addresses of 127.77/16. The agent is told of them
by an exchange of state, and as long as it is looked at they answer its pings, ping it once a second
between them (as often as a member of a quiet pool is pinged) and once exchange the whole table with it
(more often than a pool of that size does). Then: CPU time and packets of that time, and how much the
agent's own memory has grown, the nodes in its catalog included. Standard library only.
"""
import http.client
import json
import os
import select
import socket
import struct
import sys
import threading
import time
import uuid

ip, port, pid, count, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])


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
                  (b"Name", raw(b"node-%05d.example" % i)), (b"Port", number(own)),
                  (b"State", number(0)), (b"Vsn", raw(b"\x01\x05\x02\x02\x05\x04"))])


def unlzw(data):
    """Go's compress/lzw, least significant bit first, 8 bits"""
    words, out, prev, bits, n, width = [bytes([i]) for i in range(256)] + [b"", b""], [], None, 0, 0, 9
    for byte in data:
        bits |= byte << n
        n += 8
        if n < width:
            continue
        code, bits, n = bits & ((1 << width) - 1), bits >> width, n - width
        if code == 256:
            words, prev, width = words[:258], None, 9
            continue
        if code == 257:
            break
        word = words[code] if code < len(words) else prev + prev[:1]
        out.append(word)
        if prev is not None and len(words) < 4096:
            words.append(prev + word[:1])
        prev = word
        if len(words) >= 1 << width and width < 12:
            width += 1
    return b"".join(out)


def plain(packet):
    if packet[:1] == b"\x0c":
        packet = packet[5:]
    if packet[:1] == b"\x09":
        at = packet.index(b"\xa3Buf") + 4
        head = packet[at]
        size, at = ((head & 31, at + 1) if 0xa0 <= head < 0xc0 else
                    (packet[at + 1], at + 2) if head in (0xc4, 0xd9) else
                    (struct.unpack(">H", packet[at + 1:at + 3])[0], at + 3))
        return unlzw(packet[at:at + size])
    return packet


def pings(text):
    at = text.find(b"\xa5SeqNo")
    while at >= 0:
        at += 6
        head = text[at]
        size = {0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8}.get(head, 0)
        yield int.from_bytes(text[at + 1:at + 1 + size], "big") if size else head
        at = text.find(b"\xa5SeqNo", at)


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 0))
own = udp.getsockname()[1]
tcp = socket.create_server(("0.0.0.0", own))
state = b"\x06" + table([(b"Join", b"\xc2"), (b"Nodes", number(count)), (b"UserStateLen", number(0))])
state += b"".join(node(i) for i in range(count))
seen = {"in": 0, "in_bytes": 0, "out": 0, "out_bytes": 0, "answered": 0}


def serve():
    last, seq = time.monotonic(), 1 << 30
    while True:
        ready, _, _ = select.select([udp, tcp], [], [], 0.1)
        if udp in ready:
            packet, sender = udp.recvfrom(65536)
            seen["out"] += 1
            seen["out_bytes"] += len(packet)
            for number_of in pings(plain(packet)):
                ack = b"\x02" + table([(b"SeqNo", b"\xce" + struct.pack(">I", number_of & 0xffffffff)),
                                       (b"Payload", raw(b""))])
                udp.sendto(ack, sender)
                seen["in"] += 1
                seen["in_bytes"] += len(ack)
                seen["answered"] += 1
        if tcp in ready:
            c, _ = tcp.accept()
            threading.Thread(target=exchange, args=(c,), daemon=True).start()
        if time.monotonic() - last >= 1:
            last, seq = last + 1, seq + 1
            i = seq % count
            ping = b"\x00" + table([(b"SeqNo", number(seq)), (b"Node", raw(target)),
                                    (b"SourceAddr", raw(bytes([127, 77, i >> 8 & 255, i & 255]))),
                                    (b"SourcePort", number(own)), (b"SourceNode", raw(b"node-%05d.example" % i))])
            udp.sendto(ping, (ip, port))
            seen["in"] += 1
            seen["in_bytes"] += len(ping)


def exchange(c):
    with c:
        try:
            c.settimeout(20)
            c.sendall(state)
            c.shutdown(socket.SHUT_WR)
            while c.recv(65536):
                pass
        except OSError:
            pass


def own_memory():
    with open("/proc/%s/status" % pid) as f:
        return [int(l.split()[1]) * 1024 for l in f if l.startswith("RssAnon")][0]


def cpu():
    with open("/proc/%s/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(path):
    c = http.client.HTTPConnection(sys.argv[6], timeout=10)
    c.request("GET", path)
    return json.loads(c.getresponse().read())


target = ask("/v1/agent/self")["Config"]["NodeName"].encode()
before = own_memory()
threading.Thread(target=serve, daemon=True).start()
exchange(socket.create_connection((ip, port)))
end = time.monotonic() + 120
while len(ask("/v1/catalog/nodes")) < count and time.monotonic() < end:
    time.sleep(0.5)
time.sleep(5)
start, used, stats = time.monotonic(), cpu(), dict(seen)
exchange(socket.create_connection((ip, port)))
time.sleep(seconds)
took, used = time.monotonic() - start, cpu() - used
alive = sum(m["Status"] == 1 for m in ask("/v1/agent/members")) - 1
print("gossip server: %d members (%d alive after it): %.2f %% of a CPU, %.0f + %.0f bytes in %.1f + %.1f packets "
      "a second (in + out), %d bytes of own memory each, with their nodes and checks in the catalog" % (
          count, alive, used / took * 100, (seen["in_bytes"] - stats["in_bytes"]) / took,
          (seen["out_bytes"] - stats["out_bytes"]) / took, (seen["in"] - stats["in"]) / took,
          (seen["out"] - stats["out"]) / took, (own_memory() - before) / count))
