#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# DNS: the agent (three healthy instances of a service, found in the catalog each time) against a bare
# libknot responder with a fixed answer of the same size, in turn, with the same load.
#
#   SECONDS_EACH=5 WORKERS=2 CLIENTS=8 tests/bench/dns.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_EACH:-5} workers=${WORKERS:-2} clients=${CLIENTS:-8} rounds=${ROUNDS:-3}
command -v dnsperf >/dev/null || skip_all "no dnsperf (Debian package dnsperf)"

port=$(free_port)
"$TOP_BUILDDIR/tests/bench/bench_dns" "$port" "$workers" >"$T/bare.out" 2>&1 &
bare=$!
trap 'kill $bare 2>/dev/null; tap_cleanup' EXIT
until_ok 5 grep -q ready "$T/bare.out" || bail "bench_dns: $(cat "$T/bare.out")"
need_agent bench -workers "$workers" -log-level WARN
for i in 1 2 3; do
    curl -sf -X PUT -d "{\"Node\":\"n$i\",\"Address\":\"10.0.0.$i\",\"Service\":{\"Service\":\"web\",\"Port\":80}}" \
        "http://$HTTP/v1/catalog/register" >/dev/null || bail "cannot register"
done
echo "web.service.consul A" >"$T/questions"
load() { # PORT
    dnsperf -s 127.0.0.1 -p "$1" -d "$T/questions" -c "$clients" -T 2 -q 400 -l "$seconds" 2>/dev/null |
        awk '/Queries per second/ { print int($4) } /Queries lost/ { lost = $3 } END { if (lost > 0) print "# lost " lost > "/dev/stderr" }'
}
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # hundredths of a second of CPU
sum_bare=0 sum_disco=0
bare_from=$(ticks $bare) disco_from=$(ticks "$PID")
for ((i = 0; i < rounds; i++)); do
    a=$(load "$port") b=$(load "$DNS_PORT")
    sum_bare=$((sum_bare + a)) sum_disco=$((sum_disco + b))
done
cpu() { # TICKS QUERIES-PER-SECOND: nanoseconds of CPU a question
    echo $(($1 * 10000000 / ($2 * seconds + 1)))
}
cpu_bare=$(cpu $(($(ticks $bare) - bare_from)) "$sum_bare")
cpu_disco=$(cpu $(($(ticks "$PID") - disco_from)) "$sum_disco")
a=$((sum_bare / rounds)) b=$((sum_disco / rounds))
printf 'dns: libknot alone %d/s, disco %d/s, ratio %d.%02d (%d workers, %d clients, %d x %d s each)\n' \
    "$a" "$b" $((b / a)) $((b * 100 / a % 100)) "$workers" "$clients" "$rounds" "$seconds"
printf 'dns: CPU time of a question: libknot alone %d ns, disco %d ns\n' "$cpu_bare" "$cpu_disco"
stop_agent bench
