#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The mount: open-read-close of 100-byte keys, warm and cold, against libfuse alone with the same
# caching (one fixed text, one thread) and against tmpfs, in turn, with the same load.
#
#   SECONDS_EACH=2 ROUNDS=3 THREADS='1 4' tests/bench/mount.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-2} rounds=${ROUNDS:-3} threads=${THREADS:-1 4} cold=${COLD_FILES:-8000}
can_mount || skip_all "mount: no /dev/fuse, or not root and no fusermount3"
bench() { "$TOP_BUILDDIR/tests/bench/bench_mount" "$@"; }

mkdir "$T/bare"
"$TOP_BUILDDIR/tests/bench/bench_fuse_fixed" "$T/bare" &
bare=$!
ram=$(mktemp -d /dev/shm/disco-bench.XXXXXX)
trap 'kill $bare 2>/dev/null; wait $bare 2>/dev/null; rm -rf "$ram"; tap_cleanup' EXIT
until_ok 5 is_mounted "$T/bare" || bail "bench_fuse_fixed did not mount"
need_agent bench -mount "$T/m" -log-level WARN
# shellcheck disable=SC2086
python3 - "$HTTP" $((cold * rounds)) $threads <<'PY' || bail "cannot put the keys"
import base64, http.client, itertools, json, sys
connection = http.client.HTTPConnection(sys.argv[1])
value = base64.b64encode(b"x" * 100).decode()
for n, first in itertools.product(sys.argv[3:], range(0, int(sys.argv[2]), 64)):
    body = json.dumps([{"KV": {"Verb": "set", "Key": f"cold{n}/k{i}", "Value": value}}
                       for i in range(first, min(first + 64, int(sys.argv[2])))])
    connection.request("PUT", "/v1/txn", body)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(1)
for i in range(100):
    connection.request("PUT", f"/v1/kv/warm/k{i}", b"x" * 100)
    connection.getresponse().read()
PY
for ((i = 0; i < 100; i++)); do head -c 100 /dev/zero >"$ram/k$i"; done

ratio() { printf '%d.%02d' $(($2 / $1)) $(($2 * 100 / $1 % 100)); }
for n in $threads; do
    sum_a=0 sum_b=0
    for ((i = 0; i < rounds; i++)); do
        first=$((i * cold))
        a=$(bench "$T/bare/d$n" "$cold" 0 "$n" $first) b=$(bench "$T/m/kv/cold$n" "$cold" 0 "$n" $first)
        sum_a=$((sum_a + a)) sum_b=$((sum_b + b))
    done
    a=$((sum_a / rounds)) b=$((sum_b / rounds))
    printf 'mount: cold, %d threads: libfuse alone %d/s, disco %d/s, ratio %s (%d x %d files once)\n' \
        "$n" "$a" "$b" "$(ratio "$a" "$b")" "$rounds" "$cold"
done
for n in $threads; do
    sum_a=0 sum_b=0
    tmpfs=$(bench "$ram" 100 1 "$n")
    for ((i = 0; i < rounds; i++)); do
        a=$(bench "$T/bare/d99" 100 "$seconds" "$n") b=$(bench "$T/m/kv/warm" 100 "$seconds" "$n")
        sum_a=$((sum_a + a)) sum_b=$((sum_b + b))
    done
    a=$((sum_a / rounds)) b=$((sum_b / rounds))
    printf 'mount: warm, %d threads: tmpfs %d/s, libfuse alone %d/s, disco %d/s, ratio %s (%d x %d s each)\n' \
        "$n" "$tmpfs" "$a" "$b" "$(ratio "$a" "$b")" "$rounds" "$seconds"
done
stop_agent bench
