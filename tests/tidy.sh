#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The part of the style that can be executed. Each check is one line of TAP;
# what it found stands behind it. A line that must break a rule says why:
#
#     something_unusual(); /* tidy: why */
#
# A whole file says so in its first forty lines ("tidy: long because ..."),
# a function on the line of its name. Needs the archives of a build for the
# checks of symbols (TOP_BUILDDIR).
set -u
LC_ALL=C.UTF-8
export LC_ALL
top=${TOP_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
build=${TOP_BUILDDIR:-$top}
build=$(cd "$build" && pwd) || exit 99
cd "$top" || exit 99

tmp=$(mktemp -d "${TMPDIR:-/tmp}/disco-tidy.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT

# ---- the tables ----

# A folder may include itself and these. The doors and the joining layers stand last.
may_include() {
    case $1 in
    base) echo ;;
    store | gossip | raft | wal | net | check | plan) echo base ;;
    cli) echo base plan ;;
    acl) echo base ;;
    rpc) echo base net ;;
    state) echo base store acl ;;
    consensus) echo base store state raft wal net ;;
    agent) echo base store state gossip rpc consensus net check plan ;;
    api | dns | fs | worker) echo base store state agent ;;
    http) echo base api agent ;;
    esac
}
# Further, one file at a time, each with its reason.
#   worker_uv.c: it starts its doors through the table of agent/door.h alone
also_includes='
'
# What else a module's symbols may begin with: further nouns of its header, or, for a module of
# several files (wal_record.c beside wal.h), the name of the whole.
nouns() {
    case $1 in
    buf) echo cursor ;;
    clock) echo instant duration ;;
    mem) echo arena ;;
    pack) echo unpack ;;
    gossip_*) echo gossip ;;
    state) echo result ;;
    watch) echo change ;;
    *_*) [ -z "$(find src fs -name "${1%%_*}.h")" ] || echo "${1%%_*}" ;;
    esac
}
# Foreign headers: the files that may include what begins so.
doors='
uv.h            *_uv.c src/main.c tests/bench/* tests/unit/test_net.c
lmdb.h          src/store/*
jansson.h       src/base/jread.c
zlib.h          src/base/archive.c
msgpack         src/base/pack.c
openssl/        src/base/digest.c src/gossip/gossip_keyring.c src/http/*
h2o             src/http/* tests/bench/*
libknot/        src/dns/* tests/unit/test_dns*.c tests/fuzz/fuzz_dns*.c tests/bench/*
ares            src/dns/*_uv.c
curl/           src/check/web_curl.h src/cli/cli_tell.c
fuse            fs/* tests/bench/*
pthread.h       src/base/mailbox.c tests/* src/worker/worker_uv.c fs/fs_notify_uv.c
stdatomic.h     src/base/published.c
cmocka.h        tests/*
'

# ---- helpers ----

n=0 failed=0
# Passes when the file named is empty; its lines are what is wrong.
check() { # FILE "what"
    n=$((n + 1))
    if [ -s "$1" ]; then
        failed=$((failed + 1))
        echo "not ok $n - $2"
        head -n 60 "$1" | sed 's/^/# /'
    else
        echo "ok $n - $2"
    fi
}
skip() { # "what" "why"
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}
stem_of() { # PATH
    local s=${1##*/}
    s=${s%.*}
    echo "${s%_uv}"
}

# Sources of ours; not what a build put beside them.
find src fs -name '*.[ch]' ! -name ui_file.c | sort >"$tmp/product"
find tests -name '*.[ch]' 2>/dev/null | sort >"$tmp/tests"
cat "$tmp/product" "$tmp/tests" >"$tmp/all"

# "file:line:text" of all C files without comments, strings, and lines that are excused.
# shellcheck disable=SC2016
strip='
    FNR == 1 { inside = 0 }
    /tidy:/ { next }
    {
        if (inside) {
            if (!match($0, /\*\//)) next
            $0 = substr($0, RSTART + 2)
            inside = 0
        }
        gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ")
        if (match($0, /\/\*/)) { $0 = substr($0, 1, RSTART - 1); inside = 1 }
        if ($0 !~ /^#include/) gsub(/"([^"\\]|\\.)*"/, "\"\"")
        if ($0 ~ /[^ \t]/) print FILENAME ":" FNR ":" $0
    }'
xargs awk "$strip" <"$tmp/product" >"$tmp/code"
: >"$tmp/code-tests"
[ -s "$tmp/tests" ] && xargs awk "$strip" <"$tmp/tests" >"$tmp/code-tests"
cat "$tmp/code" "$tmp/code-tests" >"$tmp/code-all"

echo "1..19"

# ---- layers and doors ----

while IFS=: read -r file line text; do
    header=${text#*\"}
    header=${header%%\"*}
    folder=${file#src/}
    folder=${folder%%/*}
    case $header in
    config.h) continue ;;
    fs/*) target=$header ;;
    */*) target=src/$header ;;
    *)
        echo "$file:$line: \"$header\" is not a full path from src/"
        continue
        ;;
    esac
    [ -e "$target" ] || echo "$file:$line: there is no $target"
    case $file in src/main.c) continue ;; esac
    other=${header%%/*}
    case " $folder $(may_include "$folder") " in
    *" $other "*) continue ;;
    esac
    grep -qF "$file $other" <<<"$also_includes" && continue
    echo "$file:$line: $folder/ may not include $header"
done < <(grep -E ':#include "' "$tmp/code") >"$tmp/out"
check "$tmp/out" "folders include only what lies below them, by full path"

while read -r prefix allowed; do
    [ -n "$prefix" ] || continue
    read -ra patterns <<<"$allowed"
    grep -E ":#include <$prefix" "$tmp/code-all" | while IFS=: read -r file line text; do
        for pattern in "${patterns[@]}"; do
            # shellcheck disable=SC2053
            [[ $file == $pattern ]] && continue 2
        done
        echo "$file:$line: $text belongs to: $allowed"
    done
done <<<"$doors" >"$tmp/out"
check "$tmp/out" "each foreign library enters through its door"

grep -E '^[^:]*\.h:[0-9]+:#include <uv\.h>' "$tmp/code" >"$tmp/out"
check "$tmp/out" "no header includes uv.h"

# ---- names ----

grep '\.c$' "$tmp/product" | while read -r file; do
    echo "$(stem_of "$file") ${file%/*}"
done | sort -u | awk '{ if ($1 == last) print $1 ": " folder " and " $2; last = $1; folder = $2 }' \
    >"$tmp/out"
check "$tmp/out" "a stem is one module's alone"

archives=$(find "$build/src" "$build/fs" -name 'libdisco-*.a' 2>/dev/null)
if [ -n "$archives" ]; then
    # archive:member.o:... T symbol
    for a in $archives; do
        nm -A --defined-only --extern-only "$a" 2>/dev/null
    done | sed -n 's/^[^:]*:\([^:]*\)\.o:[0-9a-f]* [A-Z] \([A-Za-z][A-Za-z0-9_]*\)$/\1 \2/p' |
        while read -r member symbol; do
            stem=${member%_uv}
            for noun in "$stem" $(nouns "$stem"); do
                case $symbol in "$noun" | "$noun"_*) continue 2 ;; esac
            done
            echo "$member.o: $symbol does not begin with $stem"
        done >"$tmp/out"
    check "$tmp/out" "global symbols begin with the name of their header"

    for a in $archives; do
        objdump -t "$a" 2>/dev/null
    done | awk '
        /file format/ { member = $1; sub(/:$/, "", member); next }
        ($4 == ".bss" || $4 == ".data" || $4 ~ /^\.data\.rel(\.local)?$/ || $4 ~ /^\.(bss|data)\./) &&
            $4 !~ /^\.data\.rel\.ro/ && $NF !~ /^[._]/ && $3 == "O" {
                name = $NF; sub(/\..*/, "", name); print member, name }' |
        sort -u | while read -r member symbol; do
        case "$member $symbol" in
        "log.o the_log" | "mem.o outstanding") continue ;; # the style names these two
        esac
        file=$(find src fs -name "${member%.o}.c" | head -n 1)
        grep -qE "\b$symbol\b.*tidy:" "$file" 2>/dev/null && continue
        echo "$file: $symbol can change and belongs to nobody"
    done >"$tmp/out"
    check "$tmp/out" "no global mutable state"
else
    skip "global symbols begin with the name of their header" "no build in $build"
    skip "no global mutable state" "no build in $build"
fi

# ---- sizes ----

# A table fenced from clang-format may be wider.
# shellcheck disable=SC2016
xargs awk '
    FNR == 1 { fenced = 0 }
    /clang-format off/ { fenced = 1 }
    /clang-format on/ { fenced = 0 }
    !fenced && length($0) > 100' <"$tmp/all" >"$tmp/long"
xargs grep -nE '^.{101,}' <"$tmp/all" | grep -v 'tidy:' | grep -Ff "$tmp/long" | cut -c 1-120 >"$tmp/out"
[ -s "$tmp/long" ] || : >"$tmp/out"
check "$tmp/out" "lines have at most 100 columns, but for fenced tables"

while read -r file; do
    lines=$(wc -l <"$file")
    case $file in *.h) limit=150 more=200 ;; *) limit=500 more=600 ;; esac
    [ "$lines" -le "$limit" ] && continue
    head -n 40 "$file" | grep -q 'tidy:' && [ "$lines" -le "$more" ] && continue
    echo "$file: $lines lines, limit $limit"
done <"$tmp/product" >"$tmp/out"
check "$tmp/out" "files have at most 500 lines, headers 150"

# shellcheck disable=SC2016
xargs awk '
    /^[a-z_].*\(/ || /^__attribute__/ { name = $0; start = FNR; if (/tidy:/) excused = 1 }
    /^\{/ { body = FNR; if (/tidy:/) excused = 1 }
    /^}/ && body {
        if (FNR - body + 1 > 70 && !excused) print FILENAME ":" start ": " FNR - body + 1 " lines: " name
        body = excused = 0
    }
    FNR == 1 { body = excused = 0 }' <"$tmp/product" >"$tmp/out"
check "$tmp/out" "functions have at most 70 lines"

# ---- what is not called ----

banned='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|rand|srand|random|time|localtime|ctime'
banned+='|gethostbyname|signal|usleep|alloca'
grep -E "[^A-Za-z0-9_>.]($banned)\(" "$tmp/code-all" >"$tmp/out"
check "$tmp/out" "no banned call"

grep -E '\b(malloc|calloc|realloc|strdup|strndup|asprintf)\(' "$tmp/code" |
    grep -v '^src/base/mem\.c:' >"$tmp/out"
check "$tmp/out" "memory comes from base/mem.c"

grep -E '\b(clock_gettime|gettimeofday|uv_now|uv_hrtime)\(' "$tmp/code" |
    grep -vE '^src/(base/clock|agent/loop_uv)\.c:' >"$tmp/out"
check "$tmp/out" "only clock.c and loop_uv.c read a clock"

grep -E '\b(clock_now|clock_wall_ns|rng_system|rng_secure|rng_uuid)\(' "$tmp/code" |
    grep -E '^src/(state|store|raft)/' >"$tmp/out"
check "$tmp/out" "no clock and no chance in state/, store/ and raft/"

{
    grep -E '\b(pthread_mutex|pthread_rwlock|pthread_spin|pthread_cond|uv_mutex|uv_rwlock|uv_cond)_' \
        "$tmp/code" | grep -v '^src/base/mailbox\.c:'
    grep -E '\b(_Atomic|atomic_[a-z]+|__atomic_[a-z]+|__sync_[a-z]+)\b|\bvolatile\b' "$tmp/code" |
        grep -v '^src/base/published\.c:'
} >"$tmp/out"
check "$tmp/out" "locks are in mailbox.c, atomics in published.c"

# the words are spelled apart, so that this file does not hold them
{
    xargs grep -nE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b' <"$tmp/all"
    xargs grep -LE '^(/\* )?SPDX-License-Identifier|SPDX-License-Identifier: GPL-3.0-or-later' \
        <"$tmp/all" | sed 's/$/: no SPDX line/'
    grep -nE '(^|[^:"])//' "$tmp/code-all" | grep -vE '#include|http' | cut -d: -f2-
} >"$tmp/out"
check "$tmp/out" "licence tags; no // comments and no notes to oneself"

# ---- tests and documents ----

grep '\.c$' "$tmp/product" | grep -v '^src/main\.c$' | while read -r file; do
    stem=$(stem_of "$file")
    part=$stem
    while [ ! -e "tests/unit/test_$part.c" ] && [[ $part == *_* ]]; do
        part=${part%_*} # a module of several files may be tested as a whole
    done
    [ -e "tests/unit/test_$part.c" ] && continue
    grep -qE "^$stem: .{10,}" tests/untested.txt && continue
    echo "$file: neither tests/unit/test_$stem.c nor a reason in tests/untested.txt"
done | sort -u >"$tmp/out"
grep -vE '^(#|$)' tests/untested.txt | while IFS=: read -r stem _; do
    [ -e "tests/unit/test_$stem.c" ] && echo "tests/untested.txt: $stem has a test"
    grep -qE "/${stem}(_uv)?\.c$" "$tmp/product" || echo "tests/untested.txt: there is no $stem"
done >>"$tmp/out"
check "$tmp/out" "each module has a unit test, or a reason"

if [ -e doc/architecture.md ]; then
    for inc in src/*/Makefile.inc fs/Makefile.inc; do
        folder=${inc%/Makefile.inc}
        sentence=$(sed -n '1s/^# //p' "$inc")
        grep -E "^\| *\`?(src/)?${folder#src/}/?\`? *\|" doc/architecture.md | grep -qF "$sentence" ||
            echo "$folder: doc/architecture.md has no row with: $sentence"
    done >"$tmp/out"
    check "$tmp/out" "folders say the same in Makefile.inc and doc/architecture.md"
else
    skip "folders say the same in Makefile.inc and doc/architecture.md" "no doc/architecture.md"
fi

# ---- other tools ----

if command -v shellcheck >/dev/null; then
    grep -rlE '^#!/bin/(ba)?sh' autogen.sh contrib tests .ci 2>/dev/null |
        grep -vE '~$|\.orig$' | xargs shellcheck -S warning -x -P "$top" >"$tmp/out" 2>&1
    check "$tmp/out" "shellcheck"
else
    skip "shellcheck" "not installed"
fi

if command -v clang-format >/dev/null; then
    xargs clang-format --dry-run -Werror <"$tmp/all" 2>&1 | grep -E 'error:' >"$tmp/out"
    check "$tmp/out" "clang-format"
else
    skip "clang-format" "not installed"
fi

[ "$failed" -eq 0 ]
