#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The mount against changes from elsewhere: what HTTP acknowledged is what the next open shows, no
# reader ever sees a torn or empty value, and nothing hangs.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
need_agent node1 -mount "$M"
scene() {
    ok "$1" timeout 120 python3 "$TOP_SRCDIR/tests/integration/mount_coherence.py" \
        "http://$HTTP" "$M/kv" "${@:2}"
}
scene "PUT, then read at once: 300 rounds, always the new value" update 300
scene "DELETE, then read at once: 200 rounds, always gone; PUT, and there again" delete 200
scene "sizes and listings follow soon, each time" follow 150
scene "PUT, then stat and ls at once: 200 rounds, as it is now" exact 200
scene "names that opens found stale before the news came: followed all the same" crossing 25
scene "a value turns into a directory and back while names are cached" faces 50
scene "an open file keeps the version it was opened at" snapshot 20
scene "readers under remote writers: never torn, never empty" torture 4 0 2
scene "readers under local and remote writers: never torn, never empty" torture 4 1 1
scene "writers of one key on one mount: all succeed, the last one stays" torture 3 3 0
scene "everybody at one key in every way: opens fail only when it is not there" crowd 5
scene "what is done by a name just made by rename happens to its key: 4 x 150 times" moved 150
scene "names made, renamed and removed under listings" names 4
exits 0 "what a close acknowledged is there, also for who waited behind others" timeout 60 \
    python3 "$TOP_SRCDIR/tests/integration/mount_flush.py" "$M/kv/shared" "http://$HTTP/v1/kv/shared"
exits 0 "curl and cat, as people do" bash -c "for i in \$(seq 50); do
    curl -sf -X PUT -d \$i http://$HTTP/v1/kv/people >/dev/null; [ \"\$(cat '$M/kv/people')\" = \$i ] || exit 1; done"
done_testing
