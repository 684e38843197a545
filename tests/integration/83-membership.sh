#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# How agents come and go, the rarer ways: a name of several addresses, giving up, leaving by a signal, rejoining,
# pruning, read replicas, two of one name or id. Each agent has an address of its own in 127/8.
# shellcheck disable=SC2317 # called through until_ok
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

NET=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)) PORT=$(free_port)
LAN=$((PORT + 1)) HTTP_AT=$((PORT + 3))
# up N OPTION...: agent nN at $NET.N; IN names a program to run it under
up() {
    local n=$1
    shift
    ${IN-} "$DISCO" agent -node "n$n" -bind "$NET.$n" -client "$NET.$n" -data-dir "$T/n$n" -server-port "$PORT" \
        -serf-lan-port $LAN -serf-wan-port $((PORT + 2)) -http-port $HTTP_AT -dns-port $((PORT + 4)) \
        -retry-interval 1s "$@" >>"$T/n$n.log" 2>&1 </dev/null &
    agent_pid[n$n]=$!
}
down() { # N [SIGNAL]: STATUS
    kill "-${2:-TERM}" "${agent_pid[n$1]}" 2>/dev/null
    ended "$1"
}
ended() {
    wait "${agent_pid[n$1]}" 2>/dev/null
    STATUS=$?
    unset "agent_pid[n$1]"
}
get() { curl -s -m 60 "http://$NET.$1:$HTTP_AT$2"; }
disco() { DISCO_HTTP_ADDR=$NET.$1:$HTTP_AT "$DISCO" "${@:2}"; }
is_up() { get "$1" /v1/agent/self | grep -q Config; }
has_leader() { get "$1" /v1/status/leader | grep -q "$NET"; }
sees() { # AGENT NAME STATUS
    disco "$1" members | awk -v n="$2" -v s="$3" '$1 == n && $3 == s { f = 1 } END { exit !f }'
}
knows_not() { ! disco "$1" members | grep -q "^$2 "; }
log_has() { grep -q -- "$2" "$T/n$1.log"; }
peers_are() { [ "$(get "$1" /v1/status/peers | grep -o "$NET" | wc -l)" -eq "$2" ]; }

# A pool of its own, that forgets the failed soon; looked at below. Gossip looks for them four times a minute.
up 21 -server -bootstrap -config-file <(echo '{"reconnect_timeout": "2s"}')
up 22 -retry-join "$NET.21:$LAN" -config-file <(echo '{"service": {"name": "web", "port": 80}}')

up 1 -server -bootstrap
ok "a server" until_ok 30 has_leader 1

section "what has failed for long is forgotten"
has_web() { get 21 /v1/catalog/service/web | grep -q '"Node":"n22"'; }
ok "a client with a service" until_ok 30 has_web
down 22 KILL

section "joining"
printf '127.0.0.1 localhost\n%s some.where\n%s some.where\n' "$NET.99" "$NET.1" >"$T/hosts"
if unshare --mount true 2>/dev/null; then
    cat >"$T/with-hosts" <<END
#!/bin/bash
exec unshare --mount bash -c 'mount --bind "$T/hosts" /etc/hosts && exec "\$@"' - "\$@"
END
    chmod 755 "$T/with-hosts"
    IN=$T/with-hosts up 2 -retry-join "some.where:$LAN"
    ok "a name of two addresses, at one of which nobody is" until_ok 20 sees 1 n2 alive
    down 2
    is "$STATUS" 0 "it stops in order"
    ok "and has left, as clients do" until_ok 10 sees 1 n2 left
else
    skip "a name of two addresses" "no mount namespaces here"
fi
up 3 -retry-join "$NET.98:$LAN" -retry-max 1
ended 3
is "$STATUS" 1 "after retry-max tries: exit 1"
log_has 3 "max join retry exhausted"
tap_result $? "and why"

section "leaving by a signal, and coming again"
up 4 -server -retry-join "$NET.1:$LAN" -config-file <(echo '{"leave_on_terminate": true}')
ok "another server" until_ok 20 peers_are 1 2
down 4
is "$STATUS" 0 "leave_on_terminate: SIGTERM, exit 0"
ok "it has left" until_ok 10 sees 1 n4 left
ok "and does not vote" until_ok 10 peers_are 1 1
up 5 -join "$NET.1:$LAN"
ok "a client" until_ok 20 sees 1 n5 alive
exits 0 "disco leave" disco 5 leave
ended 5
ok "it has left" until_ok 10 sees 1 n5 left
up 5
ok "started again, it is alone" until_ok 20 is_up 5
is "$(disco 5 members | wc -l)" 2 "and stays so: it has left"
down 5
up 5 -rejoin
ok "with -rejoin it finds the pool by itself" until_ok 20 sees 1 n5 alive
remembers() { awk '/^leave/ { f = 0 } /^alive: n1 / { f = 1 } END { exit !f }' "$T/n5/serf/local.snapshot"; }
ok "and writes it down" until_ok 10 remembers
down 5 KILL
ok "killed, it has failed" until_ok 30 sees 1 n5 failed
exits 0 "force-leave -prune" disco 1 force-leave -prune n5
ok "forgets it at once" until_ok 10 knows_not 1 n5
up 5
ok "a killed one finds back without a word" until_ok 20 sees 1 n5 alive

section "a read replica"
up 6 -server -read-replica -retry-join "$NET.1:$LAN"
replica() { disco 1 operator raft list-peers | grep -q "^n6 .*follower *false"; }
ok "keeps the log without a vote" until_ok 30 replica
curl -s -X PUT -d v "http://$NET.6:$HTTP_AT/v1/kv/key" >/dev/null
is "$(get 6 '/v1/kv/key?raw')" v "takes writes and shows them"
has_key() { [ "$(get 6 '/v1/kv/key?raw&stale')" = v ]; }
ok "has the state itself" until_ok 10 has_key
down 6 KILL
is "$(curl -s -m 60 -X PUT -d w "http://$NET.1:$HTTP_AT/v1/kv/key")" true "its death stops nobody"

section "what has failed for long is forgotten: by now"
ok "after reconnect_timeout no member" until_ok 90 knows_not 21 n22
forgotten() { [ "$(get 21 /v1/catalog/nodes | grep -o '"Node":"[^"]*"' | tr -d '\n')" = '"Node":"n21"' ]; }
ok "and no node" until_ok 20 forgotten
is "$(get 21 /v1/catalog/service/web)" "[]" "nor its service"
is "$(grep -c 'deregistering member: member=n22 reason=reaped' "$T/n21.log")" 1 "the leader says so, once"
like "$(disco 1 members)" 'n6 +[^ ]+ +(failed|left) ' "with the usual 72 h, who died is still known"
down 21

section "two of one name, two of one id"
IN='' up 7 -join "$NET.1:$LAN"
ok "n7" until_ok 20 sees 1 n7 alive
"$DISCO" agent -node n7 -bind "$NET.17" -client "$NET.17" -data-dir "$T/n17" -server-port "$PORT" -serf-lan-port $LAN \
    -serf-wan-port $((PORT + 2)) -http-port $HTTP_AT -dns-port $((PORT + 4)) -join "$NET.1:$LAN" \
    >"$T/n17.log" 2>&1 </dev/null &
agent_pid[n17]=$!
conflict() { grep -qi "conflict" "$T"/n1.log "$T"/n7.log "$T"/n17.log; }
ok "another n7: somebody tells of the conflict" until_ok 20 conflict
is "$(disco 1 members | awk '$1 == "n7" { print $2 }')" "$NET.7:$LAN" "the name stays with who had it"
kill -KILL "${agent_pid[n17]}"
ended 17
id=$(cat "$T/n7/node-id")
up 8 -node-id "$id" -join "$NET.7:$LAN"
refused() { grep -q "conflicting node ID" "$T"/n[78].log; }
ok "n8 with the id of n7 is refused" until_ok 20 refused
down 8 KILL
for n in 7 5 1; do
    down $n
    is "$STATUS" 0 "n$n ends in order"
done
is "$(sanitizer_reports)" "" "no sanitizer has anything to say"
done_testing
