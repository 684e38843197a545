#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# agent/services: cp registers a service with this agent, rm deregisters it, cat shows it, and what
# is wrong with a definition is told.
# shellcheck disable=SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m S=$T/m/agent/services
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }
service() { api "/v1/catalog/service/$1" | jq -c '[.[] | [.ServiceID, .ServicePort, .ServiceTags]]'; }

is "$(t ls "$S")" "" "no services at first"
echo '{"Name": "web", "Port": 80, "Tags": ["v1"], "Check": {"TTL": "60s", "Status": "passing"}}' >"$T/web.json"
ok "cp" t cp "$T/web.json" "$S/"
is "$(service web)" '[["web",80,["v1"]]]' "registers, and the catalog has it"
is "$(t ls "$S")" web.json "it is listed"
is "$(t cat "$S/web.json" | jq -c '[.Port, .Tags]')" '[80,["v1"]]' "and shown"
is "$(t cat "$S/web.json" | wc -c)" "$(t stat -c %s "$S/web.json")" "with its true size"
is "$(t cat "$M/services/web/healthy")" "127.0.0.1:80" "its check counts"
ok "written again" t sh -c "sed s/80/81/ '$T/web.json' >'$S/web.json'"
is "$(service web)" '[["web",81,["v1"]]]' "it is replaced"
t cat "$S/web.json" >"$T/shown.json"
ok "what is shown can be written" t cp "$T/shown.json" "$S/web.json"
is "$(service web)" '[["web",81,["v1"]]]' "and is the same service"
echo '{"service": {"id": "web 2", "name": "web", "port": 82}}' >"$T/web 2.json"
ok "in the form of a configuration file" t cp "$T/web 2.json" "$S/"
is "$(t cut -f3 "$M/services/web/nodes" | sort | tr '\n' ' ')" "81 82 " "a second instance"
exits 1 "no JSON" t cp /etc/hostname "$S/bad.json"
like "$ERR" 'Invalid argument' "is refused"
like "$(t getfattr --absolute-names --only-values -n user.disco.error "$S")" '^bad.json: ' "and the attribute says why"
echo '{"Name": "bad", "Port": "many"}' >"$T/bad.json"
exits 1 "a definition that is wrong" t cp "$T/bad.json" "$S/"
like "$ERR" 'Invalid argument' "is refused"
like "$(t getfattr --absolute-names --only-values -n user.disco.error "$S")" 'decode' "is told in the API's words"
exits 1 "a file that is not named as the service" t cp "$T/web.json" "$S/other.json"
like "$(t getfattr --absolute-names --only-values -n user.disco.error "$S")" 'other.json: .*"web"' "is told so"
exits 1 "a file that is no .json" t cp "$T/web.json" "$S/web.txt"
is "$(t ls "$S" | tr '\n' ' ')" "web 2.json web.json " "nothing of it is there"
ok "a definition from many writes" t python3 -c "
f = open('$S/slow.json', 'w')
for c in '{\"Name\": \"slow\", \"Port\": 1}':
    f.write(c)
    f.flush()
f.close()"
is "$(service slow)" '[["slow",1,[]]]' "counts when it is closed"
ok "rm" t rm "$S/web.json"
is "$(service web)" '[["web 2",82,[]]]' "deregisters"
exits 1 "once" t rm "$S/web.json"
ok "rm of all" t sh -c "rm '$S'/*.json"
is "$(t ls "$S")" "" "leaves none"
is "$(api /v1/catalog/services)" '{"consul":[]}' "but the agent's own"
t cp "$T/web.json" "$S/"
stop_agent node1
need_agent node1 -mount "$M"
ok "after a restart it is there" until_ok 10 test -s "$S/web.json"
done_testing
