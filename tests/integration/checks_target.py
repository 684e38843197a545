#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/integration/45-checks.sh lets its checks look at: a web server that answers as the file STATUS says (a
number, or "hang"), with TLS on a second port when a certificate is given, a UDP port that answers nothing, and gRPC's
health service, which answers what the file GRPC says: a serving status, or "none" for a service it does not know."""
import http.server
import socket
import socketserver
import ssl
import sys
import threading
import time

directory, certificate = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        status = open(directory + "/status").read().strip()
        if status == "hang":
            time.sleep(30)
            return
        with open(directory + "/requests", "a") as f:
            f.write("%s %s %s %s\n" % (self.command, self.path, self.headers.get("X-Test"), body.decode()))
        text = b"x" * 10000 if self.path == "/long" else b"seen " + self.path.encode()
        self.send_response(int(status))
        if status == "302":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


def frame(kind, flags, stream, payload=b""):  # RFC 9113 4.1
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):  # RFC 7541 6.2.2, without Huffman
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


class Grpc(socketserver.StreamRequestHandler):
    """grpc.health.v1.Health/Check over HTTP/2 without TLS, one request at a time."""

    def handle(self):
        self.rfile.read(24)  # the preface
        self.wfile.write(frame(4, 0, 0))
        message = b""
        while head := self.rfile.read(9):
            size, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:9], "big")
            payload = self.rfile.read(size)
            if kind == 4 and not flags & 1:
                self.wfile.write(frame(4, 1, 0))  # its settings are taken
            if kind == 6 and not flags & 1:
                self.wfile.write(frame(6, 1, 0, payload))
            if kind == 0:
                message += payload
            if kind in (0, 1) and flags & 1:
                self.answer(stream, message)

    def answer(self, stream, message):
        status = open(directory + "/grpc").read().strip()
        with open(directory + "/requests", "a") as f:
            f.write("grpc %s\n" % message[7:].decode("ascii", "replace"))
        kind = literal(b"content-type", b"application/grpc")
        if status == "none":
            self.wfile.write(frame(1, 5, stream, b"\x88" + kind + literal(b"grpc-status", b"5")))
            return
        self.wfile.write(frame(1, 4, stream, b"\x88" + kind))
        self.wfile.write(frame(0, 0, stream, b"\0\0\0\0\2\x08" + bytes([int(status)])))
        self.wfile.write(frame(1, 5, stream, literal(b"grpc-status", b"0")))


class GrpcServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


plain = Server(("127.0.0.1", 0), Handler)
secret = Server(("127.0.0.1", 0), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    secret.socket = context.wrap_socket(secret.socket, server_side=True)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
grpc = GrpcServer(("127.0.0.1", 0), Grpc)
threading.Thread(target=secret.serve_forever, daemon=True).start()
threading.Thread(target=grpc.serve_forever, daemon=True).start()
with open(directory + "/ports.new", "w") as f:
    f.write("%d %d %d %d\n" % (plain.server_port, secret.server_port, udp.getsockname()[1], grpc.server_address[1]))
import os

os.rename(directory + "/ports.new", directory + "/ports")
plain.serve_forever()
