#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The HTTP door against hostile bytes, slow and dead clients; its sockets, protocols and its end.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
abuse() { # CASE "what"
    ok "$2" env AGENT_PID="$PID" timeout 120 python3 "$TOP_SRCDIR/tests/integration/http_abuse.py" "$1" "$HTTP_PORT"
}

need_agent one -log-level WARN
one_http=$HTTP one_port=$HTTP_PORT
section "bytes that no client should send"
abuse two_lengths "two Content-Lengths: refused, nothing smuggled"
abuse length_and_chunked "Content-Length and chunked: refused, nothing smuggled"
abuse odd_codings "other transfer codings are refused"
abuse bad_lengths "lengths that are no numbers"
abuse bad_chunks "chunks that are none"
abuse odd_lines "bare line feeds, control bytes, TLS, half lines"
abuse absolute_form "the absolute form of a target"
abuse large_heads "too many and too large headers"
abuse long_targets "long paths and queries"
abuse slow_bodies "bodies that never end keep nobody waiting"
abuse pipelining "pipelined requests are answered in order"
abuse h2_resets "HTTP/2: streams reset as soon as they are opened"
abuse h2_garbage "HTTP/2: frames that fit nowhere"
abuse parked_leave "parked clients that hang up are let go"

section "protocols and bodies"
curl -sf -X PUT --data-binary "$(printf 'x%.0s' {1..5000})" "http://$HTTP/v1/kv/big" >"$T/put"
is "$(cat "$T/put")" true "a value of 5000 octets"
is "$(curl -s --http2-prior-knowledge -o /dev/null -w '%{http_version}' "http://$HTTP/v1/kv/big")" 2 "HTTP/2 by prior knowledge"
is "$(curl -s --http2 -o /dev/null -w '%{http_version}' "http://$HTTP/v1/kv/big")" 2 "HTTP/2 by upgrade"
is "$(curl -s --http1.0 "http://$HTTP/v1/kv/big?raw" | wc -c)" 5000 "HTTP/1.0"
is "$(curl -s --compressed "http://$HTTP/v1/kv/big?raw" | wc -c)" 5000 "gzip, read back"
like "$(curl -sI -X GET --compressed "http://$HTTP/v1/kv/big?raw")" 'Content-Encoding: gzip' "gzip is said"
is "$(curl -s -I "http://$HTTP/v1/kv/big" -o /dev/null -w '%{http_code}')" 405 "HEAD is not taken"
head -c 70000000 /dev/zero | curl -s -o /dev/null -w '%{http_code}' -X PUT -H Expect: --data-binary @- "http://$HTTP/v1/kv/huge" >"$T/code"
# The agent does not read the rest: a client that is still writing may see the connection reset first.
like "$(cat "$T/code")" '^(413|000)$' "70 MB are too large"

section "limits"
echo '{"limits": {"parked_reads_max": 5}, "http_config": {"response_headers": {"X-One": "two"}}}' >"$T/limits.json"
need_agent few -workers 1 -log-level WARN -config-file "$T/limits.json"
like "$(curl -sD - -o /dev/null "http://$HTTP/v1/status/leader")" 'X-One: two' "response_headers are sent"
for i in 1 2 3 4 5; do
    curl -s -m 120 -o /dev/null "http://$HTTP/v1/kv/x$i?index=999999&wait=600s" &
done
# Only then: an asker before them would take the place of one.
ok "five reads are parked" until_ok 10 reads_are_parked 5
# shellcheck disable=SC2317
one_too_many() { # a short wait, so that it ends also when there was room
    [ "$(curl -s -m 60 -o "$T/many" -w '%{http_code}' "http://$HTTP/v1/kv/x?index=999999&wait=100ms")" = 429 ]
}
ok "a sixth parked read is one too many: 429" until_ok 10 one_too_many
is "$(cat "$T/many")" "too much in flight, try again" "and says so"
is "$(curl -s -o /dev/null -w '%{http_code}' "http://$HTTP/v1/kv/x")" 404 "reads that do not wait go on"
stop_agent few

section "sockets"
HTTP=$one_http HTTP_PORT=$one_port
run timeout 120 "$DISCO" agent -server -bootstrap -node two -bind 127.0.0.1 -client 127.0.0.1 -data-dir "$T/two" \
    -http-port "$HTTP_PORT" -dns-port "$(free_port)" -server-port "$(free_port)" -serf-lan-port "$(free_port)" -serf-wan-port -1
is "$STATUS" 1 "a second agent on the same port: exit 1"
like "$OUT$ERR" "$HTTP_PORT" "and the port is named"
echo '{"addresses": {"http": "unix://'"$T"'/http.sock"}}' >"$T/unix.json"
# shellcheck disable=SC2317
leads_on_socket() {
    [[ $(curl -sf --unix-socket "$T/http.sock" http://x/v1/status/leader) == '"'?*'"' ]]
}
# shellcheck disable=SC2317
start_agent_on_socket() {
    "$DISCO" agent -server -bootstrap -node three -bind 127.0.0.1 -data-dir "$T/three" -config-file "$T/unix.json" \
        -dns-port "$(free_port)" -server-port "$(free_port)" -serf-lan-port "$(free_port)" -serf-wan-port -1 >"$T/three.log" 2>&1 &
    agent_pid[three]=$!
    until_ok 20 leads_on_socket
}
ok "an agent on a unix socket" start_agent_on_socket
is "$(curl -s --unix-socket "$T/http.sock" -X PUT -d v http://x/v1/kv/s)" true "a key through it"
stop_agent three KILL
ok "a dead agent's socket is taken over" start_agent_on_socket
stop_agent three
fails "the socket's file goes with its agent" test -e "$T/http.sock"

section "the end"
index=$(curl -sD - -o /dev/null "http://$HTTP/v1/kv/big" | tr -d '\r' | sed -n 's/^X-Consul-Index: //p')
curl -s -m 120 "http://$HTTP/v1/kv/big?index=$index&wait=600s" -o "$T/parked" -w '%{http_code}' >"$T/parked.code" &
parked=$!
curl -s -m 120 --http2-prior-knowledge "http://$HTTP/v1/kv/big?index=$index&wait=600s" -o "$T/parked2" -w '%{http_code}' >"$T/parked2.code" &
parked2=$!
exec 7<>"/dev/tcp/127.0.0.1/$HTTP_PORT" # an idle client, connected to the end
ok "two reads are parked" until_ok 10 reads_are_parked 2
start=$SECONDS
stop_agent one
ok "an agent with parked and idle clients stops without them" test $((SECONDS - start)) -le 60 # of their 600
is "$STATUS" 0 "with status 0"
wait $parked
wait $parked2
like "$(cat "$T/parked.code")" '^[25]00$' "the parked request was answered"
like "$(cat "$T/parked2.code")" '^[25]00$' "also over HTTP/2"
done_testing
