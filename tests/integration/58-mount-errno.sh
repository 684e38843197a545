#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every operation and how it fails, on the mount and on tmpfs: the same, or different for a reason.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
other=$(mktemp -d /dev/shm/disco-test.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$other"; tap_cleanup' EXIT
need_agent node1 -mount "$M"
run timeout 120 python3 "$TOP_SRCDIR/tests/integration/mount_errno.py" "$M/kv" "$other"
while IFS= read -r line; do
    case $line in
    'ok '*) tap_result 0 "${line#ok * - }" ;;
    'not ok '*) tap_result 1 "${line#not ok * - }" ;;
    '# '*) diag "${line#\# }" ;;
    esac
done <<<"$OUT"
is "$ERR" "" "all rows ran"
done_testing
