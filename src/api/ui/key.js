/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One key. Saving says which version it replaces (?cas), so what somebody else wrote meanwhile is
 * never lost: it is shown beside what stands here, and a person decides.
 *
 * base    the version the draft began with; null: there is none (saving creates)
 * theirs  a newer one that is not taken over because the draft was touched; undefined: none
 */
import { h } from './dom.js';
import { ask, keyPath, path, quote, unquote, fromBase64, isReachable } from './api.js';
import { to, toName, head, facts, loading, confirmBox, attempt, toast, announce } from './parts.js';
import { keyCrumbs, folderOf } from './keys.js';
import { textOf, bytesOfText, hexOf, bytesOfHex, isEqual, prettyJson } from './value.js';

/* Flags have 64 bits, more than a JavaScript number: they are read as text. */
function entryOf(data, text) {
  if (!data) return null;
  return { ...data[0], bytes: fromBase64(data[0].Value), flags: /"Flags": ?(\d+)/.exec(text)[1] };
}

const shown = entry => entry === null ? '(deleted)' : textOf(entry.bytes)?.text ?? hexOf(entry.bytes);

/* The fields a person types in; drawn once, and read when they are needed. */
function form(onTouch) {
  let bytes = new Uint8Array(), start = '', isCrlf = false, mode = 'text';
  const area = h('textarea', { id: 'value', 'data-keep': true, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', rows: '14', oninput: onTouch });
  const flags = h('input', { id: 'flags', 'data-keep': true, inputmode: 'numeric', autocomplete: 'off', oninput: onTouch });
  const f = {
    area, flags,
    get mode() { return mode; },
    get isBinary() { return !textOf(f.bytes() || bytes); },
    /* null: what stands there is no value. Untouched text is the very bytes that came. */
    bytes: () => area.value === start ? bytes : mode === 'hex' ? bytesOfHex(area.value) : bytesOfText(area.value, isCrlf),
    show(entry) {
      mode = textOf(entry.bytes) ? 'text' : 'hex';
      f.fill(entry.bytes);
      flags.value = entry.flags;
    },
    fill(now) {
      const text = mode === 'text' ? textOf(now) : null;
      if (!text) mode = 'hex';
      bytes = now;
      isCrlf = !!text?.isCrlf;
      area.value = text ? text.text : hexOf(now);
      start = area.value;
      area.classList.toggle('hex', mode === 'hex');
    },
    turn(to) {
      const now = f.bytes();
      if (!now) return toast('These are not pairs of hexadecimal digits.', 'bad');
      mode = to;
      f.fill(now);
    },
    pretty() {
      try { area.value = prettyJson(area.value); onTouch(); } catch (e) { toast(e.message, 'bad'); }
    },
  };
  return f;
}

/* An element that stands in the page already must stay there: a copy takes its place in the tree. */
const kept = e => e.isConnected ? e.cloneNode(false) : e;

function fields(f, redraw) {
  const turn = mode => h('label', null, h('input', { type: 'radio', name: 'mode', value: mode, checked: f.mode === mode,
    onchange: () => { f.turn(mode); redraw(); } }), h('span', null, mode === 'text' ? 'Text' : 'Hex'));
  return [
    h('div', { class: 'bar' }, h('label', { for: 'value' }, 'Value'),
      h('fieldset', { class: 'choice' }, h('legend', { class: 'unseen' }, 'Show as'), turn('text'), turn('hex')),
      f.mode === 'text' ? h('button', { type: 'button', class: 'small', id: 'pretty', onclick: f.pretty }, 'Format JSON')
        : h('span', { class: 'quiet' }, f.isBinary ? 'Not text: shown as bytes, and saved as such.' : '')),
    kept(f.area),
    h('div', { class: 'bar' }, h('label', { for: 'flags' }, 'Flags'), kept(f.flags))];
}

function valid(f) {
  const bytes = f.bytes(), flags = f.flags.value.trim() || '0';
  if (!bytes) { toast('These are not pairs of hexadecimal digits.', 'bad'); return null; }
  if (!/^\d{1,20}$/.test(flags) || BigInt(flags) >= 1n << 64n) { toast('Flags are a number from 0 to 2⁶⁴-1.', 'bad'); return null; }
  return { bytes, flags };
}

const put = (name, { bytes, flags }, cas) => ask(keyPath(name), { method: 'PUT', query: { cas: String(cas), flags }, body: bytes });

const onSaveKey = save => e => {
  if ((e.ctrlKey || e.metaKey) && (e.key === 's' || e.key === 'Enter')) { e.preventDefault(); save(); }
};

export function key(page) {
  const name = page.rest;
  let base, theirs, touched = false, saving = false, holder = null, seen;
  const f = form(() => { touched = true; draw(); });
  page.title(unquote(name));
  page.isDirty = () => touched;

  const take = entry => {
    base = entry; theirs = undefined; touched = false;
    f.show(entry || { bytes: new Uint8Array(), flags: '0' });
    draw();
  };
  const arrive = entry => {
    seen = entry;
    if (saving) return;
    if (entry?.Session && entry.Session !== holder?.ID) findHolder(entry.Session);
    if (base !== undefined && entry?.ModifyIndex === base?.ModifyIndex) theirs = undefined;
    else if (touched && base && entry && isEqual(entry.bytes, base.bytes) && entry.flags === base.flags) base = entry; // locked or released: not another value
    else if (touched && base !== undefined) { theirs = entry; announce('This key was changed elsewhere'); }
    else return take(entry);
    draw();
  };
  const findHolder = async id => {
    holder = { ID: id };
    try { holder = (await ask('session/' + path('info', id), { signal: page.signal })).data[0] || holder; draw(); } catch { /* its id must do */ }
  };
  const save = async over => {
    const value = valid(f);
    if (!value || saving) return;
    const cas = (over !== undefined ? over : base)?.ModifyIndex || 0;
    saving = true;
    const answer = await attempt(() => put(name, value, cas));
    const fresh = answer && await attempt(async () => { const r = await ask(keyPath(name), { missing: true }); return { entry: entryOf(r.data, r.text) }; });
    saving = false;
    if (!answer || !fresh) return draw();
    if (answer.data === true) {
      toast('Saved');
      const still = valid(f);
      if (fresh.entry && isEqual(value.bytes, fresh.entry.bytes) && still && isEqual(still.bytes, value.bytes)) return take(fresh.entry);
      base = fresh.entry && isEqual(value.bytes, fresh.entry.bytes) ? fresh.entry : base;
      return arrive(fresh.entry);
    }
    touched = true;
    theirs = fresh.entry;
    announce('Not saved: this key was changed elsewhere');
    draw();
  };
  const remove = async () => {
    if (!await confirmBox('Delete key?', `${unquote(name)} and its value will be gone for good.`, 'Delete')) return;
    const answer = await attempt(() => ask(keyPath(name), { method: 'DELETE', query: { cas: String(base.ModifyIndex) } }));
    if (!answer) return;
    if (answer.data !== true) return toast('Not deleted: the key was changed meanwhile. Look again.', 'bad');
    touched = false;
    toast(`Deleted ${unquote(name)}`);
    page.leave(to('kv', folderOf(name)));
  };

  const conflict = () => h('section', { class: 'conflict', role: 'alert', 'data-key': 'conflict' },
    h('h2', null, theirs ? 'Changed elsewhere' : 'Deleted elsewhere'),
    h('p', null, theirs ? 'Somebody saved another value while you were editing. Yours is below, untouched; theirs is here:' : 'Somebody deleted this key while you were editing. Your value is below, untouched.'),
    theirs ? h('pre', { id: 'theirs', tabindex: '0' }, shown(theirs)) : false,
    h('div', { class: 'buttons' },
      h('button', { type: 'button', id: 'take-theirs', onclick: () => take(theirs) }, theirs ? 'Take theirs' : 'Drop mine'),
      h('button', { type: 'button', class: 'danger', id: 'keep-mine', onclick: () => save(theirs) }, theirs ? 'Replace with mine' : 'Save mine again')));

  const draw = () => {
    const top = [keyCrumbs(name), head(unquote(name).split('/').at(-1) || unquote(name), touched ? h('span', { class: 'pill warning' }, 'not saved') : false)];
    if (!isReachable(name)) return page.draw([...top, h('p', { class: 'empty' }, 'No browser can ask for a key of this name; disco kv can.')]);
    if (base === undefined) return page.draw([...top, loading()]);
    if (base === null && !touched && theirs === undefined) {
      return page.draw([...top, h('p', { class: 'empty' }, 'There is no such key.'), h('a', { class: 'button', href: to('new', name) }, 'Create it')]);
    }
    const now = seen || base;
    page.draw([...top,
      theirs !== undefined ? conflict() : false,
      now?.Session ? h('p', { class: 'note', 'data-key': 'lock' }, 'Locked by ', h('a', { href: toName('session', now.Session) }, holder?.Name || now.Session),
        holder?.Node ? [' of ', h('a', { href: toName('node', holder.Node) }, holder.Node)] : false, '. The lock keeps nobody from writing.') : false,
      h('form', { class: 'editor', 'data-key': 'editor', onkeydown: onSaveKey(() => save()), onsubmit: e => { e.preventDefault(); save(); } },
        fields(f, draw),
        h('div', { class: 'buttons' },
          h('button', { class: 'primary', id: 'save', disabled: theirs !== undefined || saving }, 'Save'),
          touched && theirs === undefined ? h('button', { type: 'button', id: 'undo', onclick: () => take(base) }, 'Undo') : false,
          h('button', { type: 'button', class: 'danger', id: 'delete', disabled: !base, onclick: remove }, 'Delete'))),
      now ? facts([['Size', `${now.bytes.length} bytes`], ['Created at index', String(now.CreateIndex)], ['Changed at index', String(now.ModifyIndex)], ['Locked so far', `${now.LockIndex} times`]]) : false]);
  };
  page.redraw = draw;
  draw();
  if (isReachable(name)) page.watch(keyPath(name), { missing: true }, (data, answer) => arrive(entryOf(data, answer.text)));
}

/* A new key in a folder. cas=0: an existing one is not touched. */
export function newKey(page) {
  const prefix = page.rest.slice(0, page.rest.lastIndexOf('/') + 1);
  let touched = false;
  const f = form(() => { touched = true; });
  const input = h('input', { id: 'name', 'data-keep': true, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', required: true,
    value: unquote(page.rest.slice(prefix.length)), oninput: () => { touched = true; } });
  f.show({ bytes: new Uint8Array(), flags: '0' });
  page.title('New key');
  page.isDirty = () => touched;
  const create = async () => {
    const name = prefix + quote(input.value), value = valid(f);
    if (!value) return;
    if (!input.value) return input.focus();
    if (!isReachable(name)) return toast('No browser can ask for a key of this name; disco kv can.', 'bad');
    const answer = await attempt(() => put(name, value, 0));
    if (!answer) return;
    if (answer.data !== true) return toast('There is a key of this name already; it was left alone.', 'bad');
    touched = false;
    toast('Created');
    page.leave(to(name.endsWith('/') ? 'kv' : 'key', name));
  };
  const draw = () => page.draw([
    keyCrumbs(prefix), head('New key'),
    h('form', { class: 'editor', 'data-key': 'editor', onkeydown: onSaveKey(create), onsubmit: e => { e.preventDefault(); create(); } },
      h('div', { class: 'field' }, h('label', { for: 'name' }, 'Name'), h('span', { class: 'prefix' }, unquote(prefix)), kept(input)),
      h('p', { class: 'quiet' }, 'A slash makes folders: a/b/c. A name that ends in one is a folder without a value.'),
      fields(f, draw),
      h('div', { class: 'buttons' }, h('button', { class: 'primary', id: 'create' }, 'Create'), h('a', { class: 'button', href: to('kv', prefix) }, 'Cancel')))]);
  page.redraw = draw;
  draw();
  input.focus();
}
