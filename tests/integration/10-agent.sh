#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The agent as a process: flags, errors, banner, signals, its data directory.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

agent() { timeout 120 "$DISCO" agent "$@"; }
agent_says() { # "what" EXPECTED STDERR..., then arguments after --
    local what=$1 wanted=$2
    shift 2
    exits 1 "$what: exit 1" agent "$@"
    is "$ERR" "$wanted" "$what: the words"
    is "$OUT" "" "$what: nothing else is said"
}

section "start-up errors, in Consul's words"
agent_says "no data directory" "==> data_dir cannot be empty"
agent_says "bootstrap needs server" "==> 'bootstrap = true' requires 'server = true'" \
    -data-dir="$T/x/dd" -bootstrap
agent_says "two ways to bootstrap" \
    "==> 'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive" \
    -data-dir="$T/x/dd" -server -bootstrap -bootstrap-expect=3 -bind=127.0.0.1
agent_says "bad client address" $'==> 1 error occurred:\n\t* client_addr: invalid ip address: 0.0.0.0/' \
    -data-dir="$T/x/dd" -bind=127.0.0.1 -client=0.0.0.0/
agent_says "no such file" \
    "==> config: Open failed on nofile.json. open nofile.json: no such file or directory" \
    -config-file=nofile.json
echo '{"bogus_key": 1}' >"$T/unk.json"
agent_says "unknown key" \
    "==> failed to parse $T/unk.json: "$'1 error occurred:\n\t* invalid config key bogus_key' \
    -config-file="$T/unk.json"
agent_says "bad key of the gossip" "==> encrypt has invalid key: illegal base64 data at input byte 4" \
    -data-dir="$T/x/dd" -bind=127.0.0.1 -node="" -encrypt=short
agent_says "bad log level" \
    "==> Invalid log level: bogus. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]" \
    -data-dir="$T/x/dd" -bind=0.0.0.0 -log-level=bogus
agent_says "extra arguments" "==> Unexpected extra arguments: [extra args]" extra args
exits 1 "unknown flag: exit 1" agent -nix
like "$ERR" '^flag provided but not defined: -nix' "unknown flag: the words"
exits 1 "a log file is refused" agent -dev -config-file=<(echo '{"log_file":"/nowhere/x"}')
like "$ERR" 'log_file: not available in this version' "a log file is refused: the words"
[ ! -e "$T/x" ]
tap_result $? "no failed start left anything behind"
exits 0 "-help" agent -help
like "$OUT" '-http-port=<value>' "-help lists flags"

section "what cannot be opened"
http=$(free_port) dns=$(free_port)
ports=(-http-port "$http" -dns-port "$dns" -server-port "$(free_port)" -serf-lan-port "$(free_port)"
    -serf-wan-port -1 -bind 127.0.0.1)
touch "$T/file"
exits 1 "data directory below a file" agent -server -bootstrap -data-dir "$T/file/x" "${ports[@]}"
like "$ERR" "$T/file" "data directory below a file: named"
exits 1 "data directory is a file" agent -server -bootstrap -data-dir "$T/file" "${ports[@]}"
is "$ERR" "==> data_dir \"$T/file\" is not a directory" "data directory is a file: named"
exits 1 "pid file in no directory" agent -dev "${ports[@]}" -pid-file "$T/no/such/pid"
like "$ERR" "pid_file: cannot write $T/no/such/pid: No such file" "pid file: named"
exits 1 "a server with nobody to join" agent -server -data-dir "$T/alone" "${ports[@]}"
like "$ERR" "holds no log" "a server with nobody to join: the remedy"

exits 1 "a mount on a file" agent -dev "${ports[@]}" -mount "$T/file"
like "$ERR" "$T/file is not a directory .-mount-required=false starts without the mount." \
    "a mount on a file: the remedy"

section "banner and first lines"
need_agent n1 -log-level debug -pid-file "$T/pid" -node-meta rack:9
is "$(head -n 1 "$LOG")" "==> Starting disco agent..." "the first line"
like "$(sed -n 2p "$LOG")" "^           Version: '[0-9.]+'$" "version"
like "$(sed -n 3p "$LOG")" "^           Node ID: '[0-9a-f-]{36}'$" "node id"
is "$(sed -n 4p "$LOG")" "         Node name: 'n1'" "node name"
is "$(sed -n 5p "$LOG")" "        Datacenter: 'dc1' (Segment: '<all>')" "datacenter"
is "$(sed -n 6p "$LOG")" "            Server: true (Bootstrap: true)" "server"
is "$(sed -n 7p "$LOG")" \
    "       Client Addr: [127.0.0.1] (HTTP: $HTTP_PORT, HTTPS: -1, gRPC: -1, DNS: $DNS_PORT)" "clients"
like "$(sed -n 8p "$LOG")" "^      Cluster Addr: 127.0.0.1 \(LAN: [0-9]+, WAN: [0-9]+\)$" "cluster"
is "$(sed -n 9p "$LOG")" "           Encrypt: Gossip: false, TLS-Outgoing: false, TLS-Incoming: false, Auto-Encrypt-TLS: false" "encryption"
is "$(sed -n 10,12p "$LOG")" $'\n==> Log data will now stream in as it occurs:' "the log begins"
until_ok 5 grep -q 'Synced service' "$LOG"
line_of() { grep -n -m 1 -- "$1" "$LOG" | cut -d: -f1; }
last=0
for event in 'bootstrap = true: do not enable unless necessary' 'entering follower state' \
    'EventMemberJoin: n1.dc1 127.0.0.1' 'EventMemberJoin: n1 127.0.0.1' 'Adding LAN server' \
    'Started DNS server' 'Starting server' 'disco agent running!' 'entering candidate state' \
    'election won' 'cluster leadership acquired' 'New leader elected: payload=n1' \
    'member joined, marking health alive: member=n1' 'Synced service: service=consul'; do
    now=$(line_of "$event")
    [ "${now:-0}" -gt "$last" ]
    tap_result $? "event in its order: $event"
    last=${now:-$last}
done
is "$(cat "$T/pid")" "$PID" "pid file"
id=$(cat "$DIR/node-id")
like "$(sed -n 3p "$LOG")" "$id" "the node id is kept in the data directory"

section "the own node"
like "$(curl -s "http://$HTTP/v1/catalog/nodes")" "\"Node\":\"n1\".*\"rack\":\"9\"" "the node is in the catalog"
like "$(curl -s "http://$HTTP/v1/health/service/consul?passing")" '"CheckID":"serfHealth"' "and healthy"

section "a second agent"
exits 1 "on the same data directory: exit 1" agent -server -bootstrap -data-dir "$DIR" "${ports[@]}"
is "$ERR" "==> data_dir $DIR is in use by another agent (process $PID)" "it is named"
exits 1 "on the same port: exit 1" agent -dev -http-port "$HTTP_PORT" -dns-port "$dns" -server-port "$(free_port)" \
    -serf-lan-port "$(free_port)" -serf-wan-port -1
like "$ERR" "$HTTP_PORT.*in use" "the port is named"
is "$OUT" "" "without a banner"

section "signals"
kill -USR1 "$PID"
until_ok 5 grep -q "\[C\] 'consul.http.requests'" "$LOG"
tap_result $? "SIGUSR1 prints the metrics"
curl -s -X PUT -d x "http://$HTTP/v1/kv/timed" >/dev/null
curl -s "http://$HTTP/v1/agent/metrics" >"$T/metrics.json"
for name in consul.kvs.apply consul.raft.commitTime consul.autopilot.healthy consul.state.nodes consul.serf.member.join \
    consul.runtime.sys_bytes consul.session_ttl.active consul.rpc.queries_blocking; do
    ok "metrics: $name" jq -e '[.Gauges[], .Counters[], .Samples[] | select(.Name == "'$name'")] | length == 1' "$T/metrics.json"
done
ok "a sample has its statistics" jq -e '.Samples[] | select(.Name == "consul.kvs.apply") |
    .Min > 0 and .Min <= .Mean and .Mean <= .Max and .Sum >= .Max' "$T/metrics.json"
kill -HUP "$PID"
until_ok 5 grep -q 'Configuration reloaded' "$LOG"
tap_result $? "SIGHUP reloads"
ok "a key is written" curl -sf -X PUT -d kept "http://$HTTP/v1/kv/kept"
SECONDS=0
stop_agent n1
is "$STATUS" 0 "SIGTERM: exit 0"
[ $SECONDS -le 30 ] # 5 s where nothing else runs; nothing that it waits for may keep it
tap_result $? "SIGTERM: soon"
[ ! -e "$T/pid" ]
tap_result $? "the pid file is gone"
fails "nobody answers" curl -s -m 2 "http://$HTTP/v1/status/leader"

section "a restart"
need_agent n1
is "$(curl -s "http://$HTTP/v1/kv/kept?raw")" kept "the key is still there"
is "$(cat "$DIR/node-id")" "$id" "the node id, too"
stop_agent n1 INT
is "$STATUS" 0 "SIGINT: exit 0"

section "configuration directory, reload"
mkdir "$T/conf"
echo '{"datacenter":"one","node_meta":{"a":"1"},"log_level":"INFO"}' >"$T/conf/10.json"
echo '{"datacenter":"two","node_meta":{"b":"2"}}' >"$T/conf/20.json"
echo '{"datacenter":"not read"}' >"$T/conf/30.txt"
need_agent n2 -config-dir "$T/conf" -node-meta c:3
like "$(curl -s "http://$HTTP/v1/agent/self")" '"Meta":\{"a":"1","b":"2","c":"3","consul-network-segment":""\}' \
    "maps are merged"
like "$(sed -n 5p "$LOG")" "Datacenter: 'two'" "the later file wins"
echo '{"datacenter":"three","log_level":"DEBUG"}' >"$T/conf/20.json"
kill -HUP "$PID"
until_ok 5 grep -q 'Configuration reloaded' "$LOG"
ok "a change that needs a restart is said" grep -q 'datacenter was changed; the change takes effect at the next start' "$LOG"
echo '{"oops":1}' >"$T/conf/20.json"
kill -HUP "$PID"
until_ok 5 grep -q 'Reload failed' "$LOG"
ok "a bad file changes nothing" grep -q 'Reload failed, all stays as it was: .*invalid config key oops' "$LOG"
ok "and the agent goes on" curl -sf "http://$HTTP/v1/status/leader"
(
    exec 3<>"/dev/tcp/127.0.0.1/$HTTP_PORT"
    printf 'GET /v1/kv/none?index=100000&wait=60s HTTP/1.1\r\nHost: x\r\n\r\n' >&3
    timeout 120 cat <&3 >"$T/parked"
) &
ok "a read is parked" until_ok 10 reads_are_parked 1
SECONDS=0
stop_agent n2
is "$STATUS" 0 "SIGTERM with a parked read: exit 0"
[ $SECONDS -le 30 ] # the read has a minute
tap_result $? "SIGTERM with a parked read: it is not waited for"
wait

section "-dev"
need_agent dev -dev -log-json -mount "$T/file" -mount-required=false
ok "it goes on without a mount that is not required" grep -q 'going on without the mount' "$LOG"
ok "a write and a read" curl -sf -X PUT -d x "http://$HTTP/v1/kv/x"
ok "log lines are JSON" grep -q '"@message":"disco agent running!"' "$LOG"
stop_agent dev
is "$STATUS" 0 "exit 0"
done_testing
