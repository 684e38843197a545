#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk that does not answer (a frozen file system): the agent says so, reads go on, writes wait and
# are done when it answers again, and the agent says that too.
# shellcheck disable=SC2317 # called through until_ok and trap
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

[ "$(id -u)" -eq 0 ] || skip_all "mounting a file system needs root"
command -v fsfreeze >/dev/null && command -v mkfs.ext4 >/dev/null ||
    skip_all "fsfreeze or mkfs.ext4 is not installed"
mkdir "$T/slow"
truncate -s 128M "$T/image"
mkfs.ext4 -q "$T/image" && mount -o loop "$T/image" "$T/slow" 2>/dev/null ||
    skip_all "a loop device cannot be mounted here"
tap_slow_cleanup() {
    fsfreeze -u "$T/slow" 2>/dev/null
    tap_cleanup
    umount -l "$T/slow" 2>/dev/null
    rm -rf --one-file-system "$T"
}
trap tap_slow_cleanup EXIT

need_agent slow -data-dir "$T/slow/data"
slow() { # what the metric says
    curl -s -m 60 "http://$HTTP/v1/agent/metrics" |
        grep -o '"consul.raft.storage_slow","Value":[01]' | grep -o '[01]$'
}
told() { grep -q "$1" "$LOG"; }
is "$(curl -s -X PUT -d 1 "http://$HTTP/v1/kv/k")" true "the disk answers: writes work"
is "$(slow)" 0 "it is not called slow"

fsfreeze -f "$T/slow"
curl -s -m 60 -X PUT -d 2 "http://$HTTP/v1/kv/k" >"$T/answer" &
writer=$!
is_slow() { [ "$(slow)" = 1 ]; }
ok "it stands still: the metric says so" until_ok 10 is_slow
ok "the log says so" told 'the disk is slow: a write of the log has waited for [0-9]* ms'
like "$(curl -s "http://$HTTP/v1/agent/self")" '"storage_slow": ?"true"' "agent/self says so"
is "$(curl -s -m 60 "http://$HTTP/v1/kv/k?raw")" 1 "reads go on"
ok "the writer waits" kill -0 $writer

fsfreeze -u "$T/slow"
wait $writer
is "$(cat "$T/answer")" true "and was told that it succeeded"
is "$(curl -s "http://$HTTP/v1/kv/k?raw")" 2 "what it wrote is read"
is_quick() { [ "$(slow)" = 0 ]; }
ok "the metric goes back" until_ok 10 is_quick
ok "the log says so" told 'the disk is no longer slow: the last write took'
done_testing
