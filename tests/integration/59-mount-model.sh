#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Random operations on the mount and by HTTP agree with a model in memory: always the same ones; with
# MOUNT_MODEL_SECONDS=3600 for so long, and others each time. MOUNT_MODEL_SEED to see one run again.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
need_agent node1 -mount "$M"
seconds=${MOUNT_MODEL_SECONDS:-6} seed=${MOUNT_MODEL_SEED-}
[ -n "${MOUNT_MODEL_SECONDS-}" ] || seed=${seed:-1}
exits 0 "random operations, $seconds s" timeout $((seconds + 60)) python3 "$TOP_SRCDIR/tests/integration/mount_model.py" \
    "http://$HTTP" "$M/kv" "$seconds" ${seed:+"$seed"}
diag "$OUT"
done_testing
