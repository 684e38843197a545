/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys by folder: what stands between two slashes is a folder, also when it is nothing. */
import { h } from './dom.js';
import { ask, keyPath, quote, quoteBytes, unquote, fromBase64 } from './api.js';
import { to, head, crumbs, filterBox, matches, table, loading, nothing, confirmBox, attempt, toast } from './parts.js';

export const folderOf = name => name.slice(0, name.lastIndexOf('/', name.length - 2) + 1);

/* The way to a folder or key: each part a link but the last. */
export function keyCrumbs(name) {
  const parts = name.match(/[^/]*\/|[^/]+$/g) || [];
  let at = '';
  return crumbs([['Keys', name ? to('kv') : ''], ...parts.map((part, i) => {
    at += part;
    return [unquote(part.replace(/\/$/, '')) || '(empty)', i < parts.length - 1 ? to('kv', at) : ''];
  })]);
}

/* JSON cannot hold a name that is not UTF-8; the entries themselves can (KeyB64). */
async function exactNames(prefix, signal) {
  const { data } = await ask(keyPath(prefix), { query: { recurse: '' }, missing: true, signal });
  const names = (data || []).map(k => {
    const name = k.KeyB64 ? quoteBytes(fromBase64(k.KeyB64)) : quote(k.Key);
    const slash = name.indexOf('/', prefix.length);
    return slash < 0 ? name : name.slice(0, slash + 1);
  });
  return [...new Set(names)];
}

async function deleteFolder(page, prefix) {
  const counted = await attempt(() => ask(keyPath(prefix), { query: { keys: '' }, missing: true }));
  if (!counted) return;
  const n = (counted.data || []).length;
  const sure = await confirmBox('Delete folder?', `${n} key${n === 1 ? '' : 's'} below ${unquote(prefix)} will be gone for good.`, `Delete ${n} key${n === 1 ? '' : 's'}`);
  if (!sure) return;
  if (!await attempt(() => ask(keyPath(prefix), { method: 'DELETE', query: { recurse: '' } }))) return;
  toast(`Deleted ${unquote(prefix)}`);
  page.leave(to('kv', folderOf(prefix)));
}

export function keys(page) {
  const prefix = page.rest;
  let names = null, turn = 0;
  page.title(prefix ? unquote(prefix) : 'Keys');
  const row = name => {
    const rest = name.slice(prefix.length);
    const isFolder = rest.endsWith('/');
    const text = !rest ? "this folder's own value" : unquote(isFolder ? rest.slice(0, -1) : rest) || '(empty)';
    return {
      key: name, href: to(isFolder ? 'kv' : 'key', name),
      cells: [[h('span', { class: isFolder ? 'icon folder' : 'icon', 'aria-hidden': 'true' }), h('span', { class: rest && rest !== '/' ? 'name' : 'name quiet' }, text, isFolder ? '/' : '')]],
    };
  };
  const draw = () => {
    const rows = (names || []).filter(name => matches(page, unquote(name.slice(prefix.length))));
    rows.sort((a, b) => b.endsWith('/') - a.endsWith('/'));
    page.draw([
      prefix ? keyCrumbs(prefix) : false,
      head(prefix ? unquote(prefix) : 'Keys', h('span', { class: 'quiet' }, names ? `${rows.length} of ${names.length}` : ''),
        h('span', { class: 'buttons' },
          h('a', { class: 'button primary', id: 'new', href: to('new', prefix) }, 'New key'),
          prefix ? h('button', { type: 'button', class: 'danger', id: 'delete-folder', onclick: () => deleteFolder(page, prefix) }, 'Delete folder') : false)),
      h('div', { class: 'bar' }, filterBox(page, 'Filter this folder')),
      names ? table(page, ['Name'], rows.map(row), names.length ? 'No name matches.' : nothing('No keys here.')) : loading()]);
  };
  page.redraw = draw;
  draw();
  page.watch(keyPath(prefix), { query: { keys: '', separator: '/' }, missing: true }, async data => {
    const mine = ++turn;
    let now = (data || []).map(quote);
    if ((data || []).some(name => name.includes('\ufffd'))) {
      try { now = await exactNames(prefix, page.signal); } catch (e) { if (!page.signal.aborted) page.fail(e); }
    }
    if (mine !== turn) return; // a newer list was faster
    names = now;
    draw();
  });
}
