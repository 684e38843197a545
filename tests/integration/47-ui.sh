#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The page for browsers, used in Chromium as a person uses it: clicks, keys, and what is to be seen.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
for program in chromium chromedriver python3; do
    command -v $program >/dev/null || skip_all "$program is missing (packages chromium, chromium-driver): nobody looked at the page"
done
export T

# An agent where everybody may do everything, one in another datacenter, one with ACLs.
need_agent node1 -ui
open=$HTTP wan=${agent_wan[node1]}
need_agent far -datacenter dc2 -ui -join-wan "127.0.0.1:$wan"
master=aaaaaaaa-0000-0000-0000-00000000000a
cat >"$T/acl.json" <<END
{"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "$master"}},
 "ui_config": {"enabled": true, "content_path": "/panel/"}}
END
need_agent locked -config-file="$T/acl.json"

while IFS= read -r line; do
    case $line in
    "ok "*) tap_result 0 "${line#ok }" ;;
    "not ok "*) tap_result 1 "${line#not ok }" ;;
    "# ---- "*) section "${line#\# ---- }" ;;
    *) diag "${line#\# }" ;;
    esac
done < <(python3 "$TOP_SRCDIR/tests/integration/ui.py" "http://$open" "http://$HTTP" $master "$(free_port)" 2>&1)
done_testing
