#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes ./configure from configure.ac (a release tarball has it already).
set -e
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf -fi
