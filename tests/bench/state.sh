#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The state alone: what a read, a command and a wake-up cost below every door.
exec "${TOP_BUILDDIR:?run by make bench}/tests/bench/bench_state"
