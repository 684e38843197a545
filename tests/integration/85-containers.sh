#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The container image. Always: its entry point, in namespaces of its own (host name, network, processes)
# over a root file system that is this machine's with the new program laid over it. With CONTAINERS=1,
# which takes minutes: the image is built and contrib/demo -containers tells its story in it.
# shellcheck disable=SC2317 # called through until_ok and trap
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

section "the entry point as the first process of a machine named node1"
namespaces() {
    [ "$(id -u)" -eq 0 ] || { echo "namespaces need root"; return 1; }
    unshare --mount --uts --net --pid --fork true 2>/dev/null || { echo "no namespaces here"; return 1; }
    mkdir "$T/over"
    mount -t tmpfs disco-test "$T/over" 2>/dev/null || { echo "no tmpfs here"; return 1; }
    mkdir "$T/over/up" "$T/over/work" "$T/over/root"
    mount -t overlay -o "lowerdir=/,upperdir=$T/over/up,workdir=$T/over/work" overlay "$T/over/root" 2>/dev/null ||
        { echo "no overlay file system here"; return 1; }
}
tap_over_cleanup() {
    [ -z "${machine-}" ] || kill -KILL "$machine" 2>/dev/null
    umount -l "$T/over/root" "$T/over" 2>/dev/null
    tap_cleanup
}
trap tap_over_cleanup EXIT
inside() { # COMMAND...: on that machine
    nsenter --target "$init" --mount --uts --net --pid --root --wd -- "$@"
}
answers() { inside curl -sf -m 60 http://127.0.0.1:8500/v1/catalog/nodes; }
has_node1() { answers | grep -q '"Node":"node1"'; }
if ! why=$(namespaces); then
    skip "the entry point" "$why"
else
    root=$T/over/root
    mkdir -p "$root/data" "$root/usr/local/bin"
    cp "$DISCO" "$root/usr/bin/disco"
    cp "$TOP_SRCDIR/contrib/docker-entrypoint" "$root/usr/local/bin/docker-entrypoint"
    chmod 755 "$root/usr/local/bin/docker-entrypoint"
    mkfifo "$T/ready"
    # shellcheck disable=SC2016 # the inner shell's own
    unshare --mount --uts --net --pid --fork --kill-child bash -c '
        hostname node1
        ip link set lo up
        mount -t proc proc "$1/proc"
        mount -t tmpfs disco-test "$1/data"
        exec chroot "$1" /usr/local/bin/docker-entrypoint -server -bootstrap -bind 127.0.0.1' - "$root" \
        >"$T/entry.log" 2>&1 </dev/null &
    machine=$!
    first_process() { init=$(pgrep -P "$machine") && [ -n "$init" ]; }
    ok "it starts" until_ok 20 first_process
    ok "HTTP answers on 8500, and the node has the machine's name" until_ok 30 has_node1
    is "$(inside dig +short -p 53 @127.0.0.1 node1.node.consul)" 127.0.0.1 "DNS answers on 53/udp"
    is "$(inside dig +tcp +short -p 53 @127.0.0.1 node1.node.consul)" 127.0.0.1 "and on 53/tcp"
    like "$(cat "$T/entry.log")" "Node name: 'node1'.*Server: true \(Bootstrap: true\).*HTTP: 8500, .*DNS: 53" \
        "arguments are the agent's; the banner"
    like "$(inside cat /proc/net/tcp)" ' 00000000:2134 ' "HTTP is on all addresses"
    inside curl -s -m 60 http://127.0.0.1:8400/ >/dev/null
    is $? 7 "8400, the RPC port of very old Consuls, refuses"
    is "$(inside disco members 2>&1 | awk 'NR == 2 { print $1, $3 }')" "node1 alive" "the command line in it"
    like "$(inside ls /data)" 'node-id.*raft' "its data are in /data"
    kill -TERM "$init"
    wait "$machine"
    is $? 0 "told to stop, the first process ends in order"
    machine=''
    like "$(cat "$T/entry.log")" "Caught: signal=terminated" "and says so"
fi

section "the image"
if [ -z "${CONTAINERS-}" ]; then
    skip "the image is built and runs" "takes minutes: CONTAINERS=1"
else
    timeout 1500 "$TOP_SRCDIR/contrib/demo" -containers -once >"$T/demo" 2>&1
    status=$?
    if [ $status -eq 77 ]; then
        skip "the image is built and runs" "$(grep skipped: "$T/demo" | cut -d: -f3-)"
    else
        is $status 0 "the image is built; five containers tell the story" || diag "$(tail -n 40 "$T/demo")"
    fi
fi
done_testing
