#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The agent's zone behind the resolvers that people run, configured as contrib/examples/resolvers says:
# unbound (a stub zone), dnsmasq and BIND (forwarding).
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v dig >/dev/null || skip_all "no dig (Debian package bind9-dnsutils)"
PATH=$PATH:/usr/sbin
register() { curl -sf -X PUT -d "$1" "http://$HTTP/v1/catalog/register" >/dev/null || bail "cannot register $1"; }
need_agent one
register '{"Node":"n1","Address":"10.0.0.1","NodeMeta":{"role":"db"},"Service":{"ID":"w1","Service":"web","Tags":["v1"],"Port":8001}}'
register '{"Node":"n2","Address":"10.0.0.2","Service":{"ID":"w2","Service":"web","Tags":["v2"],"Port":8002}}'
for i in $(seq 100); do
    register "{\"Node\":\"k$i\",\"Address\":\"10.1.0.$i\",\"Service\":{\"Service\":\"many\",\"Port\":9000}}"
done
resolver_pid=
trap '[ -z "$resolver_pid" ] || kill "$resolver_pid"; tap_cleanup' EXIT
# the example, but for the agent's port
example() { sed "s/8600/$DNS_PORT/" "$TOP_SRCDIR/contrib/examples/resolvers/$1" >"$T/$1"; }
start() { # COMMAND...: a resolver on $port, in the foreground
    "$@" >"$T/resolver.log" 2>&1 &
    resolver_pid=$!
    until_ok 10 answers
}
answers() { [ "$(short web.service.consul | head -n 1)" = 10.0.0.1 ]; } # dig prints errors there, too
short() { dig +tries=2 +time=20 +short @127.0.0.1 -p "$port" "$@" | sort; }
rcode() { dig +tries=2 +time=20 @127.0.0.1 -p "$port" "$@" | sed -n 's/.*status: \([A-Z]*\).*/\1/p'; }

questions() { # NAME SECONDS: what all must answer; news may take so long
    is "$(short web.service.consul | tr '\n' ' ')" "10.0.0.1 10.0.0.2 " "$1: instances of a service"
    is "$(short v2.web.service.consul)" 10.0.0.2 "$1: by tag"
    is "$(short SRV web.service.consul | tr '\n' ' ')" \
        "1 1 8001 n1.node.dc1.consul. 1 1 8002 n2.node.dc1.consul. " "$1: SRV"
    is "$(short n1.node.dc1.consul)" 10.0.0.1 "$1: the target of one"
    is "$(short TXT n1.node.consul)" '"role=db"' "$1: TXT"
    is "$(short -x 10.0.0.2)" n2.node.dc1.consul. "$1: a reverse lookup"
    is "$(rcode nope.service.consul) $(rcode AAAA web.service.consul)" "NXDOMAIN NOERROR" "$1: names and types that are not there"
    is "$(short many.service.consul | wc -l)" 100 "$1: a hundred instances"
    is "$(short +noedns many.service.consul | wc -l)" 100 "$1: for an asker without EDNS"
    is "$(short wEb.SerVice.cOnsul | wc -l)" 2 "$1: letters of any case"
    for i in 1 2 3; do # a TTL of 0 is obeyed, also that of there being no such name
        late=late-$1-$i.service.consul
        is "$(rcode "$late")" NXDOMAIN "$1: not yet"
        register "{\"Node\":\"n9\",\"Address\":\"10.0.0.9\",\"Service\":{\"Service\":\"${late%%.*}\"}}"
        ok "$1: but as soon as it is registered" until_ok "$2" is_late
    done
}
is_late() { [ "$(short "$late")" = 10.0.0.9 ]; }
stop() {
    kill "$resolver_pid"
    wait "$resolver_pid"
    resolver_pid=
}

section unbound
if command -v unbound >/dev/null; then
    example unbound.conf
    port=$(free_port)
    cat >"$T/unbound-test.conf" <<END
server:
    interface: 127.0.0.1
    port: $port
    chroot: ""
    username: ""
    directory: "$T"
    pidfile: "$T/unbound.pid"
    use-syslog: no
    use-caps-for-id: yes # letters of random case, which the answer must repeat
    num-threads: 1
remote-control:
    control-enable: no
include: "$T/unbound.conf"
END
    ok "unbound starts" start unbound -d -c "$T/unbound-test.conf" || diag "$(cat "$T/resolver.log")"
    questions unbound 0
    stop
else
    skip unbound "not installed (Debian package unbound)"
fi

section dnsmasq
if command -v dnsmasq >/dev/null; then
    example dnsmasq.conf
    port=$(free_port)
    ok "dnsmasq starts" start dnsmasq --keep-in-foreground --conf-file="$T/dnsmasq.conf" --port="$port" \
        --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --pid-file= --user= \
        --log-facility=- --stop-dns-rebind || diag "$(cat "$T/resolver.log")"
    questions dnsmasq 0
    stop
else
    skip dnsmasq "not installed (Debian package dnsmasq-base)"
fi

section BIND
if command -v named >/dev/null; then
    example named.conf
    port=$(free_port)
    cat >"$T/named-test.conf" <<END
options {
    directory "$T";
    pid-file none;
    session-keyfile none;
    listen-on port $port { 127.0.0.1; };
    listen-on-v6 { none; };
    validate-except { "consul"; "10.in-addr.arpa"; };
};
controls { };
include "$T/named.conf";
END
    ok "named starts" start named -g -n 1 -c "$T/named-test.conf" || diag "$(tail "$T/resolver.log")"
    questions named 3 # it keeps what has a TTL of 0 for the second at hand
    stop
else
    skip BIND "not installed (Debian package bind9)"
fi
stop_agent one
done_testing
