#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The tools people use, on the mount: what they write is committed once, whole, and found by HTTP.
# shellcheck disable=SC2016
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
raw() { api "/v1/kv/$1?raw"; }
index() { api "/v1/kv/$1" | sed 's/.*"ModifyIndex":\([0-9]*\).*/\1/'; }
t() { timeout 120 "$@"; }
s() { timeout 120 bash -c "cd '$K' || exit 99; $1"; } # a shell line in the tree

section "redirections"
ok "echo >" s 'echo one >f'
is "$(raw f)" one "put"
ok "echo >>" s 'echo two >>f'
is "$(raw f)" $'one\ntwo' "appended"
ok "two writes through one descriptor" s 'exec 3>f; echo a >&3; echo b >&3; exec 3>&-'
is "$(raw f)" $'a\nb' "both"
# the sleep is the lateness
ok "a subshell that starts late" s '(sleep 0.2; echo late) >f'
is "$(raw f)" late "is waited for"
ok ': >' s ': >empty'
is "$(t stat -c %s "$K/empty")" 0 "makes an empty key"
ok "which HTTP sees" api /v1/kv/empty
ok "touch" s 'touch touched && test -f touched'
ok "of a new key commits it" api /v1/kv/touched
i=$(index f)
ok "touch of an old one" s 'touch f'
is "$(index f)" "$i" "commits nothing"
ok "one file, one commit" s 'exec 3>g; for i in 1 2 3 4 5; do echo $i >&3; done'
fails "nothing of it is there before the close" python3 -c "
f = open('$K/h', 'w')
f.write('half')
f.flush()
open('$K/h').read()"
exits 1 "noclobber over an old key" s 'set -C; echo x >f'
ok "noclobber of a new one" s 'set -C; echo x >fresh'
printf 'a\n' >"$T/want"
ok "appends from two writers are all kept" s \
    '(for i in $(seq 50); do echo a >>log; done) & (for i in $(seq 50); do echo b >>log; done); wait'
is "$(raw log | sort | uniq -c | tr -s ' \n' ' ')" " 50 a 50 b " "each of them"

section "what fails commits nothing"
s 'echo before >victim'
exits 1 "head of 600 KiB" s 'head -c 600K /dev/zero >victim'
like "$ERR" 'File too large' "is told at once"
is "$(raw victim)" before "and the old value stays"
s 'bash -c "printf half; kill -9 \$\$" >victim' 2>/dev/null
is "$(raw victim)" before "as it does when its writer is killed"
ok "unlinked before the close" s 'exec 3>ghost; echo x >&3; rm ghost; exec 3>&-'
fails "it is not there after it" api /v1/kv/ghost
s 'echo old >cas'
exits 1 "a write to what changed since it was opened" python3 -c "
import urllib.request
f = open('$K/cas', 'r+')
f.write('mine')
urllib.request.urlopen(urllib.request.Request('http://$HTTP/v1/kv/cas', data=b'theirs', method='PUT'))
f.close()"
like "$ERR" 'Stale file handle' "is refused"
is "$(raw cas)" theirs "and loses nothing"
fails "sync of the file tells it again" t sync "$K/cas"
ok "once" t sync "$K/cas"

section "files"
head -c 100000 /dev/urandom >"$T/r"
ok "cp" t cp "$T/r" "$K/r"
ok "cmp" t cmp "$T/r" "$K/r"
ok "cp over it" t cp "$T/want" "$K/r"
is "$(raw r)" a "replaces"
ok "cp -p" t cp -p "$T/want" "$K/p"
ok "install" t install -m 755 "$T/want" "$K/i"
ok "mv in" t bash -c "cp '$T/want' '$T/w2'; mv '$T/w2' '$K/w2'"
is "$(raw w2)" a "moves"
ok "mv" s 'mv w2 w3'
is "$(raw w3)" a "renames"
fails "and nothing is left" api /v1/kv/w2
ok "mv over another" s 'echo x >w4; mv w3 w4'
is "$(raw w4)" a "replaces it"
ok "mv -n" s 'echo y >w5; mv -n w4 w5 || true'
is "$(raw w5)" y "does not"
ok "truncate" s 'printf 123456 >tr; truncate -s 3 tr'
is "$(raw tr)" 123 "cuts"
ok "truncate back" s 'truncate -s 5 tr'
is "$(raw tr | od -An -c | tr -s ' ')" ' 1 2 3 \0 \0' "fills"
ok "dd conv=notrunc" s 'printf X | dd of=tr bs=1 seek=1 conv=notrunc status=none'
is "$(raw tr | od -An -c | tr -s ' ')" ' 1 X 3 \0 \0' "in place"
ok "sed -i" s 'echo hello >se; sed -i s/hello/bye/ se'
is "$(raw se)" bye "edits"
is "$(s 'ls | grep -c ^sed')" 0 "and leaves nothing"
ok "sort -o on itself" s 'printf "b\na\n" >so; sort -o so so'
is "$(raw so)" $'a\nb' "sorts"
ok "an editor that writes in place (vim)" python3 -c "
import os
f = os.open('$K/.se.swp', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
os.write(f, b'swap')
g = os.open('$K/se', os.O_WRONLY)
os.ftruncate(g, 0)
os.write(g, b'edited')
os.fsync(g)
os.close(g)
os.chmod('$K/se', 0o644)
os.close(f)
os.unlink('$K/.se.swp')"
is "$(raw se)" edited "saves"
fails "its swap file is gone" api /v1/kv/.se.swp
ok "a program that replaces (write, fsync, rename)" python3 -c "
import os
f = open('$K/se.tmp', 'w')
f.write('replaced')
f.flush()
os.fsync(f.fileno())
f.close()
os.replace('$K/se.tmp', '$K/se')"
is "$(raw se)" replaced "replaces"
ok "rename before the close" python3 -c "
import os
f = open('$K/open.tmp', 'w')
f.write('kept')
f.flush()
os.rename('$K/open.tmp', '$K/opened')
f.close()"
is "$(raw opened)" kept "keeps the bytes"
fails "under the new name alone" api /v1/kv/open.tmp
ok "flock" s 'flock f true'
fails "fcntl locks are refused, not pretended" python3 -c "
import fcntl
fcntl.lockf(open('$K/f', 'r+'), fcntl.LOCK_EX)"

section "trees"
ok "who makes directories and goes into them is there" t bash -c 'for i in $(seq 60); do
    mkdir "$1/in$i" && cd "$1/in$i" && test "$(env pwd -P)" = "$1/in$i" || exit 1
done' - "$(cd "$K" && pwd -P)"
t rm -r "$K"/in*
mkdir -p "$T/src/a/b" "$T/src/empty"
for i in 1 2 3; do echo "file $i" >"$T/src/a/f$i"; done
echo deep >"$T/src/a/b/c"
ok "cp -a" t cp -a "$T/src" "$K/copy"
ok "diff -r" t diff -r "$T/src" "$K/copy"
is "$(api '/v1/kv/copy?keys')" \
    '["copy/","copy/a/","copy/a/b/","copy/a/b/c","copy/a/f1","copy/a/f2","copy/a/f3","copy/empty/"]' "the keys"
is "$(s 'find copy -type f | sort | tr "\n" " "')" "copy/a/b/c copy/a/f1 copy/a/f2 copy/a/f3 " "find"
is "$(s 'grep -r "file 2" copy')" "copy/a/f2:file 2" "grep -r"
like "$(s 'ls -l copy/a/f1')" '^-rw-r--r-- 1 .* 7 .* copy/a/f1$' "ls -l"
ok "mv of a directory" s 'mv copy moved'
ok "all of it" t diff -r "$T/src" "$K/moved"
fails "nothing is left" api '/v1/kv/copy?keys'
ok "below an open directory" s 'cd moved/a && mv ../../moved ../../again && cat f1'
ok "tar" s 'tar cf - again | (mkdir x && cd x && tar xf -)'
ok "untar" t diff -r "$T/src" "$K/x/again"
if command -v rsync >/dev/null; then
    ok "rsync -a" t rsync -a "$T/src/" "$K/rs/"
    ok "all of it" t diff -r "$T/src" "$K/rs"
fi
ok "rm -r" s 'rm -r x again'
fails "nothing is left" api '/v1/kv/again?keys'
exits 1 "mv of a directory onto a full one" s 'mkdir -p d1/x d2/d1/y; mv d1 d2/'
ok "git init, add, commit, log" timeout 120 bash -c "cd '$T/src' && command -v git >/dev/null || exit 0
    git init -q --bare '$K/repo.git' && git init -q . && git add . &&
    git -c user.name=t -c user.email=t@t commit -q -m m && git push -q '$K/repo.git' HEAD:main &&
    git -C '$K/repo.git' log --oneline main"
done_testing
