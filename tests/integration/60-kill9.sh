#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 under write load, fifty times: what was acknowledged is there after each restart, and no
# index goes back. Snapshots are taken every few hundred entries, so kills fall into them too.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"

rounds=${KILL9_ROUNDS:-50} seconds=${KILL9_SECONDS:-110} seed=${KILL9_SEED:-$RANDOM}
http=$(free_port) dns=$(free_port) server=$(free_port) serf=$(free_port)
echo '{"raft_snapshot_threshold": 400, "raft_trailing_logs": 100, "raft_snapshot_interval": "1ms"}' >"$T/small.json"
run python3 "$TOP_SRCDIR/tests/integration/kill9.py" "$rounds" "$seconds" "$seed" -- \
    "$DISCO" agent -server -bootstrap -node killed -bind 127.0.0.1 -client 127.0.0.1 \
    -data-dir "$T/data" -config-file "$T/small.json" -log-level warn \
    -http-port "$http" -dns-port "$dns" -server-port "$server" -serf-lan-port "$serf" -serf-wan-port -1
cp "$T/run.err" "$T/killed.log"
diag "$OUT"
is "$STATUS" 0 "acknowledged writes are there after each kill, and no index went back" ||
    diag "seed $seed: $(tail -n 30 "$T/run.err")"
kills=${OUT#*kills: } kills=${kills%% *}
ok "$kills kills in at most $seconds seconds" test "${kills:-0}" -ge $((rounds < 10 ? rounds : 10))
is "$(sanitizer_reports)" "" "no sanitizer or assertion spoke"

size=$(du -sk "$T/data" | cut -f 1)
ok "the data directory stays small: $size KiB" test "$size" -lt 200000
done_testing
