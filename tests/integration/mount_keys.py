# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts awkward keys by HTTP, then walks the mount: every key is there once, opens, holds its value.

    mount_keys.py http://HOST:PORT MOUNT/kv RANDOM_KEYS
"""
import base64
import http.client
import json
import os
import random
import sys
import urllib.parse

url, top, random_n = urllib.parse.urlparse(sys.argv[1]), os.fsencode(sys.argv[2]), int(sys.argv[3])
http_client = http.client.HTTPConnection(url.hostname, url.port, timeout=30)

TEXTS = ["a", "a/", "a/b", "a//b", "a-b", "a0", "a%", "a%25", "a%v", "a%/b", "%", "/", "//", "///x",
         "/lead", ".", "..", "...", ".x", "a/.", "a/..", "a/../b", "./a", " ", "a b", "*", "-rf", "~",
         "a\\b", "tab\t", "nl\n", "nul\0k", "\u00e9", "e\u0301", "\u2028", "UPPER", "upper", "foo", "foo/",
         "foobar", "foo/bar", ".snapshot", "%+", "a%+/b", "k" * 253 + ".", "k" * 253 + "..",
         "k" * 252 + "\u00e9", "\u00e9" * 128, "%" * 86]
TEXTS += ["k" * n for n in (252, 253, 254, 255, 256, 257, 300, 506, 507, 759, 765)]
LONG = ["x" * 70000, "d/" * 3000 + "x"]


def request(method, path, body=None):
    http_client.request(method, path, body=body)
    answer = http_client.getresponse()
    data = answer.read()
    if answer.status != 200:
        sys.exit(f"{method} {path[:80]}: {answer.status} {data[:200]}")
    return data


def decode(name):
    """The bytes a name stands for, and the suffix: '', '%v' or '%+'."""
    suffix = b""
    if name[-2:] in (b"%v", b"%+"):
        name, suffix = name[:-2], name[-2:]
    return (b"" if name == b"%" else urllib.parse.unquote_to_bytes(name)), suffix


def put_all():
    keys = {t.encode() for t in TEXTS} | {b"\xff\xfe"}
    rng = random.Random(20260131)
    while len(keys) < len(TEXTS) + random_n:
        n = rng.choice((rng.randint(1, 8), rng.randint(1, 600)))
        keys.add(bytes(rng.choice(b"/%.a\xff\0") for _ in range(n)))
    for key in keys:
        request("PUT", "/v1/kv/" + urllib.parse.quote_from_bytes(key, safe="/"), key or b"")
    for key in LONG:
        operation = [{"KV": {"Verb": "set", "Key": key,
                             "Value": base64.b64encode(key.encode()).decode()}}]
        request("PUT", "/v1/txn", json.dumps(operation))
        keys.add(key.encode())
    return keys


def walk():
    """Steps into each directory and back, for some paths are longer than PATH_MAX."""
    found = {}
    os.chdir(top)
    stack = [(b"", sorted(os.listdir(b".")))]
    while stack:
        prefix, names = stack[-1]
        if not names:
            stack.pop()
            if stack:
                os.chdir(b"..")
            continue
        name = names.pop()
        raw, suffix = decode(name)
        key = prefix + raw
        if os.path.isdir(name):
            if suffix == b"%v":
                sys.exit(f"{name!r} is a directory")
            os.chdir(name)
            stack.append((key if suffix == b"%+" else key + b"/", sorted(os.listdir(b"."))))
            continue
        if key in found:
            sys.exit(f"{key!r} is listed twice")
        with open(name, "rb") as file:
            found[key] = file.read()
        if os.stat(name).st_size != len(found[key]):
            sys.exit(f"{key!r}: size {os.stat(name).st_size} of {len(found[key])} bytes")
    return found


def main():
    before = {}
    for key in json.loads(request("GET", "/v1/kv/?keys")):
        path = "/v1/kv/" + urllib.parse.quote(key, safe="/")
        before[path] = request("GET", path + "?raw")
        request("DELETE", path)
    keys = put_all()
    found = walk()
    # Keys that end in '/' have a value here, so they show, as "%".
    for key in keys - found.keys():
        print(f"missing {key[:80]!r}")
    for key in found.keys() - keys:
        print(f"not put {key[:80]!r}")
    wrong = [key for key in keys & found.keys() if found[key] != key]
    listed = len(json.loads(request("GET", "/v1/kv/?keys")))
    print(f"{len(keys)} keys, {len(found)} files, {len(wrong)} wrong values, {listed} in ?keys")
    if keys != found.keys() or wrong or listed != len(keys):
        sys.exit(1)
    for key in keys:
        if len(key) < 4000:
            request("DELETE", "/v1/kv/" + urllib.parse.quote_from_bytes(key, safe="/"))
    request("DELETE", "/v1/kv/x?recurse")
    request("DELETE", "/v1/kv/d/?recurse")
    os.chdir("/")
    for path, value in before.items():  # as it was
        request("PUT", path, value)


main()
