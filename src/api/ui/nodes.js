/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All nodes with their own checks; one node with its services, checks and sessions. */
import { h } from './dom.js';
import { ask, path } from './api.js';
import { to, toName, pill, tags, checkList, worst, head, crumbs, filterBox, choice, matches, table, more, facts, pairs, loading, nothing, announce } from './parts.js';
import { sessionRow, SESSION_COLUMNS } from './sessions.js';

const STATES = [['', 'All'], ['critical', 'Critical'], ['warning', 'Warning'], ['passing', 'Passing']];
const COORDINATES_MS = 20000, SESSIONS_MS = 5000; // asked for now and then: a tab waits for few things
const CHECKS = 100; // drawn at first

/* Vivaldi coordinates: seconds from one node to the other; docs: network coordinates. */
function distance(a, b) {
  const squares = a.Vec.reduce((sum, x, i) => sum + (x - b.Vec[i]) ** 2, 0);
  const plain = Math.sqrt(squares) + a.Height + b.Height;
  const adjusted = plain + a.Adjustment + b.Adjustment;
  return adjusted > 0 ? adjusted : plain;
}

/* Calls back with a function from a node's name to its round-trip time as text. */
function watchTimes(page, onTimes) {
  page.watch('coordinate/nodes', { every: COORDINATES_MS }, list => {
    const known = new Map((list || []).map(c => [c.Node, c.Coord]));
    const own = known.get(page.agent.node);
    onTimes(name => own && known.has(name) && name !== page.agent.node ? (distance(own, known.get(name)) * 1000).toFixed(2) + ' ms' : '');
  }, () => {});
}

export function nodes(page) {
  page.title('Nodes');
  let list = null, checks = new Map(), before = new Map(), time = () => '';
  const stateOf = n => worst(checks.get(n.Node));
  const draw = () => {
    const shown = (list || []).filter(n => matches(page, n.Node, n.Address, Object.entries(n.Meta || {}).map(m => m.join('='))) &&
      (!page.query.get('is') || stateOf(n) === page.query.get('is')));
    page.draw([
      head('Nodes', h('span', { class: 'quiet' }, list ? `${shown.length} of ${list.length}` : '')),
      h('div', { class: 'bar' }, filterBox(page, 'Filter by name, address or meta'), choice(page, 'is', 'Health', STATES)),
      list ? table(page, ['Node', 'Health', 'Address', 'Round trip'], shown.map(n => ({
        key: n.Node, href: toName('node', n.Node),
        cells: [n.Node, pill(stateOf(n)), h('code', null, n.Address), n.Node === page.agent.node ? h('span', { class: 'quiet' }, 'this agent') : time(n.Node)],
      })), list.length ? 'No node matches.' : nothing('No nodes yet.')) : loading()]);
  };
  page.redraw = draw;
  draw();
  page.watch('catalog/nodes', {}, data => { list = data; draw(); });
  page.watch('health/state/any', { query: { filter: 'ServiceID == ""' } }, data => {
    checks = byNode(data);
    const now = new Map([...checks].map(([name, all]) => [name, worst(all)]));
    const changed = [...now].filter(([name, state]) => before.has(name) && before.get(name) !== state);
    if (changed.length) announce(changed.slice(0, 5).map(([name, state]) => `${name} is now ${state}`).join(', '));
    before = now;
    draw();
  });
  watchTimes(page, t => { time = t; draw(); });
}

function byNode(checks) {
  const out = new Map();
  for (const c of checks) if (out.has(c.Node)) out.get(c.Node).push(c); else out.set(c.Node, [c]);
  return out;
}

export function node(page) {
  const name = page.name;
  let catalog, checks = [], sessions = null, time = () => '';
  page.title(name);
  const draw = () => {
    const own = checks.filter(c => !c.ServiceID);
    const services = Object.values(catalog?.Services || {}).sort((a, b) => a.ID < b.ID ? -1 : 1);
    const stateOf = s => worst([...own, ...checks.filter(c => c.ServiceID === s.ID)]);
    page.draw([
      crumbs([['Nodes', to('nodes')], [name]]),
      head(name, catalog ? pill(worst(own)) : false),
      catalog === undefined ? loading() : catalog === null ? h('p', { class: 'empty' }, nothing('There is no such node.')) : [
        facts([['Address', h('code', null, catalog.Node.Address)], ['ID', h('code', null, catalog.Node.ID)], ['Round trip', time(name)],
          ...Object.entries(catalog.Node.TaggedAddresses || {}).filter(t => t[1] !== catalog.Node.Address), ['Meta', pairs(catalog.Node.Meta)]]),
        h('h2', null, 'Services'),
        table(page, ['Service', 'Health', 'ID', 'Address', 'Tags'], services.map(s => ({
          key: s.ID, href: toName('service', s.Service),
          cells: [s.Service, pill(stateOf(s)), s.ID, h('code', null, (s.Address || catalog.Node.Address) + (s.Port ? ':' + s.Port : '')), tags(s.Tags)],
        })), 'No services.'),
        h('h2', null, 'Checks'),
        checks.length ? checkList(checks.slice(0, page.rows || CHECKS).map(c => ({ ...c, Name: c.ServiceID ? `${c.Name} (${c.ServiceID})` : c.Name }))) : h('p', { class: 'empty' }, 'No checks.'),
        more(page, checks.length, page.rows || CHECKS),
        h('h2', null, 'Sessions'),
        h('div', { 'data-key': 'sessions' }, sessions ? table(page, SESSION_COLUMNS, sessions.map(sessionRow), 'No sessions.') : loading())]]);
  };
  page.redraw = draw;
  draw();
  page.watch('catalog/' + path('node', name), {}, data => { catalog = data; draw(); });
  page.watch('health/' + path('node', name), {}, data => { checks = data; draw(); });
  page.watch('session/' + path('node', name), { every: SESSIONS_MS }, data => { sessions = data; draw(); });
  ask('coordinate/nodes', { signal: page.signal }).then(({ data }) => {
    const at = n => data.find(c => c.Node === n)?.Coord;
    const a = at(page.agent.node), b = at(name);
    if (a && b && name !== page.agent.node) { time = () => (distance(a, b) * 1000).toFixed(2) + ' ms'; draw(); }
  }).catch(() => {});
}
