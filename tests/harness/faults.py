#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of real agents under faults, clients that remember everything, and a judge.

    faults.py [--servers N] [--seconds S] [--seed N] [--faults a,b,...] [--keep] DISCO
    faults.py --minutes M DISCO    three and five servers in turn, random seeds, until one fails

Servers and two client agents live in network namespaces behind a switch of ours (switch.py). Writers
put unique values, read (default consistency, through any agent), compare-and-set a few keys and make
new ones; each fault comes, stays, goes: all of them in turn for S seconds, and each at least once.
Then: each key's history must be linearizable, no acknowledged write may be lost, values that stale
reads show must have been written, no two servers may lead in one term, the cluster must serve within
a bound after each fault, and all servers must hold the same. Exit status 0: all of that; 1 with the
seed and what was wrong; 77: cannot be tried here. Python 3, standard library only.
"""
import argparse
import base64
import collections
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from linear import UNDECIDED, Op, check  # noqa: E402
from switch import Switch, why_not  # noqa: E402

KEYS = ["faults/%d" % i for i in range(6)]
WORKERS = 6
# Where nothing else runs it is a second or two, which is printed; these tell a hang from that also
# on two slow processors with other work beside.
SERVE_BOUND = 90.0  # after a fault has gone
VOTE_BOUND = 120.0  # and then, until the configuration is the servers that there are


class Agent:
    def __init__(self, world, name, address, server):
        self.world, self.name, self.address, self.server = world, name, address, server
        self.dir = os.path.join(world.dir, name)
        self.process = None
        self.options = []

    def start(self):
        peers = [a.address for a in self.world.servers]  # as they are now: some have moved
        command = [self.world.disco, "agent", "-node", self.name, "-bind", self.address,
                   "-client", self.address, "-data-dir", self.dir, "-log-level", "debug",
                   "-retry-interval", "1s"]
        for peer in peers:
            command += ["-retry-join", peer]
        if self.server:
            command += ["-server", "-bootstrap-expect", str(len(peers)),
                        "-config-file", self.world.config]
        command += self.options
        log = open(self.dir + ".log", "a")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=lambda: self.world.switch.enter(self.address))
        log.close()

    def signal(self, number):
        if self.process:
            self.process.send_signal(number)

    def kill(self):
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self):
        """Orderly; its exit status, or None when it had to be killed."""
        self.signal(signal.SIGTERM)
        return self.end(120)

    def end(self, seconds):
        """Wait for an end that was asked for."""
        if not self.process:
            return 0
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        self.process = None
        return status

    def wipe(self):
        """An empty machine with the name of the dead."""
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, method, path, body=None, timeout=5.0):
        c = http.client.HTTPConnection(self.address, 8500, timeout=timeout)
        try:
            c.request(method, path, body)
            reply = c.getresponse()
            return reply.status, reply.read(), reply
        finally:
            c.close()


class World:
    def __init__(self, options):
        self.disco, self.seed = os.path.abspath(options.disco), options.seed
        self.dir = tempfile.mkdtemp(prefix="disco-faults.")
        self.config = os.path.join(self.dir, "server.json")
        with open(self.config, "w") as f:
            json.dump({"raft_snapshot_threshold": 400, "raft_trailing_logs": 50,
                       "performance": {"raft_multiplier": 1},
                       "autopilot": {"server_stabilization_time": "1s"}}, f)
        addresses = ["10.77.0.%d" % (i + 1) for i in range(options.servers)]
        self.servers = [Agent(self, "s%d" % (i + 1), a, True) for i, a in enumerate(addresses)]
        self.clients = [Agent(self, "c%d" % n, "10.77.0.%d" % (50 + n), False) for n in (1, 2)]
        self.spare = ["10.77.0.%d" % n for n in (31, 32)]  # where servers move to
        # The last is where we stand.
        self.switch = Switch(addresses + [a.address for a in self.clients] + self.spare +
                             ["10.77.0.100"], options.seed)
        self.agents = self.servers + self.clients
        self.rng = random.Random(options.seed)
        self.wrong = []

    def leader(self):
        """The server that most others name, or None."""
        votes = collections.Counter()
        for a in self.servers:
            try:
                status, body, _ = a.ask("GET", "/v1/status/leader", timeout=1)
                address = json.loads(body).rsplit(":", 1)[0] if status == 200 else ""
                if address:
                    votes[address] += 1
            except (OSError, ValueError, http.client.HTTPException):
                pass
        if not votes:
            return None
        address = votes.most_common(1)[0][0]
        return next((a for a in self.servers if a.address == address), None)

    def wait_until_serving(self, bound):
        """Every agent takes a write and shows it: seconds that took, or None."""
        begin = time.monotonic()
        left = list(self.agents)
        while left and time.monotonic() - begin < bound:
            a = left[0]
            try:
                value = str(time.monotonic())
                status, body, _ = a.ask("PUT", "/v1/kv/serving/" + a.name, value, timeout=3)
                if status == 200 and body.strip() == b"true":
                    status, body, _ = a.ask("GET", "/v1/kv/serving/%s?raw" % a.name, timeout=3)
                    if status == 200 and body.decode() == value:
                        left.pop(0)
                        continue
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        return None if left else time.monotonic() - begin

    def wait_until_voting(self, bound):
        """All servers that there are, and no others, are voters: else the next fault is a second."""
        end = time.monotonic() + bound
        while True:
            try:
                status, body, _ = self.clients[1].ask("GET", "/v1/operator/raft/configuration", timeout=3)
                if status == 200:
                    found = json.loads(body)["Servers"]
                    voters = {s["Address"].rsplit(":", 1)[0] for s in found if s["Voter"]}
                    if len(found) == len(voters) and voters == {a.address for a in self.servers}:
                        return True
            except (OSError, ValueError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                return False
            time.sleep(0.1)

    def close(self, keep):
        for a in self.agents:
            a.signal(signal.SIGCONT)
            a.kill()
        self.switch.close()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)


class Worker(threading.Thread):
    """A client: one operation after the other, through agents of its choice."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world, self.name = world, "w%d" % number
        self.rng = random.Random(world.seed * 1000 + number)
        self.stop, self.ops, self.stale = threading.Event(), {k: [] for k in KEYS}, []
        self.made = []  # keys of its own whose writing was acknowledged
        self.known = {}  # key: (value, index)
        self.n, self.done, self.errors = 0, 0, collections.Counter()
        self.connections = {}

    def ask(self, agent, method, path, body=None):
        address = agent.address
        c = self.connections.get(address)
        if c is None:
            c = self.connections[address] = http.client.HTTPConnection(address, 8500, timeout=6)
        try:
            c.request(method, path, body)
            reply = c.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as e:
            c.close()
            self.connections.pop(address, None)
            self.errors[type(e).__name__] += 1
            return 0, b""

    @staticmethod
    def parse(status, body):
        """(known?, value, index) of a read"""
        if status == 404:
            return True, None, 0
        if status != 200:
            return False, None, 0
        row = json.loads(body)[0]
        return True, base64.b64decode(row["Value"] or "").decode(), row["ModifyIndex"]

    def one(self):
        key, agent = self.rng.choice(KEYS), self.rng.choice(self.world.agents)
        kind = self.rng.choice(("read", "read", "read", "stale", "write", "write", "cas", "make"))
        self.n += 1
        if kind == "make":
            name = "made/%s.%d" % (self.name, self.n)
            status, body = self.ask(agent, "PUT", "/v1/kv/" + name, self.name)
            if status == 200 and body.strip() == b"true":
                self.made.append(name)
            self.done += status == 200
            return status == 200
        value, path = "%s.%d" % (self.name, self.n), "/v1/kv/" + key
        begin = time.monotonic()
        if kind in ("read", "stale"):
            status, body = self.ask(agent, "GET", path + ("?stale" if kind == "stale" else ""))
            known, value, index = self.parse(status, body)
            if kind == "stale":
                if known and value is not None:
                    self.stale.append((key, value))
            elif known:
                self.known[key] = (value, index)
                self.ops[key].append(Op(self.name, "read", begin, time.monotonic(), value,
                                        where=agent.name))
        else:
            expected, index = self.known.get(key, (None, 0))
            status, body = self.ask(agent, "PUT", path + (
                "?cas=%d" % index if kind == "cas" else ""), value)
            ok = {b"true": True, b"false": False}.get(body.strip()) if status == 200 else None
            if kind == "write" and ok is False:
                ok = None
            self.ops[key].append(Op(self.name, kind, begin, time.monotonic(), value, expected, ok,
                                    agent.name))
        self.done += status in (200, 404)
        return status in (200, 404)

    def run(self):
        while not self.stop.is_set():
            if not self.one():
                time.sleep(0.05)
            time.sleep(self.rng.random() * 0.02)


# ---- faults: generators that begin, yield how long to stay, and end ----

def pairs(some, others):
    return [(a.address, b.address) for a in some for b in others if a is not b]


def fault_leader_kill(w):
    a = w.leader() or w.servers[0]
    a.kill()
    yield 3
    a.start()


def fault_follower_kill(w):
    leader = w.leader()
    a = w.rng.choice([s for s in w.servers if s is not leader])
    a.kill()
    yield 3
    a.start()


def fault_all_killed(w):
    for a in w.servers:
        a.kill()
    yield 1
    for a in w.rng.sample(w.servers, len(w.servers)):
        a.start()


def fault_partition(w):
    """The leader and a minority on one side, the client's machine on both."""
    leader = w.leader() or w.servers[0]
    rest = [s for s in w.servers if s is not leader]
    few = [leader] + w.rng.sample(rest, (len(w.servers) - 1) // 2 - 1)
    many = [s for s in w.servers if s not in few]
    w.switch.set(cuts=pairs(few, many) + pairs(many, few))
    yield 6


def fault_leader_is_deaf(w):
    leader = w.leader() or w.servers[0]
    w.switch.set(cuts=pairs([s for s in w.servers if s is not leader], [leader]))
    yield 5


def fault_leader_is_mute(w):
    leader = w.leader() or w.servers[0]
    w.switch.set(cuts=pairs([leader], [s for s in w.servers if s is not leader]))
    yield 5


def fault_loss(w):
    w.switch.set(loss=0.3)
    yield 6


def fault_delay(w):
    w.switch.set(delay=0.1)  # each way: 200 ms there and back
    yield 6


def fault_pause(w):
    a = w.leader() or w.servers[0]
    a.signal(signal.SIGSTOP)
    yield 10
    a.signal(signal.SIGCONT)


def fault_rolling_restart(w):
    for a in w.servers:
        status = a.stop()
        if status != 0:
            w.wrong.append("%s stopped with status %s" % (a.name, status))
        a.start()
        w.wait_until_serving(SERVE_BOUND)
    yield 0


def fault_client_kill(w):
    """One client agent dies, the other does not hear of servers for a while."""
    one, other = w.clients
    one.kill()
    w.switch.set(cuts=pairs(w.servers[:1], [other]) + pairs([other], w.servers[:1]))
    yield 3
    one.start()


def fault_leave(w):
    """A server, the leader as often as not, takes its leave and comes again."""
    a = w.rng.choice([w.leader() or w.servers[0], w.rng.choice(w.servers)])
    try:
        a.ask("PUT", "/v1/agent/leave", timeout=60)
    except (OSError, http.client.HTTPException):
        pass  # it may be gone before it answers
    status = a.end(120)
    if status != 0:
        w.wrong.append("%s left with status %s" % (a.name, status))
    yield 1
    a.start()


def fault_replace(w):
    """A server is lost with its disk; another one takes its name."""
    leader = w.leader()
    a = w.rng.choice([s for s in w.servers if s is not leader])
    a.wipe()
    yield 3
    a.start()


def fault_move(w):
    """A server comes back with another address."""
    a = w.rng.choice(w.servers)
    a.kill()
    yield 1
    w.spare.append(a.address)
    a.address = w.spare.pop(0)
    a.start()


FAULTS = collections.OrderedDict((name[6:], f) for name, f in list(globals().items())
                                 if name.startswith("fault_"))


# ---- the judge ----

def leaders_by_term(w):
    """{term: set of servers that said they were elected in it}"""
    terms = collections.defaultdict(set)
    for a in w.servers:
        term = None
        with open(a.dir + ".log", errors="replace") as log:
            for line in log:
                m = re.search(r"entering candidate state.*term=(\d+)", line)
                if m:
                    term = int(m.group(1))
                elif "entering leader state" in line and term is not None:
                    terms[term].add(a.name)
    return terms


def judge_made(w, made):
    """What was acknowledged is there, and the same on all servers once they had time."""
    end, wrong = time.monotonic() + SERVE_BOUND, []
    while True:
        held = []
        for a in w.servers:
            try:
                status, body, _ = a.ask("GET", "/v1/kv/?recurse&stale", timeout=60)
                rows = json.loads(body) if status == 200 else []
                held.append({row["Key"]: (row["Value"], row["ModifyIndex"]) for row in rows})
            except (OSError, ValueError, http.client.HTTPException) as e:
                held.append({"": (str(e), 0)})
        if all(h == held[0] for h in held):
            break
        if time.monotonic() > end:
            odd = {k for h in held for k in h if any(o.get(k) != h[k] for o in held)}
            wrong.append("the servers do not hold the same: %s" % ", ".join(sorted(odd)[:8]))
            break
        time.sleep(0.2)
    for a, h in zip(w.servers, held):
        lost = [name for name in made if name not in h]
        if lost:
            wrong.append("%s LOST %d acknowledged keys: %s" % (a.name, len(lost), ", ".join(lost[:8])))
    return wrong


def judge(w, workers):
    wrong, steps, undecided = [], 0, []
    for key in KEYS:
        ops = [op for worker in workers for op in worker.ops[key]]
        try:
            status, body, _ = w.servers[0].ask("GET", "/v1/kv/%s?consistent" % key, timeout=60)
            known, value, _ = Worker.parse(status, body)
        except (OSError, http.client.HTTPException):
            known = False  # the history is judged without it
        if known:
            now = time.monotonic()
            ops.append(Op("judge", "read", now - 0.001, now, value))
        steps += len(ops)
        good, stuck = check(ops)
        if good is UNDECIDED:  # too many at once: it says nothing about the cluster
            undecided.append(key)
        elif not good:
            wrong.append("%s: NOT LINEARIZABLE; no order fits these:" % key)
            wrong += ["    %r" % op for op in stuck[:12]]
            with open(os.path.join(w.dir, key.replace("/", "-") + ".history"), "w") as f:
                f.writelines("%r\n" % op for op in sorted(ops, key=lambda op: op.begin))
        written = {op.value for op in ops if op.kind != "read"}
        for worker in workers:
            for k, value in worker.stale:
                if k == key and value not in written:
                    wrong.append("%s: a stale read showed %r, which nobody wrote" % (k, value))
    if undecided:
        print("# could not be decided: %s" % ", ".join(undecided))
    if len(undecided) > len(KEYS) // 2:
        wrong.append("most histories could not be decided")
    wrong += judge_made(w, [name for worker in workers for name in worker.made])
    for term, names in leaders_by_term(w).items():
        if len(names) > 1:
            wrong.append("term %d had the leaders %s" % (term, ", ".join(sorted(names))))
    return wrong, steps


def run(w, options):
    for a in w.agents:
        a.start()
    if w.wait_until_serving(SERVE_BOUND) is None or not w.wait_until_voting(VOTE_BOUND):
        return ["the cluster does not serve within %d s of its start" % SERVE_BOUND]
    workers = [Worker(w, i) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    end, wrong, turn = time.monotonic() + options.seconds, [], 0
    names = options.faults.split(",") if options.faults else list(FAULTS)
    seen = collections.Counter()
    while (time.monotonic() < end or turn < len(names)) and not wrong:
        if turn % len(names) == 0 and not options.faults:
            w.rng.shuffle(names)
        name = names[turn % len(names)]
        turn += 1
        seen[name] += 1
        fault, done = FAULTS[name](w), sum(x.done for x in workers)
        for stay in fault:
            time.sleep(stay)
        w.switch.set()
        took = w.wait_until_serving(SERVE_BOUND)
        print("# %-16s %5d operations; all agents serve %s" % (
            name, sum(x.done for x in workers) - done,
            "%.2f s after it" % took if took is not None else "NOT"), flush=True)
        if took is None:
            wrong.append("after %s: not every agent serves within %d s" % (name, SERVE_BOUND))
        elif not w.wait_until_voting(VOTE_BOUND):
            wrong.append("after %s: not every server is a voter within %d s" % (name, VOTE_BOUND))
        wrong += w.wrong
    for worker in workers:
        worker.stop.set()
    for worker in workers:
        worker.join(120)
    more, ops = judge(w, workers)
    print("# %d faults, %d operations in the histories, %d terms with a leader, errors: %s" % (
        turn, ops, len(leaders_by_term(w)),
        dict(sum((x.errors for x in workers), collections.Counter()))))
    print("# %d keys made and kept; faults: %s" % (sum(len(x.made) for x in workers), ", ".join(
        "%s %d" % (n, c) for n, c in sorted(seen.items()))))
    return wrong + more


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--servers", type=int, default=3)
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=random.getrandbits(32))
    p.add_argument("--faults", default="")
    p.add_argument("--keep", action="store_true")
    p.add_argument("disco")
    p.add_argument("--minutes", type=float, help="three and five servers in turn, random seeds")
    options = p.parse_args()
    reason = why_not()
    if reason:
        print("cannot be tried: " + reason)
        return 77
    return long(options) if options.minutes else once(options)


def long(options):
    """Each cluster in a process of its own, for the switch leaves us in a machine of its."""
    end, n, command = time.monotonic() + options.minutes * 60, 0, [sys.executable, sys.argv[0]]
    while n == 0 or time.monotonic() < end:
        seconds = min(300.0, max(end - time.monotonic(), 1))
        status = subprocess.call(command + [
            "--servers", str((3, 5)[n % 2]), "--seconds", "%g" % seconds,
            "--seed", str(random.getrandbits(32)), options.disco])
        if status != 0:
            return status
        n += 1
    print("# %d clusters, nothing wrong" % n)
    return 0


def once(options):
    w = World(options)
    print("# seed %d, %d servers" % (options.seed, options.servers), flush=True)
    wrong = ["it was interrupted"]
    try:
        wrong = run(w, options)
    finally:
        w.close(options.keep or wrong)
    for line in wrong:
        print(line)
    if wrong:
        print("logs are in %s; again: %s --servers %d --seconds %g --seed %d %s" % (
            w.dir, sys.argv[0], options.servers, options.seconds, options.seed, options.disco))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
