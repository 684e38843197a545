#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recursor on loopback for tests: prints its port, answers over UDP and TCP.

    dns_upstream.py PORT

www.google.com is three A records with TTL 77, big.example.com is truncated over UDP,
large.example.com is 1000 octets, noedns.example.com is FORMERR for questions with EDNS,
which.example.com is 192.0.2.(PORT % 251), fail.example.com is SERVFAIL, silent.example.com is not answered; anything else is NXDOMAIN.
"""
import socket
import struct
import sys
import threading


def read_name(msg, at):
    labels = []
    while msg[at]:
        labels.append(msg[at + 1:at + 1 + msg[at]].decode("latin-1").lower())
        at += 1 + msg[at]
    return ".".join(labels), at + 1


def answer(msg, is_tcp):
    name, end = read_name(msg, 12)
    qtype = struct.unpack("!H", msg[end:end + 2])[0]
    rcode, flags, records = 0, 0x8180, []
    if name == "www.google.com":
        if qtype == 1:
            records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 77, 4) + bytes((192, 0, 2, i)) for i in (1, 2, 3)]
    elif name == "big.example.com":
        if is_tcp:
            records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + bytes((192, 0, 2, i)) for i in range(40)]
        else:
            flags |= 0x0200
    elif name == "large.example.com":
        text = b"".join(bytes((250,)) + bytes((97 + i,)) * 250 for i in range(4))
        records = [b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 1, len(text)) + text]
    elif name == "noedns.example.com":
        if msg[11]:
            rcode = 1
        else:
            records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + bytes((192, 0, 2, 9))]
    elif name == "which.example.com":
        records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes((192, 0, 2, int(sys.argv[1]) % 251))]
    elif name == "fail.example.com":
        rcode = 2
    elif name == "silent.example.com":
        return None
    else:
        rcode = 3
    head = msg[:2] + struct.pack("!HHHHH", flags | rcode, 1, len(records), 0, 0)
    return head + msg[12:end + 4] + b"".join(records)


def serve_udp(sock):
    while True:
        msg, peer = sock.recvfrom(4096)
        reply = answer(msg, False)
        if reply:
            sock.sendto(reply, peer)


def read_exactly(conn, n):
    data = b""
    while len(data) < n:
        part = conn.recv(n - len(data))
        if not part:
            return None
        data += part
    return data


def serve_conn(conn):
    with conn:
        while True:
            head = read_exactly(conn, 2)
            msg = read_exactly(conn, struct.unpack("!H", head)[0]) if head else None
            reply = answer(msg, True) if msg else None
            if not reply:
                return
            conn.sendall(struct.pack("!H", len(reply)) + reply)


def main():
    port = int(sys.argv[1])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("127.0.0.1", port))
    tcp.listen(16)
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    print("ready", flush=True)
    while True:
        conn, _ = tcp.accept()
        threading.Thread(target=serve_conn, args=(conn,), daemon=True).start()


main()
