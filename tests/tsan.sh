#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ThreadSanitizer over the workers: a build of its own (in DISCO_TSAN_DIR, default ./build-tsan), the
# unit tests that have threads, and an agent with four workers and every door but the mount under
# mixed load. Fails on any report that tests/tsan.supp does not explain. TAP on stdout.
set -u
TOP_SRCDIR=${TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
dir=${DISCO_TSAN_DIR:-$PWD/build-tsan}
jobs=${JOBS:-$(nproc)}
seconds=${DISCO_TSAN_SECONDS:-15}

[ -x "$TOP_SRCDIR/configure" ] || "$TOP_SRCDIR/autogen.sh" >/dev/null 2>&1
mkdir -p "$dir" && cd "$dir" || exit 99
threaded='test_mailbox test_published test_log test_monitor test_consensus test_wal_uv test_worker'
unit=()
for t in $threaded; do
    [ -e "$TOP_SRCDIR/tests/unit/$t.c" ] && unit+=("tests/unit/$t")
done
{
    [ -e Makefile ] || "$TOP_SRCDIR/configure" -q --enable-sanitizers=thread CFLAGS="-O1 -g" &&
        make -s -j"$jobs" src/disco "${unit[@]}"
} >build.log 2>&1 || {
    tail -n 40 build.log | sed 's/^/# /'
    echo "not ok 1 - the build with ThreadSanitizer"
    echo "1..1"
    exit 1
}

export DISCO=$dir/src/disco TOP_SRCDIR TOP_BUILDDIR=$dir
# shellcheck source=tests/lib/tap.sh
. "$TOP_SRCDIR/tests/lib/tap.sh"
# ignore_noninstrumented_modules: LMDB's copies into its own pages, see tests/tsan.supp; unlike a
# suppression it needs no stack of the writer, which may be forgotten. Locks of libraries still count.
export TSAN_OPTIONS="suppressions=$TOP_SRCDIR/tests/tsan.supp history_size=7 second_deadlock_stack=1 \
ignore_noninstrumented_modules=1 exitcode=66 log_path=$T/tsan print_suppressions=0"

for t in "${unit[@]}"; do
    ok "$t has no race" "./$t"
done
if command -v python3 >/dev/null; then
    need_agent raced -workers 4
    curl -s -N -m "$seconds" "http://$HTTP/v1/agent/monitor?loglevel=trace" >"$T/monitored" &
    monitor=$!
    run python3 "$TOP_SRCDIR/tests/integration/mixed_load.py" "$HTTP_PORT" "$DNS_PORT" "$seconds"
    is "$STATUS" 0 "mixed load: answers are answers" || diag "$ERR"
    diag "$OUT"
    if command -v dig >/dev/null; then
        ok "dig is answered" dig +time=60 +tries=1 @127.0.0.1 -p "$DNS_PORT" raced.node.consul
    fi
    kill -HUP "$PID"
    wait "$monitor"
    ok "reloaded, it still answers" curl -s -m 60 "http://$HTTP/v1/status/leader"
    diag "monitor: $(wc -l <"$T/monitored") lines"
    stop_agent raced TERM
    is "$STATUS" 0 "it stops in order"
else
    skip "an agent under mixed load" "python3 is missing"
fi
reports=$(cat "$T"/tsan.* 2>/dev/null)
is "$(grep -c 'WARNING: ThreadSanitizer' <<<"$reports")" 0 "no race, no lock held wrongly" ||
    diag "$(grep -vE '^$' <<<"$reports" | head -n 150)"
[ -z "$reports" ] || printf '%s\n' "$reports" >"$dir/reports.txt"
done_testing
