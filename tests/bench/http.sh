#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# GET of one key over HTTP against a bare libh2o handler with a fixed reply of 100 octets, on as many
# threads, in turn, from the same client. Then what parked reads cost.
#
#   SECONDS_EACH=5 ROUNDS=3 CONNECTIONS='1 64' WORKERS=2 tests/bench/http.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-5} rounds=${ROUNDS:-3} connections=${CONNECTIONS:-1 64}
workers=${WORKERS:-2}
command -v wrk >/dev/null || skip_all "no wrk (Debian package wrk)"

need_agent bench -log-level WARN -workers "$workers"
curl -sf -X PUT -d 'a value of some 40 octets, as they often are' "http://$HTTP/v1/kv/bench" >/dev/null
port=$(free_port)
bare=127.0.0.1:$port
"$TOP_BUILDDIR/tests/bench/bench_http" "$port" "$workers" &
agent_pid[bare]=$! # stopped with the agents
until_ok 5 curl -sf "http://$bare/" || exit 1
load() { # CONNECTIONS URL
    local threads=$(($1 < 2 ? 1 : 2))
    wrk -t $threads -c "$1" -d "${seconds}s" --latency "$2" >"$T/wrk.out" 2>&1
    grep -m 1 'Non-2xx' "$T/wrk.out" >&2
    awk '/Requests\/sec/ { print int($2) }' "$T/wrk.out"
}
for n in $connections; do
    sum_bare=0 sum_disco=0
    for ((i = 0; i < rounds; i++)); do
        a=$(load "$n" "http://$bare/v1/kv/bench")
        b=$(load "$n" "http://$HTTP/v1/kv/bench")
        sum_bare=$((sum_bare + a)) sum_disco=$((sum_disco + b))
    done
    a=$((sum_bare / rounds)) b=$((sum_disco / rounds))
    printf 'http: GET, %d connections, %d threads: libh2o alone %d/s, disco %d/s, ratio %d.%02d (%d x %d s each)\n' \
        "$n" "$workers" "$a" "$b" $((b / a)) $((b * 100 / a % 100)) "$rounds" "$seconds"
done
stop_agent bench

need_agent parked -log-level WARN -workers "$workers"
# Reads that wait, each on its own connection, against the same requests that libh2o never answers.
stop_agent bare
"$TOP_BUILDDIR/tests/bench/bench_http" "$port" "$workers" park &
agent_pid[bare]=$!
until_ok 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || exit 1
cat >"$T/park.py" <<'PYTHON'
import resource, socket, sys, time
port, pid, n = (int(a) for a in sys.argv[1:])
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
n = min(n, hard - 100)
def resident():
    with open("/proc/%d/status" % pid) as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))
before = resident()
clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(n)]
for c in clients:
    c.sendall(b"GET /v1/kv/parked?index=999999999&wait=600s HTTP/1.1\r\nHost: x\r\n\r\n")
time.sleep(12) # what the crowd left behind is given back after seconds
print(n, max(0, resident() - before) / n)
PYTHON
a=$(python3 "$T/park.py" "$port" "${agent_pid[bare]}" 10000)
b=$(python3 "$T/park.py" "$HTTP_PORT" "$PID" 10000)
awk -v a="$a" -v b="$b" 'BEGIN { split(a, x); split(b, y)
    printf "http: %d parked reads: %.1f KiB each; kept in libh2o the connection alone takes %.1f\n", y[1], y[2], x[2] }'
stop_agent bare
stop_agent parked
