#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# npm's `consul`, the client library of Node programs, notices no difference. It is installed into a directory of
# its own, kept for the next time; where there is no npm, or no registry, this is skipped.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
VERSION=2.0.1
command -v node >/dev/null && command -v npm >/dev/null || skip_all "node or npm is missing"
CACHE=${CLIENT_NPM_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/disco-tests/npm-consul-$VERSION}
mkdir -p "$CACHE" 2>/dev/null || { CACHE=$T/npm && mkdir "$CACHE"; }
if [ ! -e "$CACHE/node_modules/consul/package.json" ]; then
    # Apart first, so that what was cut short is not taken for whole.
    mkdir "$T/install"
    # shellcheck disable=SC2015
    timeout 300 npm install --no-audit --no-fund --no-save --ignore-scripts --prefix "$T/install" "consul@$VERSION" \
        >"$T/npm.log" 2>&1 && rm -rf "$CACHE/node_modules" && cp -R "$T/install/node_modules" "$CACHE/" ||
        skip_all "npm's registry cannot be reached: $(grep -m 1 -i 'error' "$T/npm.log" | tr -d '\n' | cut -c 1-200)"
fi
is "$(node -p 'require(process.argv[1]).version' "$CACHE/node_modules/consul/package.json")" $VERSION "consul $VERSION of npm"

need_agent node1 -enable-script-checks
cat >"$T/client.js" <<'END'
const Consul = require(process.argv[2] + "/node_modules/consul");
const c = new Consul({ host: "127.0.0.1", port: Number(process.argv[3]) });
const ok = (good, what) => console.log((good ? "good " : "BAD ") + what);
const until = async (what, f) => {
  for (const end = Date.now() + 20000; Date.now() < end; await new Promise((r) => setTimeout(r, 50)))
    if (await f()) return ok(true, what);
  ok(false, what);
};
const fails = async (what, f, status) => {
  try { await f(); ok(false, what); } catch (e) { ok(e.statusCode === status, what + " " + e.statusCode); }
};
(async () => {
  // kv
  ok((await c.kv.set("npm/a", "1")) === true, "kv.set");
  const a = await c.kv.get("npm/a");
  ok(a.Key === "npm/a" && a.Value === "1" && a.Flags === 0, "kv.get");
  ok((await c.kv.get({ key: "npm/a", raw: true })) == "1", "kv.get raw");
  ok((await c.kv.get({ key: "npm/a", buffer: true })).Value.equals(Buffer.from("1")), "kv.get buffer");
  ok((await c.kv.get("npm/none")) == null, "kv.get of what is not there");
  ok((await c.kv.set({ key: "npm/a", value: "2", cas: "0" })) !== true, "kv.set with a stale index");
  ok((await c.kv.set({ key: "npm/a", value: "2", cas: String(a.ModifyIndex), flags: 42 })) === true, "kv.set with the right one");
  ok((await c.kv.set("npm/b/c", "3")) && (await c.kv.keys("npm/")).join() === "npm/a,npm/b/c", "kv.keys");
  ok((await c.kv.keys({ key: "npm/", separator: "/" })).join() === "npm/a,npm/b/", "kv.keys with a separator");
  ok((await c.kv.get({ key: "npm/", recurse: true })).map((p) => p.Value).join() === "2,3", "kv.get recurse");
  // session, locks
  const s = (await c.session.create({ name: "s", ttl: "20s", lockdelay: "1s", behavior: "release" })).ID;
  ok((await c.session.get(s)).Name === "s" && (await c.session.info(s)).TTL === "20s", "session.get");
  ok((await c.session.list()).some((x) => x.ID === s) && (await c.session.node("node1")).some((x) => x.ID === s), "session.list, node");
  ok((await c.session.renew(s))[0].ID === s, "session.renew");
  ok((await c.kv.set({ key: "npm/lock", value: "me", acquire: s })) === true, "acquire");
  ok((await c.kv.get("npm/lock")).Session === s && (await c.kv.get("npm/lock")).LockIndex === 1, "held");
  ok((await c.kv.set({ key: "npm/lock", value: "me", release: s })) === true, "release");
  await c.session.destroy(s);
  ok((await c.session.list()).every((x) => x.ID !== s), "session.destroy");
  // transaction
  const t = await c.transaction.create([
    { KV: { Verb: "set", Key: "npm/t", Value: Buffer.from("x").toString("base64") } }, { KV: { Verb: "get", Key: "npm/t" } }]);
  ok(t.Errors === null && t.Results[1].KV.Value === "eA==", "transaction.create");
  await fails("a transaction that fails", () => c.transaction.create([{ KV: { Verb: "check-not-exists", Key: "npm/t" } }]), 409);
  await c.kv.del({ key: "npm/", recurse: true });
  await fails("kv.keys after kv.del recurse", () => c.kv.keys("npm/"), 404);
  // agent: services and checks
  ok((await c.agent.self()).Config.NodeName === "node1" && (await c.agent.members())[0].Name === "node1", "agent.self, members");
  await c.agent.service.register({ name: "web", id: "web1", address: "10.0.0.1", port: 80, tags: ["x", "y"], meta: { k: "v" },
    check: { ttl: "30s", notes: "n" } });
  const w = (await c.agent.service.list()).web1;
  ok(w.Service === "web" && w.Port === 80 && w.Tags.join() === "x,y" && w.Meta.k === "v", "agent.service.register, list");
  ok((await c.agent.check.list())["service:web1"].Status === "critical", "agent.check.list");
  await until("agent.check.pass is seen by health.service", async () => {
    await c.agent.check.pass({ id: "service:web1", note: "fine" });
    return (await c.health.service({ service: "web", passing: true })).length === 1; });
  ok((await c.health.service({ service: "web", tag: "x" }))[0].Service.ID === "web1", "health.service by tag");
  await c.agent.check.warn("service:web1");
  ok((await c.agent.check.list())["service:web1"].Status === "warning", "agent.check.warn");
  await c.agent.check.fail("service:web1");
  ok((await c.agent.check.list())["service:web1"].Status === "critical", "agent.check.fail");
  await c.agent.check.register({ name: "own", id: "own", tcp: "127.0.0.1:" + process.argv[3], interval: "1s", timeout: "1s" });
  await until("agent.check.register (tcp)", async () => (await c.agent.check.list()).own.Status === "passing");
  await c.agent.check.register({ name: "script", id: "script", args: ["sh", "-c", "echo said"], interval: "10s" });
  await until("agent.check.register (args)", async () => (await c.agent.check.list()).script.Output.includes("said"));
  await c.agent.check.deregister("own");
  await c.agent.check.deregister("script");
  ok(!("own" in (await c.agent.checks())), "agent.check.deregister");
  await c.agent.service.maintenance({ id: "web1", enable: true, reason: "why" });
  ok((await c.agent.checks())["_service_maintenance:web1"].Notes === "why", "agent.service.maintenance");
  await c.agent.service.maintenance({ id: "web1", enable: false });
  await c.agent.maintenance({ enable: true, reason: "node" });
  ok("_node_maintenance" in (await c.agent.checks()), "agent.maintenance");
  await c.agent.maintenance(false);
  ok(!("_node_maintenance" in (await c.agent.checks())), "... and back");
  await c.agent.reload();
  await fails("agent.forceLeave of nobody", () => c.agent.forceLeave("nobody"), 500);
  // health
  ok((await c.health.node("node1")).some((x) => x.CheckID === "serfHealth"), "health.node");
  ok((await c.health.checks("web"))[0].ServiceID === "web1", "health.checks");
  ok((await c.health.state("critical")).some((x) => x.ServiceID === "web1"), "health.state");
  // catalog
  ok((await c.catalog.datacenters()).join() === "dc1", "catalog.datacenters");
  await c.catalog.register({ node: "ext", address: "10.0.0.9", service: { service: "db", id: "db1", port: 5432, tags: ["m"] } });
  ok((await c.catalog.nodes()).map((n) => n.Node).join() === "ext,node1", "catalog.register, nodes");
  ok((await c.catalog.services()).db.join() === "m", "catalog.services");
  ok((await c.catalog.service.nodes({ service: "db", tag: "m" }))[0].ServicePort === 5432, "catalog.service.nodes");
  ok((await c.catalog.node.services("ext")).Services.db1.Port === 5432, "catalog.node.services");
  await fails("catalog.connect.nodes: no mesh here", () => c.catalog.connect.nodes("db"), 404);
  // prepared queries
  const q = (await c.query.create({ name: "qq", service: { service: "db", onlypassing: false } })).ID;
  ok((await c.query.get(q)).Name === "qq" && (await c.query.list()).length === 1, "query.create, get, list");
  ok((await c.query.execute("qq")).Nodes[0].Service.Port === 5432, "query.execute");
  await c.query.explain("qq"); // this version of the library looks for a list in the answer and returns nothing
  ok(true, "query.explain");
  await c.query.update({ query: q, name: "qr", service: { service: "db" } });
  ok((await c.query.get(q)).Name === "qr", "query.update");
  await c.query.destroy(q);
  await fails("query.get of what is gone", () => c.query.get(q), 404);
  await c.catalog.deregister({ node: "ext" });
  ok((await c.catalog.nodes()).length === 1, "catalog.deregister");
  // events
  const e = await c.event.fire({ name: "deploy", payload: "53", service: "web" });
  ok(e.Name === "deploy" && e.ID.length === 36, "event.fire");
  await c.event.fire("other", "x");
  await until("event.list", async () => (await c.event.list("other")).map((x) => x.Payload).join() === "x");
  // status
  ok(/^127\.0\.0\.1:\d+$/.test(await c.status.leader()) && (await c.status.peers()).length === 1, "status.leader, peers");
  // acl, which is off here
  await fails("acl.bootstrap", () => c.acl.bootstrap(), 401);
  await fails("acl.legacy.list", () => c.acl.legacy.list(), 401);
  await fails("acl.legacy.create", () => c.acl.legacy.create({ name: "x", type: "client" }), 401);
  await fails("acl.replication", () => c.acl.replication(), 401);
  // watch
  await c.kv.set("npm/w", "0");
  const seen = [];
  const watch = c.watch({ method: c.kv.get, options: { key: "npm/w", wait: "5s" }, backoffFactor: 100 });
  watch.on("change", (data) => seen.push(data.Value));
  watch.on("error", () => seen.push("error"));
  await until("watch: what is there", () => seen.join() === "0");
  await c.kv.set("npm/w", "1");
  await until("watch: a change", () => seen.join() === "0,1");
  await c.kv.set("npm/other", "1");
  await c.kv.set("npm/w", "2");
  await until("watch: the next, and nothing else", () => seen.join() === "0,1,2");
  ok(watch.isRunning() && watch.updateTime() > 0, "watch runs");
  watch.end();
  ok(!watch.isRunning(), "... and ends");
  await c.agent.service.deregister("web1");
  ok(Object.keys(await c.agent.services()).length === 0, "agent.service.deregister");
  console.log("END");
})().catch((e) => { console.log("BAD " + e.stack.replaceAll("\n", " ")); process.exitCode = 1; });
END
timeout 300 node "$T/client.js" "$CACHE" "$HTTP_PORT" >"$T/client.out" 2>"$T/client.err" </dev/null
while read -r verdict what; do
    case $verdict in
    good) ok "$what" true ;;
    BAD) ok "$what" false ;;
    esac
done <"$T/client.out"
is "$(tail -n 1 "$T/client.out")" END "the program came to its end" || diag "$(head -c 2000 "$T/client.err")"
stop_agent node1

section "with ACLs"
cat >"$T/acl.json" <<'END'
{"acl": {"enabled": true, "default_policy": "deny"}}
END
need_agent node2 -config-file="$T/acl.json"
cat >"$T/acl.js" <<'END'
const Consul = require(process.argv[2] + "/node_modules/consul");
const at = { host: "127.0.0.1", port: Number(process.argv[3]) };
const anonymous = new Consul(at);
const status = async (f) => { try { await f(); return 200; } catch (e) { return e.statusCode; } };
(async () => {
  const token = (await anonymous.acl.bootstrap()).SecretID;
  const c = new Consul({ ...at, defaults: { token } });
  console.log(token.length, await c.kv.set("a", "1"), await status(() => anonymous.kv.get("a")), (await c.kv.get("a")).Value,
    (await c.acl.replication()).Enabled, await status(() => c.acl.legacy.list()), await status(() => anonymous.acl.bootstrap()));
})();
END
is "$(timeout 300 node "$T/acl.js" "$CACHE" "$HTTP_PORT" 2>&1)" "36 true 403 1 false 410 403" \
    "acl.bootstrap gives a token, which counts; no token does not"
done_testing
