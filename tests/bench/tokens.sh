#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What it costs an agent without a log to judge a token that it knows: an endpoint of its own (/v1/agent/version) on a
# client with access control, beside one without, and beside a server with it; one request at a time, and 16.
#
#   SECONDS_EACH=3 ROUNDS=3 tests/bench/tokens.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-3} rounds=${ROUNDS:-3}
command -v wrk >/dev/null || skip_all "no wrk (Debian package wrk)"

net=127.$(($$ / 250 % 200 + 20)).$(($$ % 250 + 1))
master=aaaaaaaa-0000-0000-0000-00000000000a
declare -A ip=([server]=$net.1 [client]=$net.2 [open]=$net.3)
up() { # NAME ACL OPTION...
    local n=$1
    echo "{\"acl\": $2, \"log_level\": \"WARN\", \"leave_on_terminate\": false}" >"$T/$n.json"
    agent_http[$n]=20001
    "$DISCO" agent -node "$n" -bind "${ip[$n]}" -client "${ip[$n]}" -data-dir "$T/$n" -retry-interval 1s -http-port 20001 \
        -dns-port -1 -server-port 20003 -serf-lan-port 20004 -config-file "$T/$n.json" "${@:3}" >>"$T/$n.log" 2>&1 </dev/null &
    agent_pid[$n]=$!
}
up server "{\"enabled\": true, \"default_policy\": \"deny\", \"tokens\": {\"master\": \"$master\"}}" -server -bootstrap -serf-wan-port 20005
up client '{"enabled": true, "default_policy": "deny"}' -retry-join "$net.1:20004"
up open '{"enabled": false}' -retry-join "$net.1:20004"
answers() { curl -sf -m 5 -o "$T/answer" -H "X-Consul-Token: $master" "http://${ip[$1]}:20001/v1/agent/version"; }
for n in server client open; do until_ok 30 answers $n || bail "no $n: $(tail -n 5 "$T/$n.log")"; done
load() { # NAME CONNECTIONS: median in us, requests a second
    wrk -t1 -c"$2" -d"${seconds}s" --latency -H "X-Consul-Token: $master" "http://${ip[$1]}:20001/v1/agent/version" |
        awk '/50%/ { m = $2; sub("us", "", m); if (m ~ /ms/) { sub("ms", "", m); m *= 1000 } } /Requests\/sec/ { print m, int($2) }'
}
declare -A best=() most=()
for ((i = 0; i < rounds; i++)); do
    for n in server client open; do
        for c in 1 16; do
            read -r median rate <<<"$(load $n $c)"
            [ -n "${best[$n$c]-}" ] && awk "BEGIN { exit !(${best[$n$c]} <= $median) }" || best[$n$c]=$median
            [ "${most[$n$c]:-0}" -ge "$rate" ] || most[$n$c]=$rate
        done
    done
done
for c in 1 16; do
    printf 'tokens: %d at once, the best of %d: server %s us, %d/s; client %s us, %d/s; without ACLs %s us, %d/s\n' "$c" "$rounds" \
        "${best[server$c]}" "${most[server$c]}" "${best[client$c]}" "${most[client$c]}" "${best[open$c]}" "${most[open$c]}"
done
