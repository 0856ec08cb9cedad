import { memberName } from './read.js';

/** Writes one field as JSON; undefined leaves it out. */
export type Writer<T> = (value: T) => unknown;

/** A writer for every field of a message. */
export type ResponseShape<T> = { readonly [K in keyof T]-?: Writer<NonNullable<T[K]>> };

/** Writes a structure. `names` overrides the names that the rule does not give. */
export function object<T>(shape: ResponseShape<T>, names: Readonly<Record<string, string>> = {}): Writer<T> {
  const fields = Object.entries<Writer<never>>(shape).map(
    ([field, write]) => [field, names[field] ?? memberName(field), write as Writer<unknown>] as const,
  );
  return (message) => {
    const json: Record<string, unknown> = {};
    for (const [field, member, write] of fields) {
      const value = (message as Record<string, unknown>)[field];
      if (value !== undefined) json[member] = write(value);
    }
    return json;
  };
}

/** Text, numbers and booleans as they are. */
export const plain: Writer<string | number | boolean> = (value) => value;

/** Text and lists that AWS leaves out where they do not apply. */
export const unlessEmpty: Writer<string | readonly unknown[]> = (value) => (value.length === 0 ? undefined : value);

export const base64: Writer<Uint8Array> = (value) => {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
};

/** Milliseconds as seconds with a fraction (AWS JSON 1.1's timestamps). */
export const seconds: Writer<bigint> = (value) => Number(value) / 1000;

export function each<T>(write: Writer<T>): Writer<readonly T[]> {
  return (values) => values.map(write);
}
