#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Rights by token on the mount of an agent without a log: what a token may not do by HTTP it may not do on the mount, and
# the other way; the agent's own endpoints judge by the same copy; bind mounts; the server goes and comes back.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
[ "$(id -u)" -eq 0 ] || skip_all "needs root to be several users"
command -v setpriv >/dev/null || skip_all "no setpriv"

net=127.$(($$ / 250 % 200 + 20)).$(($$ % 250 + 1)) # nobody else's addresses, so no port is in use
declare -A ip=([s1]=$net.1 [c1]=$net.2)
M=$T/m K=$T/m/kv
chmod 755 "$T"
mkdir "$M"
master=aaaaaaaa-0000-0000-0000-00000000000a
up() { # NAME OPTION...
    local n=$1
    shift
    agent_http[$n]=20001
    "$DISCO" agent -node "$n" -bind "${ip[$n]}" -client "${ip[$n]}" -data-dir "$T/$n" -retry-interval 1s \
        -http-port 20001 -dns-port 20002 -server-port 20003 -serf-lan-port 20004 -config-file "$T/$n.json" "$@" \
        >>"$T/$n.log" 2>&1 </dev/null &
    agent_pid[$n]=$!
}
answer=$T/answer
ask() { # AGENT TOKEN METHOD PATH [BODY]: the status; the answer is in $answer
    curl -s -m 60 -o "$answer" -w '%{http_code}' ${2:+-H "X-Consul-Token: $2"} -X "$3" ${5:+-d "$5"} "http://${ip[$1]}:20001$4"
}
answers() { [ "$(ask "${@:2}")" = "$1" ]; } # STATUS AGENT TOKEN METHOD PATH [BODY]
t() { timeout -s KILL 20 "$@"; }
as() { t setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
shows() { [ "$(timeout 30 cat "$1" 2>/dev/null)" = "$2" ]; }
policy() { # NAME RULES: the policy has these
    local id=
    answers 200 s1 $master GET "/v1/acl/policy/name/$1" && id=$(jq -r '.ID // empty' "$answer")
    ask s1 $master PUT "/v1/acl/policy${id:+/$id}" "$(jq -n --arg n "$1" --arg r "$2" '{Name: $n, Rules: $r}')" >/dev/null
}
secret() { printf '%s0000000-0000-0000-0000-000000000000' "$1"; }
token() { # SECRET POLICY: sets accessor
    ask s1 $master PUT /v1/acl/token "{\"SecretID\": \"$1\", \"Policies\": [{\"Name\": \"$2\"}]}" >/dev/null
    accessor=$(jq -r .AccessorID "$answer")
}
acl='"enabled": true, "default_policy": "deny", "token_ttl": "1h", "policy_ttl": "1h", "role_ttl": "1h"'
echo "{\"acl\": {$acl, \"tokens\": {\"master\": \"$master\"}}}" >"$T/s1.json"
declare -A user=([writer]=1001 [reader]=1002 [lister]=1003 [none]=1004) may=()
for who in "${!user[@]}"; do echo "${user[$who]} $(secret "${user[$who]: -1}")"; done >"$T/users"
chmod 600 "$T/users"
echo "{\"acl\": {$acl}, \"leave_on_terminate\": false, \"mount\": {\"token\": \"$master\", \"users\": \"$T/users\"}}" >"$T/c1.json"
server() { up s1 -server -bootstrap -serf-wan-port 20005; }
server
up c1 -mount "$M" -retry-join "${ip[s1]}:20004"
has_master() { answers 200 s1 $master GET /v1/acl/token/self; }
until_ok 30 has_master || bail "no leader: $(tail -n 3 "$T"/*.log)"
policy writer 'key_prefix "a/" { policy = "write" } key_prefix "b/" { policy = "read" } key "b/secret" { policy = "deny" }
    service "web" { policy = "write" } agent "c1" { policy = "read" }'
policy reader 'key_prefix "" { policy = "read" } key_prefix "a/" { policy = "deny" } key "a/x" { policy = "write" }
    service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'
policy lister 'key_prefix "a/" { policy = "list" } key "b/x" { policy = "write" }'
policy none ''
for who in "${!user[@]}"; do token "$(secret "${user[$who]: -1}")" "$who"; done
keys=(a/x a/y b/x b/secret c/x)
for k in "${keys[@]}"; do ask s1 $master PUT "/v1/kv/$k" "$k" >/dev/null; done
ok "the mount shows the keys" until_ok 30 shows "$K/c/x" c/x
rights_are_there() { as 1001 cat "$K/a/x"; }
ok "and the rights" until_ok 30 rights_are_there

section "HTTP and the mount say the same"
agrees() { # WHO OP KEY: "what HTTP says/what the mount says"
    local secret http mount
    secret=$(secret "${user[$1]: -1}")
    case $2 in
    read)
        http=$(ask c1 "$secret" GET "/v1/kv/$3?raw")
        as "${user[$1]}" cat "$K/$3" >/dev/null 2>&1 && mount=yes || mount=no
        ;;
    write)
        http=$(ask c1 "$secret" PUT "/v1/kv/$3" "$3")
        as "${user[$1]}" bash -c 'printf %s "$1" >"$0"' "$K/$3" "$3" 2>/dev/null && mount=yes || mount=no
        ;;
    make)
        http=$(ask c1 "$secret" PUT "/v1/kv/$3.$1.http" x)
        as "${user[$1]}" bash -c 'echo x >"$0"' "$K/$3.$1.mount" 2>/dev/null && mount=yes || mount=no
        ;;
    remove)
        http=$(ask c1 "$secret" DELETE "/v1/kv/$3.$1.http")
        as "${user[$1]}" rm -f "$K/$3.$1.mount" 2>/dev/null && mount=yes || mount=no
        ;;
    esac
    [ "$http" = 200 ] && http=yes || http=no
    echo "$http $mount"
}
compare_one() { # WHO OPERATION...
    local who=$1 key op got e answer=$T/$1.answer
    shift
    for key in "${keys[@]}"; do
        for op in "$@"; do
            [[ $key == a/y && $op != read && $op != write ]] && continue # as a/x
            [ $op = remove ] && for e in http mount; do # what is to be removed is there, and gone afterwards
                ask c1 $master PUT "/v1/kv/$key.$who.$e" x >/dev/null
            done
            got=$(agrees "$who" $op "$key")
            [ "${got% *}" = "${got#* }" ] || echo "$who $op $key: $got; " >>"$T/$who.bad"
            [ "$got" = "yes yes" ] && echo "$who $op $key; " >>"$T/$who.seen"
            [ $op = remove ] && for e in http mount; do ask c1 $master DELETE "/v1/kv/$key.$who.$e" >/dev/null; done
        done
    done
}
compare() { # OPERATION...: of all, with what was seen in $seen; different ones in $bad
    local who pids=
    for who in writer reader lister none; do
        : >"$T/$who.bad" && : >"$T/$who.seen"
        compare_one $who "$@" &
        pids+=" $!"
    done
    # shellcheck disable=SC2086
    wait $pids
    bad=$(cat "$T"/*.bad) seen=$(cat "$T"/{writer,reader,lister,none}.seen | tr -d '\n')
}
compare read write make remove
is "$bad" "" "each token, each key, reading, writing, making and removing"
is "$seen" "writer read a/x; writer write a/x; writer make a/x; writer remove a/x; writer read a/y; writer write a/y; writer read b/x; reader read a/x; reader write a/x; reader read b/x; reader read b/secret; reader \
read c/x; lister read a/x; lister read a/y; lister read b/x; lister write b/x; " "as the rules are"
is "$(for i in 1 2 3 4; do echo "$i:" "$(as 100$i find "$K" -type f -printf '%P\n' 2>/dev/null | sort | tr '\n' ' ')"; done)" \
    "$(for i in 1 2 3 4; do
        ask c1 "$(secret $i)" GET '/v1/kv/?keys' >/dev/null
        echo "$i:" "$(jq -r '.[]' "$answer" 2>/dev/null | sort | tr '\n' ' ')"
    done)" "and so are lists"

section "rights that change"
writes() { as "$1" bash -c 'printf %s "$1" >"$0"' "$K/$2" "$2"; }
policy writer 'key_prefix "a/" { policy = "read" } key_prefix "b/" { policy = "write" } agent "c1" { policy = "read" }'
ok "another policy: on the mount" until_ok 10 writes 1001 b/x
fails "... less, too" writes 1001 a/x
compare read write
is "$bad" "" "HTTP and the mount still say the same"
is "$(ask c1 "$(secret 1)" GET /v1/agent/self)" 200 "the agent's own endpoints judge by the copy"
token "$(secret 5)" writer
ok "a new token" until_ok 10 answers 200 c1 "$(secret 5)" GET /v1/agent/self
ask s1 $master DELETE "/v1/acl/token/$accessor" >/dev/null
ok "a revoked one is refused as soon as the copy says so, not after an hour" until_ok 10 answers 403 c1 "$(secret 5)" GET /v1/agent/self

section "services of the agent"
policy writer 'service "web" { policy = "write" } agent "c1" { policy = "read" }'
registers() { as "$1" bash -c 'echo "{\"Name\": \"$1\", \"Port\": 80}" >"$0"' "$M/agent/services/$2.json"; }
by_http() { answers "$1" c1 "$2" PUT /v1/agent/service/register "{\"Name\": \"$3\", \"Port\": 80}"; }
ok "service:write registers by HTTP" until_ok 10 by_http 200 "$(secret 1)" web
ok "... what it names alone" by_http 403 "$(secret 1)" db
ok "... and with it alone" by_http 403 "$(secret 2)" web
is "$(ask c1 "$(secret 2)" GET /v1/agent/services) $(jq -c keys "$answer")" '200 ["web"]' "who may read it sees it"
is "$(ask c1 "$(secret 3)" GET /v1/agent/services) $(jq -c keys "$answer")" '200 []' "others do not"
ok "root, with the mount's token, sees it on the mount" until_ok 10 test -e "$M/agent/services/web.json"
fails "who may not write it does not remove it" as 1002 rm -f "$M/agent/services/web.json"
ok "it stays" by_http 200 "$(secret 1)" web

section "bind mounts, and the server goes"
mkdir -p "$T/box/dir"
: >"$T/box/file"
cat >"$T/box.sh" <<'SH'
mount --bind "$1/b/x" "$2/file" && mount --bind "$1/b" "$2/dir" || exit 77
echo ready
one() { timeout -s KILL 10 setpriv --reuid "$1" --regid "$1" --clear-groups cat "$2" 2>/dev/null || echo refused; }
while read -r _; do echo "$(one 1002 "$2/file") $(one 1002 "$2/dir/secret") $(one 1004 "$2/file") $(one 1004 "$2/dir/x")"; done
SH
policy reader 'key_prefix "b/" { policy = "read" } agent_prefix "" { policy = "read" }'
if unshare -m true 2>/dev/null; then
    coproc BOX { exec unshare -m --propagation slave bash "$T/box.sh" "$K" "$T/box" 2>&1; }
    read -r -t 20 line <&"${BOX[0]}"
    is "$line" ready "a key and a directory are bound into another name space"
    box_pid=${BOX_PID-}
    in_box() {
        line=
        echo >&"${BOX[1]}"
        read -r -t 50 line <&"${BOX[0]}"
        echo "$line"
    }
    is "$(in_box)" "b/x b/secret refused refused" "each user has his token's rights there"
    policy reader 'key "b/x" { policy = "read" } agent_prefix "" { policy = "read" }'
    less() { [ "$(in_box)" = "b/x refused refused refused" ]; }
    ok "also when they change" until_ok 10 less
else
    box_pid=
    skip "bind mounts" "no name spaces"
    policy reader 'key "b/x" { policy = "read" } agent_prefix "" { policy = "read" }'
fi
ok "a right that was given" until_ok 10 answers 200 c1 "$(secret 2)" GET /v1/agent/self
kill -KILL "${agent_pid[s1]}"
wait "${agent_pid[s1]}" 2>/dev/null
unset "agent_pid[s1]"
is "$(as 1002 cat "$K/b/x")" b/x "without a server: the mount goes on by the copy"
fails "... with its rights" as 1004 cat "$K/b/x"
is "$(ask c1 "$(secret 2)" GET /v1/agent/self) $(ask c1 "$(secret 4)" GET /v1/agent/self)" "200 403" "so do the agent's own endpoints"
is "$(ask c1 "$(secret 9)" GET /v1/agent/self)" 403 "and a token that is not in the copy is none"
if [ -n "$box_pid" ]; then
    is "$(in_box)" "b/x refused refused refused" "and bind mounts"
fi
server
ok "the server comes back" until_ok 30 has_master
policy none 'key_prefix "b/" { policy = "read" }'
given() { as 1004 cat "$K/b/x"; }
ok "rights that are given then count" until_ok 30 given
if [ -n "$box_pid" ]; then
    is "$(in_box)" "b/x refused b/x b/x" "in bind mounts too"
    kill "$box_pid" 2>/dev/null
    wait "$box_pid" 2>/dev/null
fi
done_testing
