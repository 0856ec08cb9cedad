import { KeysteadError } from '@keystead/errors';

/** The parameters of a Query request, decoded; each name once. */
export type Form = ReadonlyMap<string, string>;

const maxParameters = 2_000;

/** Reads an application/x-www-form-urlencoded body. Throws Serialization (MalformedQueryString). */
export function parseForm(body: string): Form {
  const pairs = body.split('&', maxParameters + 1);
  if (pairs.length > maxParameters) throw malformed('The request has too many parameters.');
  const form = new Map<string, string>();
  for (const pair of pairs) if (pair !== '') addPair(form, pair);
  return form;
}

/** The same from pairs that are decoded already; parameters of a signature are left out. */
export function formOf(pairs: Iterable<readonly [name: string, value: string]>): Form {
  const form = new Map<string, string>();
  for (const [name, value] of pairs) if (!/^X-Amz-/i.test(name)) add(form, name, value);
  return form;
}

function addPair(form: Map<string, string>, pair: string): void {
  const equals = pair.indexOf('=');
  const name = equals < 0 ? pair : pair.slice(0, equals);
  add(form, decode(name), equals < 0 ? '' : decode(pair.slice(equals + 1)));
}

function add(form: Map<string, string>, name: string, value: string): void {
  if (form.has(name)) throw malformed(`The parameter ${name.slice(0, 128)} is given more than once.`);
  form.set(name, value);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text);
  } catch {
    throw malformed('The query string contains a malformed escape.');
  }
}

function malformed(message: string): KeysteadError {
  return new KeysteadError('Serialization', message);
}
