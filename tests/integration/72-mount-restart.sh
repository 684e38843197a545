#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What open files, waiting requests and bind mounts see when keys are replaced, and when the agent is stopped,
# killed and started again: defined errors, and no process that cannot be ended.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
[ "$(id -u)" -eq 0 ] || skip_all "bind mounts need root"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout -s KILL 60 "$@"; }
ends() { # "what" STATUS PID: the process ends, so
    until_ok 5 has_ended "$3" && wait "$3" 2>/dev/null
    is "$?" "$2" "$1"
}

section "bind mounts"
mkdir -p "$T/box/dir" "$K/app"
: >"$T/box/file"
echo one >"$K/app/conf"
cat >"$T/box.sh" <<'SH'
mount --bind "$1/app/conf" "$2/file" && mount --bind "$1/app" "$2/dir" || exit 77
echo ready
while read -r _; do cat "$2/dir/conf"; cat "$2/file"; stat -c %s "$2/file"; echo end; done
SH
if unshare -m true 2>/dev/null; then
    coproc BOX { timeout 120 unshare -m --propagation slave bash "$T/box.sh" "$K" "$T/box" 2>&1; }
    read -r -t 120 line <&"${BOX[0]}"
    is "$line" ready "a file and a directory are bound into another name space"
    in_box() { # what it sees, in one line
        local line out=
        echo >&"${BOX[1]}"
        while read -r -t 120 line <&"${BOX[0]}" && [ "$line" != end ]; do out+="$line "; done
        echo "$out"
    }
    is "$(in_box)" "one one 4 " "both show the key"
    echo second >"$K/app/conf"
    is "$(in_box)" "second second 7 " "also when it was written here"
    api /v1/kv/app/conf -X PUT -d $'3\n' >/dev/null
    is "$(in_box)" "3 3 2 " "or over HTTP"
    echo fourth >"$K/app/new"
    mv "$K/app/new" "$K/app/conf"
    is "$(in_box)" "fourth fourth 7 " "or was replaced by a rename"
    # shellcheck disable=SC2086
    kill $BOX_PID 2>/dev/null
    wait "$BOX_PID" 2>/dev/null
else
    skip "bind mounts" "no name spaces"
fi

section "the agent is stopped"
echo x >"$K/cached"
echo y >"$K/other"
t cat "$K/cached" >/dev/null
kill -STOP "$PID"
for signal in TERM:143 KILL:137; do
    cat "$K/other" >/dev/null 2>&1 &
    reader=$!
    until_ok 5 grep -qE 'fuse|request_wait' "/proc/$reader/wchan"
    kill -"${signal%:*}" $reader
    ends "a reader ends by SIG${signal%:*}" "${signal#*:}" $reader
done
ls -l "$K" >/dev/null 2>&1 &
lister=$!
kill -KILL $lister
ends "so does ls" 137 $lister
bash -c "echo z >'$K/written'" 2>/dev/null &
writer=$!
kill -KILL $writer
ends "and a writer" 137 $writer
kill -CONT "$PID"
is "$(t cat "$K/other")" y "going on, it answers"

section "the agent is killed"
echo kept >"$K/open"
echo kept >"$K/dirty"
cat >"$T/holder.py" <<'PY'
import errno, os, sys
kv, mount = sys.argv[1:3]
def told(what):
    try:
        what()
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
dirty = os.open(kv + "/dirty", os.O_RDWR)
os.write(dirty, b"unsaved")
fact = os.open(mount + "/members", os.O_RDONLY)
os.chdir(kv)
print("open", flush=True)
for line in sys.stdin:
    print(told(lambda: os.read(fact, 9)), told(lambda: os.write(dirty, b"x")), told(lambda: os.fsync(dirty)),
          told(lambda: os.stat("other")), told(lambda: os.stat(kv + "/other")), flush=True)
print(told(lambda: os.close(dirty)), flush=True)
PY
coproc HOLDER { timeout 300 python3 "$T/holder.py" "$K" "$M" 2>&1; }
told() { local line; echo >&"${HOLDER[1]}"; read -r -t 120 line <&"${HOLDER[0]}"; echo "$line"; }
read -r -t 120 line <&"${HOLDER[0]}"
is "$line" open "a program has files open and a value not yet saved"
cat "$M/.changes" >/dev/null 2>"$T/changes.err" &
reader=$!
until_ok 5 bash -c "ls -l /proc/$reader/fd | grep -q .changes"
stop_agent node1 KILL
ends "a read that waits ends" 1 $reader
like "$(cat "$T/changes.err")" 'Software caused connection abort|not connected' "with ECONNABORTED or ENOTCONN"
is "$(told)" "ENOTCONN ENOTCONN ENOTCONN ENOTCONN ENOTCONN" "files and names answer ENOTCONN, at once"
need_agent node1 -mount "$M"
is "$(told)" "ENOTCONN ENOTCONN ENOTCONN ENOTCONN ok" "started again: names are there, what was open stays lost"
# shellcheck disable=SC1083,SC2093
exec {HOLDER[1]}>&-
read -r -t 120 line <&"${HOLDER[0]}"
is "$line" ENOTCONN "close says that it was not saved"
is "$(t cat "$K/other" "$K/dirty" | tr '\n' ' ')" "y kept " "each key has its last commit"
stop_agent node1
is "$STATUS" 0 "it stops"

section "stopped while programs write"
for r in 1 2 3 4; do
    need_agent node1 -mount "$M"
    writers=()
    for w in 1 2 3 4; do
        timeout -s KILL 60 python3 -c '
import os, sys
try:
    for n in range(1 << 30):
        path = "%s/%s.%d.tmp" % (sys.argv[1], sys.argv[2], n)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, b"x")
        os.ftruncate(fd, 0)
        os.unlink(path)
        os.close(fd)
except OSError:
    pass' "$K" "w$w" &
        writers+=($!)
    done
    writes() { [ "$(api /v1/agent/metrics | jq '[.Counters[] | select(.Name == "consul.fs.requests") | .Count] | add')" -gt 500 ]; }
    ok "they write ($r)" until_ok 20 writes
    stop_agent node1
    is "$STATUS" 0 "it stops in order"
    wait "${writers[@]}"
done
done_testing
