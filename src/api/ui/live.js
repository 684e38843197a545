/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocking queries: ask with the last index, show what comes, ask again.
 *
 * A browser has six connections to an agent for all its tabs together (HTTP/1.1), and each waiting
 * question holds one. So a tab waits for SLOTS things at most, further ones take turns, and a tab
 * that nobody looks at waits for none; two windows side by side leave room for what is quick.
 */
import { ask, ApiError } from './api.js';

const SLOTS = 2;
const WAIT_S = 45, WAIT_IN_TURNS_S = 3;
const PAUSE_MS = 200;             // between two answers to the same question, at least;
const BYTES_PER_MS = 1000;        // a long answer is asked for more seldom, however much changes
const RETRY_MS = [500, 15000];    // first and last pause after a failure
const RETRY_DENIED_MS = 30000;

let used = 0;
const queue = [];
const watches = new Set();
let onState = () => {};

export function onLive(callback) { onState = callback; }

function takeSlot() {
  if (used < SLOTS) { used++; return Promise.resolve(); }
  return new Promise(go => queue.push(go));
}
function freeSlot() {
  const next = queue.shift();
  if (next) next(); else used--;
}

function pause(ms, signal) {
  return new Promise(done => {
    const end = () => { clearTimeout(timer); signal.removeEventListener('abort', end); done(); };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

function tell() {
  let state = 'live', why = '', index = '';
  for (const w of watches) {
    if (w.error && w.error.status !== 403) { state = 'reconnecting'; why = w.error.message; }
    else if (w.index !== '0' && !index) index = w.isOrdered ? w.index : '';
    if (!w.asked && !w.error && state === 'live') state = 'connecting';
  }
  onState(state, why, index);
}

/*
 * Calls onData(data, answer) now and after each change, onError(error) while it fails, until the
 * signal is aborted. Options: query; every (ms, for what cannot block); missing (a 404 is null);
 * isOrdered (false: the index is no number that grows, as that of events).
 */
export function watch(what, { query = {}, every = 0, missing = false, isOrdered = true, signal }, onData, onError) {
  const w = { index: '0', error: null, asked: false, isOrdered, isWaiting: !every, cost: 0, stop: null };
  watches.add(w);
  signal.addEventListener('abort', () => { watches.delete(w); w.stop?.abort(); });
  run(w, { what, query, every, missing, isOrdered, signal }, onData, onError);
}

async function run(w, o, onData, onError) {
  for (let failures = 0; !o.signal.aborted;) {
    w.stop = new AbortController();
    if (document.hidden) { await pause(1e9, w.stop.signal); continue; }
    let rest = o.every || PAUSE_MS;
    if (w.isWaiting) await takeSlot();
    try {
      if (!o.signal.aborted && !document.hidden) {
        await once(w, o, onData);
        failures = 0;
        rest = o.every || Math.max(PAUSE_MS, w.cost);
      }
    } catch (e) {
      if (o.signal.aborted) return;
      if (!w.stop.signal.aborted) {
        w.error = e instanceof ApiError ? e : new ApiError(0, String(e), o.what);
        if (!(e instanceof ApiError)) console.error(e);
        rest = e.status === 403 ? RETRY_DENIED_MS
          : Math.min(RETRY_MS[1], RETRY_MS[0] * 2 ** failures++) * (0.75 + Math.random() / 2);
        tell();
        onError?.(w.error);
      }
    } finally {
      if (w.isWaiting) freeSlot();
    }
    if (!o.signal.aborted) await pause(rest, w.stop.signal);
  }
}

async function once(w, o, onData) {
  const isWaiting = w.isWaiting && w.index !== '0' && !w.error;
  const wait = [...watches].filter(x => x.isWaiting).length > SLOTS || queue.length ? WAIT_IN_TURNS_S : WAIT_S;
  const query = isWaiting ? { ...o.query, index: w.index, wait: wait + 's' } : o.query;
  const answer = await ask(o.what, { query, missing: o.missing, signal: w.stop.signal, timeout: (wait * 1.1 + 15) * 1000 });
  if (o.signal.aborted) return;
  const index = answer.index || '0';
  const isNews = !w.asked || w.error || o.every || index !== w.index;
  const isBack = o.isOrdered && BigInt(index) < BigInt(w.index); // a restored snapshot: begin anew
  w.index = isBack ? '0' : index === '0' && !o.every ? '1' : index;
  w.error = null;
  w.asked = true;
  tell();
  if (!isNews) { w.cost = 0; return; }
  const began = performance.now();
  onData(answer.data, answer);
  w.cost = 3 * (performance.now() - began) + answer.text.length / BYTES_PER_MS;
}

function stir() { for (const w of watches) w.stop?.abort(); }
document.addEventListener('visibilitychange', stir);
addEventListener('online', stir);
/* Something was changed here: whatever polls asks now. */
export function refresh() { stir(); }
