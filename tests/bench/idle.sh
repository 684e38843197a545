#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What an agent costs that does nothing: resident memory and CPU time, with every door open.
#
#   SECONDS_IDLE=20 tests/bench/idle.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${SECONDS_IDLE:-20}
options=()
if can_mount; then
    mkdir "$T/mnt"
    options=(-mount "$T/mnt")
fi
need_agent bench "${options[@]}"
ticks() { # user and system time of the process, in ticks
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$PID/stat"
}
kib() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$PID/status"; }
sleep 2 # the start itself is not idleness
before=$(ticks)
sleep "$seconds"
after=$(ticks)
awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" -v rss="$(kib VmRSS)" \
    -v anon="$(kib RssAnon)" -v threads="$(kib Threads)" -v mount="${#options[@]}" 'BEGIN {
    printf "idle: %.1f MiB resident (%.1f MiB of it its own, the rest files such as libraries), ", rss / 1024, anon / 1024
    printf "%.2f %% of a CPU (%d s, %d threads, %s)\n", 100 * ticks / hz / s, s, threads, mount ? "mounted" : "no mount" }'
stop_agent bench
