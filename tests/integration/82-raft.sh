#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Three servers, one log: writes and reads through any of them; the leader killed while a client
# writes; those that lag catch up by log and by snapshot; all stopped and started; no quorum.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

declare -A serf
for i in 1 2 3; do serf[$i]=$(free_port); done
up() { # I...
    local i
    for i in "$@"; do
        : "${agent_http[s$i]:=$(free_port)}" "${agent_dns[s$i]:=$(free_port)}"
        : "${agent_server[s$i]:=$(free_port)}" "${agent_wan[s$i]:=$(free_port)}"
        cat >"$T/s$i.json" <<END
{"raft_snapshot_threshold": 300, "raft_trailing_logs": 20, "raft_snapshot_interval": "10ms",
  "performance": {"raft_multiplier": 1}}
END
        "$DISCO" agent -server -bootstrap-expect 3 -node "s$i" -bind 127.0.0.1 -client 127.0.0.1 \
            -data-dir "$T/s$i" -http-port "${agent_http[s$i]}" -dns-port "${agent_dns[s$i]}" \
            -server-port "${agent_server[s$i]}" -serf-lan-port "${serf[$i]}" \
            -serf-wan-port "${agent_wan[s$i]}" -config-file "$T/s$i.json" \
            -retry-join "127.0.0.1:${serf[1]}" -retry-join "127.0.0.1:${serf[2]}" \
            -retry-join "127.0.0.1:${serf[3]}" -retry-interval 1s -log-level debug \
            >>"$T/s$i.log" 2>&1 </dev/null &
        agent_pid[s$i]=$!
    done
}
url() { echo "http://127.0.0.1:${agent_http[s$1]}/v1/$2"; }
get() { curl -s -m 60 "$(url "$1" "kv/$2?raw${3-}")"; }
put() { curl -s -m 60 -X PUT -d "$3" "$(url "$1" "kv/$2")"; }
leader() { # prints the number of the leader, as server $1 knows it
    local i address
    address=$(curl -s -m 60 "$(url "$1" status/leader)")
    for i in 1 2 3; do
        [ "$address" = "\"127.0.0.1:${agent_server[s$i]}\"" ] && echo $i && return 0
    done
    return 1
}
agree() { # all of them name one leader
    local i one
    one=$(leader 1) || return 1
    for i in 2 3; do [ "$(leader $i)" = "$one" ] || return 1; done
}
kill9() {
    kill -KILL "${agent_pid[s$1]}"
    wait "${agent_pid[s$1]}" 2>/dev/null
    unset "agent_pid[s$1]"
}
holds() { [ "$(get "$1" "$2" '&stale')" = "$3" ]; }

section "an election"
up 1 2 3
ok "three servers elect a leader" until_ok 30 agree
L=$(leader 1) F=$((L % 3 + 1)) G=$((F % 3 + 1))

section "any of them answers"
for i in 1 2 3; do is "$(put $i k$i v$i)" true "a write through s$i"; done
for i in 1 2 3; do
    is "$(get $i k1)$(get $i k2)$(get $i k3)" v1v2v3 "s$i shows all of them at once"
done
is "$(put $F own 1)$(get $F own)$(get $G own)" true11 "what one server took the next one shows"
is "$(curl -s -m 60 "$(url $F 'kv/own?raw&consistent')")" 1 "a consistent read on a follower"
like "$(curl -s -m 60 -D - -o /dev/null "$(url $F 'kv/own?stale')" | tr -d '\r')" \
    'X-Consul-Lastcontact: [0-9]+' "a stale read tells when the leader was heard"
index=$(curl -s -m 60 -D - -o /dev/null "$(url $F kv/own)" | tr -d '\r' | sed -n 's/^X-Consul-Index: //Ip')
curl -s -m 60 "$(url $F "kv/own?raw&index=$index&wait=15s")" >"$T/blocked" &
blocked=$!
is "$(put $G own 2)" true "a change elsewhere"
wait $blocked
is "$(cat "$T/blocked")" 2 "wakes a read that was blocked on a follower"
S=$(curl -s -m 60 -X PUT -d '{"TTL":"10s"}' "$(url $F session/create)" | sed 's/.*"ID":"\([^"]*\)".*/\1/')
like "$(curl -s -m 60 -X PUT "$(url $G "session/renew/$S")")" "$S" "a session is renewed through any"
is "$(curl -s -m 60 -X PUT -d x "$(url $F "kv/lock?acquire=$S")")" true "and locks"
is "$(curl -s -m 60 -X PUT -d x "$(url $F "kv/own?cas=1")")" false "a failed cas is told through a follower"

section "by hand"
cli() { local i=$1; shift; "$DISCO" "$@" -http-addr="127.0.0.1:${agent_http[s$i]}"; }
like "$(cli $F operator raft list-peers | sed 's/  */ /g')" \
    "s$L [0-9a-f-]* 127.0.0.1:${agent_server[s$L]} leader true 3" "list-peers on a follower"
is "$(cli $F operator raft list-peers | wc -l)" 4 "has them all"
target=$(cat "$T/s$F/node-id")
start=$(date +%s%N)
is "$(cli $G operator raft transfer-leader -id "$target")" Success "transfer-leader (POST /v1/operator/raft/transfer-leader), told to a follower"
diag "it took $((($(date +%s%N) - start) / 1000000)) ms"
ok "the one that was named leads" until_ok 10 eval '[ "$(leader 1)$(leader 2)$(leader 3)" = '$F$F$F' ]'
L=$F F=$((L % 3 + 1)) G=$((F % 3 + 1))
exits 1 "remove-peer of a stranger" cli $F operator raft remove-peer -id nobody
like "$ERR" 'id "nobody" was not found in the Raft configuration' "says so"

section "the leader is killed while a client writes"
cat >"$T/writer.py" <<'END'
# Writes w/0, w/1, ... one after the other through one server until told to stop; prints what was
# acknowledged and the longest pause between two acknowledged writes, in seconds.
import http.client, os, sys, time
port, stop = int(sys.argv[1]), sys.argv[2]
c, n, acked, last, longest = None, 0, [], time.monotonic(), 0.0
while not os.path.exists(stop):
    try:
        if c is None:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
        c.request("PUT", "/v1/kv/w/%d" % n, str(n))
        r = c.getresponse()
        if r.read().strip() == b"true":
            acked.append(n)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except OSError:
        c = None
    n += 1
with open(sys.argv[3], "w") as f:
    f.write("%s\n" % "\n".join(map(str, acked)))
print("%.3f" % longest)
END
python3 "$T/writer.py" "${agent_http[s$F]}" "$T/stop" "$T/acked" >"$T/longest" &
writer=$!
until_ok 10 holds $G w/20 20
kill9 "$L"
another_leads() { local now; now=$(leader "$F") && [ "$now" != "$L" ]; }
ok "another leads" until_ok 20 another_leads
written() { curl -s "$(url "$F" 'kv/w/?keys')" | tr , '\n' | wc -l; }
mark=$(written)
more_written() { [ "$(written)" -gt $((mark + 20)) ]; }
ok "and writes go on" until_ok 10 more_written
touch "$T/stop"
wait $writer
longest=$(cat "$T/longest")
diag "the longest pause of writes was $longest s"
# under 3 s where nothing else runs
ok "writes went on soon" awk "BEGIN { exit !($longest < 20) }"
lost=0
while read -r n; do [ "$(get $G "w/$n" '&stale')" = "$n" ] || lost=$((lost + 1)); done \
    < <(awk 'NR % 7 == 1' "$T/acked"; tail -n 40 "$T/acked")
is $lost 0 "no acknowledged write is lost"
is "$(curl -s "$(url $F 'kv/w/?keys')" | md5sum)" "$(curl -s "$(url $G 'kv/w/?keys')" | md5sum)" \
    "both that are left hold the same keys"

section "those who lag"
is "$(put $F last 1)" true "a write while one is away"
up "$L"
ok "it comes back and catches up" until_ok 30 holds "$L" last 1
until_ok 30 agree
L=$(leader 1) F=$((L % 3 + 1)) G=$((F % 3 + 1))
kill9 $G
python3 - "${agent_http[s$L]}" <<'END'
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
for i in range(1500):
    c.request("PUT", "/v1/kv/many/%d" % i, "x" * 500)
    c.getresponse().read()
END
ok "the leader takes a snapshot" until_ok 20 grep -q 'snapshot complete up to' "$T/s$L.log"
installed() { grep -c 'installed remote snapshot' "$T/s$G.log"; }
before=$(installed)
installed_more() { [ "$(installed)" -gt "$before" ]; }
up $G
ok "who is too far behind gets the leader's snapshot" until_ok 30 installed_more
ok "and all that came after" until_ok 30 holds $G many/1499 "$(printf 'x%.0s' {1..500})"
is "$(put $G after 1)$(get $L after)" true1 "and takes part"

section "all stop, all start"
for i in 1 2 3; do stop_agent s$i; done
up 3 1 2
ok "a leader is found again" until_ok 30 agree
for i in 1 2 3; do is "$(get $i after)$(get $i k1)" 1v1 "s$i has everything"; done

section "no quorum"
L=$(leader 1) F=$((L % 3 + 1)) G=$((F % 3 + 1))
kill9 "$L"
kill9 $F
start=$(date +%s%N)
leaderless() { ! leader "$G"; }
until_ok 10 leaderless
like "$(get $G after '')" 'No cluster leader' "a default read fails"
like "$(put $G after 2)" 'No cluster leader' "and a write"
took=$((($(date +%s%N) - start) / 1000000))
diag "both, and the time until the leader was given up, took $took ms"
ok "within a bound" test $took -lt 60000
is "$(get $G after '&stale')" 1 "a stale read goes on"
up "$L" $F
ok "with the others back it goes on" until_ok 30 agree
is "$(put $G after 3)$(get $L after)" true3 "as before"

section "strangers on the server port"
python3 - "${agent_server[s$G]}" <<'END'
import os, socket, sys
for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\xd1" + b"\xff" * 64,
             b"\xd1\0\0\0\x04\0\0\0\0abcd", os.urandom(5000), b"\xd2" + os.urandom(5000), b""):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    try:
        s.sendall(data)
    except OSError:
        pass
    s.close()
END
is "$(put $G after 4)$(get $F after)" true4 "do no harm"
cat >"$T/hello.py" <<'END'
# Says hello as a server of another cluster (or to another server) would; prints the answer's text.
import socket, struct, sys
def crc32c(data):
    c = 0xffffffff
    for x in data:
        c ^= x
        for _ in range(8):
            c = (c >> 1) ^ (0x82f63b78 if c & 1 else 0)
    return c ^ 0xffffffff
text = lambda t: bytes([len(t)]) + t.encode()
hello = b"\x01" + struct.pack(">H", 1) + b"another cluster!" + text("stranger") + text(sys.argv[2]) + text("127.0.0.1:1")
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
s.sendall(b"\xd1" + struct.pack(">II", len(hello), crc32c(hello)) + hello)
print(s.recv(1000)[9:].decode(errors="replace"))
END
like "$(python3 "$T/hello.py" "${agent_server[s$G]}" "$(cat "$T/s$G/node-id")")" \
    'server stranger at 127.0.0.1:1 is of another cluster' "a server of another cluster is refused"
like "$(python3 "$T/hello.py" "${agent_server[s$G]}" nobody)" 'this is server .*, not nobody' \
    "and one that means another server"
bad=$(curl -s "$(url "$G" agent/metrics)" | tr '{' '\n' | sed -n 's/.*"consul.net.bad".*"Value":\([0-9]*\).*/\1/p')
ok "and are counted" test "${bad:-0}" -ge 4
like "$(grep 'agent.server.net' "$T/s$G.log")" 'connection closed: from=127.0.0.1' "and are told of"

section "two of three are lost for good"
L=$(leader 1) F=$((L % 3 + 1)) G=$((F % 3 + 1))
kill9 $F
is "$(cli "$G" operator raft remove-peer -id "$(cat "$T/s$F/node-id")")" \
    "Removed peer with id \"$(cat "$T/s$F/node-id")\"" "remove-peer, told to a follower"
is "$(cli "$G" operator raft list-peers | wc -l)" 3 "two are left"
is "$(put "$G" before 1)" true "a write before"
until_ok 10 holds "$G" before 1
for i in 1 2 3; do stop_agent s$i; done
id=$(cat "$T/s$G/node-id")
echo "[{\"id\": \"$id\", \"address\": \"127.0.0.1:${agent_server[s$G]}\", \"non_voter\": false}]" \
    >"$T/s$G/raft/peers.json"
up "$G"
alone() { [ "$(leader "$G")" = "$G" ]; }
ok "peers.json makes the third a cluster of its own" until_ok 30 alone
is "$(get "$G" before)$(get "$G" k1)$(put "$G" anew 1)" 1v1true "with all that it had"
fails "the file is gone" test -e "$T/s$G/raft/peers.json"
stop_agent "s$G"
up "$G"
ok "and it starts again without it" until_ok 30 alone
is "$(get "$G" anew)" 1 "with what was written since"

for i in 1 2 3; do stop_agent s$i; done
is "$(sanitizer_reports)" "" "no report of a sanitizer"
done_testing
