#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Each resource that rules can name, written in HCL and in JSON, permits what it says and no more; a denial says in the
# log which rule is missing for what.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

master=aaaaaaaa-0000-0000-0000-00000000000a
cat >"$T/acl.json" <<END
{"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "$master"}}, "log_level": "DEBUG"}
END
need_agent node1 -config-file="$T/acl.json" -encrypt "$("$DISCO" keygen)"
ask() { # TOKEN METHOD PATH [BODY]: the status; the answer is in $T/answer
    curl -s -m 60 -o "$T/answer" -w '%{http_code}' -H "X-Consul-Token: $1" -X "$2" ${4:+-d "$4"} "http://$HTTP$3"
}
has_master() { [ "$(ask $master GET /v1/acl/token/self)" = 200 ]; }
until_ok 10 has_master
n=0
token_of() { # RULES: sets token
    n=$((n + 1))
    ask $master PUT /v1/acl/policy "$(jq -cn --arg r "$1" --arg n "p$n" '{Name: $n, Rules: $r}')" >/dev/null || return 1
    ask $master PUT /v1/acl/token "{\"Policies\": [{\"Name\": \"p$n\"}]}" >/dev/null
    token=$(jq -r .SecretID "$T/answer")
}
for key in a/x other l/x; do ask $master PUT "/v1/kv/$key" v >/dev/null; done

# HCL | JSON | what may be asked | what may not | what the log says is missing
while IFS='|' read -r hcl json may may_not missing; do
    [ -n "$missing" ] || continue
    for rules in "$hcl" "$json"; do
        token_of "$rules"
        read -r method path body <<<"$may"
        is "$(ask "$token" "$method" "$path" "$body") $(head -c 100 "$T/answer" | grep -ci denied)" "200 0" "$rules: $method $path"
        read -r method path body <<<"$may_not"
        got=$(ask "$token" "$method" "$path" "$body")
        like "$got $(cat "$T/answer")" '^(403 Permission denied|500 (Reading|Modifying) keyring denied|404 )' "... not $method $path"
    done
    ok "... missing=$missing" grep -q "agent.acl: Permission denied: missing=$missing" "$LOG"
done <<'END'
acl = "read"|{"acl":"read"}|GET /v1/acl/policies|PUT /v1/acl/policy {"Name":"no"}|acl:write
agent "node1" { policy = "read" }|{"agent":{"node1":{"policy":"read"}}}|GET /v1/agent/self|PUT /v1/agent/reload|agent:write name="node1"
agent_prefix "no" { policy = "write" }|{"agent_prefix":{"no":{"policy":"write"}}}|PUT /v1/agent/reload|PUT /v1/agent/force-leave/x|operator:write
event "deploy" { policy = "write" }|{"event":{"deploy":{"policy":"write"}}}|PUT /v1/event/fire/deploy|PUT /v1/event/fire/deploy2|event:write name="deploy2"
event_prefix "de" { policy = "write" }|{"event_prefix":{"de":{"policy":"write"}}}|PUT /v1/event/fire/deploy2|PUT /v1/event/fire/other|event:write name="other"
key "a/x" { policy = "read" }|{"key":{"a/x":{"policy":"read"}}}|GET /v1/kv/a/x|PUT /v1/kv/a/x 2|key:write name="a/x"
key "a/x" { policy = "write" }|{"key":{"a/x":{"policy":"write"}}}|PUT /v1/kv/a/x 2|PUT /v1/kv/a/xx 2|key:write name="a/xx"
key_prefix "a/" { policy = "read" }|{"key_prefix":{"a/":{"policy":"read"}}}|GET /v1/kv/a/?recurse|GET /v1/kv/other|key:read name="other"
key_prefix "l/" { policy = "list" }|{"key_prefix":{"l/":{"policy":"list"}}}|GET /v1/kv/l/?keys|PUT /v1/kv/l/x 2|key:write name="l/x"
key_prefix "" { policy = "write" } key "a/x" { policy = "deny" }|{"key_prefix":{"":{"policy":"write"}},"key":{"a/x":{"policy":"deny"}}}|PUT /v1/kv/other 2|GET /v1/kv/a/x|key:read name="a/x"
keyring = "read"|{"keyring":"read"}|GET /v1/operator/keyring|DELETE /v1/operator/keyring {"Key":"x"}|keyring:write
node "ext" { policy = "write" }|{"node":{"ext":{"policy":"write"}}}|PUT /v1/catalog/register {"Node":"ext","Address":"10.0.0.9"}|PUT /v1/catalog/register {"Node":"ext2","Address":"10.0.0.9"}|node:write name="ext2"
node_prefix "no" { policy = "write" }|{"node_prefix":{"no":{"policy":"write"}}}|PUT /v1/agent/maintenance?enable=false|PUT /v1/catalog/deregister {"Node":"ext"}|node:write name="ext"
operator = "read"|{"operator":"read"}|GET /v1/operator/raft/configuration|PUT /v1/operator/autopilot/configuration {}|operator:write
query "q" { policy = "write" } service_prefix "" { policy = "read" }|{"query":{"q":{"policy":"write"}},"service_prefix":{"":{"policy":"read"}}}|GET /v1/query|POST /v1/query {"Name":"r","Service":{"Service":"web"}}|query:write name="r"
service "web" { policy = "write" }|{"service":{"web":{"policy":"write"}}}|PUT /v1/agent/service/register {"Name":"web"}|PUT /v1/agent/service/register {"Name":"web2"}|service:write name="web2"
service_prefix "w" { policy = "read" } node_prefix "" { policy = "read" }|{"service_prefix":{"w":{"policy":"read"}},"node_prefix":{"":{"policy":"read"}}}|GET /v1/health/service/web|PUT /v1/agent/service/deregister/web|service:write name="web"
session "node1" { policy = "write" }|{"session":{"node1":{"policy":"write"}}}|PUT /v1/session/create {"Node":"node1"}|PUT /v1/session/create {"Node":"ext"}|session:write name="ext"
session_prefix "no" { policy = "write" }|{"session_prefix":{"no":{"policy":"write"}}}|PUT /v1/session/create {"Node":"node1"}|PUT /v1/session/create {"Node":"ext"}|session:write name="ext"
END
fails "no token stands in the log" grep -q "$token\|$master" "$LOG"
done_testing
