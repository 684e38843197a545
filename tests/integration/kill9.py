#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills an agent under write load, again and again, and asks for what it had acknowledged.

    kill9.py ROUNDS SECONDS_MAX SEED -- COMMAND OF THE AGENT...

Each key belongs to one writer, which knows the last state that was acknowledged and every state
it has tried to reach since: after a restart the key must be in one of those. The index of a key
and of the whole never go back. Python 3, standard library only.
"""
import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

WRITERS = 8
KEYS = 12  # per writer


class Key:
    def __init__(self, name):
        self.name = name
        self.acknowledged = None  # the value, or None: not there
        self.tried = []           # states asked for since, without an answer
        self.index = 0            # the highest ModifyIndex seen


class Writer(threading.Thread):
    """PUTs and DELETEs its own keys until told to stop or until the agent is gone."""

    def __init__(self, number, port, keys, seed):
        super().__init__(daemon=True)
        self.port, self.keys, self.number = port, keys, number
        self.rng = random.Random(seed)
        self.stop = threading.Event()
        self.done, self.sequence = 0, 0

    def value(self):
        self.sequence += 1
        text = "%d-%d-%d-" % (self.number, self.rng.getrandbits(48), self.sequence)
        size = self.rng.choice((0, 0, 0, 100, 700, 5000, 60000))
        return (text + "x" * size).encode()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stop.is_set():
            key = self.rng.choice(self.keys)
            value = None if self.rng.random() < 0.1 else self.value()
            key.tried.append(value)
            try:
                connection.request("DELETE" if value is None else "PUT", "/v1/kv/" + key.name, body=value)
                reply = connection.getresponse()
                body = reply.read().strip()
            except (OSError, http.client.HTTPException):
                return
            if reply.status == 200 and body == b"true":
                key.acknowledged, key.tried = value, []
                self.done += 1
            elif self.stop.wait(0.01):
                return


class Agent:
    def __init__(self, command, port):
        self.command, self.port, self.process = command, port, None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit("the agent ended with status %d" % self.process.returncode)
            try:
                if self.get("/v1/status/leader")[1] not in (b'""', b""):
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        raise SystemExit("the agent has no leader after 60 s")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().strip(), reply.headers
        finally:
            connection.close()


def short(value):
    return "nothing" if value is None else "%s (%d bytes)" % (value[:40].decode(), len(value))


def verify(agent, writers, last_index):
    """The store against what was acknowledged; returns the index of the whole."""
    status, body, headers = agent.get("/v1/kv/kill9/?recurse")
    if status not in (200, 404):
        raise SystemExit("recurse: status %d: %s" % (status, body[:200]))
    rows = {row["Key"]: row for row in json.loads(body)} if status == 200 else {}
    index = int(headers["X-Consul-Index"])
    wrong = []
    if index < last_index:
        wrong.append("X-Consul-Index went back from %d to %d" % (last_index, index))
    known = set()
    for key in (key for writer in writers for key in writer.keys):
        known.add(key.name)
        row = rows.get(key.name)
        value = None if row is None else base64.b64decode(row["Value"] or "")
        if value != key.acknowledged and value not in key.tried:
            wrong.append("%s: there is %s, acknowledged was %s, then tried %s" % (
                key.name, short(value), short(key.acknowledged), [short(v) for v in key.tried]))
        if row:
            if row["ModifyIndex"] < key.index:
                wrong.append("%s: ModifyIndex went back from %d to %d" % (key.name, key.index, row["ModifyIndex"]))
            key.index = row["ModifyIndex"]
        key.acknowledged, key.tried = value, []
    wrong += ["%s was never written" % name for name in rows if name not in known]
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))
    return index


def main():
    rounds, seconds, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    command = sys.argv[sys.argv.index("--") + 1:]
    port = int(command[command.index("-http-port") + 1])
    rng = random.Random(seed)
    agent = Agent(command, port)
    keys = [[Key("kill9/%d/%d" % (w, k)) for k in range(KEYS)] for w in range(WRITERS)]
    writers, index, total, kills = [], 0, 0, 0
    end = time.monotonic() + seconds
    try:
        agent.start()
        while kills < rounds and time.monotonic() < end:
            writers = [Writer(w, port, keys[w], rng.getrandbits(64)) for w in range(WRITERS)]
            for writer in writers:
                writer.start()
            # when it is killed is the chance that this is about
            time.sleep(rng.choice((0.005, 0.05, 0.1, 0.2, 0.4, 0.6)) * (1 + rng.random()))
            agent.kill()
            kills += 1
            for writer in writers:
                writer.stop.set()
                writer.join()
                total += writer.done
            agent.start()
            index = verify(agent, writers, index)
        print("kills: %d acknowledged: %d index: %d seed: %d" % (kills, total, index, seed))
    finally:
        if agent.process and agent.process.poll() is None:
            agent.kill()
    if total == 0:
        raise SystemExit("nothing was written")


os.environ.pop("http_proxy", None)
main()
