# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# Helpers of the integration scripts (bash). A script starts with
#
#     . "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
#
# prints one TAP line per fact and ends with done_testing. Everything it starts or
# mounts is stopped and unmounted, and its directory $T removed, when it ends however it ends.
# Tests of one script run one after the other; scripts run beside each other, so
# ports are free ones and files live under $T.
#
#   ok "what" COMMAND...        passes when the command exits 0
#   fails "what" COMMAND...     passes when it does not
#   is GOT WANTED "what"        equal texts
#   isnt GOT OTHER "what"       different texts
#   like GOT REGEX "what"       bash =~
#   exits N "what" COMMAND...   exit status N; output is in $OUT (stdout) and $ERR (stderr)
#   run COMMAND...              the same without a test; status in $STATUS
#   skip "what" "why"           a fact that cannot be tried here
#   skip_all "why"              none of the script can
#   until_ok SECONDS COMMAND... polls; 0 as soon as it succeeds (no fixed sleeps). SECONDS are a quiet
#                               machine's: a busy one is given PATIENCE times as many
#   start_agent NAME [OPTION...]  an agent of one server; see below
#   stop_agent NAME [SIGNAL]    status in $STATUS
set -u
TOP_SRCDIR=${TOP_SRCDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
TOP_BUILDDIR=${TOP_BUILDDIR:-$PWD}
DISCO=${DISCO:-$TOP_BUILDDIR/src/disco}
LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$TOP_SRCDIR/tests/lsan.supp:print_suppressions=0}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TOP_SRCDIR TOP_BUILDDIR DISCO LSAN_OPTIONS UBSAN_OPTIONS
unset CONSUL_HTTP_ADDR CONSUL_HTTP_TOKEN CONSUL_HTTP_TOKEN_FILE DISCO_HTTP_ADDR DISCO_HTTP_TOKEN \
    http_proxy HTTP_PROXY
export LC_ALL=C.UTF-8
exec 4>&1 # TAP goes here even where stdout is captured

# What waits for something waits so much longer than a quiet machine would need: two slow processors
# with other work beside are no reason to fail. What is asserted about time says so where it stands.
PATIENCE=${PATIENCE:-6}
tap_n=0 tap_failed=0
OUT='' ERR='' STATUS=0
T=$(mktemp -d "${TMPDIR:-/tmp}/disco-test.XXXXXX") || exit 99

tap_result() { # STATUS "what"
    tap_n=$((tap_n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_n - $2" >&4
        return 0
    fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_n - $2" >&4
    return 1
}
diag() { printf '%s\n' "$*" | sed 's/^/# /' >&4; }
section() { echo "# ---- $*" >&4; }
ok() {
    local what=$1
    shift
    if "$@" >"$T/ok.out" 2>&1; then
        tap_result 0 "$what"
    else
        local status=$?
        tap_result 1 "$what"
        diag "exit $status: $*"
        diag "$(head -c 2000 "$T/ok.out")"
        return 1
    fi
}
fails() {
    local what=$1
    shift
    if "$@" >"$T/ok.out" 2>&1; then
        tap_result 1 "$what"
        diag "exit 0: $*"
        diag "$(head -c 2000 "$T/ok.out")"
        return 1
    fi
    tap_result 0 "$what"
}
is() {
    [ "$1" = "$2" ] && { tap_result 0 "$3"; return 0; }
    tap_result 1 "$3"
    diag "     got: $1"
    diag "expected: $2"
    return 1
}
isnt() {
    [ "$1" != "$2" ] && { tap_result 0 "$3"; return 0; }
    tap_result 1 "$3"
    diag "got what was not expected: $1"
    return 1
}
like() {
    [[ $1 =~ $2 ]] && { tap_result 0 "$3"; return 0; }
    tap_result 1 "$3"
    diag "          got: $1"
    diag "does not match: $2"
    return 1
}
run() {
    "$@" >"$T/run.out" 2>"$T/run.err" </dev/null
    STATUS=$?
    OUT=$(tr -d '\0' <"$T/run.out")
    ERR=$(tr -d '\0' <"$T/run.err")
    return 0
}
exits() {
    local wanted=$1 what=$2
    shift 2
    run "$@"
    [ "$STATUS" -eq "$wanted" ] && { tap_result 0 "$what"; return 0; }
    tap_result 1 "$what"
    diag "exit $STATUS, expected $wanted: $*"
    diag "stdout: $(head -c 1000 "$T/run.out")"
    diag "stderr: $(head -c 1000 "$T/run.err")"
    return 1
}
skip() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2" >&4
}
skip_all() {
    echo "1..0 # SKIP $1" >&4
    exit 0
}
bail() {
    echo "Bail out! $*" >&4
    exit 99
}
until_ok() { # SECONDS COMMAND...
    local end=$((SECONDS + $1 * PATIENCE + 1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# ---- ports: below the kernel's own range, not in use now, and this script's alone ----
#
# Each script has a block of them, held by a lock on a file for as long as it or an agent of its
# lives; start_agent tries again when somebody else is on one all the same. (tests/conformance has
# those from 28000 on.)
tap_block=0
take_block() {
    local dir=${TAP_PORTS_DIR:-/tmp/disco-test-ports} i
    mkdir -m 1777 "$dir" 2>/dev/null
    mkdir "$T/.ports"
    for i in $(shuf -i 0-79); do
        { exec {tap_block_fd}>>"$dir/$i"; } 2>/dev/null || continue
        flock -n "$tap_block_fd" && tap_block=$((20000 + i * 100)) && return
        exec {tap_block_fd}>&-
    done
    tap_block=$((20000 + RANDOM % 80 * 100))
}
take_block
port_is_used() {
    local hex
    printf -v hex ':%04X' "$1"
    cat /proc/net/{tcp,tcp6,udp,udp6} 2>/dev/null | awk -v p="$hex" \
        'substr($2, length($2) - 4) == p { found = 1 } END { exit !found }'
}
free_port() { # prints one that was not given out before, while there are any
    local port
    for port in $(seq $tap_block $((tap_block + 99))); do
        [ ! -e "$T/.ports/$port" ] && mkdir "$T/.ports/$port" 2>/dev/null && ! port_is_used "$port" && echo "$port" && return
    done
    rmdir "$T"/.ports/*
    free_port
}

# ---- agents ----
#
# start_agent NAME [OPTION...] starts `disco agent` as the only server, in $T/NAME (kept over a
# stop, so that starting the same name again is a restart on the same ports), waits until it has a
# leader and the leader is in the catalog, and sets for the last agent started:
#   PID HTTP (127.0.0.1:port) HTTP_PORT DNS_PORT DIR LOG
# An option given wins over the ones set here. AGENT_WRAP may name a program to run it under.
declare -A agent_pid=() agent_http=() agent_dns=() agent_server=() agent_serf=() agent_wan=()
start_agent() {
    local name=$1 try
    shift
    DIR=$T/$name LOG=$T/$name.log
    mkdir -p "$DIR"
    for try in 1 2 3; do
        if [ -z "${agent_http[$name]-}" ]; then
            agent_http[$name]=$(free_port) agent_dns[$name]=$(free_port)
            agent_server[$name]=$(free_port) agent_serf[$name]=$(free_port)
            agent_wan[$name]=$(free_port)
        fi
        HTTP_PORT=${agent_http[$name]} DNS_PORT=${agent_dns[$name]}
        HTTP=127.0.0.1:$HTTP_PORT
        # shellcheck disable=SC2086
        ${AGENT_WRAP-} "$DISCO" agent -server -bootstrap -node "$name" -bind 127.0.0.1 \
            -client 127.0.0.1 -data-dir "$DIR" -http-port "$HTTP_PORT" -dns-port "$DNS_PORT" \
            -server-port "${agent_server[$name]}" -serf-lan-port "${agent_serf[$name]}" \
            -serf-wan-port "${agent_wan[$name]}" "$@" \
            >>"$LOG" 2>&1 </dev/null &
        PID=$!
        agent_pid[$name]=$PID
        if until_ok "${AGENT_WAIT:-20}" agent_is_ready_or_gone "$name" && kill -0 "$PID" 2>/dev/null; then
            return 0
        fi
        grep -q 'in use' "$LOG" || break
        wait "$PID" 2>/dev/null
        unset "agent_pid[$name]" "agent_http[$name]"
        : >"$LOG"
    done
    diag "agent $name did not start (try $try): $(tail -n 20 "$LOG")"
    return 1
}
agent_is_ready_or_gone() {
    kill -0 "${agent_pid[$1]}" 2>/dev/null || return 0
    local url=http://127.0.0.1:${agent_http[$1]}/v1
    [[ $(curl -s -m 2 "$url/status/leader") == '"'?*'"' ]] || return 1
    # The catalog has its servers; a leader has only just begun to write that. Who must show a token
    # to ask is not asked.
    [[ $(curl -s -m 2 "$url/catalog/service/consul") == *'"ServiceID"'* ]] ||
        [ "$(curl -s -m 2 -o "$T/ready.out" -w '%{http_code}' "$url/agent/self")" = 403 ]
}
need_agent() { start_agent "$@" || bail "no agent"; }
has_ended() { # PID: gone, or waiting for its parent to ask
    ! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1" 2>/dev/null) == Z* ]]
}
stop_agent() { # NAME [SIGNAL]
    local pid=${agent_pid[$1]-}
    [ -n "$pid" ] || return 0
    kill -"${2:-TERM}" "$pid" 2>/dev/null
    # A sanitized agent may look for leaks at its end.
    if ! until_ok 20 has_ended "$pid"; then
        diag "agent $1 did not stop; killing it"
        kill -KILL "$pid" 2>/dev/null
    fi
    wait "$pid" 2>/dev/null
    STATUS=$?
    unset "agent_pid[$1]"
    return 0
}
can_mount() { # may this process mount with FUSE?
    [ -c /dev/fuse ] && [ -r /dev/fuse ] && [ -w /dev/fuse ] || return 1
    [ "$(id -u)" -ne 0 ] || return 0
    command -v fusermount3 >/dev/null
}
is_mounted() { grep -q " $1 fuse" /proc/mounts; }
unmount() { fusermount3 -uz "$1" 2>/dev/null || umount -l "$1" 2>/dev/null; }

sanitizer_reports() { # of all agents' logs; prints them
    grep -lE 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|: assertion|ASSERT' \
        "$T"/*.log 2>/dev/null | while read -r log; do
        echo "$log:"
        grep -A 30 -m 1 -E 'Sanitizer|runtime error:|: assertion|ASSERT' "$log"
    done
}
# Ends the script: stops all agents, and has one more test when there were any.
done_testing() {
    local name reports
    if [ ${#agent_http[@]} -gt 0 ]; then
        for name in "${!agent_pid[@]}"; do
            stop_agent "$name"
            is "$STATUS" 0 "agent $name stops in order" || diag "$(tail -n 20 "$T/$name.log")"
        done
        reports=$(sanitizer_reports)
        is "$reports" "" "no sanitizer or assertion spoke in the agents' logs"
    fi
    echo "1..$tap_n" >&4
    [ "$tap_failed" -eq 0 ]
    exit
}
tap_cleanup() {
    local name mount
    for name in "${!agent_pid[@]}"; do
        kill -KILL "${agent_pid[$name]}" 2>/dev/null
        wait "${agent_pid[$name]}" 2>/dev/null
    done
    # Never remove through a mount: that would delete keys.
    while read -r mount; do unmount "$mount"; done \
        < <(awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/mounts)
    grep -q " $T/" /proc/mounts || rm -rf --one-file-system "$T"
}
trap tap_cleanup EXIT
trap 'exit 99' INT TERM HUP

# Do that many reads wait at the last agent started?
reads_are_parked() { # NUMBER
    curl -s -m 60 "http://$HTTP/v1/agent/metrics" |
        jq -e "[.Gauges[] | select(.Name | endswith(\"reads.parked\")) | .Value] == [$1]" >/dev/null
}
