# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of the mount's coherence with HTTP.

    mount_coherence.py http://HOST:PORT MOUNT/kv SCENE [NUMBERS...]
"""
import http.client
import os
import random
import sys
import threading
import time
import urllib.parse

url, top, scene = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], sys.argv[3]
numbers = [int(n) for n in sys.argv[4:]]


class Http:
    def __init__(self):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)

    def do(self, method, key, value=None):
        self.connection.request(method, "/v1/kv/" + key, body=value)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {key}: {answer.status} {data[:100]}")
        return data

    def put(self, key, value):
        self.do("PUT", key, value)

    def delete(self, key):
        self.do("DELETE", key)


def path(key):
    return os.path.join(top, key)


def read(key):
    with open(path(key)) as file:
        return file.read()


def fail(text):
    print(text)
    sys.exit(1)


def soon(what, condition):
    end = time.monotonic() + 10  # a machine may be busy; what is stale for good stays so
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.0005)
    fail(f"not within ten seconds: {what}")


def together(threads, problems, seconds=0, stop=None):
    """Runs them all: for so long, or until each is done."""
    for thread in threads:
        thread.start()
    if stop:
        time.sleep(seconds)
        stop.set()
    for thread in threads:
        thread.join(20 if stop else 100)
        if thread.is_alive():
            problems.append("a thread hangs")


def update(rounds):
    api = Http()
    for i in range(rounds):
        api.put("u/x", f"value {i}")
        if read("u/x") != f"value {i}":
            fail(f"round {i}: {read('u/x')}")


def delete(rounds):
    api = Http()
    for i in range(rounds):
        api.put("del/x", "here")
        if read("del/x") != "here":
            fail(f"round {i}: not there")
        api.delete("del/x")
        try:
            read("del/x")
            fail(f"round {i}: still there")
        except FileNotFoundError:
            pass


def follow(rounds):
    api = Http()
    api.put("list/first", "")
    for i in range(rounds):
        api.put(f"list/{i}", "x" * i)
        soon(f"{i} is listed", lambda: len(os.listdir(path("list"))) == i + 2)
        api.put("list/first", "y" * i)
        soon(f"size {i}", lambda: os.stat(path("list/first")).st_size == i)
    before = os.stat(path("list/first")).st_mtime_ns
    api.put("list/first", "z")
    soon("a later mtime", lambda: os.stat(path("list/first")).st_mtime_ns > before)
    for i in range(rounds):
        api.delete(f"list/{i}")
        soon(f"{i} is gone", lambda: len(os.listdir(path("list"))) == rounds - i)


def faces(rounds):
    api = Http()
    for i in range(rounds):
        api.put("face", f"v{i}")
        soon("the value", lambda: read("face") == f"v{i}")
        api.put("face/below", f"w{i}")
        soon("the tree", lambda: read("face/below") == f"w{i}" and read("face%v") == f"v{i}")
        api.delete("face/below")
        soon("the value again", lambda: read("face") == f"v{i}" == read("face%v"))


def crossing(rounds):
    """A value changes a few times, each seen by an open before the mount is told, and then becomes
    a directory, while others do the same: an open must not use up the news for the name."""
    problems = []

    def cross(key):
        api = Http()
        for i in range(rounds):
            for n in range(3):
                api.put(key, f"{i}.{n}")
                if read(key) != f"{i}.{n}":
                    problems.append(f"{key}: an old value")
            api.put(key + "/below", "w")
            soon(f"{key} is a directory", lambda: read(key + "/below") == "w")
            api.delete(key + "/below")
            soon(f"{key} is a value", lambda: read(key) == f"{i}.2")

    def guard(key):
        try:
            cross(key)
        except BaseException as error:  # pylint: disable=broad-except
            problems.append(f"{key}: {error!r}")

    threads = [threading.Thread(target=guard, args=(f"cross{n}",), daemon=True) for n in range(8)]
    together(threads, problems)
    if problems:
        fail(problems[:5])


def exact(rounds):
    """stat and ls, once PUT is answered. (The answer waits for the kernel, but not for ever.)"""
    api, late = Http(), 0
    api.put("exact/x", "")
    for i in range(rounds):
        api.put("exact/x", "y" * (i % 50))
        late += os.stat(path("exact/x")).st_size != i % 50
        api.put(f"exact/{i}", "y")
        late += len(os.listdir(path("exact"))) != i + 2
        if i % 3 == 0:
            api.delete(f"exact/{i}")
            late += os.path.exists(path(f"exact/{i}"))
            api.put(f"exact/{i}", "y")
    print(f"{late} late of {rounds}")
    if late > rounds // 50:
        sys.exit(1)


def snapshot(rounds):
    api = Http()
    for i in range(rounds):
        old, new = f"old {i} " * 1000, f"new {i}"
        api.put("snap", old)
        with open(path("snap")) as file:
            start = file.read(3)
            api.put("snap", new)
            if read("snap") != new:
                fail("a new open shows the old value")
            if start + file.read() != old:
                fail("the open file changed")


def torture(readers, writers, remotes):
    """Values are one letter many times: any mixture is seen."""
    stop, problems, counts = threading.Event(), [], {"reads": 0, "local": 0, "remote": 0}
    Http().put("torture", "A")

    def guard(function):
        def run(seed):
            try:
                function(random.Random(seed))
            except Exception as error:  # pylint: disable=broad-except
                problems.append(f"{function.__name__}: {error!r}")
        return run

    def reader(_):
        while not stop.is_set():
            value = read("torture")
            counts["reads"] += 1
            if not value or len(set(value)) != 1:
                problems.append(f"read {len(value)} bytes of {set(value)}")

    def writer(rng):
        while not stop.is_set():
            with open(path("torture"), "w") as file:
                letter = rng.choice("abcdefgh")
                for _ in range(rng.randint(1, 3)):
                    file.write(letter * rng.randint(1, 9000))
            counts["local"] += 1

    def remote(rng):
        api = Http()
        while not stop.is_set():
            api.put("torture", rng.choice("ABCDEFGH") * rng.randint(1, 9000))
            counts["remote"] += 1

    threads = [threading.Thread(target=guard(f), args=(i,), daemon=True)
               for f, n in ((reader, readers), (writer, writers), (remote, remotes)) for i in range(n)]
    together(threads, problems, 4, stop)
    print(counts, problems[:5])
    if problems or not counts["reads"] or (writers and not counts["local"]):
        sys.exit(1)
    if read("torture") != Http().do("GET", "torture?raw").decode():
        fail("the mount and HTTP disagree at the end")


def crowd(seconds):
    """Everybody at one key in every way: an open fails only when the key is not there."""
    stop, problems = threading.Event(), []
    Http().put("crowd/stays", "so that the directory does")
    Http().put("crowd/x", "first")

    def reader(_):
        try:
            read("crowd/x")
        except FileNotFoundError:
            pass

    def writer(n):
        with open(path("crowd/x"), "w") as file:
            file.write(f"w{n}")

    def appender(n):
        with open(path("crowd/x"), "a") as file:
            file.write(f"a{n}")

    def cutter(n):
        try:
            os.truncate(path("crowd/x"), n % 7)
        except FileNotFoundError:
            pass

    def replacer(n):
        with open(path(f"crowd/.x.{n}.tmp"), "w") as file:
            file.write(f"r{n}")
        os.replace(path(f"crowd/.x.{n}.tmp"), path("crowd/x"))

    def remote(n):
        if n % 3:
            api[threading.get_ident()].put("crowd/x", f"p{n}" * (n % 50))
        else:
            api[threading.get_ident()].delete("crowd/x")

    api, counts = {}, {}

    def repeat(function):
        api[threading.get_ident()] = Http()
        n = 0
        while not stop.is_set():
            try:
                function(n)
            except Exception as error:  # pylint: disable=broad-except
                problems.append(f"{function.__name__}: {error!r}")
            n += 1
        counts[function.__name__] = counts.get(function.__name__, 0) + n

    threads = [threading.Thread(target=repeat, args=(f,), daemon=True)
               for f in (reader, reader, writer, writer, appender, cutter, replacer, remote)]
    together(threads, problems, seconds, stop)
    print(counts, len(problems), problems[:5])
    if problems or len(counts) != 6:
        sys.exit(1)
    Http().put("crowd/x", "last")
    if read("crowd/x") != "last":
        fail("the mount and HTTP disagree at the end")


def moved(rounds):
    """What is done by a name that a rename just made happens to its key, and not to the one before:
    the kernel's inode of a file that was closed and renamed at once may still stand for that."""
    problems = []

    def save(thread):
        name = path(f"moved/{thread}")
        for i in range(rounds):
            with open(name + ".part", "w") as file:
                file.write(f"saved {i}")
            os.rename(name + ".part", name)
            if i % 3 == 0:
                os.truncate(name, 4)
            elif i % 3 == 1:
                with open(name, "a") as file:
                    file.write("!")
            else:
                os.setxattr(name, "user.disco.flags", b"7")
            if os.path.exists(name + ".part"):
                problems.append(f"{name}, round {i}: the name before is back")
            expected = "save" if i % 3 == 0 else f"saved {i}!" if i % 3 == 1 else f"saved {i}"
            if read(f"moved/{thread}") != expected:
                problems.append(f"{name}, round {i}: {read(f'moved/{thread}')}")

    def guard(thread):
        try:
            save(thread)
        except OSError as error:
            problems.append(repr(error))

    os.mkdir(path("moved"))
    threads = [threading.Thread(target=guard, args=(n,), daemon=True) for n in range(4)]
    together(threads, problems)
    if problems:
        fail(f"{len(problems)}: {problems[:5]}")


def names(seconds):
    """A listing never misses what was there all the time, nor shows a name twice."""
    stop, problems, steps = threading.Event(), [], [0]
    api = Http()
    for i in range(200):
        api.put(f"names/stays{i}", "x")

    def local(seed):
        n = 0
        while not stop.is_set():
            name = path(f"names/t{seed}.{n % 7}")
            with open(name, "w") as file:
                file.write("x")
            os.rename(name, name + "r")
            os.unlink(name + "r")
            n += 1
            steps[0] += 1

    def remote(seed):
        own, n = Http(), 0
        while not stop.is_set():
            own.put(f"names/r{seed}.{n % 50}", "x")
            own.delete(f"names/r{seed}.{(n + 25) % 50}")
            n += 1

    def lister(_):
        while not stop.is_set():
            seen = os.listdir(path("names"))
            steps[0] += 1
            if len(seen) != len(set(seen)):
                problems.append("a name twice")
            if sum(name.startswith("stays") for name in seen) != 200:
                problems.append("a name is missing")

    def guard(function, seed):
        try:
            function(seed)
        except Exception as error:  # pylint: disable=broad-except
            problems.append(f"{function.__name__}: {error!r}")

    threads = [threading.Thread(target=guard, args=(f, i), daemon=True)
               for f, n in ((local, 2), (remote, 2), (lister, 2)) for i in range(n)]
    together(threads, problems, seconds, stop)
    print(steps, problems[:5])
    if problems:
        sys.exit(1)
    left = sum(not name.startswith(("stays", "r")) for name in os.listdir(path("names")))
    if left:
        fail(f"{left} names are left")


{"update": update, "delete": delete, "follow": follow, "faces": faces, "snapshot": snapshot,
 "crossing": crossing, "exact": exact,
 "torture": torture, "crowd": crowd, "moved": moved, "names": names}[scene](*numbers)
