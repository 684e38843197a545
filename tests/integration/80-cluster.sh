#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Five agents as processes: three servers that find each other, two clients; the first election, the death and the
# leaving of leaders, restarts of all, other addresses, joining by hand, datacenters.
# Each agent has an address of its own in 127/8 and the same ports.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

NET=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
PORT=$(free_port)
PORTS=(-server-port "$PORT" -serf-lan-port $((PORT + 1)) -serf-wan-port $((PORT + 2)) -http-port $((PORT + 3))
    -dns-port $((PORT + 4)))
LAN=$((PORT + 1)) WAN=$((PORT + 2)) DNS=$((PORT + 4))
declare -A at=()

# up N OPTION...: agent nN, at $NET.N unless at[N] says otherwise
up() {
    local n=$1 ip=${at[$1]-$NET.$1}
    shift
    "$DISCO" agent -node "n$n" -bind "$ip" -client "$ip" -data-dir "$T/n$n" "${PORTS[@]}" "$@" \
        >>"$T/n$n.log" 2>&1 </dev/null &
    agent_pid[n$n]=$!
}
down() { # N [SIGNAL]
    kill "-${2:-TERM}" "${agent_pid[n$1]}" 2>/dev/null
    wait "${agent_pid[n$1]}" 2>/dev/null
    STATUS=$?
    unset "agent_pid[n$1]"
}
http() { echo "http://${at[$1]-$NET.$1}:$((PORT + 3))"; }
get() { curl -s -m 60 "$(http "$1")$2"; }
put() { curl -s -m 60 -X PUT -d "$3" "$(http "$1")$2"; }
code() { curl -s -m 60 -o /dev/null -w '%{http_code}' "$(http "$1")$2"; }
is_up() { [ "$(code "$1" /v1/agent/self)" = 200 ]; }
has_leader() { [ "$(code "$1" /v1/catalog/nodes)" = 200 ]; }
leader() { # its number, as agent $1 knows it
    local a n
    a=$(get "$1" /v1/status/leader | tr -d '"')
    for n in 1 2 3 6; do
        [ "${a%:*}" = "${at[$n]-$NET.$n}" ] && echo "$n"
    done
}
knows_leader() { [ -n "$(leader 5)" ]; }
node_names() { get "$1" /v1/catalog/nodes | grep -o '"Node":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' '; }
nodes_are() { [ "$(node_names "$1")" = "$2" ]; }
status_is() { [ "$(get "$1" "/v1/health/node/$2" | grep -o '"Status":"[a-z]*"')" = "\"Status\":\"$3\"" ]; }
value_is() { [ "$(get "$1" "/v1/kv/$2?raw")" = "$3" ]; }
millis() { echo $(($(date +%s%N) / 1000000)); }
writes_again() { # N: polls until a write is taken; prints nothing
    until [ "$(put "$1" /v1/kv/probe "$RANDOM")" = true ]; do
        [ $SECONDS -lt "$give_up" ] || return 1
        sleep 0.02
    done
}
log_ms() { # N REGEX: when the line was logged, in ms of the day
    local t
    t=$(grep -E -m1 "$2" "$T/n$1.log" | cut -dT -f2 | cut -dZ -f1)
    awk -F'[:.]' '{ print (($1 * 60 + $2) * 60 + $3) * 1000 + $4 }' <<<"$t"
}

section "three servers; only the first is told the number"
up 1 -server -bootstrap-expect 3
ok "the first is up" until_ok 30 is_up 1
is "$(get 1 /v1/kv/x)" "No cluster leader" "without a leader: the words"
is "$(code 1 /v1/kv/x)" 500 "without a leader: 500"
like "$(curl -s -m 60 -o /dev/null -w '%{time_total}' "$(http 1)/v1/kv/x")" '^[0-9]\.' "and within 3 s, or ten on a busy machine"
grep -q 'expecting 3 servers' "$T/n1.log"
tap_result $? "a warning says that 3 servers are expected"
up 2 -server -join "$NET.1:$LAN"
ok "the second is up" until_ok 30 is_up 2
up 3 -server -join "$NET.1:$LAN"
ok "a leader is there when the third has joined" until_ok 30 has_leader 3
grep -q "attempting bootstrap: peers=.*$NET.*,.*$NET.*,.*$NET" "$T/n1.log"
tap_result $? "all three are named at the bootstrap"
took=$(($(log_ms "$(leader 1)" 'leadership acquired') - $(log_ms 1 'EventMemberJoin: n3 ')))
[ $took -ge 0 ] && [ $took -lt 15000 ] # under 1.5 s where nothing else runs
tap_result $? "the leader is there soon after the third's join"
diag "leader after $took ms"
ok "all are in the catalog" until_ok 10 nodes_are 2 "n1 n2 n3 "

section "clients, one by way of the other"
up 4 -retry-join "$NET.1:$LAN" -retry-interval 1s
ok "n4 is up" until_ok 30 is_up 4
up 5 -join "$NET.4:$LAN"
ok "five nodes, through n5" until_ok 20 nodes_are 5 "n1 n2 n3 n4 n5 "
is "$(node_names 4)" "n1 n2 n3 n4 n5 " "the same through n4"
is "$(put 4 /v1/kv/key1 test)" true "a write through n4"
is "$(get 4 '/v1/kv/key1?raw')" test "n4 shows it"
for n in 1 2 3 5; do is "$(get $n '/v1/kv/key1?raw')" test "n$n shows it"; done
like "$(curl -si "$(http 5)/v1/kv/key1")" 'X-Consul-Index: [0-9]+.*X-Consul-Knownleader: true' "headers travel"
is "$(code 5 /v1/kv/none)" 404 "what is not there is 404 through a client"
is "$(code 5 '/v1/kv/key1?index=x')" 400 "what is wrong is 400 through a client"
is "$(dig +short "@$NET.5" -p "$DNS" n2.node.consul)" "$NET.2" "DNS through a client"
is "$(dig +short +tcp "@$NET.5" -p "$DNS" n4.node.consul)" "$NET.4" "DNS through a client, over TCP"
run "$DISCO" members -http-addr="$(http 5)"
like "$OUT" 'n4 .*alive +client.*n5 .*alive +client' "members through a client"
session=$(put 5 /v1/session/create '{"TTL":"10s"}' | cut -d'"' -f4)
like "$(put 5 "/v1/session/renew/$session" '')" "$session" "a session is renewed through a client"
like "$(put 2 "/v1/session/renew/$session" '')" "$session" "and through every server"
like "$(put 3 "/v1/session/renew/$session" '')" "$session" "and through the third"

section "a blocked read on every agent sees a change made on any other"
cat >"$T/wake.py" <<'PY'
import http.client, statistics, sys, threading, time
addrs = sys.argv[1:]
times = []
def wait(addr, index, out, i):
    c = http.client.HTTPConnection(addr, timeout=20)
    c.request("GET", "/v1/kv/wake?index=%s&wait=10s" % index)
    r = c.getresponse(); r.read(); out[i] = time.time()
def index(addr):
    c = http.client.HTTPConnection(addr, timeout=20)
    c.request("GET", "/v1/kv/wake"); r = c.getresponse(); r.read(); return r.getheader("X-Consul-Index")
def put(addr, v):
    c = http.client.HTTPConnection(addr, timeout=20)
    c.request("PUT", "/v1/kv/wake", v); c.getresponse().read()
put(addrs[0], "start")
for round in range(12):
    at = index(addrs[0]); out = [0] * len(addrs)
    ts = [threading.Thread(target=wait, args=(a, at, out, i)) for i, a in enumerate(addrs)]
    for t in ts: t.start()
    time.sleep(0.15)  # most of them wait by then; one that comes late is answered at once
    writer = addrs[round % len(addrs)]
    put(writer, str(round)); done = time.time()
    for t in ts: t.join()
    times += [max(0, o - done) for o in out]
print("%.2f" % (statistics.median(times) * 1000))
PY
median=$(python3 "$T/wake.py" "$(http 1 | cut -c8-)" "$(http 2 | cut -c8-)" "$(http 3 | cut -c8-)" "$(http 4 | cut -c8-)" "$(http 5 | cut -c8-)")
diag "a change is seen after $median ms (median, after the write's answer)"
awk -v m="$median" 'BEGIN { exit !(m != "" && m < 2000) }' # under 10 where nothing else runs; the reads wait 10 s
tap_result $? "it is the change that wakes them"

section "the leader is killed"
ok "the leader is known" until_ok 20 knows_leader
old=$(leader 5)
give_up=$((SECONDS + 60)) begin=$(millis)
down "$old" KILL
writes_again 5
took=$(($(millis) - begin))
diag "writes go on after $took ms"
[ $took -lt 20000 ] # under 3 s where nothing else runs
tap_result $? "another leads, and takes writes"
is "$(get 4 '/v1/kv/key1?raw')" test "nothing is lost"
ok "it is seen as failed" until_ok 20 status_is 5 "n$old" critical
up "$old" -server
ok "it comes back" until_ok 30 status_is 5 "n$old" passing
ok "and catches up" until_ok 20 value_is "$old" probe "$(get 5 '/v1/kv/probe?raw')"

section "the leader leaves"
ok "the leader is known" until_ok 20 knows_leader
old=$(leader 5)
cat >"$T/gap.py" <<'PY'
import http.client, sys, time
addr, seconds = sys.argv[1], float(sys.argv[2])
end = time.time() + seconds; last = time.time(); worst = 0; n = 0
while time.time() < end:
    try:
        c = http.client.HTTPConnection(addr, timeout=5)
        c.request("PUT", "/v1/kv/gap", str(n)); r = c.getresponse(); r.read()
        if r.status == 200:
            n += 1; worst = max(worst, time.time() - last); last = time.time()
            open(sys.argv[3], "a").close()
    except OSError:
        pass
print(int(worst * 1000))
PY
# what this machine makes of writes while nothing happens
before=$(python3 "$T/gap.py" "$(http 5 | cut -c8-)" 2 "$T/gap.before")
python3 "$T/gap.py" "$(http 5 | cut -c8-)" 6 "$T/gap.begun" >"$T/gap" &
gap=$!
until_ok 5 test -e "$T/gap.begun"
exits 0 "disco leave" "$DISCO" leave -http-addr="$(http "$old")"
wait $gap
diag "longest time without a write: $(cat "$T/gap") ms, with nobody leaving $before ms"
[ "$(cat "$T/gap")" -lt $((5000 + 10 * before)) ] # under 300 ms where nothing else runs
tap_result $? "a leader that leaves is followed by another"
wait "${agent_pid[n$old]}"
is $? 0 "it ends with exit 0"
unset "agent_pid[n$old]"
peers_are() { [ "$(get 5 /v1/status/peers | grep -o "$NET" | wc -l)" -eq "$1" ]; }
ok "it is no server of the configuration any more" until_ok 10 peers_are 2
gone() { ! node_names 5 | grep -q "n$1 "; }
ok "nor in the catalog" until_ok 10 gone "$old"
up "$old" -server -retry-join "$NET.4:$LAN" -retry-interval 1s
ok "it comes again, as a new server" until_ok 30 peers_are 3

section "no leader"
ok "the leader is known" until_ok 20 knows_leader
others=$(for n in 1 2 3; do [ "$n" = "$(leader 5)" ] || echo $n; done)
for n in $others; do down "$n" KILL; done
left=$(for n in 1 2 3; do [ -n "${agent_pid[n$n]-}" ] && echo $n; done)
no_leader() { [ "$(code "$left" /v1/kv/key1)" = 500 ]; }
ok "without a quorum: 500" until_ok 20 no_leader
is "$(get "$left" '/v1/kv/key1?stale&raw')" test "stale reads go on"
is "$(get 5 '/v1/kv/key1?stale&raw')" test "also through a client"
before=$(millis)
code=$(curl -s -m 60 -o "$T/body" -w '%{http_code}' -X PUT -d x "$(http 5)/v1/kv/nobody")
took=$(($(millis) - before))
is "$code $(cat "$T/body")" "500 No cluster leader" "a write through a client is refused"
[ $took -lt 20000 ] # 3 s where nothing else runs
tap_result $? "within a bound ($took ms)"
is "$(dig +short "@$NET.5" -p "$DNS" n5.node.consul)" "$NET.5" "DNS goes on"
for n in $others; do up "$n" -server; done
ok "they come back and elect" until_ok 40 has_leader 5

section "all servers stop and start again"
for n in 1 2 3; do down $n; done
for n in 3 1 2; do up $n -server; done
ok "in another order, without a word about joining" until_ok 40 value_is 5 key1 test
section "all servers stop and start with other addresses"
for n in 1 2 3; do down $n; done
for n in 1 2 3; do
    at[$n]=$NET.$((n + 100))
    up $n -server -retry-join "$NET.101:$LAN" -retry-join "$NET.102:$LAN" -retry-interval 1s
done
ok "a leader, the data, the new addresses" until_ok 40 value_is 1 key1 test
exits 0 "join by hand" "$DISCO" join -http-addr="$(http 5)" "$NET.101:$LAN"
is "$OUT" "Successfully joined cluster by contacting 1 nodes." "join: the words"
ok "the client finds them" until_ok 40 value_is 5 key1 test
address_is() { get 5 /v1/catalog/node/n2 | grep -q "\"Address\":\"$NET.102\""; }
ok "the catalog has the new address" until_ok 60 address_is

section "join and force-leave, as Consul words them"
exits 1 "nobody there" "$DISCO" join -http-addr="$(http 5)" "$NET.5:1"
like "$ERR" "Error joining address '$NET.5:1': Unexpected response code: 500 \(1 error occurred:" "the words"
like "$ERR" "Failed to join $NET.5: dial tcp $NET.5:1: connect: connection refused" "and why"
exits 1 "force-leave of nobody" "$DISCO" force-leave -http-addr="$(http 5)" none
is "$ERR" "Error force leaving: Unexpected response code: 500 (agent: No node found with name 'none')" "the words"
down 4 KILL
ok "a killed client is critical" until_ok 20 status_is 5 n4 critical
exits 0 "force-leave" "$DISCO" force-leave -http-addr="$(http 5)" n4
ok "it is out of the catalog" until_ok 10 gone 4

section "another datacenter"
up 6 -server -bootstrap -datacenter dc2 -join-wan "$NET.101:$WAN"
ok "it is up" until_ok 30 has_leader 6
dcs_are() { [ "$(get "$1" /v1/catalog/datacenters)" = "$2" ]; }
ok "dc1 knows it, its own first" until_ok 20 dcs_are 5 '["dc1","dc2"]'
ok "and the other way round" until_ok 20 dcs_are 6 '["dc2","dc1"]'
is "$(put 6 /v1/kv/where two)" true "a key of dc2"
is "$(get 1 '/v1/kv/where?dc=dc2&raw')" two "?dc= reaches it from a server"
is "$(get 5 '/v1/kv/where?dc=dc2&raw')" two "and from a client"
is "$(code 5 '/v1/kv/where')" 404 "dc1 has no such key"
is "$(put 5 '/v1/kv/where?dc=dc2' zwei)" true "a write there"
is "$(get 6 '/v1/kv/where?raw')" zwei "is there"
is "$(get 5 '/v1/kv/where?dc=dc9')" "No path to datacenter" "an unknown one"
is "$(dig +short "@$NET.5" -p "$DNS" n6.node.dc2.consul)" "$NET.6" "DNS names of dc2, from a client of dc1"
run "$DISCO" members -wan -http-addr="$(http 1)"
like "$OUT" 'n1\.dc1 .*n6\.dc2 ' "members -wan"

is_tolerant() { get 5 /v1/operator/autopilot/health | grep -q "\"FailureTolerance\":1"; }
section "autopilot"
exits 0 "set-config through a client" "$DISCO" operator autopilot set-config -http-addr="$(http 5)" -max-trailing-logs=99
is "$OUT" "Configuration updated!" "the words"
run "$DISCO" operator autopilot get-config -http-addr="$(http 2)"
like "$OUT" "MaxTrailingLogs = 99" "another server has it"
ok "three healthy servers" until_ok 30 is_tolerant
run "$DISCO" operator autopilot state -http-addr="$(http 5)"
like "$OUT" "Failure Tolerance: 1" "state"

section "the end"
for n in 6 5 3 2 1; do
    down $n
    is "$STATUS" 0 "n$n ends with exit 0"
done
reports=$(grep -h -A 15 'Sanitizer\|runtime error\|too long' "$T"/*.log)
is "$reports" "" "no sanitizer has anything to say"
DISCO=$DISCO DEMO_NET=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)) DEMO_PORT=$(free_port) DEMO_PATIENCE=180 \
    "$TOP_SRCDIR/contrib/demo" -once >"$T/demo.out" 2>&1
tap_result $? "contrib/demo -once tells its story" || diag "$(tail -n 30 "$T/demo.out")"
done_testing
