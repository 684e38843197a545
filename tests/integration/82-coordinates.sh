#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Where nodes are in the network: what gossip measures arrives in the state, is the same on every
# agent, and orders lists by distance.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
get() { curl -s -m 60 "http://127.0.0.1:${agent_http[$1]}/v1/$2"; }
known() { # AGENT HOW-MANY
    [ "$(get "$1" coordinate/nodes | jq length)" = "$2" ]
}
disco() { "$DISCO" "$1" -http-addr="127.0.0.1:${agent_http[$2]}" "${@:3}"; }
put() { curl -s -m 60 -X PUT -d "$2" "http://127.0.0.1:${agent_http[s1]}/v1/$1"; }
names() { jq -r 'map(.Node | if type == "object" then .Node else . end) | join(" ")'; }

need_agent s1
need_agent c1 -server=false -bootstrap=false -join "127.0.0.1:${agent_serf[s1]}"
ok "both nodes' coordinates are known on the server" until_ok 40 known s1 2
ok "and on the client" known c1 2
is "$(get c1 coordinate/node/s1 | jq '.[0].Coord.Vec | length')" 8 "of eight dimensions"
exits 0 "rtt between two" disco rtt c1 s1 c1
like "$OUT" '^Estimated s1 <-> c1 rtt: [0-9]+\.[0-9]{3} ms \(using LAN coordinates\)$' "in words"
exits 0 "rtt to the agent that is asked" disco rtt c1 s1
like "$OUT" '^Estimated s1 <-> c1 rtt: ' "it is the other end"
exits 1 "rtt of nobody" disco rtt s1 nobody
is "$ERR" 'Could not find a coordinate for node "nobody"' "is told"
exits 0 "rtt over the WAN" disco rtt s1 -wan s1.dc1 s1.dc1
like "$OUT" 'using WAN coordinates' "with its coordinates"
exits 1 "names there have a datacenter" disco rtt s1 -wan s1
is "$(get c1 coordinate/datacenters | jq -c '[.[] | [.Datacenter, .AreaID, .Coordinates[0].Node]]')" \
    '[["dc1","wan","s1"]]' "datacenters, asked through a client"

section "near"
for i in 1 2 3; do
    put catalog/register "{\"Node\":\"n$i\",\"Address\":\"10.0.0.$i\",\"Service\":{\"Service\":\"web\"}}" >/dev/null
    put coordinate/update "{\"Node\":\"n$i\",\"Coord\":{\"Vec\":[0.$((i * i)),0,0,0,0,0,0,0],\"Error\":1,\"Adjustment\":0,\"Height\":0}}"
done
put catalog/register '{"Node":"n4","Address":"10.0.0.4","Service":{"Service":"web"}}' >/dev/null
is "$(get s1 'catalog/service/web?near=n3' | names)" "n3 n2 n1 n4" "instances, those of nowhere last"
is "$(get s1 'catalog/service/web?near=n3&pretty' | names)" "n3 n2 n1 n4" "also when pretty"
is "$(get c1 'health/service/web?near=n2' | names)" "n2 n1 n3 n4" "with health, through a client"
is "$(get s1 'catalog/service/web?near=n4' | names)" "n1 n2 n3 n4" "near nowhere nothing is moved"
is "$(get s1 'catalog/nodes?near=_agent' | jq -r '.[0].Node')" s1 "the agent itself is nearest"
put catalog/deregister '{"Node":"n3"}' >/dev/null
is "$(get s1 coordinate/node/n3)" "" "a coordinate goes with its node"
done_testing
