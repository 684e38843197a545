#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Mounts behind a cut of the network, where no connection breaks and nobody refuses: reads go on, writes fail within
# a bound and are not carried out later, and a client agent leaves a server that it cannot reach (tests/harness).
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
command -v dig >/dev/null || skip_all "no dig"

python3 "$TOP_SRCDIR/tests/harness/mount_cut.py" "$DISCO"
STATUS=$?
[ $STATUS -eq 77 ] && exit 0
exit $STATUS
