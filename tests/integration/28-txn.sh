#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Transactions are bounded by their size, not by the number of their operations: 5,000 at once, all or none.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
need_agent one -log-level WARN

txn() { # FILE: status in $CODE, body in $T/reply
    CODE=$(curl -s -m 100 -o "$T/reply" -w '%{http_code}' -X PUT --data-binary "@$1" "http://$HTTP/v1/txn")
}
body() { # N EXTRA...: N operations that set keys, and others between the last and the one before
    python3 - "$@" <<'END'
import json, sys
n, extra = int(sys.argv[1]), [json.loads(text) for text in sys.argv[2:]]
ops = [{"KV": {"Verb": "set", "Key": "txn/%05d" % i, "Value": "dmFsdWU="}} for i in range(n)]
print(json.dumps(ops[:-1] + extra + ops[-1:], separators=(",", ":")))
END
}
reply() { python3 -c "import json,sys; r=json.load(open('$T/reply')); print(repr($1))"; }
count() { curl -s "http://$HTTP/v1/kv/txn/?keys" | python3 -c 'import json,sys; t=sys.stdin.read(); print(len(json.loads(t)) if t else 0)'; }

section "5,000 operations"
body 5000 >"$T/many"
start=$(date +%s%N)
txn "$T/many"
diag "5,000 operations, $(stat -c %s "$T/many") bytes: $((($(date +%s%N) - start) / 1000000)) ms"
is "$CODE" 200 "taken"
is "$(reply '(len(r["Results"]), r["Errors"])')" "(5000, None)" "each has its result"
is "$(reply 'len({o["KV"]["ModifyIndex"] for o in r["Results"]})')" 1 "they are one write"
is "$(count)" 5000 "all keys are there"

section "one of them fails"
curl -sf -X DELETE "http://$HTTP/v1/kv/txn/?recurse" >/dev/null
body 5000 '{"KV":{"Verb":"cas","Key":"no","Index":3}}' '{"KV":{"Verb":"get","Key":"neither"}}' >"$T/failing"
txn "$T/failing"
is "$CODE" 409 "refused"
is "$(reply '[e["OpIndex"] for e in r["Errors"]]')" "[4999, 5000]" "the places of what failed"
is "$(reply 'r["Results"]')" None "no results"
is "$(count)" 0 "nothing was done"

section "beside the catalog's"
body 3000 '{"Node":{"Verb":"set","Node":{"Node":"far","Address":"10.1.1.1"}}}' >"$T/mixed"
txn "$T/mixed"
is "$CODE,$(count)" "200,3000" "3,000 operations and a node"
like "$(curl -s "http://$HTTP/v1/catalog/nodes")" '"Node":"far"' "it is there"

section "too large"
body 9000 >"$T/large"
txn "$T/large"
is "$CODE" 413 "over limits.txn_max_req_len"
is "$(cat "$T/reply")" "Request body($(stat -c %s "$T/large") bytes) too large, max size: 524288 bytes. See https://www.consul.io/docs/agent/options.html#txn_max_req_len." "in one line"
is "$(count)" 3000 "nothing was done"
done_testing
