#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks that the agent runs: each kind passing, failing, timing out and hanging; thresholds; what a script leaves
# behind dies; states survive reload, restart and kill -9; changes of output alone write nothing.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
for tool in python3 jq curl; do command -v $tool >/dev/null || skip_all "$tool is missing"; done

# ---- what is looked at ----
mkdir "$T/target"
echo 200 >"$T/target/status"
echo 1 >"$T/target/grpc"
certificate=
if openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 \
    -subj /CN=inside.test -addext 'subjectAltName=DNS:inside.test' 2>/dev/null; then
    cat "$T/key.pem" "$T/cert.pem" >"$T/both.pem"
    certificate=$T/both.pem
fi
python3 "$(dirname "$0")/checks_target.py" "$T/target" $certificate &
target=$!
trap 'kill $target 2>/dev/null; tap_cleanup' EXIT
until_ok 20 test -s "$T/target/ports" || bail "no target"
read -r web tls udp grpc <"$T/target/ports"
dead=$(free_port)

put() { curl -s -m 60 -o "$T/put.out" -w '%{http_code}' -X PUT ${2:+-d "$2"} "http://$HTTP/v1/agent/$1"; }
status() { curl -s "http://$HTTP/v1/agent/checks" | jq -r --arg c "$1" '.[$c].Status'; }
output() { curl -s "http://$HTTP/v1/agent/checks" | jq -r --arg c "$1" '.[$c].Output'; }
is_status() { [ "$(status "$1")" = "$2" ]; }
has_output() { [[ $(output "$1") == *"$2"* ]]; }
becomes() { # CHECK STATUS "what"
    ok "$3" until_ok 15 is_status "$1" "$2" || diag "$(output "$1")"
}
catalog() { curl -s "http://$HTTP/v1/health/node/c1" | jq -r --arg c "$1" '.[] | select(.CheckID == $c) | .Status'; }
catalog_is() { [ "$(catalog "$1")" = "$2" ]; }
applied() { curl -s "http://$HTTP/v1/agent/self" | jq -r '.Stats.raft.applied_index'; }

cat >"$T/c.json" <<'END'
{"service": {"name": "filed", "port": 7, "check": {"ttl": "1h"}},
 "checks": [{"id": "own", "name": "own", "args": "echo from a shell | tr a-z A-Z", "interval": "1s"}],
 "enable_script_checks": true, "check_update_interval": "10m"}
END
# what stands for the service manager: one service runs
mkdir "$T/bin"
cat >"$T/bin/systemctl" <<'END'
#!/bin/sh
[ "$1 $2 $3" = "is-active -- runs" ] && echo active || { echo inactive; exit 3; }
END
chmod +x "$T/bin/systemctl"
PATH=$T/bin:$PATH need_agent c1 -config-file "$T/c.json"

section "scripts"
script() { # ID COMMAND [MORE]
    put check/register "{\"ID\": \"$1\", \"Name\": \"$1\", \"Interval\": \"1s\", \"Args\": [\"/bin/sh\", \"-c\", \"$2\"]${3:+, $3}}"
}
is "$(script pass 'echo fine')" 200 "a script is registered"
script warn 'echo hm; exit 1' >"$T/x"
script fail 'echo bad >&2; exit 2' >"$T/x"
script signal 'kill -9 $$' >"$T/x"
script slow 'sleep 60' '"Timeout": "300ms"' >"$T/x"
# it ignores the signal that asks it to end, and leaves a child behind that does so too
script fork "trap '' TERM; (trap '' TERM; exec sleep 3123.$$) & exec sleep 3124.$$" '"Timeout": "300ms"' >"$T/x"
script orphan "sleep 3125.$$ & echo left" >"$T/x"
script much 'yes x | head -c 20000' >"$T/x"
becomes pass passing "exit 0 passes"
is "$(output pass)" fine "its output is kept"
becomes warn warning "exit 1 warns"
ok "another exit is critical" until_ok 10 has_output fail bad
ok "so is a signal" until_ok 10 is_status signal critical
ok "a script that takes too long is critical" until_ok 10 has_output slow 'Timed out (300ms) running check'
ok "its group is killed" until_ok 10 has_output fork 'Timed out'
ok "much output is cut to its last part" until_ok 10 has_output much 'Captured 4096 of 20000 bytes'
becomes orphan passing "a script that leaves a process behind ends"
ok "a text in place of a list is given to the shell" until_ok 10 has_output own 'FROM A SHELL'
few() { [ "$(pgrep -fc "$1")" -le "$2" ]; }
sleep_n() { pgrep -fc "^sleep $1"; }
becomes slow critical "the loop goes on"
is "$([ "$(sleep_n 3123.$$)" -le 1 ] && [ "$(sleep_n 3124.$$)" -le 1 ] && echo few)" few "never two of one check at once"
ok "nothing is left behind" until_ok 5 few "^sleep 3125.$$" 1
for id in fork orphan slow; do put check/deregister/$id >"$T/x"; done
ok "a check that goes takes its processes along" until_ok 5 few "^sleep 312[345].$$" 0
is "$(ps --ppid "$PID" -o stat= | grep -c Z)" 0 "no zombies"

section "HTTP"
http() { put check/register "{\"ID\": \"$1\", \"Name\": \"$1\", \"Interval\": \"1s\", \"HTTP\": \"$2\"${3:+, $3}}" >"$T/x"; }
http h "http://127.0.0.1:$web/health" '"Header": {"X-Test": ["yes"]}, "Method": "POST", "Body": "hello"'
http long "http://127.0.0.1:$web/long"
http refused "http://127.0.0.1:$dead/"
http name "http://no-such-name.invalid/"
http flap "http://127.0.0.1:$web/flap" '"SuccessBeforePassing": 2, "FailuresBeforeCritical": 3, "FailuresBeforeWarning": 2, "Status": "passing"'
http file "file:///etc/passwd"
becomes h passing "200 passes"
is "$(output h)" "HTTP POST http://127.0.0.1:$web/health: 200 OK Output: seen /health" "the output has the answer"
ok "method, header and body are sent" grep -qx 'POST /health yes hello' "$T/target/requests"
becomes long passing "a long answer passes"
is "$(output long | wc -c | awk '{ print ($1 > 4096 && $1 < 4300) }')" 1 "its last part is kept"
becomes refused critical "nobody listens: critical"
becomes name critical "a name that does not exist: critical"
becomes file critical "no other schemes"
if [ -n "$certificate" ]; then
    http tls "https://127.0.0.1:$tls/"
    http skip "https://127.0.0.1:$tls/" '"TLSSkipVerify": true'
    http sni "https://127.0.0.1:$tls/" '"TLSSkipVerify": true, "TLSServerName": "inside.test"'
    becomes skip passing "TLS without verification passes"
    becomes sni passing "with a server name"
    ok "TLS with a certificate that nobody signed is critical" until_ok 10 has_output tls certificate
else
    skip "TLS" "no openssl command"
fi
echo 429 >"$T/target/status"
becomes h warning "429 warns"
echo 302 >"$T/target/status"
ok "redirects are not followed" until_ok 10 has_output h '302 Found'
is "$(status h)" critical "they are critical"
ok "a threshold: a warning first" until_ok 15 is_status flap warning
ok "then critical" until_ok 15 is_status flap critical
echo hang >"$T/target/status"
http hang "http://127.0.0.1:$web/" '"Timeout": "500ms"'
ok "a server that hangs: the timeout" until_ok 10 has_output hang 'deadline exceeded'
echo 200 >"$T/target/status"
becomes hang passing "and back"
becomes flap passing "the threshold lets it pass again"

section "TCP, UDP, others"
put check/register "{\"ID\": \"t1\", \"Name\": \"t1\", \"Interval\": \"1s\", \"TCP\": \"localhost:$web\"}" >"$T/x"
put check/register "{\"ID\": \"t2\", \"Name\": \"t2\", \"Interval\": \"1s\", \"TCP\": \"127.0.0.1:$dead\"}" >"$T/x"
put check/register '{"ID": "t3", "Name": "t3", "Interval": "1s", "TCP": "no-such-name.invalid:1"}' >"$T/x"
put check/register "{\"ID\": \"u1\", \"Name\": \"u1\", \"Interval\": \"1s\", \"Timeout\": \"300ms\", \"UDP\": \"127.0.0.1:$udp\"}" >"$T/x"
put check/register "{\"ID\": \"u2\", \"Name\": \"u2\", \"Interval\": \"1s\", \"UDP\": \"127.0.0.1:$dead\"}" >"$T/x"
put check/register "{\"ID\": \"g\", \"Name\": \"g\", \"Interval\": \"1s\", \"GRPC\": \"127.0.0.1:$dead/x\"}" >"$T/x"
put check/register "{\"ID\": \"g1\", \"Name\": \"g1\", \"Interval\": \"1s\", \"GRPC\": \"127.0.0.1:$grpc/some.service\"}" >"$T/x"
put check/register '{"ID": "os1", "Name": "os1", "Interval": "1s", "OSService": "runs"}' >"$T/x"
put check/register '{"ID": "os", "Name": "os", "Interval": "1s", "OSService": "no-such-service"}' >"$T/x"
becomes t1 passing "TCP connects, also by name"
ok "TCP refused" until_ok 10 has_output t2 'connection refused'
becomes t3 critical "TCP to a name that does not exist"
becomes u1 passing "UDP that nobody refuses passes"
ok "UDP refused" until_ok 10 has_output u2 'refused'
ok "gRPC refused" until_ok 10 has_output g 'gRPC check'
becomes g1 passing "gRPC's health service says SERVING"
is "$(output g1)" "gRPC check 127.0.0.1:$grpc/some.service: success" "... and so it is told"
ok "... of the service that was asked for" grep -q '^grpc .*some.service' "$T/target/requests"
echo 2 >"$T/target/grpc"
becomes g1 critical "NOT_SERVING is critical"
like "$(output g1)" 'serving status 2, want 1' "... and names what it says"
echo none >"$T/target/grpc"
ok "so is a service that it does not know" until_ok 15 has_output g1 'gRPC status 5'
becomes os1 passing "an OS service that runs passes"
ok "an OS service that is not there is critical" until_ok 10 is_status os critical
is "$(put check/register '{"Name": "d", "DockerContainerID": "x", "Args": ["a"], "Interval": "9s"}')" 500 "docker is refused by name"
like "$(curl -s -X PUT -d '{"Name": "d", "DockerContainerID": "x", "Args": ["a"], "Interval": "9s"}' "http://$HTTP/v1/agent/check/register")" \
    "Docker checks are not available in this version; a script check can run docker exec" "... with what does the same"

section "states and writes"
# those with a short patience may fail on a busy machine, and that is a write
for id in hang flap u1; do put check/deregister/$id >"$T/x"; done
put check/pass/service:filed?note=good >"$T/x"
until_ok 10 catalog_is h passing
before=$(applied)
put check/register '{"ID": "clock", "Name": "clock", "Interval": "1s", "Args": ["/bin/sh", "-c", "date +%N"]}' >"$T/x"
until_ok 10 is_status clock passing
first=$(output clock)
changed() { [ "$(output clock)" != "$first" ]; }
ok "an output that changes with every run is shown here" until_ok 10 changed
now=$(output clock)
again() { [ "$(output clock)" != "$now" ]; }
until_ok 10 again
after=$(applied)
ok "and costs no write: log went from $before to $after" test $((after - before)) -le 8

put service/register '{"ID": "kept", "Name": "kept", "Port": 9, "Check": {"TTL": "1h"}}' >"$T/x"
put check/pass/service:kept?note=alive >"$T/x"
kill -HUP "$PID"
sed -i 's/"port": 7/"port": 8/' "$T/c.json"
exits 0 "reload" "$DISCO" reload -http-addr "$HTTP"
filed_port() { [ "$(curl -s "http://$HTTP/v1/catalog/service/filed" | jq '.[].ServicePort')" = "$1" ]; }
ok "a reload takes the new definition" until_ok 10 filed_port 8
is "$(status service:filed) $(output service:filed)" "passing good" "its check keeps what it said"
stop_agent c1
is "$STATUS" 0 "stopped in order while checks run"
need_agent c1 -config-file "$T/c.json"
is "$(status service:kept) $(output service:kept)" "passing alive" "a restart keeps what was registered, and its state"
is "$(status service:filed)" passing "also of a check from a file"
is "$(status h) $(status t1)" "passing passing" "and of those that are run: never falsely critical"
until_ok 10 catalog_is service:kept passing
is "$(curl -s "http://$HTTP/v1/health/state/critical" | jq '[.[] | select(.CheckID == "h" or .CheckID == "t1" or .CheckID == "service:kept")] | length')" 0 "nor in the catalog"
stop_agent c1 KILL
need_agent c1 -config-file "$T/c.json"
is "$(status service:kept) $(status h)" "passing passing" "kill -9 loses none of it"

section "the cluster's picture follows"
put service/register '{"Name": "late", "Port": 1, "Check": {"TTL": "1s", "Status": "passing", "DeregisterCriticalServiceAfter": "1m"}}' >"$T/x"
ok "a TTL that is over is critical in the catalog" until_ok 10 catalog_is service:late critical
put service/maintenance/kept?enable=true\&reason=works >"$T/x"
is "$(curl -s "http://$HTTP/v1/health/service/kept?passing")" "[]" "maintenance takes a service out"
curl -s -X PUT -d '{"Node": "c1", "ServiceID": "kept"}' "http://$HTTP/v1/catalog/deregister" >"$T/x"
is "$(put service/deregister/kept)" 200 "deregistered"
is "$(catalog service:kept)" "" "with its checks"
kill $target
trap tap_cleanup EXIT
done_testing
