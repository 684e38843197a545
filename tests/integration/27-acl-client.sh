#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2034,SC2154
# Tokens on agents without a log, at those agents' own endpoints: three servers that deny by default, and clients that ask
# them what a token permits, keep it for its time, and decide by acl.down_policy when no server answers.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

master=aaaaaaaa-0000-0000-0000-00000000000a
agent_master=aaaaaaaa-0000-0000-0000-00000000000b
net=127.$(($$ / 250 % 200 + 20)).$(($$ % 250 + 1)) # nobody else's addresses, so no port is in use
declare -A ip
servers=(s1 s2 s3) clients=(extend async allow deny long)
i=0
for n in "${servers[@]}" "${clients[@]}"; do
    i=$((i + 1))
    ip[$n]=$net.$i agent_http[$n]=20001
done
up() { # NAME [JSON of acl]
    local n=$1 args=() s
    jq -n --argjson acl "${2:-{\}}" '{acl: ({enabled: true, default_policy: "deny"} * $acl), leave_on_terminate: false,
        node_meta: {role: "seen"}, dns_config: {use_cache: true, cache_max_age: "1h"}, performance: {raft_multiplier: 1}}' >"$T/$n.json"
    [[ $n == s? ]] && args=(-server -bootstrap-expect 3 -serf-wan-port 20005)
    for s in "${servers[@]}"; do args+=(-retry-join "${ip[$s]}:20004"); done
    "$DISCO" agent -node "$n" -bind "${ip[$n]}" -client "${ip[$n]}" -data-dir "$T/$n" -retry-interval 1s \
        -log-level DEBUG -http-port 20001 -dns-port 20002 -server-port 20003 -serf-lan-port 20004 \
        -config-file "$T/$n.json" "${args[@]}" >>"$T/$n.log" 2>&1 </dev/null &
    agent_pid[$n]=$!
}
answer=$T/answer
ask() { # AGENT TOKEN METHOD PATH [BODY]: the status; the answer is in $answer
    curl -s -m 60 -o "$answer" -w '%{http_code}' ${2:+-H "X-Consul-Token: $2"} -X "$3" ${5:+-d "$5"} \
        "http://${ip[$1]}:20001$4"
}
answers() { # STATUS AGENT TOKEN METHOD PATH [BODY]
    [ "$(ask "${@:2}")" = "$1" ]
}
n=0
token_of() { # RULES [MORE JSON]: sets token and accessor
    n=$((n + 1))
    ask s1 $master PUT /v1/acl/policy "$(jq -cn --arg r "$1" --arg n "p$n" '{Name: $n, Rules: $r}')" >/dev/null
    ask s1 $master PUT /v1/acl/token "$(jq -cn --arg n "p$n" --argjson more "${2:-{\}}" '{Policies: [{Name: $n}]} * $more')" >/dev/null
    token=$(jq -r .SecretID "$answer") accessor=$(jq -r .AccessorID "$answer")
}
has_master() { answers 200 s1 $master GET /v1/acl/token/self; }
led() { ask "$1" "" GET /v1/status/leader >/dev/null && grep -q 127 "$answer"; }

for s in "${servers[@]}"; do up $s "{\"tokens\": {\"master\": \"$master\"}}"; done
ok "the servers have a leader and its master's token" until_ok 40 has_master
token_of 'node_prefix "" { policy = "write" } service_prefix "" { policy = "read" }'
own=$token
declare -A own_of=([long]='')
declare -A ttl=([extend]=1s [async]=1s [allow]=1s [deny]=1s [long]=1h) down=([extend]=extend-cache [async]=async-cache
    [allow]=allow [deny]=deny [long]=extend-cache)
for c in "${clients[@]}"; do
    up "$c" "{\"token_ttl\": \"${ttl[$c]}\", \"policy_ttl\": \"${ttl[$c]}\", \"role_ttl\": \"${ttl[$c]}\",
        \"down_policy\": \"${down[$c]}\", \"tokens\": {\"agent_master\": \"$agent_master\" ${own_of[$c]-, \"agent\": \"$own\"}}}"
done
for c in "${clients[@]}"; do ok "$c finds the servers" until_ok 30 led "$c"; done

section "each right at each endpoint of the agent's own"
token_of 'agent_prefix "" { policy = "read" }'
reader=$token
token_of 'agent "extend" { policy = "write" } service "web" { policy = "write" }'
writer=$token
token_of 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } event_prefix "" { policy = "read" }'
looker=$token
token_of 'operator = "write"'
operator=$token
token_of 'event "deploy" { policy = "write" }'
event=$token
no=bbbbbbbb-0000-0000-0000-000000000000
none=
while read -r status who method path body; do
    [ -n "$status" ] && is "$(ask extend "${!who}" "$method" "$path" "$body")" "$status" "$who $method $path ${body:0:40}"
done <<'END'
200 reader GET /v1/agent/self
200 reader GET /v1/agent/metrics
200 reader GET /v1/agent/version
403 looker GET /v1/agent/self
403 operator GET /v1/agent/metrics
200 operator GET /v1/agent/host
403 reader GET /v1/agent/host
403 no GET /v1/agent/self
403 none GET /v1/agent/self
200 agent_master GET /v1/agent/self
200 master GET /v1/agent/self
403 reader PUT /v1/agent/reload
200 writer PUT /v1/agent/reload
403 reader PUT /v1/agent/token/replication {"Token":"x"}
200 writer PUT /v1/agent/token/replication {"Token":"x"}
403 looker GET /v1/agent/monitor
403 looker PUT /v1/agent/join/127.0.0.1
403 reader PUT /v1/agent/service/register {"Name":"web"}
403 writer PUT /v1/agent/service/register {"Name":"web2"}
403 no PUT /v1/agent/service/register {"Name":"web"}
200 writer PUT /v1/agent/service/register {"Name":"web","Port":80,"Check":{"TTL":"1h"}}
403 writer PUT /v1/agent/service/register {"ID":"web","Name":"web3"}
403 looker PUT /v1/agent/check/pass/service:web
200 writer PUT /v1/agent/check/pass/service:web
403 reader GET /v1/agent/service/web
200 looker GET /v1/agent/service/web
200 looker GET /v1/agent/health/service/id/web
403 looker PUT /v1/agent/service/deregister/web
403 writer PUT /v1/agent/maintenance?enable=true
200 own PUT /v1/agent/maintenance?enable=false
403 looker PUT /v1/agent/service/maintenance/web?enable=true
200 writer PUT /v1/agent/service/maintenance/web?enable=false
200 event PUT /v1/event/fire/deploy payload
403 event PUT /v1/event/fire/other payload
403 no GET /v1/event/list
END
is "$(ask extend $no GET /v1/agent/self) $(cat "$answer")" "403 ACL not found" "a token that is none is told so"
is "$(ask extend $looker PUT /v1/agent/service/deregister/web) $(cat "$answer")" \
    "403 Permission denied: Missing service:write on web" "a denial names what is missing"
sees() { ask extend "$1" GET "$2" >/dev/null && jq -c "$3" "$answer"; }
is "$(sees $looker /v1/agent/services keys)" '["web"]' "services: who may read them sees them"
is "$(sees $reader /v1/agent/services keys)" '[]' "... others do not"
is "$(sees $looker /v1/agent/checks keys)" '["service:web"]' "checks: the same"
is "$(sees $reader /v1/agent/checks keys)" '[]' "... with another token"
all_members() { [ "$(sees $looker /v1/agent/members length)" = 8 ]; }
ok "members: as nodes may be read" until_ok 20 all_members
is "$(sees $reader /v1/agent/members length)" 0 "... or not"
fired() { [ "$(sees $looker /v1/event/list '[.[].Name]')" = '["deploy"]' ]; }
ok "events are listed" until_ok 10 fired
is "$(sees $event /v1/event/list '[.[].Name]')" '["deploy"]' "... by who may"
is "$(sees $reader /v1/event/list '[.[].Name]')" '[]' "... alone"
monitor() { # TOKEN: a line comes
    curl -sN -m 10 -H "X-Consul-Token: $1" "http://${ip[extend]}:20001/v1/agent/monitor?loglevel=debug" >"$T/monitor" &
    local pid=$!
    until_ok 10 eval 'ask extend $reader GET /v1/agent/self; grep -q agent "$T/monitor"' # it tells of that request
    local rc=$?
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
    return $rc
}
ok "monitor streams to who may read the agent" monitor $reader
sleepers() { curl -s -m 60 -H "X-Consul-Token: $1" "http://${ip[extend]}:20001/v1/event/list?index=$2&wait=15s"; }
ask extend $looker GET /v1/event/list >/dev/null
index=$(curl -s -m 60 -D - -o "$answer" -H "X-Consul-Token: $looker" "http://${ip[extend]}:20001/v1/event/list" |
    tr -d '\r' | sed -n 's/^X-Consul-Index: //Ip')
sleepers $looker "$index" >"$T/woken" &
sleeper=$!
is "$(ask extend $master PUT /v1/event/fire/again x)" 200 "an event is fired"
wait $sleeper
like "$(jq -c '[.[].Name]' "$T/woken")" again "who waits for one is woken"

section "in the catalog, and DNS"
role_of() { ask s1 $master GET "/v1/catalog/node/$1" >/dev/null && jq -r .Node.Meta.role "$answer"; }
has_role() { [ "$(role_of "$1")" = seen ]; }
ok "a client tells the catalog its node with its agent token" until_ok 20 has_role extend
is "$(role_of long)" null "without one it may not"
in_catalog() { ask s1 $master GET /v1/catalog/service/web >/dev/null && [ "$(jq length "$answer")" = 1 ]; }
ok "the service is in the catalog, by the token it was registered with" until_ok 20 in_catalog
everywhere() { # the answers of DNS are kept for an hour
    local s
    for s in "${servers[@]}"; do
        ask $s $master GET /v1/catalog/service/web?stale >/dev/null && [ "$(jq length "$answer")" = 1 ] || return 1
    done
}
ok "on each server" until_ok 20 everywhere
by_dns() { [ "$(dig +short +time=20 +tries=1 -p 20002 @"${ip[$1]}" web.service.consul)" ]; }
fails "DNS without a default token does not know it" by_dns extend
is "$(ask s2 $master PUT /v1/agent/token/default "{\"Token\":\"$master\"}")$(ask s1 $master PUT /v1/agent/token/default \
    "{\"Token\":\"$master\"}")$(ask s3 $master PUT /v1/agent/token/default "{\"Token\":\"$master\"}")" 200200200 \
    "servers get a default token of their own"
ok "which their DNS uses" until_ok 10 by_dns s1
fails "but not for a client" by_dns extend
is "$(ask extend "" GET /v1/kv/x) $(ask extend "" PUT /v1/kv/x v)" "403 403" "nor does HTTP through a client"
is "$(ask s1 "" GET /v1/kv/x)" 404 "... only HTTP of the server itself"
is "$(ask extend $writer PUT /v1/agent/token/default "{\"Token\":\"$looker\"}")" 200 "a client gets a default token"
ok "which its DNS uses" until_ok 10 by_dns extend
is "$(ask extend "" GET /v1/agent/service/web)" 200 "and its HTTP, where no token is given"
is "$(ask extend "" GET /v1/kv/x)" 403 "with its rights"
is "$(ask extend "" GET /v1/health/node/extend)" 200 "... also for what servers answer"
is "$(ask s1 $master PUT /v1/agent/token/default '{"Token":""}')$(ask s2 $master PUT /v1/agent/token/default \
    '{"Token":""}')$(ask s3 $master PUT /v1/agent/token/default '{"Token":""}')" 200200200 "servers lose theirs"
blind() { ! by_dns s1; }
ok "... and their DNS what it showed" until_ok 10 blind
is "$(ask extend $writer PUT /v1/agent/service/deregister/web)" 200 "deregister"
gone() { ask s1 $master GET /v1/catalog/service/web >/dev/null && [ "$(jq length "$answer")" = 0 ]; }
ok "is gone from the catalog" until_ok 20 gone

section "what was known is believed for its time"
token_of 'agent_prefix "" { policy = "read" }'
revoked=$token gone_accessor=$accessor
is "$(ask extend $revoked GET /v1/agent/self) $(ask long $revoked GET /v1/agent/self)" "200 200" "a token that was just made"
misses() {
    ask long $revoked GET /v1/agent/metrics >/dev/null
    jq '.Counters[] | select(.Name == "consul.acl.token.cache_miss") | .Count' "$answer"
}
before=$(misses)
for _ in 1 2 3 4 5; do ask long $revoked GET /v1/agent/self >/dev/null; done
is "$(misses)" "$before" "is asked about once"
is "$(ask s1 $master DELETE "/v1/acl/token/$gone_accessor")" 200 "is revoked"
ok "and refused when its time is over" until_ok 20 answers 403 extend $revoked GET /v1/agent/self
is "$(cat "$answer")" "ACL not found" "... because there is none"
is "$(ask long $revoked GET /v1/agent/self)" 200 "where its time is an hour it is still believed"
token_of 'agent_prefix "" { policy = "read" }' '{"ExpirationTTL": "60s"}'
is "$(ask long $token GET /v1/agent/self)" 200 "one that expires"
token_of 'agent_prefix "" { policy = "read" }'
is "$(ask deny $token GET /v1/agent/self)" 200 "a token with a policy"
ask s1 $master GET "/v1/acl/policy/name/p$n" >/dev/null
id=$(jq -r .ID "$answer")
is "$(ask s1 $master PUT "/v1/acl/policy/$id" "{\"Name\": \"p$n\", \"Rules\": \"\"}")" 200 "that is changed"
ok "counts as it is now" until_ok 20 answers 403 deny $token GET /v1/agent/self
for c in "${clients[@]}"; do is "$(ask $c $reader GET /v1/agent/self)" 200 "$c knows a token"; done

section "no server"
for s in "${servers[@]}"; do kill -KILL "${agent_pid[$s]}"; done
for s in "${servers[@]}"; do wait "${agent_pid[$s]}" 2>/dev/null; unset "agent_pid[$s]"; done
sides=
side() { # FILE AGENT TOKEN METHOD PATH [BODY]: beside the others, since each waits for a server
    local answer=$T/$1.answer
    ask "${@:2}" >"$T/$1.status"
}
old() { # STATUS AGENT: what it believed of the token has outlived its time, and this follows
    answers "$1" "$2" $reader GET /v1/agent/self && grep -q 'acl.down_policy decides' "$T/$2.log"
}
declare -A wanted=([extend]=200 [async]=200 [deny]=403 [allow]=200)
for c in "${!wanted[@]}"; do
    (
        answer=$T/$c.answer
        until_ok 30 old "${wanted[$c]}" "$c" && echo seen >"$T/$c.seen"
    ) &
    sides+=" $!"
done
# shellcheck disable=SC2086
wait $sides
is "$(cat "$T/extend.seen")" seen "extend-cache: what was known still counts"
is "$(cat "$T/async.seen")" seen "async-cache: the same"
is "$(cat "$T/deny.seen")" seen "deny: nothing does"
is "$(cat "$T/allow.seen")" seen "allow: all may"
side 1 extend $no GET /v1/agent/self &
sides=$!
side 2 async $no GET /v1/agent/self &
sides+=" $!"
side 3 allow $no GET /v1/agent/self &
sides+=" $!"
side 4 allow $no PUT /v1/agent/reload &
# shellcheck disable=SC2086
wait $sides $!
is "$(cat "$T"/[12].status)" 403403 "who was not known may nothing, by the default policy"
is "$(cat "$T"/[34].status)" 200200 "allow: also who was not known"
# those who do not wait for the end of it: a stream, a blocking read, a change
for path in agent/monitor event/list?index=1 agent/services agent/host; do
    curl -s -m 0.2 -o /dev/null -H "X-Consul-Token: $no" "http://${ip[deny]}:20001/v1/$path" &
    sides=$!
done
curl -s -m 0.2 -o /dev/null -H "X-Consul-Token: $no" -X PUT -d '{"Name": "y"}' "http://${ip[deny]}:20001/v1/agent/service/register"
# shellcheck disable=SC2086
wait $sides
for c in "${clients[@]}"; do is "$(ask $c $agent_master GET /v1/agent/self)" 200 "$c: the agent's master token counts"; done
is "$(ask long $reader GET /v1/agent/self)" 200 "what is still believed is not asked about"
start=$(date +%s%N)
for _ in $(seq 20); do ask async $reader GET /v1/agent/self >/dev/null; done
took=$((($(date +%s%N) - start) / 1000000))
diag "20 requests to async-cache without a server: $took ms"

side stopping long $no GET /v1/agent/self &
sides=$!
stop_agent long
is "$STATUS" 0 "while a request waits for a server the agent stops in order"
# shellcheck disable=SC2086
wait $sides
isnt "$(cat "$T/stopping.status")" 200 "and the request is not granted"

section "servers again"
for s in "${servers[@]}"; do up $s "{\"tokens\": {\"master\": \"$master\"}}"; done
ok "they have a leader" until_ok 40 has_master
ok "allow: who has no token may nothing again" until_ok 30 answers 403 allow $no GET /v1/agent/self
ok "deny: who has one may again" until_ok 30 answers 200 deny $reader GET /v1/agent/self
is "$(grep -lE "$reader|$writer|$master|$own" "$T"/*.log)" "" "no token stands in a log"
done_testing
