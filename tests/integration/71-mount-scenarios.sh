#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What people do in a directory, done with their tools on the mount and on tmpfs: the same output, the same exit
# status, the same files afterwards; or else one of the differences that doc/mount.md lists.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
other=$(mktemp -d /dev/shm/disco-test.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$other"; tap_cleanup' EXIT
need_agent node1 -mount "$M"
export HOME=$T/home TERM=xterm GIT_CONFIG_GLOBAL=$T/home/gitconfig
mkdir -p "$HOME"
git config --global user.name t 2>/dev/null
git config --global user.email t@example.org 2>/dev/null
git config --global init.defaultBranch main 2>/dev/null
git config --global core.fileMode true 2>/dev/null
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'

# Runs it in $1/NAME: what it said, how it ended, and what is there afterwards (.git's insides left out).
tell() { # DIRECTORY NAME COMMANDS
    local dir=$1/$2 status
    rm -rf "$T/w"
    mkdir -p "$dir" "$T/w"
    # shellcheck disable=SC2046
    (cd "$dir" && W=$T/w timeout 120 bash -c "$3" </dev/null 2>&1 | sed "s,$1,DIR,g"; exit "${PIPESTATUS[0]}")
    status=$?
    echo "exit $status"
    (cd "$dir" && find . -name .git -prune -o -print | sort | while read -r f; do
        if [ -L "$f" ]; then echo "$f -> $(readlink "$f")"; elif [ -d "$f" ]; then echo "$f/"; else echo "$f $(md5sum <"$f")"; fi
    done)
}
# scenario NAME TOOLS COMMANDS [WHY]: with a reason the two must differ.
scenario() {
    local name=$1 tool
    for tool in $2; do
        command -v "$tool" >/dev/null || { skip "$name" "no $tool"; return; }
    done
    tell "$M/kv" "$name" "$3" >"$T/here"
    tell "$other" "$name" "$3" >"$T/there"
    if [ -z "${4-}" ]; then
        cmp -s "$T/here" "$T/there"
        tap_result $? "$name" || diag "$(diff "$T/here" "$T/there" | head -n 20)"
    else
        ! cmp -s "$T/here" "$T/there"
        tap_result $? "$name: differs, $4" || diag "$(cat "$T/here")"
        if [ -n "${5-}" ]; then
            like "$(cat "$T/here")" "$5" "$name: as it should"
        fi
    fi
}
tree='mkdir -p t/a/b t/c; for i in 1 2 3; do echo $i >t/a/$i; done; echo deep >t/a/b/deep; seq 1000 >t/c/seq;'

section "shell"
scenario redirect "" 'echo one >f; echo two >>f; cat <f; wc -c <f; : >f; wc -c <f; echo x 1<>f; cat f'
scenario heredoc "" 'cat >f <<END
a
b
END
while read -r l; do echo "<$l>"; done <f; mapfile -t x <f; echo ${#x[@]}'
scenario noclobber "" 'set -C; echo a >f && echo made; echo b >f || echo refused; echo c >|f; cat f'
scenario descriptor "" 'exec 3>f; echo a >&3; echo b >&3; cat f; exec 3>&-; cat f'
scenario readwrite "" 'printf abcdef >f; exec 3<>f; read -r -n 3 x <&3; echo $x; printf XY >&3; exec 3>&-; cat f'
scenario globs "" 'touch a.txt b.txt .hidden "with space" -- -dash; ls; echo *.txt; ls -A | wc -l; [ -e .hidden ] && echo hidden'
scenario tests "" 'echo x >f; mkdir d; for o in e f d r w x L; do test -$o f && echo f$o; test -$o d && echo d$o; done'
scenario subshells "" 'for i in $(seq 20); do (echo $i >>f) & done; wait; sort -n f | md5sum; rm f'
scenario dirsize "" 'mkdir d; touch d/f; test -s d && echo something' "a directory has no size of its own" $'^exit 1'
scenario lockfile "" 'mkdir lock && echo got; mkdir lock 2>/dev/null || echo held; rmdir lock; mkdir lock && echo again'
scenario cdpwd "" 'mkdir -p a/b; cd a/b; pwd; cd ..; pwd; cd -; rmdir ../b; ls 2>&1 | wc -l'

section "coreutils"
scenario cp "" "$tree"' cp -r t u; diff -r t u && echo same; cp t/a/1 t/a/2; cat t/a/2; cp -n t/a/3 t/a/1; cat t/a/1; cp -b t/a/3 t/a/1; cat t/a/1~'
scenario cpa "" "$tree"' cp -a t u && diff -r t u && echo same; cp -u t/a/1 u/a/1; cp --parents t/a/b/deep u/; find u | sort'
scenario mv "" "$tree"' mv t/a/1 t/one; mv t/a t/z; mv -n t/one t/c/seq; mv -T t u; find u | sort; mv nosuch x'
scenario rm "" "$tree"' rm t/a/1; rm t/a; rmdir t/c; rm -rf t; ls; rm nosuch; rm -f nosuch && echo fine'
scenario mkdir "" 'mkdir -p a/b/c; mkdir a; mkdir x/y; rmdir -p a/b/c; ls; mkdir -m 700 d && echo made'
scenario touch "" 'touch f g; stat -c "%n %s %F" f g; touch -d 2001-02-03 f; touch -c nosuch; ls'
scenario times "" 'touch -d 2001-02-03 f; stat -c %y f' "times that are set are ignored: st_mtime is when the key changed"
scenario links "ln" 'echo x >f; ln -s f s; ln f h; ls' "there are no links" 'Operation not permitted'
scenario modes "chmod" 'echo x >f; chmod 600 f; stat -c %a f; chmod +x f; stat -c %a f' "modes come from the rights, not from chmod" $'^644\n644\nexit 0'
scenario execute "" 'printf "#!/bin/sh\necho ran\n" >s; chmod +x s; sh s; ./s' "a value has no x" 'ran.*ermission denied'
scenario truncate "truncate" 'echo hello >f; truncate -s 3 f; cat f; truncate -s 8 f; od -c f; truncate -s +2 f; wc -c <f; truncate -s 0 f; wc -c <f'
scenario dd "dd" 'seq 100 >f; echo XX | dd of=f bs=1 seek=10 conv=notrunc status=none; head -n 8 f; echo end | dd of=f oflag=append conv=notrunc status=none; tail -n 2 f; dd if=f bs=1 skip=5 count=5 status=none | od -c'
scenario big "dd" 'dd if=/dev/zero of=f bs=1M count=1 status=none; wc -c <f' "a value has at most 512 KiB" 'File too large'
scenario split "split csplit" 'seq 500 >f; split -l 100 f part.; ls; cat part.* | cmp - f && echo same; csplit -s f 100 200; wc -l xx*'
scenario sort "sort" 'seq 300 | shuf --random-source=/dev/zero >f; sort -n -o f f; head -n 3 f; sort -rn f -o g; head -n 2 g; uniq f | wc -l; comm -12 f f 2>/dev/null | wc -l'
scenario tee "tee" 'echo a | tee f g; echo b | tee -a f >/dev/null; cat f g; paste f g; join f g; tac f; tail -c 2 f; head -c 1 f'
scenario install "install" 'echo x >$W/x; install -D -m 755 $W/x a/b/c; cat a/b/c; install -m 644 $W/x a/b/c && echo twice; install -d n/e/w; find . | sort'
scenario checksums "md5sum sha256sum" "$tree"' find t -type f | sort | xargs md5sum >sums; md5sum -c sums; echo bad >t/a/1; md5sum -c --quiet sums; sha256sum t/c/seq'
scenario du "du" "$tree"' du -ab --exclude=x t/a/b/deep t/c/seq | sort; find t -size -3c -type f | sort; find t -type d -empty; stat -c %s t/c/seq; ls -R t'
scenario mktemp "mktemp" 'f=$(mktemp ./tmp.XXXXXX); echo x >$f; cat $f; mv $f kept; d=$(mktemp -d ./dir.XXXXXX); touch $d/in; rm -r $d; ls'
scenario parallel "xargs" 'seq 40 | xargs -P 8 -I{} sh -c "echo {} >k{}"; ls | wc -l; cat k* | sort -n | md5sum'

section "text tools"
scenario sed "sed" 'seq 20 >f; sed -i s/1/one/ f; sed -i.orig 2d f; wc -l f f.orig; sed -n 3p f; sed -i -e 1d -e "\$d" f; cat f | md5sum; sed "w copy" f >/dev/null; cmp f copy && echo same'
scenario perl "perl" 'seq 20 >f; perl -pi -e s/1/one/ f; perl -pi.bak -e "s/2/two/" f; md5sum f f.bak; perl -e "open F, q(>>f); print F 1; close F or die" && tail -n 1 f'
scenario awk "awk" 'seq 50 | awk "{print > (\"mod\" \$1 % 3)}"; wc -l mod*; awk "{s+=\$1} END {print s}" mod1; awk 1 nosuch'
scenario grep "grep" "$tree"' grep -r deep t; grep -rc 1 t | sort; grep -rl 99 t; grep -L 1 t/a/* ; grep -q nothing t/a/1 || echo none'
scenario find "find" "$tree"' find t -name "[12]" | sort; find t -type f -exec cat {} + | sort | md5sum; find t -name deep -delete; find t -depth | sort; find t -newer t/a/1 | head -n 0; find t -type f -print0 | xargs -0 ls | sort'
scenario patch "diff patch" 'seq 30 >f; sed s/15/fifteen/ f >g; diff -u f g >p; patch -s f p && cmp f g && echo same; patch -R -s f p; sed -n 15p f; rm p; ls'
scenario jq "jq" 'echo "{\"a\": 1}" >f.json; jq .a f.json; jq ".a = 2" f.json >f.tmp && mv f.tmp f.json; jq -c . f.json; ls'
scenario make "make" 'printf "out: in\n\tcp in out\n" >Makefile; echo 1 >in; make -s; cat out; make; until [ in -nt out ]; do echo 2 >in; done; make -s; cat out'

section "archives"
scenario tar "tar" "$tree"' tar cf a.tar t; tar tf a.tar | sort; mkdir u; tar xf a.tar -C u && diff -r t u/t && echo same; tar xf a.tar && echo over; tar df a.tar 2>&1 | grep -v time | wc -l; rm a.tar'
scenario gzip "gzip gunzip" 'seq 5000 >f; gzip -n f; ls; zcat f.gz | md5sum; gunzip f.gz; md5sum f; gzip -kn f; ls'
scenario xz "xz" 'seq 5000 >f; xz f; ls; xzcat f.xz | md5sum; unxz f.xz; ls'
scenario zip "zip unzip" "$tree"' zip -qr a.zip t; unzip -qd u a.zip && diff -r t u/t && echo same; rm a.zip'
scenario rsync "rsync" "$tree"' rsync -a t/ u && diff -r t u && echo same; echo new >t/a/1; rm t/a/2; rsync -ac --delete t/ u && diff -r t u && echo again; rsync -acn -i t/ u | grep -c "^>f"; rsync -c --inplace t/a/3 u/a/1; cat u/a/1; echo other >t/c/seq; rsync -ac --backup t/c/ u/c; ls u/c; cat u/c/seq'
scenario rsyncout "rsync" "$tree"' rsync -a t $W/ && diff -r t $W/t && echo same; rsync -rc $W/t/ t && echo back'

section "git"
scenario git "git" 'git init -q .; echo 1 >f; mkdir d; echo 2 >d/g; git add .; git commit -qm first; echo 3 >>f; git diff --stat; git commit -qam second; git log --format=%s; git checkout -q HEAD~1; cat f; git checkout -q main; git branch b; git status --short; git fsck 2>&1 | grep -v "^Checking"; git gc -q && git log --oneline | wc -l'
scenario gitclone "git" 'git init -q a; cd a; seq 100 >f; git add f; git commit -qm one; cd ..; git clone -q a b 2>/dev/null; cat b/f | md5sum; cd b; echo x >>f; git commit -qam two; git push -q origin HEAD:other; cd ../a; git merge -q other; tail -n 1 f; git stash list; git rebase -q other && git rev-parse HEAD | wc -c'

section "editors"
scenario ed "ed" 'printf "a\nhello\n.\nw f\nq\n" | ed -s; printf "1s/hello/bye/\nw\nq\n" | ed -s f; cat f; ls -A'
scenario vim "vim" 'echo old >f; vim -u NONE -N -es -c "%s/old/new/" -c wq f; cat f; vim -u NONE -N -es -c "normal itwo" -c "w g" -c q! f; cat g; ls -A'
scenario emacs "emacs" 'echo old >f; emacs -Q --batch f --eval "(progn (setq make-backup-files nil) (goto-char (point-max)) (insert \"new\n\") (save-buffer))" 2>/dev/null; cat f; ls -A'
scenario nano "nano" "echo old >f; python3 '$TOP_SRCDIR/tests/integration/typed.py' 'nano -I f' old 'new\\x0f' 'File Name' '\\r' Wrote '\\x18'; cat f; ls -A"

section "python"
scenario python "python3" 'python3 - <<END
import json, os, pathlib, shutil, tempfile
p = pathlib.Path("d"); p.mkdir(); (p / "f").write_text("x"); print((p / "f").read_text(), sorted(os.listdir("d")))
json.dump({"a": [1, 2]}, open("j.json", "w")); print(json.load(open("j.json")))
with open("f", "r+" if os.path.exists("f") else "w+") as f: f.write("hello"); f.seek(1); print(f.read(2)); f.truncate(3)
print(open("f").read(), os.path.getsize("f"))
fd, t = tempfile.mkstemp(dir="."); os.write(fd, b"tmp"); os.fsync(fd); os.close(fd); os.replace(t, "f"); print(open("f").read())
shutil.copytree("d", "e"); shutil.copy2("f", "g"); shutil.move("g", "h"); shutil.rmtree("d"); print(sorted(os.listdir(".")))
with open("a", "ab") as a: a.write(b"1"); a.flush(); a.write(b"2")
print(open("a").read())
try: open("x", "x"); open("x", "x")
except FileExistsError: print("exists")
for r, d, f in os.walk("."): print(r, sorted(d), sorted(f))
END'
scenario mmap "python3" 'seq 100 >f; python3 -c "
import mmap
f = open(\"f\", \"rb\"); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); print(m[:5], m.find(b\"50\"))"'
scenario sqlite "python3" 'python3 -c "
import sqlite3
c = sqlite3.connect(\"db\"); c.execute(\"create table t (a)\")" 2>&1 | tail -n 1; ls' \
    "databases need byte-range locks and are refused" '(database is locked|disk I/O error|unable to open|locking protocol)'
scenario csvdump "python3" 'python3 -c "
import csv, configparser
csv.writer(open(\"c.csv\", \"w\")).writerows([[1, 2], [3, 4]]); print(list(csv.reader(open(\"c.csv\"))))
c = configparser.ConfigParser(); c[\"s\"] = {\"k\": \"v\"}; c.write(open(\"c.ini\", \"w\")); c.read(\"c.ini\"); print(c[\"s\"][\"k\"])"'
scenario flock "flock" 'flock l sh -c "flock -n l true || echo held"; flock -n l echo free; rm l; ls'
scenario sqlitecli "sqlite3" 'echo "create table t(a); insert into t values(1);" | sqlite3 db 2>&1 | head -n 1; ls' \
    "databases need byte-range locks and are refused" 'exit'

ok "the agent has nothing to complain about" bash -c "! grep -iE 'assert|sanitizer|runtime error' '$LOG'"
stop_agent node1
done_testing
