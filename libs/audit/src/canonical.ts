import { isHidden, isUserMap } from './redaction.js';

/** What a record may hold; `undefined` members are left out. */
export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/**
 * RFC 8785 (JCS) text of a value: members sorted by UTF-16 code units, ECMAScript's numbers and string escapes.
 * Throws TypeError for what JSON cannot hold (NaN, infinities, bytes).
 */
export function canonicalJson(value: Json): string {
  return write(value, false);
}

/** The same, without the members that no log may hold (see redaction.ts). */
export function redactedJson(value: Json): string {
  return write(value, true);
}

function write(value: Json, redact: boolean): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return writeObject(value, redact);
    default:
      throw new TypeError(`a record cannot hold a ${typeof value}`);
  }
}

function writeObject(value: readonly Json[] | { readonly [key: string]: Json } | null, redact: boolean): string {
  if (value === null) return 'null';
  if (isArray(value)) return `[${value.map((item) => write(item === undefined ? null : item, redact)).join(',')}]`;
  if (value instanceof Uint8Array || value instanceof Date)
    throw new TypeError('a record holds text, no bytes or dates');
  return writeMembers(value, redact);
}

function isArray(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

function writeMembers(value: { readonly [key: string]: Json }, redact: boolean): string {
  const keys = Object.keys(value);
  // The default order of sort() is by UTF-16 code units, as RFC 8785 §3.2.3 wants.
  if (keys.length > 1) keys.sort();
  let text = '{';
  for (const key of keys) {
    const member = value[key];
    if (member === undefined || (redact && isHidden(key))) continue;
    const written = write(member, redact && !isUserMap(key));
    text += `${text === '{' ? '' : ','}${writeString(key)}:${written}`;
  }
  return `${text}}`;
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('a record cannot hold NaN or an infinity');
  return Object.is(value, -0) ? '0' : String(value);
}

// Everything that needs escaping, and every surrogate, so that a lone one is never overlooked.
// eslint-disable-next-line no-control-regex
const special = /["\\\u0000-\u001f\ud800-\udfff]/;
// In a Unicode pattern this class matches only what is not half of a pair.
const loneSurrogates = /\p{Surrogate}/gu;

/**
 * A JSON string literal. Most strings need no escape and skip JSON.stringify. A lone surrogate, which RFC 8785 §3.2.2.2
 * refuses and UTF-8 cannot hold, becomes U+FFFD: what a caller sends must never keep its call out of the log.
 */
export function writeString(value: string): string {
  if (!special.test(value)) return `"${value}"`;
  return JSON.stringify(value.replace(loneSurrogates, '\ufffd'));
}
