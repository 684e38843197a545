#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A save is one commit: each tool here writes a key, and the file of changes, which tells every
# commit, then has one line of it and none of the tool's temporary files.
# shellcheck disable=SC2016
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
export HOME=$T TERM=xterm
timeout 600 cat "$M/.changes" >"$T/changes" &
follows() { # a change of now is told: none of those to come is missed
    echo "$RANDOM$RANDOM" >"$K/probe" && grep -q 'kv/probe$' "$T/changes"
}
until_ok 20 follows || bail "$M/.changes tells nothing"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
raw() { api "/v1/kv/$1?raw"; }
names=()
# save NAME "what" WANTED LINE: in a directory of its own, where the key `f` holds "old"
save() {
    local name=$1 what=$2 wanted=$3 line=$4 before
    mkdir -p "$K/$name" "$T/w/$name"
    printf 'old\n' >"$K/$name/f"
    until_ok 5 grep -q "kv/$name/f$" "$T/changes"
    before=$(api "/v1/kv/$name/f" | jq -r '.[0] | "\(.CreateIndex)"')
    run timeout 120 bash -c "cd '$K/$name' && W='$T/w/$name' && $line"
    if [ "$STATUS" -ne 0 ]; then
        tap_result 1 "$what"
        diag "exit $STATUS: $OUT $ERR"
        return
    fi
    is "$(raw "$name/f")" "$wanted" "$what"
    is "$(api "/v1/kv/$name/f" | jq -r '.[0] | "\(.CreateIndex)"')" "$before" "$what: the key is the same, not a new one"
    names+=("$name")
}
has() { command -v "$1" >/dev/null; }

section "tools"
save echo "echo >" new 'echo new >f'
save cp "cp" new 'echo new >$W/n; cp $W/n f'
save cat "cat >" new 'echo new | cat >f'
save tee "tee" new 'echo new | tee f >/dev/null'
save dd "dd" new 'echo new | dd of=f status=none'
save sed "sed -i" new 'sed -i s/old/new/ f'
save sedbak "sed -i with a backup" new 'sed -i~ s/old/new/ f; test "$(cat f~)" = old'
save tmpmv "write f.tmp, mv" new 'echo new >f.tmp; mv f.tmp f'
save mktemp "mktemp, mv" new 't=$(mktemp tXXXXXX); echo new >$t; mv $t f'
save sort "sort -o" new 'printf "new\nnew\n" >$W/n; sort -u -o f $W/n'
save backup "the old one renamed first" new 'mv f f~; echo new >f; test "$(cat f~)" = old; rm f~'
save link "python: mkstemp, fsync, replace" new "python3 -c '
import os, tempfile
fd, name = tempfile.mkstemp(dir=\".\")
os.write(fd, b\"new\\n\")
os.fsync(fd)
os.close(fd)
os.replace(name, \"f\")'"
save named "python: NamedTemporaryFile" new "python3 -c '
import os, tempfile
with tempfile.NamedTemporaryFile(\"w\", dir=\".\", prefix=\"f.\", delete=False) as t:
    t.write(\"new\\n\")
os.chmod(t.name, 0o644)
os.rename(t.name, \"f\")'"
has rsync && save rsync "rsync" new 'echo new >$W/f; rsync -c $W/f ./'
has rsync && save rsynca "rsync -a --inplace" new 'echo new >$W/f; rsync -a -I --inplace $W/f ./'
has git && save git "git checkout" new 'cd $W && git init -q . && echo new >f && git add f &&
    git --work-tree=$OLDPWD diff --quiet f; git --git-dir=.git cat-file blob :f >$OLDPWD/f'
has perl && save perl "perl -i" new 'perl -pi -e s/old/new/ f'
has vim && save vim "vim" new 'vim -u NONE -es -c "set nocp" -c "%s/old/new/" -c wq f'
has vim && save vimswap "vim with a swap file" new 'vim -u NONE -N -es -c "set updatecount=1 swapfile" -c "%s/old/new/" -c "preserve" -c wq f'
has vim && save vimcopy "vim, backupcopy=no" new 'vim -u NONE -N -es -c "set backupcopy=no writebackup backupskip=" -c "%s/old/new/" -c wq f'
has vim && save vimbak "vim, backup" new 'vim -u NONE -N -es -c "set backupcopy=no backup backupskip=" -c "%s/old/new/" -c wq f; test "$(cat f~)" = old'
has ed && save ed "ed" new 'printf "s/old/new/\nw\nq\n" | ed -s f'
has emacs && save emacs "emacs" new 'emacs -Q --batch f --eval "(progn (erase-buffer) (insert \"new\n\") (save-buffer))"'
has emacs && save emacsbak "emacs, its first save makes a backup" new \
    'emacs -Q --batch --eval "(progn (find-file \"f\") (setq buffer-backed-up nil) (erase-buffer) (insert \"new\n\") (basic-save-buffer))"'
if has nano; then
    typed="python3 $TOP_SRCDIR/tests/integration/typed.py"
    save nano "nano" new "$typed 'nano -I f' old '\\x0bnew\\r' new '\\x18' modified y 'File Name' '\\r' &&
        sed -i -e '/^\$/d' f"
fi

section "new keys"
fresh() { # NAME "what" LINE: makes the key `f`
    local name=$1 what=$2 line=$3
    mkdir -p "$K/$name" "$T/w/$name"
    echo new >"$T/w/$name/f"
    ok "$what" timeout 120 bash -c "cd '$K/$name' && W='$T/w/$name' && $line"
    is "$(raw "$name/f")" new "$what: there"
    fresh_names+=("$name")
}
fresh_names=()
fresh n-cp "cp" 'cp $W/f f'
fresh n-cpa "cp -a" 'cp -a $W/f f'
fresh n-install "install" 'install -m 640 $W/f f'
fresh n-tar "tar x" 'tar -C $W -cf - f | tar xf -'
fresh n-mv "mv" 'mv $W/f f'
has rsync && fresh n-rsync "rsync -a" 'rsync -a $W/f ./'
has git && fresh n-git "git checkout" 'P=$PWD; cd $W && git init -q . && git add f && git --work-tree=$P checkout -- f'
fresh n-curl "curl -o" 'curl -s -o f file://$W/f'
fresh n-atomic "python: .tmp and replace" "python3 -c '
import os
open(\"f.tmp\", \"w\").write(\"new\\n\")
os.replace(\"f.tmp\", \"f\")'"

section "what stays becomes a key, what an editor keeps for itself does not"
mkdir "$K/stay"
t() { timeout 120 "$@"; }
python3 -c "
import os, tempfile
fd, name = tempfile.mkstemp(dir='$K/stay', prefix='made')
os.write(fd, b'x')
os.close(fd)"
echo draft >"$K/stay/d.tmp"
echo swap >"$K/stay/.f.swp"
is "$(t ls -A "$K/stay" | sed 's/made.*/made/' | tr '\n' ' ')" ".f.swp d.tmp made " "all are listed"
is "$(t cat "$K/stay/.f.swp" "$K/stay/d.tmp" | tr '\n' ' ')" "swap draft " "and can be read"
fails "rmdir of their directory" t rmdir "$K/stay"
ok "drafts become keys after a second" until_ok 5 eval 'api "/v1/kv/stay/d.tmp" && api "/v1/kv/stay/?keys" | grep -q made'
is "$(raw stay/d.tmp)" draft "with what was written"
is "$(t cat "$K/stay/d.tmp")" draft "also on the mount"
fails "a swap file does not" api /v1/kv/stay/.f.swp
ok "rm" t rm "$K/stay/.f.swp" "$K/stay/d.tmp"
is "$(t ls -A "$K/stay" | sed 's/made.*/made/')" made "and they are gone"
echo x >"$K/stay/gone"
t mv "$K/stay/gone" "$K/stay/gone~"
fails "a key put aside" t cat "$K/stay/gone"
ok "is deleted when no new one comes" until_ok 5 eval '! api /v1/kv/stay/gone'
is "$(t cat "$K/stay/gone~")" x "the backup has its value"
ok "moved back" t mv "$K/stay/gone~" "$K/stay/gone"
is "$(raw stay/gone)" x "it is a key again"
exits 1 "too large a draft" t bash -c "head -c 600K /dev/zero >'$K/stay/big.tmp'"
echo keep >"$K/stay/k"
api '/v1/kv/stay/k?flags=5' -X PUT -d keep >/dev/null
t sed -i s/keep/kept/ "$K/stay/k"
is "$(api /v1/kv/stay/k | jq .[0].Flags)" 5 "sed -i keeps the flags of the key"

section "one commit each"
echo end >"$K/end"
until_ok 10 grep -q 'kv/end$' "$T/changes"
for name in "${names[@]}"; do
    n=$(cut -f2- "$T/changes" | grep -P "\tkv/$name/" | tr '\t\n' ' ;')
    wanted="create kv/$name/f;modify kv/$name/f;"
    [ "$name" = nano ] && wanted="${wanted}modify kv/$name/f;" # the sed after it
    is "$n" "$wanted" "$name"
done
for name in "${fresh_names[@]}"; do
    is "$(cut -f2- "$T/changes" | grep -P "\tkv/$name/" | tr '\t\n' ' ;')" "create kv/$name/f;" "$name"
done
echo draft >"$K/last.tmp"
stop_agent node1
is "$STATUS" 0 "stop with a draft"
need_agent node1 -mount "$M"
is "$(raw last.tmp)" draft "which is a key then"
done_testing
