# SPDX-License-Identifier: GPL-3.0-or-later
"""What 47-ui.sh sees and does in the browser: ui.py AGENT AGENT-WITH-ACL MASTER-TOKEN PORT.
One line for each fact; a story that breaks off says where, and the next one begins."""
import base64
import gzip
import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import browser  # noqa: E402

AGENT, LOCKED, MASTER, PORT = sys.argv[1:5]
EVIL = '<img src=x onerror="document.title=1">'
SIZE_MAX = 200 * 1024
stories = []


def fact(good, what):
    print(("ok " if good else "not ok ") + what, flush=True)


def story(f):
    stories.append(f)
    return f


def ask(path, body=None, method=None, agent=AGENT, token=None, headers=None):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(agent + path, data, headers or {}, method=method or ("PUT" if data is not None else "GET"))
    if token:
        request.add_header("X-Consul-Token", token)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
        return reply.read(), reply.headers


def value_of(key):
    try:
        return ask("/v1/kv/" + key + "?raw")[0]
    except urllib.error.HTTPError:
        return None


def soon(what, why):
    try:
        return b.until(what, why)
    except browser.Failure as e:
        print("# %s" % e)
        return False


def seen(text, where="main"):
    return soon(lambda: text in b.text(where), "see " + text)


def go(place, agent=AGENT):
    """Opens a view by its address, once what was saved is, and waits until it is the one that is shown."""
    soon(lambda: not b.run("return document.querySelector('main .head')?.innerText.includes('not saved')"), "have it saved")
    b.open(agent + ("/ui/" if agent == AGENT else "/panel/") + place)
    soon(lambda: b.run("return document.querySelector('main').dataset.place") == (place or "#/services"), "be at " + place)


def mark():
    """A page that is loaded anew has no mark."""
    b.run("window.mark = 1")


def is_marked():
    return b.run("return window.mark === 1")


def fill_catalog():
    for name, status in (("web", "passing"), ("db", "passing"), ("api", "warning"), (EVIL, "critical")):
        ask("/v1/catalog/register", {
            "Node": "ext", "Address": "10.0.0.9", "NodeMeta": {"note": EVIL},
            "Service": {"ID": name + "-1", "Service": name, "Port": 80, "Tags": ["blue", EVIL], "Meta": {"m": EVIL}},
            "Checks": [{"Node": "ext", "CheckID": "c-" + name, "Name": "alive " + name, "Status": status, "ServiceID": name + "-1",
                        "Output": "output of " + name + " " + EVIL}]})
    ask("/v1/agent/service/register", {"Name": "worker", "ID": "worker1", "Port": 7000, "Check": {"CheckID": "beat", "TTL": "600s", "Status": "passing"}})
    for key, value in (("app/color", b"blue"), ("app/db/host", b"db1"), ("bin", bytes(range(256))), ("lines", b"one\r\ntwo\r\n"),
                       ("conflict", b"first"), ("tree/a/x", b"1"), ("tree/b", b"2"), ("a%2F%2Fb", b"double"), ("%2Flead", b"slash first"),
                       ("p%23q%3Fr%25s%26t", b"marks"), ("up%2F..%2Fdown", b"dots"), ("%FF%FE/x", b"bytes"),
                       ("json", b'{"n":12345678901234567890,"a":[],"s":"a\\"}b"}')):
        ask("/v1/kv/" + key, value)
    ask("/v1/kv/" + urllib.request.quote(EVIL, safe=""), b"evil " + EVIL.encode())


# ---- files and headers ----

@story
def the_files():
    page, headers = ask("/ui/")
    policy = headers["Content-Security-Policy"]
    fact(all(part in policy for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
                                         "base-uri 'none'", "form-action 'none'")) and "unsafe" not in policy, "a strict Content-Security-Policy")
    fact(headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer", "nosniff, no referrer")
    packed, packed_headers = ask("/ui/", headers={"Accept-Encoding": "gzip"})
    fact(packed_headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == page, "compressed for whom takes it")
    try:
        ask("/ui/", headers={"If-None-Match": 'W/"x", ' + headers["ETag"]})
        fact(False, "an unchanged file is not sent again")
    except urllib.error.HTTPError as e:
        fact(e.code == 304 and e.read() == b"", "an unchanged file is not sent again")
    fact(ask("/", headers={})[0] == page, "/ leads to the page")


# ---- services ----

@story
def a_service_turns_critical():
    b.open(AGENT + "/")
    fact(soon(lambda: b.run("return location.pathname") == "/ui/", "/ui/"), "a browser at / comes to /ui/")
    fact(seen("worker") and seen("1 critical"), "services with their health")
    fact(seen("live", "#status") and seen("leader 127.0.0.1:", "#status"), "the state says live, and who leads")
    mark()
    b.click("text=worker")
    fact(seen("worker1") and seen("1 passing"), "a click opens its instances")
    ask("/v1/agent/check/fail/beat?note=out+of+paper", b"")
    fact(seen("out of paper") and seen("1 critical") and is_marked(), "a service turns critical without a reload, with the check's output")
    fact(seen("worker is now critical", "#announcer"), "and it is announced")
    b.press("u")
    fact(seen("of 6") and "1 critical" in b.run("return [...document.querySelectorAll('tbody tr')].find(r => r.innerText.startsWith('worker')).innerText"),
         "the list shows it too")
    ask("/v1/agent/check/pass/beat", b"")
    fact(soon(lambda: "1 passing" in b.run("return [...document.querySelectorAll('tbody tr')].find(r => r.innerText.startsWith('worker')).innerText"), "passing")
         and is_marked(), "and passing again")
    ask("/v1/catalog/register", {"Node": "ext", "Address": "10.0.0.9", "Check": {"CheckID": "serfHealth", "Name": "serf", "Status": "critical"}})
    fact(soon(lambda: "1 critical" in b.run("return [...document.querySelectorAll('tbody tr')].find(r => r.innerText.startsWith('web')).innerText"), "web critical"),
         "a node that fails takes its services along")
    ask("/v1/catalog/deregister", {"Node": "ext", "CheckID": "serfHealth"})


@story
def filters():
    go("#/services")
    b.type("#filter", "we")
    fact(seen("1 of 6") and "worker" not in b.text("table"), "the filter narrows the list")
    b.run("location.reload()")
    fact(soon(lambda: b.value("#filter") == "we", "kept") and seen("1 of 6"), "a reload keeps place and filter")
    b.click("#filter")
    b.press("Escape")
    b.click("text=Warning")
    fact(seen("1 of 6") and seen("api", "table"), "by health")
    go("#/services?q=blue")
    fact(seen("4 of 6"), "by tag")


@story
def names_are_text():
    for place in ("services", "service/" + urllib.request.quote(EVIL, safe=""), "nodes", "node/ext", "kv", "key/" + urllib.request.quote(EVIL, safe=""),
                  "new/" + urllib.request.quote(EVIL + "/"), "events", "sessions", "members"):
        go("#/" + place)
        b.find("h1")
        soon(lambda: "Loading" not in b.text("main"), "loaded " + place)
        if b.run("return document.querySelectorAll('main img, main script').length || document.title === '1'"):
            fact(False, "a name that looks like HTML stays a name: " + place)
            return
    go("#/service/" + urllib.request.quote(EVIL, safe=""))
    fact(seen(EVIL, "h1") and seen("output of " + EVIL), "names that look like HTML stay names, everywhere")


# ---- nodes, members, events, sessions ----

@story
def nodes():
    go("#/nodes")
    fact(seen("node1") and seen("this agent") and seen("10.0.0.9"), "nodes")
    b.click("text=ext")
    fact(seen("alive web") and seen("web-1"), "a node's services and checks")
    b.press("5")
    fact(seen("alive") and seen("server") and seen("node1"), "members")


@story
def events():
    go("#/events")
    seen("No events heard")
    ask("/v1/event/fire/deploy", b"release 7")
    fact(seen("release 7"), "an event appears by itself")
    b.click("#fire")
    b.type("#event-name", "hello")
    b.type("#event-payload", EVIL)
    b.click("text=Fire")
    fact(seen("hello", "table") and seen(EVIL, "table"), "and one is fired")
    requests = len([1 for r in sent() if "/v1/event/list" in r])
    time.sleep(1)  # a time in which nothing may be asked
    fact(len([1 for r in sent() if "/v1/event/list" in r]) <= 1 and requests < 12, "an index that is no number that grows makes no storm of questions")


@story
def sessions():
    session = json.loads(ask("/v1/session/create", {"Name": "nightly", "LockDelay": "0s"})[0])["ID"]
    ask("/v1/kv/app/lock?acquire=" + session, b"me")
    go("#/key/app/lock")
    fact(seen("Locked by nightly"), "a key says who holds its lock")
    b.click("text=nightly")
    fact(seen(session) and seen("release"), "the session")
    b.click("text=Find its locks")
    fact(seen("app/lock"), "and its locks")
    b.press("4")
    seen("nightly")
    b.click("[aria-label='Invalidate session nightly']")
    b.press("Escape")
    fact(json.loads(ask("/v1/session/info/" + session)[0]), "Escape at the question leaves the session")
    b.click("[aria-label='Invalidate session nightly']")
    b.click("#confirm")
    fact(soon(lambda: json.loads(ask("/v1/session/info/" + session)[0]) == [], "gone") and b.sees_not("nightly", "main"), "a session is invalidated")


# ---- keys ----

@story
def keys_by_folder():
    go("#/kv")
    b.click("text=tree/")
    fact(seen("a/"), "a folder shows what is in it")
    b.click("text=a/")
    b.click("text=x")
    fact(soon(lambda: b.value("#value") == "1", "value"), "down to a key")
    b.click("text=tree")
    fact(seen("2 of 2"), "and back by the way that was come")
    ask("/v1/kv/tree/new%20one", b"x")
    fact(seen("new one"), "a key that is made elsewhere appears")
    for quoted, value in (("a//b", "double"), ("/lead", "slash first"), ("p%23q%3Fr%25s%26t", "marks"), ("up/../down", "dots"), ("%FF%FE/x", "bytes")):
        go("#/kv")
        parts = quoted.split("/")
        for i in range(1, len(parts)):
            b.click("a.row[href='#/kv/%s/']" % "/".join(parts[:i]))
        b.click("a.row[href='#/key/%s']" % quoted)
        fact(soon(lambda: b.value("#value") == value, quoted), "a key of any bytes is found: " + quoted)
    b.fill("#value", "bytes kept")
    b.click("#save")
    fact(soon(lambda: value_of("%FF%FE/x") == b"bytes kept", "saved"), "and saved")


@story
def create_edit_delete():
    go("#/kv/app/")
    b.click("#new")
    b.type("#name", "made/by hand #1")
    b.type("#value", "wörld")
    b.fill("#flags", "18446744073709551615")
    b.click("#create")
    fact(soon(lambda: value_of("app/made/by%20hand%20%231") == "wörld".encode(), "created"), "a key is created")
    fact(b'"Flags":18446744073709551615' in ask("/v1/kv/app/made/by%20hand%20%231")[0], "with flags of 64 bits")
    seen("Changed at index")
    b.fill("#value", "second")
    fact(seen("not saved"), "a change is marked until it is saved")
    b.click("#save")
    fact(soon(lambda: value_of("app/made/by%20hand%20%231") == b"second", "edited") and b.sees_not("not saved", "main"), "edited")
    fact(b'"Flags":18446744073709551615' in ask("/v1/kv/app/made/by%20hand%20%231")[0], "and keeps its flags")
    ask("/v1/kv/app/made/by%20hand%20%231", b"from elsewhere")
    fact(soon(lambda: b.value("#value") == "from elsewhere", "elsewhere"), "what is written elsewhere appears")
    b.click("#delete")
    b.click("#confirm")
    fact(soon(lambda: value_of("app/made/by%20hand%20%231") is None, "deleted") and soon(lambda: b.run("return location.hash") == "#/kv/app/made/", "back"), "deleted")
    go("#/new/app/")
    b.type("#name", "color")
    b.click("#create")
    fact(seen("already", "#toasts") and value_of("app/color") == b"blue", "an existing key is not overwritten by a new one")
    b.click("text=Cancel")
    b.click("#confirm")
    seen("app/", "h1")
    go("#/kv/tree/")
    b.click("#delete-folder")
    fact(seen("3 keys", "dialog"), "deleting a folder says how much that is")
    b.click("#confirm")
    fact(soon(lambda: value_of("tree/b") is None, "folder deleted") and seen("Keys", "h1"), "and deletes it")


@story
def conflicts():
    go("#/key/conflict")
    b.fill("#value", "mine")
    ask("/v1/kv/conflict", b"theirs")
    fact(seen("Changed elsewhere") and b.text("#theirs") == "theirs" and b.value("#value") == "mine", "a conflict shows both values")
    fact(b.run("return document.querySelector('#save').disabled") and value_of("conflict") == b"theirs", "and nothing is saved over it unasked")
    b.click("#keep-mine")
    fact(soon(lambda: value_of("conflict") == b"mine", "mine"), "mine, when it is said")
    b.sees_not("Changed elsewhere")
    b.fill("#value", "mine again")
    ask("/v1/kv/conflict", b"theirs again")
    b.click("#take-theirs")
    fact(b.value("#value") == "theirs again" and value_of("conflict") == b"theirs again", "or theirs")
    # The agent hears of the other's value only with the answer to the save.
    b.run("""const plain = window.fetch; window.fetch = (u, o) => o.method === 'PUT' && !window.raced ?
        (window.raced = 1, plain('/v1/kv/conflict', { method: 'PUT', body: 'raced' }).then(() => plain(u, o))) : plain(u, o)""")
    b.fill("#value", "too late")
    b.click("#save")
    fact(seen("Changed elsewhere") and value_of("conflict") == b"raced" and b.value("#value") == "too late", "a save that comes too late replaces nothing")
    b.press("u")
    fact(seen("Leave without saving?", "dialog"), "leaving with a draft is asked about")
    b.press("Escape")
    fact(b.value("#value") == "too late", "and it is still there")
    ask("/v1/kv/conflict", None, "DELETE")
    fact(seen("Deleted elsewhere"), "a deletion elsewhere is shown")
    b.click("#keep-mine")
    fact(soon(lambda: value_of("conflict") == b"too late", "again") and b.sees_not("not saved", "main"), "and undone when it is said")


@story
def values():
    go("#/key/bin")
    fact(soon(lambda: (b.value("#value") or "").startswith("00 01 02"), "hex"), "binary is shown as hex")
    b.fill("#flags", "5")
    b.click("#save")
    fact(soon(lambda: b'"Flags":5' in ask("/v1/kv/bin")[0], "flags") and b.sees_not("not saved", "main") and value_of("bin") == bytes(range(256)), "and not destroyed by saving")
    b.fill("#value", "ff 0")
    b.click("#save")
    fact(seen("hexadecimal", "#toasts") and len(value_of("bin")) == 256, "half a byte is refused")
    b.fill("#value", "ff00 41")
    b.click("#save")
    fact(soon(lambda: value_of("bin") == b"\xff\x00A", "bytes") and b.sees_not("not saved", "main"), "bytes are edited")
    go("#/key/lines")
    fact(soon(lambda: b.value("#value") == "one\ntwo\n", "lines"), "line ends of another system are read")
    b.type("#value", "three")
    b.press("Control+s")
    fact(soon(lambda: value_of("lines") == b"one\r\ntwo\r\nthree", "crlf") and b.sees_not("not saved", "main"), "and kept; Ctrl+S saves")
    go("#/key/json")
    b.click("#pretty")
    fact(b.value("#value") == '{\n  "n": 12345678901234567890,\n  "a": [],\n  "s": "a\\"}b"\n}', "JSON is laid out, its numbers untouched")
    b.click("#undo")


# ---- how it is used ----

@story
def keyboard_alone():
    go("#/services")
    b.run("location.reload()")
    seen("web")
    b.press("Tab")
    fact(soon(lambda: b.focused() == "skip", "skip"), "the first stop is the skip link")
    b.press("Enter")
    fact(b.focused() == "main", "which leads to the content")
    b.press("/", "w", "e", "b")
    seen("1 of 6")
    b.press("Down", "Enter")
    fact(seen("web-1"), "filter, arrow, Enter: a service")
    b.press("u")
    seen("Services", "h1")
    b.press("3")
    seen("Keys", "h1")
    b.press("n")
    soon(lambda: b.focused() == "name", "name")
    b.press(*"typed")
    for _ in range(12):
        if b.focused() == "value":
            break
        b.press("Tab")
    b.press(*"by hand")
    b.press("Control+s")
    fact(soon(lambda: value_of("typed") == b"by hand", "typed"), "a key is created without a mouse")
    seen("Changed at index")
    b.press("?")
    fact(seen("Keyboard", "dialog"), "? lists the keys")
    b.press("Escape")
    fact(soon(lambda: not b.run("return !!document.querySelector('dialog')"), "closed"), "Escape closes")
    go("#/services")
    seen("web")
    b.press("Down", "Down")
    outline = b.run("""const row = document.activeElement.closest('tr'); return [document.activeElement.className, getComputedStyle(row).outlineStyle]""")
    fact(outline == ["row", "solid"], "where the focus is, is to be seen")


CONTRAST = """
const rgb = s => { const m = s.match(/[\\d.]+/g).map(Number); return { c: m.slice(0, 3), a: m[3] ?? 1 }; };
const light = c => { const [r, g, b] = c.map(x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const b = rgb(getComputedStyle(e).backgroundColor); if (b.a === 1) return b.c; } return [255, 255, 255]; };
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  if (!e.checkVisibility() || e.closest('.unseen') || e.disabled || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
  const x = light(rgb(getComputedStyle(e).color).c), y = light(behind(e));
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  if (ratio < 4.5) bad.push(e.className + ' ' + e.innerText.slice(0, 20) + ' ' + ratio.toFixed(1));
}
return bad;"""
NAMELESS = """return [...document.querySelectorAll('a, button, input, select, textarea')].filter(e => e.checkVisibility() &&
  !(e.innerText || e.ariaLabel || [...e.labels || []].some(l => l.innerText.trim()))).map(e => e.outerHTML)"""
PLACES = ("services", "service/web", "nodes", "node/ext", "kv/app/", "key/app/color", "new/app/", "sessions", "members", "events")


@story
def light_dark_and_small():
    ask("/v1/session/create", {"Name": "small"})
    ask("/v1/kv/app/" + "long" * 30, b"x" * 500)
    for scheme in ("light", "dark"):
        b.colours(scheme)
        bad = []
        for place in PLACES:
            go("#/" + place)
            b.find("h1")
            soon(lambda: "Loading" not in b.text("main"), "loaded")
            bad += [place + ": " + x for x in b.run(CONTRAST) + b.run(NAMELESS)]
        fact(not bad, "%s: every text can be read, every control has a name %s" % (scheme, bad[:5]))
    fact(b.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 60"), "dark is dark")
    b.click("#theme")
    fact(b.run("return document.documentElement.dataset.theme") == "light" and
         b.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 200"), "the switch wins over the system")
    b.run("location.reload()")
    fact(soon(lambda: b.run("return document.documentElement.dataset.theme") == "light", "theme"), "and is remembered")
    b.click("#theme")
    b.click("#theme")
    b.colours("light")
    b.resize(360, 640)
    wide = []
    for place in PLACES:
        go("#/" + place)
        b.find("h1")
        soon(lambda: "Loading" not in b.text("main"), "loaded")
        if b.run("return document.documentElement.scrollWidth") > 360:
            wide.append(place)
    fact(not wide, "a screen of 360 pixels holds every view %s" % wide)
    go("#/services")
    b.click("text=Keys")
    b.click("text=app/")
    b.click("text=color")
    b.fill("#value", "green")
    b.click("#save")
    fact(soon(lambda: value_of("app/color") == b"green", "phone") and b.sees_not("not saved", "main"), "a key is edited on a phone")
    b.resize(1200, 800)


@story
def away_and_back():
    go("#/service/worker")
    seen("passing")
    mark()
    b.cdp("Network.enable")
    b.cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    ask("/v1/agent/check/fail/beat?note=missed", b"")
    fact(seen("reconnecting", "#status"), "an agent that is away is said to be")
    b.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    fact(seen("missed") and seen("live", "#status") and is_marked(), "and when it is back, so is the page, with what it missed")


def parked():
    gauges = json.loads(ask("/v1/agent/metrics")[0])["Gauges"]
    return [g["Value"] for g in gauges if g["Name"].endswith("reads.parked")]


@story
def connections():
    fact(b.find("#dc") and soon(lambda: b.run("return !document.querySelector('#dc-label').hidden"), "datacenters"), "two datacenters: there is a choice")
    go("#/nodes")
    seen("node1")
    b.click("#dc")
    b.run("const s = document.querySelector('#dc'); s.value = 'dc2'; s.dispatchEvent(new Event('change'))")
    fact(seen("far") and b.sees_not("10.0.0.9", "main"), "the other datacenter's nodes")
    b.run("location.reload()")
    fact(seen("far") and b.value("#dc") == "dc2", "also after a reload")
    go("#/node/node1")
    seen("Checks")
    fact(soon(lambda: parked() == [2], "two"), "a view waits with two connections at most")
    go("#/services")
    seen("web")
    fact(soon(lambda: parked() == [1], "one"), "and lets go of them when it is left")


@story
def with_acls():
    go("", LOCKED)
    fact(soon(lambda: b.run("return !document.querySelector('#access').hidden"), "button"), "where ACLs are on there is a place for the token (and another content path works)")
    ask("/v1/kv/secret/a", b"42", agent=LOCKED, token=MASTER)
    go("#/key/secret/a", LOCKED)
    fact(seen("Not permitted") and seen("key:read on secret/a"), "a denial is told: " + " ".join(b.text("main .error").split()))
    b.click("text=Enter a token")
    b.type("#token", "aaaaaaaa-0000-0000-0000-0000000000ff")
    b.click("#use")
    fact(seen("does not know this token", "dialog"), "a wrong token is refused")
    b.fill("#token", MASTER)
    b.click("#use")
    fact(soon(lambda: b.value("#value") == "42", "secret"), "the right one shows the key")
    b.run("location.reload()")
    fact(soon(lambda: b.value("#value") == "42", "secret"), "and is kept over a reload")
    fact(MASTER not in b.run("return document.documentElement.outerHTML + location.href") and b.run("return localStorage.getItem('disco-token')") is None,
         "it stands neither in the page, nor in the address, nor on the disk")
    b.click("#access")
    seen("Master", "dialog")
    b.click("#forget")
    fact(seen("Not permitted") and b.run("return sessionStorage.getItem('disco-token')") is None, "and forgotten when that is said")


# ---- parts of it alone, in the browser they run in ----

@story
def parts():
    go("#/new/")
    b.find("#name")
    fact(b.run("""return import('./api.js').then(({ quote, quoteBytes, unquote, keyPath }) => [
        quote('a b/ü#?%'), unquote('a%20b/%C3%BC%23'), unquote('a%FF%FEb%C3%BC'), quoteBytes(new Uint8Array([47, 0, 255])), keyPath('a//../b%20')])""") ==
         ["a%20b/%C3%BC%23%3F%25", "a b/ü#", "a\\xFF\\xFEbü", "/%00%FF", "kv/a%2F%2F..%2Fb%20"], "names to addresses and back")
    fact(b.run(r"""return import('./value.js').then(({ textOf, bytesOfText, hexOf, bytesOfHex, prettyJson, isEqual }) => {
        const bad = [];
        for (let n = 0; n < 3000; n++) {
          const some = [10, 13, 0, 9, 65, 0xc3, 0xbc, 0xef, 0xbb, 0xbf, 0xff, 127];
          const bytes = Uint8Array.from({ length: n % 9 }, () => some[Math.floor(Math.random() * some.length)]);
          const text = textOf(bytes);
          const area = document.createElement('textarea');
          if (text) area.value = text.text;
          if (text && !isEqual(bytesOfText(area.value, text.isCrlf), bytes)) bad.push([...bytes]);
          if (!isEqual(bytesOfHex(hexOf(bytes)), bytes)) bad.push(hexOf(bytes));
        }
        for (const json of ['{}', '[]', '[1,{"a":[]}]', '"a{"', ' {"b" : [1.50,-2e9,true,null], "b":"\\\\"}', '""'])
          if (prettyJson(json).replace(/\s/g, '') !== json.replace(/\s/g, '') || prettyJson(prettyJson(json)) !== prettyJson(json)) bad.push(json);
        return bad; })""") == [], "bytes to text and hex and back, whatever they are; JSON keeps its tokens")
    # Indexes as an agent may give them: growing, none, going back (a restored snapshot), failing.
    asked = b.run("""return import('./live.js').then(({ watch }) => new Promise(done => {
        const plain = window.fetch, asked = [], stop = new AbortController();
        const answers = ['7', '9', '9', '3', '3', '0', 500, '4'];
        window.fetch = async (url, o) => {
          if (!url.pathname.startsWith('/v1/test/')) return plain(url, o);
          asked.push(url.searchParams.get('index'));
          const index = answers.shift();
          if (index === undefined) { window.fetch = plain; stop.abort(); done([asked, seen]); return new Promise(() => {}); }
          if (index === 500) return new Response('No cluster leader', { status: 500 });
          return new Response('[]', { headers: { 'X-Consul-Index': index, 'Content-Type': 'application/json' } });
        };
        const seen = [];
        watch('test/x', { signal: stop.signal }, (data, answer) => seen.push(answer.index), e => seen.push(e.message));
      }))""")
    fact(asked == [[None, "7", "9", "9", None, "3", None, None, "4"], ["7", "9", "3", "3", "0", "No cluster leader", "4"]] or
         asked == [[None, "7", "9", "9", None, "3", "1", None, "4"], ["7", "9", "3", "3", "0", "No cluster leader", "4"]],
         "an index that goes back begins anew, a failure too %s" % asked)


# ---- what was noticed on the way ----

all_sent, all_log = [], []


def sent():
    """URLs asked for since the last call."""
    urls = []
    for entry in b.log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.append(message["params"]["request"]["url"])
    all_sent.extend(urls)
    return urls


def the_end():
    sent()
    all_log.extend(b.log())
    origins = (AGENT + "/", LOCKED + "/", "data:,")
    foreign = [u for u in all_sent if not u.startswith(origins)]
    fact(all_sent and not foreign, "no request left for anywhere else (%d requests) %s" % (len(all_sent), foreign[:3]))
    files = {u.split("#")[0] for u in all_sent if u.startswith(AGENT + "/ui/")}
    size = sum(len(ask(u[len(AGENT):])[0]) for u in files)
    fact(10000 < size < SIZE_MAX and len(files) > 5, "the page is under 200 KB: %d bytes in %d files" % (size, len(files)))
    # What a browser notes about answers like 404 and 403 is not an error of the page.
    errors = [e["message"] for e in all_log if e["level"] == "SEVERE" and e["source"] != "network"]
    fact(not errors, "no error on the console, no violation of the policy %s" % errors[:3])
    answers = [e["message"] for e in all_log if e["source"] == "network" and "/v1/" not in e["message"]]
    fact(not answers, "no file was missing %s" % answers[:3])


b = browser.Browser(int(PORT))
try:
    b.cdp("Page.addScriptToEvaluateOnNewDocument", source="""
        addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI));
        addEventListener('unhandledrejection', e => console.error('unhandled: ' + e.reason));""")
    b.open("about:blank")
    sent()
    all_sent.clear()  # the browser's own first page
    fill_catalog()
    wanted = os.environ.get("UI_STORIES", "").split()
    for tell in stories:
        if wanted and tell.__name__ not in wanted:
            continue
        print("# ---- " + tell.__name__.replace("_", " "), flush=True)
        began = time.monotonic()
        try:
            tell()
        except Exception as e:  # the next story may well go on
            fact(False, "%s: %s" % (tell.__name__, e))
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()[-6:]), end="")
            print("# it showed: %r" % b.text()[:1500])
        print("# %.1f s" % (time.monotonic() - began))
    the_end()
finally:
    b.close()
