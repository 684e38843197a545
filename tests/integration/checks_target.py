#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/integration/45-checks.sh lets its checks look at: a web server that answers as the file STATUS says (a
number, or "hang"), with TLS on a second port when a certificate is given, and a UDP port that answers nothing."""
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
threading.Thread(target=secret.serve_forever, daemon=True).start()
with open(directory + "/ports.new", "w") as f:
    f.write("%d %d %d\n" % (plain.server_port, secret.server_port, udp.getsockname()[1]))
import os

os.rename(directory + "/ports.new", directory + "/ports")
plain.serve_forever()
