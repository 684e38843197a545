/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions, and the locks they hold. */
import { h } from './dom.js';
import { ask, path, quote, quoteBytes, unquote, fromBase64 } from './api.js';
import { to, toName, head, crumbs, filterBox, matches, table, facts, loading, nothing, confirmBox, attempt, toast } from './parts.js';
import { refresh } from './live.js';

export const SESSION_COLUMNS = ['Session', 'Node', 'Behavior', 'TTL', 'Lock delay', ''];

const seconds = ns => ns / 1e9 + 's';
const checksOf = s => [...s.NodeChecks || [], ...(s.ServiceChecks || []).map(c => c.ID)];

async function invalidate(s) {
  const sure = await confirmBox('Invalidate session?',
    `${s.Name || s.ID} of ${s.Node}: its locks are ${s.Behavior === 'delete' ? 'deleted with their keys' : 'released'}. Whoever works under them is told nothing.`, 'Invalidate');
  if (!sure) return false;
  const done = await attempt(() => ask('session/' + path('destroy', s.ID), { method: 'PUT' }));
  if (done) { toast('Session invalidated'); refresh(); }
  return !!done;
}

export function sessionRow(s) {
  return {
    key: s.ID, href: toName('session', s.ID),
    cells: [[s.Name ? s.Name + ' ' : '', h('code', null, s.ID)], h('a', { href: toName('node', s.Node) }, s.Node), s.Behavior, s.TTL || 'none', seconds(s.LockDelay),
      h('button', { type: 'button', class: 'danger small', 'aria-label': 'Invalidate session ' + (s.Name || s.ID), onclick: () => invalidate(s) }, 'Invalidate')],
  };
}

/* The API has no question for it: every key is read, once, when a person asks. */
async function findLocks() {
  const { data } = await ask('kv/', { query: { recurse: '' }, missing: true });
  return (data || []).filter(k => k.Session).map(k => ({ session: k.Session, name: k.KeyB64 ? quoteBytes(fromBase64(k.KeyB64)) : quote(k.Key) }));
}

function lockTable(page, locks) {
  return h('div', { 'data-key': 'locks' }, table(page, ['Key', 'Held by'], locks.map(l => ({
    key: l.name, href: to('key', l.name), cells: [unquote(l.name), h('a', { href: toName('session', l.session) }, h('code', null, l.session))],
  })), 'No key is locked.'));
}

export function sessions(page) {
  page.title('Sessions');
  let list = null, locks = null;
  const draw = () => {
    const shown = (list || []).filter(s => matches(page, s.ID, s.Name, s.Node));
    page.draw([
      head('Sessions', h('span', { class: 'quiet' }, list ? `${shown.length} of ${list.length}` : '')),
      h('div', { class: 'bar' }, filterBox(page, 'Filter by name, id or node')),
      h('div', { 'data-key': 'list' }, list ? table(page, SESSION_COLUMNS, shown.map(sessionRow), list.length ? 'No session matches.' : nothing('No sessions.')) : loading()),
      h('h2', null, 'Locks'),
      locks ? lockTable(page, locks) : h('p', { class: 'quiet' }, 'Which keys are locked is found by reading all of them once.'),
      h('button', { type: 'button', id: 'locks', onclick: async () => { locks = await attempt(findLocks) || locks; draw(); } }, locks ? 'Look again' : 'Find locks')]);
  };
  page.redraw = draw;
  draw();
  page.watch('session/list', {}, data => { list = data; draw(); });
}

export function session(page) {
  const id = page.name;
  page.title('Session');
  let found, locks = null;
  const draw = () => page.draw([
    crumbs([['Sessions', to('sessions')], [id]]),
    head(found?.Name || 'Session'),
    found === undefined ? loading() : !found ? h('p', { class: 'empty' }, nothing('There is no such session (any more).')) : [
      facts([['ID', h('code', null, found.ID)], ['Node', h('a', { href: toName('node', found.Node) }, found.Node)], ['Behavior', found.Behavior],
        ['TTL', found.TTL || 'none'], ['Lock delay', seconds(found.LockDelay)], ['Checks', checksOf(found).join(', ') || 'none'], ['Created at index', String(found.CreateIndex)]]),
      h('h2', null, 'Locks'),
      locks ? lockTable(page, locks) : false,
      h('div', { class: 'buttons' },
        h('button', { type: 'button', onclick: async () => { locks = (await attempt(findLocks))?.filter(l => l.session === id) || locks; draw(); } }, locks ? 'Look again' : 'Find its locks'),
        h('button', { type: 'button', class: 'danger', onclick: async () => { if (await invalidate(found)) page.leave(to('sessions')); } }, 'Invalidate'))]]);
  page.redraw = draw;
  draw();
  page.watch('session/' + path('info', id), {}, data => { found = data[0] || null; draw(); });
}
