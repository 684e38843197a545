#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A damaged log is recovered by its rules or refused with file, offset and remedy; never half-loaded
# without a word (the table at the top of src/wal/wal.c).
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
command -v jq >/dev/null || skip_all "jq is missing"

keys=40
need_agent damaged -log-level info
for ((i = 0; i < keys; i++)); do
    curl -s -X PUT -d "value $i" "http://$HTTP/v1/kv/key/$i" >/dev/null || bail "no write"
done
log=$(dirname "$(find "$DIR" -name 'wal-*' | head -n 1)")
[ -d "$log" ] || bail "no log under $DIR"
# Until the log is sealed (wal_seal), which it is when half a second went by without a write: only
# then does the loss of its whole last write show. Where that was already, seconds pass in vain.
end_of_log() { "$DISCO" debug wal "$log" | sed -n 's/.* end  offset=\([0-9]*\) .*/\1/p'; }
last=$(end_of_log)
is_sealed() { [ "$(end_of_log)" -gt "${last:-0}" ]; }
until_ok 1 is_sealed
stop_agent damaged KILL
cp -a "$DIR" "$T/sound"
segment=$(find "$log" -name 'wal-*' | sort | tail -n 1)
segment=${segment##*/}
rel=${log#"$DIR"}

# Where the last byte that is not zero stands.
end=$(python3 -c 'import sys; print(len(open(sys.argv[1], "rb").read().rstrip(b"\0")))' "$log/$segment")
diag "log $rel/$segment ends at $end"

# damage "what" PYTHON: the sound copy comes back, then b, its last segment, is changed
damage() {
    rm -rf "$DIR"
    cp -a "$T/sound" "$DIR"
    python3 - "$DIR$rel/$segment" "$end" "$1" <<'END'
import sys
path, end = sys.argv[1], int(sys.argv[2])
b = bytearray(open(path, "rb").read())
exec(sys.argv[3])
open(path, "wb").write(b)
END
}
holds() { [[ $'\n'$rows$'\n' == *$'\n'"key/$1=value $1"$'\n'* ]]; }
# The agent on the damaged log: "refused", "whole", "cut N" (the first N keys are there, and the
# log says so), or what is wrong.
outcome() {
    local n i rows missing=0
    : >"$LOG"
    if ! start_agent damaged >/dev/null 4>/dev/null; then
        stop_agent damaged KILL
        if grep -qE 'wal-[0-9a-f]+.*offset [0-9]+' "$LOG"; then
            echo refused
        else
            echo "gone without a word: $(tail -n 3 "$LOG")"
        fi
        return
    fi
    rows=$(curl -s "http://$HTTP/v1/kv/key/?recurse" | jq -r '.[] | .Key + "=" + (.Value | @base64d)')
    for ((n = keys; n > 0; n--)); do holds $((n - 1)) && break; done
    for ((i = 0; i < n; i++)); do holds $i || missing=1; done
    stop_agent damaged KILL
    if [ $missing -eq 1 ]; then
        echo "holes"
    elif [ "$n" -eq $keys ]; then
        echo whole
    elif grep -qiE 'wal-[0-9a-f]+' "$LOG"; then
        echo "cut $n"
    else
        echo "silently cut at $n"
    fi
}
refused() { # "what" PYTHON
    damage "$2"
    is "$(outcome)" refused "$1"
    like "$(cat "$LOG")" 'offset [0-9]+' "$1: the line has file and offset"
}

is "$(AGENT_WAIT=30 outcome)" whole "killed, not damaged: all is there"
damage 'b[end:] = bytes(len(b) - end)'
is "$(outcome)" whole "rewritten the same: all is there"
refused "a bit flipped early in the log" 'b[1500] ^= 4'
refused "a bit flipped in the middle" 'b[end // 2] ^= 1'
refused "a sector of zeros in the middle" 'at = end // 1024 * 512; b[at:at + 512] = bytes(512)'
refused "the header flipped" 'b[20] ^= 1'
damage 'b[-512:] = b"garbage!" * 64'
is "$(outcome)" whole "garbage far behind the end: all is there"
ok "garbage far behind the end: the log says so" grep -q 'cut from the log' "$LOG"

# The end: whatever is cut off or flipped there, the outcome is one of the three that are allowed.
declare -A seen=()
for cut in 1 30 200 511 512 513 1500; do
    damage "del b[end - $cut:]"
    seen["truncated by $cut"]=$(outcome)
    damage "b[end - $cut:] = bytes(len(b) - end + $cut)"
    seen["zeros from $cut before the end"]=$(outcome)
    damage "b[end - $cut] ^= 16"
    seen["a bit flipped $cut before the end"]=$(outcome)
done
for what in "${!seen[@]}"; do
    allowed='^(refused|whole|cut [0-9]+)$'
    # Whole batches of zeros at the end cannot be told from a log that never had them: no crash
    # makes them, for they were synced. All before them must be there.
    [[ $what == zeros* ]] && allowed='^(refused|whole|(silently )?cut( at)? [0-9]+)$'
    like "${seen[$what]}" "$allowed" "$what: ${seen[$what]}"
done

rm -rf "$DIR"
cp -a "$T/sound" "$DIR"
mv "$DIR$rel/$segment" "$T/kept"
like "$(outcome)" 'refused' "the last segment missing"
like "$(cat "$LOG")" "$segment" "the missing segment is named"
rm -rf "$DIR"
cp -a "$T/sound" "$DIR"
is "$(outcome)" whole "the sound copy still starts"
: >"$LOG"
done_testing
