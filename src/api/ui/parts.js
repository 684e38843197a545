/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several views are made of: statuses, lists with a filter, questions, messages. */
import { h } from './dom.js';
import { session } from './api.js';

const ROWS = 200; // drawn at first, and more with each wish

/* ---- addresses within the page ---- */

export function to(view, rest = '', query = {}) {
  const q = new URLSearchParams(query);
  if (session.dc) q.set('dc', session.dc);
  const text = q.toString();
  return '#/' + view + (rest === '' ? '' : '/' + rest) + (text ? '?' + text : '');
}
export const toName = (view, name) => to(view, encodeURIComponent(name));

/* ---- health ---- */

const ORDER = ['passing', 'warning', 'critical'];
const GLYPH = { passing: '✓', warning: '!', critical: '✕', none: '·' };

export function worst(checks) {
  let at = 0;
  for (const c of checks || []) {
    const i = ORDER.indexOf(c.Status);
    at = Math.max(at, i < 0 ? 2 : i);
  }
  return ORDER[at];
}

export function pill(status, text) {
  return h('span', { class: 'pill ' + status }, h('span', { 'aria-hidden': 'true' }, GLYPH[status] || GLYPH.none), ' ', text || status);
}

/* "3 passing, 1 critical": what is not zero. */
export function counts(passing, warning, critical) {
  const all = [['passing', passing], ['warning', warning], ['critical', critical]].filter(c => c[1]);
  return h('span', { class: 'counts' }, all.map(([status, n]) => pill(status, n + ' ' + status)));
}

export const tags = list => (list || []).length
  ? h('span', { class: 'tags' }, list.map(t => h('span', { class: 'tag' }, t)))
  : '';

export function checkList(checks) {
  return h('ul', { class: 'checks' }, checks.map(c => h('li', { 'data-key': c.CheckID, class: c.Status },
    pill(ORDER.includes(c.Status) ? c.Status : 'critical', c.Status), ' ',
    h('strong', null, c.Name || c.CheckID), ' ',
    h('span', { class: 'quiet' }, c.CheckID, c.Type ? ' · ' + c.Type : '', c.ServiceID ? '' : ' · of the node'),
    c.Output ? h('pre', { tabindex: '0', 'aria-label': 'Output of ' + (c.Name || c.CheckID) }, c.Output) : false,
    c.Notes ? h('p', { class: 'quiet' }, c.Notes) : false)));
}

/* ---- lists ---- */

export function head(title, ...more) {
  return h('div', { class: 'head' }, h('h1', { id: 'title', tabindex: '-1' }, title), more);
}

export function crumbs(list) {
  return h('nav', { class: 'crumbs', 'aria-label': 'Where this is' }, list.map(([text, href], i) => [
    i ? h('span', { 'aria-hidden': 'true' }, '/') : false,
    href ? h('a', { href }, text) : h('span', { 'aria-current': 'page' }, text)]));
}

export function filterBox(page, label) {
  return h('input', {
    type: 'search', id: 'filter', 'data-key': 'filter', 'data-keep': true, placeholder: matchMedia('(hover: hover)').matches ? label + '   ( / )' : label, 'aria-label': label,
    autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', value: page.query.get('q') || '',
    oninput: e => { page.setQuery('q', e.target.value); page.redraw(); },
  });
}

/* One of several: [[value, text]], kept in the address. */
export function choice(page, name, label, options) {
  const now = page.query.get(name) || options[0][0];
  return h('fieldset', { class: 'choice', 'data-key': 'choice-' + name }, h('legend', { class: 'unseen' }, label), options.map(([value, text]) =>
    h('label', null, h('input', { type: 'radio', name, value, checked: now === value,
      onchange: () => { page.setQuery(name, value === options[0][0] ? '' : value); page.redraw(); } }), h('span', null, text))));
}

/* Does any of the texts contain every word of the filter? */
export function matches(page, ...texts) {
  const all = texts.flat().join('\n').toLowerCase();
  return (page.query.get('q') || '').toLowerCase().split(/\s+/).every(word => all.includes(word));
}

/*
 * columns: [text]; rows: [{key, href, cells: [node or text]}], the first cell being the row's link.
 * On a narrow screen each row becomes a card, in which the columns' texts label the cells.
 */
export function table(page, columns, rows, empty) {
  if (!rows.length) return h('p', { class: 'empty' }, empty);
  const limit = page.rows || ROWS;
  const cell = (row, content, i) => h(i ? 'td' : 'th', { 'data-label': columns[i], scope: i ? null : 'row' },
    i || !row.href ? content : h('a', { class: 'row', href: row.href }, content));
  return [
    h('table', { 'data-key': 'table' },
      h('thead', null, h('tr', null, columns.map(c => h('th', { scope: 'col' }, c || h('span', { class: 'unseen' }, 'Actions'))))),
      h('tbody', null, rows.slice(0, limit).map(row => h('tr', { 'data-key': 'r' + row.key }, row.cells.map((c, i) => cell(row, c, i)))))),
    more(page, rows.length, limit)];
}
export function more(page, n, limit = page.rows || ROWS) {
  return n > limit && h('button', { type: 'button', class: 'more', 'data-key': 'more', onclick: () => { page.rows = limit * 3; page.redraw(); } },
    `Show more (${limit} of ${n})`);
}

export const facts = list => h('dl', { class: 'facts' }, list.filter(f => f && f[1] !== '' && f[1] !== undefined)
  .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))));
export const pairs = map => tags(Object.entries(map || {}).filter(p => p[1] !== '').map(p => p.join(' = ')));

export const loading = () => h('p', { class: 'empty' }, 'Loading …');
/* An empty list of an agent with ACLs may be one that the token hides. */
export const nothing = text => session.policy === 'deny' ? text + ' Or nothing that this token may see.' : text;

/* ---- messages ---- */

export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

export function toast(text, kind = 'good') {
  const t = h('p', { class: 'toast ' + kind }, text);
  document.getElementById('toasts').append(t);
  setTimeout(() => t.remove(), kind === 'bad' ? 12000 : 4000);
}

/* Runs a change; what fails is said and gives undefined. */
export async function attempt(what) {
  try {
    return await what();
  } catch (e) {
    toast(e.status === 403 ? 'Not permitted: ' + e.message : e.message, 'bad');
    return undefined;
  }
}

/* ---- dialogs ---- */

/* content(close) gives the children; resolves with what close was given, undefined after Escape. */
export function dialog(title, content) {
  return new Promise(done => {
    const before = document.activeElement;
    let result;
    const d = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => { d.remove(); before?.focus?.(); done(result); } });
    d.append(h('h2', { id: 'dialog-title' }, title), ...[content(value => { result = value; d.close(); })].flat());
    document.body.append(d);
    d.showModal();
  });
}

export function confirmBox(title, text, action) {
  return dialog(title, close => [
    h('p', null, text),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', autofocus: true, onclick: () => close(false) }, 'Cancel'),
      h('button', { type: 'button', class: 'danger', id: 'confirm', onclick: () => close(true) }, action))]);
}
