#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Datacenters of one server each, joined by WAN gossip: a prepared query that finds nothing at home is answered by
# another one, over HTTP and DNS, from a server and from a client.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

declare -A http=() dns=()
dc() { # N OPTION...: the server of datacenter dcN
    local n=$1
    shift
    need_agent "dc$n" -datacenter "dc$n" "$@"
    http[$n]=$HTTP dns[$n]=$DNS_PORT
}
get() { curl -s -m 60 "http://${http[$1]}$2"; }
put() { curl -s -m 60 -X "${4-PUT}" -d "$3" "http://${http[$1]}$2"; }
ask() { # N NAME.query TYPE
    dig +short +time=30 +tries=1 @127.0.0.1 -p "${dns[$1]}" "$2" "$3"
}
names() { get "$1" "/v1/query/$2/execute" | jq -c '[.Datacenter, .Failovers, [.Nodes[].Node.Node]]'; }
shows() { # WANTED "what" COMMAND...: soon, for a busy machine may let a datacenter miss its three seconds
    local wanted=$1 what=$2 end=$((SECONDS + 30 * PATIENCE)) got
    shift 2
    until got=$("$@"); [ "$got" = "$wanted" ] || [ $SECONDS -ge $end ]; do sleep 0.2; done
    is "$got" "$wanted" "$what"
}
dcs_are() { [ "$(get "$1" /v1/catalog/datacenters | jq -c sort)" = "$2" ]; }
register() { # N NODE ADDRESS STATUS
    put "$1" /v1/catalog/register '{"Node":"'"$2"'","Address":"'"$3"'",
        "Service":{"Service":"web","Port":80,"Tags":["v1"]},"Check":{"CheckID":"c","ServiceID":"web","Status":"'"$4"'"}}' >/dev/null
}

mkdir "$T/config"
echo '{}' >"$T/config/translate.json"
dc 1 -config-dir "$T/config"
dc 2 -retry-join-wan "127.0.0.1:${agent_wan[dc1]}" -retry-interval-wan 1s
dc 3 -retry-join-wan "127.0.0.1:${agent_wan[dc1]}" -retry-interval-wan 1s
for n in 1 2 3; do ok "dc$n knows the others" until_ok 40 dcs_are $n '["dc1","dc2","dc3"]'; done

section "a query with datacenters to go to"
put 1 /v1/query '{"Name":"web","Service":{"Service":"web","Failover":{"Datacenters":["dc9","dc3","dc1","dc2","dc3"]}},
    "DNS":{"TTL":"17s"}}' POST >/dev/null
shows '["dc2",2,[]]' "nothing anywhere: the last that was asked, and how many were" names 1 web
is "$(dig +noall +comments @127.0.0.1 -p "${dns[1]}" web.query.consul | grep -o 'status: [A-Z]*')" "status: NXDOMAIN" \
    "by DNS: no such name"
register 2 b 10.0.2.1 passing
shows '["dc2",2,["b"]]' "the second has it" names 1 web
register 3 c 10.0.3.1 passing
shows '["dc3",1,["c"]]' "the first in the list wins" names 1 web
is "$(get 1 /v1/query/web/execute | jq -c '[.Service,.DNS.TTL,.Nodes[0].Node.Datacenter,.Nodes[0].Service.Port]')" \
    '["web","17s","dc3",80]' "the answer is whole"
register 1 a 10.0.1.1 passing
shows '["dc1",0,["a"]]' "what is at home is taken from there" names 1 web
register 1 a 10.0.1.1 critical
shows '["dc3",1,["c"]]' "until it is critical" names 1 web
register 3 c 10.0.3.1 critical
shows '["dc2",2,["b"]]' "a critical one there does not count" names 1 web
like "$(curl -si -m 60 "http://${http[1]}/v1/query/web/execute?pretty")" 'X-Consul-Knownleader: true.*
    "Failovers": 2,' "headers and ?pretty"
is "$(get 1 '/v1/query/web/execute?limit=0&connect=true' | jq -c '[.Failovers, .Nodes]')" '[2,[]]' "?connect goes along"
is "$(get 2 '/v1/query/web/execute?dc=dc1' | jq -c '[.Datacenter, .Failovers]')" '["dc2",2]' \
    "asked of dc1 by way of dc2: it comes back to dc2"

section "filters of the query go along"
put 1 /v1/query '{"Name":"v2","Service":{"Service":"web","Tags":["v2"],"Failover":{"NearestN":2}}}' POST >/dev/null
none_of_two() { names 1 "$1" | jq -c '.[1:]'; }
shows '[2,[]]' "nobody has the tag" none_of_two v2
register 2 b 10.0.2.1 warning
put 1 /v1/query '{"Name":"ok","Service":{"Service":"web","OnlyPassing":true,"Failover":{"NearestN":2}}}' POST >/dev/null
shows '[2,[]]' "only passing" none_of_two ok
put 1 /v1/query '{"Name":"ign","Service":{"Service":"web","OnlyPassing":true,"IgnoreCheckIDs":["c"],
    "Failover":{"Datacenters":["dc2"]}}}' POST >/dev/null
shows '["dc1",0,["a"]]' "checks are ignored at home" names 1 ign
put 1 /v1/catalog/deregister '{"Node":"a"}' >/dev/null
shows '["dc2",1,["b"]]' "and there" names 1 ign
put 1 /v1/query '{"Name":"to-","Template":{"Type":"name_prefix_match","Regexp":"^to-(.*)$"},
    "Service":{"Service":"web","Failover":{"Datacenters":["${match(1)}"]}}}' POST >/dev/null
shows '["dc2",1,["b"]]' "a template names the datacenter" names 1 to-dc2
shows '["dc1",0,[]]' "one that is not known is not asked" names 1 to-dc8
put 1 /v1/query '{"Name":"near","Service":{"Service":"web","Failover":{"NearestN":1,"Datacenters":["dc2","dc3"]}}}' POST \
    >/dev/null
like "$(names 1 near)" '^\["dc2",[12],\["b"\]\]$' "the nearest, then the listed ones, each once"

section "DNS"
shows 10.0.2.1 "A" ask 1 web.query.consul A
shows "1 1 80 b.node.dc2.consul." "SRV points into the other datacenter" ask 1 web.query.consul SRV
like "$(dig +noall +answer @127.0.0.1 -p "${dns[1]}" web.query.consul)" $'\t17\tIN' "the query's TTL"
like "$(dig +noall +additional @127.0.0.1 -p "${dns[1]}" web.query.consul SRV)" 'b.node.dc2.consul.*10.0.2.1' \
    "with its address"
is "$(dig +short +tcp @127.0.0.1 -p "${dns[1]}" web.query.consul)" 10.0.2.1 "over TCP"
shows 10.0.2.1 "with the own datacenter in the name" ask 1 web.query.dc1.consul A
shows 10.0.2.1 "and from another one" ask 2 web.query.dc1.consul A
shows "" "nobody has it" ask 1 v2.query.consul A

section "near"
place() { # NODE ADDRESS SECONDS
    put 1 /v1/catalog/register '{"Node":"'"$1"'","Address":"'"$2"'","Service":{"Service":"far","Port":1}}' >/dev/null
    put 1 /v1/coordinate/update '{"Node":"'"$1"'","Coord":{"Vec":['"$3"',0,0,0,0,0,0,0],"Error":1,"Adjustment":0,"Height":0.00001}}' \
        >/dev/null
}
place p1 10.1.0.1 0.1
place p2 10.1.0.2 0.2
place p3 10.1.0.3 0.9
has_places() { [ "$(get 1 /v1/coordinate/nodes | grep -o '"p[123]"' | sort -u | wc -l)" = 3 ]; }
ok "three nodes have coordinates" until_ok 20 has_places
for near in p3 _ip _agent; do
    put 1 /v1/query '{"Name":"near-'$near'","Service":{"Service":"far","Near":"'$near'"}}' POST >/dev/null
done
in_order() { jq -c '[.Nodes[].Node.Node]'; }
is "$(get 1 /v1/query/near-p3/execute | in_order)" '["p3","p2","p1"]' "a node, over HTTP"
is "$(get 1 '/v1/query/near-p3/execute?near=p1&limit=2' | in_order)" '["p1","p2"]' "?near counts before, ?limit after"
is "$(curl -s -H 'X-Forwarded-For: 10.1.0.3, 10.0.0.9' "http://${http[1]}/v1/query/near-_ip/execute" | in_order)" \
    '["p3","p2","p1"]' "_ip: the address a proxy tells"
is "$(ask 1 near-p3.query.consul A | tr '\n' ' ')" "10.1.0.3 10.1.0.2 10.1.0.1 " "a node, over DNS"
is "$(dig +short @127.0.0.1 -p "${dns[1]}" +subnet=10.1.0.3/32 near-_ip.query.consul | tr '\n' ' ')" \
    "10.1.0.3 10.1.0.2 10.1.0.1 " "_ip: the client's subnet (EDNS)"
put 1 /v1/catalog/register '{"Node":"dc1","Address":"127.0.0.1","Service":{"Service":"far","Port":1},"SkipNodeUpdate":true}' \
    >/dev/null
is "$(ask 1 near-_ip.query.consul A | head -n 1)" 127.0.0.1 "_ip: where the question came from"
is "$(ask 1 near-_agent.query.consul A | head -n 1)" 127.0.0.1 "_agent"
is "$(ask 2 near-_ip.query.dc1.consul A | head -n 1)" 127.0.0.1 "also when it comes by way of another datacenter"

section "WAN addresses"
put 2 /v1/catalog/register '{"Node":"far","Address":"10.0.2.7","TaggedAddresses":{"wan":"198.51.100.7","wan_ipv6":"2001:db8::7"},
    "Service":{"Service":"wan","Port":80,"Address":"10.0.2.8","TaggedAddresses":{"wan":{"Address":"198.51.100.8","Port":8080}}}}' \
    >/dev/null
put 1 /v1/query '{"Name":"wan","Service":{"Service":"wan","Failover":{"Datacenters":["dc2"]}}}' POST >/dev/null
LAN='["10.0.2.7","10.0.2.8",80]' WAN='["198.51.100.7","198.51.100.8",8080]'
SEEN='[.[0] | (.Node.Address? // .Address), (.Service.Address? // .ServiceAddress), (.Service.Port? // .ServicePort)]'
seen() { get 1 "$1" | jq -rc "$2"; }
shows "$LAN" "unless it is wanted: those of there" seen '/v1/health/service/wan?dc=dc2' "$SEEN"
echo '{"translate_wan_addrs":true}' >"$T/config/translate.json"
kill -HUP "${agent_pid[dc1]}"
translates() { curl -si "http://${http[1]}/v1/status/leader" | grep -q 'X-Consul-Translate-Addresses: true'; }
ok "translate_wan_addrs, by reload" until_ok 20 translates
shows "$WAN" "health" seen '/v1/health/service/wan?dc=dc2' "$SEEN"
shows "$WAN" "catalog/service" seen '/v1/catalog/service/wan?dc=dc2' "$SEEN"
shows 198.51.100.7 "catalog/nodes" seen '/v1/catalog/nodes?dc=dc2&filter=Node==far' '.[0].Address'
shows "$WAN" "catalog/node" seen '/v1/catalog/node/far?dc=dc2' '[.Node.Address, .Services.wan.Address, .Services.wan.Port]'
shows "$WAN" "a query that goes on there" seen /v1/query/wan/execute ".Nodes | $SEEN"
shows 198.51.100.7 "DNS: a node" ask 1 far.node.dc2.consul A
shows 2001:db8::7 "its other address" ask 1 far.node.dc2.consul AAAA
shows 198.51.100.8 "a service" ask 1 wan.service.dc2.consul A
shows "1 1 8080 c6336408.addr.dc2.consul." "with its port" ask 1 wan.service.dc2.consul SRV
shows 198.51.100.8 "a query" ask 1 wan.query.consul A
shows 10.0.2.8 "at home nothing has changed" ask 2 wan.service.consul A
shows 10.0.2.7 "nor has the node, which has no tagged address for home" ask 2 far.node.consul A
is "$(get 2 /v1/health/service/wan | jq -c "$SEEN")" "$LAN" "over HTTP neither"

section "through a client agent"
CLIENT=$(free_port) CLIENT_DNS=$(free_port)
echo '{"dns_config":{"use_cache":true,"cache_max_age":"1s"}}' >"$T/client.json"
"$DISCO" agent -node client -datacenter dc1 -bind 127.0.0.1 -data-dir "$T/client" -retry-join "127.0.0.1:${agent_serf[dc1]}" \
    -config-file "$T/client.json" -retry-interval 1s -http-port "$CLIENT" -dns-port "$CLIENT_DNS" -serf-lan-port "$(free_port)" \
    >"$T/client.log" 2>&1 </dev/null &
agent_pid[client]=$!
http[4]=127.0.0.1:$CLIENT dns[4]=$CLIENT_DNS
answers() { [ "$(names 4 web)" = '["dc2",2,["b"]]' ]; }
ok "HTTP" until_ok 40 answers
shows 10.0.2.1 "DNS" ask 4 web.query.consul A

section "a datacenter that does not answer"
kill -STOP "${agent_pid[dc3]}"
curl -s -m 1 "http://${http[1]}/v1/query/web/execute" # who gives up is forgotten in order: the end of this script tells
timeout 1 dig +tcp +time=12 +tries=1 @127.0.0.1 -p "${dns[1]}" web.query.consul >/dev/null
begin=$SECONDS
shows '["dc2",2,["b"]]' "the next one is asked" names 1 web
shows 10.0.2.1 "by DNS, too" ask 1 web.query.consul A
[ $((SECONDS - begin)) -lt 200 ] # about ten where nothing else runs
tap_result $? "after some seconds"
diag "both took $((SECONDS - begin)) s"
kill -CONT "${agent_pid[dc3]}"
stop_agent dc2 KILL
is "$(names 1 ign | jq -c '.[1:]')" '[1,[]]' "one that died: nothing, and no error"
is "$(curl -s -m 60 -o /dev/null -w '%{http_code}' "http://${http[1]}/v1/query/ign/execute")" 200 "status 200"

section "dns_config.use_cache"
put 1 /v1/catalog/register '{"Node":"k","Address":"10.7.7.7"}' >/dev/null
has_node() { [ "$(ask 4 k.node.consul A)" = "$1" ]; }
ok "the client knows a node" until_ok 20 has_node 10.7.7.7
put 1 /v1/catalog/register '{"Node":"k","Address":"10.7.7.8"}' >/dev/null
ok "and after cache_max_age that it has moved" until_ok 20 has_node 10.7.7.8
stop_agent dc1 KILL
shows 10.7.7.8 "when no server answers any more, what was known stays" ask 4 k.node.consul A
is "$(dig +noall +comments +time=20 +tries=1 @127.0.0.1 -p "${dns[4]}" other.node.consul | grep -o 'status: [A-Z]*')" \
    "status: SERVFAIL" "what was not, fails"
done_testing
