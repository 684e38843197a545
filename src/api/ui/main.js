/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page: which view the address names, the frame around it, the keyboard.
 *
 *     #/VIEW/NAME?q=filter&dc=datacenter
 *
 * A view is a function that is given a `page`: page.watch() for what it shows, page.draw() to show
 * it. All that it began ends with page.signal when another view is opened.
 */
import { h, morph } from './dom.js';
import { ask, session, loadToken } from './api.js';
import { watch, onLive } from './live.js';
import { to, dialog, confirmBox, announce } from './parts.js';
import { services, service } from './services.js';
import { nodes, node } from './nodes.js';
import { keys } from './keys.js';
import { key, newKey } from './key.js';
import { sessions, session as oneSession } from './sessions.js';
import { members } from './members.js';
import { events } from './events.js';
import { askForToken } from './access.js';

const views = { services, service, nodes, node, kv: keys, key, new: newKey, sessions, session: oneSession, members, events };
const menu = [['services', 'Services'], ['nodes', 'Nodes'], ['kv', 'Keys'], ['sessions', 'Sessions'], ['members', 'Members'], ['events', 'Events']];
const parent = { service: 'services', node: 'nodes', key: 'kv', new: 'kv', session: 'sessions' };
const LEADER_POLL_MS = 10000;

const at = id => document.getElementById(id);
const agent = { node: '', dc: '', isAclOn: undefined };
let page = null, ending = null, current = '', isAsking = false;

/* ---- views ---- */

function parse() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const slash = path.indexOf('/');
  return { view: slash < 0 ? path : path.slice(0, slash), rest: slash < 0 ? '' : path.slice(slash + 1), query: new URLSearchParams(query || '') };
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function deniedHint(error) {
  return h('div', { class: 'error', role: 'alert', 'data-key': 'error' },
    h('p', null, error.status === 403 ? h('strong', null, 'Not permitted. ') : h('strong', null, 'No answer. '), error.message),
    error.status === 403 ? h('p', null, h('button', { type: 'button', onclick: changeToken }, session.token ? 'Use another token' : 'Enter a token')) : false);
}

function open() {
  const { view, rest, query } = parse();
  if (!views[view]) return location.replace(to('services'));
  ending?.abort();
  ending = new AbortController();
  current = location.hash;
  at('main').dataset.place = current; // what is shown, as the address may be ahead of it
  session.dc = query.get('dc') && query.get('dc') !== agent.dc ? query.get('dc') : '';
  at('dc').value = session.dc || agent.dc;
  const errors = new Map();
  let last = [];
  const p = page = {
    view, rest, query, name: decoded(rest), agent, signal: ending.signal, rows: 0, isDirty: () => false,
    redraw: () => {}, reopen: open,
    /* To where a change leads, unless its person has gone elsewhere meanwhile. */
    leave(href) { if (!p.signal.aborted && location.hash === current) location.hash = href; },
    title(text) { document.title = text + ' · disco'; },
    draw(tree) {
      if (p.signal.aborted) return;
      last = tree;
      morph(at('main'), [[...errors.values()].slice(0, 1).map(deniedHint), tree]);
    },
    fail(error) { errors.set('', error); p.redraw(); },
    setQuery(name, value) {
      if (value) query.set(name, value); else query.delete(name);
      const text = query.toString();
      current = '#/' + view + (rest ? '/' + rest : '') + (text ? '?' + text : '');
      history.replaceState(null, '', current);
      p.rows = 0;
    },
    watch(what, options, onData, onError) {
      watch(what, { ...options, signal: p.signal },
        (data, answer) => { errors.delete(what); onData(data, answer); showFrame(); },
        onError || (e => { errors.set(what, e); p.draw(last); }));
    },
  };
  at('main').replaceChildren();
  views[view](p);
  showFrame();
}

async function onHash() {
  if (location.hash === current) return;
  if (location.hash === '#main') return; // the skip link
  if (page?.isDirty()) {
    const wanted = location.hash;
    history.replaceState(null, '', current);
    if (isAsking) return;
    isAsking = true;
    const leaves = await confirmBox('Leave without saving?', 'What you typed is not saved.', 'Leave');
    isAsking = false;
    if (!leaves) return;
    page.isDirty = () => false;
    page.leave(wanted);
    return;
  }
  for (const d of document.querySelectorAll('dialog')) d.close();
  open();
  at('main').scrollTop = 0;
  if (document.activeElement === document.body || at('main').contains(document.activeElement) || !document.activeElement?.isConnected) {
    const field = at('main').querySelector('#name, #value');
    if (!field) at('title')?.focus();
  }
  announce(document.title);
}

/* ---- the frame ---- */

function showFrame() {
  const now = parent[page.view] || page.view;
  morph(at('nav'), h('ul', null, menu.map(([view, text], i) => h('li', null,
    h('a', { href: to(view), 'aria-current': view === now ? 'page' : null, title: `${text} ( ${i + 1} )` }, text)))));
  at('nav').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  at('access').hidden = !(agent.isAclOn ?? (session.policy === 'deny' || !!session.token));
  at('access').textContent = session.token ? 'Token in use' : 'Token';
}

async function changeToken() {
  if (!await askForToken()) return;
  await lookAtAgent();
  open();
  listDatacenters();
}

/* Who answers here; a denial says that ACLs are on. */
async function lookAtAgent() {
  try {
    const { data } = await ask('agent/self');
    agent.node = data.Config.NodeName;
    agent.dc = data.Config.Datacenter;
    agent.isAclOn = data.DebugConfig?.['acl.enabled'] ?? data.DebugConfig?.ACLsEnabled ?? agent.isAclOn;
  } catch (e) {
    if (e.status === 403) agent.isAclOn = true;
  }
}

async function listDatacenters() {
  try {
    const { data } = await ask('catalog/datacenters');
    const now = session.dc || agent.dc;
    at('dc').replaceChildren(...data.map(dc => h('option', { value: dc, selected: dc === now }, dc)));
    at('dc-label').hidden = data.length < 2;
  } catch { /* one datacenter must do */ }
}

at('dc').onchange = () => {
  session.dc = at('dc').value === agent.dc ? '' : at('dc').value;
  location.hash = to(parent[page.view] || page.view);
};

async function showLeader() {
  if (document.hidden) return;
  try {
    const { data } = await ask('status/leader');
    at('leader').textContent = data ? 'leader ' + data : 'no leader';
  } catch { at('leader').textContent = ''; }
}

onLive((state, why, index) => {
  const s = at('state');
  if (s.textContent !== state) {
    s.textContent = state;
    if (state === 'live') showLeader();
  }
  s.className = state;
  s.title = why;
  at('index').textContent = index ? 'index ' + index : '';
});

/* ---- light and dark ---- */

const themes = ['auto', 'light', 'dark'];
function showTheme() {
  const theme = document.documentElement.dataset.theme || 'auto';
  at('theme').textContent = { auto: '◐', light: '☀', dark: '☾' }[theme];
  at('theme').setAttribute('aria-label', `Colours: ${theme}`);
  at('theme').title = `Colours: ${theme}`;
}
at('theme').onclick = () => {
  const theme = themes[(themes.indexOf(document.documentElement.dataset.theme || 'auto') + 1) % 3];
  if (theme === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = theme;
  try { localStorage.setItem('disco-theme', theme); } catch { /* until reload */ }
  showTheme();
};

/* ---- keyboard ---- */

const shortcuts = [['/', 'filter the list'], ['↓ ↑', 'from row to row'], ['Enter', 'open the row'], ['u', 'up, to the list or folder'], ['n', 'new key (in a folder)'],
  ['1 … 6', 'Services … Events'], ['Ctrl+S', 'save the key'], ['Esc', 'clear the filter, close a dialog'], ['?', 'this list']];

function help() {
  dialog('Keyboard', close => [
    h('table', { class: 'shortcuts' }, h('tbody', null, shortcuts.map(([k, what]) => h('tr', null, h('th', { scope: 'row' }, h('kbd', null, k)), h('td', null, what))))),
    h('div', { class: 'buttons' }, h('button', { type: 'button', autofocus: true, onclick: () => close() }, 'Close'))]);
}

function moveRow(by) {
  const rows = [...at('main').querySelectorAll('a.row')];
  if (!rows.length) return false;
  const i = rows.indexOf(document.activeElement);
  if (i === 0 && by < 0) { at('filter')?.focus(); return true; }
  rows[Math.max(0, Math.min(rows.length - 1, i + by))].focus();
  return true;
}

function up() {
  const list = at('main').querySelectorAll('.crumbs a');
  if (list.length) location.hash = list[list.length - 1].getAttribute('href');
}

addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
  const isTyping = e.target.closest?.('input:not([type=radio]):not([type=checkbox]), textarea, select, pre');
  if (e.target.id === 'filter') {
    if (e.key === 'Escape') {
      if (e.target.value) { e.target.value = ''; page.setQuery('q', ''); page.redraw(); } else at('title')?.focus();
      e.preventDefault();
    } else if ((e.key === 'ArrowDown' || e.key === 'Enter') && moveRow(1)) e.preventDefault();
    return;
  }
  if (isTyping) return;
  const isRadio = e.target.type === 'radio';
  if (e.key === '/') at('filter')?.focus();
  else if (e.key === 'ArrowDown' && !isRadio && moveRow(1)) ;
  else if (e.key === 'ArrowUp' && !isRadio && moveRow(-1)) ;
  else if (e.key === '?') help();
  else if (e.key === 'u') up();
  else if (e.key === 'n' && at('new')) at('new').click();
  else if (/^[1-6]$/.test(e.key)) location.hash = to(menu[e.key - 1][0]);
  else return;
  e.preventDefault();
});

at('access').onclick = changeToken;
at('help').onclick = help;
at('skip').onclick = e => { e.preventDefault(); at('main').focus(); };
addEventListener('hashchange', onHash);
addEventListener('beforeunload', e => { if (page?.isDirty()) e.preventDefault(); });

loadToken();
showTheme();
await lookAtAgent();
open();
listDatacenters();
setInterval(showLeader, LEADER_POLL_MS);
document.addEventListener('visibilitychange', showLeader);
