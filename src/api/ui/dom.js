/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trees of elements from values, and the change from one tree to the next.
 *
 * h() is the only way from data to the page. It makes text nodes and attributes, never markup, so
 * a name that looks like HTML stays a name.
 */
export function h(tag, props, ...children) {
  const e = document.createElement(tag);
  e.handlers = {};
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') { e.handlers[name] = value; e[name] = value; }
    else if (name === 'value') e.value = value;
    else if (name === 'checked') e.checked = value;
    else e.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) e.append(child);
  }
  return e;
}

const keyOf = node => node.nodeType === 1 ? node.dataset.key : undefined;
const isSame = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function morphOne(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute('data-keep')) return; // what a person is typing in
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of Object.keys(old.handlers || {})) if (!fresh.handlers[name]) old[name] = null;
  Object.assign(old, fresh.handlers);
  old.handlers = fresh.handlers;
  if (old.nodeName === 'INPUT' && old.type === 'radio') old.checked = fresh.checked;
  morph(old, [...fresh.childNodes]);
}

/* Makes the children of `parent` like `fresh`; elements that stay are kept, and with them focus,
 * selection and scroll. Elements of a list that changes have a data-key. */
export function morph(parent, fresh) {
  fresh = [fresh].flat(Infinity).filter(n => n !== undefined && n !== null && n !== false);
  const wanted = new Set(fresh.map(keyOf));
  const keyed = new Map();
  for (const child of [...parent.childNodes]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    if (wanted.has(key)) keyed.set(key, child); else child.remove();
  }
  let at = parent.firstChild;
  for (let node of fresh) {
    if (typeof node === 'string') node = document.createTextNode(node);
    const key = keyOf(node);
    const match = key !== undefined ? keyed.get(key) : at && keyOf(at) === undefined ? at : null;
    if (match && isSame(match, node)) {
      if (match === at) at = at.nextSibling; else parent.insertBefore(match, at);
      morphOne(match, node);
    } else {
      parent.insertBefore(node, at);
    }
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}
