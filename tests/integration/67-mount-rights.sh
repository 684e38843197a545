#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Who may do what on the mount: what a token permits is what mode bits and access(2) say, for root
# too; each user has the rights of his own token, whatever the kernel kept of others' requests.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
[ "$(id -u)" -eq 0 ] || skip_all "needs root to be several users"
command -v setpriv >/dev/null || skip_all "no setpriv"

M=$T/m K=$T/m/kv
chmod 755 "$T"
master=aaaaaaaa-0000-0000-0000-00000000000a
api() { curl -sf -m 60 -H "X-Consul-Token: $master" "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }
as() { timeout 120 setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
bits='for c in r w x; do test -$c "$0" && printf $c; done; echo'
may() { t bash -c "$bits" "$1"; }
may_as() { as "$1" bash -c "$bits" "$2"; }
mode() { t stat -c %a "$1"; }
policy() { # NAME RULES: the policy has these
    local id
    id=$(api "/v1/acl/policy/name/$1" | jq -r '.ID // empty')
    jq -n --arg n "$1" --arg r "$2" '{Name: $n, Rules: $r}' |
        api "/v1/acl/policy${id:+/$id}" -X PUT -d @- >/dev/null
}
token() { # SECRET POLICY
    api /v1/acl/token -X PUT -d "{\"SecretID\": \"$1\", \"Policies\": [{\"Name\": \"$2\"}]}" >/dev/null
}
acl='"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "'$master'"}}'
has_master() { api /v1/acl/token/self | grep -q Master; }
secret() { printf '%s0000000-0000-0000-0000-000000000000' "$1"; }

section "owner, group and mode, by the kernel"
echo '{"mount": {"uid": 1234, "gid": 2345, "umask": "0027"}}' >"$T/plain.json"
need_agent plain -mount "$M" -config-file "$T/plain.json"
echo x >"$K/f"
is "$(t stat -c '%u %g %a' "$K/f" "$K" | tr '\n' ' ')" "1234 2345 640 1234 2345 750 " "as configured, less the umask"
ok "the owner writes" as 1234 bash -c "echo y >>'$K/f'"
fails "others do not even read" as 1235 cat "$K/f"
is "$(may_as 1234 "$K/f") $(may_as 1235 "$K")" "rw " "access(2) agrees"
ok "the group reads" timeout 120 setpriv --reuid 1300 --regid 1300 --groups 2345 cat "$K/f"
fails "and does not write" timeout 120 setpriv --reuid 1300 --regid 1300 --groups 2345 bash -c "echo y >>'$K/f'"
stop_agent plain

section "the token of the mount"
echo "{$acl, \"mount\": {\"token\": \"$(secret 1)\", \"dir_mode\": \"0775\", \"file_mode\": \"0664\", \"gid\": 2345}}" >"$T/token.json"
need_agent token -mount "$M" -config-file "$T/token.json"
ok "the leader makes the master's token" until_ok 10 has_master
policy app 'key_prefix "app/" { policy = "write" } key_prefix "ro/" { policy = "read" } node_prefix "" { policy = "read" } session_prefix "" { policy = "write" } service_prefix "" { policy = "write" }'
token "$(secret 1)" app
for k in app/a ro/a hidden/a; do api "/v1/kv/$k" -X PUT -d "$k" >/dev/null; done
shows() { [ "$(timeout 30 cat "$1" 2>/dev/null)" = "$2" ]; }
ok "what it may read is there" until_ok 10 shows "$K/ro/a" ro/a
is "$(mode "$K/app/a") $(mode "$K/ro/a") $(mode "$K/app") $(mode "$K/ro")" "664 444 775 555" "mode bits are what it may"
is "$(may "$K/app/a") $(may "$K/ro/a") $(may "$K/app") $(may "$K/ro")" "rw r rwx rx" "access(2) says the same to root"
is "$(may_as 1235 "$K/app/a") $(may_as 1235 "$K/ro/a") $(may_as 1235 "$K/app")" "r r rx" "to others less, by owner and mode"
fails "root does not write what the token may not" t bash -c "echo x >'$K/ro/a'"
exits 1 "nor make" t python3 -c "open('$K/ro/new', 'w')"
like "$ERR" 'Permission denied' "but gets EACCES"
exits 1 "nor remove" t rm -f "$K/ro/a"
exits 1 "nor rename" t mv "$K/ro/a" "$K/app/b"
fails "nor lock" t flock -n "$K/ro/a" true
exits 1 "nor set attributes" t setfattr -n user.disco.flags -v 1 "$K/ro/a"
is "$(t cat "$K/ro/a")" ro/a "it stays"
fails "another user does not write by mode" as 1235 bash -c "echo x >'$K/app/a'"
fails "nor make" as 1235 bash -c "echo x >'$K/app/new'"
fails "nor remove" as 1235 rm -f "$K/app/a"
echo '{"Name": "web", "Port": 80}' | api /v1/agent/service/register -X PUT -d @- >/dev/null
until_ok 10 test -e "$M/agent/services/web.json"
exits 1 "nor deregister a service" as 1235 rm -f "$M/agent/services/web.json"
like "$ERR" 'Permission denied' "but EACCES"
ok "one of the group does" timeout 120 setpriv --reuid 1300 --regid 1300 --groups 2345 bash -c "echo x >'$K/app/a'"
exits 1 "a key that may not be read" t cat "$K/hidden/a"
is "$(t ls "$K" | tr '\n' ' ')" "app ro " "and is not listed"
is "$(t cat "$M/members" | wc -l)" 1 "members, for it may read nodes"
exits 1 "metrics are refused without agent:read" t cat "$M/status/metrics"
like "$(grep 'refused' "$LOG" | head -n 1)" 'what=write name="ro/a" uid=0 pid=[0-9]+ reason=' "the log says what was refused, to whom, and why"
for _ in $(seq 40); do t cat "$M/status/metrics" 2>/dev/null; done
ok "but not each time" test "$(grep -c 'refused: ' "$LOG")" -le 20
writes() { [ "$(mode "$K/ro/a")" = "$1" ]; }
policy app 'key_prefix "app/" { policy = "read" } key_prefix "ro/" { policy = "write" }'
ok "another policy, other modes" until_ok 5 writes 664
is "$(mode "$K/app/a") $(may "$K/app") $(may "$K/ro")" "444 rx rwx" "of all, at once"
ok "and other rights" t bash -c "echo new >'$K/ro/a'"
fails "both ways" t bash -c "echo new >'$K/app/a'"
is "$(t cat "$M/members" | wc -l)" 0 "members are nodes, too"
exec 5<"$M/.changes"
api /v1/kv/hidden/b -X PUT -d x >/dev/null
api /v1/kv/ro/b -X PUT -d x >/dev/null
read -r line <&5
exec 5<&-
like "$line" 'kv/ro/b$' "changes of what may not be seen are not told"
stop_agent token

section "a token for each user"
cat >"$T/users" <<END
# user token
1001 $(secret 2)
daemon $T/daemon.token
END
secret 3 >"$T/daemon.token"
chmod 600 "$T/users"
chmod 644 "$T/daemon.token"
echo "{$acl, \"mount\": {\"token\": \"$master\", \"users\": \"$T/users\"}}" >"$T/users.json"
refused() {
    run timeout 120 "$DISCO" agent -server -bootstrap -bind 127.0.0.1 -data-dir "$T/refused" -http-port -1 -dns-port -1 \
        -server-port "$(free_port)" -serf-lan-port "$(free_port)" -serf-wan-port -1 -mount "$M" -config-file "$T/users.json"
}
refused
like "$OUT$ERR" "others may read or write $T/daemon.token \(mode 644\)" "a token's file that others may read is refused"
chmod 600 "$T/daemon.token"
chmod 640 "$T/users"
refused
like "$OUT$ERR" "others may read or write $T/users" "so is such a map"
chmod 600 "$T/users"
need_agent many -mount "$M" -config-file "$T/users.json"
until_ok 10 has_master
policy one 'key_prefix "one/" { policy = "write" } key_prefix "both/" { policy = "write" } event_prefix "" { policy = "write" }'
policy two 'key_prefix "two/" { policy = "write" } key_prefix "both/" { policy = "read" }'
token "$(secret 2)" one
token "$(secret 3)" two
for k in one/a two/a both/a; do api "/v1/kv/$k" -X PUT -d "$k"$'\n' >/dev/null; done
two=$(id -u daemon)
is "$(t ls "$K" | tr '\n' ' ')" "both one two " "root, who runs the agent, has the mount's token"
ok "who is it not hidden from has read it" t cat "$K/one/a" "$K/two/a" "$K/both/a"
is "$(as 1001 ls "$K" | tr '\n' ' ')" "both one " "one user sees his keys"
is "$(as "$two" ls "$K" | tr '\n' ' ')" "both two " "another his"
is "$(as 1001 cat "$K/one/a") $(as "$two" cat "$K/two/a")" "one/a two/a" "and reads them"
exits 1 "what root has in the kernel's cache is not read by others" as 1001 cat "$K/two/a"
like "$ERR" 'Permission denied' "but EACCES"
exits 1 "nor its size" as 1001 stat "$K/two/a"
exits 1 "the other way neither" as "$two" cat "$K/one/a"
is "$(may_as 1001 "$K/both/a") $(may_as "$two" "$K/both/a")" "rw r" "access(2) is each one's"
is "$(as 1001 stat -c %a "$K/both/a") $(as "$two" stat -c %a "$K/both/a")" "666 444" "mode bits too"
ok "one writes" as 1001 bash -c "echo mine >'$K/both/a'"
fails "the other does not" as "$two" bash -c "echo theirs >'$K/both/a'"
is "$(as "$two" cat "$K/both/a")" mine "but sees it"
exits 1 "nor removes" as "$two" rm -f "$K/both/a"
exits 1 "nor renames" as "$two" mv "$K/both/a" "$K/two/b"
ok "a file keeps the rights it was opened with" as 1001 bash -c "exec 5<'$K/one/a'; exec setpriv --no-new-privs cat <&5"
ok "a draft is its user's alone" as 1001 bash -c "echo draft >'$K/both/.secret.swp'"
exits 1 "also from those who may read beside it" as "$two" cat "$K/both/.secret.swp"
fails "nor taken by a rename" as "$two" mv "$K/both/.secret.swp" "$K/two/mine"
fails "nor removed" as "$two" rm -f "$K/both/.secret.swp"
is "$(as 1001 cat "$K/both/.secret.swp")" draft "he has it"
exits 1 "who is not in the map" as 1002 cat "$K/both/a"
fails "gets nothing" as 1002 ls "$K"
like "$(grep refused "$LOG")" 'uid=1002 .*not in mount.users' "and the log says why"
hammer() { # USER KEY: 100 times, what he may and what he may not
    as "$1" bash -c 'for i in $(seq 100); do
        for key in one two; do
            got=$({ read -r line <"$0/$key/a"; } 2>/dev/null && echo yes || echo no)
            [ "$got" = "$([ $key = "$1" ] && echo yes || echo no)" ] || exit 1
        done
    done' "$K" "$2"
}
hammer 1001 one &
first=$!
ok "at the same time, too: the one" hammer "$two" two
wait $first
is $? 0 "and the other"
sed -i 's/^1001.*/1002 '"$(secret 2)"'/' "$T/users"
kill -HUP "$PID"
gone() { ! as 1001 cat "$K/one/a"; }
ok "SIGHUP: another map" until_ok 5 gone
is "$(as 1002 cat "$K/one/a")" one/a "the new user may"
echo garbage >>"$T/users"
kill -HUP "$PID"
ok "a map that is none is refused" until_ok 5 grep -q "the map of users stays as it was: mount.users: $T/users:4" "$LOG"
is "$(as 1002 cat "$K/one/a")" one/a "and the old one stays"
stop_agent many
done_testing
