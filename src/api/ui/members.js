/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The members of the gossip pools, as this agent sees them. */
import { h } from './dom.js';
import { toName, pill, head, filterBox, choice, matches, table, loading, nothing, announce } from './parts.js';

const POLL_MS = 3000; // the pool has no index to wait for
const STATES = ['none', 'alive', 'leaving', 'left', 'failed'];
const PILLS = { alive: 'passing', leaving: 'warning', left: 'none', failed: 'critical', none: 'none' };

export function members(page) {
  page.title('Members');
  let list = null, before = new Map();
  const isWide = page.query.get('pool') === 'wan';
  const draw = () => {
    if ((page.query.get('pool') === 'wan') !== isWide) return page.reopen();
    const shown = (list || []).filter(m => matches(page, m.Name, m.Addr, m.Tags?.role || '', STATES[m.Status] || ''));
    page.draw([
      head('Members', h('span', { class: 'quiet' }, list ? `${shown.length} of ${list.length}` : '')),
      h('div', { class: 'bar' }, filterBox(page, 'Filter by name, address or status'), choice(page, 'pool', 'Pool', [['', 'LAN'], ['wan', 'WAN']])),
      list ? table(page, ['Member', 'Status', 'Address', 'Type', 'Build', 'Datacenter'], shown.map(m => ({
        key: m.Name, href: isWide ? null : toName('node', m.Name),
        cells: [m.Name, pill(PILLS[STATES[m.Status]] || 'none', STATES[m.Status] || String(m.Status)), h('code', null, `${m.Addr}:${m.Port}`),
          m.Tags?.role === 'consul' ? 'server' : 'client', (m.Tags?.build || '').split(':')[0], m.Tags?.dc || ''],
      })), list.length ? 'No member matches.' : nothing('No members.')) : loading()]);
  };
  page.redraw = draw;
  draw();
  page.watch('agent/members', { every: POLL_MS, query: isWide ? { wan: '1' } : {} }, data => {
    const now = new Map(data.map(m => [m.Name, m.Status]));
    const changed = [...now].filter(([name, status]) => before.has(name) && before.get(name) !== status);
    if (changed.length) announce(changed.map(([name, status]) => `${name} is ${STATES[status]}`).join(', '));
    before = now;
    list = data.sort((a, b) => a.Name < b.Name ? -1 : 1);
    draw();
  });
}
