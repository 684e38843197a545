#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's python3-consul, a client library written for Consul, notices no difference.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
/usr/bin/python3 -c 'import consul' 2>/dev/null || skip_all "python3-consul is missing"

need_agent node1
cat >"$T/client.py" <<'END'
import sys
import consul

c = consul.Consul(host="127.0.0.1", port=int(sys.argv[1]))
n = 0


def put(path, **params):
    """What version 0.7.1 still asks with GET, as Consul took it before 1.0; Consul 1.9 answers that with 405."""
    return c.http.put(consul.base.CB.bool(), path, params=params)


def ok(condition, what):
    global n
    n += 1
    print("%s %s" % ("good" if condition else "BAD", what))


ok(c.kv.put("lib/a", "1"), "kv.put")
index, found = c.kv.get("lib/a")
ok(found["Value"] == b"1" and int(index) > 0, "kv.get")
ok(not c.kv.put("lib/a", "2", cas=1), "kv.put with a stale index")
ok(c.kv.put("lib/a", "2", cas=found["ModifyIndex"]), "kv.put with the right one")
index, found = c.kv.get("lib/", keys=True)
ok(found == ["lib/a"], "keys")
index, found = c.kv.get("lib/a", index=index, wait="100ms")
ok(found["Value"] == b"2", "a blocking read")
session = c.session.create(name="s", ttl=20, lock_delay=0)
ok(c.kv.put("lib/lock", "me", acquire=session), "acquire")
ok(c.kv.get("lib/lock")[1]["Session"] == session, "held")
ok(c.session.renew(session)["ID"] == session, "session.renew")
ok(c.kv.put("lib/lock", "me", release=session), "release")
ok(c.session.info(session)[1]["Name"] == "s" and c.session.destroy(session), "session.info, destroy")
ok(c.kv.delete("lib/", recurse=True) and c.kv.get("lib/a")[1] is None, "kv.delete")

ok(c.agent.service.register("web", service_id="web1", address="10.0.0.1", port=80, tags=["x"], check=consul.Check.ttl("30s")),
   "agent.service.register")
ok(c.agent.services()["web1"]["Port"] == 80, "agent.services")
ok(c.agent.checks()["service:web1"]["Status"] == "critical", "agent.checks")
ok(c.health.service("web", passing=True)[1] == [], "health.service: not yet passing")
ok(put("/v1/agent/check/pass/service:web1", note="fine"), "a TTL check passes")
found = c.health.service("web", passing=True)[1]
ok([s["Service"]["ID"] for s in found] == ["web1"], "health.service: passing")
ok(c.health.checks("web")[1][0]["Output"] == "fine", "health.checks")
ok(c.health.state("any")[1] and c.health.node("node1")[1], "health.state, health.node")
ok(c.agent.check.register("alive", consul.Check.tcp("127.0.0.1", int(sys.argv[1]), "1s")), "agent.check.register")
ok(c.agent.service.maintenance("web1", True, "why") and c.health.service("web", passing=True)[1] == [], "maintenance")
ok(c.agent.service.maintenance("web1", False), "and back")
ok(put("/v1/agent/check/deregister/alive"), "a check is deregistered")
ok(put("/v1/agent/service/deregister/web1") and c.agent.services() == {}, "a service is deregistered")

ok(c.catalog.register("ext", "10.0.0.9", service={"Service": "db", "Port": 5432}), "catalog.register")
ok(sorted(c.catalog.services()[1]) == ["consul", "db"], "catalog.services")
ok(c.catalog.service("db")[1][0]["ServicePort"] == 5432, "catalog.service")
ok([x["Node"] for x in c.catalog.nodes()[1]] == ["ext", "node1"], "catalog.nodes")
ok("db" in c.catalog.node("ext")[1]["Services"], "catalog.node")
ok(c.catalog.datacenters() == ["dc1"], "catalog.datacenters")
ok(c.catalog.deregister("ext"), "catalog.deregister")
ok(c.status.leader() and c.status.peers(), "status")
ok(c.agent.self()["Config"]["NodeName"] == "node1" and c.agent.members()[0]["Name"] == "node1", "agent.self, members")
result = c.txn.put([{"KV": {"Verb": "set", "Key": "t", "Value": "dg=="}}]) if hasattr(c, "txn") else {"Errors": None}
ok(result["Errors"] is None, "txn")
END
run timeout 120 /usr/bin/python3 "$T/client.py" "$HTTP_PORT"
is "$STATUS" 0 "the program ends" || diag "$ERR"
while read -r outcome what; do is "$outcome" good "$what"; done <<<"$OUT"
done_testing
