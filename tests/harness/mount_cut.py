#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What mounts do when the network is cut: TAP on stdout.

    mount_cut.py DISCO

Three servers and a client agent in network namespaces behind switch.py, each with a mount. A cut lets
no packet through, and tells nobody: no connection breaks, nobody refuses. In turn a follower, the
leader, and the client are on the wrong side; then the client loses the one server it copies from.
Reads go on everywhere; writes on the wrong side fail within a bound, and leave nothing behind; when
the cut has gone, all mounts show what the majority wrote. Status 77: cannot be tried here.
"""
import argparse
import http.client
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import World, pairs  # noqa: E402
from switch import why_not  # noqa: E402

PATIENCE = 8  # how much slower than a quiet machine's this one may be
MOUNTED = 90.0
number = failed = 0


def ok(passed, what, seen=""):
    global number, failed
    number += 1
    failed += not passed
    print("%sok %d - %s" % ("" if passed else "not ", number, what), flush=True)
    if not passed and seen != "":
        print("# " + str(seen).replace("\n", "\n# "), flush=True)


def until(seconds, fact):
    """The seconds until fact() holds, or None."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if fact():
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


def sh(script, seconds=200):
    """A shell command that may hang: its status (None when it had to be killed) and its words."""
    p = subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out = p.communicate(timeout=seconds)[0]
        return p.returncode, out.decode(errors="replace").strip()
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return None, "killed after %d s" % seconds


class Mounts:
    def __init__(self, world):
        self.world, self.lost_keys = world, []
        for a in world.agents:
            a.mount = a.dir + ".mount"
            os.mkdir(a.mount)
            a.options = ["-mount", a.mount]

    def key(self, a):
        return os.path.join(a.mount, "kv", "cut")

    def shows(self, a, text):
        return sh("cat '%s'" % self.key(a)) == (0, text)

    def lost(self, a, text):
        """A write that must fail, of a key of its own: it must not come to life when the cut is gone."""
        self.lost_keys.append(text)
        return sh("echo lost | dd of='%s-%s' conv=fsync status=none" % (self.key(a), text))

    def put(self, a, text):
        """The shell's own echo does not look at what close says; this does."""
        return sh("echo %s | dd of='%s' conv=fsync status=none" % (text, self.key(a)))

    def writes(self, a, text):
        return until(60, lambda: self.put(a, text)[0] == 0) is not None

    def all_show(self, text):
        return until(60, lambda: all(self.shows(a, text) for a in self.world.agents))


def refused(m, a, text, what):
    begin = time.monotonic()
    status, words = m.lost(a, text)
    took = time.monotonic() - begin
    ok(status not in (0, None) and took < 5 * PATIENCE, "%s: a write fails (%.1f s)" % (what, took),
       "status %s after %.1f s: %s" % (status, took, words))


def default_read_ends(a, what):
    begin = time.monotonic()
    try:
        status, body, _ = a.ask("GET", "/v1/kv/cut?raw", timeout=3 * PATIENCE)
    except (OSError, http.client.HTTPException) as e:
        status, body = 0, str(e).encode()
    ok(status == 500, "%s: a default read over HTTP is refused (%.1f s)" % (
        what, time.monotonic() - begin), "%s %s" % (status, body))


def cut_off(w, m, a, name, text):
    """`a` is alone; the others go on."""
    others = [x for x in w.agents if x is not a]
    w.switch.set(cuts=pairs([a], others) + pairs(others, [a]))
    ok(m.shows(a, "before-" + text), "%s is cut off: reads go on" % name)
    until(30, lambda: (w.leader() or a) is not a)
    refused(m, a, "lost-" + text, name)
    if a.server:
        default_read_ends(a, name)
        _, out = sh("dig +short +time=5 +tries=1 @%s -p 8600 %s.node.consul" % (a.address, a.name))
        ok(out == a.address, "%s: DNS goes on" % name, out)
    there = next(x for x in others if x.server)
    ok(m.writes(there, "during-" + text), "%s: the others write" % name)
    ok(m.shows(a, "before-" + text), "%s still shows what it knows" % name)
    w.switch.set()
    took = m.all_show("during-" + text)
    ok(took is not None, "the cut is gone: all show what the others wrote (%.1f s)" % (took or 0),
       [sh("cat '%s'" % m.key(x)) for x in w.agents])
    ok(m.writes(a, "after-" + text) and m.all_show("after-" + text) is not None,
       "%s writes again, and all show it" % name)


def source_lost(w, m, client):
    """The client's copy comes from one server: that one is cut off from the client, and not dead."""
    for i, s in enumerate(w.servers):
        w.switch.set(cuts=pairs([client], [s]) + pairs([s], [client]))
        other = w.servers[(i + 1) % len(w.servers)]
        text = "without-" + s.name
        ok(m.writes(other, text), "client and %s are cut apart: a server writes" % s.name)
        took = until(90, lambda: m.shows(client, text))
        ok(took is not None, "the client shows it (%.1f s)" % (took or 0))
        ok(m.writes(client, "to-" + text), "and writes")
        w.switch.set()
        ok(m.all_show("to-" + text) is not None, "all show that")


def run(w):
    m = Mounts(w)
    for a in w.agents:
        a.start()
    ok(w.wait_until_serving(MOUNTED) is not None, "three servers and a client serve")
    ok(m.writes(w.agents[0], "before-follower") and m.all_show("before-follower") is not None,
       "what is written on one mount is on all")
    leader = w.leader()
    cut_off(w, m, next(s for s in w.servers if s is not leader), "a follower", "follower")
    m.writes(w.agents[0], "before-leader")
    m.all_show("before-leader")
    until(30, w.leader)
    cut_off(w, m, w.leader(), "the leader", "leader")
    m.writes(w.agents[0], "before-client")
    m.all_show("before-client")
    cut_off(w, m, w.clients[0], "the client", "client")
    source_lost(w, m, w.clients[0])
    left = [k for k in m.lost_keys if w.servers[0].ask("GET", "/v1/kv/cut-" + k)[0] != 404]
    ok(not left, "none of the writes that failed was carried out later", left)
    for a in reversed(w.agents):
        status = a.stop()
        ok(status == 0, "%s stops" % a.name, status)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("disco")
    o = p.parse_args()
    why = why_not()
    if why:
        print("1..0 # SKIP " + why)
        return 77
    o.servers, o.seed = 3, 1
    w = World(o)
    w.clients = w.clients[:1]
    w.agents = w.servers + w.clients
    try:
        run(w)
    finally:
        if failed:
            for a in w.agents:
                with open(a.dir + ".log") as f:
                    print("# ---- %s\n# %s" % (a.name, "# ".join(f.readlines()[-25:])))
        for a in w.agents:  # first: nothing is removed through a mount
            a.signal(signal.SIGCONT)
            a.kill()
            if os.path.ismount(a.mount) or not os.path.exists(a.mount):
                subprocess.run(["umount", "-l", a.mount], check=False, stderr=subprocess.DEVNULL)
        w.close(False)
    print("1..%d" % number)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
