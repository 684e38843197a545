/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User events as they arrive at this agent, the newest first; and firing one. */
import { h } from './dom.js';
import { ask, path, fromBase64 } from './api.js';
import { head, filterBox, matches, table, loading, nothing, dialog, attempt, toast, announce } from './parts.js';
import { textOf, hexOf } from './value.js';

function payloadOf(event) {
  const bytes = fromBase64(event.Payload);
  return textOf(bytes)?.text ?? hexOf(bytes);
}

async function fire() {
  const name = h('input', { id: 'event-name', required: true, autocomplete: 'off', autofocus: true });
  const payload = h('textarea', { id: 'event-payload', rows: '4' });
  const sent = await dialog('Fire an event', close => h('form', { onsubmit: e => { e.preventDefault(); close({ name: name.value, payload: payload.value }); } },
    h('label', { for: 'event-name' }, 'Name'), name,
    h('label', { for: 'event-payload' }, 'Payload'), payload,
    h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => close() }, 'Cancel'), h('button', { class: 'primary' }, 'Fire'))));
  if (!sent) return;
  if (await attempt(() => ask('event/' + path('fire', sent.name), { method: 'PUT', body: sent.payload }))) toast('Event fired');
}

export function events(page) {
  page.title('Events');
  let list = null;
  const draw = () => {
    const shown = (list || []).filter(e => matches(page, e.Name, payloadOf(e), e.ID));
    page.draw([
      head('Events', h('button', { type: 'button', id: 'fire', onclick: fire }, 'Fire an event')),
      h('p', { class: 'quiet' }, 'The last events that this agent heard, the newest first. New ones appear by themselves.'),
      h('div', { class: 'bar' }, filterBox(page, 'Filter by name or payload')),
      list ? table(page, ['Event', 'Payload', 'Clock', 'ID'], shown.map(e => ({
        key: e.ID, cells: [e.Name, h('pre', null, payloadOf(e)), String(e.LTime), h('code', null, e.ID)],
      })), list.length ? 'No event matches.' : nothing('No events heard.')) : loading()]);
  };
  page.redraw = draw;
  draw();
  page.watch('event/list', { isOrdered: false }, data => {
    if (list && data.length > list.length) announce('New event: ' + data.at(-1).Name);
    list = [...data].reverse();
    draw();
  });
}
