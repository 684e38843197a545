#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The log and consensus, one server, 200-byte entries, beside a bare loop of batched pwrite and
# fdatasync: 1, 64, 256 and 1024 writers.
#
#   SECONDS_EACH=3 tests/bench/wal.sh
set -u
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/disco-bench-wal.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
"${TOP_BUILDDIR:?}/tests/bench/bench_wal" "$dir" "${SECONDS_EACH:-3}"
