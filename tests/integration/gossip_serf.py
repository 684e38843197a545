#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real serf agents and our members in one pool: gossip_serf.py GOSSIP_NODE DIRECTORY SECONDS

Two pools side by side, one of them encrypted; s1, s2, s3 are serf agents, d1, d2 are ours. Prints
"ok WHAT" or "bad WHAT (DETAIL)" a line each. SECONDS: how long the pools are watched under load.
Standard library only.
"""
import base64
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time

NODE, DIRECTORY, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])
WAIT = 60  # seconds; on a busy machine everything takes its time
processes = []
results = queue.Queue()


def until(what, wait=WAIT):
    """Polls; the last value of what() when it was true in time, else None."""
    end = time.monotonic() + wait
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(0.1)


class Member:
    def start(self, args, **kw):
        self.log_path = os.path.join(DIRECTORY, "%s-%s.log" % (self.pool.name, self.name))
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(args, stderr=self.log, **kw)
        processes.append(self.process)

    def read_log(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Serf(Member):
    def __init__(self, pool, name, ip, tags, key, join=None):
        self.pool, self.name, self.addr = pool, name, "%s:%d" % (ip, pool.port)
        self.rpc = "%s:%d" % (ip, pool.port + 1)
        args = ["serf", "agent", "-node=" + name, "-bind=" + self.addr, "-rpc-addr=" + self.rpc,
                "-log-level=debug"]
        args += ["-tag=%s=%s" % t for t in tags.items()]
        if key:
            path = os.path.join(DIRECTORY, "%s-%s.keyring" % (pool.name, name))
            with open(path, "w") as f:
                f.write('["%s"]' % key)
            args += ["-keyring-file=" + path]
        if join:
            args += ["-join=" + join.addr]
        self.start(args, stdout=open(os.path.join(DIRECTORY, "%s-%s.out" % (pool.name, name)), "wb"))
        self.out_path = os.path.join(DIRECTORY, "%s-%s.out" % (pool.name, name))

    def run(self, *args):
        return subprocess.run(["serf", args[0], "-rpc-addr=" + self.rpc, *args[1:]],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              universal_newlines=True).stdout

    def members(self):
        found = {}
        for line in self.run("members").splitlines():
            words = line.split()
            if len(words) >= 3 and words[2] in ("alive", "leaving", "left", "failed"):
                tags = dict(t.split("=", 1) for t in words[3].split(",")) if len(words) > 3 else {}
                found[words[0]] = (words[2], tags)
        return found

    def heard(self, pattern):
        with open(self.out_path, "rb") as f:
            text = f.read().decode("utf-8", "replace")
        return re.search(pattern, text + self.read_log())


class Ours(Member):
    def __init__(self, pool, name, ip, tags, key, join=None):
        self.pool, self.name, self.addr = pool, name, "%s:%d" % (ip, pool.port)
        args = [NODE, "-node", name, "-bind", self.addr]
        for t in tags.items():
            args += ["-tag", "%s=%s" % t]
        if key:
            self.keyring = os.path.join(DIRECTORY, "%s-%s.keyring" % (pool.name, name))
            args += ["-key", key, "-keyring", self.keyring]
        if join:
            args += ["-join", join.addr]
        self.start(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def say(self, text):
        self.process.stdin.write((text + "\n").encode())
        self.process.stdin.flush()

    def ask(self, command, last):
        at = len(self.lines)
        self.say(command)
        until(lambda: any(re.match(last, l) for l in self.lines[at:]), 20)
        return self.lines[at:]

    def members(self):
        found = {}
        for line in self.ask("members", "members-end"):
            words = line.split()
            if words and words[0] == "member":
                found[words[1]] = (words[2], dict(t.split("=", 1) for t in words[3:]))
        return found

    def heard(self, pattern):
        return re.search(pattern, "\n".join(list(self.lines)))


class Pool:
    def __init__(self, name, key):
        self.name, self.key = name, key
        self.net = "127.%d.%d" % (random.randint(32, 250), random.randint(1, 250))
        self.port = random.randint(20000, 30000)

    def fact(self, what, good, detail=""):
        results.put((bool(good), "%s: %s" % (self.name, what), str(detail)))

    def sees(self, who, whom, status="alive", **tags):
        def look():
            status_there, tags_there = who.members().get(whom.name, (None, {}))
            return status_there == status and all(tags_there.get(k) == v for k, v in tags.items())
        if until(look):
            return True
        self.fact("%s sees %s %s %s" % (who.name, whom.name, status, tags), False, who.members())
        return False

    def all_see(self, members):
        return all([self.sees(a, b) for a in members for b in members])

    def run(self):
        try:
            self.story()
        except Exception as e:  # a fact like others: told, and the other pool goes on
            self.fact("the story came to its end", False, repr(e))

    def story(self):
        ip = lambda i: "%s.%d" % (self.net, i)
        s1 = Serf(self, "s1", ip(1), {"role": "web"}, self.key)
        assert until(lambda: "s1" in s1.members())
        d1 = Ours(self, "d1", ip(2), {"role": "disco", "dc": "dc1"}, self.key, s1)
        assert until(lambda: d1.heard("^joined|\njoined"))
        s2 = Serf(self, "s2", ip(3), {"role": "db"}, self.key, d1)
        d2 = Ours(self, "d2", ip(4), {"role": "disco", "n": "2"}, self.key, s2 if until(
            lambda: "d1" in s2.members()) else d1)
        s3 = Serf(self, "s3", ip(5), {}, self.key, d2 if until(lambda: d2.heard("joined 1")) else s1)
        pool = [s1, s2, s3, d1, d2]
        self.fact("they join each other in both directions, all alive", self.all_see(pool))
        self.fact("serf reads our tags", self.sees(s2, d1, role="disco", dc="dc1"))
        self.fact("we read serf's tags", self.sees(d2, s1, role="web"))
        self.change(s1, d1, s2, d2)
        self.talk(s1, d1, s2, d2)
        if self.key:
            self.rotate(s1, d1, pool)
        self.watch(pool)
        self.end(s1, s2, s3, d1, d2)

    def change(self, s1, d1, s2, d2):
        d1.say("tag zone=b")
        s1.run("tags", "-set", "zone=a")
        self.fact("serf sees our tags change", self.sees(s2, d1, zone="b"))
        self.fact("we see serf's tags change", self.sees(d2, s1, zone="a"))

    def talk(self, s1, d1, s2, d2):
        s1.run("event", "from-serf", "payload1")
        d1.say("event from-disco payload2")
        self.fact("we hear serf's user event", until(lambda: d2.heard("event from-serf payload1")))
        self.fact("serf hears ours", until(lambda: s2.heard("user-event: from-disco")))
        out = s1.run("query", "-timeout=15s", "-node=d1", "-node=d2", "question", "p")
        self.fact("we answer serf's query", "echo p" in out and "Total Responses: 2" in out, out)
        d1.say("query weather x")
        self.fact("serf hears our query", until(lambda: s2.heard("query: weather")))
        self.fact("our member answers it", until(lambda: d1.heard("reply d2 echo x")))
        out = s1.run("reachability")
        self.fact("serf reaches all of us", "Successfully contacted all live nodes" in out, out)
        out = s1.run("rtt", "d1", "d2")
        self.fact("serf knows our coordinates", until(lambda: "rtt:" in s1.run("rtt", "d1", "d2")), out)

    def rotate(self, s1, d1, pool):
        """The old key leaves the pool while nobody leaves it."""
        second = base64.b64encode(os.urandom(32)).decode()
        third = base64.b64encode(os.urandom(16)).decode()
        out = s1.run("keys", "-install=" + second) + s1.run("keys", "-use=" + second)
        out += s1.run("keys", "-remove=" + self.key)
        self.fact("serf rotates the pool's key", out.count("Success") == 3, out)
        kept = until(lambda: second in open(d1.keyring).read() and self.key not in open(d1.keyring).read())
        self.fact("we keep it in our file", kept, open(d1.keyring).read())
        out = d1.ask("keys install " + third, "keys |error") + d1.ask("keys use " + third, "keys |error")
        out += d1.ask("keys remove " + second, "keys |error")
        self.fact("we rotate the pool's key", out.count("keys 5/5 errors=0") == 3, out)
        out = s1.run("keys", "-list")
        self.fact("serf lists the one that is left", re.search(re.escape(third) + r"\s+\[5/5\]", out)
                  and second not in out, out)
        self.fact("nobody was lost", self.all_see(pool) and not self.failures(pool))
        self.key = third

    def failures(self, pool):
        found = []
        for m in pool:
            found += re.findall("EventMemberFailed: (.*)", m.read_log())
            if isinstance(m, Ours):
                found += re.findall("member-failed.*", "\n".join(m.lines))
        return found

    def watch(self, pool):
        """Twice as many busy processes as there are processors."""
        args = [sys.executable, "-c", "while True: pass"]
        load = [subprocess.Popen(args) for _ in range(os.cpu_count())]
        processes.extend(load)
        time.sleep(SECONDS)
        for p in load:
            p.kill()
            p.wait()
        found = self.failures(pool)
        self.fact("nobody is held for dead under load for %g s" % SECONDS, not found, found)

    def end(self, s1, s2, s3, d1, d2):
        s2.kill()
        d2.kill()
        begin = time.monotonic()
        self.fact("we find that serf's agent was killed", self.sees(d1, s2, "failed"))
        self.fact("serf finds that ours was killed", self.sees(s1, d2, "failed"),)
        results.put((None, "%s: killed members known after %.1f s" % (self.name, time.monotonic() - begin), ""))
        s3.run("leave")
        self.fact("we see serf leave", self.sees(d1, s3, "left"))
        d1.say("force-leave s2")
        self.fact("serf sees the one we forced out", self.sees(s1, s2, "left"))
        s1.run("force-leave", "d2")
        self.fact("we see the one serf forced out", self.sees(d1, d2, "left"))
        d1.say("leave")
        self.fact("serf sees us leave", self.sees(s1, d1, "left"))
        self.fact("our program ends well", d1.process.wait(WAIT) == 0, d1.read_log()[-500:])
        bad = [l for l in s1.read_log().splitlines() if "[ERR]" in l and "d1" in l]
        self.fact("serf has nothing to complain of", not bad, bad[:3])


try:
    key = base64.b64encode(os.urandom(32)).decode()
    threads = [threading.Thread(target=Pool(n, k).run) for n, k in (("plain", None), ("sealed", key))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    while not results.empty():
        good, what, detail = results.get()
        word = "note" if good is None else "ok" if good else "bad"
        print(word, what, "" if good else detail.replace("\n", " | ")[:600])
finally:
    for p in processes:
        if p.poll() is None:
            p.kill()
