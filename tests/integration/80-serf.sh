#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's serf agents and our members are one pool: they join, tag, talk, die and leave as one, in
# clear and encrypted, and hold nobody for dead under load. GOSSIP_SECONDS says how long that is
# watched.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
command -v serf >/dev/null || skip_all "serf is missing"
run python3 "$TOP_SRCDIR/tests/integration/gossip_serf.py" "$TOP_BUILDDIR/tests/lib/gossip_node" "$T" \
    "${GOSSIP_SECONDS:-15}"
is "$STATUS" 0 "the story is told to its end" || diag "$ERR"
while read -r word what; do
    case $word in
    ok) ok "$what" true ;;
    bad) ok "$what" false ;;
    *) diag "$what" ;;
    esac
done <<<"$OUT"
ok "it was the whole of it" test "$(grep -c '^ok' <<<"$OUT")" -ge 40
ok "no sanitizer complained" bash -c "! grep -l 'ERROR: .*Sanitizer\\|runtime error' '$T'/*-d?.log"
done_testing
