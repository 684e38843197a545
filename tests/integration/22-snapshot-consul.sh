#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A snapshot file as Consul 1.9 makes it is restored: keys, catalog, sessions, queries, ACLs. The
# file comes from a generator of our own (consul_snapshot.py), no Consul is asked.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cat >"$T/acl.json" <<'END'
{"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "00000099-1111-2222-3333-444444444444"}}}
END
need_agent one -log-level WARN -config-file "$T/acl.json"
export CONSUL_HTTP_ADDR=$HTTP
MASTER=00000099-1111-2222-3333-444444444444
export CONSUL_HTTP_TOKEN=$MASTER
make_snapshot() { python3 "$TOP_SRCDIR/tests/integration/consul_snapshot.py" "$@"; }
snapshot() { "$DISCO" snapshot "$@"; }
ask() { curl -s -H "X-Consul-Token: $CONSUL_HTTP_TOKEN" "http://$HTTP/v1/$1"; }
field() { ask "$1" | python3 -c "import json,sys; v=json.load(sys.stdin); print($2)"; }
has_master() { [ "$("$DISCO" kv get before 2>"$T/wait")" = x ] || "$DISCO" kv put before x >"$T/wait" 2>&1; }
until_ok 10 has_master

section "what is damaged changes nothing"
for fault in sum cut kind field bomb; do
    make_snapshot "$T/$fault" raw "$fault"
    exits 1 "refused: $fault" snapshot restore "$T/$fault"
    is "$("$DISCO" kv get before)" x "nothing changed"
done
make_snapshot "$T/kind" raw kind
snapshot restore "$T/kind" >"$T/out" 2>&1
like "$(cat "$T/out")" 'record of the unknown kind 99' "it says why"

for form in raw str; do
    section "texts as $form"
    # A minute after its start a leader takes the restored node, which is no member, out of the
    # catalog: so each form has a leader of its own, and what hangs on the node is asked for first.
    export CONSUL_HTTP_TOKEN=$MASTER
    need_agent "$form" -log-level WARN -config-file "$T/acl.json"
    export CONSUL_HTTP_ADDR=$HTTP
    until_ok 10 has_master
    make_snapshot "$T/consul.snap" "$form"
    exits 0 "inspect" snapshot inspect "$T/consul.snap"
    like "$OUT" 'Index +900001' "it tells the index"
    like "$OUT" 'Made by +Consul' "and who made it"
    exits 0 "restore" snapshot restore "$T/consul.snap"
    like "$OUT" 'without: 1 token of before 1.4, 1 auth method, 1 binding rule, 1 intention, 2 config entries, 1 proxy' "it names what is left out"
    is "$(curl -s -o "$T/x" -w '%{http_code}' -H "X-Consul-Token: $MASTER" "http://$HTTP/v1/kv/app/a")" 403 "the rights of before are gone"
    export CONSUL_HTTP_TOKEN=00000011-1111-2222-3333-444444444444
    is "$(field catalog/node/web1 'v["Node"]["Address"],v["Node"]["TaggedAddresses"]["wan"],v["Node"]["Meta"]["rack"]')" "10.0.0.7 192.0.2.7 r1" "a node"
    is "$(field catalog/service/shop 'v[0]["ServicePort"],v[0]["ServiceTags"],v[0]["ServiceWeights"]["Passing"],v[0]["ServiceTaggedAddresses"]["wan"]["Port"]')" "80 ['v1', 'blue'] 3 81" "a service"
    is "$(field health/node/web1 'v[0]["CheckID"],v[0]["Status"]')" "serfHealth passing" "a check"
    is "$(field session/list 'v[0]["LockDelay"],v[0]["NodeChecks"]')" "15000000000 ['serfHealth']" "a session"
    is "$(field coordinate/nodes 'v[0]["Coord"]["Vec"][0]')" 0.25 "a coordinate"
    is "$(field kv/app/lock 'v[0]["LockIndex"],v[0]["Session"]')" "3 00000005-1111-2222-3333-444444444444" "a lock"
    is "$(dig +short +time=20 @127.0.0.1 -p "$DNS_PORT" shop.service.consul)" 10.0.0.8 "dig finds the service, as the anonymous token may"
    is "$(field query/shops/execute 'v["Nodes"][0]["Service"]["Port"]')" 80 "a prepared query is answered"

    is "$("$DISCO" kv get app/a)" one "a key"
    is "$(field kv/app/a 'v[0]["Flags"]')" 42 "its flags"
    is "$(ask kv/app/big?raw | wc -c)" 70000 "a large value"
    is "$(ask 'kv/%C3%BCber/bytes?raw' | sha256sum | cut -c1-16)" 40aff2e9d2d8922e "bytes"
    is "$(field 'kv/%C3%BCber/bytes' 'v[0]["Flags"]')" 18446744073709551615 "all flags"
    is "$("$DISCO" kv get -keys app/ | tr '\n' ' ')" "app/a app/big app/empty app/late app/lock " "all keys"
    is "$(field query 'v[0]["Name"],v[0]["Service"]["Failover"]["Datacenters"],v[0]["DNS"]["TTL"]')" "shops ['dc2'] 7s" "a prepared query"
    is "$(field acl/tokens 'len(v)')" 4 "tokens"
    is "$(field acl/token/00000012-1111-2222-3333-444444444444 'v["Roles"][0]["Name"],v["CreateTime"][:10]')" "readers 2020-09-13" "with roles and times"
    is "$(field acl/policy/name/key-read 'v["Rules"]')" 'key_prefix "app/" { policy = "read" }' "a policy"
    is "$(field operator/autopilot/configuration 'v["MinQuorum"],v["MaxTrailingLogs"]')" "3 123" "autopilot"
    is "$(CONSUL_HTTP_TOKEN=00000013-1111-2222-3333-444444444444 "$DISCO" kv get app/a)" one "a token may what its role's policy says"
    ok "and no more" bash -c "! CONSUL_HTTP_TOKEN=00000013-1111-2222-3333-444444444444 '$DISCO' kv put app/a two 2>/dev/null"
    is "$(CONSUL_HTTP_TOKEN=00000015-1111-2222-3333-444444444444 ask kv/app/a)" 'ACL not found' "one that has expired is none"
    index=$(field kv/app/late 'v[0]["ModifyIndex"]')
    ok "no index lies ahead of the log" test "$index" -lt 1000
    exits 0 "writes go on" "$DISCO" kv put app/late changed
    ok "at a higher index" test "$(field kv/app/late 'v[0]["ModifyIndex"]')" -gt "$index"
done

section "ours tell who made them"
exits 0 "save" snapshot save "$T/own"
exits 0 "inspect" snapshot inspect "$T/own"
like "$OUT" 'Made by +disco' "disco"
exits 0 "restore" snapshot restore "$T/own"
is "$("$DISCO" kv get app/late)" changed "all is there"
done_testing
