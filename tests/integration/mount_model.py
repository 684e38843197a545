#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random operations on the mount, and by HTTP, against a model in memory.

    mount_model.py HTTP-URL KV-DIRECTORY SECONDS [SEED]

One process; after each operation what it touched is compared, and now and then everything: the
tree by readdir, each value by read and by mmap, each size by stat, and all keys by HTTP.
"""
import ctypes
import errno
import json
import mmap
import os
import random
import sys
import time
import base64
import urllib.error
import urllib.request

url, top, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
rng = random.Random(seed)
libc = ctypes.CDLL(None, use_errno=True)
SIZE_MAX = 512 * 1024
files = {}  # path: bytes
dirs = {""}  # paths with an end "/", made by mkdir
NAMES = ["a", "b", "c", "d%20", "\u00e9", "long" * 20]
counts = {}


def all_dirs():
    """Those that are there: made, or because something lies below them."""
    found = set(dirs)
    for path in list(files) + list(dirs):
        parts = path.rstrip("/").split("/")[:-1] if path else []
        for i in range(len(parts)):
            found.add("/".join(parts[: i + 1]) + "/")
    return found


def new_name():
    return rng.choice(sorted(all_dirs())) + rng.choice(NAMES).replace("%20", "x")


def some_file():
    return rng.choice(sorted(files)) if files and rng.random() < 0.9 else new_name()


def some_bytes():
    n = rng.choice([0, 1, 10, 100, 4096, 5000, rng.randrange(70000)])
    return rng.randbytes(n)


def real(path):
    return os.path.join(top, path.rstrip("/"))


def is_dir(path):
    return path + "/" in all_dirs()


def expect(wanted, function):
    """function ends with this errno (0: well)."""
    try:
        result = function()
    except OSError as e:
        if e.errno != wanted:
            raise
        return None
    assert wanted == 0, "no error where %s is due" % errno.errorcode[wanted]
    return result


def http(method, path, body=None, query=""):
    quoted = urllib.request.quote(path) + query
    try:
        with urllib.request.urlopen(urllib.request.Request(url + "/v1/kv/" + quoted, data=body, method=method)) as r:
            return r.read()
    except urllib.error.HTTPError as e:
        if e.code == 404:
            return None
        raise


def write_error(path):
    return errno.EISDIR if is_dir(path) else 0


def op_create():
    path, data = new_name(), some_bytes()

    def do():
        fd = os.open(real(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            at = 0
            while at < len(data):  # in pieces: one commit all the same
                at += os.write(fd, data[at:at + rng.choice([1000, 1 << 20])])
        finally:
            os.close(fd)

    expect(write_error(path), do)
    if not is_dir(path):
        files[path] = data


def op_exclusive():
    path = new_name()
    there = path in files or is_dir(path)

    def do():
        fd = os.open(real(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, b"exclusive")
        os.close(fd)

    expect(errno.EEXIST if there else 0, do)
    if not there:
        files[path] = b"exclusive"


def op_append():
    path, data = some_file(), some_bytes()
    if is_dir(path) or len(files.get(path, b"")) + len(data) > SIZE_MAX:
        return

    def do():
        with open(real(path), "ab") as f:
            f.write(data)

    expect(0, do)
    files[path] = files.get(path, b"") + data


def op_change():
    """Opened to read and write: some reads, writes, sizes, seen at once by this descriptor."""
    path = some_file()
    if path not in files:
        expect(errno.EISDIR if is_dir(path) else errno.ENOENT, lambda: os.open(real(path), os.O_RDWR))
        return
    value = bytearray(files[path])
    fd = os.open(real(path), os.O_RDWR)
    for _ in range(rng.randrange(1, 6)):
        what = rng.random()
        at = rng.randrange(len(value) + 100)
        if what < 0.4:
            data = rng.randbytes(rng.randrange(1, 3000))
            if at + len(data) > SIZE_MAX:
                continue
            os.pwrite(fd, data, at)
            if at > len(value):
                value.extend(bytes(at - len(value)))
            value[at:at + len(data)] = data
        elif what < 0.6:
            os.ftruncate(fd, at)
            value = value[:at] + bytes(max(0, at - len(value)))
        elif what < 0.8:
            assert os.pread(fd, 5000, at) == bytes(value[at:at + 5000]), "its own bytes"
        elif what < 0.9:
            os.fsync(fd)
            files[path] = bytes(value)
            compare(path, http("GET", path, query="?raw"), "HTTP after fsync")
        assert os.fstat(fd).st_size == len(value), "its own size"
    os.close(fd)
    files[path] = bytes(value)


def op_truncate():
    path, size = some_file(), rng.choice([0, 1, 100, 5000])
    if path in files:
        os.truncate(real(path), size)
        files[path] = files[path][:size] + bytes(max(0, size - len(files[path])))
    else:
        expect(errno.EISDIR if is_dir(path) else errno.ENOENT, lambda: os.truncate(real(path), size))


def op_read():
    path = some_file()
    wanted = 0 if path in files else errno.EISDIR if is_dir(path) else errno.ENOENT

    def do():
        with open(real(path), "rb", buffering=0) as f:
            return f.read()

    got = expect(wanted, do)
    if wanted == 0:
        compare(path, got, "read")


def op_unlink():
    path = some_file()
    expect(0 if path in files else errno.EISDIR if is_dir(path) else errno.ENOENT, lambda: os.unlink(real(path)))
    gone(path)


def gone(path):
    """Without its last key a directory that was not made stays, on this mount, until it is removed."""
    if path in files:
        keep = [d for d in all_dirs() if path.startswith(d)]
        del files[path]
        dirs.update(keep)
        lost.update(keep)


lost = set()  # directories of which HTTP may know nothing


def op_mkdir():
    path = new_name()
    there = path in files or is_dir(path)
    expect(errno.EEXIST if there else 0, lambda: os.mkdir(real(path)))
    if not there:
        dirs.add(path + "/")


def op_rmdir():
    path = rng.choice(sorted(all_dirs()))
    if path == "":
        return
    full = any(p != path and p.startswith(path) for p in list(files) + list(all_dirs()))
    expect(errno.ENOTEMPTY if full else 0, lambda: os.rmdir(real(path)))
    if not full:
        keep = [d for d in all_dirs() if path.startswith(d) and d != path]
        dirs.discard(path)
        dirs.update(keep)
        lost.update(keep)


def op_rename():
    source = some_file() if rng.random() < 0.6 else rng.choice(sorted(all_dirs())).rstrip("/")
    target = rng.choice([some_file(), new_name()])
    flags = rng.choice([0, 0, 0, 1, 2])
    if source == "" or source.split("/")[0] == "" or target == source:
        return
    from_dir, to_dir = is_dir(source), is_dir(target)
    from_there, to_there = from_dir or source in files, to_dir or target in files
    if from_there and (target.startswith(source + "/") or source.startswith(target + "/")):
        return  # EINVAL, ENOTEMPTY or ENOTDIR, by what the kernel looks at first
    if target + "/" in lost or source + "/" in lost or any(d.startswith((source + "/", target + "/")) for d in lost):
        return
    wanted = 0
    if not from_there:
        wanted = errno.ENOENT
    elif flags == 1 and to_there:
        wanted = errno.EEXIST
    elif flags == 2 and not to_there:
        wanted = errno.ENOENT
    elif flags == 2 and from_dir != to_dir:
        wanted = errno.EINVAL
    elif flags != 2 and to_there and from_dir and not to_dir:
        wanted = errno.ENOTDIR
    elif flags != 2 and to_there and to_dir and not from_dir:
        wanted = errno.EISDIR
    elif flags == 0 and to_dir and any(p.startswith(target + "/") and p != target + "/" for p in list(files) + list(all_dirs())):
        wanted = errno.ENOTEMPTY

    def do():
        if libc.renameat2(-100, real(source).encode(), -100, real(target).encode(), flags) < 0:
            e = ctypes.get_errno()
            raise OSError(e, os.strerror(e))

    expect(wanted, do)
    if wanted:
        return
    keep = [d for d in all_dirs() if (source + "/").startswith(d) and d != source + "/"]
    move(source, target, exchange=flags == 2)
    dirs.update(keep)
    lost.update(keep)


def move(source, target, exchange):
    global files, dirs

    def to(path, a, b):
        return b + path[len(a):] if path == a or path.startswith(a + "/") else None

    new_files, new_dirs = {}, set()
    for path, value in files.items():
        there = to(path, source, target)
        back = to(path, target, source)
        if there is not None:
            new_files[there] = value
        elif back is None:
            new_files[path] = value
        elif exchange:
            new_files[back] = value
    for path in dirs:
        there, back = to(path, source, target), to(path, target, source)
        if there is not None:
            new_dirs.add(there)
        elif back is None:
            new_dirs.add(path)
        elif exchange:
            new_dirs.add(back)
    files, dirs = new_files, new_dirs


def op_http_put():
    path, data = new_name(), some_bytes()
    if is_dir(path):
        return  # a value beside a tree of its name
    http("PUT", path, data)
    files[path] = data


def op_http_delete():
    path = some_file()
    if path not in files:
        return
    below = [d for d in all_dirs() if path.startswith(d) and d not in dirs]
    if below:
        return  # an implicit directory goes with it, by another's hand
    http("DELETE", path)
    del files[path]


def compare(path, got, how):
    wanted = files[path]
    if got != wanted:
        raise AssertionError("%s of %s: %d bytes instead of %d, first difference at %s" % (
            how, path, len(got), len(wanted),
            next((i for i, (x, y) in enumerate(zip(got, wanted)) if x != y), "the end")))


def check_all():
    """What HTTP did is open's at once, stat's and readdir's within milliseconds."""
    until = time.monotonic() + 3
    while True:
        try:
            return check_once()
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def maps(f):
    """A file whose last close is on its way to the agent cannot be mapped; what is opened next can."""
    try:
        mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ).close()
        return True
    except OSError as e:
        assert e.errno == errno.ENODEV, e
        raise AssertionError("not mapped") from e


def check_once():
    seen_dirs, seen_files = {""}, set()
    for base, names, leaves in os.walk(top):
        rel = os.path.relpath(base, top)
        prefix = "" if rel == "." else rel + "/"
        seen_dirs.update(prefix + n + "/" for n in names)
        seen_files.update(prefix + n for n in leaves)
    assert seen_files == set(files), "listed: %r" % (seen_files ^ set(files))
    assert seen_dirs == all_dirs(), "directories: %r" % (seen_dirs ^ all_dirs())
    for path, value in files.items():
        assert os.stat(real(path)).st_size == len(value), "size of " + path
        with open(real(path), "rb", buffering=0) as f:
            compare(path, f.read(), "read")
            if value and maps(f):
                compare(path, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:], "mmap")
    known = {e["Key"]: base64.b64decode(e["Value"] or "") for e in json.loads(http("GET", "", query="?recurse") or b"[]")}
    keys = {k: v for k, v in known.items() if not k.endswith("/")}
    assert set(keys) == set(files), "HTTP has other keys: %r" % (set(keys) ^ set(files))
    for path in files:
        compare(path, keys[path], "HTTP")
    made = {d for d in dirs if d and d not in lost}
    assert made <= {k for k in known if k.endswith("/")} | {d for d in made if any(f.startswith(d) for f in files)}, "markers"


def main():
    ops = [f for n, f in sorted(globals().items()) if n.startswith("op_")]
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        op = rng.choice(ops)
        n += 1
        counts[op.__name__] = counts.get(op.__name__, 0) + 1
        try:
            op()
            if n % 100 == 0:
                check_all()
            if len(files) > 40:
                for path in list(files)[:20]:
                    os.unlink(real(path))
                    gone(path)
        except BaseException:
            print("seed %d, operation %d, %s" % (seed, n, op.__name__))
            raise
    check_all()
    print("seed %d: %d operations" % (seed, n))


main()
