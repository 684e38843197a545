#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tables name is there: each endpoint answers, each command explains itself, each option is taken or refused by
# its name; and each of them occurs in a test of its own.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

mkdir "$T/config"
need_agent node1 -config-file "$T/config"
python3 - "$DISCO" "$TOP_SRCDIR" "$HTTP_PORT" "$T" >"$T/out" <<'END'
import glob, http.client, json, os, re, subprocess, sys
disco, top, port, tmp = sys.argv[1:]


def ok(good, what):
    print("%s %s" % ("good" if good else "BAD", what))


def run(*argv):
    done = subprocess.run([disco, *argv], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def doc(part):
    return run("debug", "doc", part)[1]


tests = ""
for pattern in ("tests/integration/*", "tests/unit/*.c", "tests/conformance/public/*/*.json", "tests/harness/*.py", "contrib/*"):
    for name in glob.glob(os.path.join(top, pattern)):
        if os.path.isfile(name) and not name.endswith("26-tables.sh"):
            tests += open(name, encoding="utf-8", errors="replace").read() + "\n"

# ---- endpoints ----
def ask(method, path):
    c = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    try:
        c.request(method, path, headers={"Content-Length": "0"} if method in ("PUT", "POST") else {})
        r = c.getresponse()
        return r.status, r.getheader("Allow") or "", r.read().decode("utf-8", "replace")
    finally:
        c.close()


rows = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", doc("api.md"), re.M)
ok(len(rows) > 80, "there are endpoints: %d" % len(rows))
for method, path in rows:
    full = path + ("x" if path.endswith("/") else "")
    status, allow, _ = ask("OPTIONS", full)
    if status != 200 or method not in allow.split(","):
        ok(False, "%s %s: OPTIONS says %d %s" % (method, path, status, allow))
    if path not in ("/v1/agent/leave", "/v1/agent/monitor"):  # it ends the agent; it has no end
        status, allow, body = ask(method, full + ("?index=0" if method == "GET" else ""))
        if status == 405 or status >= 500 and "not supported" in body:
            ok(False, "%s %s: %d %s" % (method, path, status, body[:200]))
        other = [m for m in ("GET", "PUT", "POST", "DELETE") if m not in ask("OPTIONS", full)[1].split(",")]
        if other and ask(other[0], full)[0] != 405:
            ok(False, "%s %s: should be 405" % (other[0], path))
    if path.rstrip("/") not in tests:
        ok(False, "%s: no test names it" % path)
    if "| %s | `%s` |" % (method, path) not in open(os.path.join(top, "doc/api.md")).read():
        ok(False, "%s %s: not in doc/api.md" % (method, path))
ok(True, "endpoints were asked")

# ---- commands ----
man = open(os.path.join(top, "doc/man/disco.1")).read()
names = re.findall(r'^\.BR "([^"]+)"', doc("commands.man"), re.M)
ok(len(names) > 50, "there are commands: %d" % len(names))
# run by others: by the agent (55-mount-watch.sh), by doc/update.sh, for people who look into a log (below)
indirect = {"mount-watch", "debug doc", "debug wal"}
for name in names:
    if '.BR "%s"' % name not in man:
        ok(False, "%s: not in disco(1)" % name)
    status, out, err = run(*name.split(), "-h")
    if status != 0 or not out.startswith("Usage: disco %s" % name) and name != "agent":
        ok(False, "%s -h: %d %s%s" % (name, status, out[:100], err[:100]))
    status, out, err = run(*name.split(), "-no-such-flag")
    if status != 1 or "flag provided but not defined: -no-such-flag" not in err:
        ok(False, "%s with an unknown flag: %d %s" % (name, status, err[:100]))
    if name not in indirect and not re.search(r"\b%s\b" % re.escape(name).replace(r"\ ", " +"), tests):
        ok(False, "%s: no test runs it" % name)
ok(True, "commands were run")

# ---- options ----
options = re.findall(r"^\| (?:`([^`]*)`)? *\| (?:`-([^`]*)`)? *\| ([^|]*) \| (?:`([^`]*)`)? *\|", doc("config.md"), re.M)
ok(len(options) > 100, "there are options: %d" % len(options))
base = {"data_dir": tmp + "/d", "bind_addr": "127.0.0.1", "server": True, "bootstrap": True}
values = {"true or false": True, "number": 1, "text": "x", "duration": "10s", "list": ["x"], "object": {"a": "b"}, "objects": [{}],
          "log level": "INFO", "text or list": "x"}
page = open(os.path.join(top, "doc/man/disco.conf.5")).read()
flags_page = open(os.path.join(top, "doc/man/disco-agent.8")).read()
help_text = run("agent", "-help")[1]
# The manual pages have what works; what is refused or has no effect is in config.md alone.
working = doc("config.md").split("\n## ")[1]
for key, flag, kind, preset in options:
    works = "| `%s` |" % key in working or "| `-%s` |" % flag in working
    if works and flag and ("-" + flag).replace("-", "\\-") not in flags_page:
        ok(False, "-%s: not in disco-agent(8)" % flag)
    if flag and "-" + flag not in help_text:
        ok(False, "-%s: not in the help" % flag)
    if not key:
        continue
    if works and key.replace("-", "\\-") not in page:
        ok(False, "%s: not in disco.conf(5)" % key)
    conf = dict(base)
    value = values.get(kind.strip(), preset or "x")
    for part in reversed(key.split(".")):
        value = {part: value}
    name = list(value)[0]
    conf[name] = value[name]
    open(tmp + "/config/a.json", "w").write(json.dumps(conf))
    status, out, err = run("validate", tmp + "/config/a.json")
    # what is refused names what it is about
    if status != 0 and key not in err and key.split(".")[-1].split("_")[0] not in err:
        ok(False, "%s = %s: %s" % (key, json.dumps(conf[name]), err))
# and a name that is almost one is none, also within a group
for key in ("node_names", "ports.httpx", "acl.tokens.defaults", "dns_config.nope"):
    value = 1
    for part in reversed(key.split(".")):
        value = {part: value}
    open(tmp + "/config/a.json", "w").write(json.dumps({**base, **value}))
    status, out, err = run("validate", tmp + "/config/a.json")
    ok(status == 1 and key in err, "%s is refused by name" % key)
os.unlink(tmp + "/config/a.json")
ok(True, "options were given")
END
is $? 0 "the tables were read"
exits 0 "the log is printed" "$DISCO" debug wal "$DIR/raft"
like "$OUT" 'entry|index|term' "... for people"
while read -r verdict what; do
    case $verdict in
    good) ok "$what" true ;;
    BAD) ok "$what" false ;;
    esac
done <"$T/out"
done_testing
