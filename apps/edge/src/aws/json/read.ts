import { KeysteadError } from '@keystead/errors';

/** A JSON object as JSON.parse gives it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads one member. `absent` is what a message holds when the member was not sent. */
export interface Reader<T> {
  readonly read: (value: unknown) => T;
  readonly absent?: T;
}

/** A reader for every field of a message: a new field of the contract does not compile until it is translated. */
export type RequestShape<T> = { readonly [K in keyof T]-?: Reader<NonNullable<T[K]>> };

/** Reads a whole structure; members that are not known are ignored, as AWS does. Throws Serialization. */
export function structure<T>(shape: RequestShape<T>): Reader<T> {
  const fields = Object.entries<Reader<unknown>>(shape).map(
    ([field, reader]) => [field, memberName(field), reader] as const,
  );
  return {
    read: (value) => {
      const object = asObject(value);
      const message: Record<string, unknown> = {};
      for (const [field, member, reader] of fields) {
        const given = object[member];
        if (given !== undefined && given !== null) message[field] = reader.read(given);
        else if (reader.absent !== undefined) message[field] = reader.absent;
      }
      return message as T;
    },
  };
}

/** AWS's member name of a field: `keyId` is KeyId, and `startTimeMs` (milliseconds between services) is StartTime. */
export function memberName(field: string): string {
  const name = field.endsWith('Ms') ? field.slice(0, -2) : field;
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export const text: Reader<string> = { read: (value) => (typeof value === 'string' ? value : wrong(value, 'a String')) };

export const flag: Reader<boolean> = {
  read: (value) => (typeof value === 'boolean' ? value : wrong(value, 'a Boolean')),
};

/** A 32-bit integer. */
export const integer: Reader<number> = {
  read: (value) => (typeof value === 'number' && (value | 0) === value ? value : wrong(value, 'an Integer')),
};

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Bytes in base64 (RFC 4648 §4) with padding. */
export const blob: Reader<Uint8Array> = {
  read: (value) => {
    if (typeof value !== 'string') return wrong(value, 'a ByteBuffer');
    if (value.length % 4 !== 0 || !base64.test(value)) throw serialization('Invalid base64 in a blob.');
    return Buffer.from(value, 'base64');
  },
};

/** Seconds since 1970, perhaps with a fraction, to milliseconds. */
export const timestamp: Reader<bigint> = {
  read: (value) => {
    const ms = typeof value === 'number' ? Math.round(value * 1000) : NaN;
    return Number.isSafeInteger(ms) ? BigInt(ms) : wrong(value, 'a Timestamp');
  },
};

export function list<T>(item: Reader<T>): Reader<T[]> {
  return { read: (value) => (Array.isArray(value) ? value.map(item.read) : wrong(value, 'a List')), absent: [] };
}

export const texts = list(text);

/** A map of strings. The parsed object itself is handed on: assigning would lose a key named `__proto__`. */
export const textMap: Reader<Record<string, string>> = {
  read: (value) => {
    const object = asObject(value);
    for (const item of Object.values(object)) if (typeof item !== 'string') wrong(item, 'a String');
    return object as Record<string, string>;
  },
  absent: {},
};

function asObject(value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  return wrong(value, 'a structure or map');
}

function wrong(value: unknown, wanted: string): never {
  throw serialization(`${kind(value)} can not be converted to ${wanted}`);
}

function kind(value: unknown): string {
  if (value === null) return 'NULL_VALUE';
  if (Array.isArray(value)) return 'LIST_VALUE';
  return typeof value === 'object' ? 'STRUCTURE_VALUE' : `${(typeof value).toUpperCase()}_VALUE`;
}

function serialization(message: string): KeysteadError {
  return new KeysteadError('Serialization', message);
}
