#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A waiter is never left asleep past a change: many keys, each written at the moment its reader
# parks, over all workers. (A change reaches only workers that want any; this is the race of it.)
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"

need_agent wake -workers 4 -log-level WARN
cat >"$T/wake.py" <<'END'
import http.client, random, sys, threading, time
port, seconds = int(sys.argv[1]), float(sys.argv[2])
end, rounds, slow, bad = time.time() + seconds, [0], [], []

def pair(n):
    key = "/v1/kv/wake/%d" % n
    conns = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(2)]
    def ask(c, method, path, body=None):
        c.request(method, path, body)
        r = c.getresponse()
        return r, r.read()
    ask(conns[0], "PUT", key, "0")
    i = 0
    while time.time() < end and not bad:
        i += 1
        if i % 20 == 0:  # a new connection lands on another worker
            conns[0].close()
            conns[0] = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        index = ask(conns[0], "GET", key)[0].getheader("X-Consul-Index")
        def write():
            time.sleep(random.random() * 0.002)
            ask(conns[1], "PUT", key, str(i))
        writer = threading.Thread(target=write)
        writer.start()
        start = time.time()
        r, body = ask(conns[0], "GET", key + "?raw&wait=20s&index=" + index)
        took = time.time() - start
        writer.join()
        if body != str(i).encode():
            bad.append("%s round %d: %r" % (key, i, body))
        if took > 5:
            slow.append("%s round %d: %.1f s" % (key, i, took))
        rounds[0] += 1

threads = [threading.Thread(target=pair, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print("%d rounds" % rounds[0])
for line in slow + bad: print(line, file=sys.stderr)
sys.exit(1 if slow or bad or rounds[0] < 50 else 0)
END
run python3 "$T/wake.py" "$HTTP_PORT" "${DISCO_WAKE_SECONDS:-6}"
is "$STATUS" 0 "every parked read hears of the write to its key" || diag "$ERR"
diag "$OUT"
done_testing
