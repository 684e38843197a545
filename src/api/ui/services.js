/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All services with their health; one service with its instances and their checks. */
import { h } from './dom.js';
import { path } from './api.js';
import { to, toName, pill, counts, tags, checkList, worst, head, crumbs, filterBox, choice, matches, table, more, pairs, loading, nothing, announce } from './parts.js';

const STATES = [['', 'All'], ['critical', 'Critical'], ['warning', 'Warning'], ['passing', 'Passing']];

const stateOf = s => s.InstancesCritical ? 'critical' : s.InstancesWarning ? 'warning' : 'passing';

export function services(page) {
  page.title('Services');
  let list = null, before = new Map();
  const draw = () => {
    const shown = (list || []).filter(s => matches(page, s.Name, s.Tags, s.Nodes) && (!page.query.get('is') || stateOf(s) === page.query.get('is')));
    page.draw([
      head('Services', h('span', { class: 'quiet' }, list ? `${shown.length} of ${list.length}` : '')),
      h('div', { class: 'bar' }, filterBox(page, 'Filter by name, tag or node'), choice(page, 'is', 'Health', STATES)),
      list ? table(page, ['Service', 'Health', 'Instances', 'Tags'], shown.map(s => ({
        key: s.Name, href: toName('service', s.Name),
        cells: [s.Name, counts(s.InstancesPassing, s.InstancesWarning, s.InstancesCritical), String(s.InstanceCount), tags(s.Tags)],
      })), list.length ? 'No service matches.' : nothing('No services yet.')) : loading()]);
  };
  page.redraw = draw;
  draw();
  page.watch('internal/ui/services', {}, data => {
    const now = new Map(data.map(s => [s.Name, stateOf(s)]));
    const changed = [...now].filter(([name, state]) => before.has(name) && before.get(name) !== state);
    if (changed.length) announce(changed.slice(0, 5).map(([name, state]) => `${name} is now ${state}`).join(', '));
    list = data.sort((a, b) => a.Name < b.Name ? -1 : 1);
    before = now;
    draw();
  });
}

function addressOf(i) {
  const address = i.Service.Address || i.Node.Address;
  return (address.includes(':') ? `[${address}]` : address) + (i.Service.Port ? ':' + i.Service.Port : '');
}

function instance(i) {
  const state = worst(i.Checks);
  return h('article', { class: 'card ' + state, 'data-key': i.Node.Node + '\n' + i.Service.ID },
    h('h2', null, h('a', { class: 'row', href: toName('node', i.Node.Node) }, i.Service.ID), ' ', pill(state)),
    h('p', null, h('code', null, addressOf(i)), h('span', { class: 'quiet' }, ' on '), h('a', { href: toName('node', i.Node.Node) }, i.Node.Node), ' ', tags(i.Service.Tags), ' ', pairs(i.Service.Meta)),
    i.Checks.length ? checkList(i.Checks) : h('p', { class: 'quiet' }, 'No checks.'));
}

export function service(page) {
  const name = page.name;
  let list = null, before = '';
  page.title(name);
  const draw = () => {
    const shown = (list || []).filter(i => matches(page, i.Service.ID, i.Node.Node, addressOf(i), i.Service.Tags || []) &&
      (!page.query.get('is') || worst(i.Checks) === page.query.get('is')));
    const n = state => (list || []).filter(i => worst(i.Checks) === state).length;
    const limit = page.rows || 50;
    page.draw([
      crumbs([['Services', to('services')], [name]]),
      head(name, counts(n('passing'), n('warning'), n('critical'))),
      h('div', { class: 'bar' }, filterBox(page, 'Filter instances'), choice(page, 'is', 'Health', STATES)),
      !list ? loading() : shown.length ? h('div', { class: 'cards', 'data-key': 'cards' }, shown.slice(0, limit).map(instance))
        : h('p', { class: 'empty' }, list.length ? 'No instance matches.' : nothing('No instances.')),
      more(page, shown.length, limit)]);
  };
  page.redraw = draw;
  draw();
  page.watch('health/' + path('service', name), {}, data => {
    const rank = { critical: 0, warning: 1, passing: 2 };
    list = data.sort((a, b) => rank[worst(a.Checks)] - rank[worst(b.Checks)] || (a.Node.Node + a.Service.ID < b.Node.Node + b.Service.ID ? -1 : 1));
    const now = worst(list.flatMap(i => i.Checks));
    if (before && before !== now) announce(`${name} is now ${now}`);
    before = now;
    draw();
  });
}
