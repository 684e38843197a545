/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one place that talks to the agent, and the one place that knows how a name becomes a URL.
 *
 * A key may be any bytes. Inside the page it is its *quoted* form: unreserved characters and
 * slashes as they are, everything else %XX. The quoted form stands in the address bar too.
 */
const DEAD_AFTER_MS = 30000;

export const session = {
  dc: '',             // the chosen datacenter; '' is the agent's own
  policy: 'allow',    // X-Consul-Default-Acl-Policy
  token: '',
  remembers: false,
};

/* ---- token: of this tab, or kept until forgotten ---- */

const stores = () => [sessionStorage, localStorage];

export function loadToken() {
  try {
    session.token = sessionStorage.getItem('disco-token') || localStorage.getItem('disco-token') || '';
    session.remembers = !!localStorage.getItem('disco-token');
  } catch { /* kept in memory only */ }
}

export function setToken(token, remember) {
  session.token = token;
  session.remembers = remember;
  try {
    for (const store of stores()) store.removeItem('disco-token');
    if (token) (remember ? localStorage : sessionStorage).setItem('disco-token', token);
  } catch { /* kept in memory only */ }
}

/* ---- names ---- */

export function quoteBytes(bytes) {
  let out = '';
  for (const b of bytes) {
    const c = String.fromCharCode(b);
    out += /[A-Za-z0-9_.~/-]/.test(c) ? c : '%' + b.toString(16).toUpperCase().padStart(2, '0');
  }
  return out;
}
export const quote = text => quoteBytes(new TextEncoder().encode(text));

/* For people: text where it is text, \xHH for what is not. */
export function unquote(quoted) {
  try {
    return decodeURIComponent(quoted);
  } catch {
    return quoted.replace(/(?:%[0-9A-F]{2})+/g, run => {
      try { return decodeURIComponent(run); } catch { return run.replaceAll('%', '\\x'); }
    });
  }
}

/* A slash within a key is %2F, or the browser would tidy up `a/../b` and `a//b`. */
export const keyPath = quoted => 'kv/' + quoted.replaceAll('/', '%2F');
/* Browsers take even %2E for a dot, so these two keys cannot be asked for. */
export const isReachable = quoted => quoted !== '.' && quoted !== '..';
export const path = (...parts) => parts.map(encodeURIComponent).join('/');

export function fromBase64(text) {
  return Uint8Array.from(atob(text || ''), c => c.charCodeAt(0));
}

/* ---- asking ---- */

/* The right that a question needs, for the denials that do not name it; docs: ACL rules. */
function rightOf(what, method, query) {
  const [family, ...rest] = what.split('?')[0].split('/');
  const name = unquote(rest.join('/')), last = unquote(rest.slice(1).join('/'));
  const verb = method === 'GET' ? 'read' : 'write';
  switch (family) {
    case 'kv': return `key:${verb} on ${name || 'all keys'}${query.recurse !== undefined || query.keys !== undefined ? ' and what is below' : ''}`;
    case 'catalog': case 'health': case 'internal': return `node:read and service:read${last ? ' on ' + last : ''}`;
    case 'session': return `session:${verb} on its node`;
    case 'event': return `event:${verb}${last ? ' on ' + last : ''}`;
    case 'coordinate': return 'node:read';
    case 'agent': return 'agent:read on this agent';
    default: return '';
  }
}

export class ApiError extends Error {
  constructor(status, text, what, right = '') {
    super(text || (status ? `The agent answered ${status}.` : 'The agent does not answer.'));
    if (status === 403 && right && !/lacks permission/.test(text)) this.message = `${text.replace(/[.]?$/, '.')} It takes ${right}.`;
    this.status = status;
    this.what = what;
  }
}

/* {data, text, index}; a 404 is null data when `missing` is set, and an error otherwise. */
export async function ask(what, { method = 'GET', query = {}, body, signal, missing = false, timeout = DEAD_AFTER_MS } = {}) {
  const url = new URL('/v1/' + what, location.origin);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (session.dc) url.searchParams.set('dc', session.dc);
  const signals = [AbortSignal.timeout(timeout)];
  if (signal) signals.push(signal);
  let response, text;
  try {
    response = await fetch(url, {
      method, body, signal: AbortSignal.any(signals), cache: 'no-store', credentials: 'omit', redirect: 'error',
      headers: session.token ? { 'X-Consul-Token': session.token } : {},
    });
    text = await response.text();
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new ApiError(0, '', what);
  }
  session.policy = response.headers.get('X-Consul-Default-Acl-Policy') || session.policy;
  const index = response.headers.get('X-Consul-Index');
  if (response.status === 404 && missing) return { data: null, text, index };
  if (!response.ok) throw new ApiError(response.status, text.trim(), what, rightOf(what, method, query));
  const isJson = (response.headers.get('Content-Type') || '').startsWith('application/json');
  return { data: isJson ? JSON.parse(text) : text, text, index };
}
