#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The gossip of real agents: the keys of a live pool are changed and nobody is lost; hostile packets
# and streams are dropped, counted, and told in few lines, and nobody believes them.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
disco() { "$DISCO" "$1" -http-addr="127.0.0.1:${agent_http[$2]}" "${@:3}"; }
alive() { # AGENT HOW-MANY
    [ "$(disco members "$1" | awk '$3 == "alive"' | wc -l)" -eq "$2" ]
}
dropped() { # AGENT
    curl -s -m 60 "http://127.0.0.1:${agent_http[$1]}/v1/agent/metrics" |
        jq '[.Gauges[] | select(.Name | endswith("gossip.dropped")) | .Value] | add | floor'
}

section "keys"
first=$("$DISCO" keygen) second=$("$DISCO" keygen)
need_agent s1 -encrypt "$first"
seed=127.0.0.1:${agent_serf[s1]}
need_agent c1 -server=false -bootstrap=false -encrypt "$first" -join "$seed"
need_agent c2 -server=false -bootstrap=false -encrypt "$first" -join "$seed"
ok "three agents know each other" until_ok 20 alive c2 3
run disco keyring c1 -list
is "$(grep -c " \[3/3\]" <<<"$OUT")" 1 "every member has the key, asked through a client agent" ||
    diag "$OUT $ERR"
exits 0 "a second key is installed" disco keyring s1 -install "$second"
run disco keyring s1 -list
is "$(grep -c "$second \[3/3\]" <<<"$OUT")" 1 "all have it" || diag "$OUT $ERR"
exits 0 "and used" disco keyring s1 -use "$second"
exits 0 "the first is removed" disco keyring s1 -remove "$first"
run disco keyring s1 -list-primary
is "$(grep -cF "$second [3/3]" <<<"$OUT") $(grep -cF "$first" <<<"$OUT")" "1 0" \
    "the second is the only one"
exits 1 "the one in use is not removed" disco keyring s1 -remove "$second"
like "$ERR" "Removing the primary key is not allowed" "and it is said why"
is "$(cat "$T"/{s1,c1,c2}/serf/local.keyring | tr -d '\n')" \
    "[\"$second\"][\"$second\"][\"$second\"]" "each keeps it in its file"
is "$(stat -c %a "$T/c1/serf/local.keyring")" 600 "that others cannot read"
stop_agent c2
need_agent c2 -server=false -bootstrap=false -encrypt "$first" -join "$seed"
ok "an agent with the old key on its command line comes back: its file wins" until_ok 20 alive c2 3
ok "nobody was held for failed meanwhile" bash -c "! grep -l EventMemberFailed '$T'/*.log"

section "the keys of another datacenter"
need_agent o1 -datacenter dc2 -encrypt "$second" -join-wan "127.0.0.1:${agent_wan[s1]}"
sees_dc2() { curl -s "http://127.0.0.1:${agent_http[$1]}/v1/catalog/datacenters" | grep -q dc2; }
ok "the datacenters know each other" until_ok 20 sees_dc2 s1
lists_dc2() { disco keyring "$1" -list | grep -A 1 '^dc2 (LAN):' | grep -qF "$second [1/1]"; }
ok "a list has the WAN and every datacenter's LAN, asked of a server" until_ok 10 lists_dc2 s1
run disco keyring c1 -list
is "$(grep -o '^[a-zA-Z0-9]*\( (LAN)\)\?:$' <<<"$OUT" | tr '\n' ' ')" "WAN: dc1 (LAN): dc2 (LAN): " \
    "and of a client" || diag "$OUT $ERR"
is "$(curl -s "http://127.0.0.1:${agent_http[s1]}/v1/operator/keyring?pretty" | jq -c '[.[] | [.WAN, .Datacenter, .NumNodes]]')" \
    '[[true,"dc1",2],[false,"dc1",3],[false,"dc2",1]]' "the API's list, pretty"
is "$(curl -s "http://127.0.0.1:${agent_http[s1]}/v1/operator/keyring?local-only=true" | jq -c '[.[] | .Datacenter]')" \
    '["dc1"]' "local-only: our LAN alone"
third=$("$DISCO" keygen)
exits 0 "a key is installed everywhere" disco keyring s1 -install "$third" -relay-factor=2
run disco keyring o1 -list
is "$(grep -cF "$third" <<<"$OUT")" 3 "the other datacenter has it, as seen from there" || diag "$OUT $ERR"
exits 0 "and removed" disco keyring o1 -remove "$third"
run disco keyring s1 -list
is "$(grep -cF "$third" <<<"$OUT")" 0 "everywhere"
exits 1 "what one pool refuses" disco keyring s1 -use "$third"
like "$ERR" "3 errors|[4-9] errors" "is told of each"
like "$ERR" "dc2 \(LAN\) error: 1/1 nodes reported failure" "by its name"
stop_agent o1

section "a stranger with another key"
need_agent x1 -encrypt "$first"
run disco members x1
is "$("$DISCO" members -http-addr="127.0.0.1:${agent_http[x1]}" | grep -c alive)" 1 "knows nobody"
mkfifo "$T/thief.in"
"$TOP_BUILDDIR/tests/lib/gossip_node" -node thief -bind "127.0.0.1:$(free_port)" \
    -join "$seed" >"$T/thief.out" 2>&1 <"$T/thief.in" &
thief=$!
exec 5>"$T/thief.in"
until_ok 10 grep -q joined "$T/thief.out"
exec 5>&- # the end of its commands ends it
wait $thief
like "$(cat "$T/thief.out")" "joined 0" "who has no key is refused"
ok "without a key nobody joins" alive s1 3
stop_agent x1

section "serf's agent among ours"
serf_is() { # NAME STATUS: as the serf agent at $rpc sees it
    serf members -rpc-addr="$rpc" | awk -v n="$1" -v s="$2" '$1 == n && $3 == s { f = 1 } END { exit !f }'
}
we_see() { # AGENT NAME STATUS
    disco members "$1" | awk -v n="$2" -v s="$3" '$1 == n && $3 == s { f = 1 } END { exit !f }'
}
start_serf() { # NAME OPTION...
    serf_port=$(free_port)
    serf agent -node="$1" -bind="127.0.0.1:$serf_port" -rpc-addr="$rpc" -encrypt="$second" "${@:2}" \
        >"$T/$1.serf" 2>&1 &
    serf_pid=$!
    until_ok 20 serf_is "$1" alive
}
stop_serf() {
    kill -KILL "$serf_pid" 2>/dev/null
    wait "$serf_pid" 2>/dev/null
}
rpc=127.0.0.1:$(free_port)
if command -v serf >/dev/null; then
    need_agent c3 -server=false -bootstrap=false -encrypt "$second" -join "$seed"
    ok "serf joins us" start_serf z1 -tag role=web -join "$seed"
    ok "it is a member here" until_ok 20 we_see c1 z1 alive
    ok "and sees us" until_ok 20 serf_is c1 alive
    like "$(serf members -rpc-addr="$rpc" -name s1)" "role=consul" "with the tags of a server"
    serf event -rpc-addr="$rpc" -coalesce=false deploy 42 >/dev/null
    stop_agent c3 KILL
    ok "serf finds that an agent of ours was killed" until_ok 60 serf_is c3 failed
    ok "and so does the server" until_ok 60 we_see s1 c3 failed
    stop_serf
    ok "we find that serf was killed" until_ok 60 we_see c1 z1 failed
    start_serf z2
    ok "one of ours joins serf" disco join c1 "127.0.0.1:$serf_port"
    ok "all see it" until_ok 20 we_see s1 z2 alive
    serf leave -rpc-addr="$rpc" >/dev/null
    ok "and see it leave" until_ok 30 we_see s1 z2 left
    stop_serf
else
    skip "a pool with serf" "serf is missing"
fi

section "hostile packets"
need_agent p1
need_agent p2 -server=false -bootstrap=false -join "127.0.0.1:${agent_serf[p1]}"
ok "two agents without encryption" until_ok 20 alive p1 2
lines=$(wc -l <"$T/p1.log")
for name in p1 s1; do
    victims="p1 p2"
    [ $name = p1 ] || victims="s1 c1 c2"
    # shellcheck disable=SC2086
    run python3 "$TOP_SRCDIR/tests/integration/gossip_hostile.py" "$TOP_SRCDIR/tests/gossip-vectors" \
        127.0.0.1 "${agent_serf[$name]}" $victims
    like "$OUT" "packets [0-9]{4}" "rubbish for $name" || diag "$ERR"
    diag "$OUT"
    ok "$name answers" until_ok 10 disco info "$name"
    dropped=$(dropped "$name")
    ok "$name has counted what it dropped" test "${dropped:-0}" -gt 1000 || diag "dropped $dropped"
done
ok "every member is still there" until_ok 20 alive p1 2
ok "also of the pool with keys" until_ok 20 alive s1 3
is "$(disco members p1 | awk 'NR > 1 { print $1 }' | sort | tr '\n' ' ')" "p1 p2 " "and nobody new"
is "$(grep -h EventMemberFailed "$T"/*.log | grep -vE ': ([cz][13]|o1\.dc2) ')" "" "nobody was held for failed"
ok "few lines tell of it" test $(($(wc -l <"$T/p1.log") - lines)) -lt 60 ||
    diag "$(tail -n 60 "$T/p1.log" | cut -c1-150)"
like "$(cat "$T/p1.log")" "dropped packet: from=127.0.0.1:[0-9]+ reason=" "but they do"
done_testing
