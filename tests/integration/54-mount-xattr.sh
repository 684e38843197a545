#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Extended attributes on the mount: what the API tells of a key beside its value, flags that may be
# set, and a commit that is only made onto the index that was read.
# shellcheck disable=SC2016
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
command -v getfattr setfattr >/dev/null || skip_all "no getfattr and setfattr"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
field() { api "/v1/kv/$1" | jq -r ".[0].$2"; }
t() { timeout 120 "$@"; }
s() { timeout 120 bash -c "cd '$K' || exit 99; $1"; }
attr() { t getfattr --absolute-names --only-values -n "user.$2" "$1"; }

section "reading"
api '/v1/kv/a?flags=42' -X PUT -d one >/dev/null
api /v1/kv/a -X PUT -d two >/dev/null
is "$(attr "$K/a" disco.index)" "$(field a ModifyIndex)" "index"
is "$(attr "$K/a" consul.modify_index)" "$(field a ModifyIndex)" "the same by Consul's word"
is "$(attr "$K/a" disco.create_index)" "$(field a CreateIndex)" "create_index"
is "$(attr "$K/a" disco.lock_index)" 0 "lock_index"
is "$(attr "$K/a" disco.flags)" "$(field a Flags)" "flags"
is "$(attr "$K/a" disco.stale_ms)" 0 "stale_ms: the leader is never behind itself"
is "$(t getfattr --absolute-names "$K/a" | grep -v '^#' | tr '\n' ' ')" \
    "user.disco.create_index user.disco.flags user.disco.index user.disco.lock_index user.disco.stale_ms  " \
    "the list: no session is there"
session=$(api /v1/session/create -X PUT -d '{"Name":"deploy"}' | jq -r .ID)
api "/v1/kv/a?acquire=$session" -X PUT -d held >/dev/null
is "$(attr "$K/a" disco.session)" "$session" "session of a locked key"
is "$(attr "$K/a" disco.holder)" $'node1\tdeploy' "its node and name"
is "$(attr "$K/a" disco.lock_index)" 1 "lock_index"
api "/v1/session/destroy/$session" -X PUT >/dev/null
fails "and none any more" attr "$K/a" disco.session
api /v1/catalog/register -X PUT -d '{"Node":"n2","Address":"10.0.0.2","Service":{"Service":"web","Port":80}}' >/dev/null
header() { curl -s -m 60 -o /dev/null -D - "http://$HTTP$1" | tr -d '\r' | awk -F': ' 'tolower($1) == "x-consul-index" { print $2 }'; }
is "$(attr "$M/services/web/nodes" disco.index)" "$(header /v1/health/service/web)" "the index of a service"
is "$(attr "$M/services" disco.index)" "$(header /v1/catalog/services)" "of all services"
is "$(attr "$M/nodes/n2" disco.index)" "$(header /v1/catalog/node/n2)" "of a node"
is "$(attr "$K" disco.index)" "$(header '/v1/kv/?recurse')" "of a tree of keys"
fails "no such attribute" attr "$K/a" disco.nosuch
like "$(t setfattr -n user.mine -v x "$K/a" 2>&1)" 'not supported' "none but ours"

section "flags"
ok "setfattr" t setfattr -n user.disco.flags -v 7 "$K/a"
is "$(field a Flags)" 7 "is what HTTP reads"
is "$(api '/v1/kv/a?raw')" held "beside the value of before"
ok "a write" s 'echo three >a'
is "$(field a Flags)" 7 "keeps them"
ok "setfattr -x" t setfattr -x user.disco.flags "$K/a"
is "$(field a Flags)" 0 "makes them 0"
fails "what is no number" t setfattr -n user.disco.flags -v many "$K/a"
t setfattr -n user.disco.flags -v 18446744073709551615 "$K/a"
is "$(t cat "$K/a")" three "the value stays"
is "$(attr "$K/a" disco.flags)" 18446744073709551615 "all 64 bits"
i=$(header '/v1/kv/?recurse')
ok "cp --preserve=xattr" t cp --preserve=xattr "$K/a" "$K/b"
is "$(field b Flags | head -c 8)" 18446744 "copies flags"
is "$(header '/v1/kv/?recurse')" $((i + 1)) "with the value, in one commit"
ok "cp -a of a tree" t bash -c "mkdir '$K/from'; cp --preserve=xattr '$K/a' '$K/from/'; cp -a '$K/from' '$K/to'"
is "$(attr "$K/to/a" disco.flags)" 18446744073709551615 "with flags"
if command -v rsync >/dev/null; then
    ok "rsync -aX" t rsync -aX "$K/from/" "$K/rsynced/"
    is "$(attr "$K/rsynced/a" disco.flags)" 18446744073709551615 "with flags"
fi
ok "tar --xattrs" t bash -c "cd '$K' && tar --xattrs --xattrs-include='user.disco.flags' -cf '$T/x.tar' from &&
    mkdir untar && tar --xattrs --xattrs-include='user.disco.flags' -C untar -xf '$T/x.tar'"
is "$(attr "$K/untar/from/a" disco.flags)" 18446744073709551615 "with flags"

section "cas"
cat >"$T/cas.py" <<'PY'
"""cas.py FILE INDEX MODE TEXT [URL]: writes under the guard of an index; URL: a rival's PUT before the close."""
import os, sys, urllib.request
path, index, mode, text = sys.argv[1:5]
f = open(path, mode)
os.setxattr(f.fileno(), "user.disco.cas", index.encode())
f.write(text)
if len(sys.argv) > 5:
    urllib.request.urlopen(urllib.request.Request(sys.argv[5], data=b"rival", method="PUT"))
f.close()
PY
i=$(attr "$K/a" disco.index)
ok "a write at the index that was read" t python3 "$T/cas.py" "$K/a" "$i" w four
is "$(t cat "$K/a")" four "is made"
exits 1 "at one that is past" t python3 "$T/cas.py" "$K/a" "$i" w five
like "$ERR" 'Stale file handle' "is refused at once"
i=$(attr "$K/a" disco.index)
exits 1 "one whose key changes before the close" t python3 "$T/cas.py" "$K/a" "$i" w five "http://$HTTP/v1/kv/a"
like "$ERR" 'Stale file handle' "too"
is "$(t cat "$K/a")" rival "and the other's value stays"
exits 1 "also one that appends" t python3 "$T/cas.py" "$K/a" "$i" a five
i=$(attr "$K/a" disco.index)
ok "an append at the right index" t python3 "$T/cas.py" "$K/a" "$i" a " and I"
is "$(t cat "$K/a")" "rival and I" "adds"
ok "a new key, if it is not there (0)" t python3 "$T/cas.py" "$K/new" 0 w first
ok "by a script" s 'i=$(getfattr --only-values -n user.disco.index new) && exec 3>new &&
    setfattr -n user.disco.cas -v $i new && echo second >&3 && exec 3>&-'
is "$(t cat "$K/new")" second "too"
fails "nobody has it open for writing" t setfattr -n user.disco.cas -v "$(attr "$K/new" disco.index)" "$K/new"
is "$(python3 - "$K/count" <<'PY'
import os, sys, threading
path = sys.argv[1]
open(path, "w").write("0")
def add():
    for _ in range(25):
        while True:
            try:
                index = os.getxattr(path, "user.disco.index")
                n = int(open(path).read())
                f = os.open(path, os.O_WRONLY)
                try:
                    os.setxattr(f, "user.disco.cas", index)
                    os.ftruncate(f, 0)
                    os.write(f, str(n + 1).encode())
                    os.fsync(f)
                    break
                finally:
                    os.close(f)
            except OSError as e:
                if e.errno != 116:
                    raise
threads = [threading.Thread(target=add) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(open(path).read())
PY
)" 100 "a counter of four threads loses nothing"

section "file handles"
ok "name_to_handle_at and open_by_handle_at, of files and directories" t python3 - "$K" <<'PY'
import ctypes, errno, os, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def handle(path):
    b = ctypes.create_string_buffer(8 + 128)
    struct.pack_into("I", b, 0, 128)
    if libc.name_to_handle_at(-100, path.encode(), b, ctypes.byref(ctypes.c_int()), 0) < 0:
        raise OSError(ctypes.get_errno(), path)
    return b
def opened(b):
    fd = libc.open_by_handle_at(top, b, os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return fd
os.mkdir(sys.argv[1] + "/handles")
path = sys.argv[1] + "/handles/f"
open(path, "w").write("value")
top = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
def reopened(path): # a name whose new version the kernel is just being told of has a stale handle
    for _ in range(3000):
        h = handle(path)
        try:
            fd = opened(h)
            if bytes(handle(path)) == bytes(h):
                return h, fd
            os.close(fd)
        except OSError as e:
            if e.errno != errno.ESTALE:
                raise
            time.sleep(0.02)
    raise OSError(errno.ESTALE, path)
(f, file), (d, dir) = reopened(path), reopened(os.path.dirname(path))
assert os.read(file, 10) == b"value" and os.listdir(dir) == ["f"]
assert bytes(handle(path)) == bytes(f), "the same file, the same handle"
assert os.read(opened(f), 10) == b"value", "the handle of a file that is open"
open(path, "w").write("another")
assert os.read(reopened(path)[1], 10) == b"another"
PY
done_testing
