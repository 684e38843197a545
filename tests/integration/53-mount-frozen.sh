#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk that stops answering: nothing on the mount hangs. Reads go on, what waits for a commit is
# told so in time or may be killed, and when the disk is back all is as it should be.
# shellcheck disable=SC2317 # called through until_ok and trap
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
[ "$(id -u)" -eq 0 ] || skip_all "freezing a file system needs root"
command -v fsfreeze mkfs.ext4 >/dev/null || skip_all "no fsfreeze or mkfs.ext4"

M=$T/m
mkdir "$T/disk"
truncate -s 300M "$T/image"
mkfs.ext4 -q "$T/image" || skip_all "mkfs.ext4 failed"
mount -o loop "$T/image" "$T/disk" 2>/dev/null || skip_all "no loop device"
thaw() {
    fsfreeze -u "$T/disk" 2>/dev/null
    stop_agent node1 KILL
    unmount "$M"
    umount "$T/disk" 2>/dev/null || umount -l "$T/disk"
    tap_cleanup
}
trap thaw EXIT
need_agent node1 -data-dir "$T/disk/data" -mount "$M"
echo value >"$M/kv/before"
echo value >"$M/kv/removed"

seconds() { # "what" MAX COMMAND...: it ends, whatever its status, within MAX seconds of a quiet machine
    local what=$1 max=$2 start=$SECONDS
    shift 2
    run timeout 120 "$@"
    ok "$what ($((SECONDS - start)) s)" test $((SECONDS - start)) -le $((max * PATIENCE))
}
fsfreeze -f "$T/disk" || bail "cannot freeze"
seconds "a write is told" 8 cp /etc/hostname "$M/kv/late"
like "$ERR" 'timed out' "that it took too long"
seconds "a writer can be killed" 4 timeout -s KILL 1 cp /etc/hostname "$M/kv/killed"
seconds "so can rm, by Ctrl-C" 4 timeout -s INT 1 rm "$M/kv/removed"
seconds "mkdir is told" 8 mkdir "$M/kv/dir"
exits 0 "reads go on" timeout 30 cat "$M/kv/before"
exits 0 "listings too" timeout 30 ls "$M/kv"
exits 0 "touch does not wait: it would be told that it took too long" timeout 60 touch "$M/kv/touched"
exits 0 "nor do others wait for it for long" timeout 60 cat "$M/kv/before"
fsfreeze -u "$T/disk"

same() { # the mount has what HTTP has
    local keys
    keys=$(curl -sf -m 60 "http://$HTTP/v1/kv/?keys" | tr -d '[]"' | tr ',' '\n' | sed 's,/$,,' | sort)
    [ "$keys" = "$(timeout 30 ls "$M/kv" | sort)" ] && ! grep -q removed <<<"$keys"
}
ok "when the disk is back, the mount shows what was committed" until_ok 10 same
ok "and takes writes" timeout 60 bash -c "echo x >'$M/kv/after' && rm '$M/kv/after'"
stop_agent node1
is "$STATUS" 0 "it stops"
done_testing
