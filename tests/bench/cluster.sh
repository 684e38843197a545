#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A cluster of three servers on this machine: PUT of keys over HTTP through the leader and through a
# follower, beside consensus alone with an empty state machine, three processes and as many in flight,
# in turn on the same file system; and GET with ?stale of one key from a follower, beside the leader's.
#
# Consensus alone has no client and no HTTP, which share the CPUs here with all three servers. So the
# same client is turned on an empty handler of libh2o, too: one exchange there and one entry there, one
# after the other, are what a PUT would cost if three servers had nothing else to do. And the CPU time
# that a write costs the servers, the client, and that empty handler is told.
#
#   SECONDS_EACH=3 ROUNDS=3 WRITERS='1 64 256' tests/bench/cluster.sh
# shellcheck disable=SC2317 # called through until_ok
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-3} rounds=${ROUNDS:-3} writers=${WRITERS:-1 64 256}
command -v wrk >/dev/null || skip_all "no wrk (Debian package wrk)"

NET=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)) PORT=$(free_port)
http() { echo "$NET.$1:$((PORT + 3))"; }
for n in 1 2 3; do
    "$DISCO" agent -node "n$n" -bind "$NET.$n" -client "$NET.$n" -data-dir "$T/n$n" -server -bootstrap-expect 3 \
        -server-port "$PORT" -serf-lan-port $((PORT + 1)) -serf-wan-port $((PORT + 2)) -http-port $((PORT + 3)) \
        -dns-port $((PORT + 4)) -retry-join "$NET.1:$((PORT + 1))" -retry-interval 1s -log-level WARN \
        >>"$T/n$n.log" 2>&1 </dev/null &
    agent_pid[n$n]=$!
done
serves() { [ "$(curl -s -X PUT -d x "http://$(http "$1")/v1/kv/bench/one")" = true ]; }
for n in 1 2 3; do
    until_ok 30 serves $n || { echo "no cluster" >&2; exit 1; }
done
address=$(curl -s "http://$(http 1)/v1/status/leader" | tr -d '"')
leader=${address%:*} leader=${leader##*.}
follower=$((leader % 3 + 1))
cat >"$T/put.lua" <<'LUA'
local n = 0
function init(args) math.randomseed(os.time()) base = math.random(1000000000) end
function request()
    n = n + 1
    return wrk.format("PUT", "/v1/kv/bench/" .. base .. "/" .. n % 1000, nil, string.rep("x", 100) .. n)
end
LUA
bare=127.0.0.1:$((PORT + 5))
"$TOP_BUILDDIR/tests/bench/bench_http" "${bare#*:}" "$(nproc)" &
agent_pid[bare]=$! # stopped with the agents
until_ok 5 curl -sf "http://$bare/" || exit 1
ticks() { # PID...: the CPU time they have used so far, in hundredths of a second
    cat "${@/%//stat}" | awk '{ sub(/.*\) /, ""); n += $12 + $13 } END { print n }'
}
TIMEFORMAT='%U %S'
load() { # SERVER|bare CONNECTIONS PATH OPTION...: requests a second; $T/cost: us of CPU for each, there and of the client
    local to=$bare pids=("/proc/${agent_pid[bare]}") before
    [ "$1" = bare ] || to=$(http "$1") pids=("/proc/${agent_pid[n1]}" "/proc/${agent_pid[n2]}" "/proc/${agent_pid[n3]}")
    before=$(ticks "${pids[@]}")
    { time wrk -t $(($2 < 2 ? 1 : 2)) -c "$2" -d "${seconds}s" "${@:4}" "http://$to$3" >"$T/wrk.out" 2>&1; } 2>"$T/wrk.time"
    grep -m 1 'Non-2xx' "$T/wrk.out" >&2
    awk -v used=$(($(ticks "${pids[@]}") - before)) -v client="$(cat "$T/wrk.time")" '/ requests in / {
        split(client, c); printf "%.0f %.0f\n", used * 10000 / $1, (c[1] + c[2]) * 1e6 / $1 }' "$T/wrk.out" >"$T/cost"
    awk '/Requests\/sec/ { print int($2) }' "$T/wrk.out"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

declare -A sum=() # by what and how many writers
for ((i = 0; i < rounds; i++)); do
    mkdir "$T/raft" && "$TOP_BUILDDIR/tests/bench/bench_raft" "$T/raft" 3 "$seconds" 0 >"$T/raft.out" || exit 1
    rm -rf "$T/raft"
    for n in $writers; do
        rate=$(awk -v want="$n" '{ split($0, part, ":"); for (i = 2; i <= NF; i++)
            if ($i == "in" && $(i - 1) == want) print int(part[3]) }' "$T/raft.out" | head -n 1)
        ((sum["alone $n"] += rate))
        rate=$(load bare "$n" / -s "$T/put.lua")
        ((sum["http $n"] += rate))
        read -r there client <"$T/cost"
        ((sum["http cpu $n"] += there, sum["client cpu $n"] += client))
        rate=$(load "$leader" "$n" / -s "$T/put.lua")
        ((sum["leader $n"] += rate))
        read -r there client <"$T/cost"
        ((sum["cpu $n"] += there))
        rate=$(load "$follower" "$n" / -s "$T/put.lua")
        ((sum["follower $n"] += rate))
    done
done
for n in $writers; do
    alone=${sum["alone $n"]} by_leader=${sum["leader $n"]} by_follower=${sum["follower $n"]}
    printf 'cluster: PUT, %d writers: consensus alone %d/s, through the leader %d/s (%s), through a follower %d/s (%s)\n' \
        "$n" $((alone / rounds)) $((by_leader / rounds)) "$(ratio "$by_leader" "$alone")" \
        $((by_follower / rounds)) "$(ratio "$by_follower" "$alone")"
    http=${sum["http $n"]}
    both=$(awk -v a="$alone" -v b="$http" 'BEGIN { print int(a && b ? 1 / (1 / a + 1 / b) : 0) }')
    printf '         an empty handler %d/s, one of these and one entry %d/s: the leader %s, a follower %s of that; %s\n' \
        $((http / rounds)) $((both / rounds)) "$(ratio "$by_leader" "$both")" "$(ratio "$by_follower" "$both")" \
        "CPU of a write: servers $((sum["cpu $n"] / rounds)) us, empty handler $((sum["http cpu $n"] / rounds)) us, client $((sum["client cpu $n"] / rounds)) us"
done
for n in 1 64; do
    l=0 f=0
    for ((i = 0; i < rounds; i++)); do
        l=$((l + $(load "$leader" $n '/v1/kv/bench/one?stale')))
        f=$((f + $(load "$follower" $n '/v1/kv/bench/one?stale')))
    done
    printf 'cluster: GET ?stale, %d connections: the leader %d/s, a follower %d/s, ratio %s\n' \
        $n $((l / rounds)) $((f / rounds)) "$(ratio "$f" "$l")"
done
for n in 3 2 1; do stop_agent n$n; done
