#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount of an agent that is not root, through fusermount3; where /dev/fuse is root's alone, in a
# name space of our own with a device that is everybody's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v fusermount3 setpriv unshare >/dev/null || skip_all "no fusermount3, setpriv or unshare"
[ "$(id -u)" -eq 0 ] && [ -c /dev/fuse ] || skip_all "needs root to become somebody else"
[ -u "$(command -v fusermount3)" ] || skip_all "fusermount3 is not setuid root"

mknod -m 666 "$T/fuse" c 10 229 2>/dev/null || skip_all "no device can be made"
mkdir "$T/m" "$T/d"
chmod 755 "$T"
chown 65534 "$T/m" "$T/d"
http=$(free_port)
cat >"$T/user.sh" <<SH
mount --bind "$T/fuse" /dev/fuse || exit 77
cd "$T/d"
exec setpriv --reuid 65534 --regid 65534 --clear-groups bash "$T/agent.sh"
SH
cat >"$T/agent.sh" <<SH
export HOME=$T/d
"$DISCO" agent -server -bootstrap -bind 127.0.0.1 -client 127.0.0.1 -data-dir "$T/d/data" -http-port $http \\
    -dns-port -1 -server-port $(free_port) -serf-lan-port $(free_port) -serf-wan-port $(free_port) \\
    -mount "$T/m" >"$T/d/log" 2>&1 &
agent=\$!
for i in \$(seq 1200); do
    curl -sf -m 2 http://127.0.0.1:$http/v1/status/leader | grep -q : && break
    sleep 0.1
done
id -u
echo mine >"$T/m/kv/key" && cat "$T/m/kv/key"
curl -sf "http://127.0.0.1:$http/v1/kv/key?raw"
stat -c %u "$T/m/kv/key"
grep -c "$T/m fuse.disco" /proc/mounts
kill \$agent
wait \$agent
echo "exit \$?"
grep -c "$T/m fuse.disco" /proc/mounts
SH
chmod 644 "$T/agent.sh"
setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$DISCO" || skip_all "nobody may not run $DISCO"
run timeout 300 unshare -m --propagation private bash "$T/user.sh"
[ "$STATUS" -ne 77 ] || skip_all "no bind mount in a name space"
is "$OUT" "65534
mine
mine
65534
1
exit 0
0" "an agent of user 65534 mounts, serves and unmounts"
[ "$tap_failed" -eq 0 ] || diag "$(tail -n 20 "$T/d/log") $ERR"
done_testing
