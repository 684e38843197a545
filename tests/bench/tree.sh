#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Walks of trees in the mount: find over 100,000 keys, grep -r over 10,000, ls of 10,000; the first
# time and again, against libfuse alone with fixed contents, with each way to list (READDIRPLUS
# always, auto, never): the ceiling is the fastest of the three. And what find leaves in the memory of the agent.
#
#   ROUNDS=2 tests/bench/tree.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
rounds=${ROUNDS:-2}
can_mount || skip_all "tree: no /dev/fuse, or not root and no fusermount3"

bare=()
for how in always auto never; do
    mkdir "$T/$how"
    "$TOP_BUILDDIR/tests/bench/bench_fuse_fixed" "$T/$how" $how &
    bare+=($!)
done
trap 'kill "${bare[@]}" 2>/dev/null; wait "${bare[@]}" 2>/dev/null; tap_cleanup' EXIT
for how in always auto never; do
    until_ok 5 is_mounted "$T/$how" || bail "bench_fuse_fixed did not mount"
done
echo '{"mount": {"history": 0}}' >"$T/tree.json"
need_agent tree -mount "$T/m" -log-level WARN -config-file "$T/tree.json"
python3 - "$HTTP" "$rounds" <<'PY' || bail "cannot put the keys"
import base64, http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1])
value = base64.b64encode(b"x" * 100).decode()
keys = []
for r in range(1, int(sys.argv[2]) + 1):
    keys += [f"find{r}/d{d}/k{k}" for d in range(100) for k in range(1000)]
    keys += [f"grep{r}/d{d}/k{k}" for d in range(100) for k in range(100)]
    keys += [f"ls{r}/k{k}" for k in range(10000)]
for first in range(0, len(keys), 64):
    body = json.dumps([{"KV": {"Verb": "set", "Key": key, "Value": value}} for key in keys[first:first + 64]])
    connection.request("PUT", "/v1/txn", body)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(1)
PY
# What each is called where: ROUND
find_in() { find "$1" -type f; }
size_in() { find "$1" -type f -size +0; }
grep_in() { grep -rc x "$1"; }
ls_in() { ls -f "$1"; }
lsl_in() { ls -l "$1"; }
bare_dir() { # WHAT ROUND
    case $1 in
    find) echo "t$((98 + $2 * 2))" ;; # about 100 directories of 1000
    size) echo "t$((118 + $2 * 2))" ;;
    grep) echo "t$((99 + $2 * 2))" ;; # of 100
    ls) echo "d$(($2 * 16384 + 10000))" ;;
    lsl) echo "d$((($2 + 50) * 16384 + 10000))" ;;
    esac
}
disco_dir() {
    case $1 in size) echo "find$2" ;; lsl) echo "ls$2" ;; *) echo "$1$2" ;; esac
}
took() { # WHAT DIRECTORY: microseconds
    local from=${EPOCHREALTIME/./}
    "$1_in" "$2" >"$T/out" || echo "$1 $2 failed" >&2
    echo $((${EPOCHREALTIME/./} - from))
}
least() { printf '%s\n' "$@" | sort -n | head -1; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/${agent_pid[tree]}/status"; }
before=$(rss)
ms() { printf '%d.%01d' $(($1 / 1000)) $(($1 / 100 % 10)); }
ratio() { printf '%d.%02d' $(($1 / $2)) $(($1 * 100 / $2 % 100)); }
# The bare ones of size and lsl go through trees of their own; disco's size through the one of find,
# whose names the kernel has listed and not looked up.
dir_of() { # WHAT WHERE ROUND
    if [ "$2" = m ]; then echo "$T/m/kv/$(disco_dir "$1" "$3")"; else echo "$T/$2/$(bare_dir "$1" "$3")"; fi
}
less() { # NAME OF ARRAY, KEY, NEW
    declare -n times=$1
    [ -n "${times[$2]-}" ] && [ "${times[$2]}" -le "$3" ] || times[$2]=$3
}
tell() { # WHAT, NAME OF ARRAY
    # shellcheck disable=SC2178
    declare -n times=$2
    best=$(least "${times[always]}" "${times[auto]}" "${times[never]}")
    printf 'tree: %s, %s: libfuse alone always %s ms, auto %s ms, never %s ms; disco %s ms, ratio %s\n' "$1" "$2" \
        "$(ms "${times[always]}")" "$(ms "${times[auto]}")" "$(ms "${times[never]}")" "$(ms "${times[m]}")" \
        "$(ratio "${times[m]}" "$best")"
}
# All in turn in each round, and of each the best: so that a busy machine is busy for all of them.
for what in find grep ls; do
    # shellcheck disable=SC2034
    declare -A cold=() warm=()
    for ((r = 1; r <= rounds; r++)); do
        for where in always auto never m; do less cold $where "$(took $what "$(dir_of $what $where $r)")"; done
        for _ in 1 2 3; do
            for where in always auto never m; do less warm $where "$(took $what "$(dir_of $what $where $r)")"; done
        done
    done
    tell $what cold
    tell $what warm
done
for what in size lsl; do
    # shellcheck disable=SC2034
    declare -A cold=() warm=()
    for where in always auto never m; do less cold $where "$(took $what "$(dir_of $what $where 1)")"; done
    for _ in 1 2 3 4 5; do
        for where in always auto never m; do less warm $where "$(took $what "$(dir_of $what $where 1)")"; done
    done
    [ $what = lsl ] || tell $what cold
    tell $what warm
done
printf 'tree: resident memory of the agent: %s KiB before, %s KiB after %d names were walked' "$before" "$(rss)" \
    $((rounds * 120000))
if [ -w /proc/sys/vm/drop_caches ] && [ -n "${DROP_CACHES-}" ]; then
    echo 2 >/proc/sys/vm/drop_caches
    printf ', %s KiB when the kernel has forgotten them' "$(rss)"
fi
echo
stop_agent tree
