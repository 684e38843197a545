/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A value is bytes. Text is shown only where the way back gives the same bytes. */

/* {text, isCrlf}, or null: not UTF-8, has control characters, or line ends that a text area would
 * make alike. */
export function textOf(bytes) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return null;
  const isCrlf = text.includes('\r');
  if (isCrlf && /\r(?!\n)|(^|[^\r])\n/.test(text)) return null;
  return { text: isCrlf ? text.replaceAll('\r\n', '\n') : text, isCrlf };
}

export const bytesOfText = (text, isCrlf) => new TextEncoder().encode(isCrlf ? text.replaceAll('\n', '\r\n') : text);

export function hexOf(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += (i ? i % 16 ? i % 8 ? ' ' : '  ' : '\n' : '') + bytes[i].toString(16).padStart(2, '0');
  return out;
}

/* null: not pairs of hexadecimal digits. */
export function bytesOfHex(text) {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 || /[^0-9a-fA-F]/.test(digits)) return null;
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export const isEqual = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

/* Only white space changes: numbers keep their digits and objects their order and doubles, which
 * JSON.parse would not give back. Throws SyntaxError. */
export function prettyJson(text) {
  JSON.parse(text);
  let out = '', depth = 0;
  const line = () => '\n' + '  '.repeat(depth);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    if (token === '}' || token === ']') { depth--; out = /[{[]$/.test(out.trimEnd()) ? out.trimEnd() + token : out + line() + token; }
    else if (token === '{' || token === '[') { out += token; depth++; out += line(); }
    else if (token === ',') out += ',' + line();
    else if (token === ':') out += ': ';
    else out += token;
  }
  return out;
}
