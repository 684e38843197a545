#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# PUT of keys over HTTP, each durable before its answer, against a bare loop of batched pwrite and
# fdatasync with as many writers and records of the same size, in turn, on the same file system.
#
#   SECONDS_EACH=5 ROUNDS=3 WRITERS='1 64' tests/bench/put.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-5} rounds=${ROUNDS:-3} writers=${WRITERS:-1 64} record=${RECORD_SIZE:-128}
command -v wrk >/dev/null || skip_all "no wrk (Debian package wrk)"

need_agent bench -log-level WARN
cat >"$T/put.lua" <<'LUA'
local n = 0
function init(args) math.randomseed(os.time()) base = math.random(1000000000) end
function request()
    n = n + 1
    return wrk.format("PUT", "/v1/kv/bench/" .. base .. "/" .. n % 1000, nil, string.rep("x", 56) .. n)
end
LUA
load() { # WRITERS
    local threads=$(($1 < 2 ? 1 : 2))
    wrk -t $threads -c "$1" -d "${seconds}s" -s "$T/put.lua" "http://$HTTP" >"$T/wrk.out" 2>&1
    grep -m 1 'Non-2xx' "$T/wrk.out" >&2
    awk '/Requests\/sec/ { print int($2) }' "$T/wrk.out"
}
for n in $writers; do
    sum_bare=0 sum_disco=0
    for ((i = 0; i < rounds; i++)); do
        a=$("$TOP_BUILDDIR/tests/bench/bench_sync" "$T/bare" "$n" "$record" "$seconds") || exit 1
        b=$(load "$n")
        sum_bare=$((sum_bare + a)) sum_disco=$((sum_disco + b))
    done
    a=$((sum_bare / rounds)) b=$((sum_disco / rounds))
    printf 'put: %d writers: pwrite+fdatasync alone %d/s, disco %d/s, ratio %d.%02d (%d x %d s each, %s)\n' \
        "$n" "$a" "$b" $((b / a)) $((b * 100 / a % 100)) "$rounds" "$seconds" "$(stat -f -c %T "$T")"
done
stop_agent bench
