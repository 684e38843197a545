#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A full disk: writes fail with a clear error, reads go on, and writes work again when there is
# space, without a restart.
# shellcheck disable=SC2317 # called through until_ok and trap
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

mkdir "$T/small"
[ "$(id -u)" -eq 0 ] || skip_all "mounting a small file system needs root"
mount -t tmpfs -o size=64m disco-test "$T/small" 2>/dev/null || skip_all "tmpfs cannot be mounted here"
tap_small_cleanup() {
    tap_cleanup
    umount -l "$T/small" 2>/dev/null
    rm -rf --one-file-system "$T"
}
trap tap_small_cleanup EXIT

need_agent full -data-dir "$T/small/data"
put() { # KEY FILE; prints status and body
    curl -s -m 30 -o "$T/body" -w '%{http_code} ' -X PUT --data-binary "@$2" "http://$HTTP/v1/kv/$1"
    head -c 300 "$T/body"
}
head -c 300000 /dev/urandom >"$T/value"
echo small >"$T/little"
is "$(put before "$T/little")" "200 true" "there is space: writes work"

fill() { # all that is left, but for what the file system keeps
    dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null
    df -k "$T/small" | tail -n 1
}
diag "$(fill)"
refused='' n=0
while [ -z "$refused" ] && [ $n -lt 400 ]; do
    answer=$(put "fill/$n" "$T/value")
    [[ $answer == 200* ]] || refused=$answer
    n=$((n + 1))
    dd if=/dev/zero of="$T/small/filler2" bs=64k oflag=append conv=notrunc 2>/dev/null
done
diag "write $n was answered: $refused"
like "$refused" '^5[0-9][0-9] ' "a write on the full disk fails"
like "$refused" '(No space left|cannot be written|storage|disk)' "the error says why"
is "$(curl -s "http://$HTTP/v1/kv/before?raw")" small "reads go on"
is "$(curl -s "http://$HTTP/v1/kv/before?raw&consistent")" small "consistent reads go on"
is "$(curl -s "http://$HTTP/v1/kv/fill/0?raw" | cmp - "$T/value" && echo same)" same \
    "what was acknowledged before is there"
like "$(put refused/again "$T/little")" '^5[0-9][0-9] ' "a second write fails as well"
ok "the agent is alive" kill -0 "$PID"

rm -f "$T/small/filler" "$T/small/filler2"
works() { [ "$(put after "$T/little")" = "200 true" ]; }
ok "with space again, writes work without a restart" until_ok 20 works
is "$(curl -s "http://$HTTP/v1/kv/after?raw")" small "and what they wrote is read"
stop_agent full KILL
ok "it starts again" start_agent full -data-dir "$T/small/data"
is "$(curl -s "http://$HTTP/v1/kv/after?raw")" small "what was written after the full disk is there"
is "$(curl -s -o /dev/null -w '%{http_code}' "http://$HTTP/v1/kv/refused/again")" 404 \
    "what was refused is not there"
done_testing
