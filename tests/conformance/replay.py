#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay recorded HTTP/DNS scenarios against a Consul-API-compatible agent.

Standard library only.  See README.md beside this file for the scenario format
and for what the agent under test has to accept.

  replay.py --http 127.0.0.1:8500 --dns 127.0.0.1:8600 public/kv/*.json
  replay.py --agent-cmd 'consul agent {args}' -j 3 public

Where disco differs on purpose, --overrides FILE names the step and what is expected instead:

  {"scenario": {"why": "...", "steps": {"3": {"expect": {...}}}, "skip": true}}

--passing FILE takes the scenarios to run from a list of names, one a line.
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time

# --------------------------------------------------------------------------
# small helpers
# --------------------------------------------------------------------------

# Limits of time are a quiet machine's; a busy one has so many times as long (as in tests/lib/tap.sh).
PATIENCE = float(os.environ.get("PATIENCE", "6"))
HTTP_TIMEOUT = 30.0 * PATIENCE
MAX_REPORT = 8

IGNORED_HEADERS = {"date", "content-length", "transfer-encoding", "connection"}

UUID_RE = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
DUR_RE = re.compile(r"^-?([0-9]+(\.[0-9]+)?(ns|us|\u00b5s|ms|s|m|h))+$")
TIME_RE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
VAR_RE = re.compile(r"(\$?)\$\{([A-Za-z0-9_.]+)(?::([0-9a-z]+))?\}|\$\$\{")
B64_RE = re.compile(r"^[A-Za-z0-9+/]*={0,2}$")


class ScenarioError(Exception):
    """The scenario could not be carried out (as opposed to: an answer differed)."""


_port_lock = threading.Lock()
_ports_used = set()


def free_port():
    with _port_lock:
        for _ in range(5000):
            p = random.randint(28000, 31999)  # below are those of tests/lib/tap.sh
            if p in _ports_used:
                continue
            ok = True
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(socket.AF_INET, kind)
                try:
                    s.bind(("127.0.0.1", p))
                except OSError:
                    ok = False
                finally:
                    s.close()
                if not ok:
                    break
            if ok:
                _ports_used.add(p)
                return p
    raise ScenarioError("no free port")


def short(x, n=400):
    if isinstance(x, bytes):
        try:
            x = x.decode("utf-8")
        except UnicodeDecodeError:
            x = repr(x)
    elif not isinstance(x, str):
        x = json.dumps(x, ensure_ascii=False)
    return x if len(x) <= n else x[:n] + "... (%d chars)" % len(x)


# --------------------------------------------------------------------------
# variables and patterns
# --------------------------------------------------------------------------

class Ctx:
    """State of one scenario run: variables, index names, fixtures, agents."""

    def __init__(self, name=None):
        self.name = name
        self.vars = {}
        self.index = {}
        self.agents = {}
        self.fixtures = {}
        self.blobs = {}
        self.background = {}
        self.conns = {}
        self.strict = False
        self.ignore = set()

    def sub(self, s):
        def rep(m):
            if m.group(2) is None or m.group(1):
                return m.group(0)[1:]          # $${ stands for a literal ${
            name, fmt = m.group(2), m.group(3)
            if name not in self.vars:
                raise ScenarioError("undefined variable ${%s}" % name)
            v = self.vars[name]
            if fmt:
                return format(int(v), fmt)
            return str(v)
        return VAR_RE.sub(rep, s)

    def subdeep(self, o):
        if isinstance(o, str):
            return self.sub(o)
        if isinstance(o, list):
            return [self.subdeep(x) for x in o]
        if isinstance(o, dict):
            return {self.sub(k): self.subdeep(v) for k, v in o.items()}
        return o


def is_matcher(p):
    return isinstance(p, str) and len(p) > 2 and p[0] == "<" and p[-1] == ">"


def match_scalar(p, v, ctx):
    """Match the string pattern p ("<...>") against value v; None if fine, else why."""
    body = p[1:-1]
    kind, _, arg = body.partition(":")
    if kind == "any":
        return None
    if kind == "re":
        if not isinstance(v, str) or not re.search(ctx.sub(arg) if "${" in arg else arg, v, re.S):
            return "expected text matching /%s/" % arg
        return None
    if kind == "uuid":
        if not isinstance(v, str) or not UUID_RE.match(v):
            return "expected a uuid"
        if arg:
            return bind(ctx.vars, arg, v, "uuid")
        return None
    if kind == "bind":
        if not isinstance(v, (str, int, float)) or isinstance(v, bool):
            return "expected a scalar"
        return bind(ctx.vars, arg, v, "value")
    if kind == "index":
        try:
            n = int(v)
        except (TypeError, ValueError):
            return "expected an index (positive integer)"
        if isinstance(v, bool) or n < 1:
            return "expected an index (positive integer)"
        if arg:
            return bind(ctx.index, arg, n, "index")
        return None
    if kind == "index1":
        # the index of a table nothing was ever written to: 1 in Consul, any index will do for clients
        try:
            n = int(v)
        except (TypeError, ValueError):
            n = 0
        if n < 1 or (ctx.strict and n != 1):
            return "expected index 1" if ctx.strict else "expected an index (positive integer)"
        return None
    if kind == "string":
        return None if isinstance(v, str) else "expected a string"
    if kind == "nonempty":
        return None if isinstance(v, (str, list, dict)) and len(v) > 0 else "expected something non-empty"
    if kind == "int":
        return None if isinstance(v, int) and not isinstance(v, bool) or (
            isinstance(v, str) and re.match(r"^-?\d+$", v)) else "expected an integer"
    if kind == "number":
        return None if isinstance(v, (int, float)) and not isinstance(v, bool) else "expected a number"
    if kind == "bool":
        return None if isinstance(v, bool) else "expected true or false"
    if kind == "list":
        return None if isinstance(v, list) else "expected an array"
    if kind == "object":
        return None if isinstance(v, dict) else "expected an object"
    if kind == "duration":
        return None if isinstance(v, str) and DUR_RE.match(v) else "expected a Go duration string"
    if kind == "time":
        return None if isinstance(v, str) and TIME_RE.match(v) else "expected an RFC 3339 time"
    if kind == "b64":
        return None if isinstance(v, str) and B64_RE.match(v) and len(v) % 4 == 0 else "expected base64"
    if kind == "absent":
        return "expected to be absent"
    return "bad pattern %s" % p


def bind(table, name, v, what):
    if name not in table:
        table[name] = v
        return None
    if table[name] != v:
        return "expected the same %s as seen before under the name %s (%s)" % (what, name, table[name])
    return None


KNOWN = {"any", "re", "uuid", "bind", "index", "index1", "string", "nonempty", "int", "number", "bool", "list",
         "object", "duration", "time", "b64", "absent"}


def match_string(p, v, ctx):
    if is_matcher(p) and p[1:-1].partition(":")[0] in KNOWN:
        return match_scalar(p, v, ctx)
    want = ctx.sub(p) if "${" in p else p
    if isinstance(v, (int, float)) and not isinstance(v, bool) and want != p:
        # a variable standing for a JSON number
        if str(v) == want:
            return None
    if v != want:
        return "expected %s" % short(json.dumps(want, ensure_ascii=False))
    return None


def match_json(p, v, path, ctx, out):
    if len(out) > MAX_REPORT:
        return
    if isinstance(p, str):
        why = match_string(p, v, ctx)
        if why:
            out.append("%s: %s, got %s" % (path, why, short(v)))
        return
    if isinstance(p, dict):
        if "$loose" in p:
            match_json(p["$strict"] if ctx.strict else p["$loose"], v, path, ctx, out)
            return
        if len(p) == 1:
            (op, arg), = p.items()
            if op == "$lit":
                if v != arg:
                    out.append("%s: expected %s, got %s" % (path, short(arg), short(v)))
                return
            if op == "$subset":
                if not isinstance(v, dict):
                    out.append("%s: expected an object, got %s" % (path, short(v)))
                    return
                match_object(arg, v, path, ctx, out, exact=False)
                return
            if op == "$unordered":
                match_unordered(arg, v, path, ctx, out, exact=True)
                return
            if op == "$contains":
                match_unordered(arg, v, path, ctx, out, exact=False)
                return
            if op == "$oneof":
                tries = []
                for alt in arg:
                    sub = []
                    snap = (dict(ctx.vars), dict(ctx.index))
                    match_json(alt, v, path, ctx, sub)
                    if not sub:
                        return
                    ctx.vars, ctx.index = snap
                    tries.append(sub[0])
                out.append("%s: none of %d alternatives fits; first: %s" % (path, len(arg), tries[0]))
                return
            if op == "$each":
                if not isinstance(v, list):
                    out.append("%s: expected an array, got %s" % (path, short(v)))
                    return
                for i, x in enumerate(v):
                    match_json(arg, x, "%s[%d]" % (path, i), ctx, out)
                return
            if op == "$len":
                if not isinstance(v, (list, dict, str)) or len(v) != arg:
                    out.append("%s: expected length %s, got %s" % (
                        path, arg, len(v) if isinstance(v, (list, dict, str)) else short(v)))
                return
        if not isinstance(v, dict):
            out.append("%s: expected an object, got %s" % (path, short(v)))
            return
        match_object(p, v, path, ctx, out, exact=True)
        return
    if isinstance(p, list):
        if not isinstance(v, list):
            out.append("%s: expected an array, got %s" % (path, short(v)))
            return
        if len(p) != len(v):
            out.append("%s: expected %d elements, got %d: %s" % (path, len(p), len(v), short(v)))
            return
        for i, (a, b) in enumerate(zip(p, v)):
            match_json(a, b, "%s[%d]" % (path, i), ctx, out)
        return
    if isinstance(p, bool) or isinstance(v, bool) or p is None or v is None:
        if p is not v:
            out.append("%s: expected %s, got %s" % (path, short(p), short(v)))
        return
    if isinstance(p, (int, float)) and isinstance(v, (int, float)):
        if p != v:
            out.append("%s: expected %s, got %s" % (path, p, v))
        return
    out.append("%s: expected %s, got %s" % (path, short(p), short(v)))


def match_object(p, v, path, ctx, out, exact):
    keys = {}
    for k in p:
        keys[ctx.sub(k) if "${" in k else k] = p[k]
    for k, sub in keys.items():
        if sub == "<absent>":
            if k in v:
                out.append("%s.%s: expected to be absent, got %s" % (path, k, short(v[k])))
            continue
        if k not in v:
            out.append("%s.%s: missing, expected %s" % (path, k, short(sub)))
            continue
        match_json(sub, v[k], path + "." + k, ctx, out)
    if exact:
        for k in v:
            if k not in keys:
                out.append("%s.%s: not expected, got %s" % (path, k, short(v[k])))
        if ctx.strict and not out and [k for k in keys if k in v] != list(v):
            out.append("%s: key order differs: expected %s, got %s" % (path, list(keys), list(v)))


def match_unordered(p, v, path, ctx, out, exact):
    if not isinstance(v, list):
        out.append("%s: expected an array, got %s" % (path, short(v)))
        return
    if exact and len(p) != len(v):
        out.append("%s: expected %d elements (any order), got %d: %s" % (path, len(p), len(v), short(v)))
        return
    left = list(range(len(v)))
    for i, pat in enumerate(p):
        hit = None
        first = None
        for j in left:
            sub = []
            snap = (dict(ctx.vars), dict(ctx.index))
            match_json(pat, v[j], "%s[%d]" % (path, j), ctx, sub)
            if not sub:
                hit = j
                break
            ctx.vars, ctx.index = snap
            if first is None or len(sub) < len(first):
                first = sub
        if hit is None:
            out.append("%s: nothing fits element %d of the expectation %s%s" % (
                path, i, short(pat, 200), ("; nearest: " + "; ".join(first[:3])) if first else ""))
            return
        left.remove(hit)


def match_text(p, body, ctx, out):
    """Expectation for a non-JSON body."""
    if isinstance(p, dict):
        if "$len" in p and len(body) != p["$len"]:
            out.append("body: expected %d bytes, got %d" % (p["$len"], len(body)))
        if "$sha256" in p and hashlib.sha256(body).hexdigest() != p["$sha256"]:
            out.append("body: sha256 differs")
        if "$b64" in p and base64.b64decode(p["$b64"]) != body:
            out.append("body: expected bytes %r, got %r" % (base64.b64decode(p["$b64"])[:200], body[:200]))
        text = body.decode("utf-8", "replace")
        if "$prefix" in p:
            want = ctx.sub(p["$prefix"])
            if not text.startswith(want):
                out.append("body: expected to begin with %r, got %r" % (want, short(text)))
            elif len(text) == len(want):
                out.append("body: expected more after %r" % want)
        if ctx.strict and "$strict" in p and text != ctx.sub(p["$strict"]):
            out.append("body (strict): expected %r, got %r" % (ctx.sub(p["$strict"]), short(text)))
        if "$lines" in p:
            lines = text.split("\n")
            for rx in p["$lines"]:
                if not any(re.search(ctx.sub(rx) if "${" in rx else rx, ln) for ln in lines):
                    out.append("body: no line matches /%s/" % rx)
        if "$nolines" in p:
            for rx in p["$nolines"]:
                for ln in text.split("\n"):
                    if re.search(rx, ln):
                        out.append("body: a line matches /%s/: %s" % (rx, short(ln)))
                        break
        return
    text = body.decode("utf-8", "surrogateescape")
    why = match_string(p, text, ctx)
    if why:
        out.append("body: %s, got %s" % (why, short(json.dumps(text))))


def json_layout(raw):
    """'compact', 'pretty' or 'other' by the whitespace outside strings."""
    s = raw.decode("utf-8", "replace")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', s)
    if not re.search(r"\s", bare):
        return "compact"
    if bare.endswith("\n"):
        body = bare[:-1]
        ok = True
        for ln in body.split("\n")[1:]:
            if re.match(r"^( {4})*\S", ln) is None:
                ok = False
        if ok:
            return "pretty"
    return "other"


# --------------------------------------------------------------------------
# HTTP client (own one: exact bytes out, header case kept)
# --------------------------------------------------------------------------

def http_exchange(addr, method, path, headers, body, timeout=HTTP_TIMEOUT, stream_ms=None, chunked=False,
                  keep=None, expect_continue=False):
    """One request and its answer.  keep: a dict that holds an open connection between calls."""
    host, port = addr
    t0 = time.monotonic()
    reused = keep is not None and keep.get("sock") is not None
    if reused:
        s = keep["sock"]
        s.settimeout(timeout)
    else:
        s = socket.create_connection((host, port), timeout=timeout)
    closed = False
    try:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = ["%s %s HTTP/1.1" % (method, path)]
        names = {k.lower() for k in headers}
        if "host" not in names:
            lines.append("Host: %s:%d" % (host, port))
        for k, v in headers.items():
            lines.append("%s: %s" % (k, v))
        if keep is None:
            lines.append("Connection: close")
        if expect_continue:
            lines.append("Expect: 100-continue")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif body is not None and "content-length" not in names:
            lines.append("Content-Length: %d" % len(body))
        elif body is None and method in ("PUT", "POST"):
            lines.append("Content-Length: 0")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")
        payload = body or b""
        if chunked:
            payload = b""
            for i in range(0, len(body), 4096):
                c = body[i:i + 4096]
                payload += b"%x\r\n" % len(c) + c + b"\r\n"
            payload += b"0\r\n\r\n"
        buf = keep.pop("rest", b"") if keep is not None else b""
        interim = False
        try:
            if expect_continue:
                s.sendall(head)
                while b"\r\n\r\n" not in buf:
                    d = s.recv(65536)
                    if not d:
                        break
                    buf += d
                if buf.startswith(b"HTTP/1.1 100"):
                    interim = True
                    buf = buf.partition(b"\r\n\r\n")[2]
                    s.sendall(payload)
            else:
                s.sendall(head + payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may answer before it has read the body
        deadline = None if stream_ms is None else t0 + stream_ms / 1000.0
        while b"\r\n\r\n" not in buf:
            d = s.recv(65536)
            if not d:
                raise ScenarioError("connection closed before a response head: %r" % buf[:200])
            buf += d
        head, _, rest = buf.partition(b"\r\n\r\n")
        hl = head.decode("latin-1").split("\r\n")
        m = re.match(r"^HTTP/1\.[01] (\d{3})", hl[0])
        if not m:
            raise ScenarioError("bad status line %r" % hl[0])
        status = int(m.group(1))
        hdrs = []
        for ln in hl[1:]:
            k, _, v = ln.partition(":")
            hdrs.append((k, v.strip()))
        low = {}
        for k, v in hdrs:
            low.setdefault(k.lower(), v)

        def more():
            nonlocal rest
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                s.settimeout(left)
            try:
                d = s.recv(65536)
            except socket.timeout:
                if deadline is not None:
                    return False
                raise
            except ConnectionResetError:
                return False
            if not d:
                return False
            rest += d
            return True

        out = b""
        left_over = b""
        if method == "HEAD" or status in (204, 304):
            if keep is not None:
                left_over = rest
                rest = b""
            while keep is None and deadline is None and more():
                pass
            out = rest
        elif "chunked" in low.get("transfer-encoding", ""):
            while True:
                while b"\r\n" not in rest:
                    if not more():
                        break
                if b"\r\n" not in rest:
                    break
                size, _, tail = rest.partition(b"\r\n")
                n = int(size.split(b";")[0], 16)
                rest = tail
                while len(rest) < n + 2:
                    if not more():
                        break
                if len(rest) < n + 2:
                    out += rest
                    break
                out += rest[:n]
                rest = rest[n + 2:]
                if n == 0:
                    left_over = rest
                    break
        elif "content-length" in low:
            n = int(low["content-length"])
            while len(rest) < n:
                if not more():
                    break
            out = rest[:n]
            left_over = rest[n:]
        else:
            while more():
                pass
            out = rest
        got = {"status": status, "headers": hdrs, "body": out, "ms": (time.monotonic() - t0) * 1000.0,
               "reused": reused, "continue": interim}
        closed = low.get("connection", "").lower() == "close" or hl[0].startswith("HTTP/1.0")
        if keep is not None and not closed:
            keep["sock"] = s
            keep["rest"] = left_over
        return got
    finally:
        if keep is None or keep.get("sock") is not s or closed:
            s.close()
            if keep is not None:
                keep["sock"] = None


# --------------------------------------------------------------------------
# DNS wire format
# --------------------------------------------------------------------------

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28,
         "LOC": 29, "SRV": 33, "NAPTR": 35, "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48,
         "SPF": 99, "AXFR": 252, "IXFR": 251, "ANY": 255, "CAA": 257}
TYPE_NAMES = {v: k for k, v in TYPES.items()}
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
CLASS_NAMES = {v: k for k, v in CLASSES.items()}
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
          "NXRRSET", "NOTAUTH", "NOTZONE"]


def enc_name(name):
    out = b""
    name = name.rstrip(".")
    if name:
        for lab in re.split(r"(?<!\\)\.", name):
            lab = re.sub(r"\\(\d{3}|.)", lambda m: chr(int(m.group(1))) if len(m.group(1)) == 3 else m.group(1), lab)
            b = lab.encode("latin-1", "replace")
            if len(b) > 63:
                raise ScenarioError("DNS label longer than 63 octets")
            out += bytes([len(b)]) + b
    return out + b"\0"


def dec_name(msg, off, depth=0):
    labels = []
    end = None
    hops = 0
    while True:
        if off >= len(msg):
            raise ScenarioError("DNS name runs past the message")
        n = msg[off]
        if n & 0xC0 == 0xC0:
            if end is None:
                end = off + 2
            off = ((n & 0x3F) << 8) | msg[off + 1]
            hops += 1
            if hops > 64:
                raise ScenarioError("DNS compression loop")
            continue
        off += 1
        if n == 0:
            break
        lab = msg[off:off + n]
        off += n
        labels.append("".join(chr(c) if 33 <= c < 127 and chr(c) not in '.\\";()@' else (
            "\\" + chr(c) if 33 <= c < 127 else "\\%03d" % c) for c in lab))
    return (".".join(labels) + "."), (end if end is not None else off)


def quote_txt(b):
    return '"' + "".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\' else (
        "\\" + chr(c) if 32 <= c < 127 else "\\%03d" % c) for c in b) + '"'


def dec_rdata(msg, t, off, rdlen):
    raw = msg[off:off + rdlen]
    if t == 1 and rdlen == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    if t == 28 and rdlen == 16:
        return socket.inet_ntop(socket.AF_INET6, raw)
    if t in (2, 5, 12):
        return dec_name(msg, off)[0]
    if t == 33:
        p, w, port = struct.unpack("!HHH", raw[:6])
        return "%d %d %d %s" % (p, w, port, dec_name(msg, off + 6)[0])
    if t == 15:
        return "%d %s" % (struct.unpack("!H", raw[:2])[0], dec_name(msg, off + 2)[0])
    if t == 6:
        a, o = dec_name(msg, off)
        b, o = dec_name(msg, o)
        return "%s %s %d %d %d %d %d" % ((a, b) + struct.unpack("!IIIII", msg[o:o + 20]))
    if t in (16, 99):
        parts = []
        i = 0
        while i < len(raw):
            n = raw[i]
            parts.append(quote_txt(raw[i + 1:i + 1 + n]))
            i += 1 + n
        return " ".join(parts)
    return "\\# %d %s" % (rdlen, raw.hex())


def enc_rdata(t, data):
    if t == 1:
        return socket.inet_pton(socket.AF_INET, data)
    if t == 28:
        return socket.inet_pton(socket.AF_INET6, data)
    if t in (2, 5, 12):
        return enc_name(data)
    if t == 33:
        p, w, port, target = data.split()
        return struct.pack("!HHH", int(p), int(w), int(port)) + enc_name(target)
    if t == 15:
        p, target = data.split()
        return struct.pack("!H", int(p)) + enc_name(target)
    if t == 6:
        f = data.split()
        return enc_name(f[0]) + enc_name(f[1]) + struct.pack("!IIIII", *[int(x) for x in f[2:7]])
    if t == 16:
        out = b""
        for q in re.findall(r'"((?:[^"\\]|\\.)*)"', data):
            b = re.sub(r"\\(.)", r"\1", q).encode("latin-1")
            out += bytes([len(b)]) + b
        return out
    raise ScenarioError("cannot encode DNS type %d" % t)


def dns_query_bytes(q, qid):
    flags = (q.get("opcode", 0) & 15) << 11
    if q.get("rd", True):
        flags |= 0x0100
    if q.get("ad"):
        flags |= 0x0020
    if q.get("cd"):
        flags |= 0x0010
    extra = b""
    ar = 0
    if q.get("edns") is not None:
        opt = b""
        ecs = q.get("ecs")
        if ecs:
            ip, _, bits = ecs.partition("/")
            bits = int(bits)
            fam = 2 if ":" in ip else 1
            addr = socket.inet_pton(socket.AF_INET6 if fam == 2 else socket.AF_INET, ip)[:(bits + 7) // 8]
            opt = struct.pack("!HHHBB", 8, 4 + len(addr), fam, bits, 0) + addr
        ttl = (q.get("edns_version", 0) << 16) | (0x8000 if q.get("do") else 0)
        extra = b"\0" + struct.pack("!HHIH", 41, q["edns"], ttl, len(opt)) + opt
        ar = 1
    body = enc_name(q["name"]) + struct.pack("!HH", TYPES[q["type"]], CLASSES[q.get("class", "IN")])
    return struct.pack("!HHHHHH", qid, flags, 1, 0, 0, ar) + body + extra


def parse_dns(msg):
    if len(msg) < 12:
        raise ScenarioError("DNS answer shorter than its header")
    qid, flags, qd, an, ns, ar = struct.unpack("!HHHHHH", msg[:12])
    out = {"id": qid, "size": len(msg), "opcode": (flags >> 11) & 15}
    out["flags"] = [n for n, b in (("qr", 0x8000), ("aa", 0x0400), ("tc", 0x0200), ("rd", 0x0100),
                                   ("ra", 0x0080), ("ad", 0x0020), ("cd", 0x0010)) if flags & b]
    rcode = flags & 15
    off = 12
    out["question"] = []
    for _ in range(qd):
        name, off = dec_name(msg, off)
        t, c = struct.unpack("!HH", msg[off:off + 4])
        off += 4
        out["question"].append([name, TYPE_NAMES.get(t, "TYPE%d" % t), CLASS_NAMES.get(c, "CLASS%d" % c)])
    out["edns"] = None
    for key, n in (("answer", an), ("authority", ns), ("additional", ar)):
        rrs = []
        for _ in range(n):
            name, off = dec_name(msg, off)
            t, c, ttl, rdlen = struct.unpack("!HHIH", msg[off:off + 10])
            off += 10
            if t == 41:
                opts = []
                o = off
                while o < off + rdlen:
                    code, ln = struct.unpack("!HH", msg[o:o + 4])
                    opts.append([code, msg[o + 4:o + 4 + ln].hex()])
                    o += 4 + ln
                out["edns"] = {"size": c, "version": (ttl >> 16) & 255, "do": bool(ttl & 0x8000), "options": opts}
                rcode |= (ttl >> 24) << 4
            else:
                rr = [name, TYPE_NAMES.get(t, "TYPE%d" % t), ttl, dec_rdata(msg, t, off, rdlen)]
                if c != 1:
                    rr.append(CLASS_NAMES.get(c, "CLASS%d" % c))
                rrs.append(rr)
            off += rdlen
        out[key] = rrs
    if off != len(msg):
        out["trailing"] = len(msg) - off
    out["rcode"] = RCODES[rcode] if rcode < len(RCODES) else "RCODE%d" % rcode
    return out


def dns_exchange(addr, q, timeout=5.0):
    qid = random.randint(1, 65535)
    wire = dns_query_bytes(q, qid)
    t0 = time.monotonic()
    if q.get("transport", "udp") == "tcp":
        s = socket.create_connection(addr, timeout=timeout)
        try:
            s.sendall(struct.pack("!H", len(wire)) + wire)
            buf = b""
            while len(buf) < 2 or len(buf) < 2 + struct.unpack("!H", buf[:2])[0]:
                d = s.recv(65536)
                if not d:
                    raise ScenarioError("TCP DNS connection closed early")
                buf += d
            msg = buf[2:]
        finally:
            s.close()
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            s.settimeout(timeout)
            s.connect(addr)
            s.send(wire)
            msg = s.recv(65536)
        finally:
            s.close()
    out = parse_dns(msg)
    if out["id"] != qid:
        raise ScenarioError("DNS answer with another id")
    out["ms"] = (time.monotonic() - t0) * 1000.0
    return out


def match_rr(p, rr, ctx):
    """One resource record; data is matched token by token."""
    if len(p) != len(rr):
        return "expected %s" % p
    name = ctx.sub(p[0])
    if name != rr[0]:
        if ctx.strict or name.lower() != rr[0].lower():
            return "expected name %s" % name
    if p[1] != rr[1]:
        return "expected type %s" % p[1]
    if isinstance(p[2], str):
        why = match_string(p[2], rr[2], ctx)
        if why:
            return "ttl: " + why
    elif p[2] != rr[2]:
        return "expected ttl %s" % p[2]
    if len(p) > 4 and p[4] != rr[4]:
        return "expected class %s" % p[4]
    if rr[1] == "TXT":
        return match_string(p[3], rr[3], ctx)
    a, b = p[3].split(" "), rr[3].split(" ")
    if len(a) != len(b):
        return "expected data %s" % p[3]
    for x, y in zip(a, b):
        why = match_string(x, y, ctx)
        if why:
            if not ctx.strict and isinstance(x, str) and ctx.sub(x).lower() == y.lower():
                continue
            return "data: " + why
    return None


def rr_text(rr):
    return "%s %s %s %s" % (rr[0], rr[2], rr[1], rr[3])


def match_rrs(section, p, got, ctx, out):
    """p: list (any order), or {"$ordered": [...]}, {"$subset_of": [...], "$count": n}, {"$count": n}"""
    if isinstance(p, dict):
        if "$ordered" in p:
            want = p["$ordered"]
            if len(want) != len(got):
                out.append("%s: expected %d records, got %d: %s" % (section, len(want), len(got), short([rr_text(r) for r in got])))
                return
            for i, (a, b) in enumerate(zip(want, got)):
                why = match_rr(a, b, ctx)
                if why:
                    out.append("%s[%d]: %s, got %s" % (section, i, why, rr_text(b)))
            return
        if "$count" in p and len(got) != p["$count"]:
            out.append("%s: expected %d records, got %d" % (section, p["$count"], len(got)))
        if "$min" in p and len(got) < p["$min"]:
            out.append("%s: expected at least %d records, got %d" % (section, p["$min"], len(got)))
        if "$max" in p and len(got) > p["$max"]:
            out.append("%s: expected at most %d records, got %d" % (section, p["$max"], len(got)))
        if "$subset_of" in p:
            left = list(p["$subset_of"])
            for rr in got:
                for i, a in enumerate(left):
                    if match_rr(a, rr, ctx) is None:
                        del left[i]
                        break
                else:
                    out.append("%s: unexpected record %s" % (section, rr_text(rr)))
                    return
        if "$each" in p:
            for rr in got:
                why = match_rr(p["$each"], rr, ctx)
                if why:
                    out.append("%s: %s, got %s" % (section, why, rr_text(rr)))
                    return
        if p.get("$distinct") and len({rr_text(r) for r in got}) != len(got):
            out.append("%s: repeated records" % section)
        return
    if len(p) != len(got):
        out.append("%s: expected %d records %s, got %d: %s" % (
            section, len(p), short([rr_text(r) for r in p]), len(got), short([rr_text(r) for r in got])))
        return
    left = list(got)
    for a in p:
        why = None
        for i, rr in enumerate(left):
            w = match_rr(a, rr, ctx)
            if w is None:
                del left[i]
                why = None
                break
            why = w
        else:
            out.append("%s: no record like %s; left: %s (%s)" % (
                section, rr_text(a), short([rr_text(r) for r in left]), why))
            return


def match_dns(exp, got, ctx):
    out = []
    if "rcode" in exp and exp["rcode"] != got["rcode"]:
        out.append("rcode: expected %s, got %s" % (exp["rcode"], got["rcode"]))
    if "flags" in exp and set(exp["flags"].split()) != set(got["flags"]):
        out.append("flags: expected '%s', got '%s'" % (exp["flags"], " ".join(got["flags"])))
    if "question" in exp and ctx.subdeep(exp["question"]) != got["question"]:
        out.append("question: expected %s, got %s" % (exp["question"], got["question"]))
    for sec in ("answer", "authority", "additional"):
        if sec in exp:
            match_rrs(sec, exp[sec], got[sec], ctx, out)
    if "edns" in exp:
        if exp["edns"] is None:
            if got["edns"] is not None:
                out.append("edns: expected none, got %s" % got["edns"])
        elif got["edns"] is None:
            out.append("edns: expected %s, got none" % exp["edns"])
        else:
            match_json(exp["edns"], got["edns"], "edns", ctx, out)
    if "max_size" in exp and got["size"] > exp["max_size"]:
        out.append("size: expected at most %d octets, got %d" % (exp["max_size"], got["size"]))
    if "min_size" in exp and got["size"] < exp["min_size"]:
        out.append("size: expected at least %d octets, got %d" % (exp["min_size"], got["size"]))
    if "trailing" in got:
        out.append("%d octets after the last record" % got["trailing"])
    match_ms(exp, got, out)
    return out


def match_ms(exp, got, out):
    if "min_ms" in exp and got["ms"] < exp["min_ms"]:
        out.append("answered after %d ms, expected no sooner than %d" % (got["ms"], exp["min_ms"]))
    if "max_ms" in exp and got["ms"] > exp["max_ms"] * PATIENCE:
        out.append("answered after %d ms, expected no later than %d" % (got["ms"], exp["max_ms"] * PATIENCE))


# --------------------------------------------------------------------------
# fixtures: a DNS upstream and an HTTP endpoint for the agent to talk to
# --------------------------------------------------------------------------

class DNSFixture:
    def __init__(self, spec, ctx):
        self.ctx = ctx
        self.rules = spec.get("rules", [])
        self.log = []
        self.port = free_port()
        self.stop = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(16)
        for f in (self._udp, self._tcp):
            threading.Thread(target=f, daemon=True).start()

    def vars(self):
        return {"port": self.port, "addr": "127.0.0.1:%d" % self.port}

    def answer(self, msg, transport):
        q = parse_dns_question(msg)
        self.log.append([q["name"], q["type"], transport, q["rd"], q["edns"]])
        rule = None
        for r in self.rules:
            if self.ctx.sub(r["name"]).lower() == q["name"].lower() and r.get("type", q["type"]) == q["type"] \
                    and r.get("transport", transport) == transport:
                rule = r
                break
        if rule is None:
            rule = {"rcode": "NXDOMAIN"}
        if rule.get("drop"):
            return None
        if rule.get("delay_ms"):
            time.sleep(rule["delay_ms"] / 1000.0)
        flags = 0x8000 | (0x0100 if q["rd"] else 0)
        for name, bit in (("aa", 0x0400), ("tc", 0x0200), ("ra", 0x0080), ("ad", 0x0020)):
            if name in rule.get("flags", "ra").split():
                flags |= bit
        flags |= RCODES.index(rule.get("rcode", "NOERROR"))
        secs = b""
        counts = []
        for key in ("answer", "authority", "additional"):
            rrs = rule.get(key, [])
            counts.append(len(rrs))
            for rr in rrs:
                data = enc_rdata(TYPES[rr[1]], self.ctx.sub(rr[3]))
                secs += enc_name(self.ctx.sub(rr[0])) + struct.pack("!HHIH", TYPES[rr[1]], 1, rr[2], len(data)) + data
        return msg[:2] + struct.pack("!HHHHH", flags, 1, *counts) + q["raw"] + secs

    def _udp(self):
        while not self.stop:
            try:
                msg, peer = self.udp.recvfrom(65536)
            except OSError:
                return

            def work(msg=msg, peer=peer):
                try:
                    a = self.answer(msg, "udp")
                    if a is not None:
                        self.udp.sendto(a, peer)
                except (OSError, ScenarioError):
                    pass
            threading.Thread(target=work, daemon=True).start()

    def _tcp(self):
        while not self.stop:
            try:
                c, _ = self.tcp.accept()
            except OSError:
                return

            def work(c=c):
                try:
                    c.settimeout(5)
                    while True:
                        h = c.recv(2)
                        if len(h) < 2:
                            break
                        n = struct.unpack("!H", h)[0]
                        buf = b""
                        while len(buf) < n:
                            buf += c.recv(n - len(buf))
                        a = self.answer(buf, "tcp")
                        if a is None:
                            break
                        c.sendall(struct.pack("!H", len(a)) + a)
                except OSError:
                    pass
                finally:
                    c.close()
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.stop = True
        self.udp.close()
        self.tcp.close()

    def control(self, step, ctx):
        if "rules" in step:
            self.rules = step["rules"]
        if step.get("clear"):
            self.log.clear()
        return {"queries": [list(x) for x in self.log]}


def parse_dns_question(msg):
    flags, = struct.unpack("!H", msg[2:4])
    name, off = dec_name(msg, 12)
    t, _ = struct.unpack("!HH", msg[off:off + 4])
    p = parse_dns(msg)
    return {"name": name, "type": TYPE_NAMES.get(t, "TYPE%d" % t), "rd": bool(flags & 0x0100),
            "raw": msg[12:off + 4], "edns": p["edns"]["size"] if p["edns"] else None}


class HTTPFixture:
    def __init__(self, spec, ctx):
        self.state = {"status": 200, "body": "ok", "headers": {}, "delay_ms": 0}
        self.state.update(spec.get("set", {}))
        self.log = []
        fx = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *a):
                pass

            def any(self):
                n = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(n).decode("utf-8", "replace") if n else ""
                hd = {}
                for k, v in self.headers.items():
                    hd[k] = hd[k] + ", " + v if k in hd else v
                fx.log.append({"method": self.command, "path": self.path, "headers": hd, "body": body})
                st = dict(fx.state)
                if st["delay_ms"]:
                    time.sleep(st["delay_ms"] / 1000.0)
                b = st["body"].encode()
                self.send_response(st["status"])
                for k, v in st["headers"].items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(b)))
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    if self.command != "HEAD":
                        self.wfile.write(b)
                except OSError:
                    pass
            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = any

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *a):
                pass
        self.port = free_port()
        self.srv = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.srv.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def vars(self):
        return {"port": self.port, "addr": "127.0.0.1:%d" % self.port}

    def close(self):
        if self.srv:
            self.srv.shutdown()
            self.srv.server_close()
            self.srv = None

    def control(self, step, ctx):
        self.state.update(step.get("set", {}))
        if step.get("clear"):
            self.log.clear()
        if step.get("close"):
            self.close()
        return {"requests": len(self.log), "last": self.log[-1] if self.log else None}


# --------------------------------------------------------------------------
# agents
# --------------------------------------------------------------------------

def deep_merge(a, b):
    out = dict(a)
    for k, v in b.items():
        if isinstance(v, dict) and isinstance(out.get(k), dict):
            out[k] = deep_merge(out[k], v)
        elif v is None:
            out.pop(k, None)
        else:
            out[k] = v
    return out


class Agent:
    def __init__(self, aid):
        self.id = aid
        self.http = None
        self.dns = None
        self.proc = None
        self.dir = None
        self.config = {}
        self.argv = None
        self.token = None
        self.log = None

    def died(self):
        """Exit status of an agent that ended by itself, else None."""
        return self.proc.poll() if self.proc is not None else None

    def kill(self, sig=signal.SIGTERM, wait=4.0):
        if self.proc is None:
            return
        try:
            self.proc.send_signal(sig)
        except ProcessLookupError:
            pass
        try:
            self.proc.wait(wait)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc = None

    def close(self):
        self.kill()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)


def base_config(name, ports, data_dir):
    return {
        "node_name": name,
        "datacenter": "dc1",
        "data_dir": data_dir,
        "server": True,
        "bootstrap": True,
        "bind_addr": "127.0.0.1",
        "client_addr": "127.0.0.1",
        "ports": {"http": ports["http"], "dns": ports["dns"], "serf_lan": ports["serf_lan"],
                  "serf_wan": ports["serf_wan"], "server": ports["server"], "grpc": -1},
        "performance": {"raft_multiplier": 1},
        "disable_update_check": True,
        "log_level": "WARN",
    }


LOGS = {"dir": None}
RELAXED = {"how": None}


def start_agent(spec, cmd, ctx):
    a = Agent(spec["id"])
    a.dir = tempfile.mkdtemp(prefix="replay-")
    a.log = os.path.join(a.dir, "agent.log")
    if LOGS["dir"]:
        a.log = os.path.join(LOGS["dir"], "%s.%s.log" % (ctx.name or "shared", a.id))
    ports = {}
    for k in ("http", "dns", "serf_lan", "serf_wan", "server"):
        key = "%s.%s_port" % (a.id, k)
        if key not in ctx.vars:
            ctx.vars[key] = free_port()
        ports[k] = ctx.vars[key]
    ctx.vars["%s.dir" % a.id] = a.dir
    node = spec.get("node", "node1" if a.id == "s1" else a.id)
    cfg = base_config(node, ports, os.path.join(a.dir, "data"))
    cfg = deep_merge(cfg, ctx.subdeep(spec.get("config", {})))
    for rel, text in spec.get("files", {}).items():
        p = os.path.join(a.dir, rel)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "w") as f:
            f.write(ctx.sub(text) if isinstance(text, str) else json.dumps(ctx.subdeep(text)))
    a.config = cfg
    a.http = ("127.0.0.1", ports["http"])
    a.dns = ("127.0.0.1", ports["dns"])
    path = os.path.join(a.dir, "agent.json")
    with open(path, "w") as f:
        json.dump(cfg, f, indent=1)
    args = "-config-file=%s" % path
    for x in spec.get("args", []):
        args += " " + ctx.sub(x)
    a.argv = cmd.replace("{args}", args)
    acl = cfg.get("acl", {})
    a.token = acl.get("tokens", {}).get("master")
    ready = spec.get("ready", "client" if cfg.get("server") is False else "full")
    try:
        launch(a)
        wait_ready(a, ready, cfg, spec.get("ready_ms", 20000))
    except BaseException:
        a.close()
        raise
    return a


def launch(a):
    log = open(a.log, "ab")
    a.proc = subprocess.Popen(["/bin/sh", "-c", "exec " + a.argv], stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, start_new_session=True)
    log.close()


def agent_get(a, path):
    h = {"X-Consul-Token": a.token} if a.token else {}
    return http_exchange(a.http, "GET", path, h, None, timeout=5 * PATIENCE)


def wait_ready(a, how, cfg, limit_ms):
    """full: leader known and the agent's own node is in the catalog with its serfHealth passing and its
    tagged addresses (written by the first anti-entropy run); leader: a leader is known; http: it answers."""
    t0 = time.monotonic()
    last = "no answer"
    node = cfg["node_name"]
    seen = None
    if RELAXED["how"] and how in ("full", "client", "leader"):
        how = RELAXED["how"]
        time.sleep(0.3)
    while time.monotonic() - t0 < limit_ms / 1000.0 * PATIENCE:
        if a.proc.poll() is not None:
            try:
                with open(a.log) as f:
                    tail = f.read()[-1500:]
            except OSError:
                tail = ""
            raise ScenarioError("agent %s exited with %s: %s" % (a.id, a.proc.returncode, tail))
        try:
            if how == "http":
                agent_get(a, "/v1/agent/self")
                return
            r = agent_get(a, "/v1/status/leader")
            seen = seen or "http"
            last = "leader %r" % r["body"][:80]
            if r["status"] == 200 and len(r["body"].strip()) > 2:
                seen = "leader"
                if how == "leader":
                    return
                r = agent_get(a, "/v1/health/node/" + node)
                last = "health of own node %d %r" % (r["status"], r["body"][:80])
                if r["status"] == 200:
                    ok = any(c["CheckID"] == "serfHealth" and c["Status"] == "passing" for c in json.loads(r["body"]) or [])
                    if ok and how == "client":
                        r = agent_get(a, "/v1/catalog/node/" + node)
                        n = json.loads(r["body"] or b"null")
                        if n and n["Node"].get("TaggedAddresses"):
                            return
                    elif ok:
                        r = agent_get(a, "/v1/catalog/node/" + node)
                        n = json.loads(r["body"] or b"null")
                        if n and n["Node"].get("TaggedAddresses") and "consul" in (n["Services"] or {}):
                            if not cfg.get("acl", {}).get("enabled"):
                                return
                            r = agent_get(a, "/v1/acl/tokens")
                            last = "acl tokens %d" % r["status"]
                            if r["status"] == 200:
                                return
        except (OSError, ScenarioError, ValueError) as e:
            last = "%s" % e
        time.sleep(0.05)
    if seen:
        # go on with what there is, and do not wait this long again
        RELAXED["how"] = seen
        sys.stderr.write("note: agent %s never became ready in the full sense (%s); going on, and from now on only "
                         "waiting for '%s'\n" % (a.id, last, seen))
        return
    raise ScenarioError("agent %s not ready after %d ms: %s" % (a.id, limit_ms, last))


# --------------------------------------------------------------------------
# running steps
# --------------------------------------------------------------------------

def request_body(h, ctx):
    if "json" in h:
        return json.dumps(ctx.subdeep(h["json"]), separators=(",", ":")).encode()
    if "body" in h:
        return ctx.sub(h["body"]).encode("utf-8")
    if "body_b64" in h:
        return base64.b64decode(h["body_b64"])
    if "body_repeat" in h:
        r = h["body_repeat"]
        return (r.get("prefix", "") + r["text"] * r["times"] + r.get("suffix", "")).encode()
    if "body_blob" in h:
        return ctx.blobs[h["body_blob"]]
    return None


def do_http(h, ctx, agent, stretch=1):
    headers = {k: ctx.sub(v) for k, v in h.get("headers", {}).items()}
    # A read that is to be woken waits longer than the limit within which it must have been.
    path = re.sub(r"\bwait=(\d+)s", lambda m: "wait=%ds" % (int(m.group(1)) * stretch), ctx.sub(h["path"]))
    return http_exchange(agent.http, h.get("method", "GET"), path, headers, request_body(h, ctx),
                         timeout=h.get("timeout_ms", 30000) / 1000.0 * PATIENCE, stream_ms=h.get("stream_ms"),
                         chunked=h.get("chunked", False), expect_continue=h.get("expect_continue", False),
                         keep=ctx.conns.setdefault(h["conn"], {}) if "conn" in h else None)


def match_http(exp, got, ctx):
    out = []
    if "status" in exp and exp["status"] != got["status"]:
        out.append("status: expected %d, got %d (body %s)" % (exp["status"], got["status"], short(got["body"], 200)))
    hd = {}
    case = {}
    for k, v in got["headers"]:
        lk = k.lower()
        hd[lk] = hd[lk] + ", " + v if lk in hd else v
        case[lk] = k
    if "headers" in exp:
        want = {k.lower(): (k, v) for k, v in exp["headers"].items()}
        for lk, (k, v) in want.items():
            if lk in ctx.ignore:
                continue
            if v == "<absent>":
                if lk in hd:
                    out.append("header %s: expected absent, got %r" % (k, hd[lk]))
                continue
            if lk not in hd:
                out.append("header %s: missing, expected %s" % (k, v))
                continue
            why = match_string(v, hd[lk], ctx)
            if why:
                out.append("header %s: %s, got %r" % (k, why, hd[lk]))
            elif ctx.strict and case[lk] != k:
                out.append("header %s: written %s" % (k, case[lk]))
        if not exp.get("headers_subset"):
            for lk in hd:
                if lk not in want and lk not in IGNORED_HEADERS and lk not in ctx.ignore:
                    out.append("header %s: not expected, got %r" % (case[lk], hd[lk]))
    if "json" in exp:
        try:
            v = json.loads(got["body"])
        except ValueError:
            out.append("body: expected JSON, got %s" % short(got["body"]))
        else:
            match_json(exp["json"], v, "$", ctx, out)
            if "layout" in exp:
                lay = json_layout(got["body"])
                if lay != exp["layout"]:
                    out.append("layout: expected %s JSON, got %s: %s" % (exp["layout"], lay, short(got["body"], 120)))
    if "body" in exp:
        match_text(exp["body"], got["body"], ctx, out)
    for flag in ("reused", "continue"):
        if flag in exp and exp[flag] != got.get(flag):
            out.append("%s: expected %s, got %s" % (flag, exp[flag], got.get(flag)))
    match_ms(exp, got, out)
    return out


def json_path(v, path):
    for part in re.findall(r"\[(\d+)\]|\.?([^.\[\]]+)", path):
        if part[0] != "":
            v = v[int(part[0])]
        else:
            v = v[part[1]]
    return v


def take_captures(step, got, ctx):
    for name, src in step.get("capture", {}).items():
        try:
            if src.startswith("@"):
                hd = {k.lower(): v for k, v in got["headers"]}
                ctx.vars[name] = hd[src[1:].lower()]
            elif src == "body":
                ctx.blobs[name] = got["body"]
            elif src == "text":
                ctx.vars[name] = got["body"].decode("utf-8", "replace")
            else:
                ctx.vars[name] = json_path(json.loads(got["body"]), src)
        except (KeyError, IndexError, ValueError, TypeError) as e:
            raise ScenarioError("cannot capture %s from %s: %r" % (name, src, e))


class Recorder:
    """Hook used by the recording tool; the plain runner has none."""

    def saw_start(self, ctx):
        pass

    def saw(self, n, step, got, ctx):
        pass


def loop_values(step):
    f = step.get("for")
    if not f:
        return [None]
    lo, hi = f["range"]
    return [(f.get("var", "i"), x) for x in range(lo, hi + 1)]


def pick_agent(step, ctx):
    on = step.get("on", "s1")
    if on not in ctx.agents:
        raise ScenarioError("no agent %s" % on)
    return ctx.agents[on]


def run_step(n, step, ctx, cmd, rec):
    """Run one step; returns a list of mismatches."""
    if "sleep_ms" in step:
        time.sleep(step["sleep_ms"] / 1000.0)
        return []
    if "start_agent" in step:
        spec = dict(step["start_agent"])
        a = start_agent(spec, cmd, ctx)
        ctx.agents[a.id] = a
        return []
    if "stop_agent" in step:
        a = ctx.agents[step["stop_agent"]]
        a.kill(getattr(signal, step.get("signal", "SIGTERM")))
        return []
    if "signal_agent" in step:
        ctx.agents[step["signal_agent"]].proc.send_signal(getattr(signal, step["signal"]))
        return []
    if "restart_agent" in step:
        a = ctx.agents[step["restart_agent"]]
        a.kill(getattr(signal, step.get("signal", "SIGTERM")))
        if "config" in step:
            a.config = deep_merge(a.config, ctx.subdeep(step["config"]))
            with open(os.path.join(a.dir, "agent.json"), "w") as f:
                json.dump(a.config, f, indent=1)
        launch(a)
        wait_ready(a, step.get("ready", "full"), a.config, 20000)
        return []
    if "write_config" in step:
        a = ctx.agents[step["write_config"]]
        a.config = deep_merge(a.config, ctx.subdeep(step["config"]))
        with open(os.path.join(a.dir, "agent.json"), "w") as f:
            json.dump(a.config, f, indent=1)
        return []
    if "wait_exit" in step:
        a = ctx.agents[step["wait_exit"]]
        try:
            code = a.proc.wait(step.get("ms", 10000) / 1000.0 * PATIENCE)
        except subprocess.TimeoutExpired:
            return ["agent %s is still running" % a.id]
        a.proc = None
        if rec:
            rec.saw(n, step, {"code": code}, ctx)
        elif "code" in step and step["code"] != code:
            return ["agent %s exited with %s, expected %s" % (a.id, code, step["code"])]
        return []
    if "fixture" in step:
        fixture = ctx.fixtures[step["fixture"]]
        got = fixture.control(step, ctx)
        if rec:
            rec.saw(n, step, got, ctx)
            return []
        end = time.monotonic() + 5 * PATIENCE  # what it has been asked may still be on its way
        while True:
            out = []
            if "expect" in step:
                match_json(step["expect"], got, "fixture", ctx, out)
            if not out or time.monotonic() > end:
                return out
            time.sleep(0.1)
            got = fixture.control({}, ctx)
    if "finish" in step:
        th, box = ctx.background.pop(step["finish"])
        th.join(60 * PATIENCE)
        if "error" in box:
            raise ScenarioError("background request: %s" % box["error"])
        if "got" not in box:
            return ["the request started as %s has not been answered" % step["finish"]]
        got = box["got"]
        if rec:
            rec.saw(n, step, got, ctx)
            take_captures(step, got, ctx)
            return []
        mism = match_http(step.get("expect", {}), got, ctx)
        if not mism:
            take_captures(step, got, ctx)
        return mism
    if "running" in step:
        th, box = ctx.background[step["running"]]
        return [] if th.is_alive() else ["the request started as %s was answered too early" % step["running"]]
    if "http" in step:
        agent = pick_agent(step, ctx)
        if "start" in step:
            box = {}

            def work():
                try:
                    box["got"] = do_http(step["http"], ctx, agent, PATIENCE)
                except (OSError, ScenarioError) as e:
                    box["error"] = e
            th = threading.Thread(target=work, daemon=True)
            ctx.background[step["start"]] = (th, box)
            th.start()
            time.sleep(step.get("settle_ms", 150) / 1000.0)
            return []
        mism = []
        for lv in loop_values(step):
            if lv:
                ctx.vars[lv[0]] = lv[1]
            if rec:
                if "eventually_ms" in step:
                    time.sleep(step.get("record_wait_ms", 1000) / 1000.0)
                got = do_http(step["http"], ctx, agent)
                rec.saw(n, step, got, ctx)
                take_captures(step, got, ctx)
                continue
            mism = attempt(step, ctx, lambda: do_http(step["http"], ctx, agent), match_http)
            if mism:
                if lv:
                    mism.insert(0, "at %s=%s" % lv)
                break
        return mism
    if "dns" in step:
        agent = pick_agent(step, ctx)
        if agent.dns is None:
            raise ScenarioError("no DNS address given (--dns)")
        mism = []
        for lv in loop_values(step):
            if lv:
                ctx.vars[lv[0]] = lv[1]
            q = ctx.subdeep(step["dns"])
            tmo = q.get("timeout_ms", 5000) / 1000.0 * PATIENCE
            if rec:
                if "eventually_ms" in step:
                    time.sleep(step.get("record_wait_ms", 1000) / 1000.0)
                rec.saw(n, step, dns_exchange(agent.dns, q, tmo), ctx)
                continue
            mism = attempt(step, ctx, lambda: dns_exchange(agent.dns, q, tmo), match_dns)
            if mism:
                break
        return mism
    raise ScenarioError("unknown step %s" % short(step))


def attempt(step, ctx, call, match):
    limit = step.get("eventually_ms")
    t0 = time.monotonic()
    while True:
        snap = (dict(ctx.vars), dict(ctx.index))
        try:
            got = call()
            mism = match(step.get("expect", {}), got, ctx)
        except socket.timeout:
            got, mism = None, ["no answer in time"]
        except OSError as e:
            got, mism = None, ["no answer: %s" % e]
        if not mism or limit is None or (time.monotonic() - t0) * 1000.0 > limit * PATIENCE:
            if got is not None and not mism:
                take_captures(step, got, ctx)
            elif got is not None and step.get("capture"):
                try:
                    take_captures(step, got, ctx)
                except ScenarioError:
                    pass
            if mism and limit is not None:
                mism.append("(tried for %d ms)" % limit)
            return mism
        ctx.vars, ctx.index = snap
        time.sleep(0.1)


def needs_own(scn):
    return bool(scn.get("agents")) or scn.get("needs") == "fresh"


def run_scenario(scn, opts, shared=None, rec=None):
    """Returns a list of (step number, [mismatch...]); empty when all is well."""
    ctx = Ctx(scn["name"])
    ctx.strict = getattr(opts, "strict", False)
    ctx.ignore = {x.lower() for x in getattr(opts, "ignore_header", None) or []}
    ctx.vars["nonce"] = "%08x" % random.getrandbits(32)
    ctx.vars["tmp"] = tempfile.mkdtemp(prefix="replay-tmp-")
    failures = []
    own = []
    n = 0
    try:
        try:
            for fid, spec in scn.get("fixtures", {}).items():
                kind = spec.get("kind")
                fx = DNSFixture(spec, ctx) if kind == "dns" else HTTPFixture(spec, ctx)
                ctx.fixtures[fid] = fx
                for k, v in fx.vars().items():
                    ctx.vars["%s.%s" % (fid, k)] = v
            for name in scn.get("free_ports", []):
                ctx.vars[name] = free_port()
            if shared is not None and not needs_own(scn):
                ctx.agents["s1"] = shared
                ctx.vars["s1.http_port"] = shared.http[1]
                if shared.dns:
                    ctx.vars["s1.dns_port"] = shared.dns[1]
            else:
                specs = scn.get("agents") or [{"id": "s1"}]
                for sp in specs:
                    # ports of every agent are known before the first one starts
                    for k in ("http", "dns", "serf_lan", "serf_wan", "server"):
                        ctx.vars["%s.%s_port" % (sp["id"], k)] = free_port()
                for sp in specs:
                    a = start_agent(sp, opts.agent_cmd, ctx)
                    own.append(a)
                    ctx.agents[a.id] = a
        except (ScenarioError, OSError) as e:
            return [(0, ["setup: %s" % e])]
        if rec is not None:
            rec.saw_start(ctx)
        for n, step in enumerate(scn["steps"], 1):
            try:
                mism = run_step(n, step, ctx, opts.agent_cmd, rec)
            except (ScenarioError, OSError) as e:
                mism = ["%s" % e if isinstance(e, ScenarioError) else "%s: %s" % (type(e).__name__, e)]
            if mism:
                for a in ctx.agents.values():
                    if a.died() is not None:
                        mism.append("agent %s has ended with status %s" % (a.id, a.died()))
                failures.append((n, mism))
                if not getattr(opts, "keep_going", False):
                    break
        if not failures and rec is None:
            for chain in scn.get("index_order", []):
                vals = [(k, ctx.index[k]) for k in chain if k in ctx.index]
                for (ka, va), (kb, vb) in zip(vals, vals[1:]):
                    if not va < vb:
                        failures.append((n, ["index order: expected %s (%d) < %s (%d)" % (ka, va, kb, vb)]))
        return failures
    finally:
        if rec is not None:
            rec.ctx = ctx
        for a in list(ctx.agents.values()):
            if a is not shared:
                a.close()
        for fx in ctx.fixtures.values():
            fx.close()
        for c in ctx.conns.values():
            if c.get("sock"):
                c["sock"].close()
        shutil.rmtree(ctx.vars["tmp"], ignore_errors=True)


# --------------------------------------------------------------------------
# command line
# --------------------------------------------------------------------------

def apply_overrides(scn, overrides):
    """What is given for a step replaces what the scenario has; scenarios that are skipped are None."""
    mine = overrides.get(scn["name"], {})
    if mine.get("skip"):
        return None
    for n, fields in mine.get("steps", {}).items():
        scn["steps"][int(n) - 1].update(fields)
    for key in ("index_order",):
        if key in mine:
            scn[key] = mine[key]
    return scn


def read_names(path):
    with open(path, encoding="utf-8") as f:
        return {ln.split("#")[0].strip() for ln in f} - {""}


def find_scenarios(args):
    out = []
    for a in args:
        if os.path.isdir(a):
            for root, dirs, files in os.walk(a):
                dirs.sort()
                out += [os.path.join(root, f) for f in sorted(files) if f.endswith(".json")]
        else:
            out.append(a)
    return out


def split_addr(s):
    h, _, p = s.rpartition(":")
    return (h.strip("[]") or "127.0.0.1", int(p))


def describe(step):
    if "http" in step:
        return "%s %s" % (step["http"].get("method", "GET"), step["http"]["path"])
    if "dns" in step:
        return "DNS %s %s%s" % (step["dns"]["type"], step["dns"]["name"],
                                " over tcp" if step["dns"].get("transport") == "tcp" else "")
    if "finish" in step:
        return "answer of background request %s" % step["finish"]
    return next(iter(step))


def main():
    ap = argparse.ArgumentParser(description="replay recorded scenarios against a Consul-compatible agent")
    ap.add_argument("--http", help="address of a running agent's HTTP API (for scenarios that share one)")
    ap.add_argument("--dns", help="address of that agent's DNS")
    ap.add_argument("--agent-cmd", help="how to start an agent; {args} is replaced, e.g. 'consul agent {args}'")
    ap.add_argument("-j", "--jobs", type=int, default=1, help="scenarios run at the same time (needs --agent-cmd)")
    ap.add_argument("--isolate", action="store_true", help="a fresh agent for every scenario")
    ap.add_argument("--strict", action="store_true",
                    help="also compare key order, header case, DNS name case and decoder error texts")
    ap.add_argument("--keep-going", action="store_true", help="go on with the steps after a failed one")
    ap.add_argument("--ignore-header", action="append", metavar="NAME", help="do not compare this header")
    ap.add_argument("--family", action="append", help="only scenarios of this family")
    ap.add_argument("--overrides", metavar="FILE", help="steps that are expected otherwise (JSON)")
    ap.add_argument("--passing", metavar="FILE", help="run only the scenarios named in this file")
    ap.add_argument("--list", action="store_true", help="list the scenarios, run nothing")
    ap.add_argument("--base-config", action="store_true", help="print the config a shared agent needs")
    ap.add_argument("--logs", metavar="DIR", help="write what the agents print to DIR/<scenario>.<agent>.log")
    ap.add_argument("-v", "--verbose", action="store_true", help="also print how long each scenario took")
    ap.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="files or folders")
    opts = ap.parse_args()

    if opts.base_config:
        print(json.dumps(base_config("node1", {"http": 8500, "dns": 8600, "serf_lan": 8301, "serf_wan": 8302,
                                               "server": 8300}, "data"), indent=2))
        return 0
    scns = []
    overrides = {}
    if opts.overrides:
        with open(opts.overrides, encoding="utf-8") as f:
            overrides = json.load(f)
    names = read_names(opts.passing) if opts.passing else None
    known = set()
    for p in find_scenarios(opts.scenarios):
        with open(p, encoding="utf-8") as f:
            s = json.load(f)
        s["_path"] = p
        known.add(s["name"])
        if opts.family and s["family"] not in opts.family:
            continue
        if names is not None and s["name"] not in names:
            continue
        if apply_overrides(s, overrides):
            scns.append(s)
    for name in sorted((names or set()) - known):
        ap.error("%s names no scenario: %s" % (opts.passing, name))
    if opts.list:
        for s in scns:
            print("%-12s %-44s %3d steps  %s" % (s["family"], s["name"], len(s["steps"]), s["about"]))
        print("%d scenarios, %d steps" % (len(scns), sum(len(s["steps"]) for s in scns)))
        return 0
    if not scns:
        ap.error("no scenarios")
    if not opts.http and not opts.agent_cmd:
        ap.error("give --http (and --dns) of a running agent, or --agent-cmd, or both")

    if opts.logs:
        os.makedirs(opts.logs, exist_ok=True)
        LOGS["dir"] = os.path.abspath(opts.logs)
    lock = threading.Lock()
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    given = None
    if opts.http:
        given = Agent("s1")
        given.http = split_addr(opts.http)
        given.dns = split_addr(opts.dns) if opts.dns else None
    work = list(scns)
    jobs = max(1, opts.jobs)

    def report(scn, failures, secs):
        with lock:
            if not failures:
                tally["passed"] += 1
                print("ok %s" % scn["name"] + ("  (%.1fs)" % secs if opts.verbose else ""), flush=True)
                return
            tally["failed"] += 1
            n, mism = failures[0]
            print("not ok %s: step %d: %s" % (scn["name"], n, mism[0]), flush=True)
            for n, mism in failures:
                if n:
                    print("    step %d: %s" % (n, describe(scn["steps"][n - 1])))
                for m in mism[:MAX_REPORT]:
                    print("      - %s" % m)
            print("    file: %s" % scn["_path"], flush=True)

    def worker():
        mine = None
        try:
            while True:
                with lock:
                    nxt = None
                    for i, s in enumerate(work):
                        # a given running agent is used by one scenario at a time
                        if given is not None and not needs_own(s) and not opts.isolate and busy[0]:
                            continue
                        nxt = work.pop(i)
                        break
                    uses_given = nxt is not None and given is not None and not needs_own(nxt) and not opts.isolate
                    if uses_given:
                        busy[0] = True
                    empty = not work and nxt is None
                if nxt is None:
                    if empty:
                        return
                    time.sleep(0.05)
                    continue
                t0 = time.monotonic()
                try:
                    own = needs_own(nxt) or opts.isolate
                    if own and not opts.agent_cmd:
                        with lock:
                            tally["skipped"] += 1
                            print("skip %s: needs an agent of its own (--agent-cmd)" % nxt["name"], flush=True)
                        continue
                    if own:
                        f = run_scenario(nxt, opts)
                    elif given is not None:
                        f = run_scenario(nxt, opts, shared=given)
                    else:
                        try:
                            if mine is None:
                                mine = start_agent({"id": "s1"}, opts.agent_cmd, Ctx())
                        except (ScenarioError, OSError) as e:
                            f = [(0, ["setup: %s" % e])]
                        else:
                            f = run_scenario(nxt, opts, shared=mine)
                            if f:
                                # it may be dead, or hold what the scenario left behind
                                mine.close()
                                mine = None
                    report(nxt, f, time.monotonic() - t0)
                finally:
                    if uses_given:
                        with lock:
                            busy[0] = False
        finally:
            if mine is not None:
                mine.close()

    busy = [False]
    threads = [threading.Thread(target=worker) for _ in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tail = "%d passed, %d failed" % (tally["passed"], tally["failed"])
    if tally["skipped"]:
        tail += " (%d skipped)" % tally["skipped"]
    print(tail)
    return 1 if tally["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
