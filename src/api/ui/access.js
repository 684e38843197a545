/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token that is sent along: asked for, checked, kept for this tab or until forgotten. */
import { h } from './dom.js';
import { ask, session, setToken } from './api.js';
import { dialog, toast } from './parts.js';

const names = list => (list || []).map(x => x.Name || x.ServiceName || x.NodeName).join(', ');

function whoAmI(t) {
  const has = [names(t.Policies) && 'policies ' + names(t.Policies), names(t.Roles) && 'roles ' + names(t.Roles),
    names(t.ServiceIdentities) && 'services ' + names(t.ServiceIdentities)].filter(Boolean).join('; ');
  return `${t.Description || t.AccessorID}${has ? ' (' + has + ')' : ''}`;
}

/* True when another token is in use than before. */
export async function askForToken() {
  const input = h('input', { id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', autofocus: true, value: session.token });
  const keep = h('input', { id: 'keep', type: 'checkbox', checked: session.remembers });
  const trouble = h('p', { class: 'error', role: 'alert', hidden: true });
  const about = h('p', { class: 'quiet' }, session.token ? 'A token is in use.' : 'Without a token you see what anybody may see.');
  if (session.token) ask('acl/token/self').then(({ data }) => { about.textContent = 'In use: ' + whoAmI(data); }).catch(() => {});

  const use = async close => {
    const before = session.token, token = input.value.trim();
    if (!token) return input.focus();
    session.token = token;
    try {
      const { data } = await ask('acl/token/self');
      setToken(token, keep.checked);
      toast('In use: ' + whoAmI(data));
      close(true);
    } catch (e) {
      session.token = before;
      trouble.hidden = false;
      trouble.textContent = e.status === 403 ? 'The agent does not know this token.' : e.message;
      input.focus();
    }
  };
  return await dialog('Token', close => h('form', { onsubmit: e => { e.preventDefault(); use(close); } },
    about,
    h('label', { for: 'token' }, 'Secret of the token'), input,
    h('label', { class: 'check' }, keep, ' Keep it on this device, until forgotten'),
    h('p', { class: 'quiet' }, 'Otherwise it is kept until this tab is closed. It is sent to this agent alone.'),
    trouble,
    h('div', { class: 'buttons' },
      h('button', { type: 'button', onclick: () => close(false) }, 'Cancel'),
      session.token ? h('button', { type: 'button', class: 'danger', id: 'forget', onclick: () => { setToken('', false); toast('Token forgotten'); close(true); } }, 'Forget') : false,
      h('button', { class: 'primary', id: 'use' }, 'Use this token')))) || false;
}
