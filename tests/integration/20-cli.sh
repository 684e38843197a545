#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2031
# The command line: outputs, exit statuses and words of errors, as recorded from Consul's program.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

need_agent node1
export CONSUL_HTTP_ADDR=$HTTP
cd "$T" || exit 99

# says "what" STATUS STDOUT STDERR COMMAND...: all three as given
says() {
    local what=$1 status=$2 out=$3 err=$4
    shift 4
    run "$@"
    # shellcheck disable=SC2153
    if [ "$STATUS" = "$status" ] && [ "$OUT" = "$out" ] && [ "$ERR" = "$err" ]; then
        tap_result 0 "$what"
        return
    fi
    tap_result 1 "$what"
    diag "command: $*"
    diag "exit $STATUS, expected $status"
    diag "stdout: $OUT"
    [ "$OUT" = "$out" ] || diag "expected: $out"
    diag "stderr: $ERR"
    [ "$ERR" = "$err" ] || diag "expected: $err"
}
disco() { "$DISCO" "$@"; }

section "help, unknown commands, unknown flags"
exits 0 "-h" disco -h
like "$OUT" 'Usage: disco' "help goes to stdout"
exits 127 "no command" disco
is "$OUT" "" "and nothing on stdout"
exits 127 "an unknown command" disco nosuch
like "$ERR" 'kv get' "the commands are listed on stderr"
exits 0 "kv -h" disco kv -h
for absent in "exec ls" "tls ca create" "login" "logout" "config list" "connect proxy" "intention list" "acl auth-method list"; do
    # shellcheck disable=SC2086
    exits 1 "$absent is not here" disco $absent
    like "$ERR" "^disco ${absent%% *}: not available: " "and says why"
done
exits 1 "kv without more" disco kv
exits 1 "an unknown subcommand" disco kv nosuch
like "$ERR" '^Usage: disco kv <subcommand>' "help of the parent on stderr"
exits 1 "an unknown flag" disco members -bogus
like "$ERR" '^flag provided but not defined: -bogus' "and its words"
for command in 'kv get' 'kv put' 'kv delete' 'kv export' 'kv import' 'catalog nodes' 'catalog services' \
    'catalog datacenters' members info version keygen validate monitor reload leave agent completion; do
    # shellcheck disable=SC2086
    exits 0 "$command --help" disco $command --help
done

section "version, keygen, completion"
exits 0 "version" disco version
like "$OUT" '^disco v[0-9]' "names itself"
exits 0 "--version" disco --version
is "v$(curl -s "http://$HTTP/v1/agent/version" | jq -r .HumanVersion)" "$(disco version | sed -n "1s/^disco //p")" "/v1/agent/version is the program's"
is "$(disco version -format=json | jq -r '.RPC.Default')" 2 "version -format=json"
says "another format" 1 "" "Unknown format: xml" disco version -format=xml
is "$(disco keygen | base64 -d | wc -c)" 32 "keygen makes 32 bytes"
isnt "$(disco keygen)" "$(disco keygen)" "and others each time"
ok "the completion script is bash" bash -n <(disco completion bash)
# shellcheck source=/dev/null disable=SC2030,SC2031
is "$(. <(disco completion bash); COMP_WORDS=(disco kv g); COMP_CWORD=2; _disco; echo "${COMPREPLY[*]}")" \
    get "disco kv g<TAB>"

section "kv put"
printf 'from stdin' >in
printf 'from file' >f
says "a value" 0 "Success! Data written to: app/a" "" disco kv put app/a hello
disco kv put app/b - <in >out
is "$(cat out)" "Success! Data written to: app/b" "from stdin"
says "from a file" 0 "Success! Data written to: app/c" "" disco kv put app/c @f
says "without a value" 0 "Success! Data written to: app/empty" "" disco kv put app/empty
says "with flags" 0 "Success! Data written to: app/flags" "" disco kv put -flags=42 app/flags v
says "base64" 0 "Success! Data written to: app/b64" "" disco kv put -base64 app/b64 aGk=
says "no key" 1 "" "Error! Missing KEY argument" disco kv put
says "too many" 1 "" "Error! Too many arguments (expected 1 or 2, got 3)" disco kv put app/x a b
says "no such file" 1 "" "Error! Failed to read file: open nofile: no such file or directory" \
    disco kv put app/c @nofile
says "cas of a key that exists" 1 "" \
    "Error! Did not write to app/a: CAS performed with index=0 and key already exists." \
    disco kv put -cas app/a x
says "cas at another index" 1 "" "Error! Did not write to app/a: CAS failed" \
    disco kv put -cas -modify-index=1 app/a x
says "cas of a new key" 0 "Success! Data written to: app/new" "" disco kv put -cas -modify-index=0 app/new x
says "acquire without a session" 1 "" "Error! Missing -session (required with -acquire and -release)" \
    disco kv put -acquire app/lock v
head -c 300 /dev/urandom >binary
says "bytes of any value" 0 "Success! Data written to: bin" "" disco kv put bin @binary

section "kv get"
says "a value" 0 hello "" disco kv get app/a
says "base64" 0 aGVsbG8= "" disco kv get -base64 app/a
says "no such key" 1 "" "Error! No key exists at: app/none" disco kv get app/none
says "no key" 1 "" "Error! Missing KEY argument" disco kv get
says "a slash in front is habit" 0 hello "" disco kv get /app/a
exits 0 "-detailed" disco kv get -detailed app/flags
like "$OUT" $'^CreateIndex      [0-9]+\nFlags            42\nKey              app/flags\nLockIndex        0\nModifyIndex      [0-9]+\nSession          -\nValue            v$' \
    "and its columns"
says "-recurse" 0 $'app/a:hello\napp/b:from stdin\napp/b64:hi\napp/c:from file\napp/empty:\napp/flags:v\napp/new:x' "" \
    disco kv get -recurse app
says "-keys" 0 $'app/a\napp/b\napp/b64\napp/c\napp/empty\napp/flags\napp/new' "" disco kv get -keys app/
says "-keys stops at the separator" 0 $'app/\nbin' "" disco kv get -keys
says "-keys -separator=" 0 $'app/b\napp/b64' "" disco kv get -keys -separator= app/b
says "-recurse of nothing" 0 "" "" disco kv get -recurse none
says "-keys of nothing" 0 "" "" disco kv get -keys none
says "an empty value" 0 "" "" disco kv get app/empty
says "-stale" 0 hello "" disco kv get -stale app/a
disco kv get bin | head -c 300 | cmp - binary
is $? 0 "bytes come back the same"
is "$(disco kv get -format=json app/flags | jq '.[0].Flags')" 42 "-format=json"
says "another datacenter" 1 "" "Error querying Consul agent: Unexpected response code: 500" \
    disco kv get -datacenter=nowhere app/a
says "a namespace" 1 "" "Error querying Consul agent: Unexpected response code: 400" \
    disco kv get -namespace=x app/a

section "kv export, import"
says "export" 0 $'[\n\t{\n\t\t"key": "app/flags",\n\t\t"flags": 42,\n\t\t"value": "dg=="\n\t}\n]' "" \
    disco kv export app/f
says "of nothing" 0 "[]" "" disco kv export none
disco kv export app/f >exp.json
says "import of a file" 0 "Imported: app/flags" "" disco kv import @exp.json
echo '[{"key":"imp/a","flags":7,"value":"aGVsbG8="},{"key":"imp/b","flags":0,"value":""}]' >imp.json
is "$(disco kv import - <imp.json)" $'Imported: imp/a\nImported: imp/b' "import of stdin"
is "$(disco kv get -detailed imp/a | awk '$1 == "Flags" { print $2 }')" 7 "with the flags"
exits 1 "what is not JSON" disco kv import "not json"
like "$ERR" '^Cannot unmarshal data: ' "and its words"
# The whole store goes out and comes back the same.
disco kv export >all.json
disco kv delete -recurse app >/dev/null
disco kv import @all.json >/dev/null
is "$(disco kv export | md5sum)" "$(md5sum <all.json)" "export, delete, import, export"

section "kv delete"
says "a key" 0 "Success! Deleted key: app/a" "" disco kv delete app/a
says "a missing key" 0 "Success! Deleted key: app/none" "" disco kv delete app/none
says "a prefix" 0 "Success! Deleted keys with prefix: app/" "" disco kv delete -recurse app/
says "cas at another index" 1 "" "Error! Did not delete key imp/a: CAS failed" \
    disco kv delete -cas -modify-index=1 imp/a
says "cas without an index" 1 "" \
    "Cannot delete a key that does not exist. Provide a -modify-index greater than than 0." \
    disco kv delete -cas imp/a
says "cas of a prefix" 1 "" "Cannot specify both -cas and -recurse!" \
    disco kv delete -recurse -cas -modify-index=4 imp/a
says "no key" 1 "" "Error! Missing KEY argument" disco kv delete

section "catalog"
says "datacenters" 0 dc1 "" disco catalog datacenters
exits 0 "nodes" disco catalog nodes
like "$OUT" $'^Node   ID        Address    DC\nnode1  [0-9a-f]{8}  127.0.0.1  dc1$' "in columns"
exits 0 "nodes -detailed" disco catalog nodes -detailed
like "$OUT" 'lan=127.0.0.1, lan_ipv4=127.0.0.1, wan=127.0.0.1, wan_ipv4=127.0.0.1  consul-network-segment=' \
    "with addresses and meta"
exits 0 "nodes -service=consul" disco catalog nodes -service=consul
like "$OUT" $'\nnode1  ' "has the server"
says "no such node" 0 "" "No nodes match the given query - try expanding your search." \
    disco catalog nodes -node-meta=rack=9
says "services" 0 consul "" disco catalog services
curl -s -X PUT -d '{"Node":"node2","Address":"10.0.0.2","NodeMeta":{"rack":"9"},
    "Service":{"Service":"web","Tags":["b","a"],"Port":80}}' "http://$HTTP/v1/catalog/register" >/dev/null
says "services -tags" 0 $'consul      \nweb         a,b' "" disco catalog services -tags
says "services -node" 0 web "" disco catalog services -node=node2
exits 0 "nodes -node-meta" disco catalog nodes -node-meta=rack=9
like "$OUT" $'^Node +ID +Address +DC\nnode2 +10.0.0.2 +dc1$' "finds it, without an id"

section "services, maint"
says "register by flags" 0 "Registered service: webx" "" disco services register -name=webx -port=80 -tag=a -tag=b \
    -meta=k=v -address=10.0.0.1 -tagged-address=wan=1.2.3.4:81 -tagged-address=lan_ipv6=[fd00::1]:82
is "$(curl -s "http://$HTTP/v1/agent/service/webx" | jq -c '[.Tags, .Meta, .Port, .Address, .TaggedAddresses.wan, .TaggedAddresses.lan_ipv6]')" \
    '[["a","b"],{"k":"v"},80,"10.0.0.1",{"Address":"1.2.3.4","Port":81},{"Address":"fd00::1","Port":82}]' "with all of them"
echo '{"service": {"name": "filed", "port": 5, "check": {"ttl": "1h"}}, "services": [{"id": "f2", "name": "filed"}]}' >svc.json
says "register from a file" 0 $'Registered service: filed\nRegistered service: filed' "" disco services register svc.json
says "nothing to register" 1 "" "Service registration requires at least one argument or flags." disco services register
says "no such file" 1 "" "Error: config: Open failed on nofile.json. open nofile.json: no such file or directory" \
    disco services register nofile.json
says "meta that is none" 1 "" '-meta: "k" is not key=value' disco services register -name=x -meta=k
exits 1 "refused by the agent" disco services register -name=x -address=0.0.0.0
like "$ERR" 'Error registering service "x": Unexpected response code: 400 \(Invalid service address\)' "and its words"
says "maint: nothing" 0 "" "" disco maint
says "maint -enable" 0 "Node maintenance is now enabled" "" disco maint -enable -reason=works
says "maint" 0 $'Node:\n  Name:   node1\n  Reason: works' "" disco maint
says "maint -disable" 0 "Node maintenance is now disabled" "" disco maint -disable
says "maint of a service" 0 'Service maintenance is now enabled for "webx"' "" disco maint -enable -service=webx
exits 0 "shown" disco maint
like "$OUT" $'^Service:\n  ID:     webx\n  Reason: Maintenance mode is enabled for this service' "by id"
says "and ended" 0 'Service maintenance is now disabled for "webx"' "" disco maint -disable -service=webx
says "both" 1 "" "Only one of -enable or -disable may be provided" disco maint -enable -disable
says "a reason for nothing" 1 "" "Reason may only be provided with -enable" disco maint -reason=x
says "no such service" 1 "" 'Error enabling service maintenance: Unexpected response code: 404 (No service registered with ID "none")' \
    disco maint -enable -service=none
says "deregister" 0 "Deregistered service: webx" "" disco services deregister -id=webx
says "deregister a file" 0 $'Deregistered service: filed\nDeregistered service: f2' "" disco services deregister svc.json
says "deregister none" 0 "Deregistered service: none" "" disco services deregister -id=none
says "deregister nothing" 1 "" "Service deregistration requires at least one argument or -id." disco services deregister
is "$(curl -s "http://$HTTP/v1/agent/services")" "{}" "all are gone"

section "members, info, monitor, reload"
exits 0 "members" disco members
like "$OUT" $'^Node   Address +Status  Type    Build +Protocol  DC   Segment\nnode1  127.0.0.1:[0-9]+  alive   server  [0-9.]+ +2         dc1  <all>$' \
    "in columns"
exits 0 "members -detailed" disco members -detailed
like "$OUT" 'dc=dc1.*role=consul' "with tags"
is "$(disco members -format=json | jq -r '.[].Name')" node1 "members -format=json has the agent's objects"
is "$(disco members -format=json -status=left)" '[]' "... those wanted"
exits 2 "members that have left: none" disco members -status=left
exits 1 "a bad expression" disco members -status='('
like "$ERR" '^Failed to compile status regexp: ' "and its words"
exits 0 "info" disco info
like "$OUT" $'\nraft:\n' "has sections"
like "$OUT" $'\n\tstate = Leader\n' "and facts"
is "$(grep -E '^[a-z]' <<<"$OUT")" "$(grep -E '^[a-z]' <<<"$OUT" | sort)" "sorted"
# No line of that level comes: the head alone.
curl -sN -D "$T/monitor.head" "http://$HTTP/v1/agent/monitor?loglevel=err" >/dev/null &
monitor=$!
until_ok 5 grep -q '^HTTP/1.1 200' "$T/monitor.head"
tap_result $? "the head of /v1/agent/monitor comes before the first line"
kill $monitor
wait $monitor 2>/dev/null
"$DISCO" monitor -log-level=debug >monitor.out 2>monitor.err &
monitor=$!
until_ok 5 sh -c "curl -s http://$HTTP/v1/kv/monitored; grep -q 'url=/v1/kv/monitored' monitor.out"
like "$(cat monitor.out)" 'agent.http: Request finished: method=GET url=/v1/kv/monitored from=' \
    "monitor prints the agent's lines"
kill -INT $monitor
wait $monitor
is $? 0 "an interrupt ends it with exit 0"
"$DISCO" monitor -log-level=debug -log-json >monitor.json 2>&1 &
monitor=$!
until_ok 5 sh -c "curl -s http://$HTTP/v1/kv/monitored2; grep -q 'url=/v1/kv/monitored2\|monitored2' monitor.json"
is "$(grep -m 1 monitored2 monitor.json | jq -r '.["@level"], .["@message"]' | tr '\n' ' ')" "debug Request finished " \
    "monitor -log-json prints objects"
kill -INT $monitor
wait $monitor
exits 1 "monitor at a level there is not" disco monitor -log-level=nope
is "$ERR" "Error starting monitor: Unexpected response code: 400 (Bad request: Unknown log level: nope)" \
    "and its words"
says "reload" 0 "Configuration reload triggered" "" disco reload

section "validate"
echo '{"server": true, "bootstrap": true, "data_dir": "/tmp/x", "bind_addr": "127.0.0.1"}' >ok.json
echo '{"server": true, ' >bad.json
echo '{"bogus_key": 1}' >unk.json
says "a good file" 0 "Configuration is valid!" "" disco validate ok.json
says "-quiet" 0 "" "" disco validate -quiet ok.json
exits 1 "a bad one" disco validate bad.json
like "$ERR" '^Config validation failed: .*bad.json' "names the file"
exits 1 "an unknown key" disco validate unk.json
like "$ERR" 'invalid config key bogus_key' "names the key"
says "nothing given" 1 "" "Must specify at least one config file or directory" disco validate
exits 1 "no such file" disco validate nofile
like "$ERR" '^Config validation failed: .*nofile' "names it"

exits 0 "the examples, together" disco validate "$TOP_SRCDIR/contrib/examples"

section "where the agent is"
CONSUL_HTTP_ADDR=127.0.0.1:1 says "the flag wins over the variable" 0 hello "" \
    disco kv get -http-addr="$HTTP" imp/a
CONSUL_HTTP_ADDR=127.0.0.1:1 DISCO_HTTP_ADDR=$HTTP says "disco's variable over Consul's" 0 hello "" \
    disco kv get imp/a
says "http:// may stand before it" 0 hello "" disco kv get -http-addr="http://$HTTP" imp/a
says "nobody there" 1 "" \
    'Error retrieving members: Get "http://127.0.0.1:1/v1/agent/members?segment=_all": dial tcp 127.0.0.1:1: connect: connection refused' \
    disco members -http-addr=127.0.0.1:1
says "no such socket" 1 "" \
    'Error querying Consul agent: Get "http://%2Fnosock/v1/kv/wk": dial unix /nosock: connect: no such file or directory' \
    disco kv get -http-addr=unix:///nosock wk
exits 1 "https is refused by name" disco kv get -http-addr="https://$HTTP" wk
like "$ERR" 'TLS' "and its words"
echo token >tok
says "-token-file" 0 hello "" disco kv get -token-file=tok imp/a

section "event"
exits 0 "fire" disco event -name=deploy -node=. "v1 .2"
like "$OUT" '^Event ID: [0-9a-f-]{36}$' "its id"
like "$(curl -s "http://$HTTP/v1/event/list?name=deploy")" '"Payload":"djEgLjI="' "it is listed with its payload"
says "without a name" 1 "" "Event name must be specified" disco event
exits 1 "a filter that is none" disco event -name=x -node='('

section "progress"
cat >"$T/progress.py" <<'END'
import http.server, os, pty, subprocess, sys, threading, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(1.2)  # an answer that takes its time: that is what is shown
        self.send_response(500); self.send_header("Content-Length", "4"); self.end_headers(); self.wfile.write(b"slow")
    def log_message(self, *a): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=server.serve_forever, daemon=True).start()
argv = [sys.argv[1], "snapshot", "save", "-http-addr=127.0.0.1:%d" % server.server_address[1], "-"]
master, slave = pty.openpty()
run = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
os.close(slave)
text = b""
try:
    while part := os.read(master, 65536):
        text += part
except OSError:
    pass
run.wait()
print(repr(text), repr(subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL).stderr))
END
like "$(python3 "$T/progress.py" "$DISCO")" \
    "^b'.r.x1b.K[0-9]+ bytes sent, 0 bytes received, 0s.*[1-9][0-9]*s.r.x1b.KError saving snapshot.* b'Error saving snapshot[^,]*'$" \
    "a terminal is told how far a long command is, and nobody else"

section "leave"
says "nobody there" 1 "" \
    'Error leaving: Put "http://127.0.0.1:1/v1/agent/leave": dial tcp 127.0.0.1:1: connect: connection refused' \
    disco leave -http-addr=127.0.0.1:1
says "leave" 0 "Graceful leave complete" "" disco leave
wait "$PID"
is $? 0 "the agent stops with exit 0"
unset "agent_pid[node1]"

section "documents made from the tables"
ok "they are what the program says" "$TOP_SRCDIR/doc/update.sh" --check

done_testing
