#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The state saved to a file and restored from it, by the command line.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
need_agent one -log-level WARN
export CONSUL_HTTP_ADDR=$HTTP
snapshot() { "$DISCO" snapshot "$@"; }
put() { curl -sf -X PUT -d "$2" "http://$HTTP/v1/kv/$1" >/dev/null; }
get() { curl -s "http://$HTTP/v1/kv/$1?raw"; }

put a one
put b two
exits 0 "save" snapshot save "$T/s.snap"
like "$OUT" '^Saved and verified snapshot to index [0-9]+$' "it says so"
is "$(stat -c %a "$T/s.snap")" 600 "the file is its owner's alone"
is "$(tar tzf "$T/s.snap" | tr '\n' ' ')" "meta.json state.bin SHA256SUMS " "an archive that tar reads"
ok "with sums that sha256sum finds right" bash -c "mkdir '$T/x' && cd '$T/x' && tar xzf '$T/s.snap' && sha256sum -c SHA256SUMS"
exits 0 "inspect" snapshot inspect "$T/s.snap"
like "$OUT" 'Index +[0-9]+' "it tells the index"
put a changed
put c new
curl -sf -X DELETE "http://$HTTP/v1/kv/b" >/dev/null
exits 0 "restore" snapshot restore "$T/s.snap"
is "$OUT" "Restored snapshot" "it says so"
is "$(get a),$(get b),$(get c)" "one,two," "all is as it was"
put a after
is "$(get a)" after "and goes on"
ok "from stdin, to stdout" bash -c "'$DISCO' snapshot save - 2>/dev/null | '$DISCO' snapshot restore -"
is "$(get a)" after "nothing changed by it"

section "what is no snapshot changes nothing"
head -c 300 "$T/s.snap" >"$T/cut"
exits 1 "cut short" snapshot restore "$T/cut"
like "$ERR" 'failed to decompress snapshot' "it says why"
sed 's/three/drei/' <<<text >"$T/text"
exits 1 "a text" snapshot restore "$T/text"
exits 1 "no file" snapshot restore "$T/none"
exits 1 "inspect of none" snapshot inspect "$T/text"
(cd "$T/x" && echo >>state.bin && tar czf "$T/wrong" meta.json state.bin SHA256SUMS)
exits 1 "a wrong sum" snapshot restore "$T/wrong"
like "$ERR" 'hash check failed for "state.bin"' "it says which"
(cd "$T/x" && echo junk >state.bin && sha256sum meta.json state.bin >SHA256SUMS && tar czf "$T/junk" meta.json state.bin SHA256SUMS)
exits 1 "right sums of something else" snapshot restore "$T/junk"
is "$(get a)" after "nothing changed by all that"

section "larger than what is restored"
head -c 500000 /dev/urandom >"$T/value"
for i in $(seq 110); do echo "url = http://$HTTP/v1/kv/big/$i"; done >"$T/urls"
ok "55 MB of keys" curl -sf -X PUT --data-binary "@$T/value" -K "$T/urls" -o /dev/null
exits 0 "save" snapshot save "$T/big.snap"
mkdir "$T/big"
ok "whole, with its sums" bash -c "cd '$T/big' && tar xzf '$T/big.snap' && sha256sum -c SHA256SUMS"
is "$(grep -o '"Size":[0-9]*' "$T/big/meta.json")" "\"Size\":$(stat -c %s "$T/big/state.bin")" "its size is told"
exits 0 "inspect, from stdin" bash -c "'$DISCO' snapshot inspect - <'$T/big.snap'"
exits 1 "restore" snapshot restore "$T/big.snap"
like "$ERR" 'larger than [0-9]+ bytes' "is refused, and why"
is "$(get a)" after "nothing changed by it"

section "a restored state survives a restart"
snapshot restore "$T/s.snap" >/dev/null
stop_agent one
need_agent one -log-level WARN
is "$(get a),$(get b)" "one,two" "it is still there"
done_testing
