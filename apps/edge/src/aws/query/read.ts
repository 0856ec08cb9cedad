import { KeysteadError } from '@keystead/errors';
import type { Form } from './form.js';

/** Reads the parameter or parameters under `name`; undefined when nothing was sent. */
export type Reader<T> = (form: Form, name: string) => T | undefined;

/** A reader for every field of a message: a new field of the contract does not compile until it is translated. */
export type RequestShape<T> = { readonly [K in keyof T]-?: Reader<NonNullable<T[K]>> };

/** Reads a structure whose parameters begin with `prefix`. */
export function structure<T>(shape: RequestShape<T>): Reader<T> {
  const fields = Object.entries<Reader<unknown>>(shape).map(
    ([field, read]) => [field, memberName(field), read] as const,
  );
  return (form, name) => {
    const message: Record<string, unknown> = {};
    let found = false;
    for (const [field, member, read] of fields) {
      const value = read(form, name === '' ? member : `${name}.${member}`);
      if (value === undefined) continue;
      message[field] = value;
      found ||= !Array.isArray(value) || value.length > 0;
    }
    return found || name === '' ? (message as T) : undefined;
  };
}

/** What AWS writes in capitals and the contract does not. */
const initialisms = [
  ['OpenIdConnect', 'OpenIDConnect'],
  ['ClientId', 'ClientID'],
  ['AwsService', 'AWSService'],
  ['Mfa', 'MFA'],
  ['Saml', 'SAML'],
  ['Ssh', 'SSH'],
] as const;

/** `userName` → `UserName`: the contract's names are AWS's in another case. */
export function memberName(field: string): string {
  const name = field.charAt(0).toUpperCase() + field.slice(1);
  return initialisms.reduce((text, [ours, theirs]) => text.replaceAll(ours, theirs), name);
}

export const text: Reader<string> = (form, name) => form.get(name);

/** A 32-bit integer. */
export const integer: Reader<number> = (form, name) => {
  const value = form.get(name);
  if (value === undefined) return undefined;
  if (!/^-?\d{1,10}$/.test(value) || (Number(value) | 0) !== Number(value)) throw invalid(value, name, 'an integer');
  return Number(value);
};

export const flag: Reader<boolean> = (form, name) => {
  const value = form.get(name)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value !== 'true' && value !== 'false') throw invalid(value, name, 'true or false');
  return value === 'true';
};

/** `Name.member.1`, `Name.member.2` …; in the order of their numbers, gaps are passed over. */
export function members<T>(read: Reader<T>): Reader<T[]> {
  return (form, name) => {
    const prefix = `${name}.member.`;
    const numbers = new Set<number>();
    for (const key of form.keys()) if (key.startsWith(prefix)) numbers.add(memberNumber(key, prefix));
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted.map((number) => read(form, `${prefix}${number}`)).filter((item) => item !== undefined);
  };
}

function memberNumber(key: string, prefix: string): number {
  const number = /^([1-9]\d{0,4})(?:\.|$)/.exec(key.slice(prefix.length))?.[1];
  if (number === undefined)
    throw new KeysteadError('Serialization', `The parameter ${key.slice(0, 128)} is malformed.`);
  return Number(number);
}

export const texts = members(text);

function invalid(value: string, name: string, wanted: string): KeysteadError {
  const at = name.charAt(0).toLowerCase() + name.slice(1);
  const shown = value.slice(0, 64);
  const constraint = `failed to satisfy constraint: Member must be ${wanted}`;
  return new KeysteadError('Validation', `1 validation error detected: Value '${shown}' at '${at}' ${constraint}`);
}
