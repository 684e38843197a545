/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One page without parts from elsewhere. What it shows comes from the network, so it enters the
 * page as text only (textContent), and the policy lets it load nothing and ask nobody but this
 * agent.
 */
#include "config.h"

#include "api/api_ui.h"

#include "api/redirect.h"

/* clang-format off */
static const char page[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>disco</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>\n"
    "body{font:15px sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}\n"
    "a{color:#06c;cursor:pointer}.passing{color:#070}.warning{color:#a60}.critical{color:#b00}\n"
    "</style></head><body>\n"
    "<h1>disco</h1><p id=\"error\" class=\"critical\" role=\"alert\"></p>\n"
    "<h2>Services</h2><table id=\"services\"></table>\n"
    "<div id=\"one\"></div>\n"
    "<h2>Nodes</h2><table id=\"nodes\"></table>\n"
    "<script>\n"
    "'use strict';\n"
    "const at = id => document.getElementById(id);\n"
    "const bad = ['passing', 'warning', 'critical'];\n"
    "const worst = checks => bad[checks.reduce((w, c) => {\n"
    "  const i = bad.indexOf(c.Status); return Math.max(w, i < 0 ? 2 : i); }, 0)];\n"
    "async function ask(path) {\n"
    "  const r = await fetch('/v1/' + path);\n"
    "  if (!r.ok) throw new Error(path + ': ' + r.status + ' ' + await r.text());\n"
    "  return r.json();\n"
    "}\n"
    "function fill(table, head, rows) {\n"
    "  table.replaceChildren();\n"
    "  const put = (tag, cells) => { const tr = table.insertRow();\n"
    "    for (const cell of cells) { const td = document.createElement(tag);\n"
    "      if (cell instanceof Node) td.append(cell); else td.textContent = cell;\n"
    "      if (bad.includes(cell)) td.className = cell;\n"
    "      tr.append(td); } };\n"
    "  put('th', head); rows.forEach(r => put('td', r));\n"
    "}\n"
    "async function show(name) {\n"
    "  const all = await ask('health/service/' + encodeURIComponent(name));\n"
    "  const h = document.createElement('h3'), t = document.createElement('table');\n"
    "  h.textContent = name; at('one').replaceChildren(h, t);\n"
    "  fill(t, ['Node', 'Address', 'Port', 'Tags', 'Health'], all.map(i => [i.Node.Node,\n"
    "    i.Service.Address || i.Node.Address, i.Service.Port, (i.Service.Tags || []).join(', '),\n"
    "    worst(i.Checks)]));\n"
    "}\n"
    "function link(name) {\n"
    "  const a = document.createElement('a'); a.textContent = name; a.href = '#';\n"
    "  a.onclick = e => { e.preventDefault(); show(name).catch(fail); };\n"
    "  return a;\n"
    "}\n"
    "const fail = e => { at('error').textContent = e.message; };\n"
    "async function main() {\n"
    "  const [services, nodes, checks] = await Promise.all([\n"
    "    ask('catalog/services'), ask('catalog/nodes'), ask('health/state/any')]);\n"
    "  fill(at('services'), ['Name', 'Tags', 'Health'], Object.keys(services).sort().map(s => [\n"
    "    link(s), services[s].join(', '), worst(checks.filter(c => c.ServiceName === s))]));\n"
    "  fill(at('nodes'), ['Name', 'Address', 'Health'], nodes.map(n => [n.Node, n.Address,\n"
    "    worst(checks.filter(c => c.Node === n.Node && !c.ServiceID))]));\n"
    "}\n"
    "main().catch(fail);\n"
    "</script></body></html>\n";
/* clang-format on */

static void put_page(struct api_call *c)
{
    api_header(c, "Content-Type", STR_LIT("text/html; charset=utf-8"));
    api_header(c, "Content-Security-Policy",
               STR_LIT("default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; "
                       "script-src 'unsafe-inline'; frame-ancestors 'none'"));
    api_header(c, "X-Content-Type-Options", STR_LIT("nosniff"));
    buf_put(&c->reply.body, page, sizeof page - 1);
}

bool api_ui_answer(struct api_call *c)
{
    bool is_root = str_eq(c->path, STR_LIT("/"));

    if (!c->env->config->ui) {
        if (!is_root)
            return false;
        api_header(c, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
        buf_put_z(&c->reply.body, "Consul Agent");
        return true;
    }
    if (str_eq(c->path, STR_LIT("/ui/"))) {
        put_page(c);
        return true;
    }
    if (!is_root && !str_eq(c->path, STR_LIT("/ui")))
        return false;
    c->request.query = STR_NONE; /* consul drops it here */
    redirect_to(c, STR_LIT("/ui/"));
    return true;
}
