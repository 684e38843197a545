#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Pools of gossip on virtual time: what they cost a node, how fast they are, and how often they err,
# with the local health mechanisms on and off side by side. Several minutes.
# Before that the wire, and a real agent that is told of many members.
"${TOP_BUILDDIR:?run by make bench}/tests/bench/bench_gossip"
# shellcheck source=tests/lib/tap.sh
(
    . "$TOP_SRCDIR/tests/lib/tap.sh" 4>/dev/null
    exec 4>/dev/null
    need_agent s1
    need_agent c1 -server=false -bootstrap=false -join "127.0.0.1:${agent_serf[s1]}"
    for n in 2000 20000; do
        python3 "$TOP_SRCDIR/tests/bench/gossip_members.py" 127.0.0.1 "${agent_serf[c1]}" "$PID" $n
    done
    for n in 1000 10000; do
        need_agent "server$n"
        python3 "$TOP_SRCDIR/tests/bench/gossip_server.py" 127.0.0.1 "${agent_serf[server$n]}" "$PID" $n 30 "$HTTP"
        stop_agent "server$n"
    done
)
sim=${TOP_BUILDDIR:?run by make bench}/tests/sim/sim_gossip
set -e
"$sim" --nodes 50 --crowd 100
"$sim" --nodes 100 --crowd 50
"$sim" --nodes 1000
"$sim" --nodes 5000 --rounds 1 --seconds 20
for lifeguard in '' --no-lifeguard '--no-lifeguard --no-resend'; do
    for faults in '--nodes 1000 --loss 5' '--nodes 200 --loss 30 --seconds 300' \
        '--nodes 100 --pause 25 --loss 10 --seconds 300'; do
        # shellcheck disable=SC2086
        "$sim" $faults $lifeguard --rounds 0
    done
done
"$sim" --nodes 1000 --loss 30 --rounds 0
