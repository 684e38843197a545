#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `disco watch` and the configuration's watches tell of changes, each once, and live through an agent's restart.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

need_agent node1
export CONSUL_HTTP_ADDR=$HTTP
has_lines() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
put() { curl -s -X PUT -d "$2" "http://$HTTP/v1/kv/$1" >/dev/null; }
watchers=()
begin() { # FILE watch's arguments...: in the background, its output in FILE
    local file=$1
    shift
    "$DISCO" watch "$@" >"$file" 2>"$file.err" </dev/null &
    watchers+=($!)
}
finish() { # the last one: told to end
    local pid=${watchers[-1]}
    kill -TERM "$pid" && wait "$pid"
    STATUS=$?
    unset 'watchers[-1]'
}
trap 'kill "${watchers[@]}" 2>/dev/null; tap_cleanup' EXIT

section "printed once"
put wk v
put wk2 v
curl -s -X PUT -d '{"Name":"web","Port":80,"Tags":["a"],"Check":{"TTL":"60s"}}' "http://$HTTP/v1/agent/service/register"
curl -s -X PUT -d payload "http://$HTTP/v1/event/fire/deploy" >/dev/null
until_ok 10 eval 'curl -s "http://$HTTP/v1/health/service/web" | grep -q "\"web\""'
until_ok 10 eval 'curl -s "http://$HTTP/v1/event/list" | grep -q deploy'
exits 0 "a key" "$DISCO" watch -type=key -key=wk
like "$OUT" $'^\\{\n    "Key": "wk",\n    "CreateIndex": [0-9]+,\n    "ModifyIndex": [0-9]+,\n    "LockIndex": 0,\n    "Flags": 0,\n    "Value": "dg==",\n    "Session": ""\n\\}$' \
    "... as Consul writes it"
exits 0 "a missing key" "$DISCO" watch -type=key -key=none
is "$OUT" null "... is null"
exits 0 "keys by prefix" "$DISCO" watch -type=keyprefix -prefix=wk
is "$(jq -c 'map(.Key)' <<<"$OUT")" '["wk","wk2"]' "... are a list"
exits 0 "services" "$DISCO" watch -type=services
is "$(jq -c .web <<<"$OUT")" '["a"]' "... by name, with their tags"
exits 0 "nodes" "$DISCO" watch -type=nodes
is "$(jq -c 'map(.Node)' <<<"$OUT")" '["node1"]' "... are a list"
exits 0 "a service" "$DISCO" watch -type=service -service=web -tag=a
is "$(jq -c 'map(.Service.Port)' <<<"$OUT")" '[80]' "... its instances"
exits 0 "those that pass" "$DISCO" watch -type=service -service=web -passingonly=true
is "$OUT" '[]' "... none yet"
exits 0 "checks by state" "$DISCO" watch -type=checks -state=critical
is "$(jq -c 'map(.CheckID)' <<<"$OUT")" '["service:web"]' "... those in it"
exits 0 "checks of a service" "$DISCO" watch -type=checks -service=web
is "$(jq -c 'map(.Status)' <<<"$OUT")" '["critical"]' "... all of them"
exits 0 "events" "$DISCO" watch -type=event -name=deploy
is "$(jq -c 'map(.Payload)' <<<"$OUT")" '["cGF5bG9hZA=="]' "... with their payloads"

section "refused"
exits 1 "no type" "$DISCO" watch
is "$ERR" "Watch type must be specified" "... says so"
exits 1 "a type that is none" "$DISCO" watch -type=bogus
is "$ERR" "Unsupported watch type: bogus" "... says so"
exits 1 "a key without a name" "$DISCO" watch -type=key
is "$ERR" "Must specify a single key to watch" "... says so"

section "told of changes"
begin "$T/key" -type=key -key=wk 'cat; echo "index=$CONSUL_INDEX"'
ok "the handler runs at the beginning" until_ok 10 has_lines "$T/key" 2
put wk changed
ok "... and after a change" until_ok 10 has_lines "$T/key" 4
put wk changed
put other x
put wk last
ok "... and after the next" until_ok 10 has_lines "$T/key" 6
is "$(grep -c index= "$T/key")" 3 "... but not for what changes nothing"
is "$(jq -Rr 'fromjson? | .Value | @base64d' "$T/key" | tr '\n' ' ')" "v changed last " "its stdin is the document"
is "$(sed -n 's/^index=//p' "$T/key" | tail -n 1)" "$(curl -s "http://$HTTP/v1/kv/wk" | jq '.[0].ModifyIndex')" \
    "CONSUL_INDEX is the index"
finish
is "$STATUS" 0 "SIGTERM ends a watch in order"
begin "$T/args" -type=keyprefix -prefix=args/ -shell=false /bin/sh -c 'cat >>"$0"' "$T/args.out"
ok "-shell=false: a program and its arguments" until_ok 10 has_lines "$T/args.out" 1
is "$(cat "$T/args.out")" null "... no keys yet"
put args/a 1
ok "... is told too" until_ok 10 has_lines "$T/args.out" 2
finish
begin "$T/event" -type=event -name=deploy cat
ok "events that are there" until_ok 10 has_lines "$T/event" 1
curl -s -X PUT -d two "http://$HTTP/v1/event/fire/deploy" >/dev/null
ok "... and one more" until_ok 10 has_lines "$T/event" 2
is "$(sed -n 2p "$T/event" | jq -c 'map(.Payload | @base64d)')" '["two"]' "... alone"
finish
exits 1 "a handler that fails ends the watch" "$DISCO" watch -type=nodes 'exit 3'
is "$ERR" "Error executing handler: exit status 3" "... with its status"
exits 1 "a program that is not there" "$DISCO" watch -type=nodes -shell=false /does/not/exist
like "$ERR" '^Error executing handler: fork/exec /does/not/exist: ' "... says so"
begin "$T/slow" -type=nodes 'trap "echo told; exit 0" TERM; echo begun; while :; do sleep 0.1; done'
until_ok 10 has_lines "$T/slow" 1
finish
is "$STATUS $(tail -n 1 "$T/slow")" "0 told" "a signal goes to the handler too"
ends_itself() { # a handler whose end and whose signal are the same news
    local i
    for i in {1..40}; do
        timeout 60 "$DISCO" watch -type=nodes -shell=false /bin/sh -c 'kill -TERM $PPID' || return
    done
}
ok "a signal that comes with the handler's end is not lost: 40 times" ends_itself

section "by HTTP"
cat >"$T/sink.py" <<'END'
import http.server, json, ssl, sys
class Sink(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1], "ab") as out:
            out.write(json.dumps([self.command, self.path, self.headers["X-Consul-Index"], self.headers["X-A"],
                                  self.headers["Content-Type"], json.loads(body)]).encode() + b"\n")
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    do_POST = do_PUT
    def log_message(self, *a): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[3]); server.socket = context.wrap_socket(server.socket, server_side=True)
open(sys.argv[2], "w").write("%d" % server.server_address[1])
server.serve_forever()
END
python3 "$T/sink.py" "$T/sink" "$T/port" &
watchers+=($!)
until_ok 10 test -s "$T/port"
begin "$T/http" -definition='{"type":"key","key":"wk","handler_type":"http","http_handler_config":
    {"path":"http://127.0.0.1:'"$(cat "$T/port")"'/hook?x=1","method":"PUT","header":{"X-A":["b"]},"timeout":"5s"}}'
ok "a URL is told at the beginning" until_ok 10 has_lines "$T/sink" 1
put wk http
ok "... and of a change" until_ok 10 has_lines "$T/sink" 2
is "$(tail -n 1 "$T/sink" | jq -c '[.[0], .[1], .[3], .[4], (.[5].Value | @base64d), (.[2] | tonumber) == .[5].ModifyIndex]')" \
    '["PUT","/hook?x=1","b","application/json","http",true]' "... with method, header, index and document"
finish
if openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/pem" -out "$T/crt" -days 2 -subj /CN=localhost 2>/dev/null; then
    cat "$T/crt" >>"$T/pem"
    python3 "$T/sink.py" "$T/tls" "$T/tlsport" "$T/pem" 2>/dev/null &
    watchers+=($!)
    until_ok 10 test -s "$T/tlsport"
    hook='{"type":"key","key":"wk","handler_type":"http","http_handler_config":{"path":"https://127.0.0.1:'"$(cat "$T/tlsport")"'/"'
    begin "$T/https" -definition="$hook}}"
    ok "a certificate that nobody knows is an error" until_ok 10 grep -q 'Error executing handler: POST https' "$T/https.err"
    finish
    begin "$T/https" -definition="$hook"',"tls_skip_verify":true}}'
    ok "... and with tls_skip_verify it is not" until_ok 10 has_lines "$T/tls" 1
    finish
else
    skip "handlers over TLS" "openssl is missing"
fi

section "the agent's own watches, and an agent that goes away"
cat >"$T/watches.json" <<END
{"watches": [{"type": "key", "key": "own", "args": ["/bin/sh", "-c", "cat >>$T/own"]},
             {"type": "keyprefix", "prefix": "own", "handler": "cat >>$T/own2; echo said by a handler"}]}
END
is "$("$DISCO" validate "$T/watches.json" 2>&1)" "$("$DISCO" validate "$T/watches.json" 2>&1)" "validate knows watches"
begin "$T/far" -type=key -key=own 'cat'
until_ok 10 has_lines "$T/far" 1
stop_agent node1
ok "a watch says that the agent is away" until_ok 20 grep -q 'Watch (type: key) errored: .*refused, retry in 2s' "$T/far.err"
need_agent node1 -config-file "$T/watches.json"
ok "watches of the configuration run" until_ok 20 has_lines "$T/own" 1
ok "... also as a line for a shell" until_ok 20 has_lines "$T/own2" 1
put own 1
ok "... are told of changes" until_ok 20 has_lines "$T/own" 2
ok "... each" until_ok 20 has_lines "$T/own2" 2
is "$(sed -n 2p "$T/own" | jq -r .Value)" MQ== "... with the document"
ok "the one that was there before goes on" until_ok 30 has_lines "$T/far" 2
is "$(head -n 1 "$T/far"; wc -l <"$T/far")" $'null\n2' "... and says nothing twice"
finish
ok "what a handler prints is in the log" until_ok 10 grep -q 'agent.watch: said by a handler' "$LOG"
until_ok 10 eval '[ "$(pgrep -cP '"$PID"')" = 2 ]'
is "$(pgrep -cP "$PID")" 2 "each is a process"
kill -KILL "$(pgrep -oP "$PID")"
ok "one that is killed is started again" until_ok 20 grep -q 'a watch ended and is started again: exit=0 signal=9' "$LOG"
ok "... soon" until_ok 20 eval '[ "$(pgrep -cP '"$PID"')" = 2 ]'
echo '{"watches": [{"type": "key", "key": "own", "args": ["/bin/sh", "-c", "cat >>'"$T"'/own"]}]}' >"$T/watches.json"
kill -HUP "$PID"
ok "a reload ends those that are no longer defined" until_ok 20 eval '[ "$(pgrep -cP '"$PID"')" = 1 ]'
echo '{"watches": [{"type": "bogus", "args": ["true"]}]}' >"$T/watches.json"
run "$DISCO" agent -data-dir "$T/none" -server -bootstrap -bind 127.0.0.1 -config-file "$T/watches.json"
is "$STATUS $ERR" "1 ==> watches[0]: Unsupported watch type: bogus" "a definition that makes no sense stops the start"
rm "$T/watches.json"
left=$(pgrep -P "$PID")
stop_agent node1
fails "no process of a watch is left" kill -0 "$left"
done_testing
