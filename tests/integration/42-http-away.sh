#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# HTTP/1 requests that wait are taken out of libh2o, and nobody notices.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
away() { # CASE "what"
    ok "$2" env AGENT_PID="$PID" timeout 120 python3 "$TOP_SRCDIR/tests/integration/http_away.py" "$1" "$HTTP_PORT" "$T/http.sock"
}

echo '{"addresses": {"http": "127.0.0.1 unix://'"$T"'/http.sock"}}' >"$T/both.json"
need_agent away -log-level WARN -config-file "$T/both.json"
away keeps "the connection goes on, and waits again"
away keeps_unix "over the unix socket too"
away same_head "an answer after a wait looks like one at once"
away pipelined "requests behind the one that waits"
away large "large replies, compressed ones, large heads"
away idle "connections that ask nothing wait outside too, and are served when they ask"
away old "HTTP/1.0, Connection: close, a key that is not there yet"
away hang_up "those who hang up are forgotten at once"
away consistent "a consistent read"
away crowd "200 clients that wait and wake"
away stop "a reload lets them wait, the end answers them"
unset "agent_pid[away]"
wait "$PID"
is $? 0 "the agent stopped in order"
done_testing
