#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2154
# Access control through all doors of one agent: what a token may not do by HTTP it may not do by
# DNS, through the mount and on the command line either; and the commands that keep the tokens.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

master=aaaaaaaa-0000-0000-0000-00000000000a
cat >"$T/acl.json" <<END
{"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "$master"}}}
END
mount=
if can_mount; then
    mount=$T/mnt
    mkdir "$mount"
fi
need_agent node1 -config-file="$T/acl.json" ${mount:+-mount "$mount"}
export CONSUL_HTTP_ADDR=$HTTP
disco() { "$DISCO" "$@"; }
as() { # TOKEN COMMAND...
    local token=$1
    shift
    CONSUL_HTTP_TOKEN=$token "$@"
}
ask() { # TOKEN PATH [CURL OPTION...]: status and body
    local token=$1 path=$2
    shift 2
    curl -s -m 60 -w ' %{http_code}' -H "X-Consul-Token: $token" "$@" "http://$HTTP$path"
}
has_master() { ask $master /v1/acl/token/self | grep -q Master; }
ok "the leader makes the master's token" until_ok 10 has_master
umask 077

section "policies and tokens"
exits 0 "policy create" as $master disco acl policy create -name=app -description=d \
    -rules='key_prefix "app/" { policy = "write" } key_prefix "app/secret/" { policy = "deny" }'
like "$OUT" $'^ID:           [0-9a-f-]{36}\nName:         app\nDescription:  d\nDatacenters:  \nRules:\nkey_prefix' \
    "and shows it"
exits 1 "a policy of rules that are none" as $master disco acl policy create -name=bad -rules=garbage
like "$ERR" "Failed to create new policy: .*500 \(Failed to parse ACL rules: At 1:" "says where"
exits 0 "token create" as $master disco acl token create -description=tok -policy-name=app -format=json
secret=$(jq -r .SecretID <<<"$OUT") accessor=$(jq -r .AccessorID <<<"$OUT")
exits 0 "token read by the beginning of its id" as $master disco acl token read -id "${accessor:0:8}"
like "$OUT" "Policies:"$'\n'"   [0-9a-f-]{36} - app$" "with its policies"
is "$(as "$secret" disco acl token read -self -format=json | jq -r .AccessorID)" "$accessor" "read -self"
exits 0 "token list" as $master disco acl token list
like "$OUT" "Description:      Master Token" "lists them"
[[ $OUT != *"$secret"* ]]
tap_result $? "without secrets"
exits 0 "role create" as $master disco acl role create -name=r1 -policy-name=app -service-identity=web:dc1
like "$(as $master disco acl role list)" $'^r1:\n   ID: ' "role list"
exits 0 "policy update" as $master disco acl policy update -name=app -description=new
like "$OUT" 'Description:  new' "changes the description"
like "$OUT" 'key_prefix "app/secret/"' "and keeps the rules"
exits 0 "token clone" as $master disco acl token clone -id "$accessor"
clone=$(sed -n 's/^AccessorID: *//p' <<<"$OUT")
exits 0 "token delete" as $master disco acl token delete -id "$clone"
is "$OUT" "Token \"$clone\" deleted successfully" "and its words"
exits 0 "policy list" as $master disco acl policy list
like "$OUT" $'app:\n   ID: ' "shows the policy"
exits 0 "role update" as $master disco acl role update -id "$(as $master disco acl role read -name=r1 -format=json | jq -r .ID)" \
    -description=newer
exits 0 "role read" as $master disco acl role read -name=r1
like "$OUT" 'Description:  newer' "shows what was changed"
like "$OUT" $'web \\(Datacenters: dc1\\)|web' "and what was not"
like "$OUT" ' - app' "... its policies too"
exits 0 "role update adds" as $master disco acl role update -name=r1 -service-identity=db -policy-name=app
is "$(as $master disco acl role read -name=r1 -format=json | jq -c '[(.ServiceIdentities | map(.ServiceName)), (.Policies | map(.Name))]')" \
    '[["web","db"],["app"]]' "... once"
exits 0 "role update -no-merge" as $master disco acl role update -name=r1 -no-merge -service-identity=other
is "$(as $master disco acl role read -name=r1 -format=json | jq -c '[.Description, (.ServiceIdentities | map(.ServiceName)), .Policies]')" \
    '["",["other"],null]' "... replaces all"
exits 0 "role delete" as $master disco acl role delete -name=r1
exits 1 "role read of what is gone" as $master disco acl role read -name=r1
exits 0 "token update" as $master disco acl token update -id "$accessor" -description=other -merge-policies \
    -node-identity=n:dc1
is "$(as $master disco acl token read -id "$accessor" -format=json | jq -c '[.Description, .Policies[0].Name, .NodeIdentities[0].NodeName]')" \
    '["other","app","n"]' "changes the description and keeps the policy"
exits 0 "token update without -merge-node-identities" as $master disco acl token update -id "$accessor" -policy-name=app
is "$(as $master disco acl token read -id "$accessor" -format=json | jq -c '[.Policies[0].Name, .NodeIdentities]')" \
    '["app",null]' "... leaves out those that are not given"
as $master disco acl policy create -name=dc -valid-datacenter=dc1 -rules='key "a" { policy = "read" }' >/dev/null
exits 0 "policy update" as $master disco acl policy update -name=dc -description=d
is "$(as $master disco acl policy read -name=dc -format=json | jq -c '[.Datacenters, .Rules]')" \
    '[["dc1"],"key \"a\" { policy = \"read\" }"]' "keeps datacenters and rules"
as $master disco acl policy create -name=gone -rules='key "a" { policy = "read" }' >/dev/null
exits 0 "policy delete" as $master disco acl policy delete -name=gone
exits 1 "... which is gone" as $master disco acl policy read -name=gone
exits 1 "policy read of what is not there" as $master disco acl policy read -name=nope
is "$ERR" "Error determining policy ID: No such policy with name nope" "and its words"
exits 1 "bootstrap" disco acl bootstrap
like "$ERR" '403 \(Permission denied: ACL bootstrap no longer allowed \(reset index: [0-9]+\)\)' \
    "is refused: there is a master"
reset=$(sed -n 's/.*reset index: \([0-9]*\).*/\1/p' <<<"$ERR")
echo "$reset" >"$DIR/acl-bootstrap-reset"
exits 0 "bootstrap with the reset file" disco acl bootstrap
like "$OUT" 'global-management' "gives a management token"
[ ! -e "$DIR/acl-bootstrap-reset" ]
tap_result $? "once"
exits 0 "translate-rules" as $master disco acl translate-rules 'key "a" { policy = "read" }'
is "$OUT" $'key_prefix "a" {\n  policy = "read"\n}' "prints them as they are written now"

for asked in "PUT /v1/acl/create" "PUT /v1/acl/update" "PUT /v1/acl/destroy/x" "GET /v1/acl/info/x" \
    "PUT /v1/acl/clone/x" "GET /v1/acl/list"; do
    is "$(ask $master "${asked#* }" -X "${asked% *}")" \
        "Endpoint ${asked#* } for the legacy ACL system was removed in Consul 1.11. 410" "$asked of the older system is gone"
done
like "$(ask $master /v1/acl/login -X POST -d '{}')" '^ACL not found: .* 403$' "there are no auth methods to log in by"

section "keys"
is "$(ask $master /v1/kv/app/a -X PUT -d 1)" "true 200" "the master writes"
is "$(ask $master /v1/kv/app/secret/s -X PUT -d 1)" "true 200" "anywhere"
is "$(ask $master /v1/kv/other -X PUT -d 1)" "true 200" "at all"
is "$(ask "$secret" /v1/kv/app/a?raw)" "1 200" "the token reads"
is "$(ask "$secret" /v1/kv/other)" "Permission denied 403" "but not elsewhere"
is "$(ask "$secret" '/v1/kv/?keys')" '["app/a"] 200' "and lists what it may read"
is "$(ask "$secret" '/v1/kv/app/?recurse' -X DELETE)" "Permission denied 403" "a tree with a denied part stays"
is "$(ask '' /v1/kv/app/a)" "Permission denied 403" "nobody in particular reads nothing"
is "$(ask no-such-token /v1/kv/app/a)" "ACL not found 403" "a token that does not exist is told so"
exits 1 "kv get without a token" disco kv get app/a
is "$ERR" "Error querying Consul agent: Unexpected response code: 403" "and its words"

section "the agent's default token, DNS, the mount"
dig_status() { dig +tries=1 +time=5 @127.0.0.1 -p "$DNS_PORT" "${1-consul.service.consul}" | grep -o 'status: [A-Z]*'; }
is "$(dig_status)" "status: NXDOMAIN" "DNS knows nothing for nobody"
for token in "" "$master"; do
    ask $master /v1/query -X POST -d '{"Name":"q'"${token:+master}"'","Token":"'"$token"'","Service":{"Service":"consul"}}' >/dev/null
done
is "$(dig_status q.query.consul)" "status: NXDOMAIN" "nor through a prepared query"
is "$(dig_status qmaster.query.consul)" "status: NOERROR" "but through one that has a token of its own"
is "$(dig_status q.query.consul)" "status: NXDOMAIN" "which counts for that question alone"
if [ -n "$mount" ]; then
    is "$(ls "$mount/kv")" "" "the mount shows no key to nobody"
    fails "and takes none" bash -c "echo 2 >'$mount/kv/app/a'"
else
    skip "the mount" "no /dev/fuse"
fi
exits 0 "set-agent-token" as $master disco acl set-agent-token default "$secret"
is "$OUT" 'ACL token "default" set successfully' "and its words"
exits 1 "of another type" as $master disco acl set-agent-token bogus x
is "$ERR" "Unknown token type" "is none"
is "$(ask '' /v1/kv/app/a?raw)" "1 200" "who brings no token has the agent's"
if [ -n "$mount" ]; then
    is "$(ls "$mount/kv/app")" "a" "so has the mount"
    is "$(cat "$mount/kv/app/a")" "1" "which reads"
    ok "and writes" bash -c "echo 2 >'$mount/kv/app/a'"
    fails "but not what is denied" bash -c "echo 2 >'$mount/kv/other'"
    like "$(bash -c "echo 2 >'$mount/kv/other'" 2>&1)" 'Permission denied' "at once, when it is opened"
    is "$(ask $master /v1/kv/other?raw)" "1 200" "which stays"
fi
is "$(as $master disco acl set-agent-token default $master)" 'ACL token "default" set successfully' \
    "the master's as the default"
is "$(dig_status)" "status: NOERROR" "DNS answers"
exits 0 "members" disco members
like "$OUT" node1 "shows the node"

section "after a restart"
stop_agent node1
need_agent node1 -config-file="$T/acl.json"
is "$(ask "$secret" /v1/kv/other)" "Permission denied 403" "tokens and policies are there"
is "$(ask '' /v1/kv/other)" "Permission denied 403" "the agent's own token is the file's"

section "tokens that are kept"
kept=$DIR/acl-tokens.json
fails "none without the option" test -e "$kept"
stop_agent node1
sed 's/"enabled": *true/&, "enable_token_persistence": true/' "$T/acl.json" >"$T/keeping.json"
ok "the option" grep -q enable_token_persistence "$T/keeping.json"
need_agent node1 -config-file="$T/keeping.json"
exits 0 "set-agent-token" as $master disco acl set-agent-token default "$secret"
is "$(cat "$kept")" "{\"default\":\"$secret\"}" "it is in the file"
is "$(stat -c %a "$kept")" 600 "which is its owner's alone"
stop_agent node1 KILL
need_agent node1 -config-file="$T/keeping.json"
is "$(ask '' /v1/kv/app/a?raw)" "$(ask "$secret" /v1/kv/app/a?raw)" "it counts after a crash"
stop_agent node1
printf '{"acl": {"tokens": {"default": "%s", "agent": "%s"}}}' "$master" "$master" >"$T/tokens.json"
need_agent node1 -config-file="$T/keeping.json" -config-file="$T/tokens.json"
is "$(ask '' /v1/kv/other)" "Permission denied 403" "and wins over the configuration's"
ok "which the log tells" grep -q 'was given to the agent before.*tokens="default"' "$LOG"
is "$(as $master disco acl set-agent-token default '')" 'ACL token "default" set successfully' "an empty one"
is "$(cat "$kept")" "{}" "takes it out of the file"
stop_agent node1
need_agent node1 -config-file="$T/keeping.json" -config-file="$T/tokens.json"
is "$(ask '' /v1/kv/other?raw)" "1 200" "so that the configuration's counts again"
stop_agent node1
printf '{"default":' >"$kept"
run timeout 60 "$DISCO" agent -server -bootstrap -bind 127.0.0.1 -data-dir "$DIR" -config-file="$T/keeping.json"
isnt "$STATUS" 0 "a file that is damaged is no reason to go on without"
like "$OUT$ERR" 'acl-tokens.json' "it is named"
fails "and the end is orderly" grep -q Sanitizer <<<"$OUT$ERR"

done_testing
