#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The DNS door as dig and less friendly askers see it.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v dig >/dev/null || skip_all "no dig (Debian package bind9-dnsutils)"

UP_PORT=$(free_port)
python3 "$TOP_SRCDIR/tests/lib/dns_upstream.py" "$UP_PORT" >"$T/up.out" 2>&1 &
UP_PID=$!
trap 'kill $UP_PID 2>/dev/null; tap_cleanup' EXIT
until_ok 10 grep -q ready "$T/up.out" || bail "no recursor: $(cat "$T/up.out")"

register() { # JSON
    curl -sf -X PUT -d "$1" "http://$HTTP/v1/catalog/register" >/dev/null || bail "cannot register $1"
}
ask() { dig +tries=1 +time=20 +noall +answer @127.0.0.1 -p "$DNS_PORT" "$@" | tr -s '\t ' ' '; }
short() { dig +tries=1 +time=20 +short @127.0.0.1 -p "$DNS_PORT" "$@" | sort; }
comments() { dig +tries=1 +time=20 @127.0.0.1 -p "$DNS_PORT" "$@"; }
rcode() { comments "$@" | sed -n 's/.*status: \([A-Z]*\).*/\1/p'; }
flags() { comments +ignore "$@" | sed -n 's/^;; flags: \([a-z ]*\);.*/\1/p'; }
count() { comments +ignore "$@" | sed -n 's/.*ANSWER: \([0-9]*\),.*/\1/p'; }

need_agent one
section "without a recursor"
register '{"Node":"n1","Address":"10.0.0.1","NodeMeta":{"role":"db"},"Service":{"ID":"w1","Service":"web","Tags":["v1"],"Port":8001}}'
register '{"Node":"n2","Address":"10.0.0.2","Service":{"ID":"w2","Service":"web","Tags":["v2"],"Port":8002}}'
register '{"Node":"n3","Address":"10.0.0.3","Service":{"ID":"w3","Service":"web","Port":8003},"Check":{"CheckID":"c","Name":"c","Status":"critical","ServiceID":"w3"}}'
is "$(short web.service.consul)" "10.0.0.1
10.0.0.2" "+short gives the healthy instances"
is "$(short +tcp web.service.consul)" "10.0.0.1
10.0.0.2" "TCP gives the same"
is "$(short v2.web.service.dc1.consul)" 10.0.0.2 "a tag selects"
is "$(short SRV _web._v1.service.consul)" "1 1 8001 n1.node.dc1.consul." "RFC 2782 form gives the port"
is "$(ask wEb.SERVICE.consul +norec | cut -d' ' -f1 | sort -u)" "wEb.SERVICE.consul." "letters stay as asked"
is "$(short n1.node.consul TXT)" '"role=db"' "a node's meta are texts"
is "$(short -x 10.0.0.2)" "n2.node.dc1.consul." "a reverse lookup finds the node"
is "$(rcode nope.service.consul)" NXDOMAIN "an unknown name is NXDOMAIN"
like "$(comments nope.service.consul)" 'consul\.[[:space:]]+0[[:space:]]+IN[[:space:]]+SOA' "with the SOA"
is "$(rcode web.service.consul AAAA)" NOERROR "a type it lacks is NODATA"
is "$(short consul. NS)" "one.node.dc1.consul." "the servers are the name servers"
is "$(rcode www.example.com)" REFUSED "a foreign name is refused"
is "$(flags www.example.com)" "qr rd" "not as an authority"
is "$(rcode +tcp consul. AXFR +noixfr 2>/dev/null | head -n 1)" "" "a zone transfer gives nothing"
like "$(dig +tries=1 +time=20 +tcp @127.0.0.1 -p "$DNS_PORT" consul. AXFR)" 'Transfer failed' "AXFR fails"
first=$(for i in $(seq 40); do ask web.service.consul | head -n 1; done | sort -u | wc -l)
is "$first" 2 "round robin: each instance comes first at times"

stale=0
for i in $(seq 40); do
    register "{\"Node\":\"moving\",\"Address\":\"10.2.0.$i\",\"Service\":{\"Service\":\"moving\"}}"
    [ "$(short moving.service.consul)" = "10.2.0.$i" ] || stale=$((stale + 1))
    [ "$(short moving.node.consul)" = "10.2.0.$i" ] || stale=$((stale + 1))
    [ "$(short -x "10.2.0.$i")" = moving.node.dc1.consul. ] || stale=$((stale + 1))
done
is $stale 0 "what was registered is what the next question gets"

section "many instances"
for i in $(seq 60); do
    echo "{\"Node\":\"k$i\",\"Address\":\"10.1.0.$i\",\"Service\":{\"Service\":\"many\",\"Port\":9000}}"
done >"$T/many"
while read -r line; do register "$line"; done <"$T/many"
is "$(count +noedns many.service.consul)" 3 "UDP without EDNS gives three"
like "$(flags +noedns many.service.consul)" ' tc ' "and says that there are more"
is "$(count +noedns +tcp many.service.consul)" 60 "TCP gives all"
is "$(count +bufsize=4096 many.service.consul)" 60 "EDNS of 4096 gives all"
is "$(count +bufsize=600 many.service.consul)" 34 "EDNS of 600 gives as many as fit"
is "$(short +noedns many.service.consul | wc -l)" 60 "dig, seeing TC, asks again over TCP"

section "hostile bytes"
cat >"$T/garbage.py" <<'PY'
import random
import resource
import socket
import struct
import sys
port = int(sys.argv[1])
random.seed(4711)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", port))
s.settimeout(0.5)
good = b"\0\7\1\0\0\1\0\0\0\0\0\0\3web\7service\6consul\0\0\1\0\1"
for n in range(3000):
    s.send(bytes(random.getrandbits(8) for _ in range(random.randrange(600))))
for n in range(3000):
    b = bytearray(good)
    for _ in range(random.randrange(1, 6)):
        b[random.randrange(2, len(b))] = random.getrandbits(8)
    s.send(bytes(b[:random.randrange(len(b) + 1)]))
worst = 0
try:
    while True:
        worst = max(worst, len(s.recv(65536)))
except socket.timeout:
    pass
def silent(data):
    """The next question on that socket is the first that is answered."""
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.connect(("127.0.0.1", port))
    c.settimeout(60)
    c.send(data)
    c.send(b"\xab\xcd" + good[2:])
    return c.recv(65536)[:2] == b"\xab\xcd"
assert silent(b"\0\7\1"), "short datagrams get no answer"
assert silent(good[:2] + b"\x81" + good[3:]), "answers get no answer"
assert worst <= 512, worst
# TCP: half a message, an endless length, many on one connection, a peer that hangs up
for data in (b"\0", struct.pack("!H", 65535) + b"x" * 100, b"\0\3abc", b"\0\0"):
    c = socket.create_connection(("127.0.0.1", port))
    c.send(data)
    c.close()
c = socket.create_connection(("127.0.0.1", port))
c.sendall((struct.pack("!H", len(good)) + good) * 200)
got = b""
while len(got) < 200 * (2 + 65):
    part = c.recv(65536)
    assert part, len(got)
    got += part
c.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(700, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50))]
for c in idle:
    c.close()
print("fine")
PY
is "$(python3 "$T/garbage.py" "$DNS_PORT" 2>&1 | tail -n 1)" fine "garbage is dropped or answered shortly"
is "$(short v1.web.service.consul)" 10.0.0.1 "and the agent goes on"
like "$("$DISCO" agent -server -bootstrap -node two -bind 127.0.0.1 -client 127.0.0.1 -data-dir "$T/two" \
    -http-port "$(free_port)" -dns-port "$DNS_PORT" -server-port "$(free_port)" \
    -serf-lan-port "$(free_port)" -serf-wan-port -1 2>&1)" "$DNS_PORT" "a second agent on the port says so"
stop_agent one

section "with a recursor"
echo "{\"recursors\": [\"127.0.0.1:$UP_PORT\"], \"dns_config\": {\"node_ttl\": \"3s\"}}" >"$T/up.json"
need_agent up -config-file "$T/up.json"
register '{"Datacenter":"dc1","Node":"google","Address":"www.google.com","Service":{"Service":"search","Port":80}}'
is "$(ask +noedns +bufsize=1232 search.service.consul. | head -n 1)" \
    "search.service.consul. 0 IN CNAME www.google.com." "an external service is a CNAME"
is "$(ask search.service.consul. | tail -n +2 | sort)" \
    "www.google.com. 0 IN A 192.0.2.1
www.google.com. 0 IN A 192.0.2.2
www.google.com. 0 IN A 192.0.2.3" "and the addresses that the recursor knows"
is "$(flags search.service.consul.)" "qr aa rd ra" "recursion is available"
is "$(short www.google.com)" "192.0.2.1
192.0.2.2
192.0.2.3" "a foreign name is forwarded"
is "$(short +tcp www.google.com | wc -l)" 3 "over TCP too"
is "$(short big.example.com | wc -l)" 40 "a truncated answer is asked for again over TCP"
is "$(rcode fail.example.com)" SERVFAIL "a failing recursor is SERVFAIL"
is "$(rcode nowhere.example.com)" NXDOMAIN "NXDOMAIN comes through"
is "$(dig +tries=1 +time=20 @127.0.0.1 -p "$DNS_PORT" silent.example.com | sed -n 's/.*status: \([A-Z]*\).*/\1/p')" \
    SERVFAIL "a silent recursor is SERVFAIL after its time"
is "$(comments +bufsize=4096 large.example.com TXT | sed -n 's/.*MSG SIZE *rcvd: //p')" 1051 \
    "a large answer comes through"
is "$(short +bufsize=1232 noedns.example.com)" 192.0.2.9 "a recursor without EDNS is asked without"
is "$(comments +bufsize=4096 large.example.com TXT | sed -n 's/.*MSG SIZE *rcvd: //p')" 1051 \
    "and large answers still come through afterwards"
is "$(flags +noedns large.example.com TXT)" "qr tc rd ra" "without EDNS what is too large becomes TC"

section "several recursors"
other_port=$(free_port)
while [ $((other_port % 251)) = $((UP_PORT % 251)) ]; do other_port=$(free_port); done
python3 "$TOP_SRCDIR/tests/lib/dns_upstream.py" "$other_port" >"$T/other.out" 2>&1 &
other_pid=$!
until_ok 10 grep -q ready "$T/other.out" || bail "no recursor: $(cat "$T/other.out")"
both() { # STRATEGY
    echo "{\"recursors\": [\"127.0.0.1:$UP_PORT\", \"127.0.0.1:$other_port\"], \"dns_config\": {
        \"node_ttl\": \"3s\", \"recursor_timeout\": \"500ms\", \"recursor_strategy\": \"$1\"}}" >"$T/up.json"
    kill -HUP "$PID"
}
answerers() { for i in $(seq 40); do short which.example.com; done | sort -u | wc -l; }
two_answer() { [ "$(answerers)" = 2 ]; }
one_answers() { [ "$(short which.example.com)" = "192.0.2.$((UP_PORT % 251))" ] && [ "$(answerers)" = 1 ]; }
both random
ok "recursor_strategy random asks all of them" until_ok 20 two_answer
both sequential
ok "sequential asks the first" until_ok 20 one_answers
kill "$UP_PID"
other_answers() { [ "$(short which.example.com)" = "192.0.2.$((other_port % 251))" ]; }
ok "and the second when there is no answer" until_ok 10 other_answers
kill "$other_pid"
python3 "$TOP_SRCDIR/tests/lib/dns_upstream.py" "$UP_PORT" >"$T/up.out" 2>&1 &
UP_PID=$!
until_ok 10 grep -q ready "$T/up.out" || bail "no recursor: $(cat "$T/up.out")"

section "reload"
is "$(ask up.node.consul. | cut -d' ' -f2)" 3 "TTL of nodes as configured"
echo "{\"recursors\": [], \"dns_config\": {\"node_ttl\": \"4s\"}}" >"$T/up.json"
kill -HUP "$PID"
new_ttl() { [ "$(ask up.node.consul. | cut -d' ' -f2)" = 4 ]; }
ok "a reload sets another" until_ok 10 new_ttl
is "$(rcode www.google.com)" REFUSED "without recursors foreign names are refused"
echo "{\"recursors\": [\"127.0.0.1:$UP_PORT\"]}" >"$T/up.json"
kill -HUP "$PID"
knows_google() { [ "$(short www.google.com | wc -l)" = 3 ]; }
ok "a reload brings them back" until_ok 10 knows_google

section "stop"
before=$SECONDS
for i in $(seq 20); do dig +tries=1 +time=20 @127.0.0.1 -p "$DNS_PORT" silent.example.com >/dev/null & slow="${slow-} $!"; done
is "$(short search.service.consul. SRV)" "1 1 80 www.google.com." "others are answered meanwhile"
stop_agent up
ok "the agent stops while questions pend" test $((SECONDS - before)) -lt 60
# shellcheck disable=SC2086
wait ${slow-}
done_testing
