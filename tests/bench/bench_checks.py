#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many checks on one agent: CPU, memory, writes, and what a reader and writer beside them sees.

    bench_checks.py DISCO http|tcp|script|ttl COUNT [INTERVAL]        bench_checks.py src/disco http 10000 10s
"""
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

disco, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
interval = sys.argv[4] if len(sys.argv) > 4 else "10s"
PORT = 28500


def target():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(4096)
    child = os.fork()
    if child:
        return child, server.getsockname()[1]
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    while True:
        c, _ = server.accept()
        try:
            if kind == "http":
                c.settimeout(2)
                c.recv(4096)
                c.sendall(answer)
        except OSError:
            pass
        c.close()


def ask(method, path, body=None):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    c.request(method, path, body)
    answer = c.getresponse().read()
    c.close()
    return answer


def start():
    p = subprocess.Popen([disco, "agent", "-config-file", d + "/c.json"], stdout=subprocess.DEVNULL)
    while True:
        try:
            if ask("GET", "/v1/status/leader") not in (b'""', b""):
                return p
        except OSError:
            pass
        time.sleep(0.05)


def resident(p):
    return int([x for x in open("/proc/%d/status" % p.pid) if x.startswith("VmRSS")][0].split()[1])


def cpu(p):
    f = open("/proc/%d/stat" % p.pid).read().rsplit(")", 1)[1].split()
    return [(int(f[i]) + int(f[i + 1])) / os.sysconf("SC_CLK_TCK") for i in (11, 13)]


def register(first, last, port):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    for i in range(first, last):
        check = {"http": {"HTTP": "http://127.0.0.1:%d/%d" % (port, i)}, "tcp": {"TCP": "127.0.0.1:%d" % port},
                 "script": {"Args": ["/bin/true"]}}.get(kind)
        check = dict(check, Interval=interval) if check else {"TTL": "1h"}
        c.request("PUT", "/v1/agent/service/register", json.dumps({"ID": "s%d" % i, "Name": "n%d" % (i % 2000), "Check": check}))
        answer = c.getresponse()
        if answer.status != 200:
            print(answer.status, answer.read())
        answer.read()


def states():
    found = {}
    for check in json.loads(ask("GET", "/v1/agent/checks")).values():
        found[check["Status"]] = found.get(check["Status"], 0) + 1
    return found


def applied():
    return int(json.loads(ask("GET", "/v1/agent/self"))["Stats"]["raft"]["applied_index"])


child, port = target()
d = tempfile.mkdtemp()
ports = {"http": PORT, "dns": PORT + 1, "server": PORT + 2, "serf_lan": PORT + 3, "serf_wan": PORT + 4}
with open(d + "/c.json", "w") as f:
    json.dump({"data_dir": d + "/data", "server": True, "bootstrap": True, "bind_addr": "127.0.0.1", "ports": ports,
               "enable_script_checks": True}, f)
try:
    agent = start()
    before, t = resident(agent), time.time()
    threads = [threading.Thread(target=register, args=(k * count // 8, (k + 1) * count // 8, port)) for k in range(8)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    print("registered %d in %.1f s; resident %d -> %d kB" % (count, time.time() - t, before, resident(agent)))
    time.sleep(float(interval.rstrip("s")) + 5)
    print("states", states())
    index, used, t, took = applied(), cpu(agent), time.time(), []
    while time.time() - t < 20:
        x = time.time()
        ask("GET", "/v1/kv/none")
        ask("PUT", "/v1/kv/x", "1")
        took.append(time.time() - x)
        time.sleep(0.05)
    own, children = [100 * (b - a) / (time.time() - t) for a, b in zip(used, cpu(agent))]
    took.sort()
    print("%s: CPU %.1f %% of a core (children %.1f %%), resident %d kB, %d writes by checks" %
          (kind, own, children, resident(agent), applied() - index - len(took)))
    print("get and put beside them: p50 %.2f ms, p99 %.2f ms, max %.2f ms" %
          (took[len(took) // 2] * 1e3, took[int(len(took) * .99)] * 1e3, took[-1] * 1e3))
    agent.terminate()
    agent.wait()
    t, agent = time.time(), start()
    print("restart: %s after %.1f s" % (states(), time.time() - t))
    agent.terminate()
    agent.wait()
finally:
    os.kill(child, 15)
    shutil.rmtree(d)
