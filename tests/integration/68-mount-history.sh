#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# .snapshot: the keys as they were at recent indexes.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m S=$T/m/.snapshot
put() { curl -sf -X PUT --data-binary "$2" "http://$HTTP/v1/kv/$1" >/dev/null; }
index() { getfattr --absolute-names --only-values -n user.disco.index "$1"; }
newest() { readlink "$S/latest"; }
need_agent node1 -mount "$M"

section an overwritten key comes back
put app/conf 'first'
put app/conf 'second'
before=$(newest) modified=$(index "$M/kv/app/conf")
put app/conf 'broken'
rm "$M/kv/app/conf"
is "$(cat "$S/$before/kv/app/conf")" second "the value as it was"
ok "cp brings it back" cp "$S/$before/kv/app/conf" "$M/kv/app/conf"
is "$(cat "$M/kv/app/conf")" second "as it was"
is "$(cat "$S/latest/kv/app/conf")" second "latest is now"
ok "latest is the index of the state" [ "$(newest)" = "$(cat "$M/index")" ]
fails "an index that is to come" ls "$S/$(($(newest) + 1000))"
fails "an index before all" ls "$S/0"
fails "a number written otherwise" ls "$S/0$before"
run ls "$S"
like " ${OUT//$'\n'/ } " " $before .* latest " "ls names the indexes"
unlisted() { [ -z "$(find "$M" -maxdepth 1 -name '.snap*')" ]; }
ok "the top does not name .snapshot: who copies all does not copy this" unlisted

section each index is a tree
declare -A was
for i in 1 2 3 4 5 6 7 8; do
    put "t/n$((i % 3))" "v$i"
    [ $i = 4 ] && put t/n1/below deep
    [ $i = 6 ] && curl -sf -X DELETE "http://$HTTP/v1/kv/t/n1?recurse" >/dev/null
    mkdir -p "$T/copy" && cp -r "$M/kv/t" "$T/copy/$(newest)"
    was[$(newest)]=1
done
same() { for n in "${!was[@]}"; do diff -r "$T/copy/$n" "$S/$n/kv/t" || return 1; done; }
ok "each is what cp -r took at the time, values beside trees included" same
ok "find, grep, tar read it" bash -c "find '$S/latest/kv' -type f | grep -q t/n2 &&
    grep -rq v8 '$S/latest/kv' && tar cf - -C '$S/$before/kv' . | tar tf - | grep -q app/conf"
is "$(index "$S/$before/kv/app/conf")" "$modified" "attributes are those of the time"
is "$(stat -c '%s %A' "$S/$before/kv/app/conf")" "6 -r--r--r--" "size and mode"
put mt x && mt=$(newest) && until_ok 5 test "$(stat -c %.9Y "$M/kv/mt")" && made=$(stat -c %.9Y "$M/kv/mt")
put mt y
is "$(stat -c %.9Y "$S/$mt/kv/mt")" "$made" "the time is the commit's"
for what in "touch $S/latest/kv/t/n2" "mkdir $S/x" "rm $S/latest/kv/t/n2" "mv $S/latest/kv/t/n2 $M/kv/z" \
    "sh -c \"echo x >'$S/latest/kv/new'\"" "rmdir $S/$before"; do
    run eval "$what"
    like "$STATUS $ERR" "^[1-9].*(Read-only|not permitted|directory nonexistent|cannot create)" "refused: ${what//$T/}"
done
is "$(head -c 300 /dev/zero | tr '\0' k >"$T/k300"; put "$(cat "$T/k300")" long; put other x
    find "$S/$(newest)/kv" -type f -name 'k*' -exec cat {} +)" long "names that are cut"

section after a restart
stop_agent node1
start_agent node1 -mount "$M" || bail "no agent"
is "$(cat "$S/latest/kv/app/conf" "$S/$before/kv/app/conf")" secondsecond \
    "what the log still has since its snapshot is there again"
stop_agent node1

section bounds
echo '{"mount": {"history": 200000}}' >"$T/small.json"
need_agent node2 -mount "$M" -config-file "$T/small.json"
first=$(newest)
for i in $(seq 40); do
    { echo "$i" && head -c 20000 /dev/zero; } | curl -sf -X PUT --data-binary @- "http://$HTTP/v1/kv/big" >/dev/null
done
fails "what is too old is not there" ls "$S/$first/kv"
oldest=$(find "$S" -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n' | sort -n | head -1)
ok "what is listed is" [ "$(stat -c %s "$S/$oldest/kv/big")" -gt 0 ]
stop_agent node2
echo '{"mount": {"history": 0}}' >"$T/none.json"
need_agent node3 -mount "$M" -config-file "$T/none.json"
put k 1 && before=$(newest) && put k 2
fails "switched off there is no past" ls "$S/$before"
is "$(cat "$S/latest/kv/k")" 2 "but the present"
stop_agent node3
done_testing
